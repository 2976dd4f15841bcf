"""The run of time words a ``::defer`` line starts with, and whether what follows may still belong to it."""

import re
from collections.abc import Callable

from defer import spelling

from . import linewords, zones
from .complaint import zones_are_not_read
from .offers import shown
from .reader import grammar, recurring
from .reading import TimeExpressionError
from .tokens import MOST_TOKENS, Token, tokenise
from .words import BARE_UNITS, ORDINALS, UNITS

#: What a refusal ends with where no line can be offered.
A_LINE = 'a line looks like "30m resume the review"'
_BREAK = re.compile(r"[\n\r\v\f\x85\u2028\u2029]")
_MAY_END = re.compile(r"\s|$|[,;:](?![0-9])|[.!](?=\s|$)|\.{2}|[…—–|→)]|-(?!\s*$)|=>")
_ENDS = re.compile(r"[ \t]*(?::(?=\s|[^\W\d])|[;|…→]|=>|->|[.!](?=\s)|\.{2,})")
_OFFSET = re.compile(r"\s*[(\[]?(?:[+-](?:1[0-4]|0?[0-9])(?::?[0-5][0-9])?(?![\w%:.-])|(?<=[0-9])[zZ]\b)")
_BRACKET = re.compile(r"\s*[(\[]([^()\[\]]{1,40})[)\]]")
_PLACE_TIME = re.compile(r"[\s,(]*((?:[^\W\d_]+[ \t]+){1,2})time\b", re.IGNORECASE)
_IN_PLACE = re.compile(r"\s+in\s+([A-Z].{0,40})")
_WORD = re.compile(r"(?<![^\s(])[^\W\d_]+(?![^\s,.;:!?)])")
_WHOSE = frozenset("my your our their his her local server system standard".split())
_SHAPES = frozenset(("iso", "isodate", "colon", "dotted", "period", "slashed", "dashed"))
_STRETCH = re.compile(r"(?:^|\s)([0-9]{1,2})\s+to\s+([0-9]{1,2})$")


class OpenLine(Exception):
    """A line that may be split in more than one way: what is said of it, and lines that say it without a doubt.

    Of offers that put another time ``first`` the second stands in for the first.
    """

    def __init__(
        self, said: str, offers: "tuple[str, ...]" = (), by_hand: str = "", otherwise: str = A_LINE, first: bool = False
    ) -> None:
        super().__init__(said)
        self.said = said
        self.offers = offers
        self.otherwise = f'a time ended by hand looks like "{shown(by_hand)} -- …"' if by_hand else otherwise
        self.first = first


class Run:
    """The tokens of a line's first text line, of which the first ``place`` are the time."""

    __slots__ = ("line", "place", "tokens")

    def __init__(self, line: str, tokens: list[Token], place: int) -> None:
        self.line = line
        self.tokens = tokens
        self.place = place

    @property
    def end(self) -> int:
        """Where the time ends in the line."""
        return self.tokens[self.place - 1].end

    @property
    def words(self) -> str:
        """The time as it stands in the line."""
        return self.line[: self.end].strip()

    def upto(self, place: int) -> str:
        """The line up to and with one of the tokens behind the time."""
        return self.line[: self.tokens[min(place, len(self.tokens) - 1)].end].strip()

    def by_hand(self, place: int = 0) -> str:
        """The line with its time ended by hand, before the token at ``place`` where it is given."""
        at = self.tokens[place].start if place else self.end
        return f"{self.line[:at].strip()} -- {linewords.text_behind(self.line[at:])}"


def whole(tokens: list[Token]) -> bool:
    """Whether the tokens are one time, or one rule, from the first to the last."""
    return longest(tokens) == len(tokens) > 0


def places(tokens: list[Token]) -> set[int]:
    """How many of the first tokens are a time or a rule."""
    return {end for end, _ in (*grammar().match("WHEN", tokens), *recurring().match("RECURS", tokens))}


def longest(tokens: list[Token]) -> int:
    """How many of the first tokens are one time or rule at most."""
    return max(places(tokens), default=0)


def first_line(text: str) -> str:
    """The text up to its first line break."""
    found = _BREAK.search(text)
    return text[: found.start()] if found else text


