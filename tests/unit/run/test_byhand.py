"""`execute-task.sh`: one attempt by hand, of a task of the store or apart from any."""

import json
import os
import signal
import subprocess
import time

import pytest

from defer.client import Client
from defer.run import byhand
from defer.run.loop import Loop
from support import SCRIPTS, is_running, leaving_pid, quoted, strict, until, v1_task

pytestmark = pytest.mark.programs

FAR = "2099-01-01T00:00:00Z"
ID = "task_20260408_163500_4821"


def execute(place, one, body=None, **env):
    """Hand a task over; what was printed, and how it ended."""
    raw = one if isinstance(one, bytes) else json.dumps(one).encode()
    if body is not None:
        env["DEFER_EXECUTOR"] = place.executor(body)
    done = place.run("execute-task.sh", input=raw, env=env)
    assert "Traceback" not in done.stderr
    return done


class TestInTheStore:
    def test_a_task_is_run_settled_there_and_printed(self, place):
        place.write_store(v1_task(), v1_task("other"))
        done = execute(place, v1_task(), "cat >/dev/null; echo done")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith('{\n  "id": "')
        printed = strict(done.stdout)
        assert (printed["status"], printed["result"]["output"], printed["attempts"]) == ("completed", "done", 1)
        stored = place.task(ID)
        assert stored["status"] == "completed"
        assert printed == {name: value for name, value in stored.items() if name != "ended_runs"}
        assert place.task("other") == v1_task("other")
        assert place.archived() == place.runs() == []
        assert [line.split(" ")[1] for line in place.audit()] == ["started", "completed"]

    def test_a_later_wake_files_it(self, place):
        place.write_store(v1_task())
        execute(place, v1_task(), "echo done")
        place.wake()
        assert [one["status"] for one in place.archived()] == ["completed"]
        assert [(run["status"], run["attempt"]) for run in place.runs()] == [("ok", 1)]

    def test_a_failure_with_retries_left_waits_for_its_retry_and_is_0(self, place):
        place.write_store(v1_task(max_retries=1))
        done = execute(place, v1_task(max_retries=1), "echo why; exit 3")
        assert (done.returncode, done.stderr) == (0, "")
        printed = strict(done.stdout)
        assert (printed["status"], printed["attempts"]) == ("scheduled", 1)
        assert printed["last_error"] == "executor exited with 3: why"
        assert printed["run_at"] == printed["result"]["next_run_at"] == place.task(ID)["run_at"]
        again = execute(place, printed, "exit 3")
        assert (again.returncode, strict(again.stdout)["status"]) == (1, "failed")
        assert strict(again.stdout)["attempts"] == 2

    def test_a_failure_is_1_whatever_the_executor_exited_with(self, place):
        place.write_store(v1_task())
        done = execute(place, v1_task(), "echo why; exit 5")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        printed = strict(done.stdout)
        assert (printed["status"], printed["error"]) == ("failed", "executor exited with 5: why")
        assert place.task(ID)["status"] == "failed"

    def test_an_executor_that_is_not_there_is_1(self, place):
        place.write_store(v1_task(max_retries=3))
        done = execute(place, v1_task(), DEFER_EXECUTOR="/nowhere/agent")
        assert done.returncode == 1
        assert "/nowhere/agent" in strict(done.stdout)["error"]
        assert place.task(ID)["status"] == "failed"

    def test_without_an_executor_the_prompt_is_prepared(self, place):
        place.write_store(v1_task())
        done = execute(place, v1_task())
        assert (done.returncode, strict(done.stdout)["result"]["type"]) == (0, "prompt_prepared")
        assert place.task(ID)["status"] == "completed"

    def test_it_need_not_be_due(self, place):
        place.write_store(v1_task(run_at=FAR))
        done = execute(place, v1_task(run_at=FAR), "exit 0")
        assert (done.returncode, place.task(ID)["status"]) == (0, "completed")

    def test_slots_do_not_count(self, place):
        place.write_store(v1_task(), v1_task("busy", status="executing", started_at=FAR))
        done = execute(place, v1_task(), "exit 0", DEFER_MAX_PARALLEL="1")
        assert done.returncode == 0
        assert place.task("busy") == v1_task("busy", status="executing", started_at=FAR)

    def test_the_record_in_the_store_is_run_and_what_differs_is_said(self, place):
        place.write_store(v1_task(key="kept"))
        given = v1_task(key="other", status="executing", intent="notify")
        done = execute(place, given, "cat")
        printed = strict(done.stdout)
        assert (done.returncode, done.stderr) == (0, "")
        seen = strict(printed["result"]["output"])
        assert (seen["key"], seen["intent"]) == ("kept", "resume_task")
        (warning,) = printed["warnings"]
        assert warning.endswith("standard input has other intent, key")
        assert "warnings" not in place.task(ID)

    def test_a_second_occurrence_that_it_asks_for_waits(self, place):
        place.write_store(v1_task())
        done = execute(place, v1_task(), """echo '{"reschedule":"2h"}' >"$DEFER_RESULT_FILE"; echo once""")
        printed = strict(done.stdout)
        assert (printed["status"], printed["result"]["output"]) == ("completed", "once")
        assert (place.task(ID)["status"], place.task(ID)["attempts"]) == ("scheduled", 0)

    def test_one_that_has_expired_is_not_run(self, place):
        place.write_store(v1_task(expires_at="2026-04-08T17:00:00Z"))
        done = execute(place, v1_task(), f": >{quoted(place.base / 'ran')}")
        assert (done.returncode, strict(done.stdout)["error_type"]) == (1, "Expired")
        assert not (place.base / "ran").exists()


