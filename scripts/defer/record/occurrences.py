"""The occurrences of a recurring task: which one it waits for, and what becomes of the others.

A recurring task is one record that waits for one *occurrence*, the instant its rule names;
``run_at`` is that instant plus the task's jitter, or the time of a retry. The line that settles an
occurrence carries the next one. Each occurrence ends in the archive: those that came while the
machine was off as ``missed``, those that came while another one ran or waited for its retry as
``skipped``; a stretch of them is one record with ``first``, ``last`` and ``count``.

``recurrence`` in the record: ``expression``, ``tz`` and ``anchor`` give the rule; ``count`` and
``until`` bound it; ``fired`` counts occurrences that are over; ``catch_up``, ``overlap``,
``jitter_offset_seconds`` and ``expires_after_seconds`` are its policies.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache, reduce
from itertools import islice, takewhile
from typing import TYPE_CHECKING, NamedTuple

from defer import instants, timeparse
from defer.errors import DeferError

from . import task, versions
from .codec import Task
from .shapes import MAX_TALLY
from .task import is_recurring as is_recurring

if TYPE_CHECKING:
    from defer.recurrence import Recurrence

    from .types import Recurrence as RecurrenceFields

CATCH_UP = ("one", "all", "none")
OVERLAP = ("skip", "queue")
UNREADABLE = (Exception,)
"""What reading a ``recurrence`` that was edited by hand may raise: it must stop that one task only."""
_LONGEST_COMPLAINT = 300
MISFIRE_GRACE = timedelta(minutes=5)
"""With ``catch_up`` none: how late an occurrence may start and still count as on time. A wake comes every
minute, and slots may be taken for a while; a longer delay means that the machine was off."""
_SECOND = timedelta(seconds=1)
_FEW = 1000
_PAUSED = "the task was paused"
_OVERLAPPED = "came while another occurrence ran, waited for its retry or was put off"
GIVEN_ANOTHER_TIME = "the task was given another time before it ran"
TOO_LATE = "too late: its limit had passed"


class Stretch(NamedTuple):
    """Occurrences in a row: the first, the last and how many."""

    first: datetime
    last: datetime
    times: int


def policies(recurring: Task) -> RecurrenceFields:
    """The ``recurrence`` object of a recurring task."""
    found = recurring["recurrence"]
    if found is None:
        raise KeyError("recurrence")
    return found


@lru_cache(maxsize=256)
def _rule(expression: str, anchor: str, tz: str) -> Recurrence:
    from defer import recurrence

    return recurrence.parse(expression, instants.from_text(anchor), timeparse.zone(tz))


def rule(recurring: Task) -> Recurrence:
    """The task's rule. Raises TimeExpressionError for one that no version of Defer has written."""
    found = policies(recurring)
    return _rule(found["expression"], found["anchor"], found["tz"])


def unreadable(recurring: Task) -> str | None:
    """Why a task cannot go on: its rule was written by hand or by another version, or its zone is gone."""
    try:
        rule(recurring)
    except UNREADABLE as error:
        return complaint(error)
    return None


def complaint(error: Exception) -> str:
    """The message about a rule that cannot be followed; it quotes a part of the rule, which may be of any length."""
    said = str(error) if isinstance(error, DeferError) else repr(error)
    shortened = said if len(said) <= _LONGEST_COMPLAINT else said[: _LONGEST_COMPLAINT - 1] + "…"
    return f"its recurrence cannot be read: {shortened}"


def jitter_offset(seed: str, most: int) -> int:
    """A delay of 0 to ``most`` seconds: always the same for one ``seed``, and spread over a fleet of them."""
    import zlib  # what has no jitter does not pay for it

    return zlib.crc32(seed.encode(errors="surrogatepass")) % (most + 1)


def jitter_of(recurring: Task) -> timedelta:
    """How long the task runs after each instant that its rule names."""
    return jitter(policies(recurring))


def jitter(found: RecurrenceFields) -> timedelta:
    """The same for a ``recurrence`` object."""
    return timedelta(seconds=int(found.get("jitter_offset_seconds") or 0))


def after(recurring: Task, instant: datetime, spent: int) -> datetime | None:
    """The first occurrence after ``instant`` when ``spent`` are over; None beyond the task's bounds."""
    found = policies(recurring)
    count = found.get("count")
    if count is not None and spent >= count:
        return None
    fire = rule(recurring).after(instant)
    until = found.get("until")
    return None if fire is None or (until and fire > instants.from_text(until)) else fire


