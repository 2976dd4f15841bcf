"""Conversations that are noted: by the hook, from the surrounding agent, found again, bounded, for nobody else."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from defer.executors import conversations
from defer.executors.conversations import Conversation
from defer.process import ancestors, identity, names_of
from support import DEADLINE_SECONDS, SCRIPTS, until

pytestmark = pytest.mark.programs

HOOK = SCRIPTS / "hooks" / "note-session.sh"


def called(place, agent, text, **env):
    return subprocess.run(
        [HOOK, *([agent] if agent else [])],
        input=text,
        env={**place.env, **env},
        cwd=place.home,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )


def notes(place) -> dict[str, dict]:
    return {path.stem: json.loads(path.read_text()) for path in (place.runtime / "sessions").glob("*")}


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("claude", {"session_id": "s-1", "cwd": "/tmp", "hook_event_name": "SessionStart", "source": "startup"}),
        ("codex", {"session_id": "s-1", "cwd": "/tmp", "model": "m", "permission_mode": "p"}),
        ("gemini", {"session_id": "s-1", "cwd": "/tmp", "timestamp": "t"}),
        ("copilot", {"sessionId": "s-1", "timestamp": 1, "cwd": "/tmp", "source": "new", "initialPrompt": "p"}),
    ],
)
def test_the_hook_notes_what_each_agent_tells_it(place, agent, told):
    done = called(place, agent, json.dumps(told))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (one,) = notes(place).values()
    assert (one["session"], one["agent"], one["directory"]) == ("s-1", agent, os.path.realpath("/tmp"))
    # Not the shell between: the process that has called the hook, which is this one.
    assert one["process"]["pid"] == os.getpid()
    path = place.runtime / "sessions" / "s-1.json"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    ("agent", "text"),
    [
        ("claude", ""),
        ("claude", "[]"),
        ("claude", "{}"),
        ("claude", '{"session_id": "../../x"}'),
        ("claude", '{"session_id": 7}'),
        ("claude", "[" * 100_000),
        ("", '{"session_id": "s"}'),
        ("--x", '{"session_id": "s"}'),
    ],
)
def test_the_hook_fails_nobodys_session(place, agent, text):
    done = called(place, agent, text)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("defer: the conversation was not noted: ")
    assert done.stderr.count("\n") == 1
    assert notes(place) == {}


def test_the_oldest_notes_give_way(tmp_path, monkeypatch):
    monkeypatch.setattr(conversations, "_MOST", 3)
    for number in range(5):
        conversations.note(tmp_path, Conversation(f"s{number}", "claude", "/w"))
        os.utime(tmp_path / "sessions" / f"s{number}.json", ns=(number, number))
    assert sorted(os.listdir(tmp_path / "sessions")) == ["s2.json", "s3.json", "s4.json"]


def test_but_not_before_those_that_have_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(conversations, "_MOST", 2)
    conversations.note(tmp_path, Conversation("open", "claude", "/w", identity(os.getpid())))
    for number in range(3):
        os.utime(tmp_path / "sessions" / "open.json", ns=(0, 0))
        conversations.note(tmp_path, Conversation(f"s{number}", "claude", "/w"))
        os.utime(tmp_path / "sessions" / f"s{number}.json", ns=(number + 1, number + 1))
    assert sorted(os.listdir(tmp_path / "sessions")) == ["open.json", "s2.json"]


def test_a_folder_that_is_a_link_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(conversations, "_MOST", 1)
    (tmp_path / "mine").mkdir()
    for name in ("a", "b"):
        (tmp_path / "mine" / f"{name}.json").write_text("{}")
    (tmp_path / "sessions").symlink_to(tmp_path / "mine")
    with pytest.raises(OSError, match="link"):
        conversations.note(tmp_path, Conversation("s", "claude", "/w"))
    assert sorted(os.listdir(tmp_path / "mine")) == ["a.json", "b.json"]


class TestAround:
    """Which conversation somebody schedules from."""

    def test_the_one_that_a_variable_names(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        found = conversations.around(tmp_path, {"CODEX_THREAD_ID": "t-1"})
        assert (found.session, found.agent) == ("t-1", "codex")
        assert conversations.named(tmp_path, "t-1") == found

    def test_a_note_knows_its_directory_better(self, tmp_path):
        conversations.note(tmp_path, Conversation("t-1", "codex", "/where/it/began"))
        assert conversations.around(tmp_path, {"CODEX_THREAD_ID": "t-1"}).directory == "/where/it/began"

    def test_agents_within_agents_are_not_guessed_at(self, tmp_path):
        told = {"CODEX_THREAD_ID": "t", "CLAUDE_CODE_SESSION_ID": "c"}
        with pytest.raises(conversations.Ambiguous):
            conversations.around(tmp_path, told)

    def test_but_the_nearest_is_known_by_its_name(self, tmp_path, monkeypatch):
        nearest = next(iter(ancestors()))
        monkeypatch.setattr(conversations.process, "names_of", lambda pid: {"claude"} if pid == nearest else set())
        told = {"CODEX_THREAD_ID": "t", "CLAUDE_CODE_SESSION_ID": "c"}
        assert conversations.around(tmp_path, told).session == "c"

    def test_the_one_that_the_nearest_ancestor_has_open(self, tmp_path, monkeypatch):
        monkeypatch.setattr(conversations.process, "ancestors", lambda: [os.getpid(), 1])
        conversations.note(tmp_path, Conversation("outer", "gemini", "/w", identity(1)))
        conversations.note(tmp_path, Conversation("mine", "gemini", "/w", identity(os.getpid())))
        assert conversations.around(tmp_path, {}).session == "mine"

    @pytest.mark.parametrize("newest", ["a", "b"])
    def test_the_newest_of_a_process_that_has_gone_on_to_another(self, tmp_path, monkeypatch, newest):
        """Gemini's /clear begins one in the same process, and opencode goes back and forth."""
        monkeypatch.chdir(tmp_path)
        for above in ([os.getpid(), 1], [1]):
            monkeypatch.setattr(conversations.process, "ancestors", lambda above=above: above)
            for name in ("a", "b"):
                directory = os.path.realpath(tmp_path)
                conversations.note(tmp_path, Conversation(name, "gemini", directory, identity(os.getpid())))
                os.utime(tmp_path / "sessions" / f"{name}.json", ns=(name == newest, name == newest))
            assert conversations.around(tmp_path, {}).session == newest

    def test_none(self, tmp_path):
        assert conversations.around(tmp_path, {"CLAUDE_CODE_SESSION_ID": "--not one"}) is None

    def test_a_note_under_another_name_is_none(self, tmp_path):
        conversations.note(tmp_path, Conversation("s", "claude", "/w"))
        (tmp_path / "sessions" / "s.json").rename(tmp_path / "sessions" / "t.json")
        assert conversations.named(tmp_path, "t") is None

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            "{}",
            '{"session": "s", "directory": "relative"}',
            '{"session": "s", "directory": 7}',
            "\xff" * 9000,
        ],
    )
    def test_an_odd_note_is_none(self, tmp_path, text):
        (tmp_path / "sessions").mkdir()
        (tmp_path / "sessions" / "s.json").write_text(text)
        assert conversations.named(tmp_path, "s") is None
        assert conversations.around(tmp_path, {}) is None


def test_a_program_is_known_by_its_script_and_without_its_suffix(tmp_path):
    script = tmp_path / "agent.exe"
    script.write_text("read -r _\n")
    with subprocess.Popen(["/bin/sh", script], stdin=subprocess.PIPE) as process:
        # The system shows no words while it is putting the program in place.
        assert until(lambda: names_of(process.pid)) == {"sh", "agent"}
        process.communicate(b"\n")
