"""The face of `health`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from defer.client import Client
from defer.errors import EXIT_OK, EXIT_REFUSED, BadInput, StorageError

from . import lookflags, output, since

if TYPE_CHECKING:
    from argparse import Namespace

    from defer.reports.health import Health


def health(connect: Callable[[], Client], argv: list[str]) -> int:
    """Print how the tasks are doing; 1 where something needs attention."""
    args = lookflags.health().parse(argv)
    if args.format and (args.json or args.table or args.detail):
        raise BadInput("--format has a form of its own (leave out --json, --table and --detail)", field="format")
    client = connect()
    zone = client.config.timezone()
    start = since.read(args.since, client.clock(), zone)
    found = client.health(start, for_metrics=args.format == "prometheus")
    if args.format:
        _print_as(args, found)
    elif args.table or output.is_for_people(args):
        from . import healthtext

        healthtext.show(found, zone, sys.stdout, with_evidence=args.detail)
    else:
        output.print_object(found.as_json(), args.compact)
    if args.send:
        _send(args, client, found)
    return EXIT_REFUSED if found.needs_attention else EXIT_OK


def _send(args: Namespace, client: Client, found: Health) -> None:
    """Send it, and say where it went. Raises StorageError where it did not reach a place."""
    sys.stdout.flush()
    came = client.send_health(found)
    failed = [f"{label}: {why}" for label, why in came if why is not None]
    reached = ", ".join(label for label, why in came if why is None)
    if reached and not args.format and (args.table or output.is_for_people(args)):
        output.say(f"Sent: {reached}.")
    if failed:
        raise StorageError(f"the report did not reach {'; '.join(failed)} (correct DEFER_NOTIFY, or try again)")


def _print_as(args: Namespace, found: Health) -> None:
    from defer.reports import healthforms

    if args.format == "discord":
        output.print_json(healthforms.discord(found), args.compact)
    else:
        output.say(*(healthforms.prometheus if args.format == "prometheus" else healthforms.markdown)(found))
