"""The shapes of records: their checks, their types and the schema say the same; the faults they were made for."""

from __future__ import annotations

import inspect
import io
import json
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft202012Validator

import defer
from defer import instants
from defer.commands import details
from defer.commands import list as list_face
from defer.record import codec, shapes, types
from defer.record.codec import BadLine
from defer.run import prompt
from support import NOW, ROOT, strict, text_at, v1_task

SCHEMA = json.loads((ROOT / "references" / "task.schema.json").read_text())
PARTS = SCHEMA["$defs"]
SHAPES: dict[str, tuple[shapes.Fields, dict[str, Any]]] = {
    "Task": (shapes.TASK, SCHEMA),
    "Context": (shapes.CONTEXT, PARTS["context"]),
    "Execution": (shapes.EXECUTION, SCHEMA["properties"]["execution"]),
    "Reorient": (shapes.REORIENT, SCHEMA["properties"]["reorient"]),
    "Recurrence": (shapes.RECURRENCE, PARTS["recurrence"]),
    "Stretch": (shapes.STRETCH, PARTS["stretch"]),
    "AfterAttempt": (shapes.AFTER_ATTEMPT, SCHEMA["properties"]["after_attempt"]),
    "Held": (shapes.HELD, PARTS["held"]),
    "Last": (shapes.LAST, PARTS["last"]),
    "Deferrals": (shapes.DEFERRALS, SCHEMA["properties"]["deferrals"]),
    "Noted": (shapes.NOTED, PARTS["noted"]["items"]),
    "State": (shapes.STATE, PARTS["drift"]["properties"]["worktree"]),
    "Drift": (shapes.DRIFT, PARTS["drift"]),
    "Source": (shapes.SOURCE, PARTS["source"]),
    "Worktree": (shapes.WORKTREE, PARTS["result"]["properties"]["worktree"]),
    "Result": (shapes.RESULT, PARTS["result"]),
    "Identity": (shapes.IDENTITY, PARTS["identity"]),
    "RunUnderWay": (shapes.RUN_UNDER_WAY, PARTS["run_under_way"]),
    "Usage": (shapes.USAGE, PARTS["run"]["properties"]["usage"]),
    "Run": (shapes.RUN, PARTS["run"]),
}
FIELDS = [(name, field) for name, (fields, _) in SHAPES.items() for field in fields]


@cache
def typed() -> dict[str, dict[str, str]]:
    """The annotations of each type, as they are written."""
    classes = inspect.getmembers(types, inspect.isclass)
    return {
        name: {field: kind.__forward_arg__ for field, kind in one.__annotations__.items()}
        for name, one in classes
        if one.__module__ == types.__name__ and name not in ("TaskFields", "Changes")
    }


def test_a_change_may_be_of_any_field_of_a_task_but_its_id() -> None:
    assert types.Changes.__annotations__.keys() == types.Task.__annotations__.keys() - {"id"}


def test_each_shape_has_the_fields_of_the_schema_in_its_checks_and_in_its_type() -> None:
    assert typed().keys() == SHAPES.keys()
    for name, (fields, part) in SHAPES.items():
        assert fields.keys() == part["properties"].keys(), name
        assert fields.keys() == typed()[name].keys(), name


def test_a_type_requires_what_the_schema_does() -> None:
    """Of a task and a run v1 had less to say: there the check asks for what a wake cannot do without."""
    required = {
        name: {field for field, said in fields.items() if said.startswith("Required[")}
        for name, fields in typed().items()
    }
    assert required.pop("Task") == {"id", "status", "run_at"}
    assert required.pop("Run") == {"ended_at"}
    assert required == {name: set(SHAPES[name][1].get("required", ())) for name in required} | {"Result": set()}


