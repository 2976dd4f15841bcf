"""One task, one line: the canonical form on disk and the quick look at a line.

A line we write starts with ``id``, ``status`` and ``run_at`` in this order, so that a
reader can tell from the first bytes of a line whether it is a waiting task that is not
due, and skip the rest. The match is anchored at the brace, so text from a user can never
be taken for it. What a record still has to file (``ended``, ``ended_runs``) stands between
``id`` and ``status``, so that such a record is always read whole.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeAlias

from . import instants

Task: TypeAlias = dict[str, Any]

MAX_TASK_BYTES = 1 << 20
"""A task is at most this many bytes as a line, so that one record cannot starve the rest."""

_LEADING = ("id", "ended", "ended_runs", "status", "run_at")
_WAITING = re.compile(rb'\{"id":"([A-Za-z0-9._-]+)","status":"scheduled","run_at":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"')
waiting = _WAITING.match
"""``waiting(line)``: a match with the id and ``run_at`` of a plainly waiting task, or None."""


class BadLine(ValueError):
    """A line that is no task record; the text says why."""


def encode(task: Task) -> bytes:
    """The task as one line with its newline."""
    ordered = {**{key: task[key] for key in _LEADING if key in task}, **task}
    try:
        return (_dumps(ordered, False) + "\n").encode()
    except UnicodeEncodeError:
        # A lone surrogate, valid as a JSON escape, has no UTF-8 form: it stays an escape.
        return (_dumps(ordered, True) + "\n").encode()


def _dumps(value: Task, ascii_only: bool) -> str:
    return json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))


def decode(line: bytes) -> Task:
    """The record in ``line``. Raises BadLine when it is none: every field a wake relies on is checked."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLine(f"not JSON: {error}"[:200]) from None
    if not isinstance(value, dict):
        raise BadLine("not a JSON object")
    if not isinstance(value.get("id"), str) or not value["id"]:
        raise BadLine("no id")
    if not isinstance(value.get("status"), str):
        raise BadLine("no status")
    if "filed_at" not in value:
        _check_fields(value)
    return value


def _check_fields(value: Task) -> None:
    """What the runner computes with must have the type it computes with (a line may be edited by hand)."""
    try:
        instants.from_text(value["run_at"])
    except (KeyError, TypeError, ValueError):
        raise BadLine("run_at is no ISO 8601 time") from None
    for key, kinds in _KINDS.items():
        if value.get(key) is not None and not isinstance(value[key], kinds):
            raise BadLine(f"{key} has the wrong type")
    for key in ("attempts", "max_retries", "timeout_seconds"):
        if isinstance(value.get(key), bool):
            raise BadLine(f"{key} has the wrong type")


_KINDS: dict[str, type | tuple[type, ...]] = {
    "attempts": int,
    "max_retries": int,
    "timeout_seconds": (int, float),
    "context": dict,
    "execution": dict,
    "run": dict,
    "ended": list,
    "ended_runs": list,
    "workspace": str,
    "executor": str,
    "cwd": str,
    "expires_at": str,
    "occurrence": str,
    "created_at": str,
}
