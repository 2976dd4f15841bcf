"""Qwen Code: how its program is called without a person, and how its output reads.

The events are those of ``qwen -o stream-json``, one a line, the result last. An error of its service is its answer,
and its exit status 0. It tries again in silence. Checked with qwen 0.15.10.
"""

from __future__ import annotations

import re
from typing import Any

from defer.executors import report

from . import base
from .base import Cannot, Start, Wishes

_API_ERROR = re.compile(r"\[API Error: (?:(\d{3}) )?(.*?)\]?\s*\Z", re.DOTALL).match
_GONE = re.compile(r"^No saved session found").match
_TURNS = re.compile(r"max session turns", re.IGNORECASE).search
_UNUSABLE = re.compile(r"API key|auth", re.IGNORECASE).search


def start(wishes: Wishes) -> Start:
    """What is started. Raises Cannot."""
    if wishes.fork and wishes.session:
        raise Cannot("Qwen Code cannot continue in a copy of a conversation")
    flags = ["--output-format=stream-json"]
    flags += [f"--model={wishes.model}"] if wishes.model else []
    flags += [f"--resume={wishes.session}"] if wishes.session else []
    flags += [f"--max-session-turns={wishes.max_turns}"] if wishes.max_turns else []
    return Start(flags)


class Reader(base.Reader):
    """What Qwen Code says of its run."""

    def __init__(self) -> None:
        super().__init__()
        self._counted: set[str] = set()

    def take(self, event: dict[str, Any]) -> bool:
        message: dict[str, Any] = event["message"] if isinstance(event.get("message"), dict) else {}
        match event.get("type"):
            case "system":
                self.model = report.text(event.get("model")) or self.model
            case "assistant":
                self._assistant(message)
            case "user":
                pass
            case "result":
                self._result(event)
            case _:
                return False
        self.session = report.text(event.get("session_id")) or self.session
        return True

    def complaint(self, line: str) -> None:
        line = base.without_colours(line)
        if _GONE(line):
            self.is_session_gone = True
            self.failure = line.strip()
        elif _TURNS(line):
            self.is_hopeless = True
            self.failure = line.strip()

    def _assistant(self, message: dict[str, Any]) -> None:
        for part in _parts(message):
            match part:
                case {"type": "text", "text": str(text)}:
                    self.said(text)
                case {"type": "tool_use", "name": str(name)}:
                    self.did(name, part.get("input"))
        # What its result says counts all of a conversation that was continued: so this is added up.
        number, used = report.text(message.get("id")), report.usage(message.get("usage"), None)
        if used and number not in self._counted:
            self._counted.add(number)
            self.usage = {name: value + (self.usage or {}).get(name, 0) for name, value in used.items()}

    def _result(self, event: dict[str, Any]) -> None:
        said, error = report.text(event.get("result")), event.get("error")
        self.answer = said or self.answer
        denials = event.get("permission_denials")
        for one in denials if isinstance(denials, list) else []:
            self.was_denied(report.text(one.get("tool_name")) if isinstance(one, dict) else "")
        if found := _API_ERROR(said):
            self.status = int(found[1]) if found[1] else None
            self.failure = found[2] or said
            self.answer = ""
        elif event.get("is_error"):
            reason = report.text(error.get("message")) if isinstance(error, dict) else report.text(error)
            self.failure = reason or said or report.text(event.get("subtype")) or "the run failed"
            self.is_hopeless = bool(_UNUSABLE(reason))


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
