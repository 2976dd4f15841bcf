"""Attempts whose runner died: which of them are over, and which must be left alone.

An attempt is lost only when its runner is gone *and* its leader is gone. A leader that lives on
may finish until its deadline (a second attempt beside it would do the work twice), and is then
ended with all that belongs to it. A claim that names no leader never began: its gate stayed shut.

Where a pid tells nothing, in another PID namespace, on another host or where the system shows no processes, the
runner's lease decides. A record without a lease counts as alive until its deadline.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from defer import instants, process
from defer.record.codec import Task

if TYPE_CHECKING:
    from defer.record.types import Identity, RunUnderWay

ALIVE, LOST, OVERDUE, NEVER_BEGAN = "alive", "lost", "overdue", "never began"
LEASE_WITHOUT_TIMEOUT = timedelta(hours=24)
"""How long an attempt without a timeout counts as alive where nobody can tell."""
V1_LEASE = timedelta(hours=1)
"""How long a v1 record, which does not name a process, counts as alive: v2's default timeout."""

IsHeld = Callable[[object], bool | None]
"""Whether the holder of a lease lives, by the lease's name; None where that cannot be told."""


def host() -> str:
    """What this machine is called in what it claims: the one place that decides."""
    return os.uname().nodename


# runner       leader       deadline                        verdict
# lives        (any)        (any)                           alive: its runner settles it
# is gone      none named   (any)                           never began: the gate stayed shut
# is gone      lives        ahead, or none                  alive: a second attempt would do the work twice
# is gone      lives        past                            overdue: it is ended with all that belongs to it
# is gone      is gone      (any)                           lost
# cannot tell  none named   its lease counts / is over      alive / never began
# is gone      cannot tell  its lease counts / is over      alive / lost
# not written  -            an hour from its start / later  alive / lost: a record of v1
def verdict(task: Task, now: datetime, is_held: IsHeld, me: Identity | None = None) -> str:
    """``alive``; ``lost``; ``never began``; or ``overdue``: its leader lives past its deadline without a runner.

    ``me`` is the runner that asks: any other wake of the same process is over.
    """
    run = task.get("run")
    holder = run.get("runner") if isinstance(run, dict) else None
    if run is None or not holder:
        return ALIVE if _counts_still(task, now, V1_LEASE) else LOST
    runner = False if _was_earlier_wake(holder, me) else _lives(run, holder, is_held)
    if runner:
        return ALIVE
    led_by = run.get("leader")
    if not led_by:
        return NEVER_BEGAN if runner is False or not _counts_still(task, now, _lease_of(run, task)) else ALIVE
    leader = _lives(run, led_by, is_held, is_leader=True)
    if leader is None:
        return ALIVE if _counts_still(task, now, _lease_of(run, task)) else LOST
    if not leader:
        return LOST
    deadline = run.get("deadline_at")
    return OVERDUE if deadline and now >= instants.from_text(deadline) else ALIVE


def _lives(run: RunUnderWay, known: Identity, is_held: IsHeld, *, is_leader: bool = False) -> bool | None:
    """Whether the runner or the leader of a run lives: by its pid if that tells anything, else by the lease."""
    by_pid = _by_pid(run, known)
    if by_pid is not None and process.is_of_this_boot(known):
        return by_pid
    # A container may see its own boot id: what another boot wrote may be alive as long as its lease is held.
    held = is_held(run.get("lease"))
    if held is None:
        return by_pid
    # A leader in our namespace that cannot be seen may have outlived its runner and its keeper.
    if is_leader and not held and not _is_of_another_host(run, known) and process.is_of_this_namespace(known):
        return by_pid
    return held


def _by_pid(run: RunUnderWay, known: Identity) -> bool | None:
    """What its pid says of a process; None where that says nothing from here.

    A process that is found is that very one, whatever its host was called. One that is not found may be on a host
    of another name: a machine that got a new name at a reboot is not told from another machine by that.

    - same boot: the pid decides, though the host was renamed meanwhile
    - another boot, same name of the host: gone, since this machine has started anew
    - another boot, another name: None, and the lease decides, then the deadline
    """
    found = process.is_alive(known)
    return None if found is False and _is_of_another_host(run, known) else found


def _is_of_another_host(run: RunUnderWay, known: Identity) -> bool:
    """Whether an attempt was claimed on what may be another machine. A record without a host is of this one."""
    is_this_boot = known.get("boot") is not None and process.is_of_this_boot(known)
    return not is_this_boot and run.get("host") not in (None, host())


def is_out_of_reach(task: Task, now: datetime, is_held: IsHeld) -> bool:
    """Whether an attempt counts as alive although nobody here can see its processes."""
    run = task.get("run")
    known = run.get("runner") if isinstance(run, dict) else None
    if run and known and _by_pid(run, known) is not None and process.is_of_this_boot(known):
        return False
    return verdict(task, now, is_held) == ALIVE


def wake_of(task: Task) -> str | None:
    """Which wake claimed the attempt of a task, by the name it gave itself."""
    runner = (task.get("run") or {}).get("runner")
    return runner.get("wake") if runner else None


def holder(task: Task) -> str:
    """Who holds an attempt, in words."""
    run = task.get("run")
    runner = run.get("runner") if isinstance(run, dict) else None
    if run is None or not runner:
        return "a v1 runner, which has left no name"
    at = f" since {run['started_at']}" if run.get("started_at") else ""
    return f"the runner with pid {runner['pid']} on host {run.get('host') or 'unknown'}{at}"


def _lease_of(run: RunUnderWay, task: Task) -> timedelta:
    """How long after its start an attempt that nobody can see counts as alive: to its deadline, or a day."""
    deadline = run.get("deadline_at")
    return instants.from_text(deadline) - _started(task) if deadline else LEASE_WITHOUT_TIMEOUT


def _was_earlier_wake(runner: Identity, me: Identity | None) -> bool:
    if me is None or runner.get("wake") in (None, me.get("wake")):
        return False
    return {**runner, "wake": None} == {**me, "wake": None}


def _counts_still(task: Task, now: datetime, lease: timedelta) -> bool:
    """Whether the lease still counts; a start in the future, from a wrong clock, must not make it last for ever."""
    return -lease < now - _started(task) < lease


def _started(task: Task) -> datetime:
    try:
        return instants.from_text(task.get("started_at") or "")
    except (TypeError, ValueError):
        return instants.EPOCH
