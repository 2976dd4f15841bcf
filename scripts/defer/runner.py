"""A wake: recover what a dead runner left, claim what is due, run it, settle it, file it.

Any number of wakes may be at work on one store. The store's lock is held for three short
moments of an attempt (claim, start, settle) and never while an executor runs:

1. *claim* writes ``executing`` with this runner's identity;
2. the leader is started behind its gate, *start* writes its identity, then the gate opens;
3. *settle* writes the outcome, if the record still carries this run.

One thread, one selector: pipes, child deaths and signals all arrive as readable descriptors.
"""

from __future__ import annotations

import errno
import os
import selectors
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from . import claiming, executor, fsio, instants, outcome, process, recovery, render, task
from .audit import AuditLog
from .codec import Task
from .config import Config
from .errors import DeferError, StorageError, StoreBusy
from .executor import Attempt, Misconfigured, Paths
from .outcome import Outcome
from .signals import Signals
from .store import Store

_SETTLE_AGAIN_SECONDS = 1.0
_SETTLE_TRIES = 60
_FILE_EVERY_SECONDS = 1.0
_STREAMS = ("stdout", "stderr")
# What the system may lack for a while, whatever the task: no reason for it to fail.
_OUT_OF_RESOURCES = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT)
_COUNTS = ("started", "completed", "failed", "retried", "lost", "cancelled", "expired", "missed", "skipped")


class _NotOurs(DeferError):
    """The record no longer carries this run: somebody settled it."""


