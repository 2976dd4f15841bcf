"""Who owns a file or directory, and whether it is one: we do not work with what others own or may write.

Whoever may write the store, the settings or an executor can run programs as us. And what is not a plain file may
make us wait for ever (a FIFO), or have effects of its own (a device). So files are opened without waiting, and
checked through the open descriptor, which nobody can replace.

*Ours* is what belongs to our user, to root, or to the owner of the running code: they can do as they like with
us anyway. If we are root, we work on a user's store in place of that user: there a file may also belong to the
owner of its directory.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from . import paths

# Errors of an open that a plain file would not have given: a FIFO without a reader and a socket
# (ENXIO; macOS: EOPNOTSUPP), a device without a driver, a link that is not to be followed, a directory.
_TELLING = {errno.ENXIO, errno.ENODEV, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ELOOP, errno.EISDIR, errno.EAGAIN}


class Untrusted(OSError):
    """A path leads to something that must not be worked with: ``strerror`` says what, ``remedy`` how to fix it."""

    def __init__(self, path: object, what: str, remedy: str) -> None:
        super().__init__(errno.EPERM, what, str(path))
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.strerror}: {self.filename} ({self.remedy})"


class _Kernel(Protocol):
    """The part of ``fsio``'s system calls that is needed here."""

    def stat(self, path: Path) -> os.stat_result: ...

    def lstat(self, path: Path) -> os.stat_result: ...

    def open(self, path: Path, flags: int) -> int: ...

    def close(self, fd: int) -> None: ...

    def chmod(self, fd: int, mode: int) -> None: ...

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
    """The same error, or Untrusted if what is at ``path`` is the reason why it could not be opened."""
    if error.errno in _TELLING:
        try:
            check_kind(os.lstat(path), path)
        except OSError as better:
            return better
    return error


def check_file(kernel: _Kernel, state: os.stat_result, path: Path, *, alone: bool) -> None:
    """Raise Untrusted for an open file that others own or may write; ``alone``: also for one with a second name.

    Writing to such a file would write to another name too, wherever that is.
    """
    check_kind(state, path)
    if alone and state.st_nlink > 1:
        remedy = "move it away, or copy it and move the copy here"
        raise Untrusted(path, f"the file has {state.st_nlink} names (hard links)", remedy)
    _check_owner(kernel, state, path)
    check_mode(state, path)


def check_directory(kernel: _Kernel, path: Path, *, may_be_link: bool) -> None:
    """Raise Untrusted for a directory that others own or may write; a missing one passes.

    ``may_be_link``: a link of our own is followed, such as one to a larger disk. root works in other users'
    directories, but follows their link only to what is theirs: it could lead where they may not write.
    """
    try:
        state = kernel.lstat(path)
        if stat.S_ISLNK(state.st_mode) and may_be_link:
            state = _led_to(kernel, path, state)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(state.st_mode):
        if may_be_link:
            # That lets nobody in. Whatever needs the directory reports it; the rest goes on.
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


def is_directory(kernel: _Kernel, path: Path) -> bool:
    """Whether a directory is there, or a link to one."""
    try:
        return stat.S_ISDIR(kernel.stat(path).st_mode)
    except OSError:
        return False


def check_leads_somewhere(path: Path) -> None:
    """Raise Untrusted for a dangling link in place of a directory: the system would only say that a file is missing."""
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
    """Raise Untrusted for a program that somebody else can change: they could run anything as us.

    ``owner``: the owner of the store that names the program; root trusts that user as it does itself.
    """
    state = os.stat(path)
    if not is_ours(state.st_uid) and not (os.geteuid() == 0 and state.st_uid == owner) and not _is_roots(state):
        raise _of_another(path, state)
    check_mode(state, path)
    for directory in {path.parent, Path(os.path.realpath(path)).parent}:
        if is_open_to_all(os.stat(directory)):
            raise Untrusted(path, f"every user may put another in its place in {directory}", f"chmod go-w {directory}")


def _is_roots(state: os.stat_result) -> bool:
    # In a sandbox whose user namespace maps only one user, root does not have its own number, and all programs of
    # the system look like somebody else's: but root still owns the top directory.
    return state.st_uid == os.stat("/").st_uid


def is_open_to_all(directory: os.stat_result) -> bool:
    """Whether every user may rename what is in it: all may write, and it does not have the sticky bit."""
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
    return uid in (0, os.geteuid()) or uid == os.stat(paths.CODE).st_uid


def owner_beside_root(kernel: _Kernel, *paths: Path) -> os.stat_result | None:
    """If we are root: the state of the first of ``paths`` that belongs to a user, who is to own what we make there."""
    if os.geteuid() == 0:
        for path in paths:
            with suppress(FileNotFoundError):
                state = kernel.stat(path)
                if state.st_uid != 0:
                    return state
    return None


def give(kernel: _Kernel, fd: int, owner: os.stat_result) -> None:
    """Give what root has just made to its rightful owner."""
    # A file system without owners, or a container's user map, may refuse: then it stays root's.
    with suppress(OSError):
        if kernel.fstat(fd).st_uid == 0:
            kernel.chown(fd, owner.st_uid, owner.st_gid)


def make_private(kernel: _Kernel, path: Path) -> int:
    """Take from everybody else what they may do with a file of ours; its mode then.

    Raises Untrusted for what is not a plain file, has a second name, or belongs to anybody but this very user.
    """
    fd = kernel.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        state = kernel.fstat(fd)
        if state.st_uid != os.geteuid():
            raise _of_another(path, state)
        if state.st_nlink > 1:
            raise Untrusted(path, f"the file has {state.st_nlink} names (hard links)", "change its mode by hand")
        kernel.chmod(fd, stat.S_IMODE(state.st_mode) & 0o700)
        return stat.S_IMODE(kernel.fstat(fd).st_mode)
    finally:
        kernel.close(fd)
