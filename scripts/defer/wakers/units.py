"""The unit files by which systemd wakes the runner every minute, as text (systemd.service(5), systemd.syntax(7)).

The wake claims what is due by itself once a minute while an attempt is under way, so that one service at work is
enough. ``KillMode=process``: who stops the service stops the runner, which ends its attempts in its own way; a runner
that dies leaves them at work for the next one. The log keeps what a wake prints, and not that one came each minute.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from defer.errors import BadInput

from .entry import MARK, SYSTEMD, Entry, is_assignment, runner_in

NAME = "defer"
_UNFIT_PROGRAM = re.compile(r"[\x00-\x1f\x7f\\\"']").search
_UNFIT = re.compile(r"[\x00-\x1f\x7f]").search
_PREFIXES = ":@-+!|"

TIMER = f"""\
{MARK}
[Unit]
Description=Wake Defer every minute

[Timer]
OnCalendar=minutely
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
"""


def service(runner: str, variables: Mapping[str, str]) -> str:
    """The service that wakes ``runner`` once with ``variables`` set. Raises BadInput for a path it cannot carry."""
    if _UNFIT_PROGRAM(runner):
        what = f"systemd cannot run a path with a quote, a backslash or a control character: {runner!r}"
        raise BadInput(f"{what} (move or rename the folder)")
    for value in variables.values():
        if _UNFIT(value):
            raise BadInput(f"no unit file can carry a control character: {value!r} (move or rename the folder)")
    return "\n".join(
        [
            MARK,
            "[Unit]",
            "Description=Defer: run what is due",
            "",
            "[Service]",
            "Type=oneshot",
            # The colon: no word of it is a variable of systemd's.
            f'ExecStart=":{runner.replace("%", "%%")}"',
            *(f"Environment={_quoted(f'{name}={value}')}" for name, value in variables.items()),
            "KillMode=process",
            "LogLevelMax=notice",
            "SyslogLevel=notice",
            "",
        ]
    )


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def parsed(text: str, path: str) -> Entry | None:
    """What a service file of that text wakes; None for one that calls no runner."""
    variables: dict[str, str] = {}
    found: tuple[str, str] | None = None
    for line in text.splitlines():
        name, _, value = line.partition("=")
        words = _words(value) if name in ("ExecStart", "Environment") else []
        if name == "Environment":
            variables |= dict(word.split("=", 1) for word in words if is_assignment(word))
        elif words and (runner := runner_in(words)):
            found = runner.lstrip(_PREFIXES), line
    if found is None:
        return None
    return Entry(found[1].encode(errors="surrogateescape"), found[0], variables, text.startswith(MARK), SYSTEMD, path)


def _words(value: str) -> list[str]:
    try:
        return [word.replace("%%", "%") for word in shlex.split(value)]
    except ValueError:
        return []
