"""What a task asks of whoever works on it, as it is stored: by whom, where, with which model, at what cost."""

from __future__ import annotations

import os
from collections.abc import Sequence

from defer.errors import BadInput
from defer.record import shapes


def place(executor: str | None, workspace: str | None) -> dict[str, object]:
    """Who works on it, and where. Raises BadInput."""
    return {"executor": executor_name(executor), "workspace": workspace_path(workspace)}


def further(
    model: str | None,
    max_cost: float | None,
    max_turns: int | None,
    condition: str | Sequence[str] | None,
    check: str | Sequence[str] | None,
    shell: str | None,
) -> dict[str, object]:
    """With which model, at what cost, on what it depends, and what runs in an agent's place. Raises BadInput."""
    return {
        "condition": command("condition", condition),
        "check": command("check", check),
        "model": model_name(model),
        "max_cost_usd": cost_limit(max_cost),
        "max_turns": turn_limit(max_turns),
        "command": command("command", shell),
    }


def executor_name(named: str | None) -> str | None:
    """An executor as it is stored: a shipped one's name, or an absolute path. Raises BadInput."""
    if named is None:
        return None
    from defer.executors import registry

    if registry.find(named):
        return named
    if "/" not in named and not os.path.exists(named):
        raise BadInput(f"no such executor: {named} (a path, or one of: {registry.names()})", field="executor")
    return os.path.abspath(named)


def workspace_path(directory: str | None) -> str | None:
    """A workspace as it is stored: the real path, so that two names of one directory are one. Raises BadInput."""
    if directory is None:
        return None
    if not os.path.isdir(directory):
        raise BadInput(f"workspace is not a directory: {directory} (make it first)", field="workspace")
    return os.path.realpath(directory)


def model_name(named: str | None) -> str | None:
    """A model's name as it is stored: it will stand on a command line. Raises BadInput."""
    if named is None:
        return None
    from defer.executors import names

    if not names.is_model(named):
        what = f"not a model's name: {named!a} (letters, digits and @._:/+~,=()[]-, a letter, a digit or @ first)"
        raise BadInput(what, field="model")
    return named


def cost_limit(dollars: float | None) -> float | None:
    """What a run may cost, as it is stored. Raises BadInput."""
    if dollars is not None and shapes.amount(dollars) is not None:
        raise BadInput(f"not an amount that can be spent: {dollars} (give US dollars, such as 2.50)", field="max_cost")
    return dollars


def turn_limit(turns: int | None) -> int | None:
    """How often an agent may ask its model, as it is stored. Raises BadInput."""
    if turns is not None and shapes.positive(turns) is not None:
        raise BadInput(f"not a number of turns: {turns} (give at least 1)", field="max_turns")
    return turns


def command(field: str, wanted: str | Sequence[str] | None) -> str | list[str] | None:
    """A command as it is stored: a text for a shell, or a program with its arguments. Raises BadInput."""
    if wanted is None:
        return None
    words = [wanted] if isinstance(wanted, str) else list(wanted)
    if not words or not words[0].strip():
        raise BadInput(lambda called: f"{called(field)} takes a command: it is empty", field=field)
    return wanted if isinstance(wanted, str) else words
