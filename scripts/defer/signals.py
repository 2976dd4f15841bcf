"""Signals as readable bytes: for a loop that waits on descriptors and must notice deaths and signals to stop."""

from __future__ import annotations

import os
import select
import signal
import time
from types import FrameType

_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_WAITED_FOR_SECONDS = 1.0
_MOMENT_SECONDS = 0.02
_listening: list[Signals] = []


def ends_waiting() -> bool:
    """Whether this process was told to stop a second ago: then it no longer waits for what others hold.

    Not at once: a writer holds the store's lock for milliseconds, and an outcome can still be stored. Where nothing
    listens for signals, they end the process by themselves.
    """
    return any(one.was_told_long_ago for one in _listening)


def forget() -> None:
    """For a fork that goes its own way: what its parent listens for is not its own, nor are the descriptors."""
    for one in _listening:
        one.fd = -1
    _listening.clear()


class Signals:
    """While this is entered, SIGCHLD and the signals to stop arrive as bytes at ``fd``.

    SIGTERM, SIGINT and SIGHUP (the terminal was closed) say stop; a SIGHUP that the caller ignores (nohup) stays
    ignored. The kernel shields the first process of a container from signals without a handler: this is what lets
    such a process end at all.
    """

    def __init__(self) -> None:
        self.is_told_to_stop = False
        self.has_news_of_children = False
        self.fd = -1
        self._told_at: float | None = None

    @property
    def was_told_long_ago(self) -> bool:
        """Whether it was told to stop a second ago or more."""
        self.take()
        if self.is_told_to_stop and self._told_at is None:
            self._told_at = time.monotonic()
        return self._told_at is not None and time.monotonic() - self._told_at >= _WAITED_FOR_SECONDS

    def __enter__(self) -> Signals:
        self.fd, self._writer = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._writer, False)
        self._old_fd = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        wanted = [one for one in _STOPPING if one != signal.SIGHUP or signal.getsignal(one) != signal.SIG_IGN]
        self._old = {number: signal.signal(number, _ignore) for number in (signal.SIGCHLD, *wanted)}
        _listening.append(self)
        return self

    def take(self) -> None:
        """Take what has arrived; while this is not entered, nothing arrives."""
        if self.fd < 0:
            return
        try:
            numbers = os.read(self.fd, 4096)
        except BlockingIOError:
            return
        self.is_told_to_stop |= any(number in numbers for number in _STOPPING)
        self.has_news_of_children |= signal.SIGCHLD in numbers

    def wait(self, seconds: float) -> None:
        """Wait for a signal, at most this long; while this is not entered, for a moment."""
        if self.fd < 0:
            time.sleep(min(seconds, _MOMENT_SECONDS))
            return
        select.select([self.fd], [], [], seconds)
        self.take()

    def __exit__(self, *_: object) -> None:
        _listening.remove(self)
        # A signal that Python takes in under one handler and delivers under the next is an error told on stderr.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._old)
        try:
            for number, handler in self._old.items():
                signal.signal(number, handler)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.set_wakeup_fd(self._old_fd)
        os.close(self.fd)
        os.close(self._writer)
        self.fd = -1


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing: the byte in the wakeup descriptor says enough."""
