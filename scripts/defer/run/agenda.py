"""What a runner has to do with a store that may be busy or broken just now.

Each thing that cannot be done has its own next try and its own count of failures: an outcome that the disk
refuses does not use up the patience for another one. Nothing here waits. A lock that is held is asked for again
in a moment; it counts as a failure once it was held as long as a command would have waited for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

from defer.errors import DeferError, StorageError, StoreBusy

_BUSY_AGAIN_SECONDS = 0.02
_FAILED_AGAIN_SECONDS = 1.0
_TRIES_WHEN_STOPPING = 3

Name: TypeAlias = tuple[str, str | None]


class _Item:
    """One thing to be done; ``give_up`` is called after ``patience`` failures, where there is one."""

    def __init__(self, act: Callable[[], None], patience: int, give_up: Callable[[DeferError], None] | None) -> None:
        self.act, self.patience, self.give_up = act, patience, give_up
        self.at = 0.0
        self.failures = 0
        self.busy_since: float | None = None
        self.error: DeferError | None = None


class Agenda:
    """Things to be done. Each is known by the audit log's word for its failure, and by the task it is about, if any.

    ``tell(action, task_id, error)`` is called at the first failure of each, ``prepare(others_wait)`` before each try.
    """

    def __init__(
        self,
        lock_timeout: float,
        tell: Callable[[str, str | None, DeferError], None],
        prepare: Callable[[bool], None],
    ) -> None:
        self._lock_timeout, self._tell, self._prepare = lock_timeout, tell, prepare
        self._items: dict[Name, _Item] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __len__(self) -> int:
        return len(self._items)

    def do(
        self,
        action: str,
        task_id: str | None,
        act: Callable[[], None],
        patience: int = 1,
        give_up: Callable[[DeferError], None] | None = None,
    ) -> None:
        """Do ``act`` now, or as soon as the store allows. What is on the agenda under that name already stays."""
        name = (action, task_id)
        if name not in self._items:
            self._items[name] = _Item(act, patience, give_up)
            self._try(name)

    def drop(self, action: str) -> None:
        """Take off something that is not about a single task."""
        self._items.pop((action, None), None)

    def work(self) -> None:
        """Try all whose time has come."""
        now = time.monotonic()
        for name in [name for name, item in self._items.items() if item.at <= now]:
            if name in self._items:
                self._try(name)

    def close(self) -> None:
        """Drop the callbacks: in a circle of references the store's file would stay open until a garbage collection."""
        self._items.clear()
        self._tell, self._prepare = (lambda *_: None), (lambda _: None)

    def next_at(self) -> float | None:
        """The monotonic time of the next try, or None with nothing to do."""
        return min((item.at for item in self._items.values()), default=None)

    def worn_out(self, *, stopping: bool) -> DeferError | None:
        """The error to end with, once each thing that is left has failed as often as it may; else None."""
        for item in self._items.values():
            if item.failures < (min(_TRIES_WHEN_STOPPING, item.patience) if stopping else item.patience):
                return None
        return next((item.error for item in self._items.values() if item.error), None)

    def _try(self, name: Name) -> None:
        item = self._items[name]
        began = time.monotonic()
        self._prepare(len(self._items) > 1)
        try:
            item.act()
        except StoreBusy as busy:
            item.busy_since = began if item.busy_since is None else item.busy_since
            self._was_busy(name, item, busy)
        except StorageError as error:
            self._has_failed(name, item, error)
        else:
            # What was done may have put itself on the agenda again.
            if self._items.get(name) is item:
                del self._items[name]

    def _was_busy(self, name: Name, item: _Item, busy: StoreBusy) -> None:
        waited = time.monotonic() - (item.busy_since or 0.0)
        if waited < self._lock_timeout:
            item.at = time.monotonic() + _BUSY_AGAIN_SECONDS
        else:
            self._has_failed(name, item, busy)

    def _has_failed(self, name: Name, item: _Item, error: DeferError) -> None:
        item.failures += 1
        item.error, item.busy_since = error, None
        item.at = time.monotonic() + _FAILED_AGAIN_SECONDS
        if item.failures == 1:
            self._tell(*name, error)
        if item.give_up is not None and item.failures >= item.patience:
            self._items.pop(name, None)
            item.give_up(error)
