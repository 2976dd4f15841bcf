"""What keeps the tasks: lines, the file system under them, and who else holds what is in them."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from defer.reports.doctor import keeping
from defer.reports.doctor.finding import Finding
from machine import subject_of, told
from support import Place, text_at, v1_task


def of_lines(place: Place) -> list[Finding]:
    return list(keeping.of_lines(place.store().condition(), place.config()))


def test_a_good_store_is_not_found_fault_with(place: Place) -> None:
    assert of_lines(place) == []
    place.write_store(v1_task("one"), v1_task("two"))
    assert of_lines(place) == []
    assert list(keeping.of_attempts(subject_of(place))) == []


def test_bad_lines_are_told_by_number(place: Place) -> None:
    place.write_store(v1_task("one"), b"{no json}\n", b"\n", v1_task("two"), b'{"id": 7}\n')
    (one,) = of_lines(place)
    assert (one.id, one.severity, one.where) == ("line-bad", "error", str(place.store_path))
    assert one.what.startswith("lines 2, 5 of the store cannot be read as tasks: ")
    place.write_store(*[b"{}\n"] * 30)
    (one,) = of_lines(place)
    assert one.what.startswith("lines 1, 2, 3, 4, 5 and 25 more of the store")


def test_lines_that_were_set_aside_are_told(place: Place) -> None:
    place.write_store(v1_task("one", run_at=text_at(days=9)), b'{"id": "torn", "run_a')
    place.wake_at()
    (one,) = of_lines(place)
    assert (one.id, one.severity) == ("line-set-aside", "warning")
    assert one.where == str(place.runtime / "deferred.jsonl.rejected")
    assert one.what == "1 torn line of the store was set aside"


def test_a_store_that_is_mostly_superseded_is_noted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_SWOLLEN_BYTES", 1000)
    place.write_store(*[v1_task("one")] * 9)
    (one,) = of_lines(place)
    assert (one.id, one.severity) == ("store-swollen", "note")
    assert one.what.startswith("89 % of ")


def test_an_attempt_on_another_machine_is_told_with_its_holder(place: Place) -> None:
    runner = {"pid": 7, "start": "5", "boot": "elsewhere", "pid_namespace": "pid:[9]"}
    run = {"run_id": "run_x", "host": "far-away", "runner": runner, "leader": runner, "started_at": text_at(minutes=-1)}
    one = v1_task("far off", status="executing", started_at=text_at(minutes=-1), attempts=1, run=run)
    place.write_store(one, v1_task("near"))
    (found,) = keeping.of_attempts(subject_of(place))
    assert (found.id, found.where) == ("held-elsewhere", "task far off")
    assert "far-away" in found.what
    assert found.fix.endswith("defer release 'far off'")


def test_records_that_need_a_newer_version_are_counted(place: Place) -> None:
    place.write_store(*(v1_task(f"t{number}", requires=["time travel"]) for number in range(5)))
    (found,) = keeping.of_attempts(subject_of(place))
    assert (found.id, found.where) == ("newer-needed", "tasks t0, t1, t2 and 2 more")


def test_a_runner_of_version_1_is_told(place: Place) -> None:
    place.write_store(v1_task("one"))
    lock = place.runtime / ".defer.lock"
    lock.mkdir()
    (lock / "pid").write_text(str(os.getpid()))
    config = place.config()
    from defer.store import open_store

    held = subject_of(place)._replace(store=open_store(config, lambda *_, **__: None))
    (found,) = keeping.of_attempts(held)
    assert (found.id, found.where) == ("v1-at-work", str(lock))


def mounted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    """As if the test's directory were a file system of that kind."""
    real = os.path.realpath(tmp_path).replace(" ", r"\040")
    text = f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 22 0:44 / {real} rw - {kind} filer:/export rw\n"
    (tmp_path / "mountinfo").write_text(text)
    monkeypatch.setattr(keeping, "MOUNTINFO", tmp_path / "mountinfo")


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_a_network_file_system_is_named(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    mounted(monkeypatch, tmp_path, kind)
    (one,) = keeping.of_disk(place.config())
    assert (one.id, one.severity, one.where) == ("disk-remote", "warning", str(place.runtime))
    assert f"({kind}, filer:/export on {os.path.realpath(tmp_path)})" in one.what


def test_one_that_a_reboot_empties_is_named(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted(monkeypatch, tmp_path, "tmpfs")
    assert told(keeping.of_disk(place.config())) == [("disk-passing", str(place.runtime))]


def test_a_local_one_is_fine_and_so_is_a_system_that_tells_of_none(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted(monkeypatch, tmp_path, "ext4")
    assert list(keeping.of_disk(place.config())) == []
    monkeypatch.setattr(keeping, "MOUNTINFO", tmp_path / "none")
    assert list(keeping.of_disk(place.config())) == []


@pytest.mark.parametrize(
    ("room", "what"), [({"f_bavail": 100}, "0 MiB are free"), ({"f_favail": 7}, "7 more files can be made")]
)
def test_a_disk_that_is_nearly_full_is_told(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: dict[str, int], what: str
) -> None:
    mounted(monkeypatch, tmp_path, "ext4")
    plenty = {"f_blocks": 1 << 30, "f_bavail": 1 << 30, "f_frsize": 4096, "f_files": 1 << 20, "f_favail": 1 << 20}
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(**{**plenty, **room}))
    (one,) = keeping.of_disk(place.config())
    assert (one.id, one.severity) == ("disk-full", "error")
    assert one.what.startswith(what)
