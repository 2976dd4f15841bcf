"""`run-deferred.sh` as a process: signals, loops, what it prints, and what it leaves when it cannot work."""

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from defer import process
from defer.client import Client
from defer.commands import wake
from defer.run.loop import Loop
from defer.run.wake import Runner
from defer.store.markers import Markers
from support import ROOT, SCRIPTS, is_running, leaving_pid, quoted, strict, until, until_there, v1_task, warnings_of

pytestmark = pytest.mark.programs


def under_way(place, *flags: str, entry_flags=(), env=None):
    pid = place.base / "pid"
    body = f"{leaving_pid(pid)}; exec sleep 600"
    place.schedule("now", "s", "--id", "a", "--executor", place.executor(body), *flags)
    runner = place.start("run-deferred.sh", *entry_flags, env=env)
    return runner, int(until(lambda: pid.exists() and pid.read_text()))


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    @pytest.mark.parametrize("flags", [(), ("--loop", "1")], ids=["once", "loop"])
    def test_stop_ends_the_attempt_and_has_it_retried(self, place, number, flags):
        runner, leader = under_way(place, "--max-retries", "1", entry_flags=flags)
        place.schedule("now", "s", "--id", "b", "--workspace", str(place.home))
        runner.send_signal(number)
        assert runner.wait() == 0
        assert not is_running(leader)
        waiting = place.task("a")
        assert (waiting["status"], waiting["error_type"], waiting["attempts"]) == ("scheduled", "RunnerStopped", 1)
        (run,) = [one for one in place.runs() if one["task_id"] == "a"]
        assert run["error_type"] == "RunnerStopped"

    def test_stop_without_retries_fails_and_says_so(self, place):
        runner, _ = under_way(place)
        runner.terminate()
        _, err = runner.communicate()
        assert place.archived()[0]["error_type"] == "RunnerStopped"
        assert b"task failed: a: the runner was stopped" in err

    def test_an_executor_that_ignores_the_stop_is_killed_after_the_grace(self, place):
        pid = place.base / "pid"
        told = leaving_pid(pid)
        body = f"trap '' TERM; {told}; while :; do sleep 0.05; done"
        place.schedule("now", "s", "--id", "a", "--executor", place.executor(body))
        runner = place.start("run-deferred.sh", env={"DEFER_KILL_GRACE_SECONDS": "0.2"})
        leader = int(until(lambda: pid.exists() and pid.read_text()))
        runner.terminate()
        assert runner.wait() == 0
        assert not is_running(leader)

    def test_stop_tells_attempts_of_other_runners_nothing(self, place):
        runner, leader = under_way(place)
        place.schedule("now", "s", "--id", "b", "--executor", place.executor("exec sleep 600", "other"))
        other = place.start("run-deferred.sh")
        until(lambda: place.tasks()["b"]["status"] == "executing" and place.tasks()["b"]["run"].get("leader"))
        other.terminate()
        assert other.wait() == 0
        assert is_running(leader)
        assert place.task("a")["status"] == "executing"
        runner.terminate()
        runner.wait()


class TestLoop:
    def test_runs_what_comes_due_later(self, place):
        place.schedule("1h", "s", "--id", "far")
        loop = place.start("run-deferred.sh", "--loop", "1")
        until(lambda: (place.runtime / ".deferred.jsonl.heartbeat").exists())
        for name in ("b", "c"):
            place.schedule("now", "s", "--id", name)
            until(lambda name=name: name in [one["id"] for one in place.archived()])
        loop.terminate()
        assert loop.wait() == 0
        assert place.task("far")["status"] == "scheduled"

    def test_a_task_that_comes_due_during_a_long_attempt_does_not_wait_for_it(self, place):
        loop, leader = under_way(place, entry_flags=("--loop", "1"))
        place.schedule("now", "s", "--id", "b")
        until(lambda: "b" in [one["id"] for one in place.archived()])
        assert is_running(leader)
        loop.terminate()
        loop.wait()

    def test_its_heartbeat_goes_on_during_a_long_attempt(self, place):
        """It has no other wake beside it: without that it would soon be called asleep."""
        loop, _ = under_way(place, entry_flags=("--loop", "1"))
        heartbeat = place.runtime / ".deferred.jsonl.heartbeat"
        os.utime(heartbeat, (0, 0))
        until(lambda: heartbeat.stat().st_mtime > 0)
        assert place.task("a")["status"] == "executing"
        loop.terminate()
        loop.wait()


