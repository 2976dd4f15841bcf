"""Tasks that work in a Git worktree of their own: made, kept or removed, found again, with real git."""

import itertools
import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from defer.context import noted
from longhistory import git
from support import NOW, SCRIPTS, at, is_running, leaving_pid, quoted, strict, until, v1_task

pytestmark = pytest.mark.programs

ONE = "task_20260408_163500_4821"
WHEN = "20260408T164500Z-"


@pytest.fixture
def repository(place):
    """A repository with a file, and a folder of its own in which tasks work."""
    top = place.base / "repository"
    top.mkdir()
    git(top, "init", "-q")
    (top / "sub").mkdir()
    (top / "file").write_text("1\n")
    (top / "sub" / "inner").write_text("2\n")
    (top / ".gitignore").write_text("built\n")
    git(top, "add", ".")
    git(top, "commit", "-q", "-m", "first")
    return top


def asking(repository, command="true", **fields):
    """A due task that works in a worktree."""
    wanted = {"worktree": True, "requires": ["worktree"], "workspace": str(repository), "command": command}
    return v1_task(**{**wanted, **fields})


def worktrees(place):
    """The worktrees that are there."""
    return sorted(path for path in place.runtime.glob("worktrees/*/*") if path.is_dir())


def notes(place):
    return sorted(path.name for path in place.runtime.glob("worktrees/*/*") if path.is_file())


def branches(repository):
    return git(repository, "branch", "--format=%(refname:short)", "--list", "defer/*").split()


def commit(message="work"):
    return f"git -c user.name=A -c user.email=a@example.org commit -qam {message}"


def test_one_that_changes_nothing_leaves_nothing(place, repository):
    place.write_store(asking(repository, "pwd; git status --short --branch; echo x >built"))
    place.wake_at(NOW)
    (done,) = place.archived()
    branch, path = done["result"]["worktree"]["branch"], done["result"]["worktree"]["path"]
    assert done["result"]["output"].splitlines() == [path, f"## {branch}"]
    assert branch.startswith(f"defer/{ONE}/{WHEN}")
    assert path.startswith(f"{place.runtime}/worktrees/{ONE}/{WHEN}")
    assert (worktrees(place), notes(place), branches(repository)) == ([], [], [])
    assert git(repository, "worktree", "list", "--porcelain").count("worktree ") == 1
    assert f"(branch {branch}, removed)" in place.defer("show", ONE, "--table").stdout


@pytest.mark.parametrize(
    "work",
    [
        f"echo 2 >file; {commit()}",
        "echo 2 >file",
        "echo x >new",
        "git checkout -q --detach; rm sub/inner",
        f"echo 2 >file; git checkout -q --detach; {commit()}; git checkout -q -",
    ],
    ids=["a commit", "a changed file", "a new file", "a deleted file", "a commit on no branch"],
)
def test_one_that_changes_something_stays(place, repository, work):
    place.write_store(asking(repository, work))
    place.wake_at(NOW)
    (done,) = place.archived()
    (path,) = worktrees(place)
    assert done["result"]["worktree"] == {"path": str(path), "branch": branches(repository)[0]}
    assert notes(place) == [f"{path.name}.kept"]
    assert f"Worktree:    {path} (branch {branches(repository)[0]})" in place.defer("show", ONE, "--table").stdout
    assert (repository / "file").read_text() == "1\n"
    assert git(repository, "status", "--short") == ""


def test_the_workspace_of_a_folder_is_that_folder(place, repository):
    executor = place.executor("pwd; cat inner; cat; cat $DEFER_PROMPT_FILE")
    place.write_store(asking(repository / "sub", None, executor=executor))
    place.wake_at(NOW)
    (done,) = place.archived()
    inside, inner, handed, *prompt = done["result"]["output"].splitlines()
    assert (inside, inner) == (done["result"]["worktree"]["path"] + "/sub", "2")
    assert strict(handed)["workspace"] == inside
    assert f"- workspace: {inside}" in prompt
    said = f"- the workspace is: a Git worktree of {repository}/sub, made for this; branch: "
    assert said + done["result"]["worktree"]["branch"] in prompt


