"""The only module that opens, writes, syncs, renames and locks files.

The design:

- ``Kernel`` (``syscalls``) holds the system calls, one method each. Everything here goes through ``kernel``, which a
  fault test replaces (kill before or after call N, fail it, lose what was not synced).
- ``append``: one write, one fsync. If either fails the file is cut back to its old length while the caller still holds
  the lock; a failed fsync is not tried again (the page cache may have dropped the data: Rebello et al., USENIX ATC
  2020). A new file's name, and the names of the directories above it, are synced before its first byte is written: a
  file that holds something is there to stay.
- ``replace``: a temporary file in the same directory, fsync, rename, fsync of the directory. No two writers share its
  name, nobody can guess it, and O_EXCL makes sure that it is new. If a crash leaves one behind, the next writer of that
  file removes it: at once if it holds the lock, else when it is an hour old.
- ``lock``: flock (``locking``). The descriptor is closed on exec and closed by
  us; nothing is ever started while it is held.
- Files are 0600, directories 0700, whatever the umask. An existing directory is left alone: it may be a home.
- Opening never waits, and only plain files are opened (``syscalls``). We do not work with what others own or may
  write, and never write to a file that has a second name (``trust``).
- What root makes in somebody else's directory belongs to them before it holds anything, since
  they will use it. It is given away by its descriptor, never by its name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from . import trust
from .errors import storage_error as storage_error
from .syscalls import Kernel as Kernel

_NO_FOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC
_LEFTOVER_AFTER_NS = 3600 * 10**9
_NAMES_LOOKED_AT = 1000
_LONGEST_FRONT = 200
_END_OF_NEW = re.compile(r"[0-9a-f]{16}\.new").fullmatch

kernel = Kernel()


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a StorageError that names the path and how to mend it."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


def ensure_directory(path: Path, *, ours: bool = False) -> None:
    """Make ``path`` and what is missing above it, each 0700. ``ours``: only we make it, and it may not be a link."""
    if ours:
        trust.check_directory(kernel, path, may_be_link=False)
    try:
        if not trust.is_directory(kernel, path):
            _make_directory(path)
    except FileNotFoundError:
        if stat(path.parent) is not None:
            raise
        ensure_directory(path.parent)
        # Not recursive: there are places where nothing can be made (/proc).
        _make_directory(path)


def _make_directory(path: Path) -> None:
    try:
        kernel.mkdir(path)
    except FileExistsError:
        trust.check_leads_somewhere(path)
        return
    owner = trust.owner_beside_root(kernel, path.parent)
    if owner is not None:
        with opened(path, os.O_RDONLY | os.O_DIRECTORY | _NO_FOLLOW) as fd:
            trust.give(kernel, fd, owner)


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    fd = kernel.open(path, flags)
    try:
        yield fd
    finally:
        kernel.close(fd)


def _made(path: Path, flags: int) -> int:
    """Open a file, or make it. An existing file keeps its owner."""
    owner = trust.owner_beside_root(kernel, path.parent)
    if owner is None:
        return kernel.open(path, flags | os.O_CREAT)
    while True:
        # Only a new file is given away: somebody may have put another name of a stranger's file here.
        with suppress(FileExistsError):
            fd = kernel.open(path, flags | os.O_CREAT | os.O_EXCL)
            trust.give(kernel, fd, owner)
            return fd
        with suppress(FileNotFoundError):
            return kernel.open(path, flags)


@contextmanager
def _opened_or_made(path: Path, flags: int) -> Iterator[int]:
    fd = _made(path, flags)
    try:
        yield fd
    finally:
        kernel.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte: a write to a nearly full disk may be short before one fails."""
    view = memoryview(data)
    while view:
        view = view[kernel.write(fd, bytes(view)) :]


def _vouched(fd: int, path: Path) -> os.stat_result:
    """The state of a file that is about to be written: ours, and without another name. Raises trust.Untrusted."""
    state = kernel.fstat(fd)
    trust.check_file(kernel, state, path, alone=True)
    if state.st_mode & 0o077:
        with suppress(PermissionError):
            kernel.chmod(fd, 0o600)
    return state


def lock(path: Path, timeout: float) -> AbstractContextManager[object]:
    """Hold the lock at ``path``. Raises StoreBusy after ``timeout`` seconds, StorageError where locks do not work."""
    if trust.owner_beside_root(kernel, path.parent) is not None:
        kernel.close(_made(path, os.O_RDWR | _NO_FOLLOW))
    with suppress(FileNotFoundError):
        trust.check_file(kernel, kernel.lstat(path), path, alone=False)
    return kernel.lock(path, timeout)


