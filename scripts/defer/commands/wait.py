"""The face of `wait`, and of `run --wait`."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from defer import exits, say
from defer.client import Client
from defer.errors import EXIT_OK, EXIT_REFUSED, NotYet
from defer.record import task
from defer.run.following import Following

from . import glance, ids, keepflags, output

if TYPE_CHECKING:
    from argparse import Namespace

    from defer.record.codec import Task
    from defer.run.atonce import AtOnce

_LOOK_EVERY_SECONDS = 0.2


def wait(connect: Callable[[], Client], argv: list[str]) -> int:
    """Wait for the end of the task's present occurrence. Raises NotYet after the time that was given."""
    args = keepflags.wait().parse(argv)
    name = glance.the_id(args, "wait")
    limit = _limit(args.timeout)
    client = connect()
    one = client.find(ids.meant(client, name))
    following = Following(client.store, client.config.tasks_file, one, client.clock())
    _wait_for(client, following, None if limit is None else time.monotonic() + limit)
    ended = following.ended or one
    if args.table or output.is_for_people(args):
        output.say(_sentence(ended))
    else:
        output.print_object(task.shown(ended), args.compact)
    return _status(ended)


def _limit(words: str | None) -> float | None:
    """The seconds to wait; None for as long as it takes. Raises BadInput."""
    if words is None:
        return None
    from defer.scheduling import plan

    return 0.0 if words.strip() == "0" else float(plan.span_seconds("timeout", words))


def _wait_for(client: Client, following: Following, end: float | None) -> None:
    following.look()
    while following.ended is None:
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            raise NotYet(f"{_what_it_does(client, following.one)} (defer wait {following.one['id']} goes on waiting)")
        time.sleep(_LOOK_EVERY_SECONDS if left is None else min(_LOOK_EVERY_SECONDS, left))
        following.look()


def _what_it_does(client: Client, one: Task) -> str:
    if one["status"] != task.SCHEDULED:
        return f"not ended yet: {one['id']} is {one['status']}"
    when = say.from_now(task.run_at(one), client.clock())
    return f"not ended yet: {one['id']} {'was due' if when.endswith('ago') else 'runs'} {when}"


def run(client: Client, copy: Task, args: Namespace) -> int:
    """Run a copy of a task now, and print what it prints; with a flag for JSON its record at the end instead."""
    from defer.run.atonce import AtOnce

    as_json = args.json or args.compact
    if not as_json:
        # What it waits for is to be read while it waits.
        exits.release_warnings()
    one = AtOnce(client.store, client.config, client.clock, copy, (lambda _: None) if as_json else exits.warn)
    # From here on Ctrl-C is answered: whoever presses it should know that the attempt goes on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _print_as_it_comes(one, as_json=as_json)
    except KeyboardInterrupt:
        exits.warn(f"{copy['id']} goes on (defer log {copy['id']} --follow; defer cancel --kill {copy['id']} ends it)")
        raise
    ended = one.following.ended or copy
    if as_json:
        output.print_object(task.shown(ended), args.compact)
    elif ended["status"] != task.COMPLETED or sys.stdout.isatty():
        exits.warn(_sentence(ended))
    return _status(ended)


def _print_as_it_comes(one: AtOnce, *, as_json: bool) -> None:
    """Print what a run prints, to its end, unless a record is to be printed then."""
    try:
        if not as_json and sys.stdout.isatty():
            output.stream(one.output(), sys.stdout)
        elif not as_json:
            output.raw(one.output(), sys.stdout.buffer)
    except BrokenPipeError:
        # Who has read enough of it may still want to know how it ends.
        exits.drop_output()
    for _ in one.output():
        pass


def _sentence(ended: Task) -> str:
    why = ended.get("error") or ended.get("reason") or ended.get("cancel_reason")
    return f"{ended['id']} {_ENDED.get(ended['status'], ended['status'])}{f': {why}' if why else ''}"


_ENDED = {task.CANCELLED: "was cancelled", task.MISSED: "was missed", task.SKIPPED: "was skipped"}


def _status(ended: Task) -> int:
    return EXIT_OK if ended["status"] == task.COMPLETED else EXIT_REFUSED
