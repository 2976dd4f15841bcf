"""A wake: recover what a dead runner left, claim what is due, run it, settle it, file it.

Any number of wakes may work on one store. Its lock is held twice for each attempt, never while that runs:

1. *claim* writes ``executing`` with this runner's identity and its lease;
2. a leader, of condition, executor or check, waits behind its gate, *start* writes its identity, then the gate opens;
3. *settle* writes the outcome, if the record still carries this run, and claims the next one with it.

One thread. ``loop`` waits for pipes, deaths, signals and deadlines. Everything that is to be done with the store
is on an ``agenda``: while attempts are under way nothing waits for its lock or its disk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from defer import fsio, process
from defer.errors import DeferError, StorageError, StoreBusy
from defer.record import events, holders, outcome, task
from defer.record.codec import Task
from defer.record.outcome import Outcome
from defer.settings.config import Config
from defer.store.audit import AuditLog

from . import notices, preload, settling, start
from .agenda import Agenda
from .attempt import Attempt
from .command import Paths
from .loop import Loop
from .pace import Pace
from .rescue import Rescue
from .settling import NotOurs, run_id
from .tally import Tally

if TYPE_CHECKING:
    from defer.record.types import Identity, RunUnderWay
    from defer.store.interface import Attempts, Change, Choose, Turn

    from .sending import Sending

_SETTLE_TRIES = 60
_FILE_EVERY_SECONDS = 1.0


class Runner:
    """One wake. ``clock`` gives the present instant; only tests pass another.

    ``loop``: where it waits, if its process runs more than one wake. ``to_the_second``: it comes as soon as something
    is due, so that nothing is taken before its time.
    """

    names_log = True
    """Whether a failure is told with the place of its log."""
    pace_of = Pace

    def __init__(
        self,
        store: Attempts,
        config: Config,
        audit: AuditLog,
        clock: Callable[[], datetime],
        claim_every: float = 60.0,
        loop: Loop | None = None,
        *,
        to_the_second: bool = False,
    ) -> None:
        self._store, self._config, self._clock = store, config, clock
        # One process may wake many times (--loop); nobody else looks after what an earlier wake of it left.
        self._wake = os.urandom(8).hex()
        self._me: Identity = {**process.identity(os.getpid()), "wake": self._wake}
        self._lease = store.lease(self._wake)
        self._loop, self._has_own_loop = loop or Loop(), loop is None
        self._agenda = Agenda(config.lock_timeout_seconds, self._tell_failure, self._set_patience)
        self._held_up: DeferError | None = None
        self._pace = self.pace_of(claim_every, to_the_second=to_the_second)
        self._to_the_second, self._file_at = to_the_second, 0.0
        self._is_stopping = self._something_to_file = False
        self._preload = preload.AfterAWhile()
        self._tally, self._audit = Tally(audit, names_log=self.names_log), audit
        self.counts = self._tally.counts
        self._sending: Sending | None = None
        self.out_of_reach: list[Task] = []
        """Attempts that take up slots and whose processes cannot be seen from here."""
        self.settled: Task | None = None
        """The record of the attempt that was settled last, as it was then."""

    def wake(self) -> None:
        """Do all that can be done now. Raises DeferError when the wake itself cannot do its work."""
        self._work()
        self._file()
        self._send(look=True)
        if self._has_own_loop and self._sending:
            self._sending.finish()
        if self._held_up is not None:
            raise self._held_up

    def _work(self) -> None:
        # Read what every attempt will need now, so that a bad setting stops the wake before any claim.
        self._backoff, self._max_parallel = self._config.backoff, self._config.max_parallel
        _ = self._config.timeout_seconds, self._config.output_limit_bytes, self._config.secret_names
        _ = self._config.notify_cooldown_seconds
        self._rescue = Rescue(self._store.is_held, self._me, self._config.kill_grace_seconds, self._tally)
        with self._loop if self._has_own_loop else nullcontext():
            is_whole = False
            try:
                self._turn_until_done()
                is_whole = not self._loop.attempts
            finally:
                self._agenda.close()
                self._loop.let_go()
                self._lease.release(with_file=is_whole)
                self._tally.flush()
                self._store.patience = None

    def _turn_until_done(self) -> None:
        while True:
            if self._loop.is_told_to_stop and not self._is_stopping:
                self._stop()
            self._recover_now_and_then()
            self._agenda.work()  # before the claim: what is written late may be due again, or has freed a slot
            self._claim_when_it_is_time()
            if not self._is_at_work():
                worn_out = self._agenda.worn_out(stopping=self._is_stopping)
                if worn_out is not None:
                    raise worn_out
                if not self._agenda:
                    return
            self._file_meanwhile()
            self._wait()

    def _is_at_work(self) -> bool:
        return bool(self._loop.attempts or self._rescue)

    def _set_patience(self, others_wait: bool) -> None:
        """With nothing under way a wake waits for the lock as any command does; otherwise it tries again later."""
        self._store.patience = 0.0 if self._is_at_work() or others_wait else None

    def _tell_failure(self, action: str, task_id: str | None, error: DeferError) -> None:
        self._tally.tell(events.failing(action, task_id, error, self._clock()))

    def _end_the_wake(self, error: DeferError) -> None:
        """A store that fails for a while must not cost an attempt under way; if there is none, it ends the wake."""
        if not self._is_at_work() and not self._agenda:
            raise error

    # Recovery

    def _recover_now_and_then(self) -> None:
        if not self._is_stopping and self._pace.is_time_to_recover():
            self._agenda.do("recovery_failed", None, self._recover, give_up=self._end_the_wake)

    def _recover(self) -> None:
        now = self._clock()
        noticed = self._store.attention(now)
        if any(one["status"] == task.PAUSED for one in noticed):
            from . import pauses  # few are paused until a moment

            pauses.end(self._store, noticed, now, self._tally.tell)
        executing = [one for one in noticed if one["status"] == task.EXECUTING]
        for one in executing:
            if not (run_id(one) in self._loop.attempts or ("settling_failed", one["id"]) in self._agenda):
                self._rescue.look_after(one, now, self)
        self.out_of_reach = self._rescue.out_of_reach(executing, now)

    def is_waiting_for_store(self, task_id: str) -> bool:
        """Whether the start of this attempt, or its return, is still to be written."""
        return any((name, task_id) in self._agenda for name in ("starting_failed", "put_back_failed"))

    # Claim and start

    def _new_run(self) -> RunUnderWay:
        return start.new_run(self._clock(), self._me, self._lease.take())

    def _claim_when_it_is_time(self) -> None:
        """Claim until nothing is due or no slot is free; again when a slot gets free, and now and then."""
        if not self._loop.is_told_to_stop and self._pace.is_time_to_claim():
            self._agenda.do("claim_failed", None, self._claim_while_due, give_up=self._end_the_wake)

    def _may_claim(self) -> bool:
        return not self._loop.is_told_to_stop and self._pace.may_claim()

    def _claim_while_due(self) -> None:
        while self._may_claim() and self._claim() and len(self._loop.attempts) < self._max_parallel:
            if self._is_at_work():
                # Running attempts have deadlines, and pipes to be read: go on in the next turn.
                self._pace.claim_at_once()
                return
            self._set_patience(others_wait=len(self._agenda) > 1)

    def _claim(self) -> bool:
        """Claim what is due while slots are free and start it; whether anything was changed."""
        now = self._clock()
        changed = self._store.claim_due(now, self._chooser(now))
        self._take_up(changed, now)
        return bool(changed)

    def _chooser(self, now: datetime) -> Choose:
        of = self._config, self._store, now, self._max_parallel, self._new_run
        return start.chooser(*of, to_the_second=self._to_the_second)

    def _take_up(self, claimed: list[Task], now: datetime) -> None:
        """Start what was claimed, each leader behind its gate until the identities of all are written at once."""
        gated: list[Attempt] = []
        for one in claimed:
            if one["status"] == task.EXECUTING:
                attempt = self._start(one)
                gated += [attempt] if attempt else []
            elif one["status"] in task.ENDED:
                self._tally.ended(one, now)
        self._something_to_file |= any(map(task.is_unfiled, claimed))
        self._let_all_run(gated)
        self._tally.flush()

    def _start(self, claimed: Task) -> Attempt | None:
        """Put the leader behind its gate. A failure here concerns this task alone."""
        paths = Paths.of(self._config.log_dir, claimed["id"], str(run_id(claimed)))
        self._tally.started(claimed, self._clock())
        was_told = partial(start.is_being_cancelled, self._store, claimed)
        return self._expected(claimed, start.gated(claimed, paths, self._config, was_told))

    def _expected(self, claimed: Task, found: start.Found | DeferError) -> Attempt | None:
        if isinstance(found, Outcome):
            self.settle(claimed, found)
        elif found is None or isinstance(found, OSError | DeferError):
            self.put_back(claimed, found)
        else:
            self._loop.expect(found)
            return found
        return None

    def _let_all_run(self, gated: list[Attempt]) -> None:
        """Write the identities of leaders to the store, then open their gates."""
        found = self._at_once({one.task["id"]: self._identified(one) for one in gated}) if len(gated) > 1 else None
        for one in gated:
            written = found and found.changed[one.task["id"]]
            if isinstance(written, dict):
                self._let_run(one, written)
            else:
                give_up = partial(self._give_start_up, one)
                self._agenda.do("starting_failed", one.task["id"], partial(self._let_one_run, one), give_up=give_up)

    def _identified(self, attempt: Attempt) -> Change:
        identify = partial(start.with_leader, attempt, self._clock, self._config.kill_grace_seconds)
        return settling.if_ours(attempt.task, identify)

    def _at_once(self, changes: dict[str, Change], choose: Choose | None = None) -> Turn | None:
        """Change so much in one write; None where the store cannot take it now, and each has to be tried by itself."""
        # What waits on the agenda waits for the same lock; asked for only now and then, it may be missed for long.
        self._set_patience(others_wait=False)
        try:
            return self._store.turn(self._clock(), changes, choose)
        except (StorageError, StoreBusy):
            return None

    def _let_one_run(self, attempt: Attempt) -> None:
        try:
            started = settling.change(self._store, attempt.task, self._clock(), self._identified(attempt))
        except NotOurs:
            self._loop.abandon(attempt)
        else:
            self._let_run(attempt, started)

    def _let_run(self, attempt: Attempt, started: Task) -> None:
        """Open the gate of a leader whose identity stands in the store."""
        attempt.task = started
        if started.get("cancel_requested_at"):
            self._loop.abandon(attempt)
            self.settle(started, start.cancelled(attempt))
        elif self._is_stopping:
            self._give_start_up(attempt, None)
        else:
            self._tally.released(attempt)
            self._loop.add(attempt, partial(start.keeper, self._config, self._lease.fd, self._tally.tell, self._clock))

    def _give_start_up(self, attempt: Attempt, error: DeferError | None) -> None:
        self._loop.abandon(attempt)
        self._expected(attempt.task, attempt.undone(error) or error)

    def put_back(self, mine: Task, error: OSError | DeferError | None = None) -> None:
        """Nothing was run. If the reason is the system's, let it wait, claim nothing for a while, say so at the end."""
        if error is not None:
            self._pace.hold()
            self._held_up = error if isinstance(error, DeferError) else fsio.storage_error(error, self._config.log_dir)
        self._agenda.do("put_back_failed", mine["id"], partial(self._return, mine, error), patience=_SETTLE_TRIES)

    def _return(self, mine: Task, error: OSError | DeferError | None) -> None:
        is_mine, now = holders.wake_of(mine) == self._wake, self._clock()
        still = settling.if_ours if is_mine else settling.if_as_judged
        with suppress(NotOurs):
            settling.change(self._store, mine, now, still(mine, partial(outcome.put_back, now=now)))
            self.counts["started"] -= is_mine
            why = error or "its runner died before it began"
            self._tally.tell(events.of_run("put_back", mine["id"], run_id(mine), now, error=why))
            settling.remove_private(Paths.of(self._config.log_dir, mine["id"], str(run_id(mine))))
        self._pace.claim_at_once()

    # Wait

    def _wait(self) -> None:
        """Wait for the next event or deadline and act on it."""
        looks = self._rescue.looks()
        around = [] if self._is_stopping else self._pace.next_looks()
        filing = [self._file_at] if self._something_to_file and self._is_at_work() else []
        self._tally.flush()
        self._send()
        over = self._loop.wait([self._agenda.next_at(), *looks, *filing, *around, self._preload.at()])
        self._tally.leftovers(over, self._clock)
        if over:
            self._go_on([(one.task, start.following(one, one.finish(self._clock()), self._config)) for one in over])
        for one in self._rescue.over(time.monotonic()):
            self.settle(one, outcome.lost(one))

    def _stop(self) -> None:
        """Obey a signal to stop: claim nothing more, end the attempts as a timeout would."""
        self._is_stopping = True
        for action in ("claim_failed", "recovery_failed"):
            self._agenda.drop(action)
        for attempt in self._loop.attempts.values():
            attempt.end(outcome.RUNNER_STOPPED)

    # Settle

    def _settle_all(self, ended: list[tuple[Task, Outcome]]) -> None:
        """Write what attempts came to that have ended together, and the next claim, in one go; else each by itself."""
        now = self._clock()
        # Somebody may have freed a task during its attempt: of two attempts of one task only one is in this write.
        written = {mine["id"]: mine for mine, _ in ended}
        changes = settling.as_they_ended(ended, now, self._backoff, self._store.find)
        choose = self._chooser(now) if self._may_claim() else None
        found = self._at_once(changes, choose)
        for mine, result in ended:
            settled = found and written[mine["id"]] is mine and found.changed[mine["id"]]
            if isinstance(settled, dict):
                self._has_settled(settled, result, now, run_id(mine))
            else:
                self.settle(mine, result)
        self._pace.claim_at_once()
        if found is not None and choose is not None:
            self._take_up(found.claimed, now)
            if not found.claimed or len(self._loop.attempts) >= self._max_parallel:
                self._pace.has_claimed()

    def _go_on(self, over: list[tuple[Task, start.Found]]) -> None:
        """Settle what is over; the others go on: of them only a part is over, the condition say."""
        if ended := [(mine, came) for mine, came in over if isinstance(came, Outcome)]:
            self._settle_all(ended)
        others = (self._expected(mine, found) for mine, found in over if not isinstance(found, Outcome))
        self._let_all_run([one for one in others if one])

    def settle(self, mine: Task, result: Outcome) -> None:
        """Write the outcome. If the store cannot take it now, try again, so that no outcome is lost."""
        write = partial(self._write_outcome, mine, result)
        self._agenda.do("settling_failed", mine["id"], write, patience=_SETTLE_TRIES)

    def _write_outcome(self, mine: Task, result: Outcome) -> None:
        now, paths = self._clock(), Paths.of(self._config.log_dir, mine["id"], str(run_id(mine)))
        try:
            settled = settling.settle(self._store, mine, result, now, self._backoff, paths)
        except NotOurs:
            self._tally.tell(events.of_run("outcome_dropped", mine["id"], run_id(mine), now))
        else:
            self._has_settled(settled, result, now, run_id(mine))
        self._pace.claim_at_once()

    def _has_settled(self, settled: Task, result: Outcome, now: datetime, run: object) -> None:
        self._something_to_file, self.settled = True, settled
        self._tally.settled(settled, result, now, run)

    def _file_meanwhile(self) -> None:
        """File while attempts are under way, now and then: it costs three times as much as settling. What fails is left
        to the end of the wake, which reports it."""
        if self._something_to_file and self._is_at_work() and time.monotonic() >= self._file_at:
            self._something_to_file = False
            self._file_at = time.monotonic() + _FILE_EVERY_SECONDS
            self._agenda.do("filing_failed", None, self._file, give_up=lambda error: None)
            self._send(look=True)

    def _send(self, *, look: bool = False) -> None:
        """Send what is to be pinged and, with ``look``, what the outbox has; only then is there anything to load."""
        has_pings = self._tally.pings or self._loop.pings or self._loop.is_to_look or self._config.get("DEFER_PING_URL")
        if self._sending is None and (has_pings or (look and notices.is_something_due(self._config, self._clock()))):
            from .sending import Sending

            self._sending = Sending(self._config, self._audit, self._clock, self._loop, self._tally)
        if self._sending is not None:
            self._sending.look() if look else self._sending.turn()

    def _file(self) -> None:
        now = self._clock()
        for one in notices.filed(self._store, self._config, now):
            self._tally.filed(one, now)
        self._tally.flush()
        self._something_to_file = False
