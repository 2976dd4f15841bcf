"""Text from anywhere made safe to show: what a terminal would obey, or nobody could see, becomes a visible escape.

All that goes to a terminal, into the audit log or into a prompt passes through here. Escaped are: control characters
(C0, DEL and C1, which move cursors and start escape sequences), line and paragraph separators, what turns the direction
of writing (Unicode's UAX #9: a file name may read backwards), tag characters (words that nobody sees and a language
model reads), byte order marks, and halves of surrogate pairs, which have no UTF-8 form. A flag made of tag characters
(Scotland's) is shown in its parts: its form does not differ from that of hidden words.

Invisible characters that join or shape their neighbours stay: joiners in emoji and in Persian or Hindi words, variation
selectors, soft hyphens. But only after something visible, and three at most: a row of them can spell words, too.
Letters of any script, combining marks, private and unassigned characters are left as they are: nothing obeys them.

An escape looks as in Python (``\\x1b``, ``\\u202e``, ``\\U000e0041``). It is for people, not for reading back: a
backslash in the text itself stays single. In JSON, which must be read back, it is JSON's own escape.
"""

from __future__ import annotations

import re
from functools import cache

_OBEYED = (
    r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
# The rest of what Unicode calls default-ignorable: drawn as nothing.
_SILENT = (
    r"\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u3164\ufe00-\ufe0f\uffa0"
    r"\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0100-\U000e01ef"
)
_FIRST_SILENT_MARK = "\u034f"
_BLANKS_AND_ALL = 10
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_HIDDEN = rf"(?<!\S)[{_SILENT}]+|[{_SILENT}]{{4,}}"
_ON_ONE_LINE = rf"[\x00-\x1f{_OBEYED}]|{_HIDDEN}"
_ON_LINES = rf"[\x00-\x08\x0b-\x1f{_OBEYED}]|{_HIDDEN}"
_IN_JSON = f"[{_OBEYED}]"
# Compiled only when a text needs them, which few do: they would cost every command three milliseconds.
_pattern = cache(re.compile)


def _is_plain(text: str) -> bool:
    """A quick test that there is nothing to escape: of what Python calls printable only marks can be invisible."""
    return text.isprintable() and (text.isascii() or max(text) < _FIRST_SILENT_MARK)


def _escape(char: str) -> str:
    point = ord(char)
    if char in _NAMED:
        return _NAMED[char]
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _escapes(found: re.Match[str]) -> str:
    return "".join(map(_escape, found[0]))


def has_utf8_form(text: str) -> bool:
    """Whether ``text`` can be written as UTF-8: half of a surrogate pair, as an invalid byte reads, cannot."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def line(value: object) -> str:
    """``value`` on one line: a newline in it is shown as one, too."""
    text = str(value)
    return text if _is_plain(text) else _pattern(_ON_ONE_LINE).sub(_escapes, text)


def lines(value: object) -> str:
    """``value`` with its newlines (CR LF too) and tabs as they are; only ``\\n`` ends a line."""
    text = str(value).replace("\r\n", "\n")
    flat = text.replace("\n", "").replace("\t", "")
    return text if _is_plain(flat) else _pattern(_ON_LINES).sub(_escapes, text)


def sentence(value: object, limit: int = 0) -> str:
    """``value`` on one line, with each run of blanks and newlines as one blank; at most ``limit`` characters."""
    text = str(value)
    # Only the beginning of a megabyte is looked at; an escape has ten characters at most.
    begun = text[: _BLANKS_AND_ALL * limit] if limit else text
    flat = line(re.sub(r"[ \t\r\n]+", " ", begun).strip(" "))
    if not limit or len(flat) <= limit and len(begun) == len(text):
        return flat
    # A cut after a joiner would make it join the dots.
    return re.sub(f"[{_SILENT}]+$", "", flat[: limit - 1]) + "…"


def in_json(text: str) -> str:
    """JSON text that means the same, with what must not be obeyed in JSON's own escapes."""
    if (text.isascii() and "\x7f" not in text) or text.replace("\n", "").isprintable():
        return text
    return _pattern(_IN_JSON).sub(_json_escape, text)


def in_json_line(raw: bytes) -> bytes:
    """The same for a line of UTF-8."""
    if not _may_hold_any(raw):
        return raw
    text = raw.decode(errors="surrogatepass")
    shown = in_json(text)
    return raw if shown is text else shown.encode()


def _may_hold_any(raw: bytes) -> bool:
    """Whether there is a byte with which, in UTF-8, something begins that must not be obeyed.

    Spelled out, since every line of a store is asked: it takes half as long as a pattern or a loop.
    """
    if b"\x7f" in raw or raw.isascii():
        return b"\x7f" in raw
    in_twos = b"\xc2" in raw or b"\xd8" in raw
    return in_twos or b"\xe2" in raw or b"\xed" in raw or b"\xef" in raw or b"\xf3" in raw


def _json_escape(found: re.Match[str]) -> str:
    point = ord(found[0])
    if point < 0x10000:
        return f"\\u{point:04x}"
    return f"\\u{0xD7C0 + (point >> 10):04x}\\u{0xDC00 + (point & 0x3FF):04x}"
