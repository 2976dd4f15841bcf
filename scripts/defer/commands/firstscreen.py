"""What `defer --help` says, and `defer` alone: one screen, the commands by what one wants."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from defer import exits
from defer.errors import EXIT_OK

from . import output

if TYPE_CHECKING:
    from defer.client import Client

_NEXT = 3
_NAME = re.compile(r"(?:^|, )([a-z]+)")

GROUPS = (
    ("plan", "defer 30m resume the review", (("schedule", "a task with flags: --when, --executor, --command, …"),)),
    (
        "change",
        "defer snooze deploy 1h",
        (
            ("edit ID, reschedule ID TIME, snooze ID 1h, pause ID, resume ID", ""),
            ("cancel ID", "--occurrence: only the next run; --kill: what runs, too"),
            ("uncancel ID", "bring back what was cancelled"),
            ("run ID", "a copy of it once, at the next wake; --wait: now"),
            ("wait ID", "until it has ended; --timeout 10m"),
            ("release ID", "give up an attempt whose machine is gone"),
        ),
    ),
    (
        "look",
        "defer history --since yesterday",
        (
            ("status", "all on one screen: wakes, what runs, what needs attention"),
            ("list", "what waits or runs; --upcoming 24h: each run to come"),
            ("history [ID]", "what ran and what did not: --since 24h, --status failed"),
            ("show ID", "one task, from the store or the archive"),
            ("log ID", "what its latest attempt printed; --follow: until it ends"),
            ("health", "which tasks need attention, and what mends each"),
        ),
    ),
    (
        "hear",
        "defer inbox",
        (
            ("inbox", "results that nobody has seen; --peek leaves them unread"),
            ("ack ID", "hear no more of a failure until something changes"),
        ),
    ),
    (
        "files",
        'defer add disk --when "0 7 * * *" --command "df -h /"',
        (("sync, add ID, enable ID, disable ID, remove ID, import FILE", ""),),
    ),
    (
        "care",
        "defer waker install",
        (
            ("waker install", "have it woken every minute; uninstall, status"),
            ("prune --older 90d", "remove what is older; --dry-run: only say what"),
            ("doctor", "what is wrong with the installation; --records: history"),
            ("completion bash", "the script for the Tab key; zsh, fish"),
            ("mcp", "tools for agents without a shell: --workspace DIR"),
        ),
    ),
)
"""What one wants, an example of it, and the commands for it, each with what it does."""

_FRONT = """\
usage: defer TIME TEXT…
       defer COMMAND …          defer COMMAND --help says all about one

  defer 30m resume the review
  defer every weekday 8:30 check the inbox
  defer schedule --when "tomorrow 9am" --summary "check it" --executor claude
"""
_BACK = """\
A terminal gets tables and sentences, a program JSON (--json, --compact).
Times: 30m is minutes, 3mo months, a capital M is refused.
Exit status: 0 done, 1 not possible, 2 bad input, 74 input/output, 75 busy.
"""
_WANT, _COMMAND = 8, 12


def show() -> int:
    """Print it."""
    output.say(*_FRONT.splitlines(), "")
    for want, _, commands in GROUPS:
        for number, (command, text) in enumerate(commands):
            output.say(f"{'' if number else want:<{_WANT}}{command:<{_COMMAND}}  {text}".rstrip())
    output.say("", *_BACK.splitlines())
    return EXIT_OK


def glance(client: Client) -> int:
    """What a person sees who types the name alone: what is new, what comes next, and what can be done."""
    from defer.notices import outbox
    from defer.scheduling import advice, status

    from . import list as listing

    now = client.clock()
    unread = len(outbox.read_if_it_can_be(client.config.notices_file).unread())
    if unread:
        output.say(f"{unread} result{'s' if unread > 1 else ''} that nobody has seen: defer inbox")
    coming = status.next_runs(client.store, now, _NEXT, [])
    if coming:
        listing.fires_table(coming, client.config.timezone(), now, sys.stdout)
    else:
        output.say("Nothing is scheduled.")
    output.say("")
    for want, example, commands in GROUPS:
        names = [word for said, _ in commands for word in _NAME.findall(said)]
        output.say(f"{want:<{_WANT}}{example}", f"{'':<{_WANT}}{' '.join(names)}")
    output.say("", "defer COMMAND --help says all about one; defer --help is a screen about all.")
    for warning in advice.warnings(client.store.markers, now):
        exits.warn(warning)
    return EXIT_OK
