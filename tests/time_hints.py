#!/usr/bin/env python3
"""Whether what refusals offer may be done: the law of hints over all rows, and over texts made from the grammar.

Usage: time_hints.py [--list] [COUNT]

What a refusal offers behind `try` must be read itself, and every word and number of the input that an offer lacks must
be named by the message (fillers aside). COUNT texts (3000 without it) are derived from the lines of the grammar and
then spoilt: words dropped, doubled, swapped, put in. Prints what was checked; 1 where the law is broken.
``--list`` shows every message.
"""

import random
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parent))

import time_accuracy
from defer.errors import BadInput
from defer.timegrammar import table, words
from defer.timegrammar.engine import _pieces, _sequence, rows
from defer.timegrammar.tokens import Token, tokenise
from defer.timeparse import parse

SEED = 20261014
NOW = datetime.fromisoformat("2026-10-14T10:20:00-04:00")
TZ = ZoneInfo("America/New_York")
#: Words whose absence changes nothing.
FILLERS = frozenset("at on in the of a an and o'clock is it within please pls thanks ok".split())
_ECHO = re.compile(r'(?:can\'t read )?"(?:[^"]|"(?!: ))*"(?:: | )')
_TRY = re.compile(r'\btry ((?:"[^"]*"(?:[^"()]*))+)\)$')

SAMPLES: dict[str, str] = {
    "MONTH": "october|nov|december|feb",
    "WEEKDAY": "friday|mon|wednesday",
    "PLURALDAY": "mondays|fridays",
    "UNIT": "minutes|hours|days|weeks|h|m|month",
    "UNIT'S": "week's|hour's",
    "ONEUNIT": "hour|day|week|month",
    "PARTWORD": "morning|afternoon|evening|night",
    "PLURALPART": "mornings|evenings",
    "NUMBER": "2|3|10|45",
    "DIGIT": "1|2",
    "EPOCH": "1795000000",
    "NUMBERWORD": "two|five|ten|twenty five",
    "DAYNUMBER": "3|15|24",
    "TWODIGITS": "09|15|30",
    "HOURNUMBER": "3|5|9|11|17",
    "NUMERICORDINAL": "1st|5th|22nd",
    "ORDINALWORD": "first|second|fifth",
    "H:MM": "9:30|17:45|5:15",
    "HHMM": "0900|1730",
    "HMM": "930",
    "H.MM": "9.30|11.45",
    "DECIMAL": "1.5",
    "SLASHED": "12/24|05/06|1/2|12/24/2026",
    "DASHED": "2026-12-24|24-dec-2026|10-12-2026",
    "DOTTED": "24.12.2026",
    "ISODATETIME": "2026-12-24T09:00|2026-12-24T09:00:00+02:00",
    "ISODAY": "2026-W52-4",
    "ISOPERIOD": "PT30M",
    "YEAR": "2026|2027",
}
#: What people put into a time that it does not read, or reads only in other places.
NOISE = (
    "EST|UTC|+0200|UTC+2|(CET)|Berlin time|Europe/Berlin|until friday|for 2 hours|before|around|~|not before|after|by|"
    "except friday|but not monday|and 5pm|, thu 5pm|or friday|- 5|to 4pm|between|9|5|30|2027|at noon|at 9|in 2 hours|"
    "starting tomorrow|5 times|every|each|please|maybe|dinner|sharp|ish|or so|ago|last|tommorow|mintues|next|the|"
    "of|am|pm|first thing|lunchtime|christmas|soon|later|this week|at|on|,|(|)|-|?|!|half|M|26|25:00|13pm|feb 30|0"
).split("|")


class Grammar:
    """Texts derived from the lines of the grammar."""

    def __init__(self) -> None:
        self.rules: dict[str, list[Any]] = {}
        for row in rows(*table.AGAIN):
            self.rules.setdefault(row.name, []).append(_sequence(_pieces(row.pattern), ()))

    def text(self, chance: random.Random, name: str, depth: int = 0) -> str:
        """One derivation of ``name``; deep ones take its shortest line."""
        if name not in self.rules:
            return chance.choice(SAMPLES.get(name, "5").split("|"))
        options = self.rules[name]
        tree = chance.choice(options) if depth < 6 else min(options, key=lambda each: len(str(each)))
        return self._tree(chance, tree, depth + 1)

    def _tree(self, chance: random.Random, tree: Any, depth: int) -> str:
        found = ""
        for kind, part in tree:
            glued = kind == "glued"
            piece = self._part(chance, *(part if glued else (kind, part)), depth)
            found += piece if glued or not found or not piece else f" {piece}"
        return found

    def _part(self, chance: random.Random, kind: str, part: Any, depth: int) -> str:
        if kind == "word":
            return str(chance.choice(sorted(part)))
        if kind == "name":
            return self.text(chance, part, depth)
        if kind == "group" or chance.random() < (0.4 if depth < 5 else 0):
            return self._tree(chance, chance.choice(part), depth)
        return ""


