"""Row 9 of docs/promises.md: one process stops anywhere, another does its work, and the first goes on.

A reader sees what was true a moment ago. Whatever it concludes from that must still hold when it acts on it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from cases import due
from memfs import MemKernel
from world import FakeAttempt, FakeLoop, Machine, Proc, archive, cancel, examine, runner, schedule, wake

from defer import process
from support import DEADLINE_SECONDS, slow_but


class StoppingKernel(MemKernel):
    """Asks before each operation whether to stop there."""

    stop: Callable[[], None] = staticmethod(lambda: None)

    def _step(self, operation: str) -> AbstractContextManager[None]:
        self.stop()
        return super()._step(operation)


class Stoppable(Proc):
    """A process that stops before its operation ``at`` for what ``meanwhile`` does, unless it holds the lock there.

    Looking whether a process lives is an operation, too.
    """

    def __init__(self, machine: Machine, at: int, meanwhile: Callable[[], None]) -> None:
        super().__init__(machine)
        self.kernel.stop = self._count
        self._left, self._meanwhile = at, meanwhile
        self.has_stopped = False

    def _enter(self, patch: pytest.MonkeyPatch) -> None:
        super()._enter(patch)
        patch.setattr(process, "is_alive", self._is_alive)

    def _is_alive(self, known: dict[str, Any]) -> bool:
        self._count()
        return self.machine.is_alive(known)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0 and not self.has_stopped and not self.machine.disk.locks:
            self.has_stopped = True
            self._meanwhile()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """What this process sees of the system, while another one stands still."""
        with pytest.MonkeyPatch.context() as patch:
            self._enter(patch)
            yield


class Beside:
    """A process that does ``act`` up to its operation ``at``, and the rest when it is told to."""

    def __init__(self, machine: Machine, at: int, act: Callable[[Proc], object]) -> None:
        self.proc = Stoppable(machine, at, self._stand_still)
        self._at_rest, self._told = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, args=(act,), daemon=True)
        self.result = ""
        self._thread.start()
        self._until_at_rest()

    def _work(self, act: Callable[[Proc], object]) -> None:
        try:
            self._wait(self._told)
            self.result = self.proc.outcome_of(act)
        finally:
            self._at_rest.set()

    def _stand_still(self) -> None:
        self._at_rest.set()
        self._wait(self._told)

    def _wait(self, event: threading.Event) -> None:
        assert event.wait(DEADLINE_SECONDS), "the other one does not come to rest"
        event.clear()

    def _until_at_rest(self) -> None:
        with self.proc.at_work():
            self._told.set()
            self._wait(self._at_rest)

    def go_on(self) -> None:
        """Let it do what is left."""
        if not self.result:
            self._until_at_rest()
            self._thread.join(DEADLINE_SECONDS)


class LastLoop(FakeLoop):
    """Its process is killed as soon as an executor has begun."""

    def add(self, attempt: FakeAttempt, make_keeper: object) -> None:
        super().add(attempt, make_keeper)
        attempt.proc.kernel.die()


def begins_and_dies(proc: Proc) -> None:
    """A wake that is killed when the first of its executors has begun."""
    runner.Runner(proc.store, proc.config, proc.audit, lambda: proc.machine.now, loop=LastLoop()).wake()


def replace(proc: Proc) -> None:
    """``schedule --if-exists replace``; what it takes the place of may have ended meanwhile, not been cancelled."""
    machine = proc.machine
    machine.pass_time(seconds=2)  # nobody tells apart what was replaced within a second
    cancelled = set(machine.cancelled)
    try:
        schedule("due-0-ok", minutes=30, if_exists="replace")(proc)
    finally:
        machine.cancelled &= cancelled


ACTS: dict[str, Callable[[Proc], object]] = {
    "wake": wake,
    "begins and dies": begins_and_dies,
    "archive": archive,
    "cancel": cancel("due-0-ok"),
    "replace": replace,
}
PAIRS = [f"{one} in {another}" for one, another in itertools.product(ACTS, ACTS)]
DAILY = ("begins and dies in wake", "wake in begins and dies", "cancel in wake")


@pytest.mark.parametrize("pair", slow_but(DAILY, PAIRS))
def test_row_9_another_process_goes_on_in_between(pair: str, count: Callable[[str, int], None], depth: int) -> None:
    """The one stands still at every fortieth operation and goes on at every other one of the other process.

    ``make crash`` has every tenth, and every one.
    """
    inner, outer = (ACTS[name] for name in pair.split(" in "))
    ready = due("ok", "fail")()
    interleavings = 0
    for begun in itertools.count(0, max(1, 40 // depth)):
        for at in itertools.count(0, 1 if depth > 1 else 2):
            machine = ready.clone()
            machine.new_kernel = StoppingKernel
            beside = Beside(machine, begun, inner)
            was_over, proc = bool(beside.result), Stoppable(machine, at, beside.go_on)
            try:
                proc.run(outer)
                proc.exit()
                beside.go_on()
                beside.proc.exit()
                examine(machine)
            except BaseException as error:
                error.add_note(f"{pair}: the one stood still at {begun} and went on at {at}")
                raise
            interleavings += 1
            if not proc.has_stopped:
                break
        if was_over:
            break
    count("interleavings", interleavings)
