"""The property list by which launchd wakes the runner every minute (launchd.plist(5)).

``AbandonProcessGroup``: what a wake has started goes on when the wake is over.
"""

from __future__ import annotations

import plistlib
from collections.abc import Mapping
from xml.parsers.expat import ExpatError

from defer.errors import BadInput

from .entry import LAUNCHD, Entry, runner_in

LABEL = "defer.wake"
_EVERY_SECONDS = 60


def render(runner: str, variables: Mapping[str, str]) -> bytes:
    """The job that wakes ``runner`` with ``variables`` set. Raises BadInput for a path that it cannot carry."""
    job: dict[str, object] = {
        "Label": LABEL,
        "ProgramArguments": [runner],
        "StartInterval": _EVERY_SECONDS,
        "RunAtLoad": True,
        "AbandonProcessGroup": True,
    }
    if variables:
        job["EnvironmentVariables"] = dict(variables)
    try:
        return plistlib.dumps(job)
    except (ValueError, UnicodeEncodeError):
        what = f"launchd cannot run a path with a control character, or one that is not UTF-8: {runner!r}"
        raise BadInput(f"{what} (move or rename the folder)") from None


def parsed(content: bytes, path: str) -> Entry | None:
    """What a job of that content wakes; None for one that calls no runner."""
    try:
        job = plistlib.loads(content)
    except (plistlib.InvalidFileException, ExpatError, ValueError, IndexError):
        return None
    words = job.get("ProgramArguments") if isinstance(job, dict) else None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    runner, given = runner_in(words), job.get("EnvironmentVariables")
    variables = {str(name): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    line = " ".join(words).encode(errors="replace")
    return Entry(line, runner, variables, job.get("Label") == LABEL, LAUNCHD, path) if runner else None
