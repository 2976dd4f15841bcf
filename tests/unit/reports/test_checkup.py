"""The rules of `health`, each on the records that a store, an archive and run records would hold."""

from __future__ import annotations

import json
import os
import tracemalloc
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from defer import instants, process
from defer.client import Client
from defer.notices import outbox
from defer.record import outcome, signature
from defer.record.outcome import Outcome
from defer.record.runs import Run as RunRecord
from defer.reports import healthfiles
from defer.reports.checkup import MOST_TOLD, Checkup
from defer.reports.findings import RULES, Finding
from defer.reports.health import Health
from defer.reports.waiting import Scene
from defer.run import prune
from defer.store.audit import AuditLog
from defer.store.interface import Kept
from defer.wakers import watch
from support import NOW, ROOT, Place, Task, at, text_at, v1_task

pytestmark = pytest.mark.thorough

DAY = timedelta(days=1)
HOURLY = {"expression": "every hour", "tz": "UTC", "anchor": text_at(days=-90), "fired": 9}


class Ward:
    """A runtime directory whose records a test writes, looked at as of ``NOW``."""

    def __init__(self, place: Place) -> None:
        self.place, self.env = place, place.env
        self.store: list[Task] = []
        self.ended: list[Task] = []
        self.runs: list[Task] = []
        self.last_wake: datetime | None = NOW

    def task(self, name: str = "t", **fields: Any) -> Task:
        """One in the store that waits for tomorrow, unless ``fields`` say something else."""
        one = v1_task(name, created_at=text_at(days=-90), run_at=text_at(days=1), schema_version=2, **fields)
        self.store.append(one)
        return one

    def recurring(self, name: str = "t", *, rule: dict[str, Any] | None = None, **fields: Any) -> Task:
        """One that recurs every hour and waits for the next."""
        fields = {"run_at": text_at(minutes=15), "occurrence": text_at(minutes=15), **fields}
        one = {**self.task(name), "recurrence": {**HOURLY, **(rule or {})}, **fields}
        self.store[-1] = one
        return one

    def run(self, name: str = "t", *, ago: timedelta = timedelta(hours=1), **fields: Any) -> Task:
        """An attempt that ended so long ago; a good one of two seconds, unless ``fields`` say something else."""
        ended = NOW - ago
        one = {
            **dict.fromkeys(RunRecord._fields),
            "run_id": f"run_{len(self.runs)}",
            "task_id": name,
            "attempt": 1,
            "status": "ok",
            "started_at": instants.to_text(ended - timedelta(seconds=2)),
            "ended_at": instants.to_text(ended),
            "duration_ms": 2000,
            "exit_code": 0,
            "occurrence": instants.to_text(ended),
            "late_by_seconds": 3,
            **fields,
        }
        self.runs.append(one)
        return one

    def failed_run(self, name: str = "t", error: str = "executor exited with 1: no luck", **fields: Any) -> Task:
        """One that failed."""
        return self.run(
            name, **{"status": "failed", "exit_code": 1, "error_type": "ExecutorFailed", "error": error, **fields}
        )

    def end(
        self, name: str = "t", status: str = "completed", *, ago: timedelta = timedelta(hours=1), **fields: Any
    ) -> Task:
        """An occurrence that ended so long ago."""
        stamp = instants.to_text(NOW - ago)
        one = v1_task(name, run_at=stamp, status=status, schema_version=2, **{f"{status}_at": stamp, **fields})
        self.ended.append(one)
        return one

    def look(self, since: timedelta = DAY, **settings: str) -> Health:
        """What `health` finds."""
        place = self.place
        place.write_store(*self.store)
        for directory, lead, records, key in (
            (place.archive_dir, "deferred", self.ended, None),
            (place.runtime / "runs", "runs", self.runs, "ended_at"),
        ):
            directory.mkdir(mode=0o700, exist_ok=True)
            months: dict[str, list[tuple[str, str]]] = {}
            for one in records:
                ended = one[key] if key else one[f"{one['status']}_at"]
                months.setdefault(ended[:7].replace("-", ""), []).append((ended, json.dumps(one)))
            for month, lines in months.items():
                (directory / f"{lead}_{month}.jsonl").write_text("".join(f"{line}\n" for _, line in sorted(lines)))
        if self.last_wake is not None:
            beat = place.runtime / ".deferred.jsonl.heartbeat"
            beat.touch(mode=0o600)
            os.utime(beat, (self.last_wake.timestamp(),) * 2)
        return healthfiles.health(
            place.store(),
            place.config(settings),
            NOW,
            NOW - since,
            acknowledged=outbox.read(place.config().notices_file).is_acknowledged,
        )

    def only(self, **settings: str) -> Finding:
        """The one thing that is found."""
        (found,) = self.look(**settings).findings
        return found


@pytest.fixture
def ward(place: Place, monkeypatch: pytest.MonkeyPatch) -> Ward:
    """One whose store something wakes by itself."""
    monkeypatch.setattr(watch, "watch", lambda config: watch.Watch(is_seen=True, gone=None))
    return Ward(place)


def last(outcome: str = "failed", failures: int = 1, *, ago: timedelta = timedelta(hours=1), **fields: Any) -> Task:
    stamp = instants.to_text(NOW - ago)
    return {"outcome": outcome, "at": stamp, "reason": "no luck", "failures": failures, "since": stamp, **fields}


def rules_of(found: Health) -> list[tuple[str, str]]:
    return [(one.task, one.id) for one in found.findings]


# Nothing is wrong


def test_nothing_is_well(ward):
    found = ward.look()
    assert (found.findings, found.needs_attention, found.tasks) == ([], False, 0)


