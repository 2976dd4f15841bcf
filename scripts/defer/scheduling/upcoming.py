"""What will run, and when: the runs of every task, merged in order, each worked out when it is needed."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from defer import instants
from defer.record import occurrences
from defer.record.codec import Task


class _Next(NamedTuple):
    """The next run of one task. Two of them never compare beyond the id, which only one task has."""

    run_at: str
    task_id: str
    summary: object
    later: Iterator[datetime]


def upcoming(tasks: Iterable[Task], now: datetime, end: datetime, limit: int) -> Iterator[dict[str, Any]]:
    """Every run of every task from ``now`` up to ``end``, in order, at most ``limit`` of them.

    Memory holds one run of each task, and of no more tasks than ``limit``.
    """
    heap = _soonest(_first_runs(tasks, now, end), limit)
    while heap and limit > 0:
        run_at, task_id, summary, later = heap[0]
        yield {"run_at": run_at, "id": task_id, "summary": summary}
        limit -= 1
        following = next(later, None)
        if following is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, _Next(instants.to_text(following), task_id, summary, later))


def _first_runs(tasks: Iterable[Task], now: datetime, end: datetime) -> Iterator[_Next]:
    for one in tasks:
        later = occurrences.upcoming(one, end, now)
        first = next(later, None)
        if first is not None:
            yield _Next(instants.to_text(first), one["id"], (one.get("context") or {}).get("summary"), later)


def _soonest(runs: Iterable[_Next], limit: int) -> list[_Next]:
    """The ``limit`` soonest, in order, which makes a list a heap: what first runs after them all is never shown."""
    held: list[_Next] = []
    for run in runs:
        held.append(run)
        if len(held) >= 2 * limit + 1000:
            held = heapq.nsmallest(limit, held)
    return heapq.nsmallest(limit, held)
