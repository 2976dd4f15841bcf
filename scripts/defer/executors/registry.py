"""What can be started for a task: the executors that come with Defer, known by name, and any program by its path.

Each shipped one is a file in ``scripts/executors`` and an entry in ``SHIPPED``. One that starts a coding agent has a
module of its name in ``agents`` (``Agent``). Nothing else lists them; a new one is added in these places alone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from defer import fsio, paths, trust
from defer.wakers import searchpath

if TYPE_CHECKING:
    from .agents.base import Reader, Start, Wishes

DIRECTORY = paths.EXECUTORS
_FIRST_LINE_BYTES = 4096


class Executor(NamedTuple):
    """One that comes with Defer.

    ``product``: what people call the program that does the work. ``programs``: those it may be; one must be on PATH.
    ``enforces``: which wishes of a task's record that program is held to; only an agent's is held to any.
    ``reports_cost``, ``reports_tokens``: whether it says what a run has cost, and how many tokens it has used.
    ``is_bounded``: whether an agent's can be held to permissions (``bounds``). ``is_free``: whether it may do anything
    if nothing is said. ``sessions``: the form of the ids of an agent's conversations.
    """

    product: str
    programs: tuple[str, ...]
    is_agent: bool = False
    enforces: frozenset[str] = frozenset()
    reports_cost: bool = False
    reports_tokens: bool = True
    is_bounded: bool = True
    is_free: bool = False
    sessions: str = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"


class Agent(NamedTuple):
    """How a coding agent's program is used: a module of the executor's name in ``agents`` has both.

    ``start``: what is started for a task's wishes; raises ``agents.base.Cannot``. ``reader``: makes what reads the
    output of one run as it comes.
    """

    start: Callable[[Wishes], Start]
    reader: Callable[[], Reader]


_AGENTS_OWN = frozenset({"model", "session_id"})
SHIPPED = {
    "claude": Executor("Claude Code", ("claude",), is_agent=True, enforces=_AGENTS_OWN | {"fork"}, reports_cost=True),
    "codex": Executor("Codex", ("codex",), is_agent=True, enforces=_AGENTS_OWN | {"fork"}),
    "gemini": Executor("Gemini CLI", ("gemini",), is_agent=True, enforces=_AGENTS_OWN),
    "opencode": Executor(
        "opencode",
        ("opencode",),
        is_agent=True,
        enforces=_AGENTS_OWN | {"fork"},
        reports_cost=True,
        is_free=True,
        sessions=r"ses_[0-9A-Za-z]{1,124}",
    ),
    "copilot": Executor("GitHub Copilot CLI", ("copilot",), is_agent=True, enforces=_AGENTS_OWN, reports_tokens=False),
    "qwen": Executor("Qwen Code", ("qwen",), is_agent=True, enforces=_AGENTS_OWN, is_bounded=False),
    "notify": Executor("desktop notifications", ("notify-send", "osascript")),
}
AGENTS = tuple(name for name, one in SHIPPED.items() if one.is_agent)


def doubt_of_budget(named: str, *, in_dollars: bool, in_tokens: bool) -> str | None:
    """What somebody should know who counts on a bound of cost: an agent that does not say what it used passes it."""
    agent = agent_of(named)
    if agent is None:
        return None
    one = SHIPPED[agent]
    if not one.reports_cost and not one.reports_tokens and (in_dollars or in_tokens):
        return f"{one.product} reports neither what a run costs nor its tokens: no budget holds it"
    if one.reports_cost or not in_dollars:
        return None
    mend = "one in tokens does: DEFER_BUDGET_TOKENS_PER_DAY"
    return f"{one.product} does not report what a run costs: no budget in dollars holds it ({mend})"


def agent(name: str) -> Agent:
    """How the program of one of ``AGENTS`` is used. Loaded here: only its executor pays for it."""
    from importlib import import_module

    module = import_module(f".agents.{name}", __package__)
    return Agent(module.start, module.Reader)


def find(named: str) -> Path | None:
    """The file of the shipped executor of that name, or None."""
    path = DIRECTORY / named
    # Not by the path itself, which raises an error for a name too long to be one.
    return path if "/" not in named and os.path.isfile(path) else None


def agent_of(named: str | None) -> str | None:
    """The name in ``AGENTS`` of the shipped executor that is meant, by its name or by its path; None for any other."""
    name = os.path.basename(named or "")
    shipped = find(name) if name in AGENTS else None
    is_it = shipped is not None and (named == name or os.path.realpath(named or "") == os.path.realpath(shipped))
    return name if is_it else None


def is_session(agent: str | None, found: str) -> bool:
    """Whether this can be the id of a conversation of an agent; of one that does not come with Defer any id can.

    Whatever else its program takes for a title, a number in a list, or "latest": that would be any other conversation.
    """
    import re  # only what continues a conversation pays for it

    from .names import SESSION

    forms = (SESSION, SHIPPED[agent].sessions) if agent else (SESSION,)
    return all(re.fullmatch(form, found) for form in forms)


def is_agent(named: str | None) -> bool:
    """Whether an executor is a shipped one that starts a coding agent."""
    return agent_of(named) is not None


def names() -> str:
    """The shipped names, for an error that says what would work."""
    return ", ".join(sorted(one.name for one in DIRECTORY.iterdir())) if DIRECTORY.is_dir() else "none"


def trouble(path: Path, store: Path) -> str | None:
    """Why the program at ``path`` will not be started; None if it will."""
    if not os.path.isfile(path):
        return f"no such executor: {path} (give the path of a program, or a shipped name: {names()})"
    if not os.access(path, os.X_OK):
        return f"executor is not executable: {path} (chmod +x it)"
    interpreter = next(iter(_interpreter(path)), None)
    if interpreter is not None and not os.path.exists(interpreter):
        hint = "it has CRLF line ends" if interpreter.endswith("\r") else "correct its first line"
        return f"executor's interpreter is not there: {path} names {interpreter!r} ({hint})"
    return _trouble_with_others(path, store)


def _trouble_with_others(path: Path, store: Path) -> str | None:
    """Why the program is not to be trusted: somebody else may change it, and so run anything as us."""
    try:
        owner = fsio.stat(store.parent)
        trust.check_program(path, 0 if owner is None else owner.st_uid)
    except OSError as error:
        mend = getattr(error, "remedy", "check its owner and mode")
        return f"executor is not to be trusted: {path}: {error.strerror} ({mend})"
    return None


def doubt_of_group(named: str) -> str | None:
    """The warning about an executor that a group may change, but not every user."""
    path = find(named) or named
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # the second for a name that is not a path
        return None
    if not mode & stat.S_IWGRP or mode & stat.S_IWOTH:  # one that every user may change is refused elsewhere
        return None
    return f"the group may write executor {named}, and so run programs as you (chmod g-w {path})"


def _interpreter(path: Path) -> list[str]:
    """The words of a script's ``#!`` line: if the first is missing, the system says that the script is not found."""
    try:
        with path.open("rb") as file:
            first = file.read(_FIRST_LINE_BYTES).split(b"\n", 1)[0]
    except OSError:  # a program need not be readable to be started
        return []
    return os.fsdecode(first[2:].strip(b" \t")).split(" ") if first[:2] == b"#!" and first[2:].split() else []


