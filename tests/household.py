"""A week of a household in simulated time, seen as its owner sees it: prints what each command says of it.

    PYTHONPATH=scripts python tests/household.py

Twelve tasks: reminders, agents and commands. Three of them fail, each in its own way; the machine is off for one night;
summer time ends. The real store, the real runner and real programs in a throw-away directory; only the clock is not
real. It jumps from one due time to the next, and goes on by as much as a program says that its work took.
``e2e/test_household.py`` asserts what each rule finds.
"""

from __future__ import annotations

import io
import os
import re
import stat
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from defer import instants
from defer.client import Client
from defer.commands import cli, wake
from defer.record import codec

Task = dict[str, Any]

ZONE = ZoneInfo("Europe/Berlin")
START = datetime(2026, 10, 18, 18, tzinfo=ZONE)
OFF, ON = datetime(2026, 10, 21, 21, tzinfo=ZONE), datetime(2026, 10, 22, 7, 10, tzinfo=ZONE)
FINISH = datetime(2026, 10, 26, 9, tzinfo=ZONE)
LATER_THAN_DUE = timedelta(seconds=20)
"""Cron looks once a minute."""

PROGRAMS = {
    # Each is an executor or the program of a command. `took SECONDS` puts the clock on by so much.
    "took": """echo "$1" >>"$HOUSE/clock" """,
    "agent": """
cat >/dev/null
case $DEFER_TASK_ID in
news)
  took 95
  usage='{"input_tokens": 12000, "output_tokens": 800, "cost_usd": 0.05}'
  echo '{"summary": "Three things happened.", "usage": '"$usage"'}' >"$DEFER_RESULT_FILE"
  echo "Three things happened: rain, trains, an election." ;;
mail)
  took 240
  if [ "$(cat "$HOUSE/day")" = 2026-10-22 ] && [ "$DEFER_ATTEMPT" = 1 ]; then
    echo "the mail server did not answer" >&2
    exit 75
  fi
  echo '{"usage": {"input_tokens": 30000, "output_tokens": 2500, "cost_usd": 0.13}}' >"$DEFER_RESULT_FILE"
  echo "14 letters sorted, 2 need you." ;;
invoices)
  took 12
  echo "missing permission: mail.send" >&2
  exit 77 ;;
plants)
  took 4
  echo "On it! I will get back to you." ;;
shopping)
  took 60
  echo "Milk, bread, batteries." ;;
esac""",
    "backup": """took 1260; echo "1.2 GiB saved" """,
    "photos": """took 3; echo "copy $(cat "$HOUSE/day")/IMG_$$.jpg: /mnt/photos is not mounted" >&2; exit 1""",
    "solar": """took "$(cat "$HOUSE/solar")"; echo "$(cat "$HOUSE/solar") s of waiting, then 3.4 kWh" """,
    "printer": """
case $(cat "$HOUSE/day") in 2026-10-2[2-6]) took 2700; echo "waiting for the printer"; exec sleep 600 ;; esac
took 30; echo "nozzles are clean" """,
}
COMMANDS = {
    # id, when, program, further flags
    "backup": ("30 2 * * *", ["--timeout", "2h"]),
    "photos": ("0 23 * * *", []),
    "solar": ("0 */2 * * *", []),
    "printer": ("30 12 * * *", ["--timeout", "30m"]),
}
LINES = {
    # id, what its owner types
    "call-mum": "tuesday 17:00 call mum",
    "bins": "every tuesday 19:00 put the bins out",
    "vitamins": "every day 8:00 take the vitamins",
    "news": "every day 7:00 what has happened --executor {agent}",
    "mail": "every weekday 8:30 sort the mail --executor {agent} --max-retries 2",
    "invoices": "friday 16:00 send the invoices --executor {agent}",
    "plants": "every day 6:00 ask the garden how dry it is --executor {agent}",
    "shopping": "wednesday 22:00 make a list for the shop --executor {agent} --expires 1h",
}
TWELVE = {*COMMANDS, *LINES}
SEEN_THROUGH = (
    "status --table",
    "list --table",
    "show photos --table",
    "show call-mum --table",
    "history --limit 12 --table",
    "history --since 7d --status failed,missed,expired --table",
    "health --since 7d --table",
    "inbox --peek --table",
    "doctor --records --table",
)


