"""What an attempt schedules: where it came from, and how much one chain of attempts may be."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

import defer
from defer.errors import BeyondBound
from defer.record import lineage
from defer.scheduling import inside
from support import NOW, SCRIPTS, Place, at, strict, text_at, v1_task

pytestmark = pytest.mark.programs

FRONT = shlex.quote(str(SCRIPTS / "schedule-task.sh"))
RUN = "20260408T164500Z_1_0123456789"


def executing(name: str = "parent", **fields: Any) -> dict[str, Any]:
    """A task whose attempt is at work."""
    return v1_task(name, status="executing", attempts=1, run={"run_id": RUN, "attempt": 1}, **fields)


def in_attempt(name: str = "parent", run_id: str = RUN) -> dict[str, str]:
    return {"DEFER_TASK_ID": name, "DEFER_RUN_ID": run_id}


def of(record: dict[str, Any]) -> dict[str, Any]:
    """What a record says of how it came to be."""
    return {name: record[name] for name in ("origin", "parent", "root", "depth", "reschedules") if name in record}


def notices(place: Place) -> list[dict[str, Any]]:
    file = place.runtime / "notices.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


# Where it came from


def test_a_person_schedules_and_so_the_record_says(place):
    assert of(place.schedule("1h")) == {"origin": "person"}
    assert of(defer.schedule("1h", "x", environ=place.env).record) == {"origin": "person"}


def test_what_an_attempt_schedules_names_its_task_the_root_and_how_far_that_is(place):
    place.write_store(executing())
    first = place.schedule("1h", env=in_attempt())
    assert of(first) == {"origin": "attempt", "parent": "parent", "root": "parent", "depth": 1}
    place.write_store(executing("child", parent="parent", root="parent", depth=1, origin="attempt"))
    second = defer.schedule("1h", "x", environ={**place.env, **in_attempt("child")}).record
    assert of(second) == {"origin": "attempt", "parent": "child", "root": "parent", "depth": 2}


@pytest.mark.parametrize("task_id", ["", "another", "no-such"])
def test_a_task_id_that_was_changed_does_not_help(place, task_id):
    """The run's own name finds the task that is executing."""
    place.write_store(executing(), v1_task("another", run_at="2100-01-01T00:00:00Z"))
    assert place.schedule("1h", env=in_attempt(task_id))["parent"] == "parent"


@pytest.mark.parametrize("run_id", ["", "20260408T164500Z_1_ffffffffff"])
def test_an_attempt_that_the_store_does_not_know_is_bounded_with_all_of_its_kind(place, run_id):
    place.write_store(executing())
    assert of(place.schedule("1h", env=in_attempt(run_id=run_id))) == {
        "origin": "attempt",
        "root": lineage.UNKNOWN,
        "depth": 1,
    }


def test_a_copy_is_of_whoever_asked_for_it(place):
    place.write_store(executing(), v1_task("old", run_at="2100-01-01T00:00:00Z", origin="file", root="r", depth=3))
    assert of(strict(place.defer("run", "old", "--compact").stdout)) == {"origin": "person"}
    copied = strict(place.defer("run", "old", "--compact", env=in_attempt()).stdout)
    assert of(copied) == {"origin": "attempt", "parent": "parent", "root": "parent", "depth": 1}


def test_a_task_file_is_an_origin_and_import_another(place, tmp_path):
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "one.yml").write_text("schedule: every day at 9am\ncommand: 'true'\n")
    place.defer("sync", str(tasks))
    assert of(place.task("one")) == {"origin": "file"}
    place.defer("add", "two", "--schedule", "every day at 9am", "--command", "true", "--dir", str(tasks))
    assert of(place.task("two")) == {"origin": "file"}


def test_what_an_attempt_adds_as_a_file_is_of_its_chain_and_a_sync_is_not(place, tmp_path):
    place.write_store(executing())
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "one.yml").write_text("schedule: every day at 9am\ncommand: 'true'\n")
    flags = ("--schedule", "every day at 9am", "--command", "true", "--dir", str(tasks))
    assert place.defer("add", "two", *flags, env=in_attempt()).returncode == 0
    assert place.defer("sync", str(tasks), env=in_attempt()).returncode == 0
    assert of(place.task("two")) == {"origin": "attempt", "parent": "parent", "root": "parent", "depth": 1}
    assert of(place.task("one")) == {"origin": "file"}


