"""The commands that fault tests break: for each a machine to start from, and what is done on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import pytest
from memfs import Disk, Fault, MemKernel
from world import (
    RUNTIME,
    STORE,
    Machine,
    archive,
    by_hand,
    cancel,
    claim_only,
    do,
    edited,
    given,
    in_store,
    key_of,
    pruned,
    recur,
    schedule,
    schedule_batch,
    wake,
)

from defer import instants
from defer.record import task
from defer.store import jsonl


class Case(NamedTuple):
    """A command. ``one_step``: its change is one transition, so that only old or new may be seen."""

    setup: Callable[[], Machine]
    act: Any
    one_step: bool = False
    settings: tuple[tuple[str, str], ...] = ()


def empty() -> Machine:
    return Machine()


def waiting() -> Machine:
    """Three tasks wait, and a wake has been by."""
    machine = Machine()
    for act in (schedule("wait"), schedule("other", minutes=90), schedule("third", minutes=30), wake):
        assert do(machine, act)[0] == "done"
        machine.pass_time(seconds=2)
    machine.disk.make_durable()
    return machine


def due(*summaries: str, retries: int = 1) -> Callable[[], Machine]:
    """The same, and one task is due for each of ``summaries``."""

    def setup() -> Machine:
        machine = waiting()
        for number, summary in enumerate(summaries):
            act = schedule(f"due-{number}-{summary}", minutes=1, summary=summary, retries=retries)
            assert do(machine, act)[0] == "done"
        machine.pass_time(minutes=5)
        machine.disk.make_durable()
        return machine

    return setup


def claimed_by_a_dead_runner() -> Machine:
    machine = due("ok", "fail")()
    assert do(machine, claim_only)[0] == "done"
    machine.disk.make_durable()
    return machine


def _dead_after(machine: Machine, is_it: Callable[[Machine], bool], act: Any = wake) -> Machine:
    """``machine`` after ``act`` was killed at the first operation that makes ``is_it`` true."""
    for number in range(1000):
        twin = machine.clone()
        result, _ = do(twin, act, Fault(number, "kill-after"))
        assert result == "killed", "no operation made it true"
        if is_it(twin):
            return twin
    raise AssertionError("no operation made it true")


def executor_outlives_its_runner() -> Machine:
    return _dead_after(due("fail")(), lambda machine: bool(machine.running))


def settled_and_not_filed() -> Machine:
    def is_it(machine: Machine) -> bool:
        return any(one["status"] in ("completed", "failed") for one in in_store(machine))

    return _dead_after(due("ok")(), is_it)


def filed_and_not_dropped() -> Machine:
    """Filed by a process that died before it took the task out of the store, and before any sync."""
    return _dead_after(settled_and_not_filed(), lambda machine: b"due-0" in _archive(machine), archive)


def _archive(machine: Machine) -> bytes:
    folder = RUNTIME / "archive"
    return b"".join(machine.disk.read(folder / name) for name in machine.disk.names(folder))


def mostly_superseded() -> Machine:
    """More than half of the store is lines that count no longer."""
    machine = waiting()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "SMALL_STORE_BYTES", 0)
        for _ in range(6):
            machine.pass_time(seconds=2)
            assert do(machine, schedule("soon", minutes=10, if_exists="replace"))[0] == "done"
    machine.pass_time(seconds=2)
    machine.disk.make_durable()
    return machine


def v1_finished() -> Machine:
    """A store as v1 left it: finished tasks stand in it, without the fields that came later."""
    machine = waiting()
    lines = machine.disk.read(STORE)
    for number, status in enumerate(("completed", "failed", "cancelled")):
        one = {
            "id": f"old-{number}",
            "created_at": "2026-02-03T04:05:06Z",
            "run_at": "2026-03-31T23:59:59Z" if number else "2026-02-28T00:00:00Z",
            "status": status,
            "context": {"summary": "s"},
            "attempts": 1,
        }
        machine.acknowledged.add(key_of(one))
        lines += json.dumps(one).encode() + b"\n"
    machine.disk.put(STORE, lines)
    machine.disk.make_durable()
    return machine


def v1_waiting() -> Machine:
    """A store of waiting tasks in the order in which v1 wrote their fields: the next wake puts them into ours."""
    machine = waiting()
    lines = machine.disk.read(STORE)
    for number in range(30):
        one = {
            "id": f"old-{number}",
            "created_at": "2026-02-03T04:05:06Z",
            "run_at": "2030-01-01T00:00:00Z",
            "context": {"summary": "s"},
            "status": "scheduled",
        }
        machine.acknowledged.add(key_of(one))
        lines += json.dumps(one).encode() + b"\n"
    machine.disk.put(STORE, lines)
    machine.disk.make_durable()
    return machine


def beside_a_newer_version() -> Machine:
    """Some are due, and so are records that only a newer version may work on, one of them left executing."""
    machine = due("ok", "fail")()
    newer = {"schema_version": 3, "context": ["of another type"]}
    needing = {"schema_version": 2, "context": {"summary": "ok"}, "requires": ["telepathy"]}
    for number, fields in enumerate((needing, newer, {**newer, "status": "executing"})):
        one = {"created_at": "2026-04-08T16:35:00Z", "run_at": "2026-04-08T16:36:00Z", "status": "scheduled"}
        machine.untouched.add(json.dumps({"id": f"new-{number}", **one, **fields}).encode())
    held = b"".join(line + b"\n" for line in sorted(machine.untouched))
    machine.disk.put(STORE, held + machine.disk.read(STORE))
    machine.disk.make_durable()
    return machine


def cancel_newer(proc: Any) -> None:
    """A person's right; that it is filed is for the newer version."""
    now = proc.machine.now
    proc.machine.untouched = {line for line in proc.machine.untouched if b"new-1" not in line}
    proc.store.update("new-1", now, lambda one: task.cancel(one, now, "no longer needed"))


