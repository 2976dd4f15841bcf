"""What lines about days and whole expressions mean, if that is more than a day or a moment by itself.

``calendardays`` and ``moments`` have the rest, ``clockactions`` numbers and clock times, ``recuractions`` what recurs.
"""

from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any

from . import calendardays, clockactions, isotime, moments
from .clocktimes import Clock
from .engine import REFUSED
from .moments import Day, Delay, Pick, Present, When
from .reading import A_DATE, Reading, TimeExpressionError, Undecided

OFFICE_CLOSES = calendardays.OFFICE_CLOSES
LATE: Clock = ("exact", 23, 0, 0)

#: Month, day and, where it was named, year.
Date = tuple[int, int, "int | None"]


def value(found: object) -> object:
    """A number or a word as it stands, or what a piece came to."""
    return found


def pair(first: object, second: object = None) -> tuple[object, object]:
    """Two values that a line above takes together; None if the second is missing."""
    return first, second


def month_and_day(month: int, day: int, year: "int | None") -> Date:
    """A date as it is written: what it means depends on the words beside it."""
    return month, day, year


def dated(found: Date, weekday: "int | None" = None) -> Day:
    """The next such date, or the one of its year."""
    month, day, year = found
    return calendardays.on_date(month, day, year, weekday)


def short_year(month: int, day: int, year: int) -> Date:
    """A date whose year has two digits and no blank before it: `24DEC26`."""
    return month, day, 2000 + year


def date_of_year(found: Date, year: int, weekday: int) -> Any:
    """A date whose year stands behind its weekday; refused where it has a year already."""
    month, day, named = found
    return calendardays.on_date(month, day, year, weekday) if named is None else REFUSED


def year_first(year: int, month: int, day: int, weekday: "int | None" = None) -> Day:
    """`2027 nov 5`; `2030 nov 5` is refused, since 2030 may be its clock."""

    def pick(present: Present) -> Pick:
        if year % 5 == 0 and year % 100 < 60:
            looks = f'a date looks like "{year}-{month:02}-{day:02}"'
            raise TimeExpressionError(f"the year {year}, or {year // 100}:{year % 100:02}? ({looks})")
        return calendardays.on_date(month, day, year, weekday)(present)

    return pick


def of_weekday(day: Day, weekday: int) -> Day:
    """`tomorrow (friday)`: refused where it is another weekday."""

    def pick(present: Present) -> Pick:
        found = day(present)
        moments.check_weekday(found.date, weekday)
        return found

    return pick


def the_same_day(day: Day, other: Day) -> Day:
    """`tomorrow the 15th`: refused where the two are different days."""

    def pick(present: Present) -> Pick:
        found, named = day(present), other(present)
        if found.date != named.date or named.month:
            raise TimeExpressionError(f"{found.date} or {named.date}? ({A_DATE})")
        return found

    return pick


def date_in_year(found: Date, count: int) -> Any:
    """The date so many years after this one; refused where it has a year already."""
    month, day, year = found

    def pick(present: Present) -> Pick:
        return calendardays.on_date(month, day, present.today.year + count)(present)

    return pick if year is None else REFUSED


def nth_in_month(day: int, count: int) -> Day:
    """A day of the month so many months ahead."""
    return calendardays.in_month(day, calendardays.month_ahead(count))


def counted_weekday(weekday: int, count: int) -> Any:
    """The third friday from now; refused for a count that people do not use."""
    return calendardays.next_weekday(weekday, count) if 0 < count < 600 else REFUSED


def said_next(weekday: int) -> Day:
    """`next friday`: the first after today. The answer names it where it is still in this week."""

    def pick(present: Present) -> Pick:
        day = calendardays.next_weekday(weekday)
        return (calendardays.named(day) if weekday > present.today.weekday() else day)(present)

    return pick


def month_day(day: int, month: int, year: "int | None" = None) -> Day:
    """A day of a named month; its first stands for the whole month."""
    found = calendardays.in_month(day, calendardays.named_month(month, year))
    return calendardays.whole_month(found) if day == 1 else calendardays.named(found)


def neighbour(day: Day, sign: int) -> Day:
    """The day after a day, or before it when ``sign`` is -1."""
    return calendardays.shifted(day, Delay(days=1), sign)


def days_from(day: Day, delay: Delay, sign: int) -> Any:
    """Days or longer after a day, or before it when ``sign`` is -1; hours count from a clock time alone."""
    return REFUSED if delay.seconds else calendardays.shifted(day, delay, sign)


def hours_from(delay: Delay) -> Any:
    """`12 hours before friday`: refused when it is settled."""

    def resolve(_present: Present) -> Reading:
        raise TimeExpressionError('hours count from a clock time (name it, as in "2 hours after 9am")')

    return resolve if delay.seconds else REFUSED


