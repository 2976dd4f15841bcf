"""Processes: who is alive, and leaders that start only when told.

An attempt's *leader* is a process in a session of its own. It is started behind a gate: a
shell that waits for one line on stdin, then opens the executor's input in its place and becomes
the executor by ``exec``, keeping its pid. Its identity is written to the store before the gate opens,
so that no executor ever runs without a record of it. If the runner dies first, the gate reads end of
file and exits.

An *identity* is pid, start time and boot: the system uses a pid again. On Linux the start time
is in clock ticks since boot (proc(5), field 22 of ``stat``), which a stepped clock does not
move; elsewhere psutil gives the kernel's record of it.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, TypedDict, cast

_PROC = Path("/proc")
_ON_LINUX = sys.platform == "linux"
# Whoever took these for "there is no such process" would give up an attempt that is under way.
_LACKING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
# A shell exports its variables if the environment already had their names: so these are names that nobody uses.
_GATE = '_defer_in=$1 && shift && IFS= read -r _defer_go && [ "$_defer_go" = go ] && exec "$@" <"$_defer_in"'
_GATE_WORD = b"go\n"


class Identity(TypedDict):
    """Who a process is. ``start`` is text: what the system counts in differs."""

    pid: int
    start: str | None
    boot: str | None
    pid_namespace: str | None


def identity(pid: int) -> Identity:
    """The identity of ``pid``: it stays meaningful after its death, a reboot and a change of the clock."""
    return {"pid": pid, "start": _start_of(pid), "boot": _boot_id(), "pid_namespace": _pid_namespace()}


def is_alive(known: Mapping[str, Any]) -> bool | None:
    """Whether that very process still lives; None where that cannot be told from here.

    It cannot be told of a process in another PID namespace (a container beside this one), nor, as long as its pid is
    in use, of one whose start time the system does not show (no ``/proc``, ``hidepid``, or no descriptor left).
    """
    if known.get("boot") != _boot_id():
        return False
    if known.get("pid_namespace") != _pid_namespace():
        return None
    pid = int(known["pid"])
    if _is_unused(pid):
        return False
    if not _can_see(pid):
        return None
    try:
        start = _start_of(pid)
    except OSError:
        return None
    if start is not None and known.get("start") is None:
        return None
    return start is not None and start == known["start"]


def began_at(pid: int) -> float | None:
    """When a living process began, in seconds since the epoch by the present clock; None if no such process lives.

    0 if it lives and the system does not show when it began.
    """
    if pid < 1 or _is_unused(pid):
        return None
    start = _start_of(pid)
    if start is None:
        return None if _can_see(pid) else 0.0
    if not _ON_LINUX:
        return float(start)
    ticks = os.sysconf("SC_CLK_TCK")
    return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - int(start) / ticks)


def is_of_this_boot(known: Mapping[str, Any]) -> bool:
    """Whether an identity names the boot that this process sees. Some containers see their own."""
    return known.get("boot") == _boot_id()


def is_of_this_namespace(known: Mapping[str, Any]) -> bool:
    """Whether an identity names the PID namespace that this process lives in."""
    return known.get("pid_namespace") == _pid_namespace()


def _is_unused(pid: int) -> bool:
    """Whether the kernel has forgotten every process of that number, even as a zombie."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    return False


def _can_see(pid: int) -> bool:
    """Whether the system shows a process that exists: ``/proc`` may be missing, or hide other users' processes."""
    return not _ON_LINUX or os.path.exists(f"{_PROC}/{pid}/stat")


def _start_of(pid: int) -> str | None:
    """The start time of a living process; None for one that is gone or a zombie."""
    return _start_from_proc(pid) if _ON_LINUX else _start_from_psutil(pid)


def _start_from_proc(pid: int) -> str | None:
    text = _shown(_PROC / str(pid) / "stat")
    if text is None:
        return None
    fields = fields_of(text)
    return None if is_over(fields) else fields[19]


def fields_of(text: str) -> list[str]:
    """The fields of a ``stat`` file of ``/proc``, from the third on.

    The name in parentheses may hold anything, even a parenthesis: fields count from the last one.
    """
    return text.rpartition(")")[2].split()


def is_over(fields: Sequence[str]) -> bool:
    """Whether these are the fields of a process that has ended, and of which only the entry is left.

    Its state is that of its main thread. While other threads go on, so does the process, and it keeps its children.
    """
    return fields[0] in "ZX" and int(fields[17]) <= 1


