"""Who else may write where a configuration keeps things: refused, or told; with two real users where we are root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from support import DEADLINE_SECONDS, SCRIPTS, Place, give_to_user, v1_task

pytestmark = pytest.mark.programs

UID, OTHER = 1234, 65534
# The clone and pytest's directories may lie where only root may look: to look is all that is granted.
AS_USER = [
    *("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
]
ENTRIES: list[tuple[str, ...]] = [
    ("schedule-task.sh", "--when", "1h", "--summary", "s", "--id", "new"),
    ("schedule-task.sh", "list"),
    ("schedule-task.sh", "show", "due"),
    ("schedule-task.sh", "cancel", "due"),
    ("schedule-task.sh", "doctor", "--records"),
    ("schedule-task.sh", "cron", "status"),
    ("run-deferred.sh",),
    ("archive-deferred.sh",),
]
PYTHON = [sys.executable, "-I", "-S", "-X", "utf8", str(SCRIPTS / "defer" / "__main__.py")]
FACES = {"schedule-task.sh": "front", "run-deferred.sh": "wake", "archive-deferred.sh": "archive"}
DIRECTORIES = [".", "archive", "logs", "runs"]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def user(place: Place, needs: Callable[..., None]) -> Run:
    """``user(entry, …)``: what an entry starts, as the user whose home the place is.

    Not the entry: it would look for an environment that this user may enter, and make one.
    """
    needs("setpriv")
    give_to_user(place, AS_USER, UID)

    def run(entry: str, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*AS_USER, *PYTHON, FACES[entry], *args],
            env=place.env,
            cwd=place.home,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )

    return run


@pytest.fixture
def kept(place: Place) -> Place:
    """A store with a task that is due, and the directories beside it."""
    place.write_store(v1_task("due", executor="/bin/true"))
    for name in DIRECTORIES[1:]:
        (place.runtime / name).mkdir(mode=0o700)
    return place


def give_all(place: Place, uid: int) -> None:
    for path in [place.runtime, *place.files()]:
        os.lchown(path, uid, uid)


def warnings(place: Place) -> list[str]:
    """What is said beside a task that was stored, of who else may write or read."""
    said = json.loads(place.defer("--when", "1h", "--summary", "s").stdout)["warnings"]
    return [line for line in said if "may write" in line or "may put" in line or "may read" in line]


# What every user may write


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702], ids=oct)
@pytest.mark.parametrize("name", DIRECTORIES)
def test_a_directory_that_every_user_may_write_is_refused(kept: Place, name: str, mode: int) -> None:
    directory = kept.runtime / name
    directory.chmod(mode)
    for words in ENTRIES:
        done = kept.run(*words)
        assert (done.returncode, done.stdout) == (74, "")
        what = f"every user may write it (mode {mode:04o}): {directory}"
        assert done.stderr == f"defer: {what} (look through it, then: chmod go-w {directory})\n"
    assert kept.task("due")["status"] == "scheduled"
    directory.chmod(0o700)
    kept.wake()
    assert kept.archived()[0]["status"] == "completed"


def test_so_is_a_directory_named_by_a_setting(kept: Place) -> None:
    elsewhere = kept.base / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o777)
    for name in ("DEFER_ARCHIVE_DIR", "DEFER_LOG_DIR"):
        assert kept.run("run-deferred.sh", env={name: str(elsewhere)}).returncode == 74
    done = kept.defer("list", env={"DEFER_TASKS_FILE": str(elsewhere / "tasks.jsonl")})
    assert done.returncode == 74
    assert str(elsewhere) in done.stderr


def test_a_store_that_every_user_may_write_is_refused(kept: Place) -> None:
    """Who writes a record names a program that runs as its owner."""
    kept.store_path.chmod(0o666)
    for words in ENTRIES:
        done = kept.run(*words)
        if "cron" not in words:
            assert done.returncode == 74
            assert done.stderr.endswith(
                f"every user may write it (mode 0666): {kept.store_path} "
                f"(look through it, then: chmod go-w {kept.store_path})\n"
            )
    assert kept.task("due")["status"] == "scheduled"


def test_a_task_file_that_every_user_may_write_is_not_taken_in(kept: Place) -> None:
    tasks = kept.home / ".config" / "defer" / "tasks"
    tasks.mkdir(parents=True)
    for name in ("open", "mine"):
        (tasks / f"{name}.yml").write_text("schedule: every day at 9am\ncommand: [/bin/true]\n")
    (tasks / "open.yml").chmod(0o666)
    (tasks / "mine.yml").chmod(0o644)
    done = kept.defer("sync")
    assert done.returncode == 2
    assert f"{tasks / 'open.yml'}: cannot be read: every user may write it (mode 0666)" in done.stderr
    assert "mine" in kept.tasks()
    assert "open" not in kept.tasks()


def test_nor_is_a_directory_of_task_files_that_every_user_may_write(kept: Place) -> None:
    tasks = kept.home / ".config" / "defer" / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "mine.yml").write_text("schedule: every day at 9am\ncommand: [/bin/true]\n")
    tasks.chmod(0o777)
    done = kept.defer("sync")
    assert done.returncode == 74
    assert (
        done.stderr
        == f"defer: every user may write it (mode 0777): {tasks} (look through it, then: chmod go-w {tasks})\n"
    )
    assert "mine" not in kept.tasks()


@pytest.mark.parametrize("mode", [0o666, 0o602], ids=oct)
def test_settings_that_every_user_may_write_are_refused(kept: Place, mode: int) -> None:
    settings = kept.home / ".config" / "defer" / "env"
    settings.parent.mkdir(parents=True)
    settings.write_text("DEFER_EXECUTOR=/bin/true\n")
    settings.chmod(mode)
    for words in ENTRIES:
        done = kept.run(*words)
        assert done.returncode == 2
        what = f"the settings file cannot be read: {settings}: every user may write it (mode {mode:04o})"
        assert done.stderr == f"defer: {what} (look through it, then: chmod go-w {settings})\n"
    assert kept.task("due")["status"] == "scheduled"


# What a group may write, or every user read


@pytest.mark.parametrize("name", DIRECTORIES)
def test_a_directory_that_the_group_may_write_is_told_and_worked_in(kept: Place, name: str) -> None:
    directory = (kept.runtime / name).resolve()
    directory.chmod(0o770)
    told = f"the group may write {directory}, and so run programs as you (chmod g-w {directory})"
    assert warnings(kept) == [told]
    assert told in json.loads(kept.defer("cron", "status", "--compact").stdout)["notes"]
    assert json.loads(kept.defer("doctor", "--records", "--compact").stdout)["warnings"] == [told]
    # cron mails what a wake says: once a minute would be too much of it.
    assert kept.wake().stderr == ""


def test_directories_that_version_1_made_under_the_umask_002_are_told_in_one_line(kept: Place) -> None:
    directories = [kept.runtime, kept.runtime / "archive", kept.runtime / "logs"]
    for directory in directories:
        directory.chmod(0o775)
    runtime, archive, logs = directories
    what = f"the group may write {runtime} and {archive} and {logs}, and so run programs as you"
    assert warnings(kept) == [f"{what} (chmod g-w {runtime} {archive} {logs})"]
    subprocess.run(["chmod", "g-w", *directories], check=True)
    assert warnings(kept) == []


def test_settings_that_a_group_may_write_or_every_user_read_are_told(kept: Place) -> None:
    settings = kept.home / ".config" / "defer" / "env"
    settings.parent.mkdir(parents=True)
    settings.write_text("LANGUAGE=de\n")
    settings.chmod(0o644)
    assert warnings(kept) == []
    settings.write_text("MY_API_TOKEN=abcdefgh\n")
    assert warnings(kept) == [
        f"every user may read the settings file {settings}, which holds secrets (chmod 600 {settings})"
    ]
    settings.chmod(0o660)
    assert warnings(kept) == [
        f"the group may write the settings file {settings}, and so run programs as you (chmod g-w {settings})"
    ]
    settings.chmod(0o600)
    assert warnings(kept) == []


def test_a_directory_above_in_which_every_user_may_rename_is_told(kept: Place) -> None:
    kept.base.chmod(0o777)
    assert warnings(kept) == [
        f"every user may put another directory in the place of what is in {kept.base} (chmod go-w {kept.base})"
    ]
    kept.base.chmod(0o1777)
    assert warnings(kept) == []


# Links


def test_a_link_of_ones_own_to_another_disk_is_followed(kept: Place) -> None:
    elsewhere = kept.base / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    kept.archive_dir.rmdir()
    kept.archive_dir.symlink_to(elsewhere)
    kept.wake()
    assert [path.name for path in elsewhere.iterdir()] == [path.name for path in kept.archive_dir.iterdir()] != []


def test_what_it_leads_to_must_be_nobody_elses_to_write(kept: Place) -> None:
    elsewhere = kept.base / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o777)
    kept.archive_dir.rmdir()
    kept.archive_dir.symlink_to(elsewhere)
    assert kept.run("run-deferred.sh").returncode == 74
    assert list(elsewhere.iterdir()) == []


def test_a_link_in_the_place_of_the_attempts_is_not_followed_and_costs_no_task(kept: Place) -> None:
    victim = kept.base / "victim"
    victim.mkdir()
    attempts = kept.logs / "attempts"
    attempts.symlink_to(victim)
    done = kept.run("run-deferred.sh")
    assert done.returncode == 74
    assert done.stderr == f"defer: a symbolic link stands where a directory belongs: {attempts} (move it away)\n"
    assert list(victim.iterdir()) == []
    assert kept.task("due")["status"] == "scheduled"
    attempts.unlink()
    kept.wake()
    assert kept.archived()[0]["status"] == "completed"


# Two users


@pytest.mark.parametrize("name", [*DIRECTORIES, "deferred.jsonl"])
def test_what_belongs_to_another_user_is_refused(kept: Place, user: Run, name: str) -> None:
    give_all(kept, UID)
    assert user("run-deferred.sh").returncode == 0
    path = (kept.runtime / name).resolve()
    os.chown(path, OTHER, OTHER)
    for words in ENTRIES:
        done = user(*words)
        if "cron" not in words or path.is_dir():
            said = f"it belongs to another user (uid {OTHER}): {path} (move it away, or chown it)\n"
            assert (done.returncode, done.stdout) == (74, "")
            assert done.stderr.endswith(said)


@pytest.mark.parametrize("name", ["archive/deferred_202604.jsonl", "logs/deferred.log"])
def test_a_file_of_another_user_is_not_added_to(kept: Place, user: Run, name: str) -> None:
    """Where they had write access for a while."""
    kept.write_store(v1_task("ended", status="completed", completed_at="2026-04-08T16:40:00Z"))
    path = kept.runtime / name
    path.write_text("")
    path.chmod(0o666)
    give_all(kept, UID)
    os.chown(path, OTHER, OTHER)
    done = user("run-deferred.sh")
    assert f"it belongs to another user (uid {OTHER})" in done.stderr
    assert path.read_text() == ""


def test_settings_of_another_user_are_refused(kept: Place, user: Run) -> None:
    settings = kept.base / "env"
    settings.write_text("DEFER_EXECUTOR=/bin/true\n")
    settings.chmod(0o644)
    os.chown(settings, OTHER, OTHER)
    kept.env["DEFER_ENV_FILE"] = str(settings)
    give_all(kept, UID)
    done = user("schedule-task.sh", "list")
    assert done.returncode == 2
    assert f"{settings}: it belongs to another user (uid {OTHER})" in done.stderr
    os.chown(settings, 0, 0)
    assert user("schedule-task.sh", "list").returncode == 0


@pytest.mark.parametrize("name", ["archive", "deferred.jsonl"])
def test_a_link_of_another_user_is_not_followed(kept: Place, user: Run, name: str) -> None:
    elsewhere = kept.base / "elsewhere"
    if name == "archive":
        kept.archive_dir.rmdir()
        elsewhere.mkdir(mode=0o700)
    else:
        kept.store_path.rename(elsewhere)
    give_all(kept, UID)
    os.chown(elsewhere, UID, UID)
    path = kept.runtime / name
    path.symlink_to(elsewhere)
    os.lchown(path, OTHER, OTHER)
    done = user("run-deferred.sh")
    assert done.returncode == 74
    assert f"it belongs to another user (uid {OTHER}): {path} " in done.stderr
    os.lchown(path, UID, UID)
    assert user("run-deferred.sh").returncode == 0


@pytest.mark.parametrize("name", ["archive", "deferred.jsonl"])
def test_root_does_not_follow_a_users_link_to_what_is_roots(kept: Place, user: Run, name: str) -> None:
    roots = kept.base / "roots"
    if name == "archive":
        kept.archive_dir.rmdir()
        roots.mkdir(mode=0o755)
    else:
        kept.store_path.unlink()
        roots.write_text("root's\n")
    give_all(kept, UID)
    path = kept.runtime / name
    path.symlink_to(roots)
    os.lchown(path, UID, UID)
    for words in ENTRIES:
        done = kept.run(*words)
        assert done.returncode == 74
        assert f"a link of another user (uid {UID}) leads to what is not theirs: {path} (remove it)" in done.stderr
    assert roots.is_dir() and list(roots.iterdir()) == [] or roots.read_text() == "root's\n"


def test_root_works_in_a_users_directories(kept: Place, user: Run) -> None:
    give_all(kept, UID)
    kept.wake()
    assert [one["status"] for one in kept.archived()] == ["completed"]
    assert user("schedule-task.sh", "list").returncode == 0
