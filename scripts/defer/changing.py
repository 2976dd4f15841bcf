"""The faces of `cancel`, `edit`, `reschedule`, `snooze`, `pause`, `resume` and `run`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any, TypeAlias

from . import arguments, instants, render, scheduling, words
from .client import Client
from .codec import Task
from .errors import EXIT_OK

Connect: TypeAlias = Callable[[], Client]

_NOT_FIELDS = ("id", "compact", "json", "every", "cron", "prompt_file")


def _print(client: Client, args: Namespace, changed: Task, said: str) -> int:
    """Print the changed record, or to a person one sentence."""
    if render.is_for_people(args):
        zone = client.config.timezone(changed.get("tz"))
        when = words.moment(instants.from_text(changed["run_at"]), zone, client.clock())
        print(f"{render.plain(changed['id'])}: {said.format(when=when)}")
    else:
        print(render.to_json(changed, args.compact))
    return EXIT_OK


def cancel(connect: Connect, argv: list[str]) -> int:
    """Cancel a task, or one occurrence of it."""
    args = arguments.cancel().parse(argv)
    task_id = arguments.the_id(args, "cancel")
    client = connect()
    if args.occurrence:
        changed = client.editor.cancel_occurrence(task_id, args.reason)
        return _print(client, args, changed, "this occurrence is cancelled; runs {when}")
    cancelled = client.cancel(task_id, args.reason, kill=args.kill)
    return _print(client, args, cancelled, cancelled["status"])


def edit(connect: Connect, argv: list[str]) -> int:
    """Change the fields that are given."""
    args = arguments.edit().parse(argv)
    args.when = scheduling.recurring_words(args) or args.when
    args.prompt_template = scheduling.prompt_text(args)
    given: dict[str, Any] = {
        name: value for name, value in vars(args).items() if value is not None and name not in _NOT_FIELDS
    }
    client = connect()
    return _print(client, args, client.editor.edit(args.id, given), "changed; runs {when}")


def reschedule(connect: Connect, argv: list[str]) -> int:
    """Move a task to another time."""
    return _move("reschedule", connect, argv)


def snooze(connect: Connect, argv: list[str]) -> int:
    """The same, under the name people look for."""
    return _move("snooze", connect, argv)


def _move(name: str, connect: Connect, argv: list[str]) -> int:
    args = arguments.reschedule(name).parse(argv)
    client = connect()
    return _print(client, args, client.editor.reschedule(args.id, " ".join(args.words), args.tz), "runs {when}")


def pause(connect: Connect, argv: list[str]) -> int:
    """Keep a task from running."""
    args = arguments.by_id("pause", "Keep a task from running until it is resumed.").parse(argv)
    client = connect()
    return _print(client, args, client.editor.pause(arguments.the_id(args, "pause")), "paused")


def resume(connect: Connect, argv: list[str]) -> int:
    """Let a paused task run again."""
    args = arguments.by_id("resume", "Let a paused task run again.").parse(argv)
    client = connect()
    return _print(client, args, client.editor.resume(arguments.the_id(args, "resume")), "runs {when}")


def run(connect: Connect, argv: list[str]) -> int:
    """Do once, beside its schedule, what a task does."""
    args = arguments.by_id("run", "Do once, at the next wake, what a task does; its schedule stays.").parse(argv)
    client = connect()
    return _print(client, args, client.editor.run_now(arguments.the_id(args, "pause")), "made for it; runs {when}")
