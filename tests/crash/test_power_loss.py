"""Row 2 of docs/promises.md: power loss, on a disk that keeps what was synced and nothing else for sure."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest
from cases import CASES, DAILY, operations, perform, start
from limits import DEPTH
from memfs import MUTATING, Disk, Fault
from world import POWER_PATIENCE, RUNTIME, Machine, do, examine, schedule, wake

from support import slow_but

_KILLED_FIRST = [name for name in CASES if name not in ("claim", "several at once", "several at once, large store")]
_KILLED_OR_FAILED = ["kill-after", "kill-half", "EIO"] if DEPTH > 1 else ["kill-after", "EIO"]


def lose_power(machine: Machine, limit: int, where: str) -> int:
    """Examine every state the disk may be left in; how many there were."""
    states = list(machine.disk.after_power_loss(limit, seed=zlib.crc32(where.encode())))
    for number, left in enumerate(states):
        _examine_after(machine.clone(), left, f"{where}, state {number}")
    return len(states)


def _examine_after(machine: Machine, left: Disk, where: str) -> None:
    machine.lose_power(left)
    try:
        examine(machine, POWER_PATIENCE)
    except BaseException as error:
        error.add_note(where)
        raise


def telling(name: str, depth: int) -> list[tuple[int, str]]:
    """The operations that change what a power loss may leave; all of them where ``depth`` asks for more."""
    numbered = list(enumerate(operations(name)))
    return numbered if depth > 1 else [(number, one) for number, one in numbered if one in MUTATING]


@pytest.mark.parametrize("name", slow_but(DAILY, CASES))
def test_row_2_power_loss_after_every_operation(name: str, count: Callable[[str, int], None], depth: int) -> None:
    """What was acknowledged before is there; the command that was under way has happened or has not."""
    states = 0
    for number, operation in telling(name, depth):
        machine = start(name)
        perform(machine, name, Fault(number, "kill-after"))
        states += lose_power(machine, 1 + 3 * depth, f"{name}, power lost after {number} ({operation})")
    count("power-loss states", states)


@pytest.mark.parametrize("name", slow_but(DAILY, CASES))
def test_row_2_power_loss_after_it_was_done(name: str, count: Callable[[str, int], None]) -> None:
    """Acknowledged is acknowledged, the moment it is said."""
    machine = start(name)
    assert perform(machine, name)[0] == "done"
    states = lose_power(machine, 64, f"{name}, power lost when it was done")
    assert do(machine, schedule("afterwards", minutes=45))[0] == "done"
    states += lose_power(machine, 64, f"{name}, then a schedule, power lost when both were done")
    count("power-loss states", states)


@pytest.mark.parametrize(
    "kind", slow_but(("kill-after",), ["kill-after", "kill-half", "EIO"] if DEPTH > 1 else ["kill-after", "EIO"])
)
@pytest.mark.parametrize("name", slow_but(DAILY, _KILLED_FIRST))
def test_row_2_and_15_power_loss_after_others_went_on_where_one_died(
    name: str, kind: str, count: Callable[[str, int], None], depth: int
) -> None:
    """Nobody may build on what a dead process left unsynced: the next one to say yes makes it durable first."""
    states = 0
    fitting = [one for one in telling(name, depth) if Fault(one[0], kind).fits(one[1])]
    # What fails without dying goes on as in test_faults.py: here every other one will do.
    for number, operation in fitting if depth > 1 or kind == "kill-after" else fitting[::2]:
        machine, where = start(name), f"{name}, {kind} at {number} ({operation})"
        perform(machine, name, Fault(number, kind))
        machine.end_executors()
        assert do(machine, schedule("afterwards", minutes=45, if_exists="skip"))[0] == "done"
        states += lose_power(machine, 1 + depth, f"{where}, then a schedule, then power lost")
        machine.pass_time(minutes=1)
        assert do(machine, wake)[0] == "done"
        states += lose_power(machine, 1 + depth, f"{where}, then a wake, then power lost")
    count("power-loss states", states)


def test_row_2_and_15_a_task_that_is_there_already_may_be_one_that_was_never_synced(
    count: Callable[[str, int], None],
) -> None:
    """``--if-exists skip`` says yes to what another process wrote and did not live to sync."""
    states = 0
    for number, _ in enumerate(operations("schedule, sooner than all, within a tick")):
        machine = start("schedule, sooner than all, within a tick")
        perform(machine, "schedule, sooner than all, within a tick", Fault(number, "kill-after"))
        assert do(machine, schedule("new", if_exists="skip"))[0] == "done"
        states += lose_power(machine, 6, f"killed after {number}, then skipped, then power lost")
    count("power-loss states", states)


def test_row_2_what_the_model_disk_may_lose() -> None:
    """The model itself: unsynced bytes and names may go, synced ones may not, and a name needs its directory's sync."""
    machine = start("schedule, first of all")
    assert do(machine, schedule("one"))[0] == "done"
    left = [one.signature() for one in machine.disk.after_power_loss(64)]
    assert all('"id":"one"' in state for state in left)
    machine.disk.put(RUNTIME / "somebodys.txt", b"unsynced")
    left = [one.signature() for one in machine.disk.after_power_loss(64)]
    assert any("unsynced" in state for state in left)
    assert any("unsynced" not in state for state in left)
