"""Which processes belong to an attempt: its leader, what that started, and what is left of both.

On Linux the runner is a *subreaper* (prctl(2), PR_SET_CHILD_SUBREAPER): a process that loses its
parent becomes the runner's child, whatever session it has moved to. So if a runner knows all its
children, nothing is left behind: that takes one small file to read (proc(5),
``/proc/self/task/*/children``). Otherwise, and always on other systems, the whole process table is
read, and a process belongs to an attempt if one of these holds:

- it is in the leader's process group or session;
- its environment names the attempt's run (``DEFER_RUN_ID``, or the result file of that run);
- it was seen to belong to it before;
- its parent belongs to it;
- its runner has adopted it, and nobody else can have started it.

A runner that was started from within an attempt, and has attempts of its own, is not part of it, nor is what that
runner has started: whoever holds a lease ends by himself, and settles what he has claimed.

If the runner is gone, a process that left the session, lost its parent *and* cleared its environment cannot be
told from a stranger.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple, TypeAlias

from defer import process

_ON_LINUX = sys.platform == "linux"
_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37
_LEASE_ENDS = ".lease"
"""What the file's name ends with that every runner at work holds locked, and its keeper with it."""
_MOST_LISTINGS = 8
_RUN, _RESULT = "DEFER_RUN_ID", "DEFER_RESULT_FILE"


class Row(NamedTuple):
    """One living process. ``start`` tells it from a later one of the same number."""

    pid: int
    parent: int
    group: int
    session: int
    start: str

    @property
    def identity(self) -> tuple[int, str]:
        """What no other process of this boot has."""
        return self.pid, self.start


class Found(NamedTuple):
    """``rows``: the living processes of an attempt. ``apart``: those among them that belong to attempts of others."""

    rows: list[Row]
    apart: list[Row]


IsAdopted: TypeAlias = Callable[[Row], bool]
"""Whether a child of the runner was adopted, and nobody else can have started it."""


@contextmanager
def adopting() -> Iterator[None]:
    """Be a subreaper while this is entered, where the system has that."""
    if not _ON_LINUX:
        yield
        return
    import ctypes

    libc, before = ctypes.CDLL(None), ctypes.c_int()
    libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)


def has_unknown_child(known: Container[int]) -> bool:
    """Whether this process, a subreaper, has a child other than ``known``; True where the system does not tell."""
    children = _children()
    return children is None or any(child not in known for child in children)


def has_no_child() -> bool:
    """Whether this process certainly has no child at all."""
    return _children() == []


def _children() -> list[int] | None:
    """The children of this process, zombies included; None where the system has no list of them."""
    found: list[int] = []
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
    except OSError:
        return None
    return found


def reap(pid: int) -> None:
    """Reap a process if it has ended and become our child; otherwise do nothing."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def has_ended(child: int) -> bool:
    """Whether a child of ours has ended; then it is reaped."""
    try:
        return os.waitpid(child, os.WNOHANG)[0] == child
    except ChildProcessError:
        return True


def reap_others(known: Container[int]) -> None:
    """Reap all children other than ``known`` that have ended: for a process whose other children are all adopted."""
    for child in _children() or ():
        if child not in known:
            reap(child)


class Search(NamedTuple):
    """For what is looked: the attempt of ``run_id`` whose leader has the pid ``leader``.

    ``below``: look only at what descends from that process, as its runner does; ``is_adopted`` is asked about its
    children. None looks at everything, for an attempt whose runner is gone: the leader's number may be somebody
    else's by now, and then so are the group and session of that number. They count only if a leader of that ``start``
    lives.
    """

    leader: int
    run_id: str
    below: int | None = None
    start: str | None = None
    is_adopted: IsAdopted = lambda _: False

    def found(self, seen: Container[tuple[int, str]] = ()) -> Found:
        """What lives of it, its leader included; ``seen``: the identities of what belonged to it before.

        Raises OSError where the system has no room to show its processes just now.
        """
        rows = {row.pid: row for row in _table()}
        if not rows:
            return Found(group_alone(self.leader), [])
        own = self._own(rows, seen)
        if self.below is None:
            # The attempt itself may have started the process that asks, which then has attempts of its own.
            own.discard(os.getpid())
            rows.pop(os.getpid(), None)
        members = own | {row.pid for row in _descendants(own, rows)}
        members.discard(os.getpid())
        runners = {pid for pid in _may_be_runners(members, rows) if pid != self.leader and _holds_a_lease(pid)}
        apart = runners | {row.pid for row in _descendants(runners, rows)} if runners else set()
        return Found([rows[pid] for pid in sorted(members - apart)], [rows[pid] for pid in sorted(members & apart)])

    def _own(self, rows: dict[int, Row], seen: Container[tuple[int, str]]) -> set[int]:
        """Those of which we know without their parents."""
        wanted = list(rows.values()) if self.below is None else list(_descendants({self.below}, rows))
        is_leaders = self.below is not None or (self.leader in rows and rows[self.leader].start == self.start)
        groups = {self.leader} if is_leaders else set()
        return {
            row.pid
            for row in wanted
            if groups & {row.group, row.session} or row.identity in seen or self._tells_of_itself(row)
        }

    def _tells_of_itself(self, row: Row) -> bool:
        named = _run_named(row.pid)
        if named is not None:
            return named in (self.run_id, f"{self.run_id}.result.json")
        return row.parent == self.below and self.is_adopted(row)


def group_alone(leader: int) -> list[Row]:
    """The leader's group as one row, where the system shows no processes: all we know is that it can be signalled."""
    try:
        os.killpg(leader, 0)
    except (ProcessLookupError, PermissionError):
        return []
    return [Row(leader, 0, leader, leader, "")]


