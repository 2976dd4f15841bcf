"""Words into a record: what somebody asks for, read as of a moment; nothing is stored here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from defer import instants, say, timeparse, visible
from defer.errors import About, BadInput
from defer.record import shapes, task, versions
from defer.record.codec import Task
from defer.settings.config import Config

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from defer.record.types import Context, Recurrence, Reorient

# Compiled where a call needs it: a plain one does not.
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
FOR_RECURRING = ("times", "until", "jitter", "catch_up", "overlap")
"""The parts of a timing that only recurring tasks have."""


class Timing(NamedTuple):
    """When something is to be done, in words; ``reading`` is what ``when`` means, if it has been read already."""

    when: str
    tz: str | None = None
    expires: str | None = None
    times: int | None = None
    until: str | None = None
    jitter: str | None = None
    catch_up: str | None = None
    overlap: str | None = None
    reading: timeparse.Reading | None = None


class Request(NamedTuple):
    """What somebody asks to be done later. ``context`` is merged already; ``reorient`` says from where.

    ``timeout`` is a duration in words or a number of seconds; ``extra`` are fields of the record as they are.
    """

    when: str
    context: Context
    tz: str | None = None
    task_id: str | None = None
    intent: str = "resume_task"
    mode: str = "fresh"
    session: str | None = None
    prompt_template: str | None = None
    aura_level: str = "low"
    max_retries: int = 0
    reorient: Reorient | None = None
    timeout: str | float | None = None
    executor: str | None = None
    command: str | None = None
    workspace: str | None = None
    tags: tuple[str, ...] = ()
    expires: str | None = None
    concurrent: bool = False
    leave_running: bool = False
    worktree: bool = False
    condition: str | Sequence[str] | None = None
    check: str | Sequence[str] | None = None
    drift: bool = True
    notify: str | None = None
    model: str | None = None
    max_cost: float | None = None
    max_turns: int | None = None
    cwd: str | None = None
    times: int | None = None
    until: str | None = None
    jitter: str | None = None
    catch_up: str | None = None
    overlap: str | None = None
    extra: Mapping[str, object] = MappingProxyType({})
    reading: timeparse.Reading | None = None

    @property
    def timing(self) -> Timing:
        """What of it says when."""
        bounds = self.expires, self.times, self.until, self.jitter, self.catch_up, self.overlap
        return Timing(self.when, self.tz, *bounds, self.reading)


class Moment(NamedTuple):
    """A timing that has been read: what its words mean in the zone of that name, as of ``now``."""

    timing: Timing
    reading: timeparse.Reading
    zone_name: str
    now: datetime

    @property
    def zone(self) -> ZoneInfo:
        """The zone itself."""
        return timeparse.zone(self.zone_name)

    @property
    def notes(self) -> tuple[str, ...]:
        """Which of several readings was taken of the time, and of its bounds as they were given."""
        found = [*self.reading.notes]
        for name, words in (("until", self.timing.until), ("expires", self.timing.expires)):
            if words is not None and not _is_duration(words):
                with suppress(timeparse.TimeExpressionError):
                    read = timeparse.parse(_to_the_last_minute(words), self.now, self.zone)
                    found += [f"{name}: {note}" for note in read.notes]
        return tuple(found)

    @property
    def ready_at(self) -> str | None:
        """From when on a wake may take what was asked for as a delay; None where that is its time."""
        length = None if self.reading.recurrence else timeparse.elapsing(self.timing.when)
        return None if length is None else instants.ready(self.reading.instant, length)

    @property
    def expires_at(self) -> str | None:
        """When a task that runs once expires, if that is said. Raises BadInput."""
        if self.timing.expires is None:
            return None
        return expires_at(self.timing.expires, self.reading.instant, self.now, self.zone)


class Plan(NamedTuple):
    """A task that could be stored, and how its time was understood."""

    task: Task
    instant: datetime
    zone_name: str
    notes: tuple[str, ...]

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which the time was read. Loaded here: who only stores the plan does not pay for it."""
        return timeparse.zone(self.zone_name)

    def understood(self, now: datetime) -> dict[str, Any]:
        """The echo for programs: UTC, local time with zone, distance in seconds and words, notes."""
        return {
            "utc": instants.to_text(self.instant),
            "local": self.instant.astimezone(self.zone).isoformat(),
            "zone": self.zone_name,
            "in_seconds": int((self.instant - now).total_seconds()),
            "distance": say.from_now(self.instant, now),
            "notes": list(self.notes),
            **self._repeats(),
        }

    def _repeats(self) -> dict[str, str]:
        if not task.is_recurring(self.task):
            return {}
        from defer.record import occurrences

        return {"repeats": occurrences.rule(self.task).describe()}


