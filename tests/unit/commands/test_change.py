"""Changing one's mind at a shell: sentences on a terminal, JSON in a pipe, one line for what cannot be."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import termios
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from defer import say as words
from support import DEADLINE_SECONDS, NOW, ROOT, SCRIPTS, Place, strict

pytestmark = pytest.mark.programs

Say = Callable[..., str]


@pytest.fixture
def say(place: Place) -> Say:
    """Types a command on a terminal of 80 columns; what is then to be read, colours left out."""

    def say(*typed: str, status: int = 0) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        process = subprocess.Popen(
            [str(SCRIPTS / "schedule-task.sh"), *typed],
            env={**place.env, "TERM": "xterm"},
            cwd=place.home,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        found = b""
        try:
            while chunk := os.read(ours, 65536):
                found += chunk
        except OSError:  # Linux tells the end of a terminal so
            pass
        os.close(ours)
        assert process.wait(DEADLINE_SECONDS) == status, found
        text = re.sub(r"\x1b\[[0-9;]*m", "", found.decode()).replace("\r\n", "\n")
        return "".join(line for line in text.splitlines(keepends=True) if "has ever woken this store" not in line)

    return say


MOMENT = r"[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC, in \d+ \w+( \d+ \w+)?"


@pytest.mark.slow
def test_a_day_with_one_task(say: Say) -> None:
    assert re.fullmatch(rf"“x” runs {MOMENT}, as x\.\nIt will appear in your inbox\.\n", say("30m", "x", "--id", "x"))
    assert re.fullmatch(rf"x: runs {MOMENT}\n", say("snooze", "x", "2h"))
    assert re.fullmatch(rf"x: changed; runs {MOMENT}\n", say("edit", "x", "--summary", "look at it"))
    assert re.search(r"  in [23]h  scheduled  x +look at it *\n", say("list"))
    assert say("pause", "x") == "x: paused\n"
    assert say("pause", "x", status=1) == "defer: task is paused already: x (defer resume x)\n"
    assert re.fullmatch(rf"x: would run {MOMENT}, but is paused\n", say("reschedule", "x", "in 3 hours"))
    assert re.search(r"  paused  +x ", say("list"))
    assert say("list", "--upcoming", "24h") == (
        "Nothing runs in that time.\n1 paused task does not run (defer list --status paused)\n"
    )
    assert re.fullmatch(rf"x: runs {MOMENT}\n", say("resume", "x"))
    assert say("resume", "x", status=1) == "defer: task is not paused: x is scheduled (nothing to resume)\n"
    assert re.fullmatch(r"(task_)?\w+ \(look at it\): does once what x does, at the next wake\n", say("run", "x"))
    assert len(say("list", "--upcoming", "24h").splitlines()) == 4
    assert say("cancel", "x") == "x: cancelled\n"
    assert say("snooze", "x", "1h", status=1) == "defer: task has ended: x is cancelled (defer uncancel x)\n"


def test_a_week_of_mornings(say: Say) -> None:
    said = say(*"every weekday check the inbox --id inbox --count 20 --jitter 5m --catch-up none".split())
    assert re.fullmatch(
        rf"“check the inbox” runs every weekday at \d\d:\d\d(:\d\d)?, UTC, first {MOMENT}, as inbox\.\n"
        r"It will appear in your inbox\.\n"
        r"Note: at \d\d:\d\d(:\d\d)?, the present time of day\n",
        said,
    )
    heading, _, *fires = say("list", "--upcoming", "8d").splitlines()
    assert heading.split() == ["When", "Id", "Summary"]
    assert [line[:3] for line in fires if line.endswith("  inbox  check the inbox")] == [line[:3] for line in fires]
    assert sorted({line[:3] for line in fires}) == ["Fri", "Mon", "Thu", "Tue", "Wed"]
    assert re.fullmatch(
        rf"inbox: this occurrence is cancelled; runs {MOMENT}\n", say("cancel", "--occurrence", "inbox")
    )
    shown = say("show", "inbox")
    assert re.search(
        r"^Repeats: +every weekday at \d\d:\d\d(:\d\d)?, UTC; 20 times in all, 1 over; jitter .+; catch-up none$",
        shown,
        re.MULTILINE,
    )
    assert re.fullmatch(rf"inbox: changed; runs {MOMENT}\n", say("edit", "inbox", "--every", "2h", "--count", "2"))
    assert "; 2 times in all, 0 over;" in say("show", "inbox")
    assert len(say("list", "--upcoming", "24h").splitlines()) == 4
    assert "recurs (defer edit inbox --when" in say("snooze", "inbox", "every", "day", status=2)


def test_what_is_mistyped_is_one_line_that_helps(say: Say) -> None:
    say("30m", "x", "--id", "x")
    for typed, status, line in (
        ("pause y", 1, "no such task: y (see `defer list --all`)"),
        ("snoze x 2h", 2, "no such command, and no time: snoze (did you mean `defer snooze x 2h`?)"),
        ("edit x", 2, "nothing to edit (name what is to change, e.g. defer edit x --summary TEXT)"),
        ("edit x --sumary y", 2, "unknown flag: --sumary (did you mean --summary?)"),
        ("edit x --count 3", 2, "--count is for recurring tasks: x runs once (give --every too)"),
        ("snooze x", 2, "TIME is missing (see defer snooze --help)"),
        ("cancel x --occurrence", 1, "task runs once: x (cancel it without --occurrence)"),
        ("every 2h y --count 0", 2, "--count 0 leaves nothing to run (give at least 1)"),
        ("every 2h y --expires friday", 2, '--expires of a recurring task takes a duration: "friday" is not a length'),
        (
            "list --upcoming tomorrow",
            2,
            '--upcoming takes a duration: "tomorrow" is not a length of time (a length looks like "30m")',
        ),
    ):
        found = say(*typed.split(), status=status)
        assert found.startswith(f"defer: {line}"), found
        assert found.count("\n") == 1, found


def test_in_a_pipe_the_changed_task_is_json(place: Place) -> None:
    place.schedule("every day at 9am", "x", "--id", "x")
    # A date: before dawn `tomorrow` is said with a note, and it is before dawn somewhere at any hour.
    day = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}"
    for typed in (
        ["pause", "x"],
        ["resume", "--id", "x"],
        ["snooze", "x", "1h"],
        ["reschedule", "x", day, "9am", "--tz", "Asia/Tokyo"],
        ["cancel", "x", "--occurrence", "--reason", "holiday"],
        ["edit", "x", "--tag", "home"],
    ):
        done = place.defer(*typed, "--compact")
        assert (done.returncode, done.stderr) == (0, ""), typed
        # What is over and waits to be filed has its own record, and is not shown.
        assert strict(done.stdout) == {name: it for name, it in place.task("x").items() if name != "ended"}
    done = place.defer("run", "x")
    assert strict(done.stdout)["copy_of"] == "x"
    assert done.stdout.startswith("{\n")


def test_after_a_refusal_the_store_is_what_it_was(place: Place) -> None:
    place.schedule("2h", "x", "--id", "x")
    before = place.store_path.read_bytes()
    for typed, status in ((["resume", "x"], 1), (["edit", "x", "--jitter", "5m"], 2), (["snooze", "x", "never"], 2)):
        assert place.defer(*typed).returncode == status
        assert place.store_path.read_bytes() == before


def test_more_runs_than_anybody_reads_are_cut_and_it_is_said(place: Place) -> None:
    for number in range(2):
        place.schedule("every minute", "x", "--id", f"x{number}")
    done = place.defer("list", "--upcoming", "60d", "--compact")
    assert done.stderr == (
        "defer: only the first 100000 runs are shown (--limit N shows more, a shorter --upcoming fewer)\n"
    )
    assert done.stdout.count('"run_at"') == 100_000
    done = place.defer("list", "--upcoming", "7d", "--compact")
    assert (done.stderr, done.stdout.count('"run_at"')) == ("", 2 * 7 * 1440)
    done = place.defer("list", "--upcoming", "7d", "--limit", "3", "--compact")
    assert (done.stderr, len(strict(done.stdout))) == ("", 3)


def test_a_rule_that_a_hand_has_spoiled_can_be_shown_mended_and_listed_beside_others(place: Place, say: Say) -> None:
    place.schedule("every day at 9am", "x", "--id", "x")
    place.schedule("every 2h", "y", "--id", "y")
    text = place.store_path.read_text().replace('"expression":"every day at 9am"', '"expression":"every blue moon"')
    place.store_path.write_text(text)
    assert "Repeats:     its recurrence cannot be read: " in say("show", "x")
    _, _, *fires = say("list", "--upcoming", "24h").splitlines()
    assert {line.split()[-1] for line in fires} == {"x", "y"}
    assert "changed; runs" in say("edit", "x", "--every", "day at 10am")
    assert "Repeats:     every day at 10:00, UTC\n" in say("show", "x")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "now"),
        (59, "in 59s"),
        (1799, "in 30m"),
        (7199, "in 2h"),
        (5000, "in 1h"),
        (-90000, "1d ago"),
        (3 * 86400, "in 3d"),
    ],
)
def test_the_distance_in_a_table_is_rounded(seconds: int, said: str) -> None:
    assert words.short(NOW + timedelta(seconds=seconds), NOW) == said


# docs/recurring.md


@pytest.mark.slow
def test_every_command_of_the_page_on_it_works_and_answers_as_shown(place: Place) -> None:
    page = (ROOT / "docs" / "recurring.md").read_text()
    typed = 0
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, shown = command.partition("\n")
            name, *arguments = shlex.split(line)
            done = place.run({"defer": "schedule-task.sh"}.get(name, name), *arguments)
            assert done.returncode == 0, f"{line}: {done.stderr}"
            assert not shown or done.stdout == shown, line
            typed += 1
    assert typed >= 20
    assert [place.task(name)["status"] for name in ("inbox", "report", "queue")] == ["scheduled"] * 2 + ["cancelled"]


def test_the_page_names_every_flag_and_every_command() -> None:
    page = (ROOT / "docs" / "recurring.md").read_text()
    assert all(f"--{flag}" in page for flag in "every cron count until jitter catch-up overlap tz expires".split())
    named = set(re.findall(r"^\$ defer (\w+)", page, re.MULTILINE))
    assert named >= {"snooze", "reschedule", "edit", "pause", "resume", "run", "cancel", "list", "show"}
