"""`list` prints what the store holds, whatever hand wrote the lines."""

from __future__ import annotations

import io
import json
from datetime import UTC

import pytest

from defer.commands import output
from support import NOW, strict, v1_task

pytestmark = pytest.mark.programs

LINES = {
    "as we write them": json.dumps(v1_task(), separators=(",", ":")).encode() + b"\n",
    "with spaces": json.dumps(v1_task(), indent=None).encode() + b"\n",
    "with spaces around it": b" \t" + json.dumps(v1_task()).encode() + b"  \n",
    "with a byte order mark": b"\xef\xbb\xbf" + json.dumps(v1_task()).encode() + b"\n",
    "with CR LF": json.dumps(v1_task()).encode() + b"\r\n",
    "without a newline": json.dumps(v1_task()).encode(),
    "with escapes": json.dumps(v1_task(note="größer als 10 €")).encode() + b"\n",
    "with UTF-8": json.dumps(v1_task(note="größer als 10 €"), ensure_ascii=False).encode() + b"\n",
    "with half a pair of surrogates, escaped": json.dumps(v1_task(note="\ud83d")).encode() + b"\n",
}


@pytest.mark.parametrize("form", LINES)
@pytest.mark.parametrize("flags", [(), ("--limit", "5")], ids=["all", "limit"])
def test_a_compact_list_is_the_records_on_one_line(place, form, flags):
    other = v1_task("other", run_at="2100-01-01T00:00:00Z")
    place.write_store(other, LINES[form])
    done = place.defer("list", "--compact", *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert {one["id"]: one for one in strict(done.stdout)} == {
        "other": other,
        "task_20260408_163500_4821": json.loads(LINES[form].decode("utf-8-sig")),
    }


@pytest.mark.parametrize(
    "line", [b'{"id":"a"', b"\xff\n", b"{} {}\n", b'"text"\n', json.dumps(v1_task()).encode() + b" x\n"]
)
def test_a_bad_line_is_left_out(place, line):
    place.write_store(v1_task("other"), line)
    done = place.defer("list", "--compact")
    assert done.returncode == 0
    assert [one["id"] for one in strict(done.stdout)] == ["other"]


def test_the_pretty_and_the_compact_list_say_the_same(place):
    for number in range(3):
        place.schedule("1h", f"task {number}, größer")
    place.defer("cancel", place.schedule("1h")["id"])
    pretty, compact = place.defer("list", "--all"), place.defer("list", "--all", "--compact")
    assert strict(pretty.stdout) == strict(compact.stdout)
    assert len(strict(compact.stdout)) == 4
    assert [one["status"] for one in strict(place.defer("list", "--compact").stdout)] == ["scheduled"] * 3


def test_an_empty_list_is_an_empty_array(place):
    assert place.defer("list", "--compact").stdout == "[]\n"


@pytest.mark.parametrize(
    "command", [["show"], ["cancel"], ["cancel", "--kill"], ["edit", "--summary", "t"], ["run"], ["pause"], ["release"]]
)
def test_a_task_whose_line_is_not_a_record_is_said_to_be_there(place, command):
    before = json.dumps(v1_task("before")).encode() + b"\n"
    place.write_store(before, json.dumps({**v1_task("a"), "attempts": "2"}).encode() + b"\n")
    done = place.defer(command[0], "a", *command[1:])
    assert done.returncode == 1
    where = f"at offset {len(before)} of {place.store_path}"
    assert done.stderr == f"defer: task cannot be read: a: attempts is not usable: '2', {where} (fix it there)\n"
    assert "no such task: c" in place.defer(command[0], "c", *command[1:]).stderr


@pytest.mark.parametrize("columns", [40, 60, 72, 120])
def test_a_table_never_leaves_out_a_status_or_an_id(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    tasks = [v1_task("task_20260408_163500_0123456789", status="paused"), v1_task("b", attempts=1)]
    out = io.StringIO()
    output.table(tasks, 0, UTC, NOW, out)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= columns
    assert "Status" in lines[0]
    folded = "".join(line.strip() for line in lines[2:]).replace(" ", "")
    assert "paused" in folded
    assert "scheduled(retry)" in folded
    at = lines[0].index("Id")
    ids = "".join(line[at : at + 31].strip() for line in lines[2:])
    assert columns < 60 or ids.startswith("task_20260408_163500_0123456789")
    assert ("Summary" in lines[0]) == (columns > 80)


SUMMARIES = {
    "one word": "x" * 200,
    "words": "resume the review " * 12,
    "joined emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467\ufe0f" * 40,
    "wide letters": "\u6f22\u5b57" * 60,
    "Persian": "می\u200cخواهم " * 20,
}


@pytest.mark.parametrize("summary", SUMMARIES.values(), ids=SUMMARIES)
@pytest.mark.parametrize("columns", [70, 80, 100, 160])
def test_a_long_summary_takes_no_room_from_the_other_columns(columns, summary, monkeypatch):
    from rich.cells import cell_len

    monkeypatch.setenv("COLUMNS", str(columns))
    out = io.StringIO()
    output.table([v1_task("b", context={"summary": summary}), v1_task("c")], 0, UTC, NOW, out)
    heading, _, first, second = out.getvalue().splitlines()
    assert first.startswith("Wed 08 Apr 16:45  now  scheduled  b ")
    assert second.startswith("Wed 08 Apr 16:45  now  scheduled  c         resume the review")
    assert heading.index("Summary") == first.index(summary[:7]) == second.index("resume")
    assert max(cell_len(line) for line in (heading, first, second)) <= columns


@pytest.mark.parametrize("span", ["999999999 days", "400000 hours", "P9999Y"])
def test_a_window_beyond_the_calendar_is_bad_input(place, span):
    done = place.defer("list", "--upcoming", span)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("defer: --upcoming ")
    assert done.stderr.count("\n") == 1
