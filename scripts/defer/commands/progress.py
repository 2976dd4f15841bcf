"""How far long work has come: one line on a terminal's stderr, which is gone when the work is done."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TextIO, TypeVar

QUIET_SECONDS, BETWEEN_SECONDS = 1.0, 0.25
"""Work that takes no longer needs no line; the line changes no more often."""
_Item = TypeVar("_Item")
_CLEARED = "\r\x1b[K"


class Progress:
    """Counts steps of work, ``doing``, and says how many are done: ``reading task files: 312 of 1,000``.

    Nothing is said where stderr is not a terminal, or one that cannot take a line back.
    """

    def __init__(self, doing: str, *, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._doing, self._clock = doing, clock
        self._out = sys.stderr if out is None else out
        self._is_heard = self._out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._next = clock() + QUIET_SECONDS
        self._count = 0
        self._is_shown = False

    def __enter__(self) -> Progress:
        return self

    def step(self, total: int = 0) -> None:
        """One more is done, of ``total`` where that is known."""
        self._count += 1
        if self._is_heard and self._clock() >= self._next:
            self._next = self._clock() + BETWEEN_SECONDS
            self._is_shown = True
            of = f" of {total:,}" if total else ""
            self._write(f"{_CLEARED}{self._doing}: {self._count:,}{of}")

    def over(self, work: Sequence[_Item]) -> Iterator[_Item]:
        """The items, each a step."""
        for one in work:
            self.step(len(work))
            yield one

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_shown:
            self._write(_CLEARED)

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:  # the terminal is gone, the work goes on
            self._is_heard = False
