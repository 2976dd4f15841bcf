"""Undoing a cancel, pausing until a moment, putting off: what a person may want back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from defer import instants
from defer.client import Client
from defer.errors import BadInput, NeedsNewer, NoSuchTask, Refused
from defer.record import outcome, task
from defer.record.outcome import Outcome
from defer.record.retry import Backoff
from defer.reports import recordfiles
from defer.scheduling.plan import Request
from support import NOW, Place, Task, text_at, v1_task

NOON = datetime.fromisoformat("2026-03-02T12:00:00+00:00")


class Desk:
    """A person at a clock that stands still until it is moved."""

    def __init__(self, place: Place) -> None:
        self.place, self.now = place, NOON
        self.client = Client(place.env, clock=lambda: self.now)

    def asked(self, when: str, task_id: str = "job", **fields: Any) -> Task:
        (stored,) = self.client.add([self.client.plan(Request(when, {"summary": "s"}, task_id=task_id, **fields))])
        return stored

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def wake(self) -> None:
        self.place.wake_at(self.now)

    def is_consistent(self) -> None:
        found = recordfiles.history(self.client.whole_store, self.client.config)
        assert [*found.report().contradictions] == []

    def actions(self) -> list[str]:
        return [line.split()[1] for line in self.place.log_path.read_text().splitlines()]


@pytest.fixture
def desk(place: Place) -> Desk:
    return Desk(place)


class TestUncancel:
    @pytest.mark.parametrize("is_filed", [False, True])
    def test_a_task_runs_at_its_time(self, desk, is_filed):
        executor = desk.place.executor("echo ran")
        desk.asked("1h", executor=executor, tags=("a",))
        desk.client.cancel("job", "a slip")
        if is_filed:
            desk.wake()
            assert desk.place.tasks() == {}
        desk.later(minutes=10)
        back = desk.client.editor.uncancel("job")
        assert (back["status"], back["run_at"], back["tags"]) == ("scheduled", "2026-03-02T13:00:00Z", ["a"])
        assert not {"cancelled_at", "cancel_reason", "last"} & back.keys()
        desk.later(minutes=51)
        desk.wake()
        assert sorted(one["status"] for one in desk.place.archived()) == ["cancelled", "completed"]
        assert "uncancelled" in desk.actions()
        desk.is_consistent()

    @pytest.mark.parametrize("is_filed", [False, True])
    def test_one_whose_time_has_passed_runs_at_once(self, desk, is_filed):
        desk.asked("1h", executor=desk.place.executor("echo ran"))
        desk.client.cancel("job")
        if is_filed:
            desk.wake()
        desk.later(hours=3)
        assert desk.client.editor.uncancel("job")["run_at"] == "2026-03-02T15:00:00Z"
        desk.wake()
        assert [one["status"] for one in desk.place.archived()][-1] == "completed"
        (run,) = desk.place.runs()
        assert run["late_by_seconds"] == 0
        desk.is_consistent()

    @pytest.mark.parametrize("is_filed", [False, True])
    def test_one_that_recurs_goes_on_with_its_next_occurrence(self, desk, is_filed):
        desk.asked("every day at 9am", times=4, executor=desk.place.executor("echo ran"))
        desk.later(hours=21)
        desk.wake()
        desk.client.cancel("job")
        if is_filed:
            desk.wake()
        desk.later(days=2)
        back = desk.client.editor.uncancel("job")
        assert (back["run_at"], back["occurrence"]) == ("2026-03-06T09:00:00Z", "2026-03-06T09:00:00Z")
        assert back["recurrence"]["fired"] == 1
        desk.later(days=1)
        desk.wake()
        assert [one["status"] for one in desk.place.archived()].count("completed") == 2
        desk.is_consistent()

    def test_a_paused_one_waits_again(self, desk):
        desk.asked("1h")
        desk.client.editor.pause("job")
        desk.client.cancel("job")
        assert desk.client.editor.uncancel("job")["status"] == "scheduled"

    def test_an_attempt_that_was_killed_is_made_anew(self, desk):
        one = v1_task("job", status="cancelled", attempts=1, cancelled_at="2026-03-02T11:00:00Z")
        desk.place.write_store(one)
        back = desk.client.editor.uncancel("job")
        assert (back["attempts"], back["created_at"]) == (0, "2026-03-02T12:00:00Z")

    @pytest.mark.parametrize(
        ("fields", "error", "line"),
        [
            ({"status": "scheduled"}, Refused, "task is not cancelled: job is scheduled (nothing to bring back)"),
            ({"status": "failed"}, Refused, "task is not cancelled: job is failed (defer run job does it again)"),
            (
                {"status": "cancelled", "expires_at": "2026-03-02T11:59:59Z"},
                Refused,
                "task was only valid until 2026-03-02T11:59:59Z: job (schedule a new one)",
            ),
            ({"status": "cancelled", "schema_version": 99}, NeedsNewer, "needs schema version 99"),
        ],
    )
    def test_what_cannot_be_brought_back_stays_as_it_is(self, desk, fields, error, line):
        desk.place.own_records = False
        desk.place.write_store(v1_task("job", **fields))
        before = desk.place.store_path.read_bytes()
        with pytest.raises(error) as raised:
            desk.client.editor.uncancel("job")
        assert line in str(raised.value)
        assert desk.place.store_path.read_bytes() == before

    def test_one_that_nobody_knows(self, desk):
        with pytest.raises(NoSuchTask):
            desk.client.editor.uncancel("nobody")

    def test_a_rule_of_which_nothing_is_left(self, desk):
        desk.asked("every day at 9am", until="2026-03-04")
        desk.client.cancel("job")
        desk.later(days=5)
        with pytest.raises(Refused, match=r"^no occurrence is left: job \(schedule a new task\)$"):
            desk.client.editor.uncancel("job")


def claimed(desk: Desk) -> None:
    """Its attempt begins."""
    desk.client.whole_store.update("job", desk.now, lambda one: task.claim(one, desk.now, {"run_id": "run_1"}))


def settled(desk: Desk) -> None:
    """Its attempt fails."""
    failed = Outcome(outcome.FAILED, 1, error_type="ExecutorFailed", error="no luck")
    desk.client.whole_store.update("job", desk.now, lambda one: outcome.settle(one, failed, desk.now, Backoff()))


class TestRecordsOfWhatWasBroughtBack:
    """`doctor --records` finds nothing wrong with what people do."""

    @pytest.mark.parametrize("gap", [0, 1, 60])
    @pytest.mark.parametrize("times", [None, 3])
    def test_after_the_next_occurrences_were_given_up(self, desk, gap, times):
        desk.asked("every 1h", executor=desk.place.executor("exit 0"), times=times)
        for _ in range(2):
            desk.later(seconds=gap)
            desk.client.cancel("job", None, occurrence_only=True)
        desk.later(seconds=gap)
        desk.client.cancel("job", None)
        desk.later(seconds=gap)
        desk.client.editor.uncancel("job")
        for _ in range(6):
            desk.later(hours=1)
            desk.wake()
        desk.is_consistent()

    def test_twice_within_a_second(self, desk):
        desk.asked("1h")
        for _ in range(2):
            desk.client.cancel("job", None)
            desk.client.editor.uncancel("job")
        desk.client.cancel("job", None)
        desk.wake()
        assert len({one["created_at"] for one in desk.place.archived()}) == 3
        desk.is_consistent()


class TestPauseUntil:
    def until(self, desk: Desk, words: str, *ids: str) -> None:
        editor = desk.client.editor
        changed, refused = editor.pause_each(ids, editor.until(words))
        assert (list(changed), refused) == (list(ids), {})

    def test_a_wake_resumes_it_then(self, desk):
        desk.asked("every day at 9am", executor=desk.place.executor("echo ran"))
        self.until(desk, "2026-03-09", "job")
        assert desk.place.task("job")["paused_until"] == "2026-03-09T00:00:00Z"
        desk.later(days=3)
        desk.wake()
        assert desk.place.task("job")["status"] == "paused"
        desk.now = datetime.fromisoformat("2026-03-09T00:00:00+00:00")
        desk.wake()
        back = desk.place.task("job")
        assert (back["status"], back["run_at"]) == ("scheduled", "2026-03-09T09:00:00Z")
        assert not {"paused_at", "paused_until"} & back.keys()
        assert len(desk.place.audit("resumed")) == 1
        assert [(one["status"], one["stretch"]["count"]) for one in desk.place.archived()] == [("skipped", 6)]
        desk.is_consistent()

    def test_what_came_due_meanwhile_runs_in_the_same_wake(self, desk):
        desk.asked("1h", executor=desk.place.executor("echo ran"))
        self.until(desk, "3h", "job")
        desk.later(hours=2)
        desk.wake()
        assert desk.place.task("job")["status"] == "paused"
        desk.later(hours=1)
        desk.wake()
        assert [one["status"] for one in desk.place.archived()] == ["completed"]

    def test_the_next_wake_is_no_later(self, desk):
        desk.asked("every day at 9am")
        self.until(desk, "12:10", "job")
        desk.wake()
        assert desk.client.store.markers.next_look() == NOON + timedelta(minutes=10)

    def test_who_is_paused_already_is_so_until_then(self, desk):
        desk.asked("1h")
        desk.client.editor.pause("job")
        desk.later(minutes=5)
        self.until(desk, "6h", "job")
        one = desk.place.task("job")
        assert (one["paused_at"], one["paused_until"]) == ("2026-03-02T12:00:00Z", "2026-03-02T18:05:00Z")

    def test_one_whose_rule_cannot_be_read_fails_then_and_keeps_no_other_waiting(self, desk):
        until, run_at = text_at(minutes=-5), text_at(minutes=-10)
        rule = {"expression": "every blue moon", "tz": "UTC", "anchor": text_at(days=-1)}
        paused = {"status": "paused", "paused_at": text_at(minutes=-20), "paused_until": until}
        desk.place.write_store(
            v1_task("odd", run_at=run_at, occurrence=run_at, recurrence=rule, **paused),
            v1_task("job", run_at=run_at, **paused),
        )
        desk.place.wake_at(NOW)
        assert {one["id"]: one["status"] for one in desk.place.archived()} == {"odd": "failed", "job": "completed"}

    @pytest.mark.parametrize(("until", "status"), [(None, "paused"), ("3h", "paused"), ("1h", "scheduled")])
    @pytest.mark.parametrize("when", ["every 2h", "1m"], ids=["recurs", "is retried"])
    def test_what_executes_is_paused_once_its_attempt_has_ended(self, desk, when, until, status):
        """The holidays begin while it runs."""
        desk.asked(when, max_retries=1)
        claimed(desk)
        desk.client.editor.pause_each(["job"], until and desk.client.editor.until(until))
        assert desk.place.task("job")["status"] == "executing"
        desk.later(minutes=90)
        settled(desk)
        one = desk.place.task("job")
        assert (one["status"], "after_attempt" in one) == (status, False)
        assert ("paused_until" in one) == (until == "3h")

    def test_and_goes_on_if_somebody_resumes_it_before(self, desk):
        desk.asked("every 2h")
        claimed(desk)
        desk.client.editor.pause("job")
        assert "after_attempt" not in desk.client.editor.resume("job")
        settled(desk)
        assert desk.place.task("job")["status"] == "scheduled"

    def test_nothing_follows_the_last_attempt_so_that_it_cannot_be_paused(self, desk):
        desk.asked("1h")
        claimed(desk)
        with pytest.raises(Refused, match=r"^task is executing: job \(pause it when its attempt has ended\)$"):
            desk.client.editor.pause("job")

    def test_resumed_by_hand_nothing_happens_then(self, desk):
        desk.asked("1d")
        self.until(desk, "3h", "job")
        assert "paused_until" not in desk.client.editor.resume("job")

    @pytest.mark.parametrize(
        ("words", "moment"),
        [
            ("tomorrow", "2026-03-03T00:00:00Z"),
            ("friday", "2026-03-06T00:00:00Z"),
            ("monday", "2026-03-09T00:00:00Z"),
            ("tomorrow 9am", "2026-03-03T09:00:00Z"),
            ("2d", "2026-03-04T12:00:00Z"),
            ("in 2 days", "2026-03-04T12:00:00Z"),
            ("a week from now", "2026-03-09T12:00:00Z"),
        ],
    )
    def test_a_day_is_its_beginning_and_a_delay_is_as_long_as_it_says(self, desk, words, moment):
        assert instants.to_text(desk.client.editor.until(words)) == moment

    @pytest.mark.parametrize("words", ["every day", "yesterday", "soon"])
    def test_what_is_not_a_moment_to_come_is_refused(self, desk, words):
        with pytest.raises(BadInput) as raised:
            desk.client.editor.until(words)
        assert raised.value.field == "until"

    def test_an_older_version_leaves_it_paused(self, desk):
        desk.asked("1h")
        self.until(desk, "3h", "job")
        one = desk.place.task("job")
        assert (one["status"], "requires" in one, one["schema_version"]) == ("paused", False, 2)


class TestSnooze:
    @pytest.mark.parametrize(
        ("when", "words", "runs"),
        [
            ("3h", "1h", "2026-03-02T16:00:00Z"),
            ("3h", "30 minutes", "2026-03-02T15:30:00Z"),
            ("3h", "tomorrow 9am", "2026-03-03T09:00:00Z"),
            ("every day at 9am", "2h", "2026-03-03T11:00:00Z"),
        ],
    )
    def test_a_delay_counts_from_its_own_time(self, desk, when, words, runs):
        desk.asked(when)
        assert desk.client.editor.snooze("job", words)["run_at"] == runs

    def test_twice_is_twice_as_long(self, desk):
        desk.asked("3h")
        desk.client.editor.snooze("job", "1h")
        assert desk.client.editor.snooze("job", "1h")["run_at"] == "2026-03-02T17:00:00Z"

    def test_of_what_is_overdue_it_counts_from_now(self, desk):
        desk.asked("1h")
        desk.later(hours=2)
        assert desk.client.editor.snooze("job", "1h")["run_at"] == "2026-03-02T15:00:00Z"

    @pytest.mark.parametrize(
        ("when", "words", "runs"),
        [
            ("2026-06-15 09:00", "1mo", "2026-07-15T07:00:00Z"),
            ("2026-06-15 09:00", "a month", "2026-07-15T07:00:00Z"),
            ("2026-06-15 09:00", "PT30M", "2026-06-15T07:30:00Z"),
            ("2026-06-12 09:00", "2 business days", "2026-06-16T07:00:00Z"),
            # The clocks change in between: a day later is the same time of day.
            ("2026-03-28 09:00", "1d", "2026-03-29T07:00:00Z"),
            ("2026-03-28 09:00", "24h", "2026-03-29T08:00:00Z"),
        ],
    )
    def test_every_length_counts_from_its_own_time_and_days_keep_the_clock(self, desk, when, words, runs):
        desk.asked(when, tz="Europe/Berlin")
        assert desk.client.editor.snooze("job", words)["run_at"] == runs

    @pytest.mark.parametrize("words", ["2h", "1d", "1mo", "PT30M", "2 business days", "a week from now"])
    def test_the_calendar_has_an_end(self, desk, words):
        """The record is somebody else's."""
        desk.place.write_store(v1_task("job", run_at="9999-12-31T23:00:00Z"))
        with pytest.raises(BadInput):
            desk.client.editor.snooze("job", words)
        assert desk.place.task("job")["run_at"] == "9999-12-31T23:00:00Z"

    def test_never_to_an_earlier_time(self, desk):
        desk.asked("3h")
        with pytest.raises(Refused) as raised:
            desk.client.editor.snooze("job", "13:00")
        what = "Mon 2026-03-02 13:00 UTC, in 1 hour, is before its time, Mon 2026-03-02 15:00 UTC, in 3 hours"
        assert str(raised.value) == f"snooze only puts off: {what} (defer reschedule job 13:00)"
        assert desk.client.editor.reschedule("job", "13:00")["run_at"] == "2026-03-02T13:00:00Z"
        assert desk.client.editor.reschedule("job", "1h")["run_at"] == "2026-03-02T13:00:00Z"
