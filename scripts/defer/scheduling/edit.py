"""Changing what was scheduled: one function per thing a person asks for; each change is one audit line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, cast

from defer import instants, timeparse
from defer.errors import About, BadInput
from defer.record import changes, codec, events, occurrences, task, versions
from defer.record.codec import Task
from defer.settings.config import Config
from defer.store.audit import AuditLog

from . import add, demands, find, plan, wishes
from .plan import Moment, Timing

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from defer.record.types import Changes, Context, Execution, Recurrence, Reorient
    from defer.store.interface import Store

_SPOKEN = {
    "times": ("count",),
    "until": ("until",),
    "jitter": ("jitter_seconds", "jitter_offset_seconds"),
    "catch_up": ("catch_up",),
    "overlap": ("overlap",),
    "expires": ("expires_after_seconds",),
}
"""The flags for a recurring task's bounds and policies, and the parts of its ``recurrence`` that each sets."""

_EXECUTION = ("mode", "prompt_template", "aura_level")


class Bounds(TypedDict, total=False):
    """The parts of a timing that are given, beside the time itself and its zone; None removes what was set."""

    expires: str | None
    times: int | None
    until: str | None
    jitter: str | None
    catch_up: str | None
    overlap: str | None


class Given(Bounds, total=False):
    """What is to change, by the names of `schedule`'s flags; None removes what was set."""

    when: str
    tz: str
    intent: str
    mode: str
    prompt_template: str
    aura_level: str
    max_retries: int
    timeout: str
    executor: str | None
    workspace: str | None
    tag: list[str] | None
    concurrent: bool
    leave_running: bool
    worktree: bool
    condition: str | None
    check: str | None
    permissions: Any
    drift: bool
    notify: str
    model: str | None
    max_cost: float | None
    max_turns: int | None


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

    def pause(self, task_id: str) -> Task:
        """Keep a task from running until it is resumed. Raises Refused."""
        return self._change("paused", task_id, partial(changes.pause, now=self._now))

    def resume(self, task_id: str) -> Task:
        """Let a paused task run again; what a recurring one missed meanwhile becomes one record. Raises Refused."""
        return self._change("resumed", task_id, partial(changes.resume, now=self._now))

    def reschedule(self, task_id: str, words: str, tz: str | None = None) -> Task:
        """Move a task, or the next occurrence of a recurring one, to another time. Raises Refused, BadInput."""
        return self._change("rescheduled", task_id, partial(self._moved, words, tz), when=words)

    def _moved(self, words: str, tz: str | None, one: Task) -> Task:
        versions.must_know(one)
        zone = self._config.timezone(tz or one.get("tz"))
        with About("when"):
            reading = timeparse.parse(words, self._now, zone)
        if reading.recurrence is not None:
            what = f'"{words}" recurs (defer edit {one["id"]} --when "{words}" changes the rule)'
            raise BadInput(what, field="when")
        self.notes = reading.notes
        return changes.reschedule(one, reading.instant, words)

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
        timing = self._timing(given, one)
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

    def _timing(self, given: Given, one: Task) -> Changes:
        """The fields that change with the task's time; nothing where only other things change."""
        recurring = occurrences.is_recurring(one)
        if "when" in given or ("tz" in given and recurring):
            return self._new_time(given, one)
        if "tz" in given:
            what = f"--tz alone moves nothing: {one['id']} runs once, at {one['run_at']} (give --when too)"
            raise BadInput(what, field="tz")
        if recurring:
            return self._new_policies(given, one) if _SPOKEN.keys() & given.keys() else {}
        for name in plan.FOR_RECURRING:
            if name in given:
                raise plan.only_for_recurring(name, f"{one['id']} runs once (give --every too)")
        return {}

    def _zone(self, given: Given, one: Task) -> ZoneInfo:
        return self._config.timezone(given.get("tz") or one.get("tz"))

    def _new_time(self, given: Given, one: Task) -> Changes:
        """Another moment or rule. The task keeps its bounds and policies unless they are given too."""
        words = given.get("when") or occurrences.policies(one)["expression"]
        moment = plan.read(Timing(words, self._zone(given, one).key), self._config, self._now)
        recurs = moment.reading.recurrence is not None
        flags: Bounds = {**_carried(one, recurs=recurs), **_timing_of(given)}
        moment = moment._replace(timing=moment.timing._replace(**flags))
        rule = plan.recurrence(moment, _name_of(one))
        self.notes = moment.notes
        if rule is not None and occurrences.is_recurring(one):
            rule = _carried_on(rule, one, given)
        fields: Changes = {
            **_times(moment, rule),
            "when": words,
            "tz": moment.zone_name,
            "recurrence": rule,
            "expires_at": None if recurs else moment.expires_at,
        }
        if one.get("attempts") and not recurs and not occurrences.is_recurring(one):
            # A retry that is moved is still one of the occurrence that failed.
            return {**fields, "occurrence": task.occurrence_of(one)}
        return {**fields, "attempts": 0}

    def _new_policies(self, given: Given, one: Task) -> Changes:
        """Other bounds and policies under the same rule."""
        was = occurrences.policies(one)
        timing = Timing(was["expression"], **_timing_of(given))
        first = occurrences.waited_for(one)
        fired = int(was.get("fired") or 0)
        said = plan.policies(timing, _name_of(one), first, self._now, self._zone(given, one), fired)
        gone = {name for flag in _SPOKEN if flag in given for name in _SPOKEN[flag]}
        kept = {name: value for name, value in was.items() if name not in gone}
        recurrence = cast("Recurrence", {**kept, **said})
        regular = instants.to_text(first + occurrences.jitter_of(one))
        if one["run_at"] != regular or one.get("attempts"):
            return {"recurrence": recurrence}
        return {"recurrence": recurrence, "run_at": instants.to_text(first + occurrences.jitter(recurrence))}

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
            fields["expires_at"] = plan.expires_at(given["expires"], due, self._now, self._zone(given, one))
        return fields


