"""What leaves the machine of a notice: the fields that its reference names, and nothing beside them."""

import json
import re

import pytest

from defer.notices import events, payload
from support import ROOT

SCHEMA = json.loads((ROOT / "references" / "notice.schema.json").read_text())
NOTICE = {name: f"the {name}" for name in (*events.Notice.__annotations__, "secret")}


def test_the_fields_are_those_of_the_schema_and_of_the_reference():
    told = payload.of({**NOTICE, "event": events.PAUSED}, str, with_output=True)
    assert told.keys() == SCHEMA["properties"].keys()
    text = (ROOT / "references" / "notices.md").read_text()
    table = text.partition("## What leaves the machine")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == told.keys()
    assert "output" not in payload.of(NOTICE, str, with_output=False)


def test_the_events_are_those_that_there_are():
    assert SCHEMA["properties"]["event"]["enum"] == [*events.EVENTS, events.BOUNDED, events.ATTENTION, events.WELL]


def test_each_text_is_masked_and_cut_as_the_schema_says():
    long = {**dict.fromkeys(NOTICE, "x" * 5000), "event": events.PAUSED}
    told = payload.of(long, lambda text: text.replace("x", "y"), with_output=True)
    limits = {name: said["maxLength"] for name, said in SCHEMA["properties"].items() if "maxLength" in said}
    assert {name: len(told[name]) for name in limits} == limits
    assert all(set(value) == {"y", "…"} for name, value in told.items() if name not in ("event", "fix"))


def test_odd_values_of_a_file_that_others_wrote_are_survived():
    odd = {"key": ["a"], "event": 7, "id": {"b": None}, "summary": "\x1b[31m\nred", "attempts": True, "failures": 1.5}
    told = payload.of(odd, str, with_output=True)
    assert (told["key"], told["attempts"], told["failures"]) == ('["a"]', True, 1.5)
    assert payload.title(told) == '{"b": null} 7'
    assert payload.body(told) == "\\x1b[31m red"
    assert json.loads(payload.as_json(told)) == told


def test_a_run_by_hand_has_the_name_of_its_task():
    made_up = {"id": "task_20260408_164500_0123456789", "copy_of": "backup", "event": "failed"}
    assert payload.title(made_up) == "backup failed (run by hand)"


@pytest.mark.parametrize("event", events.EVENTS)
def test_every_event_has_its_words(event):
    assert payload.title({"id": "backup", "event": event}) != f"backup {event}" or event == "failed"


def test_who_is_told_of_a_pause_is_told_how_to_end_it_wherever_that_is():
    """Somebody who hears of it by a push message has no inbox at hand that says it."""
    told = payload.of(
        {"id": "it's bad", "event": "paused", "summary": "copy", "error": "disk full"}, str, with_output=False
    )
    assert told["fix"] == "defer resume 'it'\"'\"'s bad'"
    assert payload.body(told).split("\n") == ["copy", "disk full", f"Resume it: {told['fix']}"]
    assert "fix" not in payload.of({"id": "bad", "event": "failed"}, str, with_output=False)
