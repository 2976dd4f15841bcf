"""Files put in place, locks, what reaches the disk, and whose a file is."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from defer import fsio, locking
from defer.errors import StorageError, StoreBusy
from defer.settings import edit as envfile
from defer.wakers import cronenv
from support import until

LEFT = ".file.00112233aabbccdd.new"


class Recording(fsio.Kernel):
    """The system calls as they are, noted."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, int]] = []
        self.owners: list[tuple[int, int]] = []

    def open(self, path: Path, flags: int) -> int:
        self.opened.append((path.name, flags))
        return super().open(path, flags)


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Recording:
    kernel = Recording()
    monkeypatch.setattr(fsio, "kernel", kernel)
    return kernel


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


# A file put in the place of another


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def slowly() -> Iterator[bytes]:
        yield b"one "
        fsio.replace(path, [b"the other"])
        assert path.read_bytes() == b"the other"
        yield b"whole"

    fsio.replace(path, slowly())
    assert path.read_bytes() == b"one whole"
    assert names(tmp_path) == ["file"]


def test_the_temporary_name_is_nobodys_to_guess_and_the_file_nobodys_but_ours(
    tmp_path: Path, recording: Recording
) -> None:
    for _ in range(2):
        fsio.replace(tmp_path / ".file", [b"x"])
    made = [(name, flags) for name, flags in recording.opened if name.endswith(".new")]
    assert len({name for name, _ in made}) == 2
    assert all(flags & os.O_EXCL and flags & os.O_NOFOLLOW and flags & os.O_CREAT for _, flags in made)
    assert all(re.fullmatch(r"\.file\.[0-9a-f]{16}\.new", name) for name, _ in made)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), ValueError("no line"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def broken() -> Iterator[bytes]:
        yield b"new"
        raise error

    with pytest.raises(type(error)):
        fsio.replace(path, broken())
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_what_a_dead_writer_left_goes_when_it_is_an_hour_old(tmp_path: Path) -> None:
    others = [".file.new", ".other.00112233aabbccdd.new", ".file.00112233.new", "file.txt"]
    for name in [LEFT, *others]:
        (tmp_path / name).write_bytes(b"left")
    fsio.replace(tmp_path / "file", [b"x"])
    assert names(tmp_path) == sorted(["file", LEFT, *others])
    old = (tmp_path / LEFT).stat().st_mtime - 3700
    for name in [LEFT, *others]:
        os.utime(tmp_path / name, (old, old))
    fsio.replace(tmp_path / "file", [b"x"])
    assert names(tmp_path) == sorted(["file", *others])


def test_who_holds_the_lock_removes_it_at_once(tmp_path: Path) -> None:
    (tmp_path / LEFT).write_bytes(b"left")
    fsio.replace(tmp_path / "file", [b"x"], is_locked=True)
    assert names(tmp_path) == ["file"]


def test_a_name_as_long_as_names_get(tmp_path: Path) -> None:
    paths = [tmp_path / ("é" * 126 + end) for end in ("a", "b")]
    for path in paths:
        fsio.replace(path, [b"x"])
    assert names(tmp_path) == [path.name for path in paths]
    fronts = {fsio._front(path) for path in paths}
    assert len(fronts) == 2
    assert all(len(os.fsencode(front)) < 200 for front in fronts)


def test_owner_and_mode_are_those_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    before = path.stat()
    fsio.replace(path, [b"new"], like=before, mode=0o640)
    after = path.stat()
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (before.st_uid, before.st_gid, 0o640)


# Locks


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_where_flock_is_not_to_be_had_nothing_is_done_and_the_error_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(fd: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(StorageError) as raised, fsio.lock(tmp_path / "lock", 5.0):
        pass
    said = str(raised.value)
    assert said.startswith(f"files cannot be locked on {locking.file_system(tmp_path / 'lock')}: {tmp_path / 'lock'}: ")
    assert said.endswith("(keep it on a local disk; DEFER_RUNTIME_DIR says where the store is)")
    assert raised.value.exit_code == 74


def test_a_lock_that_cannot_be_opened_is_told_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="a symbolic link stands where a file belongs"):
        fsio.lock(tmp_path / "lock", 5.0)
    assert not (tmp_path / "victim").exists()


def test_a_file_system_is_named_by_its_place_and_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / /my\\040disk rw shared:1 - xfs b rw\n"
        "3 1 0:3 / /my\\040disk rw shared:1 master:2 - fuse.sshfs c rw\n"
    )
    monkeypatch.setattr(locking, "_MOUNTS", mounts)
    monkeypatch.setattr(os.path, "ismount", lambda place: place in ("/", "/my disk"))
    assert locking.file_system(Path("/my disk/a/lock")) == "/my disk (fuse.sshfs)"
    assert locking.file_system(Path("/elsewhere/lock")) == "/ (ext4)"
    mounts.unlink()
    assert locking.file_system(Path("/elsewhere/lock")) == "/"


