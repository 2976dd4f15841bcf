"""The face of `waker install|uninstall|status`, and of `cron …`, which is the same of cron alone."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from defer import instants
from defer.client import Client
from defer.errors import EXIT_OK
from defer.store import places
from defer.wakers import choice, stable, words

from . import flags, output


def waker(connect: Callable[[], Client], argv: list[str]) -> int:
    """Install what wakes, remove it, or say how things stand."""
    args = flags.waker().parse(argv)
    return _answer(connect, args, args.waker)


def cron(connect: Callable[[], Client], argv: list[str]) -> int:
    """The same of cron."""
    return _answer(connect, flags.cron().parse(argv), "cron")


def _answer(connect: Callable[[], Client], args: Namespace, waker: str | None) -> int:
    client = connect()
    settings = client.config
    result: dict[str, Any]
    if args.action == "install":
        target = settings.settings_file or settings.user_directory / "env"
        path = os.environ.get("PATH", os.defpath)
        result = choice.for_this_code(waker, target, path, settings.lock_timeout_seconds)
    elif args.action == "uninstall":
        result = choice.uninstall(waker, stable.runner())
    else:
        result = _status(client)
    if args.action != "uninstall":
        # From here on nobody may be watching: now is the time to say who else could run programs through it.
        result["notes"] += places.doubts(settings)
    if output.is_for_people(args):
        output.say(*words.describe(result), *_beyond(result))
    else:
        output.print_object(result, args.compact)
    return EXIT_OK


# What `describe` says of a status in its own words.
_DESCRIBED = {
    *(
        "waker-missing",
        "waker-gone",
        "crontab-unreadable",
        "daemon-dead",
        "daemon-unknown",
        "wakes-fail",
        "never-woken",
    ),
    "settings-differ",
}


def _status(client: Client) -> dict[str, Any]:
    """How things stand, with what the doctor finds of it."""
    from defer.reports.doctor import waker
    from defer.reports.doctor.finding import worst_first
    from defer.wakers import standing

    settings, markers, now = client.config, client.store.markers, instants.now()
    runner = stable.runner()
    stands = standing.look(runner)
    result = choice.status(runner, markers, now, settings_file=settings.settings_file, found=stands)
    found = worst_first(waker.findings(stands, markers, settings, now))
    return {**result, "findings": [one.as_json() for one in found]}


def _beyond(result: dict[str, Any]) -> list[str]:
    """The findings of a status that its description leaves out."""
    others = [one for one in result.get("findings", ()) if one["id"] not in _DESCRIBED]
    return [f"{one['severity']}: {one['what']} ({one['fix']})" for one in others]
