"""A fault at every operation of ``defer prune``: what there was before or what there is afterwards, never a mix."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cases import operations, perform, start
from memfs import FAULTS, KILLS, MUTATING, Fault
from world import RUNTIME, Machine, Proc, do, looking, pruned

from defer.reports import recordfiles
from support import slow_but

ALL = ["old-04", "old-03", "old-02", "old-01"]
NEW = ["old-04", "old-03"]


def told(machine: Machine) -> tuple[list[str], list[str], str | None]:
    """What people see: the runs and the ended tasks, newest first, and since when there are records."""
    with looking(machine) as store:
        runs = [run.task_id for run in store.runs()]
        ended = [one["id"] for one in store.ended_records()]
        since = store.kept_since().records
    return runs, ended, None if since is None else f"{since:%Y-%m-%d}"


def logs(machine: Machine) -> set[str]:
    attempts = RUNTIME / "logs" / "attempts"
    return {name for name in machine.disk.names(attempts) if machine.disk.names(attempts / name)}


def contradictions(machine: Machine) -> list[str]:
    """What the history checker finds, logs included."""
    found: list[str] = []

    def check(proc: Proc) -> None:
        found.extend(one.kind for one in recordfiles.history(proc.store, proc.config).report().contradictions)

    assert do(machine, check)[0] == "done"
    return found


def examine_past(machine: Machine) -> None:
    """Old or new, whole; what is to stay is there; what is missing was noted; the next prune takes away the rest."""
    runs, ended, since = told(machine)
    assert (runs, ended, since) in ((ALL, ALL, None), (NEW, NEW, "2026-03-01"))
    assert logs(machine) >= {"old-04"}
    if since is None:
        assert logs(machine) == set(ALL)
    assert contradictions(machine) == []
    assert do(machine, pruned)[0] == "done"
    assert told(machine) == (NEW, NEW, "2026-03-01")
    assert logs(machine) == {"old-04"}
    months = [name for folder in ("archive", "runs") for name in machine.disk.names(RUNTIME / folder)]
    assert sorted(months) == [
        "deferred_202603.jsonl",
        "deferred_202604.jsonl",
        "kept.json",
        "runs_202603.jsonl",
        "runs_202604.jsonl",
    ]
    assert contradictions(machine) == []


@pytest.mark.parametrize("kind", slow_but(("kill-before", "kill-after", "EIO", "ENOSPC-ever"), FAULTS))
def test_row_1_and_3_old_or_new_and_never_a_mix(kind: str, count: Callable[[str, int], None]) -> None:
    faults = [
        Fault(number, kind)
        for number, operation in enumerate(operations("prune"))
        if Fault(number, kind).fits(operation) and (kind not in KILLS or operation in MUTATING)
    ]
    for fault in faults:
        machine = start("prune")
        result, _ = perform(machine, "prune", fault)
        try:
            assert result == "killed" if kind in KILLS else result in ("failed", "done")
            examine_past(machine)
        except BaseException as error:
            error.add_note(f"{kind} at {fault.at} ({operations('prune')[fault.at]}): {result}")
            raise
    assert faults
    count("fault points", len(faults))


def test_row_3_a_disk_that_is_full_is_given_room_by_old_logs() -> None:
    """That is when people prune."""
    noting = operations("prune").index("rename")
    full = [number for number in range(noting) if operations("prune")[number] in ("open-w", "write")][-2:]
    for number in full:
        machine = start("prune")
        assert perform(machine, "prune", Fault(number, "ENOSPC"))[0] == "done"
        assert told(machine) == (NEW, NEW, "2026-03-01")
        assert logs(machine) == {"old-04"}


def test_row_2_what_a_power_loss_brings_back_counts_as_removed(count: Callable[[str, int], None]) -> None:
    states = 0
    for number, operation in enumerate(operations("prune")):
        if operation not in MUTATING:
            continue
        machine = start("prune")
        perform(machine, "prune", Fault(number, "kill-after"))
        for left in machine.disk.after_power_loss(6, seed=number):
            twin = machine.clone()
            twin.lose_power(left)
            examine_past(twin)
            states += 1
    assert states
    count("power-loss states", states)
