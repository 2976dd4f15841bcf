"""What the recurring lines of the grammar come to; ``actions`` has the other lines.

A ``Rule`` is what recurs, a ``Draft`` that with its clock times and bounds; ``draft`` settles one against the
present. Days of the week are ``(numbers, whether several)``: `mondays` alone recurs, `monday` does not.
"""

from typing import Any

from .clocktimes import Clock
from .cronfields import NICKNAMES
from .draft import Draft, Rule, listing
from .engine import REFUSED
from .moments import Delay
from .words import DAY_NAMES, MONTH_NAMES

WORKING = (0, 1, 2, 3, 4)
SATURDAY_SUNDAY = (5, 6)
NTH_NAMES = {-1: "last", 1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}

Days = tuple[tuple[int, ...], bool]
#: A clock time, a part of the day, or both.
WallTime = tuple["Clock | None", "str | None"]


def one_day(day: int, several: str = "one") -> Days:
    """A day of the week: `one`, or `many` where its plural is said."""
    return (day,), several == "many"


def day_range(ends: list[int]) -> Any:
    """`monday through friday`, over the end of the week too; a day to itself is not one."""
    first, last = ends
    return (tuple((first + step) % 7 for step in range((last - first) % 7 + 1)), True) if first != last else REFUSED


def all_days(items: list[Days]) -> Any:
    """Days that are listed; refused where one is named twice."""
    found = [day for days, _ in items for day in days]
    if len(set(found)) < len(found):
        return REFUSED
    return tuple(sorted(found)), any(several for _, several in items) or len(found) > 1


def working_days(several: str) -> Days:
    """Monday to Friday: `weekday` (one) or `weekdays` (many)."""
    return WORKING, several == "many"


def weekend_days() -> Days:
    """Saturday and Sunday."""
    return SATURDAY_SUNDAY, True


def on_month_days(named: list[int]) -> Any:
    """Days of every month by their numbers, -1 for the last."""
    days = sorted(set(named))
    if not all(-1 <= day <= 31 and day for day in days):
        return REFUSED
    short = [day for day in days if day > 28]
    note = f"months without day {short[-1]} are skipped" if short else ""
    words = " and ".join(f"day {day}" if day > 0 else "the last day" for day in sorted(days, key=lambda day: day % 99))
    return Rule("MONTHLY", 1, {"bymonthday": days}, words, note)


def on_nth(nth: int, kind: "int | str") -> Rule:
    """The nth day of some kind of every month: a weekday by its number, or `business`."""
    if isinstance(kind, str):
        return Rule("MONTHLY", 1, {"byweekday": _each(WORKING), "bysetpos": nth}, f"the {NTH_NAMES[nth]} business day")
    words = f"the {NTH_NAMES[nth]} {DAY_NAMES[kind]}"
    note = f"months without a fifth {DAY_NAMES[kind]} are skipped" if nth == 5 else ""
    return Rule("MONTHLY", 1, {"byweekday": [(kind, nth)]}, words, note)


def _each(days: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(day, 0) for day in days]


def stride(unit: tuple[str, int], count: int) -> Delay:
    """So many units from one time to the next."""
    kind, size = unit
    return Delay(**{f"{kind}s": size * count}, unit=None)


def nth_stride(unit: tuple[str, int], nth: int) -> Any:
    """`every third day`; `every first day` is not one."""
    return stride(unit, nth) if nth > 1 else REFUSED


def months(count: int) -> Delay:
    """So many months from one time to the next."""
    return Delay(months=count)


