"""A run record as it is read: moments are moments, and what is not there is None."""

from __future__ import annotations

import json

import pytest

from defer.record import runs
from support import at, text_at


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
