"""A file system in memory for fault tests: it can be killed, fail, and lose what was not synced.

``Disk`` is what all processes share: the page cache and, beneath it, what is durable. One
``MemKernel`` is one process; put it in the place of ``fsio.kernel``. Three kinds of trouble:

- *kill* before, after or in the middle of operation N. Every later operation of that process
  refuses too, so that no ``finally`` tidies up behind a dead process. Its locks and open files go.
- *failure* of operation N, once or for ever after, with an errno; or a short write.
- *power loss*: ``Disk.after_power_loss`` gives the states a disk may be found in. Rules, from
  POSIX rather than from one file system's kindness: ``fsync`` of a file makes its bytes and its
  times durable, not its name; ``fsync`` of a directory makes its names durable, not that of the
  directory itself. What was not synced may be there or not, in any combination, whole, half,
  or as zeros of the right length; a rename is atomic.

Times are stamped in steps of ``TICK_NS``, as a kernel does, and the number of a file that is gone
is given to the next new one, as ext4 does.
"""

from __future__ import annotations

import errno
import fcntl
import heapq
import io
import itertools
import os
import random
import stat as modes
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path, PurePath
from typing import Any, BinaryIO, NamedTuple, cast

from defer import fsio
from defer.errors import StoreBusy

TICK_NS = 4_000_000

KILLS = ("kill-before", "kill-after", "kill-half")
"""Deaths: before the operation, after it, in the middle of a write."""
FAILURES = ("EIO", "EIO-ever", "ENOSPC", "ENOSPC-ever", "EDQUOT", "short", "short-ever")
FAULTS = (*KILLS, *FAILURES)
TELLING = ("kill-after", "kill-half", "EIO", "EIO-ever", "ENOSPC", "ENOSPC-ever", "short")
"""The others find the disk in a state that one of these finds it in, too."""

MUTATING = {
    "open-w", "write", "fsync", "truncate", "chmod", "chown", "mkdir", "rename", "unlink", "rmdir", "set_mtime",
    "lock",
}  # fmt: skip
_TAKES_SPACE = {"open-w", "write", "mkdir", "rename", "lock"}


_UNTROUBLED = nullcontext()


class Killed(BaseException):
    """This process is dead."""


class Fault(NamedTuple):
    """What goes wrong at which operation of a process (counted from 0)."""

    at: int
    kind: str

    def fits(self, operation: str) -> bool:
        """Whether such a fault can befall such an operation."""
        kind = self.kind.removesuffix("-ever")
        if kind in ("kill-half", "short"):
            return operation == "write"
        if kind in ("ENOSPC", "EDQUOT"):
            return operation in _TAKES_SPACE
        return kind in KILLS or operation != "unlock"


class Stat(NamedTuple):
    """As much of ``os.stat_result`` as the code looks at."""

    st_mode: int
    st_ino: int
    st_dev: int
    st_size: int
    st_mtime_ns: int
    st_uid: int
    st_gid: int
    st_nlink: int = 1

    @property
    def st_mtime(self) -> float:
        return self.st_mtime_ns / 1e9


