"""The executors that come with Defer, known by name: one file each in ``scripts/executors``."""

from __future__ import annotations

from pathlib import Path

from .config import ROOT

DIRECTORY = ROOT / "scripts" / "executors"


def find(named: str) -> Path | None:
    """The shipped adapter of that name, or None."""
    path = DIRECTORY / named
    return path if "/" not in named and path.is_file() else None


def names() -> str:
    """The names there are, for an error that says what would work."""
    return ", ".join(sorted(one.name for one in DIRECTORY.iterdir())) if DIRECTORY.is_dir() else "none"
