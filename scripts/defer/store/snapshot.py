"""All records of a JSON-lines store as of one moment, read one line at a time.

Under the store's lock the store is opened and the length of each month's file is noted. Those files only grow, and a
rewrite gives the store a new file, so that the reading itself needs no lock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from defer import fsio
from defer.record import codec
from defer.record.codec import BadLine, Task

from . import index, kept, months

_month_of = re.compile(r"_(\d{4})(0[1-9]|1[0-2])\.jsonl$").search


class Snapshot:
    """The files as they are when it is made, by a holder of the lock."""

    def __init__(self, path: Path, archive_dir: Path, runs_dir: Path) -> None:
        self.name = path.name
        self._current = fsio.reader(path)
        self._length = 0 if self._current is None else fsio.state_of(self._current).st_size
        since = kept.read(runs_dir)
        self._archive = _lengths(archive_dir, months.ARCHIVE, since.records)
        self._runs = _lengths(runs_dir, months.RUNS, since.records)
        began = _seconds(since.records)
        self.ended_since, self.runs_since = max(began, _first(self._archive)), max(began, _first(self._runs))
        self.logs_since = _seconds(since.logs)

    def current(self) -> Iterator[tuple[str, Task | None]]:
        if self._current is None:
            return
        with self._current as stream:
            marks = index.marks(lines(stream, self._length))
            for mark, line in zip(marks, lines(stream, self._length), strict=True):
                if mark:
                    yield self.name, codec.decode(line)
                elif line.strip() and _decoded(line) is None:
                    yield self.name, None

    def ended(self) -> Iterator[tuple[str, Task | None]]:
        return ((where, _decoded(line)) for path, length in self._archive.items() for where, line in told(path, length))

    def runs(self) -> Iterator[tuple[str, dict[str, Any] | None]]:
        return ((where, _object(line)) for path, length in self._runs.items() for where, line in told(path, length))


def length_of(path: Path) -> int:
    """The length of a file in bytes; 0 where there is none."""
    state = fsio.stat(path)
    return 0 if state is None else state.st_size


def _lengths(directory: Path, lead: str, since: datetime | None) -> dict[Path, int]:
    """The monthly files of a directory, oldest first, with their lengths."""
    return {path: length_of(path) for path in months.files(directory, lead, since)}


def _seconds(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp())


def _first(files: dict[Path, int]) -> int:
    """The beginning of the first month that has a file, in seconds since the epoch; 0 if there is none."""
    found = (_month_of(path.name) for path in files)
    starts = [int(datetime(int(one[1]), int(one[2]), 1, tzinfo=UTC).timestamp()) for one in found if one]
    return min(starts, default=0)


def lines(stream: BinaryIO, length: int) -> Iterator[bytes]:
    """The lines of a file up to ``length`` bytes; of one that is too long to be a record, the first part."""
    stream.seek(0)
    for line in codec.lines(stream):
        if length <= 0:
            return
        if type(line) is bytes:
            yield line[:length]
        elif isinstance(line, codec.Part) and line.is_first:
            yield line
        length -= len(line)


def told(path: Path, length: int) -> Iterator[tuple[str, bytes]]:
    """Every line of a file up to ``length`` bytes that is not blank, with its place."""
    stream = fsio.reader(path)
    if stream is not None:
        with stream:
            yield from ((f"{path.parent.name}/{path.name}", one) for one in lines(stream, length) if one.strip())


def _decoded(line: bytes) -> Task | None:
    try:
        return codec.decode(line)
    except BadLine:
        return None


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line) if type(line) is bytes else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
