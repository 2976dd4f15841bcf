"""The faces of `edit`, `reschedule`, `snooze`, `pause`, `resume` and `run`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from . import arguments, config, instants, render, scheduling, words
from .codec import Task
from .editing import Editor
from .errors import EXIT_OK

if TYPE_CHECKING:
    from .cli import Context

_NOT_FIELDS = ("id", "compact", "json", "every", "cron", "prompt_file")


def _done(context: Context, args: Namespace, changed: Task, said: str) -> int:
    """Print the changed record, or to a person one sentence."""
    if render.is_for_people(args):
        zone = context.config.timezone(changed.get("tz"))
        when = words.moment(instants.from_text(changed["run_at"]), zone, context.now)
        print(f"{render.plain(changed['id'])}: {said.format(when=when)}")
    else:
        print(render.to_json(changed, args.compact))
    return EXIT_OK


def _opened(make_context: type[Context]) -> tuple[Context, Editor]:
    context = make_context(config.load())
    return context, Editor(context.store, context.audit, context.config, context.now)


def _edit(make_context: type[Context], argv: list[str]) -> int:
    args = arguments.edit().parse(argv)
    args.when = scheduling.recurring_words(args) or args.when
    args.prompt_template = scheduling.prompt_text(args)
    given: dict[str, Any] = {
        name: value for name, value in vars(args).items() if value is not None and name not in _NOT_FIELDS
    }
    context, editor = _opened(make_context)
    return _done(context, args, editor.edit(args.id, given), "changed; runs {when}")


def _reschedule(name: str, make_context: type[Context], argv: list[str]) -> int:
    args = arguments.reschedule(name).parse(argv)
    context, editor = _opened(make_context)
    return _done(context, args, editor.reschedule(args.id, " ".join(args.words), args.tz), "runs {when}")


def _by_id(name: str, description: str, said: str, make_context: type[Context], argv: list[str]) -> int:
    args = arguments.by_id(name, description).parse(argv)
    context, editor = _opened(make_context)
    do: dict[str, Callable[[str], Task]] = {"pause": editor.pause, "resume": editor.resume, "run": editor.run_now}
    return _done(context, args, do[name](args.id), said)


COMMANDS: dict[str, Callable[[type[Context], list[str]], int]] = {
    "edit": _edit,
    "reschedule": partial(_reschedule, "reschedule"),
    "snooze": partial(_reschedule, "snooze"),
    "pause": partial(_by_id, "pause", "Keep a task from running until it is resumed.", "paused"),
    "resume": partial(_by_id, "resume", "Let a paused task run again.", "runs {when}"),
    "run": partial(
        _by_id, "run", "Do once, at the next wake, what a task does; its schedule stays.", "a copy of it runs {when}"
    ),
}
"""The subcommands by name; each takes the maker of its context and its arguments."""
