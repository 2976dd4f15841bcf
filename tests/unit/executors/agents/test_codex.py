"""What Codex's program prints, as a report."""

import pytest

from defer.executors.agents import base
from support import heard


def test_lines_that_are_not_events_are_not_read_as_json(monkeypatch):
    """A million empty ones took three seconds, of exceptions alone."""
    read: list[str] = []
    monkeypatch.setattr(base, "loads", read.append)
    heard("codex", "\n" * 1000 + "[]\nword\n {}")
    assert read == [" {}"]


def test_an_error_that_the_turn_outlived_is_not_its_failure():
    assert heard("codex", '{"type":"error","message":"lost"}\n{"type":"turn.completed"}').failure is None
    assert heard("codex", '{"type":"error","message":"lost"}').failure == "lost"


def test_output_of_another_shape_is_the_answer_as_it_is():
    assert heard("codex", "done").output == "done"


def test_it_says_that_it_cannot_reach_its_service_until_it_can():
    trying = '{"type":"error","message":"Reconnecting... 1/5"}\n'
    assert heard("codex", trying).retrying == "Reconnecting... 1/5"
    said = '{"type":"item.completed","item":{"type":"agent_message","text":"done"}}\n'
    assert heard("codex", trying + said).retrying is None


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("unexpected status 401 Unauthorized: Incorrect API key", 401),
        ("exceeded retry limit, last status: 429", 429),
        ("the turn failed", None),
    ],
)
def test_the_status_in_its_message(message, status):
    assert heard("codex", f'{{"type":"turn.failed","error":{{"message":"{message}"}}}}').http_status == status
