"""The terminals of the grammar: what a single token, or two, can stand for.

Each takes the tokens and a place and answers ``(next place, value)`` or None. Values are plain
tuples and numbers; a value that fits no calendar is let through where its error can say more.
"""

from collections.abc import Collection, Mapping
from typing import Any

from .engine import Terminal
from .tokens import Token
from .words import (
    BARE_UNITS,
    MONTHS,
    NUMBER_WORDS,
    ORDINALS,
    PARTS,
    TENS,
    UNITS,
    WEEKDAY_PLURALS,
    WEEKDAYS,
)

Found = tuple[int, Any] | None

HOUR, MINUTE, SECOND = ("second", 3600), ("second", 60), ("second", 1)
#: Units of the calendar in the singular: behind four digits they start another phrase, `0900 day after tomorrow`.
_ONE_DAY_OR_MORE = frozenset(word for word in BARE_UNITS if UNITS[word][0] != "second")
#: Words beside which `2030` is not a year.
_BESIDE_A_CLOCK = frozenset(WEEKDAYS) | {"today", "tomorrow", "tonight", "day", "daily", "weekdays"}
#: What stands before `day` for one of them.
_SINGLE = frozenset(("1", "a", "an", "one", "another", "business", "working", "work"))
#: Words that a number of two digits before them counts.
_COUNTED = frozenset(("am", "pm", "business", "working", "work", "%"))
#: The zones furthest from UTC are 14 hours away.
_WIDEST_OFFSET = 14 * 60
#: Words behind which `09 hours` is a length of time all the same.
_LENGTH_GOES_ON = frozenset(("from", "later", "hence", "time", "and", ","))


def _digits(token: Token, least: int, most: int) -> bool:
    return token.kind == "number" and least <= len(token.text) <= most


def _number(least: int, most: int) -> Terminal:
    def read(tokens: list[Token], place: int) -> Found:
        token = tokens[place]
        return (place + 1, int(token.text)) if _digits(token, least, most) else None

    return read


def half_letter(tokens: list[Token], place: int) -> Found:
    """The `a` of `3a`; in `1a4` it is a slip."""
    half = {"a": 0, "p": 12}.get(tokens[place].text)
    joined = place + 1 < len(tokens) and tokens[place + 1].glued and tokens[place + 1].text[0].isdigit()
    return None if half is None or joined else (place + 1, half)


def _thousands(tokens: list[Token], place: int) -> Found:
    return (place + 1, int(tokens[place].text)) if tokens[place].kind == "thousands" else None


def _table(table: "dict[str, Any]") -> Terminal:
    def read(tokens: list[Token], place: int) -> Found:
        value = table.get(tokens[place].text)
        return None if value is None else (place + 1, value)

    return read


def _in_words(tokens: list[Token], place: int, tens: Collection[str], words: Mapping[str, int]) -> Found:
    """One of ``words``; or one of ``tens``, with one of the first nine of ``words`` behind it."""
    text = tokens[place].text
    if text in tens and place + 1 < len(tokens):
        ones = words.get(tokens[place + 1].text, 0)
        if 0 < ones < 10:
            return place + 2, TENS[text] + ones
    value = words.get(text)
    return None if value is None else (place + 1, value)


def unit(tokens: list[Token], place: int) -> Found:
    """A unit, unless the digits before it are a clock: `1700 hours`, `0900 day`, `1.30 h`, `0030 minutes`.

    Neither is the `day` of `8 day after tomorrow` one, where `8` is an hour, nor the `m` of `1y2m`, which is a month's.
    """
    found = UNITS.get(tokens[place].text)
    if found is None or (place and _is_clock(tokens, place, found)):
        return None
    behind_years = tokens[place].text == "m" and place > 1 and UNITS.get(tokens[place - 2].text, HOUR)[0] == "month"
    return None if behind_years else (place + 1, found)


