"""A week of a household: what ran is what was to run, and each command says of it what happened."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

import household
from household import House, Said

pytestmark = [pytest.mark.programs, pytest.mark.slow]


HEALTH, INBOX, HISTORY = "health --since 7d --compact", "inbox --peek --compact", "history --limit 1000 --compact"
LIST, STATUS, DOCTOR = "list --compact", "status --compact", "doctor --compact"
IN_JSON = (HEALTH, INBOX, HISTORY, LIST, STATUS, DOCTOR)


class Lived(NamedTuple):
    """The house, and what each command said of it before and after the mishaps of Monday morning."""

    house: House
    before: dict[str, Said]
    after: dict[str, Said]
    page: dict[str, Said]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """The week up to Monday morning, and an hour of mishaps."""
    house = household.week(tmp_path_factory.mktemp("household") / "home")
    before = household.look(house, (*household.SEEN_THROUGH, *IN_JSON))
    household.mess(house)
    after = household.look(house, (*household.SEEN_THROUGH, *IN_JSON))
    house.must("release", "guests")
    with house.in_charge_of_time():
        house.wake()
        page = household.look(house, household.page())
    return Lived(house, before, after, page)


@pytest.fixture
def house(lived: Lived) -> House:
    return lived.house


def records(house: House, folder: str) -> Iterator[dict[str, Any]]:
    for path in sorted((house.base / "runtime" / folder).glob("*.jsonl")):
        yield from map(json.loads, path.read_bytes().splitlines())


def test_each_occurrence_ended_as_it_was_meant_to(house: House) -> None:
    ends = Counter((one["id"], one["status"]) for one in records(house, "archive"))
    assert {one: number for one, number in ends.items() if one[0] in household.TWELVE} == {
        ("backup", "completed"): 8,
        ("bins", "completed"): 1,
        ("call-mum", "completed"): 1,
        ("invoices", "failed"): 1,
        ("mail", "completed"): 6,
        ("news", "completed"): 8,
        ("photos", "failed"): 8,
        ("plants", "completed"): 8,
        ("printer", "completed"): 3,
        ("printer", "failed"): 4,
        ("shopping", "failed"): 1,
        ("solar", "completed"): 88,
        ("solar", "missed"): 1,
        ("vitamins", "completed"): 8,
    }


def test_what_was_missed_in_the_night_off_is_one_record_and_the_latest_ran_late(house: House) -> None:
    (missed,) = (one for one in records(house, "archive") if (one["id"], one["status"]) == ("solar", "missed"))
    assert missed["stretch"] == {"first": "2026-10-21T20:00:00Z", "last": "2026-10-22T02:00:00Z", "count": 4}
    runs = [one for one in records(house, "runs") if one["task_id"] in household.TWELVE]
    late = {one["task_id"]: one["late_by_seconds"] // 60 for one in runs if one["late_by_seconds"] > 300}
    assert late == {"solar": 70, "photos": 491, "backup": 281, "plants": 92, "news": 32, "vitamins": 7}


def test_the_night_off_is_a_gap_of_wakes(lived: Lived) -> None:
    status = json.loads(lived.before[STATUS].out)
    assert status["waker"]["since"] == "2026-10-22T05:10:00Z"
    (gap,) = (one for one in json.loads(lived.before[DOCTOR].out)["findings"] if one["id"] == "wake-gap")
    assert gap["severity"] == "note"
    assert gap["what"].endswith("from 2026-10-21T19:00:00Z to 2026-10-22T05:10:00Z")


def test_status_is_the_morning_on_one_screen(lived: Lived) -> None:
    status = json.loads(lived.before[STATUS].out)
    assert (status["running"], status["unread"]) == ([], 45)
    assert [one["id"] for one in status["next"]] == ["solar", "printer", "photos", "backup", "plants"]
    assert json.loads(lived.after[STATUS].out)["running"][0]["id"] == "guests"


def test_the_hour_that_comes_twice_backs_up_once(house: House) -> None:
    night = [one["occurrence"] for one in records(house, "archive") if one["id"] == "backup"]
    assert night[-3:] == ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]


def test_history_has_each_attempt_and_each_occurrence_that_had_none(lived: Lived) -> None:
    rows = json.loads(lived.after[HISTORY].out)
    found = Counter((one["id"], one["outcome"]) for one in rows if one["id"] in household.TWELVE)
    assert found == {
        ("backup", "ok"): 8,
        ("bins", "ok"): 1,
        ("call-mum", "ok"): 1,
        ("invoices", "failed"): 1,
        ("mail", "failed"): 1,
        ("mail", "ok"): 6,
        ("news", "ok"): 8,
        ("photos", "failed"): 8,
        ("plants", "ok"): 8,
        ("printer", "ok"): 3,
        ("printer", "timeout"): 4,
        ("shopping", "expired"): 1,
        ("solar", "ok"): 88,
        ("solar", "missed"): 1,
        ("vitamins", "ok"): 8,
    }
    (missed,) = (one for one in rows if one["outcome"] == "missed")
    assert (missed["stretch"]["count"], missed["why"]) == (4, "nothing woke the store in time (catch-up: one)")
    starts = [one["started_at"] or one["occurrence"] for one in rows]
    assert starts[0] == "2026-10-26T08:00:00Z"
    assert sum(one["cost_usd"] or 0 for one in rows) == pytest.approx(8 * 0.05 + 6 * 0.13)


def rules(health: dict[str, Any]) -> dict[str, set[str]]:
    """Which tasks each rule found."""
    found: dict[str, set[str]] = {}
    for one in health["findings"]:
        found.setdefault(one["id"], set()).add(one["task"])
    return found


OF_THE_WEEK = {
    "failing": {"photos", "printer"},
    "failed": {"shopping"},
    "blocked": {"invoices"},
    "late": {"photos", "plants", "backup", "news", "vitamins"},
    "slow": {"solar"},
    "empty": {"plants"},
}


def test_each_rule_of_health_finds_what_was_wrong_in_the_week(lived: Lived) -> None:
    assert rules(json.loads(lived.before[HEALTH].out)) == OF_THE_WEEK


def test_and_what_went_wrong_on_monday(lived: Lived) -> None:
    assert rules(json.loads(lived.after[HEALTH].out)) == {
        **OF_THE_WEEK,
        "stuck": {"guests"},
        "overdue": {"dishes"},
        "never-ran": {"door", "heating"},
        "timed-out": {"scan"},
        "unlogged": {"mail"},
    }


def test_health_says_what_is_wrong_and_what_mends_it(lived: Lived) -> None:
    health = json.loads(lived.after[HEALTH].out)
    said = {(one["id"], one["task"]): (one["what"], one["fix"]) for one in health["findings"]}
    failing, fix = said["failing", "photos"]
    assert failing.startswith("has failed 8 times in a row with the same error: executor exited with 1: copy ")
    assert fix == "defer log photos"
    assert "slot" in said["overdue", "dishes"][0]
    assert said["overdue", "dishes"][1] == said["stuck", "guests"][1] == "defer release guests"
    assert "thermostat" in said["never-ran", "heating"][0]
    assert "mail.send" in said["blocked", "invoices"][0]


def test_health_asks_for_attention_and_the_totals_are_those_of_the_week(lived: Lived) -> None:
    assert lived.before["health --since 7d --table"].status == 1
    window = json.loads(lived.before[HEALTH].out)["window"]
    assert (window["runs"], window["failed"]) == (132, 13)
    assert window["cost_usd"] == pytest.approx(0.05 * 7 + 0.13 * 5)


def test_the_inbox_has_reminders_answers_of_agents_and_failures_that_are_news(lived: Lived) -> None:
    box = json.loads(lived.after[INBOX].out)
    told = Counter((one["id"], one["event"]) for one in box["notices"] if one["id"] in household.TWELVE)
    assert told == {
        ("bins", "completed"): 1,
        ("call-mum", "completed"): 1,
        ("invoices", "failed"): 1,
        ("mail", "completed"): 6,
        ("news", "completed"): 8,
        # At once, after an hour, and then only after a day: of the eight, the one of Thursday night is not.
        ("photos", "failed"): 7,
        ("plants", "completed"): 8,
        ("printer", "failed"): 4,
        ("shopping", "expired"): 1,
        ("vitamins", "completed"): 8,
    }


def test_durations_and_limits_go_by_the_clock_of_the_house(house: House) -> None:
    took = {one["task_id"]: one["duration_ms"] // 60_000 for one in records(house, "runs") if one["duration_ms"]}
    assert {name: took[name] for name in ("backup", "mail", "printer")} == {"backup": 21, "mail": 4, "printer": 45}


def test_the_records_do_not_contradict_each_other(lived: Lived) -> None:
    said = lived.before["doctor --records --table"]
    assert (said.out.splitlines()[0], said.status) == (
        "No contradiction in what was recorded, since 18 Oct 2026 20:01.",
        0,
    )


def test_a_log_that_somebody_removed_is_named(lived: Lived) -> None:
    said = lived.after["doctor --records --table"]
    assert said.status == 1
    assert said.out.startswith(
        "log-gone: mail of 2026-10-26T07:30:00Z: attempt 1 had output, and its log is not there:"
    )
    assert "\n1 contradiction in what was recorded" in said.out


def test_another_machine_holds_the_slot_and_what_needs_a_newer_version_waits(lived: Lived) -> None:
    others = [one for one in json.loads(lived.after[LIST].out) if one["id"] not in household.TWELVE]
    assert {one["id"]: one["status"] for one in others} == {
        "guests": "executing",
        "heating": "scheduled",
        "door": "scheduled",
        "dishes": "scheduled",
    }


def test_the_commands_of_observing_md_do_what_it_says(lived: Lived) -> None:
    assert {
        typed for typed, said in lived.page.items() if said.status not in (0, 1) or "Traceback" in said.err
    } == set()
    assert {typed.split()[0]: said.status for typed, said in lived.page.items() if said.status} == {
        "health": 1,
        "doctor": 1,
        "wait": 1,
    }
    said = [one["id"] for one in json.loads(lived.page["history backup --limit 20"].out)]
    assert said == ["backup"] * 8
    assert "is not mounted" in lived.page["log photos"].out


def test_every_command_of_the_transcript_is_understood(lived: Lived) -> None:
    for seen in (lived.before, lived.after):
        told = "".join(household.transcript(lived.house, seen))
        assert "(exit 2)" not in told
        assert "Traceback" not in told
