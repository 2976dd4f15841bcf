"""What a wake finds around it: settings, PATH, Python, as the crontab's line gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import machine as machines
from defer.reports.doctor import environment
from defer.reports.doctor.finding import Finding
from defer.reports.doctor.subject import subject
from defer.settings.config import Config
from defer.wakers import crontab, standing
from machine import Machine, subject_of
from support import NOW, SCRIPTS, Place


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(crontab, "daemon_state", lambda: "running")
    return machines.of(tmp_path, monkeypatch)


def config_of(machine: Machine, **environ: str) -> Config:
    settings = machine.settings if machine.settings.exists() else None
    return Config({"HOME": str(machine.home), "PATH": "/usr/bin:/bin", **environ}, {}, settings)


def findings(machine: Machine, **environ: str) -> list[Finding]:
    looked_at = subject(None, config_of(machine, **environ), standing.look(machine.runner), NOW)  # type: ignore[arg-type]
    return [one for one in environment.findings(looked_at) if one.id != "python-unready"]


def test_as_cron_install_leaves_it_all_is_well(machine: Machine) -> None:
    machine.install()
    assert findings(machine) == []


def test_settings_that_a_wake_cannot_read(machine: Machine) -> None:
    machine.install()
    machine.settings.write_text("this is not a setting\n")
    (one,) = findings(machine)
    assert (one.id, one.severity) == ("settings-broken", "error")
    assert one.what.startswith(f"wakes cannot read their settings: {machine.settings}")


def test_settings_that_a_wake_cannot_work_with(machine: Machine) -> None:
    machine.install()
    machine.settings.write_text("DEFER_MAX_PARALLEL=many\n")
    machine.settings.chmod(0o600)
    (one,) = findings(machine)
    assert (one.id, one.where) == ("settings-broken", str(machine.settings))
    assert "DEFER_MAX_PARALLEL must be a whole number" in one.what
    assert one.fix == "correct the setting (default 4)"


@pytest.mark.parametrize(
    ("name", "meant"), [("DEFER_NOTFY", "DEFER_NOTIFY"), ("DEFER_TIMEOUT", "DEFER_TIMEOUT_SECONDS")]
)
def test_a_setting_that_is_misspelt(machine: Machine, name: str, meant: str) -> None:
    machine.install()
    machine.settings.write_text(f"{name}=ntfy://ntfy.sh/secret-topic\n")
    machine.settings.chmod(0o600)
    (one,) = findings(machine)
    assert (one.id, one.severity, one.where) == ("settings-unknown", "warning", str(machine.settings))
    assert one.what == f"{name} is set, which nothing reads"
    assert one.fix == f"write {meant}, or give it a name that does not begin with DEFER_"


@pytest.mark.parametrize("name", ["DEFER_NOTIFY", "DEFER_MODEL", "DEFER_AGENT", "NOTIFY", "OPENAI_API_KEY"])
def test_a_setting_for_us_or_for_executors_is_not_misspelt(machine: Machine, name: str) -> None:
    machine.install()
    machine.settings.write_text(f"{name}=inbox\n")
    machine.settings.chmod(0o600)
    assert findings(machine) == []


def test_settings_that_a_wake_does_not_read(machine: Machine, tmp_path: Path) -> None:
    machine.install()
    here = Config({"HOME": str(machine.home), "PATH": "/usr/bin:/bin"}, {}, tmp_path / "other")
    looked_at = subject(None, here, standing.look(machine.runner), NOW)  # type: ignore[arg-type]
    (one,) = [one for one in environment.findings(looked_at) if one.id != "python-unready"]
    assert (one.id, one.severity, one.fix) == ("settings-differ", "warning", "defer waker install")
    assert one.what == f"wakes read {machine.settings}, this shell reads {tmp_path / 'other'}"


def test_a_path_that_somebody_else_decides_about(machine: Machine, tmp_path: Path) -> None:
    machine.install()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    machine.settings.write_text(f"PATH={tmp_path}/open:.:/usr/bin:/bin\n")
    (one,) = findings(machine)
    assert (one.id, one.severity, one.where) == ("path-doubtful", "warning", str(machine.settings))
    assert f"{tmp_path}/open (every user can change it)" in one.what
    assert ". (the working directory)" in one.what


def line_for(program: str, variables: bytes = b"") -> standing.Standing:
    """A line of the crontab that wakes this copy of the code."""
    from defer.wakers import cronline

    content = b"* * * * * %b %b # defer: wakes\n" % (variables, Machine.in_crontab(Path(program)))
    entries = cronline.entries(content)
    return standing.Standing(program, content, None, "running", entries, [], [])


@pytest.mark.programs
def test_python_is_looked_for_as_a_wake_looks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(environment.of_python(line_for(str(SCRIPTS / "run-deferred.sh")))) == []
    copy = tmp_path / "copy" / "scripts"
    (copy / "defer").mkdir(parents=True)
    for name in ("common.sh", "where.sh", "say.sh", "bootstrap.py"):
        (copy / name).write_bytes((SCRIPTS / name).read_bytes())
    monkeypatch.setattr(environment, "SCRIPTS", copy)
    runner = str(copy / "run-deferred.sh")
    here = Machine.in_crontab(tmp_path)
    (one,) = environment.of_python(line_for(runner, b"HOME=%b XDG_DATA_HOME=%b" % (here, here)))
    assert (one.id, one.severity) == ("python-unready", "error")
    assert one.what == "a wake cannot start: the Python environment is missing or out of date"
    assert one.fix == f"run: python3 {copy}/bootstrap.py"


@pytest.mark.parametrize(
    ("version", "year", "is_old"), [((3, 11), 2027, False), ((3, 11), 2028, True), ((3, 14), 2028, False)]
)
def test_a_python_without_security_fixes_is_told(version: tuple[int, int], year: int, is_old: bool) -> None:
    found = list(environment.python_age(version, datetime(year, 6, 1, tzinfo=UTC)))
    assert [one.id for one in found] == (["python-old"] if is_old else [])


@pytest.mark.parametrize("names", [("schedule-task.sh",), ("defer", "run-deferred")], ids=["clone", "wheel"])
def test_a_command_that_is_another_copy_is_noted(place: Place, tmp_path: Path, names: tuple[str, ...]) -> None:
    other = tmp_path / "other" / names[0]
    other.parent.mkdir()
    for name in names:
        other.with_name(name).write_text("#!/bin/bash\n")
        other.with_name(name).chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "defer").symlink_to(other)
    config = place.config({"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"})
    (one,) = [one for one in environment.findings(subject_of(place, config)) if one.id == "command-elsewhere"]
    assert one.severity == "note"
    (tmp_path / "bin" / "defer").unlink()
    (tmp_path / "bin" / "defer").symlink_to(SCRIPTS / "schedule-task.sh")
    assert [one for one in environment.findings(subject_of(place, config)) if one.id == "command-elsewhere"] == []


def test_somebody_elses_program_of_that_name_is_not(place: Place, tmp_path: Path) -> None:
    (tmp_path / "defer").write_text("#!/bin/sh\n")
    (tmp_path / "defer").chmod(0o755)
    config = place.config({"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert [one for one in environment.findings(subject_of(place, config)) if one.id == "command-elsewhere"] == []
