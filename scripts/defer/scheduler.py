"""Scheduling, cancelling and looking things up: one function per thing a person asks for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from . import adapters, filing, instants, occurrences, shapes, task, timeparse, versions, words
from .audit import AuditLog, line
from .codec import Task
from .config import ROOT, Config
from .errors import BadInput, NoSuchTask, Unreadable
from .markers import Markers
from .store import Store

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_ID = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,127}").fullmatch
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
RECURRING_FLAGS = {
    "times": "--count",
    "until": "--until",
    "jitter": "--jitter",
    "catch_up": "--catch-up",
    "overlap": "--overlap",
}
_ASLEEP_AFTER = timedelta(minutes=3)


class Request(NamedTuple):
    """What somebody asks to be done later. ``context`` is merged already; ``reorient`` says from where."""

    when: str
    context: dict[str, Any]
    tz: str | None = None
    task_id: str | None = None
    intent: str = "resume_task"
    mode: str = "fresh"
    prompt_template: str | None = None
    aura_level: str = "low"
    max_retries: int = 0
    reorient: dict[str, Any] | None = None
    timeout: str | None = None
    executor: str | None = None
    workspace: str | None = None
    tags: tuple[str, ...] = ()
    expires: str | None = None
    concurrent: bool = False
    leave_running: bool = False
    cwd: str | None = None
    times: int | None = None
    until: str | None = None
    jitter: str | None = None
    catch_up: str | None = None
    overlap: str | None = None
    extra: dict[str, Any] = MappingProxyType({})  # type: ignore[assignment]


class Plan(NamedTuple):
    """A task that could be stored, and how its time was understood."""

    task: Task
    instant: datetime
    zone: ZoneInfo
    notes: tuple[str, ...]

    def understood(self, now: datetime) -> dict[str, Any]:
        """The echo for programs: UTC, local time with zone, distance in seconds and words, notes."""
        return {
            "utc": instants.to_text(self.instant),
            "local": self.instant.astimezone(self.zone).isoformat(),
            "zone": self.zone.key,
            "in_seconds": int((self.instant - now).total_seconds()),
            "distance": words.from_now(self.instant, now),
            "notes": list(self.notes),
            **({"repeats": occurrences.rule(self.task).describe()} if occurrences.is_recurring(self.task) else {}),
        }


def plan(request: Request, config: Config, now: datetime) -> Plan:
    """Read the request into a task record. Raises BadInput for anything in it that cannot be."""
    zone = config.timezone(request.tz)
    reading = timeparse.parse(request.when, now, zone)
    if not str(request.context.get("summary") or "").strip():
        raise BadInput("no summary (say what is to be done with --summary, or give a context that has one)")
    check_texts(request)
    recurring = _recurrence(request, reading, now, zone)
    record = task.create(
        created_at=now,
        run_at=reading.instant,
        context=request.context,
        intent=request.intent,
        mode=request.mode,
        prompt_template=request.prompt_template,
        aura_level=request.aura_level,
        max_retries=request.max_retries,
        reorient=request.reorient,
        **{**_optional_fields(request, reading.instant, now, zone, recurring), **request.extra},
    )
    if recurring:
        record["run_at"] = instants.to_text(reading.instant + occurrences.jitter_of(record))
    named = {"id": checked_id(request.task_id)} if request.task_id is not None else {}
    return Plan({**named, **record}, reading.instant, zone, reading.notes)


def _recurrence(request: Request, reading: timeparse.Reading, now: datetime, zone: ZoneInfo) -> dict[str, Any] | None:
    """The record's ``recurrence``, or None for a task that runs once."""
    if reading.recurrence is None:
        for field, flag in RECURRING_FLAGS.items():
            if getattr(request, field) is not None:
                raise BadInput(f'{flag} is for recurring tasks: "{request.when}" runs once (try "every day at 9am")')
        return None
    rule = {"expression": request.when, "tz": zone.key, "anchor": instants.to_text(now)}
    return {**rule, **policies(request, reading.instant, now, zone)}


