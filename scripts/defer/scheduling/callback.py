"""The conversation in which a task of `--mode callback` is to go on: found as it is scheduled, or named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from defer.errors import BadInput
from defer.executors import conversations, names, registry
from defer.record import conversation
from defer.record.codec import Task
from defer.settings.config import Config

if TYPE_CHECKING:
    from defer.executors.conversations import Conversation


def onto(one: Task, named: str | None, config: Config) -> Task:
    """A task with the conversation that it came from, if that can be continued.

    ``named``: the id, from somebody who knows it. Raises BadInput for one of a task that is not a callback, for what is
    not an id, and for two directories.
    """
    if (one.get("execution") or {}).get("mode") != "callback":
        raise BadInput("--session is for --mode callback (give both)", field="session")
    found = _named(one, named, config) if named else _around(config)
    if found is None or _is_others(found, one, config):
        return one
    workspace = one.get("workspace")
    if workspace and workspace != found.directory:
        if not named:
            return one
        where = f"{found.session} belongs to {found.directory}, not to the workspace {workspace}"
        raise BadInput(f"the conversation {where} (leave --workspace out)", field="session")
    return {**one, "session_id": found.session, "session_directory": found.directory}


def doubt(one: Task, config: Config) -> str | None:
    """Why a callback will not go on in the conversation that it came from; None if it will, or nothing is run."""
    executor = one.get("executor") or config.executor
    if (one.get("execution") or {}).get("mode") != "callback" or conversation.is_callback(one) or not executor:
        return None
    return f"--mode callback begins a new conversation: {_why(one, executor, config)}"


def _why(one: Task, executor: str, config: Config) -> str:
    try:
        found = conversations.around(config.runtime_dir, config.environment)
    except conversations.Ambiguous as error:
        return f"{error} (name one with --session)"
    if found is None:
        return "none was found to continue (name it with --session, or let a hook note it: docs/agents.md)"
    if _is_others(found, one, config):
        return f"this one is of {found.agent}, and {executor} is to continue it (--executor {found.agent})"
    return f"this one belongs to {found.directory}, and the workspace is another (leave --workspace out)"


def _named(one: Task, session: str, config: Config) -> Conversation:
    if not names.is_session(session):
        what = f"not the id of a conversation: {session[:80]} (at most 128 letters, digits and ._:-)"
        raise BadInput(what, field="session")
    agent = registry.agent_of(one.get("executor") or config.executor)
    if agent and not registry.is_session(agent, session):
        product = registry.SHIPPED[agent].product
        raise BadInput(f"not the id of a conversation of {product}: {session}", field="session")
    known = conversations.named(config.runtime_dir, session)
    directory = one.get("workspace") or one.get("cwd") or str(config.home)
    return known or conversations.Conversation(session, None, directory)


def _around(config: Config) -> Conversation | None:
    try:
        return conversations.around(config.runtime_dir, config.environment)
    except conversations.Ambiguous:
        return None


def _is_others(found: Conversation, one: Task, config: Config) -> bool:
    """Whether it is of another agent than the one that is to continue it, or nobody is."""
    executor = one.get("executor") or config.executor
    agent = registry.agent_of(executor)
    return executor is None or (agent is not None and found.agent not in (None, agent))
