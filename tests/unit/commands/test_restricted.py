"""What an agent's attempt may do through Defer: nothing that its own task may not. A clever agent tries the rest."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import defer
from defer import process
from defer.commands import cli, flags, lookflags, restricted
from defer.context import worktree
from defer.errors import DeferError, NoSuchTask, Refused
from defer.executors import conversations
from defer.record import shapes
from defer.scheduling import restricted as rules
from support import Place, Task, strict, v1_task

pytestmark = pytest.mark.programs

RUN = "run_20260408T164500Z_0123456789"
LATER = "2100-01-01T00:00:00Z"


class Agent:
    """An agent at work on a task, in a store that holds a person's tasks too."""

    def __init__(self, place: Place, **fields: Any) -> None:
        self.place = place
        self.workspace = place.base / "work"
        self.workspace.mkdir()
        (self.workspace / "below").mkdir()
        self.settings = place.base / "env"
        self.settings.write_text("API_KEY=a-secret-value\n")
        self.settings.chmod(0o600)
        own = {"executor": "claude", "workspace": str(self.workspace), **fields}
        self.log = place.logs / "attempts" / "own" / f"{RUN}.log"
        run = {"run_id": RUN, "attempt": 1, "log": str(self.log)}
        self.own = v1_task("own", status="executing", attempts=1, run=run, **own)
        persons = v1_task("persons", run_at=LATER, executor="claude", context={"summary": "a private matter"})
        place.write_store(self.own, persons)
        place.env |= {"DEFER_ENV_FILE": str(self.settings)}
        self.env = {"DEFER_TASK_ID": "own", "DEFER_RUN_ID": RUN, "DEFER_RESTRICTED": "1"}

    def calls(self, *args: str, entry: str = "schedule-task.sh", **env: str) -> Any:
        return self.place.run(entry, *args, cwd=self.workspace, env={**self.env, **env})

    def schedules(self, *args: str, **env: str) -> Task:
        done = self.calls("--when", "1h", "--summary", "look again", "--compact", *args, **env)
        assert done.returncode == 0, done.stderr
        return {name: value for name, value in strict(done.stdout).items() if name != "warnings"}

    def is_refused(self, *args: str, entry: str = "schedule-task.sh", **env: str) -> str:
        """Nothing of the store is changed, nothing private said; the error."""
        before = self.place.store_path.read_bytes()
        done = self.calls(*args, entry=entry, **env)
        assert done.returncode in (1, 2), (done.returncode, done.stdout)
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "private" not in done.stdout + done.stderr
        assert "a-secret-value" not in done.stdout + done.stderr
        assert self.place.store_path.read_bytes() == before
        return str(done.stderr)

    def is_in_conversations(self, *ids: str) -> None:
        """As a hook has noted them: there is no agent's process around these tests that has a directory."""
        for one in ids:
            conversations.note(self.place.runtime, conversations.Conversation(one, "claude", str(self.workspace)))

    def environ(self) -> dict[str, str]:
        return {**self.place.env, **self.env}


@pytest.fixture
def agent(place: Place) -> Agent:
    return Agent(place)


# What it may


def test_it_schedules_what_is_like_its_own_task(place):
    own = {"permissions": "edit", "max_cost_usd": 2, "max_turns": 9, "timeout_seconds": 60, "model": "opus"}
    agent = Agent(place, **own)
    found = agent.schedules()
    assert {name: found[name] for name in own} == own
    assert (found["executor"], found["workspace"]) == ("claude", str(agent.workspace))
    assert (found["origin"], found["parent"], found["root"], found["depth"]) == ("attempt", "own", "own", 1)
    assert found["requires"] == ["budget", "permissions"]


