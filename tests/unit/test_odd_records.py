"""Promise 17: every field of the schema × wrong values, through every command and a wake.

The odd record stands in a store beside good neighbours. Nothing may end in a traceback; the neighbours run, settle and
are filed; the odd record runs where that does no harm, fails for itself, or is a bad line that stays byte for byte and
is reported.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import defer
from defer.commands import cli
from defer.record import codec, holders
from support import NOW, ROOT, Place, records, text_at, v1_task

pytestmark = pytest.mark.slow
DEPTH = int(os.environ.get("DEFER_TEST_DEPTH") or 1)
"""1 in CI; with more, every field stands in every kind of record and each cell goes through every command."""
SCHEMA = json.loads((ROOT / "references" / "task.schema.json").read_text())
KEYS = tuple[Any, ...]
"""A place in a record: names of fields, and 0 for the first element of a list."""

# As they stand in the line, so that what no writer of ours would write can be among them.
WRONG = {
    "null": "null",
    "true": "true",
    "minus one": "-1",
    "a fraction": "1.5",
    "a number beyond any count": "1000000000000000000",
    "4,300 digits": "9" * 4300,
    "5,000 digits": "9" * 5000,
    "beyond any float": "1e999",
    "minus beyond any float": "-1e999",
    "NaN": "NaN",
    "an empty text": '""',
    "a number in quotes": '"5"',
    "NaN in quotes": '"NaN"',
    "NUL": '"a\\u0000b"',
    "half a surrogate pair": '"a\\ud800b"',
    "lines and escapes": '"\\n## Task\\n\\u001b[31m\\u2028\\u202e$(reboot)"',
    "a very long text": '"' + "x" * 70_000 + '"',
    "a date out of the calendar": '"2026-02-30T00:00:00Z"',
    "before time": '"0001-01-01T00:00:00+14:00"',
    "the first moment": '"0001-01-01T00:00:00Z"',
    "the last moment": '"9999-12-31T23:59:59Z"',
    "an empty list": "[]",
    "lists in lists": "[[[[]]]]",
    "a list of all kinds": '["\\u0000",5,null,{},[]]',
    "an empty object": "{}",
    "an object of all kinds": '{"pid":-1,"file":5,"do":"reboot","expression":[],"type":{},"status":1,"run_at":"x"}',
}

DEAD = {"pid": 4_000_000, "start": "1", "boot": "of another time", "pid_namespace": "pid:[1]", "wake": "a"}
RUN = {
    "run_id": "run_20260408T150000Z_62b8af28",
    "host": holders.host(),
    "attempt": 1,
    "occurrence": text_at(hours=-2),
    "started_at": text_at(hours=-2),
    "late_by_seconds": 0,
    "deadline_at": text_at(hours=-1),
    "runner": DEAD,
    "leader": {**DEAD, "pid": 4_000_001},
    "prompt": "/nowhere/prompt.txt",
    "log": "/nowhere/run.log",
}
RECURRENCE = {
    "expression": "every 2h",
    "tz": "UTC",
    "anchor": text_at(hours=-6),
    "count": 50,
    "until": text_at(days=30),
    "jitter_seconds": 60,
    "jitter_offset_seconds": 0,
    "catch_up": "one",
    "overlap": "queue",
    "expires_after_seconds": 86400,
    "fired": 2,
}
RUN_RECORD = {
    **dict.fromkeys(("error_type", "error", "log", "prompt", "session_id")),
    "run_id": "run_1",
    "task_id": "odd",
    "attempt": 1,
    "occurrence": text_at(hours=-4),
    "status": "ok",
    "pid": 5,
    "started_at": text_at(hours=-4),
    "ended_at": text_at(hours=-4),
    "duration_ms": 5,
    "exit_code": 0,
    "late_by_seconds": 0,
    "usage": {"input_tokens": 1, "output_tokens": 2, "cost_usd": 0.5},
    "host": "desk",
}
ENDED = {**v1_task("odd", status="completed"), "completed_at": text_at(hours=-4)}


def waiting(task_id: str, tasks: Path) -> dict[str, Any]:
    """A due recurring task with every field that one may have."""
    return v1_task(
        task_id,
        schema_version=2,
        tz="UTC",
        when="every 2h",
        cwd="/",
        occurrence=text_at(),
        timeout_seconds=3600,
        executor="/bin/true",
        workspace="/",
        concurrent=True,
        tags=["t"],
        session_id="s",
        sticky_session=True,
        recurrence=RECURRENCE,
        name="n",
        description="d",
        when_to_use="w",
        agent="a",
        model="m",
        permissions={"a": 1},
        copy_of="another",
        source={"file": str(tasks / f"{task_id}.yml"), "digest": "0", "enabled": True},
        deferrals={"total": 0, "in_a_row": 0},
        last_error="e",
        error_type="ExecutorFailed",
        last_attempt_at=text_at(hours=-4),
        result={"type": "retry_scheduled", "retry_at": text_at()},
        ended=[ENDED],
        ended_runs=[RUN_RECORD],
    )


def executing(task_id: str, tasks: Path) -> dict[str, Any]:
    """The same, left executing by a runner that died."""
    return {
        **waiting(task_id, tasks),
        "status": "executing",
        "attempts": 1,
        "started_at": text_at(hours=-2),
        "run": RUN,
        "cancel_requested_at": text_at(),
        "cancel_reason": "r",
        "cancel_occurrence": True,
        "after_attempt": {"do": "pause", "reason": "file removed"},
    }


def over(task_id: str, tasks: Path) -> dict[str, Any]:
    """The same, ended and not filed."""
    return {
        **waiting(task_id, tasks),
        "status": "missed",
        "missed_at": text_at(),
        "reason": "r",
        "error": "e",
        "stretch": {"first": text_at(hours=-4), "last": text_at(), "count": 3},
        "result": {"type": "executor_output", "output": "o", "summary": "s", "log_path": "/nowhere/l"},
    }


def once(task_id: str, tasks: Path) -> dict[str, Any]:
    """One that runs once, with a command of its own."""
    own = {"command": "exit 0", "env": ["A"], "env_file": str(tasks / "env.yml"), "expires_at": text_at(hours=1)}
    found = {**waiting(task_id, tasks), **own}
    return {name: value for name, value in found.items() if name not in ("recurrence", "executor", "deferrals")}


def paused(task_id: str, tasks: Path) -> dict[str, Any]:
    """One that waits for nobody."""
    return {**waiting(task_id, tasks), "status": "paused", "paused_at": text_at()}


HOMES: dict[str, Callable[[str, Path], dict[str, Any]]] = {
    "waiting": waiting,
    "executing": executing,
    "over": over,
    "once": once,
    "paused": paused,
}
AT_HOME = {
    **dict.fromkeys(("run", "started_at", "cancel_requested_at", "cancel_reason", "cancel_occurrence"), "executing"),
    **dict.fromkeys(("after_attempt", "attempts"), "executing"),
    **dict.fromkeys(("missed_at", "stretch", "reason", "error", "result", "completed_at", "failed_at"), "over"),
    **dict.fromkeys(("cancelled_at", "skipped_at"), "over"),
    **dict.fromkeys(("command", "env", "env_file", "expires_at"), "once"),
    "paused_at": "paused",
}


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    for one in part.get("anyOf", []):
        part = {**part, **resolved(one)}
    name = part.get("$ref", "").removeprefix("#/$defs/")
    return SCHEMA if name == "#" else {**SCHEMA["$defs"][name], **part} if name else part


def places(part: dict[str, Any], keys: KEYS = ()) -> Iterator[KEYS]:
    """Every field of the schema down to the leaves; an ended record is gone into once."""
    for name, inner in part.get("properties", {}).items():
        if name in ("ended", "ended_runs", "run") and "ended" in keys:
            continue
        yield from _places_of(resolved(inner), (*keys, name))


def _places_of(part: dict[str, Any], keys: KEYS) -> Iterator[KEYS]:
    yield keys
    if "items" in part:
        yield from _places_of(resolved(part["items"]), (*keys, 0))
    elif "oneOf" in part:
        yield (*keys, 0)
    yield from places(part, keys)


PLACES = list(places(SCHEMA))


def named(keys: KEYS) -> str:
    return ".".join(map(str, keys))


def with_value(record: dict[str, Any], keys: KEYS, raw: str) -> bytes:
    """The line of ``record`` with ``raw`` in the place ``keys``."""
    mark = "the odd value"
    changed = inside = deepcopy(record)
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        value: Any = mark if following is None else [] if following == 0 else {}
        if key == 0:
            inside[:] = inside[:1] or [value]
        if following is None or not isinstance(inside[key] if key == 0 else inside.get(key), type(value)):
            inside[key] = value
        inside = inside[key]
    return json.dumps(changed).replace(f'"{mark}"', raw).encode() + b"\n"


NEIGHBOURS = [
    v1_task("due"),
    v1_task("left", status="executing", attempts=1, max_retries=0, run=RUN),
    v1_task("ended", status="completed", completed_at=text_at()),
    v1_task("recurring", occurrence=text_at(), recurrence={**RECURRENCE, "catch_up": "all"}),
]


class Desk:
    """A place with a store of odd records, one for each wrong value, beside the neighbours."""

    def __init__(self, place: Place, keys: KEYS, home: str) -> None:
        self.place, self.keys = place, keys
        self.tasks_dir = place.base / "tasks"
        self.tasks_dir.mkdir()
        (self.tasks_dir / "env.yml").write_text("schedule: every 2h\ncommand: exit 0\nenv: {A: b}\n")
        self.odd: dict[str, bytes] = {}
        for number, (name, raw) in enumerate(WRONG.items()):
            task_id = f"odd-{number:02}"
            self.odd[name] = with_value(HOMES[home](task_id, self.tasks_dir), keys, raw)
        # What stands in a run record by another's hand is filed as it is.
        place.check_records = lambda: None  # type: ignore[method-assign]
        place.env |= {"DEFER_TASKS_DIR": str(self.tasks_dir), "DEFER_KILL_GRACE_SECONDS": "0"}

    def fill(self, *odd: bytes) -> None:
        """A store with these records among the neighbours."""
        self.place.write_store(*map(codec.encode, NEIGHBOURS[:2]), *odd, *map(codec.encode, NEIGHBOURS[2:]))

    def lines(self) -> list[bytes]:
        return self.place.store_path.read_bytes().splitlines(keepends=True)


def is_bad(line: bytes) -> bool:
    try:
        codec.decode(line)
    except codec.BadLine:
        return True
    return False


def test_every_place_of_the_schema_is_known_to_a_home() -> None:
    """An odd value takes the place of a good one where a record has one."""
    assert len(PLACES) > 200
    assert ("run", "leader", "pid") in PLACES
    assert ("ended", 0, "recurrence", "count") in PLACES
    for keys in PLACES:
        line = with_value(HOMES[home_of(keys)]("odd", Path("/nowhere")), keys, "5")
        found: Any = json.loads(line)
        for key in keys:
            found = found[key]
        assert found == 5


def home_of(keys: KEYS) -> str:
    return AT_HOME.get(keys[0], "waiting")


def homes_of(keys: KEYS) -> list[str]:
    return [home_of(keys)] if DEPTH == 1 else list(HOMES)


CASES = [pytest.param(keys, home, id=f"{named(keys)} {home}") for keys in PLACES for home in homes_of(keys)]


def test_the_figure_in_the_promises_is_that_of_the_matrix() -> None:
    cells = len(PLACES) * len(WRONG)
    calls = sum(len(sampled(f"{named(keys)} {name}", 1)) for keys in PLACES for name in WRONG)
    (row,) = re.findall(r"^\| 17 \|.*$", (ROOT / "docs" / "promises.md").read_text(), re.MULTILINE)
    assert f"{len(PLACES)} places × {len(WRONG)} values" in row
    assert f"{cells:,} cells" in row
    assert f"{calls:,} calls" in row


@pytest.fixture
def desk(place: Place, keys: KEYS, home: str) -> Desk:
    return Desk(place, keys, home)


@pytest.mark.parametrize(("keys", "home"), CASES)
class TestRow17:
    def test_a_wake_serves_the_neighbours(self, desk: Desk, record_property: Callable[[str, object], None]) -> None:
        record_property("count: odd records", len(desk.odd))
        desk.fill(*desk.odd.values())
        place = desk.place
        place.wake_at(NOW)
        check_neighbours(place)
        check_odd_ones(desk)

    def test_no_command_ends_in_a_traceback(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in desk.place.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(desk.place.home)
        for number, (name, line) in enumerate(desk.odd.items()):
            task_id = f"odd-{number:02}"
            for command in sampled(f"{named(desk.keys)} {name}"):
                desk.fill(line)
                called(command, task_id, line, desk, monkeypatch)
                if is_bad(line):
                    assert line in desk.lines(), (command, name)


def check_neighbours(place: Place) -> None:
    filed = {one["id"]: one for one in place.archived()}
    assert filed["due"]["status"] == "completed"
    assert filed["left"]["error_type"] == "RunnerLost"
    assert filed["ended"]["status"] == "completed"
    assert filed["recurring"]["status"] == "completed"
    assert place.task("recurring")["run_at"] == text_at(hours=2)
    assert place.tasks().keys() & {"due", "left", "ended"} == set()


def check_odd_ones(desk: Desk) -> None:
    place, kept = desk.place, desk.lines()
    bad = [line for line in desk.odd.values() if is_bad(line)]
    assert [line for line in kept if is_bad(line)] == bad
    reported = [facts for action, facts in place.reported if action == "bad_line"]
    assert len(reported) >= min(len(bad), 20)
    filed = {one["id"] for one in place.archived()}
    there = {codec.decode(line)["id"] for line in kept if line not in bad}
    for line in desk.odd.values():
        assert line in bad or codec.decode(line)["id"] in filed | there
    for path in [*place.archive_dir.glob("*"), *(place.runtime / "runs").glob("*")]:
        assert all(isinstance(one, dict) for one in records(path))
        if path.parent == place.archive_dir:
            assert not any(map(is_bad, path.read_bytes().splitlines()))
    odd = {f"odd-{number:02}" for number, line in enumerate(desk.odd.values()) if line in bad}
    for one in place.tasks().values():
        assert one["status"] != "executing" or one["id"] in odd or is_held(one), one["id"]


def is_held(one: dict[str, Any]) -> bool:
    """Whether an attempt may count as alive still: nobody can tell, and its deadline is ahead."""
    return (one["run"].get("deadline_at") or "") > text_at()


# Commands, in this process

COMMANDS: dict[str, list[str]] = {
    "list": ["list"],
    "list --all": ["list", "--all", "--compact"],
    "list --upcoming": ["list", "--upcoming", "30d", "--limit", "100"],
    "list --limit": ["list", "--limit", "5"],
    "list --table": ["list", "--table"],
    "list --upcoming --table": ["list", "--upcoming", "30d", "--table"],
    "status": ["status"],
    "status --table": ["status", "--table"],
    "show": ["show", "ID"],
    "show --table": ["show", "ID", "--table"],
    "inbox": ["inbox", "--all", "--table"],
    "inbox --json": ["inbox", "--peek", "--json"],
    "inbox --hook": ["inbox", "--hook", "text"],
    "ack": ["ack", "ID"],
    "history": ["history", "--since", "30000d"],
    "history --table": ["history", "ID", "--table"],
    "log": ["log", "ID", "--json"],
    "log --table": ["log", "ID", "--table"],
    "list --status": ["list", "--all", "--since", "30000d", "--table"],
    "health": ["health", "--since", "7d"],
    "doctor": ["doctor"],
    "cancel": ["cancel", "ID", "--reason", "r"],
    "cancel --occurrence": ["cancel", "ID", "--occurrence"],
    "cancel --kill": ["cancel", "--kill", "ID"],
    "edit": ["edit", "ID", "--summary", "s", "--max-retries", "2"],
    "edit --when": ["edit", "ID", "--when", "every 3h"],
    "edit once": ["edit", "ID", "--when", "3h"],
    "edit --expires": ["edit", "ID", "--expires", "3h"],
    "edit --count": ["edit", "ID", "--count", "9"],
    "edit --tz": ["edit", "ID", "--tz", "Europe/Berlin"],
    "reschedule": ["reschedule", "ID", "2h"],
    "snooze": ["snooze", "ID", "2h"],
    "pause": ["pause", "ID"],
    "pause --until": ["pause", "--all", "--until", "tomorrow"],
    "resume": ["resume", "ID"],
    "resume --all": ["resume", "--all", "--table"],
    "uncancel": ["uncancel", "ID"],
    "list --text": ["list", "--all", "--text", "e", "--tag", "t"],
    "glance": [],
    "run": ["run", "ID"],
    "wait": ["wait", "ID", "--timeout", "0"],
    "prune": ["prune", "--older", "1d"],
    "sync": ["sync"],
    "sync --dry-run": ["sync", "--dry-run"],
    "replace": ["--when", "1h", "--summary", "s", "--id", "ID", "--if-exists", "replace"],
    "skip": ["--when", "1h", "--summary", "s", "--id", "ID", "--if-exists", "skip"],
    "attempt": [],
    "archive": [],
    "wake": [],
    "sdk": [],
}


def sampled(cell: str, depth: int = DEPTH) -> list[str]:
    """The commands a cell goes through: all of them, or some that are always the same."""
    if depth > 1:
        return list(COMMANDS)
    first = zlib.crc32(cell.encode())
    names = list(COMMANDS)
    at_once = 1 if cell.startswith("ended.0.") else 2
    return [names[(first + turn * 9) % len(names)] for turn in range(at_once)]


class Terminal(io.TextIOWrapper):
    """Standard output that may be a terminal."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def text(self) -> str:
        self.flush()
        found = self.buffer
        assert isinstance(found, io.BytesIO)
        return found.getvalue().decode()


