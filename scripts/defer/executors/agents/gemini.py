"""Gemini CLI: how its program is called without a person, and how its output reads.

The events are those of ``gemini -o stream-json``, one a line, the result last. HTTP statuses stand only in what it
prints on its standard error. Checked with gemini 0.61.0.
"""

from __future__ import annotations

import re
import time
from typing import Any

from defer.executors import report

from . import base
from .base import Cannot, Start, Wishes

_API_ERROR = re.compile(r"\[API Error: (.*)\]", re.DOTALL).match
_STATUS = re.compile(r"""^\s+"?(?:status|code)"?: (\d{3})\b""").match
_RETRYING = re.compile(r"^Attempt \d+ failed with status (\d{3})\b").match
_GONE = re.compile(r"^Error resuming session\b").match
_HOPELESS = re.compile(
    r"(?:Invalid auth method|Please set an Auth method|When using .{1,60} you must specify"
    r"|Gemini CLI is not running in a trusted|Reached max session turns)",
    re.IGNORECASE,
).match
_BACK_IN = re.compile(
    r"\b(?:retry (?:in|after)|reset after) (?:(\d{1,4})h ?)?(?:(\d{1,5})m ?)?(?:(\d{1,7})(?:\.\d+)?s)?", re.IGNORECASE
).search
_DENIED = re.compile(r"requires user confirmation|denied by policy", re.IGNORECASE).search


def start(wishes: Wishes) -> Start:
    """What is started. Raises Cannot."""
    if wishes.max_turns:
        raise Cannot("Gemini CLI has no option that limits turns (leave --max-turns out)")
    if wishes.fork and wishes.session:
        raise Cannot("Gemini CLI cannot continue in a copy of a conversation")
    # Whether the folder is to be trusted is for its user to say: without that the program refuses, and names the ways.
    flags = ["--output-format=stream-json"]
    flags += [f"--model={wishes.model}"] if wishes.model else []
    return Start([*flags, *([f"--resume={wishes.session}"] if wishes.session else [])])


class Reader(base.Reader):
    """What Gemini CLI says of its run."""

    def __init__(self) -> None:
        super().__init__()
        self._text: list[str] = []
        self._tools: dict[str, str] = {}

    def take(self, event: dict[str, Any]) -> bool:
        match event.get("type"), event.get("role"):
            case "message", "assistant":
                # A text comes in pieces; what else comes ends it.
                self._text.append(event["content"] if isinstance(event.get("content"), str) else "")
                return True
            case "init", _:
                self.session = report.text(event.get("session_id")) or None
                self.model = _named(report.text(event.get("model")))
            case "tool_use", _:
                self._end_text()
                self._used(event)
            case "tool_result", _:
                self._ended(event)
            case "error", _:
                if event.get("severity") != "warning":
                    self._fails(report.text(event.get("message")))
            case "result", _:
                self._end_text()
                self._result(event)
            case "message", _:
                pass
            case _:
                return False
        return True

    def report(self) -> report.Report:
        if text := "".join(self._text):
            self.answer = text
        return super().report()

    def complaint(self, line: str) -> None:
        line = base.without_colours(line)
        if found := _RETRYING(line):
            self.status = int(found[1])
            self.tries_again(f"HTTP status {found[1]}")
        elif found := _STATUS(line):
            self.status = int(found[1])
        elif _GONE(line):
            self.is_session_gone = True
            self.failure = line.strip()
        elif _HOPELESS(line):
            self.is_hopeless = True
            self.failure = self.failure or line.strip()
        self._hears_when(line)

    def _end_text(self) -> None:
        self.said("".join(self._text))
        self._text.clear()

    def _used(self, event: dict[str, Any]) -> None:
        name = report.text(event.get("tool_name"))
        self._tools[report.text(event.get("tool_id"))] = name
        self.did(name, event.get("parameters"))

    def _ended(self, event: dict[str, Any]) -> None:
        error = event.get("error")
        if isinstance(error, dict):
            said = report.text(error.get("message"))
            if error.get("type") == "policy_violation" or _DENIED(said):
                self.was_denied(self._tools.get(report.text(event.get("tool_id")), ""))

    def _result(self, event: dict[str, Any]) -> None:
        error, stats = event.get("error"), event.get("stats")
        if event.get("status") == "error":
            said = report.text(error.get("message")) if isinstance(error, dict) else ""
            self._fails(said or self.failure or "the run failed")
        else:
            self.failure, self.is_hopeless = None, False
        if isinstance(stats, dict):
            into, cached = stats.get("input_tokens"), stats.get("cached")
            counts = {"input_tokens": into, "cached_input_tokens": cached, "output_tokens": stats.get("output_tokens")}
            self.usage = report.usage(counts, None) or self.usage
            self.model = _busiest(stats.get("models")) or self.model

    def _fails(self, said: str) -> None:
        self._hears_when(said)
        found = _API_ERROR(said)
        inner = base.loads(found[1]) if found else None
        error = inner.get("error") if isinstance(inner, dict) else None
        if isinstance(error, dict):
            self.status = error["code"] if type(error.get("code")) is int else self.status
            said = report.text(error.get("message")) or said
        elif found:
            said = found[1]
        self.failure = said or self.failure

    def _hears_when(self, said: str) -> None:
        """What it says of when its quota is back, such as ``Please retry in 3h2m1.5s``."""
        found = _BACK_IN(said)
        hours, minutes, seconds = (int(one or 0) for one in found.groups()) if found else (0, 0, 0)
        if passing := hours * 3600 + minutes * 60 + seconds:
            self.back_at = time.time() + passing


def _named(model: str) -> str | None:
    """A model, unless it is left to the program which one."""
    return model if model and not model.startswith("auto") else None


def _busiest(models: object) -> str | None:
    """The model that said most: a small one may have chosen it."""
    said = {
        name: one["output_tokens"]
        for name, one in (models.items() if isinstance(models, dict) else ())
        if isinstance(one, dict) and type(one.get("output_tokens")) is int
    }
    return max(reversed(said), key=lambda name: said[name], default=None)