def children_of(pid: int) -> list[int]:
    """Zombies included."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class TestBetweenWakes:
    """The next wake of such a loop is ten minutes away."""

    EVERY = ("--loop", "600")

    def rests(self, place):
        """The loop has done its first wake: what it did is filed, and its lease is gone."""
        until(lambda: place.archived() and not list(place.runtime.glob(".*.lease")))

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_a_stop_ends_it_at_once(self, place, number):
        place.schedule("now", "s", "--id", "a")
        loop = place.start("run-deferred.sh", *self.EVERY)
        self.rests(place)
        loop.send_signal(number)
        assert loop.communicate() == (b"", b"")
        assert loop.returncode == 0

    def test_as_the_first_process_of_a_container_it_reaps_orphans_and_hears_a_stop(self, place, needs):
        needs("unshare")
        if os.geteuid() != 0:
            pytest.skip("only root may make a PID namespace")
        go, up = place.base / "go", place.base / "up"
        stays = f"touch {quoted(up)}; {until_there(go)}"
        body = f'setsid sh -c "{stays}" >/dev/null 2>&1 </dev/null & :'
        place.schedule("now", "s", "--id", "a", "--leave-running", "--executor", place.executor(body))
        namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        outer = subprocess.Popen(
            [*namespace, str(SCRIPTS / "run-deferred.sh"), *self.EVERY],
            env=place.env, cwd=place.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            until(up.exists)
            self.rests(place)
            (first,) = children_of(outer.pid)
            until(lambda: len(children_of(first)) == 1)
            go.touch()
            until(lambda: not children_of(first))
            os.kill(first, signal.SIGTERM)
            assert outer.communicate() == (b"", b"")
            assert outer.returncode == 0
        finally:
            outer.kill()
            outer.wait()


def test_a_mistake_of_ours_does_not_end_a_loop(place, monkeypatch, capsys):
    place.write_store(v1_task("a"))
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    whole, mistakes = Runner._turn_until_done, []

    def turn(self):
        if not mistakes:
            mistakes.append(1)
            raise ZeroDivisionError("a mistake")
        whole(self)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Runner, "_turn_until_done", turn)
    monkeypatch.setattr(Loop, "rest", lambda self, seconds: None)
    assert wake.wake(Client, ["--loop", "1"]) == 0
    assert "defer: ZeroDivisionError: a mistake\n" in capsys.readouterr().err
    assert place.archived()[0]["status"] == "completed"
    assert 'wake_failed error="a mistake"' in place.log_path.read_text()


def test_one_that_cannot_even_tell_who_it_is_leaves_its_reason(place, monkeypatch):
    def refuse(_pid):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(process, "identity", refuse)
    client = Client(place.env)
    with Loop() as loop, pytest.raises(OSError, match="Too many open files"):
        wake.wake_once(client, loop, 60.0, False)
    assert "Too many open files" in client.store.markers.last_trouble()


class TestWhatItPrints:
    def test_nothing_unless_something_went_wrong(self, place):
        place.schedule("now")
        assert (place.wake().stdout, place.wake().stderr) == ("", "")

    def test_a_summary_when_asked(self, place):
        place.write_store(v1_task("a"), v1_task("b", executor="/no/such"), v1_task("c", status="executing"))
        found = strict(place.wake("--json").stdout)
        assert (found["started"], found["completed"], found["failed"], found["lost"]) == (2, 1, 2, 1)

    def test_exit_0_whatever_the_attempts_came_to(self, place):
        place.schedule("now", "s", "--executor", place.executor("exit 9"))
        done = place.wake()
        assert done.stderr.startswith("defer: task failed: ")


def checkout_in(place):
    """A checkout of its own, without an environment."""
    checkout = place.base / "checkout"
    (checkout / ".git").mkdir(parents=True)
    for name in ("scripts", "requirements", "pyproject.toml", "references"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, checkout / name)
    return checkout


@pytest.mark.parametrize("what", ["checkout", "checkout/scripts"])
def test_a_loop_goes_on_when_the_files_it_was_started_from_are_moved(place, what):
    """A `git pull`, say. What it may need was loaded at its start; its settings count as they were."""
    checkout = checkout_in(place)
    (checkout / ".venv").symlink_to(sys.prefix)
    tasks_dir = place.base / "tasks"
    tasks_dir.mkdir()
    (tasks_dir / "often.yml").write_text("schedule: every 2h\ncommand: printf %s ${#WORD}\nenv: {WORD: said}\n")
    place.env["DEFER_RETRY_DELAY_SECONDS"] = "86400"
    for name in ("DEFER_RUNTIME_DIR", "DEFER_TIMEZONE", "DEFER_RETRY_DELAY_SECONDS"):
        with (checkout / ".env").open("a") as settings:
            settings.write(f"{name}={place.env[name]}\n")
    (checkout / ".env").chmod(0o600)
    bare = {name: value for name, value in place.env.items() if not name.startswith("DEFER_")}
    place.schedule("every 2h", "s", "--id", "recurring")
    place.defer("sync", str(tasks_dir))
    place.env, all_of_it = bare, place.env
    loop = place.start(str(checkout / "scripts" / "run-deferred.sh"), "--loop", "1")
    place.env = all_of_it
    until(lambda: (place.runtime / ".deferred.jsonl.heartbeat").exists())
    (place.base / what).rename(place.base / "moved")
    place.schedule("now", "s", "--id", "fails", "--executor", place.executor("exit 3"), "--max-retries", "1")
    place.schedule("now", "s", "--id", "prepared")
    for task_id in ("recurring", "often"):
        assert place.defer("run", task_id).returncode == 0
    until(lambda: len(place.archived()) == 3)
    until(lambda: place.tasks()["fails"]["attempts"] == 1)
    loop.terminate()
    _, err = loop.communicate()
    assert (loop.returncode, err) == (0, b"")
    assert {one["status"] for one in place.archived()} == {"completed"}
    assert [one["result"]["output"] for one in place.archived() if "output" in one["result"]] == ["4"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_log_and_a_terminal_that_take_nothing_stop_no_task(place):
    place.schedule("now", "s", "--id", "a", "--executor", place.executor("exit 1", "fails"))
    place.schedule("now", "s", "--id", "b", "--executor", place.executor("echo fine"))
    place.home.joinpath("log").mkdir()
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [SCRIPTS / "run-deferred.sh"], env={**place.env, "DEFER_LOG_FILE": str(place.home / "log")}, stderr=full
        )
    assert done.returncode == 0
    assert {one["id"]: one["status"] for one in place.archived()} == {"a": "failed", "b": "completed"}


@pytest.mark.parametrize("kind", ["hard link", "FIFO", "open directory"])
@pytest.mark.parametrize("name", [".deferred.jsonl.trouble", "logs/deferred.log"])
def test_what_it_leaves_then_is_not_written_through_what_another_has_put_there(place, name, kind):
    """Python is not there to look at what is opened."""
    checkout = checkout_in(place)
    place.write_store(v1_task("a"))
    place.logs.mkdir(mode=0o700)
    victim, path = place.base / "victim", place.runtime / name
    victim.write_text("precious\n")
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "hard link":
        os.link(victim, path)
    else:
        path.parent.chmod(0o777)
    done = place.run(str(checkout / "scripts" / "run-deferred.sh"))
    assert (done.returncode, done.stdout) == (74, "")
    assert victim.read_text() == "precious\n"
    assert path.exists() == (kind != "open directory")
    path.unlink(missing_ok=True)


def test_a_wake_without_an_environment_says_what_is_missing_and_installs_nothing(place):
    """A checkout whose environment is gone, under cron: nobody is there to see an installation."""
    checkout = checkout_in(place)
    place.write_store(v1_task("a"))
    done = place.run(str(checkout / "scripts" / "run-deferred.sh"))
    assert (done.returncode, done.stdout) == (74, "")
    assert "environment is missing or out of date" in done.stderr
    assert "bootstrap.py" in done.stderr
    assert not (checkout / ".venv").exists()
    assert "wake_failed" in place.log_path.read_text() if place.log_path.exists() else True
    warnings = warnings_of(place.defer("--when", "1h", "--summary", "s"))
    assert "environment is missing or out of date" in "".join(warnings)
    place.wake()
    assert place.archived()[0]["id"] == "a"


def test_another_directory_of_the_same_store_shares_its_lock_and_slots(place):
    place.schedule("now", "s", "--id", "a", "--executor", place.executor("exec sleep 600"))
    other = {"DEFER_RUNTIME_DIR": str(place.base / "other"), "DEFER_TASKS_FILE": str(place.store_path)}
    runner = place.start("run-deferred.sh", env=other)
    until(lambda: (place.tasks()["a"].get("run") or {}).get("leader"))
    place.schedule("now", "s", "--id", "b")
    place.wake(env={"DEFER_MAX_PARALLEL": "1"})
    assert place.task("b")["status"] == "scheduled"
    runner.terminate()
    runner.wait()
    assert Path(other["DEFER_RUNTIME_DIR"], "archive").exists()
    assert os.listdir(place.runtime)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_execute_task_leaves_no_executor_behind(place, number):
    pid_file = place.base / "pid"
    body = f"{leaving_pid(pid_file)}; exec sleep 1000"
    with subprocess.Popen(
        [SCRIPTS / "execute-task.sh"],
        env={**place.env, "DEFER_EXECUTOR": place.executor(body)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdin.write(json.dumps(v1_task()).encode())
        process.stdin.close()
        pid = int(until(lambda: pid_file.exists() and pid_file.read_text()))
        process.send_signal(number)
        result = json.loads(process.stdout.read())
        process.stderr.read()
    assert (result["error_type"], process.returncode) == ("RunnerStopped", 1)
    until(lambda: not is_running(pid))


def test_byte_code_cut_short_by_a_full_disk_stops_nothing(place):
    """CPython issue 126606: such a file is taken for good, and every later start would end in a traceback."""
    checkout = place.base / "checkout"
    (checkout / ".git").mkdir(parents=True)
    shutil.copytree(ROOT / "scripts", checkout / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements", "pyproject.toml", "references", ".venv"):
        (checkout / name).symlink_to(ROOT / name)
    python = ROOT / ".venv" / "bin" / "python"
    subprocess.run([python, "-m", "compileall", "-q", checkout / "scripts" / "defer"], check=True)
    for cut in checkout.rglob("scripts/defer/**/*.pyc"):
        os.truncate(cut, 200)
    front = str(checkout / "scripts" / "schedule-task.sh")
    for _ in range(2):
        done = place.run(front, "--when", "1h", "--summary", "s")
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    assert len(place.tasks()) == 2


class TestAbsence:
    """A wake that comes long after the store was due to be looked at notes it; `defer doctor` tells of it."""

    def due(self, place, ago: float) -> datetime:
        """When the store was to be looked at: so many seconds before now."""
        moment = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=ago)
        os.utime(place.runtime / ".deferred.jsonl.due2", (moment.timestamp(), moment.timestamp()))
        return moment

    def test_a_night_off_is_noted_once(self, place):
        place.schedule("9h", "s", "--id", "a")
        moment = self.due(place, 8 * 3600)
        place.wake()
        place.wake()
        (line,) = place.audit("wakes_resumed")
        assert datetime.fromisoformat(line.partition("since=")[2]) == moment

    @pytest.mark.parametrize("ago", [60, 15 * 60, -600], ids=str)
    def test_a_wake_in_time_notes_nothing(self, place, ago):
        place.schedule("9h", "s", "--id", "a")
        moment = self.due(place, ago)
        client = Client({**place.env}, clock=lambda: moment + timedelta(seconds=ago))
        with Loop() as loop:
            wake.wake_once(client, loop, 60.0, as_json=False)
        assert place.audit("wakes_resumed") == []

    def test_wakes_that_came_and_failed_were_not_absent(self, place):
        place.schedule("9h", "s", "--id", "a")
        self.due(place, 8 * 3600)
        (place.runtime / ".deferred.jsonl.trouble").write_text("2026-04-08T15:43:20Z the disk is full\n")
        place.wake()
        assert place.audit("wakes_resumed") == []

    def test_a_marker_that_cannot_be_looked_at_costs_the_note_alone(self, place):
        class Failing(Markers):
            def next_look(self):
                raise OSError(5, "Input/output error")

        client = Client({**place.env})
        client.store.markers = Failing(place.store_path)
        with Loop() as loop:
            wake.wake_once(client, loop, 60.0, as_json=False)
        assert place.audit("wakes_resumed") == []

    def test_an_attempt_under_way_is_not_absence(self, place):
        place.schedule("9h", "s", "--id", "a")
        os.utime(place.runtime / ".deferred.jsonl.due2", (0, 0))
        place.wake()
        assert place.audit("wakes_resumed") == []
