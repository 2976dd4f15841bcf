"""Several times in one expression, where a task has one: a stretch, days that a rule leaves out, two times."""

import re

from defer.timegrammar.reading import A_DATE
from defer.timegrammar.words import DAY_NAMES, NUMBER_WORDS, UNITS, WEEKDAY_PLURALS, WEEKDAYS

from .offers import HALVES, Said, tries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from defer.timegrammar.reading import Way

EVERY = ("every", "each")
_EXCEPT = (
    "except for|except on|except|excluding|but not on|but not|apart from|other than|unless|not on|not|skipping|but"
).split("|")
_HOUR = re.compile(r"([0-9]{1,2})(?::[0-9]{2})?[ ]?([ap]\.?m?\.?)?", re.ASCII | re.IGNORECASE)
_JOINTS = ("-", "to", "until", "till", "til", "through", "thru", "or")
_CLOCK_WORDS = frozenset(("am", "pm", "a", "p", "noon", "midday", "midnight", "o'clock", "oclock", "sharp"))
#: What makes a rule of every day one of some days.
_SELDOM = ("other", "alternate", *NUMBER_WORDS)
#: What joins two times even where they share a clock.
_JOINING = ("and", "&", "or", "then", ";")
_SEPARATORS = (",", ";", "and", "&", "or", "then", "+", "|", "/")


def nearest(said: Said, text: str) -> list[str]:
    """``text`` where it works; else with am and pm, or at, where one of its numbers wants it."""
    return said.offers(text) or list(said.other(text).closed([*HALVES, (is_number, "at {}")]))[:2]


def is_number(token: object) -> bool:
    """Whether a token is digits alone."""
    return getattr(token, "kind", "") == "number"


def a_stretch(said: Said) -> "str | None":
    """From one time to another: its start and its end are offered."""
    for place, token in enumerate(said.tokens):
        if token.kind == "dashed" and re.fullmatch("[0-9]{1,2}-[0-9]{1,2}", token.text):
            start, end = token.text.split("-")
            if len(said.tokens) == 1 or _parts(said, said.text())[1]:
                return f'"{token.text}": a day of a month, or hours? ({A_DATE})'
            return _ends(said, place, place + 1, (start, end))
        if found := _around(said, place):
            first, begin, last = found
            if reason := _ends(said, first, last, (said.text(begin, place), said.text(place + 1, last))):
                return reason
    return None


# `from 2pm to 4pm tomorrow`    from `from` on to the end of `4pm`; its start stands behind `from`
# `tomorrow 9 - 11am`           from `9` on
# `between monday and friday`   to the end, where no clock follows
# `in 5 or 10 minutes`          from `5` on
def _around(said: Said, place: int) -> "tuple[int, int, int] | None":
    """Where a stretch whose joint stands at ``place`` begins, where its start does, and where it ends."""
    joint = said.texts[place]
    opener = next((each for each, text in enumerate(said.texts[:place]) if text in ("between", "from")), -1)
    between = opener >= 0 and said.texts[opener] == "between"
    if not 0 < place < len(said.tokens) - 1 or joint not in (*_JOINTS, *(["and"] if between else [])):
        return None
    first, last = _run(said, place, -1), _run(said, place, 1)
    if 0 <= opener < place - 1 and joint != "or":
        return opener, opener + 1, last if last > place + 1 else len(said.tokens)
    return (first, first, last) if first < place and last > place + 1 else None


def _run(said: Said, place: int, step: int) -> int:
    """How far the words of a clock or a number go from a place: the first of them, or the one behind the last."""
    here = place + step
    while 0 <= here < len(said.tokens) and (
        said.tokens[here].kind in ("number", "colon", "decimal")
        or said.texts[here] in _CLOCK_WORDS
        or said.texts[here] in NUMBER_WORDS
    ):
        here += step
    return here + 1 if step < 0 else here


def _ends(said: Said, first: int, last: int, ends: tuple[str, str]) -> "str | None":
    either = "or" in said.texts[first:last]
    pairs = [ends] if either else [_halved(*ends), ends]
    for start, end in dict.fromkeys(pairs):
        offers = nearest(said, said.instead(first, last, start))
        others = nearest(said, said.instead(first, last, end)) if offers else []
        if others:
            break
    else:
        return None
    why = "which of the two?" if either else "a task has one time, the start or the end of that"
    before: list[str] = []
    if "to" in said.texts[first:last] and ends[0] in ("5", "10", "15", "20", "25") and _HOUR.fullmatch(ends[1]):
        before = said.offers(said.instead(first, last, f"{ends[0]} minutes to {ends[1]}"))
        why = "minutes before an hour, or a stretch?" if before else why
    return f'"{said.text(first, last)}": {why} {tries([*before, *offers, *others])}'


# `2 to 4pm`   2pm, 4pm
# `9 to 5pm`   9am, 5pm: a stretch goes forward
# `11am to 1`  11am, 1pm
# `9 to 5`     9am, 5pm; `3 to 5` may lie in either half
def _halved(start: str, end: str) -> tuple[str, str]:
    """The ends of a stretch, each in its half of the day where the other one says which."""
    match, other = _HOUR.fullmatch(start), _HOUR.fullmatch(end)
    if match is None or other is None or (match[2] and other[2]):
        return start, end
    over = int(match[1]) % 12 > int(other[1]) % 12
    if not match[2] and not other[2]:
        return (f"{start}am", f"{end}pm") if over else (start, end)
    half = (match[2] or other[2]).lower()[0] + "m"
    changed = {"am": "pm", "pm": "am"}[half] if over else half
    return (start, f"{end}{changed}") if match[2] else (f"{start}{changed}", end)


