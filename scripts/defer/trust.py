"""Whose a file or a directory is, and whether it is one: what others own or may write is not worked with.

Who may write the store, the settings or an executor runs programs as us. And what is not a plain file may be
waited for without end (a FIFO), or be written to with effects of its own (a device). So a file is looked at
through its descriptor once it is open, which no name can be swapped under, and is opened without waiting.

*Ours* is what our user owns, or root, or whoever owns the code that is running: they can do as they like with
us anyway. Where we are root, a user's store is worked on in that user's place: there a file may also be of
whoever owns its directory.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Protocol

# What a system says of an open that a plain file would not have refused: a FIFO without a reader and a socket
# (ENXIO; macOS: EOPNOTSUPP), a device without a driver, a link that is not to be followed, a directory.
_TELLING = {errno.ENXIO, errno.ENODEV, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ELOOP, errno.EISDIR, errno.EAGAIN}


class Untrusted(OSError):
    """Something stands at a path that is not to be worked with: ``strerror`` says what, ``remedy`` how to mend it."""

    def __init__(self, path: object, what: str, remedy: str) -> None:
        super().__init__(errno.EPERM, what, str(path))
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.strerror}: {self.filename} ({self.remedy})"


class _Kernel(Protocol):
    """As much of ``fsio``'s system calls as is needed here."""

    def stat(self, path: Path) -> os.stat_result: ...

    def fstat(self, fd: int) -> os.stat_result: ...

    def chown(self, fd: int, uid: int, gid: int) -> None: ...


def check_kind(state: os.stat_result, path: object) -> None:
    """Raise Untrusted for what is not a plain file."""
    if not stat.S_ISREG(state.st_mode):
        raise Untrusted(path, f"{_kind(state.st_mode)} stands where a file belongs", "move it away")


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFDIR: "a directory",
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")


def explained(error: OSError, path: Path) -> OSError:
    """The same error, or what stands at ``path`` where that is why it could not be opened."""
    if error.errno in _TELLING:
        try:
            check_kind(os.lstat(path), path)
        except OSError as better:
            return better
    return error


def check_file(kernel: _Kernel, state: os.stat_result, path: Path, *, alone: bool) -> None:
    """Raise Untrusted for an open file that others own or may write; ``alone``: also for one with a second name.

    What is written to such a file is written to another, wherever that is.
    """
    check_kind(state, path)
    if alone and state.st_nlink > 1:
        remedy = "move it away, or copy it and move the copy here"
        raise Untrusted(path, f"the file has {state.st_nlink} names (hard links)", remedy)
    _check_owner(kernel, state, path)
    check_mode(state, path)


def check_mode(state: os.stat_result, path: object) -> None:
    """Raise Untrusted for what every user may write."""
    if state.st_mode & stat.S_IWOTH:
        mode = f"mode {stat.S_IMODE(state.st_mode):04o}"
        raise Untrusted(path, f"every user may write it ({mode})", f"look through it, then: chmod o-w {path}")


def _check_owner(kernel: _Kernel, state: os.stat_result, path: Path) -> None:
    if is_ours(state.st_uid):
        return
    if os.geteuid() == 0 and kernel.stat(path.parent).st_uid == state.st_uid:
        return
    raise Untrusted(path, f"it belongs to another user (uid {state.st_uid})", "move it away, or chown it")


def is_ours(uid: int) -> bool:
    """Whether that user can do as they like with us anyway."""
    return uid in (0, os.geteuid()) or uid == os.stat(__file__).st_uid


def owner_beside_root(kernel: _Kernel, *paths: Path) -> os.stat_result | None:
    """The state of the first of ``paths`` that is somebody's, where we are root: what is made there is theirs."""
    if os.geteuid() == 0:
        for path in paths:
            with suppress(FileNotFoundError):
                state = kernel.stat(path)
                if state.st_uid != 0:
                    return state
    return None


def give(kernel: _Kernel, fd: int, owner: os.stat_result) -> None:
    """Make what root has just made its rightful owner's."""
    # A file system without owners, or a container's user map, may refuse: then it stays root's.
    with suppress(OSError):
        if kernel.fstat(fd).st_uid == 0:
            kernel.chown(fd, owner.st_uid, owner.st_gid)