class Said(NamedTuple):
    """What a command printed, and how it ended."""

    out: str
    err: str
    status: int


class House:
    """A runtime directory of its own and a clock that programs put on; wakes come only when the machine is on."""

    def __init__(self, base: Path, start: datetime = START, **settings: str) -> None:
        self.base, self._at = base, start.astimezone(UTC)
        (base / "bin").mkdir(parents=True)
        (base / "clock").touch()
        (base / "solar").write_text("60\n")
        for name, text in PROGRAMS.items():
            self.write_program(name, text)
        self.environ = {
            "HOME": str(base),
            "PATH": f"{base / 'bin'}:{os.environ['PATH']}",
            "HOUSE": str(base),
            "DEFER_RUNTIME_DIR": str(base / "runtime"),
            "DEFER_TASKS_DIR": str(base / "tasks"),
            "DEFER_TIMEZONE": str(ZONE),
            "DEFER_MAX_PARALLEL": "1",  # two at once would each put the clock on for the other
            **settings,
        }
        self.client = Client(self.environ, clock=self.clock)

    def write_program(self, name: str, text: str) -> Path:
        """Put a shell program where the household's PATH finds it."""
        path = self.base / "bin" / name
        path.write_text(f"#!/bin/sh\n{text.strip()}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    # Time

    def ahead(self) -> float:
        """Seconds by which programs have put the clock on."""
        return sum(map(float, (self.base / "clock").read_text().split()))

    def clock(self) -> datetime:
        """Now."""
        return self._at + timedelta(seconds=self.ahead())

    def go_to(self, moment: datetime) -> None:
        """Put the clock to a moment that is still to come, or leave it."""
        self._at += max(timedelta(0), moment.astimezone(UTC) - self.clock())
        (self.base / "day").write_text(f"{self.clock().astimezone(ZONE):%Y-%m-%d}\n")

    @contextmanager
    def in_charge_of_time(self) -> Iterator[None]:
        """Time limits and durations go by the clock of the house, too."""
        real = time.monotonic
        time.monotonic = lambda: real() + self.ahead()
        try:
            yield
        finally:
            time.monotonic = real

    # What happens

    def task(self, task_id: str) -> Task:
        """A task of the store, as it is now."""
        (found,) = (one for one in self.client.tasks() if one["id"] == task_id)
        return found

    def write(self, *changed: Task) -> None:
        """Change tasks as another program would that writes to the store."""
        with self.client.config.tasks_file.open("ab") as file:
            file.writelines(codec.encode(one) for one in changed)

    def do(self, *argv: str) -> Said:
        """One call of `defer`."""
        real, cli.connect = cli.connect, lambda: self.client
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
        try:
            with redirect_stdout(out), redirect_stderr(err):
                status = cli.main("front", list(argv))
            out.flush()
            return Said(out.buffer.getvalue().decode(), err.getvalue(), status)  # type: ignore[attr-defined]
        finally:
            cli.connect = real

    def must(self, *argv: str) -> str:
        """One call of `defer` that succeeds; what it printed."""
        said = self.do(*argv)
        assert said.status == 0, f"{argv}: {said}"
        return said.out

    def wake(self, *, was_on: bool = True) -> None:
        """One wake, as cron would make it; ``was_on``: idle ones, which this simulation leaves out, came before it."""
        if was_on and (due := self.client.store.markers.due).exists():
            self._touch(due)
        with redirect_stderr(io.StringIO()):  # cron would mail it
            wake.wake(lambda: self.client, [])
        self.beat()

    def beat(self) -> None:
        """The last wake was now."""
        self._touch(self.client.store.markers.heartbeat)

    def _touch(self, marker: Path) -> None:
        at = self.clock().timestamp()
        os.utime(marker, (at, at))

    def live_until(self, finish: datetime) -> None:
        """Wake whenever something is due, up to ``finish``."""
        with self.in_charge_of_time():
            while (due := min(map(_due, filter(_waits, self.client.tasks())), default=finish)) < finish:
                self.go_to(due + LATER_THAN_DUE)
                self.wake()
            self.go_to(finish)
            self._touch(self.client.store.markers.due)
            self.beat()


def _waits(one: Task) -> bool:
    return one["status"] == "scheduled" and not one.get("requires")


def _due(one: Task) -> datetime:
    return instants.from_text(one["run_at"])


def settle_in(house: House) -> None:
    """Schedule the twelve."""
    house.go_to(START)
    for task_id, line in LINES.items():
        house.must(*line.format(agent=house.base / "bin" / "agent").split(), "--id", task_id)
    for task_id, (when, flags) in COMMANDS.items():
        house.must("add", task_id, "--schedule", when, "--command", task_id, *flags)


def week(base: Path, **settings: str) -> House:
    """The week, lived up to Monday morning."""
    house = House(base, **settings)
    settle_in(house)
    house.live_until(OFF)
    with house.in_charge_of_time():
        house.go_to(ON)
        house.wake(was_on=False)
    house.live_until(FINISH - timedelta(hours=9, minutes=30))
    (house.base / "solar").write_text("400\n")
    house.live_until(FINISH)
    return house


def mess(house: House) -> None:
    """What goes wrong beside that, up to 9:55: another machine has a task, and with it the only slot."""
    with house.in_charge_of_time():
        house.must(
            *"now scan the letters --id scan --timeout 30m --executor".split(), str(house.base / "bin" / "printer")
        )
        house.wake()
    house.must(*"now tidy the guest room --id guests".split())
    house.must(*"every 1m look at the heating --id heating".split())
    house.must(*"every 2m look who is at the door --id door --expires 1m".split())
    house.must(*"30s wash up --id dishes".split())
    house.write(
        house.task("guests")
        | {"status": "executing", "attempts": 1, "started_at": instants.to_text(house.clock())}
        | {"run": {"run_id": "run_20261026T084500Z_0123456789", "host": "attic", "runner": _AWAY}},
        house.task("heating") | {"requires": ["thermostat"]},
    )
    (_log_of_latest(house, "mail")).unlink()
    with house.in_charge_of_time():
        house.go_to(house.clock() + timedelta(minutes=10))
        house.wake()


_AWAY = {"pid": 4711, "start": "1", "boot": "00000000-0000-4000-8000-000000000000", "pid_namespace": "pid:[1]"}


def _log_of_latest(house: House, task_id: str) -> Path:
    return max((house.base / "runtime" / "logs" / "attempts" / task_id).iterdir())


def look(house: House, commands: Iterable[str] = SEEN_THROUGH) -> dict[str, Said]:
    """What each command says now, by what is typed after `defer`."""
    return {typed: house.do(*typed.split()) for typed in commands}


def page() -> list[str]:
    """What docs/observing.md tells its readers to type, but for what starts a wake that knows the real time alone."""
    text = (Path(__file__).resolve().parents[1] / "docs" / "observing.md").read_text()
    return [typed for typed in re.findall(r"^\$ defer (.+)$", text, re.MULTILINE) if "--wait" not in typed]


def transcript(house: House, seen: dict[str, Said]) -> Iterator[str]:
    """What the owner types and sees."""
    for typed, said in seen.items():
        yield f"$ defer {typed}\n{said.out}{said.err}".replace(str(house.base), "~")
        yield f"(exit {said.status})\n\n" if said.status else "\n"


def main() -> int:
    """Print the transcript."""
    with tempfile.TemporaryDirectory() as base:
        house = week(Path(base) / "home")
        print("# Monday morning, 9:00\n")
        sys.stdout.writelines(transcript(house, look(house)))
        mess(house)
        print("# Before ten, after some mishaps\n")
        sys.stdout.writelines(transcript(house, look(house)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
