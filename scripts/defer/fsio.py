"""The only room that opens, writes, syncs, renames and locks files.

Design, as bullets:

- ``Kernel`` holds the system calls, one method each; everything here goes through
  ``kernel``, which a fault test replaces (kill before or after call N, fail it, lose
  what was not synced).
- ``append``: one write, one fsync. If either fails the file is cut back to its old
  length while the caller still holds the lock; a failed fsync is not tried again
  (the page cache may have dropped the data: Rebello et al., USENIX ATC 2020).
  A new file's name, and those of the directories above it, are synced before its
  first byte is written: a file that holds something is one that stays.
- ``replace``: a temporary file in the same directory, fsync, rename, fsync of the
  directory. Its name is fixed, so what a crash leaves is overwritten, not collected.
- ``locked``: flock through filelock. The descriptor is closed on exec and closed by
  us; nothing is ever started while it is held.
- Files are 0600 and directories 0700 whatever the umask. A directory that exists is
  left as it is: it may be somebody's home.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import StorageError, StoreBusy

_NO_FOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC
_BUFFER = 1 << 18
_LOCK_POLL_SECONDS = 0.005


class Kernel:
    """The system calls, each as it is; an OSError passes through."""

    def open(self, path: Path, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC, 0o600)

    def close(self, fd: int) -> None:
        os.close(fd)

    def write(self, fd: int, data: bytes) -> int:
        return os.write(fd, data)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        return os.pread(fd, size, offset)

    def fsync(self, fd: int) -> None:
        os.fsync(fd)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def chmod(self, fd: int, mode: int) -> None:
        os.fchmod(fd, mode)

    def fstat(self, fd: int) -> os.stat_result:
        return os.fstat(fd)

    def stat(self, path: Path) -> os.stat_result:
        return os.stat(path)

    def mkdir(self, path: Path) -> None:
        os.mkdir(path, 0o700)

    def rename(self, source: Path, target: Path) -> None:
        os.rename(source, target)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def set_mtime(self, path: Path, ns: int) -> None:
        os.utime(path, ns=(ns, ns), follow_symlinks=False)

    def listdir(self, path: Path) -> list[str]:
        return os.listdir(path)

    def reader(self, path: Path) -> BinaryIO:
        return open(path, "rb", buffering=_BUFFER)

    def reader_state(self, stream: BinaryIO) -> os.stat_result:
        return os.fstat(stream.fileno())

    def flock(self, fd: int, operation: int) -> None:
        fcntl.flock(fd, operation)

    def lock(self, path: Path, timeout: float) -> AbstractContextManager[object]:
        # Imported here: only writers pay its 30 ms.
        from filelock import FileLock, Timeout

        @contextmanager
        def held() -> Iterator[None]:
            lock = FileLock(path, timeout=timeout, mode=0o600, poll_interval=_LOCK_POLL_SECONDS)
            try:
                lock.acquire()
            except Timeout:
                raise StoreBusy(
                    f"the store is busy: {path} was held for {timeout:g} s "
                    "(try again, or raise DEFER_LOCK_TIMEOUT_SECONDS)"
                ) from None
            try:
                yield
            finally:
                lock.release()

        return held()


kernel = Kernel()


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a StorageError that names the path and how to mend it."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


def storage_error(error: OSError, path: Path | str) -> StorageError:
    """The error of a disk that did not do what was asked; ``path`` where the system names none."""
    return StorageError(f"{error.strerror or error}: {error.filename or path} ({_remedy(error)})")


def _remedy(error: OSError) -> str:
    return {
        errno.ENOSPC: "free some space; nothing was changed",
        errno.EDQUOT: "free some of your quota; nothing was changed",
        errno.EFBIG: "raise the file size limit; nothing was changed",
        errno.EACCES: "check the owner and mode of it and of its directory",
        errno.EPERM: "check the owner and mode of it and of its directory",
        errno.EROFS: "the file system is read-only: set DEFER_RUNTIME_DIR to a writable place",
        errno.ENOTDIR: "a part of the path is a file: set DEFER_RUNTIME_DIR to a directory",
        errno.EEXIST: "a file stands where a directory belongs: set DEFER_RUNTIME_DIR to a directory",
        errno.EISDIR: "a directory stands where a file belongs",
        errno.ELOOP: "a symbolic link stands where a file belongs: remove it",
        errno.EIO: "the disk failed: see the system's log",
    }.get(error.errno or 0, "see the system's message")


def ensure_directory(path: Path) -> None:
    """Make ``path`` and what is missing above it, each 0700."""
    try:
        kernel.mkdir(path)
    except FileExistsError:
        return
    except FileNotFoundError:
        if stat(path.parent) is not None:
            raise
        ensure_directory(path.parent)
        # Not by calling itself: there are places where nothing can be made (/proc).
        with suppress(FileExistsError):
            kernel.mkdir(path)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    fd = kernel.open(path, flags)
    try:
        yield fd
    finally:
        kernel.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    """Write every byte: a write to a nearly full disk may be short before one fails."""
    view = memoryview(data)
    while view:
        view = view[kernel.write(fd, bytes(view)) :]


def _make_private(fd: int) -> None:
    if kernel.fstat(fd).st_mode & 0o077:
        with suppress(PermissionError):
            kernel.chmod(fd, 0o600)


def lock(path: Path, timeout: float) -> AbstractContextManager[object]:
    """Hold the lock at ``path``; StoreBusy after ``timeout`` seconds."""
    return kernel.lock(path, timeout)


def append(path: Path, data: bytes, *, name_is_synced: bool = False) -> os.stat_result:
    """Append ``data`` and sync it, or leave the file as it was; the file's state afterwards.

    The caller holds the lock that guards ``path``. An empty file counts as new, and its name is synced,
    unless the caller knows it to be.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | _NO_FOLLOW
    with _opened(path, flags) as fd:
        _make_private(fd)
        before = kernel.fstat(fd).st_size
        if before == 0 and not name_is_synced:
            _sync_names(path)
        try:
            _write_all(fd, data)
            kernel.fsync(fd)
        except OSError:
            with suppress(OSError):
                kernel.truncate(fd, before)
            raise
        return kernel.fstat(fd)


