"""The use cases bound to one configuration: what the command line and the SDK are written on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from . import instants
from .record import events
from .record.codec import Task
from .settings import config
from .settings.config import Config
from .store import open_store, places
from .store.audit import AuditLog

if TYPE_CHECKING:
    from .errors import Refused
    from .record.runs import Run
    from .reports.health import Health
    from .scheduling.edit import Editor
    from .scheduling.plan import Plan, Request
    from .scheduling.status import Status


class Client:
    """A store with its configuration, audit log and clock.

    ``environ`` stands in for the process's variables. ``tell`` is called for what the store set aside
    or found unreadable, which the audit log notes in any case.
    """

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        tell: Callable[[str], None] | None = None,
        clock: Callable[[], datetime] = instants.now,
    ) -> None:
        """Raises BadInput for a setting that cannot be read, StorageError for a directory that others may write."""
        self.config: Config = config.load(environ)
        places.check(self.config)
        self.audit = AuditLog(self.config.log_file)
        self.clock = clock
        # Not a method: in a circle of references the store's file would stay open until a collection.
        self.store = open_store(self.config, partial(_report, self.audit, clock, tell))
        self.whole_store = self.store
        """The same, of which an agent's attempt sees only what came of its own task."""
        self.is_restricted = bool(self.config.get("DEFER_RESTRICTED"))
        if self.is_restricted:
            from .scheduling import scope

            self.store = scope.of(self.store, self.config)

    def may_see(self, task_id: str) -> bool:
        """Whether the task of an id may be known here: for an agent's attempt, one that came of its own."""
        return not self.is_restricted or self.store.find(task_id) is not None or bool(self.store.ended({task_id}))

    def plan(self, request: Request, now: datetime | None = None) -> Plan:
        """Read a request, as of ``now`` (default: the present); nothing is stored. Raises BadInput."""
        from .scheduling import plan

        return plan.plan(request, self.config, now or self.clock())

    def add(self, planned: Sequence[Plan], if_exists: str = "error", now: datetime | None = None) -> list[Task]:
        """Store planned tasks, all of them or none. Raises Refused for a taken id."""
        from .scheduling.add import add

        return add(self.store, self.audit, self.config, planned, now or self.clock(), if_exists)

    def find(self, task_id: str) -> Task:
        """A task from the store, else from the archive. Raises Refused."""
        from .scheduling import find

        return find.look_up(self.store, task_id)

    def tasks(self) -> Iterator[Task]:
        """Every task still in the store, streamed, in file order."""
        return self.store.scan()

    def cancel(
        self, task_id: str, reason: str | None = None, *, kill: bool = False, occurrence_only: bool = False
    ) -> Task:
        """Cancel a task, or only the occurrence it waits for; with ``kill`` also what is executing. Raises Refused."""
        if kill:
            from .run import kill as killing

            return killing.cancel(
                self.store, self.audit, task_id, reason, self.config, self.clock, occurrence_only=occurrence_only
            )
        if occurrence_only:
            return self.editor.cancel_occurrence(task_id, reason)
        from .scheduling import find

        return find.cancel(self.store, self.audit, task_id, reason, self.clock())

    def cancel_each(self, ids: Sequence[str], reason: str | None = None) -> tuple[dict[str, Task], dict[str, Refused]]:
        """Cancel several waiting tasks in one write: their records, and why the others could not be."""
        from .scheduling import find

        return find.cancel_each(self.store, self.audit, ids, reason, self.clock())

    def release(self, task_id: str) -> tuple[Task, str]:
        """Settle as lost an attempt whose holder is out of reach; the record, and who held it. Raises Refused."""
        from .run import kill as killing

        return killing.release(self.store, self.audit, self.config, task_id, self.clock())

    @property
    def editor(self) -> Editor:
        """The changes that may be made to a task, as of now."""
        from .scheduling.edit import Editor

        return Editor(self.store, self.audit, self.config, self.clock())

    def upcoming(
        self, end: datetime, limit: int, wanted: Callable[[Task], bool] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Every run of every waiting task up to ``end``, in order, at most ``limit``; only of ``wanted`` tasks."""
        from .scheduling import upcoming

        return upcoming.upcoming(filter(wanted, self.tasks()) if wanted else self.tasks(), self.clock(), end, limit)

    def runs(
        self, task_id: str | None = None, since: datetime | None = None, statuses: Collection[str] = ()
    ) -> Iterator[Run]:
        """Ended attempts of a task and its copies, or of all, newest first; with ``statuses`` only those of them."""
        return self.store.runs(task_id, since, statuses)

    def ended_records(
        self,
        task_id: str | None = None,
        since: datetime | None = None,
        statuses: Collection[str] = (),
        *,
        copies: bool = False,
    ) -> Iterator[Task]:
        """The records of ended occurrences, in the same way; with ``copies`` only those of copies."""
        return self.store.ended_records(task_id, since, statuses, copies=copies)

    def health(self, since: datetime, *, for_metrics: bool = False) -> Health:
        """How the tasks are doing: what is wrong with each, and totals since then beside those of as long before.

        ``for_metrics``: with what only metrics need.
        """
        from .notices import outbox
        from .reports import healthfiles

        known = outbox.read_if_it_can_be(self.config.notices_file).is_acknowledged
        return healthfiles.health(
            self.store, self.config, self.clock(), since, acknowledged=known, for_metrics=for_metrics
        )

    def send_health(self, found: Health) -> list[tuple[str, str | None]]:
        """Send a report to every place that notices go to; the label of each, and why it did not arrive, or None."""
        from .notices import bulletin
        from .reports import healthforms

        headline, text = healthforms.letter(found)
        one = bulletin.Bulletin(f"Defer on {found.host}", found.needs_attention, headline, text)
        return bulletin.send(one, self.store, self.config, self.clock())

    def status(self, since: datetime) -> Status:
        """How things stand: wakes, what executes, what comes next, and the health since then."""
        from .scheduling import status

        return status.status(self.store, self.config, self.clock(), since)


def _report(
    audit: AuditLog, clock: Callable[[], datetime], tell: Callable[[str], None] | None, action: str, **facts: object
) -> None:
    """Note what the store set aside or found unreadable, and tell of it."""
    audit.tell(events.met(action, facts, clock()))
    if tell is not None:
        said = ", ".join(f"{name} {value}" for name, value in facts.items())
        tell(f"{action.replace('_', ' ')}: {said}")
