"""Days and delays whenever they are said: each answer against a plain calculation, at thousands of presents.

``pytest -n 0 -rP tests/unit/timegrammar/test_whenever.py | grep answers`` prints how many answers were calculated.
"""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from defer.timeparse import TimeExpressionError, parse

pytestmark = pytest.mark.thorough

ZONES = ("America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "Pacific/Apia")
NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = tuple(name.lower() for name in calendar.month_name)
#: Presents at which much goes wrong: the ends of days, months and years, a leap day, changes of the clock.
EDGES = (
    "2026-10-14 10:20",
    "2026-10-16 17:45",
    "2026-10-18 23:59",
    "2026-10-19 00:00",
    "2026-10-31 09:00",
    "2026-10-31 23:30",
    "2026-11-01 00:30",
    "2026-12-31 22:15",
    "2027-01-01 00:00",
    "2027-01-31 12:00",
    "2027-02-28 12:00",
    "2027-03-13 02:30",
    "2027-03-27 15:00",
    "2028-02-28 23:00",
    "2028-02-29 12:00",
    "2028-03-31 08:00",
)

DAY = timedelta(days=1)


def presents() -> Iterator[datetime]:
    """The edges in every zone, and as many presents by chance."""
    chance = random.Random(20261014)  # noqa: S311  (not a secret: the same presents every time)
    for name in ZONES:
        for text in EDGES:
            yield datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(name))
        for _ in range(6):
            minutes = chance.randrange(4 * 365 * 24 * 60)
            yield (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)).astimezone(ZoneInfo(name))


