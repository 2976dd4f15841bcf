"""The history checker: a history of every kind of task is clean, and each kind of contradiction is found."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from defer import instants
from defer.client import Client
from defer.errors import StorageError
from defer.record import events, holders, outcome
from defer.record.events import Event
from defer.reports import contradictions, recordfiles, records
from defer.reports.facts import Begin
from defer.run import claim, command
from defer.run.wake import Runner
from defer.scheduling import sync as taskfiles
from defer.scheduling.plan import Request
from defer.store import audit
from defer.store.audit import AuditLog
from defer.store.interface import Kept
from support import NOW, ROOT, Place, Task, moment, strict, text_at, v1_task, zone_tree
from support import records as records_of

pytestmark = pytest.mark.programs

# What an executor does is in the name of its task.
BODY = """
cat >/dev/null
case $DEFER_TASK_ID in
  fails*) echo "no such luck" >&2; exit 1 ;;
  later*) [ "$DEFER_ATTEMPT" -gt 1 ] ||
    { echo '{"retry_at":"2026-04-08T18:00:00Z"}' >"$DEFER_RESULT_FILE"; exit 75; } ;;
  again*) echo '{"reschedule":"2h"}' >"$DEFER_RESULT_FILE" ;;
  silent*) exit 0 ;;
  blocked*) exit 77 ;;
