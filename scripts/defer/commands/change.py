"""The faces of `cancel`, `edit`, `reschedule`, `snooze`, `pause`, `resume` and `run`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from defer import exits, instants, say
from defer.client import Client
from defer.errors import EXIT_OK
from defer.record import task, versions
from defer.record.codec import Task

from . import glance, ids, output

if TYPE_CHECKING:
    from argparse import Namespace

    from defer.scheduling.edit import Given

Connect: TypeAlias = Callable[[], Client]

_NOT_FIELDS = {
    *("id", "compact", "json", "every", "cron", "prompt_file"),
    *("summary", "key_point", "artifact", "constraint", "context_json", "reorient", "project", "context_file"),
}


def _print(
    client: Client, args: Namespace, changed: Task, said: str, now: datetime, notes: tuple[str, ...] = ()
) -> int:
    """Print the changed record, or to a person one sentence as of ``now``, the moment of the change.

    ``notes`` are of the time that was read.
    """
    if output.is_for_people(args):
        # A newer version's zone may be of any type.
        zone = client.config.timezone(None if versions.lacking(changed) else changed.get("tz"))
        when = say.moment(instants.from_text(changed["run_at"]), zone, now)
        said = (
            said.replace("runs {when}", "would run {when}, but is paused") if changed["status"] == task.PAUSED else said
        )
        output.say(f"{changed['id']}: {said.replace('{when}', when)}", *output.notes(notes))
    else:
        output.warn_of(notes)
        output.print_object(task.shown(changed), args.compact)
    return EXIT_OK


def _the_id(client: Client, args: Namespace, name: str) -> str:
    return ids.meant(client, glance.the_id(args, name))


def cancel(connect: Connect, argv: list[str]) -> int:
    """Cancel a task, or one occurrence of it."""
    args = glance.cancel(argv)
    task_id = glance.the_id(args, "cancel")
    client = connect()
    task_id = ids.meant(client, task_id)
    now = client.clock()
    changed = client.cancel(task_id, args.reason or None, kill=args.kill, occurrence_only=args.occurrence)
    goes_on = args.occurrence and changed["status"] not in task.ENDED
    return _print(
        client, args, changed, "this occurrence is cancelled; runs {when}" if goes_on else changed["status"], now
    )


def edit(connect: Connect, argv: list[str]) -> int:
    """Change the fields that are given."""
    from . import flags, schedule

    args = flags.edit().parse(argv)
    given = _given(args)
    client = connect()
    context, reorient = schedule.changed_context(args, client.config)
    editor = client.editor
    with schedule.as_said(args):
        changed = editor.edit(ids.meant(client, args.id), given, context, reorient)
    _tell_of_file(changed, "the next change of")
    if args.executor is not None or "permissions" in given:
        from defer.scheduling import advice

        for warning in advice.doubts(changed, client.config):
            exits.warn(warning)
    return _print(client, args, changed, "changed; runs {when}", editor.now, editor.notes)


def _given(args: Namespace) -> Given:
    """What the flags say, by their names; None for what they remove."""
    from . import flags, schedule

    said = {**vars(args), "when": schedule.when_given(args), "prompt_template": schedule.prompt_text(args)}
    given: Any = {
        name: None if name in flags.REMOVABLE and value in (flags.NONE, [flags.NONE]) else value
        for name, value in said.items()
        if value is not None and name not in _NOT_FIELDS
    }
    if given.pop("allow", None) or given.get("permissions"):
        given["permissions"] = schedule.permissions_asked(args)
    found: Given = given
    return found


def reschedule(connect: Connect, argv: list[str]) -> int:
    """Move a task to another time."""
    return _move("reschedule", connect, argv)


def snooze(connect: Connect, argv: list[str]) -> int:
    """The same, under the name people look for."""
    return _move("snooze", connect, argv)


def _move(name: str, connect: Connect, argv: list[str]) -> int:
    from . import flags

    args = flags.reschedule(name).parse(argv)
    client = connect()
    editor = client.editor
    changed = editor.reschedule(ids.meant(client, args.id), " ".join(args.words), args.tz)
    _tell_of_file(changed, "another schedule in" if changed.get("recurrence") else "the next change of")
    return _print(client, args, changed, "runs {when}", editor.now, editor.notes)


def _tell_of_file(changed: Task, what: str) -> None:
    """Warn that a task was made from a file, and ``what`` in there undoes what was done here."""
    if changed.get("source"):
        from defer.scheduling.fromfile import source

        if file := source(changed).get("file"):
            exits.warn(f"{changed['id']} comes from {file}: {what} that file undoes this")


def pause(connect: Connect, argv: list[str]) -> int:
    """Keep a task from running."""
    args = glance.by_id("pause", "Keep a task from running until it is resumed.", argv)
    client = connect()
    editor = client.editor
    return _print(client, args, editor.pause(_the_id(client, args, "pause")), "paused", editor.now)


def resume(connect: Connect, argv: list[str]) -> int:
    """Let a paused task run again."""
    args = glance.by_id("resume", "Let a paused task run again.", argv)
    client = connect()
    editor = client.editor
    return _print(client, args, editor.resume(_the_id(client, args, "resume")), "runs {when}", editor.now)


def release(connect: Connect, argv: list[str]) -> int:
    """Settle an attempt whose holder nobody can reach."""
    args = glance.by_id("release", "Give up an attempt whose machine or container is gone; says who held it.", argv)
    client = connect()
    now = client.clock()
    settled, held_by = client.release(_the_id(client, args, "release"))
    goes_on = "runs {when}" if settled["status"] == task.SCHEDULED else settled["status"]
    return _print(client, args, settled, f"was held by {held_by}; {goes_on}", now)


def run(connect: Connect, argv: list[str]) -> int:
    """Do once, beside its schedule, what a task does."""
    args = glance.run(argv)
    client = connect()
    editor = client.editor
    wanted = _the_id(client, args, "run")
    copy = editor.run_now(wanted, args.timeout)
    if args.wait:
        from . import wait

        return wait.run(client, copy, args)
    copied = copy.get("copy_of") or wanted
    original = client.store.find(copied) or copy
    waits = original["status"] == task.EXECUTING and not copy.get("concurrent")
    when = "when its attempt has ended" if waits else "at the next wake"
    said = f"does once what {copied} does, {when}{', if its condition holds' if copy.get('condition') else ''}"
    return _print(client, args, copy, said, editor.now)
