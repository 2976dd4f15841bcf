"""The manual page: it says what the help says, and every formatter can show it."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

import manual_page
import parsers
from defer.settings.variables import VARIABLES
from support import DEADLINE_SECONDS


def test_it_is_that_of_todays_help_texts_and_tables() -> None:
    assert manual_page.PLACE.read_text(encoding="utf-8") == manual_page.written(), "run `make manual`"


def shown(columns: int, *command: str) -> str:
    """The page as a reader sees it. The formatter has nothing to complain of."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        [*command, str(manual_page.PLACE)],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "MANWIDTH": str(columns), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        timeout=DEADLINE_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


@pytest.mark.parametrize("columns", [60, 80])
def test_groff_shows_it_within_the_width(columns: int) -> None:
    text = shown(columns, "groff", "-man", "-ww", "-Tutf8", "-P-cbou", f"-rLL={columns}n")
    assert max(map(len, text.splitlines())) <= columns
    words = " ".join(text.split()).replace("‐", "-").replace("−", "-")
    assert [name for name in (*parsers.OF_FRONT, *VARIABLES) if not re.search(rf"\b{name}\b", words)] == []
    missing = {
        flag
        for make in (*parsers.OF_FRONT.values(), *parsers.OF_ENTRIES.values())
        for flag in make().flags()
        if flag != "--help" and not re.search(rf"(?<![\w-]){flag}\b", words)
    }
    assert missing == set()


def test_man_shows_it_without_a_warning() -> None:
    assert "SYNOPSIS" in shown(80, "man", "--warnings", "-E", "UTF-8", "-l")


@pytest.mark.parametrize("name", parsers.OF_FRONT)
def test_a_help_names_a_flag_and_says_a_sentence_once(name: str) -> None:
    parser = parsers.OF_FRONT[name]()
    listed = re.findall(r"^  (--[\w-]+)", parser.format_help(), re.MULTILINE)
    said = re.split(r"(?<=[.:])\s+", f"{parser.description} {parser.epilog or ''}".strip())
    for parts in (listed, said):
        assert len(parts) == len(set(parts))
