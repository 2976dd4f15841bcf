"""`defer mcp`: some commands as tools, for a client that has no shell and may do no more than an agent's attempt."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from jsonschema import Draft202012Validator
from mcp.client.client import Client as RealClient
from mcp.client.stdio import StdioServerParameters, stdio_client

from defer.commands import cli, mcp, mcptools, restricted
from defer.commands.mcptools import Answer
from defer.record import lineage
from defer.scheduling.served import Allowed
from support import DEADLINE_SECONDS, SCRIPTS, Place, slow_but, strict

NAMES = ["schedule", "list", "show", "cancel", "inbox", "history"]
SOON = {"when": "2h", "summary": "water the plants"}


# What is offered


def test_each_argument_is_a_flag_that_an_attempt_may_use() -> None:
    assert [*mcptools.TOOLS] == NAMES
    for name in NAMES:
        schema = mcptools.schema(name)
        Draft202012Validator.check_schema(schema)
        flags = {f"--{argument.replace('_', '-')}" for argument in schema["properties"]}
        assert flags <= restricted.ALLOWED[name] & {*mcptools.TOOLS[name].parser().flags()}
        assert {*schema["required"]} <= schema["properties"].keys()
    assert not {"executor", "command", "prompt_file", "notify"} & mcptools.schema("schedule")["properties"].keys()


@pytest.mark.parametrize(
    ("name", "argument", "taken"),
    [
        ("schedule", "when", {"type": "string"}),
        ("schedule", "count", {"type": "integer", "minimum": 0}),
        ("schedule", "max_cost", {"type": "number", "minimum": 0}),
        ("schedule", "worktree", {"type": "boolean"}),
        ("schedule", "artifact", {"type": "array", "items": {"type": "string"}}),
        ("schedule", "overlap", {"type": "string", "enum": ["skip", "queue"]}),
        ("history", "limit", {"type": "integer", "minimum": 0}),
    ],
)
def test_its_schema_is_that_of_the_flag(name: str, argument: str, taken: dict[str, Any]) -> None:
    found = dict(mcptools.schema(name)["properties"][argument])
    assert len(found.pop("description")) > 5
    assert found == taken


# What may be done, without the protocol around it


@pytest.fixture
def call(place: Place, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Call a tool as a client of a server in `notes` would, or ``at`` another place."""
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    (place.home / "notes" / "deep").mkdir(parents=True)
    (place.home / "other").mkdir()
    monkeypatch.chdir(place.home / "notes")

    def do(name: str, at: str = "notes", **given: Any) -> Answer:
        return mcptools.call(name, given, Allowed(os.path.realpath(place.home / at), "read"))

    return do


def done(answer: Answer) -> Any:
    """The JSON of an answer that is not an error."""
    assert not answer.is_error, answer.texts
    return strict(answer.texts[0])


def test_a_task_is_scheduled_seen_and_cancelled(place: Place, call: Callable[..., Answer]) -> None:
    made = done(call("schedule", **SOON, id="plants", tag=["home"], max_turns=3))
    assert (made["id"], made["tags"], made["max_turns"]) == ("plants", ["home"], 3)
    assert made["understood"]["appears"] == ["inbox"]
    stored = place.task("plants")
    assert {name: stored[name] for name in ("origin", "root", "depth", "permissions", "workspace")} == {
        "origin": "mcp",
        "root": lineage.SERVED,
        "depth": 1,
        "permissions": "read",
        "workspace": os.path.realpath(place.home / "notes"),
    }
    assert [one["id"] for one in done(call("list"))] == ["plants"]
    assert done(call("show", id="plants"))["status"] == "scheduled"
    assert done(call("cancel", id="plants"))["cancel_reason"] == "asked for by an MCP client"
    assert done(call("list")) == []
    assert [line.split(" origin=")[1] for line in place.audit("scheduled")] == ["mcp"]
    assert 'reason="asked for by an MCP client"' in place.audit("cancelled")[0]


def test_what_came_of_its_tasks_is_in_its_inbox_and_history(place: Place, call: Callable[..., Answer]) -> None:
    done(call("schedule", when="now", summary="call mom", id="mom"))
    place.defer("now", "call dad", "--id", "dad")
    place.wake()
    assert [one["id"] for one in done(call("history"))] == ["mom"]
    assert [one["id"] for one in done(call("inbox"))["notices"]] == ["mom"]
    assert done(call("inbox"))["notices"] == []
    assert [one["id"] for one in strict(place.defer("inbox", "--json").stdout)["notices"]] == ["dad"]


