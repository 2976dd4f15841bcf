"""What is wrong with where notices and pings go, said before anything is to be sent."""

import json

import pytest

from defer.notices import troubles
from defer.notices.channels import others

URL = "http://example.org/s3cr3t"


@pytest.fixture
def without_extra(monkeypatch):
    monkeypatch.setattr(others, "is_installed", lambda: False)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, []),
        ({"DEFER_NOTIFY": "inbox;https://example.org/x", "DEFER_PING_URL": "https://hc-ping.com/x"}, []),
        (
            {"DEFER_NOTIFY": f"inbox;{URL}", "DEFER_PING_URL": URL},
            ["DEFER_NOTIFY, entry 2: anybody on the way could read", "DEFER_PING_URL: anybody on the way could read"],
        ),
        (
            {"DEFER_NOTIFY": "command:/no/such/program;discord://1/s3cr3t"},
            [
                "notices cannot go to command:/no/such/program: there is no such program (correct DEFER_NOTIFY, ",
                "notices cannot go to discord://…: apprise is not installed (make install EXTRAS=notify)",
            ],
        ),
    ],
)
def test_each_is_one_line_without_a_secret(place, without_extra, settings, said):
    found = troubles.said(place.config(settings))
    assert len(found) == len(said)
    assert all(line.startswith(start) for line, start in zip(found, said, strict=True))
    assert "s3cr3t" not in "".join(found)


def test_who_schedules_hears_of_it(place):
    done = place.run("schedule-task.sh", "--when", "1h", "--summary", "s", env={"DEFER_NOTIFY": "inbox;dekstop"})
    assert done.returncode == 0
    said = "DEFER_NOTIFY, entry 2: it is not a channel: dekstop, did you mean desktop? (use inbox, "
    assert [line for line in json.loads(done.stdout)["warnings"] if line.startswith(said)]


def test_a_wake_goes_on_without_what_it_cannot_read(place):
    place.schedule("now", "s", "--executor", "/bin/false")
    place.wake(env={"DEFER_NOTIFY": f"dekstop;{URL};inbox"})
    assert place.archived()[0]["status"] == "failed"
