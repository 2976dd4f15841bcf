"""What an agent's run came to, and when its quota is back. The sentences are such as users have reported."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defer.executors import registry, resultfile
from defer.executors.quota import Exhausted, exhausted
from defer.executors.verdict import Verdict, judge
from support import heard

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
LISBON = ZoneInfo("Europe/Lisbon")


@pytest.mark.parametrize(
    ("said", "back_at"),
    [
        ("Claude AI usage limit reached|1776700800", datetime(2026, 4, 20, 16, 0, tzinfo=UTC)),
        ("You've hit your limit · resets 3pm (Europe/Lisbon)", datetime(2026, 4, 20, 14, 0, tzinfo=UTC)),
        ("You've hit your session limit · resets 3:50pm (Asia/Tokyo)", datetime(2026, 4, 21, 6, 50, tzinfo=UTC)),
        ("Claude usage limit reached. Your limit will reset at 3pm (America/Bogota).",
         datetime(2026, 4, 20, 20, 0, tzinfo=UTC)),
        ("You've hit your usage limit. Upgrade to Pro (https://example.com) or try again in 2 days 17 hours.",
         datetime(2026, 4, 23, 5, 0, tzinfo=UTC)),
        ("You've hit your usage limit … or try again in 5 hours 1\nminute.", datetime(2026, 4, 20, 17, 1, tzinfo=UTC)),
        ("You've hit your usage limit. Try again at 3:15 PM.", datetime(2026, 4, 20, 14, 15, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_time_that_is_said_is_read(said, back_at):
    assert exhausted(said, NOW, LISBON) == Exhausted(back_at)


@pytest.mark.parametrize(
    "said",
    [
        "API Error: 429 rate_limit_error: This request would exceed your account's rate limit.",
        "ERROR: Quota exceeded. Check your plan and billing details.",
        "Overloaded",
        "You've hit your limit · resets sometime (Europe/Lisbon)",
        "You've hit your limit · resets 3pm (Middle/Earth)",
        "Claude AI usage limit reached|1000000000",
    ],
)
def test_a_limit_without_a_time_that_can_be_read_has_none(said):
    assert exhausted(said, NOW, LISBON) == Exhausted(None)


@pytest.mark.parametrize("said", ["", "no such file", "the turn limit", "resets 3pm (Europe/Lisbon)"])
def test_other_failures_are_none_of_it(said):
    assert exhausted(said, NOW, LISBON) is None


def judged(agent: str, printed: str, status: int) -> Verdict:
    return judge(agent, heard(agent, printed), status, NOW, LISBON)


def claude(status=0, **fields):
    return judged("claude", json.dumps({"type": "result", **fields}), status)


def test_quota_is_75_with_the_time_in_the_result_file():
    verdict = claude(1, is_error=True, result="You've hit your limit · resets 3pm (Europe/Lisbon)", session_id="s")
    assert verdict.exit_code == 75
    assert verdict.result == {"session_id": "s", "retry_at": "2026-04-20T14:00:00Z"}


def test_words_about_limits_in_a_good_answer_are_no_limit():
    verdict = claude(result="The API answers 429 when the rate limit is hit.")
    assert (verdict.exit_code, verdict.error) == (0, None)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_its_service_will_never_take_is_78(status):
    assert claude(1, is_error=True, result="API Error", api_error_status=status).exit_code == 78


def test_a_long_error_is_cut_to_one_line():
    verdict = judged("claude", "x\n" * 5000, 1)
    assert verdict.error is not None
    assert len(verdict.error) == 1000
    assert "\n" not in verdict.error
    assert verdict.output == "x\n" * 5000


def test_silence_with_a_failing_status_still_says_something():
    assert judged("codex", "", 9).error == "codex exited with 9"


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_what_its_service_may_take_later_is_75(status):
    assert claude(1, is_error=True, result="API Error", api_error_status=status).exit_code == 75


def test_a_limit_of_the_tasks_own_is_78():
    verdict = claude(1, is_error=True, subtype="error_max_turns")
    assert (verdict.exit_code, verdict.error) == (78, "error_max_turns")


def test_a_denied_tool_is_left_to_the_wake():
    verdict = claude(result="I could not.", permission_denials=[{"tool_name": "Bash\nx"}])
    assert (verdict.exit_code, verdict.error, verdict.result) == (0, None, {"denied": ["Bash x"]})


@pytest.mark.parametrize("agent", registry.AGENTS)
def test_a_success_without_a_word_is_none(agent):
    verdict = judged(agent, "", 0)
    said = f"{agent} has said nothing, and called that a success"
    assert (verdict.exit_code, verdict.error, verdict.result) == (1, said, {"error_type": "EmptyRun"})


def test_the_last_line_of_its_standard_error_is_better_than_a_number():
    report = heard("codex", "", "first\nMissing environment variable: `KEY`.\n\n")
    verdict = judge("codex", report, 1, NOW, LISBON)
    assert (verdict.exit_code, verdict.error) == (78, "Missing environment variable: `KEY`.")


def test_a_time_in_an_event_counts_before_one_in_words():
    event = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1776700800}}
    result = {"type": "result", "is_error": True, "result": "You've hit your limit · resets 3pm (Europe/Lisbon)"}
    verdict = judged("claude", f"{json.dumps(event)}\n{json.dumps(result)}", 1)
    assert verdict.result["retry_at"] == "2026-04-20T16:00:00Z"


def test_a_session_that_is_not_one_is_left_out_and_that_is_said():
    verdict = claude(result="done", session_id="--yolo")
    assert (verdict.exit_code, verdict.result) == (0, {})
    assert verdict.problems == ("the next run begins a new conversation: what it calls its session is not an id",)
    assert claude(result="done", session_id="5f1c").problems == claude(result="done").problems == ()


KEYS = [
    *("type", "result", "is_error", "permission_denials", "tool_name", "usage", "total_cost_usd", "api_error_status"),
    *("input_tokens", "cache_read_input_tokens", "output_tokens", "error", "message", "item", "errors", "session_id"),
    *("thread_id", "text"),
]
WORDS = [
    "result",
    "error",
    "turn.failed",
    "turn.completed",
    "item.completed",
    "thread.started",
    "agent_message",
    "--yolo",
]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5)
NUMBERS = st.sampled_from([10**400, -1, 10**15, 10**15 + 1, 429, 401])
ANY_JSON = st.recursive(
    LEAVES | NUMBERS | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
)


@given(st.sampled_from(registry.AGENTS), st.lists(ANY_JSON, max_size=4), st.sampled_from([0, 1]))
def test_any_json_is_judged(agent, values, status):
    verdict = judged(agent, "\n".join(map(json.dumps, values)), status)
    assert verdict.exit_code in (0, 1, 75, 78)
    assert (verdict.exit_code == 0) == (verdict.error is None)
    assert len((verdict.error or "").splitlines()) <= 1
    _, complaint = resultfile.read(resultfile.load(json.dumps(verdict.result).encode()), NOW)
    assert complaint is None
