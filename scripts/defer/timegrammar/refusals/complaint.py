"""The one line that says why an expression is refused and what would work."""

import re

from defer.timegrammar.reading import A_TIME
from defer.timegrammar.tokens import MOST_TOKENS
from defer.timegrammar.zones import ABBREVIATIONS, city_meant, offset_zone, zone_meant

from .offers import Said, is_unknown, shown, tries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from defer.errors import Text

#: What an error's line has room for.
MOST_CHARACTERS = 249
_OFFSET = re.compile(r"(?:(?:utc|gmt)[ \t]*)?([+-][0-9]{1,2}(?::?[0-9]{2})?)(?![0-9a-z:])", re.IGNORECASE)


#: Words that name a zone behind a time, in small letters too.
_ZONE_WORDS = frozenset(("eastern", "central", "mountain", "pacific", "z", "et", "ct", "pt"))


def zones_are_not_read(text: str, named: str) -> "Text":
    """That a text names the zone ``named``, and where that is to be said."""
    return lambda called: f'"{shown(text)}": zones are not read from the text (use {called("tz")} {named})'


def complaint(said: Said) -> "Text":
    """Why what was said is refused."""
    if not said.tokens:
        return f"no time is given ({A_TIME})"
    if len(said.tokens) > MOST_TOKENS:
        return f'can\'t read "{shown(said.expr)}": too long for a time ({A_TIME})'
    if (found := _offset(said)) or (named := _zone(said)) and (found := zones_are_not_read(said.expr, named)):
        return found
    return f'can\'t read "{shown(said.expr)}": {_reason(said)}'


def _reason(said: Said) -> str:
    """The first reason there is, unless it is too long for a line."""
    from .misspelt import misspelt
    from .reasons import REASONS, left_over

    room = MOST_CHARACTERS - len(f'can\'t read "{shown(said.expr)}": ')
    found = (look(said) for look in (misspelt, *REASONS))
    return next((each for each in found if each and each.isprintable() and len(each) <= room), None) or left_over(said)


def _zone(said: Said) -> "str | None":
    """The zone to suggest where a word names one."""
    for place, token in enumerate(said.tokens) if len(said.tokens) > 1 else ():
        text = said.expr[token.start :]
        apart = not token.glued or said.tokens[place - 1].kind == "mark"
        if token.kind == "word" and apart and (named := zone_meant(text)):
            return named
        behind_digits = token.glued and said.texts[place - 1][-1:].isdigit()
        if place and is_unknown(token) and (token.text in _ZONE_WORDS or behind_digits) and token.text in ABBREVIATIONS:
            return ABBREVIATIONS[token.text]
        if is_unknown(token) and (named := city_meant(text)):
            return named
    return None


# `9am +0200`            2026-10-15T09:00+02:00
# `every day 9am UTC+2`  --tz Etc/GMT-2, whose sign is the other way round
# `now +1 hour`          no offset
def _offset(said: Said) -> "Text | None":
    """What to say where an offset stands beside a time that is not ISO."""
    for place, token in enumerate(said.tokens[1:], 1):
        match = _OFFSET.match(said.expr, token.start)
        if match is None or (zone := offset_zone(match[1])) is None:
            continue
        last = next((each for each, one in enumerate(said.tokens) if one.start >= match.end()), len(said.tokens))
        plain = match[0][0] in "+-" and len(match[1].replace(":", "")) < 5
        if plain or not said.works(rest := said.instead(place, last, "")):
            continue
        if (local := said.local(rest, zone)) is None:
            why = f'"{shown(said.expr)}": an offset is not read from the text'
            return lambda called: f'{why} (use {called("tz")} {zone} without "{match[0]}")'
        offer = local.isoformat(timespec="minutes")
        return (
            f'"{shown(said.expr)}": an offset belongs to ISO times, so say "{rest} {match[0]}" as one {tries([offer])}'
        )
    return None