def _is_clock(tokens: list[Token], place: int, found: tuple[str, int]) -> bool:
    digits = tokens[place - 1]
    if digits.text == "hundred" and found == HOUR and place > 1:
        return 1 < NUMBER_WORDS.get(tokens[place - 2].text, 0) < 24
    if [each.text for each in tokens[place : place + 3]] == ["day", "after", "tomorrow"]:
        return digits.text not in _SINGLE
    if digits.kind == "decimal":
        return found == HOUR and clock_in_decimals(tokens, place - 1) is not None
    if digits.kind != "number":
        return False
    if place > 1 and digits.glued and UNITS.get(tokens[place - 2].text) == HOUR and found != MINUTE:
        return not tokens[place].glued or found != SECOND
    if digits.text[0] == "0" and len(digits.text) > 1:
        return len(digits.text) > 2 or found == HOUR and _stands_alone(tokens, place)
    clock = len(digits.text) == 4 and digits.text < "2460"
    return clock and (found == HOUR or (digits.text[2] < "6" and tokens[place].text in _ONE_DAY_OR_MORE))


def _stands_alone(tokens: list[Token], place: int) -> bool:
    """Whether `09 hours` starts the text and nothing behind it says that it is a length of time."""
    if place > 1 or place + 1 == len(tokens):
        return place == 1
    following = tokens[place + 1]
    return following.kind != "number" and following.text not in _LENGTH_GOES_ON


def number_word(tokens: list[Token], place: int) -> Found:
    """`seven`, `twenty five`."""
    return _in_words(tokens, place, TENS, NUMBER_WORDS)


def numeric_ordinal(tokens: list[Token], place: int) -> Found:
    """`1st`, `22nd`; `2st` is not one."""
    if place + 1 >= len(tokens) or not _digits(tokens[place], 1, 2) or not tokens[place + 1].glued:
        return None
    value = int(tokens[place].text)
    teen = 10 < value % 100 < 14
    suffix = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return (place + 2, value) if tokens[place + 1].text == suffix else None


def ordinal_word(tokens: list[Token], place: int) -> Found:
    """`third`, `twenty first`."""
    return _in_words(tokens, place, ("twenty", "thirty"), ORDINALS)


def clock_colon(tokens: list[Token], place: int) -> Found:
    """`9:30`, `11:00:09`."""
    if tokens[place].kind != "colon":
        return None
    hour, minute, *second = (int(part) for part in tokens[place].text.split(":"))
    return place + 1, (hour, minute, *(second or [0]))


def clock_digits(tokens: list[Token], place: int) -> Found:
    """`1730`, `0815`; hours and minutes in four digits."""
    token = tokens[place]
    if not _digits(token, 4, 4):
        return None
    return place + 1, (int(token.text[:2]), int(token.text[2:]), 0)


def clock_late(tokens: list[Token], place: int) -> Found:
    """`2030` where the word beside it makes it a clock: `tomorrow 2030`, `1930 friday`; never beside a month."""
    token = tokens[place]
    if not _digits(token, 4, 4) or token.text[:2] not in ("19", "20") or token.text[2] > "5":
        return None
    before = [each.text for each in reversed(tokens[max(0, place - 2) : place])]
    behind = [each.text for each in tokens[place + 1 : place + 3]]
    beside = [*before[: 1 + (before[:1] == ["by"])], *behind[: 1 + (behind[:1] == ["on"])]]
    near = any(text in _BESIDE_A_CLOCK for text in beside) and all(each.text not in MONTHS for each in tokens)
    if token.text[:2] == "20" and int(token.text[3]) % 5:
        return None  # `tomorrow 2026` names a year, or nothing
    return (place + 1, (int(token.text[:2]), int(token.text[2:]), 0)) if near else None


def clock_morning(tokens: list[Token], place: int) -> Found:
    """`5:30`, `11:00`: an hour that may be meant with pm."""
    found = clock_colon(tokens, place)
    return found if found and 0 < found[1][0] < 12 and tokens[place].text[0] != "0" else None


def clock_padded(tokens: list[Token], place: int) -> Found:
    """`05:30`, `17:30`, `12:00`: an hour of 24."""
    return None if clock_morning(tokens, place) else clock_colon(tokens, place)


def clock_of_two(tokens: list[Token], place: int) -> Found:
    """`17:00`, `09:30`: nobody writes a length of time so; the small hours are left out."""
    found = clock_colon(tokens, place)
    return found if found and tokens[place].text[2] == ":" and found[1][0] > 4 else None


def clock_or_length(tokens: list[Token], place: int) -> Found:
    """`1:30`, `01:30`, `9:30`: before `hours` a clock or a length of time."""
    return None if clock_of_two(tokens, place) else clock_colon(tokens, place)