def _whole_weeks(delay: Delay) -> bool:
    return not (delay.months or delay.seconds or delay.days % 7)


def weeks(count: int) -> Delay:
    """Weeks that no number counts: `friday week`."""
    return Delay(days=7 * count)


def weeks_from(delay: Delay, day: Day) -> Any:
    """Whole weeks, months or years after a day: `a week today`, `a month tomorrow`."""
    whole = _whole_weeks(delay) or (delay.months and not delay.days and not delay.seconds)
    return calendardays.shifted(day, delay) if whole else REFUSED


def weeks_on(delay: Delay, weekday: int) -> Any:
    """Whole weeks after the nearest such day."""
    found = calendardays.shifted(calendardays.coming_weekday(weekday), delay)
    return calendardays.named(found) if _whole_weeks(delay) else REFUSED


def weeks_after_next(delay: Delay, weekday: int) -> Any:
    """Whole weeks after the first such day after today."""
    found = calendardays.shifted(calendardays.next_weekday(weekday), delay)
    return calendardays.named(found) if _whole_weeks(delay) else REFUSED


def coming_date(day: Day, found: "Date | None", number: "int | None") -> Day:
    """`next friday the 16th`: refused where the two are different days."""
    return the_same_day(day, dated(found) if found else calendardays.day_of_month(number or 0))


def month_next_year(month: int) -> Day:
    """`january next year`: its first day."""
    return calendardays.whole_month(calendardays.in_month(1, calendardays.month_of_year(month, 1)))


def middle_next_year(month: int) -> Day:
    """`mid january next year`."""
    return calendardays.named(calendardays.in_month(15, calendardays.month_of_year(month, 1)))


def month_end_next_year(month: int) -> Day:
    """`end of january next year`: its last day, when offices close."""
    return lambda present: calendardays.month_end(month, present.today.year + 1)(present)


def weekend_day(weekday: int, count: int) -> Any:
    """The Saturday or Sunday of this (0) or a later weekend."""
    return calendardays.named(calendardays.weekday_in_week(weekday, count)) if weekday > 4 else REFUSED


def nth_of_next_month(nth: int, kind: "int | str") -> Day:
    """`first monday next month`."""
    return calendardays.nth_day(nth, kind, calendardays.month_ahead(1))


def nth_of_span(nth: int, kind: "int | str", span: str, count: int) -> Day:
    """`last friday of the year`: counted in its last month, or else in its first."""
    return calendardays.nth_day(nth, kind, calendardays.edge_month(span, count, nth < 0))


def nth_of_year(nth: int, kind: "int | str", year: int) -> Day:
    """`last day of 2026`."""
    return calendardays.nth_day(nth, kind, calendardays.named_month(12 if nth < 0 else 1, year))


def nth_of_quarter(nth: int, quarter: int, year: "int | None" = None) -> Day:
    """`first day of q1 2027`, `start of q1`."""
    month = 3 * quarter if nth < 0 else 3 * quarter - 2
    return calendardays.nth_day(nth, "day", calendardays.named_month(month, year))


def quarter_end(quarter: int, year: "int | None" = None) -> Day:
    """`end of q4`: its last day, when offices close."""
    return calendardays.month_end(3 * quarter, year)


def in_weeks_on(delay: Delay, weekday: int) -> Any:
    """That day of the week in which whole weeks end."""
    found = moments.weekday_of_that_week(delay, weekday)
    return calendardays.named(found) if _whole_weeks(delay) else REFUSED


def next_span(size: int) -> When:
    """The start of the next minute (60) or hour (3600) on the wall."""

    def resolve(present: Present) -> Reading:
        wall = present.wall.minute * 60 % size + present.wall.second
        return present.answer(present.utc + timedelta(seconds=size - wall))

    return resolve


def next_length(delay: Delay) -> Any:
    """`next 2 weeks`; `the next few days` is a stretch, and has no end to be sure of."""
    return REFUSED if delay.note else moments.wait(delay)


def at_same_time(day: Day) -> When:
    """A day at the present time of day, also where it has a clock of its own; the same moment of a week or longer."""

    def resolve(present: Present) -> Reading:
        pick = day(present)
        if pick.ahead:
            found = moments.wait(pick.ahead)(present)
            return Reading(found.instant, (*found.notes, moments.named_day(found.instant.astimezone(present.tz))))
        return moments.on_day(day, ("exact", present.wall.hour, present.wall.minute, present.wall.second))(present)

    return resolve


def late_year(found: Date, year: int, weekday: "int | None", clock: Clock, offset: "int | None") -> Any:
    """A date whose year stands behind its clock; an offset from UTC makes it an instant in every zone."""
    month, day, named = found
    if named is not None:
        return REFUSED
    dated_day = calendardays.on_date(month, day, year, weekday)
    if offset is None:
        return moments.on_day(dated_day, clock)
    return with_offset(dated_day, clock[1:], offset) if clock[0] in ("exact", "colon") else REFUSED


