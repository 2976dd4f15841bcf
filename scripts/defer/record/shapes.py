"""The shapes of what a store holds: which fields a record has, and one check for each shape.

``fault(record)`` says what in a record cannot be worked with. It goes through the fields that the record has and
looks each up, so that its cost grows with the record and not with the schema. An unknown field passes, and so does
null. ``references/task.schema.json`` says the same to other programs; a test holds the two and the types in
``types`` equal.

The checks are wider than the schema where v1 was: it took any JSON for the parts of a context and any text for its
moments, and nothing here computes with those. All numbers are bounded. What somebody may ask for ends
at ``MAX_COUNT`` and ``MAX_SECONDS``; what a wake counts by itself may grow further, to ``MAX_TALLY``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from defer import instants, visible

from . import versions

MAX_COUNT = 10**9
"""The largest number that may be asked for, of retries or occurrences; and the largest pid."""
MAX_SECONDS = 1e9
"""The longest time span (some 31 years): counted from a moment, it does not leave the calendar."""
MAX_TALLY = 10**15
"""The largest count of what has happened: bytes, milliseconds, occurrences."""

Check: TypeAlias = Callable[[Any], str | None]
"""What is wrong with a value that is not null, to follow the field's name; None if nothing is."""
Fields: TypeAlias = Mapping[str, Check]

_LONGEST_ID = 4096
_LONGEST_SHOWN = 50
_USUAL = ("scheduled", "executing", "paused")
_WORD = r"[a-z][a-z_]{0,39}"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


def shown(value: object) -> str:
    """A value as a message shows it: short, on one line, and a number of thousands of digits only by its size."""
    if isinstance(value, (dict, list, tuple)):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and value.bit_length() > 64:
        return f"a number of some {value.bit_length() * 3 // 10 + 1} digits"
    text = ascii(value if not isinstance(value, str) else value[: _LONGEST_SHOWN + 1])
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def is_count(found: object, most: int = MAX_COUNT) -> bool:
    """Whether this is a whole number from 0 to ``most``."""
    return type(found) is int and 0 <= found <= most


def is_seconds(found: object) -> bool:
    """Whether this is a time span that can be counted with."""
    return (type(found) is int or type(found) is float) and 0 <= found <= MAX_SECONDS


def is_number(found: object) -> bool:
    """Whether this is a number of a size that every program can read."""
    return (type(found) is int or type(found) is float) and -MAX_TALLY <= found <= MAX_TALLY


def tallied(before: int | None, more: int) -> int:
    """A count of what has happened plus ``more``, at most as much as may be stored."""
    return min(int(before or 0) + more, MAX_TALLY)


def _unusable(found: object) -> str:
    return f" is not usable: {shown(found)}"


def anything(_found: object) -> None:
    """The check of what is only kept, or shown to people as it is."""


def text(found: object) -> str | None:
    return None if type(found) is str else _unusable(found)


def words(found: object) -> str | None:
    return None if type(found) is str and found else _unusable(found)


def truth(found: object) -> str | None:
    return None if found is True or found is False else _unusable(found)


def count(found: object) -> str | None:
    return None if type(found) is int and 0 <= found <= MAX_COUNT else _unusable(found)


def positive(found: object) -> str | None:
    return None if type(found) is int and 0 < found <= MAX_COUNT else _unusable(found)


def tally(found: object) -> str | None:
    return None if type(found) is int and 0 <= found <= MAX_TALLY else _unusable(found)


def some(found: object) -> str | None:
    """A tally of at least 1."""
    return None if type(found) is int and 0 < found <= MAX_TALLY else _unusable(found)


def whole_seconds(found: object) -> str | None:
    return None if type(found) is int and 0 <= found <= MAX_SECONDS else _unusable(found)


def seconds(found: object) -> str | None:
    return None if is_seconds(found) else _unusable(found)


def number(found: object) -> str | None:
    return None if is_number(found) else _unusable(found)


def status_of_process(found: object) -> str | None:
    return None if type(found) is int and -MAX_COUNT <= found <= MAX_COUNT else _unusable(found)


def instant(found: object) -> str | None:
    if type(found) is not str:
        return _unusable(found)
    try:
        # A moment in UTC already, as we write it, cannot be outside the calendar.
        _ = datetime.fromisoformat(found) if found.endswith("Z") else instants.from_text(found)
    except (ValueError, LookupError):
        return _unusable(found)
    return None


def task_id(found: object) -> str | None:
    """An id goes into an environment variable of the executor, which holds neither NUL nor a lone surrogate."""
    if type(found) is not str or not found:
        return _unusable(found)
    can_be_told = len(found) <= _LONGEST_ID and "\0" not in found and visible.has_utf8_form(found)
    return None if can_be_told else " is not an id that an executor could be told"


