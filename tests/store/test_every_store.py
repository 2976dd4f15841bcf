"""What every kind of store does. Each test speaks the interface alone: a new kind joins in ``conftest``."""

import json
from datetime import timedelta

import pytest

from defer.errors import BadInput, DeferError, NoSuchTask, Refused
from defer.record import codec, holders, outcome, task
from defer.record.retry import Backoff
from defer.store.interface import Kept
from support import DONE, FAILED, NOW, at, moment, text_at, v1_task

BACKOFF = Backoff(60, 3600)
LATER = "2026-05-01T00:00:00Z"


def waiting(task_id="a", **fields):
    return v1_task(task_id, **{"run_at": LATER, **fields})


def due(task_id="a", **fields):
    return v1_task(task_id, **fields)


def ids(records):
    return {one["id"] for one in records}


def choose_due(known):
    return [task.claim(one, NOW, {"run_id": f"run {one['id']}"}) for one in known if task.is_due(one, NOW)]


def settled(one):
    return outcome.settle(one, DONE, NOW, BACKOFF)


def noted(one):
    return {**one, "x": 1}


def refuse(one):
    raise Refused("no")


def over(store, *names, result=DONE):
    """Tasks that have run and come to an end, and wait to be filed."""
    store.append([due(name) for name in names], NOW)
    store.claim_due(NOW, choose_due)
    for name in names:
        store.update(name, NOW, lambda one: outcome.settle(one, result, NOW, BACKOFF))


class TestAppend:
    def test_what_is_stored_is_found_by_whoever_looks(self, handle):
        assert handle().append([waiting(), waiting("b")], NOW) == [waiting(), waiting("b")]
        assert handle().find("a") == waiting()
        assert handle().find("c") is None
        assert ids(handle().scan()) == {"a", "b"}

    def test_tasks_without_an_id_get_one_each(self, store):
        nameless = {name: value for name, value in waiting().items() if name != "id"}
        stored = store.append([nameless] * 20, NOW)
        assert len(ids(stored)) == 20
        assert ids(store.scan()) == ids(stored)

    def test_a_taken_id_refuses_all_of_them(self, store):
        store.append([waiting()], NOW)
        with pytest.raises(Refused, match="id is taken: a "):
            store.append([waiting("b"), waiting(x=1)], NOW)
        assert list(store.scan()) == [waiting()]

    def test_a_taken_id_may_be_skipped_or_replaced(self, store):
        store.append([waiting()], NOW)
        assert store.append([waiting(x=1)], NOW, "skip") == [waiting()]
        store.append([waiting(x=1)], NOW, "replace")
        assert store.find("a")["x"] == 1
        assert [one["cancel_reason"] for one in store.archive(NOW)] == ["replaced"]
        assert store.find("a") == waiting(x=1)

    @pytest.mark.parametrize("fields", [{"attempts": -1}, {"run_at": "soon"}, {"x": "y" * (1 << 20)}])
    def test_what_cannot_be_stored_is_refused_with_all_beside_it(self, store, fields):
        with pytest.raises(BadInput):
            store.append([waiting("b"), waiting(**fields)], NOW)
        assert list(store.scan()) == []

    def test_fields_that_nobody_knows_stay(self, store):
        odd = waiting(theirs={"deep": [1, None, "ü"], "filed_at": LATER})
        store.append([odd], NOW)
        store.update("a", NOW, noted)
        assert store.find("a") == {**odd, "x": 1}


