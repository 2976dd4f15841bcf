"""One request to a URL of the user's: no redirect is followed, and nothing of the answer but its status is read."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit

from . import addresses, credentials
from .undelivered import Undelivered

_MOST_AFTER_SECONDS = 3600.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A receiver that moved has to be named anew: what we send must not go where somebody else says."""

    def redirect_request(self, *_: object) -> None:
        """None makes the redirect an error."""


def request(url: str, seconds: float, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> None:
    """POST ``body``, or GET without one. Raises Undelivered unless the answer is 2xx.

    ``seconds`` hold for each step of it (the name, the connection, each piece); whoever calls bounds the whole.
    """
    bare, who = credentials.apart(url)
    all_headers = {"User-Agent": "defer", **who, **(headers or {})}
    try:
        with _opener(bare).open(urllib.request.Request(bare, body, all_headers), timeout=seconds) as answer:  # noqa: S310
            if not 200 <= answer.status < 300:
                raise Undelivered(f"it answered {answer.status}")
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(error) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Undelivered(_why(error)) from None


def _opener(url: str) -> urllib.request.OpenerDirector:
    # What is meant for this machine must not go through a proxy.
    is_near = addresses.is_loopback(urlsplit(url).hostname or "")
    # Of the environment alone: what macOS is asked about its settings, a forked process may die of.
    proxies = urllib.request.ProxyHandler({} if is_near else urllib.request.getproxies_environment())
    return urllib.request.build_opener(proxies, _NoRedirect)


def _refused(error: urllib.error.HTTPError) -> Undelivered:
    if 300 <= error.code < 400:
        return Undelivered(f"it answered {error.code}, a redirect, which is not followed")
    return Undelivered(f"it answered {error.code}", _after(error.headers.get("Retry-After")))


def _after(said: str | None) -> float | None:
    """Seconds to wait (RFC 9110 10.2.3); its other form, a date, is not used by what we send to."""
    return min(float(said), _MOST_AFTER_SECONDS) if said and said.strip().isdigit() else None


def _why(error: Exception) -> str:
    """What went wrong, in words of ours: the system's or the library's may name the URL."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return "there was no answer in time"
    if isinstance(reason, ssl.SSLError):
        return f"no safe connection: {reason.reason or 'TLS failed'}"
    if isinstance(reason, http.client.HTTPException) and not isinstance(reason, http.client.RemoteDisconnected):
        return "what answered does not speak HTTP"
    if isinstance(reason, OSError) and reason.strerror:
        return f"it cannot be reached: {reason.strerror}"
    return "the connection broke off"
