"""A call that is neither a command nor a line with a time: the nearest of both is named."""

from __future__ import annotations

import os
import re
import shlex
import sys
from typing import TYPE_CHECKING

from defer import spelling, timeparse, visible
from defer.errors import BadInput, DeferError, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from defer.client import Client

#: Words that people try, and the command that does it.
MEANT = {
    **dict.fromkeys(("tasks", "queue"), "list --all"),
    **dict.fromkeys(("ls", "jobs", "pending"), "list"),
    **dict.fromkeys(("ps", "overview", "dashboard", "top"), "status"),
    **dict.fromkeys(("upcoming", "agenda", "calendar"), "list --upcoming 24h"),
    **dict.fromkeys(("info", "view", "get", "inspect"), "show"),
    **dict.fromkeys(("archive", "archived", "past", "runs", "hist"), "history"),
    **dict.fromkeys(("errors", "failed"), "history --status failed"),
    **dict.fromkeys(("logs", "output", "tail"), "log"),
    **dict.fromkeys(("messages", "notices", "notifications", "news", "unread", "mail"), "inbox"),
    **dict.fromkeys(("acknowledge", "mute", "silence"), "ack"),
    **dict.fromkeys(("rm", "del", "delete", "abort", "drop", "kill"), "cancel"),
    **dict.fromkeys(("change", "update", "modify"), "edit"),
    **dict.fromkeys(("move", "postpone", "delay"), "reschedule"),
    **dict.fromkeys(("continue", "unpause"), "resume"),
    **dict.fromkeys(("new", "create"), "schedule"),
    **dict.fromkeys(("install", "setup"), "waker install"),
    **dict.fromkeys(("purge", "clean", "cleanup", "gc", "vacuum", "trim"), "prune"),
    **dict.fromkeys(("check", "diagnose", "verify"), "doctor"),
    **dict.fromkeys(("failures", "problems", "alerts", "attention"), "health"),
    **dict.fromkeys(("undo", "restore", "undelete", "recover", "revive"), "uncancel"),
    **dict.fromkeys(("stop", "hold", "suspend", "halt"), "pause"),
    **dict.fromkeys(("trigger", "exec", "execute", "start", "fire"), "run"),
    **dict.fromkeys(("reminders", "todo", "todos"), "list"),
    **dict.fromkeys(("manual", "man", "usage"), "--help"),
    "skip": "cancel --occurrence",
    "version": "--version",
}
#: What tells an id from a word of a text: `rm task_3` is a command, `get milk` a line that lacks its time.
_ID = re.compile("[0-9_]")
#: Commands that take no id: with one, a person wants to see that task.
_OF_ALL = ("status", "list", "inbox", "prune", "doctor", "health")
_FIELDS = re.compile(r"[0-9*/,-]+\s+\S", re.ASCII)
_SHOWN, _MOST_WORDS = 100, 4
_A_LINE = "a line looks like: defer 30m resume the review"
#: Letters of a word that is named although the line cannot be read with it.
_CERTAIN = 6
_LIKE_AN_ID = 4
"""So many letters at least may be a slip of an id: fewer are a word of a line."""
_LEAST_WORDS, _TAKE_A_TIME = 3, ("snooze", "reschedule")
_TAKE_IDS = ("cancel", "uncancel", "edit", "pause", "resume", "run", "release", "ack", "show", "log", "wait")
_LATER = {
    "pause": 'defer pause {name} --until "{when}"',
    "run": "defer reschedule {name} {when}",
    "resume": 'defer pause {name} --until "{when}"',
    "edit": 'defer edit {name} --when "{when}"',
    "cancel": "defer cancel {name} --occurrence gives up the next run alone",
}
"""What somebody may want who says a time after a command that takes none."""
_OFFERED = re.compile(r'\(try "([^"]+)"\)$')
_REMINDER = re.compile(r"remind me( to)? (?P<what>\S.*)", re.IGNORECASE)


def command(argv: list[str], commands: Collection[str], connect: Callable[[], Client]) -> BadInput | None:
    """The error for a first word that is a slip away from a command, or commonly tried for one."""
    if argv[0] in ("-v", "-V"):
        return BadInput(f"unknown flag: {argv[0]} (did you mean --version?)")
    first, _, inside = argv[0].partition(" ")
    word = first.lower()
    if not word.isalpha():
        return None
    rest = [*inside.split(), *argv[1:]]
    near = word if word in commands else _meant(word, rest, connect)
    if near is None and word not in timeparse.first_words():
        near = spelling.nearest(word, commands)
    if near is None:
        return None
    whole = " ".join([near, *map(shlex.quote, rest)])
    said = near if len(whole) > _SHOWN or not whole.isprintable() or "`" in whole else whole
    return BadInput(f"no such command, and no time: {visible.sentence(first, _SHOWN)} (did you mean `defer {said}`?)")


def _meant(word: str, rest: list[str], connect: Callable[[], Client]) -> str | None:
    """The command that others call so, if what follows is at most an id."""
    found = MEANT.get(word)
    if found is None or not rest:
        return found
    takes_ids = found.partition(" ")[0] not in ("history", "cron", "--help", "--version")
    if not takes_ids or not all(_ID.search(one) or _is_task(one, connect) for one in rest):
        return None
    return "show" if found.partition(" ")[0] in _OF_ALL else found