class TestChange:
    def test_the_last_change_counts_for_everybody(self, handle):
        one, other = handle(), handle()
        one.append([waiting()], NOW)
        one.attention(NOW)
        assert other.update("a", NOW, noted)["x"] == 1
        assert one.update("a", NOW, lambda known: {**known, "y": known["x"] + 1})["y"] == 2
        assert other.find("a") == waiting(x=1, y=2)

    def test_one_that_is_refused_or_cannot_be_stored_changes_nothing(self, store):
        store.append([waiting()], NOW)
        for change in (refuse, lambda one: {**one, "attempts": -1}):
            with pytest.raises(DeferError):
                store.update("a", NOW, change)
        with pytest.raises(NoSuchTask):
            store.update("b", NOW, noted)
        assert list(store.scan()) == [waiting()]

    def test_many_change_at_once_each_by_itself(self, store):
        store.append([waiting(name) for name in "abc"], NOW)
        found = store.update_each(
            ["a", "b", "gone"], NOW, lambda one: {**one, "attempts": -1 if one["id"] == "a" else 1}
        )
        assert "could not be read again" in str(found["a"])
        assert (found["b"]["attempts"], found.keys()) == (1, {"a", "b"})
        assert [store.find(name)["attempts"] for name in "abc"] == [0, 1, 0]

    def test_a_task_that_waits_is_cancelled(self, store):
        store.append([waiting()], NOW)
        store.update("a", NOW, lambda one: task.cancel(one, NOW, "enough"))
        assert [one["status"] for one in store.archive(NOW)] == ["cancelled"]
        assert store.find("a") is None


class TestClaim:
    def test_takes_what_is_due_at_that_moment(self, store):
        store.append([due(), waiting("later"), due("soon", run_at=text_at(seconds=1))], NOW)
        (claimed,) = store.claim_due(NOW, choose_due)
        assert (claimed["id"], claimed["status"]) == ("a", "executing")
        assert (
            ids(store.claim_due(at(seconds=1), lambda known: choose_due([one for one in known if one["id"] == "soon"])))
            == set()
        )
        assert store.find("a") == claimed

    def test_nobody_claims_what_another_has(self, handle):
        handle().append([due(str(number)) for number in range(10)], NOW)
        one, other = handle(), handle()
        first = one.claim_due(NOW, lambda known: choose_due(known)[:4])
        second = other.claim_due(NOW, choose_due)
        assert ids(first) | ids(second) == {str(number) for number in range(10)}
        assert not ids(first) & ids(second)
        assert one.claim_due(NOW, choose_due) == []

    def test_sees_what_executes_so_that_slots_and_workspaces_can_be_counted(self, store):
        store.append([due(workspace="/w"), due("b", workspace="/w")], NOW)
        store.claim_due(NOW, lambda known: choose_due(known)[:1])
        seen = []
        store.claim_due(NOW, lambda known: seen.extend(known) or [])
        assert {one["id"]: (one["status"], one["workspace"]) for one in seen} == {
            "a": ("executing", "/w"), "b": ("scheduled", "/w"),
        }  # fmt: skip

    def test_says_who_holds_it_and_where(self, store):
        lease = store.lease("0123456789abcdef")
        run = {
            "run_id": "r",
            "host": holders.host(),
            "runner": {"pid": 1, "start": "1", "boot": "b", "pid_namespace": "n"},
        }
        store.append([due()], NOW)
        store.claim_due(NOW, lambda known: [task.claim(one, NOW, {**run, "lease": lease.take()}) for one in known])
        found = store.find("a")["run"]
        assert (found["host"], found["runner"]) == (run["host"], run["runner"])
        assert store.is_held(found["lease"]) is True
        lease.release()
        assert store.is_held(found["lease"]) is False

    def test_one_that_cannot_be_stored_keeps_no_other_back(self, store, reported):
        store.append([due(), due("b")], NOW)
        changed = store.claim_due(NOW, lambda known: [
            {**one, "attempts": -1} if one["id"] == "a" else one for one in choose_due(known)
        ])  # fmt: skip
        assert ids(changed) == {"b"}
        assert [(action, facts["id"]) for action, facts in reported] == [("claim_failed", "a")]

    def test_what_needs_a_newer_version_is_left_alone_and_told_once(self, handle, reported):
        handle().append([due()], NOW)
        handle().append([waiting("b")], NOW)
        handle().update("a", NOW, lambda one: {**one, "requires": ["something new"]})
        seen = []
        handle().claim_due(NOW, lambda known: seen.extend(ids(known)) or [])
        assert "a" not in seen
        for _ in range(2):
            assert handle().attention(NOW) == []
        assert [(action, facts["id"]) for action, facts in reported] == [("held", "a")]
        assert list(handle().markers.last_held()) == ["a"]

    def test_several_end_and_the_next_begin_in_one_go(self, store):
        store.append([due(name) for name in "abc"], NOW)
        store.claim_due(NOW, lambda known: [one for one in choose_due(known) if one["id"] != "c"])
        turn = store.turn(NOW, {"a": settled, "b": refuse, "gone": settled}, choose_due)
        assert turn.changed["a"]["status"] == store.find("a")["status"] == "completed"
        assert isinstance(turn.changed["b"], Refused)
        assert isinstance(turn.changed["gone"], NoSuchTask)
        assert ids(turn.claimed) == {"c"}
        assert {name: store.find(name)["status"] for name in "bc"} == {"b": "executing", "c": "executing"}


