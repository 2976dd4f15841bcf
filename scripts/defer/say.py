"""A moment in words for a person: local time with its zone, UTC, and how far away it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def distance(span: timedelta) -> str:
    """The two largest units of a span without its sign: ``2 hours 5 minutes``."""
    left = abs(int(span.total_seconds()))
    parts: list[str] = []
    for size, name in _UNITS:
        count, rest = divmod(left, size)
        if count:
            parts.append(f"{count} {name}" + ("s" if count > 1 else ""))
        left = rest
    return " ".join(parts[:2]) or "0 seconds"


def whole(seconds: int) -> str:
    """A span counted in the largest unit that goes into it, days aside: ``hour``, ``90 minutes``, ``48 hours``."""
    size, name = next(each for each in _UNITS[1:] if seconds % each[0] == 0)
    count = seconds // size
    return name if count == 1 else f"{count} {name}s"


def from_now(instant: datetime, now: datetime) -> str:
    """``in 30 minutes``, ``now`` or ``5 minutes ago``."""
    span = instant - now
    if abs(span) < timedelta(seconds=1):
        return "now"
    return f"in {distance(span)}" if span > timedelta(0) else f"{distance(span)} ago"


def short(instant: datetime, now: datetime) -> str:
    """The same in short, rounded to its largest unit: ``in 2h``, ``now``, ``5m ago``."""
    left = abs(int((instant - now).total_seconds()))
    for size, name in _UNITS:
        if left >= size:
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