def torn() -> Machine:
    """Somebody's line was cut in the middle."""
    machine = due("ok")()
    machine.disk.put(STORE, machine.disk.read(STORE) + b'{"id":"half","status":"sched')
    machine.disk.make_durable()
    return machine


def no_last_newline() -> Machine:
    machine = due("ok")()
    machine.disk.put(STORE, machine.disk.read(STORE).removesuffix(b"\n"))
    machine.disk.make_durable()
    return machine


def all_in_one_tick() -> Machine:
    """The clock that stamps files stands still: what was written last bears the same time as what comes next."""
    machine = waiting()
    machine.disk.operation_ns = 0
    assert do(machine, schedule("a-tick-ago", minutes=40))[0] == "done"
    machine.disk.make_durable()
    return machine


def slow(setup: Callable[[], Machine]) -> Callable[[], Machine]:
    """On a disk that takes 10 ms for whatever it is asked."""

    def made() -> Machine:
        machine = setup()
        machine.disk.operation_ns = 10_000_000
        return machine

    return made


def recurring() -> Machine:
    """Two that recur, of which one is due."""
    machine = waiting()
    for act in (recur("often", "every 10m"), recur("daily", "every day at 9am", "fail")):
        assert do(machine, act)[0] == "done"
    machine.pass_time(minutes=12)
    machine.disk.make_durable()
    return machine


def asleep_for_hours() -> Machine:
    machine = recurring()
    machine.pass_time(hours=20)
    return machine


def paused() -> Machine:
    machine = recurring()
    for name in ("wait", "daily"):
        assert do(machine, edited(lambda editor, name=name: editor.pause(name)))[0] == "done"
    machine.pass_time(days=1)
    machine.disk.make_durable()
    return machine


def a_copy_is_to_talk() -> Machine:
    """A task that recurs and continues one conversation waits, and a copy of it is due."""
    machine = recurring()
    for act in (
        recur("talks", "every 2h", "talk"),
        edited(lambda editor: editor._store.update("talks", machine.now, _sticky)),
        edited(lambda editor: editor.run_now("talks")),
    ):
        assert do(machine, act)[0] == "done"
    machine.pass_time(seconds=2)
    machine.disk.make_durable()
    return machine


