"""Attempts whose runner died: which of them are over, and which must be left alone.

An attempt is lost only when its runner is gone *and* its leader is gone. A leader that lives on
is left to finish (a second attempt beside it would do the work twice) until its deadline, then
ended with all that belongs to it. A claim that names no leader was never begun: its gate stayed shut.

What cannot be told by a pid, because it ran in another PID namespace or the system shows no processes,
is told by the runner's lease. A record without one counts as alive until its deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from defer import instants, process
from defer.process import Identity
from defer.record import outcome
from defer.record.codec import Task
from defer.record.outcome import Outcome

ALIVE, LOST, OVERDUE, NEVER_BEGAN = "alive", "lost", "overdue", "never began"
LEASE_WITHOUT_TIMEOUT = timedelta(hours=24)
"""How long an attempt without a timeout counts as alive where nobody can tell."""
V1_LEASE = timedelta(hours=1)
"""How long a v1 record, which names no process, counts as alive: v2's default timeout."""

IsHeld = Callable[[object], bool | None]
"""Whether the holder of a lease lives, by the lease's name; None where that cannot be told."""


def verdict(task: Task, now: datetime, is_held: IsHeld, me: Identity | None = None) -> str:
    """``alive``; ``lost``; ``never began``; or ``overdue``: its leader lives past its deadline without a runner.

    ``me`` is the runner that asks: another wake of the same process is over.
    """
    run = task.get("run")
    if not isinstance(run, dict) or not run.get("runner"):
        return ALIVE if _counts_still(task, now, V1_LEASE) else LOST
    runner = False if _was_earlier_wake(run["runner"], me) else _lives(run, "runner", is_held)
    if runner:
        return ALIVE
    if not run.get("leader"):
        return NEVER_BEGAN if runner is False or not _counts_still(task, now, _lease_of(run, task)) else ALIVE
    leader = _lives(run, "leader", is_held)
    if leader is None:
        return ALIVE if _counts_still(task, now, _lease_of(run, task)) else LOST
    if not leader:
        return LOST
    deadline = instants.from_text(run["deadline_at"]) if run.get("deadline_at") else None
    return OVERDUE if deadline and now >= deadline else ALIVE


def _lives(run: dict[str, Any], who: str, is_held: IsHeld) -> bool | None:
    """Whether the runner or the leader of a run lives: by its pid where that says something, else by the lease."""
    known = run[who]
    by_pid = process.is_alive(known)
    if by_pid is not None and process.is_of_this_boot(known):
        return by_pid
    # A container may see a boot of its own: what another boot wrote may be alive as long as its lease is held.
    held = is_held(run.get("lease"))
    if held is None:
        return by_pid
    # A leader that shares our namespace and cannot be seen may have outlived its runner and its keeper.
    return by_pid if who == "leader" and not held and process.is_of_this_namespace(known) else held


def is_out_of_reach(task: Task, now: datetime, is_held: IsHeld) -> bool:
    """Whether an attempt counts as alive although nobody here can see its processes."""
    run = task.get("run")
    known = run.get("runner") if isinstance(run, dict) else None
    if known and process.is_alive(known) is not None and process.is_of_this_boot(known):
        return False
    return verdict(task, now, is_held) == ALIVE


def holder(task: Task) -> str:
    """Who holds an attempt, in words."""
    run = task.get("run")
    if not isinstance(run, dict) or not run.get("runner"):
        return "a v1 runner, which has left no name"
    at = f" since {run['started_at']}" if run.get("started_at") else ""
    return f"the runner with pid {run['runner']['pid']} on host {run.get('host') or 'unknown'}{at}"


def _lease_of(run: dict[str, Any], task: Task) -> timedelta:
    """How long after its start an attempt that cannot be told counts as alive: to its deadline, or a day."""
    if not run.get("deadline_at"):
        return LEASE_WITHOUT_TIMEOUT
    return instants.from_text(run["deadline_at"]) - _started(task)


def _was_earlier_wake(runner: Identity, me: Identity | None) -> bool:
    if me is None or runner.get("wake") in (None, me["wake"]):
        return False
    return {**runner, "wake": None} == {**me, "wake": None}


def _counts_still(task: Task, now: datetime, lease: timedelta) -> bool:
    """Whether the lease counts still; a start in the future, from a clock that was wrong, gives none for ever."""
    return -lease < now - _started(task) < lease


def _started(task: Task) -> datetime:
    try:
        return instants.from_text(task["started_at"])
    except (KeyError, TypeError, ValueError):
        return instants.EPOCH


def lost(task: Task, *, why: str = "the runner died during the attempt; its outcome is not known") -> Outcome:
    """The outcome of an attempt whose end nobody saw."""
    run = task.get("run") or {}
    known = {"prompt_path": run.get("prompt"), "log_path": run.get("log")}
    return Outcome(
        outcome.LOST,
        error_type=outcome.RUNNER_LOST,
        error=why,
        result={name: path for name, path in known.items() if path},
    )