def stridden(delay: Delay) -> Any:
    """A step of one kind of unit, in the largest frequency that has it whole."""
    if sum(bool(part) for part in (delay.months, delay.days, delay.seconds)) != 1:
        return REFUSED
    if delay.seconds:
        return Rule("SECONDLY", delay.seconds, {}, "")
    if delay.days:
        return Rule("DAILY", delay.days, {}, "") if delay.days % 7 else Rule("WEEKLY", delay.days // 7, {}, "")
    return Rule("MONTHLY", delay.months, {}, "") if delay.months % 12 else Rule("YEARLY", delay.months // 12, {}, "")


def unit_rule(frequency: str) -> Rule:
    """`daily`, `weekly` and so on, without what keeps it on a date."""
    return Rule(frequency.upper(), 1, {}, "")


def _weekly(days: tuple[int, ...], every: int) -> Rule:
    named = {WORKING: "weekday", SATURDAY_SUNDAY: "saturday and sunday"}
    words = named.get(days) or listing([DAY_NAMES[day] for day in days])
    return Rule("WEEKLY", every, {"byweekday": _each(days)}, words)


def weeks_of(delay: Delay, days: Days) -> Any:
    """A step of weeks on days of the week; refused where it steps by anything else."""
    rule = stridden(delay)
    return _weekly(days[0], rule.every) if rule is not REFUSED and rule.frequency == "WEEKLY" else REFUSED


def months_of(delay: Delay, on: Rule) -> Any:
    """A step of months on days of the month; refused where it steps by anything else."""
    rule = stridden(delay)
    fits = rule is not REFUSED and rule.frequency == "MONTHLY"
    return Rule("MONTHLY", rule.every, on.by, on.words, on.note) if fits else REFUSED


def years_of(delay: Delay, date: "tuple[int, int, int | None]") -> Any:
    """`every year` on a date; refused for any other step."""
    rule = stridden(delay)
    return years_on(date) if rule is not REFUSED and (rule.frequency, rule.every) == ("YEARLY", 1) else REFUSED


def weekly_on(days: Days) -> Rule:
    """Every week on these days."""
    return _weekly(days[0], 1)


def every_other(weekday: int) -> Rule:
    """Every two weeks on this day."""
    return _weekly((weekday,), 2)


def listed(days: Days) -> Any:
    """Days that recur without `every`: several, or one in the plural."""
    return _weekly(days[0], 1) if days[1] else REFUSED


def listed_range(ends: list[int]) -> Any:
    """`from monday to friday`."""
    found = day_range(ends)
    return REFUSED if found is REFUSED else _weekly(tuple(sorted(found[0])), 1)


def monthly_alone(rule: Rule) -> Any:
    """`every 1st`; refused where a month is not named and a weekday is counted."""
    # `every second friday` means every other one to some people, once a month to others.
    twofold = any(nth > 1 for _, nth in rule.by.get("byweekday", ())) or rule.by.get("bysetpos", 1) > 1
    return REFUSED if twofold else rule


def years_on(date: "tuple[int, int, int | None]") -> Any:
    """Every year on a date, which names no year and is one of the calendar."""
    month, day, year = date
    longest = 29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    if year is not None or not 1 <= day <= longest:
        return REFUSED
    note = "years without 29 February are skipped" if (month, day) == (2, 29) else ""
    words = f"{MONTH_NAMES[month - 1]} {day}"
    return Rule("YEARLY", 1, {"bymonth": month, "bymonthday": day}, words, note)


def yearly_nth(nth: int, weekday: int, month: int) -> Rule:
    """The nth weekday of a month, every year."""
    rule = on_nth(nth, weekday)
    note = "years without a fifth one are skipped" if nth == 5 else ""
    return Rule("YEARLY", 1, {**rule.by, "bymonth": month}, f"{rule.words} of {MONTH_NAMES[month - 1]}", note)


def daily_part(part: str) -> Rule:
    """Every day in a part of it."""
    return Rule("DAILY", 1, {}, "", part=part)


def weekly_part(days: Days, part: str) -> Rule:
    """Every week on these days, in a part of the day."""
    rule = _weekly(days[0], 1)
    return Rule("WEEKLY", 1, rule.by, rule.words, part=part)


def wall_times(others: list[WallTime], first: "Clock | None" = None) -> list[WallTime]:
    """Clock times that are listed; the first may stand without `at`."""
    return [*([] if first is None else [(first, None)]), *others]


def one_wall_time(clock: Clock) -> list[WallTime]:
    """A clock time alone."""
    return [(clock, None)]


def wall_part(part: str, clock: "Clock | None" = None) -> list[WallTime]:
    """A part of the day, with or without a clock time in it."""
    return [(clock, part)]


def recurs(rule: Rule, clocks: "list[WallTime] | None", bounds: list[tuple[str, Any]]) -> Draft:
    """A rule with all that was said beside it."""
    return Draft(rule, clocks, dict(bounds), len(bounds))


def minute_past(minute: int) -> Any:
    """Every hour at a minute."""
    return Draft(fields=f"{minute} * * * *") if minute < 60 else REFUSED


def as_cron(name: str) -> Draft:
    """A word that cron has a nickname for, and means the same."""
    return Draft(fields=NICKNAMES[name])
