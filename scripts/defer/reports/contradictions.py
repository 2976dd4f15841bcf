"""What the records of one id say against each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from defer.record import task

from . import chains
from .facts import Begin, Occurrence, Run, Said, seconds, text

KINDS = (
    *("lost", "gone", "gap", "miscounted", "ended-twice", "ended-and-waiting"),
    *("attempt-without-run", "attempt-twice", "run-without-end", "run-twice", "run-after-cancel", "overlap"),
    *("started-without-run", "cancel-forgotten", "log-gone"),
)
PLANNED_AHEAD = 3600
"""How many seconds may pass between the moment for which a task is planned and the line that says it was stored."""


class Contradiction(NamedTuple):
    """Two records that cannot both be true, or one that should be there and is not."""

    kind: str
    id: str
    occurrence: str | None
    what: str
    where: str


class Group(NamedTuple):
    """All that is known of one id, whichever tasks bore it."""

    id: str
    occurrences: list[Occurrence]
    runs: list[Run]
    said: list[Said]


class Steps:
    """When the clock went back, as far as the audit log shows: stamps from then do not tell an order."""

    def __init__(self) -> None:
        self._back: list[tuple[int, int]] = []
        self._latest = 0

    def see(self, at: int) -> None:
        """Take in the stamp of the next line."""
        if at < self._latest - 2:
            self.note(at, self._latest)
        self._latest = max(self._latest, at)

    def note(self, back_to: int, back_from: int) -> None:
        """The clock was put back; lines before ``back_from`` and after ``back_to`` may stand either way round."""
        if self._back and self._back[-1][1] == back_from:
            back_to = min(back_to, self._back.pop()[0])
        self._back.append((back_to, back_from))

    def between(self, start: int, end: int) -> bool:
        """Whether the clock passed any part of this twice."""
        return any(back_to <= end and start <= back_from for back_to, back_from in self._back)


def of(group: Group, begin: Begin, steps: Steps) -> Iterator[Contradiction]:
    """Every contradiction in a group."""
    yield from _ends(group)
    yield from _chains(group, begin)
    yield from _attempts(group, begin)
    yield from _overlaps(group.runs, steps)
    yield from _said(group, begin)


def _ends(group: Group) -> Iterator[Contradiction]:
    """A task that runs once, or an occurrence that its executor asked for, ends once."""
    alike = defaultdict(list)
    for one in group.occurrences:
        if one.rule is None:
            alike[one.created, one.first, one.likeness].append(one)
    for same in alike.values():
        ends = [one for one in same if one.is_over]
        if len(ends) > 1:
            what = f"has {len(ends)} ends: {', '.join(one.status for one in ends)}"
            yield _about(ends[-1], "ended-twice", what)
        if ends and len(same) > len(ends):
            waits = next(one for one in same if not one.is_over)
            yield _about(waits, "ended-and-waiting", f"has ended as {ends[0].status}, and is {waits.status}")


def _about(one: Occurrence, kind: str, what: str, at: int | None = None) -> Contradiction:
    return Contradiction(kind, one.id, text(one.first if at is None else at), what, one.where)


def _chains(group: Group, begin: Begin) -> Iterator[Contradiction]:
    tasks: defaultdict[str, defaultdict[object, list[Occurrence]]] = defaultdict(lambda: defaultdict(list))
    for one in group.occurrences:
        tasks[one.created][one.rule].append(one)
    over: dict[object, int] = {}
    # By age: one that was cancelled and brought back goes on where it was.
    for _, rules in sorted(tasks.items()):
        for rule, told in rules.items():
            # What took the place of a replaced task may wait for the same occurrence.
            links = sorted((one for one in told if not one.is_replaced), key=lambda one: (one.first, one.last))
            if rule is not None and links:
                is_whole = len(rules) == 1 and len(links) == len(told) and all(one.is_over for one in links)
                for fault in chains.faults(links, begin.archive, is_whole=is_whole, since=over.get(rule)):
                    yield _about(fault.link, fault.kind, fault.what, fault.at)
                over[rule] = links[-1].last


def _attempts(group: Group, begin: Begin) -> Iterator[Contradiction]:
    """The attempts that the records count, and the run records: each must have its other half."""
    counted, runs = defaultdict(list), defaultdict(list)
    for one in group.occurrences:
        counted[one.first].append(one)
    for run in group.runs:
        # The end of an attempt that v1 began may not say which occurrence it was for.
        if run.occurrence is not None:
            runs[run.occurrence].append(run)
    for first in counted.keys() | runs.keys():
        made = Counter(run.attempt for run in runs[first])
        yield from _without_run(counted[first], made, begin)
        yield from _uncounted(group, counted[first], runs[first], begin)


def _without_run(counted: Sequence[Occurrence], made: Counter[int], begin: Begin) -> Iterator[Contradiction]:
    known = [one for one in counted if one.is_counted and one.begun >= begin.runs]
    wanted = sum(one.attempts - bool(one.under_way) for one in known)
    found = sum(min(number, _that_count(known, attempt)) for attempt, number in made.items())
    if found < wanted:
        yield _about(known[-1], "attempt-without-run", f"{wanted} attempts are counted, {found} have a run record")


def _that_count(counted: Iterable[Occurrence], attempt: int) -> int:
    """How many records count an attempt of that number as over."""
    return sum(one.under_way != attempt and 1 <= attempt <= max(one.attempts, one.under_way) for one in counted)


def _uncounted(
    group: Group, counted: Sequence[Occurrence], runs: Sequence[Run], begin: Begin
) -> Iterator[Contradiction]:
    seen: Counter[int] = Counter()
    for run in runs:
        seen[run.attempt] += 1
        if seen[run.attempt] <= _that_count(counted, run.attempt):
            continue
        if not counted and run.ended < begin.archive:
            continue
        yield _uncounted_run(group, counted, run, is_repeated=seen[run.attempt] > 1)


def _uncounted_run(group: Group, counted: Sequence[Occurrence], run: Run, *, is_repeated: bool) -> Contradiction:
    cancelled = _cancelled_before(group, run)
    if is_repeated:
        kind, what = "attempt-twice", f"attempt {run.attempt} has more than one run: {run.name}"
    elif cancelled is not None:
        kind, what = "run-after-cancel", f"{run.name} began at {text(run.started)}, cancelled at {text(cancelled)}"
    elif counted:
        kind, what = "run-without-end", f"{run.name} is attempt {run.attempt}, which no record counts"
    else:
        kind, what = "run-without-end", f"{run.name} is of an occurrence that no record tells of"
    return _of_run(run, kind, what)


def _of_run(run: Run, kind: str, what: str) -> Contradiction:
    return Contradiction(kind, run.id, None if run.occurrence is None else text(run.occurrence), what, run.where)


def _cancelled_before(group: Group, run: Run) -> int | None:
    """When the task of a run was cancelled; None where it was not, or went on, or another task took its id."""
    ends = [one.ended for one in group.occurrences if one.status == task.CANCELLED and one.ended <= run.started]
    since = max(ends, default=None)
    if since is None or any(not one.is_over or one.ended > since for one in group.occurrences):
        return None
    return None if any(since < at <= run.started for at in created_of(group.occurrences)) else since


def created_of(told: Iterable[Occurrence]) -> Iterator[int]:
    """When the tasks in the records were scheduled, as far as it can be read."""
    for created in {one.created for one in told}:
        try:
            yield seconds(created)
        except (ValueError, OverflowError):
            continue


def _overlaps(runs: Sequence[Run], steps: Steps) -> Iterator[Contradiction]:
    """Two attempts of one task at once, whichever occurrences they were for."""
    latest: Run | None = None
    for run in sorted(runs, key=lambda one: (one.began, one.ended)):
        if latest and run.began + run.slack < latest.ended and not steps.between(run.began, latest.ended):
            what = f"{run.name} began at {text(run.began)}, {latest.name} ended at {text(latest.ended)}"
            yield _of_run(run, "overlap", what)
        if latest is None or run.ended > latest.ended:
            latest = run


def _said(group: Group, begin: Begin) -> Iterator[Contradiction]:
    created = set(created_of(group.occurrences))
    cancelled = [one.ended for one in group.occurrences if one.status == task.CANCELLED]
    for said in group.said:
        if said.action == "scheduled":
            is_known = any(said.at - PLANNED_AHEAD <= at <= said.at for at in created)
            kind, what = "lost", "was scheduled, and is neither in the store nor in the archive"
        elif said.action == "cancelled":
            is_known = any(abs(said.at - at) <= PLANNED_AHEAD for at in cancelled)
            kind, what = "cancel-forgotten", "was cancelled, and no record says so"
        else:
            is_known = _was_put_back(said, group)
            kind, what = "started-without-run", f"{said.run} was started, and has no run record"
        if not is_known and said.at >= (begin.runs if said.action == "started" else begin.archive):
            yield Contradiction(kind, said.id, None, f"{what} (at {text(said.at)})", "the audit log")


def _was_put_back(started: Said, group: Group) -> bool:
    """Whether an attempt that left no record may have been put back by a runner that died before it said so.

    The task then counts one less, or has given the number to another attempt since.
    """
    number, at = started.attempt, started.at
    counting_less = [one for one in group.occurrences if one.attempts == number - 1]
    return (
        any(not one.is_over or one.ended >= at for one in counting_less)
        or any(run.attempt == number and run.started >= at for run in group.runs)
        or any(one.under_way == number for one in group.occurrences)
    )
