"""Which of what has ended is told, and what a notice of it says.

A notice is decided from a record as it is filed, and from what has been told of its task before: *loud* ones go to the
channels, all of them stand in the inbox. What a task's ``notify`` says:

- ``failure`` (the default): failures, what was lost, expired or never run, a pause, and the recovery. The result of a
  task for an agent stands in the inbox besides, without being loud.
- ``output``: the same, and what was completed with some output, where ``[SILENT]`` as the first line asks for silence.
- ``always``: every end.
- ``never``: nothing.

A reminder is a task with nothing to execute: to be told is its work, whatever else is told.

Of a streak of failures the first is loud; after that one with another error, and one after the cooldown, which is the
given one at first and a day from then on, or as near to that as failures come. Another error that has been told in the
same streak is not news.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypedDict, cast

from defer import instants
from defer.record import occurrences, outcome, task
from defer.record.codec import Task

if TYPE_CHECKING:
    from defer.record.types import Result

FAILED, MISSED, LOST, EXPIRED = "failed", "missed", "lost", "expired"
SKIPPED, PAUSED, RECOVERED, COMPLETED = "skipped", "paused", "recovered", "completed"
EVENTS = (FAILED, MISSED, LOST, EXPIRED, SKIPPED, PAUSED, RECOVERED, COMPLETED)
BOUNDED = "bounded"
"""That the attempts of a chain were refused what they wanted to schedule: the end of no task."""
ATTENTION, WELL = "attention", "well"
"""What a report of `defer health --send` says: an event of no task."""
FAILURES = (FAILED, LOST, EXPIRED, PAUSED)
"""The events that belong to a streak of failures."""
FAILURE, ALWAYS, OUTPUT, NEVER = "failure", "always", "output", "never"
MODES = (FAILURE, ALWAYS, OUTPUT, NEVER)
SILENT = "[SILENT]"

_DAY = timedelta(days=1)
_MOST_SIGNATURES = 5
_LONGEST_LINE, _LONGEST_TEXT, _MOST_LINES = 300, 2000, 12
_BY_ERROR = {outcome.RUNNER_LOST: LOST, outcome.EXPIRED: EXPIRED}


class Notice(TypedDict, total=False):
    """What is told of one end. Moments are UTC text, ``error`` and ``reason`` one line, ``output`` the first lines.

    ``worktree``: the path of one that stays, for what has changed there, and ``branch`` the branch that it is on.
    """

    key: str
    event: str
    id: str
    copy_of: str | None
    summary: str
    outcome: str
    at: str
    occurrence: str | None
    created_at: str | None
    reason: str | None
    error: str | None
    attempts: int
    failures: int
    since: str | None
    signature: str | None
    count: int
    output: str | None
    log: str | None
    branch: str
    worktree: str
    reminder: bool
    inbox: bool
    to: list[str]


class Streak(NamedTuple):
    """What has been told of a task's present failures: each signature with when it was last told, and how often."""

    since: str | None = None
    told: Mapping[str, tuple[datetime, int]] = {}


class Ack(NamedTuple):
    """Somebody knows of this failure and does not want to hear of it again."""

    since: str | None
    signature: str
    at: str


class Told(NamedTuple):
    """That something is told: as which event, and whether loudly."""

    event: str
    is_loud: bool


def event_of(record: Task) -> str | None:
    """Which event the end of an occurrence is; None for one that somebody cancelled."""
    status = record["status"]
    if status == task.COMPLETED:
        last = record.get("last")
        return RECOVERED if last and last.get("before") else COMPLETED
    if status == task.FAILED:
        return PAUSED if record.get("paused_at") else _BY_ERROR.get(record.get("error_type") or "", FAILED)
    return status if status in (MISSED, SKIPPED) else None


def is_reminder(record: Task) -> bool:
    """Whether a completed task had nothing to execute."""
    return (record.get("result") or {}).get("type") == "prompt_prepared"


def mode_of(record: Task) -> str:
    """What the task says is to be told; an unknown word of another version tells too much rather than too little."""
    return record.get("notify") or FAILURE


def verdict(record: Task, streak: Streak, ack: Ack | None, cooldown: timedelta) -> Told | None:
    """Whether the end of this occurrence is told; ``streak`` and ``ack`` are what is known of its task."""
    event, mode = event_of(record), mode_of(record)
    if event is None or mode == NEVER:
        return None
    if event in FAILURES:
        is_news = event == PAUSED or _is_news(record, streak, ack, cooldown)
        return Told(event, True) if is_news else None
    if event == MISSED:
        is_told = mode == ALWAYS or (_never_ran(record) and _is_news(record, streak, None, cooldown))
        return Told(event, True) if is_told else None
    if event == SKIPPED:
        return Told(event, True) if mode == ALWAYS else None
    if event == RECOVERED and streak.told:
        return Told(event, True)
    return _of_success(COMPLETED if event == RECOVERED else event, mode, record)


def _of_success(event: str, mode: str, record: Task) -> Told | None:
    if is_reminder(record) or mode == ALWAYS:
        return Told(event, True)
    if mode == OUTPUT:
        return Told(event, True) if has_output(record) else None
    return None if record.get("command") else Told(event, False)


def has_output(record: Task) -> bool:
    """Whether there is anything to read: a summary, or output that does not ask for silence."""
    result: Result = record.get("result") or {}
    said = (result.get("summary") or result.get("output") or "").strip()
    return bool(said) and said.splitlines()[0].strip() != SILENT


