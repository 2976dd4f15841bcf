"""Changing one's mind: each change does what it says to the coming occurrence and to no other, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from defer import instants
from defer.client import Client
from defer.errors import Refused
from defer.record import changes, occurrences, outcome, task
from defer.record.outcome import Outcome
from defer.record.retry import Backoff
from defer.run import claim
from defer.scheduling.plan import Request
from support import DONE, FAILED
from support import moment as at

Make = Callable[..., task.Task]


NIGHT = at("2026-03-01T00:00:00Z")


@pytest.fixture
def make(tmp_path: Any) -> Make:
    """A task ``job`` planned at ``now``, midnight of 1 March unless said otherwise."""

    def planned(when: str, now: datetime = NIGHT, tz: str = "UTC", **fields: Any) -> task.Task:
        client = Client({"HOME": str(tmp_path), "DEFER_TIMEZONE": tz}, clock=lambda: now)
        return client.plan(Request(when=when, context={"summary": "work"}, task_id="job", **fields)).task

    return planned


def begin(one: task.Task, now: datetime) -> task.Task:
    (changed,) = claim.choose([one], now, 4, lambda: {"run_id": "r"})
    return changed


def end(one: task.Task, now: datetime, came_to: Outcome = DONE) -> task.Task:
    return outcome.settle(one, came_to, now, Backoff())


def filed(one: task.Task) -> tuple[list[task.Task], task.Task | None]:
    records, _, rest = task.filed_records(one)
    return records, rest


def said(records: list[task.Task]) -> list[tuple[str, str, int]]:
    """Status, first moment and number of the occurrences in archive records."""
    return [(one["status"], one["occurrence"], one.get("stretch", {}).get("count", 1)) for one in records]


def snoozed(one: task.Task, moment: str) -> task.Task:
    return changes.reschedule(one, at(moment), "later")


# Pause and resume


def test_a_paused_task_is_never_due(make: Make) -> None:
    paused = changes.pause(make("every day at 9am"), at("2026-03-01T08:00:00Z"))
    assert (paused["status"], paused["paused_at"]) == ("paused", "2026-03-01T08:00:00Z")
    assert claim.choose([paused], at("2026-03-09T00:00:00Z"), 4, dict) == []
    assert task.needs_attention_at(paused) == instants.NEVER


def test_resumed_in_time_it_runs_as_if_nothing_had_been(make: Make) -> None:
    waiting = make("every day at 9am")
    paused = changes.pause(waiting, at("2026-03-01T08:00:00Z"))
    assert changes.resume(paused, at("2026-03-01T08:30:00Z")) == waiting


@pytest.mark.parametrize("policy", ["one", "all", "none"])
def test_resumed_late_nothing_is_made_up_for(make: Make, policy: str) -> None:
    paused = changes.pause(make("* * * * *", catch_up=policy), NIGHT)
    now = at("2026-03-31T00:00:30Z")
    resumed = changes.resume(paused, now)
    (skipped,) = resumed["ended"]
    assert (skipped["status"], skipped["reason"]) == ("skipped", "the task was paused")
    assert skipped["stretch"] == {"first": "2026-03-01T00:01:00Z", "last": "2026-03-31T00:00:00Z", "count": 43200}
    assert claim.choose([resumed], now, 4, dict) == []
    assert (resumed["status"], resumed["run_at"]) == ("scheduled", "2026-03-31T00:01:00Z")
    assert "paused_at" not in resumed
    assert "paused_at" not in skipped


def test_a_task_paused_beyond_its_last_occurrence_is_over_when_resumed(make: Make) -> None:
    paused = changes.pause(make("every day at 9am", times=2), NIGHT)
    resumed = changes.resume(paused, at("2026-03-09T00:00:00Z"))
    records, rest = filed(resumed)
    assert said(records) == [("skipped", "2026-03-01T09:00:00Z", 2)]
    assert rest is None


def test_paused_past_its_retry_an_occurrence_ends_with_what_it_came_to(make: Make) -> None:
    failed = end(begin(make("every hour", max_retries=3), at("2026-03-01T01:00Z")), at("2026-03-01T01:00Z"), FAILED)
    paused = changes.pause(failed, at("2026-03-01T01:00:30Z"))
    records, waiting = filed(changes.resume(paused, at("2026-03-01T04:30Z")))
    assert said(records) == [("cancelled", "2026-03-01T01:00:00Z", 1), ("skipped", "2026-03-01T02:00:00Z", 3)]
    assert [one["attempts"] for one in records] == [1, 0]
    assert records[0]["cancel_reason"] == "the task was paused before its retry"
    assert waiting is not None
    assert (waiting["occurrence"], waiting["attempts"]) == ("2026-03-01T05:00:00Z", 0)
    assert (waiting["status"], waiting["recurrence"]["fired"]) == ("scheduled", 4)


@pytest.mark.parametrize(
    ("resumed", "ends"),
    [
        ("2026-03-01T01:30Z", [("cancelled", "2026-03-01T01:00:00Z", 1)]),
        ("2026-03-01T04:30Z", [("cancelled", "2026-03-01T01:00:00Z", 1), ("skipped", "2026-03-01T02:00:00Z", 1)]),
    ],
)
def test_paused_past_its_retry_and_its_last_occurrence_a_task_is_over(make: Make, resumed: str, ends: Any) -> None:
    first = make("every hour", max_retries=3, times=len(ends))
    paused = changes.pause(end(begin(first, at("2026-03-01T01:00Z")), at("2026-03-01T01:00Z"), FAILED), NIGHT)
    records, waiting = filed(changes.resume(paused, at(resumed)))
    assert (said(records), waiting) == (ends, None)
    assert len(task.filed_records(changes.resume(paused, at(resumed)))[1]) == 1


def test_a_run_that_was_asked_for_before_the_occurrence_it_is_of_is_no_second_run_of_it(make: Make) -> None:
    """Brought forward from nine to eight, and again half an hour later: nine o'clock is over by then."""
    moved = snoozed(make("every day at 9am"), "2026-03-01T08:00:00Z")
    eight = at("2026-03-01T08:00Z")
    asked = DONE._replace(reschedule_at=at("2026-03-01T08:30Z"))
    records, waiting = filed(end(begin(moved, eight), eight, asked))
    assert said(records) == [("completed", "2026-03-01T09:00:00Z", 1)]
    assert waiting is not None
    assert waiting["run_at"] == "2026-03-01T08:30:00Z"
    half_past = at("2026-03-01T08:30Z")
    records, waiting = filed(end(begin(waiting, half_past), half_past))
    assert said(records) == [("completed", "2026-03-01T09:00:01Z", 1)]
    assert waiting is not None
    assert waiting["occurrence"] == "2026-03-02T09:00:00Z"


