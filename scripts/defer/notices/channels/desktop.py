"""A desktop notification, where somebody is logged in to a desktop."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from defer.notices import desktops

from .undelivered import Undelivered

_NOBODY = "nobody is logged in to a desktop here"


def show(title: str, text: str, environment: Mapping[str, str]) -> None:
    """Show a notification. Raises Undelivered."""
    found = desktops.program(environment)
    if found is None:
        raise Undelivered("no program here shows notifications (install libnotify-bin for notify-send)")
    if not desktops.is_there(environment):
        raise Undelivered(_NOBODY)
    if sys.platform == "darwin":
        show_it = "display notification (item 2 of argv) with title (item 1 of argv)"
        argv = [found, "-e", "on run argv", "-e", show_it, "-e", "end run", "--", title, text]
    else:
        markup = text.replace("&", "&amp;").replace("<", "&lt;")  # the body is markup
        argv = [found, "--app-name=defer", "--", title, markup]
    ended = subprocess.run(
        argv,
        env={**environment, **desktops.session(environment)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if ended.returncode:
        raise Undelivered(f"{os.path.basename(found)} ended with exit {ended.returncode}: is anybody logged in?")
