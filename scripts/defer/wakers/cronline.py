"""Our line in a crontab, and the crontab around it, as bytes.

A crontab may hold anything: other people's encodings, CRLF, no final newline. Only lines that
carry our mark and call a runner are ever changed; every other byte stays.

crontab(5) says how cron reads a line: five fields, then everything up to the newline goes
to ``sh -c``, except that an unescaped ``%`` ends it. A backslash before ``%`` is removed. What
happens to other backslashes differs from cron to cron, so a path that has one is refused.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import NamedTuple

from defer.errors import BadInput

from .entry import MARK, RUNNERS, Entry, is_assignment, runner_in

MAX_COMMAND_BYTES = 998  # MAX_COMMAND of Vixie cron less the newline and the NUL

_AS_IN_PATHS = ("utf-8", "surrogateescape")  # os.fsencode's, whatever the locale
_MARKED = re.compile(rb"[ \t]*[^#\s].*[ \t]# defer: [^#]*", re.DOTALL).fullmatch
_SETTING = re.compile(rb"[ \t]*([A-Za-z_]\w*)[ \t]*=[ \t]*(.*?)[ \t\r]*").fullmatch
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\]").search


class Edited(NamedTuple):
    """A crontab after an edit, and the marked lines that the edit replaced."""

    content: bytes
    removed: list[bytes]


def render(runner: str, variables: Mapping[str, str]) -> bytes:
    """The line that wakes ``runner`` every minute with ``variables`` set, without its newline.

    Raises BadInput for a path that no crontab line can carry.
    """
    for path in (runner, *variables.values()):
        if _UNFIT(path):
            raise BadInput(
                f"cron cannot run a path with a newline, a control character or a backslash: {path!r} "
                "(move or rename the folder)"
            )
    words = [f"{name}={shlex.quote(value)}" for name, value in variables.items()] + [
        shlex.quote(runner),
        MARK,
    ]
    command = " ".join(words).encode(*_AS_IN_PATHS).replace(b"%", rb"\%")
    if len(command) > MAX_COMMAND_BYTES:
        raise BadInput(
            f"the crontab line would have {len(command)} bytes, cron reads {MAX_COMMAND_BYTES}: {runner!r} "
            "(move the folder to a shorter path)"
        )
    return b"* * * * * " + command


def entries(content: bytes) -> list[Entry]:
    """The active lines that call a runner, marked as ours or written by hand."""
    return [entry for entry in map(_entry, content.split(b"\n")) if entry]


def _entry(line: bytes) -> Entry | None:
    if line.lstrip(b" \t").startswith(b"#") or RUNNERS[-1].encode() not in line:
        return None
    fields = 1 if line.lstrip(b" \t").startswith(b"@") else 5
    command = line.split(None, fields)[fields:]
    try:
        words = shlex.split(b"".join(command).replace(rb"\%", b"%").decode(*_AS_IN_PATHS), comments=True)
    except ValueError:
        return None
    variables = dict(word.split("=", 1) for word in words if is_assignment(word))
    runner = runner_in(words)
    return Entry(line, runner, variables, bool(_MARKED(line))) if runner else None


def installed(content: bytes, line: bytes, runner: str, exists: Callable[[str], bool]) -> Edited:
    """``content`` with ``line`` in it once, in place of our first line for ``runner``."""
    lines, removed = _without_ours(content, runner, exists)
    position = lines.index(None) if None in lines else len(lines)
    kept: list[bytes | None] = [*lines[:position], line, *lines[position:]]
    return Edited(_joined(kept), removed)


def replaced(content: bytes, old: bytes, new: bytes) -> bytes | None:
    """``content`` with ``new`` in the place of the line ``old`` and nothing else changed; None if ``old`` is gone."""
    lines = content.split(b"\n")
    if old not in lines:
        return None
    return b"\n".join(new if line == old else line for line in lines)


def uninstalled(content: bytes, runner: str, exists: Callable[[str], bool]) -> Edited:
    """``content`` without our lines for ``runner``."""
    lines, removed = _without_ours(content, runner, exists)
    return Edited(_joined(lines) if removed else content, removed)


def _without_ours(content: bytes, runner: str, exists: Callable[[str], bool]) -> tuple[list[bytes | None], list[bytes]]:
    """The lines, with None in place of ours, and our lines.

    A line is ours if it carries the mark and calls this runner, or a runner that is gone. The line
    of a second checkout that still exists is that checkout's.
    """
    lines: list[bytes | None] = list(content.split(b"\n"))
    if lines[-1] == b"":
        lines.pop()
    removed: list[bytes] = []
    for number, line in enumerate(lines):
        entry = _entry(line or b"")
        if entry and entry.marked and (entry.runner == runner or not exists(entry.runner)):
            removed.append(entry.line)
            lines[number] = None
    return lines, removed


def _joined(lines: list[bytes | None]) -> bytes:
    """Each line ended: cron ignores a last line without its newline."""
    return b"".join(line + b"\n" for line in lines if line is not None)


def environment(content: bytes) -> dict[str, str]:
    """The variables the crontab sets for its commands (crontab(5): ``NAME = value``, quotes optional)."""
    settings: dict[str, str] = {}
    for line in content.split(b"\n"):
        setting = _SETTING(line)
        if setting:
            name, value = (part.decode(*_AS_IN_PATHS) for part in setting.groups())
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            settings[name] = value[1:-1] if quoted else value
    return settings
