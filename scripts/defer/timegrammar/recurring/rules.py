"""Three kinds of recurrence: a fixed step, dates of the calendar at clock times, cron fields.

Each answers ``fires(instant)``, an endless (or bounded by its own kind) run of instants in UTC
strictly after ``instant``, and ``stretch(start, end)``, the first, the last and the number of
fires after ``start``, up to ``end`` inclusive.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from defer.timegrammar.walls import DAY, SECOND, wall_to_utc

Stretch = tuple[datetime | None, datetime | None, int]
EMPTY: Stretch = (None, None, 0)
#: No offset changes by more than this, so that walls differ from UTC sums by no more.
WIDEST_GAP = 2 * DAY
MINUTE = 60 * SECOND
#: As many clock times of a day are worth a look at whether its offset changes.
MANY = 5
#: Debian's cron takes a change of the clock by as much for a new date, and makes up for nothing.
LONGEST_CHANGE = 180 * MINUTE


def walked(fires: Iterator[datetime], end: datetime) -> Stretch:
    """First, last and number of ``fires`` up to ``end``, by going through them."""
    first = last = None
    count = 0
    for last in takewhile(lambda fire: fire <= end, fires):
        first = first or last
        count += 1
    return first, last if count else None, count


class Step:
    """Every so many seconds of elapsed time, counted from ``base``, which is not a fire itself."""

    __slots__ = ("base", "step")

    def __init__(self, base: datetime, seconds: int) -> None:
        self.base = base
        self.step = timedelta(seconds=seconds)

    def fires(self, instant: datetime) -> Iterator[datetime]:
        number = max(1, (instant - self.base) // self.step + 1)
        while True:
            yield self.base + number * self.step
            number += 1

    def stretch(self, start: datetime, end: datetime) -> Stretch:
        before = max(0, (start - self.base) // self.step)
        upto = (end - self.base) // self.step
        if upto <= before:
            return EMPTY
        return self.base + (before + 1) * self.step, self.base + upto * self.step, upto - before


class Dates:
    """Dates by an RFC 5545 rule (dateutil's ``rrule``), in step with ``phase``."""

    __slots__ = ("by", "every", "frequency", "phase")

    def __init__(self, frequency: str, every: int, by: dict[str, Any], phase: date) -> None:
        self.frequency = frequency
        self.every = every
        self.by = by
        self.phase = phase

    def since(self, day: date) -> Iterator[date]:
        """Those of its dates that are not before ``day``, starting the rule as late as may be."""
        from dateutil import rrule

        by: Any = {name: self._weekdays(value) if name == "byweekday" else value for name, value in self.by.items()}
        frequency: Any = getattr(rrule, self.frequency)
        start = datetime.combine(self._aligned(max(day, self.phase)), time())
        for found in rrule.rrule(frequency, dtstart=start, interval=self.every, wkst=rrule.MO, **by):
            if found.date() >= day:
                yield found.date()

    def _weekdays(self, value: list[tuple[int, int]]) -> list[Any]:
        from dateutil import rrule

        days = (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU)
        return [days[number](nth) if nth else days[number] for number, nth in value]

    def _aligned(self, day: date) -> date:
        """The start of the last whole step from ``phase`` that is not after ``day``."""
        if self.frequency == "DAILY":
            return self.phase + (day - self.phase).days // self.every * self.every * DAY
        if self.frequency == "WEEKLY":
            monday = self.phase - self.phase.weekday() * DAY
            return monday + (day - monday).days // 7 // self.every * self.every * 7 * DAY
        size = 12 if self.frequency == "YEARLY" else 1
        here = (self.phase.year * 12 + self.phase.month - 1) // size
        months = (here + ((day.year * 12 + day.month - 1) // size - here) // self.every * self.every) * size
        return date(months // 12, months % 12 + 1, 1)


class Calendar:
    """Dates at clock times on the walls of ``tz``; one wall time is one fire, gap and fold or not."""

    __slots__ = ("clocks", "dates", "tz")

    def __init__(self, dates: Dates, clocks: list[time], tz: ZoneInfo) -> None:
        self.dates = dates
        self.clocks = clocks
        self.tz = tz

    def fires(self, instant: datetime) -> Iterator[datetime]:
        last = instant
        start = max(instant.astimezone(self.tz).date() - WIDEST_GAP, self.dates.phase)
        for day in self.dates.since(start):
            for fire in self._of_day(day, last):
                if fire > last:
                    last = fire
                    yield fire

    def _of_day(self, day: date, last: datetime) -> Iterable[datetime]:
        """The fires of a day, earliest first; of many on an even day only those that are not long before ``last``."""
        if len(self.clocks) < MANY:
            return sorted(wall_to_utc(datetime.combine(day, clock), self.tz) for clock in self.clocks)
        midnight, following = (wall_to_utc(datetime.combine(day + ahead * DAY, time()), self.tz) for ahead in (0, 1))
        if following - midnight != DAY:
            return sorted(wall_to_utc(datetime.combine(day, clock), self.tz) for clock in self.clocks)
        spent = (last - midnight) // SECOND
        walls = (clock.hour * 3600 + clock.minute * 60 + clock.second for clock in self.clocks)
        return (midnight + second * SECOND for second in walls if second >= spent)

    def stretch(self, start: datetime, end: datetime) -> Stretch:
        return walked(self.fires(start), end)


class Cron:
    """Five cron fields as Debian's cron reads them (``cronsim``) and goes over changes of offset."""

    __slots__ = ("fields", "tz")

    def __init__(self, fields: str, tz: ZoneInfo) -> None:
        self.fields = fields
        self.tz = tz

    def _behind(self, wall: datetime) -> Any:
        from cronsim import CronSim

        # In UTC cronsim keeps to the fields: by itself it loses fires behind a change by half an hour.
        return CronSim(self.fields, wall.replace(tzinfo=UTC))

    def fires(self, instant: datetime) -> Iterator[datetime]:
        last = instant
        for day, walls in groupby(self._walls(instant), datetime.date):
            found: Iterable[datetime] = (wall_to_utc(wall, self.tz) for wall in walls)
            for fire in sorted(self._over_a_change(walls)) if self._uneven(day) else found:
                if fire > last:
                    last = fire
                    yield fire

    def _walls(self, instant: datetime) -> Iterator[datetime]:
        """The wall times the fields name, from ``instant`` on; a day on which the offset changes is whole."""
        wall = instant.astimezone(self.tz).replace(tzinfo=None)
        if self._uneven(wall.date()):
            wall = datetime.combine(wall.date(), time()) - SECOND
        return (found.replace(tzinfo=None) for found in self._behind(wall))

    def _over_a_change(self, walls: Iterable[datetime]) -> Iterator[datetime]:
        """Instants of the wall times of a day on which the offset changes, by the rules of Debian's cron.

        With a star in the minute or the hour, every minute whose wall fits. Else once: in the first pass of a fold, and
        at the end of a gap, unless that is longer than any change of clocks.
        """
        minute, hour, *_ = self.fields.split()
        wild = "*" in (minute[0], hour[0])
        for wall in walls:
            first, second = (wall.replace(tzinfo=self.tz, fold=fold).astimezone(UTC) for fold in (0, 1))
            gap = first - second
            if gap <= timedelta(0):
                yield first
                if wild:
                    yield second
            elif not wild and gap < LONGEST_CHANGE:
                yield self._end_of_gap(second, first)

    def _end_of_gap(self, before: datetime, after: datetime) -> datetime:
        """The first minute with the offset of ``after``."""
        offset = after.astimezone(self.tz).utcoffset()
        while after - before > MINUTE:
            middle = before + (after - before) // MINUTE // 2 * MINUTE
            before, after = (before, middle) if middle.astimezone(self.tz).utcoffset() == offset else (middle, after)
        return after

    def stretch(self, start: datetime, end: datetime) -> Stretch:
        """Whole days are multiplied out; the two ends, and a day with a change of offset and the next, are walked."""
        cron = self._behind(start)
        first = next(takewhile(lambda fire: fire <= end, self.fires(start)), None)
        if first is None:
            return EMPTY
        last, count, here = first, 0, start
        while here < end:
            # What is past is past: the stretch is open below, so its day is that of the second after.
            day = (here + SECOND).astimezone(self.tz).date()
            midnight = wall_to_utc(datetime.combine(day + DAY, time()), self.tz)
            stop = min(midnight - SECOND, end)
            some, latest = self._day(cron, day, here, stop, start)
            count, last, here = count + some, latest or last, stop
        return first, last, count

    def _day(
        self, cron: Any, day: date, here: datetime, stop: datetime, start: datetime
    ) -> tuple[int, datetime | None]:
        """Number and last of the fires after ``here`` up to ``stop``, both of one day."""
        # A gap up to midnight ends on the day behind it.
        even = not (self._uneven(day) or self._uneven(day - DAY))
        if even and not (day.month in cron.months and cron.match_day(day)):
            return 0, None
        if even and here > start and stop - here >= DAY:
            latest = datetime.combine(day, time(max(cron.hours), max(cron.minutes)))
            return len(cron.hours) * len(cron.minutes), wall_to_utc(latest, self.tz)
        _, last, count = walked(self.fires(here), stop)
        return count, last

    def _uneven(self, day: date) -> bool:
        start = datetime.combine(day, time())
        return wall_to_utc(start + DAY, self.tz) - wall_to_utc(start, self.tz) != DAY
