"""When the runner dies: the executor goes on though it prints, and what it prints is kept, capped and masked."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support import DEADLINE_SECONDS, SCRIPTS, is_running, quoted, until, until_there

pytestmark = pytest.mark.programs

CANARY = "s3cr3t-value-of-the-settings"


def started(place, body: str, *flags: str, env=None, entry=("run-deferred.sh",)):
    """A task whose attempt runs: its runner, and its record with leader and log."""
    up = place.base / "up"
    place.schedule("now", "s", "--id", "a", "--executor", place.executor(f"touch {quoted(up)}; {body}"), *flags)
    runner = place.start(*entry, env=env)
    until(up.exists)
    return runner, place.task("a")


def write_canary(place) -> None:
    """A settings file that holds a secret."""
    settings = place.home / ".config" / "defer" / "env"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"TOKEN={CANARY}\n")
    settings.chmod(0o600)


def log_of(one) -> bytes:
    path = Path(one["run"]["log"])
    return path.read_bytes() if path.exists() else b""


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def keeper_of(runner, one) -> int:
    (keeper,) = set(children_of(runner.pid)) - {one["run"]["leader"]["pid"]}
    return keeper


def is_at_rest(runner) -> bool:
    """Whether it waits to be woken: what it had read is in the log by then, and its keeper told."""
    return Path(f"/proc/{runner.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def gate(place, name: str) -> tuple[Path, str]:
    """A file, and shell words that wait for it."""
    path = place.base / name
    return path, until_there(path)


def test_a_secret_that_is_half_printed_at_the_end_is_masked_whole_by_who_reads_on(place):
    write_canary(place)
    go, wait = gate(place, "go")
    told, said = place.base / "told", place.base / "said"
    stays = f"(printf %s {CANARY[:-4]}; touch {quoted(told)}; {wait}; printf %s {CANARY[-4:]}.; touch {quoted(said)}) &"
    body = f"{stays} {until_there(told)}"
    place.schedule("now", "s", "--id", "a", "--leave-running", "--executor", place.executor(body))
    place.wake()
    go.touch()
    until(said.exists)
    log = Path(place.runs()[0]["log"])
    until(lambda: log.read_bytes().endswith(b"."))
    assert log.read_bytes() == b"[masked]."


class TestTheRunnerIsKilled:
    @pytest.mark.parametrize("settled_by", [["run-deferred.sh"], ["schedule-task.sh", "cancel", "a", "--kill"]])
    def test_nothing_that_is_not_masked_is_left_and_the_log_is_named(self, place, settled_by):
        told = place.base / "told"
        said = quoted(json.dumps({"summary": CANARY}))
        runner, one = started(
            place, f'echo loud; printf %s {said} >"$DEFER_RESULT_FILE"; touch {quoted(told)}; sleep 600'
        )
        until(told.exists)
        runner.kill()
        runner.wait()
        os.killpg(one["run"]["leader"]["pid"], signal.SIGKILL)
        until(lambda: not is_running(one["run"]["leader"]["pid"]))
        place.run(*settled_by)
        place.wake()
        (filed,) = place.archived()
        assert filed["status"] in ("failed", "cancelled")
        assert not [path for path in place.logs.rglob("*") if path.is_file() and CANARY in path.read_text()]
        assert [path.suffix for path in (place.logs / "attempts" / "a").iterdir()] == [".log"]
        assert settled_by[-1] == "--kill" or filed["result"]["log_path"] == one["run"]["log"]

    def test_an_executor_that_prints_goes_on_to_its_end_and_all_of_it_is_kept(self, place):
        go, wait = gate(place, "go")
        done = place.base / "done"
        lines = "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo line $i; done"
        body = f"echo before; {wait}; {lines}; echo oops >&2; touch {quoted(done)}"
        runner, one = started(place, body)
        until(lambda: log_of(one) == b"before\n")
        runner.kill()
        runner.wait()
        go.touch()
        until(done.exists)
        until(lambda: not is_running(one["run"]["leader"]["pid"]))
        wanted = "before\n" + "".join(f"line {number}\n" for number in range(1, 501))
        until(lambda: sorted(log_of(one).decode().splitlines()) == sorted([*wanted.splitlines(), "oops"]))
        place.wake()
        assert place.archived()[0]["error_type"] == "RunnerLost"
        assert sorted(place.attempt_log(place.runs()[0]).decode().splitlines()) == sorted(
            [*wanted.splitlines(), "oops"]
        )

    def test_the_keeper_leaves_when_the_leader_has_ended(self, place):
        go, wait = gate(place, "go")
        runner, one = started(place, f"{wait}; echo end")
        keeper = keeper_of(runner, one)
        runner.kill()
        runner.wait()
        assert is_running(keeper)
        go.touch()
        until(lambda: not is_running(keeper))
        assert log_of(one) == b"end\n"

    def test_a_child_that_holds_the_pipes_does_not_hold_the_keeper(self, place):
        pid = place.base / "pid"
        go, wait = gate(place, "go")
        runner, one = started(place, f"sleep 600 & echo $! >{quoted(pid)}; {wait}; echo end")
        keeper = keeper_of(runner, one)
        runner.kill()
        runner.wait()
        go.touch()
        until(lambda: not is_running(keeper))
        assert log_of(one) == b"end\n"
        place.wake()
        assert not is_running(int(pid.read_text()))

    def test_the_limit_of_the_log_holds_and_what_is_missing_is_counted(self, place):
        go, wait = gate(place, "go")
        body = f"printf 0123456789; {wait}; i=0; while [ $i -lt 100 ]; do i=$((i+1)); printf 0123456789; done"
        runner, one = started(place, body, env={"DEFER_OUTPUT_LIMIT_BYTES": "100"})
        until(lambda: log_of(one) == b"0123456789")
        runner.kill()
        runner.wait()
        go.touch()
        until(lambda: log_of(one).endswith(b"not kept]\n"))
        assert log_of(one) == b"0123456789" * 10 + b"\n[defer: 910 further bytes were not kept]\n"

    def test_secrets_are_masked_also_one_that_was_cut_by_the_runners_death(self, place):
        write_canary(place)
        go, wait = gate(place, "go")
        half = len(CANARY) // 2
        body = f"printf 'before {CANARY} {CANARY[:half]}'; {wait}; printf '{CANARY[half:]} after {CANARY}'"
        runner, one = started(place, body)
        until(lambda: log_of(one) == b"before [masked] ")
        until(lambda: is_at_rest(runner))
        runner.kill()
        runner.wait()
        go.touch()
        until(lambda: log_of(one) == b"before [masked] [masked] after [masked]")

    def test_a_second_secret_that_begins_in_the_first_is_masked_by_who_reads_on(self, place):
        write_canary(place)
        settings = place.home / ".config" / "defer" / "env"
        settings.write_text("TOKEN=ABCD1234\nOTHER_TOKEN=1234EFGH\n")
        go, wait = gate(place, "go")
        runner, one = started(place, f"printf 'x ABCD1234'; {wait}; echo EFGH.")
        until(lambda: log_of(one) == b"x [masked]")
        until(lambda: is_at_rest(runner))
        runner.kill()
        runner.wait()
        go.touch()
        until(lambda: log_of(one) == b"x [masked].\n")

    def test_halves_on_either_side_of_the_runners_death_that_meet_in_the_log(self, place):
        write_canary(place)
        settings = place.home / ".config" / "defer" / "env"
        settings.write_text("TOKEN=s3cr3t\nOTHER_TOKEN=xyz\n")
        go, wait = gate(place, "go")
        runner, one = started(place, f"printf 'before s3cx'; {wait}; echo r3t. >&2")
        until(lambda: log_of(one) == b"before ")
        until(lambda: is_at_rest(runner))
        runner.kill()
        runner.wait()
        go.touch()
        until(lambda: log_of(one) == b"before [masked].\nx")

    def test_what_looked_like_the_beginning_of_a_secret_is_kept(self, place):
        write_canary(place)
        go, wait = gate(place, "go")
        runner, one = started(place, f"printf 'x s3cr'; {wait}; echo ' end'")
        until(lambda: log_of(one) == b"x ")
        until(lambda: is_at_rest(runner))
        runner.kill()
        runner.wait()
        go.touch()
        until(lambda: log_of(one) == b"x s3cr end\n")

    def test_a_signal_to_its_group_and_its_session_does_not_reach_the_keeper(self, place):
        go, wait = gate(place, "go")
        place.schedule("now", "s", "--id", "a", "--executor", place.executor(f"echo up; {wait}; echo end"))
        runner = subprocess.Popen(
            [str(SCRIPTS / "run-deferred.sh")], env=place.env, cwd=place.home, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        one = until(lambda: place.task("a").get("run", {}).get("leader") and place.task("a"))
        until(lambda: log_of(one) == b"up\n")
        os.killpg(runner.pid, signal.SIGKILL)
        assert runner.wait() == -9
        go.touch()
        until(lambda: log_of(one) == b"up\nend\n")

    def test_a_megabyte_of_input_is_read_to_its_end(self, place):
        go, wait = gate(place, "go")
        runner, one = started(place, f"{wait}; wc -c", "--prompt-template", "y" * 60_000)
        runner.kill()
        runner.wait()
        go.touch()
        until(lambda: log_of(one).strip().isdigit())
        assert int(log_of(one)) > 60_000

    def test_several_attempts_at_once(self, place):
        go, wait = gate(place, "go")
        for name in "abc":
            place.schedule(
                "now", "s", "--id", name, "--executor", place.executor(f"echo $DEFER_TASK_ID; {wait}; echo end")
            )
        runner = place.start("run-deferred.sh")
        for name in "abc":
            until(
                lambda name=name: (
                    log_of(place.task(name)) == f"{name}\n".encode()
                    if place.task(name).get("run", {}).get("log")
                    else False
                )
            )
        runner.kill()
        runner.wait()
        go.touch()
        for name in "abc":
            until(lambda name=name: log_of(place.task(name)) == f"{name}\nend\n".encode())


class TestTheRunnerLives:
    def test_the_keeper_holds_nothing_but_what_it_needs(self, place):
        go, wait = gate(place, "go")
        runner, one = started(place, f"echo up; {wait}")
        until(lambda: log_of(one) == b"up\n")
        keeper = keeper_of(runner, one)
        names = until(lambda: descriptors(keeper, 9))
        null, rest = names[:3], sorted(names[3:])
        assert null == ["/dev/null"] * 3
        assert [name.split(":")[0] for name in rest if not name.startswith("/")] == [
            "anon_inode",
            "pipe",
            "pipe",
            "socket",
        ]
        lease = [name for name in rest if name.endswith(".lease")]
        log = [name for name in rest if name == one["run"]["log"]]
        assert (len(lease), len(log), len(rest)) == (1, 1, 6)
        go.touch()
        runner.wait()

    def test_it_leaves_with_the_wake(self, place):
        go, wait = gate(place, "go")
        runner, one = started(place, wait)
        keeper = keeper_of(runner, one)
        go.touch()
        assert runner.wait() == 0
        until(lambda: not is_running(keeper))
        assert list(place.runtime.glob(".*.lease")) == []

    def test_one_a_wake_whatever_the_number_of_attempts(self, place):
        go, wait = gate(place, "go")
        for name in "ab":
            place.schedule("now", "s", "--id", name, "--executor", place.executor(wait))
        place.start("run-deferred.sh")
        runner = place._started[-1]
        until(lambda: len(children_of(runner.pid)) == 3)
        go.touch()
        assert runner.wait() == 0

    def test_a_wake_without_an_executor_has_none(self, place, needs):
        needs("strace")
        place.schedule("now", "s")
        trace = place.base / "trace"
        done = place.run(
            shutil.which("strace"),
            "-f",
            "-qq",
            "-e",
            "trace=fork,vfork,clone,clone3",
            "-o",
            str(trace),
            str(SCRIPTS / "run-deferred.sh"),
        )
        assert done.returncode == 0, done.stderr
        assert place.archived()[0]["status"] == "completed"
        assert [line for line in trace.read_text().splitlines() if "clone" in line or "fork" in line] == []

    def test_a_dead_keeper_costs_no_attempt(self, place):
        go, wait = gate(place, "go")
        runner, one = started(place, f"echo up; {wait}; echo end")
        until(lambda: log_of(one) == b"up\n")
        os.kill(keeper_of(runner, one), signal.SIGKILL)
        go.touch()
        assert runner.wait() == 0
        assert place.archived()[0]["status"] == "completed"
        assert place.attempt_log(place.runs()[0]) == b"up\nend\n"


def descriptors(pid: int, number: int) -> list[str] | None:
    """What the descriptors of a process are, in order, once there are just so many: none of the runner's is left."""
    found = sorted(Path(f"/proc/{pid}/fd").iterdir(), key=lambda path: int(path.name))
    try:
        names = [os.readlink(path) for path in found]
    except OSError:
        return None
    return names if len(names) == number and names[:3] == [os.devnull] * 3 else None


@pytest.mark.skipif(sys.platform != "linux", reason="needs pseudo-terminals as Linux has them")
class TestATerminalIsClosed:
    def test_a_loop_ends_its_attempts_and_settles_them(self, place):
        """SIGHUP says stop, as SIGTERM does; that stderr is gone with the terminal stops nothing."""
        import pty

        place.schedule(
            "now", "s", "--id", "a", "--max-retries", "1", "--executor", place.executor("echo up; exec sleep 600")
        )
        ours, theirs = pty.openpty()
        loop = subprocess.Popen(
            [str(SCRIPTS / "run-deferred.sh"), "--loop", "1"], env=place.env, cwd=place.home, start_new_session=True,
            stdin=theirs, stdout=theirs, stderr=theirs,
            preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(theirs)
        one = until(lambda: place.task("a").get("run", {}).get("leader") and place.task("a"))
        until(lambda: log_of(one) == b"up\n")
        os.close(ours)
        assert loop.wait(DEADLINE_SECONDS) == 0
        assert not is_running(one["run"]["leader"]["pid"])
        assert (place.task("a")["status"], place.task("a")["error_type"]) == ("scheduled", "RunnerStopped")
