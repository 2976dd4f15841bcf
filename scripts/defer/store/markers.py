"""The wake's marker files: the file system as the clock, so that an idle wake needs no Python.

Beside a tasks file ``deferred.jsonl`` lie, each empty, with only their modification time
in use:

- ``.deferred.jsonl.due2``: the next moment at which a wake must look. In the past while
  anything is executing or unfiled; never more than ``HORIZON`` ahead of the read that set
  it, which bounds every other mistake (a stepped clock, a power loss, an edit not seen).
- ``.deferred.jsonl.seen2``: the store's own modification time when it was last read whole,
  or last written by one of us who found it unchanged. Any other time on the store is an
  edit from outside.
- ``.deferred.jsonl.heartbeat``: the last wake.

``.deferred.jsonl.trouble`` has one line: why the last wake could not do its work (none where there was no room), and
``.deferred.jsonl.held`` a JSON object: what is due and waits for a newer version, with the reason.

Protocol: a writer moves ``due`` earlier *before* it appends; only a whole read under the
lock moves it later. ``run-deferred.sh`` ends at once when ``due`` is newer than the
heartbeat it has just made and ``seen`` is neither newer nor older than the store.

Two versions on one store: this one sets ``due`` as if tasks that need a newer version were not due, so
that its own wakes stay idle. A version that knows more (``versions``) must not go by that: it has its
own ``due`` and ``seen``, under other names (hence the number in them). Each version then takes what the other
writes for an edit from outside, and its next wake reads the store whole.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from defer import fsio, instants, syscalls, trust

HORIZON = timedelta(minutes=15)
_NS = 10**9
_TROUBLE_BYTES = 4096
_NO_ROOM = "there was no room to note why: is the disk full? (df -h)"
_HELD_BYTES = 1 << 22


def _ns(instant: datetime) -> int:
    return int(instant.timestamp()) * _NS


def _agree(store: os.stat_result | None, seen: os.stat_result | None) -> bool:
    if store is None or seen is None:
        return store is None and seen is None
    return store.st_mtime_ns == seen.st_mtime_ns


class Look(NamedTuple):
    """The state of the store and of the marker that says in which state it was seen; None for what is missing."""

    store: os.stat_result | None
    seen: os.stat_result | None

    @property
    def is_unchanged(self) -> bool:
        """Whether the store is as the last whole read, or our last writer, left it."""
        return _agree(self.store, self.seen)


class Before(NamedTuple):
    """What the markers say of the store before an append; a file whose name is not synced may be gone after a crash."""

    is_unchanged: bool
    name_is_synced: bool
    store: os.stat_result | None

    def has_become(self, written: os.stat_result, more: int) -> bool:
        """Whether the store is the same file, longer by what was appended alone: nobody came between."""
        if self.store is None:
            return written.st_size == more
        return (written.st_ino, written.st_size) == (self.store.st_ino, self.store.st_size + more)


class Markers:
    """The markers of one tasks file."""

    def __init__(self, tasks_file: Path) -> None:
        self._store = tasks_file
        self.due, self.seen, self.heartbeat, self.trouble, self.held = (
            tasks_file.with_name(f".{tasks_file.name}.{kind}")
            for kind in ("due2", "seen2", "heartbeat", "trouble", "held")
        )

    def look(self) -> Look:
        """How the store stands now."""
        return Look(fsio.stat(self._store), fsio.stat(self.seen))

    def before_append(self, now: datetime, wake_at: datetime, look: Look) -> Before:
        """Prepare for an append after which a wake must look at ``wake_at`` or earlier; what is known of the store."""
        store, seen = look
        if store is None:
            # A store that does not exist yet holds nothing else that could be due.
            fsio.set_mtime(self.due, _ns(min(wake_at, now + HORIZON)))
        else:
            self._bring_forward(wake_at)
        # What was written to before had its name synced before its first byte.
        return Before(look.is_unchanged, store is not None and seen is not None, store)

    def after_append(self, written: os.stat_result) -> None:
        """The append left a store that nobody else had changed in this state: it stays marked as seen."""
        # The append is done. Without the marker the next wake only reads the store.
        with suppress(OSError):
            fsio.set_mtime(self.seen, written.st_mtime_ns)

    def unchanged_since_seen(self) -> bool:
        """Whether the store is as the last whole read, or our last writer, left it."""
        return self.look().is_unchanged

    def _bring_forward(self, wake_at: datetime) -> None:
        """Move ``due`` earlier if it must be. A missing one makes the next wake look, and stays missing."""
        due = fsio.stat(self.due)
        if due is not None and due.st_mtime_ns > _ns(wake_at):
            fsio.set_mtime(self.due, _ns(wake_at))

    def after_whole_read(
        self, read: os.stat_result | None, now: datetime, next_due: datetime | None, *, ours: bool
    ) -> None:
        """Set ``due`` and ``seen`` after the store was read whole, in state ``read``, under the lock.

        ``ours``: this process has just put it into that state, and goes on as after an append.
        """
        horizon = now + HORIZON
        fsio.set_mtime(self.due, _ns(min(next_due or horizon, horizon)))
        if read is None:
            fsio.remove(self.seen)
        elif ours or self._is_settled(read):
            fsio.set_mtime(self.seen, read.st_mtime_ns)

    def _is_settled(self, read: os.stat_result) -> bool:
        """Whether a further change of the store is bound to give it another modification time."""
        self._touch_heartbeat()
        clock = fsio.stat(self.heartbeat)
        age = clock.st_mtime_ns - read.st_mtime_ns if clock else 0
        return age > (syscalls.TICK_NS if read.st_mtime_ns % _NS else 2 * _NS)

    def beat(self) -> None:
        """Leave a heartbeat; a failing disk must not keep a wake from its work."""
        with suppress(OSError):
            # The first wake may come before the first task.
            fsio.ensure_directory(self.heartbeat.parent)
            self._touch_heartbeat()

    def _touch_heartbeat(self) -> None:
        try:
            fsio.touch(self.heartbeat)
        except trust.Untrusted:
            # It is empty: anything else in its place is removed, and what that leads to stays as it is.
            fsio.remove(self.heartbeat)
            fsio.touch(self.heartbeat)

    def next_look(self) -> datetime | None:
        """When the next wake must look at the store, or None where that is not known: at once."""
        due = fsio.stat(self.due)
        return datetime.fromtimestamp(int(due.st_mtime), tz=UTC) if due else None

    def state(self) -> object:
        """What is another one whenever the store was changed, or a wake must look at another moment."""
        states = fsio.stat(self._store), fsio.stat(self.due)
        return tuple((state.st_mtime_ns, state.st_size, state.st_ino) if state else None for state in states)

    def last_wake(self) -> datetime | None:
        """When a wake last looked, or None."""
        beat = fsio.stat(self.heartbeat)
        return datetime.fromtimestamp(int(beat.st_mtime), tz=UTC) if beat else None

    def set_trouble(self, now: datetime, what: str) -> None:
        """Leave the reason why this wake could not do its work."""
        text = " ".join(what.split())[: _TROUBLE_BYTES // 2]
        with suppress(OSError):
            try:
                fsio.replace(self.trouble, [f"{instants.to_text(now)} {text}\n".encode(errors="replace")], sync=False)
            except OSError:
                # A full disk may lack the room for the reason: that there is one needs none.
                fsio.touch(self.trouble)

    def clear_trouble(self) -> None:
        """This wake did its work."""
        with suppress(OSError):
            fsio.remove(self.trouble)

    def last_trouble(self) -> str | None:
        """Why the last wake could not do its work, with its time in front, or None."""
        raw = fsio.read_bounded(self.trouble, _TROUBLE_BYTES)
        return None if raw is None else raw.decode(errors="replace").strip() or _NO_ROOM

    def last_held(self) -> dict[str, str]:
        """What the last wake that looked left to a newer version: ids, each with the reason."""
        raw = fsio.read_bounded(self.held, _HELD_BYTES)
        try:
            found = json.loads(raw) if raw else {}
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) and all(isinstance(why, str) for why in found.values()) else {}

    def note_held(self, held: dict[str, str]) -> list[str]:
        """Note what is left to a newer version now; the ids that are new among them. On a failing disk they repeat."""
        known = self.last_held()
        if held != known:
            with suppress(OSError):
                if held:
                    fsio.replace(self.held, [json.dumps(held).encode()], sync=False)
                else:
                    fsio.remove(self.held)
        return [task_id for task_id in held if task_id not in known]

    def forget_held(self, task_id: str) -> None:
        """A person has decided what becomes of that task."""
        self.note_held({name: why for name, why in self.last_held().items() if name != task_id})
