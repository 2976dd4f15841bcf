"""What one whole read of the store knows, kept up by reading only what was appended since.

A store of a million waiting tasks is read in one pass that parses almost none of them:
a line that is plainly waiting beyond the horizon is skipped after a look at its first
bytes. ``hot`` holds the rest: what is due within the horizon, executing, or to be filed.
If an id appears more than once, the last line wins, so each line also removes what ``hot``
knew of its id.

The file that was read stays open until another takes its place: the inode number tells whether
the file is the same, and a file system may give the number of a deleted file to a new one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from defer import fsio, instants, trust
from defer.record import codec, ownform
from defer.record.codec import BadLine, Task

_REMEMBERED_BAD_LINES = 20
_MANY_SLOW_LINES = 20
_PIECE_BYTES = 1 << 20
_FEW_LINES = 1000
SUPERSEDED, RECORD, PLAIN = range(3)
"""What ``marks`` says of a line; ``PLAIN``: it is a waiting task in our own form (``ownform``)."""


class Bad(NamedTuple):
    """A complete line that is not a record: its byte offset and why."""

    offset: int
    reason: str


class Index:
    """The store's lines up to ``size``, as far as a wake at or before ``horizon`` needs them."""

    __slots__ = (
        "bad",
        "bad_lines",
        "bytes_spent",
        "horizon",
        "hot",
        "identity",
        "size",
        "slow_bytes",
        "slow_lines",
        "time",
        "torn_at",
        "_held",
        "_horizon_text",
    )

    def __init__(self, horizon: datetime) -> None:
        self.horizon = horizon
        self._horizon_text = instants.to_text(horizon).encode()
        self._held: BinaryIO | None = None
        self._forget()

    def __del__(self) -> None:
        """Close the file with its store, which nobody closes: an open file that is dropped gives a ResourceWarning."""
        self._hold(None)

    def _hold(self, stream: BinaryIO | None) -> None:
        if self._held is not None:
            self._held.close()
        self._held = stream

    def _forget(self) -> None:
        self.hot: dict[bytes, tuple[Task, int]] = {}
        self.identity: tuple[int, int] | None = None
        self.size = 0
        self.time: int | None = None
        """When the file was last changed, as of what was read: nothing but its time tells of some edits by hand."""
        self.torn_at: int | None = None
        self.bad: list[Bad] = []
        self.bad_lines = 0
        self.bytes_spent = 0
        """Bytes of lines known to be superseded or finished: what a rewrite would gain."""
        self.slow_lines = self.slow_bytes = 0
        """Lines, such as v1's or jq's, that must be read whole each time, and would not be in our own form."""

    def tasks(self) -> list[Task]:
        """The hot tasks' current records."""
        return [task for task, _ in self.hot.values()]

    def refresh(self, path: Path) -> os.stat_result | None:
        """Read what was appended, or all of it if the file is another one; the state that was read."""
        known = self._unchanged(path)
        if known is not None:
            return known
        stream = fsio.reader(path)
        if stream is None:
            self._forget()
            return None
        state = fsio.state_of(stream)
        if not self._goes_on(state):
            self._forget()
            self.identity = (state.st_dev, state.st_ino)
        self.time = state.st_mtime_ns
        self._hold(stream)
        stream.seek(self.size)
        self._read(stream)
        return state

    def _goes_on(self, state: os.stat_result) -> bool:
        """Whether what was read still stands at the beginning of this file."""
        if self.identity != (state.st_dev, state.st_ino) or state.st_size < self.size:
            return False
        return state.st_size > self.size or state.st_mtime_ns == self.time or self.torn_at is not None

    def _unchanged(self, path: Path) -> os.stat_result | None:
        """The state of a file that has nothing we have not read; None for any other."""
        state = fsio.stat(path)
        if state is None or self.torn_at is not None or not self._is_read(state, state.st_size):
            return None
        if state.st_mtime_ns != self.time:
            return None
        trust.check_file(fsio.kernel, state, path, alone=False)
        return state

    def _is_read(self, state: os.stat_result, size: int) -> bool:
        """Whether this is the file that is held open, read so far."""
        return self.identity == (state.st_dev, state.st_ino) and self.size == size

    def add(self, lines: Sequence[bytes], records: Sequence[Task], state: os.stat_result) -> None:
        """Take in what the caller has just appended, without reading it, if nothing else came between.

        The caller holds the lock, and each record is what its line says.
        """
        if self.torn_at is not None or not self._is_read(state, state.st_size - sum(map(len, lines))):
            return
        for line, task in zip(lines, records, strict=True):
            quick = codec.waiting(line)
            if not quick or quick[2] <= self._horizon_text or quick[1] in self.hot:
                self._keep(line, task)
        self.size, self.time = state.st_size, state.st_mtime_ns

    def _read(self, stream: BinaryIO) -> None:
        self.torn_at = None
        waiting, horizon, hot = codec.waiting, self._horizon_text, self.hot
        long_at: int | None = None
        for line in codec.lines(stream):
            quick = waiting(line)
            # A line that supersedes a line that matters here is read whole: it may only begin like a record.
            if quick and quick[2] > horizon and quick[1] not in hot and line.endswith(b"}\n") and type(line) is bytes:
                pass
            elif type(line) is codec.Part:
                long_at = self._take_part(line, long_at)
            elif not self._take(line):
                break
            self.size += len(line)
        if long_at is not None:
            self.torn_at = self.size = long_at

    def _take_part(self, part: codec.Part, long_at: int | None) -> int | None:
        """Skip a part of the long line that began at ``long_at``; that offset again until the line has ended."""
        start = self.size if long_at is None else long_at
        if not part.endswith(b"\n"):
            return start
        self._note_bad(start, codec.TOO_LONG)
        return None

    def _take(self, line: bytes) -> bool:
        """Take in one line; False if it is a torn last one."""
        whole = line.endswith(b"\n")
        try:
            task = codec.decode(line)
        except BadLine as error:
            if not whole:
                self.torn_at = self.size
                return False
            if line.strip():
                self._note_bad(self.size, str(error))
            else:
                self.bytes_spent += len(line)
            return True
        self._keep(line, task)
        return True

    def _keep(self, line: bytes, task: Task) -> None:
        key = task["id"].encode(errors="surrogatepass")
        self._evict(key)
        if codec.is_filed(task):
            self.bytes_spent += len(line)
        else:
            self.hot[key] = (task, len(line))
            if self._would_be_quick(line, task):
                self.slow_lines += 1
                self.slow_bytes += len(line)

    def _would_be_quick(self, line: bytes, task: Task) -> bool:
        quick = codec.quick_form(task)
        if quick is None or quick[2] <= self._horizon_text or codec.waiting(line):
            return False
        # So many are enough for a rewrite to gain something; the next read looks with care at what it leaves.
        return self.slow_lines > _MANY_SLOW_LINES or codec.canonical(line, task) != line

    def _evict(self, key: bytes) -> None:
        _, spent = self.hot.pop(key, (None, 0))
        self.bytes_spent += spent

    def _note_bad(self, offset: int, reason: str) -> None:
        self.bad_lines += 1
        if len(self.bad) < _REMEMBERED_BAD_LINES:
            self.bad.append(Bad(offset, reason))

    def is_slow(self) -> bool:
        """Whether so many lines are not in our own form that reading takes twice as long."""
        return self.slow_lines > _MANY_SLOW_LINES and self.slow_bytes * 10 > self.size