def test_its_inbox_says_nothing_of_what_others_have_not_read(place: Place, call: Callable[..., Answer]) -> None:
    place.defer("now", "call dad", "--id", "dad")
    place.wake()
    with (place.runtime / "notices.jsonl").open("a") as stream:
        stream.write('{"op":"dropped","count":5}\n')
    assert done(call("inbox")) == {"notices": [], "unread": 0, "dropped": 0}
    found = strict(place.defer("inbox", "--json").stdout)
    assert (found["unread"], found["dropped"]) == (1, 5)


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "a time": ("schedule", {**SOON, "when": "some day"}, "can't read"),
    "no time": ("schedule", {"summary": "x"}, "no time: --when is missing ("),
    "two times": ("schedule", {**SOON, "every": "2h"}, "not allowed with argument"),
    "a type": ("schedule", {**SOON, "count": "three"}, "schedule: count: 'three' is not of type 'integer' (see"),
    "a word": ("schedule", {**SOON, "overlap": "both"}, "overlap: 'both' is not one of ['skip', 'queue'] (see"),
    "nothing": ("schedule", {}, "schedule: 'summary' is a required property (see"),
    "an executor": ("schedule", {**SOON, "executor": "claude"}, "schedule does not take executor (it takes: when, "),
    "a command": ("schedule", {**SOON, "command": "id"}, "schedule does not take command ("),
    "a near name": ("schedule", {**SOON, "sumary": "x"}, "schedule does not take sumary (did you mean summary?)"),
    "not text": ("schedule", {**SOON, "prompt": "\ud800"}, "prompt is not valid UTF-8: "),
    "permissions": (
        "schedule",
        {**SOON, "permissions": "edit"},
        "an MCP client may not set permissions so (those of its",
    ),
    "commands": ("schedule", {**SOON, "allow": ["id"]}, "an MCP client may not set permissions so ("),
    "a place": ("schedule", {**SOON, "workspace": "/etc"}, "an MCP client may not set workspace so (name "),
    "a way out": ("schedule", {**SOON, "workspace": ".."}, "an MCP client may not set workspace so ("),
    "a file": ("schedule", {**SOON, "artifact": ["/etc/passwd"]}, "an MCP client may not name what lies outside its w"),
    "a model": ("schedule", {**SOON, "model": "large"}, "an MCP client may not set model so (it keeps that of its ser"),
    "for ever": (
        "schedule",
        {"every": "day at 9am", "summary": "x"},
        "an MCP client may not set a recurring time so (",
    ),
    "a task": ("show", {"id": "nope"}, "no such task: nope ("),
    "nobody's": ("cancel", {"id": "nope"}, "no such task: nope ("),
    "which": ("cancel", {}, "cancel takes an id"),
    "a moment": ("history", {"since": "once"}, "--since takes a duration or a moment"),
    "a hook": ("inbox", {"hook": "text"}, "inbox does not take hook (it takes: peek, all)"),
    "a tool": ("run", {}, "no such tool: run (there are: schedule, list, show, cancel, inbox, history)"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_one_line_and_changes_nothing(place: Place, call: Callable[..., Answer], wrong: str) -> None:
    name, given, line = WRONG[wrong]
    answer = call(name, **given)
    assert answer.is_error
    (said,) = answer.texts
    assert said.startswith(line) or line in said
    assert "\n" not in said
    assert place.tasks() == {}


def test_nothing_outside_the_workspace_is_seen_or_changed(place: Place, call: Callable[..., Answer]) -> None:
    place.defer("2h", "what a person wants", "--id", "mine", "--workspace", str(place.home / "notes"))
    done(call("schedule", at="other", **SOON, id="theirs"))
    done(call("schedule", **SOON, id="ours", workspace="deep"))
    assert [one["id"] for one in done(call("list", all=True))] == ["ours"]
    assert [one["id"] for one in done(call("list", upcoming="1d"))] == ["ours"]
    assert [one["id"] for one in done(call("list", at="other"))] == ["theirs"]
    for name in ("mine", "theirs"):
        assert call("show", id=name).texts[0].startswith("no such task")
        assert call("cancel", id=name).is_error
        assert call("schedule", **SOON, id=name).texts == [f"id is taken: {name} (choose another)"]
    assert {one["status"] for one in place.tasks().values()} == {"scheduled"}


def test_a_link_in_the_place_of_the_workspace_is_seen_through(place: Place, call: Callable[..., Answer]) -> None:
    (place.home / "notes" / "out").symlink_to(place.home / "other")
    assert call("schedule", **SOON, workspace="out").texts[0].startswith("an MCP client may not set workspace so")


def test_the_person_who_starts_it_may_say_more(place: Place, call: Callable[..., Answer]) -> None:
    home, by = os.path.realpath(place.home), place.executor("true")
    asked = {"a": Allowed(home, "edit"), "b": Allowed(home, "edit"), "c": Allowed(home, "read", by)}
    more: dict[str, dict[str, Any]] = {"a": {}, "b": {"permissions": "read"}, "c": {}}
    made = {name: done(mcptools.call("schedule", {**SOON, "id": name, **more[name]}, asked[name])) for name in asked}
    assert [one["permissions"] for one in made.values()] == ["edit", "read", "read"]
    assert [place.task(name).get("executor") for name in ("a", "b", "c")] == [None, None, by]


def test_all_that_comes_by_it_is_bounded_together(
    place: Place, call: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEFER_MAX_WAITING_PER_ROOT", "2")
    for name in ("a", "b"):
        done(call("schedule", **SOON, id=name))
    answer = call("schedule", **SOON, id="c", at="other")
    assert "of this chain 2 wait, as DEFER_MAX_WAITING_PER_ROOT allows: root (mcp) (" in answer.texts[0]
    assert place.tasks().keys() == {"a", "b"}
    (told,) = strict(place.defer("inbox", "--json").stdout)["notices"]
    assert (told["event"], told["id"]) == ("bounded", lineage.SERVED)


def test_what_is_beside_the_answer_comes_after_it(place: Place, call: Callable[..., Answer]) -> None:
    done(call("schedule", when="now", summary="x", id="x"))
    place.wake()
    place.wake()
    found = call("cancel", id="x")
    assert found.is_error
    assert found.texts[0].startswith("task has ended") or "completed" in found.texts[0]


# How it is started


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (["--workspace", "/no/such"], 2, "--workspace is not a directory: /no/such ("),
        ([], 2, "--workspace is missing ("),
        (["--workspace", ".", "--permissions", "much"], 2, "much"),
    ],
)
def test_what_cannot_be_served_is_said(
    words: list[str], status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main("front", ["mcp", *words]) == status
    said = capsys.readouterr()
    assert line in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_without_the_package_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mcp, "find_spec", lambda _name: None)
    assert cli.main("front", ["mcp", "--workspace", "."]) == 1
    assert capsys.readouterr().err.startswith("defer: the package mcp is not installed (make install EXTRAS=mcp)\n")


