"""The task of an id: looked up, changed, cancelled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from defer.errors import NoSuchTask, Unreadable
from defer.record import events, task
from defer.record.codec import Task
from defer.store.audit import AuditLog

if TYPE_CHECKING:
    from defer.store.interface import Store


def look_up(store: Store, task_id: str) -> Task:
    """The record of an id: from the store, else the last one in the archive. Raises Refused."""
    found = store.find(task_id) or store.ended({task_id}).get(task_id)
    if found is None:
        why = store.unreadable(task_id)
        raise (
            NoSuchTask(task_id) if why is None else Unreadable(f"task cannot be read: {task_id}: {why} (fix it there)")
        )
    return found


def change(store: Store, task_id: str, now: datetime, as_asked: Callable[[Task], Task]) -> Task:
    """Change the record of an id. Raises NoSuchTask for an unknown one. For one that is filed, raises what
    ``as_asked`` has against it: that it is over.
    """
    try:
        return store.update(task_id, now, as_asked)
    except NoSuchTask:
        as_asked(look_up(store, task_id))
        raise


def cancel(store: Store, audit: AuditLog, task_id: str, reason: str | None, now: datetime) -> Task:
    """Cancel a waiting task. Raises Refused for one that runs, has ended or is not there."""
    cancelled = change(store, task_id, now, partial(task.cancel, now=now, reason=reason))
    audit.tell(events.cancelled(task_id, reason, now))
    return cancelled
