"""`--since`: a span before now, a moment that is over, and nothing else."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from defer import instants
from defer.commands import since
from defer.errors import BadInput
from support import moment

BERLIN = ZoneInfo("Europe/Berlin")
# The day after the clock went forward in Berlin.
NOW = moment("2026-03-30T10:30:00Z")


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("24h", "2026-03-29T10:30:00Z"),
        ("7d", "2026-03-23T10:30:00Z"),
        ("90m", "2026-03-30T09:00:00Z"),
        ("2 hours ago", "2026-03-30T08:30:00Z"),
        ("today", "2026-03-29T22:00:00Z"),
        ("Yesterday", "2026-03-28T23:00:00Z"),
        ("2026-03-01", "2026-02-28T23:00:00Z"),
        ("2026-03-30T09:15", "2026-03-30T07:15:00Z"),
        ("2026-03-30 09:15", "2026-03-30T07:15:00Z"),
        ("2026-03-30T09:15:00Z", "2026-03-30T09:15:00Z"),
        ("2026-03-30T09:15:00+05:00", "2026-03-30T04:15:00Z"),
        ("30000d", "1970-01-01T00:00:00Z"),
        ("0002-01-01", "1970-01-01T00:00:00Z"),
    ],
)
def test_a_span_or_a_moment_is_read(said, means):
    assert instants.to_text(since.read(said, NOW, BERLIN)) == means


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("", '--since takes a duration or a moment, not "" (try 24h, or 2026-04-08)'),
        ("soon\n", '--since takes a duration or a moment, not "soon" (try 24h, or 2026-04-08)'),
        ("2026-13-01", '--since takes a duration or a moment, not "2026-13-01" (try 24h, or 2026-04-08)'),
        ("0001-01-01T00:00:00+05:00", None),
        ("2026-03-31", "--since lies ahead: 2026-03-31 (give a time that is over)"),
        ("9999-12-31T23:59:59-05:00", None),
    ],
)
def test_anything_else_is_refused_in_one_line(said, complaint):
    with pytest.raises(BadInput) as refused:
        since.read(said, NOW, BERLIN)
    assert refused.value.field == "since"
    assert complaint is None or str(refused.value) == complaint
