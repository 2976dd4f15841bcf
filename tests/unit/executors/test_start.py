"""The shipped executors, with an agent that has put something of its own where its result is written.

Each runs as a wake runs it: the real executor, and a program on PATH in the agent's place.
"""

import json
import os
import re
import signal
import subprocess
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defer.executors import registry, resultfile, start
from defer.executors.agents.base import Plain, Wishes
from support import DEADLINE_SECONDS, NOW, SCRIPTS, quoted, umask, until, v1_task

pytestmark = pytest.mark.programs

SAID = {
    "claude": {"type": "result", "result": "done", "session_id": "5f1c", "total_cost_usd": 0.25},
    "codex": {"type": "thread.started", "thread_id": "5f1c"},
}
ANSWERED = {"type": "item.completed", "item": {"type": "agent_message", "text": "done"}}
USAGE = {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.25}
NO_SESSION = "session_id cannot be told to a program: it is not of at most 128 letters, digits and ._:-"
CANARY = '{"summary":"canary","hooks":"canary"}'


class Agent:
    """A store whose only task is for an agent that we play."""

    def __init__(self, place, agent="claude"):
        self.place, self.agent = place, agent
        self.bin = place.base / "bin"
        self.bin.mkdir()

    def does(self, body: str, said: object = None, **fields):
        """What the task came to, once the agent has done ``body`` and printed what its program prints."""
        printed = self.place.base / "printed"
        events = [SAID[self.agent], *([ANSWERED] if self.agent == "codex" else [])] if said is None else [said]
        printed.write_text("".join(json.dumps(event) + "\n" for event in events))
        program = self.bin / self.agent
        program.write_text(f"#!/bin/bash\n{body}\ncat {quoted(printed)}\n")
        program.chmod(0o755)
        self.place.write_store(v1_task(**{"executor": self.agent, **fields}))
        self.place.wake(env={"PATH": f"{self.bin}:{self.place.env['PATH']}"})
        return next(iter(self.place.archived()), None)


@pytest.fixture(params=["claude", "codex"])
def agent(request, place):
    return Agent(place, request.param)


@pytest.fixture
def claude(place):
    return Agent(place)


def is_said_and_known(place, done, odd):
    """The run counts, what the program said of it is kept, and what stood in the place of the result is told."""
    assert done["status"] == "completed", done
    assert done["result"].get("result_file_error") == odd
    assert (done["session_id"], place.runs()[0]["session_id"]) == ("5f1c", "5f1c")
    assert "canary" not in json.dumps([done, *place.runs()])
    assert [path.name for path in place.logs.rglob("*result*")] == []


