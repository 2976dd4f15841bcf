"""The face of `hooks/note-session.sh`: what an agent's hook is told of a conversation that begins, noted."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from defer import exits
from defer.client import Client
from defer.errors import EXIT_OK, BadInput
from defer.executors import conversations, names

from . import hookinput

_IDS = ("session_id", "sessionId", "sessionID")
"""As Claude Code, Codex and Gemini call it; Copilot; opencode."""


def note(connect: Callable[[], Client], argv: list[str]) -> int:
    """Note the conversation that standard input tells of; ``argv`` names the agent.

    An agent waits for its hooks, and shows their failure to its user: what is wrong is said on stderr, with exit 0.
    """
    try:
        agent = _agent(argv)
        said = hookinput.read()
        _told(said)
        note_of(connect(), agent, said)
    except (BadInput, OSError) as error:
        exits.warn(f"the conversation was not noted: {error}")
    return EXIT_OK


def note_of(client: Client, agent: str, said: dict[str, Any] | None) -> bool:
    """Note the conversation that a hook was told of; whether this process has it open only now.

    Raises BadInput where it was told of none, or where it is another's, OSError where there is no room.
    """
    session, directory = _told(said)
    found = conversations.here(agent, session, directory)
    known = conversations.named(client.config.runtime_dir, session)
    if client.is_restricted:
        _check_own(client, found)
    conversations.note(client.config.runtime_dir, found)
    return known is None or known.process != found.process


def _check_own(client: Client, found: conversations.Conversation) -> None:
    """Raise BadInput where an agent's attempt tells of a conversation that somebody else has open, or moves one."""
    known = conversations.named(client.config.runtime_dir, found.session)
    if known is None:
        return
    is_anothers = conversations.is_open(client.config.runtime_dir, found.session) and known.process != found.process
    if is_anothers or known.directory != found.directory:
        raise BadInput("an agent's attempt may not change what is noted of another's conversation")


def _agent(argv: list[str]) -> str:
    if len(argv) != 1 or not names.is_agent(argv[0]):
        raise BadInput("which agent's is it? (note-session.sh claude, codex, gemini, copilot …)")
    return argv[0]


def _told(found: dict[str, Any] | None) -> tuple[str, str | None]:
    """The id and the directory in a hook's input. Raises BadInput."""
    if found is None:
        raise BadInput("standard input is not a JSON object (an agent's session hook gives one)")
    session = next((found[name] for name in _IDS if name in found), None)
    if not names.is_session(session):
        raise BadInput("standard input names no conversation (session_id)")
    directory = found.get("cwd")
    return str(session), directory if isinstance(directory, str) and os.path.isabs(directory) else None
