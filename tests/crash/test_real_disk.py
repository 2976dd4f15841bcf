"""Row 2 of docs/promises.md on a real file system: ext4 whose power goes after every operation of every command."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest
from cases import CASES, DAILY, perform, start
from ext4 import Ext4, Ext4Kernel, missing, own_mounts
from memfs import Fault, MemKernel
from world import POWER_PATIENCE, Machine, examine

from support import slow_but

MODES = ("data=ordered", "data=writeback")
WITHOUT = missing()

pytestmark = pytest.mark.skipif(WITHOUT is not None, reason=f"a real file system losing power: {WITHOUT}")


@pytest.fixture(scope="module", params=slow_but(("data=ordered",), MODES))
def ext4(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ext4]:
    with own_mounts():
        disk = Ext4(tmp_path_factory.mktemp("ext4"), request.param)
        try:
            yield disk
        finally:
            disk.close()


def put(machine: Machine, ext4: Ext4) -> int:
    """Move a machine onto the real disk, whose present becomes the machine's; by how many ns its times move."""
    shift = time.time_ns() - machine.disk.now()
    ext4.put(machine.disk, shift)
    machine.new_kernel = lambda _, fault: Ext4Kernel(ext4, shift, fault)
    return shift


def come_back(machine: Machine, ext4: Ext4, shift: int) -> None:
    """What the disk holds after the power came back is what the machine goes on with, in memory."""
    ext4.come_back()
    machine.new_kernel = MemKernel
    machine.lose_power(ext4.found(machine.disk, shift))


def lose_power(name: str, number: int, ext4: Ext4) -> bool:
    """Give a command and lose power after its change number ``number``, or when it is done; whether it was done."""
    machine = start(name)
    shift = put(machine, ext4)
    result, log = perform(machine, name, Fault(number, "kill-after"))
    if result == "done":
        ext4.lose_power()
    come_back(machine, ext4, shift)
    try:
        examine(machine, POWER_PATIENCE)
    except BaseException as error:
        error.add_note(f"{name}, {ext4.options}, power lost after {number} ({log[-1]}): {result}")
        raise
    assert result in ("done", "killed")
    return result == "done"


@pytest.mark.parametrize("name", slow_but(DAILY, CASES))
def test_row_2_a_real_disk_loses_power_after_every_change(
    name: str, ext4: Ext4, count: Callable[[str, int], None], depth: int
) -> None:
    """What was acknowledged before is there; the command that was under way has happened or has not."""
    step = 1 if depth > 1 or "writeback" not in ext4.options else 4
    number = 0
    while not lose_power(name, number, ext4):
        number += step
    count("power losses of a real disk", number // step + 1)


def test_row_2_the_real_disk_does_lose_what_was_not_synced(ext4: Ext4) -> None:
    """Otherwise none of these tests could fail."""
    synced, unsynced = ext4.root / "synced", ext4.root / "unsynced"
    for path in (synced, unsynced):
        path.write_bytes(b"held")
    with synced.open("rb") as file:
        os.fsync(file.fileno())
    unsynced.write_bytes(b"changed")
    ext4.lose_power()
    ext4.come_back()
    assert synced.read_bytes() == b"held"
    assert not unsynced.exists() or unsynced.read_bytes() != b"changed"