class TestWhatStandsInThePlaceOfTheResult:
    def test_a_link_is_not_written_through(self, place, agent):
        settings = place.base / "settings.json"
        settings.write_text(CANARY)
        done = agent.does(f'ln -s {quoted(settings)} "$DEFER_RESULT_FILE"')
        assert settings.read_text() == CANARY
        is_said_and_known(place, done, "it is a symbolic link, and not read")

    def test_nor_one_to_what_is_not_there_yet(self, place, agent):
        hook = place.base / "hook.json"
        done = agent.does(f'ln -s {quoted(hook)} "$DEFER_RESULT_FILE"')
        assert not hook.exists()
        is_said_and_known(place, done, "it is a symbolic link, and not read")

    def test_a_hard_link_is_not_written_to(self, place, agent):
        settings = place.base / "settings.json"
        settings.write_text(CANARY)
        done = agent.does(f'ln {quoted(settings)} "$DEFER_RESULT_FILE"')
        assert settings.read_text() == CANARY
        is_said_and_known(place, done, "it is a hard link to a file with other names, and not read")

    def test_a_named_pipe_is_not_waited_for(self, place, agent):
        done = agent.does('mkfifo "$DEFER_RESULT_FILE"')
        is_said_and_known(place, done, "it is a FIFO, and not read")

    def test_a_directory_stays_and_the_run_counts(self, place, claude):
        done = claude.does('mkdir "$DEFER_RESULT_FILE"; touch "$DEFER_RESULT_FILE/x"')
        assert done["status"] == "completed"
        assert done["result"]["result_file_error"] == "it is a directory, and not read"
        log = place.attempt_log(place.runs()[0])
        assert b"claude: session and usage could not be written down: Is a directory\n" in log
        assert b"Traceback" not in log

    @pytest.mark.parametrize(
        ("body", "odd"),
        [
            ("printf 'not JSON'", "it is not JSON: Expecting value: line 1 column 1 (char 0)"),
            ("printf []", "it is not a JSON object"),
            (
                r"printf '{\0'",
                "it is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
            ),
            (r"""printf '{"summary":"%065536d"}' 0""", "it is larger than 65536 bytes"),
            (r"""printf '{"summary":"%010001d"}' 0""", "summary is longer than 10000 characters"),
            ("""printf '{"usage":{"cost_usd":1e999}}'""", "usage.cost_usd is not a number that can be kept"),
            ("""printf '{"usage":{"cost_usd":-5}}'""", "usage.cost_usd is not a number that can be kept"),
            (
                """printf '{"session_id":"--yolo","session_id":"--yolo"}'""",
                NO_SESSION,
            ),
            ("""printf '{"hooks":"canary"}'""", None),
        ],
    )
    def test_what_is_odd_in_it_does_not_hide_what_the_program_said(self, place, claude, body, odd):
        done = claude.does(f'{body} >"$DEFER_RESULT_FILE"')
        is_said_and_known(place, done, odd)
        assert place.runs()[0]["usage"] == USAGE

    def test_one_that_would_grow_too_large(self, place, claude):
        artifacts = ",".join(['"' + "x" * 4000 + '"'] * 16)
        source = place.base / "source"
        source.write_text(f'{{"summary":"{"x" * 1400}","artifacts":[{artifacts}]}}')
        assert resultfile.LIMIT_BYTES - 100 < source.stat().st_size <= resultfile.LIMIT_BYTES
        done = claude.does(f'cat {quoted(source)} >"$DEFER_RESULT_FILE"')
        is_said_and_known(place, done, "it is so large that nothing could be put beside it")
        assert place.runs()[0]["usage"] == USAGE

    def test_what_the_agent_may_say_is_kept(self, place, claude):
        done = claude.does("""printf '{"summary":"\\\\ud800 é","artifacts":["a"]}' >"$DEFER_RESULT_FILE" """)
        is_said_and_known(place, done, None)
        assert (done["result"]["summary"], done["result"]["artifacts"]) == ("\ud800 é", ["a"])

    def test_what_the_program_says_counts_before_what_the_agent_wrote(self, place, claude):
        done = claude.does("""printf '{"session_id":"theirs","usage":{"cost_usd":0}}' >"$DEFER_RESULT_FILE" """)
        is_said_and_known(place, done, None)
        assert place.runs()[0]["usage"] == USAGE

    def test_another_directory_in_the_place_of_ours(self, place, claude):
        """A file that is made in a directory of hooks or settings would be one of them."""
        elsewhere = place.base / "hooks"
        elsewhere.mkdir()
        ours = "ours=${DEFER_RESULT_FILE%/*}"
        done = claude.does(f'{ours}; mv "$ours" "$ours.moved"; ln -s {quoted(elsewhere)} "$ours"')
        assert done["status"] == "completed"
        assert done["result"]["result_file_error"] == "its directory is a link, and not looked into"
        assert list(elsewhere.iterdir()) == []

    def test_no_directory_at_all(self, claude):
        done = claude.does('rm -r "${DEFER_RESULT_FILE%/*}"')
        assert done["status"] == "completed"
        assert "Traceback" not in json.dumps(done)


