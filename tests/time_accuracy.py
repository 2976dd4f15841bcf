#!/usr/bin/env python3
"""How well time expressions are read, by class of row.

Usage: time_accuracy.py [--list] [FILE.jsonl]…

A row is *right* when it is refused where ``expect`` is null, else when the answer lies in
``accept`` (1 s slack) or is one of ``readings``, and the first fires are those of ``next``;
*wrong* with any other instant; *none* when it is refused though it has a reading. Without
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
FILES = (DATA / "cases.jsonl", DATA / "own.jsonl")
SLACK = timedelta(seconds=1)
GRADES = ("right", "wrong", "none")

Row = dict[str, Any]


def rows(path: Path) -> Iterator[Row]:
    """The rows of one file."""
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())


def grade(row: Row) -> str:
    """Whether the row is read `right`, `wrong` or not at all (`none`)."""
    now = datetime.fromisoformat(row["now"])
    try:
        reading = timeparse.parse(row["expr"], now, timeparse.zone(row["tz"]))
    except TimeExpressionError:
        return "right" if row["expect"] is None or None in row.get("readings", []) else "none"
    return "right" if _accepted(row, reading.instant) and _fires(row, reading, now) else "wrong"


def _accepted(row: Row, instant: datetime) -> bool:
    stretches = [tuple(row["accept"])] if row.get("accept") else []
    stretches += [(reading, reading) for reading in row.get("readings", []) if reading]
    return any(
        datetime.fromisoformat(first) - SLACK <= instant <= datetime.fromisoformat(last) + SLACK
        for first, last in stretches
    )


def _fires(row: Row, reading: Reading, now: datetime) -> bool:
    wanted = [datetime.fromisoformat(text) for text in row.get("next", [])]
    if not wanted:
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
    """Counts by class, and their sum, from (class, grade)."""
    counts = Counter((kind.partition(":")[0], found) for kind, found in graded)
    lines = [f"{'class':<12}" + "".join(f"{name:>7}" for name in GRADES)]
    for kind in [*sorted({kind for kind, _ in counts}), "all"]:
        cells = (
            sum(n for (each, name), n in counts.items() if kind in (each, "all") and name == column)
            for column in GRADES
        )
        lines.append(f"{kind:<12}" + "".join(f"{cell:>7}" for cell in cells))
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Print the table of each file; 1 where a row is read wrong."""
    bad = 0
    for path in [Path(name) for name in argv if name != "--list"] or FILES:
        graded = [(row, grade(row)) for row in rows(path)]
        print(f"{path.name}: {len(graded)} rows")
        print(table((row["class"], found) for row, found in graded))
        for row, found in graded if "--list" in argv else ():
            if found != "right":
                print(f"{found}: {row['expr'][:70]!r} at {row['now']} in {row['tz']}, expected {row['expect']}")
        bad += sum(found == "wrong" for _, found in graded)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
