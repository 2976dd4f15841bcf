"""`sync`, `add`, `enable`, `disable`, `remove` and `import` as they are typed, and the runs that come of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from defer import fsio
from defer.client import Client
from defer.commands import cli, taskfiles
from defer.record import outcome, task
from defer.record.outcome import Outcome
from defer.record.retry import Backoff
from defer.taskfiles import write as taskedit
from support import DEADLINE_SECONDS, ROOT, quoted, until

pytestmark = pytest.mark.thorough

JOBS = ROOT / "tests" / "data" / "foreign" / "jobs.json"
A = "# why it is here\nschedule: every day at 9am\n\ncommand: echo a  # says a\n"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of task files, not there yet, beside a store of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DEFER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("DEFER_TIMEZONE", "Europe/Berlin")
    return tmp_path / ".config" / "defer" / "tasks"


@pytest.fixture
def run(tasks: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("sync", "--json")``: exit status, stdout, stderr."""

    def ran(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = cli.main("front", list(words))
        out, err = capsys.readouterr()
        return status, out, err.replace(f"{tasks}/", "")

    return ran


def listed(run: Run) -> dict[str, dict[str, Any]]:
    _, out, _ = run("list", "--all", "--compact")
    return {one["id"]: one for one in json.loads(out)}


def write(tasks: Path, name: str, text: str) -> Path:
    tasks.mkdir(parents=True, exist_ok=True)
    path = tasks / name
    path.write_text(text)
    return path


# sync


def test_sync_prints_its_plan(run: Run, tasks: Path) -> None:
    write(tasks, "a.yml", A)
    write(tasks, "b.yml", A + "enabled: false\n")
    status, out, _ = run("sync")
    lines = out.splitlines()
    assert status == 0
    assert lines[0].startswith("+ a: runs ")
    assert lines[1:] == ["+ b (disabled)", "2 new, 0 changed, 0 removed, 0 same"]
    write(tasks, "a.yml", A + "retries: 1\n")
    (tasks / "b.yml").unlink()
    write(tasks, "c.yml", A)
    status, out, _ = run("sync")
    assert [line[:3] for line in out.splitlines()] == ["~ a", "- b", "+ c", "1 n"]
    status, out, err = run("sync")
    assert (status, out, err) == (0, "= a\n= c\n0 new, 0 changed, 0 removed, 2 same\n", "")


def test_dry_run_changes_nothing(run: Run, tasks: Path, tmp_path: Path) -> None:
    write(tasks, "a.yml", A)
    assert run("sync", "--dry-run")[1].startswith("+ a: runs ")
    assert not (tmp_path / "runtime").exists()
    run("sync")
    before = (tmp_path / "runtime" / "deferred.jsonl").read_bytes()
    write(tasks, "a.yml", A + "retries: 1\n")
    assert run("sync", "--dry-run")[1].startswith("~ a")
    assert (tmp_path / "runtime" / "deferred.jsonl").read_bytes() == before


def test_a_bad_file_is_told_and_the_exit_status_is_2(run: Run, tasks: Path) -> None:
    write(tasks, "a.yml", "schedule: */5 * * * *\ncommand: x\nretires: 2\n")
    write(tasks, "b.yml", A + "retires: 2\n")
    status, out, err = run("sync")
    assert status == 2
    assert out.startswith("+ b")
    lines = err.splitlines()
    assert "defer: b.yml:5: retires: unknown field, ignored (did you mean retries?)" in lines
    assert (
        "defer: a.yml:1: schedule: text that starts with * is an alias in YAML "
        '(put it in quotes: schedule: "*/5 * * * *")'
    ) in lines


def test_sync_in_json(run: Run, tasks: Path) -> None:
    write(tasks, "a.yml", A)
    write(tasks, "b.yml", "x")
    status, out, _ = run("sync", "--compact")
    told = json.loads(out)
    assert status == 2
    assert [(step["action"], step["id"], bool(step["run_at"])) for step in told["steps"]] == [("new", "a", True)]
    assert (told["directory"], told["dry_run"], len(told["problems"])) == (str(tasks), False, 1)


def test_many_files_that_stay_the_same_are_counted(run: Run, tasks: Path) -> None:
    for number in range(60):
        write(tasks, f"t{number}.json", '{"schedule": "every hour", "command": "x"}')
    run("sync")
    assert run("sync")[1] == "0 new, 0 changed, 0 removed, 60 same\n"
    write(tasks, "new.yml", A)
    assert len(run("sync")[1].splitlines()) == 2
    assert len(json.loads(run("sync", "--json")[1])["steps"]) == 61


def test_where_the_files_are(run: Run, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, _, err = run("sync")
    assert status == 2
    assert f"no such directory of task files: {tasks}" in err
    for name in ("given", "xdg/defer/tasks", "set"):
        write(tmp_path / name, "a.yml", A)
    assert run("sync", str(tmp_path / "given"), "--dry-run")[1].startswith("+ a")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert json.loads(run("sync", "--dry-run", "--json")[1])["directory"] == str(tmp_path / "xdg" / "defer" / "tasks")
    monkeypatch.setenv("DEFER_TASKS_DIR", str(tmp_path / "set"))
    assert json.loads(run("sync", "--dry-run", "--json")[1])["directory"] == str(tmp_path / "set")


# add, enable, disable, remove


def test_add_writes_a_file_and_schedules_its_task(run: Run, tasks: Path) -> None:
    words = ["--schedule", "*/5 * * * *", "--prompt", "One.\nTwo.", "--name", "Two things", "--tag", "x", "--tag", "y"]
    words += ["--env", "TOKEN=${SECRET}", "--retries", "2", "--timeout", "none", "--catch-up", "none"]
    status, out, _ = run("add", "a", *words)
    assert status == 0
    assert out.startswith("+ a: runs ")
    assert (tasks / "a.yml").read_text() == (
        "name: Two things\nschedule: '*/5 * * * *'\nprompt: |-\n  One.\n  Two.\ntimeout: none\nretries: 2\n"
        "catch_up: none\ntags:\n  - x\n  - y\nenv:\n  TOKEN: ${SECRET}\n"
    )
    assert (tasks / "a.yml").stat().st_mode & 0o777 == 0o600
    assert listed(run)["a"]["timeout_seconds"] == 0
    assert run("sync")[1].startswith("= a\n")


def test_add_leaves_the_other_files_to_sync(run: Run, tasks: Path) -> None:
    write(tasks, "bad.yml", "x")
    write(tasks, "b.yml", A)
    assert run("add", "a", "--schedule", "every hour", "--command", "x")[0] == 0
    assert list(listed(run)) == ["a"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["a"], 2, "a.yml:1: schedule: missing"),
        (["a", "--schedule", "soonish", "--command", "x"], 2, "a.yml:1: schedule: "),
        (["a", "--schedule", "every hour", "--command", "x", "--prompt", "y"], 2, "stands beside command"),
        (["a/b", "--schedule", "every hour", "--command", "x"], 2, "not an id: a/b"),
        (["..", "--schedule", "every hour", "--command", "x"], 2, "not an id: .."),
        (["a", "--schedule", "every hour", "--command", "x", "--env", "A"], 2, "--env without a text: A"),
        (["a", "--schedule", "every hour", "--command", "x", "--retries", "x"], 2, "--retries"),
        (["there", "--schedule", "every hour", "--command", "x"], 1, "there is a file already"),
        (["hand", "--schedule", "every hour", "--command", "x"], 1, "id is taken: hand"),
    ],
)
def test_add_refuses_and_writes_nothing(run: Run, tasks: Path, words: list[str], status: int, said: str) -> None:
    write(tasks, "there.md", "---\ncron: '@daily'\n---\nx\n")
    run("schedule", "--when", "2h", "--summary", "by hand", "--id", "hand")
    found, out, err = run("add", *words)
    assert (found, out) == (status, "")
    assert said in err
    assert os.listdir(tasks) == ["there.md"]
    assert list(listed(run)) == ["hand"]


