"""What Gemini CLI's program prints, beside what was recorded of it."""

import json
import time

import pytest

from support import DEADLINE_SECONDS, heard


def lines(*events):
    return "".join(json.dumps(event) + "\n" for event in events)


def said(text):
    return {"type": "message", "role": "assistant", "content": text, "delta": True}


USE = {"type": "tool_use", "tool_name": "run_shell_command", "tool_id": "t1", "parameters": {"command": "x"}}


def refused(kind, message):
    return {"type": "tool_result", "tool_id": "t1", "status": "error", "error": {"type": kind, "message": message}}


def test_a_text_comes_in_pieces_and_ends_with_what_else_comes():
    report = heard("gemini", lines(said("Look"), said("ing."), USE, said("Do"), said("ne.")))
    assert (report.output, report.tool_calls) == ("Done.", 1)


@pytest.mark.parametrize(
    ("kind", "message", "denied"),
    [
        ("policy_violation", "no", ("run_shell_command",)),
        ("unhandled_exception", 'Tool execution for "Shell" requires user confirmation, which', ("run_shell_command",)),
        ("execution_failed", "Permission denied", ()),
    ],
)
def test_what_it_was_denied(kind, message, denied):
    assert heard("gemini", lines(USE, refused(kind, message))).denied == denied


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("Please retry in 3600s.", 3600), ("quota will reset after 3h2m1s.", 10921), ("Please retry in 34.07s.", 34)],
)
def test_the_time_at_which_its_quota_is_back(words, seconds):
    before = time.time()
    back = heard("gemini", "", f"    message: 'You exceeded your quota. {words}',\n").back_at
    assert before + seconds <= back <= time.time() + seconds + DEADLINE_SECONDS


def test_a_folder_that_its_user_does_not_trust():
    line = "\x1b[31mGemini CLI is not running in a trusted directory. To proceed, use `--skip-trust`\x1b[0m\n"
    found = heard("gemini", "", line)
    assert found.is_hopeless
    assert found.failure.startswith("Gemini CLI is not running")


def test_the_model_is_the_one_that_said_most():
    models = {"router": {"output_tokens": 1}, "worker": {"output_tokens": 90}, "odd": {"output_tokens": "x"}}
    result = {"type": "result", "status": "success", "stats": {"models": models}}
    assert heard("gemini", lines({"type": "init", "model": "auto"}, result)).model == "worker"


def test_what_it_got_over_is_not_its_failure():
    error = {"type": "error", "severity": "error", "message": "lost"}
    assert heard("gemini", lines(error, said("Done."), {"type": "result", "status": "success"})).failure is None
    assert heard("gemini", lines(error, {"type": "result", "status": "error"})).failure == "lost"
