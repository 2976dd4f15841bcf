"""ntfy: a message published to a topic, the text as the body and the rest in headers.

Source: "Publishing" in the documentation of its server.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from defer.notices import payload

from . import addresses, credentials

_MOST_BYTES = 4000  # from 4096 on a message becomes an attachment
_HIGH, _ORDINARY = "4", "3"


class Publish(NamedTuple):
    """One message as a request."""

    url: str
    headers: dict[str, str]
    body: bytes


def publish(target: str, told: Mapping[str, Any]) -> Publish:
    """The request that publishes a notice to ``ntfy://[USER:PASSWORD@]HOST/TOPIC``."""
    parts = urlsplit(target)
    scheme = "http" if addresses.is_loopback(parts.hostname or "") else "https"
    url = f"{scheme}://{parts.netloc.rpartition('@')[2]}/{parts.path.strip('/')}"
    is_good = told.get("event") in payload.GOOD
    is_reminder = bool(told.get("reminder"))
    headers = {
        "Title": _header(payload.title(told)),
        "Priority": _ORDINARY if is_good else _HIGH,
        "Tags": "alarm_clock" if is_reminder else "white_check_mark" if is_good else "warning",
        "Content-Type": "text/plain; charset=utf-8",
        "Idempotency-Key": payload.header_key(told),
        **_authorization(unquote(parts.username or ""), unquote(parts.password or "")),
    }
    body = payload.body(told).encode(errors="replace")
    if len(body) > _MOST_BYTES:
        body = body[: _MOST_BYTES - 3].decode(errors="ignore").encode() + "…".encode()
    return Publish(url, headers, body)


def _header(text: str) -> str:
    """A text as a header may carry it: ntfy reads encoded words (RFC 2047)."""
    if text.isascii() and text.isprintable():
        return text
    return f"=?UTF-8?B?{base64.b64encode(text.encode(errors='replace')).decode()}?="


def _authorization(user: str, password: str) -> dict[str, str]:
    """An access token begins with ``tk_``, and stands as the user or as the password; anything else is a user's."""
    token = next((one for one in (user, password) if one.startswith("tk_")), "")
    if token:
        return {"Authorization": f"Bearer {token}"}
    return credentials.basic(user, password) if user or password else {}
