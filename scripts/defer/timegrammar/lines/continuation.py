"""Whether what follows the time of a ``::defer`` line may still belong to it."""

import re
from collections.abc import Callable

from defer import spelling
from defer.timegrammar import zones
from defer.timegrammar.reader import grammar
from defer.timegrammar.reading import TimeExpressionError
from defer.timegrammar.refusals.complaint import zones_are_not_read
from defer.timegrammar.refusals.offers import shown
from defer.timegrammar.tokens import Token, tokenise
from defer.timegrammar.words import BARE_UNITS, UNITS

from . import linewords
from .doubts import doubt, recurs
from .timerun import OpenLine, Run, first_line, longest, whole

_ENDS = re.compile(r"[ \t]*(?::(?=\s|[^\W\d])|[;|…→]|=>|->|[.!](?=\s)|\.{2,})")
_OFFSET = re.compile(r"\s*[(\[]?(?:[+-](?:1[0-4]|0?[0-9])(?::?[0-5][0-9])?(?![\w%:.-])|(?<=[0-9])[zZ]\b)")
_CAPITAL_M = re.compile(r"((?:(?i:in|after|every|each)[ \t]+|\+[ \t]*)?[0-9]{1,9}[ \t]*)M(?=\s|$)", re.ASCII)
_CLOCK_AND_OFFSET = re.compile(r"[0-9]{1,2}:?[0-9]{2}(?:[zZ]|[ ]?[+-][0-9]{2}(?::?[0-9]{2})?)(?!\S)")
_BRACKET = re.compile(r"\s*[(\[](?=\s*[^()\[\]\s])([^()\[\]]{1,40})[)\]]")
_PLACE_TIME = re.compile(r"[\s,(]*((?:[^\W\d_]+[ \t]+){1,2})time\b", re.IGNORECASE)
_TZ = re.compile(r"^[\s,(\[]*(?:--)?(?:tz|timezone|time[ -]zone|zone)\s*[=:]?\s*(?=[A-Z])", re.IGNORECASE)
_IN_PLACE = re.compile(r"\s+in\s+([^\W\d_].{0,40})")
_WORD = re.compile(r"(?<![^\s(])[^\W\d_]+(?![^\s,.;:!?)])")
_WHOSE = frozenset("my your our their his her local server system standard".split())
_SHAPES = frozenset(("iso", "isodate", "colon", "dotted", "period", "slashed", "dashed"))


def check(run: Run, takes_clock: Callable[[], bool]) -> None:
    """Raise where what follows the run may belong to it: OpenLine, or an error that names a zone."""
    check_zone(run.line, run.end, takes_clock)
    wrong = slip(run.line, run.end)
    until = doubt(run) or wrong or _goes_on(run, takes_clock)
    if until is not None:
        raise until


def check_zone(line: str, end: int, takes_clock: Callable[[], bool] = bool) -> None:
    """Refuse a zone or a city by its name where one follows the time that ends at ``end``."""
    rest = first_line(line[end:])
    if _ENDS.match(rest):
        return
    rest = _TZ.sub("", rest)
    named = zones.zone_meant(rest.lstrip(" \t,([")) or _zone_of_place(rest, takes_clock)
    if named is not None:
        raise TimeExpressionError(zones_are_not_read(line, named))


def _zone_of_place(rest: str, takes_clock: Callable[[], bool]) -> "str | None":
    place = _IN_PLACE.match(rest)
    if place and not takes_clock():
        named = zones.zone_meant(place[1]) or (zones.city_meant(place[1]) if place[1][0].isupper() else None)
        if named is not None:
            return named
    bracket = _BRACKET.match(rest)
    if bracket:
        return zones.zone_meant(bracket[1]) or zones.city_meant(bracket[1])
    found = _PLACE_TIME.match(rest)
    return zones.city_meant(f"{found[1]}time") if found else None


