"""Debian's own cron, for tests alone.

The daemon runs in a mount and a process namespace of its own, over empty spool directories: it neither meets nor harms
the machine's. That takes root.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support import DEADLINE_SECONDS

UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
_PRIVATE_CRON = """\
set -e
mount -t tmpfs none /run
mount -t tmpfs none /etc/cron.d
mount -t tmpfs none /var/spool/cron
install -d -m 1730 -g crontab /var/spool/cron/crontabs
mount --bind /dev/null /etc/crontab
set +e
"""


class PrivateShell:
    """A shell in namespaces of its own, with an empty crontab and no other cron."""

    def __init__(self, shell: subprocess.Popen[bytes], base: Path) -> None:
        self._shell, self._base = shell, base
        self.give(_PRIVATE_CRON)

    def give(self, commands: str) -> None:
        """Have it run ``commands``, after those before them; does not wait."""
        assert self._shell.stdin is not None
        self._shell.stdin.write(commands.encode() + b"\n")
        self._shell.stdin.flush()

    def answer(self, *argv: str | Path) -> Any:
        """The JSON that a command run there prints."""
        answer = self._base / "answer"
        answer.unlink(missing_ok=True)
        self.give(f"{shlex.join(map(str, argv))} >{shlex.quote(f'{answer}.part')}")
        self.give(shlex.join(["mv", f"{answer}.part", str(answer)]))
        self.wait_for(answer.exists, shlex.join(map(str, argv)))
        return json.loads(answer.read_text())

    def wait_for(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not happened():
            log = self._base / "shell.log"
            assert time.monotonic() < deadline, f"{what}: not within {DEADLINE_SECONDS:g} s\n{log.read_text()}"
            time.sleep(0.2)
