"""`run-deferred.sh --loop` in simulated time: what is due starts to the second, and a person hears of it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from defer import instants
from defer.client import Client
from defer.commands import looping, wake
from defer.record import task
from defer.run import pace
from defer.run.loop import Loop
from defer.scheduling.plan import Request
from support import Place, Started, until, until_there

START = datetime.fromisoformat("2026-03-02T12:00:20+00:00")


class World:
    """A clock that only rests move, and what is to happen at which second."""

    def __init__(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place, self.now, self.wakes = place, START, 0
        self.at: dict[int, Callable[[], object]] = {}
        for name, value in place.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(looping.time, "time", lambda: self.now.timestamp())
        monkeypatch.setattr(Loop, "rest", lambda loop, seconds: self.rest(seconds))

    def rest(self, seconds: float) -> None:
        """Let the time pass that the loop rests, and do what comes due in it."""
        before = self.second
        self.now += timedelta(seconds=seconds)
        for second in sorted(self.at):
            if before < second <= self.second:
                self.at[second]()

    @property
    def second(self) -> int:
        """Seconds since the start."""
        return int((self.now - START).total_seconds())

    def client(self) -> Client:
        return Client(self.place.env, clock=lambda: self.now)

    def asked(self, name: str, when: str, **fields: Any) -> None:
        """Schedule a task as of now."""
        client = self.client()
        request = Request(when, {"summary": f"do {name}"}, task_id=name, **fields)
        client.add([client.plan(request, self.now)], now=self.now)

    def loops(self, seconds: int, *flags: str) -> None:
        """Wake in a loop until so many seconds are over."""
        self.at[seconds] = lambda: os.kill(os.getpid(), signal.SIGTERM)
        whole = wake.wake_once

        def counted(*args: Any, **named: Any) -> None:
            self.wakes += 1
            whole(*args, **named)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(wake, "wake_once", counted)
            assert wake.wake(self.client, ["--loop", *flags]) == 0

    def ran_at(self) -> dict[str, int]:
        """The second at which each task was done."""
        return {
            one["id"]: int((instants.from_text(one["completed_at"]) - START).total_seconds())
            for one in self.place.archived()
        }


@pytest.fixture
def world(place: Place, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(place, monkeypatch)


def test_what_is_due_starts_to_the_second_and_nothing_before(world: World) -> None:
    """A wake of cron would take the delay within its minute: there is one each minute."""
    world.asked("soon", "90s")
    world.asked("delay", "30m")
    world.asked("clock", "12:31:07")
    world.loops(2400)
    assert world.ran_at() == {"soon": 90, "delay": 1800, "clock": 1847}


def test_it_wakes_when_something_is_due_and_else_once_a_step(world: World) -> None:
    world.asked("far", "2d")
    world.asked("one", "1000s")
    world.loops(3600, "600")
    assert world.ran_at() == {"one": 1000}
    # At 0, 600, 1000, and each ten minutes from there on.
    assert world.wakes <= 9


def test_what_is_scheduled_meanwhile_starts_on_time_too(world: World) -> None:
    world.asked("later", "10m")
    world.at[5] = lambda: world.asked("sooner", "20s")
    world.at[100] = lambda: world.asked("now", "now")
    world.loops(700, "3600")
    found = world.ran_at()
    assert (found["sooner"], found["later"]) == (25, 600)
    assert 100 <= found["now"] <= 101


def test_what_is_paused_until_a_moment_goes_on_then(world: World) -> None:
    world.asked("job", "1m")
    editor = world.client().editor
    editor.pause_each(["job"], START + timedelta(minutes=7))
    world.loops(600, "3600")
    assert world.ran_at() == {"job": 420}
    assert len(world.place.audit("resumed")) == 1


def test_what_is_due_and_cannot_start_does_not_keep_it_busy(world: World) -> None:
    """Another runner has the only slot. What comes due meanwhile is on time all the same, once that is free."""
    world.place.env["DEFER_MAX_PARALLEL"] = "1"
    os.environ["DEFER_MAX_PARALLEL"] = "1"
    world.asked("held", "now")
    world.asked("waits", "now")
    store = world.client().store
    run = {"run_id": "run_1", "holder": "somewhere else"}
    store.update("held", START, lambda one: task.claim(one, START, run))
    world.at[300] = lambda: store.update("held", world.now, task.put_back)
    world.loops(600, "120")
    assert world.wakes <= 10
    assert world.ran_at()["waits"] in (300, 301)


def test_what_is_scheduled_while_another_runner_is_at_work_is_not_late(world: World) -> None:
    """Then the marker tells nothing: it says that a wake has to look at once, all the time."""
    world.asked("held", "now")
    run = {"run_id": "run_1", "holder": "somewhere else"}
    world.client().store.update("held", START, lambda one: task.claim(one, START, run))
    world.at[5] = lambda: world.asked("sooner", "20s")
    world.at[30] = lambda: world.asked("later", "100s")
    world.loops(300, "3600")
    assert world.ran_at() == {"sooner": 25, "later": 130}


def test_a_clock_that_is_set_back_does_not_make_it_sleep_longer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = [0.0]
    monkeypatch.setattr(looping.time, "monotonic", lambda: ticks[0])
    slept: list[float] = []

    def rest(seconds: float) -> None:
        ticks[0] += seconds
        slept.append(seconds)

    monkeypatch.setattr(Loop, "rest", lambda loop, seconds: rest(seconds))
    world.now -= timedelta(hours=1)
    looping._sleep(None, None, Loop(), START.timestamp() + 60, 60.0)
    assert sum(slept) == 60


def test_a_clock_that_is_set_back_or_ahead_costs_at_most_a_step(world: World) -> None:
    world.asked("job", "10m")

    def jump(by: timedelta) -> Callable[[], None]:
        def set_clock() -> None:
            world.now += by

        return set_clock

    world.at[100] = jump(timedelta(minutes=5))
    world.loops(1000, "60")
    assert world.ran_at() == {"job": 600}


class TestOnATerminal:
    def test_each_happening_is_a_line(
        self, world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        executor = world.place.executor("exit 3")
        world.asked("tea", "1m")
        world.asked("job", "2m", executor=executor, max_retries=1)
        world.loops(600)
        printed = capsys.readouterr()
        first, *lines = printed.out.splitlines()
        assert first == "Waking when something is due, and every minute (Ctrl-C ends it)."
        assert lines == [
            "12:01:20  tea started",
            "12:01:20  tea completed",
            "12:02:20  job started",
            "12:02:20  job is tried again in 1 min: executor exited with 3",
            "12:03:20  job started",
        ]
        assert printed.err.startswith("defer: task failed: job: executor exited with 3")

    def test_a_program_that_asks_for_json_gets_nothing_else(
        self, world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        world.asked("tea", "1m")
        world.loops(120, "--json")
        assert {line[0] for line in capsys.readouterr().out.splitlines()} == {"{"}

    def test_a_terminal_that_is_gone_stops_nothing(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        class Gone:
            @staticmethod
            def isatty() -> bool:
                return True

            @staticmethod
            def write(_text: str) -> int:
                raise OSError(5, "Input/output error")

            flush = staticmethod(lambda: None)

        dropped: list[bool] = []
        monkeypatch.setattr(looping.exits, "drop_output", lambda: dropped.append(True))
        monkeypatch.setattr(sys, "stdout", Gone())
        world.asked("tea", "1m")
        world.loops(120)
        assert world.ran_at() == {"tea": 60}
        assert dropped


def test_while_an_attempt_is_under_way_what_is_due_is_looked_for_each_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    of_loop, of_cron = pace.Pace(600, to_the_second=True), pace.Pace(60, to_the_second=False)
    assert of_loop.is_time_to_claim()
    assert of_cron.is_time_to_claim()
    now[0] += 1
    assert of_loop.is_time_to_claim()
    assert not of_cron.is_time_to_claim()
    of_loop.hold()
    now[0] += 599
    assert not of_loop.is_time_to_claim()


@pytest.mark.programs
def test_a_task_that_comes_due_during_a_long_attempt_does_not_wait_for_the_step(place: Place) -> None:
    go = place.base / "go"
    place.schedule("now", "s", "--id", "long", "--executor", place.executor(until_there(go)))
    loop: Started = place.start("run-deferred.sh", "--loop", "86400")
    until(lambda: place.task("long").get("run", {}).get("leader"))
    place.schedule("now", "s", "--id", "b")
    until(lambda: "b" in [one["id"] for one in place.archived()])
    assert place.task("long")["status"] == "executing"
    go.touch()
    loop.terminate()
    loop.communicate()
