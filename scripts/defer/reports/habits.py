"""What runs came to: the totals of a window of time, and how each task has been running lately.

All of it is small whatever the history holds: two numbers for each run of a window, and a task's last few runs.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from defer import instants, say
from defer.record import outcome, signature, task
from defer.record.codec import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from defer.record.runs import Run

LAST, BEFORE = 5, 20
"""The median of so many runs is held against that of so many before them."""
LONGEST = 1000
"""So many characters of an error are kept."""
SLACK = timedelta(seconds=2)
"""Moments of one end that were noted one after the other differ by less."""
_MOST_ERRORS = 10
_MOST_WAITS = 100
_MOST = 2**31 - 1


class Failure(NamedTuple):
    """An attempt that failed."""

    run_id: str | None
    at: datetime
    error_type: str | None
    error: str | None
    signature: str
    log: str | None = None
    host: str | None = None


def is_failure(run: Run) -> bool:
    """Whether an attempt failed by itself: what a person has cancelled did not."""
    return run.status != outcome.OK and run.error_type != outcome.CANCELLED


def rank(ordered: Sequence[int], share: float) -> int | None:
    """The smallest value that is not exceeded by ``share`` of them (nearest rank); None of no values."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def median(values: Sequence[int]) -> int | None:
    """The value in the middle, or half way between the two there; None of no values."""
    ordered, half = sorted(values), len(values) // 2
    if not ordered:
        return None
    return ordered[half] if len(ordered) % 2 else round((ordered[half - 1] + ordered[half]) / 2)


