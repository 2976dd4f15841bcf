"""A desktop notification, where somebody is logged in to a desktop."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from .undelivered import Undelivered

_NOBODY = "nobody is logged in to a desktop here"


def program(environment: Mapping[str, str]) -> str | None:
    """The program that shows notifications, by its full path; None without one."""
    import shutil

    parts = (environment.get("PATH") or os.defpath).split(os.pathsep)
    path = os.pathsep.join(part for part in parts if os.path.isabs(part))
    return shutil.which("osascript" if sys.platform == "darwin" else "notify-send", path=path)


def is_there(environment: Mapping[str, str]) -> bool:
    """Whether a notification can be shown: there is a program for it and, as far as can be told, a session."""
    return program(environment) is not None and (sys.platform == "darwin" or bool(_session(environment)))


def _session(environment: Mapping[str, str]) -> dict[str, str]:
    """The variable that leads to the session's bus. cron does not set it; under systemd the bus has a fixed place."""
    if environment.get("DBUS_SESSION_BUS_ADDRESS"):
        return {"DBUS_SESSION_BUS_ADDRESS": environment["DBUS_SESSION_BUS_ADDRESS"]}
    bus = f"/run/user/{os.geteuid()}/bus"
    return {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={bus}"} if os.path.exists(bus) else {}


def show(title: str, text: str, environment: Mapping[str, str]) -> None:
    """Show a notification. Raises Undelivered."""
    found = program(environment)
    if found is None:
        raise Undelivered("no program here shows notifications (install libnotify-bin for notify-send)")
    if not is_there(environment):
        raise Undelivered(_NOBODY)
    if sys.platform == "darwin":
        show_it = "display notification (item 2 of argv) with title (item 1 of argv)"
        argv = [found, "-e", "on run argv", "-e", show_it, "-e", "end run", "--", title, text]
    else:
        markup = text.replace("&", "&amp;").replace("<", "&lt;")  # the body is markup
        argv = [found, "--app-name=defer", "--", title, markup]
    ended = subprocess.run(
        argv,
        env={**environment, **_session(environment)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if ended.returncode:
        raise Undelivered(f"{os.path.basename(found)} ended with exit {ended.returncode}: is anybody logged in?")