def _sync_names(path: Path) -> None:
    """Make the name of a file survive a power loss, and those of the directories above that are ours."""
    sync_directory(path.parent)
    for directory in path.parent.parents:
        if kernel.stat(directory).st_uid != os.geteuid():
            break
        # What we may not read is none that we have made.
        with suppress(PermissionError):
            sync_directory(directory)


def append_unlocked(path: Path, data: bytes) -> None:
    """Append one line in a single write, unsynced: O_APPEND keeps writers' lines apart (POSIX write)."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_FOLLOW
    try:
        opened = kernel.open(path, flags)
    except FileNotFoundError:
        ensure_directory(path.parent)
        opened = kernel.open(path, flags)
    try:
        _make_private(opened)
        _write_all(opened, data)
    finally:
        kernel.close(opened)


def truncate(path: Path, size: int) -> None:
    """Cut ``path`` to ``size`` bytes and sync it."""
    with _opened(path, os.O_RDWR | _NO_FOLLOW) as fd:
        kernel.truncate(fd, size)
        kernel.fsync(fd)


def replace(path: Path, chunks: Iterable[bytes], *, sync: bool = True) -> os.stat_result:
    """Put a new file in the place of ``path``: readers see the old one or the new one, whole; its state."""
    new = path.with_name(f".{path.name.lstrip('.')}.new")
    try:
        # A leftover, or a link somebody planted, goes: O_EXCL then vouches that the file is ours.
        with suppress(FileNotFoundError):
            kernel.unlink(new)
        with _opened(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW) as fd:
            for chunk in chunks:
                _write_all(fd, chunk)
            if sync:
                kernel.fsync(fd)
            state = kernel.fstat(fd)
        kernel.rename(new, path)
    except OSError:
        with suppress(OSError):
            kernel.unlink(new)
        raise
    if sync:
        sync_directory(path.parent)
    return state


def create_exclusive(path: Path) -> int:
    """A new file of ours, open for writing: the descriptor. FileExistsError if anything is there."""
    return kernel.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte of ``data`` to an open descriptor."""
    _write_all(fd, data)


