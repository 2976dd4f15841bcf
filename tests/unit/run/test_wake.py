"""The wake, in this process and with a clock that stands still: claims, retries, limits, faults on the way."""

import json
import os
import signal
import subprocess
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from defer import fsio, instants, process
from defer.errors import BadInput, StorageError
from defer.run import claim
from defer.run import command as executor
from defer.run.attempt import Attempt
from defer.run.loop import Loop
from defer.run.wake import Runner
from defer.store.audit import AuditLog
from support import DONE, FAILED, NOW, SCRIPTS, at, quoted, text_at, until, until_there, v1_task

pytestmark = pytest.mark.thorough

ONE = "task_20260408_163500_4821"


def result_file(**said) -> str:
    """A line of shell that writes the result file."""
    return f'printf %s {quoted(json.dumps(said))} >"$DEFER_RESULT_FILE"'


def test_an_attempt_that_printed_nothing_has_no_log_in_its_record(place):
    place.write_store(v1_task())
    place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("cat >/dev/null")})
    (run,), (ended,) = place.runs(), place.archived()
    assert (run["log"], run["log_bytes"], "log_path" in ended["result"]) == (None, 0, False)
    assert list((place.logs / "attempts" / ONE).iterdir()) == []


class TestRetries:
    def test_wait_60_120_240_seconds_and_no_longer_than_the_cap(self, place):
        place.write_store(v1_task(max_retries=5))
        env = {"DEFER_EXECUTOR": place.executor("echo not today >&2; exit 1"), "DEFER_RETRY_MAX_DELAY_SECONDS": "400"}
        moment, waits = NOW, []
        while ONE in place.tasks():
            place.wake_at(moment, env)
            waiting = place.tasks().get(ONE)
            if waiting:
                assert (waiting["status"], waiting["last_error"]) == ("scheduled", "executor exited with 1: not today")
                assert waiting["last_attempt_at"] == instants.to_text(moment)
                assert waiting["result"]["type"] == "retry_scheduled"
                assert waiting["result"]["retry_at"] == waiting["run_at"]
                assert Path(waiting["result"]["prompt_path"]).exists()
                next_at = instants.from_text(waiting["run_at"])
                waits.append((next_at - moment).total_seconds())
                assert place.wake_at(next_at - timedelta(seconds=1), env, to_the_second=True)["started"] == 0
                moment = next_at
        assert waits == [60, 120, 240, 400, 400]
        (failed,) = place.archived()
        assert (failed["status"], failed["attempts"]) == ("failed", 6)
        assert failed["result"]["type"] == "executor_failed"
        assert [run["attempt"] for run in place.runs()] == [1, 2, 3, 4, 5, 6]
        assert {run["occurrence"] for run in place.runs()} == {"2026-04-08T16:45:00Z"}

    def test_follow_the_settings(self, place):
        place.write_store(v1_task(max_retries=3))
        env = {
            "DEFER_EXECUTOR": place.executor("exit 1"),
            "DEFER_RETRY_DELAY_SECONDS": "10",
            "DEFER_RETRY_BACKOFF": "3",
        }
        moment = NOW
        for wait in (10, 30, 90):
            place.wake_at(moment, env)
            moment += timedelta(seconds=wait)
            assert place.task(ONE)["run_at"] == instants.to_text(moment)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DEFER_RETRY_DELAY_SECONDS", "1e308"),
            ("DEFER_RETRY_BACKOFF", "1e308"),
            ("DEFER_RETRY_MAX_DELAY_SECONDS", "1e308"),
            ("DEFER_TIMEOUT_SECONDS", "1e308"),
            ("DEFER_KILL_GRACE_SECONDS", "1e308"),
        ],
    )
    def test_a_setting_beyond_all_time_is_refused_before_anything_is_claimed(self, place, name, value):
        place.write_store(v1_task(max_retries=70, attempts=66))
        with pytest.raises(BadInput, match=f"{name} must be a number from [01] to 1000000000: 1e308 "):
            place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("exit 1"), name: value})
        assert place.task(ONE)["attempts"] == 66

    @pytest.mark.parametrize(("code", "kind"), [(77, "PermissionBlocked"), (78, "ConfigError")])
    def test_exits_77_and_78_are_final(self, place, code, kind):
        place.write_store(v1_task(max_retries=5))
        body = f"{result_file(retry_at=text_at(hours=1))}; exit {code}"
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(body)})
        (failed,) = place.archived()
        assert (failed["status"], failed["attempts"], failed["error_type"]) == ("failed", 1, kind)
        assert place.runs()[0]["exit_code"] == code

    def test_exit_75_is_retried_like_any_other(self, place):
        place.write_store(v1_task(max_retries=1))
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("exit 75")})
        assert place.task(ONE)["run_at"] == text_at(minutes=1)

    def test_an_end_by_signal_is_recorded_as_such(self, place):
        place.write_store(v1_task())
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("kill -SEGV $$")})
        assert place.archived()[0]["error"] == "executor was ended by signal 11"
        assert place.runs()[0]["exit_code"] == -11