# `9am tommorow call mom`, `5pm next firday deploy`: left out, the word would be text and its day lost
def slip(line: str, start: int = 0) -> "OpenLine | None":
    """A day that is spelled wrong: one of the first words from ``start`` on, or the last of the line."""
    line = first_line(line)
    found = list(_WORD.finditer(line, start))
    for word in (*found[:2], *found[2:][-1:]):
        near = spelling.nearest(word[0], linewords.DAYS) if len(word[0]) > 4 else None
        if near is not None:
            corrected = line[: word.start()] + near + line[word.end() :]
            return OpenLine(f'"{word[0]}": is that {near}?', (corrected,), line[:start].strip())
    return None


def offset(line: str) -> "OpenLine | None":
    """A clock with an offset and no date in front of the line: `09:00+01:00`, `9:00Z`."""
    found = _CLOCK_AND_OFFSET.match(line)
    return _offset(line[: found.end()]) if found else None


# `1M ping`, `every 5 M ping`
def capital_m(line: str) -> "OpenLine | None":
    """A number and a capital M in front of the line, which may be minutes or months."""
    found = _CAPITAL_M.match(line)
    if found is None:
        return None
    ways = tuple(f"{found[1]}{unit}{line[found.end() :]}" for unit in ("m", "mo"))
    return OpenLine(f'"{shown(line)}": is "{shown(found[0])}" minutes or months?', ways)


def _offset(words: str) -> OpenLine:
    said = f'"{shown(words)}": an offset is read behind a date and its clock alone'
    return OpenLine(said, otherwise='a time with an offset looks like "2027-01-31T09:00+02:00"')


# `@daily at 9am`, `0 9 * * * until friday`
def check_cron(line: str, head: str, text: str) -> None:
    """Raise where the text behind cron fields or a nickname starts with a time that belongs to them."""
    tokens = tokenise(first_line(text), 16)
    texts = [token.text for token in tokens] + [""]
    at = next((place for place, word in enumerate(texts) if word not in linewords.JOINERS), len(tokens))
    end = longest(tokens[at:]) if at < len(tokens) else 0
    behind = texts[at - 1 : at]
    bare = at < len(tokens) and tokens[at].kind == "number" and behind in (["at"], ["@"])
    joined = end and behind and behind not in (["this"], ["next"], ["last"], ["the"], ["and"])
    direct = end and not at and tokens[0].kind in ("number", "colon")
    if bare or joined or direct or texts[0] in linewords.NARROWS:
        said = f'can\'t read "{shown(line)}": cron fields take no other time'
        raise OpenLine(said, (f"{head} -- {text}",), head)


def _goes_on(run: Run, takes_clock: Callable[[], bool]) -> "OpenLine | None":
    """Why what follows the run may still belong to it; None where it is text."""
    rest = first_line(run.line[run.end :])
    bracket, whose = _BRACKET.match(rest), _PLACE_TIME.match(rest)
    if _OFFSET.match(run.line, run.end) and not takes_clock():
        return _offset(run.upto(run.place + 1))
    if bracket and (
        whole(tokenise(bracket[1]))
        or (recurs(run) and bracket[1].split()[0].lower() in linewords.EXCEPTS)
        or (bracket[1].istitle() and bracket[1].isalpha() and not takes_clock())
    ):
        return OpenLine(f'"{shown(run.line[: run.end + bracket.end()])}" is more than one time', by_hand=run.words)
    if whose and (whose[1].strip() in _WHOSE or (whose[1].istitle() and not takes_clock())):
        return OpenLine(f'"{shown(run.line[: run.end + whose.end()])}": whose time is that?', by_hand=run.words)
    if _ENDS.match(rest):
        return None
    return _joined(run, takes_clock)


