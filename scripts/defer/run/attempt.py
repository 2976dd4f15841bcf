"""One attempt at work: the executor's process, what it prints, how long it may take, and what it came to.

``Attempt`` starts the leader behind its gate, ``release`` lets it run. The caller waits for what ``to_watch`` names,
calls ``read`` for it, asks ``is_over`` after every event, and ``finish`` for the outcome. An executor sees the task as
JSON on its standard input, and never sees the store.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from defer import fsio, process, timeparse
from defer.errors import DeferError
from defer.executors import handover, resultfile
from defer.record import codec
from defer.record.codec import Task
from defer.record.outcome import (
    CANCELLED,
    FAILED,
    OK,
    PERMISSION_BLOCKED,
    RUNNER_STOPPED,
    TIMEOUT,
    TIMEOUT_ERROR,
    Outcome,
    error_type_of,
)
from defer.record.retry import no_sooner_than_a_minute
from defer.settings.config import Config
from defer.settings.masking import Masker

from . import charsets, command, descendants
from .capture import RECORD_BYTES, STREAMS, Capture, Log
from .command import Paths
from .ending import LOOK_EVERY_SECONDS, Ending

if TYPE_CHECKING:
    from defer.record.types import Result as Facts
    from defer.record.types import Usage

    from .family import Parent
    from .keeper import Keeper

_READ_BYTES = 1 << 16
_PIECES_IN_A_PIPE = 64
_KILLED = -9


class Attempt:
    """An executor at work.

    ``was_told``: whether somebody else, a cancel say, has told all of it to end: then nobody is told twice.
    ``log``: where the same attempt has printed to before.
    """

    kept_as = "{}"
    """By which name the keeper knows it, made of its run's."""
    is_work = True
    """Whether this is the executor, for which the rest of the attempt is made."""

    def __init__(
        self,
        task: Task,
        config: Config,
        argv: list[str],
        was_told: Callable[[], bool] = lambda: False,
        log: Log | None = None,
    ) -> None:
        """Put it behind its gate. Raises Misconfigured or OSError; nothing runs then."""
        self.task = task
        self._config, self.was_told = config, was_told
        self.run_id = str((task.get("run") or {}).get("run_id"))
        self.paths = Paths.of(config.log_dir, task["id"], self.run_id)
        self.timeout = self._limit()
        self._continued = command.continued(task, config)
        cwd = self._continued.directory or command.working_directory(task, config)
        own, secrets = command.own_variables(task, config)
        variables = command.environment(task, config, self.paths, own, self._continued)
        locale = charsets.locale_name(variables)
        self._own_secrets = [*secrets, *charsets.encoded([*config.secrets, *secrets], locale)]
        self._masker = Masker([*config.secrets, *self._own_secrets])
        try:
            handover.make_place(self.paths.input.parent)
            self.leader = command.gated(argv, cwd, variables, task, config, self._write_input())
        except BaseException:
            handover.clear(self.paths.input)
            raise
        log = log or Log.create(self.paths.log, config.output_limit_bytes)
        self.capture = Capture(log, self._masker, locale=locale)
        search = descendants.Search(self.leader.pid, self.run_id, os.getpid(), is_adopted=self._is_adopted)
        self._ending = Ending(search, config.kill_grace_seconds)
        self._streams: dict[int, str] = {}
        self._keeper: Keeper | None = None
        self._terminate_at: float | None = None
        self._look_again_at: float | None = None
        self._status: int | None = None
        self._is_over = False
        self._why_ended: str | None = None
        self._held = self.capture.held

    def _limit(self) -> float | None:
        """Seconds that it may take, or None for no limit."""
        return command.timeout_of(self.task, self._config)

    @property
    def told(self) -> Task:
        """The task as whoever works on it is told."""
        return self.task

    def _write_input(self) -> str:
        """What the executor reads: the task; nothing for a command, which would take it for its own input."""
        if self.task.get("command"):
            return os.devnull
        handover.give(self.paths.input, codec.encode(self.told))
        return str(self.paths.input)

    # From the gate to the end

    def release(self, keeper: Keeper | None, family: Parent) -> None:
        """Open the gate: from here on the executor runs."""
        self._keeper, self._family = keeper, family
        out, err = self.leader.stdout.fileno(), self.leader.stderr.fileno()
        self._streams = dict(zip((out, err), STREAMS, strict=True))
        if keeper is not None:
            # Before it can print anything: whoever reads it must be known by then.
            keeper.keep(self._kept_as, self._identity(), (out, err), self.capture.log.fd, self._own_secrets)
        self._started = time.monotonic()
        self._terminate_at = self._started + self.timeout if self.timeout else None
        self.leader.open_gate()

    @property
    def _kept_as(self) -> str:
        return self.kept_as.format(self.run_id)

    def _identity(self) -> Mapping[str, Any]:
        run = self.task.get("run")
        return (run.get("leader") if run else None) or process.identity(self.leader.pid)

    def abandon(self) -> None:
        """Leave the gate shut: the executor never runs."""
        self.leader.shut_gate()
        self.leader.wait()
        self._close()
        if self.undone(None) is None:
            self.capture.log.discard()

    def let_go(self) -> None:
        """Stop looking after it: it goes on, and its keeper reads what it prints."""
        self.leader.close()
        if self.capture.log.fd is not None:
            fsio.close(self.capture.log.fd)

    def end(self, why: str) -> None:
        """Ask all its processes to end, for the reason ``why`` (an ``error_type``); after the grace they are killed."""
        if self._why_ended is None and self._status is None:
            self._why_ended = why
            self._ending.begin()

    def next_look(self) -> float | None:
        """The monotonic time at which ``is_over`` has something to do even without an event, or None."""
        return self._ending.next_look() if self._ending.has_begun else self._look_again_at or self._terminate_at

    def is_over(self, now: float) -> bool:
        """Whether the leader and all it left have ended. Acts on a deadline and on the leader's end."""
        if self._status is None:
            status = self.leader.poll()
            if status is not None and self._why_ended is None:
                try:
                    self._is_over = self._has_left_nothing()
                except OSError:
                    self._look_again_at = now + LOOK_EVERY_SECONDS
                    return False
            elif status is None and self._terminate_at is not None and now >= self._terminate_at:
                self.end(TIMEOUT_ERROR)
            self._status = status
        is_over = self._is_over or self._ending.is_over(now)
        if is_over and self._status is None:
            # It has died since: ask now, before somebody else reaps it.
            self._status = self.leader.poll()
            return self._status is not None or bool(self._ending.given_up)
        return is_over

    def _is_adopted(self, row: descendants.Row) -> bool:
        return self._family.is_adopted_from(self.run_id, row)

    def _has_left_nothing(self) -> bool:
        """After the leader's own end. What is left is asked to end, unless it is meant to stay."""
        if self.task.get("leave_running") or not descendants.has_unknown_child(self._family.known_children()):
            return True
        if not self._ending.left():
            return True
        self._ending.begin(told=self.was_told())
        return False

    @property
    def leads_on(self) -> bool:
        """Whether something follows in the same attempt if this ends well."""
        return bool(self.task.get("check"))

    @property
    def is_well(self) -> bool:
        """Whether it has ended by itself, with 0."""
        return self._why_ended is None and self._status == 0

    @property
    def left_seconds(self) -> float | None:
        """How much of its time is left, or None where it has no limit."""
        return None if self._terminate_at is None else self._terminate_at - time.monotonic()

    def undone(self, _error: DeferError | None) -> Outcome | None:
        """What it comes to if it is not let run, because of an error or of a stop; None where nothing has run yet."""
        return None

    @property
    def had_to_end_others(self) -> bool:
        """Whether something of it went on after its leader's own end, and was ended."""
        return self._why_ended is None and self._ending.has_begun

    @property
    def given_up(self) -> list[descendants.Row]:
        """What of it could not be ended."""
        return self._ending.given_up

    # What it prints

    def to_watch(self) -> Collection[int]:
        """The descriptors on which it may have something to read: those of its pipes that others hold open."""
        return self._streams

    def read(self, fd: int) -> bool:
        """Take in what is there; whether anything was."""
        try:
            piece = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return False
        self.capture.take(self._streams[fd], piece)
        if self._keeper is not None and self.capture.held != self._held:
            self._held = self.capture.held
            self._keeper.held(self._kept_as, self._held)
        if not piece:
            del self._streams[fd]
        return bool(piece)

    def _drain(self) -> bool:
        """Read what is left in the pipes, bounded by their size; whether one of them is still open."""
        for fd in list(self._streams):
            for _ in range(_PIECES_IN_A_PIPE):
                if fd not in self._streams or not self.read(fd):
                    break
        return bool(self._streams)

    def _close(self, *, is_read_on: bool = False) -> None:
        self.capture.finish(is_read_on=is_read_on, goes_on=self.leads_on and self.is_well)
        self.leader.close()
        handover.clear(self.paths.input)

    # What it came to

    def finish(self, now: datetime) -> Outcome:
        """What it came to, once it is over. Its result says what is odd about it; that stops nothing else."""
        try:
            self._let_go_of_pipes()
            ended = self._outcome(now)
        except Exception as error:
            with suppress(Exception):
                self._close()
            ended = self._bare_outcome(error)
        duration = round((time.monotonic() - self._started) * 1000)
        log = self.capture.log
        drift = command.noted_now(self.task, now)
        return ended._replace(duration_ms=duration, drift=drift, log_bytes=log.kept_bytes, has_log=log.is_kept)

    def _bare_outcome(self, odd: Exception) -> Outcome:
        """What the exit status alone says, where the rest of the end could not be read."""
        code = self._exit_code()
        # Its message may quote what must be masked.
        what = f"the end could not be read: {type(odd).__name__}"
        prompt, log = str(self.paths.prompt), str(self.paths.log)
        facts: Facts = {"prompt_path": prompt, "log_path": log, "result_file_error": what}
        if self._why_ended is None and code == 0:
            return Outcome(OK, exit_code=0, result={"type": "executor_output", **facts, "output": ""})
        kind = self._why_ended or error_type_of(code)
        status = TIMEOUT if kind == TIMEOUT_ERROR else FAILED
        return Outcome(status, exit_code=code, error_type=kind, error=f"executor ended with {code}", result=facts)

    def _exit_code(self) -> int:
        # A process in an uninterruptible wait, which SIGKILL does not end at once, is not waited for.
        polled = self.leader.poll() if self._status is None else self._status
        return _KILLED if polled is None else polled

    def _let_go_of_pipes(self) -> None:
        goes_on = self._drain() and bool(self.task.get("leave_running"))
        is_read_on = False
        if self._keeper is not None and goes_on:
            # A program that stays would be killed by SIGPIPE at its next word if nobody read it.
            is_read_on = self._keeper.take(self._kept_as)
        elif self._keeper is not None:
            self._keeper.over(self._kept_as)
        self._close(is_read_on=is_read_on)

    def _outcome(self, now: datetime) -> Outcome:
        code = self._exit_code()
        said, complaint = self._result_file(now)
        facts = self._facts(said, complaint)
        if self._why_ended is None and code == 0:
            ended = self._blocked(said, facts) if said.denied else self._success(said, facts, now)
        else:
            kind = self._why_ended or said.error_type or error_type_of(code)
            status = TIMEOUT if kind == TIMEOUT_ERROR else FAILED
            ended = Outcome(
                status, error_type=kind, error=self._error(kind, code), retry_at=said.retry_at, result=facts
            )
        return ended._replace(
            exit_code=code,
            session_id=said.session_id,
            usage=self._used(said, facts),
            session_usage=said.session_usage,
            model=said.model,
            tool_calls=said.tool_calls,
            denied=said.denied,
        )

    def _used(self, said: resultfile.Result, facts: Facts) -> Usage | None:
        """What this run has used: some agents count a conversation from its beginning."""
        if said.usage is not None or said.session_usage is None:
            return said.usage
        from defer.record import conversation  # most agents count each run by itself

        return conversation.used(self.task, said.session_id, said.session_usage, facts.get("conversation"))

    def _blocked(self, said: resultfile.Result, facts: Facts) -> Outcome:
        """An agent that was not allowed a tool calls its run a success; nobody has looked whether it is one."""
        error = f"permission denied for {', '.join(said.denied or ())} (see --permissions, or allow it in its settings)"
        return Outcome(FAILED, error_type=PERMISSION_BLOCKED, error=self._masker.text(error), result=facts)

    def _success(self, said: resultfile.Result, facts: Facts, now: datetime) -> Outcome:
        at, complaint = self._reschedule(said.reschedule, now)
        delay = at - now if at is not None and timeparse.elapsing(said.reschedule or "") is not None else None
        result: Facts = {"type": "executor_output", **facts, "output": self.capture.output.rstrip("\n")}
        if complaint:
            result["result_file_error"] = "; ".join(filter(None, (facts.get("result_file_error"), complaint)))
        if self.capture.stdout_bytes > RECORD_BYTES:
            result = {**result, "output_bytes": self.capture.stdout_bytes, "output_truncated": True}
        return Outcome(OK, result=result, reschedule_at=at, reschedule_delay=delay)

    def _reschedule(self, words: str | None, now: datetime) -> tuple[datetime | None, str | None]:
        if words is None:
            return None, None
        try:
            wanted = timeparse.parse(words, now, self._config.timezone(self.task.get("tz"))).instant
            return no_sooner_than_a_minute(wanted, now), None
        except DeferError as error:
            return None, f"reschedule: {self._unlike_a_time(words, error)}"

    def _unlike_a_time(self, words: str, error: DeferError) -> str:
        """Why words are not a time. The reader's message shows parts of them, in which no mask would find a secret."""
        hidden = self._masker.text(words)
        return str(error) if hidden == words else f"this is not a time: {hidden}"

    def _result_file(self, now: datetime) -> tuple[resultfile.Result, str | None]:
        """What the executor wrote to its result file, masked, and what is wrong with it."""
        raw, odd = handover.take(self.paths.result, resultfile.LIMIT_BYTES + 1)
        if odd:
            return resultfile.Result(), odd
        try:
            return resultfile.read(resultfile.masked(resultfile.load(raw), self._masker), now)
        except resultfile.BadResult as error:
            return resultfile.Result(), str(error)

    def _facts(self, said: resultfile.Result, complaint: str | None) -> Facts:
        facts: Facts = {
            "prompt_path": str(self.paths.prompt),
            "log_path": str(self.paths.log) if self.capture.log.is_kept else None,
            "summary": said.summary,
            "artifacts": said.artifacts,
            "result_file_error": complaint,
            "conversation": "new" if said.session_error and self._continued.how else self._continued.how,
            "session_error": "; ".join(filter(None, (self._continued.error, said.session_error))) or None,
            "log_error": self.capture.log.error,
        }
        return cast("Facts", {name: value for name, value in facts.items() if value is not None})

    def _error(self, kind: str, code: int) -> str:
        said = self.capture.last_words
        how = self._how_it_ended(kind, code)
        return f"{how}: {said}" if said else how

    def _how_it_ended(self, kind: str, code: int) -> str:
        if kind == TIMEOUT_ERROR:
            return f"timed out after {self.timeout:g} s"
        if kind in (RUNNER_STOPPED, CANCELLED):
            return "the runner was stopped" if kind == RUNNER_STOPPED else "cancelled while executing"
        return f"executor was ended by signal {-code}" if code < 0 else f"executor exited with {code}"
