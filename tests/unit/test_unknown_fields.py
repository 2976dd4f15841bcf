"""A field this version does not know, null or nested, stays as it is through everything that happens to its task."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from defer.client import Client
from defer.record import changes, outcome, task
from defer.record.outcome import Outcome
from defer.record.retry import Backoff
from defer.run import claim
from defer.scheduling import sync as taskfiles
from defer.scheduling.edit import Editor
from support import DONE, FAILED, NOW, ROOT, Place, Task, at, text_at, v1_task

ODD = {"nothing": None, "list": [None, {"inner": None}, 1.5], "text": "\u2028é", "empty": {}}
FUTURE = {"zz_null": None, "zz_nested": ODD, "a_false": False}
PARTS = ("context", "execution", "recurrence", "source")


def once(**fields: Any) -> Task:
    plain = {"run_at": text_at(), "occurrence": text_at(), "max_retries": 1, "when": "now", "tz": "UTC"}
    return from_the_future(v1_task("job", **{**plain, **fields}))


def recurring(**fields: Any) -> Task:
    rule = {"expression": "every hour", "tz": "UTC", "anchor": text_at(), "count": 9, "fired": 0}
    return once(**{"recurrence": rule, "when": "every hour", **fields})


def from_the_future(one: Task) -> Task:
    """The record as a later version may have written it: in each object that we know, something that we do not."""
    parts = {name: {**one[name], **FUTURE} for name in PARTS if isinstance(one.get(name), dict)}
    return {**one, **parts, **FUTURE}


def assert_kept(one: Task) -> None:
    parts = {name: one[name] for name in PARTS if isinstance(one.get(name), dict)}
    assert unknown_in(one) == FUTURE
    assert {name: unknown_in(part) for name, part in parts.items()} == dict.fromkeys(parts, FUTURE)


def unknown_in(found: Task) -> Task:
    return {name: found[name] for name in FUTURE if name in found}


def claimed(one: Task, moment: Any = NOW) -> Task:
    (changed,) = claim.choose([one], moment, 4, lambda: {"run_id": "r"})
    return changed


def ended(one: Task, came_to: Outcome = DONE) -> Task:
    return outcome.settle(claimed(one), came_to, at(minutes=5), Backoff())


def edited(one: Task, context: Task | None = None, **given: Any) -> Callable[[Place], Task]:
    def edit(place: Place) -> Task:
        place.write_store(one)
        client = Client(place.env, clock=lambda: NOW - timedelta(minutes=1))
        Editor(client.store, client.audit, client.config, client.clock()).edit("job", given, context)
        return place.task("job")

    return edit


CHANGES: dict[str, Callable[[], Task]] = {
    "claimed": lambda: claimed(once()),
    "completed": lambda: ended(once()),
    "retried": lambda: ended(once(), FAILED),
    "failed": lambda: ended(once(max_retries=0), FAILED),
    "lost": lambda: ended(once(), Outcome(outcome.LOST, error_type="RunnerLost", error="gone")),
    "put off": lambda: ended(once(), FAILED._replace(retry_at=at(hours=1))),
    "put back": lambda: outcome.put_back(claimed(once()), NOW),
    "asked to cancel": lambda: changes.ask_to_cancel(claimed(once()), NOW, "enough"),
    "to be paused": lambda: task.after_attempt(claimed(once()), "pause", None),
    "cancelled": lambda: task.cancel(once(), NOW, None),
    "expired": lambda: claimed(once(expires_at=text_at(minutes=1)), at(hours=1)),
    "paused": lambda: changes.pause(once(), NOW),
    "resumed": lambda: changes.resume(changes.pause(recurring(), NOW), at(hours=3)),
    "rescheduled": lambda: changes.reschedule(once(), at(hours=1), "1h"),
    "next occurrence": lambda: ended(recurring()),
    "next after a failure": lambda: ended(recurring(max_retries=0), FAILED),
    "caught up": lambda: claimed(recurring(), at(hours=5)),
    "one occurrence cancelled": lambda: changes.cancel_occurrence(recurring(), NOW, None),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_transition_keeps_what_it_does_not_know(change: Callable[[], Task]) -> None:
    changed = change()
    assert_kept(changed)
    for record in changed.get("ended") or []:
        assert_kept(record)
    assert_kept(task.shown(changed))


def test_a_copy_that_is_run_at_once_has_it_too() -> None:
    copy = changes.run_now(once(), NOW)
    assert {name: copy[name] for name in FUTURE} == FUTURE


EDITS = {
    "a summary": edited(once(), {"summary": "other"}),
    "a timeout taken away": edited(once(timeout_seconds=60, workspace="/w"), timeout="none", workspace=None),
    "another time": edited(once(), when="2h"),
    "another rule": edited(recurring(), when="every 2h", times=4),
    "another zone": edited(recurring(), tz="Europe/Berlin"),
    "bounds": edited(recurring(), times=4, jitter="5m"),
    "no bounds": edited(recurring(), times=None),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_takes_away_what_it_was_told_to_and_nothing_else(place: Place, edit: Callable[[Place], Task]) -> None:
    changed = edit(place)
    assert_kept(changed)
    assert "workspace" not in changed or changed["workspace"] is not None


def test_a_rule_given_to_a_task_that_ran_once_is_all_that_is_new(place: Place) -> None:
    changed = edited(once(), when="every 2h")(place)
    assert changed["recurrence"]["expression"] == "every 2h"
    assert_kept({**changed, "recurrence": None})


def test_a_field_edited_to_nothing_is_gone_and_a_null_beside_it_stays(place: Place) -> None:
    changed = edited(once(workspace="/w", executor=None), workspace=None)(place)
    assert "workspace" not in changed
    assert changed["executor"] is None


A = {"schedule": "every day at 9am", "command": "echo a"}
FILES = {
    "a field": {**A, "description": "d"},
    "its command": {**A, "command": "echo b"},
    "its time": {**A, "schedule": "every day at 10am"},
    "once instead": {**A, "schedule": "in 30m"},
    "disabled": {**A, "enabled": False},
}


@pytest.mark.parametrize("wanted", FILES.values(), ids=FILES)
def test_a_sync_changes_what_the_file_says_and_nothing_else(place: Place, wanted: dict[str, Any]) -> None:
    place.own_records = False
    directory = place.base / "tasks"
    directory.mkdir()
    client = Client(place.env, clock=lambda: NOW)

    def sync(fields: dict[str, Any]) -> None:
        (directory / "job.json").write_text(json.dumps(fields))
        plan = taskfiles.plan(directory, client.store, client.config, NOW)
        assert taskfiles.apply(plan, client.store, client.audit, client.config, NOW)[1] == []

    sync(A)
    client.store.update("job", NOW, from_the_future)
    sync(wanted)
    assert_kept(place.task("job"))


def test_a_rewrite_and_a_wake_keep_it(place: Place) -> None:
    waiting = {**once(), "id": "waits", "run_at": "2100-01-01T00:00:00Z"}
    place.write_store({**waiting, "superseded": True}, waiting, once(executor=place.executor("cat >/dev/null")))
    place.own_records = False
    assert place.wake_at(NOW)["completed"] == 1
    assert list(place.tasks()) == ["waits"]
    assert_kept(place.task("waits"))
    assert_kept(place.archived()[0])


def test_what_an_executor_gets_has_it(place: Place, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    place.write_store(once(executor=place.executor(f"cat >{seen}")))
    place.own_records = False
    place.wake_at(NOW)
    assert_kept(json.loads(seen.read_text()))


def test_what_is_known_within_a_record_is_what_the_schema_says() -> None:
    schema = json.loads((ROOT / "references" / "task.schema.json").read_text())
    for part, known in changes.PARTS.items():
        said = schema["properties"][part]
        properties = schema["$defs"][said["$ref"].rpartition("/")[2]] if "$ref" in said else said
        assert set(known) == set(properties["properties"]), part
