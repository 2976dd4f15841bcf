"""The store: every verb, what a crash or a foreign hand leaves in it, and what it looks like at rest."""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defer import fsio
from defer.errors import BadInput, Refused, StorageError, StoreBusy
from defer.record import codec, outcome, task
from defer.store import backwards, index, jsonl
from support import DEADLINE_SECONDS, NOW, SCRIPTS, at, lines_of, records, text_at, v1_task

RUN = outcome.run_record(v1_task("a", attempts=1), outcome.Outcome("ok"), NOW)


def waiting(task_id: str = "a", **fields):
    return v1_task(task_id, run_at="2026-05-01T00:00:00Z", **fields)


def nameless(**fields):
    return {key: value for key, value in waiting(**fields).items() if key != "id"}


def dice_that_begin_alike():
    """Random bytes of which only the fifth differs: any name made of fewer is given again and again."""
    rolled = count()
    return lambda size: bytes([0, 0, 0, 0, next(rolled)])[:size]


def line(one) -> bytes:
    return codec.encode(one)


def identity(one):
    return one


def claim_all(known):
    return [task.claim(one, NOW, {"run_id": "r"}) for one in known if task.is_due(one, NOW)]


class TestAppend:
    def test_stores_one_line_and_returns_the_record(self, place):
        (stored,) = place.store().append([waiting()], NOW)
        assert stored == waiting()
        assert place.store_path.read_bytes() == line(waiting())

    def test_names_tasks_without_an_id_after_their_second(self, place):
        without = {key: value for key, value in waiting().items() if key != "id"}
        stored = place.store().append([without] * 300, NOW)
        ids = [one["id"] for one in stored]
        assert len(set(ids)) == 300
        assert all(re.fullmatch(r"task_20260408_163500_[0-9a-f]{10}", name) for name in ids)

    def test_a_made_up_id_is_unique_whatever_stands_between_two_of_one_second(self, place, monkeypatch):
        monkeypatch.setattr(jsonl.os, "urandom", dice_that_begin_alike())
        first, second = nameless(), nameless(x=2)
        place.store().append([first], NOW)
        place.store().append([waiting("by-hand", x="y" * 40_000)], NOW)
        place.store().append([second], NOW)
        assert [one.get("x") for one in place.tasks().values()] == [None, "y" * 40_000, 2]

    def test_a_made_up_id_is_not_that_of_a_task_filed_in_the_same_second(self, place, monkeypatch):
        monkeypatch.setattr(jsonl.os, "urandom", dice_that_begin_alike())
        (first,) = place.store().append([nameless(status="completed")], NOW)
        place.store().archive(NOW)
        (second,) = place.store().append([nameless()], NOW)
        assert place.archived()[0]["id"] == first["id"] != second["id"]

    def test_within_one_batch_no_name_is_given_twice(self, place, monkeypatch):
        rolled = iter([1, 1, 2, 2, 3])
        monkeypatch.setattr(jsonl.os, "urandom", lambda size: next(rolled).to_bytes(size, "big"))
        by_hand = waiting("task_20260408_163500_0000000002")
        stored = place.store().append([nameless(), nameless(), by_hand], NOW)
        assert [one["id"][-1] for one in stored] == ["1", "3", "2"]

    def test_refuses_a_taken_id_and_changes_nothing(self, place):
        place.store().append([waiting()], NOW)
        before = place.store_path.read_bytes()
        with pytest.raises(Refused, match="id is taken: a "):
            place.store().append([waiting("b"), waiting()], NOW)
        assert place.store_path.read_bytes() == before

    def test_may_skip_a_taken_id(self, place):
        place.store().append([waiting()], NOW)
        assert place.store().append([waiting(x=1)], NOW, "skip") == [waiting()]
        assert place.task("a") == waiting()

    def test_may_replace_a_taken_id_and_files_what_it_replaced(self, place):
        place.store().append([waiting()], NOW)
        place.store().append([waiting(x=1)], NOW, "replace")
        assert place.task("a")["x"] == 1
        place.store().archive(NOW)
        (old,) = place.archived()
        assert (old["status"], old["cancel_reason"]) == ("cancelled", "replaced")
        assert place.task("a") == waiting(x=1)

    def test_does_not_replace_a_task_that_is_executing(self, place):
        place.write_store(waiting(status="executing"))
        with pytest.raises(Refused, match="executing"):
            place.store().append([waiting()], NOW, "replace")

    def test_an_archived_id_is_free(self, place):
        place.write_store(waiting(status="completed"))
        place.store().archive(NOW)
        place.store().append([waiting()], NOW)
        assert list(place.tasks()) == ["a"]

    def test_an_id_is_free_as_soon_as_its_task_is_filed_in_a_large_store(self, place, monkeypatch):
        monkeypatch.setattr(jsonl, "SMALL_STORE_BYTES", 0)
        place.write_store(waiting("b", x="y" * 5000), waiting("a", status="completed"))
        place.store().archive(NOW)
        assert records(place.store_path)[-1].keys() == {"id", "status", "filed_at"}
        place.store().append([waiting()], NOW)
        assert place.store().find("a") == waiting()

    def test_one_task_is_at_most_a_mebibyte(self, place):
        with pytest.raises(BadInput, match=r"task is too large: a has 10[0-9]{5} bytes of at most 1048576"):
            place.store().append([waiting(x="y" * (1 << 20))], NOW)
        assert lines_of(place.store_path) == []


