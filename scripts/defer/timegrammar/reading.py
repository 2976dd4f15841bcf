"""What reading a time expression answers, and the error where it cannot be read."""

from datetime import datetime

from defer.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from .recurring.series import Recurrence
    from .tokens import Token

    #: A piece of what was said, and what to say in its place: `{}` there is the piece itself. The piece is a token's
    #: text, several with a blank between them, or a test of one token.
    Way: TypeAlias = tuple[str | Callable[[Token], bool], str]

#: What a refusal ends with where nothing can be offered: what is offered is done, so a form is shown as a form.
A_TIME = 'a time looks like "tomorrow 9am"'
A_COMING_TIME = 'a time to come looks like "tomorrow 9am"'
A_RULE = 'a rule looks like "every day at 9am"'
A_DATE = 'a date looks like "2027-01-31"'
A_DELAY = 'a delay looks like "in 10 minutes"'
A_LENGTH = 'a length looks like "30m"'
A_CRON = 'cron fields look like "0 9 * * 1-5"'


class TimeExpressionError(BadInput):
    """The words are not a moment in the future; the text names them and shows one that is."""


class NoTimeFirst(TimeExpressionError):
    """A line does not start with a time."""


class Undecided(TimeExpressionError):
    """The words leave something open. ``ways`` close it, each in its own way: only those are offered that then work.

    ``otherwise`` is what stands in their place where none does: a form, never an instruction.
    """

    def __init__(self, reason: str, ways: "Sequence[Way]", otherwise: str = A_TIME) -> None:
        super().__init__(f"{reason} ({otherwise})")
        self.reason = reason
        self.ways = ways
        self.otherwise = otherwise


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
