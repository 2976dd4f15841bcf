"""What a program asks for as a value, and the plan of each in a batch."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import is_
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from defer import instants
from defer.errors import BadInput
from defer.record import occurrences, shapes, task

from . import plan as planning
from .names import checked_id
from .plan import Plan, Request, Timing

if TYPE_CHECKING:
    from defer.record.codec import Task
    from defer.record.types import Context
    from defer.settings.config import Config


class TaskSpec(NamedTuple):
    """What is to be done and when. ``schedule`` is any time expression, one moment or recurring, or a datetime.

    ``name`` becomes the summary (the prompt's first line if there is none); ``permissions`` is kept
    for the executor; ``timeout_seconds`` None is the configured limit, 0 none. ``condition`` and ``check`` are
    commands: a text for a shell, or a program with its arguments. A datetime without a zone is meant in ``tz``.
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
    session: str | None = None
    expires: str | None = None
    catch_up: str | None = None
    overlap: str | None = None
    jitter: str | None = None
    until: str | None = None
    times: int | None = None
    notify: str | None = None
    drift: bool = True
    model: str | None = None
    max_cost: float | None = None
    max_turns: int | None = None
    condition: str | Sequence[str] | None = None
    check: str | Sequence[str] | None = None
    worktree: bool = False

    def request(self) -> Request:
        """The same as the use cases take it. Raises BadInput for a value of the wrong kind."""
        _check(self)
        context: Context = {
            "summary": self.name or _first_line(self.prompt),
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
            session=self.session,
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
            notify=self.notify,
            drift=self.drift,
            model=self.model,
            max_cost=self.max_cost,
            max_turns=self.max_turns,
            condition=self.condition,
            check=self.check,
            worktree=self.worktree,
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
        ("name", "id", "tz", "expires", "jitter", "until", "model", "session"),
        (lambda value: value is None or isinstance(value, str), "a text or None"),
    ),
    **dict.fromkeys(
        ("workspace", "executor"),
        (lambda value: value is None or isinstance(value, (str, os.PathLike)), "a path or None"),
    ),
    **dict.fromkeys(("key_points", "artifacts", "constraints", "tags"), (_is_texts, "a list of texts")),
    "max_retries": (shapes.is_count, _MOST),
    "times": (lambda value: value is None or shapes.is_count(value), f"{_MOST}, or None"),
    "max_cost": (lambda value: value is None or shapes.amount(value) is None, "an amount in US dollars, or None"),
    "max_turns": (lambda value: value is None or shapes.positive(value) is None, "a number of at least 1, or None"),
    "timeout_seconds": (_is_limit, "a number of seconds, at least 0, or None"),
    "permissions": (_is_json, "what JSON can hold"),
    **dict.fromkeys(
        ("condition", "check"),
        (lambda value: value is None or isinstance(value, str) or _is_texts(value), "a command, or a list of texts"),
    ),
    **dict.fromkeys(("drift", "worktree"), (lambda value: isinstance(value, bool), "True or False")),
    "intent": _one_of(*task.INTENTS),
    "mode": _one_of(*task.MODES),
    "catch_up": _one_of(*occurrences.CATCH_UP, None),
    "overlap": _one_of(*occurrences.OVERLAP, None),
    "notify": _one_of(*task.NOTIFY, None),
}
"""Of each field what it may be, and how that is called."""
_CHECKS = [(name, TaskSpec._field_defaults.get(name, _WANTED), *_WANTED[name]) for name in TaskSpec._fields]


def _check(spec: TaskSpec) -> None:
    """Raises BadInput for a value that is of the wrong kind, whatever a type checker would have said."""
    for value, (name, default, is_right, wanted) in zip(spec, _CHECKS, strict=True):
        # Most fields of most specs are what they are by default, which is right.
        if value is not default and not is_right(value):
            raise BadInput(f"{name} is not usable: {shapes.shown(value)} (give {wanted})", field=name)


def _first_line(prompt: str) -> str:
    return next(iter(prompt.strip().splitlines()), "")


def _origin() -> str | None:
    """The program's working directory; None where it has been removed."""
    try:
        return os.getcwd()
    except OSError:
        return None


_READY = "ready_at"
_Moment: TypeAlias = tuple[datetime, str, str | None, tuple[str, ...]]
"""When a task of a batch is due, the same as it is written, from when on it may be taken, and the notes."""


