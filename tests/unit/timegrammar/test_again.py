"""Laws of what recurs and of ``::defer`` lines, over tables of rules, clocks and bounds."""

import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests"))

import time_accuracy  # noqa: E402


@pytest.mark.parametrize("path", time_accuracy.LINES, ids=lambda path: path.stem)
def test_lines_as_they_are_said_are_split_right(path: Path) -> None:
    graded = Counter(time_accuracy.grade(row) for row in time_accuracy.rows(path))
    assert graded["right"] >= 0.95 * graded.total()
    assert graded["wrong"] <= 0.01 * graded.total()
