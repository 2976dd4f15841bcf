"""The promises, each shown once and whole, mostly with real processes. Numbers are the rows of the promises' table.

Rows 2, 3, 8, 11, 12 and 15, and 1 at every operation, are tests/crash and tests/bench.
"""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from defer import instants, process
from defer.record import codec
from support import (
    DEADLINE_SECONDS,
    NOW,
    SCRIPTS,
    is_running,
    leaving_pid,
    lines_of,
    once_up,
    quoted,
    strict,
    umask,
    until,
    until_there,
    v1_task,
)
from wrong_records import NOT_RECORDS, WRONG_FIELDS

pytestmark = pytest.mark.programs

ONE = "task_20260408_163500_4821"


class TestRow1KilledAnywhere:
    """SIGKILL while a command runs: acknowledged means there, anything else leaves old or new, nobody cleans up."""

    def test_schedulers_killed_at_any_moment_leave_a_sound_store(self, place):
        acknowledged = []
        for number in range(12):
            scheduler = place.start("schedule-task.sh", "--when", "1h", "--summary", "s", "--id", f"t{number}")
            # Spread over a cold start, whatever its length: by what it has done so far, not by time.
            until(lambda scheduler=scheduler, number=number: has_come_to(scheduler, number % 6, place))
            scheduler.kill()
            out, _ = scheduler.communicate()
            if out.endswith(b"}\n"):
                acknowledged.append(f"t{number}")
        place.schedule("1h", "s", "--id", "last")
        assert {*acknowledged, "last"} <= place.tasks().keys() <= {*(f"t{number}" for number in range(12)), "last"}
        assert place.wake().stderr == ""
        assert place.store_path.read_bytes().count(b"\n") == len(place.tasks())

    def test_a_cancel_killed_at_any_moment_leaves_the_old_record_or_the_new(self, place):
        for number in range(6):
            place.schedule("1h", "s", "--id", f"t{number}")
        said_yes = []
        for number in range(6):
            cancel = place.start("schedule-task.sh", "cancel", f"t{number}")
            until(lambda cancel=cancel, number=number: has_come_to(cancel, number, place))
            cancel.kill()
            out, _ = cancel.communicate()
            if out.endswith(b"}\n"):
                said_yes.append(f"t{number}")
        assert {one["status"] for one in place.tasks().values()} <= {"scheduled", "cancelled"}
        assert all(place.task(name)["status"] == "cancelled" for name in said_yes)
        place.wake()


def has_come_to(process_, stage: int, place) -> bool:
    """Whether a command has ended, or read so many files (its lock and its store among them) as the stage says."""
    if process_.poll() is not None or stage == 0:
        return True
    try:
        calls = int(re.search(r"syscr: (\d+)", Path(f"/proc/{process_.pid}/io").read_text())[1])
    except (OSError, TypeError):
        return process_.poll() is not None
    return calls >= 40 * stage


class TestRow3FullDisk:
    """The disk is filled by the log of an attempt itself: what it came to is kept, and it is not run again."""

    def test_an_attempt_that_fills_it_is_settled_as_what_it_came_to(self, place, needs):
        needs("unshare", "mount")
        if os.geteuid() != 0:
            pytest.skip("only root may mount a file system of 2 MiB")
        place.runtime.mkdir()
        noisy = place.executor("head -c 8000000 /dev/zero | tr '\\0' x; echo done >&2", "noisy")
        script = f"""
            mount -t tmpfs -o size=2m,mode=700 none {quoted(place.runtime)} || exit 99
            cd {quoted(place.home)}
            for name in a b; do
              {SCRIPTS}/schedule-task.sh --when now --summary s --id $name --max-retries 2 --executor {quoted(noisy)} \\
                >/dev/null || exit 98
            done
            {SCRIPTS}/run-deferred.sh --json
            {SCRIPTS}/schedule-task.sh doctor --records >/dev/null; echo "doctor $?"
            cp -r {quoted(place.runtime)}/. {quoted(place.base / "kept")}
        """
        (place.base / "kept").mkdir()
        env = {**place.env, "DEFER_OUTPUT_LIMIT_BYTES": "8000000"}
        done = subprocess.run(["unshare", "-m", "/bin/sh", "-c", script], env=env, capture_output=True, text=True)
        if done.returncode == 99:
            pytest.skip("mounting is not allowed here")
        counts, doctor = done.stdout.splitlines()
        assert (strict(counts)["started"], strict(counts)["completed"], doctor) == (2, 2, "doctor 0"), done
        kept = place.base / "kept"
        (filed,) = (kept / "archive").iterdir()
        assert {strict(line)["status"] for line in filed.read_bytes().splitlines()} == {"completed"}
        logs = sorted((kept / "logs" / "attempts").glob("*/*.log"))
        assert len(logs) == 2
        # Whichever filled it gave back half a megabyte, or all it had.
        assert max(len(log.read_bytes()) for log in logs) > 100_000


class TestRow4TornTail:
    """A last line cut anywhere is set aside and reported; the next starts afresh (every byte: store/test_jsonl.py)."""

    def test_is_set_aside_and_reported_by_whoever_comes_next(self, place):
        whole = codec.encode(v1_task("whole", run_at="2099-01-01T00:00:00Z"))
        torn = codec.encode(v1_task("torn"))[:-30]
        place.write_store(whole, torn)
        assert [one["id"] for one in strict(place.defer("list", "--compact").stdout)] == ["whole"]
        done = place.defer("--when", "1h", "--summary", "s", "--id", "next", "--compact")
        assert done.returncode == 0
        assert "torn line set aside" in strict(done.stdout)["warnings"][0]
        assert list(place.tasks()) == ["whole", "next"]
        assert lines_of(place.runtime / "deferred.jsonl.rejected") == [torn]
        assert len(place.audit("torn_line_set_aside")) == 1
        assert "torn" not in place.wake().stderr


