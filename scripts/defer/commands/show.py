"""The face of `show`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from defer.client import Client
from defer.errors import EXIT_OK
from defer.record import task

from . import glance, ids, output


def show(connect: Callable[[], Client], argv: list[str]) -> int:
    """Print one task, from the store or else the archive."""
    args = glance.by_id("show", "Show one task, from the store or else from the archive.", argv)
    client = connect()
    found = client.find(ids.meant(client, glance.the_id(args, "show")))
    if output.is_for_people(args):
        output.details(found, client.config.timezone(), client.clock(), sys.stdout)
    else:
        output.print_object(task.shown(found), args.compact)
    return EXIT_OK