def months_on(day: date, count: int) -> date:
    """The same day so many months later, or the month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def first_of(day: date, count: int) -> date:
    """The first day of the month so many months later."""
    return months_on(day.replace(day=1), count)


def last_of(day: date, count: int) -> date:
    """The last day of the month so many months later."""
    return first_of(day, count + 1) - DAY


def on_or_after(day: date, weekday: int) -> date:
    """The first such weekday from that day on."""
    return day + DAY * ((weekday - day.weekday()) % 7)


def next_monday(day: date) -> date:
    """The first Monday after that day."""
    return on_or_after(day + DAY, 0)


def working(day: date, count: int) -> date:
    """So many days of Monday to Friday later."""
    while count:
        day += DAY
        count -= day.weekday() < 5
    return day


def the_day(today: date, number: int) -> date:
    """The next date with that number; months without it are gone over."""
    return next(day for day in (today + DAY * ahead for ahead in range(70)) if day.day == number and (day >= today))


def the_date(today: date, month: int, number: int) -> date:
    """The next such date."""
    return next(
        day for day in (today + DAY * ahead for ahead in range(8 * 366)) if (day.month, day.day) == (month, number)
    )


#: Words for a day, each with the date they mean on some day.
SAID: dict[str, Callable[[date], date]] = {
    "tomorrow": lambda today: today + DAY,
    "day after tomorrow": lambda today: today + 2 * DAY,
    "in 3 days": lambda today: today + 3 * DAY,
    "in a week": lambda today: today + 7 * DAY,
    "in a fortnight": lambda today: today + 14 * DAY,
    "a week from tomorrow": lambda today: today + 8 * DAY,
    "in 5 weeks": lambda today: today + 35 * DAY,
    "in a month": lambda today: months_on(today, 1),
    "in 4 months": lambda today: months_on(today, 4),
    "in a year": lambda today: months_on(today, 12),
    "in 1 business day": lambda today: working(today, 1),
    "in 3 business days": lambda today: working(today, 3),
    "next business day": lambda today: working(today, 1),
    "in 10 working days": lambda today: working(today, 10),
    "next week": lambda today: next_monday(today),
    "next month": lambda today: first_of(today, 1),
    "next quarter": lambda today: first_of(today, 3 - (today.month - 1) % 3),
    "next year": lambda today: date(today.year + 1, 1, 1),
    "last day of this month": lambda today: last_of(today, 0),
    "last day of next month": lambda today: last_of(today, 1),
    "first monday of next month": lambda today: on_or_after(first_of(today, 1), 0),
    "third thursday of next month": lambda today: on_or_after(first_of(today, 1), 3) + 14 * DAY,
    "last friday of next month": lambda today: on_or_after(last_of(today, 1) - 6 * DAY, 4),
    "dec 24": lambda today: the_date(today, 12, 24),
    "the 1st of january": lambda today: the_date(today, 1, 1),
    "feb 29": lambda today: the_date(today, 2, 29),
    "5th of next month": lambda today: first_of(today, 1) + 4 * DAY,
    **{f"next {name}": lambda today, n=n: on_or_after(today + DAY, n) for n, name in enumerate(NAMES)},
    **{
        f"{name} of next week": lambda today, n=n: on_or_after(today + DAY, 0) + n * DAY for n, name in enumerate(NAMES)
    },
    **{f"the {n}th": lambda today, n=n: the_day(today, n) for n in (5, 15, 29, 30)},
    "the 31st": lambda today: the_day(today, 31),
}
CLOCKS = {"": None, " at 9am": time(9), " 17:30": time(17, 30), ", noon": time(12)}


#: Words for a time of day, and the times they may mean; the one that comes first is taken.
TIMES: dict[str, tuple[time, ...]] = {
    "3pm": (time(15),),
    "9am": (time(9),),
    "0:30": (time(0, 30),),
    "17:00": (time(17),),
    "noon": (time(12),),
    "midnight": (time(0),),
    "1730": (time(17, 30),),
    "at 7": (time(7), time(19)),
    "at 9": (time(9), time(21)),
    "at 11": (time(11), time(23)),
    "half past four": (time(4, 30), time(16, 30)),
    "quarter to nine": (time(8, 45), time(20, 45)),
    "eod": (time(17), time(23, 59)),
}


def wall(day: date, clock: time, tz: ZoneInfo) -> datetime:
    """The instant of a wall clock: gone forward over a gap, the first of a fold."""
    return datetime.combine(day, clock, tz).astimezone(UTC)


def read(expr: str, now: datetime) -> datetime | None:
    """The answer, or None where it is refused."""
    try:
        return parse(expr, now, ZoneInfo(str(now.tzinfo))).instant
    except TimeExpressionError:
        return None


@pytest.mark.slow
def test_a_day_is_the_one_that_is_meant_whenever_it_is_said() -> None:
    tried = 0
    for now in presents():
        tz = ZoneInfo(str(now.tzinfo))
        for words, meant in SAID.items():
            day = meant(now.date())
            for clock, at in CLOCKS.items():
                wanted = wall(day, at or now.time().replace(fold=0), tz)
                found = read(words + clock, now)
                tried += 1
                # What is over today is refused, or it is the next such day.
                assert found == wanted or (wanted < now and (found is None or found > now + DAY)), (words + clock, now)
    print(f"{tried:,} answers of days")
    assert tried > 20000


def test_a_weekday_is_the_nearest_whose_clock_is_ahead() -> None:
    tried = 0
    for now in presents():
        tz = ZoneInfo(str(now.tzinfo))
        for number, name in enumerate(NAMES):
            for clock, at in CLOCKS.items():
                day = on_or_after(now.date(), number)
                wanted = wall(day, at, tz) if at else None
                if wanted is None or wanted < now:
                    wanted = wall(day + 7 * DAY, at, tz) if at else None
                if wanted is not None:
                    tried += 1
                    assert read(name + clock, now) == wanted, (name + clock, now)
                    assert read(f"this {name}{clock}", now) in {wanted, None}, (name + clock, now)
    print(f"{tried:,} answers of weekdays")


def test_a_clock_is_the_next_one_whenever_it_is_said() -> None:
    tried = 0
    for now in presents():
        tz = ZoneInfo(str(now.tzinfo))
        for words, times in TIMES.items():
            walls = [wall(day, each, tz) for day in (now.date(), now.date() + DAY) for each in times]
            tried += 1
            found = read(words, now)
            assert found == min(each for each in walls if each >= now), (words, now)
    print(f"{tried:,} answers of clocks")