def codec_line(one) -> bytes:
    """A record as another program writes it: everything but ASCII escaped, NaN and all."""
    return json.dumps(one).encode() + b"\n"


POISON = {
    **{name: line + b"\n" for name, line in NOT_RECORDS.items()},
    **{name: codec_line(v1_task("poison", **fields)) for name, fields in WRONG_FIELDS.items()},
    "executing, malformed": codec_line(v1_task("poison", status="executing", run={"runner": 5})),
    "ten megabytes": b'{"id":"poison","status":"scheduled","x":"' + b"y" * 10_000_000 + b"\n",
    "ten megabytes of record": codec.encode(v1_task("big", run_at="2099-01-01T00:00:00Z", x="y" * 10_000_000)),
    "a status of the future": codec.encode(v1_task("future", status="hibernating")),
    "unknown fields": codec.encode(v1_task("more", run_at="2099-01-01T00:00:00Z", x={"y": [1]}, z=None)),
}


class TestRow5BadLines:
    """A bad line in the middle: all other tasks go on; the line is kept and reported."""

    @pytest.mark.parametrize("line", POISON.values(), ids=POISON)
    def test_every_kind(self, place, line):
        place.write_store(
            v1_task("before"),
            line,
            v1_task("after"),
            v1_task("left", status="executing", attempts=1),
            v1_task("over", status="completed"),
        )
        counts = place.wake_at(NOW)
        assert (counts["completed"], counts["lost"]) == (2, 1)
        assert {one["id"] for one in place.archived()} == {"before", "after", "left", "over"}
        kept = place.store_path.read_bytes()
        assert line.strip(b"\n") in kept
        # A large store is not written anew for a few lines.
        assert len(kept) > 1 << 18 or lines_of(place.store_path) == lines_of_bytes(line)

    def test_all_at_once_with_real_processes(self, place):
        place.write_store(*POISON.values(), v1_task("after"))
        done = place.wake()
        assert "bad line" in done.stderr
        assert place.archived()[0]["id"] == "after"
        assert place.audit("bad_line")
        kept = b"".join(POISON.values())
        assert place.store_path.read_bytes().startswith(kept)
        # Reported when something changed, not by every wake.
        is_idle(place)
        assert place.wake().stderr == ""
        stored = place.schedule("1h")
        listed = place.defer("list", "--compact", "--all")
        assert {"big", "future", "more", stored["id"]} == {one["id"] for one in strict(listed.stdout)}
        assert place.defer("cancel", stored["id"]).returncode == 0
        place.wake()
        assert place.store_path.read_bytes().startswith(kept)


