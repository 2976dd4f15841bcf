"""The task record and its life: every transition is a pure function from one record to the next.

States: ``scheduled`` → ``executing`` → ``completed`` or ``failed``; a retry, a next occurrence, or
an executor that asks to be run again leads back to ``scheduled``; ``cancelled`` follows either of the
first two; ``paused`` is beside ``scheduled``. ``missed`` and ``skipped`` are ends of occurrences.
A record is a plain dict, so that fields this version does not know survive every change.
A record that needs more than this version knows (``versions``) can only be cancelled.

Two lists hold what is over and not yet filed: ``ended`` (records of occurrences) and
``ended_runs`` (records of attempts). Both are in the line that settles an attempt, so that
no crash can come between an outcome and its record.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from defer import instants
from defer.errors import Refused

from . import versions
from .codec import Task
from .shapes import tallied
from .versions import SCHEMA_VERSION

if TYPE_CHECKING:
    from .types import Changes, Context, Last, Reorient, Run, RunUnderWay

SCHEDULED, EXECUTING = "scheduled", "executing"
COMPLETED, FAILED, CANCELLED = "completed", "failed", "cancelled"
PAUSED, MISSED, SKIPPED = "paused", "missed", "skipped"
ENDED = (COMPLETED, FAILED, CANCELLED, MISSED, SKIPPED)
STATUSES = (SCHEDULED, EXECUTING, PAUSED, *ENDED)
INTENTS = ("resume_task", "notify", "execute_action")
MODES = ("fresh", "callback")
AURA_LEVELS = ("low", "medium", "high")
NOTIFY = ("failure", "always", "output", "never")
"""Which of its ends somebody is told of."""
LISTS = ("key_points", "artifacts", "constraints")

_ENDED_AT = {status: f"{status}_at" for status in ENDED}
_WHY = {FAILED: "error", CANCELLED: "cancel_reason", MISSED: "reason", SKIPPED: "reason"}
_LONGEST_REASON = 200
CONDITION = "condition"
"""What the reason begins with where a condition has kept a task from running."""
_NO_MARKS = str.maketrans("", "", "-:TZ")
_UNFILED = ("ended", "ended_runs")
_HISTORY = (
    *_ENDED_AT.values(),
    *("after_attempt", "cancel_occurrence", "cancel_reason", "cancel_requested_at", "deferrals", "error"),
    *("error_type", "held", "last_error", "last_attempt_at", "paused_at", "paused_until", "ready_at", "reason"),
    *("result", "run", "started_at", "stretch", *_UNFILED),
)


def is_recurring(one: Task) -> bool:
    """Whether the task has a next occurrence to go on to."""
    return isinstance(one.get("recurrence"), dict)


def create(
    *,
    created_at: datetime,
    run_at: datetime,
    context: Context,
    intent: str = "resume_task",
    mode: str = "fresh",
    prompt_template: str | None = None,
    aura_level: str = "low",
    max_retries: int = 0,
    reorient: Reorient | None = None,
    **optional: object,
) -> Task:
    """A new scheduled task, which the store will name; ``optional`` fields that are None are left out."""
    run_at_text = instants.to_text(run_at)
    summary = context["summary"]
    reorient = reorient or {"requested": False, "project": None, "explicit_context_file": None}
    record = {
        "created_at": instants.to_text(created_at),
        "run_at": run_at_text,
        "type": "deferred_task",
        "intent": intent,
        "context": {"summary": summary, **{name: [] for name in LISTS}, "reoriented_from": None, **context},
        "execution": {
            "mode": mode,
            "prompt_template": summary if prompt_template is None else prompt_template,
            "aura_level": aura_level,
        },
        "status": SCHEDULED,
        "attempts": 0,
        "max_retries": max_retries,
        "reorient_requested": reorient["requested"],
        "reorient": reorient,
        "schema_version": SCHEMA_VERSION,
        "occurrence": run_at_text,
        **{name: value for name, value in optional.items() if value is not None},
    }
    return cast("Task", record)


def without(task: Task, names: Container[str]) -> Task:
    """The task without some of its fields."""
    return cast("Task", {name: value for name, value in task.items() if name not in names})


def with_fields(task: Task, fields: Mapping[str, object]) -> Task:
    """The task with fields whose names are only known at run time."""
    return cast("Task", {**task, **fields})


def made_up_id(created_at: datetime, taken: Container[object], random_bytes: Callable[[int], bytes]) -> str:
    """``task_YYYYMMDD_HHMMSS_xxxxxxxxxx`` that is not in ``taken``; the end is hexadecimal.

    40 random bits beside the second make it unique without a look at the store or the archive.
    """
    front = _front_of_id(created_at)
    while (name := f"{front}{random_bytes(5).hex()}") in taken:
        pass
    return name


@lru_cache(1)
def _front_of_id(created_at: datetime) -> str:
    digits = instants.to_text(created_at).translate(_NO_MARKS)
    return f"task_{digits[:8]}_{digits[8:]}_"


def run_at(task: Task) -> datetime:
    """When the task is to run next."""
    return instants.from_text(task["run_at"])


def occurrence_of(task: Task) -> str:
    """Which moment the task's next attempt is for; v1 did not say, so that only ``run_at`` is known."""
    return task.get("occurrence") or task["run_at"]


