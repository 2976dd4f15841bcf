"""What is scheduled inside an attempt: by an executor, a command, an agent.

Which attempt that is, its variables say, and whoever is inside may change them. So the runner's own record decides:
the task must be executing, and in the run of that name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from defer.errors import BeyondBound, DeferError
from defer.record import lineage, task
from defer.record.codec import Task
from defer.settings.config import Config

if TYPE_CHECKING:
    from defer.record.types import TaskFields
    from defer.store.interface import Store


def executing(store: Store, config: Config) -> Task | None:
    """The task whose attempt this process is part of; None where the store does not know such an attempt."""
    run_id = config.get("DEFER_RUN_ID")
    named = store.find(config.get("DEFER_TASK_ID")) if config.get("DEFER_TASK_ID") else None
    if named is not None and _is_run(named, run_id):
        return named
    return next((one for one in store.scan() if _is_run(one, run_id)), None) if run_id else None


def _is_run(one: Task, run_id: str) -> bool:
    return one["status"] == task.EXECUTING and bool(run_id) and (one.get("run") or {}).get("run_id") == run_id


def fields_of(store: Store, config: Config, otherwise: str) -> TaskFields:
    """What the record says of a task that is scheduled here; ``otherwise`` is the origin outside any attempt."""
    return lineage.fields(executing(store, config)) if config.is_in_attempt else {"origin": otherwise}


def settled(one: Task) -> Task:
    """The record of what an attempt or an MCP client schedules: its workspace is named without links.

    So none can take its place: it was looked at when the task was scheduled, and the task runs later.
    """
    found = one.get("workspace")
    if not lineage.is_by_itself(one) or not isinstance(found, str):
        return one
    return {**one, "workspace": os.path.realpath(found)}


def has_moved(one: Task, directory: str) -> bool:
    """Whether a directory that one of them named for a task is reached by a link now: it may lead anywhere."""
    return lineage.is_by_itself(one) and os.path.realpath(directory) != directory


def put(store: Store, config: Config, new: Sequence[Task], now: datetime, if_exists: str = "error") -> list[Task]:
    """Store new records as what this attempt has scheduled. Raises Refused; BeyondBound, of which a person hears."""
    said = fields_of(store, config, lineage.PERSON)
    with telling(store, config, now):
        return store.append([settled(lineage.stamped(one, said)) for one in new], now, if_exists, config.bounds)


@contextmanager
def telling(store: Store, config: Config, now: datetime) -> Iterator[None]:
    """Where a bound is met, a person hears of it too, once for all that is refused to a chain in a day."""
    try:
        yield
    except BeyondBound as error:
        # The refusal is said in any case, here and now.
        with suppress(DeferError):
            from defer.notices import bounds

            bounds.tell(store, config, error, now)
        raise
