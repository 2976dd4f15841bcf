"""Row 9 of docs/promises.md, the short version: `make soak` is the long one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from soak import soak

pytestmark = pytest.mark.slow

SECONDS, PROCESSES, SEED = 8, 16, 9


def test_row_9_sixteen_processes_at_once(tmp_path: Path, count: Callable[[str, int], None]) -> None:
    one, wrong = soak(tmp_path / "soak", SECONDS, PROCESSES, SEED)
    assert not wrong, wrong
    assert one.done["wake"] > 0
    assert one.acknowledged
    count("commands in the soak", one.done.total())
