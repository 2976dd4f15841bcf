"""The lock of a file: ``flock`` and nothing else.

Where a file system does not have it, any other lock would outlive the death of its holder, and those who have
``flock`` would not see it. So nothing is done there, and the error says where and why.

A free lock is taken here, in the same steps as filelock's ``UnixFileLock``, so that each excludes the other:

- the file is opened without following a link; only its maker sets its mode;
- ``flock`` is called without waiting;
- a file without a name guards nothing: its holder has removed it (``fsio.edit_lock``), and the next file counts;
- a forked child closes its copy of the descriptor, and never unlocks it: that would unlock its parent's.

In all other cases (the lock is held, or cannot be taken) filelock takes over: it waits, and says what is wrong. Its
import takes twice as long as Python's own start, which few calls need to pay.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from . import signals
from .errors import StorageError, StoreBusy

_POLL_SECONDS = 0.005
_CANNOT = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK)
_PROC, _LOCKS = Path("/proc"), Path("/proc/locks")
# The number of a file is told with its file system, whose own number is not always the one that stat(2) tells.
_FLOCK = r"\d+: FLOCK +\S+ +\S+ (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) "
_MOUNTS = Path("/proc/self/mountinfo")


_OPENING = os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_open: dict[int, object] = {}
"""Our descriptors of lock files, each with a token of its own: a forked child may use the same number again."""


@contextmanager
def held(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock file at ``path``. Raises StoreBusy after ``timeout`` seconds, StorageError without ``flock``."""
    free = _Free()
    try:
        if free.take(path):
            yield
            return
    finally:
        free.let_go()
    with _waited_for(path, timeout):
        yield


class _Free:
    """A lock that may be free. It is let go with this object at the latest, wherever an exception comes from.

    Ctrl-C may be raised between any two lines of a program that uses us: what it left locked would shut out everybody
    for as long as the program goes on.
    """

    _fd = -1
    _token = object()

    def __init__(self) -> None:
        self._token = object()

    def take(self, path: Path) -> bool:
        """Take it, if it is free; False if filelock must take over."""
        try:
            self._fd = _opened(path)
            # Before it is locked: a child that another thread is just forking must know what to close.
            _open[self._fd] = self._token
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.fstat(self._fd).st_nlink > 0
        except OSError:
            return False

    def let_go(self) -> None:
        """Unlock it and close its file, unless that is done, or is our parent's."""
        if _open.get(self._fd) is not self._token:
            return
        # Closing alone is not enough: a child that another thread is just starting may have a copy until it has begun.
        try:
            # Where nothing can be locked, filelock is next, and says so.
            with suppress(OSError):
                fcntl.flock(self._fd, fcntl.LOCK_UN)
        finally:
            del _open[self._fd]
            os.close(self._fd)

    def __del__(self) -> None:
        self.let_go()


def _opened(path: Path) -> int:
    try:
        return os.open(path, _OPENING)
    except FileNotFoundError:
        fd = os.open(path, _OPENING | os.O_CREAT | os.O_EXCL, 0o600)
    with suppress(PermissionError):
        os.fchmod(fd, 0o600)
    return fd


def _forget_parents() -> None:
    while _open:
        os.close(_open.popitem()[0])


os.register_at_fork(after_in_child=_forget_parents)


@contextmanager
def _waited_for(path: Path, timeout: float) -> Iterator[None]:
    """The same through filelock."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=timeout, mode=0o600, poll_interval=_POLL_SECONDS, fallback_to_soft=False)
    began = time.monotonic()
    try:
        lock.acquire(cancel_check=signals.ends_waiting)
    except Timeout:
        waited = round(min(timeout, time.monotonic() - began), 2)
        raise StoreBusy(
            f"busy: {path} was held by others for {waited:g} s{_by_whom(path)} "
            "(try again, or raise DEFER_LOCK_TIMEOUT_SECONDS)"
        ) from None
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        raise StorageError(
            f"files cannot be locked on {file_system(path)}: {path}: {error.strerror} "
            "(keep it on a local disk; DEFER_RUNTIME_DIR says where the store is)"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _by_whom(path: Path) -> str:
    """Who holds the lock, where the system tells (proc_locks(5)); one of another container has no pid here."""
    with suppress(OSError, ValueError):
        number = os.stat(path).st_ino
        for line in _LOCKS.read_text().splitlines():
            found = re.match(_FLOCK, line)
            if found and int(found[2]) == number and int(found[1]) > 0:
                name = (_PROC / found[1] / "comm").read_text(errors="replace").strip()
                return f", by process {found[1]} ({name})"
    return ""


def file_system(path: Path) -> str:
    """The file system that holds ``path``, for people: where it is mounted and, where that can be told, its kind."""
    place = os.path.realpath(path.parent)
    while not os.path.ismount(place):
        place = os.path.dirname(place)
    kind = None
    with suppress(OSError):
        # The last line counts: what is mounted over another hides it.
        for line in _MOUNTS.read_text(errors="replace").splitlines():
            front, _, back = line.partition(" - ")
            if _unescaped(front.split(" ")[4]) == place:
                kind = back.split(" ")[0]
    return f"{place} ({kind})" if kind else place


def _unescaped(field: str) -> str:
    """A path of mountinfo, in which space, tab, newline and backslash are octal (proc(5))."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
