"""A store in memory: the model that every kind of store is held against, in as few lines as the interface allows."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any

from defer import instants
from defer.errors import DeferError, NotStorable, Refused
from defer.record import codec, runs, task, versions
from defer.record.codec import Task
from defer.record.runs import Run
from defer.record.types import Run as RunFields
from defer.store import holding, interface
from defer.store.batch import Batch
from defer.store.interface import BeforeDrop, Change, Choose, Condition, LookBy, Report, Spent, Turn
from defer.store.markers import HORIZON


class Kept:
    """What all handles on one store share."""

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}
        self.archive: list[Task] = []
        self.runs: list[Any] = []
        self.leases: dict[str, bool] = {}
        self.held: dict[str, str] = {}
        self.beat: datetime | None = None
        self.next_look: datetime | None = None
        self.trouble: str | None = None
        self.since = interface.Kept(None, None, None)


class MemoryMarkers:
    """What wakes leave."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def beat(self) -> None:
        self._kept.beat = instants.now()

    def last_wake(self) -> datetime | None:
        return self._kept.beat

    def next_look(self) -> datetime | None:
        return self._kept.next_look

    def state(self) -> object:
        return repr(self._kept.tasks), self._kept.next_look

    def set_trouble(self, now: datetime, what: str) -> None:
        self._kept.trouble = f"{instants.to_text(now)} {' '.join(what.split())}"

    def clear_trouble(self) -> None:
        self._kept.trouble = None

    def last_trouble(self) -> str | None:
        return self._kept.trouble

    def last_held(self) -> dict[str, str]:
        return self._kept.held


class MemoryLease:
    """Held from ``take`` to ``release``."""

    fd: int | None = None

    def __init__(self, kept: Kept, name: str) -> None:
        self._kept, self._name = kept, name

    def take(self) -> str | None:
        self._kept.leases[self._name] = True
        return self._name

    def release(self, *, with_file: bool = True) -> None:
        if with_file:
            self._kept.leases[self._name] = False


class MemorySnapshot:
    """All records as they are when it is made."""

    name, ended_since, runs_since, logs_since = "memory", 0, 0, 0

    def __init__(self, kept: Kept) -> None:
        self._tasks, self._archive, self._runs = list(kept.tasks.values()), list(kept.archive), list(kept.runs)

    def current(self) -> Iterator[tuple[str, Task | None]]:
        return ((self.name, one) for one in self._tasks)

    def ended(self) -> Iterator[tuple[str, Task | None]]:
        return (("archive", one) for one in self._archive)

    def runs(self) -> Iterator[tuple[str, dict[str, Any] | None]]:
        return (("runs", one) for one in self._runs)


