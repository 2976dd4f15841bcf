"""An error of input knows what it is about, and by which names its text calls that."""

from __future__ import annotations

from contextlib import suppress

import pytest

from defer import errors
from defer.errors import About, BadInput, as_flag


def caught(error: Exception, *fields: str) -> BadInput:
    """The error as it leaves the blocks that are about these fields, the innermost first."""
    if not fields:
        raise error
    with About(fields[-1]):
        return caught(error, *fields[:-1])


@pytest.mark.parametrize(
    ("own", "blocks", "field"),
    [(None, ["until"], "until"), ("tz", ["until"], "tz"), (None, ["until", "when"], "until")],
)
def test_a_block_names_the_field_of_what_is_refused_in_it_unless_that_is_known(
    own: str | None, blocks: list[str], field: str
) -> None:
    error = BadInput("it cannot be", field=own)
    with suppress(BadInput):
        caught(error, *blocks)
    assert error.field == field


def test_a_block_lets_other_errors_through_as_they_are() -> None:
    with pytest.raises(errors.Refused, match=r"^taken$"):
        caught(errors.Refused("taken"), "id")


def test_a_text_names_fields_as_flags_unless_it_is_asked_for_other_names() -> None:
    error = BadInput(lambda called: f"{called('catch_up')} is not for this (leave {called('times')} out, too)")
    assert str(error) == "--catch-up is not for this (leave --count out, too)"
    assert error.worded(str.upper) == "CATCH_UP is not for this (leave TIMES out, too)"
    assert BadInput("--tz is wrong").worded(str.upper) == "--tz is wrong"


@pytest.mark.parametrize(("field", "flag"), [("tz", "--tz"), ("catch_up", "--catch-up"), ("times", "--count")])
def test_the_flag_of_a_field(field: str, flag: str) -> None:
    assert as_flag(field) == flag
