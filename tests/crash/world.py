"""A machine for fault tests: a disk in memory, processes that live and die, a clock, and a witness.

The store, the runner and the use cases are the real ones; ``fsio.kernel`` writes to a ``Disk``,
executors are ``FakeAttempt``s that tell the witness when they really start. ``examine`` holds the
invariants that every fault test ends with.
"""

from __future__ import annotations

import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from memfs import Disk, Fault, Killed, MemKernel

from defer import fsio, instants, process
from defer.errors import DeferError
from defer.record import events, outcome, task, versions
from defer.record.outcome import Outcome
from defer.reports import records
from defer.reports.facts import Begin
from defer.run import agenda, byhand, notices, prune, rescue, stages, start
from defer.run import wake as runner
from defer.scheduling import plan
from defer.scheduling.edit import Editor
from defer.scheduling.plan import Request
from defer.settings.config import Config
from defer.store import audit
from defer.store.audit import AuditLog
from defer.store.jsonl import JsonlStore
from defer.store.markers import HORIZON

HOME = PurePath("/in-memory")
RUNTIME = HOME / "data" / "runtime"
STORE = RUNTIME / "deferred.jsonl"
START = datetime(2026, 4, 8, 16, 35, tzinfo=UTC)

Key = tuple[str, str]
"""What a person was told of: the id and ``created_at`` of a task."""


