"""What an attempt prints: into its log up to a limit, masked; the rest drained and counted.

Memory stays flat whatever is written: beside the log only the first bytes of stdout, which
become the result, and the last of stderr, which explain a failure, are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from . import charsets, fsio
from .masking import Masker

RECORD_BYTES = 64 << 10
_TAIL_BYTES = 2048


class Capture:
    """The log of one attempt, open for writing, and what the record keeps of it.

    A log that cannot be written (a full disk) loses output, never the attempt: ``log_error`` says so.
    """

    def __init__(self, log: Path, limit: int, secrets: Iterable[bytes], locale: str = "") -> None:
        known = list(secrets)
        self._maskers = {"stdout": Masker(known), "stderr": Masker(known)}
        self._locale = locale
        self._room = limit
        self._head = bytearray()
        self._tail = b""
        self.stdout_bytes = 0
        self.dropped_bytes = 0
        self.log_error: str | None = None
        self._fd: int | None = None
        try:
            fsio.ensure_directory(log.parent)
            self._fd = fsio.create_exclusive(log)
        except OSError as error:
            self.log_error = error.strerror

    def take(self, stream: str, piece: bytes) -> None:
        """Take in what was read from ``stdout`` or ``stderr``."""
        self._keep(stream, self._maskers[stream].feed(piece))

    def _keep(self, stream: str, masked: bytes) -> None:
        if stream == "stdout":
            self.stdout_bytes += len(masked)
            self._head += masked[: RECORD_BYTES - len(self._head)]
        else:
            self._tail = (self._tail + masked)[-_TAIL_BYTES:]
        fits = masked[: self._room]
        self._room -= len(fits)
        self.dropped_bytes += len(masked) - len(fits)
        self._write(fits)

    def _write(self, data: bytes) -> None:
        if self._fd is None or not data:
            return
        try:
            fsio.write_all(self._fd, data)
        except OSError as error:
            self.log_error = error.strerror

    def finish(self) -> None:
        """Flush what the maskers hold, say what was dropped, close the log."""
        for stream, masker in self._maskers.items():
            self._keep(stream, masker.finish())
        if self.dropped_bytes:
            self._write(f"\n[defer: {self.dropped_bytes} further bytes were not kept]\n".encode())
        if self._fd is not None:
            fsio.close(self._fd)
            self._fd = None

    @property
    def output(self) -> str:
        """The first bytes of stdout, for the record; what is not text is replaced."""
        return charsets.text(bytes(self._head), self._locale, was_cut=len(self._head) == RECORD_BYTES)

    @property
    def last_error_line(self) -> str:
        """The last line of stderr that is not blank, or nothing."""
        lines = [line.strip() for line in charsets.text(self._tail, self._locale).splitlines()]
        return next((line for line in reversed(lines) if line), "")[-500:]
