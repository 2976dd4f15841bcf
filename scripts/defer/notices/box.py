"""The outbox as it is read: every line of it folded into what is known now, and what of it is worth keeping.

A line is a JSON object whose ``op`` says what happened:

- ``notice``: something is to be told; the other fields are ``events.Notice``;
- ``sent``: what became of the delivery of ``key`` to ``channel``: ``sent``, ``again`` (at ``next_at``) or ``failed``;
- ``read``: notices that somebody has seen; ``ack``: a failure of which nobody wants to hear again; ``ended``: the task
  has succeeded since;
- ``streak`` and ``dropped`` are left by whoever shortens the file: what was told of a task's present failures, and how
  many notices went unread.

A line that cannot be read costs only itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from defer import instants
from defer.record.codec import Task
from defer.record.task import FAILED

from . import events
from .events import Ack, Notice, Streak

SENT, AGAIN, GIVEN_UP = "sent", "again", "failed"
INBOX = "inbox"
MOST_UNREAD = MOST_READ = 200
KEPT = timedelta(days=30)
_MOST_TASKS = 1000
_MOST_COUNTED = 10**12
_TEXTS = (
    *("key", "event", "id", "copy_of", "summary", "outcome", "at", "occurrence", "created_at", "reason", "error"),
    *("since", "signature", "output", "log", "branch", "worktree"),
)
_TYPES: Mapping[str, type] = {
    **dict.fromkeys(_TEXTS, str),
    **dict.fromkeys(("attempts", "failures", "count"), int),
    **dict.fromkeys(("inbox", "reminder"), bool),
    "to": list,
}


class Result(NamedTuple):
    """What became of one delivery after ``tries`` tries; ``at`` is when it is tried again, ``why`` what went wrong."""

    key: str
    channel: str
    status: str
    tries: int
    at: datetime | None = None
    why: str | None = None


class Delivery(NamedTuple):
    """A notice that is to be sent to a channel, not before ``at``."""

    key: str
    channel: str
    notice: Notice
    tries: int
    at: datetime


class Told(NamedTuple):
    """Where an event was told, and what came of it: ``unread``, ``read``, ``pending``, or the status of a delivery."""

    at: str
    event: str
    where: str
    status: str
    why: str | None


class Box:
    """What the outbox says, as of the line read last."""

    def __init__(self) -> None:
        self.notices: dict[str, Notice] = {}
        self.streaks: dict[str, Streak] = {}
        self.acks: dict[str, Ack] = {}
        self.is_readable = True
        self.dropped = self.bad = 0
        """How many notices were dropped before anybody read them; how many lines cannot be read."""
        self._read: set[str] = set()
        self._sent: dict[tuple[str, str], Result] = {}

    def take(self, line: bytes) -> None:
        """Fold in one more line."""
        try:
            said = json.loads(line)
            _TAKEN[said["op"]](self, said)
        except (ValueError, ArithmeticError, TypeError, KeyError, AttributeError, RecursionError):
            self.bad += bool(line.strip())

    def add(self, notice: Notice) -> None:
        """Fold in a notice; one that is there already stays as it is."""
        if notice["key"] not in self.notices:
            self.notices[notice["key"]] = notice
            self.streaks[notice["id"]] = events.after(self.streaks.get(notice["id"], Streak()), notice)

    def _take_notice(self, said: dict[str, Any]) -> None:
        kept = {name: said[name] for name, kind in _TYPES.items() if type(said.get(name)) is kind}
        notice = cast("Notice", kept)
        instants.from_text(notice["at"])
        notice["to"] = [where for where in notice.get("to", []) if isinstance(where, str)]
        _ = notice["id"], notice["event"]
        self.add(notice)

    def _take_sent(self, said: dict[str, Any]) -> None:
        at = said.get("next_at")
        result = Result(
            str(said["key"]),
            str(said["channel"]),
            str(said["status"]),
            _count(said["tries"]),
            instants.from_text(at) if at else None,
            said.get("why") and str(said["why"]),
        )
        self._sent[result.key, result.channel] = result

    def _take_read(self, said: dict[str, Any]) -> None:
        self._read.update(key for key in said["keys"] if isinstance(key, str))

    def _take_ack(self, said: dict[str, Any]) -> None:
        since = said.get("since")
        self.acks.pop(said["id"], None)
        self.acks[str(said["id"])] = Ack(since and str(since), str(said["signature"]), str(said["at"]))

    def _take_ended(self, said: dict[str, Any]) -> None:
        self.acks.pop(said["id"], None)

    def _take_streak(self, said: dict[str, Any]) -> None:
        since = said.get("since")
        told = {str(what): (instants.from_text(at), _count(times)) for what, (at, times) in said["told"].items()}
        self.streaks[str(said["id"])] = Streak(since and str(since), told)

    def _take_dropped(self, said: dict[str, Any]) -> None:
        self.dropped = _count(said["count"])

    # What it says

    def unread(self) -> list[Notice]:
        """What nobody has seen, the oldest first."""
        return [notice for notice in self.notices.values() if self._is_unread(notice)]

    def is_read(self, notice: Notice) -> bool:
        """Whether somebody has seen it in the inbox."""
        return notice["key"] in self._read

    def _is_unread(self, notice: Notice) -> bool:
        if notice["key"] in self._read:
            return False
        # Who has left the inbox out hears by other ways; what reached none of them is not lost.
        return notice.get("inbox", True) or not self._may_reach(notice)

    def _may_reach(self, notice: Notice) -> bool:
        found = (self._sent.get((notice["key"], where)) for where in notice.get("to", []))
        return any(result is None or result.status != GIVEN_UP for result in found)

    def of_task(self, task_id: str) -> list[Notice]:
        """All notices of a task and of the copies that were run of it, the newest first."""
        found = [one for one in self.notices.values() if task_id in (one["id"], one.get("copy_of"))]
        return found[::-1]

    def told(self, task_id: str) -> list[Told]:
        """Where each event of a task was told, the newest event first, the inbox first of its places."""
        return [told for notice in self.of_task(task_id) for told in self.places(notice)]

    def places(self, notice: Notice) -> Iterator[Told]:
        """Where one event was told, the inbox first."""
        if notice.get("inbox", True) or not notice.get("to"):
            status = "read" if self.is_read(notice) else "unread"
            yield Told(notice["at"], notice["event"], INBOX, status, None)
        for where in notice.get("to", []):
            result = self._sent.get((notice["key"], where))
            status, why = (result.status, result.why) if result else ("pending", None)
            yield Told(notice["at"], notice["event"], where, status, why)

    def deliveries(self) -> Iterator[Delivery]:
        """What is still to be sent, the oldest notice first."""
        for key, notice in self.notices.items():
            for where in notice.get("to", []):
                result = self._sent.get((key, where))
                if result is None:
                    yield Delivery(key, where, notice, 0, instants.from_text(notice["at"]))
                elif result.status == AGAIN:
                    yield Delivery(key, where, notice, result.tries, result.at or instants.EPOCH)

    def ack_of(self, record: Task) -> Ack | None:
        """What somebody knows of its failures; what is known of a task holds for copies that were run of it, too."""
        ack, original = self.acks.get(record["id"]), record.get("copy_of")
        if ack is None and original in self.acks:
            return self.acks[original]._replace(since=events.since_of(record))
        return ack

    def is_acknowledged(self, record: Task) -> bool:
        """Whether somebody knows of the failures that a task's record tells of: of this streak, and with this error."""
        ack, last = self.ack_of(record), record.get("last")
        if ack is None or not last or not last["failures"] or ack.since != last.get("since"):
            return False
        # What was missed since stands in the place of the error.
        return last["outcome"] != FAILED or ack.signature == events.signature_of(record)

    # What of it is kept

    def shortened(self, now: datetime) -> Iterator[dict[str, Any]]:
        """The lines that say what is worth keeping."""
        kept, dropped = self._kept(now)
        for key in kept:
            yield {"op": "notice", **self.notices[key]}
            for where in self.notices[key].get("to", []):
                if result := self._sent.get((key, where)):
                    yield line_of(result, result.at)
        if seen := [key for key in kept if key in self._read]:
            yield {"op": "read", "keys": seen}
        told = [(name, streak) for name, streak in self.streaks.items() if streak.told]
        for name, streak in told[-_MOST_TASKS:]:
            times = {what: [instants.to_text(at), count] for what, (at, count) in streak.told.items()}
            yield {"op": "streak", "id": name, "since": streak.since, "told": times}
        for name, ack in [*self.acks.items()][-_MOST_TASKS:]:
            yield {"op": "ack", "id": name, **ack._asdict()}
        if dropped:
            yield {"op": "dropped", "count": dropped}

    def _kept(self, now: datetime) -> tuple[list[str], int]:
        """The keys of what stays, in order, and how many unread ones are dropped by now."""
        young = [one for one in self.notices.values() if abs(now - instants.from_text(one["at"])) <= KEPT]
        unread = [one["key"] for one in young if self._is_unread(one)]
        seen = [one["key"] for one in young if not self._is_unread(one)]
        open_ = [one.key for one in self.deliveries()]
        stay = {*unread[-MOST_UNREAD:], *seen[-MOST_READ:], *open_[-MOST_UNREAD:]}
        # What was to reach somebody by a channel alone has reached nobody by that either.
        gone = {one["key"] for one in self.unread()}.union(one.key for one in self.deliveries()) - stay
        gone -= self._read
        return [key for key in self.notices if key in stay], self.dropped + len(gone)


def _count(said: Any) -> int:
    """A number of something. Raises what makes a line one that cannot be read."""
    number = int(said)
    if not 0 <= number <= _MOST_COUNTED:
        raise ValueError(f"not a count: {number}")
    return number


_TAKEN = {
    "notice": Box._take_notice,
    "sent": Box._take_sent,
    "read": Box._take_read,
    "ack": Box._take_ack,
    "ended": Box._take_ended,
    "streak": Box._take_streak,
    "dropped": Box._take_dropped,
}


def line_of(result: Result, at: datetime | None) -> dict[str, Any]:
    """The line of what became of a delivery."""
    next_at = {"next_at": instants.to_text(at)} if at else {}
    why = {"why": result.why} if result.why else {}
    facts = {"key": result.key, "channel": result.channel, "status": result.status, "tries": result.tries}
    return {"op": "sent", **facts, **next_at, **why}


def of_lines(lines: Iterable[bytes]) -> Box:
    """The box that these lines make."""
    box = Box()
    for line in lines:
        box.take(line)
    return box
