"""The schedule made to match a directory: what is planned, what is done, and what is left alone."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from defer import fsio, instants
from defer.client import Client
from defer.errors import BadInput
from defer.record import codec, outcome, schema, task
from defer.record.outcome import Outcome
from defer.record.retry import Backoff
from defer.run import claim as claiming
from defer.scheduling import fromfile
from defer.scheduling import sync as taskfiles
from defer.scheduling.plan import Request
from defer.taskfiles import formats, read
from support import DONE, FAILED

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "tasks"
FOREIGN = Path(__file__).resolve().parents[2] / "data" / "foreign"


class Desk:
    """A directory of task files and a store, at a time that is set by hand."""

    def __init__(self, home: Path) -> None:
        self.now = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
        self.directory = home / "tasks"
        self.directory.mkdir()
        environ = {"HOME": str(home), "DEFER_TIMEZONE": "Europe/Berlin"}
        self.client = Client(environ, clock=lambda: self.now)
        self.store = self.client.store
        self.problems: list[str] = []
        self.warnings: list[str] = []

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text)
        return path

    def plan(self, directory: Path | None = None, only: set[str] | None = None) -> taskfiles.SyncPlan:
        return taskfiles.plan(directory or self.directory, self.store, self.client.config, self.now, only)

    def sync(self, directory: Path | None = None) -> list[str]:
        """What a sync did: `+ a`, `= b (paused)`, …; what went wrong is in ``problems``."""
        wanted = self.plan(directory)
        steps, problems = taskfiles.apply(wanted, self.store, self.client.audit, self.client.config, self.now)
        self.problems = [line.replace(f"{self.directory}/", "") for line in wanted.problems + problems]
        self.warnings = wanted.warnings
        return [f"{step.mark} {step.task_id}" + (f" ({step.note})" if step.note else "") for step in steps]

    def record(self, task_id: str) -> dict[str, Any]:
        found = self.store.find(task_id)
        assert found is not None
        return found

    def later(self, **span: int) -> None:
        self.now += timedelta(**span)

    def begin(self, task_id: str) -> None:
        def claim(one: task.Task) -> task.Task:
            (changed,) = claiming.choose([one], self.now, 4, lambda: {"run_id": "r"})
            return changed

        self.store.update(task_id, self.now, claim)

    def end(self, task_id: str, came_to: Outcome = DONE) -> None:
        self.store.update(task_id, self.now, lambda one: outcome.settle(one, came_to, self.now, Backoff()))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


A = "schedule: every day at 9am\ncommand: echo a\n"


# What a file comes to


def test_which_reading_was_taken_of_a_time_is_said_once(desk: Desk) -> None:
    """Beside the plan, where the file names it; not stored, and said again only when the time changes."""
    path = desk.write("a.yml", "command: echo a\nschedule: every month on the 31st at noon\n")
    said = f"{path}:2: schedule: note: months without day {{}} are skipped"
    assert (desk.sync(), desk.warnings) == (["+ a"], [said.format(31)])
    assert "skipped" not in str(desk.record("a"))
    desk.write("a.yml", "command: echo b\nschedule: every month on the 31st at noon\n")
    assert (desk.sync(), desk.warnings) == (["~ a"], [])
    desk.write("a.yml", "command: echo b\nschedule: every month on the 30th at noon\n")
    assert (desk.sync(), desk.warnings) == (["~ a"], [said.format(30)])


def test_a_command_becomes_a_record(desk: Desk) -> None:
    path = desk.write(
        "a.yml",
        "name: Say it\ndescription: d\nwhen_to_use: w\ntags: [x, 7]\nschedule: '*/5 * * * *'\n"
        "command: [echo, 5]\ntimeoutMs: 1500\nretries: 2\nworkspace: .\ntz: America/New_York\nexpires: 1h\n"
        "catch_up: all\noverlap: queue\nenv: {B: x, A: hush}\n",
    )
    assert desk.sync() == ["+ a"]
    record = desk.record("a")
    wanted = {
        "id": "a",
        "status": "scheduled",
        "intent": "execute_action",
        "command": ["echo", "5"],
        "env": ["A", "B"],
        "name": "Say it",
        "description": "d",
        "when_to_use": "w",
        "tags": ["x", "7"],
        "timeout_seconds": 1.5,
        "max_retries": 2,
        "workspace": str(desk.directory.resolve()),
        "tz": "America/New_York",
        "when": "*/5 * * * *",
        "run_at": "2026-03-02T12:05:00Z",
        "source": {"file": str(path), "digest": read.load(path).digest},
    }
    assert {name: record[name] for name in wanted} == wanted
    assert record["context"]["summary"] == "Say it"
    assert record["recurrence"]["catch_up"] == "all"
    assert record["recurrence"]["overlap"] == "queue"
    assert record["recurrence"]["expires_after_seconds"] == 3600
    assert "hush" not in desk.store.path.read_text()


def test_a_prompt_becomes_a_record(desk: Desk) -> None:
    desk.write("a.md", "---\ncron: 0 9 * * 1-5\nagent_id: claude\nmodel: m\nsticky_session: true\n---\n\nOne.\nTwo.\n")
    desk.sync()
    record = desk.record("a")
    assert record["execution"]["prompt_template"] == "One.\nTwo."
    assert record["context"]["summary"] == "One."
    assert (record["agent"], record["executor"], record["model"]) == ("claude", "claude", "m")
    assert record["sticky_session"] is True
    assert record["intent"] == "resume_task"
    assert "command" not in record
    assert record["run_at"] == "2026-03-03T08:00:00Z"


@pytest.mark.parametrize(
    ("fields", "executor"),
    [
        ("agent: somebody", None),
        ("agent: claude\nexecutor: codex", "codex"),
        ("executor: ./run.sh", "{directory}/run.sh"),
        ("executor: run.sh", "{directory}/run.sh"),
        ("executor: /bin/cat", "/bin/cat"),
    ],
)
def test_who_runs_a_prompt(desk: Desk, fields: str, executor: str | None) -> None:
    desk.write("run.sh", "")
    desk.write("a.yml", f"schedule: every hour\nprompt: x\n{fields}\n")
    desk.sync()
    wanted = None if executor is None else executor.format(directory=desk.directory)
    assert desk.record("a").get("executor") == wanted


def test_a_tilde_is_the_home_directory(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(desk.directory.parent))
    desk.write("a.yml", A + "workspace: ~/tasks\n")
    assert desk.sync() == ["+ a"]
    assert desk.record("a")["workspace"] == str(desk.directory.resolve())


# New, changed, removed, the same


def test_sync_is_idempotent_and_keeps_what_is_unchanged(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("a.yml", A)
    desk.write("b.json", '{"schedule": "every 2h", "prompt": "x"}')
    assert desk.sync() == ["+ a", "+ b"]
    before = desk.store.path.read_bytes()
    # Reading an unchanged file as YAML would be slow, and is not done.
    monkeypatch.setattr(formats, "read", lambda *given: pytest.fail("an unchanged file was parsed"))
    desk.later(hours=1)
    assert desk.sync() == ["= a", "= b"]
    assert desk.store.path.read_bytes() == before


def test_a_thousand_new_files_are_one_write_of_the_store(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100):
        desk.write(f"t{number:03}.json", '{"schedule": "every hour", "command": "x"}')
    appended: list[Path] = []
    real = fsio.append
    monkeypatch.setattr(fsio, "append", lambda path, data, **more: appended.append(path) or real(path, data, **more))
    assert len(desk.sync()) == 100
    assert appended == [desk.store.path]


def counted(desk: Desk) -> Counter[str]:
    """What one sync does to files that grows with their number, or must not."""
    made: Counter[str] = Counter()

    with pytest.MonkeyPatch.context() as patched:

        def watch(module: Any, name: str, told: Callable[..., str]) -> None:
            real = getattr(module, name)

            def watched(*args: Any, **more: Any) -> Any:
                made[told(*args)] += 1
                return real(*args, **more)

            patched.setattr(module, name, watched)

        watch(fsio, "append", lambda path, *_: f"appended to {path.name}")
        watch(fsio, "append_unlocked", lambda path, *_: f"appended to {path.name}")
        watch(fsio, "reader", lambda path: f"{path.suffix} read")
        watch(fsio, "lock", lambda *_: "locked")
        watch(fsio, "names", lambda *_: "listed")
        watch(fromfile, "_planned", lambda *_: "planned")
        watch(formats, "yaml_fields", lambda *_: "parsed")
        desk.sync()
    assert desk.problems == []
    return made


def at_each_turn(desk: Desk, count: int) -> list[Counter[str]]:
    """What syncs of so many files cost: new, changed, given another time, disabled, removed, and back again."""
    found = []
    for text in (A, A.replace("echo", "print {}"), A.replace("9", "8"), f"{A}enabled: false\n", None, A):
        for number in range(count):
            path = desk.directory / f"t{number:03}.yml"
            path.unlink() if text is None else path.write_text(text.format(number))
        found.append(counted(desk))
    return found


def test_what_a_sync_costs_grows_as_the_files_do(tmp_path: Path) -> None:
    for home in ("few", "many"):
        (tmp_path / home).mkdir()
    few, many = at_each_turn(Desk(tmp_path / "few"), 10), at_each_turn(Desk(tmp_path / "many"), 40)
    for ten, forty in zip(few, many, strict=True):
        for what in ten.keys() | forty.keys():
            times = 4 if what in (".yml read", "planned", "parsed") else 1
            assert forty[what] == times * ten[what], what
        assert ten["appended to deferred.jsonl"] <= 2
        assert ten["planned"] <= 10


def test_a_change_that_could_not_be_read_again_keeps_no_other_from_being_made(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        desk.write(f"{name}.yml", A)
    desk.sync()
    for name in "abc":
        desk.write(f"{name}.yml", A.replace("echo", "print"))
    real = codec.new_line

    def new_line(one: task.Task) -> bytes:
        if one["id"] == "b" and "ended" in one:
            raise codec.BadLine("it is odd")
        return real(one)

    wanted = desk.plan()
    record = next(step for step in wanted.steps if step.task_id == "b").record
    assert record is not None
    record["ended"] = []
    monkeypatch.setattr(codec, "new_line", new_line)
    steps, problems = taskfiles.apply(wanted, desk.store, desk.client.audit, desk.client.config, desk.now)
    assert [step.task_id for step in steps] == ["a", "c"]
    assert "a change of b could not be read again: it is odd" in problems[0]
    assert desk.record("c")["command"] == "print a"


def test_a_change_keeps_occurrence_and_history(desk: Desk) -> None:
    desk.write("a.yml", A + "retries: 3\ntags: [x]\nenv: {B: x}\n")
    desk.sync()
    desk.now = instants.from_text(desk.record("a")["run_at"])
    desk.begin("a")
    desk.end("a", FAILED)
    waiting = desk.record("a")
    assert waiting["attempts"] == 1
    desk.later(seconds=10)
    desk.write("a.yml", A.replace("echo a", "echo b") + "retries: 5\n")
    assert desk.sync() == ["~ a"]
    changed = desk.record("a")
    assert (changed["command"], changed["max_retries"]) == ("echo b", 5)
    assert not {"tags", "env"} & changed.keys()
    for name in ("run_at", "occurrence", "attempts", "last_error", "created_at", "recurrence", "ended_runs", "status"):
        assert changed[name] == waiting[name], name


def test_a_changed_schedule_is_planned_anew(desk: Desk) -> None:
    desk.write("a.yml", A)
    desk.sync()
    assert desk.record("a")["run_at"] == "2026-03-03T08:00:00Z"
    desk.write("a.yml", A.replace("9am", "10am"))
    assert desk.sync() == ["~ a"]
    record = desk.record("a")
    assert (record["run_at"], record["occurrence"]) == ("2026-03-03T09:00:00Z", "2026-03-03T09:00:00Z")
    assert "ended" not in record
    desk.write("a.yml", A.replace("9am", "10am") + "tz: UTC\n")
    desk.sync()
    assert desk.record("a")["run_at"] == "2026-03-03T10:00:00Z"


def test_an_occurrence_that_had_come_ends_with_a_reason(desk: Desk) -> None:
    desk.write("a.yml", A)
    desk.sync()
    desk.now = instants.from_text("2026-03-03T08:00:30Z")
    desk.write("a.yml", A.replace("9am", "10am"))
    assert desk.sync() == ["~ a"]
    (ended,) = desk.record("a")["ended"]
    assert (ended["status"], ended["occurrence"]) == ("cancelled", "2026-03-03T08:00:00Z")
    assert ended["cancel_reason"] == "its schedule was changed"
    assert desk.record("a")["run_at"] == "2026-03-03T09:00:00Z"


def test_occurrences_that_had_come_are_all_accounted_for_when_the_schedule_changes(desk: Desk) -> None:
    desk.write("a.yml", A)
    desk.sync()
    desk.now = instants.from_text("2026-03-06T08:00:30Z")
    desk.write("a.yml", A.replace("9am", "10am"))
    assert desk.sync() == ["~ a"]
    cancelled, missed = desk.record("a")["ended"]
    assert (cancelled["status"], cancelled["occurrence"]) == ("cancelled", "2026-03-03T08:00:00Z")
    assert (missed["status"], missed["stretch"]["count"]) == ("missed", 3)
    assert missed["reason"] == "its schedule was changed"


def test_a_changed_jitter_moves_the_run_and_not_the_occurrence(desk: Desk) -> None:
    desk.write("a.yml", A + "jitter: 1h\n")
    desk.sync()
    jittered = desk.record("a")
    assert jittered["run_at"] > jittered["occurrence"] == "2026-03-03T08:00:00Z"
    desk.write("a.yml", A)
    desk.sync()
    assert desk.record("a")["run_at"] == "2026-03-03T08:00:00Z"


def test_what_a_person_did_to_a_task_stays_while_its_file_does(desk: Desk) -> None:
    desk.write("a.yml", A)
    desk.write("b.yml", A)
    desk.sync()
    desk.client.editor.reschedule("a", "in 3h")
    desk.client.editor.pause("b")
    assert desk.sync() == ["= a", "= b (paused)"]
    desk.write("a.yml", A + "retries: 1\n")
    desk.write("b.yml", A + "retries: 1\n")
    assert desk.sync() == ["~ a", "~ b"]
    assert desk.record("a")["run_at"] == "2026-03-02T15:00:00Z"
    assert desk.record("b")["status"] == "paused"


def test_a_removed_file_removes_its_task_for_good(desk: Desk) -> None:
    path = desk.write("a.yml", A)
    desk.write("b.yml", A)
    desk.sync()
    path.unlink()
    assert desk.sync() == ["- a", "= b"]
    record = desk.record("a")
    assert (record["status"], record["cancel_reason"]) == ("cancelled", "file removed")
    assert desk.sync() == ["= b"]
    desk.store.archive(desk.now)
    assert desk.sync() == ["= b"]
    desk.write("a.yml", A)
    assert desk.sync() == ["+ a", "= b"]
    assert desk.record("a")["status"] == "scheduled"


def test_a_file_that_comes_back_before_its_end_is_filed(desk: Desk) -> None:
    path = desk.write("a.yml", A)
    desk.sync()
    path.unlink()
    desk.sync()
    desk.write("a.yml", A)
    assert desk.sync() == ["+ a"]
    record = desk.record("a")
    assert record["status"] == "scheduled"
    assert [one["cancel_reason"] for one in record["ended"]] == ["file removed"]


def test_a_renamed_suffix_and_a_moved_directory_keep_the_task(desk: Desk, tmp_path: Path) -> None:
    desk.write("a.yml", A).rename(desk.directory / "a.yaml")
    desk.sync()
    before = desk.record("a")
    (desk.directory / "a.yaml").rename(desk.directory / "a.yml")
    assert desk.sync() == ["~ a"]
    moved = tmp_path / "elsewhere"
    desk.directory.rename(moved)
    assert desk.sync(moved) == ["~ a"]
    after = desk.record("a")
    assert after["source"]["file"] == str(moved / "a.yml")
    assert {**after, "source": None} == {**before, "source": None}


# Once and over


def test_a_task_that_ran_once_does_not_run_again(desk: Desk) -> None:
    desk.write("a.yml", "schedule: in 30m\ncommand: x\n")
    assert desk.sync() == ["+ a"]
    desk.later(minutes=31)
    desk.begin("a")
    desk.end("a")
    note = "completed; runs again when its file changes"
    assert desk.sync() == [f"= a ({note})"]
    desk.store.archive(desk.now)
    assert desk.store.find("a") is None
    assert desk.sync() == [f"= a ({note})"]
    desk.write("a.yml", "schedule: in 45m\ncommand: x\n")
    assert desk.sync() == ["+ a"]


def test_a_broken_line_in_the_archive_does_not_make_a_task_run_again(desk: Desk) -> None:
    desk.write("a.yml", "schedule: in 30m\ncommand: x\n")
    desk.sync()
    desk.later(minutes=31)
    desk.begin("a")
    desk.end("a")
    desk.store.archive(desk.now)
    (archived,) = desk.client.config.archive_dir.glob("*.jsonl")
    archived.write_bytes(archived.read_bytes() + archived.read_bytes()[:40] + b"\n")
    assert desk.sync() == ["= a (completed; runs again when its file changes)"]
    assert desk.client.find("a")["status"] == "completed"


def test_a_moment_that_has_passed_stays_read_where_it_waits(desk: Desk) -> None:
    desk.write("a.yml", "schedule: 2026-03-02T14:00\ncommand: x\nretries: 1\nexpires: 5h\n")
    desk.sync()
    record = desk.record("a")
    assert (record["run_at"], record["expires_at"]) == ("2026-03-02T13:00:00Z", "2026-03-02T18:00:00Z")
    desk.later(hours=2)
    desk.write("a.yml", "schedule: 2026-03-02T14:00\ncommand: y\nexpires: 6h\n")
    assert desk.sync() == ["~ a"]
    record = desk.record("a")
    assert (record["run_at"], record["expires_at"], record["command"]) == (
        "2026-03-02T13:00:00Z",
        "2026-03-02T19:00:00Z",
        "y",
    )
    desk.write("b.yml", "schedule: 2026-03-02T13:00\ncommand: x\n")
    assert desk.sync() == ["= a"]
    assert desk.problems[0].startswith("b.yml:1: schedule: ")


def test_a_cancelled_task_stays_cancelled_until_its_file_changes(desk: Desk) -> None:
    desk.write("a.yml", A)
    desk.sync()
    desk.client.cancel("a", "enough")
    desk.store.archive(desk.now)
    assert desk.sync() == ["= a (cancelled; runs again when its file changes)"]
    desk.write("a.yml", A + "retries: 1\n")
    assert desk.sync() == ["+ a"]


# Disabled


def test_disabled_and_enabled(desk: Desk) -> None:
    desk.write("a.yml", A + "enabled: false\n")
    assert desk.sync() == ["+ a"]
    assert desk.record("a")["status"] == "paused"
    assert desk.record("a")["source"]["enabled"] is False
    assert desk.sync() == ["= a (disabled)"]
    desk.later(days=3)
    desk.write("a.yml", A + "enabled: true\n")
    assert desk.sync() == ["~ a"]
    record = desk.record("a")
    assert (record["status"], record["run_at"]) == ("scheduled", "2026-03-06T08:00:00Z")
    assert [(one["status"], one["stretch"]["count"]) for one in record["ended"]] == [("skipped", 3)]
    desk.write("a.yml", A.replace("9am", "10am") + "enabled: false\n")
    assert desk.sync() == ["~ a"]
    assert (desk.record("a")["status"], desk.record("a")["run_at"]) == ("paused", "2026-03-06T09:00:00Z")


def test_a_disabled_task_that_was_resumed_is_paused_again(desk: Desk) -> None:
    desk.write("a.yml", A + "enabled: false\n")
    desk.sync()
    desk.client.editor.resume("a")
    assert desk.sync() == ["~ a (disabled)"]
    assert desk.record("a")["status"] == "paused"
    assert desk.sync() == ["= a (disabled)"]


def test_a_disabled_file_that_changes_stays_off_the_schedule(desk: Desk) -> None:
    desk.write("a.yml", A + "enabled: false\n")
    desk.sync()
    desk.write("a.yml", A.replace("9am", "10am") + "enabled: false\n")
    assert desk.sync() == ["~ a"]
    record = desk.record("a")
    assert (record["status"], record["run_at"]) == ("paused", "2026-03-03T09:00:00Z")


# Under way


LATER = "after its attempt ends"
NEXT_SYNC = "by the first sync after its attempt ends"


def executing(desk: Desk, text: str = A) -> Path:
    """The file of a task whose attempt is under way."""
    path = desk.write("a.yml", text)
    desk.sync()
    desk.now = instants.from_text(desk.record("a")["run_at"])
    desk.begin("a")
    desk.later(seconds=5)
    return path


def test_a_file_that_changes_during_an_attempt_waits_for_the_next_sync(desk: Desk) -> None:
    executing(desk)
    desk.write("a.yml", A + "retries: 1\n")
    before = desk.record("a")
    assert desk.sync() == [f"~ a ({NEXT_SYNC})"]
    assert desk.record("a") == before
    desk.end("a")
    assert desk.record("a")["status"] == "scheduled"
    assert desk.sync() == ["~ a"]
    assert desk.record("a")["max_retries"] == 1


@pytest.mark.parametrize("came_to", [DONE, FAILED])
def test_a_file_that_is_removed_during_an_attempt_ends_its_task_without_another_sync(
    desk: Desk, came_to: Outcome
) -> None:
    executing(desk, A + "retries: 1\n").unlink()
    assert desk.sync() == [f"- a ({LATER})"]
    assert desk.record("a")["after_attempt"] == {"do": "cancel", "reason": "file removed"}
    written = desk.store.path.read_bytes()
    assert desk.sync() == [f"- a ({LATER})"]
    assert desk.store.path.read_bytes() == written
    desk.end("a", came_to)
    record = desk.record("a")
    assert (record["status"], record["cancel_reason"]) == ("cancelled", "file removed")
    assert desk.sync() == []
    desk.write("a.yml", A)
    assert desk.sync() == ["+ a"]


def test_a_file_that_is_disabled_during_an_attempt_pauses_its_task_without_another_sync(desk: Desk) -> None:
    executing(desk)
    desk.write("a.yml", A + "retries: 1\nenabled: false\n")
    assert desk.sync() == [f"~ a ({LATER})"]
    assert desk.record("a")["after_attempt"] == {"do": "pause", "reason": "disabled in its file"}
    written = desk.store.path.read_bytes()
    assert desk.sync() == [f"~ a ({LATER})"]
    assert desk.store.path.read_bytes() == written
    desk.end("a")
    assert desk.record("a")["status"] == "paused"
    assert desk.sync() == ["~ a"]
    assert desk.sync() == ["= a (disabled)"]
    assert desk.record("a")["max_retries"] == 1
    desk.write("a.yml", A)
    desk.sync()
    assert desk.record("a")["status"] == "scheduled"


def test_a_file_that_is_disabled_and_given_another_time_during_an_attempt(desk: Desk) -> None:
    executing(desk)
    desk.write("a.yml", A.replace("9am", "10am") + "enabled: false\n")
    desk.sync()
    desk.end("a")
    assert desk.sync() == ["~ a"]
    record = desk.record("a")
    assert (record["status"], record["run_at"]) == ("paused", "2026-03-03T09:00:00Z")


@pytest.mark.parametrize("text", [A, A + "enabled: true\n", A + "retries: 1\n"])
def test_a_file_enabled_after_the_attempt_that_it_was_disabled_in_is_enabled(desk: Desk, text: str) -> None:
    executing(desk)
    desk.write("a.yml", A + "enabled: false\n")
    desk.sync()
    desk.end("a")
    desk.write("a.yml", text)
    assert desk.sync() == ["~ a"]
    assert desk.record("a")["status"] == "scheduled"
    assert desk.sync() == ["= a"]


@pytest.mark.parametrize("text", [A, A + "enabled: true\n", A + "retries: 1\n"])
@pytest.mark.parametrize("done", ["remove", "disable"])
def test_a_file_that_comes_back_during_the_attempt_keeps_its_task(desk: Desk, done: str, text: str) -> None:
    path = executing(desk)
    if done == "remove":
        path.unlink()
    else:
        desk.write("a.yml", A + "enabled: false\n")
    desk.sync()
    desk.write("a.yml", text)
    note = "stays" if (done, text) == ("remove", A) else NEXT_SYNC
    assert desk.sync() == [f"~ a ({note})"]
    assert "after_attempt" not in desk.record("a")
    desk.end("a")
    assert desk.record("a")["status"] == "scheduled"
    desk.sync()
    assert desk.record("a")["status"] == "scheduled"
    assert desk.sync() == ["= a"]


def test_a_file_that_is_removed_and_comes_back_disabled_pauses_its_task(desk: Desk) -> None:
    executing(desk).unlink()
    desk.sync()
    desk.write("a.yml", A + "enabled: false\n")
    assert desk.sync() == [f"~ a ({LATER})"]
    desk.end("a")
    assert desk.record("a")["status"] == "paused"


def test_a_disabled_task_that_was_resumed_and_runs_is_paused_after_its_attempt(desk: Desk) -> None:
    desk.write("a.yml", A + "enabled: false\n")
    desk.sync()
    desk.client.editor.resume("a")
    desk.now = instants.from_text(desk.record("a")["run_at"])
    desk.begin("a")
    assert desk.sync() == [f"~ a ({LATER})"]
    desk.end("a")
    assert desk.record("a")["status"] == "paused"
    assert desk.sync() == ["= a (disabled)"]


def test_an_attempt_that_starts_between_plan_and_sync_goes_on(desk: Desk) -> None:
    desk.write("a.yml", A)
    path = desk.write("b.yml", A)
    desk.sync()
    desk.now = instants.from_text(desk.record("a")["run_at"])
    desk.write("a.yml", A + "retries: 1\n")
    path.unlink()
    wanted = desk.plan()
    desk.begin("a")
    desk.begin("b")
    before = desk.record("a"), desk.record("b")
    steps, problems = taskfiles.apply(wanted, desk.store, desk.client.audit, desk.client.config, desk.now)
    assert [(step.mark, step.note) for step in steps] == [("~", NEXT_SYNC), ("-", LATER)]
    assert problems == []
    wish = {"after_attempt": {"do": "cancel", "reason": "file removed"}}
    assert (desk.record("a"), desk.record("b")) == (before[0], {**before[1], **wish})


def test_an_attempt_that_ends_between_plan_and_sync_is_no_reason_to_wait(desk: Desk) -> None:
    executing(desk).unlink()
    wanted = desk.plan()
    desk.end("a")
    steps, _ = taskfiles.apply(wanted, desk.store, desk.client.audit, desk.client.config, desk.now)
    assert [(step.mark, step.note) for step in steps] == [("-", "")]
    assert desk.record("a")["status"] == "cancelled"


def test_what_a_sync_wishes_of_an_executing_task_is_logged_once(desk: Desk) -> None:
    executing(desk).unlink()
    for _ in range(2):
        desk.sync()
    log = desk.client.config.log_file.read_text()
    assert [line for line in log.splitlines() if "after_attempt" in line] == [log.splitlines()[-1]]
    assert "do=cancel" in log


def test_two_syncs_at_once_do_the_work_once(desk: Desk) -> None:
    desk.write("a.yml", A)
    first, second = desk.plan(), desk.plan()
    for wanted in (first, second):
        assert taskfiles.apply(wanted, desk.store, desk.client.audit, desk.client.config, desk.now)[1] == []
    assert len(desk.store.path.read_text().splitlines()) == 1
    desk.write("a.yml", A + "retries: 1\n")
    first, second = desk.plan(), desk.plan()
    for wanted in (first, second):
        taskfiles.apply(wanted, desk.store, desk.client.audit, desk.client.config, desk.now)
    assert len(desk.store.path.read_text().splitlines()) == 2


def test_an_id_that_is_taken_between_plan_and_sync_is_not_replaced(desk: Desk) -> None:
    desk.write("a.yml", A)
    wanted = desk.plan()
    add(desk, "a")
    _, problems = taskfiles.apply(wanted, desk.store, desk.client.audit, desk.client.config, desk.now)
    assert "its id was taken meanwhile" in problems[0]
    assert desk.record("a")["context"]["summary"] == "by hand"


def test_a_file_that_comes_back_as_its_end_is_filed_is_a_new_task(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.write("a.yml", A)
    desk.sync()
    path.unlink()
    desk.sync()
    desk.write("a.yml", A)
    whole = desk.store.append

    def append(*args: Any, **options: Any) -> list[Any]:
        stored = whole(*args, **options)
        desk.store.archive(desk.now)
        return stored

    monkeypatch.setattr(desk.store, "append", append)
    assert desk.sync() == ["+ a"]
    assert desk.problems == []
    assert desk.record("a")["status"] == "scheduled"


# What is not a file's


def add(desk: Desk, task_id: str) -> None:
    request = Request(when="in 2h", context={"summary": "by hand"}, task_id=task_id)
    desk.client.add([desk.client.plan(request)])


def test_tasks_made_by_hand_are_never_touched(desk: Desk) -> None:
    add(desk, "a")
    add(desk, "b")
    before = desk.store.path.read_bytes()
    desk.write("a.yml", A)
    assert desk.sync() == []
    assert "a.yml: the id is taken by a task that was not made from a file" in desk.problems[0]
    (desk.directory / "a.yml").unlink()
    assert desk.sync() == []
    assert desk.problems == []
    assert desk.store.path.read_bytes() == before


def test_tasks_of_another_directory_are_never_touched(desk: Desk, tmp_path: Path) -> None:
    desk.write("a.yml", A)
    desk.sync()
    before = desk.store.path.read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    assert desk.sync(other) == []
    (other / "a.yml").write_text(A)
    assert desk.sync(other) == []
    assert desk.problems == [f"{other}/a.yml: the id is taken by a.yml (rename the file, or defer cancel a)"]
    assert desk.store.path.read_bytes() == before


def test_a_task_made_by_running_one_is_no_files(desk: Desk) -> None:
    desk.write("a.yml", A)
    desk.sync()
    copy = desk.client.editor.run_now("a")["id"]
    (desk.directory / "a.yml").unlink()
    assert desk.sync() == ["- a"]
    assert desk.record(copy)["status"] == "scheduled"


# Bad files


def test_a_bad_file_leaves_its_task_and_the_others_go_on(desk: Desk) -> None:
    desk.write("a.yml", A)
    desk.sync()
    before = desk.record("a")
    desk.write("a.yml", "schedule: */5 * * * *\ncommand: x\n")
    desk.write("b.yml", A)
    desk.write("c.yml", "schedule: nonsense\ncommand: x\nretries: 1\n")
    assert desk.sync() == ["+ b"]
    assert desk.record("a") == before
    assert desk.problems[0].startswith("a.yml:1: schedule: text that starts with * is an alias in YAML")
    assert desk.problems[1].startswith("c.yml:1: schedule: ")
    assert len(desk.problems) == 2
    desk.write("a.yml", A)
    assert desk.sync() == ["= a", "= b"]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ("schedule: every day at 25:00\ncommand: x", "a.yml:1: schedule: "),
        ("command: x\ncron: 61 * * * *", "a.yml:2: cron: "),
        ("schedule: every day at 9am CET\ncommand: x", "a.yml:1: schedule: "),
        ("command: x\ntz: Mars/Base\nschedule: every hour", "a.yml:2: tz: "),
        ("command: x\nschedule: every hour\njitter: soon", "a.yml:3: jitter: "),
        ("command: x\nschedule: in 2h\njitter: 5m", "a.yml:3: jitter: jitter is for recurring tasks"),
        ("command: x\nschedule: in 2h\noverlap: skip", "a.yml:3: overlap: overlap is for recurring tasks"),
        ("command: x\nschedule: in 2h\ncatch_up: all", "a.yml:3: catch_up: catch_up is for recurring tasks"),
        ("command: x\nexpires: soon\nschedule: every hour", "a.yml:2: expires: "),
        ("command: x\nexpires: soon\nschedule: in 2h", "a.yml:2: expires: "),
        ("prompt: x\nschedule: in 2h\nexecutor: nobody", "a.yml:3: executor: no such executor: nobody"),
        ("prompt: x\nschedule: in 2h\nworkspace: gone", "a.yml:3: workspace: "),
    ],
)
def test_a_field_that_cannot_be_is_named(desk: Desk, fields: str, where: str) -> None:
    desk.write("a.yml", fields + "\n")
    assert desk.sync() == []
    (line,) = desk.problems
    assert line.startswith(where)
    assert "--" not in line


def test_names_that_cannot_be_ids_and_two_files_of_one_id(desk: Desk) -> None:
    desk.write("a.yml", A)
    desk.sync()
    desk.write("a.md", "---\ncron: '@daily'\n---\nx\n")
    desk.write("my task.yml", A)
    desk.write("a..b.yml", A)
    assert desk.sync() == []
    said = "\n".join(desk.problems)
    assert "a.md and a.yml are the same task (keep one)" in said
    assert "my task.yml: the file's name is the id: not an id: my task" in said
    assert "a..b.yml: the file's name is the id" in said
    assert desk.record("a")["status"] == "scheduled"


def test_what_is_no_task_file_is_passed_over(desk: Desk) -> None:
    for name in (".a.yml", "a.yml~", "a.txt", "README.md", "a.yml.bak", "noext"):
        desk.write(name, "no task\n")
    (desk.directory / "dir.yml").mkdir()
    assert (desk.sync(), desk.problems) == ([], [])
    desk.write("readme.md", "---\ncron: '@daily'\n---\nx\n")
    desk.write("notes.md", "no task\n")
    assert desk.sync() == ["+ readme"]
    assert desk.problems[0].startswith("notes.md:1: no front matter")


def test_a_link_that_leads_nowhere_is_a_bad_file(desk: Desk) -> None:
    desk.write("a.yml", A)
    desk.sync()
    (desk.directory / "a.yml").unlink()
    (desk.directory / "a.yml").symlink_to("gone.yml")
    assert desk.sync() == []
    assert desk.problems == ["a.yml: no such file"]
    assert desk.record("a")["status"] == "scheduled"


def test_a_directory_that_is_not_there_removes_nothing(desk: Desk) -> None:
    with pytest.raises(BadInput, match="no such directory of task files"):
        taskfiles.directory_of(desk.directory / "gone")


def test_a_task_too_large_for_the_store_is_a_bad_file(desk: Desk) -> None:
    desk.write("a.md", "---\ncron: '@daily'\n---\n" + "\x01" * (read.LIMIT // 2) + "\n")
    desk.write("b.yml", A)
    assert desk.sync() == ["+ b"]
    assert "too large" in desk.problems[0]


# Workflows


def test_a_changed_workflow_changes_its_task(desk: Desk) -> None:
    (desk.directory / "workflows").mkdir()
    workflow = desk.directory / "workflows" / "w.md"
    workflow.write_text("One.\n")
    desk.write("a.yml", "schedule: every hour\nworkflow: w\n")
    assert desk.sync() == ["+ a"]
    assert desk.record("a")["execution"]["prompt_template"] == "One."
    assert desk.sync() == ["= a"]
    workflow.write_text("Two.\n")
    assert desk.sync() == ["~ a"]
    assert desk.record("a")["execution"]["prompt_template"] == "Two."
    workflow.unlink()
    assert desk.sync() == []
    assert "no such file" in desk.problems[0]
    assert desk.record("a")["execution"]["prompt_template"] == "Two."


def test_the_examples_are_a_schedule(desk: Desk) -> None:
    shutil.copytree(EXAMPLES, desk.directory, dirs_exist_ok=True)
    assert desk.sync() == ["+ dependency-updates", "+ disk-space", "+ morning-review"]
    assert desk.problems == []
    assert [line for line in desk.warnings if "there is no program claude" not in line] == []


def test_records_are_what_the_schema_says(desk: Desk) -> None:
    for folder in (EXAMPLES, FOREIGN / "yaml", FOREIGN / "markdown"):
        shutil.copytree(folder, desk.directory, dirs_exist_ok=True)
    desk.write("b.yml", A + "env: {X: y}\nretries: 2\nagent: z\npermissions: {a: [1]}\ntimeoutMs: 2500\n")
    assert len(desk.sync()) == 10
    validator = Draft202012Validator(json.loads(schema.PATH.read_text()))
    records = list(desk.store.scan())
    assert [error.message for record in records for error in validator.iter_errors(record)] == []
    known = json.loads(schema.PATH.read_text())["properties"]
    assert {name for record in records for name in record} <= known.keys()


def test_only_some_ids(desk: Desk) -> None:
    desk.write("a.yml", A)
    desk.write("b.yml", "bad")
    wanted = desk.plan(only={"a", "gone"})
    assert [(step.mark, step.task_id) for step in wanted.steps] == [("+", "a")]
    assert wanted.problems == []


@pytest.mark.parametrize("source", [None, "x", {"file": 3}, {"digest": "x"}])
def test_a_source_that_is_none(source: Any) -> None:
    make: Callable[..., Any] = fromfile.source
    assert make({"source": source}) == {}


NINES = "9" * 4300
EXTREME = {
    "numbers": ["0", "-1", "1.5", "-0.0", "2147483648", "9223372036854775808", "1e308", "1e999", "-1e999", "NaN"],
    "digits": ["9" * 18, "9" * 19, NINES, NINES + "9", f'"{NINES}"', f'"{NINES}9"', f'"*/{NINES} * * * *"'],
    "kinds": ["true", "null", "[]", "{}", "[[]]", "[null]", '{"": 1}', '""', '" "', '"x"'],
    "texts": ['"\\ud800"', '"\\u0000"', '"\\u202e\\u001b[31m"', '"a\\nb"', f'"{"y" * 300_000}"', f'"{"é " * 100_000}"'],
    "spans": ['"11574 days"', '"11575 days"', '"400000 hours"', '"16666667 minutes"', '"2000000000s"', '"2000000000"'],
    "long spans": ['"1e9s"', '"36500 days"', '"999999999 days"', '"P999999999Y"', '"every 1000000 hours"'],
    "rules": ['"every 99999999 days"', '"every 9999 years"', '"0 0 30 2 *"', '"0 0 29 2 *"', '"@yearly"'],
    "long rules": [f'"{"*/1," * 30_000}1 * * * *"', f'"{"A/" * 50_000}"', '"in 7900 years"'],
    "moments": ['"0000-01-01"', '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59Z"', '"9999-12-31T23:59:59-12:00"'],
    "more moments": ['"10000-01-01"', "0", "253402300800"],
    "paths": ['"/dev/zero"', '".."', '"../../etc/passwd"', f'"{"a/" * 3000}"', f'"{"a" * 300}"'],
    "bulk": [f'["x", "{"z" * 200_000}"]', f"[{', '.join(['0'] * 4990)}]", f'{{"A": "{"x" * 200_000}"}}'],
    "variables": ['{"A": "${B"}', f'{{"A": {"9" * 18}}}', '{"A\\u0000": "1"}', f'{{"deny": {"[" * 18}{"]" * 18}}}'],
}
"""As they are written in JSON, which is YAML too."""
READ_OTHERWISE = ("numbers", "digits", "spans")


def with_extremes(desk: Desk, suffix: str, values: list[str]) -> set[str]:
    """A file for each field and each of these values, and one that is good; their ids."""
    fields = json.loads(read.SCHEMA.read_text())["properties"]
    for field in fields:
        for number, value in enumerate(values):
            written = {"schedule": '"every day at 9am"', "command": '"true"', field: value}
            written.pop("command" if field in ("prompt", "workflow") else "schedule" if field == "cron" else "", None)
            text = ",\n".join(f'"{name}": {one}' for name, one in written.items())
            desk.write(f"{field}.{number}{suffix}", f"{{{text}}}")
    desk.write("good.yml", "schedule: every day at 9am\ncommand: echo a\n")
    return {f"{field}.{number}" for field in fields for number in range(len(values))}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "values"),
    [
        *((".json", values) for values in EXTREME.values()),
        *((".yml", EXTREME[kind]) for kind in READ_OTHERWISE),
    ],
    ids=[*EXTREME, *(f"{kind} in YAML" for kind in READ_OTHERWISE)],
)
def test_no_value_of_any_field_keeps_the_other_files_out(desk: Desk, suffix: str, values: list[str]) -> None:
    """What is wrong with it is said of its file, by line; and what a sync would do is what it does."""
    names = with_extremes(desk, suffix, values)
    foretold = desk.plan()
    steps = desk.sync()
    assert "+ good" in steps
    assert [f"{step.mark} {step.task_id}" for step in foretold.steps] == steps
    assert [line.replace(f"{desk.directory}/", "") for line in foretold.problems] == desk.problems
    for line in desk.problems:
        whole = r": more than \d+ characters of YAML"
        assert re.match(rf"[a-z_A-Z]+\.\d+\{suffix}(?::[1-4]: |{whole})", line), line[:300]
        assert len(line) < 600
    assert {step[2:] for step in steps} | {line.partition(suffix)[0] for line in desk.problems} == names | {"good"}
    assert {step[0] for step in desk.sync()} == {"="}


def test_a_name_too_long_for_an_executor_keeps_no_other_file_out(desk: Desk) -> None:
    desk.write("bad.yml", f"schedule: every day at 9am\nprompt: x\nexecutor: {'y' * 300}\n")
    desk.write("worse.yml", f"schedule: every day at 9am\nprompt: x\nagent: {'y' * 300}\n")
    desk.write("good.yml", "schedule: every day at 9am\nprompt: x\n")
    assert "+ good" in desk.sync()
    assert desk.problems[0].startswith("bad.yml:3: executor: no such executor: yyy")


@pytest.mark.parametrize("field", ["timeout", "jitter", "expires"])
def test_a_span_too_long_to_be_counted_is_named_by_line(desk: Desk, field: str) -> None:
    desk.write("a.yml", f"schedule: every day at 9am\n{field}: 400000 hours\ncommand: echo a\n")
    assert desk.sync() == []
    (problem,) = desk.problems
    assert problem.startswith(f"a.yml:2: {field}: ")
    assert "longer than 1000000000 seconds" in problem


def test_a_disabled_task_just_too_large_for_the_store_keeps_no_other_file_out(desk: Desk) -> None:
    """It is stored as paused, with a field more than it would have without that."""
    (desk.directory / "workflows").mkdir()

    def planned(length: int, fields: str) -> taskfiles.SyncPlan:
        (desk.directory / "workflows" / "long.md").write_text("x" * length)
        desk.write("bad.yml", f"schedule: every day at 9am\nworkflow: long\n{fields}")
        return desk.plan()

    (small,) = planned(1000, "description: ''\n").steps
    assert small.record is not None
    # A task without a name has the first line of its prompt as its summary, and so holds it twice.
    length, odd = divmod(codec.MAX_TASK_BYTES - len(codec.new_line(small.record)), 2)
    fits = f"description: '{'d' * odd}'\n"
    (large,) = planned(1000 + length, fits).steps
    assert large.record is not None
    assert len(codec.new_line(large.record)) == codec.MAX_TASK_BYTES
    assert "too large" in planned(1000 + length, f"{fits}enabled: false\n").problems[0]
    desk.write("good.yml", "schedule: every day at 9am\ncommand: echo a\n")
    assert desk.sync() == ["+ good"]
    assert "too large" in desk.problems[0]
