"""What is printed: JSON for programs, sentences for people."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from defer import exits, instants, visible
from defer import say as words
from defer.record import task, versions
from defer.record.codec import Task

if TYPE_CHECKING:
    from argparse import Namespace

    from defer.reports.records import Report
    from defer.timegrammar.zonedata import Data

_PIECE_BYTES = 1 << 16
# Made once: making one takes as long as encoding a record with it.
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_PRETTY = json.JSONEncoder(ensure_ascii=False, indent=2)


def to_json(value: object, compact: bool) -> str:
    """JSON text, on one line or indented, with nothing in it that a terminal would obey."""
    return visible.in_json((_COMPACT if compact else _PRETTY).encode(value))


def print_json(value: object, compact: bool) -> None:
    """The same on stdout."""
    print(to_json(value, compact), flush=True)


def say(*lines: object, out: TextIO | None = None) -> None:
    """Print lines for people, on stdout or ``out``, safe whatever text from elsewhere they hold."""
    for line in lines:
        print(visible.line(line), file=out)


def json_array(records: Iterable[Mapping[str, Any]], compact: bool, out: TextIO) -> None:
    """A JSON array, one element at a time: a store of any size is printed in flat memory."""
    opening, between, closing = ("[", ",", "]\n") if compact else ("[\n", ",\n", "\n]\n")
    first = True
    for one in records:
        text = to_json(one, compact)
        out.write((opening if first else between) + (text if compact else _indented(text)))
        first = False
    out.write("[]\n" if first else closing)


def compact_array(lines: Iterable[bytes], out: BinaryIO) -> None:
    """The same on one line, of elements that are JSON already."""
    held, size, before = [], 0, b"["
    for line in lines:
        held.append(visible.in_json_line(line))
        size += len(line)
        if size > _PIECE_BYTES:
            out.write(before + b",".join(held))
            held.clear()
            size, before = 0, b","
    if held:
        out.write(before + b",".join(held))
    out.write(b"]\n" if held or before == b"," else b"[]\n")


def raw(pieces: Iterable[bytes], out: BinaryIO) -> None:
    """Bytes as they are, each piece as it comes: for a program, or a file."""
    for piece in pieces:
        out.write(piece)
        out.flush()


def stream(pieces: Iterable[bytes], out: TextIO) -> None:
    """The same as text for a terminal, which obeys nothing of it."""
    is_open = False
    for text in _texts(pieces):
        out.write(visible.lines(text))
        out.flush()
        is_open = not text.endswith("\n")
    if is_open:
        out.write("\n")


def with_text(facts: Mapping[str, Any], pieces: Iterable[bytes], compact: bool, out: TextIO) -> None:
    """A JSON object of ``facts`` with a last field ``text``, which may be of any length."""
    warnings = exits.taken_warnings()
    opening = to_json({**facts, **({"warnings": warnings} if warnings else {}), "text": ""}, compact)
    end = opening.rindex('"')
    out.write(opening[:end])
    for text in _texts(pieces):
        out.write(to_json(text, compact)[1:-1])
    out.write(opening[end:] + "\n")


def _texts(pieces: Iterable[bytes]) -> Iterator[str]:
    """Pieces of UTF-8 as text. Other bytes are shown as ``\\xff``; no character is cut in two."""
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    yield from filter(None, map(decoder.decode, pieces))
    yield from filter(None, (decoder.decode(b"", final=True),))


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.split("\n"))


def summary_of(one: Task) -> object:
    """A task's summary, or an empty text; a newer version's context may be of any type."""
    return object_of(one.get("context")).get("summary", "")


def held(one: Task, zone: tzinfo, now: datetime) -> str | None:
    """Why a task that waits is not run when it is due, or None."""
    what = versions.lacking(one)
    if what and one["status"] not in task.ENDED:
        return f"{versions.complaint(what)} (upgrade Defer)"
    if what or one["status"] != task.SCHEDULED or task.wakes_at(one) <= max(now, task.run_at(one)):
        return None
    why = object_of(one.get("held")).get("reason") or "no reason given"
    return f"until {words.moment(task.wakes_at(one), zone, now)}: {why}"


def command(found: object) -> str | None:
    """A command as somebody would write it in a shell."""
    if not found or not isinstance(found, list):
        return str(found) if found else None
    import shlex  # few tasks have a list of words

    return shlex.join(map(str, found))


def object_of(found: object) -> dict[str, Any]:
    """An object of a record. In fields that only people read, a record edited by hand may hold anything."""
    return found if isinstance(found, dict) else {}


def history(report: Report, zone: tzinfo, out: TextIO) -> None:
    """What the history checker found: each contradiction, one a line, then what was looked at."""
    for one in report.contradictions:
        of = f" of {one.occurrence}" if one.occurrence else ""
        say(f"{one.kind}: {one.id}{of}: {one.what} ({one.where})", out=out)
    if report.more:
        say(f"… and {report.more:,} more", out=out)
    say(*_summary(report, zone), out=out)


def _summary(report: Report, zone: tzinfo) -> Iterator[str]:
    """What was looked at, in sentences."""
    number = len(report.contradictions) + report.more
    what = f"{number} contradiction{'s' if number > 1 else ''}" if number else "No contradiction"
    since = f", since {instants.from_text(report.since).astimezone(zone):%d %b %Y %H:%M}" if report.since else ""
    yield f"{what} in what was recorded{since}."
    ends = ", ".join(f"{count:,} {status}" for status, count in report.ends.items())
    yield f"Tasks: {report.tasks:,}; occurrences: {report.occurrences:,}{f' ({ends})' if ends else ''}."
    pruned = f" ({report.pruned:,} more removed by prune)" if report.pruned else ""
    logs = f"logs: {report.logs:,}; unlogged: {report.unlogged:,}{pruned}"
    yield f"Attempts: {report.attempts:,}; runs: {report.runs:,}; {logs}."
    for where, count in report.bad_lines.items():
        yield f"Lines of {where} that cannot be read: {count:,}."


def notes(said: Iterable[str], beside: str = "") -> list[str]:
    """What is to be known of a time that was read, as lines for people, without what stands ``beside`` them already."""
    return [f"Note: {note}" for note in said if note not in beside]


def warn_of(said: Iterable[str]) -> None:
    """The same beside JSON."""
    for note in said:
        exits.warn(f"note: {note}")


def zone(name: str, data: Data | None, out: TextIO) -> None:
    """The zone that times are read in, and whose data that is."""
    if data is not None:
        version = f"version {data.version}" if data.version else "of unknown version"
        say(f"Zone: {name}; tzdata {version}, from {data.place}.", out=out)


def is_for_people(args: Namespace) -> bool:
    """Whether a flag asks for text, or stdout is a terminal and none asks for JSON."""
    return getattr(args, "table", False) or (sys.stdout.isatty() and not (args.json or args.compact))


def print_object(value: Mapping[str, Any], compact: bool) -> None:
    """Print an object with the warnings so far as its field ``warnings``.

    In output that name is ours: a record from elsewhere may have such a field, but it is not printed, or
    others could speak in our name.
    """
    warnings = exits.taken_warnings()
    if warnings or "warnings" in value:
        value = {**value, "warnings": warnings}
    print(to_json(value, compact))
