"""Tables for people: which columns there is room for, how wide a text is on a terminal, and colour by state."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TextIO, TypeAlias

from defer import visible

Cell: TypeAlias = "str | tuple[str, str]"
"""Text, or text and its style: ``good``, ``bad``, ``warn``, ``dim`` or ``plain``."""

_STYLES = {"good": "32", "bad": "31", "warn": "33", "dim": "2"}
_GAP, _USUAL_WIDTH, _ENDLESS = 2, 80, 1_000_000
_MOST_CHARACTERS = 300
# Unicode's first strong isolate and its end (UAX #9): what is between them turns nothing outside.
_ISOLATED = "\u2068{}\u2069"
_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
_TURNING = ("R", "AL", "AN")


class Column(NamedTuple):
    """A column of a table.

    ``keeps``: 0 for one that is always there; of the others, the one with the largest number is left out first
    when there is no room. ``cut`` ones may be cut down to ``least`` cells, and then end in ``…``; no other is.
    ``right`` is for numbers. A column that may be left out is also left out where no row has anything for it.
    """

    heading: str
    keeps: int
    least: int = 0
    cut: bool = False
    right: bool = False


def show(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], out: TextIO) -> None:
    """Print ``rows``, which have a cell for each column; each cell on one line, and safe whatever text it holds.

    Where there is no room even for the columns that are always there, each row becomes a block: a line a cell.
    """
    cells = [[_cell(cell) for cell in row] for row in rows]
    said = [place for place, column in enumerate(columns) if not column.keeps or any(row[place][0] for row in cells)]
    columns, cells = [columns[place] for place in said], [[row[place] for place in said] for row in cells]
    colours = has_colour(out)
    widths = _widths(columns, cells, room(out))
    if widths is None:
        lines = _blocks(columns, cells, colours)
    else:
        lines = _lines(columns, cells, widths, colours)
    out.writelines(f"{line}\n" for line in lines)


def painted(text: str, style: str, out: TextIO) -> str:
    """``text``, which is safe to show, in the colour of ``style`` where ``out`` shows colours."""
    return _painted(text, style, has_colour(out))


def has_colour(out: TextIO) -> bool:
    """Whether ``out`` is a terminal that shows colours, and nobody has asked for none (https://no-color.org)."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def room(out: TextIO) -> int:
    """How many cells a line of ``out`` has: as COLUMNS says, else as its terminal has; without one, enough for all."""
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told[:9]) > 0:
        return int(told[:9])
    if not out.isatty():
        return _ENDLESS
    try:
        return os.get_terminal_size(out.fileno()).columns or _USUAL_WIDTH
    except OSError:  # a stand-in without a descriptor raises one as well
        return _USUAL_WIDTH


def width_of(text: str) -> int:
    """How many cells a terminal needs for ``text``: two for wide letters, and for emoji however many are joined."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fitted(text: str, width: int) -> str:
    """``text``, cut to ``width`` cells where it has more; what is cut ends in ``…``."""
    if width_of(text) <= width:
        return text
    if text.isascii():
        return text[: width - 1].rstrip() + "…"
    from rich.cells import set_cell_size

    cut = set_cell_size(text, width - 1).rstrip()
    # A flag is two letters of their own kind: half of one is not one.
    flags = len(cut) - len(cut.rstrip(_FLAG_LETTERS))
    return (cut[:-1] if flags % 2 else cut) + "…"


def _cell(cell: Cell) -> tuple[str, str]:
    text, style = (cell, "plain") if isinstance(cell, str) else cell
    return visible.sentence(text, _MOST_CHARACTERS), style


def _widths(columns: Sequence[Column], rows: list[list[tuple[str, str]]], cells: int) -> list[int] | None:
    """How wide each column is, 0 for one that is left out; None where those that must be there do not fit.

    First whole columns go, until the others fit when cut to their least. What room is left then, those that were cut
    share alike; what one does not need, the others get.
    """
    full = [
        max(width_of(column.heading), *(width_of(row[place][0]) for row in rows), 0)
        for place, column in enumerate(columns)
    ]
    least = [
        min(width, max(column.least, width_of(column.heading))) if column.cut else width
        for column, width in zip(columns, full, strict=True)
    ]
    shown = list(range(len(columns)))
    while _left(least, shown, cells) < 0:
        goes = max(shown, key=lambda place: columns[place].keeps)
        if not columns[goes].keeps:
            return None
        shown.remove(goes)
    widths = [least[place] if place in shown else 0 for place in range(len(columns))]
    hungry = sorted((place for place in shown if columns[place].cut), key=lambda place: full[place] - least[place])
    for number, place in enumerate(hungry):
        share = _left(widths, shown, cells) // (len(hungry) - number)
        widths[place] += min(full[place] - least[place], share)
    return widths


def _left(widths: list[int], shown: list[int], cells: int) -> int:
    return cells - sum(widths[place] for place in shown) - _GAP * (len(shown) - 1)


def _lines(
    columns: Sequence[Column], rows: list[list[tuple[str, str]]], widths: list[int], colours: bool
) -> Iterator[str]:
    shown = [(column, place, width) for place, (column, width) in enumerate(zip(columns, widths, strict=True)) if width]

    def line(cells: Sequence[tuple[str, str]]) -> str:
        padded = [_padded(*cells[place], width, column.right, colours) for column, place, width in shown]
        return (" " * _GAP).join(padded).rstrip()

    yield line([(column.heading, "plain") for column in columns])
    yield _painted("─" * (sum(width for _, _, width in shown) + _GAP * (len(shown) - 1)), "dim", colours)
    yield from map(line, rows)


def _padded(text: str, style: str, width: int, to_the_right: bool, colours: bool) -> str:
    text = fitted(text, width)
    blank = " " * (width - width_of(text))
    shown = _painted(_isolated(text), style, colours)
    return blank + shown if to_the_right else shown + blank


def _blocks(columns: Sequence[Column], rows: list[list[tuple[str, str]]], colours: bool) -> Iterator[str]:
    widest = max(width_of(column.heading) for column in columns)
    for number, row in enumerate(rows):
        if number:
            yield ""
        for column, (text, style) in zip(columns, row, strict=True):
            if text:
                blank = " " * (widest - width_of(column.heading) + _GAP)
                yield f"{column.heading}{blank}{_painted(_isolated(text), style, colours)}"


def _painted(text: str, style: str, colours: bool) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if colours and text and style in _STYLES else text


def _isolated(text: str) -> str:
    """Text written from right to left, kept from turning what stands beside it."""
    if text.isascii() or not any(unicodedata.bidirectional(char) in _TURNING for char in text):
        return text
    return _ISOLATED.format(text)
