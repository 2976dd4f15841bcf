"""Hide secret values in what an executor prints, also where a value is cut by the end of a read."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = b"[masked]"
SHORTEST_SECRET = 4
"""Values below this many bytes are left alone: masking every ``1`` would make output unreadable."""


class Masker:
    """Masks a stream that arrives in pieces. Bytes that may begin a secret wait for the next piece."""

    def __init__(self, secrets: Iterable[bytes], held: bytes = b"") -> None:
        known = sorted({one for one in secrets if len(one) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._secrets = known
        self._pattern = re.compile(b"|".join(map(re.escape, known))) if known else None
        self.held = held
        """What is not let out yet: it may be the beginning of a secret."""

    def feed(self, piece: bytes) -> bytes:
        """The masked bytes that are certain after ``piece``."""
        if self._pattern is None:
            return piece
        data = self.held + piece
        return self._emit(data, self._first_doubt(data))

    def finish(self) -> bytes:
        """The rest, masked."""
        return self._emit(self.held, len(self.held)) if self._pattern else b""

    def whole(self, data: bytes) -> bytes:
        """``data`` masked in one go, apart from any stream."""
        return self._pattern.sub(MASK, data) if self._pattern else data

    def text(self, data: str) -> str:
        """``data`` masked in one go."""
        masked = self.whole(data.encode(errors="surrogatepass"))
        try:
            return masked.decode(errors="surrogatepass")
        except UnicodeDecodeError:
            # A secret that is not UTF-8 was found in the middle of a character.
            return masked.decode(errors="replace")

    def _first_doubt(self, data: bytes) -> int:
        """Where the first secret may begin that ``data`` does not hold to its end."""
        return min((_doubt(data, secret) for secret in self._secrets), default=len(data))

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
        self.held = data[end:]
        return bytes(out)


def _doubt(data: bytes, secret: bytes) -> int:
    """Where the longest beginning of ``secret`` that ends ``data`` begins; the end of ``data`` if there is none."""
    at = data.find(secret[:1], max(0, len(data) - len(secret) + 1))
    while at >= 0 and not secret.startswith(data[at:]):
        at = data.find(secret[:1], at + 1)
    return at if at >= 0 else len(data)
