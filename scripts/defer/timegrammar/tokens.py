"""Text to tokens: numbers, words, and the few written shapes of dates and clocks.

Each alternative below is a fixed sequence of bounded pieces, so that the scan is linear in
the length of the text; what a shape means is the grammar's business.
"""

import re

from .words import ABBREVIATIONS, DIGIT_SPELLINGS, HYPHENATED, NUMBER_WORDS, SPELLINGS

#: No time expression is longer; what follows could only be left over.
MOST_TOKENS = 48

_SHAPES = re.compile(
    r"""(?P<blank>[ \t\n]+)
    |(?P<chat>(?:"""
    + "|".join(DIGIT_SPELLINGS)
    + r""")(?![a-z0-9]))
    |(?P<iso>(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-w[0-9]{2}-[0-9]|[0-9]{4}-[0-9]{3}|[0-9]{8}|[0-9]{4}w[0-9]{3})
        (?:t(?=[0-9]{2}|[0-9]:)|[ \t\n]+(?=[0-9]{2}:))
        [0-9]{1,2}(?::?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]{1,9})?)?)?
        (?:z|[ \t\n]*[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})?(?![0-9a-z]|[:.][0-9a-z]|[ \t\n]*[ap]\.?m))
    |(?P<isodate>(?:[0-9]{4}-?w[0-9]{2}(?:-?[0-9])?|[0-9]{4}-[0-9]{3})(?![0-9a-z/-]|[:.][0-9a-z]))
    |(?P<period>p(?=[0-9t])(?:[0-9]{1,6}y)?(?:[0-9]{1,6}m)?(?:[0-9]{1,6}w)?(?:[0-9]{1,6}d)?
        (?:t(?=[0-9])(?:[0-9]{1,6}(?:\.[0-9]{1,3})?h)?(?:[0-9]{1,6}(?:\.[0-9]{1,3})?m)?(?:[0-9]{1,6}s)?)?
        (?![0-9a-z.]))
    |(?P<dashed>[0-9]{1,4}-(?:[0-9]{1,2}|[a-z]{3,9})(?:-[0-9]{1,4})?(?![0-9a-z/-]|[:.][0-9a-z])
        |[0-9]{1,4}(?:/[a-z]{3,9}/|-[a-z]{3,9}-|\.[a-z]{3,9}\.)[0-9]{1,4}(?![0-9a-z./-]))
    |(?P<slashed>[0-9]{1,4}[ \t\n]*/[ \t\n]*[0-9]{1,4}(?:[ \t\n]*/[ \t\n]*[0-9]{1,4})?(?![0-9/-]|[:.][0-9]))
    |(?P<dotted>[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,2}(?![0-9a-z/-]|[:.][0-9a-z])|[0-9]{1,2}\.[0-9]{1,2}\.(?:[0-9]{4}|[0-9]{2})?(?![0-9a-z/-]|[:.][0-9a-z]))
    |(?P<colon>(?:[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?|[0-9]{2}:[0-9]|[0-9]:[0-9](?=[ \t]?[ap]\.?m))(?![0-9]|:[0-9]))
    |(?P<decimal>[0-9]{1,6}\.[0-9]{1,3}(?![0-9/-]|[:.][0-9]))
    |(?P<thousands>[1-9][0-9]{0,2}(?:,[0-9]{3}){1,2}(?!,?[0-9]))
    |(?P<number>[0-9]+)
    |(?P<half>[ap]\.[ \t\n]*m\.?(?![a-z0-9]))
    |(?P<word>[a-z]+(?:'[a-z]+)?)
    |(?P<mark>.)""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
#: Signs that programs put in the place of the plain one: blanks that do not break, dashes, typographic quotes.
_SIGNS = {
    **dict.fromkeys((0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " "),
    **dict.fromkeys((*range(0x2010, 0x2016), 0x2212), "-"),
    **dict.fromkeys((0x2018, 0x2019, 0x201A, 0x201B, 0x2032, 0x02BC), "'"),
    **dict.fromkeys((0x201C, 0x201D, 0x201E, 0x201F, 0x2033, 0xAB, 0xBB), '"'),
}
_BLANKS = " \t\n"
_QUOTES = frozenset("'\"`")
#: `24.12.` is a date, whose full stop belongs to it; behind `at` it is a clock.
_DATE_WITHOUT_YEAR = re.compile(r"(?<![0-9.])(?<!at )(?<!@ )[0-9]{1,2}\.[0-9]{1,2}\.\Z", re.ASCII)


class Token:
    """One piece of the text: its kind, its lower-case text, where it stands."""

    __slots__ = ("end", "glued", "kind", "start", "text")

    def __init__(self, kind: str, text: str, start: int, end: int, glued: bool) -> None:
        self.kind = kind
        self.text = text
        self.start = start
        self.end = end
        self.glued = glued


def plain(text: str) -> str:
    """A whole expression without the blanks and quotes around it and one final full stop, its signs the plain ones."""
    text = _unstopped(text.translate(_SIGNS).strip(_BLANKS))
    if len(text) > 2 and text[0] in _QUOTES and text[-1] == text[0]:
        text = _unstopped(text[1:-1].strip(_BLANKS))
    return text


def _unstopped(text: str) -> str:
    ends = len(text) > 1 and text[-1] == "." and text[-2] != "."
    return text[:-1] if ends and not _DATE_WITHOUT_YEAR.search(text[-10:]) else text


def tokenise(text: str, most: int = MOST_TOKENS) -> list[Token]:
    """The first ``most`` tokens of ``text``; only ASCII letters are put in lower case."""
    lowered = text.translate(_ASCII_LOWER).translate(_SIGNS)
    found: list[Token] = []
    blank = True
    for match in _SHAPES.finditer(lowered):
        kind = match.lastgroup or "mark"
        if kind == "blank":
            blank = True
            continue
        if len(found) == most:
            break
        token = Token(kind, match.group(), match.start(), match.end(), not blank)
        if not _absorbed(found, token, text):
            if _is_hyphenated(found, token):
                found.pop()
            found.append(token)
        blank = False
    return found


def _absorbed(found: list[Token], token: Token, text: str) -> bool:
    """Fold the full stop of `jan.` into its word, and mark a capital M, which does not mean minutes."""
    last = found[-1] if found else None
    if token.kind == "thousands":
        token.text = token.text.replace(",", "")
    if token.kind == "half":
        token.kind, token.text = "word", token.text[0] + "m"
    elif token.kind == "chat":
        token.kind, token.text = "word", DIGIT_SPELLINGS[token.text]
    elif token.text in SPELLINGS:
        token.text = SPELLINGS[token.text]
    elif token.text == "m" and text[token.start] == "M":
        token.text = "M"
    if token.text != "." or not token.glued or last is None or not _may_take_stop(last):
        return False
    last.end = token.end
    return True


def _may_take_stop(token: Token) -> bool:
    return token.text in ABBREVIATIONS and token.end - token.start == len(token.text)


def _joins(first: str, second: str) -> bool:
    """Whether a hyphen between two words may be left out: `twenty-five`, `nine-fifteen`, `two-and-a-half`."""
    clock = first in NUMBER_WORDS and NUMBER_WORDS.get(second, 0) > 9
    return clock or first in HYPHENATED or second == "and"


def _is_hyphenated(found: list[Token], token: Token) -> bool:
    """Whether the hyphen before a word goes, as in `twenty-five` and `mid-july`; `mon-fri` keeps its own."""
    joint = token.kind == "word" and len(found) > 1 and found[-1].text == "-"
    return joint and _joins(found[-2].text, token.text)
