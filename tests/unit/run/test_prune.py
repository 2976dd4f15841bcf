"""Removing what is old: which logs, prompts and months go, which stay, and what is noted of it."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from defer.client import Client
from defer.errors import StorageError
from defer.notices import outbox
from defer.reports import recordfiles
from defer.run import prune
from defer.store import kept
from defer.store.audit import AuditLog
from support import NOW, Place, at, moment, strict, text_at, v1_task

if TYPE_CHECKING:
    from defer.notices.events import Notice

pytestmark = pytest.mark.thorough

NINETY_DAYS = timedelta(days=90)


def prune_at(place: Place, now: datetime, older: timedelta = NINETY_DAYS, **how: bool) -> prune.Removed:
    return prune.prune(place.store(), place.config(), AuditLog(place.log_path), now, older, **how)


def run_at(place: Place, now: datetime, task_id: str, *, prints: bool = True) -> None:
    """A task that has run at that moment, and the time of its prompt."""
    place.store().append([v1_task(task_id, created_at="2026-04-01T00:00:00Z", notify="never")], now)
    place.wake_at(now, {"DEFER_EXECUTOR": place.executor("echo done" if prints else "cat >/dev/null")})
    os.utime(place.logs / f"{task_id}.prompt.txt", (now.timestamp(), now.timestamp()))


def names(place: Place) -> set[str]:
    """What of attempts is there, by task; prompts, and months."""
    logs = {path.parent.name for path in place.files() if path.suffix == ".log" and path != place.log_path}
    return {*logs, *(path.name for path in place.files() if path.name.endswith((".prompt.txt", ".jsonl")))}


@pytest.fixture
def seasons(place: Place) -> Place:
    """Tasks that ran on 8 April, 8 May and 8 June."""
    for days, name in ((0, "april"), (30, "may"), (61, "june")):
        run_at(place, at(days=days), name)
    return place


def test_logs_go_by_their_day_and_records_by_whole_months(seasons: Place) -> None:
    removed = prune_at(seasons, at(days=130))
    assert (removed.logs_before, removed.records_before) == (at(days=40), moment("2026-05-01T00:00:00Z"))
    assert (sorted(removed.months), removed.logs, removed.prompts) == (
        ["archive/deferred_202604.jsonl", "runs/runs_202604.jsonl"], 2, 2,
    )  # fmt: skip
    assert names(seasons) == {
        *("june", "june.prompt.txt", "deferred.jsonl"),
        *("deferred_202605.jsonl", "deferred_202606.jsonl", "runs_202605.jsonl", "runs_202606.jsonl"),
    }
    assert [path.name for path in (seasons.logs / "attempts").iterdir()] == ["june"]
    assert [run.task_id for run in seasons.store().runs()] == ["june", "may"]


def test_a_dry_run_says_the_same_and_removes_nothing(seasons: Place) -> None:
    before = {path: path.stat().st_mtime_ns for path in seasons.files()}
    sizes = {path.name: path.stat().st_size for path in before if path.is_file()}
    told = prune_at(seasons, at(days=130), dry_run=True)
    assert {path: path.stat().st_mtime_ns for path in seasons.files()} == before
    months = sizes["deferred_202604.jsonl"] + sizes["runs_202604.jsonl"]
    assert told.bytes == months + 2 * len("done\n") + sizes["april.prompt.txt"] + sizes["may.prompt.txt"]
    assert told == prune_at(seasons, at(days=130))


def test_the_checker_does_not_miss_what_was_removed(seasons: Place) -> None:
    prune_at(seasons, at(days=130))
    report = recordfiles.history(seasons.store(), seasons.config()).report()
    assert (report.contradictions, report.runs, report.logs, report.unlogged, report.pruned) == ([], 2, 1, 0, 1)


def test_the_second_time_there_is_nothing_left(seasons: Place) -> None:
    prune_at(seasons, at(days=130))
    again = prune_at(seasons, at(days=130))
    assert (again.months, again.logs, again.prompts, again.bytes) == ({}, 0, 0, 0)


def test_all_of_it_is_told_to_the_audit_log_in_one_line(seasons: Place) -> None:
    prune_at(seasons, at(days=130))
    prune_at(seasons, at(days=130))
    assert seasons.audit("pruned") == [
        f"{text_at(days=130)} pruned older_than={text_at(days=40)} months=2 logs=2 prompts=2"
    ]


def test_an_attempt_under_way_keeps_its_log_and_its_prompt(place: Place) -> None:
    run = {"run_id": "run_20260408T164500Z_62b8af28d0", "attempt": 1}
    place.write_store(v1_task("long", status="executing", attempts=1, run=run, started_at=text_at()))
    directory = place.logs / "attempts" / "long"
    directory.mkdir(parents=True)
    for name in (run["run_id"], "run_20260407T164500Z_0000000000"):
        (directory / f"{name}.log").write_text("x")
    prompt = place.logs / "long.prompt.txt"
    prompt.write_text("p")
    os.utime(prompt, (NOW.timestamp(), NOW.timestamp()))
    removed = prune_at(place, at(days=400))
    assert (removed.logs, removed.prompts) == (1, 0)
    assert [path.name for path in directory.iterdir()] == [f"{run['run_id']}.log"]
    assert prompt.exists()


def test_what_an_unread_notice_leads_to_stays_until_it_is_read(seasons: Place) -> None:
    file = seasons.config().notices_file
    (run,) = (run for run in seasons.store().runs() if run.task_id == "may")
    told = {"key": "0123456789abcdef", "event": "failed", "id": "may", "outcome": "failed", "at": text_at(days=30)}
    outbox.add(file, [cast("Notice", {**told, "log": run.log, "inbox": True, "to": []})], at(days=30))
    removed = prune_at(seasons, at(days=59), timedelta(days=3))
    assert (removed.records_before, removed.logs) == (moment("2026-05-01T00:00:00Z"), 1)
    assert {"may", "may.prompt.txt", "deferred_202605.jsonl", "runs_202605.jsonl"} <= names(seasons)
    outbox.mark_read(file, [told["key"]], at(days=59))
    prune_at(seasons, at(days=59), timedelta(days=3))
    assert not {"may", "may.prompt.txt", "deferred_202605.jsonl", "runs_202605.jsonl"} & names(seasons)


def test_a_notice_that_the_outbox_is_about_to_drop_holds_nothing(seasons: Place) -> None:
    file = seasons.config().notices_file
    told = {"key": "0123456789abcdef", "event": "failed", "id": "april", "outcome": "failed", "at": text_at()}
    outbox.add(file, [cast("Notice", {**told, "inbox": True, "to": []})], NOW)
    prune_at(seasons, at(days=130))
    assert "april.prompt.txt" not in names(seasons)


def test_a_task_that_waits_keeps_its_prompt_and_its_directory(place: Place) -> None:
    run_at(place, NOW, "job")
    place.store().append([v1_task("job", run_at=text_at(days=500))], at(days=1))
    removed = prune_at(place, at(days=400))
    assert (removed.logs, removed.prompts) == (1, 0)
    assert (place.logs / "job.prompt.txt").exists()
    assert (place.logs / "attempts" / "job").exists()


@pytest.mark.parametrize("name", ["notes.log", "run_20260408T164500Z_62b8.log.bak", "run_2026_x.log", "run_.log", "x"])
def test_files_that_are_not_ours_stay(place: Place, name: str) -> None:
    run_at(place, NOW, "job")
    theirs = place.logs / "attempts" / "job" / name
    theirs.write_text("theirs")
    os.utime(theirs, (0, 0))
    assert prune_at(place, at(days=400)).logs == 1
    assert theirs.read_text() == "theirs"


def test_a_link_in_place_of_a_directory_is_not_followed(place: Place, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "run_20260408T164500Z_62b8af28d0.log").write_text("theirs")
    (place.logs / "attempts").mkdir(parents=True)
    os.symlink(theirs, place.logs / "attempts" / "job")
    assert prune_at(place, at(days=400)).logs == 0
    assert [path.read_text() for path in theirs.iterdir()] == ["theirs"]


def test_a_link_that_an_executor_put_in_place_of_a_log_is_removed_alone(place: Place, tmp_path: Path) -> None:
    run_at(place, NOW, "job")
    (log,) = (place.logs / "attempts" / "job").iterdir()
    (tmp_path / "theirs").write_text("theirs")
    log.unlink()
    os.symlink(tmp_path / "theirs", log)
    assert prune_at(place, at(days=400)).logs == 1
    assert (log.is_symlink(), (tmp_path / "theirs").read_text()) == (False, "theirs")


def test_it_is_noted_before_anything_is_removed(seasons: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        note = strict((seasons.runtime / "runs" / "kept.json").read_text())
        assert note == {"records": "2026-05-01T00:00:00Z", "logs": text_at(days=40), "pruned": text_at(days=130)}
        raise OSError(5, "Input/output error")

    before = names(seasons)
    with monkeypatch.context() as patch:
        patch.setattr(kept, "remove", fail)
        with pytest.raises(StorageError):
            prune_at(seasons, at(days=130))
    assert names(seasons) == before
    assert [run.task_id for run in seasons.store().runs()] == ["june", "may"]
    assert prune_at(seasons, at(days=130)).logs == 2


def test_an_empty_place_stays_empty(place: Place) -> None:
    assert prune_at(place, NOW).as_json() == {
        "logs_before": text_at(days=-90), "records_before": "2026-01-01T00:00:00Z",
        "months": {}, "logs": 0, "prompts": 0, "bytes": 0,
    }  # fmt: skip
    assert not place.runtime.exists()


def test_an_age_beyond_all_clocks_removes_nothing(seasons: Place) -> None:
    removed = prune_at(seasons, at(days=130), timedelta(days=36_500_000))
    assert (removed.logs, removed.logs_before) == (0, moment("1970-01-01T00:00:00Z"))


class TestDaily:
    def daily(self, place: Place, now: datetime, days: str = "90") -> None:
        config = place.config({"DEFER_KEEP_DAYS": days})
        prune.daily(place.store(), config, AuditLog(place.log_path), now, lambda: True)

    def test_without_the_setting_everything_is_kept(self, seasons: Place) -> None:
        before = names(seasons)
        self.daily(seasons, at(days=4000), "")
        assert names(seasons) == before

    def test_it_is_done_once_a_day(self, seasons: Place) -> None:
        self.daily(seasons, at(days=91))
        assert "may" in names(seasons)
        assert "april" not in names(seasons)
        self.daily(seasons, at(days=91, hours=23))
        assert seasons.store().kept_since().pruned == at(days=91)
        self.daily(seasons, at(days=92))
        assert seasons.store().kept_since().pruned == at(days=92)

    def test_so_many_days_that_no_clock_counts_them_are_for_ever(self, seasons: Place) -> None:
        before = names(seasons)
        self.daily(seasons, at(days=4000), "1000000000")
        assert names(seasons) == before

    def test_a_clock_that_is_ahead_has_a_day_to_be_set_right(self, seasons: Place) -> None:
        self.daily(seasons, at(days=61))
        before = names(seasons)
        self.daily(seasons, at(days=4000))
        assert names(seasons) == before
        self.daily(seasons, at(days=61, hours=1))
        assert (names(seasons), seasons.store().kept_since().pruned) == (before, at(days=61, hours=1))
        self.daily(seasons, at(days=91))
        self.daily(seasons, at(days=92))
        assert "april" not in names(seasons)

    def test_what_a_stop_has_left_is_removed_the_next_time(self, seasons: Place) -> None:
        config = seasons.config({"DEFER_KEEP_DAYS": "90"})
        prune.daily(seasons.store(), config, AuditLog(seasons.log_path), at(days=130), lambda: False)
        assert {"april", "may"} <= names(seasons)
        self.daily(seasons, at(days=132))
        assert not {"april", "may"} & names(seasons)


class TestWhoAsksForWhatIsGone:
    """Two logs of one day: one was pruned, and the other one somebody removed by hand."""

    @pytest.fixture
    def gone(self, place: Place) -> Client:
        run_at(place, NOW, "pruned")
        run_at(place, at(hours=2), "lost")
        prune_at(place, at(hours=3), timedelta(hours=2))
        (place.logs / "attempts" / "lost").rename(place.base / "taken away")
        return Client(place.env, clock=lambda: at(hours=3))

    def test_health_misses_the_one_that_nobody_pruned(self, gone: Client) -> None:
        found = gone.health(at(hours=-1)).findings
        assert [(one.id, one.task) for one in found if one.id == "unlogged"] == [("unlogged", "lost")]

    def test_so_does_the_checker(self, gone: Client) -> None:
        report = recordfiles.history(gone.store, gone.config).report()
        assert [(one.kind, one.id) for one in report.contradictions] == [("log-gone", "lost")]
        assert (report.unlogged, report.pruned) == (1, 1)

    @pytest.mark.programs
    @pytest.mark.usefixtures("gone")
    def test_log_says_which_of_both_it_was(self, place: Place) -> None:
        said = [place.defer("log", name).stderr for name in ("pruned", "lost")]
        assert "was pruned with all before 2026-04-08T17:45:00Z" in said[0]
        assert "is gone" in said[1]

    def test_history_still_has_both(self, gone: Client) -> None:
        assert [run.task_id for run in gone.runs()] == ["lost", "pruned"]