def spoilt(chance: random.Random, text: str) -> str:
    """``text`` with one to three changes of the kinds people make."""
    pieces = text.split()
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(pieces) + 1)
        kind = chance.randrange(6)
        if kind == 0 and len(pieces) > 1:
            del pieces[place - 1]
        elif kind == 1 and pieces:
            pieces.insert(place, chance.choice(pieces))
        elif kind == 2 and 0 < place < len(pieces):
            pieces[place - 1], pieces[place] = pieces[place], pieces[place - 1]
        else:
            pieces.insert(place, chance.choice(NOISE))
    return " ".join(pieces)


def texts(count: int) -> Iterator[str]:
    """``count`` texts, the same every time."""
    chance = random.Random(SEED)  # noqa: S311  (not a secret: the same texts every time)
    grammar = Grammar()
    for number in range(count):
        text = grammar.text(chance, "RECURS" if number % 3 == 0 else "WHEN")
        yield text if number % 7 == 0 else spoilt(chance, text)


def said() -> Iterator[tuple[str, datetime, ZoneInfo]]:
    """Every expression of the rows, as it was said."""
    for path in time_accuracy.FILES:
        for row in time_accuracy.rows(path):
            yield row["expr"], datetime.fromisoformat(row["now"]), ZoneInfo(row["tz"])


def offers(message: str) -> list[str]:
    """What stands in quotes behind `try` in a message."""
    found = _TRY.search(message)
    return re.findall(r'"([^"]*)"', found[1]) if found else []


def refusal(expr: str, now: datetime = NOW, tz: ZoneInfo = TZ) -> str | None:
    """The message ``expr`` is refused with; None where it is read."""
    try:
        parse(expr, now, tz)
    except BadInput as error:
        return str(error)
    return None


def _words(text: str) -> set[str]:
    """The words and numbers of a text, each in one spelling: `hrs` as `hour`, `09:00` as `900`, `fri` as `friday`."""
    return {_spelt(token) for token in tokenise(text.strip(), 200) if token.kind != "mark"} - FILLERS


def _spelt(token: Token) -> str:
    text = token.text.lower()
    if text in words.UNITS:
        return str(words.UNITS[text])
    if text in words.WEEKDAYS:
        return words.DAY_NAMES[words.WEEKDAYS[text]]
    if text in words.MONTHS:
        return words.MONTH_NAMES[words.MONTHS[text] - 1]
    return text.replace(":", "").lstrip("0") or "0" if token.kind in ("number", "colon") else text


def faults(expr: str, message: str, now: datetime = NOW, tz: ZoneInfo = TZ) -> list[str]:
    """How the message that ``expr`` is refused with breaks the law."""
    one_line = len(message) < 250 and (message.isprintable() or not expr.isprintable())
    found = [] if one_line else ["is not one short line"]
    said = message[match.end() :] if (match := _ECHO.match(message)) else message
    for offer in offers(said):
        if refusal(offer, now, tz) is not None:
            found.append(f"offers {offer!r}, which is refused")
        named = _words(said.replace(f'"{offer}"', "", 1))
        if lost := _words(expr) - _words(offer) - named:
            found.append(f"offers {offer!r}, which loses {sorted(lost)} without a word")
    return found


def main(argv: list[str]) -> int:
    """Print what was checked; 1 where the law is broken."""
    count = next((int(text) for text in argv if text.isdigit()), 3000)
    inputs = [*said(), *((text, NOW, TZ) for text in texts(count))]
    refused = [(each, message) for each in inputs if (message := refusal(*each)) is not None]
    broken = [(each[0], message, fault) for each, message in refused for fault in faults(each[0], message, *each[1:])]
    for (expr, *_), message in refused if "--list" in argv else ():
        print(f"{expr!r}: {message}")
    for expr, message, fault in broken:
        print(f"{expr!r}: {fault}\n    {message}")
    offered = sum(len(offers(message)) for _, message in refused)
    print(f"{len(inputs)} inputs, {len(refused)} refused, {offered} offers, {len(broken)} break the law")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
