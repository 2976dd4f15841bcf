"""The functions of ``import defer``: schedule, look, cancel, and see what ran, from Python.

Each takes ``environ``, a mapping that stands in for the process's environment; without it the
process's own counts, so that a program and the command line beside it use one store.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from . import instants
from .client import Client
from .codec import Task
from .history import Run
from .scheduler import Request


class ScheduledTask(NamedTuple):
    """A task as it stands in the store; ``record`` is all of it, as the schema defines it."""

    id: str
    status: str
    run_at: datetime
    summary: str
    attempts: int
    record: dict[str, Any]


def _typed(record: Task) -> ScheduledTask:
    summary = str((record.get("context") or {}).get("summary", ""))
    at = instants.from_text(record["run_at"])
    return ScheduledTask(record["id"], record["status"], at, summary, int(record.get("attempts") or 0), record)


class TaskSpec(NamedTuple):
    """What is to be done and when. ``schedule`` is any time expression, one moment or recurring.

    ``name`` becomes the summary (the prompt's first line if there is none); ``permissions`` is kept
    for the executor; ``timeout_seconds`` None is the configured limit, 0 none.
    """

    schedule: str
    prompt: str
    name: str | None = None
    id: str | None = None
    workspace: str | None = None
    permissions: Any = None
    timeout_seconds: float | None = None
    max_retries: int = 0
    executor: str | None = None
    tz: str | None = None
    key_points: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    intent: str = "resume_task"
    mode: str = "fresh"
    expires: str | None = None
    catch_up: str | None = None
    overlap: str | None = None
    jitter: str | None = None
    until: str | None = None
    times: int | None = None

    def request(self) -> Request:
        """The same, as the use cases take it."""
        lists = {name: list(getattr(self, name)) for name in ("key_points", "artifacts", "constraints")}
        summary = self.name or next(iter(self.prompt.strip().splitlines()), "")
        optional = {"permissions": self.permissions, "timeout_seconds": self.timeout_seconds}
        shared = ("tz", "executor", "workspace", "max_retries", "tags", "intent", "mode", "expires")
        policies = ("catch_up", "overlap", "jitter", "until", "times")
        return Request(
            when=self.schedule,
            context={"summary": summary, **lists},
            task_id=self.id,
            prompt_template=self.prompt,
            cwd=os.getcwd(),
            extra={name: value for name, value in optional.items() if value is not None},
            **{name: getattr(self, name) for name in (*shared, *policies)},
        )


def schedule(
    schedule: str, prompt: str, *, if_exists: str = "error", environ: Mapping[str, str] | None = None, **spec: Any
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
    client = Client(environ)
    now = client.clock()
    planned = [client.plan(spec.request(), now) for spec in specs]
    return [_typed(record) for record in client.add(planned, if_exists, now)]


def list_tasks(
    statuses: Iterable[str] | None = None, *, environ: Mapping[str, str] | None = None
) -> list[ScheduledTask]:
    """The tasks still in the store, in file order; ``statuses`` picks some."""
    wanted = None if statuses is None else set(statuses)
    return [_typed(record) for record in Client(environ).tasks() if wanted is None or record["status"] in wanted]


def get_task(task_id: str, *, environ: Mapping[str, str] | None = None) -> ScheduledTask:
    """One task, from the store or else the archive. Raises Refused when there is none."""
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
    return list(islice(Client(environ).runs(task_id), limit))
