"""What the recurring lines of the grammar come to; ``actions`` has the lines of one moment, ``recurrules`` the rules.

A ``Rule`` is what recurs, a ``Draft`` that with its clock times and bounds; ``settled`` fixes one to the present.
"""

from typing import Any

from defer.timegrammar.calendardays import OFFICE_CLOSES
from defer.timegrammar.clocktimes import Clock
from defer.timegrammar.engine import REFUSED
from defer.timegrammar.reading import A_RULE, Undecided

from . import twofold
from .bounds import WallTime, flat, lent
from .cronfields import NICKNAMES
from .draft import Draft, Rule, refused
from .recurrules import Days, days_of_every_day, start_of, unit_rule, weekly_on


def quarters(bounds: list[Any]) -> Draft:
    """`every quarter`: its first day."""
    return recurs(start_of("quarter"), None, bounds)


def quarters_at() -> Draft:
    """`every quarter at 9am`: refused; on which day."""
    return Draft(refused(lambda *_: twofold.day_of_quarter()))


def bare_number(rule: Rule, number: int) -> Any:
    """`every monday 9`, `monthly 15`: refused, and says what the number may be."""
    most = 31 if rule.frequency == "MONTHLY" and not rule.by else 24
    if rule.frequency == "SECONDLY" or rule.why or number > most:
        return REFUSED
    return Draft(refused(lambda *_: twofold.bare_number(number, rule)))


def lone_number(number: int) -> Any:
    """`every 9`: refused; nine of what."""
    return Draft(refused(lambda *_: twofold.lone_number(number))) if number else REFUSED


#: What cron takes where a day and a time are not said.
_AS_CRON = {
    "hourly": "on the hour",
    "daily": "at midnight, as in cron",
    "weekly": "on Sunday at midnight, as in cron",
    "monthly": "on the 1st at midnight, as in cron",
    "quarterly": "on the first day of each quarter at midnight, as in cron",
    "yearly": "on January 1 at midnight, as in cron",
}


def wall_times(others: list[WallTime], first: "Clock | None" = None) -> list[WallTime]:
    """Clock times that are listed; the first may stand without `at`."""
    return [*([] if first is None else [(first, None)]), *others]


def one_wall_time(clock: Clock) -> list[WallTime]:
    """A clock time alone."""
    return [(clock, None)]


def closing() -> list[WallTime]:
    """When offices close."""
    return [(OFFICE_CLOSES, None)]


def wall_part(part: str, clock: "Clock | None" = None) -> list[WallTime]:
    """A part of the day, with or without a clock time in it."""
    return [(clock, part)]


def recurs(rule: Rule, clocks: "list[WallTime] | None", bounds: list[Any]) -> Draft:
    """A rule with all that was said beside it."""
    found = Draft(rule, clocks, flat(bounds))
    count = found.bounds.pop("times_x", 0)
    if count:
        found.bounds["times"] = count
    if (count and rule.frequency != "SECONDLY") or (clocks and found.bounds.get("times") == len(clocks) > 1):
        return Draft(refused(lambda *_: Undecided("so many times on each day, or in all?", [], A_RULE)))
    daily = found.bounds.pop("from_clock", False)
    if daily and rule.frequency == "SECONDLY" and _two_clocks(found.bounds):
        return Draft(refused(lambda *_: twofold.each_day()))
    if clocks or rule.frequency == "SECONDLY":
        return found
    found.clocks, found.bounds, whose = lent(found.bounds)
    if whose == "until":
        found.notes = ("the clock is when it runs; it ends with that day",)
    return found


def every_day_on(days: Days, clocks: list[WallTime], bounds: list[Any]) -> Any:
    """`daily at 9am on weekdays`; refused for a day that is not plural."""
    rule = days_of_every_day(days)
    return REFUSED if rule is REFUSED else recurs(rule, clocks, bounds)


def _two_clocks(bounds: dict[str, Any]) -> bool:
    """Whether it starts and ends at clocks that have no day."""
    ends = [bounds[kind] for kind in ("start", "until") if kind in bounds]
    return len(ends) == 2 and all(day is None and clock and part is None for day, clock, part in ends)


def led_by(limit: Any, rule: Rule, clocks: "list[WallTime] | None", bounds: list[Any]) -> Draft:
    """`from monday every day at 9am`: a start or an end that stands first."""
    return recurs(rule, clocks, [limit, *bounds])


def recurs_twice(rule: Rule, clocks: list[WallTime], bounds: list[Any]) -> Any:
    """`every day at 9am twice`; refused behind several clocks, which it may count."""
    return REFUSED if clocks[1:] else recurs(rule, clocks, [*flat(bounds), ("times", 2)])


def every_clock(clocks: list[WallTime], days: "Days | None", bounds: list[Any]) -> Draft:
    """`every 9am`, `every noon on weekdays`."""
    return recurs(weekly_on(days) if days else unit_rule("daily"), clocks, bounds)


def counted_clocks(count: int, clocks: list[WallTime], bounds: list[Any]) -> Draft:
    """`twice a day at 9 and 17`; refused where the times are not as many."""
    return recurs(_counted(unit_rule("daily"), count, len(clocks), "times"), clocks, bounds)


def counted_days(count: int, days: Days, clocks: "list[WallTime] | None", bounds: list[Any]) -> Draft:
    """`twice a week on monday and thursday`; refused where the days are not as many."""
    return recurs(_counted(weekly_on(days), count, len(days[0]), "days"), clocks, bounds)


def counted_month_days(count: int, rule: Rule, clocks: "list[WallTime] | None", bounds: list[Any]) -> Draft:
    """`twice a month on the 1st and 15th`; refused where the days are not as many."""
    named = len(rule.by.get("bymonthday") or rule.by.get("bysetpos") or rule.by["byweekday"])
    return recurs(_counted(rule, count, named, "days"), clocks, bounds)


def _counted(rule: Rule, count: int, named: int, things: str) -> Rule:
    if count == named:
        return rule
    wanted, given = (f"{number} {things if number > 1 else things[:-1]}" for number in (count, named))
    return refused(lambda *_: Undecided(f"{wanted}, or {given} as named?", [], A_RULE))


def minutes_past(minutes: list[int], bounds: list[Any]) -> Any:
    """Every hour at a minute, or at several."""
    if not minutes or max(minutes) > 59 or len(set(minutes)) < len(minutes):
        return REFUSED
    fields = ",".join(str(minute % 60) for minute in sorted(minute % 60 for minute in minutes))
    return Draft(fields=f"{fields} * * * *", bounds=flat(bounds))


def past_every_hour(minute: int, bounds: list[Any]) -> Any:
    """`quarter past every hour`."""
    return minutes_past([minute], bounds)


def stepped_past() -> Draft:
    """`every 2 hours at :15`: refused, since two hours are counted from their start."""
    form = 'a step looks like "every 2 hours starting at 10:15"'
    return Draft(refused(lambda *_: Undecided("hours are counted from their start, not on the clock", [], form)))


def as_cron(name: str, bounds: "list[Any] | None" = None) -> Draft:
    """A word that cron has a nickname for, and means the same."""
    return Draft(fields=NICKNAMES[name], bounds=flat(bounds or []), notes=(_AS_CRON[name],))
