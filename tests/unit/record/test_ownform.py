"""One pattern says of a line what parsing and checking it would: never more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from defer.record import codec, ownform, task
from defer.record.codec import BadLine
from support import NOW, at, v1_task


def ours(**fields: Any) -> dict[str, Any]:
    """A task as `schedule` makes it."""
    made = task.create(created_at=NOW, run_at=at(hours=1), context={"summary": "review"}, tz="UTC", when="1h", cwd="/")
    return {"id": "task_1", **made, **fields}


def line(**fields: Any) -> bytes:
    return codec.encode(ours(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"max_retries": 3, "tags": ["a", "b"], "executor": "claude", "workspace": "/srv"},
        {"context": {"summary": "é 日本 \U0001f600", "key_points": ["a"], "artifacts": [], "constraints": ["b", "c"]}},
        {"when": 'say "now"\\\n\t\x01', "cwd": "/with \x7f"},
        {"reorient_requested": True, "reorient": {"requested": True, "project": "p", "explicit_context_file": None}},
    ],
    ids=["plain", "optional", "letters", "escapes", "reorient"],
)
def test_what_schedule_writes_is_told_by_the_pattern(fields: dict[str, Any]) -> None:
    assert ownform.waiting_id(line(**fields)) == b"task_1"
    assert codec.decode(line(**fields)) == ours(**fields)


@pytest.mark.parametrize(
    "other",
    [
        line(status="paused"),
        line(later_field=1),
        line(ended=[]),
        line(run_at="2026-02-30T09:00:00Z"),
        line(run_at="2026-04-31T09:00:00Z"),
        line(run_at="0000-04-30T09:00:00Z"),
        line(run_at="2026-04-08T24:00:00Z"),
        line(occurrence="tomorrow"),
        line(attempts=-1),
        line(attempts=1.0),
        line(schema_version=3),
        line()[:-1],
        line()[:-2] + b"\n",
        line()[:-2] + b"}}\n",
        line() + b"\n",
        line().replace(b"review", b"re\nview"),
        line().replace(b"review", b"re\x00view"),
        line().replace(b"review", b"re\xffview"),
        line().replace(b"review", b"re\xed\xa0\x80view"),
        line().replace(b"review", b"re\\view"),
        line().replace(b"review", b're"view'),
        json.dumps(ours()).encode() + b"\n",
        codec.encode(v1_task()),
    ],
)
def test_any_other_line_is_left_to_be_parsed(other: bytes) -> None:
    assert ownform.waiting_id(other) is None


@pytest.mark.parametrize("whole", [line(), line(when='a "b"')], ids=["plain", "escaped"])
def test_no_line_passes_that_would_not_be_read(whole: bytes) -> None:
    """Each byte of a line replaced by others, left out and doubled."""
    for place in range(len(whole)):
        for new in (
            b"",
            b"\x00",
            b"\n",
            b'"',
            b"\\",
            b"{",
            b"}",
            b"[",
            b",",
            b":",
            b"9",
            b"-",
            b"e",
            b"\x80",
            b"\xc3\xa9",
        ):
            changed = whole[:place] + new + whole[place + 1 :]
            found = ownform.waiting_id(changed)
            if found is None:
                continue
            try:
                record = codec.decode(changed)
            except BadLine as error:
                raise AssertionError(f"{changed!r} passes: {error}") from None
            assert (record["id"].encode(), record["status"]) == (found, "scheduled")
