"""What recurs, as people say it: literal fires, notes and refusals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defer.timegrammar.recurring import rules
from defer.timeparse import Reading, TimeExpressionError, parse

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime.fromisoformat("2026-10-14T10:20:00-04:00")  # a Wednesday


def read(expr: str, now: datetime = NOW, tz: ZoneInfo = NEW_YORK) -> Reading:
    return parse(expr, now, tz)


def fires(expr: str, count: int, now: datetime = NOW) -> list[str]:
    """The first fires, as they stand on walls."""
    recurrence = read(expr, now).recurrence
    assert recurrence is not None
    return [f"{fire.astimezone(NEW_YORK):%m-%d %H:%M}" for fire in islice(recurrence.fires(now), count)]


def refusal(expr: str) -> str:
    with pytest.raises(TimeExpressionError) as caught:
        read(expr)
    return str(caught.value)


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (
            "every day 9",
            'month? (instead of "every day 9" try "every day at 9" or "every month on the 9th")',
        ),
        (
            "each day 10",
            'month? (instead of "each day 10" try "each day at 10" or "every month on the 10th")',
        ),
        (
            "every day 9 at 5pm",
            'try "every day at 9 and 5pm" or "every month on the 9th at 5pm")',
        ),
        ("every day 9 until friday", "a clock or a day of the month?"),
        ("every day 5", 'try "every day at 5am" or "every day at 5pm" or "every month on the 5th")'),
        ("every day 30", 'a clock or a day of the month? (instead of "every day 30" try "every month on the 30th")'),
        ("every single day 9", 'try "every single day at 9" or "every month on the 9th")'),
        ("every month 15", 'is 15 a day of the month? (try "every month on the 15th")'),
        ("monthly 15", 'is 15 a day of the month? (try "monthly on the 15th")'),
        ("every monday 9", 'is 9 a clock time? (try "every monday at 9")'),
        ("mondays 5", 'is 5 a clock time? (try "mondays at 5am" or "mondays at 5pm")'),
        ("weekdays 9", 'is 9 a clock time? (try "weekdays at 9")'),
        ("daily 9", 'is 9 a clock time? (try "daily at 9")'),
        ("each morning 8", 'is 8 a clock time? (try "each morning at 8")'),
        ("every 9", '9 of what? (try "every 9m" or "every day at 9")'),
        ("weekly at 9", 'on which day? (instead of "weekly" try "every wednesday at 9")'),
        ("every week at 9am", 'on which day? (instead of "every week" try "every wednesday at 9am")'),
        ("once a week at 9am", 'on which day? (instead of "once a week" try "every wednesday at 9am")'),
        ("every 2 weeks at 9am", 'on which day? (try "every 2 weeks on wednesday at 9am")'),
        ("9am fortnightly", 'on which day? (try "9am fortnightly on wednesday")'),
        ("monthly at 9am", 'on which day? (try "monthly on the 14th at 9am")'),
        ("every 3 months at noon", 'on which day? (try "every 3 months on the 14th at noon")'),
        ("yearly at 9am", 'on which day? (try "yearly on october 14 at 9am")'),
        ("every quarter at 9am", '(try "every quarter on the 1st at 9am" or "every quarter on the last day at 9am")'),
        ("weekly until friday at 9am", "on which day?"),
        ("weekdays except friday", ""),
        (
            "every day from monday until friday at 9am",
            'try "every day from monday to friday at 9am" or "every day from 2026-10-19 until 2026-10-23 at 9am")',
        ),
        ("three times daily", ""),
        ("hourly on weekdays", "between which hours?"),
        ("daily two times at 9am and 9pm", "so many times on each day, or in all?"),
        ("every day 3x", "so many times on each day, or in all?"),
        ("every two hours 5 times from 9am until 5pm", "on each day, or once?"),
        ("every hour at 15", '"every hour starting at 15" or "every hour at :15"'),
        ("every 2nd saturdays", ""),
        ("once in two weeks", 'try "every two weeks" or "in two weeks"'),
        ("once in two weeks on monday", '"every two weeks on monday"'),
        ("once a day at 9am and 5pm", "1 time, or 2 times as named?"),
        ("every days 1", 'try "every month on the 1st"'),
        ("every month 15th", 'on the 15th? (try "every month on the 15th")'),
        ("every month the 15th at 9am", 'try "every month on the 15th at 9am"'),
        ("every day between monday and friday", 'try "every day from monday to friday"'),
        ("every day at 9am and 5pm twice", ""),
        ("every first monday of the quarter", "a quarter's weekdays are not counted"),
        ("twice a day at 9", "2 times, or 1 time as named?"),
        ("twice a week on monday", "2 days, or 1 day as named?"),
        ("every hour on weekdays", "between which hours?"),
        (
            "every 15 minutes during business hours",
            '(instead of "during business hours" try "every 15 minutes between 9am and 5pm on weekdays")',
        ),
        ("every 12 hours at minute 50", "hours are counted from their start, not on the clock"),
        ("every 7 minutes between 9am and 5pm", "7 minutes does not divide an hour or a day"),
        ("every 2 hours between 9am and 6pm", "counted from 09:00, it never meets 18:00"),
        ("every 9 hours from 9 to 5", "does not divide"),
        ("every 12 hours from 9am to 5pm", "12 hours is longer than from 09:00 to 17:00"),
        ("every hour from 6 to 10pm", '6 in the morning or evening? (try "every hour from 6am to 10pm"'),
        ("every 45 minutes between 9am and 5pm", "45 minutes does not divide an hour"),
        (
            "every hour between 9:30 and 5:30",
            'try "every hour between 9:30 and 5:30am" or "every hour between 9:30 and 5:30pm"',
        ),
        ("every hour starting at 11 weekdays", ""),
        ("every week end at 9am", ""),
        ("every hour from 2 to 6", "2 in the morning or afternoon?"),
        ("every hour between 10pm and 2am on weekdays", "that goes over midnight"),
        ("every morning and evening at 9", "name the hour of each part"),
        ("friday or saturday", ""),
        ("every day twice", ""),
        ("nightly", "at which hour of the night?"),
        ("every second friday", "every other one, or once a month?"),
        ("every other weekend", ""),
        ("biweekly", "twice a week or every two weeks?"),
        ("every now and then", ""),
        ("every leap day", ""),
        ("M-F", ""),
        ("every day until further notice", ""),
    ],
)
def test_what_has_two_readings_is_refused_with_both(expr: str, text: str) -> None:
    assert text in refusal(expr)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        # A step on the clock between two hours, both included.
        ("every 15 minutes between 9am and 5pm", ["10-14 10:30", "10-14 10:45"]),
        ("hourly from 9 to 5 on weekdays", ["10-14 11:00", "10-14 12:00"]),
        ("weekdays 8-17 hourly", ["10-14 11:00", "10-14 12:00"]),
        ("every hour between 9 and 17", ["10-14 11:00", "10-14 12:00"]),
        (
            "every 2 hours between 9am and 5pm",
            ["10-14 11:00", "10-14 13:00", "10-14 15:00", "10-14 17:00", "10-15 09:00"],
        ),
        ("every 2 hours between 8am and 8pm on weekdays", ["10-14 12:00"]),
        ("every 10 min 9-17 mon-fri", ["10-14 10:30", "10-14 10:40"]),
        ("every 30 minutes from 9am until 5pm", ["10-14 10:30"]),
        ("every weekday every 30 minutes from 9:30 to 4", ["10-14 10:30"]),
        ("between 9 and 5 every 2 hours until friday", ["10-14 11:00"]),
        (
            "every hour between 10pm and 2am",
            ["10-14 22:00", "10-14 23:00", "10-15 00:00", "10-15 01:00", "10-15 02:00", "10-15 22:00"],
        ),
        ("every 90 minutes between 9am and 6pm", ["10-14 10:30", "10-14 12:00"]),
        ("every hour between 9:30am and 5:30pm", ["10-14 10:30", "10-14 11:30"]),
        ("every hour from noon to midnight", ["10-14 12:00", "10-14 13:00"]),
        ("starting dec 1, between 6am and 10am, every other hour", ["12-01 06:00", "12-01 08:00"]),
        ("every hour from 22 to 6", ["10-14 22:00"]),
        ("every 2 hours from noon to 6pm", ["10-14 12:00", "10-14 14:00", "10-14 16:00", "10-14 18:00", "10-15 12:00"]),
        # Times of a day.
        ("twice a day at 9 and 17", ["10-14 17:00", "10-15 09:00"]),
        ("three times a day at 8, 12 and 18", ["10-14 12:00", "10-14 18:00", "10-15 08:00"]),
        ("twice daily at 8am and 8pm", ["10-14 20:00", "10-15 08:00"]),
        ("3x a day at 8, 12 and 18", ["10-14 12:00"]),
        ("twice a week on monday and thursday at 9am", ["10-15 09:00", "10-19 09:00"]),
        ("twice a month on the 1st and 15th at 9am", ["10-15 09:00", "11-01 09:00"]),
        ("every 9am", ["10-15 09:00", "10-16 09:00"]),
        ("every 17:30", ["10-14 17:30", "10-15 17:30"]),
        ("every noon", ["10-14 12:00", "10-15 12:00"]),
        ("every midnight", ["10-15 00:00", "10-16 00:00"]),
        ("every noon on weekdays", ["10-14 12:00"]),
        ("everyday at 9am", ["10-15 09:00", "10-16 09:00"]),
        ("nightly at 1am", ["10-15 01:00", "10-16 01:00"]),
        ("nightly at 11", ["10-14 23:00", "10-15 23:00"]),
        ("every morning and evening", ["10-14 19:00", "10-15 09:00"]),
        ("weekday mornings and evenings", ["10-14 19:00", "10-15 09:00"]),
        ("mornings at 8", ["10-15 08:00"]),
        # Days of the week.
        ("Mon/Wed/Fri at 10", ["10-16 10:00", "10-19 10:00", "10-21 10:00"]),
        ("mon–fri 9am", ["10-15 09:00", "10-16 09:00", "10-19 09:00"]),
        ("every saturday or sunday", ["10-17 10:20", "10-18 10:20"]),
        ("every weekend at 10am", ["10-17 10:00", "10-18 10:00", "10-24 10:00"]),
        ("daily on weekdays at 9am", ["10-15 09:00", "10-16 09:00", "10-19 09:00"]),
        ("every day from monday to friday at 9am", ["10-15 09:00", "10-16 09:00", "10-19 09:00"]),
        ("every week from monday to friday at 9am", ["10-15 09:00", "10-16 09:00", "10-19 09:00"]),
        ("from monday to friday every day at 9am", ["10-15 09:00", "10-16 09:00", "10-19 09:00"]),
        ("every mon wed and fri at 9am", ["10-16 09:00", "10-19 09:00", "10-21 09:00"]),
        ("mon wed fri at 9", ["10-16 09:00", "10-19 09:00"]),
        ("weekdays and saturday at 9am", ["10-15 09:00", "10-16 09:00", "10-17 09:00", "10-19 09:00"]),
        ("every friday cob", ["10-16 17:00", "10-23 17:00"]),
        ("first monday every month", ["11-02 10:20", "12-07 10:20"]),
        ("each and every day at 9am", ["10-15 09:00"]),
        ("every week day at 9am", ["10-15 09:00", "10-16 09:00", "10-19 09:00"]),
        ("mondays weekly at 9am", ["10-19 09:00", "10-26 09:00"]),
        ("once in every two weeks on monday", ["10-19 10:20", "11-02 10:20"]),
        ("every day at 9am on weekdays", ["10-15 09:00", "10-16 09:00", "10-19 09:00"]),
        ("every monday each week at 9am", ["10-19 09:00", "10-26 09:00"]),
        ("weekly once on monday at 9am", ["10-19 09:00", "10-26 09:00"]),
        ("daily morning 7am", ["10-15 07:00", "10-16 07:00"]),
        ("alternate days at 9am", ["10-15 09:00", "10-17 09:00"]),
        ("every alternate monday", ["10-19 10:20", "11-02 10:20"]),
        ("alternate mondays", ["10-19 10:20", "11-02 10:20"]),
        ("fortnightly on mondays", ["10-19 10:20", "11-02 10:20"]),
        ("mondays every 2 weeks at 9am", ["10-19 09:00", "11-02 09:00"]),
        ("weekly mondays at 9am", ["10-19 09:00", "10-26 09:00"]),
        ("every 7 days at 09:30", ["10-15 09:30", "10-22 09:30"]),
        # Days of the month, of a quarter, of a year.
        ("1st and 3rd monday", ["10-19 10:20", "11-02 10:20", "11-16 10:20"]),
        ("every 2nd and 4th friday at 5pm", ["10-23 17:00", "11-13 17:00", "11-27 17:00"]),
        ("first monday and last friday of every month at 9am", ["10-30 09:00", "11-02 09:00", "11-27 09:00"]),
        ("monthly, third wednesday, 2pm", ["10-21 14:00", "11-18 14:00"]),
        ("1st & 3rd saturdays", ["10-17 10:20", "11-07 10:20", "11-21 10:20"]),
        ("on the 1st and 15th at 9am every month", ["10-15 09:00", "11-01 09:00", "11-15 09:00"]),
        ("every year on the last sunday of october", ["10-25 10:20", "10-31 10:20"]),
        ("last sunday of every october", ["10-25 10:20", "10-31 10:20"]),
        ("every december on the 24th at noon", ["12-24 12:00", "12-24 12:00"]),
        ("yearly on the 2nd sunday of may", ["05-09 10:20", "05-14 10:20"]),
        ("1st & 16th monthly at 9am", ["10-16 09:00", "11-01 09:00"]),
        ("half-yearly on the 1st", ["11-01 10:20", "05-01 10:20"]),
        ("every first day of the week", ["10-19 10:20", "10-26 10:20"]),
        ("every quarter", ["01-01 10:20", "04-01 10:20"]),
        ("quarterly", ["01-01 00:00", "04-01 00:00", "07-01 00:00", "10-01 00:00"]),
        ("every quarter on the 1st at 9am", ["01-01 09:00", "04-01 09:00"]),
        ("every quarter on the last day at 5pm", ["12-31 17:00", "03-31 17:00", "06-30 17:00", "09-30 17:00"]),
        ("last business day of every quarter at 5pm", ["12-31 17:00", "03-31 17:00", "06-30 17:00"]),
        ("end of every month", ["10-31 17:00", "11-30 17:00"]),
        ("every end of month at 9am", ["10-31 09:00", "11-30 09:00"]),
        ("every eod", ["10-14 17:00", "10-15 17:00"]),
        ("start of every month at 9am", ["11-01 09:00"]),
        # Minutes of every hour.
        ("every hour and a half", ["10-14 11:50", "10-14 13:20"]),
        ("every hour and 15 minutes", ["10-14 11:35", "10-14 12:50"]),
        ("every hour at ten past", ["10-14 11:10"]),
        ("every hour on the half hour", ["10-14 10:30", "10-14 11:30"]),
        ("every hour at 15 past", ["10-14 11:15", "10-14 12:15"]),
        ("hourly at quarter past", ["10-14 11:15", "10-14 12:15"]),
        ("every hour at :15 and :45", ["10-14 10:45", "10-14 11:15"]),
        ("quarter past every hour", ["10-14 11:15"]),
        ("on the hour every hour", ["10-14 11:00"]),
    ],
)
def test_it_fires_as_it_is_said(expr: str, expected: list[str]) -> None:
    assert fires(expr, len(expected)) == expected


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("every day until oct 17 at 9am", ["10-15 09:00", "10-16 09:00", "10-17 09:00"]),
        ("every day until 2026-10-17 09:00", ["10-15 09:00", "10-16 09:00", "10-17 09:00"]),
        ("every day until 9am on oct 17", ["10-15 09:00", "10-16 09:00", "10-17 09:00"]),
        ("every day from oct 20 until oct 22 at 9am", ["10-20 09:00", "10-21 09:00", "10-22 09:00"]),
        ("every day from oct 20 to oct 22 at 9am", ["10-20 09:00", "10-21 09:00", "10-22 09:00"]),
        ("every day between oct 20 and oct 22", ["10-20 10:20", "10-21 10:20", "10-22 10:20"]),
        ("every day at 8am until oct 17 at 9am", ["10-15 08:00", "10-16 08:00", "10-17 08:00"]),
        ("every day starting today at 9 for 2 days", ["10-15 09:00", "10-16 09:00"]),
        ("every day for 3 days starting monday at 9am", ["10-19 09:00", "10-20 09:00", "10-21 09:00"]),
        ("every day at 9am for 3 days starting monday", ["10-19 09:00", "10-20 09:00", "10-21 09:00"]),
        ("every day starting monday at 9am for 3 days", ["10-19 09:00", "10-20 09:00", "10-21 09:00"]),
        ("starting monday, every day at 9am for 3 days", ["10-19 09:00", "10-20 09:00", "10-21 09:00"]),
        ("every day at midnight for 3 days starting monday", ["10-19 00:00", "10-20 00:00", "10-21 00:00"]),
        ("every day for 3 days", ["10-15 10:20", "10-16 10:20", "10-17 10:20"]),
        ("every day for 3 days starting today", ["10-15 10:20", "10-16 10:20", "10-17 10:20"]),
        ("every 20 minutes for 1 hour starting at noon", ["10-14 12:00", "10-14 12:20", "10-14 12:40"]),
        ("every 3 hours starting at 9am until 5pm", ["10-15 09:00", "10-15 12:00", "10-15 15:00"]),
        ("every 20 minutes for the next hour", ["10-14 10:40", "10-14 11:00", "10-14 11:20"]),
        ("every 20 minutes 2x", ["10-14 10:40", "10-14 11:00"]),
        ("every 12 hours starting at 7am and ending thursday", ["10-15 07:00", "10-15 19:00"]),
        ("every hour from 2pm to 4pm today", ["10-14 14:00", "10-14 15:00", "10-14 16:00"]),
        ("every hour tomorrow between 2pm and 4pm", ["10-15 14:00", "10-15 15:00", "10-15 16:00"]),
        ("every 3 hours from now until 5pm", ["10-14 13:20", "10-14 16:20"]),
        ("every 3 hours until 6 in the evening", ["10-14 13:20", "10-14 16:20"]),
        ("every 3 hours until 6 this evening", ["10-14 13:20", "10-14 16:20"]),
        ("every day until and including friday", ["10-15 10:20", "10-16 10:20"]),
        ("every day until 2026-10-16 inclusive", ["10-15 10:20", "10-16 10:20"]),
        ("every 3 hours until 17", ["10-14 13:20", "10-14 16:20"]),
        ("every day through friday", ["10-15 10:20", "10-16 10:20"]),
        ("every weekday until friday evening", ["10-14 19:00", "10-15 19:00", "10-16 19:00"]),
        ("every 2h until oct 14 at 3pm", ["10-14 12:20", "10-14 14:20"]),
        ("every 3h starting tomorrow 9am until 5pm", ["10-15 09:00", "10-15 12:00", "10-15 15:00"]),
        ("every day from monday at 9am until wednesday", ["10-19 09:00", "10-20 09:00", "10-21 09:00"]),
        ("hourly until 1pm", ["10-14 11:00", "10-14 12:00", "10-14 13:00"]),
        ("every hour at :30 2 times", ["10-14 10:30", "10-14 11:30"]),
        ("every day at 9am twice", ["10-15 09:00", "10-16 09:00"]),
        (
            "every 15 minutes between 4pm and 5pm 6 times",
            ["10-14 16:00", "10-14 16:15", "10-14 16:30", "10-14 16:45", "10-14 17:00", "10-15 16:00"],
        ),
        ("every hour starting in 2 hours for 2 hours", ["10-14 12:20", "10-14 13:20"]),
        ("every day at 9am starting in 3 days 2 times", ["10-17 09:00", "10-18 09:00"]),
        ("every 2 hours until 2026-10-14T15:00", ["10-14 12:20", "10-14 14:20"]),
    ],
)
def test_bounds_end_it_and_lend_it_their_clock(expr: str, expected: list[str]) -> None:
    assert fires(expr, 99) == expected


@pytest.mark.parametrize(
    ("expr", "last"),
    [
        ("every 2h starting saturday 9am until friday 5pm", "10-23 17:00"),
        ("every 2h starting saturday 9am until friday evening", "10-23 19:00"),
        ("every 2h starting in 2 weeks until friday 5pm", "10-30 16:20"),
        ("every day at 9am starting saturday until friday 5pm", "10-23 09:00"),
        ("every 2h starting thursday 9am until friday 5pm", "10-16 17:00"),
    ],
)
def test_an_end_on_a_weekday_with_a_clock_is_the_first_behind_the_start(expr: str, last: str) -> None:
    assert fires(expr, 999)[-1] == last


def test_an_end_on_a_date_with_a_clock_is_not_moved_behind_the_start() -> None:
    for last in ("tomorrow 5pm", "oct 16 5pm"):
        assert "its end comes before its first time" in refusal(f"every 2h starting saturday 9am until {last}")


def test_an_end_before_the_first_of_so_many_times_is_refused_as_such() -> None:
    for expr in ("every day at 9am until today 5 times", "every day at 9am until today"):
        assert "its end comes before its first time" in refusal(expr)


def test_a_start_without_an_end_is_one() -> None:
    assert fires("every 4 hours starting at 8", 2) == ["10-15 08:00", "10-15 12:00"]
    assert fires("every day from now on at 9am", 1) == ["10-15 09:00"]
    assert fires("every weekday as of monday at 9am", 1) == ["10-19 09:00"]
    assert fires("every day from monday onwards", 1) == ["10-19 10:20"]
    assert fires("every week starting monday at 9am", 2) == ["10-19 09:00", "10-26 09:00"]


@pytest.mark.parametrize(
    ("expr", "notes"),
    [
        ("every day at 9am", ()),
        ("every weekday at 17:00", ()),
        ("every 2h", ()),
        ("every few hours", ("a few is taken as 3",)),
        ("every 4 hours starting at 8am", ("from Thursday 2026-10-15 08:00",)),
        ("every 2 hours starting tomorrow at 8am until 5pm", ("until Thursday 2026-10-15 17:00",)),
        ("hourly", ("on the hour",)),
        ("weekly", ("on Sunday at midnight, as in cron",)),
        ("every month starting oct 31", ("months without day 31 are skipped", "at 10:20, the present time of day")),
        ("every day", ("at 10:20, the present time of day",)),
        ("every day at 9", ("09:00: 9 in the morning, not 9 in the evening",)),
        ("every evening at 7", ()),
        ("every morning", ("the morning is taken as 09:00",)),
        ("every week", ("on Wednesday, as today", "at 10:20, the present time of day")),
        ("every month", ("on the 14th, as today", "at 10:20, the present time of day")),
        ("every year", ("on October 14, as today", "at 10:20, the present time of day")),
        ("every other friday at 9am", ("counted from Friday 2026-10-16",)),
        ("every 3 days at 17:00", ("counted from Wednesday 2026-10-14",)),
        ("every weekend at 9am", ("on Saturday and on Sunday",)),
        ("every quarter", ("on the 1st", "at 10:20, the present time of day")),
        ("every 2 weeks starting 2026-11-02T09:00", ("counted from Monday 2026-11-02", "from Monday 2026-11-02 09:00")),
        ("every day starting in 2 hours", ()),
        ("every quarter on the 1st at 9am", ("in January, April, July and October",)),
        ("every quarter on the last day at 5pm", ("in March, June, September and December",)),
        ("every day from monday to friday at 9am", ("in every week",)),
        ("every day at 9am 5 times", ("5 times in all",)),
        ("end of every month", ("at 17:00, as nothing else is said",)),
        ("every day until oct 25 at 9am", ("the clock is when it runs; it ends with that day",)),
        ("every 4 hours from 8am to 6pm", ("on the clock, from 08:00 to 18:00, the last at 16:00",)),
        ("every hour from noon to midnight", ("on the clock, from 12:00 to 00:00, both included",)),
        ("every hour between 9am and 5pm", ("on the clock, from 09:00 to 17:00, both included",)),
    ],
)
def test_what_was_chosen_is_noted(expr: str, notes: tuple[str, ...]) -> None:
    assert read(expr).notes == notes


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("every hour from 9pm to 12", ["10-14 21:00", "10-14 22:00", "10-14 23:00", "10-15 00:00", "10-15 21:00"]),
        ("every hour from 8pm until 12", ["10-14 20:00", "10-14 21:00"]),
        ("every hour from 1pm to 12", ["10-14 13:00", "10-14 14:00"]),
        ("every 2 hours from 2pm to 12", [*(f"10-14 {hour}:00" for hour in range(14, 24, 2)), "10-15 00:00"]),
        ("every hour between 10pm and 12 o'clock", ["10-14 22:00", "10-14 23:00", "10-15 00:00", "10-15 22:00"]),
        ("every hour from 9am to 12", ["10-14 11:00", "10-14 12:00", "10-15 09:00"]),
        ("every hour from 22 to 12", ["10-14 11:00", "10-14 12:00", "10-14 22:00"]),
        ("every 30 minutes from 22:00 to 12:30", ["10-14 10:30", "10-14 11:00"]),
    ],
)
def test_hours_up_to_twelve_end_at_the_next_twelve(expr: str, expected: list[str]) -> None:
    assert fires(expr, len(expected)) == expected


def test_hours_up_to_half_past_twelve_behind_an_evening_are_asked_about() -> None:
    asked = "every 30 minutes from 9pm to 12:30"
    assert f'12:30 in the morning or afternoon? (try "{asked}am" or "{asked}pm")' in refusal(asked)
    assert "12:00 in the morning or afternoon?" in refusal("every hour from 9pm to 12:00")
    assert "it starts and ends at the same hour" in refusal("every hour from 12 to 12")


def test_so_many_times_are_said_only_where_they_are_reached() -> None:
    cut, full = read("every day at 9am until friday 10 times"), read("every day at 9am until friday 2 times")
    assert cut.notes == ()
    assert full.notes == ("2 times in all",)
    assert cut.recurrence is not None
    assert cut.recurrence.describe() == "every day at 09:00, until Fri 2026-10-16 23:59, America/New_York"
    assert full.recurrence is not None
    assert full.recurrence.describe().startswith("every day at 09:00, 2 times, ")
    assert len(fires("every day at 9am until friday 10 times", 99)) == 2


@pytest.mark.parametrize("first", ["8.30", "8:30", "08.30"])
def test_the_half_of_a_dotted_last_clock_is_asked_about(first: str) -> None:
    for last in ("5.30", "05.30"):
        asked = f"every 30 minutes from {first} to {last}"
        assert f'5:30 in the morning or afternoon? (try "{asked}am" or "{asked}pm")' in refusal(asked)
    assert read(f"every 30 minutes from {first} to 17.30").notes == (
        "on the clock, from 08:30 to 17:30, both included",
    )
    assert fires("every 30 minutes from 22.30 to 17.30", 1) == ["10-14 10:30"]


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        ("every 15 minutes between 9am and 5pm", "every 15 minutes from 09:00 to 17:00 every day"),
        ("hourly from 9 to 5 on weekdays", "every hour from 09:00 to 17:00 on weekdays"),
        ("every quarter on the last day at 5pm", "every quarter on the last day at 17:00"),
        ("1st and 3rd monday at 9am", "every month on the first Monday and the third Monday at 09:00"),
    ],
)
def test_it_is_said_in_words(expr: str, words: str) -> None:
    recurrence = read(expr).recurrence
    assert recurrence is not None
    assert recurrence.describe() == f"{words}, America/New_York"


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("0 9 LW * *", ["10-30 09:00", "11-30 09:00"]),
        ("15 10 lw * *", ["10-30 10:15"]),
        ("0 9 * * 5L", ["10-30 09:00", "11-27 09:00"]),
        ("0 9 * * MON#2", ["11-09 09:00"]),
        ("0 9 * * 7", ["10-18 09:00"]),
        ("*/60 * * * *", ["10-14 11:00", "10-14 12:00"]),
        ("0 9 * Jan-Mar MON", ["01-04 09:00"]),
    ],
)
def test_cron_fields_are_read_by_their_names_and_letters(expr: str, expected: list[str]) -> None:
    assert fires(expr, len(expected)) == expected


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        ("*/61 * * * *", '"*/61": a step of the minute is 1 to 60'),
        ("*/0 * * * *", '"*/0": a step of the minute is 1 to 60'),
        ("0 */25 * * *", '"*/25": a step of the hour is 1 to 24'),
        ("0 9 */32 * *", '"*/32": a step of the day of the month is 1 to 31'),
        ("0 9 * * */8", '"*/8": a step of the day of the week is 1 to 7'),
        ("0-70/5 * * * *", '"70": the minute is 0 to 59'),
        ("0 24 * * *", '"24": the hour is 0 to 23'),
        ("0 9 * 13 *", '"13": the month is 1 to 12'),
        ("0 9 * * funday", '"funday": the day of the week is 0 to 7'),
        ("0 9 15W * *", '"15W": the weekday nearest to a date is not read'),
        ("0 9 * * 5#6", '"5#6": a month has a first to a fifth such day'),
        ("0 9 ? * MON", '"?" is not read in the day of the month (try "0 9 * * MON")'),
        ("0 22-6 * * *", '"22-6" runs backwards in the hour (try "0 22-23,0-6 * * *")'),
        ("0 9 * * fri-mon", '"fri-mon" runs backwards in the day of the week (try "0 9 * * 5-6,0-1")'),
        ("@every 5m", '"@every" is not read (try "every 5m")'),
        ("@reboot", '"@reboot" is not read here'),
        ("0 0 0 * * * 2027", "a cron expression has five fields, this has 7"),
        ("0 0 31 2 *", "those fields never meet"),
    ],
)
def test_a_cron_field_is_refused_by_its_name(expr: str, text: str) -> None:
    assert text in refusal(expr)


@pytest.mark.parametrize(
    ("expr", "notes"),
    [
        ("0 9 * * 1-5", ()),
        ("*/15 */6 * * *", ()),
        ("0 9 1,15 * 5", ("the day of the month and of the week: either is enough",)),
        ("0 9 */2 * 5", ("the day of the month and of the week: both must fit", '"*/2" starts anew with each month')),
        ("*/45 * * * *", ('"*/45" starts anew with each hour',)),
        ("0 */5 * * *", ('"*/5" starts anew with each day',)),
    ],
)
def test_what_people_take_otherwise_in_cron_fields_is_noted(expr: str, notes: tuple[str, ...]) -> None:
    assert read(expr).notes == notes


def test_a_first_fire_that_a_change_of_clocks_moves_is_noted() -> None:
    now, berlin = datetime.fromisoformat("2027-03-27T12:00:00+01:00"), ZoneInfo("Europe/Berlin")
    found = read("every day at 2:30", now, berlin)
    assert f"{found.instant:%Y-%m-%d %H:%M}" == "2027-03-28 01:30"
    assert found.notes[-1] == "a change of the clock moves the first to 2027-03-28 03:30"
    now, apia = datetime.fromisoformat("2011-12-29T12:00:00-10:00"), ZoneInfo("Pacific/Apia")
    assert read("every friday at 9am", now, apia).notes == (
        "a change of the clock moves the first to 2011-12-31 09:00",
    )


CHANGES = ("2026-11-01", "2027-03-14", "2026-10-25", "2027-03-28", "2026-10-04", "2027-04-04", "2026-10-31")


@settings(max_examples=150)
@given(
    st.sampled_from(["every 15 minutes between 1am and 4am", "every hour between 10pm and 2am", "hourly from 0 to 6"]),
    st.sampled_from(["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "UTC"]),
    st.sampled_from(CHANGES),
    st.integers(-2 * 1440, 1440),
)
def test_many_clock_times_fire_as_each_of_them_does(expr: str, name: str, day: str, minutes: int) -> None:
    tz = ZoneInfo(name)
    now = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=minutes)
    found = read(expr, now, tz).recurrence
    assert found is not None
    many = list(islice(found.fires(now), 60))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "MANY", 1000)
        assert many == list(islice(found.fires(now), 60))


RULES = ("every day", "every weekday", "mondays and thursdays", "every 3 days", "every month on the 20th", "weekends")
CLOCKS = ("at 9am", "17:00", "at noon and 6pm")
BOUNDS = (
    ("from oct 19", "until nov 25"),
    ("starting monday", "for 3 weeks"),
    ("starting tomorrow", "5 times"),
    ("as of 2026-11-02", "through 2026-12-24"),
)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("bounds", BOUNDS)
def test_the_order_of_bounds_and_clock_changes_nothing_and_the_clock_no_day(rule: str, bounds: tuple[str, str]) -> None:
    first, last = bounds
    for clock in CLOCKS:
        texts = [
            f"{rule} {clock} {first} {last}",
            f"{rule} {clock} {last} {first}",
            f"{rule} {first} {clock} {last}",
            f"{rule} {first} {last} {clock}",
            f"{rule} {last} {first} {clock}",
            f"{clock} {rule} {first}, {last}",
            f"{first} {rule} {clock} {last}",
        ]
        answers = {tuple(fires(text, 200)) for text in texts}
        assert len(answers) == 1, (rule, clock, bounds)
        times = 5 if "times" in last else 0
        if not times and "3 days" not in rule:
            days = [each[:5] for each in fires(f"{rule} {first} {last}", 200)]
            assert list(dict.fromkeys(each[:5] for each in answers.pop())) == days
