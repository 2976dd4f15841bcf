"""systemd as a waker, with a `systemctl` that keeps its state in a directory; the real checker sees the files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import machine as machines
from defer.errors import BadInput, NoHome, Refused
from defer.wakers import choice, crontab, managers, standing, systemd, units, words
from machine import Machine
from support import DEADLINE_SECONDS

VERIFY = "systemd-analyze"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = machines.of(tmp_path, monkeypatch)
    monkeypatch.setattr(managers, "_TIMEOUT_SECONDS", DEADLINE_SECONDS)
    monkeypatch.setattr(crontab, "daemon_state", lambda: "running")
    found.with_manager(monkeypatch, systemctl=machines.FAKE_SYSTEMCTL, loginctl=machines.FAKE_LOGINCTL)
    return found


def directory(machine: Machine) -> Path:
    return machine.home / ".config/systemd/user"


def install(machine: Machine, runner: Path | None = None, **environ: str) -> dict[str, Any]:
    variables = {"HOME": str(machine.home), **environ}
    return systemd.install(runner or machine.runner, machine.settings, "/usr/bin:/bin", 60.0, environ=variables)


def files(machine: Machine) -> dict[str, str]:
    found = directory(machine)
    return {path.name: path.read_text() for path in found.iterdir() if path.is_file()} if found.is_dir() else {}


def refusing(machine: Machine, words: str) -> None:
    (machine.tab.with_name("manager") / "refuses").write_text(words)


def test_the_files_say_what_they_are_to_say(machine: Machine) -> None:
    result = install(machine)
    service, timer = files(machine)["defer.service"], files(machine)["defer.timer"]
    assert service.splitlines()[0] == timer.splitlines()[0] == "# defer: wakes the tasks that are due"
    assert {"Type=oneshot", f'ExecStart=":{machine.runner}"', "KillMode=process"} <= set(service.splitlines())
    assert {"OnCalendar=minutely", "AccuracySec=1s", "Persistent=true", "WantedBy=timers.target"} <= set(
        timer.splitlines()
    )
    assert "Environment" not in service
    assert (result["change"], result["state"], result["settings_written"]) == ("added", "running", ["PATH"])
    assert [path.stat().st_mode & 0o777 for path in directory(machine).glob("defer.*")] == [0o600, 0o600]


def test_no_secret_goes_into_them(machine: Machine) -> None:
    secrets = dict.fromkeys(("GITHUB_TOKEN", "WORD"), "canary")
    result = install(machine, **secrets, DEFER_SECRETS="WORD")
    assert "canary" not in f"{result}{files(machine)}"


def test_what_they_would_not_find_is_named(machine: Machine) -> None:
    elsewhere = machine.home / 'my "100%" settings/env'
    systemd.install(machine.runner, elsewhere, "/bin", 60.0, environ={"HOME": str(machine.home)})
    (entry,) = managers.found()
    assert entry.variables == {"DEFER_ENV_FILE": str(elsewhere)}


def test_twice_changes_nothing(machine: Machine) -> None:
    install(machine)
    before = files(machine)
    assert install(machine)["change"] == "unchanged"
    assert files(machine) == before


@pytest.mark.parametrize("folder", ["plain", "two words", "100% of $HOME ${x} é", "semi;colon & more"])
def test_the_real_checker_takes_them_and_they_read_back(machine: Machine, tmp_path: Path, folder: str) -> None:
    checker = shutil.which(VERIFY, path="/usr/bin:/bin:/usr/local/bin")
    runner = machine.checkout(tmp_path / folder)
    install(machine, runner)
    (entry,) = managers.found()
    assert (entry.runner, entry.marked, entry.waker) == (str(runner), True, "systemd")
    if checker is None:
        pytest.skip("there is no systemd-analyze here")
    paths = [str(path) for path in sorted(directory(machine).glob("defer.*"))]
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(machine.home), "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run([checker, "verify", "--user", *paths], env=environ, capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "defer." in line]) == (0, [])


@pytest.mark.parametrize("folder", ["new\nline", "back\\slash", "a 'quote'", 'a "quote"'])
def test_a_path_that_no_unit_can_carry_is_refused_before_anything_is_written(
    machine: Machine, tmp_path: Path, folder: str
) -> None:
    runner = machine.checkout(tmp_path / folder)
    with pytest.raises(BadInput, match="systemd cannot run a path"):
        install(machine, runner)
    assert not directory(machine).exists()
    assert not machine.settings.exists()


def test_what_it_wakes_by_is_taken_away_again(machine: Machine) -> None:
    install(machine)
    removed = systemd.uninstall(machine.runner)
    assert [Path(path).name for path in removed] == ["defer.timer", "defer.service"]
    assert files(machine) == {}
    assert not list(directory(machine).rglob("*.timer"))
    assert systemd.uninstall(machine.runner) == []


def test_without_a_manager_nothing_is_done(machine: Machine) -> None:
    refusing(machine, "show")
    with pytest.raises(Refused, match=r"manager of this user cannot be reached: Failed to show: no \(log in as"):
        install(machine)
    assert not directory(machine).exists()
    assert not machine.settings.exists()


def test_without_systemctl_nothing_is_done(machine: Machine) -> None:
    (machine.programs / "systemctl").unlink()
    with pytest.raises(Refused, match="there is no `systemctl` program on PATH"):
        install(machine)
    assert not directory(machine).exists()


@pytest.mark.parametrize("step", ["daemon-reload", "enable"])
def test_a_manager_that_does_not_take_them_leaves_nothing_half_done(machine: Machine, step: str) -> None:
    refusing(machine, step)
    with pytest.raises(Refused, match=rf"systemd does not start defer.timer: Failed to {step}: no"):
        install(machine)
    assert files(machine) == {}
    refusing(machine, "")
    other = machine.checkout(machine.home / "other")
    install(machine, other)
    other.unlink()
    before = files(machine)
    refusing(machine, step)
    with pytest.raises(Refused, match=r"systemd does not start defer\.timer"):
        install(machine)
    assert files(machine) == before


def test_units_of_somebody_else_are_left_alone(machine: Machine) -> None:
    directory(machine).mkdir(parents=True)
    theirs = directory(machine) / "defer.service"
    theirs.write_text("[Service]\nExecStart=/bin/true\n")
    with pytest.raises(Refused, match="is not one of ours"):
        install(machine)
    assert files(machine) == {"defer.service": "[Service]\nExecStart=/bin/true\n"}
    assert systemd.uninstall(machine.runner) == []
    assert theirs.exists()


def test_the_unit_of_a_copy_that_is_there_is_left_to_it(machine: Machine) -> None:
    """It may wake another store, which would not be woken any more."""
    other = machine.checkout(machine.home / "an other")
    install(machine, other)
    before = files(machine)
    front = f"'{other.with_name('schedule-task.sh')}'"
    with pytest.raises(
        Refused, match=rf"wakes another copy of the code, .* \({re.escape(front)} waker uninstall, then"
    ):
        install(machine)
    assert systemd.uninstall(machine.runner) == []
    assert files(machine) == before


def test_the_unit_of_a_copy_that_is_gone_is_replaced(machine: Machine) -> None:
    install(machine)
    old = str(machine.runner)
    moved = machine.runner.parent.parent.rename(machine.home / "moved") / "scripts/run-deferred.sh"
    result = install(machine, moved)
    assert (result["change"], result["replaced"]) == ("updated", [old])
    assert [one.runner for one in standing.look(moved).ours] == [str(moved)]


def test_no_home_is_an_error_and_never_a_directory_called_tilde(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(NoHome):
        systemd.install(machine.runner, machine.settings, "/bin", 60.0, environ={})
    with pytest.raises(NoHome):
        systemd.install(machine.runner, machine.settings, "/bin", 60.0, environ={"HOME": "~"})
    assert sorted(tmp_path.rglob("*")) == before


def test_lingering_is_told_where_it_is_off(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "wakes end when you log out, unless you say: loginctl enable-linger"
    assert install(machine)["notes"] == [said]
    monkeypatch.setenv("LINGER", "yes")
    assert install(machine)["notes"] == []


class TestBesideCron:
    def choose(self, machine: Machine, waker: str | None) -> dict[str, Any]:
        return choice.install(waker, machine.runner, machine.settings, "/usr/bin:/bin", 60.0)

    def test_cron_is_chosen_where_its_daemon_runs(self, machine: Machine) -> None:
        assert self.choose(machine, None)["waker"] == "cron"

    def test_systemd_where_it_does_not(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(crontab, "daemon_state", lambda: "not running")
        assert self.choose(machine, None)["waker"] == "systemd"

    def test_systemd_where_there_is_no_cron(self, machine: Machine) -> None:
        (machine.programs / "crontab").unlink()
        assert self.choose(machine, None)["waker"] == "systemd"

    def test_cron_where_nothing_else_can_be_had(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(crontab, "daemon_state", lambda: "not running")
        refusing(machine, "show")
        assert self.choose(machine, None)["waker"] == "cron"
        choice.uninstall(None, machine.runner)
        (machine.programs / "crontab").unlink()
        with pytest.raises(Refused, match="neither cron nor systemd can be had here"):
            self.choose(machine, None)

    def test_what_is_there_stays_the_one(self, machine: Machine) -> None:
        assert self.choose(machine, "systemd")["waker"] == "systemd"
        again = self.choose(machine, None)
        assert (again["waker"], again["change"]) == ("systemd", "unchanged")

    def test_a_second_one_is_told_with_what_to_do(self, machine: Machine) -> None:
        self.choose(machine, "cron")
        notes = self.choose(machine, "systemd")["notes"]
        line = machine.line.decode().strip()
        mend = "two do no harm; to have one: defer waker uninstall cron"
        assert f"cron wakes it too: crontab: {line} ({mend})" in notes

    def test_all_are_removed_unless_one_is_named(self, machine: Machine) -> None:
        self.choose(machine, "cron")
        self.choose(machine, "systemd")
        removed = choice.uninstall("cron", machine.runner)["removed"]
        assert removed == [machine.line.decode().strip()]
        self.choose(machine, "cron")
        assert len(choice.uninstall(None, machine.runner)["removed"]) == 3
        assert standing.look(machine.runner).ours == []
        assert choice.uninstall(None, machine.runner)["change"] == "unchanged"

    def test_a_timer_goes_where_there_is_no_cron(self, machine: Machine) -> None:
        self.choose(machine, "systemd")
        (machine.programs / "crontab").unlink()
        assert len(choice.uninstall(None, machine.runner)["removed"]) == 2


def test_it_is_said_in_words(machine: Machine) -> None:
    result = install(machine)
    service, timer = directory(machine) / "defer.service", directory(machine) / "defer.timer"
    assert words.describe(result) == [
        f"systemd unit added: {service}",
        f"systemd unit added: {timer}",
        f"settings for wakes: {machine.settings}: PATH written",
        "systemd: running",
        "wakes end when you log out, unless you say: loginctl enable-linger",
    ]


@pytest.mark.parametrize("text", ["", "[Service]\nExecStart=/bin/true\n", "ExecStart='unbalanced run-deferred.sh\n"])
def test_what_calls_no_runner_is_none_of_ours(text: str) -> None:
    assert units.parsed(text, "x.service") is None


def test_a_unit_written_by_hand_is_seen(machine: Machine) -> None:
    directory(machine).mkdir(parents=True)
    unit = directory(machine) / "mine.service"
    unit.write_text(f'[Service]\nEnvironment=A=1 "B=two words"\nExecStart=/bin/bash "{machine.runner}" --once\n')
    found = standing.look(machine.runner)
    assert found.ours == []
    (entry,) = found.waking()
    assert (entry.where, entry.variables) == (str(unit), {"A": "1", "B": "two words"})
    assert found.state(entry) == "not running"
    assert os.path.exists(entry.runner)
