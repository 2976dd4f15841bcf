"""What an attempt leaves, however it has hidden itself; and what looks like a part of it and is not."""

import os
import platform
import signal
import subprocess
import sys
import time

import pytest

from defer import process
from defer.record import outcome
from defer.run import descendants, ending
from defer.run.descendants import Search
from defer.run.ending import Ending
from leaving import GRACE, SHORT_GRACE, STUBBORN, noting, pid_of, ran, script
from support import (
    DEADLINE_SECONDS,
    NOW,
    SCRIPTS,
    is_running,
    leaving_pid,
    once_up,
    patient,
    quoted,
    until,
    until_there,
    v1_task,
)

pytestmark = pytest.mark.programs

_EXIT = {"x86_64": 60, "aarch64": 93}.get(platform.machine())
on_linux = pytest.mark.skipif(
    sys.platform != "linux" or _EXIT is None, reason="how a thread ends alone is known of Linux here"
)
adopts = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has runners that adopt orphans")

LINGERS = f"""
import ctypes, os, signal, subprocess, threading
tool = subprocess.Popen(["/bin/sh", os.environ["TOOL"]], start_new_session=True)
def watch():
    tool.wait()
    os._exit(7)
threading.Thread(target=watch).start()
# Its own thread alone ends, as in a program that is being taken apart: the others go on.
signal.signal(signal.SIGTERM, lambda *_: ctypes.CDLL(None).syscall({_EXIT}, 0))
while True:
    signal.pause()
"""


def waken(place, env=None):
    """A runner of its own process, and the leader of ``a``."""
    runner = place.start("run-deferred.sh", env=env or GRACE)
    leader = until(lambda: (place.tasks().get("a") or {}).get("run", {}).get("leader"))
    return runner, leader["pid"]


@on_linux
class TestItsMainThreadEndsFirst:
    """A program that is being taken apart looks dead and has children still. Opencode's does so for up to a second."""

    def lingering(self, place, tool: str) -> str:
        (place.base / "tool").write_text(noting(place, "pid", tool))
        (place.base / "lingers.py").write_text(LINGERS)
        return (
            f"TOOL={quoted(place.base / 'tool')} exec {quoted(sys.executable)} -I {quoted(place.base / 'lingers.py')}"
        )

    def test_it_is_waited_for_and_its_exit_status_is_its_own(self, place):
        body = self.lingering(place, "trap 'sleep 0.2; exit' TERM; while :; do sleep 0.02; done")
        place.schedule("now", "s", "--id", "a", "--executor", place.executor(body))
        runner, _ = waken(place)
        tool = pid_of(place, "pid")
        runner.terminate()
        assert runner.wait() == 0
        assert place.runs()[0]["exit_code"] == 7
        assert not is_running(tool)

    @pytest.mark.parametrize("runner_lives", [True, False], ids=["by its runner", "its runner is dead"])
    def test_its_tool_is_ended_with_it(self, place, runner_lives):
        place.schedule("now", "s", "--id", "a", "--executor", place.executor(self.lingering(place, STUBBORN)))
        runner, leader = waken(place, SHORT_GRACE)
        tool = pid_of(place, "pid")
        if not runner_lives:
            runner.kill()
            runner.wait()
        done = place.run(*patient("front", "cancel", "a", "--kill", "--compact"), env=SHORT_GRACE)
        assert done.returncode == 0, done.stderr
        assert not is_running(tool)
        assert not is_running(leader)

    def test_its_tool_is_ended_at_a_timeout(self, place):
        body = self.lingering(place, STUBBORN)
        one, _ = once_up(
            place, place.base / "pid", lambda seconds: ran(place, body, SHORT_GRACE, timeout_seconds=seconds)
        )
        assert one["error_type"] == "TimeoutError"
        assert not is_running(pid_of(place, "pid"))


WITHOUT_A_NAME = {
    "its environment cleared": "setsid env -i {child} &",
    "its environment cleared in part": "(setsid env -u DEFER_RUN_ID {child} &);",
    "its environment cleared, its parent gone": "(setsid env -i {child} &);",
}