def test_a_task_that_runs_once_runs_late_when_resumed_late(make: Make) -> None:
    waiting = make("2026-03-01T09:00")
    resumed = changes.resume(changes.pause(waiting, NIGHT), at("2026-03-02T00:00:00Z"))
    assert resumed == waiting
    assert begin(resumed, at("2026-03-02T00:00:00Z"))["status"] == "executing"


def test_a_run_that_jitter_holds_back_is_not_lost_by_a_pause(make: Make) -> None:
    waiting = make("every day at 9am")
    waiting["recurrence"] |= {"jitter_seconds": 600, "jitter_offset_seconds": 600}
    waiting["run_at"] = "2026-03-01T09:10:00Z"
    today = changes.resume(changes.pause(waiting, NIGHT), at("2026-03-01T09:05:00Z"))
    assert (today["run_at"], today.get("ended")) == ("2026-03-01T09:10:00Z", None)
    tomorrow = changes.resume(changes.pause(waiting, NIGHT), at("2026-03-02T09:05:00Z"))
    assert (tomorrow["run_at"], tomorrow["ended"][0]["stretch"]["count"]) == ("2026-03-02T09:10:00Z", 1)


def test_a_moved_run_that_is_still_to_come_is_not_lost_by_a_pause(make: Make) -> None:
    moved = snoozed(make("every day at 9am"), "2026-03-01T11:00:00Z")
    resumed = changes.resume(changes.pause(moved, NIGHT), at("2026-03-01T10:00:00Z"))
    assert (resumed["run_at"], resumed.get("ended")) == ("2026-03-01T11:00:00Z", None)