def doubt(named: str, search_path: str, store: Path) -> str | None:
    """What an executor lacks as things stand, the program that it starts included; None if it lacks nothing."""
    shipped = find(named)
    if shipped is not None:
        return _none_of(f"executor {named}", SHIPPED[named].programs if named in SHIPPED else (), search_path)
    path = Path(named)
    found = trouble(path, store)
    words = [] if found else _interpreter(path)
    if found or not words or os.path.basename(words[0]) != "env":
        return found
    started = next((word for word in words[1:] if word and not word.startswith("-") and "=" not in word), None)
    return _none_of(f"executor {path}", (started,) if started else (), search_path)


def doubt_of_command(word: str, search_path: str, directory: str) -> str | None:
    """The same for a task file's command, by its first word."""
    if program(word, search_path, directory):
        return None
    return _missing("command", (word,))


def program(word: str, search_path: str, directory: str) -> str | None:
    """The full path of the program that a word names, if it is there: below ``directory`` if the word has a ``/``.

    Parts of PATH that are not full paths are skipped: they would mean another program in each working directory, and
    others may be able to write to that directory.
    """
    import shutil  # with the compressors that it brings: only what names a program in words pays for it

    if "/" in word:
        return shutil.which(os.path.join(directory, word))
    full = (part for part in search_path.split(os.pathsep) if os.path.isabs(part))
    return shutil.which(word, path=os.pathsep.join(full))


def _none_of(who: str, programs: tuple[str, ...], search_path: str) -> str | None:
    """What to say when none of ``programs`` can be found."""
    if not programs or any(program(one, search_path, os.curdir) for one in programs):
        return None
    return _missing(who, programs)


def _missing(who: str, programs: tuple[str, ...]) -> str:
    if "/" in programs[0]:
        return f"{who}: there is no program {programs[0]} (install it, then: defer waker install)"
    here = next(filter(None, (program(one, os.environ.get("PATH", os.defpath), os.curdir) for one in programs)), None)
    if here is None:
        what = f"there is no program {' or '.join(programs)} on the PATH that a wake will have"
        return f"{who}: {what} (install it, then: defer waker install)"
    why = searchpath.trouble(os.path.dirname(here))
    mend = f"{why}: install it where only you can" if why else "defer waker install"
    return f"{who}: {here} is not on the PATH that a wake will have ({mend})"
