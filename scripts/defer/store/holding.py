"""How a wake treats records that need a newer version: which take up a slot, and which it reports.

An attempt that a newer version began counts as long as its holder may live, by the same verdict as
one of ours. After that it stays executing, since this version does not know how to settle it, but
its slot and its workspace are free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from defer.record import shapes, task, versions
from defer.record.codec import Task

_MOST_REPORTED = 200

IsHeld = Callable[[object], bool | None]
"""Whether the holder of a lease lives, by the lease's name: see ``record.holders``."""


def concerns_claim(one: Task, now: datetime, is_held: IsHeld) -> bool:
    """Whether a claim looks at this record: it is ours, or its attempt may be under way."""
    return versions.lacking(one) is None or (one["status"] == task.EXECUTING and may_live(one, now, is_held))


def may_live(executing: Task, now: datetime, is_held: IsHeld) -> bool:
    """Whether the attempt of an executing record, whoever wrote it, may still be under way."""
    from defer.record import holders  # who schedules judges nobody's attempt

    # A `run` that this version cannot read counts as long as one that names nobody.
    run = executing.get("run")
    known: Task = {**executing, "run": run if shapes.is_run_under_way(run) else None}
    return holders.verdict(known, now, is_held) == holders.ALIVE


def left_alone(tasks: Iterable[Task], now: datetime, is_held: IsHeld) -> dict[str, str]:
    """The ids, due or left executing, that wait for a newer version, each with the reason."""
    waiting = [one for one in tasks if versions.lacking(one) and _is_left(one, now, is_held)]
    waiting.sort(key=lambda one: (task.run_at(one), one["id"]))
    return {one["id"]: _reason(one) for one in waiting[:_MOST_REPORTED]}


def _is_left(one: Task, now: datetime, is_held: IsHeld) -> bool:
    if one["status"] == task.EXECUTING:
        return not may_live(one, now, is_held)
    return one["status"] == task.SCHEDULED and task.run_at(one) <= now


def _reason(one: Task) -> str:
    lost = "its runner is gone, and it " if one["status"] == task.EXECUTING else "it "
    return f"{lost}{versions.complaint(versions.lacking(one) or '')} (upgrade Defer)"
