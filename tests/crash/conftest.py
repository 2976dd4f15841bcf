"""Counts of fault points and states, summed over all tests and workers and printed at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from limits import DEPTH


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Callable[[str, int], None]:
    """``count("fault points", 12)``: that many were gone through by this test."""

    def add(what: str, number: int) -> None:
        record_property(f"count: {what}", number)

    return add


def pytest_terminal_summary(terminalreporter: Any) -> None:
    totals: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name.startswith("count: "):
                totals[name.removeprefix("count: ")] += value
    if totals:
        terminalreporter.section("what the fault tests went through")
        for name, total in sorted(totals.items()):
            terminalreporter.line(f"{total:8} {name}")


@pytest.fixture
def depth() -> int:
    """1 in CI; ``make crash`` asks for more of what could be enumerated."""
    return DEPTH
