"""One task, one line: the canonical form on disk and the quick look at a line.

A line we write starts with ``id``, ``status`` and ``run_at`` in this order, so that a
reader can tell from the first bytes of a line whether it is a waiting task that is not
due, and skip the rest. The match is anchored at the brace, so text from a user can never
be taken for it. What a record still has to file (``ended``, ``ended_runs``) stands between
``id`` and ``status``, so that such a record is always read whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeAlias, cast

from . import instants, versions

Task: TypeAlias = dict[str, Any]

MAX_TASK_BYTES = 1 << 20
"""A task is at most this many bytes as a line, so that one record cannot starve the rest."""
MAX_DEPTH = 100
"""Lists and objects nest at most this deep: what can be read can then be written from anywhere in a call stack."""
MAX_SECONDS = 1e9
"""The longest time span (some 31 years) that is counted from a moment without leaving the calendar."""

_LONGEST_ID = 4096
_FILED = {"id", "status", "filed_at"}
_LEADING = ("id", "ended", "ended_runs", "status", "run_at")
_WAITING = re.compile(rb'\{"id":"([A-Za-z0-9._-]+)","status":"scheduled","run_at":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"')
_UNICODE, _ASCII = (json.JSONEncoder(ensure_ascii=flag, separators=(",", ":")) for flag in (False, True))
_raw_decode = json.JSONDecoder().raw_decode
waiting = _WAITING.match
"""``waiting(line)``: a match with the id and ``run_at`` of a plainly waiting task, or None."""


class BadLine(ValueError):
    """A line that is no task record; the text says why."""


def encode(task: Task) -> bytes:
    """The task as one line with its newline."""
    ordered = {**{key: task[key] for key in _LEADING if key in task}, **task}
    try:
        return (_dumps(ordered, False) + "\n").encode()
    except UnicodeEncodeError:
        # A lone surrogate, valid as a JSON escape, has no UTF-8 form: it stays an escape.
        return (_dumps(ordered, True) + "\n").encode()


def _dumps(value: Task, ascii_only: bool) -> str:
    return (_ASCII if ascii_only else _UNICODE).encode(value)


def decode(line: bytes) -> Task:
    """The record in ``line``. Raises BadLine when it is none: every field a wake relies on is checked."""
    try:
        text = line.decode().strip("\ufeff \t\r\n")
        value, end = _raw_decode(text)
        if end < len(text):
            raise ValueError(f"more behind its end, at {end}")
    except (ValueError, RecursionError) as error:
        raise BadLine(f"not JSON: {error}"[:200]) from None
    if not isinstance(value, dict):
        raise BadLine("not a JSON object")
    check(value, line)
    return value


def check(value: Task, line: bytes) -> None:
    """Raises BadLine for a record, in ``line``, that a wake could not work with."""
    if line.count(b"{") + line.count(b"[") > MAX_DEPTH and _is_too_deep(value):
        raise BadLine("nested too deeply")
    _check_id(value.get("id"))
    if not isinstance(value.get("status"), str):
        raise BadLine("no status")
    if not is_filed(value):
        _check_fields(value)


def is_filed(value: Task) -> bool:
    """Whether this is the line that stands in for a filed task until the next rewrite."""
    return value.keys() == _FILED


def nests_deeper_than(limit: int, value: object) -> bool:
    """Whether lists and objects stand in each other more than ``limit`` deep; needs no stack itself."""
    level: list[object] = [value]
    for _ in range(limit + 1):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
        if not level:
            return False
    return any(isinstance(one, (dict, list)) for one in level)


def _is_too_deep(value: Task) -> bool:
    """An ended record is measured by itself: it stood at the top of a line when it was accepted."""
    ended = value.get("ended")
    own = {key: found for key, found in value.items() if key != "ended"}
    return any(nests_deeper_than(MAX_DEPTH, one) for one in [own, *(ended if isinstance(ended, list) else [ended])])


def _check_id(found: object) -> None:
    """An id goes into an environment variable of the executor, which holds neither NUL nor a lone surrogate."""
    if not isinstance(found, str) or not found:
        raise BadLine("no id")
    is_plain = found.isascii() or not any("\ud800" <= char <= "\udfff" for char in found)
    if len(found) > _LONGEST_ID or "\0" in found or not is_plain:
        raise BadLine("id is none that an executor could be told")


def _check_fields(value: Task) -> None:
    """What the runner computes with must be what it can compute with (a line may be edited by hand)."""
    # A newer version may have given any field another type, and knows what to do with it.
    for key, is_right in (_CHECKS_OF_NEWER if versions.is_newer(value) else _CHECKS).items():
        found = value.get(key)
        if found is not None and not is_right(found):
            raise BadLine(f"{key} is not usable: {str(found)[:50]!a}")
    if value.get("run_at") is None:
        raise BadLine("no run_at")


def _is_instant(found: object) -> bool:
    try:
        return isinstance(found, str) and bool(instants.from_text(found))
    except (ValueError, OverflowError):
        return False


def _is_count(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool) and found >= 0


def _is_seconds(found: object) -> bool:
    is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
    return is_number and 0 <= cast("float", found) <= MAX_SECONDS


def _is_text(found: object) -> bool:
    return isinstance(found, str)


def _is_object(found: object) -> bool:
    return isinstance(found, dict)


def _is_identity(found: object) -> bool:
    return isinstance(found, dict) and _is_count(found.get("pid")) and found["pid"] > 0


def is_run(found: object) -> bool:
    """Whether this says who is at an attempt in a way that can be asked about."""
    return isinstance(found, dict) and all(
        found.get(key) is None or is_right(found[key])
        for key, is_right in (("runner", _is_identity), ("leader", _is_identity), ("deadline_at", _is_instant))
    )


def _are_deferrals(found: object) -> bool:
    return isinstance(found, dict) and _is_count(found.get("total")) and _is_count(found.get("in_a_row"))


def _are_records(found: object) -> bool:
    return isinstance(found, list) and all(
        isinstance(one, dict) and isinstance(one.get("status"), str) and _is_instant(one.get("run_at")) for one in found
    )


def _are_runs(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(one, dict) and _is_instant(one.get("ended_at")) for one in found)


def _are_texts(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(one, str) for one in found)


def _is_hold(found: object) -> bool:
    return isinstance(found, dict) and (found.get("until") is None or _is_instant(found["until"]))


def _is_last(found: object) -> bool:
    return isinstance(found, dict) and (found.get("failures") is None or _is_count(found["failures"]))


_CHECKS_OF_NEWER: dict[str, Callable[[object], bool]] = {"run_at": _is_instant}
_CHECKS: dict[str, Callable[[object], bool]] = {
    "schema_version": _is_count,
    "requires": _are_texts,
    "held": _is_hold,
    "last": _is_last,
    "run_at": _is_instant,
    "occurrence": _is_instant,
    "expires_at": _is_instant,
    "attempts": _is_count,
    "max_retries": _is_count,
    "timeout_seconds": _is_seconds,
    "context": _is_object,
    "execution": _is_object,
    "run": is_run,
    "deferrals": _are_deferrals,
    "ended": _are_records,
    "ended_runs": _are_runs,
    "workspace": _is_text,
    "executor": _is_text,
    "cwd": _is_text,
    "created_at": _is_text,
}


def needles(text: str) -> list[bytes]:
    """A text, an id say, as it may stand quoted in a line: with what is not ASCII escaped, or as it is."""
    return [json.dumps(text, ensure_ascii=flag).encode(errors="surrogatepass") for flag in (True, False)]