def test_add_dry_run(run: Run, tasks: Path, tmp_path: Path) -> None:
    status, out, _ = run("add", "a", "--schedule", "every hour", "--command", "x", "--dry-run")
    assert status == 0
    assert out.startswith("+ a: runs ")
    assert not tasks.exists()
    assert not (tmp_path / "runtime").exists()


def test_disable_and_enable_edit_one_word(run: Run, tasks: Path) -> None:
    path = write(tasks, "a.yml", A)
    run("sync")
    assert run("disable", "a")[:2] == (0, "~ a (disabled)\n0 new, 1 changed, 0 removed, 0 same\n")
    assert path.read_text() == A.replace("schedule", "enabled: false\nschedule", 1)
    assert listed(run)["a"]["status"] == "paused"
    assert run("disable", "a")[1].startswith("= a (disabled)")
    assert run("enable", "a")[1].startswith("~ a: runs ")
    assert path.read_text() == A.replace("schedule", "enabled: true\nschedule", 1)
    assert listed(run)["a"]["status"] == "scheduled"
    assert run("sync")[1].startswith("= a\n")


def test_disable_of_a_file_that_was_never_synced(run: Run, tasks: Path) -> None:
    write(tasks, "a.md", "---\ncron: '@daily'\nenabled: true  # on\n---\nx\n")
    assert run("disable", "a", "--dry-run")[1].startswith("+ a (disabled)")
    assert "enabled: true" in (tasks / "a.md").read_text()
    assert run("disable", "a")[1].startswith("+ a (disabled)")
    assert (tasks / "a.md").read_text() == "---\ncron: '@daily'\nenabled: false  # on\n---\nx\n"


