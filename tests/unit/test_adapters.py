"""What is missing of what a task is to start is said when it is scheduled, not when it is due."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from defer import adapters
from support import SCRIPTS, strict, v1_task

FAILS = "the task will fail as things stand: "


def said(done) -> list[str]:
    """The warnings about the task's program, of all that a command said."""
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines() if done.stderr else strict(done.stdout).get("warnings", [])
    return [line for line in lines if "will fail as things stand" in line]


def program(directory: Path, name: str, first_line: str = "#!/bin/sh") -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"{first_line}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(place):
    """A PATH with what the entries need and nothing that is installed on this machine."""
    tools = place.base / "tools"
    tools.mkdir()
    for name in ("bash", "sh", "readlink", "date", "env"):
        (tools / name).symlink_to(shutil.which(name))
    place.env["PATH"] = str(tools)
    return place


PATHS = {
    "not there": (lambda base: base / "none", "no such executor: {}"),
    "a directory": (lambda base: base, "no such executor: {}"),
    "not executable": (lambda base: base / "plain", "executor is not executable: {}"),
    "no interpreter": (
        lambda base: program(base, "odd", "#!/no/such/thing"),
        "executor's interpreter is not there: {}",
    ),
    "CRLF": (lambda base: program(base, "crlf", "#!/bin/sh\r"), "executor's interpreter is not there: {}"),
    "no program for env": (
        lambda base: program(base, "script", "#!/usr/bin/env -S X=1 nodejs-of-nobody --flag"),
        "executor {}: there is no program nodejs-of-nobody on the PATH",
    ),
}


@pytest.mark.parametrize(("make", "what"), PATHS.values(), ids=PATHS)
def test_an_executors_path(bare, make, what):
    (bare.base / "plain").touch()
    path = make(bare.base)
    (warning,) = said(bare.defer("1h", "s", "--executor", str(path)))
    assert warning.startswith(FAILS + what.format(path))


@pytest.mark.parametrize("first_line", ["#!/bin/sh", "#! /usr/bin/env sh", "#!/usr/bin/env -S sh -e", "no script", ""])
def test_an_executor_that_can_be_started_is_not_doubted(bare, first_line):
    assert said(bare.defer("1h", "s", "--executor", str(program(bare.base, "fine", first_line)))) == []


@pytest.mark.parametrize("name", sorted(os.listdir(adapters.DIRECTORY)))
def test_a_shipped_ones_own_program(bare, name):
    programs = adapters.PROGRAMS[name]
    (warning,) = said(bare.defer("1h", "s", "--executor", name))
    assert warning == (
        f"{FAILS}executor {name}: there is no program {' or '.join(programs)} on the PATH that a wake will have "
        "(install it, then: defer cron install)"
    )
    for each in programs:
        found = {"PATH": f"{program(bare.base / each, each).parent}:{bare.env['PATH']}"}
        assert said(bare.defer("1h", "s", "--executor", name, env=found)) == []


def test_the_path_of_the_settings_file_counts_before_this_shells(bare):
    mine = program(bare.base / "mine", "claude").parent
    settings = bare.base / "settings"
    settings.write_text(f"PATH={bare.env['PATH']}\n")
    env = {"DEFER_ENV_FILE": str(settings), "PATH": f"{mine}:{bare.env['PATH']}"}
    assert len(said(bare.defer("1h", "s", "--executor", "claude", env=env))) == 1
    settings.write_text(f"PATH={mine}:{bare.env['PATH']}\n")
    assert said(bare.defer("1h", "s", "--executor", "claude", env={**env, "PATH": bare.env["PATH"]})) == []


def test_the_configured_executor_is_doubted_where_the_task_names_none(bare):
    settings = bare.base / "settings"
    settings.write_text("DEFER_EXECUTOR=codex\n")
    env = {"DEFER_ENV_FILE": str(settings)}
    assert len(said(bare.defer("1h", "s", env=env))) == 1
    assert said(bare.defer("1h", "s", "--executor", "/bin/sh", env=env)) == []


def test_editing_says_it_of_the_executor_it_changes(bare):
    bare.schedule("1h", "s", "--id", "a", "--executor", "/bin/sh")
    assert len(said(bare.defer("edit", "a", "--executor", "claude"))) == 1
    assert said(bare.defer("edit", "a", "--tag", "x")) == []


def test_task_files_by_line(bare):
    tasks = bare.base / "tasks"
    tasks.mkdir()
    files = {
        "gone.yml": "schedule: 1h\ncommand: [nobodys-program, --flag]\n",
        "agent.yml": "schedule: 1h\nprompt: p\nagent: claude\n",
        "path.yml": "schedule: 1h\nexecutor: ./none\nprompt: p\n",
        "off.yml": "schedule: 1h\ncommand: [nobodys-program]\nenabled: false\n",
        "shell.yml": "schedule: 1h\ncommand: nobodys-program --flag\n",
        "fine.yml": "schedule: 1h\ncommand: [sh, -c, 'true']\n",
    }
    for name, text in files.items():
        (tasks / name).write_text(text)
    warnings = said(bare.defer("sync", str(tasks)))
    assert [line.removeprefix(f"defer: {tasks}/").partition(": the task")[0] for line in sorted(warnings)] == [
        "agent.yml:3: agent",
        "gone.yml:2: command",
        "path.yml:2: executor",
    ]
    again = bare.defer("sync", str(tasks))
    assert (again.returncode, again.stderr) == (0, "")


@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
def test_adding_a_task_file(bare, flags):
    words = ("add", "a", "--schedule", "1h", "--prompt", "p", "--executor", "claude", "--dir", str(bare.base / "t"))
    assert len(said(bare.defer(*words, *flags))) == 1


def test_a_program_that_may_be_started_and_not_read_is_started(place, needs):
    path = place.base / "sealed"
    shutil.copy(os.path.realpath("/bin/true"), path)
    path.chmod(0o111)
    place.write_store(v1_task(executor=str(path)))
    bound = []
    if os.geteuid() == 0:
        needs("setpriv")
        bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--"]
    subprocess.run([*bound, SCRIPTS / "run-deferred.sh"], env=place.env, check=True, capture_output=True)
    assert place.archived()[0]["status"] == "completed", place.archived()
