"""What a wake knows of the store, kept up by reading only what was appended."""

import json
import os
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defer.record import codec, task
from defer.record.codec import BadLine
from defer.store import index
from support import at, text_at, v1_task

pytestmark = pytest.mark.thorough

FAR, SOON = "2099-01-01T00:00:00Z", text_at(minutes=5)
HORIZON = at(minutes=15)


def line(task_id="a", **fields) -> bytes:
    return codec.encode(v1_task(task_id, **fields))


def read(path, *lines: bytes) -> index.Index:
    path.write_bytes(b"".join(lines))
    known = index.Index(HORIZON)
    known.refresh(path)
    return known


def ids(known: index.Index) -> list[str]:
    return sorted(one["id"] for one in known.tasks())


def test_what_waits_beyond_the_horizon_is_passed_over(tmp_path):
    known = read(tmp_path / "s", line("a", run_at=SOON), line("b", run_at=FAR), line("c", status="executing"))
    assert ids(known) == ["a", "c"]


def test_a_later_line_of_an_id_replaces_the_earlier(tmp_path):
    known = read(tmp_path / "s", line("a"), line("a", run_at=FAR), line("b"), line("b", status="cancelled"))
    assert [one["status"] for one in known.tasks() if task.needs_attention_at(one) <= HORIZON] == ["cancelled"]


def test_a_filed_line_takes_its_id_out(tmp_path):
    filed = codec.encode({"id": "a", "status": "completed", "filed_at": text_at()})
    assert ids(read(tmp_path / "s", line("a"), filed)) == []


def test_only_what_was_appended_is_read_again(tmp_path):
    path = tmp_path / "s"
    known = read(path, line("a"))
    with path.open("r+b") as file:
        file.write(b"X")
        file.seek(0, 2)
        file.write(line("b"))
    known.refresh(path)
    assert (ids(known), known.bad_lines) == (["a", "b"], 0)


def test_one_of_another_time_and_the_same_size_is_read_whole(tmp_path):
    path = tmp_path / "s"
    known = read(path, line("a"), line("b"))
    path.write_bytes(line("b") + line("c"))
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    known.refresh(path)
    assert (ids(known), known.bytes_spent) == (["b", "c"], 0)


def test_another_file_and_a_shorter_one_are_read_whole(tmp_path):
    path = tmp_path / "s"
    known = read(path, line("a"), line("b"))
    path.write_bytes(line("c"))
    known.refresh(path)
    assert ids(known) == ["c"]
    (tmp_path / "new").write_bytes(line("d") * 5)
    (tmp_path / "new").rename(path)
    known.refresh(path)
    assert ids(known) == ["d"]
    path.unlink()
    assert known.refresh(path) is None
    assert ids(known) == []


def test_a_torn_tail_is_found_and_a_line_without_its_newline_is_none(tmp_path):
    path = tmp_path / "s"
    known = read(path, line("a"), line("b")[:-5])
    assert (known.torn_at, ids(known)) == (len(line("a")), ["a"])
    known = read(path, line("a"), line("b")[:-1])
    assert (known.torn_at, ids(known)) == (None, ["a", "b"])


def test_a_line_that_is_still_being_written_is_read_when_it_is_whole(tmp_path):
    path = tmp_path / "s"
    known = read(path, line("a"), line("b")[:40])
    with path.open("ab") as file:
        file.write(line("b")[40:])
    known.refresh(path)
    assert (known.torn_at, ids(known)) == (None, ["a", "b"])


def test_bad_lines_are_counted_and_twenty_remembered(tmp_path):
    known = read(tmp_path / "s", *[b"nonsense\n"] * 30)
    assert (known.bad_lines, len(known.bad)) == (30, 20)
    assert [one.offset for one in known.bad[:2]] == [0, 9]


def test_what_a_rewrite_would_drop_is_counted(tmp_path):
    known = read(tmp_path / "s", line("a"), line("a"), b"\n", line("b"))
    assert known.bytes_spent == len(line("a")) + 1


lines = st.one_of(
    st.builds(
        lambda name, run_at, status: line(name, run_at=run_at, status=status),
        st.sampled_from("abc"),
        st.sampled_from([SOON, FAR, "2026-04-08T16:00:00Z"]),
        st.sampled_from(["scheduled", "executing", "completed"]),
    ),
    st.sampled_from("abc").map(lambda name: codec.encode({"id": name, "status": "failed", "filed_at": text_at()})),
    st.sampled_from("abc").map(lambda name: line(name, run_at=FAR, schema_version=2, occurrence=FAR)),
    st.sampled_from("abc").map(lambda name: line(name, run_at=FAR)[:70] + b"#}\n"),
    st.sampled_from([b"\n", b"nonsense\n", b"{}\n", b"\xff\n"]),
)


