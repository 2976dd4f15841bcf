"""launchd as a waker, with a `launchctl` that keeps its state in a directory, on a system that says it is macOS."""

from __future__ import annotations

import os
import plistlib
from pathlib import Path
from typing import Any

import pytest

import machine as machines
from defer.errors import BadInput, NoHome, Refused
from defer.wakers import choice, crontab, launchd, managers, plist, standing
from machine import Machine
from support import DEADLINE_SECONDS


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = machines.of(tmp_path, monkeypatch)
    monkeypatch.setattr(managers, "_TIMEOUT_SECONDS", DEADLINE_SECONDS)
    monkeypatch.setattr(managers, "is_macos", lambda: True)
    monkeypatch.setattr(crontab, "daemon_state", lambda: "running")
    found.with_manager(monkeypatch, launchctl=machines.FAKE_LAUNCHCTL)
    return found


def path_of(machine: Machine) -> Path:
    return machine.home / "Library/LaunchAgents/defer.wake.plist"


def calls(machine: Machine) -> list[str]:
    return (machine.tab.with_name("manager") / "calls").read_text().splitlines()


def install(machine: Machine, runner: Path | None = None, settings: Path | None = None) -> dict[str, Any]:
    of = runner or machine.runner, settings or machine.settings, "/usr/bin:/bin", 60.0
    return launchd.install(*of, environ={"HOME": str(machine.home), "TOKEN": "canary"})


def test_the_job_says_what_it_is_to_say_and_is_loaded(machine: Machine) -> None:
    elsewhere = machine.home / "my settings/env"
    result = install(machine, settings=elsewhere)
    assert plistlib.loads(path_of(machine).read_bytes()) == {
        "Label": "defer.wake",
        "ProgramArguments": [str(machine.runner)],
        "StartInterval": 60,
        "RunAtLoad": True,
        "AbandonProcessGroup": True,
        "EnvironmentVariables": {"DEFER_ENV_FILE": str(elsewhere)},
    }
    assert f"bootstrap gui/{os.getuid()} {path_of(machine)}" in calls(machine)
    assert (result["change"], result["state"]) == ("added", "running")
    assert path_of(machine).stat().st_mode & 0o777 == 0o600
    assert "canary" not in f"{result}{path_of(machine).read_text()}"


def test_twice_changes_nothing(machine: Machine) -> None:
    install(machine)
    assert install(machine)["change"] == "unchanged"
    assert [one.split()[0] for one in calls(machine)].count("bootstrap") == 1


def test_one_that_is_there_and_was_unloaded_is_loaded_again(machine: Machine) -> None:
    install(machine)
    (machine.tab.with_name("manager") / "loaded").unlink()
    assert install(machine)["state"] == "running"


def test_it_is_taken_away_again(machine: Machine) -> None:
    install(machine)
    assert launchd.uninstall(machine.runner) == [str(path_of(machine))]
    assert not path_of(machine).exists()
    assert calls(machine)[-1] == f"bootout gui/{os.getuid()}/defer.wake"
    assert launchd.uninstall(machine.runner) == []


def test_the_job_of_a_copy_that_is_there_is_left_to_it(machine: Machine) -> None:
    other = machine.checkout(machine.home / "other")
    install(machine, other)
    before = path_of(machine).read_bytes()
    with pytest.raises(Refused, match="wakes another copy of the code, "):
        install(machine)
    assert launchd.uninstall(machine.runner) == []
    assert path_of(machine).read_bytes() == before


def test_the_job_of_a_copy_that_is_gone_is_replaced(machine: Machine) -> None:
    install(machine)
    old = str(machine.runner)
    moved = machine.runner.parent.parent.rename(machine.home / "moved") / "scripts/run-deferred.sh"
    result = install(machine, moved)
    assert (result["change"], result["replaced"], result["state"]) == ("updated", [old], "running")
    assert [one.runner for one in standing.look(moved).ours] == [str(moved)]


def test_where_launchd_does_not_take_it_all_is_as_before(machine: Machine) -> None:
    (machine.tab.with_name("manager") / "refuses").write_text("bootstrap")
    with pytest.raises(Refused, match=r"launchd does not load .*defer\.wake\.plist: bootstrap failed"):
        install(machine)
    assert not path_of(machine).exists()


def test_elsewhere_than_on_macos_it_is_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managers, "is_macos", lambda: False)
    with pytest.raises(Refused, match="launchd is macOS's own, and this is another system"):
        install(machine)
    assert not path_of(machine).exists()
    assert not machine.settings.exists()


def test_no_home_is_an_error(machine: Machine) -> None:
    with pytest.raises(NoHome):
        launchd.install(machine.runner, machine.settings, "/bin", 60.0, environ={})


def test_it_is_what_a_mac_has(machine: Machine) -> None:
    assert choice.install(None, machine.runner, machine.settings, "/bin", 60.0)["waker"] == "launchd"
    assert [one.waker for one in standing.look(machine.runner).waking()] == ["launchd"]


def test_a_path_that_it_cannot_carry_is_refused() -> None:
    with pytest.raises(BadInput, match="launchd cannot run a path"):
        plist.render("/a\x01b/run-deferred.sh", {})


@pytest.mark.parametrize(
    "content",
    [b"", b"run-deferred", b"<plist><array/></plist>", plistlib.dumps({"ProgramArguments": ["/bin/true"]})],
)
def test_what_calls_no_runner_is_none_of_ours(content: bytes) -> None:
    assert plist.parsed(content, "x.plist") is None
