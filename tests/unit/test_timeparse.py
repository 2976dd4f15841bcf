"""What single expressions come to: literal instants, notes, refusals, and lines cut in two."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import time_accuracy
from defer import timeparse
from defer.errors import EXIT_BAD_INPUT, BadInput
from defer.timeparse import TimeExpressionError, parse, parse_duration, split_line, zone

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "time"

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime.fromisoformat("2026-11-18T10:30:00-05:00")  # a Wednesday


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


def refusal(expr: str, now: datetime = NOW, tz: ZoneInfo = NEW_YORK) -> str:
    with pytest.raises(TimeExpressionError) as caught:
        parse(expr, now, tz)
    return str(caught.value)


@pytest.mark.parametrize("path", time_accuracy.FILES, ids=lambda path: path.stem)
def test_rows_are_read_right(path: Path) -> None:
    graded = [(row, time_accuracy.grade(row)) for row in time_accuracy.rows(path)]
    counts = Counter(found for _, found in graded)
    accepted = [row["expr"] for row, found in graded if row["expect"] is None and found == "wrong"]
    assert accepted == []
    assert counts["right"] >= 0.98 * len(graded)
    assert counts["wrong"] <= 0.005 * len(graded)


def test_there_are_enough_rows_of_our_own_each_with_its_source() -> None:
    own = list(time_accuracy.rows(DATA / "own.jsonl"))
    assert len(own) >= 300
    assert all(row["source"] for row in own)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("now", "2026-11-18 10:30"),
        ("30m", "2026-11-18 11:00"),
        ("1d2h30m", "2026-11-19 13:00"),
        ("2 hours 30 minutes", "2026-11-18 13:00"),
        ("in 5m", "2026-11-18 10:35"),
        ("+5m", "2026-11-18 10:35"),
        ("3pm", "2026-11-18 15:00"),
        ("9am", "2026-11-19 09:00"),
        ("15:30", "2026-11-18 15:30"),
        ("noon", "2026-11-18 12:00"),
        ("midnight", "2026-11-19 00:00"),
        ("today", "2026-11-18 10:30"),
        ("today 6pm", "2026-11-18 18:00"),
        ("tomorrow", "2026-11-19 10:30"),
        ("tomorrow 9am", "2026-11-19 09:00"),
        ("tomorrow at 9am", "2026-11-19 09:00"),
        ("next friday", "2026-11-20 10:30"),
        ("next wednesday", "2026-11-25 10:30"),
        ("next friday 3pm", "2026-11-20 15:00"),
        ("2026-12-24T09:00:00", "2026-12-24 09:00"),
        ("2026-12-24", "2026-12-24 00:00"),
        ("2026-W52", "2026-12-21 00:00"),
        ("2026-W52-4", "2026-12-24 00:00"),
        ("08:5", "2026-11-19 08:05"),
        ("8:5pm", "2026-11-18 20:05"),
        ("  ToMoRRoW   9AM ", "2026-11-19 09:00"),
    ],
)
def test_forms_of_v1_keep_their_answers(expr: str, expected: str) -> None:
    assert parse(expr, NOW, NEW_YORK).instant == at(expected)


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (
            "10m garbage",
            'can\'t read "10m garbage": "garbage" is not read in a time (a time looks like "tomorrow 9am")',
        ),
        ("feb 30", '"feb 30": February has 28 days in 2027'),
        ("3pm EST", '"3pm EST": zones are not read from the text (use --tz America/New_York)'),
        ("9am Europe/Berlin", '"9am Europe/Berlin": zones are not read from the text (use --tz Europe/Berlin)'),
        ("17:00 UTC", '"17:00 UTC": zones are not read from the text (use --tz UTC)'),
        ("05/06", '"05/06": month or day first? (instead of "05/06" try "2027-05-06" or "2027-06-05")'),
        ("monday dec 25", '"monday dec 25": 2026-12-25 is a Friday, not a Monday (try "friday dec 25")'),
        ("at 5", '"at 5": 5 in the morning or afternoon? (try "at 5am" or "at 5pm")'),
        (
            "friday afternoon at 9am",
            '"friday afternoon at 9am": 9:00 is not in the afternoon (try "friday morning at 9am")',
        ),
        ("", 'no time is given (a time looks like "tomorrow 9am")'),
        ("10", 'can\'t read "10": a bare number has no unit (try "10 minutes" or "10 hours" or "at 10")'),
        ("0m", 'can\'t read "0m": that is not a time at all (a delay looks like "1m")'),
        (
            "5 minutes ago",
            'can\'t read "5 minutes ago": that lies in the past (a time to come looks like "tomorrow 9am")',
        ),
        ("1M", 'can\'t read "1M": "M": is that minutes or months? (try "1m" or "1mo")'),
        ("march 3am", '"march 3am": on which day of March? (a date looks like "March 1")'),
        ("biweekly", 'can\'t read "biweekly": "biweekly": twice a week or every two weeks? (try "every 2 weeks")'),
        ("@reboot", '"@reboot": "@reboot" is not read here (a nickname looks like "@daily")'),
        (
            "0 0 9 * * 1",
            '"0 0 9 * * 1": a cron expression has five fields, this has 6 (cron fields look like "0 9 * * 1-5")',
        ),
        ("every 30 seconds", '"every 30 seconds": that is faster than once a minute (the fastest is "every minute")'),
        (
            "11 years from now",
            '"11 years from now": that is more than 10 years ahead (a time looks like "tomorrow 9am")',
        ),
        (
            "today 9am",
            (
                '"today 9am": that was 2026-11-18 09:00 in America/New_York, which is past '
                '(instead of "today" try "tomorrow 9am")'
            ),
        ),
    ],
)
def test_a_refusal_says_what_and_how_to_mend_it(expr: str, text: str) -> None:
    assert refusal(expr) == text


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("same time 2026-12-24", "2026-12-24 10:30"),
        ("2026-12-24 at the same time", "2026-12-24 10:30"),
        ("2026-12-24 9am", "2026-12-24 09:00"),
        ("2 days after 2026-12-24", "2026-12-26 00:00"),
        ("24 dec 2026", "2026-12-24 10:30"),
    ],
)
def test_a_date_of_digits_is_at_midnight_only_alone(expr: str, expected: str) -> None:
    assert parse(expr, NOW, NEW_YORK).instant == at(expected)


def test_a_colon_between_two_digits_is_not_a_clock() -> None:
    """`1:1 with Sam` is a meeting."""
    assert '"1:1" is not a time' in refusal("1:1")


#: What a refusal ends with: something to do, or a form that shows what would be read.
WAY_OUT = r"\(([^()]* )?(try|use|looks? like|as in|the fastest is) [^()]*\)$|has \d\d days in \d{4}$"


def test_every_refusal_shows_a_way_out() -> None:
    rows = [row for path in time_accuracy.FILES for row in time_accuracy.rows(path)]
    refused = [row for row in rows if row["expect"] is None and not any(row.get("readings", []))]
    assert len(refused) > 300
    for row in refused:
        text = refusal(row["expr"], datetime.fromisoformat(row["now"]), ZoneInfo(row["tz"]))
        assert re.search(WAY_OUT, text), text


def test_the_form_that_an_error_suggests_works() -> None:
    assert parse("10m", NOW, NEW_YORK).instant == at("2026-11-18 10:40")
    assert '(try "in 2 hours")' in refusal("at 2 hours")
    assert parse("in 2 hours", NOW, NEW_YORK).instant == at("2026-11-18 12:30")


def test_an_error_is_one_short_line_without_control_characters() -> None:
    text = refusal("tomorrow\x1b[31m\n" + "x" * 500)
    assert text.isprintable()
    assert len(text) < 250


def test_errors_are_bad_input() -> None:
    assert issubclass(TimeExpressionError, BadInput)
    assert TimeExpressionError("").exit_code == EXIT_BAD_INPUT


@pytest.mark.parametrize(
    ("expr", "now", "tz", "note"),
    [
        ("tomorrow 2:30am", "2027-03-13T12:00:00-05:00", NEW_YORK.key, "02:30 does not exist on 2027-03-14, so 03:30"),
        ("tomorrow 1:30am", "2026-10-31T12:00:00-04:00", NEW_YORK.key, "01:30 comes twice on 2026-11-01: the first"),
        ("1:30am", "2026-11-01T01:45:00-04:00", "America/New_York", "01:30 comes twice on 2026-11-01: the second"),
        ("in 1 month", "2027-01-31T10:00:00+00:00", "UTC", "clamped to the last day of February"),
        ("feb 29", "2026-11-18T10:30:00+00:00", "UTC", "the year is taken as 2028"),
        ("the 31st", "2026-11-18T10:30:00+00:00", "UTC", "November has no day 31"),
        ("every month on the 31st at noon", "2026-11-18T10:30:00+00:00", "UTC", "months without day 31 are skipped"),
    ],
)
def test_what_was_chosen_is_noted(expr: str, now: str, tz: str, note: str) -> None:
    assert parse(expr, datetime.fromisoformat(now), ZoneInfo(tz)).notes == (note,)


def test_a_plain_answer_has_no_notes() -> None:
    assert parse("tomorrow 9am", NOW, NEW_YORK).notes == ()


def test_recurring_words_bring_their_recurrence() -> None:
    reading = parse("every weekday at 8:30", NOW, NEW_YORK)
    assert reading.recurrence is not None
    assert reading.instant == at("2026-11-19 08:30")
    assert parse("tomorrow", NOW, NEW_YORK).recurrence is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30m", 1800), ("1h30", 5400), ("90s", 90), ("2 hours", 7200), ("1d", 86400), ("1.5h", 5400), ("PT30M", 1800)],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "-5m", "30", "1 month", "1M", "tomorrow", "in in 5m", "5m5m", "9" * 400 + "h"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(TimeExpressionError, match="is not a length of time"):
        parse_duration(text)


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+2", "EST5EDT"])
def test_zones_of_iana(name: str) -> None:
    assert zone(name).key == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../x",
        "/etc/localtime",
        "Europe/../UTC",
        "Mars/Base",
        "posixrules",
        "localtime",
        "Factory",
        "posix/UTC",
        "right/UTC",
        "zone.tab",
        "tzdata.zi",
        "leapseconds",
        "Europe",
        "UTC\n",
        "EUROPE/BERLIN\x00",
        "PST",
        "x" * 5000,
    ],
)
def test_what_is_no_zone(name: str) -> None:
    with pytest.raises(TimeExpressionError, match="is not an IANA time zone"):
        zone(name)


def test_a_refused_abbreviation_suggests_its_zone() -> None:
    with pytest.raises(TimeExpressionError, match="--tz America/Los_Angeles"):
        zone("PST")


LINES: list[dict[str, Any]] = [json.loads(line) for line in (DATA / "defer_lines.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("row", LINES, ids=lambda row: row["line"])
def test_lines_are_split_as_a_person_means_them(row: dict[str, Any]) -> None:
    noon = datetime.fromisoformat("2026-11-18T12:00:00-05:00")
    if "refused" not in row:
        assert split_line(row["line"], noon, NEW_YORK)[:2] == (row["time"], row["text"])
        return
    with pytest.raises(TimeExpressionError) as caught:
        split_line(row["line"], noon, NEW_YORK)
    assert row["refused"] in str(caught.value)


def imported(script: str) -> set[str]:
    """What ``script`` prints, run by a fresh interpreter."""
    env = {"PYTHONPATH": str(ROOT / "scripts")}
    got = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    return set(got.stdout.split())


def test_a_plain_delay_imports_no_library() -> None:
    script = (
        "import sys, datetime\n"
        "from defer import timeparse\n"
        "now = datetime.datetime(2026, 11, 18, tzinfo=datetime.UTC)\n"
        "for words in ('30m', '2 hours 30 minutes', 'in 90s', '+5m'):\n"
        "    timeparse.parse(words, now, None)\n"
        "ours = {'defer.timegrammar.reader', 'defer.timegrammar.recurring.series'}\n"
        "heavy = {'re', 'zoneinfo', 'dateutil', 'cronsim', *ours}\n"
        "print(*sorted(sys.modules.keys() & heavy))\n"
    )
    assert imported(script) <= {"re"}


def test_one_moment_does_not_import_what_recurs() -> None:
    script = (
        "import sys, datetime, zoneinfo\n"
        "from defer import timeparse\n"
        "now = datetime.datetime(2026, 11, 18, tzinfo=datetime.UTC)\n"
        "timeparse.parse('tomorrow 9am', now, zoneinfo.ZoneInfo('UTC'))\n"
        "print(*sorted(sys.modules.keys() & {'dateutil.rrule', 'dateutil.relativedelta', 'cronsim', 'calendar'}))\n"
    )
    assert imported(script) == set()


@pytest.mark.parametrize("expr", ["30m", "tomorrow"])
def test_a_naive_present_is_a_mistake_of_the_caller(expr: str) -> None:
    with pytest.raises(TypeError, match="must be aware"):
        parse(expr, NOW.replace(tzinfo=None), NEW_YORK)


def test_reading_unpacks_like_a_tuple() -> None:
    instant, notes, recurrence = timeparse.parse("30m", NOW, NEW_YORK)
    assert (instant, notes, recurrence) == (at("2026-11-18 11:00"), (), None)


@pytest.mark.parametrize("expr", ["every 999 weeks", "every 11 years"])
def test_what_recurs_first_fires_within_ten_years(expr: str) -> None:
    with pytest.raises(TimeExpressionError, match="more than 10 years ahead"):
        parse(expr, datetime(2026, 11, 18, 15, 30, tzinfo=UTC), ZoneInfo("UTC"))


@pytest.mark.parametrize("line", ["3pm\r", "3pm \x0b", "\n3pm\t"])
def test_blank_text_behind_a_time_is_no_text(line: str) -> None:
    with pytest.raises(TimeExpressionError, match="no text"):
        split_line(line, datetime(2026, 11, 18, 15, 30, tzinfo=UTC), ZoneInfo("UTC"))