def plan(request: Request, config: Config, now: datetime) -> Plan:
    """Read the request into a task record. Raises BadInput for anything in it that cannot be."""
    moment = read(request.timing, config, now)
    instant = moment.reading.instant
    if not str(request.context.get("summary") or "").strip():
        what = "no summary (say what is to be done with --summary, or give a context that has one)"
        raise BadInput(what, field="summary")
    texts = {"prompt_template": request.prompt_template, "when": request.when, "tags": request.tags}
    commands = {"command": request.command, "condition": request.condition, "check": request.check}
    check_texts({**request.context, **texts, **commands})
    recurring = recurrence(moment, request.task_id or request.context["summary"])
    record = task.create(
        created_at=now,
        run_at=instant,
        context=request.context,
        intent=request.intent,
        mode=request.mode,
        prompt_template=request.prompt_template,
        aura_level=request.aura_level,
        max_retries=request.max_retries,
        reorient=request.reorient,
        **{**_optional_fields(request, moment, recurring), **request.extra},
    )
    if recurring:
        from defer.record import occurrences

        record["run_at"] = instants.to_text(instant + occurrences.jitter_of(record))
    record = versions.requiring(_settled(record, request, config, now))
    if request.task_id is not None:
        from .names import checked_id

        record = {"id": checked_id(request.task_id), **record}
    return Plan(record, instant, moment.zone_name, moment.notes)


def _settled(record: Task, request: Request, config: Config, now: datetime) -> Task:
    """The record with what depends on more than words. Each part is loaded where it is asked for. Raises BadInput."""
    if not request.drift or record.get("executor") or config.executor:
        from defer.context import noted

        record = noted.onto(record, config.executor, now, wanted=request.drift)
    wants = any(record.get(name) is not None for name in ("condition", "check", "permissions", "worktree"))
    if wants or config.get("DEFER_PERMISSIONS"):
        from . import grants

        record = grants.settled(record, config)
    if request.command is not None:
        from . import demands

        demands.check_command(record, has_prompt=request.prompt_template is not None)
    if request.mode == "callback" or request.session:
        from . import callback

        record = callback.onto(record, request.session, config)
    return record


def read(timing: Timing, config: Config, now: datetime) -> Moment:
    """What the words of a timing mean. Raises BadInput."""
    zone_name = config.zone_name(timing.tz)
    with About("when"):
        reading = timing.reading or timeparse.plain_delay(timing.when, now)
        return Moment(timing, reading or timeparse.parse(timing.when, now, timeparse.zone(zone_name)), zone_name, now)


def recurrence(moment: Moment, name: str) -> Recurrence | None:
    """The ``recurrence`` of a record, or None for a task that runs once; its ``name`` decides on its jitter.

    Raises BadInput.
    """
    timing, reading, zone_name, now = moment
    if reading.recurrence is None:
        for field in FOR_RECURRING:
            if getattr(timing, field) is not None:
                raise only_for_recurring(field, f'"{timing.when}" runs once (a rule looks like "every day at 9am")')
        return None
    rule: Recurrence = {"expression": timing.when, "tz": zone_name, "anchor": instants.to_text(now)}
    return cast("Recurrence", {**rule, **policies(timing, name, reading.instant, now, moment.zone)})


def only_for_recurring(field: str, why: str) -> BadInput:
    """The error for a field that only recurring tasks have, given for a task that runs once."""
    return BadInput(lambda called: f"{called(field)} is for recurring tasks: {why}", field=field)


