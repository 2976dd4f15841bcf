"""Bytes that a program printed, as text: UTF-8, else the charset of its locale.

Our own messages are English and UTF-8 whatever the locale: Python sets no category but LC_CTYPE, so that the
system's messages are not translated. Those that programs print are translated, and in the locale's own charset.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress

from defer import visible

_ESCAPE_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_BLANK = " \t\r\n"


def locale_name(environment: Mapping[str, str]) -> str:
    """The locale in which a program prints, by POSIX's order of precedence; empty for the default one."""
    return next((environment[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environment.get(name)), "")


def text(raw: bytes, locale: str, *, was_cut: bool = False) -> str:
    """``raw`` as text, line by line: one odd line must not change how the others are read.

    Bytes that are neither UTF-8 nor valid in the charset of ``locale`` become U+FFFD; so does a character whose end
    is missing because ``raw`` ``was_cut``.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if was_cut and error.reason == "unexpected end of data":
            return raw.decode("utf-8", "replace")
    charset = _charset(locale)
    return "".join(_line(line, charset) for line in raw.splitlines(keepends=True))


def encoded(texts: Iterable[bytes], locale: str) -> list[bytes]:
    """Those of ``texts``, in UTF-8, that a program under ``locale`` prints in another charset, as it prints them."""
    not_ascii = [raw for raw in texts if not raw.isascii()]
    charset = _charset(locale) if not_ascii else "utf-8"
    return [printed for raw in not_ascii if (printed := _encoded(raw, charset)) and printed != raw]


def _encoded(raw: bytes, charset: str) -> bytes:
    with suppress(LookupError, ValueError):
        return raw.decode().encode(charset)
    return b""


def _line(line: bytes, charset: str) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        # A locale may name a codec that does not turn bytes into text (hex), or only some (idna).
        with suppress(LookupError, ValueError):
            return line.decode(charset, "replace")
        return line.decode("utf-8", "replace")


def _charset(locale: str) -> str:
    """``iso8859-15`` for ``de_DE@euro`` and ``de_DE.ISO-8859-15``; ``utf-8`` where it cannot be told."""
    if not locale or locale in ("C", "POSIX"):
        return "utf-8"
    from locale import normalize  # a large table, and hardly ever asked

    name = normalize(locale).partition(".")[2].partition("@")[0]
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "utf-8"


def last_line(printed: str) -> str:
    """The last line that says anything, made safe for a terminal; empty where none does.

    A line that only resets a terminal's colours says nothing.
    """
    for line in reversed(printed.splitlines()):
        if _ESCAPE_SEQUENCE.sub("", line).strip():
            return visible.line(line.strip(_BLANK).replace("\t", " "))
    return ""
