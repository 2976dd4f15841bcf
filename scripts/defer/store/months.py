"""The monthly files of the archive and of the runs: their names, and which ones exist."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from defer import fsio

ARCHIVE, RUNS = "deferred_", "runs_"


def path_for(directory: Path, lead: str, instant: datetime) -> Path:
    """The file of the month of ``instant`` (UTC)."""
    # Not by strftime, which writes the year 999 with three digits on some systems.
    return directory / f"{lead}{instant.year:04}{instant.month:02}.jsonl"


def files(directory: Path, lead: str) -> list[Path]:
    """The monthly files of a directory, the oldest first."""
    names = fsio.names(directory)
    return [directory / name for name in names if name.startswith(lead) and name.endswith(".jsonl")]
