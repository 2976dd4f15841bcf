"""One notice to one place, whichever kind that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from defer.notices import payload

from . import addresses
from .undelivered import Undelivered

SECONDS = 10.0
"""What one notice to one place may take."""


class Around(NamedTuple):
    """What sending needs beside the notice: its environment, and the uid that the store belongs to."""

    environment: Mapping[str, str]
    store_owner: int


def send(to: addresses.Address, told: Mapping[str, Any], around: Around) -> None:
    """Send what ``payload.of`` made of a notice. Raises Undelivered."""
    match to.kind:
        case addresses.INBOX:
            return
        case addresses.DESKTOP:
            from . import desktop

            desktop.show(payload.title(told), payload.body(told), around.environment)
        case addresses.COMMAND:
            from . import program

            program.hand(to.target, around.store_owner, payload.as_json(told), around.environment)
        case addresses.WEB:
            _post(to.target, told)
        case addresses.NTFY:
            from . import ntfy, web

            url, headers, body = ntfy.publish(to.target, told)
            web.request(url, SECONDS, body, headers)
        case addresses.APPRISE:
            from . import others

            others.send(to.target, told)


def ping(url: str) -> None:
    """Ask for a URL, once more if that fails. Raises Undelivered."""
    from . import web

    try:
        web.request(url, SECONDS)
    except Undelivered:
        web.request(url, SECONDS)


def _post(url: str, told: Mapping[str, Any]) -> None:
    from . import web

    headers = {"Content-Type": "application/json", "Idempotency-Key": payload.header_key(told)}
    web.request(url, SECONDS, payload.as_json(told), headers)
