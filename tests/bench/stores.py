"""Stores to measure on: any number of waiting tasks, some of them due, written in seconds.

Each record is what `schedule` writes, as one line of ``LINE_BYTES``, as long as the one of a task with a
prompt of a few sentences.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

LINE_BYTES = 750
_CHUNK = 1000
_YEAR = 365 * 86400


def task_id(number: int) -> str:
    """The id of one of the waiting tasks, counted from 0."""
    return f"task_{number:09d}"


def _record(name: str, run_at: str, prompt: str) -> bytes:
    """The record of a task, in the order in which the store writes its fields."""
    record = {
        "id": name,
        "status": "scheduled",
        "run_at": run_at,
        "created_at": "2026-01-01T00:00:00Z",
        "type": "deferred_task",
        "intent": "resume_task",
        "context": {
            "reoriented_from": None,
            "key_points": ["the figures of March are in"],
            "artifacts": ["/srv/reports/march.csv"],
            "constraints": [],
            "summary": "resume the review of the report",
        },
        "execution": {"mode": "fresh", "prompt_template": prompt, "aura_level": "low"},
        "attempts": 0,
        "max_retries": 0,
        "reorient_requested": False,
        "reorient": {"requested": False, "project": None, "explicit_context_file": None},
        "schema_version": 2,
        "occurrence": run_at,
        "tz": "UTC",
        "when": "tomorrow 9am",
        "cwd": "/",
    }
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _template(run_at: str) -> bytes:
    """A line of ``LINE_BYTES`` with ``%09d`` in the place of the number."""
    bare = len(_record(task_id(0), run_at, ""))
    return _record("task_%09d", run_at, "x" * (LINE_BYTES - bare))


def _stamp(ahead: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead))


def lines(waiting: int, due: int = 0) -> Iterator[bytes]:
    """Chunks of lines: ``waiting`` tasks of next year, ``due`` tasks of a minute ago spread among them."""
    later, overdue = _template(_stamp(_YEAR)), _template(_stamp(-60)).replace(b"task_", b"due__", 1)
    for start in range(0, waiting, _CHUNK):
        numbers = range(start, min(start + _CHUNK, waiting))
        here = range(start * due // waiting, numbers.stop * due // waiting)
        yield b"".join([*map(later.__mod__, numbers), *map(overdue.__mod__, here)])


def write(path: Path, waiting: int, due: int = 0) -> None:
    """Put a store there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb", buffering=0) as file:
        for chunk in lines(waiting, due):
            file.write(chunk)
        os.fsync(file.fileno())
