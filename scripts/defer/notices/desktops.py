"""Whether somebody is logged in to a desktop here, and which program shows notifications there."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping


def program(environment: Mapping[str, str]) -> str | None:
    """The program that shows notifications, by its full path; None without one."""
    name = "osascript" if sys.platform == "darwin" else "notify-send"
    for part in (environment.get("PATH") or os.defpath).split(os.pathsep):
        path = f"{part}/{name}"
        if os.path.isabs(part) and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def is_there(environment: Mapping[str, str]) -> bool:
    """Whether a notification can be shown: there is a program for it and, as far as can be told, a session."""
    return program(environment) is not None and (sys.platform == "darwin" or bool(session(environment)))


def session(environment: Mapping[str, str]) -> dict[str, str]:
    """The variable that leads to the session's bus. cron does not set it; under systemd the bus has a fixed place."""
    if environment.get("DBUS_SESSION_BUS_ADDRESS"):
        return {"DBUS_SESSION_BUS_ADDRESS": environment["DBUS_SESSION_BUS_ADDRESS"]}
    bus = f"/run/user/{os.geteuid()}/bus"
    return {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={bus}"} if os.path.exists(bus) else {}
