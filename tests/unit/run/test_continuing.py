"""Which conversation an attempt continues: a retry that of one broken off, a callback its own; forked if it is open."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from defer.executors import conversations, registry
from defer.executors.conversations import Conversation
from defer.process import identity
from defer.record import conversation
from defer.record.sharing import shared
from support import NOW, at, v1_task

pytestmark = pytest.mark.programs

SAYS = """
printf '%s %s %s\\n' "${DEFER_SESSION_ID-none}" "${DEFER_SESSION_FORK-0}" "$PWD" >>"$HOME/told"
cp "$DEFER_PROMPT_FILE" "$HOME/prompt.$DEFER_ATTEMPT"
printf '{"session_id":"s%s"%s}' "$DEFER_ATTEMPT" "$1" >"$DEFER_RESULT_FILE"
"""


def told(place) -> list[list[str]]:
    return [line.split() for line in (place.home / "told").read_text().splitlines()]


def executor(place, then: str = "", more: str = "") -> str:
    return place.executor(f"set -- {json.dumps(more) if more else ''}\n{SAYS}\n{then}")


def open_here(place, session: str, pid: int | None = None) -> None:
    one = Conversation(session, "claude", str(place.home), identity(pid or os.getpid()))
    conversations.note(place.config().runtime_dir, one)


class TestRetries:
    """What was broken off goes on; what has failed begins anew."""

    def put(self, place, then, **fields):
        place.write_store(v1_task("a", executor=executor(place, then), max_retries=2, **fields))

    @pytest.mark.parametrize("then", ["exit 75", "sleep 1000"], ids=["a limit", "a timeout"])
    def test_one_that_was_broken_off_goes_on(self, place, then):
        self.put(place, then, timeout_seconds=1 if "sleep" in then else None)
        place.wake_at(NOW)
        place.wake_at(at(hours=1))
        assert [one[0] for one in told(place)] == ["none", "s1"]
        assert "This conversation goes on" in (place.home / "prompt.2").read_text()
        assert "picking it up cold" in (place.home / "prompt.1").read_text()

    def test_one_that_has_failed_begins_anew(self, place):
        self.put(place, "exit 1")
        place.wake_at(NOW)
        assert "session_id" not in place.task("a")
        place.wake_at(at(hours=1))
        assert [one[0] for one in told(place)] == ["none", "none"]

    def test_and_one_after_both(self, place):
        self.put(place, '[ "$DEFER_ATTEMPT" = 1 ] && exit 75; exit 1')
        for hour in range(3):
            place.wake_at(at(hours=hour))
        assert [one[0] for one in told(place)] == ["none", "s1", "none"]

    def test_the_next_occurrence_is_no_retry(self, place):
        rule = {"expression": "every day 16:45", "tz": "UTC", "anchor": "2026-04-07T16:45:00Z"}
        self.put(place, "exit 0", recurrence=rule)
        place.wake_at(NOW)
        place.wake_at(at(days=1))
        assert [one[0] for one in told(place)] == ["none", "none"]

    def test_an_attempt_that_named_none_is_not_taken_for_the_occurrence_before(self, place):
        rule = {"expression": "every day 16:45", "tz": "UTC", "anchor": "2026-04-07T16:45:00Z"}
        says = """printf '%s %s %s\n' "${DEFER_SESSION_ID-none}" 0 / >>"$HOME/told"; exit 75"""
        one = v1_task("a", executor=place.executor(says), max_retries=1, recurrence=rule, session_id="before")
        place.write_store(one)
        place.wake_at(NOW)
        place.wake_at(at(hours=1))
        assert [one[0] for one in told(place)] == ["none", "none"]

    def test_a_sticky_one_that_has_failed_goes_on_where_it_was_before(self, place):
        self.put(place, "exit 1", sticky_session=True, session_id="s0")
        place.wake_at(NOW)
        assert place.task("a")["session_id"] == "s0"


class TestCallbacks:
    """A callback goes on in the conversation that it was scheduled in, in the directory of that."""

    def schedule(self, place, *flags, env=None, cwd=None):
        words = ["--when", "now", "--summary", "s", "--mode", "callback", "--id", "a", "--compact", *flags]
        done = place.defer(*words, env=env or {}, cwd=cwd or place.home)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def test_the_surrounding_agent_says_which(self, place):
        one = self.schedule(place, "--executor", executor(place), env={"CLAUDE_CODE_SESSION_ID": "abc"})
        assert (one["session_id"], one["session_directory"]) == ("abc", os.path.realpath(one["session_directory"]))

    def test_it_goes_on_there(self, place):
        there = place.base / "there"
        there.mkdir()
        self.schedule(place, "--executor", executor(place), "--session", "abc", cwd=there)
        place.wake()
        assert told(place) == [["abc", "0", str(there)]]
        assert place.archived()[0]["result"]["conversation"] == "continued"
        assert "This conversation goes on" in (place.home / "prompt.1").read_text()

    def test_a_hook_has_noted_it(self, place):
        open_here(place, "noted")
        one = self.schedule(place, "--executor", executor(place))
        assert (one["session_id"], one["session_directory"]) == ("noted", str(place.home))

    def test_two_that_are_open_here_are_told_apart_by_a_flag(self, place):
        open_here(place, "one", pid=1)
        with subprocess.Popen(["sleep", "1000"]) as other:
            open_here(place, "two", pid=other.pid)
            one = self.schedule(place, "--executor", executor(place))
            other.kill()
        assert "session_id" not in one
        assert any("2 conversations are open here: one, two (name one with --session)" in w for w in one["warnings"])

    def test_none_is_said(self, place):
        one = self.schedule(place, "--executor", executor(place))
        assert any("--mode callback begins a new conversation: none was found" in text for text in one["warnings"])
        place.wake()
        assert told(place)[0][0] == "none"
        assert "This is the continuation of work" in (place.home / "prompt.1").read_text()

    def test_another_agent_cannot_go_on_with_it(self, place):
        one = self.schedule(place, "--executor", "codex", env={"CLAUDE_CODE_SESSION_ID": "abc"})
        assert "session_id" not in one
        assert any("this one is of claude, and codex is to continue it" in text for text in one["warnings"])

    def test_another_workspace_is_refused_where_one_is_named(self, place):
        (place.base / "other").mkdir()
        open_here(place, "abc")
        flags = ("--executor", executor(place), "--workspace", str(place.base / "other"))
        done = place.defer("--when", "1h", "--summary", "s", "--mode", "callback", "--session", "abc", *flags)
        assert done.returncode == 2
        assert "belongs to" in done.stderr

    @pytest.mark.parametrize("flags", [("--session", "--x"), ("--session", "a b"), ("--session", "abc")])
    def test_what_is_no_session_of_a_callback_is_refused(self, place, flags):
        mode = () if flags[1] == "abc" else ("--mode", "callback")
        done = place.defer("--when", "1h", "--summary", "s", *mode, *flags)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1

    @pytest.mark.parametrize(
        ("agent", "session", "is_one"),
        [
            ("claude", "87c6bab2-6036-4fb7-8c15-5bcecd722f34", True),
            ("claude", "deploy", False),
            ("gemini", "latest", False),
            ("gemini", "5", False),
            ("copilot", "87c6bab", False),
            ("codex", "ses_de3799543ffeWkmk5q1NW1x2Fh", False),
            ("opencode", "ses_de3799543ffeWkmk5q1NW1x2Fh", True),
            ("opencode", "87c6bab2-6036-4fb7-8c15-5bcecd722f34", False),
        ],
    )
    def test_what_cannot_be_one_of_that_agents_is_refused(self, place, agent, session, is_one):
        words = ["--when", "1h", "--summary", "s", "--mode", "callback", "--executor", agent, "--session", session]
        done = place.defer(*words)
        assert done.returncode == (0 if is_one else 2)
        assert is_one or done.stderr.startswith("defer: not the id of a conversation of ")

    @pytest.mark.parametrize("directory", ["{base}/gone", "relative", "a\nb", "\0"])
    def test_a_directory_that_is_gone(self, place, monkeypatch, directory):
        (place.base / "relative").mkdir()
        monkeypatch.chdir(place.base)
        place.write_store(
            v1_task(
                "a",
                executor=executor(place),
                execution={"mode": "callback", "prompt_template": "p"},
                session_id="abc",
                session_directory=directory.format(base=place.base),
            )
        )
        place.wake_at(NOW)
        assert told(place)[0][0] == "none"
        result = place.archived()[0]["result"]
        assert result["conversation"] == "new"
        assert "the directory of abc is gone" in result["session_error"]
        assert result["session_error"].isprintable()


class TestOpenElsewhere:
    """A conversation that somebody has open is continued in a copy, where its agent can do that."""

    def put(self, place, **fields):
        where = {"session_id": "abc", "session_directory": str(place.home)}
        mode = {"execution": {"mode": "callback", "prompt_template": "p"}}
        place.write_store(v1_task("a", **{"executor": executor(place), **where, **mode, **fields}))

    def test_not_by_an_executor_that_nobody_knows(self, place):
        self.put(place)
        open_here(place, "abc")
        place.wake_at(NOW)
        result = place.archived()[0]["result"]
        assert (told(place)[0][0], result["conversation"]) == ("none", "new")
        assert result["session_error"] == "a new one was begun: abc is open elsewhere"

    def test_by_one_that_can(self, place, monkeypatch):
        self.put(place)
        open_here(place, "abc")
        monkeypatch.setattr(registry, "agent_of", lambda _: "codex")
        place.wake_at(NOW)
        assert told(place)[0][:2] == ["abc", "1"]
        assert place.archived()[0]["result"]["conversation"] == "forked"

    def test_what_a_copy_has_used_is_not_known_where_its_agent_counts_from_the_beginning(self, place, monkeypatch):
        says = """printf '{"session_id":"copy","session_usage":{"input_tokens":4800}}' >"$DEFER_RESULT_FILE" """
        self.put(place, executor=place.executor(says, "counts"))
        open_here(place, "abc")
        monkeypatch.setattr(registry, "agent_of", lambda _: "codex")
        place.wake_at(NOW)
        (run,) = place.runs()
        assert (run["session_id"], run["usage"]) == ("copy", None)

    def test_one_whose_process_has_ended_is_open_no_more(self, place):
        process = subprocess.Popen(["sleep", "1000"])
        open_here(place, "abc", pid=process.pid)
        process.kill()
        process.wait()
        self.put(place)
        place.wake_at(NOW)
        assert told(place)[0][:2] == ["abc", "0"]


class TestTheRecord:
    """What a record says of it."""

    @pytest.mark.parametrize(
        ("fields", "found"),
        [
            ({}, None),
            ({"sticky_session": True}, "s"),
            ({"attempts": 1}, "s"),
            ({"attempts": 1, "status": "executing"}, None),
            ({"attempts": 2, "status": "executing"}, "s"),
            ({"execution": {"mode": "callback"}, "session_directory": "/w"}, "s"),
            ({"execution": {"mode": "callback"}}, None),
            ({"session_directory": "/w"}, None),
        ],
    )
    def test_which_is_continued(self, fields, found):
        one = v1_task("a", session_id="s", **fields)
        assert conversation.session(one) == found
        assert (("session", "s") in shared(one)) == (found is not None)

    def test_the_usage_of_a_run_is_what_was_added(self):
        total = {"input_tokens": 3600, "output_tokens": 102}
        one = v1_task(
            "a", sticky_session=True, session_id="s", session_usage={"input_tokens": 2400, "output_tokens": 68}
        )
        assert conversation.used(one, "s", total) == {"input_tokens": 1200, "output_tokens": 34}
        assert conversation.used(one, "t", total) == total
        assert conversation.used({**one, "session_usage": None}, "s", total) is None
        assert conversation.used({**one, "session_usage": {"input_tokens": 9999}}, "s", total) == total
        # A copy counts on from what its original has used by then, which somebody else knows.
        assert conversation.used(one, "copy", total, "forked") is None
        assert conversation.used(one, "t", total, "new") == total

    def test_such_a_count_is_kept_with_the_conversation(self, place):
        rule = {"expression": "every day 16:45", "tz": "UTC", "anchor": "2026-04-07T16:45:00Z"}
        says = """n=$(cat "$HOME/n" 2>/dev/null || echo 0); n=$((n + 1200)); echo $n >"$HOME/n"
        printf '{"session_id":"s","session_usage":{"input_tokens":%s}}' $n >"$DEFER_RESULT_FILE" """
        place.write_store(v1_task("a", executor=place.executor(says), sticky_session=True, recurrence=rule))
        for day in range(3):
            place.wake_at(at(days=day))
        assert [run["usage"] for run in place.runs()] == [{"input_tokens": 1200}] * 3
        assert place.task("a")["session_usage"] == {"input_tokens": 3600}

    def test_one_that_is_gone_is_forgotten(self, place):
        rule = {"expression": "every day 16:45", "tz": "UTC", "anchor": "2026-04-07T16:45:00Z"}
        says = """printf '{"session_error":"it is gone"}' >"$DEFER_RESULT_FILE" """
        one = v1_task("a", executor=place.executor(says), sticky_session=True, session_id="s", recurrence=rule)
        place.write_store(one)
        place.wake_at(NOW)
        assert "session_id" not in place.task("a")
        assert place.archived()[0]["result"]["conversation"] == "new"
