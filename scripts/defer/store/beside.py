"""What a JSON-lines store keeps beside its file: marks, archive, run records, and the leases of those at work on it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from defer import fsio
from defer.record.codec import Task

from . import lease, v1locks
from .markers import Markers

if TYPE_CHECKING:
    from defer.record.runs import Run
    from defer.record.types import Run as RunFields

    from .interface import Condition, Kept, Spent
    from .snapshot import Snapshot


class Beside:
    """All of a store that can be had without reading what waits in it."""

    def __init__(
        self,
        path: Path,
        archive_dir: Path,
        runs_dir: Path,
        lock_timeout: float,
        v1_lock: Path | None = None,
        v1_runner: Path | None = None,
    ) -> None:
        """``v1_lock``, ``v1_runner``: the directories that a writer and a runner of version 1 hold."""
        self.path = path
        self._lock_path = path.with_name(f".{path.name}.lock")
        self._lock_timeout = lock_timeout
        self._v1_lock = v1_lock
        self.markers = Markers(path)
        self._archive_dir = archive_dir
        self._runs_dir = runs_dir
        self._v1_runner = v1_runner

    def _alone(self) -> AbstractContextManager[object]:
        """The lock. A reader makes no directory for it."""
        is_there = fsio.stat(self.path.parent) is not None
        lock = v1locks.none_writing(self._lock_path, self._lock_timeout, self._v1_lock)
        return lock if is_there else nullcontext()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with fsio.storage_errors(self.path), self._alone():
            yield

    def spent(self, since: datetime, unfiled: Iterable[RunFields] = ()) -> Spent:
        from . import spent  # only where the day has a budget

        return spent.filed(self._runs_dir, since).plus(spent.waiting(self._runs_dir, unfiled, since))

    @contextmanager
    def standing_still(self) -> Iterator[Snapshot]:
        from .snapshot import Snapshot  # only the checker looks at everything

        with fsio.storage_errors(self.path), self._alone():
            yield Snapshot(self.path, self._archive_dir, self._runs_dir)

    def kept_since(self) -> Kept:
        from . import kept

        return kept.read(self._runs_dir)

    def prunable(self, before: datetime) -> dict[str, int]:
        from . import kept

        with fsio.storage_errors(self._runs_dir):
            return kept.sizes(kept.months_over(self._archive_dir, self._runs_dir, before))

    def prune(self, wanted: Kept) -> Kept:
        from . import kept

        with fsio.storage_errors(self._runs_dir), self._alone():
            noted = kept.note(self._runs_dir, wanted)
            if noted.records is not None:
                kept.remove(kept.months_over(self._archive_dir, self._runs_dir, noted.records))
        return noted

    def ended(self, ids: Collection[str]) -> dict[str, Task]:
        from . import archive  # most that is looked up is in the store

        return archive.latest_of(self._archive_dir, ids, self.kept_since().records)

    def filed_ids(self, text: str) -> Iterator[str]:
        from . import archive

        return archive.ids_with(self._archive_dir, text, self.kept_since().records)

    def runs(
        self, task_id: str | None = None, since: datetime | None = None, statuses: Collection[str] = ()
    ) -> Iterator[Run]:
        from . import history

        return history.runs(self.path, self._runs_dir, task_id, since, self.kept_since().records, statuses)

    def ended_records(
        self,
        task_id: str | None = None,
        since: datetime | None = None,
        statuses: Collection[str] = (),
        *,
        copies: bool = False,
    ) -> Iterator[Task]:
        from . import history

        kept = self.kept_since().records
        return history.ended(self.path, self._archive_dir, task_id, since, kept, statuses, copies=copies)

    def unreadable(self, task_id: str) -> str | None:
        from . import index

        with fsio.storage_errors(self.path), fsio.reader(self.path) or nullcontext() as stream:
            bad = index.last_bad(stream, task_id) if stream else None
            return bad and f"{bad.reason}, at offset {bad.offset} of {self.path}"

    def lease(self, token: str) -> lease.Lease:
        return lease.Lease(self.path, token)

    def is_held(self, name: object) -> bool | None:
        return lease.is_held(self.path, name)

    def condition(self) -> Condition:
        from . import condition  # only who looks for faults asks

        with fsio.storage_errors(self.path):
            return condition.of(self.path, self.path.with_name(f"{self.path.name}.rejected"))

    def other_runner(self) -> str | None:
        held_by = None if self._v1_runner is None else v1locks.holder(self._v1_runner)
        return held_by and f"{self._v1_runner} is held by {held_by}"
