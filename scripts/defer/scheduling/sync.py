"""The schedule made to match a directory of task files.

``plan`` looks at the files and the store and says what there is to do; ``apply`` does it. A file
is parsed only if its bytes, or those of its workflow, differ from those its task was made
from. A task that has ended stays ended until its file changes; a task that was not made from a
file of this directory is never touched.

Each change is decided again on the record as it is under the store's lock, so that two
syncs, a wake and a person may work at the same time. An executing task is left as it is, and the next
sync finds it still different. Only that its file is gone or disabled is noted at once, for
the end of the attempt, since nobody may ever sync again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from defer import fsio, trust
from defer.errors import BadInput, NeedsNewer, NotStorable, Refused
from defer.record import changes, events, task, versions
from defer.record.codec import Task
from defer.record.events import Event
from defer.settings.config import Config
from defer.store.audit import AuditLog
from defer.taskfiles import formats, read
from defer.taskfiles.read import BadFile, Located, TaskFile, located

from . import advice, fromfile
from .fromfile import FILE_DISABLED, FILE_REMOVED, source
from .names import checked_id

if TYPE_CHECKING:
    from defer.store.interface import Store

NEW, CHANGED, REMOVED, SAME = "+", "~", "-", "="
LATER, NEXT_SYNC = "after its attempt ends", "by the first sync after its attempt ends"
_DISABLED, _STAYS = "disabled", "stays"


class Step(NamedTuple):
    """One task and what a sync does about it; ``note`` says more where there is more to say.

    ``record`` is what becomes of ``before``, the record that was looked at.
    """

    mark: str
    task_id: str
    note: str = ""
    file: TaskFile | None = None
    record: Task | None = None
    before: Task | None = None


class SyncPlan(NamedTuple):
    """What a sync would do; ``problems`` are about files and ``refused`` about tasks that stay as they are."""

    steps: list[Step]
    problems: list[str]
    warnings: list[str]
    refused: tuple[str, ...] = ()


def directory_of(path: Path) -> Path:
    """A directory of task files as it is recorded. Raises BadInput if it is not one."""
    if not os.path.isdir(path):
        raise BadInput(f"no such directory of task files: {path} (make it, or name another)", field="dir")
    return Path(os.path.realpath(path))


def files(
    directory: Path, unwritten: Collection[str] = (), only: Collection[str] | None = None
) -> tuple[dict[str, Path], dict[str, Located]]:
    """The task files of a directory by id, and what is wrong with each id that cannot be used.

    ``unwritten`` are ids whose files do not exist yet; with ``only`` no other ids are looked at.
    """
    with fsio.storage_errors(directory):
        # Whoever may put a file there decides what runs as us.
        trust.check_directory(fsio.kernel, directory, may_be_link=True)
        paths = [directory / name for name in fsio.names(directory) if not name.startswith(".")]
    found: dict[str, list[Path]] = {}
    for path in paths:
        is_wanted = path.suffix.lower() in read.SUFFIXES and (only is None or path.stem in only)
        if is_wanted and not os.path.isdir(path) and not _is_about_the_rest(path):
            found.setdefault(path.stem, []).append(path)
    bad = {task_id: why for task_id, those in found.items() if (why := _why_not(task_id, those))}
    to_come = {task_id: directory / f"{task_id}.yml" for task_id in unwritten if task_id not in bad}
    return {**to_come, **{task_id: those[0] for task_id, those in found.items() if task_id not in bad}}, bad


def _why_not(task_id: str, paths: list[Path]) -> Located | None:
    if len(paths) > 1:
        names = " and ".join(path.name for path in paths)
        return located(paths[0], f"{names} are the same task (keep one)")
    try:
        checked_id(task_id)
    except BadInput as error:
        return located(paths[0], f"the file's name is the id: {error}")
    return None


def _is_about_the_rest(path: Path) -> bool:
    """Whether this is a README and no task."""
    if path.name.lower() != "readme.md":
        return False
    try:
        return not formats.has_front_matter(read.decoded(read.read(path)))
    except (BadFile, formats.Complaint):
        return True


def plan(
    directory: Path,
    store: Store,
    config: Config,
    now: datetime,
    only: Collection[str] | None = None,
    *,
    again: bool = False,
    contents: Mapping[str, bytes] | None = None,
    counted: Callable[[list[Callable[[], Step]]], Iterable[Callable[[], Step]]] = iter,
) -> SyncPlan:
    """What makes the store match ``directory``; with ``only``, as far as these ids go. Raises StorageError.

    ``again`` brings back what a person has cancelled, though its file is unchanged. ``contents``, by id, are of files
    that do not exist yet: the plan is as if they did. ``counted`` goes through what is to be looked at, one by one.
    """
    unwritten = contents or {}
    found, bad = files(directory, unwritten, only)
    records = _records(store, found, directory, only)
    absent = {task_id for task_id in found if task_id not in records}
    ended = store.ended(absent)
    looks: list[Callable[[], Step]] = [
        partial(_look, path, unwritten.get(task_id), records.get(task_id), ended.get(task_id), config, now, again=again)
        for task_id, path in found.items()
    ]
    looks += [
        partial(_without_file, record)
        for task_id, record in records.items()
        if task_id not in found and task_id not in bad and is_live_of(directory, record)
    ]
    steps, problems, refused = _looked(counted(looks))
    warnings = [one for step in steps for one in _said_of(step, config, now)]
    return SyncPlan(steps, [*bad.values(), *problems], warnings, tuple(refused))


def _looked(looks: Iterable[Callable[[], Step]]) -> tuple[list[Step], list[str], list[str]]:
    """The steps by id, what is wrong with files, and what is not for this version to change. None keeps another out."""
    steps: list[Step] = []
    problems: list[str] = []
    refused: list[str] = []
    for look in looks:
        try:
            steps.append(look())
        except BadFile as error:
            problems += error.lines
        except NeedsNewer as error:
            refused.append(str(error))
    return sorted(steps, key=lambda step: step.task_id), problems, refused


def _said_of(step: Step, config: Config, now: datetime) -> list[str]:
    """What is to be known of a file: of its fields, of its time, of programs that it starts and that are missing."""
    file, record = step.file, step.record
    if file is None or record is None:
        return [*file.warnings] if file else []
    field = next((name for name in ("command", "executor", "agent") if name in file.fields), None)
    doubts = [file.wrong(doubt, field) for doubt in advice.doubts(record, config)] if file.enabled else []
    return [*file.warnings, *fromfile.notes(file, step.before, config, now), *doubts]


def _records(store: Store, found: dict[str, Path], directory: Path, only: Collection[str] | None) -> dict[str, Task]:
    """The records that matter: those with these files' ids, and tasks made from files of this directory."""
    if only is not None and len(only) <= 1:
        known = ((task_id, store.find(task_id)) for task_id in only)
        return {task_id: record for task_id, record in known if record is not None}
    if only is not None:
        return {one["id"]: one for one in store.scan() if one["id"] in only}
    return {one["id"]: one for one in store.scan() if one["id"] in found or _is_from(one, directory)}


