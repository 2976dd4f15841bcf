"""Codex: how its program is called without a person, and how its output reads.

The events are those of ``codex exec --json``, one a line. Checked with codex 0.169.0.
"""

from __future__ import annotations

import re
from typing import Any

from defer.executors import report

from . import base
from .base import Cannot, Start, Wishes

_STATUS = re.compile(r"\bstatus:? (\d{3})\b").search
_GONE = re.compile(r"no rollout found|thread/resume failed|no saved session", re.IGNORECASE).search
_RETRYING = re.compile(r"^Reconnecting|stream disconnected", re.IGNORECASE).search


def start(wishes: Wishes) -> Start:
    """What is started. Raises Cannot."""
    if wishes.max_turns:
        raise Cannot("Codex has no limit on turns (leave --max-turns out)")
    # A task's folder need not be a Git repository, which Codex would otherwise insist on. Its flags stand in front.
    flags = ["exec", "--json", "--skip-git-repo-check", *([f"--model={wishes.model}"] if wishes.model else [])]
    # Behind -- nothing from outside is an option.
    how = "fork" if wishes.fork else "resume"
    return Start([*flags, *([how, "--", wishes.session, "-"] if wishes.session else ["-"])])


class Reader(base.Reader):
    """What Codex says of its run."""

    counts_conversation = True

    def take(self, event: dict[str, Any]) -> bool:
        item = event.get("item")
        match event.get("type"), item:
            case "thread.started", _:
                self.session = report.text(event.get("thread_id")) or None
            case "turn.started", _:
                pass
            case "item.started", {"type": str(kind)} if isinstance(item, dict):
                self._begun(kind, item)
            case "item.completed", {"type": "agent_message", "text": str(text)}:
                self.said(text)
            case "item.started" | "item.updated" | "item.completed", _:
                pass
            case "turn.completed", _:
                # The agent may have recovered from an error (a lost connection): the end of the turn decides.
                self.failure = self.status = None
                self.usage = report.usage(event.get("usage"), None)
            case "turn.failed", _:
                self._fails(_message(event.get("error")) or self.failure or "the turn failed")
            case "error", _:
                self._troubled(report.text(event.get("message")))
            case _:
                return False
        return True

    def complaint(self, line: str) -> None:
        if _GONE(line):
            self.is_session_gone = True

    def _begun(self, kind: str, item: dict[str, Any]) -> None:
        if kind in ("command_execution", "file_change", "mcp_tool_call", "web_search"):
            known = {name: item[name] for name in ("command", "changes", "tool", "query") if name in item}
            self.did(report.text(item.get("tool")) or kind, known)

    def _troubled(self, message: str) -> None:
        if _RETRYING(message):
            self.tries_again(message)
        self.failure = self.failure or message
        self.is_session_gone = self.is_session_gone or bool(_GONE(message))

    def _fails(self, message: str) -> None:
        self.failure = message
        found = _STATUS(message)
        self.status = int(found[1]) if found else None


def _message(error: object) -> str:
    return report.text(error.get("message")) if isinstance(error, dict) else report.text(error)