def _timing_of(given: Given) -> Bounds:
    """The parts of a timing that are given, beside the time itself."""
    return cast("Bounds", {name: value for name, value in given.items() if name in _SPOKEN})


def _name_of(one: Task) -> str:
    """The name that decides the jitter of a task that gets another one."""
    return str((one.get("context") or {}).get("summary") or one["id"])


def _times(moment: Moment, rule: Recurrence | None) -> Changes:
    first = moment.reading.instant
    run_at = first + occurrences.jitter(rule) if rule else first
    return {"run_at": instants.to_text(run_at), "occurrence": instants.to_text(first)}


def _carried_on(rule: Recurrence, one: Task, given: Given) -> Recurrence:
    """A new rule for a recurring task, with the old jitter and count unless others are given with it."""
    was = occurrences.policies(one)
    kept = {} if "jitter" in given else _policies_of(was, ("jitter",))
    # A count that is given with a new rule counts from now on.
    counts_on = not ("times" in given and "when" in given)
    fired = {name: value for name, value in was.items() if counts_on and name == "fired"}
    return cast("Recurrence", {**changes.unknown_within(one, "recurrence"), **rule, **kept, **fired})


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


def _carried(one: Task, *, recurs: bool) -> Bounds:
    """The flags that would set what is set already, as far as they fit a task of the new kind."""
    if not occurrences.is_recurring(one):
        expires_at = one.get("expires_at")
        if not expires_at:
            return {}
        useful = instants.from_text(expires_at) - task.run_at(one)
        return {"expires": f"{int(useful.total_seconds())}s" if recurs else expires_at}
    was = occurrences.policies(one)
    after = was.get("expires_after_seconds")
    expires: Bounds = {} if after is None else {"expires": f"{after}s"}
    if not recurs:
        return expires
    bounds: Bounds = {"times": was.get("count"), "until": was.get("until")}
    return {**expires, **bounds, "catch_up": was.get("catch_up"), "overlap": was.get("overlap")}


def _policies_of(recurrence: Mapping[str, object], flags: Iterable[str]) -> dict[str, Any]:
    """The parts of a ``recurrence`` object that the given flags set."""
    names = [name for flag in flags for name in _SPOKEN[flag]]
    return {name: recurrence[name] for name in names if name in recurrence}
