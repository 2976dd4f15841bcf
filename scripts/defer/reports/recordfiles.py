"""The records, read from their files for the history checker, one line at a time.

All of them are as of one moment: under the store's lock the store is opened and the length of each file is noted.
Other files only grow, and a rewrite gives the store a new file, so that the reading itself needs no lock.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from defer import fsio
from defer.record import codec
from defer.record.codec import BadLine
from defer.settings.config import Config
from defer.store import audit, index, months
from defer.store.jsonl import JsonlStore

from .facts import Begin
from .records import History

_month_of = re.compile(r"_(\d{4})(0[1-9]|1[0-2])\.jsonl$").search


def history(store: JsonlStore, config: Config) -> History:
    """All records up to now. Raises StorageError, StoreBusy."""
    with fsio.storage_errors(config.runtime_dir):
        with store.standing_still():
            current = fsio.reader(store.path)
            length = 0 if current is None else fsio.state_of(current).st_size
            archive, runs = _lengths(config.archive_dir, months.ARCHIVE), _lengths(config.runs_dir, months.RUNS)
            keeps_log = str(config.log_file) != os.devnull
            log = {config.log_file: _length(config.log_file)} if keeps_log else {}
        taken = History(Begin(_first(archive), _first(runs)), _finder(config.log_dir), store.path.name)
        if current is not None:
            with current:
                _take_store(taken, current, length, store.path.name)
        _take_archive(taken, archive)
        _take_runs(taken, runs)
        _take_log(taken, log)
    return taken


def _length(path: Path) -> int:
    state = fsio.stat(path)
    return 0 if state is None else state.st_size


def _lengths(directory: Path, lead: str) -> dict[Path, int]:
    """The monthly files of a directory, oldest first, with their lengths."""
    return {path: _length(path) for path in months.files(directory, lead)}


def _first(files: dict[Path, int]) -> int:
    """The beginning of the first month that has a file, in seconds since the epoch; 0 if there is none."""
    found = (_month_of(path.name) for path in files)
    starts = [int(datetime(int(one[1]), int(one[2]), 1, tzinfo=UTC).timestamp()) for one in found if one]
    return min(starts, default=0)


def _lines(stream: BinaryIO, length: int) -> Iterator[bytes]:
    """The lines of a file up to ``length`` bytes; of one that is too long to be a record, the first part."""
    stream.seek(0)
    for line in codec.lines(stream):
        if length <= 0:
            return
        if type(line) is bytes:
            yield line[:length]
        elif isinstance(line, codec.Part) and line.is_first:
            yield line
        length -= len(line)


def _told(files: dict[Path, int]) -> Iterator[tuple[str, bytes]]:
    """Every line of some files that is not blank, with its place."""
    for path, length in files.items():
        stream = fsio.reader(path)
        if stream is not None:
            with stream:
                yield from ((f"{path.parent.name}/{path.name}", one) for one in _lines(stream, length) if one.strip())


def _take_store(taken: History, stream: BinaryIO, length: int, where: str) -> None:
    marks = index.marks(_lines(stream, length))
    for mark, line in zip(marks, _lines(stream, length), strict=True):
        if mark:
            taken.take_store(codec.decode(line))
        elif line.strip() and _is_bad(line):
            taken.bad_lines[where] += 1


def _is_bad(line: bytes) -> bool:
    try:
        codec.decode(line)
    except BadLine:
        return True
    return False


def _take_archive(taken: History, files: dict[Path, int]) -> None:
    for where, line in _told(files):
        try:
            taken.take_archive(codec.decode(line), where)
        except BadLine:
            taken.bad_lines[where] += 1


def _take_runs(taken: History, files: dict[Path, int]) -> None:
    for where, line in _told(files):
        try:
            found = json.loads(line) if type(line) is bytes else None
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            taken.take_run(found, where)
        else:
            taken.bad_lines[where] += 1


def _take_log(taken: History, log: dict[Path, int]) -> None:
    for where, line in _told(log):
        said = audit.parse(line) if type(line) is bytes else None
        if said is None:
            taken.bad_lines[where] += 1
        else:
            taken.take_action(*said)


def _finder(log_dir: Path) -> Callable[[str], bool]:
    """Whether a log or prompt exists: where it was written, or where it would be if its directory was moved."""

    def is_there(named: str) -> bool:
        path = Path(named)
        return any(map(_exists, (path, log_dir.joinpath(*path.parts[-3:]), log_dir / path.name)))

    return is_there


def _exists(path: Path) -> bool:
    try:
        return fsio.stat(path) is not None
    except PermissionError:
        # Nobody can tell.
        return True
    except (OSError, ValueError):
        return False
