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
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
if __name__ == "__main__":
    _callers_umask = os.umask(0o077)
    os.umask(_callers_umask | 0o002)  # whoever can write to our byte code can make us run theirs
    sys.dont_write_bytecode = True
    import setupplace

    setupplace.settle()

from defer import exits, instants, visible
from defer.errors import EXIT_BAD_INPUT, DeferError
from defer.executors import enforce, names, preflight, registry, start
from defer.executors import verdict as agentresult
from defer.executors.agents.base import Cannot, Gone, Wishes
from defer.executors.bounds.common import Bounds
from defer.executors.profiles import Unusable
from defer.executors.report import Report
from defer.record import shapes
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
    mend = f"install {executor.product}, then run: defer waker install"
    path = next(filter(None, found), None) or _misconfigured(agent, f"no such program on PATH ({mend})")
    trouble = preflight.trouble(agent, search_path, Path.cwd(), os.environ)
    return _misconfigured(agent, trouble) if trouble else path


def _prompt(agent: str) -> int:
    path = os.environ.get("DEFER_PROMPT_FILE", "")
    try:
        return start.open_prompt(path)
    except (OSError, ValueError):
        _misconfigured(agent, f"no prompt to read: '{path}' (the runner names it in DEFER_PROMPT_FILE)")


def _wish(agent: str, field: str, variable: str) -> str | None:
    return os.environ.get(variable) or None if field in registry.SHIPPED[agent].enforces else None


def _task() -> "dict[str, Any]":
    """The record that the runner gives on standard input; empty where somebody starts an executor by hand."""
    try:
        found: Any = {} if sys.stdin.isatty() else json.loads(sys.stdin.buffer.read().decode("utf-8-sig", "replace"))
    except (OSError, ValueError, RecursionError, AttributeError):
        found = {}
    return found if isinstance(found, dict) else {}


def _wishes(agent: str) -> Wishes:
    """A bad model name ends the run; a bad session id only means that the agent forgets what was said before."""
    model, session = _wish(agent, "model", "DEFER_MODEL"), _wish(agent, "session_id", "DEFER_SESSION_ID")
    if model is not None and not names.is_model(model):
        _misconfigured(agent, f"DEFER_MODEL is not a model's name: {model!a} (name one in the task)")
    if session is not None and not names.is_session(session):
        _warn(agent, f"a new conversation is begun: DEFER_SESSION_ID is not a session's id: {session!a}")
        session = None
    task = _task()
    cost, turns = task.get("max_cost_usd"), task.get("max_turns")
    result = os.environ.get("DEFER_RESULT_FILE")
    return Wishes(
        model=model,
        session=session,
        fork=bool(os.environ.get("DEFER_SESSION_FORK")),
        permissions=task.get("permissions"),
        max_cost_usd=float(cost) if shapes.amount(cost) is None and cost else None,
        max_turns=turns if shapes.positive(turns) is None else None,
        workspace=Path.cwd(),
        own=Path(result).with_suffix(".own") if result else Path(tempfile.gettempdir()) / f"defer-{os.getpid()}",
        is_root=os.geteuid() == 0,
    )


def _bounds(agent: str, wishes: Wishes) -> Bounds:
    try:
        return enforce.of(agent, wishes.permissions, wishes.workspace, wishes.own, os.environ)
    except (Unusable, Cannot) as error:
        _misconfigured(agent, str(error))


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


class Run:
    """One run of an agent, from its start to its verdict."""

    def __init__(self, agent: str, umask: int) -> None:
        self.agent, self._umask = agent, umask
        self._prompt, self._path = _prompt(agent), _program(agent)
        self._wishes = _wishes(agent)
        self._bounds = _bounds(agent, self._wishes)
        # Before it runs: afterwards the agent may have changed these files.
        self._zone, self._slot = _zone(), _slot(agent)
        self._more: dict[str, Any] = {}
        self._reader = registry.agent(agent).reader()

    def come_to_an_end(self) -> int:
        """The exit status of it, once all is said."""
        verdict = self._verdict(self._wishes)
        if self._wishes.session and self._reader.is_session_gone:
            said = f"a new one was begun: {self._wishes.session} cannot be continued: {verdict.error or 'it is gone'}"
            self._more = {"session_error": said[:500]}
            _warn(self.agent, said)
            os.lseek(self._prompt, 0, os.SEEK_SET)
            verdict = self._verdict(self._wishes._replace(session=None, fork=False))
        for problem in verdict.problems:
            _warn(self.agent, problem)
        if verdict.output:
            _say(verdict.output.rstrip("\n") + "\n")
        self._keep(verdict.result)
        if verdict.error:
            _warn(self.agent, verdict.error)
        return verdict.exit_code

    def _verdict(self, wishes: Wishes) -> agentresult.Verdict:
        self._reader = registry.agent(self.agent).reader()
        program = start.Program(self._reader, lambda: self._keep(agentresult.known(self._reader.report())))
        try:
            if wishes.session and not registry.is_session(self.agent, wishes.session):
                raise Gone(f"it is not the id of a conversation of {registry.SHIPPED[self.agent].product}")
            begin = self._bounds.put_on(registry.agent(self.agent).start(wishes))
            self._reader.session = begin.session
            with start.files(wishes.own, begin.files):
                argv = [self._path, *begin.arguments]
                status = program.run(argv, self._prompt, self._umask, start.environment(os.environ, begin))
        except Gone as error:
            self._reader.is_session_gone = True
            return agentresult.Verdict("", agentresult.EXIT_MISCONFIGURED, str(error), {})
        except Cannot as error:
            _misconfigured(self.agent, str(error))
        except OSError as error:
            _misconfigured(self.agent, f"{self._path} cannot be started: {error.strerror}")
        report = self._reader.report()
        if program.has_given_up:
            why = f"its service could not be reached for {start.RETRYING_SECONDS:.0f} s: {report.retrying}"
            report = report._replace(failure=report.failure or why, http_status=report.http_status or 503)
        report = self._within_budget(report)
        return agentresult.judge(self.agent, report, status, instants.now(), self._zone, program.was_told)

    def _within_budget(self, report: Report) -> Report:
        """A run that fails and has cost more than it may would cost as much again: it is not tried again."""
        cost, most = (report.usage or {}).get("cost_usd"), self._wishes.max_cost_usd
        if cost is None or most is None or cost <= most:
            return report
        _warn(self.agent, f"it has cost {cost:.2f} USD, more than the {most:g} of --max-cost")
        return report._replace(is_hopeless=True)

    def _keep(self, result: "dict[str, Any]") -> None:
        try:
            if self._slot is not None:
                self._slot.add({**result, **self._more}, instants.now())
        except OSError as error:
            _warn(self.agent, f"session and usage could not be written down: {error.strerror}")


def main(argv: list[str], umask: int) -> int:
    match argv:
        case ["summary"]:
            return _summary()
        case [agent] if agent in registry.AGENTS:
            return Run(agent, umask).come_to_an_end()
    print(f"usage: agent_result.py {'|'.join(registry.AGENTS)}, or agent_result.py summary", file=sys.stderr)
    return EXIT_BAD_INPUT


if __name__ == "__main__":
    exits.open_missing_streams()
    sys.exit(exits.status_of(lambda: main(sys.argv[1:], _callers_umask), _tell))
