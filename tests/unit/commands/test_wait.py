"""`wait`, and `run --wait`: how they end, what they print, and what they leave to others."""

from __future__ import annotations

import os
import re
import signal
from datetime import timedelta

import pytest

from defer.run.atonce import AtOnce
from support import NOW, Place, leaving_pid, quoted, strict, text_at, until, until_there, v1_task, validator
from terminal import on_terminal

pytestmark = pytest.mark.programs


def job(place: Place, body: str, *flags: str) -> str:
    """A task that waits for long, and what it does when it runs; its id."""
    executor = place.executor(f"cat >/dev/null\n{body}")
    done = place.defer("--when", "300d", "--summary", "s", "--id", "job", "--executor", executor, *flags)
    assert done.returncode == 0, done.stderr
    return "job"


class TestWait:
    def test_the_end_that_comes_is_printed_and_its_outcome_is_the_exit_status(self, place: Place) -> None:
        for number, (code, status) in enumerate(((0, "completed"), (3, "failed"))):
            executor = place.executor(f"cat >/dev/null; {until_there(place.base / f'go{number}')}; exit {code}")
            place.schedule("now", "s", "--id", f"t{number}", "--executor", executor)
            waiting = place.start("schedule-task.sh", "wait", f"t{number}", "--compact")
            place.start("run-deferred.sh")
            until(lambda name=f"t{number}": (place.tasks().get(name) or {}).get("status") == "executing")
            (place.base / f"go{number}").touch()
            out, err = waiting.communicate()
            assert (waiting.returncode, err) == (int(code > 0), b"")
            ended = strict(out)
            validator().validate(ended)
            assert (ended["id"], ended["status"]) == (f"t{number}", status)

    def test_what_has_ended_is_not_waited_for(self, place: Place) -> None:
        place.schedule("now", "s", "--id", "t", "--executor", place.executor("exit 3"))
        place.wake()
        done = place.defer("wait", "t", "--table")
        assert (done.returncode, done.stdout) == (1, "t failed: executor exited with 3\n")

    def test_after_its_time_it_says_what_the_task_does(self, place: Place) -> None:
        job(place, "exit 0")
        done = place.defer("wait", "job", "--timeout", "1s")
        assert (done.returncode, done.stdout) == (75, "")
        assert done.stderr.startswith("defer: not ended yet: job runs in 299 days 23 hours (defer wait job goes on")
        place.defer("pause", "job")
        assert "not ended yet: job is paused" in place.defer("wait", "job", "--timeout", "0").stderr

    def test_what_is_due_and_has_not_begun_is_said_to_have_been_due(self, place: Place) -> None:
        place.write_store(v1_task("late", run_at="2026-04-08T16:45:00Z"))
        done = place.defer("wait", "late", "--timeout", "0")
        assert done.returncode == 75
        assert re.match("defer: not ended yet: late was due [0-9].* ago ", done.stderr)

    def test_a_cancelled_one_did_not_run(self, place: Place) -> None:
        job(place, "exit 0")
        waiting = place.start("schedule-task.sh", "wait", "job", "--table")
        place.defer("cancel", "job", "--reason", "not needed")
        out, _ = waiting.communicate()
        assert (waiting.returncode, out) == (1, b"job was cancelled: not needed\n")

    @pytest.mark.parametrize(
        ("words", "code", "said"),
        [
            (("nobody",), 1, "no such task: nobody"),
            ((), 2, "wait takes one id"),
            (("job", "--timeout", "soon"), 2, "--timeout takes a duration"),
        ],
    )
    def test_what_cannot_be_waited_for_is_refused(
        self, place: Place, words: tuple[str, ...], code: int, said: str
    ) -> None:
        done = place.defer("wait", *words)
        assert (done.returncode, done.stdout) == (code, "")
        assert said in done.stderr


