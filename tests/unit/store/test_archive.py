"""The archive and the runs: filed once, found again, whatever stands there already."""

import io
import json
import os
import tracemalloc

import pytest

from defer.record import codec
from defer.store import archive as filing
from defer.store import backwards, index
from support import NOW, records, v1_task


def over(task_id="a", **fields):
    return v1_task(task_id, **{"status": "completed", "completed_at": "2026-04-08T17:00:00Z", **fields})


def file(tmp_path, *tasks):
    return filing.file(tasks, tmp_path / "archive", tmp_path / "runs")


def test_records_and_runs_go_to_their_months(tmp_path):
    run = {"run_id": "r", "ended_at": "2026-03-31T23:59:59Z"}
    assert file(tmp_path, over(ended_runs=[run]), over("b", ended=[over("b", completed_at="2026-05-01T00:00:00Z")]))
    assert [one["id"] for one in records(tmp_path / "archive" / "deferred_202604.jsonl")] == ["a", "b"]
    assert [one["id"] for one in records(tmp_path / "archive" / "deferred_202605.jsonl")] == ["b"]
    assert records(tmp_path / "runs" / "runs_202603.jsonl") == [run]


def test_what_waited_to_be_filed_stands_in_the_order_in_which_it_ended(tmp_path):
    ended = [f"2026-04-08T{hour}:00:00Z" for hour in (12, 13, 14, 15, 16)]
    runs = [{"run_id": at, "task_id": "hourly", "ended_at": at} for at in ended]
    once = over("once", completed_at="2026-04-08T15:30:00Z", ended_runs=[{"run_id": "once", "ended_at": ended[3]}])
    hourly = v1_task("hourly", ended=[over("hourly", completed_at=at) for at in ended], ended_runs=runs)
    file(tmp_path, once, hourly)
    filed = records(tmp_path / "archive" / "deferred_202604.jsonl")
    assert [one["completed_at"] for one in filed] == sorted([*ended, "2026-04-08T15:30:00Z"])
    stand = [run["run_id"] for run in records(tmp_path / "runs" / "runs_202604.jsonl")]
    assert stand == [*ended[:3], "once", *ended[3:]]


def test_the_same_twice_leaves_one(tmp_path):
    for _ in range(3):
        file(tmp_path, over(), over("b"), over())
    assert [one["id"] for one in records(tmp_path / "archive" / "deferred_202604.jsonl")] == ["a", "b"]


def test_two_lives_of_one_id_are_two_records(tmp_path):
    file(tmp_path, over(created_at="2026-04-08T16:00:00Z"))
    file(tmp_path, over(created_at="2026-04-08T16:00:01Z"))
    assert len(records(tmp_path / "archive" / "deferred_202604.jsonl")) == 2


def test_a_torn_line_in_the_archive_is_left_and_its_record_filed_anew(tmp_path):
    path = tmp_path / "archive" / "deferred_202604.jsonl"
    path.parent.mkdir()
    line = codec.encode(over())
    for cut in (1, 50, len(line) - 2):
        path.write_bytes(codec.encode(over("z")) + line[:cut])
        file(tmp_path, over())
        assert path.read_bytes() == codec.encode(over("z")) + line[:cut] + b"\n" + line


def test_nothing_to_file_makes_no_file(tmp_path):
    assert file(tmp_path, v1_task()) == []
    assert list(tmp_path.iterdir()) == []


def test_the_latest_record_of_an_id_is_found_among_bad_lines_and_other_months(tmp_path):
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "deferred_202603.jsonl").write_bytes(codec.encode(over(x=1)))
    (archive / "deferred_202604.jsonl").write_bytes(
        codec.encode(over(x=2)) + b'"a" nonsense\n' + codec.encode(over(x=3)) + codec.encode(over("b", x='"a"'))
    )
    (archive / "deferred_202605.jsonl").write_bytes(codec.encode(over("c")))
    (archive / "notes.txt").write_text('"a"')
    assert filing.latest_of(archive, {"a"})["a"]["x"] == 3
    assert filing.latest_of(archive, {"nobody"}) == {}
    assert filing.latest_of(tmp_path / "nowhere", {"a"}) == {}