def status(found: object) -> str | None:
    """A plain word: a later version may know one more, and its task is left alone."""
    return None if found in _USUAL or (type(found) is str and re.fullmatch(_WORD, found)) else _unusable(found)


def variable(found: object) -> str | None:
    return None if type(found) is str and re.fullmatch(_NAME, found) else _unusable(found)


def an_object(found: object) -> str | None:
    return None if type(found) is dict else _unusable(found)


_BY_TYPE: dict[Check, type] = {text: str, truth: bool, an_object: dict}


def one_of(*known: str) -> Check:
    def check(found: object) -> str | None:
        return None if type(found) is str and found in known else _unusable(found)

    return check


def many(of: Check, least: int = 0) -> Check:
    """The check of a list whose elements all pass ``of`` and are not null."""

    def check(found: object) -> str | None:
        if type(found) is not list or len(found) < least:
            return _unusable(found)
        for number, one in enumerate(found):
            wrong = of(one)
            if wrong is not None:
                return f"[{number}]{wrong}"
        return None

    return check


def shape(fields: Fields, *required: str) -> Check:
    """The check of an object that has ``required`` and whose known fields pass their checks."""
    # For most fields the type alone decides, without a call.
    plain = {key: _BY_TYPE[of] for key, of in fields.items() if of in _BY_TYPE}.get
    known = {key: of for key, of in fields.items() if of is not anything}.get

    def check(found: object) -> str | None:
        if type(found) is not dict:
            return _unusable(found)
        for key, value in found.items():
            if type(value) is plain(key) or value is None:
                continue
            of = known(key)
            if of is not None:
                wrong = of(value)
                if wrong is not None:
                    return f".{key}{wrong}"
        for key in required:
            if found.get(key) is None:
                return f".{key} is missing"
        return None

    return check


def file_time(found: object) -> str | None:
    """A time of the file system: nanoseconds since 1970 have 19 digits."""
    return None if type(found) is int and 0 <= found < 1 << 63 else _unusable(found)


def amount(found: object) -> str | None:
    """An amount of money that can be spent."""
    return None if is_number(found) and isinstance(found, int | float) and found > 0 else _unusable(found)


def command(found: object) -> str | None:
    return words(found) if type(found) is str else many(text, 1)(found)


