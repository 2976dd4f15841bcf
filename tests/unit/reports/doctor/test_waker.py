"""Whether something wakes the store: each thing that can be wrong, on a machine of the test's own."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import machine as machines
from defer.reports.doctor import examine, waker
from defer.reports.doctor.finding import Finding
from defer.settings.config import Config
from defer.store.markers import Markers
from defer.wakers import crontab, runners, standing
from machine import Machine
from support import NOW, quoted


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(crontab, "daemon_state", lambda: "running")
    return machines.of(tmp_path, monkeypatch)


def markers_of(machine: Machine) -> Markers:
    found = Markers(machine.home / "data/runtime/deferred.jsonl")
    found.heartbeat.parent.mkdir(parents=True, exist_ok=True)
    return found


def woken(machine: Machine, before: timedelta) -> None:
    """A wake looked so long before the present."""
    beat = markers_of(machine).heartbeat
    beat.touch()
    moment = (NOW - before).timestamp()
    os.utime(beat, (moment, moment))


def config_of(machine: Machine, **environ: str) -> Config:
    return Config({"HOME": str(machine.home), **environ}, {}, machine.settings if machine.settings.exists() else None)


def findings(machine: Machine, runner: Path | None = None, now: datetime = NOW, **environ: str) -> list[Finding]:
    stands = standing.look(runner or machine.runner)
    return list(waker.findings(stands, markers_of(machine), config_of(machine, **environ), now))


def ids(found: list[Finding]) -> list[str]:
    return [one.id for one in found]


def moved(machine: Machine) -> Path:
    """The runner of the checkout, which has moved."""
    return machine.runner.parent.parent.rename(machine.home / "moved") / "scripts" / "run-deferred.sh"


def test_a_waker_at_work_is_not_found_fault_with(machine: Machine) -> None:
    machine.install()
    woken(machine, timedelta(seconds=50))
    assert findings(machine) == []


def test_nothing_wakes_it(machine: Machine) -> None:
    (one,) = findings(machine)
    assert (one.id, one.severity, one.fix) == ("waker-missing", "error", "defer waker install")


def wakes_for_long(machine: Machine) -> None:
    """By the audit log."""
    log = config_of(machine).log_file
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("2026-04-08T12:00:00Z scheduled id=before\n")


def test_a_wake_by_hand_is_not_taken_for_a_waker(machine: Machine) -> None:
    woken(machine, timedelta(minutes=2))
    (one,) = findings(machine)
    assert (one.id, one.severity, one.fix) == ("waker-missing", "error", "defer waker install")
    assert one.what.endswith("no timer does; the last wake, 2 minutes ago, was by hand")
    machine.install()
    assert findings(machine) == []


def test_wakes_that_come_for_long_are_made_by_something(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What that is cannot be seen."""
    woken(machine, timedelta(minutes=2))
    wakes_for_long(machine)
    (one,) = findings(machine)
    assert (one.id, one.severity) == ("waker-unseen", "note")
    assert one.what == "something woke this store 2 minutes ago, and nothing that can be seen will do so again"
    assert one.fix == "defer waker install, unless something else wakes it every minute"
    machine.install()
    assert findings(machine) == []
    monkeypatch.setattr(crontab, "daemon_state", lambda: "not running")
    (one,) = findings(machine)
    assert (one.id, one.fix.partition(" (")[0]) == ("waker-unseen", "start the cron daemon")


def test_where_cron_is_not_to_be_had_the_reason_is_told(machine: Machine) -> None:
    (machine.programs / "crontab").unlink()
    (one,) = findings(machine)
    assert (one.id, one.fix) == (
        "crontab-unreadable",
        "install cron, try `defer waker install systemd`, or keep `run-deferred.sh --loop` running",
    )
    assert one.what.startswith("there is no cron here")


def test_a_line_of_a_checkout_that_has_moved(machine: Machine) -> None:
    machine.install()
    old = machine.runner
    runner = moved(machine)
    (one,) = findings(machine, runner)
    assert (one.id, one.severity, one.fix) == ("waker-gone", "error", "defer waker install")
    assert one.what == f"a line of the crontab calls {old}, which is gone"
    assert one.where == f"crontab: {machine.line.decode().strip()}"


def test_such_a_line_is_mended_and_nothing_beside_it(machine: Machine) -> None:
    dead = b"* * * * * DEFER_RUNTIME_DIR=/other /gone/scripts/run-deferred.sh # defer: wakes the tasks that are due\n"
    machine.tab.write_bytes(b"# mine\nMAILTO=me\n0 4 * * * backup\n")
    machine.install()
    machine.tab.write_bytes(machine.tab.read_bytes() + dead + b"# the end, without a newline")
    before, settings = machine.tab.read_bytes(), machine.settings.read_bytes()
    line = machine.line
    runner = moved(machine)
    found = findings(machine, runner)
    (done,) = examine.mend(found)
    assert done.failed is None
    assert machine.tab.read_bytes() == before.replace(line, machine.line.replace(b"/checkout/", b"/home/moved/"))
    assert machine.settings.read_bytes() == settings
    assert ids(findings(machine, runner)) == ["waker-gone", "never-woken"]
    (again,) = examine.mend(found)
    assert again.did is None
    assert (again.failed or "").startswith("the crontab has another line by now")


