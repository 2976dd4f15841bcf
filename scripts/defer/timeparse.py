"""Words for a moment, and the instant they mean.

The rules are in ``references/time-grammar.md``. Pure: an expression, the present and
a zone go in, an instant in UTC comes out; nothing here reads a clock, a file or the
environment. A plain delay such as ``30m`` is read without loading the grammar.
"""

from datetime import UTC, datetime, timedelta

from .timegrammar.delay import delay
from .timegrammar.reading import NoTimeFirst, Reading, TimeExpressionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = [
    "NoTimeFirst",
    "Reading",
    "TimeExpressionError",
    "elapsing",
    "first_words",
    "is_relative",
    "meant",
    "parse",
    "parse_duration",
    "plain_delay",
    "split_line",
    "zone",
]


_CALENDAR_LENGTH = (
    r"(in\s+|\+)?(P[0-9YMWDTHS.,]+|(\d+|an?|half\s+an?|one|two|three|four|five|six|seven|eight|nine|ten)\s*"
    r"(mos?|months?|y|yrs?|years?|quarters?|(business|working|work)[ -]?days?))(\s+from\s+now)?"
)
_LENGTHS = ("sec", "min", "hour", "hr", "day", "week", "fortnight")


def zone(name: str) -> "ZoneInfo":
    """The IANA zone called ``name``; a path, a rule file or an abbreviation is refused with a hint."""
    from .timegrammar import zones

    return zones.zone(name)


def split_line(line: str, now: datetime, tz: "ZoneInfo") -> tuple[str, str, Reading]:
    """The time words a ``::defer`` line starts with, the text behind them, and what the words mean.

    ``--`` ends the time by hand. Raises TimeExpressionError when the longest run of time words is refused, when
    the line can be split in more than one way, and when it has no text; NoTimeFirst when it starts with no time.
    """
    from .timegrammar.lines import split

    return split.split_line(line.strip(), now, tz)


def parse(expr: str, now: datetime, tz: "ZoneInfo") -> Reading:
    """The instant ``expr`` means at ``now`` (aware) in ``tz``; never before ``now``.

    Raises TimeExpressionError, whose text names what is left over or impossible.
    """
    found = plain_delay(expr, now)
    if found is None:
        from .timegrammar import reader

        return reader.read(expr, now, tz)
    return found


def plain_delay(expr: str, now: datetime) -> "Reading | None":
    """The same for a delay of hours or shorter, which needs no zone; None for all other words."""
    if now.tzinfo is None:
        raise TypeError("the present must be aware: a naive one would be read in the machine's zone")
    length = delay(expr)
    try:
        return None if length is None else Reading(now.astimezone(UTC).replace(microsecond=0) + length)
    except OverflowError:
        return None  # beyond the calendar: the reader says so


def elapsing(words: str) -> "timedelta | None":
    """The length of a time that was said as a delay, such as ``30m`` or ``a week from now``; None for any other."""
    length = delay(words)
    if length is not None:
        return length
    text = words.strip().lower().removeprefix("in ").removeprefix("+").removesuffix(" from now")
    if not (text[:1].isdigit() or any(unit in text for unit in _LENGTHS)):
        # Most other times need not be read twice.
        return None
    try:
        return parse_duration(text)
    except (TimeExpressionError, OverflowError):
        return None


def is_relative(words: str) -> bool:
    """Whether words say how long from some moment, such as ``30m``, ``2 months`` or ``3 business days``."""
    if elapsing(words) is not None:
        return True
    import re

    return re.fullmatch(_CALENDAR_LENGTH, words.strip(), re.IGNORECASE) is not None


def meant(word: str) -> list[str]:
    """The words of time, likeliest first, that ``word`` in lower case is a slip away from; none for one of them."""
    from .timegrammar import table
    from .timegrammar.refusals import misspelt

    return [] if word in table.vocabulary() else misspelt.meant(word)


def first_words() -> frozenset[str]:
    """The words that a time expression may start with; numbers and signs are not among them."""
    from .timegrammar import reader

    return reader.first_words()


def parse_duration(text: str) -> timedelta:
    """Elapsed time such as ``30m``, ``1h30``, ``90s``, ``2 hours``: more than zero, a day is 24 hours."""
    length = delay(text)
    if length is None:
        from .timegrammar import reader

        return reader.read_duration(text)
    return length
