"""What has run: the records of ended attempts, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from defer.record import codec
from defer.record.runs import Run, read

from . import backwards, months


def runs(runs_dir: Path, task_id: str | None = None) -> Iterator[Run]:
    """The runs of one task, or of all, newest month and newest line first. Lines that are not runs are skipped."""
    needles = [b""] if task_id is None else codec.needles(task_id)
    for path in reversed(months.files(runs_dir, months.RUNS)):
        for line in backwards.lines(path):
            run = read(line) if any(needle in line for needle in needles) else None
            if run is not None and task_id in (None, run.task_id):
                yield run