class TestArchive:
    def test_what_has_ended_is_found_as_ended_and_no_longer_in_the_store(self, handle):
        over(handle(), "a", "b")
        handle().append([waiting("c")], NOW)
        assert ids(handle().archive(NOW)) == {"a", "b"}
        assert ids(handle().scan()) == {"c"}
        found = handle().ended(["a", "c", "nobody"])
        assert {name: one["status"] for name, one in found.items()} == {"a": "completed"}
        assert handle().archive(NOW) == []

    def test_each_is_told_before_any_is_dropped(self, handle):
        store = handle()
        over(store, "a", "b")
        told = []

        def tell(records):
            told.extend((one["id"], one["status"], handle().find(one["id"])["id"]) for one in records)

        store.archive(NOW, before_drop=tell)
        assert sorted(told) == [("a", "completed", "a"), ("b", "completed", "b")]

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt], ids=["failure", "end of the process"])
    def test_if_one_cannot_be_told_nothing_is_dropped_and_filing_again_is_harmless(self, handle, error):
        over(handle(), "a", "b")
        told = []

        def fail(records):
            told.append([one["id"] for one in records])
            raise error

        with pytest.raises(error):
            handle().archive(NOW, before_drop=fail)
        assert ids(handle().scan()) == {"a", "b"}
        assert ids(handle().archive(NOW, before_drop=lambda records: told.append([one["id"] for one in records]))) == {
            "a",
            "b",
        }
        assert [sorted(names) for names in told] == [["a", "b"], ["a", "b"]]
        assert (list(handle().scan()), len(list(handle().runs()))) == ([], 2)
        with handle().standing_still() as kept:
            assert sorted(one["id"] for _, one in kept.ended()) == ["a", "b"]
            assert [one for _, one in kept.current() if not codec.is_filed(one)] == []

    def test_ids_are_found_by_a_part_of_them_the_newest_first(self, store):
        for name in ("one_77", "tüwo_77", "one_78", "other"):
            over(store, name)
            store.archive(NOW)
        assert list(store.filed_ids("_77")) == ["tüwo_77", "one_77"]
        assert list(store.filed_ids("tüwo")) == ["tüwo_77"]
        assert list(store.filed_ids("one_7")) == ["one_78", "one_77"]
        assert list(store.filed_ids("nobody")) == []

    def test_an_id_is_free_again_and_its_last_end_is_the_one_that_is_found(self, store):
        for result in (DONE, FAILED):
            over(store, "a", result=result)
            store.archive(NOW)
        assert store.ended({"a"})["a"]["status"] == "failed"


