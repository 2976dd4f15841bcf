"""Commands that are told several tasks: by their ids, by a label, or all of them."""

from __future__ import annotations

from typing import Any

import pytest

from support import Place, strict, v1_task
from terminal import on_terminal

pytestmark = pytest.mark.programs

UNKNOWN = "defer: no such task: {} (see `defer list --all`)\n"


@pytest.fixture
def four(place: Place) -> Place:
    for name, tags in (("a", ["x"]), ("b", ["x", "y"]), ("c", ["y"]), ("d", [])):
        place.schedule("1h", f"task {name}", "--id", name, *(word for tag in tags for word in ("--tag", tag)))
    return place


def said(place: Place, *typed: str, status: int = 0) -> Any:
    """What a program gets, and on stderr nothing where all went well."""
    done = place.defer(*typed)
    assert done.returncode == status, done.stderr
    if not status:
        assert done.stderr == ""
    return strict(done.stdout)


def statuses(place: Place) -> dict[str, str]:
    return {name: one["status"] for name, one in place.tasks().items()}


def test_one_is_an_object_and_several_are_an_array(four: Place) -> None:
    assert said(four, "pause", "a")["id"] == "a"
    assert [one["id"] for one in said(four, "pause", "c", "b")] == ["c", "b"]
    assert [one["id"] for one in said(four, "resume", "--id", "a", "c")] == ["c", "a"]
    assert [one["id"] for one in said(four, "show", "a", "d")] == ["a", "d"]
    assert [one["copy_of"] for one in said(four, "run", "a", "d")] == ["a", "d"]
    assert [one["status"] for one in said(four, "cancel", "a", "b", "--reason", "over")] == ["cancelled"] * 2
    assert {one["cancel_reason"] for one in said(four, "show", "a", "b")} == {"over"}


def test_one_that_is_named_twice_is_one(four: Place) -> None:
    assert [one["id"] for one in said(four, "cancel", "a", "b", "a")] == ["a", "b"]