class TestFindAndScan:
    def test_the_last_line_of_an_id_wins(self, place):
        place.write_store(waiting("a", x=1), waiting("b"), waiting("a", x=2))
        assert place.store().find("a")["x"] == 2
        assert [(one["id"], one.get("x")) for one in place.store().scan()] == [("b", None), ("a", 2)]

    def test_nothing_is_found_where_there_is_no_store(self, place):
        assert place.store().find("a") is None
        assert list(place.store().scan()) == []

    def test_an_id_in_somebodys_text_is_not_that_task(self, place):
        place.write_store(waiting("a", x='"b"', y={"id": "b"}))
        assert place.store().find("b") is None

    def test_ids_are_found_in_either_spelling_of_json(self, place):
        place.write_store(b'{"id":"gr\\u00fcn","status":"scheduled","run_at":"2026-05-01T00:00:00Z"}\n')
        assert place.store().find("grün")["status"] == "scheduled"

    def test_bad_lines_and_a_torn_tail_are_passed_over(self, place):
        place.write_store(b"nonsense\n", line(waiting("a")), b"\0\0\0\n", line(waiting("b"))[:-20])
        assert [one["id"] for one in place.store().scan()] == ["a"]
        assert place.store().find("b") is None

    def test_a_line_that_only_begins_like_a_task_hides_no_earlier_one(self, place):
        place.write_store(line(waiting("a")), line(waiting("a"))[:70] + b"garbage}\n", line(waiting("b")))
        assert [one["id"] for one in place.store().scan()] == ["a", "b"]
        assert place.store().find("a") == waiting("a")

    def test_a_last_line_without_its_newline_is_a_line(self, place):
        place.write_store(line(waiting("a")), line(waiting("b"))[:-1])
        assert [one["id"] for one in place.store().scan()] == ["a", "b"]

    def test_a_field_called_filed_at_is_somebody_elses_field(self, place):
        mine = waiting(filed_at="2026-01-01T00:00:00Z")
        place.write_store(mine, waiting("b", status="completed"))
        assert place.store().find("a") == mine
        place.store().archive(NOW)
        assert list(place.store().scan()) == [mine]

    @pytest.mark.parametrize("few", [-1, 1000])
    def test_as_json_it_is_what_a_scan_yields_in_whatever_form_its_lines_are(self, place, monkeypatch, few):
        monkeypatch.setattr(index, "_FEW_LINES", few)
        own = {"schema_version": 2, "occurrence": "2026-05-01T00:00:00Z", "tz": "UTC"}
        place.write_store(
            line(v1_task("plain", **own)),
            line(v1_task("changed", **own)),
            json.dumps(v1_task("foreign", **own), indent=None).encode() + b"\r\n",
            line(v1_task("changed", **own, when="later")),
            line(v1_task("broken", **own)),
            line(v1_task("broken", **own))[:-3] + b"]}\n",
            line(v1_task("unfiled", **own, ended=[v1_task("unfiled", status="completed")])),
            line(v1_task("paused", **own, status="paused")),
            line({"id": "plain-2", "status": "failed", "filed_at": "2026-04-08T16:45:00Z"}),
        )
        mine = place.store()
        shown = [task.shown(one) for one in mine.scan()]
        assert [one["id"] for one in shown] == ["plain", "foreign", "changed", "broken", "unfiled", "paused"]
        assert list(map(json.loads, mine.scan_json())) == shown
        assert [json.loads(one)["id"] for one in mine.scan_json({"paused"})] == ["paused"]
        assert list(map(json.loads, mine.scan_json({"scheduled"}))) == shown[:-1]

    def test_readers_need_no_lock(self, place):
        place.store().append([waiting()], NOW)
        with place.store()._locked():
            assert place.store(0).find("a") == waiting()
            assert len(list(place.store(0).scan())) == 1


