"""A recurrence, and the cron fields that are one.

A recurrence is known by three things for ever: the expression, the anchor (the instant it was
scheduled at) and the zone. Read again from these, it fires at the same instants.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from .reading import TimeExpressionError
from .rules import EMPTY, Calendar, Cron, Step, Stretch

NICKNAMES = {
    "hourly": "0 * * * *",
    "daily": "0 0 * * *",
    "midnight": "0 0 * * *",
    "weekly": "0 0 * * 0",
    "monthly": "0 0 1 * *",
    "yearly": "0 0 1 1 *",
    "annually": "0 0 1 1 *",
}
SECOND = timedelta(seconds=1)
#: More fires than this are not a bound worth counting to.
MOST_TIMES = 10_000


class Recurrence:
    """An endless or bounded run of instants."""

    __slots__ = ("_kind", "_words", "anchor", "expr", "first", "lower", "notes", "tz", "until")

    def __init__(
        self,
        expr: str,
        anchor: datetime,
        tz: ZoneInfo,
        kind: "Step | Calendar | Cron",
        words: str,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.expr = expr
        self.anchor = anchor
        self.tz = tz
        self.notes = notes
        self.lower = anchor
        self.until: datetime | None = None
        self.first: datetime | None = None
        self._kind = kind
        self._words = words

    def after(self, instant: datetime) -> datetime | None:
        """The first fire strictly after ``instant``, in UTC; None when the bounds are exhausted."""
        return next(self.fires(instant), None)

    def fires(self, instant: datetime) -> Iterator[datetime]:
        """Every fire strictly after ``instant``, in UTC, earliest first."""
        found = self._kind.fires(max(instant.astimezone(UTC), self.lower))
        until = self.until
        return found if until is None else takewhile(lambda fire: fire <= until, found)

    def stretch(self, start: datetime, end: datetime) -> Stretch:
        """First, last and number of fires after ``start`` up to and with ``end``."""
        low = max(start.astimezone(UTC), self.lower)
        high = end.astimezone(UTC) if self.until is None else min(end.astimezone(UTC), self.until)
        return self._kind.stretch(low, high) if low < high else EMPTY

    def describe(self) -> str:
        """In words, with the zone: `every weekday at 08:30, Europe/Berlin`."""
        words = self._words
        if self.lower > self.anchor:
            words += f", starting {self._wall(self.lower + SECOND)}"
        if self.until is not None:
            words += f", until {self._wall(self.until)}"
        return f"{words}, {self.tz.key}"

    def _wall(self, instant: datetime) -> str:
        return f"{instant.astimezone(self.tz):%Y-%m-%d %H:%M}"

    def bound(self, lower: datetime, until: "datetime | None", times: int) -> None:
        """Settle that only fires after ``lower`` count, up to ``until``, and no more than ``times`` (0: any)."""
        self.lower, self.until = lower, until
        if times:
            *_, self.until = islice(self.fires(lower), times)
        self.first = self.after(lower)


def cron_fields(expr: str) -> str | None:
    """The five fields where ``expr`` is a cron expression or nickname; None where it is neither."""
    words = expr.split()
    if len(words) == 1 and words[0].startswith("@") and words[0][1:2].isalpha():
        name = words[0][1:].lower()
        if name not in NICKNAMES:
            raise TimeExpressionError(f'"{words[0]}" is not read here (try "@daily")')
        return NICKNAMES[name]
    starred = len(words) == 4 and "*" in expr
    if (len(words) < 5 and not starred) or len(expr) > 500 or not all(_is_cron(word) for word in words[:3]):
        return None
    if len(words) == 5:
        return " ".join(words)
    raise TimeExpressionError(f'a cron expression has five fields, this has {len(words)} (try "0 9 * * 1-5")')


def _is_cron(word: str) -> bool:
    return word.isascii() and set(word) <= set("0123456789*,-/Ll") and (word[0] in "*Ll" or word[0].isdigit())


def from_cron(expr: str, fields: str, anchor: datetime, tz: ZoneInfo) -> Recurrence:
    """A recurrence of cron fields, which must fire at least once."""
    from cronsim import CronSim, CronSimError

    try:
        words = CronSim(fields, anchor).explain()
    except (CronSimError, ValueError, AssertionError) as error:
        raise TimeExpressionError(f'{error} (try "0 9 * * 1-5")') from None
    found = Recurrence(expr, anchor.astimezone(UTC), tz, Cron(fields, tz), words[:1].lower() + words[1:])
    found.bound(found.anchor, None, 0)
    if found.first is None:
        raise TimeExpressionError('those fields never meet (try "0 9 * * 1-5")')
    return found