CONTEXT: Fields = dict.fromkeys(("summary", "key_points", "artifacts", "constraints", "reoriented_from"), anything)
EXECUTION: Fields = dict.fromkeys(("mode", "prompt_template", "aura_level"), text)
REORIENT: Fields = dict.fromkeys(("requested", "project", "explicit_context_file"), anything)
RECURRENCE: Fields = {
    **dict.fromkeys(("expression", "tz"), text),
    **dict.fromkeys(("anchor", "until"), instant),
    "count": positive,
    **dict.fromkeys(("jitter_seconds", "jitter_offset_seconds", "expires_after_seconds"), whole_seconds),
    "catch_up": one_of("one", "all", "none"),
    "overlap": one_of("skip", "queue"),
    "fired": tally,
}
STRETCH: Fields = {"first": instant, "last": instant, "count": some}
AFTER_ATTEMPT: Fields = {"do": one_of("cancel", "pause"), "reason": text, "until": instant}
HELD: Fields = {"until": instant, "reason": text}
LAST: Fields = {
    **dict.fromkeys(("outcome", "reason"), text),
    **dict.fromkeys(("at", "since"), instant),
    **dict.fromkeys(("failures", "before"), tally),
}
DEFERRALS: Fields = {"total": tally, "in_a_row": tally}
NOTED: Fields = {"path": text, "size": tally, "mtime_ns": file_time}
STATE: Fields = {
    "at": instant,
    **dict.fromkeys(("repository", "head", "branch"), text),
    "artifacts": many(shape(NOTED, "path")),
}
DRIFT: Fields = {**STATE, "off": truth, "worktree": shape(STATE)}
SOURCE: Fields = {**dict.fromkeys(("file", "digest", "workflow"), text), "enabled": truth}
WORKTREE: Fields = dict.fromkeys(("path", "branch"), text)
RESULT: Fields = {
    **dict.fromkeys(("type", "prompt_path", "log_path", "output", "summary"), text),
    **dict.fromkeys(("result_file_error", "session_error", "log_error", "conversation"), text),
    "output_truncated": truth,
    "output_bytes": tally,
    **dict.fromkeys(("artifacts", "told"), many(text)),
    **dict.fromkeys(("next_run_at", "retry_at"), text),
    "worktree": shape(WORKTREE),
}
IDENTITY: Fields = {"pid": positive, **dict.fromkeys(("start", "boot", "pid_namespace", "wake"), text)}
RUN_UNDER_WAY: Fields = {
    **dict.fromkeys(("run_id", "host", "lease", "prompt", "log"), text),
    **dict.fromkeys(("occurrence", "started_at", "deadline_at"), instant),
    "attempt": some,
    "late_by_seconds": tally,
    **dict.fromkeys(("runner", "leader"), shape(IDENTITY, "pid")),
    "worktree": shape(WORKTREE),
}
USAGE: Fields = dict.fromkeys(("input_tokens", "cached_input_tokens", "output_tokens", "cost_usd"), number)
RUN: Fields = {
    **dict.fromkeys(("run_id", "task_id", "occurrence", "status", "started_at", "error_type", "error"), text),
    **dict.fromkeys(("log", "prompt", "session_id", "host", "summary", "copy_of", "model"), text),
    **dict.fromkeys(("denied", "env"), many(text)),
    "attempt": some,
    "ended_at": instant,
    **dict.fromkeys(("duration_ms", "late_by_seconds", "log_bytes", "tool_calls"), tally),
    "exit_code": status_of_process,
    "usage": shape(USAGE),
    "pid": positive,
    "worktree": shape(WORKTREE),
}
V1_MOMENTS = ("created_at", "started_at", "completed_at", "failed_at", "cancelled_at", "last_attempt_at")
_MOMENTS = (
    *("run_at", "occurrence", "expires_at", "paused_at", "paused_until", "ready_at", "missed_at", "skipped_at"),
    "cancel_requested_at",
)
_TEXTS = (
    *("type", "intent", "cancel_reason", "last_error", "error", "error_type", "tz", "when", "cwd", "executor"),
    *("workspace", "session_id", "reason", "copy_of", "name", "description", "when_to_use", "env_file", "agent"),
    *("model", "ping", "origin", "parent", "root", "session_directory"),
)
TASK: Fields = {
    "id": task_id,
    "status": status,
    **dict.fromkeys((*_TEXTS, *V1_MOMENTS), text),
    **dict.fromkeys(_MOMENTS, instant),
    "context": an_object,
    "execution": shape(EXECUTION),
    "reorient": an_object,
    **dict.fromkeys(("reorient_requested", "concurrent", "leave_running"), truth),
    **dict.fromkeys(("cancel_occurrence", "sticky_session"), truth),
    "attempts": tally,
    "max_retries": count,
    "schema_version": positive,
    "requires": many(text),
    "held": shape(HELD, "until"),
    "last": shape(LAST, "outcome", "at", "failures"),
    "timeout_seconds": seconds,
    "tags": many(text),
    "command": command,
    "env": many(variable),
    "permissions": anything,
    **dict.fromkeys(("condition", "check"), command),
    "max_cost_usd": amount,
    "max_turns": positive,
    "worktree": truth,
    **dict.fromkeys(("depth", "reschedules"), tally),
    "drift": shape(DRIFT),
    "notify": one_of("failure", "always", "output", "never"),
    "recurrence": shape(RECURRENCE, "expression", "tz", "anchor"),
    "stretch": shape(STRETCH, *STRETCH),
    "after_attempt": shape(AFTER_ATTEMPT, "do"),
    "deferrals": shape(DEFERRALS, *DEFERRALS),
    "source": shape(SOURCE),
    "session_usage": shape(USAGE),
    "result": shape(RESULT),
    "run": shape(RUN_UNDER_WAY),
    "ended": lambda found: _ended(found),
    "ended_runs": many(lambda found: _of_a_run(found)),
}
_of_a_run: Check = shape(RUN, "ended_at")
_of_a_task: Check = shape(TASK, "id", "status", "run_at")
_of_a_run_under_way: Check = shape(RUN_UNDER_WAY)
# What a newer version wrote may be of any type, except for the fields that identify a record for every version.
_of_a_newer_task: Check = shape(
    {name: TASK[name] for name in ("id", "status", "run_at", "schema_version")}, "id", "status", "run_at"
)
_ended: Check = many(_of_a_task)


def fault(record: object) -> str | None:
    """What is wrong in a task record, as ``run.leader.pid is not usable: -1``; None if nothing is."""
    is_newer = isinstance(record, dict) and versions.is_newer(record)
    wrong = _of_a_newer_task(record) if is_newer else _of_a_task(record)
    return None if wrong is None else wrong.lstrip(". ")


def field_fault(name: str, value: object) -> str | None:
    """What is wrong with a value of a task's field, if it is not null; None if nothing is."""
    of = TASK.get(name)
    return None if of is None else of(value)


def is_run_under_way(found: object) -> bool:
    """Whether this identifies who is at an attempt in a way that can be checked."""
    return type(found) is dict and _of_a_run_under_way(found) is None


def run_fault(record: object) -> str | None:
    """The same for a run record."""
    wrong = _of_a_run(record)
    return None if wrong is None else wrong.lstrip(". ")


def filed_fault(record: Mapping[str, Any]) -> str | None:
    """The same for the line that replaces a filed task."""
    wrong = task_id(record.get("id"))
    return None if wrong is None else f"id{wrong}"