class TestASessionsId:
    @pytest.mark.parametrize("name", ["--dangerously-skip-permissions", "a b", "a\n--yolo", "", 5, None, ["a"]])
    def test_an_odd_one_that_the_program_names_is_not_kept(self, claude, name):
        done = claude.does("", {**SAID["claude"], "session_id": name})
        assert done["status"] == "completed"
        assert "session_id" not in done

    def test_comes_back_in_one_word_with_its_flag(self, place, claude):
        called = place.base / "called"
        body = (
            f'printf "%s\\n" "$@" >>{quoted(called)}; [ ! -e {quoted(called)}.again ] && touch {quoted(called)}.again'
        )
        claude.does(
            f"{body} || exit 0; exit 1",
            sticky_session=True,
            session_id="5f1c0000-6036-4fb7-8c15-5bcecd722f34",
            model="opus",
            max_retries=0,
        )
        assert called.read_text().splitlines() == [
            *(
                "-p",
                "--output-format",
                "stream-json",
                "--verbose",
                "--model=opus",
                "--resume=5f1c0000-6036-4fb7-8c15-5bcecd722f34",
            )
        ]

    def test_one_that_only_the_agent_has_named_is_not_taken(self, place, claude):
        """It would be another conversation of its user's, which the next attempt would read."""
        said = '{"session_id":"theirs","usage":{"cost_usd":0},"summary":"kept"}'
        done = claude.does(f'printf %s {quoted(said)} >"$DEFER_RESULT_FILE"; echo plain; exit')
        assert (done["result"]["summary"], done["result"]["output"]) == ("kept", "plain")
        assert "session_id" not in done
        assert (place.runs()[0]["session_id"], place.runs()[0]["usage"]) == (None, None)


class TestWhatItPrints:
    @pytest.mark.parametrize(
        "printed",
        [
            "[" * 100_000,
            '{"a":' * 100_000,
            '{"type":"result","total_cost_usd":1' + "0" * 400 + "}",
            '{"type":"result","usage":{"input_tokens":'
            + "9" * 4300
            + ',"cache_read_input_tokens":'
            + "9" * 4300
            + "}}",
            '{"type":"result","usage":{"input_tokens":-5,"output_tokens":1e999},"total_cost_usd":1e999}',
            '{"type":"result","usage":{"input_tokens":true,"output_tokens":[]},"total_cost_usd":-1}',
            '{"type":"result","result":{"a":1},"session_id":{"a":1},"permission_denials":[[],{"tool_name":5}]}',
            '{"type":"result","type":"result","session_id":"a","session_id":"--yolo"}',
            '{"type":"turn.completed","usage":{"input_tokens":1e999}}\n{"type":{}}\n{"type":"item.completed","item":[]}',
            '{"type":"thread.started","thread_id":"--yolo"}',
            "\0\0\0",
            "\ufeff\ufeff{}",
            "\x1b[2J\u202e",
            '{"type":"result","is_error":true,"result":null,"errors":[null,5,"\\ud800"]}',
        ],
        ids=range(14),
    )
    def test_odd_json_ends_in_no_traceback_and_is_no_option(self, place, agent, printed):
        source = place.base / "source"
        source.write_text(printed)
        done = agent.does(f"cat {quoted(source)}; exit")
        (run,) = place.runs()
        log = place.attempt_log(run)
        assert b"Traceback" not in log, log[:2000]
        assert "session_id" not in done
        for value in (run["usage"] or {}).values():
            assert 0 <= value <= 10**15

    def test_the_names_of_tools_are_on_one_line(self, claude):
        denied = [{"tool_name": "Bash\nclaude: all is well"}]
        done = claude.does("", {**SAID["claude"], "permission_denials": denied})
        what = "permission denied for Bash claude: all is well"
        assert done["error"] == f"{what} (see --permissions, or allow it in its settings)"
        assert done["error_type"] == "PermissionBlocked"

    @pytest.mark.slow
    def test_more_than_anybody_reads(self, place, claude):
        """It costs no memory, though whoever reads it is bound to half of it."""
        bound = place.executor(f"ulimit -v 1000000; exec {quoted(SCRIPTS / 'executors' / 'claude')}")
        done = claude.does("head -c 2000000000 /dev/zero; exit", executor=bound)
        assert done["status"] == "completed", done

    @pytest.mark.slow
    def test_the_end_of_a_long_conversation_counts(self, place):
        events = [
            {"type": "thread.started", "thread_id": "5f1c"},
            {"type": "item.completed", "item": {"type": "agent_message", "text": "working"}},
            {"type": "item.completed", "item": {"type": "agent_message", "text": "done"}},
            {"type": "turn.completed", "usage": {"input_tokens": 3}},
        ]
        begin, work, last, end = (quoted(json.dumps(event)) for event in events)
        body = f"echo {begin}; yes {work} | head -n 400000; echo {last}; echo {end}; exit"
        done = Agent(place, "codex").does(body)
        assert (done["result"]["output"], done["session_id"]) == ("done", "5f1c")
        assert place.runs()[0]["usage"] == {"input_tokens": 3, "output_tokens": 0}

    def test_what_it_leaves_running_is_not_waited_for(self, claude):
        """The program's own end decides, whoever else holds its standard output."""
        claude.place.env["DEFER_KILL_GRACE_SECONDS"] = "0"
        done = claude.does("(trap '' TERM; exec sleep 600) &")
        assert (done["status"], done["result"]["output"]) == ("completed", "done")


