"""Checks: what an executor says that it has done counts only if its check exits with 0."""

import json

import pytest

from support import NOW, at, quoted, text_at, until_there, v1_task

ONE = "task_20260408_163500_4821"


def checked(check, **fields):
    return v1_task(check=check, requires=["check"], **fields)


def saying(place, **said):
    return {"DEFER_EXECUTOR": place.executor(f'echo done; printf %s {quoted(json.dumps(said))} >"$DEFER_RESULT_FILE"')}


def test_a_check_that_exits_with_0_completes_the_task(place):
    place.write_store(checked("echo checked; echo well >&2", workspace=str(place.home)))
    assert place.wake_at(NOW, saying(place, summary="made", session_id="s1"))["completed"] == 1
    (done,), (run,) = place.archived(), place.runs()
    assert (done["result"]["output"], done["result"]["summary"], done["session_id"]) == ("done", "made", "s1")
    assert (run["status"], run["exit_code"], run["summary"]) == ("ok", 0, "made")
    assert sorted(place.attempt_log(run).splitlines()) == [b"checked", b"done", b"well"]


def test_anything_else_fails_the_attempt_which_is_retried_like_any(place):
    place.write_store(checked("echo 2 tests failed >&2; exit 3", max_retries=1))
    executor = saying(place, summary="made", session_id="s1", usage={"input_tokens": 7})
    assert place.wake_at(NOW, executor)["retried"] == 1
    waiting = place.task(ONE)
    # What failed in a conversation would be there again: the retry begins a new one.
    assert (waiting["run_at"], waiting.get("session_id")) == (text_at(minutes=1), None)
    assert place.runs()[0]["session_id"] == "s1"
    place.wake_at(at(minutes=1), executor)
    (failed,), (run, _) = place.archived(), place.runs()
    assert (failed["error_type"], failed["error"]) == ("CheckFailed", "its check exited with 3: 2 tests failed")
    assert failed["result"]["summary"] == "made"
    assert "output" not in failed["result"]
    assert (run["status"], run["exit_code"], run["usage"]) == ("failed", 3, {"input_tokens": 7})


def test_it_wins_over_a_wish_to_run_again(place):
    place.write_store(checked("false"))
    place.wake_at(NOW, saying(place, reschedule="2h"))
    (failed,) = place.archived()
    assert (failed["status"], place.tasks()) == ("failed", {})


@pytest.mark.parametrize(("code", "kind"), [(1, "ExecutorFailed"), (77, "PermissionBlocked")])
def test_it_is_not_made_after_a_failure(place, code, kind):
    place.write_store(checked(f"touch {place.base}/made"))
    place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(f"echo no; exit {code}")})
    (failed,), (run,) = place.archived(), place.runs()
    assert failed["error_type"] == kind
    assert place.attempt_log(run) == b"no\n"
    assert not (place.base / "made").exists()


def test_it_runs_inside_the_time_limit(place, monkeypatch):
    monkeypatch.setattr("defer.run.attempt.Attempt.left_seconds", 0.2)
    place.write_store(checked("sleep 60", timeout_seconds=900))
    place.wake_at(NOW, saying(place))
    (failed,), (run,) = place.archived(), place.runs()
    assert (failed["error_type"], run["status"]) == ("TimeoutError", "timeout")
    assert failed["error"] == "timed out in its check, after 900 s in all"


def test_a_program_that_is_not_there(place):
    place.write_store(checked(["no-such-program-here", "-q"]))
    place.wake_at(NOW, saying(place))
    (failed,) = place.archived()
    assert failed["error_type"] == "CheckFailed"
    assert failed["error"].startswith("its check could not be started: no such program: no-such-program-here")


def test_what_the_executor_leaves_running_on_purpose_is_there_to_be_checked(place):
    up, down = place.base / "up", place.base / "down"
    serve = f"(touch {up}; {until_there(down)}; echo served) & {until_there(up)}"
    place.write_store(v1_task(command=serve, check=f"test -e {up}", leave_running=True))
    assert place.wake_at(NOW)["completed"] == 1
    down.touch()


def test_where_nothing_is_executed_there_is_nothing_to_check(place):
    place.write_store(checked("true"))
    place.wake_at(NOW)
    (failed,) = place.archived()
    assert failed["error_type"] == "ConfigError"
    assert "nothing is executed, so that there is nothing to check" in failed["error"]


def test_a_condition_and_a_check_share_the_attempt_and_its_log(place):
    place.write_store(v1_task(condition="echo asked", check="echo checked"))
    place.wake_at(NOW, saying(place))
    (run,) = place.runs()
    assert place.attempt_log(run) == b"asked\ndone\nchecked\n"
    assert run["log_bytes"] == len(b"asked\ndone\nchecked\n")
