"""The end of an attempt: SIGTERM to all that is left of it, a grace, SIGKILL.

A shell in front of a program dies of SIGTERM at once, while the program may need the grace. So everything that
belongs to the attempt gets the grace, even if the leader is gone sooner. The caller drives it:
``begin``, then ``is_over`` after every event; ``next_look`` says when that has something to do.

What was started since the beginning may be there to tidy up, and has the grace too. If it is still there afterwards it
gets SIGTERM in its turn, and a moment later SIGKILL like the rest.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress

from defer.process import signal_group

from . import descendants
from .descendants import Row, Search

LOOK_EVERY_SECONDS = 0.05
_LATE_SECONDS = 1.0
"""At most how long after its own SIGTERM what was started during the grace is killed."""
_AFTER_KILL_SECONDS = 5.0
"""How long to wait after SIGKILL: a process in an uninterruptible wait may stay longer."""


class Ending:
    """The ending of one attempt's processes, for which ``search`` looks; ``grace``: seconds between the signals."""

    def __init__(self, search: Search, grace: float) -> None:
        self._search, self._grace = search, grace
        self._seen: set[tuple[int, str]] = set()
        self._pids: set[int] = set()
        self._told: set[tuple[int, str]] = set()
        self._apart: list[Row] = []
        self._kill_at: float | None = None
        self._look_at = 0.0
        self.given_up: list[Row] = []
        """What cannot be ended: processes of another user, or such as wait for a device, whatever they are sent."""

    @property
    def has_begun(self) -> bool:
        """Whether anything was told to end."""
        return self._kill_at is not None

    def left(self) -> list[Row]:
        """What is alive of the attempt. Raises OSError where that cannot be read just now."""
        rows, self._apart = self._search.found(self._seen)
        # A process that has lost its parent may be ours to reap by now, dead or not.
        for pid in self._pids - {row.pid for row in rows} - {self._search.leader}:
            descendants.reap(pid)
        self._pids |= {row.pid for row in rows}
        self._seen = {row.identity for row in rows}
        return rows

    def begin(self, *, told: bool = False) -> None:
        """Send SIGTERM to all that is left, unless somebody else has ``told`` it already, and start the grace."""
        self._kill_at = time.monotonic() + self._grace
        self._look_at = 0.0
        if told:
            self._told |= self._seen
            return
        try:
            rows = self.left()
        except OSError:
            # Processes outside the leader's group are looked for again at the end of the grace.
            rows = descendants.group_alone(self._search.leader)
        self._tell(rows)

    def next_look(self) -> float | None:
        """The monotonic time of the next look, or None before the beginning."""
        return self._look_at if self.has_begun else None

    def is_over(self, now: float) -> bool:
        """Whether nothing is left, or what is left cannot be ended. After the grace it gets SIGKILL."""
        if self._kill_at is None or now < self._look_at:
            return False
        self._look_at = now + LOOK_EVERY_SECONDS
        try:
            # What moves on while it is looked for may escape one look.
            rows = self.left() or self.left()
        except OSError:
            return False
        if all(map(_is_beyond_us, rows)):
            self.given_up = rows
            return True
        if now >= self._kill_at:
            self._kill(rows, now, self._kill_at + min(self._grace, _LATE_SECONDS))
        return bool(self.given_up)

    def _kill(self, rows: list[Row], now: float, last: float) -> None:
        """End what has had its grace; by the moment ``last`` that is all of it."""
        late = [row for row in rows if row.identity not in self._told] if now < last else []
        self._signal([row for row in rows if row not in late], signal.SIGKILL, spared=late)
        self._tell(late, spared=rows)
        if now >= last + _AFTER_KILL_SECONDS:
            self.given_up = rows

    def _tell(self, rows: list[Row], spared: Iterable[Row] = ()) -> None:
        self._told |= {row.identity for row in rows}
        self._signal(rows, signal.SIGTERM, spared)
        # A stopped process sees the signal only when it is continued.
        self._signal(rows, signal.SIGCONT, spared)

    def _signal(self, rows: list[Row], number: signal.Signals, spared: Iterable[Row] = ()) -> None:
        """Signal each of ``rows``; the leader's group in one call, so that none of it forks away meanwhile.

        Not if others are in that group: those of ``spared``, or what belongs to another attempt.
        """
        leader = self._search.leader
        in_group = {row for row in rows if row.group == leader}
        if in_group and not any(row.group == leader for row in {*spared, *self._apart} - in_group):
            signal_group(leader, number)
            rows = [row for row in rows if row not in in_group]
        for row in rows:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(row.pid, number)


def _is_beyond_us(row: Row) -> bool:
    """Whether the system lets us send a process no signal: another user's."""
    try:
        os.kill(row.pid, 0)
    except PermissionError:
        return True
    except ProcessLookupError:
        pass
    return False