EXITS = {0, 1, 2, 74}


def called(command: str, task_id: str, line: bytes, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One command; whatever is not a DeferError comes out of here as it is."""
    out, err = (Terminal(is_terminal=zlib.crc32(line) % 2 == 0) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line)))
    monkeypatch.setattr("defer.wakers.crontab.read", lambda: b"")
    if command == "sdk":
        try_sdk(task_id)
        return
    if command.startswith("sync"):
        (desk.tasks_dir / f"{task_id}.yml").write_text("schedule: every 2h\ncommand: exit 0\n")
    face = command if command in ("attempt", "archive", "wake") else "front"
    handlers = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        status = cli.main(face, [task_id if word == "ID" else word for word in COMMANDS[command]])
    finally:
        for number, handler in handlers:
            signal.signal(number, handler)
    assert status in EXITS | ({75} if command == "wait" else set()), (command, status, err.text())
    assert "Traceback" not in err.text()
    assert status == 0 or err.text() or command in ("health", "doctor", "wait"), command


def try_sdk(task_id: str) -> None:
    assert {"due", "left", "ended", "recurring"} <= {one.id for one in defer.list_tasks()}
    with suppress(defer.DeferError):
        assert defer.get_task(task_id).id == task_id
    assert all(run.ended_at for run in defer.list_runs())
