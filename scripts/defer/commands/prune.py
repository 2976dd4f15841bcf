"""The face of `prune`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from defer import say
from defer.client import Client
from defer.errors import EXIT_OK, BadInput
from defer.run import prune as pruning

from . import keepflags, output

if TYPE_CHECKING:
    from datetime import tzinfo

    from defer.run.prune import Removed


def prune(connect: Callable[[], Client], argv: list[str]) -> int:
    """Remove what is older than that, or only say what it would be."""
    args = keepflags.prune().parse(argv)
    client = connect()
    older = _older(client, args.older)
    removed = pruning.prune(client.store, client.config, client.audit, client.clock(), older, dry_run=args.dry_run)
    if args.table or output.is_for_people(args):
        output.say(*_sentences(removed, client.config.timezone(), dry_run=args.dry_run))
    else:
        output.print_object({"dry_run": args.dry_run, **removed.as_json()}, args.compact)
    return EXIT_OK


def _older(client: Client, given: str | None) -> timedelta:
    """How old what goes must be: as asked for, else as the settings say. Raises BadInput where neither says."""
    if given is None:
        wanted = pruning.wanted_age(client.config)
        if wanted is None:
            what = "prune needs to know how old (defer prune --older 90d, or set DEFER_KEEP_DAYS)"
            raise BadInput(what, field="older")
        return wanted
    from defer.scheduling import plan

    return timedelta(seconds=plan.span_seconds("older", given))


def _sentences(removed: Removed, zone: tzinfo, *, dry_run: bool) -> Iterator[str]:
    """What was removed, for people."""
    if not (removed.months or removed.logs or removed.prompts):
        yield f"Nothing is kept from before {_day(removed.logs_before, zone)}."
        return
    what = f"{_counted(removed.logs, 'log')} and {_counted(removed.prompts, 'prompt')}"
    would = "Would remove" if dry_run else "Removed"
    yield f"{would} {what} from before {_day(removed.logs_before, zone)}."
    if removed.months:
        records = _counted(len(removed.months), "file")
        yield f"{would} the records from before {removed.records_before:%d %b %Y}: {records}."
    yield f"{_size(removed.bytes)} {'would be' if dry_run else 'were'} freed."


def _day(moment: datetime, zone: tzinfo) -> str:
    return f"{say.local(moment, zone):%d %b %Y %H:%M}"


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _size(size: float) -> str:
    """A number of bytes in the largest unit of which there is one."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} GiB"
