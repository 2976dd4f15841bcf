"""Which of what has ended is told, and what a notice of it says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from defer.notices import events
from defer.notices.events import Ack, Streak, Told
from support import Task, text_at

HOUR = timedelta(hours=1)
RULE = {"expression": "every hour", "tz": "UTC", "anchor": text_at()}


def ended(status: str, failures: int = 0, *, hours: float = 0, **fields: Any) -> Task:
    """The record of an occurrence that ended; by default a command's."""
    reason = fields.get("error") or fields.get("reason")
    last = {"outcome": status, "at": text_at(hours=hours), "reason": reason, "failures": failures, "since": text_at()}
    if status == "completed":
        last = {**last, "failures": 0, "before": failures, "since": None}
    return {
        "id": "a",
        "run_at": text_at(),
        "occurrence": text_at(hours=hours),
        "created_at": text_at(hours=-1),
        "context": {"summary": "fetch the mail"},
        "command": "fetch",
        "status": status,
        f"{status}_at": text_at(hours=hours),
        "last": last,
        **fields,
    }


def failed(failures: int = 1, hours: float = 0, error: str = "no such host", **fields: Any) -> Task:
    return ended("failed", failures, hours=hours, error=error, error_type="ExecutorFailed", **fields)


def told_of(*records: Task, ack: Ack | None = None, cooldown: timedelta = HOUR) -> list[str | None]:
    """The event that is told of each of these ends of one task, one after the other; None for those in silence."""
    streak, found = Streak(), []
    for record in records:
        told = events.verdict(record, streak, ack, cooldown)
        if told is not None:
            streak = events.after(streak, events.notice(record, told, (), in_inbox=True))
        found.append(told.event if told else None)
    return found


