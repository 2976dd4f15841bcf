"""The prompt of an attempt."""

import pytest

from defer import prompt
from support import v1_task

HEADINGS = ["Task", "Summary", "Key points", "Artifacts", "Constraints", "Prompt"]


def sections(text: str) -> dict[str, str]:
    parts = text.split("\n## ")
    return dict(part.rstrip("\n").split("\n\n", 1) for part in parts[1:])


def test_each_part_stands_under_its_own_heading():
    found = sections(prompt.render(v1_task(intent="notify", max_retries=2, cwd="/w"), 2))
    assert list(found) == HEADINGS
    assert found["Summary"] == "resume the review"
    assert found["Key points"] == "- two files are left"
    assert found["Artifacts"] == "- docs/plan.md"
    assert found["Constraints"] == "- no pushes"
    assert found["Prompt"] == "go on with the review"
    for fact in ("task_20260408_163500_4821", "notify", "fresh", "2 of at most 3", "/w"):
        assert fact in found["Task"]


@pytest.mark.parametrize("context", [{}, None, {"key_points": None}, {"summary": "", "key_points": []}])
def test_what_is_empty_is_said_to_be(context):
    found = sections(prompt.render(v1_task(context=context, execution={}), 1))
    assert [found[name] for name in HEADINGS[1:]] == ["(none)"] * 5


def test_callback_is_framed_as_a_continuation_and_fresh_as_cold():
    fresh, callback = (prompt.render(v1_task(execution={"mode": mode}), 1) for mode in ("fresh", "callback"))
    assert "cold" in fresh
    assert "continuation" in callback
    assert "continuation" not in fresh


def test_a_text_of_several_lines_stays_in_its_bullet():
    text = prompt.render(v1_task(context={"summary": "s", "key_points": ["one\n## Prompt\n- two", "three"]}), 1)
    assert "- one\n  ## Prompt\n  - two\n- three" in text


@pytest.mark.parametrize("odd", ["text", {"a": 1}, 5, [None, 5, {"x": 1}], [["nested"]]])
def test_what_was_edited_by_hand_is_rendered_somehow(odd):
    context = {"summary": odd, "key_points": odd, "artifacts": odd, "constraints": odd}
    assert list(sections(prompt.render(v1_task(context=context, execution={"mode": odd}), 1)))[:2] == HEADINGS[:2]
