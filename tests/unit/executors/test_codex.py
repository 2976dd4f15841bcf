"""What Codex's program prints, as a report."""

from defer.executors import codex, report
from defer.executors.report import Report


def test_lines_that_are_not_events_are_not_read_as_json(monkeypatch):
    """A million empty ones took three seconds, of exceptions alone."""
    read: list[str] = []
    monkeypatch.setattr(report, "loads", read.append)
    codex.read("\n" * 1000 + "[]\nword\n {}")
    assert read == [" {}"]


def test_an_error_that_the_turn_outlived_is_not_its_failure():
    assert codex.read('{"type":"error","message":"lost"}\n{"type":"turn.completed"}').failure is None
    assert codex.read('{"type":"error","message":"lost"}').failure == "lost"


def test_output_of_another_shape_is_the_report_as_it_is():
    assert codex.read("done") == Report("done")
