"""A terminal to try commands on: what a person would read there."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios

from support import DEADLINE_SECONDS, SCRIPTS, Place


def on_terminal(
    place: Place, *words: str, columns: int = 100, env: dict[str, str] | None = None, entry: str = "schedule-task.sh"
) -> tuple[int, str]:
    """Type a command on a terminal; its exit status, and all that came, as it came but for the line ends."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [str(SCRIPTS / entry), *words],
        env={**place.env, "TERM": "xterm", **(env or {})},
        cwd=place.home,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
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
