"""What an answer says beside its instant: the reading that was taken where another was possible, and rules in words."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from defer import timeparse

DATA = Path(__file__).resolve().parents[2] / "data" / "time"
NOW = datetime.fromisoformat("2026-10-14T10:20:00-04:00")
"""A Wednesday."""
NEW_YORK = ZoneInfo("America/New_York")


def ambiguous() -> list[dict[str, Any]]:
    """The rows of which somebody else gives another reading that lies ahead."""
    lines = [line for path in sorted(DATA.glob("*.jsonl")) for line in path.read_text().splitlines()]
    rows = [row for row in map(json.loads, lines) if "expr" in row and row.get("class", "").endswith(":ambiguous")]
    return [row for row in rows if row.get("readings")]


def read(row: dict[str, Any]) -> tuple[timeparse.Reading | None, datetime]:
    """What the row's words mean to us, None where they are refused; and its present."""
    zone, now = ZoneInfo(row["tz"]), datetime.fromisoformat(row["now"])
    now = now if now.tzinfo else now.replace(tzinfo=zone)
    try:
        return timeparse.parse(row["expr"], now, zone), now
    except timeparse.TimeExpressionError:
        return None, now


# What needs no note, and why.
PLAIN = {
    "1h30": "a length in its documented form",
    "2030-01-15T14:00:00": "the zone stands beside every answer",
    "every 5 minutes": "its words say what it is counted from",
    "every 4 hours starting at 8am": "its words say when it starts",
}


def test_where_another_reading_was_possible_a_note_says_which_was_taken() -> None:
    silent = []
    for row in ambiguous():
        found, now = read(row)
        if found is None or found.notes or row["expr"] in PLAIN:
            continue
        others = [datetime.fromisoformat(other) for other in row["readings"] if other]
        if any(other > now and abs(other - found.instant) > timedelta(seconds=1) for other in others):
            silent.append(f"{row['expr']} at {row['now']}: {found.instant}, or {row['readings']}")
    assert silent == []


