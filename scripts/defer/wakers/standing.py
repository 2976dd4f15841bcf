"""How things stand with cron: its lines that call a runner, its daemon, and what a wake finds around it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from defer.errors import BadInput, Refused
from defer.settings import config
from defer.settings.config import Config

from . import cronenv, cronline, crontab
from .cronline import Entry
from .runners import Runner


class Standing(NamedTuple):
    """The crontab and the daemon as of one moment. ``program`` is the runner of this copy of the code.

    ``error``: why the crontab cannot be read. ``ours``: our lines for ``program``. ``dead``: lines whose program is
    gone. ``others``: the rest of those that call a runner, ours written by hand among them.
    """

    program: str
    content: bytes
    error: str | None
    daemon: str
    ours: list[Entry]
    dead: list[Entry]
    others: list[Entry]

    def settings_read(self) -> Path | None:
        """The settings file that wakes of our line read, None if they find none."""
        try:
            return cronenv.settings_read(self.ours[0].variables if self.ours else {}, self.content)
        except OSError:  # the crontab sets a HOME that this user may not look into
            return None

    def waking(self) -> list[Entry]:
        """The lines that wake ``program``, marked as ours or written by hand."""
        return [one for one in (*self.ours, *self.others) if os.path.realpath(one.runner) == self.program]

    def environment_of(self, entry: Entry) -> dict[str, str]:
        """The environment that cron gives a wake by this line."""
        return cronenv.of_command(entry.variables, self.content)

    def config_of(self, entry: Entry) -> Config:
        """What a wake by this line works with. Raises BadInput for settings that it cannot read."""
        return _config(self.environment_of(entry), entry.runner, self.program)

    def store_of(self, entry: Entry) -> str | None:
        """The tasks file that a wake by this line looks after; None where its settings do not tell."""
        return _store_of(self.environment_of(entry), entry.runner, self.program)

    def store_of_runner(self, runner: Runner) -> str | None:
        """The same of a runner at work."""
        return _store_of(runner.environment, runner.entry, self.program)


def _store_of(environ: dict[str, str], entry: str, ours: str) -> str | None:
    try:
        return str(_config(environ, entry, ours).tasks_file)
    except (BadInput, OSError):
        return None


def _config(environ: dict[str, str], entry: str, ours: str) -> Config:
    return config.load(environ if os.path.realpath(entry) == ours else _of_another_copy(environ, entry))


def _of_another_copy(environ: dict[str, str], runner: str) -> dict[str, str]:
    """The same for a copy that has a settings file of its own: ours is not read there."""
    if cronenv.reads_users_settings(environ):
        return environ
    own = Path(runner).parent.parent / ".env"
    return {**environ, "DEFER_ENV_FILE": str(own) if own.is_file() else os.devnull}


def look(runner: Path) -> Standing:
    """How things stand for ``runner``; a crontab that cannot be read counts as empty."""
    program = os.path.realpath(runner)
    try:
        content, error = crontab.read(), None
    except Refused as refused:
        content, error = b"", str(refused)
    found = cronline.entries(content)
    ours = [one for one in found if one.marked and one.runner == program]
    dead = [one for one in found if not os.path.exists(one.runner)]
    others = [one for one in found if one not in ours and one not in dead]
    return Standing(program, content, error, crontab.daemon_state(), ours, dead, others)
