"""root at work in a user's store: what it makes is the user's, who goes on with it (two real uids: as root only)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support import DEADLINE_SECONDS, SCRIPTS, Place, give_to_user

pytestmark = pytest.mark.programs

UID = 1234
# The clone and pytest's directories may lie where only root may look: to look is all that is granted.
AS_USER = [
    *("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def user(place: Place, needs: Callable[..., None]) -> Run:
    """``user(entry, …)``: run an entry as the user whose home the place is."""
    needs("setpriv")
    give_to_user(place, AS_USER, UID)

    def run(entry: str, *args: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*AS_USER, str(SCRIPTS / entry), *args],
            env=place.env,
            cwd=place.home,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done

    return run


def assert_the_users(place: Place) -> None:
    others = {path: path.lstat().st_uid for path in [place.runtime, *place.files()] if path.lstat().st_uid != UID}
    assert others == {}


def test_root_wakes_a_users_store_and_the_user_goes_on(place: Place, user: Run) -> None:
    user("schedule-task.sh", "--when", "now", "--summary", "s", "--id", "due", "--executor", "/bin/cat")
    user("schedule-task.sh", "--when", "1h", "--summary", "s", "--id", "waits")
    place.wake()
    assert_the_users(place)
    kinds = {path.relative_to(place.runtime).parts[0] for path in place.files()}
    assert {"archive", "runs", "logs", "deferred.jsonl", ".deferred.jsonl.lock"} <= kinds
    user("schedule-task.sh", "--when", "now", "--summary", "s", "--id", "due", "--executor", "/bin/cat")
    user("schedule-task.sh", "cancel", "waits")
    user("run-deferred.sh")
    assert [(one["id"], one["status"]) for one in place.archived()] == [
        *(("due", "completed"), ("waits", "cancelled"), ("due", "completed"))
    ]
    assert list(place.tasks()) == [], place.audit()


def test_root_is_the_first_to_come(place: Place, user: Run) -> None:
    place.wake()
    place.schedule("1h", "s", "--id", "waits")
    assert_the_users(place)
    user("schedule-task.sh", "edit", "waits", "--summary", "other")
    user("archive-deferred.sh")
    user("run-deferred.sh")
    assert place.task("waits")["context"]["summary"] == "other"


def test_what_root_sets_aside_and_what_it_complains_of_is_the_users_too(place: Place, user: Run) -> None:
    user("schedule-task.sh", "--when", "1h", "--summary", "s", "--id", "waits")
    with place.store_path.open("ab") as file:
        file.write(b'{"torn')
    place.schedule("2h", "s", "--id", "another")
    assert place.run("run-deferred.sh", env={"DEFER_MAX_PARALLEL": "none"}).returncode == 2
    names = {path.name for path in place.files()}
    assert {"deferred.jsonl.rejected", ".deferred.jsonl.trouble"} <= names
    assert_the_users(place)
    user("schedule-task.sh", "cancel", "another")
    user("run-deferred.sh")


def test_task_files_and_settings_that_root_changes_keep_their_owner(place: Place, user: Run) -> None:
    directory = place.home / ".config" / "defer" / "tasks"
    done = place.defer("add", "job", "--schedule", "every day at 9am", "--command", "true")
    assert done.returncode == 0, done.stderr
    file = directory / "job.yml"
    file.chmod(0o640)
    assert place.defer("disable", "job").returncode == 0
    assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (UID, 0o640)
    assert {path.stat().st_uid for path in [directory, *directory.parents][:3]} == {UID}
    assert_the_users(place)
    user("schedule-task.sh", "enable", "job")
    assert place.task("job")["status"] == "scheduled"


def test_a_link_to_a_file_of_roots_is_not_given_away(place: Place, user: Run) -> None:
    """The user may have put another name of root's own file where ours belong."""
    precious = place.base / "precious"
    precious.write_text("root's\n")
    place.runtime.mkdir(mode=0o700)
    os.chown(place.runtime, UID, UID)
    for name in (".deferred.jsonl.heartbeat", ".deferred.jsonl.due2"):
        (place.runtime / name).symlink_to(precious)
    Path(place.runtime / "logs").mkdir()
    os.link(precious, place.log_path)
    place.schedule("1h", "s")
    place.run("run-deferred.sh")
    assert precious.stat().st_uid == 0
    assert precious.read_text().startswith("root's\n")