def changes_told(text):
    """The lines of a prompt about what has changed."""
    return [line[2:] for line in text.partition("## What has changed")[2].partition("\n## ")[0].splitlines() if line]


def noted_task(place, repository, executor, *names, **fields):
    """A task that was noted as it was scheduled, an hour before, with these artifacts."""
    context = {"summary": "s", "artifacts": [str(repository / name) for name in names]}
    one = asking(repository, None, executor=executor, context=context, **fields)
    return noted.onto(one, None, at(hours=-1))


def test_its_prompt_tells_of_what_the_worktree_will_have(place, repository):
    (repository / "drafts").write_text("not committed\n")
    (repository / "other").write_text("1\n")
    git(repository, "add", "other")
    git(repository, "commit", "-qm", "second")
    executor = place.executor("cat $DEFER_PROMPT_FILE")
    place.write_store(noted_task(place, repository, executor, "file", "other", "sub/inner", "drafts", "gone"))
    (repository / "file").write_text("changed, not committed\n")
    (repository / "other").write_text("2, committed\n")
    git(repository, "commit", "-qm", "third", "other")
    (repository / "other").write_text("and changed\n")
    place.wake_at(NOW)
    (done,) = place.archived()
    there, head = done["result"]["worktree"]["path"], git(repository, "rev-parse", "--short=10", "HEAD")
    lines = changes_told(done["result"]["output"])
    assert [line for line in lines if line[:2] == "- " and ": " in line and not line.startswith(f"- {head} ")] == [
        "- file: as it is committed, without what was changed in the workspace since",
        f"- other: changed in {head}",
        f"- {repository}/drafts: not in the worktree, since it is not committed",
    ]
    named = done["result"]["output"].partition("## Artifacts")[2].partition("## ")[0].split()
    assert named[2::3] == [
        *(f"{there}/{name}" for name in ("file", "other", "sub/inner")),
        f"{repository}/drafts",
        f"{there}/gone",
    ]


def test_the_prompt_of_a_retry_tells_of_what_the_worktree_has(place, repository):
    executor = place.executor(
        f"cp $DEFER_PROMPT_FILE prompt.$DEFER_ATTEMPT; echo 2 >file; git add file; {commit()}; [ $DEFER_ATTEMPT = 2 ]"
    )
    place.write_store(noted_task(place, repository, executor, "file", "sub/inner", max_retries=1))
    place.wake_at(NOW)
    (path,) = worktrees(place)
    (repository / "sub" / "inner").write_text("elsewhere\n")
    git(repository, "commit", "-qam", "elsewhere")
    (path / "sub" / "inner").write_text("changed in between\n")
    head = git(path, "rev-parse", "--short=10", "HEAD")
    place.wake_at(at(minutes=1))
    text = (path / "prompt.2").read_text()
    assert f"- the workspace is: a Git worktree of {repository}, as an earlier attempt has left it; branch: " in text
    assert [line for line in changes_told(text) if "late" not in line and "since 2026" not in line] == [
        f"No commits since: HEAD is at {head}, as it was.",
        "- sub/inner: changed, it had 2 bytes and has 19",
    ]


@pytest.mark.parametrize(("lost", "told"), [("noted", "1 commit since"), ("removed", None)])
def test_the_prompt_of_a_retry_after_an_attempt_whose_end_nobody_saw(place, repository, lost, told):
    """Then its end has noted nothing; or its worktree was removed since, and is made again of its branch."""
    executor = place.executor(f"cp $DEFER_PROMPT_FILE prompt; git add prompt; {commit()}; [ $DEFER_ATTEMPT = 2 ]")
    place.write_store(noted_task(place, repository, executor, "file", max_retries=1))
    place.wake_at(NOW)
    (path,), waiting = worktrees(place), place.task(ONE)
    if lost == "noted":
        del waiting["drift"]["worktree"]
        place.write_store(waiting)
    else:
        git(repository, "worktree", "remove", "--force", path)
    place.wake_at(at(minutes=1))
    text = (path / "prompt").read_text()
    lines = changes_told(text)
    assert ("made again, since that of an earlier attempt was removed" in text) is (lost == "removed")
    assert [line for line in lines if " since " in line and line[0] == "1"] == (
        [f"{told} {git(repository, 'rev-parse', '--short=10', 'HEAD')}."] if told else []
    )
    assert not any("written" in line for line in lines)
    assert git(path, "log", "--format=%s").split() == ["work", "work", "first"]


