"""Days of the calendar that words name: dates, weekdays, the nth of a month, periods.

Each function answers a ``Day``: a function of the present that picks a date.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime

from .clocktimes import Clock
from .moments import (
    Day,
    Delay,
    Pick,
    Present,
    check_weekday,
    month_length,
    real_date,
)
from .reading import A_DATE, TimeExpressionError, Undecided
from .tokens import Token
from .walls import DAY

WEEK = 7 * DAY
#: Before this hour many still count the night to the day before.
SMALL_HOURS = 4
#: What a fifth one is said as, where there is none.
_LAST = (("fifth", "last"), ("5 th", "last"))
#: What a weekend that has begun may be said as.
_NEXT_WEEKEND = (("weekend", "saturday"), ("this weekend", "next weekend"), ("weekend", "next weekend"))
OFFICE_CLOSES: Clock = ("exact", 17, 0, 0)

#: Months an expression may mean, the nearest first, as (year, month).
Months = Callable[[Present], Iterator[tuple[int, int]]]


def today() -> Day:
    """Today; midnight is the one to come."""
    return lambda present: Pick(present.today, coming=True)


def days_ahead(count: int) -> Day:
    """So many days from today; named in the small hours, when the next day may not have begun for who is still up."""
    return lambda present: Pick(present.today + count * DAY, say=present.wall.hour < SMALL_HOURS)


def coming_weekday(weekday: int) -> Day:
    """The nearest such day; today only where its clock is still ahead."""

    def pick(present: Present) -> Pick:
        ahead = (weekday - present.today.weekday()) % 7
        found = present.today + ahead * DAY
        return Pick(found, roll=found + WEEK, say=not ahead)

    return pick


def next_weekday(weekday: int, count: int = 1) -> Day:
    """The first (or ``count``-th) such day after today."""

    def pick(present: Present) -> Pick:
        ahead = (weekday - present.today.weekday() - 1) % 7 + 1
        return Pick(present.today + (ahead + 7 * (count - 1)) * DAY, say=count > 1)

    return pick


def weekday_in_week(weekday: int, weeks: int) -> Day:
    """That day of this week (0) or a later one; weeks start on Monday, which is said where Sunday would matter."""

    def pick(present: Present) -> Pick:
        monday = present.today - present.today.weekday() * DAY
        say = weekday == 6 or present.today.weekday() == 6 or weeks > 1
        return Pick(monday + weeks * WEEK + weekday * DAY, say=say)

    return pick


def shifted(day: Day, delay: Delay, sign: int = 1) -> Day:
    """``day`` and ``delay`` (whole days or longer) after it, or before it when ``sign`` is -1."""

    def pick(present: Present) -> Pick:
        base = day(present)
        start = base.roll if base.roll and base.date == present.today else base.date
        noon = present.on_wall(datetime(start.year, start.month, start.day, 12))[0]
        end = delay.times(sign).after(present, noon).astimezone(present.tz).date()
        return Pick(end, note=base.note, clock=base.clock, say=base.say)

    return pick


def business_days(count: int, day: "Day | None" = None, sign: int = 1) -> Day:
    """So many days after ``day`` (without one, after today), or before it when ``sign`` is -1: Monday to Friday."""

    def pick(present: Present) -> Pick:
        if not 0 < count <= 2600:
            raise TimeExpressionError('1 to 2600 business days can be counted (a count looks like "3 business days")')
        found = (day or today())(present).date
        for _ in range(count):
            found += sign * DAY
            while found.weekday() > 4:
                found += sign * DAY
        return Pick(found)

    return pick


def on_date(
    month: int,
    day: int,
    year: "int | None" = None,
    weekday: "int | None" = None,
    clock: "Clock | None" = None,
) -> Day:
    """A date; without a year the next such date, 29 February in the next leap year."""

    def pick(present: Present) -> Pick:
        if year is not None:
            found = real_date(year, month, day)
            check_weekday(found, weekday)
            note = f"the year is taken as {year}" if year > present.today.year + 1 and clock is None else ""
            return Pick(found, clock=clock, full=True, note=note)
        start = present.today.year + ((month, day) < (present.today.month, present.today.day))
        while (month, day) == (2, 29) and month_length(start, 2) < 29:
            start += 1
        found = real_date(start, month, day)
        check_weekday(found, weekday)
        note = "" if start == present.today.year else f"the year is taken as {start}"
        return Pick(found, note=note)

    return pick


def day_of_month(day: int, weekday: "int | None" = None) -> Day:
    """The next date with that number."""

    def pick(present: Present) -> Pick:
        if not 1 <= day <= 31:
            raise TimeExpressionError('no month has that day (a day looks like "the 15th")')
        year, month = present.today.year, present.today.month
        note = ""
        if day < present.today.day:
            year, month = following(year, month)
        while day > month_length(year, month):
            note = f"{date(year, month, 1):%B} has no day {day}"
            year, month = following(year, month)
        found = date(year, month, day)
        check_weekday(found, weekday)
        return Pick(found, note=note, say=not note and weekday is None)

    return pick


def slashed(first: int, second: int, year: "int | None", weekday: "int | None" = None) -> Day:
    """`12/24` month first; refused where day first would be another date, unless a weekday settles it."""

    def pick(present: Present) -> Pick:
        readings = [(first, second)] if first <= 12 else []
        if second <= 12 and first != second:
            readings.append((second, first))
        if len(readings) < 2 and not readings:
            raise TimeExpressionError(f"there is no such month ({A_DATE})")
        if len(readings) == 1:
            return on_date(*readings[0], year, weekday)(present)
        dates = [on_date(*reading, year)(present) for reading in readings]
        fitting = [each for each in dates if each.date.weekday() == weekday]
        if len(fitting) == 1:
            return fitting[0]
        raise Undecided("month or day first?", [(_is_digits_date, f"{each.date}") for each in dates], A_DATE)

    return pick


def _is_digits_date(token: Token) -> bool:
    return token.kind in ("slashed", "dashed")


def following(year: int, month: int, count: int = 1) -> tuple[int, int]:
    """The month ``count`` later."""
    months = year * 12 + month - 1 + count
    return months // 12, months % 12 + 1


def named_month(month: int, year: "int | None" = None) -> Months:
    """A month of the calendar: of that year, or the nearest two that are not over."""
    if year is not None:
        return lambda present: iter([(year, month)])

    def months(present: Present) -> Iterator[tuple[int, int]]:
        start = present.today.year + (month < present.today.month)
        yield start, month
        yield start + 1, month

    return months


def month_of_year(month: int, count: int) -> Months:
    """A month of this year (0) or a later one."""
    return lambda present: iter([(present.today.year + count, month)])


def month_ahead(count: int) -> Months:
    """This month (0) or a later one."""

    def months(present: Present) -> Iterator[tuple[int, int]]:
        yield following(present.today.year, present.today.month, count)

    return months


def the_month() -> Months:
    """This month, or the next where this one's day is past."""

    def months(present: Present) -> Iterator[tuple[int, int]]:
        yield present.today.year, present.today.month
        yield following(present.today.year, present.today.month)

    return months


