"""What a wake did: the counts it prints, the audit log's lines, and the failures a person is told of."""

from __future__ import annotations

from datetime import datetime

from defer.commands import output
from defer.record import outcome, task
from defer.record.codec import Task
from defer.record.outcome import Outcome
from defer.store.audit import AuditLog

_COUNTS = ("started", "completed", "failed", "retried", "lost", "cancelled", "expired", "missed", "skipped")


class Tally:
    """Counts and reports what is settled, ended and filed."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self.counts = dict.fromkeys(_COUNTS, 0)

    def settled(self, settled: Task, result: Outcome, now: datetime) -> None:
        """An attempt came to its end, and its task to what the record says now."""
        self.counts["lost"] += result.status == outcome.LOST
        if settled["status"] in task.ENDED:
            self.ended(settled, now)
        elif settled["attempts"]:
            facts = {"attempt": settled["attempts"], "error": result.error, "run_at": settled["run_at"]}
            self._audit.note(now, "retry_scheduled", settled["id"], **facts)
            self.counts["retried"] += 1
        else:
            ended = [one for one in settled.get("ended") or [] if one.get("attempts")]
            self.ended(ended[-1], now)
            self._audit.note(now, "next_occurrence", settled["id"], run_at=settled["run_at"])

    def ended(self, ended: Task, now: datetime) -> None:
        """An occurrence is over."""
        status, error = ended["status"], ended.get("error")
        self._audit.note(now, status, ended["id"], attempt=ended.get("attempts"), error=error)
        if status not in (task.MISSED, task.SKIPPED):
            self.counts["expired" if ended.get("error_type") == outcome.EXPIRED else status] += 1
        if status == task.FAILED:
            log = (ended.get("result") or {}).get("log_path")
            where = f" (log: {log})" if log else ""
            output.warn(f"task failed: {ended['id']}: {error}{where}")

    def filed(self, one: Task, now: datetime) -> None:
        """A record stands in the archive."""
        stretch = one.get("stretch")
        times = stretch["count"] if stretch else None
        self._audit.note(now, "archived", one["id"], status=one["status"], reason=one.get("reason"), count=times)
        if one["status"] in (task.MISSED, task.SKIPPED):
            self.counts[one["status"]] += times or 1
