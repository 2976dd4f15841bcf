"""Changing what was scheduled: one function per thing a person asks for; each change is one audit line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from defer import instants, say, timeparse
from defer.errors import About, BadInput, Refused
from defer.record import changes, codec, events, occurrences, task, versions
from defer.record.codec import Task
from defer.settings.config import Config
from defer.store.audit import AuditLog

from . import add, demands, find, plan, retime, wishes
from .retime import Given

if TYPE_CHECKING:
    from defer.record.types import Changes, Context, Execution, Reorient
    from defer.store.interface import Store

_EXECUTION = ("mode", "prompt_template", "aura_level")


Became: TypeAlias = tuple[dict[str, Task], dict[str, Refused]]
"""What became of each of several tasks, and why nothing did of the others."""


class Editor:
    """What the changes work with: the store, the log, the settings and the present."""

    def __init__(self, store: Store, audit: AuditLog, config: Config, now: datetime) -> None:
        self._store, self._audit, self._config, self._now = store, audit, config, now
        self.notes: tuple[str, ...] = ()
        """What is to be known of the time that was read last: which of several readings was taken."""

    @property
    def now(self) -> datetime:
        """The present moment for all changes."""
        return self._now

    def _change(self, action: str, task_id: str, change: Callable[[Task], Task], **facts: object) -> Task:
        changed = find.change(self._store, task_id, self._now, change)
        self._audit.tell(events.changed(changed, action, self._now, **facts))
        return changed

    def _change_each(self, action: str, ids: Sequence[str], change: Callable[[Task], Task], **facts: object) -> Became:
        changed, refused = find.change_each(self._store, ids, self._now, change)
        self._audit.tell(*(events.changed(one, action, self._now, **facts) for one in changed.values()))
        return changed, refused

    def pause(self, task_id: str) -> Task:
        """Keep a task from running until it is resumed. Raises Refused."""
        return self._change("paused", task_id, partial(changes.pause, now=self._now))

    def pause_each(self, ids: Sequence[str], until: datetime | None = None) -> Became:
        """The same of several, in one write; a wake resumes them at ``until``, if that is given."""
        said = None if until is None else instants.to_text(until)
        return self._change_each("paused", ids, partial(changes.pause, now=self._now, until=until), until=said)

    def resume(self, task_id: str) -> Task:
        """Let a paused task run again; what a recurring one missed meanwhile becomes one record. Raises Refused."""
        return self._change("resumed", task_id, partial(changes.resume, now=self._now))

    def resume_each(self, ids: Sequence[str]) -> Became:
        """The same of several, in one write."""
        return self._change_each("resumed", ids, partial(changes.resume, now=self._now))

    def until(self, words: str) -> datetime:
        """The moment up to which something holds: of a day, its beginning.

        Raises BadInput for one that is past, or that recurs.
        """
        zone = self._config.timezone()
        if not words.strip():
            raise BadInput("no time (say when they are to be resumed, or leave it out)", field="until")
        with About("until"):
            try:
                is_delay = timeparse.elapsing(words) is not None
                reading = timeparse.parse(words if is_delay else f"{words} 00:00", self._now, zone)
            except timeparse.TimeExpressionError:
                reading = timeparse.parse(words, self._now, zone)
            if reading.recurrence is not None:
                raise BadInput(f'"{words}" recurs (give one moment)')
        self.notes = reading.notes
        return reading.instant

    def uncancel(self, task_id: str) -> Task:
        """Bring back a task that was cancelled, in the store or filed. Raises Refused."""

        def back(cancelled: Task) -> Task:
            return task.replace(cancelled, changes.uncancel(cancelled, self._now), self._now)

        if self._store.find(task_id) is not None:
            changed = self._store.update(task_id, self._now, back)
        else:
            filed = find.look_up(self._store, task_id)
            (changed,) = self._store.append([changes.uncancel(filed, self._now)], self._now)
        self._audit.tell(events.changed(changed, "uncancelled", self._now))
        return changed

    def reschedule(self, task_id: str, words: str, tz: str | None = None) -> Task:
        """Move a task, or the next occurrence of a recurring one, to another time. Raises Refused, BadInput."""
        return self._change("rescheduled", task_id, partial(self._moved, words, tz, put_off=False), when=words)

    def snooze(self, task_id: str, words: str, tz: str | None = None) -> Task:
        """The same, never to an earlier time: a delay counts from its own time while that is ahead."""
        return self._change("rescheduled", task_id, partial(self._moved, words, tz, put_off=True), when=words)

    def _moved(self, words: str, tz: str | None, one: Task, *, put_off: bool) -> Task:
        versions.must_know(one)
        zone, due = self._config.timezone(tz or one.get("tz")), task.run_at(one)
        if put_off:
            changes.must_wait(one, "snooze")
        with About("when"):
            start = max(due, self._now) if put_off and timeparse.is_relative(words) else self._now
            reading = timeparse.parse(words, start, zone)
        if reading.recurrence is not None:
            what = f'"{words}" recurs (defer edit {one["id"]} --when "{words}" changes the rule)'
            raise BadInput(what, field="when")
        self.notes = reading.notes
        at = reading.instant
        if put_off and at < due:
            what = f"{say.moment(at, zone, self._now)}, is before its time, {say.moment(due, zone, self._now)}"
            raise Refused(f"snooze only puts off: {what} (defer reschedule {one['id']} {words})")
        return changes.reschedule(one, at, words, timeparse.elapsing(words))

    def run_now(self, task_id: str, timeout: str | None = None) -> Task:
        """Run a copy of a task once, at the next wake; the task itself is not touched.

        ``timeout``: how long this run may take, in words; None for as long as the task. Raises Refused, BadInput.
        """
        limit = plan.timeout_seconds(timeout)
        one = find.look_up(self._store, task_id)
        fresh = changes.run_now(one, self._now)
        wanted: Task = fresh if limit is None else {**fresh, "timeout_seconds": limit}
        (copy,) = add.put(self._store, self._config, [wanted], self._now)
        self._audit.tell(events.run_requested(one, copy, self._now))
        return copy

    def cancel_occurrence(self, task_id: str, reason: str | None) -> Task:
        """Skip the occurrence that a recurring task waits for. Raises Refused."""
        change = partial(changes.cancel_occurrence, now=self._now, reason=reason)
        return self._change("occurrence_cancelled", task_id, change, reason=reason)

    def edit(
        self,
        task_id: str,
        given: Given,
        context: Context | None = None,
        reorient: Reorient | None = None,
    ) -> Task:
        """Change what is ``given``, and fields of the context.

        ``reorient`` says where the context was read anew. Raises Refused, BadInput.
        """
        named = sorted([*given, *(context or {})])
        if not named:
            raise BadInput(f"nothing to edit (name what is to change, e.g. defer edit {task_id} --summary TEXT)")
        change = partial(self._edited, given, context or {}, reorient)
        return self._change("edited", task_id, change, fields=",".join(named))

    def _edited(self, given: Given, context: Context, reorient: Reorient | None, one: Task) -> Task:
        changes.must_wait(one, "edit")
        retiming = retime.Retiming(self._config, self._now)
        timing = retiming.of(given, one)
        self.notes = retiming.notes
        fields: Changes = {**timing, **self._fields(given, task.with_fields(one, timing))}
        if reorient is not None:
            fields = {**fields, "reorient": reorient, "reorient_requested": True}
        execution = cast("Execution", {name: value for name, value in given.items() if name in _EXECUTION})
        was_summary = (one.get("context") or {}).get("summary") == (one.get("execution") or {}).get("prompt_template")
        if "summary" in context and "prompt_template" not in execution and was_summary:
            execution["prompt_template"] = context["summary"]
        edited = changes.edit(one, fields, context, execution)
        changed = self._noted(given, edited, one)
        if given.keys() & {"permissions", "executor"}:
            from . import grants

            changed = grants.granted(changed, self._config)
        changed = versions.requiring(changed)
        demands.check(changed, self._config)
        if given.keys() & {*demands.FOR_AGENTS.values(), "mode", "prompt_template", "command"}:
            demands.check_command(changed, has_prompt="prompt_template" in given, before=one)
        _check(changed)
        return occurrences.left_behind(one, changed, self._now) if "when" in timing else changed

    def _noted(self, given: Given, changed: Task, one: Task) -> Task:
        """What its prompt will need to say what has changed, where other things than before are to be looked at."""
        was_off = bool((one.get("drift") or {}).get("off"))
        looked_at = given.keys() & {"workspace", "executor"} or changed.get("context") != one.get("context")
        if "drift" not in given and (was_off or not looked_at):
            return changed
        from defer.context import noted

        return noted.onto(changed, self._config.executor, self._now, wanted=given.get("drift") is not False)

    def _fields(self, given: Given, one: Task) -> Changes:
        made: dict[str, tuple[str, Callable[[Any], object]]] = {
            "intent": ("intent", lambda value: value),
            "max_retries": ("max_retries", lambda value: value),
            "timeout": ("timeout_seconds", plan.timeout_seconds),
            "executor": ("executor", wishes.executor_name),
            "workspace": ("workspace", wishes.workspace_path),
            "tag": ("tags", lambda value: value),
            "concurrent": ("concurrent", lambda value: value or None),
            "leave_running": ("leave_running", lambda value: value or None),
            "worktree": ("worktree", lambda value: value or None),
            "command": ("command", partial(wishes.command, "command")),
            "cwd": ("cwd", lambda value: value),
            "condition": ("condition", partial(wishes.command, "condition")),
            "check": ("check", partial(wishes.command, "check")),
            "permissions": ("permissions", lambda value: value),
            "notify": ("notify", plan.notify_mode),
            "model": ("model", wishes.model_name),
            "max_cost": ("max_cost_usd", wishes.cost_limit),
            "max_turns": ("max_turns", wishes.turn_limit),
        }
        found = {made[flag][0]: made[flag][1](value) for flag, value in given.items() if flag in made}
        fields = cast("Changes", found)
        if "expires" in given and "when" not in given and not occurrences.is_recurring(one):
            due = instants.from_text(one["run_at"])
            zone = retime.zone_of(self._config, given, one)
            fields["expires_at"] = plan.expires_at(given["expires"], due, self._now, zone)
        return fields


def _check(changed: Task) -> None:
    """Raise BadInput for a task that could not have been scheduled so."""
    context, execution = changed.get("context") or {}, changed.get("execution") or {}
    if not str(context.get("summary") or "").strip():
        raise BadInput("no summary (say what is to be done with --summary)", field="summary")
    texts = {
        "prompt_template": execution.get("prompt_template"),
        "when": changed.get("when"),
        "tags": changed.get("tags"),
        **{name: changed.get(name) for name in demands.FIELDS},
    }
    plan.check_texts({**context, **texts})
    size = len(codec.encode(changed))
    if size > codec.MAX_TASK_BYTES:
        raise BadInput(
            f"task is too large: {changed['id']} would have {size} bytes of at most {codec.MAX_TASK_BYTES} "
            "(put the bulk in a file and name it with --artifact)"
        )
