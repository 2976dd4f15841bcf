"""DEFER_PAUSE_AFTER: a recurring task that only fails is paused, and somebody is told how to resume it."""

from __future__ import annotations

import re
from datetime import UTC

import pytest

from defer.notices import outbox, words
from defer.record import outcome, task
from defer.record.outcome import Outcome
from defer.record.retry import Backoff
from support import NOW, Place, at, quoted, text_at, v1_task

pytestmark = pytest.mark.thorough

THRICE_A_DAY = {"expression": "45 0,8,16 * * *", "tz": "UTC", "anchor": "2026-01-01T00:00:00Z"}


def thrice_a_day(place: Place, **fields: object) -> None:
    place.write_store(v1_task("photos", occurrence=text_at(), recurrence=THRICE_A_DAY, **fields))
    place.own_records = True


def woken(place: Place, times: int, pause_after: str, body: str = "exit 1") -> int:
    """How many occurrences failed in so many wakes, one every eight hours, or in those until it was paused."""
    env = {"DEFER_EXECUTOR": place.executor(body), "DEFER_PAUSE_AFTER": pause_after}
    for number in range(times):
        place.wake_at(at(hours=8 * number), env)
        if place.task("photos")["status"] == "paused":
            break
    return sum(one["status"] == "failed" for one in place.archived())


def told(place: Place) -> list[str]:
    return [one["event"] for one in outbox.read(place.config().notices_file).notices.values()]


def test_it_is_paused_after_so_many_failures_over_a_day(place: Place) -> None:
    thrice_a_day(place)
    assert woken(place, 6, "3") == 4
    paused = place.task("photos")
    assert (paused["status"], paused["paused_at"]) == ("paused", text_at(hours=24))
    assert paused["last"]["failures"] == 4
    assert [one.get("paused_at") for one in place.archived()] == [None] * 3 + [text_at(hours=24)]
    assert told(place) == ["failed", "failed", "paused"]
    notice = [*outbox.read(place.config().notices_file).notices.values()][-1]
    lines = words.block([notice], words.shortly(UTC, at(hours=25)))
    assert lines[0].startswith("photos: failed again and is paused now (4 in a row), ")
    assert lines[-1] == "Read on: defer resume photos"


def test_so_many_are_needed_too(place: Place) -> None:
    thrice_a_day(place)
    assert woken(place, 8, "6") == 6


@pytest.mark.parametrize("pause_after", ["", "100"])
def test_it_is_not_paused_otherwise(place: Place, pause_after: str) -> None:
    thrice_a_day(place)
    assert woken(place, 6, pause_after) == 6


def test_what_works_now_and_then_is_not(place: Place) -> None:
    thrice_a_day(place)
    count = quoted(place.base / "count")
    body = f"echo x >>{count}; [ $(($(wc -l <{count}) % 3)) -eq 0 ]"
    assert woken(place, 9, "2", body) == 6


def test_a_retry_to_come_is_made_first(place: Place) -> None:
    thrice_a_day(
        place,
        max_retries=1,
        last={"outcome": "failed", "at": text_at(), "reason": "x", "failures": 9, "since": text_at(days=-9)},
    )
    assert woken(place, 1, "3") == 0
    assert place.task("photos")["attempts"] == 1
    place.wake_at(at(minutes=2), {"DEFER_EXECUTOR": place.executor("exit 1"), "DEFER_PAUSE_AFTER": "3"})
    assert place.task("photos")["status"] == "paused"


def test_one_that_runs_once_has_nothing_to_be_paused(place: Place) -> None:
    place.write_store(v1_task("photos"))
    place.wake_at(NOW, {"DEFER_EXECUTOR": place.executor("exit 1"), "DEFER_PAUSE_AFTER": "1"})
    assert place.archived()[0]["status"] == "failed"


@pytest.mark.parametrize(("do", "status"), [("cancel", "cancelled"), ("pause", "paused")])
def test_what_was_to_become_of_it_after_its_attempt_comes_first(place: Place, do: str, status: str) -> None:
    """A file that is taken away during an attempt ends its task, not only for as long as nobody resumes it."""
    last = {"outcome": "failed", "at": text_at(), "reason": "x", "failures": 9, "since": text_at(days=-9)}
    waiting = v1_task("photos", occurrence=text_at(), recurrence=THRICE_A_DAY, last=last, schema_version=2)
    claimed = task.after_attempt(task.claim(waiting, NOW, {"run_id": "run_1"}), do, "its file is gone")
    settled = outcome.settle(claimed, Outcome(outcome.FAILED, error="x"), NOW, Backoff(pause_after=3))
    assert settled["status"] == status
    assert [one.get("paused_at") for one in settled["ended"] if one["status"] == "failed"] == [None]


def test_show_says_why(place: Place) -> None:
    thrice_a_day(place)
    woken(place, 6, "3")
    said = place.defer("show", "photos", "--table").stdout
    why = r", after 4 failures in a row \(DEFER_PAUSE_AFTER\)$"
    assert re.search(r"^Paused: +Thu 2026-04-09 16:45 UTC, .+ ago" + why, said, re.MULTILINE)
    assert place.defer("resume", "photos").returncode == 0
    assert place.defer("pause", "photos").returncode == 0
    assert "DEFER_PAUSE_AFTER" not in place.defer("show", "photos", "--table").stdout


def test_once_resumed_it_runs_again(place: Place) -> None:
    thrice_a_day(place)
    woken(place, 6, "3")
    assert place.defer("resume", "photos").returncode == 0
    assert place.task("photos")["status"] == "scheduled"