@contextmanager
def edit_lock(directory: Path, timeout: float) -> Iterator[None]:
    """Hold the lock for files in ``directory`` that are read, changed and written back: settings, task files.

    It leaves no file behind where people look. If the lock file is gone after waiting, the next one is taken.
    """
    path = directory / ".defer.lock"
    with storage_errors(directory):
        ensure_directory(directory)
        with lock(path, timeout):
            try:
                yield
            finally:
                with suppress(OSError):
                    kernel.unlink(path)


def append(path: Path, data: bytes | Iterable[bytes], *, name_is_synced: bool = False) -> os.stat_result:
    """Append ``data`` and sync it, or leave the file as it was; the file's state afterwards.

    The caller holds the lock that guards ``path``. An empty file counts as new, and its name is synced,
    unless the caller knows that it is synced.
    """
    with _opened_or_made(path, os.O_RDWR | os.O_APPEND | _NO_FOLLOW) as fd:
        before = _vouched(fd, path).st_size
        if before == 0 and not name_is_synced:
            _sync_names(path)
        try:
            for chunk in (data,) if isinstance(data, bytes) else data:
                write_all(fd, chunk)
            kernel.fsync(fd)
        except OSError:
            with suppress(OSError):
                kernel.truncate(fd, before)
            raise
        return kernel.fstat(fd)


def _sync_names(path: Path) -> None:
    """Make the name of a file survive a power loss, and the names of the directories above that we may have made."""
    sync_directory(path.parent)
    # What root makes belongs to the owner of the place.
    ours = os.geteuid() or kernel.stat(path.parent).st_uid
    for directory in path.parent.parents:
        if kernel.stat(directory).st_uid != ours:
            break
        # We cannot have made a directory that we may not read.
        with suppress(PermissionError):
            sync_directory(directory)


def append_unlocked(path: Path, data: bytes) -> None:
    """Append one line in a single write, unsynced: O_APPEND keeps writers' lines apart (POSIX write)."""
    flags = os.O_WRONLY | os.O_APPEND | _NO_FOLLOW
    try:
        opened = _made(path, flags)
    except FileNotFoundError:
        ensure_directory(path.parent)
        opened = _made(path, flags)
    try:
        _vouched(opened, path)
        write_all(opened, data)
    finally:
        kernel.close(opened)


def truncate(path: Path, size: int) -> None:
    """Cut ``path``, which has been appended to, to ``size`` bytes and sync it."""
    with opened(path, os.O_RDWR | _NO_FOLLOW) as fd:
        kernel.truncate(fd, size)
        kernel.fsync(fd)


def replace(
    path: Path,
    chunks: Iterable[bytes],
    *,
    sync: bool = True,
    mode: int = 0o600,
    like: os.stat_result | None = None,
    is_locked: bool = False,
) -> os.stat_result:
    """Put a new file in the place of ``path``: readers see the old one or the new one, whole; its state.

    It gets the owner of ``like``. ``is_locked``: nobody else can be writing it, so that every leftover is dead.
    """
    new = path.with_name(f"{_front(path)}{os.urandom(8).hex()}.new")
    try:
        with opened(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW) as fd:
            _dress(fd, path, like, mode)
            for chunk in chunks:
                write_all(fd, chunk)
            if sync:
                kernel.fsync(fd)
            state = kernel.fstat(fd)
        kernel.rename(new, path)
    except BaseException:
        with suppress(OSError):
            kernel.unlink(new)
        raise
    if sync:
        sync_directory(path.parent)
    _clear_leftovers(path, None if is_locked else state.st_mtime_ns)
    return state


def _front(path: Path) -> str:
    """The beginning of a file's temporary names: its own name, cut where it leaves too little room."""
    name = path.name.lstrip(".")
    if len(os.fsencode(name)) > _LONGEST_FRONT:
        import zlib

        name = f"{name[:40]}~{zlib.crc32(os.fsencode(name)):08x}"
    return f".{name}."


def _dress(fd: int, path: Path, like: os.stat_result | None, mode: int) -> None:
    """Give a new file its owner and mode before it holds anything."""
    owner = trust.owner_beside_root(kernel, path, path.parent)
    if like is not None:
        with suppress(OSError):
            kernel.chown(fd, like.st_uid, like.st_gid)
    elif owner is not None:
        trust.give(kernel, fd, owner)
    if mode != 0o600:
        with suppress(PermissionError):
            kernel.chmod(fd, mode)


