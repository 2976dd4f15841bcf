"""The wheel, built and installed into an environment of its own: what people do, done with its programs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from support import DEADLINE_SECONDS, ROOT

pytestmark = [pytest.mark.programs, pytest.mark.slow]

VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
SHIPPED = ("agents", "examples", "references", "reorient", "scripts")


class Installed(NamedTuple):
    """The environment that the wheel is in, and a home with links to its programs, as uv and pipx make them."""

    prefix: Path
    home: Path

    @property
    def packages(self) -> Path:
        return self.prefix / "lib" / VERSION / "site-packages"

    @property
    def data(self) -> Path:
        return self.packages / "defer" / "data"

    def environment(self, **variables: str) -> dict[str, str]:
        own = {"HOME": str(self.home), "PATH": f"{self.home}/.local/bin:/usr/bin:/bin", "DEFER_TIMEZONE": "UTC"}
        return {**own, **variables}

    def run(self, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment(**variables)
        return subprocess.run(
            [shutil.which(command[0], path=environment["PATH"]) or command[0], *command[1:]],
            env=environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )

    def answer(self, *command: str | Path, **variables: str) -> str:
        done = self.run(*command, **variables)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def prefix(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment at a path with a blank: the wheel by pip, and the packages that the tests run with."""
    prefix = tmp_path_factory.mktemp("installed") / "my venv"
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", prefix], check=True)
    pip = [sys.executable, "-I", "-m", "pip", "--python", prefix / "bin" / "python", "--disable-pip-version-check"]
    flags = ["--quiet", "--no-deps", "--no-index", "--root-user-action=ignore"]
    subprocess.run([*pip, "install", *flags, wheel], check=True)
    site = prefix / "lib" / VERSION / "site-packages"
    for package in Path(sys.prefix, "lib", VERSION, "site-packages").iterdir():
        if not (site / package.name).exists() and package.suffix != ".pth":
            (site / package.name).symlink_to(package)
    return prefix


@pytest.fixture
def installed(prefix: Path, tmp_path: Path) -> Installed:
    home = tmp_path / "my home"
    (home / ".local" / "bin").mkdir(parents=True)
    for name in ("defer", "run-deferred"):
        (home / ".local" / "bin" / name).symlink_to(prefix / "bin" / name)
    return Installed(prefix, home)


def files(folder: Path) -> dict[str, Path]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path for name, path in found.items() if "__pycache__" not in name}


def test_it_holds_what_a_clone_holds(installed: Installed) -> None:
    for folder in SHIPPED:
        theirs = {name: path for name, path in files(ROOT / folder).items() if not name.startswith("defer/")}
        ours = files(installed.data / folder)
        assert ours.keys() == theirs.keys()
        for name, path in theirs.items():
            assert ours[name].read_bytes() == path.read_bytes()
            assert os.access(ours[name], os.X_OK) == os.access(path, os.X_OK), name
    modules = files(ROOT / "scripts" / "defer")
    assert {name for name in files(installed.packages / "defer") if not name.startswith("data/")} == modules.keys()
    for name in (".env.example", "SKILL.md", "pyproject.toml", "requirements/core.lock", "requirements/locks.hash"):
        assert (installed.data / name).read_bytes() == (ROOT / name).read_bytes()
    assert (installed.prefix / "share" / "man" / "man1" / "defer.1").is_file()


def test_work_is_scheduled_done_and_looked_at(installed: Installed) -> None:
    shown = installed.home / "shown"
    program(installed.home / ".local" / "bin" / "notify-send", f'printf "%s\\n" "$@" >"{shown}"')
    task = json.loads(installed.answer("defer", "now", "water the plants", "--executor", "notify"))
    installed.answer("defer", "tomorrow 9am", "check the deploy", "--id", "later")
    assert [one["id"] for one in json.loads(installed.answer("defer", "list"))] == [task["id"], "later"]
    assert installed.answer("run-deferred") == ""
    done = json.loads(installed.answer("defer", "show", task["id"], "--json"))
    assert done["status"] == "completed", done
    assert "water the plants" in shown.read_text()
    assert json.loads(installed.answer("defer", "history", "--json"))[0]["outcome"] == "ok"
    assert json.loads(installed.answer("defer", "cancel", "later"))["status"] == "cancelled"
    assert not (installed.home / ".local" / "share").exists(), "no environment of its own is made"


def test_the_version_says_where_it_runs_from(installed: Installed) -> None:
    first, code, python = installed.answer("defer", "--version").splitlines()
    assert first.startswith("defer ")
    assert code == f"code: {installed.packages / 'defer'} (installed as a package)"
    assert python.startswith(f"Python: {installed.prefix / 'bin' / 'python'} (")