# Both sides of each bound, and one of each kind.
PROBES = [
    *(True, False, -(10**9) - 1, -(10**9), -1, 0, 1, 10**9, 10**9 + 1, 10**15, 10**15 + 1, 10**4299, -(10**15) - 1),
    *(0.5, 1e9, 1e9 + 0.5, 1e300, "", "x", "scheduled", "skip", "one", "cancel", "A_1", "a b", "a\0", "Scheduled!"),
    *("2026-04-08T16:45:00Z", "2026-04-08T16:45:00+02:00", "2026-02-30T00:00:00Z", "fresh", "resume_task", "x" * 5000),
    *(
        [],
        ["x"],
        [5],
        [[]],
        [None],
        {},
        {"pid": 1},
        {"pid": 0},
        {"pid": "1"},
        {"total": 0, "in_a_row": 1},
        {"do": "cancel"},
    ),
    *({"do": "nothing"}, {"type": "executor_output"}, {"type": 5}, {"count": 0}, {"total": 1}),
]
# Where the checks let through what the schema does not: whatever v1 took, and words that a later version may write.
WIDER: dict[str, str] = {
    **dict.fromkeys(("Context", "Reorient"), "v1 took any JSON; it is only kept, or said as it stands"),
    **{f"Task.{name}": "v1 took any text" for name in ("id", "type", "intent")},
    **{f"Task.{name}": "v1's moments: nothing computes with them" for name in shapes.V1_MOMENTS},
    **{f"Task.{name}": "a later version may have more" for name in ("status", "error_type")},
    **{f"Execution.{name}": "a later version may have more" for name in ("mode", "aura_level")},
    **{f"Result.{name}": "a later version may have more" for name in ("type", "next_run_at", "retry_at")},
    **{f"Run.{name}": "a later version may have more" for name in ("status", "error_type")},
    **{f"Last.{name}": "said to people as it stands" for name in ("outcome", "reason")},
    "Task.result": "of an attempt that was lost nothing may be known",
    **dict.fromkeys(("Task.copy_of", "Recurrence.expression", "Recurrence.tz"), "an empty text harms nobody"),
    "Task.context": "v1's may lack a summary",
}


@pytest.mark.parametrize(("name", "field"), FIELDS, ids=[f"{name}.{field}" for name, field in FIELDS])
def test_a_check_lets_through_what_the_schema_does_and_no_more(name: str, field: str) -> None:
    fields, part = SHAPES[name]
    validator = Draft202012Validator({**part["properties"][field], "$defs": {**PARTS, "task": SCHEMA}})
    if part["properties"][field].get("items", {}).get("$ref") == "#":
        return
    is_wider = f"{name}.{field}" in WIDER or name in WIDER
    for probe in PROBES:
        passes = fields[field](probe) is None
        if validator.is_valid(probe):
            # A pattern does not see that a day is not in the calendar.
            # Nor does JSON Schema tell 1.0 from 1.
            assert passes or str(probe).startswith("2026-02-30") or type(probe) is float, probe
        else:
            assert not passes or is_wider, probe


PYTHON = {"str": str, "bool": bool, "int": int, "float": (int, float), "Any": object, "list": list, "None": type(None)}


@pytest.mark.parametrize(("name", "field"), FIELDS, ids=[f"{name}.{field}" for name, field in FIELDS])
def test_what_passes_a_check_is_what_the_type_says(name: str, field: str) -> None:
    written = typed()[name][field].removeprefix("Required[")
    said = [one.partition("[")[0].rstrip("]") for one in written.split(" | ")]
    kinds = tuple(PYTHON.get(one, dict) for one in said)
    for probe in PROBES:
        if SHAPES[name][0][field](probe) is None:
            assert any(isinstance(probe, kind) for kind in kinds), probe


def test_numbers_have_their_bounds_in_both() -> None:
    tops = (PARTS["count"]["maximum"], PARTS["tally"]["maximum"], SCHEMA["properties"]["timeout_seconds"]["maximum"])
    assert tops == (shapes.MAX_COUNT, shapes.MAX_TALLY, shapes.MAX_SECONDS)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"run": {"runner": {"pid": 1}, "leader": {"pid": -1}}}, "run.leader.pid is not usable: -1"),
        ({"ended": [v1_task(), v1_task(run_at="x")]}, "ended[1].run_at is not usable: 'x'"),
        ({"deferrals": {"total": 1}}, "deferrals.in_a_row is missing"),
        ({"attempts": 10**4299}, "attempts is not usable: a number of some 4285 digits"),
        ({"tags": "a,b"}, "tags is not usable: 'a,b'"),
        ({"cwd": {"a": 10**4299}}, "cwd is not usable: an object"),
        ({"executor": 5}, "executor is not usable: 5"),
        ({"run_at": None}, "run_at is missing"),
        ({"tz": "x" * 100, "when": ["y"]}, "when is not usable: a list"),
    ],
)
def test_a_complaint_names_the_place_and_the_value(fields: dict[str, Any], complaint: str) -> None:
    assert shapes.fault(v1_task(**fields)) == complaint


