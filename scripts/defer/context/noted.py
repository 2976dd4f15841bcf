"""What scheduling notes of a task's workspace, so that its prompt can say later what has changed since.

All of it is read as files, without starting git: where HEAD stands, and size and time of each artifact. A worktree's
``.git`` is a file that leads to its own directory, which leads to the repository's. A branch's commit is in a file of
its own or in ``packed-refs``. In a repository that keeps its references as one table neither can be read like this:
then only the repository is noted, and ``drift`` asks git where HEAD stood at that time.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from defer import fsio, instants
from defer.record import task

if TYPE_CHECKING:
    from datetime import datetime

    from defer.record.types import Drift, Noted, Task

MOST_ARTIFACTS = 50
_LONGEST_PATH = 4096
_SMALL, _PACKED = 4096, 1 << 24
"""Bytes read of a reference, and of ``packed-refs``, which has a line for each reference of the repository."""
_MOST_LINKS = 5
_commit = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?").fullmatch
_reference = re.compile(r"refs/(?!.*\.\.)[^\x00-\x20\x7f]+").fullmatch


def is_commit(found: str) -> bool:
    """Whether this is a commit's full name, and so neither an option nor a range."""
    return bool(_commit(found))


class Head(NamedTuple):
    """Where a repository stands, as far as its files tell; a branch without a commit has none yet."""

    repository: str
    commit: str | None = None
    branch: str | None = None


def reads_prompt(one: Task, executor: str | None) -> bool:
    """Whether what runs a task is handed its prompt; ``executor`` is what runs tasks that name none."""
    return not one.get("command") and (one.get("executor") or executor) not in (None, "", "notify")


def onto(one: Task, executor: str | None, now: datetime, *, wanted: bool = True) -> Task:
    """A task with what its prompt will need to say what has changed, if anything reads that."""
    rest = task.without(one, ("drift",))
    if not wanted:
        return {**rest, "drift": {"off": True}}
    return {**rest, "drift": note(one, now)} if reads_prompt(one, executor) else rest


def note(one: Task, now: datetime) -> Drift:
    """The state of a task's workspace and artifacts as it is now."""
    directory = one.get("workspace") or one.get("cwd")
    found: Drift = {"at": instants.to_text(now)}
    head = head_of(directory) if directory else None
    if head is not None:
        found["repository"] = head.repository
        if head.commit:
            found["head"] = head.commit
        if head.branch:
            found["branch"] = head.branch
    artifacts = [noted(path) for path in _paths(one, directory)]
    if artifacts:
        found["artifacts"] = artifacts
    return found


def _paths(one: Task, directory: str | None) -> Iterator[str]:
    """The artifacts that are files: those by their full path, whether they are there or not, and those found here."""
    listed = (one.get("context") or {}).get("artifacts")
    texts = [text for text in listed if isinstance(text, str)] if isinstance(listed, list) else []
    for text in texts[:MOST_ARTIFACTS]:
        if not text or len(text) > _LONGEST_PATH or "\0" in text:
            continue
        if os.path.isabs(text):
            yield text
        elif directory and os.path.lexists(path := os.path.join(directory, text)):
            yield path


def noted(path: str) -> Noted:
    """A file as it is now; neither size nor time where nothing is there."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return {"path": path}
    state: Noted = {"path": path, "mtime_ns": max(0, found.st_mtime_ns)}
    # A directory's size says nothing; its time says that names in it came or went.
    return state if stat.S_ISDIR(found.st_mode) else {**state, "size": found.st_size}


def head_of(directory: str) -> Head | None:
    """Where the repository of a directory stands; None where it is in none."""
    found = _found(directory)
    return Head(found[0], *_read_head(found[1])) if found else None


def top(directory: str) -> str | None:
    """The working tree that a directory lies in, told without git; None outside any."""
    found = _found(directory)
    return found[0] if found else None


def _found(directory: str) -> tuple[str, str] | None:
    """The working tree that a directory lies in, and the git directory of that."""
    here = os.path.realpath(directory)
    while True:
        git = _git_directory(os.path.join(here, ".git"))
        if git is not None:
            return here, git
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above


def _git_directory(found: str) -> str | None:
    """The directory that ``.git`` is, or as a file leads to. An empty one, as sandboxes put there, is none."""
    if not os.path.isdir(found):
        said = _text(found)
        if not said.startswith("gitdir:"):
            return None
        found = os.path.join(os.path.dirname(found), said.removeprefix("gitdir:").strip())
    return found if os.path.isfile(os.path.join(found, "HEAD")) else None


def _read_head(git: str) -> tuple[str | None, str | None]:
    """The commit and the branch of a git directory."""
    common = os.path.join(git, _text(os.path.join(git, "commondir")).strip() or ".")
    said = _text(os.path.join(git, "HEAD")).strip()
    branch = None
    for _ in range(_MOST_LINKS):
        if not said.startswith("ref:"):
            break
        name = said.removeprefix("ref:").strip()
        # What stands in HEAD where references are kept as one table.
        if not _reference(name) or name == "refs/heads/.invalid":
            return None, None
        branch = branch or name.removeprefix("refs/heads/")
        said = _text(os.path.join(common, name)).strip() or _packed(os.path.join(common, "packed-refs"), name)
    return (said if _commit(said) else None), branch


def _packed(path: str, name: str) -> str:
    """The commit of a reference in ``packed-refs``, or nothing."""
    before, found, _ = ("\n" + _text(path, _PACKED)).partition(f" {name}\n")
    return before.rpartition("\n")[2] if found else ""


def _text(path: str, most: int = _SMALL) -> str:
    """The beginning of a plain file; nothing for what is none, or cannot be read."""
    try:
        with fsio.opened(Path(path), os.O_RDONLY | os.O_NONBLOCK) as fd:
            if not stat.S_ISREG(fsio.kernel.fstat(fd).st_mode):
                return ""
            return os.fsdecode(fsio.kernel.pread(fd, most, 0))
    except (OSError, ValueError):
        return ""