class TestMisconfigured:
    @pytest.mark.parametrize("kind", ["missing", "not executable", "a directory"])
    def test_an_executor_that_cannot_be_fails_at_once_whatever_the_retries(self, place, kind):
        path = place.base / "no such executor"
        if kind == "not executable":
            path.write_text("#!/bin/sh\n")
        elif kind == "a directory":
            path.mkdir()
        place.write_store(v1_task(max_retries=5))
        counts = place.wake_at(NOW, {"DEFER_EXECUTOR": str(path)})
        (failed,) = place.archived()
        assert (failed["status"], failed["attempts"], failed["error_type"]) == ("failed", 1, "ConfigError")
        assert str(path) in failed["error"]
        assert counts["failed"] == 1

    def test_a_workspace_that_is_gone_fails_at_once(self, place):
        place.write_store(v1_task(max_retries=5, workspace=str(place.base / "gone")))
        place.wake_at(NOW, {"DEFER_EXECUTOR": "/bin/true"})
        assert str(place.base / "gone") in place.archived()[0]["error"]

    @pytest.mark.parametrize("kind", ["gone", "a file", "below a file"])
    @pytest.mark.parametrize("field", ["workspace", "cwd"])
    def test_a_directory_that_is_gone_fails_for_good_and_nothing_runs(self, place, field, kind):
        path = place.base / "gone"
        if kind != "gone":
            path.touch()
        path = path / "below" if kind == "below a file" else path
        place.write_store(v1_task("a", max_retries=5, **{field: str(path)}))
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(f": >{quoted(place.base / 'ran')}")})
        (failed,) = place.archived()
        assert (failed["status"], failed["attempts"], failed["error_type"]) == ("failed", 1, "ConfigError")
        what = {"workspace": "workspace", "cwd": "the directory it was scheduled from"}[field]
        assert failed["error"].startswith(f"{what} cannot be entered: {path}: ")
        assert "--workspace" in failed["error"]
        assert "defer edit a --workspace DIR" in failed["error"]
        assert not (place.base / "ran").exists()

    def test_the_worktree_a_task_was_scheduled_from_is_removed(self, place):
        there = place.base / "worktree"
        there.mkdir()
        place.schedule("now", "s", "--executor", "/bin/pwd", cwd=there)
        there.rmdir()
        done = place.wake()
        assert f"task failed: {place.archived()[0]['id']}: the directory it was scheduled from cannot be" in done.stderr
        assert place.runs()[0]["error_type"] == "ConfigError"

    @pytest.mark.parametrize("field", ["workspace", "cwd"])
    def test_a_directory_that_may_not_be_entered_fails_for_good(self, place, needs, field):
        shut = place.base / "shut"
        shut.mkdir()
        place.write_store(v1_task("a", max_retries=5, executor="/bin/pwd", **{field: str(shut)}))
        shut.chmod(0o600)
        bound = []
        if os.geteuid() == 0:
            needs("setpriv")
            bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--"]
        subprocess.run([*bound, SCRIPTS / "run-deferred.sh"], env=place.env, check=True, capture_output=True)
        (failed,) = place.archived()
        assert failed["error_type"] == "ConfigError"
        assert f"cannot be entered: {shut}: Permission denied (" in failed["error"]

    def test_an_executor_whose_interpreter_is_missing_is_a_failure_with_its_name(self, place):
        path = place.base / "odd"
        path.write_text("#!/no/such/interpreter\n")
        path.chmod(0o755)
        place.write_store(v1_task())
        place.wake_at(NOW, {"DEFER_EXECUTOR": str(path)})
        assert str(path) in place.archived()[0]["error"]

    @pytest.mark.parametrize(
        "setting", ["DEFER_TIMEOUT_SECONDS", "DEFER_MAX_PARALLEL", "DEFER_RETRY_BACKOFF", "DEFER_OUTPUT_LIMIT_BYTES"]
    )
    def test_a_bad_setting_stops_the_wake_before_any_claim(self, place, setting):
        place.write_store(v1_task())
        before = place.store_path.read_bytes()
        with pytest.raises(BadInput, match=f"{setting} must be .*: lots "):
            place.wake_at(NOW, {setting: "lots"})
        assert place.store_path.read_bytes() == before


