"""A copy's turn in a conversation is never forgotten once it is settled, wherever its runner dies or power is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cases import operations, perform, start
from memfs import MUTATING, Fault
from world import Machine, do, in_store, lines_in, wake

from defer.record import task

NAME = "settle a copy's turn"


def turns(machine: Machine) -> list[str]:
    """The conversation after each turn that was settled, filed or not."""
    unfiled = [run for one in in_store(machine) for run in task.filed_records(one)[1]]
    runs = [*lines_in(machine, "runs"), *unfiled]
    return [run["session_id"] for run in runs if run.get("session_id")]


def goes_on(machine: Machine) -> str:
    (original,) = (one for one in in_store(machine) if one["id"] == "talks")
    return str(original["session_id"])


def examine(machine: Machine, where: str) -> None:
    """The task goes on with all turns that were settled, now and after its own next one."""
    for _ in range(2):
        for said in turns(machine):
            assert goes_on(machine).startswith(said), f"{where}: a turn is forgotten"
        machine.pass_time(hours=3)
        assert do(machine, wake)[0] == "done"
    assert goes_on(machine).count(".talks") >= 1


def test_without_a_fault_the_task_goes_on_where_its_copy_stopped() -> None:
    machine = start(NAME)
    assert perform(machine, NAME)[0] == "done"
    (said,) = turns(machine)
    assert goes_on(machine) == said
    examine(machine, "no fault")
    assert goes_on(machine).startswith(f"{said}.talks")


@pytest.mark.parametrize("kind", ["kill-after", "kill-half", "EIO", "ENOSPC"])
def test_a_fault_at_every_operation(kind: str, count: Callable[[str, int], None]) -> None:
    for number, operation in enumerate(operations(NAME)):
        if not Fault(number, kind).fits(operation):
            continue
        machine = start(NAME)
        perform(machine, NAME, Fault(number, kind))
        machine.end_executors()
        examine(machine, f"{kind} at {number} ({operation})")
        count("fault points", 1)


def test_power_loss_after_every_operation(count: Callable[[str, int], None]) -> None:
    for number, operation in enumerate(operations(NAME)):
        if operation not in MUTATING:
            continue
        for kind in ("kill-after", "kill-half"):
            if not Fault(number, kind).fits(operation):
                continue
            machine = start(NAME)
            perform(machine, NAME, Fault(number, kind))
            for state, left in enumerate(machine.disk.after_power_loss(4, seed=number)):
                after = machine.clone()
                after.lose_power(left)
                examine(after, f"{kind} at {number} ({operation}), state {state}")
                count("power-loss states", 1)
