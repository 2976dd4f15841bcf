"""A Git worktree for one occurrence of a task: where it lies, how it is made, found again, looked over and removed.

Beside each lies a note of what it was made from. The note is there before anything is made, and says so once all is:
what was cut short is known, and made anew. A repository may come from anybody, so nothing of its own runs: no hooks, no
file system monitor, no filter that its own configuration names (the user's, such as those of Git LFS, do). Only what we
have made is removed, and only while it holds nothing new. `git worktree prune` would remove other people's, too.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from defer import fsio
from defer.errors import DeferError, StorageError
from defer.record import task

from .noted import head_of, top

if TYPE_CHECKING:
    from defer.record.codec import Task

NOTE = ".json"
KEPT = ".kept"
"""How the name of a note ends: while its occurrence may go on, and once it is over and its worktree stays."""
_LOCAL = ("local", "worktree")
_PAIR = ("KEY", "VALUE")
_MOST_BYTES = 1 << 16
_MOST_COMMITS = 1000
_OFF = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "submodule.recurse": "false",
    "status.submoduleSummary": "false",
    # `worktree remove` looks once more, by the user's settings.
    "status.showUntrackedFiles": "normal",
    "protocol.allow": "never",
}
_TAKEN_OVER = ("HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME", "TMPDIR")
_filter_key = re.compile(r"(filter\..+)\.[^.]+", re.DOTALL).fullmatch


class Trouble(DeferError):
    """What keeps a worktree from being made; one line."""


class Hindered(Trouble):
    """The same where it may work another time: the disk is full, or another git has locked something."""


class Place(NamedTuple):
    """Where the worktree of an occurrence is, and what of: the directory that its task names is ``workspace``.

    ``store``: the file that the task stands in.
    """

    store: str
    task: str
    created_at: str
    occurrence: str
    workspace: str
    path: str
    branch: str

    @property
    def note(self) -> Path:
        """The file that says of it what git does not know."""
        return Path(self.path + NOTE)


class Noted(NamedTuple):
    """A note: the place, the commit it was made from, its repository, and whether all of it was made."""

    place: Place
    base: str
    repository: str
    is_made: bool


def place(one: Task, root: Path, store: Path) -> Place:
    """The place for the occurrence that a task of a store waits for, or executes; ``root`` is where all lie.

    Two tasks of one id, in two stores even, never share a branch.
    """
    of = one["id"], one.get("created_at") or "", task.occurrence_of(one)
    workspace = one.get("workspace") or one.get("cwd") or os.sep  # which is in no repository
    own = hashlib.sha256("\n".join((*of, str(root), str(store), workspace)).encode(errors="surrogatepass")).hexdigest()[
        :6
    ]
    name = _name(one["id"])
    when = re.sub(r"[^0-9TZ]", "", of[2]) + "-" + own
    return Place(str(store), *of, workspace, str(root / name / when), f"defer/{name}/{when}")


def directory(of: Place) -> str:
    """Where in the worktree its task works: where the workspace lies in its repository."""
    whole = os.path.realpath(of.workspace)
    below = os.path.relpath(whole, top(whole) or whole)
    return of.path if below == os.curdir else os.path.join(of.path, below)


def read(note: Path) -> Noted | None:
    """What a note says; None where there is none that can be read."""
    try:
        found = json.loads(fsio.read_bounded(note, _MOST_BYTES) or b"")
        texts = [found[name] for name in (*Place._fields, "base", "repository")]
        if not all(isinstance(one, str) for one in texts):
            return None
        return Noted(Place(*texts[:-2]), texts[-2], texts[-1], found["made"] is True)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def kept(root: Path, task_id: str, endings: tuple[str, ...] = (KEPT,)) -> list[Place]:
    """The places of a task whose worktree, or at least its branch, was found to stay; the newest first.

    Somebody may have removed either since. ``endings``: of the notes that are looked at.
    """
    directory = root / _name(task_id)
    try:
        notes = [read(directory / name) for name in fsio.names(directory) if name.endswith(endings)]
    except OSError:
        return []  # what nobody may look into
    found = [one.place for one in notes if one and one.place.task == task_id]
    return sorted(found, key=lambda one: one.occurrence, reverse=True)


def branch(of: Place) -> str:
    """The branch that a worktree is on by now: who works there may have chosen another than it was made on."""
    head = head_of(of.path) if os.path.isdir(of.path) else None
    is_its_own = head is not None and head.repository == os.path.realpath(of.path)
    return (head.branch if head and is_its_own else None) or of.branch


def _name(task_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", task_id)[:80]


def _write(noted: Noted) -> None:
    fsio.ensure_directory(noted.place.note.parent)
    said = {**noted.place._asdict(), "base": noted.base, "repository": noted.repository, "made": noted.is_made}
    fsio.replace(noted.place.note, [json.dumps(said).encode() + b"\n"])


class Git:
    """The git at ``program``, which works in ``directory``; each call may take ``seconds``, or any time."""

    def __init__(
        self, program: str, directory: str, variables: Mapping[str, str], seconds: float | None = None
    ) -> None:
        self._program, self._directory, self._seconds = program, directory, seconds
        full = (part for part in variables.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(part))
        self._environment = {
            **{name: variables[name] for name in _TAKEN_OVER if name in variables},
            "PATH": os.pathsep.join(full),
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_OPTIONAL_LOCKS": "0",
        }
        self._settings = dict(_OFF)
        self._is_safe = False

    def ask(self, *words: str) -> str | None:
        """What git prints, without the last line's end; None where it fails."""
        status, said = self._call(*words)
        return said.rstrip("\n") if status == 0 else None

    def must(self, what: str, *words: str) -> str:
        """What git prints. Raises Trouble: ``what``, and why."""
        status, said = self._call(*words)
        if status != 0:
            raise Trouble(f"{what}: {_last_line(said) or f'git exited with {status}'}")
        return said.rstrip("\n")

    def _call(self, *words: str) -> tuple[int, str]:
        """The exit status, and what it printed: its output if it ended well, else what it complained of."""
        if not self._is_safe:
            self._is_safe = True
            self._settings |= self._filters_off()
        numbered = enumerate(self._settings.items())
        settings = {
            f"GIT_CONFIG_{kind}_{at}": text for at, pair in numbered for kind, text in zip(_PAIR, pair, strict=True)
        }
        environment = {**self._environment, **settings, "GIT_CONFIG_COUNT": str(len(self._settings))}
        try:
            done = subprocess.run(
                [self._program, "-C", self._directory, *words],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._seconds,
                check=False,
            )
        except (OSError, ValueError) as error:
            return -1, str(error)
        except subprocess.TimeoutExpired:
            return -1, f"it took longer than {self._seconds:g} s"
        said = done.stdout if done.returncode == 0 else done.stderr
        return done.returncode, said.decode(errors="surrogateescape")

    def _filters_off(self) -> dict[str, str]:
        """Settings that switch off each filter which the repository's own configuration says something of.

        Raises Trouble where git cannot tell: before 2.31 it also passes over settings that come with a call.
        """
        status, said = self._call("config", "--show-scope", "-z", "--name-only", "--get-regexp", r"^filter\.")
        if status == 1:
            return {}
        if status != 0:
            raise Trouble(
                f"the repository's configuration cannot be read: {_last_line(said) or 'a newer git is needed'}"
            )
        words = said.split("\0")
        found = [_filter_key(key) for scope, key in zip(words[::2], words[1::2], strict=False) if scope in _LOCAL]
        names = dict.fromkeys(one[1] for one in found if one)
        off = {"smudge": "", "clean": "", "process": "", "required": "false"}
        return {f"{name}.{key}": value for name in names for key, value in off.items()}


