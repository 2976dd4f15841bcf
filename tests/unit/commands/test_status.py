"""`status`: one screen that says whether wakes come, what runs and comes next, and what needs attention."""

from __future__ import annotations

import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from defer import instants
from support import Place, quoted, strict, until, until_there, v1_task
from terminal import on_terminal
from wrong_records import NOT_RECORDS, WRONG_FIELDS

pytestmark = pytest.mark.programs


def schema(root: Path) -> Draft202012Validator:
    """What `status` prints, with what that has in common with `health`."""
    own, health = (
        json.loads((root / "references" / f"{name}.schema.json").read_text()) for name in ("status", "health")
    )
    registry: Registry[Any] = Registry().with_resource("health.schema.json", Resource.from_contents(health))
    return Draft202012Validator(own, registry=registry)


def status(place: Place, root: Path, *flags: str) -> dict[str, Any]:
    done = place.defer("status", *flags)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = strict(done.stdout)
    schema(root).validate(found)
    return found


def text_of(place: Place, *flags: str) -> list[str]:
    done = place.defer("status", "--table", *flags)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_nothing_is_said_to_be_nothing(place: Place, root: Path) -> None:
    found = status(place, root)
    assert (found["running"], found["next"], found["counts"], found["findings"], found["attention"]) == (
        [], [], {}, [], False,
    )  # fmt: skip
    lines = text_of(place)
    assert lines[0] == "Asleep: nothing has ever woken it (defer doctor)"
    assert {"Running: nothing.", "Next: nothing.", "Attention: nothing."} <= set(lines)


def test_what_executes_is_told_with_how_long_of_how_much(place: Place, root: Path) -> None:
    gate = place.base / "gate"
    task = place.schedule(
        "now", "write the report", "--executor", place.executor(until_there(gate)), "--timeout", "40m", "--id", "report"
    )
    waker = place.start("run-deferred.sh", "--once")
    until(lambda: (place.task(task["id"]).get("run") or {}).get("leader"), "the attempt")
    (running,) = status(place, root)["running"]
    lines = text_of(place)
    gate.touch()
    assert waker.wait() == 0
    assert (running["id"], running["summary"], running["attempt"]) == ("report", "write the report", 1)
    assert (running["limit_seconds"], running["host"]) == (2400, os.uname().nodename)
    assert running["executor"] == place.base.joinpath("executor").as_posix()
    assert running["origin"] == "person"
    assert running["pid"] > 1
    assert 0 <= running["seconds"] < 2400
    heading, row = (line.split() for line in (lines[2], lines[4]))
    assert heading == ["Running", "For", "Of", "Attempt", "Executor", "Origin", "Pid", "Summary"]
    assert row[0] == "report"
    assert " 40 min " in lines[4]
    assert str(running["pid"]) in row


def test_what_comes_next_names_each_task_once(place: Place, root: Path) -> None:
    for number in range(6):
        place.schedule(f"{number + 1}h", f"task {number}", "--id", f"t{number}")
    place.schedule("every 10m", "often", "--id", "often")
    place.defer("pause", "t3")
    found = status(place, root)
    assert [one["id"] for one in found["next"]] == ["often", "t0", "t1", "t2", "t4"]
    assert found["counts"] == {"scheduled": 6, "paused": 1}
    lines = text_of(place)
    assert "Paused: 1 (defer list --status paused)" in lines
    assert len(lines) <= 24


