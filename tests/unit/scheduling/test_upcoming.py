"""What will run: in order, and no more of it foretold than is asked for."""

from __future__ import annotations

import tracemalloc
from datetime import datetime
from itertools import islice
from typing import Any

import pytest

from defer.record import occurrences
from defer.scheduling.upcoming import upcoming
from support import NOW, at, text_at, v1_task

pytestmark = pytest.mark.thorough


def recurring(task_id: str, expression: str) -> dict[str, Any]:
    rule = {"expression": expression, "tz": "UTC", "anchor": text_at()}
    return v1_task(task_id, run_at=text_at(minutes=1), occurrence=text_at(minutes=1), recurrence=rule)


def once(task_id: str, minutes: float) -> dict[str, Any]:
    return v1_task(task_id, run_at=text_at(minutes=minutes))


def test_runs_of_many_tasks_are_merged_by_time_and_then_by_id() -> None:
    tasks = [recurring("b", "every minute"), once("c", 2), recurring("a", "* * * * *"), once("z", 1)]
    found = upcoming(tasks, NOW, at(minutes=3), 100)
    assert [(one["run_at"][14:16], one["id"]) for one in found] == [
        ("46", "a"),
        ("46", "b"),
        ("46", "z"),
        ("47", "a"),
        ("47", "b"),
        ("47", "c"),
        ("48", "a"),
        ("48", "b"),
    ]


def test_no_more_is_foretold_than_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    foretold: list[datetime] = []
    real = occurrences.upcoming

    def counted(*args: Any) -> Any:
        for fire in real(*args):
            foretold.append(fire)
            yield fire

    monkeypatch.setattr(occurrences, "upcoming", counted)
    tasks = [recurring(f"task_{number:02}", "every minute") for number in range(20)]
    found = list(islice(upcoming(tasks, NOW, at(days=60), 100_000), 300))
    assert found[-1] == {"run_at": text_at(minutes=15), "id": "task_19", "summary": "resume the review"}
    assert len(foretold) <= 300 + 20


def test_a_limit_bounds_the_tasks_that_are_held() -> None:
    tracemalloc.start()
    tasks = (once(f"task_{number}", 50_000 - number) for number in range(30_000))
    found = list(upcoming(tasks, NOW, at(days=60), 3))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [one["id"] for one in found] == ["task_29999", "task_29998", "task_29997"]
    assert peak < 8 << 20


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_a_limit_is_kept(limit: int) -> None:
    found = list(upcoming([once("a", 1), recurring("b", "every minute")], NOW, at(days=1), limit))
    assert [one["id"] for one in found] == ["a", "b"][:limit]