def run_of(line: str) -> "Run | None":
    """The longest run of time words at the start of ``line``; None where it starts with none."""
    tokens = tokenise(first_line(line), MOST_TOKENS)
    found = {place for place in places(tokens) if _may_end(line, tokens, place)}
    place = max(found, default=0)
    if not place or linewords.is_lone(tokens[:place]):
        return None
    following = tokens[place].text if place < len(tokens) else ""
    if (place == 1 and linewords.is_phrase(tokens[0].text, following)) or is_count(line, tokens, place, following):
        return None
    return Run(line, tokens, place)


def _may_end(line: str, tokens: list[Token], place: int) -> bool:
    if not _MAY_END.match(line, tokens[place - 1].end):
        return False
    return not any(token.kind == "colon" and token.text[-2] == ":" for token in tokens[:place])


# `may 5 people`    a number, not a day
# `10 to 12 people`  a stretch, not 11:50
# `1200 users`       a number, not noon
def is_count(line: str, tokens: list[Token], place: int, following: str) -> bool:
    """Whether the first ``place`` tokens count what follows, or are a stretch, though the grammar reads a time."""
    words = line[tokens[0].start : tokens[place - 1].end]
    many = linewords.is_many(following)
    if many and place == 2 and tokens[0].text in linewords.ALSO_MONTHS and tokens[1].kind == "number":
        return True
    stretch = _STRETCH.search(words)
    if stretch and (many or int(stretch[1]) < int(stretch[2])):
        return True
    return many and words.isdigit() and len(words) == 4 and words[0] != "0"


def check(run: Run, takes_clock: Callable[[], bool]) -> None:
    """Raise where what follows the run may belong to it: OpenLine, or an error that names a zone."""
    check_zone(run.line, run.end, takes_clock)
    for less in (1, 2, 3):
        if less < run.place and _is_doubtful(run, run.place - less, takes_clock):
            shorter = Run(run.line, run.tokens, run.place - less)
            said = (
                f'"{shown(run.words)}": is "{shown(run.words[shorter.end :].strip())}" part of the time or of the text?'
            )
            raise OpenLine(said, (_surely(run, shorter), shorter.by_hand()), shorter.words)
    wrong = slip(run.line, run.end)
    until = wrong or _goes_on(run, takes_clock)
    if until is not None:
        raise until


def _surely(run: Run, shorter: Run) -> str:
    """The line with the end of its time said so that it cannot be text: `sat 5pm`, `tonight at 7`."""
    tail, rest = run.line[shorter.end : run.end].strip(), run.line[run.end :]
    return f"{shorter.words} at {tail}{rest}" if tail.isdigit() else f"{tail} {shorter.words}{rest}"


# `tonight 7` people, `5pm sat` nav update, `9am may` …, `5pm the first` draft, `9am 5th` avenue, `9am may 5` people
def _is_doubtful(run: Run, place: int, takes_clock: Callable[[], bool]) -> bool:
    """Whether the time may end at ``place`` already, because what follows is a word as well as a day."""
    tail = [token.text for token in run.tokens[place : run.place]]
    if tail[0] == "the":
        tail = tail[1:]
    following = run.tokens[run.place].text if run.place < len(run.tokens) else ""
    if len(tail) == 1:
        known = (
            tail[0] in linewords.ALSO_WORDS or tail[0] in ORDINALS or linewords.is_lone(run.tokens[place : run.place])
        )
    elif len(tail) == 2 and tail[0] in linewords.ALSO_MONTHS:
        known = tail[1].isdigit() and linewords.is_many(following)
    else:
        known = len(tail) == 2 and tail[0].isdigit() and tail[1] in ("st", "nd", "rd", "th")
    if not known or place not in places(run.tokens) or run.tokens[place].start == run.tokens[place - 1].end:
        return False
    return not takes_clock_at(run, place, takes_clock)


def takes_clock_at(run: Run, place: int, takes_clock: Callable[[], bool]) -> bool:
    """Whether the run's first ``place`` tokens could still take a clock, as far as the grammar goes."""
    return takes_clock() if place == run.place else whole([*run.tokens[:place], *tokenise("11:11")])


def check_zone(line: str, end: int, takes_clock: Callable[[], bool] = bool) -> None:
    """Refuse a zone or a city by its name where one follows the time that ends at ``end``."""
    rest = first_line(line[end:])
    if _ENDS.match(rest):
        return
    named = zones.zone_meant(rest.lstrip(" \t,([")) or _zone_of_place(rest, takes_clock)
    if named is not None:
        raise TimeExpressionError(zones_are_not_read(line, named))


