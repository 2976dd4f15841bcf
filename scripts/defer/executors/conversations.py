"""Conversations of coding agents on this machine: which one somebody schedules from, and which is open just now.

Some agents tell the commands that they run the id of their conversation, in a variable. For the others, and to know
where a conversation belongs and who has it open, a hook of the agent's (``scripts/hooks/note-session.sh``) notes it as
it begins: one small file each in ``sessions`` of the runtime directory. A note holds the process that had the
conversation open; a process that is gone has it open no more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

from defer import fsio, process
from defer.process import Identity

from . import marks, names

_FOLDER = "sessions"
_MOST = 200
_MOST_BYTES = 8192
_SHELLS = frozenset(("sh", "bash", "dash", "zsh", "ksh", "fish", "busybox", "env", "timeout", "sudo"))


class Conversation(NamedTuple):
    """A conversation of an agent's; the directory it belongs to; the process that has, or had, it open."""

    session: str
    agent: str | None
    directory: str
    process: Identity | None = None


class Ambiguous(Exception):
    """Several conversations may be meant; the text names them."""


def note(runtime: Path, one: Conversation) -> None:
    """Write down a conversation that begins or goes on; the oldest notes give way. Raises OSError."""
    folder = runtime / _FOLDER
    # Not a link: what gives way there are files of ours.
    fsio.ensure_directory(folder, ours=True)
    text = json.dumps({**one._asdict(), "process": one.process})
    fsio.replace(folder / f"{one.session}.json", [text.encode()], sync=False)
    files = _newest_first(folder)
    if len(files) > _MOST:
        # Of one that is open the note is needed, however old it is.
        files.sort(key=lambda path: not _may_be_open(_read(path)))
    for old in files[_MOST:]:
        with suppress(OSError):
            fsio.kernel.unlink(old)


def here(agent: str | None, session: str, directory: str | None) -> Conversation:
    """A conversation that an ancestor of this process has open."""
    pid = _agents_process(agent)
    found = directory or (process.directory_of(pid) if pid else None) or os.getcwd()
    return Conversation(session, agent, os.path.realpath(found), process.identity(pid) if pid else None)


def around(runtime: Path, environment: Mapping[str, str]) -> Conversation | None:
    """The conversation that this process is called from, noted; None where there is none. Raises Ambiguous."""
    told = {
        agent: environment[name]
        for name, agent in marks.OF_CONVERSATIONS.items()
        if names.is_session(environment.get(name))
    }
    if told:
        agent = next(iter(told)) if len(told) == 1 else _nearest(tuple(told))
        if agent is None:
            raise Ambiguous(f"agents within agents: {', '.join(sorted(told))}")
        known = named(runtime, told[agent])
        found = here(agent, told[agent], known.directory if known else None)
        with suppress(OSError):
            # A disk that is full costs the note, not the task: then nobody knows whether it is open.
            note(runtime, found)
        return found
    return _noted_by_ancestor(runtime) or _noted_here(runtime)


def named(runtime: Path, session: str) -> Conversation | None:
    """The note of a conversation, or None."""
    return _read(runtime / _FOLDER / f"{session}.json") if names.is_session(session) else None


def is_open(runtime: Path, session: str) -> bool:
    """Whether some process may have a conversation open, as far as it was noted."""
    return _may_be_open(named(runtime, session))


def _may_be_open(known: Conversation | None) -> bool:
    return known is not None and known.process is not None and process.is_alive(known.process) is not False


def _noted_by_ancestor(runtime: Path) -> Conversation | None:
    """The conversation that an ancestor of this process has open; the nearest one's, where several have."""
    ancestors = process.ancestors()
    noted = [one for one in _present(runtime) if one.process and one.process["pid"] in ancestors]
    alive = [one for one in noted if one.process and process.is_alive(one.process)]
    return min(alive, key=lambda one: ancestors.index(cast("Identity", one.process)["pid"]), default=None)


def _noted_here(runtime: Path) -> Conversation | None:
    """The conversation that is open in this directory; raises Ambiguous where there are several."""
    try:
        directory = os.path.realpath(os.getcwd())
    except OSError:
        return None
    found = [
        one
        for one in _present(runtime)
        if one.directory == directory and one.process is not None and process.is_alive(one.process)
    ]
    if len(found) > 1:
        raise Ambiguous(f"{len(found)} conversations are open here: {', '.join(sorted(one.session for one in found))}")
    return found[0] if found else None


def _present(runtime: Path) -> Iterator[Conversation]:
    """What is noted, of each process the newest: it may have gone on from one conversation to another."""
    seen: set[int] = set()
    for path in _newest_first(runtime / _FOLDER):
        one = _read(path)
        if one is None or (one.process is not None and one.process["pid"] in seen):
            continue
        if one.process is not None and process.is_alive(one.process):
            seen.add(one.process["pid"])
        yield one


def _newest_first(folder: Path) -> list[Path]:
    try:
        files = [folder / name for name in os.listdir(folder) if name.endswith(".json")]
    except OSError:
        return []
    return sorted(files, key=_age, reverse=True)


def _age(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _read(path: Path) -> Conversation | None:
    """What a note says; None for anything else."""
    try:
        found: Any = json.loads(fsio.read_bounded(path, _MOST_BYTES) or b"")
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not names.is_session(found.get("session")) or found["session"] != path.stem:
        return None
    agent, directory, who = found.get("agent"), found.get("directory"), found.get("process")
    if not isinstance(directory, str) or not os.path.isabs(directory):
        return None
    is_whole = isinstance(who, dict) and type(who.get("pid")) is int and who["pid"] > 0
    known = cast("Identity", who) if is_whole else None
    return Conversation(found["session"], agent if isinstance(agent, str) else None, directory, known)


def _agents_process(agent: str | None) -> int | None:
    """The ancestor that is an agent's program; else the nearest that is not a shell."""
    ancestors = process.ancestors()
    called = {pid: process.names_of(pid) for pid in ancestors}
    by_name = (pid for pid in ancestors if agent and agent in called[pid])
    return next(by_name, None) or next((pid for pid in ancestors if not called[pid] & _SHELLS), None)


def _nearest(agents: Sequence[str]) -> str | None:
    """Which of several agents is the nearest ancestor."""
    for pid in process.ancestors():
        called = process.names_of(pid)
        for agent in agents:
            if agent in called:
                return agent
    return None