def _joined(run: Run, takes_clock: Callable[[], bool]) -> "OpenLine | None":
    tokens, at = run.tokens, run.place
    texts = [token.text for token in tokens] + ["", "", ""]
    alone = OpenLine(f'can\'t read "{shown(run.upto(at))}" as one time', by_hand=run.words)
    if _is_vague(texts, at, run, takes_clock):
        return alone
    while texts[at] in linewords.JOINERS:
        at += 1
    joiners = texts[run.place : at]
    if texts[at] == "for" or (at and texts[at - 1] == "for"):
        return _for_a_length(run, at)
    if at >= len(tokens):
        return None
    if texts[at] in linewords.VAGUE or linewords.is_about(texts[at]):
        return alone
    if joiners[-1:] in (["this"], ["next"]) and texts[at] in linewords.PERIODS and recurs(run):
        return alone
    until = OpenLine(f'can\'t read "{shown(run.upto(at))}" as one time', by_hand=run.words)
    if tokens[at].kind == "number":
        return _number(run, at, joiners, takes_clock)
    if texts[at] in linewords.MEALS and set(joiners[-1:]) & linewords.AT_MEALS:
        return until
    if tokens[at].kind in _SHAPES:
        return None if _is_ratio(tokens[at].text) or _is_counted(run, at, joiners, takes_clock) else until
    if texts[at] in linewords.STRONG:
        return until
    if joiners in ([","], ["-"], ["to"]) and linewords.is_phrase(texts[at], texts[at + 1]) and not takes_clock():
        return None
    return until if joiners and _is_time_at(run, at) else None


def _is_ratio(text: str) -> bool:
    """Whether digits with a colon are a ratio: `16:9`."""
    return text[-2:-1] == ":"


def _is_counted(run: Run, at: int, joiners: list[str], takes_clock: Callable[[], bool]) -> bool:
    """Whether digits with a hyphen count what follows: `5-10 people`, behind a time that has its clock."""
    following = run.tokens[at + 1].text if at + 1 < len(run.tokens) else ""
    dashed = run.tokens[at].kind == "dashed" and not joiners
    behind = run.tokens[at + 2].text if at + 2 < len(run.tokens) else ""
    return dashed and (linewords.is_many(following) or linewords.is_many(behind)) and not takes_clock()


# `tomorrow and friday`, `every day next week`, `every friday in november`
def _is_time_at(run: Run, at: int) -> bool:
    """Whether a time starts behind the words that join it to the run, or with one of them."""
    tokens, is_rule = run.tokens, recurs(run)
    for start in range(run.place, at + 1):
        end = longest(tokens[start:]) if start < len(tokens) else 0
        if end and start + end > at and (is_rule or not linewords.is_lone(tokens[start : start + end])):
            return True
    return False


# `2h-long`, `5 minutes of silence`, `in an hour or so`, `tomorrow first thing`, `tomorrow late`
def _is_vague(texts: list[str], at: int, run: Run, takes_clock: Callable[[], bool]) -> bool:
    if texts[at] == "-" and run.line[run.end : run.end + 1] == "-" and texts[at + 1] in linewords.COMPOUNDS:
        return True
    if linewords.is_about(texts[at]):
        return True
    if texts[at] in linewords.ALWAYS or texts[at] in linewords.VAGUE:
        return texts[at] != "every" or texts[at + 1] in linewords.BEHIND_EVERY or longest(run.tokens[at:]) > 0
    if texts[at : at + 2] == ["first", "thing"] or texts[at : at + 3] == ["as", "long", "as"]:
        return True
    if texts[at] == "late" and takes_clock():
        return True
    if texts[at] in linewords.US_ZONES and not takes_clock():
        return True
    if _narrows(texts[at:], run):
        return True
    if texts[at] == "that" and run.words.lower() == "now":
        return True
    return texts[at] in linewords.BEHIND_DELAYS and _ends_in_delay(run)


# `every friday only`, `every day starting next sprint`, `every 2h up to 3 times`, `every day 3x`
def _narrows(texts: list[str], run: Run) -> bool:
    """Whether a rule has a word behind it that bounds it, whatever comes next."""
    first = next((place for place, text in enumerate(texts) if text not in (",", "(")), 0)
    rest = texts[first:]
    counted = rest[0].isdigit() and rest[1] in ("x", "times")
    said = rest[0] in linewords.NARROWS or rest[:2] == ["up", "to"] or rest[:2] == ["at", "most"] or counted
    return said and recurs(run)


