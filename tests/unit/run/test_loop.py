"""The one place that waits: what it must not sleep through."""

import subprocess

from defer.run.loop import Loop


class Over:
    """An attempt whose end nothing but a SIGCHLD tells of."""

    run_id = "r"

    def next_look(self):
        return None

    def to_watch(self):
        return ()

    def is_over(self, _now):
        return True


def test_a_death_that_was_heard_of_while_it_was_asked_whether_to_stop_is_looked_at_at_once(monkeypatch):
    with Loop() as loop:
        subprocess.run(["true"], check=True)
        assert not loop.is_told_to_stop
        waits = []
        monkeypatch.setattr(loop._selector, "select", lambda timeout: waits.append(timeout) or [])
        loop.attempts["r"] = Over()
        assert [one.run_id for one in loop.wait([])] == ["r"]
        loop.wait([])
        assert waits == [0.0, None]


class Unwatched(Over):
    """An attempt one of whose pipes could not be watched."""

    is_let_go = False

    def to_watch(self):
        return (0,)

    def let_go(self):
        self.is_let_go = True


def test_a_pipe_that_could_not_be_watched_keeps_no_attempt_from_being_let_go():
    with Loop() as loop:
        loop.attempts["r"] = attempt = Unwatched()
        loop.let_go()
    assert attempt.is_let_go
    assert not loop.attempts
