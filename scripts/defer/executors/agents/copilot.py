"""GitHub Copilot CLI: how its program is called without a person, and how its output reads.

The events are those of ``copilot --output-format json``, one a line, the result last. It reports no tokens. Checked
with copilot 1.0.102.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from defer.executors import report

from . import base
from .base import Cannot, Start, Wishes

_QUIET = {"COPILOT_AUTO_UPDATE": "false"}
_KINDS = ("session.", "assistant.", "user.", "model.", "tool.", "system.", "subagent.", "skill.", "hook.", "abort")
_BUSY = ("rate_limit", "quota")
_HOPELESS = ("authentication", "authorization", "context_limit")
_LOGIN = re.compile(r"(?:Error: )?(?:No authentication information|Offline mode requires)", re.IGNORECASE).match
_GONE = re.compile(r"^Error: No session, task, or name matched").match


def start(wishes: Wishes) -> Start:
    """What is started. Raises Cannot."""
    if wishes.max_turns:
        raise Cannot("Copilot CLI has no option that limits turns (leave --max-turns out)")
    if wishes.fork and wishes.session:
        raise Cannot("Copilot CLI cannot continue in a copy of a conversation")
    # It names its session at its end alone: one that we have named is known after a timeout too.
    session = wishes.session or str(uuid.uuid4())
    flags = ["--output-format=json", "--no-ask-user", f"--{'resume' if wishes.session else 'session-id'}={session}"]
    return Start([*flags, *([f"--model={wishes.model}"] if wishes.model else [])], defaults=_QUIET, session=session)


class Reader(base.Reader):
    """What Copilot CLI says of its run."""

    def __init__(self) -> None:
        super().__init__()
        self._tools: dict[str, str] = {}

    def take(self, event: dict[str, Any]) -> bool:
        kind = report.text(event.get("type"))
        data: dict[str, Any] = event["data"] if isinstance(event.get("data"), dict) else {}
        match kind:
            case "assistant.message":
                self._message(data)
            case "tool.execution_start":
                name = report.text(data.get("toolName"))
                self._tools[report.text(data.get("toolCallId"))] = name
                self.did(name, data.get("arguments"))
            case "tool.execution_complete":
                self._ended(data)
            case "model.call_failure":
                self._stumbles(data)
            case "session.error":
                self._fails(data)
            case "result":
                self._result(event)
            case _:
                return kind.startswith(_KINDS)
        return True

    def complaint(self, line: str) -> None:
        line = base.without_colours(line)
        if _GONE(line):
            self.is_session_gone = True
            self.failure = line.strip()
        elif _LOGIN(line):
            self.is_hopeless = True
            self.failure = line.strip()

    def _message(self, data: dict[str, Any]) -> None:
        if data.get("parentToolCallId"):
            return  # what an agent of its own said to it
        self.model = report.text(data.get("model")) or self.model
        if isinstance(data.get("content"), str):
            self.said(data["content"])

    def _ended(self, data: dict[str, Any]) -> None:
        error = data.get("error")
        if data.get("success") is False and isinstance(error, dict) and error.get("code") == "denied":
            self.was_denied(self._tools.get(report.text(data.get("toolCallId")), ""))

    def _stumbles(self, data: dict[str, Any]) -> None:
        """A request failed; it may try again."""
        self.model = report.text(data.get("model")) or self.model
        self.status = data["statusCode"] if type(data.get("statusCode")) is int else None
        self.tries_again(f"HTTP status {self.status}" if self.status else "the connection was lost")

    def _fails(self, data: dict[str, Any]) -> None:
        kind = report.text(data.get("errorType"))
        self.failure = report.text(data.get("message")) or kind or "the run failed"
        self.status = data["statusCode"] if type(data.get("statusCode")) is int else self.status
        if kind in _BUSY:
            self.status = self.status or 429
        self.is_hopeless = kind in _HOPELESS

    def _result(self, event: dict[str, Any]) -> None:
        self.session = report.text(event.get("sessionId")) or self.session
        if event.get("exitCode") == 0:
            # It has got over what went wrong before.
            self.failure = self.status = None
            self.is_hopeless = False
