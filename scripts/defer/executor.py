"""One attempt of one task: the prompt, the executor's process, and what it came to.

An executor sees the task as JSON on stdin and never the store. ``prepare`` decides what to
start; ``Attempt`` is the running thing, driven by whoever owns the event loop; ``outcome``
reads the end of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from . import adapters, codec, fsio, prompt, resultfile, timeparse
from .capture import RECORD_BYTES, Capture
from .codec import Task
from .config import Config
from .errors import DeferError
from .masking import Masker
from .outcome import (
    CANCELLED,
    CONFIG_ERROR,
    FAILED,
    OK,
    RUNNER_STOPPED,
    TIMEOUT,
    TIMEOUT_ERROR,
    Outcome,
    error_type_of,
)
from .process import Leader
from .retry import no_sooner_than_a_minute

_READ_BYTES = 1 << 16
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}").fullmatch


class Misconfigured(DeferError):
    """The attempt cannot start, and trying again would not help; the text becomes the task's error."""


def file_name(task_id: str) -> str:
    """A file name for an id: the id itself, or for a v1 id that is none, what is left and a digest."""
    if _PLAIN_NAME(task_id) and ".." not in task_id:
        return task_id
    digest = hashlib.sha256(task_id.encode(errors="surrogatepass")).hexdigest()[:12]
    return re.sub(r"[^A-Za-z0-9_-]", "_", task_id)[:80] + "-" + digest


def resolve(named: str) -> Path:
    """The file an executor is called by: a shipped adapter's name, or a path. Raises Misconfigured."""
    path = adapters.find(named) or Path(named)
    if not path.is_file():
        raise Misconfigured(
            f"no such executor: {path} (give the path of a program, or a shipped name: {adapters.names()})"
        )
    if not os.access(path, os.X_OK):
        raise Misconfigured(f"executor is not executable: {path} (chmod +x it)")
    _check_interpreter(path)
    return path.absolute()


def _check_interpreter(path: Path) -> None:
    """Raise Misconfigured for a script whose ``#!`` line names what is not there: it would be called not found."""
    with path.open("rb") as file:
        first = file.read(_READ_BYTES).split(b"\n", 1)[0]
    if first[:2] == b"#!" and first[2:].split():
        interpreter = os.fsdecode(first[2:].lstrip(b" \t").split(b" ")[0])
        if not os.path.exists(interpreter):
            hint = "it has CRLF line ends" if interpreter.endswith("\r") else "mend its first line"
            raise Misconfigured(f"executor's interpreter is not there: {path} names {interpreter!r} ({hint})")


def command_line(task: Task, config: Config) -> list[str] | None:
    """What an attempt starts: the task's own command, else its executor, else the configured one.

    None where there is none of them. Raises Misconfigured for one that cannot be started.
    """
    command = task.get("command")
    if isinstance(command, str):
        return ["/bin/sh", "-c", command]
    if command:
        program = shutil.which(command[0], path=config.get("PATH") or os.defpath)
        if program is None:
            raise Misconfigured(f"no such program: {command[0]} (give its path, or mend PATH in the settings file)")
        return [os.path.abspath(program), *command[1:]]
    named = task.get("executor") or config.executor
    return None if named is None else [str(resolve(named))]


class Paths(NamedTuple):
    """Where the files of one attempt lie."""

    prompt: Path
    log: Path
    result: Path

    @classmethod
    def of(cls, log_dir: Path, task_id: str, run_id: str) -> Paths:
        """The paths for a task's run under ``log_dir``."""
        name = file_name(task_id)
        attempts = log_dir / "attempts" / name
        return cls(log_dir / f"{name}.prompt.txt", attempts / f"{run_id}.log", attempts / f"{run_id}.result.json")


def write_prompt(task: Task, paths: Paths) -> None:
    """Write the prompt artifact. Raises OSError."""
    text = prompt.render(task, int((task.get("run") or {}).get("attempt") or 1))
    fsio.ensure_directory(paths.prompt.parent)
    fsio.replace(paths.prompt, [text.encode("utf-8", "replace")], sync=False)


def _working_directory(task: Task, home: Path) -> Path:
    workspace = task.get("workspace")
    if workspace:
        if not Path(workspace).is_dir():
            raise Misconfigured(f"workspace is no directory: {workspace} (make it, or schedule with another)")
        return Path(workspace)
    cwd = task.get("cwd")
    return Path(cwd) if cwd and Path(cwd).is_dir() else home