def test_what_v1_wrote_and_what_is_not_known_here_passes() -> None:
    assert shapes.fault(v1_task(x=[1], context={"summary": 5, "key_points": "one"}, started_at="yesterday")) is None
    assert shapes.fault({"id": "an id, no name", "status": "hibernating", "run_at": text_at()}) is None
    assert shapes.fault(dict.fromkeys(shapes.TASK) | {"id": "a", "status": "paused", "run_at": text_at()}) is None


# The faults this was made for


@pytest.mark.programs
@pytest.mark.parametrize(
    "fields",
    [
        {"after_attempt": "pause", "status": "executing", "attempts": 1},
        {"recurrence": {"expression": "every 2h", "tz": "UTC", "anchor": text_at(), "count": "five"}},
        {"source": "v1", "env": ["A"], "command": "exit 0"},
        {"attempts": int("9" * 4300)},
        {"command": [1, 2]},
    ],
    ids=["after_attempt", "count", "source", "attempts", "command"],
)
class TestOneOddRecord:
    def test_is_set_apart_and_reported_by_a_wake(self, place, fields) -> None:
        place.write_store(v1_task("odd", occurrence=text_at(), **fields), v1_task("plain"))
        line = place.store_path.read_bytes().splitlines()[0]
        assert place.wake_at(NOW)["completed"] == 1
        assert place.store_path.read_bytes().splitlines() == [line]
        assert [action for action, _ in place.reported] == ["bad_line"]

    def test_is_told_in_one_line_by_execute_task(self, place, fields) -> None:
        done = place.run("execute-task.sh", input=json.dumps(v1_task("odd", **fields)).encode())
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("defer: no task on standard input: ")
        assert "is not usable" in done.stderr

    def test_takes_nothing_from_the_commands(self, place, fields) -> None:
        place.write_store(v1_task("odd", **fields), v1_task("plain", run_at="2099-01-01T00:00:00Z"))
        assert [one["id"] for one in strict(place.defer("list", "--compact").stdout)] == ["plain"]
        for words in (["show", "odd"], ["cancel", "odd"], ["run", "odd"], ["edit", "odd", "--summary", "s"]):
            done = place.defer(*words)
            assert (done.returncode, done.stderr.count("\n")) == (1, 1), words


def test_a_text_that_no_process_can_be_told_is_told_in_one_line_by_execute_task(place) -> None:
    done = place.run("execute-task.sh", input=json.dumps(v1_task(command=["/bin/echo", "a\0"])).encode())
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert strict(done.stdout)["error_type"] == "ConfigError"


