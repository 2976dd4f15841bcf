"""Recurring tasks through the real store and the real runner, the clock alone being the test's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cronsim import CronSim

import simulated_year
from defer import instants
from defer.client import Client
from defer.run.wake import Runner
from defer.scheduling.plan import Request
from simulated_year import ZONES, World
from support import Place, Task, patient, quoted, strict, until
from support import moment as at

pytestmark = pytest.mark.thorough

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def said(records: list[Task]) -> list[tuple[str, str, int]]:
    return [(one["status"], one["occurrence"], one.get("stretch", {}).get("count", 1)) for one in records]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, MORNING)


# A year


@pytest.mark.slow
@pytest.mark.parametrize("rough", [False, True], ids=["a smooth year", "a rough year"])
def test_a_year_in_three_zones_accounts_for_each_occurrence_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rough: bool
) -> None:
    """On Sundays, when clocks are changed: in the gap, in the fold, and beside them."""
    # A disk at work elsewhere would make minutes of it; what power loss does is shown in tests/crash.
    monkeypatch.setattr("os.fsync", lambda fd: None)
    fields = "30 1,2 * * 0"
    found = simulated_year.year(tmp_path, fields, 2026, rough=rough)
    assert found.keys() == set(ZONES)
    for zone, one in found.items():
        assert one.not_once == [], zone
        assert one.accounted == one.expected, zone
        assert one.expected >= 103, zone
        if rough:
            assert one.statuses["missed"] > 0, zone
        else:
            assert one.statuses == {"completed": one.expected}


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/Berlin", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-10-25T01:00:00Z"),
        ("America/New_York", "2026-03-08T07:00:00Z"),
        ("America/New_York", "2026-11-01T06:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ],
)
def test_around_a_change_of_the_clock_nothing_runs_twice_or_is_lost(tmp_path: Path, zone: str, change: str) -> None:
    start, end = at(change) - timedelta(hours=3), at(change) + timedelta(hours=3)
    world = World(tmp_path, start)
    for task_id, fields in (("half-hours", "*/30 * * * *"), ("hours", "15 * * * *"), ("fixed", "30 1,2 * * *")):
        world.add(fields, task_id, tz=zone)
    world.add("every day at 2:30", "daily", tz=zone)
    world.run_until(end, lambda: timedelta(seconds=5))
    for task_id, fields in (("half-hours", "*/30 * * * *"), ("hours", "15 * * * *"), ("fixed", "30 1,2 * * *")):
        seen = [one["occurrence"] for one in world.records(task_id)]
        assert seen == simulated_year.fires(fields, zone, start, end), task_id
    assert len(world.records("daily")) == 1
    assert [one["occurrence"] for one in world.records("half-hours")] == [
        instants.to_text(start + number * timedelta(minutes=30)) for number in range(1, 12)
    ]


def test_the_oracle_would_see_what_is_wrong() -> None:
    expected = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]
    once = [{"status": "completed", "occurrence": fire} for fire in expected]
    stretch = {"first": expected[0], "last": expected[1], "count": 2}
    missed = {"status": "missed", "occurrence": expected[0], "stretch": stretch}
    assert simulated_year.figures(once, expected) == (3, 3, [], {"completed": 3})
    assert simulated_year.figures([missed, once[2]], expected) == (3, 3, [], {"completed": 1, "missed": 2})
    assert simulated_year.figures(once[:2], expected).not_once == [expected[2]]
    assert simulated_year.figures([*once, once[0]], expected).not_once == [expected[0]]
    assert simulated_year.figures([*once, {"status": "completed", "occurrence": "x"}], expected).not_once
    assert simulated_year.figures([{**missed, "stretch": {**stretch, "count": 3}}, once[2]], expected).not_once


# Downtime


def test_a_month_without_a_wake_is_one_record_one_run_and_little_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [0]
    following = CronSim.__next__

    def counted(self: CronSim) -> datetime:
        steps[0] += 1
        return following(self)

    monkeypatch.setattr(CronSim, "__next__", counted)
    _, counts, records = simulated_year.downtime(tmp_path)
    assert said(records) == [("missed", "2026-03-01T00:01:00Z", 44639), ("completed", "2026-04-01T00:00:00Z", 1)]
    assert records[0]["stretch"]["last"] == "2026-03-31T23:59:00Z"
    assert records[0]["reason"] == "nothing woke the store in time (catch-up: one)"
    assert (counts["started"], counts["completed"], counts["missed"]) == (1, 1, 44639)
    # Days near a change of the clock are walked, of the others none.
    assert steps[0] < 44_640 / 3


@pytest.mark.parametrize("bounds", [{"times": 2}, {"until": "2 days"}], ids=["count", "until"])
def test_what_is_still_of_use_is_run_within_the_bounds_of_the_task_only(world: World, bounds: dict[str, Any]) -> None:
    """Of five days off the last is of use still; by then the task was over."""
    world.add("every day at 9am", "job", catch_up="all", expires="30h", **bounds)
    world.now += timedelta(days=5, hours=2)
    assert world.wake()["started"] == 0
    assert said(world.records("job")) == [("missed", "2026-03-02T09:00:00Z", 2)]
    assert list(world.client.tasks()) == []
    assert world.contradictions() == []


def test_a_count_ends_a_task_in_the_middle_of_what_it_missed(world: World) -> None:
    world.add("* * * * *", "job", times=1000, catch_up="none")
    world.now += timedelta(days=31)
    assert world.wake()["started"] == 0
    (missed,) = world.records("job")
    assert missed["stretch"] == {"first": "2026-03-02T08:01:00Z", "last": "2026-03-03T00:40:00Z", "count": 1000}
    assert list(world.client.tasks()) == []


POLICIES: dict[str, tuple[dict[str, Any], list[tuple[str, str, int]]]] = {
    "one": ({}, [("missed", "2026-03-02T09:00:00Z", 3), ("completed", "2026-03-05T09:00:00Z", 1)]),
    "none": ({"catch_up": "none"}, [("missed", "2026-03-02T09:00:00Z", 4)]),
    "all": ({"catch_up": "all"}, [("completed", f"2026-03-0{day}T09:00:00Z", 1) for day in (2, 3, 4, 5)]),
    "of use for a day": (
        {"catch_up": "all", "expires": "30h"},
        [
            ("missed", "2026-03-02T09:00:00Z", 2),
            ("completed", "2026-03-04T09:00:00Z", 1),
            ("completed", "2026-03-05T09:00:00Z", 1),
        ],
    ),
    "of use for an hour": ({"expires": "1h"}, [("missed", "2026-03-02T09:00:00Z", 4)]),
}


@pytest.mark.parametrize("policy", POLICIES)
def test_three_days_without_a_wake(world: World, policy: str) -> None:
    fields, expected = POLICIES[policy]
    world.add("every day at 9am", "job", **fields)
    world.now = at("2026-03-05T12:00:00Z")
    world.wake()
    assert said(world.records("job")) == expected
    (waiting,) = world.client.tasks()
    assert waiting["run_at"] == "2026-03-06T09:00:00Z"
    assert world.wake()["started"] == 0
    late = [run.late_by_seconds for run in world.client.runs("job")]
    hours_late = {"2026-03-02": 75, "2026-03-03": 51, "2026-03-04": 27, "2026-03-05": 3}
    done = [hours_late[fire[:10]] * 3600 for status, fire, _ in expected if status == "completed"]
    assert late == done[::-1]


def test_a_task_that_runs_once_is_run_late_or_expires(world: World) -> None:
    world.add("1h", "late")
    world.add("1h", "useless", expires="2h")
    world.now += timedelta(days=1)
    counts = world.wake()
    assert (counts["completed"], counts["expired"]) == (1, 1)
    (useless,) = world.records("useless")
    assert (useless["status"], useless["error_type"]) == ("failed", "Expired")
    (run,) = world.client.runs("late")
    assert run.late_by_seconds == 23 * 3600


# In the place of a user, with executors


@pytest.fixture
def client(place: Place) -> Client:
    return Client(place.env, clock=lambda: MORNING)


@pytest.fixture
def add(client: Client) -> Callable[..., Task]:
    def add(when: str, **fields: Any) -> Task:
        context = {"summary": "work"}
        (stored,) = client.add([client.plan(Request(when=when, context=context, task_id="job", **fields))])
        return stored

    return add


def wake(place: Place, moment: datetime, pace: timedelta = timedelta(0)) -> dict[str, int]:
    """One wake at ``moment``, during which the clock goes on by ``pace`` whenever it is looked at."""
    now = [moment]

    def clock() -> datetime:
        now[0] += pace
        return now[0]

    runner = Runner(place.store(), place.config(), Client(place.env).audit, clock)
    runner.wake()
    return runner.counts


def test_a_failing_occurrence_has_its_own_retries_and_then_the_next_one_comes(place: Place, add: Any) -> None:
    add("every day at 9am", max_retries=1, executor=place.executor('echo "$DEFER_ATTEMPT"; exit 1'))
    for day in (2, 3):
        wake(place, at(f"2026-03-0{day}T09:00:00Z"))
        assert place.task("job")["run_at"] == f"2026-03-0{day}T09:01:00Z"
        wake(place, at(f"2026-03-0{day}T09:01:00Z"))
    assert said(place.archived()) == [("failed", "2026-03-02T09:00:00Z", 1), ("failed", "2026-03-03T09:00:00Z", 1)]
    assert [(run["occurrence"][8:10], run["attempt"]) for run in place.runs()] == [
        ("02", 1),
        ("02", 2),
        ("03", 1),
        ("03", 2),
    ]
    waiting = place.task("job")
    assert (waiting["status"], waiting["attempts"], waiting["run_at"]) == ("scheduled", 0, "2026-03-04T09:00:00Z")


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("skip", [("completed", "2026-03-02T09:00:00Z", 1), ("skipped", "2026-03-02T09:10:00Z", 5)]),
        (
            "queue",
            [
                ("completed", "2026-03-02T09:00:00Z", 1),
                ("skipped", "2026-03-02T09:10:00Z", 4),
                ("completed", "2026-03-02T09:50:00Z", 1),
            ],
        ),
    ],
)
def test_what_comes_while_one_runs(place: Place, add: Any, overlap: str, expected: list[Any]) -> None:
    go = place.base / "go"
    add("*/10 9-23 * * *", overlap=overlap, executor=place.executor(f"until [ -e {quoted(go)} ]; do sleep 0.02; done"))
    moment = at("2026-03-02T09:00:00Z")

    def clock() -> datetime:
        """Nine o'clock until the attempt runs; 9:55 from then on."""
        if place.store_path.exists() and b'"leader"' in place.store_path.read_bytes():
            go.touch()
            return moment + timedelta(minutes=55)
        return moment

    Runner(place.store(), place.config(), Client(place.env).audit, clock).wake()
    assert said(place.archived())[: len(expected)] == expected
    assert "came while another occurrence ran" in place.archived()[1]["reason"]
    assert place.task("job")["run_at"] == "2026-03-02T10:00:00Z"