class TestUpdate:
    def test_appends_the_changed_record(self, place):
        place.write_store(waiting("a"), waiting("b"))
        changed = place.store().update("a", NOW, lambda one: {**one, "x": 1})
        assert changed["x"] == 1
        assert [one["id"] for one in records(place.store_path)] == ["a", "b", "a"]

    def test_writes_nothing_for_a_record_left_as_it_is(self, place):
        place.write_store(waiting())
        place.store().update("a", NOW, identity)
        assert len(lines_of(place.store_path)) == 1

    def test_refuses_an_id_that_is_not_there(self, place):
        with pytest.raises(Refused, match="no such task: a "):
            place.store().update("a", NOW, identity)

    def test_leaves_the_store_alone_when_the_change_is_refused(self, place):
        place.write_store(waiting())
        before = place.store_path.read_bytes()

        def refuse(one):
            raise Refused("no")

        with pytest.raises(Refused):
            place.store().update("a", NOW, refuse)
        assert place.store_path.read_bytes() == before

    def test_sees_what_others_wrote_since_its_last_look(self, place):
        mine, other = place.store(), place.store()
        mine.append([waiting()], NOW)
        mine.attention(NOW)
        other.update("a", NOW, lambda one: {**one, "x": 1})
        assert mine.update("a", NOW, lambda one: {**one, "y": one["x"] + 1})["y"] == 2


class TestUpdateEach:
    def test_is_one_write_of_what_has_changed(self, place, monkeypatch):
        place.write_store(*(line(waiting(name)) for name in ("a", "b", "c", "d")))
        appended, real = [], fsio.append
        monkeypatch.setattr(
            fsio, "append", lambda path, data, **more: appended.append(data) or real(path, data, **more)
        )

        def change(one):
            return one if one["id"] == "b" else {**one, "x": 1}

        found = place.store().update_each({"a", "b", "c", "gone"}, NOW, change)
        assert found == {"a": waiting(x=1), "b": waiting("b"), "c": waiting("c", x=1)}
        assert appended == [line(waiting(x=1)) + line(waiting("c", x=1))]
        assert place.store().find("a") == waiting(x=1)

    def test_says_which_could_not_be_read_again(self, place):
        place.write_store(line(waiting()), line(waiting("b")))
        found = place.store().update_each(
            ("a", "b"), NOW, lambda one: {**one, "attempts": -1 if one["id"] == "a" else 1}
        )
        assert "could not be read again" in str(found["a"])
        assert place.store().find("a") == waiting()
        assert place.store().find("b")["attempts"] == 1

    def test_writes_nothing_where_nothing_changes(self, place):
        place.write_store(line(waiting()))
        before = place.store_path.stat()
        assert place.store().update_each(("a", "b"), NOW, identity) == {"a": waiting()}
        assert place.store_path.stat().st_mtime_ns == before.st_mtime_ns

    def test_what_a_change_raises_changes_nothing(self, place):
        place.write_store(line(waiting()), line(waiting("b")))
        before = place.store_path.read_bytes()

        def change(one):
            if one["id"] == "b":
                raise Refused("no")
            return {**one, "x": 1}

        with pytest.raises(Refused):
            place.store().update_each(("a", "b"), NOW, change)
        assert place.store_path.read_bytes() == before


class TestClaim:
    def test_offers_what_is_due_executing_or_unfiled(self, place):
        place.write_store(
            v1_task("due"),
            waiting("later"),
            v1_task("running", status="executing"),
            waiting("over", status="completed"),
        )
        offered = []
        place.store().claim_due(NOW, lambda known: offered.extend(known) or [])
        assert {one["id"] for one in offered if task.needs_attention_at(one) <= NOW} == {"due", "running", "over"}

    def test_is_seen_by_the_next_one(self, place):
        place.write_store(v1_task("a"), v1_task("b"))
        assert len(place.store().claim_due(NOW, claim_all)) == 2
        assert place.store().claim_due(NOW, claim_all) == []

    def test_is_seen_by_one_that_looked_before(self, place):
        place.write_store(v1_task("a"))
        mine, other = place.store(), place.store()
        assert len(mine.attention(NOW)) == 1
        assert len(other.claim_due(NOW, claim_all)) == 1
        assert mine.claim_due(NOW, claim_all) == []

    def test_goes_on_beyond_the_horizon_of_the_first_look(self, place):
        place.write_store(v1_task("a", run_at=text_at(hours=1)))
        mine = place.store()
        assert mine.attention(NOW) == []
        assert [one["id"] for one in mine.attention(at(hours=1))] == ["a"]
        assert mine.attention(NOW) == []