class Machine:
    """One computer: its disk, its clock, its processes, and what a witness saw."""

    new_kernel: Callable[[Disk, Fault | None], Any] = MemKernel
    """What a process of ours reaches the disk with."""

    def __init__(self) -> None:
        self.now = START
        self.disk = Disk(lambda: self.now.timestamp())
        self.disk.root.change({})
        parent = MemKernel(self.disk)
        parent.mkdir(Path(HOME))
        self.disk.make_durable()
        self.boot = 1
        self.alive: set[int] = set()
        self._pids = itertools.count(10**8)
        self._dice = itertools.count(1)
        self.acknowledged: set[Key] = set()
        self.cancelled: set[Key] = set()
        self.untouched: set[bytes] = set()
        """Lines that stay in the store as they are, whatever is done beside them."""
        self.started: list[dict[str, Any]] = []
        self.running: dict[int, str] = {}
        self.overlaps: list[str] = []
        self.said: list[str] = []
        self.sent: list[tuple[str, str]] = []
        """What reached somebody: the key of a notice and its channel."""
        self.set_back: list[tuple[datetime, datetime]] = []

    def clone(self) -> Machine:
        """A twin that goes its own way."""
        twin = Machine.__new__(Machine)
        twin.__dict__.update(self.__dict__)
        twin.disk = self.disk.clone()
        twin.disk.seconds = lambda: twin.now.timestamp()
        twin._pids = itertools.count(next(self._pids))
        twin._dice = itertools.count(next(self._dice))
        for name in (
            "alive",
            "acknowledged",
            "cancelled",
            "untouched",
            "started",
            "running",
            "overlaps",
            "said",
            "sent",
            "set_back",
        ):
            setattr(twin, name, type(getattr(self, name))(getattr(self, name)))
        return twin

    def pass_time(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    def set_clock_back(self, **delta: float) -> None:
        self.set_back.append((self.now - timedelta(**delta), self.now))
        self.now -= timedelta(**delta)

    def new_pid(self) -> int:
        pid = next(self._pids)
        self.alive.add(pid)
        return pid

    def random_bytes(self, size: int) -> bytes:
        """Unique ones, and the same in every run: names stand in the same order in a directory."""
        return next(self._dice).to_bytes(size, "big")

    def identity(self, pid: int) -> dict[str, Any]:
        return {"pid": pid, "start": "1", "boot": str(self.boot), "pid_namespace": "one"}

    def is_alive(self, known: dict[str, Any]) -> bool:
        return known["boot"] == str(self.boot) and known["pid"] in self.alive

    def end_executors(self) -> None:
        """Those that outlived their runner end now."""
        self.alive -= set(self.running)
        self.running.clear()

    def lose_power(self, left: Disk) -> None:
        """Nothing runs any more; the disk is what ``left`` says."""
        self.disk = left
        left.seconds = lambda: self.now.timestamp()
        self.boot += 1
        self.alive.clear()
        self.running.clear()


@cache
def _config(executor: str, notify: str) -> Config:
    environment = {
        "HOME": str(HOME),
        "DEFER_RUNTIME_DIR": str(RUNTIME),
        "DEFER_TIMEZONE": "UTC",
        "DEFER_NOTIFY": notify,
    }
    return Config({**environment, "DEFER_EXECUTOR": executor}, {}, None)


class Proc:
    """One process of ours on a machine, with the real store in it."""

    def __init__(self, machine: Machine, fault: Fault | None = None, settings: dict[str, str] | None = None) -> None:
        told = settings or {}
        self.machine = machine
        self.kernel = machine.new_kernel(machine.disk, fault)
        self.pid = machine.new_pid()
        self.behind_the_gate: set[int] = set()
        self.config = _config(told.get("DEFER_EXECUTOR", "/bin/true"), told.get("DEFER_NOTIFY", "inbox"))
        self.audit = AuditLog(Path(RUNTIME) / "logs" / "deferred.log")
        folders = Path(RUNTIME) / "archive", Path(RUNTIME) / "runs"
        v1_lock = Path(RUNTIME) / ".deferred-tasks.lock"
        self.store = JsonlStore(Path(STORE), *folders, 0.0, lambda *words, **facts: self._report(words), v1_lock)

    def _report(self, words: tuple[str, ...]) -> None:
        self.machine.said.append(words[0])

    def run(self, act: Callable[[Proc], object]) -> str:
        """Do something; ``done``, ``refused``, ``failed`` (exit 74) or ``killed``."""
        with pytest.MonkeyPatch.context() as patch:
            self._enter(patch)
            return self.outcome_of(act)

    def outcome_of(self, act: Callable[[Proc], object]) -> str:
        """The same where the system is already what this process sees of it."""
        try:
            act(self)
        except Killed:
            return "killed"
        except (OSError, DeferError) as error:
            code = getattr(error, "exit_code", 74)
            return {1: "refused", 74: "failed", 75: "busy"}.get(code, f"exit {code}")
        finally:
            if self.kernel.dead:
                # A leader still behind its gate reads end of file and leaves.
                self.machine.alive -= {self.pid, *self.behind_the_gate}
        return "done"

    def _enter(self, patch: pytest.MonkeyPatch) -> None:
        machine = self.machine
        patch.setattr(fsio, "kernel", self.kernel)
        patch.setattr(os, "urandom", machine.random_bytes)
        patch.setattr(process, "identity", lambda pid: machine.identity(pid if pid in machine.alive else self.pid))
        patch.setattr(process, "is_alive", machine.is_alive)
        patch.setattr(process, "is_of_this_boot", lambda known: known["boot"] == str(machine.boot))
        patch.setattr(rescue, "Ending", lambda search, _: FakeEnding(self, search.leader))
        patch.setattr(start, "Attempt", lambda one, *_: FakeAttempt(self, one))
        patch.setattr(stages, "Condition", type("Condition", (FakeCondition,), {"proc": self}))
        patch.setattr(stages, "Check", type("Check", (FakeCheck,), {"proc": self}))
        # What fails is tried again at once: nothing changes by itself here, however long one waits.
        patch.setattr(agenda, "_FAILED_AGAIN_SECONDS", 0.0)

    def _kill_leader(self, pid: int) -> None:
        self.machine.alive.discard(pid)
        self.machine.running.pop(pid, None)

    def exit(self) -> None:
        """The process ends by itself."""
        self.kernel.die()
        self.machine.alive.discard(self.pid)


class FakeEnding:
    """What an attempt has left is its leader."""

    def __init__(self, proc: Proc, leader: int) -> None:
        self.proc, self.leader = proc, leader

    def left(self) -> list[int]:
        return [self.leader] if self.leader in self.proc.machine.alive else []

    def begin(self) -> None:
        self.proc._kill_leader(self.leader)

    def next_look(self) -> float:
        return 0.0

    def is_over(self, _now: float) -> bool:
        return True


class FakeAttempt:
    """An executor that tells the machine's witness when it starts, and ends as its summary says."""

    is_work = True

    def __init__(self, proc: Proc, one: dict[str, Any]) -> None:
        self.proc, self.task = proc, one
        self.timeout: float | None = 60.0
        self.paths = SimpleNamespace(
            prompt=Path(RUNTIME) / "logs" / "prompt.txt",
            log=Path(RUNTIME) / "logs" / "log",
            result=Path(RUNTIME) / "logs" / "result",
        )
        pid = proc.machine.new_pid()
        proc.behind_the_gate.add(pid)
        self.run_id = str(one["run"]["run_id"])
        self.leader = SimpleNamespace(pid=pid)
        self.had_to_end_others = False
        self.given_up: list[object] = []
        self.was_told = lambda: False
        nothing_printed = SimpleNamespace(close=lambda: None, discard=lambda: None, kept_bytes=0, is_kept=False)
        self.capture = SimpleNamespace(log=nothing_printed)

    @property
    def leads_on(self) -> bool:
        return bool(self.task.get("check"))

    def undone(self, _error: object) -> Outcome | None:
        return None

    def _end(self) -> None:
        if not self.proc.kernel.dead:
            self.proc.machine.alive.discard(self.leader.pid)
            self.proc.machine.running.pop(self.leader.pid, None)

    def release(self, *_: object) -> None:
        """Where the executor really begins: the witness writes it down."""
        machine, run = self.proc.machine, self.task["run"]
        self.proc.behind_the_gate.discard(self.leader.pid)
        if self.task["id"] in machine.running.values():
            machine.overlaps.append(self.task["id"])
        if self.is_work:
            machine.started.append({"id": self.task["id"], "created_at": self.task["created_at"], **run})
        machine.running[self.leader.pid] = self.task["id"]

    def abandon(self) -> None:
        self._end()

    def let_go(self) -> None:
        """It goes on without its runner."""

    def end(self, _why: str) -> None:
        self._end()

    def finish(self, now: datetime) -> Outcome:
        self._end()
        wish = self.task["context"]["summary"]
        if wish == "fail":
            return Outcome(outcome.FAILED, exit_code=1, error_type=outcome.EXECUTOR_FAILED, error="it failed")
        if wish == "later":
            at = now + timedelta(minutes=2)
            return Outcome(outcome.FAILED, 75, outcome.EXECUTOR_FAILED, "quota", retry_at=at)
        again = now + timedelta(hours=2) if wish == "again" else None
        # Each turn of a conversation has a name that begins with that of the turn before.
        said = f"{self.task.get('session_id') or 's'}.{self.task['id']}" if wish == "talk" else None
        done = {"type": "executor_output"}
        return Outcome(outcome.OK, exit_code=0, result=done, reschedule_at=again, session_id=said)


class FakeCondition(FakeAttempt):
    """A condition that holds or not, as it says."""

    proc: Proc
    is_work = False
    leads_on = True
    said = "asked"

    def __init__(self, one: dict[str, Any], *_: object) -> None:
        super().__init__(self.proc, one)

    def finish(self, _now: datetime) -> Outcome:
        self._end()
        if self.task["condition"] == "true":
            return Outcome(outcome.OK, exit_code=0)
        return Outcome(outcome.NOT_NOW, exit_code=1, error="exited with 1")


class FakeCheck(FakeAttempt):
    """A check that is content or not, as it says."""

    proc: Proc
    is_work = False
    leads_on = False

    def __init__(self, done: FakeAttempt, came: Outcome, _config: object) -> None:
        super().__init__(self.proc, done.task)
        self._came = came

    def undone(self, _error: object) -> Outcome:
        return stages.failed_check(self._came, "it was not checked")

    def finish(self, _now: datetime) -> Outcome:
        self._end()
        return self._came if self.task["check"] == "true" else stages.failed_check(self._came, "its check said no", 1)


class FakeLoop:
    """No descriptors and no signals: whatever there is to see is there already. An attempt lasts for one turn."""

    is_told_to_stop = False

    def __init__(self) -> None:
        self.attempts: dict[str, FakeAttempt] = {}
        self.companions: set[int] = set()
        self.pings: list[tuple[str, str]] = []
        self.is_to_look = False
        self._seen: set[str] = set()

    def expect(self, attempt: FakeAttempt) -> None:
        """Its leader waits behind its gate."""

    def add(self, attempt: FakeAttempt, _make_keeper: object) -> None:
        self.attempts[attempt.run_id] = attempt
        attempt.release()

    def abandon(self, attempt: FakeAttempt) -> None:
        attempt.abandon()

    def wait(self, _until: object) -> list[FakeAttempt]:
        over = [attempt for name, attempt in self.attempts.items() if name in self._seen]
        self._seen = set(self.attempts)
        for attempt in over:
            del self.attempts[attempt.run_id]
        return over

    def let_go(self) -> None:
        self.attempts.clear()


# What can be done on a machine


def schedule(task_id: str, minutes: float = 60, summary: str = "ok", retries: int = 0, if_exists: str = "error") -> Any:
    """``defer schedule``; what was acknowledged is noted."""

    def act(proc: Proc) -> None:
        now = proc.machine.now
        request = Request(
            when=f"@{int((now + timedelta(minutes=minutes)).timestamp())}",
            context={"summary": summary},
            task_id=task_id,
            max_retries=retries,
        )
        planned = plan.plan(request, proc.config, now)
        before = proc.store.find(task_id)
        (stored,) = proc.store.append([planned.task], now, if_exists)
        # What is appended is told of after it is done: the log's disk may fail.
        proc.machine.acknowledged.add(key_of(stored))
        if if_exists == "replace" and before is not None:
            proc.machine.cancelled.add(key_of(before))
        if stored is planned.task:
            proc.audit.tell(events.scheduled(stored, now))

    return act


def given(task_id: str, **fields: object) -> Any:
    """Fields of a task that waits, as ``edit`` would set them."""

    def act(proc: Proc) -> None:
        proc.store.update(task_id, proc.machine.now, lambda one: {**one, **fields})

    return act


def recur(task_id: str, rule: str, summary: str = "ok") -> Any:
    """``defer schedule`` of something that recurs."""

    def act(proc: Proc) -> None:
        now = proc.machine.now
        planned = plan.plan(Request(when=rule, context={"summary": summary}, task_id=task_id), proc.config, now)
        (stored,) = proc.store.append([planned.task], now)
        proc.machine.acknowledged.add(key_of(stored))

    return act


def edited(how: Callable[[Editor], dict[str, Any]]) -> Any:
    """``pause``, ``resume``, ``reschedule``, ``edit``, ``run-now``, ``cancel --occurrence``."""

    def act(proc: Proc) -> None:
        stored = how(Editor(proc.store, proc.audit, proc.config, proc.machine.now))
        proc.machine.acknowledged.add(key_of(stored))

    return act


def schedule_batch(names: list[str], minutes: float = 60) -> Any:
    """Several tasks in one call of the store."""

    def act(proc: Proc) -> None:
        now = proc.machine.now
        records = [
            plan.plan(
                Request(when=f"@{int((now + timedelta(minutes=minutes)).timestamp())}", context={"summary": "ok"}),
                proc.config,
                now,
            ).task
            for _ in names
        ]
        named = [{"id": name, **record} for name, record in zip(names, records, strict=True)]
        stored = proc.store.append(named, now)
        proc.machine.acknowledged |= set(map(key_of, stored))

    return act


def cancel(task_id: str) -> Any:
    """``defer cancel``."""

    def act(proc: Proc) -> None:
        now = proc.machine.now
        done = proc.store.update(task_id, now, lambda one: task.cancel(one, now, "no longer needed"))
        proc.machine.cancelled.add(key_of(done))
        proc.audit.tell(events.cancelled(task_id, None, now))

    return act


def wake(proc: Proc) -> None:
    """``run-deferred.sh`` once Python runs."""
    proc.store.markers.beat()
    runner.Runner(proc.store, proc.config, proc.audit, lambda: proc.machine.now, loop=FakeLoop()).wake()


def by_hand(task_id: str) -> Callable[[Proc], None]:
    """``execute-task.sh`` with a task of the store."""

    def act(proc: Proc) -> None:
        given = proc.store.find(task_id)
        assert given is not None
        byhand.ByHand(proc.store, proc.config, proc.audit, lambda: proc.machine.now, loop=FakeLoop()).run(given)

    return act


def pruned(proc: Proc) -> None:
    """``defer prune``: what is older than twenty days."""
    prune.prune(proc.store, proc.config, proc.audit, proc.machine.now, timedelta(days=20))


def archive(proc: Proc) -> None:
    """``archive-deferred.sh``."""
    now = proc.machine.now
    proc.store.archive(now, notices.before_drop(proc.config, now), notices.look_by(proc.config, now))


def claim_only(proc: Proc) -> None:
    """A runner that claims and is never heard of again."""
    from defer.run import claim

    def new_run() -> dict[str, Any]:
        name = f"claimed-{proc.pid}-{proc.machine.new_pid()}"
        return {"run_id": name, "host": os.uname().nodename, "runner": proc.machine.identity(proc.pid)}

    now = proc.machine.now
    proc.store.claim_due(now, lambda hot: claim.choose(hot, now, 4, new_run))


# Looking at it


def key_of(one: dict[str, Any]) -> Key:
    return one["id"], one["created_at"]


def do(machine: Machine, act: Any, fault: Fault | None = None, **settings: str) -> tuple[str, Proc]:
    """Let a new process do something and end."""
    proc = Proc(machine, fault, settings)
    result = proc.run(act)
    if not proc.kernel.dead:
        proc.exit()
    return result, proc


@contextmanager
def looking(machine: Machine) -> Iterator[JsonlStore]:
    """The store as a reader without the lock sees it."""
    proc = Proc(machine)
    with pytest.MonkeyPatch.context() as patch:
        proc._enter(patch)
        yield proc.store
    proc.exit()


def in_store(machine: Machine) -> list[dict[str, Any]]:
    """What ``list --all`` shows."""
    with looking(machine) as store:
        return list(store.scan())


class Seen(NamedTuple):
    """What readers without the lock see at one moment: what ``list --all`` shows, and the good lines of the rest."""

    tasks: list[dict[str, Any]]
    archived: list[dict[str, Any]]
    runs: list[dict[str, Any]]


def see(machine: Machine) -> Seen:
    """Everything, by one reader."""
    with looking(machine) as store:
        tasks = list(store.scan())
        since = store.kept_since().records
    return Seen(tasks, *(_lines_since(since, machine, directory) for directory in ("archive", "runs")))


def lines_in(machine: Machine, directory: str) -> list[dict[str, Any]]:
    """The good lines of all files in ``archive`` or ``runs``; a half line may stand among them."""
    with looking(machine) as store:
        since = store.kept_since().records
    return _lines_since(since, machine, directory)


def _lines_since(since: datetime | None, machine: Machine, directory: str) -> list[dict[str, Any]]:
    """Of the months that were not pruned."""
    found = []
    for name in machine.disk.names(RUNTIME / directory):
        if not name.endswith(".jsonl") or (since is not None and name[-len("202604.jsonl") :] < f"{since:%Y%m}"):
            continue
        for line in machine.disk.read(RUNTIME / directory / name).splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return found


def examine_readers(machine: Machine) -> Seen:
    """At any moment, without the lock: whole records only, one for an id, nothing acknowledged is missing."""
    seen = see(machine)
    names = [one["id"] for one in seen.tasks]
    assert len(names) == len(set(names)), "an id is listed twice"
    with looking(machine) as store:
        assert all(store.find(name) is not None for name in names[-1:])
    somewhere = set(map(key_of, seen.tasks)) | set(map(key_of, seen.archived))
    somewhere |= {key_of(ended) for one in seen.tasks for ended in one.get("ended") or []}
    assert machine.acknowledged <= somewhere, f"lost: {machine.acknowledged - somewhere}"
    if machine.untouched:
        assert machine.untouched <= set(machine.disk.read(STORE).splitlines()), "what was to be left alone is not there"
    return seen


def is_idle(machine: Machine, at: datetime) -> bool:
    """Whether ``run-deferred.sh`` would go back to sleep at ``at`` without starting Python: its rule, in Python."""

    def mtime(name: str) -> int | None:
        try:
            return machine.disk.find(RUNTIME / name).mtime
        except OSError:
            return None

    store, due, seen = (
        mtime(f"{lead}deferred.jsonl{kind}") for lead, kind in (("", ""), (".", ".due2"), (".", ".seen2"))
    )
    beat = int(at.timestamp() * 1e9)
    if store is None:
        return seen is None and (due is None or due > beat)
    return due is not None and due > beat and seen == store


def examine_sleep(machine: Machine, patience: timedelta = timedelta(), seen: Seen | None = None) -> None:
    """No task is slept through: at the moment it needs a wake, or ``patience`` later, the wake is not idle."""
    for one in in_store(machine) if seen is None else seen.tasks:
        at = task.needs_attention_at(one)
        if at < instants.NEVER:
            moment = max(at, machine.now) + timedelta(seconds=1) + patience
            assert not is_idle(machine, moment), f"{one['id']} is slept through"


def examine_rest(machine: Machine, seen: Seen) -> None:
    """After a wake that nothing disturbed: all is in its place, once, and nobody has to clean up."""
    tasks, archived, runs = seen
    ours = [one for one in tasks if versions.lacking(one) is None]
    assert not [one["id"] for one in ours if one["status"] == "executing"], "executing without a leader"
    filed = Counter((*key_of(one), one.get("occurrence")) for one in archived)
    waiting = Counter((*key_of(one), one.get("occurrence")) for one in tasks if one["status"] not in task.ENDED)
    assert not [key for key, count in filed.items() if count > 1], "archived twice"
    assert not set(filed) & set(waiting), "in the store and in the archive"
    assert not [one["id"] for one in tasks if task.is_unfiled(one)], "left unfiled"
    everywhere = {key[:2] for key in (*filed, *waiting)}
    assert machine.acknowledged <= everywhere, f"lost: {machine.acknowledged - everywhere}"
    examine_runs(machine, runs)
    examine_history(machine, seen)
    for key in machine.cancelled:
        statuses = {one["status"] for one in archived if key_of(one) == key}
        assert "cancelled" in statuses, f"{key} was cancelled and is {statuses or 'gone'}"
        assert key not in set(map(key_of, tasks)), f"{key} was cancelled and waits"


def examine_runs(machine: Machine, runs: list[dict[str, Any]]) -> None:
    """No attempt twice, none beside another, none without its record, none after a cancel that said yes."""
    assert not machine.overlaps, f"two attempts at once: {machine.overlaps}"
    numbers = Counter((one["id"], one["created_at"], one["occurrence"], one["attempt"]) for one in machine.started)
    assert not [number for number, count in numbers.items() if count > 1], "an attempt number ran twice"
    recorded = Counter(one["run_id"] for one in runs)
    assert not [run for run, count in recorded.items() if count > 1], "a run has two records"
    unrecorded = {one["run_id"] for one in machine.started} - set(recorded)
    assert not unrecorded, f"runs without a record: {unrecorded}"


def examine_history(machine: Machine, seen: Seen | None = None) -> None:
    """What the history checker says: store, archive, runs and audit log tell one story."""
    told = records.History(Begin(), lambda path: True)
    tasks, archived, runs = see(machine) if seen is None else seen
    for one in tasks:
        told.take_store(one)
    for one in archived:
        told.take_archive(one, "archive")
    for run in runs:
        told.take_run(run, "runs")
    for back_to, back_from in machine.set_back:
        told.steps.note(int(back_to.timestamp()), int(back_from.timestamp()))
    for line in audit_lines(machine):
        told.take_action(*line)
    found = told.report().contradictions
    assert not found, f"contradictions: {found}"


def audit_lines(machine: Machine) -> list[audit.Line]:
    """What the log says; after a power loss some of it may not be a line."""
    lines = machine.disk.read(RUNTIME / "logs" / "deferred.log").splitlines()
    return [line for line in map(audit.parse, lines) if line is not None]


def examine(machine: Machine, patience: timedelta = timedelta()) -> None:
    """All the invariants, now and after a wake that nothing disturbs, with the executors still alive and then gone."""
    examine_sleep(machine, patience, examine_readers(machine))
    machine.pass_time(minutes=1)
    assert do(machine, wake)[0] == "done"
    examine_readers(machine)
    if machine.running:
        # Long enough for a retry: none may begin beside them.
        machine.pass_time(minutes=2)
        assert do(machine, wake)[0] == "done"
    machine.end_executors()
    machine.pass_time(seconds=patience.total_seconds() + 1)
    assert do(machine, wake)[0] == "done"
    examine_rest(machine, examine_readers(machine))


POWER_PATIENCE = HORIZON
"""After a power loss the marker files may be wrong; the horizon bounds that."""