class TestPrune:
    def test_whole_months_before_are_gone_for_everybody(self, handle):
        for name, now in (("a", at(days=0)), ("b", at(days=23)), ("c", at(days=24))):
            one = handle()
            one.append([due(name)], now)
            one.claim_due(now, choose_due)
            one.update(name, now, lambda known, now=now: outcome.settle(known, DONE, now, BACKOFF))
            one.archive(now)
        assert handle().kept_since() == Kept(None, None, None)
        assert len(handle().prunable(at(days=40))) == 2
        noted = handle().prune(Kept(at(days=40), at(days=5), at(days=41)))
        assert noted == Kept(moment("2026-05-01T00:00:00Z"), at(days=5), at(days=41)) == handle().kept_since()
        assert [run.task_id for run in handle().runs()] == ["c", "b"]
        assert ids(handle().ended({"a", "b", "c"}).values()) == {"b", "c"}
        assert handle().prunable(at(days=40)) == {}

    def test_what_is_noted_never_goes_back(self, handle):
        handle().prune(Kept(at(days=40), at(days=40), at(days=41)))
        noted = handle().prune(Kept(at(days=5), None, at(days=42)))
        assert noted == Kept(moment("2026-05-01T00:00:00Z"), at(days=40), at(days=42)) == handle().kept_since()

    def test_what_a_clock_noted_that_was_ahead_does_not_hide_what_is_filed_by_then(self, handle):
        handle().prune(Kept(at(days=4000), at(days=4000), at(days=4001)))
        over(handle(), "a")
        handle().archive(NOW)
        assert handle().prune(Kept(None, None, at(days=1))) == Kept(None, None, at(days=1)) == handle().kept_since()
        assert [run.task_id for run in handle().runs()] == ["a"]

    def test_nothing_is_removed_where_nothing_is_asked_for(self, handle):
        over(handle(), "a")
        handle().archive(NOW)
        assert handle().prune(Kept(None, None, at(days=400))) == Kept(None, None, at(days=400))
        assert [run.task_id for run in handle().runs()] == ["a"]


