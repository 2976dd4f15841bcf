"""What the attempts of a day have cost, as their run records say, summed up beside them.

A file beside the runs has the sum as of so many bytes of each month's file: the next look reads only what was filed
since. It is a cache. One of another day, one that cannot be read, and one of files that have
shrunk are made anew from the files themselves, from their ends back to the beginning of the day.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from defer import fsio, instants
from defer.record import codec
from defer.record import runs as runrecords
from defer.record.runs import Run

from . import archive, backwards, months
from .interface import Spent

if TYPE_CHECKING:
    from defer.record.types import Run as RunFields

_NAME = ".spent.json"
_FILED_LATE = timedelta(hours=1)
"""A record stands in its file this long after the end that it tells of, at most."""


def filed(runs_dir: Path, since: datetime) -> Spent:
    """What was spent by the attempts that ended at ``since`` or later and are filed.

    The caller holds the store's lock. Raises StorageError.
    """
    with fsio.storage_errors(runs_dir):
        # A file of an earlier month may hold what was filed just after its end.
        files = {path.name: path for path in months.files(runs_dir, months.RUNS, since - _FILED_LATE)}
        sizes = {name: state.st_size for name, path in files.items() if (state := fsio.stat(path))}
        if not sizes:
            return Spent()
        known, before = _cached(runs_dir / _NAME, since, sizes) or (Spent(), None)
        lines = _lines(files, sizes, before, since)
        total = known.plus(run.usage for run in map(runrecords.read, lines) if run and run.ended_at >= since)
        if before != sizes:
            _note(runs_dir / _NAME, since, sizes, total)
        return total


def waiting(runs_dir: Path, unfiled: Iterable[RunFields], since: datetime) -> Iterator[object]:
    """The usages of those among the records in the store that stand in no file yet.

    A filing that was cut short has written them, and not taken them out of the store. Raises StorageError.
    """
    lines: dict[Path, list[bytes]] = {}
    for run in unfiled:
        ended_at = instants.from_text(run["ended_at"])
        if ended_at >= since:
            lines.setdefault(months.path_for(runs_dir, months.RUNS, ended_at), []).append(codec.encode(run))
    with fsio.storage_errors(runs_dir):
        for path, wanted in lines.items():
            yield from (json.loads(line).get("usage") for line in archive.missing_of(path, wanted))


def _lines(
    files: dict[str, Path], sizes: dict[str, int], before: dict[str, int] | None, since: datetime
) -> Iterator[bytes]:
    for name, size in sizes.items():
        start = 0 if before is None else before.get(name, 0)
        if before is None:
            yield from backwards.lines(files[name], (), lambda line: _is_older(line, since - _FILED_LATE))
        elif size > start and (stream := fsio.reader(files[name])) is not None:
            with stream:
                stream.seek(start)
                yield from stream.read(size - start).split(b"\n")


def _is_older(line: bytes, than: datetime) -> bool:
    run: Run | None = runrecords.read(line)
    return run is not None and run.ended_at < than


def _cached(path: Path, since: datetime, sizes: dict[str, int]) -> tuple[Spent, dict[str, int]] | None:
    """The sum that was noted for this day, and for how much of which files; None where it does not fit them."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        stream = fsio.reader(path)
        if stream is None:
            return None
        with stream:
            said = json.loads(stream.read(1 << 16))
        before = {str(name): int(size) for name, size in said["sizes"].items()}
        have_grown = all(sizes.get(name, -1) >= size for name, size in before.items())
        fits = said["since"] == instants.to_text(since) and have_grown
        return (Spent(float(said["cost_usd"]), float(said["tokens"])), before) if fits else None
    return None


def _note(path: Path, since: datetime, sizes: dict[str, int], total: Spent) -> None:
    """Keep the sum. It is not worth an error: without it the next look reads more."""
    said = {"since": instants.to_text(since), "sizes": sizes, **total._asdict()}
    with suppress(OSError):
        fsio.replace(path, [json.dumps(said).encode()], sync=False)
