"""What prune has removed: the note beside the run records, and months that count as removed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from defer.store.interface import Kept
from support import Place, at, moment

BEFORE = moment("2026-05-01T00:00:00Z")
MONTHS = ("202604", "202605", "202606")


RUN = {
    "run_id": "run_1",
    "task_id": "job",
    "attempt": 1,
    "occurrence": None,
    "status": "ok",
    "started_at": None,
    "ended_at": "2026-04-08T16:45:00Z",
    **dict.fromkeys(("duration_ms", "exit_code", "error_type", "error", "late_by_seconds", "log", "prompt", "usage")),
    **dict.fromkeys(("session_id", "host", "pid")),
}


def files(place: Place) -> list[str]:
    return sorted(path.name for path in place.files() if path.suffix == ".jsonl")


@pytest.fixture
def three_months(place: Place) -> Place:
    for folder, lead in (("archive", "deferred"), ("runs", "runs")):
        (place.runtime / folder).mkdir(parents=True)
        for month in MONTHS:
            (place.runtime / folder / f"{lead}_{month}.jsonl").write_text(json.dumps(RUN) + "\n")
    place.own_records = False
    return place


def test_the_note_is_a_file_of_ours(three_months: Place) -> None:
    noted = three_months.store().prune(Kept(at(days=40), at(days=30), at(days=41)))
    note = three_months.runtime / "runs" / "kept.json"
    assert note.read_text() == (
        '{"records": "2026-05-01T00:00:00Z", "logs": "2026-05-08T16:45:00Z", "pruned": "2026-05-19T16:45:00Z"}\n'
    )
    assert (note.stat().st_mode & 0o777, three_months.store().kept_since()) == (0o600, noted)


def test_only_files_that_are_named_for_a_month_are_removed(three_months: Place) -> None:
    for name in ("deferred_202604.jsonl.gz", "deferred_old.jsonl", "deferred_2026041.jsonl", "deferred_٢٠٢٦٠٤.jsonl"):
        (three_months.archive_dir / name).write_text("{}\n")
    three_months.store().prune(Kept(at(days=40), None, at(days=41)))
    left = {path.name for path in three_months.archive_dir.iterdir()}
    assert "deferred_202604.jsonl" not in left
    assert len(left) == 6


def test_a_month_that_a_cut_short_prune_has_left_counts_as_removed(three_months: Place, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("defer.store.kept.remove", lambda paths: None)
        three_months.store().prune(Kept(at(days=40), None, at(days=41)))
    assert len(files(three_months)) == 6
    with three_months.store().standing_still() as kept:
        assert len(list(kept.ended())) == len(list(kept.runs())) == 2
        assert kept.ended_since == kept.runs_since == BEFORE.timestamp()
    three_months.store().prune(Kept(None, None, at(days=42)))
    assert len(files(three_months)) == 4


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"records": 5}', '{"records": "soon"}', '{"logs": {}}', "[" * 3000, "\0"]
)
def test_a_note_that_cannot_be_read_says_nothing(place: Place, text: str) -> None:
    (place.runtime / "runs").mkdir(parents=True)
    (place.runtime / "runs" / "kept.json").write_text(text)
    assert place.store().kept_since() == Kept(None, None, None)


def test_a_link_in_its_place_is_not_followed(place: Place, tmp_path: Path) -> None:
    (place.runtime / "runs").mkdir(parents=True)
    (tmp_path / "theirs").write_text('{"records": "2026-05-01T00:00:00Z"}')
    os.symlink(tmp_path / "theirs", place.runtime / "runs" / "kept.json")
    assert place.store().kept_since() == Kept(None, None, None)
    place.store().prune(Kept(at(days=40), None, at(days=41)))
    assert (tmp_path / "theirs").read_text() == '{"records": "2026-05-01T00:00:00Z"}'
    assert place.store().kept_since().records == BEFORE
