"""What scheduling notes of a workspace, read as files: wherever a repository keeps what HEAD stands for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import longhistory
from defer.context import noted
from support import NOW, SCRIPTS, v1_task

pytestmark = pytest.mark.programs


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository with one commit."""
    there = tmp_path / "repository"
    longhistory.build(there, commits=1)
    return there


def head(top: Path) -> str:
    return longhistory.git(top, "rev-parse", "HEAD")


def test_a_branch(top):
    assert noted.head_of(str(top)) == (str(top), head(top), "main")


def test_from_a_directory_below(top):
    assert noted.head_of(str(top / "src")) == (str(top), head(top), "main")


def test_a_branch_whose_commit_is_packed(top):
    longhistory.git(top, "branch", "other/maintenance")
    longhistory.git(top, "pack-refs", "--all")
    assert not (top / ".git/refs/heads/main").exists()
    assert noted.head_of(str(top)) == (str(top), head(top), "main")


def test_no_branch(top):
    longhistory.git(top, "checkout", "-q", "--detach")
    assert noted.head_of(str(top)) == (str(top), head(top), None)


def test_a_branch_without_a_commit(tmp_path):
    (tmp_path / "new").mkdir()
    longhistory.git(tmp_path / "new", "init", "-q")
    assert noted.head_of(str(tmp_path / "new")) == (str(tmp_path / "new"), None, "main")


@pytest.mark.parametrize("packed", [False, True])
def test_a_worktree(top, tmp_path, packed):
    longhistory.git(top, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    if packed:
        longhistory.git(top, "pack-refs", "--all")
    there = tmp_path / "side"
    assert noted.head_of(str(there)) == (str(there), head(top), "side")


def test_references_that_no_file_shows(top):
    """What stands in HEAD of a repository with `reftable`."""
    (top / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")
    assert noted.head_of(str(top)) == (str(top), None, None)


@pytest.mark.parametrize(
    "odd",
    [b"", b"ref: \n", b"ref: refs/heads/../../../../etc/passwd\n", b"ref: HEAD\n", b"\xff\xfe", b"--upload-pack=x\n"],
)
def test_a_head_that_says_nothing_of_use(top, odd):
    (top / ".git/HEAD").write_bytes(odd)
    assert noted.head_of(str(top)) == (str(top), None, None)


def test_a_pipe_is_not_waited_for(top):
    (top / ".git/HEAD").unlink()
    os.mkfifo(top / ".git/HEAD")
    assert noted.head_of(str(top)) is None


def test_no_repository(tmp_path):
    assert noted.head_of(str(tmp_path)) is None
    (tmp_path / ".git").write_text("gitdir: /nowhere\n")
    assert noted.head_of(str(tmp_path)) is None


def test_an_empty_directory_called_git_is_no_repository(top, tmp_path):
    """Some sandboxes of agents put one there for as long as a command runs."""
    for directory in (tmp_path / "outside", top / "below"):
        (directory / ".git").mkdir(parents=True)
    assert (noted.top(str(tmp_path / "outside")), noted.top(str(top / "below"))) == (None, str(top))
    assert noted.head_of(str(tmp_path / "outside")) is None


def test_artifacts_are_noted_by_what_they_are(tmp_path):
    (tmp_path / "file").write_text("12345")
    (tmp_path / "directory").mkdir()
    names = [str(tmp_path / "file"), str(tmp_path / "directory"), "file", str(tmp_path / "later"), "review.md, at 3"]
    one = v1_task(workspace=str(tmp_path), context={"summary": "s", "artifacts": [*names, "https://example.org/a"]})
    found = noted.note(one, NOW)["artifacts"]
    assert [one["path"] for one in found] == [names[0], names[1], names[0], names[3]]
    assert [one.get("size") for one in found] == [5, None, 5, None]
    assert ["mtime_ns" in one for one in found] == [True, True, True, False]


def test_so_many_at_most(tmp_path):
    one = v1_task(context={"summary": "s", "artifacts": [f"/nowhere/{number}" for number in range(500)]})
    assert len(noted.note(one, NOW)["artifacts"]) == noted.MOST_ARTIFACTS


class TestWhoseIsNoted:
    """Only a task whose executor is handed a prompt has a note; what turns that off is stored."""

    def test_one_with_an_executor(self, place, top):
        one = place.schedule("1h", "s", "--executor", "/bin/true", "--workspace", str(top))
        assert one["drift"]["head"] == head(top)
        assert one["drift"]["repository"] == str(top)

    @pytest.mark.parametrize("flags", [(), ("--executor", "notify")])
    def test_not_a_reminder(self, place, flags):
        assert "drift" not in place.schedule("1h", "s", *flags)

    def test_not_a_command(self, place):
        done = place.defer("add", "a", "--schedule", "every day 9am", "--command", "true")
        assert done.returncode == 0, done.stderr
        assert "drift" not in place.task("a")

    def test_off(self, place):
        assert place.schedule("1h", "s", "--executor", "/bin/true", "--no-drift")["drift"] == {"off": True}

    def test_off_in_a_file(self, place):
        done = place.defer(
            "add", "a", "--schedule", "every day 9am", "--prompt", "p", "--executor", "/bin/true", "--no-drift"
        )
        assert done.returncode == 0, done.stderr
        assert place.task("a")["drift"] == {"off": True}

    def test_edit_notes_anew_what_is_to_be_looked_at(self, place, top):
        place.schedule("1h", "s", "--executor", "/bin/true", "--id", "a")
        assert place.defer("edit", "a", "--summary", "t").returncode == 0
        assert "repository" not in place.task("a")["drift"]
        assert place.defer("edit", "a", "--workspace", str(top)).returncode == 0
        assert place.task("a")["drift"]["repository"] == str(top)
        assert place.defer("edit", "a", "--no-drift").returncode == 0
        assert place.defer("edit", "a", "--artifact", str(top)).returncode == 0
        assert place.task("a")["drift"] == {"off": True}

    def test_no_git_is_started(self, place, top, needs, tmp_path):
        needs("strace")
        trace = tmp_path / "trace"
        traced = ("strace", "-f", "-qq", "-e", "trace=execve", "-o", trace, SCRIPTS / "schedule-task.sh")
        flags = ("--when", "1h", "--summary", "s", "--executor", "/bin/true", "--workspace", top)
        subprocess.run([*traced, *flags], env=place.env, check=True, capture_output=True)
        assert "/git" not in trace.read_text()
        assert place.tasks().popitem()[1]["drift"]["head"] == head(top)