def between(recurring: Task, start: datetime, end: datetime, spent: int) -> Stretch | None:
    """The occurrences after ``start`` up to ``end``, as far as the task's bounds go; None if there are none."""
    from defer import recurrence

    found = policies(recurring)
    until, count = found.get("until"), found.get("count")
    if until:
        end = min(end, instants.from_text(until))
    first, last, times = recurrence.between(rule(recurring), start, end)
    left = times if count is None else max(0, count - spent)
    if first is None or last is None or min(times, left) == 0:
        return None
    return Stretch(first, last, times) if times <= left else Stretch(first, _nth(recurring, first, last, left), left)


def _nth(recurring: Task, first: datetime, last: datetime, number: int) -> datetime:
    """The ``number``-th occurrence from ``first`` on, which is number 1, and no later than ``last``."""
    from defer import recurrence

    start = first - _SECOND
    if number <= _FEW:
        return deque(islice(rule(recurring).fires(start), number), maxlen=1)[0]
    # Found by bisection: stepping through a billion of them would hold up every other task.
    while last - first > _SECOND:
        middle = first + (last - first) // 2
        middle = middle.replace(microsecond=0)
        _, _, times = recurrence.between(rule(recurring), start, middle)
        first, last = (middle, last) if times < number else (first, middle)
    return last


def waited_for(recurring: Task) -> datetime:
    """The occurrence a task waits for or is at."""
    return instants.from_text(recurring.get("occurrence") or recurring["run_at"])


def times_over(recurring: Task) -> int:
    """How many of its occurrences are over."""
    return int(policies(recurring).get("fired") or 0)


def waiting_for(recurring: Task, occurrence: datetime, spent: int) -> Task:
    """The record that waits for ``occurrence``."""
    text = instants.to_text(occurrence)
    run_at = instants.to_text(occurrence + jitter_of(recurring))
    counted: RecurrenceFields = {**policies(recurring), "fired": min(spent, MAX_TALLY)}
    return {**task.unheld(recurring), "occurrence": text, "run_at": run_at, "recurrence": counted}


def stretch_record(recurring: Task, status: str, found: Stretch, now: datetime, reason: str) -> Task:
    """The archive record of occurrences that were never run."""
    record = task.without_history(recurring)
    first, last = instants.to_text(found.first), instants.to_text(found.last)
    stretch = {"first": first, "last": last, "count": found.times}
    return task.over(record, status, now, occurrence=first, attempts=0, reason=reason, stretch=stretch)


def passed(recurring: Task, waited: datetime, end: datetime) -> Stretch:
    """The occurrence the task waits for, which an executor may have asked for, and those of the rule up to ``end``."""
    later = between(recurring, waited, end, times_over(recurring) + 1)
    return Stretch(waited, later.last, later.times + 1) if later else Stretch(waited, waited, 1)


def catch_up(recurring: Task, now: datetime) -> Task:
    """A due recurring task with the occurrence that is to be run now, or its next one.

    The record accounts for the occurrences that are passed over. If the last one is passed over, the
    task is over itself. An attempt that waits for its retry is left as it is.
    """
    if recurring.get("attempts"):
        return recurring
    waited = waited_for(recurring)
    due = now - jitter_of(recurring)
    target = _to_run(recurring, waited, due)
    if target == waited:
        return recurring
    found = passed(recurring, waited, target - _SECOND if target else due)
    missed = stretch_record(recurring, task.MISSED, found, now, _why_missed(recurring, target))
    spent = times_over(recurring) + found.times
    upcoming = target or after(recurring, due, spent)
    if upcoming is None:
        return {**missed, **task.unfiled_of(recurring)}
    return task.with_ended(waiting_for(recurring, upcoming, spent), missed)


def _why_missed(recurring: Task, target: datetime | None) -> str:
    policy = policies(recurring).get("catch_up", "one")
    useless = target is None and policies(recurring).get("expires_after_seconds") is not None
    return TOO_LATE if useless else f"nothing woke the store in time (catch-up: {policy})"


