"""Pings in the form of healthchecks.io."""

from datetime import UTC, datetime, timedelta

import pytest

from defer.errors import BadInput
from defer.notices import pings
from defer.notices.pings import FAIL, START, WELL, Ping

UUID = "https://hc-ping.com/5f8a2c1e-0000-4000-8000-c0ffee123456"
NOW = datetime(2026, 4, 8, 16, 35, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "how", "asked"),
    [
        (UUID, WELL, UUID),
        (UUID, START, f"{UUID}/start"),
        (UUID, FAIL, f"{UUID}/fail"),
        (f"{UUID}/", FAIL, f"{UUID}/fail"),
        ("https://hc-ping.com/key/slug?create=1", START, "https://hc-ping.com/key/slug/start?create=1"),
    ],
)
def test_what_is_asked_for(url, how, asked):
    assert Ping(url, how).address == asked
    assert Ping(url, how).label == "https://hc-ping.com/…"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("hc-ping.com/x", "it is not a URL of https: "),
        ("ftp://example.org/secret", "it is not a URL of https: ftp://… (write https://host/path)"),
        ("http://example.org/secret", "anybody on the way could read what goes over http: http://example.org/…"),
        ("https://example.org/a b", "the URL has a character that a URL cannot have: https://example.org/…"),
    ],
)
def test_what_is_not_pinged(url, said):
    with pytest.raises(BadInput) as caught:
        pings.check(url)
    assert str(caught.value).startswith(said)
    assert "secret" not in str(caught.value)


def test_wakes_ping_every_five_minutes_also_after_the_clock_was_set_back():
    assert pings.is_due(None, NOW)
    assert not pings.is_due(NOW - timedelta(seconds=299), NOW)
    assert pings.is_due(NOW - timedelta(minutes=5), NOW)
    assert pings.is_due(NOW + timedelta(seconds=1), NOW)
