"""The known word that somebody meant by one that is not known."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_LONG, _LONGEST = 8, 40


def slips(said: str, known: str) -> int:
    """How many slips lie between two words: a letter too many, missing or wrong, or two neighbours swapped.

    Source: optimal string alignment, the usual form of the distance of Damerau (1964) and Levenshtein (1966).
    """
    before: list[int] = []
    row: list[int] = [*range(len(known) + 1)]
    for place, letter in enumerate(said, 1):
        older, before, row = before, row, [place]
        for other, wanted in enumerate(known, 1):
            least = min(before[other] + 1, row[-1] + 1, before[other - 1] + (letter != wanted))
            if place > 1 and other > 1 and letter == known[other - 2] and wanted == said[place - 2]:
                least = min(least, older[other - 2] + 1)
            row.append(least)
    return row[-1]


def nearest(said: str, known: Collection[str]) -> str | None:
    """The word of ``known`` (in lower case) that ``said`` is a slip away from; None without one, or if it is known.

    A word of eight letters or more may have two slips. Of a word of three letters or fewer no letter is wrong, since
    each has many neighbours. Of several the first is taken, those with the same first letter before others.
    """
    word = said.lower()
    if word in known or not 1 < len(word) <= _LONGEST:
        return None
    found = sorted((_slips(word, one), one[0] != word[0], place, one) for place, one in enumerate(known))
    return found[0][-1] if found and found[0][0] <= 1 + (len(word) >= _LONG) else None


def _slips(said: str, known: str) -> int:
    """The slips between the two, as far as they matter."""
    is_short = min(len(said), len(known)) < 4
    if abs(len(said) - len(known)) > 2 or (is_short and len(said) == len(known) and sorted(said) != sorted(known)):
        return _LONGEST
    return slips(said, known)
