"""Every path of ours with something else standing there: no command waits, none goes through it, each says so.

A process of its own goes through all commands for each cell. Its deadline only tells a hang from an end.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support import DEADLINE_SECONDS, SCRIPTS, Place, need_root, v1_task

pytestmark = pytest.mark.slow
MONTH = "202604"
ARCHIVE, RUNS = f"archive/deferred_{MONTH}.jsonl", f"runs/runs_{MONTH}.jsonl"
STORE, LOG, HEARTBEAT, LOCK = "deferred.jsonl", "logs/deferred.log", ".deferred.jsonl.heartbeat", ".deferred.jsonl.lock"
PATHS = [
    *(STORE, LOG, HEARTBEAT, LOCK, ARCHIVE, RUNS, "logs/due.prompt.txt", "deferred.jsonl.rejected"),
    *(f".deferred.jsonl.{kind}" for kind in ("due", "seen", "trouble", "held")),
    *(".deferred.jsonl.0011223344556677.lease", "runs/kept.json"),
]
COMMANDS: dict[str, tuple[str, ...]] = {
    "schedule": ("front", "schedule", "--when", "1h", "--summary", "s", "--id", "new", "--compact"),
    "list": ("front", "list", "--all", "--compact"),
    "show": ("front", "show", "waits", "--compact"),
    "show what is filed": ("front", "show", "filed", "--compact"),
    "cancel": ("front", "cancel", "waits", "--compact"),
    "wake": ("wake",),
    "archive": ("archive",),
    "doctor": ("front", "doctor", "--records", "--compact"),
    "history": ("front", "history", "--compact"),
    "wait": ("front", "wait", "filed", "--compact"),
    "prune": ("front", "prune", "--older", "90d", "--dry-run", "--compact"),
}
DRIVER = """
import io, json, os, sys, traceback
sys.path.insert(0, sys.argv[1])
from defer.store import audit
from defer.commands import cli
from defer.store import archive as filing
from defer.commands import history, prune, wait
from defer.commands import schedule as scheduling
from defer.commands import list as looking
from defer.commands import change as changing
from defer.commands import wake as waking
from defer.reports import recordfiles
from defer.store import jsonl as store
from defer.wakers import cron as crontab
ended = []
for name, (face, *words) in json.loads(sys.argv[2]).items():
    out, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 99
        try:
            os.dup2(writer, 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            status = cli.main(face, words)
        except SystemExit as left:
            status = left.code
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    os.close(writer)
    with os.fdopen(out, "rb") as stream:
        said = stream.read().decode()
    ended.append([name, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said])
print(json.dumps(ended))
"""


class Ended(NamedTuple):
    """How one command ended."""

    status: int
    said: str


@pytest.fixture
def made(place: Place) -> Iterator[Place]:
    """A store with all its files: a task that waits, one that is due, one that is filed, and one to be filed."""
    ended = {"status": "completed", "completed_at": "2026-04-08T16:40:00Z"}
    run = {
        "run_id": "run_1",
        "task_id": "ended",
        "attempt": 1,
        "occurrence": "2026-04-08T16:45:00Z",
        "status": "ok",
        "started_at": "2026-04-08T16:39:00Z",
        "ended_at": "2026-04-08T16:40:00Z",
        **dict.fromkeys(("duration_ms", "exit_code", "error_type", "error", "late_by_seconds", "log", "prompt")),
        **dict.fromkeys(("usage", "session_id", "host", "pid")),
    }
    place.write_store(
        v1_task("waits", run_at="2100-01-01T00:00:00Z"),
        v1_task("due", executor="/bin/true"),
        v1_task("ended", **ended, attempts=1, ended_runs=[run]),
    )
    place.own_records = False
    for path, content in ((ARCHIVE, json.dumps(v1_task("filed", **ended)) + "\n"), (RUNS, ""), (LOG, "")):
        (place.runtime / path).parent.mkdir(mode=0o700)
        (place.runtime / path).write_text(content)
        (place.runtime / path).chmod(0o600)
    for path in PATHS:
        (place.runtime / path).touch(mode=0o600)
    yield place
    # What looks at the files in the end is to meet files.
    for path in map(place.runtime.joinpath, PATHS):
        if path.is_symlink() or path.exists() and not path.is_file():
            (path.rmdir if path.is_dir() and not path.is_symlink() else path.unlink)()


def go_through(place: Place, env: dict[str, str] | None = None) -> dict[str, Ended]:
    """Each command, one after the other, on what the one before has left."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(SCRIPTS), json.dumps(COMMANDS)],
        env={**place.env, **(env or {})},
        cwd=place.home,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    found = {name: Ended(status, said) for name, status, said in json.loads(done.stdout)}
    for name, one in found.items():
        assert one.status in (0, 1, 74), (name, one)
        lines = one.said.splitlines()
        assert all(re.fullmatch(r"defer: .+", line) for line in lines), (name, one)
        # Whoever is told that it cannot be done is told where, and what to do about it, once.
        assert one.status == 0 or re.fullmatch(r"defer: .+\(.+\)", lines[-1]), (name, one)
        assert len(lines) == len(set(lines)), (name, one)
    return found


def put_fifo(path: Path, victim: Path) -> None:
    os.mkfifo(path, 0o600)


def put_socket(path: Path, victim: Path) -> None:
    # The name may be longer than a socket's address: it is bound from within.
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def put_device(path: Path, victim: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to make a device")
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 7))  # full(4)
    except PermissionError:
        pytest.skip("this root may not make a device")


