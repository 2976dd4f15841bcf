"""The face of `history`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from itertools import chain, islice
from typing import TYPE_CHECKING

from defer import instants, say, spelling, visible
from defer.client import Client
from defer.errors import EXIT_OK, BadInput
from defer.reports import history as past

from . import lookflags, output, since

if TYPE_CHECKING:
    from argparse import Namespace

    from defer.reports.history import Row

    from .tables import Cell

_ON_A_TERMINAL = 50
_GOOD, _BAD, _WARN = {"ok"}, {"failed", "timeout", "lost"}, {"expired", "missed"}
_STYLES = {**dict.fromkeys(_GOOD, "good"), **dict.fromkeys(_BAD, "bad"), **dict.fromkeys(_WARN, "warn")}


def history(connect: Callable[[], Client], argv: list[str]) -> int:
    """Print what has happened, newest first. Raises NoSuchTask for an id that nothing is known of."""
    args = lookflags.history().parse(argv)
    wanted = _id(args)
    outcomes = _outcomes(args.status or [])
    client = connect()
    rows = _rows(client, wanted, outcomes, args.since)
    for_people = args.table or output.is_for_people(args)
    limit = _ON_A_TERMINAL if for_people and args.limit is None else args.limit
    shown = rows if limit is None else islice(rows, limit)
    if for_people:
        _print(list(shown), client.config.timezone(), client.clock())
        if args.limit is None and any(True for _ in rows):
            output.say("… and more (--limit N, --since, or defer history --json)")
    else:
        output.json_array((row.as_json() for row in shown), args.compact, sys.stdout)
    return EXIT_OK


def _id(args: Namespace) -> str | None:
    given = [one for one in (args.id_word, args.id) if one]
    if len(given) > 1:
        raise BadInput("history takes one id at most: defer history [ID] (see defer list)", field="id")
    return given[0] if given else None


def _outcomes(given: list[str]) -> set[str]:
    """The outcomes that are meant. Raises BadInput for any other word."""
    known = (*past.OUTCOMES, *past.STANDS_FOR)
    found: set[str] = set()
    for word in (part.strip().lower() for one in given for part in one.split(",")):
        if word not in known:
            near = spelling.nearest(word, known)
            mend = f"did you mean {near}?" if near else f"one of: {', '.join(dict.fromkeys(known))}"
            raise BadInput(
                f"--status takes outcomes, not {visible.sentence(word, 40) or 'nothing'} ({mend})", field="status"
            )
        found |= past.STANDS_FOR.get(word, {word})
    return found


def _rows(client: Client, wanted: str | None, outcomes: set[str], said: str | None) -> Iterator[Row]:
    start = None if said is None else since.read(said, client.clock(), client.config.timezone())
    rows = past.rows(client.runs(wanted, start), client.ended_records(wanted, start), outcomes)
    first = next(rows, None)
    if first is None:
        if wanted is not None:
            client.find(wanted)
        return iter(())
    return chain([first], rows)


def _print(rows: list[Row], zone: tzinfo, now: datetime) -> None:
    """The rows as a table."""
    if not rows:
        output.say("Nothing has run.")
        return
    from . import tables
    from .tables import Column

    columns = (
        Column("Started", 0),
        Column("Late", 5, right=True),
        Column("Took", 3, right=True),
        Column("Task", 0, least=10, cut=True),
        Column("Attempt", 6),
        Column("Outcome", 0),
        Column("Why, or what it said", 1, least=20, cut=True),
        Column("Tokens", 4, right=True),
        Column("Cost", 2, right=True),
    )
    tables.show(columns, [_cells(row, zone, now) for row in rows], sys.stdout)


def _cells(row: Row, zone: tzinfo, now: datetime) -> list[Cell]:
    return [
        _when(row, zone, now),
        f"+{say.brief(row.late_by_seconds)}" if row.late_by_seconds else "",
        "" if row.duration_ms is None else say.brief(row.duration_ms / 1000),
        row.id,
        "by hand" if row.copy else str(row.attempt) if (row.attempt or 1) > 1 else "",
        _outcome(row),
        _what(row, zone),
        _tokens(row),
        "" if row.cost_usd is None else f"${row.cost_usd:.2f}",
    ]


def _when(row: Row, zone: tzinfo, now: datetime) -> str:
    """When it started, or was to start."""
    there, today = say.local(row.started_at or _meant(row), zone), say.local(now, zone)
    return f"{there:%a %d %b %H:%M}" if abs(today - there).days < 300 else f"{there:%Y-%m-%d %H:%M}"


def _meant(row: Row) -> datetime:
    try:
        return instants.from_text(row.occurrence or "")
    except ValueError:
        return row.ended_at


def _outcome(row: Row) -> Cell:
    times = row.stretch["count"] if row.stretch else 1
    return f"{row.outcome} ×{times}" if times > 1 else row.outcome, _STYLES.get(row.outcome, "dim")


def _what(row: Row, zone: tzinfo) -> str:
    if row.stretch and row.stretch["count"] > 1:
        last = say.local(instants.from_text(row.stretch["last"]), zone)
        return f"up to {last:%a %d %b %H:%M}: {row.why or ''}"
    return row.why or row.summary or ""


def _tokens(row: Row) -> str:
    said = [count for count in (row.input_tokens, row.output_tokens) if count is not None]
    return f"{sum(said):,.0f}" if said else ""
