"""Whether notices can reach the places that the settings name."""

from __future__ import annotations

from collections.abc import Iterator

from defer.notices import troubles
from defer.notices.channels import addresses

from .finding import Finding, found, parted
from .subject import Subject


def findings(subject: Subject) -> Iterator[Finding]:
    """The settings as wakes have them: nothing is sent."""
    wake = subject.wakes_config
    for error in troubles.bad_settings(wake):
        what, fix = parted(str(error))
        yield found("notify-broken", what, error.field or addresses.SETTING, fix)
    for one in addresses.read_what_can_be(wake.get(addresses.SETTING))[0]:
        why = troubles.of(one, wake)
        if why:
            what, fix = parted(why)
            yield found("notify-unable", f"notices cannot go to {one.label}: {what}", addresses.SETTING, fix)
