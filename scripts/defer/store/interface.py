"""What the use cases need of a store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias

from defer.errors import DeferError, NotStorable
from defer.record.codec import Task

Report = Callable[..., None]
"""``report(action, **facts)``: told of what the store set aside or found unreadable."""
Change: TypeAlias = Callable[[Task], Task]
"""``change(record)``: what becomes of a record, or the same one."""
Choose: TypeAlias = Callable[[list[Task]], list[Task]]
"""``choose(due and executing)``: those of them that are changed."""


class Turn(NamedTuple):
    """What became of the records of a wake in one write: each as it stands then, or why it could not be changed."""

    changed: dict[str, Task | DeferError]
    claimed: list[Task]


class Attempts(Protocol):
    """What a wake relies on. Every verb that changes something is durable when it returns."""

    patience: float | None
    """Seconds to wait for the lock before StoreBusy is raised; None is what the settings say."""

    def find(self, task_id: str) -> Task | None:
        """The current record of an id, or None."""

    def update(self, task_id: str, now: datetime, change: Change) -> Task:
        """Replace one record by ``change`` of it, atomically. Raises Refused when there is none."""

    def claim_due(self, now: datetime, choose: Choose) -> list[Task]:
        """Let ``choose`` pick among what is due and executing, and store what it returns, atomically."""

    def turn(self, now: datetime, changes: Mapping[str, Change], choose: Choose | None = None) -> Turn:
        """Replace the records of these ids, then claim what is due, all in one write."""

    def attention(self, now: datetime) -> list[Task]:
        """What a wake must look at: tasks that are due, executing or unfiled."""

    def archive(self, now: datetime) -> list[Task]:
        """File what has ended and drop it; the records that were filed."""


class Store(Attempts, Protocol):
    """What all use cases rely on."""

    def append(self, new: Sequence[Task], now: datetime, if_exists: str = "error") -> list[Task]:
        """Add tasks, naming those without an id; the records as stored."""

    def scan(self) -> Iterator[Task]:
        """The current record of every task still in the store, in file order, streamed."""

    def scan_json(self, statuses: Collection[str] | None = None) -> Iterator[bytes]:
        """The same as JSON, one line each, of these statuses; without what waits to be filed."""

    def unreadable(self, task_id: str) -> str | None:
        """Where a line that names the id is not a record, and why; None if there is none."""

    def update_each(self, ids: Collection[str], now: datetime, change: Change) -> dict[str, Task | NotStorable]:
        """Replace many records in one write; for each that is there, its new record, or why it could not be."""
