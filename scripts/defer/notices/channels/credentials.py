"""A user and a password that stand in a URL, as a header: the URL that is asked for has none."""

from __future__ import annotations

import base64
from urllib.parse import unquote, urlsplit, urlunsplit


def apart(url: str) -> tuple[str, dict[str, str]]:
    """The URL without them, and without its fragment; and the header that carries them, if there are any."""
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    if parts.username is None and parts.password is None:
        return bare, {}
    return bare, basic(unquote(parts.username or ""), unquote(parts.password or ""))


def basic(user: str, password: str) -> dict[str, str]:
    """The header of HTTP's basic scheme (RFC 7617)."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
