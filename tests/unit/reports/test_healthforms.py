"""What `health` prints for other programs, read back by them or held to what they document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families

from defer import instants
from defer.reports import healthforms
from defer.reports.findings import RULES, Finding
from defer.reports.habits import Totals
from defer.reports.health import Health
from defer.reports.waiting import Scene
from support import NOW, Place, at, strict

HOSTILE = 'a"b\\c\nd|e`f`*g*[h](javascript:i)<b>@everyone</b>\x1b[2J\u202e#'
EMOJI = "🧑\u200d🚀" * 400


def health(*findings: Finding, **fields: Any) -> Health:
    scene = Scene(NOW, fields.pop("last_wake", NOW), None, None, 4, [], frozenset())
    window, before, counted = (Totals(at(days=-days), NOW) for days in (1, 2, 8))
    window.outcomes.update(completed=3, failed=1)
    counted.outcomes.update(completed=30, failed=2)
    for taken in (window, counted):
        taken.durations.extend([1000, 2000, 60_000])
    given = {
        "host": "host",
        "scene": scene,
        "tasks": 3,
        "paused": 0,
        "stranded": 0,
        "findings": list(findings),
        "more": 0,
        "acknowledged": {},
        "window": window,
        "before": before,
        "worst": None,
        "successes": {"a": at(hours=-3)},
        "counted": counted,
        **fields,
    }
    return Health(**given)


def finding(task: str = "backup", what: str = "failed: no luck", fix: str = "defer run backup") -> Finding:
    return Finding("failed", task, instants.to_text(NOW), what, {}, fix)


# Prometheus


def metrics(found: Health) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = "".join(f"{line}\n" for line in healthforms.prometheus(found))
    families = list(text_string_to_metric_families(text))
    assert {family.type for family in families} == {"gauge", "counter", "summary"}
    assert all(family.documentation for family in families)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def of(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def test_prometheus_reads_the_metrics_back():
    found = metrics(health(finding()))
    assert found[of("defer_last_wake_timestamp_seconds")] == NOW.timestamp()
    assert found[of("defer_task_last_success_timestamp_seconds", id="a")] == at(hours=-3).timestamp()
    assert found[of("defer_occurrences_total", outcome="completed")] == 30
    assert found[of("defer_occurrences_total", outcome="missed")] == 0
    assert found[of("defer_run_duration_seconds", quantile="0.5")] == 2
    assert found[of("defer_run_duration_seconds", quantile="0.95")] == 60
    assert found[of("defer_run_duration_seconds_sum")] == 63
    assert found[of("defer_run_duration_seconds_count")] == 3
    assert found[of("defer_findings", rule="failed")] == 1
    assert {labels for name, labels in found if name == "defer_findings"} == {
        frozenset({("rule", one)}) for one in RULES
    }


def test_prometheus_reads_any_id_back():
    found = metrics(health(successes={HOSTILE: NOW, "plain": NOW}))
    names = [dict(labels)["id"] for name, labels in found if "last_success" in name]
    assert names[0].startswith('a"b\\c\\nd|e')
    assert "\x1b" not in names[0]
    assert len(names) == 2


def test_prometheus_without_a_wake_and_without_runs():
    found = metrics(health(last_wake=None, successes={}, window=Totals(NOW, NOW), counted=Totals(NOW, NOW)))
    assert of("defer_last_wake_timestamp_seconds") not in found
    assert of("defer_run_duration_seconds", quantile="0.5") not in found
    assert found[of("defer_run_duration_seconds_count")] == 0


# Markdown


def test_markdown_is_a_table_of_what_is_wrong():
    text = "\n".join(healthforms.markdown(health(finding(), more=3)))
    assert text.startswith("# 1 task needs attention\n")
    assert "| backup | failed | failed: no luck | `defer run backup` |" in text
    assert "… and 3 more" in text


def test_nothing_in_markdown_is_obeyed():
    ill = finding(HOSTILE, HOSTILE, f"defer run {HOSTILE}")
    html = MarkdownIt("commonmark").enable("table").render("\n".join(healthforms.markdown(health(ill))))
    assert html.count("<tr>") == 2
    assert html.count("<td>") == 4
    assert not [mark for mark in ("<b>", "<a ", "<em>", "\x1b") if mark in html]


# Discord: https://discord.com/developers/docs/resources/message#embed-object-embed-limits


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def held_to_limits(payload: dict[str, Any]) -> dict[str, Any]:
    assert json.loads(json.dumps(payload)) == payload
    assert len(payload["embeds"]) == 1
    embed: dict[str, Any] = payload["embeds"][0]
    fields = embed.get("fields", [])
    texts = [embed["title"], embed["description"], embed["footer"]["text"]]
    texts += [text for one in fields for text in (one["name"], one["value"])]
    assert all(texts)
    for text, most in zip(texts[:3], (256, 4096, 2048), strict=True):
        assert units(text) <= most
    assert len(fields) <= 25
    for one in fields:
        assert units(one["name"]) <= 256
        assert units(one["value"]) <= 1024
    assert sum(map(units, texts)) <= 6000
    assert payload["allowed_mentions"] == {"parse": []}
    return embed


def test_discord_has_host_time_and_the_window_before_in_its_footer():
    embed = held_to_limits(healthforms.discord(health(finding())))
    assert embed["footer"]["text"] == "host · 2026-04-08T16:45:00Z · before: nothing ran"
    assert embed["fields"] == [{"name": "failed: backup", "value": "failed: no luck\n`defer run backup`"}]
    assert embed["timestamp"] == "2026-04-08T16:45:00Z"


@pytest.mark.parametrize(
    "text", ["x" * 5000, EMOJI, HOSTILE * 40, "`" * 3000, ""], ids=["long", "emoji", "hostile", "ticks", "none"]
)
@pytest.mark.parametrize("many", [0, 1, 25, 400])
def test_discord_keeps_to_its_limits(text, many):
    ill = [finding(f"{number}{text}", text, f"defer run {text}") for number in range(many)]
    embed = held_to_limits(healthforms.discord(health(*ill, host=text, more=10**6)))
    shown = len(embed.get("fields", []))
    assert f"and {many - shown + 10**6:,} more" in embed["description"]


def test_discord_says_that_all_is_well():
    embed = held_to_limits(healthforms.discord(health()))
    assert (embed["title"], "fields" in embed) == ("All is well", False)


def test_discord_says_that_nothing_wakes_the_store():
    embed = held_to_limits(healthforms.discord(health(last_wake=None, stranded=1)))
    assert embed["title"] == "Nothing wakes the store; the last wake: never"


def test_a_wake_that_could_not_do_its_work_is_said_in_each_form():
    ill = health()
    ill = ill._replace(scene=ill.scene._replace(trouble="no room"))
    said = "The last wake could not do its work: no room"
    embed = held_to_limits(healthforms.discord(ill))
    assert embed["title"] == said
    assert said in embed["description"]
    assert f"**{said}**" in healthforms.markdown(ill)
    assert healthforms.letter(ill)[0] == said


def test_what_a_person_knows_of_is_not_called_well():
    assert healthforms.headline(health(acknowledged={"a": "no luck"})) == "Nothing but what is known needs attention"


# As commands


@pytest.mark.programs
@pytest.mark.parametrize("form", ["prometheus", "markdown", "discord"])
def test_each_form_is_printed(place: Place, form: str) -> None:
    place.schedule("now", "x", "--id", "ill", "--executor", place.executor("exit 1"))
    place.wake()
    done = place.defer("health", "--format", form)
    assert (done.returncode, done.stderr) == (1, "")
    if form == "prometheus":
        (failed,) = [line for line in done.stdout.splitlines() if 'total{outcome="failed"}' in line]
        assert failed.endswith(" 1")
        assert list(text_string_to_metric_families(done.stdout))
    elif form == "discord":
        held_to_limits(strict(done.stdout))
    else:
        assert "| ill | failed |" in done.stdout


@pytest.mark.programs
def test_a_form_excludes_the_others(place: Place) -> None:
    done = place.defer("health", "--format", "discord", "--table")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
