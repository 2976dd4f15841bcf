"""The command line of time expressions, as a process."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from support import DEADLINE_SECONDS, ZONE, zone_tree

pytestmark = pytest.mark.thorough

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "time_utils.py"
AT = ("--now", "2026-11-18T10:30:00-05:00", "--tz", "America/New_York")
# The script goes on under the project's environment where it is not the one running; here it is to run under
# this interpreter, whatever that is.
RUN = "import sys; sys.path.insert(0, sys.argv.pop(1)); import time_utils; sys.exit(time_utils.main(sys.argv[1:]))"


def run(*argv: str, stdin: bytes | None = None, **environ: str) -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, "DEFER_ENV_FILE": "/dev/null", **environ}
    command = [sys.executable, "-c", RUN, str(SCRIPT.parent), *argv]
    return subprocess.run(command, input=stdin, env=env, capture_output=True, check=False, timeout=DEADLINE_SECONDS)


def out(*argv: str, **environ: str) -> str:
    done = run(*argv, **environ)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def test_normalize_prints_the_instant_in_utc() -> None:
    assert out("normalize", "tomorrow 9am", *AT) == "2026-11-19T14:00:00Z\n"
    assert out("normalize", "30m", *AT) == "2026-11-18T16:00:00Z\n"
    assert out("normalize", "every weekday at 8:30", *AT) == "2026-11-19T13:30:00Z\n"


def test_words_need_no_quotes() -> None:
    assert out("normalize", "next", "friday", "3pm", *AT) == "2026-11-20T20:00:00Z\n"


def test_epoch_prints_seconds() -> None:
    assert out("epoch", "tomorrow 9am", *AT) == "1795096800\n"


def test_next_prints_one_fire_a_line() -> None:
    assert out("next", "every other friday", "--count", "2", *AT) == "2026-11-20T15:30:00Z\n2026-12-04T15:30:00Z\n"
    assert len(out("next", "*/15 * * * *", *AT).splitlines()) == 5
    assert out("next", "every monday 2 times", *AT).splitlines() == ["2026-11-23T15:30:00Z", "2026-11-30T15:30:00Z"]
    assert out("next", "tomorrow", *AT) == "2026-11-19T15:30:00Z\n"


def test_describe_says_how_it_was_understood() -> None:
    assert out("describe", "every weekday at 8:30", *AT) == "every weekday at 08:30, America/New_York\n"
    assert out("describe", "every month on the 31st at noon", *AT) == (
        "every month on the 31st at 12:00, America/New_York; months without day 31 are skipped\n"
    )
    assert out("describe", "tomorrow 9am", *AT) == (
        "Thu 2026-11-19 09:00:00 America/New_York; 2026-11-19T14:00:00Z; in 22 h 30 min\n"
    )
    assert out("describe", "now", *AT).endswith("; now\n")


def test_describe_as_json_says_whose_zones_were_read(tmp_path: Path) -> None:
    zones = zone_tree(tmp_path / "zones", -8, "# version 2001a")
    at = ("--json", "--now", "2026-11-18T10:30:00-08:00", "--tz", ZONE)
    assert json.loads(out("describe", "tomorrow 9am", *at, PYTHONTZPATH=str(zones))) == {
        "utc": "2026-11-19T17:00:00Z",
        "local": "2026-11-19T09:00:00-08:00",
        "zone": "America/Vancouver",
        "in_seconds": 81000,
        "distance": "in 22 hours 30 minutes",
        "notes": [],
        "tzdata": {"version": "2001a", "source": "PYTHONTZPATH"},
    }
    (zones / "tzdata.zi").unlink()
    found = json.loads(out("describe", "every month on the 31st at noon", *at, PYTHONTZPATH=str(zones)))
    assert found["notes"] == ["months without day 31 are skipped"]
    assert found["repeats"] == "every month on the 31st at 12:00, America/Vancouver"
    assert found["tzdata"] == {"version": None, "source": "PYTHONTZPATH"}


@pytest.mark.parametrize(
    ("words", "notes"),
    [
        ("every month on the 31st at noon", b"defer: note: months without day 31 are skipped\n"),
        ("tomorrow 9am", b""),
    ],
)
@pytest.mark.parametrize("verb", ["normalize", "next", "epoch"])
def test_on_a_terminal_the_choices_stand_beside_the_answer(verb: str, words: str, notes: bytes) -> None:
    """Elsewhere they do not: who reads both streams together wants the instant alone."""
    main, side = pty.openpty()
    command = [sys.executable, "-c", RUN, str(SCRIPT.parent), verb, words, *AT]
    try:
        done = subprocess.run(command, stdout=side, stderr=subprocess.PIPE, check=True, timeout=DEADLINE_SECONDS)
    finally:
        os.close(side)
        os.close(main)
    assert done.stderr == notes
    assert run(verb, words, *AT).stderr == b""


def test_describe_as_json_answers_line_by_line_too() -> None:
    done = run("describe", "-", "--json", *AT, stdin=b"30m\nnonsense\n")
    first, second = done.stdout.decode().splitlines()
    assert json.loads(first)["utc"] == "2026-11-18T16:00:00Z"
    assert second.startswith('error: can\'t read "nonsense"')


def test_a_dash_answers_line_by_line() -> None:
    lines = b"30m\nnonsense\n\n\xff\xfe\ntomorrow 9am\r\nfeb 30"
    done = run("normalize", "-", *AT, stdin=lines)
    answers = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert answers[0] == "2026-11-18T16:00:00Z"
    assert answers[1].startswith('error: can\'t read "nonsense"')
    assert answers[2].startswith("error: no time is given")
    assert answers[3].startswith("error: can't read")
    assert answers[4] == "2026-11-19T14:00:00Z"
    assert answers[5] == 'error: "feb 30": February has 28 days in 2027'
    assert len(answers) == 6


def test_next_of_many_keeps_each_on_its_line() -> None:
    done = run("next", "-", "--count", "2", *AT, stdin=b"hourly\n@daily\n")
    assert done.stdout == b"2026-11-18T16:00:00Z 2026-11-18T17:00:00Z\n2026-11-19T05:00:00Z 2026-11-20T05:00:00Z\n"


@pytest.mark.programs
@pytest.mark.parametrize("now", ["1000-01-01T00:00:00Z", "5000-12-31T23:59:59Z"])
@pytest.mark.parametrize("words", ["30m", "tomorrow", "P9Y", "every feb 29", "* * * * *", "@yearly", "every 10 years"])
def test_whatever_the_present_all_answers_are_in_the_calendar(now: str, words: str) -> None:
    for verb in (("normalize",), ("describe",), ("next", "--count", "1000")):
        done = run(verb[0], words, *verb[1:], "--now", now, "--tz", "Asia/Tokyo")
        assert done.returncode in (0, 2)
        assert done.stderr.count(b"\n") == done.returncode // 2
        assert all(len(one) == 20 for one in done.stdout.decode().split() if one.endswith("Z"))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["normalize", "3pm EST"], 'defer: "3pm EST": zones are not read from the text (use --tz America/New_York)\n'),
        (
            ["normalize", "-5m"],
            'defer: can\'t read "-5m": that lies in the past (a time to come looks like "tomorrow 9am")\n',
        ),
        (
            ["normalize", "30m", "--tz", "../etc"],
            'defer: "../etc" is not an IANA time zone (a zone looks like --tz Europe/Berlin)\n',
        ),
        (["normalize", "30m", "--now", "noonish"], f'defer: --now: "noonish" is not an ISO time (try {AT[1]})\n'),
        *(
            (
                ["normalize", "30m", "--now", f"{year}-12-31T23:59:59Z"],
                f"defer: --now: {year}-12-31T23:59:59Z is not in the years 1000 to 5000 (give another)\n",
            )
            for year in ("0001", "0999", "5001", "9999")
        ),
        (["next", "hourly", "--count", "0"], 'defer: --count: "0" is not a number from 1 to 1000\n'),
        (["next", "hourly", "--count"], "defer: --count needs a number (see --help)\n"),
        (["normalize", "30m", "--json"], "defer: --json is for describe (see --help)\n"),
        (["normalize", "30m", "--zone", "UTC"], 'defer: no flag is called "--zone" (see --help)\n'),
    ],
)
def test_bad_input_is_one_line_and_exit_2(argv: list[str], message: str) -> None:
    done = run(*argv)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", message)


def test_without_a_verb_or_words_one_line_says_what_to_type() -> None:
    for argv in ([], ["normalize"], ["frobnicate", "30m"]):
        done = run(*argv)
        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1
        assert b"time_utils.py normalize 30m" in done.stderr


def test_help_names_every_verb() -> None:
    text = out("--help")
    assert all(verb in text for verb in ("normalize", "epoch", "next", "describe", "--now", "--tz", "--count"))


def test_the_zone_is_the_flag_then_the_variable() -> None:
    now = ("--now", "2026-11-18T10:30:00")
    assert out("normalize", "tomorrow 9am", *now, DEFER_TIMEZONE="Asia/Tokyo") == "2026-11-19T00:00:00Z\n"
    assert (
        out("normalize", "tomorrow 9am", *now, "--tz", "UTC", DEFER_TIMEZONE="Asia/Tokyo") == "2026-11-19T09:00:00Z\n"
    )


@pytest.mark.parametrize("words", ["tomorrow", "30m"])
def test_a_variable_that_names_no_zone_is_an_error(words: str) -> None:
    done = run("normalize", words, DEFER_TIMEZONE="Mars/Base")
    assert done.returncode == 2
    assert b"DEFER_TIMEZONE is not an IANA zone: Mars/Base" in done.stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    lines = b"30m\n" * 20000
    command = [sys.executable, "-c", RUN, str(SCRIPT.parent), "normalize", "-", *AT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        _, errors = process.communicate(lines, timeout=DEADLINE_SECONDS) if process.stdin else (b"", b"")
    assert b"Traceback" not in errors
