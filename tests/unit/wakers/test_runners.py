"""The runners at work, as `/proc` shows them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from defer.wakers import runners
from support import SCRIPTS, Place, until


def shown(proc: Path, pid: int, argv: list[str], environment: list[str]) -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "cmdline").write_bytes("".join(f"{word}\0" for word in argv).encode())
    (proc / str(pid) / "environ").write_bytes("".join(f"{one}\0" for one in environment).encode())


def test_a_runner_is_told_by_its_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "PROC", tmp_path)
    main = "/copies/one/scripts/defer/__main__.py"
    shown(tmp_path, 7, ["python", "-I", "-S", "-X", "utf8", main, "wake", "--loop"], ["HOME=/home/me", "A=b=c"])
    shown(tmp_path, 8, ["python", "-I", main, "front", "list"], ["HOME=/home/me"])
    shown(tmp_path, 9, ["python", "-I", main, "wake"], [])
    shown(tmp_path, 10, ["vim", "scripts/defer/__main__.py", "wake"], ["HOME=/home/me"])
    (tmp_path / "self").mkdir()
    (one,) = runners.at_work()
    assert one == (7, "/copies/one/scripts/run-deferred.sh", {"HOME": "/home/me", "A": "b=c"}, True)


def test_so_is_that_of_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "PROC", tmp_path / "proc")
    package = tmp_path / "venv" / "lib" / "python3.12" / "site-packages" / "defer"
    (package / "data").mkdir(parents=True)
    (tmp_path / "venv" / "bin").mkdir()
    (tmp_path / "venv" / "bin" / "run-deferred").touch()
    shown(tmp_path / "proc", 7, ["python", "-I", f"{package}/__main__.py", "wake", "--loop"], ["HOME=/home/me"])
    (one,) = runners.at_work()
    assert one.entry == str(tmp_path / "venv" / "bin" / "run-deferred")


def test_where_no_processes_are_shown_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "PROC", tmp_path / "none")
    assert runners.at_work() == []


@pytest.mark.programs
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this system has no /proc")
def test_a_real_one_is_found(place: Place) -> None:
    loop = place.start("run-deferred.sh", "--loop", "1")
    found = until(lambda: [one for one in runners.at_work() if one.pid == loop.pid], "the runner")
    assert found[0].entry == os.path.realpath(SCRIPTS / "run-deferred.sh")
    assert found[0].environment["DEFER_RUNTIME_DIR"] == str(place.runtime)
