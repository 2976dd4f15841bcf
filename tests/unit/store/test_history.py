"""Records of ended attempts, read back newest first whatever else stands in the files."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from defer.client import Client
from defer.record import codec
from defer.record.runs import Run
from defer.store import backwards, history
from support import Place, v1_task, validator


def record(number: int, task_id: str = "job", month: str = "04", **fields: Any) -> dict[str, Any]:
    return {
        "run_id": f"run_{number}",
        "task_id": task_id,
        "attempt": 1,
        "occurrence": f"2026-{month}-08T16:45:00Z",
        "status": "ok",
        "started_at": f"2026-{month}-08T16:45:01Z",
        "ended_at": f"2026-{month}-08T16:45:{number:02}Z",
        "duration_ms": 12,
        "exit_code": 0,
        "error_type": None,
        "error": None,
        "late_by_seconds": 1,
        "log": None,
        "log_bytes": None,
        "summary": None,
        "prompt": None,
        "usage": None,
        "session_id": None,
        "model": None,
        "tool_calls": None,
        "denied": None,
        "env": None,
        "host": "desk",
        "pid": 7,
        "copy_of": None,
        "worktree": None,
        **fields,
    }


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def write(runs_dir: Path, name: str, lines: Iterable[dict[str, Any] | bytes]) -> None:
    runs_dir.mkdir(exist_ok=True)
    raw = [one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in lines]
    (runs_dir / name).write_bytes(b"".join(raw))


def read(runs_dir: Path, task_id: str | None = None, since: datetime | None = None) -> Iterator[Run]:
    return history.runs(runs_dir.parent / "deferred.jsonl", runs_dir, task_id, since)


def numbers(found: Iterable[Run]) -> list[str | None]:
    return [run.run_id for run in found]


def test_newest_first_over_the_months(runs_dir: Path) -> None:
    write(runs_dir, "runs_202604.jsonl", [record(1), record(2, "other"), record(3)])
    write(runs_dir, "runs_202512.jsonl", [record(4, month="12")])
    write(runs_dir, "runs_202605.jsonl", [record(5, month="05"), record(6, month="05")])
    assert numbers(read(runs_dir)) == ["run_6", "run_5", "run_3", "run_2", "run_1", "run_4"]
    assert numbers(read(runs_dir, "job")) == ["run_6", "run_5", "run_3", "run_1", "run_4"]
    assert numbers(islice(read(runs_dir, "job"), 2)) == ["run_6", "run_5"]
    assert numbers(read(runs_dir, "nobody")) == []


def test_since_a_moment_nothing_older_is_read(runs_dir: Path) -> None:
    write(runs_dir, "runs_202604.jsonl", [record(1), record(9), record(4), record(7)])
    write(runs_dir, "runs_202603.jsonl", [record(8, month="03")])
    since = datetime(2026, 4, 8, 16, 45, 4, tzinfo=UTC)
    assert numbers(read(runs_dir, None, since)) == ["run_7", "run_4", "run_9"]
    (runs_dir / "runs_202603.jsonl").unlink()
    (runs_dir / "runs_202603.jsonl").mkdir()  # to read it would raise
    assert numbers(read(runs_dir, "job", since)) == ["run_7", "run_4", "run_9"]


def test_every_field_of_the_schema_is_there_and_typed(runs_dir: Path) -> None:
    validator("run").validate(record(1))
    assert Run._fields == tuple(record(1))
    write(runs_dir, "runs_202604.jsonl", [record(1, usage={"cost_usd": 0.5}, started_at=None)])
    (run,) = read(runs_dir)
    assert run.ended_at == datetime(2026, 4, 8, 16, 45, 1, tzinfo=UTC)
    assert (run.started_at, run.usage, run.late_by_seconds) == (None, {"cost_usd": 0.5}, 1)


def test_without_a_directory_or_with_foreign_files_there_is_nothing(runs_dir: Path) -> None:
    assert numbers(read(runs_dir)) == []
    write(runs_dir, "notes.jsonl", [record(1)])
    write(runs_dir, "runs_202604.txt", [record(1)])
    assert numbers(read(runs_dir)) == []


BAD = {
    "nothing": b"\n",
    "torn": b'{"run_id": "run_9", "task_id": "job", "ended_at": "2026-04-08T16:4',
    "no JSON": b"job\n",
    "not UTF-8": b'{"task_id": "job", "x": "\xff"}\n',
    "NUL": b'{"task_id": "job"}\0\n',
    "a list": b'["job"]\n',
    "a number": b"3\n",
    "too deep": b'{"task_id":"job","x":' + b"[" * 200_000 + b"\n",
    "no end": b'{"task_id": "job"}\n',
    "an end that is not a time": b'{"task_id": "job", "ended_at": "yesterday"}\n',
    "an end that is a number": b'{"task_id": "job", "ended_at": 5}\n',
    "a start that is not a time": b'{"task_id": "job", "ended_at": "2026-04-08T16:45:00Z", "started_at": "x"}\n',
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_line_is_passed_over(runs_dir: Path, kind: str) -> None:
    write(runs_dir, "runs_202604.jsonl", [record(1), BAD[kind].rstrip(b"\n") + b"\n", record(2)])
    assert numbers(read(runs_dir)) == ["run_2", "run_1"]
    assert numbers(read(runs_dir, "job")) == ["run_2", "run_1"]


def test_unknown_fields_are_passed_over_and_missing_ones_are_none(runs_dir: Path) -> None:
    lines = [{"task_id": "job", "ended_at": "2026-04-08T16:45:00Z", "later": 1}]
    write(runs_dir, "runs_202604.jsonl", lines)
    (run,) = read(runs_dir)
    assert (run.task_id, run.exit_code, run.started_at) == ("job", None, None)


@pytest.mark.parametrize("task_id", ["Prüfung", "a b", 'say "hello"', "日本", "back\\slash", "a/b"])
def test_runs_of_a_foreign_id_are_found(place: Place, task_id: str) -> None:
    place.write_store(v1_task(task_id), v1_task("other"))
    place.wake_at()
    assert [run.task_id for run in read(place.runtime / "runs", task_id)] == [task_id]
    assert Client(place.env).find(task_id)["status"] == "completed"


def test_an_id_in_another_field_is_not_taken_for_one(runs_dir: Path) -> None:
    write(runs_dir, "runs_202604.jsonl", [record(1, "other", error='no "job" there'), record(2, "other", host="job")])
    assert numbers(read(runs_dir, "job")) == []


def test_a_month_of_any_size_is_read_in_the_memory_of_one_line(runs_dir: Path) -> None:
    runs_dir.mkdir(exist_ok=True)
    month = runs_dir / "runs_202604.jsonl"
    with month.open("wb") as file:
        for number in range(3000):
            file.write(json.dumps(record(number % 60, f"job{number % 10}", error="x" * 10_000)).encode() + b"\n")
        file.write(b"y" * (codec.MAX_LINE_BYTES + 1) + json.dumps(record(1)).encode() + b"\n")
    tracemalloc.start()
    try:
        found = [run.task_id for run in read(runs_dir)]
        mine = [run.task_id for run in read(runs_dir, "job3")]
        # The line that is too long is held up to where it is.
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    assert found == [f"job{number % 10}" for number in reversed(range(3000))]
    assert mine == ["job3"] * 300


def test_a_status_that_did_not_occur_is_not_looked_for_in_what_is_too_old(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backwards, "_BLOCK_BYTES", 2048)
    old = [record(number % 60, status="failed") for number in range(1000)]
    young = [record(1, ended_at=f"2026-04-{day}T12:00:00Z") for day in range(10, 30)]
    write(runs_dir, "runs_202604.jsonl", [*old, *young])
    looked_at: list[bytes] = []
    real = history._RUNS.read
    kind = history._RUNS._replace(read=lambda line: (looked_at.append(line), real(line))[1])
    monkeypatch.setattr(history, "_RUNS", kind)
    since = datetime(2026, 4, 9, 12, tzinfo=UTC)
    assert list(history.runs(runs_dir.parent / "deferred.jsonl", runs_dir, None, since, None, ["failed"])) == []
    assert len(looked_at) < 40
