"""Conditions and checks under way, when somebody cancels, pauses or edits their task, or their runner is gone."""

import json
import os
import signal

import pytest

from support import NOW, is_running, leaving_pid, patient, strict, text_at, until, v1_task

pytestmark = pytest.mark.programs

ONE = "task_20260408_163500_4821"
PARTS = ("condition", "check")
GRACE = {"DEFER_KILL_GRACE_SECONDS": "0.5"}


def under_way(place, part, *, often=False, **fields):
    """A due task whose condition or check hangs: its runner, and the pid of what hangs."""
    pid = place.base / "pid"
    hangs = f"{leaving_pid(pid)}; exec sleep 600"
    rule = {"expression": "every 10 minutes", "tz": "UTC", "anchor": "2026-04-08T16:35:00Z"}
    recurring = {"recurrence": {**rule, "catch_up": "one"}} if often else {}
    place.write_store(v1_task(command="echo worked", **{part: hangs, **recurring, **fields}))
    runner = place.start("run-deferred.sh", env=GRACE)
    return runner, int(until(lambda: pid.exists() and pid.read_text()))


@pytest.mark.parametrize("part", PARTS)
def test_a_cancel_ends_it(place, part):
    runner, pid = under_way(place, part, max_retries=3)
    done = place.run(*patient("front", "cancel", ONE, "--kill", "--compact"), env=GRACE)
    assert strict(done.stdout)["status"] == "cancelled", done.stderr
    assert not is_running(pid)
    assert runner.wait() == 0
    (filed,), (run,) = place.archived(), place.runs()
    assert (filed["status"], run["error_type"]) == ("cancelled", "Cancelled")


@pytest.mark.parametrize("part", PARTS)
def test_a_cancel_without_kill_and_an_edit_are_refused_meanwhile(place, part):
    runner, _ = under_way(place, part)
    for words in (["cancel", ONE], ["edit", ONE, "--summary", "else"], ["pause", ONE]):
        done = place.defer(*words)
        assert done.returncode == 1, done.stdout
        assert done.stderr.startswith(f"defer: task is executing: {ONE}")
    runner.terminate()
    runner.wait()


@pytest.mark.parametrize("part", PARTS)
def test_its_leader_stands_in_the_store(place, part):
    runner, pid = under_way(place, part)
    assert place.task(ONE)["run"]["leader"]["pid"] == pid
    runner.terminate()
    runner.wait()


def test_a_condition_whose_runner_is_stopped_is_asked_again(place):
    """Nothing was done, and nothing is used up."""
    runner, pid = under_way(place, "condition")
    runner.terminate()
    assert runner.wait() == 0
    assert not is_running(pid)
    waiting = place.task(ONE)
    assert (waiting["status"], waiting["attempts"]) == ("scheduled", 0)
    assert place.runs() == []
    assert list((place.logs / "attempts" / ONE).iterdir()) == []


def test_a_check_whose_runner_is_stopped_fails_the_attempt(place):
    runner, pid = under_way(place, "check")
    runner.terminate()
    assert runner.wait() == 0
    assert not is_running(pid)
    (failed,) = place.archived()
    assert (failed["status"], failed["error_type"]) == ("failed", "RunnerStopped")


@pytest.mark.parametrize("part", PARTS)
def test_of_a_killed_runner_it_is_lost_and_nothing_runs_twice(place, part):
    """What it has started goes on, as an executor does; the attempt is settled once that has ended."""
    runner, pid = under_way(place, part, max_retries=1)
    runner.kill()
    runner.wait()
    place.wake(env=GRACE)
    assert place.task(ONE)["status"] == "executing"
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_running(pid))
    place.wake(env=GRACE)
    waiting = place.task(ONE)
    assert (waiting["status"], waiting["error_type"], waiting["attempts"]) == ("scheduled", "RunnerLost", 1)
    (run,) = place.runs()
    assert run["status"] == "lost"


def test_a_pause_that_a_sync_wants_holds_after_a_condition_that_does_not(place):
    place.write_store(v1_task(condition="false", expires_at=text_at(hours=1), after_attempt={"do": "pause"}))
    place.wake_at(NOW)
    waiting = place.task(ONE)
    assert (waiting["status"], waiting["attempts"]) == ("paused", 0)
    assert "after_attempt" not in waiting


def test_two_tasks_of_one_workspace_do_not_ask_at_the_same_time(place):
    """A condition holds slot and workspace: what it has seen there is still so when the executor begins."""
    once = f"mkdir {place.base}/in-use && sleep 0.1 && rmdir {place.base}/in-use"
    fields = {"workspace": str(place.home), "condition": once, "command": once}
    place.write_store(*(v1_task(f"task_{number}", **fields) for number in range(3)))
    assert place.wake_at(NOW)["completed"] == 3


@pytest.mark.parametrize(("condition", "status", "code"), [("true", "completed", 0), ("echo no; exit 4", "skipped", 1)])
def test_execute_task_asks_it_too_where_no_store_has_the_task(place, condition, status, code):
    one = {"id": "apart", "status": "scheduled", "run_at": text_at(), "context": {"summary": "s"}, "command": "echo hi"}
    done = place.run("execute-task.sh", input=json.dumps({**one, "condition": condition}).encode())
    assert (strict(done.stdout)["status"], done.returncode) == (status, code), done.stderr
    assert strict(done.stdout).get("reason") == ("condition: exited with 4: no" if code else None)
