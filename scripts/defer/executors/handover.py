"""What a runner and an executor hand each other in files: the task as input, and the result, both named for one run.

The executor can write where they lie. It may have replaced its result by something else: a link to a file that it may
not read itself, or that must not be removed; a named pipe that nobody ever writes to; a directory. So only a plain
file with no other name is read, through the descriptor that was checked, and only names are removed.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from defer import fsio, trust

_AS_IT_STANDS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY


def make_place(directory: Path) -> None:
    """Make the directory of a task's attempts. Raises OSError; trust.Untrusted where that of all tasks is not ours.

    An earlier attempt may have put a link there, so that the next one's output, and the task itself, would be written
    to where it leads. Only we make this directory: a link in its place is removed.
    """
    fsio.ensure_directory(directory.parent, ours=True)
    if directory.is_symlink():
        fsio.remove(directory)
    fsio.ensure_directory(directory)


def give(path: Path, data: bytes) -> None:
    """Write the executor's input; its directory exists. Raises OSError; FileExistsError if anything is there."""
    fd = fsio.create_exclusive(path)
    try:
        fsio.write_all(fd, data)
    finally:
        fsio.close(fd)


def take(path: Path, limit: int) -> tuple[bytes, str | None]:
    """At most ``limit`` bytes of a result, empty if there is none, and what is odd about it. Removes its name."""
    if path.parent.is_symlink():
        return b"", "its directory is a link, and not looked into"
    try:
        raw, odd = _read(path, limit)
    except FileNotFoundError:
        return b"", None
    except OSError as error:
        raw, odd = b"", _kind_of(path) or f"it cannot be read: {error.strerror}"
    clear(path)
    return raw, odd


def _read(path: Path, limit: int) -> tuple[bytes, str | None]:
    with fsio.opened(path, _AS_IT_STANDS) as fd:
        odd = oddity(fsio.kernel.fstat(fd))
        return (b"", odd) if odd else (fsio.kernel.pread(fd, limit, 0), None)


def _kind_of(path: Path) -> str | None:
    """What is in the place of a result that could not be opened, where that is the odd thing."""
    try:
        return oddity(os.lstat(path))
    except OSError:
        return None


def oddity(state: os.stat_result) -> str | None:
    """What keeps a file of this state from being read as a result, if anything does."""
    if not stat.S_ISREG(state.st_mode):
        return f"it is {trust.kind(state.st_mode)}, and not read"
    return "it is a hard link to a file with other names, and not read" if state.st_nlink > 1 else None


def clear(*paths: Path) -> None:
    """Remove these names, whatever they lead to, and nothing else. A directory stays: what is in it is not ours."""
    for path in paths:
        with suppress(OSError):
            if not path.parent.is_symlink():
                fsio.remove(path)
