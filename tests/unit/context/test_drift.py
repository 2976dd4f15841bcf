"""The drift brief on a real repository: right, bounded, and nothing of the repository's own runs."""

from __future__ import annotations

import os
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

import longhistory
from defer import instants
from defer.context import drift, noted
from defer.run import prompt
from longhistory import HOSTILE, git
from support import v1_task

pytestmark = pytest.mark.programs

GIT = shutil.which("git")
NAMES = ("src/kept.py", "src/twice.py", "src/dead.py", "src/still.py", HOSTILE)


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> tuple[Path, str]:
    """1,000 commits, and the name of the last; the first is checked out. Not to be changed."""
    top = tmp_path_factory.mktemp("long") / "repository"
    return top, longhistory.build(top)


@pytest.fixture
def top(tmp_path) -> Path:
    """A repository with two commits, of which the first is checked out."""
    longhistory.build(tmp_path / "repository", commits=1)
    return tmp_path / "repository"


def note(top: Path, *names: str, **fields):
    artifacts = [str(top / name) for name in names]
    return noted.note(v1_task(workspace=str(top), context={"artifacts": artifacts}, **fields), instants.now())


def told(known, git_program=GIT, late=0) -> list[str]:
    return drift.brief(known, instants.now() + timedelta(hours=1), late, git_program)


def commit(top: Path, name: str, text: str = "text\n", subject: str = "change it") -> str:
    (top / name).write_text(text)
    git(top, "add", "-A")
    git(top, "commit", "-qm", subject)
    return git(top, "rev-parse", "HEAD")


def test_a_thousand_commits(long):
    top, last = long
    first = git(top, "rev-parse", "HEAD")
    known = note(top, *NAMES)
    git(top, "reset", "-q", "--hard", last)
    try:
        lines = told(known, late=7200)
    finally:
        git(top, "reset", "-q", "--hard", first)
    text = "\n".join(lines)
    touching = longhistory.KEPT_TOUCHES + longhistory.TWICE_TOUCHES + 2
    assert lines[0] == "It begins late: 2 hours after it was due."
    assert f"1,000 commits since {first[:10]}; {touching} of them touch the artifacts." in lines
    assert re.search(r"src/twice\.py: gone: renamed to pkg/twice here\.py in [0-9a-f]{10}$", text, re.MULTILINE)
    assert re.search(r"src/dead\.py: gone: deleted in [0-9a-f]{10}$", text, re.MULTILINE)
    assert re.search(r"src/kept\.py: changed, it had [\d,]+ bytes and has [\d,]+$", text, re.MULTILINE)
    assert "still.py" not in text
    # A name with a newline, an escape sequence and reversed writing is shown on one line.
    assert r"src/\x1b[31mred\nline.py: gone: renamed to src/\x1b[31mred\nline.py\u202e in " in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)
    assert re.search(r"^- [0-9a-f]{10} \d{4}-\d\d-\d\d Ann: Commit 900 \[M pkg/twice here\.py\]$", text, re.MULTILINE)


def test_it_is_bounded_and_quoted(long):
    top, last = long
    first = git(top, "rev-parse", "HEAD")
    known = note(top, *NAMES, *(f"src/file_{number}.py" for number in range(300, 340)))
    git(top, "reset", "-q", "--hard", last)
    try:
        lines = told(known)
    finally:
        git(top, "reset", "-q", "--hard", first)
    whole = prompt.render(v1_task(), 1, lines)
    section = whole.partition("## What has changed\n\n")[2].partition("\n\n## ")[0]
    assert 1500 < len(section.encode()) <= drift.MOST_BYTES
    assert all(line.startswith("> ") for line in section.split("\n"))
    assert re.fullmatch(r"\(\d+ more lines\)", lines[-1])


def test_nothing_new(top):
    known = note(top, "src/kept.py")
    lines = told(known)
    assert lines[1:] == [
        f"No commits since: HEAD is at {known['head'][:10]}, as it was.",
        "Its artifacts are as they were.",
    ]


def test_history_that_was_rewritten(top):
    commit(top, "src/kept.py")
    known = note(top, "src/kept.py")
    git(top, "reset", "-q", "--hard", "HEAD~1")
    commit(top, "src/kept.py", "other\n", "another way")
    text = "\n".join(told(known))
    assert f"1 commit since {known['head'][:10]}; 1 of them touch the artifacts." in text
    assert "History was rewritten, or another branch is checked out: 1 commits of then are not in it." in text
    assert "Ann: another way [M src/kept.py]" in text


def test_a_commit_that_is_gone(top):
    commit(top, "src/kept.py")
    known = {**note(top, "src/kept.py"), "head": "ab" * 20}
    git(top, "commit", "-q", "--amend", "-m", "amended", "--date=now")
    # What was noted is older than the commit.
    known["at"] = instants.to_text(instants.now() - timedelta(minutes=1))
    text = "\n".join(told(known))
    assert "The commit abababab" in text
    assert "is gone (history was rewritten): these are by their date." in text
    assert "Ann: amended" in text


def test_another_branch(top):
    known = note(top)
    git(top, "checkout", "-q", "-b", "side")
    commit(top, "new.txt", subject="on the side")
    text = "\n".join(told(known))
    assert "Another branch is checked out: side; it was main." in text
    assert "1 commit since" in text
    assert "Ann: on the side" in text


def test_the_first_commit_of_all(tmp_path):
    git(tmp_path, "init", "-q")
    known = note(tmp_path, "a.txt")
    commit(tmp_path, "a.txt")
    text = "\n".join(told(known))
    assert "1 commit since; 1 of them touch the artifacts." in text
    assert "a.txt: is there now; it was not there then" in text


