"""What was asked for as a delay is taken by the wake of its minute, at most a tenth of the delay early; all else at its
time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from defer import instants
from defer.client import Client
from defer.record import task
from support import Place, Task

SAID = datetime.fromisoformat("2026-03-02T12:00:20+00:00")


def client(place: Place, now: datetime = SAID) -> Client:
    return Client(place.env, clock=lambda: now)


def asked(place: Place, when: str, **fields: Any) -> Task:
    from defer.scheduling.plan import Request

    with_clock = client(place)
    planned = with_clock.plan(Request(when, {"summary": "s"}, task_id="job", **fields), SAID)
    (stored,) = with_clock.add([planned], now=SAID)
    return stored


def wakes_until_it_runs(place: Place, start: datetime, every: timedelta = timedelta(minutes=1)) -> datetime:
    """The moment of the first of the wakes of cron that leaves nothing waiting."""
    moment = start
    while any(one["status"] == "scheduled" for one in place.tasks().values()):
        moment += every
        place.wake_at(moment)
    return moment


@pytest.mark.parametrize(
    ("when", "due", "runs"),
    [
        ("30m", "12:30:20", "12:30:00"),
        ("in 2 hours", "14:00:20", "14:00:00"),
        # A tenth of ten minutes is a minute, of five half of one.
        ("10m", "12:10:20", "12:10:00"),
        ("5m", "12:05:20", "12:05:00"),
        # Twenty seconds are more than a tenth of three minutes.
        ("3m", "12:03:20", "12:04:00"),
        ("90s", "12:01:50", "12:02:00"),
        ("1m", "12:01:20", "12:02:00"),
        ("half an hour", "12:30:20", "12:30:00"),
        # Said as a time of the clock, and kept to the second.
        ("12:30:20", "12:30:20", "12:31:00"),
        ("today 12:30", "12:30:00", "12:30:00"),
        ("2026-03-02T12:30:20Z", "12:30:20", "12:31:00"),
    ],
)
def test_the_wake_that_takes_it(place: Place, when: str, due: str, runs: str) -> None:
    stored = asked(place, when)
    assert stored["run_at"] == f"2026-03-02T{due}Z"
    start = instants.from_text("2026-03-02T12:00:00Z")
    if due > "13":
        start += timedelta(hours=1, minutes=50)
    assert f"{wakes_until_it_runs(place, start):%H:%M:%S}" == runs


@pytest.mark.parametrize("minutes", [1, 2, 3, 7, 15, 59, 600])
@pytest.mark.parametrize("second", [1, 20, 59])
def test_never_more_than_a_tenth_of_it_early_and_never_a_minute_before(minutes: int, second: int) -> None:
    said, delay = SAID.replace(second=second), timedelta(minutes=minutes)
    at = said + delay
    ready = instants.ready(at, delay)
    assert ready is not None
    early = at - instants.from_text(ready)
    assert timedelta() < early <= delay / 10
    assert instants.from_text(ready).minute == at.minute


def test_what_is_due_on_the_minute_is_never_early(place: Place) -> None:
    """A wake of cron may begin in the first second of the minute before."""
    assert instants.ready(SAID.replace(second=0), timedelta(hours=1)) is None
    asked(place, "15:00")
    assert "ready_at" not in client(place).editor.snooze("job", "1h")


def test_a_delay_of_seconds_is_kept_to_the_second(place: Place) -> None:
    assert "ready_at" not in asked(place, "9s")


def test_what_recurs_is_kept_to_the_second(place: Place) -> None:
    assert "ready_at" not in asked(place, "every 30 minutes")


def test_a_loop_takes_nothing_before_its_time(place: Place) -> None:
    stored = asked(place, "30m")
    assert task.is_due(stored, instants.from_text("2026-03-02T12:30:00Z"), to_the_second=False)
    assert not task.is_due(stored, instants.from_text("2026-03-02T12:30:19Z"))
    assert task.is_due(stored, instants.from_text("2026-03-02T12:30:20Z"))


def test_a_mark_of_a_time_that_was_moved_since_says_nothing(place: Place) -> None:
    """By an older version, or by hand: it knows the time alone."""
    for moved in ("2026-03-02T13:30:20Z", "2026-03-02T12:10:00Z"):
        one: Task = {**asked(place, "30m", tags=()), "run_at": moved}
        assert task.ready_at(one) == instants.from_text(moved)
        client(place).cancel("job")
        place.wake_at(SAID)


def test_a_retry_is_a_delay_and_what_an_executor_names_is_not(place: Place) -> None:
    env = {"DEFER_RETRY_DELAY_SECONDS": "1200", "DEFER_EXECUTOR": place.executor("exit 1")}
    asked(place, "2026-03-02T12:01:00Z", max_retries=2)
    place.wake_at(SAID + timedelta(seconds=45), env=env)
    waiting = place.task("job")
    assert (waiting["run_at"], waiting["ready_at"]) == ("2026-03-02T12:21:05Z", "2026-03-02T12:21:00Z")
    named = place.executor('printf \'{"retry_at":"2026-03-02T12:50:20Z"}\' >"$DEFER_RESULT_FILE"; exit 75', "executor")
    place.wake_at(SAID + timedelta(minutes=20, seconds=40), env={**env, "DEFER_EXECUTOR": named})
    waiting = place.task("job")
    assert (waiting["run_at"], waiting.get("ready_at")) == ("2026-03-02T12:50:20Z", None)


def test_an_executor_that_asks_for_a_delay_gets_one(place: Place) -> None:
    body = 'printf \'{"reschedule":"%s"}\' >"$DEFER_RESULT_FILE"'
    for number, (words, ready) in enumerate({"2h": "2026-03-02T14:01:00Z", "14:30": None}.items()):
        executor = place.executor(body.replace("%s", words), f"asks{number}")
        asked(place, "2026-03-02T12:01:00Z", executor=executor)
        place.wake_at(SAID + timedelta(seconds=45))
        assert place.task("job").get("ready_at") == ready
        client(place, SAID + timedelta(minutes=1)).cancel("job")
        place.wake_at(SAID + timedelta(minutes=1))


def test_reschedule_and_edit_set_it_anew(place: Place) -> None:
    asked(place, "30m")
    editor = client(place).editor
    assert editor.reschedule("job", "1h")["ready_at"] == "2026-03-02T13:00:00Z"
    assert "ready_at" not in editor.reschedule("job", "14:00")
    assert editor.edit("job", {"when": "20m"})["ready_at"] == "2026-03-02T12:20:00Z"
    assert "ready_at" in editor.edit("job", {"tag": ["a"]})
    assert "ready_at" not in editor.edit("job", {"when": "every day at 9am"})


def test_it_is_on_time(place: Place) -> None:
    asked(place, "30m", executor=place.executor("true"))
    place.wake_at(SAID + timedelta(minutes=29, seconds=40))
    (run,) = place.runs()
    assert (run["started_at"], run["late_by_seconds"]) == ("2026-03-02T12:30:00Z", 0)
    assert run["occurrence"] == "2026-03-02T12:30:20Z"
