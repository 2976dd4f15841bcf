"""A lock that somebody else does not let go: who it is, for how long it is waited for, and what ends the waiting."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from defer import fsio
from defer.errors import StoreBusy
from support import Place, is_running, until, v1_task

HOLDER = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(fd, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(place: Place) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the store's lock, of a program that is none of ours."""
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
    # A v1 writer is waited for within the same time, so that a little less may be left for the lock.
    said = re.sub(r"for 0\.[0-9]+ s", "for 0.2 s", done.stderr)
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
