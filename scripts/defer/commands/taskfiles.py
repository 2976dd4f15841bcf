"""The faces of `sync`, `add`, `enable`, `disable`, `remove` and `import`: task files and their tasks."""

from __future__ import annotations

import os
import shlex
from argparse import Namespace
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from defer import exits, fsio, instants, say, visible
from defer.client import Client
from defer.errors import EXIT_BAD_INPUT, EXIT_OK, EXIT_REFUSED, BadInput, BeyondBound, Refused, StorageError, StoreBusy
from defer.record import lineage, task, versions
from defer.record.codec import Task
from defer.scheduling import advice, fromfile, inside
from defer.scheduling import sync as taskfiles
from defer.scheduling.names import checked_id
from defer.scheduling.sync import CHANGED, NEW, REMOVED, SAME, Step, SyncPlan
from defer.taskfiles import read, write
from defer.taskfiles.read import BadFile, Located

from . import fileflags, output
from .progress import Progress

if TYPE_CHECKING:
    from defer.record.types import TaskFields
    from defer.taskfiles.foreign import Job

Connect: TypeAlias = Callable[[], Client]

_ACTIONS = {NEW: "new", CHANGED: "changed", REMOVED: "removed", SAME: "same"}
_MOST_SAME = 50
_JOBS_LIMIT = 1 << 24


def sync(connect: Connect, argv: list[str]) -> int:
    """Make the schedule match a directory of task files."""
    args = fileflags.sync_parser().parse(argv)
    client = connect()
    directory = taskfiles.directory_of(_directory(args, client))
    return _finish(client, args, directory, _synced(client, args, directory))


def add(connect: Connect, argv: list[str]) -> int:
    """Write a task file and schedule its task."""
    args = fileflags.add_parser().parse(argv)
    client = connect()
    directory = _directory(args, client)
    path = _free_path(directory, args.id)
    content = write.new_yaml(_fields(args))
    fromfile.check(read.describe(path, content), client.config, client.clock())
    _refuse_taken(client.store.find(args.id), path)
    if not args.dry_run:
        _save_new(client, directory, {args.id: content})
    with _changed_already(None if args.dry_run else path):
        origin = inside.fields_of(client.store, client.config, lineage.FILE)
        plan = _synced(client, args, directory, {args.id}, contents={args.id: content}, origin=origin)
    return _finish(client, args, directory, plan)


def enable(connect: Connect, argv: list[str]) -> int:
    """Put a task back on the schedule."""
    return _set_enabled(connect, fileflags.by_id_parser("enable").parse(argv), True)


def disable(connect: Connect, argv: list[str]) -> int:
    """Take a task off the schedule and keep its file."""
    return _set_enabled(connect, fileflags.by_id_parser("disable").parse(argv), False)


def remove(connect: Connect, argv: list[str]) -> int:
    """Remove a task and its file."""
    args = fileflags.by_id_parser("remove").parse(argv)
    client = connect()
    directory = taskfiles.directory_of(_directory(args, client))
    path = _path_of(directory, args.id)
    record = client.store.find(args.id)
    waiting = record is not None and taskfiles.is_live_of(directory, record)
    if record is not None and waiting:
        versions.must_know(record)
    if path is None and not waiting:
        raise Refused(_no_file(directory, args.id))
    if args.dry_run:
        plan = SyncPlan([Step(REMOVED, args.id)], [], [])
    else:
        if path is not None:
            with _edit_lock(client, directory):
                write.delete(path)
        with _changed_already(path):
            plan = _synced(client, args, directory, {args.id})
    if not waiting:
        plan = plan._replace(steps=[Step(REMOVED, args.id, "its file; no task was waiting")])
    return _finish(client, args, directory, plan)


