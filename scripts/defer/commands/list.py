"""The face of `list`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from itertools import chain, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TextIO

from defer import exits, instants
from defer import say as words
from defer.client import Client
from defer.errors import EXIT_OK, BadInput, StorageError
from defer.record import task, versions
from defer.record.codec import Task

from . import glance, output

if TYPE_CHECKING:
    from argparse import Namespace

    from .tables import Cell

_TABLE_ROWS = 50
_DAY = timedelta(days=1)
_MOST_FIRES = 100_000
_SHOWN = ("scheduled", "executing", "paused")
_STYLES = {
    task.EXECUTING: "good",
    task.COMPLETED: "good",
    task.FAILED: "bad",
    **dict.fromkeys((task.PAUSED, task.CANCELLED, task.MISSED, task.SKIPPED, "held", "retry"), "warn"),
}


def list_tasks(connect: Callable[[], Client], argv: list[str]) -> int:
    """Print the tasks: JSON streamed in file order, or a table of those that run next."""
    args = glance.listing(argv)
    client, picks = connect(), _picker(args)
    if args.upcoming is not None:
        return _list_upcoming(client, args, picks)
    everything = args.all and not args.status
    wanted = set(args.status or (task.STATUSES if everything else _SHOWN))
    if _looks_back(args, wanted):
        return _list_ended(client, args, wanted, picks)
    if args.compact and args.limit is None and picks is _all:
        output.compact_array(client.store.scan_json(None if everything else wanted), sys.stdout.buffer)
        return EXIT_OK
    tasks = (task.shown(one) for one in client.tasks() if (everything or one["status"] in wanted) and picks(one))
    for_people = output.is_for_people(args)
    if not for_people and args.limit is None:
        output.json_array(tasks, args.compact, sys.stdout)
        return EXIT_OK
    first, more = _first_to_run(list(tasks), _TABLE_ROWS if args.limit is None else args.limit)
    if for_people and not first and wanted <= set(task.ENDED):
        output.say("Nothing in the store has ended so (--since 7d looks into the archive too).")
    elif for_people and not first and picks is not _all:
        output.say("No such task waits (--all shows everything still in the store).")
    elif for_people:
        by_hand = _failed_by_hand(client, first)
        table(first, more, client.config.timezone(), client.clock(), sys.stdout, by_hand)
    else:
        output.json_array(first, args.compact, sys.stdout)
    return EXIT_OK


def _all(_one: Task) -> bool:
    return True


def _picker(args: Namespace) -> Callable[[Task], bool]:
    """Whether a task has the labels that are asked for, and the text."""
    tags, text = args.tag or (), (args.text or "").casefold()
    if not tags and not text:
        return _all
    from .each import has_tags

    return lambda one: has_tags(one, tags) and text in _text_of(one)


def _text_of(one: Task) -> str:
    """What a person would look for in a task: its id, what it is called, what it does, its labels."""
    context, execution = output.object_of(one.get("context")), output.object_of(one.get("execution"))
    said = (context.get("summary"), execution.get("prompt_template"), output.command(one.get("command")))
    tags = one.get("tags")
    # A newer version may have written anything there.
    labels = tags if isinstance(tags, list) else []
    return "\n".join(map(str, filter(None, (one["id"], *said, *labels)))).casefold()


def _failed_by_hand(client: Client, shown: list[Task]) -> dict[str, datetime]:
    """When the copy of each of these tasks that a person ran in the last day failed, if nothing went well since."""
    start = client.clock() - _DAY
    ended: dict[str, Task] = {}
    # The archive is a side matter here: where it cannot be read, what waits is said all the same.
    with suppress(StorageError):
        for one in client.ended_records(None, start, (task.FAILED, task.COMPLETED), copies=True) if shown else ():
            # A newer version may have written anything there.
            if isinstance(name := one.get("copy_of"), str):
                ended.setdefault(name, one)
        failed = {name: task.ended_at(one) for name, one in ended.items() if one["status"] == task.FAILED}
        found = [(one, failed[one["id"]]) for one in shown if one["id"] in failed]
        return {one["id"]: at for one, at in found if not _went_well(client, one, at)}
    return {}


def _went_well(client: Client, one: Task, failed: datetime) -> bool:
    """Whether a task has completed by itself since a copy of it failed."""
    last = output.object_of(one.get("last"))
    if last.get("outcome") in (task.MISSED, task.SKIPPED):
        # What its record said before that stands in the archive.
        return any(True for _ in client.ended_records(one["id"], failed, (task.COMPLETED,)))
    at = _ended_at(last)
    return last.get("outcome") == task.COMPLETED and at is not None and at >= failed


def _looks_back(args: Namespace, wanted: set[str]) -> bool:
    """Whether the archive is to be looked into too. Raises BadInput for a `--since` of tasks that have not ended."""
    has_ended = wanted.intersection(task.ENDED)
    if args.since is not None and not has_ended:
        mend = "add --status failed, completed …, or see defer history"
        raise BadInput(f"--since is about what has ended, and no such status is asked for ({mend})", field="since")
    return args.since is not None or bool(args.limit is not None and args.status and has_ended)


def _list_ended(client: Client, args: Namespace, wanted: set[str], picks: Callable[[Task], bool]) -> int:
    """What waits and executes as ever, then what has ended, the newest first, from store and archive."""
    from . import since

    start = None if args.since is None else since.read(args.since, client.clock(), client.config.timezone())
    going_on = [one for one in client.tasks() if one["status"] in wanted.difference(task.ENDED)]
    ended = client.ended_records(None, start, wanted.intersection(task.ENDED))
    for_people = output.is_for_people(args)
    limit = args.limit if args.limit is not None else _TABLE_ROWS if for_people else None
    found = map(task.shown, filter(picks, chain(_first_to_run(going_on, len(going_on))[0], ended)))
    shown = islice(found, limit)
    if not for_people:
        output.json_array(shown, args.compact, sys.stdout)
    elif rows := list(shown):
        table(rows, 0, client.config.timezone(), client.clock(), sys.stdout)
        if any(True for _ in found):
            output.say("… and more (--limit N)")
    else:
        output.say("Nothing has ended so.")
    return EXIT_OK


def _first_to_run(tasks: list[Task], limit: int) -> tuple[list[Task], int]:
    ordered = sorted(tasks, key=lambda one: (instants.from_text(one["run_at"]), one["id"]))
    return ordered[:limit], max(0, len(ordered) - limit)


def _list_upcoming(client: Client, args: Namespace, picks: Callable[[Task], bool]) -> int:
    from defer.scheduling import plan

    now = client.clock()
    end = now + timedelta(seconds=plan.span_seconds("upcoming", args.upcoming))
    for_people = output.is_for_people(args)
    limit = args.limit if args.limit is not None else _TABLE_ROWS if for_people else _MOST_FIRES
    fires = client.upcoming(end, limit + 1, None if picks is _all else picks)
    shown = islice(fires, limit)
    if for_people:
        fires_table(shown, client.config.timezone(), now, sys.stdout)
        _say_what_else(client, any(fires), sys.stdout)
        return EXIT_OK
    output.json_array(shown, args.compact, sys.stdout)
    if args.limit is None and any(fires):
        exits.warn(f"only the first {limit} runs are shown (--limit N shows more, a shorter --upcoming fewer)")
    return EXIT_OK


def _say_what_else(client: Client, is_more: bool, out: TextIO) -> None:
    if is_more:
        output.say("… and more (--limit N, a shorter --upcoming)", out=out)
    if paused := client.store.counts().get(task.PAUSED):
        what = "1 paused task does" if paused == 1 else f"{paused} paused tasks do"
        output.say(f"{what} not run (defer list --status paused)", out=out)


def table(
    tasks: list[Task],
    more: int,
    zone: tzinfo,
    now: datetime,
    out: TextIO,
    by_hand: Mapping[str, datetime] = MappingProxyType({}),
) -> None:
    """The tasks as a table: when, how far away, status, how the last occurrence ended, id, summary.

    ``by_hand``: of some tasks, when a copy failed that a person ran.
    """
    if not tasks:
        output.say("Nothing is scheduled.", out=out)
        return
    from . import ids, tables
    from .tables import Column

    columns = (
        Column("When", 0),
        Column("", 3),
        Column("Status", 0),
        Column("Last", 1, least=10, cut=True),
        Column("Id", 0, least=8, cut=True),
        Column("Summary", 2, least=9, cut=True),
    )
    shown = ids.shown((one["id"] for one in tasks), out)
    tables.show(columns, [_row(one, shown[one["id"]], zone, now, by_hand.get(one["id"])) for one in tasks], out)
    if more:
        output.say(f"… and {more} more (--limit N, --all)", out=out)


def _row(one: Task, name: str, zone: tzinfo, now: datetime, by_hand: datetime | None) -> list[Cell]:
    at = instants.from_text(one["run_at"])
    status, waits = _status(one, zone, now), one["status"] != task.PAUSED
    return [
        (f"{words.local(at, zone):%a %d %b %H:%M}", "plain" if waits else "dim"),
        words.short(at, now) if waits else _back(one, now),
        (status, _STYLES.get(status.partition(" ")[0], "plain")),
        last(one, now, by_hand),
        name,
        str(output.summary_of(one)),
    ]


def _back(one: Task, now: datetime) -> str:
    """When a paused task is resumed by itself."""
    until = None if versions.is_newer(one) else one.get("paused_until")
    return f"back {words.short(instants.from_text(until), now)}" if until else ""


def _status(one: Task, zone: tzinfo, now: datetime) -> str:
    """The status; of a task that waits, what is more to the point: that it is tried again, or held back."""
    is_held = output.held(one, zone, now) is not None
    if one["status"] == task.SCHEDULED:
        return "held" if is_held else "retry" if one.get("attempts") else task.SCHEDULED
    return f"{one['status']} (held)" if is_held else str(one["status"])


def last(one: Task, now: datetime, by_hand: datetime | None = None) -> Cell:
    """How the last occurrence ended: ``ok 2h ago``, ``failed ×3``; nothing where there was none.

    ``by_hand``: when a copy failed that a person ran since something went well.
    """
    found: dict[str, Any] = output.object_of(one.get("last"))
    outcome, row = str(found.get("outcome") or ""), found.get("failures")
    style = _STYLES.get(outcome, "plain")
    if outcome == task.FAILED and isinstance(row, int) and row > 1:
        return f"failed ×{row}", style
    if by_hand is not None and outcome != task.FAILED:
        return f"failed {words.short(min(by_hand, now), now)} (by hand)", "bad"
    at = _ended_at(found)
    ago = "" if at is None else words.short(min(at, now), now)
    return f"{'ok' if outcome == task.COMPLETED else outcome} {ago}".strip() if outcome else "", style


def _ended_at(last: dict[str, Any]) -> datetime | None:
    try:
        return instants.from_text(str(last["at"]))
    except (KeyError, ValueError, OverflowError):
        return None


def fires_table(found: Iterable[dict[str, Any]], zone: tzinfo, now: datetime, out: TextIO) -> None:
    """When each task runs: local time, how far away, id, summary."""
    fires = list(found)
    if not fires:
        output.say("Nothing runs in that time.", out=out)
        return
    from . import ids, tables
    from .tables import Column

    columns = (
        Column("When", 0),
        Column("", 2),
        Column("Id", 0, least=8, cut=True),
        Column("Summary", 1, least=9, cut=True),
    )
    shown = ids.shown((fire["id"] for fire in fires), out)
    tables.show(columns, [_fire(one, shown[one["id"]], zone, now) for one in fires], out)


def _fire(one: dict[str, Any], name: str, zone: tzinfo, now: datetime) -> list[Cell]:
    at = instants.from_text(one["run_at"])
    clock = "%a %d %b %H:%M:%S" if at.second else "%a %d %b %H:%M"
    return [f"{words.local(at, zone):{clock}}", words.short(at, now), name, str(one["summary"] or "")]
