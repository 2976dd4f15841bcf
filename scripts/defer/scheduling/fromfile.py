"""The record that a task file asks for: a new one, or what becomes of the one that is there.

A record made from a file has ``source``: the ``file``, the ``digest`` of what it was made from,
the ``workflow`` it names if any, and ``enabled`` where that is false.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING, Any

from defer import instants
from defer.errors import BadInput, NoHome
from defer.executors import registry
from defer.record import changes, codec, lineage, occurrences, task
from defer.record.codec import Task
from defer.settings.config import Config
from defer.taskfiles.read import BadFile, Located, TaskFile, located

from . import plan
from .plan import Plan, Request

if TYPE_CHECKING:
    from defer.record.types import Source

# What a file decides in its task's record; everything else in it is the task's history.
_FROM_FILE = (
    *("check", "condition", "requires"),
    *("agent", "command", "context", "description", "drift", "env", "execution", "executor", "expires_at", "intent"),
    *("leave_running", "max_cost_usd", "max_turns", "notify", "ping", "requires"),
    *("max_retries", "model", "name", "permissions", "recurrence", "source", "sticky_session", "tags"),
    *("timeout_seconds", "tz", "when", "when_to_use", "workspace", "worktree"),
)
_TIME = ("run_at", "occurrence", "attempts")
_CALLED = {
    **{
        name: name
        for name in (
            "check",
            "permissions",
            "tz",
            "expires",
            "jitter",
            "catch_up",
            "overlap",
            "executor",
            "workspace",
            "worktree",
            "timeout",
            "ping",
        )
    },
    **dict.fromkeys(("DEFER_TIMEZONE", "TZ"), "tz"),
    "condition": "if",
}
"""How a file calls what an error is about; everything else is about its time."""
FILE_REMOVED, FILE_DISABLED = "file removed", "disabled in its file"
_CHANGED = "its schedule was changed"
_WISHES = {FILE_REMOVED: "cancel", FILE_DISABLED: "pause"}


def source(record: Task) -> Source:
    """The ``source`` of a task; empty for one that was not made from a file."""
    found = record.get("source")
    return found if found is not None and isinstance(found, dict) and isinstance(found.get("file"), str) else {}


def is_disabled(record: Task) -> bool:
    """Whether the file a task was made from says ``enabled: false``."""
    return source(record).get("enabled") is False


def new(file: TaskFile, config: Config, now: datetime) -> Task:
    """The record of a task that is not there yet. Raises BadFile."""
    record = _planned(file, config, now).task
    return record if file.enabled else changes.pause(record, now)


def changed(live: Task, file: TaskFile, config: Config, now: datetime) -> Task:
    """The record of a waiting or paused task as its file wants it now. Raises BadFile.

    If the file names the same time as before, the occurrence that the task waits for stays, with its attempts.
    """
    same_time = live.get("when") == file.schedule and live.get("tz") == config.timezone(file.text("tz")).key
    wanted = _planned(file, config, _read_at(live, now) if same_time else now).task
    result = _with_fields(live, wanted) if same_time else _with_time(live, wanted, now)
    if live["status"] == task.PAUSED and is_disabled(live) and file.enabled:
        return changes.resume(result, now)
    if live["status"] == task.SCHEDULED and not file.enabled:
        return changes.pause(result, now)
    return result


def is_to_end(executing: Task) -> bool:
    """Whether a task is to be cancelled or paused after its attempt because its file was removed or disabled."""
    return _wished_for(executing) in _WISHES


def _wished_for(executing: Task) -> str | None:
    """Why the task is to be cancelled or paused after its attempt, or None."""
    wish = executing.get("after_attempt")
    return wish.get("reason") if wish else None


def after_attempt(executing: Task, reason: str | None) -> Task:
    """An executing task that its file ends (``reason``) once its attempt is over; None: the task goes on after all.

    The rest of what the file says is taken over by the first sync that finds the attempt over.
    """
    if _wished_for(executing) == reason or (reason is None and not is_to_end(executing)):
        return executing
    rest = task.without(executing, ("after_attempt",))
    if reason == FILE_REMOVED:
        return task.after_attempt(rest, _WISHES[reason], reason)
    marked: Task = {**rest, "source": _marked(executing, disabled=reason == FILE_DISABLED)}
    return task.after_attempt(marked, _WISHES[reason], reason) if reason else marked


def _marked(executing: Task, *, disabled: bool) -> Source:
    """The source of a task that is enabled or disabled ahead of the rest of its file."""
    made_from = source(executing)
    if is_disabled(executing) == disabled:
        return made_from
    # No file has this digest: the next sync reads the file, whatever it says by then.
    marked: Source = {**made_from, "digest": "", "enabled": False}
    if not disabled:
        del marked["enabled"]
    return marked


def notes(file: TaskFile, before: Task | None, config: Config, now: datetime) -> list[Located]:
    """Which of several readings was taken of a file's time, where its task ``before`` has another. Raises BadInput."""
    if before is not None and before.get("when") == file.schedule:
        return []
    said = plan.read(_request(file, config).timing, config, now).notes
    return [file.wrong(f"note: {note}", time_field(file)) for note in said]


