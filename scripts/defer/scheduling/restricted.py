"""What an agent's attempt may schedule and change: nothing wider than its own task.

This is a guard rail and not a wall: who runs as the same user can step over it. It keeps an agent that was tricked, or
is mistaken, from gaining through Defer what its own task was not given.

The rules are about records, so that they hold whatever a record was made with. A field that no rule names is refused:
whoever adds a field decides what an agent may do with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from defer import homedir, process
from defer.errors import BadInput, NoHome, Refused
from defer.executors import profiles
from defer.record import versions
from defer.settings.config import Config

if TYPE_CHECKING:
    from defer.record.types import Task

MOST_RETRIES = 5
_RESULT_BYTES = 64 << 10
FREE = frozenset(
    {
        *("id", "created_at", "type", "intent", "execution", "schema_version", "requires", "tags", "drift"),
        *("name", "description", "when_to_use", "origin", "parent", "root", "depth", "reschedules"),
        # When: a chain of tasks is bounded by other means.
        *("run_at", "occurrence", "when", "tz", "expires_at"),
        # What becomes of a task: its life, not a wish.
        "missed_at",
        *(
            "status",
            "attempts",
            "started_at",
            "completed_at",
            "failed_at",
            "cancelled_at",
            "paused_at",
            "paused_until",
            "ready_at",
        ),
        *(
            "skipped_at",
            "cancel_reason",
            "last_attempt_at",
            "last_error",
            "error",
            "error_type",
            "result",
            "held",
            "last",
        ),
        *(
            "deferrals",
            "stretch",
            "reason",
            "cancel_requested_at",
            "after_attempt",
            "cancel_occurrence",
            "run",
            "ended",
        ),
        *("ended_runs",),
    }
)
"""Fields that an agent's attempt may give any value."""
REFUSED = frozenset(
    {
        *("command", "env", "env_file", "condition", "check", "notify", "ping", "source", "copy_of", "reorient"),
        *("reorient_requested", "session_usage"),
    }
)
"""Fields that it may not set at all."""
_NOTHING: tuple[object, ...] = (None, False, {"requested": False, "project": None, "explicit_context_file": None})


class Own(NamedTuple):
    """The task whose attempt this is, the directory that it works in, and the settings.

    ``worktree``: where it works in a worktree of that directory's repository, if it does. ``who`` and ``whose`` are
    how a refusal calls the one who asks, and what that is held to.
    """

    task: Task
    workspace: str
    config: Config
    worktree: str | None = None
    who: str = "an agent's attempt"
    whose: str = "its own task"

    def holds(self, path: str) -> bool:
        """Whether a path lies where this attempt works."""
        return any(is_inside(path, one) for one in (self.workspace, self.worktree) if one)


def own(task: Task, config: Config) -> Own:
    """What is known of the task of this attempt."""
    directory = task.get("workspace") or task.get("cwd") or _home(task)
    there = None
    if task.get("worktree"):
        from defer.context import worktree

        there = os.path.realpath(worktree.directory(worktree.place(task, config.worktrees_dir, config.tasks_file)))
    return Own(task, os.path.realpath(directory), config, there)


def _home(task: Task) -> str:
    """The runner's: whoever is inside the attempt may change HOME. Raises NoHome."""
    runner = (task.get("run") or {}).get("runner")
    told = process.variable_of(runner["pid"], "HOME") if runner and process.is_alive(runner) else None
    found = told or homedir.account()
    if not os.path.isabs(found):
        raise NoHome(found)
    return found


def is_inside(path: str, directory: str) -> bool:
    """Whether a path lies in a directory, or is it, whatever links lead there."""
    return Path(os.path.realpath(path)).is_relative_to(directory)


def inherited(new: Task, mine: Own) -> Task:
    """A new record with what it takes from the task of this attempt, where it says nothing of that itself."""
    whole: dict[str, Any] = {**new}
    if not whole.get("workspace"):
        whole["workspace"] = mine.workspace
    for name in (*_SAME, *_NARROWER):
        if whole.get(name) is None and mine.task.get(name) is not None:
            whole[name] = mine.task.get(name)
    record = cast("Task", whole)
    if (record.get("execution") or {}).get("mode") == "callback" and not record.get("session_id"):
        from . import callback  # whose conversation it is depends on the executor

        record = callback.onto(record, None, mine.config)
    return versions.requiring(record)


def check(record: Task, mine: Own, before: Task | None = None) -> Task:
    """The record, if it is not wider than the task of this attempt; a field that is as it was ``before`` is passed.

    Raises Refused.
    """
    known = dict(before or {})
    for name, value in record.items():
        if name in FREE or (name in known and known[name] == value):
            continue
        rule = _RULES.get(name)
        if rule is not None:
            rule(value, mine)
        elif value not in _NOTHING:
            raise _wider(mine, name, "leave it out")
    for name in known.keys() - record.keys():
        if name in _RULES:
            _RULES[name](None, mine)
    return record


def _wider(mine: Own, name: str, mend: str) -> Refused:
    return Refused(f"{mine.who} may not set {name} so ({mend})")


def _same(name: str) -> Callable[[object, Own], None]:
    def rule(value: object, mine: Own) -> None:
        if value != dict(mine.task).get(name):
            raise _wider(mine, name, f"it keeps that of {mine.whose}")

    return rule


