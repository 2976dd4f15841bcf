"""What `--since` says: from when on people want to know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from defer import instants, timeparse, visible
from defer.errors import BadInput

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_DAYS_AGO = {"today": 0, "yesterday": 1}
_MOST_SHOWN = 60
HELP = "a duration before now (24h, 7d), a day or moment (2026-04-08, 2026-04-08T16:45), today or yesterday"
"""What the flag takes, for its help."""


def read(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The instant that ``text`` means: a span before ``now``, or a moment that is over, in ``zone`` unless it says
    its offset; a day is its midnight.

    It is never before 1970, so that as much again before it can be looked at. Raises BadInput for what is neither,
    and for a moment still to come.
    """
    word = text.strip().lower()
    found = _ago(word, now) or _day(word, now, zone) or _moment(text.strip(), zone)
    if found is None:
        shown = visible.sentence(text, _MOST_SHOWN)
        raise BadInput(f'--since takes a duration or a moment, not "{shown}" (try 24h, or 2026-04-08)', field="since")
    if found > now:
        shown = visible.sentence(text, _MOST_SHOWN)
        raise BadInput(f"--since lies ahead: {shown} (give a time that is over)", field="since")
    return max(found, instants.EPOCH)


def _ago(word: str, now: datetime) -> datetime | None:
    try:
        span = timeparse.parse_duration(word.removesuffix("ago"))
    except BadInput:
        return None
    return instants.EPOCH if span >= now - instants.EPOCH else now - span


def _day(word: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    if word not in _DAYS_AGO:
        return None
    there = now.astimezone(zone) - timedelta(days=_DAYS_AGO[word])
    return there.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
