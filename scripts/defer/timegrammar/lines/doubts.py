"""The last words of a ``::defer`` line's time where they may be the first words of its text."""

import re

from defer.timegrammar.reader import recurring
from defer.timegrammar.refusals.offers import shown
from defer.timegrammar.tokens import Token, tokenise
from defer.timegrammar.words import BARE_UNITS, MONTHS, NUMBER_WORDS, ORDINALS, PARTS, WEEKDAY_PLURALS, WEEKDAYS

from . import linewords
from .timerun import OpenLine, Run, ends_in_clock, places, whole

#: Behind the time these end it, so that its last words belong to it.
_SEPARATED = re.compile(r"[ \t]*[:;|,—–]|[ \t]+-[ \t]|[ \t]*$")
_DASH = re.compile(r"[ \t][-–—][ \t]")
#: More words than these are not the text's: `and a half day` off.
_MOST_WORDS = 4
#: Rules in one word that hardly start a text.
_RULES = frozenset(WEEKDAY_PLURALS) | {"weekdays", "weekends", "workdays"}
#: Digits behind these are minutes: `1h 30`.
_HOURS = ("h", "hr", "hrs", "hour", "hours")
_ENDINGS = ("st", "nd", "rd", "th")


def doubt(run: Run) -> "OpenLine | None":
    """What to say where the end of the time may be text; None where it cannot."""
    if run.place == len(run.tokens) or _SEPARATED.match(run.line, run.end):
        return None
    found = places(run.tokens)
    for place in range(run.place - 1, max(0, run.place - _MOST_WORDS - 1), -1):
        if place in found and _is_doubtful(run, place):
            shorter = Run(run.line, run.tokens, place)
            tail = run.line[shorter.end : run.end].strip(" \t,-")
            said = f'"{shown(run.words)}": is "{shown(tail)}" part of the time or of the text?'
            return OpenLine(said, (_surely(run, shorter, tail), shorter.by_hand()), shorter.words)
    return None


def recurs(run: Run) -> bool:
    """Whether the run is a rule, which words behind it may bound: `every hour until it is green`."""
    return run.place in {end for end, _ in recurring().match("RECURS", run.tokens[: run.place])}


def _surely(run: Run, shorter: Run, tail: str) -> str:
    """The line with the end of its time said so that it cannot be text: `sat 5pm`, `tonight at 7`."""
    rest = run.line[run.end :]
    if shorter.tokens[shorter.place - 1].text in _HOURS:
        return f"{shorter.words} {tail} min{rest}" if tail.isdigit() else run.by_hand()
    if tail.isdigit() or tail.lower() in NUMBER_WORDS:
        return f"{shorter.words} at {tail}{rest}"
    return f"{tail} {shorter.words}{rest}" if tail.lower() in WEEKDAYS else run.by_hand()


def _is_doubtful(run: Run, place: int) -> bool:
    """Whether the time may end at ``place`` already."""
    tail = run.tokens[place : run.place]
    behind_mark = tail[0].kind == "mark"
    if tail[0].glued and not behind_mark:
        return False
    while len(tail) > 1 and tail[0].text in (",", "-", "the"):
        tail = tail[1:]
    before, following = run.tokens[:place], run.tokens[run.place].text
    number = _is_number(tail, before, behind_mark) or _is_count(tail, before, following)
    if number or _is_adjective(tail, before) or _is_word(tail, before, run, place):
        return True
    if not _is_day(tail, following):
        return False
    if _DASH.search(run.line, before[-1].end, tail[0].start):
        return True
    if tail[0].text in WEEKDAYS and not ends_in_clock(before):
        return False
    open_day = whole([*before, *tokenise("11:11")])
    return not open_day or (recurs(Run(run.line, run.tokens, place)) and tail[0].text not in PARTS)


# `tonight 7` people, `tomorrow morning two` calls, `2h 30` pushups; but `dec 24` buy gifts, `at 8, 12` pills
def _is_number(tail: list[Token], before: list[Token], behind_mark: bool) -> bool:
    text, last = tail[0].text, before[-1]
    if len(tail) > 1 or (behind_mark and last.kind == "number"):
        return False
    if text in NUMBER_WORDS:
        return last.text not in NUMBER_WORDS
    named = len(before) > 1 and (before[-2].kind == "number" or before[-2].text in ("of", *_ENDINGS))
    dated = last.text in MONTHS and not named
    return text.isdigit() and len(text) < 3 and not dated


# `tonight 500` words, `tomorrow 1000` steps; but `tomorrow 0930` calls, `tomorrow 1000` review, `dec 24 2026` plans
def _is_count(tail: list[Token], before: list[Token], following: str) -> bool:
    text = tail[0].text
    if len(tail) > 1 or not text.isdigit() or text[0] == "0":
        return False
    dated = len(text) == 4 and text[:2] in ("19", "20") and any(token.text in MONTHS for token in before)
    return not dated and linewords.is_many(following)


# `in 3 days 2 hour` workout, `in an hour and a half day` off, `12/24 day` off; but `1 hour 1 minute` check
def _is_adjective(tail: list[Token], before: list[Token]) -> bool:
    texts = [token.text for token in tail]
    if texts[-1] not in BARE_UNITS - {"sec", "min", "hr"}:
        return False
    counted = any(text == "half" or text in NUMBER_WORDS or text.isdigit() for text in texts)
    one = len(texts) > 1 and texts[-2] in ("1", "one", "a", "an") and "half" not in texts
    return (counted and not one) or (len(texts) == 1 and before[-1].kind == "slashed")


# `monday second` coffee, `the 5th may` need it, `this weekend sun` screen, `friday next` steps, `next month 1st` draft
def _is_word(tail: list[Token], before: list[Token], run: Run, place: int) -> bool:
    text, last = tail[0].text, before[-1].text
    without_the = run.tokens[place] is tail[0]
    if len(tail) == 2:
        numeric = text.isdigit() and tail[1].text in _ENDINGS and without_the
        return numeric and last not in MONTHS and (last not in WEEKDAYS or int(text) < 4)
    if len(tail) > 2:
        return False
    if text in linewords.STARTS_TEXT or linewords.is_phrase(text, run.tokens[run.place].text):
        return True
    if text in ORDINALS:
        return without_the and last not in MONTHS
    return (last in _ENDINGS and text in linewords.ALSO_MONTHS) or (text == "week" and last in ("today", "tomorrow"))


# `5pm sat` nav update, `9am may` …, `5pm the first` draft, `9am 5th` avenue, `9am may 5` people, `dec 24 6pm 2027` plan
def _is_day(tail: list[Token], following: str) -> bool:
    texts = [token.text for token in tail]
    if len(tail) == 1:
        year = texts[0].isdigit() and len(texts[0]) == 4
        lone = linewords.is_lone(tail) and texts[0] not in _RULES
        return year or lone or texts[0] in WEEKDAYS or texts[0] in ORDINALS
    if len(tail) == 2 and texts[0] in linewords.ALSO_MONTHS:
        return texts[1].isdigit() and linewords.is_many(following)
    return len(tail) == 2 and texts[0].isdigit() and texts[1] in _ENDINGS
