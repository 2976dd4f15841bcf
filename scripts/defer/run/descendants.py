"""Which processes belong to an attempt: its leader, what that started, and what is left of both.

On Linux the runner is a *subreaper* (prctl(2), PR_SET_CHILD_SUBREAPER): a process that loses its
parent becomes the runner's child, whatever session it has moved to. So if a runner knows all its
children, nothing is left behind: that takes one small file to read (proc(5),
``/proc/self/task/*/children``). Otherwise, and always on other systems, the whole process table is
read, and a process belongs to an attempt if one of these holds:

- it is in the leader's process group or session;
- its environment names the attempt's run (``DEFER_RUN_ID``);
- its parent belongs to it.

A process that left the session, lost its parent *and* cleared its environment cannot be told from a stranger.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

_ON_LINUX = sys.platform == "linux"
_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37


class Row(NamedTuple):
    """One living process. ``start`` tells it from a later one of the same number."""

    pid: int
    parent: int
    group: int
    session: int
    start: str


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


def of_attempt(leader: int, run_id: str, *, below: int | None = None, start: str | None = None) -> list[Row]:
    """The living processes of an attempt, its leader included.

    ``below``: look only at what descends from that process, as its runner does. None looks at everything, for
    an attempt whose runner is gone: the leader's number may be somebody else's by now, and then so are the group
    and session of that number. They count only if a leader of that ``start`` lives. Raises OSError where the
    system has no room to show its processes just now.
    """
    rows = {row.pid: row for row in _table()}
    if not rows:
        return group_alone(leader)
    wanted = list(rows.values()) if below is None else list(_descendants({below}, rows))
    groups = {leader} if below is not None or (leader in rows and rows[leader].start == start) else set()
    own = {row.pid for row in wanted if groups & {row.group, row.session} or _names_run(row.pid, run_id)}
    if below is None:
        # The attempt itself may have started the process that asks, which then has attempts of its own.
        own.discard(os.getpid())
        rows.pop(os.getpid(), None)
    members = own | {row.pid for row in _descendants(own, rows)}
    return [rows[pid] for pid in sorted(members - {os.getpid()})]


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


def _table() -> Iterable[Row]:
    return _table_from_proc() if os.path.exists("/proc/self/stat") else _table_from_psutil()


def _table_from_proc() -> Iterator[Row]:
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with suppress(OSError, IndexError, ValueError):
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            if fields[0] not in (b"Z", b"X"):
                parent, group, session = map(int, fields[1:4])
                yield Row(int(name), parent, group, session, fields[19].decode())


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


def _names_run(pid: int, run_id: str) -> bool:
    """Whether a process was started with ``DEFER_RUN_ID`` of that run in its environment."""
    if _ON_LINUX:
        with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            # A run id that others wrote may hold what an environment cannot: then no process names it.
            return f"DEFER_RUN_ID={run_id}".encode(errors="surrogatepass") in file.read().split(b"\0")
        return False
    import psutil

    with suppress(psutil.Error, OSError):
        return bool(psutil.Process(pid).environ().get("DEFER_RUN_ID") == run_id)
    return False
