"""What an attempt came to, and what that makes of its task and its run record.

Exit codes follow the executor contract (0 done, 75 EX_TEMPFAIL, 77 EX_NOPERM, 78 EX_CONFIG
of sysexits.h). ``max_retries`` N allows N + 1 attempts; an attempt put off with ``retry_at``
does not count.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from defer import instants
from defer.errors import EXIT_BUSY

from . import changes, occurrences, task
from .codec import Task
from .retry import RETRY_AT_IN_A_ROW, Backoff, no_sooner_than_a_minute
from .shapes import tallied

if TYPE_CHECKING:
    from .types import Changes, Deferrals, Drift, Result, Run, RunUnderWay, Usage

OK, FAILED, TIMEOUT, LOST = "ok", "failed", "timeout", "lost"
NOT_NOW = "not now"
"""A condition does not hold: that is not an attempt, and no run record has it."""

EXECUTOR_FAILED, TIMEOUT_ERROR = "ExecutorFailed", "TimeoutError"
PERMISSION_BLOCKED, CONFIG_ERROR = "PermissionBlocked", "ConfigError"
EMPTY_RUN = "EmptyRun"
RUNNER_LOST, RUNNER_STOPPED, CANCELLED, EXPIRED = "RunnerLost", "RunnerStopped", "Cancelled", "Expired"
CONDITION_FAILED, CHECK_FAILED = "ConditionFailed", "CheckFailed"
TOO_MANY_RESCHEDULES = "TooManyReschedules"
ERROR_TYPES = (
    EXECUTOR_FAILED,
    TIMEOUT_ERROR,
    PERMISSION_BLOCKED,
    CONFIG_ERROR,
    EMPTY_RUN,
    RUNNER_LOST,
    RUNNER_STOPPED,
    CANCELLED,
    EXPIRED,
    CONDITION_FAILED,
    CHECK_FAILED,
    TOO_MANY_RESCHEDULES,
)
_LONGEST_SUMMARY = 200
_OF_SESSION = ("session_id", "session_usage")
_FINAL = (PERMISSION_BLOCKED, CONFIG_ERROR, TOO_MANY_RESCHEDULES)
_BY_EXIT_CODE = {77: PERMISSION_BLOCKED, 78: CONFIG_ERROR}


class Outcome(NamedTuple):
    """The end of one attempt.

    ``exit_code`` is negative for a signal and None where nobody knows it. ``result`` is the
    task's ``result`` object on success. The wishes of a result file: ``retry_at``, ``reschedule_at``,
    with ``reschedule_delay`` where that was said as one.
    ``drift`` is how its workspace stands at the end, for what comes next. ``log_bytes`` of output are in its log, as
    far as anybody counted; without ``has_log`` there is none.
    """

    status: str
    exit_code: int | None = None
    error_type: str | None = None
    error: str | None = None
    duration_ms: int | None = None
    result: Result | None = None
    retry_at: datetime | None = None
    reschedule_at: datetime | None = None
    reschedule_delay: timedelta | None = None
    session_id: str | None = None
    session_usage: Usage | None = None
    usage: Usage | None = None
    model: str | None = None
    tool_calls: int | None = None
    denied: list[str] | None = None
    drift: Drift | None = None
    log_bytes: int | None = None
    has_log: bool = True


def error_type_of(exit_code: int) -> str:
    """The ``error_type`` of an executor that ended with a failing ``exit_code``."""
    return _BY_EXIT_CODE.get(exit_code, EXECUTOR_FAILED)


def settle(executing: Task, outcome: Outcome, now: datetime, backoff: Backoff) -> Task:
    """The record after an attempt: over, or waiting for the next one, with its run record to be filed."""
    settled = _settled(executing, outcome, now, backoff)
    if not executing.get("after_attempt"):
        settled = _paused_where_it_only_fails(settled, now, backoff)
    if outcome.drift and settled["status"] == task.SCHEDULED:
        settled = {**settled, "drift": outcome.drift}
    return _as_wished(executing, settled, now)


def _paused_where_it_only_fails(settled: Task, now: datetime, backoff: Backoff) -> Task:
    """A task that goes on to its next occurrence, paused if too many have failed; the failed one's record says so."""
    last = settled.get("last")
    if settled["status"] != task.SCHEDULED or settled.get("attempts") or not last or last["outcome"] != task.FAILED:
        return settled
    if not backoff.pauses(last["failures"], now - instants.from_text(last.get("since") or last["at"])):
        return settled
    stamp = instants.to_text(now)
    ended: list[Task] = [
        {**one, "paused_at": stamp} if one["status"] == task.FAILED and one.get("last") == last else one
        for one in settled.get("ended") or []
    ]
    return changes.pause({**settled, "ended": ended}, now)


