"""The crontab line that wakes the runner every minute: install, remove and inspect it.

The settings that its runs need are written before the line, so that the first wake finds them;
``cronenv`` says which those are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from defer import instants, say
from defer.errors import Refused

from . import cronenv, cronline, crontab, searchpath, standing
from .crontab import WITHOUT_CRON
from .standing import Standing

if TYPE_CHECKING:
    from defer.store.interface import Markers


def install(
    runner: Path,
    settings_file: Path,
    path_value: str,
    lock_timeout: float,
    *,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Put the line into the crontab, and what it needs into ``settings_file``. Idempotent.

    ``path_value`` is the PATH for cron's runs; ``environ`` (default: the process's) is searched for
    exported settings. Raises Refused where no cron can be used or there is nothing to run,
    BadInput for a path that a crontab cannot hold, StorageError if the settings cannot be written, StoreBusy if
    others held them for ``lock_timeout`` seconds.
    """
    environ = os.environ if environ is None else environ
    program = os.path.realpath(runner)
    if not os.access(program, os.X_OK):
        raise Refused(f"there is nothing for cron to run: {program} (it is missing or not executable)")
    settings_file = settings_file.absolute()
    content = crontab.read()
    line = cronline.render(program, cronenv.variables_to_name(settings_file, content))
    path = searchpath.checked(path_value)
    written, changed = cronenv.bring_up_to_date(settings_file, cronenv.wanted(environ, path.value), lock_timeout)
    edited = cronline.installed(content, line, program, os.path.exists)
    if edited.content != content:
        crontab.write(edited.content)
    return {
        "action": "install",
        "line": _text(line),
        "change": _change(edited, content),
        "replaced": [_text(old) for old in edited.removed if old != line],
        "settings_file": str(settings_file),
        "settings_written": written,
        "settings_changed": changed,
        "daemon": crontab.daemon_state(),
        "notes": [*_left_out(path.left_out), *_notes(edited.content, program, environ)],
    }


def replace_line(old: bytes, program: str, settings_file: Path) -> str:
    """Put the line for ``program`` in the place of the line ``old`` of the crontab; the new line.

    Settings stay as they are. Raises Refused, also where that line is not there any more; BadInput.
    """
    content = crontab.read()
    line = cronline.render(program, cronenv.variables_to_name(settings_file.absolute(), content))
    edited = cronline.replaced(content, old, line)
    if edited is None:
        raise Refused(f"the crontab has another line by now: {_text(old)} (try again)")
    crontab.write(edited)
    return _text(line)


def uninstall(runner: Path) -> dict[str, Any]:
    """Remove the line from the crontab; the settings file stays, since it may hold more. Idempotent."""
    program = os.path.realpath(runner)
    content = crontab.read()
    edited = cronline.uninstalled(content, program, os.path.exists)
    if edited.removed:
        crontab.write(edited.content)
    return {
        "action": "uninstall",
        "change": "removed" if edited.removed else "unchanged",
        "removed": [_text(line) for line in edited.removed],
        "notes": [],
    }


def status(
    runner: Path,
    markers: Markers,
    now: datetime,
    *,
    settings_file: Path | None = None,
    found: Standing | None = None,
) -> dict[str, Any]:
    """Whether the line is there, whether a daemon runs, and when a wake last looked, by ``markers``.

    ``found``: how things stand, where somebody has looked already.
    """
    found = standing.look(runner) if found is None else found
    reads = found.settings_read()
    last_wake = markers.last_wake()
    return {
        "action": "status",
        "installed": bool(found.ours),
        "line": _text(found.ours[0].line) if found.ours else None,
        "other_lines": [_text(entry.line) for entry in found.others],
        "dead_lines": [_text(entry.line) for entry in found.dead],
        "crontab_error": found.error,
        "daemon": found.daemon,
        "last_wake": instants.to_text(last_wake) if last_wake else None,
        "seconds_since_wake": max(0, int((now - last_wake).total_seconds())) if last_wake else None,
        "trouble": markers.last_trouble(),
        "settings_file": str(reads) if reads else None,
        "notes": _status_notes(reads, settings_file) if found.ours else [],
    }


