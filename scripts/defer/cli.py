"""The faces of the command line: parse, call one use case, print.

``main(face, argv)``: ``front`` is `schedule-task.sh`, ``wake`` `run-deferred.sh`, ``attempt``
`execute-task.sh`, ``archive`` `archive-deferred.sh`. Errors leave as one line and an exit code.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import Any

from . import arguments, config, instants, render
from .audit import AuditLog
from .codec import Task
from .config import Config
from .errors import EXIT_IO, EXIT_OK, BadInput, DeferError
from .store import JsonlStore

_RUNNER = config.ROOT / "scripts" / "run-deferred.sh"
_TABLE_ROWS = 50
_UPCOMING_LIMIT = 10_000
_EXIT_INTERRUPTED = 130


class Context:
    """What every command needs: the configuration, the store, the audit log, the present."""

    def __init__(self, settings: Config) -> None:
        self.config = settings
        self.audit = AuditLog(settings.log_file)
        self.now = instants.now()
        self.store = JsonlStore(
            settings.tasks_file,
            settings.archive_dir,
            settings.runs_dir,
            settings.lock_timeout_seconds,
            self._report,
        )

    def _report(self, action: str, **facts: object) -> None:
        self.audit.note(instants.now(), action, None, **facts)
        render.warn(action.replace("_", " ") + ": " + ", ".join(f"{name} {value}" for name, value in facts.items()))


def main(face: str, argv: list[str]) -> int:
    """Run one face; the process's exit status."""
    try:
        status = _FACES[face](argv)
        sys.stdout.flush()
    except DeferError as error:
        render.warn(str(error))
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output has had enough; Python must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except OSError as error:
        render.warn(f"{error.strerror or error}: {error.filename or 'standard output'} (see the system's message)")
        return EXIT_IO
    return status


def _front(argv: list[str]) -> int:
    first = argv[0] if argv else "--help"
    if first in _COMMANDS:
        return _COMMANDS[first](argv[1:])
    from . import scheduling

    return scheduling.schedule(Context, argv or ["--help"])


def _schedule(argv: list[str]) -> int:
    from . import scheduling

    return scheduling.schedule(Context, argv)


def _list(argv: list[str]) -> int:
    args = arguments.listing().parse(argv)
    context = Context(config.load())
    if args.upcoming is not None:
        return _list_upcoming(context, args)
    wanted = set(args.status or ("scheduled", "executing", "paused"))
    tasks = (one for one in context.store.scan() if args.all or one["status"] in wanted)
    for_people = render.is_for_people(args)
    if not for_people and args.limit is None:
        render.json_array(tasks, args.compact, sys.stdout)
        return EXIT_OK
    first, more = _first_to_run(list(tasks), _TABLE_ROWS if args.limit is None else args.limit)
    if for_people:
        render.table(first, more, context.config.timezone(), context.now, sys.stdout)
    else:
        render.json_array(first, args.compact, sys.stdout)
    return EXIT_OK


def _list_upcoming(context: Context, args: Namespace) -> int:
    from . import editing, timeparse

    end = context.now + timeparse.parse_duration(args.upcoming)
    limit = _UPCOMING_LIMIT if args.limit is None else args.limit
    fires = editing.upcoming(context.store, context.now, end, limit)
    if render.is_for_people(args):
        render.fires(fires, context.config.timezone(), context.now, sys.stdout)
    else:
        render.json_array(fires, args.compact, sys.stdout)
    return EXIT_OK


def _first_to_run(tasks: list[Task], limit: int) -> tuple[list[Task], int]:
    ordered = sorted(tasks, key=lambda one: (instants.from_text(one["run_at"]), one["id"]))
    return ordered[:limit], max(0, len(ordered) - limit)


def _show(argv: list[str]) -> int:
    from . import scheduler

    args = arguments.by_id("show", "Show one task, from the store or else from the archive.").parse(argv)
    context = Context(config.load())
    found = scheduler.look_up(context.store, context.config.archive_dir, args.id)
    if render.is_for_people(args):
        render.details(found, context.config.timezone(), context.now, sys.stdout)
    else:
        print(render.to_json(found, args.compact))
    return EXIT_OK


def _cancel(argv: list[str]) -> int:
    from . import scheduler

    args = arguments.cancel().parse(argv)
    given = [one for one in (args.id_word, args.id) if one is not None]
    if len(given) != 1:
        raise BadInput("cancel takes one id: defer cancel ID (see defer list)")
    context = Context(config.load())
    store, audit = context.store, context.audit
    if args.occurrence:
        from . import editing

        editor = editing.Editor(store, audit, context.config, context.now)
        cancelled = editor.cancel_occurrence(given[0], args.reason)
    elif args.kill:
        cancelled = scheduler.cancel_and_kill(store, audit, given[0], args.reason, context.config, instants.now)
    else:
        cancelled = scheduler.cancel(store, audit, given[0], args.reason, context.now)
    if render.is_for_people(args):
        print(f"{render.plain(cancelled['id'])}: {cancelled['status']}")
    else:
        print(render.to_json(cancelled, args.compact))
    return EXIT_OK


def _change(name: str, argv: list[str]) -> int:
    from . import changing

    return changing.COMMANDS[name](Context, argv)


def _cron(argv: list[str]) -> int:
    from . import crontab

    args = arguments.cron().parse(argv)
    settings = config.load()
    result: dict[str, Any]
    if args.action == "install":
        target = settings.settings_file or config.user_settings_path(os.environ)
        result = crontab.install(_RUNNER, target, os.environ.get("PATH", os.defpath))
    elif args.action == "uninstall":
        result = crontab.uninstall(_RUNNER)
    else:
        result = crontab.status(_RUNNER, settings.tasks_file, instants.now(), settings_file=settings.settings_file)
    if render.is_for_people(args):
        print(*crontab.describe(result), sep="\n")
    else:
        print(render.to_json(result, args.compact))
    return EXIT_OK


def _wake(argv: list[str]) -> int:
    from . import waking

    return waking.wake(Context, argv)


def _attempt(argv: list[str]) -> int:
    from . import waking

    return waking.attempt(argv, sys.stdin.buffer)


def _archive(argv: list[str]) -> int:
    args = arguments.archive().parse(argv)
    context = Context(config.load())
    filed = context.store.archive(context.now)
    for one in filed:
        context.audit.note(context.now, "archived", one["id"], status=one["status"])
    if args.json:
        print(render.to_json({"archived": [one["id"] for one in filed]}, compact=True))
    return EXIT_OK


_COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "schedule": _schedule,
    "list": _list,
    "show": _show,
    "cancel": _cancel,
    **{name: partial(_change, name) for name in ("edit", "reschedule", "snooze", "pause", "resume", "run")},
    "cron": _cron,
}
_FACES: dict[str, Callable[[list[str]], int]] = {
    "front": _front,
    "wake": _wake,
    "attempt": _attempt,
    "archive": _archive,
}
