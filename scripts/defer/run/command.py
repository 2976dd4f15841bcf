"""What an attempt needs before it can run: the prompt, what to start, where, and with which variables.

The running thing is ``attempt.Attempt``.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from defer import fsio, instants, visible
from defer.errors import DeferError, NoHome
from defer.executors import registry
from defer.process import Leader
from defer.record import shapes
from defer.record.codec import Task
from defer.record.outcome import CONFIG_ERROR, FAILED, OK, Outcome
from defer.settings.config import Config

from . import environment as surroundings
from . import prompt

if TYPE_CHECKING:
    from defer.executors.profiles import Profile
    from defer.record.types import Drift

_READ_BYTES = 1 << 16
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}").fullmatch


class Misconfigured(DeferError):
    """The attempt cannot start, and trying again would not help; the text becomes the task's error."""


def file_name(task_id: str) -> str:
    """A file name for an id: the id itself, or for a v1 id that cannot be one, what is left of it and a digest."""
    if _PLAIN_NAME(task_id) and ".." not in task_id:
        return task_id
    digest = hashlib.sha256(task_id.encode(errors="surrogatepass")).hexdigest()[:12]
    return re.sub(r"[^A-Za-z0-9_-]", "_", task_id)[:80] + "-" + digest


def resolve(named: str, store: Path) -> Path:
    """The file of an executor, which is a shipped one's name or a path. Raises Misconfigured."""
    path = registry.find(named) or Path(named)
    trouble = registry.trouble(path, store)
    if trouble:
        raise Misconfigured(trouble)
    return path.absolute()


def command_line(task: Task, config: Config) -> list[str] | None:
    """What an attempt starts: the task's own command, else its executor, else the configured one.

    None where it has none of these. Raises Misconfigured for one that cannot be started.
    """
    command = task.get("command")
    if command:
        return argv_of(command, task, config)
    named = task.get("executor") or config.executor
    return None if named is None else [str(resolve(named, config.tasks_file))]


def argv_of(command: str | list[str], task: Task, config: Config) -> list[str]:
    """What a command starts: a shell with it, or its program. Raises Misconfigured where there is no such program."""
    if isinstance(command, str):
        return ["/bin/sh", "-c", "--", command]
    directory = str(working_directory(task, config))
    program = registry.program(command[0], config.get("PATH") or os.defpath, directory)
    if program is None:
        raise Misconfigured(f"no such program: {command[0]} (give its path, or correct PATH in the settings file)")
    return [program, *command[1:]]


class Paths(NamedTuple):
    """Where the files of one attempt lie. ``input`` is there only while it is under way."""

    prompt: Path
    log: Path
    result: Path
    input: Path

    @classmethod
    def of(cls, log_dir: Path, task_id: str, run_id: str) -> Paths:
        """The paths for a task's run under ``log_dir``."""
        name = file_name(task_id)
        attempts = log_dir / "attempts" / name
        own = (attempts / f"{file_name(run_id)}.{kind}" for kind in ("log", "result.json", "input.json"))
        return cls(log_dir / f"{name}.prompt.txt", *own)


def write_prompt(
    task: Task,
    paths: Paths,
    config: Config,
    condition: str | None = None,
    worktree: str | None = None,
    *,
    is_new: bool = False,
) -> None:
    """Write the prompt artifact. Raises OSError.

    ``condition``: what that has printed, masked; ``worktree``: what the prompt says of that; ``is_new``: it is yet
    to be made.
    """
    said, run = task.get("last_error"), task.get("run")
    if isinstance(said, str):
        # It was masked with the secrets of that time, or by a version that masked nothing.
        task = {**task, "last_error": config.masked(said)}
    number = int((run.get("attempt") if run else None) or 1)
    goes_on = bool(continued(task, config).session)
    may, changes = _profile(task, config), _changes_since(task, config, worktree is not None, is_new)
    text = prompt.render(task, number, changes, condition, may, goes_on=goes_on, worktree=worktree)
    fsio.ensure_directory(paths.prompt.parent)
    fsio.replace(paths.prompt, [text.encode("utf-8", "replace")], sync=False)


def _profile(task: Task, config: Config) -> Profile | None:
    """What a shipped agent may do; None where nothing is said, or what is said will fail the attempt."""
    wanted = task.get("permissions")
    if wanted is None or task.get("command") or not registry.is_agent(task.get("executor") or config.executor):
        return None
    from defer.executors import profiles

    try:
        return profiles.read(wanted)
    except profiles.Unusable:
        return None


