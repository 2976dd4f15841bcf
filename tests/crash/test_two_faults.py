"""Row 15 of docs/promises.md: a fault during recovery from a fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cases import CASES, DAILY, operations, perform, start
from memfs import Fault
from world import do, examine, examine_readers, schedule, wake

from support import slow_but

SECOND = ("kill-before", "kill-half", "EIO", "EIO-ever", "ENOSPC-ever")


def stride(length: int, wanted: int, offset: int) -> range:
    """About ``wanted`` of ``length`` places, evenly, not the same ones for every ``offset``."""
    step = max(1, length // wanted)
    return range(offset % step, length, step)


@pytest.mark.parametrize("first", slow_but(("kill-after",), ["kill-after", "kill-half", "EIO-ever"]))
@pytest.mark.parametrize("name", slow_but(DAILY, CASES))
def test_row_15_a_fault_while_the_next_wake_makes_good(
    name: str, first: str, count: Callable[[str, int], None], depth: int
) -> None:
    """Every fifth or so operation of the command, then every fifth or so of the wake that comes after it."""
    pairs = 0
    fitting = [number for number, one in enumerate(operations(name)) if Fault(number, first).fits(one)]
    for turn in stride(len(fitting), 4 * depth, 0):
        broken = start(name)
        perform(broken, name, Fault(fitting[turn], first))
        broken.pass_time(minutes=1)
        _, undisturbed = do(broken.clone(), wake)
        log = undisturbed.kernel.log
        for number in stride(len(log), 4 * depth, turn):
            kind = SECOND[(turn + number) % len(SECOND)]
            if not Fault(number, kind).fits(log[number]):
                continue
            machine = broken.clone()
            do(machine, wake, Fault(number, kind))
            pairs += 1
            try:
                examine_readers(machine)
                assert do(machine, schedule("afterwards", if_exists="skip"))[0] == "done"
                examine(machine)
            except BaseException as error:
                error.add_note(f"{name}, {first} at {fitting[turn]}, then in a wake {kind} at {number} ({log[number]})")
                raise
    count("pairs of faults", pairs)
