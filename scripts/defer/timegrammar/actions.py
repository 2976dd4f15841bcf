"""What lines about days and whole expressions mean, if that is more than a day or a moment by itself.

``calendardays`` and ``moments`` have the rest, ``clockactions`` numbers and clock times, ``recuractions`` what recurs.
"""

from datetime import datetime, timedelta
from typing import Any

from . import calendardays, moments
from .engine import REFUSED
from .moments import Clock, Day, Delay, Pick, Present, When
from .reading import Reading, TimeExpressionError

OFFICE_CLOSES = calendardays.OFFICE_CLOSES
SPANS = {"week": Delay(days=7), "month": Delay(months=1), "quarter": Delay(months=3), "year": Delay(months=12)}

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


def weekday_week(weekday: int) -> Day:
    """A week after the nearest such day."""
    return calendardays.shifted(calendardays.coming_weekday(weekday), Delay(days=7))


def month_day(day: int, month: int, year: "int | None" = None) -> Day:
    """A day of a named month; its first stands for the whole month."""
    found = calendardays.in_month(day, calendardays.named_month(month, year))
    return calendardays.whole_month(found) if day == 1 else found


def neighbour(day: Day, sign: int) -> Day:
    """The day after a day, or before it when ``sign`` is -1."""
    return calendardays.shifted(day, Delay(days=1), sign)


def _whole_weeks(delay: Delay) -> bool:
    return not (delay.months or delay.seconds or delay.days % 7)


def week_from(delay: Delay, ahead: int) -> Any:
    """Whole weeks from today (0) or tomorrow (1)."""
    return calendardays.shifted(calendardays.days_ahead(ahead), delay) if _whole_weeks(delay) else REFUSED


def weeks_on(delay: Delay, weekday: int) -> Any:
    """Whole weeks after the nearest such day."""
    return calendardays.shifted(calendardays.coming_weekday(weekday), delay) if _whole_weeks(delay) else REFUSED


def in_weeks_on(delay: Delay, weekday: int) -> Any:
    """That day of the week in which whole weeks end."""
    return moments.weekday_of_that_week(delay, weekday) if _whole_weeks(delay) else REFUSED


def next_span(size: int) -> When:
    """The start of the next minute (60) or hour (3600) on the wall."""

    def resolve(present: Present) -> Reading:
        wall = present.wall.minute * 60 % size + present.wall.second
        return present.answer(present.utc + timedelta(seconds=size - wall))

    return resolve


def at_same_time(day: Day) -> When:
    """A day at the present time of day, also where it has a clock of its own."""

    def resolve(present: Present) -> Reading:
        return moments.on_day(day, ("exact", present.wall.hour, present.wall.minute, present.wall.second))(present)

    return resolve


def same_time(span: str) -> When:
    """A week, month, quarter or year from now."""
    return moments.wait(SPANS[span])


def late_year(month: int, day: int, year: int, weekday: "int | None", clock: Clock) -> When:
    """A date whose year stands behind its clock."""
    return moments.on_day(calendardays.on_date(month, day, year, weekday), clock)


def wait_at(delay: Delay, clock: Clock) -> When:
    """A clock time on the day a delay ends."""
    return moments.on_day(moments.day_after_delay(delay), clock)


def from_day(delay: Delay, day: Day) -> When:
    """A delay after a day at its own clock or the present time of day."""
    return moments.from_anchor(delay, moments.on_day(day))


def part_today(part: str) -> tuple[object, object]:
    """A part of today."""
    return pair(part, calendardays.today())


def lone_part(part: str) -> Any:
    """The coming morning, afternoon or evening; a night alone may be the one that goes on."""
    return REFUSED if part == "night" else moments.next_part(part)


def in_day_part(found: "tuple[str, Day | None]", clock: "Clock | None" = None) -> When:
    """A part of a day, or the coming one where no day is named."""
    part, day = found
    return moments.on_part(day, part, clock) if day else moments.next_part(part, clock)


def end_of_day(named: "Day | None" = None) -> When:
    """When offices close; today, where that is past, at the end of the day."""
    day = named or calendardays.today()

    def resolve(present: Present) -> Reading:
        pick = day(present)
        if pick.last:
            offered = f'"{pick.date} 17:00" or "{pick.last} 17:00"'
            raise TimeExpressionError(f"at the end of which day? (try {offered})")
        closing = datetime.combine(present.today, datetime.min.time()).replace(hour=17)
        late = pick.coming and present.on_wall(closing)[0] < present.utc
        said: Clock = ("exact", 23, 59, 0) if late else OFFICE_CLOSES
        return moments.on_day(day, said)(present)

    return resolve
