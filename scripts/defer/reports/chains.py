"""The occurrences of a recurring task laid end to end: none twice, none left out, and counted right.

A rule is its expression, anchor and zone for as long as they hold; an edit makes a new one. Everything here is about
one rule. Nobody knows what lies between two rules, or before records begin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, cast

from defer import instants
from defer.record import occurrences, task

from .facts import Occurrence, Rule, instant, seconds, text

if TYPE_CHECKING:
    from defer.record.codec import Task
    from defer.recurrence import Recurrence

_SECOND = timedelta(seconds=1)
_MOVED = timedelta(hours=3)
"""By how much a change of a zone's rules may move a moment that was worked out before it."""


class Fault(NamedTuple):
    """What is wrong in a chain, and at which link."""

    kind: str
    link: Occurrence
    at: int
    what: str


def faults(links: Sequence[Occurrence], begin: int, *, is_whole: bool, since: int | None = None) -> Iterator[Fault]:
    """What is wrong with the occurrences of one rule, in order; the last one may be that which the task waits for.

    ``is_whole``: the task never had another rule, and does not wait any more. ``since``: up to when the same rule has
    been followed by a task that was cancelled, and in whose place this one came.
    """
    repeated = [_again(before, one) for before, one in pairwise(links) if one.first <= before.last]
    yield from repeated
    try:
        rule = occurrences.rule(_as_record(links[0].rule))
        gaps = [] if repeated else list(_gaps(links, rule, begin, since))
        yield from gaps
        yield from _miscounted_stretches(links, rule)
        if not gaps and not repeated:
            yield from _miscounted(links)
            yield from _ends_early(links) if is_whole else ()
    except occurrences.UNREADABLE:
        return


def _as_record(rule: Rule | None, count: int | None = None, until: str | None = None) -> Task:
    named = dict(zip(("expression", "anchor", "tz"), rule or (), strict=True))
    return cast("Task", {"recurrence": {**named, "count": count, "until": until}})


def _again(before: Occurrence, one: Occurrence) -> Fault:
    waits = next((link for link in (before, one) if not link.is_over), None)
    if waits is None:
        return Fault("ended-twice", one, one.first, f"has two ends: {before.status}, {one.status}")
    return Fault("ended-and-waiting", waits, waits.first, f"has ended, and is {waits.status}")


def _gaps(links: Sequence[Occurrence], rule: Recurrence, begin: int, since: int | None) -> Iterator[Fault]:
    """Where the rule names occurrences that no record mentions."""
    start = max(_start(links[0], begin), begin if since is None else since)
    if start >= begin:
        first = rule.after(instant(start))
        if first is not None and first < instant(links[0].first) and not _is_moved(rule, first, None, links[0].first):
            yield _gap(links[0], rule, first)
    for before, one in pairwise(links):
        # An occurrence that an executor asked for may come when the rule has none left.
        fire = _following(before, one.fired)
        if fire is not None and fire < instant(one.first) and not _is_moved(rule, fire, before.last, one.first):
            yield _gap(one, rule, fire)


def _start(link: Occurrence, begin: int) -> int:
    """From when on the rule of a task counts: that of one whose cancel was undone is older than the task itself."""
    if link.rule is None:
        return begin
    try:
        return max(seconds(link.rule[1]), seconds(link.created))
    except (ValueError, OverflowError):
        return seconds(link.rule[1])


def _following(link: Occurrence, spent: int) -> datetime | None:
    """The occurrence that the rule names after one that has ended, when ``spent`` are over; None where unknown."""
    if link.bounds is None:
        return None
    count, until = link.bounds
    return occurrences.after(_as_record(link.rule, count=count, until=until), instant(link.last), spent)


def _is_moved(rule: Recurrence, fire: datetime, before: int | None, following: int) -> bool:
    """Whether a neighbour that the rule does not name may be the one looked for, from before its zone was changed."""
    near = [instant(at) for at in (before, following) if at is not None]
    return any(abs(fire - at) <= _MOVED and rule.after(at - _SECOND) != at for at in near)


def _gap(one: Occurrence, rule: Recurrence, fire: datetime) -> Fault:
    from defer import recurrence

    _, last, times = recurrence.between(rule, fire - _SECOND, instant(one.first) - _SECOND)
    upto = f" to {instants.to_text(last)}" if last and times > 1 else ""
    what = f"{times} occurrence{'s' if times > 1 else ''} without a record: {instants.to_text(fire)}{upto}"
    return Fault("gap", one, int(fire.timestamp()), what)


def _miscounted_stretches(links: Sequence[Occurrence], rule: Recurrence) -> Iterator[Fault]:
    from defer import recurrence

    for one in links:
        if one.first == one.last and one.times == 1:
            continue
        last = instant(one.last)
        _, found, times = recurrence.between(rule, instant(one.first), last)
        if times + 1 != one.times and (found is None or found == last):
            what = f"a stretch of {one.times} up to {text(one.last)}, where the rule has {times + 1}"
            yield Fault("miscounted", one, one.first, what)


def _miscounted(links: Sequence[Occurrence]) -> Iterator[Fault]:
    """Where ``fired`` is not the number of those that ended before."""
    expected = links[0].fired
    for one in links:
        # What a run passed over stands beside its record, and was counted with it.
        if one.fired != expected and not (one.status == task.SKIPPED and one.fired == expected - 1):
            yield Fault("miscounted", one, one.first, f"{one.fired} are counted as over before it, and {expected} are")
            return
        expected += one.times


def _ends_early(links: Sequence[Occurrence]) -> Iterator[Fault]:
    """A task that has neither ended nor waits, although its rule goes on. A cancelled one does not count."""
    last = links[-1]
    following = _following(last, links[0].fired + sum(one.times for one in links))
    if following is not None and last.status != task.CANCELLED:
        what = f"waits for {instants.to_text(following)} by its rule, and is not in the store"
        yield Fault("gone", last, int(following.timestamp()), what)
