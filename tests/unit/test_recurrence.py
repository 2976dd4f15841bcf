"""When things recur: literal fires at real changes of offset, bounds, words, and counting a stretch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defer import recurrence
from defer.recurrence import Recurrence, between
from defer.timegrammar.recurring import rules
from defer.timeparse import TimeExpressionError

NEW_YORK = "America/New_York"
NOW = "2026-11-18T10:30:00-05:00"  # a Wednesday


def made(expr: str, anchor: str = NOW, tz: str = NEW_YORK) -> Recurrence:
    return recurrence.parse(expr, datetime.fromisoformat(anchor), ZoneInfo(tz))


def fires(expr: str, count: int, anchor: str = NOW, tz: str = NEW_YORK) -> list[str]:
    """The first fires on the walls of ``tz``, each with its offset."""
    found = islice(made(expr, anchor, tz).fires(datetime.fromisoformat(anchor)), count)
    return [fire.astimezone(ZoneInfo(tz)).strftime("%Y-%m-%d %H:%M%z") for fire in found]


@pytest.mark.parametrize(
    ("fields", "anchor", "tz", "expected"),
    [
        # The gap of 14 March 2027: a fixed time in it runs when it ends, a step runs by the clock.
        ("30 2 * * *", "2027-03-13T12:00:00-05:00", NEW_YORK, ["2027-03-14 03:00-0400", "2027-03-15 02:30-0400"]),
        ("30 * * * *", "2027-03-14T01:00:00-05:00", NEW_YORK, ["2027-03-14 01:30-0500", "2027-03-14 03:30-0400"]),
        ("0 3 * * *", "2027-03-13T12:00:00-05:00", NEW_YORK, ["2027-03-14 03:00-0400", "2027-03-15 03:00-0400"]),
        # The fold of 1 November 2026: a fixed time runs once, a step in both passes.
        ("30 1 * * *", "2026-10-31T12:00:00-04:00", NEW_YORK, ["2026-11-01 01:30-0400", "2026-11-02 01:30-0500"]),
        ("45 1 * * *", "2026-11-01T01:30:00-05:00", NEW_YORK, ["2026-11-02 01:45-0500"]),
        (
            "*/30 * * * *",
            "2026-11-01T01:00:00-04:00",
            NEW_YORK,
            ["2026-11-01 01:30-0400", "2026-11-01 01:00-0500", "2026-11-01 01:30-0500", "2026-11-01 02:00-0500"],
        ),
        ("15 2 * * *", "2026-10-03T12:00:00+10:30", "Australia/Lord_Howe", ["2026-10-04 02:30+1100"]),
        ("0 0 * * *", "2027-04-29T12:00:00+02:00", "Africa/Cairo", ["2027-04-30 01:00+0300", "2027-05-01 00:00+0300"]),
        ("0 0 13 * fri", "2026-11-18T00:00:00+00:00", "UTC", ["2026-11-20 00:00+0000", "2026-11-27 00:00+0000"]),
        ("0 0 */13 * fri", "2026-11-18T00:00:00+00:00", "UTC", ["2026-11-27 00:00+0000", "2027-01-01 00:00+0000"]),
        ("0 9 L * *", "2027-01-15T00:00:00+00:00", "UTC", ["2027-01-31 09:00+0000", "2027-02-28 09:00+0000"]),
        ("0 9 * * 5#5", "2026-11-18T00:00:00+00:00", "UTC", ["2027-01-29 09:00+0000", "2027-04-30 09:00+0000"]),
        ("0 9 * * 7", "2026-11-18T00:00:00+00:00", "UTC", ["2026-11-22 09:00+0000"]),
    ],
)
def test_cron_fields_fire_as_debians_cron(fields: str, anchor: str, tz: str, expected: list[str]) -> None:
    assert fires(fields, len(expected), anchor, tz) == expected


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("every 20 minutes", ["2026-11-18 10:50-0500", "2026-11-18 11:10-0500"]),
        ("every 2h", ["2026-11-18 12:30-0500", "2026-11-18 14:30-0500"]),
        ("every 3 days at 17:00", ["2026-11-18 17:00-0500", "2026-11-21 17:00-0500"]),
        ("every 3 days", ["2026-11-21 10:30-0500", "2026-11-24 10:30-0500"]),
        ("every other friday", ["2026-11-20 10:30-0500", "2026-12-04 10:30-0500"]),
        ("every 2 weeks on monday", ["2026-11-23 10:30-0500", "2026-12-07 10:30-0500"]),
        ("every 2 weeks on tuesday and thursday", ["2026-11-19 10:30-0500", "2026-12-01 10:30-0500"]),
        ("every month on the 31st", ["2026-12-31 10:30-0500", "2027-01-31 10:30-0500", "2027-03-31 10:30-0400"]),
        ("every 2 months on the 31st", ["2026-12-31 10:30-0500", "2027-08-31 10:30-0400", "2027-10-31 10:30-0400"]),
        ("every last friday of the month at 4pm", ["2026-11-27 16:00-0500", "2026-12-25 16:00-0500"]),
        ("every month on the 5th friday", ["2027-01-29 10:30-0500", "2027-04-30 10:30-0400"]),
        (
            "every last business day of the month at 4pm",
            ["2026-11-30 16:00-0500", "2026-12-31 16:00-0500", "2027-01-29 16:00-0500"],
        ),
        ("every year on feb 29", ["2028-02-29 10:30-0500", "2032-02-29 10:30-0500"]),
        ("every day at 9am and 5pm", ["2026-11-18 17:00-0500", "2026-11-19 09:00-0500"]),
        ("every night at 2am", ["2026-11-19 02:00-0500", "2026-11-20 02:00-0500"]),
        ("mon-fri 9am", ["2026-11-19 09:00-0500", "2026-11-20 09:00-0500", "2026-11-23 09:00-0500"]),
        (
            "fri-mon 9am",
            ["2026-11-20 09:00-0500", "2026-11-21 09:00-0500", "2026-11-22 09:00-0500", "2026-11-23 09:00-0500"],
        ),
    ],
)
def test_phrases_fire(expr: str, expected: list[str]) -> None:
    assert fires(expr, len(expected)) == expected


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("every thursday for the next three weeks", ["2026-11-19", "2026-11-26", "2026-12-03"]),
        ("every day until friday", ["2026-11-19", "2026-11-20"]),
        ("every day at 9am until nov 21 at 9am", ["2026-11-19", "2026-11-20", "2026-11-21"]),
        ("every day at 9am starting friday until nov 22", ["2026-11-20", "2026-11-21", "2026-11-22"]),
        ("every monday 3 times", ["2026-11-23", "2026-11-30", "2026-12-07"]),
        ("every 2 days starting friday at 9am for 5 days", ["2026-11-20", "2026-11-22", "2026-11-24"]),
    ],
)
def test_bounds_end_it(expr: str, expected: list[str]) -> None:
    rec = made(expr)
    last = list(rec.fires(datetime.fromisoformat(NOW)))[-1]
    assert [day[:10] for day in fires(expr, 99)] == expected
    assert rec.after(last) is None
    assert rec.after(last - timedelta(seconds=1)) == last


def test_a_start_with_a_clock_is_the_first_fire() -> None:
    assert fires("every 2h starting tomorrow 9am", 2) == ["2026-11-19 09:00-0500", "2026-11-19 11:00-0500"]
    assert fires("every day starting friday", 1) == ["2026-11-20 10:30-0500"]


def test_a_start_that_is_past_is_refused() -> None:
    with pytest.raises(TimeExpressionError, match="2026-11-17 is past"):
        made("every day starting 2026-11-17")
    assert fires("every day at 5pm starting today", 1) == ["2026-11-18 17:00-0500"]
    assert fires("every day at 9am starting today", 1) == ["2026-11-19 09:00-0500"]


def test_a_wall_time_in_a_gap_or_fold_is_one_fire() -> None:
    assert fires("every day at 2:30am", 3, "2027-03-12T12:00:00-05:00") == [
        "2027-03-13 02:30-0500",
        "2027-03-14 03:30-0400",
        "2027-03-15 02:30-0400",
    ]
    assert fires("every day at 2:30am and 3:30am", 3, "2027-03-13T12:00:00-05:00") == [
        "2027-03-14 03:30-0400",
        "2027-03-15 02:30-0400",
        "2027-03-15 03:30-0400",
    ]
    assert fires("every day at 1:30am", 2, "2026-10-31T12:00:00-04:00") == [
        "2026-11-01 01:30-0400",
        "2026-11-02 01:30-0500",
    ]


def test_elapsed_steps_do_not_see_the_change_of_offset() -> None:
    assert fires("every 12 hours", 2, "2026-10-31T20:00:00-04:00") == ["2026-11-01 07:00-0500", "2026-11-01 19:00-0500"]


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        ("every weekday at 8:30", "every weekday at 08:30, America/New_York"),
        ("mondays and thursdays 5pm", "every Monday and Thursday at 17:00, America/New_York"),
        ("every 2h", "every 2 hours, counted from Wed 2026-11-18 10:30, America/New_York"),
        ("every other friday at noon", "every 2 weeks on Friday at 12:00, America/New_York"),
        ("every last friday of the month at 4pm", "every month on the last Friday at 16:00, America/New_York"),
        ("every day at 9am, 1pm and 5pm", "every day at 09:00, 13:00 and 17:00, America/New_York"),
        ("every year on july 4 at noon", "every year on July 4 at 12:00, America/New_York"),
        ("0 9 * * 1-5", "at 09:00 on Monday through Friday, America/New_York"),
    ],
)
def test_it_is_said_in_words(expr: str, words: str) -> None:
    assert made(expr).describe() == words


@pytest.mark.parametrize(
    "expr",
    [
        "every day until yesterday",
        "every day 0 times",
        "every day 99999 times",
        "every day at 5",
        "every 90 seconds and 1 day",
        "every day at 9am and 9am",
        "every 2h at 9am",
        "every day for 2 days for 3 days",
        "every friday night at 1am",
        "every feb 30",
        "every 0 days",
        "0 9 * * funday",
        "every second friday",
    ],
)
def test_what_never_or_unclearly_fires_is_refused(expr: str) -> None:
    with pytest.raises(TimeExpressionError):
        made(expr)


def test_what_happens_once_does_not_recur() -> None:
    with pytest.raises(TimeExpressionError, match="happens once"):
        made("tomorrow 9am")


def test_the_same_three_things_give_the_same_fires() -> None:
    anchor = datetime.fromisoformat(NOW)
    later = datetime.fromisoformat("2029-05-01T00:00:00+00:00")
    for expr in ("every 2 weeks on monday", "every 7 hours", "every 3 days at 9", "*/7 * * * *", "every 5 months"):
        first, second = made(expr), recurrence.parse(expr, anchor.astimezone(UTC), ZoneInfo(NEW_YORK))
        assert first.after(later) == second.after(later)
        assert list(islice(first.fires(later), 4)) == list(islice(second.fires(later), 4))


minutes = st.sampled_from(["*", "*/7", "0", "0,30", "15-20", "59"])
hours = st.sampled_from(["*", "*/3", "2", "1-3", "0,23", "9-17"])
days = st.sampled_from(["*", "1", "13", "L", "*/10", "31"])
weekdays = st.sampled_from(["*", "1-5", "0", "fri", "5L", "1#2"])
cron = st.tuples(minutes, hours, days, st.sampled_from(["*", "3,10,11", "4,12"]), weekdays).map(" ".join)
phrases = st.sampled_from(
    ["every 7 hours", "every day at 2:30am", "every weekday at 9", "every month on the 31st", "every hour"]
)
starts = st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31)).map(
    lambda naive: naive.replace(tzinfo=UTC, second=0)
)
places = st.sampled_from([NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "UTC"])


@settings(max_examples=120)
@given(cron | phrases, starts, st.integers(0, 12 * 1440), places)
def test_a_stretch_counts_what_walking_counts(expr: str, start: datetime, length: int, tz: str) -> None:
    end = start + timedelta(minutes=length)
    rec = recurrence.parse(expr, start - timedelta(days=3), ZoneInfo(tz))
    assert between(rec, start, end) == rules.walked(rec.fires(start), end)


CHANGES = (
    "2026-03-08",
    "2026-11-01",
    "2026-03-29",
    "2026-10-25",
    "2026-04-05",
    "2026-10-04",
    "2026-04-24",
    "2026-10-30",
)


@pytest.mark.parametrize("tz", [NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo"])
@pytest.mark.parametrize(
    "fields", ["* * * * *", "*/20 * * * *", "30 1 * * *", "30 2 * * *", "0 0-3 * * *", "59 23 * * *"]
)
def test_a_stretch_over_a_change_of_offset_counts_what_walking_counts(fields: str, tz: str) -> None:
    for day in CHANGES:
        start = datetime.fromisoformat(f"{day}T12:00:00+00:00") - timedelta(days=1, hours=7)
        end = start + timedelta(days=2, hours=5)
        rec = recurrence.parse(fields, start, ZoneInfo(tz))
        assert between(rec, start, end) == rules.walked(rec.fires(start), end), day


def test_a_month_of_minutes_is_counted_without_walking_it(monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[datetime] = []
    real = rules.Cron.fires

    def counted(self: rules.Cron, instant: datetime) -> object:
        for fire in real(self, instant):
            walked.append(fire)
            yield fire

    start = datetime(2027, 5, 1, tzinfo=UTC)
    rec = recurrence.parse("* * * * *", start, ZoneInfo(NEW_YORK))
    monkeypatch.setattr(rules.Cron, "fires", counted)
    first, last, count = between(rec, start, datetime(2027, 6, 1, tzinfo=UTC))
    assert (first, last) == (datetime(2027, 5, 1, 0, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC))
    assert count == 31 * 1440
    assert len(walked) < 3 * 1440


def test_an_empty_stretch() -> None:
    start = datetime.fromisoformat(NOW)
    assert between(made("every day at 9am"), start, start) == (None, None, 0)
    assert between(made("every day at 9am"), start, start + timedelta(hours=1)) == (None, None, 0)
    assert between(made("every 2h"), start, start - timedelta(hours=9)) == (None, None, 0)


@settings(max_examples=150)
@given(cron, starts, places)
def test_fires_match_their_fields_unless_a_gap_moved_them(expr: str, start: datetime, tz: str) -> None:
    from cronsim import CronSim

    rec, zone = recurrence.parse(expr, start, ZoneInfo(tz)), ZoneInfo(tz)
    for fire in islice(rec.fires(start), 4):
        wall = fire.astimezone(zone)
        fields = CronSim(expr, start)
        matches = wall.minute in fields.minutes and wall.hour in fields.hours and fields.match_day(wall.date())
        before = (fire - timedelta(minutes=1)).astimezone(zone)
        assert (matches and wall.month in fields.months) or wall.utcoffset() != before.utcoffset()