esac
echo done
"""
# Gone already on any machine: nobody has so many processes.
DEAD = {"pid": 2**22 + 1, "start": "1", "boot": "another", "pid_namespace": "another"}


class Life:
    """A runtime directory whose clock is the test's, and what may happen in it."""

    def __init__(self, place: Place) -> None:
        self.place, self.now = place, NOW
        place.env |= {"DEFER_EXECUTOR": place.executor(BODY), "DEFER_RETRY_DELAY_SECONDS": "60"}
        self.client = Client(place.env, clock=lambda: self.now)

    def pass_time(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    def add(self, task_id: str, when: str = "1m", if_exists: str = "error", **fields: Any) -> Task:
        request = Request(when=when, context={"summary": task_id}, task_id=task_id, **fields)
        (stored,) = self.client.add([self.client.plan(request)], if_exists)
        return stored

    def wake(self, **ahead: float) -> None:
        self.pass_time(**ahead)
        Runner(self.client.store, self.client.config, self.client.audit, self.client.clock).wake()

    def die(self, **ahead: float) -> None:
        """A runner claims what is due, says so, and is never heard of again."""
        self.pass_time(**ahead)

        def new_run() -> dict[str, Any]:
            return {"run_id": f"run_{instants.to_text(self.now)}", "host": os.uname().nodename, "runner": DEAD}

        choose = partial(claim.choose, now=self.now, max_parallel=1, new_run=new_run)
        for one in self.client.store.claim_due(self.now, choose):
            self.client.audit.tell(events.started(one, self.now))

    def fail_to_begin(self, monkeypatch: pytest.MonkeyPatch, **ahead: float) -> None:
        """A wake whose disk is full where prompts are written: it puts its claims back."""

        def refuse(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(command, "write_prompt", refuse)
            with pytest.raises(StorageError):
                self.wake(**ahead)

    def sync(self, **files: str | None) -> None:
        """Write task files, or remove them, and make the schedule match."""
        directory = self.place.base / "tasks"
        directory.mkdir(exist_ok=True)
        for name, content in files.items():
            path = directory / f"{name}.yml"
            path.unlink(missing_ok=True) if content is None else path.write_text(content)
        store, config = self.client.store, self.client.config
        taskfiles.apply(taskfiles.plan(directory, store, config, self.now), store, self.client.audit, config, self.now)

    def report(self) -> records.Report:
        return recordfiles.history(self.client.store, self.client.config).report()


@pytest.fixture
def life(place: Place) -> Life:
    return Life(place)


def told(report: records.Report) -> list[str]:
    return [f"{one.kind} {one.id} {one.occurrence}: {one.what} ({one.where})" for one in report.contradictions]


# Clean histories


def runs_once(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("plain")
    life.add("silent")
    life.add("fails", max_retries=2)
    life.add("blocked", max_retries=2)
    life.add("later")
    life.add("expired", expires="1m")
    for _ in range(4):
        life.wake(minutes=5)
    life.wake(hours=2)
    life.wake(hours=1)


def asks_to_run_again(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("again")
    life.add("again-hourly", "every 3h")
    life.add("again-sooner", "every 6h")
    life.client.editor.reschedule("again-sooner", "1h")
    for _ in range(6):
        life.wake(hours=1, minutes=20)


def has_no_executor(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("prompt")
    life.add("prompts", "every 10m")
    life.client = Client({**life.place.env, "DEFER_EXECUTOR": ""}, clock=lambda: life.now)
    life.wake(minutes=12)
    life.wake(minutes=12)


def is_misconfigured(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("nothing", executor=str(life.place.base / "no" / "program"), max_retries=1)
    life.wake(minutes=2)


def recurs(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("often", "every 10m", jitter="3m")
    life.add("fails-often", "every 7m", max_retries=1)
    life.add("counted", "every 5m", times=4)
    life.add("until", "every 5m", until="1h")
    life.add("caught-up", "every 10m", catch_up="all")
    life.add("none", "every 10m", catch_up="none")
    life.add("useful", "every 10m", expires="3m")
    life.add("queued", "every 10m", overlap="queue")
    for minutes in (11, 3, 8, 95, 1, 2, 44, 10, 60, 1, 1):
        life.wake(minutes=minutes)


def recurs_over_a_change_of_the_clock(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.now = NOW.replace(month=3, day=28)
    life.add("cron", "30 2 * * *", tz="Europe/Berlin")
    life.add("words", "every day at 2:30", tz="Europe/Berlin")
    for _ in range(5):
        life.wake(days=1)


def is_overlapped(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of these tests stands still while an executor runs: the waiting for a retry stands in for it."""
    life.add("fails-long", "every 2m", max_retries=3)
    life.add("fails-queued", "every 2m", max_retries=2, overlap="queue")
    for _ in range(12):
        life.wake(minutes=1, seconds=30)


def is_cancelled(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("waits", "1h")
    life.add("fails-once", max_retries=3)
    life.add("hourly", "every 1h")
    life.wake(minutes=2)
    for name in ("waits", "fails-once"):
        life.client.cancel(name, "no longer needed")
    life.client.editor.cancel_occurrence("hourly", None)
    life.wake(hours=2)
    life.client.cancel("hourly")
    life.add("waits", "1h")
    life.wake(hours=2)


def is_cancelled_while_it_runs(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("killed")
    life.add("killed-hourly", "every 1h")
    life.die(minutes=2)
    life.client.cancel("killed", kill=True)
    life.die(hours=1)
    life.client.cancel("killed-hourly", kill=True, occurrence_only=True)
    life.wake(minutes=1)


def is_replaced(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("job", "1h")
    for _ in range(2):
        # Within one second: alike in all but what they are to do.
        life.add("job", "1h", "replace", prompt_template="another")
    life.add("hourly", "every 1h")
    life.add("hourly", "every 1h", "replace")
    life.wake(hours=1, minutes=5)
    life.add("hourly", "every 1h", "replace")
    life.add("job", "1m")
    life.wake(hours=1, minutes=5)


def is_put_back(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("job")
    life.add("hourly", "every 1h")
    life.fail_to_begin(monkeypatch, minutes=2)
    life.wake(minutes=1)
    life.fail_to_begin(monkeypatch, hours=1)
    life.client.cancel("hourly")
    life.wake(minutes=1)


def is_put_back_by_wakes_that_were_killed_before_they_said_so(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsaid(happens: Callable[[], object]) -> None:
        said = life.place.log_path.read_bytes()
        happens()
        life.place.log_path.write_bytes(said)

    def once_more() -> None:
        life.client.store.update("hourly", life.now, partial(outcome.put_back, now=life.now))
        life.die(minutes=1)

    life.add("job")
    life.add("hourly", "every 1h")
    life.die(minutes=2)
    unsaid(life.wake)
    life.die(hours=1)
    unsaid(once_more)


def is_lost(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("job", max_retries=1)
    life.die(minutes=2)
    life.wake(minutes=5)
    life.wake(minutes=5)
    life.add("hourly", "every 1h")
    life.die(hours=1)
    life.wake(hours=3)
    life.wake(hours=1)


def changes_its_time(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = lambda: life.client.editor  # noqa: E731
    life.add("once", "1h")
    life.add("fails-once", max_retries=2)
    life.add("fails-hourly", "every 1h", max_retries=2)
    life.add("hourly", "every 1h")
    life.wake(minutes=2)
    editor().reschedule("once", "2h")
    editor().reschedule("fails-once", "2h")
    editor().reschedule("hourly", "3h")
    life.wake(hours=1, minutes=10)
    editor().edit("fails-hourly", {"when": "every 30m"})
    editor().edit("hourly", {"times": 5})
    life.wake(hours=2, minutes=30)
    editor().edit("hourly", {"when": "every 40m"})
    editor().edit("fails-hourly", {"when": "1h"})
    life.wake(hours=2)
    editor().edit("fails-hourly", {"when": "every 2h"}) if life.client.store.find("fails-hourly") else None
    life.wake(hours=5)


def is_paused(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("once", "1h")
    life.add("hourly", "every 1h")
    life.add("edited", "every 1h")
    life.add("fails-hourly", "every 1h", max_retries=3)
    life.wake(hours=1, seconds=10)
    for name in ("hourly", "edited", "fails-hourly"):
        life.client.editor.pause(name)
    life.wake(hours=4)
    life.client.editor.edit("edited", {"when": "every 2h"})
    for name in ("hourly", "edited", "fails-hourly"):
        life.client.editor.resume(name)
    life.wake(hours=3)


def is_copied(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("hourly", "every 1h")
    life.client.editor.run_now("hourly")
    life.wake(minutes=1)
    life.client.editor.run_now("hourly")
    life.wake(hours=1)


def is_kept_in_a_file(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = "schedule: every 2h\ncommand: exit 1\nretries: 2\n"
    life.sync(job="schedule: every 1h\ncommand: echo hello\n", fails=failing)
    life.wake(hours=2, seconds=5)
    life.sync(job="schedule: every 30m\ncommand: echo hello\n", fails="schedule: every 3h\ncommand: exit 1\n")
    life.wake(hours=1)
    life.sync(job="schedule: every 30m\ncommand: echo bye\nenabled: false\n")
    life.wake(hours=3)
    life.sync(job="schedule: every 30m\ncommand: echo bye\n", fails=None)
    life.wake(hours=3)
    life.die(minutes=30)
    life.sync(job=None)
    life.wake(minutes=1)


def comes_from_v1(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = {"status": "completed", "attempts": 2, "completed_at": "2026-04-08T16:50:00Z"}
    life.place.write_store(
        v1_task("waits"),
        v1_task("fails-v1", attempts=1, max_retries=3),
        v1_task("executing", status="executing", attempts=0, started_at="2026-04-08T10:00:00Z", max_retries=1),
        v1_task("ended", **ended),
    )
    life.place.archive_dir.mkdir(mode=0o700)
    (life.place.archive_dir / "deferred_202604.jsonl").write_text(json.dumps(v1_task("old", **ended)) + "\n")
    life.place.logs.mkdir(mode=0o700)
    life.place.log_path.write_text("2026-04-08T16:35:00Z scheduled id=gone-with-v1 run_at=2026-04-08T16:45:00Z\n")
    for _ in range(4):
        life.wake(minutes=10)


def has_not_been_filed(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process died between filing and dropping: what is over stands in both places."""
    life.add("job")
    life.add("fails", max_retries=1)
    life.add("hourly", "every 1h")
    monkeypatch.setattr("defer.store.jsonl.JsonlStore.archive", lambda *_: [])
    for _ in range(3):
        life.wake(hours=1)
    monkeypatch.undo()
    kept = life.place.store_path.read_bytes()
    life.client.store.archive(life.now)
    life.place.store_path.write_bytes(kept)


def has_seen_the_clock_go_back(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("hourly", "every 1h", max_retries=1)
    life.die(hours=2)
    life.wake(minutes=10)
    life.pass_time(hours=-3)
    life.add("other")
    for _ in range(6):
        life.wake(minutes=40)


def has_lost_its_first_months(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.add("daily", "every day at 9am")
    life.add("monthly", "every 30 days", max_retries=1)
    for _ in range(100):
        life.wake(days=1)
    for folder in (life.place.archive_dir, life.place.runtime / "runs"):
        for path in sorted(folder.iterdir())[:2]:
            path.unlink()


CLEAN = [
    runs_once,
    asks_to_run_again,
    has_no_executor,
    is_misconfigured,
    recurs,
    recurs_over_a_change_of_the_clock,
    is_overlapped,
    is_cancelled,
    is_cancelled_while_it_runs,
    is_replaced,
    is_put_back,
    is_put_back_by_wakes_that_were_killed_before_they_said_so,
    is_lost,
    changes_its_time,
    is_paused,
    is_copied,
    is_kept_in_a_file,
    comes_from_v1,
    has_not_been_filed,
    has_seen_the_clock_go_back,
    pytest.param(has_lost_its_first_months, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("happens", CLEAN, ids=lambda one: one.__name__)
def test_a_task_that(happens: Callable[..., None], life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda fd: None)
    happens(life, monkeypatch)
    report = life.report()
    assert told(report) == []
    assert report.bad_lines == {}
    archived = life.place.archived()
    assert report.runs >= len(life.place.runs()) > 0
    assert sum(report.ends.values()) >= sum((one.get("stretch") or {}).get("count", 1) for one in archived) > 0


# Planted contradictions


class Planted:
    """A history in which something was completed, failed, was retried, missed, cancelled, and in which some wait."""

    def __init__(self, life: Life) -> None:
        self.life = life
        for name, when in (("plain", "1m"), ("fails", "1m"), ("waits", "9h"), ("called-off", "9h"), ("hourly", "1h")):
            life.add(name, f"every {when}" if name == "hourly" else when, max_retries=1 if name == "fails" else 0)
        life.wake(minutes=2)
        life.client.cancel("called-off")
        life.wake(minutes=8)
        for hours in (1, 1, 4, 1):
            life.wake(hours=hours)
        self.archive = life.place.archive_dir / "deferred_202604.jsonl"
        self.runs = life.place.runtime / "runs" / "runs_202604.jsonl"
        self.store = life.place.store_path

    def change(self, path: Path, how: Callable[[list[Task]], Iterable[Task]]) -> None:
        """Edit a file by hand."""
        lines = [json.dumps(one) for one in how([strict(line) for line in path.read_bytes().splitlines()])]
        path.write_text("".join(f"{line}\n" for line in lines))

    def say(self, action: str, task_id: str, **facts: object) -> None:
        """Add a line to the audit log, of the moment at which it ends."""
        AuditLog(self.life.place.log_path).tell(Event(self.life.now, action, task_id, facts))

    def kinds(self) -> set[tuple[str, str]]:
        return {(one.kind, one.id) for one in self.life.report().contradictions}

    def of(self, path: Path, task_id: str) -> list[Task]:
        return [one for one in records_of(path) if task_id in (one.get("id"), one.get("task_id"))]


@pytest.fixture
def planted(life: Life, monkeypatch: pytest.MonkeyPatch) -> Planted:
    monkeypatch.setattr("os.fsync", lambda fd: None)
    # What is planted may be against the schema, too.
    monkeypatch.setattr(life.place, "check_records", lambda: None)
    made = Planted(life)
    assert told(life.report()) == []
    return made


def without(*which: tuple[str, int]) -> Callable[[list[Task]], list[Task]]:
    """The lines but the n-th ones of some ids."""

    def left(lines: list[Task]) -> list[Task]:
        seen: Counter[str] = Counter()
        kept = []
        for one in lines:
            name = one.get("task_id") or one["id"]
            if (name, seen[name]) not in which:
                kept.append(one)
            seen[name] += 1
        return kept

    return left


def with_change(task_id: str, number: int, /, **fields: Any) -> Callable[[list[Task]], list[Task]]:
    """The lines with other fields in the n-th one of an id."""

    def changed(lines: list[Task]) -> list[Task]:
        mine = [one for one in lines if task_id in (one.get("task_id"), one.get("id"))][number]
        return [{**one, **fields} if one is mine else one for one in lines]

    return changed


def twice(task_id: str, /, **fields: Any) -> Callable[[list[Task]], list[Task]]:
    """The lines and once more the first one of an id, with other fields."""

    def doubled(lines: list[Task]) -> list[Task]:
        mine = next(one for one in lines if task_id in (one.get("task_id"), one.get("id")))
        return [*lines, {**mine, **fields}]

    return doubled


def lost_from_the_store(planted: Planted) -> None:
    planted.change(planted.store, without(("waits", 0)))


def lost_from_the_archive(planted: Planted) -> None:
    planted.change(planted.archive, without(("plain", 0)))


def recurring_lost_from_the_store(planted: Planted) -> None:
    planted.change(planted.store, without(("hourly", 0)))


def an_occurrence_lost(planted: Planted) -> None:
    planted.change(planted.archive, without(("hourly", 1)))


def the_first_occurrence_lost(planted: Planted) -> None:
    planted.change(planted.archive, without(("hourly", 0)))


def the_last_occurrence_lost(planted: Planted) -> None:
    planted.change(planted.archive, without(("hourly", len(planted.of(planted.archive, "hourly")) - 1)))


def a_stretch_counted_wrong(planted: Planted) -> None:
    (number,) = (n for n, one in enumerate(planted.of(planted.archive, "hourly")) if one["status"] == "missed")
    stretch = planted.of(planted.archive, "hourly")[number]["stretch"]
    planted.change(planted.archive, with_change("hourly", number, stretch={**stretch, "count": stretch["count"] + 1}))


def fired_counted_wrong(planted: Planted) -> None:
    rule = planted.of(planted.store, "hourly")[0]["recurrence"]
    planted.change(planted.store, with_change("hourly", 0, recurrence={**rule, "fired": rule["fired"] + 1}))


def filed_twice(planted: Planted) -> None:
    planted.change(planted.archive, twice("plain"))


def two_ends(planted: Planted) -> None:
    planted.change(planted.archive, twice("called-off", status="failed", failed_at="2026-04-08T18:00:00Z"))


def an_occurrence_ended_twice(planted: Planted) -> None:
    planted.change(planted.archive, twice("hourly", attempts=0))


def ended_and_waiting(planted: Planted) -> None:
    line = json.dumps({**planted.of(planted.archive, "called-off")[0], "status": "scheduled"})
    planted.store.write_text(planted.store.read_text() + line + "\n")


def an_occurrence_ended_and_waiting(planted: Planted) -> None:
    over = planted.of(planted.archive, "hourly")[-1]["occurrence"]
    planted.change(planted.store, with_change("hourly", 0, occurrence=over))


def a_run_record_lost(planted: Planted) -> None:
    planted.change(planted.runs, without(("fails", 0)))


def a_run_record_of_an_attempt_that_waits_for_its_retry(planted: Planted) -> None:
    planted.change(planted.store, with_change("waits", 0, attempts=1))


def an_attempt_made_twice(planted: Planted) -> None:
    planted.change(planted.runs, twice("plain", run_id="run_20260408T164800Z_ffffffff", log=None))


def a_number_beyond(planted: Planted) -> None:
    planted.change(planted.runs, twice("plain", run_id="run_20260408T164800Z_ffffffff", attempt=2, log=None))


def a_run_of_nothing(planted: Planted) -> None:
    planted.change(planted.runs, twice("plain", task_id="nobody", run_id="run_20260408T164800Z_ffffffff", log=None))


def a_run_recorded_twice(planted: Planted) -> None:
    planted.change(planted.runs, twice("plain"))


def a_run_after_the_cancel(planted: Planted) -> None:
    one = planted.of(planted.archive, "called-off")[0]
    stamps = {"started_at": text_at(minutes=9), "ended_at": text_at(minutes=9)}
    planted.change(
        planted.runs,
        twice("plain", task_id="called-off", occurrence=one["occurrence"], run_id="r", log=None, **stamps),
    )


def two_at_once(planted: Planted) -> None:
    long = {"started_at": text_at(minutes=2), "duration_ms": 540_000}
    planted.change(planted.runs, with_change("fails", 0, ended_at=text_at(minutes=11), **long))


def started_and_not_recorded(planted: Planted) -> None:
    planted.say("started", "plain", run="run_20260408T164800Z_ffffffff", attempt=1)


def a_cancel_that_was_forgotten(planted: Planted) -> None:
    planted.say("cancelled", "waits")


def scheduled_and_not_there(planted: Planted) -> None:
    planted.say("scheduled", "nobody", run_at="2026-04-09T00:00:00Z", when="9h")


def a_copy_that_is_not_there(planted: Planted) -> None:
    planted.say("run_requested", "plain", copy="task_20260408_235900_ffff")


def a_log_removed(planted: Planted) -> None:
    Path(planted.of(planted.runs, "plain")[0]["log"]).unlink()


def the_log_of_a_failure_removed(planted: Planted) -> None:
    Path(planted.of(planted.runs, "fails")[-1]["log"]).unlink()


def the_log_of_a_retried_attempt_removed(planted: Planted) -> None:
    Path(planted.of(planted.runs, "fails")[0]["log"]).unlink()


PLANTED: dict[Callable[[Planted], None], set[tuple[str, str]]] = {
    lost_from_the_store: {("lost", "waits")},
    lost_from_the_archive: {("lost", "plain"), ("run-without-end", "plain")},
    recurring_lost_from_the_store: {("gone", "hourly")},
    an_occurrence_lost: {("gap", "hourly"), ("run-without-end", "hourly")},
    the_first_occurrence_lost: {("gap", "hourly"), ("run-without-end", "hourly")},
    the_last_occurrence_lost: {("gap", "hourly"), ("run-without-end", "hourly")},
    a_stretch_counted_wrong: {("miscounted", "hourly")},
    fired_counted_wrong: {("miscounted", "hourly")},
    filed_twice: {("ended-twice", "plain"), ("attempt-without-run", "plain")},
    two_ends: {("ended-twice", "called-off")},
    an_occurrence_ended_twice: {("ended-twice", "hourly")},
    ended_and_waiting: {("ended-and-waiting", "called-off")},
    an_occurrence_ended_and_waiting: {("ended-and-waiting", "hourly")},
    a_run_record_lost: {("attempt-without-run", "fails"), ("started-without-run", "fails")},
    a_run_record_of_an_attempt_that_waits_for_its_retry: {("attempt-without-run", "waits")},
    an_attempt_made_twice: {("attempt-twice", "plain")},
    a_number_beyond: {("run-without-end", "plain")},
    a_run_of_nothing: {("run-without-end", "nobody")},
    a_run_recorded_twice: {("run-twice", "plain")},
    a_run_after_the_cancel: {("run-after-cancel", "called-off")},
    two_at_once: {("overlap", "fails")},
    started_and_not_recorded: {("started-without-run", "plain")},
    a_cancel_that_was_forgotten: {("cancel-forgotten", "waits")},
    scheduled_and_not_there: {("lost", "nobody")},
    a_copy_that_is_not_there: {("lost", "task_20260408_235900_ffff")},
    a_log_removed: {("log-gone", "plain")},
    the_log_of_a_failure_removed: {("log-gone", "fails")},
    the_log_of_a_retried_attempt_removed: {("log-gone", "fails")},
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda one: one.__name__)
def test_a_planted_contradiction_is_found(plant: Callable[[Planted], None], planted: Planted) -> None:
    plant(planted)
    assert planted.kinds() == PLANTED[plant]


def test_each_kind_is_planted_and_explained() -> None:
    kinds = {kind for found in PLANTED.values() for kind, _ in found}
    assert kinds == set(contradictions.KINDS)
    explained = (ROOT / "docs" / "records.md").read_text().partition("## Contradictions")[2]
    rows = re.findall(r"^\| `([a-z-]+)` \| \S.+ \|$", explained, re.MULTILINE)
    assert rows == list(contradictions.KINDS)


# What cannot be read, what cannot be known, and what is moved


def test_bad_lines_are_counted_and_fatal_nowhere(planted: Planted) -> None:
    for path in (planted.store, planted.archive, planted.runs, planted.life.place.log_path):
        path.write_bytes(path.read_bytes() + b'no line\n\n[1]\n{"id":5}\n\x00\xff\n{"half')
    odd = {"task_id": "odd", "ended_at": "2026-04-08T16:50:00Z", "attempt": "first"}
    planted.runs.write_bytes(planted.runs.read_bytes() + b"\n" + json.dumps(odd).encode() + b"\n")
    report = planted.life.report()
    assert told(report) == []
    assert report.bad_lines == {
        "deferred.jsonl": 5,
        "archive/deferred_202604.jsonl": 5,
        "runs/runs_202604.jsonl": 6,
        "logs/deferred.log": 5,
    }


def test_what_a_hand_has_made_odd_is_fatal_nowhere(planted: Planted) -> None:
    odd = [
        {"stretch": 5},
        {"stretch": {"first": "never"}},
        {"recurrence": {"expression": "every so often", "anchor": "2026-04-08T16:45:00Z", "tz": "UTC"}},
        {"recurrence": {"expression": 1, "anchor": [], "tz": {}}},
        {"recurrence": {"expression": "every 1h", "anchor": "2026-04-08T16:45:00Z", "tz": "UTC", "fired": "x"}},
        {"result": [], "last_error": 5, "created_at": "once upon a time", "schema_version": "two"},
        {"attempts": 10**12},
    ]
    for number, fields in enumerate(odd):
        planted.change(planted.archive, twice("called-off", id=f"odd-{number}", **fields))
    report = planted.life.report()
    assert {one.id for one in report.contradictions} <= {"odd-6"}
    assert report.bad_lines == {"archive/deferred_202604.jsonl": 5}


def test_without_an_audit_log_nothing_is_held_against_anybody(planted: Planted) -> None:
    planted.life.place.log_path.unlink()
    assert planted.kinds() == set()


def test_a_log_that_is_gone_without_certain_output_is_counted_alone(life: Life) -> None:
    life.add("silent")
    life.add("prompt")
    life.wake(minutes=2)
    (life.place.logs / "silent.prompt.txt").unlink()
    report = life.report()
    assert told(report) == []
    assert (report.logs, report.unlogged) == (1, 1)


def two_seasons(life: Life) -> None:
    """One task that ran on 18 May, and one on 27 June."""
    for name in ("early", "late"):
        life.add(name)
        life.wake(days=40)


def test_a_log_that_another_host_has_is_not_missed(life: Life) -> None:
    life.add("there")
    life.wake(days=1)
    (runs,) = (life.place.runtime / "runs").iterdir()
    runs.write_text(runs.read_text().replace(f'"host":"{holders.host()}"', '"host":"attic"'))
    shutil.rmtree(life.place.logs / "attempts")
    report = life.report()
    assert (told(report), report.runs, report.logs, report.unlogged) == ([], 1, 0, 0)


def test_logs_that_prune_has_removed_are_not_missed(life: Life) -> None:
    two_seasons(life)
    shutil.rmtree(life.place.logs / "attempts")
    life.client.store.prune(Kept(None, moment("2026-06-27T00:00:00Z"), life.now))
    report = life.report()
    assert [(one.kind, one.id) for one in report.contradictions] == [("log-gone", "late")]
    assert (report.logs, report.unlogged, report.pruned) == (0, 1, 1)


def test_records_that_prune_has_removed_are_not_missed(life: Life) -> None:
    two_seasons(life)
    life.client.store.prune(Kept(moment("2026-06-27T00:00:00Z"), None, life.now))
    report = life.report()
    assert (told(report), report.runs, report.ends) == ([], 1, {"completed": 1})


def test_what_prune_removes_meanwhile_is_looked_at_again(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    two_seasons(life)
    take_store = records.History.take_archive

    def prune_first(*args: Any) -> None:
        life.client.store.prune(Kept(moment("2026-06-27T00:00:00Z"), None, life.now))
        take_store(*args)

    monkeypatch.setattr(records.History, "take_archive", prune_first)
    assert (told(life.report()), life.report().runs) == ([], 1)


def test_logs_are_found_where_the_directory_was_moved_to(planted: Planted, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    planted.life.place.runtime.rename(moved)
    client = Client({**planted.life.place.env, "DEFER_RUNTIME_DIR": str(moved)})
    report = recordfiles.history(client.store, client.config).report()
    assert (told(report), report.unlogged) == ([], 0)


def test_a_place_where_nothing_was_recorded_is_left_as_it_is(life: Life) -> None:
    report = life.report()
    assert report == records.Report(None, 0, 0, {}, 0, 0, 0, 0, 0, {}, [], 0)
    assert not life.place.runtime.exists()


def test_a_look_at_a_store_in_use_sees_one_moment(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is settled and filed while the files are read is not in them yet, anywhere."""
    life = planted.life
    life.add("meanwhile")
    life.pass_time(minutes=5)
    taken = records.History.take_store

    def and_then_a_wake(self: records.History, record: Task) -> None:
        monkeypatch.setattr(records.History, "take_store", taken)
        life.wake()
        taken(self, record)

    monkeypatch.setattr(records.History, "take_store", and_then_a_wake)
    report = life.report()
    assert [one["status"] for one in life.place.archived() if one["id"] == "meanwhile"] == ["completed"]
    assert told(report) == []


def test_so_many_contradictions_are_told_and_the_others_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST_TOLD", 2)
    history = records.History(Begin(), lambda _: True)
    run = {"run_id": None, "attempt": 1, "occurrence": text_at(), "started_at": text_at(), "ended_at": text_at()}
    for number in range(5):
        history.take_run({**run, "task_id": f"t{number}"}, "runs")
    report = history.report()
    assert ([one.id for one in report.contradictions], report.more) == (["t0", "t1"], 3)


def test_memory_does_not_grow_with_what_records_hold() -> None:
    history = records.History(Begin(), lambda _: True)
    tracemalloc.start()
    for number in range(1000):
        name, moment = f"task-{number}", text_at(minutes=number)
        one = {**v1_task(name, occurrence=moment, attempts=1), "status": "completed", "completed_at": moment}
        history.take_archive({**one, "prompt": "x" * 50_000, "schema_version": 2}, "archive")
        run = {"run_id": f"run-{number}", "task_id": name, "attempt": 1, "occurrence": moment, "ended_at": moment}
        history.take_run({**run, "error": "x" * 50_000}, "runs")
    report = history.report()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (report.tasks, report.runs, told(report)) == (1000, 1000, [])
    assert peak < 4_000_000


def test_a_zone_whose_rules_have_changed_since_leaves_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine o'clock was worked out at +1 then, and is at +2 by what is known now."""
    history = records.History(Begin(), lambda _: True)
    rule = {"expression": "0 9 * * *", "anchor": "2026-06-01T00:00:00Z", "tz": "Europe/Berlin"}
    for number, hour in enumerate((7, 8, 8, 7)):
        moment = f"2026-06-0{number + 1}T0{hour}:00:00Z"
        one = {"id": "a", "created_at": "2026-06-01T00:00:00Z", "run_at": moment, "occurrence": moment}
        history.take_archive(
            {**one, "status": "cancelled", "cancelled_at": moment, "recurrence": {**rule, "fired": number}}, "archive"
        )
    assert told(history.report()) == []


# The command


def test_the_command_says_it_in_json_and_in_sentences(planted: Planted, tmp_path: Path) -> None:
    place = planted.life.place
    zones = zone_tree(tmp_path / "zones", 0, "# version 2001a", names=("Etc/UTC",))
    place.env.update(PYTHONTZPATH=str(zones), DEFER_TIMEZONE="Etc/UTC")
    done = place.defer("doctor", "--records", "--compact")
    assert (done.returncode, done.stderr) == (0, "")
    assert strict(done.stdout) == {
        "since": "2026-04-08T16:47:00Z",
        "tasks": 5,
        "occurrences": 12,
        "ends": {"cancelled": 1, "completed": 5, "failed": 1, "missed": 3},
        "attempts": 7,
        "runs": 7,
        "logs": 7,
        "unlogged": 0,
        "pruned": 0,
        "bad_lines": {},
        "contradictions": [],
        "more": 0,
        "zone": "Etc/UTC",
        "tzdata": {"version": "2001a", "source": "PYTHONTZPATH"},
    }
    a_run_of_nothing(planted)
    what = "run_20260408T164800Z_ffffffff is of an occurrence that no record tells of"
    done = place.defer("doctor", "--records")
    assert done.returncode == 1
    assert strict(done.stdout)["contradictions"] == [
        {
            "kind": "run-without-end",
            "id": "nobody",
            "occurrence": "2026-04-08T16:46:00Z",
            "what": what,
            "where": "runs/runs_202604.jsonl",
        }
    ]
    done = place.defer("doctor", "--records", "--table")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"run-without-end: nobody of 2026-04-08T16:46:00Z: {what} (runs/runs_202604.jsonl)",
        "1 contradiction in what was recorded, since 08 Apr 2026 16:47.",
        "Tasks: 5; occurrences: 12 (1 cancelled, 5 completed, 1 failed, 3 missed).",
        "Attempts: 7; runs: 8; logs: 7; unlogged: 0.",
        f"Zone: Etc/UTC; tzdata version 2001a, from PYTHONTZPATH ({zones}).",
    ]


def test_records_are_never_mended(place: Place) -> None:
    done = place.defer("doctor", "--records", "--fix")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "defer: --fix mends the installation, and records are never changed (leave out --fix, or --records)\n"
    )


def test_a_busy_store_and_a_failing_disk_are_said(planted: Planted) -> None:
    place = planted.life.place
    lock = place.store_path.with_name(f".{place.store_path.name}.lock")
    with FileLock(lock):
        assert place.defer("doctor", "--records", env={"DEFER_LOCK_TIMEOUT_SECONDS": "0"}).returncode == 75
    planted.archive.unlink()
    planted.archive.mkdir()
    done = place.defer("doctor", "--records")
    assert (done.returncode, done.stdout) == (74, "")
    assert "deferred_202604.jsonl" in done.stderr


# The audit log, read back


@given(st.text(), st.text(min_size=1))
def test_what_was_written_to_the_audit_log_is_read_back(reason: str, task_id: str) -> None:
    line = audit.line(Event(NOW, "cancelled", task_id, {"reason": reason, "attempt": 3}))
    assert audit.parse(line.encode()) == (NOW, "cancelled", {"id": task_id, "reason": reason, "attempt": "3"})


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "2026-04-08T16:45:00Z",
        "2026-04-08T16:45:00Z scheduled id=wa2026-04-08T16:46:00Z started id=b",
        '2026-04-08T16:45:00Z scheduled id=a when="half',
        "then scheduled id=a",
        "2026-04-08T16:45:00Z scheduled id=a\0\0",
    ],
)
def test_half_a_line_of_the_audit_log_is_none(raw: str) -> None:
    assert audit.parse(raw.encode()) is None


def test_a_record_of_a_newer_version_counts_as_a_task(life: Life) -> None:
    newer = {"id": "newer", "run_at": text_at(hours=2), "status": "scheduled", "schema_version": 3, "context": "other"}
    life.place.write_store(newer)
    report = life.report()
    assert (report.tasks, report.bad_lines) == (1, {})
