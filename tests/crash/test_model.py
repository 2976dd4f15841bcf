"""Rows 1, 2, 9 and 11 of docs/promises.md in any order: the store against a model, in random histories.

CI runs a few dozen histories; ``make crash`` sets DEFER_TEST_RUNS and DEFER_TEST_STEPS to 1,000 of 100.
Several processes live side by side for as long as they like; the clock goes forwards and back; any
command may meet any fault, and the power may go at any moment.
"""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from limits import RUNS, STEPS
from memfs import FAULTS, Fault
from world import (
    POWER_PATIENCE,
    STORE,
    Machine,
    Proc,
    archive,
    cancel,
    do,
    examine,
    examine_readers,
    examine_sleep,
    in_store,
    schedule,
    schedule_batch,
    wake,
)

NAMES = [f"t{number}" for number in range(6)]
names = st.sampled_from(NAMES)
summaries = st.sampled_from(["ok", "ok", "fail", "later", "again"])
minutes = st.sampled_from([0.5, 1, 2, 5, 20, 60])
faults = st.none() | st.none() | st.builds(Fault, st.integers(0, 140), st.sampled_from(FAULTS))


class Histories(RuleBasedStateMachine):
    """One machine through one history. What a command says is compared with what the model allows."""

    @initialize()
    def begin(self) -> None:
        self.machine = Machine()
        self.lasting: list[Proc] = []
        self.patience = POWER_PATIENCE * 0
        self.taken: set[datetime] = set()

    def a_second_of_its_own(self) -> None:
        """Two tasks of one name are told apart by the second in which they were made, by people and by this test."""
        while self.machine.now in self.taken:
            self.machine.pass_time(seconds=1)
        self.taken.add(self.machine.now)

    def give(self, act: Any, fault: Fault | None, where: int | None) -> str:
        """Let a new process, or one that has been there for long, do it."""
        if where is None or fault is not None or not self.lasting:
            return do(self.machine, act, fault)[0]
        return self.lasting[where % len(self.lasting)].run(act)

    def known(self) -> dict[str, dict[str, Any]]:
        return {one["id"]: one for one in in_store(self.machine)}

    who = st.none() | st.integers(0, 2)

    @rule()
    def somebody_stays(self) -> None:
        """A process that goes on living, as ``--loop`` does."""
        if len(self.lasting) < 3:
            self.lasting.append(Proc(self.machine))

    @rule(name=names, minutes=minutes, summary=summaries, retries=st.integers(0, 2), fault=faults, who=who)
    def schedules(self, name: str, minutes: float, summary: str, retries: int, fault: Fault | None, who: int) -> None:
        self.a_second_of_its_own()
        before = self.known().get(name)
        result = self.give(schedule(name, minutes, summary, retries), fault, who)
        after = self.known().get(name)
        if before is not None:
            # Its id is taken, until what has ended is filed.
            assert result in ("refused", "failed", "killed")
        elif fault is None:
            assert result == "done"
        if result == "done":
            assert after is not None
            assert after["status"] == "scheduled"
        elif result != "killed" and before is None and after is not None:
            assert result == "failed", "refused, and there it is"

    @rule(name=names, minutes=minutes, fault=faults, who=who, choice=st.sampled_from(["replace", "skip"]))
    def schedules_again(self, name: str, minutes: float, fault: Fault | None, who: int, choice: str) -> None:
        self.a_second_of_its_own()
        before = self.known().get(name)
        result = self.give(schedule(name, minutes, if_exists=choice), fault, who)
        after = self.known().get(name)
        if choice == "skip" and before is not None:
            assert after == before
        if fault is None and not (before and before["status"] == "executing"):
            assert result == "done"

    @rule(chosen=st.lists(names, min_size=1, max_size=3, unique=True), fault=faults, who=who)
    def schedules_several(self, chosen: list[str], fault: Fault | None, who: int) -> None:
        self.a_second_of_its_own()
        before = self.known()
        result = self.give(schedule_batch(chosen), fault, who)
        if set(chosen) & before.keys():
            assert result != "done"
        if result == "refused":
            assert self.known() == before

    @rule(name=names, fault=faults, who=who)
    def cancels(self, name: str, fault: Fault | None, who: int) -> None:
        before = self.known().get(name)
        result = self.give(cancel(name), fault, who)
        waits = before is not None and before["status"] == "scheduled"
        if fault is None:
            assert result == ("done" if waits else "refused")
        if result == "done":
            assert self.known()[name]["status"] == "cancelled"

    @rule(fault=faults, who=who)
    def wakes(self, fault: Fault | None, who: int) -> None:
        result = self.give(wake, fault, who)
        assert fault is not None or result == "done"
        if result != "killed":
            self.machine.end_executors()

    @rule(fault=faults, who=who)
    def archives(self, fault: Fault | None, who: int) -> None:
        result = self.give(archive, fault, who)
        assert fault is not None or result == "done"
        if result == "done":
            self.patience = POWER_PATIENCE * 0

    @rule(seconds=st.sampled_from([1, 30, 120, 900, 3600, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.machine.pass_time(seconds=seconds)

    @rule(seconds=st.sampled_from([5, 600, 3600]))
    def the_clock_is_put_back(self, seconds: int) -> None:
        self.machine.set_clock_back(seconds=seconds)

    @rule()
    def executors_end(self) -> None:
        self.machine.end_executors()

    @precondition(lambda self: self.lasting)
    @rule(which=st.integers(0, 2))
    def somebody_is_killed(self, which: int) -> None:
        proc = self.lasting.pop(which % len(self.lasting))
        proc.exit()

    @rule(seed=st.integers(0, 1 << 20))
    def the_power_goes(self, seed: int) -> None:
        """One of the states the disk may be in, at random."""
        states = list(self.machine.disk.after_power_loss(6, seed))
        self.lasting.clear()
        self.machine.lose_power(random.Random(seed).choice(states))  # noqa: S311
        self.patience = POWER_PATIENCE

    @invariant()
    def readers_see_whole_tasks(self) -> None:
        examine_readers(self.machine)
        assert not self.machine.overlaps

    def teardown(self) -> None:
        """However it went: nobody sleeps through a task, and after a wake all is in its place."""
        for proc in self.lasting:
            proc.exit()
        self.machine.end_executors()
        examine_sleep(self.machine, self.patience)
        self.machine.pass_time(hours=2)
        examine(self.machine, self.patience)


def test_any_history(count: Any) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    wanted = settings(max_examples=RUNS, stateful_step_count=STEPS, deadline=None, suppress_health_check=checks)
    run_state_machine_as_test(Histories, settings=wanted)  # type: ignore[no-untyped-call]
    count("histories against the model", RUNS)


def test_the_model_would_see_a_loss() -> None:
    """The examination itself: a task that somebody takes out of the store is missed."""
    machine = Machine()
    assert do(machine, schedule("one"))[0] == "done"
    machine.disk.put(STORE, b"")
    with pytest.raises(AssertionError, match="lost"):
        examine_readers(machine)
