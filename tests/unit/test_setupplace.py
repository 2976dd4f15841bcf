"""Where the Python environment belongs, by how the code came: the shell and bootstrap.py find the same one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import DEADLINE_SECONDS, ROOT, SCRIPTS

pytestmark = pytest.mark.programs

HASH = "0123456789abcdef"
FIND = (
    """scripts=$1; . "$scripts/common.sh"; find_python && printf %s "$python" || { printf %s "$REPLY" >&2; exit 74; }"""
)
SETUP = ("bootstrap", "pipsettings", "setupguard", "setupplace", "setupsteps")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "my home"
    home.mkdir()
    return home


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code as an installer of skills leaves it within a project that is a git clone itself."""
    (tmp_path / "project" / ".git").mkdir(parents=True)
    copy = tmp_path / "project" / ".claude" / "skills" / "defer"
    commands = copy / "scripts" / "defer" / "commands"
    commands.mkdir(parents=True)
    for path in [*SCRIPTS.glob("*.sh"), *(SCRIPTS / f"{name}.py" for name in SETUP)]:
        shutil.copy(path, copy / "scripts")
    for path in SCRIPTS.glob("defer/*.py"):
        shutil.copy(path, copy / "scripts" / "defer")
    (copy / "scripts" / "defer" / "__init__.py").write_text("")
    (commands / "cli.py").write_text("def main(*_):\n    print('started', flush=True)\n    return 0\n")
    (copy / "requirements").mkdir()
    for name in ("pyproject.toml", "requirements/core.lock"):
        (copy / name).touch()
        os.utime(copy / name, (1, 1))
    (copy / "requirements" / "locks.hash").write_text(f"{HASH}\n")
    return copy


def environment(place: Path) -> Path:
    """A Python environment that is ready, as far as dates tell."""
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", place], check=True)
    (place / "defer-core.stamp").touch()
    return place / "bin" / "python"


