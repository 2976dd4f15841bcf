"""What `defer --help` says: one screen, the commands by what one wants."""

from __future__ import annotations

from defer.errors import EXIT_OK

from . import output

GROUPS = (
    ("plan", (("schedule", "a task with flags: --when, --executor, --prompt-file, …"),)),
    (
        "change",
        (
            ("edit ID, reschedule ID TIME, snooze ID 1h, pause ID, resume ID", ""),
            ("cancel ID", "--occurrence: the next run alone; --kill: what runs too"),
            ("run ID", "a copy of it once, at the next wake; --wait: now"),
            ("wait ID", "until it has ended; --timeout 10m"),
            ("release ID", "give up an attempt whose machine is gone"),
        ),
    ),
    (
        "look",
        (
            ("status", "all on one screen: wakes, what runs, what needs attention"),
            ("list", "what waits or executes; --upcoming 24h: all to come"),
            ("history [ID]", "what ran and what did not: --since 24h, --status failed"),
            ("show ID", "one task, from the store or the archive"),
            ("log ID", "what its latest attempt printed; --follow: until it ends"),
            ("health", "which tasks need attention, and what mends each"),
        ),
    ),
    (
        "hear",
        (
            ("inbox", "results that nobody has seen; --peek leaves them unread"),
            ("ack ID", "hear no more of a failure until something changes"),
        ),
    ),
    ("files", (("sync, add ID, enable ID, disable ID, remove ID, import FILE", ""),)),
    (
        "care",
        (
            ("cron install", "let cron wake it every minute; uninstall, status"),
            ("prune --older 90d", "remove what is older; --dry-run: only say what"),
            ("doctor", "what is wrong with the installation; --records: history"),
        ),
    ),
)
"""What one wants, and the commands for it, each with what it does."""

_FRONT = """\
usage: defer TIME TEXT…
       defer COMMAND …          defer COMMAND --help says all about one

  defer 30m resume the review
  defer every weekday 8:30 check the inbox
  defer schedule --when "tomorrow 9am" --summary "check it" --executor claude
"""
_BACK = """\
A terminal gets tables and sentences, all else JSON (--json, --compact).
Times: 30m is minutes, 3mo months, a capital M is refused.
Exit status: 0 done, 1 not possible, 2 bad input, 74 input/output, 75 busy.
"""
_WANT, _COMMAND = 8, 12


def show() -> int:
    """Print it."""
    output.say(*_FRONT.splitlines(), "")
    for want, commands in GROUPS:
        for number, (command, text) in enumerate(commands):
            output.say(f"{'' if number else want:<{_WANT}}{command:<{_COMMAND}}  {text}".rstrip())
    output.say("", *_BACK.splitlines())
    return EXIT_OK
