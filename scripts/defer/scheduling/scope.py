"""The store as an agent's attempt may see it: the tasks that came of its own, and nothing else.

What lies outside is answered as if it were not there. What only a runner or a person asks of a store is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn, cast

from defer import instants
from defer.errors import NoSuchTask, NotStorable, Refused
from defer.record import codec, lineage, task
from defer.record.codec import Task
from defer.settings.config import Config

from . import inside, restricted

if TYPE_CHECKING:
    from defer.record.lineage import Bounds
    from defer.record.runs import Run
    from defer.record.types import TaskFields
    from defer.store.interface import Change, Kept, Markers, Store

_FURTHEST = 100
_FEW = 8
"""So many ids are looked up one by one, each in the whole archive, before all of it is read once."""


class Scope:
    """The tasks that came of the one whose attempt this process is part of: as much of a ``Store`` as it needs."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store, self._config = store, config
        self._own = inside.executing(store, config)
        self._known: dict[str, bool] = {}
        self._parents: dict[str, tuple[object, object]] | None = None
        self.patience: float | None = None

    # Whose a task is

    def holds(self, task_id: str) -> bool:
        """Whether the task of an id, in the store or filed, came of this attempt's own."""
        if task_id not in self._known:
            is_one_of_many = len(self._known) >= _FEW
            self._known[task_id] = self._leads_here(task_id) if is_one_of_many else self._is_held(task_id)
        return self._known[task_id]

    def _is_held(self, task_id: str) -> bool:
        found = self._store.find(task_id) or self._store.ended({task_id}).get(task_id)
        return found is not None and self._is_ours(found)

    def _leads_here(self, task_id: str) -> bool:
        """The same, by what was read of all tasks at once."""
        if self._own is None:
            return False
        if self._parents is None:
            self._parents = self._parents_of_all(self._own)
        for _ in range(_FURTHEST):
            parent, root = self._parents.get(task_id, (None, None))
            if not isinstance(parent, str) or root != lineage.root_of(self._own):
                return False
            if parent == self._own["id"]:
                return True
            task_id = parent
        return False

    def _parents_of_all(self, own: Task) -> dict[str, tuple[object, object]]:
        """Parent and root of every task, as its latest record says: what came of our own ended since that was made."""
        found: dict[str, tuple[object, object]] = {}
        for one in self._store.scan():
            found[one["id"]] = one.get("parent"), one.get("root")
        for one in self._store.ended_records(None, instants.from_text(own["created_at"])):
            found.setdefault(one["id"], (one.get("parent"), one.get("root")))
        return found

    def _is_ours(self, one: Task) -> bool:
        """Each task names its parent alone: the way up is looked for step by step, and is never long."""
        if self._own is None:
            return False
        seen: Task | None = one
        for _ in range(_FURTHEST):
            parent = seen.get("parent") if seen is not None else None
            # A newer version may have written anything there.
            if not isinstance(parent, str) or seen is None or seen.get("root") != lineage.root_of(self._own):
                return False
            if parent == self._own["id"]:
                return True
            seen = self._store.find(parent) or self._store.ended({parent}).get(parent)
        return False

    def _mine(self) -> restricted.Own:
        """What is held against what is scheduled and changed here, by an attempt that is known."""
        assert self._own is not None
        return restricted.own(self._own, self._config)

    def _fields(self) -> TaskFields:
        """What the record of a task says that is scheduled here."""
        return lineage.fields(self._own)

    # What may be asked

    @property
    def markers(self) -> Markers:
        return self._store.markers

    def find(self, task_id: str) -> Task | None:
        found = self._store.find(task_id)
        return found if found is not None and self._is_ours(found) else None

    def scan(self) -> Iterator[Task]:
        return (one for one in self._store.scan() if self._is_ours(one))

    def scan_json(self, statuses: Collection[str] | None = None) -> Iterator[bytes]:
        for one in self.scan():
            if statuses is None or one["status"] in statuses:
                yield codec.encode(task.shown(one)).rstrip()

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for one in self.scan():
            found[one["status"]] = found.get(one["status"], 0) + 1
        return found

    def unreadable(self, _task_id: str) -> str | None:
        return None

    def ended(self, ids: Collection[str]) -> dict[str, Task]:
        ours = set(filter(self.holds, ids))
        return {name: one for name, one in self._store.ended(ours).items() if self._is_ours(one)} if ours else {}

    def filed_ids(self, text: str) -> Iterator[str]:
        return filter(self.holds, self._store.filed_ids(text))

    def runs(
        self, task_id: str | None = None, since: datetime | None = None, statuses: Collection[str] = ()
    ) -> Iterator[Run]:
        return (one for one in self._store.runs(task_id, since, statuses) if self.holds(str(one.task_id)))

    def ended_records(
        self,
        task_id: str | None = None,
        since: datetime | None = None,
        statuses: Collection[str] = (),
        *,
        copies: bool = False,
    ) -> Iterator[Task]:
        found = self._store.ended_records(task_id, since, statuses, copies=copies)
        return (one for one in found if self._is_ours(one))

    def kept_since(self) -> Kept:
        return self._store.kept_since()

    def alone(self) -> AbstractContextManager[None]:
        return self._store.alone()

    def is_held(self, name: object) -> bool | None:
        return self._store.is_held(name)

    # What may be changed

    def append(
        self, new: Sequence[Task], now: datetime, if_exists: str = "error", bounds: Bounds | None = None
    ) -> list[Task]:
        if self._own is None:
            raise Refused(
                "an agent's attempt that this store does not know may not schedule (leave DEFER_TASK_ID, "
                "DEFER_RUN_ID and DEFER_RUNTIME_DIR as they are)"
            )
        mine, said = self._mine(), self._fields()
        if if_exists == "replace":
            raise Refused(f"{mine.who} may not replace a task (cancel what is its own, choose another id)")
        records = [
            restricted.check(inside.settled(lineage.stamped(restricted.inherited(one, mine), said)), mine)
            for one in new
        ]
        for one in records:
            if "id" in one and self._is_anothers(one["id"]):
                raise Refused(f"id is taken: {one['id']} (choose another)")
        self._known, self._parents = {}, None
        return self._store.append(records, now, if_exists, bounds or self._config.bounds)

    def _is_anothers(self, name: str) -> bool:
        """Whether some other task has an id, or had it: who takes it over is shown that task's runs and notices."""
        is_known = self._store.find(name) is not None or bool(self._store.ended({name}))
        return is_known and not self.holds(name)

    def update(self, task_id: str, now: datetime, change: Change) -> Task:
        if self._own is None or self.find(task_id) is None:
            raise NoSuchTask(task_id)
        mine = self._mine()

        def checked(current: Task) -> Task:
            changed = change(current)
            return changed if changed is current else restricted.check(inside.settled(changed), mine, current)

        return self._store.update(task_id, now, checked)

    def update_each(self, ids: Collection[str], now: datetime, change: Change) -> dict[str, Task | NotStorable]:
        found: dict[str, Task | NotStorable] = {}
        for one in ids:
            try:
                found[one] = self.update(one, now, change)
            except NoSuchTask:
                continue
            except NotStorable as error:
                found[one] = error
            except Refused as error:
                # What it may not do to one keeps it from none of the others.
                found[one] = NotStorable(str(error))
        return found

    def __getattr__(self, name: str) -> NoReturn:
        """All else that a store can do is for runners and for people."""
        if name.startswith("_"):
            raise AttributeError(name)
        raise Refused("an agent's attempt may not do that (a person can)")


def of(store: Store, config: Config) -> Store:
    """The store as an agent's attempt may see it."""
    return cast("Store", Scope(store, config))
