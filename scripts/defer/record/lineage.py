"""Which attempt a task came of, and how much one chain of such tasks may be.

A task that is scheduled inside an attempt names that attempt's task as its ``parent``, and as its ``root`` the first
task of the chain, which somebody else scheduled. Its ``depth`` is 1 below the root, 2 below that, and so on. An attempt
that the store does not know, because its variables were changed or belong to another store, has ``UNKNOWN`` for a root,
so that all of these are bounded together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from defer.errors import BeyondBound

from . import task

if TYPE_CHECKING:
    from .types import Task, TaskFields

PERSON, ATTEMPT, FILE, IMPORT, MCP = "person", "attempt", "file", "import", "mcp"
"""Who scheduled a task: its ``origin``."""
UNKNOWN = "(unknown)"
"""The root of what an unknown attempt schedules; no task has such an id."""
SERVED = "(mcp)"
"""The root of what comes by MCP, from whatever client: all of it is bounded together."""
_REFUSED = "tasks that schedule tasks:"


class Bounds(NamedTuple):
    """How long a chain may be, how many tasks of it may wait, and how many may be added to it in a day (UTC)."""

    depth: int
    waiting: int
    per_day: int


def fields(parent: Task | None) -> TaskFields:
    """What the record says of a task that an attempt of ``parent`` schedules; None for an attempt nobody knows."""
    if parent is None:
        return {"origin": ATTEMPT, "root": UNKNOWN, "depth": 1}
    depth = int(parent.get("depth") or 0) + 1
    return {"origin": ATTEMPT, "parent": parent["id"], "root": root_of(parent), "depth": depth}


def fields_by_mcp() -> TaskFields:
    """What the record says of a task that an MCP client schedules: bounded as what attempts schedule is."""
    return {"origin": MCP, "root": SERVED, "depth": 1}


def is_by_itself(one: Task) -> bool:
    """Whether no person was there who scheduled a task: it came of an attempt, or by MCP."""
    return one.get("origin") in (ATTEMPT, MCP)


def root_of(one: Task) -> str:
    """The first task of the chain that a task belongs to: itself, unless an attempt scheduled it."""
    return str(one.get("root") or one["id"])


def check_depth(new: Task, bounds: Bounds) -> None:
    """Raise BeyondBound for a task at the end of too long a chain."""
    if (new.get("depth") or 0) > bounds.depth:
        what = f"this chain has the {bounds.depth} that DEFER_MAX_DEPTH allows"
        raise _beyond(new, what, "do the rest in this task")


def check_waiting(new: Task, waiting: int, bounds: Bounds) -> None:
    """Raise BeyondBound where the chain of ``new`` has ``waiting`` tasks, itself among them, and that is too many."""
    if waiting > bounds.waiting:
        what = f"of this chain {bounds.waiting} wait, as DEFER_MAX_WAITING_PER_ROOT allows"
        raise _beyond(new, what, "let them run, or cancel some")


def check_day(new: Task, added: int, bounds: Bounds) -> None:
    """Raise BeyondBound where ``added`` tasks, ``new`` among them, are too many for one day of its chain."""
    if added > bounds.per_day:
        what = f"to this chain {bounds.per_day} were added today (UTC), as DEFER_MAX_PER_DAY_PER_ROOT allows"
        raise _beyond(new, what, "go on tomorrow")


def _beyond(new: Task, what: str, mend: str) -> BeyondBound:
    root = str(new["root"])
    return BeyondBound(f"{_REFUSED} {what}: {_named(root)} ({mend}, or raise that in the settings file)", root)


def _named(root: str) -> str:
    return f"root {root}"


def tells_of_a_bound(error: str, root: str) -> bool:
    """Whether an error quotes what is said where a chain has come to one of its bounds."""
    return _REFUSED in error and f"{_named(root)} (" in error


def is_waiting(one: Task) -> bool:
    """Whether a task counts among those of its chain that wait."""
    return one["status"] in (task.SCHEDULED, task.PAUSED)


def stamped(new: Task, said: TaskFields) -> Task:
    """A record that is about to be stored, with what is ``said`` of how it came to be."""
    return cast("Task", {**new, **said})
