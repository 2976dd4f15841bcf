"""What an agent, its session and its model may be called: nothing that a command line would take for an option."""

import json
import re

import pytest

from defer.executors import names
from support import NOW, SCRIPTS, quoted, v1_task

SCHEMA = json.loads((SCRIPTS.parent / "references" / "task-file.schema.json").read_text())["$defs"]
REAL_MODELS = [
    "opus",
    "4",
    "gpt-5.1-codex-max",
    "claude-opus-4-1[1m]",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
    "openrouter/anthropic/claude-3.7-sonnet:thinking",
    "@cf/meta/llama-3.1-8b-instruct",
    "claude-3-5-sonnet@20240620",
    "projects/p/locations/l/endpoints/123",
    "gpt-5(high)",
    "hf.co/unsloth/Qwen3-30B-A3B-GGUF:Q4_K_M",
]
REAL_SESSIONS = ["5f1c", "87c6bab2-6036-4fb7-8c15-5bcecd722f34", "ses_4dB2.x:1", "0199"]
REAL_AGENTS = ["claude", "agent-1", "team/reviewer", "plugin:reviewer", "@me", "4"]
HOSTILE = [
    "",
    "-",
    "-p",
    "--dangerously-skip-permissions",
    "--resume=x",
    "a b",
    " a",
    "a\n",
    "a\n--yolo",
    "a\t",
    "a\0b",
    "a\x1b[2J",
    "a\ud800",
    "a\u2028b",
    "\u2010p",
    "../x",
    "a/../b",
    "$(id)",
    "`id`",
    "a'b",
    'a"b',
    "a\\b",
    "é",
    "a" * 201,
]


@pytest.mark.parametrize("name", REAL_MODELS)
def test_real_models(name):
    assert names.is_model(name)


@pytest.mark.parametrize("name", REAL_SESSIONS)
def test_real_sessions(name):
    assert names.is_session(name)


@pytest.mark.parametrize("name", REAL_AGENTS)
def test_real_agents(name):
    assert names.is_agent(name)


@pytest.mark.parametrize("name", [*HOSTILE, None, 5, ["a"], {"a": 1}, True], ids=ascii)
def test_what_is_none(name):
    assert not names.is_session(name)
    assert not names.is_model(name)
    assert not names.is_agent(name)


def test_the_schema_of_task_files_has_the_same_patterns():
    for name, pattern in (("agent", names.AGENT), ("model", names.MODEL)):
        written = SCHEMA[name]["anyOf"][0]["pattern"]
        assert written == f"^{pattern}(?![\\s\\S])"
        assert all(not re.search(written, hostile) for hostile in HOSTILE)


@pytest.mark.programs
@pytest.mark.parametrize("field", ["model", "agent", "agent_id"])
@pytest.mark.parametrize("value", ["--yolo", "a b", "a\n--yolo", "../x", "-1", -1])
def test_a_task_file_that_names_one_is_refused_by_line(place, field, value):
    tasks = place.base / "tasks"
    tasks.mkdir()
    (tasks / "t.json").write_text(json.dumps({"schedule": "1h", "prompt": "p", field: value}, indent=1))
    done = place.defer("sync", str(tasks))
    assert done.returncode != 0
    assert f"t.json:4: {field}: must be a name of letters, digits and " in done.stderr
    assert "Traceback" not in done.stderr
    assert not place.tasks()


@pytest.mark.parametrize("flag", ["model", "agent"])
def test_one_that_is_given_as_a_flag_is_refused_and_no_file_is_written(place, flag):
    tasks = place.base / "tasks"
    done = place.defer("add", "a", "--schedule", "1h", "--prompt", "p", f"--{flag}=--yolo", "--dir", str(tasks))
    assert done.returncode == 2
    assert f": {flag}: must be a name of letters, digits and " in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(place.base.rglob("a.yml"))


@pytest.mark.parametrize("field", ["model", "agent"])
@pytest.mark.parametrize("value", ["--yolo", "a b", "a\n--yolo", "../x", "a\0b", "a\ud800"], ids=ascii)
def test_a_record_that_names_one_fails_and_nothing_runs(place, field, value):
    ran = place.base / "ran"
    place.write_store(v1_task("odd", executor=place.executor(f": >{quoted(ran)}"), **{field: value}), v1_task("fine"))
    counts = place.wake_at(NOW)
    ended = {one["id"]: one for one in place.archived()}
    assert counts["failed"] == 1
    assert ended["fine"]["status"] == "completed"
    assert ended["odd"]["error_type"] == "ConfigError"
    assert ended["odd"]["error"].startswith(f"{field} cannot be told to a program: {value!a} (cancel it, ")
    assert not ran.exists()


def test_a_record_of_a_task_file_says_where_to_mend_it(place):
    source = {"file": "/t/a.yml", "digest": "d"}
    place.write_store(v1_task("odd", executor="/bin/true", model="a b", source=source))
    place.wake_at(NOW)
    assert "(correct model in /t/a.yml, then: defer sync)" in place.archived()[0]["error"]


@pytest.mark.parametrize("session", ["--dangerously-skip-permissions", "a b", "a\nb", "[masked]", "a\0b", "a\ud800"])
def test_a_session_of_an_older_record_is_not_told_and_that_is_said(place, session):
    body = 'echo "${DEFER_SESSION_ID-none}"; exit 1'
    place.write_store(v1_task(executor=place.executor(body), sticky_session=True, session_id=session))
    place.wake_at(NOW)
    (ended,) = place.archived()
    assert place.attempt_log(place.runs()[0]) == b"none\n"
    assert ended["result"]["session_error"] == (
        f"a new one was begun: the old one's id cannot be told to a program: {session!a}"
    )


def test_a_plain_session_is_told(place):
    body = 'echo "$DEFER_SESSION_ID"'
    place.write_store(v1_task(executor=place.executor(body), sticky_session=True, session_id="5f1c"))
    place.wake_at(NOW)
    (ended,) = place.archived()
    assert ended["result"]["output"] == "5f1c"
    assert "session_error" not in ended["result"]


def test_a_session_of_a_task_that_continues_none_is_not_talked_about(place):
    place.write_store(v1_task(executor="/bin/true", session_id="--x"))
    place.wake_at(NOW)
    assert "session_error" not in place.archived()[0]["result"]
