"""A law of ``::defer`` lines: what a text starts with is never taken into the time before it.

``pytest -n 0 -rP tests/unit/timegrammar/test_texts.py | grep lines`` prints how many lines were tried.
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from test_order import CLOCKS, DAYS, NEW_YORK, WEDNESDAY

from defer.timeparse import TimeExpressionError, split_line

pytestmark = pytest.mark.thorough

TIMES = (
    *DAYS,
    *CLOCKS,
    *(f"{day} {clock}" for day in islice(DAYS, 0, None, 5) for clock in islice(CLOCKS, 0, None, 6)),
    *(f"{clock} {day}" for day in islice(DAYS, 2, None, 6) for clock in islice(CLOCKS, 3, None, 6)),
    *(
        "2h",
        "in 2 hours",
        "in an hour",
        "30m",
        "in 30 minutes",
        "half an hour",
        "tonight",
        "this evening",
        "eod",
        "eow",
    ),
    *("tomorrow morning", "tomorrow at 9", "tonight at 8", "in 3 days at noon", "an hour and a half", "2h30", "1h"),
    *("every day at 9am", "every monday", "every 2 hours", "mondays 9am", "every weekday 8:30", "by 5pm", "by friday"),
)
#: Texts that start as a time may go on: counts, ordinals, names of days and months, and words that stand in times.
TEXTS = (
    "5 people join",
    "26 guests arrive",
    "10 emails to send",
    "30 pushups",
    "2 beers",
    "27 things",
    "45 chairs for the hall",
    "one more thing",
    "two calls",
    "the 5 of us meet",
    "1st draft",
    "second try",
    "first aid",
    "5 to 10 people come",
    "2 hour workout",
    "sat nav",
    "sun screen",
    "may I ask",
    "march on",
    "next steps",
    "last call",
    "this thing",
    "half marathon",
    "quarter report",
    "minutes of the meeting",
    "second coffee",
    "on call",
    "at home",
    "by bus",
    "in the office",
    "for tea",
    "from home",
    "start up",
    "same again",
    "then rest",
    "5k run",
    "1:1 with Sam",
    "24/7 support",
    "#5 fix",
    "$5 tip",
    "5% raise",
    "v2 release",
    "4 eyes check",
    "12 angry men",
    "100 emails to send",
    "500 words",
    "1000 steps",
    "2000 words",
    "7 eleven run",
)
EACH = 8


def test_what_a_text_starts_with_is_never_taken_into_its_time() -> None:
    tried, split = 0, 0
    for number, when in enumerate(TIMES):
        for text in (TEXTS[(number * EACH + step) % len(TEXTS)] for step in range(EACH)):
            tried += 1
            try:
                found = split_line(f"{when} {text}", WEDNESDAY, NEW_YORK)
            except TimeExpressionError:
                continue
            split += 1
            assert (found[0], found[1]) == (when, text)
    print(f"{tried:,} lines, {split:,} are split, the others ask")
    assert split > 0.6 * tried
