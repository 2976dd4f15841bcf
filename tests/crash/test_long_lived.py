"""Row 9 of docs/promises.md: a runner that lives for hours while others change and rewrite the store."""

from __future__ import annotations

from cases import due, waiting
from memfs import File
from world import STORE, Machine, Proc, archive, cancel, claim_only, do, examine, in_store, schedule, wake


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
