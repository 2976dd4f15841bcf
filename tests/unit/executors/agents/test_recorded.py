"""What the real programs of these agents printed in each case, and what comes of it: ``tests/agents/record.py``."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from defer.executors import verdict
from support import ROOT, heard

DATA = ROOT / "tests" / "data" / "agents"
NOW = datetime(2026, 11, 27, tzinfo=UTC)
ANSWERED = {"answer": "Stub answer.", "resumed": "Again."}
# What never works by trying again, and a part of what is said of it.
HOPELESS = {
    "gemini": {
        "auth": "invalid x-api-key",
        "forbidden": "Your key may not use",
        "no-model": "model: gemini-2.5-pro",
        "no-login": "Invalid auth method selected.",
        "too-long": "prompt is too long",
    },
    "opencode": {
        "auth": "Incorrect API key provided",
        "forbidden": "Your key may not use",
        "no-model": "does not exist or you do not have access",
        "too-long": "prompt is too long",
    },
    "copilot": {
        "auth": "Authentication failed",
        "forbidden": "Authentication failed",
        "no-model": "Model 'stub' not found",
        "no-login": "requires a local model provider",
        "too-long": "rejected the prompt as too long",
    },
    "qwen": {
        "auth": "Incorrect API key provided",
        "forbidden": "Your key may not use",
        "no-model": "does not exist or you do not have access",
        "no-login": "Missing API key",
        "too-long": "prompt is too long",
    },
}
BUSY = ("limit", "limit-untimed", "quota", "overload")
# Those that give up by themselves. Qwen Code had tried for 90 s without a word; opencode waits as long as it is told.
GIVES_UP = [
    *(("gemini", case) for case in BUSY),
    *(("copilot", case) for case in BUSY),
    *(("opencode", case) for case in BUSY if case != "limit-untimed"),
]
DENIED = {"opencode": "bash", "copilot": "bash"}
AGENTS = tuple(HOPELESS)


def recorded(agent, case):
    """What its reader makes of a recorded case, and the exit status of the program."""
    out, err, status = ((DATA / agent / f"{case}.{part}").read_text() for part in ("stdout", "stderr", "status"))
    return heard(agent, out, err), int(status)


def judged(agent, case):
    report, status = recorded(agent, case)
    return verdict.judge(agent, report, status, NOW, ZoneInfo("UTC"))


@pytest.mark.parametrize("case", ANSWERED)
@pytest.mark.parametrize("agent", AGENTS)
def test_an_answer(agent, case):
    found = judged(agent, case)
    assert (found.exit_code, found.output, found.error) == (0, ANSWERED[case], None)
    assert found.result["session_id"]


@pytest.mark.parametrize("agent", ["gemini", "opencode", "qwen"])
def test_the_tokens_of_a_run_and_not_of_the_conversation_that_it_continues(agent):
    used = [judged(agent, case).result["usage"] for case in ANSWERED]
    assert [(one["input_tokens"], one["output_tokens"]) for one in used] == [(1200, 34)] * 2


@pytest.mark.parametrize("agent", AGENTS)
def test_a_tool_call_is_counted(agent):
    found = judged(agent, "tool")
    assert (found.exit_code, found.result["tool_calls"]) == (0, 1)
    assert found.output.startswith("Done: ")


@pytest.mark.parametrize("agent", DENIED)
def test_what_it_was_denied_is_named(agent):
    found = judged(agent, "denied")
    assert (found.exit_code, found.result["denied"]) == (0, [DENIED[agent]])


@pytest.mark.parametrize(("agent", "case"), [(agent, case) for agent in HOPELESS for case in HOPELESS[agent]])
def test_what_can_never_work_is_not_tried_again(agent, case):
    found = judged(agent, case)
    assert found.exit_code == verdict.EXIT_MISCONFIGURED
    assert HOPELESS[agent][case] in found.error


@pytest.mark.parametrize(("agent", "case"), GIVES_UP)
def test_what_will_work_later_is_tried_again(agent, case):
    found = judged(agent, case)
    assert found.exit_code == verdict.EXIT_BUSY
    assert found.error


@pytest.mark.parametrize("agent", AGENTS)
def test_a_conversation_that_is_gone(agent):
    report, status = recorded(agent, "gone")
    assert (report.is_session_gone, status != 0) == (True, True)


@pytest.mark.parametrize("agent", ["gemini", "qwen"])
def test_a_conversation_of_another_directory_is_gone(agent):
    assert recorded(agent, "elsewhere")[0].is_session_gone


@pytest.mark.parametrize("agent", ["gemini", "copilot", "qwen"])
def test_a_connection_that_is_cut_is_a_failure(agent):
    found = judged(agent, "dropped")
    assert (found.exit_code, bool(found.error)) == (1, True)


@pytest.mark.parametrize("agent", ["gemini", "copilot"])
def test_the_session_and_the_tool_of_one_that_was_stopped_are_known(agent):
    report, _ = recorded(agent, "stopped")
    assert report.session_id
    assert report.tool_calls == 1
