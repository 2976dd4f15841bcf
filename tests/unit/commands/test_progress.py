"""Long work says how far it has come, on a terminal's stderr alone, and leaves nothing behind."""

from __future__ import annotations

import io
from contextlib import suppress

import pytest

from defer.commands.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


def test_it_waits_a_second_then_says_four_times_a_second_what_is_done() -> None:
    out, clock = Terminal(), Clock()
    with Progress("reading task files", out=out, clock=clock) as progress:
        for moment in (0.5, 0.99, 1.0, 1.1, 1.2, 1.25, 1.3):
            clock.now = moment
            progress.step(1000)
    assert out.getvalue().split("\r\x1b[K") == [
        "",
        "reading task files: 3 of 1,000",
        "reading task files: 6 of 1,000",
        "",
    ]


def test_short_work_says_nothing() -> None:
    out, clock = Terminal(), Clock()
    with Progress("reading records", out=out, clock=clock) as progress:
        for _ in range(100_000):
            progress.step()
    assert out.getvalue() == ""


@pytest.mark.parametrize("term", ["dumb", None])
def test_a_terminal_that_takes_no_line_back_hears_nothing(term: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if term:
        monkeypatch.setenv("TERM", term)
    else:
        monkeypatch.delenv("TERM")
    assert said(Terminal()) == ""


def said(out: io.StringIO) -> str:
    clock = Clock()
    with Progress("reading records", out=out, clock=clock) as progress:
        clock.now = 9.0
        progress.step()
    return out.getvalue()


def test_what_is_not_a_terminal_hears_nothing() -> None:
    assert said(io.StringIO()) == ""
    assert said(Terminal()) == "\r\x1b[Kreading records: 1\r\x1b[K"


def test_the_line_is_gone_after_a_failure_too() -> None:
    out, clock = Terminal(), Clock()
    with suppress(KeyboardInterrupt), Progress("reading records", out=out, clock=clock) as progress:
        clock.now = 9.0
        progress.step()
        raise KeyboardInterrupt
    assert out.getvalue().startswith("\r\x1b[Kreading records: 1")
    assert out.getvalue().endswith("\r\x1b[K")


def test_a_terminal_that_is_gone_ends_no_work() -> None:
    class Gone(Terminal):
        def flush(self) -> None:
            raise OSError(5, "Input/output error")

    assert said(Gone()).count("reading records") == 1
