"""Reasons that lie in numbers: bare ones, clocks that do not exist, minutes without an hour, am and pm without one."""

from defer.timegrammar.reading import A_DATE
from defer.timegrammar.words import NUMBER_WORDS, UNITS

from .offers import HALVES, Said, tries
from .wordreasons import CLOCK, HOUR, LENGTH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from defer.timegrammar.reading import Way


def minutes_past(said: Said) -> "str | None":
    """`20 past`, `20 after`: minutes, and no hour."""
    past = len(said.texts) - 1 if said.texts[-1] == "after" else said.find("past")
    first = past
    while first > 0 and is_a_number(said, first - 1):
        first -= 1
    if first == past or past < said.end or said.texts[past - 1] in ("0", "00", "zero"):
        return None
    if said.texts[past - 1].isdigit() and int(said.texts[past - 1][:9]) > 59:
        return None
    number, typed = said.text(first, past), said.text(first, past + 1)
    quoted = "" if typed == " ".join(said.expr.split()) else f'"{typed}": '
    unit = "minute" if number.lower() in ("1", "one") else "minutes"
    return f'{quoted}{number} {unit} past which hour? (such a time looks like "20 past four")'


def is_a_number(said: Said, place: int) -> bool:
    """Whether a number stands at a place, in digits or in words."""
    return said.tokens[place].kind == "number" or said.texts[place] in NUMBER_WORDS


def numbers(said: Said) -> "str | None":
    """Numbers that make no time: bare ones, clocks and half days that do not exist."""
    for place, token in enumerate(said.tokens):
        following = said.texts[place + 1] if place + 1 < len(said.texts) else ""
        typed = said.text(place, place + 1)
        if token.kind == "colon":
            hour, minute, *second = (int(part) for part in token.text.split(":"))
            if hour > 23 or max(minute, *second, 0) > 59:
                offers = list(said.closed([(token.text, "midnight")])) if token.text == "24:00" else []
                return f'there is no clock time "{typed}" {tries(offers, CLOCK)}'
            if following in ("am", "pm") and not 0 < hour < 13:
                offers = said.offers(said.instead(place, place + 2, typed)) if hour or following == "am" else []
                return f'"{typed}{following}": hours with am or pm go from 1 to 12 {tries(offers)}'
        at = place and said.texts[place - 1] in ("at", "@") and token.kind == "number" and following not in UNITS
        if at and len(typed) < 4 and int(typed) > 23:
            return f'there is no hour "{typed}" ({CLOCK})'
        hour = int(typed[:2] if len(typed) == 4 else typed[:9]) if token.kind == "number" else 1
        if token.kind == "number" and following in ("am", "pm") and len(typed) != 3 and not 0 < hour < 13:
            clock = typed if len(typed) == 4 else f"{hour:02}:00"
            offers = said.offers(said.instead(place, place + 2, clock)) if following == "pm" and hour else []
            return f'"{typed}{following}": hours with am or pm go from 1 to 12 {tries(offers)}'
    return _bare(said)


_BEFORE_BARE = ("in", "after", "for", "at", "within", "every", "@", "on")


# `10`             no unit; a length or a clock
# `in 5`, `after 30`  the same behind a word
# `1792000000`     seconds since 1970, which want an @; in 13 digits thousandths of them
def _bare(said: Said) -> "str | None":
    token, before = said.tokens[-1], said.texts[-2:-1]
    number = token.text
    if (token.kind != "number" and number not in NUMBER_WORDS) or not number.strip("0") or number == "zero":
        return None
    if before == ["+"]:
        ways: list[Way] = [(number, f"{{}} {unit}") for unit in ("minutes", "hours", "days")]
        return f'"+ {number}" has no unit {tries(list(said.closed(ways)), LENGTH)}'
    if len(said.tokens) > 2 or (before and before[0] not in _BEFORE_BARE):
        return None
    if len(number) in (10, 13) and number.isdigit():
        offers = said.offers(f"@{number[:10]}")
        return f'"{number}" is not read as seconds since 1970 {tries(offers, "those are written @1795000000")}'
    if len(number) == 8 and number.isdigit():
        return f'"{number}": a date has dashes {tries(said.offers(f"{number[:4]}-{number[4:6]}-{number[6:]}"), A_DATE)}'
    if "1900" <= number <= "2099" and len(number) == 4 and before != ["every"]:
        return f"a year alone names no date {tries(said.offers(f'at {number}'), A_DATE, before='for that clock time ')}"
    ways = [(number, "{} minutes"), (number, "{} hours"), (number, "at {}"), *HALVES]
    offers = list(said.closed(ways))[:3]
    return f"a bare number has no unit {tries([*offers, *said.offers(f'at {number}')] if before else offers)}"


def nothing(said: Said) -> "str | None":
    """`0m`: no time at all."""
    digits = "".join(text for text in said.texts if text[0].isdigit())
    if digits and not set(digits) & set("123456789") and not said.words & {"am", "pm"} and ":" not in digits:
        return 'that is not a time at all (a delay looks like "1m")'
    return None


#: What am and pm may stand behind.
_WITH_HALF = ("number", "colon", "decimal")
_NO_HALF = ("noon", "midnight", "am", "pm")


def half_without_hour(said: Said) -> "str | None":
    """`fri pm`, `am 9`, `9 p`: the half of a day that is not behind an hour of it."""
    for place, text in enumerate(said.texts):
        before = said.tokens[place - 1] if place else None
        typed = said.text(place, place + 1)
        if text in ("a", "p") and before and before.kind in _WITH_HALF:
            return f'"{typed}" alone is not read behind a blank {tries(list(said.closed([(text, f"{text}m")])), HOUR)}'
        has_hour = before is not None and (
            before.kind in _WITH_HALF or before.text in _NO_HALF or before.text in NUMBER_WORDS
        )
        if text not in ("am", "pm") or place < said.end or has_hour:
            continue
        if said.texts[place + 1 : place + 2] and said.tokens[place + 1].kind in _WITH_HALF:
            offers = said.offers(said.instead(place, place + 2, f"{said.text(place + 1, place + 2)}{text}"))
            return f'"{typed}" goes behind its hour {tries(offers, HOUR)}'
        ways: list[Way] = [("pm", "afternoon"), ("pm", "evening")] if text == "pm" else [("am", "morning")]
        return f'"{typed}" wants an hour {tries(list(said.closed(ways)), HOUR)}'
    return None
