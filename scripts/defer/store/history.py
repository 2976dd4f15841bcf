"""What has happened, newest first: the records of ended attempts and of ended occurrences.

The store is read first, for what is over in it and not filed yet, then the monthly files from their ends: a filing that
comes between the two shows nothing twice and leaves nothing out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from defer import fsio
from defer.record import codec, task
from defer.record import runs as runrecords
from defer.record.codec import BadLine, Task
from defer.record.runs import Run

from . import backwards, index, months

_FILED_LATE = timedelta(hours=1)
"""Lines stand in the order in which they were filed; this long after the end that they tell of at most."""
_OF_A_COPY = b'"copy_of"'
_Kept = TypeVar("_Kept", Run, Task)


class _Kind(NamedTuple, Generic[_Kept]):
    """What months are called that hold records of one kind, how a line of them is read, and what the record tells."""

    lead: str
    read: Callable[[bytes], _Kept | None]
    ended_at: Callable[[_Kept], datetime]
    names: Callable[[_Kept], tuple[str | None, ...]]
    identity: Callable[[_Kept], object]


def runs(
    store: Path,
    runs_dir: Path,
    task_id: str | None = None,
    since: datetime | None = None,
    kept_since: datetime | None = None,
    statuses: Collection[str] = (),
) -> Iterator[Run]:
    """The attempts that ended at ``since`` or later, of one task and its copies, or of all. Other lines are skipped.

    With ``statuses`` only those that ended so; a line without one of these words is not decoded.
    """
    waiting = (run for one in _unfiled(store) for run in task.filed_records(one)[1])
    fresh = [run for run in map(runrecords.read, map(codec.encode, waiting)) if run is not None]
    found = _newest_first(_RUNS, fresh, _months(_RUNS, runs_dir, since, kept_since), task_id, since, statuses)
    return (run for run in found if run.status in statuses) if statuses else found


def ended(
    store: Path,
    archive_dir: Path,
    task_id: str | None = None,
    since: datetime | None = None,
    kept_since: datetime | None = None,
    statuses: Collection[str] = (),
    *,
    copies: bool = False,
) -> Iterator[Task]:
    """The occurrences that ended at ``since`` or later, of one task and of its copies, or of all.

    ``statuses`` as above. ``copies``: only those of copies.
    """
    fresh = [record for one in _unfiled(store) for record in task.filed_records(one)[0]]
    files = _months(_ENDED, archive_dir, since, kept_since)
    found = _newest_first(_ENDED, fresh, files, task_id, since, statuses, [_OF_A_COPY] if copies else [])
    if copies:
        found = (one for one in found if one.get("copy_of"))
    return (one for one in found if one["status"] in statuses) if statuses else found


def _unfiled(store: Path) -> Iterator[Task]:
    """The records in which something is over that has not been filed."""
    with fsio.storage_errors(store):
        stream = fsio.reader(store)
        if stream is None:
            return
        with stream:
            marks = index.marks(codec.lines(stream))
            stream.seek(0)
            # What was appended since belongs to another moment.
            for mark, line in zip(marks, codec.lines(stream), strict=False):
                if mark and mark != index.PLAIN and task.is_unfiled(one := codec.decode(line)):
                    yield one


def _newest_first(
    kind: _Kind[_Kept],
    fresh: list[_Kept],
    files: list[Path],
    task_id: str | None,
    since: datetime | None,
    words: Collection[str] = (),
    fields: Collection[bytes] = (),
) -> Iterator[_Kept]:
    known = set(map(kind.identity, fresh))
    of_task = [] if task_id is None else codec.needles(task_id)
    of_words = [needle for text in words for needle in codec.needles(text)]
    needles, *also = [some for some in (of_task, fields, of_words) if some] or [()]
    oldest = None if since is None else since - _FILED_LATE
    is_enough = None if oldest is None else partial(_is_older, kind, oldest)
    lines = partial(_lines, needles=needles, also=also, is_enough=is_enough)
    filed = (one for one in _filed(kind, files, lines, oldest) if not known or kind.identity(one) not in known)
    for one in chain(sorted(fresh, key=kind.ended_at, reverse=True), filed):
        if (task_id is None or task_id in kind.names(one)) and (since is None or kind.ended_at(one) >= since):
            yield one


def _months(kind: _Kind[_Kept], directory: Path, since: datetime | None, kept_since: datetime | None) -> list[Path]:
    """The monthly files that ``since`` may need, the newest first. Those that ``prune`` has removed count as gone."""
    wanted = [moment for moment in (since and since - _FILED_LATE, kept_since) if moment is not None]
    return months.files(directory, kind.lead, max(wanted, default=None))[::-1]


def _lines(
    path: Path,
    needles: Collection[bytes],
    also: list[Collection[bytes]],
    is_enough: Callable[[bytes], bool] | None,
) -> Iterator[bytes]:
    """The lines of a file that hold one of ``needles``, and one of each of ``also``, as far as there are any."""
    found = backwards.lines(path, needles, is_enough if needles else None)
    return (line for line in found if all(any(one in line for one in some) for some in also)) if also else found


def _is_older(kind: _Kind[_Kept], oldest: datetime, line: bytes) -> bool:
    one = kind.read(line)
    return one is not None and kind.ended_at(one) < oldest


def _filed(
    kind: _Kind[_Kept], files: list[Path], lines: Callable[[Path], Iterator[bytes]], oldest: datetime | None
) -> Iterator[_Kept]:
    """The records in those ``lines`` of the monthly files, back to the first that ended before ``oldest``."""
    for path in files:
        for line in lines(path):
            one = kind.read(line)
            if one is None:
                continue
            if oldest is not None and kind.ended_at(one) < oldest:
                return
            yield one


def _record(line: bytes) -> Task | None:
    try:
        found = codec.decode(line)
    except BadLine:
        return None
    return None if codec.is_filed(found) else found


_RUNS: _Kind[Run] = _Kind(
    months.RUNS,
    runrecords.read,
    lambda run: run.ended_at,
    lambda run: (run.task_id, run.copy_of),
    lambda run: (run.run_id, run.ended_at),
)
_ENDED: _Kind[Task] = _Kind(
    months.ARCHIVE,
    _record,
    task.ended_at,
    lambda one: (one["id"], one.get("copy_of")),
    lambda one: (one["id"], task.occurrence_of(one), one.get("created_at"), task.ended_at(one)),
)
