"""Cancelling a task whose attempt is under way."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

from . import outcome, process, recovery, scheduler, task
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
) -> Task:
    """Cancel a task, ending its attempt if one is under way; the record once it is settled.

    Its runner settles it. Where that one is gone, this does.
    """
    asked = store.update(task_id, clock(), partial(task.ask_to_cancel, now=clock(), reason=reason))
    audit.note(clock(), "cancel_requested", task_id, reason=reason)
    started = time.monotonic()
    number: signal.Signals | None = signal.SIGTERM
    while asked["status"] == task.EXECUTING:
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


def _end_leader(asked: Task, number: signal.Signals | None) -> signal.Signals | None:
    """Send ``number`` to the attempt's group once it has a leader; what is still to be sent."""
    leader = asked["run"].get("leader") if isinstance(asked.get("run"), dict) else None
    if leader is None or number is None:
        return number
    if process.is_alive(leader):
        process.signal_group(int(leader["pid"]), number)
    return None


def _settled_as_lost(asked: Task, now: datetime, backoff: Backoff, current: Task) -> Task:
    same_run = (current.get("run") or {}).get("run_id") == (asked.get("run") or {}).get("run_id")
    if current["status"] != task.EXECUTING or not same_run:
        return current
    return outcome.settle(current, recovery.lost(current), now, backoff)
