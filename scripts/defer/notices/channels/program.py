"""A program of the user's that is handed each notice: JSON on its standard input."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from defer import trust

from .undelivered import Undelivered

_FIRST_BYTES = 4096
_READ_BYTES = 1 << 16
_READS_AFTER_ITS_END = 16
_MOMENT_SECONDS = 0.02


def trouble(path: str, store_owner: int) -> str | None:
    """Why the program will not be started; None if it will. ``store_owner``: the uid that the store belongs to."""
    if not os.path.isfile(path):
        return "there is no such program"
    if not os.access(path, os.X_OK):
        return "it is not executable (chmod +x it)"
    try:
        trust.check_program(Path(path), store_owner)
    except OSError as error:
        return f"it is not to be trusted: {error.strerror} ({getattr(error, 'remedy', 'check its owner and mode')})"
    return None


def hand(path: str, store_owner: int, notice: bytes, environment: Mapping[str, str]) -> None:
    """Start it with ``notice`` on its standard input and wait for it. Raises Undelivered unless it exits with 0."""
    why = trouble(path, store_owner)
    if why:
        raise Undelivered(why)
    try:
        started = subprocess.Popen(
            [path],
            cwd="/",
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise Undelivered(f"it cannot be started: {error.strerror}") from None
    status, said = _ended(started, notice)
    if status:
        how = f"exit {status}" if status > 0 else f"signal {-status}"
        raise Undelivered(f"it ended with {how}: {said}" if said else f"it ended with {how}")


def _ended(started: subprocess.Popen[bytes], notice: bytes) -> tuple[int, str]:
    """Its exit status, and the first line that it complained with."""
    assert started.stdin
    assert started.stderr
    with suppress(OSError):  # it need not read what it is handed
        started.stdin.write(notice)
        started.stdin.close()
    with started.stderr:
        said = _said(started, started.stderr.fileno()).decode(errors="replace").strip()
    return started.wait(), said.partition("\n")[0]


def _said(started: subprocess.Popen[bytes], fd: int) -> bytes:
    """The beginning of what it says until it ends: what it leaves running may hold its standard error for ever."""
    said, left_to_read = b"", _READS_AFTER_ITS_END
    while left_to_read:
        has_ended = started.poll() is not None
        left_to_read -= has_ended
        if select.select([fd], [], [], 0.0 if has_ended else _MOMENT_SECONDS)[0]:
            piece = os.read(fd, _READ_BYTES)
            said = (said + piece)[:_FIRST_BYTES]
            if not piece:
                break
        elif has_ended:
            break
    return said
