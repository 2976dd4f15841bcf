"""When something that recurs fires, and how that is said in words."""

from datetime import datetime
from zoneinfo import ZoneInfo

from defer.errors import BadInput


class Recurrence:
    """Fires of ``expr`` counted from ``anchor`` in ``tz``; the same three give the same for ever."""

    __slots__ = ("anchor", "expr", "tz")

    def __init__(self, expr: str, anchor: datetime, tz: ZoneInfo) -> None:
        self.expr = expr
        self.anchor = anchor
        self.tz = tz

    def after(self, instant: datetime) -> datetime | None:
        """The first fire strictly after ``instant``; None when the bounds are exhausted."""
        from cronsim import CronSim

        fire: datetime = next(CronSim(self.expr, instant.astimezone(self.tz)))
        return fire

    def describe(self) -> str:
        """The recurrence in words, with its zone."""
        return f"{self.expr}, {self.tz.key}"


def parse(expr: str, anchor: datetime, tz: ZoneInfo) -> Recurrence:
    """Read a recurring expression; only cron fields so far."""
    if len(expr.split()) != 5:
        raise BadInput(f'can\'t read "{expr}" as a recurrence (try "0 9 * * 1-5")')
    return Recurrence(expr, anchor, tz)