def import_jobs(connect: Connect, argv: list[str]) -> int:
    """Write task files for another tool's jobs, and schedule their tasks."""
    from defer.taskfiles import foreign

    args = fileflags.import_parser().parse(argv)
    client = connect()
    directory = _directory(args, client)
    source = Path(args.file)
    jobs = foreign.agentica(read.read(source, _JOBS_LIMIT), source, client.clock())
    written, left_out = _files_for(client, directory, jobs)
    plan = _imported(client, args, directory, written)
    if written and client.config.executor is None:
        plan.warnings.append("no executor is set, so the prompts are reminders (set DEFER_EXECUTOR)")
    status = _finish(client, args, directory, plan, left_out)
    return EXIT_REFUSED if status == EXIT_OK and len(written) < len(jobs) else status


def _files_for(client: Client, directory: Path, jobs: Sequence[Job]) -> tuple[dict[str, bytes], list[str]]:
    """The contents of the files for some jobs, by id, and as lines what is left out."""
    written: dict[str, bytes] = {}
    left_out: list[str] = []
    taken = _Taken(client, directory, {job.task_id for job in jobs})
    for job in jobs:
        try:
            if job.fields is not None:
                written[job.task_id] = _carried(client, taken, job.task_id, job.fields, written)
            stays = "not carried over: " if job.fields is None else ""
            left_out += [f"{job.task_id}: {stays}{note}" for note in job.notes]
        except BadFile as error:
            # Without the place: that file was not written.
            left_out.append(f"{job.task_id}: not carried over: {error.lines[0].said}")
        except (BadInput, Refused) as error:
            left_out.append(f"{job.task_id}: not carried over: {error}")
    return written, left_out


class _Taken:
    """Which of some ids already have a file or a task: looked up once for all of them."""

    def __init__(self, client: Client, directory: Path, ids: Collection[str]) -> None:
        self.directory = directory
        self.files = taskfiles.files(directory)
        self.records = {one["id"]: one for one in client.store.scan() if one["id"] in ids}


def _carried(client: Client, taken: _Taken, task_id: str, fields: dict[str, Any], before: Collection[str]) -> bytes:
    """The content of a job's file. Raises BadInput or Refused for a job that cannot have one here."""
    checked_id(task_id)
    path, content = taken.directory / f"{task_id}.yml", write.new_yaml(fields)
    if task_id in before:
        raise Refused("another job of this id came before (rename one)")
    there = _path_among(taken.files, task_id)
    if there is not None and read.read(there) != content:
        raise Refused(f"there is a file of its id already: {there} (defer remove {task_id})")
    _refuse_taken(taken.records.get(task_id), path)
    fromfile.new(read.describe(path, content), client.config, client.clock())
    return content


def _imported(client: Client, args: Namespace, directory: Path, written: dict[str, bytes]) -> SyncPlan:
    if written and not args.dry_run:
        _save_new(client, directory, written)
    origin = inside.fields_of(client.store, client.config, lineage.IMPORT)
    return _synced(client, args, directory, written.keys(), contents=written, origin=origin)


def _edit_lock(client: Client, directory: Path) -> AbstractContextManager[None]:
    """The lock under which files are looked at and written."""
    return fsio.edit_lock(directory, client.config.lock_timeout_seconds)


def _save_new(client: Client, directory: Path, contents: Mapping[str, bytes]) -> None:
    """Write files for tasks that had none. Raises Refused for a file that somebody has made meanwhile."""
    with _edit_lock(client, directory):
        files = taskfiles.files(directory)
        for task_id, content in contents.items():
            there = _path_among(files, task_id)
            if there is None:
                write.save(directory / f"{task_id}.yml", content)
            elif read.read(there) != content:
                raise Refused(f"there is a file already: {there} (edit it, or defer remove {task_id})")


def _directory(args: Namespace, client: Client) -> Path:
    return Path(os.path.realpath(args.dir or client.config.tasks_dir))


def _fields(args: Namespace) -> dict[str, Any]:
    """The fields of a new file, in the order that reads best."""
    flags = [name.replace("-", "_") for name in fileflags.TEXT_FLAGS]
    names = (*flags, "retries", "catch_up", "overlap", "sticky_session", "leave_running", "worktree")
    given = {name: found for name in (*names, "drift", "notify", "tags") if (found := getattr(args, name)) is not None}
    env = dict(_variable(one) for one in args.env or ())
    return {**given, **({"env": env} if env else {}), **({"enabled": False} if args.disabled else {})}