def clock_in_decimals(tokens: list[Token], place: int) -> Found:
    """`10.30`, `1.45`: before `hours` a clock or a decimal; `1.25`, `0.50`, `2.75` and `1.00` are decimals."""
    found = clock_dot(tokens, place)
    if found is None or found[1][0] > 23 or found[1][1] > 59:
        return None
    return None if len(tokens[place].text) == 4 and found[1][1] in (0, 25, 50) else found


def clock_dictated(tokens: list[Token], place: int) -> Found:
    """`10 30` before am or pm; behind a month or `day` the first number may be its day."""
    if place + 2 >= len(tokens) or tokens[place + 2].text not in ("am", "pm", "a", "p"):
        return None
    hour, minute = tokens[place : place + 2]
    parted = _digits(hour, 1, 2) and _digits(minute, 2, 2) and not minute.glued
    before = [each.text for each in reversed(tokens[max(0, place - 2) : place])]
    return (place + 2, (int(hour.text), int(minute.text), 0)) if parted and not _may_be_a_day(before) else None


def _may_be_a_day(before: list[str]) -> bool:
    """Whether a number may be the day of what stands ``before`` it, the nearest first."""
    if before[:1] == [","]:
        return before[-1] not in WEEKDAYS.keys() | {"today", "tomorrow"}
    if len(before) > 1 and (before[1].isdigit() or before[1] in ("of", "st", "nd", "rd", "th")):
        return False
    return bool(before) and (before[0] in MONTHS or before[0] in ("day", "days", "the", "and"))


def clock_short(tokens: list[Token], place: int) -> Found:
    """`730`, three digits, which only am or pm makes a clock."""
    token = tokens[place]
    return (place + 1, (int(token.text[0]), int(token.text[1:]), 0)) if _digits(token, 3, 3) else None


def clock_dot(tokens: list[Token], place: int) -> Found:
    """`11.30`, as many write a clock."""
    token = tokens[place]
    hour, _, minute = token.text.partition(".")
    if token.kind != "decimal" or len(minute) != 2 or len(hour) > 2:
        return None
    return place + 1, (int(hour), int(minute), 0)


def decimal(tokens: list[Token], place: int) -> Found:
    """`1.5` as (15, 10)."""
    whole, _, part = tokens[place].text.partition(".")
    if tokens[place].kind != "decimal":
        return None
    return place + 1, (int(whole + part), 10 ** len(part))


def _shape(kind: str, mark: str) -> Terminal:
    def read(tokens: list[Token], place: int) -> Found:
        token = tokens[place]
        if token.kind != kind:
            return None
        return place + 1, tuple(part.strip() for part in token.text.split(mark))

    return read


def _text(kind: str) -> Terminal:
    def read(tokens: list[Token], place: int) -> Found:
        token = tokens[place]
        return (place + 1, token.text) if token.kind == kind else None

    return read


def year(tokens: list[Token], place: int) -> Found:
    """A year in four digits, or two behind an apostrophe."""
    token = tokens[place]
    if _digits(token, 4, 4) and "1900" <= token.text <= "2099":
        return place + 1, int(token.text)
    if token.text == "'" and place + 1 < len(tokens) and _digits(tokens[place + 1], 2, 2):
        return place + 2, 2000 + int(tokens[place + 1].text)
    return None


def two_digit_year(tokens: list[Token], place: int) -> Found:
    """The `26` of `30 oct 26`: 24 to 99, which no hour is, and nothing that the next word counts."""
    token = tokens[place]
    following = tokens[place + 1].text if place + 1 < len(tokens) else ""
    if not _digits(token, 2, 2) or token.text < "24" or following in UNITS or following in _COUNTED:
        return None
    return place + 1, 2000 + int(token.text)


def weekday_aside(tokens: list[Token], place: int) -> Found:
    """A weekday beside its date, in brackets or not."""
    bracketed = tokens[place].text == "("
    inside = place + bracketed
    value = WEEKDAYS.get(tokens[inside].text) if inside < len(tokens) else None
    if value is None or not bracketed:
        return None if value is None else (inside + 1, value)
    closed = inside + 1 < len(tokens) and tokens[inside + 1].text == ")"
    return (inside + 2, value) if closed else None


