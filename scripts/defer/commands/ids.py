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
_NAMED = 3
_LEAST = 2
"""So many letters at least tell an id: fewer are a slip rather than a wish."""


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


def is_made_up(one: str) -> bool:
    """Whether nobody chose the id."""
    return _MADE_UP.fullmatch(one) is not None


def is_known(client: Client, one: str) -> bool:
    """Whether there is, or was, a task of that id, be it one that cannot be read."""
    store = client.store
    return store.find(one) is not None or one in store.ended({one}) or store.unreadable(one) is not None


def whole(client: Client, word: str) -> str | None:
    """The whole id of the one waiting task that a table prints as ``word``, for who gives that to a program."""
    found = {one["id"] for one in client.tasks() if _last_block(one["id"]) == word}
    return found.pop() if len(found) == 1 else None


def meant(client: Client, word: str) -> str:
    """The id of the task that ``word`` means: itself, or on a terminal the one that begins so or is printed so.

    What stands in the store is meant before what is filed. What means no task is given back, for the command to
    refuse. Raises Refused for what means several.
    """
    if not sys.stdout.isatty() or len(word) < _LEAST or client.store.find(word) is not None:
        return word
    like, begun = _like(word), word.removesuffix("…")
    found = sorted(_among((one["id"] for one in client.tasks()), like))
    if not found and word not in client.store.ended({word}):
        found = sorted(_among(client.store.filed_ids(begun), like))
    if len(found) > 1:
        named = ", ".join(found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
        raise Refused(f"several tasks are meant: {word}: {named} (give more of the id)")
    return found[0] if found else word


def _like(word: str) -> Callable[[str], bool]:
    """Whether an id begins with ``word``, or is one of which a table prints that: a narrow terminal cuts a last block,
    too."""
    begun = word.removesuffix("…")
    return lambda one: one.startswith(begun) or (_last_block(one) or "").startswith(begun)


def _among(ids: Iterable[str], like: Callable[[str], bool]) -> set[str]:
    """Those that are meant; one more than are named is enough."""
    found: set[str] = set()
    for one in filter(like, ids):
        found.add(one)
        if len(found) > _NAMED:
            break
    return found
