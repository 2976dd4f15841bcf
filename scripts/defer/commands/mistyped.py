"""A call that is neither a command nor a line with a time: the nearest of both is named."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from defer import spelling, timeparse, visible
from defer.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime
    from zoneinfo import ZoneInfo

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
    **dict.fromkeys(("install", "setup"), "cron install"),
    **dict.fromkeys(("purge", "clean", "cleanup", "gc", "vacuum", "trim"), "prune"),
    **dict.fromkeys(("check", "diagnose", "verify"), "doctor"),
    **dict.fromkeys(("failures", "problems", "alerts", "attention"), "health"),
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


def command(argv: list[str], commands: Collection[str]) -> BadInput | None:
    """The error for a first word that is a slip away from a command, or commonly tried for one."""
    first, _, inside = argv[0].partition(" ")
    word = first.lower()
    if not word.isalpha() or word in timeparse.first_words():
        return None
    rest = [*inside.split(), *argv[1:]]
    near = word if word in commands else _meant(word, rest) or spelling.nearest(word, commands)
    if near is None:
        return None
    whole = " ".join([near, *map(shlex.quote, rest)])
    said = near if len(whole) > _SHOWN or not whole.isprintable() or "`" in whole else whole
    return BadInput(f"no such command, and no time: {visible.sentence(first, _SHOWN)} (did you mean `defer {said}`?)")


def _meant(word: str, rest: list[str]) -> str | None:
    """The command that others call so, if what follows is at most an id."""
    found = MEANT.get(word)
    if found is None or not rest:
        return found
    if len(rest) != 1 or not _ID.search(rest[0]) or " " in found:
        return None
    return "show" if found in _OF_ALL else found


def time(line: str, now: datetime, zone: ZoneInfo) -> str | None:
    """What to say of a line without a time in front: whether the shell took its stars, or a word is a slip away from
    a word of time; None where neither is so."""
    if _are_files_for_stars(line):
        return 'the shell put the names of files in the place of * (quote the cron fields, as in: defer "0 9 * * *" …)'
    for word, meant, corrected in _corrected(line.split()):
        if _is_read(corrected, now, zone):
            return f'{_asked(word, meant)} (try "{visible.sentence(corrected, _SHOWN)}")'
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