def lost(executing: Task, *, why: str = "the runner died during the attempt; its outcome is not known") -> Outcome:
    """The outcome of an attempt whose end nobody saw."""
    run: RunUnderWay = executing.get("run") or {}
    result: Result = {}
    if prompt := run.get("prompt"):
        result["prompt_path"] = prompt
    if log := run.get("log"):
        result["log_path"] = log
    if worktree := run.get("worktree"):
        result["worktree"] = worktree
    return Outcome(
        LOST,
        error_type=RUNNER_LOST,
        error=why,
        result=result,
    )


def put_back(claimed: Task, now: datetime) -> Task:
    """The record of a claimed task whose attempt never began."""
    return _as_wished(claimed, task.put_back(claimed), now)


def _as_wished(executing: Task, settled: Task, now: datetime) -> Task:
    """Cancel or pause what a task would go on to, if somebody asked for that during its attempt."""
    wish = executing.get("after_attempt")
    settled = task.without(settled, ("after_attempt",))
    if settled["status"] != task.SCHEDULED or wish is None:
        return settled
    if wish["do"] == "cancel":
        return task.cancel(settled, now, wish.get("reason"))
    until = instants.from_text(wish["until"]) if wish.get("until") else None
    is_to_pause = wish["do"] == "pause" and (until is None or until > now)
    return changes.pause(settled, now, until) if is_to_pause else settled


def _settled(executing: Task, outcome: Outcome, now: datetime, backoff: Backoff) -> Task:
    # v1 counted an attempt at its end, so that its first one under way says 0.
    executing = {**executing, "attempts": max(1, int(executing.get("attempts") or 0))}
    if executing.get("cancel_requested_at"):
        # Whoever asked was told yes: that holds even if the attempt ended before it was killed.
        if outcome.status != OK:
            status = FAILED if outcome.status == NOT_NOW else outcome.status
            outcome = outcome._replace(status=status, error_type=CANCELLED)
        return _settle_cancelled(_with_run(executing, outcome, now), outcome, now)
    if outcome.status == NOT_NOW:
        from . import conditions  # few tasks have one

        return conditions.not_now(executing, outcome.error, now, backoff)
    outcome = _without_end(executing, outcome, backoff)
    ended = _with_run(executing, outcome, now)
    if outcome.status == OK:
        return _settle_success(ended, outcome, now)
    return _settle_failure(ended, outcome, now, backoff)


def _without_end(executing: Task, outcome: Outcome, backoff: Backoff) -> Outcome:
    """A failure, of which somebody hears, where an executor has asked to be run again too many times in a row."""
    if outcome.status != OK or outcome.reschedule_at is None:
        return outcome
    if int(executing.get("reschedules") or 0) < backoff.max_reschedules:
        return outcome
    most = f"it asked to be run again more than {backoff.max_reschedules} times in a row"
    said = f"{most} (raise DEFER_MAX_RESCHEDULES in the settings file, or let it recur: defer edit ID --every WORDS)"
    return outcome._replace(status=FAILED, error_type=TOO_MANY_RESCHEDULES, error=said, reschedule_at=None)


def _with_run(executing: Task, outcome: Outcome, now: datetime) -> Task:
    ended = task.with_ended_run(executing, run_record(executing, outcome, now))
    # Another conversation was begun, and nobody knows its name: the old one could not be continued.
    is_gone = not outcome.session_id and bool((outcome.result or {}).get("session_error"))
    return task.without(ended, _OF_SESSION) if is_gone else ended


def _settle_success(ended: Task, outcome: Outcome, now: datetime) -> Task:
    facts: dict[str, Any] = {"result": outcome.result or {}, **_session(outcome)}
    kept = task.without(ended, ("last_error", "error_type", "deferrals", "reschedules"))
    if outcome.reschedule_at is not None:
        facts["reschedules"] = tallied(int(ended.get("reschedules") or 0), 1)
    done = task.over(kept, task.COMPLETED, now, **facts)
    following = _follow(done, now, outcome.reschedule_at)
    at = outcome.reschedule_at
    is_asked = at is not None and following["status"] == task.SCHEDULED and task.run_at(following) == at
    return task.with_fields(following, _ready(at, outcome.reschedule_delay)) if at and is_asked else following


def _settle_cancelled(ended: Task, outcome: Outcome, now: datetime) -> Task:
    facts = {"result": outcome.result} if outcome.status == OK and outcome.result else {}
    cancelled = task.over(ended, task.CANCELLED, now, error=outcome.error, **facts)
    return _follow(cancelled, now) if ended.get("cancel_occurrence") else cancelled


