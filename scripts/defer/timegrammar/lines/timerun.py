"""The run of time words a ``::defer`` line starts with, and what is said of a line that is open."""

import re

from defer.timegrammar.engine import Memo
from defer.timegrammar.reader import grammar, recurring
from defer.timegrammar.refusals.offers import shown
from defer.timegrammar.tokens import MOST_TOKENS, Token, tokenise
from defer.timegrammar.words import UNITS

from . import linewords

#: What a refusal ends with where no line can be offered.
A_LINE = 'a line looks like "30m resume the review"'
_BREAK = re.compile(r"[\n\r\v\f\x85\u2028\u2029]")
_MAY_END = re.compile(r"\s|$|[,;:](?![0-9])|[.!](?=\s|$)|\.{2}|[…—–|→]|-(?!\s*$)|=>")
#: `mondays: run`: behind a colon stands the text.
_ENDED = re.compile(r":(?=\s)")
_STRETCH = re.compile(r"(?<!from)(?<!between)(?:^|\s)([0-9]{1,2})\s+to\s+([0-9]{1,2})$")


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
    memo = Memo()
    return {end for end, _ in (*grammar().match("WHEN", tokens, memo), *recurring().match("RECURS", tokens, memo))}


def longest(tokens: list[Token]) -> int:
    """How many of the first tokens are one time or rule at most."""
    return max(places(tokens), default=0)


def ends_in_clock(tokens: list[Token]) -> bool:
    """Whether the time ends with a clock of its own, as far as the grammar goes."""
    return any(
        len(tokens) - at in {end for end, _ in grammar().match("TIME", tokens[at:])} for at in range(len(tokens))
    )


def first_line(text: str) -> str:
    """The text up to its first line break."""
    found = _BREAK.search(text)
    return text[: found.start()] if found else text


def run_of(line: str) -> "Run | None":
    """The longest run of time words at the start of ``line``; None where it starts with none."""
    tokens = tokenise(first_line(line), MOST_TOKENS)
    place = max((place for place in places(tokens) if _may_end(line, tokens, place)), default=0)
    return Run(line, tokens, place) if place else None


def is_phrase(run: Run) -> bool:
    """Whether the run starts a phrase more often than it is a time: `march` on, `sat` nav, `1700` drinks."""
    following = run.tokens[run.place].text if run.place < len(run.tokens) else ""
    if _ENDED.match(run.line, run.end) and not is_stretch(run.words):
        return False
    beside = run.place == 1 and linewords.is_phrase(run.tokens[0].text, following)
    return beside or linewords.is_lone(run.tokens[: run.place]) or is_count(run.line, run.tokens, run.place, following)


def is_stretch(words: str) -> bool:
    """Whether a time may be a stretch: `10 to 12`."""
    return _STRETCH.search(words) is not None


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
    counts = many or following in UNITS
    return counts and words.isdigit() and len(words) == 4 and words[0] != "0"
