"""Expressions that were once answered with another moment than the one meant, or refused though they have one."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from defer.timeparse import TimeExpressionError, parse

NEW_YORK = ZoneInfo("America/New_York")
WEDNESDAY = datetime(2026, 10, 14, 10, 20, tzinfo=NEW_YORK)


def read(expr: str, now: datetime = WEDNESDAY) -> str:
    """The answer as walls in New York show it."""
    return f"{parse(expr, now, NEW_YORK).instant.astimezone(NEW_YORK):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("monday evening at 6.15", "2026-10-19 18:15"),
        ("tonight at 9.30", "2026-10-14 21:30"),
        ("at 9.30 tonight", "2026-10-14 21:30"),
        ("tomorrow at 9.30", "2026-10-15 09:30"),
        ("tomorrow at 19.30", "2026-10-15 19:30"),
    ],
)
def test_a_part_of_the_day_chooses_the_half_for_a_dotted_clock(expr: str, expected: str) -> None:
    assert read(expr) == expected


def test_midday_is_an_hour_as_noon_is() -> None:
    assert read("quarter past midday") == read("quarter past noon") == "2026-10-14 12:15"
    assert read("ten to midday tomorrow") == "2026-10-15 11:50"


@pytest.mark.parametrize("expr", ["hour or two", "day and 5", "h or 5"])
def test_a_unit_without_a_number_before_a_joint_is_refused_in_one_line(expr: str) -> None:
    with pytest.raises(TimeExpressionError, match=expr):
        parse(expr, WEDNESDAY, NEW_YORK)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("in 2 days at 8 in the evening", "2026-10-16 20:00"),
        ("two days from now at half past eight in the evening", "2026-10-16 20:30"),
        ("a week from now, 9.15 in the morning", "2026-10-21 09:15"),
    ],
)
def test_an_hour_with_its_part_stands_behind_days(expr: str, expected: str) -> None:
    assert read(expr) == expected
