"""Two versions on one store: what needs a newer one is left alone, byte for byte, and said."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from defer import process, sdk
from defer.commands import cli, details, output
from defer.commands import list as list_face
from defer.errors import NeedsNewer, Refused
from defer.record import codec, occurrences, task
from defer.record import versions as known
from defer.record.codec import BadLine
from defer.run import claim
from defer.scheduling import edit
from defer.store import holding, markers
from defer.store.audit import AuditLog
from support import NOW, Place, Task, at, lines_of, text_at, v1_task

Command = Callable[..., tuple[int, str, str]]

# Each known field with another type than this version would have it.
OTHERWISE: Task = {
    "created_at": 1775666100,
    "type": ["deferred_task"],
    "intent": {"resume": True},
    "context": "resume the review",
    "execution": ["fresh"],
    "attempts": "none",
    "max_retries": {"quota": 3},
    "expires_at": {"after": "1h"},
    "occurrence": 5,
    "timeout_seconds": "1h",
    "executor": ["claude"],
    "workspace": {"path": "/w"},
    "cwd": 7,
    "tz": ["Europe/Berlin"],
    "when": {"words": "now"},
    "tags": "review",
    "recurrence": {"expression": ["every", "day"], "count": "many", "until": 3},
    "source": "a.yml",
    "env": {"A": "b"},
    "deferrals": [],
    "after_attempt": "pause",
    "held": "until Friday",
    "last": ["ok"],
    "requires": {"telepathy": "true"},
    "result": "fine",
    "ended": {"failed": 1},
    "ended_runs": "two",
    "run": ["somebody"],
    "started_at": 5,
}


def newer(task_id: str = "new", **fields: Any) -> Task:
    """A record of schema version 3, overdue, in which every field but three means something else."""
    return v1_task(task_id, **{**OTHERWISE, "schema_version": 3, **fields})


def needing(task_id: str = "new", **fields: Any) -> Task:
    """A due record of this schema that must not run without a feature which nobody here knows."""
    return v1_task(task_id, **{"schema_version": 2, "requires": ["telepathy"], "tz": "UTC", **fields})


DAILY = {"expression": "0 9 * * *", "tz": "UTC", "anchor": "2026-01-01T00:00:00Z"}
LEFT_ALONE: dict[str, Task] = {
    "due, and needs a feature": needing(),
    "due, and too late to be of use": needing(expires_at="2026-04-08T16:45:01Z"),
    "due, recurring, and missed": needing(recurrence=DAILY, occurrence="2026-04-08T16:45:00Z"),
    "due, with what is to be filed": needing(ended=[v1_task("new", status="completed")]),
    "ended, and needs a feature": needing(status="completed", completed_at="2026-04-08T16:46:00Z"),
    "newer and due": newer(),
    "newer and executing": newer(status="executing"),
    "newer and paused": newer(status="paused"),
    "newer and ended": newer(status="completed"),
    "newer, in a status of its own": newer(status="asking"),
}


def line_of(one: Task) -> bytes:
    """A line as we would never write it: spaces, and another order."""
    return json.dumps(dict(reversed(one.items()))).encode() + b"\n"


@pytest.fixture
def command(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``command("list", "--all")``: status, stdout and stderr."""
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(place.home)

    def give(*argv: str, face: str = "front", people: bool = False) -> tuple[int, str, str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(output, "is_for_people", lambda args: people)
            status = cli.main(face, list(argv))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return give


# What is lacking


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, None),
        ({"schema_version": 2}, None),
        ({"schema_version": 1, "requires": []}, None),
        ({"requires": None}, None),
        ({"requires": ["telepathy"]}, "the feature telepathy"),
        ({"requires": ["after", "telepathy"]}, "the features after, telepathy"),
        ({"schema_version": 3}, "schema version 3"),
        ({"schema_version": 10**4000}, "schema version 10000000000000000000"),
    ],
)
def test_what_a_record_needs_that_is_not_known(fields: Task, said: str | None) -> None:
    assert known.lacking(v1_task(**fields)) == said