def test_a_task_that_goes_well_is_well(ward):
    ward.recurring(last=last("completed", 0, since=None))
    for hour in range(60):
        ward.run(ago=timedelta(hours=hour))
        ward.end(ago=timedelta(hours=hour), result={"type": "executor_output", "output": "3 of 3 are green"})
    found = ward.look()
    assert (found.findings, found.needs_attention, found.worst) == ([], False, None)
    assert (found.window.runs, found.before.runs) == (25, 24)


# failing


def test_failing_says_since_when_and_with_the_same_error(ward):
    ward.recurring(last=last(failures=3, since=text_at(hours=-3)))
    for hour in (1, 2, 3):
        ward.failed_run(ago=timedelta(hours=hour), error=f"executor exited with 1: no space on /mnt/{hour}")
    found = ward.only()
    assert (found.id, found.task, found.since) == ("failing", "t", text_at(hours=-3))
    assert found.what == "has failed 3 times in a row with the same error: executor exited with 1: no space on /mnt/1"
    assert found.evidence["runs"] == ["run_0", "run_1", "run_2"]
    assert found.evidence["signatures"] == [signature.of("executor exited with 1: no space on /mnt/9")]
    assert found.fix == "defer show t"


def test_failing_says_nothing_of_errors_that_were_not_looked_at(ward):
    many = 40
    for name in ("same", "other-before", "mended-between"):
        ward.recurring(name, last=last(failures=many, since=text_at(hours=-many)))
        for hour in range(1, many + 1):
            is_other = name == "other-before" and hour > many / 2
            ward.failed_run(name, ago=timedelta(hours=hour), error="no such host" if is_other else f"disk {hour} full")
    ward.run("mended-between", ago=timedelta(hours=many + 1))
    ward.failed_run("mended-between", ago=timedelta(hours=many + 2), error="no such host")
    ward.recurring("began-before", last=last(failures=many, since=text_at(hours=-many)))
    ward.failed_run("began-before", error="disk full")
    ward.end("over", "failed", error="disk full", last=last(failures=2))
    said = {one.task: one.what.removeprefix("has failed ") for one in ward.look().findings}
    assert said == {
        "same": "40 times in a row with the same error: disk 1 full",
        "other-before": "40 times in a row with different errors: disk 1 full",
        "mended-between": "40 times in a row with the same error: disk 1 full",
        "began-before": "40 times in a row: disk full",
        "over": "2 times in a row: disk full",
    }


def test_failing_leads_to_the_log_only_where_there_is_one(ward):
    ward.place.logs.mkdir(parents=True, mode=0o700)
    log = ward.place.logs / "t.log"
    log.write_text("no luck\n")
    for name, fields in {
        "logged": {"log": str(log)},
        "elsewhere": {"log": "/there/far.log", "host": "attic"},
        "silent": {"log": None},
        "gone": {"log": "/gone/lost.log"},
    }.items():
        ward.recurring(name, last=last(failures=2))
        ward.failed_run(name, **fields)
    ward.recurring("unrecorded", last=last(failures=2))
    for name in ("over", "over-and-silent"):
        ward.end(name, "failed", result={"log_path": str(log)} if name == "over" else {}, last=last(failures=2))
    fixes = {one.task: one.fix for one in ward.look().findings}
    assert fixes == {
        **{name: f"defer log {name}" for name in ("logged", "elsewhere", "over")},
        **{name: f"defer show {name}" for name in ("silent", "gone", "unrecorded", "over-and-silent")},
    }


def test_failing_with_different_errors(ward):
    ward.recurring(last=last(failures=2, since=text_at(hours=-2)))
    ward.failed_run(ago=timedelta(hours=1), error="disk full")
    ward.failed_run(ago=timedelta(hours=2), error="no such host")
    assert ward.only().what == "has failed 2 times in a row with different errors: disk full"


def test_failures_before_the_streak_are_not_part_of_it(ward):
    ward.recurring(last=last(failures=2, since=text_at(hours=-2)))
    ward.failed_run(ago=timedelta(hours=1), error="disk full")
    ward.failed_run(ago=timedelta(hours=2), error="disk full")
    ward.run(ago=timedelta(hours=3))
    ward.failed_run(ago=timedelta(hours=4), error="no such host")
    assert ward.only().evidence["signatures"] == ["disk full"]


def test_a_streak_whose_runs_lie_far_back_is_found_all_the_same(ward):
    ward.recurring(last=last(failures=5, ago=timedelta(days=80)))
    ward.failed_run(ago=timedelta(days=80), error="disk full")
    ward.failed_run("copy", ago=timedelta(days=79), copy_of="t", error="no such host")
    assert ward.only().what == "has failed 5 times in a row with the same error: disk full"


def test_a_streak_of_which_no_run_is_known_says_what_its_record_does(ward):
    ward.recurring("failed", last=last(failures=3))
    ward.recurring("missed", last=last("missed", 2, reason="nothing woke the store"))
    said = {one.task: one.what for one in ward.look().findings}
    assert said["failed"] == "has failed 3 times in a row: no luck"
    assert said["missed"] == "has failed 2 times in a row: nothing was said"


def test_a_paused_task_that_fails_does_not_look_healthy(ward):
    ward.recurring(status="paused", paused_at=text_at(hours=-1), last=last(failures=4))
    found = ward.only()
    assert found.id == "failing"
    assert found.what.endswith("(paused)")


def test_an_occurrence_that_was_missed_does_not_end_a_streak(ward):
    ward.recurring(last=last("missed", 2, since=text_at(hours=-3), reason="nothing woke the store"))
    ward.failed_run(ago=timedelta(hours=2), error="disk full")
    assert "disk full" in ward.only().what


def test_a_copy_that_a_person_ran_and_that_succeeded_ends_it(ward):
    ward.recurring(last=last(failures=3, ago=timedelta(hours=2)))
    ward.run("copy", ago=timedelta(hours=1), copy_of="t")
    assert ward.look().findings == []


