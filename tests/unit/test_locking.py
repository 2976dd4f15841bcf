"""A lock that somebody else does not let go: who it is, for how long it is waited for, and what ends the waiting."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from filelock import FileLock, Timeout

from defer import fsio, locking
from defer.errors import StoreBusy
from support import SCRIPTS, Place, is_running, until, v1_task

pytestmark = pytest.mark.programs

HOLDER = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(fd, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(place: Place) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the store's lock, of a program that is not ours."""
    place.write_store(v1_task("due", executor="/bin/true"))
    lock = place.runtime / ".deferred.jsonl.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize(
    "words",
    [
        ("schedule-task.sh", "--when", "1h", "--summary", "s"),
        ("schedule-task.sh", "cancel", "due"),
        ("schedule-task.sh", "doctor", "--records"),
        ("archive-deferred.sh",),
        ("run-deferred.sh",),
    ],
    ids=" ".join,
)
def test_a_lock_that_nobody_lets_go_is_waited_for_so_long_and_its_holder_named(
    place: Place, held: subprocess.Popen[str], words: tuple[str, ...]
) -> None:
    done = place.run(*words, env={"DEFER_LOCK_TIMEOUT_SECONDS": "0.2"})
    assert done.returncode == 75
    by = f", by process {held.pid} ({Path(f'/proc/{held.pid}/comm').read_text().strip()})" if is_linux() else ""
    lock = place.runtime / ".deferred.jsonl.lock"
    mend = "(try again, or raise DEFER_LOCK_TIMEOUT_SECONDS)"
    # A v1 writer is waited for within the same time, so that a little less may be left for the lock, or none.
    said = re.sub(r"for 0(\.[0-9]+)? s", "for 0.2 s", done.stderr)
    assert said == f"defer: busy: {lock} was held by others for 0.2 s{by} {mend}\n"
    assert place.task("due")["status"] == "scheduled"


def is_linux() -> bool:
    return sys.platform == "linux"


def test_one_that_is_held_by_an_orphan_is_told_too(place: Place) -> None:
    """Whoever took the lock is gone; a child that had its descriptor from it holds on to it."""
    place.write_store(v1_task("due"))
    lock = place.runtime / ".deferred.jsonl.lock"
    reader, writer = os.pipe()
    fd = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(fd)
    try:
        done = place.defer("cancel", "due", env={"DEFER_LOCK_TIMEOUT_SECONDS": "0"})
        assert (done.returncode, done.stdout) == (75, "")
        assert f"{lock} was held by others for 0 s" in done.stderr
    finally:
        os.close(writer)
        os.close(reader)
        os.waitpid(child, 0)
    assert place.defer("cancel", "due").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda one: one.name)
@pytest.mark.parametrize("words", [("run-deferred.sh",), ("run-deferred.sh", "--loop", "3600")], ids=" ".join)
def test_a_wake_that_waits_hears_that_it_is_to_stop(
    place: Place, held: subprocess.Popen[str], words: tuple[str, ...], number: signal.Signals
) -> None:
    """Its patience is longer than this test's."""
    wake = place.start(*words, env={"DEFER_LOCK_TIMEOUT_SECONDS": "100000"})
    # It hears signals from before its heartbeat on, and asks for the lock right after it.
    until((place.runtime / ".deferred.jsonl.heartbeat").exists, "a wake")
    wake.send_signal(number)
    wake.wait()
    assert is_running(held.pid)
    assert place.task("due")["status"] == "scheduled"


def test_whoever_waits_for_task_files_or_settings_does_so_no_longer_either(tmp_path: Path) -> None:
    told = r"was held by others for 0\.1 s"
    with fsio.edit_lock(tmp_path, 60.0), pytest.raises(StoreBusy, match=told), fsio.edit_lock(tmp_path, 0.1):
        pass


# Beside filelock


def test_whoever_holds_it_by_filelock_shuts_us_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with FileLock(path), pytest.raises(StoreBusy), locking.held(path, 0):
        pass
    with locking.held(path, 0):
        pass


def test_and_we_shut_out_who_comes_by_filelock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locking.held(path, 0), pytest.raises(Timeout):
        FileLock(path, timeout=0).acquire()
    with FileLock(path, timeout=0):
        pass