def test_what_would_be_quick_in_our_own_form_is_counted(tmp_path):
    slow = [json.dumps(v1_task(name, run_at=FAR)).encode() + b"\n" for name in ("a", "b", "c")]
    others = [
        line("d", run_at=FAR),
        json.dumps(v1_task("e", run_at=SOON)).encode() + b"\n",
        json.dumps(v1_task("f", run_at=FAR, status="paused")).encode() + b"\n",
        json.dumps(v1_task("with blanks", run_at=FAR)).encode() + b"\n",
        json.dumps(v1_task("g", run_at=FAR, schema_version=3)).encode() + b"\n",
        json.dumps(v1_task("h", run_at=FAR)).encode().replace(b"{", b'{"x":1.50,', 1) + b"\n",
    ]
    known = read(tmp_path / "s", *slow, *others)
    assert (known.slow_lines, known.slow_bytes) == (3, sum(map(len, slow)))


def plainly(written: list[bytes]) -> dict[str, dict]:
    """The same by the rule alone: the last good line of an id wins."""
    found: dict[str, dict] = {}
    for one in written:
        with suppress(BadLine):
            record = codec.decode(one)
            found[record["id"]] = record
    return {name: record for name, record in found.items() if not codec.is_filed(record)}


@settings(max_examples=300)
@given(st.lists(st.lists(lines, max_size=4), max_size=4))
def test_whatever_was_written_a_wake_sees_what_the_last_good_lines_say(tmp_path_factory, batches):
    path = tmp_path_factory.mktemp("index") / "s"
    path.touch()
    known, written = index.Index(HORIZON), []
    for batch in batches:
        with path.open("ab") as file:
            file.write(b"".join(batch))
        written += batch
        known.refresh(path)
        wanted = plainly(written)
        due = {name: one for name, one in wanted.items() if task.needs_attention_at(one) <= HORIZON}
        assert {one["id"]: one for one in known.tasks() if task.needs_attention_at(one) <= HORIZON} == due
        for few in (-1, 1000):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(index, "_FEW_LINES", few)
                marks = index.marks(written)
            marked = [codec.decode(one) for mark, one in zip(marks, written, strict=True) if mark]
            assert {one["id"]: one for one in marked} == wanted
            assert len(marked) == len(wanted)
        if not index.repeats(written):
            assert len(wanted) == sum(bool(plainly([one])) for one in written)


def long_line(end: bytes = b"") -> bytes:
    """A line that is too long, with what stands at its end where the last part begins."""
    steps = codec.MAX_LINE_BYTES // codec._STEP_BYTES + 3
    return b"y" * (steps * codec._STEP_BYTES) + end


def short(monkeypatch) -> None:
    monkeypatch.setattr(codec, "_STEP_BYTES", 1 << 11)
    monkeypatch.setattr(codec, "MAX_LINE_BYTES", 1 << 13)


def test_a_line_too_long_to_be_held_is_one_bad_line(tmp_path, monkeypatch):
    short(monkeypatch)
    before, after, victim = line(), line("b"), line("victim", run_at=FAR)
    known = read(tmp_path / "store", before, long_line(victim), after)
    assert ids(known) == ["a", "b"]
    assert known.bad == [index.Bad(len(before), codec.TOO_LONG)]
    assert (known.bad_lines, known.bytes_spent) == (1, 0)
    assert known.size == (tmp_path / "store").stat().st_size


def test_what_a_long_line_ends_with_replaces_nothing(tmp_path, monkeypatch):
    short(monkeypatch)
    far, soon = line("far", run_at=FAR, x=1), line("soon", run_at=SOON)
    ends = [long_line(line("far", run_at=FAR, x=2)), long_line(line("soon", run_at=FAR))]
    store = tmp_path / "store"
    assert ids(read(store, far, soon, *ends)) == ["soon"]
    with store.open("rb") as stream:
        marks = index.marks(codec.lines(stream))
    assert [number for number, mark in enumerate(marks) if mark] == [0, 1]
    with store.open("rb") as stream:
        assert not index.repeats(codec.lines(stream))


def test_a_long_line_that_is_still_being_written_is_torn_from_its_start(tmp_path, monkeypatch):
    short(monkeypatch)
    path = tmp_path / "store"
    known = read(path, line(), long_line())
    assert (known.torn_at, known.size, known.bad_lines) == (len(line()), len(line()), 0)
    with path.open("ab") as stream:
        stream.write(b"\n" + line("b"))
    known.refresh(path)
    assert (known.torn_at, known.bad_lines, ids(known)) == (None, 1, ["a", "b"])


def test_a_line_too_long_that_names_an_id_is_found(tmp_path, monkeypatch):
    short(monkeypatch)
    store = tmp_path / "store"
    read(store, line(), long_line(b'"id":"gone"\n'), line("b"))
    with store.open("rb") as stream:
        assert index.last_bad(stream, "gone") == index.Bad(len(line()), codec.TOO_LONG)