def test_the_next_occurrence_is_not_told_of_the_worktree_before(place, repository):
    executor = place.executor(f"cat $DEFER_PROMPT_FILE; echo 2 >file; git add file; {commit()} >&2")
    rule = {"expression": "every 10 minutes", "tz": "UTC", "anchor": "2026-04-08T16:35:00Z"}
    place.write_store(noted_task(place, repository, executor, "file", recurrence=rule))
    place.wake_at(NOW)
    place.wake_at(at(minutes=10))
    done = place.archived()[-1]["result"]["output"]
    head = git(repository, "rev-parse", "--short=10", "HEAD")
    assert f"No commits since: HEAD is at {head}, as it was." in changes_told(done)
    assert "Its artifacts are as they were." in changes_told(done)


def test_a_folder_without_a_commit_is_told(place, repository):
    (repository / "later").mkdir()
    place.write_store(asking(repository / "later"))
    place.wake_at(NOW)
    (failed,) = place.archived()
    assert failed["error_type"] == "ConfigError"
    assert "its worktree cannot be worked in: " in failed["error"]
    assert worktrees(place) == []


def test_a_retry_goes_on_in_it(place, repository):
    command = f"cat new; test -e new || {{ echo first >new; exit 1; }}; echo 2 >file; {commit()}"
    place.write_store(asking(repository, command, max_retries=1))
    assert place.wake_at(NOW)["retried"] == 1
    (path,) = worktrees(place)
    assert place.task(ONE)["result"]["worktree"]["path"] == str(path)
    assert place.wake_at(at(minutes=1))["completed"] == 1
    assert place.archived()[0]["result"]["output"] == "first"
    assert worktrees(place) == [path]
    assert git(path, "log", "--format=%s") == "work\nfirst"


def test_one_that_somebody_has_removed_is_made_again(place, repository):
    command = f"test -e again || {{ echo 2 >again; git add again; {commit()}; exit 1; }}"
    place.write_store(asking(repository, command, max_retries=1))
    place.wake_at(NOW)
    git(repository, "worktree", "remove", "--force", worktrees(place)[0])
    assert place.wake_at(at(minutes=1))["completed"] == 1


def test_one_whose_git_file_was_removed_keeps_its_work(place, repository):
    place.write_store(asking(repository, "cat new; echo first >new; test $DEFER_ATTEMPT = 2", max_retries=1))
    place.wake_at(NOW)
    (path,) = worktrees(place)
    (path / ".git").unlink()
    assert place.wake_at(at(minutes=1))["completed"] == 1
    assert place.archived()[0]["result"]["output"] == "first"
    assert git(path, "status", "--short") == "?? new"


def test_one_whose_note_was_removed_is_not_touched(place, repository):
    place.write_store(asking(repository, "echo first >new; exit 1", max_retries=2))
    place.wake_at(NOW)
    (path,) = worktrees(place)
    Path(f"{path}.json").unlink()
    for minutes in (1, 5):
        place.wake_at(at(minutes=minutes))
    (failed,) = place.archived()
    assert (failed["error_type"], failed["attempts"]) == ("ConfigError", 2)
    assert f"what lies where its worktree is to be made is not removed: {path} (move it away)" in failed["error"]
    assert (path / "new").read_text() == "first\n"


