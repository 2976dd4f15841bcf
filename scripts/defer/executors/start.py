"""A coding agent's program at work for a shipped executor: it is started and heard, and its outcome is written down.

The agent can write to the directory of its result file, and may have replaced the file or the directory by something
else. So the directory is opened before the agent starts. What is there afterwards is read only if it is a plain file
of one name, and is never written to: a new file takes its place.
"""

from __future__ import annotations

import codecs
import os
import selectors
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from defer import fsio

from . import handover, resultfile
from .agents.base import Reader, Start

_STANDARD_ERROR = 2
_READ_BYTES = 1 << 16
_LONGEST_LINE = 8 << 20
_LOOK_EVERY_SECONDS = 1.0
_PIECES_IN_A_PIPE = 64
_PLAIN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
RETRYING_SECONDS = 300.0
"""How long a program may go on trying to reach its service before it is ended: a wake has a backoff of its own."""


class Lines:
    """The lines in pieces of bytes, each with its line end. One that is longer than anybody writes comes in parts."""

    def __init__(self) -> None:
        # A byte order mark is not part of a line.
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._parts: list[str] = []
        self._size = 0

    def add(self, piece: bytes, *, is_last: bool = False) -> Iterator[str]:
        """The lines that end in this piece."""
        *ended, rest = self._decoder.decode(piece, is_last).split("\n")
        for line in ended:
            yield "".join((*self._parts, line, "\n"))
            self._parts, self._size = [], 0
        self._parts.append(rest)
        self._size += len(rest)
        if self._size > _LONGEST_LINE or (is_last and self._size):
            yield "".join(self._parts)
            self._parts, self._size = [], 0


def open_prompt(path: str) -> int:
    """A descriptor to read the prompt from. Raises OSError; ValueError where it is not a plain file."""
    fd = os.open(path, _PLAIN)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise ValueError


class Program:
    """An agent's program under way: what it prints goes to its reader, and from there to our standard error.

    ``note`` is called as soon as there is something to keep, as the session is known and as we are told to end: whoever
    kills us later finds it.
    """

    def __init__(self, reader: Reader, note: Callable[[], None]) -> None:
        self._reader, self._note = reader, note
        self._told_at: float | None = None
        self._retrying_since: float | None = None
        self._is_noted = False
        self.was_told = False
        """Whether we were told to end."""
        self.has_given_up = False
        """Whether it was ended because it only went on trying to reach its service."""

    def run(self, argv: Sequence[str], prompt: int, umask: int, environment: Mapping[str, str]) -> int:
        """Its status as a shell has it. Raises OSError if it cannot be started."""
        signal.signal(signal.SIGTERM, self._hear)
        pipe = subprocess.PIPE
        with subprocess.Popen(
            argv, stdin=prompt, stdout=pipe, stderr=pipe, bufsize=0, umask=umask, env=environment
        ) as process:
            self._listen(process)
            while process.poll() is None:
                self._act(process)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_EVERY_SECONDS)
        return process.returncode if process.returncode >= 0 else 128 - process.returncode

    def _hear(self, *_: object) -> None:
        """Outlive a SIGTERM, as at a timeout, since what the agent has said must still be written down."""
        self._told_at = time.monotonic()
        self.was_told = True

    def _act(self, process: subprocess.Popen[bytes]) -> None:
        """Do what the time says. Whoever told us to end has told the agent too; a second later we pass it on."""
        now = time.monotonic()
        if self._told_at is not None and not self._is_noted:
            self._is_noted = True
            self._note()
        if self._told_at is not None and now - self._told_at >= _LOOK_EVERY_SECONDS:
            self._told_at = None
            process.terminate()
        if self._reader.retrying is None:
            self._retrying_since = None
        elif self._retrying_since is None:
            self._retrying_since = now
        elif now - self._retrying_since >= RETRYING_SECONDS and not self.has_given_up:
            self.has_given_up = True
            process.terminate()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Read until the program has ended, though something that it has started may go on printing."""
        out, err = Lines(), Lines()
        takes = {
            stream.fileno(): take
            for stream, take in ((process.stdout, (out, self._hear_out)), (process.stderr, (err, self._hear_error)))
            if stream is not None
        }
        with selectors.DefaultSelector() as watched, _signals() as told:
            for fd in (*takes, told):
                watched.register(fd, selectors.EVENT_READ)
            left = _PIECES_IN_A_PIPE
            while left > 0 and len(watched.get_map()) > 1:
                self._act(process)
                has_ended = process.poll() is not None
                ready = watched.select(0 if has_ended else _LOOK_EVERY_SECONDS)
                for key, _ in ready:
                    piece = os.read(key.fd, _READ_BYTES)
                    if key.fd == told:
                        continue
                    lines, hear = takes[key.fd]
                    if not piece:
                        watched.unregister(key.fileobj)
                    hear(lines.add(piece))
                left = left - has_ended if ready else 0 if has_ended else left
        self._hear_error(err.add(b"", is_last=True))
        self._hear_out(out.add(b"", is_last=True))

    def _hear_out(self, lines: Iterator[str]) -> None:
        had_session = self._reader.session
        _show("".join(self._reader.feed(line) for line in lines))
        if self._reader.session != had_session:
            self._note()

    def _hear_error(self, lines: Iterator[str]) -> None:
        for line in lines:
            _show(line)
            self._reader.complain(line)


@contextmanager
def files(directory: Path, texts: Mapping[str, str]) -> Iterator[None]:
    """Files of ours in a directory of their own while the program runs. Raises OSError."""
    if not texts:
        yield
        return
    # A run that was killed may have left its own.
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(0o700)
    try:
        for name, text in texts.items():
            fsio.write_all(fd := fsio.create_exclusive(directory / name), text.encode())
            fsio.close(fd)
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def environment(around: Mapping[str, str], begin: Start) -> dict[str, str]:
    """The variables of an agent's program. What it starts is held to what an agent may ask of Defer."""
    return {**begin.defaults, **around, **begin.environment, "DEFER_RESTRICTED": around.get("DEFER_RESTRICTED", "1")}


@contextmanager
def _signals() -> Iterator[int]:
    """A descriptor that has something to read once a signal has come: whoever waits for output hears of it at once."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)


def _show(text: str) -> None:
    """Into the log of the attempt, as it comes: whoever reads that shows what a terminal would obey (``visible``)."""
    with suppress(OSError):
        fsio.write_all(_STANDARD_ERROR, text.encode("utf-8", "replace"))


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
