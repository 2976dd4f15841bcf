"""When an agent's quota is back, read from what its program says as it gives up.

These programs have no exit code for it: they say it in a sentence for people, which changes
from release to release. So the sentence is recognised loosely, but a time in it only if it can be
read for certain; without a time the attempt is simply tried again later.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from defer import timeparse
from defer.errors import BadInput

_EXHAUSTED = re.compile(
    r"\blimit reached\b|\bhit your\b.{0,40}\blimit\b|\brate.?limit|\bquota exceeded\b|\btoo many requests\b"
    r"|\boverloaded|\b(?:usage|session|weekly) limit\b",
    re.IGNORECASE | re.DOTALL,
).search
_EPOCH = re.compile(r"limit reached\|(\d{10})\b").search
_RESETS = re.compile(r"\bresets?(?: at)? ([^()\n]{1,40}?) \(([A-Za-z_]+(?:/[A-Za-z0-9_+-]+){0,2})\)", re.I).search
_AGAIN_AT = re.compile(r"\btry again at ([^()\n]{1,40}?[ap]m)\b", re.IGNORECASE).search
_AGAIN_IN = re.compile(r"\btry again in ((?:\d+\s(?:day|hour|minute|second)s?\W*)+)", re.IGNORECASE).search
_PART = re.compile(r"(\d{1,6})\s(day|hour|minute|second)", re.IGNORECASE).findall
_CLOCK = re.compile(r"\s+([ap]m)\b", re.IGNORECASE).sub  # "8:19 PM" as one word


class Exhausted(NamedTuple):
    """The quota is used up; ``back_at`` is in UTC, None if it was not said or cannot be read."""

    back_at: datetime | None


def exhausted(said: str, now: datetime, zone: ZoneInfo) -> Exhausted | None:
    """What ``said`` tells about a quota, None if nothing. Times without a zone are in ``zone``."""
    if not _EXHAUSTED(said[:10_000]):
        return None
    back_at = _back_at(said[:10_000], now, zone)
    return Exhausted(back_at if back_at and back_at > now else None)


def _back_at(said: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    if found := _EPOCH(said):
        return datetime.fromtimestamp(int(found[1]), UTC)
    if found := _AGAIN_IN(said):
        parts = _PART(found[1])
        return now + timedelta(**{f"{unit.lower()}s": int(count) for count, unit in parts})
    if found := _RESETS(said):
        return _read(found[1], now, found[2])
    if found := _AGAIN_AT(said):
        return _read(found[1], now, zone.key)
    return None


def _read(words: str, now: datetime, zone: str) -> datetime | None:
    try:
        return timeparse.parse(_CLOCK(r"\1", words), now, timeparse.zone(zone)).instant
    except BadInput:
        return None
