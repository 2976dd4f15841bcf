"""`show` says how a task has done: its last run, its last seven days, and since when it has failed."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import cast

import pytest

from defer import instants
from defer.commands import flags
from defer.notices import words
from defer.notices.box import Told
from defer.record import changes
from defer.record.codec import Task
from longhistory import git
from support import Place, strict, until, until_there, v1_task

pytestmark = pytest.mark.programs


def days_ago(days: float) -> str:
    return instants.to_text(instants.now() - timedelta(days=days))


@pytest.fixture
def daily(place: Place) -> Place:
    """A task of every 12 hours that fails whatever is asked of it, first 9 days ago."""
    rule = {"expression": "every 12 hours", "tz": "UTC", "anchor": days_ago(9), "fired": 0}
    executor = place.executor("cat >/dev/null; echo 'no such luck' >&2; exit 3")
    start = {"created_at": days_ago(10), "occurrence": days_ago(9), "run_at": days_ago(9)}
    place.store().append([v1_task("daily", **start, executor=executor, recurrence=rule)], instants.now())
    return place


def wake(place: Place, days: float) -> None:
    place.wake_at(instants.now() - timedelta(days=days))


def lines(place: Place, task_id: str = "daily") -> dict[str, str]:
    done = place.defer("show", task_id, "--table")
    assert (done.returncode, done.stderr) == (0, "")
    return {line[:12].strip().rstrip(":"): line[13:] for line in done.stdout.splitlines()}


def test_a_task_that_has_not_run_says_nothing_of_runs(daily):
    assert not {"Last run", "Last 7 days", "Failing"} & lines(daily).keys()


def test_the_last_run_and_the_last_week_are_told(daily):
    for days in (8.9, 3.2, 1.2):
        wake(daily, days)
    found = lines(daily)
    assert found["Last run"].startswith("failed ")
    assert "1 day 4 hours ago, took " in found["Last run"]
    assert found["Last run"].endswith(": executor exited with 3: no such luck")
    assert found["Last 7 days"] == "2 failed, 13 missed"
    assert found["Failing"].startswith("since ")
    assert "8 days 21 hours ago" in found["Failing"]


def test_what_was_pruned_is_said_not_to_be_here(place):
    place.schedule("now", "s", "--id", "once", "--executor", place.executor("echo done"))
    place.wake()
    told = lines(place, "once")
    assert (told["Log"], told["Prompt file"]) == (place.runs()[0]["log"], str(place.logs / "once.prompt.txt"))
    for name in ("Log", "Prompt file"):
        os.unlink(told[name])
    gone = lines(place, "once")
    assert (gone["Log"], gone["Prompt file"]) == (f"{told['Log']} (not here)", f"{told['Prompt file']} (not here)")
    assert strict(place.defer("show", "once", "--json").stdout)["result"]["log_path"] == told["Log"]


def test_a_run_of_long_ago_is_still_the_last_one(daily):
    wake(daily, 8.9)
    found = lines(daily)
    assert "8 days 21 hours ago, took " in found["Last run"]
    assert not {"Last 7 days", "Failing"} & found.keys()


def test_a_copy_is_a_run_of_its_original(daily):
    original = daily.store().find("daily")
    now = instants.now()
    done = {
        **changes.run_now(original, now),
        "id": "copy",
        "executor": daily.executor("cat >/dev/null; echo fine", "f"),
    }
    daily.store().append([done], now)
    daily.store().update("daily", now, lambda one: changes.pause(one, now))
    daily.wake_at(now)
    found = lines(daily)
    assert found["Last run"].startswith("ok ")
    assert found["Last run"].endswith(", by hand: fine")
    assert found["Last 7 days"] == "1 ok"


def told(place: Place, task_id: str) -> str:
    """What `show` says of who was told."""
    return place.defer("show", task_id, "--table").stdout.partition("Told:")[2].partition("\n")[0].strip()


def test_nobody_is_said_to_have_heard_nothing_where_that_is_not_known(place: Place) -> None:
    """A first failure is always told: where no notice of it can be found, it is not silence that was asked for."""
    notices = place.runtime / "notices.jsonl"
    place.schedule("now", "copy", "--id", "copy", "--executor", "/bin/false")
    place.wake()
    assert told(place, "copy") == "inbox (unread)"
    notices.unlink()  # as if it had happened longer ago than notices are kept
    assert told(place, "copy") == "not known (its notice is not noted yet, or not kept any more)"
    notices.mkdir()
    assert told(place, "copy") == "not known: the notices cannot be read (defer inbox says why)"


def test_a_place_is_named_once_where_a_task_and_a_run_of_it_by_hand_ended_in_one_second() -> None:
    at = instants.to_text(instants.now())
    last = {"outcome": "failed", "at": at, "reason": "x", "failures": 1}
    record = cast(Task, {"id": "a", "status": "scheduled", "last": last})
    of_each = Told(at, "failed", "inbox", "unread", None)
    assert words.heard(record, [of_each, of_each]) == "inbox (unread)"


SESSION = "0f7c1a52-5f0e-4b60-9d2c-7f5f7d6a1c11"
SHOWN = {
    "--when": (["tomorrow 9am"], "Said as", "tomorrow 9am"),
    "--every": (["weekday 8:30"], "Repeats", "every weekday at 08:30"),
    "--cron": (["0 6 * * *"], "Repeats", "06:00 every day"),
    "--tz": (["Europe/Berlin"], "Zone", "Europe/Berlin"),
    "--expires": (["2h"], "Expires", " UTC, in "),
    "--count": (["4", "--every", "2h"], "Repeats", "4 times in all, 0 over"),
    "--until": (["in 300 days", "--every", "2h"], "Repeats", "until "),
    "--jitter": (["7d", "--every", "30d"], "Repeats", "jitter "),
    "--catch-up": (["none", "--every", "2h"], "Repeats", "catch-up none"),
    "--overlap": (["queue", "--every", "2h"], "Repeats", "overlap queue"),
    "--summary": (["feed the cat"], "Summary", "feed the cat"),
    "--prompt": (["gently"], "Prompt", "gently"),
    "--prompt-file": (["prompt.txt"], "Prompt", "with rain water"),
    "--command": (["make -j build"], "Command", "make -j build"),
    "--intent": (["notify"], "Intent", "notify"),
    "--mode": (["callback", "--session", SESSION, "--executor", "claude"], "Mode", "callback"),
    "--session": ([SESSION, "--mode", "callback", "--executor", "claude"], "Session", SESSION),
    "--aura-level": (["high"], "Aura", "high"),
    "--tag": (["home", "--tag", "green"], "Tags", "home; green"),
    "--key-point": (["the fern is dry"], "Key points", "the fern is dry"),
    "--artifact": (["prompt.txt"], "Artifacts", "/home/prompt.txt"),
    "--constraint": (["not the cactus"], "Constraints", "not the cactus"),
    "--context-json": (['{"summary":"s","constraints":["x"]}'], "Constraints", "x"),
    "--context-file": (["CONTEXT.md"], "Reoriented", "/home/CONTEXT.md"),
    "--reorient": ([], "Reoriented", "/CONTEXT.md"),
    "--project": (["garden"], "Reoriented", "/projects/garden/CONTEXT.md"),
    "--no-drift": ([], "Drift", "its prompt does not say what has changed"),
    "--executor": (["notify"], "Executor", "notify"),
    "--permissions": (["read", "--executor", "claude"], "May", "read"),
    "--allow": (["make test", "--permissions", "work", "--executor", "claude"], "May", "make test"),
    "--model": (["opus"], "Model", "opus"),
    "--max-cost": (["2.50"], "Cost", "at most $2.5 a run"),
    "--max-turns": (["9"], "Turns", "at most 9 a run"),
    "--workspace": (["."], "Workspace", "/home"),
    "--concurrent": ([], "Concurrent", "may share its workspace"),
    "--worktree": (["--workspace", "repository", "--executor", "notify"], "Worktree", "one for each occurrence"),
    "--timeout": (["10m"], "Timeout", "10 minutes"),
    "--retries": (["3"], "Attempts", "0 of at most 4"),
    "--if": (["test -e x", "--expires", "2h"], "If", "test -e x"),
    "--check": (["make test", "--executor", "notify"], "Check", "make test"),
    "--leave-running": ([], "Leaves", "what it starts may go on after it"),
    "--notify": (["always"], "Notify", "always"),
    "--id": (["mine"], "Task", "mine"),
}
"""Each flag of `schedule`, and the line of `show` that says what it set."""
OF_THE_CALL = {"--if-exists", "--dry-run", "--json", "--compact", "--table", "--help"}
USUAL = {"--no-worktree"}
"""What says that nothing is set."""


def test_the_table_has_every_flag_of_schedule() -> None:
    assert SHOWN.keys() == set(flags.schedule().flags()) - OF_THE_CALL - USUAL


@pytest.mark.parametrize("flag", SHOWN)
def test_what_a_flag_sets_is_shown(place: Place, flag: str) -> None:
    arguments, name, value = SHOWN[flag]
    (place.home / "prompt.txt").write_text("with rain water\n")
    (place.home / "CONTEXT.md").write_text("# Orientation\n\nWater the garden\n")
    project = place.home / "data" / "research" / "projects" / "garden"
    project.mkdir(parents=True)
    (project / "CONTEXT.md").write_text("# Orientation\n\nGarden project\n")
    if flag == "--worktree":
        repository = place.home / "repository"
        repository.mkdir()
        git(repository, "init", "-q")
        git(repository, "commit", "-q", "--allow-empty", "-m", "first")
    when = [] if {"--when", "--every", "--cron"} & {flag, *arguments} else ["--when", "1h"]
    what = (
        []
        if flag in ("--summary", "--context-json", "--reorient", "--project", "--context-file")
        else ["--summary", "s"]
    )
    done = place.defer("schedule", *when, *what, flag, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found = lines(place, strict(done.stdout)["id"])
    assert value in found[name]


def test_while_it_executes_it_says_since_when_and_where_the_log_is(place: Place) -> None:
    go = place.base / "go"
    place.schedule("now", "s", "--id", "a", "--executor", place.executor(until_there(go)))
    runner = place.start("run-deferred.sh")
    until(lambda: place.task("a").get("run", {}).get("log"))
    found = lines(place, "a")
    assert found["Started"].endswith(" so far (attempt 1)")
    assert found["Log"] == place.task("a")["run"]["log"]
    go.touch()
    runner.wait()


def test_it_says_why_it_was_cancelled_and_from_which_file_it_came(place: Place) -> None:
    tasks = place.base / "tasks"
    tasks.mkdir()
    (tasks / "disk.yml").write_text("schedule: every 2h\ncommand: df -h /\n")
    assert place.defer("sync", str(tasks)).returncode == 0
    assert lines(place, "disk")["Task file"] == str(tasks / "disk.yml")
    place.schedule("1h", "s", "--id", "a")
    place.defer("cancel", "a", "--reason", "not today")
    assert lines(place, "a")["Cancelled"] == "not today"


def test_what_an_attempt_said_that_asks_to_go_on_is_shown_while_it_waits(place: Place) -> None:
    body = 'echo "half of it is done"; printf \'{"reschedule":"2h"}\' >"$DEFER_RESULT_FILE"'
    place.schedule("now", "s", "--id", "a", "--executor", place.executor(body))
    place.wake()
    assert place.task("a")["status"] == "scheduled"
    assert lines(place, "a")["Last run"].endswith(": half of it is done")
