"""A run record as it is read: moments are moments, and what is not there is None."""

from __future__ import annotations

import json

import pytest

from defer.record import runs
from defer.record.outcome import Outcome, run_record
from support import NOW, at, text_at, v1_task


@pytest.mark.parametrize(
    ("said", "read"),
    [(text_at(minutes=-1), at(minutes=-1)), ("", None), (None, None)],
    ids=["a moment", "empty", "null"],
)
def test_a_start_is_a_moment_or_nothing(said, read):
    run = runs.read(json.dumps({"ended_at": text_at(), "started_at": said}).encode())
    assert run is not None
    assert (run.started_at, run.ended_at) == (read, at())


@pytest.mark.parametrize("wrong", [{}, {"ended_at": ""}, {"ended_at": text_at(), "started_at": "then"}])
def test_a_line_without_its_moments_is_not_a_run(wrong):
    assert runs.read(json.dumps(wrong).encode()) is None


def test_a_run_names_the_variables_that_its_tasks_file_gave_it():
    done = Outcome("ok", exit_code=0)
    assert run_record(v1_task("a", env=["API_URL"]), done, NOW)["env"] == ["API_URL"]
    assert run_record(v1_task("a"), done, NOW)["env"] is None
