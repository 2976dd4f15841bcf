"""Whether notices can reach the places that the settings name; nothing is sent."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from defer import fsio
from defer.notices import desktops, outbox
from defer.notices.channels import others
from defer.notices.events import Notice
from defer.notices.sender import RETRY_SECONDS
from defer.reports.doctor import notices
from defer.reports.doctor.finding import Finding
from machine import subject_of
from support import NOW, Place, text_at


def findings(place: Place, **settings: str) -> list[Finding]:
    return list(notices.findings(subject_of(place, place.config(settings))))


def test_the_inbox_is_always_there(place: Place) -> None:
    assert findings(place) == []
    assert findings(place, DEFER_NOTIFY="inbox; https://example.org/hook") == []


def test_an_entry_that_cannot_be_read_is_told_without_its_secret(place: Place) -> None:
    (one,) = findings(place, DEFER_NOTIFY="inbox; http://example.org/s3cret")
    assert (one.id, one.severity, one.where) == ("notify-broken", "error", "DEFER_NOTIFY")
    assert "s3cret" not in str(one)
    (one,) = findings(place, DEFER_PING_URL="ftp://example.org/s3cret")
    assert (one.id, one.where) == ("notify-broken", "DEFER_PING_URL")
    assert "s3cret" not in str(one)


def test_a_program_that_is_gone_or_may_be_changed_by_all_is_told(place: Place, tmp_path: Path) -> None:
    (one,) = findings(place, DEFER_NOTIFY=f"command:{tmp_path}/gone")
    assert (one.id, one.severity) == ("notify-unable", "warning")
    assert one.what == f"notices cannot go to command:{tmp_path}/gone: there is no such program"
    open_to_all = Path(place.executor("exit 0"))
    open_to_all.chmod(0o777)
    (one,) = findings(place, DEFER_NOTIFY=f"command:{open_to_all}")
    assert "it is not to be trusted" in one.what


def test_what_was_to_be_sent_long_ago_is_told_with_who_holds_it_up(place: Place) -> None:
    at = text_at(minutes=-30)
    notice = cast(Notice, {"key": "k", "event": "failed", "id": "t", "to": ["https://example.org/…"], "at": at})
    place.runtime.mkdir(mode=0o700)
    outbox.add(place.runtime / "notices.jsonl", [notice], NOW)
    assert findings(place) == []
    beat = place.runtime / ".deferred.jsonl.heartbeat"
    beat.touch(mode=0o600)
    os.utime(beat, (NOW.timestamp(),) * 2)
    (one,) = findings(place)
    assert (one.id, one.where, one.what) == (
        "notify-stuck",
        str(place.log_path),
        f"notices have waited to be sent since {text_at(minutes=-30)}",
    )
    lock = place.runtime / ".notices.jsonl.sender"
    with fsio.lock(lock, 0.0):
        (one,) = findings(place)
    assert (one.id, one.where, one.fix) == ("notify-stuck", str(lock), "end that process if it hangs")
    assert f"; {lock} was held by others" in one.what


def test_a_desktop_needs_a_program_and_somebody_at_it(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = findings(place, DEFER_NOTIFY="desktop", PATH=str(tmp_path))
    assert one.what == "notices cannot go to desktop: no program here shows notifications"
    sender = tmp_path / "notify-send"
    sender.write_text("#!/bin/sh\n")
    sender.chmod(0o755)
    assert findings(place, DEFER_NOTIFY="desktop", PATH=str(tmp_path), DBUS_SESSION_BUS_ADDRESS="unix:path=/x") == []
    monkeypatch.setattr(desktops, "session", lambda environment: {})
    (one,) = findings(place, DEFER_NOTIFY="desktop", PATH=str(tmp_path))
    assert one.what == "notices cannot go to desktop: nobody is logged in to a desktop here"
    # A notice is tried for half an hour, not until somebody comes.
    assert one.fix == "log in; what cannot be shown for half an hour is in defer inbox"
    assert timedelta(minutes=30) <= timedelta(seconds=sum(RETRY_SECONDS)) < timedelta(minutes=45)


def test_other_urls_need_the_extra(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(others, "is_installed", lambda: False)
    (one,) = findings(place, DEFER_NOTIFY="discord://1/t0ken")
    assert (one.id, one.fix) == ("notify-unable", "make install EXTRAS=notify")
    monkeypatch.setattr(others, "is_installed", lambda: True)
    assert findings(place, DEFER_NOTIFY="discord://1/t0ken") == []
