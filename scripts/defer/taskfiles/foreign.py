"""Jobs of other tools as task files: what can be carried over exactly, and what cannot, by name.

Nothing is guessed: a job whose time, time zone or state has no exact counterpart is left out, with
a message; a field without one is named beside the job that is carried over.

agentica keeps its jobs in a JSON list: ``id name prompt enabled status``, ``schedule`` with ``kind``
``at`` (``at_ms``), ``every`` (``interval_ms``) or ``cron`` (``expression``, ``timezone``), and
``timeout_seconds`` (0: none) ``max_retries retry_delay_ms workspace permissions deliver user_id``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from defer import instants
from defer.errors import BadInput
from defer.record import codec, shapes

from . import formats, read

_LONGEST_NOTE = 200
_UNITS = ((3_600_000, "hours"), (60_000, "minutes"), (1000, "seconds"))
_KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("id", "name", "prompt", "status", "timezone", "deliver", "user_id"), str),
    **dict.fromkeys(("workspace",), (str, type(None))),
    **dict.fromkeys(("timeout_seconds", "max_retries", "retry_delay_ms", "next_run_at_ms"), (int, float)),
    "schedule": dict,
    "enabled": bool,
    "permissions": (dict, type(None)),
}
_SCHEDULE = ("kind", "at_ms", "interval_ms", "expression", "timezone")
_HISTORY = ("created_at_ms", "last_run_at_ms", "last_status", "run_count", "retry_count")


class Job(NamedTuple):
    """One job: its task file's fields, or None where it stays behind; ``notes`` say what was not carried over."""

    task_id: str
    fields: dict[str, Any] | None
    notes: tuple[str, ...]


class _StaysBehind(Exception):
    """Why a job cannot be carried over."""


def agentica(raw: bytes, source: Path, now: datetime) -> list[Job]:
    """The jobs in a ``jobs.json``. Raises BadInput naming ``source`` if it is not one."""
    try:
        found = formats.parse_json(read.decoded(raw))
    except formats.Complaint as error:
        said = read.located(source, error.what, error.line, error.field)
        raise BadInput(said, field=error.field) from None
    jobs = found.get("jobs") if isinstance(found, dict) else found
    if not isinstance(jobs, list) or not all(isinstance(one, dict) for one in jobs):
        raise BadInput(f"{source}: not a list of jobs (give agentica's jobs.json)")
    return [_agentica(one, number, now) for number, one in enumerate(jobs, 1)]


def _agentica(job: dict[str, Any], number: int, now: datetime) -> Job:
    task_id = job["id"] if isinstance(job.get("id"), str) and job["id"] else f"job {number}"
    try:
        _check_kinds(job)
        return Job(task_id, _fields(job, now), tuple(map(_short, _not_carried(job))))
    except _StaysBehind as why:
        return Job(task_id, None, (_short(str(why)),))


def _short(note: str) -> str:
    """A note with what a job says, which may be a megabyte."""
    return note if len(note) <= _LONGEST_NOTE else note[: _LONGEST_NOTE - 1] + "…"


def _check_kinds(job: dict[str, Any]) -> None:
    for name, kind in _KINDS.items():
        value = job.get(name)
        wrong = name in job and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool))
        wrong = wrong or (kind == (int, float) and name in job and not shapes.is_number(value))
        if wrong or (name in ("id", "prompt", "schedule") and not value):
            raise _StaysBehind(f"{name}: {'not what agentica writes there' if value else 'missing'}")
    if codec.nests_deeper_than(formats.DEEPEST, job.get("permissions")):
        raise _StaysBehind(f"permissions: nested more than {formats.DEEPEST} deep")
    if formats.holds_no_number(job.get("permissions")):
        raise _StaysBehind(f"permissions: {formats.NO_NUMBER}")
    if job.get("status", "active") not in ("active", "paused"):
        raise _StaysBehind(f"status: it is {job['status']} (there is nothing left to run)")


