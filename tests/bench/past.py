"""What we aim at where there is a long past: the commands that look back on a year of a thousand runs a day."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import measure
from ground import Ground
from measure import Failed, Sample, mebibytes, ratio, seconds
from table import Line, milliseconds

_TASKS = 20
_DAY = 86400
COMMANDS = (
    ("history --limit 100", ("history", "--limit", "100", "--compact"), 30),
    ("history of one task of 20", ("history", "job-7", "--limit", "100", "--compact"), 30),
    ("history --status failed", ("history", "--status", "failed", "--limit", "100", "--compact"), 100),
    ("status", ("status", "--compact"), 30),
    ("health", ("health", "--compact"), 30),
    ("show", ("show", "job-7", "--compact"), 30),
    ("log of the latest attempt", ("log", "job-7"), 30),
    ("prune --dry-run", ("prune", "--older", "90d", "--dry-run", "--compact"), 30),
)
"""What is measured, and how many starts of Python it may take: 30 are 0.3 s where one takes 10 ms.

Where nothing of what is asked for has happened, all of it is looked through."""


def looking_back(ground: Ground) -> Iterator[Line]:
    """Each command that looks at what has happened."""
    count = 36_500 if ground.quick else 365_000
    runtime = ground.fresh()
    write(runtime, count)
    works: dict[str, Callable[[], Sample]] = {"limit": ground.bare_python}
    for name, words, _ in COMMANDS:
        works[name] = partial(_looked, ground, runtime, *words)
    found = measure.in_turn(ground.rounds(5), works)
    limit = f"{milliseconds(seconds(found['limit']))} `python -I -c pass`"
    for name, _, most in COMMANDS:
        times, memory = ratio(found[name], found["limit"]), mebibytes(found[name])
        ours = f"{milliseconds(seconds(found[name]))}, {memory:.0f} MiB"
        met = times <= most and memory <= 64
        yield Line(f"{name}, {count:,} runs", ours, limit, f"{times:.0f} ×", f"≤ {most} ×, ≤ 64 MiB", met)


def _looked(ground: Ground, runtime: Path, *words: str) -> Sample:
    """One look. `health` ends with 1 where something needs attention."""
    try:
        return ground.defer(runtime, *words)
    except Failed as error:
        raise Failed(f"{' '.join(words)}: {error}") from None


def write(runtime: Path, count: int) -> None:
    """A year of so many runs of 20 tasks, up to now, each of them filed, and the tasks as they wait for the next."""
    now = int(time.time())
    every = 365 * _DAY // count
    files: dict[Path, Any] = {}
    try:
        for number in range(count):
            began = now - (count - number) * every
            _write_one(runtime, files, number, began)
    finally:
        for file in files.values():
            file.close()
    store = [_task(number, now, every) for number in range(_TASKS)]
    (runtime / "deferred.jsonl").write_bytes(b"".join(map(_line, store)))
    for name in (".deferred.jsonl.heartbeat", "deferred.jsonl"):
        (runtime / name).touch(mode=0o600)
        (runtime / name).chmod(0o600)


def _write_one(runtime: Path, files: dict[Path, Any], number: int, began: int) -> None:
    name, ended = f"job-{number % _TASKS}", began + 3
    run_id = time.strftime(f"run_%Y%m%dT%H%M%SZ_{number:010x}", time.gmtime(began))
    log = runtime / "logs" / "attempts" / name / f"{run_id}.log"
    month = time.strftime("%Y%m", time.gmtime(ended))
    for kind, line in (
        (f"runs/runs_{month}.jsonl", _run(name, run_id, began, ended, str(log))),
        (f"archive/deferred_{month}.jsonl", _ended(name, number, began, ended, str(log))),
    ):
        path = runtime / kind
        if path not in files:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files[path] = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb")
        files[path].write(_line(line))
    if time.time() - began < 2 * _DAY:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        log.write_text("12 files were looked at\n")


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _stamp(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _run(name: str, run_id: str, began: int, ended: int, log: str) -> dict[str, Any]:
    return {
        "run_id": run_id, "task_id": name, "attempt": 1, "occurrence": _stamp(began), "status": "ok",
        "started_at": _stamp(began), "ended_at": _stamp(ended), "duration_ms": 2900, "exit_code": 0, "error_type": None,
        "error": None, "late_by_seconds": 0, "log": log, "log_bytes": 24, "prompt": None,
        "usage": {"input_tokens": 1200, "output_tokens": 340, "cost_usd": 0.01}, "session_id": None, "host": "here",
        "pid": 4711, "summary": "12 files were looked at", "copy_of": None,
    }  # fmt: skip


def _common(name: str, created: str, rule: dict[str, Any], run_at: str) -> dict[str, Any]:
    return {
        "id": name, "created_at": created, "run_at": run_at, "type": "deferred_task", "intent": "resume_task",
        "context": {"summary": f"look at {name}", "key_points": [], "artifacts": [], "constraints": []},
        "execution": {"mode": "fresh", "prompt_template": "look at the files", "aura_level": "low"},
        "max_retries": 0, "schema_version": 2, "occurrence": run_at, "tz": "UTC", "cwd": "/", "recurrence": rule,
    }  # fmt: skip


def _rule(fired: int) -> dict[str, Any]:
    return {"expression": "every 1d", "tz": "UTC", "anchor": "2025-01-01T00:00:00Z", "fired": fired}


def _ended(name: str, number: int, began: int, ended: int, log: str) -> dict[str, Any]:
    common = _common(name, "2025-01-01T00:00:00Z", _rule(number // _TASKS), _stamp(began))
    return {
        **common, "status": "completed", "attempts": 1, "started_at": _stamp(began), "completed_at": _stamp(ended),
        "result": {"type": "executor_output", "output": "12 files were looked at", "log_path": log},
        "last": {"outcome": "completed", "at": _stamp(ended), "reason": None, "failures": 0},
    }  # fmt: skip


def _task(number: int, now: int, every: int) -> dict[str, Any]:
    common = _common(f"job-{number}", "2025-01-01T00:00:00Z", _rule(18_000), _stamp(now + 3600))
    last = {"outcome": "completed", "at": _stamp(now - every), "reason": None, "failures": 0}
    return {**common, "status": "scheduled", "attempts": 0, "last": last}


ALL = (looking_back,)
