"""The copy of the code that wakers name where the code lies in a place that does not last."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import machine as machines
from defer import homedir, paths
from defer.errors import NoHome, Refused
from defer.reports.doctor import waker as doctor
from defer.settings.config import Config
from defer.store.markers import Markers
from defer.wakers import choice, crontab, program, runners, stable, standing, words
from machine import Machine
from support import NOW, ROOT, share_environment

pytestmark = pytest.mark.thorough

WHY = "it lies on a shelf"
ENTRY = "scripts/run-deferred.sh"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = machines.of(tmp_path, monkeypatch)
    monkeypatch.setattr(crontab, "daemon_state", lambda: "running")
    monkeypatch.setattr(stable, "why", lambda environ=os.environ: WHY)
    share_environment(found.home / ".local/share")
    return found


def place(machine: Machine) -> Path:
    return machine.home / ".local/share/defer/code"


def code(machine: Machine, monkeypatch: pytest.MonkeyPatch, version: str, kind: str = "copy") -> Path:
    """A copy of the code that is this process's from now on: small, of that version, and ready at once."""
    root = machine.home / f"shelf {version}"
    (root / "scripts/defer/__pycache__").mkdir(parents=True)
    for name, text in (("run-deferred.sh", "#!/bin/bash\n"), ("defer/paths.py", ""), ("bootstrap.py", "")):
        (root / "scripts" / name).write_text(text)
    (root / "scripts/defer/__pycache__/paths.pyc").touch()
    (root / "scripts/run-deferred.sh").chmod(0o755)
    (root / ".env").write_text("TOKEN=canary\n")
    (root / "pyproject.toml").write_text(f'[project]\nname = "defer"\nversion = "{version}"\n')
    of = {"ROOT": root, "SCRIPTS": root / "scripts", "SETTINGS": root / ".env", "CODE": root / "scripts/defer/paths.py"}
    for name, value in of.items():
        monkeypatch.setattr(paths, name, value)
    monkeypatch.setattr(paths, "kind", lambda: kind)
    monkeypatch.setattr(paths, "runner", lambda package=None: root / ENTRY)
    return root


def install(machine: Machine) -> dict[str, object]:
    return choice.for_this_code("cron", machine.settings, "/usr/bin:/bin", 60.0)


def findings(machine: Machine) -> list[tuple[str, str]]:
    markers = Markers(machine.home / "data/runtime/deferred.jsonl")
    config = Config({"HOME": str(machine.home)}, {}, None)
    found = doctor.findings(standing.look(stable.runner()), markers, config, NOW)
    return [(one.id, one.what) for one in found if one.id not in ("never-woken", "settings-differ")]