def _own_variables(task: Task, config: Config) -> dict[str, str]:
    """The variables of a task's file, read from there: their values are kept nowhere else. Raises Misconfigured."""
    if not task.get("env"):
        return {}
    from . import taskfile

    try:
        written = Path(task.get("env_file") or task["source"]["file"])
        return taskfile.environment(written, config.environment)
    except (DeferError, KeyError, TypeError) as error:
        raise Misconfigured(f"the task's env cannot be had: {error}") from None


def _environment(task: Task, config: Config, paths: Paths, own: dict[str, str]) -> dict[str, str]:
    run = task.get("run") or {}
    session = task.get("session_id") if task.get("sticky_session") else None
    told = {"DEFER_SESSION_ID": session, "DEFER_MODEL": task.get("model"), "DEFER_AGENT": task.get("agent")}
    return {
        **config.environment,
        **own,
        **{name: str(value) for name, value in told.items() if value},
        "DEFER_TASK_ID": task["id"],
        "DEFER_RUN_ID": str(run.get("run_id", "")),
        "DEFER_ATTEMPT": str(run.get("attempt", 1)),
        "DEFER_PROMPT_FILE": str(paths.prompt),
        "DEFER_RESULT_FILE": str(paths.result),
    }


def timeout_of(task: Task, config: Config) -> float | None:
    """Seconds an attempt of this task may take, or None for no limit."""
    wanted = task.get("timeout_seconds")
    return (config.timeout_seconds if wanted is None else float(wanted)) or None


