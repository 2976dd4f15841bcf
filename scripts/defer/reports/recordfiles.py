"""The records, read from their files for the history checker, one line at a time.

All of them are as of one moment: while the store stands still the length of the audit log is noted, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from defer import fsio
from defer.record import holders
from defer.settings.config import Config
from defer.store import audit

from . import logs
from .facts import Begin
from .records import History

if TYPE_CHECKING:
    from defer.store.interface import Store

_Record = TypeVar("_Record")


def history(store: Store, config: Config, seen: Callable[[], None] = lambda: None) -> History:
    """All records up to now; ``seen`` is told of each. Raises StorageError, StoreBusy."""
    while True:
        since, taken = store.kept_since(), _taken(store, config, seen)
        # What prune removes meanwhile would seem to be lost.
        if store.kept_since() == since:
            return taken


def _taken(store: Store, config: Config, seen: Callable[[], None]) -> History:
    with fsio.storage_errors(config.runtime_dir):
        with store.standing_still() as kept:
            log_length = audit.length_of(config.log_file)
        begin = Begin(kept.ended_since, kept.runs_since, kept.logs_since)
        taken = History(begin, finder(config.log_dir), kept.name, holders.host())
        _take(kept.current(), lambda record, where: taken.take_store(record), taken, seen)
        _take(kept.ended(), taken.take_archive, taken, seen)
        _take(kept.runs(), taken.take_run, taken, seen)
        for where, said in audit.read(config.log_file, log_length):
            seen()
            if said is None:
                taken.bad_lines[where] += 1
            else:
                taken.take_action(*said)
    return taken


def _take(
    records: Iterator[tuple[str, _Record | None]],
    take: Callable[[_Record, str], None],
    taken: History,
    seen: Callable[[], None],
) -> None:
    for where, one in records:
        seen()
        if one is None:
            taken.bad_lines[where] += 1
        else:
            take(one, where)


def finder(log_dir: Path) -> Callable[[str], bool]:
    """Whether a log or prompt exists: where it was written, or where it would be if its directory was moved."""

    def is_there(named: str) -> bool:
        return any(map(_exists, logs.places(named, log_dir)))

    return is_there


def _exists(path: Path) -> bool:
    try:
        return fsio.stat(path) is not None
    except PermissionError:
        # Nobody can tell.
        return True
    except (OSError, ValueError):
        return False
