"""How things stand with what wakes: lines of the crontab and units that call a runner, who looks after them, and what a
wake finds around it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from defer.errors import BadInput, Refused
from defer.settings import config
from defer.settings.config import Config

from . import cronenv, cronline, crontab, managers, program
from .entry import CRON, Entry
from .runners import Runner


class Standing(NamedTuple):
    """The crontab, the units and the daemon as of one moment. ``program`` is the runner of this copy of the code.

    ``error``: why the crontab cannot be read. ``ours``: our lines and units for ``program``. ``dead``: those whose
    program is gone. ``others``: the rest of those that call a runner, ours written by hand among them. ``daemon``:
    whether cron's runs; ``states``: the same of the units, by where they are.
    """

    program: str
    content: bytes
    error: str | None
    daemon: str
    ours: list[Entry]
    dead: list[Entry]
    others: list[Entry]
    states: Mapping[str, str] = MappingProxyType({})

    def settings_read(self) -> Path | None:
        """The settings file that wakes of ours read, None if they find none."""
        first = self.ours[0] if self.ours else None
        try:
            return cronenv.settings_read(first.variables if first else {}, self._set_by(first))
        except OSError:  # the crontab sets a HOME that this user may not look into
            return None

    def waking(self) -> list[Entry]:
        """The lines and units that wake ``program``, marked as ours or written by hand."""
        return [one for one in (*self.ours, *self.others) if program.is_of_this_code(one.runner, self.program)]

    def state(self, entry: Entry) -> str:
        """Whether its daemon or manager wakes by it: ``running``, ``not running`` or ``cannot tell``."""
        return self.daemon if entry.waker == CRON else self.states.get(entry.where, managers.UNKNOWN)

    def at_work(self) -> list[Entry]:
        """Those of ``waking`` that nothing is known to keep from it."""
        return [one for one in self.waking() if self.state(one) != managers.STOPPED]

    def environment_of(self, entry: Entry) -> dict[str, str]:
        """The environment that a wake by this line or unit gets."""
        return cronenv.of_command(entry.variables, self._set_by(entry))

    def _set_by(self, entry: Entry | None) -> bytes:
        """The crontab, whose variables count for its own lines alone."""
        return self.content if entry is None or entry.waker == CRON else b""

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
    return config.load(environ if program.is_of_this_code(entry, ours) else _of_another_copy(environ, entry))


def _of_another_copy(environ: dict[str, str], runner: str) -> dict[str, str]:
    """The same for a copy that has a settings file of its own: ours is not read there."""
    if cronenv.reads_users_settings(environ):
        return environ
    own = Path(runner).parent.parent / ".env"
    return {**environ, "DEFER_ENV_FILE": str(own) if own.is_file() else os.devnull}


def look(runner: Path) -> Standing:
    """How things stand for ``runner``; a crontab that cannot be read counts as empty."""
    called = program.named(runner)
    try:
        content, error = crontab.read(), None
    except Refused as refused:
        content, error = b"", str(refused)
    found = [*cronline.entries(content), *managers.found()]
    ours = [one for one in found if one.marked and program.is_of_this_code(one.runner, called)]
    dead = [one for one in found if not os.path.exists(one.runner)]
    others = [one for one in found if one not in ours and one not in dead]
    ours = [one for one in ours if one not in dead]
    states = {one.where: managers.state(one) for one in found if one.waker != CRON}
    return Standing(called, content, error, crontab.daemon_state(), ours, dead, others, states)
