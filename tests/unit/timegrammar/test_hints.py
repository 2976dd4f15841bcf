"""What a refusal offers is done by agents, so it keeps every word that mattered, or the message names what is open."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import time_hints
from defer.timegrammar.refusals import wordreasons
from defer.timeparse import TimeExpressionError, parse, split_line
from time_hints import NOW, TZ, faults, offers, refusal

pytestmark = pytest.mark.thorough

FUZZED = 4400
PAST = "10 past|15 past|20 past|ten past|every 10 past|at 10 past|tomorrow 20 past|20 past tomorrow|90 past".split("|")
COUNTS = (
    "in 2 mornings|in 3 nights|3 nights|two nights|about 3 nights|before 3 nights|for 3 nights|2 weekends|2 mondays|"
    "two fridays|every 3 business days|every 3 work days|every 2 workdays|every 2 weekdays|every 2 or 3 workdays"
).split("|")


def why(expr: str, now: datetime = NOW, tz: ZoneInfo = TZ) -> str:
    """The message ``expr`` is refused with, without its echo."""
    found = refusal(expr, now, tz)
    assert found is not None, f"{expr!r} is read"
    return found.partition('": ')[2] or found


def test_every_row_that_is_refused_keeps_the_law() -> None:
    said = list(time_hints.said())
    refused = [(each, text) for each in said if (text := refusal(*each)) is not None]
    assert len(refused) > 150
    assert [fault for (expr, now, tz), text in refused for fault in faults(expr, text, now, tz)] == []


@pytest.mark.slow
def test_spoilt_texts_of_the_grammar_keep_the_law() -> None:
    refused = [(text, why) for text in time_hints.texts(FUZZED) if (why := refusal(text)) is not None]
    assert sum(bool(offers(text)) for _, text in refused) > 200
    assert [(expr, fault) for expr, text in refused for fault in faults(expr, text)] == []


@pytest.mark.parametrize(
    ("expr", "message", "fault"),
    [
        ("today 3 - 5", 'x (try "today")', "loses ['3', '5'] without a word"),
        ("9am +0200", 'can\'t read "9am +0200": "+0200" is left over (try "9am +0200")', "is refused"),
        ("9am +0200", '"9am +0200": "+0200" is not read (try "10am")', "loses ['9'] without a word"),
        ("mon 9am", "x" * 250, "is not one short line"),
    ],
)
def test_a_message_that_breaks_the_law_is_seen(expr: str, message: str, fault: str) -> None:
    assert fault in " ".join(faults(expr, message))


@pytest.mark.parametrize(
    ("expr", "offered"),
    [
        # Bounds and guesses: the moment itself.
        ("before friday 5pm", ["friday 5pm"]),
        ("not before friday 9am", ["friday 9am"]),
        ("after 3pm", ["3pm"]),
        ("any time after 3pm", ["3pm"]),
        ("around 9", ["9am", "9pm"]),
        ("~9am", ["9am"]),
        ("5ish tomorrow", ["5am tomorrow", "5pm tomorrow"]),
        ("noonish", ["noon"]),
        ("noon-ish", ["noon"]),
        ("tomorrow 9am or so", ["tomorrow 9am"]),
        ("in at least 2 hours", ["in 2 hours"]),
        ("within the hour", ["in an hour"]),
        ("before friday 5", ["friday 5am", "friday 5pm"]),
        ("an hour before 5", ["an hour before 5am", "an hour before 5pm"]),
        # A stretch: its start and its end.
        ("between 2 and 4pm tomorrow", ["2pm tomorrow", "4pm tomorrow"]),
        ("tomorrow 9-11am", ["tomorrow 9am", "tomorrow 11am"]),
        ("from 2pm to 4pm", ["2pm", "4pm"]),
        ("today 3 - 5", ["today 3pm", "today 5pm"]),
        ("in 10 to 15 minutes", ["in 10 minutes", "in 15 minutes"]),
        ("between monday and friday", ["monday", "friday"]),
        ("9 to 5pm", ["9am", "5pm"]),
        ("11 to 1pm", ["11am", "1pm"]),
        ("11am to 1", ["11am", "1pm"]),
        ("tomorrow 9-5", ["tomorrow 9am", "tomorrow 5pm"]),
        ("in 5 or 10 minutes", ["in 5 minutes", "in 10 minutes"]),
        ("9-5", []),
        ("10-12 at 9am", []),
        # Two times: each whole.
        ("9am 5pm", ["9am", "5pm"]),
        ("an hour or two", ["an hour", "two hour"]),
        ("next friday the 23rd", []),
        ("mon 9am, thu 5pm", ["mon 9am", "thu 5pm"]),
        ("tomorrow and friday 9am", ["tomorrow 9am", "friday 9am"]),
        ("9am or 5pm tomorrow", ["9am tomorrow", "5pm tomorrow"]),
        ("tomorrow 9am and 5pm", ["tomorrow 9am", "tomorrow 5pm"]),
        ("friday or saturday at noon", ["friday at noon", "saturday at noon"]),
        ("tomorrow 9am friday 3pm", ["tomorrow 9am", "friday 3pm"]),
        # Hours, halves and units.
        ("tomorrow 5", ["tomorrow 5am", "tomorrow 5pm"]),
        ("fri pm", ["fri afternoon", "fri evening"]),
        ("13pm", ["13:00"]),
        ("10", ["10 minutes", "10 hours", "at 10"]),
        ("26", ["26 minutes", "26 hours"]),
        ("1792000000000", ["@1792000000"]),
        ("1M", ["1m", "1mo"]),
        ("at 2 hours", ["in 2 hours"]),
        ("at tomorrow 9am", ["tomorrow 9am"]),
        # Offsets as ISO says them.
        ("9am +0200", ["2026-10-15T09:00+02:00"]),
        ("tomorrow 9am UTC-5", ["2026-10-15T09:00-05:00"]),
        ("9am +05:30", ["2026-10-15T09:00+05:30"]),
        # Rules.
        ("every weekday except friday at 9am", ["every mon, tue, wed and thu at 9am"]),
        ("every day but not sunday at 9am", ["every mon, tue, wed, thu, fri and sat at 9am"]),
        ("every second friday 9am", ["every other friday 9am", "every second friday of the month 9am"]),
        ("biweekly on friday at 9am", ["every 2 weeks on friday at 9am"]),
        ("every 2 hours at 9am", ["every 2 hours starting at 9am"]),
        ("every day at 5 until friday", ["every day at 5am until friday", "every day at 5pm until friday"]),
        # Days by other names.
        ("christmas 9am", ["dec 25 9am"]),
        ("the day before halloween", ["the day before oct 31"]),
        ("monday dec 25 at 9am", ["friday dec 25 at 9am"]),
        ("05/06 9am", ["2027-05-06 9am", "2027-06-05 9am"]),
        ("first thing tomorrow", ["tomorrow morning"]),
        ("tomorrow first thing in the morning", ["tomorrow in the morning"]),
        ("tomorrow lunchtime", ["tomorrow noon", "tomorrow 1pm"]),
        ("today 9am", ["tomorrow 9am"]),
        ("5 to 9", ["5 minutes to 9", "5am", "5pm", "9am", "9pm"]),
        ("5 to 9pm", ["5 minutes to 9pm", "5pm", "9pm"]),
        (".5h", ["0.5h"]),
        ("2 2 hours", []),
        ("20 from now", ["20 minutes from now", "20 hours from now", "20 days from now"]),
        ("in 1730", ["in 1730 minutes", "at 1730"]),
        ("9 : 30 am tomorrow", ["9:30 am tomorrow"]),
        ("tomorrow 9;30", ["tomorrow 9:30"]),
        ("2026-10-15_09:00", ["2026-10-15 09:00"]),
        ("\uff11\uff10m", ["10m"]),
        ("M/W/F at 10am", ["mon/wed/fri at 10am"]),
        ("to morrow 9am", ["tomorrow 9am"]),
        ("every day before 9am", ["every day 9am"]),
        ("just after 5pm", ["5pm"]),
        ("five", ["five minutes", "five hours", "five am"]),
        ("in -5 minutes", []),
        ("30 mins back", []),
        ("since monday", []),
        ("in ten", ["in ten minutes", "in ten hours", "at ten"]),
        ("every two fridays", ["every two weeks on friday"]),
        ("every 2 to 3 hours", ["every 2 hours", "every 3 hours"]),
        ("every day or two", ["every day", "every two day"]),
        ("every day at 9am/5pm", ["every day at 9am", "every day 5pm"]),
        ("weekly on monday and on the 15th", []),
        ("mondays at 9am, wednesdays at 5pm", ["mondays at 9am", "wednesdays at 5pm"]),
        ("every monday at 9am and friday at 10am", ["every monday at 9am", "every friday at 10am"]),
        ("every other saturday and sunday", ["every other saturday", "every other sunday"]),
        ("every other sat and sun at 9am", ["every other sat at 9am", "every other sun at 9am"]),
        ("every alternate saturday and sunday", ["every alternate saturday", "every alternate sunday"]),
        ("each other monday or thursday", ["each other monday", "each other thursday"]),
        ("every other saturday and other sunday", ["every other saturday", "every other sunday"]),
        ("every other saturday and every sunday", ["every other saturday", "every sunday"]),
        ("every last friday and monday", ["every last friday", "every last monday"]),
        ("every 2 weeks on mon at 9am and fri at 5pm", ["every 2 weeks on mon at 9am", "every 2 weeks on fri at 5pm"]),
        ("every other day at 9am and friday at 10am", []),
        ("every other saturday and the 15th", []),
        ("next eow", ["end of next week"]),
        ("friday after next", []),
        ("no earlier than friday", ["friday"]),
        ("friday after 3pm", ["friday 3pm"]),
        ("about 3ish", ["3am", "3pm"]),
        ("10ish 10ish 10ish", []),
        (";`/)Y8\rm;9", []),
        ("(tomorrow 9am)", ["tomorrow 9am"]),
        ("hour before midnight", ["an hour before midnight"]),
        ("am 9", ["9am"]),
        ("tonight at 9am", ["tomorrow at 9am", "tonight at 9pm"]),
        ("once tomorrow at 9", ["tomorrow at 9"]),
        ("every day but friday at noon", ["every mon, tue, wed, thu, sat and sun at noon"]),
        ("every day until last friday", []),
        ("tomorrow at 25", []),
        ("early next week", ["next week"]),
        ("late next week", ["end of next week"]),
        ("early tomorrow", ["tomorrow morning"]),
        ("20261224", ["2026-12-24"]),
        ("remind me tomorrow at 9", ["tomorrow at 9"]),
        ("0 9 ? * MON", ["0 9 * * MON"]),
        ("for 2 hours", ["in 2 hours"]),
        ("tomorrow 9am for 2 hours", []),
        ("now + 5", ["now + 5 minutes", "now + 5 hours", "now + 5 days"]),
        # Slips of letters.
        ("tommorow 9am", ["tomorrow 9am"]),
        ("tommorrow", ["tomorrow"]),
        ("thrusday", ["thursday"]),
        ("in 5 mintues", ["in 5 minutes"]),
        ("in 5 minuts", ["in 5 minutes"]),
        ("wednsday 9am", ["wednesday 9am"]),
        ("febuary 3", ["february 3"]),
        ("evry day at 9", ["every day at 9"]),
        ("nxet week", ["next week"]),
        ("hte 5th", ["the 5th"]),
        ("moday", ["monday", "today"]),
        ("tomorow mornign at 9", ["tomorrow morning at 9"]),
        ("2marrow 9am", ["tomorrow 9am"]),
        # A count of days or of their parts is not made a clock.
        *((expr, []) for expr in COUNTS),
        ("every two fridays at 9am", ["every two weeks on friday at 9am"]),
        # Minutes, whose hour is asked for.
        *((expr, []) for expr in PAST),
        ("past 9", ["9am", "9pm"]),
        ("9am past", ["9am"]),
        # Nothing that keeps what mattered.
        ("10m garbage", []),
        ("tomorrow 9am garbage", []),
        ("yesterday", []),
        ("last friday", []),
        ("2 days ago", []),
        ("soon", []),
        ("sometime", []),
        ("this week", []),
        ("nooon o'cock", []),
        ("mom 9am", []),
        ("quarter past 25", []),
        ("25:00", []),
        ("0:75", []),
        ("0m", []),
        ("0pm", []),
        ("00 pm tomorrow", []),
        ("every day at 0pm", []),
        ("0:30pm", []),
        ("0030pm", []),
        ("1330pm", ["1330"]),
        ("0:30am", ["0:30"]),
    ],
)
def test_what_is_offered(expr: str, offered: list[str]) -> None:
    message = refusal(expr)
    assert message is not None
    assert offers(message) == offered, message
    assert faults(expr, message) == []


@pytest.mark.parametrize(
    ("expr", "asked"),
    [
        ("20 past", "20 minutes past which hour?"),
        ("5 after", "5 minutes past which hour?"),
        ("every 10 past", '"10 past": 10 minutes past which hour?'),
        ("ten past tomorrow", '"ten past": ten minutes past which hour?'),
        ("twenty five past", "twenty five minutes past which hour?"),
        ("1 past", "1 minute past which hour?"),
    ],
)
def test_the_hour_of_minutes_past_is_asked_for(expr: str, asked: str) -> None:
    assert why(expr).startswith(f"{asked} (such a time looks like")


@pytest.mark.parametrize(
    ("expr", "zone"),
    [
        ("9am Berlin time", "Europe/Berlin"),
        ("9am (CET)", "Europe/Berlin"),
        ("EST 9am", "America/New_York"),
        ("9am eastern", "America/New_York"),
        ("15:00Z", "UTC"),
        ("2026-10-15T09:00:00GMT", "UTC"),
        ("0900EST", "America/New_York"),
        ("9am in New York", "America/New_York"),
        ("tomorrow 9am india time", "Asia/Kolkata"),
        ("every day 9am UTC-5", "Etc/GMT+5"),
        ("every day at 9am +0530", "Asia/Kolkata"),
    ],
)
def test_a_zone_is_named_with_the_flag_that_takes_it(expr: str, zone: str) -> None:
    assert f"(use --tz {zone}" in why(expr)


@pytest.mark.parametrize("line", ["tomorrow 9am in UTC call mom", "9am in est call"])
def test_a_zone_behind_in_is_not_text(line: str) -> None:
    with pytest.raises(TimeExpressionError, match="zones are not read from the text"):
        split_line(line, NOW, TZ)


@pytest.mark.parametrize("expr", ["now +1 hour", "4pm + 3 days", "tomorrow 9am", "march 3 9am"])
def test_no_offset_or_city_is_seen_where_none_is(expr: str) -> None:
    parse(expr, NOW, TZ)


@pytest.mark.parametrize(
    ("word", "expressions", "reason"),
    [
        ("last", ["last friday", "last week", "last night at 9"], "lies in the past"),
        ("ago", ["5 minutes ago", "2 days ago at 9am", "an hour ago"], "lies in the past"),
        ("soon", ["soon", "soon tomorrow", "tomorrow soon"], "how soon?"),
        ("every second", ["every second friday", "every second monday 9am"], "every other one, or once a month?"),
    ],
)
def test_a_reason_is_true_of_what_has_its_word(word: str, expressions: list[str], reason: str) -> None:
    for expr in expressions:
        assert word in expr
        assert reason in why(expr), expr


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        ("the last friday of foo", "lies in the past"),
        ("half past 25", "lies in the past"),
        ("every last blue friday", "lies in the past"),
        ("nightly at 25:00", "at which hour"),
        ("every day at 9am and then later foo", "two times"),
        ("5 minutes before lunch", "bounds a time"),
        ("3 days later foo", "how much later"),
        ("quarter to five foo", "which hour"),
        ("a quarter of an hour foo", "before that hour"),
        ("friday this week foo", "which day of it"),
        ("the 15th of this month foo", "which day of it"),
        ("3 days after next friday foo", "which date"),
        ("once a month foo", "not at an event"),
        ("five pm foo", "wants an hour"),
        ("late tonight foo", "names no hour"),
        ("every second friday of the month foo", "once a month?"),
        ("every weekday foo", "not read: exceptions"),
        ("9am -5 foo", "lies in the past"),
        ("every last day foo", "lies in the past"),
        ("the last day of june foo", "lies in the past"),
    ],
)
def test_a_reason_is_not_given_where_it_is_false(expr: str, reason: str) -> None:
    assert reason not in why(expr)


def test_what_starts_tonight_has_a_note_on_its_hour() -> None:
    assert "tonight is taken as 20:00" in parse("quarterly, commencing tonight", NOW, TZ).notes


def test_a_word_with_a_reason_of_its_own_has_it() -> None:
    for phrase, reason, _, _ in wordreasons.WORDS:
        text = {"M": "1M", "in a few": "in a few"}.get(phrase, phrase)
        if (message := refusal(text)) is not None:
            assert reason in message or "did you mean" in message, message
