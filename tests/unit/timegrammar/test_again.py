"""Laws of what recurs, over tables of rules, clock times and bounds.

Run as a program, it prints how many expressions each law has tried, and how many of them were read.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, permutations, product, takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests"))

import time_accuracy  # noqa: E402
from defer.timeparse import TimeExpressionError, parse  # noqa: E402

pytestmark = pytest.mark.thorough

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime.fromisoformat("2026-10-14T10:20:00-04:00")  # a Wednesday
TRIED: Counter[str] = Counter()

RULES = (
    "every day",
    "daily",
    "each day",
    "every weekday",
    "weekdays",
    "every monday",
    "mondays",
    "mon,thu",
    "every monday and thursday",
    "mon-fri",
    "Mon/Wed/Fri",
    "every other friday",
    "every 2 weeks on monday",
    "weekly on tuesday",
    "every other day",
    "every 3 days",
    "every week",
    "every 1st of the month",
    "monthly on the 15th",
    "every last friday of the month",
    "1st and 3rd monday of every month",
    "every month on the 31st",
    "every quarter on the 1st",
    "yearly on nov 20",
    "every morning",
    "every saturday or sunday",
    "every 2h",
    "every 30 minutes",
    "hourly",
)
STEPS = ("every 2h", "every 30 minutes", "hourly")
CLOCKS = ("at 9am", "9am", "at 9", "at 17:00", "at 9am and 5pm", "at noon", "8:30", "in the evening")
BOUNDS = (
    "starting monday",
    "starting tomorrow",
    "starting dec 1",
    "from oct 20",
    "until friday",
    "until nov 20",
    "until the end of november",
    "until 2026-12-24",
    "for 3 days",
    "for 2 weeks",
    "for the next 3 weeks",
    "5 times",
    "10 times",
    "from monday to friday",
)
#: Two bounds beside each other; a start and an end.
PAIRS = (("starting monday", "5 times"), ("from oct 20", "until oct 25"), ("starting dec 1", "for 2 weeks"))


def read(expr: str, count: int = 5, now: datetime = NOW, tz: ZoneInfo = NEW_YORK) -> tuple[datetime, ...] | None:
    """The first fires; None where it is refused, and a moment that does not recur stands alone."""
    try:
        reading = parse(expr, now, tz)
    except TimeExpressionError:
        return None
    if reading.recurrence is None:
        return (reading.instant, datetime.max.replace(tzinfo=UTC))
    return tuple(islice(reading.recurrence.fires(now), count))


def local(fires: tuple[datetime, ...]) -> list[str]:
    return [f"{fire.astimezone(NEW_YORK):%a %m-%d %H:%M}" for fire in fires]


def phrases(rule: str, clock: str, bounds: tuple[str, ...]) -> Iterator[str]:
    """The rule, its clock and its bounds in every order."""
    for order in permutations((rule, clock, *bounds)):
        yield " ".join(order)


#: Which part of the orders is tried here; the program tries all.
SHARE = 1 if "WHOLE_LAWS" in os.environ else 8


@pytest.mark.parametrize("rule", RULES)
def test_the_order_of_rule_clock_and_bounds_changes_nothing(rule: str) -> None:
    # A step of hours has no clock of its own: each clock belongs to the bound before it.
    sets = [(bound,) for bound in BOUNDS] + ([] if rule in STEPS else list(PAIRS))
    for clock, bounds in list(product(CLOCKS, sets))[RULES.index(rule) % SHARE :: SHARE]:
        found = {each: fires for each in phrases(rule, clock, bounds) if (fires := read(each)) is not None}
        TRIED["orders"] += len(list(permutations((rule, clock, *bounds))))
        TRIED["orders, read"] += len(found)
        assert len(set(found.values())) <= 1, {each: local(fires) for each, fires in found.items()}


BY_THE_DAY = ("every day", "daily", "each day", "everyday", "every single day", "every morning", "once a day")


@pytest.mark.parametrize("rule", BY_THE_DAY)
def test_a_clock_behind_a_bound_changes_the_hour_and_never_the_number_of_days(rule: str) -> None:
    clocks = {"at 9am": 1, "9:30": 1, "at noon": 1, "at 17:00": 1, "at 9am and 5pm": 2, "": 1}
    for (clock, fires_a_day), number in product(clocks.items(), (1, 2, 3, 5, 10)):
        length = f"for {number} days" if number > 1 else "for 1 day"
        for start in ("", "starting monday", "from dec 1", "starting tomorrow"):
            for each in {" ".join(" ".join(order).split()) for order in permutations((clock, length, start))}:
                fires = read(f"{rule} {each}", 50)
                TRIED["days"] += 1
                if fires is not None:
                    TRIED["days, read"] += 1
                    assert len(fires) == number * fires_a_day, (f"{rule} {each}", local(fires))
                    days = {fire.astimezone(NEW_YORK).date() for fire in fires}
                    assert len(days) <= number + (fires_a_day > 1 and not start), (f"{rule} {each}", local(fires))


@pytest.mark.parametrize("rule", RULES)
def test_so_many_times_are_so_many_fires(rule: str) -> None:
    for clock, number, start in product(("", "at 9am", "at 17:00"), (1, 2, 4), ("", "starting dec 1")):
        for order in permutations((clock, f"{number} times", start)):
            fires = read(" ".join(f"{rule} {' '.join(order)}".split()), 50)
            TRIED["times"] += 1
            if fires is not None:
                TRIED["times, read"] += 1
                assert len(fires) == number, (rule, order, local(fires))


#: Spellings of one rule. Each is read as the first of its line is, or refused; the first is read.
CLASSES = (
    ("every day at 9am", "daily at 9am", "9am daily", "each day at 9", "everyday at 9am", "every day 9am", "every 9am",
     "once a day at 9am", "at 9am every day", "every morning at 9", "every single day at 9am", "0 9 * * *",
     "daily, 9am", "daily @ 9am", "every day @ 9", "every day at 09:00", "every day at 0900", "every day at nine",
     "every day at 9 o'clock", "every day at 9 in the morning", "daily at 9 a.m."),
    ("every day at 5pm", "daily 17:00", "every day at 1700", "5pm every day", "every evening at 5", "every 5pm",
     "every day at 5 pm", "every day at 5p", "every 17:00", "daily at 1700 hours", "every afternoon at 5",
     "every day at 5 in the afternoon", "0 17 * * *", "every day by 5pm"),
    ("every midnight", "every day at midnight", "daily", "daily at 0:00", "@daily", "@midnight", "0 0 * * *",
     "every day at 00:00", "every day at 12am", "midnight every day", "nightly at midnight"),
    ("every noon", "every day at noon", "daily at 12pm", "every day at 12:00", "noon every day", "0 12 * * *",
     "every midday", "every day at midday", "daily at noon"),
    ("every weekday at 9am", "weekdays at 9am", "weekdays 9am", "mon-fri 9am", "mon–fri 9am", "monday to friday at 9",
     "monday through friday at 9am", "every workday at 9", "mon,tue,wed,thu,fri 9am", "0 9 * * 1-5", "0 9 * * mon-fri",
     "9am on weekdays", "weekdays, 9am", "every business day at 9am", "every working day at 9", "each weekday at 9am",
     "9am every weekday", "every weekday morning at 9", "every weekday morning", "9am weekdays", "Mon - Fri at 9am",
     "mon..fri 9am", "every mon-fri at 9", "daily on weekdays at 9am", "every day monday to friday at 9am"),
    ("every saturday and sunday at 10am", "weekends at 10am", "sat,sun 10:00", "sat/sun 10am", "every weekend at 10am",
     "saturdays and sundays at 10", "every saturday or sunday at 10am", "sat & sun at 10am", "sat-sun 10am",
     "0 10 * * 6,0", "0 10 * * sat,sun", "every sat and sun at 10"),
    ("every monday at 5pm", "mondays at 5pm", "mondays 17:00", "weekly on monday at 5pm", "every week on monday at 5pm",
     "5pm every monday", "each monday 5pm", "on mondays at 5pm", "once a week on monday at 5pm", "0 17 * * 1",
     "0 17 * * mon", "weekly on mondays at 5pm", "every mon 5pm", "monday evenings at 5", "every monday evening at 5",
     "every 1 week on monday at 5pm", "5pm on mondays", "5pm mondays"),
    ("every monday and thursday at 9am", "mon,thu 9am", "mondays and thursdays at 9", "mon/thu at 9am", "mon & thu 9am",
     "every mon and thu at 9am", "every thursday and monday at 9am", "weekly on mon and thu at 9am", "0 9 * * 1,4",
     "every monday or thursday at 9am", "every monday, thursday at 9am", "thu,mon 9am", "every mon/thu 9am"),
    ("every other friday at 4pm", "every 2 weeks on friday at 4pm", "fortnightly on fridays at 4pm",
     "every two weeks on friday at 4pm", "every other week on friday at 4pm", "every second week on friday at 4pm",
     "every fortnight on friday at 4pm", "fridays every 2 weeks at 4pm", "fridays every other week at 4pm",
     "every 14 days starting friday at 4pm"),
    ("every 2h", "every 2 hours", "every two hours", "every 120 minutes", "every other hour", "every second hour",
     "every couple of hours", "once every 2 hours", "every 2 hrs", "every 2hr", "each 2 hours"),
    ("every 30 minutes", "every 30m", "every half hour", "every half an hour", "every 30 min", "every thirty minutes",
     "every 0.5h", "every .5h", "once every 30 minutes", "every 30mins", "every 1800 seconds"),
    ("every hour", "every 1h", "every 60 minutes", "each hour", "every 1 hour", "once an hour", "every one hour",
     "once every hour", "every 60m"),
    ("hourly", "@hourly", "0 * * * *", "every hour on the hour", "hourly at :00", "every hour at minute 0"),
    ("every 1st of the month at 9am", "monthly on the 1st at 9am", "every month on the 1st at 9am", "0 9 1 * *",
     "1st of every month at 9am", "the 1st of each month at 9am", "every 1st at 9am", "9am on the 1st of every month",
     "every first of the month at 9am", "first day of every month at 9am", "every first day of the month at 9am",
     "on the 1st of every month at 9am", "every month on day 1 at 9am", "every 1st day of the month at 9am"),
    ("last day of every month at 5pm", "every last day of the month at 5pm", "monthly on the last day at 5pm",
     "every month on the last day at 5pm", "0 17 L * *", "5pm on the last day of every month",
     "the last day of each month at 5pm"),
    ("every last friday of the month at 4pm", "last friday of every month at 4pm", "monthly on the last friday at 4pm",
     "0 16 * * 5L", "every month on the last friday at 4pm", "the last friday of each month 4pm",
     "4pm on the last friday of every month"),
    ("every last business day of the month at 4pm", "last working day of every month at 4pm", "0 16 LW * *",
     "last weekday of the month every month at 4pm", "every last workday of the month at 4pm",
     "monthly on the last business day at 4pm", "the last weekday of every month at 4pm"),
    ("1st and 3rd monday of every month at 9am", "every 1st and 3rd monday at 9am", "1st and 3rd monday at 9",
     "every month on the 1st and 3rd monday at 9am", "first and third monday of every month at 9am",
     "monthly on the 1st and 3rd monday at 9am", "1st & 3rd monday of the month at 9am",
     "1st, 3rd monday of every month at 9am"),
    ("every month on the 1st and 15th at 8am", "1st and 15th of every month at 8am", "every 1st and 15th at 8am",
     "0 8 1,15 * *", "monthly on the 1st and 15th at 8am", "every month on days 1 and 15 at 8am",
     "the 15th and 1st of every month at 8am"),
    ("every year on dec 24 at 6pm", "yearly on december 24 at 6pm", "every december 24 at 6pm", "0 18 24 12 *",
     "annually on dec 24 at 6pm", "every 24th of december at 6pm", "dec 24 every year at 6pm",
     "every dec 24th at 18:00", "once a year on dec 24 at 6pm", "6pm every dec 24", "every year on 24 december at 6pm"),
    ("every quarter on the 1st at 9am", "quarterly on the 1st at 9am", "first day of every quarter at 9am",
     "every quarter on the first day at 9am", "0 9 1 1,4,7,10 *", "every first day of the quarter at 9am"),
    ("every quarter on the last day at 5pm", "quarterly on the last day at 5pm", "last day of every quarter at 5pm",
     "every last day of the quarter at 5pm", "0 17 L 3,6,9,12 *"),
    ("every day at 9am and 5pm", "twice a day at 9 and 17", "daily at 9am and 5pm", "every day at 9, 17",
     "twice daily at 9am and 5pm", "0 9,17 * * *", "every 9am and 5pm", "2 times a day at 9am and 5pm",
     "every day at 9am & 5pm", "every day at 5pm and 9am", "every day at 9 am and at 5 pm"),
    ("every 15 minutes between 9am and 5pm", "every 15 min from 9am to 5pm", "every 15 minutes between 9 and 17",
     "every 15 minutes 9am-5pm", "every 15m between 9:00 and 17:00", "between 9am and 5pm every 15 minutes",
     "every day every 15 minutes between 9am and 5pm", "every 15 minutes from 9 to 5"),
    ("hourly from 9 to 5 on weekdays", "every hour between 9am and 5pm on weekdays", "0 9-17 * * 1-5",
     "weekdays 9-17 hourly", "hourly on weekdays from 9am to 5pm", "weekdays hourly from 9 to 17",
     "every weekday hourly from 9am to 5pm", "mon-fri hourly 9-17", "on weekdays every hour from 9am to 5pm",
     "weekdays from 9 to 5 hourly"),
    ("every day at 9am for 3 days", "every day for 3 days at 9am", "daily at 9am 3 times", "daily for 3 days at 9",
     "every day at 9am for the next 3 days", "every day at 9am three times", "every day at 9am, 3 times",
     "every day at 9am for three days", "for 3 days every day at 9am"),
    ("every day at 9am until friday", "every day until friday at 9am", "daily at 9am until friday",
     "daily until friday at 9", "every day at 9am till friday", "every day at 9am, until friday",
     "every day at 9am through friday", "until friday every day at 9am"),
    ("every day at 9am starting monday", "every day starting monday at 9am", "from monday every day at 9am",
     "daily at 9am from monday", "daily starting monday at 9", "starting monday, every day at 9am",
     "every day from monday at 9am", "every day at 9am beginning monday", "every day at 9am from monday on"),
    ("every night at 11pm", "nightly at 11pm", "nightly at 11", "every night at 11", "every day at 23:00",
     "daily at 11pm", "every night at 23:00"),
)  # fmt: skip


@pytest.mark.parametrize("spellings", CLASSES, ids=lambda spellings: spellings[0])
def test_spellings_of_one_rule_agree(spellings: tuple[str, ...]) -> None:
    assert len(spellings) >= 5
    wanted = read(spellings[0])
    assert wanted is not None
    found = {each: fires for each in spellings if (fires := read(each)) is not None}
    TRIED["spellings"] += len(spellings)
    TRIED["spellings, read"] += len(found)
    assert {each: local(fires) for each, fires in found.items() if fires != wanted} == {}


def recurring_rows() -> list[tuple[str, datetime, ZoneInfo]]:
    """Every expression of the rows that recurs, with its present and its zone."""
    found = {}
    for path in time_accuracy.FILES:
        for row in time_accuracy.rows(path):
            now, tz = datetime.fromisoformat(row["now"]), ZoneInfo(row["tz"])
            try:
                reading = parse(row["expr"], now, tz)
            except TimeExpressionError:
                continue
            if reading.recurrence is not None:
                found[row["expr"]] = (row["expr"], now, tz)
    return [*found.values(), *((each, NOW, NEW_YORK) for each in {*RULES, *sum(CLASSES, ())} if read(each))]


def test_the_words_of_a_rule_read_again_are_the_same_rule() -> None:
    for expr, now, tz in recurring_rows():
        rule = parse(expr, now, tz).recurrence
        assert rule is not None
        # The words of cron fields are for people: `at 09:00 on Monday`.
        if not rule.describe().startswith("at "):
            before = (rule.first or now) - timedelta(minutes=1)
            again = read(rule.describe().removesuffix(f", {tz.key}"), 5, before, tz)
            TRIED["words"] += 1
            TRIED["words, read"] += again is not None
            assert again in (None, tuple(islice(rule.fires(before), 5))), (expr, rule.describe())


@pytest.mark.slow
def test_a_rule_read_again_a_year_later_goes_on_as_it_did() -> None:
    for expr, now, tz in recurring_rows():
        first, again = (parse(expr, now, tz).recurrence for _ in range(2))
        assert first is not None
        assert again is not None
        later = now + timedelta(days=365, hours=7)
        TRIED["a year later"] += 1
        # What fires more often than once a day is not walked for a year.
        fires = list(islice(first.fires(now), 400))
        if len(fires) < 400 or fires[-1] > later:
            assert [fire for fire in fires if fire > later][:3] == list(islice(again.fires(later), 3)), expr


def matches(field: str, value: int, low: int, high: int) -> bool:
    """Whether a cron field of numbers, ranges, lists and steps has ``value``."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, last = (low, high) if span == "*" else map(int, (span.split("-") * 2)[:2])
        if first <= value <= last and (value - first) % int(step or 1) == 0:
            return True
    return False