class TestItDoesNotSayWhoseItIs:
    @pytest.mark.parametrize("how", [*list(WITHOUT_A_NAME)[:2], pytest.param(list(WITHOUT_A_NAME)[2], marks=adopts)])
    def test_it_is_ended_at_a_timeout(self, place, how):
        child = script(place, "child", noting(place, "pid", STUBBORN))
        body = f"{WITHOUT_A_NAME[how].format(child=child)} exec sleep 600"
        one, _ = once_up(
            place, place.base / "pid", lambda seconds: ran_apart(place, body, SHORT_GRACE, timeout_seconds=seconds)
        )
        assert one["error_type"] == "TimeoutError"
        assert not is_running(pid_of(place, "pid"))

    @adopts
    @pytest.mark.parametrize("how", WITHOUT_A_NAME)
    def test_it_is_ended_after_its_leaders_own_end(self, place, how):
        child = script(place, "child", noting(place, "pid", "exec sleep 600"))
        wait = until_there(place.base / "pid")
        one, _ = ran_apart(place, f"{WITHOUT_A_NAME[how].format(child=child)} {wait}")
        assert one["status"] == "completed"
        assert not is_running(pid_of(place, "pid"))
        assert len(place.audit("leftovers_ended")) == 1

    @adopts
    def test_what_a_neighbour_may_have_started_stays_until_that_has_ended_too(self, place):
        """``first`` has started it, but ``second`` was at work then."""
        hidden = script(place, "hidden", noting(place, "pid", "exec sleep 600"))
        is_up, first_is_over = until_there(place.base / "pid"), f"grep -q 'completed id=first' {quoted(place.log_path)}"
        first = f"{until_there(place.base / 'second')}; (setsid env -i {hidden} &); {is_up}"
        second = f"touch {quoted(place.base / 'second')}; while ! {first_is_over}; do sleep 0.01; done; "
        second += f"kill -0 $(cat {quoted(place.base / 'pid')})"
        place.write_store(
            v1_task("first", executor=place.executor(first, "first")),
            v1_task("second", executor=place.executor(second, "second")),
        )
        place.wake(env=GRACE)
        assert {one["id"]: one["status"] for one in place.archived()} == {"first": "completed", "second": "completed"}
        assert not is_running(pid_of(place, "pid"))

    @adopts
    def test_it_stays_if_it_may_be_what_is_meant_to_stay(self, place):
        server = script(place, "server", noting(place, "pid", "exec sleep 600"))
        staying = f"(setsid env -i {server} &); {until_there(place.base / 'pid')}"
        place.write_store(
            v1_task("1 stays", executor=place.executor(staying, "stays"), leave_running=True),
            v1_task("2 other", executor=place.executor("(sleep 600 &)", "other")),
        )
        place.wake(env={**GRACE, "DEFER_MAX_PARALLEL": "1"})
        pid = pid_of(place, "pid")
        try:
            assert {one["status"] for one in place.archived()} == {"completed"}
            assert is_running(pid)
        finally:
            os.kill(pid, signal.SIGKILL)


def ran_apart(place, body: str, env=None, **fields):
    """``ran``, by a runner whose process has no other children."""
    place.write_store(v1_task("a", executor=place.executor(body), **fields))
    place.wake(env=env or GRACE)
    (run,) = place.runs()
    return place.archived()[0], run


class TestAnAttemptOfItsOwn:
    """A wake that was started by an attempt has attempts that do not belong to it."""

    WAYS = ("its end", "a cancel", "its runner is told to stop")

    def under_way(self, place, how_started: str):
        """``a``, whose executor has started a wake, which runs ``b``: the two runners, and that of ``b``."""
        place.schedule("now", "s", "--id", "a", "--executor", place.executor(self.outer(place, how_started), "outer"))
        # Its only slot is taken by this attempt: the other task is for the inner wake, however late that comes.
        outer = place.start("run-deferred.sh", env={**GRACE, "DEFER_MAX_PARALLEL": "1"})
        until(lambda: (place.tasks().get("a") or {}).get("run", {}).get("leader"))
        body = f"touch {quoted(place.base / 'up')}; {until_there(place.base / 'go')}; echo well done"
        place.schedule("now", "s", "--id", "b", "--executor", place.executor(body, "inner"))
        (place.base / "wake").touch()
        until((place.base / "up").exists)
        inner = place.task("b")["run"]["runner"]["pid"]
        assert inner != outer.pid
        return outer, inner

    def outer(self, place, how: str) -> str:
        variables = " ".join(f"{name}={quoted(value)}" for name, value in place.env.items())
        wake = f"{how} env {variables} DEFER_MAX_PARALLEL=2 {SCRIPTS}/run-deferred.sh </dev/null >/dev/null 2>&1 &"
        return f"{until_there(place.base / 'wake')}; {wake} {until_there(place.base / 'end a')}"

    def end_a(self, place, outer, by: str) -> None:
        if by == "its end":
            (place.base / "end a").touch()
        elif by == "a cancel":
            done = place.run(*patient("front", "cancel", "a", "--kill", "--compact"), env=GRACE)
            assert done.returncode == 0, done.stderr
        else:
            outer.terminate()
        assert outer.wait() == 0

    @pytest.mark.parametrize("by", WAYS)
    @pytest.mark.parametrize("how", ["", "setsid"], ids=["in its group", "in a session of its own"])
    def test_it_is_not_ended_with_it(self, place, how, by):
        outer, inner = self.under_way(place, how)
        self.end_a(place, outer, by)
        assert is_running(inner)
        (place.base / "go").touch()
        until(lambda: "b" not in place.tasks())
        assert {one["id"]: one["status"] for one in place.archived()}["b"] == "completed"

    @adopts
    def test_nor_is_the_keeper_that_reads_on_where_its_runner_has_died(self, place):
        outer, inner = self.under_way(place, "setsid")
        (run,) = [place.task("b")["run"]]
        os.kill(inner, signal.SIGKILL)
        until(lambda: not is_running(inner))
        self.end_a(place, outer, "a cancel")
        assert is_running(run["leader"]["pid"])
        (place.base / "go").touch()
        until(lambda: not is_running(run["leader"]["pid"]))
        until(lambda: (place.runtime / "logs" / "attempts" / "b").exists())
        until(lambda: b"well done\n" in place.attempt_log(run))


