"""Laws of one moment: the order of its parts, the small words between them, case and blanks, and that no part is lost.

``pytest -n 0 -rP tests/unit/timegrammar/test_order.py | grep strings`` prints how many strings each law tried.
"""

from __future__ import annotations

import random
import re
from datetime import date, datetime, time, timedelta
from itertools import combinations, islice, permutations
from zoneinfo import ZoneInfo

import pytest

from defer.timegrammar.moments import Present
from defer.timegrammar.reader import grammar, recurring
from defer.timegrammar.tokens import tokenise
from defer.timeparse import TimeExpressionError, parse, plain_delay

pytestmark = pytest.mark.thorough

NEW_YORK = ZoneInfo("America/New_York")
WEDNESDAY = datetime(2026, 10, 14, 10, 20, tzinfo=NEW_YORK)
NOWS = (
    WEDNESDAY,
    datetime(2026, 10, 16, 17, 45, tzinfo=NEW_YORK),
    datetime(2026, 10, 31, 9, 0, tzinfo=NEW_YORK),
    datetime(2026, 12, 31, 22, 15, tzinfo=ZoneInfo("Europe/London")),
    datetime(2028, 2, 29, 0, 40, tzinfo=ZoneInfo("Asia/Kathmandu")),
)
JOINTS = (" ", ", ", " at ", " on ")
#: So many pairs at least are read both ways, so that the law of their order holds of something.
READ_BOTH_WAYS = {" ": 4000, ", ": 4000, " at ": 300, " on ": 2}

#: Words that name one day, and that day as somebody means it who says them on Wednesday 2026-10-14.
DAYS = {
    "today": "2026-10-14",
    "tomorrow": "2026-10-15",
    "tmrw": "2026-10-15",
    "day after tomorrow": "2026-10-16",
    "the day after tomorrow": "2026-10-16",
    "next day": "2026-10-15",
    "friday": "2026-10-16",
    "this friday": "2026-10-16",
    "next friday": "2026-10-16",
    "coming friday": "2026-10-16",
    "on monday": "2026-10-19",
    "sat": "2026-10-17",
    "thurs": "2026-10-15",
    "next wednesday": "2026-10-21",
    "friday week": "2026-10-23",
    "2 fridays from now": "2026-10-23",
    "friday of next week": "2026-10-23",
    "next week friday": "2026-10-23",
    "saturday this week": "2026-10-17",
    "a week on tuesday": "2026-10-27",
    "tuesday in 2 weeks": "2026-10-27",
    "2 weeks from friday": "2026-10-30",
    "a week from tomorrow": "2026-10-22",
    "3 days after tomorrow": "2026-10-18",
    "two days from today": "2026-10-16",
    "the day after friday": "2026-10-17",
    "the day before friday": "2026-10-15",
    "in 3 days": "2026-10-17",
    "in 2 weeks": "2026-10-28",
    "in a month": "2026-11-14",
    "3 weeks from now": "2026-11-04",
    "in 3 business days": "2026-10-19",
    "next business day": "2026-10-15",
    "next week": "2026-10-19",
    "next month": "2026-11-01",
    "next quarter": "2027-01-01",
    "next year": "2027-01-01",
    "weekend": "2026-10-17",
    "this weekend": "2026-10-17",
    "the 15th": "2026-10-15",
    "20th": "2026-10-20",
    "the 31st": "2026-10-31",
    "thursday the 15th": "2026-10-15",
    "dec 24": "2026-12-24",
    "24 dec": "2026-12-24",
    "december 24th": "2026-12-24",
    "the 5th of november": "2026-11-05",
    "sat oct 24": "2026-10-24",
    "friday 16 october": "2026-10-16",
    "24 october saturday": "2026-10-24",
    "feb 29": "2028-02-29",
    "october 13": "2027-10-13",
    "dec 24 2026": "2026-12-24",
    "24 dec, 2026": "2026-12-24",
    "2026-12-24": "2026-12-24",
    "2026-W52-4": "2026-12-24",
    "12/24": "2026-12-24",
    "12/24/2026": "2026-12-24",
    "24.12.2026": "2026-12-24",
    "5th of next month": "2026-11-05",
    "the 25th of this month": "2026-10-25",
    "first monday of next month": "2026-11-02",
    "last friday of december": "2026-12-25",
    "last day of october": "2026-10-31",
}
#: Words that name one time of day, and that time.
CLOCKS = {
    "3pm": "15:00",
    "9am": "09:00",
    "5p": "17:00",
    "11:30pm": "23:30",
    "3:15 pm": "15:15",
    "15:30": "15:30",
    "9:30": "09:30",
    "04:05": "04:05",
    "18:20:30": "18:20:30",
    "1730": "17:30",
    "0600": "06:00",
    "1700 hours": "17:00",
    "0930h": "09:30",
    "15h00": "15:00",
    "noon": "12:00",
    "midday": "12:00",
    "12pm": "12:00",
    "12am": "00:00",
    "00:00": "00:00",
    "teatime": "16:00",
    "quarter to 4pm": "15:45",
    "ten past eleven": "11:10",
    "half past nine": "09:30",
    "8 o'clock": "08:00",
    "nine am": "09:00",
    "three thirty pm": "15:30",
    "9.15am": "09:15",
    "7 a.m.": "07:00",
}
#: What else stands beside a day or a clock.
REST = (
    "10.30",
    "at 9",
    "@ 8",
    "at 10",
    "at 5",
    "7",
    "9",
    "half past four",
    "half past five",
    "midnight",
    "24:00",
    "around 9",
    "sharp",
    "this morning",
    "this afternoon",
    "this evening",
    "tonight",
    "late tonight",
    "morning",
    "afternoon",
    "evening",
    "night",
    "mid-morning",
    "in the morning",
    "in the evening",
    "at night",
    "tomorrow morning",
    "friday evening",
    "tomorrow night",
    "2h",
    "30m",
    "in an hour",
    "half an hour",
    "1d2h",
    "a week",
    "a fortnight",
    "two days",
    "in 1 year",
    "PT30M",
    "+2h",
    "eod",
    "eow",
    "eom",
    "eoy",
    "cob",
    "end of day",
    "end of business",
    "end of week",
    "end of october",
    "end of next week",
    "this time",
    "same time",
    "at this time",
    "at the same time",
    "now",
    "asap",
    "by 5pm",
    "by noon",
    "by friday",
    "by eod",
    "by tomorrow 9am",
    "wednesday",
    "next weekend",
    "this week",
    "next hour",
    "october",
    "january",
    "october 14",
    "mid january",
    "september 2027",
    "2026",
    "2027",
    "15",
    "5",
    "day",
    "every day",
    "mondays",
    "daily",
)
PARTS = (*DAYS, *CLOCKS, *REST)


