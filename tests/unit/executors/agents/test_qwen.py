"""What Qwen Code's program prints, beside what was recorded of it."""

import json

import pytest

from support import heard


def result(**more):
    return json.dumps({"type": "result", "subtype": "success", "is_error": False, **more}) + "\n"


@pytest.mark.parametrize(
    ("said", "failure", "status"),
    [
        ("[API Error: 401 Incorrect API key provided.]", "Incorrect API key provided.", 401),
        (
            "[API Error: Model stream ended without a finish reason.]",
            "Model stream ended without a finish reason.",
            None,
        ),
        ("I saw [API Error: 401 x] in the log.", None, None),
    ],
)
def test_an_error_that_it_calls_a_success(said, failure, status):
    found = heard("qwen", result(result=said))
    assert (found.failure, found.http_status) == (failure, status)


def test_what_it_was_denied():
    assert heard("qwen", result(permission_denials=[{"tool_name": "edit"}, "odd"])).denied == ("edit",)


def test_a_limit_of_turns_is_a_limit_of_the_tasks_own():
    found = heard("qwen", "", "Reached max session turns for this session. Increase the number of turns\n")
    assert found.is_hopeless


def test_the_usage_of_its_result_is_that_of_the_whole_conversation_and_does_not_count():
    message = {"id": "m1", "content": [], "usage": {"input_tokens": 10, "output_tokens": 2}}
    line = json.dumps({"type": "assistant", "message": message}) + "\n"
    usage = heard("qwen", line * 2 + result(usage={"input_tokens": 900, "output_tokens": 90})).usage
    assert usage == {"input_tokens": 10, "output_tokens": 2}
