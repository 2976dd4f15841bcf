"""The conversation that an attempt continues, and the one conversation of a task and its copies.

`sticky_session` says that every run continues the one before. A task of `--mode callback` goes on in the conversation
that it was scheduled in, if that was found: it has a `session_directory`. Any other task continues the conversation of
its last attempt where that was broken off rather than failed: by a limit, a timeout or a runner that ended.

A copy made by `run` is a turn in its original's conversation: it begins where that has got to, whatever has run since
the copy was made, and the original goes on where the copy has stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from . import task, versions

if TYPE_CHECKING:
    from .codec import Task
    from .types import Changes, Usage

_SAME = ("executor", "agent")
"""What tells one agent from another: none can go on with another's conversation."""


def is_callback(one: Task) -> bool:
    """Whether it goes on in the conversation that it was scheduled in."""
    return (one.get("execution") or {}).get("mode") == "callback" and bool(one.get("session_directory"))


def keeps(one: Task) -> bool:
    """Whether all its runs are one conversation."""
    return bool(one.get("sticky_session")) or is_callback(one)


def session(one: Task) -> str | None:
    """The conversation that the next attempt of a task continues, or the one that is being made; None for a new one.

    It may not be an id, if another tool has written it.
    """
    if versions.is_newer(one):
        # Its other fields may be of any type.
        return one.get("session_id") if one.get("sticky_session") else None
    before = int(one.get("attempts") or 0) - (one["status"] == task.EXECUTING)
    return one.get("session_id") if keeps(one) or before > 0 else None


def used(one: Task, session_id: str | None, total: Usage, how: str | None = None) -> Usage | None:
    """What one run has used, where its agent counts from the beginning of the conversation.

    None where it continues one whose count so far is not known. ``how``: as ``result.conversation`` says.
    """
    if how == "forked":
        # A copy counts on from what its original had used by then, and somebody else has that open.
        return None
    if session_id is None or session(one) != session_id:
        return total
    known = one.get("session_usage")
    if known is None:
        return None
    so_far = dict(known)
    parts = {name: _number(value) - _number(so_far.get(name)) for name, value in dict(total).items()}
    # A count that has become smaller has begun anew.
    return total if any(part < 0 for part in parts.values()) else cast("Usage", parts)


def _number(found: object) -> float:
    return found if isinstance(found, int | float) else 0


def original_of(one: Task) -> str | None:
    """The id of the task whose conversation this copy continues; None for all else."""
    named = one.get("copy_of") if one.get("sticky_session") else None
    # Another tool may have written anything.
    return named if isinstance(named, str) else None


def continued(one: Task, find: Callable[[str], Task | None]) -> Task:
    """A record that may be claimed: a copy has the conversation of its original, which ``find`` finds, as it is now."""
    named = original_of(one) if one["status"] == task.SCHEDULED and versions.lacking(one) is None else None
    original = find(named) if named else None
    if original is None or not _are_one(original, one):
        return one
    session = original.get("session_id")
    return _with_session(one, original) if session and session != one.get("session_id") else one


def handed_back(original: Task, copy: Task) -> Task:
    """The original of a copy whose attempt has been settled, with the conversation as far as that has got."""
    session = copy.get("session_id")
    if not session or session == original.get("session_id") or not _are_one(original, copy):
        return original
    return _with_session(original, copy)


def _with_session(one: Task, other: Task) -> Task:
    """A task with the conversation of another, as far as that has got."""
    rest = task.without(one, ("session_usage",))
    found: Changes = {"session_id": other.get("session_id")}
    used_up = other.get("session_usage")
    return {**rest, **found, "session_usage": used_up} if used_up else {**rest, **found}


def _are_one(original: Task, copy: Task) -> bool:
    """Whether they have one conversation: not so where another task has taken over the id since."""
    if versions.lacking(original) or original["status"] in task.ENDED or not original.get("sticky_session"):
        return False
    is_older = (original.get("created_at") or "") <= (copy.get("created_at") or "")
    return is_older and all(original.get(name) == copy.get(name) for name in _SAME)
