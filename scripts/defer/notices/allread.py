"""That nothing is unread, told without reading the outbox: for the hook at the start of an agent's session.

Beside the outbox lies an empty file of its name, hidden, and with ``.read`` at its end. If that has the outbox's own
modification time, all that the outbox holds has been read. The hook compares the two, and starts Python only in doubt.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from defer import fsio, syscalls


def marker(file: Path) -> Path:
    """The marker of an outbox."""
    return file.with_name(f".{file.name}.read")


def mark(file: Path, state: os.stat_result | None) -> None:
    """Note that nothing is unread in an outbox that was read after it had been in this state; None if there is none.

    Not if it has just been changed: another change within a tick of the clock would leave its time as it is.
    """
    if state is None or time.time_ns() - state.st_mtime_ns <= syscalls.TICK_NS:
        return
    # Without the marker the next session only reads the outbox.
    with suppress(OSError):
        if (known := fsio.stat(marker(file))) is None or known.st_mtime_ns != state.st_mtime_ns:
            fsio.set_mtime(marker(file), state.st_mtime_ns)
