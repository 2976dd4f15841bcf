"""The time of a task that is changed: another moment or rule, other bounds and policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict, cast

from defer import instants
from defer.errors import BadInput
from defer.record import changes, occurrences, task
from defer.record.codec import Task
from defer.settings.config import Config

from . import plan
from .plan import Moment, Timing

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from defer.record.types import Changes, Recurrence

_SPOKEN = {
    "times": ("count",),
    "until": ("until",),
    "jitter": ("jitter_seconds", "jitter_offset_seconds"),
    "catch_up": ("catch_up",),
    "overlap": ("overlap",),
    "expires": ("expires_after_seconds",),
}
"""The flags for a recurring task's bounds and policies, and the parts of its ``recurrence`` that each sets."""


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
    command: str | None
    cwd: str | None
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


class Retiming:
    """What the words for a time are read with: the settings and the present."""

    def __init__(self, config: Config, now: datetime) -> None:
        self._config, self._now = config, now
        self.notes: tuple[str, ...] = ()
        """Which of several readings was taken of the time that was read, and what else should be known of it."""

    def of(self, given: Given, one: Task) -> Changes:
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

    def _new_time(self, given: Given, one: Task) -> Changes:
        """Another moment or rule. The task keeps its bounds and policies unless they are given too."""
        words = given.get("when") or occurrences.policies(one)["expression"]
        moment = plan.read(Timing(words, zone_of(self._config, given, one).key), self._config, self._now)
        recurs = moment.reading.recurrence is not None
        flags: Bounds = {**_carried(one, recurs=recurs), **_timing_of(given)}
        moment = moment._replace(timing=moment.timing._replace(**flags))
        rule = plan.recurrence(moment, _name_of(one))
        self.notes = moment.notes
        if rule is None and occurrences.is_recurring(one):
            mend = f"defer reschedule {one['id']} {words} moves one occurrence alone"
            self.notes += (f"it no longer recurs, as it did {_rule_of(one)} ({mend})",)
        if rule is not None and occurrences.is_recurring(one):
            rule = _carried_on(rule, one, given)
        fields: Changes = {
            **_times(moment, rule),
            "when": words,
            "tz": moment.zone_name,
            "recurrence": rule,
            "expires_at": None if recurs else moment.expires_at,
            "ready_at": moment.ready_at,
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
        said = plan.policies(timing, _name_of(one), first, self._now, zone_of(self._config, given, one), fired)
        gone = {name for flag in _SPOKEN if flag in given for name in _SPOKEN[flag]}
        kept = {name: value for name, value in was.items() if name not in gone}
        recurrence = cast("Recurrence", {**kept, **said})
        regular = instants.to_text(first + occurrences.jitter_of(one))
        if one["run_at"] != regular or one.get("attempts"):
            return {"recurrence": recurrence}
        return {"recurrence": recurrence, "run_at": instants.to_text(first + occurrences.jitter(recurrence))}


def _rule_of(one: Task) -> str:
    return "by a rule that cannot be read" if occurrences.unreadable(one) else occurrences.rule(one).describe()


def zone_of(config: Config, given: Given, one: Task) -> ZoneInfo:
    """The zone in which the times that are given are read. Raises BadInput."""
    return config.timezone(given.get("tz") or one.get("tz"))


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
