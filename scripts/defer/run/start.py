"""What was claimed brought behind its gate, and whose fault it is where that fails: the task's own, or the system's."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from defer import instants, process, trust
from defer.errors import DeferError
from defer.record import events, holders
from defer.record.codec import Task
from defer.record.outcome import CANCELLED, CONFIG_ERROR, FAILED, OK, RUNNER_STOPPED, Outcome
from defer.settings.config import Config

from . import claim, command, settling
from .attempt import Attempt
from .command import Misconfigured, Paths

if TYPE_CHECKING:
    from defer.record.events import Event
    from defer.record.types import Identity, RunUnderWay
    from defer.store.interface import Attempts, Choose

    from .capture import Log
    from .keeper import Keeper

Found: TypeAlias = "Attempt | Outcome | OSError | None"
"""An attempt behind its gate; else what it came to; or what the system lacks just now. None: it was stopped."""

# What the system may lack for a while, whatever the task: that is not a reason for the task to fail.
_OUT_OF_RESOURCES = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT)


def new_run(now: datetime, runner: Identity, lease: str | None) -> RunUnderWay:
    """The run of a claim: its name, and who makes it."""
    name = f"run_{now:%Y%m%dT%H%M%SZ}_{os.urandom(5).hex()}"
    run: RunUnderWay = {"run_id": name, "host": holders.host(), "runner": runner}
    return {**run, "lease": lease} if lease else run


def cancelled(attempt: Attempt) -> Outcome:
    """What an attempt comes to that is cancelled while it waits behind its gate."""
    undone = attempt.undone(None) or Outcome(FAILED, error="cancelled before it ran")
    return undone._replace(error_type=CANCELLED)


def is_being_cancelled(store: Attempts, mine: Task) -> bool:
    """Whether somebody has asked for the end of an attempt; a store that cannot tell just now says no."""
    try:
        found = store.find(mine["id"])
    except DeferError:
        return False
    return found is not None and bool(found.get("cancel_requested_at"))


def chooser(
    config: Config,
    store: Attempts,
    now: datetime,
    max_parallel: int,
    new_run: Callable[[], RunUnderWay],
    *,
    to_the_second: bool,
) -> Choose:
    """What picks the tasks of a claim: agents' wait for the next day once its budget is used up. Raises BadInput.

    ``to_the_second``: nothing is taken before its time.
    """
    held = None
    if config.budget_usd_per_day is not None or config.budget_tokens_per_day is not None:
        from .budget import Budget

        held = Budget(config, store, now).held
    choose = partial(claim.choose, max_parallel=max_parallel, to_the_second=to_the_second)
    return partial(choose, now=now, new_run=new_run, held=held)


def keeper(
    config: Config, lease: int | None, tell: Callable[[Event], None], clock: Callable[[], datetime]
) -> Keeper | None:
    """The keeper of a wake, made at its first attempt."""
    from .keeper import Keeper

    try:
        return Keeper(config.secrets, config.output_limit_bytes, lease)
    except OSError as error:
        # Too many processes, say. The keeper is for the worst case; the attempts need not wait for it.
        tell(events.failing("no_keeper", None, error.strerror, clock()))
        return None


def with_leader(attempt: Attempt, clock: Callable[[], datetime], grace: float, current: Task) -> Task:
    """The record of a claimed task that names the leader of an attempt, and by when that is over."""
    allowed = attempt.timeout and timedelta(seconds=attempt.timeout + grace)
    deadline = instants.to_text(clock() + allowed) if allowed else None
    begun = settling.with_leader(current, process.identity(attempt.leader.pid), deadline, attempt.paths)
    if not current.get("worktree"):
        return begun
    from . import worktrees

    return worktrees.noted(attempt, begun)


def gated(claimed: Task, paths: Paths, config: Config, was_told: Callable[[], bool]) -> Attempt | Outcome | OSError:
    """An attempt whose leader waits behind its gate; else what it came to; or what the system lacks just now."""
    if not claimed.get("condition"):
        return _working(claimed, paths, config, was_told)
    from . import stages  # few tasks have a condition

    return _made(lambda: stages.first(claimed, config, was_told), paths, config)


def following(over: Attempt, came: Outcome, config: Config) -> Found:
    """What follows, behind its gate, once an attempt or a part of it is over, which came to ``came``.

    Where nothing follows, what all of it came to. None: its condition was stopped, so that it has not begun.
    """
    if not over.leads_on:
        return came
    from . import stages

    if isinstance(over, stages.Condition):
        if came.status != OK:
            return None if came.error_type == RUNNER_STOPPED else came
        task, log = over.task, over.capture.log
        found = _working(task, over.paths, config, over.was_told, over.said, log)
        if isinstance(found, OSError):
            log.discard()
        return stages.closed(over, found) if isinstance(found, Outcome) else found
    return stages.checked(over, came, config) if came.status == OK else stages.closed(over, came)


def _working(
    claimed: Task,
    paths: Paths,
    config: Config,
    was_told: Callable[[], bool],
    condition: str | None = None,
    log: Log | None = None,
) -> Attempt | Outcome | OSError:
    """The executor behind its gate; ``condition`` is what that printed, and ``log`` where it did."""
    try:
        if claimed.get("worktree"):
            from . import worktrees  # few tasks have one

            worktrees.write_prompt(claimed, paths, config, condition)
        else:
            command.write_prompt(claimed, paths, config, condition)
    except Exception as error:
        # A directory in place of the prompt stops this task alone.
        if isinstance(error, OSError) and not isinstance(error, IsADirectoryError):
            return error
        return command.not_started(error, CONFIG_ERROR, config)

    def made() -> Attempt | Outcome:
        if claimed.get("worktree"):
            from . import worktrees

            return worktrees.InWorktree(claimed, config, was_told, log)
        argv = command.command_line(claimed, config)
        if argv is not None:
            return Attempt(claimed, config, argv, was_told, log)
        if claimed.get("check"):
            what = "nothing is executed, so that there is nothing to check (set an executor, or remove the check)"
            raise Misconfigured(what)
        return command.prompt_prepared(claimed, paths, config)

    return _made(made, paths, config)


def _made(make: Callable[[], Attempt | Outcome], paths: Paths, config: Config) -> Attempt | Outcome | OSError:
    try:
        return make()
    except Misconfigured as error:
        return command.misconfigured(error, paths, config)
    except Exception as error:
        # What the system lacks, or what is in place of our own directory, is not this task's fault.
        if isinstance(error, trust.Untrusted) or (isinstance(error, OSError) and error.errno in _OUT_OF_RESOURCES):
            return error
        return command.not_started(error, CONFIG_ERROR, config)
