"""What keeps the tasks: lines, files, the file system under them, and who else holds what is in them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from defer import fsio
from defer.record import holders, task, versions
from defer.record.codec import Task
from defer.settings.config import Config

from . import mounts
from .files import nearest
from .finding import Finding, found
from .subject import Subject
from .uses import Users

if TYPE_CHECKING:
    from defer.store.interface import Condition

MOUNTINFO = Path("/proc/self/mountinfo")
_MOUNTINFO_BYTES = 1 << 22
_SWOLLEN_BYTES = 8 << 20
_SCARCE_BYTES, _SCARCE_FILES = 100 << 20, 1000
_LINES_NAMED = 5


def of_lines(condition: Condition, config: Config) -> Iterator[Finding]:
    """What is wrong within the store's file."""
    if condition.bad_count:
        numbers = ", ".join(str(number) for number, _ in condition.bad[:_LINES_NAMED])
        more = condition.bad_count - min(len(condition.bad), _LINES_NAMED)
        which = f"line{'s' if condition.bad_count > 1 else ''} {numbers}" + (f" and {more:,} more" if more else "")
        what = f"{which} of the store cannot be read as tasks: {condition.bad[0][1]}"
        fix = "correct them with an editor, or delete them while no wake runs"
        yield found("line-bad", what, config.tasks_file, fix)
    if condition.set_aside:
        rejected = config.tasks_file.with_name(f"{config.tasks_file.name}.rejected")
        count = condition.set_aside
        what = f"{count} torn line{'s' if count > 1 else ''} of the store {'were' if count > 1 else 'was'} set aside"
        yield found(
            "line-set-aside", what, rejected, "look through the file for tasks that are missing, then delete it"
        )
    if condition.size > _SWOLLEN_BYTES and condition.spent * 2 > condition.size:
        share = round(100 * condition.spent / condition.size)
        what = f"{share} % of the {condition.size >> 20} MiB of the store are records that have been replaced"
        yield found("store-swollen", what, config.tasks_file, "none is needed: a wake that files writes it anew")


def of_disk(config: Config) -> Iterator[Finding]:
    """The file systems under the directories that are written to."""
    known = _mounts()
    told: set[object] = set()
    for place in (config.tasks_file.parent, config.runtime_dir, config.archive_dir, config.log_dir):
        there = nearest(place)
        mount = mounts.of(os.path.realpath(there), known)
        key = mount or os.stat(there).st_dev
        if key not in told:
            told.add(key)
            yield from _of_mount(place, mount, is_store=place == config.tasks_file.parent)
            yield from _of_room(place, there)


def _mounts() -> list[mounts.Mount]:
    return mounts.parse((fsio.read_bounded(MOUNTINFO, _MOUNTINFO_BYTES) or b"").decode(errors="replace"))


def kind_of(place: Path) -> str | None:
    """The kind of file system that a directory is on, or will be; None where the system does not tell."""
    mount = mounts.of(os.path.realpath(nearest(place)), _mounts())
    return None if mount is None else mount.kind


def _of_mount(place: Path, mount: mounts.Mount | None, *, is_store: bool) -> Iterator[Finding]:
    if mount is not None and mount.kind in mounts.NETWORK:
        what = f"{place} is on a network file system ({mount.kind}, {mount.source} on {mount.point})"
        risk = "locks and times may not hold between hosts" if is_store else "what is written may come late or get lost"
        yield found("disk-remote", f"{what}: {risk}", place, "set DEFER_RUNTIME_DIR to a directory on a local disk")
    if mount is not None and mount.kind in mounts.PASSING:
        what = f"{place} is in memory ({mount.kind} on {mount.point}): a reboot deletes all tasks"
        yield found("disk-passing", what, place, "set DEFER_RUNTIME_DIR to a directory on a disk")


def _of_room(place: Path, there: Path) -> Iterator[Finding]:
    room = os.statvfs(there)
    free = room.f_bavail * room.f_frsize
    if room.f_blocks and free < _SCARCE_BYTES:
        what = f"{free >> 20} MiB are free on the disk that {place} is on"
        yield found("disk-full", what, place, "free some space (df -h)")
    # A file system that makes them as they are needed says 0.
    if room.f_files and room.f_favail < _SCARCE_FILES:
        what = f"{room.f_favail} more files can be made on the disk that {place} is on"
        yield found("disk-full", what, place, "delete files (df -i)")


def of_attempts(subject: Subject) -> Iterator[Finding]:
    """Attempts held from elsewhere, records that need a newer version, and a runner of version 1 at work."""
    newer = Users()
    for one in subject.store.scan():
        if versions.lacking(one):
            newer.add(one["id"])
        elif one["status"] == task.EXECUTING and _is_out_of_reach(subject, one):
            what = f"its attempt cannot be seen from here, and holds a slot: {holders.holder(one)}"
            fix = f"if that machine or container is gone: defer release {shlex.quote(one['id'])}"
            yield found("held-elsewhere", what, f"task {one['id']}", fix)
    if newer.count:
        what = (
            f"{newer.count} task{'s need' if newer.count > 1 else ' needs'} a newer version of Defer, and wait for it"
        )
        yield found("newer-needed", what, f"tasks {newer}", "upgrade this copy of Defer")
    other = subject.store.other_runner()
    if other is not None:
        what = f"wakes leave the store to a runner of version 1: {other}"
        yield found("v1-at-work", what, subject.config.v1_runner_lock, "end it, or remove the directory if it is gone")


def _is_out_of_reach(subject: Subject, one: Task) -> bool:
    try:
        return holders.is_out_of_reach(one, subject.now, subject.store.is_held)
    except Exception:
        # Somebody has written into the record by hand; the next wake judges it.
        return False
