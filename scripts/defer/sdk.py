"""The functions of ``import defer``: schedule, look, cancel, and see what ran, from Python.

Each takes ``environ``, a mapping in place of the process's environment. Without it the process's own
is used, so that a program and the command line beside it use one store.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, cast

from . import instants
from .client import Client
from .errors import BadInput
from .record import shapes, task
from .record.codec import Task
from .record.runs import Run
from .scheduling import advice
from .scheduling.spec import Planner
from .scheduling.spec import TaskSpec as TaskSpec


class ScheduledTask(NamedTuple):
    """A task as it stands in the store; ``record`` is all of it, as the schema defines it.

    ``warnings``, of what was just scheduled, are texts for a person: that nothing wakes this store, that the
    executor is not there. ``notes`` say which of several readings of its time was taken.
    """

    id: str
    status: str
    run_at: datetime
    summary: str
    attempts: int
    record: dict[str, Any]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def _typed(record: Task, warnings: tuple[str, ...] = (), notes: tuple[str, ...] = ()) -> ScheduledTask:
    """A newer version's record may have a context and attempts of another type."""
    context, attempts = record.get("context"), record.get("attempts")
    summary = str(context.get("summary", "")) if isinstance(context, dict) else ""
    at = instants.from_text(record["run_at"])
    whole = cast("dict[str, Any]", record)
    tried = attempts if isinstance(attempts, int) else 0
    return ScheduledTask(record["id"], record["status"], at, summary, tried, whole, warnings, notes)


def schedule(
    schedule: str | datetime,
    prompt: str,
    *,
    if_exists: str = "error",
    environ: Mapping[str, str] | None = None,
    **spec: Any,
) -> ScheduledTask:
    """Schedule one task; the other keywords are the fields of ``TaskSpec``.

    Raises BadInput for what cannot be read, Refused for a taken id, StorageError and StoreBusy.
    """
    (stored,) = schedule_all([TaskSpec(schedule, prompt, **spec)], if_exists=if_exists, environ=environ)
    return stored


def schedule_all(
    specs: Iterable[TaskSpec], *, if_exists: str = "error", environ: Mapping[str, str] | None = None
) -> list[ScheduledTask]:
    """Schedule many tasks in one write: all of them or none."""
    if if_exists not in ("error", "replace", "skip"):
        what = f"if_exists is not usable: {if_exists!a} (give error, replace or skip)"
        raise BadInput(what, field="if_exists")
    told: list[str] = []
    client = Client(environ, tell=told.append)
    now = client.clock()
    planner = Planner(client.config, now)
    with _nothing_to_collect():
        planned = [planner.plan(spec) for spec in specs]
        stored = client.add(planned, if_exists, now)
        told += advice.warnings(client.store.markers, now)
        doubts = advice.doubts_of_each(stored, client.config)
        parts = zip(stored, doubts, planned, strict=True)
        return [_typed(one, (*of_it, *told), plan.notes) for one, of_it, plan in parts]


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """Put garbage collection off: of what a batch makes all is still in use, and would be looked through in vain."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def list_tasks(
    statuses: str | Iterable[str] | None = None, *, environ: Mapping[str, str] | None = None
) -> list[ScheduledTask]:
    """The tasks still in the store, in file order; ``statuses`` picks some. Raises BadInput for an unknown status."""
    wanted = None if statuses is None else {statuses} if isinstance(statuses, str) else set(statuses)
    if wanted is not None and not wanted <= set(task.STATUSES):
        unknown = ", ".join(sorted(map(ascii, wanted - set(task.STATUSES))))
        what = f"no such status: {unknown} (give some of {' '.join(task.STATUSES)})"
        raise BadInput(what, field="statuses")
    return [_typed(record) for record in Client(environ).tasks() if wanted is None or record["status"] in wanted]


def get_task(task_id: str, *, environ: Mapping[str, str] | None = None) -> ScheduledTask:
    """One task, from the store or else the archive. Raises Refused if there is none."""
    return _typed(Client(environ).find(task_id))


def cancel(
    task_id: str, reason: str | None = None, *, kill: bool = False, environ: Mapping[str, str] | None = None
) -> ScheduledTask:
    """Cancel a task; with ``kill`` also one that is executing. Raises Refused."""
    return _typed(Client(environ).cancel(task_id, reason, kill=kill))


def list_runs(
    task_id: str | None = None, limit: int | None = None, *, environ: Mapping[str, str] | None = None
) -> list[Run]:
    """Ended attempts, newest first, of one task or of all; at most ``limit``."""
    if limit is not None and not shapes.is_count(limit):
        what = f"limit is not usable: {shapes.shown(limit)} (give a whole number from 0 to {shapes.MAX_COUNT})"
        raise BadInput(what, field="limit")
    return list(islice(Client(environ).runs(task_id), limit))