def test_what_a_release_knows_is_not_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "FEATURES", frozenset({"telepathy"}))
    assert known.lacking(needing()) is None
    assert known.lacking(needing(requires=["telepathy", "after"])) == "the feature after"


def test_a_release_that_knows_more_has_markers_of_its_own(place: Place) -> None:
    """This one puts its due marker ahead of what it leaves alone: a newer one must not sleep by that marker."""
    marks = place.store().markers
    found = known.SCHEMA_VERSION, known.FEATURES, marks.due.name, marks.seen.name
    features = frozenset({"condition", "check", "permissions", "worktree", "budget"})
    ours = 2, features, ".deferred.jsonl.due2", ".deferred.jsonl.seen2"
    assert found == ours, "name due and seen otherwise, in run-deferred.sh too"


# The line


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_newer_version_may_give_a_field_another_type(name: str) -> None:
    one = v1_task(schema_version=3, **{name: OTHERWISE[name]})
    assert codec.decode(line_of(one)) == one


@pytest.mark.parametrize("fields", [{"id": 7}, {"status": 5}, {"run_at": "later"}, {"run_at": None}])
def test_but_not_those_that_every_reader_goes_by(fields: Task) -> None:
    with pytest.raises(BadLine):
        codec.decode(line_of(v1_task(**{"schema_version": 3, **fields})))


@pytest.mark.parametrize("version", ["3", 3.0, True, -1, [3]])
def test_a_version_that_is_none_makes_a_bad_line(version: object) -> None:
    with pytest.raises(BadLine):
        codec.decode(line_of(v1_task(schema_version=version)))


# A wake


