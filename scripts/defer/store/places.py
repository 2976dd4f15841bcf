"""The directories that a configuration names, and who else may write there.

``check`` refuses what every user may write or another user owns: they could have planted any record, and a record
names programs to run. ``doubts`` only tells of what may be meant: a group of people whom the user trusts.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from defer import fsio, trust
from defer.settings.config import Config


def check(config: Config) -> None:
    """Raise StorageError for a directory of ours, or a link to one or to the tasks file, that others may change."""
    for path in _places(config):
        with fsio.storage_errors(path):
            trust.check_directory(fsio.kernel, path, may_be_link=True)
    with fsio.storage_errors(config.tasks_file_as_named):
        trust.check_link(fsio.kernel, config.tasks_file_as_named)


def _places(config: Config) -> list[Path]:
    named = (config.runtime_dir, config.tasks_file.parent, config.archive_dir, config.log_dir, config.runs_dir)
    return list(dict.fromkeys(named))


def doubts(config: Config) -> list[str]:
    """Warnings about who else may write or read what is ours; none of them stops the work."""
    return [*_of_directories(config), *_of_settings(config)]


def _of_directories(config: Config) -> Iterator[str]:
    places = _places(config)
    open_to_group = [str(path) for path in places if _is_open_to_group(path)]
    if open_to_group:
        # Under a umask of 002 this is all that version 1 has made: one line, and one command that fixes it.
        mend = f"chmod g-w {' '.join(open_to_group)}"
        yield f"the group may write {' and '.join(open_to_group)}, and so run programs as you ({mend})"
    # Most of them lie in one directory.
    for path in dict.fromkeys(above for one in dict.fromkeys(path.parent for path in places) for above in _up(one)):
        state = fsio.stat(path)
        if state is not None and trust.is_open_to_all(state):
            yield f"every user may put another directory in the place of what is in {path} (chmod go-w {path})"


def _is_open_to_group(path: Path) -> bool:
    state = fsio.stat(path)
    return state is not None and bool(state.st_mode & stat.S_IWGRP)


def _up(path: Path) -> list[Path]:
    return [path, *path.parents]


def _of_settings(config: Config) -> Iterator[str]:
    path = config.settings_file
    state = None if path is None else fsio.stat(path)
    if state is None:
        return
    if state.st_mode & stat.S_IWGRP:
        yield f"the group may write the settings file {path}, and so run programs as you (chmod g-w {path})"
    if state.st_mode & stat.S_IROTH and config.file_tells_secrets:
        yield f"every user may read the settings file {path}, which holds secrets (chmod 600 {path})"
