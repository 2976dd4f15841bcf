"""Scripts that people start with a bare ``python3``: nothing in the working directory is imported by them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import DEADLINE_SECONDS, SCRIPTS

pytestmark = pytest.mark.programs

CALLS = {
    "time_utils.py": (
        ["normalize", "2026-04-08T16:45:00Z", "--now", "2026-04-08T16:00:00Z"],
        "",
        "2026-04-08T16:45:00Z\n",
    ),
    "bootstrap.py": (["--check"], "", "/bin/python\n"),
    "reorient_snapshot.py": (["--context-file", "notes"], "", '{"summary":"Tides",'),
    "agent_result.py": (["summary"], '{"context": {"summary": "Tides"}}', "Tides\n"),
    # A worktree that is there already, so that no git is started.
    "worktree_start.py": (
        ["git", json.dumps(["s", "a", "b", "c", ".", "tree", "d"]), "/bin/cat", "tides"],
        "",
        "Tides\n",
    ),
}
HOSTILE = {
    "an empty part": {"PYTHONPATH": ":"},
    "an empty part in front": {"PYTHONPATH": ":/nowhere"},
    "the working directory": {"PYTHONPATH": "."},
    "a safe path": {"PYTHONPATH": ".", "PYTHONSAFEPATH": "1"},
    "a start-up file": {"PYTHONPATH": ":", "PYTHONSTARTUP": "json.py", "PYTHONINSPECT": ""},
}


def python(
    environment: dict[str, str], directory: Path, *command: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=directory,
        env={"HOME": str(directory), "PATH": os.environ["PATH"], "DEFER_TIMEZONE": "UTC", **environment},
        input=typed,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A directory with a module under each name of the standard library, that leaves a trace where it is imported."""
    directory = tmp_path / "cloned"
    directory.mkdir()
    for name in sys.stdlib_module_names - {"encodings"} | {
        "defer",
        "setupguard",
        "setupplace",
        "setupsteps",
        "pipsettings",
        "bootstrap",
    }:
        (directory / f"{name}.py").write_text(f"open({str(directory / 'trace')!r}, 'a').write({name!r} + '\\n')\n")
    (directory / "notes").write_text("Tides\n")
    (directory / "nothing.py").touch()
    (directory / "tree" / ".git").mkdir(parents=True)
    (directory / "tree" / "tides").write_text("Tides\n")
    names = ("store", "task", "created_at", "occurrence", "workspace", "path", "branch", "base", "repository")
    note = dict(zip(names, ["s", "a", "b", "c", ".", "tree", "d", "e", "f"], strict=True))
    (directory / "tree.json").write_text(json.dumps({**note, "made": True}))
    return directory


def trace(directory: Path) -> list[str]:
    file = directory / "trace"
    return file.read_text().split() if file.exists() else []


@pytest.mark.parametrize("environment", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("script", CALLS)
def test_no_module_of_the_working_directory_is_imported(
    hostile: Path, script: str, environment: dict[str, str]
) -> None:
    python(environment, hostile, "nothing.py")
    for name in trace(hostile):  # by the interpreter as it starts, before a script's first line
        (hostile / f"{name}.py").unlink()
    (hostile / "trace").unlink(missing_ok=True)
    arguments, typed, answer = CALLS[script]
    done = python(environment, hostile, str(SCRIPTS / script), *arguments, typed=typed)
    assert trace(hostile) == []
    assert (done.returncode, done.stderr) == (0, "")
    assert answer in done.stdout


@pytest.mark.skipif(sys.platform == "darwin", reason="there Python asks the system where it lies")
@pytest.mark.parametrize("script", CALLS)
def test_a_python_that_cannot_be_started_anew_does_nothing(hostile: Path, script: str) -> None:
    done = subprocess.run(
        ["not a name on PATH", SCRIPTS / script, *CALLS[script][0]],
        executable=sys.executable,
        cwd=hostile,
        env={"PATH": "/nowhere", "PYTHONPATH": str(hostile / "nowhere")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "defer: this Python cannot tell where it lies (start it by its full path)\n"
    assert trace(hostile) == []


def test_each_begins_with_the_same_lines() -> None:
    begins = {
        (SCRIPTS / script).read_text().partition("\nimport sys\n")[2].partition("\nimport ")[0] for script in CALLS
    }
    assert len(begins) == 1
    assert "sys.flags.isolated" in begins.pop()