@pytest.mark.parametrize("one", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_a_wake_leaves_it_byte_for_byte_and_does_the_rest(place: Place, one: Task) -> None:
    over = v1_task("over", status="completed", completed_at="2026-04-08T16:40:00Z")
    place.write_store(v1_task("before"), line_of(one), over, v1_task("after"))
    for moment in (NOW, at(minutes=1), at(days=3)):
        place.wake_at(moment)
        # A small store at rest holds one line for each task: it was rewritten around this one.
        assert place.store_path.read_bytes() == line_of(one)
    assert {record["id"] for record in place.archived()} == {"before", "after", "over"}
    assert {run["task_id"] for run in place.runs()} == {"before", "after"}


def test_it_takes_no_slot_and_no_workspace(place: Place) -> None:
    place.write_store(*(needing(f"n{number}", workspace=str(place.home)) for number in range(9)), v1_task("mine"))
    assert place.wake_at(NOW, {"DEFER_MAX_PARALLEL": "1"})["completed"] == 1


def test_a_claim_never_chooses_it() -> None:
    for one in LEFT_ALONE.values():
        assert claim.choose([one, v1_task("mine")], NOW, 4, lambda: {"run_id": "r"})[0]["id"] == "mine"


# What is executing


@pytest.fixture(scope="module")
def dead() -> Task:
    child = subprocess.Popen(["true"], stdin=subprocess.DEVNULL)
    identity = process.identity(child.pid)
    child.wait()
    return identity


def executing(**fields: Any) -> Task:
    return newer(**{"status": "executing", "workspace": "/w", "started_at": text_at(), **fields})


def taken(place: Place, one: Task, moment: Any = NOW) -> bool:
    """Whether the record's slot and workspace are taken, going by what a claim is shown of the store."""
    place.write_store(one, v1_task("mine", workspace="/w"))
    chosen: list[Task] = []

    def choose(hot: list[Task]) -> list[Task]:
        for slots, workspace in ((1, None), (4, "/w")):
            mine = [{**each, "workspace": workspace} if each["id"] == "mine" else each for each in hot]
            chosen.append(claim.choose(mine, moment, slots, lambda: {"run_id": "r"}))
        return []

    place.store().claim_due(moment, choose)
    assert chosen[0] == [] or chosen[1] != []
    return chosen[0] == []


def test_an_attempt_of_a_newer_version_counts_while_its_holder_may_live(place: Place, dead: Task) -> None:
    living = process.identity(os.getpid())
    assert taken(place, executing(run={"runner": living}))
    assert taken(place, executing(run={"runner": dead, "leader": living, "deadline_at": text_at(minutes=1)}))
    elsewhere = {**living, "pid_namespace": "pid:[1]"}
    assert taken(place, executing(run={"runner": elsewhere, "deadline_at": text_at(minutes=1)}))


def test_and_not_for_ever(place: Place, dead: Task) -> None:
    living = process.identity(os.getpid())
    assert not taken(place, executing(run={"runner": dead}))
    assert not taken(place, executing(run={"runner": dead, "leader": dead}))
    overdue = executing(run={"runner": dead, "leader": living, "deadline_at": text_at(minutes=-1)})
    assert not taken(place, overdue)
    assert place.store_path.read_bytes().splitlines()[0] == json.dumps(overdue).encode()


@pytest.mark.parametrize("run", [["somebody"], {"runner": "me"}, {"runner": {"pid": "x"}}, {"holder": 5}, 7, None])
def test_one_that_names_nobody_we_can_read_counts_for_an_hour(place: Place, run: object) -> None:
    assert taken(place, executing(run=run), at(minutes=59))
    assert not taken(place, executing(run=run), at(minutes=60))
    assert not taken(place, executing(run=run, started_at={"at": 5}))


def test_a_leader_that_lives_past_its_deadline_is_not_killed(place: Place, dead: Task) -> None:
    leader = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        run = {"runner": dead, "leader": process.identity(leader.pid), "deadline_at": text_at(minutes=-1)}
        place.write_store(executing(run=run))
        place.wake_at(NOW)
        assert leader.poll() is None
    finally:
        leader.kill()
        leader.wait()


# What is said of it


def test_it_is_reported_once(place: Place) -> None:
    place.write_store(needing("a"), newer("b", run_at="2026-04-08T16:44:00Z"), needing("later", run_at=text_at(days=1)))
    place.wake_at(NOW)
    feature = "it needs the feature telepathy, which this version of Defer does not know (upgrade Defer)"
    version = feature.replace("the feature telepathy", "schema version 3")
    found = [("held", {"id": "b", "reason": version}), ("held", {"id": "a", "reason": feature})]
    assert place.reported == found
    place.wake_at(at(minutes=1))
    assert place.reported == []
    place.wake_at(at(days=1))
    assert place.reported == [("held", {"id": "later", "reason": feature})]


def test_on_stderr_and_in_the_audit_log(place: Place) -> None:
    place.write_store(needing("a"), v1_task("mine"))
    said = place.wake().stderr
    assert said == (
        "defer: held: id a, reason it needs the feature telepathy, which this version of Defer does not know "
        "(upgrade Defer)\n"
    )
    place.schedule("now")
    assert place.wake().stderr == ""
    (line,) = place.audit("held")
    assert line.split(" ", 2)[2].startswith('id=a reason="it needs the feature telepathy')


def test_one_whose_runner_is_gone_says_so(place: Place, dead: Task) -> None:
    living = process.identity(os.getpid())
    place.write_store(executing(run={"runner": dead}), newer("alive", status="executing", run={"runner": living}))
    place.wake_at(NOW)
    ((_, facts),) = place.reported
    assert facts["id"] == "new"
    assert facts["reason"].startswith("its runner is gone, and it needs schema version 3")


def test_a_disk_that_cannot_keep_what_was_said_costs_nothing(place: Place) -> None:
    place.write_store(needing("a"))
    place.store().markers.held.mkdir()
    for _ in range(2):
        place.wake_at(NOW)
        assert [action for action, _ in place.reported] == ["held"]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"a":5}', b"\xff", b"[" * 100_000])
