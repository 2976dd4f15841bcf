"""Attempts of others: which of them live, as far as can be told from here, and what a person can do about the rest."""

import fcntl
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from defer import process
from defer.errors import Refused
from defer.record import holders
from defer.run import kill
from defer.store.audit import AuditLog
from support import NOW, at, is_running, quoted, strict, text_at, until, v1_task

pytestmark = pytest.mark.programs

LATER = "2099-01-01T00:00:00Z"
LEASE = ".deferred.jsonl.0123456789abcdef.lease"
ELSEWHERE = {"pid_namespace": "pid:[1]"}
ANOTHER_BOOT = {"boot": "another"}


def held_by(place, change=None, *, lease=LEASE, host="c1", deadline=None, leader=True):
    """An executing task ``a`` whose runner and leader are this process as ``change`` makes them out."""
    known = {**process.identity(os.getpid()), **(change or {})}
    run = {"run_id": "r", "host": host, "runner": known, "started_at": text_at(), "attempt": 1, "deadline_at": deadline}
    run |= {"lease": lease} if lease else {}
    run |= {"leader": known} if leader else {}
    place.write_store(v1_task("a", status="executing", attempts=1, started_at=text_at(), run=run))


def begin(place, leader):
    """Name the leader of the attempt, as its runner does before it opens the gate."""
    place.store().update("a", NOW, lambda one: {**one, "run": {**one["run"], "leader": leader}})


@pytest.fixture
def lease(place):
    """A lease that somebody holds."""
    place.runtime.mkdir(mode=0o700, exist_ok=True)
    with open(place.runtime / LEASE, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield place.runtime / LEASE


class TestALeaseTells:
    """Another PID namespace, another boot, no /proc: a pid says nothing, the lease does."""

    @pytest.mark.parametrize("change", [ELSEWHERE, ANOTHER_BOOT], ids=["another namespace", "a boot of its own"])
    @pytest.mark.usefixtures("lease")
    def test_a_holder_that_lives_is_left_alone(self, place, change):
        held_by(place, change)
        assert place.wake_at(at(hours=23))["lost"] == 0
        assert place.task("a")["status"] == "executing"

    @pytest.mark.parametrize("change", [ELSEWHERE, ANOTHER_BOOT], ids=["another namespace", "a boot of its own"])
    @pytest.mark.parametrize("file", ["free", "gone"])
    def test_one_that_is_gone_frees_its_slot_at_the_next_wake(self, place, change, file):
        held_by(place, change)
        if file == "free":
            (place.runtime / LEASE).touch(0o600)
        assert place.wake_at(NOW)["lost"] == 1
        assert place.archived()[0]["error_type"] == "RunnerLost"

    def test_a_claim_that_never_began_is_put_back_at_the_next_wake(self, place):
        held_by(place, ELSEWHERE, leader=False)
        counts = place.wake_at(NOW)
        assert (counts["lost"], counts["completed"]) == (0, 1)

    def test_one_that_begins_while_it_is_judged_is_not_run_a_second_time(self, place, monkeypatch):
        """Its runner names the leader, opens the gate and is killed, all after the wake has read the record."""
        held_by(place, {"pid": 2**22 + 1}, leader=False)
        whole = holders.verdict

        def verdict(one, *known):
            begin(place, process.identity(os.getpid()))
            return whole(one, *known)

        monkeypatch.setattr(holders, "verdict", verdict)
        assert place.wake_at(NOW)["started"] == 0
        assert place.task("a")["run"]["run_id"] == "r"
        assert place.audit("put_back") == []

    def test_what_one_that_never_began_was_to_read_is_removed(self, place):
        held_by(place, ELSEWHERE, leader=False)
        written = place.logs / "attempts" / "a" / "r.input.json"
        written.parent.mkdir(parents=True)
        written.write_text("{}")
        place.wake_at(NOW)
        assert not written.exists()

    @pytest.mark.usefixtures("lease")
    def test_where_the_pid_tells_the_pid_decides(self, place):
        held_by(place, {"pid": 2**22 + 1})
        assert place.wake_at(NOW)["lost"] == 1

    def test_without_a_lease_it_counts_until_its_deadline(self, place):
        held_by(place, ELSEWHERE, lease=None, deadline=text_at(minutes=30))
        assert place.wake_at(at(minutes=29))["lost"] == 0
        assert place.wake_at(at(minutes=30))["lost"] == 1

    @pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "deferred.jsonl", 5, None, ""])
    def test_a_name_that_is_no_lease_tells_nothing(self, place, name):
        held_by(place, ELSEWHERE, lease=None)
        from defer.store import lease

        assert lease.is_held(place.store_path, name) is None

    def test_leases_that_nobody_holds_are_removed_and_others_stay(self, place, lease):
        stale = place.runtime / ".deferred.jsonl.fedcba9876543210.lease"
        stale.touch(0o600)
        place.schedule("now")
        place.wake()
        assert not stale.exists()
        assert lease.exists()