class TestToldToEnd:
    """At a timeout, or as its runner is stopped: what the program has said so far counts."""

    def stopped(self, place, body):
        agent, begun = Agent(place, "codex"), place.base / "begun"
        program = agent.bin / "codex"
        program.write_text(f"#!/bin/bash\necho '{json.dumps(SAID['codex'])}'\n{body.format(begun=quoted(begun))}\n")
        program.chmod(0o755)
        place.write_store(v1_task(executor="codex", sticky_session=True))
        env = {"PATH": f"{agent.bin}:{place.env['PATH']}", "DEFER_KILL_GRACE_SECONDS": f"{DEADLINE_SECONDS:g}"}
        return begun, place.start("run-deferred.sh", env=env)

    def test_the_session_that_it_named_is_kept_and_not_one_that_the_agent_wrote(self, place):
        body = """printf '{{"session_id":"theirs"}}' >"$DEFER_RESULT_FILE"; : >{begun}; exec sleep 600"""
        begun, runner = self.stopped(place, body)
        until(begun.exists)
        runner.terminate()
        runner.wait()
        (run,) = place.runs()
        assert (run["error_type"], run["exit_code"], run["session_id"]) == ("RunnerStopped", 143, "5f1c")
        assert run["error"] == "the runner was stopped"
        assert place.archived()[0]["session_id"] == "5f1c"

    def test_an_agent_that_nobody_else_tells_is_told(self, place):
        begun, runner = self.stopped(place, "echo $PPID >{begun}.new; mv {begun}.new {begun}; exec sleep 600")
        until(begun.exists)
        os.kill(int(begun.read_text()), signal.SIGTERM)
        runner.wait()
        (run,) = place.runs()
        assert (run["exit_code"], run["session_id"]) == (143, "5f1c")

    def test_one_that_has_closed_its_output_is_waited_for(self, place):
        begun, runner = self.stopped(place, "exec >&-; echo $PPID >{begun}.new; mv {begun}.new {begun}; exec sleep 600")
        until(begun.exists)
        os.kill(int(begun.read_text()), signal.SIGTERM)
        runner.wait()
        assert place.runs()[0]["session_id"] == "5f1c"


