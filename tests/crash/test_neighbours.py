"""Row 16 of docs/promises.md: no attempt pays for another's fault, whatever its neighbours do meanwhile.

Every trouble beside 1, 2 and 4 attempts, one of them noisy in each of three ways. Real executors, a real disk; what
fails is the call to it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from defer import fsio
from defer.errors import StorageError
from defer.run import agenda
from defer.run.attempt import Attempt
from defer.run.wake import Runner
from defer.store.audit import AuditLog
from support import DEADLINE_SECONDS, NOW, Place, is_running, quoted, until, v1_task

NOISES = {
    "prints": "while [ ! -e {stop} ]; do echo 0123456789012345678901234567890123456789; done",
    "forks": "while [ ! -e {stop} ]; do (exec sleep 0.01) & sleep 0.005; done",
    "ends often": "printf again >/dev/null",
}
"""What the noisy neighbour does until the file ``{stop}`` is there. The one that ends often runs again and again."""
COUNTS = (1, 2, 4)
PATIENCE = {"DEFER_LOCK_TIMEOUT_SECONDS": "600", "DEFER_KILL_GRACE_SECONDS": "600", "DEFER_MAX_PARALLEL": "4"}
"""So long that whoever waits it out, where he should not, is a test that hangs."""


class Street:
    """A store with a quiet task, ``quiet``, and its neighbours; the trouble is told through files."""

    def __init__(self, place: Place, count: int, noise: str) -> None:
        self.place, self.noise = place, noise
        self.stop, self.go = place.base / "stop", place.base / "go"
        self.up = place.base / "up"
        wait = f"while [ ! -e {quoted(self.go)} ]; do sleep 0.01; done"
        self.names = ["quiet", *(f"neighbour-{number}" for number in range(1, count - 1))]
        quiet = place.executor(f"touch {quoted(self.up)}.$DEFER_TASK_ID; {wait}; echo done", "quiet")
        tasks = [v1_task(name, executor=quiet) for name in self.names]
        if count > 1:
            self.names.append("noisy")
            tasks.append(v1_task("noisy", executor=self._noisy(), run_at="2026-04-08T16:44:00Z", max_retries=9999))
        place.write_store(*tasks)

    def _noisy(self) -> str:
        body = NOISES[self.noise].format(stop=quoted(self.stop))
        if self.noise == "ends often":
            # Where a stop is there it ends for good, else it is run again at once by the same wake.
            body += f"; [ -e {quoted(self.stop)} ] || {{ echo again >>{quoted(self.place.base)}/rounds; exit 75; }}"
        return self.place.executor(f"touch {quoted(self.up)}.noisy; {body}", "noisy")

    def are_up(self) -> bool:
        return all(Path(f"{self.up}.{name}").exists() for name in self.names)

    def runner(self, **env: str) -> Runner:
        retries = {"DEFER_RETRY_DELAY_SECONDS": "0", **PATIENCE, **env}
        config = self.place.config(retries)
        return Runner(self.place.store(600.0), config, AuditLog(self.place.log_path), lambda: NOW, claim_every=0.05)

    def end_all(self) -> None:
        self.stop.touch()
        self.go.touch()

    def outcomes(self) -> dict[str, str]:
        return {one["id"]: one["status"] for one in self.place.archived()}


@pytest.fixture
def street(place: Place, request: pytest.FixtureRequest) -> Street:
    return Street(place, *request.param)


CELLS = [(count, noise) for count in COUNTS for noise in (NOISES if count > 1 else ("prints",))]
every_street = pytest.mark.parametrize(
    "street", CELLS, indirect=True, ids=[f"{count} at once, one {noise}" for count, noise in CELLS]
)


@contextmanager
def meanwhile(act: Callable[[], None], otherwise: Callable[[], None]) -> Iterator[None]:
    """Do something beside the wake; what goes wrong there fails the test, after ``otherwise``."""
    wrong: list[BaseException] = []

    def guarded() -> None:
        try:
            act()
        except BaseException as error:
            wrong.append(error)
            otherwise()

    thread = threading.Thread(target=guarded)
    thread.start()
    yield
    thread.join()
    if wrong:
        raise wrong[0]


def failing(monkeypatch: pytest.MonkeyPatch, fails: Callable[[Path, bytes], bool]) -> None:
    """Appends that fail as a full disk does, where ``fails`` says so."""
    whole = fsio.append

    def append(path: Path, data: bytes, **known: Any) -> os.stat_result:
        if fails(path, data):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return whole(path, data, **known)

    monkeypatch.setattr(fsio, "append", append)


@every_street
def test_row_16_an_outcome_that_the_disk_refuses_costs_nobody_else(
    street: Street, monkeypatch: pytest.MonkeyPatch, count: Callable[[str, int], None]
) -> None:
    """It is tried again by the clock, not by the noise; all outcomes stand in the end."""
    monkeypatch.setattr(agenda, "_FAILED_AGAIN_SECONDS", 0.1)
    tries: list[bytes] = []

    def fails(path: Path, data: bytes) -> bool:
        is_settling = path == street.place.store_path and b'"id":"quiet"' in data and b'"completed"' in data
        tries.extend([data] * is_settling)
        if len(tries) == 4:
            street.end_all()
        return is_settling and len(tries) < 5

    failing(monkeypatch, fails)

    def act() -> None:
        until(street.are_up)
        street.go.touch()

    with meanwhile(act, street.end_all):
        street.runner().wake()
    assert street.outcomes() == dict.fromkeys(street.names, "completed")
    assert len(tries) == 5
    count("neighbours: an outcome refused", 1)


@every_street
def test_row_16_a_deadline_is_kept_while_the_lock_is_held(
    street: Street, monkeypatch: pytest.MonkeyPatch, count: Callable[[str, int], None]
) -> None:
    """The lock is let go only when the leader that was too slow is gone: who waits for it first waits for ever."""
    executor = street.place.executor("exec sleep 600", "slow-executor")
    task = v1_task("slow", executor=executor, timeout_seconds=0.5)
    with street.place.store_path.open("ab") as file:
        file.write(json.dumps(task).encode() + b"\n")

    leaders: list[int] = []
    is_held = threading.Event()
    release = Attempt.release

    def released(attempt: Attempt, *known: Any) -> None:
        """Its time begins now, and it may not be over before the lock is held."""
        if attempt.task["id"] == "slow":
            leaders.append(attempt.leader.pid)
            is_held.wait(DEADLINE_SECONDS)
        release(attempt, *known)

    monkeypatch.setattr(Attempt, "release", released)

    def act() -> None:
        (leader,) = until(lambda: leaders)
        with open(street.place.runtime / ".deferred.jsonl.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            is_held.set()
            until(lambda: not is_running(leader))
        street.end_all()

    with meanwhile(act, street.end_all):
        street.runner(DEFER_MAX_PARALLEL="5").wake()
    assert street.outcomes() == {**dict.fromkeys(street.names, "completed"), "slow": "failed"}
    (run,) = [run for run in street.place.runs() if run["task_id"] == "slow"]
    assert run["error_type"] == "TimeoutError"
    count("neighbours: a lock held over a deadline", 1)


@every_street
def test_row_16_told_to_stop_beside_a_held_lock(street: Street, count: Callable[[str, int], None]) -> None:
    """Every attempt is ended at once; the outcomes wait for the lock, and none is lost."""
    place = street.place
    leaders: list[int] = []

    def act() -> None:
        until(street.are_up)
        with open(place.runtime / ".deferred.jsonl.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # The noisy one may be claimed and not yet named a leader: then its gate stays shut.
            named = filter(None, (one.get("run", {}).get("leader") for one in place.tasks().values()))
            leaders.extend(one["pid"] for one in named)
            os.kill(os.getpid(), signal.SIGTERM)
            until(lambda: not any(map(is_running, leaders)))
        street.end_all()

    with meanwhile(act, street.end_all):
        street.runner().wake()
    ended = {run["task_id"]: run["error_type"] for run in place.runs()}
    assert set(street.names) - {"noisy"} <= ended.keys()
    assert {kind for name, kind in ended.items() if name != "noisy"} == {"RunnerStopped"}
    assert not any(one["status"] == "executing" for one in place.tasks().values())
    count("neighbours: told to stop", 1)


@every_street
@pytest.mark.parametrize("what", ["claim", "filing"])
def test_row_16_a_claim_or_a_filing_that_fails_costs_no_attempt(
    street: Street, what: str, monkeypatch: pytest.MonkeyPatch, count: Callable[[str, int], None]
) -> None:
    place, failed = street.place, []
    most = {"claim": 2, "filing": 1}[what]

    def fails(path: Path, data: bytes) -> bool:
        here = b'"id":"late","status":"executing"' in data if what == "claim" else path.parent == place.archive_dir
        is_first = here and len(failed) < most
        failed.extend([data] * is_first)
        return is_first

    failing(monkeypatch, fails)

    def act() -> None:
        until(street.are_up)
        late = v1_task("late", executor="/bin/true", run_at="2026-04-08T16:43:00Z")
        place.store().append([late], NOW)
        until(lambda: len(failed) == most)
        street.end_all()

    with meanwhile(act, street.end_all):
        street.runner(DEFER_MAX_PARALLEL="5").wake()
    assert street.outcomes() == dict.fromkeys([*street.names, "late"], "completed")
    count("neighbours: a claim or a filing refused", 1)


@every_street
def test_row_16_a_disk_that_fails_for_ever_ends_the_wake_and_kills_nobody(
    street: Street, monkeypatch: pytest.MonkeyPatch, count: Callable[[str, int], None]
) -> None:
    """What is at work comes to its own end first. The outcomes that could not be written are lost, and nothing else."""
    monkeypatch.setattr(agenda, "_FAILED_AGAIN_SECONDS", 0.001)
    is_full, has_refused = threading.Event(), threading.Event()

    def fails(path: Path, data: bytes) -> bool:
        is_refused = path == street.place.store_path and is_full.is_set()
        if is_refused:
            has_refused.set()
        return is_refused

    failing(monkeypatch, fails)
    done = street.place.base / "done"
    quiet = Path(street.place.executor("", "quiet"))
    quiet.write_text(f"#!/bin/sh\ntouch {street.up}.$DEFER_TASK_ID\n"
                     f"while [ ! -e {street.go} ]; do sleep 0.01; done\ntouch {done}.$DEFER_TASK_ID\n")  # fmt: skip

    def act() -> None:
        until(street.are_up)
        is_full.set()
        street.stop.touch()
        # The noisy one meets the full disk, wherever it is by then: with an outcome, a claim or a leader's identity.
        until(lambda: has_refused.is_set() or "noisy" not in street.names)
        street.go.touch()

    with meanwhile(act, street.end_all), pytest.raises(StorageError, match="No space left"):
        street.runner().wake()
    for name in set(street.names) - {"noisy"}:
        assert Path(f"{done}.{name}").exists(), name
    is_full.clear()
    street.place.wake_at(NOW, PATIENCE)
    assert not any(one["status"] == "executing" for one in street.place.tasks().values())
    count("neighbours: a disk that fails for ever", 1)


@every_street
def test_row_16_a_runner_that_is_killed_leaves_all_of_them_at_work(
    street: Street, count: Callable[[str, int], None]
) -> None:
    place = street.place
    # The entries run at the time of the day; the noisy one that ends often would wait for its retry.
    runner = place.start("run-deferred.sh", env={"DEFER_MAX_PARALLEL": "4"})
    until(street.are_up)
    quiet = place.task("quiet")["run"]
    runner.kill()
    runner.wait()
    assert is_running(quiet["leader"]["pid"])
    street.end_all()
    until(lambda: not is_running(quiet["leader"]["pid"]))
    until(lambda: Path(quiet["log"]).read_bytes() == b"done\n")
    place.wake()
    lost = {one["id"]: one["error_type"] for one in place.archived() if one["id"] != "noisy"}
    assert lost == dict.fromkeys(set(street.names) - {"noisy"}, "RunnerLost")
    count("neighbours: the runner killed", 1)
