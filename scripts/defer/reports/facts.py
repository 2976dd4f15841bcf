"""What the history checker keeps of each record: a small tuple of shared texts and whole seconds.

One tuple for each record of the store or the archive (a stretch of missed occurrences is one), one for
each run record, whatever they hold. Nothing else of a record is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from defer import instants
from defer.record import codec, task, versions
from defer.record.codec import Task

if TYPE_CHECKING:
    from defer.record.types import Recurrence

_T = TypeVar("_T")
Rule: TypeAlias = tuple[str, str, str]
"""Expression, anchor and zone: they determine a recurring task's occurrences."""

ODD = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
"""What reading a record may raise that we did not write, or that was edited by hand."""
REPLACED = "replaced"


class Begin(NamedTuple):
    """Since when there are archive records and run records, in seconds since the epoch; 0: from the beginning.

    ``logs``: those of attempts that began before were removed by ``prune``.
    """

    archive: int = 0
    runs: int = 0
    logs: int = 0


class Occurrence(NamedTuple):
    """An occurrence, or a stretch of them, as one record tells of it. Moments are seconds since the epoch."""

    id: str
    created: str
    rule: Rule | None
    first: int
    last: int
    times: int
    fired: int
    status: str
    attempts: int
    under_way: int
    """The number of the attempt that has not ended yet; 0 where there is none."""
    begun: int
    """No attempt of it began before this moment."""
    ended: int
    is_counted: bool
    """Whether this version made all its attempts, so that each of them left a run record (v1's left none)."""
    is_replaced: bool
    likeness: int
    """Tells apart tasks of one id that were made within one second."""
    bounds: tuple[int | None, str | None] | None
    """The rule's ``count`` and ``until``; None where nobody knows whether the task was to go on after it."""
    where: str

    @property
    def is_over(self) -> bool:
        """Whether this is an end, not something that waits or runs."""
        return self.status in task.ENDED


class Run(NamedTuple):
    """One ended attempt."""

    id: str
    occurrence: int | None
    attempt: int
    name: str | None
    started: int
    began: int
    """When the executor began, as exactly as is known."""
    slack: int
    """By how many seconds ``began`` may be too early."""
    ended: int
    where: str


class Said(NamedTuple):
    """What the audit log says of a task and no record confirms."""

    id: str
    at: int
    action: str
    run: str | None
    attempt: int


def seconds(text: str) -> int:
    """An instant of a record as seconds since the epoch."""
    return int(instants.from_text(text).timestamp())


def instant(at: int) -> datetime:
    """The same as an instant."""
    return datetime.fromtimestamp(at, UTC)


def text(at: int) -> str:
    """The same as it stands in a record."""
    return instants.to_text(instant(at))


@lru_cache(maxsize=4096)
def _once(value: _T) -> _T:
    """The one copy of a value that many records share."""
    return value


def occurrence_of(record: Task, where: str) -> Occurrence:
    """What a record of the store or the archive says. Raises one of ODD."""
    stretch, recurrence = record.get("stretch"), record.get("recurrence")
    first = seconds(stretch["first"] if stretch else task.occurrence_of(record))
    begun = filter(None, (record.get("started_at"), record.get("last_attempt_at")))
    attempts, status = int(record.get("attempts") or 0), record["status"]
    is_over = status in task.ENDED
    rule = _rule(record)
    return Occurrence(
        id=intern(record["id"]),
        created=intern(record.get("created_at") or ""),
        rule=rule,
        first=first,
        last=seconds(stretch["last"]) if stretch else first,
        times=int(stretch["count"]) if stretch else 1,
        fired=int(recurrence.get("fired") or 0) if rule and recurrence else 0,
        status=intern(status),
        attempts=attempts,
        under_way=max(1, attempts) if status == task.EXECUTING else 0,
        begun=min([first, *map(seconds, begun)]),
        ended=int(task.ended_at(record).timestamp()) if is_over else 0,
        is_counted=(record.get("schema_version") or 0) >= versions.SCHEMA_VERSION,
        is_replaced=is_over and record.get("cancel_reason") == REPLACED,
        likeness=_likeness(record),
        bounds=_bounds(record, recurrence) if rule and recurrence and is_over else None,
        where=where,
    )


def _likeness(record: Task) -> int:
    if record.get("cancel_reason") == REPLACED:
        # The task that took its place may differ from it only in its end.
        return hash(codec.encode(record))
    context = record.get("context")
    # A newer version may write anything there.
    return hash(str(context.get("summary") if isinstance(context, dict) else context))


def _rule(record: Task) -> Rule | None:
    found = record.get("recurrence")
    if not isinstance(found, dict):
        return None
    named = found.get("expression"), found.get("anchor"), found.get("tz")
    expression, anchor, tz = (part if isinstance(part, str) else None for part in named)
    if expression is None or anchor is None or tz is None:
        return None
    rule: Rule = _once((expression, anchor, tz))
    return rule


def _bounds(record: Task, found: Recurrence) -> tuple[int | None, str | None] | None:
    if "recurrence cannot be read" in str(record.get("last_error")):
        return None
    bounds: tuple[int | None, str | None] = _once((found.get("count"), found.get("until")))
    return bounds


def run_of(record: Mapping[str, Any], where: str) -> Run:
    """What a run record says. Raises one of ODD."""
    ended = seconds(record["ended_at"])
    started = seconds(record["started_at"]) if record.get("started_at") else ended
    # ``started_at`` is when the claim was asked for, which may have waited for the store's lock; what was
    # measured while it ran is exact, but for the whole seconds of ``ended_at``.
    took = record.get("duration_ms")
    return Run(
        id=intern(str(record["task_id"])),
        occurrence=seconds(record["occurrence"]) if record.get("occurrence") else None,
        attempt=int(record["attempt"]),
        name=record.get("run_id"),
        started=started,
        began=started if took is None else max(started, ended - int(took) // 1000),
        slack=60 if took is None else 2,
        ended=ended,
        where=where,
    )
