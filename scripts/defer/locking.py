"""The lock of a file: ``flock`` and nothing else.

Where a file system does not have it, any other lock would outlive the death of its holder, and those who have
``flock`` would not see it. So nothing is done there, and the error says where and why.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from . import signals
from .errors import StorageError, StoreBusy

_POLL_SECONDS = 0.005
_CANNOT = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK)
_PROC, _LOCKS = Path("/proc"), Path("/proc/locks")
# The number of a file is told with its file system, whose own number is not always the one that stat(2) tells.
_FLOCK = re.compile(r"\d+: FLOCK +\S+ +\S+ (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) ").match
_MOUNTS = Path("/proc/self/mountinfo")


@contextmanager
def held(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock file at ``path``. Raises StoreBusy after ``timeout`` seconds, StorageError without ``flock``."""
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
            found = _FLOCK(line)
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
