"""One look at everything: the waker, what executes, what comes next, what the last while came to, what needs care."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from defer import instants
from defer.notices import outbox
from defer.record import occurrences, task, versions
from defer.record.codec import Task
from defer.reports import healthfiles
from defer.reports.doctor import journal

if TYPE_CHECKING:
    from defer.reports.health import Health
    from defer.settings.config import Config
    from defer.store.interface import Store

NEXT = 5
"""How many of the tasks that run next are told."""
_MOST_EXECUTING = 1000


_OF_ATTEMPT = (
    "id",
    "summary",
    "run_id",
    "attempt",
    "started_at",
    "seconds",
    "limit_seconds",
    "executor",
    "origin",
    "pid",
    "host",
    "worktree",
)


class Status(NamedTuple):
    """What was found as of ``health.scene.now``.

    ``running``: what executes, an object each; ``next``: the next run of each of the tasks that run soonest;
    ``counts``: tasks by status; ``unread``: notices in the inbox that nobody has seen; None where it cannot be read.
    ``awake_since``: since when there was no gap of half an hour between wakes, as far back as the audit log tells.
    A wake that finds nothing due leaves no line, and Python looks every quarter of an hour: shorter gaps are not known.
    """

    health: Health
    running: list[dict[str, Any]]
    next: list[dict[str, Any]]
    counts: dict[str, int]
    unread: int | None
    awake_since: datetime | None

    def as_json(self) -> dict[str, Any]:
        """The same for programs, as ``references/status.schema.json`` describes it."""
        of_health = self.health.as_json()
        return {
            **{name: of_health[name] for name in ("at", "host")},
            "waker": {**of_health["waker"], "since": self.awake_since and instants.to_text(self.awake_since)},
            "running": self.running,
            "next": self.next,
            "counts": self.counts,
            "unread": self.unread,
            **{name: of_health[name] for name in ("attention", "stranded", "findings", "more", "window")},
        }


def status(store: Store, config: Config, now: datetime, since: datetime) -> Status:
    """One look as of ``now``; what ended counts from ``since`` on. Raises StorageError."""
    box = outbox.read_if_it_can_be(config.notices_file)
    health = healthfiles.health(store, config, now, since, acknowledged=box.is_acknowledged)
    waiting, executing = _looked_through(store, now)
    since_when = _awake_since(config) if health.scene.is_awake else None
    under_way = [attempt(one, config, now) for one in executing]
    unread = len(box.unread()) if box.is_readable else None
    return Status(health, under_way, waiting, store.counts(), unread, since_when)


def _awake_since(config: Config) -> datetime | None:
    try:
        return journal.without_gap_since(config.log_file)
    except OSError:  # the log is not what people come here for
        return None


def _looked_through(store: Store, now: datetime) -> tuple[list[dict[str, Any]], list[Task]]:
    """The next run of each of the tasks that run soonest, and the tasks that execute."""
    executing: list[Task] = []
    return next_runs(store, now, NEXT, executing), executing


def next_runs(store: Store, now: datetime, number: int, executing: list[Task]) -> list[dict[str, Any]]:
    """The next run of each of so many tasks that run soonest; what executes is put into ``executing`` on the way."""
    soonest = heapq.nsmallest(number, _next_runs(store, now, executing), key=lambda run: run[:2])
    return [{"run_at": instants.to_text(at), "id": name, "summary": said} for at, name, said in soonest]


def _next_runs(store: Store, now: datetime, executing: list[Task]) -> Iterator[tuple[datetime, str, object]]:
    """The next run of each task; those that execute are put into ``executing`` on the way."""
    end = datetime.max.replace(tzinfo=now.tzinfo)
    for one in store.scan():
        if one["status"] == task.EXECUTING and len(executing) < _MOST_EXECUTING:
            executing.append(one)
        at = next(occurrences.upcoming(one, end, now), None)
        if at is not None:
            yield at, one["id"], (one.get("context") or {}).get("summary")


def attempt(one: Task, config: Config, now: datetime) -> dict[str, Any]:
    """What is known of a task that executes; what it does not say itself, ``config`` does.

    ``seconds`` it has been executing, of ``limit_seconds`` at most; null is what nobody knows.
    """
    if versions.is_newer(one):
        return {**dict.fromkeys(_OF_ATTEMPT), "id": one["id"]}  # the rest of it may be of any type
    run = one.get("run") or {}
    started = _instant(run.get("started_at") or one.get("started_at"))
    leader = run.get("leader")
    return {
        "id": one["id"],
        "summary": (one.get("context") or {}).get("summary"),
        "run_id": run.get("run_id"),
        "attempt": run.get("attempt") or one.get("attempts"),
        "started_at": None if started is None else instants.to_text(started),
        "seconds": None if started is None else max(0, int((now - started).total_seconds())),
        "limit_seconds": _limit(one, config),
        "executor": "command" if one.get("command") else one.get("executor") or config.executor,
        "origin": one.get("origin"),
        "pid": leader.get("pid") if leader else None,
        "host": run.get("host"),
        "worktree": run.get("worktree"),
    }


def _limit(one: Task, config: Config) -> float | None:
    """How many seconds an attempt may take; None where nothing limits it."""
    wanted = one.get("timeout_seconds")
    return (config.timeout_seconds if wanted is None else wanted) or None


def _instant(text: object) -> datetime | None:
    try:
        return instants.from_text(str(text)) if text else None
    except ValueError:
        return None