def test_the_runners_own_attempt_is_not_what_a_wake_schedules(place):
    """A task that was scheduled before there were origins keeps that through its attempts."""
    place.write_store(v1_task("old"))
    place.wake_at(env={"DEFER_EXECUTOR": "/bin/true"})
    assert of(place.archived()[0]) == {}


# Bounds


def refused(place: Place, *args: str, **env: str) -> str:
    done = place.defer("1h", "again", *args, env={**in_attempt(), **env})
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_a_chain_has_an_end(place):
    place.write_store(executing(parent="p", root="r", depth=5, origin="attempt"))
    before = place.store_path.read_bytes()
    assert refused(place) == (
        "defer: tasks that schedule tasks: this chain has the 5 that DEFER_MAX_DEPTH allows: root r "
        "(do the rest in this task, or raise that in the settings file)\n"
    )
    assert place.store_path.read_bytes() == before


def test_a_chain_may_have_so_many_that_wait(place):
    waiting = [v1_task(f"t{number}", run_at="2100-01-01T00:00:00Z", root="parent", depth=1) for number in range(20)]
    place.write_store(executing(), *waiting[:18], {**waiting[18], "status": "paused"}, v1_task("other", root="else"))
    assert place.defer("1h", "again", env=in_attempt()).returncode == 0
    assert "of this chain 20 wait, as DEFER_MAX_WAITING_PER_ROOT allows: root parent" in refused(place)
    assert place.defer("1h", "by a person").returncode == 0


def test_a_chain_may_add_so_many_in_a_day_and_more_on_the_next(place):
    place.write_store(executing())
    config = place.config({**in_attempt(), "DEFER_MAX_PER_DAY_PER_ROOT": "2"})
    store = place.store()
    one = {name: value for name, value in v1_task(run_at="2100-01-01T00:00:00Z").items() if name != "id"}
    inside.put(store, config, [one, one], NOW)
    with pytest.raises(BeyondBound, match="2 were added today"):
        inside.put(store, config, [one], NOW)
    with pytest.raises(BeyondBound, match="2 were added today"):
        inside.put(store, config, [one], at(hours=7))
    inside.put(store, config, [one], at(hours=8))
    counted = json.loads((place.runtime / ".deferred.jsonl.chains").read_text())
    assert counted == {"day": "2026-04-09", "roots": {"parent": 1}}


@pytest.mark.parametrize("spoilt", [b"", b"{", b"[1]", b'{"day":"2026-04-08","roots":{"parent":"x"}}', b"\xff" * 10])
def test_a_count_that_somebody_has_spoilt_begins_anew(place, spoilt):
    place.write_store(executing())
    (place.runtime / ".deferred.jsonl.chains").write_bytes(spoilt)
    assert place.defer("1h", "again", env=in_attempt()).returncode == 0


def test_a_batch_is_bounded_as_a_whole(place):
    place.write_store(executing())
    environ = {**place.env, **in_attempt(), "DEFER_MAX_WAITING_PER_ROOT": "2"}
    with pytest.raises(BeyondBound):
        defer.schedule_all([defer.TaskSpec("1h", f"{number}") for number in range(3)], environ=environ)
    assert list(place.tasks()) == ["parent"]
    defer.schedule_all([defer.TaskSpec("1h", f"{number}") for number in range(2)], environ=environ)


def test_what_is_there_already_is_not_counted(place):
    place.write_store(executing(), v1_task("mine", run_at="2100-01-01T00:00:00Z", root="parent", depth=1))
    for _ in range(3):
        place.schedule("1h", "x", "--id", "mine", "--if-exists", "skip", env=in_attempt())
    assert not (place.runtime / ".deferred.jsonl.chains").exists()


@pytest.mark.parametrize(("written", "said", "holds"), [("9", None, "5"), ("2", None, "2"), ("9", "7", "7")])
def test_an_attempt_can_lower_a_bound_and_not_raise_it(place, written, said, holds):
    place.write_store(executing(root="r", depth=int(holds)))
    settings = place.base / "env"
    settings.write_text(f"DEFER_MAX_DEPTH={said}\n" if said else "")
    settings.chmod(0o600)
    told = refused(place, DEFER_MAX_DEPTH=written, DEFER_ENV_FILE=str(settings))
    assert f"has the {holds} that DEFER_MAX_DEPTH allows" in told