def on_day(fields: list[str], day: date) -> bool:
    """Debian's rule: both days must match where one of the fields starts with a star, else either."""
    month_day = matches(fields[2], day.day, 1, 31)
    week_day = any(matches(fields[4], number, 0, 7) for number in {day.isoweekday(), day.isoweekday() % 7})
    both = fields[2][0] == "*" or fields[4][0] == "*"
    days = (month_day and week_day) if both else (month_day or week_day)
    return days and matches(fields[3], day.month, 1, 12)


def walked(expr: str, after: datetime, days: int, tz: ZoneInfo) -> list[datetime]:
    """The fires by going over every minute; over changes of offset as Debian's cron goes.

    A job whose minute or hour is a star follows the wall clock. Any other runs once: at the end of a gap that holds
    its time, in the first pass of a fold. A gap of three hours is a new date to cron, and what was in it is lost.
    """
    fields = expr.split()
    found = set()
    start = after.astimezone(tz).date()
    hours = [hour for hour in range(24) if matches(fields[1], hour, 0, 23)]
    clocks = list(product(hours, [minute for minute in range(60) if matches(fields[0], minute, 0, 59)]))
    wild = "*" in (fields[0][0], fields[1][0])
    for day in (start + timedelta(days=number) for number in range(days + 2)):
        for hour, minute in clocks if on_day(fields, day) else ():
            wall = datetime.combine(day, time(hour, minute))
            first, second = (wall.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1))
            real = first.astimezone(tz).replace(tzinfo=None) == wall
            if real:
                found.add(first)
                found.update({second} if wild else set())
            elif not wild and first - second < timedelta(hours=3):
                found.add(end_of_gap(second, tz))
    return sorted(fire for fire in found if after < fire <= after + timedelta(days=days))


