"""The lock directories of v1: its scripts and ours may work on one store while a user changes over.

v1 makes a directory and writes its pid into the file ``pid`` in it. Its runner holds ``.defer.lock`` from its start to
its end; its writers hold ``.deferred-tasks.lock`` while they read the store and replace it by a new file. We respect
both and take neither: our lock is the ``flock`` that death releases, and v1 does not ask for it.

A directory counts as held while the process of that pid lives. It does not when

- that process began after the pid was written: the holder died, and the system used the number again;
- there is no pid in it a minute after it was made: its maker was killed between the two steps;
- it is a day old, so that nothing waits for ever.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import stat_result
from pathlib import Path

from defer import fsio, signals
from defer.errors import StoreBusy
from defer.record import codec

_LONGEST_SECONDS = 24 * 3600.0
_WITHOUT_PID_SECONDS = 60.0
_CLOCKS_DIFFER_SECONDS = 60.0
_POLL_SECONDS = 0.05
_LONGEST_PID = 32


def holder(directory: Path) -> str | None:
    """Who holds a lock directory, in words; None if nobody does."""
    made = fsio.stat(directory)
    if made is None or not stat.S_ISDIR(made.st_mode):
        return None
    raw = (fsio.read_bounded(directory / "pid", _LONGEST_PID) or b"").strip()
    written = _seconds(fsio.stat(directory / "pid") or made)
    age = abs(time.time() - written)
    if not raw.isdigit():
        return "a v1 process that has not said its pid" if age < _WITHOUT_PID_SECONDS else None
    from defer import process  # half as much again as Python's own start, and hardly ever asked

    began = process.began_at(int(raw))
    is_ours_again = began is not None and began > written + _CLOCKS_DIFFER_SECONDS
    return None if began is None or is_ours_again or age > _LONGEST_SECONDS else f"the v1 process with pid {int(raw)}"


def _seconds(state: stat_result) -> float:
    return state.st_mtime_ns / 1e9


@contextmanager
def none_writing(lock: Path, timeout: float, directory: Path | None) -> Iterator[None]:
    """Hold the store's ``lock`` while no v1 writer holds ``directory``. Raises StoreBusy after ``timeout`` seconds."""
    end = time.monotonic() + timeout
    while True:
        with fsio.lock(lock, max(0.0, end - time.monotonic())):
            held_by = None if directory is None else holder(directory)
            if held_by is None:
                yield
                return
        # Not while we hold our lock: our other processes would blame the wrong lock.
        if time.monotonic() >= end or signals.ends_waiting():
            raise _busy(directory, held_by, f"for {timeout:g} s")
        time.sleep(_POLL_SECONDS)


def has_lost(path: Path, state: stat_result, lines: Sequence[bytes], directory: Path | None, timeout: float) -> bool:
    """Whether a v1 writer that began meanwhile has replaced the store without ``lines``, appended just now.

    ``state``: the store's state at that time. v1 reads the store, then renames a new file over it: an append
    between the two is lost. If v1 is still at work, this waits for its end. Raises StoreBusy after ``timeout``.
    """
    if directory is None or (holder(directory) is None and _is_still(path, state)):
        return False
    end = time.monotonic() + timeout
    while (held_by := holder(directory)) is not None:
        if time.monotonic() >= end or signals.ends_waiting():
            raise _busy(directory, held_by, "since it was written to: whether it keeps that is not known")
        time.sleep(_POLL_SECONDS)
    if _is_still(path, state):
        return False
    missing = set(lines)
    stream = fsio.reader(path)
    if stream is not None:
        with stream:
            for line in codec.lines(stream):
                missing.discard(line)
        # v1 syncs nothing.
        fsio.sync(path)
        fsio.sync_directory(path.parent)
    return bool(missing)


def _is_still(path: Path, state: stat_result) -> bool:
    now = fsio.stat(path)
    return now is not None and (now.st_dev, now.st_ino) == (state.st_dev, state.st_ino)


def _busy(directory: Path | None, held_by: str | None, how_long: str) -> StoreBusy:
    mend = "try again; if that is not a v1 script, remove the directory"
    return StoreBusy(f"busy: {directory} is held by {held_by} {how_long} ({mend})")
