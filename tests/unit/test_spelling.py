"""Which known word is meant by one that is not known."""

from __future__ import annotations

import pytest

from defer.spelling import nearest, slips

WORDS = (
    "list",
    "last",
    "monday",
    "mon",
    "tomorrow",
    "thursday",
    "minutes",
    "minute",
    "every",
    "reschedule",
    "run",
    "in",
)


@pytest.mark.parametrize(
    ("said", "known", "count"),
    [
        ("list", "list", 0),
        ("lst", "list", 1),
        ("lsit", "list", 1),
        ("liist", "list", 1),
        ("lisd", "list", 1),
        ("tommorow", "tomorrow", 2),
        ("tomorow", "tomorrow", 1),
        ("", "list", 4),
        ("list", "", 4),
        ("ca", "abc", 3),
    ],
)
def test_slips_are_counted(said: str, known: str, count: int) -> None:
    assert slips(said, known) == count
    assert slips(known, said) == count


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("lst", "list"),
        ("tomorow", "tomorrow"),
        ("tommorow", "tomorrow"),
        ("TOMOROW", "tomorrow"),
        ("thrusday", "thursday"),
        ("mintues", "minutes"),
        ("minuts", "minutes"),
        ("evry", "every"),
        ("shedule", None),
        ("reshcedul", "reschedule"),
        ("mno", "mon"),
        ("mom", None),
        ("fun", None),
        ("urn", "run"),
        ("ran", None),
        ("lots", None),
        ("i", None),
        ("monday", None),
        ("Minutes", None),
        ("history", None),
        ("x" * 100_000, None),
    ],
)
def test_the_word_that_was_meant(said: str, meant: str | None) -> None:
    assert nearest(said, WORDS) == meant


def test_the_same_first_letter_comes_first() -> None:
    assert nearest("lins", ("mins", "line")) == "line"
    assert nearest("lins", ("link", "line")) == "link"
