"""Where notices go by the settings, and how that is said to people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from defer import visible
from defer.settings.config import Config

DESKTOP, INBOX = "desktop", "inbox"


class Places(NamedTuple):
    """The labels of the channels, which never hold a secret.

    ``in_inbox``: whether what may reach somebody by a channel stands in the inbox besides.
    """

    labels: tuple[str, ...] = ()
    in_inbox: bool = True


def of(config: Config) -> Places:
    """Where notices go; entries of the setting that cannot be read are left out, and reported elsewhere."""
    written = config.get("DEFER_NOTIFY")
    if written in ("", INBOX):
        return Places()
    from .channels import addresses

    found, _ = addresses.read_what_can_be(written)
    labels = tuple(one.label for one in found if one.kind != INBOX)
    return Places(labels, not labels or any(one.kind == INBOX for one in found))


def of_reminder(config: Config) -> list[str]:
    """Every place where a reminder appears, the inbox first: it has to reach somebody.

    Where nothing is set, it appears on the desktop besides, if there is one.
    """
    if config.get("DEFER_NOTIFY"):
        return [INBOX, *of(config).labels]
    from . import desktops

    return [INBOX, DESKTOP] if desktops.is_there(config.environment) else [INBOX]


def foreseen(config: Config) -> list[str]:
    """Where a reminder would appear as things stand: in no place to which nothing could be sent."""
    written = config.get("DEFER_NOTIFY")
    if written in ("", INBOX):
        return of_reminder(config)
    from . import troubles
    from .channels import addresses

    found, _ = addresses.read_what_can_be(written)
    unable = {one.label for one in found if troubles.of(one, config)}
    return [one for one in of_reminder(config) if one not in unable]


def said(labels: Iterable[str]) -> str:
    """Places in words: ``in your inbox, and on the desktop``."""
    known = {INBOX: "in your inbox", DESKTOP: "on the desktop"}
    words = [known.get(one) or f"by {visible.line(one)}" for one in labels]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])}, and {words[-1]}"
