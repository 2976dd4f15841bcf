"""Conditions and checks as they are asked for: by flags, by task files, from Python."""

import os

import pytest

import defer
from defer.errors import BadInput
from defer.record import versions
from longhistory import git
from support import strict

pytestmark = pytest.mark.thorough


def test_flags(place):
    limit = ("--expires", "2h", "--executor", "notify")
    stored = place.schedule("1h", "s", "--if", "test -e new", "--check", "make test", *limit)
    assert (stored["condition"], stored["check"]) == ("test -e new", "make test")
    assert stored["requires"] == ["check", "condition"]
    shown = place.defer("show", stored["id"], "--table").stdout
    assert "If:          test -e new\n" in shown
    assert "Check:       make test\n" in shown


def test_a_condition_of_what_runs_once_needs_a_limit(place):
    done = place.defer("--when", "1h", "--summary", "s", "--if", "true")
    assert done.returncode == 2
    assert done.stderr == (
        "defer: --if of a task that runs once is asked again and again: "
        "say until when with --expires, e.g. --expires 2h\n"
    )
    assert place.defer("--every", "hour", "--summary", "s", "--if", "true").returncode == 0


def test_a_check_needs_something_to_check(place):
    words = ("--when", "1h", "--summary", "s", "--check", "true")
    done = place.defer(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("defer: --check needs something to check: nothing is executed here (")
    assert place.defer(*words, env={"DEFER_EXECUTOR": "notify"}).returncode == 0


def test_an_edit_cannot_take_away_what_they_need(place):
    stored = place.schedule("1h", "s", "--if", "true", "--expires", "2h", "--check", "true", "--executor", "notify")
    for flag in ("--expires", "--executor"):
        assert place.defer("edit", stored["id"], flag, "none").returncode == 2
    both = place.defer("edit", stored["id"], "--if", "none", "--expires", "none", "--check", "none", "--compact")
    changed = strict(both.stdout)
    assert not {"condition", "check", "requires", "expires_at"} & changed.keys()


def test_what_another_version_requires_stays():
    other = {"id": "a", "status": "scheduled", "run_at": "2026-04-08T16:45:00Z", "requires": ["after", "check"]}
    assert versions.requiring({**other, "condition": "true"})["requires"] == ["after", "condition"]
    assert versions.requiring(other)["requires"] == ["after"]


def test_from_python(place):
    made = defer.schedule("every hour", "s", condition=["test", "-e", "a b"], environ=place.env)
    assert made.record["condition"] == ["test", "-e", "a b"]
    assert made.record["requires"] == ["condition"]
    with pytest.raises(BadInput, match="--if of a task that runs once"):
        defer.schedule("1h", "s", condition="true", environ=place.env)
    with pytest.raises(BadInput, match="check is not usable: 7"):
        defer.schedule("1h", "s", check=7, environ=place.env)
    with pytest.raises(BadInput, match="check takes a command: it is empty"):
        defer.schedule("1h", "s", check=[], executor="notify", environ=place.env)


def test_a_task_file_and_what_becomes_of_it(place):
    directory = place.home / ".config" / "defer" / "tasks"
    directory.mkdir(parents=True)
    file = directory / "a.yml"
    file.write_text("cron: 0 9 * * *\ncommand: x\nif: [test, -e, new]\ncheck: make test\n")
    assert place.defer("sync").returncode == 0
    live = place.task("a")
    assert (live["condition"], live["check"]) == (["test", "-e", "new"], "make test")
    assert live["requires"] == ["check", "condition"]
    file.write_text("cron: 0 9 * * *\ncommand: x\n")
    assert place.defer("sync").returncode == 0
    assert not {"condition", "check", "requires"} & place.task("a").keys()


def test_a_run_by_hand_asks_the_condition_too(place):
    stored = place.schedule("every hour", "s", "--if", "false")
    copy = strict(place.defer("run", stored["id"]).stdout)
    assert (copy["condition"], copy["requires"]) == ("false", ["condition"])
    place.wake()
    (over,) = place.archived()
    assert (over["id"], over["status"], over["reason"]) == (copy["id"], "skipped", "condition: exited with 1")


@pytest.fixture
def repository(place):
    top = place.base / "repository"
    top.mkdir()
    git(top, "init", "-q")
    git(top, "commit", "-q", "--allow-empty", "-m", "first")
    return top


def refused(place, *words, **options):
    done = place.defer("--when", "1h", "--summary", "s", "--worktree", *words, **options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("defer: --worktree ")


def test_a_worktree(place, repository):
    words = ("--worktree", "--executor", "notify", "--workspace", str(repository))
    stored = place.schedule("1h", "s", *words)
    assert (stored["worktree"], stored["requires"]) == (True, ["worktree"])
    assert "Worktree:    one for each occurrence\n" in place.defer("show", stored["id"], "--table").stdout
    changed = strict(place.defer("edit", stored["id"], "--no-worktree", "--compact").stdout)
    assert not {"worktree", "requires"} & changed.keys()
    again = strict(place.defer("edit", stored["id"], "--worktree", "--compact").stdout)
    assert again["requires"] == ["worktree"]
    made = defer.schedule("1h", "s", worktree=True, executor="notify", workspace=repository, environ=place.env)
    assert made.record["worktree"] is True


def test_a_worktree_of_no_repository(place, repository):
    outside = ("--executor", "notify", "--workspace", str(place.home))
    assert refused(place, *outside).startswith(f"needs a workspace in a Git repository: {place.home} is in none (")
    (place.base / "new").mkdir()
    git(place.base / "new", "init", "-q")
    empty = refused(place, "--executor", "notify", "--workspace", str(place.base / "new"))
    assert empty.startswith(f"cannot be made of {place.base}/new: its repository has no commit yet, ")
    inside = ("--executor", "notify", "--workspace", str(repository))
    os.symlink("/bin/true", place.base / "true")
    assert refused(place, *inside, env={"PATH": str(place.base)}).startswith("needs git, which is not on PATH")


def test_what_a_worktree_does_not_go_with(place, repository):
    there = ("--workspace", str(repository))
    assert refused(place, *there).startswith("needs something that works in it: nothing is executed here (")
    executed = (*there, "--executor", "notify")
    assert refused(place, *executed, "--mode", "callback").startswith("does not go with --mode callback")
    assert refused(place, *executed, "--leave-running").startswith("does not go with what is left running")


def test_a_task_file_with_a_worktree(place, repository):
    directory = place.home / ".config" / "defer" / "tasks"
    directory.mkdir(parents=True)
    file = directory / "a.yml"
    file.write_text(f"cron: 0 9 * * *\ncommand: x\nworktree: true\nworkspace: {repository}\n")
    assert place.defer("sync").returncode == 0
    assert place.task("a")["worktree"] is True
    file.write_text(f"cron: 0 9 * * *\nprompt: x\nworktree: true\nworkspace: {repository}\nsticky_session: true\n")
    done = place.defer("sync")
    assert done.returncode != 0
    assert f"{file}:3: worktree: worktree does not go with a sticky session" in done.stderr
