"""What git knows of a repository's commits, asked so that nothing of the repository's own runs.

A repository may come from anybody, and its configuration may name programs. Each call therefore has an environment of
its own, neither the system's nor the user's configuration, no hooks, pager, external diff, text conversion, signature
check or transport, takes no lock, and ends after a time. A repository of another user is left to git, which refuses it.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

MOST_COMMITS = 2000
"""So many commits that touch something are looked at."""
_MOST_COUNTED = 100_000
_MOST_BYTES = 1 << 22
_MOST_RENAMES = "-l400"
_OFF = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.pager": "cat",
    "core.commitGraph": "true",
    "log.showSignature": "false",
    "log.follow": "false",
    "protocol.allow": "never",
}
_OPTIONS = ("--no-pager", "--no-optional-locks", "--literal-pathspecs")
_QUIET = ("--no-show-signature", "--no-color", "--no-ext-diff", "--no-textconv", "--no-notes", "--encoding=UTF-8")
_FORMAT = "--format=%x01%H%x02%ct%x02%an%x02%s"
_status = re.compile(r"[ACDMRTUXB][0-9]*").fullmatch


class Commit(NamedTuple):
    """A commit, and what of that which was asked for it touches: status letter, path, and a renamed file's new path."""

    name: str
    when: int
    author: str
    subject: str
    files: list[tuple[str, str, str | None]]


class Repository:
    """The repository of a working tree; all questions together may take ``seconds``."""

    def __init__(self, git: str, directory: str, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        options = [part for name, value in _OFF.items() for part in ("-c", f"{name}={value}")]
        self._argv = [git, "-C", directory, *_OPTIONS, *options]
        self._environment = {
            "PATH": f"{os.path.dirname(git)}{os.pathsep}{os.defpath}",
            "LC_ALL": "C",
            "HOME": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_PAGER": "cat",
        }

    @property
    def is_late(self) -> bool:
        """Whether the time is up: what was asked last may be lacking for that alone."""
        return time.monotonic() >= self._deadline

    def commit(self, name: str) -> str | None:
        """The commit that a name means; None where there is none, or git does not say."""
        found = self._ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return found.decode(errors="replace").strip() if found else None

    def apart(self, before: str, after: str) -> tuple[int, int] | None:
        """How many commits only ``before`` has, and only ``after``; None where one of them is not there."""
        range_of = ("--left-right", "--count", f"--max-count={_MOST_COUNTED}", f"{before}...{after}", "--")
        found = (self._ask("rev-list", *range_of) or b"").split()
        return (int(found[0]), int(found[1])) if len(found) == 2 else None

    def count(self, name: str, since: int | None = None) -> int | None:
        """How many commits a name has; of those dated ``since`` (seconds) or later."""
        dated = [f"--since={since}"] if since is not None else []
        found = self._ask("rev-list", "--count", f"--max-count={_MOST_COUNTED}", *dated, name, "--")
        return int(found) if found else None

    def log(
        self, revisions: str, paths: Sequence[str], most: int = MOST_COMMITS, since: int | None = None
    ) -> list[Commit]:
        """The commits of a range that touch ``paths``, newest first; all of them without files where none is named."""
        files = ("-z", "--name-status", "-M", _MOST_RENAMES) if paths else ("-z",)
        dated = [f"--since={since}"] if since is not None else []
        found = self._ask("log", *_QUIET, *files, _FORMAT, f"--max-count={most}", *dated, revisions, "--", *paths)
        return list(_commits(_words(found)))

    def renamed_in(self, commits: Sequence[str]) -> dict[str, dict[str, str]]:
        """The files that each of some commits renamed: from the old path to the new one."""
        if not commits:
            return {}
        files = ("-z", "--name-status", "-M", _MOST_RENAMES, "--diff-filter=R")
        found = _commits(_words(self._ask("show", *_QUIET, *files, _FORMAT, *commits, "--")))
        return {one.name: {old: new for _, old, new in one.files if new is not None} for one in found}

    def committed(self, paths: Sequence[str]) -> set[str] | None:
        """Which of some paths, as the repository has them, are in the last commit; None where git does not say."""
        named = [path for path in paths if path != os.curdir]
        found = self._ask("ls-tree", "-z", "--full-tree", "--name-only", "HEAD", "--", *named) if named else b""
        return None if found is None else {*_words(found), os.curdir}

    def _ask(self, *words: str) -> bytes | None:
        """What git prints; None if it fails, or takes too long. What is too much is cut."""
        if self.is_late:
            return None
        try:
            process = subprocess.Popen(
                [*self._argv, *words],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,
            )
        except (OSError, ValueError):
            return None
        try:
            printed = self._read(process)
        finally:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)
            if process.stdout is not None:
                process.stdout.close()
        return printed

    def _read(self, process: subprocess.Popen[bytes]) -> bytes | None:
        if process.stdout is None:
            return None
        fd, pieces, size = process.stdout.fileno(), [], 0
        waiting = select.poll()
        waiting.register(fd, select.POLLIN | select.POLLHUP)
        while size < _MOST_BYTES:
            left = self._deadline - time.monotonic()
            if left <= 0 or not waiting.poll(left * 1000):
                return None
            piece = os.read(fd, 1 << 16)
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
        else:
            return b"".join(pieces)
        try:
            status = process.wait(timeout=max(0.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None
        return b"".join(pieces) if status == 0 else None


def _words(printed: bytes | None) -> list[str]:
    """What git separates by NUL; the last one, which may be cut, is empty or left out."""
    return os.fsdecode(printed).split("\0")[:-1] if printed else []


def _commits(words: list[str]) -> Iterator[Commit]:
    at = 0
    while at < len(words):
        begun = at
        at += 1
        while at < len(words) and not words[at].startswith("\x01"):
            # A status is never a path, so that no file's name can begin a commit.
            at += 3 if words[at].lstrip("\n")[:1] in ("R", "C") else 2
        parts = words[begun].removeprefix("\x01").split("\x02", 3)
        if len(parts) == 4 and parts[1].isdigit():
            name, when, author, subject = parts
            yield Commit(name, int(when), author, subject, list(_files(words[begun + 1 : at])))


def _files(words: list[str]) -> Iterator[tuple[str, str, str | None]]:
    rest = iter(words)
    for word in rest:
        status = word.lstrip("\n")
        if not _status(status):
            return
        path = next(rest, None)
        new = next(rest, None) if status[0] in "RC" else None
        if path is not None:
            yield status[0], path, new
