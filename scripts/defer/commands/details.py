"""One task for a person: all that its record says, a fact a line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any, TextIO

from defer import instants, visible
from defer import say as words
from defer.record import task, versions
from defer.record.codec import Task

from . import output

_WIDTH, _LONGEST = 12, 1000
_USUAL = {"intent": "resume_task", "mode": "fresh", "aura_level": "low"}
"""What is not worth a line."""


def show(one: Task, zone: tzinfo, now: datetime, out: TextIO, told: str | None = None) -> None:
    """Its facts; ``told`` says who has heard of its last end."""
    facts = _of_newer(one, zone, now) if versions.is_newer(one) else _facts(one, zone, now, told)
    for name, value in facts:
        if value:
            output.say(f"{name + ':':<{_WIDTH}} {visible.sentence(value, _LONGEST)}", out=out)


def _of_newer(one: Task, zone: tzinfo, now: datetime) -> Iterator[tuple[str, Any]]:
    """What every version can read."""
    yield "Task", one["id"]
    yield "Summary", output.summary_of(one)
    yield "Status", one["status"]
    yield "Held", output.held(one, zone, now)
    yield "Runs", _moment(one["run_at"], zone, now)


def _facts(one: Task, zone: tzinfo, now: datetime, told: str | None) -> Iterator[tuple[str, Any]]:
    result = output.object_of(one.get("result"))
    yield "Task", one["id"]
    yield "Summary", output.summary_of(one)
    yield "Name", one.get("name")
    yield "About", one.get("description")
    yield "Status", one["status"]
    yield "Held", output.held(one, zone, now)
    yield "Paused", _paused(one, zone, now)
    yield "Runs" if one["status"] == task.SCHEDULED else "Was to run", _moment(one["run_at"], zone, now)
    yield "Started", _started(one, zone, now)
    yield from _of_its_plan(one, zone, now)
    yield from _of_its_work(one)
    yield "Last error", one.get("last_error") or one.get("error")
    yield "Cancelled", _cancelled(one)
    yield "Ended", _ended(one, zone, now)
    yield "Last", None if one["status"] in task.ENDED else _last(one, zone, now)
    yield "Notify", one.get("notify")
    yield "Ping", one.get("ping")
    yield "Told", told
    yield "Result", result.get("summary") or result.get("output")
    yield "Prompt file", result.get("prompt_path") or output.object_of(one.get("run")).get("prompt")
    yield "Log", result.get("log_path") or output.object_of(one.get("run")).get("log")


def _of_its_plan(one: Task, zone: tzinfo, now: datetime) -> Iterator[tuple[str, Any]]:
    """When and how often, and where that was said."""
    yield "Scheduled", _moment(one["created_at"], zone, now) if one.get("created_at") else None
    yield "Origin", _origin(one)
    yield "Task file", _file(one)
    yield "Copy of", one.get("copy_of")
    yield "Said as", one.get("when")
    yield "Zone", one.get("tz")
    yield "Repeats", _repeats(one, zone, now)
    yield "Expires", _moment(one["expires_at"], zone, now) if one.get("expires_at") else None
    yield "Attempts", f"{one.get('attempts') or 0} of at most {int(one.get('max_retries') or 0) + 1}"
    yield "Tags", _listed(one.get("tags"))


def _of_its_work(one: Task) -> Iterator[tuple[str, Any]]:
    """What is to be done, by whom, where and within which bounds."""
    context, execution = output.object_of(one.get("context")), output.object_of(one.get("execution"))
    prompt, cost = execution.get("prompt_template"), one.get("max_cost_usd")
    yield "Prompt", None if prompt == context.get("summary") else prompt
    yield "Command", output.command(one.get("command"))
    yield "Intent", _unless_usual("intent", one.get("intent"))
    yield "Mode", _unless_usual("mode", execution.get("mode"))
    yield "Aura", _unless_usual("aura_level", execution.get("aura_level"))
    yield "Key points", _listed(context.get("key_points"))
    yield "Artifacts", _listed(context.get("artifacts"))
    yield "Constraints", _listed(context.get("constraints"))
    yield "Reoriented", context.get("reoriented_from")
    yield "Drift", "its prompt does not say what has changed" if output.object_of(one.get("drift")).get("off") else None
    yield "Executor", one.get("executor")
    yield "Agent", one.get("agent")
    yield "Model", one.get("model")
    yield "Session", _session(one)
    yield "May", permissions(one.get("permissions"))
    yield "Cost", f"at most ${cost:g} a run" if cost else None
    yield "Turns", f"at most {one['max_turns']} a run" if one.get("max_turns") else None
    yield "Workspace", one.get("workspace")
    yield "Directory", None if one.get("workspace") else one.get("cwd")
    yield "Worktree", _worktree(one)
    yield "Concurrent", "may share its workspace" if one.get("concurrent") else None
    yield "Timeout", _timeout(one)
    yield "If", output.command(one.get("condition"))
    yield "Check", output.command(one.get("check"))
    yield "Leaves", "what it starts may go on after it" if one.get("leave_running") else None
    yield "Variables", _listed(one.get("env"))


def _unless_usual(name: str, value: object) -> object:
    return None if value == _USUAL[name] else value


def _listed(found: object) -> object:
    return "; ".join(map(str, found)) if isinstance(found, list) else found


def _file(one: Task) -> str | None:
    """The file that it was made from, and the workflow that this names."""
    source: Mapping[str, Any] = output.object_of(one.get("source"))
    if not source.get("file"):
        return None
    also = [f"workflow {source['workflow']}"] if source.get("workflow") else []
    also += ["disabled there"] if source.get("enabled") is False else []
    return " ".join([str(source["file"]), *([f"({', '.join(also)})"] if also else [])])


def _session(one: Task) -> str | None:
    """The conversation that it continues."""
    session = one.get("session_id")
    if not session:
        return "each run continues the one before" if one.get("sticky_session") else None
    return f"{session}{', which each run continues' if one.get('sticky_session') else ''}"


def _timeout(one: Task) -> str | None:
    seconds = one.get("timeout_seconds")
    if seconds is None:
        return None
    return words.distance(timedelta(seconds=seconds)) if seconds else "none"


def _started(one: Task, zone: tzinfo, now: datetime) -> str | None:
    """When the attempt began that is under way, which that is, and for how long it has been."""
    if one["status"] != task.EXECUTING:
        return None
    run = output.object_of(one.get("run"))
    stamp = run.get("started_at") or one.get("started_at")
    if not stamp:
        return None
    try:
        took = (now - instants.from_text(str(stamp))).total_seconds()
    except (ValueError, OverflowError):
        return str(stamp)
    attempt = run.get("attempt") or one.get("attempts")
    return f"{_moment(stamp, zone, now)}, {words.brief(max(0.0, took))} so far (attempt {attempt})"


def _cancelled(one: Task) -> str | None:
    """Why it was cancelled, or is to be once its attempt has ended."""
    reason = one.get("cancel_reason")
    if one["status"] == task.CANCELLED:
        return reason or "without a reason"
    return f"asked for{f': {reason}' if reason else ''}" if one.get("cancel_requested_at") else None


def _moment(text: object, zone: tzinfo, now: datetime) -> str:
    try:
        return words.moment(instants.from_text(str(text)), zone, now)
    except (ValueError, OverflowError):
        return str(text)


def _worktree(one: Task) -> str | None:
    """Where its attempt works, or the last one has worked, on which branch, and whether that is still there."""
    found = (output.object_of(output.object_of(one.get(name)).get("worktree")) for name in ("run", "result"))
    last: dict[str, Any] = next(filter(None, found), {})
    path = last.get("path")
    if not path:
        return "one for each occurrence" if one.get("worktree") else None
    gone = "" if os.path.isdir(str(path)) else ", removed"
    return f"{path} (branch {last.get('branch')}{gone})"


def _origin(one: Task) -> str | None:
    """Who scheduled it; of an attempt, whose, and how far that is from what somebody else has scheduled."""
    origin, parent, depth = one.get("origin"), one.get("parent"), one.get("depth")
    if not parent:
        return str(origin) if origin else None
    far = f" ({depth} from {one.get('root')})" if type(depth) is int and depth > 1 else ""
    return f"{origin} of {parent}{far}"


def permissions(found: object) -> str | None:
    """What an agent may do, in a few words; what we do not understand as it stands in the record."""
    if found is None:
        return None
    from defer.executors import profiles  # few tasks have them

    try:
        profile = profiles.read(found)
    except profiles.Unusable:
        return json.dumps(found, ensure_ascii=False)
    name = f"{profile.name}: " if profile and profile.name else ""
    return f"{name}{profile.words()}" if profile else None


def _ended(one: Task, zone: tzinfo, now: datetime) -> str | None:
    at = one.get(f"{one['status']}_at")
    return _moment(at, zone, now) if at and one["status"] in task.ENDED else None


def _paused(one: Task, zone: tzinfo, now: datetime) -> str | None:
    """Since when a task is paused; and why, if it was not a person who paused it."""
    wish = output.object_of(one.get("after_attempt"))
    if one["status"] == task.EXECUTING and wish.get("do") == "pause":
        until = wish.get("until")
        return f"once its attempt has ended{f'; until {_moment(until, zone, now)}' if until else ''}"
    at, last = one.get("paused_at"), output.object_of(one.get("last"))
    if one["status"] != task.PAUSED or not at:
        return None
    by_itself = last.get("outcome") == task.FAILED and last.get("at") == at
    why = f", after {last['failures']} failures in a row (DEFER_PAUSE_AFTER)" if by_itself else ""
    until = one.get("paused_until")
    return f"{_moment(at, zone, now)}{why}{f'; until {_moment(until, zone, now)}' if until else ''}"


def _last(one: Task, zone: tzinfo, now: datetime) -> str | None:
    """How the last occurrence ended."""
    last = output.object_of(one.get("last"))
    if not last.get("outcome"):
        return None
    row, why = last.get("failures") or 0, last.get("reason")
    when = f" {_moment(last['at'], zone, now)}" if last.get("at") else ""
    streak = f", {row} times in a row" if last["outcome"] == task.FAILED else f"; {row} failures in a row"
    return f"{last['outcome']}{when}{streak if row > 1 else ''}{f': {why}' if why else ''}"


def _jitter(policies: Mapping[str, Any]) -> str:
    most, own = policies.get("jitter_seconds"), policies.get("jitter_offset_seconds")
    if not most:
        return ""
    return (
        f"jitter up to {words.distance(timedelta(seconds=most))} (here {words.distance(timedelta(seconds=own or 0))})"
    )


def _repeats(one: Task, zone: tzinfo, now: datetime) -> str | None:
    """The rule, its bounds, and its policies that are not the default."""
    if not task.is_recurring(one):
        return None
    from defer.record import occurrences

    found = occurrences.policies(one)
    until = found.get("until")
    parts = [
        occurrences.unreadable(one) or occurrences.rule(one).describe(),
        f"{found['count']} times in all, {found.get('fired') or 0} over" if found.get("count") else "",
        f"until {_moment(until, zone, now)}" if until else "",
        _jitter(found),
        f"catch-up {found['catch_up']}" if found.get("catch_up") else "",
        f"overlap {found['overlap']}" if found.get("overlap") else "",
        f"expires after {words.distance(timedelta(seconds=useful))}"
        if (useful := found.get("expires_after_seconds"))
        else "",
    ]
    return "; ".join(filter(None, parts))
