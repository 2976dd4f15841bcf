"""Rows 5 and 13 of docs/promises.md: 5,000 broken inputs for each parser, the same each time.

`make fuzz` gives a million others.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest
from fuzz_inputs import PARSERS, fuzz

from support import slow_but

INPUTS = 5_000


@pytest.mark.parametrize("name", slow_but(("task record",), PARSERS))
def test_row_5_and_13_broken_inputs_get_an_answer_or_a_documented_error(
    name: str, count: Callable[[str, int], None]
) -> None:
    fuzz(name, INPUTS, seed=zlib.crc32(name.encode()))
    count("fuzz inputs", INPUTS)
