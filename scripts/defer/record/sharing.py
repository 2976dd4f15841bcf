"""What only one attempt may use at a time, and whether a task may start beside others that use it."""

from __future__ import annotations

from .codec import Task

WORKSPACE, TASK, SESSION = "workspace", "task", "session"


def shared(one: Task) -> set[tuple[str, str]]:
    """What only one attempt may use at a time: its workspace, its conversation, its task with the copies of it.

    With a worktree, each has a workspace of its own.
    """
    things = (
        (WORKSPACE, None if one.get("worktree") else one.get("workspace") or _directory(one)),
        (TASK, one.get("copy_of") or one["id"]),
        (SESSION, _conversation(one)),
    )
    return {(kind, name) for kind, name in things if name and isinstance(name, str)}


def _directory(one: Task) -> str | None:
    """The directory that a callback works in, which has no workspace of its own."""
    if not one.get("session_directory"):
        return None
    from . import conversation, versions  # few tasks have one

    # The fields of a newer record may be of any type.
    return one.get("session_directory") if not versions.is_newer(one) and conversation.is_callback(one) else None


def _conversation(one: Task) -> str | None:
    if not one.get("session_id"):
        return None
    from . import conversation  # few tasks have one

    return conversation.session(one)


def may_share(one: Task, in_use: set[tuple[str, str]]) -> bool:
    """Whether a task may start beside others that use the same things; two turns at once would break a conversation."""
    return not in_use or bool(one.get("concurrent") and not any(kind == SESSION for kind, _ in in_use))
