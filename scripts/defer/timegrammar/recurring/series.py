"""A recurrence: a run of instants, endless or bounded.

Three things define it for good: the expression, the anchor (the instant at which it was
scheduled) and the zone. Read again from these, it fires at the same instants.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from defer.timegrammar.walls import SECOND

from .rules import EMPTY, Calendar, Cron, Step, Stretch


class Recurrence:
    """An endless or bounded run of instants."""

    __slots__ = ("_kind", "_words", "anchor", "expr", "first", "lower", "notes", "times", "tz", "until")

    def __init__(
        self,
        expr: str,
        anchor: datetime,
        tz: ZoneInfo,
        kind: "Step | Calendar | Cron",
        words: str,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.expr = expr
        self.anchor = anchor
        self.tz = tz
        self.notes = notes
        self.lower = anchor
        self.until: datetime | None = None
        self.times = 0
        self.first: datetime | None = None
        self._kind = kind
        self._words = words

    def names(self, wall: datetime) -> bool:
        """Whether the rule has this wall time; a change of offset may move a fire to another."""
        kind = self._kind
        if not isinstance(kind, Calendar):
            return True
        return wall.time() in kind.clocks and next(kind.dates.since(wall.date()), None) == wall.date()

    def after(self, instant: datetime) -> datetime | None:
        """The first fire strictly after ``instant``, in UTC; None when the bounds are exhausted."""
        return next(self.fires(instant), None)

    def fires(self, instant: datetime) -> Iterator[datetime]:
        """Every fire strictly after ``instant``, in UTC, earliest first."""
        found = self._kind.fires(max(instant.astimezone(UTC), self.lower))
        until = self.until
        return found if until is None else takewhile(lambda fire: fire <= until, found)

    def stretch(self, start: datetime, end: datetime) -> Stretch:
        """First, last and number of fires after ``start``, up to ``end`` inclusive."""
        low = max(start.astimezone(UTC), self.lower)
        high = end.astimezone(UTC) if self.until is None else min(end.astimezone(UTC), self.until)
        return self._kind.stretch(low, high) if low < high else EMPTY

    def describe(self) -> str:
        """In words, with start, end, count and zone: `every weekday at 08:30, 5 times, Europe/Berlin`."""
        words = self._words
        if self.lower > self.anchor:
            words += f", starting {self._wall(self.lower + SECOND).removesuffix(' 00:00')}"
        elif isinstance(self._kind, Step):
            words += f", counted from {self._wall(self._kind.base)}"
        if self.times:
            words += f", {self.times} times" if self.times > 1 else ", once"
        if self.until is not None:
            words += f", until {self._wall(self.until)}"
        return f"{words}, {self.tz.key}"

    def _wall(self, instant: datetime) -> str:
        return f"{instant.astimezone(self.tz):%a %Y-%m-%d %H:%M}"

    def bound(self, lower: datetime, until: "datetime | None", times: int) -> None:
        """Settle that only fires after ``lower`` count, up to ``until``, and no more than ``times`` (0: any)."""
        self.lower, self.until = lower, until
        counted = list(islice(self.fires(lower), times))
        # Where the end comes first, the number says nothing.
        if counted and len(counted) == times:
            self.times, self.until = times, counted[-1]
        self.first = self.after(lower)