@pytest.mark.parametrize(
    "words",
    [
        *("30m", "in 2 hours", "1d2h30m", "tomorrow 9am", "tomorrow at 9:30am", "today 5pm", "noon", "3pm", "17:00"),
        *("friday 5pm", "friday 10:00", "dec 24 9am", "2026-12-24T09:00", "2026-12-24 15:30", "@1800000000"),
        *(
            "tomorrow noon",
            "in 3 days at 9am",
            "every weekday at 9am",
            "every monday at 17:00",
            "0 9 * * 1-5",
        ),
        *("every day at 9am", "mondays 9am", "every 2h", "every 20 minutes", "@daily", "0 9 * * 1-5"),
    ],
)
def test_where_nobody_could_mean_anything_else_there_is_no_note(words: str) -> None:
    assert timeparse.parse(words, NOW, NEW_YORK).notes == ()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("every weekday at 9am", "every weekday at 09:00"),
        ("every day", "every day at 10:20"),
        ("daily at 9", "every day at 09:00"),
        ("every 2h", "every 2 hours, counted from Wed 2026-10-14 10:20"),
        ("every 20 minutes", "every 20 minutes, counted from Wed 2026-10-14 10:20"),
        ("every 3 days at 17:00", "every 3 days at 17:00"),
        ("every 2 weeks on monday at 9am", "every 2 weeks on Monday at 09:00"),
        ("every other friday", "every 2 weeks on Friday at 10:20"),
        ("mondays 9am", "every Monday at 09:00"),
        ("mon,thu 17:00", "every Monday and Thursday at 17:00"),
        ("every saturday or sunday at 10", "every Saturday and Sunday at 10:00"),
        ("every 1st of the month at noon", "every month on the 1st at 12:00"),
        ("every last friday of the month at 16:00", "every month on the last Friday at 16:00"),
        ("every month on the 31st at noon", "every month on the 31st at 12:00"),
        ("every last business day of the month at 4pm", "every month on the last business day at 16:00"),
        ("every 15 minutes between 9am and 5pm", "every 15 minutes from 09:00 to 17:00 every day"),
        ("hourly from 9 to 5 on weekdays", "every hour from 09:00 to 17:00 on weekdays"),
        ("weekdays 8-17 hourly", "every hour from 08:00 to 17:00 on weekdays"),
        ("twice a day at 9 and 17", "every day at 09:00 and 17:00"),
        ("every quarter on the 1st at 9am", "every quarter on the 1st at 09:00"),
        ("every quarter", "every quarter on the 1st at 10:20"),
        ("every year on dec 24 at 9am", "every year on December 24 at 09:00"),
        ("monthly on the 15th", "every month on the 15th at 10:20"),
        ("monthly on the 15th at 9am", "every month on the 15th at 09:00"),
        ("every day at 9am until dec 24", "every day at 09:00, until Thu 2026-12-24 23:59"),
        ("every day at 9am starting friday", "every day at 09:00, starting Fri 2026-10-16"),
        ("every day at 9am for the next three weeks", "every day at 09:00, until Wed 2026-11-04 10:20"),
        ("every monday at 9am 5 times", "every Monday at 09:00, 5 times, until Mon 2026-11-16 09:00"),
        (
            "every 2 hours starting at 8am until 6pm",
            "every 2 hours, starting Thu 2026-10-15 08:00, until Thu 2026-10-15 18:00",
        ),
        ("every day until oct 25 at 9am", "every day at 09:00, until Sun 2026-10-25 23:59"),
        (
            "every weekday at 9am from oct 20 until oct 30",
            "every weekday at 09:00, starting Tue 2026-10-20, until Fri 2026-10-30 23:59",
        ),
        ("every 1st and 3rd monday at 9am", "every month on the first Monday and the third Monday at 09:00"),
        ("nightly at 1am", "every day at 01:00"),
        ("every hour", "every hour, counted from Wed 2026-10-14 10:20"),
        ("hourly", "at the start of every hour"),
        ("0 9 * * 1-5", "at 09:00 on Monday through Friday"),
        ("*/15 9-17 * * mon-fri", "every 15th minute from 09:00 through 17:59 on Monday through Friday"),
        ("0 9 L * *", "at 09:00 on the last day of every month"),
        ("@daily", "at 00:00 every day"),
        ("every feb 29 at noon", "every year on February 29 at 12:00"),
        ("every 6 months on the 15th at 10:00", "every 6 months on the 15th at 10:00"),
        (
            "every week on tuesday and thursday at 8:30, noon and 17:00",
            "every Tuesday and Thursday at 08:30, 12:00 and 17:00",
        ),
        ("weekly", "at 00:00 on Sunday"),
        ("fortnightly on mondays", "every 2 weeks on Monday at 10:20"),
        ("every 90 minutes starting tomorrow 9am", "every 90 minutes, starting Thu 2026-10-15 09:00"),
        ("every morning", "every day at 09:00"),
        ("every evening at 8", "every day at 20:00"),
        ("every month", "every month on the 14th at 10:20"),
        ("every 2 weeks", "every 2 weeks on Wednesday at 10:20"),
        ("every year", "every year on October 14 at 10:20"),
        ("every week", "every week on Wednesday at 10:20"),
        ("end of every month", "every month on the last day at 17:00"),
        ("every 1st and 15th at 9am", "every month on the 1st and the 15th at 09:00"),
        ("every month on the last day", "every month on the last day at 10:20"),
        ("every 2 weeks on weekdays at 9am", "every 2 weeks on weekdays at 09:00"),
        ("every quarter on the last day at 5pm", "every quarter on the last day at 17:00"),
    ],
)
def test_a_rule_is_said_so_that_a_person_sees_what_was_understood(words: str, said: str) -> None:
    """Its days, clocks, start, end and count, and its zone."""
    found = timeparse.parse(words, NOW, NEW_YORK).recurrence
    assert found is not None
    assert found.describe() == f"{said}, America/New_York"


@pytest.mark.parametrize("row", [row for row in ambiguous()[::5] if read(row)[0]], ids=lambda row: row["expr"])
def test_a_note_is_one_short_line(row: dict[str, Any]) -> None:
    found, _ = read(row)
    assert found is not None
    assert all(0 < len(note) < 100 and note.isprintable() and note[-1] != "." for note in found.notes)
    assert len(set(found.notes)) == len(found.notes)
