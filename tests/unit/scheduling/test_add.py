"""What was planned, stored: all of it or nothing, each new task with its line in the audit log."""

from __future__ import annotations

import pytest

from defer.client import Client
from defer.errors import Refused
from defer.scheduling.add import is_new
from defer.scheduling.plan import Plan, Request
from support import Place


def planned(client: Client, task_id: str, summary: str) -> Plan:
    return client.plan(Request("2h", {"summary": summary}, task_id=task_id))


def test_a_taken_id_keeps_all_of_them_out(place: Place) -> None:
    client = Client(place.env)
    client.add([planned(client, "a", "first")])
    with pytest.raises(Refused, match="id is taken: a"):
        client.add([planned(client, "b", "new"), planned(client, "a", "second")])
    assert {one["id"] for one in client.tasks()} == {"a"}
    assert len(place.audit("scheduled")) == 1


def test_one_that_stays_is_not_new_and_has_no_line_of_its_own(place: Place) -> None:
    client = Client(place.env)
    client.add([planned(client, "a", "first")])
    asked = [planned(client, "a", "second"), planned(client, "b", "new")]
    stayed, new = client.add(asked, "skip")
    assert [is_new(stayed, asked[0]), is_new(new, asked[1])] == [False, True]
    assert stayed["context"]["summary"] == "first"
    assert len(place.audit("scheduled")) == 2
