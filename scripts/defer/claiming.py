"""Which of the due tasks a claim takes: the policy of slots, workspaces, lateness and expiry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from . import occurrences, task
from .codec import Task


def choose(hot: Iterable[Task], now: datetime, max_parallel: int, new_run: Callable[[], dict[str, Any]]) -> list[Task]:
    """The records that a claim changes: due tasks in ``run_at`` order, as many as there are slots.

    No two attempts share a ``workspace`` unless the task says ``concurrent``. What came due too
    late ends, or goes on to its next occurrence, whether a slot is free or not.
    """
    known = list(hot)
    executing = [one for one in known if one["status"] == task.EXECUTING]
    slots = max_parallel - len(executing)
    taken = {one["workspace"] for one in executing if one.get("workspace")}
    changed: list[Task] = []
    for due in sorted((one for one in known if task.is_due(one, now)), key=_order):
        try:
            one = in_time(due, now)
        except occurrences.UNREADABLE as error:
            one = task.unreadable(due, now, occurrences.complaint(error))
        workspace = one.get("workspace")
        if not task.is_due(one, now):
            changed.append(one)
        elif slots > 0 and (workspace not in taken or one.get("concurrent")):
            changed.append(task.claim(one, now, new_run()))
            slots -= 1
            taken |= {workspace} if workspace else set()
    return changed


def _order(one: Task) -> tuple[datetime, str]:
    return task.run_at(one), one["id"]


def in_time(due: Task, now: datetime) -> Task:
    """A due task as it stands after a look at the clock: to be run, expired, or waiting for what comes next."""
    if occurrences.is_recurring(due):
        return occurrences.catch_up(due, now)
    return task.expire(due, now) if task.is_expired(due, now) else due
