"""The service and the timer by which systemd wakes the runner every minute: install and remove them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from defer import fsio, homedir
from defer.errors import Refused

from . import cronenv, managers, program, units
from .crontab import WITHOUT_CRON
from .entry import MARK, SYSTEMD, Entry

_SERVICE, _TIMER = f"{units.NAME}.service", f"{units.NAME}.timer"
_LINGER = "wakes end when you log out, unless you say: loginctl enable-linger"


def install(
    runner: Path,
    settings_file: Path,
    path_value: str,
    lock_timeout: float,
    *,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Put the two unit files in place and start the timer. Idempotent; where that fails, all is as before.

    Arguments and errors are those of ``cron.install``. Raises NoHome where no place for the files is known.
    """
    environ = os.environ if environ is None else environ
    called = program.startable(runner)
    directory = _directory(environ)
    _reach()
    service = units.service(called, cronenv.variables_to_name(settings_file.absolute(), b"", called))
    before = _read(directory)
    replaced = _replaced(before, directory, called)
    prepared = cronenv.prepare(settings_file.absolute(), environ, path_value, lock_timeout)
    files = {_SERVICE: os.fsencode(service), _TIMER: units.TIMER.encode()}
    _start(directory, before, files)
    return {
        "action": "install",
        "waker": SYSTEMD,
        "files": [str(directory / name) for name in files],
        "change": _change(before, files),
        "replaced": replaced,
        "settings_file": str(settings_file.absolute()),
        "settings_written": prepared.written,
        "settings_changed": prepared.changed,
        "state": managers.state(Entry(b"", called, {}, True, SYSTEMD, str(directory / _SERVICE))),
        "notes": [*prepared.notes, *([_LINGER] if managers.lingers() is False else [])],
    }


def uninstall(runner: Path) -> list[str]:
    """Stop the timer and remove our unit files, if they wake ``runner`` or one that is gone; what was removed.

    An attempt under way goes on. Idempotent. Raises Refused where the manager does not let go of a timer that it runs.
    """
    directory = managers.systemd_directory(os.environ)
    entry = _entry(_read(directory), directory) if directory else None
    if directory is None or entry is None or not _is_to_go(entry, runner):
        return []
    answer = managers.systemctl("disable", "--now", _TIMER)
    if answer.status and managers.systemctl("is-active", _TIMER).output == "active":
        raise Refused(f"systemd does not stop {_TIMER}: {answer.complaint} (systemctl --user stop {_TIMER})")
    removed = [str(directory / name) for name in (_TIMER, _SERVICE) if fsio.stat(directory / name)]
    with fsio.storage_errors(directory):
        # Where no manager could be asked, it finds the timer gone when it starts.
        fsio.remove(directory / "timers.target.wants" / _TIMER)
        for path in removed:
            fsio.remove(Path(path))
    managers.systemctl("daemon-reload")
    return removed


def _is_to_go(entry: Entry, runner: Path) -> bool:
    return entry.marked and (program.is_same(entry.runner, runner) or not program.stays(entry.runner))


def _directory(environ: Mapping[str, str]) -> Path:
    found = managers.systemd_directory(environ)
    if found is None:
        homedir.need(environ, of_account=environ is os.environ)
        raise AssertionError("a home directory gives a place for units")
    return found


def _reach() -> None:
    """Raise Refused where no manager of this user can be asked."""
    answer = managers.systemctl("show", "--property=Version")
    if answer.status:
        what = f"systemd's manager of this user cannot be reached: {answer.complaint}"
        raise Refused(f"{what} (log in as this user, try `defer waker install cron`, or {WITHOUT_CRON})")


def _read(directory: Path) -> dict[str, bytes | None]:
    return {name: fsio.read_bounded(directory / name, 1 << 16) for name in (_SERVICE, _TIMER)}


def _entry(files: Mapping[str, bytes | None], directory: Path) -> Entry | None:
    content = files[_SERVICE]
    return units.parsed(os.fsdecode(content), str(directory / _SERVICE)) if content else None


def _replaced(before: Mapping[str, bytes | None], directory: Path, called: str) -> list[str]:
    """The runner that the unit woke so far, if that is another one. Raises Refused for units of somebody else."""
    for name, content in before.items():
        if content is not None and not os.fsdecode(content).startswith(MARK):
            raise Refused(f"{directory / name} is not one of ours (rename it, then try again)")
    entry = _entry(before, directory)
    if entry is not None:
        program.refuse_another(entry.runner, called, entry.where)
    return [entry.runner] if entry is not None and entry.runner != called else []


def _change(before: Mapping[str, bytes | None], files: Mapping[str, bytes]) -> str:
    if before == files:
        return "unchanged"
    return "updated" if before[_SERVICE] else "added"


def _start(directory: Path, before: Mapping[str, bytes | None], files: Mapping[str, bytes]) -> None:
    """Write ``files`` and start the timer; where systemd does not take it, put back what was there."""
    _write(directory, before, files)
    answer = managers.systemctl("daemon-reload")
    if not answer.status:
        answer = managers.systemctl("enable", "--now", _TIMER)
    if not answer.status:
        return
    if before[_TIMER] is None:
        managers.systemctl("disable", "--now", _TIMER)
    _write(directory, files, before)
    managers.systemctl("daemon-reload")
    raise Refused(f"systemd does not start {_TIMER}: {answer.complaint} (systemctl --user status {_TIMER})")


def _write(directory: Path, before: Mapping[str, bytes | None], after: Mapping[str, bytes | None]) -> None:
    with fsio.storage_errors(directory):
        fsio.ensure_directory(directory)
        for name, content in after.items():
            if content is None:
                fsio.remove(directory / name)
            elif content != before[name]:
                fsio.replace(directory / name, [content])
