"""Fifteen requests as people make them, and what an agent types that knows SKILL.md and nothing else.

Each line is typed in a shell, in a home and a store of its own; each word of it that is not the user's own stands in
SKILL.md. What comes of it later is seen in wakes of this process, whose clock is put on.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from defer.commands import firstscreen
from support import DEADLINE_SECONDS, ROOT, SCRIPTS, Place, moment, strict

pytestmark = pytest.mark.programs

SKILL = (ROOT / "SKILL.md").read_text()
ZONE = ZoneInfo("Europe/Berlin")
CONVERSATION = "0b5c1e2e-27a5-4f0f-bb6f-5d2b3d9a1c11"
PROGRAMS = {
    "backup.sh": "echo 3 files are saved",
    "broken.sh": 'echo "the disk is not mounted" >&2; exit 3',
    "ci-is-green": "test -e green",
    "look.sh": "cat news 2>/dev/null; true",
}


class Desk:
    """A user's folder with some programs, a store that was woken a moment ago, and an agent's shell."""

    def __init__(self, place: Place) -> None:
        self.place, self.answers = place, list[Any]()
        self.work, bin_ = place.home / "work", place.base / "bin"
        for folder in (self.work, bin_):
            folder.mkdir()
        (bin_ / "defer").symlink_to(SCRIPTS / "schedule-task.sh")
        for name, body in {**PROGRAMS, "claude": "cat >/dev/null"}.items():
            path = (bin_ if name == "claude" else self.work) / name
            path.write_text(f"#!/bin/sh\n{body}\n")
            path.chmod(0o755)
        place.env |= {
            "PATH": f"{bin_}:{place.env['PATH']}",
            "DEFER_TIMEZONE": ZONE.key,
            "CLAUDE_CODE_SESSION_ID": CONVERSATION,
        }
        self.wake_in(timedelta())

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self.work,
            env=self.place.env,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )

    def there_is(self, *lines: str) -> None:
        """What was scheduled before the user says anything."""
        for line in lines:
            done = self.shell(line)
            assert done.returncode == 0, done.stderr

    def type(self, *lines: str) -> None:
        """What the agent types; ``answers`` has what each prints: JSON where it is some, else text."""
        for line in lines:
            done = self.shell(line)
            assert (done.returncode, done.stderr) == (int("defer health" in line and '"fix"' in done.stdout), ""), line
            self.answers.append(strict(done.stdout) if done.stdout[:1] in "[{" else done.stdout)

    def wake_in(self, ahead: timedelta) -> None:
        self.place.wake_at(datetime.now(UTC) + ahead)

    def wake_at(self, task_id: str) -> None:
        """A wake at the time of a task."""
        self.place.wake_at(moment(self.place.task(task_id)["run_at"]))

    def waiting(self) -> set[str]:
        """What has not ended."""
        return {name for name, one in self.place.tasks().items() if one["status"] in ("scheduled", "paused")}

    def only(self) -> dict[str, Any]:
        """The only task that waits."""
        (name,) = self.waiting()
        return self.place.task(name)

    def said(self) -> list[tuple[str, str]]:
        """What the user's inbox holds that was not read: what it is about, and what happened."""
        return [(one["summary"], one["event"]) for one in strict(self.shell("defer inbox --peek").stdout)["notices"]]


def wall(task: dict[str, Any]) -> tuple[int, str]:
    """How many days ahead a task was scheduled, and the day and the clock of its time, as its user counts them."""
    made, due = (moment(task[name]).astimezone(ZONE) for name in ("created_at", "run_at"))
    return (due.date() - made.date()).days, f"{due:%a %H:%M}"


class Request(NamedTuple):
    """``before``: what is scheduled already; ``typed``: what the agent types; ``after``: what must be true then."""

    said: str
    typed: tuple[str, ...]
    after: Callable[[Desk], None]
    before: Callable[[Desk], None] = lambda desk: None


# What must be true


