"""A report that is sent at once: where it goes, and what it does not say."""

from __future__ import annotations

import json

import pytest

from defer.errors import BadInput
from defer.notices import bulletin, outbox
from defer.notices.bulletin import Bulletin
from loopback import away, receiver
from support import NOW, Place

pytestmark = pytest.mark.usefixtures("patience")

TOLD = Bulletin("Defer on host", True, "1 task needs attention", "failed: ill\nits token is hunter2hunter2")


def send(place: Place, notify: str = "", told: Bulletin = TOLD) -> list[tuple[str, str | None]]:
    config = place.config({"DEFER_NOTIFY": notify, "API_TOKEN": "hunter2hunter2"})
    return bulletin.send(told, place.store(), config, NOW)


def in_inbox(place: Place) -> list[str]:
    return [one["output"] or "" for one in outbox.read(place.config().notices_file).unread()]


def test_where_nothing_is_set_it_stands_in_the_inbox(place):
    assert send(place) == [("inbox", None)]
    (text,) = in_inbox(place)
    assert text.startswith("failed: ill\nits token is ")
    assert "hunter2" not in text


def test_it_goes_to_every_place_and_to_the_inbox_only_if_that_is_one(place):
    with receiver() as one, receiver() as other:
        came = send(place, f"{one.url}/a;{other.url}/b")
    assert [why for _, why in came] == [None, None]
    assert in_inbox(place) == []
    for server in (one, other):
        (asked,) = server.requests
        assert "hunter2" not in asked.body.decode()
        assert json.loads(asked.body)["event"] == "attention"


def test_beside_the_inbox_it_goes_to_both(place):
    with receiver() as server:
        assert [label for label, _ in send(place, f"inbox;{server.url}/a")][-1] == "inbox"
    assert len(server.requests) == len(in_inbox(place)) == 1


def test_what_reached_nobody_stands_in_the_inbox(place):
    (failed, why), inbox = send(place, f"http://{away()}/a")
    assert (why is not None, inbox) == (True, ("inbox", None)), failed
    assert len(in_inbox(place)) == 1


def test_what_reached_one_of_two_is_not_in_the_inbox(place):
    with receiver(200) as server:
        came = send(place, f"http://{away()}/a;{server.url}/b")
    assert [why is None for _, why in came] == [False, True]
    assert in_inbox(place) == []


def test_good_news_is_told_as_such(place):
    send(place, told=TOLD._replace(needs_attention=False))
    (told,) = outbox.read(place.config().notices_file).unread()
    assert (told["event"], told["id"]) == ("well", "Defer on host")


def test_a_setting_that_cannot_be_read_is_an_error(place):
    with pytest.raises(BadInput, match="it is not a channel"):
        send(place, "carrier pigeon")
