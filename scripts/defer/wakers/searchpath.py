"""PATH, and who else could put a program where it leads.

A part that is not a full path is another directory wherever somebody stands: in a repository just cloned, a ``git`` or
``claude`` of its own. A part that other users can change, or one above it, holds what they like, tomorrow too: cron's
runs would start it every minute, unseen.
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
    """``value`` without the parts where somebody else, or a directory that one happens to be in, names the program."""
    reasons = {part: trouble(part) for part in value.split(os.pathsep)}
    kept = [part for part in value.split(os.pathsep) if not reasons[part]]
    left_out = [f"{part or 'an empty part'} ({why})" for part, why in reasons.items() if why]
    return Checked(os.pathsep.join(kept) or os.defpath, left_out)


def trouble(part: str) -> str | None:
    """Why a part of PATH cannot be trusted, if so. One that is not there can be, where nobody else could make it."""
    if not os.path.isabs(part):
        return "the directory that one happens to be in" if part in ("", ".") else "not a full path"
    # As it is written, and where links lead: either way can be turned aside.
    for way in dict.fromkeys((os.path.abspath(part), os.path.realpath(part))):
        why = _trouble_on(Path(way))
        if why:
            return why
    return None


def _trouble_on(way: Path) -> str | None:
    # Where root itself is not to be told by its number, as in a container without it, it still owns the top.
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
        # In a sticky directory above, such as /tmp, nobody can move what is ours.
        if above_is_open and (directory == way or not found.st_mode & stat.S_ISVTX):
            return f"every user can change {which}"
    return None
