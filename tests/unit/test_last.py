"""How a task's last occurrence ended stands in its record: outcome, moment, reason, failures in a row."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pytest

from defer.commands import details
from defer.record import changes, occurrences, outcome, task
from defer.record.outcome import Outcome
from defer.record.retry import Backoff
from defer.scheduling import edit, fromfile
from defer.store.audit import AuditLog
from support import NOW, Place, Task, at, text_at, v1_task

HOURLY = {"expression": "45 * * * *", "tz": "UTC", "anchor": "2026-01-01T00:00:00Z"}
OK = Outcome(outcome.OK, 0, result={"type": "executor_output"})
FAILED = Outcome(outcome.FAILED, 1, outcome.EXECUTOR_FAILED, "exited with 1: no such host\nsecond line")
LOST = Outcome(outcome.LOST, error_type=outcome.RUNNER_LOST, error="the runner died")
TIMEOUT = Outcome(outcome.TIMEOUT, -15, outcome.TIMEOUT_ERROR, "timed out after 60 s")


def hourly(**fields: Any) -> Task:
    return v1_task("a", **{"occurrence": text_at(), "recurrence": HOURLY, **fields})


def ended(one: Task, came_to: Outcome, moment: datetime) -> Task:
    """The task after an attempt that began and ended at ``moment``."""
    claimed = task.claim(one, moment, {"run_id": "r"})
    return outcome.settle(claimed, came_to, moment, Backoff())


def last(status: str, moment: datetime, reason: str | None = None, failures: int = 0, **more: Any) -> Task:
    since = {"since": text_at()} if failures else {}
    return {"outcome": status, "at": stamp(moment), "reason": reason, "failures": failures, **since, **more}


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("came_to", [FAILED, LOST, TIMEOUT], ids=["failed", "lost", "timeout"])
def test_failures_in_a_row_are_counted_until_one_is_done(came_to: Outcome) -> None:
    one, reason = hourly(), (came_to.error or "").splitlines()[0]
    for number in range(3):
        one = ended(one, came_to, at(hours=number))
        assert one["last"] == last("failed", at(hours=number), reason, number + 1)
        assert one["ended"][-1]["last"] == one["last"]
    one = ended(one, OK, at(hours=3))
    assert one["last"] == last("completed", at(hours=3), before=3)
    one = ended(one, FAILED, at(hours=4))
    assert (one["last"]["failures"], one["last"]["since"]) == (1, text_at(hours=4))
    assert ended(ended(one, OK, at(hours=5)), OK, at(hours=6))["last"] == last("completed", at(hours=6))


def test_a_row_that_an_older_version_began_is_no_younger_than_what_is_known_of_it() -> None:
    one = hourly(last={"outcome": "failed", "at": text_at(days=-2), "reason": None, "failures": 4})
    assert ended(one, FAILED, NOW)["last"] == last(
        "failed", NOW, "exited with 1: no such host", 5, since=text_at(days=-2)
    )


def test_an_attempt_that_waits_for_its_retry_has_not_ended() -> None:
    one = ended(ended(hourly(max_retries=1), OK, NOW), FAILED, at(hours=1))
    assert (one["status"], one["attempts"], one["last"]) == ("scheduled", 1, last("completed", NOW))
    assert ended(one, FAILED, at(hours=1, minutes=1))["last"]["failures"] == 1


def test_what_was_never_run_breaks_no_streak() -> None:
    one = ended(hourly(), FAILED, NOW)
    missed = occurrences.catch_up(one, at(hours=3, minutes=5))
    why = "nothing woke the store in time (catch-up: one)"
    assert missed["last"] == missed["ended"][-1]["last"] == last("missed", at(hours=3, minutes=5), why, 1)
    paused = changes.pause(one, at(minutes=1))
    assert paused["last"] == one["last"]
    resumed = changes.resume(paused, at(hours=2))
    assert resumed["last"] == last("skipped", at(hours=2), "the task was paused", 1)
    left_out = changes.cancel_occurrence(one, at(minutes=1), "a holiday")
    assert left_out["last"] == last("cancelled", at(minutes=1), "a holiday", 1)
    assert ended(left_out, FAILED, at(hours=2))["last"]["failures"] == 2


def test_what_ran_is_last_and_not_what_it_overlapped() -> None:
    claimed = task.claim(hourly(), NOW, {"run_id": "r"})
    settled = outcome.settle(claimed, FAILED, at(hours=2, minutes=5), Backoff())
    assert [one["status"] for one in settled["ended"]] == ["failed", "skipped"]
    assert settled["last"] == settled["ended"][0]["last"]
    assert settled["ended"][1]["last"]["outcome"] == "skipped"


def test_the_last_one_of_all() -> None:
    """What a task ends with stands in its archived record, of one that runs once too."""
    assert ended(v1_task(), OK, NOW)["last"] == last("completed", NOW)
    assert ended(v1_task(), FAILED, NOW)["last"] == last("failed", NOW, "exited with 1: no such host", 1)
    assert task.cancel(v1_task(), NOW, None)["last"] == last("cancelled", NOW)
    expired = task.expire(v1_task(expires_at=text_at(minutes=-1)), NOW)
    assert expired["last"] == last("failed", NOW, expired["error"], 1)
    over = {**HOURLY, "until": text_at(hours=1), "catch_up": "none"}
    missed = occurrences.catch_up(hourly(recurrence=over), at(days=1))
    assert missed["last"] == last("missed", at(days=1), "nothing woke the store in time (catch-up: none)")


@pytest.mark.parametrize(
    ("error", "reason"),
    [("x" * 999, "x" * 200), ("\n\n  first \nsecond", "first"), ("", None), (None, None), ("\u2028", None)],
)
def test_the_reason_is_one_bounded_line(error: str | None, reason: str | None) -> None:
    assert ended(v1_task(), FAILED._replace(error=error), NOW)["last"]["reason"] == reason


def test_changes_keep_it_and_a_copy_starts_without(place: Place) -> None:
    one = ended(hourly(), FAILED, NOW)
    kept = one["last"]
    place.write_store({name: value for name, value in one.items() if name not in ("ended", "ended_runs")})
    editor = edit.Editor(place.store(), AuditLog(place.log_path), place.config(), at(minutes=1))
    for change in (
        lambda: editor.edit("a", {"tags": ["x"]}),
        lambda: editor.edit("a", {"when": "every day at 9am"}),
        lambda: editor.reschedule("a", "2h"),
        lambda: editor.pause("a"),
        lambda: editor.resume("a"),
    ):
        assert change()["last"] == kept
    assert "last" not in editor.run_now("a")


def test_so_does_a_changed_file() -> None:
    one = ended(hourly(), FAILED, NOW)
    wanted = hourly(description="d")
    assert fromfile._with_fields(one, wanted)["last"] == one["last"]
    assert fromfile._with_time(one, wanted, at(minutes=1))["last"] == one["last"]
    assert fromfile._with_time(one, wanted, at(hours=1))["last"]["reason"] == "its schedule was changed"


def test_a_time_that_is_given_up_ends_an_occurrence() -> None:
    one = ended(hourly(max_retries=1), FAILED, NOW)
    changed = occurrences.left_behind(one, {**one, "run_at": text_at(days=1)}, at(minutes=1))
    assert changed["last"] == last("cancelled", at(minutes=1), "the task was given another time")


def test_a_new_task_in_the_place_of_another_has_none() -> None:
    assert "last" not in task.replace(ended(hourly(), FAILED, NOW), v1_task("a"), NOW)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (last("completed", at(hours=-1)), "completed Wed 2026-04-08 15:45 UTC, 1 hour ago"),
        (last("failed", at(hours=-1), "it broke", 1), "failed Wed 2026-04-08 15:45 UTC, 1 hour ago: it broke"),
        (
            last("failed", at(hours=-1), "it broke", 3),
            "failed Wed 2026-04-08 15:45 UTC, 1 hour ago, 3 times in a row: it broke",
        ),
        (
            last("skipped", at(hours=-1), "the task was paused", 3),
            "skipped Wed 2026-04-08 15:45 UTC, 1 hour ago; 3 failures in a row: the task was paused",
        ),
        ({"outcome": "failed"}, "failed"),
        ({}, None),
    ],
)
def test_people_see_one_line_of_it(found: Task, said: str | None) -> None:
    out = io.StringIO()
    details.show(hourly(last=found), NOW.tzinfo, NOW, out)
    lines = [line for line in out.getvalue().splitlines() if line.startswith("Last:")]
    assert lines == ([] if said is None else [f"Last:        {said}"])


def test_through_a_wake(place: Place) -> None:
    """What is written satisfies the schema, which every record is held to at the end."""
    place.schedule("every minute", "s", "--id", "r", "--executor", place.executor("echo oh no >&2; exit 3"))
    place.schedule("now", "s", "--id", "once")
    for _ in range(2):
        moment = task.run_at(place.task("r"))
        place.wake_at(moment)
    assert place.task("r")["last"]["failures"] == 2
    assert place.task("r")["last"]["reason"].endswith("oh no")
    (once,) = (one for one in place.archived() if one["id"] == "once")
    assert once["last"]["outcome"] == "completed"
