"""The face `reorient_snapshot.py`, as a process under a bare Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import DEADLINE_SECONDS

pytestmark = pytest.mark.programs

ONE_NAME = "(give one name under ~/data/research/projects)"
SCRIPT = Path(__file__).parents[2] / "scripts" / "reorient_snapshot.py"


@pytest.fixture
def run(tmp_path):
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        # -S: no site-packages at all, so nothing but the standard library can be imported.
        return subprocess.run(
            [sys.executable, "-S", str(SCRIPT), *arguments],
            cwd=tmp_path,
            env={"HOME": str(tmp_path / "home"), "PATH": os.defpath, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def context(tmp_path):
    file = tmp_path / "CONTEXT.md"
    file.write_text("# Über\n## Overview\nTides – für Häfen\n## State\n- a\n")
    return file


def test_one_compact_line_of_json_on_stdout(run, context):
    done = run(LC_ALL="C")
    assert done.stderr == b""
    assert done.stdout.decode() == (
        '{"summary":"Tides – für Häfen","key_points":["a"],"artifacts":[],"constraints":[],'
        f'"reoriented_from":"{context}"}}\n'
    )
    assert done.returncode == 0


def test_project_and_environment(run, tmp_path, context):
    folder = tmp_path / "home/data/research/projects/two words"
    folder.mkdir(parents=True)
    (folder / "CONTEXT.md").write_text("From the project.\n")
    assert b'"summary":"From the project."' in run("--project", "two words").stdout
    assert b"Tides" in run("--context-file", "CONTEXT.md", "--project=two words").stdout
    assert b"Tides" in run(DEFER_CONTEXT_FILE=str(context)).stdout


@pytest.mark.parametrize(
    ("arguments", "env", "named"),
    [
        (["--context-file", "typo.md"], {}, "--context-file is not there: {here}/typo.md"),
        (["--project", "p"], {}, "--project p is not there: {here}/home/data/research/projects/p/CONTEXT.md"),
        ([], {"DEFER_CONTEXT_FILE": "/none.md"}, "DEFER_CONTEXT_FILE is not there: /none.md"),
    ],
)
def test_a_missing_file_asked_for_by_name_is_an_error(run, tmp_path, context, arguments, env, named):
    done = run(*arguments, **env)
    assert (done.returncode, done.stdout) == (1, b"")
    what = named.format(here=tmp_path)
    assert done.stderr.decode() == f"defer: the context file of {what} (name one that is there)\n"


def test_none_found_names_every_place_and_exits_1(run, tmp_path):
    done = run()
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == (
        "defer: no CONTEXT.md was found: looked at "
        f"{tmp_path}/home/data/research/projects/*/CONTEXT.md (not there), "
        f"{tmp_path}/home/data/research/CONTEXT.md (not there), {tmp_path}/CONTEXT.md (not there) "
        "(name one with --context-file or DEFER_CONTEXT_FILE)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--projekt", "p"], "not a flag: --projekt (did you mean --project)"),
        (["--proj", "p"], "not a flag: --proj (did you mean --project)"),
        (["p"], "not a flag: p (see --help)"),
        (["--project"], "argument --project: expected one argument (see --help)"),
        (["--project", ".."], f"--project is not the name of a folder: '..' {ONE_NAME}"),
        (["--project", "../../etc"], f"--project is not the name of a folder: '../../etc' {ONE_NAME}"),
        ([os.fsdecode(b"--project=\xff")], "an argument is not UTF-8: '--project=\\udcff'"),
    ],
)
def test_bad_flags_are_one_line_and_exit_2(run, context, arguments, message):
    done = run(*arguments, PYTHONUTF8="1")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"defer: {message}\n"


def test_help_names_flags_places_and_exit_codes(run):
    done = run("--help")
    assert done.returncode == 0
    for word in (b"--project", b"--context-file", b"DEFER_CONTEXT_FILE", b"Exit:"):
        assert word in done.stdout


def test_a_full_disk_is_exit_74_and_no_traceback(tmp_path, context):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), "--context-file", str(context)],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    assert done.returncode == 74
    assert done.stderr == b"defer: the snapshot was not written: No space left on device\n"
