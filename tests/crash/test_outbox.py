"""What is to be told, and a process that is killed, or a disk that fails, at every operation of telling it.

An event is noted between the archive and the drop, and sent by a process of its own. Whatever is cut short, in the end
each event stands in the outbox once and was sent at least once, always with the same key.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from itertools import count as numbers
from typing import Any

import pytest
from cases import due, filed_and_not_dropped, recurring, settled_and_not_filed, v1_finished
from memfs import MUTATING, Fault
from world import RUNTIME, Machine, Proc, archive, do, lines_in, wake

from defer.notices import events, outbox
from defer.notices.box import SENT, Result
from defer.run import sending
from support import slow_but

CHANNEL = "command:/usr/local/bin/tell"
SETTINGS = {"DEFER_NOTIFY": f"inbox;{CHANNEL}"}


@pytest.fixture(autouse=True)
def no_sender_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wake's own sender is a fork, which does not see the disk in memory: here the test is the sender."""
    monkeypatch.setattr(sending.Sending, "_start", lambda self: None)


def send(proc: Proc) -> None:
    """A sender: what reaches somebody is noted by the witness first, by the outbox afterwards."""
    file = proc.config.notices_file
    for one in outbox.pending(file):
        proc.machine.sent.append((one.key, one.channel))
        with proc.store.standing_still():
            outbox.settled(file, [Result(one.key, one.channel, SENT, one.tries + 1)], proc.machine.now)


def told_by(act: Callable[[Proc], None]) -> Callable[[Proc], None]:
    def acted(proc: Proc) -> None:
        act(proc)
        send(proc)

    return acted


def failing_again() -> Machine:
    """What recurs fails for the second time, long after the first was told."""
    machine = recurring()
    machine.pass_time(days=1)
    assert do(machine, told_by(wake), **SETTINGS)[0] == "done"
    machine.pass_time(days=2)
    machine.disk.make_durable()
    return machine


CASES: dict[str, tuple[Callable[[], Machine], Any, dict[str, str]]] = {
    "one of each kind": (due("ok", "fail", retries=0), wake, {}),
    "a reminder": (due("ok"), wake, {"DEFER_EXECUTOR": ""}),
    "settled and not filed": (settled_and_not_filed, archive, {}),
    "filed and not dropped": (filed_and_not_dropped, archive, {}),
    "what recurs and fails": (failing_again, wake, {}),
    "what version 1 left": (v1_finished, archive, {}),
}
KINDS = ("kill-before", "kill-after", "kill-half", "EIO", "ENOSPC")
DAILY = ("one of each kind", "filed and not dropped")


@cache
def _prepared(name: str) -> Machine:
    return CASES[name][0]()


def perform(name: str, fault: Fault | None = None) -> tuple[str, Machine, list[str]]:
    _, act, settings = CASES[name]
    machine = _prepared(name).clone()
    result, proc = do(machine, told_by(act), fault, **SETTINGS, **settings)
    return result, machine, proc.kernel.log


def noted(machine: Machine) -> list[dict[str, Any]]:
    """The notices in the outbox, each as often as it stands there."""
    found = []
    for line in machine.disk.read(RUNTIME / "notices.jsonl").splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        found += [said] if said.get("op") == "notice" else []
    return found


def examine(machine: Machine, settings: dict[str, str], patience: timedelta = timedelta()) -> None:
    """After wakes and senders that nothing disturbs: everybody was told of everything, under one key each."""
    for _ in range(2):
        machine.pass_time(minutes=1, seconds=patience.total_seconds())
        machine.end_executors()
        assert do(machine, told_by(wake), **SETTINGS, **settings)[0] == "done"
    found = noted(machine)
    keys = Counter(one["key"] for one in found)
    assert set(keys.values()) <= {1}, "noted twice"
    forgotten = [one["id"] for one in lines_in(machine, "archive") if not expected(one) <= keys.keys()]
    assert not forgotten, "forgotten"
    loud = {one["key"] for one in found if one["to"]}
    assert {key for key, _ in machine.sent} == loud, "not sent, or sent and never noted"
    assert {where for _, where in machine.sent} <= {CHANNEL}


def expected(record: Any) -> set[str]:
    """The key of what is told of a record, if it is told whatever was told before: a failure may be known already."""
    event, last = events.event_of(record), record.get("last") or {}
    if event in ("completed", "failed", "lost", "expired") and last.get("failures", 1) <= 1:
        return {events.key_of(record, event)}
    return set()


@pytest.mark.parametrize("kind", slow_but(("kill-after", "EIO"), KINDS))
@pytest.mark.parametrize("name", slow_but(DAILY, CASES))
def test_a_fault_at_every_operation(name: str, kind: str, count: Callable[[str, int], None]) -> None:
    result, machine, log = perform(name)
    assert result == "done"
    assert noted(machine), "nothing is told here"
    points = [Fault(number, kind) for number, one in enumerate(log) if Fault(number, kind).fits(one)]
    for fault in points:
        result, machine, _ = perform(name, fault)
        try:
            assert result == "killed" if kind.startswith("kill") else result in ("failed", "done")
            examine(machine, CASES[name][2])
        except BaseException as error:
            error.add_note(f"{name}, {kind} at {fault.at} ({log[fault.at]}): {result}")
            raise
    count("fault points of the outbox", len(points))


@pytest.mark.parametrize("name", slow_but(DAILY, CASES))
def test_a_power_loss_after_every_operation(name: str, count: Callable[[str, int], None]) -> None:
    states = 0
    for number in numbers():
        result, machine, log = perform(name, Fault(number, "kill-after"))
        if result == "done":
            break
        if log[-1] not in MUTATING:
            continue
        where = f"{name}, power lost after {number} ({log[-1]})"
        for left in machine.disk.after_power_loss(4, seed=zlib.crc32(where.encode())):
            twin = machine.clone()
            twin.lose_power(left)
            try:
                examine(twin, CASES[name][2], timedelta(minutes=15))
            except BaseException as error:
                error.add_note(where)
                raise
            states += 1
    count("power-loss states of the outbox", states)
