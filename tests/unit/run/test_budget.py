"""A day's budget: once it is used up, the tasks of agents wait until the next day begins, and somebody is told once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from defer import instants
from defer.executors import registry
from defer.notices import outbox
from defer.record import codec, outcome
from defer.record.outcome import Outcome
from defer.run import budget
from defer.settings import budget as days
from defer.store import spent
from defer.store.interface import Spent
from support import NOW, Place, at, text_at, v1_task

if TYPE_CHECKING:
    from defer.record.types import Usage

# 16:45 UTC is 18:45 in Berlin, whose day began at 22:00 UTC the day before, and ends at 22:00.
ZONE = {"DEFER_TIMEZONE": "Europe/Berlin"}
MIDNIGHT = "2026-04-08T22:00:00Z"
DAY = datetime(2026, 4, 7, 22, 0, tzinfo=UTC)


def run(number: int, ended_at: str, cost: float | None = 1.0, tokens: int = 100) -> dict[str, object]:
    usage = {"input_tokens": tokens, "output_tokens": 0, **({} if cost is None else {"cost_usd": cost})}
    executing: Any = {**v1_task("x"), "run": {"run_id": f"run_{number}", "attempt": 1}}
    ended: Any = Outcome("ok", exit_code=0, usage=cast("Usage", usage))
    return {**outcome.run_record(executing, ended, NOW), "ended_at": ended_at}


def filed(place: Place, *runs: dict[str, object], month: str = "202604") -> None:
    (place.runtime / "runs").mkdir(parents=True, exist_ok=True)
    with (place.runtime / "runs" / f"runs_{month}.jsonl").open("a") as file:
        file.writelines(json.dumps(one) + "\n" for one in runs)


@pytest.fixture
def place(place: Place) -> Place:
    """A store with an agent on PATH that reports a dollar for each run."""
    said = {"type": "result", "result": "done", "total_cost_usd": 1.0, "usage": {"input_tokens": 100}}
    program = place.base / "bin" / "claude"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n")
    program.chmod(0o755)
    place.env |= {"PATH": f"{program.parent}:{place.env['PATH']}", **ZONE}
    return place


def tasks(*names: str, **fields: object) -> list[dict[str, object]]:
    return [v1_task(name, **{"executor": "claude", **fields}) for name in names]


@pytest.mark.programs
def test_those_that_would_pass_it_wait_for_the_next_day(place: Place) -> None:
    place.write_store(*tasks("a", "b", "c"), v1_task("d", executor="/bin/true"), v1_task("e", command="true"))
    place.wake_at(NOW, {"DEFER_BUDGET_USD_PER_DAY": "2", "DEFER_MAX_PARALLEL": "1"})
    assert sorted(one["id"] for one in place.archived()) == ["a", "b", "d", "e"]
    held = {"until": MIDNIGHT, "reason": "the day's budget is used up: 2.00 of 2 USD"}
    assert place.task("c")["held"] == held
    assert place.task("c")["status"] == "scheduled"


def test_an_agent_that_is_named_by_its_path_is_one(place: Place) -> None:
    shipped = str(registry.DIRECTORY / "claude")
    link = place.base / "elsewhere" / "claude"
    link.parent.mkdir()
    link.symlink_to(shipped)
    found = [budget.is_agents(v1_task("a", executor=one), place.config()) for one in ("claude", shipped, str(link))]
    assert found == [True, True, True]
    other = place.executor("exit 0")
    assert not budget.is_agents(v1_task("a", executor=other), place.config())


@pytest.mark.parametrize(
    ("zone", "now", "begin", "end"),
    [
        # The clocks go back at one, so that midnight comes twice: the day begins with the first.
        ("America/Havana", "2024-11-03T04:30:00Z", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z"),
        ("America/Havana", "2024-11-03T05:30:00Z", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z"),
        ("America/Havana", "2024-11-03T06:30:00Z", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z"),
        # They go forward at midnight, which does not come.
        ("Asia/Beirut", "2024-03-30T21:59:59Z", "2024-03-29T22:00:00Z", "2024-03-30T22:00:00Z"),
        ("Asia/Beirut", "2024-03-30T22:00:00Z", "2024-03-30T22:00:00Z", "2024-03-31T21:00:00Z"),
        # They go back at midnight: the hour before it comes twice.
        ("Asia/Beirut", "2024-10-26T21:30:00Z", "2024-10-25T21:00:00Z", "2024-10-26T22:00:00Z"),
        ("Europe/Berlin", "2024-10-27T20:00:00Z", "2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z"),
        ("Pacific/Kiritimati", "2026-03-31T10:00:00Z", "2026-03-31T10:00:00Z", "2026-04-01T10:00:00Z"),
    ],
)
def test_a_day_is_one_of_the_calendar(place: Place, zone: str, now: str, begin: str, end: str) -> None:
    config = place.config({"DEFER_TIMEZONE": zone})
    day = days.day(config, instants.from_text(now))
    assert [instants.to_text(one) for one in day] == [begin, end]


ODD: list[Any] = ["2", True, -5, [], {}, 1e308, 10**400, float("nan"), None]


@pytest.mark.parametrize("odd", ODD, ids=lambda one: str(one)[:9])
@pytest.mark.parametrize("name", ["cost_usd", "input_tokens", "output_tokens"])
def test_what_is_not_an_amount_costs_nothing_and_stops_nothing(place: Place, name: str, odd: Any) -> None:
    """In a record that another version, or somebody by hand, has written."""
    total = Spent(1.0, 10).plus([{name: odd}, {"cost_usd": 1, "input_tokens": 5}])
    assert total == Spent(2, 15)


@pytest.mark.programs
def test_a_run_that_is_filed_and_not_yet_out_of_the_store_counts_once(place: Place) -> None:
    """As a wake that was killed in between leaves it."""
    one = cast("Any", run(1, "2026-04-08T16:40:00Z"))
    (place.runtime / "runs").mkdir(parents=True)
    (place.runtime / "runs" / "runs_202604.jsonl").write_bytes(codec.encode(one))
    over = {"status": "completed", "completed_at": "2026-04-08T16:40:00Z", "ended_runs": [one]}
    place.write_store(v1_task("a", **over), *tasks("b", "c"))
    place.wake_at(NOW, {"DEFER_BUDGET_USD_PER_DAY": "1.5", "DEFER_MAX_PARALLEL": "1"})
    assert sorted(one["id"] for one in place.archived()) == ["a", "b"]
    assert place.task("c")["held"]["reason"] == "the day's budget is used up: 2.00 of 1.5 USD"


@pytest.mark.programs
def test_it_runs_when_the_day_has_begun(place: Place) -> None:
    filed(place, run(1, "2026-04-08T16:00:00Z", 2.0))
    place.write_store(*tasks("a"))
    env = {"DEFER_BUDGET_USD_PER_DAY": "2"}
    place.wake_at(NOW, env)
    place.wake_at(datetime(2026, 4, 8, 21, 59, 59, tzinfo=UTC), env)
    assert place.archived() == []
    place.wake_at(datetime(2026, 4, 8, 22, 0, tzinfo=UTC), env)
    assert [one["status"] for one in place.archived()] == ["completed"]


@pytest.mark.programs
def test_somebody_is_told_once_a_day(place: Place) -> None:
    filed(place, run(1, "2026-04-08T16:00:00Z", tokens=5000))
    env = {"DEFER_BUDGET_TOKENS_PER_DAY": "5000"}
    for number in range(3):
        with place.store_path.open("ab") as file:
            file.write(json.dumps(v1_task(f"task-{number}", executor="claude")).encode() + b"\n")
        place.wake_at(at(minutes=number), env)
    (notice,) = outbox.read(place.config().notices_file).notices.values()
    said = "The day's budget is used up: 5,000 of 5,000 tokens; tasks of agents wait until 2026-04-09 00:00 CEST"
    assert (notice["id"], notice["event"], notice["summary"]) == ("budget", "attention", said)


@pytest.mark.programs
def test_without_one_nothing_is_summed_up(place: Place) -> None:
    filed(place, run(1, "2026-04-08T16:00:00Z", 2000.0))
    place.write_store(*tasks("a"))
    place.wake_at(NOW)
    assert len(place.archived()) == 1
    assert not (place.runtime / "runs" / ".spent.json").exists()


@pytest.mark.parametrize("written", ["-1", "two", "1e99"])
def test_one_that_is_not_an_amount_is_refused(place: Place, written: str) -> None:
    place.write_store(*tasks("a"))
    done = place.run("run-deferred.sh", env={"DEFER_BUDGET_USD_PER_DAY": written})
    assert done.returncode == 2
    assert "DEFER_BUDGET_USD_PER_DAY must be a number from 0" in done.stderr


class TestTheSum:
    def test_is_of_the_day_alone(self, place: Place) -> None:
        filed(place, run(1, "2026-04-07T21:59:59Z"), run(2, "2026-04-07T22:00:00Z", 2.0), run(3, text_at(), 4.0))
        assert spent.filed(place.runtime / "runs", DAY) == Spent(6.0, 200)

    def test_goes_on_from_where_it_was(self, place: Place) -> None:
        filed(place, run(1, text_at()))
        assert spent.filed(place.runtime / "runs", DAY).cost_usd == 1
        whole = place.runtime / "runs" / "runs_202604.jsonl"
        # What was read already is not read again: it may say what it likes.
        whole.write_text(whole.read_text().replace("1.0", "9.0"))
        filed(place, run(2, text_at(), 0.5), run(3, text_at(), None))
        assert spent.filed(place.runtime / "runs", DAY) == Spent(1.5, 300)

    def test_begins_anew_on_another_day(self, place: Place) -> None:
        filed(place, run(1, text_at()))
        assert spent.filed(place.runtime / "runs", DAY).cost_usd == 1
        assert spent.filed(place.runtime / "runs", DAY + timedelta(days=1)).cost_usd == 0

    def test_spans_two_months(self, place: Place) -> None:
        begin = datetime(2026, 4, 30, 22, 0, tzinfo=UTC)
        filed(place, run(1, "2026-04-30T23:00:00Z"))
        filed(place, run(2, "2026-05-01T01:00:00Z"), month="202605")
        assert spent.filed(place.runtime / "runs", begin).cost_usd == 2
        assert spent.filed(place.runtime / "runs", begin).cost_usd == 2

    @pytest.mark.parametrize(
        "cache",
        [
            b"",
            b"[]",
            b"{}",
            b"\xff",
            b"[" * 100_000,
            b'{"since":"2026-04-07T22:00:00Z","sizes":{"runs_202604.jsonl":1e9}}',
        ],
    )
    def test_a_cache_that_cannot_be_read_is_made_anew(self, place: Place, cache: bytes) -> None:
        filed(place, run(1, text_at()))
        (place.runtime / "runs" / ".spent.json").write_bytes(cache)
        assert spent.filed(place.runtime / "runs", DAY).cost_usd == 1
        assert json.loads((place.runtime / "runs" / ".spent.json").read_text())["cost_usd"] == 1

    def test_one_of_a_file_that_has_shrunk_is_made_anew(self, place: Place) -> None:
        filed(place, run(1, text_at()), run(2, text_at()))
        assert spent.filed(place.runtime / "runs", DAY).cost_usd == 2
        (place.runtime / "runs" / "runs_202604.jsonl").unlink()
        filed(place, run(3, text_at(), 5.0))
        assert spent.filed(place.runtime / "runs", DAY).cost_usd == 5

    def test_lines_that_are_no_runs_cost_nothing(self, place: Place) -> None:
        month = place.runtime / "runs" / "runs_202604.jsonl"
        month.parent.mkdir(parents=True)
        month.write_bytes(b"x\n\n" + json.dumps(run(1, text_at())).encode() + b"\n{")
        assert spent.filed(month.parent, DAY).cost_usd == 1
        month.unlink()
