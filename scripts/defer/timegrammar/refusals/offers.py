"""What a refusal offers in place of what was said: other words that work, and nothing else.

What is offered behind `try` is done. So it is made from the words of the expression itself, and shown only where the
grammar reads it; what it leaves out or changes, the reason before it names.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from defer import visible
from defer.timegrammar.reading import A_TIME, Undecided
from defer.timegrammar.table import vocabulary
from defer.timegrammar.tokens import Token, tokenise
from defer.timegrammar.words import NUMBER_WORDS, PARTS, WEEKDAY_PLURALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from defer.timegrammar.reading import Reading, Way

    #: A text read at the present of the expression, in its zone or the zone of that name; None where it is refused.
    Read: TypeAlias = Callable[[str, str | None], Reading | None]

#: What is longer is not shown whole; a longer offer is none.
SHOWN = 60
_LONGEST = 90
#: What an expression as it is shown and the reason have room for in a line.
_ROOM = 240
#: Offers of one message, and places in which one way is tried: each costs a reading.
_MOST, _MOST_PLACES = 4, 4
#: Texts tried for one message.
_MOST_READINGS = 40
#: What a number counts: `3 nights`, `2 workdays`, and in two words `3 business days`.
_COUNTED = frozenset(("weekdays", "workdays", "weekends", *WEEKDAY_PLURALS, *(f"{part}s" for part in PARTS)))
_COUNTED_DAYS = ("business", "working", "work")


def shown(text: str) -> str:
    """``text`` on one line, short, without characters that a terminal would obey."""
    return visible.sentence(text, SHOWN)


class Said:
    """An expression that is refused: its tokens, the first ``end`` of them understood, and what is read instead."""

    __slots__ = ("_joined", "_left", "_read", "end", "expr", "texts", "tokens", "words")

    def __init__(
        self, expr: str, tokens: Sequence[Token], end: int, read: "Read", left: "list[int] | None" = None
    ) -> None:
        self.expr = expr
        self.tokens = tokens
        self.end = end
        self.texts = [token.text for token in tokens]
        self.words = frozenset(self.texts)
        self._joined = f" {' '.join(self.texts)} "
        self._read = read
        self._left = [_MOST_READINGS] if left is None else left

    def text(self, first: int = 0, last: "int | None" = None) -> str:
        """The words from one place up to another, as a slice has them, as they were typed, on one line."""
        return self.joined(range(len(self.tokens))[first:last])

    def joined(self, places: Iterable[int]) -> str:
        """The words at some places, with what stood between neighbours."""
        found, before = "", -2
        for place in places:
            token = self.tokens[place]
            gap = self.expr[self.tokens[before].end : token.start] if place == before + 1 else " "
            found += ("".join(gap.split()) or " " * bool(gap)) + self.expr[token.start : token.end]
            before = place
        return " ".join(found.split()).strip(" ,;")

    def instead(self, first: int, last: int, text: str) -> str:
        """The whole with ``text`` in place of the words from ``first`` up to ``last``; `{}` there is these words."""
        text = text.replace("{}", self.text(first, last))
        after_digit = 0 < first < len(self.tokens) and self.tokens[first].glued and self.texts[first - 1][-1].isdigit()
        gap = "" if after_digit and text[:1].isalpha() else " "
        return " ".join(f"{self.text(0, first)}{gap}{text} {self.text(last)}".split()).strip(" ,;")

    def find(self, phrase: str) -> int:
        """Where the words of ``phrase`` stand in a row; -1 where they do not."""
        if f" {phrase} " not in self._joined:
            return -1
        wanted = phrase.split()
        places = range(len(self.texts) - len(wanted) + 1)
        return next((place for place in places if self.texts[place : place + len(wanted)] == wanted), -1)

    def other(self, expr: str) -> "Said":
        """Another expression, for the same question."""
        return Said(expr, tokenise(expr), 0, self._read, self._left)

    def works(self, text: str) -> bool:
        """Whether a text is read; no more than so many are tried."""
        if any(map(is_unknown, tokenise(text))):
            return False
        self._left[0] -= 1
        return self._left[0] >= 0 and self._read(text, None) is not None

    def recurs(self, text: str) -> bool:
        """Whether a text is read as something that recurs."""
        reading = self._read(text, None)
        return reading is not None and reading.recurrence is not None

    def local(self, text: str, zone: str) -> "datetime | None":
        """The moment a text means in a zone, as its walls show it; None where it recurs or is refused."""
        reading = self._read(text, zone)
        if reading is None or reading.recurrence is not None:
            return None
        return reading.instant.astimezone(ZoneInfo(zone))

    def offers(self, *candidates: str) -> list[str]:
        """Those of some texts that work, each once."""
        found: list[str] = []
        for text in candidates:
            if len(found) < _MOST and text not in found and self._fit(text) and self.works(text):
                found.append(text)
        return found

    def _fit(self, text: str) -> bool:
        plain = text.isprintable() and not set(text) & set('"“”„')
        return 0 < len(text) <= _LONGEST and plain and text != " ".join(self.expr.split())

    def closed(self, ways: "Sequence[Way]") -> dict[str, str]:
        """What works once a piece is said as one of ``ways`` has it, and the piece that goes for it."""
        found: dict[str, str] = {}
        for piece, text in ways:
            for first, last in self._places(piece) if len(found) < _MOST else ():
                if offer := self.offers(self.instead(first, last, text)):
                    found.setdefault(offer[0], "" if "{}" in text else self.text(first, last))
                    break
        return found

    def counts(self, place: int) -> bool:
        """Whether a number stands there that counts days or parts of them, and is not an hour: `3 nights`."""
        text, following = self.texts[place], self.texts[place + 1 : place + 3]
        if not (self.tokens[place].kind == "number" or text in NUMBER_WORDS) or not following:
            return False
        counted = following[0] in _COUNTED or (following[0] in _COUNTED_DAYS and following[1:] == ["days"])
        return counted and (place == 0 or self.texts[place - 1] not in ("at", "@"))

    def _places(self, piece: "str | Callable[[Token], bool]") -> list[tuple[int, int]]:
        """Where a piece stands, the last place first; a number that counts days is never said otherwise."""
        if callable(piece):
            numbers = [place for place, token in enumerate(self.tokens) if piece(token)]
            found = [(place, place + 1) for place in numbers if not self.counts(place)]
        else:
            wanted = piece.split()
            size = len(wanted)
            starts = range(len(self.texts) - size + 1)
            found = [(place, place + size) for place in starts if self.texts[place : place + size] == wanted]
        return found[: -_MOST_PLACES - 1 : -1]

    def halves(self) -> list[str]:
        """The whole with am and with pm behind an hour that has neither, where that settles it."""
        return list(self.closed(HALVES))


def is_unknown(token: Token) -> bool:
    """Whether a token is a word that no time is made of."""
    return token.kind == "word" and token.text.removesuffix("'s") not in vocabulary() and token.text != "M"


def _hour_in_digits(token: Token) -> bool:
    return token.kind == "number" and len(token.text) < 3 and 0 < int(token.text) < 13


def _hour_in_words(token: Token) -> bool:
    return 0 < NUMBER_WORDS.get(token.text, 0) < 13


#: An hour without am or pm, and how it is said with one.
HALVES: "Sequence[Way]" = (
    (_hour_in_digits, "{}am"),
    (_hour_in_digits, "{}pm"),
    (_hour_in_words, "{} am"),
    (_hour_in_words, "{} pm"),
)


def tries(offers: Sequence[str], otherwise: str = A_TIME, *, before: str = "", joint: str = " or ") -> str:
    """What to do, in parentheses: offers that work, ``before`` them what they are for; without any, ``otherwise``."""
    quoted = joint.join([f'"{offer}"' for offer in offers])
    return f"({before}try {quoted})" if offers else f"({otherwise})"


def decided(error: Undecided, said: Said) -> str:
    """Why something is open, and how it is closed in the words that were said; as many ways as fit into a line."""
    offers = said.closed(error.ways)
    while offers:
        changed = dict.fromkeys(f'"{piece}"' for piece in offers.values() if piece.lower() not in error.reason.lower())
        before = f"instead of {' or '.join(changed)} " if changed else ""
        found = f"{error.reason} {tries(list(offers), before=before)}"
        if len(found) + len(shown(said.expr)) < _ROOM and found.isprintable():
            return found
        offers.popitem()
    return f"{error.reason} ({error.otherwise})"