def an_exception(said: Said) -> "str | None":
    """Days that a rule leaves out: the days that are left are offered."""
    for phrase in _EXCEPT:
        place = said.find(phrase)
        if place < 1:
            continue
        last = place + len(phrase.split())
        out = set()
        while last < len(said.texts) and (said.texts[last] in (",", "and", "&", "or", "on") or _days(said.texts[last])):
            out |= _days(said.texts[last])
            last += 1
        otherwise = 'name the days that are left, as in "every monday and tuesday at 9am"'
        offers = said.other(f"{said.text(0, place)} {said.text(last)}").closed(_left(out)) if out else {}
        whole = next((f'"{piece}" and ' for piece in offers.values()), "")
        return f'{whole}"{said.text(place, last)}": exceptions are not read {tries(list(offers)[:1], otherwise)}'
    return None


def _left(out: set[str]) -> "list[Way]":
    """How the days of a rule are said without those in ``out``."""
    ways: list[Way] = []
    for piece in ("every day", "each day", "everyday", "daily", "every weekday", "weekdays", "every workday"):
        days = [day[:3] for day in (DAY_NAMES[:5] if "w" in piece else DAY_NAMES) if day not in out]
        if len(days) > 1:
            ways.append((piece, f"every {', '.join(days[:-1])} and {days[-1]}"))
    return ways


def _days(text: str) -> set[str]:
    if text in ("weekend", "weekends"):
        return set(DAY_NAMES[5:])
    number = WEEKDAYS.get(text, WEEKDAY_PLURALS.get(text))
    return set() if number is None else {DAY_NAMES[number]}


# `mon 9am, thu 5pm`        "mon 9am", "thu 5pm"
# `tomorrow and friday 9am` "tomorrow 9am", "friday 9am"
# `9am or 5pm tomorrow`     "9am tomorrow", "5pm tomorrow"
def two_times(said: Said) -> "str | None":
    """Two times in one: both are offered, each with what it shares with the other."""
    places = [place for place, text in enumerate(said.texts) if text in _SEPARATORS][:4]
    for place in [*places, *({said.end} - {0})]:
        first, second = said.text(0, place), said.text(place + (place in places))
        if not (first and second) or (said.texts[place] == "+" and len(said.tokens) == place + 2):
            continue
        if said.texts[place] not in _JOINING and not (_parts(said, first)[1] and _parts(said, second)[1]):
            continue  # `next month, the 15th` is one time
        pair = _pair(said, place, first, second)
        offers = nearest(said, pair[0])
        others = nearest(said, pair[1]) if offers else []
        if others and offers != others and said.recurs(offers[0]) == said.recurs(others[0]):
            either = said.texts[place] == "or"
            why = "which of the two?" if either else "two times are two tasks: schedule each"
            return f'"{first}" and "{second}": {why} {tries([*offers, *others], joint=" or " if either else " and ")}'
    return None


def _pair(said: Said, place: int, first: str, second: str) -> tuple[str, str]:
    """What stands on both sides of a place, each as a whole: `in an hour or two` is `in an hour`, `in two hour`."""
    if place > 1 and said.texts[place - 1] in UNITS and place == len(said.tokens) - 2 and not said.offers(second):
        counted = said.texts[place - 2] in ("a", "an", *NUMBER_WORDS) or said.texts[place - 2].isdigit()
        return first, said.other(first).instead(place - 1 - counted, place - 1, second)
    return (first, second) if _complete(said, first, second) else _shared(said, first, second)


def _parts(said: Said, text: str) -> tuple[str, str]:
    """The day and the clock in ``text``; either may be empty."""
    other = said.other(text)
    for place, token in enumerate(other.tokens):
        number = token.kind == "number"
        following = other.texts[place + 1] if place + 1 < len(other.texts) else ""
        at = place > 0 and other.texts[place - 1] in ("at", "@")
        if (
            token.kind == "colon"
            or token.text in ("noon", "midday", "midnight")
            or (number and (at or following in ("am", "pm", "a", "p", "o'clock") or len(other.texts) == 1))
        ):
            last = place + 1 + (following in ("am", "pm", "a", "p", "o'clock"))
            return f"{other.text(0, place - at)} {other.text(last)}".strip(), other.text(place - at, last)
    return text, ""


def _complete(said: Said, first: str, second: str) -> bool:
    """Whether neither lacks what the other has."""
    (day, clock), (other_day, other_clock) = _parts(said, first), _parts(said, second)
    every = first.split()[0].lower() in EVERY
    return bool(day) == bool(other_day) and bool(clock) == bool(other_clock) and not every


# `every friday`          "every"
# `every other saturday`  "every other", before a weekday and nothing else
# `every other day`       nothing, as every day and every other one are not the same
def _opening(day: list[str], following: str) -> str:
    """The words of a rule's first day that belong to the second too, which starts with ``following``."""
    last = next((place for place, word in enumerate(day) if word.lower() in WEEKDAYS), 0)
    if last > 1 and following in WEEKDAYS:
        return " ".join(day[:last])
    second = "".join(day[1:2]).lower()
    seldom = last > 1 or second in _SELDOM or second.isdigit()
    return "" if seldom and following != second else day[0]


def _shared(said: Said, first: str, second: str) -> tuple[str, str]:
    (day, clock), (other_day, other_clock) = _parts(said, first), _parts(said, second)
    every = day.split()[0] if day and day.split()[0].lower() in EVERY else ""
    if every and other_day and other_day.split()[0].lower() not in EVERY:
        other_day = f"{_opening(day.split(), other_day.split()[0].lower())} {other_day}".strip()
    pair = (
        first if day and clock else f"{day or other_day} {clock or other_clock}",
        second if other_day and other_clock and not every else f"{other_day or day} {other_clock or clock}",
    )
    return " ".join(pair[0].split()), " ".join(pair[1].split())
