"""What each command costs, in counts that no machine changes: processes, fsyncs, locks, bytes, modules.

How long it takes is measured by ``make bench`` and asserted nowhere.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from defer import fsio, instants
from defer.commands import cli
from defer.notices import outbox
from defer.notices.box import AGAIN, Result
from defer.run import wake
from defer.run.attempt import Attempt
from defer.run.loop import Loop
from defer.timegrammar.reading import Reading
from support import NOW, SCRIPTS, Place, v1_task

pytestmark = pytest.mark.programs

FRONT, WAKE = "schedule-task.sh", "run-deferred.sh"
# What no ordinary command may load: each costs more than Python's own start, or half of it.
HEAVY = {
    "asyncio",
    "dateutil",
    "jsonschema",
    "psutil",
    "rich",
    "ruamel",
    "subprocess",
    "tomllib",
    "tzlocal",
    "unittest",
}


@pytest.fixture
def traced(place: Place, tmp_path: Path, needs: Callable[..., None]) -> Callable[..., list[str]]:
    """``traced("fsync", entry, *arguments)``: those system calls of an entry and all it starts."""
    needs("strace")

    def trace(calls: str, entry: str, *args: str) -> list[str]:
        out = tmp_path / "trace"
        done = subprocess.run(
            [
                "strace",
                "-f",
                "-qq",
                "-y",
                "-e",
                "signal=none",
                "-e",
                f"trace={calls}",
                "-o",
                out,
                SCRIPTS / entry,
                *args,
            ],
            env=place.env,
            cwd=place.home,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return [line for line in out.read_text().splitlines() if "ENOENT" not in line and "resumed>" not in line]

    return trace


def idle(place: Place) -> None:
    """Bring a store to rest: the next wake has nothing to do."""
    for _ in range(3):
        place.wake()
        # A store is only marked as seen once a further change is bound to change its time (markers.py).
        os.utime(place.store_path, ns=(0, place.store_path.stat().st_mtime_ns - 10**9))
    place.wake()


def filled(place: Place, count: int) -> None:
    """A store of ``count`` tasks that wait, none of them due for long."""
    place.write_store(*(v1_task(f"task_{number}", run_at="2100-01-01T00:00:00Z") for number in range(count)))


# Processes


def test_an_idle_wake_is_one_process(place, traced):
    filled(place, 100)
    idle(place)
    calls = traced("execve,clone,clone3,fork,vfork", WAKE)
    assert len(calls) == 1
    assert WAKE in calls[0]


@pytest.mark.parametrize("ping", ["", "http://127.0.0.1:1/pinged"])
def test_so_it_is_between_two_tries_of_a_notice_and_between_two_pings(place, traced, ping):
    """Nobody listens on that port: the notice waits for its next try, which is put off for long."""
    place.env |= {"DEFER_NOTIFY": "http://127.0.0.1:1/notices", "DEFER_PING_URL": ping}
    place.schedule("now", "s", "--id", "a", "--executor", "/bin/false")
    place.schedule("1d", "s", "--id", "later")
    place.wake()
    assert place.archived()[0]["status"] == "failed"
    notices, now = place.runtime / "notices.jsonl", instants.now()
    (tried,) = outbox.pending(notices)
    outbox.settled(notices, [Result(tried.key, tried.channel, AGAIN, 1, now + timedelta(minutes=55), "refused")], now)
    os.utime(place.store_path, ns=(0, place.store_path.stat().st_mtime_ns - 10**9))
    idle(place)
    (waits,) = outbox.pending(notices)
    assert waits.tries == 1
    assert len(traced("execve,clone,clone3,fork,vfork", WAKE)) == 1


@pytest.mark.parametrize(
    "held",
    [
        {"requires": ["telepathy"]},
        {"schema_version": 3},
        {"schema_version": 3, "status": "executing", "run": {"holder": "somebody"}},
        {"schema_version": 3, "status": "completed"},
        {"held": {"until": "2100-01-01T00:00:00Z", "reason": "the day's budget is spent"}},
    ],
    ids=["requires", "newer", "newer, executing", "newer, ended", "held"],
)
def test_so_it_is_beside_what_is_due_and_held(place, traced, held):
    """And the store, of which each byte is as it was, is not opened."""
    place.write_store(v1_task("held", **held), v1_task("later", run_at="2100-01-01T00:00:00Z"))
    before = place.store_path.read_bytes()
    idle(place)
    calls = traced("execve,clone,clone3,fork,vfork,openat", WAKE)
    assert len([call for call in calls if "openat(" not in call]) == 1
    assert not [call for call in calls if f'{place.store_path.name}"' in call]
    assert place.store_path.read_bytes() == before


@pytest.mark.parametrize("command", ["schedule", "list", "show", "cancel"])
def test_a_command_is_a_shell_that_becomes_python(place, traced, command):
    task = place.schedule("1h")
    args = {
        "schedule": ("--when", "30m", "--summary", "resume the review"),
        "list": ("list",),
        "show": ("show", task["id"]),
        "cancel": ("cancel", task["id"]),
    }[command]
    calls = traced("execve,clone,clone3,fork,vfork", FRONT, *args)
    assert [re.sub(r'.*execve\("([^"]*/)?([^"/]+)".*', r"\2", call) for call in calls] == [FRONT, "python"]


# Bytes and files


def read_by(calls: list[str]) -> int:
    """Bytes that read(2) and pread(2) returned."""
    return sum(int(call.rpartition("= ")[2]) for call in calls)


def test_an_idle_wake_reads_the_same_whatever_the_store_holds(place, traced):
    found = set()
    for count in (1, 1000):
        filled(place, count)
        idle(place)
        calls = traced("read,pread64,openat", WAKE)
        assert not [
            call for call in calls if f"{place.store_path.name}>" in call or f'{place.store_path.name}"' in call
        ]
        found.add(read_by([call for call in calls if "openat" not in call]))
    assert len(found) == 1
    # The entry, what it sources, and the shell's own libraries' headers.
    assert found.pop() < 32 << 10


class Counting(fsio.Kernel):
    """The system calls as they are, counted; ``read`` are the bytes read of the store."""

    def __init__(self, store: Path) -> None:
        self.calls: Counter[str] = Counter()
        self.read = 0
        self._store = store

    def fsync(self, fd: int) -> None:
        self.calls["fsync"] += 1
        super().fsync(fd)

    def lock(self, path: Path, timeout: float) -> AbstractContextManager[object]:
        self.calls["lock"] += 1
        return super().lock(path, timeout)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        self.read += size
        return super().pread(fd, size, offset)

    def reader(self, path: Path) -> BinaryIO:
        self.calls["reader"] += path == self._store
        return super().reader(path)


@pytest.fixture
def counting(place: Place, monkeypatch: pytest.MonkeyPatch) -> Counting:
    kernel = Counting(place.store_path)
    monkeypatch.setattr(fsio, "kernel", kernel)
    return kernel


def new_task(**fields: object) -> dict[str, object]:
    """A task as the store takes it, without an id."""
    return {name: value for name, value in v1_task(**fields).items() if name != "id"}


def test_scheduling_looks_at_the_last_byte_of_the_store_only(place, counting):
    filled(place, 2000)
    place.store().append([new_task()], NOW)
    assert counting.calls["reader"] == 0
    assert counting.read <= 16


def test_a_store_that_is_kept_reads_nothing_before_it_appends(place, counting):
    store = place.store()
    store.append([new_task()], NOW)
    counting.calls.clear()
    counting.read = 0
    for _ in range(3):
        store.append([new_task()], NOW)
    assert counting.read == 0
    assert counting.calls == {"fsync": 3, "lock": 3}


def test_a_store_that_is_kept_looks_at_each_file_as_often_as_it_must(place, counting, monkeypatch):
    store = place.store()
    store.append([new_task()], NOW)
    looked: Counter[str] = Counter()
    stat = counting.stat
    monkeypatch.setattr(counting, "stat", lambda path: looked.update([path.name]) or stat(path))
    store.append([new_task()], NOW)
    files = place.store_path, store.markers.seen, store.markers.due
    assert [looked[path.name] for path in files] == [1, 1, 1]


def test_cancelling_reads_the_store_once(place, counting):
    filled(place, 2000)
    place.store().update("task_7", NOW, lambda task: {**task, "status": "cancelled"})
    assert counting.calls["reader"] == 1


# Fsyncs and locks


def test_scheduling_syncs_the_store_once_and_nothing_else(place, traced):
    place.schedule("1h")
    calls = traced("fsync,fdatasync,sync,syncfs,msync", FRONT, "--when", "30m", "--summary", "resume the review")
    assert [re.search(r"<.*/([^/]*/[^/]*)>", call)[1] for call in calls] == [f"runtime/{place.store_path.name}"]


@pytest.mark.parametrize("command", [("list",), ("show", "mine")])
def test_looking_syncs_and_locks_nothing(place, traced, command):
    place.schedule("1h", "resume the review", "--id", "mine")
    assert traced("fsync,fdatasync,sync,flock", FRONT, *command, "--compact") == []


def test_a_command_holds_the_lock_once(place, traced):
    place.schedule("1h", "resume the review", "--id", "mine")
    for command in (("--when", "30m", "--summary", "x"), ("cancel", "mine")):
        assert len([call for call in traced("flock", FRONT, *command) if "LOCK_EX" in call]) == 1


def test_a_batch_is_one_write_one_sync_one_lock(place, counting):
    store = place.store()
    store.append([new_task()], NOW)
    counting.calls.clear()
    store.append([new_task() for _ in range(1000)], NOW)
    assert counting.calls["fsync"] == 1
    assert counting.calls["lock"] == 1


@pytest.mark.parametrize("parallel", [1, 4])
def test_attempts_that_begin_or_end_together_cost_two_locks_and_two_syncs(place, counting, monkeypatch, parallel):
    """One writes what they came to, with the claim of those that follow; one who these are, before they may run.

    Filing comes at the end of the wake, and once a second while attempts run.
    """
    monkeypatch.setattr(wake, "_FILE_EVERY_SECONDS", float("inf"))
    wait = Loop.wait

    def wait_for_all(self: Loop, until: Iterable[float | None]) -> list[Attempt]:
        over = wait(self, until)
        while self.attempts:
            over += wait(self, until)
        return over

    monkeypatch.setattr(Loop, "wait", wait_for_all)
    env = {"DEFER_EXECUTOR": place.executor("cat >/dev/null"), "DEFER_MAX_PARALLEL": str(parallel)}
    cost = {}
    for rounds in (1, 2, 12):  # the first one makes the files
        place.write_store(*(v1_task(f"task_{number}") for number in range(rounds * parallel)))
        counting.calls.clear()
        assert place.wake_at(NOW, env)["completed"] == rounds * parallel
        cost[rounds] = Counter(counting.calls)
    assert cost[12]["lock"] - cost[2]["lock"] == 2 * 10
    assert cost[12]["fsync"] - cost[2]["fsync"] == 2 * 10


def test_filing_costs_the_same_for_one_task_and_for_many(place, counting):
    cost = []
    for count in (1, 50):
        ended = [
            v1_task(f"task_{number}", status="completed", completed_at="2026-04-08T16:40:00Z")
            for number in range(count)
        ]
        place.write_store(*ended)
        store = place.store()
        counting.calls.clear()
        assert len(store.archive(NOW)) == count
        cost.append(counting.calls["fsync"])
        (place.archive_dir / "deferred_202604.jsonl").unlink()
    assert cost[0] == cost[1]


# Words


@pytest.mark.parametrize(
    "argv",
    [
        ["30m resume the review"],
        ["every weekday 8:30 check the inbox"],
        ["tomorrow 9am", "--summary", "check the deploy"],
        ["--when", "30m", "--summary", "resume the review"],
        ["--every", "day at 9am", "--summary", "check the inbox"],
        ["edit", "mine", "--when", "every day at 9am", "--jitter", "5m"],
        ["edit", "mine", "--when", "tomorrow 9am"],
        ["reschedule", "mine", "tomorrow 9am"],
    ],
    ids=" ".join,
)
def test_a_command_reads_its_time_once(place, monkeypatch, capsys, argv):
    place.schedule("1h", "resume the review", "--id", "mine")
    made = []
    new = Reading.__new__
    monkeypatch.setattr(Reading, "__new__", lambda cls, *parts: made.append(parts) or new(cls, *parts))
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    assert cli.main("front", [*argv, "--compact"]) == 0, capsys.readouterr().err
    assert len(made) == 1


# Modules


def modules(place: Place, face: str, *args: str) -> set[str]:
    """What a face of the command line imports, as its entry starts it."""
    # Without its options of speed, so that the list of modules comes on stderr.
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-X", "importtime", SCRIPTS / "defer" / "__main__.py", face]
    done = subprocess.run([*command, *args], env=place.env, cwd=place.home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines[1:]}


COMMANDS = {
    "schedule": ("front", "--when", "30m", "--summary", "resume the review"),
    "schedule tomorrow": ("front", "--when", "tomorrow 9am", "--summary", "resume the review"),
    "list": ("front", "list"),
    "show": ("front", "show", "mine"),
    "cancel": ("front", "cancel", "mine"),
    "wake": ("wake",),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_loads_what_it_does_not_need(place, command):
    place.schedule("now", "resume the review", "--id", "mine")
    found = modules(place, *COMMANDS[command])
    assert "defer.commands.cli" in found
    allowed = {"subprocess"} if command == "wake" else set()
    assert {name.partition(".")[0] for name in found} & HEAVY <= allowed


@pytest.mark.parametrize("command", ["list", "show"])
def test_looking_loads_no_lock(place, command):
    place.schedule("1h", "resume the review", "--id", "mine")
    assert not {name for name in modules(place, *COMMANDS[command]) if name.startswith("filelock")}


# All that a plain delay loads, of ours and of Python's own: of the latter by first names, since each version of Python
# parts its modules in its own way. The command's own module, which is loaded by its name, is not told.
OURS = {
    "defer": "client errors exits fsio homedir instants locking paths say signals syscalls timeparse trust visible",
    "defer.commands": "cli glance output",
    "defer.record": "codec events ownform shapes task versions",
    "defer.scheduling": "add advice plan",
    "defer.settings": "config variables",
    "defer.store": "audit backwards beside holding index jsonl lease markers places v1locks",
    "defer.timegrammar": "delay reading",
}
PYTHONS = (
    "__future__ abc codecs collections contextlib copyreg datetime encodings enum errno fcntl fnmatch functools gc "
    "genericpath glob grp importlib io ipaddress itertools json keyword marshal math ntpath operator os pathlib posix "
    "posixpath pwd re reprlib select signal stat time types typing urllib warnings zipimport"
)
# Modules of other systems that Python tries to load.
ELSEWHERE = {"nt", "winreg"}


def test_scheduling_after_a_delay_loads_this_and_nothing_else(place):
    place.schedule("1h")  # its first call makes byte code
    found = modules(place, *COMMANDS["schedule"])
    ours = {name for name in found if name.partition(".")[0] == "defer"}
    assert ours == OURS.keys() | {f"{folder}.{name}" for folder, names in OURS.items() for name in names.split()}
    pythons = {name.partition(".")[0] for name in found - ours if not name.startswith("_")}
    assert pythons <= {*PYTHONS.split(), *ELSEWHERE}


# Apart, since each version of Python loads some more or fewer of its own for the same imports.
@pytest.mark.parametrize(("command", "ours", "pythons"), [("list", 38, 68), ("wake", 91, 85)])
def test_modules_stay_few(place, command, ours, pythons):
    """Each module costs about a third of a millisecond: a new one is worth a thought."""
    place.schedule("now", "resume the review", "--id", "mine")
    found = modules(place, *COMMANDS[command])
    of_ours = {name for name in found if name.partition(".")[0] == "defer"}
    assert len(of_ours) <= ours
    assert len(found - of_ours) <= pythons