def _month(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


class MemoryStore:
    """One handle."""

    patience: float | None = None

    def __init__(self, kept: Kept, report: Report) -> None:
        self._kept, self._report = kept, report
        self.markers = MemoryMarkers(kept)

    def _put(self, records: Sequence[Task]) -> None:
        for one in records:
            # The last one to be written is the last one to be read.
            self._kept.tasks.pop(one["id"], None)
            self._kept.tasks[one["id"]] = one
            at = task.needs_attention_at(one)
            self._kept.next_look = min(at, self._kept.next_look or at)

    def append(self, new: Sequence[Task], now: datetime, if_exists: str = "error") -> list[Task]:
        known, taken = dict(self._kept.tasks), {one["id"] for one in new if "id" in one}
        stored, written = [], []
        for wanted in new:
            record = self._placed(wanted, known, taken, now, if_exists)
            stored.append(record)
            if record is not known.get(record["id"]):
                known[record["id"]] = record
                written.append(codec.decode(codec.offered_line(record)))
        self._put(written)
        return stored

    def _placed(self, wanted: Task, known: dict[str, Task], taken: set[str], now: datetime, if_exists: str) -> Task:
        if "id" not in wanted:
            name = task.made_up_id(instants.from_text(wanted["created_at"]), taken, os.urandom)
            taken.add(name)
            return {"id": name, **wanted}
        old = known.get(wanted["id"])
        if old is None or if_exists == "skip":
            return old or wanted
        if if_exists == "replace":
            return task.replace(old, wanted, now)
        raise Refused(f"id is taken: {wanted['id']} (choose another, or say --if-exists replace or skip)")

    def find(self, task_id: str) -> Task | None:
        return self._kept.tasks.get(task_id)

    def unreadable(self, task_id: str) -> str | None:
        """Nothing is kept here that could not be read."""

    def scan(self) -> Iterator[Task]:
        return iter(list(self._kept.tasks.values()))

    def scan_json(self, statuses: Collection[str] | None = None) -> Iterator[bytes]:
        return (
            codec.encode(task.shown(one)).rstrip()
            for one in self.scan()
            if statuses is None or one["status"] in statuses
        )

    def counts(self) -> dict[str, int]:
        return Counter(one["status"] for one in self.scan())

    def update(self, task_id: str, now: datetime, change: Change) -> Task:
        found = self.turn(now, {task_id: change}).changed[task_id]
        if isinstance(found, DeferError):
            raise found
        self._kept.held.pop(task_id, None)
        return found

    def update_each(self, ids: Collection[str], now: datetime, change: Change) -> dict[str, Task | NotStorable]:
        assert now.tzinfo is not None
        found: dict[str, Task | NotStorable] = {}
        written = []
        for task_id in [name for name in ids if name in self._kept.tasks]:
            try:
                found[task_id] = changed = change(self._kept.tasks[task_id])
                if changed is not self._kept.tasks[task_id]:
                    written.append(codec.decode(codec.changed_line(changed)))
            except NotStorable as error:
                found[task_id] = error
        self._put(written)
        return found

    def claim_due(self, now: datetime, choose: Choose) -> list[Task]:
        return self.turn(now, {}, choose).claimed

    def turn(self, now: datetime, changes: Mapping[str, Change], choose: Choose | None = None) -> Turn:
        hot = [one for one in self.scan() if task.needs_attention_at(one) <= now + HORIZON or versions.lacking(one)]
        batch = Batch(hot, self._find_all, self._report)
        changed = batch.change(changes)
        claimed = batch.claim(choose, lambda one: holding.concerns_claim(one, now, self.is_held)) if choose else []
        self._put([codec.decode(line) for line in batch.lines])
        return Turn(changed, claimed)

    def _find_all(self, ids: set[str]) -> dict[str, Task]:
        return {name: found for name in ids if (found := self.find(name)) is not None}

    def attention(self, now: datetime) -> list[Task]:
        known, before = list(self.scan()), self._kept.held
        self._kept.held = holding.left_alone(known, now, self.is_held)
        for task_id, why in self._kept.held.items():
            if task_id not in before:
                self._report("held", id=task_id, reason=why)
        return [one for one in known if task.needs_attention_at(one) <= now]

    def spent(self, since: datetime, unfiled: Iterable[RunFields] = ()) -> Spent:
        filed = Spent().plus(run.usage for run in self.runs(None, since))
        return filed.plus(run.get("usage") for run in unfiled if instants.from_text(run["ended_at"]) >= since)

    def archive(
        self, now: datetime, before_drop: BeforeDrop | None = None, look_by: LookBy | None = None
    ) -> list[Task]:
        filed = []
        unfiled = [one for one in self.scan() if task.is_unfiled(one)]
        for one in unfiled:
            ended, ran, _ = task.filed_records(one)
            filed += ended
            self._kept.archive += [record for record in ended if record not in self._kept.archive]
            self._kept.runs += [run for run in ran if run not in self._kept.runs]
        if filed and before_drop is not None:
            before_drop(filed)
        for one in unfiled:
            _, _, rest = task.filed_records(one)
            del self._kept.tasks[one["id"]]
            if rest is not None:
                self._kept.tasks[one["id"]] = rest
        also = [at for at in [look_by() if look_by else None] if at is not None]
        self._kept.next_look = min([now + HORIZON, *also, *map(task.needs_attention_at, self.scan())])
        return filed

    def ended(self, ids: Collection[str]) -> dict[str, Task]:
        return {one["id"]: one for one in self._kept.archive if one["id"] in ids}

    def filed_ids(self, text: str) -> Iterator[str]:
        return (one["id"] for one in reversed(self._kept.archive) if text in one["id"])

    def runs(
        self, task_id: str | None = None, since: datetime | None = None, statuses: Collection[str] = ()
    ) -> Iterator[Run]:
        unfiled = [run for one in self.scan() for run in one.get("ended_runs") or []]
        found = [runs.read(json.dumps(one).encode()) for one in (*self._kept.runs, *unfiled)]
        for run in sorted(filter(None, reversed(found)), key=lambda run: run.ended_at, reverse=True):
            is_wanted = task_id in (None, run.task_id, run.copy_of) and (not statuses or run.status in statuses)
            if is_wanted and (since is None or run.ended_at >= since):
                yield run

    def ended_records(
        self,
        task_id: str | None = None,
        since: datetime | None = None,
        statuses: Collection[str] = (),
        *,
        copies: bool = False,
    ) -> Iterator[Task]:
        unfiled = [ended for one in self.scan() if task.is_unfiled(one) for ended in task.filed_records(one)[0]]
        for one in sorted((*self._kept.archive, *unfiled), key=task.ended_at, reverse=True):
            is_wanted = task_id in (None, one["id"], one.get("copy_of")) and one["status"] in (statuses or task.ENDED)
            is_wanted &= bool(one.get("copy_of")) or not copies
            if is_wanted and (since is None or task.ended_at(one) >= since):
                yield one

    def kept_since(self) -> interface.Kept:
        return self._kept.since

    def prunable(self, before: datetime) -> dict[str, int]:
        first = _month(before)
        old = [one for one in self._kept.archive if task.ended_at(one) < first]
        old += [one for one in self._kept.runs if instants.from_text(one["ended_at"]) < first]
        return {f"record {number}": len(json.dumps(one)) for number, one in enumerate(old)}

    def prune(self, wanted: interface.Kept) -> interface.Kept:
        known, records = self._kept.since.as_of(wanted.pruned), wanted.records and _month(wanted.records)
        later = [
            max(filter(None, pair), default=None) for pair in ((known.records, records), (known.logs, wanted.logs))
        ]
        self._kept.since = since = interface.Kept(*later, wanted.pruned)
        if since.records is not None:
            self._kept.archive = [one for one in self._kept.archive if task.ended_at(one) >= since.records]
            runs = self._kept.runs
            self._kept.runs = [one for one in runs if instants.from_text(one["ended_at"]) >= since.records]
        return since

    def lease(self, token: str) -> MemoryLease:
        return MemoryLease(self._kept, f"lease {token}")

    def is_held(self, name: object) -> bool | None:
        return self._kept.leases.get(name) if isinstance(name, str) else None

    def other_runner(self) -> str | None:
        """No other version knows of it."""

    def condition(self) -> Condition:
        """Records that have been replaced are gone, and none is ever torn."""
        return Condition(sum(len(codec.encode(one)) for one in self.scan()), 0, [], 0, 0)

    def alone(self) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def standing_still(self) -> Iterator[MemorySnapshot]:
        yield MemorySnapshot(self._kept)
