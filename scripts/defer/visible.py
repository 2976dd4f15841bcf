"""Text from anywhere made fit to be looked at: what would be obeyed, or could not be seen, is shown as an escape.

All that goes to a terminal, into the audit log or into a prompt passes through here. Shown: control characters (C0, DEL
and C1, which move cursors and start escape sequences), line and paragraph separators, what turns the direction of
writing (Unicode's UAX #9: a file name may read backwards), tag characters (words that nobody sees and a language model
reads), byte order marks, and halves of surrogate pairs, which have no UTF-8 form. A flag made of tag characters
(Scotland's) is shown in its parts: it cannot be told from hidden words by its form.

What is silent and makes text of its neighbours stays: joiners in emoji and in words of Persian or Hindi, variation
selectors, soft hyphens. But only behind something to be seen, and three at most: a row of them can spell words, too.
Letters of any script, combining marks, private and unassigned characters are left as they are: nothing obeys them.

An escape reads as in Python (``\\x1b``, ``\\u202e``, ``\\U000e0041``). It is for looking at, not for reading back: a
backslash in the text itself stays single. In JSON, where it must be read back, it is JSON's own.
"""

from __future__ import annotations

import json
import re

_OBEYED = (
    r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_SILENT = r"\xad\u034f\u180b-\u180f\u200b-\u200d\u2060-\u2065\ufe00-\ufe0f\U000e0100-\U000e01ef"
_HIDDEN = rf"(?<!\S)[{_SILENT}]+|[{_SILENT}]{{4,}}"
_on_one_line = re.compile(rf"[\x00-\x1f{_OBEYED}]|{_HIDDEN}").sub
_on_lines = re.compile(rf"[\x00-\x08\x0b-\x1f{_OBEYED}]|{_HIDDEN}").sub
_in_json = re.compile(f"[{_OBEYED}]").sub
# The same as bytes of UTF-8, so that a line of the store which holds none of them need not be decoded.
_may_be_obeyed = re.compile(
    rb"\x7f|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xaf]|\xef\xbb\xbf|\xef\xbf[\xb9-\xbb]"
    rb"|\xed[\xa0-\xbf]|\xf3\xa0[\x80-\x83\x87-\xbf]"
).search
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_blanks = re.compile(r"[ \t\r\n]+").sub


def _escape(char: str) -> str:
    point = ord(char)
    if char in _NAMED:
        return _NAMED[char]
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _escapes(found: re.Match[str]) -> str:
    return "".join(map(_escape, found[0]))


def line(value: object) -> str:
    """``value`` on one line: a newline in it is shown as one, too."""
    return _on_one_line(_escapes, str(value))


def lines(value: object) -> str:
    """``value`` with its newlines, CR LF among them, and tabs as they are; only ``\\n`` ends a line of it."""
    return _on_lines(_escapes, str(value).replace("\r\n", "\n"))


def sentence(value: object, limit: int = 0) -> str:
    """``value`` on one line, each stretch of blanks and newlines as one blank; at most ``limit`` characters, if any."""
    flat = line(_blanks(" ", str(value)).strip(" "))
    # Cut behind a joiner, it would join the dots.
    return re.sub(f"[{_SILENT}]+$", "", flat[: limit - 1]) + "…" if limit and len(flat) > limit else flat


def in_json(text: str) -> str:
    """JSON text that means the same, with what must not be obeyed as JSON's own escapes."""
    return text if text.isascii() and "\x7f" not in text else _in_json(_json_escape, text)


def in_json_line(raw: bytes) -> bytes:
    """The same for a line of UTF-8."""
    if (raw.isascii() and b"\x7f" not in raw) or not _may_be_obeyed(raw):
        return raw
    return in_json(raw.decode(errors="surrogatepass")).encode()


def _json_escape(found: re.Match[str]) -> str:
    return r"\u007f" if found[0] == "\x7f" else json.dumps(found[0])[1:-1]