def test_an_edit_lock_is_held_by_one_at_a_time_and_leaves_nothing(tmp_path: Path) -> None:
    within: list[int] = []
    most: list[int] = []

    def edit(number: int) -> None:
        for _ in range(20):
            with fsio.edit_lock(tmp_path / "tasks", 60.0):
                within.append(number)
                most.append(len(within))
                (tmp_path / "count").write_text(str(len(most)))
                within.remove(number)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 80
    assert names(tmp_path / "tasks") == []
    with fsio.edit_lock(tmp_path / "tasks", 60.0), pytest.raises(StoreBusy), fsio.edit_lock(tmp_path / "tasks", 0.0):
        pass


# Settings read, changed and written


class Meeting(fsio.Kernel):
    """Tells when somebody asks for a lock."""

    def __init__(self) -> None:
        self.asked = 0

    def lock(self, path: Path, timeout: float) -> Any:
        self.asked += 1
        return super().lock(path, timeout)


def test_two_changes_of_the_settings_at_once_are_both_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "env"
    kernel = Meeting()
    monkeypatch.setattr(fsio, "kernel", kernel)
    other = threading.Thread(target=cronenv.bring_up_to_date, args=(settings, {"B": "2"}, 60.0))
    whole = envfile.with_values

    def meanwhile(content: bytes, values: dict[str, str]) -> bytes:
        if "A" in values and not other.ident:
            asked = kernel.asked
            other.start()
            until(lambda: kernel.asked > asked or not other.is_alive(), "the other writer")
        return whole(content, values)

    monkeypatch.setattr(envfile, "with_values", meanwhile)
    cronenv.bring_up_to_date(settings, {"A": "1"}, 60.0)
    other.join()
    assert envfile.values(settings.read_bytes(), settings) == {"A": "1", "B": "2"}
    assert names(tmp_path) == ["env"]


def test_settings_that_others_are_at_are_waited_for_no_longer_than_was_said(tmp_path: Path) -> None:
    with fsio.edit_lock(tmp_path, 60.0):
        with pytest.raises(StoreBusy, match=r"busy: .*\.defer\.lock was held by others for 0 s"):
            cronenv.bring_up_to_date(tmp_path / "env", {"A": "1"}, 0.0)
        assert not (tmp_path / "env").exists()


def test_settings_that_are_right_already_need_no_lock(tmp_path: Path) -> None:
    cronenv.bring_up_to_date(tmp_path / "env", {"A": "1"}, 60.0)
    with fsio.edit_lock(tmp_path, 60.0):
        assert cronenv.bring_up_to_date(tmp_path / "env", {"A": "1"}, 0.0) == ([], [])


# What reaches the disk


class FullSync:
    """macOS's fcntl as far as it matters, on a file system that knows F_FULLFSYNC or does not."""

    F_FULLFSYNC = 51

    def __init__(self, number: int | None) -> None:
        self.asked: list[int] = []
        self._number = number

    def fcntl(self, fd: int, command: int) -> int:
        assert command == self.F_FULLFSYNC
        self.asked.append(fd)
        if self._number is not None:
            raise OSError(self._number, os.strerror(self._number))
        return 0