def test_a_record_with_no_room_for_how_it_ends_is_not_begun(place, monkeypatch):
    """And keeps no other from being begun."""
    place.write_store(v1_task("a", x="y" * 5000), v1_task("b"))
    monkeypatch.setattr(codec, "MAX_CLAIM_BYTES", 5000)
    assert [one["id"] for one in place.store().claim_due(NOW, claim_all)] == ["b"]
    ((action, facts),) = place.reported
    assert (action, facts["id"]) == ("claim_failed", "a")
    assert "of at most 5000" in facts["error"]


class TestArchive:
    def test_files_and_drops_what_is_over(self, place):
        over = waiting("b", status="completed", completed_at="2026-04-08T16:00:00Z")
        place.write_store(waiting("a"), over)
        assert place.store().archive(NOW) == [over]
        assert place.archived() == [over]
        assert records(place.store_path) == [waiting("a")]

    def test_leaves_one_line_for_each_task_in_a_small_store(self, place):
        mine = place.store()
        mine.append([waiting(name) for name in "abc"], NOW)
        for number in range(5):
            mine.update("b", NOW, lambda one, number=number: {**one, "x": number})
        mine.archive(NOW)
        assert [(one["id"], one.get("x")) for one in records(place.store_path)] == [("a", None), ("c", None), ("b", 4)]

    def test_rewrites_a_large_store_only_when_the_dead_lines_outweigh_the_live(self, place, monkeypatch):
        monkeypatch.setattr(jsonl, "SMALL_STORE_BYTES", 0)
        mine = place.store()
        # Due, so that the superseded lines are known to be so without a second read.
        mine.append([v1_task(name) for name in "abcdef"], NOW)
        counts = []
        for number in range(8):
            mine.update("b", NOW, lambda one, number=number: {**one, "x": number})
            mine.archive(NOW)
            counts.append(len(lines_of(place.store_path)))
        assert counts == [7, 8, 9, 10, 11, 6, 7, 8]
        assert len(place.tasks()) == 6

    @pytest.mark.parametrize("died_before", ["append to the archive", "drop from the store"])
    def test_done_twice_leaves_one_record(self, place, monkeypatch, died_before):
        over = waiting("b", status="completed", ended_runs=[RUN])
        place.write_store(waiting("a"), over)

        class Death(BaseException):
            pass

        def die(*args, **kwargs):
            raise Death

        target = "defer.store.archive.file" if died_before.startswith("append") else "defer.fsio.replace"
        with monkeypatch.context() as broken:
            broken.setattr(target, die)
            with pytest.raises(Death):
                place.store().archive(NOW)
        place.store().archive(NOW)
        place.store().archive(NOW)
        assert len(lines_of(place.archive_dir / "deferred_202605.jsonl")) == 1
        assert len(lines_of(place.runtime / "runs" / "runs_202604.jsonl")) == 1
        assert list(place.tasks()) == ["a"]

    def test_keeps_bad_lines_where_they_are(self, place):
        place.write_store(b"what is this\n", line(waiting("a")), b"\xff\xfe\n", line(waiting("b", status="failed")))
        place.store().archive(NOW)
        assert lines_of(place.store_path) == [b"what is this", line(waiting("a"))[:-1], b"\xff\xfe"]

    def test_files_attempts_of_a_task_that_goes_on(self, place):
        place.write_store(waiting("a", ended=[waiting("a", status="completed")], ended_runs=[RUN]))
        place.store().archive(NOW)
        assert place.task("a") == waiting("a")
        assert [one["status"] for one in place.archived()] == ["completed"]
        assert records(place.runtime / "runs" / "runs_202604.jsonl") == [RUN]


