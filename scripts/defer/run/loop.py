"""Attempts at work, and the one place that waits for them: pipes, deaths, signals and deadlines.

One thread, one selector. A wake runs many attempts in it, ``execute-task.sh`` one.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from defer.signals import Signals

from . import descendants
from .family import Family

if TYPE_CHECKING:
    from .attempt import Attempt
    from .descendants import Row
    from .keeper import Keeper


class Loop:
    """Entered for as long as a process runs attempts.

    ``owns_process``: all children of this process are ours, so any other child was adopted, and is
    reaped when it ends.
    """

    def __init__(self, *, owns_process: bool = False) -> None:
        self._owns_process = owns_process
        self.family = Family(owns_process=owns_process)
        self._stack = ExitStack()
        self._signals = Signals()
        self._keeper: Keeper | None = None
        self._gated: dict[int, Attempt] = {}
        self.pings: list[tuple[str, str]] = []
        """What is to be pinged once they have ended."""
        self.is_to_look = False
        """Whether the outbox is to be looked at once they have ended."""
        self.attempts: dict[str, Attempt] = {}

    def __enter__(self) -> Loop:
        self.family.begin()
        self._selector = self._stack.enter_context(selectors.DefaultSelector())
        self._stack.enter_context(descendants.adopting())
        self._stack.enter_context(self._signals)
        self._selector.register(self._signals.fd, selectors.EVENT_READ, self._signals.take)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def is_told_to_stop(self) -> bool:
        """Whether a signal told this process to stop."""
        self._signals.take()
        return self._signals.is_told_to_stop

    def expect(self, attempt: Attempt) -> None:
        """An attempt whose leader waits behind its gate."""
        self._gated[attempt.leader.pid] = attempt

    def add(self, attempt: Attempt, make_keeper: Callable[[], Keeper | None]) -> None:
        """Let an attempt run, and look after it from here on."""
        if self._keeper is None:
            self._keeper = make_keeper()
        self._gated.pop(attempt.leader.pid, None)
        self.attempts[attempt.run_id] = attempt
        self.family.add(attempt.run_id, attempt.leader.pid, may_leave=bool(attempt.task.get("leave_running")))
        attempt.release(self._keeper, self)
        for fd in attempt.to_watch():
            self._selector.register(fd, selectors.EVENT_READ, partial(self._read, attempt, fd))

    def _read(self, attempt: Attempt, fd: int) -> None:
        attempt.read(fd)
        if fd not in attempt.to_watch():
            self._selector.unregister(fd)

    def _unwatch(self, attempt: Attempt) -> None:
        """Before it closes its pipes: the keeper has the same files open, and the selector would go on to name them."""
        watched = self._selector.get_map()
        for fd in attempt.to_watch():
            if fd in watched:  # the kernel may have had no room for it
                self._selector.unregister(fd)

    def abandon(self, attempt: Attempt) -> None:
        """Leave the gate of an expected attempt shut."""
        self._gated.pop(attempt.leader.pid, None)
        attempt.abandon()

    def known_children(self) -> set[int]:
        """The children of this process that were not adopted."""
        others = self.companions | (set() if self._keeper is None else {self._keeper.pid})
        return self.family.leaders() | self._gated.keys() | others

    def is_adopted_from(self, run_id: str, row: Row) -> bool:
        """Whether a child of this process was adopted, and can be this attempt's alone."""
        return self.family.is_adopted_from(run_id, row, self.known_children())

    @property
    def companions(self) -> set[int]:
        """Children of ours that belong to no attempt and end by themselves."""
        return self.family.companions

    def wait(self, until: Iterable[float | None]) -> list[Attempt]:
        """Wait for the next event, at most until the earliest of these monotonic times; the attempts that are over."""
        looks = [*until, *(attempt.next_look() for attempt in self.attempts.values())]
        earliest = min((at for at in looks if at is not None), default=None)
        timeout = None if earliest is None else max(0.0, earliest - time.monotonic())
        if self._signals.has_news_of_children:
            # Heard while asking whether to stop: no descriptor will tell of it again.
            timeout = 0.0
        for key, _ in self._selector.select(timeout):
            # An earlier event of this turn may have closed what this one is about.
            if key.fd in self._selector.get_map():
                key.data()
        over = [attempt for attempt in self.attempts.values() if attempt.is_over(time.monotonic())]
        for attempt in over:
            self._unwatch(attempt)
            del self.attempts[attempt.run_id]
            self.family.remove(attempt.run_id)
        self._reap()
        return over

    def _reap(self) -> None:
        if self._signals.has_news_of_children:
            self._reap_companions()
            if self._owns_process:
                descendants.reap_others(self.known_children())
        self._signals.has_news_of_children = False

    def _reap_companions(self) -> None:
        self.companions.difference_update([pid for pid in self.companions if descendants.has_ended(pid)])

    def see_off(self, seconds: float) -> None:
        """Wait until all companions have ended, at most this long, or until a signal says stop."""
        end = time.monotonic() + seconds
        while not self.is_told_to_stop and (left := end - time.monotonic()) > 0:
            self._reap_companions()
            if not self.companions:
                return
            self._signals.wait(left)

    def rest(self, seconds: float) -> None:
        """Between two wakes: wait this long, or until a signal says stop. Dead children are reaped meanwhile."""
        end = time.monotonic() + seconds
        while not self.is_told_to_stop and (left := end - time.monotonic()) > 0:
            self._reap()
            self._signals.wait(left)

    def let_go(self) -> None:
        """Stop looking after attempts: those still at work go on, and the keeper reads what they print."""
        for attempt in list(self._gated.values()):
            self.abandon(attempt)
        for attempt in self.attempts.values():
            self._unwatch(attempt)
            attempt.let_go()
        self.attempts.clear()
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None
