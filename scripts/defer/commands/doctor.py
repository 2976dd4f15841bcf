"""The face of `doctor`: so far `--records`, which checks that the records agree with each other."""

from __future__ import annotations

import sys
from collections.abc import Callable

from defer import exits
from defer.client import Client
from defer.errors import EXIT_OK, EXIT_REFUSED, BadInput

from . import flags, output


def doctor(connect: Callable[[], Client], argv: list[str]) -> int:
    """Check the history; 1 where it contradicts itself."""
    args = flags.doctor().parse(argv)
    if not args.records:
        raise BadInput("doctor needs to know what to check (defer doctor --records)")
    from defer.reports import recordfiles
    from defer.store import places
    from defer.timegrammar import zonedata

    client = connect()
    for doubt in places.doubts(client.config):
        exits.warn(doubt)
    zone = client.config.timezone()
    data = zonedata.origin(zone.key)
    report = recordfiles.history(client.store, client.config).report()
    if args.table or output.is_for_people(args):
        output.history(report, zone, sys.stdout)
        output.zone(zone.key, data, sys.stdout)
    else:
        output.print_object({**report.as_json(), "zone": zone.key, "tzdata": data and data.as_json()}, args.compact)
    return EXIT_REFUSED if report.contradictions else EXIT_OK
