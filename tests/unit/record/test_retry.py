"""How long a failed attempt waits for the next one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from defer.record.retry import Backoff


def test_each_wait_is_longer_than_the_one_before_up_to_the_cap() -> None:
    waits = [Backoff(first=60, factor=2, cap=400).delay(failures) for failures in (1, 2, 3, 4, 70)]
    assert waits == [timedelta(seconds=seconds) for seconds in (60, 120, 240, 400, 400)]


@pytest.mark.parametrize("factor", [10.0**9, 1e300])
def test_what_exceeds_any_float_is_the_cap(factor: float) -> None:
    assert Backoff(first=60, factor=factor, cap=3600).delay(66) == timedelta(hours=1)


def test_a_factor_of_one_waits_alike_every_time() -> None:
    assert Backoff(first=90, factor=1).delay(1) == Backoff(first=90, factor=1).delay(1000) == timedelta(seconds=90)
