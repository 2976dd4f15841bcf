"""What runners that are gone have left: put back, settled as lost, or ended first; left alone while it may live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from defer.errors import DeferError
from defer.record import events, holders, outcome
from defer.record.codec import Task
from defer.record.outcome import Outcome

from .descendants import Search
from .ending import Ending
from .settling import leader_of, run_id
from .tally import Tally

if TYPE_CHECKING:
    from defer.record.types import Identity


class Wake(Protocol):
    """What a wake does with what is found."""

    def put_back(self, one: Task) -> None:
        """Undo a claim whose attempt never began."""

    def settle(self, one: Task, result: Outcome) -> None:
        """Write what an attempt came to."""

    def is_waiting_for_store(self, task_id: str) -> bool:
        """Whether the start of this attempt, or its return, is still to be written."""


class Rescue:
    """The attempts of others, for one wake. ``me``: the wake's own runner; ``grace``: seconds between the signals."""

    def __init__(self, is_held: Callable[[object], bool | None], me: Identity, grace: float, tally: Tally) -> None:
        self._is_held, self._me, self._grace, self._tally = is_held, me, grace, tally
        self._endings: dict[str, tuple[Ending, Task]] = {}

    def __contains__(self, run: object) -> bool:
        return run in self._endings

    def __len__(self) -> int:
        return len(self._endings)

    def looks(self) -> list[float | None]:
        """The monotonic times at which what is being ended is to be looked at."""
        return [ending.next_look() for ending, _ in self._endings.values()]

    def over(self, now: float) -> Iterator[Task]:
        """The attempts of which nothing is left any more, each once."""
        for name, (ending, one) in list(self._endings.items()):
            if ending.is_over(now):
                del self._endings[name]
                yield one

    def out_of_reach(self, executing: Iterable[Task], now: datetime) -> list[Task]:
        """Those that take slots, and whose processes nobody here can see."""
        return [one for one in executing if self._is_out_of_reach(one, now)]

    def _is_out_of_reach(self, one: Task, now: datetime) -> bool:
        try:
            return holders.is_out_of_reach(one, now, self._is_held)
        except Exception:
            # Of what cannot be judged `look_after` has told; a second time it must not end the wake.
            return False

    def look_after(self, one: Task, now: datetime, wake: Wake) -> None:
        """Look at one attempt, unless its rest is being ended already.

        Whatever somebody wrote into its record by hand, it must not keep the others waiting.
        """
        if run_id(one) in self._endings:
            return
        try:
            self._look_after(one, now, wake)
        except DeferError:
            raise
        except Exception as error:
            self._tally.tell(events.of_run("recovery_failed", one["id"], run_id(one), now, error=error))
            # While the system cannot show what runs, nothing is settled before it has ended.
            if not isinstance(error, OSError):
                wake.settle(one, outcome.lost(one))

    def _look_after(self, one: Task, now: datetime, wake: Wake) -> None:
        """Look at somebody's attempt: settle it if it is over, end it if it should be, else leave it alone."""
        found = holders.verdict(one, now, self._is_held, self._me)
        if found == holders.NEVER_BEGAN or self._is_forgotten(one, wake):
            wake.put_back(one)
        elif found in (holders.LOST, holders.OVERDUE):
            if found == holders.OVERDUE:
                self._tally.tell(events.of_run("overdue_leader_killed", one["id"], run_id(one), now))
            self._end_what_is_left(one, wake, is_overdue=found == holders.OVERDUE)

    def _is_forgotten(self, one: Task, wake: Wake) -> bool:
        """Whether this very wake claimed it unknowingly: a disk may keep what it reported as not written."""
        is_mine = holders.wake_of(one) == self._me.get("wake") and not leader_of(one)
        return is_mine and not wake.is_waiting_for_store(one["id"])

    def _end_what_is_left(self, one: Task, wake: Wake, *, is_overdue: bool) -> None:
        """End what an attempt without a runner has left: it would go on working in a workspace that counts as free.

        What it was told to leave running stays, if its leader ended by itself.
        """
        leader = leader_of(one)
        if leader and (is_overdue or not one.get("leave_running")):
            ending = Ending(Search(int(leader["pid"]), str(run_id(one)), start=leader.get("start")), self._grace)
            if ending.left():
                ending.begin()
                self._endings[str(run_id(one))] = (ending, one)
                return
        wake.settle(one, outcome.lost(one))