def end_of_gap(before: datetime, tz: ZoneInfo) -> datetime:
    """The first minute at the new offset after ``before``, which is less than a day from it."""
    offset = before.astimezone(tz).utcoffset()
    return next(
        instant
        for instant in (before + timedelta(minutes=number) for number in range(24 * 60))
        if instant.astimezone(tz).utcoffset() != offset
    )


def some_field(rng: random.Random, low: int, high: int) -> str:
    def one() -> str:
        first = rng.randint(low, high)
        last = rng.randint(first, high)
        return rng.choice([f"{first}", f"{first}", f"{first}-{last}", f"{first}-{last}/{rng.randint(1, 4)}"])

    kind = rng.random()
    if kind < 0.35:
        return "*"
    return (
        f"*/{rng.randint(2, high // 2)}" if kind < 0.5 else ",".join(one() for _ in range(rng.choice((1, 1, 1, 2, 3))))
    )


def some_cron(rng: random.Random) -> str:
    minute, hour = some_field(rng, 0, 59), some_field(rng, 0, 23)
    days = [some_field(rng, 1, 31), rng.choice(["*", "*", some_field(rng, 1, 12)]), some_field(rng, 0, 7)]
    return " ".join((minute, hour, *days))


PLAIN = ("UTC", "Asia/Kolkata", "Asia/Tokyo", "America/Phoenix", "Asia/Kathmandu")
CHANGING = (
    ("America/New_York", "2026-10-31"),
    ("America/New_York", "2027-03-13"),
    ("Europe/Berlin", "2026-10-24"),
    ("Europe/Berlin", "2027-03-27"),
    ("Europe/London", "2027-03-27"),
    ("Australia/Lord_Howe", "2026-10-03"),
    ("Australia/Lord_Howe", "2027-04-03"),
    ("Antarctica/Troll", "2027-03-27"),
    ("America/Santiago", "2026-09-05"),
    ("America/Nuuk", "2027-03-27"),
    ("America/Havana", "2026-10-31"),
    ("Africa/Cairo", "2027-04-29"),
    ("Pacific/Apia", "2011-12-29"),
)