# Reschedule and snooze


def test_a_snoozed_occurrence_runs_late_and_the_next_one_in_time(make: Make) -> None:
    moved = snoozed(make("every day at 9am"), "2026-03-01T11:00:00Z")
    assert (moved["occurrence"], moved["when"]) == ("2026-03-01T09:00:00Z", "every day at 9am")
    claimed = begin(moved, at("2026-03-01T11:00:20Z"))
    assert claimed["run"]["late_by_seconds"] == 20
    records, following = filed(end(claimed, at("2026-03-01T11:01:00Z")))
    assert said(records) == [("completed", "2026-03-01T09:00:00Z", 1)]
    assert following
    assert following["run_at"] == "2026-03-02T09:00:00Z"


def test_an_occurrence_that_is_brought_forward_is_not_run_again_in_its_time(make: Make) -> None:
    moved = snoozed(make("every day at 9am"), "2026-03-01T01:00:00Z")
    records, following = filed(end(begin(moved, at("2026-03-01T01:00:00Z")), at("2026-03-01T01:01:00Z")))
    assert said(records) == [("completed", "2026-03-01T09:00:00Z", 1)]
    assert following
    assert following["run_at"] == "2026-03-02T09:00:00Z"


@pytest.mark.parametrize("policies", [{"catch_up": "none"}, {"expires": "30m"}, {"catch_up": "all", "expires": "30m"}])
def test_a_snoozed_occurrence_is_not_too_late_because_it_was_snoozed(make: Make, policies: dict[str, str]) -> None:
    moved = snoozed(make("every day at 9am", **policies), "2026-03-01T11:00:00Z")
    claimed = begin(moved, at("2026-03-01T11:00:20Z"))
    assert (claimed["status"], claimed["occurrence"]) == ("executing", "2026-03-01T09:00:00Z")
    late = begin(moved, at("2026-03-01T11:30:01Z"))
    assert said(late["ended"]) == [("missed", "2026-03-01T09:00:00Z", 1)]
    assert late["run_at"] == "2026-03-02T09:00:00Z"


def test_what_comes_while_an_occurrence_is_snoozed_is_skipped_with_a_record(make: Make) -> None:
    moved = snoozed(make("0 * * * *"), "2026-03-01T04:30:00Z")
    claimed = begin(moved, at("2026-03-01T04:30:00Z"))
    assert (claimed["occurrence"], claimed.get("ended")) == ("2026-03-01T01:00:00Z", None)
    records, following = filed(end(claimed, at("2026-03-01T04:31:00Z")))
    assert said(records) == [("completed", "2026-03-01T01:00:00Z", 1), ("skipped", "2026-03-01T02:00:00Z", 3)]
    assert "put off" in records[1]["reason"]
    assert following
    assert following["run_at"] == "2026-03-01T05:00:00Z"


def test_a_snoozed_occurrence_that_is_missed_is_accounted_for_with_the_others(make: Make) -> None:
    moved = snoozed(make("every day at 9am"), "2026-03-01T11:00:00Z")
    claimed = begin(moved, at("2026-03-04T12:00:00Z"))
    assert said(claimed["ended"]) == [("missed", "2026-03-01T09:00:00Z", 3)]
    assert claimed["occurrence"] == "2026-03-04T09:00:00Z"


