"""What days, clocks and delays come to when they meet the present in a zone.

A *day* is a function of the present that answers a ``Pick``; a *clock* is one of ``clocktimes``; a *delay* is a
``Delay``. Everything here works on the wall clock of one
zone and goes to UTC in ``Present.on_wall`` alone, where gaps and folds are dealt with.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .clocktimes import Clock, as_written_note, halves_note, in_part, options, which_midnight
from .reading import A_COMING_TIME, A_DATE, A_TIME, Reading, TimeExpressionError, Undecided
from .walls import DAY
from .words import DAY_NAMES, WEEKDAYS

GRACE = timedelta(seconds=60)
YEARS_AHEAD = 10
PAST = "past"
_TOMORROW = (("today", "tomorrow"), ("this", "tomorrow"), ("tonight", "tomorrow night"), ("tonite", "tomorrow night"))
TOO_FAR = f"that is more than {YEARS_AHEAD} years ahead ({A_TIME})"


class Present:
    """The instant and zone an expression is read at."""

    __slots__ = ("notes", "today", "tz", "utc", "wall")

    def __init__(self, now: datetime, tz: ZoneInfo) -> None:
        self.utc = now.astimezone(UTC).replace(microsecond=0)
        self.wall = self.utc.astimezone(tz).replace(tzinfo=None)
        self.today = self.wall.date()
        self.tz = tz
        self.notes: list[str] = []

    def on_wall(self, naive: datetime) -> tuple[datetime, str]:
        """The instant at which walls show ``naive``, and a note where a change of offset meets it."""
        local = naive.replace(tzinfo=self.tz)
        first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
        if first == second:
            return first, ""
        shown = first.astimezone(self.tz).replace(tzinfo=None)
        if shown != naive:
            return first, f"{naive:%H:%M} does not exist on {naive:%Y-%m-%d}, so {shown:%H:%M}"
        if first >= self.utc:
            return first, f"{naive:%H:%M} comes twice on {naive:%Y-%m-%d}: the first"
        return second, f"{naive:%H:%M} comes twice on {naive:%Y-%m-%d}: the second"

    def limit(self) -> datetime:
        """The last instant that is answered."""
        year = self.utc.year + YEARS_AHEAD
        day = 28 if (self.utc.month, self.utc.day) == (2, 29) else self.utc.day
        return self.utc.replace(year=year, day=day)

    def answer(self, instant: datetime, *notes: str, grace: bool = False) -> Reading:
        """``instant`` as a reading, unless it is past or too far ahead."""
        if instant < self.utc:
            if not grace or instant < self.utc - GRACE:
                raise self.past(instant)
            instant, notes = self.utc, (*notes, "seconds past: taken as now")
        if instant > self.limit():
            raise TimeExpressionError(TOO_FAR)
        return Reading(instant, tuple(note for note in (*self.notes, *notes) if note))

    def past(self, instant: datetime) -> Undecided:
        """Why ``instant`` is refused."""
        reason = f"that was {instant.astimezone(self.tz):%Y-%m-%d %H:%M} in {self.tz.key}, which is past"
        return Undecided(reason, _TOMORROW, A_COMING_TIME)


class Pick:
    """The date a day comes to.

    ``roll`` is where a weekday goes when its clock is past, ``clock`` what stands in for one
    that is not named, ``full`` says that nothing was left to choose, ``coming`` that the coming
    midnight is meant, ``month`` that a month was named and no day of it, ``last`` the last day of a
    longer stretch that was named, of which ``date`` is the first, ``ahead`` how far its present moment is, ``say``
    that others may mean another day by these words, so that the answer names it.
    """

    __slots__ = ("ahead", "clock", "coming", "date", "full", "last", "month", "note", "roll", "say")

    def __init__(
        self,
        date: date,
        roll: "date | None" = None,
        clock: "Clock | None" = None,
        note: str = "",
        full: bool = False,
        coming: bool = False,
        month: bool = False,
        last: "date | None" = None,
        ahead: "Delay | None" = None,
        say: bool = False,
    ) -> None:
        self.ahead = ahead
        self.say = say
        self.month = month
        self.last = last
        self.date = date
        self.roll = roll
        self.clock = clock
        self.note = note
        self.full = full
        self.coming = coming


Day = Callable[[Present], Pick]
When = Callable[[Present], Reading]


class Delay:
    """Months and days of the calendar, seconds that elapse; ``unit`` where one unit was named."""

    __slots__ = ("days", "months", "note", "seconds", "unit")

    def __init__(self, months: int = 0, days: int = 0, seconds: int = 0, unit: "tuple[str, int] | None" = None) -> None:
        self.unit = unit
        self.note = ""
        self.months = months
        self.days = days
        self.seconds = seconds

    def __add__(self, other: "Delay") -> "Delay":
        total = Delay(self.months + other.months, self.days + other.days, self.seconds + other.seconds)
        total.note = self.note or other.note
        return total

    def times(self, count: int) -> "Delay":
        """``count`` of it."""
        total = Delay(self.months * count, self.days * count, self.seconds * count)
        total.note = self.note
        return total

    def is_nothing(self) -> bool:
        """Whether it comes to no time at all."""
        return not (self.months or self.days or self.seconds)

    def after(self, present: Present, start: datetime) -> datetime:
        """The instant this long after ``start`` (UTC); wall clocks keep their time over days."""
        if abs(self.months) > 130 or abs(self.days) > 4000 or abs(self.seconds) > 400_000_000:
            raise TimeExpressionError(TOO_FAR)
        if self.note:
            present.notes.append(self.note)
        if self.months or self.days:
            wall = start.astimezone(present.tz).replace(tzinfo=None)
            start, note = present.on_wall(self._on_calendar(present, wall))
            if note:
                present.notes.append(note)
        return start + timedelta(seconds=self.seconds)

    def _on_calendar(self, present: Present, wall: datetime) -> datetime:
        if self.months:
            from dateutil.relativedelta import relativedelta

            wished, wall = wall.day, wall + relativedelta(months=self.months)
            if wall.day != wished:
                present.notes.append(f"clamped to the last day of {wall:%B}")
        return wall + timedelta(days=self.days)


def now() -> When:
    """This moment."""
    return lambda present: present.answer(present.utc)


def wait(delay: Delay) -> When:
    """``delay`` from now."""
    return lambda present: present.answer(delay.after(present, present.utc))


def from_anchor(delay: Delay, anchor: When, sign: int = 1) -> When:
    """``delay`` after the instant ``anchor`` comes to, or before it when ``sign`` is -1."""

    def resolve(present: Present) -> Reading:
        base = anchor(present)
        present.notes = list(base.notes)
        return present.answer(delay.times(sign).after(present, base.instant))

    return resolve


def day_after_delay(delay: Delay) -> Day:
    """The day on which ``delay`` ends; an error where it is not whole days."""

    def pick(present: Present) -> Pick:
        if delay.seconds:
            raise TimeExpressionError(
                'hours and minutes end at a clock time of their own (days do not, as in "in 2 days at noon")'
            )
        wall = delay.after(present, present.utc).astimezone(present.tz)
        return Pick(wall.date())

    return pick


def weekday_of_that_week(delay: Delay, weekday: int) -> Day:
    """The weekday in the week in which ``delay`` ends: `in 2 weeks on tuesday`."""

    def pick(present: Present) -> Pick:
        end = day_after_delay(delay)(present).date
        return Pick(end + timedelta(days=weekday - end.weekday()))

    return pick


def _first_ahead(present: Present, walls: list[datetime]) -> tuple[datetime, str]:
    """The first of some walls that is not past, and its note; ``PAST`` where all of them are."""
    for wall in walls:
        instant, note = present.on_wall(wall)
        if instant >= present.utc:
            return instant, note
    return present.utc, PAST


def _walls(day: date, clock: Clock) -> list[datetime]:
    return [datetime.combine(day + later * DAY, moment) for later, moment in options(clock)]


def _clock_note(present: Present, clock: Clock, instant: datetime, first: bool = False) -> str:
    """Which half of the day was taken, where the other could have been meant."""
    kind, hour, *_ = clock
    if kind == "to" or (kind in ("face", "bare") and 0 < hour <= 12):
        return halves_note(instant.astimezone(present.tz).time(), first)
    if kind == "early" and not first:
        return f"{hour:02}:{clock[2]:02} at the start of {named_day(instant.astimezone(present.tz))}"
    evening = datetime.combine(present.today, time(hour % 12 + 12, clock[2]))
    return as_written_note(
        clock, first and present.wall < evening < instant.astimezone(present.tz).replace(tzinfo=None)
    )


def _midnight(present: Present, pick: Pick) -> Reading:
    """The end of today, the start of a full date; on any other day nobody knows which of the two is meant."""
    if pick.date != present.today and not pick.full:
        raise which_midnight(pick.date, present.today)
    day = pick.date + DAY if pick.date == present.today else pick.date
    instant, note = present.on_wall(datetime.combine(day, time(0)))
    return present.answer(instant, note, midnight_note(day))


def midnight_note(day: date) -> str:
    """Which day a midnight starts."""
    return f"midnight is 00:00 on {named_day(day)}"


# Said on Wednesday 18 November at 10:30:
#   `wednesday noon`       today, since it is ahead
#   `wednesday 9am`        today's is past: rolls to 25 November
#   `wednesday at 9`       9:00 is past, the other half of the day is not: today 21:00
#   `wednesday`            no clock at all: in a week, at the present time of day
#   `today 9am`            nowhere to roll: refused
#   `2026-11-18 10:29:30`  seconds past, and nothing else that could be meant: now
#   `december 9am`         refused: on which day of the month?
def on_day(day: Day, clock: "Clock | None" = None) -> When:
    """``day`` at ``clock``; without one, at its own clock or the present time of day."""

    def resolve(present: Present) -> Reading:
        pick = day(present)
        if pick.month and clock:
            raise TimeExpressionError(f'on which day of {pick.date:%B}? (a date looks like "{pick.date:%B} 1")')
        said = clock or pick.clock or ("exact", present.wall.hour, present.wall.minute, present.wall.second)
        if said[0] == "midnight":
            return _midnight(present, pick)
        walls = _walls(pick.date, said)
        instant, note = _first_ahead(present, walls)
        clockless = not (clock or pick.clock)
        if pick.roll and (note == PAST or (clockless and pick.date == present.today)):
            instant, note = _first_ahead(present, _walls(pick.roll, said))
        if note == PAST:
            return present.answer(present.on_wall(walls[0])[0], pick.note, grace=pick.full)
        named = _day_note(present, pick, instant, clockless)
        return present.answer(instant, note, pick.note, named, _clock_note(present, said, instant))

    return resolve


# `14 october` on that day   Wednesday 2026-10-14, that is now
# `next friday`              Friday 2026-10-16
# `2026/11/03`               10:20, the time of day it is now
# `tomorrow`, `friday 9am`   nothing: nobody could mean another moment
def _day_note(present: Present, pick: Pick, instant: datetime, clockless: bool) -> str:
    """What is to be said of a day that is taken, where others may mean another moment."""
    named = named_day(instant.astimezone(present.tz))
    if clockless and instant == present.utc and not pick.coming:
        return f"{named}, that is now"
    if clockless and pick.full and not pick.say:
        return f"{present.wall:%H:%M}, the time of day it is now"
    return named if pick.say else ""


def named_day(found: date) -> str:
    """A date with its weekday, as notes show it."""
    return f"{DAY_NAMES[found.weekday()].capitalize()} {found:%Y-%m-%d}"


def next_clock(clock: Clock) -> When:
    """The next moment that walls show ``clock``; one said in words is on a 12-hour face."""

    def resolve(present: Present) -> Reading:
        kind, hour, minute, second = clock
        if kind in ("bare", "half"):
            options(clock)
        hours = [hour]
        if kind == "to" or (kind in ("face", "bare") and 0 < hour <= 12):
            hours = sorted((hour % 12, hour % 12 + 12))
        walls = [
            datetime.combine(present.today + later * DAY, time(each, minute, second))
            for later in (0, 1, 2)
            for each in hours
        ]
        instant, note = _first_ahead(present, walls)
        now = f"{instant.astimezone(present.tz):%H:%M} is now" if instant == present.utc else ""
        return present.answer(instant, note, _clock_note(present, clock, instant, True), now)

    return resolve


def on_part(day: Day, part: str, clock: "Clock | None" = None) -> When:
    """A part of ``day``, at its usual hour or at ``clock``."""

    def resolve(present: Present) -> Reading:
        later, exact = in_part(part, clock)
        if clock is None:
            present.notes.append(f"{part} is taken as {exact[1]:02}:00")

        def shifted(present: Present) -> Pick:
            pick = day(present)
            roll = pick.roll + later * DAY if pick.roll else None
            say = pick.say or (later > 0 and clock is not None and clock[0] != "midnight")
            return Pick(pick.date + later * DAY, roll, None, pick.note, month=pick.month, say=say)

        if later and exact[1]:
            _check_night(present, day(present), exact)
        found = on_day(shifted, exact)(present)
        if clock and clock[0] == "midnight":
            noted = midnight_note(found.instant.astimezone(present.tz).date())
            return Reading(found.instant, (*found.notes, noted))
        return found

    return resolve


def _check_night(present: Present, pick: Pick, clock: Clock) -> None:
    """Refuse `tonight at 1` before that hour: the night may be the one that goes on."""
    _, hour, minute, second = clock
    ahead = datetime.combine(present.today, time(hour, minute, second))
    if pick.date == present.today and present.wall < ahead:
        looks = f'a moment looks like "{ahead:%Y-%m-%d %H:%M}"'
        raise TimeExpressionError(f"{ahead:%Y-%m-%d %H:%M} or {ahead + DAY:%Y-%m-%d %H:%M}? ({looks})")


def next_part(part: str, clock: "Clock | None" = None) -> When:
    """The coming morning, afternoon, evening or night."""
    return on_part(lambda present: Pick(present.today, present.today + DAY), part, clock)


def latest(moment: When) -> When:
    """A moment that something is to be done by: the moment itself."""

    def resolve(present: Present) -> Reading:
        found = moment(present)
        noted = f"at {found.instant.astimezone(present.tz):%H:%M}, the latest it can be"
        return Reading(found.instant, (*found.notes, noted))

    return resolve


def month_length(year: int, month: int) -> int:
    """Days in a month."""
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - date(year, month, 1)).days


def real_date(year: int, month: int, day: int) -> date:
    """The date, or an error that says how long its month is."""
    if not 1 <= month <= 12:
        raise TimeExpressionError(f"there is no month {month} ({A_DATE})")
    length = month_length(year, month)
    if not 1 <= day <= length:
        name = date(year, month, 1).strftime("%B")
        raise TimeExpressionError(f"{name} has {length} days in {year}")
    return date(year, month, day)


def check_weekday(found: date, weekday: "int | None") -> None:
    """Refuse a weekday that contradicts its date."""
    if weekday is not None and found.weekday() != weekday:
        said, real = DAY_NAMES[weekday].capitalize(), DAY_NAMES[found.weekday()].capitalize()
        right = (lambda token: WEEKDAYS.get(token.text) == weekday, real.lower())
        raise Undecided(f"{found:%Y-%m-%d} is a {real}, not a {said}", [right], A_DATE)
