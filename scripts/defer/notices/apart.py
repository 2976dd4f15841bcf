"""Work that may hang, done apart: each row of jobs has a child process, whose time for each job is bounded.

Whatever a job waits for (a name, a connection, a program), its child is killed with all that it has started when the
time is over. The jobs of a row are done in order; what hangs in one row does not hold up another.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

from .channels.undelivered import Undelivered

_READ_BYTES = 1 << 16
_IN_VAIN = "it broke off"
_TOO_LONG = "there was no answer in time"

Mask = Callable[[str], str]


class Job(NamedTuple):
    """Something to do that raises Undelivered; ``about`` is whatever its caller knows it by."""

    about: Any
    do: Callable[[], object]


class Done(NamedTuple):
    """What became of a job: ``why`` is None for one that was done. ``after``: seconds to leave the receiver alone."""

    about: Any
    why: str | None
    after: float | None = None


def do(rows: Sequence[Sequence[Job]], seconds: float, masked: Mask) -> Iterator[list[Done]]:
    """Do the jobs of all rows, the rows at once; what became of them, as it is known.

    Of a row with a job that took longer than ``seconds``, the jobs behind that are not done, and not told of.
    """
    children = [_Child(row, seconds, masked) for row in rows if row]
    with selectors.DefaultSelector() as selector:
        try:
            for one in children:
                selector.register(one.fd, selectors.EVENT_READ, one)
            while selector.get_map():
                at_work: list[_Child] = [key.data for key in selector.get_map().values()]
                first = min(one.until for one in at_work)
                ready = {key.fd for key, _ in selector.select(max(0.0, first - time.monotonic()))}
                for one in at_work:
                    done = one.told() if one.fd in ready else one.overdue(time.monotonic())
                    if one.is_over:
                        selector.unregister(one.fd)
                        one.close()
                    if done:
                        yield done
        finally:
            for one in children:
                one.close()


class _Child:
    """A process that does the jobs of one row."""

    def __init__(self, row: Sequence[Job], seconds: float, masked: Mask) -> None:
        self._left, self._seconds, self._unread = [*row], seconds, b""
        self._is_closed = self.is_over = False
        self.fd, theirs = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _be_child(theirs, row, seconds, masked)
        os.close(theirs)
        self.until = time.monotonic() + seconds

    def told(self) -> list[Done]:
        """What it has told of since."""
        piece = os.read(self.fd, _READ_BYTES)
        *lines, self._unread = (self._unread + piece).split(b"\n")
        self.until = time.monotonic() + self._seconds
        done = [Done(self._left.pop(0).about, *json.loads(line)) for line in lines]
        if not piece:
            self.is_over = True
            done += self._given_up(_IN_VAIN)
        return done

    def overdue(self, now: float) -> list[Done]:
        """What became of the job at hand if its time is over."""
        if now < self.until:
            return []
        self.is_over = True
        return self._given_up(_TOO_LONG)

    def _given_up(self, why: str) -> list[Done]:
        return [Done(self._left[0].about, why)] if self._left else []

    def close(self) -> None:
        """End it and all that it has started."""
        if self._is_closed:
            return
        self._is_closed = True
        # It may not have made its group yet.
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                kill(self._pid, signal.SIGKILL)
        os.close(self.fd)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _be_child(fd: int, row: Sequence[Job], seconds: float, masked: Mask) -> NoReturn:
    """The forked process, to its end."""
    try:
        os.setsid()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        for job in row:
            # Whoever is to end it may have died.
            signal.setitimer(signal.ITIMER_REAL, 2 * seconds)
            why, after = _tried(job)
            os.write(fd, json.dumps([why and masked(why), after]).encode() + b"\n")
    finally:
        os._exit(0)


def _tried(job: Job) -> tuple[str | None, float | None]:
    try:
        job.do()
    except Undelivered as error:
        return str(error), error.after
    except Exception as error:
        # A library's, say: its text may hold what it was about.
        return f"{_IN_VAIN}: {type(error).__name__}", None
    return None, None
