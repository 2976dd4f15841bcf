"""Task files written: a new one from its fields, and ``enabled`` changed in one that is there.

A change replaces as few characters as it can, so that comments, order and layout stay. What
is to be written is read back first: a file that would not say what is meant is left alone.
"""

from __future__ import annotations

import io
import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from defer import fsio
from defer.errors import Refused

from . import formats, read

_INDENT = re.compile(r"\{[ \t]*\r?\n([ \t]+)").match


def with_enabled(path: Path, raw: bytes, wanted: bool) -> bytes:
    """``raw``, the content of ``path``, with ``enabled`` set. Raises BadFile, and Refused for what it cannot edit."""
    try:
        text = read.decoded(raw)
        before = formats.read(path.suffix.lower(), text).values
        if before.get("enabled", True) is wanted:
            return raw
        edited = _edited(path.suffix.lower(), text, wanted)
    except formats.Complaint as complaint:
        raise read.BadFile([read.located(path, complaint.what, complaint.line, complaint.field)]) from None
    if not _says(path.suffix.lower(), edited, {**before, "enabled": wanted}):
        raise Refused(f"{path}: enabled cannot be changed in place (set it to {_word(wanted)} by hand)")
    mark = "\ufeff" if raw.startswith(b"\xef\xbb\xbf") else ""
    return (mark + edited).encode()


def would_change(path: Path, wanted: bool) -> bool:
    """Whether setting ``enabled`` changes the file at all. Raises BadFile and Refused as ``with_enabled`` does."""
    raw = read.read(path)
    return with_enabled(path, raw, wanted) != raw


def _says(suffix: str, text: str, values: dict[str, Any]) -> bool:
    try:
        return formats.read(suffix, text).values == values
    except formats.Complaint:
        return False


def _word(wanted: bool) -> str:
    return "true" if wanted else "false"


def _edited(suffix: str, text: str, wanted: bool) -> str:
    if suffix == ".json":
        return _edited_json(text, wanted)
    start, end = formats.front_matter(text) if suffix == ".md" else (0, len(text))
    return text[:start] + _edited_yaml(text[start:end], wanted) + text[end:]


def _edited_yaml(text: str, wanted: bool) -> str:
    root = formats.compose(text)
    for key, value in root.value:
        if key.value == "enabled":
            start, end = value.start_mark.index, value.end_mark.index
            if start == end:  # the value is empty, and the place of an empty value may be lines below
                start = end = text.index(":", key.end_mark.index) + 1
                return f"{text[:start]} {_word(wanted)}{text[end:]}"
            return text[:start] + _word(wanted) + text[end:]
    first = root.value[0][0].start_mark
    newline = "\r\n" if "\r\n" in text else "\n"
    between = ", " if root.flow_style else newline + " " * first.column
    return f"{text[: first.index]}enabled: {_word(wanted)}{between}{text[first.index :]}"


def _edited_json(text: str, wanted: bool) -> str:
    found = _INDENT(text.lstrip())
    changed = {**json.loads(text), "enabled": wanted}
    # Half of a surrogate pair, valid as a JSON escape, has no UTF-8 form: then all stays escaped.
    escaped = "\\ud" in text.lower()
    written = json.dumps(changed, ensure_ascii=escaped, indent=found[1] if found else None)
    return written + ("\n" if text.endswith("\n") else "")


def new_yaml(fields: dict[str, Any]) -> bytes:
    """A YAML file of these fields, long texts as blocks."""
    for style in (_block, str, _escaped):
        text = _dumped({name: style(one) if isinstance(one, str) else one for name, one in fields.items()})
        if _says(".yml", text, fields):
            return text.encode()
    raise Refused("these fields cannot stand in a YAML file (take control characters out, or put the bulk elsewhere)")


def _block(text: str) -> str:
    from ruamel.yaml.scalarstring import LiteralScalarString

    return LiteralScalarString(text) if "\n" in text else text


def _escaped(text: str) -> str:
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    quoted: str = DoubleQuotedScalarString(text)
    return quoted


def _dumped(fields: dict[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt", pure=True)
    yaml.width = 1 << 20  # a text is not folded: each of its lines stays a line
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(fields, out)
    return out.getvalue()


def save(path: Path, content: bytes) -> None:
    """Replace a task file by ``content``, at once or not at all. A link stays, and so do owner and mode."""
    target = Path(os.path.realpath(path))
    with fsio.storage_errors(target):
        fsio.ensure_directory(target.parent)
        before = fsio.stat(target)
        fsio.replace(target, [content], like=before, mode=before.st_mode & 0o777 if before else 0o600)


def delete(path: Path) -> None:
    """Remove a task file; it need not be there."""
    with fsio.storage_errors(path):
        fsio.remove(path)
        with suppress(FileNotFoundError):
            fsio.sync_directory(path.parent)
