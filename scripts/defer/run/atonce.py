"""A task run now, by a wake like any other, while somebody watches.

The wake claims, settles and files as every wake does, with the environment that one started by cron would have. It is
a process of its own: whoever watches may go away, and the attempt goes on.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from defer import paths, say
from defer.errors import Refused
from defer.record import codec, holders, task
from defer.reports import logs, waiting
from defer.settings.config import Config
from defer.wakers import cronenv

from . import environment
from .following import Following

if TYPE_CHECKING:
    from defer.record.codec import Task
    from defer.store.interface import Store

_LOOK_EVERY_SECONDS = 0.1
_WAKE_AGAIN_SECONDS = 15.0
_PATH_OF_CRON = "/usr/bin:/bin"
_ALSO_UNDER_CRON = ("HOME", "LOGNAME", "USER", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DEFER_ENV_FILE")


def wakes_environment(environ: dict[str, str]) -> dict[str, str]:
    """What a wake would find around it: the settings that this shell exports, and what cron gives its commands."""
    given = {name: environ[name] for name in _ALSO_UNDER_CRON if name in environ}
    return {**given, "SHELL": "/bin/sh", **cronenv.wanted(environ, _PATH_OF_CRON)}


class AtOnce:
    """A copy of a task that is to run now; ``tell`` hears in words what it waits for."""

    def __init__(
        self, store: Store, config: Config, clock: Callable[[], datetime], copy: Task, tell: Callable[[str], None]
    ) -> None:
        self._store, self._config, self._clock, self._tell = store, config, clock, tell
        self._since = clock() - timedelta(hours=1)
        self.following = Following(store, config.tasks_file, copy, clock())
        self._printed: set[str | None] = set()
        self._wake: subprocess.Popen[bytes] | None = None
        self._wake_at = 0.0
        self._may_go_on = False
        self._told = ""

    def output(self) -> Iterator[bytes]:
        """What its attempts print, as they print it, to its end. Raises Refused where no wake can do its work."""
        while True:
            # Asked first: what a wake has done that is over is seen by the look after it.
            is_waking = self._wake is not None and self._wake.poll() is None
            has_changed = self.following.look()
            self._may_go_on |= has_changed
            if has_changed:
                # What has ended was printed by now, even if nobody saw it at work.
                yield from self._ended()
            if self.following.ended is not None:
                return
            if self.following.one["status"] == task.EXECUTING:
                yield from self._under_way()
            elif not is_waking:
                self._see_to_it()
            time.sleep(_LOOK_EVERY_SECONDS)

    def _ended(self) -> Iterator[bytes]:
        for run in reversed(list(self._store.runs(self.following.one["id"], self._since))):
            path = run.log and logs.place(run.log, self._config.log_dir)
            if run.run_id not in self._printed and path:
                yield from logs.pieces(path)
            self._printed.add(run.run_id)

    def _under_way(self) -> Iterator[bytes]:
        run = self.following.one.get("run") or {}
        if run.get("run_id") in self._printed or not run.get("log"):
            return
        self._printed.add(run.get("run_id"))
        path = partial(logs.place, str(run["log"]), self._config.log_dir)
        yield from logs.followed(path, partial(self._is_over, run.get("run_id")), self._rest)
        # Its end was seen in there.
        self._may_go_on = True

    def _is_over(self, run_id: str | None) -> bool:
        self.following.look()
        one = self.following.one
        return self.following.ended is not None or (one.get("run") or {}).get("run_id") != run_id

    def _rest(self) -> None:
        time.sleep(_LOOK_EVERY_SECONDS)

    def _see_to_it(self) -> None:
        """Start a wake for what is due, again whenever something may have become free; say what it waits for."""
        one, now = self.following.one, self._clock()
        self._check_wake()
        if one["status"] != task.SCHEDULED:
            self._say(f"{one['id']} is {one['status']}")
        elif task.wakes_at(one) > now:
            # When its time has come, it is for a wake of ours.
            self._may_go_on = True
            why = one.get("last_error") or "it was put off"
            when = say.from_now(task.wakes_at(one), now)
            self._say(f"{one['id']} is tried again {when}: {why}", one["run_at"])
        elif self._may_go_on or time.monotonic() >= self._wake_at:
            self._start_wake()
        else:
            held = waiting.what_holds(one, self._scene(now))
            self._say(f"{one['id']} waits: {held.what}")

    def _say(self, what: str, about: str | None = None) -> None:
        """Tell it, once; ``about``: what it is known by where its words change with the time."""
        if (about or what) != self._told:
            self._told = about or what
            self._tell(what)

    def _check_wake(self) -> None:
        """Raise Refused where the wake could not do its work."""
        status = None if self._wake is None else self._wake.returncode
        if status:
            trouble = self._store.markers.last_trouble() or f"exit status {status}"
            name = self.following.one["id"]
            raise Refused(f"the wake could not do its work: {trouble} ({name} runs as soon as a wake can)")

    def _start_wake(self) -> None:
        self._may_go_on = False
        self._wake_at = time.monotonic() + _WAKE_AGAIN_SECONDS
        self._wake = subprocess.Popen(
            [str(paths.SCRIPTS / "run-deferred.sh")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._config.home,
            env=wakes_environment(dict(os.environ)),
            umask=environment.callers_umask,
            # Whoever watches may press Ctrl-C, or close the terminal.
            start_new_session=True,
        )

    def _scene(self, now: datetime) -> waiting.Scene:
        executing = [codec.decode(line) for line in self._store.scan_json({task.EXECUTING})]
        is_held = self._store.is_held
        return waiting.Scene(
            now=now,
            last_wake=self._store.markers.last_wake(),
            trouble=self._store.markers.last_trouble(),
            other_runner=self._store.other_runner(),
            slots=self._config.max_parallel,
            executing=executing,
            out_of_reach=frozenset(one["id"] for one in executing if holders.is_out_of_reach(one, now, is_held)),
        )
