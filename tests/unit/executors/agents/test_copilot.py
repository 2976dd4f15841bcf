"""What GitHub Copilot CLI's program prints, beside what was recorded of it."""

import json

import pytest

from defer.executors import names, registry
from defer.executors.agents.base import Wishes
from support import heard


def lines(*events):
    return "".join(json.dumps(event) + "\n" for event in events)


FAILED = {"type": "session.error", "data": {"errorType": "rate_limit", "message": "too fast"}}


def test_a_conversation_that_it_begins_has_a_name_of_ours():
    """It says its own at its end alone, which a timeout does not let it reach."""
    first, second = (registry.agent("copilot").start(Wishes()) for _ in range(2))
    assert f"--session-id={first.session}" in first.arguments
    assert names.is_session(first.session)
    assert first.session != second.session
    assert registry.agent("copilot").start(Wishes(session="s-1")).session == "s-1"


@pytest.mark.parametrize(("kind", "status", "hopeless"), [("rate_limit", 429, False), ("authentication", None, True)])
def test_the_kind_of_an_error_that_has_no_status(kind, status, hopeless):
    found = heard("copilot", lines({"type": "session.error", "data": {"errorType": kind, "message": "no"}}))
    assert (found.failure, found.http_status, found.is_hopeless) == ("no", status, hopeless)


def test_what_it_got_over_is_not_its_failure():
    assert heard("copilot", lines(FAILED, {"type": "result", "exitCode": 0})).failure is None
    assert heard("copilot", lines(FAILED, {"type": "result", "exitCode": 1})).failure == "too fast"


def test_what_an_agent_of_its_own_says_is_not_its_answer():
    message = {"type": "assistant.message", "data": {"content": "Done."}}
    inner = {"type": "assistant.message", "data": {"content": "Inner.", "parentToolCallId": "c1"}}
    assert heard("copilot", lines(message, inner)).output == "Done."


def test_nobody_is_logged_in():
    found = heard("copilot", "", "Error: No authentication information found.\n\n  • Run 'gh auth login'\n")
    assert found.is_hopeless
    assert found.failure == "Error: No authentication information found."
