"""What reading a time expression answers, and the error where it cannot be read."""

from datetime import datetime

from defer.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .series import Recurrence


class TimeExpressionError(BadInput):
    """The words are not a moment in the future; the text names them and shows one that is."""


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