def test_a_task_that_runs_once_is_moved_with_the_words_that_were_given(make: Make) -> None:
    moved = changes.reschedule(make("30m"), at("2026-03-01T11:00:00Z"), "11am")
    assert [moved[name] for name in ("run_at", "occurrence", "when")] == ["2026-03-01T11:00:00Z"] * 2 + ["11am"]


def test_a_retry_that_is_moved_stays_a_retry_of_its_occurrence(make: Make) -> None:
    retry = end(begin(make("30m", max_retries=1), at("2026-03-01T00:30:00Z")), at("2026-03-01T00:31:00Z"), FAILED)
    moved = changes.reschedule(retry, at("2026-03-01T03:00:00Z"), "3am")
    assert (moved["occurrence"], moved["attempts"]) == ("2026-03-01T00:30:00Z", 1)
    again = begin(moved, at("2026-03-01T03:00:00Z"))
    assert (again["run"]["attempt"], again["run"]["occurrence"]) == (2, "2026-03-01T00:30:00Z")


def test_a_retry_that_v1_left_is_moved(make: Make) -> None:
    """v1 named no occurrence."""
    old = {name: value for name, value in make("1h").items() if name != "occurrence"}
    moved = changes.reschedule({**old, "attempts": 1}, at("2026-03-01T05:00Z"), "5am")
    assert (moved["run_at"], moved["occurrence"]) == ("2026-03-01T05:00:00Z", old["run_at"])


def test_a_time_beyond_its_use_is_refused(make: Make) -> None:
    waiting = make("30m", expires="1h")
    with pytest.raises(Refused, match=r"only valid until 2026-03-01T01:30:00Z: .*edit job --when later --expires"):
        snoozed(waiting, "2026-03-01T05:00:00Z")
    assert snoozed(waiting, "2026-03-01T01:00:00Z")["expires_at"] == "2026-03-01T01:30:00Z"


# One occurrence cancelled


def test_one_occurrence_is_cancelled_and_the_next_one_comes(make: Make) -> None:
    records, rest = filed(changes.cancel_occurrence(make("every day at 9am"), NIGHT, "holiday"))
    assert said(records) == [("cancelled", "2026-03-01T09:00:00Z", 1)]
    assert records[0]["cancel_reason"] == "holiday"
    assert rest
    assert (rest["status"], rest["run_at"], rest.get("cancel_reason")) == ("scheduled", "2026-03-02T09:00:00Z", None)


def test_the_last_occurrence_cancelled_is_the_end_of_the_task(make: Make) -> None:
    records, rest = filed(changes.cancel_occurrence(make("every day at 9am", times=1), NIGHT, None))
    assert said(records) == [("cancelled", "2026-03-01T09:00:00Z", 1)]
    assert rest is None


def test_a_paused_task_stays_paused_when_an_occurrence_is_cancelled(make: Make) -> None:
    paused = changes.pause(make("every day at 9am"), NIGHT)
    changed = changes.cancel_occurrence(paused, at("2026-03-01T01:00:00Z"), None)
    assert (changed["status"], changed["paused_at"]) == ("paused", "2026-03-01T00:00:00Z")
    assert changed["run_at"] == "2026-03-02T09:00:00Z"
    assert changes.resume(changed, at("2026-03-01T02:00:00Z"))["run_at"] == "2026-03-02T09:00:00Z"


def test_an_occurrence_waiting_for_its_retry_is_cancelled_with_what_it_came_to(make: Make) -> None:
    waiting = make("every day at 9am", max_retries=2)
    retry = end(begin(waiting, at("2026-03-01T09:00:00Z")), at("2026-03-01T09:00:10Z"), FAILED)
    changed = changes.cancel_occurrence(retry, at("2026-03-01T09:00:20Z"), None)
    records, runs, rest = task.filed_records(changed)
    assert said(records) == [("cancelled", "2026-03-01T09:00:00Z", 1)]
    assert [run["status"] for run in runs] == ["failed"]
    assert records[0]["last_error"] == "executor exited with 1"
    assert rest
    assert (rest["attempts"], rest["run_at"], rest.get("last_error")) == (0, "2026-03-02T09:00:00Z", None)


