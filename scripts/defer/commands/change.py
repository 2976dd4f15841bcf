"""The faces of the commands that change a task: `cancel`, `edit`, `pause` and the like."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from defer import exits, instants, say, visible
from defer.client import Client
from defer.errors import EXIT_OK, BadInput, Refused
from defer.record import changes, task, versions
from defer.record.codec import Task

from . import each, glance, ids, output

if TYPE_CHECKING:
    from argparse import Namespace

    from defer.scheduling.retime import Given

Connect: TypeAlias = Callable[[], Client]

_LONGEST = 40
_NOT_FIELDS = {
    *("id", "compact", "json", "table", "every", "cron", "prompt_file"),
    *("summary", "key_point", "artifact", "constraint", "context_json", "reorient", "project", "context_file"),
}


def _print(
    client: Client, args: Namespace, changed: Task, said: str, now: datetime, notes: tuple[str, ...] = ()
) -> int:
    """Print the changed record, or to a person one sentence as of ``now``, the moment of the change.

    ``notes`` are of the time that was read.
    """
    if output.is_for_people(args):
        output.say(_sentence(client, changed, said, now), *output.notes(notes))
    else:
        output.warn_of(notes)
        output.print_object(task.shown(changed), args.compact)
    return EXIT_OK


def _sentence(client: Client, changed: Task, said: str, now: datetime) -> str:
    """What became of a task, for a person; ``{when}`` is when it runs. A made-up id says little: its summary does."""
    if changed["status"] == task.PAUSED:
        said = said.replace("runs {when}", "would run {when}, but is paused")
    if "{when}" in said:
        # A newer version's zone may be of any type.
        zone = client.config.timezone(None if versions.lacking(changed) else changed.get("tz"))
        said = said.replace("{when}", say.moment(instants.from_text(changed["run_at"]), zone, now))
    about = f" ({visible.sentence(output.summary_of(changed), _LONGEST)})" if ids.is_made_up(changed["id"]) else ""
    name = ids.shown([changed["id"]], sys.stdout)[changed["id"]]
    return f"{name}{about}: {said}"


def _print_each(
    client: Client,
    args: Namespace,
    wanted: each.Chosen,
    came_to: tuple[dict[str, Task], dict[str, Refused]],
    said: Callable[[Task], str],
    now: datetime,
) -> int:
    """The same of several: an array, or a sentence for each."""
    changed, refused = came_to
    shown = map(task.shown, changed.values())
    return each.answer(
        args, wanted, refused, shown, lambda: (_sentence(client, one, said(one), now) for one in changed.values())
    )


def cancel(connect: Connect, argv: list[str]) -> int:
    """Cancel tasks, or one occurrence of each."""
    args = glance.by_id("cancel", argv)
    client = connect()
    statuses = (task.SCHEDULED, task.PAUSED, *([task.EXECUTING] if args.kill else []))
    wanted = each.chosen(client, args, "cancel", lambda one: one["status"] in statuses)
    now, reason = client.clock(), args.reason or None
    if args.kill or args.occurrence or wanted.is_one:
        cancel_one = partial(client.cancel, reason=reason, kill=args.kill, occurrence_only=args.occurrence)
        came_to = each.attempted(wanted, cancel_one)
    else:
        came_to = client.cancel_each(wanted.ids, reason)

    def said(one: Task) -> str:
        goes_on = args.occurrence and one["status"] not in task.ENDED
        return "this occurrence is cancelled; runs {when}" if goes_on else str(one["status"])

    return _print_each(client, args, wanted, came_to, said, now)


def edit(connect: Connect, argv: list[str]) -> int:
    """Change the fields that are given."""
    from . import flags, schedule

    args = flags.edit().parse(argv)
    given = _given(args)
    if given.get("command") is not None:
        # As with a new one, it runs in the directory it is said in.
        given["cwd"] = schedule.said_in()
    client = connect()
    context, reorient = schedule.changed_context(_emptied(args), client.config)
    editor = client.editor
    with schedule.as_said(args):
        changed = editor.edit(ids.meant(client, args.id), given, context, reorient)
    _tell_of_file(changed, "the next change of")
    if args.executor is not None or "permissions" in given:
        from defer.scheduling import advice

        for warning in advice.doubts(changed, client.config):
            exits.warn(warning)
    return _print(client, args, changed, "changed; runs {when}", editor.now, editor.notes)


def _emptied(args: Namespace) -> Namespace:
    """The flags with an empty list for one of which all is to be removed."""
    from argparse import Namespace

    from . import flags

    lists = {name: vars(args)[name] for name in flags.OF_CONTEXT}
    return Namespace(**{**vars(args), **{name: [] for name, found in lists.items() if found == [flags.NONE]}})


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
    move = editor.snooze if name == "snooze" else editor.reschedule
    changed = move(ids.meant(client, args.id), " ".join(args.words), args.tz)
    _tell_of_file(changed, "another schedule in" if changed.get("recurrence") else "the next change of")
    return _print(client, args, changed, "runs {when}", editor.now, editor.notes)


def _tell_of_file(changed: Task, what: str) -> None:
    """Warn that a task was made from a file, and ``what`` in there undoes what was done here."""
    if changed.get("source"):
        from defer.scheduling.fromfile import source

        if file := source(changed).get("file"):
            is_there = os.path.exists(file)
            undoes = f"{what} that file undoes this" if is_there else "it is gone, so that a sync undoes this"
            exits.warn(f"{changed['id']} comes from {file}: {undoes}")


def pause(connect: Connect, argv: list[str]) -> int:
    """Keep tasks from running."""
    args = glance.by_id("pause", argv)
    client = connect()

    def may(one: Task) -> bool:
        # The end of the holidays can be moved.
        is_back_later = args.until is not None and one["status"] == task.PAUSED and bool(one.get("paused_until"))
        return one["status"] == task.SCHEDULED or is_back_later or changes.goes_on(one)

    wanted = each.chosen(client, args, "pause", may)
    editor = client.editor
    until = None if args.until is None else editor.until(args.until)
    zone, now = client.config.timezone(), editor.now
    how = "paused" if until is None else f"paused until {say.moment(until, zone, now)}"

    def said(one: Task) -> str:
        return how if one["status"] == task.PAUSED else f"is executing, and {how} once its attempt has ended"

    return _print_each(client, args, wanted, editor.pause_each(wanted.ids, until), said, now)


def resume(connect: Connect, argv: list[str]) -> int:
    """Let paused tasks run again."""
    args = glance.by_id("resume", argv)
    client = connect()

    def may(one: Task) -> bool:
        is_waiting = one["status"] == task.PAUSED and not changes.is_disabled(one)
        return is_waiting or changes.is_to_be_paused(one)

    wanted = each.chosen(client, args, "resume", may)
    editor = client.editor

    def said(one: Task) -> str:
        return "goes on after its attempt" if one["status"] == task.EXECUTING else "runs {when}"

    return _print_each(client, args, wanted, editor.resume_each(wanted.ids), said, editor.now)


def uncancel(connect: Connect, argv: list[str]) -> int:
    """Bring cancelled tasks back."""
    args = glance.by_id("uncancel", argv)
    client = connect()
    wanted = each.chosen(client, args, "uncancel")
    editor = client.editor
    came_to = each.attempted(wanted, editor.uncancel)
    for one in came_to[0].values():
        _tell_of_file(one, "the next change of")

    def said(one: Task) -> str:
        return "runs {when}" if instants.from_text(one["run_at"]) > editor.now else "its time has passed; runs at once"

    return _print_each(client, args, wanted, came_to, said, editor.now)


def release(connect: Connect, argv: list[str]) -> int:
    """Settle attempts whose holder nobody can reach."""
    args = glance.by_id("release", argv)
    client = connect()
    wanted = each.chosen(client, args, "release")
    now = client.clock()
    settled, refused = each.attempted(wanted, client.release)

    def said() -> Iterator[str]:
        for one, held_by in settled.values():
            goes_on = "runs {when}" if one["status"] == task.SCHEDULED else one["status"]
            yield _sentence(client, one, f"was held by {held_by}; {goes_on}", now)

    return each.answer(args, wanted, refused, (task.shown(one) for one, _ in settled.values()), said)


def run(connect: Connect, argv: list[str]) -> int:
    """Do once, beside its schedule, what a task does."""
    args = glance.by_id("run", argv)
    client = connect()
    wanted = each.chosen(client, args, "run")
    if args.wait and not wanted.is_one:
        raise BadInput("--wait takes one task: defer run ID --wait (run the others without it)", field="wait")
    editor = client.editor
    copies, refused = each.attempted(wanted, partial(editor.run_now, timeout=args.timeout))
    if args.wait and copies:
        from . import wait

        return wait.run(client, copies[wanted.ids[0]], args)

    def said() -> Iterator[str]:
        for name, copy in copies.items():
            copied = copy.get("copy_of") or name
            original = client.store.find(copied) or copy
            waits = original["status"] == task.EXECUTING and not copy.get("concurrent")
            when = "when its attempt has ended" if waits else "at the next wake"
            holds = ", if its condition holds" if copy.get("condition") else ""
            yield _sentence(client, copy, f"does once what {copied} does, {when}{holds}", editor.now)

    return each.answer(args, wanted, refused, map(task.shown, copies.values()), said)