def policies(request: Request, first: datetime, now: datetime, zone: ZoneInfo, fired: int = 0) -> dict[str, Any]:
    """What of a ``recurrence`` a request's flags say; ``first`` is the occurrence to come, ``fired`` how many are over.

    Raises BadInput for bounds that leave nothing.
    """
    if request.times is not None and request.times <= fired:
        over = f": {fired} are over already" if fired else ""
        raise BadInput(f"--count {request.times} leaves nothing to run{over} (give at least {fired + 1})")
    until = _last_moment(request.until, now, zone) if request.until else None
    if until and until < first:
        raise BadInput(f"--until is before the next occurrence: {instants.to_text(until)} (give a later one)")
    most = _seconds("--jitter", request.jitter)
    seed = f"{os.uname().nodename} {request.task_id or request.context['summary']}"
    fields = {
        "count": request.times,
        "until": instants.to_text(until) if until else None,
        "jitter_seconds": most,
        "jitter_offset_seconds": None if most is None else occurrences.jitter_offset(seed, most),
        "catch_up": request.catch_up,
        "overlap": request.overlap,
        "expires_after_seconds": _seconds("--expires of a recurring task", request.expires),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _last_moment(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The moment of a ``--until``: of a date alone its last minute, since the day itself still counts."""
    return timeparse.parse(f"{text} 23:59" if _DATE(text.strip()) else text, now, zone).instant


def _seconds(flag: str, text: str | None) -> int | None:
    """What ``span_seconds`` says where there is something to be read."""
    return None if text is None else span_seconds(flag, text)


def span_seconds(flag: str, text: str) -> int:
    """A duration in whole seconds. Raises BadInput that names the flag, also for a longer one than can be counted."""
    try:
        return int(_bounded(flag, timeparse.parse_duration(text).total_seconds()))
    except timeparse.TimeExpressionError as error:
        raise BadInput(f"{flag} takes a duration: {error}") from None


def _bounded(flag: str, seconds: float) -> float:
    """A span that can be counted with: a longer one would be refused as it is stored, and named there less well."""
    if seconds > shapes.MAX_SECONDS:
        raise BadInput(f"{flag} is longer than {shapes.MAX_SECONDS:.0f} seconds (give a shorter one)")
    return seconds


def _optional_fields(
    request: Request, run_at: datetime, now: datetime, zone: ZoneInfo, recurring: dict[str, Any] | None
) -> dict[str, object]:
    return {
        "tz": zone.key,
        "when": request.when,
        "cwd": request.cwd,
        "timeout_seconds": timeout_seconds(request.timeout),
        "executor": executor_name(request.executor),
        "workspace": workspace_path(request.workspace),
        "tags": list(request.tags) or None,
        "expires_at": None if recurring else expires_at(request.expires, run_at, now, zone),
        "concurrent": request.concurrent or None,
        "leave_running": request.leave_running or None,
        "recurrence": recurring,
    }


def checked_id(wanted: str) -> str:
    """An id that may be given to a task. Raises BadInput."""
    if not _ID(wanted):
        shown = wanted if wanted.isprintable() else ascii(wanted)
        raise BadInput(f"not an id: {shown} (at most 128 letters, digits, . _ -, a letter or digit first, no ..)")
    return wanted


def check_texts(request: Request) -> None:
    """Refuse what no file or prompt can carry: NUL, and bytes that were not UTF-8 in the arguments."""
    context = [item for value in request.context.values() for item in (value if isinstance(value, list) else [value])]
    for text in (*context, request.prompt_template, request.when, *request.tags):
        if isinstance(text, str) and "\0" in text:
            raise BadInput("a NUL character in a text (remove it)")
        if isinstance(text, str) and any("\ud800" <= char <= "\udfff" for char in text):
            raise BadInput(f"a text is not valid UTF-8: {ascii(text)[:80]} (pass UTF-8)")


def timeout_seconds(text: str | None) -> float | None:
    """Seconds of a duration in words; 0 for ``none``, which means no limit."""
    if text is None:
        return None
    no_limit = text.strip().lower() == "none"
    return 0 if no_limit else _bounded("--timeout", timeparse.parse_duration(text).total_seconds())


def executor_name(named: str | None) -> str | None:
    """An executor as it is stored: a shipped adapter's name, or an absolute path. Raises BadInput."""
    if named is None or adapters.find(named):
        return named
    if "/" not in named and not os.path.exists(named):
        raise BadInput(f"no such executor: {named} (a path, or one of: {adapters.names()})")
    return os.path.abspath(named)


def workspace_path(directory: str | None) -> str | None:
    """A workspace as it is stored: the real path, so that two names of one directory are one. Raises BadInput."""
    if directory is None:
        return None
    if not os.path.isdir(directory):
        raise BadInput(f"workspace is not a directory: {directory} (make it first)")
    return os.path.realpath(directory)


def expires_at(text: str | None, run_at: datetime, now: datetime, zone: ZoneInfo) -> str | None:
    """A duration counts from the moment the task is due; anything else is a moment itself."""
    if text is None:
        return None
    try:
        limit = run_at + timeparse.parse_duration(text)
    except (timeparse.TimeExpressionError, OverflowError):
        limit = timeparse.parse(text, now, zone).instant
    if limit <= run_at:
        raise BadInput(
            f"--expires is not after the task is due: {text} is {instants.to_text(limit)} (give a later one)"
        )
    return instants.to_text(limit)


def add(store: Store, audit: AuditLog, planned: Sequence[Plan], now: datetime, if_exists: str) -> list[Task]:
    """Store planned tasks in one write; the records as they stand. Raises Refused for a taken id."""
    stored = store.append([one.task for one in planned], now, if_exists)
    # A record that was there already and was to stay has a context of its own.
    new = [record for one, record in zip(planned, stored, strict=True) if is_new(record, one)]
    audit.write(
        line(now, "scheduled", record["id"], {"run_at": record["run_at"], "when": record.get("when")}) for record in new
    )
    return stored


def is_new(stored: Task, planned: Plan) -> bool:
    """Whether this is the record that was planned, and not one that was there already and was to stay."""
    return stored.get("context") is planned.task["context"]


def doubts(stored: Task, config: Config) -> list[str]:
    """What somebody who has just scheduled this should know of it: what it starts is not there, as of now."""
    what = versions.lacking(stored)
    if what:
        return [f"it {versions.complaint(what)} (upgrade Defer)"]
    command, named = stored.get("command"), stored.get("executor") or config.executor
    search_path = config.get("PATH") or os.defpath
    if command:
        directory = stored.get("workspace") or stored.get("cwd") or os.path.expanduser("~")
        found = adapters.doubt_of_command(command[0], search_path, directory) if isinstance(command, list) else None
    else:
        found = adapters.doubt(named, search_path, config.tasks_file) if named else None
    fails = [f"the task will fail as things stand: {found}"] if found else []
    may_be_changed = adapters.doubt_of_group(named) if named and not command else None
    return [*fails, *filter(None, [may_be_changed])]


def warnings(markers: Markers, now: datetime) -> list[str]:
    """What somebody who has just scheduled should know: nothing wakes this store, or its wakes fail."""
    found = []
    last = markers.last_wake()
    mend = f"{command_name()} cron install"
    if last is None:
        found.append(f"nothing has ever woken this store ({mend}; the first wake comes a minute after)")
    elif now - last > _ASLEEP_AFTER:
        found.append(f"nothing has woken this store for {words.distance(now - last)} ({mend})")
    trouble = markers.last_trouble()
    if trouble:
        found.append(f"the last wake could not do its work, so what is due waits: {trouble}")
    held = markers.last_held()
    if held:
        (first, why), more = next(iter(held.items())), len(held) - 1
        found.append(f"what is due is left alone: {first}: {why}" + (f", and {more} more like it" if more else ""))
    return found


def command_name() -> str:
    """What the user calls us by: ``defer`` where it is installed, else the entry's path."""
    installed = any(os.access(f"{place}/defer", os.X_OK) for place in os.environ.get("PATH", "").split(":"))
    return "defer" if installed else str(ROOT / "scripts" / "schedule-task.sh")


def look_up(store: Store, archive_dir: Path, task_id: str) -> Task:
    """The record of an id: from the store, else the last one in the archive. Raises Refused."""
    found = store.find(task_id) or filing.latest(archive_dir, task_id)
    if found is None:
        why = store.unreadable(task_id)
        raise (
            NoSuchTask(task_id) if why is None else Unreadable(f"task cannot be read: {task_id}: {why} (mend it there)")
        )
    return found


def change(store: Store, archive_dir: Path, task_id: str, now: datetime, as_asked: Callable[[Task], Task]) -> Task:
    """Change the record of an id. Raises NoSuchTask for one that nobody knows, and for one that is filed what
    ``as_asked`` has against it: that it is over.
    """
    try:
        return store.update(task_id, now, as_asked)
    except NoSuchTask:
        as_asked(look_up(store, archive_dir, task_id))
        raise


def cancel(store: Store, audit: AuditLog, archive_dir: Path, task_id: str, reason: str | None, now: datetime) -> Task:
    """Cancel a waiting task. Raises Refused for one that runs, has ended or is not there."""
    cancelled = change(store, archive_dir, task_id, now, partial(task.cancel, now=now, reason=reason))
    audit.note(now, "cancelled", task_id, reason=reason)
    return cancelled
