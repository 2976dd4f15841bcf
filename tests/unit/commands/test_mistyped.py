"""What is said of a call that is neither a command nor a line with a time; ``test_cli`` has more of them."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from defer.client import Client
from defer.commands import mistyped
from defer.errors import StorageError
from support import Place

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


def no_store() -> Client:
    raise StorageError("no store")


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
    error = mistyped.command(words, ("status", "show", "log", "cancel"), no_store)
    assert str(error) == f"no such command, and no time: {words[0]} (did you mean `defer {meant}`?)"


LEADS_TO = {
    "ls": "list",
    "rm deploy": "cancel deploy",
    "logs deploy": "log deploy",
    "hist": "history",
    "version": "--version",
    "-V": "--version",
    "undo deploy": "uncancel deploy",
    "stop deploy": "pause deploy",
    "start deploy": "run deploy",
    "skip deploy": "cancel --occurrence deploy",
    "cancle deploy": "cancel deploy",
    "remind me to call mom": "30m call mom",
    "remind me tomorrow to call mom": "tomorrow call mom",
    "remind me at 17:00 to call mom": "at 17:00 call mom",
    "run the tests at 5pm": "at 5pm run the tests",
    "cancel the meeting tomorrow": "tomorrow cancel the meeting",
    "resume the review in 30m": "in 30m resume the review",
    "ping hourly": "hourly ping",
    "daily backup": "daily -- backup",
    "delete everything tomorrow": "tomorrow delete everything",
}
"""What is typed, and the call that the error offers instead."""
ASKED_FOR = ("rm", "skip", "cancle", "stop", "start")
"""First words of those that mean to change a task: obeying them does."""


@pytest.mark.programs
@pytest.mark.parametrize("typed", LEADS_TO)
def test_a_hint_leads_somewhere_and_does_no_harm_when_obeyed(place: Place, typed: str) -> None:
    place.schedule("every 2h", "deploy it", "--id", "deploy")
    refused = place.defer(*typed.split())
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    hint = LEADS_TO[typed]
    # A flag is offered as a flag, a command as a call, a line as it is typed after the name.
    assert any(f"{before}{hint}{after}" in refused.stderr for before, after in (
        ("did you mean `defer ", "`?"), ("did you mean ", "?"), ('"', '")'), ("to schedule it: defer ", ")"),
    )), refused.stderr  # fmt: skip
    before = place.tasks()["deploy"]
    obeyed = place.defer(*shlex.split(hint))
    # Of what was not cancelled nothing can be brought back, and what has not run has no log.
    assert obeyed.returncode == (1 if typed.split()[0] in ("undo", "logs") else 0), obeyed.stderr
    if typed.split()[0] not in ASKED_FOR:
        assert place.tasks()["deploy"] == before


def test_a_line_that_begins_with_a_command_and_has_no_time_keeps_its_own_error(place: Place) -> None:
    assert place.defer("run", "the", "tests").stderr.startswith("defer: no such task")


@pytest.mark.programs
def test_cancel_is_never_offered_for_bringing_back(place: Place) -> None:
    for word in ("undo", "restore", "undelete", "recover", "revive", "uncancle", "un-cancel"):
        assert "`defer cancel" not in place.defer(word, "deploy_1").stderr
