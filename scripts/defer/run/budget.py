"""What a day's work of agents may cost: when it is used up, their tasks wait until the next day begins.

The settings name the bounds. What was spent is what run records say, so that an agent that reports nothing costs
nothing here; somebody who schedules for such an agent is told. Whether the day's money is gone is known once a run has
ended: those that run at once may take the sum past the bound, by what they cost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from defer import instants
from defer.record import task
from defer.record.codec import Task
from defer.settings import budget
from defer.settings.config import Config
from defer.store.interface import Spent

if TYPE_CHECKING:
    from defer.notices.events import Notice
    from defer.store.interface import Attempts


class Budget:
    """The day's budget as of ``now``. What was spent is read when it is first asked for."""

    def __init__(self, config: Config, store: Attempts, now: datetime) -> None:
        self._config, self._store, self._now = config, store, now
        self._day = budget.day(config, now)
        self._spent: Spent | None = None

    def held(self, one: Task, hot: Iterable[Task]) -> Task | None:
        """The task as it waits for the next day, if it is an agent's and the budget is used up; None if it may run.

        The caller holds the store's lock, and has read from it that ``hot`` is under way or waits to be filed.
        """
        if not is_agents(one, self._config):
            return None
        if self._spent is None:
            since = self._day.begin.astimezone(UTC)
            self._spent = self._store.spent(since, (run for other in hot for run in other.get("ended_runs") or ()))
        why = budget.used_up(*self._spent, self._config)
        if why is None:
            return None
        self._tell(why)
        return task.hold(one, self._day.end.astimezone(UTC), f"the day's budget is used up: {why}")

    def _tell(self, why: str) -> None:
        """Tell it once a day: a notice that is there already is not told again."""
        from defer.notices import events, outbox, places

        where, day = places.of(self._config), self._day.begin.date().isoformat()
        key = hashlib.sha256(f"budget {day}".encode()).hexdigest()[:32]
        if key in outbox.read(self._config.notices_file).notices:
            return
        wait = f"tasks of agents wait until {self._day.end:%Y-%m-%d %H:%M %Z}"
        notice: Notice = {
            "key": key,
            "event": events.ATTENTION,
            "id": "budget",
            "summary": f"The day's budget is used up: {why}; {wait}",
            "outcome": events.ATTENTION,
            "at": instants.to_text(self._now),
            "inbox": where.in_inbox,
            "to": list(where.labels),
        }
        outbox.add(self._config.notices_file, [notice], self._now)


def is_agents(one: Task, config: Config) -> bool:
    """Whether a task is worked on by an agent that we start."""
    if one.get("command"):
        return False
    from defer.executors import registry

    return registry.is_agent(one.get("executor") or config.executor)
