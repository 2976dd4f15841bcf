"""`list` prints what the store holds, whatever hand wrote the lines."""

from __future__ import annotations

import io
import json
import re
import shlex
from datetime import UTC

import pytest

from defer.commands import list as list_face
from support import NOW, at, strict, text_at, v1_task

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


RECURRING = {"expression": "45 * * * *", "tz": "UTC", "anchor": "2026-01-01T00:00:00Z"}


def ended(outcome: str, failures: int = 0, **ago: float) -> dict[str, object]:
    return {
        "outcome": outcome,
        "at": text_at(**{unit: -number for unit, number in ago.items()}),
        "reason": "no such host",
        "failures": failures,
    }


def listed(tasks, columns, monkeypatch, out=None):
    monkeypatch.setenv("COLUMNS", str(columns))
    out = out or io.StringIO()
    list_face.table(tasks, 0, UTC, NOW, out)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_table_never_leaves_out_a_column_that_matters(columns, monkeypatch):
    tasks = [
        v1_task("nightly-" + "x" * 37, status="paused", recurrence=RECURRING, last=ended("failed", 1, hours=20)),
        v1_task("b", attempts=1),
        v1_task("task_20260408_163500_0123456789", recurrence=RECURRING, last=ended("failed", 3, hours=2)),
    ]
    lines = listed(tasks, columns, monkeypatch)
    assert max(map(len, lines)) <= columns
    assert lines[0].split() == ["When", "Status", "Last", "Id", "Summary"]
    first, second, third = (re.split(" {2,}", line) for line in lines[2:])
    assert "paused" in first
    (name,) = [cell for cell in first if cell.startswith("nightly")]
    assert name.endswith("x" * 37 if columns == 120 else "…")
    assert {"retry", "b"} <= set(second)
    assert {"scheduled", "failed ×3"} <= set(third)
    assert ("task_20260408_163500_0123456789" in third) == (columns == 120)


def test_a_table_can_be_asked_for_and_then_nothing_is_cut(place):
    stored = place.schedule("1h", "resume the review " * 10)
    for words, heading in ((("list",), "When Status Id Summary"), (("list", "--upcoming", "2h"), "When Id Summary")):
        done = place.defer(*words, "--table")
        assert " ".join(done.stdout.splitlines()[0].split()) == heading
        assert f"  {stored['id']}  {'resume the review ' * 10}".rstrip() in done.stdout
    done = place.defer("list", "--table", "--json")
    assert (done.returncode, done.stdout) == (2, "")


def test_at_a_telephones_width_each_task_is_a_block(monkeypatch):
    tasks = [v1_task("task_20260408_163500_0123456789", status="paused"), v1_task("b", attempts=1)]
    lines = listed(tasks, 30, monkeypatch)
    assert lines[:3] == ["When     Wed 08 Apr 16:45", "Status   paused", "Id       task_20260408_163500_0123456789"]
    assert "Status   retry" in lines


@pytest.mark.parametrize(("last", "said"), [
    (None, ""),
    (ended("completed", hours=2), "ok 2h ago"),
    (ended("failed", 1, hours=22), "failed 22h ago"),
    (ended("failed", 3, hours=2), "failed ×3"),
    (ended("missed", 3, days=2), "missed 2d ago"),
    (ended("completed", hours=-2), "ok now"),
    ({"outcome": "failed", "at": "some day", "failures": "many"}, "failed"),
    ({"outcome": ["x"], "at": None}, "['x']"),
    ("yesterday", ""),
])  # fmt: skip
def test_how_the_last_occurrence_ended_is_said_in_two_words(last, said):
    assert list_face.last(v1_task(last=last), NOW)[0] == said


