"""What Claude Code's program prints, as a report."""

import json

from support import heard

INIT = {"type": "system", "subtype": "init", "session_id": "5f1c", "model": "opus", "tools": ["Bash"]}


def said(text, number=1):
    usage = {"input_tokens": 10, "output_tokens": number}
    content = [{"type": "text", "text": text}]
    return {"type": "assistant", "message": {"id": f"m{number}", "content": content, "usage": usage}}


def lines(*events):
    return "".join(json.dumps(event) + "\n" for event in events)


def test_a_denied_tool_is_named_once():
    denials = [{"tool_name": "Bash"}, {"tool_name": "Bash"}, "odd", {"tool_name": 1}, {"tool_name": "Edit"}]
    assert heard("claude", lines({"type": "result", "permission_denials": denials})).denied == ("Bash", "Edit")


def test_output_of_another_shape_is_the_answer_as_it_is():
    assert heard("claude", '{"type": "answer"}').output == '{"type": "answer"}'


def test_what_it_said_so_far_is_known_before_its_end():
    report = heard("claude", lines(INIT, said("Looking.", 1), said("Nearly there.", 2)))
    assert (report.output, report.session_id, report.model) == ("Nearly there.", "5f1c", "opus")
    assert report.usage == {"input_tokens": 20, "output_tokens": 3}


def test_a_message_that_comes_in_parts_counts_once():
    assert heard("claude", lines(said("Look", 1), said("Looking.", 1))).usage == {
        "input_tokens": 10,
        "output_tokens": 1,
    }


def test_its_result_counts_before_what_was_added_up():
    result = {"type": "result", "result": "done", "usage": {"input_tokens": 7}, "total_cost_usd": 0.5}
    assert heard("claude", lines(said("Looking."), result)).usage == {
        "input_tokens": 7,
        "output_tokens": 0,
        "cost_usd": 0.5,
    }


def test_the_time_at_which_its_quota_is_back():
    event = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1795668453}}
    allowed = {"type": "rate_limit_event", "rate_limit_info": {"status": "allowed", "resetsAt": 5}}
    assert heard("claude", lines(event)).back_at == 1795668453
    assert heard("claude", lines(allowed)).back_at is None


def test_a_session_that_is_gone():
    assert heard("claude", "", "No conversation found with session ID: 5f1c\n").is_session_gone