def test_one_that_git_cannot_make_now_is_made_by_a_retry(place, repository):
    """As on a full disk: git says only that it could not write a file."""
    real = shutil.which("git")
    said = "echo error: unable to write file file >&2; exit 128"
    place.executor(f'case "$*" in *"worktree add"*) {said} ;; esac; exec {real} "$@"', name="git")
    place.write_store(asking(repository, "cat file", max_retries=1))
    assert place.wake_at(NOW, {"PATH": f"{place.base}:{place.env['PATH']}"})["retried"] == 1
    said = "defer: git cannot make its worktree, perhaps for lack of room: unable to write file file"
    assert said in place.task(ONE)["last_error"]
    assert branches(repository) == []
    assert place.wake_at(at(minutes=1))["completed"] == 1


def test_what_no_worktree_can_be_made_of_is_told(place, repository):
    shutil.rmtree(repository / ".git")
    place.write_store(asking(repository, id="gone"))
    place.wake_at(NOW)
    git(repository, "init", "-q")
    place.write_store(asking(repository, id="unborn"))
    place.wake_at(NOW)
    gone, unborn = (one["error"] for one in place.archived())
    assert f"{repository} is not in a Git repository that can be used: not a git repository" in gone
    assert "its repository has no commit yet, so that there is nothing to work on (commit something first)" in unborn
    assert (worktrees(place), notes(place)) == ([], [])


def test_each_occurrence_has_its_own(place, repository):
    rule = {"expression": "every 10 minutes", "tz": "UTC", "anchor": "2026-04-08T16:35:00Z"}
    place.write_store(asking(repository, "echo x >new; ls ../", recurrence={**rule, "catch_up": "all"}))
    for minutes in (0, 10, 20):
        place.wake_at(at(minutes=minutes))
    assert len(worktrees(place)) == 3
    assert len(branches(repository)) == 3


def test_a_relative_program_and_a_check_are_the_worktrees_own(place, repository):
    (repository / "run.sh").write_text("#!/bin/sh\necho committed\n")
    (repository / "run.sh").chmod(0o700)
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "second")
    (repository / "run.sh").write_text("#!/bin/sh\necho changed\n")
    place.write_store(asking(repository, ["./run.sh"], check=["./run.sh"], requires=["check", "worktree"]))
    place.wake_at(NOW)
    (done,), (run,) = place.archived(), place.runs()
    assert done["status"] == "completed"
    assert place.attempt_log(run) == b"committed\ncommitted\n"
    assert worktrees(place) == []


def test_nothing_of_the_repository_runs(place, repository):
    trace = place.base / "trace"
    leave = f"echo $0 >>{quoted(str(trace))}"
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        path = repository / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{leave}\n")
        path.chmod(0o700)
    (repository / ".gitattributes").write_text("file filter=a=b.c\n")
    git(repository, "add", ".gitattributes")
    git(repository, "commit", "-q", "--no-verify", "-m", "second")
    for key in ("smudge", "clean"):
        git(repository, "config", f"filter.a=b.c.{key}", f"{leave}; cat")
    git(repository, "config", "filter.a=b.c.required", "true")
    git(repository, "config", "core.fsmonitor", f"{leave}; false")
    git(repository, "config", "core.hooksPath", str(repository / ".git" / "hooks"))
    trace.unlink(missing_ok=True)
    place.write_store(asking(repository, "cat file"))
    place.wake_at(NOW)
    assert place.archived()[0]["result"]["output"] == "1"
    assert (worktrees(place), branches(repository)) == ([], [])
    assert not trace.exists()


