"""The face of `doctor`: what is wrong with the installation; with `--records`, whether the records agree."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from defer import exits
from defer.client import Client
from defer.errors import EXIT_OK, EXIT_REFUSED, BadInput
from defer.paths import SCRIPTS

from . import flags, output

if TYPE_CHECKING:
    from defer.reports.doctor.examine import Mended
    from defer.reports.doctor.finding import Finding


def doctor(connect: Callable[[], Client], argv: list[str]) -> int:
    """Look the installation over, or check the history; 1 where something is wrong."""
    args = flags.doctor().parse(argv)
    if args.records and args.fix:
        raise BadInput("--fix mends the installation, and records are never changed (leave out --fix, or --records)")
    return _records(connect, args) if args.records else _installation(connect, args)


def _installation(connect: Callable[[], Client], args: Namespace) -> int:
    from defer.reports.doctor import examine, finding
    from defer.wakers import standing

    client = connect()
    found = examine.examine(client.store, client.config, standing.look(SCRIPTS / "run-deferred.sh"), client.clock())
    mended = examine.mend(found) if args.fix else []
    if mended:
        as_it_is = standing.look(SCRIPTS / "run-deferred.sh")
        found = examine.examine(client.store, client.config, as_it_is, client.clock())
    if args.table or output.is_for_people(args):
        output.say(*_mends(mended), *_lines(found))
    else:
        listed = [one.as_json() for one in found]
        output.print_object({"findings": listed, "mended": [one._asdict() for one in mended]}, args.compact)
    return EXIT_OK if finding.is_sound(found) else EXIT_REFUSED


def _mends(mended: Iterable[Mended]) -> Iterator[str]:
    for one in mended:
        said = f"mended: {one.did}" if one.did is not None else f"not mended: {one.failed}"
        yield f"{one.id}: {said} ({one.where})"


def _lines(found: list[Finding]) -> Iterator[str]:
    """Each finding as three lines, then how many there are."""
    for one in found:
        yield f"{one.severity} {one.id}: {one.what}"
        yield f"  where: {one.where}"
        yield f"  fix: {one.fix}"
    yield _counted(found)


def _counted(found: list[Finding]) -> str:
    from defer.reports.doctor.finding import SEVERITIES

    numbers = {severity: sum(one.severity == severity for one in found) for severity in SEVERITIES}
    said = [f"{number} {name}{'s' if number > 1 else ''}" for name, number in numbers.items() if number]
    return f"{', '.join(said)}." if said else "No fault found."


def _records(connect: Callable[[], Client], args: Namespace) -> int:
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
