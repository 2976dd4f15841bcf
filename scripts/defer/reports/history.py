"""What has happened, newest first: each attempt, and each end of an occurrence that had none.

Two kinds of records tell it, both read newest first: run records are the attempts; archive records are the ends of
occurrences, most of which an attempt has brought about and which therefore have a run record already.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from defer import instants
from defer.record import outcome, task, versions

if TYPE_CHECKING:
    from defer.record.codec import Task
    from defer.record.runs import Run
    from defer.record.types import Worktree

EXPIRED = "expired"
OUTCOMES = (
    *(outcome.OK, outcome.FAILED, outcome.TIMEOUT, outcome.LOST),
    *(task.CANCELLED, EXPIRED, task.MISSED, task.SKIPPED),
)
"""How an attempt, or an occurrence that had none, may have ended."""
STANDS_FOR = {
    task.COMPLETED: {outcome.OK},
    task.FAILED: {outcome.FAILED, outcome.TIMEOUT, outcome.LOST, EXPIRED},
}
"""The states of a task that stand for several of these, or are called otherwise."""
_LONGEST_LINE, _FILED_AT_ONCE = 200, 64
_ENDED_AT = attrgetter("ended_at")


class Row(NamedTuple):
    """One attempt, or one end of an occurrence without an attempt, as ``references/history.schema.json`` has it.

    ``id``: the task; for a copy made by `run`, whose own id is ``copy``, its original. ``why``: the first line of the
    error or reason; ``summary``: the first line of what it said or printed. ``stretch``: the first and last of several
    occurrences in a row that share this line, and how many. Moments are instants; the JSON has them as text.
    """

    id: str
    copy: str | None
    run_id: str | None
    outcome: str
    occurrence: str | None
    started_at: datetime | None
    ended_at: datetime
    late_by_seconds: int | None
    duration_ms: int | None
    attempt: int | None
    error_type: str | None
    why: str | None
    summary: str | None
    input_tokens: float | None
    output_tokens: float | None
    cost_usd: float | None
    session_id: str | None
    log: str | None
    host: str | None
    worktree: Worktree | None
    stretch: dict[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """The row as it is printed."""
        started = None if self.started_at is None else instants.to_text(self.started_at)
        return {**self._asdict(), "started_at": started, "ended_at": instants.to_text(self.ended_at)}


class _Passed(NamedTuple):
    """An end that an attempt stands for. It takes its turn, so that nobody looks for the next one a year back."""

    ended_at: datetime


def run_statuses_of(outcomes: Collection[str]) -> set[str] | None:
    """The statuses of run records that may be among these outcomes, none for all; None where no attempt may be."""
    failed = {outcome.FAILED, outcome.TIMEOUT, outcome.LOST}
    found = failed.union({outcome.OK}).intersection(outcomes) | (failed if task.CANCELLED in outcomes else set())
    return found or (None if outcomes else set())


def statuses_of(outcomes: Collection[str]) -> set[str] | None:
    """The same of the statuses of ended records; only an attempt runs into its limit, or is lost."""
    called = {outcome.OK: task.COMPLETED, EXPIRED: task.FAILED}
    found = {called.get(one, one) for one in outcomes if one not in (outcome.TIMEOUT, outcome.LOST)}
    return found or (None if outcomes else set())


_Ended = TypeVar("_Ended", Row, Row | _Passed)


def rows(runs: Iterable[Run], ended: Iterable[Task], outcomes: Collection[str] = ()) -> Iterator[Row]:
    """The rows of both kinds of records, each newest first, in one order; with ``outcomes`` only of these."""
    others = (_Passed(task.ended_at(one)) if _had_attempt(one) else _of_end(one) for one in ended)
    both = _in_order(map(_of_run, runs)), _in_order(others)
    for row in heapq.merge(*both, key=_ENDED_AT, reverse=True):
        if isinstance(row, Row) and (not outcomes or row.outcome in outcomes):
            yield row


def _in_order(some: Iterable[_Ended]) -> Iterator[_Ended]:
    """The newest first, though what was filed at one time stands in any order."""
    held: list[tuple[float, int, _Ended]] = []
    for number, one in enumerate(some):
        heapq.heappush(held, (-_ENDED_AT(one).timestamp(), number, one))
        if len(held) > _FILED_AT_ONCE:
            yield heapq.heappop(held)[2]
    while held:
        yield heapq.heappop(held)[2]


def counted(some: Iterable[Row]) -> dict[str, int]:
    """How many there are of each outcome, in the order of ``OUTCOMES``; each occurrence of a stretch counts."""
    found: Counter[str] = Counter()
    for row in some:
        found[row.outcome] += row.stretch["count"] if row.stretch else 1
    known = [name for name in OUTCOMES if name in found]
    return {name: found[name] for name in (*known, *sorted(found.keys() - set(known)))}


def _of_run(run: Run) -> Row:
    usage = run.usage or {}
    return Row(
        id=run.copy_of or run.task_id or "",
        copy=run.task_id if run.copy_of else None,
        run_id=run.run_id,
        outcome=task.CANCELLED if run.error_type == outcome.CANCELLED else run.status or "",
        occurrence=run.occurrence,
        started_at=run.started_at,
        ended_at=run.ended_at,
        late_by_seconds=run.late_by_seconds,
        duration_ms=run.duration_ms,
        attempt=run.attempt,
        error_type=run.error_type,
        why=_first_line(run.error),
        summary=_first_line(run.summary),
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
        cost_usd=usage.get("cost_usd"),
        session_id=run.session_id,
        log=run.log,
        host=run.host,
        worktree=run.worktree,
        stretch=None,
    )


# completed with an occurrence            an attempt of ours did it
# failed, result of type executor_failed  so it did here; an expired one, or one with an unreadable rule, has no result
# cancelled, with an error                by --kill; a task that waited for its retry has none
# no occurrence                           version 1, which kept no run records, filed it
def _had_attempt(ended: Task) -> bool:
    """Whether the end of an occurrence is the end of an attempt, which has a run record of its own."""
    if versions.is_newer(ended):
        return bool(ended.get("attempts"))
    if ended.get("occurrence") is None:
        return False
    status = ended["status"]
    if status == task.FAILED:
        return (ended.get("result") or {}).get("type") == "executor_failed"
    return status == task.COMPLETED or (status == task.CANCELLED and bool(ended.get("attempts")) and "error" in ended)


def _of_end(ended: Task) -> Row:
    if versions.is_newer(ended):
        # Its other fields may be of any type.
        ended = {"id": ended["id"], "run_at": ended["run_at"], "status": ended["status"]}
    copy_of, result, stretch = ended.get("copy_of"), ended.get("result") or {}, ended.get("stretch")
    return Row(
        id=copy_of or ended["id"],
        copy=ended["id"] if copy_of else None,
        run_id=None,
        outcome=_outcome(ended),
        occurrence=ended.get("occurrence") or ended["run_at"],
        started_at=_began(ended),
        ended_at=task.ended_at(ended),
        late_by_seconds=None,
        duration_ms=None,
        attempt=ended.get("attempts") or None,
        error_type=ended.get("error_type"),
        why=_first_line(ended.get("error") or ended.get("reason") or ended.get("cancel_reason")),
        summary=_first_line(result.get("summary") or result.get("output")),
        input_tokens=None,
        output_tokens=None,
        cost_usd=None,
        session_id=None,
        log=result.get("log_path"),
        host=None,
        worktree=result.get("worktree"),
        stretch=None if stretch is None else {name: stretch[name] for name in ("first", "last", "count")},
    )


def _outcome(ended: Task) -> str:
    if ended["status"] == task.COMPLETED:
        return outcome.OK
    return EXPIRED if ended.get("error_type") == outcome.EXPIRED else ended["status"]


def _began(ended: Task) -> datetime | None:
    """When version 1 began what it filed; what we filed and has no run record had no attempt."""
    started = None if ended.get("occurrence") else ended.get("started_at")
    try:
        return instants.from_text(started) if started else None
    except ValueError:
        return None


def _first_line(text: str | None) -> str | None:
    whole = (text or "").strip()
    return whole.split("\n", 1)[0].rstrip()[:_LONGEST_LINE] if whole else None
