"""What becomes of a task whose condition says "not now": it was not begun, and no retry is used up.

What recurs goes on to its next occurrence. Those that are skipped in a row are one record, at the end of ``ended``: it
is filed once something else has ended (``task.filed_records``). What runs once waits for the retry delay, until it
expires; a copy that somebody runs by hand has no such limit, and is over.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from defer import instants

from . import occurrences, task
from .codec import Task
from .occurrences import Stretch
from .retry import Backoff

_SOONEST = timedelta(seconds=1)
_RULE = ("expression", "tz", "anchor")


def not_now(executing: Task, said: str | None, now: datetime, backoff: Backoff) -> Task:
    """The record of a claimed task after its condition; ``said``: how that ended, and its last words."""
    waiting, reason = task.put_back(executing), f"{task.CONDITION}: {said}" if said else task.CONDITION
    if task.is_recurring(waiting):
        return _given_up(waiting, now, reason) if waiting.get("attempts") else _skipped(waiting, now, reason)
    expires_at = waiting.get("expires_at")
    if not expires_at:
        return task.over(waiting, task.SKIPPED, now, reason=reason)
    # In whole seconds: a second later it has expired, which is then said at once.
    latest = instants.from_text(expires_at) + _SOONEST
    return task.hold(waiting, min(now + max(backoff.delay(1), _SOONEST), max(latest, now + _SOONEST)), reason)


def _given_up(waiting: Task, now: datetime, reason: str) -> Task:
    """An occurrence that has failed, and whose condition does not hold at its retry."""
    return occurrences.follow(task.over(waiting, task.SKIPPED, now, reason=reason), now)


# Every minute; asked at 9:00, it answers 20 seconds later: 9:00 is skipped. Asked again at 9:01: both are one record.
# If it takes until 9:02:10 to answer, that holds for 9:02, too; with catch-up `all` each is asked by itself.
def _skipped(waiting: Task, now: datetime, reason: str) -> Task:
    """The task with its next occurrence; if this was the last one, its record."""
    waited, due = occurrences.waited_for(waiting), now - occurrences.jitter_of(waiting)
    is_each = occurrences.policies(waiting).get("catch_up") == "all"
    found = Stretch(waited, waited, 1) if is_each else occurrences.passed(waiting, waited, due)
    spent = occurrences.times_over(waiting) + found.times
    upcoming = occurrences.after(waiting, found.last if is_each else max(waited, due), spent)
    closed, skipped = _joined(waiting, occurrences.stretch_record(waiting, task.SKIPPED, found, now, reason))
    if upcoming is None:
        return {**skipped, **task.unfiled_of(closed)}
    return task.with_ended(occurrences.waiting_for(closed, upcoming, spent), skipped)


def _joined(waiting: Task, skipped: Task) -> tuple[Task, Task]:
    """The task without the record of those that were skipped just before, and one record of all of them."""
    before = task.open_stretch(waiting)
    earlier, stretch, own = before and before.get("stretch"), before and before.get("recurrence"), skipped["recurrence"]
    later = skipped.get("stretch")
    if before is None or not (earlier and stretch and own and later):
        return waiting, skipped
    if any(stretch.get(name) != own.get(name) for name in _RULE):
        return waiting, skipped
    whole = {"first": earlier["first"], "last": later["last"], "count": earlier["count"] + later["count"]}
    # How many were over counts from the first of them.
    joined = {"stretch": whole, "occurrence": before.get("occurrence"), "recurrence": stretch}
    closed = task.with_fields(waiting, {"ended": (waiting.get("ended") or [])[:-1]})
    return closed, task.with_fields(skipped, joined)
