"""The short cut for plain delays comes to what the grammar comes to, for every shape it takes."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta
from itertools import combinations, permutations, product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from defer.timegrammar import reader
from defer.timegrammar.delay import delay
from defer.timegrammar.words import UNITS
from defer.timeparse import TimeExpressionError

pytestmark = pytest.mark.thorough

# The clocks of the zone are put back by half an hour fifteen minutes later: what elapses does not mind.
NOW = datetime(2027, 4, 3, 14, 45, tzinfo=UTC)
TZ = ZoneInfo("Australia/Lord_Howe")
YEAR = timedelta(days=365)
SHORT = sorted(word for word, (kind, _) in UNITS.items() if kind == "second")
BY_SIZE = {size: [word for word in SHORT if UNITS[word][1] == size] for size in (1, 60, 3600)}
COUNTS = ["0", "1", "2", "07", "30", "59", "60", "90", "999", "8760", "8761", "525600", "31536000", "00000001"]
PREFIXES = ["", "in ", "In\t", "+", "+ ", " \n+"]
BLANKS = ["", " ", "\t", "\n", "   "]


def from_now(text: str) -> timedelta | None:
    """The length the grammar finds between now and ``text``."""
    try:
        return reader.read(text, NOW, TZ).instant - NOW
    except TimeExpressionError:
        return None


def length(text: str) -> timedelta | None:
    """The length of time the grammar finds ``text`` to be."""
    try:
        return reader.read_duration(text)
    except TimeExpressionError:
        return None


def is_the_grammars(text: str) -> None:
    found = delay(text)
    if found is not None:
        assert from_now(text) == found, text
        # A length of time has no `in`, which the short cut reads over.
        if not text.strip().lower().startswith(("in", "+")):
            assert length(text) == found, text


@pytest.mark.parametrize("unit", SHORT)
def test_one_unit_in_every_shape(unit: str) -> None:
    for prefix, count, blank in product(PREFIXES, COUNTS, BLANKS):
        for text in (f"{prefix}{count}{blank}{unit}", f"{prefix}{count}{blank}{unit.upper()} "):
            is_the_grammars(text)
            clock = count == "07" and UNITS[unit][1] == 3600
            short = len(count) < 8 and not clock
            taken = 0 < int(count) * UNITS[unit][1] <= YEAR.total_seconds() and short and "M" not in text
            assert (delay(text) is not None) == taken, text


@pytest.mark.parametrize(("first", "second"), [*combinations(sorted(BY_SIZE, reverse=True), 2)])
def test_two_units_in_every_shape(first: int, second: int) -> None:
    for one, other in product(BY_SIZE[first], BY_SIZE[second]):
        for blank, count in product(["", " "], ["0", "1", "90"]):
            text = f"in 2{blank}{one}{blank}{count}{blank}{other}"
            assert delay(text) == timedelta(seconds=2 * first + int(count) * second), text
            is_the_grammars(text)


def test_three_units_from_the_largest_on() -> None:
    order = sorted(BY_SIZE, reverse=True)
    for blank in BLANKS:
        text = blank.join(f"{number}{blank}{BY_SIZE[size][-1]}" for number, size in enumerate(order, 1))
        assert delay(text) == timedelta(seconds=sum(number * size for number, size in enumerate(order, 1))), text
        is_the_grammars(text)


@pytest.mark.parametrize("order", [*permutations(BY_SIZE)])
def test_units_that_grow_are_refused(order: tuple[int, ...]) -> None:
    for blank in BLANKS:
        text = blank.join(f"{number}{blank}{BY_SIZE[size][-1]}" for number, size in enumerate(order, 1))
        falls = list(order) == sorted(order, reverse=True)
        assert (delay(text) is not None) == falls, text
        assert (from_now(text) is not None) == falls, text


PIECES = st.sampled_from(
    [*UNITS, *COUNTS, "in", "+", "-", ".", ",", "and", "a", "M", "1.5", ":", "/", "p", "t", "now", "٣", "ı", "\x0b"]
)
MIXED = st.lists(st.tuples(PIECES, st.sampled_from(BLANKS)), max_size=9)


@settings(max_examples=500)
@given(MIXED.map(lambda pieces: "".join(piece + blank for piece, blank in pieces)))
@example("12345678s")
@example("1M")
@example("1700 hours")
@example("2359h")
@example("2h30 s")
@example("2h30 m")
@example("2h30s")
@example("2400h")
@example("1260 hr")
@example("2460h")
@example("in 0900 hours")
@example("1h30")
@example("1h 1h")
@example("in in 5m")
@example("++5m")
@example("٣m")
@example("5\u2009m")
@example("5\x0bm")
def test_whatever_is_taken_is_what_the_grammar_says(text: str) -> None:
    is_the_grammars(text)


@settings(max_examples=300)
@given(st.text(alphabet="0123456789smhinour +-." + string.whitespace, max_size=45))
def test_so_is_any_text(text: str) -> None:
    is_the_grammars(text)


DECLINED = """
30 m 1d 1M 1h30 1h1h 0m 31536001s -5m an-hour 1700h 0930hrs 1700hours 2359hour 0000h 09h 0030m 007s 12345678s
""".split()


@pytest.mark.parametrize("text", ["", "in", "an hour", "in 1700 hours", "1 M", "1h 0930 min", "2h30 s", *DECLINED])
def test_all_else_is_declined(text: str) -> None:
    assert delay(text) is None
