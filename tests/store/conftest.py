"""The kinds of store that the suite is run on: a new kind joins by a factory in ``KINDS``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from memory import Kept, MemoryStore

from defer.settings.config import Config
from defer.store import open_store
from defer.store.interface import Report, Store

Open: TypeAlias = Callable[[Report], Store]
"""Another handle on the same store."""


def json_lines(directory: Path) -> Open:
    config = Config({"HOME": str(directory), "DEFER_RUNTIME_DIR": str(directory / "runtime")}, {}, None)
    return lambda report: open_store(config, report)


def in_memory(directory: Path) -> Open:
    assert directory.is_dir()
    kept = Kept()
    return lambda report: MemoryStore(kept, report)


KINDS: list[Callable[[Path], Open]] = [json_lines, in_memory]


@pytest.fixture
def reported() -> list[tuple[str, dict[str, Any]]]:
    """What the handles have reported."""
    return []


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def handle(request: pytest.FixtureRequest, tmp_path: Path, reported: list[Any]) -> Callable[[], Store]:
    """``handle()``: a store that holds nothing at first, once more at each call, as another process would have it."""
    opened: Open = request.param(tmp_path)
    return lambda: opened(lambda action, **facts: reported.append((action, facts)))


@pytest.fixture
def store(handle: Callable[[], Store]) -> Store:
    """One handle on it."""
    return handle()
