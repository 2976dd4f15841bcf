"""The monthly files of the archive and of the runs: which there are, and their lines, the newest first.

A month is read backwards in blocks, so that its newest lines cost the same whatever lies before them. Memory holds a
block and one line, and a line that is too long to be a record is passed over in blocks, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from defer import fsio
from defer.record import codec

ARCHIVE, RUNS = "deferred_", "runs_"
_BLOCK_BYTES = 1 << 18


def path_for(directory: Path, lead: str, instant: datetime) -> Path:
    """The file of the month of ``instant`` (UTC)."""
    # Not by strftime, which writes the year 999 with three digits on some systems.
    return directory / f"{lead}{instant.year:04}{instant.month:02}.jsonl"


def files(directory: Path, lead: str) -> list[Path]:
    """The monthly files of a directory, the oldest first."""
    names = fsio.names(directory)
    return [directory / name for name in names if name.startswith(lead) and name.endswith(".jsonl")]


def newest_first(path: Path) -> Iterator[bytes]:
    """The lines of a file as long as it is now, the last one first, each without its newline.

    Those that are blank, and those that are too long to be records, are passed over.
    """
    stream = fsio.reader(path)
    if stream is None:
        return
    with stream:
        end, line = fsio.state_of(stream).st_size, _Line()
        while end > 0:
            start = max(0, end - _BLOCK_BYTES)
            stream.seek(start)
            first, *others = stream.read(end - start).split(b"\n")
            while others:
                line.prepend(others.pop())
                if whole := line.taken():
                    yield whole
            line.prepend(first)
            end = start
        if whole := line.taken():
            yield whole


class _Line:
    """A line of which the end is known; what is too long is counted and let go."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def prepend(self, part: bytes) -> None:
        self._size += len(part)
        self._parts.append(part)
        if self._size >= codec.MAX_LINE_BYTES:
            self._parts.clear()

    def taken(self) -> bytes | None:
        """The line, None for one that is too long; the next one begins."""
        parts, size = self._parts, self._size
        self._parts, self._size = [], 0
        if size >= codec.MAX_LINE_BYTES:
            return None
        return parts[0] if len(parts) == 1 else b"".join(reversed(parts))