class File:
    """Bytes: ``data`` as processes see them, ``durable`` as of the last fsync, ``pending`` between the two."""

    owner: tuple[int, int] | None = None

    def __init__(self, number: int, now: int, data: bytes = b"") -> None:
        self.number, self.mtime, self.mode = number, now, 0o600
        self.data = bytearray(data)
        self.durable = data
        self.pending: list[tuple[int, bytes | None]] = []
        self.opened = 0
        self.linked = True

    def put(self, offset: int, data: bytes, now: int) -> None:
        self.data[len(self.data) :] = bytes(max(0, offset - len(self.data)))
        self.data[offset : offset + len(data)] = data
        self.pending.append((offset, data))
        self.mtime = now

    def cut(self, size: int, now: int) -> None:
        if size != len(self.data):
            self.data[size:] = bytes(max(0, size - len(self.data)))
            self.pending.append((size, None))
        self.mtime = now

    def sync(self) -> None:
        self.durable, self.pending = bytes(self.data), []

    def survivors(self) -> list[bytes]:
        """The contents a power loss may leave, the likeliest first."""
        if not self.pending:
            return [self.durable]
        offset, last = self.pending[-1]
        found = [self.durable, self._applied(self.pending), self._applied(self.pending[:-1])]
        if last is not None:
            found += [
                self._applied([*self.pending[:-1], (offset, last[: len(last) // 2])]),
                self._applied([(offset, last)]),
                self._applied([*self.pending[:-1], (offset, bytes(len(last)))]),
                self._applied([*self.pending[:-1], (offset, last[:-1])]),
            ]
        return list(dict.fromkeys(found))

    def _applied(self, changes: list[tuple[int, bytes | None]]) -> bytes:
        copy = File(0, 0, self.durable)
        for offset, data in changes:
            if data is None:
                copy.cut(offset, 0)
            else:
                copy.put(offset, data, 0)
        return bytes(copy.data)


class Directory:
    """Names: ``entries`` as processes see them, ``durable`` as of the last fsync, ``pending`` between the two."""

    owner: tuple[int, int] | None = None

    def __init__(self, number: int) -> None:
        self.number, self.mtime, self.mode, self.opened = number, 0, 0o700, 0
        self.entries: dict[str, Node] = {}
        self.durable: dict[str, Node] = {}
        self.pending: list[dict[str, Node | None]] = []

    def change(self, changes: dict[str, Node | None]) -> None:
        self.pending.append(changes)
        self._apply(self.entries, changes)

    def sync(self) -> None:
        self.durable, self.pending = dict(self.entries), []

    def survivors(self) -> list[dict[str, Node]]:
        """The listings a power loss may leave."""
        count = len(self.pending)
        if count > 4:
            kept = [tuple(range(size)) for size in range(count + 1)]
            kept += [(one,) for one in range(count)]
            kept += [tuple(other for other in range(count) if other != one) for one in range(count)]
        else:
            kept = [choice for size in range(count + 1) for choice in itertools.combinations(range(count), size)]
        found = []
        for choice in kept:
            entries = dict(self.durable)
            for number in choice:
                self._apply(entries, self.pending[number])
            found.append(entries)
        return found

    @staticmethod
    def _apply(entries: dict[str, Node], changes: dict[str, Node | None]) -> None:
        for name, node in changes.items():
            if node is None:
                entries.pop(name, None)
            else:
                entries[name] = node


Node = File | Directory


class Disk:
    """What all processes share. ``seconds`` gives the present time of the machine."""

    def __init__(self, seconds: Callable[[], float] = lambda: 0.0) -> None:
        self.seconds = seconds
        self.root = Directory(1)
        self.locks: dict[str, MemKernel] = {}
        self.leases: dict[int, MemKernel] = {}
        self.operations = 0
        self.operation_ns = 20_000
        self._free: list[int] = []
        self._numbers = itertools.count(2)

    def now(self) -> int:
        """The coarse stamp of this moment; each operation takes ``operation_ns``."""
        exact = int(self.seconds() * 1e9) + self.operations * self.operation_ns
        return exact - exact % TICK_NS

    def number(self) -> int:
        return heapq.heappop(self._free) if self._free else next(self._numbers)

    def release(self, node: Node) -> None:
        """Give back the number of a file that has neither a name nor a reader."""
        if isinstance(node, File) and not node.linked and not node.opened:
            heapq.heappush(self._free, node.number)

    def unlinked(self, node: Node | None) -> None:
        if isinstance(node, File):
            node.linked = False
            self.release(node)

    def find(self, path: PurePath) -> Node:
        node: Node = self.root
        for part in path.parts[1:]:
            if not isinstance(node, Directory):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
            if part not in node.entries:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
            node = node.entries[part]
        return node

    def directory(self, path: PurePath) -> Directory:
        node = self.find(path)
        if not isinstance(node, Directory):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        return node

    def make_durable(self) -> None:
        """As ``sync`` does: nothing is pending afterwards."""
        for node in self._nodes(self.root):
            node.sync()

    def _nodes(self, node: Node) -> Iterator[Node]:
        yield node
        if isinstance(node, Directory):
            for child in node.entries.values():
                yield from self._nodes(child)

    # For tests: looking at it and changing it as somebody from outside would, without faults.

    def read(self, path: str | PurePath) -> bytes:
        try:
            node = self.find(PurePath(path))
        except OSError:
            return b""
        assert isinstance(node, File)
        return bytes(node.data)

    def names(self, path: str | PurePath) -> list[str]:
        try:
            return sorted(self.directory(PurePath(path)).entries)
        except OSError:
            return []

    def put(self, path: PurePath, data: bytes) -> None:
        """Write a file as an editor does that overwrites in place; the directory must be there."""
        entries = self.directory(path.parent)
        node = entries.entries.get(path.name)
        if not isinstance(node, File):
            node = File(self.number(), self.now())
            entries.change({path.name: node})
        node.cut(0, self.now())
        node.put(0, data, self.now())

    def clone(self) -> Disk:
        """A copy that goes its own way: same numbers, same durability."""
        twin = Disk(self.seconds)
        known: dict[int, Node] = {}
        twin.root = cast(Directory, self._copied(self.root, known))
        twin.operations, twin.operation_ns = self.operations, self.operation_ns
        twin._free = list(self._free)
        highest = max(node.number for node in known.values())
        twin._numbers = itertools.count(max([highest, *self._free]) + 1)
        return twin

    def _copied(self, node: Node, known: dict[int, Node]) -> Node:
        if id(node) in known:
            return known[id(node)]
        if isinstance(node, File):
            file = known[id(node)] = File(node.number, node.mtime, bytes(node.data))
            file.durable, file.pending, file.mode = node.durable, list(node.pending), node.mode
            file.linked, file.owner = node.linked, node.owner
            return file
        made = known[id(node)] = Directory(node.number)
        made.entries = {name: self._copied(child, known) for name, child in node.entries.items()}
        made.durable = {name: self._copied(child, known) for name, child in node.durable.items()}
        made.pending = [
            {name: child and self._copied(child, known) for name, child in change.items()} for change in node.pending
        ]
        return made

    # Power loss

    def after_power_loss(self, limit: int, seed: int = 0) -> Iterator[Disk]:
        """States the disk may be found in, distinct ones, at most ``limit``; the extreme ones come first."""
        seen: set[str] = set()
        for choose in _choosers(limit, seed):
            found = self._survivor(choose)
            mark = found.signature()
            if mark not in seen:
                seen.add(mark)
                yield found
            if len(seen) >= limit:
                return

    def _survivor(self, choose: Callable[[str, list[Any]], Any]) -> Disk:
        left = Disk(self.seconds)
        left.operations, left.operation_ns = self.operations, self.operation_ns
        known: dict[int, Node] = {}
        left.root = cast(Directory, self._survived(self.root, left, choose, known))
        return left

    def _survived(
        self, node: Node, left: Disk, choose: Callable[[str, list[Any]], Any], known: dict[int, Node]
    ) -> Node:
        if id(node) in known:
            return known[id(node)]
        if isinstance(node, File):
            file = known[id(node)] = File(left.number(), node.mtime, choose("file", node.survivors()))
            return file
        made = known[id(node)] = Directory(left.number())
        entries: dict[str, Node] = choose("directory", node.survivors())
        made.entries = {name: self._survived(child, left, choose, known) for name, child in sorted(entries.items())}
        made.durable = dict(made.entries)
        return made

    def signature(self) -> str:
        """Tells two states of the disk apart."""
        return repr(sorted(self._described(self.root, "")))

    def _described(self, node: Node, path: str) -> Iterator[tuple[str, bytes]]:
        if isinstance(node, File):
            yield path, bytes(node.data)
        else:
            yield path + "/", b""
            for name, child in node.entries.items():
                yield from self._described(child, f"{path}/{name}")


def _choosers(limit: int, seed: int) -> Iterator[Callable[[str, list[Any]], Any]]:
    """Ways of choosing what survives: nothing, everything, only names, only bytes; then at random."""
    yield lambda kind, found: found[0]
    yield lambda kind, found: found[-1] if kind == "directory" else found[min(1, len(found) - 1)]
    yield lambda kind, found: found[-1] if kind == "directory" else found[0]
    yield lambda kind, found: found[0] if kind == "directory" else found[min(1, len(found) - 1)]
    dice = random.Random(seed)  # noqa: S311
    for _ in range(limit * 3):
        yield lambda kind, found: dice.choice(found)


class _Reader(io.RawIOBase):
    """A file open for reading, which sees what is appended later."""

    def __init__(self, disk: Disk, file: File) -> None:
        self._disk, self._file, self._at = disk, file, 0
        file.opened += 1

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: len(self._file.data)}[whence]
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        piece = self._file.data[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._file.opened -= 1
            self._disk.release(self._file)
        super().close()


class MemKernel(fsio.Kernel):
    """One process at work on ``disk``; ``log`` names the operations it has made."""

    def __init__(self, disk: Disk, fault: Fault | None = None) -> None:
        self.disk, self.fault = disk, fault
        self.dead = False
        self.log: list[str] = []
        self._fds: dict[int, tuple[Node, int]] = {}
        self._next_fd = 3
        self._wrote_short = False

    def die(self) -> None:
        """Be dead: locks and open files go, all else stays as it is."""
        self.dead = True
        for node, _ in self._fds.values():
            node.opened -= 1
            self.disk.release(node)
        self._fds.clear()
        for name in [name for name, holder in self.disk.locks.items() if holder is self]:
            del self.disk.locks[name]
        for number in [number for number, holder in self.disk.leases.items() if holder is self]:
            del self.disk.leases[number]

    def _step(self, operation: str) -> AbstractContextManager[None]:
        """Around an operation; most are without trouble, so that nothing is to be done for them."""
        if self.dead:
            raise Killed
        number = len(self.log)
        self.log.append(operation)
        self.disk.operations += 1
        if self.fault is None or number < self.fault.at:
            return _UNTROUBLED
        here = self.fault.at == number
        if here and self.fault.kind == "kill-before":
            self.die()
            raise Killed
        self._maybe_fail(self.fault, number, operation)
        return self._killed_after() if here and self.fault.kind == "kill-after" else _UNTROUBLED

    @contextmanager
    def _killed_after(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.die()
            raise Killed

    def _maybe_fail(self, fault: Fault, number: int, operation: str) -> None:
        if fault.kind in KILLS:
            return
        name, _, ever = fault.kind.partition("-")
        if name == "short":
            if not (self._wrote_short and operation == "write" and (ever or number == fault.at + 1)):
                return
            name = "ENOSPC"
        elif (
            number > fault.at
            and (not ever or operation not in MUTATING)
            or number > fault.at
            and not fault.fits(operation)
        ):
            return
        code = getattr(errno, name)
        raise OSError(code, os.strerror(code))

    def _use(self, fd: int) -> tuple[Node, int]:
        if self.dead:
            raise Killed
        return self._fds[fd]

    def open(self, path: Path, flags: int) -> int:
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        with self._step("open-w" if writes else "open-r"):
            node = self._node_to_open(path, flags)
            node.opened += 1
            self._next_fd += 1
            self._fds[self._next_fd] = (node, flags)
            return self._next_fd

    def _node_to_open(self, path: Path, flags: int) -> Node:
        try:
            node = self.disk.find(path)
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
            made = File(self.disk.number(), self.disk.now())
            self.disk.directory(path.parent).change({path.name: made})
            return made
        if flags & os.O_EXCL:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        if flags & os.O_TRUNC and isinstance(node, File):
            node.cut(0, self.disk.now())
        return node

    def close(self, fd: int) -> None:
        node, _ = self._use(fd)
        with self._step("close"):
            del self._fds[fd]
            if self.disk.leases.get(node.number) is self:
                del self.disk.leases[node.number]
            node.opened -= 1
            self.disk.release(node)

    def write(self, fd: int, data: bytes) -> int:
        node, _ = self._use(fd)
        assert isinstance(node, File)
        kind = self.fault.kind if self.fault and self.fault.at == len(self.log) else ""
        with self._step("write"):
            if kind == "kill-half" or kind.startswith("short"):
                data = data[: len(data) // 2]
                self._wrote_short = True
            # Every writer of ours appends.
            node.put(len(node.data), data, self.disk.now())
            if kind == "kill-half":
                self.die()
                raise Killed
            return len(data)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        node, _ = self._use(fd)
        assert isinstance(node, File)
        with self._step("pread"):
            return bytes(node.data[offset : offset + size])

    def fsync(self, fd: int) -> None:
        node, _ = self._use(fd)
        with self._step("fsync"):
            node.sync()

    def truncate(self, fd: int, size: int) -> None:
        node, _ = self._use(fd)
        assert isinstance(node, File)
        with self._step("truncate"):
            node.cut(size, self.disk.now())

    def chown(self, fd: int, uid: int, gid: int) -> None:
        node, _ = self._use(fd)
        with self._step("chown"):
            node.owner = uid, gid

    def chmod(self, fd: int, mode: int) -> None:
        node, _ = self._use(fd)
        with self._step("chmod"):
            node.mode = mode

    def fstat(self, fd: int) -> os.stat_result:
        node, _ = self._use(fd)
        with self._step("fstat"):
            return self._stat(node)

    def stat(self, path: Path) -> os.stat_result:
        with self._step("stat"):
            return self._stat(self.disk.find(path))

    def lstat(self, path: Path) -> os.stat_result:
        return self.stat(path)

    def _stat(self, node: Node) -> os.stat_result:
        is_file = isinstance(node, File)
        kind = modes.S_IFREG if is_file else modes.S_IFDIR
        size = len(node.data) if isinstance(node, File) else 4096
        state = Stat(kind | node.mode, node.number, 7, size, node.mtime, *(node.owner or (os.geteuid(), os.getegid())))
        return cast(os.stat_result, state)

    def mkdir(self, path: Path) -> None:
        with self._step("mkdir"):
            parent = self.disk.directory(path.parent)
            if path.name in parent.entries:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
            parent.change({path.name: Directory(self.disk.number())})

    def rename(self, source: Path, target: Path) -> None:
        assert source.parent == target.parent, "a rename across directories is not atomic here"
        with self._step("rename"):
            moved = self.disk.find(source)
            parent = self.disk.directory(source.parent)
            replaced = parent.entries.get(target.name)
            parent.change({source.name: None, target.name: moved})
            self.disk.unlinked(replaced)

    def unlink(self, path: Path) -> None:
        with self._step("unlink"):
            node = self.disk.find(path)
            self.disk.directory(path.parent).change({path.name: None})
            self.disk.unlinked(node)

    def rmdir(self, path: Path) -> None:
        with self._step("rmdir"):
            if self.disk.directory(path).entries:
                raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(path))
            self.disk.directory(path.parent).change({path.name: None})

    def set_mtime(self, path: Path, ns: int) -> None:
        with self._step("set_mtime"):
            self.disk.find(path).mtime = ns

    def listdir(self, path: Path, limit: int | None = None) -> list[str]:
        with self._step("listdir"):
            return list(self.disk.directory(path).entries)[:limit]

    def reader(self, path: Path) -> BinaryIO:
        with self._step("reader"):
            node = self.disk.find(path)
            assert isinstance(node, File)
            return cast(BinaryIO, io.BufferedReader(_Reader(self.disk, node)))

    def reader_state(self, stream: BinaryIO) -> os.stat_result:
        with self._step("reader_state"):
            return self._stat(cast(Any, stream).raw._file)

    def flock(self, fd: int, operation: int) -> None:
        node, _ = self._use(fd)
        with self._step("flock"):
            holder = self.disk.leases.get(node.number)
            if holder not in (None, self):
                raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK))
            if operation & fcntl.LOCK_EX:
                self.disk.leases[node.number] = self

    def lock(self, path: Path, timeout: float) -> AbstractContextManager[object]:
        @contextmanager
        def held() -> Iterator[None]:
            with self._step("lock"):
                if str(path) in self.disk.locks:
                    raise StoreBusy(f"busy: {path} was held by others for {timeout:g} s")
                self._node_to_open(path, os.O_CREAT)
                self.disk.locks[str(path)] = self
            try:
                yield
            finally:
                with self._step("unlock"):
                    del self.disk.locks[str(path)]

        return held()
