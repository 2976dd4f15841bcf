"""The prompt of an attempt: what an agent that remembers nothing is handed to go on with."""

from __future__ import annotations

from collections.abc import Iterable

from .codec import Task

_NONE = "(none)"
_FRAMES = {
    "fresh": (
        "This task was deferred earlier and is due now. You are picking it up cold: assume that nothing of "
        "the conversation it came from is known to you. What you need is below and in the artifacts it names."
    ),
    "callback": (
        "This is the continuation of work that was under way when it was deferred. Take it up where it was "
        "left: check first what has changed since, then go on."
    ),
}


def render(task: Task, attempt: int) -> str:
    """The prompt as Markdown, each part under its own heading, ``(none)`` where there is nothing."""
    context, execution = task.get("context") or {}, task.get("execution") or {}
    mode = str(execution.get("mode") or "fresh")
    summary = _text(context.get("summary"))
    sections = [
        ("Task", _facts(task, mode, attempt)),
        ("Summary", summary),
        ("Key points", _bullets(context.get("key_points"))),
        ("Artifacts", _bullets(context.get("artifacts"))),
        ("Constraints", _bullets(context.get("constraints"))),
        ("Prompt", _text(execution.get("prompt_template"))),
    ]
    parts = ["# Deferred task", _FRAMES.get(mode, _FRAMES["fresh"])]
    parts += [f"## {heading}\n\n{body}" for heading, body in sections]
    return "\n\n".join(parts) + "\n"


def _facts(task: Task, mode: str, attempt: int) -> str:
    context, execution = task.get("context") or {}, task.get("execution") or {}
    facts = {
        "id": task["id"],
        "intent": task.get("intent"),
        "mode": mode,
        "aura level": execution.get("aura_level"),
        "scheduled at": task.get("created_at"),
        "due at": task.get("occurrence") or task.get("run_at"),
        "attempt": f"{attempt} of at most {int(task.get('max_retries') or 0) + 1}",
        "working directory when scheduled": task.get("cwd"),
        "workspace": task.get("workspace"),
        "last error": task.get("last_error"),
        "reoriented from": context.get("reoriented_from"),
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items() if value)


def _text(value: object) -> str:
    return str(value).strip() if value else _NONE


def _bullets(values: object) -> str:
    items = [values] if isinstance(values, str) else values if isinstance(values, Iterable) else []
    # A further line of an item is indented, so that it stays in its bullet.
    return "\n".join("- " + str(item).strip().replace("\n", "\n  ") for item in items) or _NONE
