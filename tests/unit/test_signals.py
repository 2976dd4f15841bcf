"""Signals as bytes, and the handlers that were there before."""

from __future__ import annotations

import signal
import threading

from defer.signals import Signals


def blocked() -> set[int]:
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, []))


def test_no_signal_comes_between_two_handlers(monkeypatch):
    before, real, seen = blocked(), signal.signal, []

    def put_back(number, handler):
        # To this thread: another one of the test's process does not block it, and would write to a pipe that is closed.
        signal.pthread_kill(threading.get_ident(), signal.SIGCHLD)
        seen.append(signal.SIGCHLD in blocked())
        return real(number, handler)

    old = signal.getsignal(signal.SIGCHLD)
    with Signals() as signals:
        monkeypatch.setattr(signal, "signal", put_back)
    assert signals.fd == -1
    assert seen
    assert all(seen)
    assert blocked() == before
    assert signal.getsignal(signal.SIGCHLD) == old
