"""Each occurrence of a recurring task ends once, whatever the clock and the machine did meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from defer import instants
from defer.client import Client
from defer.errors import BadInput
from defer.record import occurrences, outcome, task
from defer.record.outcome import Outcome
from defer.record.retry import Backoff
from defer.run import claim
from defer.scheduling.plan import Request
from support import DONE, FAILED
from support import moment as at

Make = Callable[..., task.Task]


@pytest.fixture
def make(tmp_path: Any) -> Make:
    """A planned recurring task with an id, made at ``now``."""

    def planned(when: str, now: datetime, tz: str = "UTC", **fields: Any) -> task.Task:
        environ = {"HOME": str(tmp_path), "DEFER_TIMEZONE": tz}
        client = Client(environ, clock=lambda: now)
        request = Request(when=when, context={"summary": "work"}, task_id="job", **fields)
        return client.plan(request).task

    return planned


def begin(one: task.Task, now: datetime) -> task.Task:
    """The record after a claim at ``now`` that must change it."""
    (changed,) = claim.choose([one], now, 4, lambda: {"run_id": "r"})
    return changed


def end(one: task.Task, now: datetime, came_to: Outcome = DONE) -> task.Task:
    return outcome.settle(one, came_to, now, Backoff())


def filed(one: task.Task) -> tuple[list[task.Task], task.Task]:
    """The archive records in a task, and what stays of it."""
    records, _, rest = task.filed_records(one)
    assert rest is not None
    return records, rest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zone", "fields"),
    [
        ("Europe/Berlin", "30 2 * * *"),
        ("America/New_York", "15 * * * *"),
        ("Australia/Lord_Howe", "45 1 * * 0"),
    ],
)
def test_a_year_of_a_cron_task_runs_each_occurrence_once(make: Make, zone: str, fields: str) -> None:
    start, finish = at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")
    waiting = make(fields, start, zone)
    seen: list[str] = []
    while task.run_at(waiting) < finish:
        now = task.run_at(waiting) + timedelta(seconds=20)
        ended = end(begin(waiting, now), now + timedelta(seconds=30))
        records, waiting = filed(ended)
        assert [record["status"] for record in records] == ["completed"]
        seen += [record["occurrence"] for record in records]
    oracle = CronSim(fields, start.astimezone(ZoneInfo(zone)))
    expected = []
    for fire in oracle:
        if fire.astimezone(UTC) >= finish:
            break
        expected.append(instants.to_text(fire))
    assert seen == expected
    assert max(Counter(seen).values()) == 1


def test_a_month_of_downtime_is_one_record_and_one_late_run(make: Make) -> None:
    waiting = make("* * * * *", at("2026-03-01T00:00:00Z"))
    claimed = begin(waiting, at("2026-03-31T00:00:30Z"))
    (missed,) = claimed["ended"]
    assert missed["status"] == "missed"
    assert missed["stretch"] == {"first": "2026-03-01T00:01:00Z", "last": "2026-03-30T23:59:00Z", "count": 43199}
    assert claimed["occurrence"] == "2026-03-31T00:00:00Z"
    assert claimed["run"]["late_by_seconds"] == 30
    assert claimed["recurrence"]["fired"] == 43199


def test_catch_up_none_passes_over_what_is_late_and_goes_on(make: Make) -> None:
    waiting = make("0 9 * * *", at("2026-03-01T00:00:00Z"), catch_up="none")
    moved = begin(waiting, at("2026-03-04T12:00:00Z"))
    assert moved["status"] == "scheduled"
    assert moved["run_at"] == "2026-03-05T09:00:00Z"
    (missed,) = moved["ended"]
    assert missed["stretch"] == {"first": "2026-03-01T09:00:00Z", "last": "2026-03-04T09:00:00Z", "count": 4}


def test_catch_up_none_still_runs_what_a_busy_wake_took_up_late(make: Make) -> None:
    waiting = make("0 9 * * *", at("2026-03-01T00:00:00Z"), catch_up="none")
    assert begin(waiting, at("2026-03-01T09:04:59Z"))["status"] == "executing"


def test_catch_up_all_runs_every_one_in_order(make: Make) -> None:
    waiting = make("0 9 * * *", at("2026-03-01T00:00:00Z"), catch_up="all")
    seen = []
    now = at("2026-03-04T12:00:00Z")
    while task.is_due(waiting, now):
        claimed = begin(waiting, now)
        seen.append(claimed["occurrence"])
        _, waiting = filed(end(claimed, now))
    assert seen == [f"2026-03-0{day}T09:00:00Z" for day in (1, 2, 3, 4)]
    assert waiting["run_at"] == "2026-03-05T09:00:00Z"


def test_catch_up_all_leaves_out_what_has_expired(make: Make) -> None:
    waiting = make("0 9 * * *", at("2026-03-01T00:00:00Z"), catch_up="all", expires="1d 12h")
    claimed = begin(waiting, at("2026-03-04T12:00:00Z"))
    assert claimed["occurrence"] == "2026-03-03T09:00:00Z"
    assert claimed["ended"][0]["stretch"]["count"] == 2


def test_an_occurrence_too_late_to_be_of_use_is_missed(make: Make) -> None:
    waiting = make("0 9 * * *", at("2026-03-01T00:00:00Z"), expires="1h")
    moved = begin(waiting, at("2026-03-01T10:00:01Z"))
    assert moved["status"] == "scheduled"
    assert moved["ended"][0]["reason"] == "too late: its limit had passed"
    assert begin(waiting, at("2026-03-01T10:00:00Z"))["status"] == "executing"


def test_what_comes_due_while_one_runs_is_skipped_with_a_record(make: Make) -> None:
    waiting = make("0 * * * *", at("2026-03-01T00:30:00Z"))
    claimed = begin(waiting, at("2026-03-01T01:00:00Z"))
    records, following = filed(end(claimed, at("2026-03-01T03:30:00Z")))
    assert [record["status"] for record in records] == ["completed", "skipped"]
    assert records[1]["stretch"] == {"first": "2026-03-01T02:00:00Z", "last": "2026-03-01T03:00:00Z", "count": 2}
    assert following["run_at"] == "2026-03-01T04:00:00Z"


def test_overlap_queue_runs_one_of_them_after(make: Make) -> None:
    waiting = make("0 * * * *", at("2026-03-01T00:30:00Z"), overlap="queue")
    claimed = begin(waiting, at("2026-03-01T01:00:00Z"))
    records, following = filed(end(claimed, at("2026-03-01T03:30:00Z")))
    assert [record["status"] for record in records] == ["completed", "skipped"]
    assert records[1]["stretch"]["count"] == 1
    assert following["run_at"] == "2026-03-01T03:00:00Z"
    again = begin(following, at("2026-03-01T03:30:00Z"))
    records, following = filed(end(again, at("2026-03-01T03:31:00Z")))
    assert [record["status"] for record in records] == ["completed"]
    assert following["run_at"] == "2026-03-01T04:00:00Z"


def test_retries_belong_to_their_occurrence_and_then_the_next_regular_one_comes(make: Make) -> None:
    waiting = make("0 9 * * *", at("2026-03-01T00:00:00Z"), max_retries=1)
    now = at("2026-03-01T09:00:00Z")
    retry = end(begin(waiting, now), now, FAILED)
    assert (retry["status"], retry["attempts"], retry["occurrence"]) == ("scheduled", 1, "2026-03-01T09:00:00Z")
    now = task.run_at(retry)
    records, following = filed(end(begin(retry, now), now, FAILED))
    assert [(record["status"], record["attempts"]) for record in records] == [("failed", 2)]
    assert (following["attempts"], following["run_at"]) == (0, "2026-03-02T09:00:00Z")
    assert "last_error" not in following


def test_after_a_lost_attempt_what_came_meanwhile_is_caught_up_not_skipped(make: Make) -> None:
    waiting = make("0 9 * * *", at("2026-03-01T00:00:00Z"))
    claimed = begin(waiting, at("2026-03-01T09:00:00Z"))
    lost = Outcome(outcome.LOST, error_type="RunnerLost", error="lost")
    records, following = filed(end(claimed, at("2026-03-05T12:00:00Z"), lost))
    assert [record["status"] for record in records] == ["failed"]
    late = begin(following, at("2026-03-05T12:00:00Z"))
    assert late["occurrence"] == "2026-03-05T09:00:00Z"
    assert late["ended"][0]["stretch"]["count"] == 3


def test_count_bounds_what_ends_in_any_way(make: Make) -> None:
    waiting = make("0 9 * * *", at("2026-03-01T00:00:00Z"), times=3)
    claimed = begin(waiting, at("2026-03-02T09:00:00Z"))
    records, following = filed(end(claimed, at("2026-03-02T09:01:00Z")))
    assert [record["status"] for record in records] == ["missed", "completed"]
    last = end(begin(following, at("2026-03-03T09:00:00Z")), at("2026-03-03T09:01:00Z"))
    assert last["status"] == "completed"
    assert task.filed_records(last)[2] is None


def test_a_task_whose_last_occurrence_was_missed_is_over(make: Make) -> None:
    waiting = make("0 9 * * *", at("2026-03-01T00:00:00Z"), until="2026-03-02T12:00", catch_up="none")
    over = begin(waiting, at("2026-04-01T00:00:00Z"))
    assert over["status"] == "missed"
    assert over["stretch"]["count"] == 2


def test_jitter_delays_each_run_by_the_same_and_moves_no_occurrence(make: Make) -> None:
    waiting = make("0 9 * * *", at("2026-03-01T00:00:00Z"), jitter="10m")
    offset = task.run_at(waiting) - at("2026-03-01T09:00:00Z")
    assert timedelta(0) <= offset <= timedelta(minutes=10)
    now = task.run_at(waiting)
    _, following = filed(end(begin(waiting, now), now))
    assert following["occurrence"] == "2026-03-02T09:00:00Z"
    assert task.run_at(following) - at("2026-03-02T09:00:00Z") == offset


def test_jitter_spreads_names_over_the_whole_span() -> None:
    offsets = [occurrences.jitter_offset(f"host job{number}", 600) for number in range(200)]
    assert len(set(offsets)) > 100
    assert min(offsets) < 60
    assert max(offsets) > 540


def test_an_executors_wish_comes_before_the_next_regular_run_or_not_at_all(make: Make) -> None:
    now = at("2026-03-01T09:00:00Z")
    sooner = DONE._replace(reschedule_at=at("2026-03-01T11:00:00Z"))
    _, following = filed(end(begin(make("0 9 * * *", now - timedelta(hours=1)), now), now, sooner))
    assert following["run_at"] == "2026-03-01T11:00:00Z"
    _, regular = filed(end(begin(following, at(following["run_at"])), at("2026-03-01T11:01:00Z")))
    assert regular["run_at"] == "2026-03-02T09:00:00Z"
    later = DONE._replace(reschedule_at=at("2026-03-09T11:00:00Z"))
    _, following = filed(end(begin(make("0 9 * * *", now - timedelta(hours=1)), now), now, later))
    assert following["run_at"] == "2026-03-02T09:00:00Z"


@pytest.mark.parametrize("clock_step", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=-365)])
def test_a_stepped_clock_runs_no_occurrence_twice(make: Make, clock_step: timedelta) -> None:
    waiting = make("0 * * * *", at("2026-03-01T00:30:00Z"))
    now = at("2026-03-01T01:00:00Z")
    records, following = filed(end(begin(waiting, now), now + clock_step))
    assert [record["occurrence"] for record in records if record["status"] == "completed"] == ["2026-03-01T01:00:00Z"]
    assert following["occurrence"] > "2026-03-01T01:00:00Z"


def test_policies_of_a_task_that_runs_once_are_refused(make: Make) -> None:
    for field, flag in (("times", "--count"), ("jitter", "--jitter"), ("overlap", "--overlap")):
        with pytest.raises(BadInput, match=f"{flag} is for recurring tasks"):
            make(
                "in 30m", at("2026-03-01T00:00:00Z"), **{field: {"times": 3, "jitter": "5m", "overlap": "skip"}[field]}
            )


def test_upcoming_lists_every_fire_in_the_window(make: Make) -> None:
    waiting = make("0 9,17 * * *", at("2026-03-01T10:00:00Z"), times=3)
    fires = list(occurrences.upcoming(waiting, at("2026-03-09T00:00:00Z")))
    assert [instants.to_text(fire) for fire in fires] == [
        "2026-03-01T17:00:00Z",
        "2026-03-02T09:00:00Z",
        "2026-03-02T17:00:00Z",
    ]


# The examples above `occurrences._to_run`: a task of every day at 9 that waits for Monday the 16th; when it runs.
@pytest.mark.parametrize(
    ("policy", "woken", "runs"),
    [
        ({}, "2026-11-16T09:05:00Z", "2026-11-16T09:00:00Z"),
        ({}, "2026-11-19T12:00:00Z", "2026-11-19T09:00:00Z"),
        ({"catch_up": "all"}, "2026-11-19T12:00:00Z", "2026-11-16T09:00:00Z"),
        ({"catch_up": "all", "expires": "1d"}, "2026-11-19T12:00:00Z", "2026-11-19T09:00:00Z"),
        ({"catch_up": "none"}, "2026-11-19T09:05:00Z", "2026-11-19T09:00:00Z"),
        ({"catch_up": "none"}, "2026-11-19T12:00:00Z", None),
        ({"expires": "2h"}, "2026-11-19T12:00:00Z", None),
    ],
)
def test_which_occurrence_runs_of_those_that_have_come(
    make: Make, policy: dict[str, str], woken: str, runs: str | None
) -> None:
    waiting = make("every day at 9am", at("2026-11-15T12:00:00Z"), **policy)
    found = occurrences._to_run(waiting, occurrences.waited_for(waiting), at(woken))
    assert found == (runs and at(runs))


def test_an_occurrence_that_was_put_off_runs_after_the_next_has_come(make: Make) -> None:
    waiting = make("every day at 9am", at("2026-11-15T12:00:00Z"))
    put_off = {**waiting, "occurrence": "2026-11-16T09:00:00Z", "run_at": "2026-11-17T10:00:00Z"}
    found = occurrences._to_run(put_off, occurrences.waited_for(put_off), at("2026-11-17T10:00:00Z"))
    assert found == at("2026-11-16T09:00:00Z")


# The examples above `occurrences.follow`: a task of every hour whose occurrence of 9:00 is over.
@pytest.mark.parametrize(
    ("policy", "over", "extra_at", "upcoming", "skipped"),
    [
        ({}, "2026-11-16T09:10:00Z", None, "2026-11-16T10:00:00Z", 0),
        ({}, "2026-11-16T12:30:00Z", None, "2026-11-16T13:00:00Z", 3),
        ({"overlap": "queue"}, "2026-11-16T12:30:00Z", None, "2026-11-16T12:00:00Z", 2),
        ({}, "2026-11-16T09:10:00Z", "2026-11-16T09:40:00Z", "2026-11-16T09:40:00Z", 0),
        ({}, "2026-11-16T09:10:00Z", "2026-11-16T10:20:00Z", "2026-11-16T10:00:00Z", 0),
    ],
)
def test_what_a_task_goes_on_to(
    make: Make, policy: dict[str, str], over: str, extra_at: str | None, upcoming: str, skipped: int
) -> None:
    running = begin(make("0 * * * *", at("2026-11-16T08:30:00Z"), **policy), at("2026-11-16T09:00:00Z"))
    ended = {**running, "last": {"status": "completed", "failures": 0}}
    found = occurrences.follow(ended, at(over), at(extra_at) if extra_at else None)
    assert found["run_at"] == upcoming
    assert found["recurrence"]["fired"] == 1 + skipped