def test_a_bound_that_is_no_number_is_refused_for_everybody(place):
    done = place.defer("1h", "x", env={"DEFER_MAX_DEPTH": "many"})
    assert done.returncode == 2
    assert "DEFER_MAX_DEPTH must be a whole number from 0" in done.stderr


# An executor that schedules itself


def test_an_executor_that_schedules_itself_twice_comes_to_rest_and_a_person_hears_of_it_once(place):
    executor = place.executor(f"cat >/dev/null; {FRONT} now again && {FRONT} now again")
    place.env |= {"DEFER_EXECUTOR": executor, "DEFER_MAX_DEPTH": "2", "DEFER_MAX_PARALLEL": "2"}
    place.schedule("now", "first", "--id", "first")
    place.wake()
    assert place.tasks() == {}
    depths = sorted(one.get("depth", 0) for one in place.archived())
    assert depths == [0, 1, 1, 2, 2, 2, 2]
    # The four that were refused have failed over that, of which the one notice tells.
    told = [one for one in notices(place) if one["op"] == "notice" and one["event"] != "completed"]
    assert [(one["event"], one["id"]) for one in told] == [("bounded", "first")]
    assert [one["status"] for one in place.archived()].count("failed") == 4
    shown = place.defer("inbox", "--table").stdout
    assert "first: came to a bound" in shown
    assert "DEFER_MAX_DEPTH allows: root first" in shown


def test_of_a_chain_that_meets_one_bound_after_another_a_person_hears_once(place):
    """With the bounds as they are, the one on what waits comes first, and the end of the chain later."""
    executor = place.executor(f"cat >/dev/null; {FRONT} now again && {FRONT} now again")
    place.env |= {"DEFER_EXECUTOR": executor, "DEFER_MAX_DEPTH": "2", "DEFER_MAX_WAITING_PER_ROOT": "2"}
    place.env["DEFER_MAX_PARALLEL"] = "1"
    place.schedule("now", "first", "--id", "first")
    place.wake()
    met = "".join(str(one.get("error")) for one in place.archived())
    assert "DEFER_MAX_WAITING_PER_ROOT" in met
    assert "DEFER_MAX_DEPTH" in met
    told = [one["event"] for one in notices(place) if one["op"] == "notice" and one["event"] != "completed"]
    assert told == ["bounded"]


def test_another_failure_of_a_task_in_such_a_chain_is_told(place):
    executor = place.executor(f"cat >/dev/null; {FRONT} now again || exec /bin/ls /nowhere")
    place.env |= {"DEFER_EXECUTOR": executor, "DEFER_MAX_DEPTH": "0"}
    place.schedule("now", "first", "--id", "first")
    place.wake()
    assert [one["event"] for one in notices(place) if one["op"] == "notice"] == ["bounded", "failed"]


# Being run again


def test_an_executor_may_ask_to_be_run_again_so_many_times_in_a_row(place):
    executor = place.executor('cat >/dev/null; echo \'{"reschedule": "1m"}\' >"$DEFER_RESULT_FILE"')
    place.write_store(v1_task("again", executor=executor))
    env = {"DEFER_MAX_RESCHEDULES": "2"}
    for minutes, said in ((0, 1), (2, 2)):
        place.wake_at(at(minutes=minutes), env)
        assert place.task("again")["reschedules"] == said
    place.wake_at(at(minutes=4), env)
    assert place.tasks() == {}
    last = place.archived()[-1]
    assert (last["status"], last["error_type"]) == ("failed", "TooManyReschedules")
    assert last["error"].startswith("it asked to be run again more than 2 times in a row")
    assert "reschedules" not in last


def test_a_row_ends_where_it_asks_for_nothing(place):
    asks = place.executor('cat >/dev/null; echo \'{"reschedule": "1m"}\' >"$DEFER_RESULT_FILE"')
    rule = {"expression": "every day at 9am", "tz": "UTC", "anchor": text_at()}
    place.write_store(v1_task("daily", executor=asks, recurrence=rule))
    place.wake_at()
    assert place.task("daily")["reschedules"] == 1
    place.store().update("daily", NOW, lambda one: {**one, "executor": "/bin/true"})
    place.wake_at(at(minutes=2))
    assert "reschedules" not in place.task("daily")
