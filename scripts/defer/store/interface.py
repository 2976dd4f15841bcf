"""What commands and runner need of a store, whatever keeps it.

Nobody outside ``store/`` asks for more. What every store has to do is in ``tests/store/``: another kind joins there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from defer.errors import NotStorable
from defer.record import shapes
from defer.record.codec import Task

if TYPE_CHECKING:
    from defer.record.lineage import Bounds
    from defer.record.runs import Run
    from defer.record.types import Run as RunFields

Report = Callable[..., None]
"""``report(action, **facts)``: told of what the store set aside or found unreadable."""
Change: TypeAlias = Callable[[Task], Task]
"""``change(record)``: what becomes of a record, or the same one."""
Choose: TypeAlias = Callable[[list[Task]], list[Task]]
"""``choose(due and executing)``: those of them that are changed."""
BeforeDrop: TypeAlias = Callable[[list[Task]], object]
"""``before_drop(records)``: told of all that was filed, before any of it is dropped."""
LookBy: TypeAlias = Callable[[], datetime | None]
"""``look_by()``: when a wake must look again for a reason that is not in the store; None where there is none."""


class Turn(NamedTuple):
    """What became of the records of a wake in one write: each as it stands then, or why it could not be changed."""

    changed: dict[str, Task | Exception]
    claimed: list[Task]


class Kept(NamedTuple):
    """What ``prune`` has removed; None for nothing. Nobody looks at what is older, and nobody misses it."""

    records: datetime | None
    """Archive and run records of the months before; always the beginning of a month (UTC)."""
    logs: datetime | None
    """Logs and prompts of attempts that began before."""
    pruned: datetime | None
    """When that was noted last."""

    def as_of(self, now: datetime | None) -> Kept:
        """Without what is still to come: noted by a clock that was ahead, it would hide what is filed by then."""
        return Kept(*(None if now and moment and moment > now else moment for moment in self))


class Condition(NamedTuple):
    """How well what keeps the tasks is.

    ``size`` in bytes; ``spent``: those of records that have been replaced. ``bad``: the first lines that are not
    records, by number from 1 on, each with the reason; ``bad_count``: how many there are. ``set_aside``: how many torn
    lines were kept elsewhere.
    """

    size: int
    spent: int
    bad: list[tuple[int, str]]
    bad_count: int
    set_aside: int


class Markers(Protocol):
    """What wakes leave for each other and for those who schedule. A failing disk costs a marker, never the work."""

    def beat(self) -> None:
        """A wake looks."""

    def last_wake(self) -> datetime | None:
        """When a wake last looked, or None."""

    def next_look(self) -> datetime | None:
        """When the next wake must look at the store, or None where that is not known: at once."""

    def state(self) -> object:
        """What is another one whenever the store was changed, or a wake must look at another moment."""

    def set_trouble(self, now: datetime, what: str) -> None:
        """Leave the reason why this wake could not do its work."""

    def clear_trouble(self) -> None:
        """This wake did its work."""

    def last_trouble(self) -> str | None:
        """Why the last wake could not do its work, with its time in front, or None."""

    def last_held(self) -> dict[str, str]:
        """What the last wake that looked left to a newer version: ids, each with the reason."""


class Lease(Protocol):
    """What tells everybody who shares the store that a runner lives. Nothing is held before ``take``."""

    fd: int | None
    """What a keeper inherits to go on holding it; None where there is no such thing."""

    def take(self) -> str | None:
        """Hold it from here on, within a claim; its name, or None where none can be had."""

    def release(self, *, with_file: bool = True) -> None:
        """Give it up; without ``with_file`` a keeper goes on holding it."""


class Snapshot(Protocol):
    """All records as of one moment, each with its place; None stands for what is not a record.

    Each is read once; ``current`` must be, since it may hold a file open.
    """

    name: str
    """What people call the store."""
    ended_since: int
    runs_since: int
    """From when on ended tasks and runs have been kept, in seconds since the epoch; 0 if there are none."""
    logs_since: int
    """Logs of attempts that began before were removed by ``prune``; 0 if none were."""

    def current(self) -> Iterator[tuple[str, Task | None]]:
        """What is in the store."""

    def ended(self) -> Iterator[tuple[str, Task | None]]:
        """What has ended and was filed, the oldest first."""

    def runs(self) -> Iterator[tuple[str, dict[str, Any] | None]]:
        """The run records, the oldest first."""


class Spent(NamedTuple):
    """Money in US dollars, and tokens read and written."""

    cost_usd: float = 0.0
    tokens: float = 0.0

    def plus(self, usages: Iterable[Any]) -> Spent:
        """The sum with more usages, as run records have them."""
        cost, tokens = self
        for usage in usages:
            if isinstance(usage, dict):
                cost += _amount(usage.get("cost_usd"))
                tokens += _amount(usage.get("input_tokens")) + _amount(usage.get("output_tokens"))
        return Spent(cost, tokens)


def _amount(found: Any) -> float:
    """What counts of a number in a record: nothing of what is none, or negative, and would give back what was spent."""
    return max(0.0, float(found)) if shapes.is_number(found) else 0.0


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
        """Replace the records of these ids, in their order, then claim what is due, all in one write."""

    def attention(self, now: datetime) -> list[Task]:
        """What a wake must look at: tasks that are due, executing or unfiled."""

    def archive(
        self, now: datetime, before_drop: BeforeDrop | None = None, look_by: LookBy | None = None
    ) -> list[Task]:
        """File what has ended and drop it; the records that were filed.

        ``before_drop`` is called under the lock with all of them, when they are filed and before any is dropped. If it
        raises, none is dropped. What was interrupted is filed and told again: each record once in the archive, and
        to ``before_drop`` at least once. ``look_by`` is asked under the lock too, at the end: the next wake looks no
        later than it says.
        """

    def scan(self) -> Iterator[Task]:
        """The current record of every task still in the store, in file order, streamed."""

    def spent(self, since: datetime, unfiled: Iterable[RunFields] = ()) -> Spent:
        """What the attempts that ended at ``since`` or later have cost: those filed, and those of ``unfiled``, which
        the store holds. Within a claim."""

    def lease(self, token: str) -> Lease:
        """The lease of the runner of that name."""

    def is_held(self, name: object) -> bool | None:
        """Whether the holder of the lease of that name lives; None for any other name, or if it cannot be told."""


class Store(Attempts, Protocol):
    """What all use cases rely on."""

    @property
    def markers(self) -> Markers:
        """What wakes leave."""

    def append(
        self, new: Sequence[Task], now: datetime, if_exists: str = "error", bounds: Bounds | None = None
    ) -> list[Task]:
        """Add tasks, naming those without an id; the records as stored.

        With ``bounds`` raises BeyondBound where a chain (``lineage``) would become too much, and adds none of them.
        """

    def scan_json(self, statuses: Collection[str] | None = None) -> Iterator[bytes]:
        """The same as JSON, one line each, of these statuses; without what waits to be filed."""

    def unreadable(self, task_id: str) -> str | None:
        """Where a line that names the id is not a record, and why; None if there is none."""

    def update_each(self, ids: Collection[str], now: datetime, change: Change) -> dict[str, Task | NotStorable]:
        """Replace many records in one write; for each that is there, its new record, or why it could not be."""

    def ended(self, ids: Collection[str]) -> dict[str, Task]:
        """The last record of each of these ids that has ended and was filed."""

    def filed_ids(self, text: str) -> Iterator[str]:
        """The ids that hold ``text`` of what has ended and was filed, the newest first, one as often as it ended."""

    def runs(
        self, task_id: str | None = None, since: datetime | None = None, statuses: Collection[str] = ()
    ) -> Iterator[Run]:
        """The attempts that ended at ``since`` or later, of one task and its copies, or of all, newest first; with
        ``statuses`` only those that ended so.
        """

    def ended_records(
        self,
        task_id: str | None = None,
        since: datetime | None = None,
        statuses: Collection[str] = (),
        *,
        copies: bool = False,
    ) -> Iterator[Task]:
        """The same of occurrences that ended: their records, filed or not; with ``copies`` only those of copies."""

    def kept_since(self) -> Kept:
        """Since when there are records and logs, as far as ``prune`` has removed what is older."""

    def prunable(self, before: datetime) -> dict[str, int]:
        """What holds whole months of records that are over before that moment, each with its size in bytes."""

    def prune(self, wanted: Kept) -> Kept:
        """Note durably that older things are gone, then remove those months' records; what is noted now.

        ``records`` is taken as the beginning of its month. The logs are the caller's to remove, once this is noted.
        """

    def counts(self) -> dict[str, int]:
        """How many tasks the store has of each status that occurs."""

    def other_runner(self) -> str | None:
        """Who keeps wakes of ours away from this store, in words; None where nobody does."""

    def condition(self) -> Condition:
        """How well what keeps the tasks is; it is read whole. Raises StorageError."""

    def alone(self) -> AbstractContextManager[None]:
        """While it is held nobody changes or files anything: for who writes beside the store."""

    def standing_still(self) -> AbstractContextManager[Snapshot]:
        """While it is held nobody changes or files anything: for a look at all records as of one moment."""
