"""The runner that a waker is to start: where it lies, under the name that lasts longest."""

from __future__ import annotations

import os
from pathlib import Path

from defer.errors import Refused


def named(runner: str | os.PathLike[str]) -> str:
    """``runner`` as a waker should call it: without links that lead there."""
    return os.path.realpath(runner)


def startable(runner: Path) -> str:
    """The same. Raises Refused where it cannot be started."""
    found = named(runner)
    if not os.access(found, os.X_OK):
        raise Refused(f"there is nothing to wake: {found} (it is missing or not executable)")
    return found


def is_same(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether both are one file by now."""
    return os.path.realpath(one) == os.path.realpath(other)
