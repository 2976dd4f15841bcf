"""`make clean-runtime` deletes a runtime directory, and nothing that is not one."""

import subprocess

import pytest

from support import DEADLINE_SECONDS, ROOT

pytestmark = pytest.mark.programs


def clean(place, confirm="yes", **env):
    return subprocess.run(
        ["make", "-s", "-C", str(ROOT), "clean-runtime"],
        env={**place.env, "CONFIRM": confirm, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )


@pytest.fixture
def used(place):
    place.schedule("now")
    place.wake()
    place.schedule("1h")
    return place


def test_everything_is_deleted(used):
    done = clean(used)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"Deleted: {used.runtime}\n", "")
    assert not used.runtime.exists()
    assert clean(used).returncode == 0


def test_what_is_kept_of_notices_and_conversations_is_deleted(used):
    (used.runtime / "sessions").mkdir()
    for name in (".notices.jsonl.sender", ".notices.jsonl.pinged", ".notices.jsonl.aB3xYz"):
        (used.runtime / name).touch()
    assert clean(used).returncode == 0
    assert not used.runtime.exists()


def test_to_check_deletes_nothing(used):
    assert clean(used, confirm="check").returncode == 0
    assert used.store_path.exists()
    (used.runtime / "thesis.tex").touch()
    assert clean(used, confirm="check").returncode != 0


def test_what_v1_left_is_deleted(place):
    place.write_store(b"")
    for name in ("archive", "logs", ".defer.lock", ".deferred-tasks.lock"):
        (place.runtime / name).mkdir()
    (place.runtime / "deferred.aB3xYz").touch()
    (place.runtime / "deferred-snapshot.aB3xYz").touch()
    assert clean(place).returncode == 0
    assert not place.runtime.exists()


def test_without_a_word_it_says_what_it_would_delete_and_does_not_wait(used):
    done = clean(used, confirm="")
    assert done.returncode != 0
    assert f"every task, archive and log in {used.runtime} would be (make clean-runtime CONFIRM=yes)" in done.stderr
    assert used.store_path.exists()


def test_a_link_is_not_followed(used):
    link = used.base / "link"
    link.symlink_to(used.runtime)
    for directory in (link, f"{link}/"):
        done = clean(used, DEFER_RUNTIME_DIR=str(directory))
        assert f"nothing is deleted: {link} is a link" in done.stderr
    assert used.store_path.exists()


@pytest.mark.parametrize("name", ["thesis.tex", ".git", "deferred.jsonl~", "runs.bak"])
def test_a_directory_with_something_else_in_it_is_left_alone(used, name):
    (used.runtime / name).mkdir()
    assert f"nothing is deleted: {used.runtime / name} is not Defer's" in clean(used).stderr
    assert used.store_path.exists()


@pytest.mark.parametrize("name", ["", "logs"])
def test_a_directory_that_is_not_one_of_ours_is_left_alone(place, name):
    """An empty one, say, or `~` with a folder `logs`."""
    (place.home / name).mkdir(exist_ok=True)
    done = clean(place, DEFER_RUNTIME_DIR=str(place.home))
    assert "does not look like a runtime directory" in done.stderr
    assert place.home.exists()


@pytest.mark.parametrize("directory", ["relative", "/", "{home}/..", "{home}/../x"])
def test_a_path_that_is_not_plain_is_refused(place, directory):
    done = clean(place, DEFER_RUNTIME_DIR=directory.format(home=place.home))
    assert done.returncode != 0
    assert "nothing is deleted: " in done.stderr
    assert place.home.exists()


def test_not_while_a_runner_is_at_work(used):
    (used.runtime / ".deferred.jsonl.wake_1.lease").touch()
    assert "a task is being executed" in clean(used).stderr
    assert used.store_path.exists()
    assert clean(used, FORCE="1").returncode == 0
    assert not used.runtime.exists()


def test_the_directory_of_the_settings_file_counts(used):
    settings = used.base / "settings"
    settings.write_text(f"DEFER_RUNTIME_DIR={used.runtime}\n")
    del used.env["DEFER_RUNTIME_DIR"]
    assert clean(used, DEFER_ENV_FILE=str(settings)).returncode == 0
    assert not used.runtime.exists()


def test_worktrees_are_not_deleted(used):
    kept = used.runtime / "worktrees" / "a task" / "20260408T164500Z-1"
    kept.mkdir(parents=True)
    done = clean(used)
    assert done.returncode != 0
    assert f"nothing is deleted: a task's work may lie in {kept} (" in done.stderr
    kept.rmdir()
    assert clean(used).returncode == 0