def test_a_copy_ends_it_also_when_that_was_before_all_that_is_looked_through(ward):
    ward.recurring(last=last(ago=timedelta(days=5)))
    ward.failed_run(ago=timedelta(days=5))
    ward.run("copy", ago=timedelta(days=4, hours=23), copy_of="t")
    busy(ward, days=6)
    assert ward.look().findings == []


def busy(ward: Ward, days: int) -> None:
    """A task that runs so often that not all runs of so many days are looked through."""
    ward.recurring("busy", last=last("completed", 0, since=None))
    for number in range(1, 500 * days):
        ward.run("busy", ago=days * DAY * number / (500 * days))


def test_a_copy_that_succeeded_before_does_not(ward):
    ward.recurring(last=last(failures=3, ago=timedelta(hours=1)))
    ward.run("copy", ago=timedelta(hours=2), copy_of="t")
    assert ward.only().id == "failing"


# failed, timed-out, blocked


def test_failed_the_latest_occurrence(ward):
    ward.recurring(last=last())
    ward.failed_run()
    found = ward.only()
    assert (found.id, found.what) == ("failed", "failed: executor exited with 1: no luck")
    assert found.fix == "defer run t"


def test_failed_a_task_that_runs_once(ward):
    ward.end("once", "failed", error="no luck", error_type="ExecutorFailed")
    found = ward.only()
    assert (found.id, found.task, found.what) == ("failed", "once", "failed: no luck")


def test_failed_longer_ago_than_the_window_is_over(ward):
    ward.end("once", "failed", ago=timedelta(hours=25), error="no luck")
    assert ward.look().findings == []
    assert rules_of(ward.look(since=2 * DAY)) == [("once", "failed")]


def test_failed_and_done_since_is_over(ward):
    ward.end("once", "failed", ago=timedelta(hours=2), error="no luck")
    ward.end("copy", ago=timedelta(hours=1), copy_of="once", result={"type": "prompt_prepared"})
    assert ward.look().findings == []


def test_failed_and_scheduled_again_under_its_id_waits(ward):
    ward.task("once")
    ward.end("once", "failed", ago=timedelta(hours=2), error="no luck")
    assert ward.look().findings == []


def test_a_copy_that_failed_stands_under_its_original(ward):
    ward.end("copy", "failed", ago=timedelta(hours=1), copy_of="once", error="no luck")
    assert rules_of(ward.look()) == [("once", "failed")]


@pytest.mark.parametrize("recurs", [True, False])
def test_a_copy_that_failed_is_told_although_its_original_goes_on(ward, recurs):
    ward.recurring(last=last("completed", 0, ago=timedelta(hours=2))) if recurs else ward.task()
    ward.end("copy", "failed", ago=timedelta(minutes=5), copy_of="t", error="no luck")
    found = ward.only()
    assert (found.task, found.id, found.what, found.fix) == (
        "t",
        "failed",
        "failed: no luck (run by hand)",
        "defer run t",
    )


def test_a_copy_that_failed_is_not_told_once_the_task_itself_went_well(ward):
    ward.recurring(last=last("completed", 0, ago=timedelta(minutes=5)))
    ward.end(ago=timedelta(minutes=5))
    ward.end("copy", "failed", ago=timedelta(minutes=10), copy_of="t", error="no luck")
    assert ward.look().findings == []


def test_a_copy_that_failed_adds_nothing_to_a_row_of_failures(ward):
    ward.recurring(last=last(failures=3))
    ward.failed_run()
    ward.end("copy", "failed", ago=timedelta(minutes=5), copy_of="t", error="no luck")
    assert rules_of(ward.look()) == [("t", "failing")]


def test_timed_out_recurring_and_once(ward):
    ward.recurring(last=last(), timeout_seconds=60)
    ward.failed_run(status="timeout", error_type="TimeoutError", error="timed out after 60 s", exit_code=-15)
    ward.end("once", "failed", error="timed out after 60 s", error_type="TimeoutError", timeout_seconds=60)
    found = ward.look().findings
    assert [(one.task, one.id) for one in found] == [("once", "timed-out"), ("t", "timed-out")]
    assert [one.fix for one in found] == ["defer run once --timeout 120s", "defer edit t --timeout 120s"]


def test_timed_out_by_hand_may_have_had_another_limit_than_the_task(ward):
    ward.recurring(last=last("completed", 0), timeout_seconds=3600)
    ward.end("copy", "failed", copy_of="t", error="timed out", error_type="TimeoutError", timeout_seconds=60)
    ward.end("copy2", "failed", copy_of="once", error="timed out", error_type="TimeoutError")
    found = {one.task: one.fix for one in ward.look(DEFER_TIMEOUT_SECONDS="90").findings}
    assert found == {"t": "defer run t --timeout 120s", "once": "defer run once --timeout 180s"}


@pytest.mark.parametrize(("error_type", "code"), [("PermissionBlocked", 77), ("ConfigError", 78)])
def test_blocked_names_what_is_missing(ward, error_type, code):
    ward.recurring(last=last())
    ward.failed_run(error_type=error_type, exit_code=code, error=f"executor exited with {code}: may not send mail")
    found = ward.only()
    assert found.id == "blocked"
    assert "may not send mail" in found.what
    assert found.evidence["exit_code"] == code


def test_blocked_again_and_again_is_failing_too(ward):
    ward.recurring(last=last(failures=2))
    ward.failed_run(error_type="PermissionBlocked", exit_code=77, error="may not")
    assert rules_of(ward.look()) == [("t", "failing"), ("t", "blocked")]


