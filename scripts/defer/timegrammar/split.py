"""A ``::defer`` line cut into its time words and its text.

The longest run of time words at the start is the time. A run that is refused is never read
shorter, and a run whose next words could still belong to it is refused as well: `5 minutes
before lunch` is not `5 minutes`. A ``--`` ends the time by hand.
"""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from .complaint import zones_are_not_read
from .engine import Memo
from .offers import shown
from .reader import grammar, read, recurring
from .reading import Reading, TimeExpressionError
from .tokens import MOST_TOKENS, Token, tokenise
from .words import DAY_NAMES, MONTHS, ORDINALS, PARTS, UNITS, WEEKDAY_PLURALS
from .zones import zone_meant

_BY_HAND = re.compile(r"(?:^|\s)--(?:\s|$)")
EXAMPLE = "30m resume the review"
#: Words that start phrases far more often than they are a whole time.
_LONE = (
    frozenset(MONTHS)
    | frozenset(PARTS)
    | frozenset(WEEKDAY_PLURALS)
    | {"hourly", "daily", "weekly", "monthly", "yearly", "annually", "weekdays", "weekends", "workdays", "weekend"}
)
_ONE = frozenset(("a", "an", "one", "another"))
_STRONG = (
    frozenset(DAY_NAMES)
    | frozenset(WEEKDAY_PLURALS)
    | frozenset("today tomorrow tonight yesterday noon midnight midday am pm oclock o'clock ago".split())
)
_GOES_ON = frozenset("before after past from until till through or of every each except starting between times".split())
_FILLERS = frozenset(("by", "at", "on", "in", "the", "and", "to", "for", "@", ",", "-", "+", "next", "this"))
_SHAPES = frozenset(("iso", "isodate", "colon", "dotted", "period", "slashed", "dashed"))


def split_line(line: str, now: datetime, tz: ZoneInfo) -> tuple[str, str, Reading]:
    """The time words and the text of ``line``, and what the words mean.

    TimeExpressionError where either is missing or refused.
    """
    by_hand = _BY_HAND.search(line)
    if by_hand:
        head, tail = line[: by_hand.start()].strip(), line[by_hand.end() :].strip()
    else:
        end = _end_of_time(line)
        head, tail = line[:end].strip(), line[end:].lstrip(" \t\n,:;")
        tail = tail[2:].lstrip() if tail[:2] == "- " else tail
    if not head:
        raise TimeExpressionError(f'"{shown(line)}" starts with no time (try "{EXAMPLE}")')
    reading = read(head, now, tz)
    if not tail:
        raise TimeExpressionError(f'"{shown(line)}" has a time and no text (try "{EXAMPLE}")')
    return head, tail, reading


def _end_of_time(line: str) -> int:
    """Where the time words of ``line`` end; 0 if it does not start with any."""
    if (end := _end_of_cron(line)) is not None:
        return end
    tokens = tokenise(line, MOST_TOKENS)
    memo = Memo()
    found = [*grammar().match("WHEN", tokens, memo), *recurring().match("RECURS", tokens, memo)]
    places = {place for place, _ in found}
    place = max((place for place in places if _at_blank(line, tokens[place - 1].end)), default=0)
    if not place or _is_lone(tokens[:place]):
        return 0
    end = tokens[place - 1].end
    if _continues(line, tokens, place):
        until = tokens[min(place, len(tokens) - 1)].end
        raise TimeExpressionError(
            f'can\'t read "{shown(line[:until])}" as one time (end the time by hand: "{shown(line[:end])} -- …")'
        )
    return end


def _at_blank(line: str, end: int) -> bool:
    after = line[end : end + 2]
    return after[:1].isspace() or after in (", ", ": ", "; ") or not line[end:].strip(" \t\n,:;")


# `march` (through the door), `the first` (draft), `a second` (opinion) and `2nd` (floor) are lone;
# `the 5th` (call mum) and `tomorrow` are not.
def _is_lone(tokens: list[Token]) -> bool:
    """Whether the run is a word that starts a phrase: `march`, `weekly`, `the first`, `a second`."""
    texts = [token.text for token in tokens]
    the = texts[0] == "the"
    texts = texts[1:] if the else texts
    if len(texts) == 1:
        return texts[0] in _LONE or (the and texts[0] in ORDINALS)
    if len(texts) == 2 and texts[0].isdigit():
        return texts[1] in ("st", "nd", "rd", "th") and (not the or int(texts[0]) < 4)
    return len(texts) == 2 and texts[0] in _ONE and texts[1] in UNITS


# `5 minutes before lunch`  yes: `before` goes on to what is not read
# `tomorrow 9 people`       yes: a small number may be its clock
# `3pm 5 things`            no: the run has its clock, so that 5 is text
# `tomorrow at the office`  no: behind the fillers stands what no time has
# `tomorrow: 9 people`      no: the colon ends it
# `3pm EST call`            an error: a zone would be left out
def _continues(line: str, tokens: list[Token], place: int) -> bool:
    """Whether what follows the run could still belong to the time; a zone is refused by name."""
    rest = line[tokens[place - 1].end :]
    if line[tokens[place - 1].end : tokens[place - 1].end + 1] in ":;":
        return False
    if (named := zone_meant(rest.lstrip(" \t\n,"))) is not None:
        raise TimeExpressionError(zones_are_not_read(line, named))
    while place < len(tokens) and tokens[place].text in _FILLERS:
        place += 1
    if place == len(tokens):
        return False
    token, following = tokens[place], tokens[place + 1].text if place + 1 < len(tokens) else ""
    if token.kind in _SHAPES or token.text in _STRONG or token.text in _GOES_ON:
        return True
    if token.kind == "number":
        clock = following in ("am", "pm", "a", "p") or following in UNITS
        return clock or (int(token.text[:5]) <= 24 or len(token.text) == 4) and not _has_clock(tokens[:place])
    return False


def _has_clock(tokens: list[Token]) -> bool:
    """Whether the run names a time of day or a length, so that a number behind it is text."""
    texts = {token.text for token in tokens}
    return bool(texts & {"am", "pm", "a", "p", "noon", "midnight"} or texts & set(UNITS)) or any(
        token.kind in ("colon", "iso", "period") for token in tokens
    )


def _end_of_cron(line: str) -> int | None:
    """Where five cron fields or a nickname end; None where the line starts with neither."""
    words = line.split(None, 5)
    if words and words[0].startswith("@") and words[0][1:2].isalpha():
        return line.index(words[0]) + len(words[0])
    if len(words) < 5 or not all(set(word) <= set("0123456789*,-/") for word in words[:3]):
        return None
    end = 0
    for word in words[:5]:
        end = line.index(word, end) + len(word)
    return end