class Runner:
    """One wake. ``clock`` gives the present instant; it is a parameter for tests alone."""

    def __init__(
        self,
        store: Store,
        config: Config,
        audit: AuditLog,
        clock: Callable[[], datetime],
        claim_every: float = 60.0,
    ) -> None:
        self._store, self._config, self._audit, self._clock = store, config, audit, clock
        # One process may wake many times (--loop); what an earlier wake of it left behind has nobody any more.
        self._me = {**process.identity(os.getpid()), "wake": os.urandom(4).hex()}
        self._host = os.uname().nodename
        self._attempts: dict[str, Attempt] = {}
        self._unsettled: dict[str, Callable[[], None]] = {}
        self._held_up: DeferError | None = None
        self._settle_tries = 0
        self._claim_every = claim_every
        self._claim_at = 0.0
        self._stopping = False
        self._something_to_file = False
        self._file_at = 0.0
        self._selector = selectors.DefaultSelector()
        self.counts = dict.fromkeys(_COUNTS, 0)

    def wake(self) -> None:
        """Do all that can be done now. Raises DeferError when the wake itself cannot do its work."""
        # Read what every attempt will need now, so that a bad setting stops the wake before any claim.
        self._backoff, self._max_parallel = self._config.backoff, self._config.max_parallel
        _ = self._config.timeout_seconds, self._config.kill_grace_seconds, self._config.output_limit_bytes
        with Signals(self._selector, self._stop):
            try:
                self._recover()
                self._turn_until_done()
            finally:
                self._abandon_all()
        self._file()
        if self._held_up is not None:
            raise self._held_up

    @property
    def was_stopped(self) -> bool:
        """Whether a signal told this runner to stop."""
        return self._stopping

    def _turn_until_done(self) -> None:
        while True:
            self._claim_while_due()
            self._settle_again()
            if not self._attempts and not self._unsettled:
                return
            if self._something_to_file and time.monotonic() >= self._file_at:
                self._file_meanwhile()
            self._wait()

    def _stop(self) -> None:
        """SIGTERM or SIGINT: claim nothing more, end the attempts as a timeout would."""
        self._stopping = True
        for attempt in self._attempts.values():
            attempt.end(outcome.RUNNER_STOPPED)

    # Recovery

    def _recover(self) -> None:
        now = self._clock()
        for one in self._store.attention(now):
            if one["status"] == task.EXECUTING and self._is_over(one, now):
                self._settle(one, recovery.lost(one))

    def _is_over(self, one: Task, now: datetime) -> bool:
        found = recovery.verdict(one, now, self._me)
        if found == recovery.OVERDUE:
            recovery.end_overdue(one)
            self._audit.note(now, "overdue_leader_killed", one["id"], run=one["run"].get("run_id"))
        return found != recovery.ALIVE

    # Claim and start

    def _new_run(self) -> dict[str, Any]:
        stamp = f"{self._clock():%Y%m%dT%H%M%SZ}"
        return {"run_id": f"run_{stamp}_{os.urandom(4).hex()}", "host": self._host, "runner": self._me}

    def _claim_while_due(self) -> None:
        """Claim until nothing is due or no slot is free; again when a slot comes free, and now and then."""
        if time.monotonic() < self._claim_at or self._held_up is not None:
            return
        try:
            while self._may_claim() and self._claim() and len(self._attempts) < self._max_parallel:
                pass
        except (StorageError, StoreBusy) as error:
            self._put_off("claim_failed", error)
        self._claim_at = time.monotonic() + self._claim_every

    def _may_claim(self) -> bool:
        return not self._stopping and self._held_up is None

    def _put_off(self, what: str, error: DeferError) -> None:
        """A store that fails for a while costs no attempt under way; where there is none, it ends the wake."""
        if not self._attempts and not self._unsettled:
            raise error
        self._audit.note(self._clock(), what, error=error)

    def _claim(self) -> bool:
        """Claim what is due while slots are free and start it; whether anything was changed."""
        now = self._clock()
        choose = partial(claiming.choose, now=now, max_parallel=self._max_parallel, new_run=self._new_run)
        changed = self._store.claim_due(now, choose)
        for one in changed:
            if one["status"] == task.EXECUTING:
                self._start(one)
            elif one["status"] in task.ENDED:
                self._tell_ended(one, now)
        self._something_to_file |= any(map(task.is_unfiled, changed))
        return bool(changed)

    def _start(self, claimed: Task) -> None:
        run_id = claimed["run"]["run_id"]
        paths = Paths.of(self._config.log_dir, claimed["id"], run_id)
        self.counts["started"] += 1
        self._audit.note(self._clock(), "started", claimed["id"], run=run_id, attempt=claimed["attempts"])
        try:
            executor.write_prompt(claimed, paths)
        except OSError as error:
            self._put_back(claimed, error)
            return
        except Exception as error:
            self._settle(claimed, executor.not_started(error, outcome.CONFIG_ERROR))
            return
        try:
            argv = executor.command_line(claimed, self._config)
            if argv is None:
                self._settle(claimed, executor.prompt_prepared(paths))
                return
            attempt = Attempt(claimed, self._config, argv)
        except Misconfigured as error:
            self._settle(claimed, executor.misconfigured(error, paths))
            return
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _OUT_OF_RESOURCES:
                self._put_back(claimed, error)
                return
            # Whatever a hand has put into this record, it must not keep the others waiting.
            self._settle(claimed, executor.not_started(error, outcome.CONFIG_ERROR))
            return
        self._let_run(attempt, run_id)

    def _put_back(self, mine: Task, error: OSError | DeferError) -> None:
        """Nothing was run, for a reason that is not the task's: let it wait, claim no more, say so at the end."""
        if self._held_up is None:
            self._held_up = error if isinstance(error, DeferError) else fsio.storage_error(error, self._config.log_dir)
        try:
            self._store.update(mine["id"], self._clock(), partial(self._returned, mine))
        except (StorageError, StoreBusy) as again:
            self._settle_later(mine["id"], partial(self._put_back, mine, error), again)
            return
        except DeferError:
            return
        self.counts["started"] -= 1
        self._audit.note(self._clock(), "put_back", mine["id"], run=mine["run"]["run_id"], error=error)

    def _returned(self, mine: Task, current: Task) -> Task:
        self._check_ours(mine, current)
        return outcome.put_back(current, self._clock())

    def _let_run(self, attempt: Attempt, run_id: str) -> None:
        """Write the leader's identity to the store, then open its gate."""
        try:
            started = self._store.update(attempt.task["id"], self._clock(), partial(self._with_leader, attempt))
        except (StorageError, StoreBusy) as error:
            attempt.abandon()
            self._put_back(attempt.task, error)
            return
        except DeferError:
            attempt.abandon()
            return
        attempt.task = started
        if started.get("cancel_requested_at"):
            attempt.abandon()
            self._settle(
                started,
                Outcome(outcome.FAILED, error_type=outcome.CANCELLED, error="cancelled before it ran"),
            )
            return
        self._attempts[run_id] = attempt
        for stream, pipe in zip(_STREAMS, (attempt.leader.stdout, attempt.leader.stderr), strict=True):
            self._selector.register(pipe, selectors.EVENT_READ, partial(self._read, attempt, stream))
        attempt.release()
        self._watch_stdin(attempt)

    def _with_leader(self, attempt: Attempt, current: Task) -> Task:
        self._check_ours(attempt.task, current)
        allowed = attempt.timeout and timedelta(seconds=attempt.timeout + self._config.kill_grace_seconds)
        deadline = instants.to_text(self._clock() + allowed) if allowed else None
        run = {
            **current["run"],
            "leader": process.identity(attempt.leader.pid),
            "deadline_at": deadline,
            "prompt": str(attempt.paths.prompt),
            "log": str(attempt.paths.log),
        }
        return {**current, "run": run}

    def _check_ours(self, mine: Task, current: Task) -> None:
        same_run = (current.get("run") or {}).get("run_id") == (mine.get("run") or {}).get("run_id")
        if current["status"] != task.EXECUTING or not same_run:
            raise _NotOurs(f"run was settled by another: {mine['id']}")

    # The loop

    def _watch_stdin(self, attempt: Attempt) -> None:
        fd = attempt.leader.stdin_fd
        if fd is not None:
            self._selector.register(fd, selectors.EVENT_WRITE, partial(self._feed, attempt, fd))

    def _feed(self, attempt: Attempt, fd: int) -> None:
        # Unregistered first: feeding may close the descriptor, and its number may come back at once.
        self._selector.unregister(fd)
        attempt.leader.feed()
        self._watch_stdin(attempt)

    def _read(self, attempt: Attempt, stream: str) -> None:
        pipe = attempt.leader.stdout if stream == "stdout" else attempt.leader.stderr
        if not attempt.read(stream):
            self._selector.unregister(pipe)

    def _wait(self) -> None:
        """Wait for the next event or deadline and act on it."""
        for key, _ in self._selector.select(self._sleep()):
            # An earlier event of this turn may have closed what this one is about.
            if key.fd in self._selector.get_map():
                key.data()
        now = time.monotonic()
        for run_id, attempt in list(self._attempts.items()):
            attempt.enforce(now)
            if attempt.has_ended():
                del self._attempts[run_id]
                self._forget(attempt)
                self._claim_at = 0.0
                self._settle(attempt.task, attempt.finish(self._clock()))

    def _sleep(self) -> float:
        """Seconds until something must be looked at: a deadline, or a task that comes due meanwhile."""
        deadlines = [attempt.next_deadline() for attempt in self._attempts.values()]
        ahead = [at - time.monotonic() for at in [self._claim_at, *deadlines] if at is not None]
        ahead += [_SETTLE_AGAIN_SECONDS] if self._unsettled else []
        ahead += [self._file_at - time.monotonic()] if self._something_to_file else []
        return max(0.0, min(ahead))

    def _forget(self, attempt: Attempt) -> None:
        pipes = [attempt.leader.stdout, attempt.leader.stderr, attempt.leader.stdin_fd]
        for pipe in pipes:
            if pipe is not None and pipe in self._selector.get_map():
                self._selector.unregister(pipe)

    # Settle

    def _settle(self, mine: Task, result: Outcome) -> None:
        """Write the outcome. A store that cannot take it now is asked again, so that no outcome is lost."""
        now = self._clock()
        try:
            settled = self._store.update(mine["id"], now, partial(self._settled, mine, result, now))
        except (StorageError, StoreBusy) as error:
            self._settle_later(mine["id"], partial(self._settle, mine, result), error)
            return
        except DeferError:
            self._audit.note(now, "outcome_dropped", mine["id"], run=(mine.get("run") or {}).get("run_id"))
            return
        self._something_to_file = True
        self._tell(settled, result, now)

    def _settled(self, mine: Task, result: Outcome, now: datetime, current: Task) -> Task:
        self._check_ours(mine, current)
        return outcome.settle(current, result, now, self._backoff)

    def _settle_later(self, task_id: str, again: Callable[[], None], error: DeferError) -> None:
        self._settle_tries += 1
        if self._settle_tries > _SETTLE_TRIES or self._stopping:
            raise error
        self._unsettled[task_id] = again

    def _settle_again(self) -> None:
        waiting, self._unsettled = self._unsettled, {}
        for again in waiting.values():
            again()

    def _abandon_all(self) -> None:
        """When the wake cannot go on: leave nothing running that nobody watches."""
        for attempt in self._attempts.values():
            attempt.leader.signal_group(signal.SIGKILL)
            attempt.abandon()
        self._attempts.clear()

    def _file_meanwhile(self) -> None:
        """File while attempts are under way. What fails is left to the end of the wake, which says so.

        Not for each attempt that ends: filing costs three times what settling does.
        """
        self._something_to_file = False
        self._file_at = time.monotonic() + _FILE_EVERY_SECONDS
        try:
            self._file()
        except (StorageError, StoreBusy) as error:
            self._put_off("filing_failed", error)

    def _file(self) -> None:
        now = self._clock()
        for one in self._store.archive(now):
            times = (one.get("stretch") or {}).get("count")
            self._audit.note(now, "archived", one["id"], status=one["status"], reason=one.get("reason"), count=times)
            if one["status"] in (task.MISSED, task.SKIPPED):
                self.counts[one["status"]] += times or 1
        self._something_to_file = False

    # What people hear of it

    def _tell(self, settled: Task, result: Outcome, now: datetime) -> None:
        self.counts["lost"] += result.status == outcome.LOST
        if settled["status"] in task.ENDED:
            self._tell_ended(settled, now)
        elif settled["attempts"]:
            facts = {"attempt": settled["attempts"], "error": result.error, "run_at": settled["run_at"]}
            self._audit.note(now, "retry_scheduled", settled["id"], **facts)
            self.counts["retried"] += 1
        else:
            ended = [one for one in settled.get("ended") or [] if one.get("attempts")]
            self._tell_ended(ended[-1], now)
            self._audit.note(now, "next_occurrence", settled["id"], run_at=settled["run_at"])

    def _tell_ended(self, ended: Task, now: datetime) -> None:
        status, error = ended["status"], ended.get("error")
        self._audit.note(now, status, ended["id"], attempt=ended.get("attempts"), error=error)
        if status not in (task.MISSED, task.SKIPPED):
            self.counts["expired" if ended.get("error_type") == outcome.EXPIRED else status] += 1
        if status == task.FAILED:
            log = (ended.get("result") or {}).get("log_path")
            where = f" (log: {log})" if log else ""
            render.warn(f"task failed: {ended['id']}: {error}{where}")
