"""What opencode's program prints, beside what was recorded of it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from defer.executors import registry
from defer.executors.agents.base import Gone, Wishes
from support import heard

EMPTY = (
    '{"type":"step_start","sessionID":"ses_1","part":{}}\n'
    '{"type":"step_finish","sessionID":"ses_1","part":{"reason":"unknown"}}\n'
)
LIMIT = (
    'level=ERROR message="stream error" session.id=ses_1 small=false agent=build '
    'error.error="AI_APICallError: Rate limit reached"\n'
)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The directory of its database, in which two conversations are."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "opencode").mkdir()
    with closing(sqlite3.connect(tmp_path / "opencode" / "opencode.db")) as database, database:
        database.execute("CREATE TABLE session (id TEXT, directory TEXT)")
        rows = [("ses_here", str(tmp_path)), ("ses_there", "/elsewhere")]
        database.executemany("INSERT INTO session VALUES (?, ?)", rows)
    return tmp_path


def start(session, workspace):
    return registry.agent("opencode").start(Wishes(session=session, workspace=workspace))


def test_a_conversation_of_another_directory_is_not_continued(data):
    """It would ask its model, and then wait for ever."""
    with pytest.raises(Gone, match="it belongs to /elsewhere"):
        start("ses_there", data)
    for session in ("ses_here", "ses_unknown"):
        assert f"--session={session}" in start(session, data).arguments


@pytest.mark.parametrize("content", [None, b"", b"not a database" * 100])
def test_a_database_that_cannot_be_read_says_nothing(content, data):
    path = data / "opencode" / "opencode.db"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert "--session=ses_there" in start("ses_there", data).arguments


@pytest.mark.parametrize("named", ["my.db", "{data}/apart/my.db"])
def test_a_database_of_another_name_is_found(named, data, monkeypatch):
    named = named.format(data=data)
    path = data / "opencode" / named
    path.parent.mkdir(exist_ok=True)
    (data / "opencode" / "opencode.db").rename(path)
    monkeypatch.setenv("OPENCODE_DB", named)
    with pytest.raises(Gone, match="it belongs to /elsewhere"):
        start("ses_there", data)


def test_so_is_that_of_another_channel(data):
    (data / "opencode" / "opencode.db").rename(data / "opencode" / "opencode-dev.db")
    with pytest.raises(Gone, match="it belongs to /elsewhere"):
        start("ses_there", data)


@pytest.mark.parametrize("content", [None, b"not a database" * 100])
def test_where_no_database_can_be_read_the_program_is_asked(content, data, monkeypatch):
    path = data / "opencode" / "opencode.db"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    program = data / "opencode-bin" / "opencode"
    program.parent.mkdir()
    says = """[ "$*" = "export ses_there" ] || exit 1
    echo "Exporting session: ses_there" >&2; printf '%s' '{"info": {"id": "ses_there", "directory": "/elsewhere"}}'"""
    program.write_text(f"#!/bin/sh\n{says}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    with pytest.raises(Gone, match="it belongs to /elsewhere"):
        start("ses_there", data)
    assert "--session=ses_gone" in start("ses_gone", data).arguments


def test_steps_without_anything_in_them_are_a_service_that_cannot_be_reached():
    assert heard("opencode", EMPTY).retrying
    said = '{"type":"text","sessionID":"ses_1","part":{"text":"Done."}}\n'
    assert heard("opencode", EMPTY + said).retrying is None


def test_its_log_names_its_session_and_why_it_waits():
    found = heard("opencode", "", LIMIT)
    assert (found.session_id, found.retrying) == ("ses_1", "AI_APICallError: Rate limit reached")
    assert heard("opencode", "", LIMIT.replace("small=false", "small=true")).retrying is None


@pytest.mark.parametrize("is_log_first", [True, False])
def test_a_reason_that_its_events_hide_is_that_of_its_log(is_log_first):
    error = {"name": "UnknownError", "data": {"message": "Unexpected server error. Check server logs for details."}}
    event = json.dumps({"type": "error", "sessionID": "ses_1", "error": error}) + "\n"
    log = 'level=ERROR message=failed ref=err_1 error="ProviderModelNotFoundError: Model not found: a/b." cause="x"\n'
    reader = registry.agent("opencode").reader()
    steps = [lambda: reader.complain(log), lambda: reader.feed(event)]
    for step in steps if is_log_first else reversed(steps):
        step()
    found = reader.report()
    assert (found.failure, found.is_hopeless) == ("ProviderModelNotFoundError: Model not found: a/b.", True)


def test_the_tokens_of_all_steps_are_added_up():
    step = {"reason": "stop", "tokens": {"input": 10, "output": 2, "cache": {"read": 3, "write": 1}}, "cost": 0.5}
    line = json.dumps({"type": "step_finish", "sessionID": "ses_1", "part": step}) + "\n"
    usage = heard("opencode", line * 2).usage
    assert usage == {"input_tokens": 28, "cached_input_tokens": 6, "output_tokens": 4, "cost_usd": 1.0}


def test_the_directory_of_its_data_is_below_home_by_default(data, monkeypatch):
    monkeypatch.delenv("XDG_DATA_HOME")
    home = data / "home"
    (home / ".local" / "share").mkdir(parents=True)
    (data / "opencode").rename(home / ".local" / "share" / "opencode")
    monkeypatch.setattr(Path, "home", lambda: home)
    with pytest.raises(Gone):
        start("ses_there", data)