class TestRunAndWait:
    def test_its_output_is_printed_and_its_outcome_is_the_exit_status(self, place: Place) -> None:
        job(place, r"""printf 'one\377\ntwo\n'; exit 3""")
        done = place.defer("run", "job", "--wait", text=None)
        assert (done.returncode, done.stdout.encode(errors="surrogateescape")) == (1, b"one\xff\ntwo\n")
        until(lambda: place.archived() and place.runs())  # its wake may still be filing
        (copy,) = place.archived()
        assert done.stderr == f"defer: {copy['id']} failed: executor exited with 3: two\n"
        assert (copy["copy_of"], copy["status"]) == ("job", "failed")
        assert place.task("job")["status"] == "scheduled"
        assert [run["task_id"] for run in place.runs()] == [copy["id"]]

    def test_on_a_terminal_nothing_of_it_is_obeyed(self, place: Place) -> None:
        job(place, r"""printf 'one\033[31m\ntwo'""")
        status, text = on_terminal(place, "run", "job", "--wait")
        lines = text.splitlines()
        assert (status, lines[:2]) == (0, [r"one\x1b[31m", "two"])
        assert lines[2].endswith(" completed")

    def test_json_is_the_record_at_its_end(self, place: Place) -> None:
        job(place, "echo done")
        done = place.defer("run", "--wait", "--compact", "job")
        ended = strict(done.stdout)
        validator().validate(ended)
        assert (done.returncode, ended["status"], ended["result"]["output"]) == (0, "completed", "done")

    def test_it_runs_in_the_environment_of_a_wake(self, place: Place) -> None:
        settings = place.base / "settings"
        settings.write_text("PATH=/opt/ours:/usr/bin:/bin\nFROM_FILE=yes\n")
        settings.chmod(0o600)
        job(place, 'echo "$PATH ${FROM_FILE-} ${FROM_SHELL-} ${DEFER_TIMEZONE-}"; umask')
        env = {"DEFER_ENV_FILE": str(settings), "FROM_SHELL": "no", "PATH": f"{place.base}:/usr/bin:/bin"}
        done = place.defer("run", "job", "--wait", env=env, umask=0o027)
        assert done.stdout == "/opt/ours:/usr/bin:/bin yes  UTC\n0027\n"

    def test_while_every_slot_is_taken_it_waits_and_says_so(self, place: Place) -> None:
        place.env["DEFER_MAX_PARALLEL"] = "1"
        job(place, "echo done")
        executor = place.executor(f"cat >/dev/null; {until_there(place.base / 'go')}", "first")
        place.schedule("now", "s", "--id", "first", "--executor", executor)
        place.start("run-deferred.sh")
        until(lambda: place.task("first")["status"] == "executing")
        waiting = place.start("schedule-task.sh", "run", "job", "--wait")
        said = waiting.stderr.readline()
        assert said.endswith(b" waits: the only slot is taken, by first (DEFER_MAX_PARALLEL)\n")
        (place.base / "go").touch()
        assert (waiting.wait(), waiting.stdout.read()) == (0, b"done\n")

    def test_retries_are_made_and_waited_for(self, place: Place) -> None:
        place.env["DEFER_RETRY_DELAY_SECONDS"] = "1"
        job(place, 'echo "attempt $DEFER_ATTEMPT"; [ "$DEFER_ATTEMPT" -gt 1 ]', "--max-retries", "1")
        done = place.defer("run", "job", "--wait")
        assert (done.returncode, done.stdout) == (0, "attempt 1\nattempt 2\n")
        assert "nothing that can be seen" not in done.stderr

    def test_a_retry_that_is_far_away_is_said(self, place: Place) -> None:
        place.env["DEFER_RETRY_DELAY_SECONDS"] = "3600"
        job(place, "exit 1", "--max-retries", "1")
        waiting = place.start("schedule-task.sh", "run", "job", "--wait")
        assert b" is tried again " in waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        waiting.communicate()
        assert waiting.returncode == 130

    def test_and_said_once_however_long_it_takes(self, place: Place) -> None:
        now, told = [NOW], []
        place.write_store(v1_task("job", attempts=1, run_at=text_at(minutes=5), last_error="no luck"))
        copy = place.task("job")
        one = AtOnce(place.store(), place.config(), lambda: now[0], copy, told.append)
        for _ in range(3):
            one._see_to_it()
            now[0] += timedelta(seconds=1)
        assert told == ["job is tried again in 5 minutes: no luck"]

    def test_who_goes_away_does_not_end_the_attempt(self, place: Place) -> None:
        job(place, f"{leaving_pid(place.base / 'up')}; {until_there(place.base / 'go')}; echo done")
        waiting = place.start("schedule-task.sh", "run", "job", "--wait")
        until((place.base / "up").exists)
        (runner,) = (one["run"]["runner"]["pid"] for one in place.tasks().values() if one.get("run"))
        assert os.getpgid(runner) != os.getpgid(waiting.pid)  # a terminal's Ctrl-C goes to the whole group
        waiting.send_signal(signal.SIGINT)
        _, err = waiting.communicate()
        assert (waiting.returncode, b"goes on (defer log " in err) == (130, True)
        (place.base / "go").touch()
        until(lambda: [one["status"] for one in place.archived()] == ["completed"])

    @pytest.mark.parametrize(("end", "status", "exit_status"), [("exit 0", "completed", 0), ("exit 3", "failed", 1)])
    def test_a_reader_that_closes_early_does_not_end_it_either(
        self, place: Place, end: str, status: str, exit_status: int
    ) -> None:
        job(place, f"echo one; {until_there(place.base / 'go')}; seq 100000; {end}")
        waiting = place.start("schedule-task.sh", "run", "job", "--wait")
        assert waiting.stdout.readline() == b"one\n"
        waiting.stdout.close()
        (place.base / "go").touch()
        until(lambda: [one["status"] for one in place.archived()] == [status])
        assert waiting.wait() == exit_status

    def test_a_wake_that_cannot_work_is_told(self, place: Place) -> None:
        job(place, "exit 0")
        settings = place.base / "settings"
        settings.write_text("DEFER_MAX_PARALLEL=none\n")
        settings.chmod(0o600)
        done = place.defer("run", "job", "--wait", env={"DEFER_ENV_FILE": str(settings)})
        assert (done.returncode, "the wake could not do its work: " in done.stderr) == (1, True)
        assert "DEFER_MAX_PARALLEL must be a whole number" in done.stderr

    def test_without_wait_nothing_is_run(self, place: Place) -> None:
        job(place, f"touch {quoted(place.base / 'ran')}")
        done = place.defer("run", "job", "--compact")
        assert (done.returncode, strict(done.stdout)["status"]) == (0, "scheduled")
        assert not (place.base / "ran").exists()