def describe(result: dict[str, Any]) -> list[str]:
    """What one of the three did or found, as lines for people."""
    lines = {"install": _install_lines, "uninstall": _uninstall_lines, "status": _status_lines}
    return [*lines[result["action"]](result), *result["notes"]]


def _change(edited: cronline.Edited, content: bytes) -> str:
    if edited.content == content:
        return "unchanged"
    return "updated" if edited.removed else "added"


def _notes(content: bytes, program: str, environ: Mapping[str, str]) -> list[str]:
    here = cronenv.other_home(environ)
    notes = [f"cron's runs have HOME={cronenv.home()}, this shell has HOME={here}"] if here else []
    for name, value in cronline.environment(content).items():
        if name.startswith("DEFER_") and environ.get(name) != value:
            notes.append(f"the crontab itself sets {name}={value}: that wins over the settings file")
    others = [entry for entry in cronline.entries(content) if not (entry.marked and entry.runner == program)]
    return notes + [f"another line of the crontab wakes a runner too: {_text(entry.line)}" for entry in others]


def _left_out(parts: list[str]) -> list[str]:
    return [f"left out of PATH for cron's runs: {', '.join(parts)}"] if parts else []


def _status_notes(read: Path | None, settings_file: Path | None) -> list[str]:
    notes = []
    if settings_file is not None and not (read and os.path.realpath(read) == os.path.realpath(settings_file)):
        reads = f"cron's runs read {read or 'no settings file'}, this shell reads {settings_file}"
        notes.append(f"{reads}: run `defer cron install` again")
    written = cronenv.path_written(read)
    doubtful = searchpath.checked(written).left_out if written is not None else []
    if doubtful:
        which = f"PATH in {read} has parts that do not belong there: {', '.join(doubtful)}"
        notes.append(f"{which}: run `defer cron install` again")
    return notes


def _text(line: bytes) -> str:
    return line.decode(errors="replace")


def _install_lines(result: dict[str, Any]) -> list[str]:
    what = {"added": "added", "updated": "brought up to date", "unchanged": "already there"}[result["change"]]
    written = f": {', '.join(result['settings_written'])} written" if result["settings_written"] else ""
    lines = [
        f"crontab line {what}: {result['line']}",
        *[f"it replaces: {old}" for old in result["replaced"]],
        f"settings for cron's runs: {result['settings_file']}{written}",
    ]
    overwritten = [name for name in result["settings_changed"] if name != "PATH"]
    if overwritten:
        lines.append(f"these had another value before: {', '.join(overwritten)}")
    return [*lines, _daemon_line(result["daemon"])]


def _uninstall_lines(result: dict[str, Any]) -> list[str]:
    return [f"crontab line removed: {line}" for line in result["removed"]] or ["no crontab line of ours was there"]


def _status_lines(result: dict[str, Any]) -> list[str]:
    missing = result["crontab_error"] or "none (defer cron install)"
    age = result["seconds_since_wake"]
    return [
        f"crontab line: {result['line'] or missing}",
        *[f"another line wakes a runner: {line}" for line in result["other_lines"]],
        *[f"a line that wakes nothing, since its program is gone: {line}" for line in result["dead_lines"]],
        _daemon_line(result["daemon"]),
        "last wake: never" if age is None else f"last wake: {say.roughly(age)} ago ({result['last_wake']})",
        *([f"the last wake could not do its work: {result['trouble']}"] if result["trouble"] else []),
        f"settings for cron's runs: {result['settings_file'] or 'none'}",
    ]


def _daemon_line(state: str) -> str:
    advice = "" if state == "running" else f" (nothing wakes without one: start it, or {WITHOUT_CRON})"
    return f"cron daemon: {state}{advice}"
