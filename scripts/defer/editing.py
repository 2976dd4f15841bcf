"""Changing what was scheduled: one function per thing a person asks for; each change is one audit line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from . import changes, instants, occurrences, scheduler, timeparse
from .audit import AuditLog
from .codec import Task
from .config import Config
from .errors import BadInput, NoSuchTask
from .scheduler import Request
from .store import Store

_TIME_FLAGS = ("when", "tz")
_SPOKEN = {
    "times": ("count",),
    "until": ("until",),
    "jitter": ("jitter_seconds", "jitter_offset_seconds"),
    "catch_up": ("catch_up",),
    "overlap": ("overlap",),
    "expires": ("expires_after_seconds",),
}


class Editor:
    """What the changes need: the store, the log, the settings and the present."""

    def __init__(self, store: Store, audit: AuditLog, config: Config, now: datetime) -> None:
        self._store, self._audit, self._config, self._now = store, audit, config, now

    def _change(self, action: str, task_id: str, change: Callable[[Task], Task], **facts: object) -> Task:
        changed = self._store.update(task_id, self._now, change)
        self._audit.note(self._now, action, task_id, run_at=changed.get("run_at"), **facts)
        return changed

    def pause(self, task_id: str) -> Task:
        """Keep a task from running until it is resumed. Raises Refused."""
        return self._change("paused", task_id, partial(changes.pause, now=self._now))

    def resume(self, task_id: str) -> Task:
        """Let a paused task run again; what a recurring one passed meanwhile is one record. Raises Refused."""
        return self._change("resumed", task_id, partial(changes.resume, now=self._now))

    def reschedule(self, task_id: str, words: str, tz: str | None = None) -> Task:
        """Move a task, or the coming occurrence of a recurring one, to another time. Raises Refused, BadInput."""
        return self._change("rescheduled", task_id, partial(self._moved, words, tz), when=words)

    def _moved(self, words: str, tz: str | None, one: Task) -> Task:
        reading = timeparse.parse(words, self._now, self._config.timezone(tz or one.get("tz")))
        if reading.recurrence is not None:
            raise BadInput(f'"{words}" recurs (defer edit {one["id"]} --when "{words}" changes the rule)')
        return changes.reschedule(one, reading.instant, words)

    def run_now(self, task_id: str) -> Task:
        """Do once, at the next wake, what a task does; the task itself is not touched. Raises Refused."""
        one = self._store.find(task_id)
        if one is None:
            raise NoSuchTask(task_id)
        (copy,) = self._store.append([changes.run_now(one, self._now)], self._now)
        self._audit.note(self._now, "run_requested", task_id, copy=copy["id"])
        return copy

    def cancel_occurrence(self, task_id: str, reason: str | None) -> Task:
        """Leave out the occurrence a recurring task waits for. Raises Refused."""
        change = partial(changes.cancel_occurrence, now=self._now, reason=reason)
        return self._change("occurrence_cancelled", task_id, change, reason=reason)

    def edit(self, task_id: str, given: dict[str, Any]) -> Task:
        """Change the fields ``given``, by the names of `schedule`'s flags. Raises Refused, BadInput."""
        if not given:
            raise BadInput(f"nothing to edit (name what is to change, e.g. defer edit {task_id} --summary TEXT)")
        return self._change("edited", task_id, partial(self._edited, given), fields=",".join(sorted(given)))

    def _edited(self, given: dict[str, Any], one: Task) -> Task:
        timing = self._timing(given, one)
        fields = {**timing, **self._fields(given, {**one, **timing})}
        context = {
            name: given[flag]
            for flag, name in (
                ("summary", "summary"),
                ("key_point", "key_points"),
                ("artifact", "artifacts"),
                ("constraint", "constraints"),
            )
            if flag in given
        }
        execution: dict[str, Any] = {
            name: given[name] for name in ("mode", "prompt_template", "aura_level") if name in given
        }
        was_summary = (one.get("context") or {}).get("summary") == (one.get("execution") or {}).get("prompt_template")
        if "summary" in context and "prompt_template" not in execution and was_summary:
            execution["prompt_template"] = context["summary"]
        return changes.edit(one, fields, context, execution)

    def _timing(self, given: dict[str, Any], one: Task) -> dict[str, Any]:
        """The fields that change with the task's time; nothing where only other things change."""
        moved = any(flag in given for flag in _TIME_FLAGS)
        policies = {flag: given[flag] for flag in _SPOKEN if flag in given}
        if not moved and not (occurrences.is_recurring(one) and policies):
            return {}
        words = given.get("when") or one.get("when")
        if words is None or (not moved and not occurrences.is_recurring(one)):
            raise BadInput(f"the time of {one['id']} is not known in words (give it with --when)")
        request = Request(
            when=words,
            context={"summary": (one.get("context") or {}).get("summary") or one["id"]},
            tz=given.get("tz") or one.get("tz"),
            task_id=None,
            **policies,
        )
        planned = scheduler.plan(request, self._config, self._now).task
        kept = {name: planned.get(name) for name in ("run_at", "occurrence", "when", "tz", "recurrence")}
        if not moved:
            return {"recurrence": {**occurrences.policies(one), **_policies_of(planned["recurrence"], policies)}}
        if occurrences.is_recurring(one) and kept["recurrence"]:
            kept["recurrence"] = {**_policies_of(occurrences.policies(one), _SPOKEN), **kept["recurrence"]}
        return {**kept, "expires_at": planned.get("expires_at"), "attempts": 0}

    def _fields(self, given: dict[str, Any], one: Task) -> dict[str, Any]:
        made: dict[str, Callable[[Any], tuple[str, Any]]] = {
            "intent": lambda value: ("intent", value),
            "max_retries": lambda value: ("max_retries", value),
            "timeout": lambda value: ("timeout_seconds", scheduler.timeout_seconds(value)),
            "executor": lambda value: ("executor", scheduler.executor_name(value)),
            "workspace": lambda value: ("workspace", scheduler.workspace_path(value)),
            "tag": lambda value: ("tags", value or None),
            "concurrent": lambda value: ("concurrent", value or None),
        }
        fields = dict(make(given[flag]) for flag, make in made.items() if flag in given)
        if "expires" in given and not occurrences.is_recurring(one):
            zone = self._config.timezone(given.get("tz") or one.get("tz"))
            due = instants.from_text(one["run_at"])
            fields["expires_at"] = scheduler.expires_at(given["expires"], due, self._now, zone)
        return fields


def _policies_of(recurrence: dict[str, Any], flags: Iterable[str]) -> dict[str, Any]:
    """What of a ``recurrence`` object the given flags speak of."""
    names = [name for flag in flags for name in _SPOKEN[flag]]
    return {name: recurrence[name] for name in names if name in recurrence}


def upcoming(store: Store, now: datetime, end: datetime, limit: int) -> list[dict[str, Any]]:
    """Every fire of every task up to ``end``, in order, at most ``limit`` of them."""
    found = []
    for one in store.scan():
        summary = (one.get("context") or {}).get("summary")
        for at in occurrences.upcoming(one, end, limit, now):
            found.append({"run_at": instants.to_text(at), "id": one["id"], "summary": summary})
    return sorted(found, key=lambda fire: (fire["run_at"], fire["id"]))[:limit]
