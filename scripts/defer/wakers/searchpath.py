"""PATH, and who else could put a program where it leads.

A part that is not a full path means another directory in each working directory: a repository just cloned may bring a
``git`` or ``claude`` of its own. If other users can change a part, or a directory above it, they decide what is in
it, tomorrow too: cron's runs would start that every minute, unseen.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple


class Checked(NamedTuple):
    """A PATH without the parts that may not stand in it, and those parts, each with the reason."""

    value: str
    left_out: list[str]


def anchored(value: str) -> str:
    """The parts of PATH that are full paths; the system's own PATH where there is none."""
    parts = value.split(os.pathsep)
    full = [part for part in parts if os.path.isabs(part)]
    return value if full == parts else os.pathsep.join(full) or os.defpath


def checked(value: str) -> Checked:
    """``value`` without the parts in which somebody else, or the working directory, decides what the program is."""
    reasons = {part: trouble(part) for part in value.split(os.pathsep)}
    kept = [part for part in value.split(os.pathsep) if not reasons[part]]
    left_out = [f"{part or 'an empty part'} ({why})" for part, why in reasons.items() if why]
    return Checked(os.pathsep.join(kept) or os.defpath, left_out)


def trouble(part: str) -> str | None:
    """Why a part of PATH cannot be trusted, or None. A missing part can be trusted if nobody else could make it."""
    if not os.path.isabs(part):
        return "the working directory" if part in ("", ".") else "not a full path"
    # Check it as written, and where its links lead: others may redirect either.
    for way in dict.fromkeys((os.path.abspath(part), os.path.realpath(part))):
        why = _trouble_on(Path(way))
        if why:
            return why
    return None


def _trouble_on(way: Path) -> str | None:
    # Where root does not have its own number, as in some containers, it still owns the top directory.
    trusted = (0, os.geteuid(), os.stat("/").st_uid)
    above_is_open = False
    for directory in (*reversed(way.parents), way):
        try:
            found = os.lstat(directory)
        except FileNotFoundError:
            return "every user could make it" if above_is_open else None
        except OSError as error:
            return error.strerror or "cannot be looked at"
        which = "it" if directory == way else str(directory)
        if found.st_uid not in trusted:
            return f"{which} belongs to another user, uid {found.st_uid}"
        above_is_open = bool(found.st_mode & stat.S_IWOTH) and not stat.S_ISLNK(found.st_mode)
        # In a sticky directory above it, such as /tmp, nobody can move what is ours.
        if above_is_open and (directory == way or not found.st_mode & stat.S_ISVTX):
            return f"every user can change {which}"
    return None