def span(milliseconds: int) -> str:
    """A duration as short as it is told: ``1.5 s``, ``20 s``, ``4 min``."""
    if milliseconds >= 120_000:
        return say.roughly(milliseconds // 1000)
    return f"{milliseconds / 1000:.1f}".removesuffix(".0") + " s"


class Totals:
    """All that ended from ``start`` up to ``end``."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start, self.end = start, end
        self.runs = self.failed = self.logs = self.unlogged = 0
        self.outcomes: Counter[str] = Counter()
        self.durations, self.lateness = array("q"), array("q")
        self._input = self._output = self._cost = 0.0

    def take_run(self, run: Run, is_logged: bool | None) -> None:
        """One ended attempt; ``is_logged`` says whether its log is there, None that it has none to be."""
        self.runs += 1
        self.failed += is_failure(run)
        self.logs += is_logged is True
        self.unlogged += is_logged is False
        if run.duration_ms is not None:
            self.durations.append(_bounded(run.duration_ms))
        if run.late_by_seconds is not None:
            self.lateness.append(_bounded(run.late_by_seconds))
        used = run.usage or {}
        self._input += _number(used.get("input_tokens"))
        self._output += _number(used.get("output_tokens"))
        self._cost += _number(used.get("cost_usd"))

    def take_ended(self, one: Task) -> None:
        """One occurrence that is over, or a stretch of them."""
        self.outcomes[one["status"]] += times(one)

    def as_json(self) -> dict[str, Any]:
        """The totals for programs: milliseconds, seconds, tokens and US dollars."""
        durations, lateness = sorted(self.durations), sorted(self.lateness)
        counted = self.logs + self.unlogged
        return {
            "from": instants.to_text(self.start),
            "to": instants.to_text(self.end),
            "runs": self.runs,
            "failed": self.failed,
            "failure_rate": round(self.failed / self.runs, 4) if self.runs else None,
            "outcomes": dict(sorted(self.outcomes.items())),
            "duration_ms": {"median": median(durations), "p95": rank(durations, 0.95)},
            "late_by_seconds": {"median": median(lateness), "p95": rank(lateness, 0.95)},
            "tokens": {"input": round(self._input), "output": round(self._output)},
            "cost_usd": round(self._cost, 4),
            "log_backing": round(self.logs / counted, 4) if counted else None,
        }


class Crowd:
    """How many attempts were at work at any moment of a window."""

    def __init__(self) -> None:
        self._starts, self._ends = array("d"), array("d")
        self._is_sorted = True

    def take(self, run: Run) -> None:
        """One ended attempt."""
        if run.started_at is not None:
            self._starts.append(run.started_at.timestamp())
            self._ends.append(run.ended_at.timestamp())
            self._is_sorted = False

    def at(self, moment: float) -> int:
        """How many were at work then."""
        if not self._is_sorted:
            self._starts, self._ends = array("d", sorted(self._starts)), array("d", sorted(self._ends))
            self._is_sorted = True
        return max(0, bisect(self._starts, moment) - bisect(self._ends, moment))


class Habit:
    """How one task has been running, its runs taken in the newest first."""

    __slots__ = (
        *("cured_at", "durations", "expired", "failed", "failures", "has_own_run", "late", "runs", "unlogged"),
        *("alike_since", "differed_at", "succeeded_at", "waits", "worst_late"),
    )

    def __init__(self) -> None:
        self.runs = self.failed = self.late = self.worst_late = self.expired = 0
        self.durations: list[int] = []
        self.failures: list[Failure] = []
        self.unlogged: list[str] = []
        self.waits: list[float] = []
        """Moments, in seconds since the epoch, in the middle of the time that late runs waited."""
        self.cured_at: datetime | None = None
        """When a copy of it last succeeded, made by a person with `run`."""
        self.has_own_run = False
        """Whether it has run by itself, not only as a copy."""
        self.succeeded_at: datetime | None = None
        """When it last succeeded by itself: what failed before that belongs to another row of failures."""
        self.alike_since: datetime | None = None
        """The first of the latest failures in a row that have one error."""
        self.differed_at: datetime | None = None
        """The last one before those, of the same row: it had another error."""

    @property
    def is_full(self) -> bool:
        """Whether earlier runs would tell nothing new of its duration."""
        return len(self.durations) >= LAST + BEFORE

    def take(self, run: Run, limit: float | None) -> None:
        """One run; ``limit``: how many seconds late it may begin, None for a run before the window."""
        if run.copy_of is None:
            self.has_own_run = True
        elif run.status == outcome.OK and self.cured_at is None:
            self.cured_at = run.ended_at
        if run.status == outcome.OK and run.duration_ms is not None and not self.is_full:
            self.durations.append(_bounded(run.duration_ms))
        if run.copy_of is None:
            self._take_own(run)
        if limit is not None:
            self.runs += 1
            self.failed += is_failure(run)
            self._take_lateness(run, limit)

    def _take_own(self, run: Run) -> None:
        if not is_failure(run):
            if run.status == outcome.OK and self.succeeded_at is None:
                self.succeeded_at = run.ended_at
            return
        if len(self.failures) < _MOST_ERRORS:
            self.failures.append(failure(run))
        if self.succeeded_at is not None or self.differed_at is not None:
            return
        latest = self.failures[0]
        if (run.error and run.error[:LONGEST]) == latest.error or signature.of(run.error) == latest.signature:
            self.alike_since = run.ended_at
        else:
            self.differed_at = run.ended_at

    def is_alike(self, began: datetime) -> bool | None:
        """Whether all failures since ``began``, when the row of them began, have one error; None where some are not
        known.
        """
        if self.differed_at is not None and self.differed_at >= began:
            return False
        is_whole = self.succeeded_at is not None or (self.alike_since is not None and self.alike_since <= began + SLACK)
        return True if self.alike_since is not None and is_whole else None

    def _take_lateness(self, run: Run, limit: float) -> None:
        seconds = _bounded(run.late_by_seconds or 0)
        if seconds <= limit:
            return
        self.late += 1
        self.worst_late = max(self.worst_late, seconds)
        if run.started_at is not None and len(self.waits) < _MOST_WAITS:
            self.waits.append(run.started_at.timestamp() - seconds / 2)


def failure(run: Run) -> Failure:
    """An attempt as a failure."""
    error = run.error and run.error[:LONGEST]
    return Failure(run.run_id, run.ended_at, run.error_type, error, signature.of(run.error), run.log, run.host)


def useful_seconds(one: Task) -> float | None:
    """For how long after its moment an occurrence of a recurring task is of use; None where it does not say."""
    found = one.get("recurrence")
    return found.get("expires_after_seconds") if found else None


def times(one: Task) -> int:
    """How many occurrences a record of the archive stands for."""
    stretch = one.get("stretch")
    return max(1, stretch["count"]) if stretch and one["status"] in (task.MISSED, task.SKIPPED) else 1


def _bounded(value: int) -> int:
    return max(0, min(value, _MOST))


def _number(value: object) -> float:
    """A count or an amount; 0 for what nothing could be added to."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15
    return float(value) if is_one and isinstance(value, int | float) else 0.0