def test_what_was_said_may_be_unreadable(place: Place, raw: bytes) -> None:
    place.write_store(needing("a"))
    place.store().markers.held.write_bytes(raw)
    place.wake_at(NOW)
    assert [action for action, _ in place.reported] == ["held"]
    assert list(place.store().markers.last_held()) == ["a"]


def test_scheduling_warns_of_what_is_due_and_left_alone(place: Place, command: Command) -> None:
    def warned() -> bool:
        status, out, err = command("--when", "1h", "--summary", "s", "--compact")
        assert (status, err) == (0, "")
        return "what is due is left alone: a: it needs the feature telepathy" in out

    place.write_store(needing("a", run_at=text_at(days=9000)))
    place.wake()
    assert not warned()
    place.write_store(needing("a"), needing("b", run_at="2026-04-08T16:46:00Z"))
    place.wake()
    assert warned()
    assert "and 1 more like it" in command("--when", "1h", "--summary", "s")[1]
    assert command("cancel", "a")[0] == command("cancel", "b")[0] == 0
    assert "left alone" not in command("--when", "1h", "--summary", "s")[1]


@pytest.mark.parametrize("one", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_list_and_show_show_it_to_programs_as_it_is(place: Place, command: Command, one: Task) -> None:
    place.write_store(line_of(one), v1_task("mine"))
    shown = task.shown(one)
    for flags in (["--compact"], ["--limit", "5"], []):
        status, out, _ = command("list", "--all", *flags)
        assert status == 0
        assert {each["id"]: each for each in json.loads(out)}["new"] == shown
    assert json.loads(command("show", "new")[1]) == shown
    assert json.loads(command("list", "--upcoming", "24h")[1])[0]["id"] == "mine"
    assert len(json.loads(command("list", "--upcoming", "24h")[1])) == 1


@pytest.mark.parametrize("one", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_and_to_people_with_the_reason(place: Place, command: Command, one: Task) -> None:
    place.write_store(line_of(one))
    has_ended = one["status"] in task.ENDED
    status, out, _ = command("list", "--all", people=True)
    assert status == 0
    assert (re.search(r"\bheld\b", out) is not None) == (not has_ended)
    status, out, _ = command("show", "new", people=True)
    assert status == 0
    assert ("Held:        needs " in out) == (not has_ended)
    assert "which this version of Defer does not know (upgrade Defer)" in out or has_ended


@pytest.mark.parametrize("one", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_python_sees_it(place: Place, one: Task) -> None:
    place.write_store(line_of(one))
    (found,) = sdk.list_tasks(environ=place.env)
    assert (found.id, found.status, found.record) == ("new", one["status"], one)


# What may be done to it


CHANGES = {
    "edit": ("edit", "new", "--summary", "x"),
    "edit its time": ("edit", "new", "--when", "1h"),
    "reschedule": ("reschedule", "new", "1h"),
    "snooze": ("snooze", "new", "1h"),
    "pause": ("pause", "new"),
    "resume": ("resume", "new"),
    "run": ("run", "new"),
    "cancel an occurrence": ("cancel", "new", "--occurrence"),
    "kill an occurrence": ("cancel", "new", "--kill", "--occurrence"),
    "replace": ("--when", "1h", "--summary", "s", "--id", "new", "--if-exists", "replace"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("one", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_no_command_changes_it(place: Place, command: Command, one: Task, change: tuple[str, ...]) -> None:
    place.write_store(line_of(one))
    status, out, err = command(*change)
    what = known.lacking(one)
    assert (status, out) == (1, "")
    assert err == f"defer: task needs {what}, which this version of Defer does not know: new (upgrade Defer)\n"
    assert place.store_path.read_bytes() == line_of(one)


@pytest.mark.parametrize("flags", [(), ("--kill",)], ids=["", "kill"])
@pytest.mark.parametrize("status", ["executing", "asking"])
def test_what_may_be_under_way_cannot_be_cancelled(
    place: Place, command: Command, status: str, flags: tuple[str, ...]
) -> None:
    place.write_store(line_of(newer(status=status)))
    code, _, err = command("cancel", "new", *flags)
    assert (code, err.count("\n")) == (1, 1)
    assert "needs schema version 3" in err
    assert place.store_path.read_bytes() == line_of(newer(status=status))


@pytest.mark.programs
@pytest.mark.parametrize("people", [False, True], ids=["in a pipe", "on a terminal"])
@pytest.mark.parametrize("flags", [(), ("--kill",)], ids=["", "kill"])
@pytest.mark.parametrize("one", [needing(), newer(), newer(status="paused")], ids=["feature", "newer", "paused"])
def test_a_person_may_always_cancel_what_waits(
    place: Place, command: Command, one: Task, flags: tuple[str, ...], people: bool
) -> None:
    """And nothing else of it is touched: filing it is the newer version's."""
    place.write_store(line_of(one))
    assert command("cancel", "new", "--reason", "no more", *flags, people=people)[0] == 0
    cancelled = place.task("new")
    assert cancelled.pop("cancelled_at")
    assert cancelled == {**one, "status": "cancelled", "cancel_reason": "no more"}
    place.wake()
    assert place.task("new")["status"] == "cancelled"
    assert command("cancel", "new")[0] == 1


def test_an_id_it_has_is_taken(place: Place, command: Command) -> None:
    place.write_store(line_of(newer()))
    assert command("--when", "1h", "--summary", "s", "--id", "new")[0] == 1
    for people in (False, True):
        status, out, err = command(
            "--when", "1h", "--summary", "s", "--id", "new", "--if-exists", "skip", people=people
        )
        assert status == 0
        assert "it needs schema version 3" in (err if people else "".join(json.loads(out)["warnings"]))
    assert place.store_path.read_bytes() == line_of(newer())


def test_skipping_what_is_there_asks_nothing_of_it(place: Place, command: Command) -> None:
    """A record of v1 with the fewest fields has no context."""
    place.write_store({"id": "old", "status": "scheduled", "run_at": "2100-01-01T00:00:00Z"})
    place.wake()
    status, out, _ = command("--when", "1h", "--summary", "s", "--id", "old", "--if-exists", "skip", "--compact")
    assert status == 0
    assert json.loads(out) == place.task("old")


@pytest.mark.parametrize("one", [needing(), newer()], ids=["feature", "newer"])
def test_no_attempt_of_it_is_made_apart_from_the_store(place: Place, one: Task) -> None:
    executor = place.executor("echo ran >ran")
    done = place.run("execute-task.sh", input=line_of(one), env={"DEFER_EXECUTOR": executor})
    assert done.returncode == 1
    assert done.stderr.startswith("defer: task needs ")
    assert not (place.home / "ran").exists()


def test_what_was_filed_by_a_newer_version_is_shown_and_not_run_again(place: Place, command: Command) -> None:
    place.write_store()
    place.archive_dir.mkdir()
    (place.archive_dir / "deferred_202604.jsonl").write_bytes(line_of(newer(status="completed")))
    for people in (False, True):
        assert command("show", "new", people=people)[0] == 0
    assert command("run", "new")[0] == 1
    assert place.store().ended({"new"}) == {"new": newer(status="completed")}


# Task files


@pytest.fixture
def desk(place: Place, command: Command) -> Place:
    """A task made from a file, its record then taken over by a newer version."""
    tasks = place.home / ".config" / "defer" / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "new.yml").write_text("schedule: every day at 9am\ncommand: echo a\n")
    assert command("sync")[0] == 0
    place.write_store(line_of({**place.task("new"), "schema_version": 3, "requires": ["telepathy"], "tz": 5}))
    return place


def file_of(desk: Place) -> Any:
    return desk.home / ".config" / "defer" / "tasks" / "new.yml"


def test_a_sync_leaves_it_where_its_file_is_unchanged(desk: Place, command: Command) -> None:
    before = desk.store_path.read_bytes()
    status, out, _ = command("sync")
    assert status == 0
    assert out.startswith("= new (needs schema version 3")
    assert desk.store_path.read_bytes() == before


@pytest.mark.parametrize("file", ["schedule: every day at 10am\ncommand: echo a\n", None], ids=["changed", "gone"])
@pytest.mark.parametrize("flags", [(), ("--dry-run",)], ids=["", "dry run"])
def test_a_sync_refuses_it_and_does_the_rest(
    desk: Place, command: Command, file: str | None, flags: tuple[str, ...]
) -> None:
    before = desk.store_path.read_bytes()
    file_of(desk).unlink() if file is None else file_of(desk).write_text(file)
    file_of(desk).with_name("other.yml").write_text("schedule: every day at 9am\ncommand: echo b\n")
    status, out, err = command("sync", *flags)
    assert status == 1
    assert "defer: task needs schema version 3, which this version of Defer does not know: new (upgrade Defer)\n" in err
    assert out.startswith("+ other")
    assert desk.store_path.read_bytes().startswith(before)
    assert ("other" in desk.tasks()) == (not flags)


def test_a_sync_refuses_one_that_has_ended_and_is_not_filed(desk: Place, command: Command) -> None:
    desk.write_store(line_of({**desk.task("new"), "status": "completed"}))
    before = desk.store_path.read_bytes()
    file_of(desk).write_text("schedule: every day at 10am\ncommand: echo a\n")
    status, _, err = command("sync")
    assert (status, err.count("needs schema version 3")) == (1, 1)
    assert desk.store_path.read_bytes() == before


@pytest.mark.parametrize("name", ["disable", "enable", "remove"])
def test_its_file_is_not_changed_either(desk: Place, command: Command, name: str) -> None:
    before = desk.store_path.read_bytes(), file_of(desk).read_bytes()
    status, _, err = command(name, "new")
    assert (status, err.count("\n")) == (1, 1)
    assert "needs schema version 3" in err
    assert (desk.store_path.read_bytes(), file_of(desk).read_bytes()) == before


def test_nor_is_one_made_for_it(place: Place, command: Command) -> None:
    place.write_store(line_of(newer()))
    assert command("add", "new", "--schedule", "every day at 9am", "--command", "echo a")[0] == 1
    assert not file_of(place).exists()


# What this version holds itself


def held(**fields: Any) -> Task:
    return task.hold(v1_task("a", **fields), at(minutes=10), "the day's budget is spent")


def test_what_is_held_needs_a_wake_when_its_hold_is_to_be_looked_at() -> None:
    one = held()
    assert one["held"] == {"until": text_at(minutes=10), "reason": "the day's budget is spent"}
    assert task.needs_attention_at(one) == at(minutes=10)
    assert not task.is_due(one, at(minutes=9, seconds=59))
    assert task.is_due(one, at(minutes=10))
    assert task.needs_attention_at(held(run_at=text_at(hours=1))) == at(hours=1)
    assert task.needs_attention_at(held(status="executing")) < NOW
    assert task.needs_attention_at(held(status="paused")) > at(days=9)


def test_it_is_neither_claimed_nor_expired_nor_missed_before(place: Place) -> None:
    daily = {"recurrence": {**DAILY, "expression": "45 16 * * *"}, "occurrence": text_at()}
    late = held(expires_at=text_at(minutes=1))
    for one in (held(), late, held(**daily)):
        assert claim.choose([one], at(minutes=9), 4, lambda: {"run_id": "r"}) == []
    (claimed,) = claim.choose([held()], at(minutes=10), 4, lambda: {"run_id": "r"})
    assert (claimed["status"], "held" in claimed, claimed["run"]["late_by_seconds"]) == ("executing", False, 600)
    (expired,) = claim.choose([late], at(minutes=10), 4, lambda: {"run_id": "r"})
    assert (expired["error_type"], "held" in expired) == ("Expired", False)


def test_its_next_occurrence_is_not_held() -> None:
    daily = {"recurrence": {**DAILY, "expression": "45 16 * * *", "catch_up": "none"}, "occurrence": text_at()}
    (moved,) = claim.choose([held(**daily)], at(hours=1), 4, lambda: {"run_id": "r"})
    assert (moved["run_at"], "held" in moved, "held" in moved["ended"][0]) == (text_at(days=1), False, False)


def test_a_store_with_it_is_at_rest_until_then(place: Place) -> None:
    place.write_store(line_of(held()))
    assert place.wake_at(NOW)["started"] == 0
    assert place.store().markers.due.stat().st_mtime == at(minutes=10).timestamp()
    assert place.wake_at(at(minutes=10))["completed"] == 1


CLEARING: dict[str, Callable[[edit.Editor], Task]] = {
    "edit": lambda editor: editor.edit("a", {"tags": ["new"]}),
    "reschedule": lambda editor: editor.reschedule("a", "20m"),
    "resume": lambda editor: (editor.pause("a"), editor.resume("a"))[1],
}


def editor_of(place: Place) -> edit.Editor:
    return edit.Editor(place.store(), AuditLog(place.log_path), place.config(), NOW)


@pytest.mark.parametrize("change", CLEARING.values(), ids=CLEARING)
def test_whoever_decides_anew_ends_the_hold(place: Place, change: Callable[[edit.Editor], Task]) -> None:
    place.write_store(held())
    assert "held" not in change(editor_of(place))


def test_pausing_and_looking_do_not(place: Place, command: Command) -> None:
    place.write_store(held())
    assert editor_of(place).pause("a")["held"] == held()["held"]
    assert json.loads(command("show", "a")[1])["held"] == held()["held"]


def test_people_see_it() -> None:
    out = io.StringIO()
    details.show(held(), NOW.tzinfo, NOW, out)
    said = "Held:        until Wed 2026-04-08 16:55 UTC, in 10 minutes: the day's budget is spent\n"
    assert said in out.getvalue()
    out = io.StringIO()
    list_face.table([held()], 0, NOW.tzinfo, NOW, out)
    assert "  held  " in out.getvalue()
    out = io.StringIO()
    details.show(held(), NOW.tzinfo, at(minutes=10), out)
    assert "Held" not in out.getvalue()
    (fire,) = list(occurrences.upcoming(held(), at(days=1), NOW))
    assert fire == at(minutes=10)


def test_what_is_written_is_read_again() -> None:
    one = {**held(), "requires": [], "last": {"outcome": "failed", "at": text_at(), "reason": "e", "failures": 2}}
    assert codec.decode(codec.encode(one)) == one


def test_refusals_of_a_newer_record_are_refusals() -> None:
    with pytest.raises(Refused):
        known.must_know(newer())
    assert NeedsNewer.exit_code == 1
    known.must_know(v1_task())


def test_what_is_reported_at_once_is_bounded() -> None:
    many = [needing(f"n{number}") for number in range(1000)]
    assert len(holding.left_alone(many, NOW, lambda name: None)) == 200
    assert markers.HORIZON.total_seconds() == 900


def test_lines_of_the_store_are_left_in_their_place(place: Place) -> None:
    """A bad line, a held one and one of ours, rewritten together."""
    bad, mine = b'{"id":"bad"\n', codec.encode(v1_task("mine", run_at="2100-01-01T00:00:00Z"))
    place.write_store(bad, line_of(newer()), mine, v1_task("over", status="cancelled"))
    place.wake_at(NOW)
    assert [line + b"\n" for line in lines_of(place.store_path)] == [bad, line_of(newer()), mine]
