"""Whether a wake finds the programs that tasks start, and which version of a coding agent that is."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from defer.executors import preflight, registry
from defer.settings.config import Config
from defer.wakers import searchpath

from .finding import Finding, found, parted
from .subject import Subject
from .uses import Users, Uses

_PATIENCE_SECONDS = 20
_LONGEST_VERSION = 80
_MOST_HEARD_BYTES = 4096


class Version(NamedTuple):
    """What a coding agent's program says of itself; ``version`` is None where it does not answer."""

    executor: str
    program: str
    version: str | None


def findings(subject: Subject, uses: Uses) -> Iterator[Finding]:
    """What tasks start, and a wake would not find or not trust."""
    wake = subject.wakes_config
    path = wake.get("PATH") or os.defpath
    unused = {wake.executor: None} if wake.executor and wake.executor not in uses.executors else {}
    for named, users in {**uses.executors, **unused}.items():
        doubt = registry.doubt(named, path, wake.tasks_file)
        if doubt:
            yield _missing("executor-missing", doubt, users)
        of_group = registry.doubt_of_group(named)
        if of_group:
            yield found(
                "executor-open", of_group, named, f"chmod g-w {shlex.quote(str(registry.find(named) or named))}"
            )
    for (named, directory), users in uses.logins.items():
        doubt = preflight.of_executor(named, directory, path, wake.environment)
        if doubt:
            yield _missing("agent-login", doubt, users)
    for (word, directory), users in uses.commands.items():
        doubt = registry.doubt_of_command(word, path, directory)
        if doubt:
            yield _missing("program-missing", doubt, users)


def _missing(kind: str, doubt: str, users: Users | None) -> Finding:
    what, fix = parted(doubt)
    where = "DEFER_EXECUTOR" if users is None else f"{'tasks' if users.count > 1 else 'task'} {users}"
    return found(kind, what, where, fix)


def versions(wake: Config, uses: Uses) -> list[Version]:
    """What the coding agents in use say of themselves; no tokens are spent."""
    path = wake.get("PATH") or os.defpath
    return [one for named in uses.executors if named in registry.AGENTS and (one := _version(named, path, wake))]


def _version(named: str, path: str, wake: Config) -> Version | None:
    programs = registry.SHIPPED[named].programs
    program = next(filter(None, (registry.program(one, path, os.curdir) for one in programs)), None)
    return Version(named, program, _answer(program, wake)) if program else None


def _answer(program: str, wake: Config) -> str | None:
    """The first line that it prints when it is asked for its version, in the environment of a wake."""
    environment = {**wake.environment, "PATH": searchpath.anchored(wake.get("PATH") or os.defpath)}
    try:
        with _Interrupts() as interrupts, _asked(program, environment) as asked:
            said, is_sound = _heard(asked, interrupts)
    except OSError:
        return None
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[0][:_LONGEST_VERSION] if lines and is_sound else None


class _Interrupts:
    """Ctrl-C as an error, once it is let through: before that, there is something to end that nobody knows yet.

    It would end this process alone, since what is asked has a session of its own.
    """

    def __init__(self) -> None:
        self._is_let_through = self._has_come = False

    def __enter__(self) -> _Interrupts:
        self._before = signal.signal(signal.SIGINT, self._take)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _take(self, *_: object) -> None:
        self._has_come = True
        if self._is_let_through:
            raise KeyboardInterrupt

    def let_through(self) -> None:
        """Raise KeyboardInterrupt from now on, and for one that has come."""
        self._is_let_through = True
        if self._has_come:
            raise KeyboardInterrupt


def _asked(program: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [program, "--version"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )


def _heard(asked: subprocess.Popen[bytes], interrupts: _Interrupts) -> tuple[bytes, bool]:
    """What a program says first, and whether it ended well in time; it is ended, with all that it has started."""
    end = threading.Timer(_PATIENCE_SECONDS, _end, (asked.pid,))
    end.start()
    try:
        interrupts.let_through()
        assert asked.stdout is not None
        said = asked.stdout.read(_MOST_HEARD_BYTES)
        is_sound = len(said) < _MOST_HEARD_BYTES and asked.wait() == 0
    finally:
        end.cancel()
        _end(asked.pid)
    return said, is_sound


def _end(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def broken(answers: list[Version]) -> Iterator[Finding]:
    """The agents that are there, and do not answer."""
    for one in answers:
        if one.version is None:
            what = f"{one.program} does not say its version as a wake would start it"
            fix = f"{one.program} --version, and install it anew if that fails"
            yield found("agent-broken", what, f"executor {one.executor}", fix)
