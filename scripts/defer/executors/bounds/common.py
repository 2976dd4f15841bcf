"""What all agents have in common here: what one is bounded by, and what lies around it that could widen that.

A module of an agent has ``reads(around)``, the paths whose texts it needs to know, and ``of(profile, around)``. Both
are pure. What a profile forbids and an agent cannot be kept from is refused there (``Cannot``), never passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from defer.executors.agents.base import Cannot, Start
from defer.executors.profiles import Profile


class Bounds(NamedTuple):
    """What holds an agent to a profile: flags of its program, variables, and files of ours by their names."""

    flags: Sequence[str] = ()
    environment: Mapping[str, str] = {}
    files: Mapping[str, str] = {}

    def put_on(self, begin: Start) -> Start:
        """What is started, with these bounds. Their flags follow the words of a subcommand, before all others."""
        words = list(begin.arguments)
        at = next((number for number, word in enumerate(words) if word.startswith("-")), len(words))
        return begin._replace(
            arguments=[*words[:at], *self.flags, *words[at:]],
            environment={**begin.environment, **self.environment},
            files={**begin.files, **self.files},
        )


class Around(NamedTuple):
    """Where an agent is to run.

    ``own``: a directory of the attempt for files of ours. ``texts``: what stands in the files that ``reads`` named, as
    far as they are there; of a directory the names in it, one a line.
    """

    workspace: Path
    own: Path
    home: Path
    variables: Mapping[str, str]
    is_root: bool = False
    texts: Mapping[Path, str] = {}


def only_named_commands(product: str, profile: Profile) -> None:
    """Raise Cannot for commands of which none is named: only a sandbox could keep those in the workspace."""
    if profile.may_execute and not profile.allow:
        raise Cannot(f"permissions: {product} has no sandbox for commands: name those it may run (--allow COMMAND)")
