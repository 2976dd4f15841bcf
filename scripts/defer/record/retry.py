"""When a failed attempt is tried again: exponential backoff with a cap; and when a task is given up for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

_SOONEST = timedelta(minutes=1)
_LEAST_STREAK = timedelta(days=1)
RETRY_AT_IN_A_ROW = 50


class Backoff(NamedTuple):
    """Delays in seconds: ``first``, then each one ``factor`` times the one before, at most ``cap``.

    ``pause_after``: how many occurrences in a row may fail, over at least a day, before a task is paused; None: any.
    ``max_reschedules``: how many times in a row an executor may ask to be run again.
    """

    first: float = 60
    factor: float = 2
    cap: float = 3600
    pause_after: int | None = None
    max_reschedules: int = 50

    def delay(self, failures: int) -> timedelta:
        """How long to wait after the ``failures``-th failure in a row (1 is the first)."""
        try:
            # The exponent is bounded for speed; what would exceed any float exceeds the cap.
            grown = self.first * self.factor ** min(failures - 1, 64)
        except OverflowError:
            grown = self.cap
        return timedelta(seconds=round(min(grown, self.cap)))

    def pauses(self, failures: int, span: timedelta) -> bool:
        """Whether a task is paused that has failed so many times in a row within ``span``."""
        return self.pause_after is not None and failures >= self.pause_after and span >= _LEAST_STREAK


def no_sooner_than_a_minute(wanted: datetime, now: datetime) -> datetime:
    """The instant an executor asked for, but at least a minute after ``now``: it must not keep a wake busy for ever."""
    return max(wanted, now + _SOONEST)
