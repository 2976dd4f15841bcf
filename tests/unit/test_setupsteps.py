"""A step of the set-up says on a terminal how long it has been at work, and why it failed."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

import setupsteps
from setupguard import SetupError
from support import DEADLINE_SECONDS, SCRIPTS, until_there

pytestmark = pytest.mark.programs

SHELL = ["/bin/sh", "-c"]


def step(script: str, *, quiet: bool = True) -> None:
    setupsteps.run([*SHELL, script], {"PATH": "/usr/bin:/bin"}, "at work", "it failed", quiet)


@pytest.mark.parametrize(("script", "why"), [
    ("echo one; echo ERROR: no such host >&2; echo after; exit 1", "it failed: ERROR: no such host"),
    ("echo one; echo two; exit 1", "it failed: two"),
    ("exit 3", "it failed: it ended with status 3"),
])  # fmt: skip
def test_a_failure_says_what_looks_like_a_reason(script: str, why: str) -> None:
    with pytest.raises(SetupError) as raised:
        step(script)
    assert str(raised.value) == why


def test_where_stderr_is_not_a_terminal_nothing_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    step("echo done", quiet=False)
    assert capfd.readouterr() == ("", "")


def on_terminal(gate: Path, term: str, sign: str) -> str:
    """What a terminal shows of a step that ends once ``sign`` was to be read there, or at once where it is empty."""
    ours, theirs = pty.openpty()
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import setupsteps; setupsteps._BETWEEN_SECONDS = 0.01\n"
        f"setupsteps.run({[*SHELL, until_there(gate)]!r}, {{'PATH': '/usr/bin:/bin'}}, 'at work', 'it failed', False)"
    )
    if not sign:
        gate.touch()
    process = subprocess.Popen([sys.executable, "-I", "-c", code], env={"TERM": term}, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
            if sign and sign.encode() in shown:
                gate.touch()
    except OSError:  # Linux tells the end of a terminal so
        pass
    os.close(ours)
    assert process.wait(DEADLINE_SECONDS) == 0
    return shown.decode()


def test_on_a_terminal_it_says_how_long_it_takes_and_leaves_nothing(tmp_path: Path) -> None:
    shown = on_terminal(tmp_path / "gate", "xterm", "at work: ")
    assert re.match(r"\r\x1b\[Kat work: \d+ s\r\x1b\[K", shown)
    assert shown.endswith("\r\x1b[K")


def test_a_terminal_that_takes_no_line_back_is_left_alone(tmp_path: Path) -> None:
    assert on_terminal(tmp_path / "gate", "dumb", "") == ""


def test_an_interrupted_set_up_leaves_no_step_at_work(tmp_path: Path) -> None:
    gate = tmp_path / "watched"
    script = f"{until_there(gate)}; kill -INT $PPID; exec sleep 600"
    code = (
        f"import os, pathlib, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"sys.path.insert(0, {str(SCRIPTS)!r}); import setupsteps; setupsteps._BETWEEN_SECONDS = 0.01\n"
        f"setupsteps._takes_lines_back = lambda: True\n"
        f"setupsteps._show = lambda text: pathlib.Path({str(gate)!r}).touch()\n"
        f"try: setupsteps.run({[*SHELL, script]!r}, {{'PATH': '/usr/bin:/bin'}}, 'at work', 'it failed', False)\n"
        f"except KeyboardInterrupt: print('interrupted')\n"
        f"os.waitpid(-1, os.WNOHANG)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, timeout=DEADLINE_SECONDS)
    assert done.stdout == b"interrupted\n"
    assert b"ChildProcessError" in done.stderr  # it has nobody left to wait for