def test_it_may_go_on_in_its_own_conversation(agent):
    """That which its executor has noted: what the environment says, the agent can change."""
    agent.log.parent.mkdir(parents=True)
    agent.log.with_suffix(".result.json").write_text('{"session_id": "5f1c"}')
    agent.is_in_conversations("5f1c", "0b1c")
    found = agent.schedules("--mode", "callback", CLAUDE_CODE_SESSION_ID="5f1c")
    assert (found["session_id"], found["session_directory"]) == ("5f1c", str(agent.workspace))
    said = agent.is_refused("--when", "1h", "--summary", "x", "--mode", "callback", CLAUDE_CODE_SESSION_ID="0b1c")
    assert "an agent's attempt may not set a conversation so (it may go on in its own alone)" in said


def test_and_in_none_while_its_own_is_not_known(agent):
    agent.is_in_conversations("5f1c")
    agent.is_refused("--when", "1h", "--summary", "x", "--mode", "callback", CLAUDE_CODE_SESSION_ID="5f1c")


def test_it_may_ask_for_less(place):
    agent = Agent(place, timeout_seconds=60)
    below = str(agent.workspace / "below")
    assert agent.schedules("--workspace", below, "--timeout", "30s")["workspace"] == below


def test_a_file_of_its_workspace_may_be_the_prompt(agent):
    (agent.workspace / "prompt.md").write_text("go on\n")
    found = agent.schedules("--prompt-file", "prompt.md", "--artifact", "prompt.md")
    assert found["execution"]["prompt_template"] == "go on\n"
    assert found["context"]["artifacts"] == [str(agent.workspace / "prompt.md")]


def test_it_sees_and_changes_what_came_of_its_own_and_of_that(agent):
    child = agent.schedules("--id", "child")
    further = v1_task("further", run_at=LATER, parent="child", root="own", depth=2, workspace=str(agent.workspace))
    agent.place.store_path.write_bytes(agent.place.store_path.read_bytes() + json.dumps(further).encode() + b"\n")
    assert [one["id"] for one in strict(agent.calls("list", "--compact").stdout)] == ["child", "further"]
    assert strict(agent.calls("show", "child", "--compact").stdout)["id"] == child["id"]
    edited = strict(agent.calls("edit", "child", "--summary", "other", "--compact").stdout)
    assert edited["context"]["summary"] == "other"
    for command in (("snooze", "child", "2h"), ("pause", "further"), ("resume", "further"), ("cancel", "further")):
        assert agent.calls(*command).returncode == 0, command
    assert strict(agent.calls("cancel", "--id", "child", "--compact").stdout)["status"] == "cancelled"


def test_what_came_of_it_is_its_own_after_its_end_too(agent):
    agent.schedules("--id", "child")
    agent.place.defer("cancel", "child")
    agent.place.run("archive-deferred.sh")
    assert strict(agent.calls("show", "child", "--compact").stdout)["status"] == "cancelled"
    assert [one["id"] for one in strict(agent.calls("history", "--json").stdout)] == ["child"]


def test_help_and_version_are_for_everybody(agent):
    for words in (("--help",), ("schedule", "--help"), ("--version",), ("help", "cancel")):
        assert agent.calls(*words).returncode == 0


# What it may not: each of these an agent has reason to try


@pytest.mark.parametrize(
    "flag",
    [
        ("--executor", "./x.sh"),
        ("--executor=./x.sh",),
        ("--executor", "codex"),
        ("--executor", "none"),
        ("--notify", "never"),
        ("--reorient",),
        ("--project", "secret"),
        ("--context-file", "/etc/passwd"),
        ("--if-exists", "replace", "--id", "persons"),
        ("--if-exists", "skip", "--id", "persons"),
        ("--id", "persons"),
        ("--workspace", "/"),
        ("--workspace", ".."),
        ("--workspace", "below/../.."),
        ("--timeout", "none"),
        ("--timeout", "9h"),
        ("--max-retries", "999"),
        ("--concurrent",),
        ("--leave-running",),
        ("--artifact", "/etc/passwd"),
        ("--artifact", "../env"),
        ("--context-json", '{"summary":"x","artifacts":["/etc/passwd"]}'),
        ("--context-json", '{"summary":"x","artifacts":["file:///etc/passwd"]}'),
        ("--context-json", '{"summary":"x","artifacts":["~/.ssh/id_rsa"]}'),
        ("--context-json", '{"summary":"x","artifacts":["nowhere/../../secret"]}'),
        ("--prompt-file", "/etc/passwd"),
        ("--prompt-file=../env",),
        ("--prompt-file", "/dev/stdin"),
        ("--if", "true"),
        ("--check", "true"),
        ("--session", "0b1c"),
        ("--no-such-flag",),
    ],
    ids=" ".join,
)
def test_a_flag_that_would_gain_something_is_refused(agent, flag):
    agent.is_refused("--when", "1h", "--summary", "x", *flag)