def wakes_at(task: Task) -> datetime:
    """The moment from which a waiting task may be claimed: when it is to run, or when its hold is to be checked."""
    held = task.get("held")
    return max(run_at(task), instants.from_text(held["until"])) if held else run_at(task)


def ready_at(task: Task) -> datetime:
    """The same for a wake that comes once a minute: what was asked for as a delay is taken within its minute."""
    at, early = wakes_at(task), task.get("ready_at")
    return instants.within_a_minute(early, at) if early else at


def is_due(task: Task, now: datetime, *, to_the_second: bool = True) -> bool:
    """Whether the task waits for a runner of this version, which comes ``to_the_second`` or once a minute."""
    if task["status"] != SCHEDULED or versions.lacking(task) is not None:
        return False
    return (wakes_at(task) if to_the_second else ready_at(task)) <= now


def is_unfiled(task: Task) -> bool:
    """Whether something in the record has ended that is not in the archive yet, and is ours to file."""
    ended, runs = task.get("ended"), task.get("ended_runs")
    if not (task["status"] in ENDED or ended or runs) or versions.lacking(task):
        return False
    return task["status"] in ENDED or bool(runs) or len(ended or ()) > (open_stretch(task) is not None)


def open_stretch(task: Task) -> Task | None:
    """The record of occurrences that a condition has skipped up to now, if there is one: it waits for more of them."""
    if not (ended := task.get("ended")) or task["status"] in ENDED:
        return None
    last = ended[-1]
    is_by_condition = last["status"] == SKIPPED and (last.get("reason") or "").startswith(CONDITION)
    return last if is_by_condition and last.get("stretch") else None


def without_history(task: Task) -> Task:
    """The task without what its attempts and occurrences left in it."""
    return without(task, _HISTORY)


def unfiled_of(task: Task) -> Changes:
    """What is over in the task and not filed yet, as fields for another record to take over."""
    return _unfiled(task.get("ended") or [], task.get("ended_runs") or [])


def shown(task: Task) -> Task:
    """The task as it is printed: without what waits to be filed, which is over and gets its own record."""
    return without(task, _UNFILED)


def with_ended(task: Task, record: Task) -> Task:
    """The task with one more archive record waiting to be filed: that of its last occurrence."""
    return {**task, "ended": [*(task.get("ended") or []), record], "last": record["last"]}


def hold(task: Task, until: datetime, reason: str) -> Task:
    """The record of a waiting task that may not be claimed before ``until``, when it is looked at again."""
    return {**task, "held": {"until": instants.to_text(until), "reason": reason}}


def unheld(task: Task) -> Task:
    """The task without a hold: somebody has decided what becomes of it."""
    return without(task, ("held",))


def ended_at(task: Task) -> datetime:
    """When a task that is over ended; for a v1 record without that field, when it was to run."""
    found = dict(task)
    for name in (_ENDED_AT.get(task["status"], ""), "last_attempt_at", "run_at"):
        try:
            return instants.from_text(str(found[name]))
        except (KeyError, ValueError):
            continue
    return instants.from_text(str(found["created_at"]))


