"""Recurring words with two readings: why they are refused, and both readings as they would be said."""

from datetime import timedelta

from defer.timegrammar.reading import A_RULE, Undecided
from defer.timegrammar.words import DAY_NAMES, MONTH_NAMES, WEEKDAYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import date

    from defer.timegrammar.moments import Present
    from defer.timegrammar.reading import Way

    from .draft import Rule

A_WINDOW = 'a stretch looks like "every hour between 9am and 5pm on weekdays"'
EVERY = ("every", "each", "every single", "each single", "once a", "once every", "once per", "once each")


def nth(number: int) -> str:
    """`1st`, `22nd`."""
    teen = 10 < number % 100 < 14
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _digits(number: int) -> set[str]:
    return {str(number), f"{number:02}"}


def _hours(number: int) -> list[str]:
    """What an hour alone may be: none of 1 to 6 is said without am or pm."""
    return [f"{number}am", f"{number}pm"] if 0 < number < 7 else [str(number)] if number < 24 else []


# `every day 9`            `every day at 9` or `every month on the 9th`
# `every day 9 at 5pm`     `every day at 9 and 5pm` or `every month on the 9th at 5pm`
# `every day 30`           `every month on the 30th`
def day_number(number: int) -> Undecided:
    """`every day 9`: a clock, or a day of the month?"""
    ways: list[Way] = []
    for digits in _digits(number):
        for hour in _hours(number):
            for every in EVERY:
                ways += [(f"{every} day {digits} at", f"{every} day at {hour} and")]
                ways += [(f"{every} day {digits}", f"{every} day at {hour}")]
        ways += [(f"{every} day {digits}", f"every month on the {nth(number)}") for every in EVERY]
        ways += [(f"{every} days {digits}", f"every month on the {nth(number)}") for every in EVERY]
    return Undecided("a clock or a day of the month?", ways, A_RULE)


# `mondays 9`      `mondays at 9`
# `monthly 15`     `monthly on the 15th`
# `weekly 9`       neither the day nor the hour is said
def bare_number(number: int, rule: "Rule") -> Undecided:
    """`every monday 9`: an hour, or so many of something?"""
    monthly = rule.frequency == "MONTHLY" and not rule.by
    says = [f"on the {nth(number)}"] if monthly else [f"at {hour}" for hour in _hours(number)]
    ways: list[Way] = [(digits, say) for digits in _digits(number) for say in says]
    return Undecided(f"is {number} {'a day of the month' if monthly else 'a clock time'}?", ways, A_RULE)


def on_that_day(day: int) -> Undecided:
    """`every month 15th`."""
    said = nth(day)
    piece = f"{said[:-2]} {said[-2:]}"
    return Undecided(f"on the {said}?", [(f"the {piece}", "on {}"), (piece, "on the {}")], A_RULE)


def lone_number(number: int) -> Undecided:
    """`every 9`: nine of what?"""
    clocks = [f"day at {hour}" for hour in _hours(number)]
    ways: list[Way] = [(digits, say) for digits in _digits(number) for say in (f"{digits}m", *clocks)]
    return Undecided(f"{number} of what?", ways, A_RULE)


def which_day(rule: "Rule", present: "Present") -> Undecided:
    """`weekly at 9`: a week, month or year and a clock, and no day."""
    today = present.today
    if rule.frequency == "WEEKLY":
        weekday = DAY_NAMES[today.weekday()]
        ways: list[Way] = [(f"{every} week", f"every {weekday}") for every in EVERY]
        ways += [("weekly", f"every {weekday}"), ("fortnightly", f"{{}} on {weekday}")]
        ways += [(word, f"{{}} on {weekday}") for word in ("weeks", "fortnight", "week")] if rule.every > 1 else []
    elif rule.frequency == "MONTHLY":
        ways = [(word, f"{{}} on the {nth(today.day)}") for word in ("month", "months", "monthly")]
    else:
        date = f"{MONTH_NAMES[today.month - 1]} {today.day}"
        ways = [(word, f"{{}} on {date}") for word in ("year", "yearly", "annually")]
    return Undecided("on which day?", ways, A_RULE)


def day_of_quarter() -> Undecided:
    """`every quarter at 9am`: a clock and no day."""
    days = ("{} on the 1st", "{} on the last day")
    return Undecided("on which day?", [(word, day) for day in days for word in ("quarter", "qtr", "quarterly")], A_RULE)


def _spelled(weekday: int) -> list[str]:
    return [word for word, number in WEEKDAYS.items() if number == weekday]


def which_stretch(ends: list[int], first: str, last: str) -> Undecided:
    """`every day from monday until friday`: in every week, or once?"""
    pairs = [(one, two) for one in _spelled(ends[0]) for two in _spelled(ends[1])]
    ways: list[Way] = [
        (f"{one} {word} {two}", f"{one} to {two}") for one, two in pairs for word in ("until", "till", "til")
    ]
    ways += [(f"between {one} and {two}", f"from {one} to {two}") for one, two in pairs]
    ways += [(f"between {one} and {two}", f"from {first} until {last}") for one, two in pairs]
    ways += [
        (f"{one} {word} {two}", f"{first} until {last}") for one, two in pairs for word in ("until", "till", "til")
    ]
    return Undecided("in every week, or in one?", ways, A_RULE)


def each_day() -> Undecided:
    """`every 2 hours 5 times from 9am until 5pm`: on every day, or once?"""
    return Undecided("on each day, or once?", [("from", "starting at"), ("from", "starting tomorrow at")], A_WINDOW)


def again_or_then() -> Undecided:
    """`once in two weeks`: again and again, or only then?"""
    return Undecided("again and again, or only then?", [("once in", "every"), ("once in", "in")], A_RULE)


def which_hours(has_days: bool) -> Undecided:
    """`during business hours`: which are they?"""
    said = "between 9am and 5pm" + ("" if has_days else " on weekdays")
    heads = [f"{word}{the}" for word in ("during", "in", "within") for the in ("", " the", " normal")]
    names = ("business", "office", "working", "work")
    return Undecided(
        "which hours are those?", [(f"{head} {name} hours", said) for head in heads for name in names], A_WINDOW
    )


def which_week(first: "date", last: int) -> Undecided:
    """`every morning from monday to friday`: in every week, or in the coming one?"""
    days = f"{DAY_NAMES[first.weekday()]} to {DAY_NAMES[last]}"
    once = f"from {first} until {first + timedelta(days=(last - first.weekday()) % 7)}"
    return Undecided("in every week, or in one?", [], f'a rule looks like "{days} at 9am", a stretch like "{once}"')
