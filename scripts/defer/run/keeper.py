"""The keeper: goes on reading what attempts print when their runner is gone.

It is a fork of the runner, one for each wake, made at the first attempt. While the runner lives, it only
waits for messages:

- ``keep``: an attempt's pipes and log, as descriptors (SCM_RIGHTS, unix(7));
- ``held``: what the attempt's maskers hold back just now;
- ``over``: the attempt has ended, its pipes are closed;
- ``take``: the attempt has ended and left a program that may stay: read on in place of the runner.

At the end of the socket's stream the runner is gone. Then the keeper reads on for every attempt that is not ``over``:
same file position, same limit, same masks. It exits when every leader has ended and the logs have what was still
in the pipes; it reads from programs that were left running until they close their pipes.

The lease stays locked as long as the keeper looks after an attempt whose leader lives (see ``lease``).
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from defer import process, signals
from defer.settings.masking import NOTHING, Held, Masker

from .capture import STREAMS, Capture, Log

_READ_BYTES = 1 << 16
_LOOK_EVERY_SECONDS = 1.0
_MOST_DESCRIPTORS = 64
_HIGHEST_DESCRIPTOR = 1 << 16


class Keeper:
    """The runner's end. Nothing here waits: if the keeper cannot take a message, it is given up, never the attempt."""

    def __init__(self, secrets: list[bytes], limit: int, lease: int | None) -> None:
        """Raises OSError where the system has no process or socket to give."""
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            _be_keeper(theirs, secrets, limit, lease)
        theirs.close()
        ours.setblocking(False)
        self._socket: socket.socket | None = ours

    def keep(
        self, run_id: str, leader: Mapping[str, Any], pipes: tuple[int, int], log: int | None, secrets: list[bytes]
    ) -> None:
        """Look after an attempt. ``secrets``: its own, beside those that the keeper was made with."""
        said = {"keep": run_id, "leader": leader, "secrets": [one.hex() for one in secrets], "log": log is not None}
        self._send(said, [*pipes, *([] if log is None else [log])])

    def held(self, run_id: str, held: Sequence[Held]) -> None:
        """Tell the keeper what the maskers of an attempt hold back."""
        self._send({"held": run_id, "back": [(one.data.hex(), one.masked) for one in held]})

    def over(self, run_id: str) -> None:
        """An attempt has ended."""
        self._send({"over": run_id})

    def take(self, run_id: str) -> bool:
        """An attempt has ended, and the keeper is to read what it left running; whether the keeper was told."""
        return self._send({"take": run_id})

    def _send(self, said: dict[str, Any], descriptors: list[int] | None = None) -> bool:
        message = json.dumps(said).encode() + b"\n"
        if self._socket is None:
            return False
        try:
            whole = socket.send_fds(self._socket, [message], descriptors or []) == len(message)
        except OSError:
            whole = False
        if not whole:
            self._dismiss()
        return whole

    def _dismiss(self) -> None:
        """Give up a keeper that is dead, or so far behind that its socket is full: half a message would mislead it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Let it go: with nothing left to look after it leaves at once."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)


class _Kept(NamedTuple):
    """An attempt that the keeper looks after. ``is_left``: only a program that may stay is left of it."""

    leader: Mapping[str, Any]
    pipes: list[int]
    log: int | None
    secrets: list[bytes]
    held: Sequence[Held] = (NOTHING,) * 3
    is_left: bool = False


def _be_keeper(connection: socket.socket, secrets: list[bytes], limit: int, lease: int | None) -> None:
    """The forked process, to its end. It never returns: the runner's code is not its own."""
    try:
        leave_the_runner({connection.fileno(), *([] if lease is None else [lease])})
        _Keeping(connection, secrets, limit, lease).go()
    finally:
        os._exit(0)


def leave_the_runner(keep: Collection[int] = ()) -> None:
    """Leave, as its fork, the runner's session, its signals and its files, which are the store's, or somebody's pipe.

    ``keep``: descriptors that stay open.
    """
    # Objects that the runner forgot would close descriptors whose numbers are ours by then.
    gc.disable()
    os.setsid()
    signal.set_wakeup_fd(-1)
    signals.forget()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    kept = sorted(keep)
    for first, last in zip([2, *kept], [*kept, _HIGHEST_DESCRIPTOR], strict=True):
        os.closerange(first + 1, last)


