"""Whose the files are, and who else may read or write them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from defer.reports.doctor import examine, files
from machine import told
from support import NOW, Place, as_root, v1_task

pytestmark = pytest.mark.thorough


@pytest.fixture
def used(place: Place) -> Place:
    """A place with a store, an archive, run records and logs."""
    place.schedule("now", "say hello", "--executor", place.executor("echo hello"), "--id", "hello")
    place.schedule("1h", "later")
    place.wake()
    return place


def modes(place: Place) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in place.files() if path.is_file()}


def test_what_we_have_made_is_as_it_should_be(used: Place) -> None:
    assert list(files.of_files(used.config())) == []
    assert modes(used) == {0o600}


def test_files_that_others_may_read_are_closed_by_fix_and_nothing_else_is(used: Place, tmp_path: Path) -> None:
    (month,) = used.archive_dir.glob("*.jsonl")
    log = next(used.logs.rglob("*.log"))
    stranger = used.runtime / "notes of somebody"
    stranger.write_text("mine")
    for path in (month, log, stranger):
        path.chmod(0o644)
    (one,) = files.of_files(used.config())
    assert (one.id, one.severity) == ("file-open", "warning")
    assert one.what == "2 files are open to other users"
    assert str(month) in one.where
    assert str(log) in one.where
    (done,) = examine.mend([one])
    assert done.did == "nobody else may read or write 2 files now"
    assert [path.stat().st_mode & 0o777 for path in (month, log, stranger)] == [0o600, 0o600, 0o644]
    assert list(files.of_files(used.config())) == []


@as_root
def test_a_file_of_another_owner_is_told_and_never_touched(used: Place) -> None:
    (month,) = used.archive_dir.glob("*.jsonl")
    month.chmod(0o644)
    os.chown(month, 12345, 12345)
    found = list(files.of_files(used.config()))
    assert told(found) == [("file-refused", str(month))]
    assert found[0].what == "a file is not worked with: it belongs to another user (uid 12345)"
    assert examine.mend(found) == []
    state = month.stat()
    assert (state.st_uid, state.st_mode & 0o777) == (12345, 0o644)


@as_root
def test_one_that_changed_hands_between_the_look_and_the_mend_is_not_touched(used: Place) -> None:
    (month,) = used.archive_dir.glob("*.jsonl")
    month.chmod(0o644)
    found = list(files.of_files(used.config()))
    os.chown(month, 12345, 12345)
    (done,) = examine.mend(found)
    assert done.did is None
    assert "belongs to another user" in (done.failed or "")
    assert month.stat().st_mode & 0o777 == 0o644


def test_a_link_in_place_of_a_file_leads_the_mend_nowhere(used: Place, tmp_path: Path) -> None:
    (month,) = used.archive_dir.glob("*.jsonl")
    month.chmod(0o644)
    found = list(files.of_files(used.config()))
    outside = tmp_path / "outside"
    outside.write_text("")
    outside.chmod(0o644)
    month.unlink()
    month.symlink_to(outside)
    (done,) = examine.mend(found)
    assert done.did is None
    assert outside.stat().st_mode & 0o777 == 0o644


def test_what_is_not_a_plain_file_of_one_name_is_told(used: Place) -> None:
    fifo = used.runtime / "runs" / "fifo"
    os.mkfifo(fifo)
    os.link(used.store_path, used.home / "another name")
    found = {one.where: one.what for one in files.of_files(used.config())}
    assert found == {
        str(fifo): "a file is not worked with: a FIFO stands where a file belongs",
        str(used.store_path): "a file is not worked with: the file has 2 names (hard links)",
    }


def test_one_that_every_user_may_write_is_told_and_left_to_a_person(used: Place) -> None:
    """Somebody may have written to it: it has to be looked through first."""
    used.store_path.chmod(0o666)
    (one,) = files.of_files(used.config())
    assert (one.id, one.mend) == ("file-refused", None)
    assert one.fix == f"look through it, then: chmod go-w {used.store_path}"


@pytest.mark.parametrize("name", ["deferred.jsonl", ".deferred.jsonl.lock", ".notices.jsonl.sender"])
def test_one_that_its_owner_cannot_open_is_told(used: Place, name: str) -> None:
    """Root opens it nevertheless, but whoever else the store belongs to does not."""
    shut = used.runtime / name
    shut.touch()
    shut.chmod(0)
    (one,) = files.of_files(used.config())
    assert (one.id, one.severity, one.where, one.mend) == ("file-shut", "error", str(shut), None)
    done = subprocess.run(["/bin/sh", "-c", one.fix], check=False)
    assert done.returncode == 0
    assert list(files.of_files(used.config())) == []


def test_what_stands_in_place_of_the_lock_of_the_sender_is_told(used: Place) -> None:
    lock = used.runtime / ".notices.jsonl.sender"
    lock.mkdir()
    (one,) = files.of_files(used.config())
    assert (one.id, one.where, one.fix) == ("file-refused", str(lock), "move it away")


def test_many_files_with_one_fault_are_one_finding(used: Place) -> None:
    for number in range(50):
        path = used.logs / "attempts" / "hello" / f"{number}.log"
        path.write_text("")
        path.chmod(0o640)
    (one,) = files.of_files(used.config())
    assert one.what == "50 files are open to other users"
    assert one.where.endswith(" and 47 more")


@pytest.fixture
def as_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the modes count: root may do everything, whatever they are."""

    def access(path: Path, wanted: int, **_: bool) -> bool:
        return path.stat().st_mode >> 6 & wanted == wanted

    monkeypatch.setattr(files.os, "access", access)


