"""What is told of records as they are filed: the outbox lines that are written before any record is dropped."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import cast

from defer import fsio
from defer.record import task
from defer.record.codec import Task
from defer.settings.config import Config

from . import events, outbox, places
from .box import Box
from .events import Notice, Streak
from .places import Places

_MASKED = ("summary", "reason", "error", "output")


def note(records: Sequence[Task], config: Config, where: Places, now: datetime) -> list[Notice]:
    """Write what is to be told of records that are about to be dropped; the notices that are new.

    The caller holds the store's lock. What was written by a filing that was cut short is not written again.
    Raises StorageError.
    """
    worth_a_look = [one for one in records if _may_be_told(one)]
    if not worth_a_look:
        return []
    box = outbox.read(config.notices_file)
    fresh: list[Notice] = []
    _end_acks(worth_a_look, box, config, now)
    for record in worth_a_look:
        made = _notice(record, box, config, where)
        if made is not None and made["key"] not in box.notices:
            box.add(made)
            fresh.append(made)
    if fresh:
        outbox.add(config.notices_file, fresh, now)
    elif fsio.stat(config.notices_file) is not None:
        outbox.make_durable(config.notices_file)
    return fresh


def _may_be_told(record: Task) -> bool:
    """A quick look: most records are of commands that went well, of which nobody is told."""
    if record["status"] != task.COMPLETED or not record.get("command") or record.get("notify") or record.get("copy_of"):
        return True
    last = record.get("last")
    return bool(last and last.get("before"))


def _end_acks(records: Sequence[Task], box: Box, config: Config, now: datetime) -> None:
    """What somebody knows of a task's failures ends with its success, also where that was a copy's."""
    over = {one.get("copy_of") or one["id"]: None for one in records if one["status"] == task.COMPLETED}
    if names := [name for name in over if name in box.acks]:
        outbox.end_acks(config.notices_file, names, now)
        for name in names:
            del box.acks[name]


def _notice(record: Task, box: Box, config: Config, where: Places) -> Notice | None:
    streak, ack = box.streaks.get(record["id"], Streak()), box.ack_of(record)
    told = events.verdict(record, streak, ack, timedelta(seconds=config.notify_cooldown_seconds))
    if told is None or (told.event == events.FAILED and _is_told_of_its_chain(record, box)):
        return None
    is_reminder = record["status"] == task.COMPLETED and events.is_reminder(record)
    # Its record says where it was going to be told: that holds, whatever the settings say by now.
    said = (record.get("result") or {}).get("told") if is_reminder else None
    to = where.labels if said is None else [one for one in said if one != places.INBOX]
    made = {**events.notice(record, told, to, in_inbox=where.in_inbox or is_reminder), **_kept(record, config)}
    masked = {name: _masked(value, config.masked) if name in _MASKED else value for name, value in made.items()}
    return cast("Notice", masked)


def _kept(record: Task, config: Config) -> dict[str, object]:
    """The worktree of an occurrence that is over, and its branch, as far as they stay.

    Its last attempt need not have come to it. A wake has looked by now whether they hold anything new.
    """
    if fsio.stat(config.worktrees_dir) is None:
        return {}
    from defer.context import worktree  # few tasks have one

    of = record.get("created_at") or "", task.occurrence_of(record)
    # What could not be looked at yet stays for now.
    for place in worktree.kept(config.worktrees_dir, record["id"], (worktree.KEPT, worktree.NOTE)):
        if (place.created_at, place.occurrence) == of:
            return {"branch": worktree.branch(place), **({"worktree": place.path} if os.path.isdir(place.path) else {})}
    return {}


def _is_told_of_its_chain(record: Task, box: Box) -> bool:
    if all(one["event"] != events.BOUNDED for one in box.notices.values()):
        return False
    from . import bounds  # hardly any chain ever comes to one

    return bounds.has_told(record, box)


def _masked(value: object, mask: Callable[[str], str]) -> object:
    return mask(value) if isinstance(value, str) else value
