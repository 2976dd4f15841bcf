#!/usr/bin/env python3
"""Run a coding agent and report how it ended: for the shipped executors, which are shell scripts and do not read JSON.

Usage: agent_result.py AGENT (one that ``executors/registry.py`` knows)
       agent_result.py summary <TASK-JSON

The first form runs the agent's program with the prompt in DEFER_PROMPT_FILE and prints the agent's last message. It
writes session, usage and a time to try again to DEFER_RESULT_FILE, and exits as an executor should
(references/executor-contract.md). The second form prints the task's summary on one line.
"""

import sys

if __name__ == "__main__" and not sys.flags.isolated:
    # Before any other import: an empty part of PYTHONPATH is the working directory, whose json.py would run as ours.
    import posix

    if any(name.startswith(b"PYTHON") for name in posix.environ):
        if not sys.executable:
            sys.exit("defer: this Python cannot tell where it lies (start it by its full path)")
        posix.execv(sys.executable, [sys.executable, "-I", *sys.argv])

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
if __name__ == "__main__":
    _callers_umask = os.umask(0o077)
    os.umask(_callers_umask | 0o002)  # whoever can write to our byte code can make us run theirs

from defer import exits, instants, visible
from defer.errors import EXIT_BAD_INPUT, DeferError
from defer.executors import names, registry, start
from defer.executors import verdict as agentresult
from defer.settings import config

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_LONGEST_SUMMARY = 500


def _say(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


def _warn(agent: str, what: str) -> None:
    print(f"{agent}: {visible.line(what)}", file=sys.stderr, flush=True)


def _tell(text: str) -> None:
    print(f"defer: {visible.line(text)}", file=sys.stderr, flush=True)


def _misconfigured(agent: str, what: str) -> NoReturn:
    _warn(agent, what)
    sys.exit(agentresult.EXIT_MISCONFIGURED)


def _summary() -> int:
    """Cut the text short: nobody shows a notification of a megabyte, and no program can be started with one."""
    try:
        task: Any = json.loads(sys.stdin.buffer.read().decode("utf-8-sig", "replace"))
        summary = task["context"]["summary"]
    except (ValueError, KeyError, TypeError, RecursionError):
        summary = None
    _say(visible.sentence(summary or "(no summary)", _LONGEST_SUMMARY) + "\n")
    return 0


def _program(agent: str) -> str:
    executor, search_path = registry.SHIPPED[agent], os.environ.get("PATH") or os.defpath
    found = (registry.program(one, search_path, os.curdir) for one in executor.programs)
    mend = f"install {executor.product}, then run: defer cron install"
    return next(filter(None, found), None) or _misconfigured(agent, f"no such program on PATH ({mend})")


def _prompt(agent: str) -> int:
    path = os.environ.get("DEFER_PROMPT_FILE", "")
    try:
        return start.open_prompt(path)
    except (OSError, ValueError):
        _misconfigured(agent, f"no prompt to read: '{path}' (the runner names it in DEFER_PROMPT_FILE)")


def _wish(agent: str, field: str, variable: str) -> str | None:
    return os.environ.get(variable) or None if field in registry.SHIPPED[agent].enforces else None


def _arguments(agent: str) -> list[str]:
    """A bad model name ends the run; a bad session id only means that the agent forgets what was said before."""
    model, session = _wish(agent, "model", "DEFER_MODEL"), _wish(agent, "session_id", "DEFER_SESSION_ID")
    if model is not None and not names.is_model(model):
        _misconfigured(agent, f"DEFER_MODEL is not a model's name: {model!a} (name one in the task)")
    if session is not None and not names.is_session(session):
        _warn(agent, f"a new conversation is begun: DEFER_SESSION_ID is not a session's id: {session!a}")
        session = None
    return registry.agent(agent).arguments(model, session)


def _zone() -> "ZoneInfo":
    try:
        return config.load().timezone()
    except DeferError:
        return config.load({}).timezone("UTC")


def _slot(agent: str) -> start.ResultSlot | None:
    path = os.environ.get("DEFER_RESULT_FILE")
    try:
        return start.ResultSlot(Path(path)) if path else None
    except (OSError, ValueError) as error:
        _warn(agent, f"there is nowhere to write the result to: {error}")
        return None


def _run(agent: str, umask: int) -> int:
    prompt, program, arguments = _prompt(agent), _program(agent), _arguments(agent)
    # Before it runs: afterwards the agent may have changed these files.
    zone, slot = _zone(), _slot(agent)
    try:
        printed, status = start.run([program, *arguments], prompt, umask)
    except OSError as error:
        _misconfigured(agent, f"{program} cannot be started: {error.strerror}")
    now = instants.now()
    verdict = agentresult.judge(agent, registry.agent(agent).read(printed), status, now, zone)
    for problem in verdict.problems:
        _warn(agent, problem)
    if verdict.output:
        _say(verdict.output.rstrip("\n") + "\n")
    try:
        if slot is not None:
            slot.add(verdict.result, now)
    except OSError as error:
        _warn(agent, f"session and usage could not be written down: {error.strerror}")
    if verdict.error:
        _warn(agent, verdict.error)
    return verdict.exit_code


def main(argv: list[str], umask: int) -> int:
    match argv:
        case ["summary"]:
            return _summary()
        case [agent] if agent in registry.AGENTS:
            return _run(agent, umask)
    print(f"usage: agent_result.py {'|'.join(registry.AGENTS)}, or agent_result.py summary", file=sys.stderr)
    return EXIT_BAD_INPUT


if __name__ == "__main__":
    exits.open_missing_streams()
    sys.exit(exits.status_of(lambda: main(sys.argv[1:], _callers_umask), _tell))
