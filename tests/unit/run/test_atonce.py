"""What a wake finds around it that `run --wait` starts: what one of cron would find, and the same store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from defer.record import task
from defer.record.retry import Backoff
from defer.run import atonce, settling
from defer.run.command import Paths
from defer.wakers import cronenv
from support import FAILED, NOW, Place, v1_task


def test_only_what_cron_gives_and_our_settings_reach_the_wake(monkeypatch) -> None:
    monkeypatch.setattr(cronenv, "home", lambda: "/home/me")
    shell = {
        "HOME": "/home/me",
        "LOGNAME": "me",
        "PATH": "/opt/mine:/usr/bin",
        "LANG": "de_DE.UTF-8",
        "SECRET": "x",
        "DEFER_EXECUTOR": "claude",
        "DEFER_TASK_ID": "outer",
        "CLAUDECODE": "1",
        "TZ": "Asia/Tokyo",
    }
    assert atonce.wakes_environment(shell) == {
        "HOME": "/home/me",
        "LOGNAME": "me",
        "PATH": "/usr/bin:/bin",
        "SHELL": "/bin/sh",
        "DEFER_EXECUTOR": "claude",
    }


def test_it_works_on_the_store_of_this_shell(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cronenv, "home", lambda: "/home/me")
    monkeypatch.chdir(tmp_path)
    found = atonce.wakes_environment({"HOME": "/elsewhere", "DEFER_ENV_FILE": "/etc/defer", "DEFER_LOG_DIR": "logs"})
    assert found["DEFER_RUNTIME_DIR"] == "/elsewhere/data/runtime"
    assert (found["DEFER_ENV_FILE"], found["DEFER_LOG_DIR"]) == ("/etc/defer", str(tmp_path / "logs"))


class Wakes:
    """Wakes that do as a test says, in its own time, beside somebody who watches a task."""

    def __init__(self, place: Place, monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
        self.place, self.now, self.said = place, NOW, list[str]()
        self.ends_at, self._steps, self.started = NOW, list(steps), 0
        self.at_the_end: Callable[[], object] = lambda: None
        monkeypatch.setattr(atonce, "subprocess", SimpleNamespace(Popen=self._start, DEVNULL=None))
        monkeypatch.setattr(atonce, "time", SimpleNamespace(sleep=self._rest, monotonic=lambda: 0.0))

    def _start(self, *_: object, **__: object) -> Wakes:
        self.started += 1
        self._steps.pop(0)()
        return self

    def poll(self) -> int | None:
        if self.now < self.ends_at:
            return None
        self.at_the_end()
        return 0

    @property
    def returncode(self) -> int | None:
        return None if self.now < self.ends_at else 0

    def _rest(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        assert self.now < NOW + timedelta(minutes=1), self.said

    def wake(self, body: str = "echo done") -> None:
        self.place.wake_at(self.now, {"DEFER_EXECUTOR": self.place.executor(body)})

    def watch(self) -> bytes:
        """What somebody reads who watches the task to its end."""
        store, config = self.place.store(), self.place.config()
        one = store.find("t")
        assert one is not None
        watching = atonce.AtOnce(store, config, lambda: self.now, one, self.said.append)
        return b"".join(watching.output())


def test_what_a_wake_has_done_since_the_last_look_is_not_waited_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.store().append([v1_task("t")], NOW)
    wakes = Wakes(place, monkeypatch, lambda: None)
    wakes.at_the_end = lambda: place.task("t") if place.archived() else wakes.wake()
    assert (wakes.watch(), wakes.said, wakes.started) == (b"done\n", [], 1)


def test_a_retry_whose_time_came_while_the_wake_was_at_its_end_is_made_at_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.store().append([v1_task("t", max_retries=1)], NOW)
    log = place.base / "log"
    log.write_text("one\n")
    run = {"run_id": "run_1", "attempt": 1, "log": str(log)}
    claimed = []

    def begin() -> None:
        claimed.extend(place.store().claim_due(NOW, lambda hot: [task.claim(one, NOW, run) for one in hot]))
        wakes.ends_at = NOW + timedelta(seconds=20)

    def rest(seconds: float) -> None:
        if claimed and wakes.now > NOW:  # it was seen at work
            one = claimed.pop()
            settling.settle(place.store(), one, FAILED, wakes.now, Backoff(1.0), Paths.of(place.logs, "t", "run_1"))
        wakes._rest(seconds)

    wakes = Wakes(place, monkeypatch, begin, lambda: wakes.wake("echo two"))
    monkeypatch.setattr(atonce.time, "sleep", rest)
    assert wakes.watch() == b"one\ntwo\n"
    assert (wakes.said, wakes.started) == ([], 2)