@pytest.mark.parametrize("typed", [
    "cancel a tomorrow 9am", "pause a until monday", "resume a at 9am", "run a at 5pm", "cancel a b in 30m",
    "cancel the meeting with b tomorrow",
])  # fmt: skip
def test_a_spoken_line_with_a_time_changes_nothing(four: Place, typed: str) -> None:
    before = four.tasks()
    done = four.defer(*typed.split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert four.tasks() == before


def test_one_word_that_holds_blanks_is_a_line_too(four: Place) -> None:
    done = four.defer("cancel", "a tomorrow 9am")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "takes no time" in done.stderr


def test_what_a_person_may_want_instead_is_said(four: Place) -> None:
    four.schedule("1h", "deploy it", "--id", "deploy")
    for typed, mend in {
        "pause a until monday": 'defer pause a --until "monday"',
        "run a at 5pm": "defer reschedule a at 5pm",
        "edit a when 5pm": 'defer edit a --when "5pm"',
        "cancel depoly tomorrow 9am": "did you mean deploy?",
    }.items():
        assert mend in four.defer(*typed.split()).stderr


def test_beginnings_of_ids_count_only_where_each_word_is_one(place: Place) -> None:
    """`in` is the beginning of an inbox, and `the` of a report."""
    for name in ("inbox", "the-report", "at-night"):
        place.schedule("1h", "s", "--id", name)
    before = place.tasks()
    for typed in ("cancel the meeting in 30m", "run the tests", "pause the mail", "run backups at 5pm", "cancel in x"):
        status, said = on_terminal(place, *typed.split())
        assert status in (1, 2), said
        assert place.tasks() == before
    assert on_terminal(place, "pause", "inb", "the")[0] == 0
    assert statuses(place) == {"inbox": "paused", "the-report": "paused", "at-night": "scheduled"}


def test_words_after_two_dashes_are_ids(four: Place) -> None:
    done = four.defer("pause", "--", "--all")
    assert (done.returncode, done.stderr) == (1, UNKNOWN.format("--all"))
    assert set(statuses(four).values()) == {"scheduled"}


def test_the_end_of_the_holidays_can_be_moved(four: Place) -> None:
    said(four, "pause", "--all", "--until", "in 2 days")
    first = {one["paused_until"] for one in four.tasks().values()}
    said(four, "pause", "--all", "--until", "in 3 days")
    assert min(one["paused_until"] for one in four.tasks().values()) > max(first)
    assert four.defer("pause", "--all", "--until", "").returncode == 2


def test_a_task_that_its_file_has_disabled_is_not_among_all(place: Place) -> None:
    tasks = place.base / "tasks"
    tasks.mkdir()
    (tasks / "off.yml").write_text("schedule: every 2h\ncommand: date\nenabled: false\n")
    assert place.defer("sync", str(tasks)).returncode == 0
    place.schedule("1h", "s", "--id", "hand")
    place.defer("pause", "hand")
    assert [one["id"] for one in said(place, "resume", "--all")] == ["hand"]
    assert "defer enable off" in place.defer("pause", "off", "--until", "tomorrow").stderr


def test_one_whose_rule_cannot_be_read_keeps_no_other_from_its_change(place: Place) -> None:
    rule = {"expression": "every blue moon", "tz": "UTC", "anchor": "2026-01-01T00:00:00Z"}
    overdue = {"status": "paused", "paused_at": "2026-04-08T16:00:00Z", "occurrence": "2026-04-08T16:45:00Z"}
    place.write_store(v1_task("odd", recurrence=rule, **overdue), v1_task("job", **overdue))
    done = place.defer("resume", "--all")
    assert (done.returncode, statuses(place)) == (1, {"odd": "paused", "job": "scheduled"})
    assert done.stderr.startswith("defer: odd: ")


def test_what_is_refused_keeps_no_other_from_its_change(four: Place) -> None:
    four.defer("pause", "b")
    done = four.defer("pause", "a", "b", "nobody", "c", "--compact")
    assert done.returncode == 1
    assert [one["id"] for one in strict(done.stdout)] == ["a", "c"]
    assert done.stderr == "defer: task is paused already: b (defer resume b)\n" + UNKNOWN.format("nobody")
    assert statuses(four) == {"a": "paused", "b": "paused", "c": "paused", "d": "scheduled"}


def test_where_nothing_is_known_one_line_says_so(four: Place) -> None:
    done = four.defer("cancel", "e", "f")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", UNKNOWN.format("e, f"))


@pytest.mark.parametrize(
    ("which", "changed"),
    [(["--tag", "x"], ["a", "b"]), (["--tag", "x", "--tag", "y"], ["b"]), (["--all"], ["a", "b", "c", "d"])],
    ids=" ".join,
)
def test_a_label_means_all_that_have_it(four: Place, which: list[str], changed: list[str]) -> None:
    assert [one["id"] for one in said(four, "pause", *which)] == changed
    assert {name for name, status in statuses(four).items() if status == "paused"} == set(changed)
    # What cannot be resumed is not meant.
    assert [one["id"] for one in said(four, "resume", *which)] == changed


def test_a_label_can_cancel_and_list(four: Place) -> None:
    assert [one["id"] for one in said(four, "list", "--tag", "y")] == ["b", "c"]
    assert [one["id"] for one in said(four, "list", "--tag", "y", "--compact", "--text", "TASK C")] == ["c"]
    assert [one["id"] for one in said(four, "cancel", "--tag", "y")] == ["b", "c"]
    assert [one["id"] for one in said(four, "list")] == ["a", "d"]


def test_all_changes_are_one_write(four: Place) -> None:
    before = four.store_path.stat().st_ino, len(four.store_path.read_bytes().splitlines())
    said(four, "pause", "--all")
    assert len(four.store_path.read_bytes().splitlines()) in (4, before[1] + 4)


@pytest.mark.parametrize(
    ("typed", "status", "line"),
    [
        (["pause"], 2, "pause takes an id: defer pause ID (see defer list)"),
        (["pause", "a", "--all"], 2, "pause takes ids, --tag or --all (give one of them)"),
        (["pause", "--tag", "x", "--all"], 2, "pause takes ids, --tag or --all (give one of them)"),
        (["pause", "--tag", "z"], 1, "no task to pause with the tag z (see defer list --all)"),
        (["resume", "--all"], 1, "no task to resume (see defer list --all)"),
        (["cancel", "--all"], 2, "unknown flag: --all (see defer cancel --help)"),
        (["run", "a", "b", "--wait"], 2, "--wait takes one task: defer run ID --wait (run the others without it)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant_is_one_line(four: Place, typed: list[str], status: int, line: str) -> None:
    before = four.store_path.read_bytes()
    done = four.defer(*typed)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", f"defer: {line}\n")
    assert four.store_path.read_bytes() == before


def test_a_table_is_a_sentence_each(four: Place) -> None:
    done = four.defer("pause", "a", "b", "--table")
    assert (done.returncode, done.stdout, done.stderr) == (0, "a: paused\nb: paused\n", "")
    done = four.defer("list", "--table", "--text", "task b")
    assert "  paused " in done.stdout
    assert len(done.stdout.splitlines()) == 3
    done = four.defer("list", "--table", "--text", "nowhere")
    assert done.stdout == "No such task waits (--all shows everything still in the store).\n"
