"""What the audit log tells of wakes that did not come, and of a clock that went back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from defer import instants
from defer.record import events
from defer.reports.doctor import journal
from defer.reports.doctor.finding import Finding
from defer.store import audit
from support import NOW, at, text_at


def findings(tmp_path: Path, *lines: str) -> list[Finding]:
    log = tmp_path / "deferred.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    return list(journal.findings(log, NOW))


def resumed(since: float, until: float) -> str:
    """A wake came after none had, so many hours ago each."""
    return audit.line(events.met("wakes_resumed", {"since": text_at(hours=-since)}, at(hours=-until))).strip()


def test_an_even_log_tells_of_nothing(tmp_path: Path) -> None:
    assert findings(tmp_path) == []
    assert list(journal.findings(tmp_path / "none", NOW)) == []
    assert findings(tmp_path, f"{text_at(hours=-2)} started id=a", f"{text_at(hours=-1)} completed id=a") == []


def test_a_night_off_is_noted(tmp_path: Path) -> None:
    (one,) = findings(tmp_path, f"{text_at(hours=-30)} started id=a", resumed(20, 10), "torn", f"{text_at()} x id=b")
    assert (one.id, one.severity) == ("wake-gap", "note")
    start, end = "2026-04-07T20:45:00Z", "2026-04-08T06:45:00Z"
    assert one.what == f"nothing woke this store for 10 hours, from {start} to {end}"


def test_of_several_the_longest_is_told_and_older_ones_are_let_be(tmp_path: Path) -> None:
    lines = (resumed(400, 300), resumed(100, 99), resumed(50, 45), resumed(20, 18))
    (one,) = findings(tmp_path, *lines)
    assert one.what.startswith("nothing woke this store 3 times in the last 7 days, the longest for 5 hours, from ")


def test_a_clock_that_went_back_is_noted(tmp_path: Path) -> None:
    lines = [f"{text_at(hours=-1)} a id=a", f"{text_at(hours=-3)} b id=b", f"{text_at(hours=-2)} c id=c"]
    (one,) = findings(tmp_path, *lines)
    assert (one.id, one.severity) == ("clock-stepped", "note")
    step = f"at {text_at(hours=-1)} by 2 hours"
    assert one.what == f"the clock went back once in the last 7 days, the furthest {step}"


def test_lines_of_several_processes_may_come_a_little_late(tmp_path: Path) -> None:
    assert findings(tmp_path, f"{text_at(seconds=-5)} a id=a", f"{text_at(seconds=-40)} b id=b") == []


def test_what_is_odd_in_a_log_is_passed_over(tmp_path: Path) -> None:
    odd = [
        f'{text_at()} wakes_resumed since="not a time"',
        f"{text_at()} wakes_resumed",
        f'{text_at()} other says=" wakes_resumed since={text_at()}"',
        "2026-99-99T99:99:99Z wakes_resumed",
        "\x00\xff",
    ]
    assert [one.id for one in findings(tmp_path, *odd) if one.id == "wake-gap"] == []
    assert instants.to_text(NOW - timedelta(days=journal.DAYS)) == "2026-04-01T16:45:00Z"