class TestOwnForm:
    """A store that others wrote is read whole line by line, until a rewrite has put it into our own form."""

    FAR = "2099-01-01T00:00:00Z"

    def decoded(self, place, monkeypatch) -> int:
        """How many lines the next look of a wake has to parse."""
        looked = []
        decode = codec.decode
        monkeypatch.setattr(codec, "decode", lambda raw: (looked.append(raw), decode(raw))[1])
        place.store().attention(NOW)
        monkeypatch.setattr(codec, "decode", decode)
        return len(looked)

    @pytest.mark.parametrize("sort_keys", [False, True])
    def test_the_first_wake_puts_a_v1_store_into_it(self, place, monkeypatch, sort_keys):
        tasks = [v1_task(f"t{number}", run_at=self.FAR, x_own={"é": "☃"}) for number in range(300)]
        place.write_store(*(json.dumps(one, sort_keys=sort_keys).encode() + b"\n" for one in tasks))
        assert self.decoded(place, monkeypatch) == 300
        place.wake_at(NOW)
        assert self.decoded(place, monkeypatch) == 0
        assert list(place.tasks().values()) == tasks

    def test_a_large_store_with_a_few_such_lines_is_left(self, place, monkeypatch):
        monkeypatch.setattr(jsonl, "SMALL_STORE_BYTES", 0)
        ours = [codec.encode(v1_task(f"t{number}", run_at=self.FAR)) for number in range(1000)]
        others = [v1_task(f"o{number}", run_at=self.FAR) for number in range(50)]
        place.write_store(*ours, *others)
        before = place.store_path.read_bytes()
        place.wake_at(NOW)
        assert place.store_path.read_bytes() == before

    @pytest.mark.parametrize(
        "odd",
        [
            {"id": "with blanks"},
            {"run_at": "2099-01-01T00:00:00+00:00"},
            {"schema_version": 3},
            {"status": "paused"},
            {"x": "1.50"},
        ],
    )
    def test_what_has_none_is_not_rewritten_at_every_wake(self, place, odd):
        lines = []
        for number in range(100):
            one = v1_task(f"t{number}", run_at=self.FAR)
            one |= {**odd, "id": f"{number} {odd['id']}"} if "id" in odd else odd
            lines.append(json.dumps(one).replace('"1.50"', "1.50").encode() + b"\n")
        place.write_store(*lines)
        inode = place.store_path.stat().st_ino
        place.wake_at(NOW)
        assert place.store_path.read_bytes() == b"".join(lines)
        assert place.store_path.stat().st_ino == inode

    def test_any_rewrite_puts_what_it_keeps_into_it(self, place):
        place.write_store(v1_task("a", run_at=self.FAR), v1_task("b", status="completed"), b"no record\n")
        place.store().archive(NOW)
        assert place.store_path.read_bytes() == codec.encode(v1_task("a", run_at=self.FAR)) + b"no record\n"


class TestTornTail:
    """Promise 4: cut at every byte of the last record."""

    @pytest.mark.parametrize("kept_newline", [True, False])
    def test_cut_at_every_byte_the_next_append_starts_on_a_fresh_line(self, place, kept_newline):
        first = waiting("a")
        torn = line({"id": "grün", "status": "scheduled", "run_at": "2026-05-01T00:00:00Z", "x": {"y": ["☃"]}})
        rejected = place.store_path.with_name("deferred.jsonl.rejected")
        for cut in range(len(torn)):
            rejected.unlink(missing_ok=True)
            place.write_store(line(first) if kept_newline or cut else line(first)[:-1], torn[:cut])
            mine = place.store()
            mine.append([waiting("c")], NOW)
            whole = cut == len(torn) - 1
            assert [one["id"] for one in mine.scan()] == ["a", *(["grün"] if whole else []), "c"], cut
            lines = [b"a" if one == line(first)[:-1] else one for one in lines_of(place.store_path)]
            assert lines == [b"a", *([torn[:-1]] if whole else []), line(waiting("c"))[:-1]], cut
            assert lines_of(rejected) == ([torn[:cut]] if cut > 0 and not whole else []), cut
            if cut > 0 and not whole:
                assert [action for action, _ in place.reported] == ["torn_line_set_aside"]

    def test_of_several_lines_written_at_once_the_whole_ones_count(self, place):
        place.write_store(line(waiting("a")), line(waiting("b")), line(waiting("c"))[:30])
        place.store().archive(NOW)
        assert list(place.tasks()) == ["a", "b"]
        assert place.store_path.read_bytes().endswith(b"}\n")

    @pytest.mark.parametrize("verb", ["claim", "archive", "attention", "cancel"])
    def test_every_verb_sets_it_aside_or_leaves_it_whole(self, place, verb):
        torn = line(waiting("b"))[:50]
        place.write_store(line(v1_task("a")), torn)
        mine = place.store()
        if verb == "claim":
            mine.claim_due(NOW, claim_all)
        elif verb == "cancel":
            mine.update("a", NOW, lambda one: task.cancel(one, NOW, None))
        else:
            getattr(mine, verb)(NOW)
        assert lines_of(place.store_path.with_name("deferred.jsonl.rejected")) == [torn]
        assert torn not in place.store_path.read_bytes()
        assert "a" in place.tasks()