def _ends_in_delay(run: Run) -> bool:
    """Whether the run's last words are a length of time."""
    starts = range(max(0, run.place - 6), run.place)
    return any(
        run.place - at in {end for end, _ in grammar().match("DELAY", run.tokens[at : run.place])} for at in starts
    )


def _for_a_length(run: Run, at: int) -> "OpenLine | None":
    """`for` goes on with a length of time alone: `every day for 2 weeks`, but `tomorrow for the demo`."""
    texts = [token.text for token in run.tokens] + ["", "", ""]
    at += texts[at] == "for"
    while texts[at] in ("the", "next", "about", "at", "least"):
        at += 1
    if texts[at] in BARE_UNITS and texts[at - 1] == "next":
        return OpenLine(f'can\'t read "{shown(run.upto(at))}" as one time', by_hand=run.words)
    ends = [end for end, _ in grammar().match("DELAY", run.tokens[at:])] if at < len(run.tokens) else []
    if texts[at : at + 3] == ["as", "long", "as"] or any(
        texts[at + end - 1] == "hour" or not linewords.is_lone(run.tokens[at : at + end]) for end in ends
    ):
        return OpenLine(f'can\'t read "{shown(run.upto(at))}" as one time', by_hand=run.words)
    return None


# `2x`, `1:1`, `5%`, `3.12.1`, `80s`
def _is_part_of_a_name(number: Token, following: list[Token], half: bool) -> bool:
    """Whether what is glued to a number makes it neither a clock nor a length."""
    if not following or not following[0].glued or half:
        return False
    text = following[0].text
    if text == ".":
        return len(following) > 1 and following[1].glued and following[1].text[0].isdigit()
    decade = text == "s" and number.text in ("50", "60", "70", "80", "90")
    return decade or (text not in UNITS and text not in ("-", ",", ";", "ish"))


# `tomorrow 9 people`       yes: a small number may be its clock
# `3pm 5 things`            no: the run has its clock, so that 5 is text
# `5pm to 6 focus`          yes: a stretch
# `tomorrow 2x`, `1:1`, `5%`  no: what is glued to it makes it no clock
def _number(run: Run, at: int, joiners: list[str], takes_clock: Callable[[], bool]) -> "OpenLine | None":
    token, tokens = run.tokens[at], run.tokens
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    text = following.text if following else ""
    said = f'can\'t read "{shown(run.upto(at))}" as one time'
    half = text in ("am", "pm", "a", "p", "o'clock", "oclock")
    if _is_part_of_a_name(token, tokens[at + 1 : at + 3], half):
        return None
    if "the" in joiners:
        return None
    value = int(token.text[:5])
    clock = value <= 24 or (len(token.text) in (3, 4) and value % 100 < 60 and value // 100 < 24)
    ranged = bool(set(joiners) & linewords.RANGES)
    if half or (ranged and clock and joiners[-1:] != ["and"]):
        return OpenLine(said, by_hand=run.words)
    hour = run.tokens[run.place - 1]
    if not joiners and hour.kind == "number" and len(hour.text) < 3 and len(token.text) == 2 and value < 60:
        return OpenLine(said, (f"{run.words}:{run.line[token.start :]}", run.by_hand()), run.words)
    if not takes_clock():
        counted = text in UNITS and "and" in joiners
        return (
            OpenLine(said, by_hand=run.words) if counted or (ranged and clock and not linewords.is_many(text)) else None
        )
    if text in UNITS or clock:
        return OpenLine(
            said, _clocks(run, at, value) if not joiners and not (following and following.glued) else (), run.words
        )
    return None


def _clocks(run: Run, at: int, value: int) -> "tuple[str, ...]":
    """The line with the number as a clock, and with the time ended before it."""
    rest = run.line[run.tokens[at].end :]
    number = run.tokens[at].text
    hours = (f"{number}am", f"{number}pm") if value <= 12 else (f"at {number}",)
    return (*(f"{run.words} {hour}{rest}" for hour in hours), run.by_hand())
