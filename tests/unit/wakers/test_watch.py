"""Whether something will wake a store by itself, on a machine of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

import machine as machines
from defer.settings.config import Config
from defer.wakers import crontab, managers, runners, stable, systemd, watch
from defer.wakers.watch import Watch
from machine import Machine

NOTHING = Watch(is_seen=False, gone=None)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = machines.of(tmp_path, monkeypatch)
    monkeypatch.setattr(crontab, "daemon_state", lambda: "running")
    monkeypatch.setattr(runners, "at_work", list)
    monkeypatch.setattr(stable, "runner", lambda: found.runner)
    return found


def seen(machine: Machine, **environ: str) -> Watch:
    return watch.watch(Config({"HOME": str(machine.home), **environ}, {}, None))


def test_nothing_is_there(machine: Machine) -> None:
    assert seen(machine) == NOTHING


@pytest.mark.parametrize(("daemon", "is_seen"), [("running", True), ("cannot tell", True), ("not running", False)])
def test_a_line_wakes_where_a_daemon_may_run(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, daemon: str, is_seen: bool
) -> None:
    machine.install()
    monkeypatch.setattr(crontab, "daemon_state", lambda: daemon)
    assert seen(machine).is_seen is is_seen


def test_a_timer_of_systemd_wakes_while_it_runs(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = machine.with_manager(monkeypatch, systemctl=machines.FAKE_SYSTEMCTL, loginctl=machines.FAKE_LOGINCTL)
    systemd.install(machine.runner, machine.settings, "/bin", 60.0, environ={"HOME": str(machine.home)})
    assert seen(machine).is_seen
    (manager / "active").unlink()
    assert seen(machine) == NOTHING


def test_a_job_of_launchd_wakes_while_it_is_loaded(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    from defer.wakers import launchd

    monkeypatch.setattr(managers, "is_macos", lambda: True)
    manager = machine.with_manager(monkeypatch, launchctl=machines.FAKE_LAUNCHCTL)
    launchd.install(machine.runner, machine.settings, "/bin", 60.0, environ={"HOME": str(machine.home)})
    assert seen(machine).is_seen
    (manager / "loaded").unlink()
    assert seen(machine) == NOTHING


@pytest.mark.parametrize(("goes_on", "is_seen"), [(True, True), (False, False)])
def test_a_loop_wakes_and_a_wake_by_hand_does_not(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, goes_on: bool, is_seen: bool
) -> None:
    runner = runners.Runner(4711, str(machine.runner), {"HOME": str(machine.home)}, goes_on)
    monkeypatch.setattr(runners, "at_work", lambda: [runner])
    assert seen(machine).is_seen is is_seen
    assert seen(machine, DEFER_RUNTIME_DIR=str(machine.home / "elsewhere")) == NOTHING


def test_a_line_of_another_store_wakes_that_alone(machine: Machine) -> None:
    machine.install()
    assert seen(machine, DEFER_RUNTIME_DIR=str(machine.home / "elsewhere")) == NOTHING


def test_a_checkout_that_has_moved_is_told_by_what_calls_it(machine: Machine) -> None:
    machine.install()
    old = str(machine.runner)
    machine.runner.parent.parent.rename(machine.home / "moved")
    assert seen(machine) == Watch(is_seen=False, gone=old)
    assert seen(machine, DEFER_RUNTIME_DIR=str(machine.home / "elsewhere")) == NOTHING