def _variable(written: str) -> tuple[str, str]:
    name, sign, text = written.partition("=")
    if not sign:
        raise BadInput(f"--env without a text: {name} (write --env '{name}=${{{name}}}')", field="env")
    return name, text


def _no_file(directory: Path, task_id: str) -> str:
    return f"no task file of {task_id} in {directory} (defer cancel {task_id} cancels a task without one)"


def _path_of(directory: Path, task_id: str) -> Path | None:
    """The file of an id, or None. Raises BadFile where there are two."""
    return _path_among(taskfiles.files(directory), task_id)


def _path_among(files: tuple[dict[str, Path], dict[str, Located]], task_id: str) -> Path | None:
    found, bad = files
    if task_id in bad:
        raise BadFile([bad[task_id]])
    return found.get(task_id)


def _free_path(directory: Path, task_id: str) -> Path:
    """The path for a new file. Raises BadInput or Refused."""
    checked_id(task_id)
    there = _path_of(directory, task_id)
    if there is not None:
        raise Refused(f"there is a file already: {there} (edit it, or defer remove {task_id})")
    return directory / f"{task_id}.yml"


def _refuse_taken(record: Task | None, path: Path) -> None:
    if record is not None:
        versions.must_know(record)
    owner = None if record is None else taskfiles.other_owner(path, record)
    if owner:
        raise Refused(f"id is taken: {path.stem} by {owner} (choose another, or defer cancel {path.stem})")


def _set_enabled(connect: Connect, args: Namespace, wanted: bool) -> int:
    client = connect()
    directory = taskfiles.directory_of(_directory(args, client))
    path = _path_of(directory, args.id)
    if path is None:
        raise Refused(_no_file(directory, args.id))
    record = client.store.find(args.id)
    if record is not None:
        # Check before the file says something that its task would not follow.
        versions.must_know(record)
    changes = write.would_change(path, wanted)
    content = write.with_enabled(path, read.read(path), wanted) if changes and args.dry_run else None
    if changes and content is None:
        with _edit_lock(client, Path(os.path.realpath(path)).parent):
            write.save(path, write.with_enabled(path, read.read(path), wanted))
    with _changed_already(path if changes and content is None else None):
        contents = None if content is None else {args.id: content}
        plan = _synced(client, args, directory, {args.id}, again=wanted, contents=contents)
    return _finish(client, args, directory, plan)


@contextmanager
def _changed_already(path: Path | None) -> Iterator[None]:
    """A file is changed before its task: if the store fails in between, the error says so."""
    try:
        yield
    except BeyondBound as error:
        raise error if path is None else Refused(f"{error}; its file is there already: {path}") from None
    except (StoreBusy, StorageError) as error:
        if path is None:
            raise
        raise type(error)(f"{error}; {path} is changed already (defer sync does the rest)") from error


def _synced(
    client: Client,
    args: Namespace,
    directory: Path,
    only: Collection[str] | None = None,
    *,
    again: bool = False,
    contents: Mapping[str, bytes] | None = None,
    origin: TaskFields | None = None,
) -> SyncPlan:
    """What a sync does, or with ``--dry-run`` would do once files with these ``contents`` are there.

    ``origin``: what the records of new tasks say of that. Raises BeyondBound.
    """
    now = client.clock()
    unwritten = contents if args.dry_run else None
    with Progress("reading task files") as progress:
        plan = taskfiles.plan(
            directory, client.store, client.config, now, only, again=again, contents=unwritten, counted=progress.over
        )
    if args.dry_run:
        return plan
    if origin is not None:
        plan = plan._replace(steps=[one._replace(record=_stamped(one, origin)) for one in plan.steps])
    with inside.telling(client.store, client.config, now):
        steps, problems = taskfiles.apply(plan, client.store, client.audit, client.config, now)
    late = [] if only is None else [_not_yet(step, args) for step in steps if step.note == taskfiles.NEXT_SYNC]
    return plan._replace(steps=steps, problems=plan.problems + problems, warnings=plan.warnings + late)


