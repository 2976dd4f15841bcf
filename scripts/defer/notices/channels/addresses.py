"""What DEFER_NOTIFY names, read: where notices go, each place with a label that holds no secret.

| entry | is |
|---|---|
| `inbox` | `defer inbox`, where every notice stands anyway |
| `desktop` | a desktop notification, where somebody is logged in |
| `command:/full/path` | a program that gets the notice as JSON on its standard input |
| `https://…` | a JSON POST; `http://` to this machine alone; webhooks of Discord and Slack are apprise's |
| `ntfy://host/topic` | a message in the topic of a server of ntfy |
| any other `scheme://…` | a URL of apprise, which comes with the extra `notify` |
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from defer import spelling
from defer.errors import BadInput
from defer.settings import urls

INBOX, DESKTOP, COMMAND, WEB, NTFY, APPRISE = "inbox", "desktop", "command", "web", "ntfy", "apprise"
SETTING = "DEFER_NOTIFY"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL).fullmatch
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
# In another form it may be a name that some name server knows.
_LOOPBACK = re.compile(rf"localhost|127(?:\.{_OCTET}){{3}}|::1").fullmatch
_DISCORD = ("discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com")
_WORDS = ("inbox", "desktop", "command")
_FORMS = "inbox, desktop, command:/full/path, https://…, ntfy://host/topic, or with the extra `notify` a URL of apprise"
_FORMS_OF_NTFY = "ntfy://ntfy.sh/TOPIC, or ntfy://USER:PASSWORD@HOST/TOPIC"


class Address(NamedTuple):
    """One place that notices go to. ``target`` may be secret; ``label`` is not, and no other entry has the same."""

    kind: str
    label: str
    target: str


def read(written: str) -> list[Address]:
    """All entries of the setting. Raises BadInput for the first that is not one."""
    found, errors = read_what_can_be(written)
    if errors:
        raise errors[0]
    return found


def read_what_can_be(written: str) -> tuple[list[Address], list[BadInput]]:
    """The same, and what is wrong with those that are not entries: a wake goes on with the others."""
    found: list[Address] = []
    errors: list[BadInput] = []
    for number, entry in enumerate(urls.listed(written), 1):
        try:
            found.append(_address(entry, f"{SETTING}, entry {number}: "))
        except BadInput as error:
            errors.append(error)
    return _told_apart(list(dict.fromkeys(found))), errors


def _told_apart(found: list[Address]) -> list[Address]:
    seen: Counter[str] = Counter()
    told: list[Address] = []
    for one in found:
        seen[one.label] += 1
        told.append(one if seen[one.label] == 1 else one._replace(label=f"{one.label} #{seen[one.label]}"))
    return told


def _address(entry: str, which: str) -> Address:
    if entry in (INBOX, DESKTOP):
        return Address(entry, entry, "")
    if entry.startswith("command:"):
        return _command(entry.removeprefix("command:").strip(), which)
    if url := _SCHEME(entry):
        return _url(entry, url[1].lower(), which)
    # What stands there may be a token that was pasted: only what is nearly one of our words is repeated.
    near = spelling.nearest(entry.partition(":")[0], _WORDS)
    what = f"it is not a channel: {entry}, did you mean {near}?" if near else "it is not a channel"
    raise _bad(which, what, f"use {_FORMS}")


def _command(path: str, which: str) -> Address:
    if not path.startswith("/") or "\0" in path:
        raise _bad(which, f"the program is not a full path: {path}", "write command:/full/path")
    return Address(COMMAND, f"command:{path}", path)


def _url(entry: str, scheme: str, which: str) -> Address:
    if not entry.isascii() or not entry.isprintable() or " " in entry:
        raise _bad(which, f"the URL has a character that a URL cannot have: {urls.label(entry)}", "percent-encode it")
    if scheme in ("http", "https"):
        check(entry, which)
        return Address(APPRISE if _is_of_a_chat(entry) else WEB, urls.label(entry), entry)
    if scheme == NTFY:
        return _ntfy(entry, which)
    return Address(APPRISE, urls.label(entry), entry)


def _is_of_a_chat(url: str) -> bool:
    """Whether it is the webhook of a chat, which has a form of its own: apprise knows that."""
    parts = urls.split(url)
    host = parts.hostname or "" if parts else ""
    return host == "hooks.slack.com" or (host in _DISCORD and bool(parts) and "/api/webhooks/" in url)


def _ntfy(entry: str, which: str) -> Address:
    parts = urls.split(entry)
    topic = parts.path.strip("/") if parts else ""
    if not parts or not parts.hostname or not topic or "/" in topic:
        raise _bad(which, "ntfy:// needs a host and a topic", _FORMS_OF_NTFY)
    if "?" in entry or "#" in entry:
        raise _bad(which, "ntfy:// has no options behind its topic", _FORMS_OF_NTFY)
    return Address(NTFY, urls.label(entry), entry)


def check(url: str, which: str, field: str = SETTING) -> None:
    """Raise BadInput for what is not a URL that we send to: https, or http on this machine.

    ``which`` begins the error's text, ``field`` is what it is about.
    """
    parts = urls.split(url)
    if parts is None or parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise _bad(which, f"it is not a URL of https: {urls.label(url)}", "write https://host/path", field)
    if parts.scheme.lower() == "http" and not is_loopback(parts.hostname):
        what = f"anybody on the way could read what goes over http: {urls.label(url)}"
        raise _bad(which, what, "use https://; http:// is for this machine alone, 127.0.0.1 or localhost", field)


def is_loopback(host: str) -> bool:
    """Whether a host's name means this machine."""
    return bool(_LOOPBACK(host.lower()))


def _bad(which: str, what: str, mend: str, field: str = SETTING) -> BadInput:
    return BadInput(f"{which}{what} ({mend})", field=field)