class TestResultFile:
    def wake(self, place, body, moment=NOW, **fields):
        if not place.store_path.exists():
            place.write_store(v1_task(**fields))
        return place.wake_at(moment, {"DEFER_EXECUTOR": place.executor(body)})

    def test_summary_artifacts_session_and_usage_are_recorded(self, place):
        usage = {"input_tokens": 10, "output_tokens": 2, "cost_usd": 0.25}
        self.wake(place, result_file(summary="s", artifacts=["a.md"], session_id="abc", usage=usage))
        (done,) = place.archived()
        assert (done["result"]["summary"], done["result"]["artifacts"], done["session_id"]) == ("s", ["a.md"], "abc")
        assert (place.runs()[0]["usage"], place.runs()[0]["session_id"]) == (usage, "abc")

    def test_retry_at_puts_off_and_counts_as_no_retry(self, place):
        self.wake(place, result_file(retry_at=text_at(hours=2)) + "; exit 75")
        waiting = place.task(ONE)
        assert (waiting["status"], waiting["run_at"]) == ("scheduled", text_at(hours=2))
        assert waiting["result"]["type"] == "retry_scheduled"

    def test_retry_at_is_at_least_a_minute_ahead(self, place):
        self.wake(place, result_file(retry_at=text_at(hours=-2)) + "; exit 1")
        assert place.task(ONE)["run_at"] == text_at(minutes=1)

    def test_retry_at_with_another_offset_is_the_same_instant(self, place):
        self.wake(place, result_file(retry_at="2026-04-08T20:00:00.5+02:00") + "; exit 1")
        assert place.task(ONE)["run_at"] == "2026-04-08T18:00:00Z"

    def test_retry_at_is_heeded_fifty_times_in_a_row(self, place):
        body = result_file(retry_at=text_at(minutes=-1)) + "; exit 75"
        for number in range(50):
            self.wake(place, body, at(minutes=number))
            assert place.task(ONE)["status"] == "scheduled"
        assert place.archived() == []
        self.wake(place, body, at(minutes=50))
        (failed,) = place.archived()
        assert (failed["status"], failed["attempts"]) == ("failed", 51)
        assert len(place.runs()) == 51

    def test_a_failure_that_counts_starts_the_row_anew(self, place):
        marker = place.base / "fail"
        body = f"[ ! -e {quoted(marker)} ] || exit 1; {result_file(retry_at=text_at(minutes=-1))}; exit 75"
        for number in range(50):
            self.wake(place, body, at(minutes=number), max_retries=1)
        marker.touch()
        self.wake(place, body, at(minutes=50))
        assert place.task(ONE)["run_at"] == text_at(minutes=51)
        marker.unlink()
        self.wake(place, body, at(minutes=51))
        assert place.task(ONE)["status"] == "scheduled"

    def test_retry_at_after_success_means_nothing(self, place):
        self.wake(place, result_file(retry_at=text_at(hours=2)))
        assert place.archived()[0]["status"] == "completed"

    def test_reschedule_opens_a_new_occurrence(self, place):
        self.wake(place, "echo first; " + result_file(reschedule="2h"), max_retries=1)
        waiting = place.task(ONE)
        assert (waiting["status"], waiting["run_at"], waiting["attempts"]) == ("scheduled", text_at(hours=2), 0)
        assert waiting["occurrence"] == text_at(hours=2)
        assert "result" not in waiting
        (done,) = place.archived()
        assert (done["status"], done["result"]["output"]) == ("completed", "first")
        self.wake(place, "echo second", at(hours=2))
        assert [one["result"]["output"] for one in place.archived()] == ["first", "second"]
        assert [(run["attempt"], run["occurrence"]) for run in place.runs()] == [
            (1, "2026-04-08T16:45:00Z"),
            (1, text_at(hours=2)),
        ]

    def test_reschedule_is_at_least_a_minute_ahead(self, place):
        """An executor that always asks for "now" must not keep one wake busy for ever."""
        assert self.wake(place, result_file(reschedule="now"))["started"] == 1
        assert place.task(ONE)["run_at"] == text_at(minutes=1)

    def test_a_secret_that_json_spells_with_escapes_is_masked(self, place):
        settings = place.home / ".config" / "defer" / "env"
        settings.parent.mkdir(parents=True)
        settings.write_text("TOKEN='say \"please\"'\n")
        said = place.base / "said.json"
        said.write_text(json.dumps({"summary": 'it was say "please"', "artifacts": ['say "please"']}))
        place.write_store(v1_task(executor=place.executor(f'cp {quoted(said)} "$DEFER_RESULT_FILE"')))
        place.wake()
        (record,) = place.archived()
        assert (record["result"]["summary"], record["result"]["artifacts"]) == ("it was [masked]", ["[masked]"])

    def test_reschedule_after_a_failure_means_nothing(self, place):
        self.wake(place, result_file(reschedule="2h") + "; exit 1")
        assert place.archived()[0]["status"] == "failed"

    def test_a_reschedule_that_is_no_time_is_reported_and_not_fatal(self, place):
        self.wake(place, result_file(reschedule="when pigs fly"))
        (done,) = place.archived()
        assert done["status"] == "completed"
        assert "pigs" in done["result"]["result_file_error"]

    @pytest.mark.parametrize(
        ("raw", "complaint"),
        [
            ("hello", "not JSON"),
            ("[]", "not a JSON object"),
            ('{"retry_at":"tomorrow"}', "retry_at"),
            ('{"retry_at":"2026-04-08T18:00:00"}', "offset"),
            ('{"retry_at":"0001-01-01T00:00:00+23:00"}', "retry_at"),
            ('{"retry_at":"9999-12-31T23:59:59-23:00"}', "retry_at"),
            ('{"summary":5}', "summary"),
            ('{"usage":{"cost_usd":"much"}}', "usage.cost_usd"),
            ('{"usage":{"cost_usd":NaN}}', "not JSON"),
            ('{"usage":{"cost_usd":1e999}}', "usage.cost_usd"),
            ('{"usage":{"input_tokens":' + "1" * 5000 + "}}", "not JSON"),
            ('{"artifacts":[1]}', "artifacts"),
            ("[" * 50_000, "not JSON"),
            ('{"summary":"' + "x" * 70_000 + '"}', "larger than 65536"),
        ],
    )
    def test_one_that_is_something_else_is_reported_and_not_fatal(self, place, raw, complaint):
        source = place.base / "raw"
        source.write_text(raw)
        self.wake(place, f'echo out; cat {quoted(source)} >"$DEFER_RESULT_FILE"; exit 1')
        (failed,) = place.archived()
        assert failed["error"] == "executor exited with 1: out"
        assert complaint in failed["result"]["result_file_error"]

    @pytest.mark.parametrize("what", ["mkfifo", "mkdir", "ln -s /etc/passwd", "ln -s /dev/zero"])
    def test_one_that_is_no_file_does_no_harm(self, place, what):
        self.wake(place, f'{what} "$DEFER_RESULT_FILE"')
        (done,) = place.archived()
        assert done["status"] == "completed"
        assert "root:" not in json.dumps(done)


class TestWhatAnExecutorGets:
    def test_the_task_on_one_line_and_then_the_end(self, place):
        out = place.base / "out"
        place.write_store(v1_task(x="two\nlines"))
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(f"cat >{quoted(out)}")})
        (line,) = out.read_text().splitlines()
        got = json.loads(line)
        assert (got["id"], got["status"], got["attempts"], got["x"]) == (ONE, "executing", 1, "two\nlines")

    @pytest.mark.parametrize("command", ["wc -c", ["/usr/bin/wc", "-c"]])
    def test_a_command_reads_nothing(self, place, command):
        """It would take the task's JSON for words that are meant for it."""
        place.write_store(v1_task(command=command))
        place.wake_at(NOW)
        assert place.archived()[0]["result"]["output"].strip() == "0"

    def test_its_variables(self, place):
        place.write_store(v1_task(attempts=1, max_retries=2))
        body = 'env; cat "$DEFER_PROMPT_FILE" >&2'
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(body), "COLOUR": "blue"})
        (run,) = place.runs()
        got = dict(line.split("=", 1) for line in place.archived()[0]["result"]["output"].splitlines())
        assert (got["DEFER_TASK_ID"], got["DEFER_RUN_ID"], got["DEFER_ATTEMPT"]) == (ONE, run["run_id"], "2")
        assert got["DEFER_PROMPT_FILE"] == run["prompt"] == str(place.logs / f"{ONE}.prompt.txt")
        assert Path(got["DEFER_RESULT_FILE"]).parent == place.logs / "attempts" / ONE
        assert got["COLOUR"] == "blue"
        assert b"resume the review" in place.attempt_log(run)

    def test_names_that_our_own_shell_might_use(self, place):
        body = 'printf "%s %s" "$input" "$word"'
        place.write_store(v1_task("a", executor=place.executor(body)))
        place.wake_at(NOW, {"input": "data.csv", "word": "hello"})
        assert place.archived()[0]["result"]["output"] == "data.csv hello"

    @pytest.mark.parametrize("kind", ["workspace", "cwd", "workspace though the cwd is gone", "neither"])
    def test_its_working_directory(self, place, kind):
        there = place.base / "there"
        there.mkdir()
        gone = str(place.base / "gone")
        fields, wanted = {
            "workspace": ({"workspace": str(there), "cwd": str(place.base)}, there),
            "cwd": ({"cwd": str(there)}, there),
            "workspace though the cwd is gone": ({"workspace": str(there), "cwd": gone}, there),
            "neither": ({}, place.home),
        }[kind]
        place.write_store(v1_task(**fields))
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("pwd")})
        assert place.archived()[0]["result"]["output"] == str(wanted)

    def test_the_tasks_own_executor_comes_before_the_variable(self, place):
        place.write_store(v1_task(executor=place.executor("echo mine", "mine")))
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("echo other")})
        assert place.archived()[0]["result"]["output"] == "mine"

    def test_a_prompt_written_before_it_starts(self, place):
        place.write_store(v1_task())
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor('cat "$DEFER_PROMPT_FILE"')})
        output = place.archived()[0]["result"]["output"]
        for part in ("two files are left", "docs/plan.md", "no pushes", "go on with the review", ONE):
            assert part in output