def test_one_that_was_cut_short_is_made_anew(place, repository):
    place.write_store(asking(repository, "cat file", max_retries=1))
    place.wake_at(NOW, {"DEFER_EXECUTOR": ""})
    path = Path(place.archived()[0]["result"]["worktree"]["path"])
    branch = place.archived()[0]["result"]["worktree"]["branch"]
    head = git(repository, "rev-parse", "HEAD")
    said = {"task": ONE, "created_at": "2026-04-08T16:35:00Z", "occurrence": "2026-04-08T16:45:00Z", "made": False}
    where = {"store": str(place.store_path), "workspace": str(repository), "path": str(path), "branch": branch}
    git(repository, "worktree", "add", "-q", "--lock", "-b", branch, path)
    (path / "file").unlink()
    Path(f"{path}.json").write_text(json.dumps({**said, **where, "base": head, "repository": f"{repository}/.git"}))
    place.write_store(asking(repository, "cat file; git status --short"))
    place.wake_at(NOW)
    assert place.archived()[-1]["result"]["output"] == "1"
    assert (worktrees(place), notes(place), branches(repository)) == ([], [], [])


def test_a_killed_wake_leaves_it_to_the_retry(place, repository):
    pid = place.base / "pid"
    place.write_store(asking(repository, f"echo x >new; {leaving_pid(pid)}; exec sleep 600", max_retries=1))
    runner = place.start("run-deferred.sh")
    leader = int(until(lambda: pid.exists() and pid.read_text()))
    runner.kill()
    runner.wait()
    os.kill(leader, signal.SIGKILL)
    until(lambda: not is_running(leader))
    place.wake()
    assert place.task(ONE)["error_type"] == "RunnerLost"
    (path,) = worktrees(place)
    assert place.task(ONE)["result"]["worktree"] == {"path": str(path), "branch": branches(repository)[0]}
    assert place.runs()[0]["worktree"]["path"] == str(path)
    assert (path / "new").exists()


def test_a_task_that_is_cancelled_before_its_retry(place, repository):
    place.write_store(asking(repository, "exit 1", max_retries=1))
    place.wake_at(NOW)
    assert len(worktrees(place)) == 1
    place.defer("cancel", ONE)
    place.wake_at(at(minutes=5))
    assert (worktrees(place), branches(repository)) == ([], [])


def test_one_that_expires_before_its_retry(place, repository):
    place.write_store(asking(repository, "exit 1", max_retries=1, expires_at="2026-04-08T16:45:30Z"))
    place.wake_at(NOW)
    assert len(worktrees(place)) == 1
    place.wake_at(at(minutes=5))
    assert (place.tasks(), worktrees(place)) == ({}, [])


def test_a_repository_that_is_gone_is_told_and_nothing_is_lost(place, repository):
    place.write_store(asking(repository, f"echo x >new; rm -r {repository}/.git", max_retries=1))
    place.wake_at(NOW)
    (path,) = worktrees(place)
    assert (path / "new").read_text() == "x\n"
    assert notes(place) == [f"{path.name}.kept"]


def test_other_peoples_worktrees_stay_as_they_are(place, repository):
    git(repository, "worktree", "add", "-q", "-b", "side", place.base / "side")
    (place.base / "side").rename(place.base / "elsewhere")
    place.write_store(asking(repository))
    place.wake_at(NOW)
    assert len(list((repository / ".git" / "worktrees").iterdir())) == 1
    (place.base / "elsewhere").rename(place.base / "side")
    assert git(place.base / "side", "status", "--short") == ""


def test_those_of_another_store_are_left_to_it(place, repository):
    """Two stores may have one runtime directory (DEFER_TASKS_FILE)."""
    place.write_store(asking(repository, "exit 1", max_retries=1))
    place.wake_at(NOW)
    (path,) = worktrees(place)
    place.env["DEFER_TASKS_FILE"] = str(place.base / "other.jsonl")
    place.schedule("now", "s", "--id", "other", "--executor", "/bin/true")
    place.wake()
    assert strict(place.defer("show", "other").stdout)["status"] == "completed"
    assert (worktrees(place), notes(place)) == ([path], [f"{path.name}.json"])


def test_two_at_once_in_one_repository(place, repository):
    place.write_store(*(asking(repository, "pwd; echo x >new", id=name) for name in ("a", "b", "c")))
    assert place.wake_at(NOW, {"DEFER_MAX_PARALLEL": "3"})["completed"] == 3
    assert len(worktrees(place)) == 3


