"""One task, one line: what is written, what is read, and what is not a record."""

import io
import json
import os
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defer.record import codec
from defer.record.codec import BadLine
from support import strict, v1_task
from wrong_records import NOT_RECORDS, WAITING, WRONG_FIELDS

RAW = b'{"created_at":"2026-04-08T16:35:00Z", "run_at":"2026-04-08T16:45:00Z","status":"scheduled", "id":"a"%s}\n'
OURS = WAITING + b',"created_at":"2026-04-08T16:35:00Z"%s}\n'


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        (b"", b""),
        (b', "x": [1, -2.5, 1e3, true, null, {}]', None),
        (b', "x": [1, -2.5, true, null, {"b": 1, "a": []}]', b',"x":[1,-2.5,true,null,{"b":1,"a":[]}]'),
        (b',"x":"\\u00e9 \\/ \\ud83d\\ude00 \\u0000"', ',"x":"é / 😀 \\u0000"'.encode()),
        (b',"x":"\\ud800 \\u00e9"', b',"x":"\\ud800 \\u00e9"'),
        (b',"x":12345678901234567890123', b',"x":12345678901234567890123'),
        (b',"x":0.1', b',"x":0.1'),
        (b',"x":1.50', None),
        (b',"x":1.0', b',"x":1.0'),
        (b',"x":1E2', None),
        (b',"x":1e400', None),
        (b',"x":-0', None),
        (b',"x":-0.0', b',"x":-0.0'),
        (b',"x":0.10000000000000000555', None),
        (b',"x":1,"x":1', None),
        (b',"x":{"y":1,"y":2}', None),
        (b',"id":"a"', None),
        (b',"schema_version":3', None),
        (b',"requires":["telepathy"]', None),
    ],
)
def test_a_line_in_our_own_form_says_what_it_said_or_is_left_as_it_is(written, ours):
    line = RAW % written
    record = codec.decode(line)
    assert codec.canonical(line, record) == (line if ours is None else OURS % ours)
    assert strict(codec.canonical(line, record)) == strict(line)


def test_a_line_that_is_told_by_its_first_bytes_is_left_as_it_is():
    line = WAITING + b', "x" : 1.50}\n'
    assert codec.canonical(line, codec.decode(line)) == line


def test_our_own_form_of_a_line_is_none_that_is_too_large():
    line = RAW % (b',"x":"\\ud800' + "é".encode() * 400_000 + b'"')
    assert codec.canonical(line, codec.decode(line)) == line


@pytest.mark.parametrize("fields", WRONG_FIELDS.values(), ids=WRONG_FIELDS)
def test_a_field_that_nothing_can_compute_with_makes_a_bad_line(fields):
    with pytest.raises(BadLine):
        codec.decode(json.dumps(v1_task(**fields)).encode() + b"\n")


@pytest.mark.parametrize("line", NOT_RECORDS.values(), ids=NOT_RECORDS)
def test_what_is_no_record_is_a_bad_line(line):
    with pytest.raises(BadLine):
        codec.decode(line + b"\n")


def test_a_record_too_deep_to_be_written_again_is_a_bad_line():
    for depth in range(100, 3000, 20):
        line = (
            b'{"id":"a","status":"scheduled","run_at":"2026-04-08T16:45:00Z","x":' + b"[" * depth + b"]" * depth + b"}"
        )
        try:
            one = codec.decode(line)
        except BadLine:
            continue
        assert codec.decode(codec.encode({**one, "ended": [one]})) == {**one, "ended": [one]}


def test_fields_that_are_null_count_as_absent():
    one = v1_task(attempts=None, max_retries=None, context=None, run=None, expires_at=None, timeout_seconds=None)
    assert codec.decode(json.dumps(one).encode()) == one


def test_a_line_starts_with_what_a_reader_looks_for():
    assert codec.encode(v1_task("a")).startswith(WAITING + b',"created_at":')


def test_what_is_to_be_filed_stands_before_the_status():
    line = codec.encode({**v1_task("a"), "ended_runs": [], "ended": []})
    assert line.startswith(b'{"id":"a","ended":[],"ended_runs":[],"status":"scheduled"')
    assert codec.waiting(line) is None


def test_the_quick_look_names_id_and_moment():
    match = codec.waiting(codec.encode(v1_task("a")))
    assert (match[1], match[2]) == (b"a", b"2026-04-08T16:45:00Z")


@pytest.mark.parametrize(
    "line",
    [
        b' {"id":"a","status":"scheduled","run_at":"2026-04-08T16:45:00Z"}',
        b'{"x":{"id":"a","status":"scheduled","run_at":"2026-04-08T16:45:00Z"}}',
        b'{"id":"a","status":"executing","run_at":"2026-04-08T16:45:00Z"}',
        b'{"id":"a","status":"scheduled","run_at":"2026-04-08T16:45:00+00:00"}',
        b'{"id":"a","status":"scheduled","run_at":"2026-04-08T16:45:00.5Z"}',
        b'{"id":"\\u0061","status":"scheduled","run_at":"2026-04-08T16:45:00Z"}',
    ],
)
def test_the_quick_look_takes_nothing_else(line):
    assert codec.waiting(line) is None


