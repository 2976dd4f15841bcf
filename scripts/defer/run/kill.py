"""Ending attempts by hand: ``cancel --kill``, and ``release`` of one whose holder nobody can reach."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from defer import process
from defer.errors import Refused
from defer.record import changes, events, holders, outcome, task
from defer.record.codec import Task
from defer.scheduling import find
from defer.settings.config import Config
from defer.store.audit import AuditLog

from . import settling
from .command import Paths
from .descendants import Search
from .ending import Ending
from .settling import run_id

if TYPE_CHECKING:
    from defer.store.interface import Store

_KILL_POLL_SECONDS = 0.05
_SETTLE_PATIENCE_SECONDS = 10.0
_RELEASED = "released by hand: its runner could not be reached; its outcome is not known"


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

    Its runner settles it; if the runner is gone, this does. With ``occurrence_only`` a
    recurring task goes on to its next occurrence. Raises Refused for an attempt that cannot be ended from here.
    """
    ask = changes.ask_to_cancel_occurrence if occurrence_only else changes.ask_to_cancel
    is_held = store.is_held
    _refuse_out_of_reach(store.find(task_id), clock(), is_held)
    asked = find.change(store, task_id, clock(), partial(ask, now=clock(), reason=reason))
    audit.tell(events.cancel_requested(asked, reason, clock(), occurrence_only=occurrence_only))
    if asked["status"] != task.EXECUTING:
        return asked
    return _Killing(store, config, clock, is_held).until_settled(asked)


def _refuse_out_of_reach(known: Task | None, now: datetime, is_held: holders.IsHeld) -> None:
    if known is None or known["status"] != task.EXECUTING or not known.get("run"):
        return
    if holders.is_out_of_reach(known, now, is_held):
        raise Refused(
            f"task is executing where it cannot be ended from here: {known['id']}, held by "
            f"{holders.holder(known)} (cancel it there; if that is gone: defer release {known['id']})"
        )


class _Killing:
    """An attempt on its way to its end, whoever settles it."""

    def __init__(self, store: Store, config: Config, clock: Callable[[], datetime], is_held: holders.IsHeld) -> None:
        self._store, self._config, self._clock, self._is_held = store, config, clock, is_held
        self._ending: Ending | None = None

    def until_settled(self, asked: Task) -> Task:
        # Counted by looks: while the machine stood still nobody could have settled it.
        mine, left = asked, self._config.kill_grace_seconds + _SETTLE_PATIENCE_SECONDS
        while settling.carries(asked, mine):
            has_ended = self._has_ended(asked)
            found = holders.verdict(asked, self._clock(), self._is_held)
            if has_ended and found in (holders.LOST, holders.NEVER_BEGAN):
                with suppress(settling.NotOurs):
                    return self._settled_as_lost(asked)
            if left < 0:
                raise Refused(f"task is still executing: {asked['id']} ({_what_was_done(has_ended)})")
            time.sleep(_KILL_POLL_SECONDS)
            left -= _KILL_POLL_SECONDS
            asked = find.look_up(self._store, asked["id"])
        return asked

    def _settled_as_lost(self, asked: Task) -> Task:
        paths = Paths.of(self._config.log_dir, asked["id"], str(run_id(asked)))
        return settling.settle(self._store, asked, outcome.lost(asked), self._clock(), self._config.backoff, paths)

    def _has_ended(self, asked: Task) -> bool:
        """Whether nothing of the attempt is left. Asks its leader, once there is one, to end; later kills it."""
        leader = settling.leader_of(asked)
        if leader is None:
            return True
        if self._ending is None:
            search = Search(int(leader["pid"]), str(run_id(asked)), start=leader.get("start"))
            self._ending = Ending(search, self._config.kill_grace_seconds)
            if process.is_alive(leader) or self._ending.left():
                self._ending.begin()
        return not self._ending.has_begun or self._ending.is_over(time.monotonic())


def _what_was_done(has_ended: bool) -> str:
    if has_ended:
        return "its attempt was ended; its runner has not settled it yet"
    return "its attempt was told to end and has not ended"


def release(store: Store, audit: AuditLog, config: Config, task_id: str, now: datetime) -> tuple[Task, str]:
    """Settle as lost an attempt whose holder is out of reach; the record, and who held it.

    Raises Refused for a task that is not executing, and for an attempt that is known to live.
    """
    is_held = store.is_held
    held_by: list[str] = []

    def released(current: Task) -> Task:
        held_by.append(holders.holder(current))
        _check_releasable(current, now, is_held)
        return outcome.settle(current, outcome.lost(current, why=_RELEASED), now, config.backoff)

    found = find.look_up(store, task_id)
    if found["status"] != task.EXECUTING:
        raise Refused(f"task is not executing: {task_id} is {found['status']} (nothing to release)")
    settled = find.change(store, task_id, now, released)
    settling.remove_private(Paths.of(config.log_dir, task_id, str(run_id(found))))
    audit.tell(events.released(task_id, run_id(found), held_by[-1], now))
    return settled, held_by[-1]


def _check_releasable(current: Task, now: datetime, is_held: holders.IsHeld) -> None:
    name = current["id"]
    if current["status"] != task.EXECUTING:
        raise Refused(f"task is not executing: {name} is {current['status']} (nothing to release)")
    run = current.get("run") if isinstance(current.get("run"), dict) else {}
    if not run or holders.verdict(current, now, is_held) in (holders.LOST, holders.NEVER_BEGAN):
        return
    if not holders.is_out_of_reach(current, now, is_held):
        raise Refused(f"task executes here: {name}, begun by {holders.holder(current)} (defer cancel --kill {name})")
    if is_held(run.get("lease")):
        raise Refused(f"its runner lives: {name} is held by {holders.holder(current)} (end it there)")