class TestOrderAndSlots:
    def test_what_is_due_runs_in_the_order_of_run_at(self, place):
        order = place.base / "order"
        place.write_store(*(v1_task(name, run_at=text_at(minutes=-number)) for number, name in enumerate("abcde")))
        env = {"DEFER_EXECUTOR": place.executor(f'echo "$DEFER_TASK_ID" >>{quoted(order)}'), "DEFER_MAX_PARALLEL": "1"}
        assert place.wake_at(NOW, env)["completed"] == 5
        assert order.read_text().split() == ["e", "d", "c", "b", "a"]

    def test_no_more_than_the_limit_at_once(self, place):
        live = place.base / "live"
        live.mkdir()
        # Each attempt waits until two have met, and says how many it saw.
        body = f"""
            cd {quoted(live)}; touch $DEFER_TASK_ID
            while [ ! -e ../met ]; do [ $(ls | wc -l) -lt 2 ] || touch ../met; done
            ls | wc -l; rm $DEFER_TASK_ID"""
        place.write_store(*map(v1_task, "abcdef"))
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(body), "DEFER_MAX_PARALLEL": "2"})
        seen = [int(one["result"]["output"]) for one in place.archived()]
        assert len(seen) == 6
        assert max(seen) <= 2

    def test_attempts_of_other_runners_take_slots(self, place):
        me = process.identity(os.getpid())
        run = {"run_id": "r", "runner": me, "leader": me}
        place.write_store(
            *(v1_task(f"x{number}", status="executing", attempts=1, run=run) for number in range(3)),
            *map(v1_task, "ab"),
        )
        assert place.wake_at(NOW, {"DEFER_MAX_PARALLEL": "3"})["started"] == 0
        assert place.wake_at(NOW, {"DEFER_MAX_PARALLEL": "4"})["started"] == 2

    def test_a_long_attempt_keeps_nobody_waiting(self, place):
        release = place.base / "release"
        long = place.executor(until_there(release), "long")
        # The last of ten others lets the long one end.
        count = quoted(place.base / "done")
        quick = place.executor(f"echo >>{count}; [ $(wc -l <{count}) -lt 10 ] || touch {quoted(release)}", "quick")
        place.write_store(
            v1_task("long", executor=long, run_at=text_at(minutes=-1)),
            *(v1_task(f"q{number}", executor=quick) for number in range(10)),
        )
        assert place.wake_at(NOW, {"DEFER_MAX_PARALLEL": "2"})["completed"] == 11
        # The long one and the one that let it end may settle in either order.
        assert "long" in {record["id"] for record in place.archived()[-2:]}

    def test_a_task_scheduled_meanwhile_is_taken_by_the_same_wake(self, place):
        place.write_store(v1_task("first"))
        schedule = f"{quoted(SCRIPTS / 'schedule-task.sh')} --when now --summary s --id late --executor /bin/true"
        executor = place.executor(f"{schedule} >&2")
        assert place.wake_at(at(days=3650), {"DEFER_EXECUTOR": executor})["completed"] == 2


class TestWorkspace:
    BODY = "mkdir busy || exit 1; sleep 0.05; rmdir busy"

    def test_is_never_shared(self, place):
        place.write_store(*(v1_task(name, workspace=str(place.home)) for name in "abcd"))
        counts = place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(self.BODY)})
        assert (counts["completed"], counts["failed"]) == (4, 0)

    def test_nor_is_the_directory_that_a_callback_goes_on_in(self, place):
        back = {"execution": {"mode": "callback", "prompt_template": "p"}, "session_directory": str(place.home)}
        tasks = [v1_task(name, session_id=name, **back) for name in "abc"]
        place.write_store(*tasks, v1_task("d", workspace=str(place.home)))
        counts = place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(self.BODY)})
        assert (counts["completed"], counts["failed"]) == (4, 0)

    def test_is_shared_by_tasks_that_say_so(self, place):
        meet = "touch $DEFER_TASK_ID; while [ ! -e a ] || [ ! -e b ]; do sleep 0.01; done"
        place.write_store(*(v1_task(name, workspace=str(place.home), concurrent=True) for name in "ab"))
        assert place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(meet)})["completed"] == 2

    def test_of_an_attempt_elsewhere_is_respected(self, place):
        me = process.identity(os.getpid())
        place.write_store(
            v1_task("x", status="executing", attempts=1, workspace="/w", run={"run_id": "r", "runner": me}),
            v1_task("a", workspace="/w"),
            v1_task("b", workspace="/w", concurrent=True, executor="/bin/true"),
        )
        place.wake_at(NOW)
        assert place.task("a")["status"] == "scheduled"
        assert "b" not in place.tasks()


class TestExpiry:
    def test_a_task_past_its_time_is_not_started(self, place):
        place.write_store(v1_task(expires_at=text_at(minutes=-1)), v1_task("b", expires_at=text_at(minutes=1)))
        counts = place.wake_at(NOW)
        assert (counts["expired"], counts["completed"]) == (1, 1)
        expired, done = sorted(place.archived(), key=lambda one: one["status"], reverse=True)
        assert (expired["status"], expired["error_type"], expired["attempts"]) == ("failed", "Expired", 0)
        assert done["id"] == "b"

    def test_a_record_with_the_fewest_fields_expires_too(self, place):
        place.write_store(
            b'{"id":"a","status":"scheduled","run_at":"2026-04-08T16:00:00Z","expires_at":"2026-04-08T16:01:00Z"}\n'
        )
        assert place.wake_at(NOW)["expired"] == 1

    def test_a_retry_past_it_is_not_made(self, place):
        place.write_store(v1_task(max_retries=3, expires_at=text_at(seconds=30)))
        env = {"DEFER_EXECUTOR": place.executor("exit 1")}
        place.wake_at(NOW, env)
        assert place.wake_at(at(minutes=1), env)["expired"] == 1
        assert place.archived()[0]["attempts"] == 1


