"""What has changed since a task was scheduled, in a few lines for its prompt.

``noted`` took down how things stood; this looks again. The lines hold names of files and commits, which anybody may
have written: each is shown on one line (``visible``), and the prompt quotes all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from defer import instants, say, visible

from . import noted as notes
from .gitlog import MOST_COMMITS, Commit, Repository

if TYPE_CHECKING:
    from defer.record.types import Drift, Noted

MOST_BYTES = 2048
"""So much the lines of a brief have at most, with the marks of a quotation."""
_SECONDS = 2.0
_LATE_SECONDS = 60
_MOST_ROUNDS = 4
_MOST_DELETIONS = 5
_NEWEST = 5
_LONGEST_LINE = 180
_SHORT = 10
_ROOM_FOR_THE_REST = 40
_MARK = 3  # "> " and the end of the line


class _Moved(NamedTuple):
    """What became of the artifacts in the repository: the commits that touch them, newest first; new and lost names."""

    commits: list[Commit]
    renamed: dict[str, tuple[str, str]]
    deleted: dict[str, str]


def brief(
    known: Drift,
    now: datetime,
    late_seconds: int,
    git: str | None,
    *,
    in_worktree: bool = False,
    is_new: bool = False,
) -> list[str]:
    """The lines, at most ``MOST_BYTES`` of them; ``git`` is the program, None where there is none.

    ``in_worktree``: who reads it works in a worktree, whose path is too long for each line; ``is_new``: that is yet to
    be made of the last commit.
    """
    lines = list(_lateness(known, now, late_seconds))
    moved, of_commits = _Moved([], {}, {}), list[str]()
    if known.get("repository"):
        moved, of_commits = _of_repository(known, git)
    committed = None
    if is_new and git:
        committed = Repository(git, str(known.get("repository")), _SECONDS).committed(_paths(known))
    artifacts = list(_artifacts(known, moved, committed, in_worktree=in_worktree))
    lines += of_commits[:1] if of_commits else []
    lines += artifacts + of_commits[1:]
    return _bounded([_shown(line) for line in lines])


def _shown(line: str) -> str:
    text = visible.line(line)
    return text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 1] + "…"


def _bounded(lines: list[str]) -> list[str]:
    """The lines for which there is room, and how many more there are."""
    kept: list[str] = []
    size = 0
    for number, line in enumerate(lines):
        size += len(line.encode(errors="replace")) + _MARK
        room = MOST_BYTES if number == len(lines) - 1 else MOST_BYTES - _ROOM_FOR_THE_REST
        if size > room:
            return [*kept, f"({len(lines) - number} more lines)"]
        kept.append(line)
    return kept


def _lateness(known: Drift, now: datetime, late_seconds: int) -> Iterator[str]:
    if late_seconds >= _LATE_SECONDS:
        yield f"It begins late: {say.distance(timedelta(seconds=late_seconds))} after it was due."
    at = known.get("at")
    if at:
        yield f"What follows has changed since {at}, {say.distance(now - instants.from_text(at))} ago."


# The repository


def _of_repository(known: Drift, git: str | None) -> tuple[_Moved, list[str]]:
    """What became of the artifacts there, and lines about commits, the first of which sums them up."""
    nothing = _Moved([], {}, {})
    top = str(known.get("repository"))
    head = notes.head_of(top)
    if head is None or head.repository != top:
        return nothing, [f"The repository is gone: {top}"]
    before, branch = known.get("head"), known.get("branch")
    is_other = bool(branch) and head.branch != branch
    other = [f"Another branch is checked out: {head.branch or 'none'}; it was {branch}."] if is_other else []
    if head.commit and head.commit == before:
        return nothing, [f"No commits since: HEAD is at {before[:_SHORT]}, as it was.", *other]
    if git is None:
        moved = f"HEAD was at {(before or 'no commit')[:_SHORT]} and is at {(head.commit or 'no commit')[:_SHORT]}"
        return nothing, [f"{moved}; git is not installed, so no commit can be named.", *other]
    return _since(known, Repository(git, top, _SECONDS), other)


class _Range(NamedTuple):
    """Which commits are new: git's words for them, how many, and what is to be said of how they were found."""

    revisions: str
    since: int | None
    new: int | None
    remark: str | None = None