class Attempt:
    """An executor at work. ``start`` puts it behind its gate; ``release`` lets it run."""

    def __init__(self, task: Task, config: Config, argv: list[str]) -> None:
        """Raises Misconfigured or OSError; nothing runs then."""
        self.task = task
        self._config = config
        self.paths = Paths.of(config.log_dir, task["id"], task["run"]["run_id"])
        self.timeout = timeout_of(task, config)
        cwd = _working_directory(task, config.home)
        own = _own_variables(task, config)
        self._secrets = [*config.secrets, *(value.encode(errors="surrogateescape") for value in own.values())]
        self.leader = Leader(argv, cwd, _environment(task, config, self.paths, own))
        self.capture = Capture(self.paths.log, config.output_limit_bytes, self._secrets)
        self._started = time.monotonic()
        self._terminate_at = self._started + self.timeout if self.timeout else None
        self._kill_at: float | None = None
        self._why_ended: str | None = None

    def release(self) -> None:
        """Open the gate: from here on the executor runs."""
        self.leader.open_gate(codec.encode(self.task))

    def abandon(self) -> None:
        """Leave the gate shut: the executor never runs."""
        self.leader.shut_gate()
        self.leader.wait()
        self._close()

    def next_deadline(self) -> float | None:
        """The monotonic time at which ``enforce`` has something to do, or None."""
        return self._terminate_at if self._kill_at is None else self._kill_at

    def enforce(self, now: float) -> None:
        """Act on a deadline that has come: SIGTERM to the group, then SIGKILL."""
        if self._kill_at is not None:
            if now >= self._kill_at:
                self.leader.signal_group(signal.SIGKILL)
                self._kill_at = float("inf")
        elif self._terminate_at is not None and now >= self._terminate_at:
            self.end(TIMEOUT_ERROR)

    def end(self, why: str) -> None:
        """Ask the group to end, for the reason ``why`` (an ``error_type``); it is killed after the grace."""
        if self._kill_at is None:
            self._why_ended = why
            self._kill_at = time.monotonic() + self._config.kill_grace_seconds
            self.leader.signal_group(signal.SIGTERM)

    def read(self, stream: str) -> bool:
        """Take in what ``stdout`` or ``stderr`` has to give now; False at its end."""
        pipe = self.leader.stdout if stream == "stdout" else self.leader.stderr
        try:
            piece = os.read(pipe.fileno(), _READ_BYTES)
        except BlockingIOError:
            return True
        self.capture.take(stream, piece)
        return bool(piece)

    def has_ended(self) -> bool:
        """Whether the leader has ended; others of its group may live on."""
        return self.leader.poll() is not None

    def finish(self, now: datetime) -> Outcome:
        """What it came to, after the leader's end. A daemon that keeps stdout open is not waited for."""
        if self._why_ended is not None:
            self.leader.signal_group(signal.SIGKILL)
        for stream in ("stdout", "stderr"):
            self._drain(stream)
        self._close()
        duration = round((time.monotonic() - self._started) * 1000)
        return self._outcome(now)._replace(duration_ms=duration)

    def _drain(self, stream: str) -> None:
        """Take what is left in the pipe. Bounded by a pipe's own size: a daemon may go on writing."""
        pipe = self.leader.stdout if stream == "stdout" else self.leader.stderr
        for _ in range(64):
            try:
                piece = os.read(pipe.fileno(), _READ_BYTES)
            except (BlockingIOError, ValueError):
                return
            if not piece:
                return
            self.capture.take(stream, piece)

    def _close(self) -> None:
        self.capture.finish()
        self.leader.close()

    def _outcome(self, now: datetime) -> Outcome:
        code = self.leader.wait()
        said, complaint = self._result_file(now)
        facts = self._facts(said, complaint)
        if self._why_ended is None and code == 0:
            return self._success(said, facts, now)
        kind = self._why_ended or error_type_of(code)
        return Outcome(
            TIMEOUT if kind == TIMEOUT_ERROR else FAILED,
            exit_code=code,
            error_type=kind,
            error=self._error(kind, code),
            result=facts,
            retry_at=said.retry_at,
            session_id=said.session_id,
            usage=said.usage,
        )

    def _success(self, said: resultfile.Result, facts: dict[str, Any], now: datetime) -> Outcome:
        at, complaint = self._reschedule(said.reschedule, now)
        result = {"type": "executor_output", **facts, "output": self.capture.output}
        if complaint:
            result["result_file_error"] = complaint
        if self.capture.stdout_bytes > RECORD_BYTES:
            result |= {"output_bytes": self.capture.stdout_bytes, "output_truncated": True}
        return Outcome(OK, exit_code=0, result=result, reschedule_at=at, session_id=said.session_id, usage=said.usage)

    def _reschedule(self, words: str | None, now: datetime) -> tuple[datetime | None, str | None]:
        if words is None:
            return None, None
        try:
            wanted = timeparse.parse(words, now, self._config.timezone(self.task.get("tz"))).instant
            return no_sooner_than_a_minute(wanted, now), None
        except DeferError as error:
            return None, f"reschedule: {error}"

    def _result_file(self, now: datetime) -> tuple[resultfile.Result, str | None]:
        """What the executor wrote to its result file, masked, and what is wrong with it."""
        raw = fsio.read_bounded(self.paths.result, resultfile.LIMIT_BYTES + 1)
        if raw is None:
            return resultfile.Result(), self._odd_result_file()
        fsio.remove(self.paths.result)
        try:
            said = resultfile.parse(raw, now)
        except resultfile.BadResult as error:
            return resultfile.Result(), str(error)
        # After parsing: JSON may spell a secret with escapes.
        mask = Masker(self._secrets).text
        artifacts = None if said.artifacts is None else [mask(one) for one in said.artifacts]
        summary, session = said.summary and mask(said.summary), said.session_id and mask(said.session_id)
        return said._replace(summary=summary, session_id=session, artifacts=artifacts), None

    def _odd_result_file(self) -> str | None:
        """What to say of a result file that is no file: a link, a pipe, a directory. None where there is nothing."""
        if not os.path.lexists(self.paths.result):
            return None
        with suppress(OSError):
            fsio.remove(self.paths.result)
        return "it is no regular file"

    def _facts(self, said: resultfile.Result, complaint: str | None) -> dict[str, Any]:
        facts = {
            "prompt_path": str(self.paths.prompt),
            "log_path": str(self.paths.log),
            "summary": said.summary,
            "artifacts": said.artifacts,
            "result_file_error": complaint,
            "log_error": self.capture.log_error,
        }
        return {name: value for name, value in facts.items() if value is not None}

    def _error(self, kind: str, code: int) -> str:
        if kind == TIMEOUT_ERROR:
            return f"timed out after {self.timeout:g} s"
        if kind in (RUNNER_STOPPED, CANCELLED):
            return "the runner was stopped" if kind == RUNNER_STOPPED else "cancelled while executing"
        how = f"was ended by signal {-code}" if code < 0 else f"exited with {code}"
        said = self.capture.last_error_line
        return f"executor {how}: {said}" if said else f"executor {how}"


def misconfigured(error: Misconfigured, paths: Paths) -> Outcome:
    """The outcome of an attempt that could not start for a reason that stays."""
    return Outcome(FAILED, error_type=CONFIG_ERROR, error=str(error), result={"prompt_path": str(paths.prompt)})


def not_started(error: Exception, error_type: str) -> Outcome:
    """The outcome of an attempt that could not start for a reason nobody foresaw, or the system gave."""
    # The error may hold a value of the record, of any length.
    why = str(error) if isinstance(error, OSError) else f"its record cannot be used: {repr(error)[:300]}"
    return Outcome(FAILED, error_type=error_type, error=f"the attempt could not start: {why}")


def prompt_prepared(paths: Paths) -> Outcome:
    """The outcome of an attempt without an executor: the prompt is the result."""
    return Outcome(OK, result={"type": "prompt_prepared", "prompt_path": str(paths.prompt)})