def test_text_stays_readable():
    assert "grüße ☃" in codec.encode(v1_task(x="grüße ☃")).decode()


def test_a_lone_surrogate_stays_the_escape_it_was():
    line = codec.encode(v1_task(x="\udcff"))
    assert b"\\udcff" in line
    assert codec.decode(line)["x"] == "\udcff"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=50)
@given(st.dictionaries(st.text(min_size=1).map("x_{}".format), json_values))
def test_what_is_written_is_read_again(extra):
    one = v1_task(**extra)
    line = codec.encode(one)
    assert line.count(b"\n") == 1
    assert codec.decode(line) == one


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_no_line_does_worse_than_being_bad(line):
    with suppress(BadLine):
        assert isinstance(codec.decode(line)["id"], str)


@pytest.fixture
def short(monkeypatch):
    """Lines of 64 bytes are too long, and read in steps of 8."""
    monkeypatch.setattr(codec, "_STEP_BYTES", 8)
    monkeypatch.setattr(codec, "MAX_LINE_BYTES", 64)


def lines(content: bytes) -> list[bytes]:
    return list(codec.lines(io.BytesIO(content)))


@pytest.mark.parametrize("size", [0, 1, 6, 7, 8, 9, 15, 16, 62, 63])
@pytest.mark.parametrize("end", [b"", b"\n", b"\nx", b"\n\n"])
def test_a_line_that_is_not_too_long_is_read_as_it_is(short, size, end):
    content = b"a\n" + b"y" * size + end
    assert lines(content) == list(io.BytesIO(content))
    assert {type(one) for one in lines(content)} <= {bytes}


@pytest.mark.parametrize("size", [64, 65, 71, 72, 300])
@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n", b"\nx\n"])
def test_a_line_that_is_too_long_comes_in_parts(short, size, end):
    before, *parts = lines(b"a\n" + b"y" * size + end)
    long = [one for one in parts if type(one) is codec.Part]
    assert (before, b"".join(parts)) == (b"a\n", b"y" * size + end)
    assert b"".join(long) == b"y" * size + end[:1]
    assert [one.is_first for one in long] == [True] + [False] * (len(long) - 1)
    assert all(len(one) <= 8 for one in long)


@given(st.binary(), st.integers(0, 3))
def test_no_byte_of_a_file_is_lost_between_its_lines(some, times):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(codec, "_STEP_BYTES", 2)
        patched.setattr(codec, "MAX_LINE_BYTES", 6)
        content = some * 10**times
        assert b"".join(lines(content)) == content


def test_what_only_looks_like_a_record_at_the_end_of_a_long_line_is_none():
    record = codec.encode(v1_task("a"))
    with pytest.raises(BadLine, match="longer than 16777216 bytes"):
        codec.decode(codec.Part(record))


def test_no_record_is_written_that_is_too_long_to_be_read(short):
    with pytest.raises(BadLine, match="longer than"):
        codec.new_line(v1_task("a"))


@pytest.mark.slow
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_of_any_length_is_passed_over_in_the_memory_of_a_short_one(tmp_path, end):
    path = tmp_path / "long"
    with path.open("wb") as file:
        file.truncate(1 << 28)  # a quarter of a gigabyte that takes no room on the disk
        file.seek(0, os.SEEK_END)
        file.write(end)
    tracemalloc.start()
    try:
        with path.open("rb") as stream:
            assert sum(map(len, codec.lines(stream))) == path.stat().st_size
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


HELD_BY_JSON = (
    {
        "text": '\u00e9 \u2028 \x7f \x00 " \\ / \U0001f600',
        "list": [],
        "object": {},
        "nested": [{"a": [1, {"b": None}]}],
    },
    {"truth": [True, False, None], "whole": [0, -1, 10**30], "real": [1.0, 0.1, -0.0, 1e300, 5e-324]},
    {"tuple": (1, "x"), "": "", "a\ufeff": "\ud800"},
)
NOT_HELD = (float("nan"), float("inf"), {1}, b"x", object())


def test_one_encoder_for_all_records_writes_what_json_writes(monkeypatch):
    def written() -> list[object]:
        found: list[object] = [codec.encode(one) for one in HELD_BY_JSON]
        for one in NOT_HELD:
            with pytest.raises((ValueError, TypeError)) as caught:
                codec.encode({"x": one})
            found.append((caught.type, str(caught.value)))
        return found

    quick = written()
    monkeypatch.setattr(codec, "_encoded", None)
    assert quick == written()
