"""The face of `doctor`: so far `--records`, which checks that the records agree with each other."""

from __future__ import annotations

import sys
from collections.abc import Callable

from . import arguments, render
from .client import Client
from .errors import EXIT_OK, EXIT_REFUSED, BadInput


def doctor(connect: Callable[[], Client], argv: list[str]) -> int:
    """Check the history; 1 where it contradicts itself."""
    args = arguments.doctor().parse(argv)
    if not args.records:
        raise BadInput("doctor needs to know what to check (defer doctor --records)")
    from . import places, recordfiles

    client = connect()
    for doubt in places.doubts(client.config):
        render.warn(doubt)
    report = recordfiles.history(client.store, client.config).report()
    if args.table or render.is_for_people(args):
        render.history(report, client.config.timezone(), sys.stdout)
    else:
        render.print_object(report.as_json(), args.compact)
    return EXIT_REFUSED if report.contradictions else EXIT_OK