@pytest.fixture
def on_macos(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int | None], tuple[list[Any], list[int]]]:
    """``on_macos(errno)``: which of a file's and its directory's syncs asked for the full one, and which fell back."""

    def run(number: int | None) -> tuple[list[Any], list[int]]:
        fake, plain = FullSync(number), []
        with monkeypatch.context() as patch:
            patch.setattr(sys, "platform", "darwin")
            patch.setitem(sys.modules, "fcntl", fake)
            patch.setattr(os, "fsync", plain.append)
            fsio.append(tmp_path / "file", b"x", name_is_synced=True)
            fsio.sync_directory(tmp_path)
        return fake.asked, plain

    return run


def test_on_macos_file_and_directory_reach_the_platter(on_macos: Callable[..., tuple[list[Any], list[int]]]) -> None:
    asked, plain = on_macos(None)
    assert (len(asked), plain) == (2, [])


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.EINVAL, errno.ENOTTY])
def test_a_file_system_that_does_not_know_the_full_sync_gets_the_plain_one(
    on_macos: Callable[..., tuple[list[Any], list[int]]], number: int
) -> None:
    asked, plain = on_macos(number)
    assert asked == plain
    assert len(plain) == 2


def test_a_full_sync_that_fails_is_a_failure(on_macos: Callable[..., tuple[list[Any], list[int]]]) -> None:
    with pytest.raises(OSError, match="Input/output error"):
        on_macos(errno.EIO)


# Whose a file is


class AsRoot(Recording):
    """What root does in a directory of user 1234's, as far as anybody can play it."""

    uid = 0

    def _seen(self, state: os.stat_result, is_directory: bool) -> Any:
        uid = 1234 if is_directory else self.uid
        fields = ("st_mode", "st_size", "st_mtime_ns", "st_dev", "st_ino", "st_nlink")
        return SimpleNamespace(**{name: getattr(state, name) for name in fields}, st_uid=uid, st_gid=uid)

    def stat(self, path: Path) -> os.stat_result:
        state = super().stat(path)
        return self._seen(state, stat.S_ISDIR(state.st_mode))

    def fstat(self, fd: int) -> os.stat_result:
        return self._seen(super().fstat(fd), False)

    def chown(self, fd: int, uid: int, gid: int) -> None:
        assert super().fstat(fd).st_size == 0 or stat.S_ISDIR(super().fstat(fd).st_mode), "before it holds anything"
        self.owners.append((uid, gid))


WAYS: dict[str, Callable[[Path], Any]] = {
    "append": lambda path: fsio.append(path, b"x"),
    "append unlocked": lambda path: fsio.append_unlocked(path, b"x"),
    "replace": lambda path: fsio.replace(path, [b"x"]),
    "touch": fsio.touch,
    "set_mtime": lambda path: fsio.set_mtime(path, 10**9),
    "exclusive": lambda path: fsio.close(fsio.create_exclusive(path)),
    "directory": fsio.ensure_directory,
    "lock": lambda path: fsio.lock(path, 60.0).__enter__(),
}


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> AsRoot:
    kernel = AsRoot()
    monkeypatch.setattr(fsio, "kernel", kernel)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return kernel


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_root_makes_is_the_owners_of_the_place(
    tmp_path: Path, as_root: AsRoot, way: Callable[[Path], Any]
) -> None:
    way(tmp_path / "made")
    assert as_root.owners == [(1234, 1234)]


@pytest.mark.parametrize("way", [way for name, way in WAYS.items() if name not in ("replace", "exclusive")])
def test_what_is_there_already_is_left_to_whom_it_belongs(
    tmp_path: Path, as_root: AsRoot, way: Callable[[Path], Any]
) -> None:
    if way is fsio.ensure_directory:
        (tmp_path / "made").mkdir()
    else:
        (tmp_path / "made").touch()
    way(tmp_path / "made")
    assert as_root.owners == []


def test_a_place_that_takes_no_owner_stops_nothing(
    tmp_path: Path, as_root: AsRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int, uid: int, gid: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(as_root, "chown", refuse)
    for name, way in WAYS.items():
        way(tmp_path / name)
    assert names(tmp_path) == sorted(WAYS)


def test_anybody_else_gives_nothing_away(tmp_path: Path, as_root: AsRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    for name, way in WAYS.items():
        way(tmp_path / name)
    assert as_root.owners == []