def script(text: str, *args: object) -> list[str]:
    """A Python program that has our modules, as a command."""
    return [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n{text}", *map(str, args)]


IS_FREE = """
from pathlib import Path
from defer import locking
with locking.held(Path(sys.argv[1]), 0):
    print("filelock" in sys.modules)
"""


def test_a_lock_that_is_free_is_taken_without_it(tmp_path: Path) -> None:
    for _ in ("made", "there"):
        done = subprocess.run(script(IS_FREE, tmp_path / "lock"), capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("False\n", "")


WRITER = """
from pathlib import Path
from filelock import FileLock
from defer import locking
how, lock, store, lines = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]
for line in lines:
    with FileLock(lock, timeout=600) if how == "filelock" else locking.held(lock, 600):
        before = store.read_bytes()
        store.write_bytes(b"")
        store.write_bytes(before + line.encode() + b"\\n")
"""


def test_a_crowd_of_all_three_kinds_loses_nothing(place: Place) -> None:
    """Writers by filelock, writers by ours, both of which put back what they have read, and the command itself."""
    place.write_store(v1_task("first", run_at="2100-01-01T00:00:00Z"))
    lock, store = place.runtime / ".deferred.jsonl.lock", place.store_path
    wanted, crowd = {"first"}, []
    for number in range(4):
        for how in ("filelock", "ours"):
            names = [f"{how}_{number}_{turn}" for turn in range(10)]
            lines = [json.dumps(v1_task(name, run_at="2100-01-01T00:00:00Z")) for name in names]
            crowd.append(subprocess.Popen(script(WRITER, how, lock, store, *lines)))
            wanted |= {*names, f"{how}_{number}"}
            patient = {"DEFER_LOCK_TIMEOUT_SECONDS": "600"}
            words = ("--when", "30m", "--summary", "s", "--id", f"{how}_{number}")
            crowd.append(place.start("schedule-task.sh", *words, env=patient))
    for process in crowd:
        process.communicate()
    assert [process.returncode for process in crowd] == [0] * 16
    assert {json.loads(line)["id"] for line in store.read_text().splitlines()} == wanted


def test_a_lock_file_that_is_removed_as_we_take_it_guards_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever held it has removed it: the next one makes a file of that name, and both would hold a lock."""
    path = tmp_path / "lock"
    real, removed = fcntl.flock, []

    def flock(fd: int, operation: int) -> None:
        if not removed:
            removed.append(path.unlink())
        real(fd, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with locking.held(path, 5.0):
        assert removed
        with pytest.raises(Timeout):
            FileLock(path, timeout=0).acquire()


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_its_file_is_ours_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with locking.held(tmp_path / "lock", 0):
            assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600
    finally:
        os.umask(before)


def is_free(path: Path) -> bool:
    fd = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def interrupted_at(number: int, path: Path) -> bool:
    """Whether Ctrl-C could be raised at that line of those that take a lock and let it go."""
    left = number

    def trace(frame: FrameType, event: str, _: object) -> object:
        nonlocal left
        by = frame.f_back
        if frame.f_code.co_filename != locking.__file__ or "__del__" in (
            frame.f_code.co_name,
            by and by.f_code.co_name,
        ):
            return None
        left -= event == "line"
        if left == 0:
            left = -1
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with locking.held(path, 0):
            pass
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_ctrl_c_at_any_line_leaves_it_free(tmp_path: Path) -> None:
    """A program that goes on after Ctrl-C, such as a notebook, would shut out every wake until its end."""
    path = tmp_path / "lock"
    path.touch(0o600)
    number = 1
    while interrupted_at(number, path):
        assert is_free(path), f"not free after an interruption at line {number}"
        number += 1
    assert number > 10


COMES_BACK = """
import os
from pathlib import Path
from defer import locking
path = Path(sys.argv[1])
with locking.held(path, 0):
    child = os.fork()
    if child == 0:
        other = os.open(os.devnull, os.O_RDONLY)
if child == 0:
    os.fstat(other)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_child_that_leaves_its_parents_lock_closes_no_file_of_its_own(tmp_path: Path) -> None:
    """It has closed its copy of the lock's descriptor, and the next file that it opens gets that number."""
    done = subprocess.run(script(COMES_BACK, tmp_path / "lock"), capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


DIES = """
import os
from pathlib import Path
from defer import locking
with locking.held(Path(sys.argv[1]), 0):
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        sys.stdin.read()
    os._exit(0)
"""


def test_a_child_forked_meanwhile_does_not_hold_on_to_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(script(DIES, path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.wait()
        assert is_running(child)
        with locking.held(path, 0):
            pass