def disagreement(expr: str, after: datetime, days: int, tz: ZoneInfo) -> str | None:
    """What differs between our fires and the walk, None where nothing does."""
    wanted = walked(expr, after, days, tz)
    try:
        reading = parse(expr, after, tz)
    except TimeExpressionError as error:
        return f"{expr}: {error}" if wanted else None
    assert reading.recurrence is not None
    end = after + timedelta(days=days)
    got = list(takewhile(lambda fire: fire <= end, reading.recurrence.fires(after)))
    if got == wanted:
        return None
    return f"{expr} in {tz.key}: {sorted(set(got) ^ set(wanted))[:6]}"


@pytest.mark.parametrize("name", [PLAIN[0], *(pytest.param(name, marks=pytest.mark.slow) for name in PLAIN[1:])])
def test_cron_fires_as_a_walk_over_all_minutes_says(name: str) -> None:
    rng = random.Random(f"cron {name}")  # noqa: S311  (not a secret: the same fields every time)
    for _ in range(40):
        after = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=rng.randrange(3 * 365 * 24 * 60))
        TRIED["cron"] += 1
        assert disagreement(some_cron(rng), after, 35, ZoneInfo(name)) is None


@pytest.mark.parametrize(("name", "day"), CHANGING)
def test_cron_goes_over_a_change_of_offset_as_debian_says(name: str, day: str) -> None:
    rng = random.Random(f"cron {name} {day}")  # noqa: S311  (not a secret: the same fields every time)
    tz = ZoneInfo(name)
    after = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=tz).astimezone(UTC)
    hours = ("0", "1", "2", "3", "23", "*")
    clocks = [f"{minute} {hour} * * *" for minute, hour in product(("0", "15", "30", "*/20"), hours)]
    for expr in [*clocks, *(" ".join(some_cron(rng).split()[:2]) + " * * *" for _ in range(40))]:
        TRIED["cron over a change"] += 1
        assert disagreement(expr, after, 2, tz) is None


