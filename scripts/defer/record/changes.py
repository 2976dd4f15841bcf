"""Changing one's mind: what a person may do to a task that was scheduled, as pure transitions.

Each takes a record and returns the changed one, or raises Refused where the change makes no sense.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from defer import instants
from defer.errors import Refused

from . import occurrences, task, versions
from .codec import Task

if TYPE_CHECKING:
    from .types import Context, Execution

_NOT_COPIED = (
    *("id", "recurrence", "source", "expires_at", "last"),
    # How the copy came to be, somebody else says.
    *("origin", "parent", "root", "depth", "reschedules"),
)
PARTS = {
    "context": ("summary", *task.LISTS, "reoriented_from"),
    "execution": ("mode", "prompt_template", "aura_level"),
    "recurrence": (
        *("expression", "tz", "anchor", "count", "until", "fired", "catch_up", "overlap"),
        *("jitter_seconds", "jitter_offset_seconds", "expires_after_seconds"),
    ),
    "source": ("file", "digest", "workflow", "enabled"),
}
"""The objects in a record that are made anew when the task is changed, and the fields of each."""


def must_wait(one: Task, doing: str) -> None:
    """Raise Refused for a task that runs or is over, or that only a newer version may change."""
    versions.must_know(one)
    if one["status"] == task.EXECUTING:
        raise Refused(f"task is executing: {one['id']} ({doing} it when its attempt has ended)")
    if one["status"] in task.ENDED:
        raise Refused(f"task has ended: {one['id']} is {one['status']} (schedule a new one)")


def pause(one: Task, now: datetime) -> Task:
    """A waiting task that will not run until it is resumed."""
    must_wait(one, "pause")
    if one["status"] == task.PAUSED:
        raise Refused(f"task is paused already: {one['id']} (defer resume {one['id']})")
    return {**one, "status": task.PAUSED, "paused_at": instants.to_text(now)}


def resume(one: Task, now: datetime) -> Task:
    """A paused task that waits again; a recurring one waits for an occurrence that is still to come."""
    versions.must_know(one)
    if one["status"] != task.PAUSED:
        raise Refused(f"task is not paused: {one['id']} is {one['status']} (nothing to resume)")
    waiting = task.without(one, ("held", "paused_at"))
    if occurrences.is_recurring(waiting):
        return occurrences.resume(waiting, now)
    return {**waiting, "status": task.SCHEDULED}


def reschedule(one: Task, at: datetime, words: str) -> Task:
    """A waiting task that runs at ``at``; if it recurs, only the occurrence it waits for is moved."""
    must_wait(one, "reschedule")
    moved: Task = {**task.unheld(one), "run_at": instants.to_text(at)}
    if occurrences.is_recurring(one):
        return moved
    expires_at = one.get("expires_at")
    if expires_at and at >= instants.from_text(expires_at):
        import shlex  # for this complaint alone

        mend = f"defer edit {one['id']} --when {shlex.quote(words)} --expires DURATION"
        raise Refused(f"task is only valid until {expires_at}: {one['id']} ({mend})")
    # A retry that is moved is still one of the occurrence that failed.
    return {**moved, "when": words, "occurrence": task.occurrence_of(one) if one.get("attempts") else moved["run_at"]}


def edit(one: Task, fields: Mapping[str, object], context: Context, execution: Execution) -> Task:
    """A waiting task with other fields; None in ``fields`` removes that one."""
    must_wait(one, "edit")
    # A null that was there before may mean something to another version.
    gone = [name for name, value in fields.items() if value is None]
    return {
        **task.without(task.with_fields(task.unheld(one), fields), gone),
        "context": {**(one.get("context") or {}), **context},
        "execution": {**(one.get("execution") or {}), **execution},
    }


def unknown_within(one: Task, part: str) -> dict[str, Any]:
    """What is in an object of the record (``context``, ``recurrence`` …) and is not known to this version."""
    found = dict(one).get(part)
    return {name: found[name] for name in found if name not in PARTS[part]} if isinstance(found, dict) else {}


def run_now(one: Task, now: datetime) -> Task:
    """A separate task that does the same once, now; the one it is made from is not touched."""
    versions.must_know(one)
    kept = task.without(task.without_history(one), _NOT_COPIED)
    if one.get("env") or one.get("ping"):
        # Their values are in the file alone; without `source` no sync takes the copy for the file's task.
        kept["env_file"] = one.get("env_file") or (one.get("source") or {}).get("file")
    stamp = instants.to_text(now)
    return {
        **kept,
        "created_at": stamp,
        "run_at": stamp,
        "occurrence": stamp,
        "when": "now",
        "status": task.SCHEDULED,
        "attempts": 0,
        # A copy of a copy counts as a copy of the original: a wake runs one of them at a time.
        "copy_of": one.get("copy_of") or one["id"],
    }


def cancel_occurrence(one: Task, now: datetime, reason: str | None) -> Task:
    """A recurring task that goes on to the occurrence after the one it waits for."""
    versions.must_know(one)
    if not occurrences.is_recurring(one):
        raise Refused(f"task runs once: {one['id']} (cancel it without --occurrence)")
    if one["status"] == task.EXECUTING:
        raise Refused(f"task is executing: {one['id']} (defer cancel --kill --occurrence {one['id']} ends its attempt)")
    cancelled = task.cancel(one, now, reason)
    following = occurrences.skip_to_next(one, cancelled, now)
    if one["status"] != task.PAUSED or following["status"] != task.SCHEDULED:
        return following
    return {**following, "status": task.PAUSED, "paused_at": one.get("paused_at")}


def ask_to_cancel_occurrence(one: Task, now: datetime, reason: str | None) -> Task:
    """A recurring task whose attempt is to be ended, and which then goes on; else as above."""
    if one["status"] != task.EXECUTING or not occurrences.is_recurring(one):
        return cancel_occurrence(one, now, reason)
    return {**task.ask_to_cancel(one, now, reason), "cancel_occurrence": True}
