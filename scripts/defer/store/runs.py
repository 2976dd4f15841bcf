"""What has run: the records of ended attempts, newest first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from defer import instants
from defer.record import codec, shapes

from . import backwards, months


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
    prompt: str | None
    usage: dict[str, Any] | None
    session_id: str | None
    host: str | None
    pid: int | None


def runs(runs_dir: Path, task_id: str | None = None) -> Iterator[Run]:
    """The runs of one task, or of all, newest month and newest line first. Lines that are not runs are skipped."""
    needles = [b""] if task_id is None else codec.needles(task_id)
    for path in reversed(months.files(runs_dir, months.RUNS)):
        for line in backwards.lines(path):
            run = _run(line) if any(needle in line for needle in needles) else None
            if run is not None and task_id in (None, run.task_id):
                yield run


def _run(line: bytes) -> Run | None:
    try:
        value = json.loads(line)
        if shapes.run_fault(value) is not None:
            return None
        fields = {name: value.get(name) for name in Run._fields}
        started = fields["started_at"] and instants.from_text(fields["started_at"])
        return Run(**{**fields, "started_at": started, "ended_at": instants.from_text(fields["ended_at"])})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
