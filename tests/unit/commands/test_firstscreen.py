"""`defer --help` is one screen that has every command."""

from __future__ import annotations

import re
import shlex

import pytest

from defer.commands import cli, firstscreen, flags
from support import Place
from terminal import on_terminal


def named() -> list[str]:
    """The commands that the screen names."""
    said = [part for _, _, commands in firstscreen.GROUPS for command, _ in commands for part in command.split(", ")]
    return [part.split()[0] for part in said]


def test_every_command_stands_there_once() -> None:
    """`cron` is another name of `waker … cron`, and needs no room."""
    assert sorted([*named(), "cron"]) == sorted(cli._COMMANDS)


@pytest.mark.parametrize("asked", [[], ["help"], ["--help"], ["-h"]])
def test_it_is_one_screen(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main("front", asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "usage: defer TIME TEXT…"
    assert len(lines) <= 36
    assert max(map(len, lines)) < 80
    said = [f"{command:<12}  {text}" for _, _, commands in firstscreen.GROUPS for command, text in commands if text]
    assert [one for one in said if not any(line.endswith(one) for line in lines)] == []


@pytest.mark.parametrize(("asked", "is_of"), [
    (["help", "list"], "usage: defer list "),
    (["help", "schedule"], "usage: defer TIME TEXT… "),
    (["schedule", "--help"], "usage: defer TIME TEXT… "),
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


@pytest.mark.programs
class TestTheNameAlone:
    """`defer` and nothing else: for a person what is new and next, for a program the help."""

    def test_it_is_what_is_new_what_comes_and_what_can_be_done(self, place: Place) -> None:
        for hours in (1, 2, 3, 4):
            place.schedule(f"{hours}h", f"thing {hours}", "--id", f"t{hours}")
        place.schedule("now", "call mom", "--id", "mom", "--notify", "always")
        place.wake()
        status, seen = on_terminal(place, columns=80)
        assert status == 0
        lines = seen.splitlines()
        assert len(lines) <= 30
        assert max(map(len, lines)) <= 80
        assert lines[0] == "1 result that nobody has seen: defer inbox"
        assert [name for name in ("t1", "t2", "t3", "t4") if f" {name} " in seen] == ["t1", "t2", "t3"]
        for _, example, commands in firstscreen.GROUPS:
            assert example in seen
            assert all(word.split()[0].strip(",") in seen for word, _ in commands)

    def test_with_nothing_scheduled_it_says_so(self, place: Place) -> None:
        status, seen = on_terminal(place, columns=60)
        assert (status, seen.splitlines()[0]) == (0, "Nothing is scheduled.")

    def test_each_example_can_be_obeyed(self, place: Place) -> None:
        """All but the one that touches the crontab."""
        place.schedule("1h", "s", "--id", "deploy")
        for _, example, _ in firstscreen.GROUPS:
            name, *words = shlex.split(example)
            assert name == "defer"
            if words[:1] == ["waker"]:
                continue
            assert place.defer(*words).returncode == 0, example

    def test_elsewhere_it_is_the_help(self, place: Place) -> None:
        assert place.defer().stdout == place.defer("--help").stdout
