"""The face of `list`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from defer import exits, instants
from defer.client import Client
from defer.errors import EXIT_OK
from defer.record import task
from defer.record.codec import Task

from . import glance, output

if TYPE_CHECKING:
    from argparse import Namespace

_TABLE_ROWS = 50
_MOST_FIRES = 100_000
_SHOWN = ("scheduled", "executing", "paused")


def list_tasks(connect: Callable[[], Client], argv: list[str]) -> int:
    """Print the tasks: JSON streamed in file order, or a table of those that run next."""
    args = glance.listing(argv)
    client = connect()
    if args.upcoming is not None:
        return _list_upcoming(client, args)
    everything = args.all and not args.status
    wanted = set(args.status or _SHOWN)
    if args.compact and args.limit is None:
        output.compact_array(client.store.scan_json(None if everything else wanted), sys.stdout.buffer)
        return EXIT_OK
    tasks = (task.shown(one) for one in client.tasks() if everything or one["status"] in wanted)
    for_people = output.is_for_people(args)
    if not for_people and args.limit is None:
        output.json_array(tasks, args.compact, sys.stdout)
        return EXIT_OK
    first, more = _first_to_run(list(tasks), _TABLE_ROWS if args.limit is None else args.limit)
    if for_people:
        output.table(first, more, client.config.timezone(), client.clock(), sys.stdout)
    else:
        output.json_array(first, args.compact, sys.stdout)
    return EXIT_OK


def _first_to_run(tasks: list[Task], limit: int) -> tuple[list[Task], int]:
    ordered = sorted(tasks, key=lambda one: (instants.from_text(one["run_at"]), one["id"]))
    return ordered[:limit], max(0, len(ordered) - limit)


def _list_upcoming(client: Client, args: Namespace) -> int:
    from defer.scheduling import plan

    now = client.clock()
    end = now + timedelta(seconds=plan.span_seconds("upcoming", args.upcoming))
    limit = _MOST_FIRES if args.limit is None else args.limit
    fires = client.upcoming(end, limit + 1)
    shown = islice(fires, limit)
    if output.is_for_people(args):
        output.fires(shown, client.config.timezone(), now, sys.stdout)
    else:
        output.json_array(shown, args.compact, sys.stdout)
    if args.limit is None and any(fires):
        exits.warn(f"only the first {limit} runs are shown (--limit N shows more, a shorter --upcoming fewer)")
    return EXIT_OK
