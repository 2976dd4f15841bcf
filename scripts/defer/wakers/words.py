"""What installing, removing or looking at a waker came to, as lines for people."""

from __future__ import annotations

from typing import Any

from defer import say

from .entry import CRON

_WITHOUT_CRON = "keep `run-deferred.sh --loop` running"
_CHANGES = {"added": "added", "updated": "brought up to date", "unchanged": "already there"}


def describe(result: dict[str, Any]) -> list[str]:
    """What one of the three did or found."""
    lines = {"install": _install, "uninstall": _uninstall, "status": _status}
    return [*lines[result["action"]](result), *result["notes"]]


def _install(result: dict[str, Any]) -> list[str]:
    what = _CHANGES[result["change"]]
    written = f": {', '.join(result['settings_written'])} written" if result["settings_written"] else ""
    made = [f"crontab line {what}: {result['line']}"] if result["waker"] == CRON else _files(result, what)
    lines = [
        *made,
        *[f"it replaces: {old}" for old in result["replaced"]],
        f"settings for wakes: {result['settings_file']}{written}",
    ]
    overwritten = [name for name in result["settings_changed"] if name != "PATH"]
    if overwritten:
        lines.append(f"these had another value before: {', '.join(overwritten)}")
    copy = result.get("copy")
    if copy:
        since = "made now" if copy["new"] else "there already"
        lines.append(f"wakes run a copy of the code, {since}: {copy['path']} (of this one: {copy['why']})")
    return [*lines, _daemon(result["daemon"]) if result["waker"] == CRON else f"{result['waker']}: {result['state']}"]


def _files(result: dict[str, Any], what: str) -> list[str]:
    return [f"{result['waker']} unit {what}: {path}" for path in result["files"]]


def _uninstall(result: dict[str, Any]) -> list[str]:
    return [f"removed: {what}" for what in result["removed"]] or ["nothing of ours was there to remove"]


def _status(result: dict[str, Any]) -> list[str]:
    age = result["seconds_since_wake"]
    has_unit = any(one["ours"] for one in result["units"])
    cron = [] if has_unit and result["line"] is None else [_line(result), _daemon(result["daemon"])]
    return [
        *(_unit(one) for one in result["units"]),
        *cron[:1],
        *[f"another line wakes a runner: {line}" for line in result["other_lines"]],
        *[f"a line that wakes nothing, since its program is gone: {line}" for line in result["dead_lines"]],
        *cron[1:],
        "last wake: never" if age is None else f"last wake: {say.roughly(age)} ago ({result['last_wake']})",
        *([f"the last wake could not do its work: {result['trouble']}"] if result["trouble"] else []),
        f"settings for wakes: {result['settings_file'] or 'none'}",
    ]


def _unit(one: dict[str, Any]) -> str:
    if one["gone"]:
        return f"a unit of {one['waker']} that wakes nothing, since its program is gone: {one['file']}"
    whose = f"{one['waker']} unit" if one["ours"] else f"another unit of {one['waker']} wakes a runner"
    return f"{whose}: {one['file']} ({one['state']})"


def _line(result: dict[str, Any]) -> str:
    return f"crontab line: {result['line'] or result['crontab_error'] or 'none (defer waker install)'}"


def _daemon(state: str) -> str:
    advice = "" if state == "running" else f" (nothing wakes without one: start it, or {_WITHOUT_CRON})"
    return f"cron daemon: {state}{advice}"
