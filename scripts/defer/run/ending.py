"""The end of an attempt: SIGTERM to all that is left of it, a grace, SIGKILL.

A shell in front of a program dies of SIGTERM at once, while the program may need the grace. So everything that
belongs to the attempt gets the grace, even if the leader is gone sooner. The caller drives it:
``begin``, then ``is_over`` after every event; ``next_look`` says when that has something to do.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from defer.process import signal_group

from . import descendants
from .descendants import Row

LOOK_EVERY_SECONDS = 0.05
_AFTER_KILL_SECONDS = 5.0
"""How long to wait after SIGKILL: a process in an uninterruptible wait may stay longer."""


class Ending:
    """The ending of one attempt's processes.

    ``below``: the runner itself, from which everything that is left descends. None for somebody else's attempt:
    then the whole process table is searched, and ``start`` tells its leader from a later process of that number.
    """

    def __init__(
        self, leader: int, run_id: str, grace: float, *, below: int | None = None, start: str | None = None
    ) -> None:
        self._leader, self._run_id, self._grace, self._below, self._start = leader, run_id, grace, below, start
        self._seen: set[int] = set()
        self._kill_at: float | None = None
        self._look_at = 0.0

    @property
    def has_begun(self) -> bool:
        """Whether anything was told to end."""
        return self._kill_at is not None

    def left(self) -> list[Row]:
        """What is alive of the attempt. Raises OSError where that cannot be read just now."""
        rows = descendants.of_attempt(self._leader, self._run_id, below=self._below, start=self._start)
        # A process that has lost its parent may be ours to reap by now, dead or not.
        for pid in self._seen - {row.pid for row in rows} - {self._leader}:
            descendants.reap(pid)
        self._seen |= {row.pid for row in rows}
        return rows

    def begin(self, *, told: bool = False) -> None:
        """Send SIGTERM to all that is left, unless somebody else has ``told`` it already, and start the grace."""
        self._kill_at = time.monotonic() + self._grace
        self._look_at = 0.0
        if told:
            return
        try:
            rows = self.left()
        except OSError:
            # Processes outside the leader's group are looked for again at the end of the grace.
            rows = descendants.group_alone(self._leader)
        self._signal(rows, signal.SIGTERM)
        # A stopped process sees the signal only when it is continued.
        self._signal(rows, signal.SIGCONT)

    def next_look(self) -> float | None:
        """The monotonic time of the next look, or None before the beginning."""
        return self._look_at if self.has_begun else None

    def is_over(self, now: float) -> bool:
        """Whether nothing is left. After the grace all that is left gets SIGKILL.

        What was started since does not get SIGTERM: it may be there to tidy up.
        """
        if self._kill_at is None or now < self._look_at:
            return False
        self._look_at = now + LOOK_EVERY_SECONDS
        try:
            rows = self.left()
        except OSError:
            return False
        if not rows:
            return True
        if now >= self._kill_at:
            self._signal(rows, signal.SIGKILL)
            return now >= self._kill_at + _AFTER_KILL_SECONDS
        return False

    def _signal(self, rows: list[Row], number: signal.Signals) -> None:
        """Signal each of ``rows``; the leader's group in one call, so that none of it forks away meanwhile."""
        if any(row.group == self._leader for row in rows):
            signal_group(self._leader, number)
        for row in rows:
            if row.group != self._leader:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(row.pid, number)
