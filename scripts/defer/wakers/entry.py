"""What wakes the runner: one line of the crontab, or one unit of systemd or launchd, whoever has put it there."""

from __future__ import annotations

import re
from typing import NamedTuple

MARK = "# defer: wakes the tasks that are due"
"""What stands on our line of a crontab, and at the top of our unit files."""
RUNNERS = ("run-deferred.sh", "run-deferred")
"""What a runner is called: in a copy of the code, and among the programs of an environment."""

CRON, SYSTEMD, LAUNCHD = "cron", "systemd", "launchd"
KINDS = (CRON, SYSTEMD, LAUNCHD)

is_assignment = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL).fullmatch


class Entry(NamedTuple):
    """Something that calls a runner. ``line``: the words that do. ``marked``: it is one that we have made.

    ``waker``: one of ``KINDS``. ``where``: ``crontab``, or the path of the unit's file.
    """

    line: bytes
    runner: str
    variables: dict[str, str]
    marked: bool
    waker: str = CRON
    where: str = "crontab"

    @property
    def place(self) -> str:
        """Where it stands and what it says, for people."""
        return f"{self.where}: {self.line.decode(errors='replace')}"


def runner_in(words: list[str]) -> str | None:
    """The word that calls a runner."""
    return next((word for word in words if word.rpartition("/")[2] in RUNNERS), None)
