"""`--command`: a shell command that runs once, where it was said, and whose output is kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from support import Place, strict

pytestmark = pytest.mark.programs


@pytest.fixture
def folder(place: Place) -> Path:
    """The directory somebody stands in."""
    folder = place.base / "a project"
    folder.mkdir()
    return folder


def asked(place: Place, folder: Path, *typed: str) -> Any:
    done = place.defer("now", "--json", *typed, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return strict(done.stdout)


def test_it_runs_in_that_directory_and_its_output_is_kept(place: Place, folder: Path) -> None:
    one = asked(place, folder, "--command", "pwd; echo $((6 * 7)) | sed s/2/two/; echo aside >&2", "count", "up")
    assert (one["intent"], one["context"]["summary"]) == ("execute_action", "count up")
    place.wake()
    (ended,) = place.archived()
    assert ended["status"] == "completed"
    assert ended["result"]["output"] == f"{folder}\n4two"
    log = place.defer("log", one["id"])
    assert log.stdout == f"{folder}\n4two\naside\n"


def test_its_environment_is_that_of_a_wake(place: Place, folder: Path) -> None:
    done = place.defer("now", "--command", 'echo "<$ONLY_HERE>$DEFER_TASK_ID"', "--id", "env", "look", cwd=folder,
                       env={"ONLY_HERE": "set by hand"})  # fmt: skip
    assert done.returncode == 0, done.stderr
    place.wake()
    assert place.archived()[0]["result"]["output"] == "<>env"


def test_without_a_text_its_first_line_is_the_summary(place: Place, folder: Path) -> None:
    assert asked(place, folder, "--command", "make build\nmake test")["context"]["summary"] == "make build"


def test_what_follows_two_dashes_is_always_text(place: Place, folder: Path) -> None:
    one = asked(place, folder, "--command", "date", "--", "--command", "is", "--text")
    assert (one["command"], one["context"]["summary"]) == ("date", "--command is --text")
    text = strict(place.defer("now", "--json", "--", "--command", "date", cwd=folder).stdout)
    assert ("command" in text, text["context"]["summary"]) == (False, "--command date")


def test_it_fails_with_its_exit_status_and_is_retried(place: Place, folder: Path) -> None:
    asked(place, folder, "--command", "echo no luck >&2; exit 7", "--retries", "1", "--id", "try", "try it")
    place.wake()
    waiting = place.task("try")
    assert (waiting["status"], waiting["attempts"], waiting["last_error"]) == (
        "scheduled", 1, "executor exited with 7: no luck",
    )  # fmt: skip


def test_a_directory_that_is_gone_is_a_failure_and_not_another_directory(place: Place, folder: Path) -> None:
    asked(place, folder, "--command", "pwd", "--id", "gone", "where")
    folder.rmdir()
    place.wake()
    (ended,) = place.archived()
    assert ended["status"] == "failed"
    assert str(folder) in ended["error"]


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--executor", "claude"), "--executor"),
        (("--prompt", "do it"), "--prompt"),
        (("--prompt-template", "do it"), "--prompt"),
        (("--prompt-file", "-"), "--prompt"),
        (("--model", "opus"), "--model"),
        (("--permissions", "read"), "--permissions"),
        (("--allow", "make"), "--permissions"),
        (("--max-turns", "3"), "--max-turns"),
        (("--max-cost", "1"), "--max-cost"),
        (("--mode", "callback"), "--mode"),
    ],
)
def test_it_does_not_go_with_what_is_for_an_executor(
    place: Place, folder: Path, flags: tuple[str, ...], named: str
) -> None:
    done = place.defer("now", "--command", "date", *flags, "look", cwd=folder, input=b"a prompt")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("defer: ")
    assert named in done.stderr
    assert done.stderr.count("\n") == 1
    assert place.tasks() == {}


@pytest.mark.parametrize("command", ["", "  ", "\n"])
def test_one_that_says_nothing_is_refused(place: Place, command: str) -> None:
    done = place.defer("now", "--command", command, "look")
    assert done.returncode == 2
    assert "--command" in done.stderr


def test_an_executor_of_the_settings_does_not_get_it(place: Place, folder: Path) -> None:
    place.env["DEFER_EXECUTOR"] = place.executor("echo the executor")
    asked(place, folder, "--command", "echo the command", "--id", "job", "which")
    asked(place, folder, "a prompt", "--id", "other")
    place.wake()
    assert {one["id"]: one["result"]["output"] for one in place.archived()} == {
        "job": "the command", "other": "the executor",
    }  # fmt: skip


def test_edit_gives_another_one_or_takes_it_away(place: Place, folder: Path) -> None:
    place.schedule("1h", "look", "--id", "job", "--command", "date", cwd=folder)
    changed = strict(place.defer("edit", "job", "--command", "echo other").stdout)
    assert changed["command"] == "echo other"
    refused = place.defer("edit", "job", "--executor", "claude")
    assert (refused.returncode, place.task("job").get("executor")) == (2, None)
    assert "command" not in strict(place.defer("edit", "job", "--command", "none").stdout)


def test_a_copy_and_one_that_is_brought_back_run_it_where_it_was_said(place: Place, folder: Path) -> None:
    place.schedule("1h", "look", "--id", "job", "--command", "pwd", cwd=folder)
    assert place.defer("run", "job").returncode == 0
    place.wake()
    assert place.archived()[-1]["result"]["output"] == str(folder)
    assert place.defer("cancel", "job").returncode == 0
    assert place.defer("uncancel", "job").returncode == 0
    assert place.task("job")["cwd"] == str(folder)


def test_it_may_recur_wait_for_a_condition_and_be_checked(place: Place, folder: Path) -> None:
    every = ("--every", "weekday 8:30", "--if", "test -e ready", "--check", "test -s out", "--command", "date >out")
    done = place.defer("schedule", *every, "--summary", "note the date", "--id", "job", cwd=folder)
    assert done.returncode == 0, done.stderr
    place.defer("run", "job")
    place.wake()
    assert not os.path.exists(folder / "out")
    (folder / "ready").touch()
    assert place.defer("run", "job", "--wait").returncode == 0
    assert (folder / "out").stat().st_size