def test_blocked_began_when_the_error_did_not_when_the_row_of_failures_did(ward):
    row = {"t": ["PermissionBlocked", "PermissionBlocked", "ExecutorFailed"], "all": ["PermissionBlocked"] * 3}
    for name, errors in row.items():
        ward.recurring(name, last=last(failures=3, since=text_at(hours=-3)))
        for ago, kind in enumerate(errors, 1):
            ward.failed_run(name, ago=timedelta(hours=ago), error_type=kind)
    since = {(one.task, one.id): one.since for one in ward.look().findings}
    assert since == {
        ("t", "failing"): text_at(hours=-3),
        ("t", "blocked"): text_at(hours=-2),
        ("all", "failing"): text_at(hours=-3),
        ("all", "blocked"): text_at(hours=-3),
    }


@pytest.mark.parametrize("failures", [1, 4])
def test_acknowledged_is_silent_until_the_error_is_another(ward, failures):
    ward.recurring(last=last(failures=failures, reason="no space on /mnt/1"))
    ward.failed_run(error="no space on /mnt/1")
    ward.look()
    file, since = ward.place.config().notices_file, text_at(hours=-1)
    outbox.acknowledge(file, "t", since, signature.of("no space on /mnt/2"), NOW)
    found = ward.look()
    assert (found.findings, found.acknowledged, found.needs_attention) == ([], {"t": "no space on /mnt/1"}, False)
    outbox.acknowledge(file, "t", since, signature.of("no such host"), NOW)
    assert ward.only().task == "t"


# overdue


def due(ward: Ward, name: str = "t", **fields: Any) -> Task:
    one = ward.task(name)
    one.update({"run_at": text_at(minutes=-10), **fields})
    return one


def executing(ward: Ward, name: str, **fields: Any) -> Task:
    """One whose runner is this very process, so that it lives."""
    me = process.identity(os.getpid())
    run = {"run_id": "r", "host": os.uname().nodename, "runner": me, "leader": me, "started_at": text_at(minutes=-20)}
    one = ward.task(name)
    one.update({"status": "executing", "attempts": 1, "started_at": text_at(minutes=-20), "run": run, **fields})
    return one


HELD = {
    "slot": ("all 2 slots are taken, by a, b", "defer cancel --kill a"),
    "workspace": ("a has its workspace", "defer cancel --kill a"),
    "foreign holder": ("a has its workspace, held by the runner with pid 5 on host elsewhere", "defer release a"),
    "missing feature": ("the feature telepathy", "defer --version"),
    "held": ("the budget is spent", "defer reschedule t now"),
    "trouble": ("disk full", "defer doctor"),
    "unknown": ("nothing that can be seen holds it", "defer show t"),
}
FOREIGN = {
    "runner": {"pid": 5, "boot": "x", "pid_namespace": "y"},
    "host": "elsewhere",
    "started_at": text_at(hours=-1),
}


@pytest.mark.parametrize("by", HELD)
def test_overdue_names_what_holds_it(ward, by):
    due(ward, workspace="/w")
    if by == "slot":
        executing(ward, "a", started_at=text_at(hours=-1))
        executing(ward, "b")
    elif by == "workspace":
        executing(ward, "a", workspace="/w")
    elif by == "foreign holder":
        executing(ward, "a", workspace="/w", run=FOREIGN)
    elif by == "missing feature":
        ward.store[0]["requires"] = ["telepathy"]
    elif by == "held":
        ward.store[0]["held"] = {"until": text_at(hours=3), "reason": "the budget is spent"}
    elif by == "trouble":
        ward.place.runtime.mkdir(mode=0o700)
        (ward.place.runtime / ".deferred.jsonl.trouble").write_text("disk full\n")
    found = {one.task: one for one in ward.look(DEFER_MAX_PARALLEL="2").findings}["t"]
    what, fix = HELD[by]
    assert (found.id, found.evidence["held_by"], found.fix) == ("overdue", by, fix)
    assert what in found.what


def test_the_trouble_that_slots_out_of_reach_leave_is_mended_by_giving_them_up(ward):
    due(ward)
    executing(ward, "a", run=FOREIGN)
    ward.place.runtime.mkdir(mode=0o700)
    trouble = "every slot is held by an attempt that cannot be reached from here"
    (ward.place.runtime / ".deferred.jsonl.trouble").write_text(trouble)
    found = {one.task: one for one in ward.look(DEFER_MAX_PARALLEL="1").findings}["t"]
    assert (found.evidence["held_by"], found.fix) == ("foreign holder", "defer release a")


ODD = [5, "text", [], [1], {"runner": "x"}, {"runner": {}, "leader": 5, "deadline_at": 7}, True]


@pytest.mark.parametrize("odd", ODD, ids=map(str, ODD))
def test_a_newer_version_may_have_written_anything(ward, odd):
    due(ward, workspace="/w")
    names = ("run", "started_at", "workspace", "copy_of", "session_id", "last", "recurrence", "held", "requires")
    for number in range(3):
        executing(ward, f"newer{number}", schema_version=3, **dict.fromkeys(names, odd), sticky_session=True)
    due(ward, "newer", schema_version=3, **dict.fromkeys(names, odd))
    found = {one.task: one for one in ward.look(DEFER_MAX_PARALLEL="3").findings}
    assert (found["t"].id, found["t"].evidence["held_by"]) == ("overdue", "slot")
    assert found["newer"].evidence["held_by"] == "missing feature"


@pytest.mark.parametrize("odd", [["a"], "text", 5, {"log_path": 5, "count": "x"}, {"log_path": ["x"], "failures": {}}])
@pytest.mark.parametrize("status", ["failed", "completed", "missed", "skipped"])
def test_what_a_newer_version_has_filed_may_be_anything(ward, status, odd):
    names = ("result", "last", "error", "error_type", "recurrence", "stretch", "copy_of", "created_at", "command")
    ward.end(status=status, **dict.fromkeys(names, odd))["schema_version"] = 3
    found = ward.look()
    assert found.window.outcomes == {status: 1}
    assert rules_of(found) == ([("t", "failed")] if status == "failed" else [])


