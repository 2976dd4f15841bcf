"""The faces of `inbox --hook` and `hooks/session-start.sh`: the unread inbox, handed to an agent."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from defer import exits, fsio
from defer.client import Client
from defer.errors import EXIT_OK, BadInput, DeferError
from defer.executors import hooks
from defer.notices import allread, outbox, words

from . import hookinput, output

if TYPE_CHECKING:
    from argparse import Namespace

_PATIENCE_SECONDS = "2"
"""How long the lock is waited for: a session does not begin meanwhile."""


def inbox(
    client: Client, agent: str, event: str | None = None, *, everything: bool = False, is_read: bool = True
) -> None:
    """Print what nobody has seen in the form of an agent's hook; that much of it counts as read, if ``is_read``.

    Nothing where nothing is unread, and nothing inside an attempt: what an agent is told there, nobody hears.
    """
    if client.is_restricted or client.config.is_in_attempt:
        return
    file = client.config.notices_file
    state = fsio.stat(file)
    found = outbox.read(file)
    groups = words.grouped([*found.notices.values()] if everything else found.unread())
    text, told = words.for_agents(groups, client.config.timezone(), client.clock())
    if told:
        _print(hooks.of(agent), event, text)
        sys.stdout.flush()
    unread = [one["key"] for group in told for one in group if not found.is_read(one)]
    if unread and is_read and not exits.is_output_closed():
        # How many were dropped is not told here: whoever looks for himself is.
        with client.store.alone():
            outbox.mark_read(file, unread, client.clock(), with_dropped=False)
    elif not found.unread():
        allread.mark(file, state)


def _print(hook: hooks.Hook, event: str | None, text: str) -> None:
    if hook.form == hooks.TEXT:
        output.say(*text.splitlines())
    elif hook.form == hooks.PLAIN:
        output.print_json({"additionalContext": text}, compact=True)
    else:
        answer = {"hookSpecificOutput": {"hookEventName": event or hook.event, "additionalContext": text}}
        output.print_json(answer, compact=True)


def answer(connect: Callable[[], Client], args: Namespace) -> int:
    """Answer `inbox --hook`. What goes wrong is said on stderr, with exit 0: an agent waits for its hooks."""
    try:
        inbox(connect(), args.hook, everything=args.all, is_read=not args.peek)
    except (DeferError, OSError) as error:
        exits.warn(f"the inbox was not shown: {error}")
        exits.drop_output()
    return EXIT_OK


def start(_: Callable[[], Client], argv: list[str]) -> int:
    """Hand the inbox to the conversation that standard input tells of; ``argv`` names the agent.

    The conversation is noted, for an agent whose commands could not tell which one it is.

    Whatever goes wrong is one line on stderr, with exit 0: an agent waits for its hooks, and shows their failure.
    """
    troubles: list[str] = []
    try:
        agent = _agent(argv)
        client = Client({**os.environ, "DEFER_LOCK_TIMEOUT_SECONDS": _PATIENCE_SECONDS}, tell=troubles.append)
        said = hookinput.read()
        event = said.get("hook_event_name") if said else None
        begins = hooks.of(agent).tells_id or _noted(client, agent, said, troubles)
        if begins or event != hooks.PROMPT:
            inbox(client, agent, event if event in (hooks.START, hooks.PROMPT) else None)
    except DeferError as error:
        troubles.append(f"the inbox was not shown: {error}")
    except OSError as error:
        troubles.append(f"the inbox was not shown: {error}")
        exits.drop_output()
    for trouble in troubles[:1]:
        exits.warn(trouble)
    return EXIT_OK


def _agent(argv: list[str]) -> str:
    if len(argv) != 1 or argv[0] not in hooks.AGENTS:
        raise BadInput(f"which agent's session is it? (session-start.sh {', '.join(hooks.AGENTS)})")
    return argv[0]


def _noted(client: Client, agent: str, said: dict[str, object] | None, troubles: list[str]) -> bool:
    """Note a conversation; whether it begins: an event that comes with each prompt tells of one that is there, too."""
    from . import session  # it costs more than the inbox does

    try:
        return session.note_of(client, agent, said)
    except (BadInput, OSError) as error:
        troubles.append(f"the conversation was not noted: {error}")
        return False