def _fields(job: dict[str, Any], now: datetime) -> dict[str, Any]:
    schedule, tz = _time(job["schedule"], now)
    timeout, retries = job.get("timeout_seconds", 0), job.get("max_retries", 0)
    if timeout < 0 or retries < 0 or retries != int(retries):
        raise _StaysBehind("timeout_seconds or max_retries: not what agentica writes there")
    wanted = {
        "name": job.get("name") or None,
        "schedule": schedule,
        "tz": tz,
        "prompt": job["prompt"],
        "enabled": None if job.get("enabled", True) and job.get("status", "active") == "active" else False,
        "timeout": timeout or "none",
        "retries": int(retries) or None,
        "workspace": job.get("workspace") or None,
        "permissions": job.get("permissions") or None,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _time(schedule: dict[str, Any], now: datetime) -> tuple[str, str | None]:
    """The words of a schedule, and the zone they are read in."""
    kind = schedule.get("kind")
    if kind == "at":
        return _moment(schedule.get("at_ms"), now), None
    if kind == "every":
        return _interval(schedule.get("interval_ms")), None
    if kind == "cron":
        return _cron(schedule.get("expression")), _zone(schedule.get("timezone"))
    raise _StaysBehind(f"schedule.kind: {kind!r} is not at, every or cron")


def _moment(at_ms: object, now: datetime) -> str:
    if not isinstance(at_ms, int) or isinstance(at_ms, bool) or not 0 < at_ms < 1 << 45:
        raise _StaysBehind("schedule.at_ms: not a time in milliseconds since 1970")
    instant = datetime.fromtimestamp(at_ms // 1000, UTC)
    if instant <= now:
        raise _StaysBehind(f"schedule.at_ms: {instants.to_text(instant)} has passed")
    return instants.to_text(instant)


def _interval(interval_ms: object) -> str:
    if not isinstance(interval_ms, int) or isinstance(interval_ms, bool) or not 0 < interval_ms <= shapes.MAX_TALLY:
        raise _StaysBehind("schedule.interval_ms: not a number of milliseconds")
    for size, unit in _UNITS:  # not days: they keep the wall clock here, and agentica counts milliseconds
        if interval_ms % size == 0:
            return f"every {interval_ms // size} {unit}"
    raise _StaysBehind("schedule.interval_ms: not whole seconds")


def _cron(expression: object) -> str:
    """Five fields; six where the first, the second, is 0, which is the same."""
    words = expression.split() if isinstance(expression, str) else []
    if len(words) == 6 and words[0] == "0":
        return " ".join(words[1:])
    if len(words) == 6:
        raise _StaysBehind("schedule.expression: fires at a second other than 0, which nothing here does")
    if len(words) != 5:
        raise _StaysBehind("schedule.expression: not five or six cron fields")
    return " ".join(words)


def _zone(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise _StaysBehind("schedule.timezone: missing (agentica takes Asia/Shanghai then; write the zone you mean)")
    return name


def _not_carried(job: dict[str, Any]) -> Iterator[str]:
    """The parts of a carried-over job that have no counterpart."""
    if job.get("max_retries") and "retry_delay_ms" in job:
        milliseconds = job["retry_delay_ms"]
        yield f"retry_delay_ms: {milliseconds:g} (retries wait as DEFER_RETRY_DELAY_SECONDS says)"
    if job.get("permissions"):
        yield "permissions: kept in the task, but only an executor that knows them obeys them"
    if job.get("deliver", "local") != "local":
        yield f"deliver: {job['deliver']} (the executor would have to)"
    if job.get("user_id", "default") != "default":
        yield f"user_id: {job['user_id']} (a store has one user)"
    if job["schedule"]["kind"] == "every" and job.get("next_run_at_ms"):
        yield "next_run_at_ms: the interval is counted anew from now"
    zones = {job.get("timezone"), job["schedule"].get("timezone")} - {None}
    if job["schedule"]["kind"] == "cron" and len(zones) > 1:
        yield f"timezone: {job['timezone']} (its schedule says {job['schedule']['timezone']}, which is used)"
    for name in sorted(job.keys() - _KINDS.keys() - {*_HISTORY}):
        yield f"{name}: not known here"
    for name in sorted(job["schedule"].keys() - {*_SCHEDULE}):
        yield f"schedule.{name}: not known here"
