"""Takes in what the records say of tasks, and judges each by the rules of `health`.

First all tasks of the store, then runs and ended occurrences, each the newest first. It keeps no more than it needs:
some fields of the tasks that recur, run or are due, a habit for each that recurs, and at most ``MOST_TOLD`` of what is
wrong with others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from defer import instants
from defer.record import occurrences, signature, task, versions
from defer.record.codec import Task

from . import rules, waiting
from .findings import NEVER_RAN, Finding, worst_first
from .habits import LONGEST, SLACK, Crowd, Failure, Habit, Totals, times, useful_seconds
from .health import Health
from .older import LOOK_BACK, Older
from .rules import Failing

if TYPE_CHECKING:
    from defer.record.runs import Run
    from defer.store.interface import Kept

    from .waiting import Scene

MOST_TOLD = 1000
"""So many findings are told in full; the others are only counted."""
_MOST_EXTRA = 1000
_KEPT = (
    *("id", "status", "run_at", "occurrence", "attempts", "created_at", "started_at", "schema_version", "requires"),
    *("recurrence", "last", "held", "run", "timeout_seconds", "workspace", "concurrent", "copy_of"),
    *("session_id", "sticky_session"),
)


class Checkup:
    """What is known of all tasks.

    ``since``: when the window begins. ``timeout``: the time limit in seconds of tasks that name none, 0 for none.
    ``is_there(log)``: whether a log exists on ``host``, this one. ``kept``: what was pruned.
    ``look_up(task_id, since)``: the runs of one task, the newest first.
    ``acknowledged(record)``: whether a person knows of the failures that its ``last`` tells of. ``for_metrics``: also
    what has ended since the month began, and when each task last succeeded. ``seen_since``: all runs since then were
    taken in, or will be.
    """

    def __init__(
        self,
        now: datetime,
        since: datetime,
        timeout: float,
        *,
        is_there: Callable[[str], bool],
        host: str,
        look_up: Callable[[str, datetime | None], Iterable[Run]],
        acknowledged: Callable[[Task], bool],
        kept: Kept,
        for_metrics: bool = False,
    ) -> None:
        self.now, self.since = now, since
        span = now - since
        self.before_since = since - span if since - instants.EPOCH > span else instants.EPOCH
        self._timeout, self._kept, self._host = timeout, kept, host
        self._is_there, self._older, self._acknowledged = is_there, Older(look_up), acknowledged
        self.window, self.before = Totals(since, now), Totals(self.before_since, since)
        month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        self._counted = Totals(month, now) if for_metrics else None
        self.first = min(month, self.before_since) if for_metrics else self.before_since
        self.executing: list[Task] = []
        self._recurring: dict[str, Task] = {}
        self._due: list[Task] = []
        self._stranded = self._tasks = self._paused = self._extra = self._more = 0
        # Of other ids only numbers are kept: there may be hundreds of thousands.
        self._waiting: set[int] = set()
        self._seen_ends: set[int] = set()
        self._crowd = Crowd()
        self._habits: dict[str, Habit] = {}
        self._failed: list[Task] = []
        self._found: list[Finding] = []
        self._known: dict[str, str] = {}
        self.seen_since = _look_back(self.first)

    # What is in the store

    def take_task(self, one: Task) -> None:
        """One current record of the store."""
        if one["status"] in task.ENDED:
            return
        self._tasks += 1
        self._paused += one["status"] == task.PAUSED
        is_due = one["status"] == task.SCHEDULED and task.run_at(one) <= self.now - waiting.PATIENCE
        recurs = not versions.is_newer(one) and task.is_recurring(one)
        self._stranded += is_due
        if one["status"] == task.EXECUTING:
            self.executing.append(_slim(one))
        if is_due and len(self._due) < MOST_TOLD:
            self._due.append(_slim(one))
        if recurs:
            self._recurring[one["id"]] = _slim(one)
        else:
            self._waiting.add(hash(one["id"]))

    def pass_over(self, task_id: str) -> None:
        """A task of the store that waits for its only run, and is not due."""
        self._tasks += 1
        self._waiting.add(hash(task_id))

    # What has run

    def take_run(self, run: Run) -> bool:
        """One ended attempt; whether earlier ones are of interest, too."""
        key = run.copy_of or run.task_id
        recurring = self._recurring.get(key)
        totals = self._totals_of(run.ended_at)
        is_logged = None if totals is None else self._is_logged(run)
        if totals is not None:
            totals.take_run(run, is_logged)
        if self._counted is not None and run.ended_at >= self._counted.start:
            self._counted.take_run(run, None)
        is_recent = totals is self.window
        if is_recent:
            self._crowd.take(run)
        if recurring is not None:
            allowed = rules.lateness_allowed(recurring) if is_recent else None
            self._habits.setdefault(key, Habit()).take(run, allowed)
        elif key and is_recent and (run.late_by_seconds or 0) > rules.USUAL_LATENESS and self._has_room(key):
            self._habits.setdefault(key, Habit()).take(run, rules.USUAL_LATENESS)
        if key and is_recent and is_logged is False and self._has_room(key):
            self._habits.setdefault(key, Habit()).unlogged.append(run.run_id or "unknown")
        is_of_interest = run.ended_at >= self.first
        self._extra += not is_of_interest
        goes_on = is_of_interest or (self._extra < _MOST_EXTRA and not self._knows_enough())
        if not goes_on:
            self.seen_since = run.ended_at
        return goes_on

    def _has_room(self, key: str) -> bool:
        if key in self._habits:
            return len(self._habits[key].unlogged) < MOST_TOLD
        if len(self._habits) < len(self._recurring) + MOST_TOLD:
            return True
        self._more += 1
        return False

    def _totals_of(self, at: datetime) -> Totals | None:
        return self.window if at >= self.since else self.before if at >= self.before_since else None

    def _is_logged(self, run: Run) -> bool | None:
        """Whether a run has a log; None where there was nothing to log, where it was pruned or another host has it."""
        if not run.log or not run.log_bytes:
            return None
        if self._is_there(run.log):
            return True
        if run.host is not None and run.host != self._host:
            return None
        began = run.started_at or run.ended_at
        return None if self._kept.logs is not None and began < self._kept.logs else False

    def _knows_enough(self) -> bool:
        return all(name in self._habits and self._habits[name].is_full for name in self._recurring)

    # What has ended

    def take_ended(self, one: Task) -> None:
        """One occurrence that is over, or a stretch of them."""
        at = task.ended_at(one)
        if versions.is_newer(one):
            # Its other fields may be of any type.
            one = cast("Task", {**versions.knowable(one), f"{one['status']}_at": instants.to_text(at)})
        totals = self._totals_of(at)
        if totals is not None:
            totals.take_ended(one)
        if self._counted is not None and at >= self._counted.start:
            self._counted.take_ended(one)
        if totals is not self.window:
            return
        key = one.get("copy_of") or one["id"]
        if one["status"] in (task.MISSED, task.SKIPPED):
            self._take_missed(key, one)
        elif hash(key) not in self._seen_ends:
            self._seen_ends.add(hash(key))
            self._take_latest(key, one)

    def _take_missed(self, key: str, one: Task) -> None:
        if one["status"] == task.MISSED and useful_seconds(one) is not None and key in self._recurring:
            self._habits.setdefault(key, Habit()).expired += times(one)

    def _take_latest(self, key: str, one: Task) -> None:
        """The latest end of a task in the window."""
        if (silent := rules.empty(one, self._is_there)) is not None:
            self._add(silent)
        # What goes on under its id is not over; a copy that a person ran is.
        if one["status"] == task.FAILED and (one.get("copy_of") or not self._goes_on(key)):
            if len(self._failed) < MOST_TOLD:
                self._failed.append(_slim_failed(one))
            else:
                self._more += 1

    def _goes_on(self, key: str) -> bool:
        return key in self._recurring or hash(key) in self._waiting

    def _add(self, *found: Finding) -> None:
        for one in found:
            if len(self._found) < MOST_TOLD:
                self._found.append(one)
            else:
                self._more += 1

    # What is wrong

    def report(self, scene: Scene) -> Health:
        """The report. Nothing may be taken in after this."""
        for one in self.executing:
            if versions.lacking(one) is None and (stuck := waiting.stuck(one, scene)) is not None:
                self._add(stuck)
        never, failing = set[str](), set[str]()
        for one in self._recurring.values():
            found = self._of_recurring(one, scene)
            never.update(finding.task for finding in found if finding.id == NEVER_RAN)
            failing.update(finding.task for finding in found if finding.id != NEVER_RAN)
            self._add(*found)
        for one in self._due:
            if one["id"] not in never and (late := waiting.overdue(one, scene)) is not None:
                self._add(late)
        for one in self._failed:
            # A copy of what is failing anyway adds nothing.
            if one.get("copy_of") not in failing:
                self._add(*self._of_failed(one))
        for key, habit in self._habits.items():
            self._add(*self._of_habit(key, habit, scene.slots))
        return Health(
            host=self._host,
            scene=scene,
            tasks=self._tasks,
            paused=self._paused,
            stranded=self._stranded,
            findings=worst_first(self._found),
            more=self._more,
            acknowledged=self._known,
            window=self.window,
            before=self.before,
            worst=self._worst(),
            successes={} if self._counted is None else dict(self._successes()),
            counted=self._counted,
        )

    def _of_recurring(self, one: Task, scene: Scene) -> list[Finding]:
        try:
            found = self._of_streak(one)
            passed, begin = self._passed_without_run(one)
            return [*found, waiting.never_ran(one, passed, begin, self._kept.records, scene)] if passed >= 2 else found
        except occurrences.UNREADABLE:
            # The wake that meets it says so: its occurrence fails.
            return []

    def _of_streak(self, one: Task) -> list[Finding]:
        last = one.get("last")
        if last is None or not last["failures"]:
            return []
        at, since = instants.from_text(last["at"]), last.get("since") or last["at"]
        began = instants.from_text(since) - SLACK
        habit = self._older.of_streak(one["id"], self._habits.get(one["id"]) or Habit(), began, at)
        if habit.cured_at is not None and habit.cured_at >= at:
            return []
        attempts = [failed for failed in habit.failures if failed.at >= began]
        reason = last["reason"] if last["outcome"] == task.FAILED else None
        failing = Failing(
            *(last["failures"], since, reason, attempts),
            recurs=True,
            is_alike=habit.is_alike(began) if last.get("since") else None,
            is_logged=self._can_be_read(attempts),
            is_paused=one["status"] == task.PAUSED,
            timeout=self._limit_of(one),
        )
        return self._unless_known(one, failing)

    def _of_failed(self, one: Task) -> list[Finding]:
        """A task that is over, and failed at the last."""
        last = one.get("last")
        error, at = one.get("error"), task.ended_at(one)
        log = (one.get("result") or {}).get("log_path")
        attempt = Failure(None, at, one.get("error_type"), error, signature.of(error), log)
        row = last["failures"] if last else 1
        since = (last.get("since") if last else None) or instants.to_text(at)
        failing = Failing(max(1, row), since, error, [attempt], recurs=False, is_logged=self._can_be_read([attempt]))
        return self._unless_known(
            one, failing._replace(is_by_hand=bool(one.get("copy_of")), timeout=self._limit_of(one))
        )

    def _can_be_read(self, attempts: Sequence[Failure]) -> bool:
        """Whether the latest of these attempts has a log, here or on another host."""
        latest = attempts[0] if attempts else None
        if latest is None or not latest.log:
            return False
        return latest.host not in (None, self._host) or self._is_there(latest.log)

    def _unless_known(self, one: Task, failures: Failing) -> list[Finding]:
        name = one.get("copy_of") or one["id"]
        if self._acknowledged(one):
            self._known[name] = failures.error or "nothing was said"
            return []
        return rules.failing(name, failures)

    def _passed_without_run(self, one: Task) -> tuple[int, datetime | None]:
        """How many occurrences of a task have passed if none has ever run, and since when none has.

        0 where one has, or is running.
        """
        last, habit = one.get("last"), self._habits.get(one["id"])
        has_run = one["status"] != task.SCHEDULED or one.get("attempts") or (habit is not None and habit.has_own_run)
        if has_run or (last is not None and last["outcome"] not in (task.MISSED, task.SKIPPED)):
            return 0, None
        begin = self._begin(one)
        passed = self._passed_since(one, begin)
        if passed < 2:
            return 0, begin
        if begin is not None and begin >= self.seen_since:
            return passed, begin
        has_ever_run = self._older.has_run(one["id"])
        if has_ever_run is None:
            return self._passed_since(one, self.seen_since), self.seen_since
        return (0 if has_ever_run else passed), begin

    def _begin(self, one: Task) -> datetime | None:
        """Since when there may be runs of a task: since it was made, or since the records begin that were kept."""
        created, kept = one.get("created_at"), self._kept.records
        made = instants.from_text(created) if created else None
        return max((at for at in (made, kept) if at is not None), default=None)

    def _passed_since(self, one: Task, begin: datetime | None) -> int:
        """How many of its occurrences have passed; of those that may have run, before ``begin``, none counts."""
        if begin is not None and begin in (self._kept.records, self.seen_since):
            since = occurrences.between(one, begin, self.now - waiting.PATIENCE, 0)
            return since.times if since else 0
        spent = int(occurrences.policies(one).get("fired") or 0)
        waited = occurrences.waited_for(one)
        due = self.now - waiting.PATIENCE - occurrences.jitter_of(one)
        later = occurrences.between(one, waited, due, spent + 1)
        return spent + (waited <= due) + (later.times if later else 0)

    def _of_habit(self, key: str, habit: Habit, slots: int) -> Iterator[Finding]:
        one = self._recurring.get(key)
        allowed = rules.USUAL_LATENESS if one is None else rules.lateness_allowed(one)
        crowded = sum(self._crowd.at(moment) >= slots for moment in habit.waits)
        found = [rules.late(key, habit, allowed, slots if 2 * crowded > len(habit.waits) else None)]
        if one is not None:
            found.append(rules.slow(key, habit, self._limit_of(one)))
        if habit.unlogged:
            found.append(rules.unlogged(key, habit.unlogged))
        yield from (finding for finding in found if finding is not None)

    def _limit_of(self, one: Task) -> float:
        """How many seconds an attempt may take; 0 for no limit."""
        own = one.get("timeout_seconds")
        return self._timeout if own is None else own

    def _worst(self) -> dict[str, Any] | None:
        """The task that recurs and fails the most."""
        rates = [
            (habit.failed / habit.runs, habit.failed, key)
            for key, habit in self._habits.items()
            if key in self._recurring and habit.failed
        ]
        if not rates:
            return None
        rate, failed, key = max(rates)
        return {"task": key, "runs": self._habits[key].runs, "failed": failed, "failure_rate": round(rate, 4)}

    def _successes(self) -> Iterator[tuple[str, datetime]]:
        for name, one in self._recurring.items():
            last = one.get("last")
            if last is not None and last["outcome"] == task.COMPLETED:
                yield name, instants.from_text(last["at"])
            elif last is not None:
                habit = self._habits.get(name) or Habit()
                began = instants.from_text(last.get("since") or last["at"])
                if (at := habit.succeeded_at or self._older.last_success(name, began)) is not None:
                    yield name, at


def _look_back(instant: datetime) -> datetime:
    try:
        return instant - LOOK_BACK
    except OverflowError:
        return instant


def _slim(one: Task, *more: str) -> Task:
    fields: Mapping[str, object] = one
    return cast("Task", {name: fields[name] for name in (*_KEPT, *more) if name in fields})


def _slim_failed(one: Task) -> Task:
    error, log = (one.get("error") or "")[:LONGEST] or None, (one.get("result") or {}).get("log_path")
    return {**_slim(one, "error_type", "failed_at"), "error": error, "result": {"log_path": log}}
