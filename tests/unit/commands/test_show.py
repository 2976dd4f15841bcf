"""`show` says how a task has done: its last run, its last seven days, and since when it has failed."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import cast

import pytest

from defer import instants
from defer.notices import words
from defer.notices.box import Told
from defer.record import changes
from defer.record.codec import Task
from support import Place, strict, v1_task

pytestmark = pytest.mark.programs


def days_ago(days: float) -> str:
    return instants.to_text(instants.now() - timedelta(days=days))


@pytest.fixture
def daily(place: Place) -> Place:
    """A task of every 12 hours that fails whatever is asked of it, first 9 days ago."""
    rule = {"expression": "every 12 hours", "tz": "UTC", "anchor": days_ago(9), "fired": 0}
    executor = place.executor("cat >/dev/null; echo 'no such luck' >&2; exit 3")
    start = {"created_at": days_ago(10), "occurrence": days_ago(9), "run_at": days_ago(9)}
    place.store().append([v1_task("daily", **start, executor=executor, recurrence=rule)], instants.now())
    return place


def wake(place: Place, days: float) -> None:
    place.wake_at(instants.now() - timedelta(days=days))


def lines(place: Place, task_id: str = "daily") -> dict[str, str]:
    done = place.defer("show", task_id, "--table")
    assert (done.returncode, done.stderr) == (0, "")
    return {line[:12].strip().rstrip(":"): line[13:] for line in done.stdout.splitlines()}


def test_a_task_that_has_not_run_says_nothing_of_runs(daily):
    assert not {"Last run", "Last 7 days", "Failing"} & lines(daily).keys()


def test_the_last_run_and_the_last_week_are_told(daily):
    for days in (8.9, 3.2, 1.2):
        wake(daily, days)
    found = lines(daily)
    assert found["Last run"].startswith("failed ")
    assert "1 day 4 hours ago, took " in found["Last run"]
    assert found["Last run"].endswith(": executor exited with 3: no such luck")
    assert found["Last 7 days"] == "2 failed, 13 missed"
    assert found["Failing"].startswith("since ")
    assert "8 days 21 hours ago" in found["Failing"]


def test_what_was_pruned_is_said_not_to_be_here(place):
    place.schedule("now", "s", "--id", "once", "--executor", place.executor("echo done"))
    place.wake()
    told = lines(place, "once")
    assert (told["Log"], told["Prompt"]) == (place.runs()[0]["log"], str(place.logs / "once.prompt.txt"))
    for name in ("Log", "Prompt"):
        os.unlink(told[name])
    gone = lines(place, "once")
    assert (gone["Log"], gone["Prompt"]) == (f"{told['Log']} (not here)", f"{told['Prompt']} (not here)")
    assert strict(place.defer("show", "once", "--json").stdout)["result"]["log_path"] == told["Log"]


def test_a_run_of_long_ago_is_still_the_last_one(daily):
    wake(daily, 8.9)
    found = lines(daily)
    assert "8 days 21 hours ago, took " in found["Last run"]
    assert not {"Last 7 days", "Failing"} & found.keys()


def test_a_copy_is_a_run_of_its_original(daily):
    original = daily.store().find("daily")
    now = instants.now()
    done = {
        **changes.run_now(original, now),
        "id": "copy",
        "executor": daily.executor("cat >/dev/null; echo fine", "f"),
    }
    daily.store().append([done], now)
    daily.store().update("daily", now, lambda one: changes.pause(one, now))
    daily.wake_at(now)
    found = lines(daily)
    assert found["Last run"].startswith("ok ")
    assert found["Last run"].endswith(", by hand: fine")
    assert found["Last 7 days"] == "1 ok"


def told(place: Place, task_id: str) -> str:
    """What `show` says of who was told."""
    return place.defer("show", task_id, "--table").stdout.partition("Told:")[2].partition("\n")[0].strip()


def test_nobody_is_said_to_have_heard_nothing_where_that_is_not_known(place: Place) -> None:
    """A first failure is always told: where no notice of it can be found, it is not silence that was asked for."""
    notices = place.runtime / "notices.jsonl"
    place.schedule("now", "copy", "--id", "copy", "--executor", "/bin/false")
    place.wake()
    assert told(place, "copy") == "inbox (unread)"
    notices.unlink()  # as if it had happened longer ago than notices are kept
    assert told(place, "copy") == "not known (its notice is not noted yet, or not kept any more)"
    notices.mkdir()
    assert told(place, "copy") == "not known: the notices cannot be read (defer inbox says why)"


def test_a_place_is_named_once_where_a_task_and_a_run_of_it_by_hand_ended_in_one_second() -> None:
    at = instants.to_text(instants.now())
    last = {"outcome": "failed", "at": at, "reason": "x", "failures": 1}
    record = cast(Task, {"id": "a", "status": "scheduled", "last": last})
    of_each = Told(at, "failed", "inbox", "unread", None)
    assert words.heard(record, [of_each, of_each]) == "inbox (unread)"
