"""What recurs: rules as their lines have them, without clock times and bounds.

Days of the week are ``(numbers, whether several)``: `mondays` alone recurs, `monday` does not.
"""

from datetime import date
from typing import Any

from defer.timegrammar.clocktimes import Clock
from defer.timegrammar.engine import REFUSED
from defer.timegrammar.moments import Delay, Present
from defer.timegrammar.reading import Undecided
from defer.timegrammar.walls import DAY
from defer.timegrammar.words import DAY_NAMES, MONTH_NAMES

from . import twofold
from .draft import Rule, listing, refused

WORKING = (0, 1, 2, 3, 4)
SATURDAY_SUNDAY = (5, 6)
A_QUARTER = 'a rule looks like "every quarter on the 1st at 9am"'
#: The days of the week as an answer says them.
NAMED = tuple(name.title() for name in DAY_NAMES)
NTH_NAMES = {-1: "last", 1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}

Days = tuple[tuple[int, ...], bool]


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


def working_days_and(items: list[Days]) -> Any:
    """`weekday and saturday`."""
    return all_days([working_days("many"), *items])


def on_month_days(named: list[int]) -> Any:
    """Days of every month by their numbers, -1 for the last."""
    days = sorted(set(named))
    if not all(-1 <= day <= 31 and day for day in days):
        return REFUSED
    short = [day for day in days if day > 28]
    skipped = f"months without day {short[-1]} are skipped" if short else ""
    note = f"day {short[-1]} is skipped where a month has none" if short and days[1:] else skipped
    in_order = [day for day in days if day > 0] + [day for day in days if day < 0]
    words = listing(["the last day" if day < 0 else f"the {twofold.nth(day)}" for day in in_order])
    return Rule("MONTHLY", 1, {"bymonthday": days}, words, note)


def nth_days(places: list[int], kind: "int | str") -> Any:
    """`first and third monday`: days of a month by their places and kind, a weekday's number or `business`."""
    return [(nth, kind) for nth in places] if len(set(places)) == len(places) else REFUSED


def on_nth(groups: list[list[tuple[int, Any]]]) -> Any:
    """Days of every month by their places; those of Monday to Friday stand alone."""
    found = [each for group in groups for each in group]
    kinds, places = {kind for _, kind in found}, [nth for nth, _ in found]
    if len(set(found)) < len(found) or ("business" in kinds and len(kinds) > 1):
        return REFUSED
    names: dict[Any, str] = {"business": "business day", **dict(enumerate(NAMED))}
    words = listing([f"the {NTH_NAMES[nth]} {names[kind]}" for nth, kind in found])
    if kinds == {"business"}:
        return Rule("MONTHLY", 1, {"byweekday": _each(WORKING), "bysetpos": places}, words)
    fifth = next((NAMED[kind] for nth, kind in found if nth == 5), "")
    note = f"months without a fifth {fifth} are skipped" if fifth else ""
    return Rule("MONTHLY", 1, {"byweekday": [(kind, nth) for nth, kind in found]}, words, note)


def _each(days: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(day, 0) for day in days]


def stride(unit: tuple[str, int], count: int) -> Delay:
    """So many units from one time to the next."""
    kind, size = unit
    return Delay(**{f"{kind}s": size * count}, unit=unit)


def nth_stride(unit: tuple[str, int], nth: int) -> Any:
    """`every third day`; `every first day` is not one."""
    return stride(unit, nth) if nth > 1 else REFUSED


def unit_and(unit: tuple[str, int], more: Delay) -> Any:
    """`every hour and 15 minutes`; refused for a second of the same unit, which is a time of its own."""
    return REFUSED if more.unit == unit else stride(unit, 1) + more


def once_in() -> Rule:
    """`once in two weeks`: refused, again and again or only then."""
    return refused(lambda *_: twofold.again_or_then())


def months_apart(count: int) -> Delay:
    """So many months from one time to the next: `half-yearly`."""
    return Delay(months=count)


def elapsing(seconds: int) -> Delay:
    """So many seconds from one time to the next."""
    return Delay(seconds=seconds)


def days_apart(count: int) -> Delay:
    """So many days from one time to the next: `fortnightly`."""
    return Delay(days=count)


