"""Where a CONTEXT.md lies, in which order the places are searched, and its text.

Reads the file system and nothing else: the caller gives the environment, the home (asked for only when a place in it
comes up) and the working directory.

What is read goes into the store, and from there to an agent. A folder may be a clone of somebody's repository, whose
commit made ``CONTEXT.md`` a link to something private. So a file that was only found must lie in its folder and belong
to us. One that the user names is trusted, except for the settings file, which holds secrets.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from defer import fsio, homedir
from defer.errors import BadInput, Refused

from . import snapshot as snapshots

READ_LIMIT = 1 << 20  # bytes; a context file that people read has a hundredth of that
RESEARCH = Path("data", "research")
_NAME = "CONTEXT.md"
_IF_MEANT = "if it is meant, name it with --context-file"


class Place(NamedTuple):
    """One place where a context file may lie; what names it, if anything; whether it names the very file."""

    path: Path
    named_by: str | None = None
    is_meant: bool = False


def snapshot(
    project: str | None,
    context_file: Path | None,
    env_file: str | None,
    home: Callable[[], Path],
    cwd: Path,
    settings_files: Iterable[Path],
) -> snapshots.Snapshot:
    """The snapshot of the context file that :func:`find` finds; raises as it and :func:`read` do."""
    place = find(project, context_file, env_file, home, cwd)
    return snapshots.parse(read(place, settings_files), str(place.path))


def find(
    project: str | None, context_file: Path | None, env_file: str | None, home: Callable[[], Path], cwd: Path
) -> Place:
    """The context file that is named, else the first that exists.

    No other file stands in for one that is named and missing: it would be taken for the file that was asked for.
    Raises BadInput for a project that is not a plain folder name, and Refused where there is no file, naming every
    place it looked at.
    """
    looked_at: list[str] = []
    for place in _places(project, context_file, env_file, home, cwd):
        trouble = _trouble(place.path)
        if not trouble:
            return place
        if place.named_by:
            raise Refused(f"the context file of {place.named_by} is {trouble}: {place.path} (name one that is there)")
        looked_at.append(f"{place.path} ({trouble})")
    raise Refused(
        f"no {_NAME} was found: looked at {', '.join(dict.fromkeys(looked_at))} "
        "(name one with --context-file or DEFER_CONTEXT_FILE)"
    )


def read(place: Place, settings_files: Iterable[Path]) -> str:
    """The text of a file, at most READ_LIMIT bytes of it; bytes that are not UTF-8 become U+FFFD.

    Raises BadInput if it is not text at all. Raises Refused if it cannot be read, is one of ``settings_files``, or
    leads out of its folder although nobody named it.
    """
    path = place.path
    # The checks look at the open file, which nobody can replace any more. A pipe is not waited for.
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if place.is_meant else os.O_NOFOLLOW)
    try:
        with fsio.opened(path if place.is_meant else _in_its_folder(path), flags) as fd:
            _refuse(place, fsio.kernel.fstat(fd), settings_files)
            content = fsio.kernel.pread(fd, READ_LIMIT, 0)
    except OSError as error:
        raise Refused(f"the context file cannot be read: {path}: {error.strerror}") from error
    if b"\0" in content:
        what = f"the context file is not text: {path} (it holds NUL bytes; save it as UTF-8)"
        raise BadInput(what, field="context_file")
    return content.decode("utf-8", errors="replace")


def _in_its_folder(path: Path) -> Path:
    """Where a file that was found really lies. The user may link the folder; the file may not lead out of it."""
    target = Path(os.path.realpath(path))
    if not target.is_relative_to(os.path.realpath(path.parent)):
        raise Refused(f"the context file leads out of its folder: {path} -> {target} ({_IF_MEANT})")
    return target


def _refuse(place: Place, found: os.stat_result, settings_files: Iterable[Path]) -> None:
    path = place.path
    if not stat.S_ISREG(found.st_mode):
        raise Refused(f"the context file is not a file: {path} (name one with --context-file)")
    if homedir.is_settings_file(found, settings_files):
        raise Refused(f"the context file is the settings file, which may hold secrets: {path} (name another)")
    if place.is_meant:
        return
    if found.st_uid not in (0, os.geteuid()):
        raise Refused(f"the context file belongs to another user, uid {found.st_uid}: {path} ({_IF_MEANT})")
    if found.st_nlink > 1:
        raise Refused(f"the context file has another name too, a hard link: {path} ({_IF_MEANT})")


def _places(
    project: str | None, context_file: Path | None, env_file: str | None, home: Callable[[], Path], cwd: Path
) -> Iterator[Place]:
    if context_file is not None:
        yield Place(cwd / _expanded(context_file, home), "--context-file", is_meant=True)
    if project:
        yield Place(home() / RESEARCH / "projects" / _folder_name(project) / _NAME, f"--project {project}")
    if env_file:
        yield Place(cwd / _expanded(Path(env_file), home), "DEFER_CONTEXT_FILE", is_meant=True)
    projects = home() / RESEARCH / "projects"
    yield Place(_latest(projects) or projects / "*" / _NAME)
    yield Place(home() / RESEARCH / _NAME)
    yield Place(cwd / _NAME)


def _expanded(path: Path, home: Callable[[], Path]) -> Path:
    """A path with its ``~`` read as the shell would read it: in a settings file or in quotes the shell does not."""
    return home().joinpath(*path.parts[1:]) if path.parts[:1] == ("~",) else path.expanduser()


def _folder_name(project: str) -> str:
    if project in (".", "..") or "/" in project or "\0" in project or not project.isprintable():
        what = f"--project is not the name of a folder: {project!r} (give one name under ~/{RESEARCH}/projects)"
        raise BadInput(what, field="project")
    return project


def _latest(projects: Path) -> Path | None:
    """The project's context file that was changed last; of several changed at one instant, the last by name."""
    try:
        paths = [projects / folder / _NAME for folder in os.listdir(projects)]
    except OSError:
        return None
    changed = [(_changed(path), path) for path in paths if not _trouble(path)]
    return max(changed)[1] if changed else None


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # it has gone since it was looked at
        return -1


def _trouble(path: Path) -> str | None:
    """Why ``path`` does not serve as a context file, None if it does."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return "not there" if isinstance(error, FileNotFoundError | NotADirectoryError) else str(error.strerror)
    except ValueError:
        return "not a path"
    if not stat.S_ISREG(mode):
        return "not a file"
    return None if os.access(path, os.R_OK) else "not readable"