@pytest.mark.programs
def test_a_run_by_hand_that_failed_is_seen_until_one_goes_well(place):
    broken = place.base / "broken"
    place.schedule("every 30d", "back up", "--id", "backup", "--executor", place.executor(f"! [ -e {broken} ]"))

    def said_after_a_run() -> str:
        place.defer("run", "backup")
        place.wake()
        return place.defer("list", "--table").stdout

    broken.touch()
    assert re.search(r"failed (now|\d+[smh] ago) \(by hand\)", said_after_a_run())
    broken.unlink()
    assert "by hand" not in said_after_a_run()


def test_a_paused_task_does_not_look_as_if_it_ran_soon(monkeypatch):
    later = text_at(hours=2)
    lines = listed([v1_task("a", run_at=later), v1_task("b", run_at=later, status="paused")], 80, monkeypatch)
    assert "in 2h" in lines[2]
    assert "in 2h" not in lines[3]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_state_is_seen_by_its_colour(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    tasks = [v1_task("a", recurrence=RECURRING, last=ended("failed", 2, hours=1)), v1_task("b", status="executing")]
    lines = listed(tasks, 100, monkeypatch, Terminal())
    assert "\x1b[31mfailed ×2\x1b[0m" in lines[2]
    assert "\x1b[32mexecuting\x1b[0m" in lines[3]


def fire(task_id, hours, summary="go on"):
    return {"run_at": text_at(hours=hours), "id": task_id, "summary": summary}


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_what_is_to_come_is_a_table(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    out = io.StringIO()
    list_face.fires_table([fire("a", 2), fire("nightly-" + "x" * 37, 26, "the review " * 20)], UTC, NOW, out)
    lines = out.getvalue().splitlines()
    assert lines[0].split() == ["When", "Id", "Summary"]
    assert max(map(len, lines)) <= columns
    assert lines[2].split()[:7] == ["Wed", "08", "Apr", "18:45", "in", "2h", "a"]
    assert lines[3].endswith("…")


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
    list_face.table([v1_task("b", context={"summary": summary}), v1_task("c")], 0, UTC, NOW, out)
    heading, _, first, second = out.getvalue().replace("\u2068", "").replace("\u2069", "").splitlines()
    assert first.startswith("Wed 08 Apr 16:45  now  scheduled  b   ")
    assert second.startswith("Wed 08 Apr 16:45  now  scheduled  c   resume the review")
    assert heading.index("Summary") == first.index(summary[:7]) == second.index("resume")
    assert max(cell_len(line) for line in (heading, first, second)) <= columns


@pytest.mark.parametrize("span", ["999999999 days", "400000 hours", "P9999Y"])
def test_a_window_beyond_the_calendar_is_bad_input(place, span):
    done = place.defer("list", "--upcoming", span)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("defer: --upcoming ")
    assert done.stderr.count("\n") == 1


class TestWhatHasEnded:
    """With a status that has ended, and a limit or a time, the archive is looked into too."""

    @pytest.fixture
    def lived(self, place):
        for minutes, (name, body) in enumerate({"good": "true", "bad": "exit 3", "worse": "exit 4"}.items(), 3):
            one = v1_task(name, occurrence=text_at(), executor=place.executor(f"cat >/dev/null; {body}", name))
            place.store().append([one], NOW)
            place.wake_at(at(minutes=minutes))
        place.schedule("1h", "waits", "--id", "waits")
        return place

    def listed(self, place, *args):
        return [one["id"] for one in strict(place.defer("list", *args).stdout)]

    @pytest.mark.parametrize(
        ("args", "ids"),
        [
            (("--status", "failed"), []),
            (("--status", "failed", "--limit", "5"), ["worse", "bad"]),
            (("--status", "failed", "--limit", "1"), ["worse"]),
            (("--status", "failed", "--limit", "0"), []),
            (("--status", "completed", "--since", "2026-04-08"), ["good"]),
            (("--status", "failed", "--since", "2026-04-08T16:49:30Z"), ["worse"]),
            (("--status", "failed", "--since", "today"), []),
            (("--status", "failed", "--status", "scheduled", "--limit", "2"), ["waits", "worse"]),
            (("--all", "--since", "2026-04-08"), ["waits", "worse", "bad", "good"]),
            (("--all", "--limit", "9"), ["waits"]),
            (("--limit", "9"), ["waits"]),
        ],
    )
    @pytest.mark.parametrize("form", ["--json", "--compact"])
    def test_it_lists_what_was_asked_for(self, lived, args, ids, form):
        assert self.listed(lived, *args, form) == ids

    def test_what_is_not_filed_yet_is_there_once(self, place):
        place.write_store(v1_task("a", status="failed", failed_at=text_at(), error="boom"))
        assert self.listed(place, "--status", "failed", "--limit", "9") == ["a"]
        place.store().archive(NOW)
        assert self.listed(place, "--status", "failed", "--limit", "9") == ["a"]

    def test_a_table_has_the_newest_first(self, lived):
        lines = lived.defer("list", "--status", "failed", "--limit", "1", "--table").stdout.splitlines()
        assert [lines[0].split()[0], lines[-1]] == ["When", "… and more (--limit N)"]
        assert " worse " in lines[2]
        assert "failed" in lines[2]

    def test_an_empty_table_says_where_else_to_look(self, lived):
        shown = lived.defer("list", "--status", "failed", "--table").stdout
        assert shown == "Nothing in the store has ended so (--since 7d looks into the archive too).\n"
        assert (
            lived.defer("list", "--status", "skipped", "--since", "7d", "--table").stdout == "Nothing has ended so.\n"
        )

    def test_a_time_is_about_what_has_ended(self, lived):
        done = lived.defer("list", "--since", "7d")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("defer: --since is about what has ended, and no such status is asked for (")


class TestWhichTasks:
    @pytest.fixture
    def some(self, place):
        place.schedule("1h", "Feed the Cat", "--id", "cat", "--tag", "home", "--tag", "pet")
        place.schedule("2h", "water the plants", "--id", "fern", "--tag", "home")
        place.schedule("3h", "build", "--id", "app", "--command", "make CATALOGUE")
        place.schedule("4h", "read the news", "--id", "news", "--prompt", "what is new of the zoo's cats?")
        return place

    @pytest.mark.parametrize(
        ("flags", "found"),
        [
            ("--tag home", "cat fern"),
            ("--tag home --tag pet", "cat"),
            ("--tag hom", ""),
            ("--text cat", "cat app news"),
            ("--text CAT", "cat app news"),
            ("--text pet", "cat"),
            ("--text cat --tag home", "cat"),
            ("--text 'the plants'", "fern"),
        ],
    )
    @pytest.mark.parametrize(
        "form", [[], ["--compact"], ["--upcoming", "1d"], ["--limit", "9"], ["--all"]], ids=" ".join
    )
    def test_by_label_and_by_text(self, some, flags, found, form):
        assert {one["id"] for one in strict(some.defer("list", *form, *shlex.split(flags)).stdout)} == set(
            found.split()
        )

    def test_a_record_of_a_newer_version_may_have_anything_there(self, place):
        place.write_store(v1_task("new", schema_version=3, tags=5, context="a cat", execution=[], command=7))
        assert strict(place.defer("list", "--text", "cat").stdout) == []
        assert strict(place.defer("list", "--tag", "5").stdout) == []
        assert [one["id"] for one in strict(place.defer("list", "--text", "new").stdout)] == ["new"]

    def test_a_person_is_told_that_none_is_so(self, some):
        assert some.defer("list", "--text", "dog", "--table").stdout == (
            "No such task waits (--all shows everything still in the store).\n"
        )

    def test_one_that_is_paused_until_a_moment_says_when_it_is_back(self, some):
        assert some.defer("pause", "cat", "--until", "in 2 days").returncode == 0
        some.defer("pause", "fern")
        table = some.defer("list", "--table").stdout.splitlines()
        rows = {name: line for line in table for name in ("cat", "fern") if f" {name} " in line}
        assert "back in 2d" in rows["cat"]
        assert "back" not in rows["fern"]