def read(expr: str, now: datetime) -> datetime | None:
    """The answer, or None where it is refused."""
    try:
        return parse(expr, now, ZoneInfo(str(now.tzinfo))).instant
    except TimeExpressionError:
        return None


def answers(expr: str, nows: tuple[datetime, ...] = NOWS) -> list[datetime | None]:
    """The answers at several times; none where no line reads all of it, as with most pairs.

    Why those are refused is not asked: to find that out takes longer than all the rest.
    """
    tokens = tokenise(expr)
    when = next((each for end, each in grammar().match("WHEN", tokens) if end == len(tokens)), None)
    if when is None:
        again = any(end == len(tokens) for end, _ in recurring().match("RECURS", tokens))
        return [read(expr, now) for now in nows] if again or plain_delay(expr, WEDNESDAY) else []
    found = []
    for now in nows:
        try:
            found.append(when(Present(now, ZoneInfo(str(now.tzinfo)))).instant)
        except (TimeExpressionError, OverflowError, ValueError):
            found.append(None)
    return found


def differ(texts: list[str]) -> list[str]:
    """Those of some strings that are read, with what comes, where two of them are answered differently."""
    found = {text: said for text in texts if (said := answers(text))}
    for number, now in enumerate(NOWS) if len(found) > 1 else ():
        known = {text: said[number] for text, said in found.items() if said[number]}
        if len(set(known.values())) > 1:
            return [f"{text!r} at {now:%Y-%m-%d %H:%M}: {answer}" for text, answer in known.items()]
    return []


def test_the_short_way_to_an_answer_is_the_answer() -> None:
    chance = random.Random(20261014)  # noqa: S311  (not a secret: the same texts every time)
    texts = [f"{day} {clock}" for day in chance.sample([*DAYS], 20) for clock in chance.sample([*CLOCKS], 10)]
    for text in texts:
        assert answers(text) == [read(text, now) for now in NOWS]
    assert answers("30m") == [now + timedelta(minutes=30) for now in NOWS]
    assert answers("mon,thu 17:00", NOWS[:1]) == [datetime(2026, 10, 15, 17, 0, tzinfo=NEW_YORK)]


@pytest.mark.parametrize("joint", [" ", *(pytest.param(each, marks=pytest.mark.slow) for each in JOINTS[1:])])
def test_two_parts_in_another_order_are_the_same_moment_or_refused(joint: str) -> None:
    tried, read_twice = 0, 0
    for one, other in combinations(PARTS, 2):
        tried += 2
        first = answers(one + joint + other)
        second = answers(other + joint + one) if first else []
        read_twice += bool(second)
        for now, this, that in zip(NOWS, first, second, strict=False):
            assert None in (this, that) or this == that, f"{one + joint + other!r} at {now}: {this} or {that}"
    print(f"{tried:,} strings of two parts joined by {joint!r}, {read_twice:,} pairs are read both ways")
    assert read_twice > READ_BOTH_WAYS[joint]


