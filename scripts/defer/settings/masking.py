"""Hide secret values in what an executor prints, even if the end of a read cuts a value in two.

Every occurrence of a secret is found, overlapping ones too, and one mask covers all that overlap: otherwise a
secret that begins inside another would show half of itself, which may be as good as the whole.

The time is linear in the output, whatever the secrets are: each is looked for by ``bytes.find``, and
after its first bytes, byte by byte with its table of borders (Knuth, Morris, Pratt 1977).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

MASK = b"[masked]"
Span = tuple[int, int]


class Held(NamedTuple):
    """The end of a stream that is not let out yet: it may be the beginning of a secret.

    ``masked``: how many of its first bytes the last mask that was let out covers.
    """

    data: bytes = b""
    masked: int = 0


NOTHING = Held()
_SHORTEST_WITHIN = 4
_SHORT = 4096
"""Below so many bytes, one search for the first letters of all secrets costs less than one search for each secret."""


class Masker:
    """Masks a stream that arrives in pieces. Bytes that may begin a secret wait for the next piece.

    ``held``: what another masker held back, if this one takes over its stream.
    """

    def __init__(self, secrets: Iterable[bytes | _Secret], held: Held = NOTHING) -> None:
        self._secrets = [_Secret(one) if isinstance(one, bytes) else one for one in dict.fromkeys(secrets) if one]
        starts = {re.escape(one.start) for one in self._secrets}
        ends = {re.escape(one.first) for one in self._secrets}
        self._may_begin = re.compile(b"|".join([*starts, b"(?:%s)\\Z" % b"|".join(ends)])).search
        self._seen = [0] * len(self._secrets)
        self._data = bytearray()
        self._masked = held.masked
        self._spans: list[Span] = []
        if held.data:
            self.parts(held.data)

    def another(self, held: Held = NOTHING) -> Masker:
        """A masker for another stream, with the same secrets."""
        return Masker(self._secrets, held)

    @property
    def held(self) -> Held:
        """What is not let out yet."""
        return Held(bytes(self._data), self._masked) if self._data else NOTHING

    def feed(self, piece: bytes) -> bytes:
        """The masked bytes that are certain after ``piece``."""
        return b"".join(self.parts(piece))

    def finish(self) -> bytes:
        """The rest, masked."""
        return b"".join(self.last_parts())

    def parts(self, piece: bytes) -> list[bytes]:
        """What ``feed`` answers, in parts: a mask is ``MASK`` itself, all else is the stream's."""
        if not self._secrets:
            return [piece]
        is_long = len(piece) >= _SHORT
        if not (self._data or is_long or self._may_begin(piece)):
            return [piece]
        before, seen, last = len(self._data), self._seen, piece[-1:]
        for number, secret in enumerate(self._secrets):
            if is_long or seen[number] or secret.start in piece or secret.first == last:
                spans, seen[number] = secret.find(piece, seen[number])
                self._spans += [(start + before, end + before) for start, end in spans]
        doubtful = max(seen)
        if not (before or doubtful or self._spans):
            return [piece]
        self._spans.sort()
        self._data += piece
        return self._let_out(len(self._data) - doubtful)

    def last_parts(self) -> list[bytes]:
        """The rest, in parts."""
        self._seen = [0] * len(self._secrets)
        return self._let_out(len(self._data))

    def _let_out(self, safe: int) -> list[bytes]:
        """Let out all up to ``safe``, after which a secret may have begun that has not ended yet."""
        parts, shown = [], self._masked
        taken = 0
        for start, end in self._spans:
            if start >= safe:
                break
            if start >= shown:
                parts += [bytes(self._data[shown:start]), MASK] if start > shown else [MASK]
            shown = max(shown, end)
            taken += 1
        if shown < safe:
            parts.append(bytes(self._data[shown:safe]))
        self._spans = [(start - safe, end - safe) for start, end in self._spans[taken:]]
        self._masked = max(0, shown - safe)
        del self._data[:safe]
        return parts

    def whole(self, data: bytes) -> bytes:
        """``data`` masked in one go, apart from any stream."""
        apart = self.another()
        return apart.feed(data) + apart.finish()

    def text(self, data: str) -> str:
        """``data`` masked in one go."""
        masked = self.whole(data.encode(errors="surrogatepass"))
        try:
            return masked.decode(errors="surrogatepass")
        except UnicodeDecodeError:
            # A secret that is not UTF-8 was found in the middle of a character.
            return masked.decode(errors="replace")

    def is_in(self, data: str) -> bool:
        """Whether ``data``, which is useless in parts, gives a secret away: is one, or holds one of four bytes or more.

        If a shorter one within it counted, every number and every id would be lost.
        """
        raw = data.encode(errors="surrogatepass")
        return any(
            one.value == raw or (len(one.value) >= _SHORTEST_WITHIN and one.value in raw) for one in self._secrets
        )


class _Secret:
    """One secret, and how it is found."""

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.start, self.first = value[:2], value[:1]

    @cached_property
    def _borders(self) -> list[int]:
        """For each prefix of it, the length of the longest shorter prefix that is also that prefix's end."""
        value, border = self.value, 0
        borders = [0, 0]
        for byte in value[1:]:
            while border and value[border] != byte:
                border = borders[border]
            border += value[border] == byte
            borders.append(border)
        return borders

    def find(self, piece: bytes, seen: int) -> tuple[list[Span], int]:
        """Where it occurs in ``piece``, if its first ``seen`` bytes came just before; how many of its bytes are last.

        One span covers two places that overlap. A span may begin before ``piece``.
        """
        spans: list[Span] = []
        at = 0
        while True:
            if not seen:
                found = piece.find(self.value, at)
                if found < 0:
                    at = self._beginning(piece, max(at, len(piece) - len(self.value) + 1))
                else:
                    at = self._note(spans, found)
                    seen = self._borders[-1]
            at, seen = self._step(piece, at, seen, spans)
            if at == len(piece):
                return spans, seen

    def _beginning(self, piece: bytes, at: int) -> int:
        """Where it may begin from ``at`` on; the end of ``piece`` if it does not."""
        found = piece.find(self.start, at)
        if found < 0:
            found = len(piece) - piece.endswith(self.first)
        return max(found, at)

    def _note(self, spans: list[Span], start: int) -> int:
        """Note a place where it occurs; the end of that place."""
        end = start + len(self.value)
        if spans and start < spans[-1][1]:
            start = spans.pop()[0]
        spans.append((start, end))
        return end

    def _step(self, piece: bytes, at: int, seen: int, spans: list[Span]) -> tuple[int, int]:
        """Go on from ``at`` byte by byte, until no prefix of it matches any more."""
        value, borders = self.value, self._borders
        size = len(value)
        while at < len(piece):
            byte = piece[at]
            while seen and value[seen] != byte:
                seen = borders[seen]
            seen += value[seen] == byte
            at += 1
            if seen == size:
                self._note(spans, at - size)
                seen = borders[size]
            if not seen:
                break
        return at, seen
