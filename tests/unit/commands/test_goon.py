"""`hooks/resume-after-limit.sh`: a conversation that a usage limit has ended goes on when that is over."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from support import DEADLINE_SECONDS, SCRIPTS, Place

pytestmark = pytest.mark.programs

HOOK = SCRIPTS / "hooks" / "resume-after-limit.sh"
SESSION = "e340346a-a75a-4b39-87f4-d553862ce8bf"
TASK = f"go-on-{SESSION}"
# As Claude Code 2.1.197 tells it.
SAID = {
    "session_id": SESSION,
    "cwd": "/tmp",
    "hook_event_name": "StopFailure",
    "error": "rate_limit",
    "last_assistant_message": "You've hit your session limit · resets 11:54pm (UTC)",
}


def called(place: Place, agent: str = "claude", text: str | None = None, env: Any = None, **said: object) -> str:
    """What the hook says on stderr: one line at most; it prints nothing, and exits 0."""
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": DEADLINE_SECONDS}
    given = json.dumps({**SAID, **said}) if text is None else text
    done = subprocess.run(
        [HOOK, *([agent] if agent else [])], input=given, env={**place.env, **(env or {})}, cwd=place.home, **options
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.count("\n") == bool(done.stderr)
    return done.stderr


def waiting(place: Place) -> list[dict[str, Any]]:
    return [one for one in place.tasks().values() if one["status"] == "scheduled"] if place.store_path.exists() else []


def test_it_goes_on_when_the_limit_is_over_in_the_same_conversation(place: Place) -> None:
    assert called(place) == ""
    (one,) = waiting(place)
    assert one["id"] == TASK
    assert one["run_at"].endswith("T23:54:00Z")
    assert (one["session_id"], one["session_directory"]) == (SESSION, os.path.realpath("/tmp"))
    assert (one["executor"], one["execution"]["mode"]) == ("claude", "callback")
    assert (place.runtime / "sessions" / f"{SESSION}.json").exists()


def test_the_newest_limit_counts_and_there_is_one_task(place: Place) -> None:
    called(place)
    assert called(place, last_assistant_message="You've hit your weekly limit · resets 4:16am (UTC)") == ""
    (one,) = waiting(place)
    assert one["run_at"].endswith("T04:16:00Z")


@pytest.mark.parametrize("said", [{"error": "overloaded"}, {"error": "authentication_failed"}, {"error": None}])
def test_another_failure_is_none_of_its_business(place: Place, said: dict[str, Any]) -> None:
    assert called(place, **said) == ""
    assert waiting(place) == []


@pytest.mark.parametrize("around", ["DEFER_RUN_ID", "DEFER_TASK_ID", "DEFER_RESTRICTED"])
def test_inside_an_attempt_it_does_nothing(place: Place, around: str) -> None:
    assert "Traceback" not in called(place, env={around: "1"})
    assert waiting(place) == []


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"last_assistant_message": "You've hit your session limit"}, "did not say when the limit ends"),
        ({"last_assistant_message": None}, "did not say when the limit ends"),
        ({"session_id": "latest"}, "not the id of a conversation of Claude Code"),
        ({"session_id": "../../x"}, "names no conversation"),
    ],
)
def test_what_cannot_be_deferred_is_said_in_one_line(place: Place, said: dict[str, Any], why: str) -> None:
    assert why in called(place, **said)
    assert waiting(place) == []


@pytest.mark.parametrize("text", ["", "[]", "{", "7"])
def test_what_is_no_input_fails_nobody(place: Place, text: str) -> None:
    called(place, text=text)
    assert waiting(place) == []


@pytest.mark.parametrize("agent", ["", "codex", "--x"])
def test_only_a_program_that_tells_of_it_has_it(place: Place, agent: str) -> None:
    assert "which agent's conversation is it?" in called(place, agent)


def over(place: Place, status: str, number: int) -> None:
    """Such a task has ended so, some time ago."""
    at = f"2026-04-08T1{number}:00:00Z"
    moment = {"completed": "completed_at", "failed": "failed_at", "cancelled": "cancelled_at"}[status]
    place.write_store({"id": TASK, "run_at": at, "status": status, moment: at, "error": "x"})
    assert place.run("archive-deferred.sh").returncode == 0


@pytest.mark.parametrize(
    ("before", "limit", "is_deferred"),
    [
        (["failed"] * 2, {}, True),
        (["failed"] * 3, {}, False),
        (["failed"] * 3, {"DEFER_RESUME_LIMIT": "4"}, True),
        (["failed", "failed", "completed", "failed"], {}, True),
        (["failed", "failed", "cancelled"], {}, True),
        ([], {"DEFER_RESUME_LIMIT": "0"}, False),
    ],
)
def test_so_many_in_a_row_and_no_more(
    place: Place, before: list[str], limit: dict[str, str], is_deferred: bool
) -> None:
    for number, status in enumerate(before):
        over(place, status, number)
    said = called(place, env=limit)
    assert bool(waiting(place)) == is_deferred
    assert ("DEFER_RESUME_LIMIT=" in said) != is_deferred


def test_a_setting_that_cannot_be_read_is_said(place: Place) -> None:
    assert "DEFER_RESUME_LIMIT must be a whole number" in called(place, env={"DEFER_RESUME_LIMIT": "many"})
    assert waiting(place) == []
