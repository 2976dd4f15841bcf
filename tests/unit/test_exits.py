"""How the scripts end that a bare ``python3`` starts, whatever their streams are and whoever stops them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support import DEADLINE_SECONDS, SCRIPTS, Place

pytestmark = pytest.mark.thorough

CALLS = {
    "time_utils.py": ["normalize", "30m"],
    "reorient_snapshot.py": ["--context-file", "notes"],
    "agent_result.py": ["summary"],
}


def started(directory: Path, script: str, *words: str, **streams: object) -> subprocess.Popen[bytes]:
    (directory / "notes").write_text("Tides\n")
    return subprocess.Popen(
        [sys.executable, "-I", SCRIPTS / script, *words],
        cwd=directory,
        env={"HOME": str(directory), "PATH": os.environ["PATH"]},
        stderr=subprocess.PIPE,
        **streams,
    )


def ending(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    return process.returncode, errors.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("script", CALLS)
def test_a_full_disk_is_one_line_and_exit_74(tmp_path: Path, script: str) -> None:
    with open("/dev/full", "wb") as full:
        process = started(tmp_path, script, *CALLS[script], stdin=subprocess.DEVNULL, stdout=full)
        status, errors = ending(process)
    assert (status, errors.count("\n")) == (74, 1)
    assert errors.startswith("defer: ")
    assert "No space left on device" in errors


ENTRIES = ("schedule-task.sh", "run-deferred.sh", "execute-task.sh", "archive-deferred.sh")
HELP = {
    **{name: [SCRIPTS / name, "--help"] for name in ENTRIES},
    "list": [SCRIPTS / "schedule-task.sh", "list", "--help"],
    **{name: [sys.executable, "-I", SCRIPTS / name, "--help"] for name in ("time_utils.py", "reorient_snapshot.py")},
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("words", HELP.values(), ids=HELP)
def test_help_that_is_cut_short_is_exit_74_too(place, words: list[object]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            words, env=place.env, stdout=full, stderr=subprocess.PIPE, timeout=DEADLINE_SECONDS, check=False
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (74, 1)
    assert b"No space left on device" in done.stderr


@pytest.mark.parametrize("script", CALLS)
@pytest.mark.parametrize("closed", [0, 1])
def test_a_stream_that_is_closed_is_not_a_traceback(tmp_path: Path, script: str, closed: int) -> None:
    process = started(
        tmp_path,
        script,
        *CALLS[script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.close(closed),
    )
    assert ending(process) == (0, "")


def test_an_interrupted_reader_of_expressions_ends_without_a_word(tmp_path: Path) -> None:
    process = started(tmp_path, "time_utils.py", "normalize", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"2026-11-20T16:00Z\n")
    process.stdin.flush()
    process.stdout.readline()  # it has begun
    process.send_signal(signal.SIGINT)
    assert ending(process) == (130, "")


def test_an_interrupted_reader_of_a_task_ends_without_a_word(tmp_path: Path) -> None:
    process = started(tmp_path, "agent_result.py", "summary", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b" " * 1_000_000)  # more than any pipe holds, so it is being read
    process.send_signal(signal.SIGINT)
    assert ending(process) == (130, "")


def test_no_interruption_reaches_an_interpreter_that_has_only_begun(tmp_path: Path) -> None:
    """Until our first line it would answer with a traceback; that line lets Ctrl-C end it."""
    asked = tmp_path / "python"
    asked.write_text(
        f"#!/bin/sh\nexec '{sys.executable}' -c 'import signal; print(signal.getsignal(signal.SIGINT).name)'\n"
    )
    asked.chmod(0o755)
    script = f"scripts='{SCRIPTS}'; . '{SCRIPTS}/common.sh'; python='{asked}'; start_python face"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False)
    assert (done.stdout, done.stderr) == ("SIG_IGN\n", "")


def test_ctrl_c_ends_a_command_that_was_started_without_heed_of_it(place: Place) -> None:
    process = subprocess.Popen(
        [str(SCRIPTS / "schedule-task.sh"), "schedule", "--when", "1h", "--prompt-file", "-"],
        env=place.env,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(b" " * 1_000_000)  # more than any pipe holds, so it is being read
    process.send_signal(signal.SIGINT)
    assert ending(process) == (-signal.SIGINT, "")
