"""Signals as readable bytes: for a loop that waits on descriptors and must hear of deaths and of being told to stop."""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Callable
from types import FrameType


class Signals:
    """Turns SIGCHLD, SIGTERM and SIGINT into readable bytes of the selector while it is entered."""

    def __init__(self, selector: selectors.BaseSelector, stop: Callable[[], None]) -> None:
        self._selector, self._stop = selector, stop

    def __enter__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._old_fd = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._old = {
            number: signal.signal(number, _ignore) for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
        }
        self._selector.register(self._reader, selectors.EVENT_READ, self._arrived)

    def _arrived(self) -> None:
        numbers = os.read(self._reader, 4096)
        if signal.SIGTERM in numbers or signal.SIGINT in numbers:
            self._stop()

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_fd)
        self._selector.unregister(self._reader)
        os.close(self._reader)
        os.close(self._writer)


def _ignore(number: int, frame: FrameType | None) -> None:
    """The byte in the wakeup descriptor says all there is to say."""
