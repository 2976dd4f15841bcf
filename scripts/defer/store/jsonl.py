"""The JSON-lines file that is our store.

- *Every change is one line appended*, the whole record again, in one write, synced, under the
  lock, before the caller hears that it is done. The last line of an id wins.
- A rewrite drops superseded and filed lines when they outweigh the rest or the store is small, and puts what others
  wrote into our own form, which reads ten times as fast.
- Readers do not lock: they open the file once and ignore a torn last line. A holder of the
  lock sets such a line aside (``<name>.rejected``); a bad line elsewhere is reported and kept.
- What has ended is filed first and dropped afterwards. Filing looks for the same line in the archive,
  so that a crash between the two leaves one record, not two or none.
- The wake's markers (``markers``) are moved with every change.
- What another process may have left unsynced when it died is synced before anything is built on it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from defer import fsio, instants
from defer.errors import NoSuchTask, NotStorable
from defer.record import codec, task, versions
from defer.record.codec import BadLine, Task

from . import backwards, holding, index, v1locks
from .beside import Beside
from .markers import HORIZON

if TYPE_CHECKING:
    from defer.record.lineage import Bounds

    from .interface import BeforeDrop, Change, Choose, LookBy, Report, Turn
    from .markers import Look

SMALL_STORE_BYTES = 1 << 18
_AROUND_JSON = b"\xef\xbb\xbf \t\r\n"


class JsonlStore(Beside):
    """The store in one file of JSON lines."""

    def __init__(
        self,
        path: Path,
        archive_dir: Path,
        runs_dir: Path,
        lock_timeout: float,
        report: Report,
        v1_lock: Path | None = None,
        v1_runner: Path | None = None,
    ) -> None:
        super().__init__(path, archive_dir, runs_dir, lock_timeout, v1_lock, v1_runner)
        self._rejected = path.with_name(f"{path.name}.rejected")
        self.patience: float | None = None
        self._report = report
        self._index: index.Index | None = None
        self._state: os.stat_result | None = None
        self._synced: tuple[int, int, int] | None = None
        self._written: tuple[int, int, int] | None = None
        self._appended: tuple[int, int, int] | None = None

    @contextmanager
    def _locked(self) -> Iterator[Look]:
        with fsio.storage_errors(self.path):
            if fsio.stat(self.path.parent) is None:
                fsio.ensure_directory(self.path.parent)
            patience = self._lock_timeout if self.patience is None else self.patience
            with v1locks.none_writing(self._lock_path, patience, self._v1_lock):
                look = self.markers.look()
                if not look.is_unchanged:
                    self._make_durable()
                yield look

    def _make_durable(self) -> None:
        """Sync what a dead writer may not have synced: a line, or the store's name after a rewrite."""
        state = fsio.stat(self.path)
        if state is not None and _mark(state) != self._synced:
            fsio.sync(self.path)
            fsio.sync_directory(self.path.parent)
            self._synced = _mark(state)

    def append(
        self, new: Sequence[Task], now: datetime, if_exists: str = "error", bounds: Bounds | None = None
    ) -> list[Task]:
        with self._locked() as look:
            known = self._find_all(taken := {wanted["id"] for wanted in new if "id" in wanted})
            # Else somebody may come meanwhile, without the lock.
            is_quick = len(new) == 1 and not taken
            stored: list[Task] = []
            fresh: list[Task] = []
            lines: list[bytes] = []
            line_of = codec.offered_line
            if len(new) > 1:
                from defer.record.lines import Lines  # most calls store one task

                line_of = Lines().line
            for wanted in new:
                record = self._placed(wanted, known, taken, now, if_exists)
                stored.append(record)
                if record is not known.get(record["id"]):
                    known[record["id"]] = record
                    fresh.append(record)
                    lines.append(line_of(record))
            if bounds is not None:
                from . import chains  # only attempts are bounded

                waiting = partial(self.scan_json, (task.SCHEDULED, task.PAUSED))
                chains.admit(self.path, fresh, waiting, now, bounds)
            self._write_lines(lines, stored, now, look if is_quick else None)
            if not lines:
                # A record that was there already is acknowledged too.
                self._make_durable()
        return stored

    def _placed(self, wanted: Task, known: dict[str, Task], taken: set[str], now: datetime, if_exists: str) -> Task:
        """The record to store for ``wanted``; the existing one if it is to stay."""
        if "id" not in wanted:
            name = task.made_up_id(instants.from_text(wanted["created_at"]), taken, os.urandom)
            taken.add(name)
            return {"id": name, **wanted}
        old = known.get(wanted["id"])
        return wanted if old is None else task.of_taken_id(old, wanted, now, if_exists)

    def find(self, task_id: str) -> Task | None:
        with fsio.storage_errors(self.path):
            return self._find_one(task_id)

    def counts(self) -> dict[str, int]:
        return Counter(one["status"] for one in self.scan())

    def _find_one(self, task_id: str) -> Task | None:
        """The current record of an id: its last good line, looked for from the end; None if that is a filed one."""
        for line in backwards.lines(self.path, codec.needles(task_id)):
            quick = codec.waiting(line)
            if quick and quick[1].decode() != task_id:
                continue
            try:
                record = codec.decode(line)
            except BadLine:
                continue
            if record["id"] == task_id:
                return None if codec.is_filed(record) else record
        return None

    def _find_all(self, ids: set[str]) -> dict[str, Task]:
        """The current records of ``ids`` that are in the store, in one pass over the file."""
        if len(ids) == 1:
            (task_id,) = ids
            one = self._find_one(task_id)
            return {} if one is None else {task_id: one}
        stream = fsio.reader(self.path) if ids else None
        if stream is None:
            return {}
        found: dict[str, Task] = {}
        with stream:
            for line in codec.lines(stream):
                quick = codec.waiting(line)
                if quick is None or quick[1].decode() in ids:
                    index.note(line, ids, found)
        return found

    def scan(self) -> Iterator[Task]:
        return (codec.decode(line) for _, line in self._current_lines())

    def scan_json(self, statuses: Collection[str] | None = None) -> Iterator[bytes]:
        shows_waiting = statuses is None or task.SCHEDULED in statuses
        for mark, line in self._current_lines():
            if mark == index.PLAIN:
                if shows_waiting:
                    yield line[:-1]
                continue
            one = codec.decode(line)
            if statuses is None or one["status"] in statuses:
                yield codec.encode(task.shown(one)).rstrip() if task.unfiled_of(one) else line.strip(_AROUND_JSON)

    def _current_lines(self) -> Iterator[tuple[int, bytes]]:
        """The current line of each task, in file order, with its mark (``index``)."""
        with fsio.storage_errors(self.path):
            stream = fsio.reader(self.path)
            if stream is None:
                return
            with stream:
                marks = index.marks(codec.lines(stream))
                stream.seek(0)
                # What was appended since belongs to another moment.
                for mark, line in zip(marks, codec.lines(stream), strict=False):
                    if mark:
                        yield mark, line

    def update(self, task_id: str, now: datetime, change: Callable[[Task], Task]) -> Task:
        with self._locked():
            current = self._current(task_id, now)
            if current is None:
                raise NoSuchTask(task_id)
            changed = change(current)
            if changed is not current:
                self._write([changed], [codec.changed_line(changed)], now)
                if versions.lacking(current):
                    self.markers.forget_held(task_id)
        return changed

    def update_each(
        self, ids: Collection[str], now: datetime, change: Callable[[Task], Task]
    ) -> dict[str, Task | NotStorable]:
        found: dict[str, Task | NotStorable] = {}
        new: list[tuple[Task, bytes]] = []
        with self._locked():
            for task_id, current in self._find_all(set(ids)).items():
                try:
                    found[task_id] = changed = change(current)
                    if changed is not current:
                        new.append((changed, codec.changed_line(changed)))
                except NotStorable as error:
                    found[task_id] = error
            self._write_lines([line for _, line in new], [one for one, _ in new], now)
            for one, _ in new:
                if versions.lacking(one):
                    self.markers.forget_held(one["id"])
        return found

    def _current(self, task_id: str, now: datetime) -> Task | None:
        if self._index is not None:
            hot = self._refreshed(now).hot.get(task_id.encode(errors="surrogatepass"))
            if hot is not None:
                return hot[0]
        return self.find(task_id)

    def claim_due(self, now: datetime, choose: Choose) -> list[Task]:
        return self.turn(now, {}, choose).claimed

    def turn(self, now: datetime, changes: Mapping[str, Change], choose: Choose | None = None) -> Turn:
        from .batch import Batch  # only a wake changes so much at once
        from .interface import Turn

        with self._locked():
            batch = Batch(self._refreshed(now).tasks(), self._find_all, self._report)
            changed = batch.change(changes)
            concerns = partial(holding.concerns_claim, now=now, is_held=self.is_held)
            claimed = batch.claim(choose, concerns) if choose else []
            self._write(batch.records, batch.lines, now)
        return Turn(changed, claimed)

    def archive(
        self, now: datetime, before_drop: BeforeDrop | None = None, look_by: LookBy | None = None
    ) -> list[Task]:
        from . import archive as filing  # only a wake files

        with self._locked():
            # A store that came from elsewhere, a backup say, may hold what was filed long ago.
            is_ours = self.markers.unchanged_since_seen()
            known = self._refreshed(now)
            unfiled = [one for one in known.tasks() if task.is_unfiled(one)]
            if unfiled:
                # The file system's clock ticks too slowly: its time does not tell whether the last line is new.
                self._make_durable()
            filed = filing.file(unfiled, self._archive_dir, self._runs_dir, whole=not is_ours)
            if before_drop is not None and filed:
                before_drop(filed)
            if self._is_worth_a_rewrite(known, bool(unfiled)):
                self._rewrite({one["id"] for one in unfiled})
            else:
                stand_ins = [filing.filed_line(one, now) for one in unfiled]
                self._write_lines(list(map(codec.encode, stand_ins)), stand_ins, now)
            self._mark_rest(now, look_by)
        return filed

    def attention(self, now: datetime) -> list[Task]:
        """What a wake must look at: tasks that are due, executing or unfiled.

        What waits for a newer version does not count: it is reported when it is met for the first time.
        """
        # A wake that looks after long attempts is awake all the time.
        self.markers.beat()
        with self._locked():
            known = self._refreshed(now).tasks()
            held = holding.left_alone(known, now, self.is_held)
            new = self.markers.note_held(held)
        for task_id in new:
            self._report("held", id=task_id, reason=held[task_id])
        return [one for one in known if task.needs_attention_at(one) <= now]

    def _fresh_index(self, now: datetime) -> index.Index:
        if self._index is None or not now <= self._index.horizon <= now + HORIZON:
            self._index = index.Index(now + HORIZON)
        return self._index

    def _refreshed(self, now: datetime) -> index.Index:
        """What the store holds now, with a torn last line set aside. The caller holds the lock."""
        known = self._fresh_index(now)
        bad_before = known.bad_lines
        self._state = known.refresh(self.path)
        if known.torn_at is not None:
            self._set_aside(known.torn_at)
            self._state = known.refresh(self.path)
        if known.bad_lines > bad_before and not self.markers.unchanged_since_seen():
            for bad in known.bad:
                self._report("bad_line", offset=bad.offset, reason=bad.reason, file=self.path)
        return known

    def _set_aside(self, torn_at: int) -> None:
        """Move a torn last line to the rejected file: kept first, cut after."""
        with fsio.reader(self.path) or nullcontext() as stream:
            if stream is None:
                return
            size = fsio.state_of(stream).st_size - torn_at
            fsio.append(self._rejected, chain(index.rest(stream, torn_at), (b"\n",)))
        fsio.truncate(self.path, torn_at)
        self._report("torn_line_set_aside", bytes=size, file=self._rejected)

    def _write(self, records: Sequence[Task], lines: list[bytes], now: datetime) -> None:
        """Append records, each with its line, as one write. The caller holds the lock."""
        state = self._write_lines(lines, records, now)
        if state is not None and self._index is not None:
            self._index.add(lines, records, state)

    def _write_lines(
        self, lines: list[bytes], records: Sequence[Task], now: datetime, look: Look | None = None
    ) -> os.stat_result | None:
        """Append them as one write; the store's state then, None where there was nothing to write."""
        if not lines:
            return None
        look = self._with_whole_end(now, look or self.markers.look())
        data = b"".join(lines)
        before = self.markers.before_append(now, min(task.needs_attention_at(one) for one in records), look)
        state = fsio.append(self.path, data, name_is_synced=before.name_is_synced)
        is_unchanged = before.is_unchanged and before.has_become(state, len(data))
        while v1locks.has_lost(self.path, state, lines, self._v1_lock, self._lock_timeout):
            state = fsio.append(self.path, data)
            is_unchanged = False
        if is_unchanged:
            self.markers.after_append(state)
        self._synced = self._written = self._appended = _mark(state)
        return state

    def _with_whole_end(self, now: datetime, look: Look) -> Look:
        """See to it that an append begins on a line of its own. What we appended last did, if nobody came since."""
        is_whole = look.store is None or _mark(look.store) == self._appended
        if is_whole or fsio.last_bytes(self.path, 1) in (b"", b"\n"):
            return look
        # Either a torn line, which goes aside, or a whole one that only lacks its newline.
        self._refreshed(now)
        if fsio.last_bytes(self.path, 1) not in (b"", b"\n"):
            # Not by appending: a run of zeros after a power loss must not follow a good line directly.
            self._rewrite(set())
        return self.markers.look()

    def _is_worth_a_rewrite(self, known: index.Index, has_filed: bool) -> bool:
        if known.is_slow():
            return True
        if known.size <= SMALL_STORE_BYTES:
            return has_filed or known.bytes_spent > 0 or index.repeats_in(self.path)
        return known.bytes_spent * 2 > known.size

    def _rewrite(self, filed: set[str]) -> None:
        """Write the store anew: one line for each task, without those that were ``filed``; bad lines stay."""
        from . import archive as filing

        stream = fsio.reader(self.path)
        if stream is None:
            return
        with stream:
            marks = index.marks(codec.lines(stream))
            stream.seek(0)
            # The new file may have the old one's time: it must not count as seen until it is read whole.
            fsio.remove(self.markers.seen)
            kept = filter(
                None, map(filing.kept_line(filed), chain(marks, repeat(index.SUPERSEDED)), codec.lines(stream))
            )
            state = fsio.replace(self.path, kept, is_locked=True)
        self._synced = self._written = _mark(state)

    def _mark_rest(self, now: datetime, look_by: LookBy | None) -> None:
        """Set the markers for a store that has just been read whole. A failing disk only costs a wake."""
        known = self._refreshed(now)
        # No later than the read looked ahead: it does not know what comes after that.
        also = look_by() if look_by is not None else None
        next_due = min([known.horizon, *map(task.needs_attention_at, known.tasks()), *([also] if also else [])])
        try:
            ours = self._state is not None and _mark(self._state) == self._written
            self.markers.after_whole_read(self._state, now, next_due, ours=ours)
        except OSError as error:
            self._report("markers_not_set", reason=error.strerror)


def _mark(state: os.stat_result) -> tuple[int, int, int]:
    """Tells one state of the store from another."""
    return state.st_ino, state.st_size, state.st_mtime_ns
