"""The end of an attempt: nothing of it is left, everything of it gets the grace, and what is meant to stay stays."""

import os
import signal

import pytest

from leaving import GRACE, SHORT_GRACE, STUBBORN, noting, pid_of, ran, script
from support import (
    NOW,
    SCRIPTS,
    is_running,
    once_up,
    patient,
    quoted,
    until,
    until_there,
    v1_task,
)

pytestmark = pytest.mark.programs

WAYS_TO_STAY = {
    "in the group": "{child} &",
    "in a session of its own": "setsid {child} &",
    "in a session of its own, its parent gone": "(setsid {child} &);",
    "in the group, deaf to SIGHUP": "nohup {child} >/dev/null 2>&1 &",
}


class TestTheLeaderEndsByItself:
    @pytest.mark.parametrize("how", WAYS_TO_STAY)
    @pytest.mark.parametrize("code", [0, 3])
    def test_what_it_left_is_ended(self, place, how, code):
        child = script(place, "child", noting(place, "pid", "exec sleep 600"))
        wait = until_there(place.base / "pid")
        one, run = ran(place, f"{WAYS_TO_STAY[how].format(child=child)} {wait}; exit {code}")
        assert not is_running(pid_of(place, "pid"))
        assert (run["exit_code"], one["status"]) == (code, "failed" if code else "completed")
        assert len(place.audit("leftovers_ended")) == 1

    @pytest.mark.parametrize("how", WAYS_TO_STAY)
    def test_what_ignores_sigterm_is_killed_after_the_grace(self, place, how):
        child = script(place, "child", noting(place, "pid", STUBBORN))
        wait = until_there(place.base / "pid")
        one, _ = ran(place, f"{WAYS_TO_STAY[how].format(child=child)} {wait}", SHORT_GRACE)
        assert not is_running(pid_of(place, "pid"))
        assert one["status"] == "completed"

    def test_what_it_left_gets_the_grace_and_its_last_words_are_kept(self, place):
        stop = script(place, "stop", "sleep 0.2; echo saved; exit 0")
        child = script(
            place, "child", f"trap 'exec {stop}' TERM; {noting(place, 'pid', 'while :; do sleep 0.02; done')}"
        )
        wait = until_there(place.base / "pid")
        one, run = ran(place, f"{child} & {wait}; echo mine")
        assert one["result"]["output"] == "mine\nsaved"
        assert place.attempt_log(run).endswith(b"saved\n")

    def test_a_workspace_is_free_only_when_all_of_it_has_ended(self, place):
        """The leader alone is killed, as by the kernel for want of memory; its child works on until it is ended."""
        busy = quoted(place.base / "busy")
        child = script(place, "child", f"b={busy}; trap 'sleep 0.3; rm \"$b\"; exit' TERM; touch {busy}; "
                       + noting(place, "pid", "while :; do sleep 0.02; done"))  # fmt: skip
        first = f"{child} & {until_there(place.base / 'pid')}; kill -KILL $$"
        second = f"[ ! -e {busy} ]"
        body = f"if [ $DEFER_TASK_ID = a ]; then {first}; else {second}; fi"
        place.write_store(*(v1_task(name, workspace=str(place.home)) for name in "ab"))
        place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor(body), **GRACE})
        assert {one["id"]: one["status"] for one in place.archived()} == {"a": "failed", "b": "completed"}
        assert not is_running(pid_of(place, "pid"))

    def test_the_neighbours_children_are_left_alone(self, place):
        other = script(place, "other", noting(place, "pid", "exec sleep 600"))
        place.write_store(
            v1_task("long", executor=place.executor(
                f"(setsid {other} &); "
                f"while ! grep -q 'completed id=quick' {quoted(place.log_path)}; do sleep 0.01; done; "
                f"kill -0 $(cat {quoted(place.base / 'pid')})", "long")),
            v1_task("quick", executor=place.executor(
                until_there(place.base / "pid"), "quick")),
        )  # fmt: skip
        place.wake_at(NOW, GRACE)
        assert {one["status"] for one in place.archived()} == {"completed"}
        assert not is_running(pid_of(place, "pid"))


