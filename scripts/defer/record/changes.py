"""Changing one's mind: what a person may do to a task that was scheduled, as pure transitions.

Each takes a record and returns the changed one, or raises Refused where the change makes no sense.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from defer import instants
from defer.errors import Refused

from . import occurrences, task, versions
from .codec import Task

if TYPE_CHECKING:
    from .types import AfterAttempt, Context, Execution

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
        mend = f"defer uncancel {one['id']}" if one["status"] == task.CANCELLED else "schedule a new one"
        raise Refused(f"task has ended: {one['id']} is {one['status']} ({mend})")


def pause(one: Task, now: datetime, until: datetime | None = None) -> Task:
    """A waiting task that will not run until it is resumed, which a wake does at ``until`` if that is given.

    Of a task that is paused already only ``until`` can be set. One that is executing is paused once its attempt has
    ended, if it would then go on. Raises Refused.
    """
    if goes_on(one):
        wish: AfterAttempt = {
            "do": "pause",
            "reason": None,
            "until": None if until is None else instants.to_text(until),
        }
        return {**one, "after_attempt": wish}
    must_wait(one, "pause")
    if until is None and one["status"] == task.PAUSED:
        raise Refused(f"task is paused already: {one['id']} (defer resume {one['id']})")
    if until is not None and is_disabled(one):
        raise Refused(f"task is disabled by its file: {one['id']} (defer enable {one['id']})")
    since = one.get("paused_at") if one["status"] == task.PAUSED else None
    paused: Task = {**one, "status": task.PAUSED, "paused_at": since or instants.to_text(now)}
    return paused if until is None else {**paused, "paused_until": instants.to_text(until)}


def is_disabled(one: Task) -> bool:
    """Whether a task is paused because its file says so."""
    return one["status"] == task.PAUSED and (one.get("source") or {}).get("enabled") is False


def goes_on(one: Task) -> bool:
    """Whether a task is executing, and something may follow its attempt: a next occurrence, or a retry."""
    if one["status"] != task.EXECUTING or versions.lacking(one) or is_to_be_cancelled(one):
        return False
    return occurrences.is_recurring(one) or (one.get("attempts") or 0) <= (one.get("max_retries") or 0)


def is_to_be_cancelled(one: Task) -> bool:
    """Whether a task that is executing will be cancelled with its attempt, or after it."""
    wish = one.get("after_attempt")
    ends = one.get("cancel_requested_at") and not one.get("cancel_occurrence")
    return bool(ends) or (wish is not None and wish["do"] == "cancel")


def is_to_be_paused(one: Task) -> bool:
    """Whether somebody has paused a task that is executing; a file that is disabled is not somebody."""
    wish = one.get("after_attempt")
    return one["status"] == task.EXECUTING and wish is not None and wish["do"] == "pause" and not wish.get("reason")


def resume(one: Task, now: datetime) -> Task:
    """A paused task that waits again; a recurring one waits for an occurrence that is still to come."""
    versions.must_know(one)
    if is_to_be_paused(one):
        return task.without(one, ("after_attempt",))
    if one["status"] != task.PAUSED:
        raise Refused(f"task is not paused: {one['id']} is {one['status']} (nothing to resume)")
    waiting = task.without(one, ("held", "paused_at", "paused_until"))
    if occurrences.is_recurring(waiting):
        return occurrences.resume(waiting, now)
    return {**waiting, "status": task.SCHEDULED}


def uncancel(one: Task, now: datetime) -> Task:
    """A new task in place of a cancelled one: at its time, or now where that has passed; at the next occurrence of one
    that recurs. Raises Refused where it was not cancelled, or is of no use any more.
    """
    versions.must_know(one)
    if one["status"] != task.CANCELLED:
        mend = "nothing to bring back" if one["status"] not in task.ENDED else f"defer run {one['id']} does it again"
        raise Refused(f"task is not cancelled: {one['id']} is {one['status']} ({mend})")
    fresh = task.without(task.without_history(one), ("last",))
    at = max(task.run_at(one), now)
    if task.is_expired(one, at):
        raise Refused(f"task was only valid until {one['expires_at']}: {one['id']} (schedule a new one)")
    created = _later_than(one, now)
    waiting: Task = {**fresh, "status": task.SCHEDULED, "created_at": instants.to_text(created), "attempts": 0}
    if occurrences.is_recurring(one):
        return _begun_again(waiting, now)
    return {**waiting, "run_at": instants.to_text(at), "occurrence": instants.to_text(at)}


def _later_than(one: Task, now: datetime) -> datetime:
    """When a task in place of another one was created: by that the records of the two are told apart."""
    before = instants.from_text(one["created_at"]) if one.get("created_at") else instants.EPOCH
    # Of one that is far ahead the clock was wrong.
    return max(now, before + timedelta(seconds=1)) if before - now < timedelta(minutes=1) else now


def _begun_again(stopped: Task, now: datetime) -> Task:
    """A recurring task that was over and waits for its next occurrence that is still to come. Raises Refused for none.

    What passed meanwhile was not missed: nobody wanted it.
    """
    waited, due = occurrences.waited_for(stopped), now - occurrences.jitter_of(stopped)
    over = occurrences.times_over(stopped)
    if waited > due or task.run_at(stopped) > now:
        # It may have been put off before it was cancelled.
        return stopped
    upcoming = occurrences.after(stopped, due, over)
    if upcoming is None:
        raise Refused(f"no occurrence is left: {stopped['id']} (schedule a new task)")
    return occurrences.waiting_for(stopped, upcoming, over)


def reschedule(one: Task, at: datetime, words: str, delay: timedelta | None = None) -> Task:
    """A waiting task that runs at ``at``; if it recurs, only the occurrence it waits for is moved.

    ``delay``: what was asked for, where that was one.
    """
    must_wait(one, "reschedule")
    moved: Task = {**task.without(one, ("held", "ready_at")), "run_at": instants.to_text(at)}
    if delay is not None and (ready := instants.ready(at, delay)) is not None:
        moved["ready_at"] = ready
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
    kept = {name: value for name, value in one.items() if name in ("paused_at", "paused_until")}
    return task.with_fields(following, {**kept, "status": task.PAUSED})


def ask_to_cancel(one: Task, now: datetime, reason: str | None) -> Task:
    """The record of an executing task whose attempt is to be ended: settling it will cancel it."""
    if one["status"] != task.EXECUTING:
        return task.cancel(one, now, reason)
    versions.must_know(one)
    if not one.get("run"):
        raise Refused(f"task is executing: {one['id']}, begun by a v1 runner (it names no process that could be ended)")
    return {**one, "cancel_requested_at": instants.to_text(now), "cancel_reason": reason}


def ask_to_cancel_occurrence(one: Task, now: datetime, reason: str | None) -> Task:
    """A recurring task whose attempt is to be ended, and which then goes on; else as above."""
    if one["status"] != task.EXECUTING or not occurrences.is_recurring(one):
        return cancel_occurrence(one, now, reason)
    return {**ask_to_cancel(one, now, reason), "cancel_occurrence": True}