def reminded(desk: Desk) -> None:
    days, clock = wall(desk.only())
    assert (days, clock[4:], desk.only()["context"]["summary"]) == (1, "09:00", "call the bank")
    desk.wake_in(timedelta(days=2))
    assert desk.said() == [("call the bank", "completed")]


def sorted_on_weekdays(desk: Desk) -> None:
    one = desk.only()
    assert wall(one)[1] in {f"{day} 08:30" for day in ("Mon", "Tue", "Wed", "Thu", "Fri")}
    assert (one["recurrence"]["expression"], one["executor"]) == ("every weekday 8:30", "claude")


def looked_until_green(desk: Desk) -> None:
    one = desk.only()
    due = moment(one["run_at"])
    assert due - moment(one["created_at"]) == timedelta(hours=2)
    for minutes in (-1, 0, 30):
        desk.place.wake_at(due + timedelta(minutes=minutes))
    assert desk.said() == []
    (desk.work / "green").touch()
    for minutes in (60, 90):
        desk.place.wake_at(due + timedelta(minutes=minutes))
    assert desk.said() == [("CI is green", "completed")]
    assert desk.waiting() == set()
    (desk.work / "green").unlink()
    desk.type(*REQUESTS[2].typed)
    for hours in (3, 6):
        desk.wake_in(timedelta(hours=hours))
    assert sorted(event for _, event in desk.said()) == ["completed", "expired"]


def backup_told(desk: Desk) -> None:
    assert [(one["id"], one["outcome"]) for one in desk.answers[0]] == [("backup", "ok")]
    assert desk.answers[1] == "3 files are saved\n"


def goes_on_at_the_reset(desk: Desk) -> None:
    one = desk.only()
    days, clock = wall(one)
    assert (days in (0, 1), clock[4:]) == (True, "04:17")
    assert (one["execution"]["mode"], one["session_id"], one["executor"]) == ("callback", CONVERSATION, "claude")


def all_is_paused(desk: Desk) -> None:
    tasks = desk.place.tasks().values()
    assert {one["status"] for one in tasks} == {"paused"}
    (until,) = {moment(one["paused_until"]).astimezone(ZONE) for one in tasks}
    assert f"{until:%a %H:%M}" == "Mon 00:00"


def is_back(desk: Desk) -> None:
    assert [one["id"] for one in desk.answers[0]] == ["review"]
    assert {name: one["status"] for name, one in desk.place.tasks().items()} == {"review": "scheduled"}


def night_told(desk: Desk) -> None:
    assert {one["id"]: (one["outcome"], one["why"]) for one in desk.answers[0]} == {
        "backup": ("ok", None),
        "photos": ("failed", "executor exited with 3: the disk is not mounted"),
    }


def report_shown(desk: Desk) -> None:
    assert "3 files are saved" in str(desk.answers[0])
    assert (desk.only()["id"], desk.only()["attempts"]) == ("report", 0)


def reason_told(desk: Desk) -> None:
    assert desk.answers[0][0]["why"] == "executor exited with 3: the disk is not mounted"
    assert desk.answers[1] == "the disk is not mounted\n"


def review_moved(desk: Desk) -> None:
    assert [one["id"] for one in desk.answers[0]] == ["review-pr-31"]
    assert wall(desk.place.task("review-pr-31"))[1] == "Fri 15:00"
    assert wall(desk.place.task("papers"))[0] == 1


def waits_for_the_branch(desk: Desk) -> None:
    desk.wake_at("notes")
    assert desk.only()["status"] == "scheduled"
    desk.there_is("git -c user.name=a -c user.email=a@b commit --quiet --allow-empty -m a", "git branch release")
    desk.wake_in(timedelta(days=3))
    assert desk.said() == [("write the release notes", "completed")]


def told_of_changes(desk: Desk) -> None:
    desk.wake_at("shop")
    assert desk.said() == []
    (desk.work / "news").write_text("a new price\n")
    desk.wake_at("shop")
    assert desk.said() == [("look at the shop", "completed")]


