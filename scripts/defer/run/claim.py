"""Which of the due tasks a claim takes: the policy of slots, workspaces, lateness and expiry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from defer.errors import Refused
from defer.record import occurrences, task, versions
from defer.record.codec import Task
from defer.record.sharing import may_share, shared

if TYPE_CHECKING:
    from defer.record.types import RunUnderWay

Held: TypeAlias = Callable[[Task, Iterable[Task]], Task | None]
_MENDS = {
    task.EXECUTING: "wait for its end, or: defer cancel --kill {id}",
    task.PAUSED: "defer resume {id}, or defer run {id} to do it once",
}


def choose(
    hot: Iterable[Task],
    now: datetime,
    max_parallel: int,
    new_run: Callable[[], RunUnderWay],
    held: Held | None = None,
    *,
    to_the_second: bool = True,
) -> list[Task]:
    """The records that a claim changes: due tasks in ``run_at`` order, as many as there are slots.

    ``held``: what makes a task wait, the day's budget; None for a task that may run.
    No two attempts share what ``shared`` names. A task that came due too late ends, or goes on to its
    next occurrence, whether a slot is free or not.
    """
    known = list(hot)
    executing = [one for one in known if one["status"] == task.EXECUTING]
    slots = max_parallel - len(executing)
    taken = {thing for one in executing for thing in shared(one)}
    changed: list[Task] = []
    is_due = partial(task.is_due, now=now, to_the_second=to_the_second)
    for due in sorted(filter(is_due, known), key=_order):
        if slots <= 0 and not _may_be_too_late(due):
            continue
        try:
            one = in_time(due, now)
        except occurrences.UNREADABLE as error:
            one = task.unreadable(due, now, occurrences.complaint(error))
        if not is_due(one):
            changed.append(one)
        elif held is not None and (waiting := held(one, known)) is not None:
            changed.append(waiting)
        elif slots > 0 and may_share(one, shared(one) & taken):
            changed.append(task.claim(one, now, new_run()))
            slots, taken = slots - 1, taken | shared(one)
    return changed


def by_hand(one: Task, given: Task, hot: Iterable[Task], now: datetime, run: RunUnderWay) -> Task:
    """The record of a task that is run by hand, whatever its time and the slots: claimed, or ended as expired.

    ``given`` is the record as the caller knows it: v1's runner claims a task itself, unnamed, and hands it over.
    Raises Refused for one that does not wait, that recurs, or whose workspace is in use.
    """
    versions.must_know(one)
    if _is_claimed_by_v1(one) and all(one.get(name) == given.get(name) for name in ("status", "started_at")):
        one = {**one, "status": task.SCHEDULED}
    if one["status"] != task.SCHEDULED:
        mend = _MENDS.get(one["status"], "defer run {id} does it once more").format(id=one["id"])
        raise Refused(f"task is {one['status']}: {one['id']} ({mend})")
    if occurrences.is_recurring(one):
        raise Refused(f"task recurs: {one['id']} (defer run {one['id']} does once what it does; its schedule stays)")
    in_use = {thing for other in hot if _is_another_at_work(other, one) for thing in shared(other)}
    if not may_share(one, shared(one) & in_use):
        kinds = " and ".join(sorted(kind for kind, _ in shared(one) & in_use))
        raise Refused(f"another attempt has its {kinds}: {one['id']} (wait for its end)")
    return task.expire(one, now) if task.is_expired(one, now) else task.claim(one, now, run)


def _is_claimed_by_v1(one: Task) -> bool:
    return one["status"] == task.EXECUTING and bool(one.get("started_at")) and not one.get("run")


def _is_another_at_work(other: Task, one: Task) -> bool:
    return bool(other["status"] == task.EXECUTING and other["id"] != one["id"])


def _may_be_too_late(due: Task) -> bool:
    """Whether what comes of it may depend on the time, even if there is no slot for it."""
    return "expires_at" in due or occurrences.is_recurring(due)


def _order(one: Task) -> tuple[datetime, str]:
    return task.run_at(one), one["id"]


def in_time(due: Task, now: datetime) -> Task:
    """A due task as it stands after a look at the clock: to be run, expired, or waiting for what comes next."""
    if occurrences.is_recurring(due):
        return occurrences.catch_up(due, now)
    return task.expire(due, now) if task.is_expired(due, now) else due