def needs_attention_at(task: Task) -> datetime:
    """The moment a wake must look at this task; the epoch for "at once".

    What only a newer version may work on needs no wake of this one: it is seen as often as the store
    is read for any reason, which ``markers.HORIZON`` bounds.
    """
    if versions.lacking(task):
        return instants.NEVER
    if is_unfiled(task) or task["status"] == EXECUTING:
        return instants.EPOCH
    until = task.get("paused_until") if task["status"] == PAUSED else None
    if until:
        return instants.from_text(until)
    return ready_at(task) if task["status"] == SCHEDULED else instants.NEVER


def filed_records(task: Task) -> tuple[list[Task], list[Run], Task | None]:
    """What to file of a task: archive records, run records, and what stays in the store (None: nothing)."""
    rest = without(task, _UNFILED)
    records = list(task.get("ended") or [])
    runs = list(task.get("ended_runs") or [])
    if task["status"] in ENDED:
        return [*records, rest], runs, None
    growing = open_stretch(task)
    return (records[:-1], runs, {**rest, "ended": [growing]}) if growing else (records, runs, rest)


def filed(task: Task, now: datetime) -> Task:
    """What replaces a task in the store once it is in the archive, until the next rewrite: nothing to work on."""
    return cast("Task", {"id": task["id"], "status": task["status"], "filed_at": instants.to_text(now)})


def claim(task: Task, now: datetime, run: RunUnderWay) -> Task:
    """The record of a task whose attempt begins: ``run`` says who makes it."""
    attempt = tallied(task.get("attempts"), 1)
    occurrence = occurrence_of(task)
    stamp = instants.to_text(now)
    late = max(0, int((now - run_at(task)).total_seconds()))
    facts: RunUnderWay = {
        "attempt": attempt,
        "occurrence": occurrence,
        "started_at": stamp,
        "late_by_seconds": late,
    }
    return {
        **unheld(task),
        "status": EXECUTING,
        "attempts": attempt,
        "occurrence": occurrence,
        "started_at": stamp,
        "last_attempt_at": stamp,
        "run": {**run, **facts},
    }


def expire(task: Task, now: datetime) -> Task:
    """The record of a task that was first reached after its ``expires_at``."""
    held, late = task.get("held"), f"but first reached at {instants.to_text(now)}"
    reason = (held.get("reason") if held else None) or ""
    why = f"and not to run before that ({reason})" if reason.startswith(CONDITION) else late
    error = f"expired: valid until {task['expires_at']}, {why}"
    return over(task, FAILED, now, error=error, error_type="Expired", last_error=error)


def unreadable(task: Task, now: datetime, text: str) -> Task:
    """The record of a task that ends because its recurrence cannot be read: it must not keep others waiting."""
    return over(task, FAILED, now, error=text, error_type="ConfigError", last_error=text)


def cancel(task: Task, now: datetime, reason: str | None) -> Task:
    """The cancelled record. Raises Refused for a task that runs or has ended.

    A person may cancel what only a newer version may run: that needs only v1's fields, which every version reads,
    and does at worst what was asked for. The rest, and the filing, is left to the newer version.
    """
    is_newer = versions.lacking(task) is not None
    if is_newer and task["status"] not in (SCHEDULED, PAUSED, *ENDED):
        versions.must_know(task)
    if task["status"] == EXECUTING:
        raise Refused(f"task is executing: {task['id']} (defer cancel --kill {task['id']} ends its attempt)")
    if task["status"] in ENDED:
        raise Refused(f"task has ended already: {task['id']} is {task['status']} (nothing to cancel)")
    if is_newer:
        return {**task, "status": CANCELLED, "cancelled_at": instants.to_text(now), "cancel_reason": reason}
    return over(task, CANCELLED, now, cancel_reason=reason)


def put_back(task: Task) -> Task:
    """The record of a claimed task whose attempt never began: it waits as it did before the claim."""
    rest = without(task, ("run", "started_at"))
    return {**rest, "status": SCHEDULED, "attempts": max(0, int(task.get("attempts") or 0) - 1)}


