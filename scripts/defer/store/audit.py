"""The audit log: one line per action, ``<UTC ISO> <action> id=<id> key=value …``."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from defer import errors, exits, fsio, instants, visible
from defer.record.events import Event

_PAIR = r'[a-z_]+=(?:"(?:[^"\\]|\\.)*"|[!#-<>-\[\]-~]+)'
_LINE = rf"(\S+Z) ([a-z_]+)((?: {_PAIR})*)"
_STAMP = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_LONGEST = 1 << 20
_pattern = cache(re.compile)  # who only writes lines does not pay for reading them


class Line(NamedTuple):
    """One line, read back."""

    at: datetime
    action: str
    facts: dict[str, str]


def field(value: object) -> str:
    """``value`` as it may stand after ``key=``: plain, or a JSON string in which a terminal finds nothing to obey."""
    text = str(value)
    is_plain = text.isascii() and text.isprintable() and text
    if is_plain and " " not in text and '"' not in text and "=" not in text and "\\" not in text:
        return text
    return visible.in_json(json.dumps(text, ensure_ascii=False))


def line(event: Event) -> str:
    """One line of the log, with its newline; facts that are None are left out."""
    at, kind, task_id, facts = event
    pairs = "".join([f" {key}={field(value)}" for key, value in facts.items() if value is not None])
    name = "" if task_id is None else f" id={field(task_id)}"
    return f"{_stamp(at) if at.tzinfo is UTC else instants.to_text(at)} {kind}{name}{pairs}\n"


# Many lines tell of one moment. In UTC no two moments are equal, as an hour that comes twice is in other zones.
_stamp = lru_cache(1)(instants.to_text)


def parse(raw: bytes) -> Line | None:
    """What a line made with ``line`` says; None for one that is not whole, or not one of ours."""
    try:
        found = _pattern(_LINE).fullmatch(raw.decode().rstrip("\n"))
        if found is None:
            return None
        pairs = (pair.partition("=") for pair in _pattern(_PAIR).findall(found[3]))
        facts = {name: str(json.loads(value)) if value.startswith('"') else value for name, _, value in pairs}
        return Line(instants.from_text(found[1]), found[2], facts)
    except ValueError:
        return None


def length_of(path: Path) -> int:
    """The length of a log in bytes; 0 where none is kept."""
    state = None if str(path) == os.devnull else fsio.stat(path)
    return 0 if state is None else state.st_size


def read(path: Path, length: int) -> Iterator[tuple[str, Line | None]]:
    """Every line up to ``length`` bytes that is not blank, with its place; None for one that is not ours."""
    from . import snapshot

    # A log of no length is opened, too: what stands in its place may be a pipe.
    for where, raw in () if str(path) == os.devnull else snapshot.told(path, length):
        yield where, parse(raw) if type(raw) is bytes else None


def lately(path: Path, since: datetime) -> Iterator[tuple[bytes, bytes]]:
    """The lines from ``since`` on, the newest first, each with its stamp; what is not ours is passed over.

    Stamps have one form, so that they have the order of their moments. Raises OSError.
    """
    from . import backwards

    least = instants.to_text(since).encode()
    for raw in () if str(path) == os.devnull else backwards.lines(path):
        stamp = raw.partition(b" ")[0]
        if not _pattern(_STAMP).fullmatch(stamp):
            continue
        if stamp < least:
            return
        yield stamp, raw


def newest(path: Path, action: str) -> Line | None:
    """The last line of an action, or None; of the lines of others no more is read than their bytes. Raises OSError."""
    from . import backwards

    found = () if str(path) == os.devnull else backwards.lines(path, [f" {action} ".encode()])
    return next((line for line in map(parse, found) if line is not None and line.action == action), None)


def begins(path: Path) -> datetime | None:
    """The moment of the first line; None where no log is kept, or it begins with something else. Raises OSError."""
    stream = None if str(path) == os.devnull else fsio.reader(path)
    if stream is None:
        return None
    with stream:
        first = parse(stream.readline(_LONGEST))
    return None if first is None else first.at


class AuditLog:
    """Appends to the log file. If the log cannot be written, a line on stderr says so and the work goes on:
    the store has recorded already what was done.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._failed = ""

    def tell(self, *events: Event) -> None:
        """Write a line for each, all in one go; never raises for a failing disk."""
        if not events or str(self.path) == os.devnull:
            return
        try:
            fsio.append_unlocked(self.path, "".join(map(line, events)).encode())
        except OSError as error:
            # Once for each reason, however many lines a wake has.
            if error.strerror != self._failed:
                self._failed = str(error.strerror)
                exits.warn(f"the audit log was not written: {errors.storage_error(error, self.path)}")
