"""What a record may require of the version that works on it, and which of that this version knows.

Versions may share a store: during an upgrade, with two checkouts, or with the crontabs of two machines. A record
says what it needs in two ways: ``requires``, names of features without which it must not run, and
``schema_version``, an integer that grows when fields change their meaning. A record that
needs more than this version knows belongs to the newer version: nothing here runs, ends, files or
changes it, and its line stays byte for byte. A person can only cancel it (``task.cancel``).

Whoever extends either must also rename the wake's markers (``markers``, "Two versions").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from defer.errors import NeedsNewer

if TYPE_CHECKING:
    from .types import Task

SCHEMA_VERSION = 2
FEATURES = frozenset({"condition", "check", "permissions", "budget", "worktree"})
"""The names in ``requires`` that this version knows how to honour."""

_MOST_SAID = 100
_NEEDED_BY = {
    "condition": "condition",
    "check": "check",
    "permissions": "permissions",
    "worktree": "worktree",
    "max_cost_usd": "budget",
    "max_turns": "budget",
}
"""Fields that a version which does not know them would pass over, each with the feature that it stands for."""


def needed(record: Mapping[str, Any]) -> list[str]:
    """The names that a record has to have in ``requires``, by its fields; sorted."""
    return sorted({name for field, name in _NEEDED_BY.items() if record.get(field)})


def requiring(record: Task) -> Task:
    """The record with what it needs in ``requires``, beside what another version has put there."""
    own = set(_NEEDED_BY.values())
    kept = [name for name in record.get("requires") or () if name not in own]
    wanted = [*kept, *needed(record)]
    if wanted == (record.get("requires") or []):
        return record
    without = {name: value for name, value in record.items() if name != "requires"}
    changed: Any = {**without, "requires": wanted} if wanted else without
    required: Task = changed
    return required


def is_newer(record: Mapping[str, Any]) -> bool:
    """Whether a newer version wrote the record: its fields may be of any type but for id, status and run_at."""
    found = record.get("schema_version")
    # Not isinstance: true is not a version.
    return type(found) is int and found > SCHEMA_VERSION


def lacking(record: Mapping[str, Any]) -> str | None:
    """What the record needs and this version does not know, in words; None if this version may work on it."""
    if is_newer(record):
        return f"schema version {str(record['schema_version'])[:20]}"
    requires = record.get("requires")
    unknown = [name for name in requires if name not in FEATURES] if requires else None
    if not unknown:
        return None
    names = ", ".join(unknown)
    return f"the feature{'s' if len(unknown) > 1 else ''} {names[:_MOST_SAID]}"


def complaint(what: str) -> str:
    """Why a record is left alone, given ``what`` this version lacks for it."""
    return f"needs {what}, which this version of Defer does not know"


def knowable(record: Task) -> Task:
    """What this version can know of a record: all of it, but of one that a newer version wrote what identifies it."""
    if not is_newer(record):
        return record
    return {"id": record["id"], "status": record["status"], "run_at": record["run_at"]}


def must_know(record: Mapping[str, Any]) -> None:
    """Raise NeedsNewer for a record that this version leaves alone."""
    what = lacking(record)
    if what:
        raise NeedsNewer(f"task {complaint(what)}: {record['id']} (upgrade Defer)")
