"""What happens to tasks and to wakes, as values: each kind is made here, once, where it is decided.

An event is told to the audit log, and to the terminal where a person is to hear of it. It is made after the store has
what it is about: a log that cannot be written must not make a thing undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from . import task
from .codec import Task


class Event(NamedTuple):
    """``kind`` is the audit log's word for it; facts that are None say nothing. An event of a wake names no task."""

    at: datetime
    kind: str
    task_id: str | None
    facts: Mapping[str, object]


# What a person has asked for


def scheduled(one: Task, at: datetime) -> Event:
    """A task stands in the store, which acknowledges it."""
    by_mcp = one.get("origin") if one.get("origin") == "mcp" else None
    return Event(at, "scheduled", one["id"], {"run_at": one["run_at"], "when": one.get("when"), "origin": by_mcp})


def changed(one: Task, kind: str, at: datetime, **facts: object) -> Event:
    """Somebody has edited, moved, paused or resumed a task, or given up one of its occurrences."""
    return Event(at, kind, one["id"], {"run_at": one.get("run_at"), **facts})


def run_requested(one: Task, copy: Task, at: datetime) -> Event:
    """A copy of a task was made, to be run now."""
    return Event(at, "run_requested", one["id"], {"copy": copy["id"]})


def cancelled(task_id: str, reason: str | None, at: datetime) -> Event:
    """A task that waited is not going to run."""
    return Event(at, "cancelled", task_id, {"reason": reason})


def cancel_requested(one: Task, reason: str | None, at: datetime, *, occurrence_only: bool) -> Event:
    """A cancel asked for while an attempt is under way, or done at once because none was."""
    if one["status"] == task.EXECUTING:
        facts = {"reason": reason, "occurrence_only": occurrence_only or None}
        return Event(at, "cancel_requested", one["id"], facts)
    return Event(at, "occurrence_cancelled" if occurrence_only else "cancelled", one["id"], {"reason": reason})


def released(task_id: str, run: object, held_by: str, at: datetime) -> Event:
    """An attempt whose holder is out of reach was given up."""
    return Event(at, "released", task_id, {"run": run, "held_by": held_by})


def synced(one: Task, reason: str | None, file: object, at: datetime) -> Event:
    """A task file was changed, or with a ``reason`` removed, and its task with it or after its attempt."""
    if one["status"] == task.EXECUTING:
        return Event(at, "after_attempt", one["id"], {**(one.get("after_attempt") or {"do": "nothing"}), "file": file})
    facts = {"reason": reason, "file": file, "run_at": one.get("run_at")}
    return Event(at, "cancelled" if reason else "edited", one["id"], facts)


# An attempt and its task


def started(claimed: Task, at: datetime) -> Event:
    """An attempt begins."""
    facts = {"run": (claimed.get("run") or {}).get("run_id"), "attempt": claimed["attempts"]}
    return Event(at, "started", claimed["id"], facts)


def not_now(one: Task, run: object, why: str | None, at: datetime) -> Event:
    """A condition does not hold: what was claimed was not begun."""
    return Event(at, "not_now", one["id"], {"run": run, "error": why, "run_at": one["run_at"]})


def retry_scheduled(one: Task, error: str | None, at: datetime) -> Event:
    """An attempt has failed, and there will be another."""
    facts = {"attempt": one["attempts"], "error": error, "run_at": one["run_at"]}
    return Event(at, "retry_scheduled", one["id"], facts)


def ended(one: Task, at: datetime) -> Event:
    """An occurrence is over: completed, failed, cancelled, missed or skipped."""
    return Event(at, one["status"], one["id"], {"attempt": one.get("attempts"), "error": one.get("error")})


def next_occurrence(one: Task, at: datetime) -> Event:
    """A task that recurs waits for its next occurrence."""
    return Event(at, "next_occurrence", one["id"], {"run_at": one["run_at"]})


def archived(one: Task, at: datetime) -> Event:
    """What has ended stands in the archive."""
    stretch = one.get("stretch")
    count = stretch["count"] if stretch else None
    return Event(at, "archived", one["id"], {"status": one["status"], "reason": one.get("reason"), "count": count})


# What is odd about an attempt


def of_run(kind: str, task_id: str, run: object, at: datetime, **facts: object) -> Event:
    """Something of a run that its task's record does not say: it was put back, its outcome dropped, its rest ended."""
    return Event(at, kind, task_id, {"run": run, **facts})


# The store and the wake


def failing(kind: str, task_id: str | None, error: object, at: datetime) -> Event:
    """Something could not be done, and will be tried again or done without."""
    return Event(at, kind, task_id, {"error": error})


def met(kind: str, facts: Mapping[str, object], at: datetime) -> Event:
    """Something in the store, or of another version, that a wake met and worked around."""
    return Event(at, kind, None, facts)
