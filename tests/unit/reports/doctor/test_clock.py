"""The clock, the zone and its data."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from defer.reports.doctor import clock
from defer.timegrammar.zonedata import Data
from machine import subject_of, told
from support import NOW, Place, v1_task

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_zone_without_change_and_a_clock_that_goes_on_are_fine(place: Place) -> None:
    place.write_store(v1_task())
    assert [one for one in clock.findings(subject_of(place)) if not one.id.startswith("tzdata")] == []


@pytest.mark.parametrize(
    ("now", "change"),
    [
        (datetime(2026, 10, 20, 12, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, 0, tzinfo=UTC)),
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), None),
        (datetime(2026, 10, 10, 12, 0, tzinfo=UTC), None),
    ],
)
def test_the_next_change_of_the_clocks_is_found_to_the_second(now: datetime, change: datetime | None) -> None:
    assert clock.next_change(BERLIN, now) == change


def test_a_change_that_is_near_is_noted(place: Place) -> None:
    config = place.config({"DEFER_TIMEZONE": "Europe/Berlin"})
    now = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)
    (one,) = [one for one in clock.findings(subject_of(place, config, now=now)) if one.id == "clocks-change"]
    assert one.severity == "note"
    assert one.what == "the clocks of Europe/Berlin go back by 1 hour at 2026-10-25T01:00:00Z"


def test_a_last_wake_that_is_yet_to_come_tells_of_a_clock_that_was_set_back(place: Place) -> None:
    place.write_store(v1_task())
    beat = place.runtime / ".deferred.jsonl.heartbeat"
    beat.touch()
    ahead = (NOW + timedelta(hours=3)).timestamp()
    os.utime(beat, (ahead, ahead))
    (one,) = [one for one in clock.findings(subject_of(place)) if one.id == "clock-ahead"]
    assert one.what == "the last wake was 3 hours from now: the clock has been set back, or was wrong then"


@pytest.mark.parametrize(("ahead", "is_told"), [(timedelta(minutes=15), False), (timedelta(days=1), True)])
def test_a_next_look_further_away_than_any_wake_leaves_it_tells_of_one_too(
    place: Place, ahead: timedelta, is_told: bool
) -> None:
    place.write_store(v1_task())
    due = place.runtime / ".deferred.jsonl.due2"
    due.touch()
    moment = (NOW + ahead).timestamp()
    os.utime(due, (moment, moment))
    found = [one.what for one in clock.findings(subject_of(place)) if one.id == "clock-ahead"]
    said = "wakes look at nothing for 1 day unless something changes: the clock was ahead, and has been set back"
    assert found == [said] * is_told


def test_a_zone_that_is_none_is_told(place: Place) -> None:
    assert told(clock.findings(subject_of(place, place.config({"DEFER_TIMEZONE": "Moon/Base"})))) == [
        ("zone-unclear", "DEFER_TIMEZONE")
    ]


def test_wakes_in_another_zone_than_this_shell_are_noted(place: Place) -> None:
    subject = subject_of(place)._replace(wake=place.config({"DEFER_TIMEZONE": "Asia/Tokyo"}))
    (one,) = [one for one in clock.findings(subject) if one.id == "zone-differs"]
    assert one.what.startswith("wakes are in the zone Asia/Tokyo, this shell is in UTC")


@pytest.mark.parametrize(
    ("version", "kind"), [("2021a", "tzdata-old"), ("2024b", "tzdata-old"), ("2025b", None), ("", "tzdata-unknown")]
)
def test_data_that_is_years_old_is_told(version: str, kind: str | None) -> None:
    found = list(clock.of_data(Data("system", "/usr/share/zoneinfo", version), NOW))
    assert [one.id for one in found] == ([] if kind is None else [kind])
    assert list(clock.of_data(None, NOW)) == []
