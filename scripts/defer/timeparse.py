"""Words for a moment, and the instant they mean.

The rules are in ``references/time-grammar.md``. Pure: an expression, the present and
a zone go in, an instant in UTC comes out; nothing here reads a clock, a file or the
environment. A plain delay is read without importing anything but ``datetime``, since
that is what most tasks are scheduled with.
"""

from datetime import datetime, timedelta, timezone

from defer.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from defer.recurrence import Recurrence

MINUTE = 60
HOUR = 3600
UNIT_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), MINUTE),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), HOUR),
}


class TimeExpressionError(BadInput):
    """The words are no moment in the future; the text names them and shows one that is."""


class Reading(tuple):  # type: ignore[type-arg]
    """What the words mean: ``instant``, ``notes`` and, when they recur, ``recurrence``."""

    __slots__ = ()

    def __new__(
        cls, instant: datetime, notes: tuple[str, ...] = (), recurrence: "Recurrence | None" = None
    ) -> "Reading":
        return tuple.__new__(cls, (instant, notes, recurrence))

    @property
    def instant(self) -> datetime:
        """Aware, in UTC, whole seconds; the first fire of words that recur."""
        found: datetime = self[0]
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        """Short sentences on what was chosen: gap shifted, fold chosen, clamped."""
        found: tuple[str, ...] = self[1]
        return found

    @property
    def recurrence(self) -> "Recurrence | None":
        """Set when the words recur."""
        found: Recurrence | None = self[2]
        return found


def _pieces(text: str) -> list[str]:
    """Runs of digits, runs of letters and single other characters; blanks are dropped."""
    found: list[str] = []
    kind = ""
    for char in text.lower():
        now = "9" if "0" <= char <= "9" else "a" if "a" <= char <= "z" else char
        if now == kind and now in "9a":
            found[-1] += char
        elif not char.isspace():
            found.append(char)
        kind = now
    return found


def _plain(pieces: list[str]) -> "tuple[int, int] | None":
    """Days and seconds of `2 hours 30 minutes` as pieces, or None when it is not that."""
    if not pieces or len(pieces) % 2:
        return None
    days = seconds = 0
    for count, unit in zip(pieces[::2], pieces[1::2]):
        if not count.isdigit() or not count.isascii() or len(count) > 9:
            return None
        if unit in UNIT_SECONDS:
            seconds += int(count) * UNIT_SECONDS[unit]
        elif unit in ("d", "day", "days"):
            days += int(count)
        elif unit in ("w", "wk", "wks", "week", "weeks"):
            days += 7 * int(count)
        else:
            return None
    return days, seconds


def parse_duration(text: str) -> timedelta:
    """Elapsed time such as ``30m``, ``1h30``, ``90s``, ``2 hours``; more than zero."""
    pieces = _pieces(text)
    if len(pieces) == 3 and pieces[1] == "h" and pieces[2].isdigit():
        pieces.append("m")
    plain = _plain(pieces)
    if plain is None or plain == (0, 0):
        raise TimeExpressionError(f'can\'t read "{text}" as a duration (try "30m")')
    return timedelta(days=plain[0], seconds=plain[1])


def parse(expr: str, now: datetime, tz: "ZoneInfo") -> Reading:
    """The instant ``expr`` means at ``now`` in ``tz``; never before ``now``."""
    pieces = _pieces(expr)
    if pieces and pieces[0] in ("in", "+"):
        pieces = pieces[1:]
    plain = _plain(pieces)
    utc_now = now.astimezone(timezone.utc).replace(microsecond=0)
    if plain and plain != (0, 0):
        day = (now.astimezone(tz).replace(tzinfo=None) + timedelta(days=plain[0])).replace(tzinfo=tz)
        return Reading(
            day.astimezone(timezone.utc).replace(microsecond=0) + timedelta(seconds=plain[1])
        )
    if pieces == ["now"]:
        return Reading(utc_now)
    return Reading(_first_forms(expr, now.astimezone(tz), tz))


def _first_forms(expr: str, now: datetime, tz: "ZoneInfo") -> datetime:
    words = expr.lower().replace(" at ", " ").split()
    days = "monday tuesday wednesday thursday friday saturday sunday".split()
    day, named = now, True
    if words[:1] == ["today"]:
        words = words[1:]
    elif words[:1] == ["tomorrow"]:
        day, words = now + timedelta(days=1), words[1:]
    elif words[:1] == ["next"] and len(words) > 1 and words[1] in days:
        ahead = (days.index(words[1]) - now.weekday() - 1) % 7 + 1
        day, words = now + timedelta(days=ahead), words[2:]
    else:
        named = False
    if named and not words:
        return day.astimezone(timezone.utc).replace(microsecond=0)
    if len(words) == 1 and (clock := _clock(words[0])):
        when = day.replace(hour=clock[0], minute=clock[1], second=0, microsecond=0)
        if when < now and not named:
            when += timedelta(days=1)
        if when >= now:
            return when.astimezone(timezone.utc)
    if not named:
        try:
            iso = datetime.fromisoformat(expr.strip())
        except ValueError:
            iso = now.replace(year=1)
        iso = iso if iso.tzinfo else iso.replace(tzinfo=tz)
        if iso >= now:
            return iso.astimezone(timezone.utc).replace(microsecond=0)
    raise TimeExpressionError(f'can\'t read "{expr}" (try "30m")')


def _clock(word: str) -> "tuple[int, int] | None":
    if word in ("noon", "midnight"):
        return (12, 0) if word == "noon" else (0, 0)
    pieces = _pieces(word)
    half = pieces.pop() if pieces[-1:] in (["am"], ["pm"]) else ""
    if not pieces or not pieces[0].isdigit():
        return None
    hour, minute = int(pieces[0]), 0
    if len(pieces) == 3 and pieces[1] == ":" and pieces[2].isdigit():
        minute = int(pieces[2])
    elif len(pieces) != 1 or not half:
        return None
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    return (hour, minute) if hour < 24 and minute < 60 else None


def zone(name: str) -> "ZoneInfo":
    """The IANA zone called ``name``; anything else is an error that shows one."""
    from zoneinfo import ZoneInfo, available_timezones

    if name not in available_timezones() or name in ("posixrules", "localtime", "Factory"):
        raise TimeExpressionError(f'"{name}" is no IANA time zone (try --tz Europe/Berlin)')
    return ZoneInfo(name)


def split_line(line: str, now: datetime, tz: "ZoneInfo") -> tuple[str, str]:
    """The time words a ``::defer`` line starts with, and the text after them."""
    head, dashes, tail = line.partition(" -- ")
    if dashes:
        parse(head, now, tz)
        return head.strip(), tail.strip()
    words = line.split()
    for size in range(len(words) - 1, 0, -1):
        try:
            parse(" ".join(words[:size]), now, tz)
        except TimeExpressionError:
            continue
        return " ".join(words[:size]), " ".join(words[size:])
    raise TimeExpressionError(f'"{line}" has no time and text (try "30m resume the review")')
