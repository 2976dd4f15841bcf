"""The face of `cron install|uninstall|status`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from defer import instants
from defer.client import Client
from defer.errors import EXIT_OK
from defer.paths import SCRIPTS
from defer.store import places
from defer.wakers import cron as crontab

from . import flags, output

_RUNNER = SCRIPTS / "run-deferred.sh"


def cron(connect: Callable[[], Client], argv: list[str]) -> int:
    """Install the crontab line, remove it, or say how things stand."""
    args = flags.cron().parse(argv)
    client = connect()
    settings = client.config
    result: dict[str, Any]
    if args.action == "install":
        target = settings.settings_file or settings.user_directory / "env"
        path = os.environ.get("PATH", os.defpath)
        result = crontab.install(_RUNNER, target, path, settings.lock_timeout_seconds)
    elif args.action == "uninstall":
        result = crontab.uninstall(_RUNNER)
    else:
        result = crontab.status(_RUNNER, client.store.markers, instants.now(), settings_file=settings.settings_file)
    if args.action != "uninstall":
        # From here on nobody may be watching: now is the time to say who else could run programs through it.
        result["notes"] += places.doubts(settings)
    if output.is_for_people(args):
        output.say(*crontab.describe(result))
    else:
        output.print_object(result, args.compact)
    return EXIT_OK
