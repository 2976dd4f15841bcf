"""v1's lock directories: honoured while their holder lives, and no longer."""

import os
import shutil
import subprocess
import time

import pytest

from defer import fsio, process
from defer.errors import StoreBusy
from defer.record import codec
from defer.store import v1locks
from defer.store.jsonl import JsonlStore
from support import NOW, at, strict, v1_task

FAR = "2099-01-01T00:00:00Z"
MINE = f"the v1 process with pid {os.getpid()}"


def lock(directory, pid: object = None, age: float | None = None):
    """A lock directory as v1 makes one."""
    directory.mkdir(parents=True)
    marked = directory
    if pid is not None:
        marked = directory / "pid"
        marked.write_text(f"{pid}\n")
    if age is not None:
        os.utime(marked, (0, time.time() - age))
    return directory


def dead_pid() -> int:
    child = subprocess.Popen(["/bin/true"])
    child.wait()
    return child.pid


class TestHolder:
    def test_nobody_where_there_is_none(self, tmp_path):
        assert v1locks.holder(tmp_path / "lock") is None
        assert v1locks.holder(tmp_path / "no directory" / "lock") is None

    def test_a_living_process(self, tmp_path):
        assert v1locks.holder(lock(tmp_path / "lock", os.getpid())) == MINE

    def test_a_process_of_somebody_else(self, tmp_path):
        assert v1locks.holder(lock(tmp_path / "lock", 1)) == "the v1 process with pid 1"

    def test_not_a_dead_one(self, tmp_path):
        assert v1locks.holder(lock(tmp_path / "lock", dead_pid())) is None

    def test_not_one_that_nobody_has_buried(self, tmp_path):
        child = subprocess.Popen(["/bin/true"])
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert v1locks.holder(lock(tmp_path / "lock", child.pid)) is None
        child.wait()

    def test_not_one_that_began_after_the_pid_was_written(self, tmp_path):
        began = process.began_at(os.getpid())
        assert began is not None
        held = lock(tmp_path / "lock", os.getpid())
        os.utime(held / "pid", (0, began - 120))
        assert v1locks.holder(held) is None
        os.utime(held / "pid", (0, began))
        assert v1locks.holder(held) == MINE

    def test_a_clock_that_was_set_back_does_not_matter(self, tmp_path):
        assert v1locks.holder(lock(tmp_path / "lock", os.getpid(), age=-3600)) == MINE

    @pytest.mark.parametrize(("hours", "is_held"), [(23, True), (25, False)])
    def test_for_a_day_at_most(self, tmp_path, monkeypatch, hours, is_held):
        monkeypatch.setattr(process, "began_at", lambda pid: 0.0)
        found = v1locks.holder(lock(tmp_path / "lock", os.getpid(), age=hours * 3600))
        assert found == (MINE if is_held else None)

    @pytest.mark.parametrize("pid", [None, "", "no number", "-5", "1 2", "²"])
    def test_one_without_a_pid_for_a_minute(self, tmp_path, monkeypatch, pid):
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now)
        assert v1locks.holder(lock(tmp_path / "new", pid, age=59)) == "a v1 process that has not said its pid"
        assert v1locks.holder(lock(tmp_path / "old", pid, age=61)) is None

    @pytest.mark.parametrize("pid", ["0", "9" * 30])
    def test_not_a_pid_that_nobody_can_have(self, tmp_path, pid):
        assert v1locks.holder(lock(tmp_path / "lock", pid)) is None

    def test_not_a_file_in_its_place(self, tmp_path):
        (tmp_path / "lock").write_text(str(os.getpid()))
        assert v1locks.holder(tmp_path / "lock") is None

    def test_a_pipe_in_the_place_of_the_pid_holds_nobody_up(self, tmp_path, monkeypatch):
        held = lock(tmp_path / "lock")
        os.mkfifo(held / "pid")
        monkeypatch.setattr(time, "time", (held / "pid").stat().st_mtime.__float__)
        assert v1locks.holder(held) == "a v1 process that has not said its pid"


class Beside:
    """A store of ours, and what a v1 writer does beside it."""

    def __init__(self, place):
        self.path, self.lock = place.store_path, place.runtime / ".deferred-tasks.lock"
        self.store = JsonlStore(self.path, place.archive_dir, place.runtime / "runs", 0.0, print, self.lock)
        place.write_store(v1_task("old", run_at=FAR))
        self.copy = b""

    def begin(self):
        """Take the lock, and read the store."""
        lock(self.lock, os.getpid())
        self.copy = self.path.read_bytes()

    def end(self):
        """Rename a new file over the store, and release the lock."""
        new = self.path.with_name("deferred.Ab12Cd")
        new.write_bytes(self.copy + codec.encode(v1_task("theirs", run_at=FAR)))
        new.rename(self.path)
        shutil.rmtree(self.lock)

    def ids(self):
        return [strict(line)["id"] for line in self.path.read_bytes().splitlines()]


@pytest.fixture
def beside(place):
    return Beside(place)


def around_append(monkeypatch, before, after=lambda: None):
    """Do something before and after the next append, and none of it again."""
    append, todo = fsio.append, [(before, after)]

    def appended(*args, **kwargs):
        first, then = todo.pop() if todo else (lambda: None, lambda: None)
        first()
        state = append(*args, **kwargs)
        then()
        return state

    monkeypatch.setattr(fsio, "append", appended)


