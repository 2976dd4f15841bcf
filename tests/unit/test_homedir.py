"""Without a home directory: what needs one says so and makes nothing, what does not need one works."""

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from defer import homedir, paths
from defer.context import find
from defer.errors import EXIT_IO, NoHome
from defer.settings import config
from support import SCRIPTS, records, v1_task

pytestmark = pytest.mark.programs

NOT_SET = b"defer: HOME is not set, and no account names a home directory ("
RELATIVE = b"defer: HOME is not a full path: home ("
NOBODYS = "54321"
"""A number without an entry in the password database."""

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def run(tmp_path: Path, needs: Callable[..., None]) -> Run:
    """``run(entry, *words, HOME=…)``: as a user who has no account, in an empty directory."""
    if os.geteuid() != 0:
        pytest.skip("only root can become a user without an account")
    needs("setpriv")
    here = tmp_path / "here"
    here.mkdir()
    # The interpreter and pytest's directories may be root's alone: modes are not what this is about.
    capabilities = "+dac_override,+dac_read_search"
    become = [f"--reuid={NOBODYS}", f"--regid={NOBODYS}", "--clear-groups", f"--inh-caps={capabilities}"]

    def run(entry: str, *words: str, stdin: bytes = b"", **environ: str) -> subprocess.CompletedProcess[bytes]:
        python = [sys.executable] if entry.endswith(".py") else []
        return subprocess.run(
            ["setpriv", *become, f"--ambient-caps={capabilities}", *python, str(SCRIPTS / entry), *words],
            cwd=here,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "DEFER_TIMEZONE": "UTC", **environ},
            input=stdin,
            capture_output=True,
            check=False,
        )

    return run


NEEDY = {
    "schedule": ("schedule-task.sh", "--when", "1h", "--summary", "s"),
    "a line": ("schedule-task.sh", "1h", "s"),
    "list": ("schedule-task.sh", "list"),
    "show": ("schedule-task.sh", "show", "a"),
    "cancel": ("schedule-task.sh", "cancel", "a"),
    "edit": ("schedule-task.sh", "edit", "a", "--tag", "x"),
    "sync": ("schedule-task.sh", "sync"),
    "add": ("schedule-task.sh", "add", "a", "--schedule", "1h", "--command", "true"),
    "cron": ("schedule-task.sh", "cron", "status"),
    "a wake": ("run-deferred.sh",),
    "one attempt": ("execute-task.sh",),
    "archive": ("archive-deferred.sh",),
    "reorient": ("reorient_snapshot.py",),
    "reorient a project": ("reorient_snapshot.py", "--project", "p"),
    "install": ("install.sh", "install", "none"),
}


@pytest.mark.parametrize("words", NEEDY.values(), ids=NEEDY)
@pytest.mark.parametrize(
    ("environ", "said"),
    [({}, NOT_SET), ({"HOME": ""}, NOT_SET), ({"HOME": "home"}, RELATIVE)],
    ids=["not set", "empty", "relative"],
)
def test_what_needs_it_says_so_in_one_line_and_makes_nothing(tmp_path, run, words, environ, said):
    done = run(*words, stdin=json.dumps(v1_task()).encode(), **environ)
    wanted = said.partition(b",")[0] if words[0] == "install.sh" else said
    assert (done.returncode, done.stdout) == (EXIT_IO, b"")
    assert done.stderr.startswith(wanted), done.stderr
    assert done.stderr.endswith(b")\n")
    assert done.stderr.count(b"\n") == 1
    assert b"set HOME to the full path" in done.stderr
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "home"}], ids=["not set", "empty", "relative"])
@pytest.mark.parametrize(
    "words", [("schedule-task.sh", "--help"), ("schedule-task.sh", "--version"), ("run-deferred.sh", "--help")]
)
def test_what_needs_nothing_at_all_works(run, words, environ):
    done = run(*words, **environ)
    assert (done.returncode, done.stderr) == (0, b"")


def test_times_and_a_context_file_that_is_named_are_read_without_it(place):
    (place.base / "CONTEXT.md").write_text("hello\n")
    env = {**place.env, "HOME": "home"}
    for words, said in (
        (("time_utils.py", "normalize", "2027-01-15T12:00"), b"2027-01-15T12:00:00Z\n"),
        (("reorient_snapshot.py", "--context-file", "CONTEXT.md"), b'{"summary":"hello",'),
    ):
        command = [sys.executable, SCRIPTS / words[0], *words[1:]]
        done = subprocess.run(command, env=env, cwd=place.base, capture_output=True)
        assert (done.returncode, done.stdout.startswith(said), done.stderr) == (0, True, b"")
    flags = ("--context-file", "CONTEXT.md")
    assert place.schedule("1h", "s", *flags, env={"HOME": "home"}, cwd=place.base)["context"]["summary"] == "s"