def _is_task(word: str, connect: Callable[[], Client]) -> bool:
    """Whether a word is the id of a task: `rm milk` may be a command."""
    try:
        return connect().store.find(word) is not None
    except (DeferError, OSError):
        return False


def line(argv: list[str], connect: Callable[[], Client]) -> BadInput | None:
    """The error for a line that begins with a command's name and has a time further on: `run the tests at 5pm`."""
    said = " ".join(argv)
    if argv[0] in _TAKE_A_TIME or len(said.split()) < _LEAST_WORDS or any(word.startswith("-") for word in argv):
        return None
    try:
        client = connect()
        if argv[0] in _TAKE_IDS and (about := _about_task(said.split(), client)) is not None:
            return about
        timeparse.split_line(said, client.clock(), client.config.timezone())
    except timeparse.NoTimeFirst as error:
        offer = _OFFERED.search(str(error))
        if offer is not None:
            mend = f"to schedule it: defer {visible.sentence(offer[1], _SHOWN)}"
            return BadInput(
                f"{argv[0]} is a command, and this reads like a line: {visible.sentence(said, _SHOWN)} ({mend})"
            )
    except (DeferError, OSError):
        return None
    return None


def _about_task(words: list[str], client: Client) -> BadInput | None:
    """The error for a task's id with a time behind it: `cancel deploy tomorrow 9am`."""
    command, name, *rest = words
    known = [one["id"] for one in client.tasks()]
    if name not in known:
        near = spelling.nearest(name, known) if len(name) >= _LIKE_AN_ID else None
        return None if near is None else BadInput(f"no such task: {name} (did you mean {near}?)", field="id")
    when = " ".join(rest[1:] if rest[0] in ("until", "till", "when") else rest)
    try:
        timeparse.parse(when, client.clock(), client.config.timezone())
    except DeferError:
        return None
    mend = _LATER.get(command, "defer {command} --help").format(name=name, when=when, command=command)
    return BadInput(f"{command} acts at once, and takes no time: {visible.sentence(when, _SHOWN)} ({mend})", field="id")


def short_id(argv: list[str], connect: Callable[[], Client]) -> Refused | None:
    """The error for a short id where it does not count: in a pipe, or from a program."""
    from . import ids

    if sys.stdout.isatty():
        return None
    try:
        client = connect()
        found = ((one, ids.whole(client, one)) for one in argv[1:] if not one.startswith("-"))
        for word, whole in found:
            if whole is not None:
                return Refused(f"no such task: {word} (only a terminal takes a short id; say the whole one: {whole})")
    except (DeferError, OSError):
        return None
    return None


def time(line: str, now: datetime, zone: ZoneInfo, said: str = "") -> str | None:
    """What to say of a line without a time in front: whether the shell took its stars, or a word is a slip away from
    a word of time; None where neither is so, and ``said`` of it will do."""
    if _are_files_for_stars(line):
        return 'the shell put the names of files in the place of * (quote the cron fields, as in: defer "0 9 * * *" …)'
    for word, meant, corrected in _corrected(line.split()):
        if _is_read(corrected, now, zone):
            return f'{_asked(word, meant)} (try "{visible.sentence(corrected, _SHOWN)}")'
    if (reminder := _REMINDER.fullmatch(line.strip())) is not None and not _OFFERED.search(said):
        return f'no time: when? (say it in front, as in "30m {visible.sentence(reminder["what"], _SHOWN)}")'
    first = next(iter(line.split()), "").lower()
    likely = timeparse.meant(first)[:1] if len(first) >= _CERTAIN else []
    return f"{_asked(first, likely[0])} ({_A_LINE})" if likely and likely[0] in timeparse.first_words() else None


def _are_files_for_stars(line: str) -> bool:
    """Whether a line that starts like cron fields has all that `*` stands for in the working directory."""
    if not _FIELDS.match(line):
        return False
    try:
        names = [name for name in os.listdir() if name[0] != "."]
    except OSError:
        return False
    return bool(names) and all(f" {name} " in f" {line} " for name in names)


def _asked(word: str, meant: str) -> str:
    return f'"{visible.sentence(word, _SHOWN)}" is not a word of time: did you mean "{meant}"?'


def _corrected(words: list[str]) -> Iterator[tuple[str, str, str]]:
    """Each of the first words that is a slip away from a word of time, that word, and the line with it instead."""
    for place, word in enumerate(words[:_MOST_WORDS]):
        for meant in timeparse.meant(word.lower()):
            yield word, meant, " ".join([*words[:place], meant, *words[place + 1 :]])


def _is_read(line: str, now: datetime, zone: ZoneInfo) -> bool:
    """Whether the line has a time and a text, or is all a time."""
    for read in (timeparse.split_line, timeparse.parse):
        try:
            read(line, now, zone)
        except timeparse.TimeExpressionError:
            continue
        return True
    return False