class TestWriters:
    def test_wait_for_a_v1_writer(self, beside, monkeypatch):
        beside.begin()
        monkeypatch.setattr(v1locks.time, "sleep", lambda seconds: beside.end())
        beside.store.patience = 60.0
        beside.store.append([v1_task("ours", run_at=FAR)], NOW)
        assert beside.ids() == ["old", "theirs", "ours"]

    def test_wait_no_longer_than_for_their_own_lock(self, beside):
        beside.begin()
        before = beside.path.read_bytes()
        with pytest.raises(StoreBusy, match=f"deferred-tasks.lock is held by {MINE} for 0 s"):
            beside.store.append([v1_task("ours", run_at=FAR)], NOW)
        assert beside.path.read_bytes() == before

    def test_lose_nothing_to_one_that_comes_and_goes_as_they_append(self, beside, monkeypatch):
        around_append(monkeypatch, beside.begin, beside.end)
        beside.store.append([v1_task("ours", run_at=FAR), v1_task("ours-2", run_at=FAR)], NOW)
        assert beside.ids() == ["old", "theirs", "ours", "ours-2"]

    def test_lose_nothing_to_one_that_is_still_at_work(self, beside, monkeypatch):
        around_append(monkeypatch, beside.begin)
        monkeypatch.setattr(v1locks.time, "sleep", lambda seconds: beside.end())
        beside.store._lock_timeout = 60.0
        beside.store.append([v1_task("ours", run_at=FAR)], NOW)
        assert beside.ids() == ["old", "theirs", "ours"]

    def test_append_nothing_twice_that_it_has_seen(self, beside, monkeypatch):
        around_append(monkeypatch, lambda: None, lambda: (beside.begin(), beside.end()))
        beside.store.append([v1_task("ours", run_at=FAR)], NOW)
        assert beside.ids() == ["old", "ours", "theirs"]

    def test_or_that_only_added_a_line(self, beside, monkeypatch):
        around_append(monkeypatch, lambda: lock(beside.lock, dead_pid()))
        beside.store.append([v1_task("ours", run_at=FAR)], NOW)
        assert beside.ids() == ["old", "ours"]

    @pytest.mark.parametrize("when", ["before", "around", "after"])
    def test_mark_nothing_as_seen_that_it_wrote(self, beside, monkeypatch, when):
        beside.path.unlink()
        beside.store.append([v1_task("old", run_at=FAR)], NOW)
        assert beside.store.markers.unchanged_since_seen()

        def comes_and_goes():
            beside.begin()
            beside.end()

        steps = {
            "before": (comes_and_goes, lambda: None),
            "around": (beside.begin, beside.end),
            "after": (lambda: None, comes_and_goes),
        }[when]
        around_append(monkeypatch, *steps)
        beside.store.append([v1_task("ours", run_at=FAR)], NOW)
        if when != "before":
            # What was written last is theirs, and so is its time, however coarse the clock.
            os.utime(beside.path, ns=(0, beside.path.stat().st_mtime_ns + 1))
        assert sorted(beside.ids()) == ["old", "ours", "theirs"]
        assert not beside.store.markers.unchanged_since_seen()

    def test_say_so_if_it_does_not_end(self, beside, monkeypatch):
        around_append(monkeypatch, beside.begin)
        with pytest.raises(StoreBusy, match="whether it keeps that is not known"):
            beside.store.append([v1_task("ours", run_at=FAR)], NOW)

    @pytest.mark.parametrize("elsewhere", [False, True])
    def test_a_command_ends_with_75_and_names_the_directory(self, place, elsewhere):
        place.schedule("1h")
        directory = place.base / "lock" if elsewhere else place.runtime / ".deferred-tasks.lock"
        lock(directory, os.getpid())
        before = place.store_path.read_bytes()
        env = {"DEFER_LOCK_TIMEOUT_SECONDS": "0.1"}
        if elsewhere:
            env["DEFER_TASKS_LOCK_DIR"] = str(directory)
        done = place.defer("--when", "30m", "--summary", "s", env=env)
        assert (done.returncode, done.stdout) == (75, "")
        assert f"busy: {directory} is held by {MINE}" in done.stderr
        assert done.stderr.count("\n") == 1
        assert place.store_path.read_bytes() == before
        shutil.rmtree(directory)
        assert place.defer("--when", "30m", "--summary", "s", env=env).returncode == 0

    def test_that_of_a_dead_one_is_in_nobodys_way(self, place):
        lock(place.runtime / ".deferred-tasks.lock", dead_pid())
        place.schedule("now")
        place.wake()
        assert place.archived()[0]["status"] == "completed"


class TestRunner:
    def test_a_wake_leaves_while_a_v1_runner_is_at_work(self, place):
        place.write_store(v1_task("a"))
        held = lock(place.runtime / ".defer.lock", os.getpid())
        before = place.store_path.read_bytes()
        woken = place.wake("--json")
        assert set(strict(woken.stdout).values()) == {0}
        assert woken.stderr == ""
        assert place.store_path.read_bytes() == before
        (line,) = place.audit("wake_skipped")
        assert f"{held} is held by {MINE}" in line
        assert any(MINE in one for one in strict(place.defer("--when", "30m", "--summary", "s").stdout)["warnings"])
        shutil.rmtree(held)
        assert strict(place.wake("--json").stdout)["completed"] == 1
        assert MINE not in place.defer("--when", "30m", "--summary", "s").stdout

    def test_not_for_a_dead_one(self, place):
        place.write_store(v1_task("a"))
        lock(place.runtime / ".defer.lock", dead_pid())
        assert strict(place.wake("--json").stdout)["completed"] == 1

    def test_what_it_executes_is_not_given_up_meanwhile(self, place):
        began = "2026-04-08T16:45:00Z"
        place.write_store(v1_task("a", status="executing", started_at=began))
        held = lock(place.runtime / ".defer.lock", os.getpid())
        place.wake()
        assert place.task("a")["status"] == "executing"
        shutil.rmtree(held)
        place.wake_at(at(hours=2))
        assert place.archived()[0]["error_type"] == "RunnerLost"
