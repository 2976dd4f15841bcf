"""Whether notices can reach the places that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from defer import fsio, instants
from defer.errors import StorageError, StoreBusy
from defer.notices import outbox, troubles
from defer.notices.channels import addresses

from .finding import Finding, found, parted
from .subject import Subject

_PATIENCE = timedelta(minutes=10)
"""A try takes seconds, and wakes come every minute."""


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
    yield from _not_sent(subject)


def _not_sent(subject: Subject) -> Iterator[Finding]:
    """What was to be sent long ago although wakes came since: whatever sends hangs, or fails each time."""
    file, last_wake = subject.config.notices_file, subject.store.markers.last_wake()
    over = [one.at for one in outbox.pending(file) if one.at + _PATIENCE < subject.now]
    if not over or last_wake is None or last_wake < min(over) + _PATIENCE:
        return
    what = f"notices have waited to be sent since {instants.to_text(min(over))}"
    lock = outbox.senders_lock(file)
    if holder := _holder(lock):
        yield found("notify-stuck", f"{what}; {holder}", lock, "end that process if it hangs")
    else:
        yield found("notify-stuck", what, subject.config.log_file, "see sending_failed in the audit log")


def _holder(lock: Path) -> str | None:
    """Who is sending at present; None for nobody, or where that cannot be told."""
    with suppress(OSError, StorageError):
        if fsio.stat(lock) is not None:
            try:
                with fsio.lock(lock, 0.0):
                    pass
            except StoreBusy as busy:
                return parted(str(busy))[0].removeprefix("busy: ")
    return None
