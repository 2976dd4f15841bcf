"""What a task asks for that not every task can have: a condition, a check, a worktree. Refused where it cannot be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from defer.errors import BadInput
from defer.record import task

if TYPE_CHECKING:
    from collections.abc import Callable

    from defer.record.codec import Task
    from defer.settings.config import Config

FIELDS = ("command", "condition", "check")
"""Fields of a record that are commands."""
FOR_AGENTS = {
    "executor": "executor",
    "permissions": "permissions",
    "model": "model",
    "max_cost_usd": "max_cost",
    "max_turns": "max_turns",
    "session_id": "session",
}
"""Fields that tell an executor what to do, each with the flag for it."""
_REMOVES = {"mode": "fresh"}
"""What a flag takes to remove what it has set, where that is not ``none``."""


def check(one: Task, config: Config) -> None:
    """Raise BadInput for a record that asks for what cannot be had."""
    if one.get("condition") and not (task.is_recurring(one) or one.get("expires_at")):
        why = "is asked again and again: say until when with --expires, e.g. --expires 2h"
        raise BadInput(lambda called: f"{called('condition')} of a task that runs once {why}", field="condition")
    if one.get("check") and not (one.get("command") or one.get("executor") or config.executor):
        why = "needs something to check: nothing is executed here (give --executor, or set DEFER_EXECUTOR)"
        raise BadInput(lambda called: f"{called('check')} {why}", field="check")
    no_worktree = _no_worktree(one, config) if one.get("worktree") else None
    if no_worktree:
        raise BadInput(lambda called: f"{called('worktree')} {no_worktree}", field="worktree")


def check_command(one: Task, *, has_prompt: bool, before: Task | None = None) -> None:
    """Raise BadInput for a task that is to run a command and says what an executor is to do. What a file says of that,
    its reader judges. ``before``: the task as it was, where it is changed."""
    if not one.get("command") or one.get("source"):
        return
    flags = [flag for field, flag in FOR_AGENTS.items() if one.get(field) is not None]
    flags += ["mode"] if (one.get("execution") or {}).get("mode") == "callback" else []
    flags += ["prompt_template"] if has_prompt else []
    if flags:
        had_command = before is not None and bool(before.get("command"))

        def what(called: Callable[[str], str]) -> str:
            others = ["command"] if had_command else flags
            removed = " ".join(f"{called(flag)} {_REMOVES.get(flag, 'none')}" for flag in others)
            mend = "leave one out" if before is None else f"add {removed}"
            return f"a command does not go with {', '.join(map(called, flags))}: that is for an executor ({mend})"

        raise BadInput(what, field="command")


def _no_worktree(one: Task, config: Config) -> str | None:
    """Why a task cannot have a worktree of its own; None where it can."""
    if one.get("sticky_session"):
        return "does not go with a sticky session, which belongs to one directory (leave one of them out)"
    if (one.get("execution") or {}).get("mode") == "callback":
        return "does not go with --mode callback, whose conversation belongs to another directory (leave one out)"
    if one.get("leave_running"):
        return "does not go with what is left running: its directory may be removed (leave one of them out)"
    if not (one.get("command") or one.get("executor") or config.executor):
        return "needs something that works in it: nothing is executed here (give --executor, or set DEFER_EXECUTOR)"
    from defer.context import noted, worktree
    from defer.executors import registry

    workspace = one.get("workspace") or one.get("cwd")
    if not workspace or noted.top(workspace) is None:
        return f"needs a workspace in a Git repository: {workspace or 'none'} is in none (name one with --workspace)"
    git = registry.program("git", config.get("PATH") or os.defpath, os.curdir)
    if git is None:
        return "needs git, which is not on PATH (install it)"
    try:
        worktree.check(git, workspace, config.environment)
    except worktree.Trouble as error:
        return f"cannot be made of {workspace}: {error}"
    return None