@pytest.mark.parametrize("minutes", [1, 2])
def test_two_minutes_are_not_overdue(ward, minutes):
    due(ward, run_at=text_at(minutes=-minutes))
    assert ward.look().findings == []


def test_without_a_wake_since_it_is_the_waker_that_is_ill(ward):
    due(ward)
    ward.last_wake = at(minutes=-11)
    found = ward.look()
    assert (found.findings, found.scene.is_awake, found.stranded) == ([], False, 1)
    assert found.needs_attention


def test_without_a_wake_what_waits_needs_attention_although_nothing_is_due(ward):
    ward.task()
    ward.last_wake = None
    assert ward.look().needs_attention


def test_wakes_that_cannot_do_their_work_need_attention(ward):
    ward.task()
    ward.look()
    (ward.place.runtime / ".deferred.jsonl.trouble").write_text("disk full\n")
    assert ward.look().needs_attention


@pytest.mark.parametrize("paused", [0, 2])
def test_without_a_wake_and_with_nothing_to_wake_for_nothing_needs_attention(ward, paused):
    for number in range(paused):
        ward.task(f"t{number}", status="paused")
    ward.last_wake = None
    found = ward.look()
    assert (found.needs_attention, found.tasks, found.paused) == (False, paused, paused)


def test_a_concurrent_task_is_not_held_by_its_workspace(ward):
    due(ward, workspace="/w", concurrent=True)
    executing(ward, "a", workspace="/w")
    assert ward.only().evidence["held_by"] == "unknown"


# stuck


def test_stuck_past_its_deadline(ward):
    one = executing(ward, "t")
    one["run"]["deadline_at"] = text_at(minutes=-5)
    found = ward.only()
    assert (found.id, found.fix) == ("stuck", "defer cancel --kill t")
    assert found.what == "has been executing for 5 minutes past its deadline"


def test_stuck_held_by_another_host(ward):
    executing(ward, "t", run=FOREIGN)
    found = ward.only()
    assert (found.id, found.fix) == ("stuck", "defer release t")
    assert "pid 5 on host elsewhere" in found.what


def test_a_runner_in_another_container_that_holds_its_lease_is_not_stuck(ward):
    ward.place.runtime.mkdir(mode=0o700)
    lease = ward.place.store().lease("wake")
    name = lease.take()
    try:
        one = executing(ward, "t", run={**FOREIGN, "lease": name})
        assert ward.look().findings == []
        one["run"]["deadline_at"] = text_at(minutes=-5)
        assert ward.only().fix == "defer cancel --kill t"
    finally:
        lease.release()


def test_what_a_v1_runner_has_begun_is_not_stuck(ward):
    one = executing(ward, "t")
    del one["run"]
    assert ward.look().findings == []


def test_within_its_deadline_it_is_not_stuck(ward):
    one = executing(ward, "t")
    one["run"]["deadline_at"] = text_at(minutes=5)
    assert ward.look().findings == []


# never-ran


def test_never_ran_says_why(ward):
    ward.recurring(rule={"fired": 2}, last=last("missed", 0, reason="nothing woke the store in time (catch-up: none)"))
    found = ward.only()
    assert (found.id, found.fix, found.evidence["passed"]) == ("never-ran", "defer run t", 2)
    assert "nothing woke the store in time" in found.what


def test_never_ran_with_a_limit_that_is_too_short(ward):
    why = "too late: its limit had passed"
    ward.recurring(rule={"fired": 5, "expires_after_seconds": 60}, last=last("missed", 0, reason=why))
    assert ward.only().fix == "defer edit t --expires none"


def test_never_ran_and_due_names_what_holds_it(ward):
    moment = text_at(hours=-5)
    ward.recurring(rule={"fired": 0}, run_at=moment, occurrence=moment, workspace="/w")
    executing(ward, "a", workspace="/w")
    found = ward.only()
    assert (found.id, found.evidence["passed"], found.fix) == ("never-ran", 5, "defer cancel --kill a")


@pytest.mark.parametrize(("every", "passed"), [("every hour", 184), ("every month 1st 9:00", 0)])
def test_never_ran_goes_by_what_was_not_pruned(ward, every, passed):
    """NOW is the 8th of a month, 16:45."""
    ward.recurring(rule={"fired": 2000, "expression": every}, last=last("missed", 0))
    ward.look()
    ward.place.store().prune(Kept(NOW, None, NOW))
    found = ward.look().findings
    assert [one.evidence["passed"] for one in found] == [passed] * bool(passed)
    assert [one.what.partition(",")[0] for one in found] == ["has not run since records begin"] * bool(passed)


def test_never_ran_for_lack_of_a_feature(ward):
    moment = text_at(hours=-5)
    ward.recurring(rule={"fired": 0}, run_at=moment, occurrence=moment, requires=["thermostat"])
    found = ward.only()
    assert (found.id, found.evidence["held_by"]) == ("never-ran", "missing feature")
    assert "thermostat" in found.what


def test_never_ran_does_not_count_one_occurrence(ward):
    ward.recurring(rule={"fired": 1}, last=last("missed", 0))
    assert ward.look().findings == []


def test_never_ran_does_not_count_a_run_of_long_ago(ward):
    ward.recurring(rule={"fired": 100}, last=last("missed", 0))
    ward.run(ago=timedelta(days=80))
    assert ward.look().findings == []


def test_of_hundreds_of_tasks_none_is_said_never_to_have_run_that_has(ward):
    missed = last("missed", 0, ago=timedelta(days=2), since=None)
    for number in range(150):
        ward.recurring(f"weekly{number}", rule={"expression": "every week"}, last=missed)
        ward.run(f"weekly{number}", ago=timedelta(days=9))
    busy(ward, days=9)
    assert ward.look().findings == []