class TestForeignHands:
    """Promise 6: the store is edited, replaced or cut while nobody runs; and while somebody looks."""

    @pytest.mark.parametrize("how", ["appended to", "replaced", "cut"])
    def test_a_kept_store_starts_on_a_line_of_its_own_whatever_others_left(self, place, how):
        store = place.store()
        store.append([v1_task("a"), v1_task("b")], NOW)
        whole = place.store_path.read_bytes()
        torn = {"appended to": whole + b'{"id":"c"', "cut": whole[:-5], "replaced": whole[:-1] + b" "}[how]
        if how == "replaced":
            place.store_path.unlink()
        place.store_path.write_bytes(torn)
        store.append([v1_task("d")], NOW)
        assert set(place.tasks()) == {"a", "d"} | ({"b"} if how != "cut" else set())

    @pytest.mark.parametrize("how", ["replaced", "truncated", "emptied", "removed", "grown in place"])
    def test_a_store_in_use_that_was_changed_is_read_anew(self, place, how):
        place.write_store(v1_task("a"), v1_task("b"))
        mine = place.store()
        assert {one["id"] for one in mine.attention(NOW)} == {"a", "b"}
        if how == "replaced":
            new = place.base / "new"
            new.write_bytes(line(v1_task("c")) * 3)
            new.rename(place.store_path)
        elif how == "truncated":
            os.truncate(place.store_path, len(json.dumps(v1_task("a"))) + 1)
        elif how == "emptied":
            os.truncate(place.store_path, 0)
        elif how == "removed":
            place.store_path.unlink()
        else:
            with place.store_path.open("ab") as file:
                file.write(line(v1_task("d")))
        wanted = {"replaced": {"c"}, "truncated": {"a"}, "grown in place": {"a", "b", "d"}}.get(how, set())
        assert {one["id"] for one in mine.attention(NOW)} == wanted


class TestBadLines:
    def test_are_reported_with_their_place_and_once(self, place):
        place.write_store(line(v1_task("a")), b"nonsense\n", line(v1_task("b")))
        mine = place.store()
        mine.attention(NOW)
        mine.claim_due(NOW, lambda known: [])
        ((action, facts),) = place.reported
        assert (action, facts["offset"], facts["file"]) == ("bad_line", len(line(v1_task("a"))), place.store_path)
        assert facts["reason"].startswith("not JSON")

    def test_blank_lines_are_no_bad_lines_and_go_at_the_next_rewrite(self, place):
        place.write_store(b"\n", line(waiting("a")), b"  \n", b"\n")
        mine = place.store()
        mine.archive(NOW)
        assert place.reported == []
        assert lines_of(place.store_path) == [line(waiting("a"))[:-1]]