def test_the_agent_has_the_umask_of_whoever_woke_the_runner(place, claude):
    made = place.base / "made"
    program = claude.bin / "claude"
    program.write_text(f"#!/bin/bash\n: >{quoted(made)}\n")
    program.chmod(0o755)
    place.write_store(v1_task(executor="claude"))
    place.wake(env={"PATH": f"{claude.bin}:{place.env['PATH']}"}, preexec_fn=umask(0))
    assert made.stat().st_mode & 0o777 == 0o666


def test_a_prompt_that_is_no_plain_file_is_not_waited_for(place, claude):
    os.mkfifo(place.base / "fifo")
    for path in (place.base / "fifo", place.base, place.base / "none"):
        env = {"PATH": f"{claude.bin}:{place.env['PATH']}", "DEFER_PROMPT_FILE": str(path)}
        done = place.run("executors/claude", env=env, stdin=subprocess.DEVNULL)
        assert done.returncode == 78
        assert done.stderr == f"claude: no prompt to read: '{path}' (the runner names it in DEFER_PROMPT_FILE)\n"


def test_a_program_that_cannot_be_started(place, claude):
    program = claude.bin / "claude"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    place.write_store(v1_task(executor="claude"))
    place.wake(env={"PATH": f"{claude.bin}:{place.env['PATH']}"})
    assert "cannot be started: No such file or directory" in place.archived()[0]["error"]
    assert place.archived()[0]["error_type"] == "ConfigError"


@pytest.mark.parametrize("agent", registry.AGENTS)
def test_every_word_of_a_call_is_ours_or_behind_something_of_ours(agent):
    """Whatever the values: the patterns in ``names`` are a second wall."""
    words = registry.agent(agent).start(Wishes(model="--model-x", session="--session-x")).arguments
    given = [word for word in words if "-x" in word]
    assert len(given) == 2
    flags = [word.partition("=")[0] for word in given if re.match(r"--[a-z-]+=--", word)]
    for word in given:
        assert word.partition("=")[0] in flags or words[words.index(word) - 1] == "--"
    usual = registry.agent(agent).start(Wishes()).arguments
    assert not [word for word in usual if word.partition("=")[0] in flags], "nothing is asked for"


def test_what_is_heard_is_bounded_and_keeps_its_ends():
    plain = Plain()
    for number in range(40):
        plain.add(f"{number:02}" * (1 << 19))
    text = plain.text
    assert len(text) == (1 << 20) + 1 + (8 << 20)
    assert (text[:2], text[-2:]) == ("00", "39")
    short = Plain()
    short.add("a" * (9 << 20))
    assert short.text == "a" * (9 << 20)


@given(st.text("aé\n\ufeff", max_size=20), st.lists(st.integers(0, 40), max_size=4))
def test_lines_come_whole_however_they_are_cut(text, cuts):
    raw, heard = text.encode(), start.Lines()
    at = sorted({0, *(min(cut, len(raw)) for cut in cuts), len(raw)})
    lines = [line for begin, end in pairwise(at) for line in heard.add(raw[begin:end])]
    lines += heard.add(b"", is_last=True)
    assert "".join(lines) == text.removeprefix("\ufeff")
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines[:-1])


def test_a_line_that_is_longer_than_anybody_writes_comes_in_parts():
    heard = start.Lines()
    parts = [len(line) for _ in range(300) for line in heard.add(b"x" * (1 << 16))]
    assert parts == [(8 << 20) + (1 << 16)] * 2


def test_a_slot_without_anything_known_adds_nothing(tmp_path):
    path = Path(tmp_path, "result")
    slot = start.ResultSlot(path)
    slot.add({}, NOW)
    assert not path.exists()
    path.symlink_to(tmp_path / "none")
    slot.add({}, NOW)
    assert path.is_symlink()
    slot.add({"session_id": "a"}, datetime.now(UTC))
    assert json.loads(path.read_text()) == {"session_id": "a", "odd": "it is a symbolic link, and not read"}
    assert path.stat().st_mode & 0o777 == 0o600
