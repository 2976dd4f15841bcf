"""What a coding agent's run came to, from the JSON its program prints and its exit status.

The shapes are those of ``claude -p --output-format json`` (one ``result`` object) and of ``codex
exec --json`` (one event a line), as their documentation has them. Output of any other shape is
passed on as it is: a new release must not make work disappear.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from defer import instants
from defer.errors import EXIT_BUSY
from defer.record import shapes

from . import names as agentnames
from .quota import Exhausted, exhausted

EXIT_BLOCKED = 77
EXIT_MISCONFIGURED = 78
_BUSY_STATUSES = {429, 529}
_LOGIN_STATUSES = {401, 403}
_NO_SESSION = "the next run begins a new conversation: what it calls its session is not an id"
_LOGIN_WORDS = ("run /login", "invalid api key", "not logged in", "codex login")


class Report(NamedTuple):
    """What the agent said of its run. ``failure`` is its own word for why it failed, None if it did not."""

    output: str
    failure: str | None = None
    denied: tuple[str, ...] = ()
    http_status: int | None = None
    session_id: str | None = None
    usage: dict[str, float] | None = None


class Verdict(NamedTuple):
    """What the executor prints, exits with, writes to ``DEFER_RESULT_FILE`` and says about that on stderr."""

    output: str
    exit_code: int
    error: str | None
    result: dict[str, Any]
    problems: tuple[str, ...] = ()


def judge(agent: str, printed: str, status: int, now: datetime, zone: ZoneInfo) -> Verdict:
    """The verdict on a run of ``agent`` (a key of READERS) that printed ``printed`` and exited with ``status``."""
    report = READERS[agent](printed)
    session = report.session_id if agentnames.is_session(report.session_id) else None
    result: dict[str, Any] = {"session_id": session, "usage": report.usage}
    if status != 0 or report.failure is not None:
        said = report.failure or report.output
        limit = exhausted(said, now, zone) or (Exhausted(None) if report.http_status in _BUSY_STATUSES else None)
        if limit and limit.back_at:
            result["retry_at"] = instants.to_text(limit.back_at)
        code = EXIT_BUSY if limit else EXIT_MISCONFIGURED if _needs_login(report, said) else status or 1
        error = said.strip() or f"{agent} exited with {status}"
    elif report.denied:
        code, error = EXIT_BLOCKED, f"permission denied for {', '.join(report.denied)} (allow it in {agent}'s settings)"
    else:
        code, error = 0, None
    return Verdict(
        report.output,
        code,
        # The names of tools come from a model: none of their lines may pass for our last one.
        error and " ".join(error.split())[:1000],
        {k: v for k, v in result.items() if v is not None},
        (_NO_SESSION,) if report.session_id and not session else (),
    )


def _needs_login(report: Report, said: str) -> bool:
    return report.http_status in _LOGIN_STATUSES or any(words in said.lower() for words in _LOGIN_WORDS)


def _claude(printed: str) -> Report:
    value = _loads(printed)
    # With --verbose the whole conversation comes as an array, the result last.
    final = value[-1] if isinstance(value, list) and value else value
    if not isinstance(final, dict) or final.get("type") != "result":
        return Report(printed)
    said = _text(final.get("result"))
    errors = final.get("errors")
    failed = bool(final.get("is_error"))
    reasons = "; ".join(map(_text, errors)) if isinstance(errors, list) else ""
    return Report(
        said,
        failure=(said or reasons or _text(final.get("subtype"))) if failed else None,
        denied=_denied(final.get("permission_denials")),
        http_status=_number(final.get("api_error_status")),
        session_id=_text(final.get("session_id")) or None,
        usage=_usage(final.get("usage"), final.get("total_cost_usd")),
    )


def _denied(denials: object) -> tuple[str, ...]:
    names = (
        [_text(one.get("tool_name")) for one in denials if isinstance(one, dict)] if isinstance(denials, list) else []
    )
    return tuple(dict.fromkeys(filter(None, names)))


def _codex(printed: str) -> Report:
    # Only lines that begin like an event: a million empty lines must not cost a million errors of the JSON reader.
    lines = (line for line in printed.split("\n") if line.lstrip().startswith("{"))
    events = [event for event in map(_loads, lines) if isinstance(event, dict) and "type" in event]
    if not events:
        return Report(printed)
    said, failure, session_id, usage = "", None, None, None
    for event in events:
        match event["type"], event.get("item"):
            case "item.completed", {"type": "agent_message", "text": str(text)}:
                said = text
            case "thread.started", _:
                session_id = _text(event.get("thread_id")) or None
            case "turn.completed", _:
                usage = _usage(event.get("usage"), None)
            case "turn.failed", _:
                failure = _message(event.get("error")) or failure or "the turn failed"
            case "error", _:
                failure = failure or _text(event.get("message"))
    # The agent may have recovered from an error event (a lost connection): the end of the turn decides.
    turn_ended_well = any(event["type"] == "turn.completed" for event in events)
    return Report(said, failure=None if turn_ended_well else failure, session_id=session_id, usage=usage)


def _message(error: object) -> str:
    return _text(error.get("message")) if isinstance(error, dict) else _text(error)


READERS: dict[str, Callable[[str], Report]] = {"claude": _claude, "codex": _codex}


def _usage(usage: object, cost: object) -> dict[str, float] | None:
    counts = usage if isinstance(usage, dict) else {}
    into = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    found = {
        "input_tokens": sum(_count(counts.get(name)) for name in into),
        "output_tokens": _count(counts.get("output_tokens")),
        **({"cost_usd": float(cost)} if shapes.is_number(cost) and isinstance(cost, int | float) else {}),
    }
    kept = {name: value for name, value in found.items() if shapes.is_number(value) and value >= 0}
    return kept if counts or cost else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and shapes.is_count(value, shapes.MAX_TALLY) else 0


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
