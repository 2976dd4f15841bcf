"""The lines of a file, the last one first.

A file is read backwards in blocks, so that its newest lines cost the same whatever comes before them. Memory holds one
block and one line; a line that is too long to be a record is skipped in blocks too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from defer import fsio
from defer.record import codec

_BLOCK_BYTES = 1 << 18


def lines(
    path: Path, needles: Collection[bytes] = (), is_enough: Callable[[bytes], bool] | None = None
) -> Iterator[bytes]:
    """The lines of a file as long as it is now, the last one first, each without its newline.

    Blank lines, and lines that are too long to be records, are skipped; with ``needles`` also those that
    hold none of them: a block is searched as a whole, and split only if one is found. ``is_enough`` is asked about
    one line of each block, whatever it holds: nothing before a block of which it says so is read.
    """
    stream = fsio.reader(path)
    if stream is None:
        return
    with stream:
        end, line = fsio.state_of(stream).st_size, _Line()
        while end > 0:
            start = max(0, end - _BLOCK_BYTES)
            stream.seek(start)
            block = stream.read(end - start)
            first, *others = _parts(block, needles)
            while others:
                line.prepend(others.pop())
                if whole := line.taken(needles):
                    yield whole
            if is_enough is not None and (whole := _first_whole_line(block)) and is_enough(whole):
                return
            line.prepend(first)
            end = start
        if whole := line.taken(needles):
            yield whole


def _parts(block: bytes, needles: Collection[bytes]) -> list[bytes]:
    """The parts of lines in a block; if it holds no needle, only the first and the last, which go on outside."""
    if not needles or any(needle in block for needle in needles):
        return block.split(b"\n")
    end = block.find(b"\n")
    return [block] if end < 0 else [block[:end], block[block.rfind(b"\n") + 1 :]]


def _first_whole_line(block: bytes) -> bytes:
    begin = block.find(b"\n") + 1
    end = block.find(b"\n", begin)
    return block[begin:end] if begin and end >= 0 else b""


class _Line:
    """A line whose end is known; one that is too long is counted and dropped."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def prepend(self, part: bytes) -> None:
        self._size += len(part)
        self._parts.append(part)
        if self._size >= codec.MAX_LINE_BYTES:
            self._parts.clear()

    def taken(self, needles: Collection[bytes]) -> bytes | None:
        """The line, None for one that is too long or holds none of ``needles``; the next one begins."""
        parts, size = self._parts, self._size
        self._parts, self._size = [], 0
        if size >= codec.MAX_LINE_BYTES:
            return None
        line = parts[0] if len(parts) == 1 else b"".join(reversed(parts))
        return line if not needles or any(needle in line for needle in needles) else None
