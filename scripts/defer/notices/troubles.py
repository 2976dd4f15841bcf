"""Why notices and pings could not go where the settings name, as things stand; nothing is sent to find out."""

from __future__ import annotations

import os
from collections.abc import Iterator

from defer.errors import BadInput
from defer.settings.config import Config

from . import desktops, pings
from .channels import addresses, others, program
from .channels.addresses import Address

NOBODY = "nobody is logged in to a desktop here (log in; what cannot be shown for half an hour is in defer inbox)"


def bad_settings(config: Config) -> Iterator[BadInput]:
    """What of DEFER_NOTIFY and DEFER_PING_URL cannot be read: wakes go without it."""
    yield from addresses.read_what_can_be(config.get(addresses.SETTING))[1]
    url = config.get(pings.SETTING)
    if url:
        try:
            pings.check(url, pings.SETTING, f"{pings.SETTING}: ")
        except BadInput as error:
            yield error


def of(to: Address, config: Config) -> str | None:
    """Why nothing could be sent there as things stand, with how to mend it."""
    if to.kind == addresses.COMMAND:
        why = program.trouble(to.target, _owner(config))
        return why and (why if why.endswith(")") else f"{why} (correct {addresses.SETTING}, or put it there)")
    if to.kind == addresses.APPRISE and not others.is_installed():
        return others.missing()
    if to.kind == addresses.DESKTOP:
        if desktops.program(config.environment) is None:
            return "no program here shows notifications (install libnotify-bin for notify-send)"
        if not desktops.is_there(config.environment):
            return NOBODY
    return None


def said(config: Config) -> list[str]:
    """All of it in one line each, for somebody who has just scheduled; who is logged in by then, nobody knows."""
    known = addresses.read_what_can_be(config.get(addresses.SETTING))[0]
    reasons = [(one, of(one, config)) for one in known]
    lasting = [f"notices cannot go to {one.label}: {why}" for one, why in reasons if why and why != NOBODY]
    return [*map(str, bad_settings(config)), *lasting]


def _owner(config: Config) -> int:
    try:
        return os.stat(config.tasks_file.parent).st_uid
    except OSError:
        return os.geteuid()
