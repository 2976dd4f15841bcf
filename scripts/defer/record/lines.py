"""The lines of records that are stored together: what one shares with the one before is checked and encoded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress, count
from operator import is_not, itemgetter

from . import codec, shapes, versions
from .codec import Task


class Lines:
    """Gives for each record the line of ``codec.offered_line``, or its error.

    What two records share is told by being the very same object. Nobody may change a record in between.
    """

    def __init__(self) -> None:
        self._fields: list[str] = []
        self._order: list[str] = []
        self._in_order: Callable[[Task], Sequence[object]] = tuple
        self._names: list[str] = []
        self._values: list[object] = []
        self._texts: list[str] = []

    def line(self, record: Task) -> bytes:
        """The line of a record that is about to be stored. Raises BadInput."""
        if [*record] == self._fields and not versions.is_newer(record):
            line = self._alike(record)
            if line is not None:
                return line
        line = codec.offered_line(record)
        # Each takes a text for its name, and is what it was taken for.
        if all(type(name) is str for name in record) and not versions.is_newer(record):
            self._learn(record)
        return line

    def _learn(self, record: Task) -> None:
        """Keep the order of the fields; the values follow with the next record that has the same."""
        self._fields = [*record]
        self._order = codec.order_of(record)
        # Every record has more than one field: it has been checked.
        self._in_order = itemgetter(*self._order)
        self._names = [f"{codec.value_text(name)}:" for name in self._order]
        self._values = [_NOTHING] * len(self._order)
        self._texts = [""] * len(self._order)

    def _alike(self, record: Task) -> bytes | None:
        """The line; None for a record that must be looked at by itself."""
        values = self._values
        try:
            offered = self._in_order(record)
            for at in compress(count(), map(is_not, offered, values)):
                value = offered[at]
                if value is None or shapes.field_fault(self._order[at], value) is not None:
                    return None
                self._texts[at] = self._names[at] + codec.value_text(value)
                values[at] = value
            line = f"{{{','.join(self._texts)}}}\n".encode()
        except (ValueError, TypeError, RecursionError):
            return None
        is_plain = len(line) <= codec.MAX_TASK_BYTES and line.count(b"{") + line.count(b"[") <= codec.MAX_DEPTH
        return line if is_plain else None


_NOTHING = object()
