"""Jobs of other tools: what is carried over exactly, and what is said about the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from defer.errors import BadInput
from defer.taskfiles import foreign

JOBS = Path(__file__).resolve().parents[2] / "data" / "foreign" / "jobs.json"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PLAIN = {"id": "a1", "prompt": "Do it.", "schedule": {"kind": "cron", "expression": "0 9 * * *", "timezone": "UTC"}}


def read(*jobs: dict[str, Any]) -> list[foreign.Job]:
    return foreign.agentica(json.dumps(jobs).encode(), JOBS, NOW)


def test_a_jobs_file_is_carried_over() -> None:
    found = {job.task_id: job for job in foreign.agentica(JOBS.read_bytes(), JOBS, NOW)}
    assert found["1f0c9a3be552"].fields == {
        "name": "Morning brief",
        "schedule": "30 7 * * *",
        "tz": "Asia/Shanghai",
        "prompt": "Write the morning brief.\nThree points.",
        "timeout": "none",
    }
    assert found["1f0c9a3be552"].notes == ()
    assert found["2b77d01c6a9e"].fields == {
        "name": "Poll the build",
        "schedule": "every 90 minutes",
        "prompt": "Is the build green?",
        "enabled": False,
        "timeout": 90.5,
        "retries": 2,
        "permissions": {"shell": "deny"},
    }
    assert [note.partition(":")[0] for note in found["2b77d01c6a9e"].notes] == [
        "retry_delay_ms",
        "permissions",
        "deliver",
        "next_run_at_ms",
    ]
    once = found["3c1e52aa07f4"].fields
    assert once is not None
    assert (once["schedule"], once["timeout"]) == ("2026-12-24T09:00:00Z", 600)
    six = found["4d90b7718c2d"].fields
    assert six is not None
    assert six["schedule"] == "15 3 * * 0"
    left = {task_id: job.notes[0].partition(":")[0] for task_id, job in found.items() if job.fields is None}
    assert left == {
        "6a2b4c8d9e0f": "status",
        "7b3c5d9e1f20": "schedule.at_ms",
        "8c4d6e0f2a31": "schedule.expression",
        "9d5e7f1a3b42": "schedule.timezone",
    }


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (60_000, "every 1 minutes"),
        (90_000, "every 90 seconds"),
        (7_200_000, "every 2 hours"),
        (86_400_000, "every 24 hours"),
    ],
)
def test_intervals_stay_elapsed_time(milliseconds: int, words: str) -> None:
    (job,) = read({**PLAIN, "schedule": {"kind": "every", "interval_ms": milliseconds}})
    assert job.fields is not None
    assert job.fields["schedule"] == words


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"schedule": {"kind": "every", "interval_ms": 1500}}, "schedule.interval_ms"),
        ({"schedule": {"kind": "every", "interval_ms": 0}}, "schedule.interval_ms"),
        ({"schedule": {"kind": "every", "interval_ms": True}}, "schedule.interval_ms"),
        ({"schedule": {"kind": "every"}}, "schedule.interval_ms"),
        ({"schedule": {"kind": "at", "at_ms": "tomorrow"}}, "schedule.at_ms"),
        ({"schedule": {"kind": "at", "at_ms": 10**40}}, "schedule.at_ms"),
        ({"schedule": {"kind": "at", "at_ms": 1763640000000}}, "schedule.at_ms"),
        ({"schedule": {"kind": "sometimes"}}, "schedule.kind"),
        ({"schedule": {"kind": "cron", "expression": "* * *", "timezone": "UTC"}}, "schedule.expression"),
        ({"schedule": {"kind": "cron", "expression": 5, "timezone": "UTC"}}, "schedule.expression"),
        ({"schedule": {"kind": "cron", "expression": "0 9 * * *", "timezone": ""}}, "schedule.timezone"),
        ({"schedule": "0 9 * * *"}, "schedule"),
        ({"schedule": {}}, "schedule"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"status": "failed"}, "status"),
        ({"enabled": "yes"}, "enabled"),
        ({"max_retries": True}, "max_retries"),
        ({"timeout_seconds": -1}, "timeout_seconds or max_retries"),
        ({"max_retries": 1.5}, "timeout_seconds or max_retries"),
        ({"workspace": 5}, "workspace"),
        ({"permissions": []}, "permissions"),
    ],
)
def test_what_has_no_counterpart_stays_behind(changed: dict[str, Any], field: str) -> None:
    (job,) = read({**PLAIN, **changed})
    assert job.fields is None
    assert job.notes[0].partition(":")[0] == field


def test_a_job_without_an_id_is_named_by_its_place() -> None:
    jobs = read(PLAIN, {name: value for name, value in PLAIN.items() if name != "id"})
    assert [(job.task_id, job.fields is None) for job in jobs] == [("a1", False), ("job 2", True)]


def test_what_is_not_known_is_named() -> None:
    schedule = {**PLAIN["schedule"], "seconds": 5}  # type: ignore[dict-item]
    (job,) = read(
        {**PLAIN, "schedule": schedule, "user_id": "ada", "timezone": "Asia/Tokyo", "colour": 1, "run_count": 3}
    )
    assert job.fields is not None
    assert [note.partition(":")[0] for note in job.notes] == ["user_id", "timezone", "colour", "schedule.seconds"]


def test_retry_delay_is_named_only_where_there_are_retries() -> None:
    assert read({**PLAIN, "retry_delay_ms": 5})[0].notes == ()
    assert read({**PLAIN, "retry_delay_ms": 5, "max_retries": 1})[0].notes[0].startswith("retry_delay_ms: 5 ")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "jobs.json:1: not JSON"),
        (b'[\n{"id": 1,}]', "jobs.json:2: not JSON"),
        (b'{"a": 1}', "jobs.json: not a list of jobs"),
        (b'["a"]', "jobs.json: not a list of jobs"),
        (b"\xff", "jobs.json:1: not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_jobs_file(raw: bytes, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        foreign.agentica(raw, Path("jobs.json"), NOW)
    assert said in str(caught.value)


def test_many_jobs() -> None:
    jobs = [{**PLAIN, "id": f"job{number}"} for number in range(2000)]
    assert len(read(*jobs)) == 2000
    assert foreign.agentica(json.dumps({"jobs": jobs}).encode(), JOBS, NOW)[1999].task_id == "job1999"


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity", "9" * 4300, "9" * 4301, "-" + "9" * 100_000], ids=len)
def test_a_number_too_large_keeps_no_other_job_from_being_carried_over(number: str) -> None:
    jobs = [PLAIN]
    for field in ("timeout_seconds", "max_retries", "retry_delay_ms", "next_run_at_ms"):
        jobs.append({**PLAIN, "id": field, field: "HUGE"})
    for kind, field in (("at", "at_ms"), ("every", "interval_ms")):
        jobs.append({**PLAIN, "id": field, "schedule": {"kind": kind, field: "HUGE"}})
    jobs.append({**PLAIN, "id": "permissions", "permissions": {"shell": ["HUGE"]}})
    jobs.append({**PLAIN, "id": "more", "run_count": "HUGE", "priority": "HUGE"})
    raw = json.dumps(jobs).replace('"HUGE"', number).encode()
    found = {job.task_id: job for job in foreign.agentica(raw, JOBS, NOW)}
    assert [name for name, job in found.items() if job.fields is not None] == ["a1", "more"]
    assert found["more"].notes == ("priority: not known here",)
    assert found["permissions"].notes == ("permissions: not a number that can be counted with (write a smaller one)",)
    nested = json.dumps([PLAIN, {**PLAIN, "id": "deep", "permissions": {"a": "NESTED"}}])
    deep = foreign.agentica(nested.replace('"NESTED"', "[" * 600 + "]" * 600).encode(), JOBS, NOW)
    assert [job.notes for job in deep] == [(), ("permissions: nested more than 20 deep",)]
    long = read({**PLAIN, "status": "z" * 100_000}, {**PLAIN, "z" * 100_000: 1})
    assert [len(job.notes[0]) for job in long] == [200, 200]
    assert all(len(note) < 200 for job in found.values() for note in job.notes)
