#!/usr/bin/env python3
"""What a time expression means.

Usage: time_utils.py normalize EXPR [--now ISO] [--tz ZONE]
       time_utils.py epoch     EXPR [--now ISO] [--tz ZONE]
       time_utils.py next      EXPR [--count N] [--now ISO] [--tz ZONE]
       time_utils.py describe  EXPR [--json] [--now ISO] [--tz ZONE]

normalize  the instant in UTC, YYYY-MM-DDTHH:MM:SSZ; the first one of a recurring expression
epoch      the same in seconds since 1970
next       the next N instants (default 5) of a recurring expression, one a line; else its one instant
describe   how it was understood, in words, with the choices that were made (which the others say
           on stderr where stdout is a terminal); --json is an object
           with utc, local, zone, in_seconds, distance, notes, repeats and tzdata: whose zones were read

EXPR `-` reads one expression a line and answers each on one line, with `error: …` for one that
cannot be read. ZONE is an IANA name; the default is DEFER_TIMEZONE, else the system's zone.
ISO without an offset is in that zone. Case never matters but for `M`: `5m` is minutes, `5mo`
months, `5M` is refused.

Exit: 0 answered; 2 bad input; 74 the answer could not be written. The reason is on stderr.
references/time-grammar.md lists the words that are understood.
"""

import sys

if __name__ == "__main__" and not sys.flags.isolated:
    # Before any other import: an empty part of PYTHONPATH is the working directory, whose json.py would run as ours.
    import posix

    if any(name.startswith(b"PYTHON") for name in posix.environ):
        if not sys.executable:
            sys.exit("defer: this Python cannot tell where it lies (start it by its full path)")
        posix.execv(sys.executable, [sys.executable, "-I", *sys.argv])

import os

if __name__ == "__main__":
    os.umask(os.umask(0o077) | 0o002)  # whoever can write to our byte code can make us run theirs
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
    sys.dont_write_bytecode = True
    import setupplace

    setupplace.settle()
    import bootstrap

    bootstrap.enter_environment()

from datetime import UTC, datetime
from itertools import islice

from defer import exits, timeparse, visible
from defer.errors import EXIT_OK, BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

FLAGS = {"--now": "a time", "--tz": "a zone", "--count": "a number"}
JSON = "--json"
USUAL_COUNT, MOST_COUNT = 5, 1000
FIRST_YEAR, LAST_YEAR = 1000, 5000  # so that even a thousand occurrences of 29 February stay within the calendar
ISO = "%Y-%m-%dT%H:%M:%SZ"