def _since(known: Drift, repository: Repository, other: list[str]) -> tuple[_Moved, list[str]]:
    nothing = _Moved([], {}, {})
    found = _range(known, repository)
    if found is None:
        why = "git took too long" if repository.is_late else "git does not say"
        return nothing, [f"What was committed since is not known: {why}.", *other]
    paths = _paths(known)
    moved = _followed(repository, found, paths) if paths and found.new != 0 else nothing
    said = "No commits" if not found.new else f"{found.new:,} commit{'s' if found.new > 1 else ''}"
    touch = f"; {_how_many(len(moved.commits))} of them touch the artifacts" if paths and found.new else ""
    start = (known.get("head") or "")[:_SHORT]
    lines = [f"{said} since{f' {start}' if start else ''}{touch}.", *other]
    lines += [found.remark] if found.remark else []
    shown = moved.commits or (repository.log(found.revisions, (), _NEWEST, found.since) if found.new else [])
    if shown:
        lines.append("Commits that touch them, newest first:" if moved.commits else "The newest:")
        lines += [_named(one) for one in shown]
    if repository.is_late:
        lines.insert(1, "git took too long: some of this may be lacking.")
    return moved, lines


def _how_many(number: int) -> str:
    return "none" if not number else f"{number:,} or more" if number >= MOST_COMMITS else f"{number:,}"


def _range(known: Drift, repository: Repository) -> _Range | None:
    """The commits that are new; None where git does not say."""
    before = known.get("head")
    if before and notes.is_commit(before):
        apart = repository.apart(before, "HEAD")
        if apart is not None:
            gone, new = apart
            lost = f"History was rewritten, or another branch is checked out: {gone:,} commits of then are not in it."
            return _Range(f"{before}..HEAD", None, new, lost if gone else None)
    if repository.commit("HEAD") is None:
        return None
    at = known.get("at")
    if before or not at:
        since = int(instants.from_text(at).timestamp()) if at else 0
        remark = f"The commit {(before or '')[:_SHORT]} is gone (history was rewritten): these are by their date."
        return _Range("HEAD", since, repository.count("HEAD", since), remark)
    if known.get("branch"):
        # The branch had no commit then.
        return _Range("HEAD", None, repository.count("HEAD"))
    then = repository.commit(f"HEAD@{{{at}}}")
    apart = repository.apart(then, "HEAD") if then else None
    return _Range(f"{then}..HEAD", None, apart[1], "By where HEAD stood then.") if apart else None


def _paths(known: Drift) -> list[str]:
    """The artifacts that lie in the repository, as that has them."""
    top = str(known.get("repository"))
    return [path for one in known.get("artifacts") or [] if (path := within(one["path"], top))]


def within(path: str, top: str) -> str | None:
    """A path as the repository has it; None for one outside."""
    directory, name = os.path.split(os.path.normpath(path))
    found = os.path.relpath(os.path.join(os.path.realpath(directory), name), top)
    return None if found.startswith("..") and found[2:3] in ("", "/") else found


def _followed(repository: Repository, found: _Range, paths: list[str]) -> _Moved:
    """The commits that touch the paths, and the names that those got on the way."""
    commits: dict[str, Commit] = {}
    renamed: dict[str, tuple[str, str]] = {}
    deleted: dict[str, str] = {}
    wanted, seen = list(dict.fromkeys(paths)), set(paths)
    for _ in range(_MOST_ROUNDS):
        touching = repository.log(found.revisions, wanted, MOST_COMMITS, found.since)
        commits.update((one.name, one) for one in touching if one.name not in commits)
        wanted = []
        lost_in = _lost_in(touching)
        became = repository.renamed_in([commit for commit, _ in lost_in])
        for commit, lost in lost_in:
            for path in lost:
                new = became.get(commit, {}).get(path)
                if new is None:
                    deleted.setdefault(path, commit)
                elif path not in renamed:
                    renamed[path] = new, commit
                    wanted += [new] if new not in seen else []
                    seen.add(new)
        if not wanted:
            break
    newest_first = sorted(commits.values(), key=lambda one: -one.when)
    return _Moved(newest_first, renamed, deleted)


