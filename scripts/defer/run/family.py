"""The children of a process that runs attempts: those that it knows, and whose those are that it has adopted.

A process that lost its parent, moved to a session of its own and cleared its environment tells nothing of itself. But
if its runner has adopted it, one of the runner's attempts has started it; and if nobody else can have, this one has.
"""

from __future__ import annotations

import os
from collections.abc import Container
from typing import NamedTuple, Protocol

from defer import process

from . import descendants
from .descendants import Row

_NEVER = 1 << 63


class Parent(Protocol):
    """What an attempt asks of the loop that looks after it."""

    def known_children(self) -> set[int]:
        """The children of this process that were not adopted."""

    def is_adopted_from(self, run_id: str, row: Row) -> bool:
        """Whether a child of this process was adopted, and can be this attempt's alone."""


class _Leader(NamedTuple):
    pid: int
    began: int
    """In the system's own ticks, as ``Row.start``."""
    may_leave: bool


class Family:
    """``owns_process``: all children of this process are ours, so any other child was adopted."""

    def __init__(self, *, owns_process: bool = False) -> None:
        self._owns_process = owns_process
        self._adopts_from_attempts_alone = False
        self._leaders: dict[str, _Leader] = {}
        self.companions: set[int] = set()
        """Children of ours that belong to no attempt and end by themselves."""
        self._first = self._first_to_leave = _NEVER

    def begin(self) -> None:
        """Look around, before anything is started.

        The first process of a system adopts strangers. So may a process whose program was started by ``exec`` in the
        place of one that had children already.
        """
        alone = self._owns_process and os.getpid() != 1
        self._adopts_from_attempts_alone = alone and descendants.has_no_child()

    def add(self, run_id: str, pid: int, *, may_leave: bool) -> None:
        """An attempt begins; ``may_leave``: what it leaves is to stay."""
        began = _began(pid)
        self._first = min(self._first, began)
        self._leaders[run_id] = _Leader(pid, began, may_leave)

    def remove(self, run_id: str) -> None:
        """An attempt is over."""
        gone = self._leaders.pop(run_id, None)
        if gone is not None and gone.may_leave:
            self._first_to_leave = min(self._first_to_leave, gone.began)

    def accompany(self, pid: int) -> None:
        """A child that belongs to no attempt; what it has started is nobody's business."""
        self.companions.add(pid)
        self._first_to_leave = min(self._first_to_leave, _began(pid))

    def leaders(self) -> set[int]:
        """Those of the attempts at work."""
        return {one.pid for one in self._leaders.values()}

    def is_adopted_from(self, run_id: str, row: Row, known: Container[int]) -> bool:
        """Whether a child of ours was adopted, and none but this attempt, or such as are over, can have started it."""
        if not self._adopts_from_attempts_alone or row.pid in known or row.session == os.getsid(0):
            return False
        began = int(row.start)
        others = (one.began for name, one in self._leaders.items() if name != run_id)
        return self._first <= began < min([self._first_to_leave, *others], default=_NEVER)


def _began(pid: int) -> int:
    """When a process began; before everything else, if the system does not tell."""
    start = process.identity(pid)["start"]
    return int(start) if start is not None and start.isdigit() else 0
