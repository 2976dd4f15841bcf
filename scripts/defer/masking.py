"""Hide secret values in what an executor prints, also where a value is cut by the end of a read."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = b"[masked]"
SHORTEST_SECRET = 4
"""Values below this many bytes are left alone: masking every ``1`` would make output unreadable."""


class Masker:
    """Masks a stream that arrives in pieces. Bytes that may begin a secret wait for the next piece."""

    def __init__(self, secrets: Iterable[bytes]) -> None:
        known = sorted({one for one in secrets if len(one) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, known))) if known else None
        self._keep = max(map(len, known), default=1) - 1
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """The masked bytes that are certain after ``piece``."""
        if self._pattern is None:
            return piece
        data = self._held + piece
        return self._emit(data, len(data) - self._keep)

    def finish(self) -> bytes:
        """The rest, masked."""
        return self._emit(self._held, len(self._held)) if self._pattern else b""

    def whole(self, data: bytes) -> bytes:
        """``data`` masked in one go, apart from any stream."""
        return self._pattern.sub(MASK, data) if self._pattern else data

    def text(self, data: str) -> str:
        """``data`` masked in one go."""
        return self.whole(data.encode(errors="surrogatepass")).decode(errors="surrogatepass")

    def _emit(self, data: bytes, safe: int) -> bytes:
        """Mask up to ``safe``, where a match that begins before it ends it later; hold the rest."""
        out, position = bytearray(), 0
        for match in self._pattern.finditer(data) if self._pattern else ():
            if match.start() >= safe:
                break
            out += data[position : match.start()] + MASK
            position = match.end()
        end = max(position, safe, 0)
        out += data[position:end]
        self._held = data[end:]
        return bytes(out)
