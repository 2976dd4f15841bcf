"""What the audit log of the last days tells of wakes that did not come, and of a clock that went back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from defer import instants, say
from defer.store import audit

from .finding import Finding, found

DAYS = 7
_RESUMED = b" wakes_resumed "
STEADY_AFTER = timedelta(hours=1)
"""Who wakes by hand does not go on for so long, at least every half hour."""
_TOLERANCE = timedelta(minutes=1)
"""Several processes write to one log: so much later a line may come than what it tells of."""


def findings(log: Path, now: datetime) -> Iterator[Finding]:
    """Both, of the last seven days. Raises OSError."""
    gaps: list[tuple[datetime, datetime]] = []
    steps: list[tuple[datetime, datetime]] = []
    after: bytes | None = None
    for stamp, raw in audit.lately(log, now - timedelta(days=DAYS)):
        if after is not None and stamp > after and _moment(stamp) - _moment(after) > _TOLERANCE:
            steps.append((_moment(stamp), _moment(after)))
        after = stamp
        if _RESUMED in raw and (gap := _gap(raw)):
            gaps.append(gap)
    yield from _of_gaps(log, gaps)
    yield from _of_steps(log, steps)


def without_gap_since(log: Path) -> datetime | None:
    """Since when there was no gap of half an hour between wakes: when the last one ended, or when the log begins.

    None where there is no log. Raises OSError.
    """
    resumed = audit.newest(log, _RESUMED.decode().strip())
    return audit.begins(log) if resumed is None else resumed.at


def is_steady(log: Path, now: datetime) -> bool:
    """Whether wakes have come without such a gap for so long that something must be making them."""
    with suppress(OSError):
        since = without_gap_since(log)
        return since is not None and now - since >= STEADY_AFTER
    return False


def _moment(stamp: bytes) -> datetime:
    try:
        return instants.from_text(stamp.decode())
    except ValueError:
        return instants.EPOCH


def _gap(raw: bytes) -> tuple[datetime, datetime] | None:
    line = audit.parse(raw)
    if line is None or line.action != "wakes_resumed":
        return None
    try:
        return instants.from_text(line.facts.get("since", "")), line.at
    except ValueError:
        return None


def _of_gaps(log: Path, gaps: list[tuple[datetime, datetime]]) -> Iterator[Finding]:
    if gaps:
        start, end = max(gaps, key=lambda gap: gap[1] - gap[0])
        span = f"for {say.distance(end - start)}, from {instants.to_text(start)} to {instants.to_text(end)}"
        if len(gaps) == 1:
            what = f"nothing woke this store {span}"
        else:
            what = f"nothing woke this store {len(gaps)} times in the last {DAYS} days, the longest {span}"
        fix = "defer history --status missed shows what did not run; a machine that is on all day has no gaps"
        yield found("wake-gap", what, log, fix)


def _of_steps(log: Path, steps: list[tuple[datetime, datetime]]) -> Iterator[Finding]:
    if steps:
        before, after = max(steps, key=lambda step: step[0] - step[1])
        often = "once" if len(steps) == 1 else f"{len(steps)} times"
        step = f"at {instants.to_text(before)} by {say.distance(before - after)}"
        what = f"the clock went back {often} in the last {DAYS} days, the furthest {step}"
        yield found("clock-stepped", what, log, "let the system set its clock by the network (timedatectl)")
