"""A coding agent's program at work for a shipped executor: it is started and heard, and its outcome is written down.

The agent can write to the directory of its result file, and may have replaced the file or the directory by something
else. So the directory is opened before the agent starts. What is there afterwards is read only if it is a plain file
of one name, and is never written to: a new file takes its place.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from . import handover, resultfile

_HEAD_BYTES, _TAIL_BYTES = 1 << 20, 8 << 20
_READ_BYTES = 1 << 16
_LOOK_EVERY_SECONDS = 1.0
_PIECES_IN_A_PIPE = 64
_PLAIN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Heard:
    """What a program has printed: its first MiB and its last eight, with a line end between where a part is missing."""

    def __init__(self) -> None:
        self._head, self._tail = bytearray(), bytearray()
        self._is_whole = True

    def add(self, piece: bytes) -> None:
        room = _HEAD_BYTES - len(self._head)
        self._head += piece[:room]
        self._tail += piece[room:]
        if len(self._tail) > 2 * _TAIL_BYTES:
            self._shorten()

    def _shorten(self) -> None:
        if len(self._tail) > _TAIL_BYTES:
            self._is_whole = False
            del self._tail[:-_TAIL_BYTES]

    @property
    def text(self) -> str:
        self._shorten()
        between = b"" if self._is_whole else b"\n"
        return bytes(self._head + between + self._tail).decode("utf-8-sig", "replace")


def open_prompt(path: str) -> int:
    """A descriptor to read the prompt from. Raises OSError; ValueError where it is not a plain file."""
    fd = os.open(path, _PLAIN)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise ValueError


def run(argv: Sequence[str], prompt: int, umask: int) -> tuple[str, int]:
    """All that a program printed, and its status as a shell has it. Raises OSError if it cannot be started."""
    heard, told = Heard(), _ToldToEnd()
    with subprocess.Popen(argv, stdin=prompt, stdout=subprocess.PIPE, bufsize=0, umask=umask) as process:
        _listen(process, heard, told)
        while process.poll() is None:
            told.pass_on_to(process)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_EVERY_SECONDS)
    return heard.text, process.returncode if process.returncode >= 0 else 128 - process.returncode


class _ToldToEnd:
    """Outlive a SIGTERM, as at a timeout, since what the agent has said must still be written down. Whoever sends it
    sends it to the agent too; if the agent has not got it a second later, we pass it on."""

    def __init__(self) -> None:
        self._at: float | None = None
        signal.signal(signal.SIGTERM, self._hear)

    def _hear(self, *_: object) -> None:
        self._at = time.monotonic()

    def pass_on_to(self, process: subprocess.Popen[bytes]) -> None:
        if self._at is not None and time.monotonic() - self._at >= _LOOK_EVERY_SECONDS:
            self._at = None
            process.terminate()


def _listen(process: subprocess.Popen[bytes], heard: Heard, told: _ToldToEnd) -> None:
    """Read until the program has ended, though something that it has started may go on printing."""
    if process.stdout is None:
        return
    fd, left = process.stdout.fileno(), _PIECES_IN_A_PIPE
    while left > 0:
        told.pass_on_to(process)
        has_ended = process.poll() is not None
        if not select.select([fd], [], [], 0 if has_ended else _LOOK_EVERY_SECONDS)[0]:
            left = 0 if has_ended else left
            continue
        piece = os.read(fd, _READ_BYTES)
        heard.add(piece)
        left = left - has_ended if piece else 0


class ResultSlot:
    """The place of a result file, in the directory that was there when this object was made."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._name = path.name
        self._directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def add(self, known: Mapping[str, Any], now: datetime) -> None:
        """Put what is ``known`` beside what the agent may have written there. Raises OSError."""
        written, odd = self._written()
        if known or written:
            self._replace(resultfile.with_known(written, odd, dict(known), now))

    def _written(self) -> tuple[bytes, str | None]:
        try:
            fd = os.open(self._name, _PLAIN | os.O_NOFOLLOW, dir_fd=self._directory)
        except FileNotFoundError:
            return b"", None
        except OSError as error:
            return b"", self._kind() or f"it cannot be read: {error.strerror}"
        with open(fd, "rb") as file:
            odd = handover.oddity(os.fstat(fd))
            return (b"", odd) if odd else (file.read(resultfile.LIMIT_BYTES + 1), None)

    def _kind(self) -> str | None:
        with suppress(OSError):
            return handover.oddity(os.stat(self._name, dir_fd=self._directory, follow_symlinks=False))
        return None

    def _replace(self, data: bytes) -> None:
        """Write in place: a temporary file would stay, unmasked, where nobody looks, if we were killed."""
        with suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._directory)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(self._name, flags, 0o600, dir_fd=self._directory), "wb") as file:
            file.write(data)
