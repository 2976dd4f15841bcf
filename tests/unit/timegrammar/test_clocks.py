"""Numbers, lengths of time and clock times as people and agents write them: literal answers, notes and refusals."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from defer.timeparse import TimeExpressionError, parse

pytestmark = pytest.mark.thorough

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime.fromisoformat("2026-10-14T10:20:00-04:00")  # a Wednesday


def said(expr: str, now: datetime = NOW) -> str:
    """What ``expr`` comes to on the wall in New York, with its seconds where there are any."""
    wall = parse(expr, now, NEW_YORK).instant.astimezone(NEW_YORK)
    return f"{wall:%a %m-%d %H:%M:%S}".removesuffix(":00")


def refusal(expr: str, now: datetime = NOW) -> str:
    with pytest.raises(TimeExpressionError) as caught:
        parse(expr, now, NEW_YORK)
    return str(caught.value)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("1700 hours", "Wed 10-14 17:00"),
        ("1500 hrs", "Wed 10-14 15:00"),
        ("0930h", "Thu 10-15 09:30"),
        ("0900 hours", "Thu 10-15 09:00"),
        ("0900h", "Thu 10-15 09:00"),
        ("1900 hours", "Wed 10-14 19:00"),
        ("2030 hrs", "Wed 10-14 20:30"),
        ("17:00 hrs", "Wed 10-14 17:00"),
        ("17:00h", "Wed 10-14 17:00"),
        ("10:30 hrs", "Wed 10-14 10:30"),
        ("1630hrs tomorrow", "Thu 10-15 16:30"),
        ("at 1400h", "Wed 10-14 14:00"),
        ("1700hours", "Wed 10-14 17:00"),
        ("1700 Hours", "Wed 10-14 17:00"),
        ("1700 HRS", "Wed 10-14 17:00"),
        ("tomorrow 0930 hrs", "Thu 10-15 09:30"),
        ("tomorrow at 9:30 hrs", "Thu 10-15 09:30"),
        ("friday 0130 hours", "Fri 10-16 01:30"),
        ("oct 20 1900 hours", "Tue 10-20 19:00"),
        ("17.30 hrs tomorrow", "Thu 10-15 17:30"),
        ("0900 day after tomorrow", "Fri 10-16 09:00"),
        ("1200 day after tomorrow", "Fri 10-16 12:00"),
        ("0900 the day after tomorrow", "Fri 10-16 09:00"),
        ("1200 day after oct 20", "Wed 10-21 12:00"),
        ("0900 week from now", "Wed 10-21 09:00"),
        ("1200 day before oct 20", "Mon 10-19 12:00"),
        ("every day at 1700 hours", "Wed 10-14 17:00"),
        ("weekdays 0900 hrs", "Thu 10-15 09:00"),
        ("tomorrow 1930", "Thu 10-15 19:30"),
        ("2030 tomorrow", "Thu 10-15 20:30"),
        ("tonight 2000", "Wed 10-14 20:00"),
        ("friday 2030", "Fri 10-16 20:30"),
        ("seventeen hundred hours", "Wed 10-14 17:00"),
        ("oh nine hundred hours", "Thu 10-15 09:00"),
        ("zero nine hundred tomorrow", "Thu 10-15 09:00"),
        ("seventeen thirty", "Wed 10-14 17:30"),
    ],
)
def test_four_digits_before_hours_are_a_clock(expr: str, expected: str) -> None:
    assert said(expr) == expected


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("2500 hours", "Tue 01-26 13:20"),
        ("in 2500 h", "Tue 01-26 13:20"),
        ("100 hours", "Sun 10-18 14:20"),
        ("17h", "Thu 10-15 03:20"),
        ("1200 minutes", "Thu 10-15 06:20"),
        ("1200 minutes from now", "Thu 10-15 06:20"),
        ("1000 days after tomorrow", "Wed 07-11 10:20"),
        ("1h05m", "Wed 10-14 11:25"),
        ("01h30m", "Wed 10-14 11:50"),
        ("in 05 minutes", "Wed 10-14 10:25"),
        ("in 09 hours", "Wed 10-14 19:20"),
        ("09 hours from now", "Wed 10-14 19:20"),
    ],
)
def test_what_cannot_be_a_clock_is_a_length_of_time(expr: str, expected: str) -> None:
    assert said(expr) == expected


@pytest.mark.parametrize(
    "expr",
    [
        "0030 minutes",
        "in 0030 minutes",
        "007s",
        "0900 days",
        "0900 days after tomorrow",
        "every 0015 minutes",
        "1000 month from now",
        "1200 day",
        "in 0900 hours",
        "in 1700 hrs and 5 minutes",
        "2h 0930 min",
    ],
)
def test_digits_of_a_clock_count_nothing_else(expr: str) -> None:
    refusal(expr)


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        ("in 1700 hours", '17:00, or 1700 hours from now? (try "17:00" or "70d 20h")'),
        ("within 1000 hrs", '10:00, or 1000 hours from now? (try "10:00" or "41d 16h")'),
        ("09h", '09:00, or 9 hours from now? (try "09:00" or "9h")'),
        ("05 hours", '05:00, or 5 hours from now? (try "05:00" or "5h")'),
        ("1:30h", '01:30, or 1 hour and 30 minutes from now? (try "01:30" or "1h 30m")'),
        ("01:30 hours", '01:30, or 1 hour and 30 minutes from now? (try "01:30" or "1h 30m")'),
        ("9:30 hrs", '09:30, or 9 hours and 30 minutes from now? (try "09:30" or "9h 30m")'),
        ("1.30 hours", '01:30, or 1.30 hours from now? (try "01:30" or "78m")'),
        ("in 10.30 hrs", '10:30, or 10.30 hours from now? (try "10:30" or "618m")'),
    ],
)
def test_a_clock_or_a_length_of_time_is_asked(expr: str, reason: str) -> None:
    text = refusal(expr)
    assert text == f'"{expr}": {reason}'
    for offered in text.split('"')[3::2]:
        parse(offered, NOW, NEW_YORK)


@pytest.mark.parametrize("expr", ["1.25h", "1.50 hours", "0.75 h", "1.5 hours", "2.75 hrs"])
def test_hours_in_decimals_stay_hours(expr: str) -> None:
    parse(expr, NOW, NEW_YORK)


@pytest.mark.parametrize(
    "expr", ["1M", "1 M", "30 M", "in 2 M", "every 5 M", "2 M 3 s", "IN 5 M", "2h 30 M", "a M", "five M", "1M30s"]
)
def test_a_capital_m_is_refused_wherever_it_stands(expr: str) -> None:
    assert "is that minutes or months? (" in refusal(expr)


@pytest.mark.parametrize("expr", ["5 MIN", "5 MINS", "IN 5 MINUTES", "5 Min", "5 m", "2H 30MIN"])
def test_every_other_capital_is_a_small_letter(expr: str) -> None:
    assert parse(expr, NOW, NEW_YORK) == parse(expr.lower(), NOW, NEW_YORK)


@pytest.mark.parametrize(
    ("expr", "minutes"),
    [("seventy minutes", 70), ("eighty minutes", 80), ("in eighty-five mins", 85), ("seventy two minutes", 72)],
)
def test_every_ten_in_words_is_known(expr: str, minutes: int) -> None:
    assert (parse(expr, NOW, NEW_YORK).instant - NOW).total_seconds() == minutes * 60


@pytest.mark.parametrize(
    ("expr", "plain"),
    [
        ("1,000 minutes", "1000 minutes"),
        ("in 10,000 s", "in 10000 s"),
        ("1,000,000 seconds", "1000000 seconds"),
        ("every 1,440 minutes", "every 1440 minutes"),
        ("5\u00a0min", "5 min"),
        ("in\u00a05\u202fminutes", "in 5 minutes"),
        ("tomorrow\u20099am", "tomorrow 9am"),
        ("9:30\u202fPM", "9:30 PM"),
        ("2026\u201112\u201124 09:00", "2026-12-24 09:00"),
        ("mon\u2013fri 9am", "mon-fri 9am"),
        ("twenty\u2010five minutes", "twenty-five minutes"),
        ("9 o\u2019clock", "9 o'clock"),
        ("in a week\u2019s time", "in a week's time"),
        ("in a week\u02bcs time", "in a week's time"),
        ("'tomorrow 9am'", "tomorrow 9am"),
        ('"tomorrow 9am"', "tomorrow 9am"),
        ("\u201ctomorrow 9am\u201d", "tomorrow 9am"),
        ("\u2018tomorrow 9am\u2019", "tomorrow 9am"),
        ("\u201etomorrow 9am\u201c", "tomorrow 9am"),
        ("\u00abtomorrow 9am\u00bb", "tomorrow 9am"),
        ("`tomorrow 9am`", "tomorrow 9am"),
        (" ' tomorrow 9am ' ", "tomorrow 9am"),
        ("'30m'", "30m"),
        ("'0 9 * * 1-5'", "0 9 * * 1-5"),
        ("'tomorrow at 9am.'", "tomorrow at 9am"),
        ("'tomorrow at 9am'.", "tomorrow at 9am"),
        ("tomorrow at 9am.", "tomorrow at 9am"),
        ("in 5 min.", "in 5 min"),
        ("in 5 minutes.", "in 5 minutes"),
        ("tomorrow at 15:30.", "tomorrow at 15:30"),
        ("at 1730.", "at 1730"),
        ("2026-12-24.", "2026-12-24"),
        ("2026-12-24 09:00.", "2026-12-24 09:00"),
        ("2026-12-24T09:00Z.", "2026-12-24T09:00Z"),
        ("tomorrow 3 p.m.", "tomorrow 3 pm"),
        ("every weekday at 8:30.", "every weekday at 8:30"),
        ("12/24/2026.", "12/24/2026"),
        ("PT30M.", "PT30M"),
    ],
)
def test_a_sign_as_it_is_typed_is_the_plain_one(expr: str, plain: str) -> None:
    assert parse(expr, NOW, NEW_YORK)[:2] == parse(plain, NOW, NEW_YORK)[:2]


@pytest.mark.parametrize(
    "expr",
    [
        "\u22125m",
        "\u20135 minutes",
        "1,30 minutes",
        "1,00 minutes",
        "10,00,000 minutes",
        "0,900 minutes",
        "1,000,00 s",
        "at 1,030",
        "tomorrow 9am..",
        ".",
        "''",
        "'.'",
        "'tomorrow 9am",
        'tomorrow 9am"',
        "'tomorrow' 9am",
        "\"tomorrow 9am'",
        "\uff15 minutes",
        "tomor\u00adrow",
        "tomorrow\u200b",
        "5 minutes?",
    ],
)
def test_other_signs_are_refused(expr: str) -> None:
    refusal(expr)


def test_a_date_without_a_year_keeps_its_full_stop() -> None:
    assert said("24.12. 9am") == "Thu 12-24 09:00"
    assert said("24.12.") == "Thu 12-24 10:20"
    assert said("am 24.12."[3:] + " at 9.30.") == "Thu 12-24 09:30"


@pytest.mark.parametrize(
    ("expr", "seconds"),
    [
        ("a hundred minutes", 6000),
        ("in one hundred and twenty seconds", 120),
        ("one hundred twenty seconds", 120),
        ("two hundred seconds", 200),
        ("a thousand seconds", 1000),
        ("two thousand five hundred seconds", 2500),
        ("hour and a half", 5400),
        ("in hour and a half", 5400),
        ("an hour and three quarters", 6300),
        ("two hours and a quarter", 8100),
        ("one and a quarter hours", 4500),
        ("two and three quarter hours", 9900),
        ("two and three-quarter hours", 9900),
        ("one-and-a-half hours", 5400),
        ("two-and-a-half hours", 9000),
        ("2-1/2 hours", 9000),
        ("1½ hours", 5400),
        ("1 ½ hours", 5400),
        ("2½h", 9000),
        ("½ hour", 1800),
        ("½ an hour", 1800),
        ("¼ hour", 900),
        ("¾ of an hour", 2700),
        ("1/2 an hour", 1800),
        ("1/2 of an hour", 1800),
        ("3/4 of an hour", 2700),
        ("half of an hour", 1800),
        ("in 3 quarters of an hour", 2700),
        ("three-quarters of an hour", 2700),
        ("a quarter hour", 900),
        ("1hr30", 5400),
        ("1h 30", 5400),
        ("1 hr 30", 5400),
        ("2hrs30", 9000),
        ("1 hour 30", 5400),
        ("one hour thirty", 5400),
        ("an hour twenty", 4800),
        ("in an hour thirty", 5400),
        ("two hours forty-five", 9900),
        ("1h30", 5400),
        ("1h 30m", 5400),
        ("1 hour 30 minutes", 5400),
        ("in about an hour", 3600),
        ("about an hour from now", 3600),
        ("in around 20 mins", 1200),
        ("around 20 mins from now", 1200),
        ("in roughly 10 minutes", 600),
        ("in approx 10 minutes", 600),
        ("in approx. 10 minutes", 600),
        ("in approximately 2 hours", 7200),
        ("in ~10 minutes", 600),
        ("~10 min", 600),
        ("in exactly 2 hours", 7200),
        ("2h30 min", 9000),
        ("2h30 m", 9000),
        ("2h30m", 9000),
        ("2h30s", 7230),
        ("2h 30 s", 7230),
        ("another 10 minutes", 600),
        ("1h05", 3900),
        ("1d 2m", 86520),
        ("2h00", 7200),
        ("8h30", 30600),
        ("30 minutes and 2 hours", 9000),
        ("30 minutes, 2 hours", 9000),
        ("1 hour 90 minutes", 9000),
        ("hundred minutes", 6000),
        ("1 and 1/2 hours", 5400),
        ("0.125 hours", 450),
        ("in another ten minutes", 600),
        ("in another hour", 3600),
        ("in 1/3 hour", 1200),
        ("30 minutes from right now", 1800),
        ("asap", 0),
        ("now", 0),
        ("right now", 0),
        ("right away", 0),
        ("straight away", 0),
        ("straightaway", 0),
        ("at once", 0),
        ("immediately", 0),
        ("as soon as possible", 0),
    ],
)
def test_a_length_of_time_as_it_is_said(expr: str, seconds: int) -> None:
    assert (parse(expr, NOW, NEW_YORK).instant - NOW).total_seconds() == seconds


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("9 o clock", "Wed 10-14 21:00"),
        ("11 o clock", "Wed 10-14 11:00"),
        ("9 o' clock", "Wed 10-14 21:00"),
        ("9 o clock tomorrow", "Thu 10-15 09:00"),
        ("15 o'clock", "Wed 10-14 15:00"),
        ("7 past 8", "Wed 10-14 20:07"),
        ("seven past eight pm", "Wed 10-14 20:07"),
        ("twenty three minutes past nine tomorrow morning", "Thu 10-15 09:23"),
        ("T17:00", "Wed 10-14 17:00"),
        ("tomorrow T09:00:00", "Thu 10-15 09:00"),
        ("9 o'clock sharp", "Wed 10-14 21:00"),
        ("9 sharp", "Wed 10-14 21:00"),
        ("at 9 sharp", "Wed 10-14 21:00"),
        ("9am sharp", "Thu 10-15 09:00"),
        ("tomorrow 9 sharp", "Thu 10-15 09:00"),
        ("tomorrow at 9 sharp", "Thu 10-15 09:00"),
        ("tonight at 9 sharp", "Wed 10-14 21:00"),
        ("9 sharp tomorrow morning", "Thu 10-15 09:00"),
        ("9 on the dot", "Wed 10-14 21:00"),
        ("9am on the dot", "Thu 10-15 09:00"),
        ("exactly 9am", "Thu 10-15 09:00"),
        ("at exactly 9am", "Thu 10-15 09:00"),
        ("tomorrow at exactly 9", "Thu 10-15 09:00"),
        ("precisely at noon", "Wed 10-14 12:00"),
        ("every day at 9 sharp", "Thu 10-15 09:00"),
        ("daily 9 sharp", "Thu 10-15 09:00"),
        ("every day at exactly 9am", "Thu 10-15 09:00"),
        ("every day 1930", "Wed 10-14 19:30"),
        ("2030 day after tomorrow", "Fri 10-16 20:30"),
        ("weekdays 9am sharp", "Thu 10-15 09:00"),
        ("12:00 noon", "Wed 10-14 12:00"),
        ("12 midday", "Wed 10-14 12:00"),
        ("three o five pm", "Wed 10-14 15:05"),
        ("12 o'clock noon", "Wed 10-14 12:00"),
        ("12:00 midnight", "Thu 10-15 00:00"),
        ("at 930", "Thu 10-15 09:30"),
        ("tomorrow at 930", "Thu 10-15 09:30"),
        ("9.30 tomorrow", "Thu 10-15 09:30"),
        ("tomorrow at 9.30.", "Thu 10-15 09:30"),
        ("10.30 tomorrow morning", "Thu 10-15 10:30"),
        ("7.30 tonight", "Wed 10-14 19:30"),
        ("every day at 09.30 hrs", "Thu 10-15 09:30"),
        ("daily 17.30 hrs", "Wed 10-14 17:30"),
        ("daily seven in the morning", "Thu 10-15 07:00"),
        ("every monday 10 at night", "Mon 10-19 22:00"),
        ("seven in the morning every day", "Thu 10-15 07:00"),
        ("in 3 days at one thirty in the morning", "Sat 10-17 01:30"),
        ("9 in the evening in 3 days", "Sat 10-17 21:00"),
        ("20 minutes after 2 this afternoon", "Wed 10-14 14:20"),
        ("10 minutes after 4 in the afternoon", "Wed 10-14 16:10"),
        ("18 hundred hours", "Wed 10-14 18:00"),
        ("nine-fifteen am", "Thu 10-15 09:15"),
        ("twelve-thirty pm", "Wed 10-14 12:30"),
        ("half after nine pm", "Wed 10-14 21:30"),
        ("1030 tonight", "Wed 10-14 22:30"),
        ("tonight at 1030", "Wed 10-14 22:30"),
        ("tomorrow 8h30", "Thu 10-15 08:30"),
        ("8h30 tomorrow", "Thu 10-15 08:30"),
        ("friday at 9h00", "Fri 10-16 09:00"),
        ("every day at 9.30", "Thu 10-15 09:30"),
        ("mondays 9.30", "Mon 10-19 09:30"),
        ("mondays at 9.30 and 17.00", "Mon 10-19 09:30"),
        ("top of the hour", "Wed 10-14 11:00"),
        ("at the top of the next hour", "Wed 10-14 11:00"),
        ("20 to 5pm", "Wed 10-14 16:40"),
        ("ten to five pm", "Wed 10-14 16:50"),
        ("10 minutes to 5pm", "Wed 10-14 16:50"),
        ("quarter to 5pm", "Wed 10-14 16:45"),
        ("10 to 5", "Wed 10-14 16:50"),
        ("20 to 9", "Wed 10-14 20:40"),
        ("ten to twelve", "Wed 10-14 11:50"),
        ("five to nine", "Wed 10-14 20:55"),
        ("5 minutes to 9", "Wed 10-14 20:55"),
        ("10 minutes to noon", "Wed 10-14 11:50"),
        ("5 past 9", "Wed 10-14 21:05"),
    ],
)
def test_a_clock_as_it_is_said(expr: str, expected: str) -> None:
    assert said(expr) == expected


@pytest.mark.parametrize(
    "expr",
    [
        "9ish",
        "noonish",
        "5pm-ish",
        "9.30",
        "5 to 6pm",
        "10 to 11am",
        "10 to 5pm tomorrow",
        "2400 hours",
        "1275 hours",
        "1660h",
        "in 1660 hrs",
        "2415h",
        "24 30",
        "1 h 5",
        "1700 hours 30",
        "12h 30",
        "30 hours 30",
        "in half past nine",
        "half past",
        "exactly tomorrow",
        "exactly",
        "sharp 9",
        "9 sharp sharp",
        "5pm prompt",
        "5pm latest",
        "a hundred",
        "a hundred hundred minutes",
        "hundred thousand",
        "½",
        "½½ hour",
        "1 2 3/4 hours",
        "nine hundred",
        "1.000 minutes",
        "10.500 s",
        "7 to 8",
        "1y2m",
        "1y 2m",
        "1 year 2 m",
        "3mo 2m",
        "0930 tonight",
        "five-ten minutes",
        "10 to 11",
        "10 to 12 tomorrow",
        "5 to 9",
        "10 to noon",
        "12 o'clock pm pm",
        "25 o'clock",
        "T9",
        "T",
        "2h30 day",
        "1h30d",
        "30m 2h",
        "30s 27 weeks",
        "3 days 2 weeks",
        "every 30m 2h",
        "1a4 october",
        "2p7 jan",
        "2h30 month",
        "2h30 second",
        "2h30 s",
        "15h00 day",
        "1hr30 days",
        "12/24 hours",
        "10/24 weeks",
        "15 12/24 second",
        "0/2 hours",
        "twenty twenty six",
    ],
)
def test_what_only_looks_like_a_clock_or_a_length_is_refused(expr: str) -> None:
    refusal(expr)


@pytest.mark.parametrize(
    ("expr", "offered"),
    [
        ("half nine", 'instead of "half nine" try "half past eight" or "half past nine"'),
        ("half 9", 'instead of "half 9" try "half past 8" or "half past 9"'),
        ("at half nine", '"at half past eight" or "at half past nine"'),
        ("tomorrow half nine", '"tomorrow half past eight" or "tomorrow half past nine"'),
        ("half nine tonight", '"half past eight tonight" or "half past nine tonight"'),
        ("half one", '"half past twelve" or "half past one"'),
        ("half seven pm", '"half past six pm" or "half past seven pm"'),
        ("every day at half nine", '"every day at half past eight" or "every day at half past nine"'),
    ],
)
def test_half_nine_is_asked(expr: str, offered: str) -> None:
    text = refusal(expr)
    assert offered in text
    for each in offered.split("try ")[-1].split(" or "):
        parse(each.strip('"'), NOW, NEW_YORK)


def test_a_few_says_how_many_that_are() -> None:
    assert parse("in a few minutes", NOW, NEW_YORK)[:2] == (
        parse("3m", NOW, NEW_YORK).instant,
        ("a few is taken as 3",),
    )
    assert parse("a few days after tomorrow", NOW, NEW_YORK).notes == ("a few is taken as 3",)
    assert parse("a couple of minutes", NOW, NEW_YORK).notes == ()


def notes(expr: str, now: datetime = NOW) -> tuple[str, ...]:
    """What is said beside the answer."""
    return parse(expr, now, NEW_YORK).notes


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("tomorrow by 9am", "Thu 10-15 09:00"),
        ("tomorrow by 9", "Thu 10-15 09:00"),
        ("by friday noon", "Fri 10-16 12:00"),
        ("by friday 5pm", "Fri 10-16 17:00"),
        ("by 5pm friday", "Fri 10-16 17:00"),
        ("by eod", "Wed 10-14 17:00"),
        ("by eod friday", "Fri 10-16 17:00"),
        ("by the end of the day", "Wed 10-14 17:00"),
        ("by close of business tomorrow", "Thu 10-15 17:00"),
        ("by end of week", "Fri 10-16 17:00"),
        ("tomorrow by eod", "Thu 10-15 17:00"),
        ("friday by end of day", "Fri 10-16 17:00"),
        ("today by 1800", "Wed 10-14 18:00"),
        ("by 1800 today", "Wed 10-14 18:00"),
        ("by 1700 hours", "Wed 10-14 17:00"),
        ("by 5pm", "Wed 10-14 17:00"),
        ("by 9", "Wed 10-14 21:00"),
        ("by noon", "Wed 10-14 12:00"),
        ("by midnight", "Thu 10-15 00:00"),
        ("by tomorrow", "Thu 10-15 10:20"),
        ("by friday", "Fri 10-16 10:20"),
        ("by monday morning", "Mon 10-19 09:00"),
        ("by tomorrow morning at 8", "Thu 10-15 08:00"),
        ("by tonight", "Wed 10-14 20:00"),
        ("by next week", "Mon 10-19 10:20"),
        ("by oct 20", "Tue 10-20 10:20"),
        ("by the 20th", "Tue 10-20 10:20"),
        ("by 2026-10-20 17:00", "Tue 10-20 17:00"),
        ("no later than 5pm", "Wed 10-14 17:00"),
        ("tomorrow no later than 5pm", "Thu 10-15 17:00"),
        ("not later than friday noon", "Fri 10-16 12:00"),
        ("tomorrow 5pm at the latest", "Thu 10-15 17:00"),
        ("5pm at latest", "Wed 10-14 17:00"),
        ("tomorrow by 9.30", "Thu 10-15 09:30"),
        ("by 9.30", "Thu 10-15 09:30"),
        ("by 17.30 hrs", "Wed 10-14 17:30"),
        ("tomorrow by 9 in the morning", "Thu 10-15 09:00"),
        ("by 9 tomorrow", "Thu 10-15 09:00"),
        ("by 8 on friday", "Fri 10-16 08:00"),
        ("today by 2030", "Wed 10-14 20:30"),
        ("by 2030 today", "Wed 10-14 20:30"),
        ("by 2030 on friday", "Fri 10-16 20:30"),
        ("latest by 5 pm", "Wed 10-14 17:00"),
        ("latest by tomorrow 5 pm", "Thu 10-15 17:00"),
        ("at the latest by 5pm", "Wed 10-14 17:00"),
        ("by 5pm at the latest", "Wed 10-14 17:00"),
        ("tomorrow latest by 5 pm", "Thu 10-15 17:00"),
        ("by 5pm latest", "Wed 10-14 17:00"),
    ],
)
def test_by_a_moment_is_the_moment_and_says_so(expr: str, expected: str) -> None:
    assert said(expr) == expected
    assert notes(expr)[-1] == f"at {expected[-5:]}, the latest it can be"


@pytest.mark.parametrize(
    "expr",
    [
        "by by 5pm",
        "by in 5 minutes",
        "by 30m",
        "by",
        "by now",
        "tomorrow by",
        "by every friday",
        "by 5",
        "by 2030",
        "by 1930",
        "every day until 2030",
        "around 9",
        "around noon",
        "about 3pm",
        "at about 9am",
        "approximately 5pm",
        "~9am",
        "about tomorrow",
        "around friday",
        "tomorrow around 9am",
        "before friday 5pm",
    ],
)
def test_what_names_no_moment_is_refused(expr: str) -> None:
    refusal(expr)


@pytest.mark.parametrize(
    "expr",
    [
        "tonight at midnight",
        "today at midnight",
        "midnight tonight",
        "midnight today",
        "wednesday at midnight",
        "this wednesday at midnight",
        "midnight wednesday",
        "oct 14 at midnight",
        "14 october midnight",
        "at midnight on wednesday",
        "midnight on the 14th",
        "tonight at 12 midnight",
    ],
)
def test_midnight_of_the_day_itself_is_the_coming_one_and_says_so(expr: str) -> None:
    assert said(expr) == "Thu 10-15 00:00"
    assert notes(expr) == ("midnight is 00:00 on Thursday 2026-10-15",)


@pytest.mark.parametrize(
    ("expr", "offered"),
    [
        ("friday at midnight", '"friday 00:00" or "saturday 00:00"'),
        ("midnight friday", '"friday 00:00" or "saturday 00:00"'),
        ("this friday at midnight", '"this friday 00:00" or "this saturday 00:00"'),
        ("at midnight on friday", '"at midnight on friday" try "friday 00:00" or "saturday 00:00"'),
        ("twelve midnight on friday", '"friday 00:00" or "saturday 00:00"'),
        ("friday at 12 midnight", '"friday 00:00" or "saturday 00:00"'),
        ("fri midnight", '"fri 00:00" or "saturday 00:00"'),
        ("next friday at midnight", '"next friday 00:00" or "next saturday 00:00"'),
        ("midnight tomorrow", '"tomorrow 00:00" or "the day after tomorrow 00:00"'),
        ("tomorrow at midnight", '"tomorrow 00:00" or "the day after tomorrow 00:00"'),
        ("dec 24 at midnight", '"dec 24 at 00:00" or "dec 24 at 23:59"'),
        ("midnight on the 24th", '"00:00 on the 24th" or "23:59 on the 24th"'),
        ("by friday midnight", '"by friday 00:00" or "by saturday 00:00"'),
        ("2 hours before midnight friday", '"2 hours before friday 00:00" or "2 hours before saturday 00:00"'),
        ("every friday at midnight", '"every friday at 00:00" or "every friday at 23:59"'),
        ("every month on the 1st at midnight", '"every month on the 1st at 00:00" or'),
        ("every day until friday midnight", '"every day until friday 00:00" or "every day until saturday 00:00"'),
    ],
)
def test_midnight_of_another_day_is_asked(expr: str, offered: str) -> None:
    text = refusal(expr)
    assert offered in text
    assert "midnight at the start or at the end of " in text


def test_midnight_of_a_full_date_starts_it_and_says_so() -> None:
    for expr in ("2026-12-24 midnight", "December 24, 2026 at midnight", "midnight on 2026-12-24"):
        assert said(expr) == "Thu 12-24 00:00"
        assert notes(expr) == ("midnight is 00:00 on Thursday 2026-12-24",)


def test_what_is_offered_for_a_midnight_starts_and_ends_that_day() -> None:
    for words in ("friday 00:00", "this friday 00:00", "fri 00:00", "next friday 00:00"):
        assert said(words) == "Fri 10-16 00:00"
    for words in ("saturday 00:00", "this saturday 00:00", "next saturday 00:00"):
        assert said(words) == "Sat 10-17 00:00"
    assert said("tomorrow 00:00") == "Thu 10-15 00:00"
    assert said("the day after tomorrow 00:00") == "Fri 10-16 00:00"


@pytest.mark.parametrize(
    ("expr", "now", "kept"),
    [
        ("next friday at midnight", "2026-10-16T10:20:00-04:00", '"next friday at 00:00" or "next friday at 23:59"'),
        ("friday at midnight", "2026-10-15T10:20:00-04:00", '"friday 00:00" or "saturday 00:00"'),
        ("tuesday at midnight", "2026-10-14T10:20:00-04:00", '"tuesday 00:00" or "wednesday 00:00"'),
    ],
)
def test_no_midnight_of_another_week_is_offered(expr: str, now: str, kept: str) -> None:
    assert kept in refusal(expr, datetime.fromisoformat(now))


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("midnight", "Thu 10-15 00:00"),
        ("12 midnight", "Thu 10-15 00:00"),
        ("00:00 tomorrow", "Thu 10-15 00:00"),
        ("12am friday", "Fri 10-16 00:00"),
        ("friday 00:00", "Fri 10-16 00:00"),
        ("every day at midnight", "Thu 10-15 00:00"),
        ("daily at midnight", "Thu 10-15 00:00"),
        ("ten to midnight friday", "Fri 10-16 23:50"),
    ],
)
def test_other_midnights_are_exact(expr: str, expected: str) -> None:
    assert said(expr) == expected
    assert notes(expr) == ()


@pytest.mark.parametrize(
    ("expr", "note"),
    [
        ("at 8", "20:00: 8 in the evening comes before 8 in the morning"),
        ("at 11", "11:00: 11 in the morning comes before 11 in the evening"),
        ("at 12", "12:00: noon comes before midnight"),
        ("tomorrow at 8", "08:00: 8 in the morning, not 8 in the evening"),
        ("today at 8", "20:00: 8 in the evening, not 8 in the morning"),
        ("tomorrow at 12", "12:00: noon, not midnight"),
        ("8 o'clock", "20:00: 8 in the evening comes before 8 in the morning"),
        ("half past four", "16:30: 4:30 in the afternoon comes before 4:30 in the morning"),
        ("nine thirty", "21:30: 9:30 in the evening comes before 9:30 in the morning"),
        ("five thirty", "17:30: 5:30 in the afternoon comes before 5:30 in the morning"),
        ("quarter to nine tomorrow", "08:45: 8:45 in the morning, not 8:45 in the evening"),
        ("5:30", "05:30 in the morning, as written"),
        ("tomorrow 5:30", "05:30 in the morning, as written"),
        ("friday 6.30", "06:30 in the morning, as written"),
        ("at 5.30", "05:30 in the morning, as written"),
        ("9:30", "09:30 in the morning, as written"),
        ("10:20am", "10:20 is now"),
        ("friday ten past midnight", "00:10 at the start of Friday 2026-10-16"),
        ("half past midnight on oct 20", "00:30 at the start of Tuesday 2026-10-20"),
        ("at 930", "09:30 in the morning, as written"),
    ],
)
def test_the_half_of_the_day_that_was_taken_is_noted(expr: str, note: str) -> None:
    assert note in notes(expr)


@pytest.mark.parametrize(
    "expr",
    [
        *(
            "ten past midnight",
            "09:30",
            "17:30",
            "12:30",
            "0:30",
            "tomorrow 9am",
            "8pm",
            "tomorrow at 14",
            "noon",
            "1730",
        ),
        *("10:30", "friday 10:00", "tomorrow 9:30", "friday 9.30", "tomorrow 7:00", "today at 11:30"),
        *("9 in the evening", "tomorrow 09:00", "5:30 in the afternoon", "10.30 am", "eleven forty five pm"),
    ],
)
def test_nothing_is_noted_where_nothing_was_chosen(expr: str) -> None:
    assert notes(expr) == ()


@pytest.mark.parametrize("expr", ["friday 2026", "2026 friday", "tomorrow 2026", "2027 tomorrow", "tonight 2028"])
def test_a_year_gone_astray_is_not_a_clock(expr: str) -> None:
    refusal(expr)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("10 30 am", "Wed 10-14 10:30"),
        ("10 30 am tomorrow", "Thu 10-15 10:30"),
        ("tomorrow at 10 30 pm", "Thu 10-15 22:30"),
        ("oct 20 10 30 am", "Tue 10-20 10:30"),
        ("20 oct 10 30 am", "Tue 10-20 10:30"),
        ("20th of october 10 30 am", "Tue 10-20 10:30"),
        ("dec 8 10 pm", "Tue 12-08 22:00"),
        ("10 05 pm", "Wed 10-14 22:05"),
        ("tomorrow, 10 30 am", "Thu 10-15 10:30"),
        ("seven a m", "Thu 10-15 07:00"),
        ("ten p m tomorrow", "Thu 10-15 22:00"),
        ("5 p m", "Wed 10-14 17:00"),
        ("10 30 p m", "Wed 10-14 22:30"),
    ],
)
def test_a_dictated_clock_may_have_a_blank(expr: str, expected: str) -> None:
    assert said(expr) == expected


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("2 hours before friday 9am", "Fri 10-16 07:00"),
        ("an hour before tomorrow 5pm", "Thu 10-15 16:00"),
        ("30 minutes after friday noon", "Fri 10-16 12:30"),
        ("2 hours after 9am friday", "Fri 10-16 11:00"),
        ("2 days before friday 5pm", "Wed 10-14 17:00"),
        ("noon plus 30 minutes", "Wed 10-14 12:30"),
        ("now plus 2 hours", "Wed 10-14 12:20"),
        ("tomorrow plus 2 hours", "Thu 10-15 12:20"),
        ("eod + 1h", "Wed 10-14 18:00"),
        ("an hour after cob", "Wed 10-14 18:00"),
        ("an hour before end of day", "Wed 10-14 16:00"),
        ("+2d at 9am", "Fri 10-16 09:00"),
        ("+1w 9am", "Wed 10-21 09:00"),
    ],
)
def test_hours_count_from_a_day_with_a_clock(expr: str, expected: str) -> None:
    assert said(expr) == expected


ONES = "zero one two three four five six seven eight nine ten eleven twelve".split()
WORDS = {0: "", 5: " oh five", 15: " fifteen", 30: " thirty", 45: " forty-five", 50: " fifty"}


def spellings(hour: int, minute: int) -> list[str]:
    """Ways to say one clock time that leave nothing open."""
    face, half = hour % 12 or 12, "pm" if hour > 11 else "am"
    digits, four = f"{face}:{minute:02}", f"{hour:02}{minute:02}"
    found = [
        f"{hour:02}:{minute:02}",
        f"{four} hours",
        f"{four}hrs",
        f"{four}h",
        f"at {four} hrs",
        f"{hour:02}.{minute:02} hrs",
    ]
    found += [
        f"{digits}{half}",
        f"{digits} {half.upper()}",
        f"{digits} {half[0]}.m.",
        f"{digits}{half[0]}",
        f"{digits} {half} sharp",
    ]
    found += [
        f"{face}.{minute:02} {half}",
        f"at {face}.{minute:02}{half}",
        f"{face} {minute:02} {half}",
        f"{face}{minute:02}{half}",
    ]
    found += [
        f"exactly {digits} {half}",
        f"{ONES[face]}{WORDS[minute]} {half}",
        f"{ONES[face]}{WORDS[minute]} {half[0]} m",
    ]
    part = "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "at night"
    found += [f"{digits} {part}", f"{ONES[face]}{WORDS[minute]} {part}"]
    if minute in (5, 15, 30):
        past = {5: "five past", 15: "a quarter past", 30: "half past"}[minute]
        found += [f"{past} {face} {half}", f"{past} {ONES[face]} {half}"]
    if minute in (45, 50) and hour not in (11, 23):
        to = {45: "quarter to", 50: "ten to"}[minute]
        following = (hour + 1) % 12 or 12
        found += [f"{to} {following} {half}", f"{to} {ONES[following]} {half}"]
    if minute == 0:
        found += [
            f"{face}{half}",
            f"{face} {half}",
            f"{face}{half[0]}",
            f"{ONES[face]} o'clock {half}",
            f"{face} o clock {half}",
        ]
    return found


@pytest.mark.parametrize("hour", [1, 7, 9, 11, 12, 13, 16, 20, 21, 23])
@pytest.mark.parametrize("minute", list(WORDS))
def test_one_clock_in_every_spelling_is_one_moment_on_either_side_of_its_day(hour: int, minute: int) -> None:
    for day, date in (("tomorrow", "Thu 10-15"), ("friday", "Fri 10-16"), ("oct 20", "Tue 10-20")):
        for clock in spellings(hour, minute):
            wanted = f"{date} {hour:02}:{minute:02}"
            for expr in (f"{day} {clock}", f"{clock} {day}", f"by {day} {clock}"):
                assert said(expr) == wanted, expr


def lengths(hours: int, minutes: int) -> list[str]:
    """Ways to say one length of time."""
    few = "h hr hrs hour hours".split()
    found = [f"{hours}{unit}{minutes}m" for unit in few] + [f"{hours} {unit} {minutes} min" for unit in few]
    found += [f"{hours} hours and {minutes} minutes", f"{hours} hours, {minutes} mins", f"{hours}h & {minutes}m"]
    found += [f"{ONES[hours]} hours {minutes} minutes", f"PT{hours}H{minutes}M", f"{hours * 60 + minutes} minutes"]
    found += [
        f"{(hours * 60 + minutes) * 60:,} seconds",
        f"{hours} HOURS {minutes} MINUTES",
        f"{hours}hr. {minutes}min.",
    ]
    if minutes > 9:
        found += [f"{hours}h{minutes}", f"{hours}h {minutes}", f"{hours}hr{minutes}", f"{hours} hours {minutes}"]
    if minutes == 30:
        found += [
            f"{hours}.5h",
            f"{hours} 1/2 hours",
            f"{hours}½ hours",
            f"{hours} and a half hours",
            f"{hours}-1/2 hrs",
        ]
        found += [f"{ONES[hours]} and a half hours", f"{hours} hours and a half", f"{ONES[hours]}-and-a-half hours"]
    if minutes in (15, 45):
        part, sign = ("a quarter", "¼") if minutes == 15 else ("three quarters", "¾")
        found += [f"{hours} and {part} hours", f"{hours}{sign} hours", f"{hours}.{minutes * 100 // 60} hours"]
        found += [f"{ONES[hours]} hours and {part}"]
    return found


@pytest.mark.parametrize("hours", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("minutes", [1, 5, 10, 15, 20, 30, 45, 50])
def test_one_length_in_every_spelling_is_one_moment(hours: int, minutes: int) -> None:
    wanted = NOW + timedelta(hours=hours, minutes=minutes)
    for length in lengths(hours, minutes):
        for expr in (
            length,
            f"in {length}",
            f"in about {length}",
            f"{length} from now",
            f"+ {length}",
            f"{length} later",
        ):
            assert parse(expr, NOW, NEW_YORK).instant == wanted, expr


FRAMES = (
    *("every day at {}", "daily {}", "every monday {}", "{} every day", "mondays and fridays {}", "every 15th {}"),
    *("every day at {} until oct 30", "every day until oct 30 {}", "in 3 days {}", "{} in 3 days", "next friday {}"),
    *("{} on friday", "the 20th {}", "20 oct {}", "{}, oct 20", "tomorrow, {}", "no later than {} tomorrow"),
    *("a week from friday {}", "day after tomorrow {}", "end of month {}", "first monday of november {}"),
)


@pytest.mark.parametrize("frame", FRAMES)
def test_one_clock_in_every_spelling_is_one_beside_every_rule_and_day(frame: str) -> None:
    for hour, minute in ((1, 30), (9, 5), (12, 0), (16, 45), (21, 15)):
        for clock in spellings(hour, minute):
            expr = frame.format(clock).replace("at at", "at").replace("at exactly", "exactly")
            assert said(expr)[-5:] == f"{hour:02}:{minute:02}", expr


@pytest.mark.parametrize("days", ["twenty-five", "twenty five"])
def test_a_text_that_is_too_long_is_refused_with_its_hyphens_too(days: str) -> None:
    clocks = ", ".join(f"11:{minute:02}" for minute in range(20))
    assert "too long" in refusal(f"every day for {days} days at {clocks}, 13:00 bananas are nice")
