#!/usr/bin/env python3
"""Writes the grammar that runs into the reference of time expressions; `make grammar` runs this."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from defer.timegrammar import table
from defer.timegrammar.engine import rows

REFERENCE = Path(__file__).resolve().parent.parent / "references" / "time-grammar.md"
START = "<!-- table: written by `make grammar` from scripts/defer/timegrammar/table.py -->\n"
END = "<!-- end of table -->\n"
TABLES = {
    "Numbers and delays": table.NUMBERS,
    "Clock times": table.CLOCKS,
    "Days": table.DAYS,
    "Periods and counted days": table.PERIODS,
    "Whole expressions (`WHEN`)": table.WHOLE,
    "What recurs (`RECURS`)": table.RECURRING,
}


def written() -> str:
    """The tables as the reference shows them."""
    parts = []
    for title, lines_of in TABLES.items():
        lines = [f"{row.name} = {row.pattern}".ljust(72) + f"  # {row.meaning}" for row in rows(lines_of)]
        parts.append(f"\n### {title}\n\n```\n" + "\n".join(lines) + "\n```\n")
    return START + "".join(parts) + END


def renewed(text: str) -> str:
    """The text of the reference with the tables of today."""
    head, start, rest = text.partition(START)
    _, end, tail = rest.partition(END)
    if not (start and end):
        sys.exit(f"{REFERENCE} has no place for the tables between {START.strip()} and {END.strip()}")
    return head + written() + tail


if __name__ == "__main__":
    REFERENCE.write_text(renewed(REFERENCE.read_text(encoding="utf-8")), encoding="utf-8")
