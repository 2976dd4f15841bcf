"""Attempts whose programs leave something running, for the tests of how they end."""

from support import DEADLINE_SECONDS, NOW, leaving_pid, quoted, until, v1_task

GRACE = {"DEFER_KILL_GRACE_SECONDS": f"{DEADLINE_SECONDS:g}"}
"""Long enough to be told from a kill: no test waits for its end."""
SHORT_GRACE = {"DEFER_KILL_GRACE_SECONDS": "0.3"}
STUBBORN = "trap '' TERM; while :; do sleep 0.05; done"


def noting(place, name: str, then: str) -> str:
    """Shell words that note their pid under ``name``, then do ``then``."""
    return f"{leaving_pid(place.base / name)}; {then}"


def script(place, name: str, body: str) -> str:
    """A program; its path as a word of shell."""
    return quoted(place.executor(body, name))


def pid_of(place, name: str) -> int:
    return int(until(lambda: (place.base / name).exists() and (place.base / name).read_text()))


def ran(place, body: str, env=None, **fields):
    """Run one attempt to its end; its archive record and its run record."""
    place.write_store(v1_task("a", executor=place.executor(body), **fields))
    place.wake_at(NOW, env or GRACE)
    (run,) = place.runs()
    return place.archived()[0], run
