"""The job by which launchd wakes the runner every minute: install and remove it. On macOS alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from defer import fsio, homedir
from defer.errors import Refused

from . import cronenv, managers, plist, program
from .crontab import WITHOUT_CRON
from .entry import LAUNCHD, Entry

_FILE = f"{plist.LABEL}.plist"


def install(
    runner: Path,
    settings_file: Path,
    path_value: str,
    lock_timeout: float,
    *,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Put the job's file in place and load it. Idempotent; where launchd does not take it, all is as before.

    Arguments and errors are those of ``cron.install``. Raises NoHome where no place for the file is known.
    """
    environ = os.environ if environ is None else environ
    if not managers.is_macos():
        raise Refused("launchd is macOS's own, and this is another system (defer waker install cron, or systemd)")
    called = program.startable(runner)
    path = homedir.need(environ, of_account=environ is os.environ) / "Library" / "LaunchAgents" / _FILE
    content = plist.render(called, cronenv.variables_to_name(settings_file.absolute(), b"", called))
    before = fsio.read_bounded(path, 1 << 16)
    entry = plist.parsed(before, str(path)) if before else None
    if entry is not None:
        program.refuse_another(entry.runner, called, entry.where)
    prepared = cronenv.prepare(settings_file.absolute(), environ, path_value, lock_timeout)
    _load(path, before, content)
    return {
        "action": "install",
        "waker": LAUNCHD,
        "files": [str(path)],
        "change": "unchanged" if before == content else "updated" if before else "added",
        "replaced": [entry.runner] if entry is not None and entry.runner != called else [],
        "settings_file": str(settings_file.absolute()),
        "settings_written": prepared.written,
        "settings_changed": prepared.changed,
        "state": managers.state(Entry(b"", called, {}, True, LAUNCHD, str(path))),
        "notes": prepared.notes,
    }


def uninstall(runner: Path) -> list[str]:
    """Unload the job and remove its file, if it wakes ``runner`` or one that is gone; what was removed. Idempotent."""
    directory = managers.launchd_directory(os.environ)
    path = directory / _FILE if directory and managers.is_macos() else None
    content = fsio.read_bounded(path, 1 << 16) if path else None
    entry = plist.parsed(content, str(path)) if content else None
    if path is None or entry is None or not entry.marked:
        return []
    if not program.is_same(entry.runner, runner) and program.stays(entry.runner):
        return []
    _unload()
    with fsio.storage_errors(path):
        fsio.remove(path)
    return [str(path)]


def _unload() -> None:
    managers.ask("launchctl", "bootout", f"{managers.domain()}/{plist.LABEL}")


def _load(path: Path, before: bytes | None, content: bytes) -> None:
    """Write the file and have launchd load it; where it does not, put back what was there."""
    is_loaded = managers.ask("launchctl", "print", f"{managers.domain()}/{plist.LABEL}").status == 0
    if before == content and is_loaded:
        return
    with fsio.storage_errors(path):
        fsio.ensure_directory(path.parent)
        fsio.replace(path, [content])
    if is_loaded:
        _unload()
    answer = managers.ask("launchctl", "bootstrap", managers.domain(), str(path))
    if answer.status == 0:
        return
    with fsio.storage_errors(path):
        if before is None:
            fsio.remove(path)
        else:
            fsio.replace(path, [before])
            managers.ask("launchctl", "bootstrap", managers.domain(), str(path))
    what = f"launchd does not load {path}: {answer.complaint}"
    raise Refused(f"{what} (log in at this machine's screen, try `defer waker install cron`, or {WITHOUT_CRON})")