def after_attempt(task: Task, do: str, reason: str | None) -> Task:
    """The record of an executing task that, once its attempt is settled, is to be cancelled or paused (``do``)."""
    return {**task, "after_attempt": {"do": do, "reason": reason}}


def of_taken_id(old: Task, wanted: Task, now: datetime, if_exists: str) -> Task:
    """The record that is to stand where a task is asked for whose id ``old`` has already. Raises Refused."""
    if if_exists == "skip":
        return old
    if if_exists == "replace":
        return replace(old, wanted, now)
    raise Refused(f"id is taken: {wanted['id']} (choose another, or say --if-exists replace or skip)")


def replace(old: Task, new: Task, now: datetime) -> Task:
    """``new`` in place of ``old`` under one id; what ends with ``old`` waits in it to be filed. Raises Refused."""
    versions.must_know(old)
    if old["status"] == EXECUTING:
        raise Refused(f"task is executing: {old['id']} (wait for its end, or cancel --kill {old['id']})")
    last = old if old["status"] in ENDED else cancel(old, now, "replaced")
    records, runs, _ = filed_records(last)
    return {**new, **_unfiled([*records], [*runs])}


def _unfiled(records: list[Task], runs: list[Run]) -> Changes:
    found: Changes = {"ended": records} if records else {}
    return {**found, "ended_runs": runs} if runs else found


def with_ended_run(task: Task, record: Run) -> Task:
    """The task with one more run record waiting to be filed."""
    return {**task, **_unfiled(list(task.get("ended") or []), [*(task.get("ended_runs") or []), record])}


def over(task: Task, status: str, now: datetime, **facts: object) -> Task:
    """The record of a task that ended with ``status``; ``facts`` say why, and what came of it."""
    rest = without(task, ("run", "cancel_requested_at", "paused_at", "paused_until", "held"))
    stamp = instants.to_text(now)
    ended = with_fields(rest, {"status": status, _ENDED_AT[status]: stamp, **facts})
    return {**ended, "last": _last(ended, stamp)}


def _last(ended: Task, stamp: str) -> Last:
    """How an occurrence ended, and how many in a row have failed by now: one that never ran does not end the row."""
    status, last = ended["status"], ended.get("last")
    before = last["failures"] if last else 0
    said = str(dict(ended).get(_WHY.get(status, "")) or "").strip()
    found: Last = {
        "outcome": status,
        "at": stamp,
        "reason": said.splitlines()[0].rstrip()[:_LONGEST_REASON] if said else None,
        "failures": 0 if status == COMPLETED else tallied(before, int(status == FAILED)),
    }
    if last and before:
        # What an older version wrote does not say when its row began: no later than this.
        return (
            {**found, "before": before} if status == COMPLETED else {**found, "since": last.get("since") or last["at"]}
        )
    return {**found, "since": stamp} if status == FAILED else found


def again(task: Task, at: datetime, **facts: object) -> Task:
    """The record of a task that waits for its next attempt at ``at``."""
    rest = without(task, ("run", "ready_at"))
    return with_fields(rest, {"status": SCHEDULED, "run_at": instants.to_text(at), **facts})


def next_occurrence(ended: Task, at: datetime) -> Task:
    """A new occurrence at ``at`` of a task that has just ended; the ended one waits in it to be filed."""
    records, runs, _ = filed_records(ended)
    rest = without_history(ended)
    expires_at, occurrence = rest.get("expires_at"), rest.get("occurrence")
    if expires_at and occurrence:
        # As long after the new moment as it was after the old one.
        useful = instants.from_text(expires_at) - instants.from_text(occurrence)
        rest["expires_at"] = instants.to_text(at + useful)
    fresh: Changes = {
        "status": SCHEDULED,
        "attempts": 0,
        "run_at": instants.to_text(at),
        "occurrence": instants.to_text(at),
    }
    return {**rest, **fresh, **_unfiled(records, runs)}


def is_expired(task: Task, now: datetime) -> bool:
    """Whether the task's ``expires_at`` has passed."""
    limit = task.get("expires_at")
    return limit is not None and instants.from_text(limit) < now
