"""The functions of ``import defer``: schedule, look, cancel, and see what ran, from Python.

Each takes ``environ``, a mapping in place of the process's environment. Without it the process's own
is used, so that a program and the command line beside it use one store.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from . import instants
from .client import Client
from .errors import BadInput
from .record import occurrences, shapes, task
from .record.codec import Task
from .record.runs import Run
from .scheduling import advice
from .scheduling.plan import Plan, Request

if TYPE_CHECKING:
    from .record.types import Context


class ScheduledTask(NamedTuple):
    """A task as it stands in the store; ``record`` is all of it, as the schema defines it.

    ``warnings``, of what was just scheduled, are texts for a person: that nothing wakes this store, that the
    executor is not there.
    """

    id: str
    status: str
    run_at: datetime
    summary: str
    attempts: int
    record: dict[str, Any]
    warnings: tuple[str, ...] = ()


def _typed(record: Task) -> ScheduledTask:
    """A newer version's record may have a context and attempts of another type."""
    context, attempts = record.get("context"), record.get("attempts")
    summary = str(context.get("summary", "")) if isinstance(context, dict) else ""
    at = instants.from_text(record["run_at"])
    whole = cast("dict[str, Any]", record)
    return ScheduledTask(
        record["id"], record["status"], at, summary, attempts if isinstance(attempts, int) else 0, whole
    )


class TaskSpec(NamedTuple):
    """What is to be done and when. ``schedule`` is any time expression, one moment or recurring, or a datetime.

    ``name`` becomes the summary (the prompt's first line if there is none); ``permissions`` is kept
    for the executor; ``timeout_seconds`` None is the configured limit, 0 none. A datetime without
    a zone is meant in ``tz``.
    """

    schedule: str | datetime
    prompt: str
    name: str | None = None
    id: str | None = None
    workspace: str | os.PathLike[str] | None = None
    permissions: Any = None
    timeout_seconds: float | None = None
    max_retries: int = 0
    executor: str | os.PathLike[str] | None = None
    tz: str | None = None
    key_points: Sequence[str] = ()
    artifacts: Sequence[str] = ()
    constraints: Sequence[str] = ()
    tags: Sequence[str] = ()
    intent: str = "resume_task"
    mode: str = "fresh"
    expires: str | None = None
    catch_up: str | None = None
    overlap: str | None = None
    jitter: str | None = None
    until: str | None = None
    times: int | None = None

    def request(self) -> Request:
        """The same as the use cases take it. Raises BadInput for a value of the wrong kind."""
        _check(self)
        context: Context = {
            "summary": self.name or next(iter(self.prompt.strip().splitlines()), ""),
            "key_points": list(self.key_points),
            "artifacts": [os.path.abspath(one) if os.path.exists(one) else one for one in self.artifacts],
            "constraints": list(self.constraints),
        }
        return Request(
            when=self.schedule if isinstance(self.schedule, str) else self.schedule.isoformat(timespec="seconds"),
            context=context,
            tz=self.tz,
            task_id=self.id,
            intent=self.intent,
            mode=self.mode,
            prompt_template=self.prompt,
            max_retries=self.max_retries,
            timeout=self.timeout_seconds,
            executor=None if self.executor is None else os.fspath(self.executor),
            workspace=None if self.workspace is None else os.fspath(self.workspace),
            tags=tuple(self.tags),
            expires=self.expires,
            cwd=_origin(),
            times=self.times,
            until=self.until,
            jitter=self.jitter,
            catch_up=self.catch_up,
            overlap=self.overlap,
            extra={} if self.permissions is None else {"permissions": self.permissions},
        )


_KEYWORDS = {"when": "schedule", "prompt_template": "prompt"}
"""The fields of a request that are called otherwise here."""
_Right: TypeAlias = Callable[[Any], bool]
_MOST = f"a whole number from 0 to {shapes.MAX_COUNT}"


def _one_of(*known: object) -> tuple[_Right, str]:
    return known.__contains__, " or ".join(map(str, known))


def _is_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)


def _is_limit(value: object) -> bool:
    return value is None or shapes.is_seconds(value)


def _is_json(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


_WANTED: dict[str, tuple[_Right, str]] = {
    "schedule": (lambda value: isinstance(value, (str, datetime)), 'a text such as "tomorrow 9am"'),
    "prompt": (lambda value: isinstance(value, str), "a text"),
    **dict.fromkeys(
        ("name", "id", "tz", "expires", "jitter", "until"),
        (lambda value: value is None or isinstance(value, str), "a text or None"),
    ),
    **dict.fromkeys(
        ("workspace", "executor"),
        (lambda value: value is None or isinstance(value, (str, os.PathLike)), "a path or None"),
    ),
    **dict.fromkeys(("key_points", "artifacts", "constraints", "tags"), (_is_texts, "a list of texts")),
    "max_retries": (shapes.is_count, _MOST),
    "times": (lambda value: value is None or shapes.is_count(value), f"{_MOST}, or None"),
    "timeout_seconds": (_is_limit, "a number of seconds, at least 0, or None"),
    "permissions": (_is_json, "what JSON can hold"),
    "intent": _one_of(*task.INTENTS),
    "mode": _one_of(*task.MODES),
    "catch_up": _one_of(*occurrences.CATCH_UP, None),
    "overlap": _one_of(*occurrences.OVERLAP, None),
}
"""Of each field what it may be, and how that is called."""
_CHECKS = [(name, TaskSpec._field_defaults.get(name, _WANTED), *_WANTED[name]) for name in TaskSpec._fields]


def _check(spec: TaskSpec) -> None:
    """Raises BadInput for a value that is of the wrong kind, whatever a type checker would have said."""
    for value, (name, default, is_right, wanted) in zip(spec, _CHECKS, strict=True):
        # Most fields of most specs are what they are by default, which is right.
        if value is not default and not is_right(value):
            raise BadInput(f"{name} is not usable: {shapes.shown(value)} (give {wanted})", field=name)


def _origin() -> str | None:
    """The program's working directory; None where it has been removed."""
    try:
        return os.getcwd()
    except OSError:
        return None


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
    stored = client.add([_planned(client, spec, now) for spec in specs], if_exists, now)
    told += advice.warnings(client.store.markers, now)
    return [_typed(one)._replace(warnings=(*advice.doubts(one, client.config), *told)) for one in stored]


def _planned(client: Client, spec: TaskSpec, now: datetime) -> Plan:
    """The task of a spec. Raises BadInput, whose ``field`` is the keyword."""
    try:
        return client.plan(spec.request(), now)
    except BadInput as error:
        if error.field == "summary":
            error.field = "name" if spec.name else "prompt"
        error.field = _KEYWORDS.get(error.field or "", error.field)
        raise


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
