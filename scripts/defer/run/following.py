"""One occurrence of a task, followed to its end from outside, whoever runs it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from defer import fsio
from defer.errors import Refused
from defer.record import task, versions
from defer.record.codec import Task

if TYPE_CHECKING:
    from defer.store.interface import Store

_FILED_SINCE = timedelta(hours=1)
"""How far back an end is looked for at first, which is found after following began: few clocks are set back by more."""


class Following:
    """The occurrence that ``one`` waits for or is executing. If somebody moves it to another time, that one."""

    def __init__(self, store: Store, tasks_file: Path, one: Task, now: datetime) -> None:
        self._store, self._tasks_file, self._since = store, tasks_file, now - _FILED_SINCE
        self._seen: object = self
        self.one = one
        """The task's record as of the last look."""
        self.ended: Task | None = one if one["status"] in task.ENDED else None
        """The record of its end, once that has come."""

    def look(self) -> bool:
        """Look again where the store has changed since the last look; whether it has.

        Raises Refused where the task is gone and nobody has recorded an end, NeedsNewer where it became a newer
        version's.
        """
        state = fsio.stat(self._tasks_file)
        seen = state and (state.st_ino, state.st_size, state.st_mtime_ns)
        if seen == self._seen:
            return False
        self._seen = seen
        if self.ended is None:
            self.ended = self._end()
        return True

    def _end(self) -> Task | None:
        current = self._store.find(self.one["id"])
        is_same = current is not None and current.get("created_at") == self.one.get("created_at")
        if current is not None and is_same:
            versions.must_know(current)
            over = [*(current.get("ended") or []), *([current] if current["status"] in task.ENDED else [])]
            found = self._of_mine(over)
            if found is None and task.occurrence_of(current) == task.occurrence_of(self.one):
                self.one = current
                return None
            if found is not None:
                return found
        found = self._filed_end()
        if found is None and (current is None or not is_same):
            raise Refused(f"task is gone, and no end of it was recorded: {self.one['id']} (see defer doctor --records)")
        if found is None and current is not None:
            # It was edited or moved: what it waits for now is what one waits for.
            self.one = current
        return found

    def _filed_end(self) -> Task | None:
        name = self.one["id"]
        found = self._of_mine(self._store.ended_records(name, self._since))
        return self._of_mine(self._store.ended_records(name)) if found is None else found

    def _of_mine(self, records: Iterable[Task]) -> Task | None:
        return next((one for one in records if self._is_end(one)), None)

    def _is_end(self, one: Task) -> bool:
        if one["id"] != self.one["id"] or one.get("created_at") != self.one.get("created_at"):
            return False
        one = versions.knowable(one)
        wanted, stretch = task.occurrence_of(self.one), one.get("stretch")
        return stretch["first"] <= wanted <= stretch["last"] if stretch else task.occurrence_of(one) == wanted
