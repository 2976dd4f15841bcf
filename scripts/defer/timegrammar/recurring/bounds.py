"""Where what recurs starts and ends: what the words beside a rule say, and what it comes to at the present.

A bound is ``(kind, value)``. The kinds that start: ``start`` (an edge) and ``start_in`` (a delay); that end: ``until``
(an edge) and ``until_after`` (a delay from the start); and ``times``, a number of fires. ``stretch`` has the days of
both ends where one phrase names them. An edge is ``(day, clock, part)``, of which each may be missing; or a moment that
is whole, as ``(None, When, "whole")``.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

from defer.timegrammar import actions, calendardays, isotime, moments
from defer.timegrammar.clocktimes import Clock, as_written
from defer.timegrammar.engine import REFUSED
from defer.timegrammar.moments import Day, Pick, Present, When
from defer.timegrammar.reading import TimeExpressionError
from defer.timegrammar.walls import DAY, SECOND, wall_to_utc

from . import twofold

#: More fires than this are not a bound worth counting to.
MOST_TIMES = 10_000
WHOLE = "whole"

Edge = tuple[Any, Any, "str | None"]
Bound = tuple[str, Any]
#: A clock time, a part of the day, or both.
WallTime = tuple["Clock | None", "str | None"]


def edge(kind: str, day: "Day | None", clock: "Clock | None" = None, part: "str | None" = None) -> Bound:
    """A day, with or without its clock, or a clock alone."""
    return kind, (day, clock, part)


def ended(word: str, day: Day, clock: "Clock | None" = None) -> Bound:
    """A day that ends, with or without its clock; ``through`` a month is up to and with its last day."""
    return edge("until", through(day) if word == "through" else day, clock)


def through(day: Day) -> Day:
    """The last day where a week, month, quarter or year is named."""

    def pick(present: Present) -> Pick:
        found = day(present)
        last = found.last or (_end_of_month(found.date) if found.month else None)
        return Pick(last, say=True) if last else found

    return pick


def _end_of_month(day: date) -> date:
    return (day.replace(day=28) + 4 * DAY).replace(day=1) - DAY


def clock_edge(kind: str, clock: Clock) -> Bound:
    """A clock without a day."""
    return edge(kind, None, clock)


def from_clock(clock: Clock) -> list[Bound]:
    """`from 9am`, which may be the start of each day."""
    return [clock_edge("start", clock), ("from_clock", True)]


def hour_edge(kind: str, hour: int) -> Any:
    """`until 17`: an hour alone that is on a 24-hour clock."""
    return clock_edge(kind, ("exact", hour, 0, 0)) if 12 < hour < 24 else REFUSED


def part_edge(kind: str, found: "tuple[str, Day | None]", clock: "Clock | None" = None) -> Bound:
    """A part of a day: `until friday evening`."""
    part, day = found
    return kind, (day, clock, part)


def iso_edge(kind: str, text: str) -> Bound:
    """An ISO 8601 instant; a date and a clock with a blank between them are as in words."""
    day, _, clock = text.partition(" ")
    if len(day) == 10 and "-" not in clock and len(parts := clock.split(":")) == 2:
        year, month, number = (int(part) for part in day.split("-"))
        hour, minute = (int(part) for part in parts)
        return edge(kind, calendardays.on_date(month, number, year), ("exact", hour, minute, 0))
    return kind, (None, isotime.iso_instant(text), WHOLE)


def eod_edge(kind: str, day: "Day | None" = None) -> Bound:
    """The end of a day."""
    return kind, (None, actions.end_of_day(day), WHOLE)


def stretch(days: list[Day]) -> list[Bound]:
    """`from oct 20 to oct 25`, `from november to january`: a start and an end, which is up to and with its last day."""
    first, last = days[0], through(days[1])
    return [edge("start", first), edge("until", last), ("stretch", (first, last))]


def check_stretch(bounds: dict[str, Any], present: Present) -> None:
    """Refuse `every morning from monday to friday`: in every week, or in the coming one?"""
    picks = [day(present) for day in bounds.get("stretch", ())]
    if picks and all(pick.roll and pick.roll - pick.date == 7 * DAY for pick in picks):
        raise twofold.which_week(_day(bounds["stretch"][0], present), picks[1].date.weekday())


def unit_after(unit: tuple[str, int]) -> Bound:
    """`for the next hour`."""
    return "until_after", moments.Delay(**{f"{unit[0]}s": unit[1]}, unit=unit)


def endless() -> list[Bound]:
    """`from now on`: it starts as it would anyway, and has no end."""
    return []


def flat(found: "list[Any]") -> list[Bound]:
    """Bounds in one list; some words give two."""
    return [each for item in found for each in (item if isinstance(item, list) else [item])]


# `every day until oct 25 at 9am`       9:00 is when it runs; it ends with that day
# `every day from oct 20 at 9am`        9:00 is when it runs, from that day on
# `every day at 8am until oct 25 at 9am`  it has a clock, so that is when it ends
# `every 2h until oct 25 at 9am`        hours have no clock: the same
# `every day until 5pm`                 no day, so the same
# `every day until friday midnight`     the start or the end of friday? the moment asks
def lent(bounds: dict[str, Any]) -> tuple[list[WallTime], dict[str, Any], str]:
    """The clock that a bound lends to a rule without one, the bounds that are left, and whose clock it was."""
    for kind in ("start", "until"):
        day, clock, part = bounds.get(kind, (None, None, None))
        asks = part == WHOLE or (day and clock and clock[0] == "midnight")
        if (clock or part) and not asks and (day or kind == "start"):
            left = {name: value for name, value in bounds.items() if name != kind}
            return [(clock, part)], {**left, **({kind: (day, None, None)} if day else {})}, kind
    return [], bounds, ""


def start(bounds: dict[str, Any], present: Present) -> tuple[datetime | None, datetime | None]:
    """The instant before which nothing fires, and the wall time a rule without clocks takes from it."""
    if "start_in" in bounds and bounds["start_in"].seconds:
        return _with_wall(bounds["start_in"].after(present, present.utc), present)
    if "start_in" in bounds:
        return _from_day(moments.day_after_delay(bounds["start_in"])(present).date, present)
    if "start" not in bounds:
        return None, None
    day, clock, part = bounds["start"]
    if clock is None and part is None:
        return _from_day(_day(day, present), present)
    return _with_wall(_moment(day, clock, part)(present).instant, present)


def _with_wall(instant: datetime, present: Present) -> tuple[datetime, datetime]:
    return instant, instant.astimezone(present.tz).replace(tzinfo=None)


def _from_day(day: date, present: Present) -> tuple[datetime, datetime]:
    if day < present.today:
        raise TimeExpressionError(f'{day:%Y-%m-%d} is past (a start looks like "starting tomorrow")')
    return wall_to_utc(datetime.combine(day, time()), present.tz), datetime.combine(day, present.wall.time())


def _day(day: Day, present: Present) -> date:
    pick = day(present)
    return pick.roll if pick.roll and pick.date == present.today else pick.date


def _moment(day: "Day | None", clock: Any, part: "str | None") -> When:
    if part == WHOLE:
        when: When = clock
        return when
    if part is not None:
        return moments.on_part(day, part, clock) if day else moments.next_part(part, clock)
    # An hour alone is as written, as it is in a rule: `starting at 9` is 09:00 at any time of day.
    exact = clock if clock[0] == "midnight" else ("exact", *_written(clock))
    return moments.on_day(day, exact) if day else moments.next_clock(exact)


def _written(clock: Clock) -> tuple[int, int, int]:
    found = as_written(clock)
    return found.hour, found.minute, found.second


def end(bounds: dict[str, Any], present: Present, start: "datetime | None") -> datetime | None:
    """The last instant that may fire; None where no words say so."""
    begun = start is not None and start > present.utc
    base = start if start is not None and begun else present.utc
    if "until_after" in bounds:
        after: datetime = bounds["until_after"].after(present, base)
        # What starts with a fire has as many as what is counted from now: the last one is not reached.
        return after - SECOND if begun else after
    if "until" not in bounds:
        return None
    day, clock, part = bounds["until"]
    if clock is None and part is None:
        last = _after_start(day, present, base.astimezone(present.tz).date())
        return wall_to_utc(datetime.combine(last + DAY, time()), present.tz) - SECOND
    if clock is not None and part is None and day is None:
        # A clock without a day is the first one behind the start, whichever half of the day an hour alone means.
        return moments.next_clock(clock)(Present(base, present.tz)).instant
    when = _moment(day, clock, part)
    found = when(present).instant
    # A weekday before the start is the next one behind it.
    return when(Present(base, present.tz)).instant if day and found < base and day(present).roll else found


def _after_start(day: Day, present: Present, first: date) -> date:
    """The last day: of a weekday, the first one that is not before the start."""
    pick = day(present)
    ahead = (first - pick.date).days
    return pick.date + timedelta(days=-(-ahead // 7) * 7) if pick.roll and ahead > 0 else pick.date


def times(bounds: dict[str, Any]) -> int:
    """How often it fires; 0 where no words say so."""
    found: int = bounds.get("times", 0)
    if "times" in bounds and not 0 < found <= MOST_TIMES:
        raise TimeExpressionError(f'1 to {MOST_TIMES} times can be counted (a count looks like "5 times")')
    return found