def lines_of_bytes(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\n") if line]


class TestRow6EditedByHand:
    """Edits between wakes are seen by the next one, though it would have had nothing to do."""

    @pytest.fixture
    def idle(self, place):
        place.schedule("1h", "s", "--id", "a")
        place.schedule("1h", "s", "--id", "b")
        place.wake()
        is_idle(place)
        place.own_records = False
        return place

    def test_edited_with_sed(self, idle):
        text = idle.store_path.read_text()
        new = idle.base / "edited"
        new.write_text(re.sub(r'("id":"a","status":"scheduled","run_at":")[^"]*', r"\g<1>2026-01-01T00:00:00Z", text))
        new.rename(idle.store_path)
        idle.wake()
        assert [one["id"] for one in idle.archived()] == ["a"]

    def test_edited_in_place_without_changing_its_size(self, idle):
        text = idle.store_path.read_text()
        with idle.store_path.open("r+") as file:
            file.write(re.sub(r'("id":"b","status":"scheduled","run_at":")\d{4}', r"\g<1>2025", text))
        idle.wake()
        assert [one["id"] for one in idle.archived()] == ["b"]

    def test_edited_in_place_without_changing_its_size_while_a_wake_is_under_way(self, idle):
        """By an executor of the wake, which has read all there was before, and does not rewrite so large a store.

        Byte by byte in place: a file that is written anew is short for a moment, and a wake may look at it then.
        """
        with idle.store_path.open("a") as file:
            file.write(json.dumps(v1_task("large", run_at="2099-01-01T00:00:00Z", description="x" * (1 << 19))) + "\n")
        idle.wake()
        text = idle.store_path.read_bytes()
        year = text.index(b'"', text.index(b'"run_at":', text.index(b'"id":"b"')) + len(b'"run_at":')) + 1
        store = quoted(str(idle.store_path))
        edit = idle.executor(f"printf 2025 | dd bs=1 seek={year} conv=notrunc of={store} 2>/dev/null")
        idle.schedule("now", "s", "--id", "c", "--executor", edit)
        idle.wake()
        idle.wake()
        assert sorted(one["id"] for one in idle.archived()) == ["b", "c"]

    def test_appended_to(self, idle):
        with idle.store_path.open("a") as file:
            file.write(json.dumps(v1_task("c")))
        idle.wake()
        assert [one["id"] for one in idle.archived()] == ["c"]

    def test_replaced_by_an_older_copy(self, idle):
        copy = idle.base / "copy"
        copy.write_bytes(codec.encode(v1_task("old")))
        os.utime(copy, (0, 0))
        copy.rename(idle.store_path)
        idle.wake()
        assert [one["id"] for one in idle.archived()] == ["old"]
        assert idle.tasks() == {}

    def test_truncated_in_the_middle_of_a_line(self, idle):
        size = idle.store_path.stat().st_size
        os.truncate(idle.store_path, size - 40)
        done = idle.wake()
        assert "torn line set aside" in done.stderr
        assert list(idle.tasks()) == ["a"]

    def test_removed(self, idle):
        idle.store_path.unlink()
        assert idle.wake().stderr == ""
        idle.schedule("now", "s", "--id", "c")
        idle.wake()
        assert [one["id"] for one in idle.archived()] == ["c"]

    def test_removed_is_idle_again_after_one_look(self, idle, needs):
        needs("strace")
        idle.store_path.unlink()
        idle.wake()
        assert processes_of(idle, "run-deferred.sh") == 1


def is_idle(place) -> None:
    """Wake until the store's modification time is old enough to be trusted."""
    until(lambda: place.wake() and (place.runtime / ".deferred.jsonl.seen2").exists())


def processes_of(place, entry: str, *args: str) -> int:
    """How many programs an entry starts, itself included."""
    trace = place.base / "trace"
    traced(place, trace, "trace=execve", entry, *args)
    return sum("execve(" in line and line.rstrip().endswith("= 0") for line in trace.read_text().splitlines())


def traced(place, trace: Path, what: str, entry: str, *args: str) -> None:
    """Run an entry under strace."""
    strace = shutil.which("strace")
    done = place.run(strace, "-f", "-qq", "-s", "4096", "-e", what, "-o", str(trace), str(SCRIPTS / entry), *args)
    assert done.returncode == 0, done.stderr


class TestRow7RunnerKilled:
    """SIGKILL to a runner: never `executing` for ever, never a second attempt beside a living leader."""

    def attempt_under_way(self, place, body="exec sleep 600", *flags) -> tuple[subprocess.Popen, int]:
        """A task whose attempt runs: its runner and its leader's pid."""
        self.count = place.base / "count"
        self.pid = place.base / "pid"
        told = f"echo >>{quoted(self.count)}; {leaving_pid(self.pid)}"
        executor = place.executor(f"{told}; {body}")
        place.schedule("now", "s", "--id", "a", "--executor", executor, *flags)
        runner = place.start("run-deferred.sh")
        return runner, int(until(lambda: self.pid.exists() and self.pid.read_text()))

    @staticmethod
    def kill(runner) -> None:
        runner.kill()
        runner.wait()

    def test_leader_alive_nothing_starts_beside_it(self, place):
        runner, leader = self.attempt_under_way(place, "exec sleep 600", "--max-retries", "3")
        self.kill(runner)
        try:
            for _ in range(3):
                assert place.wake().stderr == ""
            assert is_running(leader)
            assert lines_of(self.count) == [b""]
            assert place.task("a")["status"] == "executing"
        finally:
            os.killpg(leader, signal.SIGKILL)
        until(lambda: not is_running(leader))
        place.wake()
        waiting = place.task("a")
        assert (waiting["status"], waiting["attempts"], waiting["error_type"]) == ("scheduled", 1, "RunnerLost")
        assert place.runs()[0]["status"] == "lost"

    @pytest.mark.parametrize(("flags", "status"), [((), "failed"), (("--max-retries", "1"), "scheduled")])
    def test_leader_dead_it_is_lost_though_nothing_else_is_due_for_a_month(self, place, flags, status):
        place.schedule("720h", "s", "--id", "far")
        runner, leader = self.attempt_under_way(place, "exec sleep 600", *flags)
        self.kill(runner)
        os.killpg(leader, signal.SIGKILL)
        until(lambda: not is_running(leader))
        # The idle check of the shell must see it too.
        place.wake()
        found = place.tasks().get("a") or place.archived()[0]
        assert (found["status"], found["error_type"], found["attempts"]) == (status, "RunnerLost", 1)
        assert lines_of(self.count) == [b""]

    def test_as_the_only_task(self, place):
        runner, leader = self.attempt_under_way(place)
        self.kill(runner)
        os.killpg(leader, signal.SIGKILL)
        until(lambda: not is_running(leader))
        place.wake()
        assert place.archived()[0]["error_type"] == "RunnerLost"

    def test_a_leader_that_ends_well_after_its_runner_died_is_not_run_again_without_retries(self, place):
        release = place.base / "release"
        runner, leader = self.attempt_under_way(place, f"{until_there(release)}; exit 0")
        self.kill(runner)
        release.touch()
        until(lambda: not is_running(leader))
        place.wake()
        assert lines_of(self.count) == [b""]
        assert place.archived()[0]["status"] == "failed"

    @pytest.mark.parametrize("how", ["daemonised child", "closed descriptors"])
    def test_neither_a_daemon_nor_closed_descriptors_deceive(self, place, how):
        child = place.base / "child"
        body = {
            "daemonised child": f"setsid sh -c 'echo $$ >{quoted(child)}; exec sleep 600' & exec sleep 600",
            "closed descriptors": f"echo $$ >{quoted(child)}; exec sleep 600 <&- >&- 2>&-",
        }[how]
        runner, leader = self.attempt_under_way(place, body)
        daemon = int(until(lambda: child.exists() and child.read_text()))
        self.kill(runner)
        try:
            place.wake()
            assert place.task("a")["status"] == "executing"
            os.kill(leader, signal.SIGKILL)
            until(lambda: not is_running(leader))
            place.wake()
            assert place.archived()[0]["error_type"] == "RunnerLost"
            # It would work on in a workspace that counts as free.
            assert not is_running(daemon)
        finally:
            if is_running(daemon):
                os.kill(daemon, signal.SIGKILL)

    def test_a_leader_that_outlives_its_runner_and_its_deadline_is_killed(self, place):
        env = {"DEFER_KILL_GRACE_SECONDS": "0"}
        runner, leader = self.attempt_under_way(place, "exec sleep 600", "--timeout", "1h")
        self.kill(runner)
        until_deadline = instants.from_text(place.task("a")["run"]["deadline_at"])
        assert place.wake_at(until_deadline, env)["lost"] == 1
        until(lambda: not is_running(leader))
        assert place.audit("overdue_leader_killed")

    def test_killed_between_claim_and_start_it_is_put_back_and_runs(self, place):
        """No leader is in the record, so the gate stayed shut: nothing ran, and nothing is used up."""
        dead = subprocess.Popen(["true"])
        me = process.identity(dead.pid)
        dead.wait()
        place.write_store(v1_task(status="executing", attempts=1, run={"run_id": "r", "runner": me}))
        counts = place.wake_at(NOW)
        assert (counts["lost"], counts["started"], counts["completed"]) == (0, 1, 1)
        (done,) = place.archived()
        assert (done["status"], done["attempts"]) == ("completed", 1)
        assert len(place.audit("put_back")) == 1


class TestRow9AtOnce:
    """Runners, schedulers, cancels and the archiver at once: nothing twice, nothing lost, no cancelled task runs."""

    @pytest.mark.slow
    def test_sixteen_schedulers_while_runners_and_cancels_work(self, place):
        ran = place.base / "ran"
        executor = place.executor(f'echo "$DEFER_TASK_ID" >>{quoted(ran)}')
        program = place.base / "scheduler.py"
        program.write_text(f"""
import contextlib, io, json, sys
sys.path[:0] = [{str(SCRIPTS)!r}]
from defer.commands.cli import main

def defer(*words):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        status = main("front", [*words, "--compact"])
    return status, out.getvalue()

for number in range(25):
    when = "now" if number % 2 else "1h"
    status, out = defer("--when", when, "--summary", "s", "--executor", {executor!r})
    assert status == 0
    stored = json.loads(out)["id"]
    print("stored", stored)
    if number % 5 == 4:
        status, _ = defer("cancel", stored)
        print(["cancelled", "refused"][status], stored)
""")
        quiet = {"env": place.env, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        schedulers = [subprocess.Popen([sys.executable, str(program)], **quiet) for _ in range(16)]
        others = []
        while any(one.poll() is None for one in schedulers):
            others += [place.wake(), place.run("archive-deferred.sh")]
        said = [line.split() for one in schedulers for line in one.communicate()[0].decode().splitlines()]
        assert {one.returncode for one in schedulers} == {0}
        assert all(one.returncode == 0 for one in others)
        place.wake()
        stored = [line[1] for line in said if line[0] == "stored"]
        cancelled = {line[1] for line in said if line[0] == "cancelled"}
        assert len(stored) == len(set(stored)) == 400
        left, filed = place.tasks(), [one["id"] for one in place.archived()]
        assert sorted([*left, *filed]) == sorted(stored)
        runs = ran.read_text().split()
        assert len(runs) == len(set(runs))
        assert not cancelled & set(runs)
        assert {one["status"] for one in left.values()} == {"scheduled"}
        assert {one["id"] for one in place.archived() if one["status"] == "completed"} == set(runs)

    def test_two_wakes_at_once_run_each_task_once(self, place):
        ran = place.base / "ran"
        executor = place.executor(f'echo "$DEFER_TASK_ID" >>{quoted(ran)}')
        place.write_store(*(v1_task(f"t{number}") for number in range(40)))
        env = {"DEFER_EXECUTOR": executor}
        runners = [place.start("run-deferred.sh", env=env) for _ in range(3)]
        assert [one.communicate()[1] for one in runners] == [b"", b"", b""]
        assert sorted(ran.read_text().split()) == sorted(f"t{number}" for number in range(40))
        assert {one["status"] for one in place.archived()} == {"completed"}
        assert len(place.archived()) == 40

    def test_the_limit_of_parallel_attempts_holds_over_all_runners(self, place):
        live = place.base / "live"
        live.mkdir()
        body = f"cd {quoted(live)}; touch $DEFER_TASK_ID; ls | wc -l; sleep 0.02; rm $DEFER_TASK_ID"
        place.write_store(*(v1_task(f"t{number}") for number in range(20)))
        env = {"DEFER_EXECUTOR": place.executor(body), "DEFER_MAX_PARALLEL": "2"}
        runners = [place.start("run-deferred.sh", env=env) for _ in range(3)]
        for one in runners:
            one.communicate()
        # A runner that found both slots taken has ended; what is left over comes with the next wake.
        until(lambda: place.wake(env=env) and not place.tasks())
        assert max(int(one["result"]["output"]) for one in place.archived()) <= 2


class TestRow10HostileExecutors:
    """Whatever an executor does, its attempt ends with the right word and the wake goes on."""

    def attempt(self, place, body: str, env=None, **fields):
        """Run one attempt beside an innocent one; its archive record and its run record."""
        place.write_store(v1_task("a", executor=place.executor(body), **fields), v1_task("innocent"))
        place.wake_at(NOW, {"DEFER_KILL_GRACE_SECONDS": "0.2", **(env or {})})
        filed = {one["id"]: one for one in place.archived()}
        assert filed["innocent"]["status"] == "completed"
        return filed["a"], next(run for run in place.runs() if run["task_id"] == "a")

    def test_hangs(self, place):
        one, run = self.attempt(place, "exec sleep 600", timeout_seconds=0.2)
        assert (one["status"], one["error_type"], run["status"]) == ("failed", "TimeoutError", "timeout")
        assert one["error"] == "timed out after 0.2 s"
        assert not is_running(run["pid"])

    def test_ignores_sigterm(self, place):
        up = place.base / "up"
        body = f"trap '' TERM; touch {quoted(up)}; while :; do sleep 0.1; done"
        one, run = once_up(place, up, lambda seconds: self.attempt(place, body, timeout_seconds=seconds))
        assert (one["error_type"], run["exit_code"]) == ("TimeoutError", -9)

    def test_takes_sigterm_for_success(self, place):
        up = place.base / "up"
        body = f"trap 'exit 0' TERM; touch {quoted(up)}; while :; do sleep 0.01; done"
        grace = {"DEFER_KILL_GRACE_SECONDS": f"{DEADLINE_SECONDS:g}"}
        one, run = once_up(place, up, lambda seconds: self.attempt(place, body, grace, timeout_seconds=seconds))
        assert (one["status"], run["status"], run["exit_code"]) == ("failed", "timeout", 0)

    def test_leaves_a_child_in_its_group_that_ignores_sigterm(self, place):
        pid = place.base / "pid"
        up = place.base / "up"
        child = f"trap '' TERM; {until_there(pid)}; touch {quoted(up)}; while :; do sleep 0.1; done"
        body = f"({child}) & echo $! >{quoted(pid)}.new; mv {quoted(pid)}.new {quoted(pid)}; exec sleep 600"
        once_up(place, up, lambda seconds: self.attempt(place, body, timeout_seconds=seconds))
        until(lambda: not is_running(int(pid.read_text())))

    def test_forks_a_daemon_that_keeps_stdout(self, place):
        pid = place.base / "pid"
        one, run = self.attempt(place, f"echo mine; setsid sleep 600 & echo $! >{quoted(pid)}; exit 3")
        until(lambda: not is_running(int(pid.read_text())))
        assert (one["status"], run["exit_code"]) == ("failed", 3)
        assert place.attempt_log(run) == b"mine\n"

    def test_leaves_a_child_that_holds_stdout_and_goes_on_writing(self, place):
        pid = place.base / "pid"
        one, _ = self.attempt(place, f"yes & echo $! >{quoted(pid)}; exit 0")
        until(lambda: not is_running(int(pid.read_text())))
        assert one["status"] == "completed"

    def test_never_reads_a_megabyte_of_input(self, place):
        one, _ = self.attempt(place, "exit 0", x="y" * 1_000_000)
        assert one["status"] == "completed"

    def test_closes_stdin_early_with_a_megabyte_of_input(self, place):
        one, _ = self.attempt(place, "head -c 10; exec <&-; sleep 0.05; echo; exit 0", x="y" * 1_000_000)
        assert one["result"]["output"] == '{"id":"a",'

    def test_reads_a_megabyte_of_input_slowly(self, place):
        one, _ = self.attempt(place, "sleep 0.05; wc -c", x="y" * 1_000_000)
        assert int(one["result"]["output"]) > 1_000_000

    def test_writes_a_great_deal(self, place):
        body = "head -c 100000000 /dev/zero | tr '\\0' x; echo gone >&2; exit 1"
        place.write_store(v1_task("a", executor=place.executor(body)))
        done = run_measured(place, {"DEFER_OUTPUT_LIMIT_BYTES": "1000"})
        run = place.runs()[0]
        assert place.attempt_log(run) == b"x" * 1000 + b"\n[defer: 99999005 further bytes were not kept]\n"
        assert place.archived()[0]["error"] == "executor exited with 1: gone"
        assert done < 64 << 20

    def test_writes_more_than_a_record_keeps(self, place):
        one, run = self.attempt(place, "head -c 100000 /dev/zero | tr '\\0' x")
        assert one["result"]["output"] == "x" * 65536
        assert (one["result"]["output_bytes"], one["result"]["output_truncated"]) == (100_000, True)
        assert place.attempt_log(run) == b"x" * 100_000

    def test_writes_no_utf8_and_nul(self, place):
        one, run = self.attempt(place, "printf 'a\\377\\000\\303'; printf '\\376b' >&2; exit 0")
        assert one["result"]["output"] == "a�\0�"
        assert sorted(place.attempt_log(run)) == sorted(b"a\xff\0\xc3\xfeb")

    def test_ends_by_signal(self, place):
        one, run = self.attempt(place, "kill -KILL $$")
        assert (one["error"], run["exit_code"]) == ("executor was ended by signal 9", -9)

    def test_stops_itself(self, place):
        one, _ = self.attempt(place, "kill -STOP $$", timeout_seconds=0.3)
        assert one["error_type"] == "TimeoutError"

    def test_signals_its_whole_group(self, place):
        one, _ = self.attempt(place, "kill -TERM 0")
        assert one["error"] == "executor was ended by signal 15"

    def test_removes_the_directory_it_works_in(self, place):
        there = place.base / "there"
        there.mkdir()
        one, _ = self.attempt(place, 'rmdir "$PWD"; echo gone', workspace=str(there))
        assert one["result"]["output"] == "gone"


def run_measured(place, env: dict[str, str]) -> int:
    """A wake as a process of its own; the most memory it held, in bytes."""
    runner = place.start("run-deferred.sh", env=env)
    most = 0
    while runner.poll() is None:
        try:
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{runner.pid}/status").read_text())
        except OSError:
            break
        most = max(most, int(found[1]) * 1024 if found else 0)
        time.sleep(0.005)
    assert runner.wait() == 0
    return most


HOSTILE = {
    "newlines": "one\ntwo\r\nthree\u2028four\x85five",
    "control": "\x1b[2J\x1b]0;owned\x07\x08\x7f\x9b",
    "shell": "$(touch owned) `touch owned` ; touch owned & | > owned",
    "quotes": "'\"\\ %s %n {} $HOME",
    "fake log line": "x\n2026-01-01T00:00:00Z completed id=other",
    "fake record": 'x"}\n{"id":"other","status":"scheduled","run_at":"2026-01-01T00:00:00Z"}\n',
    "spaces": "   ",
    "emoji and right to left": "☃\u202egnp.exe\u200b",
}


class TestRow13HostileText:
    """Text from anybody is refused or inert."""

    @pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
    def test_in_every_text_field(self, place, text):
        context = json.dumps({"summary": text + "!", "key_points": [text], "artifacts": [text], "x": text})
        flags = [
            "--key-point",
            text,
            "--artifact",
            text,
            "--constraint",
            text,
            "--tag",
            text,
            "--prompt-template",
            text,
        ]
        done = place.defer("--when", "now", "--context-json", context, *flags, "--compact", "--executor", "/bin/cat")
        assert done.returncode == 0, done.stderr
        stored = strict(done.stdout)
        assert stored["context"]["constraints"] == [text]
        assert len(lines_of(place.store_path)) == 1
        place.defer("list", "--compact")
        place.wake()
        assert "\n" not in place.archived()[0]["result"]["output"]
        assert not list(place.base.rglob("owned"))
        assert_plain_log(place)

    @pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
    def test_as_the_reason_of_a_cancel(self, place, text):
        stored = place.schedule("1h")
        place.defer("cancel", stored["id"], "--reason", text)
        place.wake()
        assert place.archived()[0]["cancel_reason"] == text
        assert_plain_log(place)

    @pytest.mark.parametrize(
        "name",
        [
            "../x",
            "a/b",
            "/etc/passwd",
            "-rf",
            "--help",
            ".",
            "..",
            "a..b",
            ".hidden",
            "a b",
            "a\nb",
            "é",
            "x" * 129,
            "$(id)",
        ],
    )
    def test_as_an_id_is_refused(self, place, name):
        done = place.defer("--when", "1h", "--summary", "s", f"--id={name}")
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(r"defer: not an id: .*\n", done.stderr)
        assert not place.store_path.exists()

    @pytest.mark.parametrize("name", ["../../../escape", "/tmp/absolute", "-rf", "a\nb", "..", ".", "x" * 300, "é☃"])
    def test_as_an_id_in_a_foreign_store_stays_inside(self, place, name):
        before = set(place.base.iterdir())
        place.write_store(v1_task(name))
        place.wake_at(NOW, {"DEFER_EXECUTOR": "/bin/cat"})
        (done,) = place.archived()
        assert (done["id"], done["status"]) == (name, "completed")
        assert set(place.base.iterdir()) - before == {place.runtime}
        assert Path(done["result"]["prompt_path"]).parent == place.logs
        assert Path(done["result"]["log_path"]).parent.parent == place.logs / "attempts"
        assert_plain_log(place)

    def test_nul_is_refused(self, place):
        done = place.defer("--when", "1h", "--context-json", '{"summary":"a\\u0000b"}')
        assert (done.returncode, done.stderr) == (2, "defer: a NUL character in a text (remove it)\n")

    @pytest.mark.parametrize(
        "flags",
        [
            ("--summary", "\udcff"),
            ("--summary", "s", "--tag", "\udcff"),
            ("--summary", "s", "--prompt-template", "\udcff"),
        ],
    )
    def test_bytes_that_are_no_utf8_are_refused(self, place, flags):
        done = place.defer("--when", "1h", *flags)
        assert done.returncode == 2
        assert "not valid UTF-8" in done.stderr
        assert not place.store_path.exists()

    def test_bytes_that_are_no_utf8_are_refused_as_a_reason(self, place):
        stored = place.schedule("1h")
        done = place.defer("cancel", stored["id"], "--reason", "\udcff")
        assert done.returncode == 2
        assert place.task(stored["id"])["status"] == "scheduled"

    def test_modes_under_any_umask(self, place):
        stored = place.schedule("now", "s", "--executor", place.executor("cat"), preexec_fn=umask(0))
        place.wake(preexec_fn=umask(0))
        place.defer("--when", "1h", "--summary", "s", preexec_fn=umask(0o777))
        place.run("archive-deferred.sh", preexec_fn=umask(0))
        assert place.archived()[0]["id"] == stored["id"]
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [place.runtime, *place.files()]}
        assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
        assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}

    @pytest.mark.parametrize(
        "planted", ["prompt", "log", "store temporary", "heartbeat", "due", "seen", "trouble", "rejected", "lock"]
    )
    def test_a_link_planted_at_a_predictable_path_hits_nothing(self, place, planted):
        victim = place.base / "victim"
        victim.write_text("precious")
        os.utime(victim, (1, 1))
        place.runtime.mkdir(mode=0o700)
        place.logs.mkdir(mode=0o700)
        path = {
            "prompt": place.logs / "a.prompt.txt",
            "log": place.log_path,
            "store temporary": place.runtime / ".deferred.jsonl.00112233aabbccdd.new",
            "rejected": place.runtime / "deferred.jsonl.rejected",
        }.get(planted, place.runtime / f".deferred.jsonl.{planted}")
        path.symlink_to(victim)
        place.store_path.write_bytes(codec.encode(v1_task("a")) + b'{"torn')
        place.own_records = False
        place.run("run-deferred.sh")
        place.defer("--when", "1h", "--summary", "s")
        place.run("run-deferred.sh")
        assert victim.read_text() == "precious"
        assert victim.stat().st_mtime == 1

    def test_modules_of_the_users_and_of_the_working_directory_are_not_imported(self, place):
        for name in ("json", "os", "defer", "argparse", "sitecustomize", "usercustomize", "filelock"):
            (place.home / f"{name}.py").write_text(f"open({str(place.base / 'owned')!r}, 'w')\n")
        hostile = {"PYTHONPATH": str(place.home), "PYTHONSTARTUP": str(place.home / "os.py"), "PYTHONHOME": "/nowhere"}
        assert place.defer("--when", "now", "--summary", "s", env=hostile).returncode == 0
        assert place.run("run-deferred.sh", env=hostile).returncode == 0
        assert place.archived()[0]["status"] == "completed"
        assert not (place.base / "owned").exists()

    def test_programs_planted_on_the_path_are_not_started(self, place):
        planted = place.base / "planted"
        planted.mkdir()
        for name in ("python", "date", "flock", "jq", "cat", "touch", "sh", "env", "dirname", "readlink"):
            (planted / name).write_text(f"#!/bin/sh\n: >{place.base / 'owned'}\n")
            (planted / name).chmod(0o755)
        hostile = {"PATH": f"{planted}:/usr/bin:/bin"}
        place.schedule(env=hostile)
        place.wake(env=hostile)
        place.wake(env=hostile)
        assert place.archived()[0]["status"] == "completed"
        assert not (place.base / "owned").exists()


