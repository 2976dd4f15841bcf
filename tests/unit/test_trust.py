"""Who else can change a program that is to run as us: it is not run then, or that is told."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from defer import fsio, trust
from defer.run import command
from defer.run.command import Misconfigured
from support import Place, as_root

OTHER = 65534


def scheduled(place: Place, path: str | Path) -> list[str]:
    """What is said beside a task with that executor."""
    done = place.defer("--when", "now", "--summary", "s", "--executor", str(path))
    return list(json.loads(done.stdout)["warnings"])


def refused(place: Place, path: str | Path) -> str:
    """What is said of a task whose executor that is, at schedule and at the end of its attempt: the same."""
    warnings = scheduled(place, path)
    place.wake()
    (ended,) = place.archived()
    assert (ended["status"], ended["error_type"]) == ("failed", "ConfigError")
    assert f"the task will fail as things stand: {ended['error']}" in warnings
    return str(ended["error"])


def test_an_executor_that_every_user_may_write_is_not_run(place: Place) -> None:
    path = place.executor("touch ran")
    Path(path).chmod(0o777)
    what = "every user may write it (mode 0777)"
    assert refused(place, path) == (
        f"executor is not to be trusted: {path}: {what} (look through it, then: chmod go-w {path})"
    )
    assert not (place.home / "ran").exists()


def test_so_is_one_that_every_user_may_put_another_in_the_place_of(place: Place) -> None:
    place.executor("touch ran")
    directory = place.base / "open"
    directory.mkdir()
    path = directory / "executor"
    (place.base / "executor").rename(path)
    directory.chmod(0o777)
    assert f"every user may put another in its place in {directory} (chmod go-w {directory})" in refused(place, path)
    assert not (place.home / "ran").exists()


def test_in_a_directory_where_everybody_keeps_their_own_it_runs(place: Place) -> None:
    """As in /tmp."""
    directory = place.base / "shared"
    directory.mkdir()
    directory.chmod(0o1777)
    path = Path(place.executor("touch ran")).rename(directory / "executor")
    place.schedule("now", "s", "--executor", str(path))
    place.wake()
    assert (place.home / "ran").exists()


def test_one_that_the_group_may_write_runs_and_that_is_told(place: Place) -> None:
    path = place.executor("touch ran")
    Path(path).chmod(0o775)
    told = f"the group may write executor {path}, and so run programs as you (chmod g-w {path})"
    assert told in scheduled(place, path)
    assert place.wake().stderr == ""
    assert (place.home / "ran").exists()


def test_of_one_that_every_user_may_write_the_group_is_not_told_besides(place: Place) -> None:
    path = place.executor("touch ran")
    Path(path).chmod(0o777)
    told = "\n".join(scheduled(place, path))
    assert "every user may write it (mode 0777)" in told
    assert "the group may write" not in told


@as_root
def test_an_executor_of_another_user_is_not_run(place: Place) -> None:
    path = place.executor("touch ran")
    os.chown(path, OTHER, OTHER)
    assert f"it belongs to another user (uid {OTHER})" in refused(place, path)
    assert not (place.home / "ran").exists()


@as_root
def test_root_runs_what_belongs_to_the_user_whose_store_it_is(place: Place) -> None:
    path = place.executor("true")
    place.runtime.mkdir(mode=0o700)
    for one in (Path(path), place.runtime):
        os.chown(one, OTHER, OTHER)
    assert command.resolve(path, place.store_path) == Path(path)
    os.chown(place.runtime, 4321, 4321)
    with pytest.raises(Misconfigured, match="another user"):
        command.resolve(path, place.store_path)


@pytest.mark.parametrize(
    ("kind", "told"),
    [(stat.S_IFIFO, "a FIFO"), (stat.S_IFSOCK, "a socket"), (stat.S_IFBLK, "a device"), (stat.S_IFDIR, "a directory")],
)
def test_what_stands_there_is_called_by_its_name(tmp_path: Path, kind: int, told: str) -> None:
    state = os.stat_result((kind | 0o600, *[0] * 9))
    with pytest.raises(trust.Untrusted) as raised:
        trust.check_kind(state, tmp_path)
    assert str(raised.value) == f"{told} stands where a file belongs: {tmp_path} (move it away)"


def test_whoever_owns_the_code_is_as_good_as_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    assert trust.is_ours(0)
    assert trust.is_ours(4321)
    assert trust.is_ours(os.stat(trust.__file__).st_uid)
    assert not trust.is_ours(4322)


def test_an_open_for_writing_or_reading_never_waits(tmp_path: Path) -> None:
    """Also by whoever asks the system calls themselves."""
    os.mkfifo(tmp_path / "fifo")
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_CREAT | os.O_APPEND):
        with pytest.raises(trust.Untrusted, match="a FIFO stands where a file belongs"):
            fsio.kernel.open(tmp_path / "fifo", flags)
    with pytest.raises(trust.Untrusted, match="a FIFO"):
        fsio.kernel.reader(tmp_path / "fifo")
    with pytest.raises(NotADirectoryError):
        fsio.kernel.open(tmp_path / "fifo", os.O_RDONLY | os.O_DIRECTORY)


@pytest.mark.parametrize("top", [0, OTHER])
def test_roots_programs_run_where_root_has_no_number_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, top: int
) -> None:
    """As in a sandbox whose user namespace maps one user alone: what is root's is nobody's there, the top too."""
    path = tmp_path / "program"
    path.touch(mode=0o755)
    owners, really = {"/": top, str(path): OTHER}, os.stat

    def seen(asked: str | Path) -> os.stat_result:
        found = list(really(asked))[:10]
        found[stat.ST_UID] = owners.get(str(asked), found[stat.ST_UID])
        return os.stat_result(found)

    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    monkeypatch.setattr(os, "stat", seen)
    if top == OTHER:
        trust.check_program(path, 0)
    else:
        with pytest.raises(trust.Untrusted, match=f"it belongs to another user .uid {OTHER}."):
            trust.check_program(path, 0)