# Every day at 9, waits for Monday's; woken on Thursday at 12:00 it runs Thursday's, and three are missed.
# With catch-up `all` it runs Monday's; with a limit of one day besides, Thursday's, the first that is not too late.
# With catch-up `none`, or with a limit of two hours, it runs none: Thursday's is three hours late.
# Monday's that was put off to Tuesday at 10:00 runs then, though Tuesday's has come since.
def _to_run(recurring: Task, waited: datetime, due: datetime) -> datetime | None:
    """The occurrence to run among those up to ``due``; None where all of them came too long ago."""
    found = policies(recurring)
    policy = found.get("catch_up") or "one"
    limit = _latest_start(found, policy)
    # An occurrence that was put off is late only after the moment it was put off to.
    meant = max(waited, task.run_at(recurring) - jitter_of(recurring))
    if policy == "all" and (limit is None or due - meant <= limit):
        return waited
    later = between(recurring, waited, due, times_over(recurring) + 1)
    if policy == "all":
        fire = rule(recurring).after(due - (limit or timedelta()) - _SECOND)
        return fire if fire is not None and later is not None and fire <= later.last else None
    if later is None or later.last <= meant:
        return waited if limit is None or due - meant <= limit else None
    return later.last if limit is None or due - later.last <= limit else None


def _latest_start(found: RecurrenceFields, policy: str) -> timedelta | None:
    """How late an occurrence may still start."""
    expires = found.get("expires_after_seconds")
    limits = [timedelta(seconds=expires)] if expires is not None else []
    limits += [MISFIRE_GRACE] if policy == "none" else []
    return min(limits, default=None)


# Every hour; that of 9:00 is over at 12:30: it waits for 13:00, and three are skipped.
# With overlap `queue` it runs for 12:00 at once, and two are skipped.
# Over at 9:10 it waits for 10:00, also where the executor asked to be run at 10:20; at 9:40 is one occurrence more.
def follow(ended: Task, now: datetime, extra_at: datetime | None = None, *, overlapped: bool = True) -> Task:
    """What a task goes on to after ``ended``, the record of an occurrence that is over.

    ``extra_at`` is when an executor asked to be run again; it counts if it comes before the next
    regular occurrence. ``overlapped``: this one overlapped those that came meanwhile; otherwise nothing
    ran then, and ``catch_up`` decides.
    """
    if not is_recurring(ended):
        return ended if extra_at is None else task.next_occurrence(ended, extra_at)
    waited = waited_for(ended)
    spent = times_over(ended) + 1
    due = now - jitter_of(ended)
    came = between(ended, waited, due, spent) if overlapped and not _has_backlog(ended, waited, spent) else None
    queued = came.last if came and policies(ended).get("overlap") == "queue" else None
    skipped = _without_last(ended, came, spent) if queued else came
    spent += skipped.times if skipped else 0
    upcoming = queued or after(ended, due if came else waited, spent)
    if extra_at is None or (upcoming is not None and max(extra_at, waited + _SECOND) >= upcoming):
        return _gone_on(ended, upcoming, spent, skipped, now)
    # An executor may ask to run again before the moment of an occurrence that was brought forward: that one is over.
    asked = _gone_on(ended, max(extra_at, waited + _SECOND), spent, skipped, now)
    return {**asked, "run_at": instants.to_text(extra_at + jitter_of(ended))}


def _has_backlog(ended: Task, waited: datetime, spent: int) -> bool:
    """Whether, with ``catch_up`` all, the next occurrence had come before this one was started."""
    if policies(ended).get("catch_up") != "all":
        return False
    try:
        started = instants.from_text(ended.get("started_at") or "")
    except (TypeError, ValueError):
        return False
    fire = after(ended, waited, spent)
    return fire is not None and fire + jitter_of(ended) <= started


def _without_last(recurring: Task, came: Stretch | None, spent: int) -> Stretch | None:
    if came is None or came.times == 1:
        return None
    return between(recurring, came.first - _SECOND, came.last - _SECOND, spent)


def _gone_on(ended: Task, upcoming: datetime | None, spent: int, skipped: Stretch | None, now: datetime) -> Task:
    base = ended if upcoming is None else waiting_for(task.next_occurrence(ended, upcoming), upcoming, spent)
    if skipped is None:
        return base
    # People want to know how the one that ran ended, not that others were left out meanwhile.
    return {
        **task.with_ended(base, stretch_record(ended, task.SKIPPED, skipped, now, _OVERLAPPED)),
        "last": ended["last"],
    }


def skip_to_next(waiting: Task, ended: Task, now: datetime) -> Task:
    """``waiting`` goes on to its next occurrence; ``ended`` is the record of the present one."""
    return follow({**ended, **task.unfiled_of(waiting)}, now, overlapped=False)