class TestWithoutProc:
    """A system that shows no processes must not have a living attempt taken for lost."""

    @pytest.fixture(autouse=True)
    def _nothing_is_remembered(self):
        """What it once read of /proc a process knows for ever: the tests after these must not go by it."""
        for known in (process._boot_id, process._pid_namespace):
            known.cache_clear()
        yield
        for known in (process._boot_id, process._pid_namespace):
            known.cache_clear()

    @pytest.fixture
    def blind(self, monkeypatch, tmp_path):
        monkeypatch.setattr(process, "_PROC", tmp_path / "no proc")

    @pytest.mark.usefixtures("blind")
    def test_a_pid_in_use_cannot_be_told(self):
        assert process.is_alive({**process.identity(os.getpid()), "start": "1"}) is None
        assert process.is_alive(process.identity(os.getpid())) is None

    @pytest.mark.usefixtures("blind")
    def test_a_pid_that_nobody_has_is_dead(self):
        assert process.is_alive({**process.identity(os.getpid()), "pid": 2**22 + 1}) is False

    @pytest.mark.usefixtures("blind")
    def test_a_living_attempt_is_not_run_twice(self, place):
        me = process.identity(os.getpid())
        run = {"run_id": "r", "runner": {**me, "pid": 2**22 + 1}, "leader": me}
        place.write_store(v1_task("a", status="executing", attempts=1, started_at=text_at(), max_retries=3, run=run))
        counts = place.wake_at(at(minutes=30))
        assert (counts["lost"], counts["started"]) == (0, 0)

    def test_a_process_that_is_hidden_counts_as_one_that_cannot_be_told(self, monkeypatch, tmp_path):
        (tmp_path / "self").mkdir()
        monkeypatch.setattr(process, "_PROC", tmp_path)
        assert process.is_alive({**process.identity(os.getpid()), "pid": 1}) is None


class TestRelease:
    def test_an_attempt_elsewhere_is_given_up_and_it_is_said_who_held_it(self, place):
        held_by(place, ELSEWHERE, lease=None, deadline=LATER)
        done = place.defer("release", "a", "--compact")
        assert done.returncode == 0, done.stderr
        assert strict(done.stdout)["status"] == "failed"
        (line,) = place.audit("released")
        assert f"the runner with pid {os.getpid()} on host c1" in line
        place.wake()
        (run,) = place.runs()
        assert (run["status"], run["host"], run["error_type"]) == ("lost", "c1", "RunnerLost")
        assert run["error"].startswith("released by hand: ")

    def test_one_with_retries_waits_for_the_next(self, place):
        held_by(place, ELSEWHERE, lease=None, deadline=LATER)
        place.write_store({**place.task("a"), "max_retries": 1})
        assert strict(place.defer("release", "a", "--compact").stdout)["status"] == "scheduled"

    def test_one_that_executes_here_is_refused(self, place):
        held_by(place)
        before = place.store_path.read_bytes()
        done = place.defer("release", "a")
        assert done.returncode == 1
        assert "defer cancel --kill a" in done.stderr
        assert place.store_path.read_bytes() == before

    @pytest.mark.usefixtures("lease")
    def test_one_whose_holder_is_known_to_live_is_refused(self, place):
        held_by(place, ELSEWHERE)
        done = place.defer("release", "a")
        assert done.returncode == 1
        assert "its runner lives" in done.stderr
        assert "on host c1" in done.stderr

    def test_one_of_v1_that_names_nobody_is_given_up(self, place):
        place.write_store(v1_task("a", status="executing", attempts=0, started_at=text_at()))
        done = place.defer("release", "a", "--compact")
        assert strict(done.stdout)["status"] == "failed"

    @pytest.mark.parametrize("status", ["scheduled", "paused", "completed"])
    def test_what_is_not_executing_is_refused(self, place, status):
        place.write_store(v1_task("a", status=status, run_at="2099-01-01T00:00:00Z"))
        done = place.defer("release", "a")
        assert (done.returncode, "not executing" in done.stderr) == (1, True)

    def test_an_unknown_id_is_refused(self, place):
        assert "no such task: nobody" in place.defer("release", "nobody").stderr