def asking(condition: str, summary: str = "ok", **fields: object) -> Callable[[], Machine]:
    """One that runs once and one that recurs are due, each with a condition; the other has been skipped before."""

    def setup() -> Machine:
        machine = due(summary)()
        limit = {"expires_at": "2026-04-08T23:00:00Z"}
        asked = {"requires": ["condition"], **fields}
        for act in (
            given(f"due-0-{summary}", condition=condition, **limit, **asked),
            recur("often", "every 10m", summary),
            given("often", condition="false", **asked),
        ):
            assert do(machine, act)[0] == "done"
        machine.pass_time(minutes=11)
        assert do(machine, wake)[0] == "done"
        for act in (given("often", condition=condition), schedule("again", minutes=1, summary=summary)):
            assert do(machine, act)[0] == "done"
        assert do(machine, given("again", condition=condition, **limit, **asked))[0] == "done"
        machine.pass_time(minutes=11)
        machine.disk.make_durable()
        return machine

    return setup


def _sticky(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "sticky_session": True, "session_id": "s"}


def later(setup: Callable[[], Machine], seconds: float = 2) -> Callable[[], Machine]:
    def made() -> Machine:
        machine = setup()
        machine.pass_time(seconds=seconds)
        return machine

    return made


def large(act: Any) -> Any:
    """The same in a store that counts as large."""

    def acted(proc: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jsonl, "SMALL_STORE_BYTES", 0)
            act(proc)

    return acted


def long_past() -> Machine:
    """Tasks that ran in January, February, March and April, with logs and prompts; one of them is due again."""
    machine = due("ok")()
    disk, logs = machine.disk, RUNTIME / "logs"
    kernel = MemKernel(disk)
    for folder in (RUNTIME / "archive", RUNTIME / "runs", logs / "attempts"):
        with suppress(FileExistsError):
            kernel.mkdir(Path(folder))
    for month in ("01", "02", "03", "04"):
        name, at, run = f"old-{month}", f"2026-{month}-05T08:00:00Z", f"run_2026{month}05T080000Z_00000000{month}"
        log = str(logs / "attempts" / name / f"{run}.log")
        kernel.mkdir(Path(logs / "attempts" / name))
        disk.put(PurePath(log), b"done\n")
        disk.put(logs / f"{name}.prompt.txt", b"do it\n")
        disk.find(logs / f"{name}.prompt.txt").mtime = int(instants.from_text(at).timestamp() * 1e9)
        common = {"attempt": 1, "occurrence": at, "started_at": at}
        ended = {"id": name, "created_at": at, "run_at": at, "status": "completed", "completed_at": at, "attempts": 1}
        _append(disk, "archive", month, {**ended, "schema_version": 2, "occurrence": at, "started_at": at})
        rest = dict.fromkeys(("exit_code", "error_type", "error", "late_by_seconds", "prompt", "usage", "session_id"))
        told = {**common, **rest, "host": None, "pid": None, "status": "ok", "duration_ms": 5, "log_bytes": 5}
        _append(disk, "runs", month, {"run_id": run, "task_id": name, **told, "ended_at": at, "log": log})
    machine.disk.make_durable()
    return machine


def _append(disk: Disk, folder: str, month: str, record: dict[str, Any]) -> None:
    path = RUNTIME / folder / f"{'deferred' if folder == 'archive' else 'runs'}_2026{month}.jsonl"
    disk.put(path, disk.read(path) + json.dumps(record).encode() + b"\n")


