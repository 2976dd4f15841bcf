"""The crontab line that wakes the runner every minute: install, remove and inspect it.

The settings that its runs need are written before the line, so that the first wake finds them;
``cronenv`` says which those are. The crontab is read and written through the ``crontab`` program.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from defer import fsio, instants, say
from defer.errors import Refused

from . import cronenv, cronline, searchpath

if TYPE_CHECKING:
    from defer.store.interface import Markers

_TIMEOUT_SECONDS = 30
_DAEMONS = {"cron", "crond", "fcron", "dcron", "bcron-sched", "vixie-cron"}
# Vixie cron and cronie say the first, busybox the second.
_NO_CRONTAB_YET = re.compile(r"no crontab for|can't open .*No such file").search
_WITHOUT_CRON = "keep `run-deferred.sh --loop` running"


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
    crontab = _read()
    line = cronline.render(program, cronenv.variables_to_name(settings_file, crontab))
    path = searchpath.checked(path_value)
    written, changed = cronenv.bring_up_to_date(settings_file, cronenv.wanted(environ, path.value), lock_timeout)
    edited = cronline.installed(crontab, line, program, os.path.exists)
    if edited.content != crontab:
        _write(edited.content)
    return {
        "action": "install",
        "line": _text(line),
        "change": _change(edited, crontab),
        "replaced": [_text(old) for old in edited.removed if old != line],
        "settings_file": str(settings_file),
        "settings_written": written,
        "settings_changed": changed,
        "daemon": daemon_state(),
        "notes": [*_left_out(path.left_out), *_notes(edited.content, program, environ)],
    }


def uninstall(runner: Path) -> dict[str, Any]:
    """Remove the line from the crontab; the settings file stays, since it may hold more. Idempotent."""
    program = os.path.realpath(runner)
    crontab = _read()
    edited = cronline.uninstalled(crontab, program, os.path.exists)
    if edited.removed:
        _write(edited.content)
    return {
        "action": "uninstall",
        "change": "removed" if edited.removed else "unchanged",
        "removed": [_text(line) for line in edited.removed],
        "notes": [],
    }


def status(runner: Path, markers: Markers, now: datetime, *, settings_file: Path | None = None) -> dict[str, Any]:
    """Whether the line is there, whether a daemon runs, and when a wake last looked, by ``markers``."""
    program = os.path.realpath(runner)
    try:
        crontab, trouble_with_cron = _read(), None
    except Refused as refused:
        crontab, trouble_with_cron = b"", str(refused)
    found = cronline.entries(crontab)
    ours = [entry for entry in found if entry.marked and entry.runner == program]
    reads = cronenv.settings_read(ours[0].variables if ours else {}, crontab)
    last_wake = markers.last_wake()
    return {
        "action": "status",
        "installed": bool(ours),
        "line": _text(ours[0].line) if ours else None,
        "other_lines": [_text(entry.line) for entry in found if entry not in ours],
        "crontab_error": trouble_with_cron,
        "daemon": daemon_state(),
        "last_wake": instants.to_text(last_wake) if last_wake else None,
        "seconds_since_wake": max(0, int((now - last_wake).total_seconds())) if last_wake else None,
        "trouble": markers.last_trouble(),
        "settings_file": str(reads) if reads else None,
        "notes": _status_notes(reads, settings_file) if ours else [],
    }


def describe(result: dict[str, Any]) -> list[str]:
    """What one of the three did or found, as lines for people."""
    lines = {"install": _install_lines, "uninstall": _uninstall_lines, "status": _status_lines}
    return [*lines[result["action"]](result), *result["notes"]]


def daemon_state(proc: Path = Path("/proc")) -> str:
    """``running``, ``not running`` or ``cannot tell``, from the processes this user can see."""
    if sys.platform == "linux":
        # Under hidepid a user sees only their own processes, and the daemon is root's.
        names = _process_names(proc) if (proc / "1").exists() else None
    else:
        names = _names_from_ps()
    if names is None:
        return "cannot tell"
    return "running" if names & _DAEMONS else "not running"


def _process_names(proc: Path) -> set[str]:
    names = set()
    for process in fsio.names(proc):
        if process.isdigit() and fsio.read_bounded(proc / process / "cmdline", 1):  # a zombie has none
            names.add((fsio.read_bounded(proc / process / "comm", 64) or b"").decode(errors="replace").strip())
    return names


def _names_from_ps() -> set[str] | None:
    try:
        done = subprocess.run(
            ["ps", "-A", "-o", "comm="],  # noqa: S607  (it has no fixed place)
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            env={**os.environ, "PATH": _search_path()},
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {os.path.basename(name.strip()) for name in done.stdout.decode(errors="replace").splitlines()}


def _read() -> bytes:
    done = _crontab("-l")
    if done.returncode == 0:
        return done.stdout
    said = _said(done)
    if _NO_CRONTAB_YET(said):
        return b""
    raise _refused(said)


def _write(content: bytes) -> None:
    done = _crontab("-", content) if content else _crontab("-r")
    if done.returncode != 0:
        raise _refused(_said(done))


def _crontab(flag: str, content: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["crontab", flag],  # noqa: S607  (it has no fixed place)
            input=content or b"",
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            env={**os.environ, "LC_ALL": "C", "PATH": _search_path()},
            check=False,
        )
    except FileNotFoundError:
        raise Refused(
            f"there is no cron here: no `crontab` program on PATH (install cron, or {_WITHOUT_CRON})"
        ) from None
    except subprocess.TimeoutExpired:
        raise Refused(f"`crontab {flag}` did not answer within {_TIMEOUT_SECONDS} s (try it by hand)") from None
    except OSError as error:
        raise Refused(f"`crontab` cannot be run: {error.strerror} (install cron anew, or {_WITHOUT_CRON})") from None


def _search_path() -> str:
    return searchpath.anchored(os.environ.get("PATH", os.defpath))


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    said = " ".join(done.stderr.decode(errors="replace").split())
    return said[:300] or f"exit status {done.returncode}"


def _refused(said: str) -> Refused:
    if "not allowed" in said or "cron.allow" in said:
        return Refused(f"cron is closed to this user: {said} (ask for an entry in cron.allow, or {_WITHOUT_CRON})")
    return Refused(f"`crontab` refused: {said} (try `crontab -l` by hand)")


def _change(edited: cronline.Edited, crontab: bytes) -> str:
    if edited.content == crontab:
        return "unchanged"
    return "updated" if edited.removed else "added"


def _notes(crontab: bytes, program: str, environ: Mapping[str, str]) -> list[str]:
    here = cronenv.other_home(environ)
    notes = [f"cron's runs have HOME={cronenv.home()}, this shell has HOME={here}"] if here else []
    for name, value in cronline.environment(crontab).items():
        if name.startswith("DEFER_") and environ.get(name) != value:
            notes.append(f"the crontab itself sets {name}={value}: that wins over the settings file")
    others = [entry for entry in cronline.entries(crontab) if not (entry.marked and entry.runner == program)]
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
        _daemon_line(result["daemon"]),
        "last wake: never" if age is None else f"last wake: {say.roughly(age)} ago ({result['last_wake']})",
        *([f"the last wake could not do its work: {result['trouble']}"] if result["trouble"] else []),
        f"settings for cron's runs: {result['settings_file'] or 'none'}",
    ]


def _daemon_line(state: str) -> str:
    advice = "" if state == "running" else f" (nothing wakes without one: start it, or {_WITHOUT_CRON})"
    return f"cron daemon: {state}{advice}"