def test_enable_of_what_is_not_there(run: Run, tasks: Path) -> None:
    write(tasks, "bad.yml", "schedule: [\n")
    for words in (["enable", "a"], ["disable", "a"], ["remove", "a"]):
        status, _, err = run(*words)
        assert status == 1
        assert "no task file of a in" in err
    assert run("enable", "bad")[0] == 2


# Two at once


def between(monkeypatch: pytest.MonkeyPatch, look: str, meanwhile: Callable[[], object]) -> None:
    """Let something happen after a command has looked at its files and before it takes their lock."""
    module, name = {"add": (taskfiles, "_refuse_taken"), "edit": (taskedit, "would_change")}[look]
    looked = getattr(module, name)

    def then(*args: Any) -> Any:
        found = looked(*args)
        meanwhile()
        return found

    monkeypatch.setattr(module, name, then)


def test_of_two_that_add_one_id_the_second_is_refused(run: Run, tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    between(monkeypatch, "add", lambda: write(tasks, "a.json", '{"schedule": "@daily", "command": "first"}'))
    status, _, err = run("add", "a", "--schedule", "every hour", "--command", "second")
    assert status == 1
    assert "there is a file already: a.json" in err
    assert os.listdir(tasks) == ["a.json"]


def test_what_another_writes_into_the_file_meanwhile_stays(
    run: Run, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tasks, "a.yml", A)
    run("sync")
    between(monkeypatch, "edit", lambda: path.write_text(A + "retries: 3\n"))
    assert run("disable", "a")[0] == 0
    assert path.read_text() == (A + "retries: 3\n").replace("schedule", "enabled: false\nschedule", 1)
    assert listed(run)["a"]["max_retries"] == 3


def test_a_file_that_another_removes_meanwhile_does_not_come_back(
    run: Run, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tasks, "a.yml", A)
    run("sync")
    between(monkeypatch, "edit", path.unlink)
    assert run("disable", "a")[0] == 2
    assert os.listdir(tasks) == []


@pytest.mark.parametrize(
    "words", [["add", "b", "--schedule", "every hour", "--command", "x"], ["disable", "a"], ["remove", "a"]]
)
def test_files_that_others_are_at_are_waited_for_no_longer_than_the_setting_says(
    run: Run, tasks: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    write(tasks, "a.yml", A)
    run("sync")
    monkeypatch.setenv("DEFER_LOCK_TIMEOUT_SECONDS", "0")
    with fsio.edit_lock(tasks, 60.0):
        status, out, err = run(*words)
    assert (status, out) == (75, "")
    assert err.startswith("defer: busy: ")
    assert (tasks / "a.yml").read_text() == A
    assert os.listdir(tasks) == ["a.yml"]
    assert run(*words)[0] == 0


def test_remove_takes_file_and_task(run: Run, tasks: Path) -> None:
    write(tasks, "a.yml", A)
    write(tasks, "b.yml", A)
    run("sync")
    assert run("remove", "a", "--dry-run")[0] == 0
    assert (tasks / "a.yml").exists()
    status, out, _ = run("remove", "a")
    assert (status, out) == (0, "- a\n0 new, 0 changed, 1 removed, 0 same\n")
    assert os.listdir(tasks) == ["b.yml"]
    assert listed(run)["a"]["cancel_reason"] == "file removed"
    assert run("sync")[1].startswith("= b\n")


def test_remove_where_only_one_of_the_two_is_left(run: Run, tasks: Path) -> None:
    write(tasks, "a.yml", A)
    write(tasks, "b.yml", A)
    run("sync")
    (tasks / "a.yml").unlink()
    assert run("remove", "a")[1].startswith("- a\n")
    run("cancel", "b")
    assert run("remove", "b")[1].startswith("- b (its file; no task was waiting)")
    assert os.listdir(tasks) == []
    assert run("remove", "b")[0] == 1


def test_remove_leaves_a_task_made_by_hand(run: Run, tasks: Path) -> None:
    tasks.mkdir(parents=True)
    run("schedule", "--when", "2h", "--summary", "by hand", "--id", "hand")
    assert run("remove", "hand")[0] == 1
    assert listed(run)["hand"]["status"] == "scheduled"


def test_enable_brings_back_what_was_cancelled(run: Run, tasks: Path) -> None:
    path = write(tasks, "a.yml", A)
    run("sync")
    run("cancel", "a", "--reason", "enough")
    assert run("sync")[1].startswith("= a (cancelled; runs again when its file changes)\n")
    assert run("enable", "a", "--dry-run")[1].startswith("+ a: runs ")
    assert listed(run)["a"]["status"] == "cancelled"
    assert run("enable", "a")[:2][1].startswith("+ a: runs ")
    assert path.read_text() == A
    assert listed(run)["a"]["status"] == "scheduled"
    run("cancel", "a")
    assert run("disable", "a")[1].startswith("+ a (disabled)")
    run("cancel", "a")
    assert run("disable", "a")[1].startswith("= a (cancelled; runs again when its file changes)")
    assert run("enable", "a")[1].startswith("+ a: runs ")


def test_what_is_changed_by_hand_says_whose_file_undoes_it(run: Run, tasks: Path) -> None:
    write(tasks, "a.yml", A)
    write(tasks, "b.yml", "schedule: in 5h\ncommand: echo b\n")
    run("sync")
    run("schedule", "--when", "2h", "--summary", "by hand", "--id", "hand")
    for words, said in (
        (["edit", "a", "--summary", "x"], ["a comes from a.yml: the next change of that file undoes this"]),
        (["reschedule", "a", "in 3h"], ["a comes from a.yml: another schedule in that file undoes this"]),
        (["snooze", "b", "6h"], ["b comes from b.yml: the next change of that file undoes this"]),
        (["edit", "hand", "--summary", "x"], []),
        (["snooze", "hand", "3h"], []),
        (["pause", "a"], []),
    ):
        status, out, err = run(*words, "--compact")
        assert (status, err) == (0, ""), words
        printed = json.loads(out.replace(f"{tasks}/", ""))
        assert (printed["id"], printed.get("warnings", [])) == (words[1], said)
    write(tasks, "a.yml", A + "retries: 1\n")
    write(tasks, "b.yml", "schedule: in 5h\ncommand: echo c\n")
    moved = {one: listed(run)[one]["run_at"] for one in "ab"}
    run("sync")
    found = listed(run)
    assert (found["a"]["context"]["summary"], found["a"]["run_at"]) == ("echo a", moved["a"])
    assert found["b"]["run_at"] < moved["b"]


# While a task executes


def claimed(client: Client, task_id: str) -> None:
    def claim(one: dict[str, Any]) -> dict[str, Any]:
        return task.claim(one, client.clock(), {"run_id": "r"})

    client.store.update(task_id, client.clock(), claim)


def ended(client: Client, task_id: str) -> dict[str, Any]:
    done = Outcome(outcome.OK, exit_code=0)
    return client.store.update(
        task_id, client.clock(), lambda one: outcome.settle(one, done, client.clock(), Backoff())
    )


@pytest.mark.parametrize(("word", "status"), [("remove", "cancelled"), ("disable", "paused")])
def test_remove_and_disable_of_an_executing_task_come_true_without_a_sync(
    run: Run, tasks: Path, word: str, status: str
) -> None:
    write(tasks, "a.yml", A)
    run("sync")
    claimed(Client(), "a")
    found, out, err = run(word, "a")
    assert (found, out.splitlines()[0][1:], err) == (0, " a (after its attempt ends)", "")
    assert listed(run)["a"]["status"] == "executing"
    assert ended(Client(), "a")["status"] == status
    assert run("enable", "a")[0] == (1 if word == "remove" else 0)
    assert listed(run)["a"]["status"] == ("cancelled" if word == "remove" else "scheduled")


@pytest.mark.parametrize("word", ["remove", "disable"])
def test_what_is_taken_back_during_the_attempt_says_what_is_left_to_do(run: Run, tasks: Path, word: str) -> None:
    write(tasks, "a.yml", A)
    run("sync", str(tasks))
    claimed(Client(), "a")
    run(word, "a")
    back = (
        ["add", "a", "--schedule", "every day at 9am", "--command", "echo b"] if word == "remove" else ["enable", "a"]
    )
    status, out, err = run(*back, "--dir", str(tasks))
    assert status == 0
    assert out.startswith("~ a (by the first sync after its attempt ends)\n")
    assert err == (
        f"defer: a is executing (when its attempt has ended, "
        f"defer sync {quoted(tasks)} takes over what its file says)\n"
    )
    assert run("sync")[2] == ""
    assert ended(Client(), "a")["status"] == "scheduled"
    assert run("sync")[1].startswith("~ a: runs ")
    assert listed(run)["a"]["command"] == ("echo b" if word == "remove" else "echo a")


# import


def test_import_writes_files_and_lists_what_is_left(
    run: Run, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [one for one in json.loads(JOBS.read_text()) if one["id"] != "3c1e52aa07f4"]  # its time will pass
    source = tmp_path / "jobs.json"
    source.write_text(json.dumps(jobs))
    assert run("import", "--from", "agentica", str(source), "--dry-run")[0] == 1
    assert not tasks.exists()
    status, out, err = run("import", "--from", "agentica", str(source))
    assert status == 1
    assert sorted(os.listdir(tasks)) == ["1f0c9a3be552.yml", "2b77d01c6a9e.yml", "4d90b7718c2d.yml"]
    left = [line for line in out.splitlines() if line.startswith("! ")]
    assert "! 2b77d01c6a9e: retry_delay_ms: 30000 (retries wait as DEFER_RETRY_DELAY_SECONDS says)" in left
    assert sum("not carried over" in line for line in left) == 5
    assert any(line.startswith("! 5e6f8d3310ab: not carried over: schedule: ") for line in left)
    assert "no executor is set, so the prompts are reminders" in err
    stored = listed(run)
    assert {task_id: one["status"] for task_id, one in stored.items()} == {
        "1f0c9a3be552": "scheduled",
        "2b77d01c6a9e": "paused",
        "4d90b7718c2d": "scheduled",
    }
    assert stored["2b77d01c6a9e"]["permissions"] == {"shell": "deny"}
    assert stored["2b77d01c6a9e"]["timeout_seconds"] == 90.5
    monkeypatch.setenv("DEFER_EXECUTOR", "/bin/cat")
    again = run("import", "--from", "agentica", str(source))
    assert again[1].splitlines()[0].startswith("= 1f0c9a3be552")
    assert again[2] == ""


def test_import_overwrites_nothing(run: Run, tasks: Path, tmp_path: Path) -> None:
    schedule = {"kind": "cron", "expression": "0 9 * * *", "timezone": "UTC"}
    jobs = [{"id": one, "prompt": "x", "schedule": schedule} for one in ("a", "b", "b", "../c", "hand")]
    source = tmp_path / "jobs.json"
    source.write_text(json.dumps(jobs))
    path = write(tasks, "a.md", "---\ncron: '@daily'\n---\nx\n")
    run("schedule", "--when", "2h", "--summary", "by hand", "--id", "hand")
    status, out, _ = run("import", "--from", "agentica", str(source), "--compact")
    told = json.loads(out)
    assert status == 1
    assert [line.partition(": not carried over: ")[0] for line in told["left_out"]] == ["a", "b", "../c", "hand"]
    assert path.read_text().startswith("---")
    assert sorted(os.listdir(tasks)) == ["a.md", "b.yml"]


def test_import_says_why_a_job_stays_behind_wherever_its_file_would_lie(run: Run, tasks: Path, tmp_path: Path) -> None:
    """The place of a file that was not written stands in no line, nor does half of it."""
    job = {"id": "a", "prompt": "x", "schedule": {"kind": "cron", "expression": "61 9 * * *", "timezone": "UTC"}}
    source = tmp_path / "jobs.json"
    source.write_text(json.dumps([job]))
    _, out, _ = run("import", "--from", "agentica", str(source), "--dir", str(tmp_path / "mine: a"), "--compact")
    (line,) = json.loads(out)["left_out"]
    assert line.startswith('a: not carried over: schedule: "61 9 * * *": ')


def test_import_of_what_is_no_jobs_file(run: Run, tmp_path: Path) -> None:
    assert run("import", "--from", "agentica", str(tmp_path / "gone.json"))[0] == 2
    assert run("import", "--from", "elsewhere", str(JOBS))[0] == 2
    assert run("import", str(JOBS))[0] == 2


# Runs


def wake(more: dict[str, str] | None = None) -> str:
    """One wake in a process of its own, as cron starts it; what it prints."""
    words = [sys.executable, "-I", "-X", "utf8", str(ROOT / "scripts" / "defer" / "__main__.py"), "wake"]
    environ = {**os.environ, **(more or {})}
    return subprocess.run(words, env=environ, text=True, capture_output=True, check=True).stdout


def test_a_command_runs_with_its_environment_and_no_value_is_kept(run: Run, tasks: Path, tmp_path: Path) -> None:
    text = "schedule: now\ncommand: 'echo $TOKEN $PLAIN $(pwd); echo $TOKEN >\"$HOME/seen\"'\n"
    write(tasks, "a.yml", text + "env:\n  TOKEN: hush-${SECRET}\n  PLAIN: '5'\n")
    write(tasks, "list.json", '{"schedule": "now", "command": ["printf", "%s|", "a b", "$HOME"], "workspace": "."}')
    assert run("sync")[0] == 0
    assert wake({"SECRET": "canary"}) == ""
    assert (tmp_path / "seen").read_text() == "hush-canary\n"
    _, out, _ = run("show", "a", "--json")
    record = json.loads(out)
    assert record["status"] == "completed"
    assert record["result"]["output"] == f"[masked] 5 {tmp_path}"
    assert json.loads(run("show", "list", "--json")[1])["result"]["output"] == "a b|$HOME|"
    kept = "".join(path.read_text() for path in (tmp_path / "runtime").rglob("*") if path.is_file())
    assert "canary" not in kept
    assert "hush" not in kept


def test_what_a_variable_of_a_task_is_made_of_is_masked_by_itself(run: Run, tasks: Path, tmp_path: Path) -> None:
    text = "schedule: now\ncommand: 'echo $HEADER $OWN $PART; echo $WORD'\n"
    write(tasks, "a.yml", text + 'env:\n  HEADER: "Bearer ${PART}"\n  OWN: "5"\n')
    assert run("sync")[0] == 0
    wake({"PART": "canary-part", "WORD": "word-of-the-environment"})
    record = json.loads(run("show", "a", "--json")[1])
    assert record["result"]["output"] == "[masked] 5 [masked]\nword-of-the-environment"


def test_a_missing_variable_fails_the_attempt_with_its_name_before_anything_starts(
    run: Run, tasks: Path, tmp_path: Path
) -> None:
    write(tasks, "a.yml", "schedule: now\ncommand: touch $HOME/started\nretries: 3\nenv:\n  TOKEN: ${SECRET}\n")
    run("sync")
    wake()
    record = json.loads(run("show", "a", "--json")[1])
    assert (record["status"], record["attempts"]) == ("failed", 1)
    assert "env.TOKEN: SECRET is not set" in record["error"]
    assert not (tmp_path / "started").exists()


def test_a_prompt_reaches_its_executor_and_a_sticky_session_goes_on(run: Run, tasks: Path, tmp_path: Path) -> None:
    executor = write(
        tasks,
        "run.sh",
        '#!/bin/sh\ncat >/dev/null\necho "$DEFER_SESSION_ID/$DEFER_MODEL/$DEFER_AGENT"\n'
        'echo \'{"session_id": "s-1"}\' >"$DEFER_RESULT_FILE"\n',
    )
    executor.chmod(0o700)
    write(
        tasks,
        "a.md",
        "---\ncron: '* * * * *'\nexecutor: ./run.sh\nagent_id: sorter\nmodel: m\nsession_mode: fixed\n---\nSort it.\n",
    )
    run("sync")
    outputs = []
    for _ in range(2):
        run("reschedule", "a", "now")
        wake()
        newest = json.loads((tmp_path / "runtime" / "runs").glob("*.jsonl").__next__().read_text().splitlines()[-1])
        outputs.append(Path(newest["log"]).read_text().strip())
        assert "Sort it." in Path(newest["prompt"]).read_text()
    assert outputs == ["/m/sorter", "s-1/m/sorter"]


@pytest.mark.parametrize(("word", "status"), [("remove", "cancelled"), ("disable", "paused")])
def test_remove_and_disable_during_a_real_attempt(
    run: Run, tasks: Path, tmp_path: Path, word: str, status: str
) -> None:
    command = 'touch "$HOME/begun"; while [ ! -e "$HOME/go" ]; do sleep 0.05; done; exit 1'
    write(tasks, "a.yml", f"schedule: every minute\ncommand: {command}\nretries: 3\ntimeout: 1h\n")
    run("sync")
    run("reschedule", "a", "now")
    words = [sys.executable, "-I", "-X", "utf8", str(ROOT / "scripts" / "defer" / "__main__.py"), "wake"]
    with subprocess.Popen(words) as waking:
        until((tmp_path / "begun").exists, "the attempt")
        said = run(word, "a")[1]
        (tmp_path / "go").touch()
        assert waking.wait(DEADLINE_SECONDS) == 0
    assert " a (after its attempt ends)\n" in said
    record = json.loads(run("show", "a", "--json")[1])
    assert (record["status"], record["last_error"]) == (status, "executor exited with 1")


def test_the_commands_work_from_the_shell(tasks: Path) -> None:
    shutil.copytree(ROOT / "examples" / "tasks", tasks)
    main = [sys.executable, "-I", "-X", "utf8", str(ROOT / "scripts" / "defer" / "__main__.py"), "front"]
    done = subprocess.run([*main, "sync"], text=True, capture_output=True, check=True)
    assert done.stdout.splitlines()[-1] == "3 new, 0 changed, 0 removed, 0 same"
    for name in ("sync", "add", "enable", "disable", "remove", "import"):
        told = subprocess.run([*main, name, "--help"], text=True, capture_output=True, check=True)
        assert told.stdout.startswith(f"usage: defer {name}")


@pytest.mark.parametrize(
    ("words", "is_there"),
    [
        (["add", "b", "--schedule", "every 2h", "--command", "x"], True),
        (["disable", "a"], True),
        (["remove", "a"], False),
    ],
)
def test_a_store_that_is_busy_once_the_file_is_changed_is_said_with_what_to_do(
    tasks: Path, run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str], is_there: bool
) -> None:
    path = write(tasks, f"{words[1]}.yml", A) if words[0] != "add" else tasks / f"{words[1]}.yml"
    before = path.read_text() if path.exists() else ""
    run("sync")
    monkeypatch.setenv("DEFER_LOCK_TIMEOUT_SECONDS", "0.05")
    client = Client()
    with client.store._locked():
        status, _, err = run(*words)
    assert status == 75
    assert err.rstrip().endswith(f"{path.name} is changed already (defer sync does the rest)")
    assert path.exists() == is_there
    assert not is_there or path.read_text() != before
    run("sync")
    assert (listed(run).get(words[1]) or {}).get("status") == {
        "add": "scheduled",
        "disable": "paused",
        "remove": "cancelled",
    }[words[0]]
    # What changes no file says nothing of one.
    if words[0] == "disable":
        with client.store._locked():
            assert "changed already" not in run(*words)[2]


def test_what_an_import_costs_grows_as_the_jobs_do(run: Run, tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory and the store are looked at once for all jobs, not once for each."""
    plain = {"prompt": "x", "schedule": {"kind": "cron", "expression": "0 9 * * *", "timezone": "UTC"}}
    made: Counter[str] = Counter()
    for name in ("names", "lock"):
        real = getattr(fsio, name)
        monkeypatch.setattr(fsio, name, lambda *args, real=real, name=name: made.update([name]) or real(*args))
    reader = fsio.reader
    monkeypatch.setattr(fsio, "reader", lambda path: made.update([path.suffix]) or reader(path))
    jobs = tasks.parent / "jobs"
    jobs.parent.mkdir(parents=True)

    def imported(count: int) -> Counter[str]:
        made.clear()
        jobs.write_text(json.dumps([{**plain, "id": f"{count}.{number}"} for number in range(count)]))
        status, _, err = run("import", "--from", "agentica", str(jobs))
        assert status == 0, err
        return Counter(made)

    few, many = imported(5), imported(20)
    assert few.pop(".yml") == 5
    assert many.pop(".yml") == 20
    assert few == many


def foretold(run: Run, *words: str) -> str:
    """What a command says it does, which is what it said with ``--dry-run``."""
    status, before, _ = run(*words, "--dry-run", "--json")
    done, out, _ = run(*words, "--json")
    told, did = json.loads(before), json.loads(out)
    assert (status, told.pop("dry_run"), did.pop("dry_run")) == (done, True, False)
    # That nothing wakes the store is said of what has been stored.
    assert {**told, "warnings": did["warnings"]} == did
    return " ".join(f"{one['action']} {one['id']}" for one in did["steps"])


def test_a_dry_run_says_what_is_done(run: Run, tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = Client(os.environ).clock()
    monkeypatch.setattr(cli, "connect", lambda: Client(os.environ, clock=lambda: moment))
    new = ("add", "a", "--schedule", "every day at 9am", "--command", "echo a")
    assert foretold(run, *new) == "new a"
    assert foretold(run, "disable", "a") == "changed a"
    assert foretold(run, "disable", "a") == "same a"
    assert foretold(run, "enable", "a") == "changed a"
    (tasks / "a.yml").unlink()
    assert foretold(run, *new[:-1], "echo b") == "changed a"
    (tasks / "a.yml").unlink()
    assert foretold(run, "sync", str(tasks)) == "removed a"
    write(tasks, "b.yml", A)
    assert foretold(run, "disable", "b") == "new b"
    jobs = tasks.parent / "jobs.json"
    plain = {"prompt": "x", "schedule": {"kind": "cron", "expression": "0 9 * * *", "timezone": "UTC"}}
    jobs.write_text(json.dumps([{**plain, "id": "c"}, {**plain, "id": "d"}]))
    assert foretold(run, "import", "--from", "agentica", str(jobs)) == "new c new d"
    assert foretold(run, "import", "--from", "agentica", str(jobs)) == "same c same d"


@pytest.mark.slow
def test_one_odd_job_keeps_no_other_from_being_imported(run: Run, tasks: Path) -> None:
    daily = {"kind": "cron", "expression": "0 9 * * *", "timezone": "UTC"}
    plain = {"prompt": "x", "schedule": daily}
    odd: dict[str, dict[str, Any]] = {
        "deep": {"permissions": {"a": "NESTED"}},
        "wide": {"permissions": {"a": ["x"] * 6000}},
        "long": {"prompt": "y" * 600_000},
        "half": {"prompt": "\ud800"},
        "nul": {"prompt": "a\0b"},
        "span": {"timeout_seconds": 2e9},
        "many": {"max_retries": 10**9},
        "far": {"schedule": {"kind": "at", "at_ms": (1 << 45) - 1}},
        "slow": {"schedule": {"kind": "every", "interval_ms": 10**15}},
        "zone": {"schedule": {**daily, "timezone": "A/" * 50_000}},
        "y" * 300: {},
    }
    jobs = tasks.parent / "jobs.json"
    jobs.parent.mkdir(parents=True)
    all_of_them = [{**plain, "id": name, **fields} for name, fields in odd.items()] + [{**plain, "id": "good"}]
    jobs.write_text(json.dumps(all_of_them).replace('"NESTED"', "[" * 500 + "]" * 500))
    assert foretold(run, "import", "--from", "agentica", str(jobs)) == "new good"
    status, out, _ = run("import", "--from", "agentica", str(jobs), "--json")
    assert status == 1
    assert [line.partition(":")[0] for line in json.loads(out)["left_out"]] == list(odd)


def test_the_urls_in_files_that_are_new_or_changed_are_listed_without_what_is_secret(run: Run, tasks: Path) -> None:
    write(tasks, "a.yml", A + "ping: https://hc-ping.com/5f8a2c1e-0000\n")
    write(
        tasks,
        "b.yml",
        "schedule: every hour\ncommand: [curl, 'http://example.org/x?key=s3cr3t', 'https://b.example']\n",
    )
    write(tasks, "c.yml", A)
    lines = run("sync", "--dry-run")[1].splitlines()
    assert [line.partition(", URLs: ")[2] for line in lines[:3]] == [
        "https://hc-ping.com/…",
        "http://example.org/… https://b.example/…",
        "",
    ]
    steps = json.loads(run("sync", "--dry-run", "--json")[1])["steps"]
    assert [step["urls"] for step in steps] == [
        ["https://hc-ping.com/…"],
        ["http://example.org/…", "https://b.example/…"],
        [],
    ]
    run("sync")
    assert [step["urls"] for step in json.loads(run("sync", "--dry-run", "--json")[1])["steps"]] == [[], [], []]


def test_a_file_with_nothing_to_execute_is_a_reminder_and_is_said_to_appear_somewhere(
    run: Run, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEFER_NOTIFY", "inbox")
    prompt = "schedule: every day at 9am\nprompt: call mum\n"
    write(tasks, "a.yml", A)
    write(tasks, "b.yml", prompt)
    write(tasks, "c.yml", prompt + "executor: notify\n")
    write(tasks, "d.yml", prompt + "notify: never\n")
    write(tasks, "e.yml", prompt + "enabled: false\n")
    lines = run("sync", "--dry-run")[1].splitlines()
    assert [line.partition(", and ")[2] for line in lines[:5]] == [
        "",
        "appears in your inbox",
        "",
        "nobody is told of it (notify: never)",
        "",
    ]
    steps = json.loads(run("sync", "--json")[1])["steps"]
    assert [step["appears"] for step in steps] == [None, ["inbox"], None, [], None]
    assert run("sync")[1].splitlines()[1] == "= b"
    added = run("add", "f", "--schedule", "every day at 9am", "--prompt", "call dad")[1]
    assert added.splitlines()[0].endswith(", and appears in your inbox")


def test_a_file_may_name_a_url_to_ping(run: Run, tasks: Path) -> None:
    write(tasks, "a.yml", A + "ping: https://hc-ping.com/5f8a2c1e-0000\n")
    write(tasks, "b.yml", A + "ping: http://example.org/s3cr3t\n")
    write(tasks, "c.yml", A + "ping: s3cr3t\n")
    status, _, err = run("sync")
    assert status == 2
    assert listed(run)["a"]["ping"] == "https://hc-ping.com/…"
    (not_safe, not_a_url) = err.splitlines()[1:]
    said = (
        "defer: b.yml:5: ping: anybody on the way could read what goes over http: http://example.org/… (use https://; "
    )
    assert not_safe.startswith(said)
    assert not_a_url == "defer: c.yml:5: ping: must be a URL that begins with https://"
    write(tasks, "a.yml", A)
    run("sync")
    assert "ping" not in listed(run)["a"]