def last_bad(stream: BinaryIO, task_id: str) -> Bad | None:
    """The last line that holds the id and is not a record; a torn last line does not count."""
    needles, found, start, end = codec.needles(task_id), None, 0, 0
    for line in codec.lines(stream):
        start = start if type(line) is codec.Part and not line.is_first else end
        end += len(line)
        if (line.endswith(b"\n") or type(line) is codec.Part) and any(needle in line for needle in needles):
            try:
                codec.decode(line)
            except BadLine as error:
                found = Bad(start, str(error))
    return found


def rest(stream: BinaryIO, start: int) -> Iterator[bytes]:
    """The content of a file from ``start`` on, in pieces."""
    stream.seek(start)
    return iter(partial(stream.read, _PIECE_BYTES), b"")


def note(line: bytes, ids: set[str], found: dict[str, Task]) -> None:
    """Note the record in ``line`` if it is one of ``ids``; a filed one takes its id out."""
    try:
        record = codec.decode(line)
    except BadLine:
        return
    if record["id"] in ids:
        found.pop(record["id"], None)
        if not codec.is_filed(record):
            found[record["id"]] = record


def repeats(lines: Iterable[bytes]) -> bool:
    """Whether an id has more than one line, or any line is a filed one: whether a rewrite would drop anything."""
    seen: set[bytes] = set()
    for line in lines:
        quick = codec.waiting(line)
        if quick and type(line) is bytes:
            key = quick[1]
        else:
            try:
                task = codec.decode(line)
            except BadLine:
                continue
            if codec.is_filed(task):
                return True
            key = task["id"].encode()
        if key in seen:
            return True
        seen.add(key)
    return False


def repeats_in(path: Path) -> bool:
    """The same of a file; False where there is none."""
    stream = fsio.reader(path)
    if stream is None:
        return False
    with stream:
        return repeats(codec.lines(stream))


def marks(lines: Iterable[bytes]) -> bytearray:
    """A mark for each line: whether it is the current one of its id, and if so, in which form.

    ``SUPERSEDED`` also marks what is not a record, and a line that replaces a filed task.
    """
    found, last = bytearray(), dict[bytes, int]()
    for number, line in enumerate(lines):
        # Making the pattern takes as long as parsing this many lines.
        key = ownform.waiting_id(line) if number > _FEW_LINES and type(line) is bytes else None
        if key is not None:
            mark = PLAIN
        else:
            try:
                task = codec.decode(line)
            except BadLine:
                found.append(SUPERSEDED)
                continue
            key, mark = task["id"].encode(errors="surrogatepass"), SUPERSEDED if codec.is_filed(task) else RECORD
        before = last.get(key)
        if before is not None:
            found[before] = SUPERSEDED
        last[key] = number
        found.append(mark)
    return found
