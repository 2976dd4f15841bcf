"""`run-deferred.sh --loop`: a process that wakes itself, for places without cron.

It sleeps until something is due, looks at least once a step, and on a terminal says what happens, one line each.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from datetime import datetime, tzinfo

from defer import exits, instants, say, visible
from defer.client import Client
from defer.errors import DeferError
from defer.record import task
from defer.record.codec import Task
from defer.record.events import Event
from defer.run.loop import Loop
from defer.store.audit import AuditLog

from . import ids, output

_LOOK_SECONDS = 1.0
"""So often it looks whether somebody has scheduled what is due sooner: a look at the time of one file."""
_SAID = {
    "started": "started",
    "completed": "completed",
    "cancelled": "cancelled",
    "missed": "missed",
    "skipped": "skipped",
    "expired": "expired",
    "not_now": "not now",
    "retry_scheduled": "is tried again {when}",
    "next_occurrence": "next {when}",
    "resumed": "resumed",
    "put_back": "put back",
    "leftovers_ended": "what it left running was ended",
}
"""What a person is told of, by the audit log's word for it. A failure is told on stderr by every wake."""


class Spoken(AuditLog):
    """An audit log that also tells a person, as things happen."""

    def __init__(self, log: AuditLog, zone: tzinfo, find: Callable[[str], Task | None]) -> None:
        """``find`` gives the record of an id that is in the store."""
        super().__init__(log.path)
        self._zone, self._find = zone, find
        self._names: dict[str, str] = {}

    def tell(self, *events: Event) -> None:
        """Write a line for each, and say what a person should hear."""
        super().tell(*events)
        for event in events:
            if event.kind in _SAID and event.task_id is not None:
                _tell_person(self._sentence(event))

    def _name(self, task_id: str) -> str:
        """What a person knows a task by: a made-up id says little."""
        if task_id not in self._names:
            one = self._find(task_id) if ids.is_made_up(task_id) else None
            self._names[task_id] = f"“{output.summary_of(one)}”" if one is not None else task_id
        return self._names[task_id]

    def _sentence(self, event: Event) -> str:
        when = event.facts.get("run_at")
        ahead = say.ahead(instants.from_text(str(when)) - event.at) if when else ""
        why = event.facts.get("error") or event.facts.get("reason")
        said = _SAID[event.kind].replace("{when}", ahead)
        what = f"{self._name(str(event.task_id))} {said}{f': {why}' if why else ''}"
        return f"{say.local(event.at, self._zone):%H:%M:%S}  {visible.sentence(what, 200)}"


def keep_waking(
    connect: Callable[[], Client], loop: Loop, wake: Callable[[Client], None], every: float, *, is_heard: bool
) -> None:
    """Call ``wake`` until told to stop, at least once in ``every`` seconds. What fails today may work the next time.

    ``is_heard``: a person who sees the terminal is told what happens.
    """
    from defer.run import preload

    # Somebody may move or update the files it was started from while it goes on.
    preload.everything()
    client: Client | None = None
    is_heard = is_heard and sys.stdout.isatty()
    if is_heard:
        _tell_person(f"Waking when something is due, and every {say.whole(int(every))} (Ctrl-C ends it).")
    while not loop.is_told_to_stop:
        known, until = None, time.time() + every
        try:
            client = _connected(connect, client)
            if is_heard:
                client.audit = Spoken(client.audit, client.config.timezone(), client.store.find)
            wake(client)
            known = _state(client)  # first: what is scheduled from here on is seen by the one or the other
            until = min(until, _next_due(client))
        except (DeferError, OSError) as error:
            exits.warn(str(error))
        except Exception:
            # A bug of ours is printed whole, so that it can be reported, and must not end the loop.
            _tell_mistake(client)
        _sleep(client, known if known is not None else _state(client), loop, until, every)


def _tell_person(line: str) -> None:
    """Print a line at once. Where the terminal was closed nobody is left to read it, and the work goes on."""
    try:
        output.say(line)
        sys.stdout.flush()
    except OSError:
        exits.drop_output()


def _next_due(client: Client) -> float:
    """When something is due next, in seconds since the epoch; infinity for nothing.

    What is due already and did not start waits for a slot or a workspace: the store changes when that gets free.
    """
    look, now = client.store.markers.next_look(), client.clock()
    if look is not None and look > now:
        return look.timestamp()
    # An attempt of another wake goes on, say: then the marker does not tell what comes next.
    moments = (_moment(one) for one in client.store.scan())
    return min((at.timestamp() for at in moments if at > now), default=math.inf)


def _moment(one: Task) -> datetime:
    """When a wake has to do with a task that waits."""
    return task.wakes_at(one) if one["status"] == task.SCHEDULED else task.needs_attention_at(one)


def _sleep(client: Client | None, known: object, loop: Loop, until: float, longest: float) -> None:
    """Wait until then, until the store is not as it was ``known``, or until a signal says stop.

    ``longest``: so many seconds at most, whatever becomes of the clock.
    """
    end = time.monotonic() + longest
    while not loop.is_told_to_stop and (left := min(until - time.time(), end - time.monotonic())) > 0:
        loop.rest(min(left, _LOOK_SECONDS))
        if _state(client) != known:
            return


def _state(client: Client | None) -> object:
    try:
        return None if client is None else client.store.markers.state()
    except OSError:
        return None


def _tell_mistake(client: Client | None) -> None:
    import traceback

    said = traceback.format_exc()
    for line in (client.config.masked(said) if client is not None else said).splitlines():
        exits.warn(line)


def _connected(connect: Callable[[], Client], before: Client | None) -> Client:
    """The client of this wake, with the present settings; with the former ones, if a move took their file away."""
    client = connect()
    is_gone = before is not None and before.config.settings_file is not None and client.config.settings_file is None
    return before if before is not None and is_gone else client
