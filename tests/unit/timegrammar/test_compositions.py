"""Rules put together by chance from pieces whose meaning is known, against an oracle that goes over days.

The pieces come in any order, with commas or without. What is read fires when the oracle says; what is not may be
refused.
"""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from defer.timeparse import TimeExpressionError, parse

pytestmark = pytest.mark.thorough

NEW_YORK = ZoneInfo("America/New_York")
#: A Wednesday, the minute before midnight of a Friday, the last day of a year and of a month, the eve of a fold.
PRESENTS = ("2026-10-14T10:20", "2026-10-16T23:59", "2026-12-31T09:00", "2027-02-28T18:30", "2026-10-31T00:10")

OnDay = Callable[[date], bool]


def on(*weekdays: int) -> OnDay:
    return lambda day: day.weekday() in weekdays


def is_last(day: date) -> bool:
    return day.day == calendar.monthrange(day.year, day.month)[1]


RULES: tuple[tuple[str, OnDay], ...] = (
    ("every day|each day|everyday|every single day|once a day", lambda day: True),
    ("every weekday|weekdays|on weekdays|mon-fri|monday to friday|every business day|Mon–Fri", on(0, 1, 2, 3, 4)),
    ("every monday|mondays|on mondays|weekly on monday|each mon|once a week on monday", on(0)),
    ("every tuesday and friday|tue,fri|tuesdays and fridays|tue/fri|tue & fri|every fri and tue", on(1, 4)),
    ("weekends|every weekend|saturdays and sundays|sat,sun|every saturday or sunday", on(5, 6)),
    ("thu-sat|every thursday, friday and saturday|thursday through saturday", on(3, 4, 5)),
    ("every 1st of the month|1st of every month|monthly on the 1st|the first of each month", lambda day: day.day == 1),
    ("every month on the 5th and 20th|5th and 20th of every month", lambda day: day.day in (5, 20)),
    ("last day of every month|every last day of the month|monthly on the last day", is_last),
    ("every month on the 31st|31st of every month", lambda day: day.day == 31),
    ("every last friday of the month|monthly on the last friday", lambda day: on(4)(day) and is_after(day, 7)),
    ("1st and 3rd wednesday of every month|every 1st and 3rd wednesday", lambda day: on(2)(day) and nth(day) in (1, 3)),
    ("every year on nov 20|yearly on november 20|every nov 20|every 20th of november", lambda day: is_on(day, 11, 20)),
    ("every quarter on the 1st|first day of every quarter", lambda day: day.day == 1 and day.month % 3 == 1),
    ("every quarter on the last day|last day of every quarter", lambda day: is_last(day) and day.month % 3 == 0),
)


def is_after(day: date, days: int) -> bool:
    return (day + timedelta(days=days)).month != day.month


def nth(day: date) -> int:
    return (day.day + 6) // 7


def is_on(day: date, month: int, number: int) -> bool:
    return (day.month, day.day) == (month, number)


CLOCKS = (
    ("at 9am|9am|at 9|at 09:00|9:00|@ 9am|at 9 am|at 0900|at nine|at 9 in the morning|at 9 a.m.|at 9 o'clock", "09:00"),
    ("at 5pm|17:00|5pm|at 5 in the afternoon|at 1700|17:00 hrs|at five pm|5 p.m.", "17:00"),
    ("at noon|noon|12pm|at 12:00", "12:00"),
    ("at 9am and 5pm|9am and 5pm|at 9 and 17|at 9am, 5pm|at 9am & 5pm|at 9 am and at 5 pm", "09:00 17:00"),
    ("at half past eight|8:30|8:30am", "08:30"),
    ("at 8am, 12pm and 6pm|8am, noon and 6pm", "08:00 12:00 18:00"),
)
STARTS = (
    ("starting tomorrow|from tomorrow|beginning tomorrow", lambda today: today + timedelta(days=1)),
    ("starting monday|from monday|starting on monday", lambda today: coming(today, 0)),
    ("starting dec 1|from december 1|starting on the 1st of december", lambda today: coming_date(today, 12, 1)),
    ("starting 2027-03-05|from 2027-03-05", lambda today: date(2027, 3, 5)),
)
ENDS = (
    ("until dec 24|till december 24|until the 24th of december|through dec 24", lambda now: coming_date(now, 12, 24)),
    ("until 2027-06-15|till 2027-06-15", lambda today: date(2027, 6, 15)),
    ("until sunday|till sunday", lambda today: coming(today, 6)),
)
COUNTS = (("3 times|for 3 times|three times", 3), ("10 times", 10))


def coming(today: date, weekday: int) -> date:
    return today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)


def coming_date(today: date, month: int, number: int) -> date:
    found = date(today.year, month, number)
    return found if found > today else date(today.year + 1, month, number)


def fires(
    rule: OnDay, clocks: list[time], bounds: tuple[date | None, date | None, int], now: datetime
) -> list[datetime]:
    """The first four fires after ``now``, by going over the days of six years."""
    first, last, count = bounds
    most = min(count or 4, 4)
    found: list[datetime] = []
    for day in (now.date() + timedelta(days=number) for number in range(6 * 366)):
        if len(found) >= most or (last and day > last):
            break
        if rule(day) and not (first and day < first):
            instants = (datetime.combine(day, clock, NEW_YORK).astimezone(UTC) for clock in clocks)
            found += [instant for instant in instants if instant > now]
    return found[:most]


@pytest.mark.parametrize("present", PRESENTS)
def test_what_is_composed_fires_when_its_pieces_say(present: str) -> None:
    chance = random.Random(present)  # noqa: S311  (not a secret: the same texts every time)
    now = datetime.fromisoformat(present).replace(tzinfo=NEW_YORK)
    read = 0
    for _ in range(400):
        words, rule = chance.choice(RULES)
        said, at = chance.choice((*CLOCKS, ("", f"{now:%H:%M}")))
        start, end, times = (
            chance.choice(choices) if chance.random() < 0.3 else ("", None) for choices in (STARTS, ENDS, COUNTS)
        )
        if start[1] and end[0].startswith("until sunday"):
            continue  # the Sunday behind the start, or behind the present
        pieces = [chance.choice(each.split("|")) for each in (words, said, start[0], end[0], times[0]) if each]
        chance.shuffle(pieces)
        expr = chance.choice((" ", ", ")).join(pieces)
        try:
            reading = parse(expr, now, NEW_YORK)
        except TimeExpressionError:
            continue
        read += 1
        today = now.date()
        bounds = (start[1] and start[1](today), end[1] and end[1](today), times[1] or 0)
        assert reading.recurrence is not None, expr
        wanted = fires(rule, [time.fromisoformat(each) for each in at.split()], bounds, now)
        assert list(islice(reading.recurrence.fires(now), 4)) == wanted, expr
    assert read > 150