class TestStop:
    def test_ends_attempts_and_has_them_retried(self, place):
        started = place.base / "started"
        place.write_store(v1_task(max_retries=1), v1_task("later-one"), v1_task("later-two"))
        body = f"touch {quoted(started)}; exec sleep 600"
        runner = Runner(
            place.store(),
            place.config({"DEFER_EXECUTOR": place.executor(body), "DEFER_MAX_PARALLEL": "1"}),
            AuditLog(place.log_path),
            lambda: NOW,
        )

        def stop():
            until(started.exists)
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=stop).start()
        runner.wake()
        # ids sort `later-…` before `task_…`, so the first of them was at work and has no retries.
        (failed,) = place.archived()
        assert (failed["error_type"], failed["error"]) == ("RunnerStopped", "the runner was stopped")
        assert {one["status"] for one in place.tasks().values()} == {"scheduled"}
        assert [run["error_type"] for run in place.runs()] == ["RunnerStopped"]


class TestStoreTrouble:
    """A store that cannot be written for a while must cost no attempt that is under way."""

    def failing_appends(self, monkeypatch, fails) -> None:
        whole = fsio.append

        def append(path, data, **known):
            if fails(path, data):
                raise OSError(28, "No space left on device", str(path))
            return whole(path, data, **known)

        monkeypatch.setattr(fsio, "append", append)

    def test_an_outcome_is_written_again_until_it_stands(self, place, monkeypatch):
        place.write_store(v1_task())
        tries = []

        def fails(path, data):
            settling = path == place.store_path and b'"status":"completed"' in data
            tries.extend([1] if settling else [])
            return settling and len(tries) < 3

        self.failing_appends(monkeypatch, fails)
        monkeypatch.setattr("defer.run.agenda._FAILED_AGAIN_SECONDS", 0.01)
        assert place.wake_at(NOW, {"DEFER_EXECUTOR": "/bin/true"})["completed"] == 1
        assert len(tries) == 3
        assert place.archived()[0]["status"] == "completed"

    def test_an_outcome_for_which_there_is_no_room_is_kept_without_its_output(self, place, monkeypatch):
        place.write_store(v1_task("a", executor=place.executor("echo loud")))
        self.failing_appends(monkeypatch, lambda path, data: path == place.store_path and b"loud" in data)
        assert place.wake_at(NOW)["completed"] == 1
        result = place.archived()[0]["result"]
        assert (result["output"], result["output_bytes"], result["output_truncated"]) == ("", 4, True)

    def test_a_claim_that_fails_leaves_running_attempts_alone(self, place, monkeypatch):
        gone = place.base / "claim failed"
        place.write_store(v1_task("a"), v1_task("b", run_at=text_at(minutes=1)))
        moments = iter([NOW] * 4)
        clock = lambda: next(moments, at(minutes=2))  # noqa: E731

        def fails(path, data):
            claiming = path == place.store_path and b'"id":"b","status":"executing"' in data
            if claiming and not gone.exists():
                gone.touch()
                return True
            return False

        self.failing_appends(monkeypatch, fails)
        body = f"[ $DEFER_TASK_ID = b ] || {until_there(gone)}"
        runner = Runner(
            place.store(),
            place.config({"DEFER_EXECUTOR": place.executor(body)}),
            AuditLog(place.log_path),
            clock,
            claim_every=0.05,
        )
        runner.wake()
        assert {one["id"]: one["status"] for one in place.archived()} == {"a": "completed", "b": "completed"}
        assert "claim_failed" in "".join(place.audit())

    def test_filing_that_fails_leaves_running_attempts_alone(self, place):
        place.archive_dir.parent.mkdir(parents=True)
        place.archive_dir.write_text("a file where a directory belongs")
        done = place.base / "done"
        place.write_store(v1_task("quick"), v1_task("slow"))
        body = f"""
            if [ $DEFER_TASK_ID = quick ]; then exit 0; fi
            while ! grep -q completed.*quick {quoted(place.log_path)}; do sleep 0.01; done
            sleep 0.1; touch {quoted(done)}"""
        with pytest.raises(StorageError, match="Not a directory"):
            place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(body)})
        assert done.exists()
        assert {one["status"] for one in place.tasks().values()} == {"completed"}
        place.archive_dir.unlink()
        place.wake_at(NOW)
        assert {one["id"] for one in place.archived()} == {"quick", "slow"}


class TestWhatPeopleHear:
    def test_a_failure_is_one_printable_line_on_stderr(self, place, capsys):
        place.write_store(v1_task())
        body = "printf 'first\\rlast \\033[31mred\\007 alert\\n' >&2; exit 1"
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(body)})
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"defer: task failed: {ONE}: executor exited with 1: ")
        assert err.count("\n") == 1
        assert err.rstrip("\n").isprintable()

    def test_success_and_retries_print_nothing(self, place, capsys):
        place.write_store(v1_task(), v1_task("b", max_retries=1, executor=place.executor("exit 1")))
        place.wake_at(NOW)
        assert capsys.readouterr() == ("", "")

    def test_the_audit_log_tells_the_story(self, place):
        place.write_store(v1_task(max_retries=1))
        env = {"DEFER_EXECUTOR": place.executor("echo a b >&2; exit 1")}
        place.wake_at(NOW, env)
        place.wake_at(at(minutes=1), env)
        error = '"executor exited with 1: a b"'
        first, second = (run["run_id"] for run in place.runs())
        assert place.audit() == [
            f"2026-04-08T16:45:00Z started id={ONE} run={first} attempt=1",
            f"2026-04-08T16:45:00Z retry_scheduled id={ONE} attempt=1 error={error} run_at=2026-04-08T16:46:00Z",
            f"2026-04-08T16:46:00Z started id={ONE} run={second} attempt=2",
            f"2026-04-08T16:46:00Z failed id={ONE} attempt=2 error={error}",
            f"2026-04-08T16:46:00Z archived id={ONE} status=failed",
        ]


