"""Plans of a batch: each is what the spec would come to by itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support import Place

from defer.client import Client
from defer.errors import BadInput
from defer.scheduling import plan
from defer.scheduling.spec import Planner, TaskSpec

BEFORE_DST = datetime(2026, 3, 28, 22, 59, 30, tzinfo=UTC)
SECONDS = timedelta(seconds=1)


def batch(**fields: Any) -> list[TaskSpec]:
    """Specs that share ``fields`` and differ in texts and times."""
    whens = ("30m", "tomorrow 2:30", "30m", "every day at 9am", "2026-10-25 02:30", "30m", "in 1 day", "90s")
    return [
        TaskSpec(when, f"look {number}\nat \u00e9v\u00e9nement", f"named {number}" if number % 3 else None, **fields)
        for number, when in enumerate(whens)
    ]


def alone(spec: TaskSpec, client: Client, now: datetime) -> plan.Plan:
    return plan.plan(spec.request(), client.config, now)


def said(planned: plan.Plan) -> tuple[str, Any]:
    """All of a plan, with the order of its fields."""
    return json.dumps(planned.task), (planned.instant, planned.zone_name, planned.notes)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"tz": "Europe/Berlin"},
        {"tags": ("a", "b"), "key_points": ("one",), "artifacts": ("/etc", "no/such")},
        {"tags": ["a"], "constraints": ["one"]},
        {"expires": "10h"},
        {"permissions": {"allow": ["x"]}},
        {"workspace": "/", "max_retries": 3, "timeout_seconds": 1.5, "intent": "notify", "mode": "callback"},
    ],
    ids=str,
)
@pytest.mark.parametrize("now", [BEFORE_DST, BEFORE_DST + 2 * 3600 * SECONDS, BEFORE_DST + SECONDS / 3], ids=str)
def test_a_batch_has_the_plans_that_its_specs_have_by_themselves(
    place: Place, fields: dict[str, Any], now: datetime
) -> None:
    client = Client(place.env)
    specs = [*batch(**fields), *(one._replace(id=f"job-{at}") for at, one in enumerate(batch(**fields)))]
    planner = Planner(client.config, now)
    assert [said(planner.plan(one)) for one in specs] == [said(alone(one, client, now)) for one in specs]


def test_records_of_a_batch_share_nothing_that_can_be_changed(place: Place) -> None:
    planner = Planner(Client(place.env).config, BEFORE_DST)
    plans = [planner.plan(TaskSpec("30m", "look", tags=("a",))) for _ in range(3)]
    before = [said(one) for one in plans]
    changed: Any = plans[0].task
    for name in ("key_points", "artifacts", "constraints"):
        changed["context"][name].append("more")
    changed["context"]["summary"] = changed["execution"]["mode"] = changed["reorient"]["project"] = "other"
    changed["tags"].append("more")
    assert [said(one) for one in plans[1:]] == before[1:]
    assert said(planner.plan(TaskSpec("30m", "look", tags=("a",)))) == before[1]


def test_what_a_batch_names_is_read_anew_when_it_can_have_changed(place: Place) -> None:
    planner = Planner(Client(place.env).config, BEFORE_DST)
    points = ["one"]
    first = planner.plan(TaskSpec("30m", "look", key_points=points))
    points.append("two")
    second = planner.plan(TaskSpec("30m", "look", key_points=points))
    assert [one.task["context"]["key_points"] for one in (first, second)] == [["one"], ["one", "two"]]


WRONG: list[dict[str, Any]] = [
    {"schedule": "sometime"},
    {"schedule": 5},
    {"schedule": "30m\0"},
    {"prompt": None},
    {"prompt": " \n "},
    {"prompt": "a\0b"},
    {"prompt": "a\udcff"},
    {"name": 3},
    {"name": "  "},
    {"name": "a\0b"},
    {"id": "../x"},
    {"id": 5},
    {"max_retries": True},
    {"max_retries": 1.0},
    {"timeout_seconds": "10m"},
    {"tags": [1]},
    {"workspace": "/no/such"},
    {"tz": "Mars/Base"},
    {"catch_up": "none"},
    {"schedule": "sometime", "id": "../x", "prompt": "a\0b"},
]


@pytest.mark.parametrize("fields", WRONG, ids=str)
def test_behind_its_like_a_spec_is_refused_as_by_itself(place: Place, fields: dict[str, Any]) -> None:
    client = Client(place.env)
    right = TaskSpec("30m", "look", max_retries=1)
    planner = Planner(client.config, BEFORE_DST)
    planner.plan(right)
    planner.plan(right)
    wrong = right._replace(**fields)
    refused = []
    for plan_it in (planner.plan, Planner(client.config, BEFORE_DST).plan):
        with pytest.raises(BadInput) as caught:
            plan_it(wrong)
        refused.append((str(caught.value), caught.value.field))
    assert refused[0] == refused[1]
    assert said(planner.plan(right)) == said(alone(right, client, BEFORE_DST))
