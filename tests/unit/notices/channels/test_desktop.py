"""A desktop notification, shown by a program that stands in for the real one."""

import os
import sys

import pytest

from defer.notices import desktops
from defer.notices.channels import addresses, ways
from defer.notices.channels.undelivered import Undelivered

TOLD = {"key": "k", "event": "failed", "id": "backup", "summary": "a < b & c", "error": "no\nroom"}
pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="osascript shows them there")


@pytest.fixture
def screen(place):
    """``screen(body)``: the environment of a desktop whose notify-send does this."""

    def made(body: str = "", bus: str = "unix:path=/nowhere") -> dict[str, str]:
        place.executor(
            f'printf "%s\\n" "$@" >"{place.base}/shown"; echo "$DBUS_SESSION_BUS_ADDRESS" >"{place.base}/bus"\n{body}',
            "notify-send",
        )
        return {"PATH": f".:{place.base}:{os.defpath}", **({"DBUS_SESSION_BUS_ADDRESS": bus} if bus else {})}

    return made


def show(environment: dict[str, str]) -> None:
    (to,) = addresses.read("desktop")
    ways.send(to, TOLD, ways.Around(environment, 0))


def test_what_is_shown(place, screen):
    show(screen())
    # The body is markup there, and no text of a task's is an option.
    lines = (place.base / "shown").read_text().splitlines()
    assert lines == ["--app-name=defer", "--", "backup failed", "a &lt; b &amp; c", "no room"]
    assert (place.base / "bus").read_text() == "unix:path=/nowhere\n"


def test_a_program_that_cannot_show_it_is_said(screen):
    with pytest.raises(Undelivered, match=r"^notify-send ended with exit 1: is anybody logged in\?$"):
        show(screen("exit 1"))


def test_without_a_session_nothing_is_started(place, screen, monkeypatch):
    monkeypatch.setattr(desktops, "session", lambda _: {})
    with pytest.raises(Undelivered, match=r"^nobody is logged in to a desktop here$"):
        show(screen(bus=""))
    assert not (place.base / "shown").exists()


def test_without_the_program_it_says_what_to_install(tmp_path):
    with pytest.raises(Undelivered, match=r"\(install libnotify-bin for notify-send\)$"):
        show({"PATH": str(tmp_path), "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"})