def close(fd: int) -> None:
    """Close a descriptor of ``create_exclusive``."""
    kernel.close(fd)


def is_full(error: BaseException | None) -> bool:
    """Whether the disk, or somebody's share of it, has no room left."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def give_back(path: Path, size: int) -> bool:
    """Shorten a file of ours by ``size`` bytes, or to nothing; whether it had anything to give."""
    try:
        with _opened(path, os.O_RDWR | _NO_FOLLOW) as fd:
            held = kernel.fstat(fd).st_size
            shorten(fd, size)
    except OSError:
        return False
    return held > 0


def shorten(fd: int, size: int) -> None:
    """Give back the last ``size`` bytes of an open file, or all it has, so that others find room on a full disk."""
    with suppress(OSError):
        kernel.truncate(fd, max(0, kernel.fstat(fd).st_size - size))
        os.lseek(fd, 0, os.SEEK_END)


def hold(path: Path) -> int:
    """Make a file and lock it for as long as its descriptor, or a fork's copy of it, is open: the descriptor."""
    fd = create_exclusive(path)
    try:
        kernel.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        kernel.close(fd)
        raise
    return fd


def is_held(path: Path) -> bool | None:
    """Whether somebody holds such a file; None where that cannot be told. One that is gone is held by nobody."""
    try:
        with _opened(path, os.O_RDONLY | os.O_NONBLOCK | _NO_FOLLOW) as fd:
            kernel.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def sync_directory(path: Path) -> None:
    """Make a new name in ``path`` survive a power loss."""
    sync(path)


def sync(path: Path) -> None:
    """Make what another process has written to ``path`` survive a power loss."""
    with _opened(path, os.O_RDONLY) as fd:
        kernel.fsync(fd)


def stat(path: Path) -> os.stat_result | None:
    """The file's state, or None where there is none."""
    try:
        return kernel.stat(path)
    except FileNotFoundError:
        return None


def set_mtime(path: Path, ns: int) -> None:
    """Give ``path`` the modification time ``ns`` (nanoseconds since the epoch); make it if missing."""
    try:
        kernel.set_mtime(path, ns)
    except FileNotFoundError:
        with _opened(path, os.O_WRONLY | os.O_CREAT | _NO_FOLLOW):
            pass
        kernel.set_mtime(path, ns)


def touch(path: Path) -> None:
    """Move ``path``'s modification time to the file system's own present, without needing space."""
    with _opened(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_FOLLOW):
        pass


def remove(path: Path) -> None:
    """Remove a file; it need not be there."""
    with suppress(FileNotFoundError):
        kernel.unlink(path)


def reader(path: Path) -> BinaryIO | None:
    """The file open for buffered reading, or None where there is none."""
    try:
        return kernel.reader(path)
    except FileNotFoundError:
        return None


def state_of(stream: BinaryIO) -> os.stat_result:
    """The state of a file that ``reader`` opened."""
    return kernel.reader_state(stream)


def read_bounded(path: Path, limit: int) -> bytes | None:
    """At most ``limit`` bytes of a regular file, or None where there is none (links are not followed)."""
    try:
        with _opened(path, os.O_RDONLY | os.O_NONBLOCK | _NO_FOLLOW) as fd:
            return kernel.pread(fd, limit, 0)
    except OSError:
        return None


def last_bytes(path: Path, size: int) -> bytes:
    """The last ``size`` bytes of ``path`` (fewer if it is shorter, none if it is not there)."""
    try:
        with _opened(path, os.O_RDONLY) as fd:
            end = kernel.fstat(fd).st_size
            start = max(0, end - size)
            return kernel.pread(fd, end - start, start)
    except FileNotFoundError:
        return b""


def names(path: Path) -> list[str]:
    """The sorted names in a directory; none where it is missing."""
    try:
        return sorted(kernel.listdir(path))
    except FileNotFoundError:
        return []
