"""Row 4 of docs/promises.md: the last line cut at every byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePath

import pytest
from cases import settled_and_not_filed, waiting
from world import RUNTIME, STORE, Machine, archive, do, examine, in_store, lines_in, schedule, wake

from defer.record import codec

LOG = RUNTIME / "logs" / "deferred.log"
REJECTED = RUNTIME / "deferred.jsonl.rejected"


def last_line(machine: Machine, path: PurePath) -> tuple[bytes, bytes]:
    """What stands before the last line, and that line."""
    data = machine.disk.read(path)
    start = data.rstrip(b"\n").rfind(b"\n") + 1
    return data[:start], data[start:]


def forget(machine: Machine, task_id: str) -> None:
    """Take out of the audit log that a task was scheduled which was cut off."""
    said = machine.disk.read(LOG).splitlines(keepends=True)
    machine.disk.put(LOG, b"".join(line for line in said if f"scheduled id={task_id} ".encode() not in line))


@pytest.mark.parametrize("act", [schedule("after"), wake], ids=["schedule", "wake"])
def test_row_4_the_store_cut_at_every_byte(act: object, count: Callable[[str, int], None]) -> None:
    """Set aside once and whole; what comes next starts on a fresh line, and all lines are good."""
    base = waiting()
    before, line = last_line(base, STORE)
    lost = codec.decode(line)["id"]
    for size in range(1, len(line) + 1):
        machine = base.clone()
        machine.disk.put(STORE, before + line[:size])
        whole = size >= len(line) - 1
        machine.acknowledged = {key for key in machine.acknowledged if whole or key[0] != lost}
        if not whole:
            forget(machine, lost)
        assert do(machine, act)[0] == "done"
        # One whole line that only lacks its newline stays, and the wake has no reason to touch it.
        lines = machine.disk.read(STORE).splitlines()
        assert all(codec.decode(one) for one in lines), f"cut at {size}"
        assert machine.disk.read(REJECTED) == (b"" if whole else line[:size] + b"\n")
        assert {one["id"] for one in in_store(machine)} >= {name for name, _ in machine.acknowledged}
        examine(machine)
    count("places where a line was cut", len(line))


@pytest.mark.parametrize("folder", ["archive", "runs"])
def test_row_4_the_archive_cut_at_every_byte(folder: str, count: Callable[[str, int], None]) -> None:
    """Whoever filed it died meanwhile: it is filed again, and stands there once."""
    base = settled_and_not_filed()
    filed = base.clone()
    assert do(filed, archive)[0] == "done"
    (name,) = filed.disk.names(RUNTIME / folder)
    before, line = last_line(filed, RUNTIME / folder / name)
    for size in range(1, len(line) + 1):
        machine = filed.clone()
        machine.disk.put(STORE, base.disk.read(STORE))
        machine.disk.put(RUNTIME / folder / name, before + line[:size])
        assert do(machine, archive)[0] == "done"
        records = lines_in(machine, folder)
        assert records.count(json.loads(line)) == 1, f"cut at {size}"
        examine(machine)
    count("places where a line was cut", len(line))
