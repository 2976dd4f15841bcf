"""The lines of records that are stored together are those that each has by itself."""

import pytest

from defer.errors import BadInput
from defer.record import codec
from defer.record.lines import Lines
from support import v1_task
from wrong_records import WRONG_FIELDS

DEEP: list[object] = []
for _ in range(120):
    DEEP = [DEEP]


def records() -> list[dict[str, object]]:
    first = v1_task("a", tags=["x"], timeout_seconds=1.5, tz="UTC", extra=[1])
    variants: list[dict[str, object]] = [
        {"id": "b"},
        {"id": "c", "run_at": "2026-05-01T00:00:00Z"},
        {"id": "d", "context": {"summary": "\u00e9 \u2028", "key_points": []}},
        {"id": "e", "tags": ["x", "y"]},
        {"id": "f", "cwd": "/x"},
        {"id": "g", "tz": None},
        {"id": "h", "tz": "\ud800"},
        {"id": "i", "extra": {"[": "{" * 200}},
        {"id": "j", "timeout_seconds": 1, "attempts": 7},
        {"id": "k", "schema_version": 3, "tags": 5},
        {"id": "l", "schema_version": 2},
    ]
    return [first, *({**first, **one} for one in variants), {"x": 1, **first}, {**first, 5: 1}, {**first, "5": 1}]


def test_each_line_is_the_one_of_the_record_by_itself():
    offered = [*records(), *reversed(records())]
    lines = Lines()
    assert [lines.line(one) for one in offered] == [codec.offered_line(one) for one in offered]


@pytest.mark.parametrize("wrong", [*WRONG_FIELDS, "nothing", "deep", "not json", "nan", "large", "bytes"], ids=str)
def test_what_is_refused_by_itself_is_refused_among_others(wrong):
    unlike = {
        "nothing": {"run_at": None},
        "deep": {"extra": DEEP},
        "not json": {"extra": {1}},
        "nan": {"extra": float("nan")},
        "large": {"extra": "x" * codec.MAX_TASK_BYTES},
        "bytes": {"extra": b"x"},
    }
    right = v1_task("a", extra=1)
    lines = Lines()
    for name in "abc":
        lines.line({**right, "id": name})
    offered = {**right, **(unlike[wrong] if wrong in unlike else WRONG_FIELDS[wrong])}
    refused = []
    for line_of in (codec.offered_line, lines.line):
        with pytest.raises((BadInput, TypeError)) as caught:
            line_of(offered)
        refused.append((caught.type, str(caught.value)))
    assert refused[0] == refused[1]
    assert lines.line({**right, "id": "d"}) == codec.offered_line({**right, "id": "d"})
