"""What runs tell that lie further back than all that `health` looks through: they are looked up task by task."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from defer.record import outcome

from .habits import Habit

if TYPE_CHECKING:
    from defer.record.runs import Run

LOOK_BACK = timedelta(days=30)
"""How far before the two windows runs are looked at to know how long a task usually takes."""
_MOST_LOOKED_UP = 100


class Older:
    """``look_up(task_id, since)``: the runs of one task, the newest first. Of a hundred tasks at most it is asked."""

    def __init__(self, look_up: Callable[[str, datetime | None], Iterable[Run]]) -> None:
        self._look_up, self._looked_up = look_up, 0

    def _may_look(self) -> bool:
        self._looked_up += 1
        return self._looked_up <= _MOST_LOOKED_UP

    def of_streak(self, name: str, habit: Habit, began: datetime, at: datetime) -> Habit:
        """What is known of a row of failures: its latest attempts, and whether a copy succeeded after ``at``.

        ``habit``: what has been seen of the task.
        """
        is_known = any(one.at >= began for one in habit.failures) or (habit.cured_at and habit.cured_at >= at)
        if is_known or not self._may_look():
            return habit
        found = Habit()
        for run in self._look_up(name, began):
            found.take(run, None)
            if found.failures:
                break
        return found

    def has_run(self, name: str) -> bool | None:
        """Whether a task has ever run by itself; None where that was not looked up."""
        return any(run.copy_of is None for run in self._look_up(name, None)) if self._may_look() else None

    def last_success(self, name: str, before: datetime) -> datetime | None:
        """When a task last succeeded by itself, not long before a moment at which it did not; None if unknown."""
        if not self._may_look():
            return None
        runs = self._look_up(name, before - LOOK_BACK)
        return next((run.ended_at for run in runs if run.status == outcome.OK and run.copy_of is None), None)
