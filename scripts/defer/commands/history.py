"""The face of `history`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING

from defer import exits, instants, say, spelling, visible
from defer.client import Client
from defer.errors import EXIT_OK, BadInput
from defer.reports import history as past
from defer.reports import logs

from . import ids, lookflags, output, since

if TYPE_CHECKING:
    from argparse import Namespace

    from defer.reports.history import Row

    from .tables import Cell

_ON_A_TERMINAL, _ELSEWHERE = 50, 100
_EXITED = "executor exited with "
_LATE_SECONDS = 60
"""Cron wakes once a minute: what starts within one is not late to a person."""
_GOOD, _BAD, _WARN = {"ok"}, {"failed", "timeout", "lost"}, {"expired", "missed"}
_STYLES = {**dict.fromkeys(_GOOD, "good"), **dict.fromkeys(_BAD, "bad"), **dict.fromkeys(_WARN, "warn")}


def history(connect: Callable[[], Client], argv: list[str]) -> int:
    """Print what has happened, newest first. Raises NoSuchTask for an id that nothing is known of."""
    args = lookflags.history().parse(argv)
    outcomes = _outcomes(args.status or [])
    client = connect()
    rows = _rows(client, _id(args, client), outcomes, args.since)
    for_people = output.is_for_people(args)
    limit = args.limit
    if limit is None and (for_people or args.since is None):
        limit = _ON_A_TERMINAL if for_people else _ELSEWHERE
    shown = rows if limit is None else islice(rows, limit)
    told = _Told(client)
    if for_people:
        _print(list(shown), told, client.config.timezone(), client.clock(), nothing=_nothing(args, client))
    else:
        output.json_array(({**row.as_json(), "delivery": told.of(row)} for row in shown), args.compact, sys.stdout)
    if args.limit is None and limit is not None and any(True for _ in rows):
        _say_that_there_is_more(limit, for_people)
    return EXIT_OK


def _say_that_there_is_more(limit: int, for_people: bool) -> None:
    if for_people:
        output.say("… and more (--limit N shows more, --since 24h all since then)")
    else:
        exits.warn(f"only the newest {limit} are shown (--limit N shows more, --since 24h all since then)")


class _Told:
    """Who was told of what ended, as far as the outbox still knows; it is read when it is first asked."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @cached_property
    def _by_end(self) -> dict[tuple[str, str, str | None], list[dict[str, str]]]:
        from defer.notices import outbox

        found: dict[tuple[str, str, str | None], list[dict[str, str]]] = {}
        box = outbox.read_if_it_can_be(self._client.config.notices_file)
        for notice in box.notices.values():
            places = ({"event": one.event, "where": one.where, "status": one.status} for one in box.places(notice))
            found.setdefault((notice["id"], notice["at"], notice.get("occurrence")), []).extend(places)
        return found

    def of(self, row: Row) -> list[dict[str, str]]:
        """Each event that was told of this end, with where, and what came of that.

        What was missed ends in the second in which that is filed which ran in its place: they differ in the occurrence.
        """
        name, end = row.copy or row.id, instants.to_text(row.ended_at)
        return self._by_end.get((name, end, row.occurrence)) or self._by_end.get((name, end, None), [])


def _id(args: Namespace, client: Client) -> str | None:
    given = [one for one in (args.id_word, args.id) if one]
    if len(given) > 1:
        raise BadInput("history takes one id at most: defer history [ID] (see defer list)", field="id")
    return ids.meant(client, given[0]) if given else None


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
    statuses = past.run_statuses_of(outcomes)
    runs = () if statuses is None else client.runs(wanted, start, statuses)
    states = past.statuses_of(outcomes)
    ended = () if states is None else client.ended_records(wanted, start, states)
    rows = past.rows(runs, ended, outcomes)
    first = next(rows, None)
    if first is None:
        if wanted is not None:
            client.find(wanted)
        return iter(())
    return chain([first], rows)


def _nothing(args: Namespace, client: Client) -> str:
    """What an empty table means: that nothing has run is so only where all was asked for."""
    is_part = args.since is not None or args.status or args.limit == 0
    if is_part:
        return "Nothing of that is in the history."
    return f"Nothing has run{logs.since_when(client.store)}."


def _print(rows: list[Row], told: _Told, zone: tzinfo, now: datetime, *, nothing: str) -> None:
    """The rows as a table, or ``nothing`` where there are none."""
    if not rows:
        output.say(nothing)
        return
    from . import tables
    from .tables import Column

    columns = (
        Column("Started", 0),
        Column("Late", 2, right=True),
        Column("Took", 3, right=True),
        Column("Task", 0, least=10, cut=True),
        Column("Attempt", 6),
        Column("Outcome", 0),
        Column("Why, or what it said", 1, least=20, cut=True),
        Column("Tokens", 5, right=True),
        Column("Cost", 4, right=True),
        Column("Told", 7),
        Column("Branch", 8),
    )
    names = ids.shown((row.id for row in rows), sys.stdout)
    tables.show(columns, [_cells(row, names[row.id], told.of(row), zone, now) for row in rows], sys.stdout)


def _cells(row: Row, name: str, told: list[dict[str, str]], zone: tzinfo, now: datetime) -> list[Cell]:
    late = row.late_by_seconds or 0
    where = ", ".join(dict.fromkeys(map(_place, told)))
    return [
        _when(row, zone, now),
        f"+{say.brief(late)}" if late >= _LATE_SECONDS else "",
        "" if row.duration_ms is None else say.brief(row.duration_ms / 1000),
        name,
        "by hand" if row.copy else str(row.attempt) if (row.attempt or 1) > 1 else "",
        _outcome(row),
        _what(row, zone) or (where and f"told: {where}"),
        _tokens(row),
        "" if row.cost_usd is None else f"${row.cost_usd:.2f}",
        where,
        str((row.worktree or {}).get("branch") or ""),
    ]


def _place(told: dict[str, str]) -> str:
    """Where it was told; how that stands, where it has not arrived."""
    from defer.notices import words

    arrived = told["status"] in ("read", "unread", "sent")
    return told["where"] if arrived else f"{told['where']} ({words.stands(told['status'])})"


def _when(row: Row, zone: tzinfo, now: datetime) -> str:
    """When it started, or was to start; what ended before that never was to start then."""
    there, today = say.local(row.started_at or min(_meant(row), row.ended_at), zone), say.local(now, zone)
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
    # In a column there is room for what it said, rather than for who said it.
    return (row.why or row.summary or "").replace(_EXITED, "exit ", 1)


def _tokens(row: Row) -> str:
    said = [count for count in (row.input_tokens, row.output_tokens) if count is not None]
    return f"{sum(said):,.0f}" if said else ""
