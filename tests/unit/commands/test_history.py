"""`history`: what ran and what did not, as a table or as JSON that fits its schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from support import Place, at, strict, text_at, v1_task
from terminal import on_terminal
from wrong_records import NOT_RECORDS

pytestmark = pytest.mark.programs


def put(place: Place, task_id: str, body: str, **fields: object) -> None:
    one = v1_task(task_id, occurrence=text_at(), executor=place.executor(f"cat >/dev/null\n{body}", task_id), **fields)
    place.store().append([one], at())


@pytest.fixture
def lived(place: Place) -> Place:
    """Four tasks: one went well and told of its cost, one failed, one was too late, one has missed three days."""
    usage = '{"usage": {"input_tokens": 1200, "output_tokens": 34, "cost_usd": 0.25}}'
    put(place, "good", f"""echo "{"größer " * 20}"; echo '{usage}' >"$DEFER_RESULT_FILE" """)
    put(place, "bad", "printf '\\033[2Jboom\\n' >&2; exit 3")
    put(place, "late", "true", expires_at=text_at(minutes=1))
    rule = {"expression": "every day 16:45", "tz": "UTC", "anchor": text_at(), "fired": 0}
    put(place, "daily-task-with-a-name-of-forty-five-letters-a", "echo fine", recurrence=rule)
    place.wake_at(at(days=3, minutes=2))
    return place


def validate(rows: object, root: Path) -> None:
    Draft202012Validator(json.loads((root / "references" / "history.schema.json").read_text())).validate(rows)


def test_json_fits_its_schema_and_says_all(lived, root):
    done = lived.defer("history", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = strict(done.stdout)
    validate(rows, root)
    assert sorted(row["outcome"] for row in rows) == ["expired", "failed", "missed", "ok", "ok"]
    (good,) = (row for row in rows if row["id"] == "good")
    assert (good["input_tokens"], good["output_tokens"], good["cost_usd"]) == (1200, 34, 0.25)
    assert good["summary"].startswith("größer größer")
    (missed,) = (row for row in rows if row["outcome"] == "missed")
    assert missed["stretch"] == {"first": text_at(), "last": text_at(days=2), "count": 3}
    assert strict(lived.defer("history", "--compact").stdout) == rows
    assert strict(lived.defer("history").stdout) == rows


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_a_table_shows_when_which_and_how_at_any_width(lived, columns):
    done = lived.defer("history", "--table", env={"COLUMNS": columns})
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= int(columns)
    assert [word for word in ("Started", "Task", "Outcome") if word not in lines[0]] == []
    (missed,) = (line for line in lines if "missed ×3" in line)
    assert re.match("Wed 08 Apr 16:45|2026-04-08 16:45", missed)  # the year too once it is long ago
    assert "daily-task" in missed
    assert "…" in missed
    (good,) = (line for line in lines if " ok " in f"{line} " and "good" in line)
    assert ("1,234" in good, "$0.25" in good) == (columns == "120", columns == "120")


def test_who_was_told_stands_beside_what_happened(lived):
    rows = {row["id"]: row["delivery"] for row in strict(lived.defer("history").stdout) if row["outcome"] != "ok"}
    assert rows["bad"] == [{"event": "failed", "where": "inbox", "status": "unread"}]
    assert rows["late"] == [{"event": "expired", "where": "inbox", "status": "unread"}]
    lived.defer("inbox", "--table")
    (bad,) = strict(lived.defer("history", "bad").stdout)
    assert bad["delivery"] == [{"event": "failed", "where": "inbox", "status": "read"}]
    table = lived.defer("history", "--table", env={"COLUMNS": "200"}).stdout.splitlines()
    assert table[0].endswith("Told")
    assert {line.endswith("  inbox") for line in table if "failed" in line} == {True}


def test_what_was_missed_was_not_told_because_what_ran_in_its_place_was(place):
    rule = {"expression": "every day 16:45", "tz": "UTC", "anchor": text_at(), "fired": 0}
    place.store().append([v1_task("vitamins", occurrence=text_at(), recurrence=rule)], at())
    place.wake_at(at(days=3, minutes=2))
    rows = strict(place.defer("history").stdout)
    assert {row["ended_at"] for row in rows} == {text_at(days=3, minutes=2)}
    told = {row["outcome"]: row["delivery"] for row in rows}
    assert told == {"missed": [], "ok": [{"event": "completed", "where": "inbox", "status": "unread"}]}


def test_a_reminder_says_where_it_was_told(place):
    place.schedule("now", "vitamins", "--id", "vitamins")
    place.wake()
    (line,) = (line for line in place.defer("history", "--table").stdout.splitlines() if "vitamins" in line)
    assert line.endswith("ok       told: inbox           inbox")


def test_a_place_that_was_not_reached_says_how_that_stands(place):
    gone = {"DEFER_NOTIFY": "inbox;command:/bin/false"}
    place.schedule("now", "vitamins", "--id", "vitamins", env=gone)
    place.wake(env=gone)
    (line,) = (line for line in place.defer("history", "--table").stdout.splitlines() if "vitamins" in line)
    assert line.endswith("  inbox, command:/bin/false (to be tried again)")
    (told,) = (line for line in place.defer("show", "vitamins", "--table").stdout.splitlines() if "Told:" in line)
    assert told.endswith("command:/bin/false (to be tried again: it ended with exit 1)")


def test_what_was_cancelled_before_its_time_stands_at_its_end(place):
    place.schedule("24h", "later", "--id", "later")
    place.defer("cancel", "later")
    (line,) = (line for line in place.defer("history", "--table").stdout.splitlines() if "later" in line)
    (row,) = strict(place.defer("history").stdout)
    assert line.startswith(
        f"{datetime.fromisoformat(row['ended_at']).astimezone(place.config().timezone()):%a %d %b %H:%M}"
    )


@pytest.mark.parametrize("flags", [("--status", "failed"), ("--limit", "0")])
def test_an_empty_part_is_not_said_to_be_all(place, flags):
    assert place.defer("history", "--table").stdout == "Nothing has run.\n"
    place.schedule("now", "vitamins")
    place.wake()
    assert place.defer("history", "--table", *flags).stdout == "Nothing of that is in the history.\n"


def test_short_ids_stand_on_a_terminal_and_are_taken_there(place):
    made_up = place.schedule("now", "t", "--executor", place.executor("cat >/dev/null; echo done"))["id"]
    place.wake()
    status, text = on_terminal(place, "history", columns=60)
    assert (status, made_up in text, made_up[-10:] in text) == (0, False, True)
    assert on_terminal(place, "history", made_up[-10:])[1].count(made_up[-10:]) == 1
    assert on_terminal(place, "log", made_up[-10:]) == (0, "done\n")
    assert place.defer("history", made_up[-10:]).returncode == 1


def test_what_is_shown_is_not_obeyed(lived):
    shown = lived.defer("history", "bad", "--table", env={"COLUMNS": "200"}).stdout
    assert "\\x1b[2Jboom" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        (("--status", "failed"), {"failed", "expired"}),
        (("--status", "completed"), {"ok"}),
        (("--status", "OK,missed"), {"ok", "missed"}),
        (("--status", "ok", "--status", "expired"), {"ok", "expired"}),
        (("--status", "lost"), set()),
        (("good",), {"ok"}),
        (("--id", "late"), {"expired"}),
        (("--limit", "0"), set()),
        (("--since", "2026-04-11T16:47:00Z"), {"ok", "failed", "expired", "missed"}),
        (("--since", "today"), set()),
    ],
)
def test_it_shows_what_was_asked_for(lived, flags, shown):
    assert {row["outcome"] for row in strict(lived.defer("history", *flags).stdout)} == shown


def test_a_limit_takes_the_newest(lived):
    rows = strict(lived.defer("history").stdout)
    assert strict(lived.defer("history", "--limit", "2").stdout) == rows[:2]
    table = lived.defer("history", "--table", "--limit", "2").stdout
    assert len(table.splitlines()) == 4


@pytest.fixture
def runs_file(place: Place) -> Iterator[Path]:
    """A month of run records that somebody else writes: they are not held to the schema of ours."""
    path = place.runtime / "runs" / "runs_202604.jsonl"
    path.parent.mkdir(parents=True, mode=0o700)
    yield path
    path.unlink()


def test_more_than_a_screen_is_said_to_be_there(place, runs_file):
    runs = [
        {"run_id": f"run_{n}", "task_id": "t", "status": "ok", "attempt": 1, "ended_at": text_at(minutes=n)}
        for n in range(120)
    ]
    runs_file.write_text("".join(json.dumps(run) + "\n" for run in runs))
    lines = place.defer("history", "--table").stdout.splitlines()
    assert (len(lines), lines[-1]) == (53, "… and more (--limit N shows more, --since 24h all since then)")
    assert len(place.defer("history", "--table", "--limit", "60").stdout.splitlines()) == 62
    done = place.defer("history")
    assert len(strict(done.stdout)) == 100
    assert done.stderr == "defer: only the newest 100 are shown (--limit N shows more, --since 24h all since then)\n"
    done = place.defer("history", "--since", "2026-04-08")
    assert (len(strict(done.stdout)), done.stderr) == (120, "")


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (("nobody",), 1, "no such task: nobody (see `defer list --all`)"),
        (("a", "--id", "b"), 2, "history takes one id at most: defer history [ID] (see defer list)"),
        (("--status", "faild"), 2, "--status takes outcomes, not faild (did you mean failed?)"),
        (("--status", ","), 2, None),
        (("--since", "tomorrow"), 2, None),
        (("--since", "2100-01-01"), 2, "--since lies ahead: 2100-01-01 (give a time that is over)"),
        (("--limit", "-1"), 2, None),
    ],
)
def test_what_cannot_be_answered_is_one_line(place, args, status, said):
    done = place.defer("history", *args)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("defer: ")
    assert done.stderr.count("\n") == 1
    assert said is None or done.stderr == f"defer: {said}\n"


def test_where_nothing_has_run_it_says_so(place):
    place.schedule("1h", "t", "--id", "t")
    for args in ((), ("t",)):
        assert place.defer("history", "--table", *args).stdout == "Nothing has run.\n"
        assert place.defer("history", *args).stdout == "[]\n"


WRONG_RUNS = {
    "nothing but an end": {},
    "texts that name no moment": {"occurrence": "then", "started_at": None},
    "no texts": {"status": None, "task_id": None, "error": None, "attempt": None},
    "a cost of many digits": {"usage": {"cost_usd": 1e15, "input_tokens": 1e15, "output_tokens": 0.5}},
    "an endless text": {"error": "x" * 100_000, "summary": "y\n" * 50_000},
    "hostile": {"task_id": "\x1b[2J", "summary": "\u202e\x07", "error": "\r\n\r\n", "status": "\x9b"},
}


@pytest.mark.parametrize("wrong", WRONG_RUNS.values(), ids=WRONG_RUNS)
@pytest.mark.parametrize("form", ["--json", "--table"])
def test_a_run_record_with_anything_in_it_is_survived(place, runs_file, root, wrong, form):
    lines = [json.dumps({"ended_at": text_at(), **wrong}).encode(), *NOT_RECORDS.values()]
    runs_file.write_bytes(b"\n".join(lines) + b"\n")
    done = place.defer("history", form)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    if form == "--json":
        rows = strict(done.stdout)
        assert len(rows) == 1
        validate(rows, root)
