"""The argument parser of every command and entry: for the tests, and for what is written out of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from defer.commands import completion, fileflags, flags, keepflags, lookflags, mcp
from defer.commands.parser import Parser

OF_FRONT: dict[str, Callable[[], Parser]] = {
    "schedule": flags.schedule,
    "edit": flags.edit,
    "list": flags.listing,
    "waker": flags.waker,
    "cron": flags.cron,
    "doctor": flags.doctor,
    **{name: partial(flags.reschedule, name) for name in ("reschedule", "snooze")},
    **{name: partial(flags.by_id, name) for name in ("cancel", "uncancel", "pause", "resume", "run", "release", "ack")},
    **{name: getattr(lookflags, name) for name in ("show", "history", "log", "health", "status", "inbox")},
    **{name: getattr(keepflags, name) for name in ("prune", "wait")},
    **{name: partial(fileflags.by_id_parser, name) for name in ("enable", "disable", "remove")},
    "add": fileflags.add_parser,
    "sync": fileflags.sync_parser,
    "import": fileflags.import_parser,
    "completion": completion.parser,
    "mcp": mcp.parser,
}
OF_ENTRIES: dict[str, Callable[[], Parser]] = {
    "run-deferred.sh": flags.wake,
    "execute-task.sh": flags.attempt,
    "archive-deferred.sh": flags.archive,
}