def resume(paused: Task, now: datetime) -> Task:
    """A recurring task that waits again: for its next occurrence, with those that passed as one record."""
    waited = waited_for(paused)
    scheduled: Task = {**paused, "status": task.SCHEDULED}
    due = now - jitter_of(paused)
    if waited > due or task.run_at(paused) > now:
        return scheduled
    if paused.get("attempts"):
        ended = [_given_up(paused, now, "the task was paused before its retry"), *passed_since(paused, now, _PAUSED)]
    else:
        ended = [stretch_record(paused, task.SKIPPED, passed(paused, waited, due), now, _PAUSED)]
    spent = times_over(paused) + sum(stretch["count"] if (stretch := one.get("stretch")) else 1 for one in ended)
    upcoming = after(paused, due, spent)
    waiting: Task = {**task.without_history(scheduled), "attempts": 0, **task.unfiled_of(paused)}
    if upcoming is not None:
        return _with_all(waiting_for(waiting, upcoming, spent), ended)
    return {**ended[-1], **task.unfiled_of(_with_all(waiting, ended[:-1]))}


def _with_all(one: Task, ended: Iterable[Task]) -> Task:
    return reduce(task.with_ended, ended, one)


def _given_up(waiting: Task, now: datetime, why: str) -> Task:
    """The archive record of an occurrence whose retry will not be made."""
    return task.over(task.shown(waiting), task.CANCELLED, now, cancel_reason=why)


def passed_since(recurring: Task, now: datetime, why: str, status: str = task.SKIPPED) -> list[Task]:
    """The archive record of the occurrences that came after the one waited for; none where none have come."""
    if not is_recurring(recurring) or unreadable(recurring):
        return []
    found = between(recurring, waited_for(recurring), now - jitter_of(recurring), times_over(recurring) + 1)
    return [stretch_record(recurring, status, found, now, why)] if found else []


def left_behind(was: Task, changed: Task, now: datetime) -> Task:
    """``changed``, which has another time, with a record of the occurrences that ``was`` will now never run."""
    if not is_recurring(was) and not is_recurring(changed):
        return changed
    if was.get("attempts"):
        ended = _given_up(was, now, "the task was given another time")
        paused = {name: value for name, value in was.items() if name in ("paused_at", "paused_until")}
        fresh: Task = task.with_fields(task.without_history(changed), {**paused, **task.unfiled_of(changed)})
        return _with_all(fresh, [ended, *passed_since(was, now, _OVERLAPPED)])
    if not is_recurring(was) or task.run_at(was) > now:
        return changed
    waited = waited_for(was)
    found = Stretch(waited, waited, 1) if unreadable(was) else passed(was, waited, now - jitter_of(was))
    is_paused = was["status"] == task.PAUSED
    status, why = (task.SKIPPED, _PAUSED) if is_paused else (task.MISSED, GIVEN_ANOTHER_TIME)
    return task.with_ended(changed, stretch_record(was, status, found, now, why))


def upcoming(one: Task, end: datetime, since: datetime = instants.EPOCH) -> Iterator[datetime]:
    """When a task will run from ``since`` up to ``end``, as far as is known, one moment at a time."""
    if versions.lacking(one):
        return
    is_waiting = one["status"] == task.SCHEDULED
    first = max(task.wakes_at(one), since)
    has_run = is_waiting and first <= end
    if has_run:
        yield first
    goes_on = one["status"] in (task.SCHEDULED, task.EXECUTING) and is_recurring(one) and not unreadable(one)
    if not goes_on or (is_waiting and not has_run):
        return
    jitter, waited = jitter_of(one), waited_for(one)
    soonest = first if is_waiting else since
    # Occurrences before the run that the task waits for will be passed over, unless ``catch_up`` is all.
    is_backlog = policies(one).get("catch_up") == "all" and not one.get("attempts")
    start = waited if is_backlog else max(waited, soonest - jitter)
    # A rule that leads out of the calendar is followed up to its end.
    with suppress(*UNREADABLE):
        for fire in _fires(one, waited, start, end - jitter):
            yield max(fire + jitter, soonest)


def _fires(recurring: Task, waited: datetime, start: datetime, end: datetime) -> Iterator[datetime]:
    """The occurrences after ``start`` up to ``end``, as far as the bounds of the task go."""
    found = policies(recurring)
    until, count = found.get("until"), found.get("count")
    if until:
        end = min(end, instants.from_text(until))
    left = None
    if count is not None:
        before = between(recurring, waited, start, times_over(recurring) + 1)
        left = max(0, count - times_over(recurring) - 1 - (before.times if before else 0))
    return takewhile(lambda fire: fire <= end, islice(rule(recurring).fires(start), left))
