"""The clock and the zone: what has happened to them, and what is about to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from defer import instants, say
from defer.errors import BadInput
from defer.timegrammar import zonedata

from .finding import Finding, found, parted
from .subject import Subject

if TYPE_CHECKING:
    from defer.timegrammar.zonedata import Data

_SOON = timedelta(days=14)
_TOLERANCE = timedelta(minutes=2)
_LOOKS_WITHIN = timedelta(minutes=15)
"""How far away the next look is at most, as any wake leaves it."""
_OLD_AFTER_YEARS = 2


def findings(subject: Subject) -> Iterator[Finding]:
    """What is to be known of the zone, its data and the clock."""
    last = subject.store.markers.last_wake()
    if last is not None and last - subject.now > _TOLERANCE:
        ahead = say.distance(last - subject.now)
        what = f"the last wake was {ahead} from now: the clock has been set back, or was wrong then"
        yield found(
            "clock-ahead", what, "the clock", "check the date; touch the store's .heartbeat if the date is right"
        )
    next_look = subject.store.markers.next_look()
    if next_look is not None and next_look - subject.now > _LOOKS_WITHIN + _TOLERANCE:
        ahead = say.distance(next_look - subject.now)
        what = f"wakes look at nothing for {ahead} unless something changes: the clock was ahead, and has been set back"
        yield found("clock-ahead", what, "the clock", "check the date; remove the store's .due if the date is right")
    try:
        zone = subject.wakes_config.timezone()
    except BadInput as error:
        what, fix = parted(str(error))
        yield found("zone-unclear", what, "DEFER_TIMEZONE", fix)
        return
    yield from _of_zones(subject, zone)
    data = zonedata.origin(zone.key)
    yield from of_data(data, subject.now)


def _of_zones(subject: Subject, zone: ZoneInfo) -> Iterator[Finding]:
    try:
        here = subject.config.timezone()
    except BadInput:
        here = zone
    if here.key != zone.key:
        what = f"wakes are in the zone {zone.key}, this shell is in {here.key}; each task keeps the zone it was made in"
        yield found("zone-differs", what, "DEFER_TIMEZONE", "set DEFER_TIMEZONE in the settings file")
    change = next_change(zone, subject.now)
    if change is not None:
        before, after = (moment.astimezone(zone).utcoffset() for moment in (change - timedelta(seconds=1), change))
        moved = (after or timedelta()) - (before or timedelta())
        ahead = "forward" if moved > timedelta() else "back"
        what = f"the clocks of {zone.key} go {ahead} by {say.distance(abs(moved))} at {instants.to_text(change)}"
        yield found("clocks-change", what, zone.key, "defer list --upcoming 14d shows what that means for each task")


def next_change(zone: ZoneInfo, now: datetime) -> datetime | None:
    """The next moment, within two weeks, at which the offset of a zone changes."""
    low = now.replace(microsecond=0)
    for day in range(1, _SOON.days + 1):
        high = now.replace(microsecond=0) + timedelta(days=day)
        if high.astimezone(zone).utcoffset() != low.astimezone(zone).utcoffset():
            return _between(zone, low, high)
        low = high
    return None


def _between(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second with another offset than ``low``, at ``high`` at the latest."""
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def of_data(data: Data | None, now: datetime) -> Iterator[Finding]:
    """Whether the time zone data is old: governments change their rules every year."""
    if data is None:
        return
    if not data.version:
        what = f"how old the time zone data of {data.place} is cannot be told"
        yield found("tzdata-unknown", what, data.path, "none is needed if the system is kept up to date")
    elif int(data.version[:4]) <= now.year - _OLD_AFTER_YEARS:
        what = f"the time zone data is version {data.version}, from {data.place}"
        fix = "update the system's tzdata, and this copy of Defer, which brings its own"
        yield found("tzdata-old", what, data.path, fix)