def stridden(delay: Delay) -> Any:
    """A step of one kind of unit, in the largest frequency that has it whole."""
    if sum(bool(part) for part in (delay.months, delay.days, delay.seconds)) != 1:
        return REFUSED
    if delay.seconds:
        return Rule("SECONDLY", delay.seconds, {}, "", delay.note)
    if delay.days and (delay.days % 7 or (delay.unit and delay.unit[1] == 1)):
        return Rule("DAILY", delay.days, {}, "", delay.note)
    if delay.days:
        return Rule("WEEKLY", delay.days // 7, {}, "", delay.note)
    return (
        Rule("MONTHLY", delay.months, {}, "", delay.note)
        if delay.months % 12
        else Rule("YEARLY", delay.months // 12, {}, "")
    )


def unit_rule(frequency: str) -> Rule:
    """`daily`, `weekly` and so on, without what keeps it on a date."""
    return Rule(frequency.upper(), 1, {}, "")


def _weekly(days: tuple[int, ...], every: int, note: str = "") -> Rule:
    words = "weekday" if days == WORKING else listing([NAMED[day] for day in days])
    return Rule("WEEKLY", every, {"byweekday": _each(days)}, words, note)


def weeks_of(delay: Delay, days: Days) -> Any:
    """A step of weeks on days of the week; refused where it steps by anything else."""
    rule = stridden(delay)
    if rule is not REFUSED and rule.frequency == "SECONDLY":
        return refused(lambda *_: Undecided("between which hours?", [], twofold.A_WINDOW))
    if rule is REFUSED or rule.frequency not in ("DAILY", "WEEKLY"):
        return REFUSED
    every, rest = divmod(rule.every, 1 if rule.frequency == "WEEKLY" else 7)
    return REFUSED if rest else _weekly(days[0], every)


def whole_weeks_of(delay: Delay, days: Days) -> Any:
    """The same without `on`, which is said of weeks alone: `every second friday` is not a step of seconds."""
    return REFUSED if delay.seconds else weeks_of(delay, days)


def several_weeks_of(delay: Delay, days: Days) -> Any:
    """`every week from monday to friday`; refused for a single day, from which it may start."""
    return weeks_of(delay, days) if days[1] else REFUSED


def days_of_every_day(days: Days) -> Any:
    """`daily on weekdays`, `every day from monday to friday`; refused for a day that is not plural."""
    return _weekly(days[0], 1, "in every week") if days[1] else REFUSED


def months_of(delay: Delay, on: Rule) -> Any:
    """A step of months on days of the month; refused where it steps by anything else."""
    rule = stridden(delay)
    fits = rule is not REFUSED and rule.frequency == "MONTHLY"
    return Rule("MONTHLY", rule.every, on.by, on.words, on.note) if fits else REFUSED


def monthly_nth(days: list[tuple[int, Any]]) -> Any:
    """`monthly third wednesday`."""
    return on_nth([days])


def months_of_nth(delay: Delay, days: list[tuple[int, Any]]) -> Any:
    """`every month third wednesday`."""
    return months_of(delay, on_nth([days]))


def years_of_nth(delay: Delay, nth: int, weekday: int, month: int) -> Any:
    """`every year on the last sunday of october`; refused for any other step."""
    rule = stridden(delay)
    once = rule is not REFUSED and (rule.frequency, rule.every) == ("YEARLY", 1)
    return yearly_nth(nth, weekday, month) if once else REFUSED


def years_on_day(month: int, day: int) -> Any:
    """`every december on the 24th`."""
    return years_on((month, day, None))


def month_and_day_alone(delay: Delay, day: int) -> Any:
    """`every month 15th`: refused, whether it is on that day."""
    rule = stridden(delay)
    if rule is REFUSED or rule.frequency != "MONTHLY" or day < 1:
        return REFUSED
    return refused(lambda *_: twofold.on_that_day(day))


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
    places = [nth for _, nth in rule.by.get("byweekday", ()) if nth] + rule.by.get("bysetpos", [])
    return REFUSED if len(places) == 1 and places[0] > 1 else rule


def years_on(date: "tuple[int, int, int | None]") -> Any:
    """Every year on a date, which names no year and is one of the calendar."""
    month, day, year = date
    longest = 29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    if year is not None or not 1 <= day <= longest:
        return REFUSED
    note = "years without 29 February are skipped" if (month, day) == (2, 29) else ""
    words = f"{MONTH_NAMES[month - 1].title()} {day}"
    return Rule("YEARLY", 1, {"bymonth": month, "bymonthday": day}, words, note)


def yearly_nth(nth: int, weekday: int, month: int) -> Rule:
    """The nth weekday of a month, every year."""
    rule = on_nth([[(nth, weekday)]])
    note = "years without a fifth one are skipped" if nth == 5 else ""
    return Rule("YEARLY", 1, {**rule.by, "bymonth": month}, f"{rule.words} of {MONTH_NAMES[month - 1].title()}", note)


def listed_parts(parts: list[str]) -> Any:
    """`morning and evening`; refused where one is named twice."""
    return tuple(parts) if len(set(parts)) == len(parts) else REFUSED


def daily_part(parts: tuple[str, ...]) -> Rule:
    """Every day in a part of it, or in several."""
    return Rule("DAILY", 1, {}, "", parts=parts)


def nightly() -> Rule:
    """The night of every day."""
    return daily_part(("night",))


def weekly_part(days: Days, parts: tuple[str, ...]) -> Rule:
    """Every week on these days, in a part of the day, or in several."""
    rule = _weekly(days[0], 1)
    return Rule("WEEKLY", 1, rule.by, rule.words, parts=parts)


def whole_weekend(parts: list[str]) -> Rule:
    """`every weekend`: its two days."""
    rule = _weekly(SATURDAY_SUNDAY, 1)
    return Rule("WEEKLY", 1, rule.by, rule.words, "on Saturday and on Sunday", tuple(parts))


def end_of(span: str) -> Rule:
    """`end of every month`: its last day, when offices close, as for one that is not repeated."""
    closing: Clock = ("exact", 17, 0, 0)
    shapes: dict[str, tuple[str, dict[str, Any], str, str]] = {
        "day": ("DAILY", {}, "", ""),
        "week": ("WEEKLY", {"byweekday": _each((4,))}, "Friday", ""),
        "month": ("MONTHLY", {"bymonthday": [-1]}, "the last day", ""),
        "quarter": ("MONTHLY", {"bymonth": [3, 6, 9, 12], "bymonthday": [-1]}, "the last day", "quarter"),
        "year": ("YEARLY", {"bymonth": 12, "bymonthday": 31}, "December 31", ""),
    }
    frequency, by, words, name = shapes[span]
    return Rule(frequency, 1, by, words, name=name, clock=closing)


def start_of(span: str) -> Rule:
    """`start of every month`: its first day."""
    shapes: dict[str, tuple[str, dict[str, Any], str, str]] = {
        "week": ("WEEKLY", {"byweekday": _each((0,))}, "Monday", ""),
        "month": ("MONTHLY", {"bymonthday": [1]}, "the 1st", ""),
        "quarter": ("MONTHLY", {"bymonth": [1, 4, 7, 10], "bymonthday": [1]}, "the 1st", "quarter"),
        "year": ("YEARLY", {"bymonth": 1, "bymonthday": 1}, "January 1", ""),
    }
    frequency, by, words, name = shapes[span]
    return Rule(frequency, 1, by, words, f"on {words}", name=name)


# `every quarter on the 1st`              1 January, 1 April, 1 July, 1 October
# `every quarter on the last day`         31 March, 30 June, 30 September, 31 December
# `every quarter on the last friday`      refused: the one of its last month, or of each?
def quarter_on(on: Rule) -> Rule:
    """Days of a calendar quarter: the first of its days, or the last."""
    places = on.by.get("bysetpos", on.by.get("bymonthday"))
    if places is None or (len(places) > 1 and places[0] < 0):
        return refused(lambda *_: Undecided("a quarter's weekdays are not counted", [], A_QUARTER))
    months = [3, 6, 9, 12] if places == [-1] else [1, 4, 7, 10]
    named = listing([MONTH_NAMES[month - 1].capitalize() for month in months])
    note = ", ".join(filter(None, (f"in {named}", on.note)))
    return Rule("MONTHLY", 1, {**on.by, "bymonth": months}, on.words, note, name="quarter")


def two_of_month(places: list[int], weekday: int) -> Any:
    """`1st and 3rd monday`, which can only be those of a month."""
    found = nth_days(places, weekday)
    return REFUSED if found is REFUSED else on_nth([found])


def week_or_days(ends: list[int]) -> Rule:
    """`every day from monday until friday`: refused, in every week or in the coming one."""

    def why(_: str, present: Present) -> Undecided:
        first = present.today + ((ends[0] - present.today.weekday() - 1) % 7 + 1) * DAY
        last: date = first + (ends[1] - ends[0]) % 7 * DAY
        return twofold.which_stretch(ends, f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}")

    return refused(why)


def day_number(number: int) -> Any:
    """`every day 9`: refused; a clock or a day of the month."""
    return refused(lambda *_: twofold.day_number(number)) if 0 < number < 32 else REFUSED