def test_the_copy_of_this_very_code_wakes(machine: Machine) -> None:
    copied = stable.bring(60.0)
    assert copied is not None
    assert (copied.is_new, copied.why) == (True, WHY)
    link = place(machine) / "current"
    assert stable.runner() == link / ENTRY
    assert link.resolve() == copied.path.resolve()
    environ = {"HOME": str(machine.home), "PATH": "/usr/bin:/bin", "DEFER_RUNTIME_DIR": str(machine.home / "run time")}
    for words_ in ([link / ENTRY, "--json"], [link / "scripts/schedule-task.sh", "list", "--json"]):
        done = subprocess.run(words_, env=environ, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
    names = {path.relative_to(copied.path).as_posix() for path in copied.path.rglob("*")}
    assert {"pyproject.toml", "requirements/core.lock", "references/task.schema.json", ENTRY} <= names
    assert not [name for name in names if "__pycache__" in name or name in (".env", ".git", ".venv", "tests")]
    assert {path.stat().st_mode & 0o077 for path in copied.path.rglob("*")} == {0}


def test_twice_changes_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    code(machine, monkeypatch, "1.0.0")
    first = stable.bring(60.0)
    assert first is not None
    assert stable.bring(60.0) == first._replace(is_new=False)
    assert [one.name for one in sorted(place(machine).iterdir()) if not one.name.startswith(".")] == [
        first.path.name,
        "current",
    ]


def test_the_line_names_the_link_so_that_an_upgrade_is_one_switch(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    code(machine, monkeypatch, "1.0.0")
    before = install(machine)
    line = machine.tab.read_text()
    assert f"{place(machine)}/current/{ENTRY}" in line
    assert findings(machine) == []
    code(machine, monkeypatch, "2.0.0")
    (old,) = findings(machine)
    assert old[0] == "copy-old"
    assert old[1].endswith(f"this is {machine.home}/shelf 2.0.0 (version 1.0.0, this one is 2.0.0)")
    after = install(machine)
    assert (before["change"], after["change"]) == ("added", "unchanged")
    assert machine.tab.read_text() == line
    assert stable.version_of(str(stable.runner())) == "2.0.0"
    assert findings(machine) == []


def test_the_one_before_stays_and_older_ones_go_unless_a_runner_is_at_work(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def versions() -> list[str]:
        return sorted(one.name.partition("-")[0] for one in place(machine).iterdir() if one.name[0].isdigit())

    for version in ("1.0.0", "2.0.0"):
        code(machine, monkeypatch, version)
        stable.bring(60.0)
    runner = runners.Runner(4711, str(stable.runner().resolve()), {})
    with monkeypatch.context() as at_work:
        at_work.setattr(runners, "at_work", lambda: [runner])
        code(machine, monkeypatch, "3.0.0")
        stable.bring(60.0)
        assert versions() == ["1.0.0", "2.0.0", "3.0.0"]
    code(machine, monkeypatch, "4.0.0")
    stable.bring(60.0)
    assert versions() == ["3.0.0", "4.0.0"]


def test_a_copy_that_cannot_run_is_not_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    code(machine, monkeypatch, "1.0.0")
    install(machine)
    line, link = machine.tab.read_bytes(), os.readlink(place(machine) / "current")
    broken = code(machine, monkeypatch, "2.0.0")
    (broken / "scripts/bootstrap.py").write_text("raise SystemExit(74)\n")
    with pytest.raises(Refused, match="has no Python environment yet, so nothing was installed"):
        install(machine)
    assert (machine.tab.read_bytes(), os.readlink(place(machine) / "current")) == (line, link)
    assert not list(place(machine).glob(".new*"))


def test_a_line_that_names_this_code_itself_is_found_fault_with_and_replaced(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = code(machine, monkeypatch, "1.0.0")
    machine.install(root / ENTRY)
    (one,) = findings(machine)
    assert one == ("copy-passing", f"wakes run {root}/{ENTRY}, which may be gone tomorrow: {WHY}")
    install(machine)
    assert machine.tab.read_text().count("\n") == 1
    assert findings(machine) == []


def test_settings_beside_this_code_are_named_for_the_copy(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    root = code(machine, monkeypatch, "1.0.0")
    choice.for_this_code("cron", root / ".env", "/usr/bin:/bin", 60.0)
    assert f"DEFER_ENV_FILE='{root}/.env'" in machine.tab.read_text()
    assert not list(place(machine).rglob(".env"))


def test_where_data_lie_elsewhere_the_line_says_so(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    code(machine, monkeypatch, "1.0.0")
    monkeypatch.setenv("XDG_DATA_HOME", str(machine.home / "elsewhere"))
    install(machine)
    assert f"XDG_DATA_HOME={machine.home}/elsewhere {machine.home}/elsewhere/defer/code/" in machine.tab.read_text()


def test_it_goes_with_the_last_waker(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    code(machine, monkeypatch, "1.0.0")
    install(machine)
    runner = runners.Runner(4711, str(stable.runner().resolve()), {})
    with monkeypatch.context() as at_work:
        at_work.setattr(runners, "at_work", lambda: [runner])
        result = choice.uninstall(None, stable.runner())
        assert result["notes"] == [f"the copy of the code that wakers name stays: {place(machine)}"]
    result = choice.uninstall(None, stable.runner())
    assert words.describe(result) == [f"removed: {place(machine)}"]
    assert not place(machine).exists()
    assert not machine.tab.exists()


def test_inside_the_copy_it_is_the_copy_that_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    code(machine, monkeypatch, "1.0.0")
    copied = stable.bring(60.0)
    assert copied is not None
    monkeypatch.setattr(paths, "ROOT", copied.path.resolve())
    monkeypatch.setattr(paths, "runner", lambda package=None: copied.path.resolve() / ENTRY)
    assert stable.runner() == place(machine) / "current" / ENTRY
    result = choice.uninstall(None, stable.runner())
    assert result["notes"] == [f"the copy of the code that wakers name stays: {place(machine)}"]


def test_a_wheel_is_put_together_as_a_clone_is(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    root = code(machine, monkeypatch, "1.0.0", kind="wheel")
    package = root.parent / "site-packages" / "defer"
    shutil.copytree(root / "scripts/defer", package)
    shutil.rmtree(root / "scripts/defer")
    shutil.copytree(root, package / "data")
    for name, value in {"ROOT": package / "data", "CODE": package / "paths.py"}.items():
        monkeypatch.setattr(paths, name, value)
    copied = stable.bring(60.0)
    assert copied is not None
    assert (copied.path / "scripts/defer/paths.py").is_file()
    assert (copied.path / ENTRY).is_file()
    assert not (copied.path / "scripts/defer/data").exists()


def test_without_a_home_nothing_is_made(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code(machine, monkeypatch, "1.0.0")
    before = sorted(tmp_path.rglob("*"))
    for environ in ({}, {"HOME": "~"}):
        with pytest.raises(NoHome):
            stable.bring(60.0, environ)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_environment_lies_beside_the_copy_also_where_only_the_account_tells_the_home(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = code(machine, monkeypatch, "1.0.0")
    told = "import os, pathlib; pathlib.Path(__file__).with_name('told').write_text(os.environ['XDG_DATA_HOME'])"
    (root / "scripts/bootstrap.py").write_text(told)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(homedir, "account", lambda: str(machine.home))
    copied = stable.bring(60.0)
    assert copied is not None
    assert (copied.path / "scripts/told").read_text() == str(machine.home / ".local/share")


def test_where_the_code_stays_it_is_named_itself(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stable, "why", lambda environ=os.environ: None)
    assert stable.bring(60.0) is None
    assert stable.runner() == paths.runner()
    assert not place(machine).exists()
    assert program.named(ROOT / ENTRY) == str(ROOT / ENTRY)
