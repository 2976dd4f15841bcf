"""A report sent at once, to every place that notices go to: not an event of a task, so that nothing is tried again."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from defer import instants
from defer.settings.config import Config

from . import events, outbox, payload, places
from .events import Notice

if TYPE_CHECKING:
    from defer.store.interface import Store


class Bulletin(NamedTuple):
    """What is reported: by whom, whether anybody needs to act, in one line, and in several."""

    by: str
    needs_attention: bool
    headline: str
    text: str


def send(one: Bulletin, store: Store, config: Config, now: datetime) -> list[tuple[str, str | None]]:
    """Send it; the label of each place, and why it did not arrive, or None.

    It stands in the inbox where that is a place for notices, and where it reached nobody else. Raises BadInput for a
    setting that cannot be read, StorageError, StoreBusy.
    """
    told = _notice(one, config, now)
    came: list[tuple[str, str | None]] = []
    if config.get("DEFER_NOTIFY"):
        from . import sender

        came = sender.tell_all(payload.of(told, config.masked, with_output=True), config)
    if places.of(config).in_inbox or all(why is not None for _, why in came):
        with store.alone():
            outbox.add(config.notices_file, [told], now)
        came.append((places.INBOX, None))
    return came


def _notice(one: Bulletin, config: Config, now: datetime) -> Notice:
    at = instants.to_text(now)
    event = events.ATTENTION if one.needs_attention else events.WELL
    return {
        "key": hashlib.sha256(json.dumps([one.by, at, event]).encode()).hexdigest()[:32],
        "event": event,
        "id": one.by,
        "summary": config.masked(one.headline),
        "outcome": event,
        "at": at,
        "output": config.masked(one.text),
        "inbox": True,
        "to": [],
    }
