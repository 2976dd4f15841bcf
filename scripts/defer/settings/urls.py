"""URLs that a user has set for notices and pings: what is secret in them, and what they are called.

A webhook's path, a bot's token, the topic of a push service and a password are all that somebody needs to write to us,
or as us. So a URL is shown as its scheme and, where that tells nothing, its host; the rest is masked wherever we keep
anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from urllib.parse import SplitResult, unquote, urlsplit

_WITH_HOST = frozenset({"http", "https", "ntfy"})
"""Schemes whose host is a host: with others of apprise it may be a token."""
_SHORTEST = 8
_MOST_NAMED = 20
_IN_TEXT = re.compile(r"https?://[^\s\"'<>`|)\]}]+", re.IGNORECASE)
_TOKEN = re.compile(r"(?=.*[A-Z0-9]).{8,}", re.DOTALL).fullmatch
_PARTS = re.compile(r"[/?&=#:@,]+")


def listed(written: str) -> list[str]:
    """The entries of such a setting, without the blanks around them."""
    return [entry for part in written.split(";") if (entry := part.strip())]


def label(url: str) -> str:
    """What a URL is called where it is shown and kept: nothing of it that is secret."""
    scheme, mark, _ = url.partition("://")
    if not mark:
        return "…"
    if scheme.lower() not in _WITH_HOST:
        return f"{scheme.lower()}://…"
    parts = split(url)
    host = _host(parts) if parts else ""
    return f"{scheme.lower()}://{host}/…" if host else f"{scheme.lower()}://…"


def split(url: str) -> SplitResult | None:
    """The parts of a URL; None for what is not one."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _host(parts: SplitResult) -> str:
    name = parts.hostname or ""
    shown = f"[{name}]" if ":" in name else name
    return f"{shown}:{parts.port}" if parts.port else shown


def named_in(texts: Iterable[str]) -> list[str]:
    """What the URLs of the web in these texts are called, each once; of many the first."""
    found = (label(url) for text in texts for url in _IN_TEXT.findall(text))
    return [*islice(dict.fromkeys(found), _MOST_NAMED)]


def secrets_of(written: str) -> Iterator[str]:
    """What to mask of such a setting, as it is written and as it means."""
    for entry in listed(written):
        scheme, mark, rest = entry.partition("://")
        place = rest.partition("/")[2] if scheme.lower() in _WITH_HOST and "@" not in rest else rest
        if mark and place:
            yield entry
            for part in _secret_parts(entry):
                yield part
                yield unquote(part)


def _secret_parts(url: str) -> Iterator[str]:
    scheme, _, rest = url.partition("://")
    has_host = scheme.lower() in _WITH_HOST
    user, at, behind = rest.rpartition("@")
    if at:
        yield from filter(None, (user, user.partition(":")[2]))
    place = behind.partition("/")[2] if has_host else behind
    if len(place) >= _SHORTEST:
        yield place
    for word in _PARTS.split(place):
        # A topic is a password, whatever it looks like; a word such as "services" in the path of a webhook is not.
        if _TOKEN(word) or (scheme.lower() == "ntfy" and len(word) >= _SHORTEST):
            yield word
