"""Other users at the set-up: whose environment is used, and the lock that one set-up holds."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import setupguard
from support import DEADLINE_SECONDS, SCRIPTS, Started, as_root

pytestmark = pytest.mark.programs

NOBODY = 65534
LIBRARIES = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
HURRIED = """
import sys
sys.path.insert(0, {scripts!r})
import setupguard
setupguard.PATIENCE_SECONDS, setupguard.QUIET_SECONDS = {patience}, 0.0
import bootstrap
sys.exit(bootstrap.main([]))
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The entries, a stand-in for the core, and an environment that is ready: dates vouch for it."""
    clone = tmp_path / "clone"
    commands = clone / "scripts" / "defer" / "commands"
    commands.mkdir(parents=True)
    (clone / "requirements").mkdir()
    (clone / ".git").mkdir()
    ours = [SCRIPTS / f"{name}.py" for name in ("bootstrap", "pipsettings", "setupguard", "setupplace", "setupsteps")]
    for path in [*SCRIPTS.glob("*.sh"), *ours]:
        shutil.copy(path, clone / "scripts")
    for path in SCRIPTS.glob("defer/*.py"):
        shutil.copy(path, clone / "scripts" / "defer")
    (clone / "scripts" / "defer" / "__init__.py").write_text("")
    (commands / "cli.py").write_text("def main(*_):\n    print('started', flush=True)\n    return 0\n")
    for source in (clone / "pyproject.toml", clone / "requirements" / "core.lock"):
        source.touch()
        os.utime(source, (1, 1))
    (clone / "requirements" / "locks.hash").write_text("0123456789abcdef\n")
    make_environment(clone / ".venv")
    return clone


def make_environment(home: Path) -> None:
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", home], check=True)
    (home / "defer-core.stamp").touch()


def call(clone: Path, entry: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-I"] if entry.endswith(".py") else []
    return subprocess.run(
        [*program, clone / "scripts" / entry, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=DEADLINE_SECONDS,
    )


WAYS_IN = [("schedule-task.sh", "list"), ("run-deferred.sh", "--json"), ("bootstrap.py",), ("bootstrap.py", "--check")]


def refused(clone: Path, what: str) -> None:
    """Each way in says ``what`` on one line, and starts nothing."""
    for entry, *arguments in WAYS_IN:
        done = call(clone, entry, *arguments)
        assert (done.returncode, done.stdout) == (74, ""), entry
        assert done.stderr.startswith(f"defer: {what} (remove "), done.stderr
        assert done.stderr.count("\n") == 1


def planted(path: Path, trace: Path) -> None:
    """A program in place of a Python, that leaves a trace where it is run."""
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n: >'{trace}'\n")
    path.chmod(0o755)


def test_an_environment_of_ones_own_is_used(clone: Path) -> None:
    done = call(clone, "schedule-task.sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, "started\n", "")


@pytest.mark.parametrize("part", [".", "bin", LIBRARIES])
def test_an_environment_that_every_user_can_change_is_refused(clone: Path, part: str) -> None:
    (clone / ".venv" / part).chmod(0o777)
    refused(clone, f"{clone / '.venv' / part} can be changed by every user")


@as_root
@pytest.mark.parametrize("part", [".", "bin", "pyvenv.cfg", "bin/python"])
def test_an_environment_of_another_user_is_refused_and_its_python_not_run(
    clone: Path, tmp_path: Path, part: str
) -> None:
    planted(clone / ".venv" / "bin" / "python", tmp_path / "owned")
    os.chown(clone / ".venv" / part, NOBODY, NOBODY)
    refused(clone, f"{clone / '.venv' / part} belongs to another user, uid {NOBODY}")
    assert not (tmp_path / "owned").exists()


@as_root
def test_a_link_to_another_users_environment_is_refused(clone: Path, tmp_path: Path) -> None:
    (clone / ".venv").rename(tmp_path / "elsewhere")
    (clone / ".venv").symlink_to(tmp_path / "elsewhere")
    os.chown(tmp_path / "elsewhere", NOBODY, NOBODY)
    refused(clone, f"{clone / '.venv'} belongs to another user, uid {NOBODY}")


@as_root
def test_the_environment_of_the_codes_owner_is_used(clone: Path) -> None:
    for path in [clone, *clone.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    assert call(clone, "schedule-task.sh").stdout == "started\n"


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that every user may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_nobody(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": "/nonexistent", "PATH": os.defpath}
    return subprocess.run(
        command, capture_output=True, text=True, user=NOBODY, group=NOBODY, extra_groups=[], env=environment, cwd="/"
    )


@as_root
def test_another_user_may_use_an_environment_of_roots(clone: Path, open_place: Path) -> None:
    python = "/usr/bin/python3"
    if as_nobody([python, "-c", "import sys, venv; assert sys.version_info >= (3, 11)"]).returncode:
        pytest.skip("needs a Python 3.11 that every user may run")
    shutil.rmtree(clone / ".venv")
    subprocess.run([python, "-I", "-m", "venv", "--without-pip", clone / ".venv"], check=True)
    (clone / ".venv" / "defer-core.stamp").touch()
    shutil.copytree(clone, open_place / "clone", symlinks=True)
    done = as_nobody([open_place / "clone" / "scripts" / "schedule-task.sh"])
    assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr


@as_root
@pytest.mark.parametrize("mode", [0o755, 0o777], ids=oct)
def test_a_data_directory_of_others_is_refused(clone: Path, tmp_path: Path, mode: int) -> None:
    ours = tmp_path / "data" / "defer"
    ours.mkdir(parents=True)
    ours.chmod(mode)
    if mode == 0o755:
        os.chown(ours, NOBODY, NOBODY)
    shutil.rmtree(clone / ".venv")
    code = HURRIED.format(scripts=str(clone / "scripts"), patience=60)
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")},
    )
    what = f"belongs to another user, uid {NOBODY}" if mode == 0o755 else "can be changed by every user"
    assert (done.returncode, done.stderr) == (74, f"defer: {ours} {what} (remove it, then try again)\n")


def setting_up(clone: Path, patience: float) -> Started:
    """bootstrap.py in a clone whose environment is not vouched for, that waits so long for its lock."""
    return Started(
        [sys.executable, "-I", "-c", HURRIED.format(scripts=str(clone / "scripts"), patience=patience)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_waiting_for_another_set_up_ends_with_75_and_names_the_lock(clone: Path) -> None:
    (clone / ".venv" / "defer-core.stamp").unlink()
    lock = clone / ".venv.lock"
    with setupguard.Held(str(lock), quiet=True):
        out, err = setting_up(clone, patience=0.2).communicate()
    holder = f"another set-up (process {os.getpid()})"
    assert err.decode().splitlines() == [
        f"defer: waiting for {holder}, at most 0.2 s: {lock}",
        f"defer: busy: {holder} has held {lock} for 0.2 s (try again when it is done)",
    ]
    assert out == b""


def test_a_shell_entry_passes_75_on(clone: Path) -> None:
    (clone / ".venv" / "defer-core.stamp").unlink()
    guard = clone / "scripts" / "setupguard.py"
    guard.write_text(guard.read_text().replace("PATIENCE_SECONDS = 300.0", "PATIENCE_SECONDS = 0.1"))
    with setupguard.Held(str(clone / ".venv.lock"), quiet=True):
        assert call(clone, "schedule-task.sh").returncode == 75


def test_who_waited_finds_the_environment_that_the_other_made(clone: Path) -> None:
    stamp = clone / ".venv" / "defer-core.stamp"
    stamp.unlink()
    with setupguard.Held(str(clone / ".venv.lock"), quiet=True):
        waiter = setting_up(clone, patience=DEADLINE_SECONDS)
        assert waiter.stderr is not None
        assert waiter.stderr.readline().startswith(b"defer: waiting for another set-up")
        stamp.touch()
    out, err = waiter.communicate()
    assert (waiter.returncode, out.decode(), err) == (0, f"{clone}/.venv/bin/python\n", b"")
    assert not (clone / ".venv.lock").exists()


def test_a_lock_of_the_directory_keeps_nobody_waiting(tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)  # as any user may who can read it
    fcntl.flock(directory, fcntl.LOCK_EX)
    with setupguard.Held(str(tmp_path / "lock"), quiet=True):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
    os.close(directory)


@as_root
def test_another_user_cannot_open_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.touch()
    lock.chmod(0o666)  # as somebody's umask once left it
    with setupguard.Held(str(lock), quiet=True):
        tried = subprocess.run(
            [sys.executable, "-I", "-c", "import os; os.setgid(65534); os.setuid(65534); os.open('lock', os.O_RDONLY)"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    assert "PermissionError" in tried.stderr


def test_the_lock_of_one_that_was_killed_is_free(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("4194304\n")
    with setupguard.Held(str(lock), quiet=True):
        assert lock.read_text() == f"{os.getpid()}\n"
    assert not lock.exists()


def test_a_lock_that_somebody_took_away_and_another_made_is_the_others(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with setupguard.Held(str(lock), quiet=True):
        lock.unlink()
        lock.write_text("another's")
    assert lock.read_text() == "another's"
    with setupguard.Held(str(lock), quiet=True):
        lock.unlink()


@pytest.mark.parametrize("kind", ["fifo", "link", "hard link", "directory", pytest.param("another's", marks=as_root)])
def test_what_stands_in_the_place_of_the_lock_is_named_and_left(tmp_path: Path, kind: str) -> None:
    lock, precious = tmp_path / "lock", tmp_path / "precious"
    precious.write_text("precious")
    match kind:
        case "fifo":
            os.mkfifo(lock)
        case "link":
            lock.symlink_to(precious)
        case "hard link":
            lock.hardlink_to(precious)
        case "directory":
            lock.mkdir()
        case _:
            lock.touch()
            os.chown(lock, NOBODY, NOBODY)
    with pytest.raises(setupguard.NotOurs, match="is not a file of ours that nobody else can open"):
        setupguard.Held(str(lock), quiet=True).__enter__()
    assert lock.exists()
    assert precious.read_text() == "precious"


def test_many_at_once_take_turns(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import setupguard\n"
        "for _ in range(20):\n"
        "    with setupguard.Held(sys.argv[1], True):\n"
        "        open(sys.argv[2], 'x').close(); import os; os.remove(sys.argv[2])\n"
    )
    command = [sys.executable, "-I", "-c", code, str(tmp_path / "lock"), str(tmp_path / "inside")]
    processes = [Started(command, stderr=subprocess.PIPE) for _ in range(6)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [(b"", 0)] * 6