# Now, beside the schedule


def test_a_run_beside_the_schedule_is_a_task_of_its_own(make: Make) -> None:
    recurring = make("every day at 9am", max_retries=2, tags=("home",))
    before = dict(recurring)
    copy = changes.run_now(recurring, at("2026-03-01T05:00:00Z"))
    assert recurring == before
    assert "id" not in copy
    assert "recurrence" not in copy
    assert (copy["copy_of"], copy["status"], copy["run_at"]) == ("job", "scheduled", "2026-03-01T05:00:00Z")
    assert (copy["max_retries"], copy["tags"], copy["context"]) == (2, ["home"], recurring["context"])
    assert changes.run_now({**copy, "id": "copy"}, at("2026-03-01T06:00:00Z"))["copy_of"] == "job"


def test_a_run_beside_the_schedule_has_nothing_of_what_was(make: Make) -> None:
    retry = end(
        begin(make("30m", expires="1h", max_retries=1), at("2026-03-01T00:30:00Z")), at("2026-03-01T00:31:00Z"), FAILED
    )
    now = at("2026-03-05T00:00:00Z")
    copy = changes.run_now(retry, now)
    assert begin({**copy, "id": "copy"}, now)["status"] == "executing"
    assert copy["attempts"] == 0
    left = {"expires_at", "last_error", "error_type", "ended_runs", "result", "run", "started_at"}
    assert left & copy.keys() == set()


# What makes no sense


@pytest.mark.parametrize("doing", ["pause", "edit", "reschedule"])
def test_what_runs_or_has_ended_is_left_alone(make: Make, doing: str) -> None:
    act: dict[str, Callable[[task.Task], task.Task]] = {
        "pause": lambda one: changes.pause(one, NIGHT),
        "edit": lambda one: changes.edit(one, {"intent": "notify"}, {}, {}),
        "reschedule": lambda one: changes.reschedule(one, at("2026-03-01T02:00:00Z"), "2am"),
    }
    running = begin(make("30m"), at("2026-03-01T00:30:00Z"))
    with pytest.raises(Refused, match=rf"^task is executing: job \({doing} it when its attempt has ended\)$"):
        act[doing](running)
    with pytest.raises(Refused, match=r"^task has ended: job is completed \(schedule a new one\)$"):
        act[doing](end(running, at("2026-03-01T00:31:00Z")))


def test_only_what_is_paused_is_resumed_and_what_is_paused_is_not_paused_again(make: Make) -> None:
    waiting = make("30m")
    with pytest.raises(Refused, match="task is not paused: job is scheduled"):
        changes.resume(waiting, NIGHT)
    with pytest.raises(Refused, match=r"task is paused already: job \(defer resume job\)"):
        changes.pause(changes.pause(waiting, NIGHT), NIGHT)


def test_an_occurrence_of_what_runs_once_is_no_occurrence(make: Make) -> None:
    with pytest.raises(Refused, match=r"task runs once: job \(cancel it without --occurrence\)"):
        changes.cancel_occurrence(make("30m"), NIGHT, None)


# Accounting


def test_an_occurrence_that_an_executor_asked_for_is_accounted_for_when_it_is_missed(make: Make) -> None:
    wish = DONE._replace(reschedule_at=at("2026-03-01T11:00:00Z"))
    claimed = begin(make("every day at 9am"), at("2026-03-01T09:00:00Z"))
    _, asked = filed(end(claimed, at("2026-03-01T09:01:00Z"), wish))
    assert asked
    assert asked["occurrence"] == "2026-03-01T11:00:00Z"
    now = at("2026-03-04T12:00:00Z")
    late = begin(asked, now)
    assert said(late["ended"]) == [("missed", "2026-03-01T11:00:00Z", 3)]
    assert late["ended"][0]["stretch"]["last"] == "2026-03-03T09:00:00Z"
    resumed = changes.resume(changes.pause(asked, at("2026-03-01T10:00:00Z")), now)
    assert said(resumed["ended"]) == [("skipped", "2026-03-01T11:00:00Z", 4)]