@pytest.mark.slow
def test_three_parts_in_any_order_are_the_same_moment_or_refused() -> None:
    chance = random.Random(20261014)  # noqa: S311  (not a secret: the same texts every time)
    tried = 0
    for number in range(4000):
        parts = [chance.choice([*DAYS]), chance.choice(REST), chance.choice([*CLOCKS] if number % 2 else REST)]
        texts = [" ".join(each) for each in permutations(parts)]
        tried += len(texts)
        assert differ(texts) == []
    print(f"{tried:,} strings of three parts")


@pytest.mark.slow
def test_small_words_in_their_places_change_nothing() -> None:
    tried = 0
    for number, day in enumerate(DAYS):
        for clock in islice(CLOCKS, number % 2, None, 2):
            bare_day, at = day.removeprefix("on "), f"at {clock}"
            texts = [
                *(f"{day}{joint}{clock}" for joint in (" ", ", ", " at ", " @ ", ", at ", "  ")),
                *(f"{clock}{joint}{day}" for joint in (" ", ", ")),
                f"{at} {day}",
                f"on {bare_day} {at}",
                f"on {bare_day}, {clock}",
                f"{clock} on {bare_day}",
                f"{at} on {bare_day}",
                f"{day} {clock}.",
                f'"{day} {clock}"',
            ]
            tried += len(texts)
            assert differ(texts) == []
    print(f"{tried:,} strings of a day and a clock with the small words between them")
    assert tried > 12000


@pytest.mark.slow
def test_case_and_blanks_change_nothing() -> None:
    tried = 0
    for one, other in islice(combinations(PARTS, 2), None, None, 2):
        text = f"{one} {other}"
        found = answers(text, NOWS[:2])
        if not found or re.search(r"\bm\b|\dm\b", text):  # a capital M means no minutes
            continue
        texts = [text.upper(), text.title(), f" \t{text.replace(' ', '   ')} ", text.replace(" ", "\u00a0")]
        tried += len(texts)
        for each in texts:
            assert answers(each, NOWS[:2]) == found, each
    print(f"{tried:,} strings in another case or with other blanks")
    assert tried > 8000


@pytest.mark.parametrize("day", DAYS)
def test_a_day_is_the_one_that_is_meant(day: str) -> None:
    found = read(day, WEDNESDAY)
    assert found is not None
    assert found.astimezone(NEW_YORK).date() == date.fromisoformat(DAYS[day])


def test_neither_the_day_nor_the_clock_is_lost() -> None:
    tried, answered = 0, 0
    for day, on in DAYS.items():
        for clock, at in CLOCKS.items():
            wanted = datetime.combine(date.fromisoformat(on), time.fromisoformat(at), NEW_YORK)
            tried += 1
            found = read(f"{day} {clock}", WEDNESDAY)
            if found is None:
                continue
            answered += 1
            if wanted < WEDNESDAY:
                # Only a clock of a 12-hour face may have its other half still to come.
                assert clock in {"ten past eleven", "half past nine", "8 o'clock"}, (day, clock, found)
                wanted += timedelta(hours=12)
            assert found == wanted, (day, clock)
    print(f"{tried:,} strings of a day and a clock, {answered:,} are read")
    assert answered > 0.97 * tried


def test_a_clock_alone_is_the_next_one() -> None:
    for clock, at in CLOCKS.items():
        found = read(clock, WEDNESDAY)
        assert found is not None
        local = found.astimezone(NEW_YORK)
        assert local < WEDNESDAY + timedelta(days=1)
        wanted = datetime.combine(local.date(), time.fromisoformat(at), NEW_YORK)
        assert (local - wanted) in {timedelta(0), timedelta(hours=12)}, clock
        assert local == wanted or clock in {"ten past eleven", "half past nine", "8 o'clock"}, clock


#: Words and signs that take back, bound, doubt or move what they stand beside.
CHANGING = (
    "not never no none except but without unless if maybe perhaps or nor ago yesterday instead cancel until till since "
    "during while almost nearly under over last previous back earlier sooner twice minus then when between "
    "through ish utc est gmt z cet berlin v2 ? ! * % ( ) ; .. & /"
).split()
PHRASES = ("less than", "more than", "at least", "at most", "or so", "if possible", "london time", "their time")


def test_a_word_that_would_change_the_moment_is_never_passed_over() -> None:
    days, clocks = [*DAYS][::3], [*CLOCKS][::4]
    texts = [*days, *clocks, *(f"{day} {clock}" for day in days[::3] for clock in clocks[::2]), "2h", "in 2 hours"]
    texts += ["half an hour", "in 3 days", "tonight at 8", "tomorrow morning", "eod", "in 3 days at noon", "at 9"]
    tried = 0
    for text in texts:
        words = text.split()
        for word in (*CHANGING, *PHRASES):
            for place in range(len(words) + 1):
                changed = " ".join([*words[:place], word, *words[place:]])
                tried += 1
                assert not any(answers(changed, NOWS[:1])), changed
    print(f"{tried:,} strings with a word that would change the moment")
    assert tried > 10000
