"""Looking after the attempts of others may fail for one of them: the rest of the wake goes on."""

from __future__ import annotations

from typing import Any

import pytest

from defer.record import holders
from defer.run import keeper
from support import NOW, Place, v1_task


def failing_for_odd(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """What becomes of the attempt of ``odd`` cannot be judged."""
    whole = holders.verdict

    def verdict(one: dict[str, Any], *known: Any) -> str:
        if one["id"] == "odd":
            raise error
        return whole(one, *known)

    monkeypatch.setattr(holders, "verdict", verdict)


def left_behind(place: Place) -> None:
    place.write_store(*(v1_task(name, status="executing", attempts=1) for name in ("odd", "left")), v1_task("due"))


def test_an_attempt_that_cannot_be_judged_counts_as_lost(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    left_behind(place)
    failing_for_odd(monkeypatch, ValueError("no such thing"))
    place.wake_at(NOW)
    filed = {one["id"]: (one["status"], one.get("error_type")) for one in place.archived()}
    assert filed == {"odd": ("failed", "RunnerLost"), "left": ("failed", "RunnerLost"), "due": ("completed", None)}
    (said,) = place.audit("recovery_failed")
    assert "id=odd" in said
    assert "no such thing" in said


def test_while_the_system_does_not_show_what_runs_nothing_is_settled(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_behind(place)
    failing_for_odd(monkeypatch, OSError(24, "Too many open files"))
    place.wake_at(NOW)
    assert {one["id"] for one in place.archived()} == {"left", "due"}
    assert place.task("odd")["status"] == "executing"
    assert "Too many open files" in place.audit("recovery_failed")[0]


def test_attempts_do_without_a_keeper_where_there_can_be_none(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(keeper.Keeper, "__init__", refuse)
    place.write_store(v1_task("a", executor=place.executor("echo done")))
    assert place.wake_at(NOW)["completed"] == 1
    assert place.archived()[0]["result"]["output"] == "done"
    assert len(place.audit("no_keeper")) == 1