def bank_is_gone(desk: Desk) -> None:
    assert {one["id"] for one in desk.answers[0]} == {"call", "papers"}
    assert desk.waiting() == {"mother"}


def trouble_named(desk: Desk) -> None:
    assert [(one["task"], one["fix"]) for one in desk.answers[0]["findings"]] == [("photos", "defer run photos")]
    assert (desk.answers[1]["waker"]["last_wake"] is None, desk.answers[1]["attention"]) == (False, True)


# What is there before


def has(*lines: str) -> Callable[[Desk], None]:
    return lambda desk: desk.there_is(*lines)


def last_night(desk: Desk) -> None:
    desk.there_is(
        "defer now --id backup --command ./backup.sh save", "defer now --id photos --command ./broken.sh photos"
    )
    desk.wake_in(timedelta())


def cancelled(desk: Desk) -> None:
    desk.there_is("defer tomorrow 9am read the review --id review", "defer cancel review")


def repository(desk: Desk) -> None:
    desk.there_is("git init --quiet", "defer 2h write the release notes --id notes")


BANK = (
    "defer tomorrow 9am call the bank --id call",
    "defer 3d 10:00 papers for the bank --id papers",
    "defer tomorrow 6pm call mother --id mother",
)
REQUESTS = (
    Request("Remind me tomorrow at 9 to call the bank.", ("defer 'tomorrow 9am call the bank'",), reminded),
    Request(
        "Every weekday at half past eight sort my inbox.",
        ("defer 'every weekday 8:30 sort the inbox' --executor claude --id inbox",),
        sorted_on_weekdays,
    ),
    Request(
        "In two hours look whether CI is green, and if not look again every half hour, at most six times.",
        ("defer --when 2h --if ./ci-is-green --expires 3h --summary 'CI is green'",),
        looked_until_green,
    ),
    Request(
        "Tell me how the backup ended.", ("defer history backup --limit 1", "defer log backup"), backup_told, last_night
    ),
    Request(
        "Go on with this when my quota resets at 4:17 am.",
        ("defer '4:17am go on with the harbours' --executor claude --mode callback",),
        goes_on_at_the_reset,
    ),
    Request("Stop everything until Monday.", ("defer pause --all --until monday",), all_is_paused, has(*BANK)),
    Request(
        "Undo that.",
        ("defer list --status cancelled --since 24h", "defer uncancel review"),
        is_back,
        cancelled,
    ),
    Request("What did you do last night?", ("defer history --since yesterday",), night_told, last_night),
    Request(
        "Run the report now and show me what it says.",
        ("defer run report --wait",),
        report_shown,
        has("defer every monday 7:00 the report --id report --command ./backup.sh"),
    ),
    Request(
        "Why did it fail?", ("defer history --status failed --limit 1", "defer log photos"), reason_told, last_night
    ),
    Request(
        "Move the review to Friday afternoon.",
        ("defer list --text review", "defer reschedule review-pr-31 'friday afternoon'"),
        review_moved,
        has("defer 30m go on with it --id review-pr-31", "defer tomorrow 9am sign the papers --id papers"),
    ),
    Request(
        "Not before the release branch exists.",
        ("defer edit notes --if 'git show-ref --verify --quiet refs/heads/release' --expires 2w",),
        waits_for_the_branch,
        repository,
    ),
    Request(
        "Only tell me if something changed.",
        ("defer edit shop --notify output",),
        told_of_changes,
        has("defer every 2h look at the shop --id shop --command ./look.sh --notify always"),
    ),
    Request(
        "Delete all reminders about the bank.",
        ("defer list --text bank", "defer cancel call papers"),
        bank_is_gone,
        has(*BANK),
    ),
    Request("Is everything all right?", ("defer health", "defer status"), trouble_named, last_night),
)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: one.said)
def test_what_skill_md_has_one_type_does_what_was_asked(request_: Request, place: Place) -> None:
    desk = Desk(place)
    request_.before(desk)
    desk.type(*request_.typed)
    request_.after(desk)


