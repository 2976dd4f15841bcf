"""Words into a record: what is refused names its field, and what was read already is not read again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from defer import timeparse
from defer.errors import BadInput
from defer.scheduling import plan
from defer.scheduling.plan import Request, Timing
from defer.settings.config import Config, load

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""A Monday."""
DAILY = {"when": "every day at 9am"}
REFUSED: dict[str, dict[str, Any]] = {
    "when": {"when": "sometime"},
    "tz": {"tz": "Mars/Base"},
    "summary": {"context": {"summary": " "}},
    "key_points": {"context": {"summary": "x", "key_points": ["a\0b"]}},
    "prompt_template": {"prompt_template": "a\udcff"},
    "tags": {"tags": ("a\0b",)},
    "id": {"task_id": "../x"},
    "timeout": {"timeout": "400000 hours"},
    "executor": {"executor": "nobody"},
    "workspace": {"workspace": "/no/such"},
    "expires": {"expires": "8:00", "when": "tomorrow 9am"},
    "times": {**DAILY, "times": 0},
    "until": {**DAILY, "until": "8:30"},
    "jitter": {**DAILY, "jitter": "400000 hours"},
    "catch_up": {"catch_up": "all"},
    "overlap": {"overlap": "queue"},
}


@pytest.fixture
def config() -> Config:
    return load({"DEFER_TIMEZONE": "UTC", "DEFER_ENV_FILE": "/dev/null"})


@pytest.mark.parametrize("field", REFUSED)
def test_what_cannot_be_names_its_field(config: Config, field: str) -> None:
    asked = {"when": "30m", "context": {"summary": "x"}, **REFUSED[field]}
    with pytest.raises(BadInput) as caught:
        plan.plan(Request(**asked), config, MORNING)
    assert caught.value.field == field


def test_a_zone_of_the_settings_is_named_by_its_variable() -> None:
    settings = load({"DEFER_TIMEZONE": "Mars", "DEFER_ENV_FILE": "/dev/null"})
    with pytest.raises(BadInput) as caught:
        plan.plan(Request("30m", {"summary": "x"}), settings, MORNING)
    assert caught.value.field == "DEFER_TIMEZONE"


def test_what_was_read_already_is_not_read_again(config: Config) -> None:
    reading = timeparse.parse("tomorrow 9am", MORNING, ZoneInfo("UTC"))
    moment = plan.read(Timing("these words are not a time", reading=reading), config, MORNING)
    assert moment.reading is reading
    planned = plan.plan(Request("tomorrow at nine", {"summary": "x"}, reading=reading), config, MORNING)
    assert (planned.task["run_at"], planned.task["when"]) == ("2026-03-03T09:00:00Z", "tomorrow at nine")


def test_the_timing_of_a_request_is_what_it_says_of_when(config: Config) -> None:
    asked = Request("every day", {"summary": "x"}, tz="UTC", expires="1h", times=3, until="2027-01-01", overlap="queue")
    assert asked.timing == Timing("every day", "UTC", "1h", 3, "2027-01-01", None, None, "queue")


@pytest.mark.parametrize(
    ("wanted", "seconds"), [(None, None), ("none", 0), ("10m", 600.0), (0, 0), (90.5, 90.5), ("1h30", 5400.0)]
)
def test_a_timeout_is_words_or_a_number(wanted: str | float | None, seconds: float | None) -> None:
    assert plan.timeout_seconds(wanted) == seconds


def test_which_reading_was_taken_of_a_bound_is_said_too(config: Config) -> None:
    now = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
    asked = Request("every month on the 31st at noon", {"summary": "x"}, until="in 13 months", expires="2h")
    assert plan.plan(asked, config, now).notes == (
        "months without day 31 are skipped",
        "until: clamped to the last day of February",
    )
    once = Request("in 2 hours", {"summary": "x"}, expires="in 1 month")
    assert plan.plan(once, config, now).notes == ("expires: clamped to the last day of February",)
    assert plan.plan(Request("30m", {"summary": "x"}, expires="2h"), config, now).notes == ()
