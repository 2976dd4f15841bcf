"""Words of time that are misspelt: refused with what was meant, never read."""

from functools import cache
from itertools import product

from defer.spelling import slips
from defer.timegrammar.table import vocabulary

from .offers import Said, is_unknown, tries

#: Common misspellings that are further from the word than a slip.
COMMON = {
    "tommorrow": "tomorrow",
    "tomarow": "tomorrow",
    "tommarow": "tomorrow",
    "tomm": "tomorrow",
    "tom": "tomorrow",
    "tmw": "tomorrow",
    "tmrrw": "tomorrow",
    "rn": "now",
    "eve": "evening",
    "morn": "morning",
    "mn": "min",
    "wensday": "wednesday",
    "wendsday": "wednesday",
    "wedensday": "wednesday",
    "febuary": "february",
    "fourty": "forty",
    "nite": "night",
    "mins'": "mins",
    "evry": "every",
}
_MOST_UNKNOWN, _MOST_MEANT = 3, 3


def unknown(said: Said) -> list[int]:
    """The places of words that no time is made of."""
    return [place for place, token in enumerate(said.tokens) if is_unknown(token)]


def meant(word: str) -> list[str]:
    """The words of time that are a slip away from ``word``, the likeliest first; one of eight letters may have two.

    In a word of three letters neighbours may be swapped and nothing else.
    """
    if word in COMMON:
        return [COMMON[word]]
    most = 1 + (len(word) > 7)
    sizes = range(len(word) - most, len(word) + most + 1)
    likely = {one for size in sizes for key in _keys(word) for one in _by_start().get((size, key), ())}
    found = sorted((count, one) for one in likely if (count := _slips(word, one)) <= most)
    nearest = [one for count, one in found if count == found[0][0]]
    return [one for one in nearest if f"{one}s" not in nearest][:_MOST_MEANT]


@cache
def _by_start() -> dict[tuple[int, str], set[str]]:
    """The words of time by their length and by pairs of their first letters: one pair of a misspelt word is right."""
    found: dict[tuple[int, str], set[str]] = {}
    for word in vocabulary():
        for key in _keys(word):
            found.setdefault((len(word), key), set()).add(word)
    return found


def _keys(word: str) -> set[str]:
    return {word[:2], word[1:3], word[:1] + word[2:3]}


def _slips(word: str, one: str) -> int:
    short = min(len(word), len(one)) < 4
    doubled = any(
        word[:place] + word[place + 1 :] == one for place in range(1, len(word)) if word[place - 1] == word[place]
    )
    certain = doubled or (len(word) > 2 and sorted(word) == sorted(one))
    return 9 if short and not certain else slips(word, one)


def misspelt(said: Said) -> "str | None":
    """Why it is refused where words are misspelt and the expression works once they are not."""
    places = unknown(said)
    words = [meant(said.texts[place]) for place in places] if 0 < len(places) <= _MOST_UNKNOWN else [[]]
    if not all(words):
        return None
    candidates = list(product(*words))[:_MOST_MEANT]
    offers = said.offers(*(_with(said, dict(zip(places, each, strict=True))) for each in candidates))
    if not offers:
        return None
    typed = " and ".join(f'"{said.text(place, place + 1)}"' for place in places)
    named = " or ".join(dict.fromkeys(f'"{" ".join(each)}"' for each in candidates))
    what = "is not a word" if len(places) == 1 else "are not words"
    return f"{typed} {what} of time: did you mean {named}? {tries(offers)}"


def _with(said: Said, words: dict[int, str]) -> str:
    """The expression with other words at some places."""
    text = said.expr
    for place in sorted(words, reverse=True):
        token = said.tokens[place]
        text = text[: token.start] + words[place] + "'s" * token.text.endswith("'s") + text[token.end :]
    return " ".join(text.split())