def test_what_has_failed_is_told_with_the_command_that_mends_it(place: Place, root: Path) -> None:
    place.schedule("now", "ill", "--id", "ill", "--executor", place.executor("echo no water >&2; exit 3", "bad"))
    place.schedule("now", "well", "--id", "well", "--executor", place.executor("echo done", "good"))
    place.wake()
    place.wakes_for_long()
    found = status(place, root)
    assert found["window"]["outcomes"] == {"completed": 1, "failed": 1}
    assert [(one["id"], one["task"], one["fix"]) for one in found["findings"]] == [("failed", "ill", "defer run ill")]
    assert found["attention"]
    assert found["unread"] == 2
    lines = text_of(place)
    assert re.fullmatch(
        r"Awake: the last wake was .+; no gap of half an hour since [A-Z][a-z]{2} \d\d [A-Z][a-z]{2} \d\d:\d\d\.",
        lines[0],
    )
    assert any(line.endswith(": 1 completed, 1 failed.") for line in lines)
    assert {"Used: 2 runs.", "Inbox: 2 unread (defer inbox)"} <= set(lines)
    assert lines[-2].startswith("failed     ill   failed: executor exited with 3: no water")
    assert lines[-2].endswith("  defer run ill")
    assert lines[-1] == "defer health says what mends each"


def test_of_what_is_wrong_the_worst_is_told_and_the_rest_is_counted(place: Place) -> None:
    for number in range(7):
        place.schedule("now", "ill", "--id", f"ill{number}", "--executor", place.executor("exit 3", "bad"))
    place.wake("--json")
    lines = text_of(place)
    assert [line.split()[1] for line in lines[-6:-1]] == [f"ill{number}" for number in range(5)]
    assert lines[-1] == "… and 2 more; defer health says what mends each"


def test_a_command_that_mends_is_whole_or_not_there(place: Place) -> None:
    name = "weekly-report-of-the-whole-family"
    place.schedule("now", "ill", "--id", name, "--executor", place.executor("exit 3", "bad"))
    place.wake()
    for columns, is_there in ((140, True), (60, False)):
        _, said = on_terminal(place, "status", columns=columns, env={"NO_COLOR": "1"})
        assert (f"  defer run {name}\n" in said) == is_there
        assert ("What mends it" in said) == is_there


def test_a_screen_of_60_columns_has_all_that_matters(place: Place) -> None:
    long = "nightly-" + "x" * 37
    place.write_store(
        v1_task(long, run_at="2099-01-01T00:00:00Z", context={"summary": "the review " * 20}),
        v1_task("at-work", status="executing", started_at="2026-04-08T16:45:00Z"),
    )
    code, said = on_terminal(place, "status", columns=60, env={"NO_COLOR": "1"})
    lines = said.splitlines()
    assert code == 0
    assert max(map(len, lines)) <= 60
    assert "\x1b" not in said
    assert any(line.split() == ["Next", "Task", "Summary"] for line in lines)
    assert any(line.startswith("Thu 01 Jan 00:00  ") and line.endswith("…") for line in lines)
    assert any(line.startswith("at-work ") for line in lines)


def test_since_when_each_wake_has_come_is_told_by_the_last_gap_or_the_beginning(place: Place, root: Path) -> None:
    place.schedule("1h")
    place.wake()
    place.wakes_for_long()
    first = place.audit()[0].split(" ")[0]
    assert status(place, root)["waker"]["since"] == first
    before, after = (f"{text_of_moment(hours=hours)}" for hours in (-9, -5))
    lines = [f"{before} scheduled id=a", f"{after} wakes_resumed since={before}", *place.audit()]
    place.log_path.write_text("".join(f"{line}\n" for line in lines))
    assert status(place, root)["waker"]["since"] == after
    place.log_path.unlink()
    assert status(place, root)["waker"]["since"] is None


def text_of_moment(**ahead: float) -> str:
    return instants.to_text(instants.now() + timedelta(**ahead))


def test_the_window_can_be_chosen(place: Place, root: Path) -> None:
    place.schedule("now", "well", "--executor", place.executor("echo done"))
    place.wake()
    assert status(place, root, "--since", "1h")["window"]["runs"] == 1
    done = place.defer("status", "--since", "soon")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