def test_a_recurring_task_cancelled_while_it_runs_does_not_go_on(make: Make) -> None:
    now = at("2026-03-01T09:00:00Z")
    wish = DONE._replace(reschedule_at=at("2026-03-01T11:00:00Z"))
    for came_to in (DONE, FAILED, wish):
        asked = changes.ask_to_cancel(begin(make("every day at 9am"), now), now, "enough")
        records, rest = filed(end(asked, now + timedelta(minutes=1), came_to))
        assert said(records) == [("cancelled", "2026-03-01T09:00:00Z", 1)]
        assert rest is None


def test_only_the_occurrence_that_runs_is_cancelled_where_only_that_is_asked(make: Make) -> None:
    now = at("2026-03-01T09:00:00Z")
    for came_to in (DONE, FAILED):
        running = begin(make("every day at 9am", max_retries=3), now)
        asked = changes.ask_to_cancel_occurrence(running, now, "not today")
        records, rest = filed(end(asked, now + timedelta(minutes=1), came_to))
        assert said(records) == [("cancelled", "2026-03-01T09:00:00Z", 1)]
        assert rest
        assert (rest["run_at"], rest["attempts"]) == ("2026-03-02T09:00:00Z", 0)
        assert {"cancel_occurrence", "cancel_requested_at", "cancel_reason"} & rest.keys() == set()


# What will run


def test_upcoming_of_a_moved_or_retried_occurrence_leaves_out_what_will_be_skipped(make: Make) -> None:
    moved = snoozed(make("0 * * * *"), "2026-03-01T03:30:00Z")
    fires = list(occurrences.upcoming(moved, at("2026-03-01T05:00:00Z"), NIGHT))
    assert [instants.to_text(fire) for fire in fires] == [
        "2026-03-01T03:30:00Z",
        "2026-03-01T04:00:00Z",
        "2026-03-01T05:00:00Z",
    ]


def test_upcoming_of_what_runs_is_what_comes_after_it(make: Make) -> None:
    now = at("2026-03-01T01:00:00Z")
    running = begin(make("0 * * * *"), now)
    fires = list(occurrences.upcoming(running, at("2026-03-01T03:00:00Z"), now))
    assert [instants.to_text(fire) for fire in fires] == ["2026-03-01T02:00:00Z", "2026-03-01T03:00:00Z"]
    once = begin(make("30m"), at("2026-03-01T00:30:00Z"))
    assert list(occurrences.upcoming(once, at("2026-03-02T00:00:00Z"), now)) == []


def test_upcoming_of_what_is_overdue_is_one_run_now_and_then_the_regular_ones(make: Make) -> None:
    now = at("2026-03-01T05:30:00Z")
    fires = list(occurrences.upcoming(make("0 * * * *"), at("2026-03-01T07:00:00Z"), now))
    assert [instants.to_text(fire) for fire in fires] == [
        "2026-03-01T05:30:00Z",
        "2026-03-01T06:00:00Z",
        "2026-03-01T07:00:00Z",
    ]


def test_upcoming_of_what_is_paused_or_over_is_nothing(make: Make) -> None:
    end_of_day = at("2026-03-02T00:00:00Z")
    paused = changes.pause(make("0 * * * *"), NIGHT)
    assert list(occurrences.upcoming(paused, end_of_day, NIGHT)) == []
    assert list(occurrences.upcoming(task.cancel(paused, NIGHT, None), end_of_day, NIGHT)) == []
