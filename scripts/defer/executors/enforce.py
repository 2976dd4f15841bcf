"""What a task's permissions come to for its agent, with the user's own settings as they are at this moment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from defer import homedir

from . import profiles, registry
from .agents.base import Cannot
from .bounds.common import Around, Bounds

_MOST_BYTES = 4 << 20


def of(agent: str, permissions: object, workspace: Path, own: Path, variables: Mapping[str, str]) -> Bounds:
    """What holds the agent to ``permissions``; nothing where they are not set. ``own``: a directory for files of ours.

    Raises profiles.Unusable for permissions that cannot be understood, Cannot for what this agent cannot be held to.
    """
    profile = profiles.read(permissions)
    if profile is None:
        return Bounds()
    if agent not in registry.AGENTS or not registry.SHIPPED[agent].is_bounded:
        raise Cannot(f"permissions: {agent} cannot be held to any (leave them out: its own settings decide)")
    module = import_module(f".bounds.{agent}", __package__)
    home = homedir.find(variables, of_account=True)
    if home is None:
        raise Cannot("permissions: HOME is not set, so that its settings cannot be looked at (set HOME)")
    around = Around(workspace, own, home, variables, os.geteuid() == 0)
    texts = {path: text for path in module.reads(around) if (text := _text(path)) is not None}
    found: Bounds = module.of(profile, around._replace(texts=texts))
    return found


def trouble(agent: str, permissions: object, workspace: Path, variables: Mapping[str, str]) -> str | None:
    """Why the agent could not be held to them as things stand; None if it can."""
    try:
        of(agent, permissions, workspace, workspace, variables)
    except (profiles.Unusable, Cannot) as error:
        return str(error)
    return None


def _text(path: Path) -> str | None:
    """What stands in a file, or the names in a directory; None for nothing there. Raises Cannot."""
    try:
        if path.is_dir():
            return "\n".join(sorted(os.listdir(path)))
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Cannot(f"permissions: {path} cannot be read: {error.strerror} (it may allow more)") from None