def test_no_attempt_may_serve(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DEFER_TASK_ID", "backup")
    assert cli.main("front", ["mcp", "--workspace", "."]) == 1
    assert capsys.readouterr().err == "defer: an attempt may not serve MCP (it may call defer itself)\n"


# The real client, over standard input and output


def served(place: Place, *words: str) -> StdioServerParameters:
    """How to start a server of the directory `notes`."""
    (place.home / "notes").mkdir(exist_ok=True)
    arguments = ["mcp", "--workspace", str(place.home / "notes"), *words]
    return StdioServerParameters(command=str(SCRIPTS / "schedule-task.sh"), args=arguments, env=place.env)


@pytest.mark.programs
@pytest.mark.parametrize("mode", slow_but({"legacy"}, ["auto", "legacy"]))
def test_a_client_of_either_protocol_works_with_it(place: Place, mode: str) -> None:
    """A server answers clients of today's protocol and of the one with a handshake, each as it asks."""

    async def talk() -> None:
        async with RealClient(stdio_client(served(place)), mode=mode) as client:
            tools = (await client.list_tools()).tools
            assert [one.name for one in tools] == NAMES
            assert {one.name: one.input_schema for one in tools} == {name: mcptools.schema(name) for name in NAMES}
            made = await client.call_tool("schedule", {**SOON, "id": "plants", "workspace": "."})
            assert (made.is_error, strict(made.content[0].text)["id"]) == (False, "plants")
            listed = await client.call_tool("list", {})
            assert [one["id"] for one in strict(listed.content[0].text)] == ["plants"]
            wrong = await client.call_tool("schedule", {**SOON, "executor": "claude"})
            assert (wrong.is_error, wrong.content[0].text[:32]) == (True, "schedule does not take executor ")
            assert (await client.call_tool("run", {})).is_error
            gone = await client.call_tool("cancel", {"id": "plants"})
            assert strict(gone.content[0].text)["status"] == "cancelled"
            for name in ("inbox", "history", "show"):
                assert not (await client.call_tool(name, {"id": "plants"} if name == "show" else {})).is_error

    anyio.run(talk)
    assert place.task("plants")["status"] == "cancelled"


HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}
ASK = [
    HELLO,
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "schedule", "arguments": SOON}},
]


@pytest.mark.programs
def test_stdout_has_the_protocol_alone_and_a_client_that_leaves_ends_it(place: Place) -> None:
    start = served(place)
    lines = ["this is not JSON", *map(json.dumps, ASK)]
    ended = subprocess.run(
        [start.command, *start.args],
        input="".join(f"{line}\n" for line in lines),
        env=place.env,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert ended.returncode == 0
    answers = [strict(line) for line in ended.stdout.splitlines()]
    assert {one["jsonrpc"] for one in answers} == {"2.0"}
    assert {one["id"] for one in answers if "result" in one} >= {1}
    assert "Traceback" not in ended.stderr


@pytest.mark.programs
def test_a_client_that_no_longer_reads_ends_it_without_a_word(place: Place, tmp_path: Path) -> None:
    start = served(place)
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [start.command, *start.args],
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.PIPE,
        env=place.env,
    )
    os.close(writing)
    os.close(reading)
    _, said = process.communicate("".join(f"{json.dumps(one)}\n" for one in ASK).encode(), timeout=DEADLINE_SECONDS)
    assert (process.returncode, said) == (0, b"")
