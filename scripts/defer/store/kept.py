"""Since when there are records and logs: what ``prune`` has noted, and the removal of what is older.

The note is one small file beside the run records. It is durable before anything is removed, and from then on nobody
looks at older months, whether they are still there or not: a removal that was cut short counts as done, and the next
one takes away what it has left. What is noted never goes back, unless it lies ahead.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from defer import fsio, instants

from . import months
from .interface import Kept

_NAME = "kept.json"
_MOST_BYTES = 4096
NOTHING_REMOVED = Kept(None, None, None)


def read(runs_dir: Path) -> Kept:
    """What is noted; nothing was removed where there is no note, or one that cannot be read."""
    raw = fsio.read_bounded(runs_dir / _NAME, _MOST_BYTES)
    try:
        found = json.loads(raw) if raw else {}
        return Kept(*(_moment(found.get(name)) for name in Kept._fields))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return NOTHING_REMOVED


def _moment(told: str | None) -> datetime | None:
    return None if told is None else instants.from_text(told)


def note(runs_dir: Path, wanted: Kept) -> Kept:
    """Note it, durably; what is noted then. The caller holds the store's lock."""
    known = read(runs_dir)
    before = known.as_of(wanted.pruned)
    records = wanted.records and wanted.records.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    kept = Kept(_later(before.records, records), _later(before.logs, wanted.logs), wanted.pruned)
    if kept != known:
        fsio.ensure_directory(runs_dir)
        told = {name: moment and instants.to_text(moment) for name, moment in kept._asdict().items()}
        fsio.replace(runs_dir / _NAME, [json.dumps(told).encode() + b"\n"], is_locked=True)
    return kept


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)


def months_over(archive_dir: Path, runs_dir: Path, before: datetime) -> list[Path]:
    """The files of archive and runs that are over before that moment, month by month, the oldest first."""
    found = [*months.over(runs_dir, months.RUNS, before), *months.over(archive_dir, months.ARCHIVE, before)]
    return sorted(found, key=lambda path: path.name.rpartition("_")[2])


def sizes(paths: list[Path]) -> dict[str, int]:
    """The files by name and directory, each with its size in bytes."""
    states = {f"{path.parent.name}/{path.name}": fsio.stat(path) for path in paths}
    return {name: state.st_size for name, state in states.items() if state is not None}


def remove(paths: list[Path]) -> None:
    """Remove months. Those who still read one go on to its end. The caller holds the lock, and has noted it."""
    for path in paths:
        fsio.remove(path)
