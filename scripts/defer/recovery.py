"""Attempts whose runner died: which of them are over, and which must be left alone.

An attempt is lost only when its runner is gone *and* its leader is gone. A leader that lives on
is left to finish (a second attempt beside it would do the work twice) until its deadline, then
killed with its group. What cannot be told from here, because it ran in another PID namespace,
counts as alive until its deadline.
"""

from __future__ import annotations

import signal
from datetime import datetime, timedelta

from . import instants, outcome, process
from .codec import Task
from .outcome import Outcome
from .process import Identity

ALIVE, LOST, OVERDUE = "alive", "lost", "overdue"
LEASE_WITHOUT_TIMEOUT = timedelta(hours=24)
"""How long an attempt without a timeout counts as alive where nobody can tell."""
V1_LEASE = timedelta(hours=1)
"""How long a v1 record, which names no process, counts as alive: v2's default timeout."""


def verdict(task: Task, now: datetime, me: Identity | None = None) -> str:
    """``alive``, ``lost``, or ``overdue``: its leader lives past its deadline without a runner.

    ``me`` is the runner that asks: another wake of the same process is over.
    """
    run = task.get("run")
    if not isinstance(run, dict) or not run.get("runner"):
        return ALIVE if _is_held(task, now, V1_LEASE) else LOST
    runner = False if _was_earlier_wake(run["runner"], me) else process.is_alive(run["runner"])
    if runner:
        return ALIVE
    leader = process.is_alive(run["leader"]) if run.get("leader") else runner
    deadline = instants.from_text(run["deadline_at"]) if run.get("deadline_at") else None
    if leader is None:
        is_held = now < deadline if deadline else _is_held(task, now, LEASE_WITHOUT_TIMEOUT)
        return ALIVE if is_held else LOST
    if not leader:
        return LOST
    return OVERDUE if deadline and now >= deadline else ALIVE


def _was_earlier_wake(runner: Identity, me: Identity | None) -> bool:
    if me is None or runner.get("wake") in (None, me["wake"]):
        return False
    return {**runner, "wake": None} == {**me, "wake": None}


def _is_held(task: Task, now: datetime, lease: timedelta) -> bool:
    """Whether the lease counts still; a start in the future, from a clock that was wrong, gives none for ever."""
    return -lease < now - _started(task) < lease


def _started(task: Task) -> datetime:
    try:
        return instants.from_text(task["started_at"])
    except (KeyError, TypeError, ValueError):
        return instants.EPOCH


def end_overdue(task: Task) -> None:
    """Kill the group of a leader that has outlived its runner and its deadline."""
    leader = task["run"]["leader"]
    if process.is_alive(leader):
        process.signal_group(int(leader["pid"]), signal.SIGKILL)


def lost(task: Task) -> Outcome:
    """The outcome of an attempt whose end nobody saw."""
    return Outcome(
        outcome.LOST,
        error_type=outcome.RUNNER_LOST,
        error="the runner died during the attempt; its outcome is not known",
        result={"prompt_path": task["run"]["prompt"]} if (task.get("run") or {}).get("prompt") else {},
    )
