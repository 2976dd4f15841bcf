"""Removing what is old: whole months of records, and the logs and prompts of attempts.

What there is to remove is noted durably first (``store.prune``); a removal that is cut short counts as done, and the
next one takes away what it has left. Never removed: what belongs to an attempt under way, what an unread notice
leads to, the prompt of a task that is still in the store, and files that are not ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from defer import fsio, instants
from defer.errors import StorageError, is_full
from defer.record import codec, events, task
from defer.settings.config import Config
from defer.store.audit import AuditLog
from defer.store.interface import Kept

from .command import file_name

if TYPE_CHECKING:
    from defer.notices.events import Notice
    from defer.store.interface import Store

_DAY, _USUAL = timedelta(days=1), timedelta(days=3)
_OF_ATTEMPT = re.compile(r"run_(\d{8})T(\d{6})Z_[0-9a-f]+\.(?:log|result\.json|input\.json)", re.ASCII).fullmatch
_ROOM_BYTES, _MANY = 1 << 20, 100
_FOR_EVER_DAYS = 1_000_000
_LOG, _PROMPT = ".log", ".prompt.txt"


class Removed(NamedTuple):
    """What was removed, or would be.

    ``months`` of records by name, each with its bytes; how many ``logs`` and ``prompts``; the ``bytes`` of all of it.
    """

    logs_before: datetime
    records_before: datetime
    months: dict[str, int]
    logs: int
    prompts: int
    bytes: int

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        moments = {name: instants.to_text(getattr(self, name)) for name in ("logs_before", "records_before")}
        return {**self._asdict(), **moments}


class Needed(NamedTuple):
    """What stays however old it is: the files of these runs, the prompts of these tasks, the records from then on."""

    runs: frozenset[str]
    prompts: frozenset[str]
    since: datetime | None = None


def prune(
    store: Store,
    config: Config,
    audit: AuditLog,
    now: datetime,
    older: timedelta,
    *,
    dry_run: bool = False,
    goes_on: Callable[[], bool] = lambda: True,
) -> Removed:
    """Remove what is older than that; with ``dry_run`` only say what it would be.

    Logs go by when their attempt began, records by whole months (UTC). What is left once ``goes_on`` says no is for
    the next time. Raises StorageError, StoreBusy.
    """
    before = max(now - older, instants.EPOCH).replace(microsecond=0) if older < now - instants.EPOCH else instants.EPOCH
    with fsio.storage_errors(config.log_dir):
        needed = _needed(store, config, now)
        records = (min(before, needed.since) if needed.since else before).replace(day=1, hour=0, minute=0, second=0)
        months = store.prunable(records)
        room = 0
        old = _Old(store, config.log_dir, before, needed)
        if not dry_run and fsio.stat(config.runtime_dir) is not None:
            room = _note(store, Kept(records, before, now), old)
        logs, of_logs = _remove(old.logs(), dry_run=dry_run, goes_on=goes_on)
        prompts, of_prompts = _remove(old.prompts(), dry_run=dry_run, goes_on=goes_on)
        if not dry_run:
            old.remove_empty_directories()
    removed = Removed(before, records, months, logs, prompts, sum(months.values()) + of_logs + of_prompts + room)
    if not dry_run and (months or logs or prompts):
        facts = {"older_than": instants.to_text(before), "months": len(months), "logs": logs, "prompts": prompts}
        audit.tell(events.met("pruned", facts, now))
    return removed


def wanted_age(config: Config) -> timedelta | None:
    """How old what is removed each day must be; None where everything is kept."""
    return None if config.keep_days is None else timedelta(days=min(config.keep_days, _FOR_EVER_DAYS))


def daily(store: Store, config: Config, audit: AuditLog, now: datetime, goes_on: Callable[[], bool]) -> None:
    """Once a day, remove what is older than the settings want to keep. Raises StorageError, StoreBusy."""
    older = wanted_age(config)
    if older is None:
        return
    last = store.kept_since().pruned
    if last is not None and not timedelta(0) <= now - last <= _USUAL:
        # After a long time, or none, the clock may be wrong: it has until tomorrow to be set right.
        store.prune(Kept(None, None, now))
    elif last is None or now - last >= _DAY:
        prune(store, config, audit, now, older, goes_on=goes_on)


def _needed(store: Store, config: Config, now: datetime) -> Needed:
    executing = [codec.decode(line) for line in store.scan_json({task.EXECUTING})]
    unread = _unread(config, now)
    runs = [str(run.get("run_id")) for one in executing if isinstance(run := one.get("run"), dict)]
    logs = [Path(one.get("log") or "").name.removesuffix(_LOG) for one in unread]
    return Needed(
        frozenset([*map(file_name, runs), *logs]),
        frozenset(file_name(one["id"]) for one in (*executing, *unread)),
        min((instants.from_text(one["at"]) for one in unread), default=None),
    )


def _unread(config: Config, now: datetime) -> list[Notice]:
    """The unread notices that the outbox is to keep: it drops older ones, though not before it is written to."""
    if fsio.stat(config.notices_file) is None:
        return []
    from defer.notices import box, outbox

    unread = outbox.read(config.notices_file).unread()
    return [one for one in unread if instants.from_text(one["at"]) >= now - box.KEPT]


def _note(store: Store, wanted: Kept, old: _Old) -> int:
    """Note what goes. On a full disk, which is when people prune, old logs give some of their bytes: how many."""
    try:
        store.prune(wanted)
    except StorageError as error:
        logs = _some(old.logs())
        held = _bytes_of(logs)
        if not is_full(error.__cause__) or not sum(fsio.give_back(path, _ROOM_BYTES) for path in logs):
            raise
        store.prune(wanted)
        return held - _bytes_of(logs)
    return 0


def _bytes_of(paths: list[Path]) -> int:
    return sum(fsio.kernel.lstat(path).st_size for path in paths)


def _some(paths: Iterator[Path]) -> list[Path]:
    """Logs enough to make room, however little each of them holds. They stay as files until it is noted."""
    return [path for path in islice(paths, _MANY) if path.name.endswith(_LOG)]


def _remove(paths: Iterator[Path], *, dry_run: bool, goes_on: Callable[[], bool]) -> tuple[int, int]:
    """Remove files; how many they were, and their bytes. One that cannot be removed stays, and the others go."""
    number = size = 0
    for path in paths:
        if not goes_on():
            break
        with suppress(FileNotFoundError):
            size += fsio.kernel.lstat(path).st_size
            if not dry_run:
                fsio.remove(path)
            number += 1
    return number, size


class _Old:
    """The files under the directory of logs that are old and that nobody needs, found one at a time."""

    def __init__(self, store: Store, log_dir: Path, before: datetime, needed: Needed) -> None:
        self._store, self._log_dir, self._needed = store, log_dir, needed
        self._before = before.timestamp()
        self._stamp = f"{before:%Y%m%dT%H%M%S}"

    def _directories(self) -> Iterator[Path]:
        """Those of each task's attempts. An executor may have put a link there, to files that are not ours."""
        attempts = self._log_dir / "attempts"
        return (path for path in (attempts / name for name in _names(attempts)) if not path.is_symlink())

    def logs(self) -> Iterator[Path]:
        """What old attempts have left."""
        return (path / name for path in self._directories() for name in _names(path) if self._is_old(name))

    def _is_old(self, name: str) -> bool:
        """By the name, which says when the attempt began, whatever has touched the file since."""
        found = _OF_ATTEMPT(name)
        is_needed = found is not None and name.partition(".")[0] in self._needed.runs
        return found is not None and not is_needed and f"{found[1]}T{found[2]}" < self._stamp

    def prompts(self) -> Iterator[Path]:
        """Prompts of tasks that have left the store: of any other, an attempt may be about to write a new one."""
        names = (name.removesuffix(_PROMPT) for name in _names(self._log_dir) if name.endswith(_PROMPT))
        old = {name for name in names if name not in self._needed.prompts and self._is_untouched(name)}
        old -= {file_name(one["id"]) for one in self._store.scan()} if old else set()
        return (self._prompt(name) for name in sorted(old))

    def _prompt(self, name: str) -> Path:
        return self._log_dir / f"{name}{_PROMPT}"

    def _is_untouched(self, name: str) -> bool:
        with suppress(FileNotFoundError):
            return fsio.kernel.lstat(self._prompt(name)).st_mtime < self._before
        return False

    def remove_empty_directories(self) -> None:
        """Those of tasks that have left the store: an attempt may be about to write into any other."""
        empty = {directory.name for directory in self._directories() if not _names(directory)}
        empty -= {file_name(one["id"]) for one in self._store.scan()} if empty else set()
        for name in sorted(empty):
            # Somebody may have put a file there since.
            with suppress(OSError):
                fsio.kernel.rmdir(self._log_dir / "attempts" / name)


def _names(directory: Path) -> list[str]:
    """The names in a directory; none where something else stands in its place."""
    try:
        return fsio.names(directory)
    except NotADirectoryError:
        return []
