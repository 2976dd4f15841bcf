"""The outbox: what is to be told and what became of it, one line each.

Whoever writes holds the store's lock, and each write is one durable append: what has been noted stays noted. Readers do
not lock. A file that has grown large is shortened before the next append: see ``box`` for what stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from defer import fsio, instants
from defer.errors import StorageError
from defer.record import codec

from . import box
from .box import Box, Delivery, Result
from .events import Notice

LONGEST_WAIT = timedelta(hours=1)
"""How long a notice waits for its next try at most."""
SHORTENED_ABOVE = 1 << 21
"""Bytes of a file that is shortened before something is appended to it."""


def read(file: Path) -> Box:
    """What the outbox says; one that is not there is empty. Raises StorageError."""
    with fsio.storage_errors(file), fsio.reader(file) or nullcontext() as stream:
        return box.of_lines(() if stream is None else codec.lines(stream))


def read_if_it_can_be(file: Path) -> Box:
    """The same for whom it is a side matter: empty where it cannot be read, which stops wakes, and they say why."""
    try:
        return read(file)
    except StorageError:
        unknown = box.of_lines(())
        unknown.is_readable = False
        return unknown


def add(file: Path, notices: Sequence[Notice], now: datetime) -> None:
    """Note what is to be told. The caller holds the store's lock; durable when it returns."""
    _append(file, ({"op": "notice", **notice} for notice in notices), now)


def settled(file: Path, results: Sequence[Result], now: datetime) -> None:
    """Note what became of deliveries. The caller holds the store's lock."""
    _append(file, ({"at": instants.to_text(now), **box.line_of(one, one.at)} for one in results), now)


def mark_read(file: Path, keys: Sequence[str], now: datetime, *, with_dropped: bool = True) -> None:
    """Note that somebody has seen these, and if told so, how many were dropped unseen.

    The caller holds the store's lock.
    """
    said: list[dict[str, Any]] = [{"op": "read", "keys": [*keys], "at": instants.to_text(now)}]
    _append(file, said + ([{"op": "dropped", "count": 0}] if with_dropped else []), now)


def acknowledge(file: Path, task_id: str, since: str | None, signature: str, now: datetime) -> None:
    """Note that nobody wants to hear of this failure again. The caller holds the store's lock."""
    said = {"op": "ack", "id": task_id, "since": since, "signature": signature, "at": instants.to_text(now)}
    _append(file, [said], now)


def end_acks(file: Path, task_ids: Sequence[str], now: datetime) -> None:
    """Note that these tasks have succeeded since somebody wanted to hear no more of their failure.

    The caller holds the store's lock.
    """
    _append(file, ({"op": "ended", "id": name, "at": instants.to_text(now)} for name in task_ids), now)


def pending(file: Path) -> list[Delivery]:
    """What is still to be sent, the oldest notice first. Raises StorageError."""
    return [*read(file).deliveries()]


def next_at(file: Path) -> datetime | None:
    """When something is to be sent next; None where nothing is."""
    return min((one.at for one in pending(file)), default=None)


def is_time(at: datetime, now: datetime) -> bool:
    """Whether something that waits until then is sent now: where the clock was set back it would wait for too long."""
    return not now < at <= now + LONGEST_WAIT


def senders_lock(file: Path) -> Path:
    """What the one process holds that sends for this outbox."""
    return file.with_name(f".{file.name}.sender")


def make_durable(file: Path) -> None:
    """Sync what another process, which may have died since, has appended."""
    with fsio.storage_errors(file):
        fsio.sync(file)


def _append(file: Path, said: Iterable[dict[str, Any]], now: datetime) -> None:
    data = b"".join(map(_line, said))
    if not data:
        return
    with fsio.storage_errors(file):
        fsio.ensure_directory(file.parent)
        state = fsio.stat(file)
        if state is not None and state.st_size > SHORTENED_ABOVE:
            # What cannot be shortened can be appended to: a full disk says so by itself.
            with suppress(OSError):
                fsio.replace(file, [*map(_line, read(file).shortened(now))], is_locked=True)
        fresh = b"" if fsio.last_bytes(file, 1) in (b"", b"\n") else b"\n"
        fsio.append(file, fresh + data)


def _line(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