def _changes_since(task: Task, config: Config, in_worktree: bool, is_new: bool) -> list[str]:
    """What has changed since the task was scheduled, as lines for its prompt; none where nothing reads them."""
    known, run = task.get("drift"), task.get("run") or {}
    if not known or known.get("off"):
        return []
    from defer.context import drift, noted

    if not noted.reads_prompt(task, config.executor):
        return []
    try:
        now = instants.from_text(run.get("started_at") or known.get("at") or "")
        git = registry.program("git", config.get("PATH") or os.defpath, os.curdir)
        late = int(run.get("late_by_seconds") or 0)
        lines = drift.brief(known, now, late, git, in_worktree=in_worktree, is_new=is_new)
    except Exception as error:
        # Whatever stands in the record or lies on the disk: the work does not wait for it.
        return [f"What has changed could not be looked at: {type(error).__name__}."]
    return [config.masked(line) for line in lines]


def noted_now(task: Task, now: datetime) -> Drift | None:
    """How a task's workspace stands at the end of an attempt: what its next prompt compares with. None for no note."""
    known = task.get("drift")
    if not known or known.get("off"):
        return None
    from defer.context import noted

    try:
        return noted.note(task, now)
    except (OSError, ValueError):
        # The older note stays: it tells of more than is new, and hides nothing.
        return None


def working_directory(task: Task, config: Config) -> Path:
    directory, what = task.get("workspace"), "workspace"
    if not directory:
        directory, what = task.get("cwd"), "the directory it was scheduled from"
    try:
        if not directory:
            return config.home
        os.stat(f"{directory}/.")  # asks whether it may be entered, too
        if what == "workspace" and _has_moved(task, directory):
            mend = f"defer edit {task['id']} --workspace DIR, without links"
            raise Misconfigured(f"workspace has been replaced by a link since: {directory} ({mend})")
    except NoHome as error:
        raise Misconfigured(str(error)) from None
    except OSError as error:
        mend = f"schedule with another --workspace; what recurs: defer edit {task['id']} --workspace DIR"
        raise Misconfigured(f"{what} cannot be entered: {directory}: {error.strerror} ({mend})") from None
    return Path(directory)


def _has_moved(task: Task, directory: str) -> bool:
    if not task.get("root"):
        return False
    from defer.scheduling import inside  # only for what an attempt or an MCP client has scheduled

    return inside.has_moved(task, directory)


