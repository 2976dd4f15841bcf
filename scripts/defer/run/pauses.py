"""Tasks that were paused until a moment, which has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime

from defer.errors import Refused
from defer.record import changes, events, occurrences, task
from defer.record.codec import Task
from defer.record.events import Event
from defer.store.interface import Attempts


def end(store: Attempts, noticed: Iterable[Task], now: datetime, tell: Callable[[Event], None]) -> None:
    """Resume those of the noticed tasks whose pause is over, as somebody would by hand."""
    for one in noticed:
        if one["status"] != task.PAUSED:
            continue
        # A person may have decided meanwhile.
        with suppress(Refused):
            resumed = store.update(one["id"], now, lambda current: _resumed(current, now))
            if resumed["status"] == task.SCHEDULED:
                tell(events.changed(resumed, "resumed", now))


def _resumed(current: Task, now: datetime) -> Task:
    if task.needs_attention_at(current) > now:
        return current
    try:
        return changes.resume(current, now)
    except Refused:
        raise
    except occurrences.UNREADABLE:
        # The claim ends it, and says why its rule cannot be read.
        return {**task.without(current, ("held", "paused_at", "paused_until")), "status": task.SCHEDULED}