def test_of_hundreds_of_tasks_that_never_ran_each_says_what_is_known(ward):
    for number in range(150):
        ward.recurring(f"hourly{number}", last=last("missed", 0, since=None))
    busy(ward, days=9)
    said = [one.what.split(",")[0] for one in ward.look().findings if one.id == "never-ran"]
    assert (said.count("has never run"), len(said)) == (100, 150)
    assert {one for one in said if one != "has never run"} == {"has not run for 4 days"}


def test_never_ran_is_said_although_a_person_ran_a_copy(ward):
    ward.recurring(rule={"fired": 2}, last=last("missed", 0))
    ward.run("copy", copy_of="t")
    assert ward.only().id == "never-ran"


@pytest.mark.parametrize("status", ["paused", "executing"])
def test_never_ran_is_not_said_of_what_waits_for_nobody(ward, status):
    ward.recurring(rule={"fired": 2}, status=status, last=last("missed", 0))
    assert "never-ran" not in [rule for _, rule in rules_of(ward.look())]


# late


def late_runs(ward: Ward, late: int, of: int, by: int = 301) -> None:
    for number in range(of):
        ward.run(ago=timedelta(minutes=number + 1), late_by_seconds=by if number < late else 300)


@pytest.mark.parametrize(("late", "of", "is_found"), [(1, 10, False), (2, 10, True), (1, 1, True), (0, 5, False)])
def test_late_in_over_a_tenth_of_the_window(ward, late, of, is_found):
    ward.recurring()
    late_runs(ward, late, of)
    assert rules_of(ward.look()) == [("t", "late")] * is_found


def test_late_goes_by_what_the_task_allows(ward):
    ward.recurring(rule={"expires_after_seconds": 7200})
    late_runs(ward, 5, 5, by=7200)
    assert ward.look().findings == []
    late_runs(ward, 1, 1, by=7201)
    assert ward.only().what == "came more than 2 h late in 1 of 6 cases; at worst 2 h"


def test_late_counts_what_was_too_late_to_run(ward):
    rule = {"expires_after_seconds": 3600}
    ward.recurring(rule=rule)
    ward.run()
    stretch = {"first": text_at(hours=-8), "last": text_at(hours=-6), "count": 3}
    ward.end(status="missed", stretch=stretch, reason="too late", recurrence={**HOURLY, **rule})
    assert ward.only().what == "came more than 60 min late in 3 of 4 cases"


@pytest.mark.parametrize(("slots", "is_crowded"), [("2", True), ("3", False)])
def test_late_says_that_it_waited_for_a_slot(ward, slots, is_crowded):
    ward.recurring()
    ward.run(ago=timedelta(minutes=10), late_by_seconds=1200, started_at=text_at(minutes=-11))
    for number in range(2):
        ward.run(f"long{number}", ago=timedelta(minutes=12), started_at=text_at(hours=-2))
    found = ward.only(DEFER_MAX_PARALLEL=slots)
    assert found.fix == ("defer history t" if is_crowded else "defer doctor")
    assert found.what == "came 20 min late" + "; all 2 slots were taken (DEFER_MAX_PARALLEL)" * is_crowded


def test_late_of_a_task_that_runs_once(ward):
    ward.run("once", late_by_seconds=4000)
    assert rules_of(ward.look()) == [("once", "late")]


# slow


def durations(ward: Ward, *seconds: float) -> None:
    """Runs that took so long, the latest first."""
    for number, one in enumerate(seconds):
        ward.run(ago=timedelta(hours=number + 1), duration_ms=round(one * 1000))


@pytest.mark.parametrize(("now", "is_found"), [(31, True), (30, False)])
def test_slow_is_three_times_as_long_as_before(ward, now, is_found):
    ward.recurring()
    durations(ward, *[now] * 5, *[10] * 20)
    found = ward.look().findings
    assert [one.what for one in found] == ["takes 31 s now, and took 10 s before"] * is_found


def test_slow_goes_by_medians(ward):
    ward.recurring()
    durations(ward, 10, 90, 10, 90, 10, *[10] * 20)
    assert ward.look().findings == []


def test_slow_looks_past_the_window(ward):
    ward.recurring()
    for day in range(25):
        ward.run(ago=timedelta(days=day, hours=1), duration_ms=60_000 if day < 5 else 10_000)
    found = ward.only()
    assert (found.id, found.fix) == ("slow", "defer history t")


def test_slow_needs_something_to_go_by(ward):
    ward.recurring()
    durations(ward, *[60] * 5, *[10] * 4)
    assert ward.look().findings == []


def test_slow_does_not_count_what_nobody_notices(ward):
    ward.recurring()
    durations(ward, *[0.5] * 5, *[0.1] * 20)
    assert ward.look().findings == []


@pytest.mark.parametrize(("took", "is_found"), [(54, True), (53, False)])
def test_slow_is_nearly_the_time_limit(ward, took, is_found):
    ward.recurring(timeout_seconds=60)
    durations(ward, *[took] * 5)
    assert [one.fix for one in ward.look().findings] == ["defer edit t --timeout 120s"] * is_found


def test_slow_goes_by_the_settings_where_the_task_names_no_limit(ward):
    ward.recurring()
    durations(ward, *[54] * 5)
    assert ward.look(DEFER_TIMEOUT_SECONDS="60").findings[0].id == "slow"
    assert ward.look(DEFER_TIMEOUT_SECONDS="0").findings == []


def test_slow_does_not_count_failures(ward):
    ward.recurring(timeout_seconds=60)
    ward.failed_run(duration_ms=60_000, status="timeout", error_type="TimeoutError")
    assert ward.look().findings == []


# empty


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        " \n",
        "On it!",
        "I'm on it.",
        "Sure, I'll take a look at the logs now.",
        "On it! I will get back to you.",
        "Let me check that…",
        "Hello! How can I help you today?",
        "Which branch do you mean?",
        "I’ll get started.",
    ],
)
def test_empty_is_an_agent_that_went_home(ward, said):
    result = {"type": "executor_output", "output": said} if said is not None else {"type": "executor_output"}
    ward.end("once", result=result)
    assert rules_of(ward.look()) == [("once", "empty")]