class TestTheOrderOfTheSignals:
    @pytest.fixture
    def leader(self):
        started = []

        def start(body: str) -> subprocess.Popen:
            started.append(subprocess.Popen(["/bin/sh", "-c", body], start_new_session=True))
            return started[-1]

        yield start
        for one in started:
            process.signal_group(one.pid, signal.SIGKILL)
            one.wait()

    def test_what_was_started_during_the_grace_is_told_before_it_is_killed(self, place, leader):
        """An agent that is told to end may start a program to tidy up."""
        tidies = script(place, "tidies", f"trap 'echo told >{quoted(place.base / 'told')}; exit' TERM; "
                        + noting(place, "pid", "while :; do sleep 0.02; done"))  # fmt: skip
        one = leader(f"trap '{tidies} & wait' TERM; {leaving_pid(place.base / 'up')}; while :; do sleep 0.02; done")
        until((place.base / "up").exists)
        end = Ending(Search(one.pid, "r", os.getpid()), 10.0)
        end.begin()
        pid_of(place, "pid")
        now = time.monotonic()
        assert not end.is_over(now + 10.5)
        until((place.base / "told").exists)
        assert (place.base / "told").read_text() == "told\n"
        until(lambda: one.poll() is not None and end.is_over(now + 11))

    def test_what_cannot_be_signalled_is_not_waited_for_and_is_named(self, place, leader, monkeypatch):
        one = leader(noting(place, "up", "exec sleep 600"))
        pid_of(place, "up")

        def refuse(*_):
            raise PermissionError

        with monkeypatch.context() as patched:
            patched.setattr(ending.os, "kill", refuse)
            patched.setattr(ending, "signal_group", lambda *_: None)
            end = Ending(Search(one.pid, "r", os.getpid()), DEADLINE_SECONDS)
            end.begin()
            assert end.is_over(time.monotonic())
        assert [row.pid for row in end.given_up] == [one.pid]


class TestWhatALookCosts:
    def test_an_attempt_that_leaves_nothing_has_no_process_looked_at(self, place, monkeypatch):
        whole, before = descendants._children, descendants._children()
        if before is None:
            pytest.skip("the system has no list of a process's children")
        # What earlier tests of this process have left is not this attempt's.
        monkeypatch.setattr(descendants, "_children", lambda: [one for one in whole() if one not in before])

        def look():
            raise AssertionError("all processes were looked at")

        monkeypatch.setattr(descendants, "_table", look)
        place.write_store(*(v1_task(f"t{number}", executor=place.executor("echo done")) for number in range(3)))
        place.wake_at(NOW, GRACE)
        assert [one["status"] for one in place.archived()] == ["completed"] * 3
        assert outcome.OK in {run["status"] for run in place.runs()}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system lists its processes itself")
def test_what_begins_while_the_processes_are_read_is_found(monkeypatch):
    """What moves on from process to process every few milliseconds would escape look after look."""
    listed, begun = os.listdir, []

    def listing(path):
        found = listed(path)
        if path == "/proc" and not begun:
            begun.append(subprocess.Popen(["sleep", "1000"], env={"DEFER_RUN_ID": "run_x", "PATH": os.defpath}))
        return found

    monkeypatch.setattr(os, "listdir", listing)
    try:
        found = Search(0, "run_x", below=os.getpid()).found()
        assert [row.pid for row in found.rows] == [begun[0].pid]
    finally:
        begun[0].kill()
        begun[0].wait()