class Ask:
    """Which answer is wanted, for which words, and at what moment."""

    __slots__ = ("answer", "count", "now", "now_text", "verb", "words", "zone_name")

    def __init__(self, argv: "list[str]") -> None:
        flags, plain = _split(argv)
        if len(plain) < 2 or plain[0] not in ANSWERS:
            raise BadInput(f"nothing to read (try: time_utils.py normalize 30m; verbs: {', '.join(ANSWERS)})")
        self.verb, self.words = plain[0], " ".join(plain[1:])
        if JSON in flags and self.verb != "describe":
            raise BadInput(f"{JSON} is for describe (see --help)")
        self.answer = _describe_as_json if JSON in flags else ANSWERS[self.verb]
        self.zone_name, self.now_text = flags.get("--tz"), flags.get("--now")
        self.count = _count(flags["--count"]) if "--count" in flags else USUAL_COUNT

    def zone(self) -> "ZoneInfo":
        """The zone the words are read in."""
        if self.zone_name is not None:
            return timeparse.zone(self.zone_name)
        from defer.settings import config

        return config.load().timezone()

    def moment(self, zone: "ZoneInfo") -> datetime:
        """The instant the words are read at."""
        if self.now_text is None:
            return datetime.now(UTC)
        try:
            found = datetime.fromisoformat(self.now_text)
            found = (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise BadInput(
                f'--now: "{self.now_text[:64]}" is not an ISO time (try 2026-11-18T10:30:00-05:00)'
            ) from None
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise BadInput(
                f"--now: {self.now_text[:64]} is not in the years {FIRST_YEAR} to {LAST_YEAR} (give another)"
            )
        return found


def _split(argv: "list[str]") -> "tuple[dict[str, str], list[str]]":
    """Flags with their values, and the words between them; `--` ends the flags."""
    flags: dict[str, str] = {}
    plain: list[str] = []
    rest = iter(argv)
    for word in rest:
        name, given, value = word.partition("=")
        if word == "--":
            plain.extend(rest)
        elif word == JSON:
            flags[word] = word
        elif name in FLAGS:
            flags[name] = value if given else next(rest, "")
            if not flags[name]:
                raise BadInput(f"{name} needs {FLAGS[name]} (see --help)")
        elif word.startswith("--"):
            raise BadInput(f'no flag is called "{name[:64]}" (see --help)')
        else:
            plain.append(word)
    return flags, plain


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 5 and 0 < int(text) <= MOST_COUNT:
        return int(text)
    raise BadInput(f'--count: "{text[:64]}" is not a number from 1 to {MOST_COUNT}')


def _normalize(reading: timeparse.Reading, _now: datetime, _zone: "ZoneInfo", _count: int) -> "list[str]":
    return [f"{reading.instant:{ISO}}"]


def _epoch(reading: timeparse.Reading, _now: datetime, _zone: "ZoneInfo", _count: int) -> "list[str]":
    return [str(int(reading.instant.timestamp()))]


def _next(reading: timeparse.Reading, now: datetime, _zone: "ZoneInfo", count: int) -> "list[str]":
    fires = reading.recurrence.fires(now) if reading.recurrence else iter([reading.instant])
    return [f"{fire:{ISO}}" for fire in islice(fires, count)]


def _describe(reading: timeparse.Reading, now: datetime, zone: "ZoneInfo", _count: int) -> "list[str]":
    if reading.recurrence:
        words = reading.recurrence.describe()
        return ["; ".join((words, *(note for note in reading.notes if note not in words)))]
    from defer import say

    local = f"{reading.instant.astimezone(zone):%a %Y-%m-%d %H:%M:%S} {zone.key}"
    return ["; ".join((local, f"{reading.instant:{ISO}}", say.ahead(reading.instant - now), *reading.notes))]


def _describe_as_json(reading: timeparse.Reading, now: datetime, zone: "ZoneInfo", _count: int) -> "list[str]":
    """The same as one line of JSON, with the names that `schedule --json` has for it."""
    import json

    from defer import say
    from defer.timegrammar import zonedata

    data = zonedata.origin(zone.key)
    found = {
        "utc": f"{reading.instant:{ISO}}",
        "local": reading.instant.astimezone(zone).isoformat(),
        "zone": zone.key,
        "in_seconds": int((reading.instant - now).total_seconds()),
        "distance": say.from_now(reading.instant, now),
        "notes": list(reading.notes),
        **({"repeats": reading.recurrence.describe()} if reading.recurrence else {}),
        "tzdata": data and data.as_json(),
    }
    return [json.dumps(found)]


ANSWERS: "dict[str, Callable[[timeparse.Reading, datetime, ZoneInfo, int], list[str]]]" = {
    "normalize": _normalize,
    "epoch": _epoch,
    "next": _next,
    "describe": _describe,
}


def answers(ask: Ask, lines: "Iterator[str]") -> "Iterator[str]":
    """One line for each expression of a file."""
    zone = ask.zone()
    now = ask.moment(zone)
    for line in lines:
        try:
            reading = timeparse.parse(line.rstrip("\r\n"), now, zone)
            yield " ".join(ask.answer(reading, now, zone, ask.count))
        except BadInput as error:
            yield f"error: {error}"


def run(argv: "list[str]") -> int:
    """Answer on stdout; the exit status."""
    if "--help" in argv or argv[:1] == ["-h"]:
        print(__doc__ and __doc__.strip())
        return EXIT_OK
    ask = Ask(argv)
    if ask.words == "-":
        # What is not UTF-8 becomes characters that no expression has.
        with open(0, encoding="utf-8-sig", errors="surrogateescape", closefd=False) as lines:
            for answer in answers(ask, iter(lines)):
                print(visible.line(answer), flush=True)
        return EXIT_OK
    quick = _quickly(ask)
    if quick is not None:
        print(quick)
        return EXIT_OK
    zone = ask.zone()
    now = ask.moment(zone)
    reading = timeparse.parse(ask.words, now, zone)
    print(*map(visible.line, ask.answer(reading, now, zone, ask.count)), sep="\n")
    if sys.stdout.isatty() and ask.verb != "describe":
        for note in reading.notes:
            _tell(f"note: {note}")
    return EXIT_OK


def _quickly(ask: Ask) -> "str | None":
    """The answer for `30m` and the like, without looking up a zone that it does not need."""
    if ask.zone_name or ask.now_text or os.environ.get("DEFER_TIMEZONE"):
        return None
    reading = timeparse.plain_delay(ask.words, datetime.now(UTC))
    if reading is None or ask.verb == "describe":
        return None
    return str(int(reading.instant.timestamp())) if ask.verb == "epoch" else f"{reading.instant:{ISO}}"


def main(argv: "list[str]") -> int:
    """Answer ``argv``; the exit status of the contract."""
    exits.open_missing_streams()
    return exits.status_of(lambda: run(argv), _tell)


def _tell(text: str) -> None:
    print(f"defer: {visible.line(text)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