def _is_from(record: Task, directory: Path) -> bool:
    return os.path.dirname(str(source(record).get("file", ""))) == str(directory)


def is_live_of(directory: Path, record: Task) -> bool:
    """Whether a task that was made from a file of this directory has not ended."""
    return _is_live(record) and _is_from(record, directory)


def _is_live(record: Task) -> bool:
    return record["status"] not in task.ENDED


def _without_file(record: Task) -> Step:
    """The step for a task whose file is gone. Raises NeedsNewer."""
    versions.must_know(record)
    return _noted(Step(REMOVED, record["id"], "", None, record), record)


def _look(
    path: Path,
    unwritten: bytes | None,
    there: Task | None,
    ended: Task | None,
    config: Config,
    now: datetime,
    *,
    again: bool,
) -> Step:
    """The step for one file, given the record of its id, in the store or else in the archive.

    Raises BadFile, and NeedsNewer where that record is not for this version to change.
    """
    known = there or ended
    live = known if known is not None and _is_live(known) else None
    owner = None if live is None else other_owner(path, live)
    if owner:
        raise BadFile([located(path, f"the id is taken by {owner} (rename the file, or defer cancel {path.stem})")])
    raw = read.read(path) if unwritten is None else unwritten
    if known is not None and _is_unchanged(path, raw, known) and not (live is None and _comes_back(known, again)):
        return _same(live) if live else Step(SAME, path.stem, f"{known['status']}; runs again when its file changes")
    if there is not None:
        versions.must_know(there)
    return _read_anew(read.describe(path, raw), live, config, now)


