"""Tables: no column that matters disappears, whatever the width; they are aligned, whatever the script."""

from __future__ import annotations

import io
import re

import pytest

from defer.commands import tables
from defer.commands.tables import Cell, Column

LISTING = [
    Column("When", 0),
    Column("", 2),
    Column("Status", 0),
    Column("Id", 0, least=8, cut=True),
    Column("Summary", 1, least=10, cut=True),
]
LONG_ID = "nightly-" + "x" * 37


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _a_terminal_with_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def shown(columns: list[Column], *rows: list[Cell], out: io.StringIO | None = None) -> list[str]:
    out = out or io.StringIO()
    tables.show(columns, rows, out)
    return out.getvalue().splitlines()


def row(task_id: str = "a", summary: str = "resume the review", status: Cell = "scheduled") -> list[Cell]:
    return ["Wed 08 Apr 16:45", "in 2h", status, task_id, summary]


def test_a_table_is_a_heading_a_rule_and_a_line_a_row() -> None:
    assert shown(LISTING, row(), row("b2", "go on", "paused")) == [
        "When                     Status     Id  Summary",
        "─────────────────────────────────────────────────────────",
        "Wed 08 Apr 16:45  in 2h  scheduled  a   resume the review",
        "Wed 08 Apr 16:45  in 2h  paused     b2  go on",
    ]


