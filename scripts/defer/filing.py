"""Finished tasks into ``archive/deferred_YYYYMM.jsonl``, ended attempts into ``runs/runs_YYYYMM.jsonl``.

Filing the same records twice leaves one of each: a line that stands in its file already is
not written again. Lines are compared whole, which tells two tasks of one name apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from . import codec, fsio, instants, task
from .codec import BadLine, Task


def file(unfiled: Iterable[Task], archive_dir: Path, runs_dir: Path) -> list[Task]:
    """File all that has ended in ``unfiled``; the archive records. Durable when it returns."""
    records: list[Task] = []
    lines: dict[Path, list[bytes]] = {}
    for one in unfiled:
        ended, runs, _ = task.filed_records(one)
        records += ended
        for record in ended:
            target = archive_dir / f"deferred_{_month(task.ended_at(record))}.jsonl"
            lines.setdefault(target, []).append(codec.encode(record))
        for run in runs:
            target = runs_dir / f"runs_{_month(instants.from_text(run['ended_at']))}.jsonl"
            lines.setdefault(target, []).append(codec.encode(run))
    for path, wanted in lines.items():
        _append_missing(path, wanted)
    return records


def _month(instant: datetime) -> str:
    # Not by strftime, which writes the year 999 with three digits on some systems.
    return f"{instant.year:04}{instant.month:02}"


def _append_missing(path: Path, wanted: list[bytes]) -> None:
    fsio.ensure_directory(path.parent)
    missing = dict.fromkeys(wanted)
    stream = fsio.reader(path)
    if stream is not None:
        with stream:
            for line in stream:
                missing.pop(line.rstrip(b"\n") + b"\n", None)
    if not missing:
        # Whoever wrote them may have died before they were synced, and they are about to be dropped elsewhere.
        fsio.sync(path)
    else:
        fresh = b"" if fsio.last_bytes(path, 1) in (b"", b"\n") else b"\n"
        fsio.append(path, fresh + b"".join(missing))


def latest(archive_dir: Path, task_id: str) -> Task | None:
    """The last archived record of an id, newest month first, or None."""
    needles = codec.needles(task_id)
    for name in reversed(fsio.names(archive_dir)):
        if name.startswith("deferred_") and name.endswith(".jsonl"):
            found = [record for record in _records(archive_dir / name, needles) if record["id"] == task_id]
            if found:
                return found[-1]
    return None


def _records(path: Path, needles: list[bytes]) -> Iterator[Task]:
    stream = fsio.reader(path)
    if stream is None:
        return
    with stream:
        for line in stream:
            if any(needle in line for needle in needles):
                try:
                    yield codec.decode(line)
                except BadLine:
                    continue