CASES: dict[str, Case] = {
    "schedule": Case(waiting, schedule("new"), one_step=True),
    "schedule, first of all": Case(empty, schedule("new"), one_step=True),
    "schedule, sooner than all": Case(waiting, schedule("new", minutes=1), one_step=True),
    "schedule, sooner than all, within a tick": Case(all_in_one_tick, schedule("new", minutes=1), one_step=True),
    "schedule batch": Case(waiting, schedule_batch(["one", "two", "three"]), one_step=True),
    "schedule, id is there already": Case(waiting, schedule("wait", if_exists="skip"), one_step=True),
    "replace": Case(later(waiting), schedule("wait", minutes=20, if_exists="replace"), one_step=True),
    "cancel": Case(waiting, cancel("wait"), one_step=True),
    "pause": Case(recurring, edited(lambda editor: editor.pause("wait")), one_step=True),
    "resume": Case(paused, edited(lambda editor: editor.resume("wait")), one_step=True),
    "resume what recurs": Case(paused, edited(lambda editor: editor.resume("daily")), one_step=True),
    "reschedule": Case(recurring, edited(lambda editor: editor.reschedule("wait", "20m")), one_step=True),
    "edit": Case(recurring, edited(lambda editor: editor.edit("wait", {"tags": ["new"]})), one_step=True),
    "run now": Case(recurring, edited(lambda editor: editor.run_now("wait")), one_step=False),
    "cancel an occurrence": Case(
        recurring, edited(lambda editor: editor.cancel_occurrence("often", None)), one_step=True
    ),
    "next occurrence": Case(recurring, wake),
    "occurrences that were missed": Case(asleep_for_hours, wake),
    "claim": Case(due("ok", "ok", "fail"), claim_only),
    "settle ok": Case(due("ok"), wake),
    "settle retry": Case(due("fail"), wake),
    "settle failed": Case(due("fail", retries=0), wake),
    "settle put off": Case(due("later"), wake),
    "settle run again": Case(due("again"), wake),
    "settle a copy's turn": Case(a_copy_is_to_talk, wake),
    "a condition that holds": Case(asking("true"), wake),
    "a condition that does not": Case(asking("false"), wake),
    "a check that is content": Case(asking("true", check="true"), wake),
    "a check that is not": Case(asking("true", "again", check="false"), wake),
    "several at once": Case(due("ok", "fail", "again", "later"), wake),
    "several at once, large store": Case(due("ok", "fail", "again"), large(wake)),
    "prompt prepared": Case(due("ok"), wake, settings=(("DEFER_EXECUTOR", ""),)),
    "by hand, ok": Case(due("ok"), by_hand("due-0-ok")),
    "by hand, retried": Case(due("fail"), by_hand("due-0-fail")),
    "by hand, failed": Case(due("fail", retries=0), by_hand("due-0-fail")),
    "by hand, not due": Case(waiting, by_hand("third")),
    "recover": Case(claimed_by_a_dead_runner, wake),
    "recover beside a living executor": Case(executor_outlives_its_runner, wake),
    "archive": Case(settled_and_not_filed, archive),
    "archive, large store": Case(settled_and_not_filed, large(archive)),
    "archive, slow disk": Case(slow(settled_and_not_filed), archive),
    "archive again": Case(filed_and_not_dropped, archive),
    "archive again, large store": Case(filed_and_not_dropped, large(archive)),
    "archive of v1": Case(v1_finished, archive),
    "v1's lines into our own form": Case(v1_waiting, wake),
    "v1's lines into our own form, large store": Case(v1_waiting, large(wake)),
    "beside a newer version": Case(beside_a_newer_version, wake),
    "beside a newer version, large store": Case(beside_a_newer_version, large(wake)),
    "cancel what needs a newer version": Case(beside_a_newer_version, cancel_newer),
    "prune": Case(long_past, pruned, one_step=True),
    "rewrite": Case(mostly_superseded, archive),
    "rewrite, large store": Case(mostly_superseded, large(archive)),
    "torn line, schedule": Case(torn, schedule("new"), one_step=True),
    "torn line, wake": Case(torn, wake),
    "no last newline, schedule": Case(no_last_newline, schedule("new"), one_step=True),
}

DAILY = (
    "schedule",
    "cancel",
    "claim",
    "settle ok",
    "settle retry",
    "a condition that does not",
    "a check that is not",
    "recover",
    "archive",
    "prune",
    "rewrite",
    "torn line, wake",
)
"""Between them they take every way through the store; `make test-slow` goes through the others, too."""


@cache
def _prepared(name: str) -> Machine:
    return CASES[name].setup()


def start(name: str) -> Machine:
    """A fresh machine on which the command of that name can be given."""
    return _prepared(name).clone()


def perform(machine: Machine, name: str, fault: Fault | None = None) -> tuple[str, list[str]]:
    """Give the command; how it ended, and the operations it came to."""
    case = CASES[name]
    result, proc = do(machine, case.act, fault, **dict(case.settings))
    return result, proc.kernel.log


@cache
def operations(name: str) -> tuple[str, ...]:
    """The operations of the command when nothing goes wrong."""
    result, log = perform(start(name), name)
    assert result == "done"
    return tuple(log)


def summary(machine: Machine) -> dict[str, tuple[str, str, str]]:
    """What a person would tell two states of the store apart by."""
    return {one["id"]: (one["status"], one["run_at"], one["created_at"]) for one in in_store(machine)}
