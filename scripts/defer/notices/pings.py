"""Pings: that something is alive, told to a watcher that complains when it no longer hears it.

In the form of healthchecks.io: the URL itself says that all is well, ``/start`` below it that something has begun, and
``/fail`` that it failed. A ping is not kept: one that is lost makes the watcher complain, never keep silent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from defer.errors import BadInput
from defer.settings import urls

from .channels import addresses

SETTING = "DEFER_PING_URL"
WELL, START, FAIL = "", "start", "fail"
EVERY = timedelta(minutes=5)
"""How often wakes ping: the first wake after so long does."""


class Ping(NamedTuple):
    """What is to be told to a watcher. ``how`` is one of ``WELL``, ``START`` and ``FAIL``."""

    url: str
    how: str = WELL

    @property
    def address(self) -> str:
        """The URL that is asked for."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{self.how}")) if self.how else self.url

    @property
    def label(self) -> str:
        """What the watcher is called where it is shown."""
        return urls.label(self.url)


def check(url: str, field: str = "ping", which: str = "") -> None:
    """Raise BadInput for a URL that is not pinged: https, or http on this machine. ``which`` begins its text."""
    if not url.isascii() or not url.isprintable() or " " in url:
        what = f"{which}the URL has a character that a URL cannot have: {urls.label(url)} (percent-encode it)"
        raise BadInput(what, field=field)
    addresses.check(url, which, field)


def is_due(last: datetime | None, now: datetime) -> bool:
    """Whether a wake pings, given when one did last; a clock that was set back does not silence it."""
    return last is None or not timedelta(0) <= now - last < EVERY
