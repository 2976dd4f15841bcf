"""The task of an id: looked up, changed, cancelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from defer.errors import BadInput, NoSuchTask, NotStorable, Refused, Unreadable
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


def change_each(
    store: Store, ids: Sequence[str], now: datetime, as_asked: Callable[[Task], Task]
) -> tuple[dict[str, Task], dict[str, Refused]]:
    """Change the records of several ids in one write: what became of each, and why nothing did of the others."""
    refused: dict[str, Refused] = {}

    def tried(one: Task) -> Task:
        try:
            return as_asked(one)
        except Refused as error:
            refused[one["id"]] = error
        except BadInput as error:
            # Its rule cannot be read, say: that concerns no other.
            refused[one["id"]] = Refused(f"{one['id']}: {error}")
        return one

    found = store.update_each(ids, now, tried)
    changed: dict[str, Task] = {}
    for one in ids:
        record = found.get(one)
        if isinstance(record, NotStorable):
            refused[one] = Refused(str(record))
        elif record is not None and one not in refused:
            changed[one] = record
        elif record is None:
            try:
                as_asked(look_up(store, one))
            except Refused as error:
                refused[one] = error
            else:
                refused[one] = NoSuchTask(one)
    return changed, refused


def cancel(store: Store, audit: AuditLog, task_id: str, reason: str | None, now: datetime) -> Task:
    """Cancel a waiting task. Raises Refused for one that runs, has ended or is not there."""
    cancelled = change(store, task_id, now, partial(task.cancel, now=now, reason=reason))
    audit.tell(events.cancelled(task_id, reason, now))
    return cancelled


def cancel_each(
    store: Store, audit: AuditLog, ids: Sequence[str], reason: str | None, now: datetime
) -> tuple[dict[str, Task], dict[str, Refused]]:
    """Cancel several waiting tasks in one write: their records, and why the others could not be."""
    cancelled, refused = change_each(store, ids, now, partial(task.cancel, now=now, reason=reason))
    audit.tell(*(events.cancelled(one, reason, now) for one in cancelled))
    return cancelled, refused
