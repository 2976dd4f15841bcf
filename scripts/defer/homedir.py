"""The user's home directory, and what the XDG Base Directory Specification puts below it.

An empty HOME counts as not set. If HOME is not set, the account's directory is used, as by a shell's ``~``,
unless the caller made up the environment. A relative HOME does not count: each run would look somewhere else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

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
