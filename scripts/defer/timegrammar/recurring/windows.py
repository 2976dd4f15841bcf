"""A step on the clock between two hours: `every 15 minutes between 9am and 5pm on weekdays`.

It fires at wall times, not after elapsed time: from the first hour on, and at the last one too.
"""

from typing import Any

from defer import say
from defer.timegrammar.clocktimes import Clock, half_of
from defer.timegrammar.engine import REFUSED
from defer.timegrammar.moments import Day, Delay
from defer.timegrammar.reading import Undecided
from defer.timegrammar.refusals.offers import HALVES

from .bounds import edge, flat
from .draft import Draft, Rule, refused
from .recurrules import Days, weekly_on
from .twofold import A_WINDOW, which_hours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from defer.timegrammar.reading import Way

DAY_MINUTES = 1440
NOON = 720
#: Kinds of clocks that name an hour of a 12-hour face.
_OPEN = ("bare", "face", "to")

#: Two clocks; None for hours that a name alone stands for.
Hours = tuple[Clock, Clock] | None


class _Unclear(Exception):
    """What is wrong with the two hours; whether it is the half of the day that is missing, of which clock."""

    def __init__(self, reason: str, hour: bool = False, half: "Clock | None" = None) -> None:
        super().__init__(reason)
        self.hour = hour
        self.half = half


def _halves(clock: Clock) -> "list[Way]":
    """The clock in either half of the day, however its digits are written."""
    written = [f"{hour}{sign}{clock[2]:02}" for hour in (f"{clock[1]:02}", f"{clock[1]}") for sign in ":."]
    return [(digits, half) for half in ("{}am", "{}pm") for digits in written]


def hours(edges: list[Clock]) -> Hours:
    """`9am to 5pm`, `9 to 5`."""
    first, last = edges
    return first, last


def dashed_hours(parts: tuple[str, ...]) -> Any:
    """`9-17`: two hours in digits, not a month of a year."""
    fits = len(parts) == 2 and all(len(part) < 3 and part.isdigit() and int(part) < 25 for part in parts)
    return hours([("bare", int(part), 0, 0) for part in parts]) if fits else REFUSED


def no_hours() -> Hours:
    """`during business hours`: refused, which are they."""
    return None


def hours_of_days() -> Draft:
    """`hourly on weekdays`: refused, between which hours."""
    return Draft(refused(lambda *_: Undecided("between which hours?", [], A_WINDOW)))


def every_day() -> None:
    """No day of the week."""


def several_days(days: Days) -> Any:
    """Days that recur by themselves: `on monday` may be the coming one."""
    return days if days[1] else REFUSED


def grid(step: Delay, between: Hours, days: "Days | None", bounds: list[Any]) -> Any:
    """Wall times, a step apart, between two hours of every day, or of some days of the week."""
    if step.days or step.months:
        return REFUSED
    rule = weekly_on(days) if days else Rule("DAILY", 1, {}, "")
    found = flat(bounds)
    if between is None:
        return Draft(refused(lambda *_: which_hours(days is not None)))
    half = next((clock[1] for clock in between if clock[0] == "half"), None)
    if half is not None:
        return Draft(refused(lambda *_: half_of(half)))
    try:
        first, last = _ends(*between)
        minutes = _minutes(step.seconds, first, last, overnight=not rule.by and not found)
    except _Unclear as unclear:
        halves = _halves(unclear.half) if unclear.half else []
        why = Undecided(str(unclear), HALVES if unclear.hour else halves, A_WINDOW)
        return Draft(refused(lambda *_: why))
    said = f"every {say.whole(step.seconds)} from {_shown(first)} to {_shown(last)}"
    clocks: list[Any] = [(("exact", *divmod(minute, 60), 0), None) for minute in minutes]
    hit = last in (minutes[-1], minutes[-1] + DAY_MINUTES) or len(minutes) * step.seconds == 86400
    ends = "both included" if hit else f"the last at {_shown(minutes[-1])}"
    note = f"on the clock, from {_shown(first)} to {_shown(last)}, {ends}"
    timed = Rule(rule.frequency, 1, rule.by, rule.words, note)
    words = f"{said} on {rule.on}" if rule.by else f"{said} every day"
    return Draft(timed, clocks, found, words=words)


