"""docs/operations.md: every command of it works, in an empty home."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import test_documents as documents

from support import ROOT

PAGE = ROOT / "docs" / "operations.md"
HEADINGS = "Install|What wakes it|Upgrade|Back up|Move to another machine|Disk|Remove|WSL|Containers|macOS".split("|")


def test_the_page_has_all_that_people_ask_for() -> None:
    assert re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE) == HEADINGS


def run_in(section: str) -> list[documents.Block]:
    return [block for block in documents.runnable(PAGE)[section] if not documents.is_not_run(block)]


@pytest.mark.programs
@pytest.mark.parametrize("section", [*filter(run_in, documents.runnable(PAGE))])
def test_the_commands_of_a_section_work(section: str, tmp_path: Path) -> None:
    """Each section by itself, by somebody who has the command, a crontab and a store that is empty."""
    reader = documents.Reader(tmp_path)
    (reader.clone / ".git").unlink(missing_ok=True)
    reader.run("defer 30m a task that was there before >/dev/null")
    for block in run_in(section):
        assert block.language == "sh", "a kind of block that is not run here"
        # `doctor` finds something, as long as nothing wakes the store.
        reader.run(re.sub(r"^(\S*defer doctor)\b", r"\1 >/dev/null || [ $? = 1 ]", block.text, flags=re.MULTILINE))