def test_each_attempt_is_told_with_its_branch(place, repository):
    rule = {"expression": "every 10 minutes", "tz": "UTC", "anchor": "2026-04-08T16:35:00Z"}
    place.write_store(asking(repository, "echo x >new; exit 1", recurrence=rule))
    for minutes in (0, 10):
        place.wake_at(at(minutes=minutes))
    kept = [
        {"path": str(path), "branch": branch}
        for path, branch in zip(worktrees(place), branches(repository), strict=True)
    ]
    newest_first = kept[::-1]
    assert [run["worktree"] for run in place.runs()] == kept
    assert [row["worktree"] for row in strict(place.defer("history", ONE, "--json").stdout)] == newest_first
    shown = [f"{one['path']} (branch {one['branch']})" for one in newest_first]
    assert [line[13:] for line in place.defer("show", ONE, "--table").stdout.splitlines() if "Kept:" in line] == shown


@pytest.mark.parametrize(("work", "stays"), [("echo x >new; exit 1", True), ("exit 1", False), ("echo 2 >file", True)])
def test_who_is_told_of_its_end_is_told_where_its_changes_are(place, repository, work, stays):
    place.write_store(asking(repository, work, notify="always"))
    place.wake_at(NOW)
    where = [f"Kept: branch {branches(repository)[0]}, in {worktrees(place)[0]}"] if stays else []
    told = place.defer("inbox", "--table").stdout.splitlines()
    assert [line for line in told if line.startswith("Kept: ")] == where


def test_a_branch_is_told_though_its_worktree_was_removed(place, repository):
    place.write_store(asking(repository, f"echo 2 >file; {commit()}; rm -r $PWD", notify="always"))
    place.wake_at(NOW)
    (branch,) = branches(repository)
    assert git(repository, "log", "--format=%s", branch) == "work\nfirst"
    assert f"Kept: branch {branch}" in place.defer("inbox", "--table").stdout.splitlines()
    assert (worktrees(place), len(notes(place))) == ([], 1)


def test_another_branch_that_was_chosen_there_is_told(place, repository):
    place.write_store(asking(repository, f"git checkout -q -b mine; echo 2 >file; {commit()}", notify="always"))
    place.wake_at(NOW)
    (path,) = worktrees(place)
    assert f"Kept: branch mine, in {path}" in place.defer("inbox", "--table").stdout.splitlines()
    place.write_store(v1_task(ONE, run_at="2100-01-01T00:00:00Z"))
    assert f"Kept:        {path} (branch mine)" in place.defer("show", ONE, "--table").stdout.splitlines()


def test_what_an_earlier_attempt_has_left_is_told_though_the_last_one_could_not_start(place, repository):
    place.write_store(asking(repository, "echo x >new; exit 1", max_retries=1))
    place.wake_at(NOW)
    repository.rename(place.base / "elsewhere")
    place.wake_at(at(minutes=1))
    (path,) = worktrees(place)
    assert place.archived()[0]["error_type"] == "ConfigError"
    assert f", in {path}\n" in place.defer("inbox", "--table").stdout


def test_one_that_is_under_way_is_told_with_its_branch(place, repository):
    pid = place.base / "pid"
    place.write_store(asking(repository, f"echo x >new; {leaving_pid(pid)}; exec sleep 600"))
    runner = place.start("run-deferred.sh")
    until(lambda: pid.exists() and pid.read_text())
    (path,), (branch,) = worktrees(place), branches(repository)
    (running,) = strict(place.defer("status", "--json").stdout)["running"]
    assert running["worktree"] == {"path": str(path), "branch": branch}
    assert f"Worktree:    {path} (branch {branch})" in place.defer("show", ONE, "--table").stdout
    runner.terminate()
    runner.wait()


