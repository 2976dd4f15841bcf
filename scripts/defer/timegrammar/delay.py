"""A plain delay without the grammar: what most tasks are scheduled with, so it costs no import but ``datetime``.

The grammar reads the same words with the same result; a test holds the two equal. Declining is always right, since
the grammar is asked then, so anything that is not plain beyond doubt is declined.
"""

from datetime import timedelta
from functools import lru_cache

#: A longer text is left to the grammar.
_MOST_CHARACTERS = 40
#: A year: longer delays are read by the grammar, which knows how far ahead is too far.
_LONGEST_SECONDS = 365 * 86400
_UNIT_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
}


# `90`, `1d`, `an hour`, `1M`  declined: no unit, a unit of the calendar, no digits, minutes or months
# `1h 1h`, `30m 2h`, `0m`       declined: the grammar refuses them
# `1h30`, `in 09 hours`         declined, though the grammar reads them
# `1700 hours`, `0030 minutes` declined: a clock, and nothing
@lru_cache(maxsize=64)
def delay(text: str) -> "timedelta | None":
    """The length of ``30m``, ``in 2 hours 30 minutes``, ``+90s``; None for all other words, which may be a delay too.

    Hours, minutes and seconds in digits, each unit once: what elapses alike in every zone, more than zero and up
    to a year.
    """
    pieces = _pieces(text)
    if pieces and pieces[0] in ("in", "+"):
        del pieces[0]
    if not pieces or len(pieces) % 2:
        return None
    sizes = [_UNIT_SECONDS.get(unit, 0) for unit in pieces[1::2]]
    if 0 in sizes or sizes != sorted(set(sizes), reverse=True):
        return None
    counts = [int(count) if count.isdigit() and len(count) < 8 else -1 for count in pieces[::2]]
    if any(_is_clock(count, size) for count, size in zip(pieces[::2], sizes, strict=True)):
        return None
    seconds = sum(count * size for count, size in zip(counts, sizes, strict=True))
    return timedelta(seconds=seconds) if min(counts) >= 0 and 0 < seconds <= _LONGEST_SECONDS else None


def _is_clock(digits: str, size: int) -> bool:
    """Whether digits before a unit may be a clock: `1700 hours`, `0930h`, `09h`, `0030 minutes`."""
    if digits[0] == "0" and len(digits) > 1:
        return len(digits) > 2 or size == 3600
    return size == 3600 and len(digits) == 4 and digits < "2460"


def _pieces(text: str) -> list[str]:
    """Runs of digits, runs of letters, single other characters; none where it is not a short ASCII text.

    A capital M is left to the grammar: `1M` may be a month. So is `2h30 s`, whose 30 are minutes.
    """
    if len(text) > _MOST_CHARACTERS or not text.isascii() or "M" in text:
        return []
    found: list[str] = []
    kind, glued = " ", False
    for char in text.lower():
        last, kind = kind, "9" if char.isdigit() else "a" if char.isalpha() else char
        glued = last == "a" if kind == "9" != last else glued
        if glued and last == "9" and kind in " \t\n":
            return []
        if kind == last and kind in "9a":
            found[-1] += char
        elif char not in " \t\n":
            found.append(char)
    return found