@pytest.mark.parametrize(
    "words",
    [
        ("::defer", "1h", "look", "--executor", "./x.sh"),
        ("::defer 1h look", "--executor", "./x.sh"),
        ("1h", "look", "--executor", "./x.sh"),
        ("schedule", "1h", "look", "--executor=./x.sh"),
        ("help", "1h", "--executor", "./x.sh"),
        ("every minute look again",),
        ("every", "minute", "look", "--count", "51"),
        ("--every", "1m", "--summary", "x"),
        ("--cron", "* * * * *", "--summary", "x"),
    ],
    ids=" ".join,
)
def test_a_line_in_words_is_no_way_round(agent, words):
    agent.is_refused(*words)


def test_text_behind_two_dashes_is_text(agent):
    found = agent.calls("1h", "--compact", "--", "look", "--executor", "./x.sh")
    assert strict(found.stdout)["context"]["summary"] == "look --executor ./x.sh"
    assert strict(found.stdout)["executor"] == "claude"


def test_two_dashes_as_the_value_of_a_flag_hide_no_other(agent):
    agent.schedules("--id", "child")
    agent.is_refused("edit", "child", "--summary", "--", "--executor", "./x.sh")


@pytest.mark.parametrize("command", sorted(restricted.REFUSED))
def test_a_command_for_people_is_refused(agent, command):
    assert f"an agent's attempt may not use {command}" in agent.is_refused(command)


@pytest.mark.parametrize("entry", ["run-deferred.sh", "execute-task.sh", "archive-deferred.sh", "reorient_snapshot.py"])
def test_no_other_entry_is_a_way_round(agent, entry):
    agent.is_refused(entry=entry)


@pytest.mark.parametrize("call", [("clean-runtime.sh",), ("install.sh", "install"), ("install.sh", "uninstall")])
def test_nothing_is_deleted_or_installed(agent, call):
    agent.is_refused(*call[1:], entry=call[0], CONFIRM="yes")


@pytest.mark.parametrize("command", ["show", "cancel", "pause", "resume", "edit", "snooze", "history"])
@pytest.mark.parametrize("task_id", ["persons", "own"])
def test_what_is_not_its_own_is_not_there(agent, command, task_id):
    words = {"edit": ("--summary", "x"), "snooze": ("1h",)}.get(command, ())
    said = agent.is_refused(command, task_id, *words)
    assert said == f"defer: no such task: {task_id} (see `defer list --all`)\n"


def test_lists_show_nothing_of_others(agent):
    for words in (("list", "--all"), ("list", "--upcoming", "99w"), ("list", "--compact"), ("history",)):
        assert "persons" not in agent.calls(*words).stdout, words


def test_to_look_at_all_does_not_read_the_archive_for_each_task(agent, monkeypatch):
    """With ten thousand tasks in it that would take minutes."""
    agent.schedules("--id", "child")
    over = [v1_task(f"t{number}", command="true") for number in range(30)]
    ours = v1_task("ours", command="true", parent="child", root="own", depth=2)
    agent.place.write_store(*over, ours, *[v1_task(f"u{number}", command="true") for number in range(30)])
    agent.place.wake()
    agent.place.write_store(agent.own, v1_task("child", run_at=LATER, parent="own", root="own", depth=1))
    client = defer.Client(agent.environ())
    looked = []
    ended = type(client.whole_store).ended
    monkeypatch.setattr(type(client.whole_store), "ended", lambda *args: looked.append(args) or ended(*args))
    assert [run.task_id for run in client.runs()] == ["ours"]
    assert len(looked) < 30
    assert [one for one in (*(one["id"] for one in over), "ours", "child") if client.may_see(one)] == ["ours", "child"]
    assert len(looked) < 30


