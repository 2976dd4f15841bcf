"""Claude Code: how its program is called without a person, and how its output reads.

The events are those of ``claude -p --output-format stream-json --verbose``, one a line, the result last; also
``--output-format json``, which prints that result alone. Checked with claude 2.1.197.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from defer.executors import report

from . import base
from .base import Start, Wishes

_HOPELESS = ("error_max_turns", "error_max_budget_usd")
_GONE = "No conversation found with session ID"
_RETRIES = {"CLAUDE_CODE_MAX_RETRIES": "3"}
"""The program would try eleven times, for minutes each: the wake has a backoff of its own."""


def start(wishes: Wishes) -> Start:
    """What is started. Raises Cannot."""
    flags = ["-p", "--output-format", "stream-json", "--verbose"]
    flags += [f"--model={wishes.model}"] if wishes.model else []
    flags += [f"--resume={wishes.session}"] if wishes.session else []
    flags += ["--fork-session"] if wishes.session and wishes.fork else []
    flags += [f"--max-turns={wishes.max_turns}"] if wishes.max_turns else []
    flags += [f"--max-budget-usd={wishes.max_cost_usd:g}"] if wishes.max_cost_usd else []
    return Start(flags, defaults=_RETRIES)


class Reader(base.Reader):
    """What Claude Code says of its run."""

    def __init__(self) -> None:
        super().__init__()
        self._by_message: dict[str, dict[str, float]] = {}

    def take(self, event: dict[str, Any]) -> bool:
        match event.get("type"):
            case "system":
                self._system(event)
            case "assistant":
                self._assistant(event.get("message"))
            case "user":
                pass
            case "rate_limit_event":
                self._limit(event.get("rate_limit_info"))
            case "result":
                self._result(event)
            case _:
                return False
        session = report.text(event.get("session_id"))
        self.session = session or self.session
        return True

    def complaint(self, line: str) -> None:
        if _GONE in line:
            self.is_session_gone = True
            self.failure = line.strip()

    def _system(self, event: dict[str, Any]) -> None:
        self.model = report.text(event.get("model")) or self.model
        if event.get("subtype") == "api_retry":
            self.tries_again(f"{report.text(event.get('error'))} {event.get('error_status') or ''}")

    def _assistant(self, message: object) -> None:
        if not isinstance(message, dict):
            return
        # A model of that name stands for an error that the program itself worded.
        if (model := report.text(message.get("model"))) and not model.startswith("<"):
            self.model = self.model or model
        content = message.get("content")
        for part in content if isinstance(content, list) else []:
            match part:
                case {"type": "text", "text": str(text)}:
                    self.said(text)
                case {"type": "tool_use", "name": str(name)}:
                    self.did(name, part.get("input"))
        used = report.usage(message.get("usage"), None)
        if used and (name := report.text(message.get("id"))):
            self._by_message[name] = used
            self.usage = _sum(self._by_message.values())

    def _limit(self, info: object) -> None:
        if isinstance(info, dict) and info.get("status") == "rejected":
            back = info.get("resetsAt")
            self.back_at = float(back) if isinstance(back, int | float) and 0 < back < 1e11 else None

    def _result(self, event: dict[str, Any]) -> None:
        said, errors = report.text(event.get("result")), event.get("errors")
        self.answer = said or self.answer
        if event.get("is_error"):
            reasons = "; ".join(filter(None, map(report.text, errors))) if isinstance(errors, list) else ""
            subtype = report.text(event.get("subtype"))
            self.failure = said or reasons or subtype or "the run failed"
            self.is_hopeless = subtype in _HOPELESS
        for one in event.get("permission_denials") or [] if isinstance(event.get("permission_denials"), list) else []:
            self.was_denied(report.text(one.get("tool_name")) if isinstance(one, dict) else "")
        status = event.get("api_error_status")
        self.status = status if isinstance(status, int) and not isinstance(status, bool) else self.status
        self.usage = report.usage(event.get("usage"), event.get("total_cost_usd")) or self.usage


def _sum(parts: Iterator[dict[str, float]] | Any) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0) + value
    return total
