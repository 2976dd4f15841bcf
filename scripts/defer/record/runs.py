"""The record of an ended attempt, as it is read."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from defer import instants

from . import shapes

if TYPE_CHECKING:
    from .types import Worktree


class Run(NamedTuple):
    """One ended attempt, as ``references/task.schema.json`` (run) defines it."""

    run_id: str | None
    task_id: str
    attempt: int
    occurrence: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime
    duration_ms: int | None
    exit_code: int | None
    error_type: str | None
    error: str | None
    late_by_seconds: int | None
    log: str | None
    log_bytes: int | None
    summary: str | None
    prompt: str | None
    usage: dict[str, Any] | None
    session_id: str | None
    model: str | None
    tool_calls: int | None
    denied: list[str] | None
    env: list[str] | None
    host: str | None
    pid: int | None
    copy_of: str | None
    worktree: Worktree | None


def read(line: bytes) -> Run | None:
    """The run in one line of JSON; None for a line that is not one."""
    try:
        value = json.loads(line)
        if shapes.run_fault(value) is not None:
            return None
        fields = {name: value.get(name) for name in Run._fields}
        started = instants.from_text(fields["started_at"]) if fields["started_at"] else None
        return Run(**{**fields, "started_at": started, "ended_at": instants.from_text(fields["ended_at"])})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