def nth_of_month(year: int, month: int, nth: int, kind: "int | str") -> "date | None":
    """The nth (-1: last) weekday, `day` or `business` day of a month; None where it has none."""
    days = [date(year, month, number) for number in range(1, month_length(year, month) + 1)]
    if kind == "business":
        days = [each for each in days if each.weekday() < 5]
    elif kind != "day":
        days = [each for each in days if each.weekday() == kind]
    if nth > len(days):
        return None
    return days[nth if nth < 0 else nth - 1]


def nth_day(nth: int, kind: "int | str", months: Months) -> Day:
    """The next nth day of some kind of one of ``months``."""

    def pick(present: Present) -> Pick:
        found = present.today
        for year, month in months(present):
            day = nth_of_month(year, month, nth, kind)
            if day is None:
                named = date(year, month, 1)
                raise Undecided(f"{named:%B %Y} has no such day", _LAST, A_DATE)
            found = day
            if found >= present.today:
                break
        return Pick(found, note=_year_note(found, present, months))

    return pick


def _year_note(found: date, present: Present, months: Months) -> str:
    """The note that a year was supplied, if more than one month was tried and it is not this year."""
    chosen = len(list(months(present))) > 1 and found.year != present.today.year
    return f"the year is taken as {found.year}" if chosen else ""