class TestCancel:
    def test_of_an_attempt_out_of_reach_says_so_and_changes_nothing(self, place):
        held_by(place, ELSEWHERE, lease=None, deadline=LATER)
        before = place.store_path.read_bytes()
        done = place.defer("cancel", "a", "--kill")
        assert done.returncode == 1
        assert "cannot be ended from here" in done.stderr
        assert "on host c1" in done.stderr
        assert "defer release a" in done.stderr
        assert "was killed" not in done.stderr
        assert place.store_path.read_bytes() == before

    def test_of_an_attempt_whose_holder_is_gone_settles_it(self, place):
        held_by(place, ELSEWHERE)
        done = place.defer("cancel", "a", "--kill", "--compact")
        assert strict(done.stdout)["status"] == "cancelled"


class TestAllSlotsHeld:
    def test_it_is_said_once_and_schedule_warns_until_it_is_over(self, place):
        held_by(place, ELSEWHERE, lease=None, deadline=LATER)
        env = {"DEFER_MAX_PARALLEL": "1"}
        done = place.wake(env=env)
        assert "every slot is held" in done.stderr
        assert "a by the runner with pid" in done.stderr
        place.schedule("now", "s", "--id", "b")
        assert place.wake(env=env).stderr == ""
        warned = place.defer("--when", "1h", "--summary", "s")
        assert "every slot is held" in warned.stdout + warned.stderr
        place.defer("release", "a")
        assert "task failed" not in place.wake(env=env).stderr
        assert place.archived()[-1]["id"] == "b"
        warned = place.defer("--when", "1h", "--summary", "s")
        assert "every slot" not in warned.stdout + warned.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="makes PID namespaces: root only")
class TestAContainerThatIsGone:
    def contained(self, place, needs, body: str, *flags: str):
        """A wake in a PID namespace of its own, whose attempt is under way."""
        needs("unshare")
        up = place.base / "up"
        place.schedule("now", "s", "--id", "a", "--executor", place.executor(f"touch {quoted(up)}; {body}"), *flags)
        first = ["sh", "-c", f"{place_entry()}; exec sleep 600"]
        outer = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *first],
            env=place.env, cwd=place.home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        until(up.exists)
        return outer

    def test_its_attempt_is_left_alone_while_it_lives_and_lost_when_it_is_gone(self, place, needs):
        outer = self.contained(place, needs, "exec sleep 600")
        try:
            assert place.wake(env={"DEFER_MAX_PARALLEL": "1"}).returncode == 0
            assert place.task("a")["status"] == "executing"
        finally:
            outer.kill()
            outer.communicate()
        until(lambda: place.wake(env={"DEFER_MAX_PARALLEL": "1"}) and place.archived())
        assert place.archived()[0]["error_type"] == "RunnerLost"

    def test_a_runner_that_is_killed_in_it_leaves_its_living_executor_the_lease(self, place, needs):
        """The keeper holds it on: what goes on there is not run a second time from here."""
        outer = self.contained(place, needs, "exec sleep 600", "--max-retries", "1")
        try:
            inside = place.task("a")["run"]
            runner, leader = (numbered(outer, inside[whose]["pid"]) for whose in ("runner", "leader"))
            os.kill(runner, signal.SIGKILL)
            until(lambda: not is_running(runner))
            place.wake()
            assert place.task("a")["status"] == "executing"
            assert is_running(leader)
        finally:
            outer.kill()
            outer.communicate()


def place_entry():
    from support import SCRIPTS

    return SCRIPTS / "run-deferred.sh"


def numbered(outer: subprocess.Popen, number: int) -> int:
    """Our number of what has `number` in the PID namespace of `outer`: in another one that is another process."""
    space = os.readlink(f"/proc/{outer.pid}/ns/pid_for_children")
    everybody = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return next(pid for pid in everybody if number_in(space, pid) == number)


def number_in(space: str, pid: int) -> int | None:
    """The number of a process in the PID namespace `space`; None for one that is not in it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        inside = os.readlink(f"/proc/{pid}/ns/pid") == space
    except OSError:
        return None
    return int(re.findall(r"(?m)^NSpid:.*\t(\d+)$", status)[0]) if inside else None


def test_release_of_what_was_settled_meanwhile_is_refused(place):
    held_by(place, ELSEWHERE, lease=None, deadline=LATER)
    store, config = place.store(), place.config()
    whole = store.find

    def find(task_id):
        found = whole(task_id)
        place.store().update("a", NOW, lambda one: {**one, "status": "scheduled"})
        store.find = whole
        return found

    store.find = find
    with pytest.raises(Refused, match="not executing"):
        kill.release(store, AuditLog(place.log_path), config, "a", NOW)
