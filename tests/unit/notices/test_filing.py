"""The notices of records as they are filed."""

from __future__ import annotations

from typing import Any

import pytest

from defer.notices import filing, outbox, places
from defer.notices.places import Places
from support import NOW, Place, text_at

KEY_VALUE = "tok-5f2d81c07a"


def ended(task_id: str = "a", status: str = "failed", **fields: Any) -> Any:
    reason = fields.get("error")
    last = {"outcome": status, "at": text_at(), "reason": reason, "failures": int(status == "failed")}
    return {
        "id": task_id,
        "run_at": text_at(),
        "created_at": text_at(hours=-1),
        "context": {"summary": f"fetch with {KEY_VALUE}"},
        "status": status,
        f"{status}_at": text_at(),
        "last": {**last, **({"since": text_at()} if status == "failed" else {})},
        **fields,
    }


def noted(place: Place, *records: Any, where: Places | None = None, settings: dict[str, str] | None = None) -> Any:
    config = place.config(settings=settings)
    filing.note(list(records), config, where or places.of(config), NOW)
    return [*outbox.read(config.notices_file).notices.values()]


def test_no_text_of_a_notice_holds_a_secret(place: Place) -> None:
    said = f"denied for {KEY_VALUE}"
    record = ended(error=said, result={"output": f"{said}\n{said}"})
    (one,) = noted(place, record, settings={"API_TOKEN": KEY_VALUE})
    assert KEY_VALUE not in str({name: value for name, value in one.items() if name != "signature"})
    assert (one["summary"], one["error"]) == ("fetch with [masked]", "denied for [masked]")


def test_what_was_noted_before_is_not_noted_again(place: Place) -> None:
    assert len(noted(place, ended("a"), ended("b"))) == 2
    size = place.config().notices_file.stat().st_size
    assert len(noted(place, ended("a"), ended("b"))) == 2
    assert place.config().notices_file.stat().st_size == size
    assert [one["id"] for one in noted(place, ended("b"), ended("c"))] == ["a", "b", "c"]


def test_of_commands_that_went_well_nothing_is_even_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "read", lambda file: pytest.fail("the outbox was read"))
    filing.note([ended("a", "completed", command="true")] * 3, place.config(), Places(), NOW)
    assert not place.config().notices_file.exists()


def test_what_is_loud_goes_to_the_channels(place: Place) -> None:
    quiet = ended("quiet", "completed", result={"output": "done"})
    found = noted(place, ended("loud"), quiet, where=Places(("ntfy://ntfy.sh/…",), in_inbox=False))
    assert [(one["id"], one["to"], one["inbox"]) for one in found] == [
        ("loud", ["ntfy://ntfy.sh/…"], False),
        ("quiet", [], True),
    ]


def test_a_reminder_goes_where_its_record_says_it_was_told(place: Place) -> None:
    reminder = ended("r", "completed", result={"type": "prompt_prepared", "told": ["inbox", "desktop"]})
    (one,) = noted(place, reminder, where=Places(("https://example.org/…",), in_inbox=False))
    assert (one["to"], one["inbox"], one["reminder"]) == (["desktop"], True, True)


def test_a_reminder_of_an_older_version_goes_to_the_channels(place: Place) -> None:
    reminder = ended("r", "completed", result={"type": "prompt_prepared"})
    (one,) = noted(place, reminder, where=Places(("https://example.org/…",), in_inbox=False))
    assert one["to"] == ["https://example.org/…"]


@pytest.mark.parametrize(
    ("written", "labels", "in_inbox"),
    [
        ("", (), True),
        ("inbox", (), True),
        ("desktop", ("desktop",), False),
        ("inbox;desktop", ("desktop",), True),
        ("inbox;nonsense", (), True),
        ("nonsense", (), True),
        ("command:/bin/true ; desktop", ("command:/bin/true", "desktop"), False),
    ],
)
def test_the_setting_says_where_notices_go(place: Place, written: str, labels: tuple[str, ...], in_inbox: bool) -> None:
    assert places.of(place.config({"DEFER_NOTIFY": written})) == Places(labels, in_inbox)


def test_places_in_words() -> None:
    assert places.said(["inbox"]) == "in your inbox"
    assert places.said(["inbox", "desktop"]) == "in your inbox, and on the desktop"
    assert places.said(["inbox", "desktop", "ntfy://x/…"]) == "in your inbox, on the desktop, and by ntfy://x/…"


def test_a_reminder_appears_on_the_desktop_where_nothing_is_set_and_there_is_one(place: Place) -> None:
    program = place.base / "notify-send"
    program.write_text("#!/bin/sh\n")
    bus = {"PATH": str(place.base), "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere", "DEFER_NOTIFY": ""}
    assert places.of_reminder(place.config(bus)) == ["inbox"]
    asked_for = place.config({**bus, "DEFER_NOTIFY": "desktop"})
    assert (places.of_reminder(asked_for), places.foreseen(asked_for)) == (["inbox", "desktop"], ["inbox"])
    program.chmod(0o755)
    assert places.of_reminder(place.config(bus)) == places.foreseen(asked_for) == ["inbox", "desktop"]
    assert places.of_reminder(place.config({**bus, "DEFER_NOTIFY": "inbox"})) == ["inbox"]


def test_a_reminder_is_foreseen_in_no_place_to_which_nothing_can_be_sent(place: Place) -> None:
    gone = place.config({"DEFER_NOTIFY": f"command:{place.base}/gone;command:/bin/cat;ntfy://ntfy.sh/topic"})
    assert places.foreseen(gone) == ["inbox", "command:/bin/cat", "ntfy://ntfy.sh/…"]


def test_a_copy_of_what_somebody_knows_of_is_not_told_again(place: Place) -> None:
    outbox.acknowledge(place.config().notices_file, "a", text_at(), "no such host", NOW)
    again = ended("c1", error="no such host", copy_of="a")
    assert noted(place, again) == []
    assert [one["id"] for one in noted(place, ended("c2", error="disk full", copy_of="a"))] == ["c2"]


def test_a_success_ends_what_is_known_of_a_task_also_that_of_a_copy(place: Place) -> None:
    file = place.config().notices_file
    for success in (ended("c", "completed", command="true", copy_of="a"), ended("a", "completed")):
        outbox.acknowledge(file, "a", text_at(), "no such host", NOW)
        filing.note([success], place.config(), Places(), NOW)
        assert outbox.read(file).acks == {}
    told = noted(place, ended("later", error="no such host", copy_of="a"))
    assert "later" in [one["id"] for one in told]