@pytest.mark.usefixtures("as_owner")
@pytest.mark.parametrize("mode", [0o500, 0o600, 0o300])
def test_a_directory_that_we_may_not_work_in_stops_all_work(used: Place, mode: int) -> None:
    assert list(files.of_rights(used.config())) == []
    used.runtime.chmod(mode)
    try:
        (one, *more) = files.of_rights(used.config())
    finally:
        used.runtime.chmod(0o700)
    assert more == []
    assert (one.id, one.severity, one.where) == ("unwritable", "error", str(used.runtime))
    assert one.what == f"this user may not read and write {used.runtime}, and so no wake can work"
    assert one.fix == f"chmod u+rwx {used.runtime}"


@pytest.mark.usefixtures("as_owner")
def test_files_that_we_may_not_write_are_one_finding(used: Place) -> None:
    lock = used.store_path.with_name(f".{used.store_path.name}.lock")
    for path in (used.store_path, lock, used.config().log_file):
        path.chmod(0o400)
    (one,) = files.of_rights(used.config())
    assert one.id == "unwritable"
    assert one.where == f"{lock}, {used.store_path}, {used.config().log_file}"
    assert one.fix == f"chmod u+rw {lock} {used.store_path} {used.config().log_file}"


@pytest.mark.usefixtures("as_owner")
def test_a_directory_that_cannot_be_made_is_told(place: Place, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    place.env["DEFER_RUNTIME_DIR"] = str(closed / "one" / "two")
    (one,) = files.of_rights(place.config())
    assert (one.id, one.where) == ("unwritable", str(closed))
    # Its owner may have meant it.
    assert (one.fix, one.mend) == (f"chmod u+rwx {closed}", None)


@as_root
@pytest.mark.usefixtures("as_owner")
def test_one_of_somebody_else_is_left_to_them(place: Place, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    os.chown(closed, 12345, 12345)
    place.env["DEFER_RUNTIME_DIR"] = str(closed / "one")
    (one,) = files.of_rights(place.config())
    assert one.fix == "set DEFER_RUNTIME_DIR to a directory of yours"


def test_a_file_system_that_is_read_only_is_named(used: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "access", lambda path, wanted, **_: not wanted & os.W_OK)
    monkeypatch.setattr(files.os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    (one,) = files.of_rights(used.config())
    assert one.what == f"the file system of {used.runtime} is read-only, and so no wake can work"
    assert one.fix == "mount it for writing, or set DEFER_RUNTIME_DIR to a writable place"


def test_what_the_inbox_is_kept_in_counts_too(used: Place) -> None:
    notices = used.config().notices_file
    notices.touch()
    notices.chmod(0o644)
    assert told(files.of_files(used.config())) == [("file-open", str(notices))]


def test_a_directory_that_a_group_may_write_is_told_and_left_alone(used: Place) -> None:
    """A user may share a store with people they trust."""
    used.archive_dir.chmod(0o770)
    (one,) = files.of_places(used.config())
    assert (one.id, one.fix, one.mend) == ("directory-open", f"chmod g-w {used.archive_dir}", None)


def test_a_settings_file_with_secrets_that_others_may_read_is_closed_by_fix(used: Place) -> None:
    settings = used.home / "settings"
    settings.write_text("API_TOKEN=s3cret\n")
    settings.chmod(0o644)
    from defer.settings.config import Config

    config = Config(used.env, {"API_TOKEN": "s3cret"}, settings)
    (one,) = files.of_places(config)
    assert (one.id, one.where) == ("settings-open", str(settings))
    (done,) = examine.mend([one])
    assert done.failed is None
    assert settings.stat().st_mode & 0o777 == 0o600
    assert list(files.of_places(config)) == []


def test_nothing_is_there_yet(place: Place) -> None:
    assert list(files.of_files(place.config())) == []
    place.write_store(v1_task("one", run_at=f"{NOW:%Y-%m-%dT%H:%M:%SZ}"))