NEWER = {"schema_version": 3, "context": "text", "run": "odd", "timeout_seconds": "x", "executor": ["a"], "last": 5}


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["status", "--table"],
        ["list", "--table"],
        ["list", "--all", "--table"],
        ["list", "--upcoming", "400d"],
    ],
    ids=" ".join,
)
def test_beside_lines_and_fields_that_make_no_sense_all_else_is_shown(place: Place, words: list[str]) -> None:
    wrong = [json.dumps(v1_task("wrong", **fields)).encode() + b"\n" for fields in WRONG_FIELDS.values()]
    odd = [
        v1_task(f"odd-{status}", **{**NEWER, "status": status})
        for status in ("executing", "scheduled", "failed", "new")
    ]
    odd.append(
        v1_task("odd-run", **{**NEWER, "status": "executing", "run": {"leader": 5, "host": [], "started_at": {}}})
    )
    place.write_store(*NOT_RECORDS.values(), *wrong, *odd, v1_task("fine", run_at="2027-01-01T00:00:00Z"))
    done = place.defer(*words)
    assert done.returncode == 0, done.stderr
    assert "fine" in done.stdout
    assert "Traceback" not in done.stderr


def test_what_a_newer_version_executes_is_told_as_far_as_it_can_be(place: Place, root: Path) -> None:
    place.write_store(v1_task("odd", **{**NEWER, "status": "executing"}))
    (running,) = status(place, root)["running"]
    assert {name: value for name, value in running.items() if value is not None} == {"id": "odd"}


def test_a_wake_by_hand_is_not_taken_for_something_that_wakes(place: Place, root: Path) -> None:
    place.schedule("1h", "call mum")
    place.wake()
    found = status(place, root)
    assert (found["waker"]["awake"], found["attention"]) == (False, True)
    assert found["waker"]["last_wake"] is not None
    (line,) = [one for one in text_of(place) if "Asleep" in one or "Awake" in one]
    assert line.startswith("Asleep: nothing wakes this store by itself; the last wake, ")
    assert line.endswith(", was by hand (defer doctor)")
    place.wakes_for_long()
    assert text_of(place)[0].startswith("Awake: ")


def test_a_checkout_that_has_moved_is_told(place: Place, root: Path) -> None:
    """What calls it still calls it where it was."""
    programs = place.base / "programs"
    programs.mkdir(mode=0o755)
    line = f"* * * * * DEFER_RUNTIME_DIR={quoted(place.runtime)} /gone/scripts/run-deferred.sh # defer: wakes the tasks"
    (programs / "crontab").write_text(f"#!/bin/sh\ncat <<'EOF'\n{line}\nEOF\n")
    (programs / "crontab").chmod(0o755)
    place.env["PATH"] = f"{programs}:{place.env['PATH']}"
    place.schedule("1h", "call mum")
    place.wake()
    place.wakes_for_long()
    waker = status(place, root)["waker"]
    assert (waker["awake"], waker["gone"]) == (False, "/gone/scripts/run-deferred.sh")
    said = "What should wake it calls /gone/scripts/run-deferred.sh, which is gone (defer waker install)"
    assert text_of(place)[1] == said


def test_a_runner_that_goes_on_is_something_that_wakes(place: Place, root: Path) -> None:
    loop = place.start("run-deferred.sh", "--loop")
    until(lambda: status(place, root)["waker"]["last_wake"] is not None)
    assert status(place, root)["waker"]["awake"]
    loop.terminate()
    assert loop.wait() == 0


def test_tasks_that_no_wake_looks_after_need_attention(place: Place, root: Path) -> None:
    place.schedule("1h", "call mum")
    assert status(place, root)["attention"]
    lines = text_of(place)
    assert lines[0] == "Asleep: nothing has ever woken it (defer doctor)"
    assert lines[-1] == "Attention: tasks wait and no wake works (defer doctor)"


def test_an_inbox_that_cannot_be_read_is_said(place: Place, root: Path) -> None:
    place.config().notices_file.mkdir(parents=True)
    assert status(place, root)["unread"] is None
    assert "Inbox: cannot be read (defer inbox says why)" in text_of(place)
