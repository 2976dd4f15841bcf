"""The one conversation of a task and its copies, where `sticky_session` says that every run continues one.

A copy made by `run` is a turn in its original's conversation: it begins where that has got to, whatever has run since
the copy was made, and the original goes on where the copy has stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import task, versions

if TYPE_CHECKING:
    from .codec import Task

_SAME = ("executor", "agent")
"""What tells one agent from another: none can go on with another's conversation."""


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
    return {**one, "session_id": session} if session and session != one.get("session_id") else one


def handed_back(original: Task, copy: Task) -> Task:
    """The original of a copy whose attempt has been settled, with the conversation as far as that has got."""
    session = copy.get("session_id")
    if not session or session == original.get("session_id") or not _are_one(original, copy):
        return original
    return {**original, "session_id": session}


def _are_one(original: Task, copy: Task) -> bool:
    """Whether they have one conversation: not so where another task has taken over the id since."""
    if versions.lacking(original) or original["status"] in task.ENDED or not original.get("sticky_session"):
        return False
    is_older = (original.get("created_at") or "") <= (copy.get("created_at") or "")
    return is_older and all(original.get(name) == copy.get(name) for name in _SAME)
