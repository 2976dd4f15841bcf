"""What is said of a call that is neither a command nor a line with a time; ``test_cli`` has more of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from defer.commands import mistyped

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 10, 14, 10, 20, tzinfo=ZONE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.md", "two words", ".hidden"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", ["0 9 a.md two words a.md two words 1-5 standup", "*/5 a.md two words x"])
def test_files_in_the_place_of_stars_are_named(folder: Path, line: str) -> None:
    said = mistyped.time(line, NOW, ZONE)
    assert said is not None
    assert said.startswith("the shell put the names of files in the place of *")


@pytest.mark.parametrize("line", ["0 9 a.md 1-5 standup", "look at a.md two words", "5 of them"])
def test_other_lines_have_no_files_for_stars(folder: Path, line: str) -> None:
    assert mistyped.time(line, NOW, ZONE) is None


def test_an_empty_or_lost_folder_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert mistyped.time("0 9 x", NOW, ZONE) is None


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["ps"], "status"),
        (["ps", "task_3"], "show task_3"),
        (["check", "4821"], "show 4821"),
        (["logs", "4821"], "log 4821"),
        (["rm", "task_3"], "cancel task_3"),
    ],
)
def test_what_others_call_it_is_named_as_it_can_be_called(words: list[str], meant: str) -> None:
    error = mistyped.command(words, ("status", "show", "log", "cancel"))
    assert str(error) == f"no such command, and no time: {words[0]} (did you mean `defer {meant}`?)"