def run(home: Path, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={"HOME": str(home), "PATH": os.environ["PATH"], **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )


def found(code: Path, home: Path, **variables: str) -> str:
    """The interpreter that both find, or the empty string where both find none."""
    by_shell = run(home, "/bin/bash", "-euc", FIND, "defer", code / "scripts", **variables)
    by_python = run(home, sys.executable, "-I", code / "scripts" / "bootstrap.py", "--check", **variables)
    assert os.path.normpath(by_shell.stdout) == os.path.normpath(by_python.stdout.rstrip("\n")), (
        by_shell.stderr + by_python.stderr
    )
    assert (by_shell.returncode, by_python.returncode) in {(0, 0), (74, 74)}
    return by_python.stdout.rstrip("\n")


def everything_below(place: Path) -> set[Path]:
    return {path for path in place.rglob("*") if ".git" not in path.parts}


def test_a_copy_has_its_environment_in_the_data_directory(copy: Path, home: Path) -> None:
    assert found(copy, home) == ""
    python = environment(home / ".local" / "share" / "defer" / f"venv-{HASH}")
    assert found(copy, home) == str(python)


def test_the_data_directory_is_where_xdg_has_it(copy: Path, home: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "data" / "defer" / f"venv-{HASH}")
    assert found(copy, home, XDG_DATA_HOME=str(tmp_path / "data")) == str(python)
    assert found(copy, home, XDG_DATA_HOME="data") == "", "a relative one is to be ignored"


def test_what_lies_beside_a_copy_is_not_taken_for_its_environment(copy: Path, home: Path) -> None:
    beside = environment(copy / ".venv")
    assert found(copy, home) == ""
    (copy / ".git").mkdir()
    assert found(copy, home) == str(beside)


def test_copies_with_the_same_locks_share_one_and_others_do_not(copy: Path, home: Path, tmp_path: Path) -> None:
    second, newer = tmp_path / "second", tmp_path / "newer"
    shutil.copytree(copy, second)
    shutil.copytree(copy, newer)
    (newer / "requirements" / "locks.hash").write_text("fedcba9876543210\n")
    python = environment(home / ".local" / "share" / "defer" / f"venv-{HASH}")
    assert [found(one, home) for one in (copy, second, newer)] == [str(python), str(python), ""]


def test_a_clone_that_is_ready_is_found_without_a_look_at_the_hash(copy: Path, home: Path) -> None:
    (copy / ".git").write_text("gitdir: /elsewhere\n")
    (copy / "requirements" / "locks.hash").unlink()
    assert found(copy, home) == ""
    python = environment(copy / ".venv")
    assert found(copy, home) == str(python)


def test_a_copy_writes_nothing_where_it_lies(copy: Path, home: Path) -> None:
    environment(home / ".local" / "share" / "defer" / f"venv-{HASH}")
    before = everything_below(copy.parents[2])
    started = run(home, copy / "scripts" / "schedule-task.sh", "list")
    assert (started.returncode, started.stdout) == (0, "started\n"), started.stderr
    checked = run(home, sys.executable, copy / "scripts" / "bootstrap.py", "--check")
    assert checked.returncode == 0, checked.stderr
    assert everything_below(copy.parents[2]) == before
    compiled = {path.name.partition(".")[0] for path in (home / ".local/share/defer/bytecode").rglob("*.pyc")}
    assert {"cli", "setupguard"} <= compiled


def test_byte_code_of_a_copy_that_was_cut_short_is_made_anew(copy: Path, home: Path) -> None:
    """See test_wake.py on CPython issue 126606."""
    environment(home / ".local" / "share" / "defer" / f"venv-{HASH}")
    front = copy / "scripts" / "schedule-task.sh"
    assert run(home, front, "list").returncode == 0
    for compiled in (home / ".local/share/defer/bytecode").rglob("*.pyc"):
        os.truncate(compiled, 20)
    again = run(home, front, "list")
    assert (again.returncode, again.stdout) == (0, "started\n"), again.stderr


@pytest.mark.parametrize("part", ["defer", "defer/bytecode"])
def test_byte_code_that_every_user_can_change_is_refused(copy: Path, home: Path, part: str) -> None:
    data = home / ".local" / "share"
    environment(data / "defer" / f"venv-{HASH}")
    (data / "defer" / "bytecode").mkdir()
    (data / part).chmod(0o777)
    refused = run(home, copy / "scripts" / "schedule-task.sh", "list")
    assert (refused.returncode, refused.stdout) == (74, "")
    assert refused.stderr == f"defer: {data / part} can be changed by every user (chmod o-w {data / part})\n"


def test_a_copy_without_a_home_has_no_place_for_its_environment(copy: Path) -> None:
    refused = run(Path("relative"), copy / "scripts" / "schedule-task.sh", "list")
    assert refused.returncode == 74
    assert refused.stderr == (
        f"defer: HOME is not a full path, and {copy} is not a git clone: no place for the Python environment "
        "(set HOME to the full path of your home directory, or XDG_DATA_HOME)\n"
    )


def test_a_copy_that_is_not_whole_is_said(copy: Path, home: Path) -> None:
    (copy / "requirements" / "locks.hash").unlink()
    refused = run(home, copy / "scripts" / "schedule-task.sh", "list")
    assert refused.returncode == 74
    assert refused.stderr == (
        f"defer: {copy}/requirements/locks.hash: No such file or directory: this copy is not whole (get it anew)\n"
    )


# A Python that no machine has, so that only the one of the test can be found.
NAME = "python3.99"


def package_data(prefix: Path, library: str) -> Path:
    """The scripts as a wheel's package data, below that folder of a prefix."""
    scripts = prefix / "lib" / library / "defer" / "data" / "scripts"
    (scripts / "executors").mkdir(parents=True)
    for name in ("common.sh", "where.sh", "say.sh", "setupplace.py"):
        shutil.copy(SCRIPTS / name, scripts)
    return scripts


def stand_in(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def found_of_wheel(scripts: Path, home: Path, path: str = "/usr/bin:/bin") -> str:
    """The interpreter of a wheel that shell and Python find; the shell from the folder of executors, too."""
    code = f"import sys; sys.path.insert(0, {str(scripts)!r}); import setupplace; print(setupplace.installed_python())"
    by_python = run(home, sys.executable, "-I", "-B", "-c", code, PATH=path).stdout.rstrip("\n")
    for place in (scripts, scripts / "executors" / ".."):
        by_shell = run(home, "/bin/bash", "-euc", FIND, "defer", str(place), PATH=path)
        assert by_shell.stdout == by_python, by_shell.stderr
    return by_python


def test_a_wheel_has_the_python_of_its_virtual_environment(tmp_path: Path, home: Path) -> None:
    scripts = package_data(tmp_path / "my venv", f"{NAME}/site-packages")
    (tmp_path / "my venv" / "pyvenv.cfg").touch()
    python = stand_in(tmp_path / "my venv" / "bin" / "python")
    assert found_of_wheel(scripts, home) == str(python)


@pytest.mark.parametrize("library", [f"{NAME}/site-packages", f"{NAME}/dist-packages"])
def test_else_the_one_of_its_version_that_is_on_the_path(tmp_path: Path, home: Path, library: str) -> None:
    scripts = package_data(home / ".local", library)
    assert found_of_wheel(scripts, home) == ""
    python = stand_in(tmp_path / "pythons" / NAME)
    assert found_of_wheel(scripts, home, f"/usr/bin:/bin:{python.parent}") == str(python)


def test_or_the_one_beside_its_library(tmp_path: Path, home: Path) -> None:
    scripts = package_data(tmp_path / "opt", f"{NAME}/site-packages")
    python = stand_in(tmp_path / "opt" / "bin" / NAME)
    stand_in(tmp_path / "pythons" / NAME)
    assert found_of_wheel(scripts, home, f"{tmp_path / 'pythons'}:/usr/bin:/bin") == str(python)


def test_a_users_library_of_macos_has_the_version_above(tmp_path: Path, home: Path) -> None:
    scripts = package_data(home / "Library" / "Python" / "3.99", "python/site-packages")
    python = stand_in(tmp_path / "pythons" / NAME)
    assert found_of_wheel(scripts, home, f"/usr/bin:/bin:{python.parent}") == str(python)


def test_the_python_of_a_virtual_environment_is_for_what_is_in_that(tmp_path: Path, home: Path) -> None:
    scripts = package_data(home / ".local", f"{NAME}/site-packages")
    stand_in(tmp_path / "active" / "bin" / NAME)
    (tmp_path / "active" / "pyvenv.cfg").touch()
    assert found_of_wheel(scripts, home, f"{tmp_path}/active/bin:/usr/bin:/bin") == ""


def test_the_hash_is_of_the_locks_and_of_what_is_asked_for() -> None:
    done = subprocess.run(
        [sys.executable, "-I", SCRIPTS / "bootstrap.py", "--hash"], capture_output=True, text=True, check=True
    )
    assert (ROOT / "requirements" / "locks.hash").read_text() == done.stdout, "run: make lock"


def test_each_extra_that_people_use_has_a_lock_and_is_hashed() -> None:
    locks = {path.stem for path in (ROOT / "requirements").glob("*.lock")}
    code = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import setupplace; print(*setupplace.EXTRAS)"
    done = subprocess.run([sys.executable, "-I", "-B", "-c", code], capture_output=True, text=True, check=True)
    assert {"core", "dev", *done.stdout.split()} == locks
