"""What a wake sends: notices out of the outbox, and pings. A fork of it does that, so that claims go on meanwhile.

At most one such process is at work for each process that wakes. What it is told to ping goes with it; what is in the
outbox it finds by itself, unless the sender of another wake is at it. How long it may take is bounded by what it does.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from defer import fsio
from defer.errors import DeferError
from defer.record import events
from defer.settings.config import Config

from . import notices

if TYPE_CHECKING:
    from defer.record.events import Event
    from defer.store.audit import AuditLog

    from .loop import Loop
    from .tally import Tally

SEEN_OFF_SECONDS = 15.0
"""How long a wake waits, when all else is done, for what it sends."""
_LOOK_EVERY_SECONDS = 60.0


class Sending:
    """The sender of one wake. A failing disk or a lack of processes costs a notice time, never a wake its work."""

    def __init__(
        self, config: Config, audit: AuditLog, clock: Callable[[], datetime], loop: Loop, tally: Tally | None = None
    ) -> None:
        self._config, self._audit, self._clock, self._loop, self._tally = config, audit, clock, loop, tally
        self._ping_at = 0.0

    def turn(self) -> None:
        """Send what has come up, unless a sender is at work: then when that has ended."""
        if self._config.get("DEFER_PING_URL") and time.monotonic() >= self._ping_at:
            self._ping_at = time.monotonic() + _LOOK_EVERY_SECONDS
            self.ping("")
        if self._tally is not None:
            self._loop.pings += self._tally.pings
            self._tally.pings.clear()
        if self._loop.companions:
            return
        is_to_look, self._loop.is_to_look = self._loop.is_to_look, False
        if self._loop.pings or (is_to_look and notices.is_something_due(self._config, self._clock())):
            self._start()

    def look(self) -> None:
        """The same, and what is to be sent of the outbox by now."""
        self._loop.is_to_look = True
        self.turn()

    def finish(self) -> None:
        """Wait for what is being sent, and send what waits for that, within a bound; what is left goes on by itself."""
        end = time.monotonic() + SEEN_OFF_SECONDS
        while True:
            self._loop.see_off(end - time.monotonic())
            if self._loop.companions or not (self._loop.pings or self._loop.is_to_look):
                return
            self.turn()

    def ping(self, how: str) -> None:
        """Note that this wake pings DEFER_PING_URL, if it is time for that."""
        from defer.notices import pings

        url, now = self._config.get(pings.SETTING), self._clock()
        if url and pings.is_due(notices.last_ping(self._config), now):
            with suppress(OSError):
                fsio.ensure_directory(self._config.notices_file.parent)
                fsio.set_mtime(notices.marker(self._config), int(now.timestamp()) * 10**9)
            self._loop.pings.append((url, how))

    def _start(self) -> None:
        pings, self._loop.pings = self._loop.pings, []
        try:
            pid = os.fork()
        except OSError as error:
            self._audit.tell(events.failing("no_sender", None, error.strerror, self._clock()))
            return
        if pid == 0:
            _be_sender(self._config, self._audit, self._clock, pings)
        self._loop.family.accompany(pid)


def tell_failure(config: Config, audit: AuditLog, clock: Callable[[], datetime], loop: Loop) -> None:
    """Ping DEFER_PING_URL because a wake could not do its work."""
    with suppress(DeferError, OSError):
        failing = Sending(config, audit, clock, loop)
        failing.ping("fail")
        failing.look()


def _be_sender(
    config: Config, audit: AuditLog, clock: Callable[[], datetime], pings: list[tuple[str, str]]
) -> NoReturn:
    """The forked process, to its end. It never returns: the wake's code is not its own."""
    try:
        from .keeper import leave_the_runner

        leave_the_runner()
        # What is not sent now is sent later: nobody has to wait for it who ends everything.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            audit.tell(*_send(config, clock, pings))
        except Exception as error:
            what = config.masked(str(error)) if isinstance(error, DeferError | OSError) else type(error).__name__
            audit.tell(events.failing("sending_failed", None, what, clock()))
    finally:
        os._exit(0)


def _send(config: Config, clock: Callable[[], datetime], pings: list[tuple[str, str]]) -> list[Event]:
    """Do it; what the audit log is to hear of."""
    from defer.notices import sender
    from defer.store import open_store

    told, urls = [], list[tuple[str, str]]()
    for named, how in pings:
        try:
            urls.append((_url_of(named), how))
        except DeferError as error:
            told.append(events.met("ping_failed", {"to": named, "reason": config.masked(str(error))}, clock()))
    for ping, why in sender.ping_all(urls, config):
        if why is not None:
            told.append(events.met("ping_failed", {"to": ping.label, "reason": why}, clock()))
    store = open_store(config, lambda *_, **__: None)
    for one in sender.send(store, config, clock):
        told.append(events.met("notice_not_sent", {"channel": one.channel, "key": one.key, "reason": one.why}, clock()))
    return told


def _url_of(named: str) -> str:
    """A URL as it is; of a task file the one that stands in it. Raises BadInput for a file that cannot be read."""
    if not named.startswith("/"):
        return named
    from pathlib import Path

    from defer.taskfiles import read

    return read.load(Path(named)).text("ping") or ""
