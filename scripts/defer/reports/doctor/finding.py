"""What the doctor can find: each kind has an id and a severity, and stands in ``references/doctor.md``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)
"""The worst first. A note asks for nothing."""

KINDS = {
    # The waker
    "waker-missing": ERROR,
    "waker-unseen": NOTE,
    "waker-gone": ERROR,
    "crontab-unreadable": ERROR,
    "daemon-dead": ERROR,
    "daemon-unknown": NOTE,
    "never-woken": WARNING,
    "wakes-stopped": ERROR,
    "wakes-fail": ERROR,
    "wake-gap": NOTE,
    "store-differs": ERROR,
    "settings-differ": WARNING,
    "two-copies": ERROR,
    "copy-passing": WARNING,
    "copy-old": WARNING,
    # What a wake finds around it
    "settings-broken": ERROR,
    "settings-unknown": WARNING,
    "settings-open": WARNING,
    "path-doubtful": WARNING,
    "python-unready": ERROR,
    "python-old": WARNING,
    "tzdata-old": WARNING,
    "tzdata-unknown": NOTE,
    "command-elsewhere": NOTE,
    "executor-missing": ERROR,
    "executor-open": WARNING,
    "program-missing": ERROR,
    "agent-broken": WARNING,
    "agent-login": ERROR,
    "notify-broken": ERROR,
    "notify-unable": WARNING,
    "notify-stuck": ERROR,
    # What tasks rely on
    "directory-gone": ERROR,
    "taskfile-gone": WARNING,
    "envfile-gone": ERROR,
    "contextfile-gone": WARNING,
    # The store
    "line-bad": ERROR,
    "line-set-aside": WARNING,
    "store-swollen": NOTE,
    "place-refused": ERROR,
    "unwritable": ERROR,
    "directory-open": WARNING,
    "file-refused": ERROR,
    "file-shut": ERROR,
    "file-open": WARNING,
    "disk-remote": WARNING,
    "disk-passing": WARNING,
    "disk-full": ERROR,
    "held-elsewhere": WARNING,
    "newer-needed": WARNING,
    "v1-at-work": WARNING,
    # The clock
    "clock-ahead": WARNING,
    "clock-stepped": NOTE,
    "zone-unclear": ERROR,
    "zone-differs": NOTE,
    "clocks-change": NOTE,
    # Whatever it is, it cannot be looked at
    "unreadable": ERROR,
}
"""The severity of each kind, by its id."""


class Finding(NamedTuple):
    """One thing that is not as it should be.

    ``where``: the file, line or task. ``fix``: what mends it, a command where there is one. ``mend``: mends it and
    says what it did, where that is safe.
    """

    id: str
    severity: str
    what: str
    where: str
    fix: str
    mend: Callable[[], str] | None = None

    def as_json(self) -> dict[str, Any]:
        """The finding as programs get it."""
        return {name: getattr(self, name) for name in ("id", "severity", "what", "where", "fix")}


def found(kind: str, what: str, where: object, fix: str, mend: Callable[[], str] | None = None) -> Finding:
    """A finding of one of ``KINDS``. Without a ``fix``, what it names is to be mended."""
    return Finding(kind, KINDS[kind], what, str(where), fix or "mend what it names", mend)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Errors, then warnings, then notes; what is equally bad stays in its order."""
    return sorted(findings, key=lambda one: SEVERITIES.index(one.severity))


def is_sound(findings: Iterable[Finding]) -> bool:
    """Whether nothing asks for anything."""
    return all(one.severity == NOTE for one in findings)


def parted(said: str) -> tuple[str, str]:
    """A message of ours, ``what is wrong: the value (how to mend it)``, as what is wrong and how to mend it."""
    depth = 0
    for at in range(len(said) - 1, -1, -1):
        depth += (said[at] == ")") - (said[at] == "(")
        if depth == 0:
            break
    if not said.endswith(")") or at < 1 or said[at - 1] != " ":
        return said, ""
    return said[: at - 1], said[at + 1 : -1]
