"""The reference shows the grammar that runs. Run this file to write the table anew."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from defer.timegrammar import actions, clockactions, recuractions, table
from defer.timegrammar.engine import Grammar, Row, rows
from defer.timegrammar.terminals import STARTS, TERMINALS
from defer.timeparse import TimeExpressionError, parse

REFERENCE = Path(__file__).resolve().parents[3] / "references" / "time-grammar.md"
START = "<!-- table: written by tests/unit/timegrammar/test_table.py from scripts/defer/timegrammar/table.py -->\n"
END = "<!-- end of table -->\n"
TABLES = {
    "Numbers and delays": table.NUMBERS,
    "Clock times": table.CLOCKS,
    "Days": table.DAYS,
    "Periods and counted days": table.PERIODS,
    "Whole expressions (`WHEN`)": table.WHOLE,
    "What recurs (`RECURS`)": table.RECURRING,
}
ROWS = rows(*TABLES.values())


def written() -> str:
    """The tables as the reference shows them."""
    parts = []
    for title, lines_of in TABLES.items():
        lines = [f"{row.name} = {row.pattern}".ljust(72) + f"  # {row.meaning}" for row in rows(lines_of)]
        parts.append(f"\n### {title}\n\n```\n" + "\n".join(lines) + "\n```\n")
    return START + "".join(parts) + END


def test_the_reference_shows_the_table_that_runs() -> None:
    assert written() in REFERENCE.read_text(encoding="utf-8")


def test_every_line_has_a_meaning_and_an_action_that_exists() -> None:
    known = {**vars(clockactions), **vars(actions), **vars(recuractions)}
    for row in ROWS:
        assert row.meaning, row.pattern
        assert not row.action or callable(known[row.action]), row.pattern
    names = {row.name for row in ROWS} | TERMINALS.keys()
    used = {name for row in ROWS for name in re.findall(r"(?<![\w'])[A-Z][A-Z:.']+(?![a-z])", row.pattern)}
    assert used <= names
    assert STARTS.keys() == TERMINALS.keys()


def test_every_action_is_used() -> None:
    used = {row.action for row in ROWS}
    for module in (clockactions, actions, recuractions):
        own = {name for name, each in vars(module).items() if getattr(each, "__module__", "") == module.__name__}
        assert {name for name in own if not name.startswith("_")} - used <= {"either", "exact"}


EXAMPLES = [
    example
    for row in ROWS
    if row.name in ("WHEN", "RECURS", "RULE", "DAY", "NAMED", "DATE", "CLOCK", "LENGTH", "DAYPART")
    for example in re.findall(r"`([^`]+)`", row.meaning)
    if "refused" not in row.meaning
]


@pytest.mark.parametrize("example", sorted(set(EXAMPLES)))
def test_the_examples_in_the_table_are_read(example: str) -> None:
    parse(example, datetime.fromisoformat("2026-11-18T10:30:00-05:00"), ZoneInfo("America/New_York"))


def test_a_grammar_follows_every_way_to_read() -> None:
    lines = rows("A = a|b [c] B  -> pair  # x\nB = ( c / d )* e   # y\n")
    tiny = Grammar(lines, {}, {}, {"pair": lambda caps: sorted(caps)})
    assert [row.name for row in lines] == ["A", "B"]
    assert isinstance(lines[0], Row)
    from defer.timegrammar.tokens import tokenise

    assert {end for end, _ in tiny.match("A", tokenise("a c c d e"))} == {5}
    assert tiny.match("A", tokenise("a c c d")) == []
    assert tiny.match("A", tokenise("e")) == []


def test_an_unreadable_example_would_be_seen() -> None:
    with pytest.raises(TimeExpressionError):
        parse("every second friday", datetime.fromisoformat("2026-11-18T10:30:00-05:00"), ZoneInfo("UTC"))


if __name__ == "__main__":
    text = REFERENCE.read_text(encoding="utf-8")
    head, tail = text.partition(START)[0], text.partition(END)[2]
    REFERENCE.write_text(head + written() + tail, encoding="utf-8")