class TestWhatIsNotThere:
    """Fields that v1 did not write, or that are null, where something is computed from them."""

    def test_a_v1_retry_is_moved_as_one_of_its_own_moment(self, place) -> None:
        place.write_store(v1_task("a", attempts=1, run_at="2099-01-01T00:00:00Z"))
        assert strict(place.defer("reschedule", "a", "2h").stdout)["occurrence"] == "2099-01-01T00:00:00Z"
        assert strict(place.defer("edit", "a", "--when", "3h").stdout)["occurrence"] == "2099-01-01T00:00:00Z"

    def test_an_occurrence_of_a_paused_task_is_cancelled_though_nobody_knows_since_when(self, place) -> None:
        rule = {"expression": "every day at 9am", "tz": "UTC", "anchor": text_at()}
        place.write_store(v1_task("a", status="paused", recurrence=rule))
        assert strict(place.defer("cancel", "--occurrence", "a").stdout)["status"] == "paused"

    @pytest.mark.parametrize("fields", [{"created_at": None}, {"created_at": "some day"}, {"occurrence": None}])
    def test_a_task_of_a_file_is_synced(self, place, fields) -> None:
        tasks = place.base / "tasks"
        tasks.mkdir()
        (tasks / "a.yml").write_text("schedule: 2099-01-01 09:00\ncommand: exit 0\n")
        made = {"source": {"file": str(tasks / "a.yml"), "digest": "0"}, "when": "2099-01-01 09:00", "tz": "UTC"}
        place.write_store(v1_task("a", **made, **fields))
        assert "Traceback" not in place.defer("sync", str(tasks)).stderr

    def test_a_rule_is_kept_where_the_start_of_its_attempt_cannot_be_read(self, place) -> None:
        rule = {"expression": "every 2h", "tz": "UTC", "anchor": text_at(hours=-9), "catch_up": "all"}
        left = v1_task("a", status="executing", attempts=1, occurrence=text_at(hours=-3), recurrence=rule)
        place.write_store({**left, "started_at": "yesterday"})
        assert place.wake_at(NOW)["lost"] == 1
        assert [one["status"] for one in place.archived() if one.get("attempts")] == ["failed", "completed"]
        assert place.task("a")["status"] == "scheduled"


def test_a_count_of_a_thousand_million_holds_up_nobody(place) -> None:
    """Every occurrence up to the last one was gone through, and kept."""
    old = "0001-01-02T00:00:00Z"
    rule = {"expression": "every 1m", "tz": "UTC", "anchor": old, "count": 10**9}
    place.write_store(v1_task("odd", run_at=old, occurrence=old, recurrence=rule), v1_task("plain"))
    assert place.wake_at(NOW)["completed"] >= 1
    (missed,) = [one for one in place.archived() if one["status"] == "missed"]
    assert missed["stretch"]["count"] == 10**9 - 1