def _clear_leftovers(path: Path, written: int | None) -> None:
    """Remove what dead writers of ``path`` left; given ``written``, the present, only what is an hour old."""
    front = _front(path)
    with suppress(OSError):
        names = kernel.listdir(path.parent, _NAMES_LOOKED_AT)
        for name in (one for one in names if one.startswith(front) and _END_OF_NEW(one, len(front))):
            left = stat(path.with_name(name))
            if left is not None and (written is None or written - left.st_mtime_ns > _LEFTOVER_AFTER_NS):
                kernel.unlink(path.with_name(name))


def create_exclusive(path: Path) -> int:
    """A new file of ours, open for writing: the descriptor. FileExistsError if anything is there."""
    fd = kernel.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW)
    owner = trust.owner_beside_root(kernel, path.parent)
    if owner is not None:
        trust.give(kernel, fd, owner)
    return fd


def close(fd: int) -> None:
    """Close a descriptor of ``create_exclusive``."""
    kernel.close(fd)


def give_back(path: Path, size: int) -> bool:
    """Shorten a file of ours by ``size`` bytes, or to nothing; whether it had anything to give."""
    try:
        with opened(path, os.O_RDWR | _NO_FOLLOW) as fd:
            held = _vouched(fd, path).st_size
            shorten(fd, size)
    except OSError:
        return False
    return held > 0


def shorten(fd: int, size: int) -> None:
    """Give back the last ``size`` bytes of an open file, or all it has, so that others find room on a full disk."""
    with suppress(OSError):
        kernel.truncate(fd, max(0, kernel.fstat(fd).st_size - size))
        os.lseek(fd, 0, os.SEEK_END)


def sync_directory(path: Path) -> None:
    """Make a new name in the directory ``path`` survive a power loss."""
    with opened(path, os.O_RDONLY | os.O_DIRECTORY) as fd:
        kernel.fsync(fd)


def sync(path: Path) -> None:
    """Make what another process has written to ``path`` survive a power loss."""
    with opened(path, os.O_RDONLY) as fd:
        kernel.fsync(fd)


def stat(path: Path) -> os.stat_result | None:
    """The file's state, or None where there is none: no file has a name that holds a NUL."""
    try:
        return kernel.stat(path)
    except (FileNotFoundError, ValueError):
        return None


def set_mtime(path: Path, ns: int) -> None:
    """Give ``path`` the modification time ``ns`` (nanoseconds since the epoch); make it if missing."""
    try:
        kernel.set_mtime(path, ns)
    except FileNotFoundError:
        with _opened_or_made(path, os.O_WRONLY | _NO_FOLLOW):
            pass
        kernel.set_mtime(path, ns)


def touch(path: Path) -> None:
    """Move ``path``'s modification time to the file system's own present, without needing space."""
    with _opened_or_made(path, os.O_WRONLY | _NO_FOLLOW) as fd:
        # Not with O_TRUNC: the content may belong to somebody else.
        _vouched(fd, path)
        kernel.truncate(fd, 0)


def remove(path: Path) -> None:
    """Remove a file; it need not be there."""
    with suppress(FileNotFoundError):
        kernel.unlink(path)


def reader(path: Path) -> BinaryIO | None:
    """The file open for buffered reading, or None where there is none. Raises trust.Untrusted for another's."""
    try:
        stream = kernel.reader(path)
    except FileNotFoundError:
        return None
    try:
        trust.check_file(kernel, kernel.reader_state(stream), path, alone=False)
    except BaseException:
        stream.close()
        raise
    return stream


def state_of(stream: BinaryIO) -> os.stat_result:
    """The state of a file that ``reader`` opened."""
    return kernel.reader_state(stream)


def read_bounded(path: Path, limit: int) -> bytes | None:
    """At most ``limit`` bytes of a regular file, or None where there is none (links are not followed)."""
    try:
        with opened(path, os.O_RDONLY | _NO_FOLLOW) as fd:
            return kernel.pread(fd, limit, 0)
    except OSError:
        return None


def last_bytes(path: Path, size: int) -> bytes:
    """The last ``size`` bytes of ``path`` (fewer if it is shorter, none if it is not there)."""
    try:
        with opened(path, os.O_RDONLY) as fd:
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