def test_a_wake_with_nothing_due_is_one_process(
    installed: Installed, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("strace")
    installed.answer("defer", "1d", "look")
    entry = installed.prefix / "bin" / "run-deferred"
    store = installed.home / "data" / "runtime" / "deferred.jsonl"
    for _ in range(3):
        installed.answer(entry)
        os.utime(store, ns=(0, store.stat().st_mtime_ns - 10**9))
    installed.answer(entry)
    trace = tmp_path / "trace"
    calls = "trace=execve,clone,clone3,fork,vfork"
    installed.answer("strace", "-f", "-qq", "-e", "signal=none", "-e", calls, "-o", trace, entry)
    assert len(trace.read_text().splitlines()) == 1


def test_what_a_waker_names_outlives_an_upgrade(installed: Installed) -> None:
    code = "from defer import paths; print(paths.runner(), paths.front(), sep='\\n')"
    programs = installed.prefix / "bin"
    named = installed.answer(programs / "python", "-c", code).splitlines()
    assert named == [str(programs / "run-deferred"), str(programs / "defer")]
    found = json.loads(installed.run("defer", "doctor", "--json").stdout)
    assert not {"python-unready", "command-elsewhere"} & {one["id"] for one in found["findings"]}, found


def test_python_imports_it(installed: Installed) -> None:
    code = "import defer; print(defer.schedule('1h', 'look').id)"
    task = installed.answer(installed.prefix / "bin" / "python", "-c", code).strip()
    assert task in installed.answer("defer", "list")


def test_scripts_that_any_python_may_start_run_in_its_environment(installed: Installed) -> None:
    scripts = installed.data / "scripts"
    asked = ("normalize", "2026-04-08T16:45:00Z", "--now", "2026-04-08T16:00:00Z")
    assert installed.answer(sys.executable, scripts / "time_utils.py", *asked) == "2026-04-08T16:45:00Z\n"
    (installed.home / "notes").write_text("Tides\n")
    told = installed.answer(sys.executable, scripts / "reorient_snapshot.py", "--context-file", "notes")
    assert json.loads(told)["summary"] == "Tides"
    python = f"{installed.prefix}/bin/python\n"
    assert installed.answer(sys.executable, scripts / "bootstrap.py", "--check") == python
    refused = installed.run(sys.executable, scripts / "bootstrap.py", "--extra", "notify")
    assert (refused.returncode, refused.stdout) == (74, "")
    assert refused.stderr == (
        f"defer: {installed.data} was installed as a package, which has no extra notify "
        "(install defer again, as defer[notify], from where it came)\n"
    )


def test_a_hook_notes_a_conversation(installed: Installed) -> None:
    hook = installed.data / "scripts" / "hooks" / "note-session.sh"
    told = {"session_id": "0b1c2d3e-0000-4000-8000-000000000001", "cwd": str(installed.home)}
    done = subprocess.run(
        [hook, "claude"], input=json.dumps(told), env=installed.environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (note,) = (installed.home / "data" / "runtime" / "sessions").glob("*.json")
    assert told["session_id"] in note.read_text()


@pytest.fixture
def users(prefix: Path, tmp_path: Path) -> Installed:
    """As `pip install --user` leaves it: below the home directory, without an interpreter."""
    home = tmp_path / "my home"
    (home / ".local" / "lib" / VERSION).mkdir(parents=True)
    (home / ".local" / "lib" / VERSION / "site-packages").symlink_to(prefix / "lib" / VERSION / "site-packages")
    (home / ".local" / "bin").mkdir()
    for name in ("defer", "run-deferred"):
        shutil.copy(prefix / "bin" / name, home / ".local" / "bin")
    return Installed(home / ".local", home)


def test_outside_an_environment_it_takes_the_python_of_its_version(users: Installed, tmp_path: Path) -> None:
    python = tmp_path / "pythons" / VERSION
    program(python, f'exec "{os.path.realpath(sys.executable)}" "$@"')
    path = f"{users.environment()['PATH']}:{python.parent}"
    task = json.loads(users.answer("defer", "now", "say", "--executor", "/bin/echo", PATH=path))
    users.answer("run-deferred", PATH=path)
    assert json.loads(users.answer("defer", "show", task["id"], "--json", PATH=path))["status"] == "completed"


def test_without_that_python_it_says_which_one_is_missing(users: Installed) -> None:
    nowhere = f"{users.home}/.local/bin"
    refused = users.run("defer", "list", PATH=nowhere)
    assert (refused.returncode, refused.stdout) == (74, "")
    assert refused.stderr == (
        f"defer: {VERSION}, for which defer was installed, is not on PATH (put it there, or install defer again)\n"
    )


@pytest.mark.parametrize("name", ["defer", "run-deferred"])
def test_a_program_whose_package_is_gone_says_so(installed: Installed, tmp_path: Path, name: str) -> None:
    (tmp_path / "bin").mkdir()
    left = tmp_path / "bin" / name
    shutil.copy(installed.prefix / "bin" / name, left)
    refused = installed.run(left)
    assert (refused.returncode, refused.stdout) == (74, "")
    assert refused.stderr == "defer: the package that this program is part of is gone (install defer again)\n"