MEASURE = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(pid, 0)
print(used.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def mebibytes(place, entry, *words, expect=""):
    """The most memory that an entry held, measured from a process smaller than this one, which counts as well."""
    command = [sys.executable, "-I", "-S", "-c", MEASURE, str(SCRIPTS / entry), *words]
    done = subprocess.run(
        command, env=place.env, cwd=place.home, capture_output=True, text=True, timeout=DEADLINE_SECONDS
    )
    assert done.returncode == 0, done.stderr
    assert expect in done.stderr + done.stdout
    return int(done.stderr.split()[-1]) / (1 << 10 if sys.platform == "linux" else 1 << 20)


class TestLineTooLong:
    """A line that nobody holds in memory: it is a bad line, and all else goes on."""

    @pytest.fixture
    def short(self, monkeypatch):
        """A line of 16 KiB is too long."""
        monkeypatch.setattr(codec, "_STEP_BYTES", 1 << 12)
        monkeypatch.setattr(codec, "MAX_LINE_BYTES", 1 << 14)

    @pytest.mark.usefixtures("short")
    def test_is_kept_through_a_rewrite_and_reported(self, place):
        long = b"y" * (1 << 15) + b"\n"
        over = v1_task("over", status="completed")
        place.write_store(line(waiting("before")), long, line(over), line(waiting("after")))
        (filed,) = place.store().archive(NOW)
        assert filed["id"] == "over"
        assert place.store_path.read_bytes() == line(waiting("before")) + long + line(waiting("after"))
        ((action, facts),) = place.reported
        assert (action, facts["offset"]) == ("bad_line", len(line(waiting("before"))))
        assert facts["reason"] == codec.TOO_LONG

    @pytest.mark.usefixtures("short")
    def test_counts_for_nothing_whatever_it_ends_with(self, place):
        place.write_store(line(waiting(x=1)), line(waiting("b")), b"y" * (1 << 15) + line(waiting(x=2)))
        assert [one["id"] for one in place.store().scan()] == ["a", "b"]
        assert place.store().find("a") == waiting(x=1)
        place.store().update("a", NOW, lambda one: {**one, "x": 3})
        place.store().append([waiting("c")], NOW)
        assert [(one["id"], one.get("x")) for one in place.store().scan()] == [("b", None), ("a", 3), ("c", None)]

    @pytest.mark.usefixtures("short")
    def test_torn_is_set_aside_whole(self, place):
        place.write_store(line(waiting()), b"y" * 50_000)
        place.store().append([waiting("b")], NOW)
        assert place.store_path.read_bytes() == line(waiting()) + line(waiting("b"))
        assert place.store_path.with_name("deferred.jsonl.rejected").read_bytes() == b"y" * 50_000 + b"\n"

    @pytest.mark.slow
    def test_costs_no_memory(self, place):
        def used(name):
            """What each command holds that reads the store, one of its tasks being due."""
            commands = [
                (("run-deferred.sh",), ""),
                (("schedule-task.sh", "--when", "1h", "--summary", "more", "--id", name), ""),
                (("schedule-task.sh", "list", "--compact"), f'"{name}"'),
                (("schedule-task.sh", "show", name), ""),
                (("schedule-task.sh", "cancel", name), ""),
                (("archive-deferred.sh",), ""),
                (("schedule-task.sh", "doctor", "--records"), ""),
            ]
            return [mebibytes(place, *words, expect=said) for words, said in commands]

        later = {"run_at": "2099-01-01T00:00:00Z"}
        place.write_store(line(v1_task("due")), line(v1_task("later", **later)))
        usual = used("one")
        with place.store_path.open("ab") as file:
            file.write(line(v1_task("due_again")))
            file.truncate(file.tell() + (300 << 20))  # a hole, which takes no room
            file.seek(0, os.SEEK_END)
            file.write(b"\n" + line(v1_task("last", **later)))
        with_it = used("two")
        assert max(after - before for before, after in zip(usual, with_it, strict=True)) < 48
        assert {one["id"] for one in place.archived()} == {"due", "one", "due_again", "two"}
        assert place.store_path.stat().st_size > 300 << 20

    def test_torn_costs_no_memory_either(self, place):
        place.write_store(line(v1_task("due")))
        usual = mebibytes(place, "run-deferred.sh")
        place.write_store(line(v1_task("due_again")))
        os.truncate(place.store_path, 100 << 20)
        assert mebibytes(place, "run-deferred.sh", expect="torn") < usual + 48
        assert place.store_path.stat().st_size < 1 << 20
        assert place.store_path.with_name("deferred.jsonl.rejected").stat().st_size > 99 << 20


class TestLock:
    def test_a_held_lock_makes_the_store_busy(self, place):
        held, release = threading.Event(), threading.Event()

        def hold():
            with place.store()._locked():
                held.set()
                release.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        try:
            with pytest.raises(StoreBusy, match="DEFER_LOCK_TIMEOUT_SECONDS"):
                place.store(lock_timeout=0).append([waiting()], NOW)
        finally:
            release.set()
            thread.join()

    def test_is_free_again_after_an_error(self, place):
        with pytest.raises(Refused):
            place.store(0).update("a", NOW, identity)
        place.store(0).append([waiting()], NOW)


class TestFailingDisk:
    @pytest.mark.parametrize("call", ["write", "fsync"])
    def test_an_append_that_fails_leaves_the_old_lines(self, place, monkeypatch, call):
        place.store().append([waiting("a")], NOW)
        before = place.store_path.read_bytes()
        calls = []
        failing = fsio.Kernel()

        def fail(fd, data=b""):
            os.write(fd, data[: len(data) // 2])
            calls.append(call)
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(failing, call, fail)
        with monkeypatch.context() as broken:
            broken.setattr(fsio, "kernel", failing)
            with pytest.raises(StorageError, match="Input/output error"):
                place.store().append([waiting("b")], NOW)
        assert place.store_path.read_bytes() == before
        assert calls == [call], "a failed sync is not tried again"
        place.store().append([waiting("b")], NOW)
        assert list(place.tasks()) == ["a", "b"]

    def test_a_rewrite_takes_along_what_one_that_was_killed_has_left(self, place):
        place.write_store(waiting("a"), waiting("b", status="completed"))
        left = [place.runtime / f".deferred.jsonl.{number:016x}.new" for number in range(3)]
        other = place.runtime / ".deferred.jsonl.trouble.0000000000000000.new"
        for path in [*left, other]:
            path.write_bytes(b"half a li")
        place.store().archive(NOW)
        assert list(place.tasks()) == ["a"]
        assert [path for path in [*left, other] if path.exists()] == [other]

    def test_a_rewrite_that_fails_leaves_the_old_store(self, place, monkeypatch):
        place.write_store(waiting("a"), waiting("b", status="completed"))
        before = place.store_path.read_bytes()
        failing = fsio.Kernel()

        def fail(*paths):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(failing, "rename", fail)
        with monkeypatch.context() as broken:
            broken.setattr(fsio, "kernel", failing)
            with pytest.raises(StorageError, match="No space left"):
                place.store().archive(NOW)
        assert place.store_path.read_bytes() == before
        assert not list(place.runtime.glob("*.new")) + list(place.runtime.glob(".*.new"))


# One id among many lines: what is looked for from the end is what counts from the start

SOUGHT = "né/a"
LINES = [
    line(waiting(SOUGHT)),
    line(waiting(SOUGHT, intent="notify")),
    json.dumps({"run_at": "2026-05-01T00:00:00Z", **waiting(SOUGHT)}).encode() + b"\n",
    line({"id": SOUGHT, "status": "filed", "filed_at": "2026-04-08T16:45:00Z"}),
    line(waiting("b")),
    line(waiting("b", prompt_template=SOUGHT, tags=[SOUGHT])),
    b"\n",
    b"{" + line(waiting(SOUGHT)),
    line(waiting(SOUGHT))[:-20] + b"\n",
    b'["n\xc3\xa9/a"]\n',
    b"\xff" * 40 + b'"n\xc3\xa9/a"\n',
]


@given(st.lists(st.sampled_from(LINES), max_size=12), st.integers(0, 60), st.integers(10, 400))
def test_an_id_is_found_from_the_end_as_all_lines_in_their_order_tell_it(lines, torn, block):
    with tempfile.TemporaryDirectory() as there, pytest.MonkeyPatch.context() as patch:
        patch.setattr(backwards, "_BLOCK_BYTES", block)
        path = Path(there) / "deferred.jsonl"
        path.write_bytes(b"".join(lines)[: -torn or None])
        counts: dict = {}
        for one in path.read_bytes().splitlines(keepends=True):
            index.note(one, {SOUGHT}, counts)
        store = jsonl.JsonlStore(path, path.parent, path.parent, 1.0, lambda *_, **__: None)
        assert store.find(SOUGHT) == counts.get(SOUGHT)


def test_an_id_among_many_is_found_without_reading_their_records(place, monkeypatch):
    place.write_store(*(waiting(f"task_{number}") for number in range(3000)))
    decoded = []
    real = codec.decode
    monkeypatch.setattr(codec, "decode", lambda raw: decoded.append(raw) or real(raw))
    assert place.store().find("task_7")["id"] == "task_7"
    assert len(decoded) == 1


def test_a_process_that_dies_between_filing_and_dropping_leaves_both_to_the_next(place):
    place.write_store(waiting("a", status="completed"), waiting("b", status="completed"), waiting("c"))
    dying = f"""
import os, sys
sys.path.insert(0, {str(SCRIPTS)!r})
from defer.settings.config import Config
from defer.store import open_store
from defer import instants
store = open_store(Config({place.env!r}, {{}}, None), print)
store.archive(instants.now(), before_drop=lambda records: os._exit(9))
"""
    done = subprocess.run([sys.executable, "-c", dying], stdin=subprocess.DEVNULL, timeout=DEADLINE_SECONDS)
    assert done.returncode == 9
    assert len(place.archived()) == 2
    assert list(place.tasks()) == ["a", "b", "c"]
    told = []
    assert len(place.store().archive(NOW, before_drop=lambda records: told.extend(one["id"] for one in records))) == 2
    assert told == ["a", "b"]
    assert [one["id"] for one in place.archived()] == ["a", "b"]
    assert list(place.tasks()) == ["c"]


class TestAlone:
    def test_who_writes_beside_the_store_keeps_others_out(self, place):
        place.store().append([waiting()], NOW)
        other = place.store()
        other.patience = 0.0
        with place.store().alone(), pytest.raises(StoreBusy):
            other.append([waiting("b")], NOW)
        assert [one["id"] for one in other.append([waiting("b")], NOW)] == ["b"]

    def test_and_opens_no_file_of_it(self, place, monkeypatch):
        place.store().append([waiting()], NOW)
        monkeypatch.setattr(fsio, "reader", lambda path: pytest.fail(f"{path} was opened"))
        with place.store().alone():
            pass
