"""Finished tasks into ``archive/deferred_YYYYMM.jsonl``, ended attempts into ``runs/runs_YYYYMM.jsonl``.

Filing the same records twice leaves one of each: a line that stands in its file already is
not written again. Lines are compared whole, which tells two tasks of one name apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from operator import itemgetter
from pathlib import Path

from defer import fsio, instants
from defer.record import codec, task
from defer.record.codec import BadLine, Task

from . import backwards, index, months

_PLAIN_ID = re.compile(rb'\{"id":"([A-Za-z0-9._-]+)"').match
_MARGIN_BYTES = 1 << 18
_FEW = 20  # searching a line for this many texts is quicker than parsing it


def file(unfiled: Iterable[Task], archive_dir: Path, runs_dir: Path, *, whole: bool = True) -> list[Task]:
    """File all that has ended in ``unfiled``; the archive records. Durable when it returns.

    What an earlier filing of the same records has written stays as it is. Without ``whole`` only the end of a month is
    searched for it: the caller knows that everything filed before that is gone from the store.
    """
    records: list[Task] = []
    lines: dict[Path, list[tuple[datetime, bytes]]] = {}
    for one in unfiled:
        ended, runs, _ = task.filed_records(one)
        records += ended
        for record in ended:
            at = task.ended_at(record)
            target = months.path_for(archive_dir, months.ARCHIVE, at)
            lines.setdefault(target, []).append((at, codec.encode(record)))
        for run in runs:
            at = instants.from_text(run["ended_at"])
            target = months.path_for(runs_dir, months.RUNS, at)
            lines.setdefault(target, []).append((at, codec.encode(run)))
    for path, wanted in lines.items():
        # Who reads them backwards stops at one that is too old: what waited for hours to be filed may be of any task.
        _append_missing(path, [line for _, line in sorted(wanted, key=itemgetter(0))], whole=whole)
    return records


def _append_missing(path: Path, wanted: list[bytes], *, whole: bool) -> None:
    fsio.ensure_directory(path.parent)
    missing = missing_of(path, wanted, whole=whole)
    if not missing:
        # Their writer may have died before syncing them, and they are about to be dropped from the store.
        fsio.sync(path)
    else:
        fresh = b"" if fsio.last_bytes(path, 1) in (b"", b"\n") else b"\n"
        fsio.append(path, fresh + b"".join(missing))


def missing_of(path: Path, wanted: Iterable[bytes], *, whole: bool = False) -> dict[bytes, None]:
    """Those of the lines that do not stand in a file yet; without ``whole`` only its end is searched for them."""
    missing = dict.fromkeys(wanted)
    # A filing that was cut short leaves its lines at the end, the last of them torn at worst.
    room = float("inf") if whole else _MARGIN_BYTES + 2 * sum(map(len, missing))
    for line in backwards.lines(path):
        missing.pop(line + b"\n", None)
        room -= len(line) + 1
        if room < 0 or not missing:
            break
    return missing


def latest_of(archive_dir: Path, wanted: Collection[str], since: datetime | None = None) -> dict[str, Task]:
    """The last archived record of each wanted id: the last good line of the newest month that has one.

    Months that are over before ``since`` count as removed.
    """
    found: dict[str, Task] = {}
    for path in reversed(months.files(archive_dir, months.ARCHIVE, since)):
        missing = set(wanted) - found.keys()
        if missing:
            found |= _last_records(path, missing)
    return found


def ids_with(archive_dir: Path, text: str, since: datetime | None = None) -> Iterator[str]:
    """The ids of archived records that hold ``text``, those of the newest first; as often as there are records."""
    needles = [quoted[1:-1] for quoted in codec.needles(text)]
    for path in reversed(months.files(archive_dir, months.ARCHIVE, since)):
        for line in backwards.lines(path, needles):
            record = None if (plain := _PLAIN_ID(line)) else _decoded(line)
            found = plain[1].decode() if plain else record["id"] if record else ""
            if text in found:
                yield found


def _last_records(path: Path, wanted: set[str]) -> dict[str, Task]:
    """The last good record of each id in one file; once all are found, nothing before them is read."""
    found: dict[str, Task] = {}
    for line in _lines_of(path, wanted):
        record = _decoded(line)
        if record is not None and record["id"] in wanted:
            found.setdefault(record["id"], record)
            if len(found) == len(wanted):
                break
    return found


def _lines_of(path: Path, wanted: set[str]) -> Iterator[bytes]:
    """The lines that may be of these ids, newest first. One in our own form is known by its first bytes."""
    ids = {task_id.encode(errors="surrogatepass") for task_id in wanted}
    needles = [needle for task_id in wanted for needle in codec.needles(task_id)]
    for line in backwards.lines(path, needles if len(needles) <= _FEW else ()):
        plain = _PLAIN_ID(line)
        if not plain or plain[1] in ids:
            yield line


def _decoded(line: bytes) -> Task | None:
    """The record in a line, or None if the line holds none."""
    try:
        return codec.decode(line)
    except BadLine:
        return None


def filed_line(one: Task, now: datetime) -> Task:
    """What stands in for a filed task until the next rewrite."""
    _, _, rest = task.filed_records(one)
    return rest or task.filed(one, now)


def kept_line(filed: set[str]) -> Callable[[int, bytes], bytes]:
    """What a rewrite keeps of a line by its mark: nothing if it is superseded or filed; else our own form of it."""

    def kept(mark: int, line: bytes) -> bytes:
        if mark == index.PLAIN or type(line) is codec.Part:
            return line
        whole = line if line.endswith(b"\n") else line + b"\n"
        record = _decoded(line)
        if record is None:
            return whole if line.strip() else b""
        if not mark:
            return b""
        if record["id"] not in filed:
            return codec.canonical(whole, record)
        _, _, rest = task.filed_records(record)
        return codec.encode(rest) if rest else b""

    return kept
