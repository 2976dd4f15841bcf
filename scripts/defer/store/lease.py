"""A runner's lease: a locked file that tells everybody who shares the store that the runner lives.

A pid means nothing in another PID namespace, another host's boot is not ours, and without ``/proc`` no
start time can be read. A lock can be asked for from anywhere on the same file system, and the kernel releases
it when its holders die, whatever kills them. The runner holds it, and its keeper by inheritance
(flock(2): the lock belongs to the open file, which a fork shares); no executor does.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from defer import fsio


class Lease:
    """The lease of one runner. Nothing is held before ``take``."""

    def __init__(self, tasks_file: Path, token: str) -> None:
        self._tasks_file = tasks_file
        self.path = tasks_file.with_name(f".{tasks_file.name}.{token}.lease")
        self.fd: int | None = None

    def take(self) -> str | None:
        """Hold it from here on; its name, or None where no such file can be made: then the pid alone must do.

        The caller holds the store's lock: a lease must not be found between its making and its locking.
        """
        if self.fd is None:
            clear(self._tasks_file)
            try:
                self.fd = _hold(self.path)
            except OSError:
                return None
        return self.path.name

    def release(self, *, with_file: bool = True) -> None:
        """Give it up. Removing its file says that nobody lives; if a keeper goes on, the file must stay."""
        if self.fd is not None:
            with suppress(OSError):
                fsio.close(self.fd)
                if with_file:
                    fsio.remove(self.path)
            self.fd = None


def is_held(tasks_file: Path, name: object) -> bool | None:
    """Whether the holder of the lease of that name lives; None where a record names none, or it cannot be told."""
    if not isinstance(name, str) or not _is_lease(tasks_file, name):
        return None
    return _is_locked(tasks_file.with_name(name))


def _hold(path: Path) -> int:
    """Make a file and lock it for as long as its descriptor, or a fork's copy of it, is open: the descriptor."""
    fd = fsio.create_exclusive(path)
    try:
        fsio.kernel.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        fsio.close(fd)
        raise
    return fd


def _is_locked(path: Path) -> bool | None:
    """Whether somebody holds such a file; None where that cannot be told. Nobody holds a file that is gone."""
    try:
        with fsio.opened(path, os.O_RDONLY | os.O_NOFOLLOW) as fd:
            fsio.kernel.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def _is_lease(tasks_file: Path, name: str) -> bool:
    return name.startswith(f".{tasks_file.name}.") and name.endswith(".lease") and "/" not in name


def clear(tasks_file: Path) -> None:
    """Remove the leases of runners that were killed. The caller holds the store's lock."""
    with suppress(OSError):
        for name in fsio.names(tasks_file.parent):
            if _is_lease(tasks_file, name) and is_held(tasks_file, name) is False:
                fsio.remove(tasks_file.with_name(name))