def check(file: TaskFile, config: Config, now: datetime) -> None:
    """Raises BadFile for a file whose task could not be planned."""
    _planned(file, config, now)


def _read_at(live: Task, now: datetime) -> datetime:
    """The moment at which the words of the task's time were read; ``now`` if that cannot be read."""
    try:
        recurrence = live.get("recurrence")
        return instants.from_text((recurrence["anchor"] if recurrence else live.get("created_at")) or "")
    except (TypeError, ValueError):
        return now


def _decided(live: Task, wanted: Task, names: Iterable[str]) -> dict[str, Any]:
    """What the file decides, with what another version has put within it."""
    decided: dict[str, Any] = {name: value for name, value in wanted.items() if name in names}
    mixed = {part: {**changes.unknown_within(live, part), **decided[part]} for part in changes.PARTS if part in decided}
    return {**decided, **mixed}


def _with_fields(live: Task, wanted: Task) -> Task:
    """The live record with what the file decides, at the occurrence it waits for."""
    history = task.without(task.unheld(live), _FROM_FILE)
    result = task.with_fields(history, _decided(live, wanted, _FROM_FILE))
    if not (occurrences.is_recurring(result) and occurrences.is_recurring(live)):
        return result
    was = occurrences.policies(live)
    if "fired" in was:
        result["recurrence"] = {**occurrences.policies(result), "fired": was["fired"]}
    occurrence = occurrences.waited_for(live)
    if not live.get("attempts") and task.run_at(live) == occurrence + occurrences.jitter_of(live):
        result["run_at"] = instants.to_text(occurrence + occurrences.jitter_of(result))
    return result


def _with_time(live: Task, wanted: Task, now: datetime) -> Task:
    """The live record with what the file decides, its time too; an occurrence that was due ends here."""
    kept = task.without(task.without_history(live), _FROM_FILE)
    paused = {name: value for name, value in live.items() if name in ("paused_at", "paused_until")}
    decided = _decided(live, wanted, (*_FROM_FILE, *_TIME))
    result: Task = {**task.with_fields(kept, {**paused, **decided}), **task.unfiled_of(live)}
    # Due or not: an occurrence that is held was due too.
    has_come = live["status"] == task.SCHEDULED and task.run_at(live) <= now
    if not (live.get("attempts") or has_come):
        return result
    result = task.with_ended(result, task.cancel(task.shown(live), now, _CHANGED))
    return reduce(task.with_ended, occurrences.passed_since(live, now, _CHANGED, task.MISSED), result)