def _stamped(step: Step, origin: TaskFields) -> Task | None:
    return step.record if step.mark != NEW or step.record is None else lineage.stamped(step.record, origin)


def _not_yet(step: Step, args: Namespace) -> str:
    where = f" {shlex.quote(args.dir)}" if args.dir else ""
    return f"{step.task_id} is executing (when its attempt has ended, defer sync{where} takes over what its file says)"


def _finish(client: Client, args: Namespace, directory: Path, plan: SyncPlan, left_out: Collection[str] = ()) -> int:
    """Print what was done; 2 where a file could not be read, 1 where only a newer version may change a task."""
    for line in plan.warnings:
        exits.warn(line)
    if not args.dry_run and any(step.mark == NEW for step in plan.steps):
        for warning in [*advice.of_channels(client.config), *advice.warnings(client.store.markers, client.clock())]:
            exits.warn(warning)
    problems = [*plan.problems, *plan.refused]
    if args.json or args.compact:
        told = {
            "directory": str(directory),
            "dry_run": args.dry_run,
            "steps": [_told(client, step) for step in plan.steps],
        }
        output.print_object({**told, "problems": problems, "warnings": [], "left_out": [*left_out]}, args.compact)
    else:
        output.say(*_lines(client, plan.steps), *(f"! {line}" for line in left_out))
    exits.release_warnings()
    for line in problems:
        exits.tell(line)
    return EXIT_BAD_INPUT if plan.problems else EXIT_REFUSED if plan.refused else EXIT_OK


def _told(client: Client, step: Step) -> dict[str, Any]:
    told = {"action": _ACTIONS[step.mark], "id": step.task_id, "note": step.note or None, "urls": _urls(step)}
    told["appears"] = _appears(client, step)
    return {**told, "run_at": step.record["run_at"] if step.record and step.mark != REMOVED else None}


def _lines(client: Client, steps: list[Step]) -> list[str]:
    """One line a task, unless too many stay the same; the count of each kind at the end."""
    same = [step for step in steps if step.mark == SAME]
    shown = steps if len(same) <= _MOST_SAME else [step for step in steps if step.mark != SAME or step.note]
    counts = {mark: sum(step.mark == mark for step in steps) for mark in _ACTIONS}
    return [
        *(
            f"{step.mark} {step.task_id}{_detail(client, step)}{_said_of_places(client, step)}{_reaches(step)}"
            for step in shown
        ),
        ", ".join(f"{count} {_ACTIONS[mark]}" for mark, count in counts.items()),
    ]


def _urls(step: Step) -> list[str]:
    """The URLs in a file that is new or changed: somebody looks through it who did not write it."""
    if step.file is None or step.mark not in (NEW, CHANGED):
        return []
    from defer.settings import urls

    return urls.named_in(_texts(step.file.fields))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(one)


def _reaches(step: Step) -> str:
    found = _urls(step)
    return f", URLs: {' '.join(map(visible.line, found))}" if found else ""


def _appears(client: Client, step: Step) -> list[str] | None:
    """Where a new or changed task appears that has nothing to execute; None for any other."""
    is_to_come = step.mark in (NEW, CHANGED) and step.record and step.record["status"] == task.SCHEDULED
    return advice.appears(step.record, client.config) if is_to_come and step.record else None


def _said_of_places(client: Client, step: Step) -> str:
    found = _appears(client, step)
    if found is None:
        return ""
    from defer.notices import places

    return f", and appears {places.said(found)}" if found else ", and nobody is told of it (notify: never)"


def _detail(client: Client, step: Step) -> str:
    if step.note:
        return f" ({step.note})"
    if step.record is None or step.mark == REMOVED:
        return ""
    if step.record["status"] != task.SCHEDULED:
        return f" ({'disabled' if fromfile.is_disabled(step.record) else step.record['status']})"
    zone = client.config.timezone(step.record.get("tz"))
    return f": runs {say.moment(instants.from_text(step.record['run_at']), zone, client.clock())}"