class _Keeping:
    """What the keeper does."""

    def __init__(self, connection: socket.socket, secrets: list[bytes], limit: int, lease: int | None) -> None:
        self._connection, self._secrets, self._limit, self._lease = connection, secrets, limit, lease
        self._kept: dict[str, _Kept] = {}
        self._reading: dict[str, tuple[_Kept, Capture]] = {}
        self._selector = selectors.DefaultSelector()
        self._unread = b""
        self._descriptors: list[int] = []
        self._is_alone = False

    def go(self) -> None:
        self._selector.register(self._connection, selectors.EVENT_READ, self._listen)
        while self._selector.get_map():
            # While the runner lives and nothing is read in its place, no timeout is needed.
            for key, _ in self._selector.select(_LOOK_EVERY_SECONDS if self._reading else None):
                if key.fd in self._selector.get_map():
                    key.data()
            self._look_at_leaders()

    # While the runner lives

    def _listen(self) -> None:
        try:
            piece, descriptors, _, _ = socket.recv_fds(self._connection, _READ_BYTES, _MOST_DESCRIPTORS)
        except OSError:
            piece, descriptors = b"", []
        self._descriptors += descriptors
        *lines, self._unread = (self._unread + piece).split(b"\n")
        for line in lines:
            self._hear(json.loads(line))
        if not piece:
            self._selector.unregister(self._connection)
            self._connection.close()
            self._is_alone = True
            for run_id in list(self._kept):
                self._read_on(run_id)

    def _hear(self, said: dict[str, Any]) -> None:
        match said:
            case {"keep": run_id, "leader": leader, "secrets": secrets, "log": has_log}:
                pipes, log = [self._descriptors.pop(0) for _ in STREAMS], self._descriptors.pop(0) if has_log else None
                self._kept[run_id] = _Kept(leader, pipes, log, [*self._secrets, *map(bytes.fromhex, secrets)])
            case {"held": run_id, "back": back}:
                held = [Held(bytes.fromhex(data), masked) for data, masked in back]
                self._kept[run_id] = self._kept[run_id]._replace(held=held)
            case {"over": run_id}:
                _close(self._kept.pop(run_id))
            case {"take": run_id}:
                self._kept[run_id] = self._kept[run_id]._replace(is_left=True)
                self._read_on(run_id)

    # When it is gone

    def _read_on(self, run_id: str) -> None:
        kept = self._kept.pop(run_id)
        room = 0 if kept.log is None else max(0, self._limit - os.fstat(kept.log).st_size)
        capture = Capture(Log(kept.log, room), Masker(kept.secrets), kept.held)
        self._reading[run_id] = kept, capture
        for stream, pipe in zip(STREAMS, kept.pipes, strict=True):
            self._selector.register(pipe, selectors.EVENT_READ, lambda p=pipe, s=stream: self._read(capture, s, p))

    def _read(self, capture: Capture, stream: str, pipe: int) -> bool:
        """Take in what is there; whether anything was."""
        try:
            piece = os.read(pipe, _READ_BYTES)
        except BlockingIOError:
            return False
        capture.take(stream, piece)
        if not piece:
            self._selector.unregister(pipe)
        return bool(piece)

    def _look_at_leaders(self) -> None:
        for run_id, (kept, capture) in list(self._reading.items()):
            is_read_to_its_end = not any(pipe in self._selector.get_map() for pipe in kept.pipes)
            if is_read_to_its_end or not (kept.is_left or process.is_alive(kept.leader)):
                self._finish(run_id, kept, capture)
        if self._lease is not None and self._is_alone and not self._watches_a_leader():
            os.close(self._lease)
            self._lease = None

    def _watches_a_leader(self) -> bool:
        return any(not kept.is_left for kept, _ in self._reading.values())

    def _finish(self, run_id: str, kept: _Kept, capture: Capture) -> None:
        """A leader has ended: what it left in the pipes, bounded by their size, and no more."""
        for stream, pipe in zip(STREAMS, kept.pipes, strict=True):
            for _ in range(64):
                if pipe not in self._selector.get_map() or not self._read(capture, stream, pipe):
                    break
            with suppress(KeyError):
                self._selector.unregister(pipe)
        capture.finish()
        _close(kept._replace(log=None))
        del self._reading[run_id]


def _close(kept: _Kept) -> None:
    for descriptor in [*kept.pipes, *([] if kept.log is None else [kept.log])]:
        os.close(descriptor)
