"""One occurrence followed to its end, whoever ends it, moves it or files it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from defer.errors import Refused
from defer.record import changes, task
from defer.run.following import Following
from support import NOW, Place, Task, at, text_at, v1_task


def followed(place: Place, task_id: str = "t", now: datetime = NOW) -> Following:
    store = place.store()
    one = store.find(task_id)
    assert one is not None
    found = Following(store, place.config().tasks_file, one, now)
    found.look()
    assert found.ended is None
    return found


def end_of(following: Following) -> tuple[Any, ...]:
    """What the next look finds."""
    following.look()
    assert following.ended is not None
    ended = dict(following.ended)
    return ended["id"], ended["status"], ended["occurrence"]


@pytest.fixture
def plain(place: Place) -> Place:
    place.store().append([v1_task("t", occurrence=text_at())], NOW)
    return place


@pytest.fixture
def hourly(place: Place) -> Place:
    place.store().append([every_hour()], NOW)
    return place


def every_hour(**rule: Any) -> Task:
    recurrence = {"expression": "every 1h", "tz": "UTC", "anchor": text_at(), "fired": 0, **rule}
    return v1_task("t", occurrence=text_at(), recurrence=recurrence, schema_version=2, created_at=text_at(days=-1))


def change(place: Place, how: Callable[[Task], Task], now: Any = NOW) -> None:
    place.store().update("t", now, how)


def test_nothing_is_read_where_nothing_was_changed(plain: Place) -> None:
    following = followed(plain)
    assert following.look() is False
    change(plain, lambda one: {**one, "tags": ["x"]})
    assert (following.look(), following.one["tags"], following.ended) == (True, ["x"], None)


def test_the_end_of_a_task_is_found_when_it_is_filed(plain: Place) -> None:
    following = followed(plain)
    plain.wake_at(NOW, {"DEFER_EXECUTOR": plain.executor("exit 3")})
    assert end_of(following) == ("t", "failed", text_at())


def test_an_end_is_found_however_far_the_clock_was_set_back_meanwhile(plain: Place) -> None:
    following = followed(plain, now=at(days=1))
    plain.wake_at(at(minutes=1), {"DEFER_EXECUTOR": plain.executor("exit 3")})
    assert end_of(following) == ("t", "failed", text_at())


def test_the_end_of_a_task_is_found_before_it_is_filed(plain: Place) -> None:
    following = followed(plain)
    change(plain, partial(task.cancel, now=NOW, reason="no"))
    assert end_of(following) == ("t", "cancelled", text_at())


@pytest.mark.parametrize("is_filed", [True, False])
def test_of_what_recurs_the_occurrence_that_was_present_is_followed(hourly: Place, is_filed: bool) -> None:
    following = followed(hourly)
    if is_filed:
        hourly.wake_at(NOW, {"DEFER_EXECUTOR": hourly.executor("echo done")})
    else:
        change(hourly, partial(changes.cancel_occurrence, now=NOW, reason="no"))
    assert end_of(following) == ("t", "completed" if is_filed else "cancelled", text_at())
    assert hourly.task("t")["status"] == "scheduled"


def test_an_occurrence_that_was_missed_with_others_has_ended(place: Place) -> None:
    place.store().append([every_hour(catch_up="none")], NOW)
    following = followed(place)
    place.wake_at(at(hours=5, minutes=30))
    assert end_of(following) == ("t", "missed", text_at())
    assert following.ended is not None
    assert (following.ended.get("stretch") or {})["count"] > 1


def test_what_somebody_moves_is_followed_to_its_new_time(plain: Place) -> None:
    following = followed(plain)
    change(plain, partial(changes.reschedule, at=at(hours=2), words="2h"))
    following.look()
    assert (following.ended, task.occurrence_of(following.one)) == (None, text_at(hours=2))
    plain.wake_at(at(hours=2))
    assert end_of(following) == ("t", "completed", text_at(hours=2))


def test_another_task_of_the_same_id_is_another_task(plain: Place) -> None:
    following = followed(plain)
    plain.store().append([v1_task("t", created_at=text_at(), run_at=text_at(days=1))], NOW, "replace")
    assert end_of(following) == ("t", "cancelled", text_at())


def test_a_copy_does_not_count_as_the_end_of_its_original(hourly: Place) -> None:
    following = followed(hourly)
    copy = {**changes.run_now(dict(every_hour()), at(minutes=-5)), "id": "copy"}
    hourly.store().append([copy], NOW)
    change(hourly, partial(changes.pause, now=NOW))
    hourly.wake_at(NOW)
    following.look()
    assert [one["id"] for one in hourly.archived()] == ["copy"]
    assert following.ended is None


def test_a_task_that_somebody_took_out_of_the_store_is_not_followed(plain: Place) -> None:
    following = followed(plain)
    plain.store_path.write_bytes(b"")
    with pytest.raises(Refused, match="task is gone, and no end of it was recorded: t "):
        following.look()


def test_one_that_has_ended_needs_no_look(place: Place) -> None:
    ended = task.cancel(v1_task("t"), NOW, None)
    assert Following(place.store(), place.config().tasks_file, ended, NOW).ended is ended
