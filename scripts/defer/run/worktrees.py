"""Attempts that work in a Git worktree of their occurrence's own, which they make, or find from an earlier one.

Its leader makes it (`scripts/worktree_start.py`) and then becomes the executor: so the attempt's limit holds for that
too, and whoever ends the attempt ends git.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, cast

from defer.context import worktree
from defer.executors import registry
from defer.paths import SCRIPTS

from . import command
from .attempt import Attempt
from .command import Misconfigured, Paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from defer.context.worktree import Place
    from defer.executors.resultfile import Result as Said
    from defer.record.codec import Task
    from defer.record.types import Result, Worktree
    from defer.settings.config import Config

    from .capture import Log


def place(one: Task, config: Config) -> Place:
    """Where the worktree of the occurrence that a task waits for, or executes, is to lie."""
    return worktree.place(one, config.worktrees_dir)


def placed(one: Task, there: Place) -> Task:
    """The task as whoever works on it is told: its workspace is in the worktree."""
    return {**one, "workspace": worktree.directory(there)}


def write_prompt(one: Task, paths: Paths, config: Config, condition: str | None) -> None:
    """Write the prompt artifact, which says what the workspace is. Raises OSError."""
    there = place(one, config)
    said = f"a Git worktree of {there.workspace}, made for this; branch: {there.branch}"
    command.write_prompt(placed(one, there), paths, config, condition, said)


class InWorktree(Attempt):
    """The executor of a task in its worktree."""

    def __init__(self, one: Task, config: Config, was_told: Callable[[], bool], log: Log | None) -> None:
        """Put it behind its gate. Raises Misconfigured or OSError."""
        self._there = place(one, config)
        super().__init__(one, config, _through(one, config, self._there), was_told, log)

    @property
    def told(self) -> Task:
        return placed(self.task, self._there)

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
        raise Misconfigured("its worktree cannot be made: no such program: git (install it, then: defer cron install)")
    start = str(SCRIPTS / "worktree_start.py")
    return [sys.executable, "-I", "-X", "utf8", start, git, json.dumps(there), *argv]


def _argv(one: Task, config: Config) -> list[str] | None:
    """A program that is named from the workspace is looked for in the worktree, which need not be there yet."""
    words = one.get("command")
    if isinstance(words, list) and "/" in words[0] and not os.path.isabs(words[0]):
        return [*words]
    return command.command_line(one, config)
