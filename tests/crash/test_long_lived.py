"""Row 9 of docs/promises.md: a runner that lives for hours while others change and rewrite the store."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from cases import due, waiting
from memfs import File
from world import (
    STORE,
    FakeAttempt,
    Machine,
    Proc,
    archive,
    cancel,
    claim_only,
    do,
    examine,
    examine_sleep,
    in_store,
    lines_in,
    schedule,
    wake,
)

from defer.record import outcome
from defer.record.outcome import Outcome


def number_of_store(machine: Machine) -> int:
    store = machine.disk.find(STORE)
    assert isinstance(store, File)
    return store.number


def test_row_9_a_file_number_that_comes_back_is_not_the_same_file() -> None:
    """ext4 gives a new file the number of the last one that went: two rewrites bring back the store's."""
    machine = due("ok")()
    assert do(machine, wake)[0] == "done"
    assert do(machine, schedule("soon", minutes=1))[0] == "done"
    machine.pass_time(minutes=2)
    long_lived = Proc(machine)
    assert long_lived.run(lambda proc: proc.store.attention(machine.now)) == "done"
    number, size = number_of_store(machine), len(machine.disk.read(STORE))
    for name in ("soon", "wait"):
        assert do(machine, cancel(name))[0] == "done"
        assert do(machine, archive)[0] == "done"
    for filler in range(4):
        assert do(machine, schedule(f"filler-{filler}", minutes=90))[0] == "done"
    assert len(machine.disk.read(STORE)) > size
    assert number_of_store(machine) != number, "the number came back while somebody relied on it"
    assert long_lived.run(claim_only) == "done"
    assert not [one["id"] for one in in_store(machine) if one["status"] == "executing"], "what was cancelled is claimed"
    assert "bad_line" not in machine.said
    long_lived.exit()
    examine(machine)


def test_row_9_a_claim_sees_what_others_did_since() -> None:
    """Claimed, cancelled and replaced by others between two looks of one runner."""
    machine = due("ok", "fail")()
    long_lived = Proc(machine)
    assert long_lived.run(lambda proc: proc.store.attention(machine.now)) == "done"
    assert do(machine, cancel("due-0-ok"))[0] == "done"
    assert do(machine, schedule("due-1-fail", minutes=30, if_exists="replace"))[0] == "done"
    machine.pass_time(seconds=1)
    assert long_lived.run(wake) == "done"
    assert machine.started == []
    long_lived.exit()


def test_row_7_what_a_runner_did_not_look_ahead_to_is_not_slept_through() -> None:
    """It looked a quarter of an hour ahead when it began; at its end there may be tasks it has never read."""
    machine = waiting()
    runner = Proc(machine)
    assert runner.run(wake) == "done"
    machine.pass_time(minutes=10)
    assert do(machine, schedule("soon", minutes=8))[0] == "done"
    machine.pass_time(seconds=1)
    assert runner.run(archive) == "done"
    examine_sleep(machine)
    runner.exit()


def test_row_9_the_lock_keeps_writers_apart() -> None:
    machine = waiting()
    outer = Proc(machine)

    def in_the_middle(proc: Proc) -> None:
        def change(one: dict[str, object]) -> dict[str, object]:
            assert do(machine, schedule("meanwhile"))[0] == "busy"
            return {**one, "tags": ["changed"]}

        proc.store.update("wait", machine.now, change)

    assert outer.run(in_the_middle) == "done"
    outer.exit()
    assert do(machine, schedule("afterwards"))[0] == "done"
    examine(machine)


def test_row_7_an_outcome_that_comes_too_late_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that was taken for dead and lives: the attempt was given up, another one is under way."""
    machine = due("fail")()
    old = Proc(machine)
    finish = FakeAttempt.finish

    def meanwhile(attempt: FakeAttempt, now: datetime) -> Outcome:
        monkeypatch.setattr(FakeAttempt, "finish", finish)
        alive, running = set(machine.alive), dict(machine.running)
        machine.alive.clear()
        machine.running.clear()
        assert do(machine, wake)[0] == "done"
        machine.pass_time(minutes=2)
        younger = Proc(machine)
        assert younger.run(claim_only) == "done"
        machine.alive |= alive
        machine.running |= running
        return finish(attempt, now)

    monkeypatch.setattr(FakeAttempt, "finish", meanwhile)
    assert old.run(wake) == "done"
    (one,) = [one for one in in_store(machine) if one["id"] == "due-0-fail"]
    assert (one["status"], one["attempts"], one["run"]["run_id"][:7]) == ("executing", 2, "claimed")
    assert [run["status"] for run in lines_in(machine, "runs")] == ["lost"]


def test_row_11_the_machine_may_be_in_any_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Far west of Greenwich a local clock reads less than UTC: nothing may compare the two."""
    monkeypatch.setenv("TZ", "Pacific/Honolulu")
    time.tzset()
    try:
        machine = due("ok")()
        assert do(machine, wake)[0] == "done"
        assert [one["id"] for one in machine.started] == ["due-0-ok"]
        examine(machine)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_row_3_an_attempt_put_off_counts_as_no_retry() -> None:
    """Put off three times, then failing twice: with one retry that is what it may."""
    machine = due("later")()
    for _ in range(3):
        assert do(machine, wake)[0] == "done"
        machine.pass_time(minutes=5)
    assert len(machine.started) == 3
    monkey = pytest.MonkeyPatch()
    monkey.setattr(FakeAttempt, "finish", lambda attempt, now: (attempt._end(), FAILED)[1])
    for _ in range(3):
        assert do(machine, wake)[0] == "done"
        machine.pass_time(hours=1)
    monkey.undo()
    assert [one["id"] for one in machine.started].count("due-0-later") == 5
    examine(machine)


FAILED = Outcome(outcome.FAILED, exit_code=1, error_type=outcome.EXECUTOR_FAILED, error="it failed")