BROKEN = {
    "cut short": b'{"id":"a","status":"completed","run_at":"2026-04-08T16:4\n',
    "of the wrong shape": b'{"id":"a","status":7,"run_at":"2026-04-08T16:45:00Z"}\n',
    "torn at the end": b'{"id":"a","sta',
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_last_line_hides_no_good_one_before_it(tmp_path, broken):
    (tmp_path / "deferred_202603.jsonl").write_bytes(codec.encode(over(x=1)))
    (tmp_path / "deferred_202604.jsonl").write_bytes(codec.encode(over(x=2)) + codec.encode(over(x=3)) + broken)
    (tmp_path / "deferred_202605.jsonl").write_bytes(codec.encode(over("b")) + broken)
    assert filing.latest_of(tmp_path, {"a"})["a"]["x"] == 3
    assert filing.latest_of(tmp_path, {"a", "b", "nobody"}) == {"a": over(x=3), "b": over("b")}


def test_a_record_is_found_in_whatever_form_its_line_has(tmp_path):
    spaced = json.dumps({"status": "completed", **over("spaced")}).encode()
    escaped = codec.encode(over("e\u0301")).decode().encode("ascii", "backslashreplace")
    others = (
        b"\xef\xbb\xbf" + json.dumps(over("marked")).encode() + b"\r\n" + codec.encode(over("x", note='"id":"plain"'))
    )
    (tmp_path / "deferred_202604.jsonl").write_bytes(
        b"\n".join([spaced, escaped.strip(), codec.encode(over("plain")).strip(), others])
    )
    names = {"spaced", "e\u0301", "plain", "marked", "x"}
    assert filing.latest_of(tmp_path, names) == {name: over(name, **NOTES.get(name, {})) for name in names}
    assert all(filing.latest_of(tmp_path, {name})[name]["id"] == name for name in names)


NOTES = {"x": {"note": '"id":"plain"'}}


def test_looking_through_the_archive_keeps_one_line_for_each_id(tmp_path):
    line = codec.encode(over(note="y" * 1000))
    (tmp_path / "deferred_202604.jsonl").write_bytes(line * 20_000)
    tracemalloc.start()
    assert filing.latest_of(tmp_path, {"a"}) == {"a": over(note="y" * 1000)}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20


@pytest.fixture
def short(monkeypatch):
    """A line of 8 KiB is too long."""
    monkeypatch.setattr(codec, "_STEP_BYTES", 1 << 11)
    monkeypatch.setattr(codec, "MAX_LINE_BYTES", 1 << 13)


def test_the_end_of_a_line_too_long_is_not_taken_for_what_is_to_be_filed(tmp_path, short):
    """Else it would be dropped from the store as filed, and stand nowhere."""
    month = tmp_path / "archive" / "deferred_202604.jsonl"
    month.parent.mkdir()
    month.write_bytes(b"y" * (1 << 14) + codec.encode(over()))
    assert filing.latest_of(tmp_path / "archive", {"a"}) == {}
    file(tmp_path, over())
    assert month.read_bytes() == b"y" * (1 << 14) + codec.encode(over()) * 2
    assert filing.latest_of(tmp_path / "archive", {"a"}) == {"a": over()}


def test_a_rewrite_copies_a_line_too_long_part_by_part(tmp_path, short):
    kept = filing.kept_line(set())
    parts = list(codec.lines(io.BytesIO(b" " * (1 << 14) + codec.encode(over()))))
    assert [kept(index.SUPERSEDED, part) for part in parts] == parts
    assert len(parts) == 9


# Beside a month that holds much


def big_month(place, *before):
    """A month with some lines and then a megabyte of records of others; its file."""
    place.own_records = False
    path = place.archive_dir / "deferred_202604.jsonl"
    path.parent.mkdir(parents=True)
    other = v1_task("other", status="completed", completed_at="2026-04-01T00:00:00Z", error="x" * 1000)
    path.write_bytes(b"".join([*before, codec.encode(other) * 1000]))
    return path


def ended_in_store(place):
    """A store of ours with one task that has ended and is not filed."""
    store = place.store()
    store.append([v1_task("mine")], NOW)
    ended = store.update(
        "mine", NOW, lambda one: {**one, "status": "completed", "completed_at": "2026-04-08T16:45:00Z"}
    )
    return store, ended


def test_filing_looks_at_the_end_of_a_month_alone(place, monkeypatch):
    store, _ = ended_in_store(place)
    path = big_month(place)
    looked_at = []
    real = backwards.lines
    monkeypatch.setattr(backwards, "lines", lambda *of: (looked_at.append(line) or line for line in real(*of)))
    assert len(store.archive(NOW)) == 1
    assert path.read_bytes().count(b'"id":"mine"') == 1
    assert sum(map(len, looked_at)) < 300_000


def test_a_filing_that_was_cut_short_is_found_at_the_end_of_a_big_month(place):
    store, ended = ended_in_store(place)
    path = big_month(place)
    filing.file([ended], place.archive_dir, place.runtime / "runs")
    with path.open("ab") as file:
        file.write(b'{"id":"mine","sta')
    assert len(store.archive(NOW)) == 1
    mine = [line for line in path.read_bytes().splitlines() if line.startswith(b'{"id":"mine"')]
    assert mine == [codec.encode(ended).rstrip(), b'{"id":"mine","sta']


def test_a_store_from_elsewhere_is_filed_against_all_of_a_month(place):
    """A backup may hold what was filed long ago."""
    _, ended = ended_in_store(place)
    path = big_month(place, codec.encode(ended))
    before = path.read_bytes()
    os.utime(place.store_path, ns=(0, 1))
    assert len(place.store().archive(NOW)) == 1
    assert path.read_bytes() == before


def test_looking_for_a_record_stops_where_it_is_found(place, monkeypatch):
    path = big_month(place)
    with path.open("ab") as file:
        file.write(codec.encode(v1_task("mine", status="completed", completed_at="2026-04-08T16:45:00Z")))
    looked_at = []
    real = backwards.lines
    monkeypatch.setattr(backwards, "lines", lambda *of: (looked_at.append(line) or line for line in real(*of)))
    assert filing.latest_of(place.archive_dir, {"mine"})["mine"]["id"] == "mine"
    assert len(looked_at) == 1
