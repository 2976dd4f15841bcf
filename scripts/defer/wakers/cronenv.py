"""What a command under cron sees, and how it comes to see what this shell sees.

- cron gives a command HOME, LOGNAME, SHELL, a short PATH and nothing else. What this shell has
  beyond that (PATH, exported ``DEFER_*``) goes into the settings file, so that cron wakes the
  store that this shell schedules into.
- cron takes HOME from the password database, and does not set XDG variables. Where that leads to
  another settings file, or misses the Python environment, the crontab line names the right one:
  ``DEFER_ENV_FILE=… run-deferred.sh``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from defer import fsio, homedir, paths
from defer.errors import DeferError
from defer.settings import edit, variables

from . import cronline, program, searchpath

_CRONS_PATH = "/usr/bin:/bin"  # of Vixie cron, cronie and busybox


def variables_to_name(settings_file: Path, crontab: bytes, called: str) -> dict[str, str]:
    """What must be set before ``called`` is, so that wakes find their settings and Python."""
    environment = _environment(crontab)
    named = {}
    beside = Path(called).parent.parent / paths.SETTINGS.name
    is_elsewhere = _same(settings_file, paths.SETTINGS) and not _same(beside, paths.SETTINGS)
    if is_elsewhere or not _same(_settings_found(environment, settings_file), settings_file):
        named["DEFER_ENV_FILE"] = str(settings_file)
    python_home = Path(sys.executable).parent.parent  # of a virtual environment, so not to be resolved
    data = Path(environment.get("XDG_DATA_HOME") or Path(environment["HOME"], ".local", "share"))
    theirs = python_home.parent.parent if python_home.match("defer/venv-*") else None
    if f"{os.sep}{program.LINK}{os.sep}" in called:
        theirs = Path(called.partition(f"{os.sep}{program.LINK}{os.sep}")[0])
    if theirs is not None and not _same(theirs, data):
        named["XDG_DATA_HOME"] = str(theirs)
    return named


def of_command(line_variables: Mapping[str, str], crontab: bytes) -> dict[str, str]:
    """The environment of a command with ``line_variables`` in front (crontab(5)): cron's own, and what the tab sets."""
    own = {"SHELL": "/bin/sh", "PATH": _CRONS_PATH}
    return {**own, **_environment(crontab), **line_variables}


def reads_users_settings(environment: Mapping[str, str]) -> bool:
    """Whether a command with that environment reads a settings file that no copy of the code brings with it."""
    users = homedir.user_settings_path(environment)
    return bool(environment.get("DEFER_ENV_FILE")) or (users is not None and users.is_file())


def settings_read(line_variables: Mapping[str, str], crontab: bytes) -> Path | None:
    """The settings file that a command with ``line_variables`` in front reads, None if it finds none."""
    return homedir.settings_path({**_environment(crontab), **line_variables})


def _environment(crontab: bytes) -> dict[str, str]:
    return {"HOME": home(), **cronline.environment(crontab)}


def _settings_found(environment: Mapping[str, str], yet_to_come: Path) -> Path:
    """The settings file that will be found once ``yet_to_come`` exists."""
    users = homedir.user_settings_path(environment)
    if users is not None and not environment.get("DEFER_ENV_FILE") and _same(users, yet_to_come):
        return users
    return homedir.settings_path(environment) or paths.SETTINGS


def home() -> str:
    """The home that cron gives its commands, whatever HOME is in this shell."""
    # cron does not serve a user without an entry either, and says so itself.
    return homedir.account() or str(homedir.need(os.environ, of_account=False))


def other_home(environ: Mapping[str, str]) -> str | None:
    """This shell's HOME where it is not cron's."""
    here = environ.get("HOME")
    return here if here and not _same(Path(here), Path(home())) else None


def wanted(environ: Mapping[str, str], path_value: str) -> dict[str, str]:
    """The settings that make cron's runs act as this shell would."""
    exported = {
        name: _for_any_directory(name, value)
        for name in sorted(variables.VARIABLES)
        if name != "DEFER_ENV_FILE" and (value := environ.get(name))
    }
    here = other_home(environ)
    if here:
        exported.setdefault("DEFER_RUNTIME_DIR", os.path.join(here, "data", "runtime"))
    return {"PATH": path_value, **exported}


def _for_any_directory(name: str, value: str) -> str:
    """A relative path made absolute: cron starts its commands at home."""
    is_path = name.endswith(("_DIR", "_FILE")) or (name == "DEFER_EXECUTOR" and "/" in value)
    return os.path.abspath(value) if is_path and not value.startswith("~") else value


def path_written(settings_file: Path | None) -> str | None:
    """The PATH of a settings file, None where it has none or cannot be read."""
    if settings_file is None:
        return None
    with suppress(DeferError):
        return edit.values(edit.read(settings_file), settings_file).get("PATH")
    return None


class Prepared(NamedTuple):
    """What was written for wakes: the names, those that had another value before, and what to say of it."""

    written: list[str]
    changed: list[str]
    notes: list[str]


def prepare(settings_file: Path, environ: Mapping[str, str], path_value: str, lock_timeout: float) -> Prepared:
    """Write down what wakes need to act as this shell would. Raises BadInput, StorageError, StoreBusy."""
    path = searchpath.checked(path_value)
    written, changed = bring_up_to_date(settings_file, wanted(environ, path.value), lock_timeout)
    notes = [f"left out of PATH for wakes: {', '.join(path.left_out)}"] if path.left_out else []
    here = other_home(environ)
    if here:
        notes.append(f"wakes have HOME={home()}, this shell has HOME={here}")
    return Prepared(written, changed, notes)


def bring_up_to_date(settings_file: Path, values: dict[str, str], lock_timeout: float) -> tuple[list[str], list[str]]:
    """Set ``values`` in the file: the names written, and those that had another value before. Raises StoreBusy."""
    held = edit.values(edit.read(settings_file), settings_file)
    if not _to_write(held, values) and edit.is_private(settings_file):
        return [], []
    with fsio.edit_lock(Path(os.path.realpath(settings_file)).parent, lock_timeout):
        content = edit.read(settings_file)
        held = edit.values(content, settings_file)
        written = _to_write(held, values)
        edit.write(settings_file, edit.with_values(content, {name: values[name] for name in written}))
    return written, [name for name in written if name in held]


def _to_write(held: Mapping[str, str], values: Mapping[str, str]) -> list[str]:
    return [name for name, value in values.items() if held.get(name) != value]


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
