"""Changing the record of an attempt: only while it still carries that run, and even on a full disk."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, cast

from defer import fsio, process
from defer.errors import DeferError, NoSuchTask, StorageError, is_full
from defer.executors import handover
from defer.record import outcome, task
from defer.record.codec import Task
from defer.record.outcome import Outcome
from defer.record.retry import Backoff

from .capture import RESERVE_BYTES
from .command import Paths

if TYPE_CHECKING:
    from defer.record.types import Identity, RunUnderWay
    from defer.store.interface import Attempts, Change


class NotOurs(DeferError):
    """The record is gone, or no longer carries this run: somebody settled it."""


def run_id(one: Task) -> object:
    """The name of the run that a record carries, or None."""
    run = one.get("run")
    return run.get("run_id") if isinstance(run, dict) else None


def leader_of(one: Task) -> Identity | None:
    """The leader that the run of a record names, or None."""
    run = one.get("run")
    return run.get("leader") if isinstance(run, dict) else None


def with_leader(current: Task, leader: process.Identity, deadline: str | None, paths: Paths) -> Task:
    """The record of a claimed task whose executor is about to start: its leader and its deadline."""
    begun: RunUnderWay = {
        "leader": cast("Identity", leader),
        "deadline_at": deadline,
        "prompt": str(paths.prompt),
        "log": str(paths.log),
    }
    return {**current, "run": {**(current.get("run") or {}), **begun}}


def carries(current: Task, mine: Task) -> bool:
    """Whether a record is executing, and by the same run as another."""
    return current["status"] == task.EXECUTING and run_id(current) == run_id(mine)


def if_ours(mine: Task, as_wanted: Change) -> Change:
    """A change of the record of an attempt if it still carries that run, which raises NotOurs if it does not."""
    return _if_still(carries, mine, as_wanted)


def if_as_judged(judged: Task, as_wanted: Change) -> Change:
    """The same for somebody else's attempt, which must be as it was judged. Raises NotOurs if it has begun since: its
    runner may have named the leader, opened the gate and died, all after the record was read.
    """

    def is_as_judged(current: Task, one: Task) -> bool:
        return carries(current, one) and leader_of(current) == leader_of(one)

    return _if_still(is_as_judged, judged, as_wanted)


def _if_still(holds: Callable[[Task, Task], bool], mine: Task, as_wanted: Change) -> Change:
    def change_if_still(current: Task) -> Task:
        if not holds(current, mine):
            raise NotOurs(f"run was settled by another, or has begun: {mine['id']}")
        return as_wanted(current)

    return change_if_still


def as_it_ended(
    mine: Task, result: Outcome, now: datetime, backoff: Backoff, find: Callable[[str], Task | None]
) -> dict[str, Change]:
    """What an attempt came to, as a change of its record, and of the original's if a copy has continued that one's
    conversation. ``find`` finds a record.

    The original's comes first: if a power loss keeps only the first of two lines, the copy still counts as executing,
    and both go on with what was said last.
    """
    still = if_as_judged if result.status == outcome.LOST else if_ours
    settle = still(mine, partial(outcome.settle, outcome=result, now=now, backoff=backoff))
    if not (mine.get("copy_of") and mine.get("sticky_session")):
        return {mine["id"]: settle}
    from defer.record import conversation  # few tasks continue one

    original = conversation.original_of(mine)
    if original is None:
        return {mine["id"]: settle}
    looked_at: list[Task] = []

    def handed_back(current: Task) -> Task:
        copy = find(mine["id"])
        looked_at.append(current)
        is_ours = copy is not None and carries(copy, mine)
        return conversation.handed_back(current, settle(copy)) if is_ours and copy else current

    def settle_after_it(current: Task) -> Task:
        if not looked_at and find(original) is not None:
            raise StorageError(f"the original could not be read: {original} (its copy's outcome is written with it)")
        return settle(current)

    return {original: handed_back, mine["id"]: settle_after_it}


def as_they_ended(
    ended: list[tuple[Task, Outcome]], now: datetime, backoff: Backoff, find: Callable[[str], Task | None]
) -> dict[str, Change]:
    """The same of several attempts. Where an original's own attempt is among them, its end counts, not a copy's."""
    handed_back: dict[str, Change] = {}
    settled: dict[str, Change] = {}
    for mine, result in ended:
        changes = as_it_ended(mine, result, now, backoff, find)
        settled[mine["id"]] = changes.pop(mine["id"])
        handed_back |= changes
    return {**{name: one for name, one in handed_back.items() if name not in settled}, **settled}


def change(store: Attempts, mine: Task, now: datetime, as_wanted: Change) -> Task:
    """The record of an attempt, changed as ``as_wanted`` has it. Raises NotOurs, also where it is filed."""
    try:
        return store.update(mine["id"], now, as_wanted)
    except NoSuchTask as gone:
        raise _gone(mine) from gone


def _gone(mine: Task) -> NotOurs:
    return NotOurs(f"run was settled by another, and filed: {mine['id']}")


def settle(store: Attempts, mine: Task, result: Outcome, now: datetime, backoff: Backoff, paths: Paths) -> Task:
    """Write the outcome of an attempt, whose files are ``paths``; the record. Raises NotOurs.

    On a full disk its log, then its output, give way: the outcome is worth more.
    """
    settled = _settled(store, mine, result, now, backoff, paths)
    if result.status == outcome.LOST:
        remove_private(paths)
    return settled


def remove_private(paths: Paths) -> None:
    """Remove what only the runner of an attempt reads: it may hold secrets, which the runner, now gone, would mask."""
    handover.clear(paths.result, paths.input)


def _settled(store: Attempts, mine: Task, result: Outcome, now: datetime, backoff: Backoff, paths: Paths) -> Task:
    try:
        return _write(store, mine, result, now, backoff)
    except StorageError as error:
        if not is_full(error.__cause__):
            raise
    if fsio.give_back(paths.log, RESERVE_BYTES):
        with suppress(StorageError):
            return _write(store, mine, result, now, backoff)
    return _write(store, mine, _shortened(result), now, backoff)


def _write(store: Attempts, mine: Task, result: Outcome, now: datetime, backoff: Backoff) -> Task:
    changes = as_it_ended(mine, result, now, backoff, store.find)
    if len(changes) == 1:
        return change(store, mine, now, changes[mine["id"]])
    settled = store.turn(now, changes).changed[mine["id"]]
    if isinstance(settled, NoSuchTask):
        raise _gone(mine) from settled
    if isinstance(settled, Exception):
        raise settled
    return settled


def _shortened(result: Outcome) -> Outcome:
    """The same outcome without what was printed."""
    said = result.result or {}
    printed = said.get("output")
    if not printed:
        return result
    size = said.get("output_bytes") or len(printed.encode(errors="surrogatepass"))
    return result._replace(result={**said, "output": "", "output_bytes": size, "output_truncated": True})
