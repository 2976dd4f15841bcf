"""Whose programs a PATH would start: its parts judged, and what cron's runs and executors get of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from defer.settings import edit
from defer.wakers import searchpath
from support import SCRIPTS, Place, as_root, quoted, share_environment, strict

NOBODY = 65534
HERE = "the working directory"


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    folder = tmp_path / "two words" / "bin"
    folder.mkdir(parents=True)
    for one in (folder.parent, folder):
        one.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ("", HERE),
        (".", HERE),
        ("bin", "not a full path"),
        ("./node_modules/.bin", "not a full path"),
        ("~/bin", "not a full path"),
        ("..", "not a full path"),
        ("/usr/bin", None),
        ("/opt/yet to come/bin", None),
        ("/tmp", "every user can change it"),
        ("/tmp/yet to come/bin", "every user could make it"),
        ("/usr/bin/../../tmp", "every user can change it"),
    ],
)
def test_a_part_by_its_name_and_place(part: str, why: str | None) -> None:
    assert searchpath.trouble(part) == why


def test_a_directory_of_ours_in_a_sticky_one_is_ours(ours: Path) -> None:
    ours.parent.chmod(0o1777)
    assert searchpath.trouble(str(ours)) is None


def test_what_every_user_can_change_or_has_above_it_is_left_out(ours: Path) -> None:
    ours.parent.chmod(0o777)
    assert searchpath.trouble(str(ours)) == f"every user can change {ours.parent}"
    ours.parent.chmod(0o755)
    for mode in (0o777, 0o1777, 0o702):
        ours.chmod(mode)
        assert searchpath.trouble(str(ours)) == "every user can change it"


def test_a_link_is_as_good_as_its_place_and_where_it_leads(ours: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(ours)
    assert searchpath.trouble(str(tmp_path / "link")) is None
    ours.chmod(0o777)
    assert searchpath.trouble(str(tmp_path / "link")) == "every user can change it"
    ours.chmod(0o755)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    (tmp_path / "shared" / "link").symlink_to(ours)
    assert searchpath.trouble(str(tmp_path / "shared" / "link")) == f"every user can change {tmp_path / 'shared'}"


@as_root
def test_another_users_directory_is_left_out_and_what_is_below_it(ours: Path) -> None:
    os.chown(ours, NOBODY, NOBODY)
    assert searchpath.trouble(str(ours)) == f"it belongs to another user, uid {NOBODY}"
    os.chown(ours, 0, 0)
    os.chown(ours.parent, NOBODY, NOBODY)
    assert searchpath.trouble(str(ours)) == f"{ours.parent} belongs to another user, uid {NOBODY}"


@as_root
def test_for_another_user_roots_and_ones_own_are_good(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(ours, NOBODY, NOBODY)
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    assert searchpath.trouble(str(ours)) is None
    assert searchpath.trouble("/usr/bin") is None


@pytest.mark.parametrize(
    ("value", "full"),
    [
        ("/usr/bin:/bin", "/usr/bin:/bin"),
        (".:/usr/bin", "/usr/bin"),
        ("/usr/bin:", "/usr/bin"),
        (":/usr/bin::bin:/bin", "/usr/bin:/bin"),
        ("", os.defpath),
        (".", os.defpath),
        ("/tmp", "/tmp"),
    ],
)
def test_only_full_paths_are_anchored(value: str, full: str) -> None:
    assert searchpath.anchored(value) == full


def test_what_is_left_out_is_told_once_with_its_reason(ours: Path) -> None:
    ours.chmod(0o777)
    assert searchpath.checked(f":/usr/bin:{ours}:.:bin:.:/bin") == (
        "/usr/bin:/bin",
        [f"an empty part ({HERE})", f"{ours} (every user can change it)", f". ({HERE})", "bin (not a full path)"],
    )
    assert searchpath.checked(":").value == os.defpath


class TestCron:
    """`cron install` and `cron status`, with a crontab of the test's."""

    @pytest.fixture
    def crontab(self, place: Place) -> Path:
        share_environment(place.home / ".local" / "share")
        programs = place.base / "programs"
        programs.mkdir(mode=0o755)
        table = place.base / "crontab"
        program = programs / "crontab"
        program.write_text(f'#!/bin/sh\ncase $1 in -l) cat "{table}" ;; *) cat >"{table}" ;; esac\n')
        program.chmod(0o755)
        table.touch()
        return programs

    def test_doubtful_parts_are_left_out_and_told_in_one_line(self, place: Place, crontab: Path) -> None:
        shared = place.base / "shared"
        shared.mkdir()
        shared.chmod(0o777)
        path = f".:{shared}::{crontab}:/usr/bin:/bin"
        done = place.defer("cron", "install", "--compact", env={"PATH": path})
        assert done.returncode == 0, done.stderr
        written = (place.home / ".config" / "defer" / "env").read_text()
        assert edit.line("PATH", f"{crontab}:/usr/bin:/bin").decode() in written.splitlines()
        told = f". ({HERE}), {shared} (every user can change it), an empty part ({HERE})"
        assert f"left out of PATH for wakes: {told}" in " ".join(strict(done.stdout)["notes"])
        again = place.defer("cron", "install", "--compact", env={"PATH": path})
        assert '"settings_written":[]' in again.stdout

    def test_the_crontab_program_of_the_working_directory_is_not_run(self, place: Place, crontab: Path) -> None:
        planted = place.home / "crontab"
        planted.write_text(f"#!/bin/sh\n: >{quoted(place.base / 'owned')}\n")
        planted.chmod(0o755)
        assert place.defer("cron", "status", env={"PATH": f".:{crontab}:/usr/bin:/bin"}).returncode == 0
        assert not (place.base / "owned").exists()

    def test_status_names_doubtful_parts_that_stand_in_the_settings(self, place: Place, crontab: Path) -> None:
        env = {"PATH": f"{crontab}:/usr/bin:/bin"}
        assert place.defer("cron", "install", env=env).returncode == 0
        settings = place.home / ".config" / "defer" / "env"
        settings.write_bytes(edit.line("PATH", f".:{env['PATH']}") + b"\n")
        done = place.defer("cron", "status", "--compact", env={**env, "DEFER_ENV_FILE": str(settings)})
        said = f"PATH in {settings} has parts that do not belong there: . ({HERE}): run `defer waker install` again"
        assert said in " ".join(strict(done.stdout)["notes"])


def test_an_executor_gets_the_full_paths_alone(place: Place) -> None:
    """A repository with a program of its own, and an executor that starts one by that name."""
    workspace = place.home / "cloned"
    workspace.mkdir()
    (workspace / "id").write_text(f"#!/bin/sh\n: >{quoted(place.base / 'owned')}\n")
    (workspace / "id").chmod(0o755)
    executor = place.executor('id >/dev/null; echo "$PATH"')
    place.schedule("now", "s", "--executor", executor, "--workspace", str(workspace))
    place.wake(env={"PATH": ".::/usr/bin:bin:/bin"})
    assert place.archived()[0]["result"]["output"] == "/usr/bin:/bin"
    assert not (place.base / "owned").exists()


def test_no_python_of_the_working_directory_sets_up(tmp_path: Path) -> None:
    planted = tmp_path / "python3"
    planted.write_text(f"#!/bin/sh\n: >{quoted(tmp_path / 'owned')}\n")
    planted.chmod(0o755)
    code = f'scripts={quoted(SCRIPTS)}; . "$scripts/common.sh"; PATH=.::/nowhere; base_python || echo none'
    done = subprocess.run(["/bin/bash", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("none\n", "")
    assert not (tmp_path / "owned").exists()