RULE = {"expression": "every 2h", "tz": "UTC", "anchor": "2026-04-08T16:45:00Z", "catch_up": "one", "overlap": "skip"}
AT_WORK = {"run_id": "r", "runner": {"pid": 1, "start": None, "boot": "b"}}
REFUSED = {
    "executing": ({"status": "executing", "run": AT_WORK}, "executing"),
    "claimed by v1, which is not the caller": ({"status": "executing", "started_at": FAR}, "executing"),
    "completed": ({"status": "completed"}, "completed"),
    "failed": ({"status": "failed"}, "failed"),
    "cancelled": ({"status": "cancelled"}, "cancelled"),
    "paused": ({"status": "paused"}, "paused"),
    "recurring": ({"recurrence": RULE}, "recurs"),
    "newer": ({"schema_version": 3}, "newer"),
}


def test_it_sleeps_until_something_happens(place, monkeypatch):
    """Nothing else is claimed or recovered: a wait for a time that is over would keep a CPU busy to its end."""
    place.write_store(v1_task())
    began, wait, waits = time.monotonic(), Loop.wait, []

    def noted(loop, until):
        waits.append([at for at in until if at is not None])
        return wait(loop, waits[-1])

    monkeypatch.setattr(Loop, "wait", noted)
    client = Client({**place.env, "DEFER_EXECUTOR": place.executor("cat >/dev/null")})
    came_to, _ = byhand.attempt(client.store, client.config, client.audit, client.clock, v1_task())
    assert came_to["status"] == "completed"
    assert waits
    assert [at for until in waits for at in until if at <= began] == []


class TestRefused:
    @pytest.mark.parametrize("kind", REFUSED)
    def test_what_does_not_wait(self, place, kind):
        fields, said = REFUSED[kind]
        place.write_store(v1_task(**fields))
        before = place.store_path.read_bytes()
        done = execute(place, v1_task(), f": >{quoted(place.base / 'ran')}")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert said in done.stderr.replace("schema version 3", "newer")
        assert place.store_path.read_bytes() == before
        assert not (place.base / "ran").exists()

    @pytest.mark.parametrize(
        ("mine", "other", "is_refused"),
        [
            ({"workspace": "/w"}, {"workspace": "/w"}, True),
            ({"workspace": "/w", "concurrent": True}, {"workspace": "/w"}, False),
            ({"workspace": "/w"}, {"workspace": "/v"}, False),
            ({}, {"copy_of": ID}, True),
        ],
    )
    def test_beside_an_attempt_that_shares_its_workspace(self, place, mine, other, is_refused):
        place.write_store(v1_task(**mine), v1_task("other", status="executing", started_at=FAR, **other))
        done = execute(place, v1_task(), "exit 0")
        assert (done.returncode == 1 and "another attempt has its" in done.stderr) == is_refused

    def test_a_store_that_is_busy(self, place):
        place.write_store(v1_task())
        (place.runtime / ".deferred-tasks.lock").mkdir()
        (place.runtime / ".deferred-tasks.lock" / "pid").write_text(f"{os.getpid()}\n")
        done = execute(place, v1_task(), "exit 0", DEFER_LOCK_TIMEOUT_SECONDS="0")
        assert (done.returncode, done.stdout) == (75, "")
        assert place.task(ID)["status"] == "scheduled"