def test_empty_gives_the_log_only_where_it_can_be_read(ward):
    log = ward.place.logs / "there.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("On it!\n")
    for name, path in {"there": str(log), "pruned": "/gone/pruned.log", "silent": None}.items():
        ward.end(name, result={"type": "executor_output", "output": "On it!" if path else "", "log_path": path})
    fixes = {one.task: one.fix for one in ward.look().findings}
    assert fixes == {"there": "defer log there", "pruned": "defer show pruned", "silent": "defer show silent"}


@pytest.mark.parametrize(
    "said",
    [
        "done",
        "OK",
        "3 of 3 tests pass.",
        "I'll note two things: the tests pass, and the build is green.",
        "Sure, the build is green.",
        "On it!\nThe build is green.",
        "Which tests fail? None: all are green.",
    ],
)
def test_empty_is_not_said_of_an_answer(ward, said):
    ward.end("once", result={"type": "executor_output", "output": said})
    assert ward.look().findings == []


@pytest.mark.parametrize(
    "fields",
    [
        {"command": "true", "result": {"type": "executor_output", "output": ""}},
        {"result": {"type": "prompt_prepared"}},
        {"result": {"type": "executor_output", "output": "", "summary": "three files changed"}},
        {"result": {"type": "executor_output", "output": "", "log_path": "/somewhere"}},
    ],
    ids=["a command", "a reminder", "a summary", "printed as errors"],
)
def test_empty_is_not_said_of(ward, fields):
    ward.end("once", **fields)
    assert ward.look().findings == []


def test_empty_goes_by_the_latest(ward):
    ward.recurring(last=last("completed", 0))
    ward.end(ago=timedelta(hours=2), result={"type": "executor_output", "output": ""})
    ward.end(ago=timedelta(hours=1), result={"type": "executor_output", "output": "all green"})
    assert ward.look().findings == []


# unlogged


def test_unlogged_is_output_whose_log_is_gone(ward):
    ward.recurring()
    kept = ward.place.runtime / "kept.log"
    kept.parent.mkdir(mode=0o700)
    kept.write_text("x")
    ward.run(log=str(kept), log_bytes=1)
    ward.run(log="/gone/a.log", log_bytes=5)
    ward.run(log=None, log_bytes=0)
    found = ward.look()
    assert rules_of(found) == [("t", "unlogged")]
    assert found.findings[0].evidence["runs"] == ["run_1"]
    assert found.window.as_json()["log_backing"] == 0.5


def test_unlogged_of_a_task_that_is_over(ward):
    ward.run("once", log="/gone/a.log", log_bytes=5)
    assert rules_of(ward.look()) == [("once", "unlogged")]


def test_unlogged_is_not_said_of_what_another_host_has(ward):
    ward.recurring()
    ward.run(log="/there/a.log", log_bytes=5, host="attic")
    found = ward.look()
    assert (found.findings, found.window.as_json()["log_backing"]) == ([], None)


def test_unlogged_does_not_count_what_was_pruned(ward):
    logs = ward.place.logs / "attempts" / "t"
    logs.mkdir(parents=True, mode=0o700)
    names = [f"run_{at(days=-days):%Y%m%dT%H%M%SZ}_62b8af28" for days in (6, 4)]
    for name, days in zip(names, (6, 4), strict=True):
        (logs / f"{name}.log").write_text("x")
        ward.run(ago=timedelta(days=days), run_id=name, log=str(logs / f"{name}.log"), log_bytes=1)
    ward.recurring()
    assert ward.look(7 * DAY).window.as_json()["log_backing"] == 1
    store, config = ward.place.store(), ward.place.config()
    prune.prune(store, config, AuditLog(config.log_file), NOW, timedelta(days=5))
    assert [one.name for one in logs.iterdir()] == [f"{names[1]}.log"]
    found = ward.look(7 * DAY)
    assert (found.findings, found.window.runs, found.window.as_json()["log_backing"]) == ([], 2, 1)
    (logs / f"{names[1]}.log").unlink()
    (lost,) = ward.look(7 * DAY).findings
    assert (lost.id, lost.evidence["runs"]) == ("unlogged", [names[1]])


# The order, and all together


def test_the_worst_task_comes_first_and_what_is_wrong_with_one_stands_together(ward):
    ward.recurring("slow")
    for number in range(25):
        ward.run("slow", ago=timedelta(hours=number), duration_ms=60_000 if number < 5 else 10_000)
    ward.recurring("thrice", last=last(failures=3))
    ward.recurring("twice", last=last(failures=2))
    ward.run("twice", late_by_seconds=4000)
    stuck = executing(ward, "stuck")
    stuck["run"]["deadline_at"] = text_at(hours=-1)
    found = rules_of(ward.look())
    assert found == [
        ("stuck", "stuck"),
        ("thrice", "failing"),
        ("twice", "failing"),
        ("twice", "late"),
        ("slow", "slow"),
    ]


@pytest.mark.parametrize(
    ("budget", "what"),
    [
        ("100", None),
        ("60", "of the day has used 48.00 of 60 USD"),
        ("48", "of the day has used 48.00 of 48 USD; tasks of agents wait until the day ends"),
    ],
)
def test_costly_is_a_day_that_has_used_up_four_fifths_of_its_budget(place, budget, what):
    month = place.runtime / "runs" / "runs_202604.jsonl"
    month.parent.mkdir(parents=True)
    with month.open("w") as file:
        for number, (cost, at) in enumerate([(500.0, "2026-04-07T21:59:59Z"), (48.0, "2026-04-07T22:00:00Z")]):
            ended = outcome.run_record(v1_task("x"), Outcome("ok", exit_code=0, usage={"cost_usd": cost}), NOW)
            file.write(json.dumps({**ended, "run_id": f"run_{number}", "attempt": 1, "ended_at": at}) + "\n")
    settings = {"DEFER_BUDGET_USD_PER_DAY": budget, "DEFER_TIMEZONE": "Europe/Berlin"}
    client = Client({**place.env, **settings}, clock=lambda: NOW)
    found = [(one.id, one.task, one.what) for one in client.health(NOW - DAY).findings]
    assert found == ([] if what is None else [("costly", "budget", what)])


