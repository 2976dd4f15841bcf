"""What a JSON-lines store keeps beside its file: marks, archive, run records, and the leases of those at work on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from defer import fsio
from defer.record.codec import Task

from . import lease, v1locks
from .markers import Markers

if TYPE_CHECKING:
    from defer.record.runs import Run


class Beside:
    """All of a store that can be had without its lock."""

    def __init__(self, path: Path, archive_dir: Path, runs_dir: Path, v1_runner: Path | None = None) -> None:
        """``v1_runner``: the directory that a runner of version 1 holds."""
        self.path = path
        self.markers = Markers(path)
        self._archive_dir = archive_dir
        self._runs_dir = runs_dir
        self._v1_runner = v1_runner

    def ended(self, ids: Collection[str]) -> dict[str, Task]:
        from . import archive  # most that is looked up is in the store

        return archive.latest_of(self._archive_dir, ids)

    def filed_ids(self, text: str) -> Iterator[str]:
        from . import archive

        return archive.ids_with(self._archive_dir, text)

    def runs(self, task_id: str | None = None, since: datetime | None = None) -> Iterator[Run]:
        from . import history

        return history.runs(self.path, self._runs_dir, task_id, since)

    def ended_records(self, task_id: str | None = None, since: datetime | None = None) -> Iterator[Task]:
        from . import history

        return history.ended(self.path, self._archive_dir, task_id, since)

    def unreadable(self, task_id: str) -> str | None:
        from . import index

        with fsio.storage_errors(self.path), fsio.reader(self.path) or nullcontext() as stream:
            bad = index.last_bad(stream, task_id) if stream else None
            return bad and f"{bad.reason}, at offset {bad.offset} of {self.path}"

    def lease(self, token: str) -> lease.Lease:
        return lease.Lease(self.path, token)

    def is_held(self, name: object) -> bool | None:
        return lease.is_held(self.path, name)

    def other_runner(self) -> str | None:
        held_by = None if self._v1_runner is None else v1locks.holder(self._v1_runner)
        return held_by and f"{self._v1_runner} is held by {held_by}"
