"""`defer --help` is one screen that has every command."""

from __future__ import annotations

import re

import pytest

from defer.commands import cli, firstscreen, flags


def named() -> list[str]:
    """The commands that the screen names."""
    said = [part for _, commands in firstscreen.GROUPS for command, _ in commands for part in command.split(", ")]
    return [part.split()[0] for part in said]


def test_every_command_stands_there_once() -> None:
    assert sorted(named()) == sorted(cli._COMMANDS)
    assert sorted(flags.SUBCOMMANDS) == sorted(cli._COMMANDS)


@pytest.mark.parametrize("asked", [[], ["help"], ["--help"], ["-h"]])
def test_it_is_one_screen(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main("front", asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "usage: defer TIME TEXT…"
    assert len(lines) <= 36
    assert max(map(len, lines)) < 80
    said = [f"{command:<12}  {text}" for _, commands in firstscreen.GROUPS for command, text in commands if text]
    assert [one for one in said if not any(line.endswith(one) for line in lines)] == []


@pytest.mark.parametrize(("asked", "is_of"), [
    (["help", "list"], "usage: defer list "),
    (["help", "schedule"], "usage: defer [schedule] "),
    (["schedule", "--help"], "usage: defer [schedule] "),
])  # fmt: skip
def test_all_about_a_command_is_said_when_asked(
    asked: list[str], is_of: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main("front", asked)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(is_of)


def test_the_help_of_schedule_has_all_its_flags() -> None:
    text = flags.schedule().format_help()
    assert all(re.search(rf"(?<![\w-]){flag}\b", text) for flag in flags.schedule().flags())
