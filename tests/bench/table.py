"""The table: one line for each aim, as Markdown that is aligned for reading as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

HEADINGS = ("work", "ours", "limit", "ratio", "aim", "met")


class Line(NamedTuple):
    """One aim. ``met`` None stands for an aim that was not looked at."""

    work: str
    ours: str
    limit: str
    ratio: str
    aim: str
    met: bool | None

    def cells(self) -> tuple[str, ...]:
        """As text."""
        return (*self[:5], {True: "yes", False: "NO", None: "–"}[self.met])


def milliseconds(seconds: float) -> str:
    """``12.3 ms``, or ``1.23 s`` from one second on."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns are as wide as what stands in them."""
    cells = [list(headings), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]) + "\n"
