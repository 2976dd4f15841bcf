"""A year of cron tasks in simulated time, and a month of downtime: prints how each occurrence was accounted for.

    PYTHONPATH=scripts python tests/simulated_year.py [FIELDS [YEAR]]

The real store and the real runner in a throw-away directory; only the clock is not real: it jumps from one due time
to the next. What the archive then holds is compared with cronsim, and the history checker looks at all of it.
``run/test_recurring_wakes.py`` does a smaller one.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim

from defer import instants
from defer.client import Client
from defer.record import codec
from defer.reports import recordfiles
from defer.run.wake import Runner
from defer.scheduling.plan import Request

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
Task = dict[str, Any]


class Figures(NamedTuple):
    """How the occurrences of one task were accounted for."""

    expected: int
    accounted: int
    not_once: list[str]
    statuses: dict[str, int]


class World:
    """A runtime directory of its own and a clock that goes on by ``pace`` whenever it is looked at."""

    def __init__(self, base: Path, start: datetime, pace: timedelta = timedelta(0)) -> None:
        self.now = start
        self.pace = pace
        self.archive = base / "runtime" / "archive"
        environ = {"HOME": str(base), "DEFER_RUNTIME_DIR": str(base / "runtime"), "DEFER_TIMEZONE": "UTC"}
        self.client = Client(environ, clock=self.clock)

    def clock(self) -> datetime:
        self.now += self.pace
        return self.now

    def add(self, when: str, task_id: str, **fields: Any) -> None:
        """Schedule a task now."""
        request = Request(when=when, context={"summary": task_id}, task_id=task_id, **fields)
        self.client.add([self.client.plan(request)])

    def wake(self) -> dict[str, int]:
        """One wake; its counts."""
        runner = Runner(self.client.store, self.client.config, self.client.audit, self.clock)
        runner.wake()
        return runner.counts

    def run_until(self, finish: datetime, pause: Callable[[], timedelta]) -> None:
        """Wake whenever something is due, or ``pause()`` later, up to ``finish``."""
        while (due := min((instants.from_text(one["run_at"]) for one in self.client.tasks()), default=finish)) < finish:
            self.now = min(max(self.now, due) + pause(), finish)
            self.wake()

    def contradictions(self) -> list[str]:
        """What the history checker says of all that was recorded."""
        found = recordfiles.history(self.client.store, self.client.config).report().contradictions
        return [f"{one.kind} {one.id} {one.occurrence}: {one.what}" for one in found]

    def records(self, task_id: str) -> list[Task]:
        """What the archive holds of a task."""
        lines = (line for path in sorted(self.archive.glob("*.jsonl")) for line in path.read_bytes().splitlines())
        return [one for one in map(codec.decode, lines) if one["id"] == task_id]


def fires(fields: str, zone: str, start: datetime, end: datetime) -> list[str]:
    """What cronsim answers: every fire after ``start`` and before ``end``, in UTC."""
    found = CronSim(fields, start.astimezone(ZoneInfo(zone)))
    return [instants.to_text(fire) for fire in takewhile(lambda fire: fire.astimezone(UTC) < end, found)]


def figures(records: list[Task], expected: list[str]) -> Figures:
    """Count every expected fire in the records; one that is not a fire counts as not accounted for once."""
    seen: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    for one in records:
        stretch = one.get("stretch") or {"first": one["occurrence"], "last": one["occurrence"], "count": 1}
        covered = [fire for fire in expected if stretch["first"] <= fire <= stretch["last"]]
        if len(covered) != stretch["count"]:
            covered.append(f"{stretch}")
        seen.update(covered)
        statuses[one["status"]] += stretch["count"]
    not_once = sorted({*expected, *seen} - {fire for fire in expected if seen[fire] == 1})
    return Figures(len(expected), sum(statuses.values()), not_once, dict(sorted(statuses.items())))


def year(base: Path, fields: str, number: int, *, rough: bool = False) -> dict[str, Figures]:
    """A year of one task in each zone. ``rough``: the machine is often off, and what runs takes its time."""
    start, finish = datetime(number, 1, 1, tzinfo=UTC), datetime(number + 1, 1, 1, tzinfo=UTC)
    world = World(base, start, timedelta(minutes=7) if rough else timedelta(0))
    dice = random.Random(number)  # noqa: S311  (the same year every time)
    for zone in ZONES:
        world.add(fields, zone.replace("/", "."), tz=zone)
    begun = world.now

    def pause() -> timedelta:
        if not rough:
            return timedelta(seconds=20)
        return timedelta(hours=dice.expovariate(1 / 60)) if dice.random() < 0.1 else timedelta(minutes=dice.random())

    world.run_until(finish, pause)
    assert world.contradictions() == []
    return {zone: _figures_of(world, zone, fields, start, begun) for zone in ZONES}


def _figures_of(world: World, zone: str, fields: str, start: datetime, begun: datetime) -> Figures:
    """Up to the occurrence that is waited for at the end."""
    task_id = zone.replace("/", ".")
    (waiting,) = (one for one in world.client.tasks() if one["id"] == task_id)
    anchor = instants.from_text(waiting["recurrence"]["anchor"])
    assert start <= anchor <= begun
    return figures(world.records(task_id), fires(fields, zone, anchor, instants.from_text(waiting["occurrence"])))


def downtime(base: Path) -> tuple[float, dict[str, int], list[Task]]:
    """A month without a wake for an every-minute task: seconds of the wake after it, its counts, what it filed."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    world = World(base, start)
    world.add("* * * * *", "every-minute", tz="Europe/Berlin")
    world.now = start + timedelta(days=31, seconds=30)
    begun = time.perf_counter()
    counts = world.wake()
    return time.perf_counter() - begun, counts, world.records("every-minute")


def _print_year(title: str, fields: str, number: int, *, rough: bool) -> bool:
    with tempfile.TemporaryDirectory() as base:
        begun = time.perf_counter()
        found = year(Path(base), fields, number, rough=rough)
        took = time.perf_counter() - begun
    print(f"{title}: {fields} in {number}, {took:.1f} s")
    for zone, one in found.items():
        how = ", ".join(f"{count} {status}" for status, count in one.statuses.items())
        print(f"  {zone:<20} cronsim {one.expected}, accounted for {one.accounted} ({how}), not once: {one.not_once}")
    return all(one.expected == one.accounted and not one.not_once for one in found.values())


def main(argv: list[str]) -> int:
    """Print the figures; 1 if an occurrence was not accounted for once."""
    fields, number = (argv[0] if argv else "30 0-3 * * *"), int(argv[1]) if len(argv) > 1 else 2026
    good = _print_year("A year", fields, number, rough=False)
    good &= _print_year("A year with the machine often off and slow work", fields, number, rough=True)
    with tempfile.TemporaryDirectory() as base:
        took, counts, records = downtime(Path(base))
        wrong = World(Path(base), datetime(2026, 4, 1, tzinfo=UTC)).contradictions()
    print(
        f"A month without a wake, every minute: {took * 1000:.0f} ms, {len(records)} records, {counts['started']} run"
    )
    for one in records:
        print(f"  {one['status']}: {one.get('stretch') or one['occurrence']}")
    print(f"Contradictions in what was recorded of it: {wrong}")
    return 0 if good and not wrong else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
