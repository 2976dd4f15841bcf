"""The face of `hooks/resume-after-limit.sh`: a conversation that a usage limit has ended goes on when that is over."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import takewhile
from typing import Any

from defer import exits, instants
from defer.client import Client
from defer.errors import EXIT_OK, BadInput, DeferError, Refused
from defer.executors import hooks, quota
from defer.record import task
from defer.record.codec import Task
from defer.scheduling.plan import Request

from . import hookinput, session

AGENTS = tuple(name for name, hook in hooks.AGENTS.items() if hook.tells_limits)
"""Those whose programs tell a hook that a turn has ended at a limit, and when that is over."""
_LIMIT = "rate_limit"
_SUMMARY = "Go on after the usage limit"
_PROMPT = "The usage limit that ended the last turn of this conversation is over. Go on with what you were doing."


def resume(connect: Callable[[], Client], argv: list[str]) -> int:
    """Defer going on to the end of the limit of which standard input tells; ``argv`` names the agent.

    Nothing inside an attempt, whose task waits for the limit by itself. Whatever goes wrong is one line on stderr, with
    exit 0.
    """
    try:
        if len(argv) != 1 or argv[0] not in AGENTS:
            raise BadInput(f"which agent's conversation is it? (resume-after-limit.sh {', '.join(AGENTS)})")
        client = connect()
        said = hookinput.read() or {}
        if said.get("error") == _LIMIT and not (client.is_restricted or client.config.is_in_attempt):
            _defer(client, argv[0], said)
    except (DeferError, OSError) as error:
        exits.warn(f"the conversation was not deferred: {error}")
    return EXIT_OK


def _defer(client: Client, agent: str, said: dict[str, Any]) -> Task:
    """The task that goes on in the conversation when the limit is over. Raises BadInput, Refused."""
    told = "\n".join(str(said.get(name) or "") for name in ("last_assistant_message", "error_details"))
    now = client.clock()
    found = quota.exhausted(told, now, client.config.timezone())
    if found is None or found.back_at is None:
        raise BadInput("its program did not say when the limit ends (schedule it yourself: --mode callback)")
    # A callback finds here which directory the conversation belongs to, and whether it is still open by then.
    session.note_of(client, agent, said)
    name = str(said.get("session_id"))
    one = Request(
        when=instants.to_text(found.back_at),
        context={"summary": _SUMMARY, "key_points": [], "artifacts": [], "constraints": []},
        task_id=f"go-on-{name}",
        mode="callback",
        session=name,
        prompt_template=_PROMPT,
        executor=agent,
        cwd=os.getcwd(),
    )
    _check_row(client, f"go-on-{name}")
    (made,) = client.add([client.plan(one, now)], "replace", now)
    return made


def _check_row(client: Client, task_id: str) -> None:
    """Raise Refused where so many in a row have come to nothing; one that somebody cancelled does not count."""
    limit = client.config.resume_limit
    ended = (one["status"] for one in client.ended_records(task_id) if one["status"] != task.CANCELLED)
    failed = sum(1 for _ in takewhile(lambda status: status != task.COMPLETED, ended))
    if failed >= limit:
        raise Refused(f"{failed} in a row have come to nothing (DEFER_RESUME_LIMIT={limit})")