@pytest.mark.parametrize(
    ("record", "event"),
    [
        (ended("completed"), "completed"),
        (ended("completed", 3), "recovered"),
        (failed(), "failed"),
        (ended("failed", 1, error_type="RunnerLost"), "lost"),
        (ended("failed", 1, error_type="Expired"), "expired"),
        (failed(paused_at=text_at()), "paused"),
        (ended("missed"), "missed"),
        (ended("skipped"), "skipped"),
        (ended("cancelled"), None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_end_is_one_event(record: Task, event: str | None) -> None:
    assert events.event_of(record) == event


AGENT = {"command": None}
REMINDER = {"command": None, "result": {"type": "prompt_prepared"}}
SAID = {"result": {"output": "12 new\n"}}
LOUD, QUIET = True, False


@pytest.mark.parametrize(
    ("mode", "record", "is_loud"),
    [
        (None, ended("completed"), None),
        (None, ended("completed", **SAID), None),
        (None, ended("completed", **AGENT), QUIET),
        (None, ended("completed", **REMINDER), LOUD),
        (None, failed(), LOUD),
        (None, failed(**AGENT), LOUD),
        (None, ended("skipped"), None),
        ("output", ended("completed"), None),
        ("output", ended("completed", **AGENT), None),
        ("output", ended("completed", **SAID), LOUD),
        ("output", ended("completed", result={"output": " \n"}), None),
        ("output", ended("completed", result={"output": "[SILENT]\nnothing new"}), None),
        ("output", ended("completed", result={"output": "x", "summary": "[SILENT]"}), None),
        ("output", ended("completed", result={"output": "all well [SILENT]"}), LOUD),
        ("output", failed(), LOUD),
        ("always", ended("completed"), LOUD),
        ("always", ended("completed", **AGENT), LOUD),
        ("always", ended("skipped"), LOUD),
        ("always", ended("missed"), LOUD),
        ("never", failed(), None),
        ("never", ended("completed", **REMINDER), None),
        ("never", failed(paused_at=text_at()), None),
    ],
)
def test_what_a_task_says_decides_what_is_told(mode: str | None, record: Task, is_loud: bool | None) -> None:
    told = events.verdict({**record, **({"notify": mode} if mode else {})}, Streak(), None, HOUR)
    assert (told and told.is_loud) == is_loud


@pytest.mark.parametrize(
    ("policy", "reason", "is_told"),
    [
        ("one", "nothing woke the store in time (catch-up: one)", False),
        ("none", "nothing woke the store in time (catch-up: none)", True),
        ("one", "too late: its limit had passed", True),
        ("none", "the task was given another time before it ran", False),
    ],
)
def test_what_was_missed_is_told_where_nothing_runs_in_its_place(policy: str, reason: str, is_told: bool) -> None:
    record = ended("missed", reason=reason, recurrence={**RULE, "catch_up": policy})
    assert told_of(record) == ["missed" if is_told else None]


def test_of_a_streak_the_first_is_told_then_after_an_hour_then_once_a_day() -> None:
    moments = (0, 0.5, 0.9, 1, 2, 22.9, 25, 26, 49)
    found = told_of(*(failed(number + 1, hours) for number, hours in enumerate(moments)))
    assert found == ["failed", None, None, "failed", None, None, "failed", None, "failed"]


DAILY = (0, 24.001, 48, 71.999, 95, 119.001, 143.5)  # some take longer, and one day has a change of clocks


def test_a_daily_failure_is_told_every_day_whatever_second_it_ends_at() -> None:
    """A pause of exactly a day would leave out each day on which it took a little less long than the day before."""
    assert told_of(*(failed(number + 1, hours) for number, hours in enumerate(DAILY))) == ["failed"] * len(DAILY)
    missed = [ended("missed", hours=hours, recurrence={**RULE, "catch_up": "none"}) for hours in DAILY]
    assert told_of(*missed) == ["missed"] * len(DAILY)


def test_of_frequent_failures_the_one_nearest_to_the_end_of_the_pause_is_told() -> None:
    """Not each day two hours earlier than the day before."""
    every_ten_minutes = [failed(number + 1, number / 6) for number in range(6 * 50)]
    told = [number for number, event in enumerate(told_of(*every_ten_minutes)) if event]
    assert told == [0, 6, 6 * 25, 6 * 49]


def test_another_error_is_told_at_once_and_one_that_is_known_is_not_another() -> None:
    errors = ("no such host", "disk full", "no such host", "disk full (code 7)", "disk full (code 8)")
    found = told_of(*(failed(number + 1, number / 10, error) for number, error in enumerate(errors)))
    assert found == ["failed", "failed", None, "failed", None]


def test_errors_that_differ_each_time_are_told_by_the_cooldown_alone() -> None:
    words = ("an", "ox", "ate", "my", "hay", "and", "left", "me", "none")
    found = told_of(*(failed(number + 1, number / 100, f"it says {word}") for number, word in enumerate(words)))
    assert found == ["failed"] * 5 + [None] * 4


def test_a_recovery_is_told_once_where_a_failure_was() -> None:
    again = failed(1, 5)
    again["last"]["since"] = text_at(hours=5)
    found = told_of(failed(), ended("completed", 1, hours=1), ended("completed", hours=2), again)
    assert found == ["failed", "recovered", None, "failed"]


def test_a_recovery_of_which_no_failure_was_told_is_a_success_like_any_other() -> None:
    assert told_of(ended("completed", 2)) == [None]
    assert told_of(ended("completed", 2, **AGENT)) == ["completed"]


def test_with_a_cooldown_of_zero_every_failure_is_told() -> None:
    found = told_of(*(failed(number + 1, number / 60) for number in range(4)), cooldown=timedelta())
    assert found == ["failed"] * 4


def test_a_clock_that_was_set_back_silences_nothing_for_long() -> None:
    assert told_of(failed(1, 100), failed(2, 99.5), failed(3, 1)) == ["failed", None, "failed"]


def test_what_is_acknowledged_is_silent_until_another_error_or_another_streak() -> None:
    ack = Ack(text_at(), "no such host", text_at())
    assert told_of(failed(2, 30), failed(3, 60), ack=ack) == [None, None]
    assert told_of(failed(2, 30, "disk full"), ack=ack) == ["failed"]
    later = failed(1, 40)
    later["last"]["since"] = text_at(hours=40)
    assert told_of(later, ack=ack) == ["failed"]


def test_a_pause_is_told_even_where_its_failure_would_not_be() -> None:
    assert told_of(failed(), failed(2, 0.1, paused_at=text_at())) == ["failed", "paused"]


def test_a_notice_says_what_the_record_says() -> None:
    record = failed(
        2,
        error="exited with 1: no such host\nsecond line",
        attempts=3,
        copy_of="original",
        result={"type": "executor_failed", "output": "line 1\nline 2\n", "log_path": "/logs/a.log"},
    )
    record["last"]["reason"] = "exited with 1: no such host"
    assert events.notice(record, Told("failed", True), ["desktop"], in_inbox=True) == {
        "key": events.key_of(record, "failed"),
        "event": "failed",
        "id": "a",
        "copy_of": "original",
        "summary": "fetch the mail",
        "outcome": "failed",
        "at": text_at(),
        "occurrence": text_at(),
        "created_at": text_at(hours=-1),
        "reason": "exited with 1: no such host",
        "error": "exited with 1: no such host",
        "attempts": 3,
        "failures": 2,
        "since": text_at(),
        "signature": "exited with #: no such host",
        "count": 1,
        "output": "line 1\nline 2",
        "log": "/logs/a.log",
        "inbox": True,
        "to": ["desktop"],
    }


def test_what_is_not_loud_goes_to_no_channel_and_stands_in_the_inbox() -> None:
    made = events.notice(ended("completed", **AGENT), Told("completed", False), ["desktop"], in_inbox=False)
    assert (made["to"], made["inbox"]) == ([], True)


def test_a_key_is_the_same_each_time_and_differs_by_id_occurrence_creation_and_event() -> None:
    record = failed()
    others = [
        (record, "paused"),
        ({**record, "id": "b"}, "failed"),
        ({**record, "occurrence": text_at(hours=9)}, "failed"),
        ({**record, "created_at": text_at(hours=9)}, "failed"),
    ]
    keys = [events.key_of(record, "failed"), *(events.key_of(one, event) for one, event in others)]
    assert len(set(keys)) == 5
    assert keys[0] == events.key_of(dict(record), "failed")
    assert all(len(key) == 32 and key.isascii() for key in keys)


def test_long_texts_are_cut() -> None:
    record = failed(result={"output": "x" * 5000 + "\n" + "y\n" * 100})
    record["context"]["summary"] = "word " * 500
    made = events.notice(record, Told("failed", True), (), in_inbox=True)
    assert len(made["summary"]) <= 300
    assert len(made["output"] or "") <= 2000


@pytest.mark.parametrize("field", ["context", "last", "result", "recurrence", "occurrence", "created_at", "error"])
def test_a_field_that_is_missing_is_no_matter(field: str) -> None:
    record = {name: value for name, value in failed().items() if name != field}
    told = events.verdict(record, Streak(), None, HOUR)
    assert told is not None
    assert events.notice(record, told, (), in_inbox=True)["id"] == "a"