def _planned(file: TaskFile, config: Config, now: datetime) -> Plan:
    """The task the file asks for, as of ``now``. Raises BadFile naming the field that is wrong."""
    try:
        planned = plan.plan(_request(file, config), config, now)
    except NoHome:
        raise
    except BadInput as error:
        raise BadFile([file.wrong(error.worded(str), _CALLED.get(error.field or "") or time_field(file))]) from None
    except OSError as error:
        raise BadFile([located(file.path, f"its task cannot be planned: {error.strerror} (fix it)")]) from None
    try:
        # Checked as the store will: if the store refused it, all other files' tasks would stay out too.
        size = len(codec.new_line(planned.task if file.enabled else changes.pause(planned.task, now)))
    except codec.BadLine as error:
        raise BadFile([located(file.path, f"its task could not be run: {error}")]) from None
    if size > codec.MAX_TASK_BYTES:
        raise BadFile([located(file.path, f"too large: {size} bytes as a task, at most {codec.MAX_TASK_BYTES}")])
    return planned


def _own_fields(file: TaskFile) -> dict[str, object]:
    """What only a task from a file has in its record."""
    extra = {
        "command": file.command,
        "env": sorted(file.fields.get("env", {})) or None,
        "sticky_session": file.sticky_session or None,
        "leave_running": file.fields.get("leave_running") or None,
        "agent": file.agent,
        "ping": _ping(file),
        "permissions": file.fields.get("permissions"),
        "source": _source_of(file),
        "origin": lineage.FILE,
        **{name: file.text(name) for name in ("model", "name", "description", "when_to_use")},
    }
    return {name: value for name, value in extra.items() if value is not None}


def _ping(file: TaskFile) -> str | None:
    """What the URL is called: who knows it whole can say that the task is well. A wake reads it from the file."""
    url = file.text("ping")
    if url is None:
        return None
    from defer.notices import pings
    from defer.settings import urls

    pings.check(url)
    return urls.label(url)


def _request(file: TaskFile, config: Config) -> Request:
    """What the file asks for."""
    text = file.text
    return Request(
        when=file.schedule,
        context={"summary": _summary(file)},
        tz=text("tz"),
        task_id=file.task_id,
        intent="execute_action" if file.command else "resume_task",
        prompt_template=file.prompt,
        max_retries=int(file.fields.get("retries", 0)),
        timeout=file.timeout_seconds,
        executor=_executor(file, config),
        workspace=_absolute(file, text("workspace"), config),
        tags=file.tags,
        condition=file.command_in("if"),
        check=file.command_in("check"),
        drift=file.fields.get("drift") is not False,
        worktree=file.fields.get("worktree") is True,
        notify=text("notify"),
        expires=text("expires"),
        max_cost=file.fields.get("max_cost"),
        max_turns=file.fields.get("max_turns"),
        jitter=text("jitter"),
        catch_up=text("catch_up"),
        overlap=text("overlap"),
        extra=_own_fields(file),
    )


def _source_of(file: TaskFile) -> Source:
    found: Source = {"file": str(file.path), "digest": file.digest}
    if file.workflow:
        found["workflow"] = file.workflow
    if not file.enabled:
        found["enabled"] = False
    return found


def _summary(file: TaskFile) -> str:
    """The task's name, else the first line of what it does."""
    command = file.command
    does = " ".join(command) if isinstance(command, list) else command or file.prompt or ""
    lines = ((file.text("name") or "").strip(), *(line.strip() for line in does.splitlines()), file.task_id)
    return next(filter(None, lines))


def _executor(file: TaskFile, config: Config) -> str | None:
    """The executor a file names; an agent with the name of a shipped executor is one. Raises BadInput."""
    named = file.text("executor")
    if named is None:
        return file.agent if file.agent and registry.find(file.agent) else None
    path = _absolute(file, named, config)
    if registry.find(named) or path is None:
        return named
    if "/" not in named and not os.path.exists(path):
        raise BadInput(f"no such executor: {named} (a path, or one of: {registry.names()})", field="executor")
    return path


def _absolute(file: TaskFile, written: str | None, config: Config) -> str | None:
    """A path as a file means it: ``~`` is the home directory, a relative path starts at the file's directory."""
    if written is None:
        return None
    tilde, slash, below = written.strip().partition("/")
    home = str(config.home) if tilde == "~" else os.path.expanduser(tilde)
    return os.path.join(file.path.parent, home + slash + below)


def time_field(file: TaskFile) -> str:
    """The field of the file that names its time."""
    return "cron" if "cron" in file.fields else "schedule"
