"""The notice that a chain of attempts has scheduled as much as it may: one for all that is refused to it in a day."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from defer import instants
from defer.errors import BeyondBound
from defer.record import lineage, task
from defer.record.codec import Task
from defer.settings.config import Config

from . import events, outbox, places
from .box import Box
from .events import Notice

if TYPE_CHECKING:
    from defer.store.interface import Store

_AGAIN_AFTER = timedelta(days=1)


def tell(store: Store, config: Config, refused: BeyondBound, now: datetime) -> None:
    """Note that something was refused, unless that is known. Raises DeferError."""
    root = store.find(refused.root)
    with store.alone():
        if not _is_told(outbox.read(config.notices_file), refused, now):
            outbox.add(config.notices_file, [_notice(refused, root, config, now)], now)


def _is_told(box: Box, refused: BeyondBound, now: datetime) -> bool:
    """Whether somebody was told of this chain: they need not hear of its next bound.

    A clock that was set back must not silence it for long.
    """
    return any(
        abs(now - instants.from_text(one["at"])) < _AGAIN_AFTER
        for one in box.notices.values()
        if _is_of(one, refused.root)
    )


def _is_of(notice: Notice, root: str) -> bool:
    return notice["event"] == events.BOUNDED and notice["id"] == root


def _notice(refused: BeyondBound, root: Task | None, config: Config, now: datetime) -> Notice:
    where = places.of(config)
    at = instants.to_text(now)
    parts = f"{events.BOUNDED}\n{refused}\n{at}"
    context = root.get("context") if root is not None else None
    said = events.first_line(context.get("summary")) if context else None
    return {
        "key": hashlib.sha256(parts.encode(errors="surrogatepass")).hexdigest()[:32],
        "event": events.BOUNDED,
        "id": refused.root,
        "summary": config.masked(said) if said else refused.root,
        "outcome": events.BOUNDED,
        "at": at,
        "attempts": 0,
        "failures": 0,
        "count": 1,
        "error": str(refused),
        "inbox": where.in_inbox,
        "to": [*where.labels],
    }


def has_told(record: Task, box: Box) -> bool:
    """Whether a task failed over a bound of its chain of which somebody was told: they all fail over it."""
    error, root = record.get("error"), lineage.root_of(record)
    if record["status"] != task.FAILED or not error or not lineage.tells_of_a_bound(error, root):
        return False
    return any(_is_of(one, root) for one in box.notices.values())