class TestItIsToldToEnd:
    SLOW = "trap 'sleep 0.3 && echo slow bye; exit 0' TERM; {ready}; while :; do sleep 0.02; done 2>&-"

    def shell_in_front(self, place) -> str:
        """A shell that dies of SIGTERM at once, and a program behind it that needs a moment."""
        ready = noting(place, "pid", ":")
        return f"{script(place, 'slow', self.SLOW.format(ready=ready))}; true"

    def test_by_its_timeout_a_shell_in_front_takes_nobodys_grace(self, place):
        body, up = self.shell_in_front(place), place.base / "pid"
        one, run = once_up(place, up, lambda seconds: ran(place, body, timeout_seconds=seconds))
        assert one["error_type"] == "TimeoutError"
        assert place.attempt_log(run).endswith(b"slow bye\n")
        assert not is_running(pid_of(place, "pid"))

    def test_by_a_stop_likewise(self, place):
        place.schedule("now", "s", "--id", "a", "--executor", place.executor(self.shell_in_front(place)))
        runner = place.start("run-deferred.sh", env=GRACE)
        child = pid_of(place, "pid")
        runner.terminate()
        assert runner.wait() == 0
        assert place.attempt_log(place.runs()[0]).endswith(b"slow bye\n")
        assert not is_running(child)

    def test_by_cancel_likewise(self, place):
        place.schedule("now", "s", "--id", "a", "--executor", place.executor(self.shell_in_front(place)))
        runner = place.start("run-deferred.sh", env=GRACE)
        child = pid_of(place, "pid")
        done = place.run(*patient("front", "cancel", "a", "--kill", "--compact"), env=GRACE)
        assert done.returncode == 0, done.stderr
        assert runner.wait() == 0
        assert place.attempt_log(place.runs()[0]).endswith(b"slow bye\n")
        assert not is_running(child)

    @pytest.mark.parametrize("how", WAYS_TO_STAY)
    @pytest.mark.parametrize("runner_lives", [True, False], ids=["by its runner", "its runner is dead"])
    def test_by_cancel_children_that_ignore_sigterm_are_killed(self, place, how, runner_lives):
        child = script(place, "child", noting(place, "pid", STUBBORN))
        body = f"{WAYS_TO_STAY[how].format(child=child)} exec sleep 600"
        place.schedule("now", "s", "--id", "a", "--executor", place.executor(body))
        runner = place.start("run-deferred.sh", env=SHORT_GRACE)
        stubborn = pid_of(place, "pid")
        if not runner_lives:
            runner.kill()
            runner.wait()
        done = place.run(*patient("front", "cancel", "a", "--kill", "--compact"), env=SHORT_GRACE)
        assert done.returncode == 0, done.stderr
        if runner_lives:
            assert runner.wait() == 0
        assert not is_running(stubborn)

    @pytest.mark.parametrize("how", WAYS_TO_STAY)
    def test_by_its_timeout_whatever_left_its_group_ends_too(self, place, how):
        child = script(place, "child", noting(place, "pid", STUBBORN))
        body = f"{WAYS_TO_STAY[how].format(child=child)} exec sleep 600"
        one, _ = once_up(
            place, place.base / "pid", lambda seconds: ran(place, body, SHORT_GRACE, timeout_seconds=seconds)
        )
        assert one["error_type"] == "TimeoutError"
        assert not is_running(pid_of(place, "pid"))


class TestTheRunnerIsGone:
    @pytest.mark.parametrize("how", WAYS_TO_STAY)
    def test_the_next_wake_ends_what_a_dead_leader_left_before_it_retries(self, place, how):
        child = script(place, "child", noting(place, "pid", STUBBORN))
        count = quoted(place.base / "count")
        first = f"{WAYS_TO_STAY[how].format(child=child)} exec sleep 600"
        body = f"echo >>{count}; [ $(wc -l <{count}) -lt 2 ] || exit 0; {first}"
        place.schedule("now", "s", "--id", "a", "--max-retries", "1", "--executor", place.executor(body))
        runner = place.start("run-deferred.sh", env=SHORT_GRACE)
        stubborn = pid_of(place, "pid")
        leader = until(lambda: place.task("a").get("run", {}).get("leader"))["pid"]
        runner.kill()
        runner.wait()
        os.kill(leader, signal.SIGKILL)
        until(lambda: not is_running(leader))
        place.wake(env=SHORT_GRACE)
        assert not is_running(stubborn)
        assert (place.task("a")["status"], place.task("a")["error_type"]) == ("scheduled", "RunnerLost")

    def test_a_stranger_with_the_leaders_number_is_left_alone(self, place):
        """Its number was given to somebody else, who leads a group of that number."""
        import subprocess

        from defer import process

        other = subprocess.Popen(["sleep", "600"], start_new_session=True)
        try:
            leader = {**process.identity(other.pid), "start": "1"}
            run = {"run_id": "r", "runner": leader, "leader": leader}
            place.write_store(v1_task("a", status="executing", attempts=1, run=run))
            assert place.wake_at(NOW)["lost"] == 1
            assert other.poll() is None
        finally:
            other.kill()
            other.wait()


