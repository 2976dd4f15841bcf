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

    def lstat(self, path: Path) -> os.stat_result: ...

    def fstat(self, fd: int) -> os.stat_result: ...

    def chown(self, fd: int, uid: int, gid: int) -> None: ...


def check_kind(state: os.stat_result, path: object) -> None:
    """Raise Untrusted for what is not a plain file."""
    if not stat.S_ISREG(state.st_mode):
        raise Untrusted(path, f"{kind(state.st_mode)} stands where a file belongs", "move it away")


def kind(mode: int) -> str:
    """What a file of this mode is, in words."""
    kinds = {
        stat.S_IFREG: "a file",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFDIR: "a directory",
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something that is not a file")


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


def check_directory(kernel: _Kernel, path: Path, *, may_be_link: bool) -> None:
    """Raise Untrusted for a directory that others own or may write; one that is not there is nobody's yet.

    ``may_be_link``: a link of our own is followed, such as one to a larger disk. root works in the directories of
    others, but follows a link of theirs only to what is theirs: it leads where they could not write.
    """
    try:
        state = kernel.lstat(path)
        if stat.S_ISLNK(state.st_mode) and may_be_link:
            state = _led_to(kernel, path, state)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(state.st_mode):
        if may_be_link:
            # Nobody is let in by it, and whoever needs the directory is told; what does not need it goes on.
            return
        raise Untrusted(path, f"{kind(state.st_mode)} stands where a directory belongs", "move it away")
    if os.geteuid() != 0 and not is_ours(state.st_uid):
        raise _of_another(path, state)
    check_mode(state, path)


def check_link(kernel: _Kernel, path: Path) -> None:
    """Raise Untrusted for a link that another has put there; what is not a link, or is not there, passes."""
    with suppress(FileNotFoundError):
        state = kernel.lstat(path)
        if stat.S_ISLNK(state.st_mode):
            _led_to(kernel, path, state)


def check_leads_somewhere(path: Path) -> None:
    """Raise Untrusted for a link to nothing in a directory's place: to the system, what is below it is missing."""
    if os.path.islink(path) and not os.path.exists(path):
        what = "a symbolic link to nothing stands where a directory belongs"
        raise Untrusted(path, what, "remove it, or make what it leads to")


def _led_to(kernel: _Kernel, path: Path, link: os.stat_result) -> os.stat_result:
    _check_owner(kernel, link, path)
    state = kernel.stat(path)
    if not is_ours(link.st_uid) and link.st_uid != state.st_uid:
        raise Untrusted(path, f"a link of another user (uid {link.st_uid}) leads to what is not theirs", "remove it")
    return state


def check_program(path: Path, owner: int) -> None:
    """Raise Untrusted for a program that somebody else can change: who can, runs what they like as us.

    ``owner``: whose store it is that names it; to root that user is as good as its own.
    """
    state = os.stat(path)
    if not is_ours(state.st_uid) and not (os.geteuid() == 0 and state.st_uid == owner) and not _is_roots(state):
        raise _of_another(path, state)
    check_mode(state, path)
    for directory in {path.parent, Path(os.path.realpath(path)).parent}:
        if is_open_to_all(os.stat(directory)):
            raise Untrusted(path, f"every user may put another in its place in {directory}", f"chmod go-w {directory}")


def _is_roots(state: os.stat_result) -> bool:
    # Where root is not to be told by its number, as in a sandbox whose user namespace maps one user, it still owns
    # the top: all programs of the system look like somebody else's there.
    return state.st_uid == os.stat("/").st_uid


def is_open_to_all(directory: os.stat_result) -> bool:
    """Whether every user may rename what is in it: all may write, and it has not the bit that keeps to owners."""
    return bool(directory.st_mode & stat.S_IWOTH) and not directory.st_mode & stat.S_ISVTX


def check_mode(state: os.stat_result, path: object) -> None:
    """Raise Untrusted for what every user may write."""
    if state.st_mode & stat.S_IWOTH:
        mode = f"mode {stat.S_IMODE(state.st_mode):04o}"
        raise Untrusted(path, f"every user may write it ({mode})", f"look through it, then: chmod go-w {path}")


def _check_owner(kernel: _Kernel, state: os.stat_result, path: Path) -> None:
    if is_ours(state.st_uid):
        return
    if os.geteuid() == 0 and kernel.stat(path.parent).st_uid == state.st_uid:
        return
    raise _of_another(path, state)


def _of_another(path: Path, state: os.stat_result) -> Untrusted:
    return Untrusted(path, f"it belongs to another user (uid {state.st_uid})", "move it away, or chown it")


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
