"""What has happened, as rows: each attempt once, and each end of an occurrence that had none."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

import pytest

from defer.record import changes, outcome, task
from defer.record.retry import Backoff
from defer.record.runs import Run
from defer.reports import history
from support import NOW, Place, Task, at, text_at, v1_task

OK = "cat >/dev/null; echo done; echo twice"


def lines(place: Place, task_id: str | None = None, **also: object) -> list[tuple[object, ...]]:
    """The rows as short tuples: id, outcome, occurrence, attempt."""
    store = place.store()
    rows = history.rows(store.runs(task_id), store.ended_records(task_id), **also)
    return [(row.id, row.outcome, row.occurrence, row.attempt) for row in rows]


def put(place: Place, task_id: str, body: str, **fields: object) -> Task:
    """A waiting task that does ``body``."""
    one = v1_task(task_id, occurrence=text_at(), run_at=text_at(), executor=place.executor(body, task_id), **fields)
    place.store().append([one], NOW)
    return one


def daily(**fields: object) -> dict[str, object]:
    """A rule: every day at the time of ``NOW``."""
    rule = {"expression": "every day 16:45", "tz": "UTC", "anchor": text_at(), "fired": 0}
    return {"recurrence": {**rule, **fields}}


def test_each_attempt_is_a_row_and_its_occurrence_is_not_told_twice(place):
    put(
        place,
        "a",
        'cat >/dev/null; [ "$DEFER_ATTEMPT" -gt 1 ] || { echo "no luck" >&2; exit 3; }; echo fine',
        max_retries=1,
    )
    place.wake_at(at(minutes=1))
    place.wake_at(at(hours=2))
    assert lines(place) == [("a", "ok", text_at(), 2), ("a", "failed", text_at(), 1)]
    last, first = history.rows(place.store().runs(), place.store().ended_records())
    assert (first.why, first.summary, first.late_by_seconds) == ("executor exited with 3: no luck", None, 60)
    assert (last.why, last.summary, last.run_id) == (None, "fine", place.runs()[1]["run_id"])


def test_what_never_ran_has_a_row_a_stretch(place):
    put(place, "a", OK, **daily())
    place.wake_at(at(days=3, minutes=1))
    assert lines(place) == [("a", "ok", text_at(days=3), 1), ("a", "missed", text_at(), None)]
    missed = [*history.rows(place.store().runs("a"), place.store().ended_records("a"))][1]
    assert missed.stretch == {"first": text_at(), "last": text_at(days=2), "count": 3}
    assert missed.why == "nothing woke the store in time (catch-up: one)"


def test_what_was_skipped_expired_or_cancelled_has_a_row(place):
    put(place, "late", OK, expires_at=text_at(minutes=5))
    put(place, "gone", OK)
    put(place, "slow", OK, **daily())
    store = place.store()
    store.update("gone", at(minutes=1), lambda one: task.cancel(one, at(minutes=1), "not needed"))
    place.wake_at(at(minutes=10))
    assert lines(place, "late") == [("late", "expired", text_at(), None)]
    assert lines(place, "gone") == [("gone", "cancelled", text_at(), None)]
    assert lines(place, outcomes={"cancelled", "expired"}) == [*lines(place, "late"), *lines(place, "gone")]
    assert next(history.rows((), store.ended_records("gone"))).why == "not needed"


def test_a_cancelled_attempt_has_one_row(place):
    put(place, "a", OK, **daily())
    store = place.store()

    def cancelled(one: Task) -> Task:
        return changes.ask_to_cancel(one, NOW, None)

    run = {"run_id": "run_1"}
    store.update("a", NOW, lambda one: task.claim(one, NOW, run))
    store.update("a", NOW, cancelled)
    killed = outcome.Outcome(outcome.FAILED, exit_code=-15, error="ended by a signal", error_type="ExecutorFailed")
    store.update("a", NOW, lambda one: outcome.settle(one, killed, at(minutes=1), Backoff(60, 2, 3600)))
    assert lines(place) == [("a", "cancelled", text_at(), 1)]
    store.archive(at(minutes=2))
    assert lines(place) == [("a", "cancelled", text_at(), 1)]


def test_a_task_cancelled_while_it_waits_for_its_retry_has_a_row_for_both(place):
    put(place, "a", "exit 3", max_retries=1)
    place.wake_at(at(minutes=1))
    place.store().update("a", NOW, lambda one: task.cancel(one, at(minutes=2), None))
    assert lines(place) == [("a", "cancelled", text_at(), 1), ("a", "failed", text_at(), 1)]


def test_a_copy_stands_under_its_original(place):
    one = put(place, "a", OK, **daily())
    place.store().append([{**changes.run_now(one, at(hours=-1)), "id": "b"}], at(hours=-1))
    place.wake_at(at(hours=-1))
    assert lines(place, "a") == lines(place, "b") == [("a", "ok", text_at(hours=-1), 1)]
    assert next(history.rows(place.store().runs(), ())).copy == "b"


def test_what_version_1_filed_is_told_by_its_record(place):
    done = v1_task("a", status="completed", attempts=1, completed_at=text_at(), started_at=text_at(minutes=-1))
    failed = v1_task("b", status="failed", attempts=1, failed_at=text_at(hours=1), error="boom\nand more")
    place.write_store(done, failed)
    place.store().archive(at(hours=2))
    assert lines(place) == [("b", "failed", failed["run_at"], 1), ("a", "ok", done["run_at"], 1)]
    first, second = history.rows((), place.store().ended_records())
    assert first.why == "boom"
    assert second.started_at == at(minutes=-1)


@pytest.mark.parametrize(
    "fields",
    [
        {"result": ["x"], "error": 5, "reason": {}, "stretch": "all", "attempts": 0, "copy_of": 7},
        {"occurrence": 12, "cancel_reason": [1], "started_at": {}, "error_type": 3},
    ],
)
@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "missed", "skipped"])
def test_a_record_of_a_newer_version_is_told_by_what_every_version_reads(fields, status):
    newer = v1_task("a", status=status, schema_version=99, **{f"{status}_at": text_at()}, **fields)
    (row,) = history.rows((), [newer])
    assert (row.id, row.copy, row.why) == ("a", None, None)


def test_the_newest_rows_need_the_newest_records_alone():
    read = []

    def runs():
        for number in range(100):
            read.append(number)
            yield Run(**dict.fromkeys(Run._fields))._replace(task_id="a", status="ok", ended_at=at(days=-number))

    def ended():
        for number in range(100):
            read.append(number)
            yield v1_task("a", status="completed", occurrence="x", completed_at=text_at(days=-number))

    assert [row.ended_at for row in islice(history.rows(runs(), ended()), 3)] == [at(), at(days=-1), at(days=-2)]
    assert max(read) < 70


def test_what_was_filed_at_one_time_in_any_order_comes_newest_first():
    days = [0, 2, 1, 3, 5, 4, *range(200, 100, -1)]
    runs = [
        Run(**dict.fromkeys(Run._fields))._replace(task_id="a", status="ok", ended_at=at(days=-day)) for day in days
    ]
    shown = [row.ended_at for row in history.rows(runs[:6], ())]
    assert shown == [at(days=-day) for day in range(6)]
    assert len([*history.rows(runs, ())]) == len(days)


def test_what_never_ran_is_looked_for_without_a_look_at_the_runs():
    assert history.run_statuses_of({"missed", "expired"}) is None
    assert history.run_statuses_of({"missed", "ok"}) == {"ok"}
    assert history.run_statuses_of({"cancelled"}) == {"failed", "timeout", "lost"}
    assert history.run_statuses_of(()) == set()
    assert history.statuses_of({"timeout", "missed", "ok"}) == {"missed", "completed"}
    assert history.statuses_of({"timeout", "lost"}) is None
    assert history.statuses_of({"expired"}) == {"failed"}


def test_rows_come_newest_first_whatever_kind_they_are(place):
    put(place, "a", OK, **daily())
    for day in (0, 3, 4):
        place.wake_at(at(days=day, minutes=1))
    ended = [row.ended_at for row in history.rows(place.store().runs(), place.store().ended_records())]
    assert ended == sorted(ended, reverse=True)
    assert len(ended) == 4
    assert NOW + timedelta(days=4) < ended[0]


def test_the_newest_are_told_without_looking_through_the_past(place):
    put(place, "a", OK)
    place.wake_at(NOW)
    (run,), (end,) = place.store().runs(), place.store().ended_records()
    looked_at = []

    def ended():
        for days in range(1000):
            looked_at.append(days)
            yield {**end, "completed_at": text_at(days=-days)}

    runs = (run._replace(ended_at=at(days=-days)) for days in range(1000))
    assert [row.ended_at for row in islice(history.rows(runs, ended()), 10)] == [at(days=-days) for days in range(10)]
    assert len(looked_at) < 80  # and those that may have been filed at one time