def _never_ran(record: Task) -> bool:
    """Whether nothing runs in place of what was missed."""
    why = record.get("reason")
    rule = record.get("recurrence")
    is_exact = rule is not None and rule.get("catch_up") == "none"
    return why == occurrences.TOO_LATE or (is_exact and why != occurrences.GIVEN_ANOTHER_TIME)


def signature_of(record: Task) -> str:
    """What tells one failure of a task from another: the first line of its error without what differs each time."""
    last = record.get("last")
    if record["status"] == task.MISSED:
        return MISSED
    from defer.record import signature  # most ends are good ones

    return signature.of((last.get("reason") if last else record.get("error")) or "")


def since_of(record: Task) -> str | None:
    """When the streak of failures began that this failure belongs to; None if the version that noted it did not say."""
    last = record.get("last")
    return last.get("since") if last else instants.to_text(task.ended_at(record))


def _is_news(record: Task, streak: Streak, ack: Ack | None, cooldown: timedelta) -> bool:
    since, what = since_of(record), signature_of(record)
    if ack is not None and (ack.since, ack.signature) == (since, what):
        return False
    if record["status"] != task.MISSED and streak.since != since:
        return True
    known = streak.told.get(what)
    if known is None and len(streak.told) < _MOST_SIGNATURES:
        return True
    # Errors that differ each time are one error that is told by the cooldown alone.
    at, times = known or max(streak.told.values())
    wait = cooldown if times == 1 or not cooldown else max(cooldown, _DAY)
    # A clock that was set back must not silence a task for long.
    return abs(task.ended_at(record) - at) >= wait - _early(record, wait)


def _early(record: Task, wait: timedelta) -> timedelta:
    """How much too early is near enough: of regular failures the one nearest to the end of the pause is told.

    Otherwise a daily failure would be told on just those days on which it takes a second longer than the day before.
    """
    most, last = wait / 12, record.get("last")
    since = last.get("since") if last else None
    if last is None or since is None or last["failures"] < 2:
        return most
    apart = (task.ended_at(record) - instants.from_text(since)) / (last["failures"] - 1)
    return min(most, abs(apart) / 2)


def after(streak: Streak, notice: Notice) -> Streak:
    """What is known of a task's failures once this has been told of it."""
    event, what = notice["event"], notice.get("signature")
    if event in (RECOVERED, COMPLETED):
        return Streak()
    if what is None or event not in (*FAILURES, MISSED):
        return streak
    since = streak.since if event == MISSED else notice.get("since")
    before = streak.told if since == streak.since else {}
    _, times = before.get(what, (None, 0))
    told = {**before, what: (instants.from_text(notice["at"]), times + 1)}
    return Streak(since, dict(list(told.items())[-_MOST_SIGNATURES - 1 :]))


def key_of(record: Task, event: str) -> str:
    """What tells this event from every other one, the same each time it is told: 32 hexadecimal digits."""
    parts = [record["id"], record.get("occurrence"), record.get("created_at"), event]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def notice(record: Task, told: Told, to: Sequence[str], *, in_inbox: bool) -> Notice:
    """What a notice says of an end; ``to`` are the channels, none unless it is loud."""
    last, result = record.get("last"), record.get("result") or {}
    is_failure = told.event in (*FAILURES, MISSED)
    stretch = record.get("stretch")
    found: dict[str, object] = {
        "key": key_of(record, told.event),
        "event": told.event,
        "id": record["id"],
        "summary": _summary(record) or record["id"],
        "outcome": record["status"],
        "at": instants.to_text(task.ended_at(record)),
        "occurrence": record.get("occurrence"),
        "created_at": record.get("created_at"),
        "copy_of": record.get("copy_of"),
        "reason": first_line(last.get("reason")) if last else None,
        "error": first_line(record.get("error")),
        "attempts": record.get("attempts") or 0,
        "failures": _failures(record, told),
        "since": since_of(record) if is_failure else None,
        "signature": signature_of(record) if is_failure else None,
        "count": stretch["count"] if stretch else 1,
        "output": first_lines(result.get("summary") or result.get("output")),
        "log": result.get("log_path"),
        "reminder": True if record["status"] == task.COMPLETED and is_reminder(record) else None,
        "inbox": in_inbox or not told.is_loud,
        "to": [*to] if told.is_loud else [],
    }
    return cast("Notice", {name: value for name, value in found.items() if value is not None})


def _summary(record: Task) -> str | None:
    context = record.get("context")
    return first_line(context.get("summary")) if context else None


def _failures(record: Task, told: Told) -> int:
    """How many occurrences in a row have failed; of a recovery how many had."""
    last = record.get("last")
    if last is None:
        return 0
    return (last.get("before") or 0) if told.event == RECOVERED else last["failures"]


def first_line(text: object) -> str | None:
    """The first line with anything on it, cut; None where there is none."""
    lines = str(text or "").strip().splitlines()
    return lines[0].rstrip()[:_LONGEST_LINE] if lines else None


def first_lines(text: object) -> str | None:
    """The first lines, cut; None where there is nothing."""
    lines = str(text or "").strip()[:_LONGEST_TEXT].splitlines()
    return "\n".join(lines[:_MOST_LINES]).rstrip() or None
