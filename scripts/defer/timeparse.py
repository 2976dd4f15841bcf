"""Words for a moment, and the instant they mean.

The rules are in ``references/time-grammar.md``. Pure: an expression, the present and
a zone go in, an instant in UTC comes out; nothing here reads a clock, a file or the
environment. A plain delay is read without importing anything but ``datetime``, since
that is what most tasks are scheduled with.
"""

from datetime import UTC, datetime, timedelta

from .timegrammar.reading import Reading, TimeExpressionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = ["Reading", "TimeExpressionError", "parse", "parse_duration", "plain_delay", "split_line", "zone"]

MINUTE = 60
HOUR = 3600
#: A year: longer delays are read by the grammar, which knows how far ahead is too far.
LONGEST_PLAIN = 365 * 86400
UNIT_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), MINUTE),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), HOUR),
}


def zone(name: str) -> "ZoneInfo":
    """The IANA zone called ``name``; a path, a rule file or an abbreviation is refused with a hint."""
    from .timegrammar import zones

    return zones.zone(name)


def split_line(line: str, now: datetime, tz: "ZoneInfo") -> tuple[str, str, Reading]:
    """The time words a ``::defer`` line starts with, the text behind them, and what the words mean.

    ``--`` ends the time by hand. Raises TimeExpressionError when the longest run of time words
    is refused, and when the line has no time or no text.
    """
    from .timegrammar import split

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
    seconds = _plain_seconds(expr)
    if seconds is None:
        return None
    return Reading(now.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=seconds))


def parse_duration(text: str) -> timedelta:
    """Elapsed time such as ``30m``, ``1h30``, ``90s``, ``2 hours``: more than zero, a day is 24 hours."""
    seconds = _plain_seconds(text)
    if seconds is not None:
        return timedelta(seconds=seconds)
    from .timegrammar import reader

    return reader.read_duration(text)


def _plain_seconds(text: str) -> "int | None":
    """Seconds of a delay such as `in 2 hours 30 minutes`; None for all else, days included.

    Only hours and shorter, each unit once: what needs no zone and no grammar.
    """
    pieces = _pieces(text)
    if pieces and pieces[0] in ("in", "+"):
        del pieces[0]
    if not pieces or len(pieces) % 2 or len(pieces) > 6:
        return None
    sizes = [UNIT_SECONDS.get(unit, 0) for unit in pieces[1::2]]
    if 0 in sizes or len(set(sizes)) < len(sizes):
        return None
    counts = [int(count) if count.isdigit() and len(count) < 8 else -1 for count in pieces[::2]]
    found = sum(count * size for count, size in zip(counts, sizes, strict=True))
    return found if min(counts) >= 0 and 0 < found <= LONGEST_PLAIN else None


def _pieces(text: str) -> list[str]:
    """Runs of digits, runs of letters, single other characters; none where it is not a short ASCII text."""
    if len(text) > 40 or not text.isascii() or "M" in text:
        return []
    found: list[str] = []
    kind = " "
    for char in text.lower():
        last, kind = kind, "9" if char.isdigit() else "a" if char.isalpha() else char
        if kind == last and kind in "9a":
            found[-1] += char
        elif char not in " \t\n":
            found.append(char)
    return found
