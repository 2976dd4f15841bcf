"""`defer waker` as a program sees it: each of its answers fits the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from machine import FAKE_CRONTAB, FAKE_LOGINCTL, FAKE_SYSTEMCTL
from support import Place, share_environment, strict

pytestmark = pytest.mark.programs


@pytest.fixture
def at_home(place: Place) -> Place:
    """A place with a crontab and a manager of its own, and nothing else on PATH that wakers ask."""
    programs, manager = place.base / "programs", place.base / "manager"
    for directory in (programs, manager):
        directory.mkdir(mode=0o755)
    for name, text in (("crontab", FAKE_CRONTAB), ("systemctl", FAKE_SYSTEMCTL), ("loginctl", FAKE_LOGINCTL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    share_environment(place.home / ".local" / "share")
    place.env |= {"PATH": f"{programs}:/usr/bin:/bin", "TAB": str(place.base / "tab"), "MANAGER": str(manager)}
    return place


def answer(place: Place, root: Path, *words: str) -> dict[str, Any]:
    done = place.defer(*words, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = strict(done.stdout)
    Draft202012Validator(json.loads((root / "references" / "waker.schema.json").read_text())).validate(found)
    return found


def test_each_answer_fits_the_schema(at_home: Place, root: Path) -> None:
    assert answer(at_home, root, "waker", "status")["installed"] is False
    assert answer(at_home, root, "cron", "install")["waker"] == "cron"
    added = answer(at_home, root, "waker", "install", "systemd")
    assert [Path(one).name for one in added["files"]] == ["defer.service", "defer.timer"]
    assert any(note.startswith("cron wakes it too: ") for note in added["notes"])
    found = answer(at_home, root, "waker", "status")
    assert (found["wakers"], [one["state"] for one in found["units"]]) == (["cron", "systemd"], ["running"])
    assert answer(at_home, root, "cron", "uninstall")["removed"] == [found["line"]]
    assert answer(at_home, root, "waker", "status")["wakers"] == ["systemd"]
    assert set(answer(at_home, root, "waker", "uninstall")["removed"]) >= set(added["files"])
    assert answer(at_home, root, "waker", "uninstall")["change"] == "unchanged"


def test_what_cannot_be_had_is_one_line_and_leaves_nothing(at_home: Place) -> None:
    (at_home.base / "manager" / "refuses").write_text("show")
    done = at_home.defer("waker", "install", "systemd")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("defer: systemd's manager of this user cannot be reached: Failed to show: no (")
    assert not (at_home.home / ".config" / "systemd").exists()
    wrong = at_home.defer("waker", "install", "upstart")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
