"""What an attempt prints: its log gets it, masked, up to a limit; the rest is drained and counted.

Each stream is masked by itself, so that a secret is found even if the other stream comes between its halves.
The log is masked once more as it is written: a half from each stream may meet there and make a whole.

Memory stays flat whatever is written. Beside the log, only the first bytes of stdout are kept, which become the
result, and the last bytes of either stream, which explain a failure.

A log that cannot be written loses output, never the attempt. One that has filled the disk gives
``RESERVE_BYTES`` back and is not written again: the store needs room to say how the attempt ended.

An attempt that printed nothing keeps no log: most of what runs every minute is silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from defer import fsio
from defer.errors import is_full
from defer.settings.masking import MASK, NOTHING, Held, Masker

from . import charsets

STREAMS = ("stdout", "stderr")
RECORD_BYTES = 64 << 10
RESERVE_BYTES = 512 << 10
"""Room for the record of an attempt, escaped, in the store, the archive and a rewrite of a small store."""
_TAIL_BYTES = 2048
_LONGEST_LAST_WORDS = 500


class Log:
    """The log of one attempt, open for writing: at most ``limit`` bytes, then a line that says what is missing.

    ``error`` says why it is not whole. ``fd`` may be handed to another process, which goes on where this one stopped.
    """

    def __init__(self, fd: int | None, room: int, error: str | None = None, path: Path | None = None) -> None:
        """``path``: where a log lies that is nobody else's, so that an empty one may be removed."""
        self.fd, self._room, self.error, self._path = fd, room, error, path
        self.is_kept = fd is not None
        """Whether there is a file."""
        self.dropped_bytes = 0
        self.kept_bytes = 0
        """Bytes of output in the log, unless some were given back since to a full disk."""

    @classmethod
    def create(cls, path: Path, limit: int) -> Log:
        """A new log at ``path``, and the directories above it."""
        try:
            fsio.ensure_directory(path.parent)
            return cls(fsio.create_exclusive(path), limit, path=path)
        except OSError as error:
            return cls(None, limit, error.strerror)

    @property
    def is_full(self) -> bool:
        """Whether there is no room left."""
        return self._room <= 0

    def add(self, data: bytes) -> None:
        """Keep what there is room for, count the rest."""
        fits = data[: self._room]
        self._room -= len(fits)
        self.dropped_bytes += len(data) - len(fits)
        self._write(fits)

    def _write(self, data: bytes) -> None:
        if self.fd is None or not data:
            return
        try:
            fsio.write_all(self.fd, data)
            self.kept_bytes += len(data)
        except OSError as error:
            # How much of it was written does not matter: from here on everything counts as dropped.
            self.error, self._room = error.strerror, 0
            self.dropped_bytes += len(data)
            if is_full(error):
                fsio.shorten(self.fd, RESERVE_BYTES)

    def close(self, *, is_read_on: bool = False) -> None:
        """Say what was dropped, and close it; remove it if nothing was printed and nobody else goes on with it."""
        if self.dropped_bytes:
            self._write(f"\n[defer: {self.dropped_bytes} further bytes were not kept]\n".encode())
        if self.fd is not None:
            fsio.close(self.fd)
            self.fd = None
            if not (self.kept_bytes or self.dropped_bytes or is_read_on):
                self._remove()

    def discard(self) -> None:
        """Close and remove it: what it belongs to was not an attempt."""
        self.close()
        if self.is_kept:
            self._remove()

    def _remove(self) -> None:
        with suppress(OSError):
            if self._path is not None:
                fsio.remove(self._path)
                self.is_kept = False


class Capture:
    """What one attempt prints: its ``log``, and what the record keeps of it.

    ``masker``: one that knows what to mask. ``held``: what the maskers of stdout, stderr and the log held back in
    another process, if this one goes on with its log. ``locale``: the locale that the program was given.
    """

    def __init__(self, log: Log, masker: Masker, held: Sequence[Held] = (NOTHING,) * 3, locale: str = "") -> None:
        self._locale = locale
        *own, self._log_masker = map(masker.another, held)
        self._maskers = dict(zip(STREAMS, own, strict=True))
        self._head = bytearray()
        self._tails = dict.fromkeys(STREAMS, b"")
        self.stdout_bytes = 0
        self.log = log

    def take(self, stream: str, piece: bytes) -> None:
        """Take in what was read from ``stdout`` or ``stderr``."""
        self._keep(stream, self._maskers[stream].parts(piece))

    def _keep(self, stream: str, parts: list[bytes]) -> None:
        masked = b"".join(parts)
        if stream == "stdout":
            self.stdout_bytes += len(masked)
            self._head += masked[: RECORD_BYTES - len(self._head)]
        self._tails[stream] = (self._tails[stream] + masked)[-_TAIL_BYTES:]
        # What the log has no room for is not kept: it is only counted.
        self.log.add(masked if self.log.is_full else b"".join(map(self._for_log, parts)))

    def _for_log(self, part: bytes) -> bytes:
        """Write masks as they are: a secret as short as one of their letters would mask the mask."""
        return self._log_masker.finish() + MASK if part is MASK else self._log_masker.feed(part)

    @property
    def held(self) -> tuple[Held, ...]:
        """What the maskers of stdout, stderr and the log hold back."""
        return tuple(masker.held for masker in (*self._maskers.values(), self._log_masker))

    def finish(self, *, is_read_on: bool = False, goes_on: bool = False) -> None:
        """Flush what the maskers hold, unless another process goes on with it; note what was dropped; close the log.

        ``goes_on``: the log stays open for what comes next in the attempt.
        """
        if not is_read_on:
            for stream, masker in self._maskers.items():
                self._keep(stream, masker.last_parts())
            self.log.add(self._log_masker.finish())
        if not goes_on:
            self.log.close(is_read_on=is_read_on)

    @property
    def output(self) -> str:
        """The first bytes of stdout, for the record; what is not text is replaced."""
        return charsets.text(bytes(self._head), self._locale, was_cut=len(self._head) == RECORD_BYTES)

    @property
    def last_words(self) -> str:
        """The last line of stderr that is not blank, else of stdout, else nothing; at most 500 characters."""
        said = (charsets.last_line(charsets.text(self._tails[stream], self._locale)) for stream in ("stderr", "stdout"))
        return next(filter(None, said), "")[-_LONGEST_LAST_WORDS:]
