"""Values set in a settings file: the named lines change, every other byte stays.

``format`` reads the format; what is written here reads back the same.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from defer import fsio
from defer.errors import BadInput, StorageError

from . import format as settings

_LIMIT = 1 << 20  # bytes; no more is ever read
_SAFE_BARE = re.compile(r"[A-Za-z0-9_./:,@%+=~^-]*").fullmatch


def line(name: str, value: str) -> bytes:
    """``NAME=value``, quoted where it must be. Raises BadInput for a value that no line can hold."""
    forms = [value] if _SAFE_BARE(value) else [f"'{value}'", f'"{value}"', value]
    for form in forms:
        if _reads_as(f"{name}={form}", name, value):
            return os.fsencode(f"{name}={form}")
    what = f"{name} cannot be written to a settings file: {value!r} (take its quotes or newlines out)"
    raise BadInput(what, field=name)


def _reads_as(written: str, name: str, value: str) -> bool:
    try:
        return settings.parse(written, "") == {name: value}
    except BadInput:
        return False


def with_values(content: bytes, values: dict[str, str]) -> bytes:
    """``content`` with each name of ``values`` set: on its own line if it has one, else at the end."""
    for name, value in values.items():
        content = _with_value(content, name, line(name, value))
    return content


def _with_value(content: bytes, name: str, new: bytes) -> bytes:
    stands = re.compile(rb"^([ \t]*(?:export[ \t]+)?)%s=[^\n]*?(?=\r?$)" % name.encode(), re.MULTILINE)
    replaced, count = stands.subn(lambda found: found[1] + new, content)
    if count:
        return replaced
    ended = content if content.endswith(b"\n") or not content else content + b"\n"
    return ended + new + b"\n"


def values(content: bytes, source: Path) -> dict[str, str]:
    """What the file sets. Raises BadInput, naming the line, for a file that cannot be read as settings."""
    return settings.parse(content.decode("utf-8", "surrogateescape"), str(source))


def read(path: Path) -> bytes:
    """The file's bytes, empty if there is no file. Raises StorageError if it cannot be read."""
    with fsio.storage_errors(path):
        file = fsio.reader(path)
        if file is None:
            return b""
        with file:
            content = file.read(_LIMIT + 1)
    if len(content) > _LIMIT:
        raise StorageError(f"the settings file is too large: {path} (at most {_LIMIT} bytes)")
    return content


def is_private(path: Path) -> bool:
    """Whether the file is there and nobody but its owner can read it."""
    state = fsio.stat(path)
    return state is not None and not state.st_mode & 0o077


def write(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of the file, mode 0600, at once or not at all.

    A symbolic link stays one: the file it leads to is replaced. Its owner stays the owner.
    """
    target = Path(os.path.realpath(path))
    with fsio.storage_errors(target):
        fsio.ensure_directory(target.parent)
        before = fsio.stat(target)
        fsio.replace(target, [content], like=before)