def _comes_back(ended: Task, again: bool) -> bool:
    """Whether an ended task is scheduled anew although its file is unchanged: it is back, or somebody asks for it."""
    return ended.get("cancel_reason") == FILE_REMOVED or (again and ended["status"] == task.CANCELLED)


def _read_anew(file: TaskFile, live: Task | None, config: Config, now: datetime) -> Step:
    """What a new or changed file makes of its task. Raises BadFile."""
    if live is None:
        return Step(NEW, file.task_id, "", file, fromfile.new(file, config, now))
    if live["status"] == task.EXECUTING:
        fromfile.check(file, config, now)
        return _noted(Step(CHANGED, file.task_id, "", file), live)
    return Step(CHANGED, file.task_id, "", file, fromfile.changed(live, file, config, now), live)


def other_owner(path: Path, record: Task) -> str | None:
    """Who owns a waiting task, if not this file; a task whose file was renamed or is gone belongs to this file."""
    file = source(record).get("file")
    if file is None:
        return "a task that was not made from a file" if _is_live(record) else None
    is_ours = os.path.dirname(file) == str(path.parent) or not os.path.exists(file)
    return None if is_ours or not _is_live(record) else str(file)


def _is_unchanged(path: Path, raw: bytes, known: Task) -> bool:
    made_from = source(known)
    workflow = made_from.get("workflow")
    if made_from.get("file") != str(path) or not (workflow is None or isinstance(workflow, str)):
        return False
    return str(made_from.get("digest")) == read.fingerprint_of(path, raw, workflow)


def _same(live: Task) -> Step:
    """The step for an unchanged file; a task that its file disables and somebody resumed is paused again."""
    what = versions.lacking(live)
    if what:
        return Step(SAME, live["id"], versions.complaint(what))
    task_id, status, is_disabled = live["id"], live["status"], fromfile.is_disabled(live)
    if status == task.PAUSED or not (is_disabled or fromfile.is_to_end(live)):
        return Step(SAME, task_id, (_DISABLED if is_disabled else "paused") if status == task.PAUSED else "")
    return _noted(Step(CHANGED, task_id), live)


def _noted(step: Step, record: Task) -> Step:
    """The step with a note on when, or how, it takes effect for ``record``."""
    ending = _ending(step, record)
    if record["status"] == task.EXECUTING:
        return step._replace(note=LATER if ending else NEXT_SYNC if step.file else _STAYS)
    return step._replace(note=_DISABLED if ending == FILE_DISABLED and step.file is None else "")


def _ending(step: Step, record: Task) -> str | None:
    """Why a task is to be cancelled or paused, or None. A step without a file is for an unchanged one."""
    if step.mark == REMOVED:
        return FILE_REMOVED
    is_disabled = fromfile.is_disabled(record) if step.file is None else not step.file.enabled
    return FILE_DISABLED if is_disabled else None


def apply(
    wanted: SyncPlan, store: Store, audit: AuditLog, config: Config, now: datetime
) -> tuple[list[Step], list[str]]:
    """Do what the plan says; the steps as they came out, and what could not be done after all.

    All new tasks are one write to the store, and all changes are another.
    """
    problems = _add([step for step in wanted.steps if step.mark == NEW], store, audit, config, now)
    changing = {step.task_id: step for step in wanted.steps if step.mark in (CHANGED, REMOVED)}
    changes_made = _Changes(changing, config, now)
    results = store.update_each(changing, now, changes_made.change) if changing else {}
    problems += changes_made.problems + [str(one) for one in results.values() if isinstance(one, NotStorable)]
    done = {task_id: one for task_id, one in results.items() if isinstance(one, dict)}
    audit.tell(
        *(
            _logged(step, done[task_id], now)
            for task_id, step in changing.items()
            if task_id in done and done[task_id] is not changes_made.before[task_id]
        )
    )
    # A task that has left the store has ended and was filed since: its step stays as it was.
    failed = changes_made.failed | (results.keys() - done.keys())
    came_out = {task_id: _noted(changing[task_id]._replace(record=one), one) for task_id, one in done.items()}
    return [came_out.get(step.task_id, step) for step in wanted.steps if step.task_id not in failed], problems


