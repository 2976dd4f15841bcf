"""What is printed: JSON for programs, sentences for people."""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
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


def object_of(found: object) -> dict[str, Any]:
    """An object of a record. In fields that only people read, a record edited by hand may hold anything."""
    return found if isinstance(found, dict) else {}


def _moment(text: object, zone: tzinfo, now: datetime) -> str:
    try:
        return words.moment(instants.from_text(str(text)), zone, now)
    except (ValueError, OverflowError):
        return str(text)


def details(one: Task, zone: tzinfo, now: datetime, out: TextIO, told: str | None = None) -> None:
    """One task for a person: its facts, one a line; ``told`` says who has heard of its last end."""
    is_newer = versions.is_newer(one)
    result, tags = object_of(one.get("result")), one.get("tags")
    moments = {
        "Runs" if one["status"] == "scheduled" else "Was to run": one["run_at"],
        "Scheduled": one.get("created_at"),
    }
    facts: dict[str, Any] = {
        "Task": one["id"],
        "Summary": summary_of(one),
        "Status": one["status"],
        "Held": held(one, zone, now),
        "Paused": None if is_newer else _paused(one, zone, now),
        **{name: _moment(text, zone, now) for name, text in moments.items() if text},
        "Origin": _origin(one),
        "Said as": one.get("when"),
        "Repeats": None if is_newer else _repeats(one, zone, now),
        "Attempts": None if is_newer else _attempts(one),
        "Executor": one.get("executor"),
        "Workspace": one.get("workspace"),
        "May": None if is_newer else permissions(one.get("permissions")),
        "Worktree": None if is_newer else _worktree(one),
        "Expires": one.get("expires_at"),
        "If": command(one.get("condition")),
        "Check": command(one.get("check")),
        "Tags": ", ".join(map(str, tags)) if isinstance(tags, list) else tags,
        "Last error": one.get("last_error") or one.get("error"),
        "Cancelled": one.get("cancel_reason"),
        "Ended": _ended(one, zone, now),
        "Last": None if is_newer or one["status"] in task.ENDED else _last(one, zone, now),
        "Notify": one.get("notify"),
        "Told": told,
        "Result": result.get("summary") or result.get("output"),
        "Prompt": result.get("prompt_path"),
        "Log": result.get("log_path"),
    }
    for name, value in facts.items():
        if value:
            say(f"{name + ':':<12} {visible.sentence(value, 1000)}", out=out)


def _worktree(one: Task) -> str | None:
    """Where its attempt works, or the last one has worked, on which branch, and whether that is still there."""
    found = (object_of(object_of(one.get(name)).get("worktree")) for name in ("run", "result"))
    last: dict[str, Any] = next(filter(None, found), {})
    path = last.get("path")
    if not path:
        return "one for each occurrence" if one.get("worktree") else None
    gone = "" if os.path.isdir(str(path)) else ", removed"
    return f"{path} (branch {last.get('branch')}{gone})"


def _origin(one: Task) -> str | None:
    """Who scheduled it; of an attempt, whose, and how far that is from what somebody else has scheduled."""
    origin, parent, depth = one.get("origin"), one.get("parent"), one.get("depth")
    if not parent:
        return str(origin) if origin else None
    far = f" ({depth} from {one.get('root')})" if type(depth) is int and depth > 1 else ""
    return f"{origin} of {parent}{far}"


def command(found: object) -> str | None:
    """A command as somebody would write it in a shell."""
    if not found or not isinstance(found, list):
        return str(found) if found else None
    import shlex  # few tasks have a list of words

    return shlex.join(map(str, found))


def permissions(found: object) -> str | None:
    """What an agent may do, in a few words; what we do not understand as it stands in the record."""
    if found is None:
        return None
    from defer.executors import profiles  # few tasks have them

    try:
        profile = profiles.read(found)
    except profiles.Unusable:
        return json.dumps(found, ensure_ascii=False)
    name = f"{profile.name}: " if profile and profile.name else ""
    return f"{name}{profile.words()}" if profile else None


def _ended(one: Task, zone: tzinfo, now: datetime) -> str | None:
    at = one.get(f"{one['status']}_at")
    return _moment(at, zone, now) if at and one["status"] in task.ENDED else None


def _paused(one: Task, zone: tzinfo, now: datetime) -> str | None:
    """Since when a task is paused; and why, if it was not a person who paused it."""
    at, last = one.get("paused_at"), object_of(one.get("last"))
    if one["status"] != task.PAUSED or not at:
        return None
    by_itself = last.get("outcome") == task.FAILED and last.get("at") == at
    why = f", after {last['failures']} failures in a row (DEFER_PAUSE_AFTER)" if by_itself else ""
    return f"{_moment(at, zone, now)}{why}"


def _attempts(one: Task) -> str:
    return f"{one.get('attempts') or 0} of at most {int(one.get('max_retries') or 0) + 1}"


def _last(one: Task, zone: tzinfo, now: datetime) -> str | None:
    """How the last occurrence ended."""
    last = object_of(one.get("last"))
    if not last.get("outcome"):
        return None
    row, why = last.get("failures") or 0, last.get("reason")
    when = f" {_moment(last['at'], zone, now)}" if last.get("at") else ""
    streak = f", {row} times in a row" if last["outcome"] == task.FAILED else f"; {row} failures in a row"
    return f"{last['outcome']}{when}{streak if row > 1 else ''}{f': {why}' if why else ''}"


def _repeats(one: Task, zone: tzinfo, now: datetime) -> str | None:
    """The rule, its bounds, and its policies that are not the default."""
    if not task.is_recurring(one):
        return None
    from defer.record import occurrences

    found = occurrences.policies(one)
    until = found.get("until")
    parts = [
        occurrences.unreadable(one) or occurrences.rule(one).describe(),
        f"{found['count']} times in all, {found.get('fired') or 0} over" if found.get("count") else "",
        f"until {_moment(until, zone, now)}" if until else "",
        f"jitter {words.distance(occurrences.jitter_of(one))}" if found.get("jitter_offset_seconds") else "",
        f"catch-up {found['catch_up']}" if found.get("catch_up") else "",
        f"overlap {found['overlap']}" if found.get("overlap") else "",
        f"expires after {words.distance(timedelta(seconds=useful))}"
        if (useful := found.get("expires_after_seconds"))
        else "",
    ]
    return "; ".join(filter(None, parts))


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
