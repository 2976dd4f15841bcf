#!/usr/bin/env python3
"""How well time expressions and ``::defer`` lines are read, by group of rows.

Usage: time_accuracy.py [--list] [FILE.jsonl]…

A row is *right* when it is refused where ``expect`` is null, else when the answer lies in
``accept`` (1 s slack; without it ``expect`` alone) or is one of ``readings``, and the first fires are those of
``next``; *wrong* with any other instant; *none* when it is refused though it has a reading. A line is right when it
is split as ``when`` and ``text`` say, or as one of ``readings``; refused where ``when`` is null. Without
files: all of ``tests/data/time``. ``--list`` names every row that is not right.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from defer import timeparse
from defer.timeparse import Reading, TimeExpressionError

DATA = Path(__file__).resolve().parent / "data" / "time"
FILES = (
    DATA / "cases.jsonl",
    DATA / "people.jsonl",
    DATA / "own.jsonl",
    DATA / "said.jsonl",
    DATA / "said_again.jsonl",
)
LINES = (DATA / "lines.jsonl", DATA / "said_lines.jsonl")
#: The rows of lines were said on this Wednesday, in this zone.
SAID, SAID_IN = "2026-10-14T10:20", "America/New_York"
SLACK = timedelta(seconds=1)
GRADES = ("right", "wrong", "none")

Row = dict[str, Any]


def rows(path: Path) -> Iterator[Row]:
    """The rows of one file, each with an aware ``now``, its ``tz``, its ``group`` and what it accepts."""
    for text in path.read_text(encoding="utf-8").splitlines():
        row: Row = {"now": SAID, "tz": SAID_IN, **json.loads(text)}
        now = datetime.fromisoformat(row["now"])
        row["now"] = (now if now.tzinfo else now.replace(tzinfo=timeparse.zone(row["tz"]))).isoformat()
        row.setdefault("group", row.get("class", "lines").partition(":")[0])
        if row.get("expect"):
            row.setdefault("accept", [row["expect"], row["expect"]])
        yield row


def grade(row: Row) -> str:
    """Whether the row is read `right`, `wrong` or not at all (`none`)."""
    if "line" in row:
        return _grade_line(row)
    now = datetime.fromisoformat(row["now"])
    try:
        reading = timeparse.parse(row["expr"], now, timeparse.zone(row["tz"]))
    except TimeExpressionError:
        return "right" if row["expect"] is None or None in row.get("readings", []) else "none"
    return "right" if _accepted(row, reading.instant) and _fires(row, reading, now) else "wrong"


def _grade_line(row: Row) -> str:
    accepted = [(row["when"], row["text"])]
    accepted += [(each["when"], each["text"]) if each else (None, None) for each in row.get("readings", [])]
    try:
        when, text, _ = timeparse.split_line(
            row["line"].removeprefix("::defer "), datetime.fromisoformat(row["now"]), timeparse.zone(row["tz"])
        )
    except TimeExpressionError:
        return "right" if (None, None) in accepted else "none"
    return "right" if (when, text) in accepted else "wrong"


def _accepted(row: Row, instant: datetime) -> bool:
    stretches = [tuple(row["accept"])] if row.get("accept") else []
    stretches += [(reading, reading) for reading in row.get("readings", []) if reading]
    return any(
        datetime.fromisoformat(first) - SLACK <= instant <= datetime.fromisoformat(last) + SLACK
        for first, last in stretches
    )


def _fires(row: Row, reading: Reading, now: datetime) -> bool:
    """Whether the first fires are the wanted ones; where one of ``readings`` was taken, they are not known."""
    wanted = [datetime.fromisoformat(text) for text in row.get("next", [])]
    if not wanted or reading.instant in map(datetime.fromisoformat, filter(None, row.get("readings", []))):
        return True
    if reading.recurrence is None:
        return False
    return list(islice(reading.recurrence.fires(now), len(wanted))) == wanted or _near(row, reading, now, wanted)


def _near(row: Row, reading: Reading, now: datetime, wanted: list[datetime]) -> bool:
    """A row that names no clock (its ``accept`` is a whole day) asks for the dates alone."""
    first, last = (datetime.fromisoformat(text) for text in row["accept"])
    if last - first < timedelta(hours=23) or reading.recurrence is None:
        return False
    got = islice(reading.recurrence.fires(now), len(wanted))
    return all(start <= fire < start + timedelta(days=1) for start, fire in zip(wanted, got, strict=True))


def table(graded: Iterable[tuple[str, str]]) -> str:
    """Counts by group, and their sum, from (group, grade)."""
    counts = Counter(graded)
    lines = [f"{'group':<22}" + "".join(f"{name:>7}" for name in GRADES)]
    for kind in [*sorted({kind for kind, _ in counts}), "all"]:
        cells = (
            sum(n for (each, name), n in counts.items() if kind in (each, "all") and name == column)
            for column in GRADES
        )
        lines.append(f"{kind:<22}" + "".join(f"{cell:>7}" for cell in cells))
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Print the table of each file; 1 where a row is read wrong."""
    bad = 0
    for path in [Path(name) for name in argv if name != "--list"] or (*FILES, *LINES):
        graded = [(row, grade(row)) for row in rows(path)]
        print(f"{path.name}: {len(graded)} rows")
        print(table((row["group"], found) for row, found in graded))
        for row, found in graded if "--list" in argv else ():
            if found != "right":
                print(f"{found}: {_said(row)}")
        bad += sum(found == "wrong" for _, found in graded)
    return bool(bad)


def _said(row: Row) -> str:
    if "line" in row:
        return f"{row['line'][:70]!r}, expected {row['when']!r} and {row['text']!r}"
    return f"{row['expr'][:70]!r} at {row['now']} in {row['tz']}, expected {row['expect']}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
