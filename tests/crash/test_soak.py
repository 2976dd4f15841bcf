"""Row 9 of docs/promises.md, the short version: `make soak` is the long one."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from soak import soak

pytestmark = pytest.mark.slow

SECONDS, PROCESSES = 8, 16


def test_row_9_sixteen_processes_at_once(tmp_path: Path, count: Callable[[str, int], None]) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    one, wrong = soak(tmp_path / "soak", SECONDS, PROCESSES, seed)
    assert not wrong, f"seed {seed}: {wrong}"
    assert one.done["wake"] > 0
    assert one.acknowledged
    count("commands in the soak", one.done.total())
