"""Cancelling a task whose attempt is under way."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

from . import changes, outcome, process, recovery, scheduler, task
from .audit import AuditLog
from .codec import Task
from .config import Config
from .errors import Refused
from .retry import Backoff
from .store import Store

_KILL_POLL_SECONDS = 0.05
_SETTLE_PATIENCE_SECONDS = 10.0


def cancel(
    store: Store,
    audit: AuditLog,
    task_id: str,
    reason: str | None,
    config: Config,
    clock: Callable[[], datetime],
    *,
    occurrence_only: bool = False,
) -> Task:
    """Cancel a task, ending its attempt if one is under way; the record once it is settled.

    Its runner settles it. Where that one is gone, this does. With ``occurrence_only`` a
    recurring task goes on to its next occurrence.
    """
    ask = changes.ask_to_cancel_occurrence if occurrence_only else task.ask_to_cancel
    asked = store.update(task_id, clock(), partial(ask, now=clock(), reason=reason))
    _note(audit, asked, reason, clock(), occurrence_only=occurrence_only)
    run_id = _run_id(asked)
    started = time.monotonic()
    number: signal.Signals | None = signal.SIGTERM
    while asked["status"] == task.EXECUTING and _run_id(asked) == run_id:
        number = _end_leader(asked, number)
        if recovery.verdict(asked, clock()) == recovery.LOST:
            change = partial(_settled_as_lost, asked, clock(), config.backoff)
            return store.update(task_id, clock(), change)
        time.sleep(_KILL_POLL_SECONDS)
        waited = time.monotonic() - started
        if waited > config.kill_grace_seconds:
            number = signal.SIGKILL
        if waited > config.kill_grace_seconds + _SETTLE_PATIENCE_SECONDS:
            raise Refused(f"task is still executing: {task_id} (its attempt was killed; its runner has not settled it)")
        asked = scheduler.look_up(store, config.archive_dir, task_id)
    return asked


def _note(audit: AuditLog, asked: Task, reason: str | None, now: datetime, *, occurrence_only: bool) -> None:
    """One audit line: what was asked for, or what was done at once because nothing was under way."""
    if asked["status"] == task.EXECUTING:
        audit.note(now, "cancel_requested", asked["id"], reason=reason, occurrence_only=occurrence_only or None)
    else:
        audit.note(now, "occurrence_cancelled" if occurrence_only else "cancelled", asked["id"], reason=reason)


def _run_id(one: Task) -> object:
    run = one.get("run")
    return run.get("run_id") if isinstance(run, dict) else None


def _end_leader(asked: Task, number: signal.Signals | None) -> signal.Signals | None:
    """Send ``number`` to the attempt's group once it has a leader; what is still to be sent."""
    leader = asked["run"].get("leader") if isinstance(asked.get("run"), dict) else None
    if leader is None or number is None:
        return number
    if process.is_alive(leader):
        process.signal_group(int(leader["pid"]), number)
    return None


def _settled_as_lost(asked: Task, now: datetime, backoff: Backoff, current: Task) -> Task:
    if current["status"] != task.EXECUTING or _run_id(current) != _run_id(asked):
        return current
    return outcome.settle(current, recovery.lost(current), now, backoff)
