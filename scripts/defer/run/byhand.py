"""One attempt that somebody asks for by hand, of a task in the store or outside it: `execute-task.sh`, as in v1.

A task in the store is claimed, run and settled there as a wake does it (the same locks, run record, start gate and
retries), whatever its time and however many attempts are under way. Nothing else is claimed, recovered or filed.
"""

from __future__ import annotations

import os
from datetime import datetime

from defer import instants
from defer.client import Client
from defer.commands import output
from defer.errors import NoSuchTask, NotStorable
from defer.record import outcome, task, versions
from defer.record.codec import Task
from defer.record.outcome import Outcome
from defer.settings.config import Config

from . import claim
from . import command as executor
from .attempt import Attempt
from .command import Misconfigured, Paths
from .keeper import Keeper
from .loop import Loop
from .settling import run_id
from .wake import Runner

_SAID_BY_V1 = ("status", "started_at")


class ByHand(Runner):
    """A runner of one task in the store, called like a wake's runner."""

    def run(self, given: Task) -> Task | None:
        """Make one attempt of the task that has the id of ``given``; its record then, None if others settled it.

        Raises Refused for one that may not run now.
        """
        self._given = given
        self._work()
        if self._held_up is not None:
            raise self._held_up
        return self.settled

    def _turn_until_done(self) -> None:
        now = self._clock()
        # A task that has changed meanwhile is not ours to run: what is due is not even looked at.
        claimed = self._store.claim_due(now, lambda hot: [self._claimed(hot, now)])
        if not claimed:
            raise NotStorable(f"the claim of {self._given['id']} could not be stored (see the audit log)")
        if claimed[0]["status"] == task.EXECUTING:
            self._start(claimed[0])
            super()._turn_until_done()
        else:
            self.settled = claimed[0]
            self._tally.ended(claimed[0], now)

    def _claimed(self, hot: list[Task], now: datetime) -> Task:
        current = self._store.find(self._given["id"])
        if current is None:
            raise NoSuchTask(self._given["id"])
        return claim.by_hand(current, self._given, hot, now, self._new_run())

    def _may_claim(self) -> bool:
        return False

    def _recover_now_and_then(self) -> None:
        """A wake's."""


def attempt(client: Client, given: Task) -> tuple[Task, list[str]]:
    """Make one attempt of ``given``; its record afterwards, and the fields in which the store's record differs.

    The record in the store counts. Raises Refused.
    """
    versions.must_know(given)
    known = client.store.find(given["id"])
    if known is None:
        return _came_to(_apart(client.config, given)), []
    differing = [name for name, value in given.items() if name not in _SAID_BY_V1 and value != dict(known).get(name)]
    with Loop(owns_process=True) as loop:
        settled = ByHand(client.store, client.config, client.audit, client.clock, loop=loop).run(given)
    return _came_to(settled or client.find(given["id"])), differing


def _came_to(settled: Task) -> Task:
    """The record of what was attempted: if the task went on to another occurrence, that of the one that ended."""
    goes_on = settled["status"] == task.SCHEDULED and not settled["attempts"]
    ended = [one for one in settled.get("ended") or [] if one.get("attempts")] if goes_on else []
    return ended[-1] if ended else settled


def _apart(config: Config, given: Task) -> Task:
    """The same for a task that is not in the store."""
    now = instants.now()
    one = task.claim(given, now, {"run_id": f"run_{now:%Y%m%dT%H%M%SZ}_{os.urandom(5).hex()}"})
    paths = Paths.of(config.log_dir, one["id"], str(run_id(one)))
    executor.write_prompt(one, paths, config)
    try:
        command = executor.command_line(one, config)
        ended = executor.prompt_prepared(paths) if command is None else _run(Attempt(one, config, command), config)
    except Misconfigured as error:
        ended = executor.misconfigured(error, paths, config)
    except (ValueError, TypeError) as error:
        # The record may come from anywhere: a process may not be able to take its texts.
        ended = executor.not_started(error, outcome.CONFIG_ERROR, config)
    settled = outcome.settle(one, ended, instants.now(), config.backoff)
    if settled["status"] == task.FAILED:
        output.warn(f"task failed: {one['id']}: {settled['error']}")
    return settled


def _run(running: Attempt, config: Config) -> Outcome:
    """Drive one attempt to its end."""
    with Loop(owns_process=True) as loop:
        loop.expect(running)
        loop.add(running, lambda: _keeper(config))
        while not loop.wait([]):
            # The executor is in a session of its own: a terminal's Ctrl-C does not reach it unless we pass it on.
            if loop.is_told_to_stop:
                running.end(outcome.RUNNER_STOPPED)
        ended = running.finish(instants.now())
        loop.let_go()
    return ended


def _keeper(config: Config) -> Keeper | None:
    try:
        return Keeper(config.secrets, config.output_limit_bytes, None)
    except OSError:
        return None