def policies(
    timing: Timing, name: str, first: datetime, now: datetime, zone: ZoneInfo, fired: int = 0
) -> dict[str, Any]:
    """The parts of a ``recurrence`` that flags set; ``first`` is the next occurrence, ``fired`` how many are over.

    Raises BadInput for bounds that leave nothing.
    """
    from defer.record import occurrences

    until = _bounds(timing, first, now, zone, fired)
    most = None if timing.jitter is None else span_seconds("jitter", timing.jitter)
    of_use = None if timing.expires is None else span_seconds("expires", timing.expires, " of a recurring task")
    seed = f"{os.uname().nodename} {name}"
    fields = {
        "count": timing.times,
        "until": instants.to_text(until) if until else None,
        "jitter_seconds": most,
        "jitter_offset_seconds": None if most is None else occurrences.jitter_offset(seed, most),
        "catch_up": timing.catch_up,
        "overlap": timing.overlap,
        "expires_after_seconds": of_use,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _bounds(timing: Timing, first: datetime, now: datetime, zone: ZoneInfo, fired: int) -> datetime | None:
    """The last moment, if one is given. Raises BadInput if that or the count leaves nothing to run."""
    if timing.times is not None and timing.times <= fired:
        over = f": {fired} are over already" if fired else ""
        what = f"--count {timing.times} leaves nothing to run{over} (give at least {fired + 1})"
        raise BadInput(what, field="times")
    with About("until"):
        until = timeparse.parse(_to_the_last_minute(timing.until), now, zone).instant if timing.until else None
        if until and until < first:
            raise BadInput(f"--until is before the next occurrence: {instants.to_text(until)} (give a later one)")
    return until


def _to_the_last_minute(text: str) -> str:
    """A date alone with its last minute: as an end, the day itself still counts."""
    return f"{text} 23:59" if re.fullmatch(_DATE, text.strip()) else text


def _is_duration(text: str) -> bool:
    try:
        timeparse.parse_duration(text)
    except (timeparse.TimeExpressionError, OverflowError):
        return False
    return True


def span_seconds(field: str, text: str, of: str = "") -> int:
    """A duration in whole seconds. Raises BadInput that names the field, also for one that is too long to count.

    ``of`` follows the name if the name alone is not enough.
    """
    try:
        span = timeparse.parse_duration(text)
    except timeparse.TimeExpressionError as error:
        said = str(error)
        raise BadInput(lambda called: f"{called(field)}{of} takes a duration: {said}", field=field) from None
    return int(_bounded(field, span.total_seconds(), of))


def _bounded(field: str, seconds: float, of: str = "") -> float:
    """A span that is short enough to count with: the store would refuse a longer one with a worse message."""
    if seconds > shapes.MAX_SECONDS:
        limit = f"{shapes.MAX_SECONDS:.0f} seconds (give a shorter one)"
        raise BadInput(lambda called: f"{called(field)}{of} is longer than {limit}", field=field)
    return seconds


def _optional_fields(request: Request, moment: Moment, recurring: Recurrence | None) -> dict[str, object]:
    return {
        "ready_at": moment.ready_at,
        "tz": moment.zone_name,
        "when": request.when,
        "cwd": request.cwd,
        "timeout_seconds": timeout_seconds(request.timeout),
        **_place(request),
        "tags": list(request.tags) or None,
        "expires_at": None if recurring else moment.expires_at,
        "concurrent": request.concurrent or None,
        "leave_running": request.leave_running or None,
        "worktree": request.worktree or None,
        "notify": notify_mode(request.notify),
        **_further(request),
        "recurrence": recurring,
    }


def _place(request: Request) -> dict[str, object]:
    if request.executor is None and request.workspace is None:
        return {}
    from . import wishes

    return wishes.place(request.executor, request.workspace)


def _further(request: Request) -> dict[str, object]:
    wanted = (request.model, request.max_cost, request.max_turns, request.condition, request.check, request.command)
    if all(one is None for one in wanted):
        return {}
    from . import wishes

    return wishes.further(*wanted)


def check_texts(fields: Mapping[str, object]) -> None:
    """Raise BadInput for what files and prompts cannot carry: NUL, and arguments that were not UTF-8."""
    for field, value in fields.items():
        if not value:
            continue
        for text in value if isinstance(value, (list, tuple)) else (value,):
            if not isinstance(text, str) or (text.isascii() and "\0" not in text):
                continue
            if "\0" in text:
                raise BadInput("a NUL character in a text (remove it)", field=field)
            if not visible.has_utf8_form(text):
                raise BadInput(f"a text is not valid UTF-8: {ascii(text)[:80]} (pass UTF-8)", field=field)


def notify_mode(wanted: str | None) -> str | None:
    """Which ends are told, as it is stored: what is told anyway needs no word."""
    return None if wanted == task.NOTIFY[0] else wanted


def timeout_seconds(wanted: str | float | None) -> float | None:
    """Seconds, as given or of a duration in words; 0 for ``none``, which means no limit."""
    if not isinstance(wanted, str):
        return wanted
    if wanted.strip().lower() == "none":
        return 0
    with About("timeout"):
        return _bounded("timeout", timeparse.parse_duration(wanted).total_seconds())


def expires_at(text: str | None, run_at: datetime, now: datetime, zone: ZoneInfo) -> str | None:
    """A duration counts from the moment the task is due; anything else is a moment itself."""
    if text is None:
        return None
    try:
        limit = run_at + timeparse.parse_duration(text)
    except (timeparse.TimeExpressionError, OverflowError):
        with About("expires"):
            limit = timeparse.parse(text, now, zone).instant
    if limit <= run_at:
        why = f"is not after the task is due: {text} is {instants.to_text(limit)} (give a later one)"
        raise BadInput(lambda called: f"{called('expires')} {why}", field="expires")
    return instants.to_text(limit)
