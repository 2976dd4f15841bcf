"""A wake: recover what a dead runner left, claim what is due, run it, settle it, file it.

Any number of wakes may work on one store. Its lock is held three times for each attempt, never while that runs:

1. *claim* writes ``executing`` with this runner's identity and its lease;
2. the leader is started behind its gate, *start* writes its identity, then the gate opens;
3. *settle* writes the outcome, if the record still carries this run.

One thread. ``loop`` waits for pipes, deaths, signals and deadlines. Everything that is to be done with the store
is on an ``agenda``: while attempts are under way nothing waits for its lock or its disk.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from defer import fsio, instants, process, trust
from defer.errors import DeferError
from defer.record import outcome, task
from defer.record.codec import Task
from defer.record.outcome import Outcome
from defer.settings.config import Config
from defer.store import lease
from defer.store.audit import AuditLog
from defer.store.interface import Store

from . import claim, command, preload, recovery, settling
from .agenda import Agenda
from .attempt import Attempt
from .command import Misconfigured, Paths
from .ending import Ending
from .loop import Loop
from .settling import NotOurs, run_id
from .tally import Tally

if TYPE_CHECKING:
    from defer.record.types import Identity, RunUnderWay

    from .keeper import Keeper

_SETTLE_TRIES = 60
_FILE_EVERY_SECONDS = 1.0
# What the system may lack for a while, whatever the task: that is not a reason for the task to fail.
_OUT_OF_RESOURCES = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT)


class Runner:
    """One wake. ``clock`` gives the present instant; only tests pass another.

    ``loop``: where it waits, if its process runs more than one wake.
    """

    def __init__(
        self,
        store: Store,
        config: Config,
        audit: AuditLog,
        clock: Callable[[], datetime],
        claim_every: float = 60.0,
        loop: Loop | None = None,
    ) -> None:
        self._store, self._config, self._audit, self._clock = store, config, audit, clock
        # One process may wake many times (--loop); nobody else looks after what an earlier wake of it left.
        self._wake = os.urandom(8).hex()
        self._me: Identity = {**process.identity(os.getpid()), "wake": self._wake}
        self._lease = lease.Lease(config.tasks_file, self._wake)
        self._is_held = partial(lease.is_held, config.tasks_file)
        self._loop, self._has_own_loop = loop or Loop(), loop is None
        self._agenda = Agenda(config.lock_timeout_seconds, self._tell_failure, self._set_patience)
        self._endings: dict[str, tuple[Ending, Task]] = {}
        self._held_up: DeferError | None = None
        self._held_until = 0.0
        self._claim_every = claim_every
        self._claim_at = self._recover_at = self._file_at = 0.0
        self._is_stopping = self._something_to_file = False
        self._preload = preload.AfterAWhile()
        self._tally = Tally(audit)
        self.counts = self._tally.counts
        self.out_of_reach: list[Task] = []
        """Attempts that take up slots and whose processes cannot be seen from here."""
        self.settled: Task | None = None
        """The record of the attempt that was settled last, as it was then."""

    def wake(self) -> None:
        """Do all that can be done now. Raises DeferError when the wake itself cannot do its work."""
        self._work()
        self._file()
        if self._held_up is not None:
            raise self._held_up

    def _work(self) -> None:
        # Read what every attempt will need now, so that a bad setting stops the wake before any claim.
        self._backoff, self._max_parallel = self._config.backoff, self._config.max_parallel
        _ = self._config.timeout_seconds, self._config.kill_grace_seconds, self._config.output_limit_bytes
        _ = self._config.secret_names
        with self._loop if self._has_own_loop else nullcontext():
            is_whole = False
            try:
                self._turn_until_done()
                is_whole = not self._loop.attempts
            finally:
                self._agenda.close()
                self._loop.let_go()
                self._lease.release(with_file=is_whole)
                self._store.patience = None

    def _turn_until_done(self) -> None:
        while True:
            if self._loop.is_told_to_stop and not self._is_stopping:
                self._stop()
            self._recover_now_and_then()
            self._claim_when_it_is_time()
            self._agenda.work()
            if not self._is_at_work():
                worn_out = self._agenda.worn_out(stopping=self._is_stopping)
                if worn_out is not None:
                    raise worn_out
                if not self._agenda:
                    return
            self._file_meanwhile()
            self._wait()

    def _is_at_work(self) -> bool:
        return bool(self._loop.attempts or self._endings)

    def _set_patience(self, others_wait: bool) -> None:
        """With nothing under way a wake waits for the lock as any command does; otherwise it tries again later."""
        self._store.patience = 0.0 if self._is_at_work() or others_wait else None

    def _tell_failure(self, action: str, task_id: str | None, error: DeferError) -> None:
        self._audit.note(self._clock(), action, task_id, error=error)

    def _end_the_wake(self, error: DeferError) -> None:
        """A store that fails for a while must not cost an attempt under way; if there is none, it ends the wake."""
        if not self._is_at_work() and not self._agenda:
            raise error

    # Recovery

    def _recover_now_and_then(self) -> None:
        if not self._is_stopping and time.monotonic() >= self._recover_at:
            self._recover_at = time.monotonic() + self._claim_every
            self._agenda.do("recovery_failed", None, self._recover, give_up=self._end_the_wake)

    def _recover(self) -> None:
        now = self._clock()
        executing = [one for one in self._store.attention(now) if one["status"] == task.EXECUTING]
        mine = {*self._loop.attempts, *self._endings}
        for one in executing:
            if run_id(one) not in mine and ("settling_failed", one["id"]) not in self._agenda:
                self._look_after_alone(one, now)
        self.out_of_reach = [one for one in executing if recovery.is_out_of_reach(one, now, self._is_held)]

    def _look_after_alone(self, one: Task, now: datetime) -> None:
        """Whatever somebody has written into this record by hand, it must not keep the others waiting."""
        try:
            self._look_after(one, now)
        except DeferError:
            raise
        except Exception as error:
            self._audit.note(now, "recovery_failed", one["id"], run=run_id(one), error=error)
            # While the system cannot show what runs, nothing is settled before it has ended.
            if not isinstance(error, OSError):
                self._settle(one, recovery.lost(one))

    def _look_after(self, one: Task, now: datetime) -> None:
        """Look at somebody's attempt: settle it if it is over, end it if it should be, else leave it alone."""
        found = recovery.verdict(one, now, self._is_held, self._me)
        if found == recovery.NEVER_BEGAN or self._is_forgotten(one):
            self._put_back(one, None)
        elif found in (recovery.LOST, recovery.OVERDUE):
            if found == recovery.OVERDUE:
                self._audit.note(now, "overdue_leader_killed", one["id"], run=run_id(one))
            self._end_what_is_left(one, is_overdue=found == recovery.OVERDUE)

    def _is_forgotten(self, one: Task) -> bool:
        """Whether this very wake claimed it unknowingly: a disk may keep what it reported as not written."""
        waiting = (("starting_failed", one["id"]), ("put_back_failed", one["id"]))
        is_mine = recovery.wake_of(one) == self._wake and not (one.get("run") or {}).get("leader")
        return is_mine and not any(name in self._agenda for name in waiting)

    def _end_what_is_left(self, one: Task, *, is_overdue: bool) -> None:
        """End what an attempt without a runner has left: it would go on working in a workspace that counts as free.

        What it was told to leave running stays, if its leader ended by itself.
        """
        leader = (one.get("run") or {}).get("leader")
        if leader and (is_overdue or not one.get("leave_running")):
            grace = self._config.kill_grace_seconds
            ending = Ending(int(leader["pid"]), str(run_id(one)), grace, start=leader.get("start"))
            if ending.left():
                ending.begin()
                self._endings[str(run_id(one))] = (ending, one)
                return
        self._settle(one, recovery.lost(one))

    # Claim and start

    def _new_run(self) -> RunUnderWay:
        name = f"run_{self._clock():%Y%m%dT%H%M%SZ}_{os.urandom(5).hex()}"
        run: RunUnderWay = {"run_id": name, "host": os.uname().nodename, "runner": self._me}
        held = self._lease.take()
        return {**run, "lease": held} if held else run

    def _claim_when_it_is_time(self) -> None:
        """Claim until nothing is due or no slot is free; again when a slot gets free, and now and then."""
        if self._may_claim() and time.monotonic() >= self._claim_at:
            self._claim_at = time.monotonic() + self._claim_every
            self._agenda.do("claim_failed", None, self._claim_while_due, give_up=self._end_the_wake)

    def _may_claim(self) -> bool:
        return not self._loop.is_told_to_stop and time.monotonic() >= self._held_until

    def _claim_while_due(self) -> None:
        while self._may_claim() and self._claim() and len(self._loop.attempts) < self._max_parallel:
            if self._is_at_work():
                # Running attempts have deadlines, and pipes to be read: go on in the next turn.
                self._claim_at = 0.0
                return
            self._set_patience(others_wait=len(self._agenda) > 1)

    def _claim(self) -> bool:
        """Claim what is due while slots are free and start it; whether anything was changed."""
        now = self._clock()
        choose = partial(claim.choose, now=now, max_parallel=self._max_parallel, new_run=self._new_run)
        changed = self._store.claim_due(now, choose)
        for one in changed:
            if one["status"] == task.EXECUTING:
                self._start(one)
            elif one["status"] in task.ENDED:
                self._tally.ended(one, now)
        self._something_to_file |= any(map(task.is_unfiled, changed))
        return bool(changed)

    def _start(self, claimed: Task) -> None:
        """Put the leader behind its gate and its identity on the agenda. A failure here concerns this task alone."""
        run = run_id(claimed)
        paths = Paths.of(self._config.log_dir, claimed["id"], str(run))
        self.counts["started"] += 1
        self._audit.note(self._clock(), "started", claimed["id"], run=run, attempt=claimed["attempts"])
        try:
            command.write_prompt(claimed, paths, self._config)
        except Exception as error:
            # A directory in place of the prompt stops this task alone.
            if isinstance(error, OSError) and not isinstance(error, IsADirectoryError):
                self._put_back(claimed, error)
            else:
                self._settle(claimed, command.not_started(error, outcome.CONFIG_ERROR, self._config))
            return
        try:
            argv = command.command_line(claimed, self._config)
            if argv is None:
                self._settle(claimed, command.prompt_prepared(paths))
                return
            attempt = Attempt(claimed, self._config, argv, partial(self._is_being_cancelled, claimed))
        except Misconfigured as error:
            self._settle(claimed, command.misconfigured(error, paths, self._config))
        except Exception as error:
            # What the system lacks, or what is in place of our own directory, is not this task's fault.
            if isinstance(error, trust.Untrusted) or isinstance(error, OSError) and error.errno in _OUT_OF_RESOURCES:
                self._put_back(claimed, error)
            else:
                self._settle(claimed, command.not_started(error, outcome.CONFIG_ERROR, self._config))
        else:
            self._loop.expect(attempt)
            give_up = partial(self._give_start_up, attempt)
            self._agenda.do("starting_failed", claimed["id"], partial(self._let_run, attempt), give_up=give_up)

    def _let_run(self, attempt: Attempt) -> None:
        """Write the leader's identity to the store, then open its gate."""
        try:
            started = settling.change(self._store, attempt.task, self._clock(), partial(self._with_leader, attempt))
        except NotOurs:
            self._loop.abandon(attempt)
            return
        attempt.task = started
        if started.get("cancel_requested_at"):
            self._loop.abandon(attempt)
            why = "cancelled before it ran"
            self._settle(started, Outcome(outcome.FAILED, error_type=outcome.CANCELLED, error=why))
        elif self._is_stopping:
            self._give_start_up(attempt, None)
        else:
            self._loop.add(attempt, self._make_keeper)

    def _is_being_cancelled(self, mine: Task) -> bool:
        try:
            found = self._store.find(mine["id"])
        except DeferError:
            return False
        return found is not None and bool(found.get("cancel_requested_at"))

    def _give_start_up(self, attempt: Attempt, error: DeferError | None) -> None:
        self._loop.abandon(attempt)
        self._put_back(attempt.task, error)

    def _make_keeper(self) -> Keeper | None:
        from .keeper import Keeper

        try:
            return Keeper(self._config.secrets, self._config.output_limit_bytes, self._lease.fd)
        except OSError as error:
            # Too many processes, say. The keeper is for the worst case; the attempts need not wait for it.
            self._audit.note(self._clock(), "no_keeper", None, error=error.strerror)
            return None

    def _with_leader(self, attempt: Attempt, current: Task) -> Task:
        allowed = attempt.timeout and timedelta(seconds=attempt.timeout + self._config.kill_grace_seconds)
        deadline = instants.to_text(self._clock() + allowed) if allowed else None
        return settling.with_leader(current, process.identity(attempt.leader.pid), deadline, attempt.paths)

    def _put_back(self, mine: Task, error: OSError | DeferError | None) -> None:
        """Nothing was run. If the reason is the system's, let it wait, claim nothing for a while, say so at the end."""
        if error is not None:
            self._held_until = time.monotonic() + self._claim_every
            self._held_up = error if isinstance(error, DeferError) else fsio.storage_error(error, self._config.log_dir)
        self._agenda.do("put_back_failed", mine["id"], partial(self._return, mine, error), patience=_SETTLE_TRIES)

    def _return(self, mine: Task, error: OSError | DeferError | None) -> None:
        with suppress(NotOurs):
            now = self._clock()
            settling.change(self._store, mine, now, partial(outcome.put_back, now=now))
            self.counts["started"] -= recovery.wake_of(mine) == self._wake
            why = error or "its runner died before it began"
            self._audit.note(now, "put_back", mine["id"], run=run_id(mine), error=why)

    # Wait

    def _wait(self) -> None:
        """Wait for the next event or deadline and act on it."""
        looks = [ending.next_look() for ending, _ in self._endings.values()]
        filing = [self._file_at] if self._something_to_file and self._is_at_work() else []
        claiming_at = [] if self._is_stopping else [max(self._claim_at, self._held_until), self._recover_at]
        for attempt in self._loop.wait([self._agenda.next_at(), *looks, *filing, *claiming_at, self._preload.at()]):
            if attempt.had_to_end_others:
                self._audit.note(self._clock(), "leftovers_ended", attempt.task["id"], run=attempt.run_id)
            self._claim_at = 0.0
            self._settle(attempt.task, attempt.finish(self._clock()))
        for name, (ending, one) in list(self._endings.items()):
            if ending.is_over(time.monotonic()):
                del self._endings[name]
                self._claim_at = 0.0
                self._settle(one, recovery.lost(one))

    def _stop(self) -> None:
        """Obey a signal to stop: claim nothing more, end the attempts as a timeout would."""
        self._is_stopping = True
        for action in ("claim_failed", "recovery_failed"):
            self._agenda.drop(action)
        for attempt in self._loop.attempts.values():
            attempt.end(outcome.RUNNER_STOPPED)

    # Settle

    def _settle(self, mine: Task, result: Outcome) -> None:
        """Write the outcome. If the store cannot take it now, try again, so that no outcome is lost."""
        write = partial(self._write_outcome, mine, result)
        self._agenda.do("settling_failed", mine["id"], write, patience=_SETTLE_TRIES)

    def _write_outcome(self, mine: Task, result: Outcome) -> None:
        now, paths = self._clock(), Paths.of(self._config.log_dir, mine["id"], str(run_id(mine)))
        try:
            settled = settling.settle(self._store, mine, result, now, self._backoff, paths)
        except NotOurs:
            self._audit.note(now, "outcome_dropped", mine["id"], run=run_id(mine))
            return
        self._something_to_file, self.settled = True, settled
        self._tally.settled(settled, result, now)

    def _file_meanwhile(self) -> None:
        """File while attempts are under way. What fails is left to the end of the wake, which reports it.

        Not after each attempt: filing costs three times as much as settling.
        """
        if self._something_to_file and self._is_at_work() and time.monotonic() >= self._file_at:
            self._something_to_file = False
            self._file_at = time.monotonic() + _FILE_EVERY_SECONDS
            self._agenda.do("filing_failed", None, self._file, give_up=lambda error: None)

    def _file(self) -> None:
        now = self._clock()
        for one in self._store.archive(now):
            self._tally.filed(one, now)
        self._something_to_file = False
