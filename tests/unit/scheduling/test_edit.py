"""`edit` and its kin through the client: every flag, one audit line each, and nothing changed by what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from defer import instants
from defer.client import Client
from defer.commands import change as changing
from defer.commands import flags
from defer.errors import BadInput, DeferError, Refused
from defer.scheduling import plan
from defer.scheduling.plan import Request, Timing
from longhistory import git
from support import Place, Task, strict, v1_task
from support import moment as at

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""A Monday."""

Made = Callable[..., Task]
Edit = Callable[..., Task]


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(place: Place, clock: Clock) -> Client:
    return Client(place.env, clock=clock)


@pytest.fixture
def add(client: Client) -> Made:
    """Schedules a task ``job``."""

    def add(when: str, task_id: str = "job", **fields: Any) -> Task:
        context = {"summary": "water the plants", "key_points": ["the fern is dry"]}
        (stored,) = client.add([client.plan(Request(when=when, context=context, task_id=task_id, **fields))])
        return stored

    return add


@pytest.fixture
def edit(client: Client, capsys: pytest.CaptureFixture[str]) -> Edit:
    """`defer edit job …`; the record it prints."""

    def edit(*argv: str) -> Task:
        assert changing.edit(lambda: client, ["job", *argv, "--compact"]) == 0
        printed: Task = json.loads(capsys.readouterr().out)
        return printed

    return edit


def value(record: Task, path: str) -> Any:
    found: Any = record
    for name in path.split("."):
        found = found.get(name)
        if found is None:
            return None
    return found


# Every flag

FLAGS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "--when": (["tomorrow 7am"], {"run_at": "2026-03-03T07:00:00Z", "when": "tomorrow 7am", "recurrence": None}),
    "--every": (["weekday 8:30"], {"run_at": "2026-03-02T08:30:00Z", "recurrence.expression": "every weekday 8:30"}),
    "--cron": (["0 6 * * *"], {"run_at": "2026-03-03T06:00:00Z", "recurrence.expression": "0 6 * * *"}),
    "--tz": (["America/New_York"], {"run_at": "2026-03-02T14:00:00Z", "recurrence.tz": "America/New_York"}),
    "--expires": (["2h"], {"recurrence.expires_after_seconds": 7200, "expires_at": None}),
    "--count": (["4"], {"recurrence.count": 4}),
    "--until": (["2026-05-01"], {"recurrence.until": "2026-05-01T23:59:00Z"}),
    "--jitter": (["10m"], {"recurrence.jitter_seconds": 600, "occurrence": "2026-03-02T09:00:00Z"}),
    "--catch-up": (["none"], {"recurrence.catch_up": "none"}),
    "--overlap": (["queue"], {"recurrence.overlap": "queue"}),
    "--summary": (["feed the cat"], {"context.summary": "feed the cat", "execution.prompt_template": "feed the cat"}),
    "--intent": (["notify"], {"intent": "notify"}),
    "--mode": (["callback"], {"execution.mode": "callback"}),
    "--prompt": (["gently"], {"execution.prompt_template": "gently", "context.summary": "water the plants"}),
    "--command": (["date"], {"command": "date", "cwd": "<here>"}),
    "--prompt-file": (["prompt.txt"], {"execution.prompt_template": "with rain water\n"}),
    "--aura-level": (["high"], {"execution.aura_level": "high"}),
    "--retries": (["3"], {"max_retries": 3}),
    "--key-point": (["a", "--key-point", "b"], {"context.key_points": ["a", "b"], "context.artifacts": []}),
    "--artifact": (["prompt.txt"], {"context.artifacts": ["<here>/prompt.txt"]}),
    "--constraint": (["not the cactus"], {"context.constraints": ["not the cactus"]}),
    "--context-json": (
        ['{"constraints":["x"],"summary":"s"}'],
        {"context.constraints": ["x"], "context.summary": "s", "context.key_points": ["the fern is dry"]},
    ),
    "--context-file": (
        ["CONTEXT.md"],
        {"context.summary": "Water the garden", "reorient.explicit_context_file": "<here>/CONTEXT.md"},
    ),
    "--reorient": ([], {"context.reoriented_from": "<here>/CONTEXT.md", "reorient_requested": True}),
    "--project": (["garden"], {"context.summary": "Garden project", "reorient.project": "garden"}),
    "--timeout": (["10m"], {"timeout_seconds": 600}),
    "--model": (["opus"], {"model": "opus"}),
    "--max-cost": (["2.50"], {"max_cost_usd": 2.5, "requires": ["budget"]}),
    "--max-turns": (["9"], {"max_turns": 9, "requires": ["budget"]}),
    "--executor": (["notify"], {"executor": "notify"}),
    "--workspace": (["."], {"workspace": "<here>"}),
    "--concurrent": ([], {"concurrent": True}),
    "--leave-running": ([], {"leave_running": True}),
    "--worktree": (
        ["--workspace", "repository", "--executor", "notify"],
        {"worktree": True, "workspace": "<here>/repository", "executor": "notify", "requires": ["worktree"]},
    ),
    "--no-worktree": ([], {"worktree": None}),
    "--permissions": (["edit"], {"permissions": "edit", "requires": ["permissions"]}),
    "--allow": (
        ["make test"],
        {"permissions": {"profile": "work", "allow": ["make test"]}, "requires": ["permissions"]},
    ),
    "--if": (["test -e x"], {"condition": "test -e x", "requires": ["condition"]}),
    "--check": (
        ["make test", "--executor", "notify"],
        {"check": "make test", "requires": ["check"], "executor": "notify"},
    ),
    "--no-drift": ([], {"drift.off": True}),
    "--notify": (["always"], {"notify": "always"}),
    "--tag": (["home", "--tag", "green"], {"tags": ["home", "green"]}),
}


