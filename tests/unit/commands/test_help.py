"""The help of every command: how it is called, what it does, examples that can be obeyed, and flags in groups."""

from __future__ import annotations

import argparse
import shlex

import pytest

from defer.commands import cli, flags
from defer.errors import BadInput
from parsers import OF_ENTRIES, OF_FRONT

ALL = {**OF_FRONT, **OF_ENTRIES}


def test_each_command_has_one() -> None:
    assert OF_FRONT.keys() == cli._COMMANDS.keys()


@pytest.mark.parametrize("name", ALL)
def test_it_says_how_what_and_two_examples_before_the_flags(name: str) -> None:
    parser = ALL[name]()
    lines = parser.format_help().splitlines()
    assert lines[0].startswith(f"usage: {parser.prog} ")
    assert len(parser.examples) >= 2
    places = [lines.index(f"  {one}") for one in parser.examples]
    headings = [number for number, line in enumerate(lines) if line.endswith(":") and not line.startswith(" ")]
    assert places == sorted(places)
    assert not headings or places[-1] < headings[0]
    assert max(map(len, lines)) <= 80
    assert lines[lines.index("") + 1][0].isupper()


@pytest.mark.parametrize("name", ALL)
def test_every_flag_stands_in_a_group_with_a_name(name: str) -> None:
    parser = ALL[name]()
    loose = {"positional arguments", "options", "optional arguments"}
    shown = [
        action.option_strings
        for group in parser._action_groups
        if group.title in loose
        for action in group._group_actions
        if action.help != argparse.SUPPRESS
    ]
    assert shown == []


def calls(name: str) -> list[list[str]]:
    """The examples of a command as its parser gets them, without what is the shell's."""
    found = []
    for one in ALL[name]().examples:
        one = one.removeprefix('eval "$(').removesuffix(')"')
        first = shlex.split(one.removeprefix("watch ").partition(" | ")[0].partition(" <")[0])
        words = first[1:]
        found.append(words[1:] if name in OF_FRONT and words[:1] == [name] else words)
    return found


@pytest.mark.parametrize(("name", "words"), [(name, words) for name in ALL for words in calls(name)])
def test_every_example_can_be_obeyed(name: str, words: list[str]) -> None:
    if name not in OF_ENTRIES:
        assert ALL[name]().parse(words)
    elif words[:1] != ["show"]:
        assert ALL[name]().parse(words) is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["instal"], "waker: not one of its words: instal (did you mean install?)"),
        (["install", "upstart"], "waker: not one of its words: upstart (it takes cron, systemd, launchd)"),
    ],
    ids=" ".join,
)
def test_a_word_that_is_not_one_of_a_commands_is_said_like_one_of_a_flags(words: list[str], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        flags.waker().parse(words)
    assert str(caught.value) == said
