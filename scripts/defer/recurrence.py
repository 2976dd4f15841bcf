"""What recurs: when it fires, and how to say that in words.

Three things define a recurrence for good: the expression, the anchor (the instant at which it was
scheduled) and the zone. Read again from these, it fires at the same instants.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from .timegrammar.reading import A_RULE, TimeExpressionError
from .timegrammar.recurring.rules import Stretch
from .timegrammar.recurring.series import Recurrence

__all__ = ["Recurrence", "between", "parse"]


def parse(expr: str, anchor: datetime, tz: ZoneInfo) -> Recurrence:
    """The recurrence ``expr`` means when scheduled at ``anchor`` in ``tz``.

    Raises TimeExpressionError where the words do not recur or cannot be read.
    """
    from .timegrammar.reader import read

    found = read(expr, anchor, tz).recurrence
    if found is None:
        raise TimeExpressionError(f'"{expr}" happens once ({A_RULE})')
    return found


def between(rec: Recurrence, start: datetime, end: datetime) -> Stretch:
    """First, last and number of the fires of ``rec`` after ``start``, up to ``end`` inclusive."""
    return rec.stretch(start, end)