def test_a_range_of_one_value_has_that_value_alone() -> None:
    assert local(read("0 9-9/2 * * *", 3) or ()) == ["Thu 10-15 09:00", "Fri 10-16 09:00", "Sat 10-17 09:00"]


def test_nothing_is_lost_behind_a_change_by_half_an_hour() -> None:
    tz = ZoneInfo("Australia/Lord_Howe")
    before = datetime.fromisoformat("2026-10-04T01:15:00+10:30")
    assert [f"{fire.astimezone(tz):%H:%M}" for fire in read("30 * * * *", 3, before, tz) or ()] == [
        "01:30",
        "02:30",
        "03:30",
    ]


def test_a_clock_behind_an_iso_date_that_ends_a_rule_is_when_it_runs() -> None:
    wanted = ["Thu 10-15 08:00", "Fri 10-16 08:00"]
    assert local(read("every weekday until 2026-10-16 08:00") or ()) == wanted
    assert read("every weekday until 2026-10-16 08:00") == read("every weekday until oct 16 08:00")


def test_monday_to_friday_behind_a_rule_is_every_week_or_asked() -> None:
    assert read("daily at 9am from monday to friday") == read("weekdays at 9am")
    for rule in ("every morning", "nightly at 1am", "hourly", "every other day at 9am", "every 2 days"):
        assert read(f"{rule} from monday to friday") is None
    with pytest.raises(TimeExpressionError, match=r'in every week, or in one\?.*"from 2026-10-19 until 2026-10-23"'):
        parse("every morning from monday to friday", NOW, NEW_YORK)


