"""Worktrees of occurrences that are over: removed if they hold nothing new, else kept, and not looked at again.

Every occurrence ends by being filed, whatever it came to: so a wake looks here before it files. By then the store says
that it is over, and its notice can tell of what stays.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from defer import fsio
from defer.context import worktree
from defer.errors import DeferError
from defer.executors import registry
from defer.record import task, versions

if TYPE_CHECKING:
    from defer.context.worktree import Noted
    from defer.record.codec import Task
    from defer.settings.config import Config
    from defer.store.interface import Attempts

_SECONDS = 10.0
"""So long a wake looks at worktrees, and no git longer; the next one goes on."""
_PATIENCE_SECONDS = 2.0
"""So long it waits for another wake that looks at them: that one may have begun before this one's were over."""


def tidy(store: Attempts, config: Config) -> None:
    """Look at the worktrees of all occurrences that are over. Who cannot be judged now is left to the next wake."""
    with suppress(DeferError, OSError):
        root = config.worktrees_dir
        git = registry.program("git", config.get("PATH") or os.defpath, os.curdir)
        if git is None or next(_noted(root), None) is None:
            return
        with fsio.lock(root / ".lock", _PATIENCE_SECONDS):
            # Another store may have the same runtime directory: what is over there is not known here.
            ours = [one for one in _noted(root) if one.place.store == str(config.tasks_file)]
            over = [one for one in ours if not _is_live(store.find(one.place.task), one)]
            waiting = [one for one in store.scan() if one["status"] not in task.ENDED]
            used = [path for one in waiting for path in (one.get("workspace"), one.get("cwd")) if path]
            end = time.monotonic() + _SECONDS
            for one in over:
                if time.monotonic() < end and not any(_is_within(path, one.place.path) for path in used):
                    _settle(git, config.environment, one)


def _noted(root: Path) -> Iterator[Noted]:
    for name in fsio.names(root):
        for file in fsio.names(root / name) if (root / name).is_dir() else ():
            note = root / name / file
            found = worktree.read(note) if file.endswith(worktree.NOTE) else None
            # What is removed lies here: a note that somebody has written cannot name another place.
            if found is not None and found.place.note == note:
                yield found


def _is_live(current: Task | None, noted: Noted) -> bool:
    """Whether the occurrence of a worktree still waits, or is executing."""
    if current is None:
        return False
    if versions.is_newer(current):
        return True
    is_same = (current.get("created_at") or "") == noted.place.created_at
    return is_same and current["status"] not in task.ENDED and task.occurrence_of(current) == noted.place.occurrence


def _is_within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory + os.sep)


def _settle(program: str, variables: Mapping[str, str], one: Noted) -> None:
    """Remove one, or note that it stays. What the system does not let us do now is left to the next wake."""
    note = one.place.note
    with suppress(OSError):
        if not _is_removed(program, variables, one):
            os.replace(note, one.place.path + worktree.KEPT)
            return
        fsio.remove(note)
        os.rmdir(note.parent)


def _is_removed(program: str, variables: Mapping[str, str], one: Noted) -> bool:
    """Remove one that holds nothing new. What git cannot tell of stays: its repository may be gone."""
    path = one.place.path
    try:
        git = worktree.Git(program, one.repository, variables, _SECONDS)
        if not one.is_made:
            worktree.discard(git, one)
            return True
        if os.path.isdir(path) and worktree.has_changes(worktree.Git(program, path, variables, _SECONDS), one):
            return False
        return worktree.remove(git, one)
    except DeferError:
        return False
