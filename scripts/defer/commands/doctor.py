"""The face of `doctor`: what is wrong with the installation; with `--records`, whether the records agree."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from defer import exits
from defer.client import Client
from defer.errors import EXIT_OK, EXIT_REFUSED, BadInput, StorageError

from . import flags, output

if TYPE_CHECKING:
    from defer.reports.doctor.examine import Mended
    from defer.reports.doctor.finding import Finding
    from defer.reports.doctor.programs import Version
    from defer.reports.doctor.subject import Subject
    from defer.settings.config import Config


def doctor(connect: Callable[[], Client], argv: list[str]) -> int:
    """Look the installation over, or check the history; 1 where something is wrong."""
    args = flags.doctor().parse(argv)
    if args.records and args.fix:
        raise BadInput("--fix mends the installation, and records are never changed (leave out --fix, or --records)")
    return _records(connect, args) if args.records else _installation(connect, args)


def _installation(connect: Callable[[], Client], args: Namespace) -> int:
    from defer.reports.doctor import examine, finding

    try:
        client = connect()
    except (BadInput, StorageError) as error:
        return _unconnected(error, args)
    looked = examine.examine(_subject(client))
    mended = examine.mend(looked.findings) if args.fix else []
    if mended:
        looked = examine.examine(_subject(client))
    found = looked.findings
    if args.table or output.is_for_people(args):
        before = [*_facts(looked.facts), *_agents(looked.agents), *_mends(mended)]
        output.say(*map(client.config.masked, before))
        _show(found, looked.more, client.config.masked)
    else:
        listed = {
            "findings": [one.as_json() for one in found],
            "more": looked.more,
            "mended": [one._asdict() for one in mended],
            "agents": [one._asdict() for one in looked.agents],
            "facts": looked.facts,
        }
        output.print_object(_masked(listed, client.config), args.compact)
    return EXIT_OK if finding.is_sound(found) else EXIT_REFUSED


def _unconnected(error: BadInput | StorageError, args: Namespace) -> int:
    """Say what keeps every command from its work: broken settings, or a directory that others may write."""
    from defer.reports.doctor import finding

    what, fix = finding.parted(str(error))
    kind = "settings-broken" if isinstance(error, BadInput) else "place-refused"
    found = [finding.found(kind, f"no command can work here: {what}", "every command", fix)]
    if args.table or output.is_for_people(args):
        _show(found, {}, str)
    else:
        listed = {"findings": [one.as_json() for one in found], "more": {}, "mended": [], "agents": [], "facts": {}}
        output.print_object(listed, args.compact)
    return EXIT_REFUSED


def _subject(client: Client) -> Subject:
    from defer.reports.doctor.subject import subject
    from defer.wakers import stable, standing

    return subject(client.store, client.config, standing.look(stable.runner()), client.clock())


def _masked(value: Any, config: Config) -> Any:
    """The same without secrets: a line of the crontab, or a path, may hold one."""
    if isinstance(value, str):
        return config.masked(value)
    if isinstance(value, list):
        return [_masked(one, config) for one in value]
    return {name: _masked(one, config) for name, one in value.items()} if isinstance(value, dict) else value


def _facts(told: Mapping[str, Any]) -> Iterator[str]:
    """Each on a line; of what is not there only the wake that never came is told."""
    for name, value in told.items():
        shown = "never" if value is None and name == "last_wake" else value
        if shown is not None:
            yield (
                f"{name.replace('_', ' ')}: {shown:,}"
                if isinstance(shown, int)
                else f"{name.replace('_', ' ')}: {shown}"
            )


def _agents(answers: Iterable[Version]) -> Iterator[str]:
    for one in answers:
        if one.version is not None:
            yield f"executor {one.executor}: {one.program} ({one.version})"


def _mends(mended: Iterable[Mended]) -> Iterator[str]:
    for one in mended:
        said = f"mended: {one.did}" if one.did is not None else f"not mended: {one.failed}"
        yield f"{one.id}: {said} ({one.where})"


_STYLES = {"error": "bad", "warning": "warn", "note": "dim"}


def _show(found: list[Finding], more: Mapping[str, int], masked: Callable[[str], str]) -> None:
    """Each finding as three lines, then how many there are."""
    from defer import visible

    from . import tables

    out = sys.stdout
    for one in found:
        first = visible.line(masked(f"{one.severity} {one.id}: {one.what}"))
        out.write(tables.painted(first, _STYLES[one.severity], out) + "\n")
        output.say(masked(f"  where: {one.where}"), masked(f"  fix: {one.fix}"))
    output.say(*(f"and {count:,} more of {kind}" for kind, count in more.items()), _counted(found, more))


def _counted(found: list[Finding], more: Mapping[str, int]) -> str:
    from defer.reports.doctor.finding import KINDS, SEVERITIES

    each = [*((one.severity, 1) for one in found), *((KINDS[kind], count) for kind, count in more.items())]
    numbers = {severity: sum(count for one, count in each if one == severity) for severity in SEVERITIES}
    said = [f"{number:,} {name}{'s' if number > 1 else ''}" for name, number in numbers.items() if number]
    return f"{', '.join(said)}." if said else "No fault found."


def _records(connect: Callable[[], Client], args: Namespace) -> int:
    from defer.reports import recordfiles
    from defer.store import places
    from defer.timegrammar import zonedata

    from .progress import Progress

    client = connect()
    for doubt in places.doubts(client.config):
        exits.warn(doubt)
    zone = client.config.timezone()
    data = zonedata.origin(zone.key)
    with Progress("reading records") as progress:
        report = recordfiles.history(client.store, client.config, progress.step).report()
    if args.table or output.is_for_people(args):
        output.history(report, zone, sys.stdout)
        output.zone(zone.key, data, sys.stdout)
    else:
        output.print_object({**report.as_json(), "zone": zone.key, "tzdata": data and data.as_json()}, args.compact)
    return EXIT_REFUSED if report.contradictions else EXIT_OK
