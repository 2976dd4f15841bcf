"""A terminal to try commands on: what a person would read there."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

from support import DEADLINE_SECONDS, SCRIPTS, Place


def on_terminal(
    place: Place, *words: str, columns: int = 100, env: dict[str, str] | None = None, entry: str = "schedule-task.sh"
) -> tuple[int, str]:
    """Type a command on a terminal; its exit status, and all that came, as it came but for the line ends."""
    environ = {**place.env, "TERM": "xterm", **(env or {})}
    return shown_by([str(SCRIPTS / entry), *words], cwd=place.home, env=environ, columns=columns)


def shown_by(words: Sequence[str], *, cwd: Path, env: Mapping[str, str], columns: int) -> tuple[int, str]:
    """Run a program on a terminal; its exit status, and what came."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(words, env=env, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    found = b""
    try:
        while chunk := os.read(ours, 65536):
            found += chunk
    except OSError:  # Linux tells the end of a terminal so
        pass
    finally:
        os.close(ours)
    return process.wait(DEADLINE_SECONDS), found.decode().replace("\r\n", "\n")
