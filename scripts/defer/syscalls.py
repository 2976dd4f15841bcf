"""The system calls that ``fsio`` makes, one method each, so that a fault test can put others in their place."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from . import trust

_BUFFER = 1 << 18
TICK_NS = 20_000_000 if sys.platform == "linux" else 2 * 10**9
"""How much older than the present a file's time must be for a further change to give it another one. On Linux longer
than the coarsest clock tick that stamps files (10 ms) with a margin; where the file system or the shell (Bash 3.2,
macOS's own) tells whole seconds only, two of those."""

# Never wait for a FIFO without its other end, a terminal or a leased file, and never acquire a terminal.
_AT_ONCE = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class Kernel:
    """The system calls, each as it is; an OSError passes through."""

    def open(self, path: Path, flags: int) -> int:
        """A plain file, or with O_DIRECTORY a directory: nothing else is opened, and nothing is waited for."""
        try:
            fd = os.open(path, flags | _AT_ONCE, 0o600)
        except OSError as error:
            raise trust.explained(error, path) from None
        try:
            if not flags & os.O_DIRECTORY:
                trust.check_kind(os.fstat(fd), path)
        except OSError:
            os.close(fd)
            raise
        return fd

    def close(self, fd: int) -> None:
        os.close(fd)

    def write(self, fd: int, data: bytes) -> int:
        return os.write(fd, data)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        return os.pread(fd, size, offset)

    def fsync(self, fd: int) -> None:
        if sys.platform == "darwin":
            import fcntl

            # On macOS fsync(2) hands the data to the drive, which may keep it in a cache that a power loss empties.
            try:
                fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
            except OSError as error:
                if error.errno not in (errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY):
                    raise
            else:
                return
        os.fsync(fd)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def chmod(self, fd: int, mode: int) -> None:
        os.fchmod(fd, mode)

    def chown(self, fd: int, uid: int, gid: int) -> None:
        os.fchown(fd, uid, gid)

    def fstat(self, fd: int) -> os.stat_result:
        return os.fstat(fd)

    def stat(self, path: Path) -> os.stat_result:
        return os.stat(path)

    def lstat(self, path: Path) -> os.stat_result:
        return os.lstat(path)

    def mkdir(self, path: Path) -> None:
        os.mkdir(path, 0o700)

    def rename(self, source: Path, target: Path) -> None:
        os.rename(source, target)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def rmdir(self, path: Path) -> None:
        os.rmdir(path)

    def set_mtime(self, path: Path, ns: int) -> None:
        os.utime(path, ns=(ns, ns), follow_symlinks=False)

    def listdir(self, path: Path, limit: int | None = None) -> list[str]:
        with os.scandir(path) as entries:
            return [entry.name for entry in islice(entries, limit)]

    def reader(self, path: Path) -> BinaryIO:
        return open(self.open(path, os.O_RDONLY), "rb", buffering=_BUFFER)

    def reader_state(self, stream: BinaryIO) -> os.stat_result:
        return os.fstat(stream.fileno())

    def flock(self, fd: int, operation: int) -> None:
        import fcntl

        fcntl.flock(fd, operation)

    def lock(self, path: Path, timeout: float) -> AbstractContextManager[object]:
        # Imported here: only writers pay for it.
        from . import locking

        return locking.held(path, timeout)
