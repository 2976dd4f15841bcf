"""What all agents have in common: what a task asks of one, what is started for it, and a reader of what it prints.

A module of an agent has ``start(wishes)`` and a class ``Reader``. Whatever comes from a task, a model or a session, may
have been written by an agent: it stands in one word with its flag, or where nothing is an option.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from defer.executors.report import Report

_HEAD, _TAIL = 1 << 20, 8 << 20
_LONGEST_SHOWN = 64 << 10
_LONGEST_ARGUMENT = 200
_MOST_DENIED = 100
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Cannot(Exception):
    """Something that was asked cannot be enforced by this agent, so that nothing is started; the text says what."""


class Gone(Exception):
    """The conversation to continue cannot be continued here, so that nothing is started; the text says why."""


class Wishes(NamedTuple):
    """What a task asks of its agent.

    ``session``: the conversation to continue, in a copy of it if ``fork``. ``permissions``: what the record says of
    them, None for the agent's own settings. ``own``: a private directory for files of ours; it need not exist yet.
    """

    model: str | None = None
    session: str | None = None
    fork: bool = False
    permissions: Any = None
    max_cost_usd: float | None = None
    max_turns: int | None = None
    workspace: Path = Path()
    own: Path = Path()
    is_root: bool = False


class Start(NamedTuple):
    """What is started: the words after the program's name. Its prompt is always on standard input.

    ``environment`` is set; ``defaults`` only where the user has not set them. ``files`` are written below
    ``Wishes.own`` before: their text by their name. ``session``: what we have called the conversation that it begins.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str] = {}
    defaults: Mapping[str, str] = {}
    files: Mapping[str, str] = {}
    session: str | None = None


class Plain:
    """Text that is not an event: its first MiB and its last eight, with a line end where a part is missing."""

    def __init__(self) -> None:
        self._head, self._tail = "", ""
        self._pieces: list[str] = []
        self._size = 0
        self._is_whole = True

    def add(self, line: str) -> None:
        """Take in one line, with its line end."""
        self._pieces.append(line)
        self._size += len(line)
        if self._size > 2 * _TAIL:
            self._join()

    def _join(self) -> None:
        text = "".join((self._tail, *self._pieces))
        self._pieces = []
        room = _HEAD - len(self._head)
        if room > 0:
            self._head += text[:room]
            text = text[room:]
        if len(text) > _TAIL:
            self._is_whole = False
            text = text[-_TAIL:]
        self._tail, self._size = text, len(text)

    @property
    def text(self) -> str:
        """What is kept of it."""
        self._join()
        return self._head + ("" if self._is_whole else "\n") + self._tail


class Reader:
    """Reads what an agent's program prints, line by line as it comes: one JSON object a line is an event.

    A new release may print another shape, and must not make work disappear: with no event that it knows, all that was
    printed is the answer. A subclass has ``take``; what it learns stands in the attributes, which ``report`` puts
    together at any time, also of a program that was stopped halfway.
    """

    counts_conversation = False
    """Whether the program counts what it uses from the beginning of a conversation, not of a run."""

    def __init__(self) -> None:
        self.answer = ""
        self.failure: str | None = None
        self.status: int | None = None
        self.session: str | None = None
        self.model: str | None = None
        self.usage: dict[str, float] | None = None
        self.denied: list[str] = []
        self.tool_calls = 0
        self.back_at: float | None = None
        self.is_session_gone = False
        self.is_hopeless = False
        self.retrying: str | None = None
        self._plain, self._complaints = Plain(), Plain()
        self._held: list[str] = []
        self._knows_any = False

    # What a subclass gives

    def take(self, event: dict[str, Any]) -> bool:
        """Learn from an event; False for one of no known kind."""
        raise NotImplementedError

    def complaint(self, line: str) -> None:
        """Learn from a line that the program printed on its standard error."""

    # What it says as it comes

    def said(self, text: str) -> None:
        """A text of the agent's. The last one is its answer; the ones before are shown."""
        if text.strip():
            self._show_held()
            self.answer = text
            self._held = [text]
            self.retrying = None

    def did(self, tool: str, with_what: object = None) -> None:
        """A call of a tool by the agent: counted, and shown in one line."""
        self.tool_calls += 1
        self.retrying = None
        self._show_held()
        self._shown.append(" ".join(f"[{tool}] {_in_a_line(with_what)}".split()))

    def was_denied(self, tool: str) -> None:
        """A tool that the agent was not allowed, by its name."""
        if tool and tool not in self.denied and len(self.denied) < _MOST_DENIED:
            self.denied.append(tool)

    def tries_again(self, why: str) -> None:
        """The program goes on trying to reach its service."""
        if why != self.retrying:
            self._shown.append(f"trying again: {' '.join(why.split())[:_LONGEST_ARGUMENT]}")
        self.retrying = why

    def _show_held(self) -> None:
        self._shown += self._held
        self._held = []

    # What is done with it

    def feed(self, line: str) -> str:
        """Take in one line of standard output, line end included; what the log shows of it."""
        self._shown: list[str] = []
        event = loads(line) if line.lstrip().startswith("{") else None
        if isinstance(event, dict) and self.take(event):
            self._knows_any = True
        else:
            self._plain.add(line)
        return "".join(f"{one[:_LONGEST_SHOWN]}\n" for one in self._shown)

    def complain(self, line: str) -> None:
        """Take in one line of standard error."""
        self._shown = []
        self._complaints.add(line)
        self.complaint(line)

    def report(self) -> Report:
        """What the agent has said of its run so far."""
        plain = "" if self._knows_any else self._plain.text
        return Report(
            self.answer or plain,
            failure=self.failure,
            denied=tuple(self.denied),
            http_status=self.status,
            session_id=self.session,
            usage=self.usage,
            counts_conversation=self.counts_conversation,
            model=self.model,
            tool_calls=self.tool_calls if self._knows_any else None,
            back_at=self.back_at,
            complaint=last_line(self._complaints.text),
            is_session_gone=self.is_session_gone,
            is_hopeless=self.is_hopeless,
            retrying=self.retrying,
        )


def loads(line: str) -> Any:
    """The JSON value in a line, or None."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def without_colours(line: str) -> str:
    """A line as somebody reads it whose terminal has no colours."""
    return _COLOURS.sub("", line)


def last_line(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _in_a_line(found: object) -> str:
    """What a tool was called with, shortened: a command as it is, other things as JSON."""
    if isinstance(found, dict):
        command = next((found[key] for key in ("command", "cmd") if isinstance(found.get(key), str)), None)
        found = command if command is not None else json.dumps(found, ensure_ascii=False, default=str)
    text = found if isinstance(found, str) else "" if found is None else str(found)
    return text[:_LONGEST_ARGUMENT]
