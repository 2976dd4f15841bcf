"""The monthly files of the archive and of the runs: their names, and which ones exist."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from defer import fsio

ARCHIVE, RUNS = "deferred_", "runs_"


_MONTH = re.compile(r"\d{6}\.jsonl", re.ASCII).fullmatch


def path_for(directory: Path, lead: str, instant: datetime) -> Path:
    """The file of the month of ``instant`` (UTC)."""
    # Not by strftime, which writes the year 999 with three digits on some systems.
    return directory / f"{lead}{instant.year:04}{instant.month:02}.jsonl"


def files(directory: Path, lead: str, since: datetime | None = None) -> list[Path]:
    """The monthly files of a directory, the oldest first; none that is over before ``since``."""
    removed = set() if since is None else set(over(directory, lead, since))
    found = (directory / name for name in fsio.names(directory) if name.startswith(lead) and name.endswith(".jsonl"))
    return [path for path in found if path not in removed]


def over(directory: Path, lead: str, before: datetime) -> list[Path]:
    """Those that are over before that moment. A file whose name is not that of a month is none of them."""
    first = path_for(directory, lead, before).name
    names = (name for name in fsio.names(directory) if name.startswith(lead) and _MONTH(name, len(lead)))
    return [directory / name for name in names if name < first]
