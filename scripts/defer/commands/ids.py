"""Short ids: what a table on a terminal prints of an id, and which task somebody means who types that.

A program reads and gives whole ids; only where stdout is a terminal there are short ones.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TextIO

from defer.errors import Refused

if TYPE_CHECKING:
    from defer.client import Client

_MADE_UP = re.compile(r"task_\d{8}_\d{6}_([0-9a-f]{10}|\d{4})", re.ASCII)
_LAST_BLOCK = re.compile(r"[0-9a-f]{10}|\d{4}", re.ASCII)
_NAMED = 3


def shown(ids: Iterable[str], out: TextIO) -> dict[str, str]:
    """What a table prints of each id: the last block of one that was made up, where ``out`` is a terminal."""
    found = {one: one for one in ids}
    if not out.isatty():
        return found
    blocks: dict[str, list[str]] = {}
    for one in found:
        blocks.setdefault(_last_block(one) or one, []).append(one)
    return found | {whole[0]: block for block, whole in blocks.items() if len(whole) == 1}


def _last_block(one: str) -> str | None:
    made_up = _MADE_UP.fullmatch(one)
    return made_up[1] if made_up else None


def meant(client: Client, word: str) -> str:
    """The id of the task that ``word`` means: itself, or on a terminal what a table prints of an id.

    What means no task is given back, for the command to refuse. Raises Refused for what means several.
    """
    if not sys.stdout.isatty() or (like := _like(word)) is None or client.store.find(word) is not None:
        return word
    found = sorted(_among((one["id"] for one in client.tasks()), like))
    if not found:
        text = word.removesuffix("…") if word.endswith("…") else f"_{word}"
        found = sorted(_among(client.store.filed_ids(text), like))
    if len(found) > 1:
        named = ", ".join(found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
        raise Refused(f"several tasks are meant: {word}: {named} (give the whole id)")
    return found[0] if found else word


def _like(word: str) -> Callable[[str], bool] | None:
    """Whether an id is one that a table prints as ``word``; None where that is not what a table prints."""
    if _LAST_BLOCK.fullmatch(word):
        return lambda one: _last_block(one) == word
    if word.endswith("…") and len(word) > 1:
        # A narrow terminal cuts a last block, too.
        return lambda one: one.startswith(word[:-1]) or (_last_block(one) or "").startswith(word[:-1])
    return None


def _among(ids: Iterable[str], like: Callable[[str], bool]) -> set[str]:
    """Those that are meant; one more than are named is enough."""
    found: set[str] = set()
    for one in filter(like, ids):
        found.add(one)
        if len(found) > _NAMED:
            break
    return found
