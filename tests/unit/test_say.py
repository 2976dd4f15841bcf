"""A span in words, in each of the forms that people are shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from defer import say

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "distance", "ahead", "short"),
    [
        (0, "0 seconds", "now", "now"),
        (1, "1 second", "in 1 s", "in 1s"),
        (60, "1 minute", "in 1 min", "in 1m"),
        (90, "1 minute 30 seconds", "in 1 min 30 s", "in 2m"),
        (3569, "59 minutes 29 seconds", "in 59 min 29 s", "in 59m"),
        (3599, "59 minutes 59 seconds", "in 59 min 59 s", "in 1h"),
        (3601, "1 hour 1 second", "in 1 h 1 s", "in 1h"),
        (86399, "23 hours 59 minutes", "in 23 h 59 min", "in 1d"),
        (7500, "2 hours 5 minutes", "in 2 h 5 min", "in 2h"),
        (93784, "1 day 2 hours", "in 1 d 2 h", "in 1d"),
        (-7500, "2 hours 5 minutes", "now", "2h ago"),
    ],
)
def test_a_span_by_its_largest_units(seconds: int, distance: str, ahead: str, short: str) -> None:
    span = timedelta(seconds=seconds)
    assert (say.distance(span), say.ahead(span), say.short(NOW + span, NOW)) == (distance, ahead, short)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172799, "47 h"), (172800, "2 d")],
)
def test_a_span_roughly_is_in_the_largest_unit_of_which_there_are_two(seconds: int, said: str) -> None:
    assert say.roughly(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(60, "minute"), (90, "90 seconds"), (5400, "90 minutes"), (3600, "hour"), (86400, "24 hours"), (1, "second")],
)
def test_a_whole_span_is_counted_in_the_largest_unit_that_goes_into_it(seconds: int, said: str) -> None:
    assert say.whole(seconds) == said
