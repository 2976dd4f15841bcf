"""What the recurring lines of the grammar come to; ``actions.py`` has the other lines.

A ``Rule`` is what recurs, a ``Draft`` that with its clock times and bounds; ``draft.py``
fixes a draft to the instant and zone it was scheduled in.
"""

from typing import Any

from .draft import Draft, Rule, listing
from .engine import REFUSED, Caps
from .moments import Delay
from .recurring import NICKNAMES
from .words import DAY_NAMES, MONTH_NAMES

WORKING = (0, 1, 2, 3, 4)
SATURDAY_SUNDAY = (5, 6)
NTH_NAMES = {-1: "last", 1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}


def one_day(caps: Caps) -> Any:
    plural = "PLURALDAY" in caps
    return ((caps["PLURALDAY" if plural else "WEEKDAY"],), plural)


def day_range(caps: Caps) -> Any:
    first, last = caps.all("WEEKDAY")
    return (tuple((first + step) % 7 for step in range((last - first) % 7 + 1)), True) if first != last else REFUSED


def all_days(caps: Caps) -> Any:
    items = caps.all("DAYITEM")
    found = [day for days, _ in items for day in days]
    if len(set(found)) < len(found):
        return REFUSED
    return tuple(sorted(found)), any(plural for _, plural in items) or len(found) > 1


def working_days(_caps: Caps, plural: str) -> Any:
    return WORKING, plural == "many"


def weekend_days(_caps: Caps) -> Any:
    return SATURDAY_SUNDAY, True


def month_days(caps: Caps) -> Any:
    day = caps.get("ORDINAL") or caps.get("DAYNUMBER")
    return day if day and 1 <= day <= 31 else REFUSED


def last_month_day(_caps: Caps) -> Any:
    return -1


def on_month_days(caps: Caps) -> Any:
    days = sorted(set(caps.all("MONTHDAY") + caps.all("DAYNUMBER")))
    if not all(-1 <= day <= 31 and day for day in days):
        return REFUSED
    short = [day for day in days if day > 28]
    note = f"months without day {short[-1]} are skipped" if short else ""
    words = " and ".join(f"day {day}" if day > 0 else "the last day" for day in sorted(days, key=lambda day: day % 99))
    return Rule("MONTHLY", 1, {"bymonthday": days}, words, note)


def on_nth(caps: Caps) -> Any:
    nth, kind = caps["NTH"], caps.get("WEEKDAY", "business day")
    if kind == "business day":
        return Rule("MONTHLY", 1, {"byweekday": _each(WORKING), "bysetpos": nth}, f"the {NTH_NAMES[nth]} business day")
    words = f"the {NTH_NAMES[nth]} {DAY_NAMES[kind]}"
    note = f"months without a fifth {DAY_NAMES[kind]} are skipped" if nth == 5 else ""
    return Rule("MONTHLY", 1, {"byweekday": [(kind, nth)]}, words, note)


def _each(days: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(day, 0) for day in days]


def stride(caps: Caps, count: str = "") -> Any:
    kind, size = caps["ONEUNIT"]
    times = int(count) if count else caps["ORDINAL"]
    return Delay(**{f"{kind}s": size * times}) if count or times > 1 else REFUSED


def stride_of(caps: Caps) -> Any:
    return caps["DELAY"]


def stride_months(_caps: Caps, months: str) -> Any:
    return Delay(months=int(months))


def stridden(caps: Caps) -> Any:
    return _strode(caps["STRIDE"])