def _settle_failure(ended: Task, outcome: Outcome, now: datetime, backoff: Backoff) -> Task:
    facts: dict[str, Any] = {"last_error": outcome.error, "error_type": outcome.error_type, **_session(outcome)}
    deferrals: Deferrals = ended.get("deferrals") or {"total": 0, "in_a_row": 0}
    final = outcome.error_type in _FINAL
    if outcome.retry_at is not None and not final and deferrals["in_a_row"] < RETRY_AT_IN_A_ROW:
        counted = {"total": tallied(deferrals["total"], 1), "in_a_row": tallied(deferrals["in_a_row"], 1)}
        at = no_sooner_than_a_minute(outcome.retry_at, now)
        return _again(ended, outcome, at, deferrals=counted, result=_retry_result(outcome, at), **facts)
    failures = int(ended.get("attempts") or 0) - deferrals["total"]
    if not final and failures <= int(ended.get("max_retries") or 0):
        delay = backoff.delay(failures)
        at = now + delay
        facts |= _ready(at, delay)
        if deferrals["total"]:
            facts["deferrals"] = {**deferrals, "in_a_row": 0}
        return _again(ended, outcome, at, result=_retry_result(outcome, at), **facts)
    result: Result = {**(outcome.result or {}), "type": "executor_failed"}
    kept = task.without(ended, ("reschedules",))
    failed = task.over(kept, task.FAILED, now, error=outcome.error, result=result, **facts)
    # Nobody knows how long a lost attempt ran: what came meanwhile was missed, not overlapped.
    return _follow(failed, now, overlapped=outcome.status != LOST)


def _ready(at: datetime, delay: timedelta | None) -> Changes:
    """From when on a wake may take what is due after a delay."""
    ready = None if delay is None else instants.ready(at, delay)
    return {} if ready is None else {"ready_at": ready}


def _retry_result(outcome: Outcome, at: datetime) -> Result:
    when = instants.to_text(at)
    # The first is v1's name for it.
    return {**(outcome.result or {}), "type": "retry_scheduled", "next_run_at": when, "retry_at": when}


def _again(ended: Task, outcome: Outcome, at: datetime, **facts: object) -> Task:
    """A task that is tried again: in the same conversation if that was broken off, else in the one before, or none.

    What has failed in a conversation would be there again.
    """
    if not (ended.get("session_id") or outcome.session_id):
        return task.again(ended, at, **facts)
    from . import conversation  # few tasks have one

    was_broken_off = outcome.exit_code == EXIT_BUSY or outcome.retry_at is not None or outcome.status in (TIMEOUT, LOST)
    if was_broken_off or outcome.error_type == RUNNER_STOPPED:
        # What it names may still be the conversation of an earlier occurrence, which is over.
        is_known = outcome.session_id or conversation.session(ended)
        return task.again(ended if is_known else task.without(ended, _OF_SESSION), at, **facts)
    before = {} if conversation.keeps(ended) else dict.fromkeys(_OF_SESSION)
    rest = {name: value for name, value in facts.items() if name not in _OF_SESSION}
    return task.again(task.without(ended, before), at, **rest)


def _session(outcome: Outcome) -> dict[str, Any]:
    used = {"session_usage": outcome.session_usage} if outcome.session_usage else {}
    return {"session_id": outcome.session_id, **used} if outcome.session_id else {}


def _follow(ended: Task, now: datetime, extra_at: datetime | None = None, *, overlapped: bool = True) -> Task:
    """What the task goes on to; None if its recurrence cannot be read, since this outcome must be kept."""
    try:
        return occurrences.follow(ended, now, extra_at, overlapped=overlapped)
    except occurrences.UNREADABLE as error:
        return {**ended, "last_error": occurrences.complaint(error)}


def run_record(executing: Task, outcome: Outcome, now: datetime) -> Run:
    """The record of one ended attempt for ``runs/``."""
    run = executing.get("run") or {}
    leader, result = run.get("leader"), outcome.result or {}
    return {
        "run_id": run.get("run_id"),
        "task_id": executing["id"],
        "attempt": run.get("attempt") or executing.get("attempts"),
        "occurrence": run.get("occurrence") or executing.get("occurrence"),
        "status": outcome.status,
        "started_at": run.get("started_at") or executing.get("started_at"),
        "ended_at": instants.to_text(now),
        "duration_ms": outcome.duration_ms,
        "exit_code": outcome.exit_code,
        "error_type": outcome.error_type,
        "error": outcome.error,
        "late_by_seconds": run.get("late_by_seconds"),
        "log": (run.get("log") or result.get("log_path")) if outcome.has_log else None,
        "log_bytes": outcome.log_bytes,
        "summary": _first_line(result),
        "prompt": run.get("prompt") or result.get("prompt_path"),
        "usage": outcome.usage,
        "session_id": outcome.session_id,
        "model": outcome.model,
        "tool_calls": outcome.tool_calls,
        "denied": outcome.denied,
        "env": executing.get("env") or None,
        "host": run.get("host"),
        "pid": leader["pid"] if leader else None,
        "copy_of": executing.get("copy_of"),
        "worktree": run.get("worktree"),
    }


def _first_line(result: Result) -> str | None:
    """What an attempt said it did: the first line of its summary or else of what it printed, shortened."""
    for said in (result.get("summary"), result.get("output")):
        if said and (whole := said.strip()):
            return whole.split("\n", 1)[0].rstrip()[:_LONGEST_SUMMARY]
    return None