class TestADiskThatLetsNothingBegin:
    def test_a_claim_is_undone_and_the_wake_says_why(self, place):
        """A prompt that cannot be written does not fail the task: it runs when the disk is mended."""
        place.write_store(v1_task("a", executor=place.executor("echo done")), v1_task("b"))
        place.logs.parent.mkdir(exist_ok=True)
        place.logs.write_text("a file where the directory belongs")
        with pytest.raises(StorageError, match="directory"):
            place.wake_at(NOW)
        for waiting in place.tasks().values():
            assert (waiting["status"], waiting["attempts"]) == ("scheduled", 0)
            assert "run" not in waiting
        place.logs.unlink()
        assert place.wake_at(NOW)["completed"] == 2
        assert [run["attempt"] for run in place.runs()] == [1, 1]


class TestRecordsEditedByHand:
    """Whatever stands in one record, it must not keep the others waiting."""

    @pytest.mark.parametrize(
        ("fields", "complaint"),
        [
            ({"recurrence": {"expression": "garbage", "tz": "UTC", "anchor": text_at()}}, "garbage"),
            ({"recurrence": {"expression": "every 2h", "tz": "Nowhere/Never", "anchor": text_at()}}, "Nowhere/Never"),
            ({"recurrence": {"expression": "x" * 70_000, "tz": "UTC", "anchor": text_at()}}, "cannot be read"),
            ({"command": ["/bin/echo", "a\0"]}, "null byte"),
        ],
    )
    def test_one_that_cannot_be_run_fails_alone(self, place, fields, complaint):
        place.write_store(v1_task("odd", occurrence=text_at(), **fields), v1_task("plain"))
        counts = place.wake_at(NOW)
        assert (counts["failed"], counts["completed"]) == (1, 1)
        (odd,) = [record for record in place.archived() if record["id"] == "odd"]
        assert complaint in odd["error"]

    def test_an_outcome_is_kept_where_the_recurrence_became_unreadable(self, place):
        odd = v1_task(
            "odd",
            attempts=1,
            max_retries=1,
            occurrence=text_at(),
            recurrence={"expression": "garbage", "tz": "UTC", "anchor": text_at()},
        )
        place.write_store(odd)
        assert place.wake_at(NOW)["completed"] == 1
        (record,) = place.archived()
        assert "recurrence cannot be read" in record["last_error"]


def test_an_earlier_wake_of_the_same_process_counts_as_gone(place):
    """Under --loop one process wakes many times; what a failed wake left executing is nobody's."""
    me = {**process.identity(os.getpid()), "wake": "earlier"}
    run = {"run_id": "r", "runner": me, "leader": {**me, "pid": 2**22 + 1}}
    place.write_store(v1_task("left", status="executing", attempts=1, run=run))
    assert place.wake_at(NOW)["lost"] == 1


class TestSettledByAnother:
    """Two wakes find the same attempt lost, say: who comes second finds it filed, and goes on with the rest."""

    @staticmethod
    def runner_of(place, between):
        """A runner whose store calls ``between`` once, after the first look of that kind."""

        class Interrupted(type(place.store())):
            def __getattribute__(self, name):
                found = super().__getattribute__(name)
                if name != between[0]:
                    return found

                def and_then(*args):
                    result = found(*args)
                    between[1]()
                    return result

                return and_then

        store = place.store()
        store.__class__ = Interrupted
        return Runner(store, place.config(), AuditLog(place.log_path), lambda: NOW)

    def test_a_lost_attempt(self, place):
        gone = {**process.identity(os.getpid()), "pid": 2**22 + 1}
        run = {"run_id": "run_lost", "runner": gone, "leader": gone}
        place.write_store(v1_task("lost", status="executing", attempts=1, started_at=text_at(), run=run))
        runner = self.runner_of(place, ("attention", lambda: place.wake_at(NOW)))
        runner.wake()
        assert runner.counts["lost"] == 0
        (filed,) = place.archived()
        assert (filed["id"], filed["error_type"]) == ("lost", "RunnerLost")

    def test_a_claim_that_never_began(self, place):
        gone = {**process.identity(os.getpid()), "pid": 2**22 + 1}
        run = {"run_id": "run_never", "runner": gone}
        place.write_store(v1_task("never", status="executing", attempts=1, started_at=text_at(), run=run))
        self.runner_of(place, ("attention", lambda: place.wake_at(NOW))).wake()
        assert [one["status"] for one in place.archived()] == ["completed"]

    def test_a_record_that_goes_between_claim_and_start_is_not_run(self, place):
        place.check_records = lambda: None
        ran = place.base / "ran"
        place.write_store(v1_task("gone", executor=place.executor(f"touch {quoted(ran)}")))
        self.runner_of(place, ("claim_due", lambda: place.store_path.write_bytes(b""))).wake()
        assert not ran.exists()

    def test_a_record_removed_by_hand_during_its_attempt_costs_no_other_its_outcome(self, place):
        place.check_records = lambda: None
        go = place.base / "go"
        removes = place.executor(f"sed -i '/gone-by-hand/d' {quoted(place.store_path)}; touch {quoted(go)}", "removes")
        waits = place.executor(f"{until_there(go)}; echo fine", "waits")
        place.write_store(v1_task("gone-by-hand", executor=removes), v1_task("other", executor=waits))
        assert place.wake_at(NOW)["completed"] == 1
        assert [(one["id"], one["status"]) for one in place.archived()] == [("other", "completed")]
        assert "outcome_dropped id=gone-by-hand" in place.log_path.read_text()


class TestWhatCannotBeReadAgain:
    """A mistake of ours that makes a record nobody can read must not make a wake claim it again and again."""

    @pytest.fixture
    def broken(self, monkeypatch):
        whole = claim.choose

        def choose(hot, **known):
            return [{**one, "attempts": "1"} if one["id"] == "a" else one for one in whole(hot, **known)]

        monkeypatch.setattr(claim, "choose", choose)

    @pytest.mark.usefixtures("broken")
    def test_is_not_claimed_and_costs_no_neighbour_anything(self, place):
        place.write_store(v1_task("a"), v1_task("b"))
        before = place.task("a")
        assert place.wake_at(NOW)["completed"] == 1
        assert place.archived()[0]["id"] == "b"
        assert {action for action, facts in place.reported if facts.get("id") == "a"} == {"claim_failed"}
        assert place.task("a") == before

    def test_is_not_put_in_the_place_of_a_record_that_can(self, place):
        place.write_store(v1_task("a"))
        before = place.store_path.read_bytes()
        with pytest.raises(StorageError, match="a change of a could not be read again: attempts is not usable: -1"):
            place.store().update("a", NOW, lambda one: {**one, "attempts": -1})
        assert place.store_path.read_bytes() == before


