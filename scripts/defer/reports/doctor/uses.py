"""What the tasks in a store rely on: programs, directories, files. One look at each task, and little is kept of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from defer.record import task, versions

if TYPE_CHECKING:
    from defer.record.codec import Task
    from defer.settings.config import Config

_LIVE = (task.SCHEDULED, task.EXECUTING, task.PAUSED)
_MOST_NAMED = 3


class Users:
    """The tasks that rely on one thing: how many, and the first few."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def add(self, task_id: str) -> None:
        """One more."""
        self.count += 1
        if self.count <= _MOST_NAMED:
            self.first.append(task_id)

    def __str__(self) -> str:
        more = self.count - len(self.first)
        return ", ".join(self.first) + (f" and {more:,} more" if more else "")


class Uses:
    """What is relied on, and by whom.

    ``executors`` by what they are called; ``logins``: the same with the working directory, of tasks that have no
    variables of their own, which may be a login. ``commands`` by first word and working directory, ``directories`` by
    path, ``files`` (task files) and ``environments`` (files that hold a task's variables) by path.
    """

    def __init__(self) -> None:
        self.executors: dict[str, Users] = {}
        self.logins: dict[tuple[str, str], Users] = {}
        self.commands: dict[tuple[str, str], Users] = {}
        self.directories: dict[str, Users] = {}
        self.files: dict[str, Users] = {}
        self.environments: dict[str, Users] = {}

    def take(self, one: Task, wake: Config) -> None:
        """Note what one task relies on, if it is going to run; what a newer version's fields mean is not known here."""
        if one["status"] not in _LIVE or versions.lacking(one):
            return
        directory = _text(one.get("workspace")) or _text(one.get("cwd"))
        if directory:
            self.directories.setdefault(directory, Users()).add(one["id"])
        self._take_program(one, directory or os.path.expanduser("~"), wake)
        self._take_files(one)

    def _take_program(self, one: Task, directory: str, wake: Config) -> None:
        command = one.get("command")
        if isinstance(command, list) and command:
            word = str(command[0])
            self.commands.setdefault((word, directory if "/" in word else ""), Users()).add(one["id"])
        elif not command and (named := _text(one.get("executor")) or wake.executor):
            self.executors.setdefault(named, Users()).add(one["id"])
            if not one.get("env"):
                self.logins.setdefault((named, directory), Users()).add(one["id"])

    def _take_files(self, one: Task) -> None:
        source = one.get("source")
        made_from = _text(source.get("file")) if isinstance(source, dict) else ""
        if made_from:
            self.files.setdefault(made_from, Users()).add(one["id"])
        environment = _text(one.get("env_file"))
        if environment and environment != made_from:
            self.environments.setdefault(environment, Users()).add(one["id"])


def collect(tasks: Iterable[Task], wake: Config) -> Uses:
    """What all of them rely on; ``wake``: what a wake works with."""
    found = Uses()
    for one in tasks:
        found.take(one, wake)
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