def _at_most(name: str) -> Callable[[object, Own], None]:
    def rule(value: Any, mine: Own) -> None:
        most: Any = dict(mine.task).get(name)
        if most is not None and (value is None or value > most):
            raise _wider(mine, name, f"at most {most:g}, as {mine.whose}")

    return rule


def _only_as(name: str) -> Callable[[object, Own], None]:
    def rule(value: object, mine: Own) -> None:
        if value and not dict(mine.task).get(name):
            raise _wider(mine, name, f"{mine.whose} does not have it")

    return rule


def _workspace(value: object, mine: Own) -> None:
    if not isinstance(value, str) or not mine.holds(value):
        raise _wider(mine, "workspace", f"name {mine.workspace} or a directory in it")


def _worktree(value: object, mine: Own) -> None:
    """A task that works in one keeps to that; to ask for one is to ask for less."""
    if mine.task.get("worktree") and not value:
        raise _wider(mine, "worktree", f"{mine.whose} works in one")


def _cwd(_value: object, _mine: Own) -> None:
    """Where it was scheduled is told in the prompt; it runs in its workspace."""


def _timeout(value: Any, mine: Own) -> None:
    most = mine.task.get("timeout_seconds")
    limit = mine.config.timeout_seconds if most is None else most
    # 0 stands for none.
    if limit and value is not None and not 0 < value <= limit:
        raise _wider(mine, "timeout", f"at most {limit:g} seconds, as {mine.whose}")


def _retries(value: Any, mine: Own) -> None:
    most = max(MOST_RETRIES, int(mine.task.get("max_retries") or 0))
    if (value or 0) > most:
        raise _wider(mine, "max_retries", f"at most {most}")


def _recurrence(value: Any, mine: Own) -> None:
    """It must have an end: one that recurs for ever adds no task to its chain."""
    most = mine.config.max_reschedules
    count = value.get("count") if isinstance(value, dict) else None
    if value is not None and (type(count) is not int or count > most):
        raise _wider(mine, "a recurring time", f"give --count, at most {most}")


def _conversation(value: object, mine: Own) -> None:
    """Its own, as its executor has noted it: another one may hold what its task was not given."""
    if value is not None and value != _own_conversation(mine.task):
        raise _wider(mine, "a conversation", "it may go on in its own alone")


def _own_conversation(task: Task) -> str | None:
    log = (task.get("run") or {}).get("log")
    if not log:
        return None
    with suppress(OSError, ValueError, RecursionError, AttributeError):
        with Path(log).with_suffix(".result.json").open("rb") as file:
            found: object = json.loads(file.read(_RESULT_BYTES)).get("session_id")
        return found if isinstance(found, str) else None
    return None


def _conversations_directory(value: object, mine: Own) -> None:
    if value is not None and (not isinstance(value, str) or not mine.holds(value)):
        raise _wider(mine, "session_directory", f"name {mine.workspace} or a directory in it")


def _context(value: Any, mine: Own) -> None:
    for one in (value or {}).get("artifacts") or []:
        text = str(one)
        is_elsewhere = text.startswith(("~", "file:")) or ".." in Path(text).parts
        if is_elsewhere or not mine.holds(os.path.join(mine.workspace, text)):
            raise _wider(mine, f"the artifact {text[:200]}", f"name what lies in {mine.workspace}")


def _permissions(value: object, mine: Own) -> None:
    given = mine.task.get("permissions")
    if value != given and not _is_narrower(profile(value), profile(given)):
        raise _wider(mine, "permissions", f"those of {mine.whose}, or narrower ones")


def profile(value: object) -> profiles.Profile | None:
    """What an agent may do, read from any form; None for its own settings. Raises BadInput."""
    try:
        return profiles.read(value)
    except profiles.Unusable as error:
        raise BadInput(str(error), field="permissions") from None


def _is_narrower(wanted: profiles.Profile | None, given: profiles.Profile | None) -> bool:
    if wanted is None:
        return given is None
    if given is None:
        # The agent's own settings, which we do not know: all of them let it read.
        return not (wanted.may_write or wanted.may_execute or wanted.web)
    if not set(given.deny) <= set(wanted.deny) or (wanted.is_all and not given.is_all):
        return False
    if (wanted.may_write and not given.may_write) or not wanted.web <= given.web:
        return False
    return not wanted.may_execute or (given.may_execute and _runs_no_more(wanted, given))


def _runs_no_more(wanted: profiles.Profile, given: profiles.Profile) -> bool:
    """Whether its commands are among those that are given; with none named the agent's sandbox decides."""
    if given.is_all or wanted.allow == given.allow:
        return True
    return bool(wanted.allow) and set(wanted.allow) <= set(given.allow)


_SAME = ("executor", "agent", "model")
_NARROWER = ("permissions", "max_cost_usd", "max_turns", "worktree", "timeout_seconds")
_RULES: dict[str, Callable[[Any, Own], None]] = {
    **{name: _same(name) for name in _SAME},
    "worktree": _worktree,
    **{name: _at_most(name) for name in ("max_cost_usd", "max_turns")},
    **{name: _only_as(name) for name in ("concurrent", "leave_running", "sticky_session")},
    "permissions": _permissions,
    "timeout_seconds": _timeout,
    "max_retries": _retries,
    "recurrence": _recurrence,
    "context": _context,
    "workspace": _workspace,
    "session_id": _conversation,
    "session_directory": _conversations_directory,
    "cwd": _cwd,
}
RULED = frozenset(_RULES)
"""Fields that it may set as narrowly as its own task has them."""