def with_offset(day: Day, clock: tuple[int, int, int], offset: int) -> Any:
    """A full date and a clock so many minutes east of UTC."""
    if clockactions.clock(clock) is REFUSED:
        return REFUSED

    def resolve(present: Present) -> Reading:
        found = day(present)
        if not found.full:
            looks = f'a full date looks like "{found.date}"'
            raise TimeExpressionError(f"an offset from UTC stands only behind a full date ({looks})")
        walls = datetime.combine(found.date, time(*clock), timezone(timedelta(minutes=offset)))
        return present.answer(walls.astimezone(UTC), found.note, grace=True)

    return resolve


def date_and_clock(day: Day, clock: tuple[int, int, int]) -> Any:
    """A date and the digits of a clock."""
    found = clockactions.clock(clock)
    return found if found is REFUSED else moments.on_day(day, found)


def date_at(parts: tuple[str, ...], weekday: int, clock: Clock) -> Any:
    """A clock between a weekday and its date in digits."""
    day: Any = isotime.dashes(parts, weekday)
    return day if day is REFUSED else moments.on_day(day, clock)


def wait_at(delay: Delay, clock: Clock) -> When:
    """A clock time on the day a delay ends."""
    return moments.on_day(moments.day_after_delay(delay), clock)


def from_day(delay: Delay, day: Day) -> When:
    """A delay after a day at its own clock or the present time of day."""
    return moments.from_anchor(delay, moments.on_day(day))


def weekday_and_date(weekday: int, clock: Clock, found: "Date | None", day: "int | None" = None) -> When:
    """`saturday 9am 24 october`, `saturday 9am the 24th`: a clock between a weekday and its date."""
    named = dated(found, weekday) if found else calendardays.day_of_month(day or 0, weekday)
    return moments.on_day(named, clock)


def part_of_date(part: str, weekday: int, found: "Date | None", day: "int | None" = None) -> tuple[object, object]:
    """`saturday morning 24 october`, `saturday morning the 24th`."""
    named = dated(found, weekday) if found else calendardays.day_of_month(day or 0, weekday)
    return pair(part, named)


def part_after(part: str, delay: Delay) -> tuple[object, object]:
    """A part of the day on which a delay ends."""
    return pair(part, moments.day_after_delay(delay))


def part_today(part: str) -> tuple[object, object]:
    """A part of today."""
    return pair(part, calendardays.today())


def lone_part(part: str, clock: "Clock | None" = None) -> Any:
    """The coming morning, afternoon or evening; a night alone may be the one that goes on."""
    return REFUSED if part == "night" else moments.next_part(part, clock)


def some_day() -> When:
    """`one day`, `another day`: more often some day than a day from now."""

    def resolve(_present: Present) -> Reading:
        ways = [("one day", "in one day"), ("another day", "in another day")]
        raise Undecided("a day from now, or some day?", ways)

    return resolve


def late_night(day: Day, clock: "Clock | None" = None) -> When:
    """Late in the night of a day: 23:00 where no clock is named."""

    def resolve(present: Present) -> Reading:
        if clock is None:
            present.notes.append("late at night is taken as 23:00")
        return moments.on_part(day, "night", clock or LATE)(present)

    return resolve


def in_day_part(found: "tuple[str, Day | None]", clock: "Clock | None" = None) -> When:
    """A part of a day, or the coming one where no day is named."""
    part, day = found
    return moments.on_part(day, part, clock) if day else moments.next_part(part, clock)


def latest_on(day: Day, clock: Clock) -> When:
    """`tomorrow by 9am`."""
    return moments.latest(moments.on_day(day, clock))


def latest_in(found: "tuple[str, Day | None]", clock: Clock) -> When:
    """`tonight by 8`."""
    return moments.latest(in_day_part(found, clock))


def latest_end(day: Day) -> When:
    """`tomorrow by eod`."""
    return moments.latest(end_of_day(day))


def end_of_day(named: "Day | None" = None) -> When:
    """When offices close; today, where that is past, at the end of the day."""
    day = named or calendardays.today()

    def resolve(present: Present) -> Reading:
        pick = day(present)
        if pick.last:
            reason = f"at the end of which day? It has {pick.date} to {pick.last}"
            raise TimeExpressionError(f'{reason} (such a day looks like "{pick.last} 17:00")')
        closing = datetime.combine(present.today, datetime.min.time()).replace(hour=17)
        late = pick.coming and present.on_wall(closing)[0] < present.utc
        said: Clock = ("exact", 23, 59, 0) if late else OFFICE_CLOSES
        present.notes.append("17:00 is past: the end of the day" if late else "the end of the day is taken as 17:00")
        return moments.on_day(day, said)(present)

    return resolve
