"""Finished tasks into ``archive/deferred_YYYYMM.jsonl``, ended attempts into ``runs/runs_YYYYMM.jsonl``.

Filing the same records twice leaves one of each: a line that stands in its file already is
not written again. Lines are compared whole, which tells two tasks of one name apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from defer import fsio, instants
from defer.record import codec, task
from defer.record.codec import BadLine, Task

_PLAIN_ID = re.compile(rb'\{"id":"([A-Za-z0-9._-]+)"').match
_FEW = 20  # searching a line for this many texts is quicker than parsing it


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
    # Not strftime, which writes the year 999 with three digits on some systems.
    return f"{instant.year:04}{instant.month:02}"


def _append_missing(path: Path, wanted: list[bytes]) -> None:
    fsio.ensure_directory(path.parent)
    missing = dict.fromkeys(wanted)
    stream = fsio.reader(path)
    if stream is not None:
        with stream:
            for line in codec.lines(stream):
                # The end of a line that is too long may look like a record. It is not one.
                if type(line) is bytes:
                    missing.pop(line.rstrip(b"\n") + b"\n", None)
    if not missing:
        # Their writer may have died before syncing them, and they are about to be dropped from the store.
        fsio.sync(path)
    else:
        fresh = b"" if fsio.last_bytes(path, 1) in (b"", b"\n") else b"\n"
        fsio.append(path, fresh + b"".join(missing))


def latest(archive_dir: Path, task_id: str) -> Task | None:
    """The last archived record of an id, or None."""
    return latest_of(archive_dir, {task_id}).get(task_id)


def latest_of(archive_dir: Path, wanted: Collection[str]) -> dict[str, Task]:
    """The last archived record of each wanted id: the last good line of the newest month that has one."""
    found: dict[str, Task] = {}
    for name in reversed(fsio.names(archive_dir)):
        missing = set(wanted) - found.keys()
        if missing and name.startswith("deferred_") and name.endswith(".jsonl"):
            found |= _last_records(archive_dir / name, missing)
    return found


def _last_records(path: Path, wanted: set[str]) -> dict[str, Task]:
    """The last good record of each id in one file. Memory holds one line for each, whatever the file holds."""
    read = {task_id: _decoded(line, task_id) for task_id, line in dict(_lines_of(path, wanted)).items()}
    found = {task_id: record for task_id, record in read.items() if record is not None}
    broken = read.keys() - found.keys()
    for task_id, line in _lines_of(path, broken) if broken else ():
        record = _decoded(line, task_id)
        if record is not None:
            found[task_id] = record
    return found


def _lines_of(path: Path, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    """Each line of these ids, recognised by its first bytes; a line in another form than ours is parsed."""
    ids = {task_id.encode(errors="surrogatepass"): task_id for task_id in wanted}
    needles = [needle for task_id in wanted for needle in codec.needles(task_id)]
    stream = fsio.reader(path)
    if stream is None:
        return
    with stream:
        for line in codec.lines(stream):
            plain = _PLAIN_ID(line)
            if type(line) is codec.Part:
                continue
            if plain:
                if plain[1] in ids:
                    yield ids[plain[1]], line
            elif len(needles) > _FEW or any(needle in line for needle in needles):
                record = _decoded(line)
                if record is not None and record["id"] in wanted:
                    yield record["id"], line


def _decoded(line: bytes, task_id: str | None = None) -> Task | None:
    """The record in a line, or None if the line holds none, or another id's."""
    try:
        record = codec.decode(line)
    except BadLine:
        return None
    return record if task_id in (None, record["id"]) else None


def filed_line(one: Task, now: datetime) -> Task:
    """What stands in for a filed task until the next rewrite."""
    _, _, rest = task.filed_records(one)
    return rest or task.filed(one, now)


def kept_line(last: set[int], filed: set[str]) -> Callable[[tuple[int, bytes]], bytes]:
    """What a rewrite keeps of a numbered line: nothing if it is superseded or filed; else our own form of it."""

    def kept(numbered: tuple[int, bytes]) -> bytes:
        number, line = numbered
        if type(line) is codec.Part:
            return line
        whole = line if line.endswith(b"\n") else line + b"\n"
        try:
            record = codec.decode(line)
        except BadLine:
            return whole if line.strip() else b""
        if number not in last:
            return b""
        if record["id"] not in filed:
            return codec.canonical(whole, record)
        _, _, rest = task.filed_records(record)
        return codec.encode(rest) if rest else b""

    return kept