def _lost_in(commits: list[Commit]) -> list[tuple[str, list[str]]]:
    """The newest commits that removed something, each with what."""
    lost = [(one.name, [path for status, path, _ in one.files if status == "D"]) for one in commits]
    return [(commit, paths) for commit, paths in lost if paths][:_MOST_DELETIONS]


def _named(one: Commit) -> str:
    day = datetime.fromtimestamp(one.when, UTC).strftime("%Y-%m-%d") if one.when < 1 << 37 else "?"
    files = " ".join(f"{status} {path}" + (f" -> {new}" if new else "") for status, path, new in one.files[:3])
    return f"- {one.name[:_SHORT]} {day} {one.author}: {one.subject}" + (f" [{files}]" if files else "")


# The artifacts


def _artifacts(known: Drift, moved: _Moved, committed: set[str] | None, *, in_worktree: bool) -> Iterator[str]:
    top = known.get("repository")
    artifacts = known.get("artifacts") or []
    changed = 0
    for one in artifacts:
        now, path = notes.noted(one["path"]), within(one["path"], top) if top else None
        shown = path if path and in_worktree else one["path"]
        said = _changed(one, now, top, moved)
        if path and committed is not None:
            if path in committed:
                said = _checked_out(path, moved, said)
            elif now.get("mtime_ns") is not None:
                shown, said = one["path"], "not in the worktree, since it is not committed"
        if said:
            changed += 1
            yield f"- {shown}: {said}"
    if artifacts and not changed:
        yield "Its artifacts are as they were."


def _checked_out(path: str, moved: _Moved, changed: str | None) -> str | None:
    """What became of a committed artifact; ``changed``: of the file in the workspace."""
    for one in moved.commits:
        if any(name == path or name.startswith(f"{path}/") for _, *names in one.files for name in names if name):
            return f"changed in {one.name[:_SHORT]}"
    return "as it is committed, without what was changed in the workspace since" if changed else None


def _changed(before: Noted, after: Noted, top: str | None, moved: _Moved) -> str | None:
    """What became of an artifact; None where it is as it was."""
    was, is_there = before.get("mtime_ns") is not None, after.get("mtime_ns") is not None
    if not is_there:
        return f"gone{_where_to(within(before['path'], top), moved) if top else ''}" if was else None
    if not was:
        return "is there now; it was not there then"
    size, then = after.get("size"), before.get("size")
    if size != then and size is not None and then is not None:
        return f"changed, it had {then:,} bytes and has {size:,}"
    if after.get("mtime_ns") == before.get("mtime_ns"):
        return None
    return "names in it came or went" if size is None else f"written since, at {_time(after)}"


def _time(found: Mapping[str, object]) -> str:
    return instants.to_text(datetime.fromtimestamp(int(str(found["mtime_ns"])) // 10**9, UTC))


def _where_to(path: str | None, moved: _Moved) -> str:
    """Under which name a file that is gone lives on, as far as the commits tell."""
    if path is None:
        return ""
    name, commit = path, None
    while name in moved.renamed and commit != moved.renamed[name][1]:
        name, commit = moved.renamed[name]
    if commit:
        after = f", then deleted in {moved.deleted[name][:_SHORT]}" if name in moved.deleted else ""
        return f": renamed to {name} in {commit[:_SHORT]}{after}"
    return f": deleted in {moved.deleted[path][:_SHORT]}" if path in moved.deleted else ""