class _Changes:
    """What the steps of a sync make of the records, each as it is under the store's lock."""

    def __init__(self, steps: dict[str, Step], config: Config, now: datetime) -> None:
        self._steps, self._config, self._now = steps, config, now
        self.before: dict[str, Task] = {}
        self.failed: set[str] = set()
        self.problems: list[str] = []

    def change(self, current: Task) -> Task:
        """The changed record; the same one, with a note, if it cannot be changed."""
        self.before[current["id"]] = current
        try:
            return _as_wanted(self._steps[current["id"]], current, self._config, self._now)
        except BadFile as error:
            self._note(current, [*error.lines])
        except NeedsNewer as error:
            self._note(current, [str(error)])
        except Refused:  # it has ended, or somebody has done it
            pass
        return current

    def _note(self, current: Task, lines: list[str]) -> None:
        self.failed.add(current["id"])
        self.problems += lines


def _add(new: list[Step], store: Store, audit: AuditLog, config: Config, now: datetime) -> list[str]:
    """Store new tasks in one write. What another command stored under an id meanwhile stays."""
    wanted = {step.task_id: step.record for step in new if step.record is not None}
    if not wanted:
        return []
    stored: dict[str, Task | NotStorable] = _by_id(store.append([*wanted.values()], now, "skip", config.bounds))
    ended = {task_id for task_id, there in stored.items() if isinstance(there, dict) and not _is_live(there)}
    if ended:
        replaced = store.update_each(ended, now, lambda current: _replaced(current, wanted[current["id"]], now))
        filed_since = [wanted[task_id] for task_id in ended - replaced.keys()]
        stored |= {**replaced, **_by_id(store.append(filed_since, now, if_exists="skip"))}
    problems, told = [], []
    for task_id, record in wanted.items():
        there = stored[task_id]
        if isinstance(there, NotStorable):
            problems.append(str(there))
        elif source(there) == source(record):
            told.append(events.scheduled(record, now))
        else:
            problems.append(located(Path(source(record)["file"] or ""), "its id was taken meanwhile (sync again)"))
    audit.tell(*told)
    return problems


def _by_id(records: list[Task]) -> dict[str, Task | NotStorable]:
    return {one["id"]: one for one in records}


def _replaced(current: Task, new: Task, now: datetime) -> Task:
    return current if _is_live(current) else task.replace(current, new, now)


def _as_wanted(step: Step, current: Task, config: Config, now: datetime) -> Task:
    """What a step makes of a task as it is by now. Raises BadFile, NeedsNewer."""
    if not _is_live(current) or not source(current):
        return current
    if step.record is not None and current == step.before:
        # Unchanged since the plan: it need not be planned again while everybody waits for the lock.
        return step.record
    versions.must_know(current)
    ending = _ending(step, current)
    if current["status"] == task.EXECUTING:
        return fromfile.after_attempt(current, ending)
    if ending == FILE_REMOVED:
        return task.cancel(current, now, FILE_REMOVED)
    if step.file is None:
        return changes.pause(current, now) if ending and current["status"] != task.PAUSED else current
    if (source(current)["file"], source(current).get("digest")) == (str(step.file.path), step.file.digest):
        return current
    return fromfile.changed(current, step.file, config, now)


def _logged(step: Step, result: Task, now: datetime) -> Event:
    """The event of a task that a sync has changed."""
    reason = FILE_REMOVED if step.mark == REMOVED else None
    return events.synced(result, reason, source(result).get("file"), now)
