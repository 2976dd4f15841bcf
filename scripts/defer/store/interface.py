"""What the use cases need of a store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from defer.errors import NotStorable
from defer.record.codec import Task

Report = Callable[..., None]
"""``report(action, **facts)``: told of what the store set aside or found unreadable."""


class Store(Protocol):
    """What the use cases rely on. Every verb that changes something is durable when it returns."""

    patience: float | None
    """Seconds to wait for the lock before StoreBusy is raised; None is what the settings say."""

    def append(self, new: Sequence[Task], now: datetime, if_exists: str = "error") -> list[Task]:
        """Add tasks, naming those without an id; the records as stored."""

    def find(self, task_id: str) -> Task | None:
        """The current record of an id, or None."""

    def scan(self) -> Iterator[Task]:
        """The current record of every task still in the store, in file order, streamed."""

    def scan_json(self, statuses: Collection[str] | None = None) -> Iterator[bytes]:
        """The same as JSON, one line each, of these statuses; without what waits to be filed."""

    def unreadable(self, task_id: str) -> str | None:
        """Where a line that names the id is not a record, and why; None if there is none."""

    def update(self, task_id: str, now: datetime, change: Callable[[Task], Task]) -> Task:
        """Replace one record by ``change`` of it, atomically. Raises Refused when there is none."""

    def update_each(
        self, ids: Collection[str], now: datetime, change: Callable[[Task], Task]
    ) -> dict[str, Task | NotStorable]:
        """Replace many records in one write; for each that is there, its new record, or why it could not be."""

    def claim_due(self, now: datetime, choose: Callable[[list[Task]], list[Task]]) -> list[Task]:
        """Let ``choose`` pick among what is due and executing, and store what it returns, atomically."""

    def attention(self, now: datetime) -> list[Task]:
        """What a wake must look at: tasks that are due, executing or unfiled."""

    def archive(self, now: datetime) -> list[Task]:
        """File what has ended and drop it; the records that were filed."""