class TestLooking:
    def test_what_is_over_is_there_once_before_and_after_it_is_filed(self, handle):
        over(handle(), "a", "b")
        handle().append([waiting("c")], NOW)
        for _ in range(2):
            assert [run.task_id for run in handle().runs("a")] == ["a"]
            assert sorted(run.task_id for run in handle().runs()) == ["a", "b"]
            assert [one["status"] for one in handle().ended_records("b")] == ["completed"]
            assert ids(handle().ended_records()) == {"a", "b"}
            assert list(handle().ended_records("c")) == []
            handle().archive(NOW)

    def test_since_a_moment_only_what_ended_then_or_later_is_there(self, handle):
        over(handle(), "a")
        for _ in range(2):
            assert ids(handle().ended_records(since=NOW)) == {"a"}
            assert len(list(handle().runs(since=NOW))) == 1
            assert list(handle().ended_records(since=NOW + timedelta(seconds=1))) == []
            assert list(handle().runs("a", since=NOW + timedelta(seconds=1))) == []
            handle().archive(NOW)

    def test_only_what_ended_in_the_asked_for_ways_is_there(self, handle):
        over(handle(), "a")
        handle().append([waiting("b")], NOW)
        handle().update("b", NOW, lambda one: task.cancel(one, NOW, None))
        for _ in range(2):
            assert ids(handle().ended_records(statuses={"completed"})) == {"a"}
            assert [run.task_id for run in handle().runs(statuses={"ok", "lost"})] == ["a"]
            assert list(handle().runs("a", statuses={"failed"})) == []
            assert ids(handle().ended_records(statuses={"cancelled", "missed"})) == {"b"}
            assert list(handle().ended_records("a", statuses={"cancelled"})) == []
            assert ids(handle().ended_records("b", NOW, {"cancelled"})) == {"b"}
            handle().archive(NOW)

    def test_a_copy_stands_in_the_history_of_its_original(self, handle):
        handle().append([due("copy", copy_of="a"), waiting("a")], NOW)
        handle().claim_due(NOW, choose_due)
        handle().update("copy", NOW, settled)
        for _ in range(2):
            assert [(run.task_id, run.copy_of) for run in handle().runs("a")] == [("copy", "a")]
            assert ids(handle().ended_records("a")) == {"copy"}
            handle().archive(NOW)

    def test_copies_are_told_from_all_that_has_ended(self, handle):
        handle().append([due("copy", copy_of="a"), due("by-itself"), waiting("a")], NOW)
        for name in ("copy", "by-itself"):
            handle().claim_due(NOW, choose_due)
            handle().update(name, NOW, settled)
        for _ in range(2):
            assert ids(handle().ended_records()) == {"copy", "by-itself"}
            assert ids(handle().ended_records(copies=True)) == {"copy"}
            assert ids(handle().ended_records(None, NOW, {"completed"}, copies=True)) == {"copy"}
            assert list(handle().ended_records(statuses={"failed"}, copies=True)) == []
            handle().archive(NOW)

    def test_the_next_look_is_no_later_than_is_asked_for(self, handle):
        handle().append([waiting()], NOW)
        handle().archive(NOW, look_by=lambda: NOW + timedelta(seconds=90))
        assert handle().markers.next_look() == NOW + timedelta(seconds=90)
        handle().archive(NOW, look_by=lambda: None)
        assert handle().markers.next_look() > NOW + timedelta(seconds=90)

    def test_runs_come_newest_first(self, store):
        for name in "abc":
            over(store, name)
            store.archive(NOW)
        assert [run.task_id for run in store.runs()] == ["c", "b", "a"]
        assert [run.run_id for run in store.runs("b")] == ["run b"]
        assert list(store.runs("nobody")) == []

    def test_lines_are_the_records_as_json(self, store):
        store.append([waiting(x="ü"), waiting("b", status="paused")], NOW)
        assert {json.loads(line)["id"]: json.loads(line) for line in store.scan_json()} == {
            "a": waiting(x="ü"), "b": waiting("b", status="paused"),
        }  # fmt: skip
        assert [json.loads(line)["id"] for line in store.scan_json({"paused"})] == ["b"]
        assert all(b"\n" not in line for line in store.scan_json())

    def test_what_it_has_written_itself_is_in_good_condition(self, store):
        assert store.condition()[2:] == ([], 0, 0)
        store.append([waiting("a"), waiting("b")], NOW)
        store.update("a", NOW, noted)
        found = store.condition()
        assert found.size > found.spent >= 0
        assert (found.bad, found.bad_count, found.set_aside) == ([], 0, 0)

    def test_counts_are_by_status(self, store):
        assert store.counts() == {}
        store.append([waiting(), waiting("b"), due("c")], NOW)
        store.claim_due(NOW, choose_due)
        assert store.counts() == {"scheduled": 2, "executing": 1}

    def test_a_snapshot_has_what_was_there_then(self, handle):
        over(handle(), "a")
        handle().archive(NOW)
        handle().append([waiting("b")], NOW)
        with handle().standing_still() as kept:
            pass
        over(handle(), "c")
        assert [one["id"] for _, one in kept.current()] == ["b"]
        assert [one["id"] for _, one in kept.ended()] == ["a"]
        assert [one["task_id"] for _, one in kept.runs()] == ["a"]

    def test_who_writes_beside_it_holds_it_for_a_while(self, handle):
        over(handle(), "a")
        with handle().alone():
            assert handle().find("a")
        assert [one["id"] for one in handle().archive(NOW)] == ["a"]

    def test_nothing_is_unreadable_and_nobody_else_at_work(self, store):
        assert (store.unreadable("a"), store.other_runner()) == (None, None)
        assert store.is_held("no lease") in (None, False)
        assert store.is_held(5) is None


class TestMarkers:
    def test_a_beat_is_seen_by_all(self, handle):
        handle().append([waiting()], NOW)
        assert handle().markers.last_wake() is None
        handle().markers.beat()
        assert handle().markers.last_wake() is not None

    def test_trouble_stays_until_a_wake_works(self, handle):
        handle().append([waiting()], NOW)
        handle().markers.set_trouble(NOW, "the disk\nis full")
        assert handle().markers.last_trouble() == "2026-04-08T16:45:00Z the disk is full"
        handle().markers.clear_trouble()
        assert handle().markers.last_trouble() is None

    def test_what_is_due_sooner_is_looked_at_sooner(self, handle):
        handle().append([waiting()], NOW)
        handle().archive(NOW)
        assert handle().markers.next_look() <= at(minutes=15)
        handle().append([waiting("b", run_at=text_at(minutes=5))], NOW)
        assert handle().markers.next_look() <= at(minutes=5)
        handle().claim_due(at(minutes=5), lambda known: [task.claim(one, NOW, {"run_id": "r"}) for one in known])
        assert handle().markers.next_look() <= NOW + timedelta(minutes=5)
