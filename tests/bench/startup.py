"""What each command costs to start: processor time as a ratio to Python's own start, and how many modules it loads.

Others at work on the machine make it take longer, but hardly more of the processor.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import measure
import table
from ground import Ground
from measure import Sample

HEADINGS = ("command", "CPU, × `python3 -I -c pass`", "ms of CPU", "modules")
_ROUNDS = 25
_FACES = {
    "schedule-task.sh": "front",
    "run-deferred.sh": "wake",
    "archive-deferred.sh": "archive",
}
COMMANDS: dict[str, tuple[str, ...]] = {
    "schedule": ("schedule-task.sh", "--when", "30m", "--summary", "resume the review"),
    "schedule, a line": ("schedule-task.sh", "30m", "resume", "the", "review"),
    "schedule, a time of day": ("schedule-task.sh", "--when", "tomorrow 9am", "--summary", "resume the review"),
    "schedule, again and again": ("schedule-task.sh", "--every", "day at 9am", "--summary", "check the inbox"),
    "list": ("schedule-task.sh", "list", "--compact"),
    "list --upcoming": ("schedule-task.sh", "list", "--upcoming", "24h"),
    "show": ("schedule-task.sh", "show", "{id}"),
    "cancel": ("schedule-task.sh", "cancel", "{id}"),
    "reschedule": ("schedule-task.sh", "reschedule", "{id}", "2h"),
    "edit": ("schedule-task.sh", "edit", "{id}", "--summary", "resume another review"),
    "pause": ("schedule-task.sh", "pause", "{id}"),
    "--help": ("schedule-task.sh", "--help"),
    "doctor --records": ("schedule-task.sh", "doctor", "--records"),
    "archive": ("archive-deferred.sh",),
    "a wake that finds nothing due": ("run-deferred.sh", "--json"),
}


def measured(ground: Ground, checkout: Path) -> str:
    """The table of a checkout's commands, each in a store of its own, in turn with Python's own start."""
    python = str(checkout / ".venv" / "bin" / "python")
    works: dict[str, Callable[[], Sample]] = {
        name: _call(ground, checkout, argv) for name, argv in [("", ()), *COMMANDS.items()]
    }
    works[""] = lambda: measure.process([python, "-I", "-c", "pass"], ground.env())
    found = measure.in_turn(ground.rounds(_ROUNDS), works)
    rows = [
        (
            name,
            f"{_at_work(found[name]) / _at_work(found['']):.1f}",
            f"{_at_work(found[name]) * 1000:.0f}",
            str(_modules(ground, checkout, python, argv)),
        )
        for name, argv in COMMANDS.items()
    ]
    return table.markdown(HEADINGS, rows)


def _at_work(samples: list[Sample]) -> float:
    """The least: what it takes where nobody is in the way."""
    return min(one.at_work for one in samples)


def _call(ground: Ground, checkout: Path, argv: tuple[str, ...]) -> Callable[[], Sample]:
    runtime = ground.fresh(1)
    number = 0

    def call() -> Sample:
        nonlocal number
        number += 1
        entry, *words = _about(ground, checkout, runtime, argv, f"task{number}")
        return measure.process([str(checkout / "scripts" / entry), *words], ground.env(runtime))

    return call


def _about(ground: Ground, checkout: Path, runtime: Path, argv: tuple[str, ...], name: str) -> list[str]:
    """The words of a command; what it is about is scheduled first."""
    if "{id}" in argv:
        entry = str(checkout / "scripts" / "schedule-task.sh")
        measure.process([entry, "--when", "30m", "--summary", "review", "--id", name], ground.env(runtime))
    return [name if word == "{id}" else word for word in argv]


def _modules(ground: Ground, checkout: Path, python: str, argv: tuple[str, ...]) -> int:
    runtime = ground.fresh(1)
    entry, *words = _about(ground, checkout, runtime, argv, "task")
    main = str(checkout / "scripts" / "defer" / "__main__.py")
    command = [python, "-I", "-S", "-X", "utf8", "-X", "importtime", main, _FACES[entry], *words]
    done = subprocess.run(command, env=ground.env(runtime), capture_output=True, text=True, check=True)
    return done.stderr.count("import time:") - 1
