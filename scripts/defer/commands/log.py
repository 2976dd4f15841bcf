"""The face of `log`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from defer import exits, instants
from defer.client import Client
from defer.errors import EXIT_OK, BadInput, Refused
from defer.record import holders, task
from defer.reports import logs

from . import glance, ids, lookflags, output

if TYPE_CHECKING:
    from pathlib import Path

    from defer.reports.logs import Printed

_LOOK_EVERY_SECONDS = 0.25


def log(connect: Callable[[], Client], argv: list[str]) -> int:
    """Print what an attempt printed; with `--follow` until it has ended."""
    args = lookflags.log().parse(argv)
    named = glance.the_id(args, "log")
    if args.follow and (args.json or args.compact):
        raise BadInput("--follow prints what comes as it comes, not JSON (leave out one of them)", field="follow")
    client = connect()
    wanted = ids.meant(client, named)
    one = logs.find(client.store, wanted, args.run)
    is_at_work = one.outcome == task.EXECUTING
    shown = _followed(client, one) if args.follow and is_at_work else _as_it_is(client, one)
    if args.json or args.compact:
        output.with_text(_facts(one, wanted), shown, args.compact, sys.stdout)
    elif args.table or sys.stdout.isatty():
        output.stream(shown, sys.stdout)
    else:
        output.raw(shown, sys.stdout.buffer)
    return EXIT_OK


def _as_it_is(client: Client, one: Printed) -> Iterator[bytes]:
    """The bytes of a log. Raises Refused for one that is gone."""
    if not one.log:
        why = "has not begun to print" if one.outcome == task.EXECUTING else "printed nothing"
        exits.warn(f"{_named(one)} {why}")
        return iter(())
    path = logs.place(one.log, client.config.log_dir)
    if path is None:
        raise _gone(client, one)
    return logs.pieces(path)


def _followed(client: Client, one: Printed) -> Iterator[bytes]:
    """The same, and what is added until the attempt has ended."""

    def path_now() -> Path | None:
        named = logs.noted(client.store, one)
        return logs.place(named, client.config.log_dir) if named else None

    is_over = partial(_is_over, client, one)
    return logs.followed(path_now, is_over, partial(time.sleep, _LOOK_EVERY_SECONDS))


def _is_over(client: Client, one: Printed) -> bool:
    return not logs.is_under_way(client.store, one)


def _gone(client: Client, one: Printed) -> Refused:
    if one.host and one.host != holders.host():
        return Refused(f"the log of {_named(one)} is on another host: {one.host}: {one.log} (look there)")
    pruned = client.store.kept_since().logs
    if pruned and (one.started_at or "") < instants.to_text(pruned):
        return Refused(f"the log of {_named(one)} was pruned with all before {instants.to_text(pruned)} ({one.log})")
    return Refused(f"the log of {_named(one)} is gone: {one.log} (somebody removed it)")


def _named(one: Printed) -> str:
    return one.run_id or f"the latest attempt of {one.task_id}"


def _facts(one: Printed, wanted: str) -> dict[str, Any]:
    """What is said of a log in JSON, beside its text. A copy stands under the id that was asked for."""
    return {"id": wanted, **one._asdict()}