def test_the_inbox_shows_nothing_of_others_and_marks_none_read(agent):
    notice = {"op": "notice", "key": "k", "event": "failed", "id": "persons", "summary": "a private matter"}
    file = agent.place.runtime / "notices.jsonl"
    file.write_text(json.dumps({**notice, "at": "2026-04-08T16:45:00Z", "to": [], "inbox": True}) + "\n")
    for words in (("inbox",), ("inbox", "--all"), ("inbox", "--hook", "text")):
        assert "private" not in agent.calls(*words).stdout
    with file.open("a") as stream:
        stream.write('{"op":"dropped","count":5}\n')
    assert strict(agent.calls("inbox").stdout) == {"notices": [], "unread": 0, "dropped": 0}
    assert strict(agent.place.defer("inbox", "--peek").stdout)["dropped"] == 5
    assert "private" in agent.place.defer("inbox").stdout


def test_a_task_that_claims_to_be_its_own_is_not(agent):
    """A sibling has the same root, and an odd record of another version names parents in a circle."""
    sibling = v1_task("sibling", run_at=LATER, parent="other", root="own", depth=2)
    circle = v1_task("circle", run_at=LATER, parent="circle", root="own", depth=2)
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in (sibling, circle))
    agent.place.store_path.write_bytes(agent.place.store_path.read_bytes() + lines)
    assert strict(agent.calls("list", "--compact").stdout) == []
    agent.is_refused("cancel", "sibling")


def link_to_settings(agent: Agent) -> str:
    (agent.workspace / "notes").symlink_to(agent.settings)
    return "notes"


def hard_link_to_settings(agent: Agent) -> str:
    os.link(agent.settings, agent.workspace / "notes")
    return "notes"


def hard_link_to_another(agent: Agent) -> str:
    (agent.place.base / "key").write_text("private")
    os.link(agent.place.base / "key", agent.workspace / "notes")
    return "notes"


def link_to_a_folder(agent: Agent) -> str:
    (agent.workspace / "up").symlink_to(agent.place.base)
    return "up/env"


@pytest.mark.parametrize("flag", ["--prompt-file", "--artifact"])
@pytest.mark.parametrize(
    "made",
    [link_to_settings, hard_link_to_settings, hard_link_to_another, link_to_a_folder],
    ids=lambda one: one.__name__,
)
def test_a_link_in_the_workspace_leads_to_nothing_outside(agent, flag: str, made: Callable[[Agent], str]):
    agent.is_refused("--when", "1h", "--summary", "x", flag, made(agent))


def test_an_id_that_another_task_had_is_taken(place):
    """With the id come its runs and its notices, which tell of somebody else's work."""
    agent = Agent(place)
    place.store_path.write_text("")
    before = v1_task("backup", executor=place.executor("cat >/dev/null; echo a private matter >&2; exit 3"))
    place.write_store(before)
    place.wake()
    assert [one["id"] for one in place.archived()] == ["backup"]
    place.write_store(agent.own)
    agent.is_refused("--when", "1h", "--summary", "x", "--id", "backup")
    for words in (("history", "backup"), ("history", "--json"), ("inbox", "--all"), ("show", "backup")):
        assert "private" not in agent.calls(*words).stdout, words


def test_where_its_task_names_no_directory_its_runners_home_is_meant(place):
    """What HOME says here, the agent can change."""
    agent = Agent(place, workspace=None)
    (place.base / "outside").write_text("private")
    for home in (place.base, "/"):
        agent.is_refused("1h", "x", "--prompt-file", str(place.base / "outside"), HOME=str(home))
        agent.is_refused("1h", "x", "--workspace", "/", HOME=str(home))


