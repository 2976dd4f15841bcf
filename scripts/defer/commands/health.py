"""The face of `health`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from defer.client import Client
from defer.errors import EXIT_OK, EXIT_REFUSED

from . import healthtext, lookflags, output, since


def health(connect: Callable[[], Client], argv: list[str]) -> int:
    """Print how the tasks are doing; 1 where something needs attention."""
    args = lookflags.health().parse(argv)
    client = connect()
    zone = client.config.timezone()
    start = since.read(args.since, client.clock(), zone)
    found = client.health(start)
    if args.table or output.is_for_people(args):
        healthtext.show(found, zone, sys.stdout, with_evidence=args.detail)
    else:
        output.print_object(found.as_json(), args.compact)
    return EXIT_REFUSED if found.needs_attention else EXIT_OK
