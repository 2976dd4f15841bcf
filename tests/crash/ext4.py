"""A real file system that loses power: ext4 on a loop device, shut down by ``EXT4_IOC_SHUTDOWN`` and mounted again.

With ``NOLOGFLUSH`` the kernel drops what neither the journal nor the device has, as a power cut does
(Linux, ``fs/ext4/ioctl.c``; xfstests' ``godown`` does the same). ``Ext4Kernel`` is one process at work there; put it in
the place of ``fsio.kernel``. The power goes after its operation N, and the process with it.

Paths and times are those of the machine in ``world``: the disk's present is real, the machine's is not, so that every
modification time is moved by the difference between the two.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePath
from typing import Any, BinaryIO, cast

from memfs import MUTATING, Directory, Disk, Fault, File, Killed

from defer import fsio

_SHUTDOWN = 0x8004587D
"""``_IOR('X', 125, __u32)``."""
_NO_LOG_FLUSH = struct.pack("I", 2)
_DETACH_WHEN_CLOSED = 0x4C01
"""``LOOP_CLR_FD``: a device that is in use is let go when it is no longer."""
_NEW_MOUNTS = 0x20000
"""``CLONE_NEWNS``."""
_PRIVATE = 0x4000 | 0x40000
"""``MS_REC | MS_PRIVATE``."""
_IMAGE_BYTES = 16 << 20
_TRIES = 20

_libc = ctypes.CDLL(None, use_errno=True)


def missing() -> str | None:
    """What keeps such a file system from being made here, or None."""
    if os.geteuid() != 0:
        return "only root may mount a file system"
    if not Path("/dev/loop-control").exists():
        return "there are no loop devices"
    tools = [tool for tool in ("mkfs.ext4", "losetup") if shutil.which(tool, path=_PATH) is None]
    return f"there is no {tools[0]}" if tools else None


_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def _call(name: str, *arguments: Any) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)


@contextmanager
def own_mounts() -> Iterator[None]:
    """What is mounted here is seen by this thread and its children alone.

    Whoever makes a mount namespace gets a copy of every mount, and a file system lives as long as any copy: it would
    still be the one that was shut down when it is mounted again.
    """
    before, here = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY), Path.cwd()
    try:
        _call("unshare", _NEW_MOUNTS)
        _call("mount", None, b"/", None, _PRIVATE, None)
        try:
            yield
        finally:
            _call("setns", before, _NEW_MOUNTS)
            os.chdir(here)
    finally:
        os.close(before)


class Ext4:
    """One such file system, mounted with ``options`` at ``base``/mounted."""

    def __init__(self, base: Path, options: str) -> None:
        self.root, self.options = base / "mounted", options
        self.root.mkdir()
        image = base / "image"
        with image.open("wb") as file:
            file.truncate(_IMAGE_BYTES)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True, env={"PATH": _PATH})
        self._device = _attached(image)
        self._held = os.open(self._device, os.O_RDONLY)
        self._mount()
        fcntl.ioctl(self._held, _DETACH_WHEN_CLOSED)

    def _mount(self) -> None:
        _call("mount", self._device.encode(), bytes(self.root), b"ext4", 0, self.options.encode())

    def close(self) -> None:
        _call("umount2", bytes(self.root), 0)
        os.close(self._held)

    def lose_power(self) -> None:
        """From now on every operation on it fails; what had not reached the disk is gone."""
        fd = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, _NO_LOG_FLUSH)
        finally:
            os.close(fd)

    def come_back(self) -> None:
        """Mount it again: the journal is played back."""
        _call("umount2", bytes(self.root), 0)
        self._mount()

    def at(self, path: PurePath) -> Path:
        """Where a path of the machine in ``world`` lies."""
        return self.root / path.relative_to("/")

    def put(self, disk: Disk, shift: int) -> None:
        """Hold what ``disk`` holds, all of it synced, and nothing else; times are ``shift`` ns later."""
        for name in os.listdir(self.root):
            if name != "lost+found":
                shutil.rmtree(self.root / name)
        self._put(disk.root, self.root, shift)
        fd = os.open(self.root, os.O_RDONLY)
        try:
            _call("syncfs", fd)
        finally:
            os.close(fd)

    def _put(self, node: Directory, place: Path, shift: int) -> None:
        for name, child in node.entries.items():
            if isinstance(child, Directory):
                (place / name).mkdir(mode=0o700)
                self._put(child, place / name, shift)
            else:
                (place / name).write_bytes(child.data)
                (place / name).chmod(child.mode)
                os.utime(place / name, ns=(child.mtime + shift, child.mtime + shift))

    def found(self, disk: Disk, shift: int) -> Disk:
        """What it holds, as a disk in memory like ``disk`` of which every byte is durable."""
        left = Disk(disk.seconds)
        left.operations, left.operation_ns = disk.operations, disk.operation_ns
        self._find(left, left.root, self.root, shift)
        left.make_durable()
        return left

    def _find(self, disk: Disk, node: Directory, place: Path, shift: int) -> None:
        for path in sorted(place.iterdir()):
            if path.name == "lost+found":
                continue
            if path.is_dir():
                child: File | Directory = Directory(disk.number())
                self._find(disk, cast(Directory, child), path, shift)
            else:
                child = File(disk.number(), path.stat().st_mtime_ns - shift, path.read_bytes())
            node.change({path.name: child})


def _attached(image: Path) -> str:
    """A loop device for ``image``: another process may take the free one first."""
    for _ in range(_TRIES):
        done = subprocess.run(
            ["losetup", "--find", "--show", str(image)],
            capture_output=True,
            text=True,
            env={"PATH": _PATH},
            check=False,
        )
        if done.returncode == 0:
            return done.stdout.strip()
    raise OSError(f"no loop device: {done.stderr.strip()}")


class _Moved:
    """A file's state with its modification time in the machine's present."""

    def __init__(self, state: os.stat_result, shift: int) -> None:
        self._state, self.st_mtime_ns = state, state.st_mtime_ns - shift

    @property
    def st_mtime(self) -> float:
        return self.st_mtime_ns / 1e9

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state, name)


_real = fsio.Kernel()
"""Beneath, not above: one of its methods may call another, and a path is to be moved once."""


class Ext4Kernel(fsio.Kernel):
    """One process at work on ``disk``. The power goes after operation ``fault.at`` of those that change something."""

    def __init__(self, disk: Ext4, shift: int, fault: Fault | None) -> None:
        self.disk, self.shift, self.fault = disk, shift, fault
        self.dead = False
        self.log: list[str] = []
        self._fds: set[int] = set()
        self._streams: list[BinaryIO] = []

    def die(self) -> None:
        """Be dead: what it had open is closed, all else stays as it is."""
        self.dead = True
        for fd in self._fds:
            os.close(fd)
        for stream in self._streams:
            stream.close()
        self._fds.clear()
        self._streams.clear()

    @contextmanager
    def _step(self, operation: str) -> Iterator[None]:
        if self.dead:
            raise Killed
        number = len(self.log)
        if operation in MUTATING:
            self.log.append(operation)
        try:
            yield
        finally:
            if operation in MUTATING and self.fault is not None and self.fault.at == number:
                self.disk.lose_power()
                self.die()
                raise Killed

    def _do(self, operation: str, call: Callable[..., Any], *arguments: Any) -> Any:
        with self._step(operation):
            return call(*arguments)

    def _state(self, state: os.stat_result) -> os.stat_result:
        return cast(os.stat_result, _Moved(state, self.shift))

    def open(self, path: Path, flags: int) -> int:
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        with self._step("open-w" if writes else "open-r"):
            fd = _real.open(self.disk.at(path), flags)
            self._fds.add(fd)
            return fd

    def close(self, fd: int) -> None:
        if self.dead:
            raise Killed
        self._fds.remove(fd)
        _real.close(fd)

    def write(self, fd: int, data: bytes) -> int:
        return int(self._do("write", _real.write, fd, data))

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        return bytes(self._do("pread", _real.pread, fd, size, offset))

    def fsync(self, fd: int) -> None:
        self._do("fsync", _real.fsync, fd)

    def truncate(self, fd: int, size: int) -> None:
        self._do("truncate", _real.truncate, fd, size)

    def chmod(self, fd: int, mode: int) -> None:
        self._do("chmod", _real.chmod, fd, mode)

    def chown(self, fd: int, uid: int, gid: int) -> None:
        self._do("chown", _real.chown, fd, uid, gid)

    def fstat(self, fd: int) -> os.stat_result:
        return self._state(self._do("fstat", _real.fstat, fd))

    def stat(self, path: Path) -> os.stat_result:
        return self._state(self._do("stat", _real.stat, self.disk.at(path)))

    def lstat(self, path: Path) -> os.stat_result:
        return self._state(self._do("lstat", _real.lstat, self.disk.at(path)))

    def mkdir(self, path: Path) -> None:
        self._do("mkdir", _real.mkdir, self.disk.at(path))

    def rename(self, source: Path, target: Path) -> None:
        self._do("rename", _real.rename, self.disk.at(source), self.disk.at(target))

    def unlink(self, path: Path) -> None:
        self._do("unlink", _real.unlink, self.disk.at(path))

    def rmdir(self, path: Path) -> None:
        self._do("rmdir", _real.rmdir, self.disk.at(path))

    def set_mtime(self, path: Path, ns: int) -> None:
        self._do("set_mtime", _real.set_mtime, self.disk.at(path), ns + self.shift)

    def listdir(self, path: Path, limit: int | None = None) -> list[str]:
        return list(self._do("listdir", _real.listdir, self.disk.at(path), limit))

    def reader(self, path: Path) -> BinaryIO:
        stream = cast(BinaryIO, self._do("reader", _real.reader, self.disk.at(path)))
        self._streams.append(stream)
        return stream

    def reader_state(self, stream: BinaryIO) -> os.stat_result:
        return self._state(self._do("reader_state", _real.reader_state, stream))

    def flock(self, fd: int, operation: int) -> None:
        self._do("flock", _real.flock, fd, operation)

    def lock(self, path: Path, timeout: float) -> AbstractContextManager[object]:
        @contextmanager
        def held() -> Iterator[None]:
            with self._step("lock"):
                taken = _real.lock(self.disk.at(path), timeout)
                taken.__enter__()
            try:
                yield
            finally:
                taken.__exit__(None, None, None)

        return held()