def test_the_table_has_every_flag_that_edit_takes_and_edit_every_one_of_schedule() -> None:
    forms = {"--help", "--json", "--compact", "--table"}
    assert FLAGS.keys() == set(flags.edit().flags()) - forms
    assert set(flags.schedule().flags()) - FLAGS.keys() - forms == {*("--id", "--if-exists", "--dry-run", "--session")}


@pytest.fixture
def here(tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory the user stands in, with what the flags name."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "prompt.txt").write_text("with rain water\n")
    (here / "CONTEXT.md").write_text("# Orientation\n\nWater the garden\n")
    project = place.home / "data" / "research" / "projects" / "garden"
    project.mkdir(parents=True)
    (project / "CONTEXT.md").write_text("# Orientation\n\nGarden project\n")
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize("flag", FLAGS)
def test_each_flag_changes_what_it_names_and_no_more(
    add: Made, edit: Edit, place: Place, here: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    arguments_given, expected = FLAGS[flag]
    if flag == "--reorient":
        (place.home / "data" / "research" / "projects" / "garden" / "CONTEXT.md").unlink()
    if flag == "--worktree":
        (here / "repository").mkdir()
        git(here / "repository", "init", "-q")
        git(here / "repository", "commit", "-q", "--allow-empty", "-m", "first")
    before = add("every day at 9am", tz="UTC")
    changed = edit(flag, *arguments_given)
    for path, wanted in expected.items():
        wanted = wanted.replace("<here>", str(here)) if isinstance(wanted, str) else wanted
        wanted = [one.replace("<here>", str(here)) for one in wanted] if isinstance(wanted, list) else wanted
        assert value(changed, path) == wanted, path
    assert place.task("job") == changed
    touched = {path.partition(".")[0] for path in expected}
    timing = {"run_at", "occurrence", "when", "tz", "recurrence"}
    touched |= timing if touched & timing else set()
    touched |= {"context", "reorient", "reorient_requested", "execution"} if "reorient" in str(expected) else set()
    touched |= {"execution"} if "context.summary" in expected else set()
    assert {name for name in before.keys() | changed.keys() if before.get(name) != changed.get(name)} <= touched
    assert len(place.audit("edited")) == 1


def test_a_rule_that_goes_is_said(add: Made, place: Place) -> None:
    """`edit --when 2h` means the rule, and `reschedule 2h` the next occurrence."""
    add("every day at 9am", tz="UTC")
    (warned,) = strict(place.defer("edit", "job", "--when", "2h").stdout)["warnings"]
    mend = "defer reschedule job 2h moves one occurrence alone"
    assert warned == f"note: it no longer recurs, as it did every day at 09:00, UTC ({mend})"


@pytest.mark.parametrize("flag", ["--key-point", "--artifact", "--constraint"])
def test_none_empties_a_list_of_the_context(add: Made, edit: Edit, flag: str) -> None:
    add("1h")
    name = f"{flag.removeprefix('--').replace('-', '_')}s"
    assert edit(flag, "a")["context"][name] == ["a"]
    assert edit(flag, "none")["context"][name] == []


@pytest.mark.parametrize(
    ("was", "asked", "mend"),
    [
        (["--command", "date"], ["--executor", "claude"], "add --command none"),
        (["--executor", "claude", "--permissions", "read"], ["--command", "date"],
         "(add --executor none --permissions none)"),
    ],
)  # fmt: skip
def test_a_command_and_an_executor_say_what_removes_the_other(
    place: Place, was: list[str], asked: list[str], mend: str
) -> None:
    place.schedule("1h", "s", "--id", "job", *was)
    refused = place.defer("edit", "job", *asked)
    assert refused.returncode == 2
    assert mend in refused.stderr
    assert place.defer("edit", "job", "--retries", "2").returncode == 0


NONE_TAKES_AWAY: dict[str, tuple[dict[str, Any], str]] = {
    "--expires": ({"expires": "2h"}, "recurrence.expires_after_seconds"),
    "--count": ({"times": 3}, "recurrence.count"),
    "--until": ({"until": "2026-05-01"}, "recurrence.until"),
    "--jitter": ({"jitter": "10m"}, "recurrence.jitter_offset_seconds"),
    "--executor": ({"executor": "notify"}, "executor"),
    "--workspace": ({"workspace": "/"}, "workspace"),
    "--tag": ({"tags": ("home",)}, "tags"),
    "--if": ({"condition": "true"}, "condition"),
    "--check": ({"check": "true", "executor": "notify"}, "check"),
}


@pytest.mark.parametrize("flag", NONE_TAKES_AWAY)
def test_none_takes_away_what_was_set(add: Made, edit: Edit, flag: str) -> None:
    fields, path = NONE_TAKES_AWAY[flag]
    assert value(add("every day at 9am", **fields), path) is not None
    changed = edit(flag, "none")
    assert value(changed, path) is None
    assert changed["run_at"] == "2026-03-02T09:00:00Z"


def test_none_of_a_task_that_runs_once(add: Made, edit: Edit) -> None:
    assert add("2h", expires="1h")["expires_at"] == "2026-03-02T11:00:00Z"
    assert "expires_at" not in edit("--expires", "none")


# Time


def test_a_changed_rule_keeps_bounds_behaviour_and_what_was_counted(
    add: Made, edit: Edit, client: Client, clock: Clock
) -> None:
    policies = {"times": 3, "until": "2026-05-01", "jitter": "10m", "catch_up": "none", "overlap": "queue"}
    offset = add("every day at 9am", expires="1h", **policies)["recurrence"]["jitter_offset_seconds"]
    client.cancel("job", occurrence_only=True)
    changed = edit("--when", "every day at 10am", "--tz", "Europe/Berlin")
    assert changed["recurrence"] == {
        "expression": "every day at 10am",
        "tz": "Europe/Berlin",
        "anchor": "2026-03-02T08:00:00Z",
        "count": 3,
        "until": "2026-05-01T23:59:00Z",
        "fired": 1,
        "catch_up": "none",
        "overlap": "queue",
        "jitter_seconds": 600,
        "jitter_offset_seconds": offset,
        "expires_after_seconds": 3600,
    }
    assert changed["occurrence"] == "2026-03-02T09:00:00Z"
    assert (at(changed["run_at"]) - at(changed["occurrence"])).total_seconds() == offset


def test_jitter_moves_the_coming_run_but_not_one_that_was_moved_by_hand(add: Made, edit: Edit, client: Client) -> None:
    add("every day at 9am")
    jittered = edit("--jitter", "10m")
    offset = jittered["recurrence"]["jitter_offset_seconds"]
    assert (at(jittered["run_at"]) - at("2026-03-02T09:00:00Z")).total_seconds() == offset
    assert edit("--jitter", "none")["run_at"] == "2026-03-02T09:00:00Z"
    client.editor.reschedule("job", "11am")
    assert edit("--jitter", "10m")["run_at"] == "2026-03-02T11:00:00Z"


def test_once_becomes_recurring_and_back_with_its_lateness(add: Made, edit: Edit) -> None:
    add("2h", expires="1h")
    recurring = edit("--every", "day at 9am", "--catch-up", "none")
    assert "expires_at" not in recurring
    assert recurring["recurrence"]["expires_after_seconds"] == 3600
    once = edit("--when", "11am")
    assert "recurrence" not in once
    assert (once["run_at"], once["expires_at"]) == ("2026-03-02T11:00:00Z", "2026-03-02T12:00:00Z")


def test_another_time_keeps_the_end_of_use_or_is_told_of_it(add: Made, edit: Edit) -> None:
    add("2h", expires="1h")
    assert edit("--when", "30m")["expires_at"] == "2026-03-02T11:00:00Z"
    with pytest.raises(BadInput, match="--expires is not after the task is due: 2026-03-02T11:00:00Z"):
        edit("--when", "noon")
    assert edit("--when", "noon", "--expires", "20m")["expires_at"] == "2026-03-02T12:20:00Z"


def test_an_attempt_that_waits_for_its_retry_is_accounted_for_when_the_rule_changes(
    add: Made, edit: Edit, place: Place, clock: Clock
) -> None:
    add("every day at 9am", max_retries=2, executor=place.executor("exit 1"))
    clock.now = at("2026-03-02T09:00:00Z")
    place.wake_at(clock.now)
    assert place.task("job")["attempts"] == 1
    changed = edit("--when", "every day at 10am")
    assert (changed["attempts"], changed["run_at"]) == (0, "2026-03-02T10:00:00Z")
    assert {"last_error", "result", "started_at"} & changed.keys() == set()
    place.wake_at(clock.now)
    (filed,) = place.archived()
    assert (filed["status"], filed["occurrence"], filed["attempts"]) == ("cancelled", "2026-03-02T09:00:00Z", 1)
    assert filed["cancel_reason"] == "the task was given another time"
    assert len(place.runs()) == 1


def test_what_was_missed_is_accounted_for_when_the_rule_changes(
    add: Made, edit: Edit, place: Place, clock: Clock
) -> None:
    add("every day at 9am")
    clock.now = at("2026-03-05T12:00:00Z")
    assert edit("--when", "every day at 10am")["run_at"] == "2026-03-06T10:00:00Z"
    place.wake_at(clock.now)
    (filed,) = place.archived()
    assert (filed["status"], filed["stretch"]["count"]) == ("missed", 4)


def test_what_passed_while_an_attempt_waited_for_its_retry_is_accounted_for_too(
    add: Made, edit: Edit, place: Place, clock: Clock
) -> None:
    add("every day at 9am", max_retries=2, executor=place.executor("exit 1"))
    clock.now = at("2026-03-02T09:00:00Z")
    place.wake_at(clock.now)
    clock.now = at("2026-03-05T12:00:00Z")
    edit("--when", "every day at 10am")
    place.wake_at(clock.now)
    ends = [(one["status"], one["occurrence"], one.get("stretch", {}).get("count", 1)) for one in place.archived()]
    assert ends == [("cancelled", "2026-03-02T09:00:00Z", 1), ("skipped", "2026-03-03T09:00:00Z", 3)]


def test_what_passed_while_a_task_was_paused_is_accounted_for_when_the_rule_changes(
    add: Made, edit: Edit, place: Place, clock: Clock
) -> None:
    add("every day at 9am")
    assert place.defer("pause", "job").returncode == 0
    clock.now = at("2026-03-05T12:00:00Z")
    assert edit("--when", "every day at 10am")["status"] == "paused"
    place.wake_at(clock.now)
    (filed,) = place.archived()
    assert (filed["status"], filed["stretch"]["count"]) == ("skipped", 4)
    assert filed["reason"] == "the task was paused"


def test_an_attempt_of_what_ran_once_is_accounted_for_when_it_recurs(
    add: Made, edit: Edit, place: Place, clock: Clock
) -> None:
    add("now", max_retries=1, executor=place.executor("exit 1"))
    place.wake_at(clock.now)
    changed = edit("--every", "day at 9am")
    assert (changed["attempts"], changed["run_at"]) == (0, "2026-03-02T09:00:00Z")
    assert {"last_error", "result", "started_at"} & changed.keys() == set()
    place.wake_at(clock.now)
    (filed,) = place.archived()
    assert (filed["status"], filed["occurrence"], filed["attempts"]) == ("cancelled", "2026-03-02T08:00:00Z", 1)


def test_a_retry_of_what_runs_once_keeps_its_attempts(add: Made, edit: Edit, place: Place, clock: Clock) -> None:
    add("now", max_retries=1, executor=place.executor("exit 1"))
    place.wake_at(clock.now)
    changed = edit("--when", "11am")
    assert (changed["run_at"], changed["occurrence"]) == ("2026-03-02T11:00:00Z", "2026-03-02T08:00:00Z")
    place.wake_at(at("2026-03-02T11:00:00Z"))
    assert [run["attempt"] for run in place.runs()] == [1, 2]
    assert place.archived()[0]["status"] == "failed"


def test_a_retry_that_v1_left_is_given_another_time(place: Place, edit: Edit) -> None:
    """v1 named no occurrence."""
    place.write_store(v1_task("job", attempts=1, max_retries=2, run_at="2026-03-02T09:00:00Z"))
    changed = edit("--when", "11am")
    assert (changed["run_at"], changed["occurrence"]) == ("2026-03-02T11:00:00Z", "2026-03-02T09:00:00Z")
    assert changed["attempts"] == 1


# What is refused changes nothing

REFUSED: dict[str, tuple[str, dict[str, Any], list[str], str]] = {
    "nothing": ("2h", {}, [], "nothing to edit"),
    "an empty context": ("2h", {}, ["--context-json", "{}"], "nothing to edit"),
    "an empty summary": ("2h", {}, ["--summary", " "], "no summary"),
    "no time": ("2h", {}, ["--when", "sometime"], 'can\'t read "sometime"'),
    "a zone of a moment": ("2h", {}, ["--tz", "Asia/Tokyo"], "--tz alone moves nothing: job runs once"),
    "no zone": ("every day at 9am", {}, ["--tz", "Mars/Base"], "not an IANA time zone"),
    "count of once": ("2h", {}, ["--count", "3"], "--count is for recurring tasks: job runs once"),
    "catch-up of once": ("2h", {}, ["--catch-up", "none"], "--catch-up is for recurring tasks"),
    "overlap of once": ("2h", {}, ["--overlap", "queue"], "--overlap is for recurring tasks"),
    "jitter of once": ("2h", {}, ["--jitter", "none"], "--jitter is for recurring tasks"),
    "count with once": ("2h", {}, ["--when", "3h", "--count", "3"], '--count is for recurring tasks: "3h" runs once'),
    "no count": ("every day at 9am", {}, ["--count", "0"], r"--count 0 leaves nothing to run \(give at least 1\)"),
    "an early end": ("every day at 9am", {}, ["--until", "8:30"], "--until is before the next occurrence"),
    "an early end, kept": (
        "every day at 9am",
        {"until": "2026-03-02T12:00"},
        ["--when", "every day at 1pm"],
        "--until is before the next occurrence: 2026-03-02T12:00:00Z",
    ),
    "no jitter": ("every day at 9am", {}, ["--jitter", "some"], '^--jitter takes a duration: "some" is not a length'),
    "use of a moment": ("every day at 9am", {}, ["--expires", "friday"], "^--expires of a recurring task takes"),
    "no executor": ("2h", {}, ["--executor", "nobody"], "no such executor: nobody"),
    "no directory": ("2h", {}, ["--workspace", "/no/such"], "workspace is not a directory"),
    "NUL": ("2h", {}, ["--key-point", "a\0b"], "a NUL character"),
    "no UTF-8": ("2h", {}, ["--summary", "a\udcffb"], "not valid UTF-8"),
    "bulk": ("2h", {}, ["--summary", "x" * (1 << 20)], r"task is too large: job would have \d+ bytes"),
    "wrong context": ("2h", {}, ["--context-json", '{"key_points":"x"}'], r"--context-json.*key_points"),
    "two prompts": ("2h", {}, ["--prompt-template", "a", "--prompt-file", "b"], "two prompts"),
    "two times": ("2h", {}, ["--when", "3h", "--every", "2h"], "not allowed with"),
    "a new name": ("2h", {}, ["--id", "other"], "--id is not for defer edit"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_changes_nothing(add: Made, edit: Edit, place: Place, case: str) -> None:
    when, fields, argv, message = REFUSED[case]
    before = add(when, **fields)
    with pytest.raises(BadInput, match=message) as caught:
        edit(*argv)
    assert "\n" not in str(caught.value)
    assert place.task("job") == before
    assert place.audit("edited") == []


def test_a_count_that_is_used_up_already_is_refused(add: Made, edit: Edit, client: Client) -> None:
    add("every day at 9am", times=5)
    for _ in range(3):
        client.cancel("job", occurrence_only=True)
    with pytest.raises(BadInput, match=r"--count 3 leaves nothing to run: 3 are over already \(give at least 4\)"):
        edit("--count", "3")
    assert edit("--count", "4")["recurrence"]["count"] == 4


# Each change is one line of the log

ACTS: dict[str, tuple[Callable[[Client], Task], str]] = {
    "pause": (lambda client: client.editor.pause("job"), "paused id=job run_at=2026-03-02T09:00:00Z"),
    "resume": (lambda client: client.editor.resume("job"), "resumed id=job run_at=2026-03-02T09:00:00Z"),
    "reschedule": (
        lambda client: client.editor.reschedule("job", "in 3 h"),
        'rescheduled id=job run_at=2026-03-02T11:00:00Z when="in 3 h"',
    ),
    "cancel --occurrence": (
        lambda client: client.cancel("job", "holiday", occurrence_only=True),
        "occurrence_cancelled id=job run_at=2026-03-03T09:00:00Z reason=holiday",
    ),
    "cancel --occurrence --kill": (
        lambda client: client.cancel("job", "holiday", occurrence_only=True, kill=True),
        "occurrence_cancelled id=job reason=holiday",
    ),
    "edit": (
        lambda client: client.editor.edit("job", {"intent": "notify"}, {"summary": "x"}),
        "edited id=job run_at=2026-03-02T09:00:00Z fields=intent,summary",
    ),
    "cancel": (lambda client: client.cancel("job", "enough"), "cancelled id=job reason=enough"),
    "cancel --kill": (lambda client: client.cancel("job", kill=True), "cancelled id=job"),
}


@pytest.mark.parametrize("act", ACTS)
def test_each_change_is_one_line_of_the_log(add: Made, client: Client, place: Place, act: str) -> None:
    add("every day at 9am")
    if act == "resume":
        client.editor.pause("job")
    before = place.audit()
    change, line = ACTS[act]
    change(client)
    assert place.audit()[len(before) :] == [f"2026-03-02T08:00:00Z {line}"]


def test_a_run_beside_the_schedule_is_one_line_of_the_log_too(add: Made, client: Client, place: Place) -> None:
    before = add("every day at 9am")
    copy = client.editor.run_now("job")
    assert place.audit("run_requested") == [f"2026-03-02T08:00:00Z run_requested id=job copy={copy['id']}"]
    assert len(place.audit()) == 2
    assert place.task("job") == before


def test_a_run_beside_the_schedule_may_take_another_time(add: Made, client: Client, place: Place) -> None:
    before = add("every day at 9am", timeout="1m")
    assert client.editor.run_now("job")["timeout_seconds"] == 60
    assert client.editor.run_now("job", "2h")["timeout_seconds"] == 7200
    assert client.editor.run_now("job", "none")["timeout_seconds"] == 0
    with pytest.raises(BadInput, match="not a length of time"):
        client.editor.run_now("job", "long")
    assert len(place.tasks()) == 4
    assert place.task("job") == before


# What is over or unknown

OVER: dict[str, Callable[[Client, str], object]] = {
    "edit": lambda client, name: client.editor.edit(name, {"intent": "notify"}),
    "edit --when": lambda client, name: client.editor.edit(name, {"when": "3h"}),
    "reschedule": lambda client, name: client.editor.reschedule(name, "3h"),
    "pause": lambda client, name: client.editor.pause(name),
    "resume": lambda client, name: client.editor.resume(name),
    "cancel --occurrence": lambda client, name: client.cancel(name, occurrence_only=True),
}


@pytest.mark.parametrize("act", OVER)
def test_what_is_over_is_said_to_be_over_wherever_it_lies(add: Made, client: Client, place: Place, act: str) -> None:
    add("now")
    add("2h", "gone")
    client.cancel("gone")
    place.wake_at(MORNING)
    assert place.tasks() == {}
    for name, status in (("job", "completed"), ("gone", "cancelled")):
        with pytest.raises(Refused, match=f"{name}( is {status}| \\(cancel it without --occurrence\\))"):
            OVER[act](client, name)
    with pytest.raises(Refused, match="no such task: nobody"):
        OVER[act](client, "nobody")
    assert place.tasks() == {}


def test_what_is_over_can_be_run_again(add: Made, client: Client, place: Place) -> None:
    add("now", expires="1h")
    place.wake_at(MORNING)
    copy = client.editor.run_now("job")
    assert (copy["copy_of"], copy["status"]) == ("job", "scheduled")
    place.wake_at(at("2026-03-09T08:00:00Z"))
    assert [(one["id"], one["status"]) for one in place.archived()] == [("job", "completed"), (copy["id"], "completed")]
    with pytest.raises(Refused, match="no such task: nobody"):
        client.editor.run_now("nobody")


def test_what_v1_scheduled_can_be_changed_too(client: Client, place: Place, clock: Clock) -> None:
    place.write_store(v1_task("old one", later="kept"))
    clock.now = at("2026-04-08T16:00:00Z")
    assert client.editor.edit("old one", {"max_retries": 1}, {"summary": "x"})["later"] == "kept"
    assert client.editor.edit("old one", {"when": "every day at 9am"})["run_at"] == "2026-04-09T09:00:00Z"
    assert client.editor.reschedule("old one", "8pm")["run_at"] == "2026-04-08T20:00:00Z"
    assert client.editor.pause("old one")["status"] == "paused"
    assert client.editor.resume("old one")["status"] == "scheduled"
    assert client.cancel("old one", occurrence_only=True)["run_at"] == "2026-04-10T09:00:00Z"
    assert client.cancel("old one")["status"] == "cancelled"


# What will run


def test_upcoming_is_every_run_in_the_window_in_order(add: Made, client: Client) -> None:
    add("every 6 hours", "a")
    add("0 9,10 * * *", "b", times=3)
    add("90m", "c")
    add("every day at noon", "p")
    client.editor.pause("p")
    add("30h", "late")
    found = list(client.upcoming(MORNING.replace(day=3), 100))
    assert [(one["run_at"][5:16], one["id"]) for one in found] == [
        ("03-02T09:00", "b"),
        ("03-02T09:30", "c"),
        ("03-02T10:00", "b"),
        ("03-02T14:00", "a"),
        ("03-02T20:00", "a"),
        ("03-03T02:00", "a"),
        ("03-03T08:00", "a"),
    ]
    assert {one["summary"] for one in found} == {"water the plants"}
    assert list(client.upcoming(MORNING.replace(day=3), 2)) == found[:2]


@pytest.mark.parametrize("catch_up", ["one", "all"])
def test_upcoming_agrees_with_what_then_runs(
    add: Made, client: Client, place: Place, clock: Clock, catch_up: str
) -> None:
    add("*/20 9-10 * * *", "a", jitter="5m", catch_up=catch_up)
    add("every 50 minutes", "b", until="10:30")
    client.editor.reschedule("a", "9:50")
    end = at("2026-03-02T12:00:00Z")
    foretold = [(one["run_at"], one["id"]) for one in client.upcoming(end, 100)]
    seen = []
    while waiting := [one for one in place.tasks().values() if at(one["run_at"]) <= end]:
        clock.now = min(at(one["run_at"]) for one in waiting)
        before = len(place.runs())
        place.wake_at(clock.now)
        seen += sorted((instants.to_text(clock.now), run["task_id"]) for run in place.runs()[before:])
    assert foretold == seen
    assert len(seen) > 6


def test_errors_are_all_of_one_kind(add: Made, client: Client) -> None:
    add("2h")
    for words in ("", " ", "every day", "yesterday", "\0", "x" * 5000):
        with pytest.raises(DeferError) as caught:
            client.editor.reschedule("job", words)
        assert "\n" not in str(caught.value)
    assert set(plan.FOR_RECURRING) < set(Timing._fields) < set(Request._fields)


# Which reading was taken


def test_which_reading_was_taken_is_said_and_not_stored(
    add: Made, client: Client, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    add("1h")
    assert changing.edit(lambda: client, ["job", "--every", "month on the 31st at noon"]) == 0
    assert capsys.readouterr().err == "defer: note: months without day 31 are skipped\n"
    assert changing.edit(lambda: client, ["job", "--every", "month on the 1st at noon"]) == 0
    assert capsys.readouterr().err == ""
    clock.now = datetime(2026, 1, 31, 8, tzinfo=UTC)
    add("1h", "once")
    assert changing.reschedule(lambda: client, ["once", "in 1 month", "--compact"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["run_at"] == "2026-02-28T08:00:00Z"
    assert said.err == "defer: note: clamped to the last day of February\n"
    assert "clamped" not in str(client.store.find("once"))
