"""What we aim at where there are many records: task files, filed tasks, runs, and what is to come."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import measure
import stores
from ground import PROGRAMS, Ground
from measure import Sample, mebibytes, ratio, seconds
from table import Line, milliseconds

PYTHON = "`python -I -c pass`"


def task_files(ground: Ground) -> Iterator[Line]:
    """A directory of task files: all of them changed, and none."""
    changed, unchanged = (200, 1000) if ground.quick else (1000, 5000)
    found: dict[str, list[Sample]] = {"first": [], "again": []}
    for _ in range(ground.rounds(3)):
        runtime = ground.fresh()
        found["first"].append(_synced(ground, runtime, changed, "check the inbox"))
        found["again"].append(_synced(ground, runtime, changed, "check the outbox"))
    times, first = ratio(found["again"], found["first"]), milliseconds(seconds(found["first"]))
    again = milliseconds(seconds(found["again"]))
    yield Line(
        f"sync, {changed:,} changed files", again, f"{first} the first", f"{times:.2f} ×", "≤ 2.5 ×", times <= 2.5
    )
    runtime = ground.fresh()
    _synced(ground, runtime, unchanged, "check the inbox")
    works = {"limit": ground.bare_python, "ours": partial(ground.defer, runtime, "sync", str(runtime / "tasks"))}
    yield _line(f"sync, {unchanged:,} unchanged files", measure.in_turn(ground.rounds(5), works), 50)


def _synced(ground: Ground, runtime: Path, count: int, prompt: str) -> Sample:
    """`sync` of so many files, each just written."""
    directory = runtime / "tasks"
    directory.mkdir(exist_ok=True)
    for number in range(count):
        text = f"schedule: every day at 9am\nprompt: {prompt}, number {number}\nworkspace: {runtime}\n"
        (directory / f"task-{number}.yml").write_text(text)
    return ground.defer(runtime, "sync", str(directory))


def _line(work: str, found: dict[str, list[Sample]], most: int, mib: int | None = None) -> Line:
    """The line of an aim in starts of Python: a second is a hundred of them where one takes 10 ms."""
    times, memory = ratio(found["ours"], found["limit"]), mebibytes(found["ours"])
    limit = f"{milliseconds(seconds(found['limit']))} {PYTHON}"
    ours = milliseconds(seconds(found["ours"])) + ("" if mib is None else f", {memory:.0f} MiB")
    aim = f"≤ {most} ×" + ("" if mib is None else f", ≤ {mib} MiB")
    return Line(work, ours, limit, f"{times:.0f} ×", aim, times <= most and memory <= (mib or memory))


def filing(ground: Ground) -> Iterator[Line]:
    """One task filed, beside a month that holds much and beside an empty one."""
    size = (40 if ground.quick else 400) << 20
    empty, full = ground.fresh(100), ground.fresh(100)
    _fill_month(full, size)
    works = {"limit": partial(ground.wake_with_one_due, empty), "ours": partial(ground.wake_with_one_due, full)}
    found = measure.in_turn(ground.rounds(7), works)
    times, limit = ratio(found["ours"], found["limit"]), milliseconds(seconds(found["limit"]))
    work = f"filing beside a month of {size >> 20} MiB"
    yield Line(
        work, milliseconds(seconds(found["ours"])), f"{limit} an empty one", f"{times:.2f} ×", "≤ 2 ×", times <= 2
    )


def _fill_month(runtime: Path, size: int) -> None:
    path = runtime / "archive" / time.strftime("deferred_%Y%m.jsonl", time.gmtime())
    path.parent.mkdir(mode=0o700)
    with path.open("wb") as file:
        while file.tell() < size:
            file.writelines(stores.lines(10_000))
    path.chmod(0o600)


def upcoming(ground: Ground) -> Iterator[Line]:
    """The runs of the next 60 days of tasks that run every minute."""
    runtime = ground.fresh()
    for number in range(20):
        ground.defer(runtime, "--every", "minute", "--summary", f"look at number {number}", "--compact")
    works: dict[str, Callable[[], Sample]] = {
        "limit": ground.bare_python,
        "ours": partial(ground.defer, runtime, "list", "--upcoming", "60d", "--compact"),
    }
    yield _line("list --upcoming 60d, 20 tasks every minute", measure.in_turn(ground.rounds(5), works), 100, 64)


def newest_runs(ground: Ground) -> Iterator[Line]:
    """The newest runs of a year of one a day for a thousand tasks."""
    count = 36_500 if ground.quick else 365_000
    runtime = ground.fresh()
    _fill_runs(runtime, count)
    works: dict[str, Callable[[], Sample]] = {
        "limit": ground.bare_python,
        "ours": partial(ground.python, PROGRAMS, "newest_runs", "100", runtime=runtime),
    }
    yield _line(f"the newest 100 of {count:,} runs", measure.in_turn(ground.rounds(7), works), 30, 64)


def _fill_runs(runtime: Path, count: int) -> None:
    run = {"run_id": "run_%09d", "task_id": "task_1", "attempt": 1, "status": "ok", "ended_at": "2026-04-08T16:45:00Z"}
    line = json.dumps({**run, "error": "x" * 300}, separators=(",", ":")).encode() + b"\n"
    path = runtime / "runs" / "runs_202604.jsonl"
    path.parent.mkdir(mode=0o700)
    with path.open("wb") as file:
        file.writelines(line % number for number in range(count))
    path.chmod(0o600)


def foreign_order(ground: Ground) -> Iterator[Line]:
    """A store whose lines have their fields in another order than ours: after one wake it costs what ours does."""
    size = 10_000 if ground.quick else 100_000
    ours, foreign = ground.fresh(size), ground.fresh()
    # Line by line: what the benchmark itself holds counts as held by what it measures afterwards.
    with (ours / "deferred.jsonl").open("rb") as lines, (foreign / "deferred.jsonl").open("wb") as turned:
        turned.writelines(json.dumps(json.loads(line), sort_keys=True).encode() + b"\n" for line in lines)
    for place in (ours, foreign):
        ground.make_idle(place)
    works = {"limit": partial(ground.wake_with_one_due, ours), "ours": partial(ground.wake_with_one_due, foreign)}
    found = measure.in_turn(ground.rounds(7), works)
    times, limit = ratio(found["ours"], found["limit"]), milliseconds(seconds(found["limit"]))
    work = f"wake, {size:,} tasks written by others"
    yield Line(work, milliseconds(seconds(found["ours"])), f"{limit} by us", f"{times:.2f} ×", "≤ 1.3 ×", times <= 1.3)


ALL = (task_files, filing, upcoming, newest_runs, foreign_order)