def _descendants(above: set[int], rows: dict[int, Row]) -> Iterator[Row]:
    children: dict[int, list[Row]] = {}
    for row in rows.values():
        children.setdefault(row.parent, []).append(row)
    waiting, seen = list(above), set(above)
    while waiting:
        for row in children.get(waiting.pop(), ()):
            if row.pid not in seen:
                seen.add(row.pid)
                waiting.append(row.pid)
                yield row


def _may_be_runners(members: set[int], rows: dict[int, Row]) -> set[int]:
    """Those worth a closer look: the leader of an attempt, and a keeper, lead sessions and are children of a runner."""
    leads = {pid for pid in members if rows[pid].session == pid}
    return leads | {rows[pid].parent for pid in leads if rows[pid].parent in members}


def _holds_a_lease(pid: int) -> bool:
    """Whether a process has attempts of its own to look after, as a runner or as a keeper."""
    return any(path.endswith(_LEASE_ENDS) for path in _open_files(pid))


def _open_files(pid: int) -> Iterator[str]:
    if not _ON_LINUX:
        import psutil

        with suppress(psutil.Error, OSError):
            yield from (one.path for one in psutil.Process(pid).open_files())
        return
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                yield os.readlink(f"/proc/{pid}/fd/{name}")


def _table() -> Iterable[Row]:
    return _table_from_proc() if os.path.exists("/proc/self/stat") else _table_from_psutil()


def _table_from_proc() -> Iterator[Row]:
    seen: set[str] = set()
    for _ in range(_MOST_LISTINGS):
        # What moves on from process to process while we read is in no row of the first listing.
        new = [name for name in os.listdir("/proc") if name.isdigit() and name not in seen]
        if not new:
            return
        seen.update(new)
        for name in new:
            with suppress(OSError, IndexError, ValueError):
                yield from _row(name)


def _row(name: str) -> Iterator[Row]:
    with open(f"/proc/{name}/stat", errors="replace") as file:
        fields = process.fields_of(file.read())
    if not process.is_over(fields):
        parent, group, session = map(int, fields[1:4])
        yield Row(int(name), parent, group, session, fields[19])


def _table_from_psutil() -> Iterator[Row]:
    try:
        import psutil
    except ImportError:  # Linux without /proc
        return
    for one in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if one.status() != psutil.STATUS_ZOMBIE:
                pid = one.pid
                yield Row(pid, one.ppid(), os.getpgid(pid), os.getsid(pid), repr(one.create_time()))


def _run_named(pid: int) -> str | None:
    """The run that a process was started for, by its environment: the id, else the name of that run's result file."""
    variables = _variables(pid)
    return variables.get(_RUN) or os.path.basename(variables.get(_RESULT, "")) or None


def _variables(pid: int) -> dict[str, str]:
    """What we want to know of the environment a process was started with; empty where the system does not show it."""
    if not _ON_LINUX:
        import psutil

        with suppress(psutil.Error, OSError):
            return dict(psutil.Process(pid).environ())
        return {}
    # A run id that others wrote may hold what an environment cannot: then no process names it.
    words = (word.partition(b"=") for word in _environ(pid).split(b"\0") if word.startswith(b"DEFER_R"))
    return {name.decode(errors="replace"): value.decode(errors="replace") for name, _, value in words}


def _environ(pid: int) -> bytes:
    with suppress(OSError):
        with open(f"/proc/{pid}/environ", "rb") as file:
            found = file.read()
        if found:
            return found
        # The main thread may have ended, and have nothing to show any more.
        others = [name for name in os.listdir(f"/proc/{pid}/task") if name != str(pid)]
        if others:
            with open(f"/proc/{pid}/task/{others[0]}/environ", "rb") as file:
                return file.read()
    return b""