def test_a_store_that_is_named_needs_none(tmp_path, run):
    place = {"DEFER_RUNTIME_DIR": str(tmp_path / "runtime")}
    assert run("schedule-task.sh", "now", "s", "--executor", "/bin/pwd", "--id", "a", **place).returncode == 0
    assert run("run-deferred.sh", **place).returncode == 0
    (archive,) = (tmp_path / "runtime" / "archive").iterdir()
    (done,) = records(archive)
    assert (done["status"], done["result"]["output"].strip()) == ("completed", str(tmp_path / "here"))
    for words in (("sync",), ("cron", "install"), ("1h", "s", "--reorient")):
        refused = run("schedule-task.sh", *words, **place)
        assert (refused.returncode, refused.stderr.startswith(NOT_SET)) == (EXIT_IO, True), refused.stderr


def test_every_path_that_is_named_needs_none():
    names = {"DEFER_TASKS_FILE": "/s", "DEFER_ARCHIVE_DIR": "/a", "DEFER_LOG_DIR": "/l", "DEFER_TASKS_DIR": "/t"}
    found = config.Config(names, {}, None)
    assert (str(found.tasks_file), str(found.archive_dir), str(found.log_file)) == ("/s", "/a", "/l/deferred.log")
    assert str(found.tasks_dir) == "/t"
    with pytest.raises(NoHome, match="HOME is not set"):
        _ = found.runs_dir


def test_a_task_without_a_directory_of_its_own_fails_for_good(place):
    del place.env["HOME"]
    place.write_store(v1_task("a", executor="/bin/true", max_retries=3), v1_task("b", executor="/bin/true", cwd="/"))
    place.wake_at()
    ended = {one["id"]: one for one in place.archived()}
    assert (ended["a"]["status"], ended["a"]["error_type"], ended["a"]["attempts"]) == ("failed", "ConfigError", 1)
    assert ended["a"]["error"].startswith("HOME is not set, ")
    assert ended["b"]["status"] == "completed"


def test_a_task_files_tilde_needs_it(place):
    tasks = place.base / "tasks"
    tasks.mkdir()
    (tasks / "a.yml").write_text("schedule: 1h\ncommand: pwd\nworkspace: '~'\n")
    done = place.defer("sync", str(tasks), env={"HOME": "home"})
    assert (done.returncode, done.stderr.encode().startswith(RELATIVE)) == (EXIT_IO, True)
    assert place.defer("sync", str(tasks)).returncode == 0
    assert place.task("a")["workspace"] == str(place.home)


def test_the_account_serves_where_home_is_not_set_but_not_in_an_environment_made_up():
    mine = Path(pwd.getpwuid(os.getuid()).pw_dir)
    for environ in ({}, {"HOME": ""}):
        assert homedir.find(environ, of_account=True) == mine
        assert homedir.find(environ, of_account=False) is None
    assert homedir.find({"HOME": "home"}, of_account=True) is None
    assert config.load({"DEFER_RUNTIME_DIR": "/r"}).settings_file in (None, paths.SETTINGS)


@pytest.mark.parametrize("written", ["relative", "", "."])
def test_a_relative_xdg_directory_is_ignored(place, monkeypatch, written):
    """As the specification says: where a command happens to stand is not a place for settings."""
    monkeypatch.chdir(place.home)
    (place.home / written / "defer").mkdir(parents=True)
    (place.home / written / "defer" / "env").write_text("DEFER_RUNTIME_DIR=/from/here\n")
    found = config.load({"HOME": str(place.home), "XDG_CONFIG_HOME": written})
    assert found.runtime_dir == place.home / "data" / "runtime"
    script = f'scripts={SCRIPTS}; . "$scripts/common.sh"; tasks_file && echo "$REPLY"'
    shell = subprocess.run(
        ["/bin/bash", "-c", script], env={"HOME": str(place.home), "XDG_CONFIG_HOME": written}, capture_output=True
    )
    assert shell.stdout.decode() == f"{place.home}/data/runtime/deferred.jsonl\n"


def test_a_relative_home_is_none_for_the_shell_either(place, monkeypatch):
    monkeypatch.chdir(place.base)
    (place.home / ".config" / "defer").mkdir(parents=True)
    (place.home / ".config" / "defer" / "env").write_text("DEFER_RUNTIME_DIR=/from/here\n")
    script = f'scripts={SCRIPTS}; . "$scripts/common.sh"; tasks_file || echo doubt; settings_file; echo "$REPLY"'
    shell = subprocess.run(["/bin/bash", "-c", script], env={"HOME": "home"}, capture_output=True)
    assert shell.stdout == b"doubt\n/dev/null\n"


def test_a_context_file_that_is_named_is_found_before_home_is_asked_for(tmp_path):
    named = tmp_path / "notes.md"
    named.write_text("hello\n")

    def no_home() -> Path:
        raise NoHome("")

    assert find.find(None, named, None, no_home, tmp_path).path == named
    with pytest.raises(NoHome):
        find.find(None, None, None, no_home, tmp_path)
