"""The history checker: whether store, archive, runs and audit log agree with each other.

``History`` takes them in one record at a time, in this order. It keeps a small tuple for each task that waits,
each ended occurrence (a stretch is one) and each run, and a number for each task and run, to tell which audit lines
a record confirms. Together that is about 1.4 KB for an occurrence that ran, whatever its records
hold and however long the files are. Of everything else it keeps only what is suspicious.

It reports only two records that cannot both be true, or one that must have been written and is missing.
It passes over what cannot be known: what v1 did, what came before records begin, what lies between a rule and
the next one, an order of moments where the clock went back. The audit log is not synced, so its silence proves
nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from heapq import merge
from itertools import chain, groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from defer.record import task, versions
from defer.record.codec import Task

from . import contradictions
from . import facts as recordfacts
from .contradictions import Contradiction, Group, Steps
from .facts import Begin, Occurrence, Run, Said

if TYPE_CHECKING:
    from defer.record.types import Run as RunRecord

MOST_TOLD = 1000
"""So many contradictions are told in full; the others are only counted."""


class Report(NamedTuple):
    """What was looked at, and what is wrong with it."""

    since: str | None
    tasks: int
    occurrences: int
    ends: dict[str, int]
    attempts: int
    runs: int
    logs: int
    unlogged: int
    pruned: int
    bad_lines: dict[str, int]
    contradictions: list[Contradiction]
    more: int

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {**self._asdict(), "contradictions": [one._asdict() for one in self.contradictions]}


class History:
    """All records: first the store, then the archive, then runs, then the audit log.

    ``is_there`` says whether a log or prompt of that path exists on ``host``, this one.
    """

    def __init__(
        self, begin: Begin, is_there: Callable[[str], bool], store_name: str = "the store", host: str | None = None
    ) -> None:
        self._begin, self._is_there, self._store_name, self._host = begin, is_there, store_name, host
        self.bad_lines: Counter[str] = Counter()
        self.steps = Steps()
        self._occurrences: list[Occurrence] = []
        self._runs: list[Run] = []
        self._said: defaultdict[str, list[Said]] = defaultdict(list)
        # Over and still in the store: filed already if the archive has the very same record.
        self._unfiled: defaultdict[str, list[Task]] = defaultdict(list)
        self._unfiled_runs: defaultdict[str, list[RunRecord]] = defaultdict(list)
        self._known: set[int] = set()
        self._under_way: set[str | None] = set()
        self._tasks = self._logs = self._unlogged = self._pruned = 0
        self._found: list[Contradiction] = []

    def take_store(self, record: Task) -> None:
        """One current record of the store."""
        # What a newer version keeps in a record is not for this one to file, and may be of any type.
        is_newer = versions.is_newer(record)
        ended, runs, rest = ([], [], record) if is_newer else task.filed_records(record)
        for one in ended:
            self._unfiled[record["id"]].append(one)
        for run in runs:
            self._unfiled_runs[record["id"]].append(run)
        for one in (rest.get("ended") or []) if rest is not None and not is_newer else []:
            self._take(one, self._store_name)
        if rest is not None:
            self._take(rest, self._store_name)
            under_way = rest.get("run")
            name = under_way.get("run_id") if isinstance(under_way, dict) else None
            self._under_way.add(name if isinstance(name, str) else None)

    def take_archive(self, record: Task, where: str) -> None:
        """One line of the archive."""
        waiting = self._unfiled.get(record["id"], [])
        if record in waiting:
            waiting.remove(record)
        self._take(record, where)

    def _take(self, record: Task, where: str) -> None:
        try:
            one = recordfacts.occurrence_of(record, where)
        except recordfacts.ODD:
            self.bad_lines[where] += 1
            return
        self._occurrences.append(one)
        self._note_known(one)

    def _note_known(self, one: Occurrence) -> None:
        self._known.update(hash((one.id, at)) for at in contradictions.created_of([one]))
        if one.status == task.CANCELLED:
            self._known.add(hash((one.id, one.status, one.ended)))

    def _tell(self, kind: str, one: Occurrence | Run, what: str) -> None:
        at = one.first if isinstance(one, Occurrence) else one.occurrence
        moment = None if at is None else recordfacts.text(at)
        self._found.append(Contradiction(kind, one.id, moment, what, one.where))

    def take_run(self, record: Mapping[str, Any], where: str) -> None:
        """One line of the runs."""
        waiting = self._unfiled_runs.get(str(record.get("task_id")), [])
        if record in waiting:
            waiting.remove(record)
        self._take_run(record, where)

    def _take_run(self, record: Mapping[str, Any], where: str) -> None:
        try:
            run = recordfacts.run_of(record, where)
        except recordfacts.ODD:
            self.bad_lines[where] += 1
            return
        self._note_log(record, run)
        if run.name is not None and hash(run.name) in self._known:
            self._tell("run-twice", run, f"{run.name} has more than one run record")
            return
        self._known.add(hash(run.name))
        self._runs.append(run)

    def _note_log(self, record: Mapping[str, Any], run: Run) -> None:
        kept = record.get("log") or record.get("prompt")
        if kept is not None and not self._is_there(str(kept)):
            if run.started < self._begin.logs:
                self._pruned += 1
                return
            if self._host is not None and record.get("host") not in (None, self._host):
                # It lies there; nobody can tell from here.
                return
            self._unlogged += 1
            if record.get("log") and record.get("log_bytes"):
                self._tell("log-gone", run, f"attempt {run.attempt} had output, and its log is not there: {kept}")
        elif record.get("log"):
            self._logs += 1

    def take_action(self, at: datetime, action: str, facts: dict[str, str]) -> None:
        """One line of the audit log."""
        self._take_unfiled()
        moment, task_id, run = int(at.timestamp()), facts.get("id", ""), facts.get("run")
        self.steps.see(moment)
        if action == "run_requested":
            action, task_id = "scheduled", facts.get("copy", "")
        if action == "started":
            self._take_started(Said(task_id, moment, action, run, _number(facts.get("attempt"))))
        elif action in ("put_back", "not_now"):
            self._drop_started(task_id, lambda one: one.run == run)
        elif action in ("scheduled", "cancelled") and not self._is_borne_out(task_id, moment, action, facts):
            self._said[task_id].append(Said(task_id, moment, action, None, 0))

    def _is_borne_out(self, task_id: str, moment: int, action: str, facts: dict[str, str]) -> bool:
        if action == "cancelled":
            return hash((task_id, action, moment)) in self._known
        # v1 did not keep the words that a time was given in; nothing is asked of what it wrote.
        return hash((task_id, moment)) in self._known or not facts.keys() & {"when", "copy"}

    def _take_started(self, started: Said) -> None:
        # An earlier attempt with this number was put back, or belonged to another occurrence.
        self._drop_started(started.id, lambda one: one.attempt == started.attempt)
        if started.run not in self._under_way and hash(started.run) not in self._known:
            self._said[started.id].append(started)

    def _drop_started(self, task_id: str, is_it: Callable[[Said], bool]) -> None:
        if task_id in self._said:
            self._said[task_id] = [one for one in self._said[task_id] if one.action != "started" or not is_it(one)]

    def _take_unfiled(self) -> None:
        """What is over and only in the store."""
        for record in chain.from_iterable(self._unfiled.values()):
            self._take(record, self._store_name)
        for run in chain.from_iterable(self._unfiled_runs.values()):
            self._take_run(run, self._store_name)
        self._unfiled.clear()
        self._unfiled_runs.clear()

    def report(self) -> Report:
        """The report on all of it. Nothing may be taken in after this."""
        self._take_unfiled()
        ends: Counter[str] = Counter()
        for one in self._occurrences:
            ends[one.status] += one.times if one.is_over else 0
        found = chain(self._found, self._contradictions())
        told = list(islice(found, MOST_TOLD))
        more = sum(1 for _ in found)
        ended = chain((one.ended for one in self._occurrences if one.ended), (run.ended for run in self._runs))
        since = min(ended, default=None)
        return Report(
            since=None if since is None else recordfacts.text(since),
            tasks=self._tasks,
            occurrences=sum(one.times for one in self._occurrences),
            ends={status: number for status, number in sorted(ends.items()) if number},
            attempts=sum(one.attempts for one in self._occurrences),
            runs=len(self._runs),
            logs=self._logs,
            unlogged=self._unlogged,
            pruned=self._pruned,
            bad_lines=dict(sorted(self.bad_lines.items())),
            contradictions=told,
            more=more,
        )

    def _contradictions(self) -> Iterator[Contradiction]:
        for group in self._groups():
            self._tasks += len({one.created for one in group.occurrences})
            yield from contradictions.of(group, self._begin, self.steps)

    def _groups(self) -> Iterator[Group]:
        """All there is, id by id."""
        by_id = attrgetter("id")
        self._occurrences.sort(key=by_id)
        self._runs.sort(key=by_id)
        said = chain.from_iterable(self._said[task_id] for task_id in sorted(self._said))
        for task_id, told in groupby(merge(self._occurrences, self._runs, said, key=by_id), by_id):
            parts: defaultdict[type, list[Any]] = defaultdict(list)
            for one in told:
                parts[type(one)].append(one)
            yield Group(task_id, parts[Occurrence], parts[Run], parts[Said])


def _number(written: str | None) -> int:
    return int(written) if written is not None and written.isascii() and written.isdigit() else 0