def _shown(path: Path) -> str | None:
    """What the system shows there; None if that is nothing. Raises OSError if it only cannot be read just now."""
    try:
        return path.read_text(errors="replace")
    except OSError as error:
        if error.errno in _LACKING:
            raise
        return None


def _start_from_psutil(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.Error:
        return None


@cache
def _boot_id() -> str | None:
    if not _ON_LINUX:
        return None
    found = _shown(_PROC / "sys/kernel/random/boot_id")
    return None if found is None else found.strip()


@cache
def _pid_namespace() -> str | None:
    with suppress(OSError):
        return os.readlink(_PROC / "self/ns/pid")
    return None


def ancestors() -> list[int]:
    """The processes above this one, the nearest first, as far as the system shows them."""
    found: list[int] = []
    pid: int | None = os.getppid()
    while pid and pid > 1 and pid not in found:
        found.append(pid)
        pid = _parent_of(pid)
    return found


def _parent_of(pid: int) -> int | None:
    if not _ON_LINUX:
        return cast("int | None", _from_psutil(pid, "ppid"))
    text = _shown(_PROC / str(pid) / "stat")
    return int(text.rpartition(")")[2].split()[1]) if text else None


def names_of(pid: int) -> frozenset[str]:
    """What a process may be called: its program and, where that is an interpreter, the script; without ``.exe``."""
    if _ON_LINUX:
        words = (_shown(_PROC / str(pid) / "cmdline") or "").split("\0")
    else:
        words = cast("list[str]", _from_psutil(pid, "cmdline") or [])
    called = (os.path.basename(word).removeprefix("-") for word in words[:2] if not word.startswith("--"))
    return frozenset(name.partition(".")[0] for name in called if name)


def directory_of(pid: int) -> str | None:
    """The working directory of a process, if the system shows it."""
    if not _ON_LINUX:
        return cast("str | None", _from_psutil(pid, "cwd"))
    with suppress(OSError):
        return os.readlink(_PROC / str(pid) / "cwd")
    return None


def variable_of(pid: int, name: str) -> str | None:
    """A variable of those that a process was started with, if the system shows it."""
    if not _ON_LINUX:
        found = _from_psutil(pid, "environ")
        return found.get(name) if isinstance(found, dict) else None
    words = (_shown(_PROC / str(pid) / "environ") or "").split("\0")
    return next((word.partition("=")[2] for word in words if word.startswith(f"{name}=")), None)


def _from_psutil(pid: int, what: str) -> object:
    import psutil

    try:
        return getattr(psutil.Process(pid), what)()
    except psutil.Error:
        return None


def signal_group(leader_pid: int, number: signal.Signals) -> None:
    """Signal a leader and all that stayed in its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader_pid, number)


class Leader:
    """An executor's process, started behind its gate. The pipes it prints to are non-blocking."""

    def __init__(
        self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: str = os.devnull, umask: int = -1
    ) -> None:
        """``stdin``: the file for the executor's standard input. Raises OSError when no process can be started."""
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _GATE, "defer-gate", stdin, *argv],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            umask=umask,
        )
        self._gate = cast("IO[bytes]", self._process.stdin)
        self.stdout = cast("IO[bytes]", self._process.stdout)
        self.stderr = cast("IO[bytes]", self._process.stderr)
        self.pid = self._process.pid
        for pipe in (self.stdout, self.stderr):
            os.set_blocking(pipe.fileno(), False)

    def open_gate(self) -> None:
        """Let the executor start. It is not an error if it was killed meanwhile: its end is seen like any other."""
        with suppress(BrokenPipeError):
            os.write(self._gate.fileno(), _GATE_WORD)
        self.shut_gate()

    def shut_gate(self) -> None:
        """Make a leader that is still behind its gate exit without running anything."""
        with suppress(OSError):
            self._gate.close()

    def poll(self) -> int | None:
        """The exit status if it has ended (negative: the signal), else None."""
        return self._process.poll()

    def wait(self) -> int:
        """The exit status, once it has ended."""
        return self._process.wait()

    def close(self) -> None:
        """Close our ends of the pipes."""
        for pipe in (self._gate, self.stdout, self.stderr):
            with suppress(OSError):
                pipe.close()