def offset(tokens: list[Token], place: int) -> Found:
    """`+0000`, `-05:00`, and a `Z` without a blank before it: minutes east of UTC."""
    token = tokens[place]
    if token.text == "z" and token.glued:
        return place + 1, 0
    if token.text not in ("+", "-") or place + 1 == len(tokens) or not tokens[place + 1].glued:
        return None
    digits = tokens[place + 1].text.replace(":", "")
    if tokens[place + 1].kind not in ("number", "colon") or len(digits) != 4:
        return None
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    fits = minutes <= _WIDEST_OFFSET and int(digits[2:]) < 60
    return (place + 2, minutes if token.text == "+" else -minutes) if fits else None


def dashed(tokens: list[Token], place: int) -> Found:
    """`2026-12-24`, `24-dec-2026`, `24/dec/2026`: the pieces between the dashes."""
    if tokens[place].kind != "dashed":
        return None
    return place + 1, tuple(tokens[place].text.replace("/", "-").replace(".", "-").split("-"))


_TABLES: dict[str, dict[str, Any]] = {
    "MONTH": dict(MONTHS),
    "WEEKDAY": dict(WEEKDAYS),
    "PLURALDAY": dict(WEEKDAY_PLURALS),
    "UNIT'S": {word + "'s": UNITS[word] for word in BARE_UNITS},
    "ONEUNIT": {word: UNITS[word] for word in BARE_UNITS},
    "PARTWORD": {word: word for word in PARTS},
    "PLURALPART": {word + "s": word for word in PARTS},
}

TERMINALS: dict[str, Terminal] = {
    **{name: _table(table) for name, table in _TABLES.items()},
    "NUMBER": _number(1, 9),
    "HALF": half_letter,
    "THOUSANDS": _thousands,
    "DIGIT": _number(1, 1),
    "EPOCH": _number(1, 12),
    "UNIT": unit,
    "NUMBERWORD": number_word,
    "DAYNUMBER": _number(1, 2),
    "TWODIGITS": _number(2, 2),
    "HOURNUMBER": _number(1, 2),
    "NUMERICORDINAL": numeric_ordinal,
    "ORDINALWORD": ordinal_word,
    "H:MM": clock_colon,
    "HHMM": clock_digits,
    "LATEHHMM": clock_late,
    "PADDED:MM": clock_padded,
    "MORNING:MM": clock_morning,
    "HH:MM": clock_of_two,
    "EARLY:MM": clock_or_length,
    "CLOCK.MM": clock_in_decimals,
    "H.SPACE.MM": clock_dictated,
    "HMM": clock_short,
    "H.MM": clock_dot,
    "DECIMAL": decimal,
    "SLASHED": _shape("slashed", "/"),
    "DASHED": dashed,
    "DOW": weekday_aside,
    "OFFSET": offset,
    "YY": two_digit_year,
    "DOTTED": _shape("dotted", "."),
    "ISODATETIME": _text("iso"),
    "ISODAY": _text("isodate"),
    "ISOPERIOD": _text("period"),
    "YEAR": year,
}

_NUMBER = frozenset(("<number>",))
#: The words and token kinds each terminal may start with.
STARTS: dict[str, frozenset[str]] = {
    **dict.fromkeys(TERMINALS, _NUMBER),
    **{name: frozenset(table) for name, table in _TABLES.items()},
    "UNIT": frozenset(UNITS),
    "NUMBERWORD": frozenset(NUMBER_WORDS),
    "ORDINALWORD": frozenset(ORDINALS) | {"twenty", "thirty"},
    "H:MM": frozenset(("<colon>",)),
    "PADDED:MM": frozenset(("<colon>",)),
    "MORNING:MM": frozenset(("<colon>",)),
    "HH:MM": frozenset(("<colon>",)),
    "EARLY:MM": frozenset(("<colon>",)),
    "H.MM": frozenset(("<decimal>",)),
    "CLOCK.MM": frozenset(("<decimal>",)),
    "DECIMAL": frozenset(("<decimal>",)),
    "SLASHED": frozenset(("<slashed>",)),
    "DASHED": frozenset(("<dashed>",)),
    "DOW": frozenset(WEEKDAYS) | {"("},
    "OFFSET": frozenset(("+", "-", "z")),
    "HALF": frozenset(("a", "p")),
    "THOUSANDS": frozenset(("<thousands>",)),
    "DOTTED": frozenset(("<dotted>",)),
    "ISODATETIME": frozenset(("<iso>",)),
    "ISODAY": frozenset(("<isodate>",)),
    "ISOPERIOD": frozenset(("<period>",)),
    "YEAR": _NUMBER | {"'"},
}
