"""The wake's markers: what they say after each step, and what the shell makes of them."""

import errno
import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from defer import fsio, instants
from defer.record import codec
from defer.store.markers import HORIZON, Markers
from support import until, v1_task

pytestmark = pytest.mark.programs


def mtime(path) -> int:
    return path.stat().st_mtime_ns


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class TestDue:
    def test_a_task_of_later_puts_it_there_and_no_further_than_the_horizon(self, place):
        moment = now()
        for ahead, wanted in ((timedelta(minutes=5), timedelta(minutes=5)), (timedelta(days=30), HORIZON)):
            place.store_path.unlink(missing_ok=True)
            place.store().append([v1_task("a", run_at=instants.to_text(moment + ahead))], moment)
            assert mtime(place.runtime / ".deferred.jsonl.due2") == int((moment + wanted).timestamp()) * 10**9

    def test_an_earlier_task_brings_it_forward_and_a_later_one_leaves_it(self, place):
        moment = now()
        due = place.runtime / ".deferred.jsonl.due2"
        for number, (ahead, wanted) in enumerate([(10, 10), (5, 5), (12, 5)]):
            run_at = instants.to_text(moment + timedelta(minutes=ahead))
            place.store().append([v1_task(f"t{number}", run_at=run_at)], moment)
            assert mtime(due) == int((moment + timedelta(minutes=wanted)).timestamp()) * 10**9

    @pytest.mark.parametrize("fields", [{"status": "executing", "attempts": 1}, {"status": "failed"}])
    def test_what_is_executing_or_unfiled_puts_it_in_the_past(self, place, fields):
        moment = now()
        place.store().append([v1_task("a", run_at=instants.to_text(moment + timedelta(days=1)))], moment)
        place.store().update("a", moment, lambda one: {**one, **fields})
        assert mtime(place.runtime / ".deferred.jsonl.due2") == 0
        place.own_records = False

    def test_is_moved_before_the_line_is_written(self, place, monkeypatch):
        moment = now()
        place.store().append([v1_task("a", run_at=instants.to_text(moment + timedelta(minutes=10)))], moment)

        def die(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr("defer.fsio.append", die)
        with pytest.raises(KeyboardInterrupt):
            place.store().append([v1_task("b", run_at=instants.to_text(moment))], moment)
        assert mtime(place.runtime / ".deferred.jsonl.due2") == int(moment.timestamp()) * 10**9


class TestSeen:
    def test_our_own_writes_keep_it_and_a_foreign_one_does_not(self, place):
        place.schedule("1h")
        until(lambda: place.wake() and Markers(place.store_path).unchanged_since_seen())
        place.schedule("2h")
        assert Markers(place.store_path).unchanged_since_seen()
        os.utime(place.store_path, (1, 1))
        assert not Markers(place.store_path).unchanged_since_seen()
        place.schedule("3h")
        assert not Markers(place.store_path).unchanged_since_seen()


class TestHeartbeatAndTrouble:
    def test_a_beat_makes_the_directory_and_moves_the_time(self, place):
        markers = Markers(place.store_path)
        assert markers.last_wake() is None
        markers.beat()
        os.utime(markers.heartbeat, (0, 0))
        markers.beat()
        assert abs((markers.last_wake() - datetime.now(UTC)).total_seconds()) < 600

    def test_trouble_is_one_bounded_line_until_it_is_over(self, place):
        place.runtime.mkdir()
        markers = Markers(place.store_path)
        assert markers.last_trouble() is None
        markers.set_trouble(datetime(2026, 4, 8, tzinfo=UTC), "no\nspace \udcff" + "x" * 9000)
        assert markers.last_trouble().startswith("2026-04-08T00:00:00Z no space ?xxx")
        assert len(markers.last_trouble()) < 4096
        markers.clear_trouble()
        assert markers.last_trouble() is None

    def test_trouble_for_whose_reason_there_is_no_room_is_trouble(self, place, monkeypatch):
        def full(*_args, **_options):
            raise OSError(errno.ENOSPC, "No space left on device")

        place.runtime.mkdir()
        markers = Markers(place.store_path)
        monkeypatch.setattr(fsio, "replace", full)
        markers.set_trouble(now(), "No space left on device")
        assert markers.last_trouble() == "there was no room to note why: is the disk full? (df -h)"
        markers.clear_trouble()
        assert markers.last_trouble() is None


class TestShell:
    """`run-deferred.sh` trusts nothing that is not as the protocol leaves it: Python then runs, and sees a due task."""

    @pytest.fixture
    def sleeping(self, place):
        """A store with a due task that the markers deny."""
        place.schedule("1h", "s", "--id", "later")
        until(lambda: place.wake() and Markers(place.store_path).unchanged_since_seen())
        before = mtime(place.store_path)
        with place.store_path.open("ab") as file:
            file.write(codec.encode(v1_task("due")))
        os.utime(place.store_path, ns=(before, before))
        future = time.time() + 600
        os.utime(place.runtime / ".deferred.jsonl.due2", (future, future))
        place.own_records = False
        return place

    def test_sleeps_while_all_is_as_it_should_be(self, sleeping):
        sleeping.wake()
        assert sleeping.archived() == []

    @pytest.mark.parametrize("marker", ["due2", "seen2", "heartbeat"])
    @pytest.mark.parametrize("fault", ["missing", "linked"])
    def test_wakes_when_a_marker_is_missing_or_a_link(self, sleeping, marker, fault):
        path = sleeping.runtime / f".deferred.jsonl.{marker}"
        path.unlink()
        if fault == "linked":
            path.symlink_to(sleeping.base / "nowhere")
        sleeping.run("run-deferred.sh")
        assert [one["id"] for one in sleeping.archived()] == ["due"]

    @pytest.mark.parametrize("ahead", [-1, 1])
    def test_wakes_when_the_store_is_newer_or_older_than_when_it_was_seen(self, sleeping, ahead):
        seconds = sleeping.store_path.stat().st_mtime + ahead
        os.utime(sleeping.store_path, (seconds, seconds))
        sleeping.wake()
        assert [one["id"] for one in sleeping.archived()] == ["due"]

    def test_wakes_when_it_is_time(self, sleeping):
        os.utime(sleeping.runtime / ".deferred.jsonl.due2", (1, 1))
        sleeping.wake()
        assert [one["id"] for one in sleeping.archived()] == ["due"]

    def test_never_empties_what_is_no_heartbeat_of_ours(self, sleeping):
        heartbeat = sleeping.runtime / ".deferred.jsonl.heartbeat"
        heartbeat.write_text("precious")
        sleeping.run("run-deferred.sh", "--help")
        assert heartbeat.read_text() == "precious"

    @pytest.mark.parametrize("words", [["--json"], ["--once", "--json"]])
    def test_wakes_when_asked_for_a_summary(self, sleeping, words):
        assert '"completed":1' in sleeping.wake(*words).stdout
