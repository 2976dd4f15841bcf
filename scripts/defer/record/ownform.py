"""A waiting task in our own form, recognised by one pattern over its whole line.

Most lines of a large store are like that: `schedule` wrote them and nobody has touched them since. A match means that
the line is JSON and that every field passes its check in ``shapes``, in a third of the time that parsing and checking
take. A line that does not match may still be a record and must be parsed: it may have a field that the pattern does
not name, a number in another spelling, or February 29.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache

_TEXT = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-f]{4})[^"\\\x00-\x1f]*+)*+"'
_PLAIN_TEXT = '"[^"]*+"'
_CONTROL = bytes(range(0x20))
_TEXTS = rf"\[(?:{_TEXT}(?:,{_TEXT})*+)?+\]"
_DATE = r"(?!0000)\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
_MOMENT = rf'"{_DATE}T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ"'
_COUNT, _TRUTH, _MAYBE = r"(?:0|[1-9]\d{0,8})", "(?:true|false)", f"(?:null|{_TEXT})"
_CONTEXT_FIELD = f'"(?:summary|reoriented_from)":{_MAYBE}|"(?:key_points|artifacts|constraints)":{_TEXTS}'
_CONTEXT = rf"\{{(?:(?:{_CONTEXT_FIELD})(?:,(?:{_CONTEXT_FIELD}))*+)?+\}}"


_FIELDS = (
    ("created_at", _TEXT),
    ("type", _TEXT),
    ("intent", _TEXT),
    ("context", _CONTEXT),
    ("execution", rf'\{{"mode":{_TEXT},"prompt_template":{_TEXT},"aura_level":{_TEXT}\}}'),
    ("attempts", _COUNT),
    ("max_retries", _COUNT),
    ("reorient_requested", _TRUTH),
    ("reorient", rf'\{{"requested":{_TRUTH},"project":{_MAYBE},"explicit_context_file":{_MAYBE}\}}'),
    ("schema_version", "[12]"),
    ("occurrence", _MOMENT),
)
"""What each of our tasks has, in the order in which they are written (``task.create``)."""
_OPTIONAL = (
    *((name, _TEXT) for name in ("tz", "when", "cwd", "executor", "workspace")),
    ("tags", _TEXTS),
    ("ready_at", _MOMENT),
)


def _named(fields: Iterable[tuple[str, str]]) -> list[str]:
    return [f'"{name}":{value}' for name, value in fields]


_LINE = (
    rf'\{{"id":"([A-Za-z0-9._-]{{1,128}})","status":"scheduled","run_at":{_MOMENT},'
    rf"{','.join(_named(_FIELDS))}(?:,(?:{'|'.join(_named(_OPTIONAL))}))*+\}}\n"
)


@cache
def _pattern(text: str) -> Callable[[bytes], re.Match[bytes] | None]:
    return re.compile(_LINE.replace(_TEXT, text).encode()).fullmatch


def waiting_id(line: bytes) -> bytes | None:
    """The id of a waiting task in our own form, with every field valid; None for any other line."""
    if b"\\" in line:
        found = _pattern(_TEXT)(line)
    else:
        # In a line without escapes the end of a text is found in half the time.
        found = _pattern(_PLAIN_TEXT)(line) if len(line.translate(None, _CONTROL)) == len(line) - 1 else None
    if found is None or not (line.isascii() or _is_utf8(line)):
        return None
    return found[1]


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