def _zone_of_place(rest: str, takes_clock: Callable[[], bool]) -> "str | None":
    place = _IN_PLACE.match(rest)
    if place and not takes_clock() and (named := zones.city_meant(place[1])):
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


def _goes_on(run: Run, takes_clock: Callable[[], bool]) -> "OpenLine | None":
    """Why what follows the run may still belong to it; None where it is text."""
    rest = first_line(run.line[run.end :])
    bracket, whose = _BRACKET.match(rest), _PLACE_TIME.match(rest)
    if _OFFSET.match(run.line, run.end) and not takes_clock():
        said = f'"{shown(run.upto(run.place + 1))}": an offset is read behind a date and its clock alone'
        return OpenLine(said, otherwise='a time with an offset looks like "2027-01-31T09:00+02:00"')
    if bracket and (
        whole(tokenise(bracket[1])) or (bracket[1].istitle() and bracket[1].isalpha() and not takes_clock())
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
    until = OpenLine(f'can\'t read "{shown(run.upto(at))}" as one time', by_hand=run.words)
    if tokens[at].kind == "number":
        return _number(run, at, joiners, takes_clock)
    if texts[at] in linewords.MEALS and set(joiners[-1:]) & linewords.AT_MEALS:
        return until
    if tokens[at].kind in _SHAPES:
        return until
    if texts[at] in linewords.STRONG:
        return until
    if joiners in ([","], ["-"], ["to"]) and linewords.is_phrase(texts[at], texts[at + 1]) and not takes_clock():
        return None
    end = longest(tokens[at:]) if joiners and joiners[-1] not in ("this", "next", "last") else 0
    return until if end and not linewords.is_lone(tokens[at : at + end]) else None


# `2h-long`, `5 minutes of silence`, `in an hour or so`, `tomorrow first thing`, `tomorrow late`
def _is_vague(texts: list[str], at: int, run: Run, takes_clock: Callable[[], bool]) -> bool:
    if texts[at] == "-" and run.line[run.end : run.end + 1] == "-" and texts[at + 1] in linewords.COMPOUNDS:
        return True
    if texts[at] in linewords.ALWAYS or texts[at] in linewords.VAGUE:
        return True
    if texts[at : at + 2] == ["first", "thing"] or texts[at : at + 3] == ["as", "long", "as"]:
        return True
    if texts[at] == "late" and takes_clock():
        return True
    if texts[at] in ("until", "till", "til") and _recurs(run):
        return True
    if texts[at] == "that" and run.words.lower() == "now":
        return True
    return texts[at] in linewords.BEHIND_DELAYS and _ends_in_delay(run)


def _recurs(run: Run) -> bool:
    """Whether the run is a rule, whose end a word behind it may name: `every hour until it is green`."""
    return run.place in {end for end, _ in recurring().match("RECURS", run.tokens[: run.place])}


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
        not linewords.is_lone(run.tokens[at : at + end]) for end in ends
    ):
        return OpenLine(f'can\'t read "{shown(run.upto(at))}" as one time', by_hand=run.words)
    return None


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
    if following and following.glued and not half and text not in UNITS and text not in "-,.;":
        return None
    if "the" in joiners:
        return None
    value = int(token.text[:5])
    clock = value <= 24 or (len(token.text) in (3, 4) and value % 100 < 60 and value // 100 < 24)
    ranged = bool(set(joiners) & linewords.RANGES)
    if half or (ranged and clock and joiners[-1:] != ["and"]):
        return OpenLine(said, by_hand=run.words)
    if not takes_clock():
        counted = text in UNITS and "and" in joiners
        return (
            OpenLine(said, by_hand=run.words) if counted or (ranged and clock and not linewords.is_many(text)) else None
        )
    if text in UNITS or clock:
        return OpenLine(said, _clocks(run, at, value) if not joiners else (), run.words)
    return None


def _clocks(run: Run, at: int, value: int) -> "tuple[str, ...]":
    """The line with the number as a clock, and with the time ended before it."""
    rest = run.line[run.tokens[at].end :]
    number = run.tokens[at].text
    hours = (f"{number}am", f"{number}pm") if value <= 12 else (f"at {number}",)
    return (*(f"{run.words} {hour}{rest}" for hour in hours), run.by_hand())
