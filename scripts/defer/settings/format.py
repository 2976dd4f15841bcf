"""The settings file: ``NAME=value`` lines, parsed and never sourced.

``export`` in front and one pair of quotes around the value are allowed; nothing is expanded.
A ``#`` starts a comment at the start of a line, or after white space behind an unquoted value.
"""

from __future__ import annotations

import re

from defer.errors import About, BadInput

LONGEST = (128 << 10) - 1
"""Bytes of ``NAME=value``: Linux starts no program with a longer one (execve(2), MAX_ARG_STRLEN).

It is refused here, on every system and for every command: otherwise each task that came due would fail for good.
This way all of them wait until the file is corrected.
"""

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL).fullmatch
_COMMENT = re.compile(r"\s+#.*")


def parse(text: str, source: str) -> dict[str, str]:
    """The names and values in ``text``; the last value of a name wins.

    Raises BadInput naming ``source`` and the line number, never the value: it may be a secret.
    """
    values: dict[str, str] = {}
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE(line)
        if match is None:
            raise BadInput(f"{source}:{number}: not a setting (write NAME=value)")
        with About(match[1]):
            values[match[1]] = _value(match[2].strip(), f"{source}:{number}")
            if len(line) > LONGEST // 4 and _size(match[1], values[match[1]]) > LONGEST:
                mend = "put the value into a file and name that"
                raise BadInput(f"{source}:{number}: {match[1]} is larger than {LONGEST} bytes with its name ({mend})")
    return values


def _size(name: str, value: str) -> int:
    return len(f"{name}={value}".encode(errors="surrogateescape"))


def _value(written: str, where: str) -> str:
    if "\0" in written:
        raise BadInput(f"{where}: a NUL byte in the value (remove it)")
    if written[:1] not in ("'", '"'):
        return _COMMENT.sub("", written)
    quote = written[0]
    end = written.find(quote, 1)
    if end < 0:
        raise BadInput(f"{where}: the closing {quote} is missing (add it)")
    rest = written[end + 1 :]
    if rest.strip() and not _COMMENT.fullmatch(rest):
        raise BadInput(f"{where}: text after the closing quote (quote the whole value once)")
    return written[1:end]