def test_there_are_fifteen() -> None:
    assert len({one.said for one in REQUESTS}) == 15


# Nothing is typed that SKILL.md does not say


def stands(word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", SKILL, re.IGNORECASE) is not None


def untold(line: str, when: str = "") -> Iterator[str]:
    """The words of a command that SKILL.md does not know; ``when``: the words of its time.

    Known are commands and flags as they are typed, the values of a flag that takes one of a few, and the words of a
    time with other numbers. All else are the user's own: ids, texts, commands.
    """
    _, first, *rest = shlex.split(line)
    if first in COMMANDS and not re.search(rf"(defer |`){first}\b", SKILL):
        yield first
    for flag, value in zip([first, *rest], [*rest, ""], strict=True):
        if not flag.startswith("--"):
            continue
        if not stands(flag):
            yield flag
        if value in FEW.get(flag, ()) and not re.search(rf"{flag}\b[^.]*\b{value}\b", SKILL):
            yield f"{flag} {value}"
    yield from (word for word in re.findall(r"[a-z]{3,}", when) if not stands(word))


COMMANDS = {
    name for _, _, rows in firstscreen.GROUPS for words, _ in rows for name in re.findall(r"(?:^|, )([a-z]+)", words)
}
FEW = {
    "--notify": ("failure", "always", "output", "never"),
    "--mode": ("fresh", "callback"),
    "--status": ("failed", "cancelled", "paused"),
    "--since": ("yesterday", "today"),
    "--executor": ("claude",),
}


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: one.said)
def test_each_word_typed_stands_in_skill_md(request_: Request) -> None:
    times = re.compile(r"(?:defer|--until|reschedule \S+) '([^']+)'")
    for line in request_.typed:
        when = re.sub(r" (call|sort|go on) .*", "", " ".join(times.findall(line)))
        assert list(untold(line, when)) == []


def test_a_word_that_skill_md_does_not_say_is_found() -> None:
    assert list(untold("defer doctor --fix")) == ["--fix"]
    assert list(untold("defer prune --older 90d")) == ["prune", "--older"]
    assert list(untold("defer edit a --notify failure")) == ["--notify failure"]
    assert list(untold("defer 'next fortnight x'", "next fortnight")) == ["fortnight"]


# What it says beside that


def test_a_reminder_stays_one_where_an_agent_would_do_the_work(place: Place) -> None:
    desk = Desk(place)
    place.env["DEFER_EXECUTOR"] = "claude"
    desk.type("defer 'tomorrow 9am call the bank' --json", "defer '1h call the bank' --command true --notify always")
    assert [one["understood"]["appears"] for one in desk.answers[:1]] == [None]
    desk.wake_in(timedelta(hours=1))
    assert desk.said() == [("call the bank", "completed")]


def test_a_warning_of_a_store_that_nothing_wakes_is_the_one_it_quotes(place: Place) -> None:
    desk = Desk(place)
    for marker in place.runtime.iterdir():
        marker.unlink() if marker.is_file() else None
    desk.type("defer 'tomorrow 9am call the bank'")
    # Shortly after midnight there is a note as well, on which day "tomorrow" is.
    (warning,) = [one for one in desk.answers[0]["warnings"] if not one.startswith("note: ")]
    quoted = re.search(r"`(nothing [a-z ]+)`\s+means", SKILL)
    assert quoted
    assert warning.startswith(f"{quoted[1]} (defer waker install;")
    assert "`defer waker install`" in SKILL


def test_it_is_short() -> None:
    assert len(SKILL.splitlines()) <= 200


def test_the_command_lies_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "a plugin's cache" / "defer"
    folder.parent.mkdir()
    folder.symlink_to(ROOT)
    assert "`scripts/schedule-task.sh`" in SKILL
    done = subprocess.run([folder / "scripts" / "schedule-task.sh", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