def assert_plain_log(place) -> None:
    """One line per action, without a control byte, and none that somebody's text made up."""
    text = place.log_path.read_bytes().decode()
    assert text.endswith("\n")
    assert all(
        line.isprintable() or "\u202e" in line or "\u200b" in line for line in text.removesuffix("\n").split("\n")
    )
    actions = {"scheduled", "started", "completed", "cancelled", "archived"}
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (\w+) id=", line)[1] in actions for line in text.splitlines())


NOW_AND_S = ("--when", "now", "--summary", "s")
BLURTS = """
import glob, json, os, sys

names = os.environ["BLURTED"].split(":")
values = [os.environ[name] for name in names]
known = [*values, "canary-both-file"]
for one in known:
    print("out", one, json.dumps(one), flush=True)
    print("err", one, json.dumps({"said": one}), file=sys.stderr)
here = os.path.dirname(__file__)
with open(os.path.join(here, "command lines"), "w") as file:
    for path in glob.glob("/proc/[0-9]*"):
        try:
            # Other tests run beside this one: theirs are processes that do not know this place.
            if here in open(path + "/environ", errors="replace").read():
                file.write(open(path + "/cmdline", errors="replace").read())
        except OSError:
            pass
task = os.environ["DEFER_TASK_ID"]
said = {
    "summary": " ".join(known),
    "artifacts": known,
    "session_id": values[0],
    "usage": {"input_tokens": 481516234217, "output_tokens": 4815162342170, "cost_usd": 0.481516234217},
    "reschedule": "in " + " ".join(known),
    "retry_at": values[0],
    values[0]: values[0],
}
with open(os.environ["DEFER_RESULT_FILE"], "w") as file:
    file.write(" ".join(known) if task == "garbles" else json.dumps(said, ensure_ascii=task == "fails"))
print("telemetry true in prod", "ABCD1234EFGH")
sys.exit("it was " + " and ".join(known) if task == "fails" else 0)
"""