def test_every_rule_has_a_test_and_a_line():
    text, tests = (ROOT / "references" / "health.md").read_text(), Path(__file__).read_text()
    for rule in RULES:
        assert f"| `{rule}` |" in text
        assert f"def test_{rule.replace('-', '_')}_" in tests


def test_hundreds_of_findings_are_counted(ward):
    for number in range(1100):
        ward.end(f"t{number}", "failed", error="no luck")
    found = ward.look()
    assert (len(found.findings), found.more) == (1000, 100)


@pytest.mark.slow
def test_a_run_costs_a_few_bytes_whatever_its_record_holds():
    checkup = Checkup(
        NOW,
        NOW - DAY,
        0,
        is_there=lambda path: False,
        host="here",
        look_up=lambda task_id, since: [],
        acknowledged=lambda record: False,
        kept=Kept(None, None, None),
    )
    bare = RunRecord(**dict.fromkeys(RunRecord._fields))
    ended = {"status": "failed", "failed_at": text_at(hours=-1), "run_at": text_at(hours=-1), "error": "x" * 10_000}
    count = 50_000
    tracemalloc.start()
    for number in range(count):
        said = {"task_id": f"once_{number}", "started_at": at(hours=-2), "ended_at": at(hours=-1), "duration_ms": 5}
        late = {"late_by_seconds": 4000, "status": "failed", "error": "y" * 10_000, "log": "/gone", "log_bytes": 5}
        checkup.take_run(bare._replace(**said, **late))
        checkup.take_ended({"id": f"once_{number}", **ended})
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < count * 200 + MOST_TOLD * 20_000
    found = checkup.report(Scene(NOW, NOW, None, None, 4, [], frozenset()))
    assert (len(found.findings), found.window.runs, found.window.unlogged) == (MOST_TOLD, count, count)


def test_the_totals_stand_beside_those_of_the_window_before(ward):
    ward.recurring()
    usage = {"input_tokens": 100, "output_tokens": 20, "cost_usd": 0.5}
    for number in range(10):
        ward.run(ago=timedelta(hours=1, minutes=number), duration_ms=1000 * (number + 1), usage=usage)
    ward.failed_run(ago=timedelta(hours=30), usage={"input_tokens": 7})
    ward.end(ago=timedelta(hours=1), result={"type": "prompt_prepared"})
    ward.end("x", "skipped", stretch={"first": text_at(hours=-3), "last": text_at(hours=-2), "count": 2})
    found = ward.look()
    window, before = found.window.as_json(), found.before.as_json()
    assert (window["runs"], window["failed"], window["failure_rate"]) == (10, 0, 0.0)
    assert window["duration_ms"] == {"median": 5500, "p95": 10_000}
    assert window["late_by_seconds"] == {"median": 3, "p95": 3}
    assert (window["tokens"], window["cost_usd"]) == ({"input": 1000, "output": 200}, 5.0)
    assert window["outcomes"] == {"completed": 1, "skipped": 2}
    assert (before["runs"], before["failed"], before["failure_rate"]) == (1, 1, 1.0)
    assert before["tokens"] == {"input": 7, "output": 0}


def test_the_worst_task_is_named(ward):
    for name, failures in (("a", 1), ("b", 3)):
        ward.recurring(name)
        for number in range(4):
            (ward.failed_run if number < failures else ward.run)(name, ago=timedelta(hours=number + 1))
    assert ward.look().worst == {"task": "b", "runs": 4, "failed": 3, "failure_rate": 0.75}


def test_metrics_know_when_each_task_last_succeeded_and_count_from_the_month_on(ward):
    ward.recurring("ill", last=last(failures=2, since=text_at(days=-3)))
    ward.failed_run("ill", ago=timedelta(days=3))
    ward.run("ill", ago=timedelta(days=4))
    ward.run("copy", ago=timedelta(days=2), copy_of="ill")
    ward.recurring("fine", last=last("completed", 0, since=None))
    ward.recurring("new")
    ward.end("fine", ago=timedelta(days=7))
    ward.end("fine", ago=timedelta(days=9))
    ward.look()
    found = healthfiles.health(ward.place.store(), ward.place.config(), NOW, NOW - DAY, for_metrics=True)
    assert found.successes == {"ill": at(days=-4), "fine": at(hours=-1)}
    assert found.counted is not None
    assert (found.counted.outcomes["completed"], found.counted.runs) == (1, 3)


def test_metrics_know_of_hundreds_of_tasks_when_each_last_succeeded(ward):
    for number in range(150):
        ward.recurring(f"ill{number}", last=last())
        ward.failed_run(f"ill{number}")
        ward.run(f"ill{number}", ago=timedelta(hours=2))
    ward.look()
    found = healthfiles.health(ward.place.store(), ward.place.config(), NOW, NOW - DAY, for_metrics=True)
    assert found.successes == {f"ill{number}": at(hours=-2) for number in range(150)}


def test_what_a_person_cancelled_is_not_a_failure(ward):
    ward.failed_run(error_type="Cancelled")
    assert ward.look().window.failed == 0


def test_the_client_says_the_same(place):
    client = Client(place.env, clock=lambda: NOW)
    assert client.health(NOW - DAY).as_json()["attention"] is False
