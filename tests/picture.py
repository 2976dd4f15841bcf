"""The picture in the README: a session on a terminal, as an SVG.

    make picture

The commands are the real ones, on a real terminal of a fixed size, in a home of their own. Only the clock is not real:
it is that of ``household.House``, so that the picture of today is the picture of tomorrow.
"""

from __future__ import annotations

import html
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from defer import instants
from defer.client import Client
from defer.commands import cli
from household import ZONE, House
from terminal import shown_by

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "picture.svg"
COLUMNS = 100
FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=ZONE)
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=ZONE)
PROGRAMS = {
    "photos.sh": 'took 3; echo "the disk for photos is not mounted" >&2; exit 1',
    "ask.sh": 'took 20; echo "Two pull requests wait for you: 31 and 34."',
}
BEFORE = (
    "defer 30m resume the review --id review",
    "defer every weekday 8:30 --command ./photos.sh copy the photos --id photos",
    "defer monday 8:00 what is new here --executor ./ask.sh --id news",
    "defer list",
)
AFTER = ("defer history", "defer inbox")


def typed(house: House, line: str) -> str:
    """What a terminal shows of a command at the present moment of the house, colours included."""
    words = [sys.executable, __file__, "type", instants.to_text(house.clock()), *shlex.split(line)[1:]]
    environ = {
        **house.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
    }
    status, said = shown_by(words, cwd=house.base, env=environ, columns=COLUMNS)
    assert status in (0, 1), f"{line}: {said}"
    return said


def session(base: Path) -> Iterator[tuple[str, str]]:
    """Lines as they are typed, each with what the terminal shows then; a comment shows nothing."""
    house = House(base, start=FRIDAY)
    house.wake(was_on=False)
    for name, text in PROGRAMS.items():
        house.write_program(name, text).rename(base / name)
    for line in BEFORE:
        yield line, typed(house, line)
        house.go_to(house.clock() + timedelta(seconds=1))
    house.live_until(MONDAY)
    yield "# Monday, nine o'clock", ""
    for line in AFTER:
        yield line, typed(house, line)


def svg() -> str:
    """The picture."""
    with open(os.devnull, "w") as nowhere, tempfile.TemporaryDirectory() as base:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True, color_system="truecolor")
        for line, said in session(Path(base) / "home"):
            style = "bright_black" if line.startswith("#") else "bold"
            shown = [Text.assemble(("$ ", "bold green"), (line, style))]
            shown += Text.from_ansi(said.rstrip("\n")).split() if said else []
            # A terminal breaks a line where it is full, not between words.
            for one in shown:
                console.print(*one.divide(range(COLUMNS, len(one), COLUMNS)), sep="\n", soft_wrap=True)
        made = console.export_svg(title="defer", theme=DIMMED_MONOKAI, unique_id="defer", font_aspect_ratio=0.61)
    return re.sub(r"\s*@font-face \{.*?\}", "", made, flags=re.DOTALL)


def text_of(picture: str) -> list[str]:
    """The lines of a picture without ids and durations, which differ from one making to the next."""
    found: dict[float, list[tuple[float, str]]] = {}
    for x, y, text in re.findall(r'<text [^>]*\bx="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', picture):
        found.setdefault(float(y), []).append((float(x), html.unescape(text).replace("\xa0", " ")))
    lines = ("".join(text for _, text in sorted(row)).rstrip() for _, row in sorted(found.items()))
    return [re.sub(r"\b\d+(\.\d)?s\b|Z_[0-9a-f]+", "…", line) for line in lines]


def main() -> int:
    """Draw it; or, as a program on the terminal, be a command at a given moment."""
    if sys.argv[1:2] == ["type"]:
        now = instants.from_text(sys.argv[2])
        client = Client(dict(os.environ), clock=lambda: now)
        cli.connect = lambda: client
        return cli.main("front", sys.argv[3:])
    PICTURE.write_text(svg())
    return 0


if __name__ == "__main__":
    sys.exit(main())