class TestMeantToStay:
    def server(self, place) -> str:
        return script(place, "server", noting(place, "pid", "exec sleep 600"))

    @pytest.mark.parametrize("how", WAYS_TO_STAY)
    def test_it_is_left_and_goes_on(self, place, how):
        wait = until_there(place.base / "pid")
        body = f"{WAYS_TO_STAY[how].format(child=self.server(place))} {wait}; echo started"
        one, _ = ran(place, body, leave_running=True)
        server = pid_of(place, "pid")
        try:
            assert is_running(server)
            assert (one["status"], one["result"]["output"]) == ("completed", "started")
            assert place.audit("leftovers_ended") == []
        finally:
            os.kill(server, signal.SIGKILL)

    def test_what_it_prints_later_neither_ends_it_nor_is_lost(self, place):
        """Without a reader its next word would be its last."""
        go, more = (
            place.base / "go",
            "while [ ! -e {go} ]; do sleep 0.01; done; echo still here; sleep 0.01; echo and here",
        )
        server = script(place, "server", noting(place, "pid", more.format(go=quoted(go)) + "; exec sleep 600"))
        wait = until_there(place.base / "pid")
        _, run = ran(place, f"{server} & {wait}; echo started", leave_running=True)
        pid = pid_of(place, "pid")
        try:
            go.touch()
            until(lambda: place.attempt_log(run) == b"started\nstill here\nand here\n")
            assert is_running(pid)
        finally:
            os.kill(pid, signal.SIGKILL)

    def test_a_timeout_ends_it_all_the_same(self, place):
        body = f"{self.server(place)} & exec sleep 600"
        one, _ = once_up(
            place,
            place.base / "pid",
            lambda seconds: ran(place, body, SHORT_GRACE, leave_running=True, timeout_seconds=seconds),
        )
        assert one["error_type"] == "TimeoutError"
        assert not is_running(pid_of(place, "pid"))


class TestTheRunnerIsKilled:
    def test_what_is_meant_to_stay_stays_when_its_leader_has_ended_by_itself(self, place):
        go = place.base / "go"
        server = script(place, "server", noting(place, "server pid", "exec sleep 600"))
        body = f"setsid {server} & {until_there(go)}"
        place.schedule("now", "s", "--id", "a", "--leave-running", "--executor", place.executor(body))
        runner = place.start("run-deferred.sh")
        pid = pid_of(place, "server pid")
        leader = place.task("a")["run"]["leader"]["pid"]
        runner.kill()
        runner.wait()
        go.touch()
        until(lambda: not is_running(leader))
        place.wake()
        assert place.archived()[0]["error_type"] == "RunnerLost"
        assert is_running(pid)
        os.kill(pid, signal.SIGKILL)

    def test_a_wake_that_was_started_by_the_attempt_ends_nothing_of_its_own(self, place):
        """It carries the run's name in its environment, and so does all it starts."""
        go, up, done = place.base / "go", place.base / "up", place.base / "done"
        wait = "while [ ! -e {} ]; do sleep 0.01; done"
        other = place.executor(f"touch {quoted(up)}; {wait.format(quoted(done))}", "other")
        variables = " ".join(f"{name}={quoted(value)}" for name, value in place.env.items())
        variables += " DEFER_MAX_PARALLEL=2"
        inner = f"setsid env {variables} {SCRIPTS}/run-deferred.sh --loop 1 </dev/null >/dev/null 2>&1 &"
        body = f"{inner} {wait.format(quoted(go))}"
        place.schedule("now", "s", "--id", "a", "--executor", place.executor(body))
        # Its only slot is taken by this attempt: the other task is for the inner wake, however late that comes.
        outer = place.start("run-deferred.sh", env={"DEFER_MAX_PARALLEL": "1"})
        until(lambda: place.task("a").get("run", {}).get("leader"))
        place.schedule("now", "s", "--id", "b", "--executor", other)
        until(up.exists)
        inner_pid = place.task("b")["run"]["runner"]["pid"]
        assert inner_pid != outer.pid
        outer.kill()
        outer.wait()
        go.touch()
        until(lambda: [one for one in place.archived() if one["id"] == "a"])
        done.touch()
        until(lambda: len(place.archived()) == 2)
        os.kill(inner_pid, signal.SIGTERM)
        assert {one["id"]: one["status"] for one in place.archived()} == {"a": "failed", "b": "completed"}