def test_days_behind_the_clock_of_every_day_are_its_days() -> None:
    for expr in ("every day at 9am on weekdays", "daily at 9am mon-fri", "daily at 9 on weekdays"):
        assert read(expr) == read("weekdays at 9am"), expr
    assert read("every day at 9am on monday") is None


@pytest.mark.parametrize("hours", ["between half 9 and 5", "from half nine to 5pm", "between 9am and half 5"])
def test_half_nine_is_asked_at_either_end_of_a_window(hours: str) -> None:
    for rule in ("every 15 minutes", "hourly", "every hour on weekdays"):
        with pytest.raises(TimeExpressionError, match=r"8:30 or 9:30\?|4:30 or 5:30\?"):
            parse(f"{rule} {hours}", NOW, NEW_YORK)


def ends(expr: str) -> tuple[str, tuple[str, ...]]:
    """The last fire, and the notes."""
    reading = parse(expr, NOW, NEW_YORK)
    assert reading.recurrence is not None
    *_, last = reading.recurrence.fires(NOW)
    return local((last,))[0], reading.notes


def test_through_a_month_or_week_is_up_to_its_last_day() -> None:
    for bound in ("through january", "from november to january", "between november and january", "thru january"):
        last, notes = ends(f"every monday at 9am {bound}")
        assert last == "Mon 01-25 09:00", bound
        assert "until Sunday 2027-01-31 23:59" in notes, bound
    assert ends("every day at 9am through next week")[0] == "Fri 10-23 09:00"
    assert ends("every day through november at 9am")[0] == "Mon 11-30 09:00"
    assert ends("every day at 9am from oct 20 to oct 25")[0] == "Sun 10-25 09:00"


def test_until_a_month_is_up_to_its_first_day_and_says_so() -> None:
    assert ends("every day at 9am until november") == ("Sun 11-01 09:00", ("until Sunday 2026-11-01 23:59",))
    assert ends("every day at 9am until nov 5") == ("Thu 11-05 09:00", ())


if __name__ == "__main__":
    os.environ["WHOLE_LAWS"] = "1"
    outcome = pytest.main(["-q", "-p", "no:randomly", "-p", "no:xdist", "--no-header", __file__])
    tested = [module for name, module in sys.modules.items() if name.endswith("test_again")]
    for law, number in sorted(tested[0].TRIED.items()):
        print(f"{law:<24}{number:>8}")
    sys.exit(outcome)
