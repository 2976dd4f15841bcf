"""Instants as the store writes them: UTC, whole seconds, ``YYYY-MM-DDTHH:MM:SSZ`` (RFC 3339)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache


def now() -> datetime:
    """The present second, UTC. Only commands and the runner's loop call this; everything else takes ``now``."""
    return datetime.now(UTC).replace(microsecond=0)


def to_text(instant: datetime) -> str:
    """``YYYY-MM-DDTHH:MM:SSZ`` of an aware instant; fractions of a second are dropped."""
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return utc.isoformat()[:19] + "Z"


_MINUTE = timedelta(minutes=1)


def ready(at: datetime, delay: timedelta) -> str | None:
    """From when on a wake may take what is due ``at`` and was asked for as a ``delay``; None where that is ``at``.

    A wake that comes every minute takes what is due within its minute, and at most a tenth of the delay early.
    """
    early = min(delay // 10, at - at.replace(second=0, microsecond=0))
    return to_text(at - early) if early >= timedelta(seconds=1) else None


def within_a_minute(early: str, at: datetime) -> datetime:
    """``early``, if that is less than a minute before ``at``; else ``at``, which somebody has moved since."""
    found = from_text(early)
    return found if timedelta() <= at - found < _MINUTE else at


# A wake asks for the same moments again and again: of each task that is due, at every claim.
@lru_cache(1024)
def from_text(text: str) -> datetime:
    """The instant that ISO 8601 ``text`` names; without an offset it is UTC, as v1 wrote it.

    Raises ValueError if it is not ISO 8601, or names a moment outside the calendar.
    """
    instant = datetime.fromisoformat(text)
    try:
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{error}: {text}") from None


EPOCH = datetime.fromtimestamp(0, UTC)
NEVER = datetime.max.replace(tzinfo=UTC)
