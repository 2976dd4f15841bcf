"""How well a JSON-lines store is: lines that are not records, bytes that a rewrite would gain, what was set aside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from defer import fsio
from defer.record import codec
from defer.record.codec import BadLine

from . import index
from .interface import Condition

_MOST_TOLD = 20


def of(path: Path, rejected: Path) -> Condition:
    """The condition of the store at ``path``, whose torn lines are moved to ``rejected``. Raises OSError."""
    told: list[tuple[int, str]] = []
    size = spent = count = 0
    for number, is_current, line in _numbered(path):
        size += len(line)
        spent += 0 if is_current else len(line)
        why = None if is_current else _fault(line)
        if why is not None:
            spent -= len(line)
            count += 1
            told += [(number, why)] if len(told) < _MOST_TOLD else []
    return Condition(size, spent, told, count, _lines_of(rejected))


def _numbered(path: Path) -> Iterator[tuple[int, bool, bytes]]:
    """Each line with its number, from 1 on, and whether it is the current record of its id; a long one in parts."""
    stream = fsio.reader(path)
    if stream is None:
        return
    with stream:
        marks = index.marks(codec.lines(stream))
        stream.seek(0)
        number = 0
        # What was appended since belongs to another moment.
        for mark, line in zip(marks, codec.lines(stream), strict=False):
            number += not isinstance(line, codec.Part) or line.is_first
            yield number, bool(mark), line


def _fault(line: bytes) -> str | None:
    """Why a line is not a record; None for one that is, is blank, goes on, or is yet to be ended."""
    if isinstance(line, codec.Part):
        return codec.TOO_LONG if line.is_first else None
    if not line.strip() or not line.endswith(b"\n"):
        return None
    try:
        codec.decode(line)
    except BadLine as error:
        return str(error)
    return None


def _lines_of(path: Path) -> int:
    stream = fsio.reader(path)
    if stream is None:
        return 0
    with stream:
        return sum(1 for line in codec.lines(stream) if line.endswith(b"\n") and line.strip())