@pytest.mark.parametrize(("columns", "headings"), [
    (120, ["When", "Status", "Id", "Summary"]),
    (80, ["When", "Status", "Id", "Summary"]),
    (60, ["When", "Status", "Id", "Summary"]),
    (45, ["When", "Status", "Id"]),
])  # fmt: skip
def test_a_long_id_is_cut_and_no_column_that_matters_goes(
    columns: int, headings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = shown(LISTING, row(LONG_ID, "the review " * 30), row("b", status="paused"))
    assert lines[0].split() == headings
    assert max(map(len, lines)) <= columns
    assert "  scheduled  nightly-" in lines[2]
    assert "…" in lines[2]
    assert "  paused     b" in lines[3]
    if "Summary" in headings:
        assert lines[2].endswith("…")


def test_columns_that_are_cut_share_what_room_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = [Column("A", 0, least=8, cut=True), Column("B", 1, least=5, cut=True), Column("C", 2, least=5, cut=True)]
    monkeypatch.setenv("COLUMNS", "44")
    lines = shown(columns, ["a" * 40, "b" * 9, "c" * 300])
    assert lines[2] == f"{'a' * 16}…  {'b' * 9}  {'c' * 13}…"


def test_where_there_is_no_room_for_what_must_be_there_each_row_is_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert shown(LISTING, row(LONG_ID), row("b", "")) == [
        "When     Wed 08 Apr 16:45",
        "         in 2h",
        "Status   scheduled",
        f"Id       {LONG_ID}",
        "Summary  resume the review",
        "",
        "When     Wed 08 Apr 16:45",
        "         in 2h",
        "Status   scheduled",
        "Id       b",
    ]


def test_a_column_that_nobody_fills_is_left_out_if_it_may_be() -> None:
    columns = [Column("Id", 0), Column("Why", 0), Column("Cost", 1, right=True), Column("Took", 1, right=True)]
    assert shown(columns, ["a", "", "", "9 s"], ["b", "", "", "12 s"]) == [
        "Id  Why  Took",
        "─────────────",
        "a         9 s",
        "b        12 s",
    ]


TEXTS = {
    "letters": "resume",
    "combining": "re\u0301sume\u0301",
    "wide": "漢字テスト",
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 dinner",
    "skin": "\U0001f44d\U0001f3fd",
    "flag": "\U0001f1e9\U0001f1ea",
    "flags": "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7\U0001f1ea\U0001f1f8",
    "heart": "\u2764\ufe0f",
    "Hindi": "नमस्ते",
    "Hebrew": "שלום עולם",
    "Arabic with digits": "سلام ١٢٣",
    "Persian": "می\u200cخواهم",
}
# Cells that a terminal takes, counted by hand.
CELLS = {
    "letters": 6,
    "combining": 6,
    "wide": 10,
    "family": 9,
    "skin": 2,
    "flag": 2,
    "flags": 6,
    "heart": 2,
    "Hindi": 4,
}
CELLS |= {"Hebrew": 9, "Arabic with digits": 8, "Persian": 7}


@pytest.mark.parametrize("name", TEXTS)
def test_what_stands_behind_any_script_is_aligned(name: str) -> None:
    lines = shown([Column("Text", 0), Column("Next", 0)], [TEXTS[name], "|"], ["x" * 20, "|"])
    before = lines[2].removesuffix("|").replace("\u2068", "").replace("\u2069", "")
    assert before == TEXTS[name] + " " * (22 - CELLS[name])


@pytest.mark.parametrize("name", ["Hebrew", "Arabic with digits", "Persian"])
def test_what_is_written_from_right_to_left_turns_nothing_beside_it(name: str) -> None:
    lines = shown([Column("Text", 0), Column("Next", 0)], [TEXTS[name], "12"])
    assert lines[2].startswith(f"\u2068{TEXTS[name]}\u2069 ")


@pytest.mark.parametrize("width", range(1, 12))
@pytest.mark.parametrize("name", TEXTS)
def test_a_cut_ends_in_an_ellipsis_and_halves_nothing(name: str, width: int) -> None:
    whole = TEXTS[name]
    cut = tables.fitted(whole, width)
    assert tables.width_of(cut) <= width
    if CELLS[name] <= width:
        assert cut == whole
    else:
        assert cut.endswith("…")
        assert whole.startswith(cut[:-1])
        rest = whole[len(cut) - 1 :]
        assert not cut[:-1].endswith("\u200d")
        assert not rest.startswith(("\u200d", "\ufe0f", "\u0301"))
        assert name != "flags" or len(rest) % 2 == 0


def test_text_from_elsewhere_is_shown_and_not_obeyed() -> None:
    lines = shown([Column("Id", 0), Column("Why", 0)], ["a\x1b[31m", ("one\ntwo\u202e\u2069", "bad")], out=Terminal())
    assert lines[2] == "a\\x1b[31m  \x1b[31mone two\\u202e\\u2069\x1b[0m"


def test_a_state_has_its_colour_where_the_terminal_has_colours() -> None:
    cells: list[Cell] = [("ok", "good"), ("failed", "bad"), ("held", "warn"), ("old", "dim"), ("x", "plain")]
    columns = [Column("A", 0), Column("B", 0), Column("C", 0), Column("D", 0), Column("E", 0)]
    coloured = shown(columns, cells, out=Terminal())[2]
    assert coloured == "\x1b[32mok\x1b[0m  \x1b[31mfailed\x1b[0m  \x1b[33mheld\x1b[0m  \x1b[2mold\x1b[0m  x"
    assert re.sub(r"\x1b\[\d+m", "", coloured) == shown(columns, cells)[2] == "ok  failed  held  old  x"


@pytest.mark.parametrize("without", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": None}])
def test_nobody_who_asks_for_none_gets_a_colour(
    without: dict[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in without.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    assert "\x1b" not in "".join(shown([Column("A", 0)], [("failed", "bad")], out=Terminal()))
    assert tables.painted("failed", "bad", Terminal()) == "failed"


def test_an_empty_setting_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert tables.painted("failed", "bad", Terminal()) == "\x1b[31mfailed\x1b[0m"


@pytest.mark.parametrize("columns", ["", "0", "many", "-3", "٣"])
def test_a_width_that_is_none_is_the_usual_one_on_a_terminal_and_elsewhere_nothing_is_cut(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert tables.room(Terminal()) == 80
    assert shown([Column("A", 0, least=3, cut=True)], ["a" * 300])[2] == "a" * 300


def test_a_width_of_hundreds_of_digits_is_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "9" * 400)
    assert tables.room(Terminal()) == 999_999_999
