"""What stands around the executor in an attempt: a condition that is asked before it, a check that is made after it.

Each is a process of the same attempt, with its variables, its directory and its log, and ends as the executor does: by
a limit, a stop, a cancel. Its leader stands in the store before it runs, in place of the one before. So whoever finds
the attempt after its runner's death finds its processes, and no part of it is made twice.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, cast

from defer.executors import handover
from defer.record.outcome import (
    CHECK_FAILED,
    CONDITION_FAILED,
    FAILED,
    NOT_NOW,
    OK,
    RUNNER_STOPPED,
    TIMEOUT,
    TIMEOUT_ERROR,
    Outcome,
)

from . import command
from .attempt import Attempt
from .command import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable

    from defer.errors import DeferError
    from defer.record.codec import Task
    from defer.record.types import Result
    from defer.settings.config import Config

CONDITION_SECONDS = 60.0
SAID_BYTES = 16 << 10
_SAYS_NOT_NOW = range(1, 125)
"""Exit statuses of a condition. Shells use those above for what could not be run or was killed."""
_SHORTEST_SECONDS = 0.001
_OF_SUCCESS = ("type", "output", "output_bytes", "output_truncated")


class _Beside(Attempt):
    """A process of an attempt that is not its executor: nothing is handed to it."""

    is_work = False

    def _write_input(self) -> str:
        return os.devnull

    def _ended(self, code: int) -> str:
        """How it ended, and its last words."""
        how = f"was ended by signal {-code}" if code < 0 else f"exited with {code}"
        if self._why_ended == TIMEOUT_ERROR:
            how = f"took longer than {self.timeout:g} s"
        said = self.capture.last_words
        return f"{how}: {said}" if said else how


class Condition(_Beside):
    """The condition of a task, which is asked before anything else of its attempt."""

    kept_as = "{}.if"
    leads_on = True

    def __init__(self, task: Task, config: Config, was_told: Callable[[], bool]) -> None:
        """Put it behind its gate. Raises Misconfigured or OSError."""
        super().__init__(task, config, command.argv_of(task.get("condition") or "", task, config), was_told)

    def _limit(self) -> float:
        return CONDITION_SECONDS

    @property
    def said(self) -> str:
        """What it printed on stdout, masked: the first 16 KiB, of which the rest may be a part of a character."""
        return self.capture.output.encode()[:SAID_BYTES].decode(errors="ignore")

    def finish(self, now: datetime) -> Outcome:
        ended = super().finish(now)
        if ended.status == NOT_NOW or ended.error_type == RUNNER_STOPPED:
            self.capture.log.discard()
        return ended

    def _outcome(self, _now: datetime) -> Outcome:
        handover.clear(self.paths.result)  # what the executor has to say is its own
        code = self._exit_code()
        if self._why_ended not in (None, TIMEOUT_ERROR):
            return Outcome(
                FAILED, exit_code=code, error_type=self._why_ended, error=f"its condition {self._ended(code)}"
            )
        if self._why_ended is None and code == 0:
            return Outcome(OK, exit_code=0)
        if self._why_ended is None and code in _SAYS_NOT_NOW:
            return Outcome(NOT_NOW, exit_code=code, error=self._ended(code))
        return Outcome(FAILED, exit_code=code, error_type=CONDITION_FAILED, error=f"its condition {self._ended(code)}")

    def _bare_outcome(self, odd: Exception) -> Outcome:
        what = f"the end of its condition could not be read: {type(odd).__name__}"
        return Outcome(FAILED, exit_code=self._exit_code(), error_type=CONDITION_FAILED, error=what)


class Check(_Beside):
    """The check of a task, made once its executor says that it is done: only if this exits with 0, it is."""

    kept_as = "{}.check"
    leads_on = False

    def __init__(self, done: Attempt, came: Outcome, config: Config) -> None:
        """Put it behind its gate; ``done``, which came to ``came``, leaves it its log.

        Raises Misconfigured or OSError.
        """
        self._came, self._left = came, done.left_seconds
        task = done.told
        argv = command.argv_of(task.get("check") or "", task, config)
        super().__init__(task, config, argv, done.was_told, done.capture.log)

    def _limit(self) -> float | None:
        return self._left and max(self._left, _SHORTEST_SECONDS)

    def undone(self, error: DeferError | None) -> Outcome:
        if error is None:
            return failed_check(self._came, "the runner was stopped before its check")._replace(
                error_type=RUNNER_STOPPED
            )
        return failed_check(self._came, f"its check could not be started: {error}")

    def finish(self, now: datetime) -> Outcome:
        ended = super().finish(now)
        return ended._replace(duration_ms=(self._came.duration_ms or 0) + (ended.duration_ms or 0))

    def _outcome(self, _now: datetime) -> Outcome:
        handover.clear(self.paths.result)
        code = self._exit_code()
        if self._why_ended is None and code == 0:
            return self._came
        failed = failed_check(self._came, f"its check {self._ended(code)}", code)
        if self._why_ended == TIMEOUT_ERROR:
            why = f"timed out in its check, after {self._whole_limit:g} s in all"
            return failed._replace(status=TIMEOUT, error_type=TIMEOUT_ERROR, error=why)
        return failed._replace(error_type=self._why_ended or CHECK_FAILED)

    @property
    def _whole_limit(self) -> float:
        return command.timeout_of(self.task, self._config) or 0

    def _bare_outcome(self, odd: Exception) -> Outcome:
        what = f"the end of its check could not be read: {type(odd).__name__}"
        return failed_check(self._came, what, self._exit_code())


def failed_check(came: Outcome, error: str, code: int | None = None) -> Outcome:
    """What an attempt comes to whose executor has done its work, and whose check says otherwise.

    What the executor named stays, but for its wish to run again: that it is done counts for nothing.
    """
    kept = {name: value for name, value in (came.result or {}).items() if name not in _OF_SUCCESS}
    return came._replace(
        status=FAILED,
        exit_code=code,
        error_type=CHECK_FAILED,
        error=error,
        result=cast("Result", kept),
        reschedule_at=None,
        retry_at=None,
    )


def first(task: Task, config: Config, was_told: Callable[[], bool]) -> Condition | Outcome:
    """The condition of a task behind its gate; or what the attempt came to. Raises OSError."""
    try:
        return Condition(task, config, was_told)
    except Misconfigured as error:
        why = f"its condition could not be asked: {config.masked(str(error))}"
        return Outcome(FAILED, error_type=CONDITION_FAILED, error=why)


def checked(done: Attempt, came: Outcome, config: Config) -> Check | Outcome:
    """The check of what an executor has done, behind its gate; or what the attempt came to."""
    try:
        return Check(done, came, config)
    except Exception as error:  # of whatever kind: what the executor has done must not be lost with it
        return closed(done, failed_check(came, f"its check could not be started: {config.masked(str(error))}"))


def closed(over: Attempt, came: Outcome) -> Outcome:
    """What an attempt came to of which nothing follows: its log is closed."""
    log = over.capture.log
    log.close()
    return came._replace(log_bytes=log.kept_bytes, has_log=log.is_kept)