def test_a_time_beyond_the_calendar_of_a_zone_is_listed(place) -> None:
    last, first = "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"
    place.write_store(v1_task("last", run_at=last), v1_task("first", run_at=first))
    for zone in (ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")):
        out = io.StringIO()
        list_face.table([place.task("last"), place.task("first")], 0, zone, NOW, out)
        assert "last" in out.getvalue()
        details.show(place.task("first"), zone, NOW, out)
        details.show(place.task("last"), zone, NOW, out)


@pytest.mark.programs
class TestNumbersFromOutside:
    @pytest.mark.parametrize(
        "many", [10**9 + 1, 10**4299, 10**5000, -(10**5000)], ids=["more", "4300", "5001", "minus"]
    )
    @pytest.mark.parametrize("name", ["max_retries", "times", "timeout_seconds"])
    def test_are_bounded_by_the_sdk(self, place, name, many) -> None:
        with pytest.raises(defer.BadInput, match=f"^{name} is not usable: "):
            defer.schedule("every day at 9am", "p", environ=place.env, **{name: many})
        with pytest.raises(defer.BadInput, match=r"^limit is not usable"):
            defer.list_runs(limit=many, environ=place.env)
        with pytest.raises(defer.BadInput, match=r"^permissions is not usable"):
            defer.schedule("2h", "p", environ=place.env, permissions={"a": 10**5000})
        assert not place.store_path.exists()

    @pytest.mark.parametrize("digits", ["9" * 30, "9" * 4300, "9" * 5000], ids=len)
    @pytest.mark.parametrize(
        "flag", ["--max-retries", "--count", "--timeout", "--jitter", "--expires", "--until", "--when"]
    )
    def test_are_bounded_in_every_flag(self, place, flag, digits) -> None:
        for value in (digits, f"{digits}s", f"-{digits}"):
            when = [] if flag == "--when" else ["--when", "every day at 9am"]
            done = place.defer(*when, "--summary", "s", f"{flag}={value}")
            assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr[:500]
        assert not place.store_path.exists()

    @pytest.mark.parametrize("number", ["9" * 5000, "1e999", "-1e999", "NaN", "Infinity"], ids=lambda text: text[:9])
    def test_are_refused_in_a_context(self, place, number) -> None:
        done = place.defer("--when", "1h", "--context-json", f'{{"summary":"s","x":{number}}}')
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert done.stderr.startswith("defer: --context-json is not JSON: ")

    @pytest.mark.parametrize(
        "number", ["1" + "0" * 12, "9" * 4300, "9" * 5000, "1e999", "-1"], ids=lambda text: text[:9]
    )
    @pytest.mark.parametrize("field", ["timeout", "timeoutMs", "retries"])
    @pytest.mark.parametrize("form", ["yml", "json"])
    def test_are_refused_in_a_task_file_and_cost_no_other_file(self, place, field, number, form) -> None:
        number = f"{number}0000" if field == "timeoutMs" and number[0] == "1" else number
        tasks = place.base / "tasks"
        tasks.mkdir()
        line = {
            "yml": f"schedule: every 2h\ncommand: exit 0\n{field}: {number}\n",
            "json": f'{{"schedule": "every 2h", "command": "exit 0", "{field}": {number}}}',
        }[form]
        (tasks / f"odd.{form}").write_text(line)
        (tasks / "plain.yml").write_text("schedule: every 2h\ncommand: exit 0\n")
        done = place.defer("sync", str(tasks))
        assert "Traceback" not in done.stderr
        assert f"odd.{form}" in done.stderr
        assert list(place.tasks()) == ["plain"]

    @pytest.mark.parametrize("number", ["9" * 4300, "9" * 5000, "1e999", "-1e999"], ids=lambda text: text[:9])
    @pytest.mark.parametrize(
        "name", ["timeout_seconds", "max_retries", "retry_delay_ms", "next_run_at_ms", "interval_ms", "at_ms"]
    )
    def test_are_told_of_in_the_jobs_of_another_tool(self, place, name, number) -> None:
        tasks = place.base / "tasks"
        tasks.mkdir()
        schedule = '"kind":"at"' if name == "at_ms" else '"kind":"every"'
        schedule += "" if name == "interval_ms" else ',"interval_ms":60000'
        odd = f',"{name}":{number}' if name in ("interval_ms", "at_ms") else ""
        other = "" if odd else f',"{name}":{number}'
        jobs = place.base / "jobs.json"
        retries = "" if name == "max_retries" else ',"max_retries":1'
        jobs.write_text(f'[{{"id":"j","prompt":"p"{retries},"schedule":{{{schedule}{odd}}}{other}}}]')
        done = place.defer("import", "--from", "agentica", str(jobs), "--dir", str(tasks))
        assert done.stderr.startswith("defer: ") or not done.stderr
        assert done.returncode in (1, 2)
        assert not place.tasks()


@pytest.mark.parametrize("written", ["1e999", "-1e999"])
def test_a_number_beyond_any_float_stays_a_number(written) -> None:
    """Infinity is not JSON: a record that was changed would not be read again, by anybody."""
    one = codec.decode(codec.encode(v1_task(x="here")).replace(b'"here"', written.encode()))
    assert strict(codec.encode(one))["x"] == one["x"]
    assert abs(one["x"]) > 1e300


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**5000], ids=["nan", "inf", "int"])
def test_what_no_json_can_hold_is_not_stored(place, number) -> None:
    with pytest.raises(defer.BadInput, match="task could not be run: odd: it holds a number"):
        place.store().append([v1_task("odd", x=number)], NOW)
    assert not place.store_path.exists()


def test_counts_end_where_a_record_can_still_be_read() -> None:
    assert shapes.tallied(None, 1) == 1
    assert shapes.tallied(shapes.MAX_TALLY, 1) == shapes.MAX_TALLY


def test_what_stands_in_a_context_is_said_whatever_it_is() -> None:
    odd = v1_task(context={"summary": 5, "key_points": {"a": [1]}, "artifacts": 10**4000, "constraints": [None, True]})
    assert shapes.fault(odd) is None
    assert "## Summary\n\n> 5\n" in prompt.render(odd, 1)


def test_the_first_and_the_last_moment_are_read() -> None:
    for text in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert shapes.instant(text) is None
        assert instants.to_text(instants.from_text(text)) == text
    with pytest.raises(BadLine, match="occurrence is not usable"):
        codec.decode(codec.encode(v1_task(occurrence="9999-12-31T23:59:59-05:00")))
