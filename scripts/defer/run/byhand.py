"""One attempt that somebody asks for by hand, of a task in the store or outside it: `execute-task.sh`, as in v1.

A task in the store is claimed, run and settled there as a wake does it (the same locks, run record, start gate and
retries), whatever its time and however many attempts are under way. Nothing else is claimed, recovered or filed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from defer.errors import DeferError, NoSuchTask, NotStorable
from defer.record import task, versions
from defer.record.codec import Task
from defer.scheduling import find
from defer.settings.config import Config
from defer.store.audit import AuditLog
from defer.store.interface import Turn

from . import claim, pace
from .loop import Loop
from .wake import Runner

if TYPE_CHECKING:
    from defer.record.types import Run as RunFields
    from defer.record.types import RunUnderWay
    from defer.store.interface import BeforeDrop, Change, Choose, LookBy, Spent, Store

_SAID_BY_V1 = ("status", "started_at")


class ByHand(Runner):
    """A runner of one task in the store, called like a wake's runner."""

    pace_of = pace.Never

    def run(self, given: Task) -> Task | None:
        """Make one attempt of the task that has the id of ``given``; its record then, None if others settled it.

        Raises Refused for one that may not run now.
        """
        self._given = given
        self._work()
        self._send()
        if self._sending is not None:
            self._sending.finish()
        if self._held_up is not None:
            raise self._held_up
        return self.settled

    def _turn_until_done(self) -> None:
        now = self._clock()
        # A task that has changed meanwhile is not ours to run: what is due is not even looked at.
        claimed = self._store.claim_due(now, lambda hot: [self._claimed(hot, now)])
        if not claimed:
            raise NotStorable(f"the claim of {self._given['id']} could not be stored (see the audit log)")
        self._take_up(claimed, now)
        if claimed[0]["status"] == task.EXECUTING:
            super()._turn_until_done()
        else:
            self.settled = claimed[0]

    def _claimed(self, hot: list[Task], now: datetime) -> Task:
        current = self._store.find(self._given["id"])
        if current is None:
            raise NoSuchTask(self._given["id"])
        from defer.record import conversation

        current = conversation.continued(current, self._store.find)
        return claim.by_hand(current, self._given, hot, now, self._new_run())


class Apart(ByHand):
    """A runner of one task that stands in no store. Nothing else is to know of its attempt: it has no lease."""

    names_log = False

    def _claimed(self, hot: list[Task], now: datetime) -> Task:
        return task.claim(hot[0], now, self._new_run())

    def _new_run(self) -> RunUnderWay:
        return {"run_id": f"run_{self._clock():%Y%m%dT%H%M%SZ}_{os.urandom(5).hex()}"}


class OneTask:
    """A store of one task, in memory. ``now`` is when it was changed last."""

    patience: float | None = None

    def __init__(self, one: Task, now: datetime) -> None:
        self._task, self.now = one, now

    def find(self, task_id: str) -> Task | None:
        return self._task if task_id == self._task["id"] else None

    def turn(self, now: datetime, changes: Mapping[str, Change], choose: Choose | None = None) -> Turn:
        changed: dict[str, Task | Exception] = {}
        for task_id, change in changes.items():
            try:
                changed[task_id] = self.update(task_id, now, change)
            except DeferError as error:
                changed[task_id] = error
        return Turn(changed, self.claim_due(now, choose) if choose else [])

    def update(self, task_id: str, now: datetime, change: Change) -> Task:
        if task_id != self._task["id"]:
            raise NoSuchTask(task_id)
        self._task, self.now = change(self._task), now
        return self._task

    @staticmethod
    def spent(_since: datetime, _unfiled: Iterable[RunFields] = ()) -> Spent:
        from defer.store.interface import Spent

        return Spent()

    def claim_due(self, now: datetime, choose: Choose) -> list[Task]:
        claimed = choose([self._task])
        for one in claimed:
            self._task, self.now = one, now
        return claimed

    def attention(self, now: datetime) -> list[Task]:
        return [one for one in [self._task] if task.needs_attention_at(one) <= now]

    def scan(self) -> Iterator[Task]:
        return iter([self._task])

    def archive(
        self, now: datetime, before_drop: BeforeDrop | None = None, look_by: LookBy | None = None
    ) -> list[Task]:
        raise NotImplementedError

    def lease(self, token: str) -> NoLease:
        return NoLease(token)

    def is_held(self, name: object) -> bool | None:
        raise NotImplementedError


class NoLease:
    """Nobody shares a task that stands in no store."""

    fd: int | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def take(self) -> str | None:
        return None

    def release(self, *, with_file: bool = True) -> None:
        """Nothing is held."""


def attempt(
    store: Store, config: Config, audit: AuditLog, clock: Callable[[], datetime], given: Task
) -> tuple[Task, list[str]]:
    """Make one attempt of ``given``; its record afterwards, and the fields in which the store's record differs.

    The record in the store counts. Raises Refused.
    """
    versions.must_know(given)
    known = store.find(given["id"])
    with Loop(owns_process=True) as loop:
        if known is None:
            alone = Apart(OneTask(given, clock()), config, AuditLog(Path(os.devnull)), clock, loop=loop).run(given)
            return _came_to(alone or given), []
        settled = ByHand(store, config, audit, clock, loop=loop).run(given)
    differing = [name for name in given if name not in _SAID_BY_V1 and dict(given)[name] != dict(known).get(name)]
    return _came_to(settled or find.look_up(store, given["id"])), differing


def _came_to(settled: Task) -> Task:
    """The record of what was attempted: if the task went on to another occurrence, that of the one that ended."""
    goes_on = settled["status"] == task.SCHEDULED and not settled["attempts"]
    ended = [one for one in settled.get("ended") or [] if one.get("attempts")] if goes_on else []
    return ended[-1] if ended else settled
