"""How well a store is: lines that are not records, bytes that a rewrite would gain, what was set aside."""

from __future__ import annotations

import json

from defer.record import codec
from defer.store.interface import Condition
from support import Place, v1_task


def test_there_is_no_store(place: Place) -> None:
    assert place.store().condition() == Condition(0, 0, [], 0, 0)
    assert not place.runtime.exists()


def test_each_line_is_current_spent_or_bad(place: Place) -> None:
    one = json.dumps(v1_task("one")).encode() + b"\n"
    place.write_store(one, one, b"nonsense\n", b"\n", v1_task("two"), b'{"id": "unended"')
    found = place.store().condition()
    assert found.size == place.store_path.stat().st_size
    assert found.spent == len(one) + len(b"\n") + len(b'{"id": "unended"')
    assert [number for number, _ in found.bad] == [3]
    assert (found.bad_count, found.set_aside) == (1, 0)


def test_a_line_too_long_to_be_a_record_is_one_bad_line(place: Place) -> None:
    place.write_store(v1_task("one"), b"x" * (codec.MAX_LINE_BYTES + 7) + b"\n", b"bad\n")
    found = place.store().condition()
    assert [number for number, _ in found.bad] == [2, 3]
    assert found.bad[0][1] == codec.TOO_LONG


def test_what_was_set_aside_is_counted(place: Place) -> None:
    place.write_store(v1_task("one"))
    (place.runtime / "deferred.jsonl.rejected").write_bytes(b"torn\n\nand torn\n")
    assert place.store().condition().set_aside == 2


def test_of_many_bad_lines_the_first_are_told(place: Place) -> None:
    place.write_store(*[b"bad\n"] * 1000)
    found = place.store().condition()
    assert (found.bad_count, len(found.bad), found.bad[-1][0]) == (1000, 20, 20)
