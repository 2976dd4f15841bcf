"""A copy begins where its original's conversation has got to, and the original goes on where the copy stopped."""

from __future__ import annotations

from typing import Any

import pytest

from defer.record import conversation
from support import text_at, v1_task

ORIGINAL = v1_task("a", sticky_session=True, session_id="s2", created_at=text_at(hours=-2))
COPY = v1_task("b", copy_of="a", sticky_session=True, session_id="s1", created_at=text_at(hours=-1))


def continued(copy: dict[str, Any], original: dict[str, Any] | None) -> Any:
    return conversation.continued(copy, lambda name: original if name == "a" else None).get("session_id")


def test_a_copy_begins_where_its_original_is_now() -> None:
    assert continued(COPY, ORIGINAL) == "s2"
    assert continued({**COPY, "session_id": None}, ORIGINAL) == "s2"


def test_the_original_goes_on_where_its_copy_stopped() -> None:
    assert conversation.handed_back(ORIGINAL, {**COPY, "session_id": "s3"}) == {**ORIGINAL, "session_id": "s3"}
    assert conversation.handed_back(ORIGINAL, {**COPY, "session_id": "s2"}) is ORIGINAL
    assert conversation.handed_back(ORIGINAL, {**COPY, "session_id": None}) is ORIGINAL


NOT_ONE = {
    "it has ended": {"status": "completed"},
    "it continues nothing": {"sticky_session": None},
    "another task has its id": {"created_at": text_at()},
    "another program runs it": {"executor": "codex"},
    "another agent runs it": {"agent": "mail-sorter"},
    "it needs a newer version": {"schema_version": 99},
}


@pytest.mark.parametrize("other", NOT_ONE.values(), ids=NOT_ONE)
def test_two_tasks_that_have_nothing_in_common_keep_their_own(other: dict[str, Any]) -> None:
    original = {**ORIGINAL, **other}
    assert continued(COPY, original) == "s1"
    assert conversation.handed_back(original, {**COPY, "session_id": "s3"}) is original


@pytest.mark.parametrize(
    "copy", [{**COPY, "status": "executing"}, {**COPY, "copy_of": {"a": 1}}, {**COPY, "schema_version": 99}]
)
def test_a_copy_that_cannot_be_claimed_stays_as_it_is(copy: dict[str, Any]) -> None:
    assert conversation.continued(copy, lambda _: ORIGINAL) is copy


def test_a_copy_whose_original_is_gone_keeps_what_it_had() -> None:
    assert continued(COPY, None) == "s1"
