"""An upgrade while tasks wait: what earlier versions have left in a home is taken over, and nothing of it is lost.

``tests/data/upgrade`` holds homes as they were left, each file as it was but for the names of home, clone and machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from defer.record import holders
from machine import FAKE_CRONTAB, Machine
from support import ROOT, SCRIPTS, Place, records, share_environment, strict, v1_task

pytestmark = pytest.mark.programs

LANDED = json.loads((ROOT / "tests" / "data" / "upgrade" / "landed.json").read_text())["files"]
WAITING = {"plants", "count", "inbox", "disk", "far", "again"}
FILED = {"dropped", "photos"}


class Left(Place):
    """A home that an earlier version has left: the runtime directory where it is without a setting."""

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.runtime = self.home / "data" / "runtime"
        self.store_path = self.runtime / "deferred.jsonl"
        self.archive_dir = self.runtime / "archive"
        self.logs = self.runtime / "logs"
        self.log_path = self.logs / "deferred.log"
        self.own_records = False
        for name in ("DEFER_RUNTIME_DIR", "DEFER_TIMEZONE", "DEFER_NOTIFY"):
            del self.env[name]
        # Where this clone lies in a place that does not last, a waker names a copy, with an environment of its own.
        share_environment(self.home / ".local" / "share")
        self.tab = base / "tab"
        crontab = self.home / "programs" / "crontab"
        crontab.parent.mkdir()
        crontab.write_text(FAKE_CRONTAB)
        crontab.chmod(0o755)
        self.env |= {"TAB": str(self.tab), "PATH": f"{crontab.parent}:{self.env['PATH']}"}

    def put(self, name: str, text: str) -> None:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(text)
        path.chmod(0o755 if name.startswith("bin/") else 0o600)

    def known(self) -> set[str]:
        """The ids of all that is kept of tasks."""
        return {one["id"] for one in [*self.tasks().values(), *self.archived()]}

    def last(self, task_id: str) -> dict[str, object]:
        """The latest record of a task, in the store or in the archive."""
        return {one["id"]: one for one in [*self.archived(), *self.tasks().values()]}[task_id]


@pytest.fixture
def left(tmp_path: Path) -> Left:
    """What the version before the first release with a wheel has left."""
    left = Left(tmp_path)
    for name, text in LANDED.items():
        if name != "crontab":
            left.put(name, text.replace("@HOME@", str(left.home)).replace("@HOST@", holders.host()))
    for directory in [left.home, *left.home.rglob("*")]:
        if directory.is_dir() and not directory.is_symlink():
            directory.chmod(0o700)
    # As the wakes of that version left them: this store was to be looked at again at once.
    os.utime(left.runtime / ".deferred.jsonl.due2", (0, 0))
    stands = left.store_path.stat()
    os.utime(left.runtime / ".deferred.jsonl.seen2", ns=(stands.st_atime_ns, stands.st_mtime_ns))
    words = {
        "@CODE@/scripts/run-deferred.sh": SCRIPTS / "run-deferred.sh",
        "@HOME@/.config/defer/env": left.home / ".config/defer/env",
    }
    line = LANDED["crontab"].encode()
    for word, path in words.items():
        line = line.replace(word.encode(), Machine.in_crontab(path))
    left.tab.write_bytes(line)
    return left


def test_before_any_wake_all_of_it_is_there(left: Left) -> None:
    before = left.store_path.read_bytes()
    listed = strict(left.defer("list", "--all", "--compact").stdout)
    assert {one["id"]: one["status"] for one in listed} == {
        **dict.fromkeys(WAITING, "scheduled"),
        "invoices": "paused",
        "long": "executing",
    }
    assert left.known() == WAITING | FILED | {"invoices", "long"}
    stands = strict(left.defer("status", "--compact").stdout)
    assert (stands["counts"], stands["unread"]) == ({"scheduled": 6, "paused": 1, "executing": 1}, 1)
    assert "the disk for photos is not mounted" in left.defer("history", "photos", "--table").stdout
    assert left.defer("inbox", "--peek", "--table").stdout.startswith("photos: failed")
    assert left.store_path.read_bytes() == before


def test_the_next_wake_runs_what_waits_and_loses_nothing(left: Left) -> None:
    before = {name: left.last(name) for name in ("far", "invoices")}
    left.wake()
    assert left.known() == WAITING | FILED | {"invoices", "long"}
    assert {name: left.last(name) for name in before} == before
    assert left.last("plants")["status"] == "completed"
    assert left.last("count")["result"]["output"] == "counted"
    # The machine was started anew, so the attempt is over; it has a retry left, as what had failed twice has.
    lost, again = left.task("long"), left.task("again")
    assert (lost["status"], lost["attempts"], lost["error_type"]) == ("scheduled", 1, "RunnerLost")
    assert (again["status"], again["attempts"]) == ("scheduled", 3)
    for name in ("inbox", "disk"):
        recurring = left.task(name)
        assert (recurring["status"], recurring["last"]["outcome"]) == ("scheduled", "completed")
        assert recurring["recurrence"]["fired"] > 1
    told = left.defer("inbox", "--peek", "--table").stdout
    assert all(f"{name}: " in told for name in ("photos", "plants", "inbox", "count"))
    checked = left.defer("doctor", "--records", "--compact")
    assert (checked.returncode, strict(checked.stdout)["contradictions"]) == (0, [])
    assert "0 changed, 0 removed, 1 same" in left.defer("sync").stdout


def test_its_settings_count_and_its_crontab_line_stays_the_only_one(left: Left) -> None:
    assert "19:15 CEST (17:15 UTC)" in left.defer("show", "plants", "--table").stdout
    installed = left.defer("cron", "install", "--compact")
    assert strict(installed.stdout)["line"].encode() + b"\n" == left.tab.read_bytes()
    assert f"{left.home}/.config/defer/env".encode() in left.tab.read_bytes()
    assert "DEFER_RETRY_DELAY_SECONDS=120" in (left.home / ".config" / "defer" / "env").read_text()


def test_a_home_that_was_moved_to_another_machine_says_what_is_to_be_mended(tmp_path: Path) -> None:
    """docs/operations.md, "Move to another machine": the restored store still names the home and host of before."""
    moved = Left(tmp_path)
    for name, text in LANDED.items():
        if not name.startswith(("crontab", ".config/defer/env", "data/runtime/.")):
            moved.put(name, text.replace("@HOME@", "/home/you/before").replace("@HOST@", "elsewhere"))
    for directory in (moved.home, moved.runtime):
        directory.chmod(0o700)
    found = {one["id"] for one in strict(moved.defer("doctor", "--compact").stdout)["findings"]}
    assert {"directory-gone", "executor-missing"} <= found
    assert moved.defer("sync").returncode == 0
    assert moved.task("disk")["source"]["file"] == str(moved.home / ".config/defer/tasks/disk.yml")
    assert moved.defer("release", "long").returncode == 0
    lost = moved.task("long")
    assert (lost["status"], lost["error_type"]) == ("scheduled", "RunnerLost")


V1S = {"scheduled": "waits", "executing": "was-left", "completed": "has-ended", "cancelled": "was-dropped"}


@pytest.fixture
def left_by_v1(tmp_path: Path) -> Left:
    """What version 1 leaves: a task of each kind, one of them filed, and a crontab line without a mark."""
    left = Left(tmp_path)
    ended = {"completed_at": "2026-04-08T16:45:03Z", "attempts": 1, "result": {"type": "prompt_prepared"}}
    tasks = [v1_task(name, status=status) for status, name in V1S.items()]
    tasks[1] |= {"started_at": "2026-04-08T16:45:00Z", "attempts": 1, "max_retries": 1}
    tasks[2] |= ended
    tasks[3] |= {"cancelled_at": "2026-04-08T16:45:01Z", "cancel_reason": None}
    left.put("data/runtime/deferred.jsonl", "".join(json.dumps(one) + "\n" for one in tasks))
    filed = v1_task("filed", status="completed", **ended)
    left.put("data/runtime/archive/deferred_202604.jsonl", json.dumps(filed) + "\n")
    left.put("data/runtime/logs/deferred.log", "2026-04-08T16:45:00Z scheduled id=waits\n")
    left.put("data/runtime/logs/filed.prompt.txt", "go on with the review\n")
    for path in [left.runtime, *left.runtime.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    left.tab.write_bytes(b"* * * * * " + Machine.in_crontab(SCRIPTS / "run-deferred.sh") + b" >/dev/null 2>&1\n")
    return left


def test_what_v1_left_is_taken_over(left_by_v1: Left) -> None:
    left = left_by_v1
    everything = {*V1S.values(), "filed"}
    listed = strict(left.defer("list", "--all", "--compact").stdout)
    assert {one["id"]: one["status"] for one in listed} == {name: status for status, name in V1S.items()}
    assert strict(left.defer("status", "--compact").stdout)["counts"]["scheduled"] == 1
    line = left.tab.read_bytes()
    assert strict(left.defer("cron", "install", "--compact").stdout)["change"] == "added"
    assert line in left.tab.read_bytes()
    left.wake()
    assert left.known() == everything
    assert [left.last(name)["status"] for name in ("waits", "filed", "has-ended")] == ["completed"] * 3
    lost = left.task("was-left")
    assert (lost["status"], lost["attempts"], lost["error_type"]) == ("scheduled", 1, "RunnerLost")
    assert next(one["id"] for one in records(left.archive_dir / "deferred_202604.jsonl")) == "filed"
    assert left.defer("doctor", "--records").returncode == 0


# The other direction: the commit before wheels, as the history has it.
LANDED_COMMIT = "cd6f1b8"


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of that commit; a clone that has not its history cannot try it."""
    archive = tmp_path_factory.mktemp("older") / "code.tar"
    made = subprocess.run(["git", "-C", ROOT, "archive", f"--output={archive}", LANDED_COMMIT, "scripts", "references"])
    if made.returncode:
        pytest.skip("this clone is without the history of the version to go back to")
    with tarfile.open(archive) as tar:
        tar.extractall(archive.parent, filter="data")
    return archive.parent / "scripts"


@pytest.mark.slow
def test_an_older_version_goes_on_with_what_this_one_has_scheduled(older: Path, left: Left) -> None:
    left.schedule("2h", "later", "--id", "later")
    left.schedule("every day 9:00", "each day", "--id", "daily")
    left.schedule("now", "at once", "--id", "at-once", "--executor", str(left.home / "bin" / "count.sh"))
    everything = left.known()
    python = [sys.executable, "-I", "-S", "-X", "utf8", str(older / "defer" / "__main__.py")]
    done = subprocess.run([*python, "wake"], env=left.env, cwd=left.home, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert left.known() == everything
    assert left.last("at-once")["result"]["output"] == "counted"
    assert left.task("later")["status"] == left.task("daily")["status"] == "scheduled"
    assert left.defer("doctor", "--records").returncode == 0