KINDS: dict[str, Callable[[Path, Path], None]] = {
    "FIFO": put_fifo,
    "socket": put_socket,
    "device": put_device,
    "directory": lambda path, victim: path.mkdir(mode=0o700),
    "link": lambda path, victim: path.symlink_to(victim),
    "link to nothing": lambda path, victim: path.symlink_to(victim.with_name("nothing")),
    "link to a device": lambda path, victim: path.symlink_to("/dev/full"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", PATHS)
def test_whatever_stands_there_no_command_waits_or_goes_through_it(made: Place, path: str, kind: str) -> None:
    victim = made.base / "victim"
    victim.write_text("")
    planted = made.runtime / path
    planted.unlink()
    KINDS[kind](planted, victim)
    ended = go_through(made)
    assert victim.read_bytes() == b"" or path == STORE  # a link to the store is the user's: it is followed
    assert not victim.with_name("nothing").exists() or path == STORE
    if path in (ARCHIVE, RUNS) and not kind.startswith("link"):
        assert f"a {kind} stands where a file belongs: {planted} (move it away)" in ended["wake"].said
        assert ended["wake"].status == 74
    if path not in (STORE, LOCK):
        # The tasks go on, and what has ended stays in the store until it can be filed.
        assert path == LOG or made.audit("failed" if "prompt" in path and kind == "directory" else "completed")
        assert {ended[name].status for name in ("schedule", "list", "show", "cancel")} == {0}


def hand_over(path: Path) -> None:
    need_root()
    os.chown(path, 65534, 65534)


STATES: dict[str, Callable[[Path], None]] = {
    "every user may write it (mode 0666)": lambda path: path.chmod(0o666),
    "mode 0000": lambda path: path.chmod(0),
    "it belongs to another user (uid 65534)": hand_over,
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("path", PATHS)
def test_nor_by_what_others_may_write_or_nobody_may(made: Place, path: str, state: str) -> None:
    planted = made.runtime / path
    before = planted.read_bytes()
    STATES[state](planted)
    ended = go_through(made)
    if state == "mode 0000":
        # To root it is a file like any other; to a user one that is made anew, or named.
        assert os.geteuid() != 0 or {one.status for one in ended.values()} == {0}
    elif path in (STORE, ARCHIVE, RUNS):
        assert planted.read_bytes() == before
        assert any(f"{state}: {planted}" in one.said for one in ended.values())
    elif path == LOG:
        assert planted.read_bytes() == before
    if planted.exists():
        planted.chmod(0o600)
    if path not in (STORE, LOCK):
        assert made.audit("completed") or path == LOG
        assert {ended[name].status for name in ("schedule", "list", "show", "cancel")} == {0}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "directory"])
@pytest.mark.parametrize("name", ["archive", "runs", "logs", "logs/attempts", "logs/attempts/due"])
def test_so_it_is_in_the_place_of_a_directory(made: Place, name: str, kind: str) -> None:
    victim = made.base / "victim"
    victim.write_text("")
    planted = made.runtime / name
    if planted.exists():
        shutil.rmtree(planted)
    planted.parent.mkdir(mode=0o700, exist_ok=True)
    KINDS[kind](planted, victim)
    try:
        ended = go_through(made)
    finally:
        # A link in the place of a task's attempts has given way to a directory.
        if planted.is_symlink() or not planted.is_dir():
            planted.unlink()
    assert victim.read_bytes() == b""
    assert {ended[one].status for one in ("schedule", "list", "show", "cancel")} == {0}


@pytest.mark.parametrize("name", ["archive", "runs"])
def test_a_directory_that_is_a_link_to_nothing_is_named(made: Place, name: str) -> None:
    """As where the disk it leads to is not mounted."""
    planted = made.runtime / name
    shutil.rmtree(planted)
    planted.symlink_to(made.base / "disk")
    ended = go_through(made)
    what = f"a symbolic link to nothing stands where a directory belongs: {planted}"
    for one in ("wake", "archive"):
        assert (ended[one].status, ended[one].said.splitlines()[-1]) == (
            74,
            f"defer: {what} (remove it, or make what it leads to)",
        )
    (made.base / "disk").mkdir(mode=0o700)
    assert go_through(made)["archive"].status == 0
    assert [*(made.base / "disk").iterdir()]


FIFOS = {
    STORE: dict.fromkeys(COMMANDS, 74),
    LOCK: {**dict.fromkeys(COMMANDS, 0), **dict.fromkeys(("schedule", "cancel", "wake", "archive", "doctor"), 74)},
    ARCHIVE: {
        **dict.fromkeys(COMMANDS, 0),
        **dict.fromkeys(("show what is filed", "history", "wait", "wake", "archive", "doctor"), 74),
    },
    RUNS: {**dict.fromkeys(COMMANDS, 0), **dict.fromkeys(("history", "wake", "archive", "doctor"), 74)},
    LOG: {**dict.fromkeys(COMMANDS, 0), "doctor": 74},
}


@pytest.mark.parametrize("path", FIFOS)
def test_a_fifo_is_named_by_each_command_that_needs_the_file(made: Place, path: str) -> None:
    (made.runtime / path).unlink()
    os.mkfifo(made.runtime / path)
    ended = go_through(made)
    assert {name: one.status for name, one in ended.items()} == FIFOS[path]
    for one in ended.values():
        if one.status:
            what = f"a FIFO stands where a file belongs: {made.runtime / path} (move it away)"
            assert one.said == f"defer: {what}\n"


@pytest.mark.parametrize("path", PATHS)
def test_the_wake_of_cron_does_not_wait_for_a_fifo(made: Place, path: str) -> None:
    (made.runtime / path).unlink()
    os.mkfifo(made.runtime / path)
    assert made.run("run-deferred.sh").returncode in (0, 74)
    assert made.run("run-deferred.sh").returncode in (0, 74)


def test_a_heartbeat_is_made_anew_where_something_else_stands(made: Place) -> None:
    victim = made.base / "victim"
    victim.write_text("not ours to empty\n")
    heartbeat = made.runtime / HEARTBEAT
    heartbeat.unlink()
    os.link(victim, heartbeat)
    made.wake()
    assert victim.read_text() == "not ours to empty\n"
    assert stat.S_ISREG(heartbeat.lstat().st_mode)
    assert heartbeat.stat().st_nlink == 1


@pytest.mark.parametrize("path", [STORE, LOG, ARCHIVE, RUNS, "deferred.jsonl.rejected"])
def test_nothing_is_written_to_a_file_that_has_another_name(made: Place, path: str) -> None:
    if path.endswith("rejected"):
        with made.store_path.open("ab") as file:
            file.write(b'{"torn')
    other = made.base / "other"
    os.link(made.runtime / path, other)
    before = other.read_bytes()
    ended = go_through(made)
    assert other.read_bytes() == before
    where = f"the file has 2 names (hard links): {made.runtime / path}"
    assert any(where in one.said for one in ended.values())


@pytest.mark.parametrize("kind", ["FIFO", "directory", "link to nothing"])
def test_settings_that_are_not_a_file_are_refused(made: Place, kind: str) -> None:
    settings = made.base / "settings"
    KINDS[kind](settings, made.base / "victim")
    for entry, *words in (("schedule-task.sh", "list"), ("run-deferred.sh",), ("archive-deferred.sh",)):
        done = made.run(entry, *words, env={"DEFER_ENV_FILE": str(settings)})
        assert done.returncode == 2
        assert done.stderr.startswith(f"defer: the settings file cannot be read: {settings}: ")


def test_no_settings_and_no_log_are_said_by_the_null_device(made: Place) -> None:
    env = {"DEFER_ENV_FILE": "/dev/null", "DEFER_LOG_FILE": "/dev/null"}
    before = os.stat("/dev/null").st_mode
    ended = go_through(made, env)
    assert {one.status for one in ended.values()} == {0}
    assert os.stat("/dev/null").st_mode == before
