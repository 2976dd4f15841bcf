"""Whether notices can reach the places that the settings name."""

from __future__ import annotations

import os
from collections.abc import Iterator

from defer.errors import BadInput
from defer.notices import desktops
from defer.notices.channels import addresses, others, program
from defer.notices.channels.addresses import Address
from defer.settings.config import Config

from .finding import Finding, found, parted
from .subject import Subject

_PING = "DEFER_PING_URL"


def findings(subject: Subject) -> Iterator[Finding]:
    """The settings as wakes have them: nothing is sent."""
    wake = subject.wakes_config
    known, errors = addresses.read_what_can_be(wake.get(addresses.SETTING))
    for error in errors:
        yield _broken(error, addresses.SETTING)
    ping = wake.get(_PING)
    if ping:
        try:
            addresses.check(ping, _PING)
        except BadInput as error:
            yield _broken(error, _PING)
    for one in known:
        why = _trouble(one, wake)
        if why:
            what, fix = parted(why)
            yield found("notify-unable", f"notices cannot go to {one.label}: {what}", addresses.SETTING, fix)


def _broken(error: BadInput, where: str) -> Finding:
    what, fix = parted(str(error))
    return found("notify-broken", what, where, fix)


def _trouble(to: Address, wake: Config) -> str | None:
    """Why nothing could be sent there as things stand, with how to mend it."""
    if to.kind == addresses.COMMAND:
        why = program.trouble(to.target, _owner(wake))
        return why and (why if why.endswith(")") else f"{why} (correct DEFER_NOTIFY, or put it there)")
    if to.kind == addresses.APPRISE and not others.is_installed():
        return others.MISSING
    if to.kind == addresses.DESKTOP:
        if desktops.program(wake.environment) is None:
            return "no program here shows notifications (install libnotify-bin for notify-send)"
        if not desktops.is_there(wake.environment):
            return "nobody is logged in to a desktop here (they are sent when somebody is)"
    return None


def _owner(wake: Config) -> int:
    try:
        return os.stat(wake.tasks_file.parent).st_uid
    except OSError:
        return os.geteuid()
