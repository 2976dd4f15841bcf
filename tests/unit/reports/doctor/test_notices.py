"""Whether notices can reach the places that the settings name; nothing is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from defer.notices.channels import others
from defer.reports.doctor import notices
from defer.reports.doctor.finding import Finding
from machine import subject_of
from support import Place


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


def test_a_desktop_needs_a_program_and_somebody_at_it(place: Place, tmp_path: Path) -> None:
    (one,) = findings(place, DEFER_NOTIFY="desktop", PATH=str(tmp_path))
    assert one.what == "notices cannot go to desktop: no program here shows notifications"
    sender = tmp_path / "notify-send"
    sender.write_text("#!/bin/sh\n")
    sender.chmod(0o755)
    assert findings(place, DEFER_NOTIFY="desktop", PATH=str(tmp_path), DBUS_SESSION_BUS_ADDRESS="unix:path=/x") == []


def test_other_urls_need_the_extra(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(others, "is_installed", lambda: False)
    (one,) = findings(place, DEFER_NOTIFY="discord://1/t0ken")
    assert (one.id, one.fix) == ("notify-unable", "make install EXTRAS=notify")
    monkeypatch.setattr(others, "is_installed", lambda: True)
    assert findings(place, DEFER_NOTIFY="discord://1/t0ken") == []
