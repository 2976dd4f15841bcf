"""A moment in words for a person: local time with its zone, UTC, and how far away it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

#: Seconds of a unit, its name and its sign.
_UNITS = ((86400, "day", "d"), (3600, "hour", "h"), (60, "minute", "min"), (1, "second", "s"))


def _counted(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _two_largest(span: timedelta) -> list[tuple[int, str, str]]:
    """A span without its sign, by its two largest units: how many, the unit's name and its sign."""
    left = abs(int(span.total_seconds()))
    found = []
    for size, name, sign in _UNITS:
        count, left = divmod(left, size)
        if count:
            found.append((count, name, sign))
    return found[:2]


def distance(span: timedelta) -> str:
    """The two largest units of a span without its sign: ``2 hours 5 minutes``."""
    return " ".join(_counted(count, name) for count, name, _ in _two_largest(span)) or "0 seconds"


def ahead(span: timedelta) -> str:
    """The same of what is to come, with signs for the units: ``in 2 h 5 min``; ``now`` where nothing is left."""
    parts = [f"{count} {sign}" for count, _, sign in _two_largest(max(span, timedelta(0)))]
    return "in " + " ".join(parts) if parts else "now"


def roughly(seconds: int) -> str:
    """A span in the largest unit of which there are two: ``47 h``, ``2 d``, ``90 s``."""
    size, sign = next(((size, sign) for size, _, sign in _UNITS if seconds >= 2 * size), (1, "s"))
    return f"{seconds // size} {sign}"


def brief(seconds: float) -> str:
    """How long something took, for a column: ``0.4s``, ``12s``, ``3m 05s``, ``2h 10m``, ``3d 4h``."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"


def whole(seconds: int) -> str:
    """A span in the largest unit, except days, that divides it: ``hour``, ``90 minutes``, ``48 hours``."""
    size, name = next((size, name) for size, name, _ in _UNITS[1:] if seconds % size == 0)
    return name if seconds == size else _counted(seconds // size, name)


def from_now(instant: datetime, now: datetime) -> str:
    """``in 30 minutes``, ``now`` or ``5 minutes ago``."""
    span = instant - now
    if abs(span) < timedelta(seconds=1):
        return "now"
    return f"in {distance(span)}" if span > timedelta(0) else f"{distance(span)} ago"


def short(instant: datetime, now: datetime) -> str:
    """The same in short, rounded to its largest unit: ``in 2h``, ``now``, ``5m ago``."""
    left = abs(int((instant - now).total_seconds()))
    for (size, name, _), smaller in zip(_UNITS, (3600, 60, 1, 1), strict=True):
        if left + smaller // 2 >= size:
            said = f"{(left + size // 2) // size}{name[0]}"
            return f"in {said}" if instant > now else f"{said} ago"
    return "now"


def local(instant: datetime, zone: tzinfo) -> datetime:
    """The instant in ``zone``; in UTC where that would leave the calendar."""
    try:
        return instant.astimezone(zone)
    except OverflowError:
        return instant.astimezone(UTC)


def moment(instant: datetime, zone: tzinfo, now: datetime) -> str:
    """``Fri 2026-11-20 16:45 CET (15:45 UTC), in 30 minutes``."""
    there, utc = local(instant, zone), instant.astimezone(UTC)
    clock = "%H:%M:%S" if instant.second else "%H:%M"
    here = utc.strftime(f"{clock} UTC" if utc.date() == there.date() else f"%Y-%m-%d {clock} UTC")
    also = "" if there.tzname() == "UTC" else f" ({here})"
    return f"{there:%a %Y-%m-%d {clock} %Z}{also}, {from_now(instant, now)}"
