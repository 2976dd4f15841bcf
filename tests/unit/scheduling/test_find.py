"""The task of an id: in the store, in the archive, or nowhere that can be read."""

from __future__ import annotations

import pytest

from defer.client import Client
from defer.errors import NoSuchTask, Refused, Unreadable
from defer.record import task
from defer.scheduling import find
from support import NOW, Place, v1_task


def test_what_stands_in_the_store_comes_before_what_is_filed(place: Place) -> None:
    place.write_store(v1_task("a", status="cancelled", cancelled_at="2026-04-08T16:50:00Z"), v1_task("b"))
    client = Client(place.env)
    client.store.archive(NOW)
    assert find.look_up(client.store, "a")["status"] == "cancelled"
    client.store.append([v1_task("a")], NOW)
    assert find.look_up(client.store, "a")["status"] == "scheduled"


def test_an_id_that_nobody_knows_and_one_that_cannot_be_read(place: Place) -> None:
    place.write_store(v1_task("a"))
    with place.store_path.open("a") as store:
        store.write('{"id":"b","run_at":5}\n')
    client = Client(place.env)
    with pytest.raises(NoSuchTask, match="no such task: c"):
        find.look_up(client.store, "c")
    with pytest.raises(Unreadable, match="task cannot be read: b: "):
        find.look_up(client.store, "b")


def test_a_change_of_what_is_filed_is_refused_with_what_it_has_against_it(place: Place) -> None:
    place.write_store(v1_task("a", status="cancelled", cancelled_at="2026-04-08T16:50:00Z"), v1_task("b"))
    client = Client(place.env)
    client.store.archive(NOW)
    with pytest.raises(Refused, match="task has ended already: a is cancelled"):
        find.change(client.store, "a", NOW, lambda one: task.cancel(one, NOW, None))
    with pytest.raises(NoSuchTask):
        find.change(client.store, "c", NOW, lambda one: task.cancel(one, NOW, None))
