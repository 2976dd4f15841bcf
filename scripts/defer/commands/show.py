"""The face of `show`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from defer.client import Client
from defer.errors import EXIT_OK
from defer.record import task
from defer.record.codec import Task

from . import glance, ids, output


def show(connect: Callable[[], Client], argv: list[str]) -> int:
    """Print one task, from the store or else the archive."""
    args = glance.by_id("show", "Show one task, from the store or else from the archive.", argv)
    client = connect()
    found = client.find(ids.meant(client, glance.the_id(args, "show")))
    if output.is_for_people(args):
        zone, now = client.config.timezone(), client.clock()
        output.details(found, zone, now, sys.stdout, _told(client, found))
    else:
        output.print_object(task.shown(found), args.compact)
    return EXIT_OK


def _told(client: Client, found: Task) -> str | None:
    """Who was told of its last end."""
    if not found.get("last") and found["status"] not in task.ENDED:
        return None
    from defer.notices import outbox, words

    return words.heard(found, outbox.read(client.config.notices_file).told(found["id"]))
