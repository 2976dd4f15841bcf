"""The crontab line that wakes the runner every minute: install and remove it.

The settings that its runs need are written before the line, so that the first wake finds them;
``cronenv`` says which those are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from defer.errors import Refused

from . import cronenv, cronline, crontab, program
from .entry import CRON


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
    called = program.startable(runner)
    settings_file = settings_file.absolute()
    content = crontab.read()
    line = cronline.render(called, cronenv.variables_to_name(settings_file, content, called))
    prepared = cronenv.prepare(settings_file, environ, path_value, lock_timeout)
    edited = cronline.installed(content, line, called, program.stays)
    if edited.content != content:
        crontab.write(edited.content)
    return {
        "action": "install",
        "waker": CRON,
        "line": _text(line),
        "change": _change(edited, content),
        "replaced": [_text(old) for old in edited.removed if old != line],
        "settings_file": str(settings_file),
        "settings_written": prepared.written,
        "settings_changed": prepared.changed,
        "daemon": crontab.daemon_state(),
        "notes": [*prepared.notes, *_notes(edited.content, called, environ)],
    }


def replace_line(old: bytes, called: str, settings_file: Path) -> str:
    """Put the line for ``called`` in the place of the line ``old`` of the crontab; the new line.

    Settings stay as they are. Raises Refused, also where that line is not there any more; BadInput.
    """
    content = crontab.read()
    line = cronline.render(called, cronenv.variables_to_name(settings_file.absolute(), content, called))
    edited = cronline.replaced(content, old, line)
    if edited is None:
        raise Refused(f"the crontab has another line by now: {_text(old)} (try again)")
    crontab.write(edited)
    return _text(line)


def uninstall(runner: Path) -> list[str]:
    """Remove the line from the crontab, and those whose runner is gone; the lines removed. Idempotent.

    The settings file stays, since it may hold more. Raises Refused where no cron can be used.
    """
    content = crontab.read()
    edited = cronline.uninstalled(content, program.named(runner), program.stays)
    if edited.removed:
        crontab.write(edited.content)
    return [_text(line) for line in edited.removed]


def _change(edited: cronline.Edited, content: bytes) -> str:
    if edited.content == content:
        return "unchanged"
    return "updated" if edited.removed else "added"


def _notes(content: bytes, called: str, environ: Mapping[str, str]) -> list[str]:
    notes = []
    for name, value in cronline.environment(content).items():
        if name.startswith("DEFER_") and environ.get(name) != value:
            notes.append(f"the crontab itself sets {name}={value}: that wins over the settings file")
    others = [entry for entry in cronline.entries(content) if not (entry.marked and entry.runner == called)]
    return notes + [f"another line of the crontab wakes a runner too: {_text(entry.line)}" for entry in others]


def _text(line: bytes) -> str:
    return line.decode(errors="replace")