@pytest.mark.parametrize("line", ["* * * * * {}", "* * * * * DEFER_RUNTIME_DIR=/other {} # defer: wakes the tasks"])
def test_a_dead_line_that_is_not_ours_is_told_and_left_alone(machine: Machine, line: str) -> None:
    """One that somebody wrote by hand, and one that woke another store."""
    machine.tab.write_text(line.format("/gone/scripts/run-deferred.sh") + "\n")
    before = machine.tab.read_bytes()
    found = findings(machine)
    assert ids(found) == ["waker-gone", "waker-missing"]
    assert examine.mend(found) == []
    assert machine.tab.read_bytes() == before


def test_a_dead_daemon(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crontab, "daemon_state", lambda: "not running")
    machine.install()
    assert [(one.id, one.severity) for one in findings(machine)] == [("daemon-dead", "error")]


def test_a_daemon_that_cannot_be_seen_is_taken_at_its_work(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crontab, "daemon_state", lambda: "cannot tell")
    machine.install()
    assert ids(findings(machine)) == ["daemon-unknown", "never-woken"]
    woken(machine, timedelta(minutes=1))
    assert findings(machine) == []


def test_wakes_that_have_stopped(machine: Machine) -> None:
    machine.install()
    woken(machine, timedelta(hours=5))
    (one,) = findings(machine)
    assert (one.id, one.severity) == ("wakes-stopped", "error")
    assert one.what == "nothing has woken this store for 5 hours, since 2026-04-08T11:45:00Z"


def test_wakes_that_cannot_do_their_work(machine: Machine) -> None:
    machine.install()
    woken(machine, timedelta(minutes=1))
    markers_of(machine).set_trouble(NOW, "no space left on the disk")
    (one,) = findings(machine)
    assert (one.id, one.what) == (
        "wakes-fail",
        "the last wake could not do its work: 2026-04-08T16:45:00Z no space left on the disk",
    )


def test_two_checkouts_on_one_store(machine: Machine) -> None:
    machine.install()
    other = machine.checkout(machine.home / "an other")
    machine.install(other)
    woken(machine, timedelta(minutes=1))
    (one,) = findings(machine)
    assert (one.id, one.severity) == ("two-copies", "error")
    assert one.fix == f"{quoted(machine.home / 'an other/scripts/schedule-task.sh')} waker uninstall"


def test_another_checkout_on_a_store_of_its_own_is_fine(machine: Machine) -> None:
    machine.install()
    other = machine.checkout(machine.home / "other")
    machine.install(other, machine.home / "other.env", DEFER_RUNTIME_DIR=str(machine.home / "elsewhere"))
    woken(machine, timedelta(minutes=1))
    assert findings(machine) == []


def test_wakes_that_look_after_another_store(machine: Machine, tmp_path: Path) -> None:
    machine.install()
    woken(machine, timedelta(minutes=1))
    (one,) = findings(machine, DEFER_RUNTIME_DIR=str(tmp_path / "mine"))
    assert (one.id, one.severity) == ("store-differs", "error")
    assert f"{machine.home}/data/runtime/deferred.jsonl" in one.what
    assert f"{tmp_path}/mine/deferred.jsonl" in one.what


@pytest.mark.parametrize(("store", "is_told"), [("data/runtime", True), ("elsewhere", False)])
def test_a_runner_of_another_checkout_at_work_on_this_store(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, store: str, is_told: bool
) -> None:
    woken(machine, timedelta(minutes=1))
    other = machine.checkout(machine.home / "other")
    environment = {"HOME": str(machine.home), "DEFER_RUNTIME_DIR": str(machine.home / store)}
    at_work = [runners.Runner(4711, str(entry), environment) for entry in (other, machine.runner)]
    monkeypatch.setattr(runners, "at_work", lambda: at_work)
    found = findings(machine)
    assert [(one.id, one.where) for one in found] == [
        ("two-copies", "process 4711") if is_told else ("waker-missing", "crontab")
    ]


def test_a_runner_that_goes_on_by_itself_may_wake_less_often(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as `run-deferred.sh --loop 600`."""
    runner = runners.Runner(4711, str(machine.runner), {"HOME": str(machine.home)})
    monkeypatch.setattr(runners, "at_work", lambda: [runner])
    woken(machine, timedelta(minutes=10))
    assert findings(machine) == []
    woken(machine, timedelta(hours=5))
    assert ids(findings(machine)) == ["waker-missing"]
