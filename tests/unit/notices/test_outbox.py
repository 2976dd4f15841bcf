"""The outbox: what is to be told, what became of it, and what of it stays."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from defer import instants
from defer.errors import StorageError
from defer.notices import box, outbox
from defer.notices.box import Result
from support import NOW, at, text_at


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new" / "notices.jsonl"


def notice(key: str = "k", task_id: str = "a", when: datetime = NOW, **fields: Any) -> Any:
    return {
        "key": key,
        "event": "failed",
        "id": task_id,
        "summary": "fetch the mail",
        "at": instants.to_text(when),
        "since": text_at(),
        "signature": "no such host",
        "inbox": True,
        "to": [],
        **fields,
    }


def test_an_outbox_that_is_not_there_is_empty(file: Path) -> None:
    assert outbox.read(file).notices == {}
    assert outbox.pending(file) == []
    assert outbox.next_at(file) is None
    assert not file.parent.exists()


def test_what_is_noted_is_unread_until_somebody_has_seen_it(file: Path) -> None:
    outbox.add(file, [notice("k1"), notice("k2", "b")], NOW)
    assert [one["key"] for one in outbox.read(file).unread()] == ["k1", "k2"]
    outbox.mark_read(file, ["k1"], NOW)
    found = outbox.read(file)
    assert [one["key"] for one in found.unread()] == ["k2"]
    assert found.is_read(found.notices["k1"])
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_notice_that_is_noted_twice_counts_once(file: Path) -> None:
    outbox.add(file, [notice(), notice(summary="another")], NOW)
    (one,) = outbox.read(file).unread()
    assert one["summary"] == "fetch the mail"


def test_a_delivery_is_open_until_it_was_sent_or_given_up(file: Path) -> None:
    outbox.add(file, [notice("k1", to=["desktop", "web"]), notice("k2")], NOW)
    first, second = outbox.pending(file)
    assert (first.key, first.channel, first.tries, first.at) == ("k1", "desktop", 0, NOW)
    assert second.channel == "web"
    outbox.settled(file, [Result("k1", "desktop", "sent", 1), Result("k1", "web", "again", 1, at(minutes=2))], NOW)
    (left,) = outbox.pending(file)
    assert (left.channel, left.tries, left.at) == ("web", 1, at(minutes=2))
    assert outbox.next_at(file) == at(minutes=2)
    outbox.settled(file, [Result("k1", "web", "failed", 3, why="answered 500")], NOW)
    assert outbox.next_at(file) is None


def test_who_was_told_is_said_place_by_place(file: Path) -> None:
    outbox.add(file, [notice("k1", to=["desktop", "web"]), notice("k2", "b", copy_of="a", when=at(hours=1))], NOW)
    outbox.settled(file, [Result("k1", "web", "failed", 3, why="answered 500")], NOW)
    outbox.mark_read(file, ["k2"], NOW)
    assert outbox.read(file).told("a") == [
        (text_at(hours=1), "failed", "inbox", "read", None),
        (text_at(), "failed", "inbox", "unread", None),
        (text_at(), "failed", "desktop", "pending", None),
        (text_at(), "failed", "web", "failed", "answered 500"),
    ]


def test_what_is_not_for_the_inbox_stands_there_once_no_channel_took_it(file: Path) -> None:
    outbox.add(file, [notice(inbox=False, to=["desktop", "web"])], NOW)
    assert outbox.read(file).unread() == []
    outbox.settled(file, [Result("k", "desktop", "failed", 3)], NOW)
    assert outbox.read(file).unread() == []
    outbox.settled(file, [Result("k", "web", "failed", 3)], NOW)
    assert len(outbox.read(file).unread()) == 1


def failing(reason: str = "no such host", since: str | None = None, outcome: str = "failed") -> Any:
    last = {"outcome": outcome, "at": text_at(), "reason": reason, "failures": 2, "since": since or text_at()}
    return {"id": "a", "run_at": text_at(), "status": "scheduled", "last": last}


def test_an_acknowledged_failure_is_known_by_its_streak_and_its_error(file: Path) -> None:
    outbox.acknowledge(file, "a", text_at(), "no such host", NOW)
    found = outbox.read(file)
    assert found.is_acknowledged(failing())
    assert found.is_acknowledged(failing("nothing woke the store", outcome="missed"))
    assert not found.is_acknowledged(failing("disk full"))
    assert not found.is_acknowledged(failing(since=text_at(hours=1)))
    assert not found.is_acknowledged({**failing(), "id": "b"})
    assert not found.is_acknowledged({**failing(), "last": None})


def test_what_is_known_of_a_task_holds_for_its_copies_until_it_succeeds(file: Path) -> None:
    copy = {**failing(since=text_at(hours=1)), "id": "made_up", "copy_of": "a"}
    outbox.acknowledge(file, "a", text_at(), "no such host", NOW)
    assert outbox.read(file).is_acknowledged(copy)
    assert not outbox.read(file).is_acknowledged({**copy, "last": failing("disk full")["last"]})
    outbox.end_acks(file, ["a", "unknown"], NOW)
    assert not outbox.read(file).is_acknowledged(copy)
    assert not outbox.read(file).is_acknowledged(failing())


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"{",
        b"[]",
        b"7",
        b"null",
        b'{"op":"notice"}',
        b'{"op":"notice","key":1,"id":"a","event":"failed","at":"2026-04-08T16:45:00Z"}',
        b'{"op":"notice","key":"x","id":"a","event":"failed","at":"yesterday"}',
        b'{"op":["notice"]}',
        b'{"op":"another"}',
        b'{"op":"sent","key":"k1"}',
        b'{"op":"sent","key":"k1","channel":"web","status":"again","tries":"x"}',
        b'{"op":"read","keys":7}',
        b'{"op":"ack","id":"a"}',
        b'{"op":"streak","id":"a","told":{"x":[]}}',
        b'{"op":"dropped","count":"many"}',
        b'{"op":"dropped","count":1e999}',
        b'{"op":"sent","key":"k1","channel":"web","status":"again","tries":Infinity}',
        b'{"op":"sent","key":"k1","channel":"web","status":"again","tries":-9}',
        b'{"op":"streak","id":"a","told":{"x":["2026-04-08T16:35:00Z",1e999]}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_line_that_cannot_be_read_costs_only_itself(file: Path, line: bytes) -> None:
    outbox.add(file, [notice("k1", to=["web"])], NOW)
    with file.open("ab") as stream:
        stream.write(line + b"\n")
    outbox.add(file, [notice("k2")], NOW)
    found = outbox.read(file)
    assert [one["key"] for one in found.unread()] == ["k1", "k2"]
    assert [one.channel for one in found.deliveries()] == ["web"]
    assert found.bad == bool(line.strip())


def test_fields_of_another_type_are_as_if_they_were_not_there(file: Path) -> None:
    outbox.add(file, [notice(summary={"a": 1}, output=7, count="x", to=["web", 7], failures=True)], NOW)
    (one,) = outbox.read(file).unread()
    assert one["to"] == ["web"]
    assert not {"summary", "output", "count", "failures"} & one.keys()


def test_a_torn_last_line_does_not_take_the_next_one_with_it(file: Path) -> None:
    outbox.add(file, [notice("k1")], NOW)
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:40])
    outbox.add(file, [notice("k2")], NOW)
    assert [one["key"] for one in outbox.read(file).unread()] == ["k1", "k2"]


def shortened(file: Path, monkeypatch: pytest.MonkeyPatch, now: datetime = NOW) -> box.Box:
    """The outbox after its file was found to be large."""
    monkeypatch.setattr(outbox, "SHORTENED_ABOVE", 0)
    outbox.add(file, [notice("last", "z", when=now)], now)
    return outbox.read(file)


def test_of_what_nobody_has_read_the_newest_two_hundred_stay_and_the_rest_is_counted(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.add(file, [notice(f"k{number}", f"t{number}") for number in range(300)], NOW)
    found = shortened(file, monkeypatch)
    assert [one["key"] for one in found.unread()] == [*(f"k{number}" for number in range(100, 300)), "last"]
    assert found.dropped == 100
    outbox.mark_read(file, ["last"], NOW)
    assert outbox.read(file).dropped == 0


def test_what_is_dropped_before_it_was_sent_is_counted_where_nothing_goes_to_the_inbox(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [notice(f"k{number}", f"t{number}", inbox=False, to=["web", "chat"]) for number in range(300)]
    outbox.add(file, many, NOW)
    outbox.settled(file, [Result("k0", "web", box.SENT, 1), Result("k0", "chat", box.SENT, 1)], NOW)
    outbox.settled(file, [Result("k1", "web", box.SENT, 1)], NOW)
    found = shortened(file, monkeypatch)
    stay = {one.key for one in found.deliveries()}
    assert found.dropped == len({one["key"] for one in many[1:]} - stay) > 0


def test_what_is_older_than_thirty_days_goes_unless_it_is_still_to_be_sent(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.add(file, [notice("old"), notice("open", "b", to=["web"]), notice("young", "c", when=at(days=2))], NOW)
    outbox.mark_read(file, ["young", "old"], NOW)
    outbox.settled(file, [Result("open", "web", "again", 2, at(days=40), "away")], NOW)
    found = shortened(file, monkeypatch, at(days=31))
    assert [*found.notices] == ["open", "young", "last"]
    assert found.is_read(found.notices["young"])
    assert found.dropped == 0
    (left,) = found.deliveries()
    assert (left.tries, left.at) == (2, at(days=40))


def test_what_was_told_of_a_streak_and_what_is_acknowledged_outlive_their_notices(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.add(file, [notice("k1"), notice("k2", when=at(hours=2)), notice("k3", "b")], NOW)
    outbox.acknowledge(file, "a", text_at(), "no such host", NOW)
    outbox.add(file, [notice("k4", "b", event="recovered", since=None, signature=None)], NOW)
    before = outbox.read(file)
    found = shortened(file, monkeypatch, at(days=60))
    assert found.notices.keys() == {"last"}
    assert found.streaks["a"] == before.streaks["a"]
    assert found.streaks["a"].told == {"no such host": (at(hours=2), 2)}
    assert "b" not in found.streaks
    assert found.acks == before.acks
    assert shortened(file, monkeypatch, at(days=60)).streaks["a"] == before.streaks["a"]


def test_a_shortened_file_has_only_lines_that_are_worth_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        outbox.add(file, [notice(f"k{number}")], NOW)
        outbox.mark_read(file, [f"k{number}"], NOW)
    shortened(file, monkeypatch)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["op"] for line in lines] == [*["notice"] * 50, "read", "streak", "notice"]


def test_a_directory_in_place_of_the_file_is_named(file: Path) -> None:
    file.mkdir(parents=True)
    with pytest.raises(StorageError, match=r"notices\.jsonl"):
        outbox.read(file)
    with pytest.raises(StorageError, match=r"notices\.jsonl"):
        outbox.add(file, [notice()], NOW)
