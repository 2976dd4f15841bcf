"""opencode: how its program is called without a person, and how its output reads.

The events are those of ``opencode run --format json``, one a line. It tries again in silence, and hides some reasons
from its events: so its log of errors is on its standard error. Checked with opencode 1.18.33.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from defer.executors import report

from . import base
from .base import Cannot, Gone, Start, Wishes

_QUIET = {"OPENCODE_DISABLE_AUTOUPDATE": "true"}
_REJECTED = re.compile(r"permission requested: (\S+) \(.*auto-rejecting").search
_DENIED = re.compile(r"rejected permission|rule (?:which|that) prevents", re.IGNORECASE).search
_LOGGED = re.compile(r'level=ERROR\b.*? (?:error\.)?error="((?:[^"\\]|\\.)*)"').search
_OF_SESSION = re.compile(r"\bsession\.id=(ses_\w+) small=false\b").search
_HOPELESS = re.compile(r"ModelNotFound|ProviderAuth|ContextOverflow|ProviderInit|ConfigInvalid|ConfigJson").search
_GONE = re.compile(r"^Error: Session not found").match
_HIDDEN = "Unexpected server error"
_PATIENCE_SECONDS = 60
_EMPTY = "its service ends each answer before it has said anything"


def start(wishes: Wishes) -> Start:
    """What is started. Raises Cannot, Gone."""
    if wishes.max_turns:
        raise Cannot("opencode has no option that limits turns (leave --max-turns out)")
    home = _directory_of(wishes.session) if wishes.session else None
    if home is not None and home != os.path.realpath(wishes.workspace):
        # It would ask its model, and then wait for ever.
        raise Gone(f"it belongs to {home}")
    flags = ["run", "--format=json", "--print-logs", "--log-level=ERROR"]
    flags += [f"--model={wishes.model}"] if wishes.model else []
    flags += [f"--session={wishes.session}"] if wishes.session else []
    flags += ["--fork"] if wishes.session and wishes.fork else []
    return Start(flags, defaults=_QUIET)


def _directory_of(session: str) -> str | None:
    """The directory that a conversation belongs to; None where that cannot be told, or there is none of that id."""
    try:
        found = _noted_directory(session)
    except LookupError:
        found = _told_directory(session)
    return os.path.realpath(found) if isinstance(found, str) else None


def _noted_directory(session: str) -> object:
    """The same from opencode's own database; None where that has no such conversation.

    Raises LookupError where there is none that can be read.
    """
    try:
        import sqlite3
    except ImportError as error:  # not every Python has it
        raise LookupError from error
    is_read = False
    for path in _databases():
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1)) as database,
        ):
            row = database.execute("SELECT directory FROM session WHERE id = ?", (session,)).fetchone()
            if row:
                return row[0]
            is_read = True
    if not is_read:
        raise LookupError
    return None


def _databases() -> list[Path]:
    """Where it keeps its conversations: what is not a release keeps them in a file of its own."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share", "opencode").absolute()
    named = os.environ.get("OPENCODE_DB")
    return [data / named] if named else sorted(data.glob("opencode*.db"))


def _told_directory(session: str) -> object:
    """The same as the program tells it, which takes it some seconds."""
    words = ["opencode", "export", session]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_SECONDS, check=True
        )
        return json.loads(done.stdout)["info"]["directory"]
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError, RecursionError):
        return None


class Reader(base.Reader):
    """What opencode says of its run."""

    def __init__(self) -> None:
        super().__init__()
        self._logged: str | None = None
        self._is_empty_step = False

    def take(self, event: dict[str, Any]) -> bool:
        part: dict[str, Any] = event["part"] if isinstance(event.get("part"), dict) else {}
        match event.get("type"), part:
            case "text", {"text": str(text)}:
                self._is_empty_step = False
                self.said(text)
            case "tool_use", {"tool": str(tool)}:
                self._is_empty_step = False
                self._used(tool, part.get("state"))
            case "step_start", _:
                self._is_empty_step = True
            case "step_finish", _:
                self._step(part)
            case "error", _:
                self._fails(event.get("error"))
            case "text" | "tool_use" | "reasoning", _:
                pass
            case _:
                return False
        self.session = report.text(event.get("sessionID")) or self.session
        return True

    def complaint(self, line: str) -> None:
        line = base.without_colours(line)
        if found := _LOGGED(line):
            self._log(line, found[1])
        elif found := _REJECTED(line):
            self.was_denied(found[1])
        elif _GONE(line):
            self.is_session_gone = True
            self.failure = line.strip()

    def _log(self, line: str, error: str) -> None:
        of_session = _OF_SESSION(line)
        if of_session:
            # One with small=true is about the title that it gives to a conversation, and does not matter.
            self.session = self.session or of_session[1]
            self.tries_again(error)
        elif "message=failed " in line:
            self._logged = error

    def _used(self, tool: str, state: object) -> None:
        known = state if isinstance(state, dict) else {}
        self.did(tool, known.get("input"))
        if known.get("status") == "error" and _DENIED(report.text(known.get("error"))):
            self.was_denied(tool)

    def _step(self, part: dict[str, Any]) -> None:
        if self._is_empty_step and part.get("reason") == "unknown":
            self.tries_again(_EMPTY)
        tokens = part.get("tokens")
        used = report.usage(_counts(tokens) if isinstance(tokens, dict) else None, part.get("cost"))
        for name, value in (used or {}).items():
            self.usage = {**(self.usage or {}), name: (self.usage or {}).get(name, 0) + value}

    def _fails(self, error: object) -> None:
        known: dict[str, Any] = error if isinstance(error, dict) else {}
        data: dict[str, Any] = known["data"] if isinstance(known.get("data"), dict) else {}
        name, said = report.text(known.get("name")), report.text(data.get("message"))
        if said.startswith(_HIDDEN) and self._logged:
            name = said = self._logged
        self.failure = said or name or "the run failed"
        self.status = data["statusCode"] if type(data.get("statusCode")) is int else None
        self.is_hopeless = bool(_HOPELESS(name))
        headers = data.get("responseHeaders")
        after = report.text(headers.get("retry-after")) if isinstance(headers, dict) else ""
        if after.isdecimal() and len(after) < 8:
            self.back_at = time.time() + int(after)

    def report(self) -> report.Report:
        # The log may come after the event that hides what it says.
        if self._logged and (self.failure or "").startswith(_HIDDEN):
            self.failure, self.is_hopeless = self._logged, bool(_HOPELESS(self._logged))
        return super().report()


def _counts(tokens: dict[str, Any]) -> dict[str, Any]:
    """Its names for tokens in ours: it counts cached ones apart from the rest."""
    cache = tokens["cache"] if isinstance(tokens.get("cache"), dict) else {}
    return {
        "input_tokens": tokens.get("input"),
        "cache_creation_input_tokens": cache.get("write"),
        "cache_read_input_tokens": cache.get("read"),
        "output_tokens": tokens.get("output"),
    }
