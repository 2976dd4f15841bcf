"""systemd's and launchd's managers of this user: what they are asked, and the unit files that lie where they look.

Only files that call a runner count. Nothing is asked of a manager where there is no such file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from defer import fsio, homedir

from . import plist, searchpath, units
from .entry import LAUNCHD, SYSTEMD, Entry

RUNNING, STOPPED, UNKNOWN = "running", "not running", "cannot tell"
_TIMEOUT_SECONDS = 30
_MOST_BYTES = 1 << 16
_NO_SUCH_PROGRAM = 127


class Answer(NamedTuple):
    """What a program said: its exit status, 127 where there is none, its output, and its complaint in one line."""

    status: int
    output: str
    complaint: str


def ask(*words: str) -> Answer:
    """Run a program of PATH to its end, without the parts of PATH that depend on the working directory."""
    env = {**os.environ, "LC_ALL": "C", "PATH": searchpath.anchored(os.environ.get("PATH", os.defpath))}
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_SECONDS, env=env, check=False
        )
    except FileNotFoundError:
        return Answer(_NO_SUCH_PROGRAM, "", f"there is no `{words[0]}` program on PATH")
    except subprocess.TimeoutExpired:
        return Answer(1, "", f"`{' '.join(words)}` did not answer within {_TIMEOUT_SECONDS} s")
    except OSError as error:
        return Answer(1, "", f"`{words[0]}` cannot be run: {error.strerror}")
    said = " ".join(done.stderr.decode(errors="replace").split())[:300]
    return Answer(
        done.returncode, done.stdout.decode(errors="replace").strip(), said or f"exit status {done.returncode}"
    )


def systemctl(*words: str) -> Answer:
    """Ask systemd's manager of this user."""
    return ask("systemctl", "--user", *words)


def is_macos() -> bool:
    """Whether this is a system that launchd runs."""
    return sys.platform == "darwin"


def systemd_directory(environ: Mapping[str, str]) -> Path | None:
    """Where systemd looks for this user's units; None where there is no home."""
    config = homedir.xdg(environ, "XDG_CONFIG_HOME", ".config", of_account=environ is os.environ)
    return config and config / "systemd" / "user"


def launchd_directory(environ: Mapping[str, str]) -> Path | None:
    """Where launchd looks for this user's jobs; None where there is no home."""
    home = homedir.find(environ, of_account=environ is os.environ)
    return home and home / "Library" / "LaunchAgents"


def domain() -> str:
    """launchd's name for the session of this user."""
    return f"gui/{os.getuid()}"


def found() -> list[Entry]:
    """The units of this user that call a runner."""
    services = (
        units.parsed(raw.decode(errors="surrogateescape"), path)
        for path, raw in _files(systemd_directory(os.environ), ".service")
    )
    jobs = (
        plist.parsed(raw, path) for path, raw in (_files(launchd_directory(os.environ), ".plist") if is_macos() else [])
    )
    return [one for one in (*services, *jobs) if one is not None]


def _files(directory: Path | None, ending: str) -> list[tuple[str, bytes]]:
    if directory is None:
        return []
    try:
        names = [name for name in fsio.names(directory) if name.endswith(ending)]
    except OSError:
        return []
    contents = ((directory / name, _content(directory / name)) for name in names)
    return [(str(path), raw) for path, raw in contents if raw is not None and b"run-deferred" in raw]


def _content(path: Path) -> bytes | None:
    try:
        return fsio.read_bounded(path, _MOST_BYTES)
    except OSError:
        return None


def state(entry: Entry) -> str:
    """Whether the manager wakes by this unit: ``running``, ``not running`` or ``cannot tell``."""
    if entry.waker == LAUNCHD:
        answer = ask("launchctl", "print", f"{domain()}/{Path(entry.where).stem}")
        known = answer.status != _NO_SUCH_PROGRAM
        return UNKNOWN if not known else STOPPED if answer.status else RUNNING
    assert entry.waker == SYSTEMD
    answer = systemctl("is-active", f"{Path(entry.where).stem}.timer")
    states = {"active": RUNNING, "activating": RUNNING}
    return states.get(answer.output, STOPPED) if answer.output else UNKNOWN


def lingers() -> bool | None:
    """Whether systemd keeps this user's units at work while nobody is logged in; None where it does not say."""
    answer = ask("loginctl", "show-user", str(os.getuid()), "--property=Linger")
    return {"Linger=yes": True, "Linger=no": False}.get(answer.output)