class _Noted(dict[str, str]):
    """Variables that note which of them were asked for."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self.taken: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        self.taken[name] = super().__getitem__(name)
        return self.taken[name]


def own_variables(task: Task, config: Config) -> tuple[dict[str, str], list[bytes]]:
    """The variables in a task's file, and which of their values are secret, beside ``config.secrets``.

    Nothing else keeps their values. A value that ``${NAME}`` put into one stays secret too. Raises Misconfigured.
    """
    if not task.get("env"):
        return {}, []
    from defer.taskfiles import read

    environment = _Noted(surroundings.passed_on(config.environment))
    try:
        file = task.get("env_file") or (task.get("source") or {})["file"]
        own = read.environment(Path(file or ""), environment)
    except (DeferError, KeyError, TypeError) as error:
        raise Misconfigured(f"the task's env cannot be read: {error}") from None
    return own, [*config.secrets_of(own), *config.secrets_of(environment.taken)]


def environment(
    task: Task, config: Config, paths: Paths, own: dict[str, str], session: Continued | None = None
) -> dict[str, str]:
    """The variables of an attempt. Raises Misconfigured for a name that would be an option on a command line."""
    run = task.get("run") or {}
    return {
        **surroundings.of_attempt(config.environment, own),
        **_names_told(task, session or Continued()),
        **_restriction(task, config),
        "DEFER_TASK_ID": task["id"],
        "DEFER_RUN_ID": str(run.get("run_id", "")),
        "DEFER_ATTEMPT": str(run.get("attempt", 1)),
        "DEFER_PROMPT_FILE": str(paths.prompt),
        "DEFER_RESULT_FILE": str(paths.result),
    }


def _restriction(task: Task, config: Config) -> dict[str, str]:
    """What keeps an agent that we ship from doing through Defer what its task may not; empty if it is trusted."""
    is_agent = not task.get("command") and registry.is_agent(task.get("executor") or config.executor)
    return {"DEFER_RESTRICTED": "" if config.trusts_agents else "1"} if is_agent else {}


def _names_told(task: Task, session: Continued) -> dict[str, str]:
    model, agent = task.get("model"), task.get("agent")
    if not (session.session or model or agent):
        return {}
    from defer.executors import names  # only a task of an agent's pays for it

    for what, named, is_plain in (("model", model, names.is_model), ("agent", agent, names.is_agent)):
        if named and not is_plain(named):
            where = (task.get("source") or {}).get("file")
            mend = f"correct {what} in {where}, then: defer sync" if where else "cancel it, schedule it with another"
            raise Misconfigured(f"{what} cannot be told to a program: {shapes.shown(named)} ({mend})")
    told = {"DEFER_SESSION_ID": session.session, "DEFER_MODEL": model, "DEFER_AGENT": agent}
    told |= {"DEFER_SESSION_FORK": "1"} if session.is_fork else {}
    return {name: str(value) for name, value in told.items() if value}


class Continued(NamedTuple):
    """The conversation that an attempt continues, if any; the directory that it belongs to, if that is known.

    ``is_fork``: in a copy, since it is open elsewhere. ``error``: why one is not continued that was to be.
    """

    session: str | None = None
    is_fork: bool = False
    directory: Path | None = None
    error: str | None = None

    @property
    def how(self) -> str | None:
        """``continued``, ``forked`` or ``new``; None where there was nothing to continue."""
        if self.session:
            return "forked" if self.is_fork else "continued"
        return "new" if self.error else None


def continued(task: Task, config: Config) -> Continued:
    """Which conversation an attempt is told to continue."""
    # Few tasks have one, and the others do not pay for it.
    if not task.get("session_id"):
        return Continued()
    from defer.record import conversation

    session = conversation.session(task)
    if not session:
        return Continued()
    from defer.executors import conversations, names

    if not names.is_session(session):
        # An agent may have written an option in place of an id.
        why = f"the old one's id cannot be told to a program: {shapes.shown(session)}"
        return Continued(error=f"a new one was begun: {why}")
    directory = Path(task.get("session_directory") or "") if conversation.is_callback(task) else None
    is_there = directory is None or (directory.is_absolute() and os.path.isdir(directory))
    if not is_there or (directory is not None and _has_moved(task, str(directory))):
        return Continued(error=f"a new one was begun: the directory of {session} is gone: {visible.line(directory)}")
    if not conversations.is_open(config.runtime_dir, session):
        return Continued(session, directory=directory)
    agent = registry.agent_of(task.get("executor") or config.executor)
    if agent is None or "fork" not in registry.SHIPPED[agent].enforces:
        return Continued(error=f"a new one was begun: {session} is open elsewhere")
    return Continued(session, is_fork=True, directory=directory)


def timeout_of(task: Task, config: Config) -> float | None:
    """Seconds an attempt of this task may take, or None for no limit."""
    wanted = task.get("timeout_seconds")
    return (config.timeout_seconds if wanted is None else float(wanted)) or None


def misconfigured(error: Misconfigured, paths: Paths, config: Config) -> Outcome:
    """The outcome of an attempt that could not start, for a reason that will not pass."""
    return Outcome(
        FAILED, error_type=CONFIG_ERROR, error=config.masked(str(error)), result={"prompt_path": str(paths.prompt)}
    )


def not_started(error: Exception, error_type: str, config: Config) -> Outcome:
    """The outcome of an attempt that could not start, for a reason that nobody foresaw or that the system gave."""
    # The error may hold a value of the record, of any length.
    said = config.masked(str(error) if isinstance(error, OSError) else repr(error))
    why = said if isinstance(error, OSError) else f"its record cannot be used: {said[:300]}"
    return Outcome(FAILED, error_type=error_type, error=f"the attempt could not start: {why}")


def prompt_prepared(task: Task, paths: Paths, config: Config) -> Outcome:
    """The outcome of an attempt with nothing to execute: the prompt, and where it is told as it is filed."""
    from defer.notices import places

    # An attempt that no runner of a store makes is not filed either: nobody hears of it.
    is_filed = bool((task.get("run") or {}).get("runner"))
    told = places.of_reminder(config) if is_filed and task.get("notify") != "never" else []
    return Outcome(OK, result={"type": "prompt_prepared", "prompt_path": str(paths.prompt), "told": told})


def gated(argv: list[str], cwd: Path, variables: dict[str, str], task: Task, config: Config, stdin: str) -> Leader:
    """The leader of an attempt behind its gate. Raises OSError; Misconfigured for more than the system can start."""
    try:
        return Leader(argv, cwd, variables, stdin, surroundings.callers_umask)
    except OSError as error:
        if error.errno != errno.E2BIG:
            raise
    own, file = task.get("env") or (), (task.get("source") or {}).get("file")
    where = surroundings.too_large(argv, variables, lambda name: str(file) if name in own else config.origin(name))
    raise Misconfigured(where)
