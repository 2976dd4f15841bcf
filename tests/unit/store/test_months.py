"""Monthly files: what they are called, and which there are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from defer.store import months


def test_the_file_of_a_month_is_named_after_it_in_any_year(tmp_path: Path) -> None:
    assert months.path_for(tmp_path, "runs_", datetime(999, 4, 8, tzinfo=UTC)).name == "runs_099904.jsonl"


def test_the_months_of_a_directory_are_found_oldest_first(tmp_path: Path) -> None:
    for name in ("runs_202605.jsonl", "deferred_202604.jsonl", "runs_202604.jsonl", "runs_202604.jsonl.gz", "notes"):
        (tmp_path / name).touch()
    assert [path.name for path in months.files(tmp_path, months.RUNS)] == ["runs_202604.jsonl", "runs_202605.jsonl"]
    assert months.files(tmp_path / "none", months.RUNS) == []
