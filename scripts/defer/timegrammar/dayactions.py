"""What lines about days mean, if that is more than a day of ``calendardays`` by itself: each answers a day."""

from typing import Any

from . import calendardays, moments
from .engine import REFUSED
from .moments import Day, Delay, Pick, Present
from .reading import A_DATE, Reading, TimeExpressionError

#: Month, day and, where it was named, year.
Date = tuple[int, int, "int | None"]


def month_and_day(month: int, day: int, year: "int | None" = None) -> Date:
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


def same_day(span: str) -> Day:
    """`same day next week`: so long after today, which the answer names."""

    def pick(present: Present) -> Pick:
        ahead = calendardays.period(span, 1)(present).ahead
        assert ahead is not None
        return calendardays.named(calendardays.shifted(calendardays.days_ahead(0), ahead))(present)

    return pick


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
