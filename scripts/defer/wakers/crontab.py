"""The crontab of this user, read and written through the ``crontab`` program, and whether a cron daemon runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from defer import fsio
from defer.errors import Refused

from . import searchpath

WITHOUT_CRON = "keep `run-deferred.sh --loop` running"
"""What to do where no cron can be had."""

_TIMEOUT_SECONDS = 30
_DAEMONS = {"cron", "crond", "fcron", "dcron", "bcron-sched", "vixie-cron"}
# Vixie cron and cronie say the first, busybox the second.
_NO_CRONTAB_YET = re.compile(r"no crontab for|can't open .*No such file").search


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


def read() -> bytes:
    """The crontab of this user, empty if there is none. Raises Refused where no cron can be used."""
    done = _crontab("-l")
    if done.returncode == 0:
        return done.stdout
    said = _said(done)
    if _NO_CRONTAB_YET(said):
        return b""
    raise _refused(said)


def write(content: bytes) -> None:
    """Put ``content`` in the place of the crontab; none of it removes the crontab. Raises Refused."""
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
        what, mend = (
            "there is no cron here: no `crontab` program on PATH",
            "install cron, try `defer waker install systemd`",
        )
        raise Refused(f"{what} ({mend}, or {WITHOUT_CRON})") from None
    except subprocess.TimeoutExpired:
        raise Refused(f"`crontab {flag}` did not answer within {_TIMEOUT_SECONDS} s (try it by hand)") from None
    except OSError as error:
        raise Refused(f"`crontab` cannot be run: {error.strerror} (install cron anew, or {WITHOUT_CRON})") from None


def _search_path() -> str:
    return searchpath.anchored(os.environ.get("PATH", os.defpath))


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    said = " ".join(done.stderr.decode(errors="replace").split())
    return said[:300] or f"exit status {done.returncode}"


def _refused(said: str) -> Refused:
    if "not allowed" in said or "cron.allow" in said:
        return Refused(f"cron is closed to this user: {said} (ask for an entry in cron.allow, or {WITHOUT_CRON})")
    return Refused(f"`crontab` refused: {said} (try `crontab -l` by hand)")
