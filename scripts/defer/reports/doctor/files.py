"""Whose the files are that are kept, who else may read or write them, and whether we may."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from defer import errors, fsio, trust
from defer.settings.config import Config
from defer.store import places

from .finding import Finding, found, parted

_MOST_LOOKED_AT = 200_000
_MOST_KEPT = 10_000
_MOST_TOLD = 3
_AS_WE_ARE = os.access in os.supports_effective_ids


class _Several:
    """Files with one and the same fault: how many, and the first few; all that are kept can be mended."""

    def __init__(self) -> None:
        self.count = 0
        self.paths: list[Path] = []

    def add(self, path: Path) -> None:
        self.count += 1
        if len(self.paths) < _MOST_KEPT:
            self.paths.append(path)

    def __str__(self) -> str:
        more = self.count - min(self.count, _MOST_TOLD)
        return ", ".join(map(str, self.paths[:_MOST_TOLD])) + (f" and {more:,} more" if more else "")


def of_places(config: Config) -> Iterator[Finding]:
    """The directories and the settings file, as every command that starts something warns of them."""
    for doubt in places.doubts(config):
        what, fix = parted(doubt)
        is_settings = "settings file" in doubt
        kind = "settings-open" if is_settings else "directory-open"
        mend = _mend_settings(config) if is_settings else None
        where = config.settings_file if is_settings else config.runtime_dir
        yield found(kind, what, where, fix, mend)


def _mend_settings(config: Config) -> Callable[[], str] | None:
    path = config.settings_file
    return None if path is None else partial(_close, [Path(os.path.realpath(path))])


def of_files(config: Config) -> Iterator[Finding]:
    """Every file that is kept: each must be a plain one of ours, and nobody else's to read."""
    refused: dict[tuple[str, str], _Several] = {}
    readable, shut = _Several(), _Several()
    for path in _all_of(config):
        try:
            state = os.lstat(path)
            _check(path, state, config)
        except trust.Untrusted as error:
            refused.setdefault((str(error.strerror), error.remedy), _Several()).add(path)
        except OSError:
            continue  # it is gone by now
        else:
            is_ours = state.st_uid == os.geteuid()
            if state.st_mode & 0o077 and is_ours:
                readable.add(path)
            if is_ours and state.st_mode & 0o600 != 0o600 and not _is_of_attempt(path, config):
                shut.add(path)
    for (what, fix), paths in refused.items():
        yield found("file-refused", f"{_counted(paths.count)} not worked with: {what}", paths, fix)
    if shut.count:
        fix = f"chmod u+rw {' '.join(shlex.quote(str(path)) for path in shut.paths[:_MOST_TOLD])}"
        yield found("file-shut", f"{_counted(shut.count)} closed to whom it belongs", shut, fix)
    if readable.count:
        what = f"{_counted(readable.count)} open to other users"
        yield found("file-open", what, readable, "defer doctor --fix", partial(_close, readable.paths))


def _counted(count: int) -> str:
    return f"{count:,} files are" if count > 1 else "a file is"


def _check(path: Path, state: os.stat_result, config: Config) -> None:
    """Raise Untrusted for what we would refuse to read or, of what is added to, to write."""
    trust.check_file(fsio.kernel, state, path, alone=not _is_of_attempt(path, config))


def _is_of_attempt(path: Path, config: Config) -> bool:
    """Whether it may be a task's own: what runs there may make files of its own in the directory of logs."""
    return config.log_dir in path.parents and path != config.log_file


def of_rights(config: Config) -> Iterator[Finding]:
    """Whether this user may work in the directories, and with the files that each command needs."""
    places = (config.runtime_dir, config.tasks_file.parent, config.archive_dir, config.runs_dir, config.log_dir)
    there = dict.fromkeys(nearest(place) for place in (*places, config.log_dir / "attempts"))
    closed = [path for path in there if not _may(path, os.R_OK | os.W_OK | os.X_OK)]
    if not closed:
        whole = [path for path in (*_of_store(config), config.log_file) if path.is_file()]
        closed = [path for path in whole if not _may(path, os.R_OK | os.W_OK)]
    if closed and os.statvfs(closed[0]).f_flag & os.ST_RDONLY:
        what = f"the file system of {closed[0]} is read-only, and so no wake can work"
        yield found("unwritable", what, closed[0], "mount it for writing, or set DEFER_RUNTIME_DIR to a writable place")
    elif closed:
        what = f"this user may not read and write {_names_of(closed, ', ')}, and so no wake can work"
        rights = "u+rwx" if closed[0].is_dir() else "u+rw"
        is_ours = all(os.lstat(path).st_uid == os.geteuid() for path in closed)
        fix = (
            f"chmod {rights} {shlex.join(map(str, closed))}"
            if is_ours
            else "set DEFER_RUNTIME_DIR to a directory of yours"
        )
        yield found("unwritable", what, _names_of(closed, ", "), fix)


def _may(path: Path, what: int) -> bool:
    return os.access(path, what, effective_ids=_AS_WE_ARE)


def _names_of(paths: list[Path], between: str) -> str:
    return between.join(map(str, paths))


def nearest(place: Path) -> Path:
    """The directory itself, or the first one above it that is there."""
    return next(one for one in (place, *place.parents) if os.path.exists(one))  # Path's raises where it may not look


def _of_store(config: Config) -> Iterator[Path]:
    """The files that a store consists of."""
    for kept in (config.tasks_file, config.notices_file):
        fronts = (f".{kept.name}.", f"{kept.name}.")
        names = sorted(name for name in _names(kept.parent) if name == kept.name or name.startswith(fronts))
        yield from (kept.parent / name for name in names)


def _all_of(config: Config) -> Iterator[Path]:
    """Those, and the files that its wakes write, so many at most."""
    yield from _of_store(config)
    left = _MOST_LOOKED_AT
    for place in dict.fromkeys((config.archive_dir, config.runs_dir, config.log_dir)):
        for directory, _, names in os.walk(place):
            yield from (Path(directory, name) for name in names[:left])
            left -= len(names)
            if left <= 0:
                return


def _names(directory: Path) -> list[str]:
    try:
        return fsio.names(directory)
    except OSError:
        return []


def _close(paths: list[Path]) -> str:
    """Take from others what they may do with these files, each of which is ours."""
    done = 0
    trouble: errors.DeferError | None = None
    for path in paths:
        try:
            with fsio.storage_errors(path):
                trust.make_private(fsio.kernel, path)
            done += 1
        except errors.DeferError as error:
            trouble = error
    if not done and trouble is not None:
        raise trouble
    return f"nobody else may read or write {done:,} file{'s' if done != 1 else ''} now"