GO = "while [ ! -e {} ]; do sleep 0.01; done"
"""Shell words that wait for a file."""


def beside(place, odd: str, env=None, **fields) -> dict[str, dict]:
    """The ends of ``odd`` and of a neighbour that ends after it, in one wake of a real process."""
    ended = place.base / "odd has ended"
    neighbour = place.executor(GO.format(quoted(ended)), "neighbour")
    odd_one = place.executor(f"{odd}\ntouch {quoted(ended)}", "odd")
    place.write_store(v1_task("neighbour", executor=neighbour), v1_task("odd", executor=odd_one, **fields))
    done = place.run("run-deferred.sh", env=env)
    assert done.returncode == 0, done.stderr
    return {one["id"]: one for one in place.archived()}


class TestOddEnds:
    """Whatever is odd about the end of one attempt is its own."""

    def test_output_in_a_charset_that_makes_no_text(self, place):
        ended = beside(place, r'printf "caf\351"', env={"LC_ALL": "C.hex"})
        assert {one["status"] for one in ended.values()} == {"completed"}
        assert ended["odd"]["result"]["output"] == "caf\ufffd"

    def test_a_secret_that_ends_in_the_middle_of_a_character(self, place):
        settings = place.home / "settings"
        settings.write_bytes(b"TOKEN=\xa9abc\n")
        settings.chmod(0o600)
        said = r"""printf '{"summary":"\303\251abc"}' >"$DEFER_RESULT_FILE" """
        ended = beside(place, said, env={"DEFER_ENV_FILE": str(settings)})
        assert {one["status"] for one in ended.values()} == {"completed"}
        assert ended["odd"]["result"]["summary"] == "\ufffd[masked]"

    def test_a_result_file_that_cannot_be_removed(self, place, monkeypatch):
        whole = fsio.remove

        def remove(path):
            if path.name.endswith("result.json"):
                raise PermissionError(13, "Permission denied", str(path))
            whole(path)

        monkeypatch.setattr(fsio, "remove", remove)
        place.write_store(v1_task("a", executor=place.executor(result_file(summary="done"))))
        assert place.wake_at(NOW)["completed"] == 1
        assert place.archived()[0]["result"]["summary"] == "done"

    @pytest.mark.parametrize("what", ["executors.resultfile.read", "run.charsets.text", "run.attempt.Attempt._drain"])
    def test_an_exception_while_the_end_is_read(self, place, monkeypatch, what):
        def mistake(*_, **__):
            raise ZeroDivisionError("a mistake of ours")

        monkeypatch.setattr(f"defer.{what}", mistake)
        fails = place.executor(f"{result_file(summary='x')}; exit 3", "fails")
        place.write_store(v1_task("a", executor=place.executor(result_file(summary="x"))), v1_task("b", executor=fails))
        counts = place.wake_at(NOW)
        assert (counts["completed"], counts["failed"]) == (1, 1)
        for one in place.archived():
            assert one["result"]["result_file_error"] == "the end could not be read: ZeroDivisionError"

    def test_a_process_table_that_cannot_be_read_for_a_moment(self, place, monkeypatch):
        whole, calls = os.listdir, []

        def listdir(path="."):
            if path == "/proc":
                calls.append(path)
                if len(calls) == 1:
                    raise OSError(23, "Too many open files in system", path)
            return whole(path)

        monkeypatch.setattr(os, "listdir", listdir)
        place.write_store(v1_task("a", executor=place.executor("exec sleep 600 >/dev/null 2>&1 &")))
        assert place.wake_at(NOW, {"DEFER_KILL_GRACE_SECONDS": "1"})["completed"] == 1
        assert len(calls) > 1

    def test_a_secret_among_the_words_of_a_reschedule_is_masked(self, place):
        settings = {"API_TOKEN": "s3cr3t-canary"}
        said = """printf '{"reschedule":"%s"}' "$API_TOKEN" >"$DEFER_RESULT_FILE" """
        place.write_store(v1_task("a", executor=place.executor(said)))
        place.wake_at(NOW, settings=settings)
        assert "[masked]" in place.archived()[0]["result"]["result_file_error"]
        assert "s3cr3t-canary" not in json.dumps(place.archived())

    @pytest.mark.slow
    @pytest.mark.parametrize("_", range(3))
    def test_the_exit_code_of_a_timeout_beside_one_that_forks(self, place, _):
        forks = "i=0; while [ $i -lt 400 ]; do (exec sleep 0.001 &); i=$((i+1)); done"
        noisy = v1_task("noisy", executor=place.executor(forks, "noisy"), run_at="2026-04-08T16:40:00Z")
        sleeps = place.executor("exec sleep 600", "sleeps")
        timed = [v1_task(f"t{n}", executor=sleeps, timeout_seconds=0.2 + n * 0.05) for n in range(12)]
        place.write_store(noisy, *timed)
        place.wake(env={"DEFER_MAX_PARALLEL": "20"})
        codes = {run["exit_code"] for run in place.runs() if run["task_id"] != "noisy"}
        assert codes == {-signal.SIGTERM}


