"""The face of `status`: how things stand, on one screen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, TextIO

from defer import instants, visible
from defer import say as words
from defer.client import Client
from defer.errors import EXIT_OK
from defer.record import task

from . import ids, lookflags, output, since, tables
from .tables import Cell, Column

if TYPE_CHECKING:
    from defer.reports.findings import Finding
    from defer.reports.health import Health
    from defer.scheduling.status import Status

_MOST = 5
"""Rows of each table: all of it is to fit on one screen."""
_RUNNING = (
    Column("Running", 0, least=8, cut=True),
    Column("For", 0, right=True),
    Column("Of", 2, right=True),
    Column("Attempt", 5, right=True),
    Column("Executor", 3, least=8, cut=True),
    Column("Origin", 7),
    Column("Pid", 4, right=True),
    Column("Host", 6, least=8, cut=True),
    Column("Summary", 1, least=9, cut=True),
    Column("Branch", 8),
)
_NEXT = (
    Column("Next", 0),
    Column("", 2),
    Column("Task", 0, least=8, cut=True),
    Column("Summary", 1, least=9, cut=True),
)
_ATTENTION = (
    Column("Attention", 0),
    Column("Task", 0, least=8, cut=True),
    Column("What is wrong", 0, least=16, cut=True),
    Column("What mends it", 1),
)


def status(connect: Callable[[], Client], argv: list[str]) -> int:
    """Print how things stand."""
    args = lookflags.status().parse(argv)
    client = connect()
    zone = client.config.timezone()
    found = client.status(since.read(args.since, client.clock(), zone))
    if output.is_for_people(args):
        _show(found, zone, sys.stdout)
    else:
        output.print_object(found.as_json(), args.compact)
    return EXIT_OK


def _show(found: Status, zone: tzinfo, out: TextIO) -> None:
    health = found.health
    for line, style in _waker(found, zone):
        out.write(tables.painted(visible.line(line), style, out) + "\n")
    _section(_RUNNING, _running(found, out), out)
    _section(_NEXT, _next(found, zone, out), out)
    output.say("", *_window(health, zone), out=out)
    if paused := found.counts.get(task.PAUSED):
        output.say(f"Paused: {paused:,} (defer list --status paused)", out=out)
    if found.unread is None:
        out.write(tables.painted("Inbox: cannot be read (defer inbox says why)", "bad", out) + "\n")
    elif found.unread:
        out.write(tables.painted(f"Inbox: {found.unread:,} unread (defer inbox)", "warn", out) + "\n")
    if health.findings or not health.needs_attention:
        _section(_ATTENTION, _attention(health, out), out)
    else:
        output.say("", "Attention: tasks wait and no wake works (defer doctor)", out=out)
    if health.findings:
        more = max(0, len(health.findings) - _MOST) + health.more
        output.say(f"{f'… and {more:,} more; ' if more else ''}defer health says what mends each", out=out)


def _section(columns: Sequence[Column], rows: Iterator[Sequence[Cell]], out: TextIO) -> None:
    """A table named by its first heading; where it has no rows, one line that says so."""
    found = list(rows)
    output.say("", *([] if found else [f"{columns[0].heading}: nothing."]), out=out)
    if found:
        tables.show(columns, found, out)


def _waker(found: Status, zone: tzinfo) -> Iterator[tuple[str, str]]:
    """Whether wakes come, since when, and what keeps them from their work."""
    health, scene = found.health, found.health.scene
    if scene.last_wake is None:
        yield "Asleep: nothing has ever woken it (defer doctor)", "bad"
    elif scene.is_awake:
        ago = words.from_now(min(scene.last_wake, scene.now), scene.now)
        whole = (
            f"; no gap of half an hour since {words.local(found.awake_since, zone):%a %d %b %H:%M}"
            if found.awake_since
            else ""
        )
        yield f"Awake: the last wake was {'just now' if ago == 'now' else ago}{whole}.", "good"
    elif scene.is_recent:
        ago = words.from_now(min(scene.last_wake, scene.now), scene.now)
        when = "just now" if ago == "now" else ago
        yield f"Asleep: nothing wakes this store by itself; the last wake, {when}, was by hand (defer doctor)", "bad"
    else:
        yield f"Asleep: nothing has woken this store since {_moment(health, zone)} (defer doctor)", "bad"
    if scene.gone:
        gone = visible.sentence(scene.gone, 300)
        yield f"What should wake it calls {gone}, which is gone (defer waker install)", "bad"
    if scene.trouble:
        yield f"The last wake could not do its work: {visible.sentence(scene.trouble, 300)} (defer doctor)", "bad"
    if health.stranded:
        yield f"Due for more than two minutes: {health.stranded:,} (defer health)", "warn"


def _moment(health: Health, zone: tzinfo) -> str:
    assert health.scene.last_wake is not None
    return words.moment(health.scene.last_wake, zone, health.scene.now)


def _running(found: Status, out: TextIO) -> Iterator[list[Cell]]:
    names = ids.shown((one["id"] for one in found.running), out)
    for one in found.running[:_MOST]:
        host = one["host"] if one["host"] != found.health.host else None
        yield [
            (names[one["id"]], "good"),
            _span(one["seconds"]),
            _span(one["limit_seconds"]),
            *(
                _text(value)
                for value in (one["attempt"], one["executor"], one["origin"], one["pid"], host, one["summary"])
            ),
            _text((one["worktree"] or {}).get("branch")),
        ]
    if len(found.running) > _MOST:
        yield [f"… and {len(found.running) - _MOST:,} more", *[""] * 9]


def _span(seconds: float | None) -> str:
    return "" if seconds is None else words.roughly(int(seconds))


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _next(found: Status, zone: tzinfo, out: TextIO) -> Iterator[list[Cell]]:
    now = found.health.scene.now
    names = ids.shown((one["id"] for one in found.next), out)
    for one in found.next:
        at = instants.from_text(one["run_at"])
        yield [f"{words.local(at, zone):%a %d %b %H:%M}", words.short(at, now), names[one["id"]], _text(one["summary"])]


def _window(health: Health, zone: tzinfo) -> Iterator[str]:
    """What the window came to, in one or two lines."""
    totals: dict[str, Any] = health.window.as_json()
    ended = ", ".join(f"{count:,} {name}" for name, count in totals["outcomes"].items()) or "nothing ended"
    yield f"Since {words.local(health.window.start, zone):%a %d %b %H:%M}: {ended}."
    used = [
        f"{totals['runs']:,} run{'' if totals['runs'] == 1 else 's'}",
        *(f"{count:,} tokens {way}" for way, count in _tokens(totals)),
        f"${totals['cost_usd']:,.2f}" if totals["cost_usd"] else "",
    ]
    if totals["runs"]:
        yield f"Used: {', '.join(filter(None, used))}."


def _tokens(totals: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for name, way in (("input", "in"), ("output", "out")):
        if totals["tokens"][name]:
            yield way, totals["tokens"][name]


def _attention(health: Health, out: TextIO) -> Iterator[list[Cell]]:
    shown: list[Finding] = health.findings[:_MOST]
    names = ids.shown((one.task for one in shown), out)
    for one in shown:
        yield [(one.id, "bad"), names[one.task], one.what, one.fix]