def _strode(delay: Delay) -> Any:
    if sum(bool(part) for part in (delay.months, delay.days, delay.seconds)) != 1:
        return REFUSED
    if delay.seconds:
        return Rule("SECONDLY", delay.seconds, {}, "")
    if delay.days:
        return Rule("DAILY", delay.days, {}, "") if delay.days % 7 else Rule("WEEKLY", delay.days // 7, {}, "")
    return Rule("MONTHLY", delay.months, {}, "") if delay.months % 12 else Rule("YEARLY", delay.months // 12, {}, "")


def unit_rule(_caps: Caps, frequency: str) -> Any:
    return Rule(frequency, 1, {}, "")


def _weekly(days: tuple[int, ...], every: int) -> Rule:
    named = {WORKING: "weekday", SATURDAY_SUNDAY: "saturday and sunday"}
    words = named.get(days) or listing([DAY_NAMES[day] for day in days])
    return Rule("WEEKLY", every, {"byweekday": _each(days)}, words)


def weeks_of(caps: Caps) -> Any:
    rule = _strode(caps["STRIDE"])
    if not isinstance(rule, Rule) or rule.frequency != "WEEKLY":
        return REFUSED
    return _weekly(caps["WEEKDAYS"][0], rule.every)


def months_of(caps: Caps) -> Any:
    rule, on = _strode(caps["STRIDE"]), caps["MONTHRULE"]
    if not isinstance(rule, Rule) or rule.frequency != "MONTHLY":
        return REFUSED
    return Rule("MONTHLY", rule.every, on.by, on.words, on.note)


def years_of(caps: Caps) -> Any:
    rule = _strode(caps["STRIDE"])
    return years_on(caps) if isinstance(rule, Rule) and (rule.frequency, rule.every) == ("YEARLY", 1) else REFUSED


def weekly_on(caps: Caps, every: str = "1") -> Any:
    days = caps["WEEKDAYS"][0] if "WEEKDAYS" in caps else (caps["WEEKDAY"],)
    return _weekly(days, int(every))


def listed(caps: Caps) -> Any:
    days, several = caps["WEEKDAYS"]
    return _weekly(days, 1) if several else REFUSED


def listed_range(caps: Caps) -> Any:
    found: Any = day_range(caps)
    return REFUSED if found is REFUSED else _weekly(tuple(sorted(found[0])), 1)


def monthly_on(caps: Caps) -> Any:
    return caps["MONTHRULE"]


def monthly_alone(caps: Caps) -> Any:
    rule = caps["MONTHRULE"]
    # `every second friday` is every other one to some, once a month to others.
    twofold = any(nth > 1 for _, nth in rule.by.get("byweekday", ())) or rule.by.get("bysetpos", 1) > 1
    return REFUSED if twofold else rule


def years_on(caps: Caps) -> Any:
    month, day, year = caps["DATE"]
    longest = 29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    if year is not None or not 1 <= day <= longest:
        return REFUSED
    note = "years without 29 February are skipped" if (month, day) == (2, 29) else ""
    words = f"{MONTH_NAMES[month - 1]} {day}"
    return Rule("YEARLY", 1, {"bymonth": month, "bymonthday": day}, words, note)


def yearly_nth(caps: Caps) -> Any:
    rule: Rule = on_nth(caps)
    month = caps["MONTH"]
    note = "years without a fifth one are skipped" if caps["NTH"] == 5 else ""
    return Rule("YEARLY", 1, {**rule.by, "bymonth": month}, f"{rule.words} of {MONTH_NAMES[month - 1]}", note)


def daily_part(caps: Caps) -> Any:
    return Rule("DAILY", 1, {}, "", part=caps["PARTWORD"])


def weekly_part(caps: Caps) -> Any:
    rule = _weekly(caps["WEEKDAYS"][0], 1)
    return Rule("WEEKLY", 1, rule.by, rule.words, part=caps.get("PARTWORD") or caps["PLURALPART"])


def wall_time(caps: Caps, part: str = "") -> Any:
    clock = next(caps[name] for name in ("CLOCK", "BARE", "HOURISH") if name in caps)
    return clock, part or caps.get("PARTWORD")


def wall_times(caps: Caps) -> Any:
    first = [(caps["CLOCK"], None)] if "CLOCK" in caps else []
    return [*first, *caps.all("OCLOCK")]


def wall_part(caps: Caps) -> Any:
    return [(caps.get("CLOCK"), caps["PARTWORD"])]


def bound(caps: Caps, kind: str) -> Any:
    return kind, next(caps[name] for name in ("MOMENT", "DAY", "DELAY", "COUNT") if name in caps)


def recurs(caps: Caps) -> Any:
    return Draft(caps["RULE"], caps.get("CLOCKS", []), dict(caps.all("BOUND")), len(caps.all("BOUND")))


def minute_past(caps: Caps, minute: str = "") -> Any:
    number = int(minute) if minute else caps["NUMBER"]
    return Draft(fields=f"{number} * * * *") if number < 60 else REFUSED


def as_cron(_caps: Caps, name: str) -> Any:
    return Draft(fields=NICKNAMES[name])