class Planner:
    """Plans the specs of one batch, as of one moment.

    Most specs of a batch differ only in their texts and times. What one shares with the one before, the very same
    objects that nobody can change, was read and checked with that one.
    """

    def __init__(self, config: Config, now: datetime) -> None:
        self._config = config
        self._now = now
        self._like: TaskSpec | None = None
        self._task: dict[str, Any] = {}
        self._delayed: dict[str, Any] = {}
        self._zone = ""
        self._moments: dict[str, _Moment] = {}

    def plan(self, spec: TaskSpec) -> Plan:
        """The task of a spec. Raises BadInput, whose ``field`` is the keyword."""
        if self._like is not None and _differs_in_texts_only(spec, self._like):
            try:
                planned = self._alike(spec)
            except BadInput:
                # Read on its own it is refused in the order of its fields.
                planned = None
            if planned is not None:
                return planned
        return self._anew(spec)

    def _anew(self, spec: TaskSpec) -> Plan:
        try:
            planned = planning.plan(spec.request(), self._config, self._now)
        except BadInput as error:
            if error.field == "summary":
                error.field = "name" if spec.name else "prompt"
            error.field = _KEYWORDS.get(error.field or "", error.field)
            raise
        if _is_pattern(spec, planned):
            self._like, self._zone, self._moments = spec, planned.zone_name, {}
            self._task = _copied({name: value for name, value in planned.task.items() if name not in ("id", _READY)})
            self._delayed = _with_place_for_ready_at(self._task)
        return planned

    def _alike(self, spec: TaskSpec) -> Plan | None:
        """The plan of one that differs from ``_like`` in texts and time only; None if its time recurs."""
        prompt = spec.prompt
        when = cast("str", spec.schedule)
        found = self._moments.get(when) or self._moment(when)
        summary = spec.name or _first_line(prompt)
        if found is None or not summary.strip():
            return None
        if "\0" in prompt or not (prompt.isascii() and summary.isascii()) or "\0" in summary:
            planning.check_texts({"summary": summary, "prompt_template": prompt})
        instant, at, ready_at, notes = found
        record = {**_copied(self._delayed if ready_at else self._task), "run_at": at, "when": when, "occurrence": at}
        if ready_at:
            record[_READY] = ready_at
        record["context"]["summary"] = summary
        record["execution"]["prompt_template"] = prompt
        if spec.id is not None:
            record = {"id": checked_id(spec.id), **record}
        return Plan(cast("Task", record), instant, self._zone, notes)

    def _moment(self, when: str) -> _Moment | None:
        """What a time means in this batch, and how it is written; None if it recurs."""
        read = planning.read(Timing(when, self._zone), self._config, self._now)
        reading = read.reading
        planning.check_texts({"when": when})
        if reading.recurrence is not None:
            return None
        self._moments[when] = found = reading.instant, instants.to_text(reading.instant), read.ready_at, reading.notes
        return found


def _copied(record: dict[str, Any]) -> dict[str, Any]:
    """A new task with lists and objects of its own, which who gets it may change."""
    copy = {**record, **{name: {**record[name]} for name in ("context", "execution", "reorient")}}
    context = copy["context"]
    for name in task.LISTS:
        context[name] = [*context[name]]
    for name in ("tags", "requires"):
        if name in copy:
            copy[name] = [*copy[name]]
    if "drift" in copy:
        copy["drift"] = json.loads(json.dumps(copy["drift"]))
    return copy


def _with_place_for_ready_at(record: dict[str, Any]) -> dict[str, Any]:
    """The record with a field for it where a plan has that."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        found[name] = value
        if name == "occurrence":
            found[_READY] = None
    return found


_TEXTS = 4
"""So many fields of a spec, the first, are texts and the time."""
_UNCHANGING = (str, int, float, bool, tuple, type(None))


def _is_pattern(spec: TaskSpec, planned: Plan) -> bool:
    """Whether a spec may stand for others: what they share cannot be changed, and does not depend on the time."""
    depends = spec.expires is not None or task.is_recurring(planned.task)
    return not depends and spec.permissions is None and all(type(one) in _UNCHANGING for one in spec[_TEXTS:])


def _differs_in_texts_only(spec: TaskSpec, like: TaskSpec) -> bool:
    when, prompt, name, task_id = spec[:_TEXTS]
    are_texts = type(when) is str and type(prompt) is str and (name is None or type(name) is str)
    is_named_right = task_id is None or type(task_id) is str
    return are_texts and is_named_right and type(spec) is type(like) and all(map(is_, spec[_TEXTS:], like[_TEXTS:]))