def test_where_head_stood_is_asked_of_git_if_no_file_said(top):
    """As with `reftable`."""
    known = note(top)
    head = known.pop("head")
    del known["branch"]
    known["at"] = instants.to_text(instants.now() + timedelta(minutes=2))
    later = str(int(instants.from_text(known["at"]).timestamp()) + 60)
    os.environ["GIT_COMMITTER_DATE"] = f"@{later} +0000"
    try:
        assert git(top, "rev-parse", f"HEAD@{{{known['at']}}}") == head
    finally:
        del os.environ["GIT_COMMITTER_DATE"]
    assert "No commits since." in "\n".join(told(known))


def test_a_renamed_directory_and_files_outside(top, tmp_path):
    outside = tmp_path / "notes.md"
    outside.write_text("1")
    known = note(top, "src/kept.py", str(outside))
    git(top, "mv", "src", "source")
    git(top, "commit", "-qm", "move all")
    outside.write_text("22")
    text = "\n".join(told(known))
    assert "src/kept.py: gone: renamed to source/kept.py in " in text
    assert "notes.md: changed, it had 1 bytes and has 2" in text


@pytest.mark.parametrize("gone", ["repository", "git"])
def test_what_files_tell(top, gone):
    known = note(top, "src/kept.py")
    if gone == "repository":
        shutil.rmtree(top)
        text = "\n".join(told(known))
        assert f"The repository is gone: {top}" in text
        assert "src/kept.py: gone" in text
    else:
        new = commit(top, "src/kept.py")
        text = "\n".join(told(known, git_program=None))
        before = known["head"][:10]
        assert f"HEAD was at {before} and is at {new[:10]}; git is not installed, so no commit can be named." in text
        assert "src/kept.py: changed" in text


def test_nothing_of_the_repository_runs(top, tmp_path, monkeypatch):
    """Its configuration names a program wherever git would start one."""
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >>{ran}\ncat\n')
    program.chmod(0o755)
    known = note(top, "src/kept.py", "src/dead.py")
    (top / ".gitattributes").write_text("* diff=evil filter=evil\n")
    (top / "src/dead.py").unlink()
    commit(top, "src/kept.py")
    names = ("core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "diff.external", "diff.evil.textconv")
    more = ("diff.evil.command", "filter.evil.clean", "filter.evil.smudge", "gpg.program", "pager.log", "pager.show")
    aliases = ("alias.log", "alias.show", "alias.rev-list", "alias.rev-parse")
    for name in (*names, *more):
        git(top, "config", name, str(program))
    for name in aliases:
        git(top, "config", name, f"!{program}")
    git(top, "config", "log.showSignature", "true")
    git(top, "config", "color.ui", "always")
    git(top, "config", "log.follow", "true")
    hooks = top / ".git/hooks"
    for name in ("post-index-change", "reference-transaction", "pre-auto-gc"):
        shutil.copy(program, hooks / name)
    git_environment = {"GIT_DIR": "/nowhere", "GIT_EXTERNAL_DIFF": str(program), "GIT_PAGER": str(program)}
    for name, value in git_environment.items():
        monkeypatch.setenv(name, value)
    ran.unlink(missing_ok=True)
    text = "\n".join(told(known))
    assert "1 commit since" in text
    assert "src/dead.py: gone: deleted in " in text
    assert "\x1b" not in text
    assert not ran.exists(), ran.read_text()


def test_a_git_that_hangs_is_not_waited_for(top, tmp_path, monkeypatch):
    monkeypatch.setattr(drift, "_SECONDS", 0.2)
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 1000\n")
    slow.chmod(0o755)
    known = note(top)
    commit(top, "src/kept.py")
    assert "What was committed since is not known: git took too long." in told(known, git_program=str(slow))


class TestInThePrompt:
    """From the flags of `schedule` to what an executor reads."""

    SAYS = 'cp "$DEFER_PROMPT_FILE" "$HOME/seen.$DEFER_ATTEMPT"'

    def test_of_an_attempt(self, place, top):
        executor = place.executor(self.SAYS)
        place.schedule(
            "now", "s", "--executor", executor, "--workspace", str(top), "--artifact", str(top / "src/dead.py")
        )
        git(top, "rm", "-q", "src/dead.py")
        git(top, "commit", "-qm", "drop it")
        place.wake()
        seen = (place.home / "seen.1").read_text()
        section = seen.partition("## What has changed\n\n")[2].partition("\n\n## Prompt")[0]
        assert "> - " in section
        assert "src/dead.py: gone: deleted in" in section
        assert "Ann: drop it [D src/dead.py]" in section

    def test_of_a_second_attempt_says_what_is_new_since_the_first(self, place, top):
        executor = place.executor(self.SAYS + "\nexit 1")
        commit(top, "src/kept.py", subject="before the first")
        place.schedule("now", "s", "--executor", executor, "--workspace", str(top), "--max-retries", "1", "--id", "a")
        place.wake()
        commit(top, "src/kept.py", "again\n", subject="before the second")
        place.defer("reschedule", "a", "now")
        place.wake()
        seen = (place.home / "seen.2").read_text()
        assert "before the second" in seen
        assert "before the first" not in seen

    def test_none_where_it_is_off(self, place, top):
        place.schedule("now", "s", "--executor", place.executor(self.SAYS), "--workspace", str(top), "--no-drift")
        place.wake()
        assert "What has changed" not in (place.home / "seen.1").read_text()

    def test_an_odd_note_stops_nothing(self, place):
        odd = {
            "head": "--output=/x",
            "repository": "/\0",
            "artifacts": [{"path": "/a\0b"}],
            "at": "2026-04-08T16:45:00Z",
        }
        place.write_store(v1_task("a", executor=place.executor(self.SAYS), drift=odd))
        place.wake()
        assert place.archived()[0]["status"] == "completed"
