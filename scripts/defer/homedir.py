"""The user's home directory, what the XDG Base Directory Specification puts below it, and where settings files may be.

An empty HOME counts as not set. If HOME is not set, the account's directory is used, as by a shell's ``~``,
unless the caller made up the environment. A relative HOME does not count: each run would look somewhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from . import paths
from .errors import NoHome


def find(environ: Mapping[str, str], *, of_account: bool) -> Path | None:
    """The home directory, or None where nothing names one. ``of_account``: the account's entry counts too."""
    written = environ.get("HOME") or (account() if of_account else "")
    return Path(written) if os.path.isabs(written) else None


def need(environ: Mapping[str, str], *, of_account: bool) -> Path:
    """The same; raises NoHome where nothing names one."""
    found = find(environ, of_account=of_account)
    if found is None:
        raise NoHome(environ.get("HOME", ""))
    return found


def account() -> str:
    """The home directory in the account's entry, or nothing."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a container may run as a number that nobody has
        return ""


def xdg(environ: Mapping[str, str], name: str, below_home: str, *, of_account: bool) -> Path | None:
    """The directory that the variable ``name`` names, else the one below home; a relative one is ignored."""
    written = environ.get(name, "")
    if os.path.isabs(written):
        return Path(written)
    home = find(environ, of_account=of_account)
    return None if home is None else home / below_home


def settings_path(env: Mapping[str, str]) -> Path | None:
    """The settings file: DEFER_ENV_FILE, else the first that exists of the two places it may be."""
    if env.get("DEFER_ENV_FILE"):
        return Path(env["DEFER_ENV_FILE"])
    places = (user_settings_path(env), paths.SETTINGS)
    return next((path for path in places if path is not None and path.is_file()), None)


def settings_places(env: Mapping[str, str]) -> list[Path]:
    """Every place where a settings file may be, whether there is one or not."""
    named = Path(env["DEFER_ENV_FILE"]) if env.get("DEFER_ENV_FILE") else None
    return [path for path in (named, user_settings_path(env), paths.SETTINGS) if path is not None]


def is_settings_file(found: os.stat_result, places: Iterable[Path]) -> bool:
    """Whether a file is at one of ``places``, whatever name led to it: it may hold secrets."""
    for place in places:
        with suppress(OSError):
            if os.path.samestat(found, os.stat(place)):
                return True
    return False


def user_settings_path(env: Mapping[str, str]) -> Path | None:
    """``$XDG_CONFIG_HOME/defer/env``, whether it exists or not; None where there is no home."""
    directory = of_settings(env, of_account=env is os.environ)
    return directory and directory / "env"


def of_settings(env: Mapping[str, str], *, of_account: bool) -> Path | None:
    """``$XDG_CONFIG_HOME/defer``; None where there is no home."""
    directory = xdg(env, "XDG_CONFIG_HOME", ".config", of_account=of_account)
    return directory and directory / "defer"