def test_what_comes_while_one_waits_for_its_retry_is_skipped(place: Place, add: Any) -> None:
    env = {"DEFER_RETRY_DELAY_SECONDS": "1800"}
    add("*/10 * * * *", max_retries=1, executor=place.executor("exit 1"))
    place.wake_at(at("2026-03-02T08:10:00Z"), env)
    assert place.wake_at(at("2026-03-02T08:20:00Z"), env)["started"] == 0
    place.wake_at(at("2026-03-02T08:40:00Z"), env)
    assert said(place.archived()) == [("failed", "2026-03-02T08:10:00Z", 1), ("skipped", "2026-03-02T08:20:00Z", 3)]


def test_what_was_never_run_is_told_once_in_the_log_and_not_to_whoever_reads_crons_mail(
    place: Place, add: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    add("every day at 9am", catch_up="none")
    counts = wake(place, at("2026-03-05T12:00:00Z"))
    assert counts["missed"] == 4
    (line,) = place.audit("archived")
    assert line.endswith(
        ' archived id=job status=missed reason="nothing woke the store in time (catch-up: none)" count=4'
    )
    assert capfd.readouterr() == ("", "")


def test_a_resumed_task_does_not_make_up_for_anything(place: Place, add: Any, client: Client) -> None:
    add("* * * * *", catch_up="all")
    client.editor.pause("job")
    moment = MORNING + timedelta(days=2, seconds=30)
    assert wake(place, moment)["started"] == 0
    Client(place.env, clock=lambda: moment).editor.resume("job")
    assert wake(place, moment)["started"] == 0
    assert said(place.archived()) == [("skipped", "2026-03-02T08:01:00Z", 2880)]
    assert wake(place, moment + timedelta(seconds=30))["started"] == 1


def test_run_is_beside_the_schedule_and_does_not_shift_it(place: Place, add: Any, client: Client) -> None:
    before = add("every 2h", executor=place.executor("cat >/dev/null; echo done"))
    copy = client.editor.run_now("job")
    assert wake(place, MORNING)["completed"] == 1
    assert place.task("job") == before
    (filed,) = place.archived()
    assert (filed["id"], filed["copy_of"], filed["result"]["output"]) == (copy["id"], "job", "done")
    wake(place, MORNING + timedelta(hours=2))
    assert [(one["id"], one["occurrence"]) for one in place.archived()][1:] == [("job", "2026-03-02T10:00:00Z")]


def test_a_copy_waits_for_the_attempt_that_is_under_way(place: Place) -> None:
    ledger, go = place.base / "ledger", place.base / "go"
    body = f"echo begin >>{quoted(ledger)}; until [ -e {quoted(go)} ]; do sleep 0.02; done; echo end >>{quoted(ledger)}"
    place.schedule("now", "x", "--id", "x", "--executor", place.executor(body))
    runner = place.start("run-deferred.sh")
    until(ledger.exists, "the attempt")
    copy = strict(place.defer("run", "x", "--compact").stdout)
    assert place.store().find("x")["status"] == "executing"
    place.wake()
    assert (place.task(copy["id"])["status"], place.task("x")["status"]) == ("scheduled", "executing")
    go.touch()
    assert runner.wait() == 0
    place.wake()
    assert ledger.read_text().split() == ["begin", "end", "begin", "end"]
    assert sorted(one["id"] for one in place.archived()) == sorted(["x", copy["id"]])


def test_a_copy_of_a_files_task_has_its_env(place: Place) -> None:
    tasks = place.home / "tasks"
    tasks.mkdir()
    (tasks / "job.yml").write_text('schedule: "every day at 9am"\ncommand: echo "$WHO"\nenv: {WHO: a large fern}\n')
    done = place.defer("sync", str(tasks))
    assert done.returncode == 0, done.stderr
    assert place.defer("run", "job").returncode == 0
    place.wake()
    (filed,) = place.archived()
    assert (filed["status"], filed["result"]["output"]) == ("completed", "[masked]"), filed
    place.defer("sync", str(tasks))
    assert [one["id"] for one in place.archived()] == [filed["id"]]
    assert "a fern" not in place.store_path.read_text()


def test_a_lost_attempt_ends_its_occurrence_and_the_task_goes_on(place: Place, add: Any) -> None:
    add("every day at 9am", executor=place.executor("exit 0"))
    moment = at("2026-03-02T09:00:00Z")
    store = place.store()
    gone = {"pid": 2**22 + 1, "start": "0", "boot": None, "pid_namespace": None}
    store.update(
        "job",
        moment,
        lambda one: {
            **one,
            "status": "executing",
            "attempts": 1,
            "started_at": "2026-03-02T09:00:00Z",
            "run": {"run_id": "r", "runner": gone, "leader": gone, "attempt": 1, "occurrence": one["occurrence"]},
        },
    )
    wake(place, at("2026-03-03T12:00:00Z"))
    assert said(place.archived()) == [("failed", "2026-03-02T09:00:00Z", 1), ("completed", "2026-03-03T09:00:00Z", 1)]
    assert [run["status"] for run in place.runs()] == ["lost", "ok"]


# Cancelling what runs, with real processes


@pytest.mark.parametrize("only", [False, True], ids=["the task", "the occurrence"])
def test_cancelling_what_runs(place: Place, only: bool) -> None:
    begun = place.base / "begun"
    executor = place.executor(f"touch {quoted(begun)}; exec sleep 600")
    record = place.schedule("every hour", "work", "--id", "job", "--executor", executor, "--max-retries", "3")
    assert place.defer("reschedule", "job", "now").returncode == 0
    runner = place.start("run-deferred.sh")
    until(begun.exists, "the attempt")
    refused = place.defer("cancel", "job", *(["--occurrence"] if only else []))
    assert refused.returncode == 1
    assert f"--kill {'--occurrence ' if only else ''}job" in refused.stderr
    for doing in (["edit", "job", "--summary", "x"], ["snooze", "job", "1h"]):
        done = place.defer(*doing)
        assert (done.returncode, done.stderr.startswith("defer: task is executing: job")) == (1, True), done.stderr
    words = ["cancel", "job", "--kill", "--compact", *(["--occurrence"] if only else [])]
    done = place.run(*patient("front", *words))
    assert done.returncode == 0, done.stderr
    answer = strict(done.stdout)
    assert runner.wait() == 0
    assert len(place.audit("cancel_requested")) == 1
    (filed,) = place.archived()
    assert (filed["status"], filed["occurrence"]) == ("cancelled", record["occurrence"])
    if only:
        assert answer["status"] == "scheduled"
        waiting = place.task("job")
        assert (waiting["attempts"], waiting["status"]) == (0, "scheduled")
        assert at(waiting["occurrence"]) - at(record["occurrence"]) == timedelta(hours=1)
    else:
        assert answer["status"] == "cancelled"
        assert place.tasks() == {}