def test_one_in_which_a_waiting_task_works_stays_for_it(place, repository):
    words = "--when 1h --summary more --id child --executor notify"
    place.write_store(asking(repository, f"{SCRIPTS}/schedule-task.sh {words}"))
    place.wake_at(NOW)
    (path,) = worktrees(place)
    assert place.task("child")["cwd"] == str(path)
    assert notes(place) == [f"{path.name}.json"]
    assert place.defer("cancel", "child").returncode == 0
    place.wake()
    assert worktrees(place) == []


def test_without_a_home_directory(place, repository, monkeypatch):
    """Nothing of what lies there is needed."""
    monkeypatch.setattr("defer.settings.config.Config.home", property(lambda _: pytest.fail("it was looked for")))
    place.write_store(asking(repository))
    assert place.wake_at(NOW)["completed"] == 1
    assert worktrees(place) == []


WORK = {
    "a new file": "echo work >new",
    "a changed file": "echo work >file",
    "a staged file": "echo work >new; git add new",
    "a commit": f"echo work >file; {commit()}",
    "a commit on no branch": f"git checkout -q --detach; echo work >file; {commit()}; git checkout -q -",
}
DAMAGE = {
    "none": lambda repository, path, branch: None,
    "its .git is removed": lambda repository, path, branch: (path / ".git").unlink(),
    "it is a repository of its own": lambda repository, path, branch: (
        (path / ".git").unlink(),
        git(path, "init", "-q"),
    ),
    "its note is removed": lambda repository, path, branch: Path(f"{path}.json").unlink(),
    "its note is torn": lambda repository, path, branch: Path(f"{path}.json").write_text('{"task": '),
    "its branch is deleted": lambda repository, path, branch: git(
        repository, "update-ref", "-d", f"refs/heads/{branch}"
    ),
    "git does not know it": lambda repository, path, branch: shutil.rmtree(repository / ".git" / "worktrees"),
    "the repository is elsewhere": lambda repository, path, branch: repository.rename(f"{repository}.moved"),
    "it is locked": lambda repository, path, branch: git(repository, "worktree", "lock", path),
    "it cannot be read": lambda repository, path, branch: path.chmod(0),
}


FAST = ("a new file", "a commit", "a commit on no branch")
# Git's own memory of a commit on no branch is what is removed there.
BROKEN = [pair for pair in itertools.product(WORK, DAMAGE) if pair != ("a commit on no branch", "git does not know it")]


@pytest.mark.parametrize(
    ("work", "damage"),
    [pytest.param(*pair, marks=() if pair[0] in FAST else pytest.mark.slow, id="-".join(pair)) for pair in BROKEN],
)
@pytest.mark.parametrize(
    "retries", [pytest.param(0, marks=pytest.mark.slow, id="at its end"), pytest.param(1, id="before a retry")]
)
def test_no_work_is_ever_deleted(place, repository, work, damage, retries):
    """Whatever somebody does to it by hand, what was done there is in a file of it, or in a commit that Git keeps."""
    marker = place.base / "go"
    wait = f"until [ -e {quoted(str(marker))} ]; do sleep 0.01; done" if not retries else "exit 1"
    place.write_store(
        asking(
            repository,
            f"[ $DEFER_ATTEMPT = 1 ] || exit 0; {WORK[work]}; touch {quoted(str(place.base / 'done'))}; {wait}",
            max_retries=retries,
        )
    )
    if retries:
        place.wake_at(NOW)
        (path,), (branch,) = worktrees(place), branches(repository)
        DAMAGE[damage](repository, path, branch)
        place.wake_at(at(minutes=2))
    else:
        runner = place.start("run-deferred.sh")
        until((place.base / "done").exists)
        (path,), (branch,) = worktrees(place), branches(repository)
        DAMAGE[damage](repository, path, branch)
        marker.touch()
        runner.wait()
    place.wake_at(at(minutes=5))
    if path.exists():
        path.chmod(0o755)
    kept = [name for name in ("new", "file") if (path / name).exists() and (path / name).read_text() == "work\n"]
    top = next(one for one in (repository, Path(f"{repository}.moved")) if one.exists())
    assert kept or "work" in git(top, "log", "--all", "--reflog", "--format=%s").split()
