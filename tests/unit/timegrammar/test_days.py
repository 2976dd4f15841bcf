"""Days, dates, periods and parts of the day, as people and programs write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from defer.timeparse import TimeExpressionError, parse

NEW_YORK = ZoneInfo("America/New_York")
WEDNESDAY = "2026-10-14 10:20"


def read(expr: str, now: str = WEDNESDAY) -> str:
    """The answer as walls in New York show it."""
    said = datetime.fromisoformat(now).replace(tzinfo=NEW_YORK).astimezone(UTC)
    return f"{parse(expr, said, NEW_YORK).instant.astimezone(NEW_YORK):%Y-%m-%d %H:%M}"


def notes(expr: str, now: str = WEDNESDAY) -> tuple[str, ...]:
    """What is said beside the answer."""
    return parse(expr, datetime.fromisoformat(now).replace(tzinfo=NEW_YORK), NEW_YORK).notes


def refusal(expr: str, now: str = WEDNESDAY) -> str:
    """Why it is refused."""
    with pytest.raises(TimeExpressionError) as caught:
        parse(expr, datetime.fromisoformat(now).replace(tzinfo=NEW_YORK), NEW_YORK)
    return str(caught.value)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("tmrw 9am", "2026-10-15 09:00"),
        ("tmr", "2026-10-15 10:20"),
        ("tmw 9am", "2026-10-15 09:00"),
        ("2moro 9am", "2026-10-15 09:00"),
        ("2mrw", "2026-10-15 10:20"),
        ("day after tmrw", "2026-10-16 10:20"),
        ("tomoz morn", "2026-10-15 09:00"),
        ("wknd", "2026-10-17 10:20"),
        ("this wknd", "2026-10-17 10:20"),
        ("nxt wknd", "2026-10-24 10:20"),
        ("thurs 4pm", "2026-10-15 16:00"),
        ("tues", "2026-10-20 10:20"),
        ("nxt fri", "2026-10-16 10:20"),
        ("nxt week", "2026-10-19 10:20"),
        ("nxt wk", "2026-10-19 10:20"),
        ("nxt mth", "2026-11-01 10:20"),
        ("fri nxt wk 3pm", "2026-10-23 15:00"),
        ("2nite", "2026-10-14 20:00"),
        ("tonite at 9", "2026-10-14 21:00"),
        ("this arvo", "2026-10-14 15:00"),
        ("fri nite", "2026-10-16 20:00"),
        ("asap", "2026-10-14 10:20"),
    ],
)
def test_words_of_chat_are_read(expr: str, expected: str) -> None:
    assert read(expr) == expected
    assert read(expr.upper() if "m" not in expr else expr) == expected


@pytest.mark.parametrize("expr", ["12moro", "2moros", "2 moro", "2nites", "tmrws"])
def test_what_is_only_like_a_word_of_chat_is_refused(expr: str) -> None:
    refusal(expr)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("eob", "2026-10-14 17:00"),
        ("cob", "2026-10-14 17:00"),
        ("COB friday", "2026-10-16 17:00"),
        ("friday COB", "2026-10-16 17:00"),
        ("cob tmrw", "2026-10-15 17:00"),
        ("end of business", "2026-10-14 17:00"),
        ("end of business day", "2026-10-14 17:00"),
        ("end of the business day", "2026-10-14 17:00"),
        ("end of the working day on friday", "2026-10-16 17:00"),
        ("close of business", "2026-10-14 17:00"),
        ("at the close of business", "2026-10-14 17:00"),
        ("close of business tomorrow", "2026-10-15 17:00"),
        ("tomorrow close of business", "2026-10-15 17:00"),
        ("close of business on friday", "2026-10-16 17:00"),
        ("close of play friday", "2026-10-16 17:00"),
        ("eod monday", "2026-10-19 17:00"),
        ("monday eod", "2026-10-19 17:00"),
        ("eod on dec 24", "2026-12-24 17:00"),
        ("end of today", "2026-10-14 17:00"),
        ("end of tomorrow", "2026-10-15 17:00"),
        ("at the end of friday", "2026-10-16 17:00"),
        ("end of next friday", "2026-10-16 17:00"),
        ("end of dec 24", "2026-12-24 17:00"),
        ("end of business today", "2026-10-14 17:00"),
    ],
)
def test_offices_close_at_five(expr: str, expected: str) -> None:
    assert read(expr) == expected


@pytest.mark.parametrize("expr", ["eod", "cob", "end of today", "close of business today"])
def test_once_offices_are_closed_the_day_ends_at_midnight(expr: str) -> None:
    assert read(expr, "2026-10-14 18:00") == "2026-10-14 23:59"


@pytest.mark.parametrize("expr", ["eod next week", "cob next month", "end of 2026-12", "end of 2026-W52"])
def test_the_end_of_a_day_wants_a_day(expr: str) -> None:
    refusal(expr)