def grid_on(step: Delay, between: Hours, day: Day) -> Any:
    """The same on one day alone."""
    return grid(step, between, None, [edge("start", day), edge("until", day)])


def _shown(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def _minutes(seconds: int, first: int, last: int, overnight: bool) -> list[int]:
    """The minutes of a day, counted from its start, at which it fires."""
    step, rest = divmod(seconds, 60)
    if rest or not step:
        raise _Unclear("that is not a whole number of minutes")
    if (60 if step < 60 else DAY_MINUTES) % step:
        raise _Unclear(f"{say.whole(seconds)} does not divide an hour or a day, so it has no place on the clock")
    if last - first < step:
        raise _Unclear(f"{say.whole(seconds)} is longer than from {_shown(first)} to {_shown(last)}")
    if first % step and (last - first) % step:
        raise _Unclear(f"counted from {_shown(first)}, it never meets {_shown(last)}")
    if last >= DAY_MINUTES and not overnight:
        raise _Unclear("that goes over midnight: which day has the hours behind it?")
    return [*dict.fromkeys(minute % DAY_MINUTES for minute in range(first, last + 1, step))]


# `9 to 5`, `9am to 5`         09:00 to 17:00: an hour alone is the next such hour behind the first
# `9-17`, `6-22`               as they are written, on a 24-hour clock
# `10pm to 6`, `22 to 6`       over midnight, to 06:00
# `9pm to 12`                  to midnight: the next 12
# `8 to 10pm`                  refused: 08:00 or 20:00?
# `2 to 6`                     refused: morning or afternoon?
def _ends(first: Clock, last: Clock) -> tuple[int, int]:
    """Minutes of the day; the last is greater, and beyond the day when it is over midnight."""
    start = _first(first, last)
    end = _minute(last)
    if end <= start and _either_half(first, last):
        raise _Unclear(f"{last[1]}:{last[2]:02} in the morning or afternoon?", half=last)
    if _is_open(last) and not _on_24(first):
        end = _last(start, end)
    end += DAY_MINUTES if end <= start else 0
    if end - start == DAY_MINUTES and first[0] != "midnight":
        raise _Unclear("it starts and ends at the same hour")
    return start, end


def _minute(clock: Clock) -> int:
    return clock[1] * 60 + clock[2]


def _is_open(clock: Clock) -> bool:
    return clock[0] in _OPEN and 0 < clock[1] <= 12


def _on_24(clock: Clock) -> bool:
    """Whether the clock is written so that the other one is on a 24-hour clock as well."""
    return clock[0] == "bare" and not 0 < clock[1] <= 12


def _either_half(first: Clock, last: Clock) -> bool:
    """Whether hour and minute of the last, in digits, may be of both halves of the day."""
    if last[0] == "colon":
        return last[1] == 12 and not _on_24(first) and not (first[0] == "colon" and first[1] > 12)
    return last[0] == "short" and 0 < last[1] <= 12


def _first(first: Clock, last: Clock) -> int:
    start, end = _minute(first), _minute(last)
    if not _is_open(first) or _on_24(last) or (last[0] == "colon" and end >= 13 * 60):
        return start
    later = start % NOON + NOON
    if not _is_open(last) and end > NOON:
        if later < end:
            raise _Unclear(f"{first[1]} in the morning or evening?", hour=True)
        return start % NOON if first[1] < 12 else start
    if not _is_open(last) and start < end:
        return start
    if first[1] < 7 or not _is_open(last):
        raise _Unclear(f"{first[1]} in the morning or afternoon?", hour=True)
    return start


def _last(start: int, end: int) -> int:
    """An hour alone behind ``start``: as written where it is later, else the other half of the day."""
    if end > start:
        if end < 7 * 60:
            raise _Unclear(f"{end // 60} in the morning or afternoon?", hour=True)
        return end
    later = end % NOON + NOON
    return later if later > start else end % NOON if end < start else end