class TestWhileItClaims:
    """A claim of many goes on for a while, and those at work are looked after meanwhile."""

    def test_a_stop_is_heard(self, place, monkeypatch):
        claims, whole = [], claim.choose

        def choose(hot, **known):
            claims.append(1)
            if len(claims) == 5:
                signal.raise_signal(signal.SIGTERM)
            return whole(hot, **known)

        monkeypatch.setattr(claim, "choose", choose)
        place.write_store(*[v1_task(f"t{number:03}") for number in range(400)])
        counts = place.wake_at(NOW)
        assert len(claims) == 5
        assert 0 < counts["started"] < 400
        assert {one["status"] for one in place.tasks().values()} == {"scheduled"}

    def test_a_stop_before_the_first_claim_starts_nothing(self, place):
        place.write_store(v1_task("a", executor=place.executor("exec sleep 600")))
        with Loop() as loop:
            os.kill(os.getpid(), signal.SIGTERM)
            runner = Runner(place.store(), place.config(), AuditLog(place.log_path), lambda: NOW, loop=loop)
            runner.wake()
        assert runner.counts["started"] == 0
        assert place.task("a")["status"] == "scheduled"

    def test_a_deadline_is_kept(self, place, monkeypatch):
        """Each claim takes what comes; the one that is overdue is ended between two of them."""
        claims, ended_after = [], []
        whole, due = claim.choose, []

        def choose(hot, **known):
            claims.append(1)
            if len(claims) == 20:  # the time is over by then, however fast the machine
                while time.monotonic() < due[0]:
                    time.sleep(0.005)
            return whole(hot, **known)

        release = Attempt.release
        monkeypatch.setattr(Attempt, "release", lambda self, *by: (release(self, *by), due.append(self.next_look())))
        monkeypatch.setattr(claim, "choose", choose)
        end = Attempt.end
        monkeypatch.setattr(Attempt, "end", lambda self, why: (ended_after.append(len(claims)), end(self, why))[1])
        sleeps = place.executor("exec sleep 600")
        first = v1_task("first", executor=sleeps, timeout_seconds=0.05, run_at="2026-04-08T16:40:00Z")
        place.write_store(first, *[v1_task(f"t{number:03}") for number in range(200)])
        place.wake_at(NOW)
        assert ended_after[0] <= 20 < len(claims)

    def test_one_start_that_fails_holds_up_claims_for_a_while_only(self, place, monkeypatch):
        whole, failed = executor.write_prompt, []

        def write(one, paths, *more):
            if one["id"] == "b" and not failed:
                failed.append(1)
                raise OSError(28, "No space left on device", str(paths.prompt))
            return whole(one, paths, *more)

        monkeypatch.setattr(executor, "write_prompt", write)
        ran = place.base / "ran"
        waits = place.executor(GO.format(quoted(ran)), "waits")
        place.write_store(
            v1_task("a", executor=waits, run_at="2026-04-08T16:40:00Z"),
            v1_task("b", executor=place.executor(f"touch {quoted(ran)}", "touches")),
        )
        with pytest.raises(StorageError, match="No space left"):
            place.wake_at(NOW, claim_every=0.1)
        assert {one["id"]: one["status"] for one in place.archived()} == {"a": "completed", "b": "completed"}

    def test_a_prompt_that_is_in_ones_own_way_alone_holds_up_nobody(self, place):
        place.write_store(v1_task("a", run_at="2026-04-08T16:40:00Z"), v1_task("b"))
        (place.logs / "a.prompt.txt").mkdir(parents=True)
        assert place.wake_at(NOW, {"DEFER_MAX_PARALLEL": "1"})["completed"] == 1
        assert {one["id"]: one["error_type"] for one in place.archived() if "error_type" in one} == {"a": "ConfigError"}

    def test_a_claim_that_was_written_though_the_disk_said_no_is_put_back(self, place, monkeypatch):
        whole, failed = fsio.append, []
        ran = place.base / "ran"

        def append(path, data, **known):
            state = whole(path, data, **known)
            if not failed and b'"id":"b"' in data and b'"executing"' in data:
                failed.append(1)
                raise OSError(5, "I/O error", str(path))
            return state

        monkeypatch.setattr(fsio, "append", append)
        # The second is due once the first is at work, which waits for it.
        due = place.base / "due"
        waits = place.executor(f"touch {quoted(due)}; {GO.format(quoted(ran))}", "waits")
        touches = place.executor(f"touch {quoted(ran)}", "touches")
        place.write_store(
            v1_task("a", executor=waits, run_at="2026-04-08T16:40:00Z"),
            v1_task("b", executor=touches, run_at=text_at(minutes=5)),
        )
        clock = lambda: at(minutes=10) if due.exists() else NOW  # noqa: E731
        Runner(place.store(), place.config(), AuditLog(place.log_path), clock, claim_every=0.1).wake()
        assert {one["id"]: one["status"] for one in place.archived()} == {"a": "completed", "b": "completed"}

    def test_nothing_is_busy_while_an_outcome_is_refused(self, place, monkeypatch):
        whole, refused, turns = fsio.append, [], []
        wait = Loop.wait

        def append(path, data, **known):
            if path == place.store_path and b'"id":"b"' in data and b'"completed"' in data and len(refused) < 3:
                refused.append(1)
                raise OSError(28, "No space left on device", str(path))
            return whole(path, data, **known)

        monkeypatch.setattr(fsio, "append", append)
        monkeypatch.setattr(fsio, "give_back", lambda path, size: False)
        monkeypatch.setattr("defer.run.agenda._FAILED_AGAIN_SECONDS", 0.2)
        monkeypatch.setattr(Loop, "wait", lambda self, until: (turns.append(1), wait(self, until))[1])
        first = place.base / "first"
        place.write_store(
            v1_task("a", executor=place.executor(f"touch {quoted(first)}", "first")),
            v1_task("b", executor=place.executor(GO.format(quoted(first)), "second")),
        )
        assert place.wake_at(NOW)["completed"] == 2
        assert len(turns) < 50


class Ended:
    """An attempt that is over."""

    had_to_end_others = False
    given_up = ()
    leads_on = False

    def __init__(self, one, came_to):
        self.task, self.run_id, self._came_to = one, one["run"]["run_id"], came_to

    def finish(self, _now):
        return self._came_to


def test_of_two_attempts_of_one_task_that_end_together_the_one_it_carries_counts(place, monkeypatch):
    """Somebody freed the task by hand during its first attempt, and this wake has begun a second one."""
    first, second = (v1_task("a", status="executing", attempts=1, run={"run_id": name}) for name in ("one", "two"))
    place.write_store(second)
    loop = Loop()
    loop.attempts.update({"one": Ended(first, FAILED), "two": Ended(second, DONE)})

    def both(self, _until):
        over = list(self.attempts.values())
        self.attempts.clear()
        return over

    monkeypatch.setattr(Loop, "wait", both)
    runner = Runner(place.store(), place.config(), AuditLog(place.log_path), lambda: NOW, loop=loop)
    runner.wake()
    assert (runner.counts["completed"], runner.counts["failed"]) == (1, 0)
    assert [line.split(" ")[1] for line in place.audit()] == ["outcome_dropped", "completed", "archived"]
