"""The tools of `defer mcp`: each is a command, and its arguments are that command's flags.

A call becomes the words of a command line, and runs as that command does, with what it prints kept for the client. So
what a flag takes, what is refused and what is printed are said in one place.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import cache, partial
from typing import Any, NamedTuple

from defer import exits, spelling, visible
from defer.client import Client
from defer.errors import EXIT_OK, BadInput, DeferError
from defer.scheduling import served
from defer.scheduling.served import Allowed

from . import change, flags, history, inbox, lookflags, restricted, schedule, show
from . import list as listing
from .parser import Parser

_LONGEST = 200
_BY_MCP = "asked for by an MCP client"


class Tool(NamedTuple):
    """A command as clients may call it: ``said`` is what it is for, ``looks`` whether it changes nothing."""

    call: Callable[[Callable[[], Client], list[str]], int]
    parser: Callable[[], Parser]
    said: str
    required: tuple[str, ...] = ()
    form: str = "--compact"
    looks: bool = False


_WHEN = "Give one of when, every and cron. What recurs needs count. Without an executor it is a reminder in the inbox."
TOOLS: dict[str, Tool] = {
    "schedule": Tool(schedule.schedule, flags.schedule, f"Schedule work for later. {_WHEN}", ("summary",), "--json"),
    "list": Tool(listing.list_tasks, flags.listing, "List what is scheduled, paused or being executed.", looks=True),
    "show": Tool(show.show, lookflags.show, "Show one task, whether it waits or has ended.", ("id",), looks=True),
    "cancel": Tool(change.cancel, partial(flags.by_id, "cancel"), "Cancel a task by its id, or all with a label."),
    "inbox": Tool(inbox.inbox, lookflags.inbox, "Results that nobody has seen yet. What is shown counts as read."),
    "history": Tool(history.history, lookflags.history, "What ran, and what did not, the newest first.", looks=True),
}
_NOT_HERE = frozenset(
    {
        # What a client without a shell says in the call itself.
        *("--prompt-file", "--context-json", "--compact", "--json", "--table", "--help"),
        # What belongs to a conversation, to a session hook, or to version 1.
        *("--mode", "--hook", "--aura-level"),
    }
)
"""Flags that an agent's attempt may use and a client has no use for."""
_NUMBERS: dict[str, dict[str, Any]] = {"N": {"type": "integer", "minimum": 0}, "USD": {"type": "number", "minimum": 0}}
"""What a flag takes that is not text, by what its help calls it."""


def _arguments(name: str) -> Iterator[tuple[str, argparse.Action]]:
    """The arguments of a tool, each with the flag that it is."""
    parser = TOOLS[name].parser()
    for flag in parser.flags():
        if flag in restricted.ALLOWED[name] and flag not in _NOT_HERE:
            yield flag.removeprefix("--").replace("-", "_"), parser._option_string_actions[flag]


@cache
def schema(name: str) -> dict[str, Any]:
    """What a tool takes, as JSON Schema (draft 2020-12)."""
    return {
        "type": "object",
        "properties": {argument: _property(name, action) for argument, action in _arguments(name)},
        "required": [*TOOLS[name].required],
        "additionalProperties": False,
    }


def _property(name: str, action: argparse.Action) -> dict[str, Any]:
    if action.nargs == 0:
        taken: dict[str, Any] = {"type": "boolean"}
    elif action.choices:
        taken = {"type": "string", "enum": [*action.choices]}
    else:
        taken = {**_NUMBERS.get(str(action.metavar), {"type": "string"})}
    if isinstance(action, argparse._AppendAction):
        taken = {"type": "array", "items": taken}
    help_text = "the task's id" if action.dest == "id" and name != "schedule" else str(action.help)
    return {**taken, "description": help_text}


class Answer(NamedTuple):
    """What a client gets: texts, JSON first and lines beside it after that; or the line that says what was wrong."""

    texts: list[str]
    is_error: bool = False


def call(name: str, given: Mapping[str, Any], allowed: Allowed) -> Answer:
    """Run a tool. What goes wrong is an answer too, in the line that the command line would print."""
    printed, said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    exits.hold_warnings()
    try:
        if name not in TOOLS:
            raise BadInput(f"no such tool: {name} (there are: {', '.join(TOOLS)})")
        with redirect_stdout(printed), redirect_stderr(said):
            status = TOOLS[name].call(partial(_connect, allowed), _words(name, given, allowed))
            sys.stdout.flush()
        beside = [*exits.taken_warnings(), *said.getvalue().splitlines()]
    except DeferError as error:
        return Answer([visible.sentence(str(error))], is_error=True)
    except OSError as error:
        return Answer([visible.sentence(f"{error.strerror or error}: {error.filename or name}")], is_error=True)
    finally:
        exits.taken_warnings()
    printed.seek(0)
    return Answer([text for text in (printed.read(), "\n".join(beside)) if text], is_error=status != EXIT_OK)


def _connect(allowed: Allowed) -> Client:
    client = Client(tell=exits.warn)
    client.store, client.is_restricted = served.of(client.whole_store, client.config, allowed), True
    return client


def _words(name: str, given: Mapping[str, Any], allowed: Allowed) -> list[str]:
    """The words of the command line that a call stands for. Raises BadInput, Refused."""
    _check(name, given)
    words = [TOOLS[name].form]
    for argument, action in _arguments(name):
        flag = action.option_strings[-1]
        value = given.get(argument)
        if action.nargs == 0:
            words += [flag] if value else []
        elif value is not None:
            words += [f"{flag}={_text(argument, one)}" for one in (value if isinstance(value, list) else [value])]
    if name == "schedule":
        words += [f"--executor={allowed.executor}"] if allowed.executor else []
        words += [] if given.get("permissions") or given.get("allow") else [f"--permissions={allowed.permissions}"]
        _check_files(given, allowed)
    if name == "cancel" and not given.get("reason"):
        words.append(f"--reason={_BY_MCP}")
    return words


def _text(argument: str, value: object) -> str:
    text = str(value)
    if not visible.has_utf8_form(text):
        raise BadInput(f"{argument} is not valid UTF-8: {ascii(text)[:80]} (pass UTF-8)", field=argument)
    return text


def _check(name: str, given: Mapping[str, Any]) -> None:
    """Raise BadInput for arguments that are not of the tool's schema."""
    known = dict(_arguments(name))
    for argument in given:
        if argument not in known:
            near = spelling.nearest(argument, known)
            mend = f"did you mean {near}?" if near else f"it takes: {', '.join(known)}"
            raise BadInput(f"{name} does not take {visible.sentence(argument, 40)} ({mend})")
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    wrong = best_match(Draft202012Validator(schema(name)).iter_errors(given))
    if wrong is not None:
        where = "".join(f"{part}: " for part in wrong.path)
        raise BadInput(f"{name}: {where}{visible.sentence(wrong.message, _LONGEST)} (see the tool's input schema)")


def _check_files(given: Mapping[str, Any], allowed: Allowed) -> None:
    """Raise Refused for an artifact that is a file which an agent's attempt may not name either."""
    mine = served.mine(allowed, Client().config)
    for named in given.get("artifact") or ():
        if os.path.exists(named):
            restricted.check_file(mine, "--artifact", named)
