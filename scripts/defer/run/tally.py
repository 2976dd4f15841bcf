"""What a wake did: its counts, its events as the audit log is told of them, and the failures a person hears of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from defer import exits
from defer.record import events, outcome, task
from defer.record.codec import Task
from defer.record.events import Event
from defer.record.outcome import Outcome
from defer.store.audit import AuditLog

if TYPE_CHECKING:
    from .attempt import Attempt

_COUNTS = ("started", "completed", "failed", "retried", "lost", "cancelled", "expired", "missed", "skipped")
_PINGED = {task.COMPLETED: "", task.FAILED: "fail"}


class Tally:
    """Counts and reports what is started, settled, ended and filed; ``flush`` writes it to the log, all in one go."""

    def __init__(self, audit: AuditLog, *, names_log: bool = True) -> None:
        """``names_log``: whether a person who hears of a failure hears where its log is, too."""
        self._audit, self._names_log = audit, names_log
        self._events: list[Event] = []
        self.pings: list[tuple[str, str]] = []
        """What tasks are to be pinged, each with how, for whoever sends it: a URL, or the file that has it."""
        self.counts = dict.fromkeys(_COUNTS, 0)

    def tell(self, event: Event) -> None:
        """Something happened that is not counted."""
        self._events.append(event)

    def flush(self) -> None:
        """Write the events since the last time to the audit log."""
        told, self._events = self._events, []
        self._audit.tell(*told)

    def started(self, claimed: Task, now: datetime) -> None:
        """An attempt begins."""
        self.counts["started"] += 1
        if not claimed.get("condition"):
            self._ping(claimed, "start")
        self.tell(events.started(claimed, now))

    def released(self, attempt: Attempt) -> None:
        """A part of an attempt begins: of one with a condition the executor, if that holds."""
        if attempt.is_work and attempt.task.get("condition"):
            self._ping(attempt.task, "start")

    def leftovers(self, attempts: Iterable[Attempt], clock: Callable[[], datetime]) -> None:
        """Something of these went on after their own end and was ended, or could not be ended."""
        for one in attempts:
            if one.had_to_end_others:
                self.tell(events.of_run("leftovers_ended", one.task["id"], one.run_id, clock()))
            if one.given_up:
                pids = ",".join(str(row.pid) for row in one.given_up)
                self.tell(events.of_run("leftovers_remain", one.task["id"], one.run_id, clock(), pids=pids))

    def settled(self, settled: Task, result: Outcome, now: datetime, run: object = None) -> None:
        """An attempt, whose name is ``run``, came to its end, and its task to what the record says now."""
        self.counts["lost"] += result.status == outcome.LOST
        if result.status == outcome.NOT_NOW:
            self.counts["started"] -= 1
            self.tell(events.not_now(settled, run, result.error, now))
            return
        if settled["status"] in task.ENDED:
            self.ended(settled, now)
        elif settled["attempts"]:
            self.tell(events.retry_scheduled(settled, result.error, now))
            self.counts["retried"] += 1
        else:
            ended = [one for one in settled.get("ended") or [] if one.get("attempts")]
            self.ended(ended[-1], now)
            self.tell(events.next_occurrence(settled, now))

    def ended(self, ended: Task, now: datetime) -> None:
        """An occurrence is over."""
        self.tell(events.ended(ended, now))
        status = ended["status"]
        if status in _PINGED:
            self._ping(ended, _PINGED[status])
        if status not in (task.MISSED, task.SKIPPED):
            self.counts["expired" if ended.get("error_type") == outcome.EXPIRED else status] += 1
        if status == task.FAILED:
            log = (ended.get("result") or {}).get("log_path")
            where = f" (log: {log})" if log and self._names_log else ""
            exits.warn(f"task failed: {ended['id']}: {ended.get('error')}{where}")

    def _ping(self, one: Task, how: str) -> None:
        if url := one.get("ping"):
            file = one.get("env_file") or (one.get("source") or {}).get("file")
            self.pings.append((file or url, how))

    def filed(self, one: Task, now: datetime) -> None:
        """A record stands in the archive."""
        self.tell(events.archived(one, now))
        if one["status"] in (task.MISSED, task.SKIPPED):
            stretch = one.get("stretch")
            self.counts[one["status"]] += stretch["count"] if stretch else 1