def _last_line(said: str) -> str:
    lines = [line.removeprefix("fatal: ").removeprefix("error: ").strip() for line in said.splitlines()]
    said = next((line for line in lines if line), "")
    allow = "if you trust it: git config --global --add safe.directory DIRECTORY"
    return f"{said} ({allow})" if "dubious ownership" in said else said


def check(program: str, workspace: str, variables: Mapping[str, str]) -> None:
    """Raise Trouble where no worktree can be made of the repository that a directory lies in."""
    git = Git(program, workspace, variables, 30.0)
    if git.must("it is not in a Git repository that can be used", "rev-parse", "--is-inside-work-tree") != "true":
        raise Trouble("it is not in the working tree of a Git repository")
    _base(git)


def _base(git: Git) -> str:
    """The commit that a worktree is made of. Raises Trouble."""
    found = git.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if not found:
        raise Trouble("its repository has no commit yet, so that there is nothing to work on (commit something first)")
    return found


def was_made(of: Place) -> bool:
    """Whether an earlier attempt has made all of it."""
    known = read(of.note)
    return known is not None and known.place == of and known.is_made


def is_made(of: Place) -> bool:
    """Whether it is there still."""
    return was_made(of) and os.path.lexists(os.path.join(of.path, ".git"))


def make(git: Git, of: Place) -> None:
    """The worktree of an occurrence, as an earlier attempt has left it, else made anew. Raises Trouble."""
    known = read(of.note)
    if known is not None and was_made(of):
        if not is_made(of):
            _mend(git, known)
        return
    if known is not None:
        _unmake(git, known)
    elif _has_something(of.path):
        # Its note is gone: nobody can tell what that is. Once we have made a note it would count as ours.
        raise Trouble(f"what lies where its worktree is to be made is not removed: {of.path} (move it away)")
    what = f"{of.workspace} is not in a Git repository that can be used"
    repository = git.must(what, "rev-parse", "--path-format=absolute", "--git-common-dir")
    noted = Noted(of, _base(git), repository, is_made=False)
    try:
        _write(noted)
        _add(git, noted)
        _write(noted._replace(is_made=True))
    except (StorageError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Hindered(f"its worktree cannot be made: {of.path}: {why}") from None


def _mend(git: Git, noted: Noted) -> None:
    """Bring back one that somebody has removed, or its `.git` alone. The branch may hold what was committed."""
    path = noted.place.path
    if not _has_something(path):
        _unmake(git, noted)
        _add(git, noted)
        return
    git.ask("worktree", "repair", path)
    if not os.path.lexists(os.path.join(path, ".git")):
        raise Trouble(f"its worktree has lost its .git, and is left as it is: {path} (take over what you want)")


def _has_something(path: str) -> bool:
    return os.path.lexists(path) and not (os.path.isdir(path) and not os.listdir(path))


def _add(git: Git, noted: Noted) -> None:
    of = noted.place
    is_there = git.ask("rev-parse", "--verify", "--quiet", f"refs/heads/{of.branch}") is not None
    words = (of.path, of.branch) if is_there else ("--no-track", "-b", of.branch, of.path, noted.base)
    try:
        git.must("git cannot make its worktree, perhaps for lack of room", "worktree", "add", "--quiet", *words)
    except Trouble as error:
        raise Hindered(str(error)) from None


def _unmake(git: Git, noted: Noted) -> None:
    """Remove what is left of one that was cut short, or taken away: nobody has worked in what is there."""
    git.ask("worktree", "remove", "--force", "--force", noted.place.path)
    shutil.rmtree(noted.place.path, ignore_errors=True)
    if not noted.is_made:
        _drop_branch(git, noted)


def _drop_branch(git: Git, noted: Noted) -> bool:
    """Delete the branch if it is where it was made, and nobody has it checked out; whether it is gone."""
    name = f"refs/heads/{noted.place.branch}"
    if git.ask("for-each-ref", "--format=%(worktreepath)", name) == "":
        git.ask("update-ref", "-d", name, noted.base)
    return git.ask("rev-parse", "--verify", "--quiet", name) is None


def has_changes(git: Git, noted: Noted) -> bool:
    """Whether a worktree holds anything new: commits, changed or untracked files. Raises Trouble if nobody can tell."""
    name = f"refs/heads/{noted.place.branch}"
    what = "its worktree cannot be looked at"
    if git.must(what, "rev-parse", "--verify", "HEAD") != noted.base:
        return True
    if (git.ask("rev-parse", "--verify", "--quiet", name) or noted.base) != noted.base:
        return True
    # A commit that was made while no branch was checked out: with the worktree git forgets it.
    was_at = {*(git.ask("log", "--walk-reflogs", "--format=%H", "HEAD") or "").split()} - {noted.base}
    if len(was_at) > _MOST_COMMITS:
        return True
    if was_at and git.must(what, "rev-list", "--max-count=1", *was_at, "--not", "--all"):
        return True
    untracked = ("--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=all")
    return bool(git.must(what, "status", *untracked))


def remove(git: Git, noted: Noted) -> bool:
    """Remove a worktree that holds nothing new, and its branch; whether both are gone. Git refuses if it does."""
    path = noted.place.path
    is_gone = git.ask("worktree", "remove", path) is not None
    return (is_gone or not os.path.lexists(path)) and _drop_branch(git, noted)


def discard(git: Git, noted: Noted) -> None:
    """Remove one that was never made whole."""
    _unmake(git, noted)
