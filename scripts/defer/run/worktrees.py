"""Attempts that work in a Git worktree of their occurrence's own, which they make, or find from an earlier one.

Its leader makes it (`scripts/worktree_start.py`) and then becomes the executor: so the attempt's limit holds for that
too, and whoever ends the attempt ends git.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, cast

from defer.context import drift, worktree
from defer.context import noted as notes
from defer.context.gitlog import Repository
from defer.executors import registry
from defer.paths import SCRIPTS

from . import command
from .attempt import Attempt
from .command import Misconfigured, Paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from defer.context.worktree import Place
    from defer.executors.resultfile import Result as Said
    from defer.record.codec import Task
    from defer.record.outcome import Outcome
    from defer.record.types import Drift, Result, Worktree
    from defer.settings.config import Config

    from .capture import Log

_SECONDS = 2.0
"""So long git may take to say which artifacts are committed."""


def place(one: Task, config: Config) -> Place:
    """Where the worktree of the occurrence that a task waits for, or executes, is to lie."""
    return worktree.place(one, config.worktrees_dir, config.tasks_file)


def placed(one: Task, there: Place, config: Config) -> Task:
    """The task as whoever works on it is told: its workspace is in the worktree, and so is what is committed."""
    moved: Task = {**one, "workspace": worktree.directory(there)}
    context = one.get("context") or {}
    listed = context.get("artifacts")
    top = notes.top(there.workspace)
    if top is None or not isinstance(listed, list):
        return moved
    inside = {text: path for text in listed if os.path.isabs(str(text)) and (path := drift.within(str(text), top))}
    if not inside:
        return moved
    are_there = _in_worktree([*inside.values()], top, there, config)
    # What is not committed is where it was, or nowhere.
    moved_to = {text: os.path.normpath(os.path.join(there.path, inside[text])) for text in inside}
    kept = {text for text, path in inside.items() if path not in are_there and os.path.lexists(text)}
    artifacts = [text if text in kept else moved_to.get(text, text) for text in listed]
    return {**moved, "context": {**context, "artifacts": artifacts}}


def _in_worktree(paths: list[str], top: str, there: Place, config: Config) -> set[str]:
    """Which paths of the repository there are in the worktree, or will be once it is made."""
    if worktree.is_made(there):
        return {path for path in paths if os.path.lexists(os.path.join(there.path, path))}
    git = registry.program("git", config.get("PATH") or os.defpath, os.curdir)
    return (git and Repository(git, top, _SECONDS).committed(paths)) or set()


def write_prompt(one: Task, paths: Paths, config: Config, condition: str | None) -> None:
    """Write the prompt artifact, which says what the workspace is. Raises OSError."""
    there = place(one, config)
    told = placed(one, there, config)
    known, whose, is_new = one.get("drift"), "made for this", False
    if worktree.is_made(there):
        whose = "as an earlier attempt has left it"
        told = {**told, "drift": _left(known, there)} if known and not known.get("off") else told
    elif worktree.was_made(there):
        # From its branch, which may have commits that nothing was noted of.
        whose = "made again, since that of an earlier attempt was removed"
        told = {**told, "drift": {"off": True}}
    else:
        is_new = True
    said = f"a Git worktree of {there.workspace}, {whose}; branch: {there.branch}"
    command.write_prompt(told, paths, config, condition, said, is_new=is_new)


def _left(known: Drift, there: Place) -> Drift:
    """What to compare a worktree with that an earlier attempt has left: how that left it."""
    found = known.get("worktree")
    if found and found.get("repository") == os.path.realpath(there.path):
        return cast("Drift", found)
    # Nobody saw the end of that attempt. The files of a worktree are younger than those that were noted.
    return {"at": known.get("at"), "repository": os.path.realpath(there.path), "head": known.get("head")}


class InWorktree(Attempt):
    """The executor of a task in its worktree."""

    def __init__(self, one: Task, config: Config, was_told: Callable[[], bool], log: Log | None) -> None:
        """Put it behind its gate. Raises Misconfigured or OSError."""
        self._there = place(one, config)
        super().__init__(one, config, _through(one, config, self._there), was_told, log)

    @property
    def told(self) -> Task:
        return placed(self.task, self._there, self._config)

    def finish(self, now: datetime) -> Outcome:
        ended = super().finish(now)
        left = command.noted_now(self.told, now) if ended.drift else None
        if ended.drift is None or left is None or left.get("repository") != os.path.realpath(self._there.path):
            return ended
        return ended._replace(drift={**ended.drift, "worktree": left})

    @property
    def where(self) -> Worktree:
        """Its worktree, as records have it."""
        return {"path": self._there.path, "branch": self._there.branch}

    def _facts(self, said: Said, complaint: str | None) -> Result:
        return cast("Result", {**super()._facts(said, complaint), "worktree": self.where})


def noted(attempt: Attempt, begun: Task) -> Task:
    """The record of a task whose attempt is about to start: it says where, if that is in a worktree."""
    run = begun.get("run")
    return {**begun, "run": {**run, "worktree": attempt.where}} if run and isinstance(attempt, InWorktree) else begun


def _through(one: Task, config: Config, there: Place) -> list[str]:
    """What makes the worktree and then becomes what the task starts. Raises Misconfigured."""
    argv = _argv(one, config)
    if argv is None:
        raise Misconfigured("nothing is executed that could use its worktree (set an executor)")
    if not (one.get("run") or {}).get("runner"):
        raise Misconfigured("only a task in the store can have a worktree: nobody else would remove it")
    git = registry.program("git", config.get("PATH") or os.defpath, os.curdir)
    if git is None:
        raise Misconfigured("its worktree cannot be made: no such program: git (install it, then: defer waker install)")
    start = str(SCRIPTS / "worktree_start.py")
    return [sys.executable, "-I", "-X", "utf8", start, git, json.dumps(there), *argv]


def _argv(one: Task, config: Config) -> list[str] | None:
    """A program that is named from the workspace is looked for in the worktree, which need not be there yet."""
    words = one.get("command")
    if isinstance(words, list) and "/" in words[0] and not os.path.isabs(words[0]):
        return [*words]
    return command.command_line(one, config)
