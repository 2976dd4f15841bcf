"""Counts of fault points and states, which `tests/conftest.py` prints at the end, and how deep to go."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from limits import DEPTH


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Callable[[str, int], None]:
    """``count("fault points", 12)``: that many were gone through by this test."""

    def add(what: str, number: int) -> None:
        record_property(f"count: {what}", number)

    return add


@pytest.fixture
def depth() -> int:
    """1 in CI; ``make crash`` asks for more of what could be enumerated."""
    return DEPTH