class TestRow14Secrets:
    """Values of the environment are written nowhere; what an executor tells of those that are secret is masked."""

    FROM_ENVIRONMENT = "canary-environment-7f3a9b"
    FROM_SETTINGS = "canary-settings-c41d0e"

    @pytest.fixture
    def told(self, place):
        """An executor that knows both and blurts the second out everywhere it can."""
        settings = place.home / ".config" / "defer" / "env"
        settings.parent.mkdir(parents=True)
        body = f"""
            [ "$SECRET_ENV" = {self.FROM_ENVIRONMENT} ] && [ "$SECRET_FILE" = {self.FROM_SETTINGS} ] || exit 9
            echo "out $SECRET_FILE"; echo "err $SECRET_FILE" >&2
            printf 'cut canary-set'; sleep 0.05; echo 'tings-c41d0e'
            say='{{"summary":"%s","artifacts":["%s"],"session_id":"%s"}}'
            printf "$say" $SECRET_FILE $SECRET_FILE $SECRET_FILE >$DEFER_RESULT_FILE
            [ "$DEFER_TASK_ID" != fails ] || exit 1"""
        settings.write_text(f"export SECRET_FILE='{self.FROM_SETTINGS}'\nDEFER_EXECUTOR={place.executor(body)}\n")
        place.env["SECRET_ENV"] = self.FROM_ENVIRONMENT
        return place

    def test_canaries_are_found_nowhere(self, told):
        place = told
        for name in ("works", "fails"):
            place.schedule("now", "s", "--id", name)
        done = place.wake()
        place.schedule("1h", "s", "--id", "later")
        shown = [place.defer(*words).stdout for words in (["list", "--all"], ["show", "works"], ["show", "fails"])]
        statuses = {one["id"]: one["status"] for one in place.archived()}
        assert statuses == {"works": "completed", "fails": "failed"}
        works = next(one for one in place.archived() if one["id"] == "works")
        assert works["result"]["output"] == "out [masked]\ncut [masked]"
        assert works["result"]["summary"] == "[masked]"
        fails = next(one for one in place.archived() if one["id"] == "fails")
        assert fails["error"] == "executor exited with 1: err [masked]"
        everything = b"".join(path.read_bytes() for path in place.files() if path.is_file())
        for canary in (self.FROM_ENVIRONMENT, self.FROM_SETTINGS):
            assert canary.encode() not in everything
            assert canary not in done.stderr + "".join(shown)

    SETTINGS = (
        ("WEBHOOK", "https://canary.example/c41d0e"),
        ("API_TOKEN", "tk7!"),
        ("PIN_PASSWORD", "481516234217"),
        ("A_SECRET", "ABCD1234"),
        ("B_SECRET", "1234EFGH"),
        ("Q_KEY", 'qu"o\\te-é'),
        ("LISTED", "/canary/listed"),
        ("BOTH", "canary-both-file"),
    )
    ENVIRONMENT = (("BOTH", "canary-both-environment"), ("SSHPASS", "canary-pass"), ("X_LISTED", "#no"))

    @pytest.fixture
    def blurting(self, place):
        """A place with secrets of every kind, and an executor that blurts them out wherever it is heard."""
        settings = place.home / ".config" / "defer" / "env"
        settings.parent.mkdir(parents=True)
        program = place.base / "blurts"
        program.write_text(f"#!{sys.executable}\n{BLURTS}")
        program.chmod(0o755)
        lines = [f"{name}='{value}'\n" for name, value in self.SETTINGS]
        own = f"DEFER_EXECUTOR={program}\nDEFER_SECRETS=LISTED,X_LISTED\nDEFER_RETRY_DELAY_SECONDS=0\n"
        settings.write_text("".join([*lines, own]))
        place.env |= {**dict(self.ENVIRONMENT), "BLURTED": ":".join(dict([*self.SETTINGS, *self.ENVIRONMENT]))}
        return place

    def canaries(self):
        values = {value for _, value in (*self.SETTINGS, *self.ENVIRONMENT)} | {"EFGH", "qu\\"}
        return [form for value in values for form in (value, json.dumps(value)[1:-1])]

    def test_what_an_executor_blurts_out_is_kept_nowhere(self, blurting):
        place = blurting
        place.schedule("now", "s", "--id", "works")
        place.schedule("now", "s", "--id", "fails", "--max-retries", "1")
        place.schedule("now", "s", "--id", "garbles")
        said = [place.wake("--json"), place.wake("--json")]
        apart = place.schedule("1h", "s", "--id", "apart")
        said.append(place.run("execute-task.sh", input=json.dumps(apart).encode()))
        for words in (["list", "--all"], ["list", "--json"], ["show", "fails"], ["doctor"], ["doctor", "--records"]):
            said.append(place.defer(*words))
        statuses = {one["id"]: one["status"] for one in place.archived()}
        assert statuses == {"works": "completed", "fails": "failed", "garbles": "completed"}
        assert str(place.base / "blurts") in (place.base / "command lines").read_text()
        kept = {path: path.read_bytes().decode() for path in place.files() if path.is_file()}
        kept |= {place.base / "command lines": (place.base / "command lines").read_text()}
        kept |= {f"output {number}": done.stdout + done.stderr for number, done in enumerate(said)}
        found = [(name, one) for name, text in kept.items() for one in self.canaries() if one in text]
        assert not found
        works = next(one for one in place.archived() if one["id"] == "works")
        assert works["result"]["output"].splitlines()[-1] == "telemetry true in prod [masked]"
        assert works["result"]["summary"].split() == ["[masked]"] * 11

    def test_what_an_older_version_kept_is_masked_in_the_next_prompt(self, place):
        file = place.home / "settings"
        file.write_text(f"API_TOKEN={self.FROM_SETTINGS}\n")
        place.write_store(v1_task("a", last_error=f"refused: {self.FROM_SETTINGS}"))
        place.wake(env={"DEFER_ENV_FILE": str(file)})
        assert "- last error: refused: [masked]\n" in (place.logs / "a.prompt.txt").read_text()

    @pytest.mark.parametrize("task", [{"command": ["canary-settings-c41d0e"]}, {"executor": "/canary-settings-c41d0e"}])
    def test_what_could_not_be_started_is_told_without_secrets(self, place, task):
        file = place.home / "settings"
        file.write_text(f"API_TOKEN={self.FROM_SETTINGS}\n")
        place.write_store(v1_task("a", **task))
        done = place.wake(env={"DEFER_ENV_FILE": str(file)})
        (failed,) = place.archived()
        assert "[masked]" in failed["error"]
        assert self.FROM_SETTINGS not in failed["error"] + place.runs()[0]["error"] + done.stderr
        assert self.FROM_SETTINGS not in place.log_path.read_text()

    def test_a_wake_that_fails_leaves_no_secret(self, place):
        """What is left for `schedule` to say of a broken wake may name a path, and that may be made of anything."""
        place.env |= {"API_TOKEN": self.FROM_SETTINGS, "DEFER_ARCHIVE_DIR": str(place.base / self.FROM_SETTINGS)}
        (place.base / self.FROM_SETTINGS).write_text("a file where a directory belongs")
        place.schedule("now", "s")
        done = place.run("run-deferred.sh")
        assert done.returncode == 74
        kept = b"".join(path.read_bytes() for path in place.files() if path.is_file())
        assert self.FROM_SETTINGS.encode() not in kept

    @pytest.mark.parametrize("entry", [["run-deferred.sh"], ["execute-task.sh"], ["schedule-task.sh", *NOW_AND_S]])
    def test_a_value_in_the_list_of_secret_names_stops_all_and_is_not_shown(self, place, entry):
        stored = place.schedule("now", "s")
        done = place.run(*entry, env={"DEFER_SECRETS": f"A,{self.FROM_SETTINGS}"}, input=json.dumps(stored).encode())
        said = "defer: DEFER_SECRETS: word 2 is not the name of a variable (list names, not values)\n"
        assert (done.returncode, done.stderr) == (2, said)
        assert place.task(stored["id"])["status"] == "scheduled"

    def test_canaries_are_on_no_command_line(self, place, needs):
        needs("strace")
        place.env["SECRET_ENV"] = self.FROM_ENVIRONMENT
        place.schedule("now", "s", "--executor", "/bin/true")
        trace = place.base / "trace"
        traced(place, trace, "trace=execve", "run-deferred.sh")
        assert "/bin/true" in trace.read_text()
        assert self.FROM_ENVIRONMENT not in trace.read_text()

    def test_a_bad_settings_line_is_named_by_its_number_alone(self, place):
        file = place.home / "settings"
        file.write_text(f"A=1\nexport {self.FROM_SETTINGS}\n")
        done = place.defer("list", env={"DEFER_ENV_FILE": str(file)})
        assert done.returncode == 2
        assert done.stderr == f"defer: {file}:2: not a setting (write NAME=value)\n"
