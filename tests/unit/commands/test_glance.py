"""Flags that are told at a glance: the same answer as from the parser that all other calls go through."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from defer.commands import flags, glance, lookflags
from defer.errors import BadInput

pytestmark = pytest.mark.thorough

Read = Callable[[list[str]], Any]
PARSERS = {
    "schedule": flags.schedule,
    "list": flags.listing,
    **{name: partial(flags.by_id, name) for name in ("cancel", "pause", "run", "ack")},
    "show": lookflags.show,
}
GLANCES: dict[str, Read] = {
    "schedule": glance.schedule,
    "list": glance.listing,
    **{name: partial(glance.by_id, name) for name in ("cancel", "pause", "run", "ack")},
    "show": glance.show,
}
TEXTS = ["", "30m", "every day", "task_1", "-", "-x", "--", "none", "3", "skip", "--when", "--help", "=", "é"]


def told(read: Read, words: list[str]) -> dict[str, Any] | str:
    """What was given, or the complaint."""
    try:
        return vars(read(words))
    except BadInput as error:
        return str(error)


def words(command: str) -> st.SearchStrategy[list[str]]:
    """Calls of a command: its flags, some of them cut short or with ``=``, among texts of all kinds."""
    known = [one for one in PARSERS[command]().flags() if one != "--help"]
    texts = [text for text in TEXTS if text != "--help"]
    plain = st.tuples(st.sampled_from(known), st.sampled_from(texts)).map(list)
    odd = st.sampled_from([*texts, *known, *(f"{flag}=x" for flag in known), *(flag[:-1] for flag in known)]).map(
        lambda word: [word]
    )
    return st.lists(plain | odd, max_size=6).map(lambda parts: [word for part in parts for word in part])


@pytest.mark.parametrize("command", PARSERS)
def test_whatever_is_given_both_ways_come_to_the_same(command: str) -> None:
    @given(words(command))
    @example(["--when", "30m", "--summary", "x", "--tag", "a", "--tag", "b"])
    @example(["30m", "--compact", "resume", "--id", "x", "the review"])
    @example(["--when", "30m", "--when", "1h"])
    @example(["--when", "30m", "--every", "day"])
    @example(["--json", "--compact"])
    def check(call: list[str]) -> None:
        assert told(GLANCES[command], call) == told(lambda given: PARSERS[command]().parse(given), call)

    check()


PLAIN = {
    "schedule": [
        ["--when", "30m", "--summary", "resume the review"],
        ["--every", "day at 9am", "--summary", "s", "--id", "mine", "--tag", "a", "--tag", "b", "--compact"],
        ["30m", "resume", "the", "review"],
        ["30m resume the review", "--json"],
        ["30m", "--command", "make build", "build", "the", "app", "--table"],
        ["--schedule", "30m", "--summary", "s", "--prompt-template", "p"],
    ],
    "list": [[], ["--compact"], ["--upcoming", "24h"], ["--all", "--json"], ["--tag", "a", "--text", "b"]],
    "cancel": [["mine"], ["--id", "mine", "--reason", "over"], ["mine", "--kill"], ["mine", "yours"], ["--tag", "a"]],
    "pause": [["mine"], ["--all", "--until", "monday"]],
    "show": [["mine"], ["--compact", "mine"]],
}


@pytest.mark.parametrize(("command", "call"), [(name, call) for name, calls in PLAIN.items() for call in calls])
def test_a_plain_call_makes_no_parser(monkeypatch: pytest.MonkeyPatch, command: str, call: list[str]) -> None:
    def made(*_: object) -> Namespace:
        raise AssertionError("a parser was made")

    monkeypatch.setattr(flags.Parser, "__init__", made)
    assert vars(GLANCES[command](call))