def test_a_task_without_a_directory_works_in_the_home_of_its_runner(place):
    runner = subprocess.Popen(["sleep", "1000"], env={"HOME": str(place.base), "PATH": os.defpath})
    agent = Agent(place, workspace=None)
    place.write_store({**agent.own, "run": {**agent.own["run"], "runner": process.identity(runner.pid)}})
    made = agent.schedules()
    runner.kill()
    runner.wait()
    assert made["workspace"] == str(place.base)


def test_its_hook_notes_its_conversation(agent):
    told = json.dumps({"session_id": "5f1c", "cwd": str(agent.workspace)}).encode()
    done = agent.place.run("hooks/note-session.sh", "claude", input=told, env=agent.env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    noted = conversations.named(agent.place.runtime, "5f1c")
    assert noted is not None
    assert noted.directory == str(agent.workspace)


@pytest.mark.parametrize("is_open", [True, False])
def test_and_no_other_under_the_name_of_one_that_a_person_has(agent, is_open):
    """Whose directory a callback of theirs would run in."""
    persons = subprocess.Popen(["sleep", "1000"])
    known = conversations.Conversation("0b1c", "claude", str(agent.place.home), process.identity(persons.pid))
    conversations.note(agent.place.runtime, known)
    if not is_open:
        persons.kill()
        persons.wait()
    where = agent.place.home if is_open else agent.workspace
    told = json.dumps({"session_id": "0b1c", "cwd": str(where)}).encode()
    done = agent.place.run("hooks/note-session.sh", "claude", input=told, env=agent.env)
    persons.kill()
    persons.wait()
    assert (done.returncode, done.stdout) == (0, "")
    assert "the conversation was not noted" in done.stderr
    assert conversations.named(agent.place.runtime, "0b1c") == known


def test_a_workspace_that_is_a_link_out_is_outside(agent):
    (agent.workspace / "up").symlink_to(agent.place.base)
    agent.is_refused("--when", "1h", "--summary", "x", "--workspace", "up")


def test_a_link_that_takes_the_place_of_a_workspace_later_leads_nowhere(agent):
    """It was looked at when the task was scheduled."""
    below = agent.workspace / "below"
    agent.schedules("--id", "child", "--workspace", str(below))
    below.rmdir()
    below.symlink_to(agent.place.home)
    program = agent.place.base / "bin" / "claude"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\npwd -P >{agent.place.base}/seen\n")
    program.chmod(0o755)
    agent.place.write_store({**agent.place.task("child"), "run_at": "2026-04-08T16:45:00Z"})
    agent.place.wake(env={"PATH": f"{program.parent}:{agent.place.env['PATH']}"})
    assert not (agent.place.base / "seen").exists()
    (child,) = agent.place.archived()
    assert "workspace has been replaced by a link since" in child["error"]


def test_a_workspace_by_a_link_within_is_named_without_it(agent):
    (agent.workspace / "link").symlink_to("below")
    assert agent.schedules("--workspace", "link", "--id", "child")["workspace"] == str(agent.workspace / "below")
    edited = agent.calls("edit", "child", "--workspace", "link", "--compact")
    assert strict(edited.stdout)["workspace"] == str(agent.workspace / "below")


def test_the_settings_file_in_the_workspace_is_still_the_settings_file(agent):
    inside = agent.workspace / ".env"
    inside.write_text("API_KEY=a-secret-value\n")
    inside.chmod(0o600)
    agent.is_refused("--when", "1h", "--summary", "x", "--prompt-file", ".env", DEFER_ENV_FILE=str(inside))


@pytest.mark.parametrize(
    "env",
    [
        {"DEFER_TASK_ID": "persons"},
        {"DEFER_TASK_ID": "", "DEFER_RUN_ID": ""},
        {"DEFER_RUN_ID": "run_20260408T164500Z_ffffffffff"},
    ],
    ids=str,
)
def test_another_name_gains_nothing(agent, env):
    done = agent.calls("--when", "1h", "--summary", "x", "--workspace", "/", **env)
    assert done.returncode == 1
    assert strict(agent.calls("list", "--compact", **{**env, "DEFER_TASK_ID": "persons"}).stdout) == []


@pytest.mark.parametrize(
    "env",
    [
        {"DEFER_TRUST_AGENTS": "1"},
        {"DEFER_RESTRICTED": "0"},
        {"DEFER_RESTRICTED": "no"},
        {"DEFER_EXECUTOR": "./x.sh"},
        {"DEFER_MAX_RESCHEDULES": "999999"},
    ],
    ids=str,
)
def test_no_variable_lifts_it(agent, env):
    agent.is_refused("--when", "1h", "--summary", "x", "--executor", "./x.sh", **env)
    agent.is_refused("--every", "1m", "--count", "60", "--summary", "x", **env)
    assert agent.schedules(**env)["executor"] == "claude"


def test_a_settings_file_of_its_own_lifts_nothing(agent):
    mine = agent.workspace / "mine"
    mine.write_text("DEFER_TRUST_AGENTS=1\n")
    mine.chmod(0o600)
    agent.is_refused("--when", "1h", "--summary", "x", "--executor", "./x.sh", DEFER_ENV_FILE=str(mine))


@pytest.mark.parametrize(
    "words",
    [
        ("--executor", "none"),
        ("--executor", "./x.sh"),
        ("--workspace", "/"),
        ("--workspace", "none"),
        ("--timeout", "none"),
        ("--every", "1m"),
        ("--max-retries", "100"),
        ("--artifact", "/etc/passwd"),
        ("--notify", "always"),
    ],
    ids=" ".join,
)
def test_what_was_scheduled_narrowly_is_not_widened_later(agent, words):
    agent.schedules("--id", "child")
    agent.is_refused("edit", "child", *words)


@pytest.mark.parametrize(
    "spec",
    [
        {"executor": "/bin/sh"},
        {"workspace": "/"},
        {"permissions": "all"},
        {"permissions": {"execute": True}},
        {"permissions": "nonsense"},
        {"artifacts": ["/etc/passwd"]},
        {"artifacts": ["up/env"]},
        {"notify": "never"},
        {"timeout_seconds": 0},
        {"max_retries": 100},
    ],
    ids=str,
)
def test_the_sdk_is_no_way_round(place, spec):
    agent = Agent(place, permissions="edit", timeout_seconds=60)
    (agent.workspace / "up").symlink_to(place.base)
    with pytest.raises(DeferError):
        defer.schedule("1h", "x", environ=agent.environ(), **spec)
    assert set(place.tasks()) == {"own", "persons"}


def test_the_sdk_shows_and_changes_its_own_alone(agent):
    environ = agent.environ()
    child = defer.schedule("1h", "x", environ=environ)
    assert [one.id for one in defer.list_tasks(environ=environ)] == [child.id]
    assert defer.list_runs(environ=environ) == []
    for call in (defer.get_task, defer.cancel):
        with pytest.raises(NoSuchTask):
            call("persons", environ=environ)
    with pytest.raises(Refused):
        defer.schedule("1h", "x", id="persons", if_exists="replace", environ=environ)
    client = defer.Client(environ)
    with pytest.raises(Refused):
        client.editor.run_now("persons")
    for use in ("prune", "standing_still", "claim_due", "turn"):
        with pytest.raises(Refused):
            getattr(client.store, use)
    assert defer.cancel(child.id, environ=environ).status == "cancelled"


# Narrower


@pytest.mark.parametrize(
    ("own", "wanted", "may"),
    [
        ("edit", "read", True),
        ("edit", "work", False),
        ("work", "edit", True),
        ("all", "work", True),
        ("all", {"profile": "work", "allow": ["make test"]}, True),
        ("work", {"profile": "work", "allow": ["make test"]}, False),
        ({"profile": "work", "allow": ["make test", "ls"]}, {"profile": "work", "allow": ["ls"]}, True),
        ({"profile": "work", "allow": ["ls"]}, "work", False),
        ({"profile": "all", "deny": ["git push *"]}, "all", False),
        ({"profile": "all", "deny": ["git push *"]}, "read", False),
        (None, "read", True),
        (None, "edit", False),
        (None, {"web_search": True}, False),
    ],
    ids=str,
)
def test_permissions_may_be_narrower(place, own, wanted, may):
    agent = Agent(place, **({"permissions": own} if own else {}))
    try:
        defer.schedule("1h", "x", permissions=wanted, environ=agent.environ())
    except Refused:
        assert not may
    else:
        assert may


# Who is restricted


def printed(place: Place, **fields: Any) -> str:
    """What an attempt finds in DEFER_RESTRICTED."""
    place.write_store(v1_task("a", workspace=str(place.home), **fields))
    place.wake_at()
    (run,) = place.runs()
    return place.attempt_log(run).decode()


def test_a_command_and_an_executor_of_a_person_are_not(place):
    assert printed(place, command='echo "<$DEFER_RESTRICTED>"') == "<>\n"


def test_an_agent_is(place, tmp_path):
    program = tmp_path / "bin" / "claude"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "<$DEFER_RESTRICTED>" >{place.base}/seen\nexit 1\n')
    program.chmod(0o755)
    place.env["PATH"] = f"{program.parent}:{place.env['PATH']}"
    for written, seen in (("", "<1>"), ("DEFER_TRUST_AGENTS=1\n", "<>")):
        settings = place.base / "env"
        settings.write_text(written)
        settings.chmod(0o600)
        place.write_store(v1_task("a", executor="claude", workspace=str(place.home)))
        place.wake(env={"DEFER_ENV_FILE": str(settings), "DEFER_TRUST_AGENTS": "1"})
        assert (place.base / "seen").read_text().strip() == seen


def test_a_command_may_ask_for_all_that_a_person_may(place):
    front = Path(cli.__file__).parents[2] / "schedule-task.sh"
    place.write_store(v1_task("a", command=f"{front} health --json", workspace=str(place.home)))
    place.wake()
    (run,) = place.runs()
    assert "attention" in place.attempt_log(run).decode()


# The tables are complete


def test_each_command_is_decided_on():
    assert restricted.ALLOWED.keys() | restricted.REFUSED == set(cli._COMMANDS)
    assert not restricted.ALLOWED.keys() & restricted.REFUSED


PARSERS = {
    "schedule": flags.schedule,
    "edit": flags.edit,
    "reschedule": lambda: flags.reschedule("reschedule"),
    "snooze": lambda: flags.reschedule("snooze"),
    **{name: partial(flags.by_id, name) for name in ("pause", "resume", "cancel")},
    "list": flags.listing,
    "show": lookflags.show,
    "history": lookflags.history,
    "inbox": lookflags.inbox,
}


@pytest.mark.parametrize("command", sorted(restricted.ALLOWED))
def test_each_flag_is_decided_on(command):
    known = set(PARSERS[command]().flags())
    assert known <= restricted.ALLOWED[command] | restricted.REFUSED_FLAGS
    assert not restricted.ALLOWED[command] & restricted.REFUSED_FLAGS


def test_each_field_of_a_record_is_decided_on():
    groups = (rules.FREE, rules.REFUSED, rules.RULED)
    assert set().union(*groups) == set(shapes.TASK)
    assert sum(map(len, groups)) == len(shapes.TASK)


def test_in_a_worktree_what_lies_there_is_inside(place: Place) -> None:
    """What it schedules works in one of its own again."""
    agent = Agent(place, worktree=True, requires=["worktree"])
    config = place.config()
    there = Path(worktree.place(agent.own, config.worktrees_dir, config.tasks_file).path)
    there.mkdir(parents=True)
    (there / "notes").write_text("what to do\n")
    made = agent.schedules("--prompt-file", str(there / "notes"), "--artifact", str(there / "notes"))
    assert (made["worktree"], made["requires"]) == (True, ["worktree"])
    assert made["workspace"] == str(agent.workspace)
    outside = there.parent / "other"
    outside.write_text("another's\n")
    agent.is_refused("--when", "1h", "--summary", "s", "--artifact", str(outside))
