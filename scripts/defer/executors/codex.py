"""Codex: how its program is called without a person, and how its output reads.

The shape is that of ``codex exec --json``, one event a line, as its documentation has it. Checked with codex 0.169.0.
"""

from __future__ import annotations

from . import report
from .report import Report


def arguments(model: str | None, session: str | None) -> list[str]:
    """What the program is called with; behind ``--`` nothing from outside is an option."""
    # A task's folder need not be a Git repository, which Codex would otherwise insist on. Its flags stand in front.
    flags = ["exec", "--json", "--skip-git-repo-check", *([f"--model={model}"] if model else [])]
    return [*flags, *(["resume", "--", session, "-"] if session else ["-"])]


def read(printed: str) -> Report:
    """What the agent said of its run, from all that the program printed."""
    # Only lines that begin like an event: a million empty lines must not cost a million errors of the JSON reader.
    lines = (line for line in printed.split("\n") if line.lstrip().startswith("{"))
    events = [event for event in map(report.loads, lines) if isinstance(event, dict) and "type" in event]
    if not events:
        return Report(printed)
    said, failure, session_id, usage = "", None, None, None
    for event in events:
        match event["type"], event.get("item"):
            case "item.completed", {"type": "agent_message", "text": str(text)}:
                said = text
            case "thread.started", _:
                session_id = report.text(event.get("thread_id")) or None
            case "turn.completed", _:
                usage = report.usage(event.get("usage"), None)
            case "turn.failed", _:
                failure = _message(event.get("error")) or failure or "the turn failed"
            case "error", _:
                failure = failure or report.text(event.get("message"))
    # The agent may have recovered from an error event (a lost connection): the end of the turn decides.
    turn_ended_well = any(event["type"] == "turn.completed" for event in events)
    return Report(said, failure=None if turn_ended_well else failure, session_id=session_id, usage=usage)


def _message(error: object) -> str:
    return report.text(error.get("message")) if isinstance(error, dict) else report.text(error)