class TestHandedOverByV1:
    """v1's runner says `executing` itself, without a name, and hands the record to `execute-task.sh`."""

    CLAIMED = v1_task(status="executing", started_at="2026-04-08T16:45:01Z")

    def test_is_settled(self, place):
        place.write_store(self.CLAIMED)
        done = execute(place, self.CLAIMED, "echo done")
        assert (done.returncode, place.task(ID)["status"], place.task(ID)["attempts"]) == (0, "completed", 1)

    def test_twice_at_once_is_one_attempt(self, place):
        place.write_store(self.CLAIMED)
        ran, go = place.base / "ran", place.base / "go"
        os.mkfifo(go)
        env = {**place.env, "DEFER_EXECUTOR": place.executor(f"echo ran >>{quoted(ran)}; read _ <{quoted(go)}")}
        words = [SCRIPTS / "execute-task.sh"]
        with subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
            first.stdin.write(json.dumps(self.CLAIMED).encode())
            first.stdin.close()
            until(ran.exists, "the first attempt")
            second = execute(place, self.CLAIMED, None, DEFER_EXECUTOR=env["DEFER_EXECUTOR"])
            assert (second.returncode, "executing" in second.stderr) == (1, True)
            go.write_text("on\n")
            assert strict(first.stdout.read())["status"] == "completed"
        assert ran.read_text() == "ran\n"


class TestAWakeBeside:
    def start(self, place, body):
        env = {**place.env, "DEFER_EXECUTOR": place.executor(body)}
        process = subprocess.Popen(
            [SCRIPTS / "execute-task.sh"],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        process.stdin.write(json.dumps(v1_task()).encode())
        process.stdin.close()
        return process

    def test_leaves_it_alone(self, place):
        place.write_store(v1_task())
        go, ran = place.base / "go", place.base / "ran"
        os.mkfifo(go)
        with self.start(place, f": >{quoted(ran)}; read _ <{quoted(go)}") as process:
            until(ran.exists, "the attempt")
            place.wake()
            assert (place.task(ID)["status"], place.runs()) == ("executing", [])
            go.write_text("on\n")
            process.stdout.read(), process.stderr.read()
        assert place.task(ID)["status"] == "completed"

    def test_recovers_it_when_it_was_killed(self, place):
        place.write_store(v1_task())
        pid = place.base / "pid"
        with self.start(place, f"{leaving_pid(pid)}; exec sleep 1000") as one:
            leader = int(until(lambda: pid.exists() and pid.read_text()))
            one.kill()
            one.stdout.read(), one.stderr.read()
        os.kill(leader, signal.SIGKILL)
        until(lambda: not is_running(leader))
        place.wake()
        assert [(run["status"], run["error_type"]) for run in place.runs()] == [("lost", "RunnerLost")]

    def test_a_signal_ends_it_as_a_stopped_runner_would(self, place):
        place.write_store(v1_task())
        ran = place.base / "ran"
        with self.start(place, f": >{quoted(ran)}; exec sleep 1000") as process:
            until(ran.exists, "the attempt")
            process.terminate()
            printed = strict(process.stdout.read())
            process.stderr.read()
        assert (process.returncode, printed["error_type"]) == (1, "RunnerStopped")
        assert place.task(ID)["status"] == "failed"


class TestApart:
    def test_it_is_printed_with_its_new_status_and_stored_nowhere(self, place):
        place.write_store(v1_task("other"))
        before = place.store_path.read_bytes()
        done = execute(place, v1_task(x_own=[1]), "echo done")
        printed = strict(done.stdout)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("{\n")
        assert (printed["status"], printed["result"]["output"], printed["x_own"]) == ("completed", "done", [1])
        assert "run" not in printed
        assert "ended_runs" not in printed
        assert place.store_path.read_bytes() == before
        assert place.audit() == []

    @pytest.mark.parametrize(("retries", "status", "code"), [(0, "failed", 1), (1, "scheduled", 0)])
    def test_a_failure(self, place, retries, status, code):
        done = execute(place, v1_task(max_retries=retries), "echo why; exit 5")
        assert (done.returncode, strict(done.stdout)["status"]) == (code, status)
        assert strict(done.stdout)["last_error"] == "executor exited with 5: why"
        assert done.stderr == ("" if retries else f"defer: task failed: {ID}: executor exited with 5: why\n")
        assert not place.store_path.exists()

    def test_one_of_the_archive_is_run_again(self, place):
        place.write_store(v1_task())
        place.wake()
        (filed,) = place.archived()
        done = execute(place, filed, "echo again")
        assert (done.returncode, strict(done.stdout)["result"]["output"]) == (0, "again")
        assert place.archived() == [filed]
