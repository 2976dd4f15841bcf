"""What we aim at, and how it is measured: each function yields the lines of one aim."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import bulk
import measure
import past
from ground import CAT, PROGRAMS, SCRIPTS, Ground
from measure import Sample, mebibytes, ratio, seconds
from table import Line, milliseconds

WAKE = "`bash -c :`"
COLD = "`python -I -c pass`"


def idle_wake(ground: Ground) -> Iterator[Line]:
    """Nothing due: the same for every size, and hardly more than a shell."""
    sizes = [0, 1000, ground.largest]
    places = {size: ground.store(size) for size in sizes}
    works: dict[str, Callable[[], Sample]] = {"limit": ground.bare_bash}
    for size, place in places.items():
        ground.make_idle(place)
        works[str(size)] = partial(ground.wake, place)
    found = measure.in_turn(ground.rounds(60), works)
    limit = found["limit"]
    for size in sizes:
        ours = found[str(size)]
        times = ratio(ours, limit)
        text = (
            f"wake, nothing due, {size:,} tasks",
            milliseconds(seconds(ours)),
            f"{milliseconds(seconds(limit))} {WAKE}",
        )
        yield Line(*text, f"{times:.2f} ×", "≤ 2 ×", times <= 2)
    times = ratio(found[str(sizes[-1])], found["0"])
    yield Line("… the largest beside the empty one", "", "", f"{times:.2f} ×", "the same (≤ 1.1 ×)", times <= 1.1)


def cold_schedule(ground: Ground) -> Iterator[Line]:
    """One task added from the shell, synced."""
    small, large = ground.store(1000), ground.store(ground.largest)
    works: dict[str, Callable[[], Sample]] = {
        "limit": ground.bare_python,
        "small": partial(ground.schedule, small),
        "large": partial(ground.schedule, large),
    }
    found = measure.in_turn(ground.rounds(25), works)
    limit = f"{milliseconds(seconds(found['limit']))} {COLD}"
    for name, size in (("small", 1000), ("large", ground.largest)):
        times = ratio(found[name], found["limit"])
        ours = milliseconds(seconds(found[name]))
        yield Line(f"schedule --when 30m, {size:,} tasks", ours, limit, f"{times:.1f} ×", "≤ 4 ×", times <= 4)


def drain(ground: Ground) -> Iterator[Line]:
    """Many due tasks with an executor that does next to nothing."""
    due, waiting = 100, 9900
    executor = ground.executor("cat", CAT)
    found = measure.in_turn(
        ground.rounds(7),
        {
            "python": ground.bare_python,
            "limit": partial(_spawn, executor, due),
            "one": partial(_drained, ground, waiting, due, executor, 1),
            "four": partial(_drained, ground, waiting, due, executor, 4),
        },
    )
    rounds = zip(found["one"], found["limit"], found["python"], strict=True)
    above = sorted((one.seconds - limit.seconds) / due / python.seconds for one, limit, python in rounds)
    each = above[len(above) // 2]
    one, limit = seconds(found["one"]), seconds(found["limit"])
    work = f"wake, {due} due of {waiting + due:,}, one at a time"
    spawned = f"{milliseconds(limit)} spawning it"
    aim = "≤ 0.25 Python starts a task above"
    yield Line(work, milliseconds(one), spawned, f"{each:.2f} Python starts a task above", aim, each <= 0.25)
    faster = ratio(found["one"], found["four"])
    four = milliseconds(seconds(found["four"]))
    yield Line(
        "… four at a time",
        four,
        f"{milliseconds(one)} one at a time",
        f"{faster:.2f} × faster",
        "≥ 1.6 ×",
        faster >= 1.6,
    )


def _spawn(executor: str, count: int) -> Sample:
    """The same executor, started so often by nobody in particular."""
    started = time.perf_counter()
    for _ in range(count):
        subprocess.run([executor], input=b"x" * 750, capture_output=True, check=True)
    return Sample(time.perf_counter() - started, 0.0)


def _drained(ground: Ground, waiting: int, due: int, executor: str, parallel: int) -> Sample:
    runtime = ground.fresh(waiting, due)
    found = ground.wake(runtime, DEFER_EXECUTOR=executor, DEFER_MAX_PARALLEL=str(parallel))
    completed = [line for path in (runtime / "archive").iterdir() for line in path.read_bytes().splitlines()]
    if len(completed) != due or any(b'"status":"completed"' not in line for line in completed):
        raise measure.Failed(f"of {due} due tasks {len(completed)} were filed")
    return found


def busy_wake(ground: Ground) -> Iterator[Line]:
    """One task due among very many."""
    for size, most in ((100_000, 64), (ground.largest, 256))[: 1 if ground.quick else 2]:
        place = ground.store(size)
        works = {
            "limit": partial(ground.python, PROGRAMS, "parse", str(place / "deferred.jsonl")),
            "ours": partial(ground.wake_with_one_due, place),
        }
        found = measure.in_turn(ground.rounds(5), works)
        times, memory = ratio(found["ours"], found["limit"]), mebibytes(found["ours"])
        ours = f"{milliseconds(seconds(found['ours']))}, {memory:.0f} MiB"
        limit = f"{milliseconds(seconds(found['limit']))} orjson over every line"
        aim, met = f"≤ 3 ×, ≤ {most} MiB", times <= 3 and memory <= most
        yield Line(f"wake, 1 due of {size:,}", ours, limit, f"{times:.2f} ×", aim, met)


def whole_list(ground: Ground) -> Iterator[Line]:
    """Everything, for a program."""
    place = ground.store(100_000)
    works = {
        "limit": partial(ground.python, PROGRAMS, "copy", str(place / "deferred.jsonl")),
        "ours": partial(ground.defer, place, "list", "--compact"),
    }
    found = measure.in_turn(ground.rounds(7), works)
    took, memory = seconds(found["ours"]), mebibytes(found["ours"])
    limit = f"{milliseconds(seconds(found['limit']))} orjson in and out"
    times = f"{ratio(found['ours'], found['limit']):.2f} ×"
    met = ratio(found["ours"], found["limit"]) <= 1.5 and memory <= 64
    yield Line(
        "list --compact, 100,000 tasks",
        f"{milliseconds(took)}, {memory:.0f} MiB",
        limit,
        times,
        "≤ 1.5 ×, ≤ 64 MiB",
        met,
    )


def one_of_many(ground: Ground) -> Iterator[Line]:
    """One task looked up or cancelled."""
    for size in (1000, 100_000):
        place = ground.store(size)
        works = {
            "limit": partial(ground.schedule, ground.store(1000)),
            "show": partial(ground.about_one, "show", place),
            "cancel": partial(ground.about_one, "cancel", place),
        }
        found = measure.in_turn(ground.rounds(15), works)
        limit = f"{milliseconds(seconds(found['limit']))} a cold schedule"
        for verb in ("show", "cancel"):
            took, times = seconds(found[verb]), ratio(found[verb], found["limit"])
            most = 1.5 if size == 1000 else 2
            yield Line(
                f"{verb}, {size:,} tasks", milliseconds(took), limit, f"{times:.2f} ×", f"≤ {most} ×", times <= most
            )


def from_python(ground: Ground) -> Iterator[Line]:
    """The SDK: each synced, and in one batch."""
    rounds, count = (3, 200) if ground.quick else (10, 1000)
    place = ground.fresh()
    works: dict[str, Callable[[], Sample]] = {
        "limit": partial(ground.told, "append", str(ground.directory / "appended"), str(count)),
        "each": partial(ground.told, "schedule", str(count), runtime=place),
        "batch": lambda: ground.told("schedule_all", "10000", runtime=ground.fresh()),
    }
    found = measure.in_turn(rounds, works)
    each, limit = count / seconds(found["each"]), count / seconds(found["limit"])
    share = ratio(found["limit"], found["each"])
    work = f"{rounds * count:,} schedules by the SDK, each synced"
    limit_text = f"{limit:,.0f}/s append + fsync"
    yield Line(work, f"{each:,.0f}/s", limit_text, f"{share:.0%}", "≥ 60 %", share >= 0.6)
    batch = 10_000 / seconds(found["batch"])
    yield Line("10,000 schedules by the SDK, one batch", f"{batch:,.0f}/s", "", "", "≥ 50,000/s", batch >= 50_000)


def at_once(ground: Ground) -> Iterator[Line]:
    """Many people scheduling at the same time, from the shell."""
    people, each = (4, 5) if ground.quick else (16, 50)
    row = _scheduled(ground, 1, people * each)
    together = _scheduled(ground, people, each)
    times = together.seconds / row.seconds
    work, limit = f"{people} processes × {each} schedules at once", f"{milliseconds(row.seconds)} in a row"
    yield Line(
        work, milliseconds(together.seconds), limit, f"{times:.2f} ×", "no loss, no error, ≤ 1.5 ×", times <= 1.5
    )


def _scheduled(ground: Ground, people: int, each: int) -> Sample:
    """So many shells, each with a loop of cold schedules; raises Failed for an error or a loss."""
    runtime = ground.fresh()
    command = f'for i in $(seq {each}); do "$0" --when 30m --summary "task $i" --compact || exit; done'
    argv = ["/bin/sh", "-c", command, str(SCRIPTS / "schedule-task.sh")]
    with ThreadPoolExecutor(people) as pool:
        samples = list(pool.map(lambda _: measure.process(argv, ground.env(runtime)), range(people)))
    lines = (runtime / "deferred.jsonl").read_bytes().splitlines()
    if len({json.loads(line)["id"] for line in lines}) != people * each:
        raise measure.Failed(f"{people * each} were scheduled, {len(lines)} are there")
    return Sample(max(one.seconds for one in samples), 0.0)


def much_output(ground: Ground) -> Iterator[Line]:
    """A wake whose executor does not stop talking."""
    size = 1 << (26 if ground.quick else 30)
    executor = ground.executor("talk", f"#!/bin/sh\nexec head -c {size} /dev/zero\n")
    runtime = ground.fresh()
    ground.schedule(runtime, "now")
    found = ground.wake(runtime, DEFER_EXECUTOR=executor)
    run = json.loads(next((runtime / "runs").iterdir()).read_bytes())
    if run["status"] != "ok" or Path(run["log"]).stat().st_size > 2 << 20:
        raise measure.Failed(f"the attempt ended as {run['status']}, with a log of {run['log']}")
    ours = f"{found.mebibytes:.0f} MiB, {milliseconds(found.seconds)}"
    work = f"wake, its executor writes {size >> 20:,} MiB"
    yield Line(work, ours, "", "", "≤ 64 MiB", found.mebibytes <= 64)


ALL = (
    idle_wake,
    cold_schedule,
    drain,
    busy_wake,
    whole_list,
    one_of_many,
    from_python,
    at_once,
    much_output,
    *bulk.ALL,
    *past.ALL,
)
