"""Which of cron, systemd and launchd is to wake: what somebody asks for, or else what this machine has."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from defer import instants
from defer.errors import Refused

from . import cron, cronenv, launchd, managers, searchpath, stable, standing, systemd
from .crontab import WITHOUT_CRON
from .entry import CRON, LAUNCHD, SYSTEMD, Entry
from .standing import Standing

if TYPE_CHECKING:
    from defer.store.interface import Markers

_INSTALL: dict[str, Callable[..., dict[str, Any]]] = {
    CRON: cron.install,
    SYSTEMD: systemd.install,
    LAUNCHD: launchd.install,
}
_UNINSTALL: dict[str, Callable[[Path], list[str]]] = {
    CRON: cron.uninstall,
    SYSTEMD: systemd.uninstall,
    LAUNCHD: launchd.uninstall,
}


def for_this_code(waker: str | None, settings_file: Path, path_value: str, lock_timeout: float) -> dict[str, Any]:
    """Have this code woken, or a copy of it that is made first, where it lies in a place that does not last.

    The same as ``install`` besides, and raises what ``stable.bring`` raises.
    """
    copied = stable.bring(lock_timeout)
    result = install(waker, stable.runner(), settings_file, path_value, lock_timeout)
    return {**result, "copy": copied and copied.as_json()}


def install(
    waker: str | None, runner: Path, settings_file: Path, path_value: str, lock_timeout: float
) -> dict[str, Any]:
    """Have ``waker`` wake ``runner`` every minute, or else the one that this machine has. Idempotent.

    Raises Refused where it cannot be had, and what ``cron.install`` raises.
    """
    chosen = waker or _of_machine(standing.look(runner))
    result = _INSTALL[chosen](runner, settings_file, path_value, lock_timeout)
    others = [one for one in standing.look(runner).ours if one.waker != chosen]
    return {**result, "notes": [*result["notes"], *map(_beside, others)]}


def _beside(entry: Entry) -> str:
    mend = f"two do no harm; to have one: defer waker uninstall {entry.waker}"
    return f"{entry.waker} wakes it too: {entry.place} ({mend})"


def _of_machine(found: Standing) -> str:
    """One that is there already; else cron where its daemon runs, else a manager that answers, else cron."""
    if found.ours:
        return found.ours[0].waker
    if managers.is_macos():
        return LAUNCHD
    if found.error is None and found.daemon != managers.STOPPED:
        return CRON
    if managers.systemctl("show", "--property=Version").status == 0:
        return SYSTEMD
    if found.error is None:
        return CRON
    raise Refused(f"neither cron nor systemd can be had here (install cron, or {WITHOUT_CRON})")


def uninstall(waker: str | None, runner: Path) -> dict[str, Any]:
    """Remove ``waker``, or whatever of ours wakes ``runner`` or one that is gone. Idempotent. Raises Refused.

    The stable copy of the code goes with the last that names it.
    """
    removed: list[str] = []
    for one in [waker] if waker else [CRON, SYSTEMD, LAUNCHD]:
        try:
            removed += _UNINSTALL[one](runner)
        except Refused:
            # Where no cron can be used there may still be a timer to remove.
            if waker is not None or _is_known_to(one, runner):
                raise
    left = standing.look(runner)
    gone, note = stable.remove(os.environ, [one.runner for one in (*left.ours, *left.others)])
    removed += [gone] if gone else []
    return {
        "action": "uninstall",
        "waker": waker,
        "change": "removed" if removed else "unchanged",
        "removed": removed,
        "notes": [note] if note else [],
    }


def _is_known_to(waker: str, runner: Path) -> bool:
    return any(one.waker == waker for one in standing.look(runner).ours)


def status(
    runner: Path,
    markers: Markers,
    now: datetime,
    *,
    settings_file: Path | None = None,
    found: Standing | None = None,
) -> dict[str, Any]:
    """What wakes ``runner``, whether it is at work, and when a wake last looked, by ``markers``.

    ``found``: how things stand, where somebody has looked already.
    """
    found = standing.look(runner) if found is None else found
    reads = found.settings_read()
    last_wake = markers.last_wake()
    lines = {"line": found.ours, "other_lines": found.others, "dead_lines": found.dead}
    of_cron = {name: [_text(one) for one in entries if one.waker == CRON] for name, entries in lines.items()}
    return {
        "action": "status",
        "installed": bool(found.ours),
        "wakers": list(dict.fromkeys(one.waker for one in found.ours)),
        **of_cron,
        "line": of_cron["line"][0] if of_cron["line"] else None,
        "units": [_unit(found, one) for one in (*found.ours, *found.others, *found.dead) if one.waker != CRON],
        "crontab_error": found.error,
        "daemon": found.daemon,
        "last_wake": instants.to_text(last_wake) if last_wake else None,
        "seconds_since_wake": max(0, int((now - last_wake).total_seconds())) if last_wake else None,
        "trouble": markers.last_trouble(),
        "settings_file": str(reads) if reads else None,
        "notes": _notes(reads, settings_file) if found.ours else [],
    }


def _text(entry: Entry) -> str:
    return entry.line.decode(errors="replace")


def _unit(found: Standing, entry: Entry) -> dict[str, Any]:
    return {
        "waker": entry.waker,
        "file": entry.where,
        "runner": entry.runner,
        "ours": entry in found.ours,
        "gone": entry in found.dead,
        "state": found.state(entry),
    }


def _notes(read: Path | None, settings_file: Path | None) -> list[str]:
    notes = []
    if settings_file is not None and not (read and read.resolve() == settings_file.resolve()):
        reads = f"wakes read {read or 'no settings file'}, this shell reads {settings_file}"
        notes.append(f"{reads}: run `defer waker install` again")
    written = cronenv.path_written(read)
    doubtful = searchpath.checked(written).left_out if written is not None else []
    if doubtful:
        which = f"PATH in {read} has parts that do not belong there: {', '.join(doubtful)}"
        notes.append(f"{which}: run `defer waker install` again")
    return notes