def in_month(day: int, months: Months) -> Day:
    """That day of the first of ``months`` in which it is still to come."""

    def pick(present: Present) -> Pick:
        found = present.today - DAY
        for year, month in months(present):
            found = real_date(year, month, day)
            if found >= present.today:
                break
        return Pick(found, note=_year_note(found, present, months))

    return pick


def named(day: Day) -> Day:
    """``day``, which the answer names, since the words could mean another."""

    def pick(present: Present) -> Pick:
        found = day(present)
        found.say = True
        return found

    return pick


def whole_month(day: Day) -> Day:
    """``day`` stands for its month, so that a clock time beside it does not belong to a day."""

    def pick(present: Present) -> Pick:
        found = day(present)
        found.month = found.say = True
        return found

    return pick


def month_end(month: int, year: "int | None" = None) -> Day:
    """The last day of a named month, when offices close."""

    def pick(present: Present) -> Pick:
        there, _ = next(named_month(month, year)(present))
        return Pick(date(there, month, month_length(there, month)), clock=OFFICE_CLOSES, say=True)

    return pick


#: Spans of whole months.
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def _first_day(span: str, count: int, present: Present) -> date:
    """The first day of this (0) or a later week, month, quarter or year."""
    if span == "week":
        return present.today - present.today.weekday() * DAY + count * WEEK
    size = _MONTHS[span]
    here = present.today.year * 12 + present.today.month - 1
    start = (here // size + count) * size
    return date(start // 12, start % 12 + 1, 1)


def _last_day(span: str, count: int, present: Present) -> date:
    """The last day of this (0) or a later one; a week's Friday."""
    if span == "week":
        return _first_day(span, count, present) + 4 * DAY
    return _first_day(span, count + 1, present) - DAY


def period(span: str, count: int) -> Day:
    """The first day of a week, month, quarter or year: this one (0) or a later one."""
    ahead = Delay(days=7 * count) if span == "week" else Delay(months=_MONTHS[span] * count)

    def pick(present: Present) -> Pick:
        first, last = _first_day(span, count, present), _last_day(span, count, present)
        return Pick(first, last=last, ahead=ahead, say=True)

    return pick


def period_start(span: str, count: int) -> Day:
    """Its first day, where that was said."""
    return lambda present: Pick(_first_day(span, count, present), say=span == "week")


def period_end(span: str, count: int) -> Day:
    """Its last day, when offices close; a week's Friday."""
    return lambda present: Pick(_last_day(span, count, present), clock=OFFICE_CLOSES, say=True)


def edge_month(span: str, count: int, last: bool) -> Months:
    """The first or last month of this (0) or a later quarter or year."""

    def months(present: Present) -> Iterator[tuple[int, int]]:
        found = _last_day(span, count, present) if last else _first_day(span, count, present)
        yield found.year, found.month

    return months


def weekday_beside(weekday: int, day: Day, sign: int) -> Day:
    """The first such weekday after a day, or the last before it when ``sign`` is -1."""

    def pick(present: Present) -> Pick:
        base = day(present)
        if base.last or base.month:
            raise TimeExpressionError(f'that is counted from a day (a day looks like "{base.date}")')
        start = base.roll if base.roll and base.date == present.today else base.date
        ahead = (sign * (weekday - start.weekday()) - 1) % 7 + 1
        return Pick(start + sign * ahead * DAY, note=base.note, say=True)

    return pick


def weekend(count: int) -> Day:
    """The Saturday of this weekend (0), or of the one after (1)."""

    def pick(present: Present) -> Pick:
        ahead = 5 - present.today.weekday()
        if count == 0 and ahead < 0:
            raise Undecided("this weekend has begun", _NEXT_WEEKEND)
        return Pick(present.today + (ahead + 7 * count) * DAY, say=True)

    return pick
