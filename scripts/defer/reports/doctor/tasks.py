"""Directories and files that tasks rely on, and that are gone."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator

from .finding import Finding, found
from .subject import Subject
from .uses import Users, Uses


def findings(subject: Subject, uses: Uses) -> Iterator[Finding]:
    """What tasks would miss when they run."""
    for path, users in uses.directories.items():
        why = _trouble(f"{path}/.")
        if why:
            fix = f"make it, or: defer edit {shlex.quote(users.first[0])} --workspace DIR"
            yield found("directory-gone", f"{path} cannot be worked in: {why}", _tasks(users), fix)
    for path, users in uses.environments.items():
        why = _trouble(path)
        if why:
            yield found("envfile-gone", f"{path}, which holds the task's variables: {why}", _tasks(users), "defer sync")
    for path, users in uses.files.items():
        why = _trouble(path)
        if why:
            what = f"{path}, which the task was made from: {why}"
            yield found("taskfile-gone", what, _tasks(users), "put it back, or: defer sync, which ends the task")
    context = subject.wakes_config.get("DEFER_CONTEXT_FILE")
    if context and os.path.isabs(context) and (why := _trouble(context)):
        what = f"DEFER_CONTEXT_FILE names {context}: {why}"
        yield found("contextfile-gone", what, "DEFER_CONTEXT_FILE", "correct or remove the setting")


def _tasks(users: Users) -> str:
    return f"{'tasks' if users.count > 1 else 'task'} {users}"


def _trouble(path: str) -> str | None:
    try:
        os.stat(path)
    except OSError as error:
        return error.strerror or "it cannot be looked at"
    except ValueError:
        return "it is not a path"
    return None
