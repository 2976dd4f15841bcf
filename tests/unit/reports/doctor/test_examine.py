"""The installation looked over as a command: one report, whatever cannot be looked at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from defer.reports.doctor import examine, finding
from machine import FAKE_CRONTAB, subject_of
from support import ROOT, SCRIPTS, Place, is_running, leaving_pid, strict, until, v1_task, zone_tree
from terminal import on_terminal

SCHEMA = json.loads((ROOT / "references" / "doctor.schema.json").read_text())
pytestmark = pytest.mark.programs


@pytest.fixture
def doctored(place: Place) -> Place:
    """A place whose crontab is a file."""
    programs = place.base / "bin"
    programs.mkdir()
    (programs / "crontab").write_text(FAKE_CRONTAB)
    (programs / "crontab").chmod(0o755)
    place.env.update(PATH=f"{programs}:/usr/bin:/bin", TAB=str(place.base / "tab"))
    return place


def report(place: Place, *flags: str, **env: str) -> tuple[int, dict[str, Any]]:
    done = place.defer("doctor", "--compact", *flags, env=env)
    assert done.stderr == ""
    found = strict(done.stdout)
    Draft202012Validator(SCHEMA).validate(found)
    return done.returncode, found


def ids(found: dict[str, Any]) -> list[str]:
    return [one["id"] for one in found["findings"]]


def quiet(found: dict[str, Any]) -> list[str]:
    """The ids but for those that depend on the machine that the tests run on."""
    of_machine = ("disk-", "tzdata-", "command-", "python-", "daemon-")
    return [one for one in ids(found) if not one.startswith(of_machine)]


def test_the_schema_has_each_kind() -> None:
    for rows in ("findings", "mended"):
        assert SCHEMA["properties"][rows]["items"]["properties"]["id"]["enum"] == list(finding.KINDS)


def test_before_anything_is_scheduled_only_the_waker_is_missing(doctored: Place) -> None:
    status, found = report(doctored)
    assert (status, quiet(found), found["mended"], found["agents"]) == (1, ["waker-missing"], [], [])
    assert list(doctored.files()) == []


def test_facts_are_told_whatever_is_wrong(doctored: Place) -> None:
    doctored.schedule("1h", "later")
    doctored.wake()
    _, found = report(doctored)
    facts = found["facts"]
    assert facts["store"] == str(doctored.store_path)
    assert facts["store_bytes"] == doctored.store_path.stat().st_size
    assert facts["path_of_wakes"] == doctored.env["PATH"]
    assert facts["zone"] == "UTC"
    assert facts["last_wake"] is not None
    assert facts["settings_file"] is None
    lines = doctored.defer("doctor", "--table").stdout.splitlines()
    assert lines[0] == f"store: {doctored.store_path}"
    assert "zone: UTC" in lines


def test_it_changes_nothing(doctored: Place) -> None:
    doctored.schedule("1h", "later", "--executor", "/gone")
    doctored.store_path.chmod(0o640)
    before = {path: (path.stat().st_mode, path.stat().st_mtime_ns) for path in doctored.files()}
    status, found = report(doctored)
    assert status == 1
    assert {"executor-missing", "file-open"} <= set(ids(found))
    # A reader takes the lock, whose file shows no change.
    assert {path: (path.stat().st_mode, path.stat().st_mtime_ns) for path in doctored.files()} == before


def test_fix_says_what_it_did_and_looks_again(doctored: Place) -> None:
    doctored.schedule("1h", "later")
    doctored.store_path.chmod(0o640)
    status, found = report(doctored, "--fix")
    assert found["mended"] == [
        {
            "id": "file-open",
            "where": str(doctored.store_path),
            "did": "nobody else may read or write 1 file now",
            "failed": None,
        }
    ]
    assert (status, quiet(found)) == (1, ["waker-missing"])
    assert doctored.store_path.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_looked_at_does_not_hide_the_rest(doctored: Place) -> None:
    doctored.own_records = False
    doctored.runtime.mkdir()
    doctored.store_path.mkdir()
    _, found = report(doctored)
    assert {"waker-missing", "unreadable"} <= set(ids(found))
    assert str(doctored.store_path) in next(one["what"] for one in found["findings"] if one["id"] == "unreadable")


def test_old_time_zone_data_is_told(doctored: Place, tmp_path: Path) -> None:
    zones = zone_tree(tmp_path / "zones", 0, "# version 2001a", names=("Etc/UTC",))
    _, found = report(doctored, PYTHONTZPATH=str(zones), DEFER_TIMEZONE="Etc/UTC")
    (one,) = [one for one in found["findings"] if one["id"] == "tzdata-old"]
    assert one["what"] == f"the time zone data is version 2001a, from PYTHONTZPATH ({zones})"


def test_a_closed_stdout_and_a_full_one_are_survived(doctored: Place) -> None:
    for form in ("--compact", "--table"):
        with Path("/dev/full").open("wb") as full:
            done = doctored.run("schedule-task.sh", "doctor", form, stdout=full, capture_output=False)
        assert done.returncode == 74
    with subprocess.Popen(
        [str(SCRIPTS / "schedule-task.sh"), "doctor", "--table"],
        env=doctored.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.close()
        assert b"Traceback" not in started.stderr.read()


def test_an_interrupt_ends_the_agent_that_is_asked_too(doctored: Place) -> None:
    pid = doctored.base / "pid"
    agent = doctored.base / "bin" / "claude"
    agent.write_text(f"#!/bin/sh\n{leaving_pid(pid)}\nexec sleep 600\n")
    agent.chmod(0o755)
    doctored.schedule("1h", "later", "--executor", "claude")
    asking = doctored.start("schedule-task.sh", "doctor", "--table")
    asked = int(until(lambda: pid.exists() and pid.read_text(), "the question"))
    asking.send_signal(signal.SIGINT)
    out, err = asking.communicate()
    assert (out, b"Traceback" in err) == (b"", False)
    assert asking.returncode == 130
    until(lambda: not is_running(asked), "its end")


def test_without_a_home_it_says_so(doctored: Place) -> None:
    status, found = report(doctored, HOME="not/a/full/path", DEFER_RUNTIME_DIR="")
    assert (status, ids(found)) == (1, ["settings-broken"])
    assert "HOME" in found["findings"][0]["what"]


def test_settings_that_no_command_can_read_are_a_finding(doctored: Place) -> None:
    settings = doctored.home / "settings"
    settings.write_text("what is this\n")
    status, found = report(doctored, DEFER_ENV_FILE=str(settings))
    assert (status, ids(found)) == (1, ["settings-broken"])


def test_a_directory_that_no_command_works_in_is_a_finding(doctored: Place) -> None:
    doctored.runtime.mkdir()
    doctored.runtime.chmod(0o777)
    status, found = report(doctored)
    assert (status, ids(found)) == (1, ["place-refused"])
    assert found["findings"][0]["where"] == "every command"


def test_for_people_it_is_three_lines_a_finding(doctored: Place) -> None:
    done = doctored.defer("doctor", "--table")
    lines = done.stdout.splitlines()
    first = lines.index("error waker-missing: nothing wakes this store: no line of the crontab and no timer does")
    assert lines[first + 1 : first + 3] == ["  where: crontab", "  fix: defer waker install"]
    assert lines[-1].startswith("1 error")


def test_of_one_kind_the_first_few_are_told(doctored: Place) -> None:
    doctored.write_store(*(v1_task(f"t{number}", workspace=f"/gone/{number}") for number in range(25)))
    _, found = report(doctored)
    assert (ids(found).count("directory-gone"), found["more"]) == (10, {"directory-gone": 15})
    lines = doctored.defer("doctor", "--table").stdout.splitlines()
    assert "and 15 more of directory-gone" in lines
    assert lines[-1].startswith("26 errors")


@pytest.mark.parametrize("columns", [60, 120])
def test_on_a_terminal_nothing_from_elsewhere_is_obeyed(doctored: Place, columns: int) -> None:
    evil = "/gone/\x1b[2J\u202eevil"
    doctored.write_store(v1_task("one", workspace=evil, executor=evil))
    status, said = on_terminal(doctored, "doctor", columns=columns)
    assert status == 1
    assert "directory-gone" in said
    assert "\x1b[2J" not in said
    assert "\u202e" not in said
    assert "\x1b[31merror directory-gone" in said
    _, plain = on_terminal(doctored, "doctor", columns=columns, env={"NO_COLOR": "1"})
    assert "\x1b" not in plain


def test_secrets_are_masked(doctored: Place, tmp_path: Path) -> None:
    settings = doctored.home / "settings"
    settings.write_text("API_TOKEN=canary-s3cret\n")
    settings.chmod(0o600)
    (doctored.base / "tab").write_text("* * * * * API_TOKEN=canary-s3cret /gone/run-deferred.sh # defer: wakes\n")
    for form in ("--compact", "--table"):
        done = doctored.defer("doctor", form, env={"DEFER_ENV_FILE": str(settings)})
        assert "waker-gone" in done.stdout
        assert "canary" not in done.stdout + done.stderr


def test_a_mend_that_fails_is_told(place: Place) -> None:
    from defer.reports.doctor.finding import found

    def refuse() -> str:
        raise PermissionError(1, os.strerror(1), "/x")

    (one,) = examine.mend([found("file-open", "", "here", "", refuse), found("waker-missing", "", "", "")])
    assert one == ("file-open", "here", None, "Operation not permitted: /x")
    assert examine.examine(subject_of(place)).agents == []
