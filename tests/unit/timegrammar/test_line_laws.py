"""Laws of ``::defer`` lines: a time, a separator and a text are cut at the separator, or the line is refused.

Neither eats of the other, and no clock of the text is lost where the time has none.
"""

from __future__ import annotations

import os
from datetime import datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from defer.timeparse import TimeExpressionError, split_line

pytestmark = pytest.mark.thorough

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime.fromisoformat("2026-10-14T10:20:00-04:00")  # a Wednesday

#: Times that say when to the minute.
WHOLE = (
    "5pm|17:30|at 9|noon|tomorrow 9am|tomorrow at 9|friday 5pm|next monday at 10:00|dec 24 6pm|on monday at 9|"
    "2026-11-02 14:30|2026-11-02T14:30|2026-11-02T14:30Z|24.12.2026 9:00|half past eight|tonight at 8|eod|"
    "tomorrow morning at 8|in 2 weeks at 10am|the 5th at noon|9am tomorrow|noon on friday|1700 hours|"
    "every day at 9am|weekdays 8:45|mon,wed 7am|every monday and thursday at 9am and 5pm|"
    "every 1st of the month at 9am|every last friday of the month at 4pm|every day at 9am for 3 days|"
    "every weekday at 9am until friday|every monday at 9am starting nov 1|nightly at 1am|"
    "every 15 minutes between 9am and 5pm|0 9 * * 1-5|*/5 * * * *|0 9 L * *|every 3 days at 17:00|"
    "30m|2h|in 2 hours|1h30m|45 minutes|in half an hour|PT45M|every 2h|every 30 minutes|every 2h 3 times"
).split("|")
#: Times that name a day and no clock.
DAYS = (
    "tomorrow|friday|next monday|next week|dec 24|2026-11-02|in 3 days|2 weeks|every day|every weekday|every monday|"
    "every monday and thursday|every 1st of the month|every other friday|every day until friday|tomorrow morning|"
    "friday evening|every morning|the 5th|next month"
).split("|")
TEXTS = (
    "call mom|water the plants; then rest|3 pull requests are waiting|5 things left|2027 budget|10k run report|"
    "Müll rausbringen|给妈妈打电话|https://ex.org/a?t=9am|`make test` again|check the 9am build|sat nav update|"
    "sun screen|wed planner|mon cheri order|may need a rebase|march through the backlog|december report|"
    "first draft due|second coffee|half the team leaves|a quarter of the logs|at the office: tidy up|"
    "on call handover|in the park: run|for Ann: keys|from Bob: the report|the 3 amigos|#123 is open?|"
    "24h status page|7 days of logs|1:1 with Kim|16:9 screens|2FA must be on|20 pushups|today's numbers|"
    "friday's demo|next steps|every test must pass|daily report|weekly plan|weekend plans|morning show|"
    "evening news|night shift report|est. cost|UTC migration|and then tell me|but first coffee|not a drill|"
    "unless merged ping|until then sleep|before you leave lock up|as long as it takes|except Ann, invite all|"
    "times table|hours of fun|days of rain|dinner for 8|item 5 of 10|5-10 people come|10/12 review|2.5 stars"
).split("|")
WITH_A_CLOCK = (
    "call mom at 5pm|dentist 9am|dinner at 19:30|be there by 8am|leave before 7am|open from 9am|standup 9:15|"
    "party at noon|submit by 17:00|pick up the kids at 3:30pm|flight 1700 hours|movie at 8|meeting @ 4pm|"
    "meet Bob 3pm-4pm|call mom, 5pm|call mom (5pm)|ring at 5 pm"
).split("|")
#: Which part of the lines is tried; with WHOLE_LAWS all are.
SHARE = 1 if "WHOLE_LAWS" in os.environ else 8
SEPARATORS = (" ", ", ", ": ", " - ", " -- ", "; ", " — ")


def cut(line: str) -> tuple[str, str] | None:
    try:
        return split_line(line, NOW, NEW_YORK)[:2]
    except TimeExpressionError:
        return None


def goes_on(when: str, text: str, separator: str) -> bool:
    """Whether the time may take the first word of the text: more of its date, its days, its length."""
    first, last = text.split()[0], when.split()[-1]
    if separator not in (" ", ", "):
        return False
    return (
        (first in ("morning", "evening", "night") and (when in DAYS or last in ("friday", "1")))
        or (
            first in ("sat", "sun", "wed", "mon")
            and last in ("friday", "monday", "thursday", "week", "2026-11-02", "1")
        )
        or (first in ("may", "march", "december") and last == "5th")
        or (first == "2027" and ("dec 24" in when or "nov 1" in when))
        or (first == "24h" and last in ("weeks", "days", "30m", "minutes"))
        or (first == "times" and last == "1")
    )


@pytest.mark.parametrize("separator", SEPARATORS)
def test_a_line_is_cut_between_its_time_and_its_text_or_refused(separator: str) -> None:
    pairs = [pair for pair in product((*WHOLE, *DAYS), TEXTS) if not goes_on(*pair, separator)]
    pairs = pairs[SEPARATORS.index(separator) % SHARE :: SHARE]
    found = {(when, text): cut(when + separator + text) for when, text in pairs}
    assert {said: got for said, got in found.items() if got not in (said, None)} == {}
    assert sum(got is None for got in found.values()) < 0.35 * len(found)


@pytest.mark.parametrize("when", DAYS)
def test_no_clock_of_the_text_is_lost_where_the_time_has_none(when: str) -> None:
    lines = [when + separator + text for separator, text in product(SEPARATORS, WITH_A_CLOCK) if "--" not in separator]
    assert [line for line in lines if cut(line) is not None] == []


@pytest.mark.parametrize("when", [*WHOLE, *DAYS])
def test_a_time_ended_by_hand_takes_any_text(when: str) -> None:
    texts = (*TEXTS, *WITH_A_CLOCK)[len(when) % 7 :: 2 * SHARE - 1]
    assert [cut(f"{when} -- {text}") for text in texts] == [(when, text) for text in texts]
