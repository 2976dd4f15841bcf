"""``import defer``: the same store as the command line, typed answers, and errors that say what is wrong."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import defer
from support import DEADLINE_SECONDS, ROOT, SCRIPTS, Place, strict

RIGHT = {"schedule": "2h", "prompt": "look at the build"}


def schedule(place: Place, **spec: Any) -> defer.ScheduledTask:
    return defer.schedule(**{**RIGHT, **spec}, environ=place.env)


def test_what_is_scheduled_is_what_the_command_line_sees(place: Place) -> None:
    stored = schedule(
        place,
        id="build",
        name="Is the build green?",
        workspace=place.home,
        permissions={"allow": ["read"]},
        timeout_seconds=90,
        max_retries=2,
        tz="Europe/Berlin",
        key_points=["it was red"],
        tags=("ci",),
        intent="execute_action",
        mode="callback",
    )
    shown = strict(place.defer("show", "build", "--compact").stdout)
    assert stored.record == shown
    assert (stored.id, stored.status, stored.attempts) == ("build", "scheduled", 0)
    assert stored.summary == shown["context"]["summary"] == "Is the build green?"
    assert shown["execution"] == {"mode": "callback", "prompt_template": "look at the build", "aura_level": "low"}
    assert shown["context"]["key_points"] == ["it was red"]
    assert shown["workspace"] == os.path.realpath(place.home)
    expected = {"permissions": {"allow": ["read"]}, "timeout_seconds": 90, "max_retries": 2, "tags": ["ci"]}
    assert {name: shown[name] for name in expected} == expected
    assert (shown["tz"], shown["when"], shown["intent"]) == ("Europe/Berlin", "2h", "execute_action")
    assert abs(stored.run_at - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=5)


def test_what_the_command_line_schedules_is_listed(place: Place) -> None:
    made = place.schedule("2h", "from a shell")
    (listed,) = defer.list_tasks(environ=place.env)
    assert (listed.id, listed.summary, listed.record) == (made["id"], "from a shell", made)
    assert defer.get_task(made["id"], environ=place.env) == listed
    assert defer.list_tasks("scheduled", environ=place.env) == [listed]
    assert defer.list_tasks(["paused", "executing"], environ=place.env) == []


def test_recurring_with_its_policies(place: Place) -> None:
    policies = {"catch_up": "none", "overlap": "queue", "jitter": "10m", "until": "2099-01-01", "times": 7}
    with pytest.raises(defer.BadInput, match="10 years"):
        schedule(place, schedule="every weekday 8:30", expires="1h", **policies)
    policies["until"] = "1y"
    stored = schedule(place, schedule="every weekday 8:30", expires="1h", **policies)
    rule = stored.record["recurrence"]
    assert (rule["expression"], rule["catch_up"], rule["overlap"], rule["count"]) == (
        *("every weekday 8:30", "none", "queue", 7),
    )
    assert (rule["jitter_seconds"], rule["expires_after_seconds"]) == (600, 3600)
    assert "until" in rule


def test_a_moment_may_be_a_datetime(place: Place) -> None:
    moment = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    assert schedule(place, schedule=moment).run_at == moment
    assert schedule(place, schedule=moment.astimezone(timezone(timedelta(hours=9)))).run_at == moment
    wall = moment.replace(tzinfo=None)
    assert schedule(place, schedule=wall, tz="Asia/Tokyo").run_at == moment - timedelta(hours=9)


def test_the_first_line_of_the_prompt_is_the_summary_where_there_is_no_name(place: Place) -> None:
    assert schedule(place, prompt="\n  look at the build\nand say what is wrong\n").summary == "look at the build"


def test_artifacts_that_are_there_are_stored_absolute(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.home / "notes.md").touch()
    monkeypatch.chdir(place.home)
    stored = schedule(place, artifacts=["notes.md", "https://example.org/x"])
    assert stored.record["context"]["artifacts"] == [str(Path.cwd() / "notes.md"), "https://example.org/x"]


def test_many_at_once_are_all_stored_or_none(place: Place) -> None:
    specs = [defer.TaskSpec("2h", f"task {number}") for number in range(50)]
    stored = defer.schedule_all(specs, environ=place.env)
    assert [one.summary for one in stored] == [f"task {number}" for number in range(50)]
    assert len({one.id for one in stored}) == 50
    before = place.store_path.read_bytes()
    for wrong in (defer.TaskSpec("sometime", "x"), defer.TaskSpec("2h", "x", id=stored[0].id)):
        with pytest.raises(defer.DeferError):
            defer.schedule_all([defer.TaskSpec("2h", "y"), wrong], environ=place.env)
        assert place.store_path.read_bytes() == before
    assert defer.schedule_all([], environ=place.env) == []


@pytest.mark.parametrize("is_on", [True, False], ids=["on", "off"])
def test_a_batch_puts_garbage_collection_off_and_leaves_it_as_it_was(place: Place, is_on: bool) -> None:
    seen = []

    def specs() -> Any:
        yield defer.TaskSpec("2h", "x")
        seen.append(gc.isenabled())
        yield defer.TaskSpec("no time", "y")

    if not is_on:
        gc.disable()
    try:
        with pytest.raises(defer.BadInput):
            defer.schedule_all(specs(), environ=place.env)
        assert seen == [False]
        assert gc.isenabled() == is_on
    finally:
        gc.enable()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a time": ({"schedule": "sometime"}, 'can\'t read "sometime"'),
    "no time": ({"schedule": None}, r'^schedule is not usable: None \(give a text such as "tomorrow 9am"\)$'),
    "a number as time": ({"schedule": 5}, "^schedule is not usable: 5 "),
    "the past": ({"schedule": datetime(2020, 1, 1, tzinfo=UTC)}, "past"),
    "no prompt": ({"prompt": None}, "^prompt is not usable"),
    "an empty prompt": ({"prompt": " \n "}, "no summary"),
    "a name": ({"name": 3}, "^name is not usable"),
    "an id": ({"id": "../x"}, "not an id"),
    "a text as list": ({"key_points": "one"}, r"^key_points is not usable: 'one' \(give a list of texts\)$"),
    "numbers in a list": ({"tags": [1]}, "^tags is not usable"),
    "fewer than none": ({"max_retries": -1}, "^max_retries is not usable: -1"),
    "retries in words": ({"max_retries": "2"}, "^max_retries is not usable"),
    "retries yes": ({"max_retries": True}, "^max_retries is not usable"),
    "a negative limit": ({"timeout_seconds": -1}, "^timeout_seconds is not usable: -1"),
    "a limit that is not a number": ({"timeout_seconds": float("nan")}, "^timeout_seconds is not usable: nan"),
    "a limit beyond all time": ({"timeout_seconds": 1e12}, "^timeout_seconds is not usable"),
    "a limit in words": ({"timeout_seconds": "10m"}, "^timeout_seconds is not usable: '10m'"),
    "permissions no file can hold": ({"permissions": {1, 2}}, r"^permissions is not usable: .*what JSON can hold"),
    "permissions that are not a number": ({"permissions": [float("inf")]}, "^permissions is not usable"),
    "an intent": ({"intent": "wish"}, "^intent is not usable: 'wish'"),
    "a mode": ({"mode": "odd"}, r"^mode is not usable: 'odd' \(give fresh or callback\)$"),
    "a policy": ({"schedule": "every 2h", "catch_up": "some"}, "^catch_up is not usable"),
    "another policy": ({"schedule": "every 2h", "overlap": "some"}, "^overlap is not usable"),
    "a policy of once": ({"catch_up": "none"}, "--catch-up is for recurring tasks"),
    "times": ({"schedule": "every 2h", "times": "3"}, "^times is not usable"),
    "no times": ({"schedule": "every 2h", "times": 0}, "leaves nothing to run"),
    "an executor": ({"executor": "nobody"}, "no such executor: nobody"),
    "a workspace": ({"workspace": "/no/such"}, "workspace is not a directory"),
    "a zone": ({"tz": "Mars/Base"}, "not an IANA time zone"),
    "NUL": ({"prompt": "a\0b"}, "a NUL character"),
    "a lone surrogate": ({"prompt": "a\udcff"}, "not valid UTF-8"),
    "bulk": ({"prompt": "x" * (1 << 20)}, "task is too large"),
    "if_exists": ({"if_exists": "perhaps"}, "^if_exists is not usable: 'perhaps'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_and_nothing_is_stored(place: Place, case: str) -> None:
    spec, message = WRONG[case]
    with pytest.raises(defer.BadInput, match=message) as caught:
        schedule(place, **spec)
    assert "\n" not in str(caught.value)
    assert caught.value.field == (None if case == "bulk" else [*spec][-1])
    assert place.tasks() == {}


def test_every_field_of_a_spec_reaches_the_task_or_is_refused(place: Place) -> None:
    with pytest.raises(TypeError, match="nonsense"):
        schedule(place, nonsense=1)
    said = {"name", "id", "workspace", "permissions", "timeout_seconds", "max_retries", "schedule", "prompt"}
    assert said <= set(defer.TaskSpec._fields)


def test_a_taken_id(place: Place) -> None:
    first = schedule(place, id="build")
    with pytest.raises(defer.Refused, match="id is taken: build"):
        schedule(place, id="build")
    assert schedule(place, id="build", prompt="other", if_exists="skip") == first
    assert schedule(place, id="build", prompt="other", if_exists="replace").summary == "other"


def test_cancel_and_what_cannot_be(place: Place) -> None:
    schedule(place, id="build")
    cancelled = defer.cancel("build", "merged", environ=place.env)
    assert (cancelled.status, cancelled.record["cancel_reason"]) == ("cancelled", "merged")
    for act in (defer.cancel, defer.get_task):
        with pytest.raises(defer.Refused, match="no such task: nobody"):
            act("nobody", environ=place.env)
    with pytest.raises(defer.BadInput, match="no such status: 'done'"):
        defer.list_tasks(["done"], environ=place.env)


def test_runs_are_typed_and_newest_first(place: Place) -> None:
    executor = place.executor('[ "$DEFER_ATTEMPT" = 2 ]')
    schedule(place, schedule="now", id="build", executor=executor, max_retries=1)
    schedule(place, schedule="now", id="other")
    env = {"DEFER_RETRY_DELAY_SECONDS": "0"}
    place.wake(env=env)
    place.wake(env=env)
    second, first = defer.list_runs("build", environ=place.env)
    assert (first.status, first.exit_code, first.error_type) == ("failed", 1, "ExecutorFailed")
    assert (second.status, second.exit_code, second.attempt) == ("ok", 0, 2)
    assert isinstance(second.ended_at, datetime)
    assert second.started_at is not None
    assert second.started_at >= first.ended_at.replace(microsecond=0) - timedelta(seconds=1)
    assert defer.list_runs("build", 1, environ=place.env) == [second]
    assert {run.task_id for run in defer.list_runs(environ=place.env)} == {"build", "other"}
    assert defer.list_runs("nobody", environ=place.env) == []
    assert defer.get_task("build", environ=place.env).status == "completed"


def test_without_an_environ_the_process_s_own_counts(place: Place) -> None:
    program = 'import defer; print(defer.schedule("2h", "x", id="mine").id, len(defer.list_tasks()))'
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**place.env, "PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=True,
    )
    assert done.stdout == "mine 1\n"
    assert place.task("mine")["cwd"] == str(Path.cwd())


def test_a_program_in_a_directory_that_is_gone_can_schedule(place: Place) -> None:
    program = 'import defer, os; os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone"); defer.schedule("2h", "x")'
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=place.home,
        env={**place.env, "PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (stored,) = place.tasks().values()
    assert "cwd" not in stored


def test_importing_it_loads_nothing_yet(place: Place) -> None:
    program = "import sys, defer; print(sorted(name for name in sys.modules if name.startswith('defer')))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**place.env, "PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=True,
    )
    assert done.stdout == "['defer']\n"
    for name in defer.__all__:
        assert getattr(defer, name) is not None
    with pytest.raises(AttributeError, match="'defer' has no attribute 'shedule'"):
        _ = defer.shedule  # type: ignore[attr-defined]


# docs/python.md


def test_the_page_on_it_is_one_program_that_prints_what_the_page_shows(place: Place) -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    found = re.findall(r"^```(python|text)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    program = "".join(text for language, text in found if language == "python")
    assert len(found) == 12
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**place.env, "PYTHONPATH": "scripts"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(text for language, text in found if language == "text")


def test_the_page_names_every_keyword_and_every_name(place: Place) -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    words = set(re.findall(r"\w+", page))
    assert set(defer.TaskSpec._fields) <= words
    assert set(defer.ScheduledTask._fields) <= words
    assert set(defer.__all__) <= words


def test_what_is_to_be_known_comes_with_what_was_scheduled(place: Place) -> None:
    executor = str(place.base / "none")
    place.write_store(b'{"id":"c","sta')
    asked = [defer.TaskSpec("1h", "fine"), defer.TaskSpec("1h", "no program", executor=executor)]
    fine, lost = defer.schedule_all(asked, environ=place.env)
    torn, asleep = fine.warnings
    assert torn.startswith("torn line set aside: bytes 14")
    assert asleep.startswith("nothing has ever woken this store")
    missing, *others = lost.warnings
    assert missing.startswith(f"the task will fail as things stand: no such executor: {executor} (give ")
    assert others == [torn, asleep]
    assert "warnings" not in fine.record
    assert defer.get_task(fine.id, environ=place.env).warnings == ()


def test_which_reading_was_taken_comes_with_what_was_scheduled(place: Place) -> None:
    asked = [defer.TaskSpec("every month on the 31st at noon", "invoices"), defer.TaskSpec("1h", "tea")]
    invoices, tea = defer.schedule_all(asked, environ=place.env)
    assert (invoices.notes, tea.notes) == (("months without day 31 are skipped",), ())
    assert "notes" not in invoices.record
    assert defer.get_task(invoices.id, environ=place.env).notes == ()
