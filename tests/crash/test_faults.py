"""Rows 1, 3, 4 and 15 of docs/promises.md: a fault at every operation of every command."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cases import CASES, DAILY, operations, perform, start, summary
from limits import DEPTH
from memfs import FAULTS, KILLS, MUTATING, TELLING, Fault
from world import Machine, examine, examine_readers

from support import slow_but

ENDS_OF_FAILURE = ("failed", "done")


def points(name: str, kind: str, depth: int) -> list[Fault]:
    """Every fault of a kind that can befall the command; in CI, nobody dies after an operation that changes nothing."""
    return [
        Fault(number, kind)
        for number, operation in enumerate(operations(name))
        if Fault(number, kind).fits(operation) and (depth > 1 or operation in MUTATING)
    ]


def only_old_or_new(name: str, machine: Machine, kind: str) -> None:
    """After a fault in a command of one step each task is as before or as after, and none is in between.

    Where the disk fails, and does not fail for ever, that holds for several tasks at once: what was written is taken
    back. A process that is killed while it writes may leave the first of them.
    """
    old, done = summary(start(name)), start(name)
    perform(done, name)
    new, now = summary(done), summary(machine)
    if kind in ("EIO", "ENOSPC", "EDQUOT", "short", "short-ever"):
        assert now in (old, new), "neither old nor new"
    for task_id in old.keys() | new.keys() | now.keys():
        assert now.get(task_id) in (old.get(task_id), new.get(task_id)), f"{task_id} is neither old nor new"


def test_there_are_as_many_points_as_promised() -> None:
    found = {(name, fault) for name in CASES for kind in TELLING for fault in points(name, kind, depth=1)}
    assert len(found) >= 500


@pytest.mark.parametrize("kind", slow_but(("kill-after", "EIO"), FAULTS if DEPTH > 1 else TELLING))
@pytest.mark.parametrize("name", slow_but(DAILY, CASES))
def test_row_1_and_3_a_fault_at_every_operation(
    name: str, kind: str, count: Callable[[str, int], None], depth: int
) -> None:
    """Killed: the next wake makes good. Failed: exit 74, or it did not matter; reading still works either way."""
    faults = points(name, kind, depth)
    for fault in faults:
        machine = start(name)
        result, _ = perform(machine, name, fault)
        where = f"{name}, {kind} at {fault.at} ({operations(name)[fault.at]}): {result}"
        try:
            assert result == "killed" if kind in KILLS else result in ENDS_OF_FAILURE
            examine_readers(machine)
            if CASES[name].one_step:
                only_old_or_new(name, machine, kind)
            examine(machine)
        except BaseException as error:
            error.add_note(where)
            raise
    count("fault points", len(faults))
